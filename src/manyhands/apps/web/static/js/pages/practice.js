// Practice: known pieces one by one. Each answer is followed by what was right and why, before the next piece comes.
//
// Rules kept here
// - An answer counts when the site has it: a reply that got lost is asked for again, and the first answer stands.
// - The tools are those of the work itself; their keys work here as there. Enter goes on.
import "manyhands/more.js";
import { Amount, asProblem, effect, html, language, loader, Loading, money, percent, Problem, signal, t, useLayoutEffect, useRef } from "manyhands/kit.js";
import { at, get, post } from "manyhands/api.js";
import { Task } from "manyhands/tools/transcription.js";

const kind = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const practice = loader(() => get(at`/api/practice/${kind}?language=${language}`));
const offers = loader(() => get("/api/offers"));
const told = signal(null);
const problem = signal(null);
const sending = signal(false);

const size = signal(null);
const choice = signal(null);

function kindOf({ task_type: name, task_type_title: title }) {
  const told = t(`kind_${name}`);
  return told === `kind_${name}` ? title : told;
}

const isAsked = (question) => question.includes(" ");
effect(() => {
  // the tool for questions that are not keyed is fetched by the first of them
  const { value } = practice.state.value;
  if (!choice.peek() && value && [value.question, ...value.results.map((one) => one.question)].some(isAsked)) import("manyhands/tools/choice.js").then((tool) => {
    tool.size.value = 0; // a drawn page is small: all of it at one look
    choice.value = tool;
  }, (thrown) => (problem.value = asProblem(thrown)));
});

function shown(question, text) {
  const asks = isAsked(question);
  if (text === null) return t(asks ? "cannot_tell" : "cannot_read");
  return text === "" ? t("nothing_there") : asks && choice.value ? choice.value.words(question, text) : text;
}
const picture = (place) => at`/api/practice/${kind}/pictures/${place}?language=${language}`;

/** Why the last try at a piece was no answer; another piece begins without one. */
const why = { place: null, told: signal(null) };
function signalOf(place) {
  if (why.place !== place) Object.assign(why, { place, told: signal(null) });
  return why.told;
}

async function answer(place, text) {
  if (sending.value) return;
  sending.value = true;
  problem.value = null;
  try {
    const value = await post(at`/api/practice/${kind}/answer?language=${language}`, { place, text });
    practice.state.value = { loading: false, problem: null, value };
    told.value = value.results.find((one) => one.place === place);
  } catch (thrown) {
    problem.value = asProblem(thrown);
  } finally {
    sending.value = false;
  }
}

function Pieces({ value }) {
  const done = value.results.length;
  return html`<div class="progress" role="progressbar" aria-label=${t("practice")} aria-valuemin="0" aria-valuemax=${value.pieces} aria-valuenow=${done}>
    ${Array.from({ length: value.pieces }, (_, place) => {
      const result = value.results[place];
      return html`<i class=${`${result ? (result.was_right ? "stored" : "refused") : ""}${place === value.next && !told.value ? " here" : ""}`}></i>`;
    })}
  </div>`;
}

/** The piece, answered with the same tools as work: a field to key, places to tap, a page to judge and mark. */
function Question({ value }) {
  const why = signalOf(value.next);
  const place = value.next;
  const asks = isAsked(value.question);
  const tool = asks ? choice.value : { Task };
  useLayoutEffect(() => {
    size.value = null;
    const image = new Image();
    image.onload = () => (size.value = { src: image.src, width: image.naturalWidth, height: image.naturalHeight });
    image.onerror = () => (problem.value = { title: t("picture_broken") });
    image.src = picture(place);
  }, [place]);
  if (!tool) return html`<${Loading} />`;
  const item = { assignment_id: `practice-${kind}-${place}`, question: value.question, picture: size.value?.src, width: size.value?.width, height: size.value?.height, text: "" };
  const say = (text) => {
    answer(place, text);
    return true; // the piece stays until the reply is there; a lost one is told above it
  };
  return html`<div class="desk">
    ${asks
      ? html`<${tool.Picture} item=${item} />`
      : html`<div class="cutting" tabindex="0" role="group" aria-label=${t("cutting")}><img class="plain practice-piece" src=${picture(place)} alt=${t("cutting_alt")} /></div>`}
    ${value.options.length > 0
      ? html`<div class="keying options" role="group" aria-label=${t("practice_which")}>${value.options.map((option) => html`<button class="button quietly" dir="auto" onClick=${() => say(option)}>${option}</button>`)}</div>`
      : html`<${tool.Task} item=${item} answer=${say} why=${why.value} onTry=${(name) => (why.value = name)} keep=${() => {}} />`}
    <div class="others two">
      <button class="button quietly" onClick=${() => say(null)}>${t(asks ? "cannot_tell" : "cannot_read")}<kbd aria-hidden="true">⇧⏎</kbd></button>
      ${!asks && html`<button class="button quietly" onClick=${() => say("")}>${t("nothing_there")}</button>`}
    </div>
  </div>
  <p class="hint below">${t(place < value.lessons ? "practice_lesson" : "practice_counts", { n: place + 1, all: value.pieces })}</p>`;
}

