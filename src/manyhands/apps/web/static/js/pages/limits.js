// A worker's own limits, and everything the platform knows of the worker to take along.
import "manyhands/more.js";
import { asProblem, clock, html, language, loader, Loading, Problem, signal, t } from "manyhands/kit.js";
import { get, me, post } from "manyhands/api.js";

const wishes = loader(() => get("/api/wishes"));
const problem = signal(null);
const saved = signal(false);

const COMMON = ["ar", "bn", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "ms", "pl", "pt", "ru", "sw", "th", "tl", "tr", "uk", "ur", "vi", "zh"];
const offered = (own) => [...new Set([...COMMON, ...own])];

/** A language's own name for itself. */
function named(code) {
  return new Intl.DisplayNames([code, language], { type: "language", fallback: "code" }).of(code);
}

const readers = new Intl.DisplayNames([language], { type: "language", fallback: "code" });
const told = (code) => readers.of(code);

async function save(event) {
  event.preventDefault();
  const form = new FormData(event.currentTarget);
  const hours = (name) => Math.round(Number(form.get(name) || 0) * 60);
  problem.value = null;
  saved.value = false;
  try {
    const told = await post("/api/wishes", {
      day_cap_minutes: hours("day"),
      week_cap_minutes: hours("week"),
      break_minutes: Number(form.get("break") || 0),
      sensitive: form.get("sensitive") === "on",
      languages: form.getAll("language"),
      utc_offset_minutes: -new Date().getTimezoneOffset(),
    });
    localStorage.setItem("mh_break", String(told.break_minutes));
    wishes.state.value = { loading: false, value: told, problem: null };
    saved.value = true;
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

export function Page() {
  const { value, problem: unread, loading } = wishes.state.value;
  if (loading) return html`<${Loading} />`;
  if (!value) return html`<${Problem} problem=${unread} again=${wishes.ask} />`;
  const field = (name, label, hint, shown, most, step) => html`<label>${t(label)}<input type="number" name=${name} min="0" max=${most} step=${step} inputmode="decimal" value=${shown} aria-describedby=${`${name}-hint`} /></label><p id=${`${name}-hint`} class="hint">${t(hint)}</p>`;
  return html`<h1>${t("limits")}</h1><p class="lead small">${t("limits_why")}</p>
    <dl class="bigs">
      <div><dt>${t("active_today")}</dt><dd>${clock(value.today_ms)}</dd></div>
      <div><dt>${t("active_week")}</dt><dd>${clock(value.week_ms)}</dd></div>
    </dl>
    <section class="card"><form onSubmit=${save}>
      ${field("day", "day_cap", "cap_hint", value.day_cap_minutes / 60, 24, 0.25)}
      ${field("week", "week_cap", "cap_hint", value.week_cap_minutes / 60, 168, 0.25)}
      ${field("break", "break_after", "break_hint", value.break_minutes, 240, 5)}
      <fieldset><legend>${t("languages_read")}</legend><p class="hint">${t("languages_hint")}</p>
        <div class="chips">${offered(value.languages).map((code) => html`<label class="chip"><input type="checkbox" name="language" value=${code} defaultChecked=${value.languages.includes(code)} /> <span lang=${code} dir="auto">${named(code)}</span>${told(code) !== named(code) && html`<span class="quiet">${told(code)}</span>`}</label>`)}</div></fieldset>
      <label class="choice"><input type="checkbox" name="sensitive" defaultChecked=${value.sensitive} /> <span>${t("sensitive_wish")}</span></label>
      <p class="hint">${t("sensitive_hint")}</p>
      <${Problem} problem=${problem.value} />
      <p class="row"><button class="button">${t("save")}</button> <span role="status">${saved.value ? t("saved_limits") : ""}</span></p>
    </form></section>
    <section class="card"><h2>${t("take_along")}</h2><p>${t("take_along_why")}</p>
      <p class="row"><a class="button quietly" href="/api/export.zip" download>${t("export_zip")}</a> <a class="button quietly" href="/api/export.json" download>${t("export_json")}</a></p>
      <p class="hint">${t("own_address")} <code dir="ltr">${me.value.worker}</code></p></section>`;
}
