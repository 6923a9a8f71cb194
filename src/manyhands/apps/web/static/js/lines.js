// A quote's line in the reader's language. A line this page does not know, or of before its figures were told, keeps its own words.
import { about, count, percent, t } from "manyhands/kit.js";

const inWords = { expected: count, most: count, places: count, time_ms: (ms) => about(ms / 1000), share_bp: percent, rounded_bp: percent, share_millionths: (share) => percent(share / 100) };

/** {label, because} of a line as the API tells it: its label, its sentence, and the figures of that sentence. */
export function lineWords(label, because, figures) {
  const name = `ql_${label.replaceAll(/[ -]/g, "_")}`;
  if (t(name) === name) return { label, because };
  const why = `${name}_why${figures?.rounded_bp ? "_rounded" : ""}`;
  const told = Object.fromEntries(Object.entries(figures ?? {}).map(([key, figure]) => [key, inWords[key]?.(figure) ?? figure]));
  const said = t(why, told);
  return { label: t(name), because: said === why || said.includes("{") ? because : said };
}
