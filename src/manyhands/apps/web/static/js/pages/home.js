// What this is; and, for somebody signed in, the work that is there, with its pay per hour first.
import { about, Amount, count, html, loader, Loading, money, percent, Problem, Simulated, t } from "manyhands/kit.js";
import { get, me } from "manyhands/api.js";
import { Guide } from "manyhands/guide.js";

function Offer({ offer }) {
  const { currency, exponent } = offer;
  return html`<li class="card offer">
    <div class="offer-head">
      <h2 dir="auto">${offer.title}</h2>
      <p class="rate"><strong>${money(offer.pay_per_hour_minor, currency, exponent)}</strong> <span>${t("an_hour")}</span></p>
    </div>
    ${offer.simulated && html`<${Simulated} />`}
    <dl class="facts">
      <div><dt>${t("kind")}</dt><dd dir="auto">${offer.task_type_title}</dd></div>
      <div><dt>${t("open_tasks")}</dt><dd>${count(offer.open_tasks)}</dd></div>
      <div><dt>${t("reward")}</dt><dd><${Amount} minor=${offer.reward_minor_median} currency=${currency} exponent=${exponent} /></dd></div>
      <div><dt>${t("time_each")}</dt><dd>${about(offer.seconds_p50)}${offer.seconds_p90 ? ` ${t("up_to", { time: about(offer.seconds_p90) })}` : ""}</dd></div>
      <div><dt>${t("floor")}</dt><dd><${Amount} minor=${offer.floor_per_hour_minor} currency=${currency} exponent=${exponent} /> ${t("an_hour")}</dd></div>
      ${offer.own_seconds !== null && html`<div><dt>${t("own_pace")}</dt><dd>${about(offer.own_seconds)} · ${money(offer.own_per_hour_minor, currency, exponent)} ${t("an_hour")}</dd></div>`}
      ${offer.requester_stars_milli !== null && html`<div><dt>${t("rated")}</dt><dd>${t("stars_of", { stars: (offer.requester_stars_milli / 1000).toFixed(1), n: count(offer.requester_ratings) })}</dd></div>`}
      ${offer.requester_refused_bp !== null && html`<div><dt>${t("refuses")}</dt><dd>${percent(offer.requester_refused_bp)}</dd></div>`}
      <div><dt>${t("content")}</dt><dd>${t(`content_${offer.content_class}`)}</dd></div>
    </dl>
    <p class="hint">${t(offer.measured ? "rate_measured" : "rate_estimated")}</p>
    <div class="offer-foot">
      <a class="button" href=${`/work/${encodeURIComponent(offer.job_id)}`}>${t("start")}<span class="unseen"> ${offer.title}</span></a>
      <details><summary>${t("how_to")}</summary><${Guide} text=${offer.guide} /></details>
    </div>
  </li>`;
}

let offers = null;

function Offers() {
  offers ??= loader(() => get("/api/offers"));
  const { value, problem, loading } = offers.state.value;
  if (loading) return html`<${Loading} />`;
  const list = value?.offers ?? [];
  return html`<section>
    <h1>${t("work_for_you")}</h1>
    <${Problem} problem=${problem} again=${offers.ask} />
    ${value && list.length === 0 && html`<div class="card empty"><p>${t("no_work")}</p><button class="button quietly" onClick=${offers.ask}>${t("look_again")}</button></div>`}
    <ul class="offers">${list.map((offer) => html`<${Offer} key=${offer.job_id} offer=${offer} />`)}</ul>
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
