// The worker's page: one cutting, one field, and what it pays.
import { Amount, asProblem, clock, count, effect, html, language, loader, money, Problem, signal, Simulated, t, useEffect, useLayoutEffect, useRef } from "manyhands/kit.js";
import { at, me, post, reportCodes } from "manyhands/api.js";
import { Bundle, offerOf } from "manyhands/bundle.js";
import { Examples, Guide as Words } from "manyhands/guide.js";
import { trouble, waiting } from "manyhands/outbox.js";
import { Task } from "manyhands/tools/transcription.js";

const jobId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const bundle = new Bundle(jobId);
const offer = signal(null);
const why = signal(null);
const reporting = signal(false);
const leaving = signal(false);
const tick = signal(0);
/** Fewer answers than this say nothing about a pace. */
const PACE_FROM = 5;
const ZOOM = 2.2;
const LINE_PX = 34;

bundle.begin();
offerOf(jobId).then((found) => (offer.value = found), () => (offer.value = null));
setInterval(() => (tick.value += 1), 1_000);
let keeping = null;
effect(() => {
  // the first task is on the screen: now there is time to make the page ready for a lost network
  if (bundle.current.value?.picture && !keeping) keeping = setTimeout(() => import("manyhands/offline.js").then(({ keepPage }) => keepPage()).then((kept) => (document.documentElement.dataset.kept = kept)), 400);
});
effect(() => {
  // a new task on the screen: what was wrong with the last try is over
  bundle.current.value?.assignment_id;
  why.value = null;
});

const terms = () => [offer.value?.currency, offer.value?.exponent];

function pace() {
  const ms = bundle.sitting.value.ms + bundle.activeMs.value;
  const answers = bundle.sitting.value.answers + bundle.given().length;
  const minor = bundle.sitting.value.minor + bundle.earnedMinor.value;
  return answers >= PACE_FROM && ms > 0 ? Math.round((minor * 3_600_000) / ms) : null;
}

function Lease() {
  tick.value;
  const leftMs = bundle.leftMs();
  const late = leftMs <= 0;
  return html`<span class=${`lease${leftMs < 60_000 ? " soon" : ""}`} title=${t("lease_why")}><span class="unseen">${t("lease")}</span><span aria-hidden="true">◔</span> ${late ? t("lease_over") : clock(leftMs)}</span>`;
}

function Progress() {
  const items = bundle.items.value;
  const done = items.length - bundle.left.value;
  return html`<div class="progress" role="progressbar" aria-label=${t("bundle")} aria-valuemin="0" aria-valuemax=${items.length} aria-valuenow=${done} aria-valuetext=${t("bundle_of", { done, all: items.length })}>
    ${items.map((item, index) => html`<i class=${`${item.state}${index === bundle.index.value && bundle.phase.value === "working" ? " here" : ""}${item.text === null ? " blind" : ""}`}></i>`)}
  </div>`;
}

function Meters() {
  const perHour = pace();
  const done = bundle.items.value.length - bundle.left.value;
  return html`<div class="meters">
    <span><b>${count(Math.min(done + 1, bundle.items.value.length))}</b> ${t("of")} ${count(bundle.items.value.length)}</span>
    <${Lease} />
    <span title=${t("earned_why")}><span class="quiet">${t("earned")}</span> <b><${Amount} minor=${bundle.earnedMinor.value} currency=${terms()[0]} exponent=${terms()[1]} /></b></span>
    ${waiting.value > 0 && html`<span class="saved" title=${t("saved_why")}><span aria-hidden="true">●</span> ${t("saved", { n: waiting.value })}</span>`}
    ${perHour !== null && html`<span title=${t("pace_why")}><span class="quiet">${t("pace")}</span> <b>${money(perHour, ...terms())}</b> ${t("an_hour")}</span>`}
  </div>`;
}

