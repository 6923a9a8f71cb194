// A delivered record: pages with boxes, values with how far they can be believed, doubts first, files, objections.
//
// Rules kept here
// - A level is told by word and line style as well as by colour. A confidence stands only where it was calibrated.
// - A place chosen in the table is shown on the page, and the other way round.
import { asProblem, batch, count, html, Loading, percent, Problem, signal, size, t, useRef } from "manyhands/kit.js";
import { at, get, post } from "manyhands/api.js";
import { fieldName } from "manyhands/desk/words.js";
import { Rows } from "manyhands/rows.js";
import { PageWithBoxes, uprightBox } from "manyhands/desk/draw.js";
import { say } from "manyhands/say.js";

const LEVELS = ["sure", "fair", "doubt", "none"];
// the verdicts as the record words them, and the words they are shown by
const VERDICTS = new Map([["the page says so", "claim_0"], ["the page says otherwise", "claim_1"], ["the page does not tell", "claim_2"], ["it is there", "match_0"], ["it is there with another amount", "match_1"], ["it is not there", "match_2"], ["found", "found"], ["none of these", "nowhere"], ["people could not settle it", "open"]]);

/** Everything of one delivered job. codes: objection code -> sentence */
export function results(jobId) {
  const state = { heads: signal(null), pages: signal([]), files: signal([]), answers: signal([]), doubts: signal(null), doc: signal(null), page: signal(1), piece: signal(""), problem: signal(null), objections: signal([]), codes: signal({}) };
  const guarded = async (work) => {
    try {
      return await work();
    } catch (thrown) {
      state.problem.value = asProblem(thrown);
      return null;
    }
  };
  async function open(docId, page = 1, piece = "") {
    if (state.doc.value?.doc_id !== docId) {
      const told = await guarded(() => get(at`/api/desk/jobs/${jobId}/documents/${docId}`));
      if (!told) return;
      state.doc.value = told;
    }
    batch(() => {
      state.page.value = page;
      state.piece.value = piece;
    });
  }
  async function load() {
    await guarded(async () => {
      const [documents, pages, files, objections, choices, told] = await Promise.all([
        get(at`/api/desk/jobs/${jobId}/documents`), get(at`/api/desk/jobs/${jobId}/pages`), get(at`/api/desk/jobs/${jobId}/files`), get(at`/api/desk/jobs/${jobId}/objections`), get("/api/desk/choices"), get(at`/api/desk/jobs/${jobId}/answers`),
      ]);
      batch(() => {
        state.heads.value = documents.documents;
        state.pages.value = pages.pages;
        state.files.value = files.files;
        state.answers.value = told.answers;
        state.objections.value = objections.objections;
        state.codes.value = choices.objection_codes;
      });
      if (documents.documents.length > 0) await open(documents.documents[0].doc_id);
    });
  }
  async function askDoubts() {
    if (state.doubts.value === null) state.doubts.value = (await guarded(() => get(at`/api/desk/jobs/${jobId}/doubts`)))?.doubts ?? [];
  }
  async function object(wish) {
    await post(at`/api/desk/jobs/${jobId}/objections`, wish);
    state.objections.value = (await get(at`/api/desk/jobs/${jobId}/objections`)).objections;
  }
  return { ...state, jobId, open, load, askDoubts, object };
}

export const Level = ({ level }) => html`<span class=${`level ${level}`}>${t(`level_${level}`)}</span>`;

function Believed({ one }) {
  const people = one.people_asked > 0 ? t("people_asked", { n: count(one.people_asked) }) : "";
  return html`<span class="hint">${t(`how_${one.how}`)}${people && ` · ${people}`}${one.confidence_bp !== null ? ` · ${percent(one.confidence_bp)}` : ""}</span>`;
}

function Documents({ of }) {
  const heads = of.heads.value;
  if (heads.length < 2) return null;
  return html`<label class="doc-choice">${t("document")}<select value=${of.doc.value?.doc_id} onChange=${(event) => of.open(event.target.value)}>${heads.map((head) => html`<option value=${head.doc_id} selected=${head.doc_id === of.doc.value?.doc_id}>${head.doc_id}${head.doubts ? ` (${t("doubts_n", { n: head.doubts })})` : ""}</option>`)}</select></label>`;
}

const permille = (box, page) => ({ x0_permille: (box[0] * 1000) / page.width_px, y0_permille: (box[1] * 1000) / page.height_px, x1_permille: (box[2] * 1000) / page.width_px, y1_permille: (box[3] * 1000) / page.height_px });

