// What anyone may know of this platform: sums, wages without names, disputes and how they ended, roles, jobs on chain.
import "manyhands/more.js";
import { Amount, count, Hash, html, loader, Loading, money, percent, Problem, t, when } from "manyhands/kit.js";
import { get } from "manyhands/api.js";
import { Rows } from "manyhands/rows.js";
import { say } from "manyhands/say.js";

const record = loader(() => get("/api/record"));

function Wages({ one }) {
  const { currency, exponent } = one;
  if (one.p50_minor === null) return html`<p class="quiet">${t("wages_few", { n: one.observations })}</p>`;
  const most = Math.max(...one.bars.map((bar) => bar.workers));
  const name = t("wages_alt", { n: count(one.observations), low: money(one.p10_minor, currency, exponent), mid: money(one.p50_minor, currency, exponent), high: money(one.p90_minor, currency, exponent) });
  return html`<figure class="wages">
    <div class="columns-chart" role="img" aria-label=${name}>${one.bars.map((bar) => html`<i style=${{ blockSize: `${Math.round((100 * bar.workers) / most)}%` }} title=${`${money(bar.from_minor, currency, exponent)} … ${money(bar.to_minor, currency, exponent)}: ${bar.workers}`}></i>`)}</div>
    <div class="axis"><span>${money(one.bars[0].from_minor, currency, exponent)}</span><span>${money(one.bars.at(-1).to_minor, currency, exponent)}</span></div>
    <dl class="facts">${[10, 25, 50, 75, 90].map((p) => html`<div><dt>${t("percentile", { n: p })}</dt><dd><${Amount} minor=${one[`p${p}_minor`]} currency=${currency} exponent=${exponent} digits=${2} /></dd></div>`)}</dl>
    <figcaption class="hint">${t(one.simulated ? "wages_simulated" : "wages_people", { n: count(one.observations) })}</figcaption>
  </figure>`;
}

function Disputes({ rows, columns, name, none }) {
  if (rows.length === 0) return html`<p class="quiet">${t(none)}</p>`;
  return html`<${Rows} name=${name} columns=${columns.map(([title, show], place) => [t(title), show, place === 0 ? "head" : ""])} rows=${rows} />`;
}

const job = (row) => html`<a href=${`/jobs/${encodeURIComponent(row.job_id)}`}>${row.title}</a>`;

export function Page() {
  const { value, problem, loading } = record.state.value;
  if (loading) return html`<${Loading} />`;
  if (!value) return html`<${Problem} problem=${problem} again=${record.ask} />`;
  const big = (name, number, hint) => html`<div><dt>${t(name)}</dt><dd>${number}</dd>${hint && html`<dd class="hint">${hint}</dd>`}</div>`;
  return html`<h1>${t("nav_record")}</h1><p class="lead small">${t("record_why")}</p>
    <dl class="bigs">
      ${big("record_jobs", count(value.jobs), t("record_jobs_why", { settled: count(value.settled), simulated: count(value.simulated) }))}
      ${big("answers", count(value.answers))}
      ${big("workers", count(value.workers))}
      ${big("record_refused", value.answers > 0 ? percent(Math.round((value.refused * 10_000) / value.answers)) : t("not_measured"), t("record_refused_why", { n: count(value.refused) }))}
    </dl>
    <section class="card"><h2>${t("wages")}</h2><p class="hint">${t("wages_why")}</p>
      ${value.wages.length === 0 ? html`<p class="quiet">${t("wages_none")}</p>` : value.wages.map((one) => html`<${Wages} one=${one} />`)}
    </section>
    <section class="card"><h2>${t("appeals")}</h2><p class="hint">${t("appeals_public_why")}</p>
      <${Disputes} rows=${value.appeals} name=${t("appeals")} none="appeals_none" columns=${[
        ["job", job],
        ["answers", (row) => count(row.answers)],
        ["outcome", (row) => html`<span class=${`state ${row.state === "granted" ? "closed" : row.state === "denied" ? "refused" : ""}`}>${t(`appeal_${row.state}`)}</span> ${say(row)}`],
        ["restored", (row) => html`<${Amount} minor=${row.restored_minor} currency=${row.currency} exponent=${row.exponent} />`],
        ["at", (row) => when(row.filed_at_ms)],
      ]} /></section>
    <section class="card"><h2>${t("reports")}</h2><p class="hint">${t("reports_why")}</p>
      <${Disputes} rows=${value.reports} name=${t("reports")} none="reports_none" columns=${[
        ["job", job],
        ["cause", (row) => t(`report_${row.code}`)],
        ["outcome", (row) => html`<span class=${`state ${row.state === "cleared" ? "closed" : row.state === "upheld" ? "refused" : ""}`}>${t(`report_state_${row.state}`)}</span>`],
        ["at", (row) => when(row.filed_at_ms)],
      ]} /></section>
    <section class="card"><h2>${t("parties")}</h2><p class="hint">${t("parties_why")}</p>
      <dl class="facts">${value.parties.map((one) => html`<div><dt>${t(`role_${one.role}`)}</dt><dd><${Hash} value=${one.address} /></dd></div>`)}</dl>
      <p class="row"><a class="button quietly" href="/jobs">${t("see_jobs")}</a> <a class="button quietly" href="/proof">${t("check_receipts")}</a></p></section>`;
}
