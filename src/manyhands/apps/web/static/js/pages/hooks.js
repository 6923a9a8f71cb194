// Webhooks: programs of one's own that are told of jobs; what each was told, and telling it again.
//
// Rules kept here
// - A secret is shown when it is made and never again.
// - What a receiver said is shown as it said it, as text.
import { asProblem, batch, count, html, loader, Loading, Problem, signal, t, useEffect, when } from "manyhands/kit.js";
import { at, get, post } from "manyhands/api.js";
import { DeskWays } from "manyhands/desk/nav.js";
import { Rows } from "manyhands/rows.js";

const list = loader(() => get("/api/webhooks"));
const problem = signal(null);
const said = signal("");
const secret = signal(null);
const open = signal("");
const tellings = signal(null);

async function doing(sentence, work) {
  batch(() => {
    problem.value = null;
    said.value = "";
  });
  try {
    await work();
    said.value = sentence;
    await list.ask();
    if (open.value) await look(open.value);
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

async function look(hookId) {
  tellings.value = (await get(at`/api/webhooks/${hookId}/tellings`)).tellings;
}

const add = (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const wanted = new FormData(form);
  doing(t("hook_added"), async () => {
    secret.value = await post("/api/webhooks", { url: wanted.get("url").trim(), name: wanted.get("label").trim() });
    form.reset();
  });
};

const rotate = (hook) => confirm(t("hook_rotate_sure")) && doing(t("hook_rotated"), async () => (secret.value = await post(at`/api/webhooks/${hook.hook_id}/rotate`)));

const end = (hook) =>
  confirm(t("hook_end_sure", { url: hook.url })) &&
  doing(t("hook_ended"), async () => {
    await post(at`/api/webhooks/${hook.hook_id}/end`);
    if (open.value === hook.hook_id) open.value = "";
    secret.value = null;
  });

const toggle = async (hook) => {
  open.value = open.value === hook.hook_id ? "" : hook.hook_id;
  tellings.value = null;
  if (open.value) await doing("", () => look(hook.hook_id));
};

const replay = (hook, telling) =>
  doing(t("hook_replayed"), () => post(at`/api/webhooks/${hook.hook_id}/replay`, { job_id: telling.job_id, from_number: telling.number }));

function Secret() {
  if (!secret.value?.secret) return null;
  return html`<div class="notice good" role="status"><p><strong>${t("hook_secret")}</strong> ${t("hook_secret_why")}</p><p class="scroll" tabindex="0"><code>${secret.value.secret}</code></p></div>`;
}

function Tellings({ hook }) {
  if (tellings.value === null) return html`<${Loading} />`;
  if (tellings.value.length === 0) return html`<p class="quiet">${t("tellings_none")}</p>`;
  const columns = [
    [t("event"), (one) => html`<a href=${at`/desk/jobs/${one.job_id}`}>${one.name} · ${count(one.number)}</a><span class="hint">${when(one.at_ms)}</span>`, "head"],
    [t("state"), (one) => html`<span class=${`state ${one.state === "told" ? "closed" : "refused"}`}>${t(`telling_${one.state}`)}</span>${one.told_at_ms ? html`<span class="hint">${when(one.told_at_ms)}</span>` : ""}`],
    [t("receiver_said"), (one) => one.reason || one.status || "–"],
    [t("tries"), (one) => count(one.attempts), "figure"],
    ["", (one) => html`<button class="button quietly small" onClick=${() => replay(hook, one)}>${t("tell_again")}<span class="unseen"> ${one.name} ${one.number}</span></button>`],
  ];
  return html`<${Rows} name=${t("tellings")} columns=${columns} rows=${tellings.value} /><p class="hint">${t("tell_again_why")}</p>`;
}

function Hook({ hook }) {
  const shown = open.value === hook.hook_id;
  return html`<li class="card hook"><div class="head-line"><div><h2 dir="auto">${hook.name || t("hook_nameless")}</h2><p class="quiet"><code class="whole" dir="ltr">${hook.url}</code></p>
      <p class="hint">${t("hook_since", { time: when(hook.created_at_ms) })}${hook.rotated_at_ms ? ` · ${t("hook_rotated_at", { time: when(hook.rotated_at_ms) })}` : ""}</p></div>
      <span class=${`state ${hook.waiting ? "refused" : "closed"}`}>${hook.waiting ? t("hook_waiting", { n: count(hook.waiting) }) : t("hook_well")}</span></div>
    <p class="row"><button class="button quietly small" aria-expanded=${shown} onClick=${() => toggle(hook)}>${t("tellings")}<span class="unseen"> ${hook.name}</span></button>
      <button class="button quietly small" onClick=${() => rotate(hook)}>${t("hook_rotate")}<span class="unseen"> ${hook.name}</span></button>
      <button class="plain" onClick=${() => end(hook)}>${t("hook_end")}<span class="unseen"> ${hook.name}</span></button></p>
    ${shown && html`<${Tellings} hook=${hook} />`}</li>`;
}

export function Page() {
  useEffect(() => {
    // deliveries go on while somebody looks
    const again = setInterval(() => document.visibilityState === "visible" && open.value && look(open.value).then(list.ask, () => {}), 4_000);
    return () => clearInterval(again);
  }, []);
  const { value, problem: failed, loading } = list.state.value;
  if (loading && !value) return html`<${Loading} />`;
  return html`<div class="head-line"><h1>${t("title_hooks")}</h1><${DeskWays} /></div>
    <p class="lead small">${t("hooks_why")}</p>
    <${Problem} problem=${problem.value ?? failed} />
    ${said.value && html`<p class="notice good" role="status">${said.value}</p>`}
    <${Secret} />
    ${value && html`<ul class="stack">${value.hooks.map((hook) => html`<${Hook} key=${hook.hook_id} hook=${hook} />`)}</ul>
      <section class="card"><h2>${t("hook_new")}</h2><form onSubmit=${add}><div class="pair">
        <label>${t("hook_url")}<input name="url" type="url" required maxlength="500" placeholder="https://erp.example.org/manyhands" autocomplete="off" /></label>
        <label>${t("hook_name")}<input name="label" maxlength="64" autocomplete="off" /></label></div>
        <p><button class="button">${t("hook_add")}</button></p></form></section>`}`;
}
