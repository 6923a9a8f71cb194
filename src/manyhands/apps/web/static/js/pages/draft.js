// From files to a launched job on one page: drop, look at the pages, say what is wanted, see the quote, try, launch.
//
// Rules kept here
// - The quote beside the wishes is always the server's, for the wishes as they are kept there.
// - Nothing is launched for a figure that the reader has not seen.
import { about, Amount, asProblem, batch, count, html, language, loader, Loading, money, percent, Problem, signal, Simulated, size, t, useEffect } from "manyhands/kit.js";
import { at, del, get, post, put, putBytes } from "manyhands/api.js";
import { DrawDialog } from "manyhands/desk/draw.js";
import { Forecast, QuoteLines } from "manyhands/desk/quote.js";
import { filesOfDrop, filesOfField, uploads } from "manyhands/desk/upload.js";
import { Who } from "manyhands/desk/who.js";
import { fieldName } from "manyhands/desk/words.js";
import { say } from "manyhands/say.js";

const draftId = decodeURIComponent(location.pathname.split("/")[3] ?? "");
const draft = signal(null);
const choices = signal(null);
const quote = signal(null);
const quoteProblem = signal(null);
const wish = signal(null);
const problem = signal(null);
const saving = signal(false);
const launching = signal("");
const drawn = signal(null);
const over = signal(false);
const tryout = signal(null);
const tryoutQuote = signal(null);
let up = null;
let saveSoon = 0;
let saved = 0;
const SHOWN_FILES = 8;

async function ask() {
  try {
    const told = await get(at`/api/desk/drafts/${draftId}`);
    batch(() => {
      draft.value = told;
      wish.value ??= told.wish;
      problem.value = null;
    });
    for (const file of told.files) up?.seen(file);
    return told;
  } catch (thrown) {
    problem.value = asProblem(thrown);
    return null;
  }
}

async function start() {
  try {
    choices.value = await get("/api/desk/choices");
  } catch (thrown) {
    problem.value = asProblem(thrown);
    return;
  }
  up = uploads(draftId, choices.value.part_bytes);
  const told = await ask();
  if (told?.state === "importing") follow();
  if (told?.state === "ready") await askQuote();
  if (told?.tryout_job_id) followTryout(told.tryout_job_id);
}
start();

/** Asks again while the files are read in. */
async function follow() {
  for (;;) {
    const told = await ask();
    if (told && told.state !== "importing") {
      if (told.state === "ready") await askQuote();
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 900));
  }
}

