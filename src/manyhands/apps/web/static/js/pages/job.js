// One job as the record has it: where it stands, what it costs, who decided its route, and what proves it.
//
// Rules kept here
// - Only what the record says is shown; a group it does not have yet is absent.
// - A running job is asked again while somebody looks, less often when nothing changes; a hidden page asks nothing.
import { Amount, asProblem, count, Hash, html, Loading, money, percent, Problem, signal, Simulated, size, t, when } from "manyhands/kit.js";
import { at, get } from "manyhands/api.js";
import { lineWords } from "manyhands/lines.js";
import { happening, Told } from "manyhands/told.js";
import { say } from "manyhands/say.js";

const jobId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const key = new URLSearchParams(location.search).get("key") ?? "";
const job = signal(null);
const problem = signal(null);
const results = signal(null);
const OVER = new Set(["closed", "refused"]);
const SHOWN_AT_ONCE = 6;
const PAUSE_MS = [1_000, 2_000, 4_000, 8_000];
let quietRounds = 0;
let last = "";

async function watch() {
  if (document.visibilityState === "visible") {
    try {
      const found = await get(at`/api/jobs/${jobId}`);
      const text = JSON.stringify(found);
      quietRounds = text === last ? quietRounds + 1 : 0;
      last = text;
      job.value = found;
      problem.value = null;
      if (OVER.has(found.state)) {
        await lookForResults();
        return;
      }
    } catch (thrown) {
      problem.value = asProblem(thrown);
      if (thrown.status === 404) return;
      quietRounds += 1;
    }
  }
  setTimeout(watch, PAUSE_MS[Math.min(quietRounds, PAUSE_MS.length - 1)]);
}

async function lookForResults() {
  try {
    results.value = (await get(at`/api/jobs/${jobId}/results` + (key ? at`?key=${key}` : ""))).files;
  } catch {
    results.value = [];
  }
}

watch();

const STATES = ["accepted_unseen", "accepted", "unreadable", "withdrawn", "frozen", "open", "held"];

function Tasks({ tasks }) {
  // pieces that readers agreed on are no tasks: the exchange counts them beside
  const by = tasks;
  const all = STATES.reduce((sum, state) => sum + (by[state] ?? 0), 0);
  if (all === 0) return html`<p class="quiet">${t("no_tasks_yet")}</p>`;
  const done = all - (by.open ?? 0) - (by.held ?? 0) - (by.frozen ?? 0);
  return html`<div class="bar" role="img" aria-label=${t("tasks_done", { done: count(done), all: count(all) })}>
      ${STATES.filter((state) => by[state] > 0).map((state) => html`<i class=${state} style=${{ flexGrow: by[state] }}></i>`)}
    </div>
    <dl class="legend">${STATES.filter((state) => by[state] > 0).map((state) => html`<div><dt><i class=${state}></i>${t(`task_${state}`)}</dt><dd>${count(by[state])}</dd></div>`)}</dl>`;
}

function Money({ value }) {
  const { currency, exponent } = value;
  const rows = [["funded", value.funded_minor], ["reserved", value.reserved_minor], ["paid", value.paid_minor], ["fees", value.fees_minor], ["refunded", value.refunded_minor]];
  const known = rows.filter(([, minor]) => minor !== undefined && minor !== null);
  if (known.length === 0) return null;
  return html`<section class="card"><h2>${t("money")}</h2><table class="sums"><tbody>
    ${known.map(([name, minor]) => html`<tr><th scope="row">${t(`money_${name}`)}</th><td class="figure"><${Amount} digits=${2} minor=${minor} currency=${currency} exponent=${exponent} /></td></tr>`)}
  </tbody></table>
  ${value.daily_cap && html`<p class="hint">${t("daily_cap_job", { parts: value.daily_cap.parts, amount: money(value.daily_cap.per_day_minor, currency, exponent, 2), days: value.daily_cap.days_expected, most: value.daily_cap.days_most })}</p>`}</section>`;
}

function Quote({ value }) {
  const lines = value.quote_lines;
  if (!lines?.length) return null;
  const { currency, exponent } = value;
  return html`<section class="card"><h2>${t("quote")}</h2><p class="hint">${t("quote_why")}</p><table class="sums"><tbody>
    ${lines.map((line) => ({ ...line, ...lineWords(line.title, line.because, line.figures) })).map((line) => html`<tr><th scope="row" dir="auto">${line.label}${line.because ? html`<span class="hint">${line.because}</span>` : ""}</th><td class="figure"><${Amount} digits=${2} minor=${line.minor} currency=${currency} exponent=${exponent} /></td></tr>`)}
  </tbody></table></section>`;
}

function Routing({ value }) {
  const routing = value.routing;
  if (!routing) return null;
  return html`<section class="card"><h2>${t("routing")}</h2>
    <p><${Told} text=${say(routing, "reason")} /></p>
    <dl class="facts"><div><dt>${t("chain")}</dt><dd>${routing.chain_id}</dd></div><div><dt>${t("exchange")}</dt><dd><${Hash} value=${routing.exchange} /></dd></div>${value.escrow && html`<div><dt>${t("escrow")}</dt><dd><${Hash} value=${value.escrow} /></dd></div>`}</dl>
    ${routing.considered?.length > 0 &&
    html`<details><summary>${t("considered", { n: routing.considered.length })}</summary><div class="scroll" tabindex="0" role="region" aria-label=${t("routing")}><table>
      <thead><tr><th scope="col">${t("chain")}</th><th scope="col">${t("healthy")}</th><th scope="col" class="figure">${t("cost")}</th><th scope="col" class="figure">${t("finality")}</th><th scope="col">${t("cause")}</th></tr></thead>
      <tbody>${routing.considered.map((one) => html`<tr><th scope="row">${one.chain_id}</th><td>${t(one.healthy ? "yes" : "no")}</td><td class="figure">${money(one.cost_minor, value.currency, value.exponent)}</td><td class="figure">${t("seconds", { n: one.finality_ms / 1000 })}</td><td><${Told} text=${say(one)} /></td></tr>`)}</tbody>
    </table></div></details>`}
  </section>`;
}

