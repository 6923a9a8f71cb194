// What was earned, what is waiting and why, what was refused and why, and the proof of each answer.
import "manyhands/more.js";
import { Amount, asProblem, clock, count, Hash, html, language, loader, Loading, Problem, signal, spoken, t, when } from "manyhands/kit.js";
import { at, get, post } from "manyhands/api.js";
import { Rows } from "manyhands/rows.js";
import { say } from "manyhands/say.js";

const earnings = loader(() => get("/api/earnings"));
const hours = loader(() => get("/api/hours"));
const learned = loader(() => get("/api/learned"));
const refusals = loader(() => get("/api/refusals"));
const shown = signal({});
const appealing = signal(null);
const appealProblem = signal(null);

/** Monday of the week in which the hour lies, in the reader's own time. */
function weekOf(hourMs) {
  const day = new Date(hourMs);
  day.setHours(0, 0, 0, 0);
  day.setDate(day.getDate() - ((day.getDay() + 6) % 7));
  return day.getTime();
}

function grouped(rows, keyOf) {
  const groups = new Map();
  for (const row of rows) {
    const at = keyOf(row.hour_ms);
    const key = `${at} ${row.currency}`; // two kinds of money are never added
    const sum = groups.get(key) ?? { at, currency: row.currency, answers: 0, active_ms: 0, offered_minor: 0 };
    sum.answers += row.answers;
    sum.active_ms += row.active_ms;
    sum.offered_minor += row.offered_minor;
    groups.set(key, sum);
  }
  return [...groups.values()].sort((a, b) => b.at - a.at);
}

const perHour = (row) => (row.active_ms >= 60_000 ? Math.round((row.offered_minor * 3_600_000) / row.active_ms) : null);

function Times({ rows, title, name }) {
  const columns = [
    [title, (row) => name(row.at), "head"],
    [t("answers"), (row) => count(row.answers), "figure"],
    [t("time_worked"), (row) => clock(row.active_ms), "figure"],
    [t("offered"), (row) => html`<${Amount} minor=${row.offered_minor} currency=${row.currency} digits=${2} />`, "figure"],
    [t("per_hour"), (row) => (perHour(row) === null ? html`<span class="quiet">${t("not_measured")}</span>` : html`<${Amount} minor=${perHour(row)} currency=${row.currency} digits=${2} />`), "figure"],
  ];
  return html`<${Rows} name=${title} columns=${columns} rows=${rows} />`;
}

function ByTime() {
  const { value } = hours.state.value;
  if (!value?.hours.length) return null;
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const hour = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
  return html`<section class="card"><h2>${t("by_week")}</h2><p class="hint">${t("by_week_why")}</p>
    <${Times} rows=${grouped(value.hours, weekOf)} title=${t("week_from")} name=${(ms) => day.format(ms)} />
    <details><summary>${t("by_hour")}</summary><${Times} rows=${grouped(value.hours, (ms) => ms).slice(0, 200)} title=${t("hour_from")} name=${(ms) => hour.format(ms)} /></details></section>`;
}

/** The tool that knows what choices are called; fetched by the first answer that was chosen. */
const choice = signal(null);
let wanted = false;

/** An answer as the worker gave it: keyed, or chosen in the reader's own words. question = as the task carried it */
function given(question, text) {
  const asks = question?.includes(" ");
  if (asks && !wanted) {
    wanted = true;
    import("manyhands/tools/choice.js").then((tool) => (choice.value = tool), () => (wanted = false));
  }
  if (text === null || text === undefined) return t(asks ? "cannot_tell" : "cannot_read");
  if (text === "") return t("nothing_there");
  return asks && choice.value ? choice.value.words(question, text) : text;
}

/** What was asked, where the question has words. */
function Asked({ question }) {
  return question?.includes(" ") && choice.value ? html`<span class="hint block" dir="auto">${choice.value.about(question)}</span>` : null;
}

async function appeal(event, jobId) {
  event.preventDefault();
  appealProblem.value = null;
  try {
    await post(at`/api/jobs/${jobId}/appeal`, { words: new FormData(event.currentTarget).get("words") });
    appealing.value = null;
    await refusals.ask();
  } catch (thrown) {
    appealProblem.value = asProblem(thrown);
  }
}

