// A role's own sentence with its amounts as money and its addresses short; the whole of both stands in their titles.
import { Amount, Hash, html } from "manyhands/kit.js";

const PART = /(\b\d+(?:\.\d{1,6})? MHT\b|\b0x[0-9a-f]{40,64}\b)/;
const EXPONENT = 6;

export function Told({ text }) {
  return html`<span dir="auto">${text.split(PART).map((part, place) => {
    if (place % 2 === 0) return part;
    return part.startsWith("0x") ? html`<${Hash} value=${part} />` : html`<${Amount} minor=${Math.round(parseFloat(part) * 10 ** EXPONENT)} />`;
  })}</span>`;
}
