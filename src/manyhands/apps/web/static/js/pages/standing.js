// A worker's standing in each skill, and every change with its cause.
import "manyhands/more.js";
import { html, language, loader, Loading, percent, Problem, t, when } from "manyhands/kit.js";
import { get } from "manyhands/api.js";
import { Rows } from "manyhands/rows.js";

const standing = loader(() => get("/api/standing"));
const answers = (milli) => new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(milli / 1000);

/** What moved, in points of a hundred; "" for the first. */
function moved(change, before) {
  if (!before) return t("first_standing");
  const points = (change.score_bp - before.score_bp) / 100;
  return new Intl.NumberFormat(language, { signDisplay: "exceptZero", maximumFractionDigits: 1 }).format(points);
}

const COLUMNS = () => [
  [t("job"), (change) => change.title || t("earlier_job"), "head"],
  [t("at"), (change) => when(change.at_ms)],
  [t("score"), (change) => percent(change.score_bp), "figure"],
  [t("change"), (change) => moved(change, change.before), "figure"],
  [t("cause"), (change) => change.because],
];

function Skill({ row, changes }) {
  return html`<li class="card">
    <div class="offer-head"><h2>${t(`skill_${row.skill}`) === `skill_${row.skill}` ? row.skill : t(`skill_${row.skill}`)}</h2><p class="rate"><strong>${percent(row.score_bp)}</strong></p></div>
    <dl class="facts">
      <div><dt>${t("right")}</dt><dd>${answers(row.right_milli)}</dd></div>
      <div><dt>${t("wrong")}</dt><dd>${answers(row.wrong_milli)}</dd></div>
      <div><dt>${t("at")}</dt><dd>${when(row.at_ms)}</dd></div>
    </dl>
    <p class="hint">${t("score_why")}</p>
    ${changes.length > 0 && html`<${Rows} name=${`${t("changes")}: ${row.skill}`} columns=${COLUMNS()} rows=${changes.map((change, place) => ({ ...change, before: changes[place - 1] })).reverse()} />`}
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