function RefusedJob({ rows, appeals }) {
  const [{ job_id: jobId, title }] = rows;
  const may = rows.some((row) => row.can_appeal);
  const own = appeals.filter((one) => one.job_id === jobId);
  return html`<li class="card refused-job">
    <h3 dir="auto">${title}</h3>
    <p class="hint">${t("refused_n", { n: count(rows.length) })}</p>
    <p dir="auto"><strong>${t("reason")}</strong> ${say(rows[0])}</p>
    <div class="exhibits">${rows.slice(0, 8).map((row) => html`<figure><img src=${row.picture_url} alt=${t("cutting_alt")} loading="lazy" /><figcaption><${Asked} question=${row.question} />${t(row.question?.includes(" ") ? "you_chose" : "you_keyed")}: <b dir="auto">${given(row.question, row.text)}</b> · <${Amount} minor=${row.reward_minor} currency=${row.currency} exponent=${row.exponent} /></figcaption></figure>`)}</div>
    ${rows.length > 8 && html`<p class="hint">${t("and_more", { n: count(rows.length - 8) })}</p>`}
    ${own.map((one) => html`<p class=${`notice ${one.state === "granted" ? "good" : one.state === "denied" ? "bad" : ""}`} role="status"><strong>${t(`appeal_${one.state}`)}</strong> <span dir="auto">${say(one)}</span>${one.restored_minor > 0 ? html` · <${Amount} minor=${one.restored_minor} />` : ""}</p>`)}
    ${may && appealing.value !== jobId && html`<p class="row"><button class="button" onClick=${() => (appealing.value = jobId)}>${t("appeal")}<span class="unseen"> ${title}</span></button></p>`}
    ${may && appealing.value === jobId && html`<form onSubmit=${(event) => appeal(event, jobId)}>
      <p>${t("appeal_why")}</p>
      <label>${t("appeal_words")}<textarea name="words" rows="3" maxlength="2000" required></textarea></label>
      <${Problem} problem=${appealProblem.value} />
      <p class="row"><button class="button">${t("appeal_send")}</button> <button type="button" class="button quietly" onClick=${() => (appealing.value = null)}>${t("cancel")}</button></p></form>`}
    ${!may && own.length === 0 && html`<p class="quiet">${t("appeal_over")}</p>`}
  </li>`;
}

function Refused() {
  const { value, problem } = refusals.state.value;
  if (problem) return html`<${Problem} problem=${problem} again=${refusals.ask} />`;
  if (!value?.refusals.length) return null;
  const jobs = new Map();
  for (const row of value.refusals) jobs.set(row.job_id, [...(jobs.get(row.job_id) ?? []), row]);
  return html`<section id="refused" class="apart-top"><h2>${t("refused_answers")}</h2><ul class="offers">${[...jobs.values()].map((rows) => html`<${RefusedJob} rows=${rows} appeals=${value.appeals} />`)}</ul></section>`;
}

async function showAnswers(event, jobId) {
  if (!event.currentTarget.open || shown.value[jobId]) return;
  try {
    shown.value = { ...shown.value, [jobId]: await get(at`/api/own/answers/${jobId}`) };
  } catch (thrown) {
    shown.value = { ...shown.value, [jobId]: { problem: asProblem(thrown), answers: [] } };
  }
}

function fate(one) {
  if (one.state !== "answered") return t(`own_${one.state}`);
  if (one.outcome === null) return t("waiting_check");
  return t(one.outcome === "accepted" ? "accepted" : "refused");
}

const ANSWER_COLUMNS = () => [
  [t("you_answered"), (one) => (one.state === "answered" ? html`${given(one.question, one.text)}<${Asked} question=${one.question} />` : html`<span class="quiet">–</span>`)],
  [t("verdict"), (one) => html`${(one.value ?? null) === null ? null : given(one.question, one.value)}${(one.value ?? null) === null && html`<span class="quiet">${t(one.task_state === "unreadable" ? "task_unreadable" : "no_verdict")}</span>`}${one.verdict_because && html`<span class="hint block">${say(one, "verdict_because")}</span>`}`],
  [t("outcome"), (one) => html`${fate(one)}${one.because && html`<span class="hint block">${say(one)}</span>`}`],
  [t("time_worked"), (one) => (one.active_ms === null ? "" : clock(one.active_ms)), "figure"],
  [t("reward"), (one) => html`<${Amount} minor=${one.earned_minor ?? one.reward_minor} />`, "figure"],
  [t("at"), (one) => (one.received_at_ms === null ? "" : when(one.received_at_ms))],
];

function OwnAnswers({ job }) {
  const found = shown.value[job.job_id];
  return html`<details onToggle=${(event) => showAnswers(event, job.job_id)}><summary>${t("task_by_task")}<span class="unseen"> ${job.title}</span></summary>
    ${!found && html`<${Loading} />`}
    ${found?.problem && html`<${Problem} problem=${found.problem} />`}
    ${found?.answers.length > 0 && html`<${Rows} name=${`${t("task_by_task")}: ${job.title}`} columns=${ANSWER_COLUMNS()} rows=${found.answers} />
      ${found.more && html`<p class="hint">${t("answers_more")}</p>`}`}
  </details>`;
}

