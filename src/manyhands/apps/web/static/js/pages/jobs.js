// Every job of this site, for anyone.
import { Amount, count, html, loader, Loading, Problem, t } from "manyhands/kit.js";
import { get } from "manyhands/api.js";

const jobs = loader(() => get("/api/jobs"));

export function Page() {
  const { value, problem, loading } = jobs.state.value;
  if (loading) return html`<${Loading} />`;
  const list = value?.jobs ?? [];
  return html`<h1>${t("nav_jobs")}</h1><p class="lead small">${t("jobs_why")}</p>
    <${Problem} problem=${problem} again=${jobs.ask} />
    ${value && list.length === 0 && html`<p class="card empty">${t("no_jobs")}</p>`}
    <ul class="offers">${list.map(
      (job) => html`<li class="card row-card" key=${job.job_id}>
        <h2 dir="auto"><a href=${`/jobs/${encodeURIComponent(job.job_id)}`}>${job.title}</a></h2>
        <p><span class=${`state ${job.state}`}>${t(`state_${job.state}`)}</span>${job.simulated ? html` <span class="tag">◇ ${t("simulated_short")}</span>` : ""}</p>
        <p class="quiet">${job.documents !== undefined ? t("documents_pages", { documents: count(job.documents), pages: count(job.pages ?? 0) }) : ""}${job.paid_minor ? html` · ${t("paid")} <${Amount} minor=${job.paid_minor} currency=${job.currency} exponent=${job.exponent} />` : ""}</p>
      </li>`,
    )}</ul>`;
}
