// For whom a job is: everybody or a work pool's members, and what the work asks of a worker.
import { html, language, loader, percent, t, useSignal } from "manyhands/kit.js";
import { get } from "manyhands/api.js";

const LANGUAGES = ["ar", "bn", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "ms", "pl", "pt", "ru", "sw", "th", "tl", "tr", "uk", "ur", "vi", "zh"];
const SCORES_BP = [0, 7_500, 8_500, 9_000, 9_500];
const NOTHING = { languages: [], screen: "any", pointer: "any", score_bp: 0 };
const names = new Intl.DisplayNames([language], { type: "language", fallback: "code" });
const list = (codes) => new Intl.ListFormat(language, { type: "disjunction" }).format(codes.map((code) => names.of(code)));
const pools = loader(() => get("/api/desk/pools"));

/** One select; options are [value, words]. */
function Select({ label, hint, value, options, onChange }) {
  return html`<label>${label}${hint && html`<span class="hint">${hint}</span>`}<select value=${value} onChange=${(event) => onChange(event.target.value)}>${options.map(([key, words]) => html`<option key=${key} value=${key} selected=${key === value}>${words}</option>`)}</select></label>`;
}

export function Who({ wanted, change }) {
  const needs = { ...NOTHING, ...wanted.needs };
  const need = (values) => {
    const next = { ...needs, ...values };
    change({ needs: JSON.stringify(next) === JSON.stringify(NOTHING) ? null : next });
  };
  const found = pools.state.value.value?.pools ?? [];
  const pool = wanted.pool ?? "";
  const known = useSignal(pool);
  const unlisted = known.value && !found.some((one) => one.pool === known.value) ? [[known.value, known.value]] : [];
  const codes = needs.languages.join(" ");
  const languages = [["", t("need_any_language")], ...[...new Set([...LANGUAGES, codes])].filter(Boolean).map((one) => [one, list(one.split(" "))])];
  return html`<fieldset class="fits"><legend>${t("who_fits")}</legend><p class="hint">${t("who_fits_why")}</p>
    <${Select} label=${t("pool_wish")} hint=${t("pool_wish_why")} value=${pool} onChange=${(key) => change({ pool: key })} options=${[["", t("pool_all")], ...found.map((one) => [one.pool, t("pool_n", { name: one.name, n: one.members })]), ...unlisted]} />
    <div class="pair">
      <${Select} label=${t("need_language")} value=${codes} onChange=${(key) => need({ languages: key ? key.split(" ") : [] })} options=${languages} />
      <${Select} label=${t("need_score")} value=${String(needs.score_bp)} onChange=${(key) => need({ score_bp: Number(key) })} options=${[...new Set([...SCORES_BP, needs.score_bp])].map((bp) => [String(bp), bp ? t("need_score_of", { score: percent(bp) }) : t("need_any_score")])} />
    </div>
    <label class="choice"><input type="checkbox" checked=${needs.screen === "wide"} onChange=${(event) => need({ screen: event.target.checked ? "wide" : "any" })} />${t("need_wide")}</label>
    <label class="choice"><input type="checkbox" checked=${needs.pointer === "fine"} onChange=${(event) => need({ pointer: event.target.checked ? "fine" : "any" })} />${t("need_fine")}</label>
  </fieldset>`;
}