function Sheet({ of }) {
  const doc = of.doc.value;
  const pages = of.pages.value.filter((page) => page.doc_id === doc.doc_id);
  const page = pages.find((one) => one.page_no === of.page.value);
  if (!page) return html`<p class="quiet">${t("no_picture")}</p>`;
  const pieces = doc.pieces.filter((piece) => piece.page === page.page_no && piece.how !== "blank");
  const turned = doc.turned[page.page_no] ?? 0;
  const boxes = pieces.map((piece) => uprightBox({ ...permille(piece.box, page), level: piece.level }, turned));
  const chosen = pieces.findIndex((piece) => piece.piece_id === of.piece.value);
  return html`<div>
    ${pages.length > 1 && html`<p class="pager" role="group" aria-label=${t("pages")}>${pages.map((one) => html`<button class="button quietly small" aria-pressed=${one === page} onClick=${() => of.open(doc.doc_id, one.page_no)}>${one.page_no}</button>`)}</p>`}
    <${PageWithBoxes} page=${page} turned=${turned} boxes=${boxes} chosen=${chosen} onChoose=${(_, i) => (of.piece.value = pieces[i].piece_id)} alt=${t("page_alt", { doc: doc.doc_id, page: page.page_no })} />
    <ul class="levels">${LEVELS.map((level) => html`<li><${Level} level=${level} /> <span class="quiet">${count(pieces.filter((piece) => piece.level === level).length)}</span></li>`)}</ul>
  </div>`;
}

function Piece({ of }) {
  const piece = of.doc.value.pieces.find((one) => one.piece_id === of.piece.value);
  const dialog = useRef(null);
  if (!piece) return html`<p class="hint">${t("choose_piece")}</p>`;
  const readings = Object.entries(piece.readings);
  const filed = of.objections.value.filter((one) => one.piece_id === piece.piece_id);
  return html`<section class="piece" aria-live="polite">
    <p class="piece-text" dir="auto">${piece.text || html`<span class="quiet">${t("nothing_read")}</span>`}</p>
    <p><${Level} level=${piece.level} /> <${Believed} one=${piece} /></p>
    ${piece.because && html`<p class="hint" dir="auto">${say(piece)}</p>`}
    ${readings.length > 0 && html`<dl class="readings">${readings.map(([reader, text]) => html`<div><dt>${reader}</dt><dd dir="auto">${text || "–"}</dd></div>`)}</dl>`}
    ${piece.proof && html`<p class="hint">${t("proof_at", { place: piece.proof })}</p>`}
    ${filed.map((one) => html`<p class="notice"><strong>${t(`objection_${one.state}`)}</strong> <span dir="auto">${one.should_be}: ${one.because}</span>${one.answer && html`<br /><span dir="auto">${one.answer}</span>`}</p>`)}
    <button class="button quietly small" onClick=${() => dialog.current.showModal()}>${t("object")}</button>
    <${ObjectDialog} of=${of} piece=${piece} dialog=${dialog} />
  </section>`;
}

function ObjectDialog({ of, piece, dialog }) {
  const problem = useRef(signal(null)).current;
  const send = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    try {
      await of.object({ doc_id: of.doc.value.doc_id, piece_id: piece.piece_id, code: form.get("code"), should_be: form.get("should_be"), because: form.get("because") });
      problem.value = null;
      dialog.current.close();
    } catch (thrown) {
      problem.value = asProblem(thrown);
    }
  };
  return html`<dialog ref=${dialog} aria-label=${t("object")}><form onSubmit=${send}><h2>${t("object")}</h2><p class="hint">${t("object_why")}</p>
    <${Problem} problem=${problem.value} />
    <fieldset><legend>${t("object_reason")}</legend>${Object.keys(of.codes.value).map((code, i) => html`<label class="choice"><input type="radio" name="code" value=${code} defaultChecked=${i === 0} />${t(`objection_code_${code}`)}</label>`)}</fieldset>
    <label>${t("object_should")}<input name="should_be" required maxlength="2000" /></label>
    <label>${t("object_because")}<textarea name="because" rows="3" required minlength="10" maxlength="2000"></textarea></label>
    <p class="row"><button class="button">${t("object_send")}</button><button type="button" class="button quietly" onClick=${() => dialog.current.close()}>${t("cancel")}</button></p>
  </form></dialog>`;
}

function FieldTable({ of }) {
  const { fields } = of.doc.value;
  if (fields.length === 0) return html`<p class="quiet">${t("no_fields")}</p>`;
  return html`<div class="card flush"><div class="scroll" tabindex="0" role="region" aria-label=${t("fields")}><table class="values"><thead><tr><th scope="col">${t("field")}</th><th scope="col">${t("value")}</th><th scope="col">${t("believed")}</th></tr></thead>
    <tbody>${fields.map((field) => html`<tr class=${`row-${field.level}`}><th scope="row" dir="auto">${field.drawn && html`<span title=${t("drawn")}>▢ </span>`}${fieldName(field.name)}</th>
      <td dir="auto"><button class="plain value" onClick=${() => of.open(of.doc.value.doc_id, field.page, field.pieces[0] ?? "")}>${field.value || t("nothing_read")}</button>${field.failed_checks.length > 0 && html`<span class="hint bad-text">${t("check_failed", { checks: field.failed_checks.join(", ") })}</span>`}</td>
      <td><${Level} level=${field.level} /><br /><${Believed} one=${field} /></td></tr>`)}</tbody></table></div></div>`;
}

