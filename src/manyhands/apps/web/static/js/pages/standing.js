// A worker's standing in each skill, and every change with its cause.
import "manyhands/more.js";
import { about, asProblem, count, html, language, loader, Loading, percent, Problem, signal, t, useSignal, when } from "manyhands/kit.js";
import { at, get, post } from "manyhands/api.js";
import { Rows } from "manyhands/rows.js";
import { say } from "manyhands/say.js";

const standing = loader(() => get("/api/standing"));
const link = loader(() => get("/api/own/link"));
const signs = loader(() => get("/api/own/signs"));
const practices = loader(() => get("/api/practice"));
const said = signal(null);
const answers = (milli) => new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(milli / 1000);

/** What moved, in points of a hundred; "" for the first. */
function moved(change, before) {
  if (!before) return t("first_standing");
  const points = (change.score_bp - before.score_bp) / 100;
  return new Intl.NumberFormat(language, { signDisplay: "exceptZero", maximumFractionDigits: 1 }).format(points);
}

const worded = (prefix, name) => (t(`${prefix}_${name}`) === `${prefix}_${name}` ? name : t(`${prefix}_${name}`));

/** Right of judged by kind of answer, in one job: why the scores of these kinds moved. */
const judged = (types) => (types ?? []).filter((one) => one.judged > 0).map((one) => t("right_of_kind", { kind: worded("answer", one.answer_type), right: count(one.right), n: count(one.judged) })).join("; ");

/** Why a standing moved, said here where its figures were told, else in the words it was told in. */
function cause(change) {
  const told = change.counts ?? {};
  if (told.judged === undefined) return say(change);
  return [
    t("moved_judged", { right: count(told.right), n: count(told.judged) }),
    told.taken_back && t("moved_taken_back", { n: count(told.taken_back) }),
    told.practice_asked && t("moved_practice", { right: count(told.practice_right), n: count(told.practice_asked) }),
  ].filter(Boolean).join("; ");
}

const BY_TYPE = () => [
  [t("answer_kind"), (one) => worded("answer", one.answer_type), "head"],
  [t("score"), (one) => percent(one.score_bp), "figure"],
  [t("right"), (one) => answers(one.right_milli), "figure"],
  [t("wrong"), (one) => answers(one.wrong_milli), "figure"],
  [t("last_job"), (one) => (one.judged ? t("right_of", { right: count(one.right), all: count(one.judged) }) : "–"), "figure"],
];

const COLUMNS = () => [
  [t("job"), (change) => change.title || t("earlier_job"), "head"],
  [t("at"), (change) => when(change.at_ms)],
  [t("score"), (change) => percent(change.score_bp), "figure"],
  [t("change"), (change) => moved(change, change.before), "figure"],
  [t("cause"), (change) => html`${cause(change)}${(change.types ?? []).length > 1 && judged(change.types) && html`<br /><span class="quiet">${judged(change.types)}</span>`}`],
];

function Skill({ row, changes }) {
  return html`<li class="card">
    <div class="offer-head"><h2>${worded("skill", row.skill)}</h2><p class="rate"><strong>${percent(row.score_bp)}</strong></p></div>
    <dl class="facts">
      <div><dt>${t("right")}</dt><dd>${answers(row.right_milli)}</dd></div>
      <div><dt>${t("wrong")}</dt><dd>${answers(row.wrong_milli)}</dd></div>
      <div><dt>${t("at")}</dt><dd>${when(row.at_ms)}</dd></div>
    </dl>
    <p class="hint">${t("score_why")}</p>
    ${(row.types ?? []).length > 0 && html`<h3>${t("by_answer_kind")}</h3><p class="hint">${t("by_answer_kind_why")}</p>
      <${Rows} name=${`${t("by_answer_kind")}: ${worded("skill", row.skill)}`} columns=${BY_TYPE()} rows=${row.types} />`}
    ${changes.length > 0 && html`${(row.types ?? []).length > 0 && html`<h3>${t("changes")}</h3>`}<${Rows} name=${`${t("changes")}: ${row.skill}`} columns=${COLUMNS()} rows=${changes.map((change, place) => ({ ...change, before: changes[place - 1] })).reverse()} />`}
  </li>`;
}

