// Reports and appeals that this worker was drawn to judge: what there is to see, what was said, and a vote with its reason.
import "manyhands/more.js";
import { Amount, asProblem, html, loader, Loading, Problem, signal, t } from "manyhands/kit.js";
import { at, get, post, reportCodes } from "manyhands/api.js";

const cases = loader(() => get("/api/jury"));
const codes = loader(reportCodes);
const problems = signal({});
const voted = signal(0);

/** A question without the word of its form; of questions put together each. */
function plain(question) {
  if (question.startsWith("several ")) return JSON.parse(question.slice(8)).map(plain).join(" · ");
  return question.replace(/^(which \d+|claim|match|read) /, "");
}

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
  const appeal = one.kind === "appeal";
  const said = codes.state.value.value?.find((code) => code.code === one.code)?.title ?? one.code;
  const keyed = (text) => (text === null ? t("cannot_read") : text === "" ? t("nothing_there") : text);
  return html`<li class="card">
    ${appeal
      ? html`<h2>${t("appeal_case")}</h2><div class="exhibits">${one.exhibits.map((piece) => html`<figure><img src=${piece.picture_url} alt=${t("cutting_alt")} /><figcaption>${t("was_keyed")} <b dir="auto">${keyed(piece.text)}</b></figcaption></figure>`)}</div><p><strong>${t("worker_says")}</strong></p>`
      : html`<div class="cutting" tabindex="0" role="group" aria-label=${t("cutting")}><img class="plain" src=${one.picture_url} alt=${t("cutting_alt")} /></div><p><strong>${t("reported_as")}</strong> ${said}</p>`}
    ${one.text && html`<blockquote dir="auto">${one.text}</blockquote>`}
    <p class="hint">${!appeal && html`${t("question_was")} ${(one.question.includes(" ") ? plain(one.question) : t(`question_${one.question}`))} · `}${t("jury_pays")} <${Amount} minor=${one.reward_minor} /></p>
    <form onSubmit=${vote}>
      <fieldset><legend>${t(appeal ? "appeal_question" : "jury_question")}</legend>
        <label class="choice"><input type="radio" name="vote" value="uphold" required /> <span>${t(appeal ? "appeal_uphold" : "jury_uphold")}</span></label>
        <label class="choice"><input type="radio" name="vote" value="clear" required /> <span>${t(appeal ? "appeal_clear" : "jury_clear")}</span></label>
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