async function readIn() {
  try {
    await post(at`/api/desk/drafts/${draftId}/read-in`);
    await follow();
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

async function take(found) {
  if (found.length === 0) return;
  if (draft.value?.state === "ready") {
    await post(at`/api/desk/drafts/${draftId}/reopen`);
    await ask();
  }
  if ((draft.value?.files.length ?? 0) === 0 && wish.value?.title === draft.value?.title) nameAfter(found);
  const whole = await up.send(found);
  await ask();
  if (whole) await readIn();
}

/** A folder's name is a good title while nobody has given one. */
function nameAfter(found) {
  const folder = found[0].name.split("/");
  if (folder.length > 1 && found.every(({ name }) => name.startsWith(`${folder[0]}/`))) change({ title: folder[0].slice(0, 200) });
}

function change(values) {
  wish.value = { ...wish.value, ...values };
  clearTimeout(saveSoon);
  saving.value = true;
  saveSoon = setTimeout(save, 450);
}

async function save() {
  const mine = (saved += 1);
  try {
    await put(at`/api/desk/drafts/${draftId}/wish`, wish.value);
    if (draft.value?.state === "ready") await askQuote();
    if (mine === saved) quoteProblem.value = quoteProblem.value?.kept ? null : quoteProblem.value;
  } catch (thrown) {
    quoteProblem.value = asProblem(thrown);
  } finally {
    if (mine === saved) saving.value = false;
  }
}

async function askQuote() {
  try {
    const told = await get(at`/api/desk/drafts/${draftId}/quote`);
    batch(() => {
      quote.value = told;
      quoteProblem.value = null;
    });
  } catch (thrown) {
    batch(() => {
      quote.value = null;
      quoteProblem.value = asProblem(thrown);
    });
  }
}

async function launch(agreed, small) {
  launching.value = small ? "tryout" : "job";
  try {
    const told = await post(at`/api/desk/drafts/${draftId}/launch`, { agreed_minor: agreed.total_minor, tryout: small });
    if (!small) {
      location.assign(at`/desk/jobs/${told.job_id}`);
      return;
    }
    await ask();
    followTryout(told.job_id);
  } catch (thrown) {
    quoteProblem.value = asProblem(thrown);
    if (thrown.code === "quote_changed") await askQuote();
  }
  launching.value = "";
}

async function askTryout() {
  try {
    tryoutQuote.value = await get(at`/api/desk/drafts/${draftId}/quote` + "?tryout=true");
  } catch (thrown) {
    quoteProblem.value = asProblem(thrown);
  }
}

function followTryout(jobId) {
  const events = new EventSource(at`/api/desk/jobs/${jobId}/events`);
  events.addEventListener("state", (event) => (tryout.value = JSON.parse(event.data)));
  events.addEventListener("over", () => events.close());
}

// --- files ---------------------------------------------------------------------------------------------------------


function DropZone({ small }) {
  const drop = async (event) => {
    event.preventDefault();
    over.value = false;
    await take(await filesOfDrop(event.dataTransfer));
  };
  const field = (event) => {
    const found = filesOfField(event.target.files);
    event.target.value = "";
    take(found);
  };
  return html`<div class=${`drop-zone${over.value ? " over" : ""}${small ? " small" : ""}`} onDragOver=${(event) => { event.preventDefault(); over.value = true; }} onDragLeave=${() => (over.value = false)} onDrop=${drop}>
    <p class="drop-say">${t(small ? "drop_more" : "drop_here")}</p>
    <p class="hint">${t("drop_kinds")}</p>
    <p class="row centred"><label class="button">${t("choose_folder")}<input class="unseen" type="file" webkitdirectory multiple onChange=${field} /></label>
      <label class="button quietly">${t("choose_files")}<input class="unseen" type="file" multiple accept="image/*,application/pdf,.tif,.tiff" onChange=${field} /></label></p>
  </div>`;
}

function Sending() {
  const files = [...up.files.value.values()];
  if (files.length === 0) return null;
  const all = files.reduce((sum, file) => sum + file.size_bytes, 0);
  const here = files.reduce((sum, file) => sum + file.received_bytes, 0);
  const missing = files.filter((file) => file.received_bytes < file.size_bytes);
  const going = up.sending.value;
  return html`<div class="sending" role="status">
    <p class="spread"><strong>${t("files_here", { n: count(files.length - missing.length), all: count(files.length) })}</strong><span class="quiet">${size(here)} / ${size(all)}</span></p>
    <progress max=${all} value=${here} aria-label=${t("upload_progress")}></progress>
    ${up.waiting.value && html`<p class="notice">${t("upload_waiting")}</p>`}
    ${!going && missing.length > 0 && draft.value?.state === "collecting" && html`<p class="notice bad">${t("upload_cut", { n: count(missing.length) })}</p>`}
    ${missing.length > 0 && html`<ul class="file-list">${missing.slice(0, SHOWN_FILES).map((file) => html`<li key=${file.file_no}><span dir="auto">${file.name}</span><span class="quiet">${size(file.received_bytes)} / ${size(file.size_bytes)}</span>${!going && html`<button class="plain" onClick=${() => removeFile(file)}>${t("remove")}<span class="unseen"> ${file.name}</span></button>`}</li>`)}</ul>`}
    ${!going && missing.length === 0 && draft.value?.state === "collecting" && html`<p class="row"><button class="button" onClick=${readIn}>${t("read_in")}</button></p>`}
  </div>`;
}

async function removeFile(file) {
  try {
    await del(at`/api/desk/drafts/${draftId}/files/${file.file_no}`);
    const next = new Map(up.files.value);
    next.delete(file.file_no);
    up.files.value = next;
    await ask();
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

function LeftOut({ refused }) {
  const mine = up.problems.value;
  if (refused.length + mine.length === 0) return null;
  return html`<div class="notice left-out"><p><strong>${t("left_out", { n: count(refused.length + mine.length) })}</strong></p><ul class="file-list">
    ${refused.map((one) => html`<li><span dir="auto">${one.name}</span><span>${say(one, "reason")}. ${say(one, "cure")}.</span></li>`)}
    ${mine.map((one) => html`<li><span dir="auto">${one.name}</span><span>${one.message} ${one.cure ?? ""}</span></li>`)}
  </ul></div>`;
}

function Files() {
  const told = draft.value;
  return html`<section class="card step" id="files"><h2><span class="number">1</span>${t("step_files")}</h2>
    ${told.state === "collecting" && told.files.length === 0 && up.files.value.size === 0 ? html`<${DropZone} />` : html`<${Sending} />${told.state !== "importing" && !up.sending.value && html`<${DropZone} small=${true} />`}`}
    ${told.state === "importing" && html`<p class="notice" role="status">${t("reading_in", { n: count(told.pages.length) })}</p>`}
    <${LeftOut} refused=${told.refused} />
  </section>`;
}

// --- pages ---------------------------------------------------------------------------------------------------------

function Pages() {
  const told = draft.value;
  if (told.pages.length === 0) return null;
  const regions = wish.value.regions;
  return html`<section class="card step" id="pages"><h2><span class="number">2</span>${t("step_pages")}</h2>
    <p class="hint">${t("pages_why", { documents: count(told.documents.length || new Set(told.pages.map((page) => page.doc_id)).size), pages: count(Math.max(told.pages_total, told.pages.length)) })}</p>
    <ul class="thumbs">${told.pages.map((page) => html`<li key=${`${page.doc_id}/${page.page_no}`}><button class="thumb" disabled=${told.state !== "ready"} onClick=${() => (drawn.value = page)}>
      <span class="thumb-frame"><img src=${page.thumb_url} loading="lazy" alt="" />${told.state === "ready" && regions.some((region) => region.page_no === page.page_no) && html`<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true" dir="ltr">${regions.filter((region) => region.page_no === page.page_no).map((box) => html`<rect class="box drawn" x=${box.x0_permille} y=${box.y0_permille} width=${box.x1_permille - box.x0_permille} height=${box.y1_permille - box.y0_permille} />`)}</svg>`}</span>
      <span class="thumb-name" dir="auto">${page.doc_id}</span><span class="quiet">${t("page_n", { n: page.page_no })}</span></button></li>`)}</ul>
    ${told.pages_total > told.pages.length && html`<p class="hint">${t("pages_more", { n: count(told.pages_total - told.pages.length) })}</p>`}
  </section>`;
}

// --- wishes --------------------------------------------------------------------------------------------------------

function Choice({ name, options, value, onChange }) {
  return html`<div class="options">${options.map(([key, label, hint]) => html`<label class=${`option${value === key ? " on" : ""}`}><input type="radio" name=${name} checked=${value === key} onChange=${() => onChange(key)} /><span><strong>${label}</strong><span class="hint">${hint}</span></span></label>`)}</div>`;
}

const ASKS = ["pages", "fields", "claims", "ledger"];
const FROM_TABLE = new Set(["claims", "ledger"]);
const tableProblem = signal(null);

/** What people do with the pages. Whole pages are shown to those who check claims: that needs the widest privacy level. */
function Asks() {
  const wanted = wish.value;
  const choose = (asks) => {
    const privacy = FROM_TABLE.has(asks) ? "off" : FROM_TABLE.has(wanted.asks) || (asks === "fields" && wanted.privacy === "strict") ? "standard" : wanted.privacy;
    tableProblem.value = null;
    change({ asks, privacy });
  };
  return html`<section class="card step" id="asks-what"><h2><span class="number">3</span>${t("step_asks")}</h2>
    <fieldset><legend class="unseen">${t("step_asks")}</legend><${Choice} name="asks" value=${wanted.asks} onChange=${choose} options=${ASKS.map((key) => [key, t(`asks_${key}`), t(`asks_${key}_why`)])} /></fieldset>
    ${FROM_TABLE.has(wanted.asks) && html`<${Table} sheet=${wanted.asks} />`}
  </section>`;
}

function Table({ sheet }) {
  const told = draft.value.questions?.sheet === sheet ? draft.value.questions : null;
  const send = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    try {
      const questions = await putBytes(at`/api/desk/drafts/${draftId}/questions/${sheet}` + `?name=${encodeURIComponent(file.name.slice(0, 200))}`, file);
      tableProblem.value = null;
      draft.value = { ...draft.value, questions };
      await askQuote();
    } catch (thrown) {
      tableProblem.value = asProblem(thrown);
    }
  };
  const drop = async () => {
    await del(at`/api/desk/drafts/${draftId}/questions`);
    draft.value = { ...draft.value, questions: null };
    await askQuote();
  };
  return html`<div class="questions-table"><p class="hint">${t(`table_${sheet}_why`)} <a href=${at`/api/desk/samples/${sheet}.csv`} download>${t("table_sample")}</a></p>
    <${Problem} problem=${tableProblem.value} />
    ${told && html`<p role="status"><strong dir="auto">${told.name || t("table_here")}</strong> ${t("table_count", { n: count(told.count) })}${told.known > 0 && ` ${t("table_known", { n: count(told.known) })}`}${told.twice > 0 && ` ${t("table_twice", { n: count(told.twice) })}`} <button class="plain" onClick=${drop}>${t("remove")}<span class="unseen"> ${told.name}</span></button></p>`}
    <p><label class=${`button${told ? " quietly" : ""}`}>${t(told ? "table_other" : "table_choose")}<input class="unseen" type="file" accept=".csv,text/csv,text/plain" onChange=${send} /></label></p></div>`;
}

/** What workers are told that counts as each field: the kind's own words until the requester has others. */
function Meanings({ fields, means }) {
  const usual = (field) => field.counts[language] ?? field.counts.en ?? "";
  const say = (field, text) => {
    const { [field.name]: _, ...others } = means;
    const said = text.trim();
    change({ means: said && said !== usual(field) ? { ...others, [field.name]: said } : others });
  };
  return html`<details class="meanings"><summary>${t("means_title")}</summary><p class="hint">${t("means_why")}</p>
    ${fields.map((field) => html`<label key=${field.name}><span dir="auto">${fieldName(field.name)}</span><textarea rows="2" maxlength="240" dir="auto" value=${means[field.name] ?? usual(field)} onChange=${(event) => say(field, event.target.value)}></textarea></label>`)}
  </details>`;
}

function Fields() {
  const wanted = wish.value;
  const kinds = choices.value.kinds;
  const recognised = [...new Set(draft.value.documents.map((one) => one.kind))];
  const kind = wanted.kind || (recognised.length === 1 ? recognised[0] : "");
  const fields = kinds.find((one) => one.kind === kind)?.fields ?? [];
  const picked = new Set(wanted.fields.length ? wanted.fields : fields.map((field) => field.name));
  const toggle = (name) => {
    if (picked.has(name)) picked.delete(name);
    else picked.add(name);
    change({ fields: picked.size === fields.length ? [] : fields.map((field) => field.name).filter((one) => picked.has(one)) });
  };
  const table = FROM_TABLE.has(wanted.asks);
  return html`<section class="card step" id="fields"><h2><span class="number">4</span>${t(table ? "step_title" : "step_fields")}</h2>
    <label>${t("job_title")}<input value=${wanted.title} maxlength="200" onInput=${(event) => change({ title: event.target.value })} /></label>
    ${!table && html`<label>${t("doc_kind")}<select value=${wanted.kind} onChange=${(event) => change({ kind: event.target.value, fields: [] })}>
      <option value="" selected=${wanted.kind === ""}>${t("kind_guessed", { kinds: recognised.map((one) => t(`kind_${one}`)).join(", ") })}</option>
      ${kinds.map((one) => html`<option value=${one.kind} selected=${wanted.kind === one.kind}>${t(`kind_${one.kind}`)}</option>`)}
    </select></label>`}
    ${!table && fields.length > 0 && (wanted.regions.length === 0 || wanted.asks === "fields") && html`<fieldset><legend>${t("fields_pick")}</legend><p class="hint">${t(wanted.asks === "fields" ? "fields_find_why" : "fields_pick_why")}</p><div class="chips">${fields.map((field) => html`<label class="chip"><input type="checkbox" checked=${picked.has(field.name)} onChange=${() => toggle(field.name)} /><span dir="auto">${fieldName(field.name)}</span></label>`)}</div></fieldset>`}
    ${wanted.asks === "fields" && fields.length > 0 && html`<${Meanings} fields=${fields.filter((field) => picked.has(field.name))} means=${wanted.means ?? {}} />`}
    ${wanted.asks === "pages" && html`<p class="spread"><span>${wanted.regions.length === 0 ? t("draw_invite") : t("draw_count", { n: count(wanted.regions.length) })}</span>
      <span><button class="button quietly small" onClick=${() => (drawn.value = draft.value.pages[0])}>${t("draw_open")}</button>${wanted.regions.length > 0 && html` <button class="plain" onClick=${() => change({ regions: [] })}>${t("draw_clear")}</button>`}</span></p>`}
  </section>`;
}

const LEVELS_OF = { pages: ["strict", "standard", "off"], fields: ["standard", "off"], claims: ["off"], ledger: ["off"] };
const QUALITIES = [["9900", "q_good"], ["9950", "q_high"], ["9980", "q_highest"]];

/** The token that a wish is paid in: the one that it names, or the first that is offered. */
const currencyOf = (wanted) => choices.value.currencies.find((one) => one.code === wanted.currency) ?? choices.value.currencies[0];

function Rules() {
  const wanted = wish.value;
  const paidIn = currencyOf(wanted);
  const { exponent, floor_per_hour_minor: floor } = paidIn;
  const unit = 10 ** exponent;
  const wholeMinor = (text) => Math.round(Number(text) * unit);
  // an hour in another money is another figure, and nothing is exchanged: half above its floor, as in the first
  const payIn = (one) => change({ currency: one.code, per_hour_minor: Math.ceil(one.floor_per_hour_minor * 1.5), budget_minor: null });
  const localTime = (ms) => (ms ? new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : "");
  return html`<section class="card step" id="rules"><h2><span class="number">5</span>${t("step_rules")}</h2>
    <fieldset><legend>${t("quality")}</legend><${Choice} name="quality" value=${String(wanted.target_bp)} onChange=${(key) => change({ target_bp: Number(key) })} options=${QUALITIES.map(([key, name]) => [key, percent(Number(key)), t(name)])} /></fieldset>
    <fieldset><legend>${t("privacy")}</legend><${Choice} name="privacy" value=${wanted.privacy} onChange=${(key) => change({ privacy: key })} options=${LEVELS_OF[wanted.asks].map((key) => [key, t(`privacy_${key}`), t(`privacy_${key}${key === "off" && FROM_TABLE.has(wanted.asks) ? "_table" : ""}_why`)])} /></fieldset>
    ${choices.value.currencies.length > 1 && html`<label>${t("paid_in_token")}<span class="hint">${t("paid_in_token_why")}</span><select value=${paidIn.code} onChange=${(event) => payIn(choices.value.currencies.find((one) => one.code === event.target.value))}>${choices.value.currencies.map((one) => html`<option value=${one.code} selected=${one.code === paidIn.code}>${one.spoken === one.code ? one.code : `${one.spoken} · ${one.code}`}</option>`)}</select></label>`}
    <div class="pair">
      <label>${t("per_hour_wish", { money: paidIn.spoken })}<span class="hint">${t("per_hour_floor", { amount: money(floor, paidIn.code, exponent) })}</span><input type="number" inputmode="decimal" min=${floor / unit} step=${exponent ? "0.5" : "1"} value=${wanted.per_hour_minor / unit} onInput=${(event) => Number(event.target.value) > 0 && change({ per_hour_minor: wholeMinor(event.target.value) })} /></label>
      <label>${t("budget", { money: paidIn.spoken })}<span class="hint">${t("budget_why")}</span><input type="number" inputmode="decimal" min="0" step="1" value=${wanted.budget_minor === null ? "" : wanted.budget_minor / unit} onInput=${(event) => change({ budget_minor: Number(event.target.value) > 0 ? wholeMinor(event.target.value) : null })} /></label>
    </div>
    <label>${t("deadline")}<span class="hint">${t("deadline_why")}</span><input type="datetime-local" value=${localTime(wanted.deadline_ms)} onChange=${(event) => change({ deadline_ms: event.target.value ? new Date(event.target.value).getTime() : null })} /></label>
    ${wanted.deadline_ms && html`<label class="choice"><input type="checkbox" checked=${wanted.stop_at_deadline} onChange=${(event) => change({ stop_at_deadline: event.target.checked })} />${t("stop_at_deadline")}</label>`}
    <details><summary>${t("more_rules")}</summary>
      <fieldset><legend>${t("machine")}</legend><${Choice} name="machine" value=${wanted.machine} onChange=${(key) => change({ machine: key })} options=${["agreeing_readers", "none"].map((key) => [key, t(`machine_${key}`), t(`machine_${key}_why`)])} /></fieldset>
      <fieldset><legend>${t("content")}</legend><${Choice} name="content" value=${wanted.content_class} onChange=${(key) => change({ content_class: key })} options=${["plain", "sensitive"].map((key) => [key, t(`content_${key}`), t(`content_${key}_why`)])} /></fieldset>
      <label>${t("daily_cap")}<span class="hint">${t("daily_cap_why")}</span><input type="number" inputmode="numeric" min="2" max="30" step="1" value=${wanted.daily_cap_parts ?? ""} onChange=${(event) => change({ daily_cap_parts: Number(event.target.value) >= 2 ? Math.min(30, Math.round(Number(event.target.value))) : null })} /></label>
      <label>${t("description")}<span class="hint">${t("description_why")}</span><textarea rows="3" maxlength="2000" value=${wanted.description} onInput=${(event) => change({ description: event.target.value })}></textarea></label>
      <${Who} wanted=${wanted} change=${change} />
      ${choices.value.simulated_crowd && html`<fieldset><legend>${t("crowd")}</legend><${Choice} name="crowd" value=${wanted.crowd} onChange=${(key) => change({ crowd: key })} options=${["people", "simulated"].map((key) => [key, t(`crowd_${key}`), t(`crowd_${key}_why`)])} /></fieldset>`}
    </details>
  </section>`;
}

// --- quote ---------------------------------------------------------------------------------------------------------

function TryOut() {
  const asked = tryoutQuote.value;
  const state = tryout.value;
  const { code: currency, exponent } = currencyOf(wish.value);
  if (state) {
    const decided = (state.tasks?.accepted ?? 0) + (state.tasks?.unreadable ?? 0);
    const all = decided + (state.tasks?.open ?? 0) + (state.tasks?.held ?? 0) + (state.tasks?.frozen ?? 0) + (state.tasks?.withdrawn ?? 0);
    const series = state.series ?? { slices: [], timed_answers: 0 };
    const judged = series.slices.reduce((sum, slice) => sum + slice.decided, 0);
    const agreeing = series.slices.reduce((sum, slice) => sum + slice.agreeing, 0);
    return html`<div class="tryout"><h3>${t("tryout")} <span class=${`state ${state.state}`}>${t(`state_${state.state}`)}</span></h3>
      ${state.simulated && html`<${Simulated} />`}
      <dl class="facts"><div><dt>${t("tryout_decided")}</dt><dd>${count(decided)} / ${count(all)}</dd></div><div><dt>${t("answers")}</dt><dd>${count(state.answers ?? 0)}</dd></div>
      ${series.timed_answers > 0 && html`<div><dt>${t("tryout_pace")}</dt><dd>${about(series.active_ms_median / 1000)}</dd></div>`}
      ${judged > 0 && html`<div><dt>${t("agreement")}</dt><dd>${percent(Math.floor((agreeing * 10_000) / judged))}</dd></div>`}</dl>
      ${series.timed_answers > 0 && quote.value && html`<p class="hint">${t("tryout_compare", { measured: about(series.active_ms_median / 1000), expected: about(quote.value.effort_ms_per_answer / 1000), n: count(series.timed_answers) })}</p>`}
      <p><a href=${at`/desk/jobs/${state.job_id}`}>${t("tryout_open")}</a></p></div>`;
  }
  if (!asked) return html`<div class="tryout"><h3>${t("tryout")}</h3><p class="hint">${t("tryout_why")}</p><button class="button quietly small" onClick=${askTryout}>${t("tryout_ask")}</button></div>`;
  return html`<div class="tryout"><h3>${t("tryout")}</h3><p>${t("tryout_costs")} <strong><${Amount} minor=${asked.total_minor} currency=${currency} exponent=${exponent} digits=${2} /></strong></p>
    <button class="button quietly small" disabled=${launching.value !== ""} onClick=${() => launch(asked, true)}>${t("tryout_do")}</button></div>`;
}

function QuotePanel() {
  const told = quote.value;
  if (draft.value.state !== "ready") return html`<aside class="card quote-panel"><h2>${t("quote")}</h2><p class="quiet">${t("quote_later")}</p></aside>`;
  return html`<aside class=${`card quote-panel${saving.value ? " stale" : ""}`} aria-busy=${saving.value}>
    <h2>${t("quote")}</h2>
    <${Problem} problem=${quoteProblem.value} />
    ${told && html`
      <p class="price"><span class="big"><${Amount} digits=${2} minor=${told.expected_minor} currency=${told.currency} exponent=${told.exponent} /></span> <span class="quiet">${t("expected_word")}</span></p>
      <p class="hint">${t("most_is")} <strong><${Amount} digits=${2} minor=${told.total_minor} currency=${told.currency} exponent=${told.exponent} /></strong>. ${t("most_why")}</p>
      ${told.daily_cap && html`<p class="hint">${t("daily_cap_job", { parts: told.daily_cap.parts, amount: money(told.daily_cap.per_day_minor, told.currency, told.exponent, 2), days: told.daily_cap.days_expected, most: told.daily_cap.days_most })}</p>`}
      <${Forecast} quote=${told} deadline=${wish.value.deadline_ms} />
      <details><summary>${t("line_by_line")}</summary><${QuoteLines} quote=${told} /><p class="hint">${t("rests_on")} <span dir="auto">${say(told, "rests_on")}</span></p></details>
      ${told.free_minor !== null && told.free_minor !== undefined && html`<p class=${told.short_minor ? "notice bad" : "hint"} role=${told.short_minor ? "alert" : undefined}>${t(told.short_minor ? "purse_short" : "purse_covers", { free: money(told.free_minor, told.currency, told.exponent, 2), short: money(told.short_minor, told.currency, told.exponent, 2) })} <a href="/desk/money">${t("desk_money")}</a></p>`}
      ${told.above_budget && html`<p class="notice bad" role="alert">${t("above_budget")}</p>`}
      <${TryOut} />
      <p class="hint">${t("launch_why")}</p>
      <div class="launch-bar"><button class="button wide" disabled=${saving.value || launching.value !== "" || told.above_budget || told.short_minor > 0} onClick=${() => launch(told, false)}>${t("launch_for")} <${Amount} digits=${2} minor=${told.total_minor} currency=${told.currency} exponent=${told.exponent} /></button></div>`}
    ${!told && !quoteProblem.value && html`<${Loading} />`}
  </aside>`;
}

export function Page() {
  useEffect(() => {
    const leave = (event) => up?.sending.value && event.preventDefault();
    addEventListener("beforeunload", leave);
    return () => removeEventListener("beforeunload", leave);
  }, []);
  const told = draft.value;
  if (!told || !wish.value || !choices.value) return problem.value ? html`<${Problem} problem=${problem.value} again=${start} />` : html`<${Loading} />`;
  if (told.state === "launched") return html`<section class="card narrow"><h1 dir="auto">${told.title}</h1><p>${t("draft_is_job")}</p><p><a class="button" href=${at`/desk/jobs/${told.job_id}`}>${t("to_the_job")}</a></p></section>`;
  const ready = told.state === "ready";
  return html`<p class="over"><a href="/desk">${t("title_desk")}</a></p><h1 dir="auto">${wish.value.title}</h1>
    <${Problem} problem=${problem.value} />
    <div class="desk-columns">
      <div class="stack"><${Files} /><${Pages} />${ready && html`<${Asks} /><${Fields} /><${Rules} />`}</div>
      <${QuotePanel} />
    </div>
    ${drawn.value && html`<${DrawDialog} page=${drawn.value} regions=${wish.value.regions} onChange=${(regions) => change({ regions })} onClose=${() => (drawn.value = null)} />`}`;
}
