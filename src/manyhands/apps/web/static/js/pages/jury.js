// Reports that this worker was drawn to judge: the cutting, what was said about it, and a vote with its reason.
import { Amount, asProblem, html, loader, Loading, Problem, signal, t } from "manyhands/kit.js";
import { at, get, post } from "manyhands/api.js";

const cases = loader(() => get("/api/jury"));
const codes = loader(() => get("/api/report-codes"));
const problems = signal({});
const voted = signal(0);

function Case({ one }) {
  async function vote(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      await post(at`/api/jury/${one.case_id}/vote`, { uphold: form.get("vote") === "uphold", because: form.get("because") });
      voted.value += 1;
      await cases.ask();
    } catch (thrown) {
      problems.value = { ...problems.value, [one.case_id]: asProblem(thrown) };
    }
  }
  const said = codes.state.value.value?.codes.find((code) => code.code === one.code)?.title ?? one.code;
  return html`<li class="card">
    <div class="cutting" tabindex="0" role="group" aria-label=${t("cutting")}><img class="plain" src=${one.picture_url} alt=${t("cutting_alt")} /></div>
    <p><strong>${t("reported_as")}</strong> ${said}</p>
    ${one.text && html`<blockquote dir="auto">${one.text}</blockquote>`}
    <p class="hint">${t("question_was")} ${t(`question_${one.question}`)} · ${t("jury_pays")} <${Amount} minor=${one.reward_minor} /></p>
    <form onSubmit=${vote}>
      <fieldset><legend>${t("jury_question")}</legend>
        <label class="choice"><input type="radio" name="vote" value="uphold" required /> <span>${t("jury_uphold")}</span></label>
        <label class="choice"><input type="radio" name="vote" value="clear" required /> <span>${t("jury_clear")}</span></label>
      </fieldset>
      <label>${t("jury_because")}<textarea name="because" rows="2" maxlength="2000" required></textarea></label>
      <${Problem} problem=${problems.value[one.case_id]} />
      <button class="button">${t("jury_vote")}</button>
    </form>
  </li>`;
}

export function Page() {
  const { value, problem, loading } = cases.state.value;
  if (loading) return html`<${Loading} />`;
  const list = value?.cases ?? [];
  return html`<h1>${t("nav_jury")}</h1>
    <p class="lead small">${t("jury_why")}</p>
    <${Problem} problem=${problem} again=${cases.ask} />
    ${voted.value > 0 && html`<p class="notice good" role="status">${t("jury_thanks")}</p>`}
    ${value && list.length === 0 && html`<p class="card empty">${t("no_cases")}</p>`}
    <ul class="offers">${list.map((one) => html`<${Case} key=${one.case_id} one=${one} />`)}</ul>`;
}