/** That one counts as one with other accounts: what it rests on, what follows, and one's own word on it. */
function Linked({ told }) {
  const send = async (event) => {
    event.preventDefault();
    try {
      await post("/api/own/link", { words: new FormData(event.target).get("words") });
      said.value = { done: true };
      link.ask();
    } catch (thrown) {
      said.value = { problem: asProblem(thrown) };
    }
  };
  if (!told.counted_as_one) return html`<section class="card" id="link"><h2>${t("link_undone")}</h2><p dir="auto">${say(told)}</p><p class="hint">${when(told.at_ms)}</p></section>`;
  return html`<section class="card" id="link"><h2>${t("link_title", { n: count(told.others) })}</h2>
    <p dir="auto">${say(told)}</p><p class="hint">${t("link_why")}</p>
    ${told.words && html`<p>${t("link_said")} <q dir="auto">${told.words}</q></p>`}
    <${Problem} problem=${said.value?.problem} />
    ${said.value?.done && html`<p class="notice good" role="status">${t("link_kept")}</p>`}
    <form onSubmit=${send}><label>${t("link_words")}<textarea name="words" rows="3" required minlength="1" maxlength="2000"></textarea></label><p><button class="button quietly">${t("link_send")}</button></p></form></section>`;
}

/** One sign in one's own answers of a job: its counts in words, what follows, and one's own word on it. */
function Noticed({ sign }) {
  const told = useSignal(null);
  const send = async (event) => {
    event.preventDefault();
    try {
      await post(at`/api/own/signs/${sign.job_id}/${sign.kind}`, { words: new FormData(event.target).get("words") });
      told.value = { done: true };
      signs.ask();
    } catch (thrown) {
      told.value = { problem: asProblem(thrown) };
    }
  };
  const known = t(`noticed_${sign.kind}`) !== `noticed_${sign.kind}`;
  const words = known ? t(`noticed_${sign.kind}`, { ...sign.evidence, time: about((sign.evidence.feasible_ms ?? 0) / 1000) }) : say(sign, "says");
  return html`<section class="card noticed"><h2>${t("noticed")}</h2>
    <p><strong dir="auto">${sign.title}</strong> <span class="quiet">${when(sign.at_ms)}</span></p>
    <p>${words} <a href="/earnings">${t("noticed_look")}</a></p>
    ${sign.cleared_because ? html`<p class="notice good">${t("noticed_cleared")} <q dir="auto">${sign.cleared_because}</q></p>` : html`<p class="hint">${t("noticed_why")}</p>`}
    ${sign.words && html`<p>${t("noticed_said")} <q dir="auto">${sign.words}</q></p>`}
    <${Problem} problem=${told.value?.problem} />
    ${told.value?.done && html`<p class="notice good" role="status">${t("noticed_kept")}</p>`}
    ${!sign.cleared_because && html`<form onSubmit=${send}><label>${t("noticed_words")}<textarea name="words" rows="2" required minlength="1" maxlength="2000"></textarea></label><p><button class="button quietly">${t("noticed_send")}</button></p></form>`}</section>`;
}

/** What can be practised, whether or not a job asks for it now. */
function Practices() {
  const list = practices.state.value.value?.practices ?? [];
  if (list.length === 0) return null;
  const named = (one) => (t(`kind_${one.task_type}`) === `kind_${one.task_type}` ? one.task_type_title : t(`kind_${one.task_type}`));
  const state = (one) => {
    if (one.answered === 0) return t("practise_new");
    return one.answered < one.pieces ? t("practise_begun", { n: one.answered, all: one.pieces }) : t("right_of", { right: one.right, all: one.asked });
  };
  return html`<section class="card" id="practise"><h2>${t("practise_title")}</h2><p class="hint">${t("practise_why")}</p>
    <ul class="plain-list">${list.map((one) => html`<li><a href=${`/practice/${one.task_type}`}>${named(one)}</a> <span class="quiet">${state(one)}</span></li>`)}</ul></section>`;
}

export function Page() {
  const { value, problem, loading } = standing.state.value;
  if (loading) return html`<${Loading} />`;
  const list = value?.standings ?? [];
  return html`<h1>${t("nav_standing")}</h1>
    <p class="lead small">${t("standing_why")}</p>
    <${Problem} problem=${problem} again=${standing.ask} />
    ${link.state.value.value?.link && html`<${Linked} told=${link.state.value.value.link} />`}
    ${(signs.state.value.value?.signs ?? []).map((sign) => html`<${Noticed} key=${`${sign.job_id}/${sign.kind}`} sign=${sign} />`)}
    ${value && list.length === 0 && html`<p class="card empty">${t("no_standing")}</p>`}
    <ul class="offers">${list.map((row) => html`<${Skill} key=${row.skill} row=${row} changes=${(value.changes ?? []).filter((one) => one.skill === row.skill)} />`)}</ul>
    <${Practices} />`;
}