function Cutting({ item }) {
  if (item.broken) return html`<div class="cutting broken" role="alert"><p>${t("picture_broken")}</p></div>`;
  if (!item.picture) return html`<div class="cutting loading"><p class="quiet" role="status">${t("picture_loading")}</p></div>`;
  // enlarged up to ZOOM, never so small that letters cannot be told apart: a long line then scrolls inside its own frame
  const ratio = item.width / item.height;
  const inlineSize = `max(min(100%, ${item.width * ZOOM}px, ${30 * ratio}vh), ${LINE_PX * ratio}px)`;
  return html`<div class="cutting" tabindex="0" role="group" aria-label=${t("cutting")}>
    <img key=${item.assignment_id} src=${item.picture} data-assignment=${item.assignment_id} style=${{ inlineSize }} alt=${t("cutting_alt")} draggable=${false} />
  </div>`;
}

// a tool for questions that are not keyed; most bundles hold none, so it is fetched by the first that does
const choice = signal(null);
const isKeyed = (item) => !item?.question.includes(" ");
effect(() => {
  if (bundle.items.value.some((item) => !isKeyed(item)) && !choice.peek()) import("manyhands/tools/choice.js").then((tool) => (choice.value = tool), () => (why.value = "tool"));
});

function answer(text) {
  return bundle.answer(text);
}

/** Answers without keying: null = cannot read, "" = nothing stands there. */
function say(text) {
  if (!answer(text)) why.value = "picture";
}

function keys(event) {
  if (reporting.value || leaving.value || event.repeat || event.defaultPrevented) return;
  if (event.key === "ArrowUp" && !event.altKey && !event.ctrlKey) {
    if (bundle.undo()) event.preventDefault();
  } else if (event.key === "F2") {
    event.preventDefault();
    if (bundle.phase.value === "working") reporting.value = true;
  } else if (event.key === "Enter" && bundle.phase.value === "done" && !event.target.closest?.("button, a")) {
    event.preventDefault();
    bundle.claim();
  }
}

function Dialog({ title, close, children }) {
  const dialog = useRef(null);
  useLayoutEffect(() => {
    dialog.current.showModal();
  }, []);
  return html`<dialog ref=${dialog} onClose=${close} aria-labelledby="dialog-title"><h2 id="dialog-title">${title}</h2>${children}</dialog>`;
}

let codes = null;
const reportProblem = signal(null);

function Report() {
  codes ??= loader(reportCodes);
  const { value, problem } = codes.state.value;
  async function send(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      await bundle.report(form.get("code"), form.get("text"));
      reporting.value = false;
      reportProblem.value = null;
    } catch (thrown) {
      reportProblem.value = asProblem(thrown);
    }
  }
  return html`<${Dialog} title=${t("report_title")} close=${() => (reporting.value = false)}>
    <form onSubmit=${send}>
      <p>${t("report_why")}</p>
      <${Problem} problem=${problem ?? reportProblem.value} />
      <fieldset><legend>${t("report_what")}</legend>
        ${(value ?? []).map((code, place) => html`<label class="choice"><input type="radio" name="code" value=${code.code} required defaultChecked=${place === 0} /> <span>${code.title}</span></label>`)}
      </fieldset>
      <label>${t("report_text")}<textarea name="text" rows="3" maxlength="2000"></textarea></label>
      <p class="row"><button class="button" disabled=${!value}>${t("report_send")}</button> <button type="button" class="button quietly" onClick=${() => (reporting.value = false)}>${t("cancel")}</button></p>
    </form>
  <//>`;
}

const leaveProblem = signal(null);

function Leave() {
  async function leave() {
    try {
      await bundle.giveBack();
      location.assign("/");
    } catch (thrown) {
      leaveProblem.value = asProblem(thrown);
    }
  }
  return html`<${Dialog} title=${t("leave_title")} close=${() => (leaving.value = false)}>
    <p>${t("leave_why", { n: bundle.left.value })}</p>
    <${Problem} problem=${leaveProblem.value} />
    <p class="row"><button class="button" onClick=${leave}>${t("leave_do")}</button> <button class="button quietly" onClick=${() => (leaving.value = false)}>${t("leave_stay")}</button></p>
  <//>`;
}

const BREAK_MINUTES = Number(localStorage.getItem("mh_break") ?? 50);
const PAUSE_MS = 5 * 60_000;
const LATER_MS = 10 * 60_000;
let busySince = Date.now();
let lastSign = Date.now();
const tired = signal(false);

