// One of the requester's jobs: live while it runs, its results when it is done, its bill, and how to end it early.
//
// Rules kept here
// - The state shown is the last one told. What happened is told once each, in order, also after the line was cut.
// - A figure that nobody has measured has no tile.
import { Amount, asProblem, batch, count, Hash, html, Loading, money, percent, Problem, signal, Simulated, t, useRef, when } from "manyhands/kit.js";
import { at, get, post } from "manyhands/api.js";
import { happening, Told } from "manyhands/told.js";
import { Chart } from "manyhands/desk/chart.js";
import { QuoteLines, span } from "manyhands/desk/quote.js";
import { AnswersView, DoubtsView, FilesView, PagesView, results } from "manyhands/desk/results.js";
import "manyhands/desk/words.js";
import { say } from "manyhands/say.js";

const jobId = decodeURIComponent(location.pathname.split("/")[3] ?? "");
const job = signal(null);
const happened = signal([]);
const line = signal("opening");
const problem = signal(null);
const tab = signal("progress");
const of = results(jobId);
const OVER = new Set(["closed", "refused"]);
const CAN_CANCEL = new Set(["quoted", "routed", "funding", "open"]);
const STATES = ["accepted_unseen", "accepted", "unreadable", "withdrawn", "frozen", "open", "held"];

