// Examples of a guide, drawn by the site: what it shows, what is right, and why. Loaded when a guide is opened.
import { html, language, signal, t } from "manyhands/kit.js";
import { at, get } from "manyhands/api.js";

const found = signal({});

async function load(kind) {
  if (found.value[kind]) return;
  found.value = { ...found.value, [kind]: [] };
  try {
    found.value = { ...found.value, [kind]: (await get(at`/api/guides/${kind}/examples`)).examples };
  } catch {
    found.value = { ...found.value, [kind]: undefined }; // the guide says it in words; the next opening asks again
  }
}

const shown = (text) => (text === null ? t("cannot_read") : text === "" ? t("nothing_there") : text);

export function Examples({ kind }) {
  load(kind);
  const examples = found.value[kind] ?? [];
  if (examples.length === 0) return null;
  return html`<ul class="examples">${examples.map((one, place) => html`<li><img src=${at`/api/guides/${kind}/examples/${place}`} alt=${t("cutting_alt")} loading="lazy" /><p><b dir="auto">${shown(one.right)}</b> ${one.why[language] ?? one.why.en}</p></li>`)}</ul>`;
}