function Judged({ value }) {
  const judged = value.judged;
  if (!judged) return null;
  return html`<section class="card"><h2>${t("judged")}</h2>
    <p><span class=${`state ${judged.accepted ? "closed" : "refused"}`}>${t(judged.accepted ? "judged_accepted" : "judged_refused")}</span></p>
    ${judged.measured_bp >= 0 && html`<dl class="facts"><div><dt>${t("measured_right")}</dt><dd>${percent(judged.measured_bp)}</dd></div><div><dt>${t("at_least")}</dt><dd>${percent(judged.lower_bp)}</dd></div></dl>`}
    <p class="hint" dir="auto">${say(judged, "rests_on")}</p></section>`;
}

function Anchors({ value }) {
  if (!value.anchors?.length) return null;
  return html`<section class="card"><h2>${t("anchors")}</h2><p class="hint">${t("anchors_why")} <a href="/proof">${t("check_receipts")}</a></p>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("anchors")}><table>
      <thead><tr><th scope="col">${t("root")}</th><th scope="col" class="figure">${t("answers")}</th><th scope="col">${t("transaction")}</th></tr></thead>
      <tbody>${value.anchors.map((anchor) => html`<tr><td><${Hash} value=${anchor.root} /></td><td class="figure">${anchor.count ?? ""}</td><td><${Hash} value=${anchor.tx_hash} /></td></tr>`)}</tbody>
    </table></div></section>`;
}

function Payouts({ value }) {
  if (!value.payouts?.length) return null;
  const { currency, exponent } = value;
  return html`<section class="card"><h2>${t("payouts")}</h2>
    <details open=${value.payouts.length <= SHOWN_AT_ONCE}><summary>${t("payouts_of", { n: count(value.payouts.length) })}</summary><div class="scroll" tabindex="0" role="region" aria-label=${t("payouts")}><table>
      <thead><tr><th scope="col">${t("worker")}</th><th scope="col" class="figure">${t("amount")}</th><th scope="col">${t("transaction")}</th></tr></thead>
      <tbody>${value.payouts.map((one) => html`<tr><td><${Hash} value=${one.worker} /></td><td class="figure"><${Amount} digits=${4} minor=${one.minor} currency=${currency} exponent=${exponent} /></td><td><${Hash} value=${one.tx_hash} /></td></tr>`)}</tbody>
    </table></div></details></section>`;
}

function Happened({ value }) {
  if (!value.happened?.length) return null;
  return html`<section class="card"><h2>${t("happened")}</h2><ol class="story">
    ${value.happened.map((one) => html`<li><span class="quiet">${when(one.at_ms)}</span> <strong>${happening(one.name)}</strong>${one.because ? html` <${Told} text=${say(one)} />` : ""}</li>`)}
  </ol></section>`;
}

function Results() {
  const files = results.value;
  if (!files?.length) return null;
  return html`<section class="card"><h2>${t("results")}</h2>
    <ul class="files">${files.map((file) => html`<li><a href=${file.url} download dir="ltr">${file.name}</a> <span class="quiet">${size(file.size_bytes)}</span></li>`)}</ul></section>`;
}

function Measured({ value }) {
  const rows = Object.entries(value.measured ?? {}).filter(([, figure]) => figure !== null && typeof figure !== "object");
  if (rows.length === 0) return null;
  return html`<section class="card"><h2>${t("measured")}</h2><table class="sums"><tbody>${rows.map(([name, figure]) => html`<tr><th scope="row">${t(`measured_${name}`)}</th><td class="figure">${typeof figure === "number" ? count(figure) : figure}</td></tr>`)}</tbody></table></section>`;
}

export function Page() {
  const value = job.value;
  if (!value) return problem.value ? html`<${Problem} problem=${problem.value} />` : html`<${Loading} />`;
  return html`<article class="job">
    <p class="over"><a href="/jobs">${t("nav_jobs")}</a></p>
    <h1 dir="auto">${value.title}</h1>
    <p><span class=${`state ${value.state}`} role="status">${t(`state_${value.state}`)}</span> <span class="quiet">${value.created_at_ms ? when(value.created_at_ms) : ""}</span></p>
    ${value.simulated && html`<${Simulated} />`}
    ${value.because && html`<p><${Told} text=${say(value)} /></p>`}
    <${Problem} problem=${problem.value} />
    <div class="grid">
      <section class="card"><h2>${t("progress")}</h2>
        ${value.tasks && html`<${Tasks} tasks=${value.tasks} />`}
        ${value.waits_for && html`<p class="hint waits"><${Told} text=${say(value, "waits_for")} /></p>`}
        <dl class="facts">
          ${["documents", "pages", "answers", "workers"].filter((name) => value[name] !== undefined && value[name] !== null).map((name) => html`<div><dt>${t(name)}</dt><dd>${count(value[name])}</dd></div>`)}
        </dl>
      </section>
      <${Results} />
      <div class="columns"><${Money} value=${value} /><${Quote} value=${value} /><${Judged} value=${value} /><${Routing} value=${value} /><${Measured} value=${value} /></div>
      <${Anchors} value=${value} /><${Payouts} value=${value} /><${Happened} value=${value} />
    </div>
  </article>`;
}