async function start() {
  try {
    const told = await get(at`/api/desk/jobs/${jobId}`);
    batch(() => {
      job.value = told;
      happened.value = told.happened ?? [];
      problem.value = null;
    });
    if (told.state === "closed") done();
    if (OVER.has(told.state)) line.value = "over";
    else watch();
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

function watch() {
  const events = new EventSource(at`/api/desk/jobs/${jobId}/events`);
  let from = 0;
  events.addEventListener("open", () => (line.value = "live"));
  events.addEventListener("error", () => (line.value = events.readyState === EventSource.CLOSED ? "cut" : "again"));
  events.addEventListener("state", (event) => {
    line.value = "live";
    job.value = { ...job.value, ...JSON.parse(event.data) };
  });
  events.addEventListener("happened", (event) => {
    const number = Number(event.lastEventId);
    if (number <= from) return;
    from = number;
    const next = happened.value.slice(0, number - 1);
    next[number - 1] = JSON.parse(event.data);
    happened.value = next;
  });
  events.addEventListener("over", () => {
    events.close();
    line.value = "over";
    if (job.value.state === "closed") done();
  });
}

async function done() {
  tab.value = "pages";
  await of.load();
}

start();

// --- progress ------------------------------------------------------------------------------------------------------

function Live() {
  return html`<span class=${`live line-${line.value}`} role="status"><i aria-hidden="true"></i>${t(`line_${line.value}`)}</span>`;
}

function Tasks({ tasks }) {
  const all = STATES.reduce((sum, state) => sum + (tasks[state] ?? 0), 0);
  if (all === 0) return html`<p class="quiet">${t("no_tasks_yet")}</p>`;
  const open = (tasks.open ?? 0) + (tasks.held ?? 0) + (tasks.frozen ?? 0);
  return html`<div class="bar" role="img" aria-label=${t("tasks_done", { done: count(all - open), all: count(all) })}>${STATES.filter((state) => tasks[state] > 0).map((state) => html`<i class=${state} style=${{ flexGrow: tasks[state] }}></i>`)}</div>
    <dl class="legend">${STATES.filter((state) => tasks[state] > 0).map((state) => html`<div><dt><i class=${state}></i>${t(`task_${state}`)}</dt><dd>${count(tasks[state])}</dd></div>`)}</dl>`;
}

function Tiles({ value }) {
  const series = value.series ?? { slices: [], cost: [] };
  const decided = series.slices.reduce((sum, slice) => sum + slice.decided, 0);
  const agreeing = series.slices.reduce((sum, slice) => sum + slice.agreeing, 0);
  const tile = (name, shown, hint) => html`<div><dt>${t(name)}</dt><dd>${shown}</dd>${hint && html`<dd class="hint">${hint}</dd>`}</div>`;
  const cost = series.cost.length ? series.cost[series.cost.length - 1].cost_minor : null;
  return html`<dl class="bigs">
    ${tile("answers", count(value.answers ?? 0), value.workers ? t("from_people", { n: count(value.workers) }) : "")}
    ${decided > 0 && tile("agreement", percent(Math.floor((agreeing * 10_000) / decided)), t("agreement_why"))}
    ${cost !== null && cost !== undefined && tile("cost_so_far", money(cost, value.currency, value.exponent, 2), t("of_at_most", { amount: money(value.quote_total_minor, value.currency, value.exponent, 2) }))}
    ${value.expected_end_ms && tile("expected_end", when(value.expected_end_ms), t("expected_end_why", { n: count(series.recent_answers), span: span(series.recent_ms) }))}
    ${value.deadline_ms && tile("deadline", when(value.deadline_ms), value.stop_at_deadline ? t("stops_then") : "")}
  </dl>`;
}

function Charts({ value }) {
  const series = value.series;
  if (!series || series.slices.length === 0) return null;
  let answers = 0;
  let decided = 0;
  let agreeing = 0;
  const given = [];
  const agreed = [];
  for (const slice of series.slices) {
    given.push([slice.at_ms, (answers += slice.answers)]);
    decided += slice.decided;
    agreeing += slice.agreeing;
    if (decided > 0) agreed.push([slice.at_ms, Math.floor((agreeing * 10_000) / decided)]);
  }
  const cost = series.cost.map((one) => [one.at_ms, one.cost_minor]);
  const least = agreed.length ? Math.min(9_000, Math.floor(Math.min(...agreed.map(([, bp]) => bp)) / 500) * 500) : 0;
  const amount = (minor) => money(minor, value.currency, value.exponent, 2);
  return html`<div class="charts">
    <${Chart} title=${t("answers")} points=${given} now=${count(answers)} shown=${(n) => count(Math.round(n))} empty=${t("chart_soon")} />
    <${Chart} title=${t("agreement")} points=${agreed} now=${agreed.length ? percent(agreed[agreed.length - 1][1]) : ""} least=${least} most=${10_000} shown=${percent} fill=${false} empty=${t("chart_soon")} />
    <${Chart} title=${t("cost_so_far")} points=${cost} now=${cost.length ? amount(cost[cost.length - 1][1]) : ""} shown=${(minor) => amount(Math.round(minor))} empty=${t("chart_soon")} />
  </div>`;
}

function Happened() {
  if (happened.value.length === 0) return null;
  return html`<section class="card"><h2>${t("happened")}</h2><ol class="story timeline">${happened.value.map((one) => html`<li><span class="quiet">${when(one.at_ms)}</span> <strong>${happening(one.name)}</strong>${one.because ? html` <${Told} text=${say(one)} />` : ""}</li>`)}</ol></section>`;
}

function MoneyCard({ value }) {
  const rows = ["funded", "reserved", "paid", "fees", "refunded"].map((name) => [name, value[`${name}_minor`]]).filter(([, minor]) => minor !== undefined && minor !== null);
  return html`<section class="card"><h2>${t("money")}</h2>
    ${rows.length > 0 && html`<table class="sums"><tbody>${rows.map(([name, minor]) => html`<tr><th scope="row">${t(`money_${name}`)}</th><td class="figure"><${Amount} digits=${2} minor=${minor} currency=${value.currency} exponent=${value.exponent} /></td></tr>`)}</tbody></table>`}
    ${value.daily_cap && html`<p class="hint">${t("daily_cap_job", { parts: value.daily_cap.parts, amount: money(value.daily_cap.per_day_minor, value.currency, value.exponent, 2), days: value.daily_cap.days_expected, most: value.daily_cap.days_most })}</p>`}
    ${value.state === "closed" && html`<p class="row"><a class="button quietly small" href=${at`/api/desk/jobs/${jobId}/invoice.pdf`} download>${t("invoice")}</a></p>`}
    ${value.quote_lines && html`<details><summary>${t("quote")}</summary><${QuoteLines} quote=${{ lines: value.quote_lines, currency: value.currency, exponent: value.exponent, expected_minor: value.quote_expected_minor, total_minor: value.quote_total_minor }} /></details>`}
  </section>`;
}

function ProofCard({ value }) {
  return html`<section class="card"><h2>${t("proof_card")}</h2><p class="hint">${t("proof_card_why")}</p>
    ${value.judged && html`<p><span class=${`state ${value.judged.accepted ? "closed" : "refused"}`}>${t(value.judged.accepted ? "judged_accepted" : "judged_refused")}</span> ${value.judged.measured_bp < 0 ? "" : percent(value.judged.measured_bp)} <span class="hint" dir="auto">${say(value.judged, "rests_on")}</span></p>`}
    <dl class="facts">${value.escrow && html`<div><dt>${t("escrow")}</dt><dd><${Hash} value=${value.escrow} /></dd></div>`}${value.anchors?.length > 0 && html`<div><dt>${t("anchors")}</dt><dd>${count(value.anchors.length)}</dd></div>`}</dl>
    <p class="row"><a class="button quietly small" href=${at`/jobs/${jobId}`}>${t("public_page")}</a></p></section>`;
}

function Progress({ value }) {
  return html`<${Tiles} value=${value} />
    <section class="card"><h2>${t("progress")}</h2>${value.tasks ? html`<${Tasks} tasks=${value.tasks} />` : html`<p class="quiet">${t("not_begun")}</p>`}
      ${value.waits_for && html`<p class="hint waits"><${Told} text=${say(value, "waits_for")} /></p>`}
      <dl class="facts">${["documents", "pages", "pages_read"].filter((name) => value[name] !== undefined).map((name) => html`<div><dt>${t(name)}</dt><dd>${count(value[name])}</dd></div>`)}</dl></section>
    <${Charts} value=${value} />
    <div class="two"><${MoneyCard} value=${value} /><${ProofCard} value=${value} /></div>
    <${Happened} />`;
}

// --- ending --------------------------------------------------------------------------------------------------------

function Cancel({ value }) {
  const dialog = useRef(null);
  if (!CAN_CANCEL.has(value.state)) return null;
  const end = async (event) => {
    event.preventDefault();
    try {
      const told = await post(at`/api/desk/jobs/${jobId}/cancel`, { because: new FormData(event.target).get("because") });
      job.value = { ...job.value, state: told.state };
    } catch (thrown) {
      problem.value = asProblem(thrown);
    }
    dialog.current?.close();
  };
  return html`<button class="button quietly small" onClick=${() => dialog.current.showModal()}>${t("end_job")}</button>
    <dialog ref=${dialog} aria-labelledby="end-title"><form onSubmit=${end}><h2 id="end-title">${t("end_title")}</h2><p>${t("end_why")}</p>
      <label>${t("end_because")}<input name="because" maxlength="500" /></label>
      <p class="row"><button class="button danger">${t("end_do")}</button><button type="button" class="button quietly" onClick=${() => dialog.current.close()}>${t("end_stay")}</button></p></form></dialog>`;
}

function Tabs({ names }) {
  const choose = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const turn = document.dir === "rtl" ? -step : step;
    tab.value = names[(names.indexOf(tab.value) + turn + names.length) % names.length];
    event.currentTarget.querySelector(`#tab-${tab.value}`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${t("views")} onKeyDown=${choose}>${names.map((name) => html`<button role="tab" id=${`tab-${name}`} aria-selected=${tab.value === name} aria-controls="view" tabindex=${tab.value === name ? 0 : -1} onClick=${() => (tab.value = name)}>${t(`tab_${name}`)}</button>`)}</div>`;
}

async function takeBack(draftId) {
  try {
    await post(at`/api/desk/drafts/${draftId}/take-back`);
    location.assign(at`/desk/drafts/${draftId}`);
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

export function Page() {
  const value = job.value;
  if (!value) return problem.value ? html`<${Problem} problem=${problem.value} again=${start} />` : html`<${Loading} />`;
  const delivered = value.state === "closed" && of.heads.value !== null;
  const answered = delivered && of.answers.value.length > 0;
  const names = delivered ? [...(answered ? ["answers"] : []), "pages", "doubts", "files", "progress"] : ["progress"];
  const shown = names.includes(tab.value) ? tab.value : "progress";
  const openDoubt = async (doubt) => {
    await of.open(doubt.doc_id, doubt.page, doubt.piece_id);
    tab.value = "pages";
  };
  return html`<article class="watch">
    <p class="over"><a href="/desk">${t("title_desk")}</a></p>
    <div class="head-line"><h1 dir="auto">${value.title}</h1><span class="row tight"><${Cancel} value=${value} /></span></div>
    <p class="state-line"><span class=${`state ${value.state}`}>${t(`state_${value.state}`)}</span> <${Live} /> <span class="quiet">${when(value.created_at_ms)}</span></p>
    ${value.simulated && html`<${Simulated} />`}
    ${value.because && html`<p class="quiet"><${Told} text=${say(value)} /></p>`}
    ${value.state === "refused" && value.draft_id && html`<p class="row"><button class="button" onClick=${() => takeBack(value.draft_id)}>${t("back_to_draft")}</button></p>`}
    <${Problem} problem=${problem.value ?? (delivered ? of.problem.value : null)} />
    ${names.length > 1 && html`<${Tabs} names=${names} />`}
    <div id="view" role=${names.length > 1 ? "tabpanel" : undefined} aria-labelledby=${names.length > 1 ? `tab-${shown}` : undefined} class="stack">
      ${shown === "progress" && html`<${Progress} value=${value} />`}
      ${shown === "answers" && html`<${AnswersView} of=${of} onOpen=${openDoubt} />`}
      ${shown === "pages" && html`<${PagesView} of=${of} />`}
      ${shown === "doubts" && html`<${DoubtsView} of=${of} onOpen=${openDoubt} />`}
      ${shown === "files" && html`<${FilesView} of=${of} />`}
    </div>
  </article>`;
}