/** A piece as it was, with what was right marked where a place is part of the answer. */
function Seen({ result }) {
  if (!isAsked(result.question)) return html`<img class="practice-piece small" src=${picture(result.place)} alt="" />`;
  return html`<p class="asked" dir="auto">${choice.value?.about(result.question)}</p>${choice.value && html`<${choice.value.Marked} src=${picture(result.place)} text=${result.right} own=${result.was_right ? null : result.answer} />`}`;
}

/** The verdict is right and the place that was marked is not. */
const elsewhere = ({ question, answer, right }) => isAsked(question) && answer !== null && right !== null && answer !== right && shown(question, answer) === shown(question, right);

/** What was right, and why. It has the focus, so that it is read out and Enter goes on. */
function Told({ result, last }) {
  const on = useRef(null);
  useLayoutEffect(() => on.current?.focus(), [result.place]); // before it is seen: no key press falls between
  return html`<section class="card told" aria-live="polite">
    <p class=${`verdict ${result.was_right ? "good" : "bad"}`}><span aria-hidden="true">${result.was_right ? "✓" : "✗"}</span> ${t(result.was_right ? "practice_right" : elsewhere(result) ? "practice_place" : isAsked(result.question) ? "practice_not" : "practice_wrong")}</p>
    <${Seen} result=${result} />
    <dl class="facts"><div><dt>${t(isAsked(result.question) ? "you_chose" : "you_keyed")}</dt><dd dir="auto"><code>${shown(result.question, result.answer)}</code></dd></div><div><dt>${t("practice_is")}</dt><dd dir="auto"><code>${shown(result.question, result.right)}</code></dd></div></dl>
    <p>${result.why[language] ?? result.why.en}</p>
    <p class="row"><button ref=${on} class="button next" onClick=${() => (told.value = null)}>${t(last ? "practice_end" : "next")}<kbd aria-hidden="true">⏎</kbd></button></p>
  </section>`;
}

/** What the practice brings, from the jobs that are open now. */
function Pay() {
  const paying = (offers.state.value.value?.offers ?? []).filter((one) => one.task_type === kind && one.learning.practice_minor > 0);
  const open = paying.filter((one) => one.learning.places_left > 0);
  const [best] = open.toSorted((a, b) => b.learning.practice_minor - a.learning.practice_minor);
  if (offers.state.value.loading) return null;
  if (!best) return html`<p class="notice">${t("practice_later")}</p>`;
  return html`<p class="notice good">${t("practice_pays", { pay: money(best.learning.practice_minor, best.currency, best.exponent, 2), title: best.title, n: best.learning.places_left })}</p>`;
}

function Done({ value }) {
  const work = (offers.state.value.value?.offers ?? []).find((one) => one.task_type === kind && one.unfit.length === 0);
  const wrong = value.results.filter((one) => !one.was_right);
  return html`<section class="card done"><h2>${t("practice_done")}</h2>
    <dl class="facts"><div><dt>${t("practice_score")}</dt><dd>${t("right_of", { right: value.right, all: value.asked })} · ${percent(Math.round((value.right * 10_000) / value.asked))}</dd></div></dl>
    <p>${t("practice_done_why")}</p>
    <p class="row">${work && html`<a class="button" href=${`/work/${encodeURIComponent(work.job_id)}`}>${t("start")}<span class="unseen"> ${work.title}</span></a>`} <a class="button quietly" href="/">${t("other_work")}</a> <a class="button quietly" href="/earnings#ready">${t("nav_earnings")}</a></p>
  </section>
  ${wrong.length > 0 && html`<h2 class="apart">${t("practice_again")}</h2><ul class="exhibits lessons">${wrong.map((one) => html`<li><figure><${Seen} result=${one} /><figcaption><b dir="auto">${shown(one.question, one.right)}</b><span class="block">${one.why[language] ?? one.why.en}</span></figcaption></figure></li>`)}</ul>`}`;
}

export function Page() {
  const { value, problem: unread, loading } = practice.state.value;
  if (loading) return html`<${Loading} />`;
  if (!value) return html`<${Problem} problem=${unread} again=${practice.ask} /><p class="row"><a class="button quietly" href="/">${t("other_work")}</a></p>`;
  const ended = value.next === null && !told.value;
  return html`<div class="work"><h1>${t("practice")}: <span dir="auto">${kindOf(value)}</span></h1>
    ${value.results.length === 0 && html`<p class="lead small">${t("practice_why", { lessons: value.lessons, measured: value.pieces - value.lessons })}</p>`}
    ${!ended && value.results.length < 2 && html`<${Pay} />`}
    <${Pieces} value=${value} />
    <${Problem} problem=${problem.value} again=${problem.value ? practice.ask : null} />
    ${told.value ? html`<${Told} result=${told.value} last=${value.next === null} />` : ended ? html`<${Done} value=${value} />` : html`<${Question} value=${value} />`}
  </div>`;
}
