// A quote line by line, and what may be forecast of it. A figure that is not known has no line.
import { Amount, count, html, percent, t, when } from "manyhands/kit.js";
import { lineWords } from "manyhands/lines.js";

/** Milliseconds in words a person plans with. */
export function span(ms) {
  const minutes = ms / 60_000;
  const shown = (number) => new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: number < 10 ? 1 : 0 }).format(number);
  if (minutes < 1) return t("seconds", { n: Math.max(1, Math.round(ms / 1000)) });
  if (minutes < 90) return t("minutes", { n: shown(minutes) });
  if (minutes < 48 * 60) return t("hours", { n: shown(minutes / 60) });
  return t("days", { n: shown(minutes / 1440) });
}

export function QuoteLines({ quote }) {
  const { currency, exponent } = quote;
  const amount = (minor) => html`<${Amount} digits=${2} minor=${minor} currency=${currency} exponent=${exponent} />`;
  const most = quote.lines.some((line) => line.most_minor !== undefined);
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("quote")}><table class="sums quote-lines">
    <thead><tr><th scope="col"><span class="unseen">${t("quote")}</span></th><th scope="col" class="figure">${t("expected")}</th>${most && html`<th scope="col" class="figure">${t("at_most")}</th>`}</tr></thead>
    <tbody>${quote.lines.map((line) => ({ ...line, ...lineWords(line.label, line.because, line.figures) })).map((line) => html`<tr><th scope="row" dir="auto">${line.label}<span class="hint">${line.because}</span></th><td class="figure">${amount(line.expected_minor)}</td>${most && html`<td class="figure quiet">${amount(line.most_minor)}</td>`}</tr>`)}</tbody>
    <tfoot><tr><th scope="row">${t("total")}</th><td class="figure">${amount(quote.expected_minor)}</td>${most && html`<td class="figure quiet">${amount(quote.total_minor)}</td>`}</tr></tfoot>
  </table></div>`;
}

export function Forecast({ quote, deadline }) {
  const told = quote.forecast;
  const row = (name, value, hint) => html`<div><dt>${name}</dt><dd>${value}</dd>${hint && html`<dd class="hint">${hint}</dd>`}</div>`;
  return html`<dl class="forecast">
    ${row(t("f_quality"), told.right_bp_low !== null ? `${percent(told.right_bp_low)} – ${percent(told.right_bp_high)}` : t("f_target", { share: percent(told.target_bp) }), told.right_bp_low !== null ? t("f_quality_measured") : t("f_quality_rule"))}
    ${row(t("f_work"), span(told.work_ms), t("f_answers", { n: count(told.answers_expected), most: count(told.answers_most) }))}
    ${told.done_in_ms !== null && row(t("f_done"), span(told.done_in_ms), t("f_done_why", { n: count(told.pace_answers) }))}
    ${deadline && row(t("deadline"), when(deadline), told.fits_deadline === null ? t("f_deadline_unknown") : t(told.fits_deadline ? "f_deadline_fits" : "f_deadline_late"))}
    ${row(t("f_workers"), count(quote.workers_needed), t("f_workers_why"))}
  </dl>`;
}
