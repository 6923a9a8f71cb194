// A worker's side of work pools: an invitation with what the pool would see, and the pools one belongs to.
//
// Rules kept here
// - Nothing is agreed by opening a link: joining is a button under the words that say what the pool sees.
// - The link's secret stands behind the #, which no browser sends; it goes to the site in a body.
import "manyhands/more.js";
import { asProblem, html, loader, Loading, Problem, signal, t, when } from "manyhands/kit.js";
import { at, get, me, post } from "manyhands/api.js";

const token = location.hash.slice(1);
const mine = loader(() => get("/api/pools"));
const invited = token ? loader(() => post("/api/pools/look", { token })) : null;
const problem = signal(null);
const said = signal("");

async function doing(sentence, work) {
  problem.value = null;
  try {
    await work();
    said.value = sentence;
    history.replaceState(null, "", location.pathname); // an invitation that was used is not kept in the address
    await mine.ask();
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

/** What a pool sees and what it never sees: agreed to under the name of the version. */
function Sees() {
  const list = (names) => html`<ul>${names.map((name) => html`<li key=${name}>${t(`pool_${name}`)}</li>`)}</ul>`;
  return html`<div class="sees"><div><h3>${t("pool_sees")}</h3>${list(["sees_name", "sees_work", "sees_share", "sees_hours"])}</div>
    <div><h3>${t("pool_never")}</h3>${list(["never_pay", "never_answers", "never_else", "never_who"])}</div></div>
    <p>${t("pool_pay")}</p><p>${t("pool_free")}</p>`;
}

function Invitation() {
  const { value, problem: failed, loading } = invited.state.value;
  if (loading) return html`<${Loading} />`;
  if (said.value || (!value && !failed)) return null;
  if (failed) return html`<section class="card"><h2>${t("pool_invitation")}</h2><${Problem} problem=${failed} /></section>`;
  const worker = me.value.roles?.includes("worker");
  return html`<section class="card" id="invitation"><h2 dir="auto">${t("pool_invited", { name: value.name })}</h2>
    ${value.about && html`<p dir="auto">${value.about}</p>`}
    <${Sees} />
    ${value.member ? html`<p class="notice good">${t("pool_member_already")}</p>` : worker ? html`<p class="row"><button class="button" onClick=${() => doing(t("pool_joined", { name: value.name }), () => post("/api/pools/join", { token, agreed_to: value.sees }))}>${t("pool_join")}</button></p>` : html`<p class="notice">${t("pool_workers_only")} <a href="/account">${t("nav_account")}</a></p>`}
  </section>`;
}

function Pool({ one }) {
  const leave = () => confirm(t("pool_leave_sure", { name: one.name })) && doing(t("pool_left", { name: one.name }), () => post(at`/api/pools/${one.pool}/leave`));
  return html`<li class="card"><div class="offer-head"><h2 dir="auto">${one.name}</h2>${one.ended_at_ms === null && html`<button class="button quietly small" onClick=${leave}>${t("pool_leave")}<span class="unseen"> ${one.name}</span></button>`}</div>
    ${one.about && html`<p dir="auto">${one.about}</p>`}
    <p class="hint">${one.ended_at_ms === null ? t("pool_since", { time: when(one.joined_at_ms) }) : t(one.ended_by === "pool" ? "pool_ended_by_pool" : "pool_ended_by_you", { time: when(one.ended_at_ms) })}</p>
    ${one.because && html`<p>${t("pool_its_reason")} <q dir="auto">${one.because}</q></p>`}
    ${one.ended_at_ms === null && html`<details><summary>${t("pool_what_sees")}</summary><${Sees} /></details>`}</li>`;
}

export function Page() {
  const { value, problem: failed, loading } = mine.state.value;
  if (loading && !value) return html`<${Loading} />`;
  return html`<h1>${t("title_pools")}</h1><p class="lead small">${t("pools_why")}</p>
    <${Problem} problem=${problem.value ?? failed} />
    ${said.value && html`<p class="notice good" role="status">${said.value}</p>`}
    ${invited && html`<${Invitation} />`}
    ${value && (value.pools.length === 0 ? !invited && html`<p class="card quiet">${t("pools_none")}</p>` : html`<ul class="stack">${value.pools.map((one) => html`<${Pool} key=${one.pool} one=${one} />`)}</ul>`)}`;
}
