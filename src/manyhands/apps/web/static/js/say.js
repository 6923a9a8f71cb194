// A sentence of the platform in the reader's language, by its name and its figures; in the platform's own English where
// this page does not know it, and for what people wrote.
import { count } from "manyhands/kit.js";
import { fillings, texts } from "manyhands/texts-said.js";

/** The text of a gap: a number as it is written here, a word of a closed list, sentences within it; null = not known. */
function filled(name, figure) {
  if (typeof figure === "number") return count(figure);
  if (typeof figure === "string") return fillings?.[name]?.[figure] ?? figure;
  return told(figure);
}

function sentence({ code, figures = {} }) {
  const found = texts[code];
  if (found === undefined) return null;
  const shown = Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, filled(name, figure)]));
  if (Object.values(shown).includes(null)) return null;
  const text = typeof found === "function" ? found(shown) : found;
  return text.replace(/\{(\w+)\}/g, (whole, name) => shown[name] ?? whole);
}

function told(said) {
  const all = said.map(sentence);
  return all.includes(null) ? null : all.join("; ");
}

/** A field of an answer that holds a sentence; what the sentence says stands beside it as FIELD_said. */
export function say(one, field = "because") {
  const said = one[`${field}_said`];
  return (said?.length && told(said)) || one[field];
}