export function Tables({ of }) {
  const { tables } = of.doc.value;
  return tables.map((table, i) => {
    const rows = Array.from({ length: table.rows }, (_, row) => table.cells.filter((cell) => cell.row === row).sort((a, b) => a.col - b.col));
    return html`<section class="block"><h3>${t("table_n", { n: i + 1 })}</h3><div class="scroll" tabindex="0" role="region" aria-label=${t("table_n", { n: i + 1 })}><table class="grid-table"><tbody>
      ${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td class=${`cell ${cell.level}`} colspan=${cell.col_end - cell.col + 1} rowspan=${cell.row_end - cell.row + 1} dir="auto">${cell.text}<span class="unseen"> (${t(`level_${cell.level}`)})</span></td>`)}</tr>`)}
    </tbody></table></div></section>`;
  });
}

export function PagesView({ of }) {
  if (!of.doc.value) return of.problem.value ? html`<${Problem} problem=${of.problem.value} />` : html`<${Loading} />`;
  return html`<${Documents} of=${of} /><div class="result-columns"><${Sheet} of=${of} /><div class="stack"><${Piece} of=${of} /><${FieldTable} of=${of} /></div></div><${Tables} of=${of} />`;
}

const SOUND = new Set(["found", "the page says so", "it is there"]);
const OPEN = "people could not settle it";

/** Verdicts on questions of options: claims, lines of a ledger, fields that were looked for. */
export function AnswersView({ of, onOpen }) {
  const answers = of.answers.value;
  const form = answers[0]?.form ?? "claim";
  const level = (one) => (one.verdict === OPEN ? "none" : SOUND.has(one.verdict) ? "sure" : "fair");
  const counts = new Map();
  for (const one of answers) counts.set(one.verdict, (counts.get(one.verdict) ?? 0) + 1);
  const verdict = (one) => VERDICTS.get(one.verdict) ?? one.verdict;
  const columns = [
    [t("document"), (one) => html`<button class="plain value" onClick=${() => onOpen({ doc_id: one.doc_id, page: one.page, piece_id: "" })}>${one.doc_id} · ${one.page}</button>`, "head"],
    [t(`form_${form}`), (one) => html`<span dir="auto">${form === "which" ? fieldName(one.question) : one.question}</span>`],
    ...(form === "which" ? [[t("value"), (one) => html`<span dir="auto">${one.value || "–"}</span>`]] : []),
    [t("verdict"), (one) => html`<span class=${`level ${level(one)}`}>${t(`said_${verdict(one)}`)}</span>`],
    [t("believed"), (one) => html`<span class="hint">${one.people_asked > 0 ? t("people_asked", { n: count(one.people_asked) }) : ""}${one.confidence_bp === null ? ` · ${t("not_calibrated")}` : ` · ${percent(one.confidence_bp)}`}</span><span class="hint" dir="auto">${say(one)}</span>`],
  ];
  return html`<dl class="facts">${[...counts].map(([name, n]) => html`<div><dt>${t(`said_${VERDICTS.get(name) ?? name}`)}</dt><dd>${count(n)}</dd></div>`)}</dl>
    <div class="card flush"><${Rows} name=${t("tab_answers")} columns=${columns} rows=${answers} /></div>`;
}

export function DoubtsView({ of, onOpen }) {
  const doubts = of.doubts.value;
  if (doubts === null) {
    of.askDoubts();
    return html`<${Loading} />`;
  }
  if (doubts.length === 0) return html`<p class="card empty">${t("no_doubts")}</p>`;
  const columns = [
    [t("document"), (doubt) => html`<button class="plain value" onClick=${() => onOpen(doubt)}>${doubt.doc_id} · ${doubt.page}</button>`, "head"],
    [t("field"), (doubt) => fieldName(doubt.field) || "–"],
    [t("value"), (doubt) => doubt.text || "–"],
    [t("cause"), (doubt) => say(doubt, "why")],
    [t("believed"), (doubt) => html`<${Level} level=${doubt.level} />`],
  ];
  return html`<p class="hint">${t("doubts_why")}</p><div class="card flush"><${Rows} name=${t("tab_doubts")} columns=${columns} rows=${doubts} /></div>`;
}

const FORMATS = [["zip", "zip"], ["csv", "csv"], ["xlsx", "xlsx"], ["pdf", "pdf"], ["json", "json"], ["hocr.html", "hocr"], ["alto.xml", "alto"]];

export function FilesView({ of }) {
  const left = new Set(of.files.value);
  const groups = FORMATS.map(([ending, name]) => {
    const own = [...left].filter((file) => file.name.endsWith(`.${ending}`));
    own.forEach((file) => left.delete(file));
    return [name, own];
  }).concat([["other", [...left]]]).filter(([, own]) => own.length > 0);
  return html`<div class="formats">${groups.map(([name, own]) => html`<section class="card"><h3>${t(`format_${name}`)}</h3><p class="hint">${t(`format_${name}_why`)}</p><ul class="file-list">${own.map((file) => html`<li><a href=${at`/api/desk/jobs/${of.jobId}/files/` + file.name.split("/").map(encodeURIComponent).join("/")} download dir="ltr">${file.name}</a><span class="quiet">${size(file.size_bytes)}</span></li>`)}</ul></section>`)}</div>`;
}