for (const sign of ["keydown", "pointerdown"]) {
  addEventListener(sign, () => {
    const now = Date.now();
    if (now - lastSign > PAUSE_MS) busySince = now;
    lastSign = now;
    tired.value = BREAK_MINUTES > 0 && now - busySince > BREAK_MINUTES * 60_000;
  }, { passive: true });
}

/** After so many minutes without a pause: a word, never a lock. */
function Break() {
  if (!tired.value) return null;
  const later = () => {
    busySince = Date.now() - BREAK_MINUTES * 60_000 + LATER_MS;
    tired.value = false;
  };
  return html`<p class="notice rest" role="status">${t("rest", { n: BREAK_MINUTES })} <button class="plain" onClick=${later}>${t("rest_later")}</button></p>`;
}

const stars = signal(0);

function Rating() {
  const give = async (number) => {
    stars.value = number;
    try {
      await post(at`/api/jobs/${jobId}/rating`, { stars: number });
    } catch {
      stars.value = 0;
    }
  };
  return html`<fieldset class="rating"><legend>${t("rate_requester")}</legend><div class="stars">${[1, 2, 3, 4, 5].map((number) => html`<button type="button" class="plain star" aria-pressed=${number <= stars.value} aria-label=${t("stars_n", { n: number })} onClick=${() => give(number)}>${number <= stars.value ? "★" : "☆"}</button>`)}</div><span role="status" class="hint">${stars.value ? t("rated_thanks") : ""}</span></fieldset>`;
}

function Done() {
  const button = useRef(null);
  useEffect(() => button.current?.focus(), []);
  const given = bundle.given();
  const refused = given.filter((item) => item.state === "refused");
  const blind = given.filter((item) => item.text === null).length;
  const sitting = bundle.sitting.value;
  const perHour = pace();
  return html`<section class="card done">
    <h1>${t("done_title")}</h1>
    <dl class="facts">
      <div><dt>${t("answered")}</dt><dd>${count(given.length)}</dd></div>
      ${blind > 0 && html`<div><dt>${t("cannot_read_count")}</dt><dd>${count(blind)}</dd></div>`}
      <div><dt>${t("earned_if")}</dt><dd><${Amount} minor=${bundle.earnedMinor.value} currency=${terms()[0]} exponent=${terms()[1]} /></dd></div>
      <div><dt>${t("time_worked")}</dt><dd>${clock(bundle.activeMs.value)}</dd></div>
      ${perHour !== null && html`<div><dt>${t("pace")}</dt><dd>${money(perHour, ...terms())} ${t("an_hour")}</dd></div>`}
      ${sitting.answers > 0 && html`<div><dt>${t("this_sitting")}</dt><dd>${count(sitting.answers + given.length)} · <${Amount} minor=${sitting.minor + bundle.earnedMinor.value} currency=${terms()[0]} exponent=${terms()[1]} /></dd></div>`}
    </dl>
    <p role="status">${waiting.value > 0 ? t(trouble.value ? "unsent_trouble" : "unsent", { n: waiting.value }) : t("all_stored")}</p>
    ${refused.length > 0 && html`<div class="notice bad"><p>${t("refused_some", { n: refused.length })}</p><ul>${refused.map((item) => html`<li>${item.because}</li>`)}</ul></div>`}
    <${Rating} />
    <p class="row">
      <button ref=${button} class="button next" onClick=${() => bundle.claim()}>${t("next_bundle")}<kbd aria-hidden="true">⏎</kbd></button>
      ${bundle.canUndo.value && html`<button class="button quietly" onClick=${() => bundle.undo()}>${t("back")}<kbd aria-hidden="true">↑</kbd></button>`}
      <a class="button quietly" href="/">${t("enough")}</a>
    </p>
  </section>`;
}

