// The stand-alone page: receipts and a node in, what the chain says out. Plain DOM, text only: no markup from anywhere.
import { rootOf, NotAReceipt } from "manyhands/proof.js";
import { escrowOn, isAddress, nodeAt, NodeProblem, standing } from "manyhands/chain.js";
import { WORDS } from "manyhands/words.js";

let language = Object.keys(WORDS).find((one) => navigator.language?.toLowerCase().startsWith(one)) ?? "en";
const say = (name, values = {}) => WORDS[language][name].replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
const byId = (id) => document.getElementById(id);

function made(tag, text, name) {
  const one = document.createElement(tag);
  if (text !== undefined) one.textContent = text;
  if (name) one.className = name;
  return one;
}

const OLD_EXPONENT = 6; // receipts from before they told it were all paid in a token of six decimals

/** Units of a token or a currency as whole ones with a point, nothing rounded. */
function inTokens(units, decimals) {
  const places = Number.isInteger(decimals) && decimals >= 0 && decimals <= 36 ? decimals : 0;
  const text = String(BigInt(units)).padStart(places + 1, "0");
  const rest = places ? text.slice(-places).replace(/0+$/, "").padEnd(Math.min(2, places), "0") : "";
  return `${text.slice(0, text.length - places)}${rest && `.${rest}`}`;
}

/** One receipt against the chain: {receipt, good, verdict, facts: [[name, value], ...]}. Throws NodeProblem. */
async function judged(receipt, chain, ask, escrows) {
  let root;
  try {
    root = rootOf(receipt);
    if (!isAddress(receipt.escrow)) throw new NotAReceipt("escrow");
    if (!Number.isSafeInteger(receipt.chain_id)) throw new NotAReceipt("chain_id");
  } catch (thrown) {
    if (thrown instanceof NotAReceipt) return { receipt, good: false, verdict: say("not_a_receipt", { field: thrown.field }), facts: [] };
    throw thrown;
  }
  const { answer, reward_minor: reward } = receipt.record;
  const { currency = "", exponent = OLD_EXPONENT } = receipt; // as the exchange tells them; the chain proves the figure
  const facts = [
    ["answer", answer.text ?? say("unreadable")],
    ["reward", `${inTokens(reward, exponent)} ${/^[A-Za-z][A-Za-z0-9]{0,15}$/.test(currency) ? currency : ""}`.trim()],
    ["root", root],
    ["escrow", receipt.escrow],
  ];
  const bad = (name, values) => ({ receipt, good: false, verdict: say(name, values), facts });
  if (root !== String(receipt.root).toLowerCase()) return bad("changed");
  if (BigInt(receipt.chain_id) !== chain.chainId) return bad("other_chain", { wanted: receipt.chain_id, found: chain.chainId });
  if (!escrows.has(receipt.escrow)) escrows.set(receipt.escrow, escrowOn(ask, receipt.escrow, chain.block));
  const escrow = await escrows.get(receipt.escrow);
  if (!escrow.code) return bad("no_code");
  facts.push(["factory", say(escrow.known ? "factory_yes" : "factory_no", { factory: escrow.factory })]);
  const leaves = await escrow.anchor(root);
  if (leaves === 0n) return bad("not_anchored");
  const anchoredIn = escrow.anchoredIn(root);
  if (anchoredIn) facts.push(["anchored_in", anchoredIn]);
  if (isAddress(answer.worker)) {
    facts.push(["worker", answer.worker]);
    if (escrow.from === null) facts.push(["paid", say("not_searched", { told: escrow.refused?.told })]);
    else {
      const paid = escrow.paid(answer.worker);
      const before = escrow.from > 0n ? ` ${say("searched", { from: escrow.from })}` : "";
      facts.push(["paid", (paid.amount === 0n ? say("paid_none") : say("paid_in", { amount: inTokens(paid.amount, escrow.decimals ?? exponent), n: paid.transactions.length })) + before]);
    }
    const waits = await escrow.waits(answer.worker);
    if (waits > 0n) facts.push(["waits", inTokens(waits, escrow.decimals ?? exponent)]);
  }
  return { receipt, good: escrow.known, verdict: say(reward === 0 ? "refused_good" : "good", { leaves }), facts };
}

function shown(one) {
  const item = made("li", undefined, one.good ? "good" : "bad");
  item.append(made("p", `${one.good ? "✓" : "✗"} ${one.verdict}`, "verdict"));
  const list = made("dl");
  for (const [name, value] of one.facts) list.append(made("dt", say(name)), made("dd", String(value)));
  if (one.facts.length) item.append(list);
  return item;
}

let run = 0;

async function check(text) {
  run += 1;
  const mine = run;
  const tell = (sentence, bad = false) => {
    byId("told").textContent = sentence;
    byId("told").className = bad ? "bad" : "";
  };
  byId("found").replaceChildren();
  byId("rests").textContent = "";
  const url = byId("url").value.trim();
  if (!/^https?:\/\/\S+$/i.test(url)) return tell(say("no_url"), true);
  let receipts;
  try {
    receipts = JSON.parse(text);
  } catch {
    return tell(say("not_json"), true);
  }
  tell(say("checking"));
  try {
    const ask = nodeAt(url);
    const chain = await standing(ask);
    const escrows = new Map();
    const found = [];
    for (const receipt of Array.isArray(receipts) ? receipts : [receipts]) found.push(await judged(receipt, chain, ask, escrows));
    if (mine !== run) return undefined; // another check was begun meanwhile
    byId("found").replaceChildren(...found.slice(0, 200).map(shown));
    const time = new Date(Number(chain.atS) * 1000).toISOString().replace("T", " ").slice(0, 19);
    byId("rests").textContent = say("rests_node", { url, chain: chain.chainId, block: chain.block, time: `${time} UTC`, hash: chain.hash });
    const good = found.filter((one) => one.good).length;
    return tell(say("sum", { good, all: found.length }), good !== found.length);
  } catch (problem) {
    if (!(problem instanceof NodeProblem)) throw problem;
    return mine === run && tell(say(problem.code, { told: problem.told }), true);
  }
}

function speak() {
  document.documentElement.lang = language;
  document.title = say("title");
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = say(one.dataset.say);
}

let latest = "";
const again = () => latest && check(latest);
async function take(files) {
  if (!files?.[0]) return;
  latest = await files[0].text();
  again();
}

for (const one of Object.keys(WORDS)) {
  const option = made("option", one);
  option.selected = one === language;
  byId("language").append(option);
}
byId("language").addEventListener("change", (event) => {
  language = event.currentTarget.value;
  speak();
  again();
});
byId("file").addEventListener("change", (event) => take(event.currentTarget.files));
byId("paste").addEventListener("input", (event) => (latest = event.currentTarget.value.trim()));
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  again();
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files);
});
speak();
document.documentElement.dataset.ready = "";
