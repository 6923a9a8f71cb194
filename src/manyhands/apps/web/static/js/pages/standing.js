// A worker's standing in each skill, every change with its cause.
import { html, loader, Loading, percent, Problem, t, when } from "manyhands/kit.js";
import { get } from "manyhands/api.js";

const standing = loader(() => get("/api/standing"));

export function Page() {
  const { value, problem, loading } = standing.state.value;
  if (loading) return html`<${Loading} />`;
  const list = value?.standings ?? [];
  return html`<h1>${t("nav_standing")}</h1>
    <p class="lead small">${t("standing_why")}</p>
    <${Problem} problem=${problem} again=${standing.ask} />
    ${value && list.length === 0 && html`<p class="card empty">${t("no_standing")}</p>`}
    ${list.length > 0 &&
    html`<div class="scroll" tabindex="0" role="region" aria-label=${t("nav_standing")}><table>
      <thead><tr><th scope="col">${t("skill")}</th><th scope="col" class="figure">${t("score")}</th><th scope="col" class="figure">${t("right")}</th><th scope="col" class="figure">${t("wrong")}</th><th scope="col">${t("cause")}</th><th scope="col">${t("at")}</th></tr></thead>
      <tbody>${list.map(
        (row) => html`<tr><th scope="row">${row.skill}</th><td class="figure">${percent(row.score_bp)}</td><td class="figure">${(row.right_milli / 1000).toFixed(1)}</td><td class="figure">${(row.wrong_milli / 1000).toFixed(1)}</td><td dir="auto">${row.because}</td><td>${when(row.at_ms)}</td></tr>`,
      )}</tbody></table></div>`}`;
}
