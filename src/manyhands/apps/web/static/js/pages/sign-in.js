// Sign in, or open an account with a name that need not be one's own: password, passkey, wallet or a link by e-mail.
import { asProblem, html, Problem, signal, t, useEffect, useLayoutEffect, useRef } from "manyhands/kit.js";
import { get, post, rememberMe } from "manyhands/api.js";
import { makePasskey, proveWallet, usePasskey } from "manyhands/ways.js";

const asked = new URLSearchParams(location.search);
const mode = signal(asked.has("new") ? "sign-up" : "sign-in");
const role = signal(asked.get("role") === "requester" ? "requester" : "worker");
const problem = signal(null);
const busy = signal(false);
const offered = signal({});
const sentTo = signal("");
const link = signal(new URLSearchParams(location.hash.slice(1)).get("link") ?? "");
if (link.value) history.replaceState(null, "", location.pathname + location.search);

/** Where to go afterwards: only a path of this site. */
function goal() {
  const back = asked.get("back") ?? "/";
  return back.startsWith("/") && !back.startsWith("//") && !back.includes("\\") ? back : "/";
}

async function doing(work) {
  if (busy.value) return;
  busy.value = true;
  problem.value = null;
  try {
    const account = await work();
    if (account?.worker) {
      rememberMe(account);
      location.assign(goal());
      return;
    }
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
  busy.value = false;
}

const nameGiven = () => document.querySelector("input[name=name]").value.trim();

function byPassword(event) {
  event.preventDefault();
  const form = new FormData(event.currentTarget);
  const wish = { name: form.get("name").trim(), password: form.get("password") };
  doing(() => post(`/api/${mode.value}`, mode.value === "sign-up" ? { ...wish, role: role.value } : wish));
}

function byPasskey() {
  doing(async () => {
    if (mode.value === "sign-in") {
      const { options } = await post("/api/sign-in/passkey/begin");
      return post("/api/sign-in/passkey", { credential: await usePasskey(options) });
    }
    const { options } = await post("/api/sign-up/passkey/begin", { name: nameGiven(), role: role.value });
    return post("/api/sign-up/passkey", { credential: await makePasskey(options) });
  });
}

function byWallet() {
  doing(async () => {
    const wish = { ...(await proveWallet()), role: role.value };
    return post("/api/sign-in/wallet", mode.value === "sign-up" ? { ...wish, name: nameGiven() } : wish);
  });
}

function byLetter(event) {
  event.preventDefault();
  const email = new FormData(event.currentTarget).get("email");
  doing(async () => {
    await post("/api/sign-in/email/begin", { email, role: role.value });
    sentTo.value = email;
  });
}

function Role() {
  const choice = (value) => html`<label class="choice"><input type="radio" name="role" value=${value} checked=${role.value === value} onChange=${() => (role.value = value)} /> ${t(`as_${value}`)}</label>`;
  return html`<fieldset class="choices"><legend>${t("as_what")}</legend>${choice("worker")}${choice("requester")}</fieldset>`;
}

/** A letter's link asks for a click: programs that open every link of a letter sign nobody in. */
function ByLink() {
  return html`<section class="card narrow">
    <h1>${t("sign_in")}</h1>
    <p>${t("link_why")}</p>
    <${Problem} problem=${problem.value} />
    <p class="row"><button class="button" disabled=${busy.value} onClick=${() => doing(() => post("/api/sign-in/link", { token: link.value }))}>${t("link_use")}</button></p>
  </section>`;
}

export function Page() {
  const first = useRef(null);
  useLayoutEffect(() => first.current?.focus(), []);
  useEffect(() => {
    get("/api/ways-in").then((told) => (offered.value = told), () => {});
  }, []);
  if (link.value) return html`<${ByLink} />`;
  const up = mode.value === "sign-up";
  const choose = (to) => {
    mode.value = to;
    problem.value = null;
  };
  const passkey = offered.value.passkey && globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON;
  return html`<section class="card narrow">
    <h1>${t(up ? "open_account" : "sign_in")}</h1>
    <p>${t(up ? "open_account_why" : "sign_in_why")}</p>
    <form onSubmit=${byPassword}>
      ${up && html`<${Role} />`}
      <label>${t("name")}<input ref=${first} name="name" required maxlength="64" autocomplete="username" autocapitalize="none" spellcheck=${false} /></label>
      <label>${t("password")}<input name="password" type="password" required minlength=${up ? 8 : 1} maxlength="1000" autocomplete=${up ? "new-password" : "current-password"} aria-describedby="password-hint" /></label>
      <p id="password-hint" class="hint">${up ? t("password_hint") : ""}</p>
      <${Problem} problem=${problem.value} />
      <button class="button" disabled=${busy.value}>${t(up ? "open_account" : "sign_in")}</button>
    </form>
    ${(passkey || globalThis.ethereum) && html`<div class="row ways" role="group" aria-label=${t("other_ways")}>
      ${passkey && html`<button class="button quietly" disabled=${busy.value} onClick=${byPasskey}>${t(up ? "passkey_make" : "passkey_use")}</button>`}
      ${globalThis.ethereum && html`<button class="button quietly" disabled=${busy.value} onClick=${byWallet}>${t("wallet_use")}</button>`}
    </div>`}
    ${offered.value.email && (sentTo.value
      ? html`<p class="notice" role="status">${t("letter_sent", { to: sentTo.value })}</p>`
      : html`<form class="by-letter" onSubmit=${byLetter}>
          <label>${t("email")}<input name="email" type="email" required maxlength="254" autocomplete="email" /></label>
          <button class="button quietly" disabled=${busy.value}>${t("letter_send")}</button>
        </form>`)}
    <p class="switch">${t(up ? "have_account" : "no_account")} <button class="plain" onClick=${() => choose(up ? "sign-in" : "sign-up")}>${t(up ? "sign_in" : "open_account")}</button></p>
  </section>`;
}
