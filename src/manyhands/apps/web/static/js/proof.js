// Checks a worker's receipt: that this very answer, for this very pay, lies under a root that stands on chain.
//
// Rules kept here
// - The same bytes as every other party hashes: JSON with sorted keys and no blanks.
// - Pure: what is anchored is an argument. A receipt that cannot be understood is refused with what is wrong about it.
import { keccak256 } from "manyhands/keccak.js";

export class NotAReceipt extends Error {
  constructor(field) {
    super(field);
    this.code = "not_a_receipt";
    this.field = field;
  }
}

const fromHex = (text, bytes, field) => {
  const bare = text?.startsWith?.("0x") ? text.slice(2) : text;
  if (typeof bare !== "string" || !/^[0-9a-f]*$/i.test(bare) || bare.length !== bytes * 2) throw new NotAReceipt(field);
  return Uint8Array.from({ length: bytes }, (_, i) => parseInt(bare.slice(2 * i, 2 * i + 2), 16));
};

const toHex = (bytes) => `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

/** JSON with sorted keys and no blanks, as UTF-8. */
export function canonical(value) {
  const sorted = (part) => {
    if (Array.isArray(part)) return part.map(sorted);
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.keys(part).sort().map((name) => [name, sorted(part[name])]));
  };
  return new TextEncoder().encode(JSON.stringify(sorted(value)));
}

function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let start = 0;
  for (const part of parts) {
    all.set(part, start);
    start += part.length;
  }
  return all;
}

const before = (left, right) => {
  for (let i = 0; i < 32; i += 1) if (left[i] !== right[i]) return left[i] < right[i];
  return true;
};

export const leaf = (salt, content) => keccak256(joined(Uint8Array.of(0), salt, content));

export function node(one, other) {
  return keccak256(before(one, other) ? joined(Uint8Array.of(1), one, other) : joined(Uint8Array.of(1), other, one));
}

/** The root that a receipt's answer leads to, as 0x text. Throws NotAReceipt naming the field that does not fit. */
export function rootOf(receipt) {
  if (!receipt?.record?.answer) throw new NotAReceipt("record.answer");
  if (!Array.isArray(receipt.proof)) throw new NotAReceipt("proof");
  const { answer, reward_minor: reward, salt } = receipt.record;
  if (!Number.isSafeInteger(reward)) throw new NotAReceipt("record.reward_minor");
  let hash = leaf(fromHex(salt, 32, "record.salt"), canonical([answer, reward]));
  receipt.proof.forEach((sibling, place) => {
    hash = node(hash, fromHex(sibling, 32, `proof[${place}]`));
  });
  return toHex(hash);
}

/**
 * What a receipt proves.
 * anchored  roots of the job as the record of the chain has them
 * returns   {leads, anchored}: the answer leads to the root it names; that root is anchored
 */
export function check(receipt, anchored) {
  const root = rootOf(receipt);
  return { leads: root === String(receipt.root).toLowerCase(), anchored: anchored.map((one) => one.toLowerCase()).includes(root), root };
}
