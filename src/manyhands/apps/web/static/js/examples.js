// Examples of a guide, drawn by the site: what it shows, what is right, and why. Loaded when a guide is opened.
import { html, language, signal, t } from "manyhands/kit.js";
import { at, get } from "manyhands/api.js";

const found = signal({});
const choice = signal(null);

async function load(kind) {
  if (found.value[kind]) return;
  found.value = { ...found.value, [kind]: [] };
  try {
    const { examples } = await get(at`/api/guides/${kind}/examples?language=${language}`);
    if (examples.some((one) => one.question.includes(" "))) choice.value ??= await import("manyhands/tools/choice.js");
    found.value = { ...found.value, [kind]: examples };
  } catch {
    found.value = { ...found.value, [kind]: undefined }; // the guide says it in words; the next opening asks again
  }
}

function shown({ question, right }) {
  const asks = question.includes(" ");
  if (right === null) return t(asks ? "cannot_tell" : "cannot_read");
  return right === "" ? t("nothing_there") : asks ? choice.value.words(question, right) : right;
}

/** What a question asks; a cutting that is keyed asks nothing in words. */
function Asked({ question }) {
  const about = question.includes(" ") && choice.value.about(question);
  return about ? html`<span class="block quiet" dir="auto">${about}</span>` : null;
}

export function Examples({ kind }) {
  load(kind);
  const examples = found.value[kind] ?? [];
  if (examples.length === 0) return null;
  const src = (place) => at`/api/guides/${kind}/examples/${place}?language=${language}`;
  return html`<ul class="examples">${examples.map((one, place) => html`<li>${one.question.includes(" ") ? html`<${choice.value.Marked} src=${src(place)} text=${one.right} alt=${t("page_alt")} />` : html`<img src=${src(place)} alt=${t("cutting_alt")} loading="lazy" />`}<p><${Asked} question=${one.question} /><b dir="auto">${shown(one)}</b> ${one.why[language] ?? one.why.en}</p></li>`)}</ul>`;
}
