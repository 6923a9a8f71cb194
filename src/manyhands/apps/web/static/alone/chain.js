// Asks any Ethereum node, by JSON-RPC, what stands on the chain about one escrow: nobody's record but the node's.
//
// Rules kept here
// - Every answer is checked for its shape before it is used: a node is a stranger.
// - Pure but for `ask`, which is an argument; a test asks a real node.
// - What a node will not tell is said, not guessed: a search of logs that it cuts short names the block it begins at.
import { keccak256 } from "manyhands/keccak.js";

export class NodeProblem extends Error {
  /** code: unreachable | not_a_node | node_says | bad_answer; told: in the node's own words, "" for none */
  constructor(code, told = "") {
    super(`${code} ${told}`);
    this.code = code;
    this.told = String(told).slice(0, 300);
  }
}

const hexOf = (bytes) => `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
const hashOf = (signature) => hexOf(keccak256(new TextEncoder().encode(signature)));
const call = (signature, ...words) => hashOf(signature).slice(0, 10) + words.join("");
const word = (hex) => hex.slice(2).toLowerCase().padStart(64, "0");

const isHex = (value) => typeof value === "string" && /^0x[0-9a-f]*$/i.test(value);
export const isAddress = (value) => typeof value === "string" && /^0x[0-9a-f]{40}$/i.test(value);
export const isRoot = (value) => typeof value === "string" && /^0x[0-9a-f]{64}$/i.test(value);

/** Asks one node. url: http or https. Throws NodeProblem. */
export function nodeAt(url, fetched = fetch) {
  let id = 0;
  return async (method, params) => {
    id += 1;
    let answer;
    try {
      answer = await fetched(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id, method, params }),
        credentials: "omit",
        referrerPolicy: "no-referrer",
        cache: "no-store",
      });
    } catch {
      throw new NodeProblem("unreachable");
    }
    let told;
    try {
      told = await answer.json();
    } catch {
      throw new NodeProblem("not_a_node", `HTTP ${answer.status}`);
    }
    if (told?.error) throw new NodeProblem("node_says", told.error.message ?? told.error);
    if (told === null || typeof told !== "object" || !("result" in told)) throw new NodeProblem("not_a_node");
    return told.result;
  };
}

const numberOf = (value) => {
  if (!isHex(value) || value.length > 66) throw new NodeProblem("bad_answer", value);
  return value === "0x" ? 0n : BigInt(value);
};
const addressOf = (value) => {
  if (!isHex(value) || value.length !== 66) throw new NodeProblem("bad_answer", value);
  return `0x${value.slice(26).toLowerCase()}`;
};

/** Chain and newest block, as the node tells them: {chainId, block, hash, at_s}. */
export async function standing(ask) {
  const chainId = numberOf(await ask("eth_chainId", []));
  const block = await ask("eth_getBlockByNumber", ["latest", false]);
  if (!block || !isRoot(block.hash)) throw new NodeProblem("bad_answer", "eth_getBlockByNumber");
  return { chainId, block: numberOf(block.number), hash: block.hash, atS: numberOf(block.timestamp) };
}

const EVENTS = {
  anchored: hashOf("Anchored(bytes32,uint256,bytes32,uint256)"),
  paid: hashOf("BulkTransferV3(bytes32,address[],uint256[],bool,string,string)"),
  credited: hashOf("Credited(address,uint256)"),
  claimed: hashOf("Claimed(address,address,uint256)"),
};

/** Logs of an escrow from its first block on, or from as far back as the node searches: {logs, from}. */
async function logsOf(ask, escrow, latest) {
  const asked = (from) =>
    ask("eth_getLogs", [{ address: escrow, fromBlock: `0x${from.toString(16)}`, toBlock: `0x${latest.toString(16)}`, topics: [Object.values(EVENTS)] }]);
  let refused;
  for (const span of [latest, 100_000n, 10_000n, 1_000n]) {
    if (span > latest) continue;
    try {
      const logs = await asked(latest - span);
      if (!Array.isArray(logs)) throw new NodeProblem("bad_answer", "eth_getLogs");
      return { logs: logs.filter((log) => log?.address?.toLowerCase() === escrow && !log.removed), from: latest - span };
    } catch (problem) {
      if (problem.code !== "node_says") throw problem;
      refused = problem;
    }
  }
  return { logs: [], from: null, refused };
}

const dataWord = (data, place) => data.slice(2 + 64 * place, 66 + 64 * place);

/** A payout's recipients and amounts: [[address, amount], ...]. */
export function paidBy(log) {
  const { data } = log;
  if (!isHex(data)) throw new NodeProblem("bad_answer", "BulkTransferV3");
  const list = (head) => {
    const start = Number(BigInt(`0x${dataWord(data, head)}`)) / 32;
    const length = Number(BigInt(`0x${dataWord(data, start)}`));
    if (!Number.isSafeInteger(start) || length > 110 || data.length < 2 + 64 * (start + 1 + length)) throw new NodeProblem("bad_answer", "BulkTransferV3");
    return Array.from({ length }, (_, i) => dataWord(data, start + 1 + i));
  };
  const [recipients, amounts] = [list(0), list(1)];
  if (recipients.length !== amounts.length) throw new NodeProblem("bad_answer", "BulkTransferV3");
  return recipients.map((recipient, i) => [`0x${recipient.slice(24).toLowerCase()}`, BigInt(`0x${amounts[i]}`)]);
}

/**
 * All that the chain says of one escrow.
 * returns  {code, factory, known, token, decimals, status, reserved, waits(address), paid(address), from, anchor(root)}
 *          decimals: of the token, null where it does not tell them; known: the factory that the escrow names says that it made it; from: the block the search of logs began at,
 *          null when the node refused every search; anchor: promise of the number of leaves, 0n when never anchored
 */
export async function escrowOn(ask, address, latest) {
  const escrow = address.toLowerCase();
  const read = (data, to = escrow) => ask("eth_call", [{ to, data }, "latest"]);
  const code = await ask("eth_getCode", [escrow, "latest"]);
  if (!isHex(code)) throw new NodeProblem("bad_answer", "eth_getCode");
  if (code === "0x") return { code: false };
  const factory = addressOf(await read(call("escrowFactory()")));
  let known = false;
  try {
    known = numberOf(await read(call("hasEscrow(address)", word(escrow)), factory)) === 1n;
  } catch (problem) {
    if (problem.code === "unreachable") throw problem;
  }
  const token = addressOf(await read(call("token()")));
  let decimals = null;
  try {
    decimals = Number(numberOf(await read(call("decimals()"), token)));
  } catch (problem) {
    if (problem.code === "unreachable") throw problem;
  }
  const { logs, from, refused } = await logsOf(ask, escrow, latest);
  const of = (topic) => logs.filter((log) => log.topics?.[0] === topic);
  const paid = of(EVENTS.paid).map((log) => ({ tx: log.transactionHash, to: paidBy(log) }));
  return {
    code: true,
    factory,
    known,
    token,
    decimals,
    status: numberOf(await read(call("status()"))),
    reserved: numberOf(await read(call("reservedFunds()"))),
    from,
    refused,
    waits: async (who) => numberOf(await read(call("credits(address)", word(who)))),
    paid: (who) => {
      const own = paid.flatMap(({ tx, to }) => to.filter(([one]) => one === who.toLowerCase()).map(([, amount]) => ({ tx, amount })));
      return { amount: own.reduce((sum, one) => sum + one.amount, 0n), transactions: [...new Set(own.map((one) => one.tx))] };
    },
    anchor: async (root) => numberOf(await read(call("anchors(bytes32)", word(root)))),
    anchoredIn: (root) => of(EVENTS.anchored).find((log) => log.topics[1]?.toLowerCase() === root.toLowerCase())?.transactionHash ?? null,
  };
}
