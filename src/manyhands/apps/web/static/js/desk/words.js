// The words of the requester's and the operator's pages, joined to the common ones before any of those pages is drawn.
import { t } from "manyhands/kit.js";
import { texts } from "manyhands/texts.js";
import { texts as more } from "manyhands/texts-desk.js";

Object.assign(texts, more);

/** What a field is called: in the reader's language where it is one of the platform's own kinds, else as it was named. */
export function fieldName(name) {
  const word = `fn_${name}`;
  return t(word) === word ? name.replaceAll("_", " ") : t(word);
}
