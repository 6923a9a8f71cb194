// Drop a receipt and see it checked here, in the browser, against the anchors that this site's record names. Who wants to
// rest on the chain alone takes the stand-alone page, which asks a node of the reader's choice.
import { Amount, asProblem, count, firstCurrency, Hash, html, Problem, signal, t, when } from "manyhands/kit.js";
import { at, get } from "manyhands/api.js";
import { check, NotAReceipt } from "manyhands/proof.js";

const results = signal([]);
const problem = signal(null);
const over = signal(false);

async function anchoredRoots(jobId, cache) {
  if (!cache.has(jobId)) {
    cache.set(jobId, get(at`/api/jobs/${jobId}`).then((job) => (job.anchors ?? []).map((anchor) => anchor.root)));
  }
  return cache.get(jobId);
}

async function checkText(text) {
  problem.value = null;
  results.value = [];
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    problem.value = { code: "not_json", message: t("not_json"), cure: t("not_json_cure") };
    return;
  }
  const cache = new Map();
  const found = [];
  for (const receipt of Array.isArray(parsed) ? parsed : [parsed]) {
    try {
      found.push({ receipt, ...check(receipt, await anchoredRoots(receipt?.job_id ?? "", cache)) });
    } catch (thrown) {
      if (thrown instanceof NotAReceipt) found.push({ receipt, wrong: t("not_a_receipt", { field: thrown.field }) });
      else if (thrown.status === 404 || thrown.status === 422) found.push({ receipt, wrong: t("job_unknown") });
      else {
        problem.value = asProblem(thrown);
        return;
      }
    }
  }
  results.value = found;
}

async function take(files) {
  if (files?.[0]) await checkText(await files[0].text());
}

function Result({ one }) {
  const good = one.leads && one.anchored;
  const { record, currency = firstCurrency, exponent } = one.receipt ?? {};
  const verdict = one.wrong ?? t(good ? "proof_good" : one.leads ? "proof_not_anchored" : "proof_changed");
  return html`<li class=${`card proof ${good ? "good" : "bad"}`}>
    <p><strong><span aria-hidden="true">${good ? "✓" : "✗"}</span> ${verdict}</strong></p>
    ${record?.answer && html`<dl class="facts">
      <div><dt>${t("answer")}</dt><dd dir="auto">${record.answer.text ?? t("cannot_read")}</dd></div>
      <div><dt>${t("reward")}</dt><dd><${Amount} minor=${record.reward_minor} currency=${currency} exponent=${exponent} /></dd></div>
      ${Number.isFinite(record.answer.received_at_ms) && html`<div><dt>${t("at")}</dt><dd>${when(record.answer.received_at_ms)}</dd></div>`}
      <div><dt>${t("root")}</dt><dd><${Hash} value=${one.root ?? ""} /></dd></div>
    </dl>`}
  </li>`;
}

export function Page() {
  const good = results.value.filter((one) => one.leads && one.anchored).length;
  const all = results.value.length;
  const drop = (event) => {
    event.preventDefault();
    over.value = false;
    take(event.dataTransfer.files);
  };
  return html`<h1>${t("check_receipts")}</h1><p class="lead small">${t("proof_why")}</p>
    <div class=${`card drop${over.value ? " over" : ""}`} onDragOver=${(event) => { event.preventDefault(); over.value = true; }} onDragLeave=${() => (over.value = false)} onDrop=${drop}>
      <label>${t("proof_file")}<input type="file" accept=".json,application/json" onChange=${(event) => take(event.currentTarget.files)} /></label>
      <label>${t("proof_paste")}<textarea rows="4" spellcheck=${false} dir="ltr" onInput=${(event) => event.currentTarget.value.trim() && checkText(event.currentTarget.value)}></textarea></label>
    </div>
    <${Problem} problem=${problem.value} />
    <div role="status">${all > 0 && html`<p class=${`notice ${good === all ? "good" : "bad"}`}>${t("proof_sum", { good: count(good), all: count(all) })}</p>`}</div>
    ${all > 0 && html`<p class="hint">${t("proof_rests")}</p>`}
    <p>${t("proof_alone_why")} <a href="/proof-alone.html" target="_blank" rel="noopener">${t("proof_alone")}</a> <a class="button quietly small" href="/proof-alone.html" download="proof.html">${t("proof_keep")}</a></p>
    <ul class="offers">${results.value.slice(0, 200).map((one) => html`<${Result} one=${one} />`)}</ul>`;
}
