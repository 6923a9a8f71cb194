// A role's own sentence with its amounts as money and its addresses short; the whole of both stands in their titles.
import { Amount, currencies, Hash, html, t } from "manyhands/kit.js";

const CODES = [...currencies.keys()].join("|");
const PART = new RegExp(`(\\b\\d+(?:\\.\\d{1,6})? (?:${CODES})\\b|\\b0x[0-9a-f]{40,64}\\b)`);

const amountOf = (figure, code) => html`<${Amount} minor=${Math.round(Number(figure) * 10 ** currencies.get(code).exponent)} currency=${code} />`;

/** A happening's name: a state of the job, or one of a few others. */
export function happening(name) {
  const slug = name.replaceAll(" ", "_");
  return [`event_${slug}`, `state_${slug}`].map((word) => [word, t(word)]).find(([word, text]) => word !== text)?.[1] ?? name;
}

export function Told({ text }) {
  return html`<span dir="auto">${text.split(PART).map((part, place) => {
    if (place % 2 === 0) return part;
    return part.startsWith("0x") ? html`<${Hash} value=${part} />` : amountOf(...part.split(" "));
  })}</span>`;
}
