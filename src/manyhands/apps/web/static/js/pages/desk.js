// A requester's drafts and jobs, newest first; and how to begin.
import { Amount, asProblem, count, html, loader, Loading, Problem, signal, t, when } from "manyhands/kit.js";
import { at, del, get, post } from "manyhands/api.js";
import { DeskWays } from "manyhands/desk/nav.js";
import { Rows } from "manyhands/rows.js";

const list = loader(() => get("/api/desk/jobs"));
const problem = signal(null);
const busy = signal(false);

async function begin() {
  busy.value = true;
  try {
    const today = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium" }).format(new Date());
    const { draft_id } = await post("/api/desk/drafts", { title: t("new_job_title", { date: today }) });
    location.assign(at`/desk/drafts/${draft_id}`);
  } catch (thrown) {
    problem.value = asProblem(thrown);
    busy.value = false;
  }
}

async function forget(draft) {
  if (!confirm(t("forget_sure", { title: draft.title }))) return;
  try {
    await del(at`/api/desk/drafts/${draft.draft_id}`);
    await list.ask();
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

const Begin = () => html`<button class="button" disabled=${busy.value} onClick=${begin}>${t("new_job")}</button>`;

async function openDesk() {
  try {
    await post("/api/desk/open");
    await list.ask();
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

/** For an account that only works so far. */
function OpenDesk() {
  return html`<h1>${t("title_desk")}</h1><section class="card first-job"><h2>${t("open_desk")}</h2><p class="lead small">${t("open_desk_why")}</p>
    <${Problem} problem=${problem.value} /><p><button class="button" onClick=${openDesk}>${t("open_desk_do")}</button></p></section>`;
}

function Empty() {
  const step = (name) => html`<li><h2>${t(`step_${name}`)}</h2><p>${t(`step_${name}_why`)}</p></li>`;
  return html`<section class="card first-job"><h2>${t("no_jobs_yet")}</h2><p class="lead small">${t("no_jobs_yet_why")}</p><p><${Begin} /></p></section>
    <ul class="points steps">${["drop", "quote", "watch"].map(step)}</ul>`;
}

function Drafts({ drafts }) {
  if (drafts.length === 0) return null;
  return html`<section class="block"><h2>${t("drafts")}</h2><ul class="tiles">${drafts.map(
    (draft) => html`<li class="card tile" key=${draft.draft_id}>
      <h3 dir="auto"><a href=${at`/desk/drafts/${draft.draft_id}`}>${draft.title}</a></h3>
      <p class="quiet">${t(`draft_${draft.state}`)} · ${t("files_pages", { files: count(draft.files), pages: count(draft.pages) })}</p>
      <p class="row"><a class="button quietly small" href=${at`/desk/drafts/${draft.draft_id}`}>${t("go_on")}<span class="unseen"> ${draft.title}</span></a>
        <button class="plain" onClick=${() => forget(draft)}>${t("forget")}<span class="unseen"> ${draft.title}</span></button></p>
    </li>`,
  )}</ul></section>`;
}

function Jobs({ jobs }) {
  if (jobs.length === 0) return null;
  const amount = (job, minor) => html`<${Amount} digits=${2} minor=${minor} currency=${job.currency} exponent=${job.exponent} />`;
  const columns = [
    [t("job"), (job) => html`<a href=${at`/desk/jobs/${job.job_id}`}>${job.title}</a>${job.simulated && html` <span class="tag">◇ ${t("simulated_short")}</span>`}`, "head"],
    [t("state"), (job) => html`<span class=${`state ${job.state}`}>${t(`state_${job.state}`)}</span>`],
    [t("pages"), (job) => count(job.pages), "figure"],
    [t("at_most"), (job) => amount(job, job.quote_total_minor), "figure"],
    [t("paid"), (job) => (job.paid_minor ? amount(job, job.paid_minor) : html`<span class="quiet">–</span>`), "figure"],
    [t("launched"), (job) => html`<span class="quiet">${when(job.created_at_ms)}</span>`, "figure"],
  ];
  return html`<section class="block"><h2>${t("jobs_launched")}</h2><div class="card flush"><${Rows} name=${t("jobs_launched")} columns=${columns} rows=${jobs} /></div></section>`;
}

export function Page() {
  const { value, problem: failed, loading } = list.state.value;
  if (loading) return html`<${Loading} />`;
  if (failed?.code === "wrong_role") return html`<${OpenDesk} />`;
  const some = value && value.drafts.length + value.jobs.length > 0;
  return html`<div class="head-line"><h1>${t("title_desk")}</h1><span class="row tight"><${DeskWays} />${some && html`<${Begin} />`}</span></div>
    <${Problem} problem=${failed ?? problem.value} again=${failed ? list.ask : undefined} />
    ${value && !some && html`<${Empty} />`}
    ${some && html`<${Drafts} drafts=${value.drafts} /><${Jobs} jobs=${value.jobs} />`}`;
}
