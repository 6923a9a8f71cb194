// What was earned, what is waiting and why, what was refused and why, and the proof of each answer.
import { Amount, clock, count, Hash, html, loader, Loading, Problem, t } from "manyhands/kit.js";
import { at, get } from "manyhands/api.js";

const earnings = loader(() => get("/api/earnings"));

async function saveReceipts(job) {
  const receipts = await get(at`/api/receipts/${job.job_id}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(receipts, null, 1)], { type: "application/json" }));
  link.download = `receipts-${job.job_id}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function Job({ job, currency, exponent }) {
  const part = (name, minor) => minor !== 0 && html`<div><dt>${t(name)}</dt><dd><${Amount} minor=${minor} currency=${currency} exponent=${exponent} /></dd></div>`;
  return html`<li class="card">
    <div class="offer-head"><h2 dir="auto"><a href=${`/jobs/${encodeURIComponent(job.job_id)}`}>${job.title}</a></h2></div>
    <dl class="facts">
      <div><dt>${t("answers")}</dt><dd>${count(job.answers)}</dd></div>
      <div><dt>${t("accepted")}</dt><dd>${count(job.accepted)}</dd></div>
      <div><dt>${t("waiting_check")}</dt><dd>${count(job.waiting)}</dd></div>
      <div><dt>${t("refused")}</dt><dd>${count(job.refused)}</dd></div>
      ${part("pending", job.pending_minor)}${part("earned_job", job.earned_minor)}${part("bonus", job.bonus_minor)}${part("top_up", job.top_up_minor)}${part("paid", job.paid_minor)}
    </dl>
    ${job.because && html`<p class="hint" dir="auto">${job.because}</p>`}
    ${job.transactions.length > 0 && html`<p class="hint">${t("paid_in")} ${job.transactions.map((tx) => html`<${Hash} value=${tx.tx_hash} /> <span class="quiet">${t("on_chain", { id: tx.chain_id })}</span> `)}</p>`}
    <p class="row"><button class="button quietly small" onClick=${() => saveReceipts(job)}>${t("save_receipts")}<span class="unseen"> ${job.title}</span></button> <a class="button quietly small" href="/proof">${t("check_receipts")}</a></p>
  </li>`;
}

export function Page() {
  const { value, problem, loading } = earnings.state.value;
  if (loading) return html`<${Loading} />`;
  if (!value) return html`<${Problem} problem=${problem} again=${earnings.ask} />`;
  const { currency, exponent } = value;
  const big = (name, minor, hint) => html`<div><dt>${t(name)}</dt><dd><${Amount} minor=${minor} currency=${currency} exponent=${exponent} /></dd><dd class="hint">${t(hint)}</dd></div>`;
  return html`<h1>${t("nav_earnings")}</h1>
    <dl class="bigs">
      ${big("paid", value.paid_minor, "paid_why")}
      ${big("accepted_money", value.accepted_minor, "accepted_why")}
      ${big("pending", value.pending_minor, "pending_why")}
      <div><dt>${t("per_hour")}</dt><dd>${value.pay_per_hour_minor === null ? html`<span class="quiet">${t("not_measured")}</span>` : html`<${Amount} minor=${value.pay_per_hour_minor} currency=${currency} exponent=${exponent} />`}</dd><dd class="hint">${t("per_hour_why", { time: clock(value.credited_ms) })}</dd></div>
    </dl>
    <h2>${t("by_job")}</h2>
    ${value.jobs.length === 0 && html`<p class="card empty">${t("no_earnings")}</p>`}
    <ul class="offers">${value.jobs.map((job) => html`<${Job} key=${job.job_id} job=${job} currency=${currency} exponent=${exponent} />`)}</ul>`;
}
