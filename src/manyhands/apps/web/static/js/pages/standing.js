// A worker's standing in each skill, and every change with its cause.
import "manyhands/more.js";
import { html, language, loader, Loading, percent, Problem, t, when } from "manyhands/kit.js";
import { get } from "manyhands/api.js";

const standing = loader(() => get("/api/standing"));
const answers = (milli) => new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(milli / 1000);

/** What moved, in points of a hundred; "" for the first. */
function moved(change, before) {
  if (!before) return t("first_standing");
  const points = (change.score_bp - before.score_bp) / 100;
  return new Intl.NumberFormat(language, { signDisplay: "exceptZero", maximumFractionDigits: 1 }).format(points);
}

function Skill({ row, changes }) {
  return html`<li class="card">
    <div class="offer-head"><h2>${t(`skill_${row.skill}`) === `skill_${row.skill}` ? row.skill : t(`skill_${row.skill}`)}</h2><p class="rate"><strong>${percent(row.score_bp)}</strong></p></div>
    <dl class="facts">
      <div><dt>${t("right")}</dt><dd>${answers(row.right_milli)}</dd></div>
      <div><dt>${t("wrong")}</dt><dd>${answers(row.wrong_milli)}</dd></div>
      <div><dt>${t("at")}</dt><dd>${when(row.at_ms)}</dd></div>
    </dl>
    <p class="hint">${t("score_why")}</p>
    ${changes.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${`${t("changes")}: ${row.skill}`}><table>
      <thead><tr><th scope="col">${t("at")}</th><th scope="col">${t("job")}</th><th scope="col" class="figure">${t("score")}</th><th scope="col" class="figure">${t("change")}</th><th scope="col">${t("cause")}</th></tr></thead>
      <tbody>${changes.map((change, place) => html`<tr><td>${when(change.at_ms)}</td><th scope="row" dir="auto">${change.title || change.job_id}</th><td class="figure">${percent(change.score_bp)}</td><td class="figure">${moved(change, changes[place - 1])}</td><td dir="auto">${change.because}</td></tr>`).reverse()}</tbody></table></div>`}
  </li>`;
}

export function Page() {
  const { value, problem, loading } = standing.state.value;
  if (loading) return html`<${Loading} />`;
  const list = value?.standings ?? [];
  return html`<h1>${t("nav_standing")}</h1>
    <p class="lead small">${t("standing_why")}</p>
    <${Problem} problem=${problem} again=${standing.ask} />
    ${value && list.length === 0 && html`<p class="card empty">${t("no_standing")}</p>`}
    <ul class="offers">${list.map((row) => html`<${Skill} key=${row.skill} row=${row} changes=${(value.changes ?? []).filter((one) => one.skill === row.skill)} />`)}</ul>`;
}
