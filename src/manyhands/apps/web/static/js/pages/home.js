// What this is; and, for somebody signed in, the work that is there, with its pay per hour first.
import { about, Amount, count, html, language, loader, Loading, money, percent, Problem, Simulated, t, useSignal, when } from "manyhands/kit.js";
import { get, me } from "manyhands/api.js";
import { Examples, Guide } from "manyhands/guide.js";

/** The kind of work in the reader's language; a kind that this site does not know yet keeps its own name. */
function kindOf(offer) {
  const told = t(`kind_${offer.task_type}`);
  return told === `kind_${offer.task_type}` ? offer.task_type_title : told;
}

const languageName = (code) => new Intl.DisplayNames([language], { type: "language" }).of(code);

function Needs({ needs }) {
  const told = [
    needs.languages.length > 0 && t("needs_languages", { list: new Intl.ListFormat(language, { type: "disjunction" }).format(needs.languages.map(languageName)) }),
    needs.screen === "wide" && t("needs_wide"),
    needs.pointer === "fine" && t("needs_fine"),
    needs.score_bp > 0 && t("needs_score", { score: percent(needs.score_bp) }),
  ].filter(Boolean);
  return told.length > 0 && html`<div><dt>${t("needs")}</dt><dd>${told.join(" · ")}</dd></div>`;
}

/** What getting ready for this job pays: said while it is still due. */
function Ready({ offer }) {
  const { learning, currency, exponent } = offer;
  const way = `/practice/${encodeURIComponent(offer.task_type)}`;
  if (!learning.practice || learning.practised) return null;
  const pay = learning.practice_minor > 0 && learning.places_left > 0 ? t("practice_offer", { pay: money(learning.practice_minor, currency, exponent, 2) }) : t("practice_offer_plain");
  return html`<a class="button quietly" href=${way}>${pay}<span class="unseen"> ${offer.title}</span></a>`;
}

function Offer({ offer }) {
  const { currency, exponent } = offer;
  const guideOpen = useSignal(false);
  const fact = (name, value) => html`<div><dt>${t(name)}</dt><dd>${value}</dd></div>`;
  return html`<li class="card offer">
    <div class="offer-head">
      <h2 dir="auto">${offer.title}</h2>
      <p class="rate"><strong>${money(offer.pay_per_hour_minor, currency, exponent)}</strong> <span>${t("an_hour")}</span></p>
    </div>
    ${offer.simulated && html`<${Simulated} />`}
    ${offer.unfit.length > 0 && html`<p class="notice">${offer.unfit.map((one) => t(`unfit_${one}`)).join(" ")}</p>`}
    <dl class="facts">
      ${fact("kind", kindOf(offer))}
      ${fact("open_tasks", count(offer.open_tasks))}
      ${fact("reward", html`<${Amount} minor=${offer.reward_minor_median} currency=${currency} exponent=${exponent} />`)}
      ${fact("time_each", `${about(offer.seconds_p50)}${offer.seconds_p90 ? ` ${t("up_to", { time: about(offer.seconds_p90) })}` : ""}`)}
      ${fact("floor", html`<${Amount} minor=${offer.floor_per_hour_minor} currency=${currency} exponent=${exponent} /> ${t("an_hour")}`)}
      ${offer.own_seconds !== null && fact("own_pace", `${about(offer.own_seconds)} · ${money(offer.own_per_hour_minor, currency, exponent)} ${t("an_hour")}`)}
      ${offer.requester_stars_milli !== null && fact("rated", t("stars_of", { stars: (offer.requester_stars_milli / 1000).toFixed(1), n: count(offer.requester_ratings) }))}
      ${offer.requester_refused_bp !== null && fact("refuses", percent(offer.requester_refused_bp))}
      ${fact("content", t(`content_${offer.content_class}`))}
      ${offer.pool_name && fact("for_pool", html`<a href="/pools" dir="auto">${offer.pool_name}</a>`)}
      ${offer.daily_share && fact("left_today", html`<${Amount} digits=${2} minor=${offer.daily_share.left_minor} currency=${currency} exponent=${exponent} />`)}
      <${Needs} needs=${offer.needs} />
    </dl>
    ${offer.daily_share && html`<${DailyShare} offer=${offer} />`}
    <p class="hint">${t(offer.measured ? "rate_measured" : "rate_estimated")}</p>
    <div class="offer-foot">
      ${!offer.unfit.includes("score") && html`<a class=${offer.unfit.length > 0 ? "button quietly" : "button"} href=${`/work/${encodeURIComponent(offer.job_id)}`}>${t("start")}<span class="unseen"> ${offer.title}</span></a>`}
      <${Ready} offer=${offer} />
      <details onToggle=${(event) => (guideOpen.value = event.currentTarget.open)}><summary>${t("how_to")}</summary><${Guide} text=${offer.guide} /><${Examples} kind=${offer.task_type} open=${guideOpen.value} /></details>
    </div>
  </li>`;
}

/** What a daily cap means for whoever takes the work; a day that is full is said before anybody tries. */
function DailyShare({ offer }) {
  const { parts, full, next_at_ms: next } = offer.daily_share;
  return html`<p class=${full ? "notice" : "hint"}>${t("daily_cap_offer", { parts })}${full ? ` ${t("day_is_full", { at: when(next) })}` : ""}</p>`;
}

let offers = null;

function Offers() {
  offers ??= loader(() => get(`/api/offers?language=${language}&screen_px=${screen.width}&pointer=${matchMedia("(pointer: fine)").matches ? "fine" : "coarse"}`));
  const { value, problem, loading } = offers.state.value;
  if (loading) return html`<${Loading} />`;
  const list = value?.offers ?? [];
  const [fitting, others] = [list.filter((one) => one.unfit.length === 0), list.filter((one) => one.unfit.length > 0)];
  return html`<section>
    <h1>${t("work_for_you")}</h1>
    <${Problem} problem=${problem} again=${offers.ask} />
    ${value && list.length === 0 && html`<div class="card empty"><p>${t("no_work")}</p><button class="button quietly" onClick=${offers.ask}>${t("look_again")}</button></div>`}
    <ul class="offers">${fitting.map((offer) => html`<${Offer} key=${offer.job_id} offer=${offer} />`)}</ul>
    ${others.length > 0 && html`<h2 class="apart">${t("unfit_work")}</h2><ul class="offers">${others.map((offer) => html`<${Offer} key=${offer.job_id} offer=${offer} />`)}</ul>`}
  </section>`;
}

function Welcome() {
  const point = (name) => html`<li><h2>${t(`point_${name}`)}</h2><p>${t(`point_${name}_why`)}</p></li>`;
  return html`<section class="welcome">
    <p class="over">${t("welcome_over")}</p>
    <h1>${t("welcome")}</h1>
    <p class="lead">${t("welcome_lead")}</p>
    <p class="actions"><a class="button" href="/sign-in?new">${t("open_account")}</a> <a class="button quietly" href="/jobs">${t("see_jobs")}</a></p>
    <ul class="points">${["rate", "safe", "reason", "proof"].map(point)}</ul>
  </section>`;
}

export function Page() {
  return me.value ? html`<${Offers} />` : html`<${Welcome} />`;
}
