// A work pool, for whoever runs it: its members with their work in its own jobs, invitations by link, and its jobs.
//
// Rules kept here
// - What stands here is what the members were told before they joined; there is no amount on this page.
// - An invitation's link is shown when it is made and never again.
import "manyhands/more.js";
import { asProblem, batch, clock, count, html, loader, Loading, percent, Problem, signal, Simulated, t, when } from "manyhands/kit.js";
import { at, get, post, put } from "manyhands/api.js";
import { Rows } from "manyhands/rows.js";

const own = loader(() => get("/api/pool"));
const problem = signal(null);
const said = signal("");
const link = signal("");
const leaving = signal("");
const STATES = { announced: "draft", reading: "draft", cutting: "draft", open: "open", cancelling: "cancelling", settled: "closed" };
const DAY_MS = 86_400_000;

async function doing(sentence, work) {
  batch(() => {
    problem.value = null;
    said.value = "";
  });
  try {
    await work();
    said.value = sentence;
    await own.ask();
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

const sent = (event) => {
  event.preventDefault();
  return new FormData(event.currentTarget);
};

const describe = (event) => {
  const form = sent(event);
  doing(t("saved_limits"), () => put("/api/pool", { about: form.get("about").trim(), listed: form.has("listed") }));
};

const invite = (event) => {
  const form = sent(event);
  const wish = { note: form.get("note").trim(), places: Number(form.get("places")), lasts_ms: Number(form.get("days")) * DAY_MS };
  doing("", async () => (link.value = new URL((await post("/api/pool/invites", wish)).path, location.origin).href));
};

const remove = (event) => {
  const form = sent(event);
  doing(t("pool_removed"), async () => {
    await post(at`/api/pool/members/${leaving.value}/remove`, { because: form.get("because").trim() });
    leaving.value = "";
  });
};

function Own({ pool }) {
  return html`<section class="card"><h2>${t("pool_own")}</h2>
    <p>${t("pool_address_why")}</p><p class="scroll" tabindex="0"><code dir="ltr">${pool.pool}</code></p>
    <form onSubmit=${describe}>
      <label>${t("pool_about")}<textarea name="about" rows="3" maxlength="2000" aria-describedby="about-hint">${pool.about}</textarea></label><p id="about-hint" class="hint">${t("pool_about_why")}</p>
      <label class="choice"><input type="checkbox" name="listed" defaultChecked=${pool.listed} /> <span>${t("pool_listed")}</span></label>
      <p><button class="button quietly">${t("save")}</button></p>
    </form></section>`;
}

function Members({ members }) {
  const judged = (one) => one.accepted + one.refused;
  const columns = [
    [t("pool_member"), (one) => html`<span dir="auto">${one.name}</span><span class="hint">${t("pool_since", { time: when(one.joined_at_ms) })}</span>`, "head"],
    [t("answers"), (one) => count(one.answers), "figure"],
    [t("pool_judged"), (one) => (judged(one) === 0 ? "–" : `${count(one.accepted)} / ${count(judged(one))}`), "figure"],
    [t("pool_agreeing"), (one) => (one.accepted_bp === null ? html`<span class="quiet">${t("pool_too_few")}</span>` : percent(one.accepted_bp)), "figure"],
    [t("pool_hours"), (one) => clock(one.credited_ms), "figure"],
    [t("pool_in_hand"), (one) => count(one.in_hand), "figure"],
    ["", (one) => html`<button class="button quietly small" aria-expanded=${leaving.value === one.member_id} onClick=${() => (leaving.value = leaving.value === one.member_id ? "" : one.member_id)}>${t("pool_remove")}<span class="unseen"> ${one.name}</span></button>`],
  ];
  const going = members.find((one) => one.member_id === leaving.value);
  return html`<section class="card"><h2>${t("pool_members")}</h2><p class="hint">${t("pool_members_why")}</p>
    ${members.length === 0 ? html`<p class="quiet">${t("pool_members_none")}</p>` : html`<${Rows} name=${t("pool_members")} columns=${columns} rows=${members} />`}
    ${going && html`<form onSubmit=${remove} key=${going.member_id}><h3 dir="auto">${t("pool_remove_who", { name: going.name })}</h3>
      <label>${t("pool_because")}<textarea name="because" rows="2" required minlength="10" maxlength="1000"></textarea></label><p class="hint">${t("pool_remove_why")}</p>
      <p class="row"><button class="button quietly">${t("pool_remove")}</button> <button type="button" class="plain" onClick=${() => (leaving.value = "")}>${t("pool_keep")}</button></p></form>`}
  </section>`;
}

function Invites({ invites }) {
  return html`<section class="card"><h2>${t("pool_invite")}</h2><p>${t("pool_invite_why")}</p>
    ${link.value && html`<div class="notice good" role="status"><p>${t("pool_link_once")}</p><p class="scroll" tabindex="0"><code dir="ltr" id="link">${link.value}</code></p></div>`}
    <form onSubmit=${invite}>
      <label>${t("pool_note")}<input name="note" maxlength="120" autocomplete="off" /></label>
      <div class="pair"><label>${t("pool_places")}<input name="places" type="number" inputmode="numeric" min="1" max="500" step="1" required value="10" /></label>
      <label>${t("pool_days")}<input name="days" type="number" inputmode="numeric" min="1" max="90" step="1" required value="14" /></label></div>
      <p><button class="button">${t("pool_invite_make")}</button></p>
    </form>
    ${invites.length > 0 && html`<h3>${t("pool_invites")}</h3><ul class="plain-list">${invites.map((one) => html`<li key=${one.invite_id}><span dir="auto">${one.note || t("pool_nameless")}</span>
      <span class="hint">${t("pool_taken", { taken: count(one.taken), places: count(one.places) })} · ${t("pool_until", { time: when(one.expires_at_ms) })}</span>
      <button class="button quietly small" onClick=${() => doing(t("ended"), () => post(at`/api/pool/invites/${one.invite_id}/end`))}>${t("end_it")}<span class="unseen"> ${one.note}</span></button></li>`)}</ul>`}
  </section>`;
}

function Jobs({ jobs }) {
  const state = (job) => STATES[job.state] ?? "recorded";
  const columns = [
    [t("job"), (job) => html`<a href=${at`/jobs/${job.job_id}`} dir="auto">${job.title}</a>${job.simulated ? html`<span class="hint">${t("simulated_job")}</span>` : ""}`, "head"],
    [t("pool_state"), (job) => html`<span class=${`state ${state(job)}`}>${t(`state_${state(job)}`)}</span>`],
    [t("pool_decided"), (job) => `${count(job.tasks - job.undecided)} / ${count(job.tasks)}`, "figure"],
    [t("open_tasks"), (job) => count(job.open_tasks), "figure"],
    [t("answers"), (job) => count(job.answers), "figure"],
    [t("pool_at_work"), (job) => count(job.workers), "figure"],
  ];
  return html`<section class="card"><h2>${t("pool_jobs")}</h2>
    ${jobs.length === 0 ? html`<p class="quiet">${t("pool_jobs_none")}</p>` : html`<${Rows} name=${t("pool_jobs")} columns=${columns} rows=${jobs} />`}</section>`;
}

export function Page() {
  const { value, problem: failed, loading } = own.state.value;
  if (loading && !value) return html`<${Loading} />`;
  return html`<h1>${value ? html`<span dir="auto">${value.pool.name}</span>` : t("title_pool")}</h1><p class="lead small">${t("pool_why")}</p>
    <${Problem} problem=${failed} again=${failed ? own.ask : undefined} /><${Problem} problem=${problem.value} />
    ${said.value && html`<p class="notice good" role="status">${said.value}</p>`}
    ${value && html`<${Members} ...${value} /><${Invites} ...${value} /><${Jobs} ...${value} /><${Own} ...${value} />`}`;
}
