// One's own account: where it is open, the ways into it, keys of programs, and the wallet to take along.
import { asProblem, batch, html, loader, Loading, Problem, signal, t, when } from "manyhands/kit.js";
import { at, get, me, post, rememberMe } from "manyhands/api.js";
import { makePasskey, proveWallet } from "manyhands/ways.js";

const everything = loader(async () => {
  const [own, { sessions }, { keys }, offered] = await Promise.all([get("/api/account"), get("/api/sessions"), get("/api/keys"), get("/api/ways-in")]);
  return { own, sessions, keys, offered };
});
const problem = signal(null);
const done = signal("");
const newKey = signal("");
const SCOPES = { worker: ["work", "earnings"], requester: ["jobs", "results", "webhooks"], operator: ["operate"], workpool: ["work", "earnings", "pool"] };

async function doing(said, work) {
  batch(() => {
    problem.value = null;
    done.value = "";
  });
  try {
    await work();
    done.value = said;
    everything.ask();
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

const values = (event) => {
  event.preventDefault();
  return new FormData(event.currentTarget);
};

function saveFile(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const BROWSERS = [["Edg", "Edge"], ["OPR", "Opera"], ["SamsungBrowser", "Samsung Internet"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["CrOS", "ChromeOS"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]];

/** What a browser calls itself, in two words that a person tells devices apart by; the whole stands in the title. */
function deviceName(device) {
  const named = (list) => list.find(([sign]) => device.includes(sign))?.[1];
  const [browser, system] = [named(BROWSERS), named(SYSTEMS)];
  return browser && system ? t("browser_on", { browser, system }) : device || t("unknown");
}

function Sessions({ sessions }) {
  const end = (one) => doing(t("ended"), () => post(at`/api/sessions/${one.session_id}/end`));
  return html`<section class="card"><h2>${t("sessions")}</h2>
    <ul class="plain-list">${sessions.map((one) => html`<li key=${one.session_id}>
      <span title=${one.device}>${deviceName(one.device)}</span> <span class="hint">${t(`way_${one.way}`)}, ${when(one.created_at_ms)}</span>
      ${one.here ? html`<strong>${t("this_session")}</strong>` : html`<button class="button quietly small" onClick=${() => end(one)}>${t("end_it")}</button>`}
    </li>`)}</ul>
    ${sessions.length > 1 && html`<button class="button quietly" onClick=${() => doing(t("ended"), () => post("/api/sessions/end-others"))}>${t("end_others")}</button>`}
  </section>`;
}

function Ways({ own, offered }) {
  const addPasskey = () => doing(t("added"), async () => {
    const { options } = await post("/api/account/passkeys/begin");
    await post("/api/account/passkeys", { credential: await makePasskey(options) });
  });
  return html`<section class="card"><h2>${t("ways_in")}</h2>
    <ul class="plain-list">
      ${own.password && html`<li>${t("way_password")}</li>`}
      ${own.passkeys.map((one) => html`<li key=${one.passkey_id}>${t("way_passkey")} <span class="hint" dir="auto">${one.name}, ${when(one.created_at_ms)}</span>
        <button class="button quietly small" onClick=${() => doing(t("ended"), () => post(at`/api/account/passkeys/${one.passkey_id}/end`))}>${t("take_away")}</button></li>`)}
      ${own.wallets.map((one) => html`<li key=${one.name}>${t("way_wallet")} <code>${one.name}</code></li>`)}
      ${own.emails.map((one) => html`<li key=${one.name}>${t("way_email")} <span dir="auto">${one.name}</span></li>`)}
    </ul>
    <div class="row">
      ${offered.passkey && globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON && html`<button class="button quietly" onClick=${addPasskey}>${t("passkey_add")}</button>`}
      ${globalThis.ethereum && html`<button class="button quietly" onClick=${() => doing(t("added"), async () => post("/api/account/wallets", await proveWallet()))}>${t("wallet_add")}</button>`}
    </div>
    ${!offered.passkey && html`<p class="hint">${t("passkey_needs_name")}</p>`}
    <form onSubmit=${(event) => { const form = values(event); doing(t("saved_it"), () => post("/api/account/password", { password: form.get("password") })); }}>
      <label>${t("new_password")}<input name="password" type="password" required minlength="8" maxlength="200" autocomplete="new-password" /></label>
      <button class="button quietly">${t("save")}</button>
    </form>
  </section>`;
}

function Roles() {
  const missing = ["worker", "requester"].filter((role) => !me.value.roles?.includes(role));
  const take = (role) => doing(t("added"), async () => {
    me.value = await post("/api/account/roles", { role });
    rememberMe(me.value);
  });
  return html`<section class="card"><h2>${t("roles")}</h2>
    <p>${(me.value.roles ?? []).map((role) => t(`role_${role}`)).join(", ")}</p>
    <p class="row">${me.value.roles?.includes("workpool") && html`<a href="/pool">${t("title_pool")}</a>`}<a href="/pools">${t("title_pools")}</a></p>
    ${missing.map((role) => html`<button key=${role} class="button quietly" onClick=${() => take(role)}>${t(`as_${role}`)}</button>`)}
  </section>`;
}

function Keys({ keys }) {
  const scopes = [...new Set((me.value.roles ?? []).flatMap((role) => SCOPES[role]))];
  const make = (event) => {
    const form = values(event);
    doing(t("added"), async () => {
      newKey.value = (await post("/api/keys", { name: form.get("label").trim(), scopes: form.getAll("scope") })).key;
    });
  };
  return html`<section class="card" id="keys"><h2>${t("keys")}</h2>
    <p>${t("keys_why")}</p>
    ${newKey.value && html`<div class="notice" role="status"><p>${t("key_once")}</p><p class="scroll" tabindex="0"><code>${newKey.value}</code></p></div>`}
    <ul class="plain-list">${keys.map((one) => html`<li key=${one.key_id}><span dir="auto">${one.name}</span> <span class="hint">${one.scopes.join(", ")}; ${when(one.created_at_ms)}</span>
      <button class="button quietly small" onClick=${() => doing(t("ended"), () => post(at`/api/keys/${one.key_id}/end`))}>${t("end_it")}</button></li>`)}</ul>
    <form onSubmit=${make}>
      <label>${t("key_label")}<input name="label" required maxlength="64" autocomplete="off" /></label>
      <fieldset class="choices"><legend>${t("key_scopes")}</legend>${scopes.map((one) => html`<label class="choice"><input type="checkbox" name="scope" value=${one} /> ${t(`scope_${one}`)}</label>`)}</fieldset>
      <button class="button quietly">${t("key_make")}</button>
    </form>
  </section>`;
}

function Wallet({ own }) {
  const leave = async (event) => {
    const form = values(event);
    await doing(t("saved_it"), async () => {
      const { keystore } = await post("/api/account/wallet/export", { passphrase: form.get("passphrase") });
      saveFile(`wallet-${own.account.worker}.json`, JSON.stringify(keystore, null, 2));
    });
  };
  return html`<section class="card"><h2>${t("wallet")}</h2>
    <p>${t(own.wallet_kept ? "wallet_kept" : "wallet_own")}</p>
    <p class="scroll" tabindex="0"><code>${own.account.worker}</code></p>
    ${own.wallet_kept && html`<form onSubmit=${leave}>
      <label>${t("passphrase")}<input name="passphrase" type="password" required minlength="12" maxlength="200" autocomplete="off" /></label>
      <button class="button quietly">${t("wallet_export")}</button>
    </form>
    ${globalThis.ethereum && html`<p><button class="button quietly" onClick=${() => doing(t("saved_it"), async () => post("/api/account/wallet/leave", await proveWallet()))}>${t("wallet_leave")}</button></p>`}`}
  </section>`;
}

export function Page() {
  const { value, problem: failed, loading } = everything.state.value;
  if (loading && !value) return html`<${Loading} />`;
  return html`<h1>${t("nav_account")}</h1>
    <${Problem} problem=${failed} again=${everything.ask} />
    <${Problem} problem=${problem.value} />
    <p role="status" class="said">${done.value}</p>
    ${value && html`<div class="stack"><${Sessions} ...${value} /><${Ways} ...${value} /><${Roles} /><${Wallet} ...${value} /><${Keys} ...${value} /></div>`}`;
}