/** Opens by itself until this version of the guide was read once, on any device; the time is part of the first task. */
function Guide() {
  if (!offer.value?.guide) return null;
  const { task_type: kind, guide_version: version, guide_read: read, learning } = offer.value;
  const noted = (event) => {
    if (event.currentTarget.open || offer.value.guide_read) return;
    offer.value = { ...offer.value, guide_read: true };
    post(at`/api/guides/${kind}/read`, { version, language }).catch(() => {}); // not noted: it opens once more, no harm done
  };
  const closed = (event) => {
    event.currentTarget.closest("details").open = false;
    document.getElementById("answer")?.focus(); // keys go on where the work is
  };
  return html`<details class="guide-box" open=${!read} onToggle=${noted}>
    <summary>${t("how_to")}</summary>
    <${Words} text=${offer.value.guide} /><${Examples} kind=${kind} open=${!offer.value.guide_read} />
    ${!read && html`<p class="row"><button class="button quietly" onClick=${closed}>${t("guide_done")}</button> ${learning?.guide_minor > 0 && html`<span class="hint">${t(learning.places_left > 0 ? "guide_pays" : "guide_pays_later", { pay: money(learning.guide_minor, ...terms()) })}</span>`}</p>`}
  </details>`;
}

function Working() {
  const item = bundle.current.value;
  const keyed = isKeyed(item);
  const tool = keyed ? { Task, Picture: Cutting } : choice.value;
  return html`<section class="work" aria-label=${t("work")}>
    <${Break} />
    <${Meters} />
    <${Progress} />
    <div class="desk">
      ${tool ? html`<${tool.Picture} item=${item} /><${tool.Task} item=${item} answer=${answer} why=${why.value} onTry=${(name) => (why.value = name)} meanings=${offer.value?.meanings} />` : html`<p class="quiet" role="status">${t("bundle_loading")}</p>`}
      <div class="others">
        <button class="button quietly" onClick=${() => say(null)}>${t(keyed || !tool ? "cannot_read" : "cannot_tell")}<kbd aria-hidden="true">⇧⏎</kbd></button>
        ${keyed && html`<button class="button quietly" onClick=${() => say("")}>${t("nothing_there")}</button>`}
        <button class="button quietly" disabled=${!bundle.canUndo.value} onClick=${() => bundle.undo()}>${t("back")}<kbd aria-hidden="true">↑</kbd></button>
        <button class="button quietly" onClick=${() => (reporting.value = true)}>${t("report")}<kbd aria-hidden="true">F2</kbd></button>
      </div>
      <div class="pays"><p>${t("this_pays")} <${Amount} minor=${item.reward_minor} currency=${terms()[0]} exponent=${terms()[1]} /></p>
        <button class="plain" onClick=${() => (leaving.value = true)}>${t("leave")}</button></div>
    </div>
    <${Guide} />
  </section>`;
}

export function Page() {
  useEffect(() => {
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  const phase = bundle.phase.value;
  return html`
    <h1 class="unseen">${offer.value?.title ?? t("work")}</h1>
    ${offer.value?.simulated && !me.value?.simulated && html`<${Simulated} />`}
    ${phase === "loading" && html`<p class="quiet" role="status">${t("bundle_loading")}</p>`}
    ${phase === "problem" && html`<${Problem} problem=${asProblem(bundle.problem.value)} again=${() => bundle.claim()} /><p class="row"><a class="button quietly" href="/">${t("other_work")}</a></p>`}
    ${phase === "elsewhere" && html`<section class="card narrow"><h2>${t("other_tab")}</h2><p>${t("other_tab_why")}</p><p class="row"><button class="button" onClick=${() => bundle.begin({ steal: true })}>${t("take_over")}</button> <a class="button quietly" href="/">${t("other_work")}</a></p></section>`}
    ${phase === "working" && bundle.offline.value && html`<p class="notice" role="status">${t("kept_bundle")}</p>`}
    ${phase === "none" && html`<section class="card narrow"><h2>${t("none_left")}</h2><p>${t("none_left_why")}</p><p class="row"><button class="button" onClick=${() => bundle.claim()}>${t("look_again")}</button> <a class="button quietly" href="/">${t("other_work")}</a></p></section>`}
    ${phase === "working" && html`<${Working} />`}
    ${phase === "done" && html`<${Done} />`}
    ${reporting.value && html`<${Report} />`}
    ${leaving.value && html`<${Leave} />`}
  `;
}
