// Practice: known pieces one by one. Each answer is followed by what was right and why, before the next piece comes.
//
// Rules kept here
// - An answer counts when the site has it: a reply that got lost is asked for again, and the first answer stands.
// - Everything goes by keyboard: Enter answers, Enter goes on, Shift+Enter says that it cannot be read.
import "manyhands/more.js";
import { Amount, asProblem, html, language, loader, Loading, money, percent, Problem, signal, t, useLayoutEffect, useRef } from "manyhands/kit.js";
import { at, get, post } from "manyhands/api.js";

const kind = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const practice = loader(() => get(at`/api/practice/${kind}`));
const offers = loader(() => get("/api/offers"));
const told = signal(null);
const problem = signal(null);
const sending = signal(false);

const shown = (text) => (text === null ? t("cannot_read") : text === "" ? t("nothing_there") : text);
const picture = (place) => at`/api/practice/${kind}/pictures/${place}`;

async function answer(place, text) {
  if (sending.value) return;
  sending.value = true;
  problem.value = null;
  try {
    const value = await post(at`/api/practice/${kind}/answer`, { place, text });
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

function Question({ value }) {
  const input = useRef(null);
  const place = value.next;
  useLayoutEffect(() => {
    if (!input.current) return;
    input.current.value = "";
    input.current.focus({ preventScroll: true });
  }, [place]);
  function send(event) {
    event.preventDefault();
    const text = input.current.value.trim();
    if (text) answer(place, text);
    else input.current.focus();
  }
  function key(event) {
    if (event.key !== "Enter" || !(event.shiftKey || event.repeat)) return;
    event.preventDefault();
    if (event.shiftKey && !event.repeat) answer(place, null);
  }
  return html`<div class="desk">
    <div class="cutting" tabindex="0" role="group" aria-label=${t("cutting")}><img class="plain practice-piece" src=${picture(place)} alt=${t("cutting_alt")} /></div>
    ${value.options.length > 0
      ? html`<div class="keying options" role="group" aria-label=${t(`question_${value.question}`)}>${value.options.map((option) => html`<button class="button quietly" onClick=${() => answer(place, option)}>${option}</button>`)}</div>`
      : html`<form class="keying" onSubmit=${send} autocomplete="off"><label for="answer">${t(`question_${value.question}`)}</label>
          <div class="field"><input ref=${input} id="answer" name="answer" dir="auto" autocomplete="off" autocapitalize="none" spellcheck=${false} enterkeyhint="next" maxlength="2000" onKeyDown=${key} /></div>
          <p class="row"><button class="button next" disabled=${sending.value}>${t("practice_answer")}<kbd aria-hidden="true">⏎</kbd></button></p></form>`}
    <div class="others two">
      <button class="button quietly" onClick=${() => answer(place, null)}>${t("cannot_read")}<kbd aria-hidden="true">⇧⏎</kbd></button>
      <button class="button quietly" onClick=${() => answer(place, "")}>${t("nothing_there")}</button>
    </div>
  </div>
  <p class="hint below">${t(place < value.lessons ? "practice_lesson" : "practice_counts", { n: place + 1, all: value.pieces })}</p>`;
}

/** What was right, and why. It has the focus, so that it is read out and Enter goes on. */
function Told({ result, last }) {
  const on = useRef(null);
  useLayoutEffect(() => on.current?.focus(), [result.place]); // before it is seen: no key press falls between
  return html`<section class="card told" aria-live="polite">
    <p class=${`verdict ${result.was_right ? "good" : "bad"}`}><span aria-hidden="true">${result.was_right ? "✓" : "✗"}</span> ${t(result.was_right ? "practice_right" : "practice_wrong")}</p>
    <img class="practice-piece small" src=${picture(result.place)} alt="" />
    <dl class="facts"><div><dt>${t("you_keyed")}</dt><dd dir="auto"><code>${shown(result.answer)}</code></dd></div><div><dt>${t("practice_is")}</dt><dd dir="auto"><code>${shown(result.right)}</code></dd></div></dl>
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
  ${wrong.length > 0 && html`<h2 class="apart">${t("practice_again")}</h2><ul class="exhibits lessons">${wrong.map((one) => html`<li><figure><img src=${picture(one.place)} alt="" /><figcaption><b dir="auto">${shown(one.right)}</b><span class="block">${one.why[language] ?? one.why.en}</span></figcaption></figure></li>`)}</ul>`}`;
}

export function Page() {
  const { value, problem: unread, loading } = practice.state.value;
  if (loading) return html`<${Loading} />`;
  if (!value) return html`<${Problem} problem=${unread} again=${practice.ask} /><p class="row"><a class="button quietly" href="/">${t("other_work")}</a></p>`;
  const ended = value.next === null && !told.value;
  return html`<div class="work"><h1>${t("practice")}: <span dir="auto">${value.task_type_title}</span></h1>
    ${value.results.length === 0 && html`<p class="lead small">${t("practice_why", { lessons: value.lessons, measured: value.pieces - value.lessons })}</p>`}
    ${!ended && value.results.length < 2 && html`<${Pay} />`}
    <${Pieces} value=${value} />
    <${Problem} problem=${problem.value} again=${problem.value ? practice.ask : null} />
    ${told.value ? html`<${Told} result=${told.value} last=${value.next === null} />` : ended ? html`<${Done} value=${value} />` : html`<${Question} value=${value} />`}
  </div>`;
}