async function saveReceipts(job) {
  const receipts = await get(at`/api/receipts/${job.job_id}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(receipts, null, 1)], { type: "application/json" }));
  link.download = `receipts-${job.job_id}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function Job({ job }) {
  const { currency, exponent } = job;
  const part = (name, minor) => Boolean(minor) && html`<div><dt>${t(name)}</dt><dd><${Amount} minor=${minor} currency=${currency} exponent=${exponent} /></dd></div>`;
  return html`<li class="card">
    <div class="offer-head"><h2 dir="auto"><a href=${`/jobs/${encodeURIComponent(job.job_id)}`}>${job.title}</a></h2></div>
    <dl class="facts">
      <div><dt>${t("answers")}</dt><dd>${count(job.answers)}</dd></div>
      <div><dt>${t("accepted")}</dt><dd>${count(job.accepted)}</dd></div>
      <div><dt>${t("waiting_check")}</dt><dd>${count(job.waiting)}</dd></div>
      <div><dt>${t("refused")}</dt><dd>${count(job.refused)}</dd></div>
      ${part("pending_money", job.pending_minor)}${part("earned_job", job.earned_minor)}${part("bonus", job.bonus_minor)}${part("top_up", job.top_up_minor)}${part("restored", job.restored_minor)}${part("learning", job.learning_minor)}${part("paid", job.paid_minor)}
    </dl>
    ${job.because && html`<p class="hint" dir="auto">${say(job)}</p>`}
    ${job.transactions.length > 0 && html`<p class="hint">${t("paid_in")} ${job.transactions.map((tx) => html`<${Hash} value=${tx.tx_hash} /> <span class="quiet">${t("on_chain", { id: tx.chain_id })}</span> `)}</p>`}
    <${OwnAnswers} job=${job} />
    <p class="row"><button class="button quietly small" onClick=${() => saveReceipts(job)}>${t("save_receipts")}<span class="unseen"> ${job.title}</span></button> <a class="button quietly small" href="/proof">${t("check_receipts")}</a></p>
  </li>`;
}

/** Guides read and practices done: what is still due, and why. */
function Ready({ jobs }) {
  const paidBy = (jobId) => jobs.find((job) => job.job_id === jobId) ?? {};
  const rows = (learned.state.value.value?.learned ?? []).filter((one) => one.paid_in !== "");
  if (rows.length === 0) return null;
  return html`<section class="card" id="ready"><h2>${t("ready")}</h2><p class="hint">${t("ready_why")}</p>
    <ul class="plain-list">${rows.map((one) => html`<li><span>${t(`ready_${one.part}`)}: <span dir="auto">${t(`kind_${one.task_type}`)}</span>${one.asked_count ? ` · ${t("right_of", { right: one.right_count, all: one.asked_count })}` : ""}</span>
      ${one.paid_in === null ? html`<span class="state">${t("ready_due")}</span>` : html`<span class="state closed">${t("paid")} <${Amount} minor=${one.paid_minor} currency=${paidBy(one.paid_in).currency} exponent=${paidBy(one.paid_in).exponent} /></span>`}</li>`)}</ul></section>`;
}

/** What was earned in one currency. named: whether it is said which, as there are several. */
function Sums({ value, named }) {
  const { currency, exponent } = value;
  const big = (name, minor, hint) => html`<div><dt>${t(name)}</dt><dd><${Amount} minor=${minor} currency=${currency} exponent=${exponent} /></dd><dd class="hint">${t(hint)}</dd></div>`;
  return html`${named && html`<h2 class="currency">${spoken(currency)}${spoken(currency) !== currency && html` <span class="quiet">${currency}</span>`}</h2>`}
    <dl class="bigs">
      ${big("paid", value.paid_minor, "paid_why")}
      ${big("accepted_money", value.accepted_minor, "accepted_why")}
      ${big("pending", value.pending_minor, "pending_why")}
      <div><dt>${t("per_hour")}</dt><dd>${value.pay_per_hour_minor === null ? html`<span class="quiet">${t("not_measured")}</span>` : html`<${Amount} minor=${value.pay_per_hour_minor} currency=${currency} exponent=${exponent} />`}</dd><dd class="hint">${t("per_hour_why", { time: clock(value.credited_ms) })}</dd></div>
    </dl>`;
}

export function Page() {
  const { value, problem, loading } = earnings.state.value;
  if (loading) return html`<${Loading} />`;
  if (!value) return html`<${Problem} problem=${problem} again=${earnings.ask} />`;
  const every = [value, ...value.others];
  const jobs = every.flatMap((one) => one.jobs);
  return html`<h1>${t("nav_earnings")}</h1>
    ${every.map((one) => html`<${Sums} key=${one.currency} value=${one} named=${every.length > 1} />`)}
    ${every.length > 1 && html`<p class="hint">${t("currencies_apart")}</p>`}
    <p class="row"><a class="button quietly small" href="/api/statement.pdf" download>${t("statement_pdf")}</a> <a class="button quietly small" href="/api/statement.csv" download>${t("statement_csv")}</a> <a class="button quietly small" href="/limits">${t("take_along")}</a></p>
    <${Refused} />
    <${ByTime} />
    <${Ready} jobs=${jobs} />
    <h2>${t("by_job")}</h2>
    ${jobs.length === 0 && html`<p class="card empty">${t("no_earnings")}</p>`}
    <ul class="offers">${jobs.map((job) => html`<${Job} key=${job.job_id} job=${job} />`)}</ul>`;
}
