// Sign in, or open an account with a name that need not be one's own.
import { asProblem, html, Problem, signal, t, useLayoutEffect, useRef } from "manyhands/kit.js";
import { post, rememberMe } from "manyhands/api.js";

const mode = signal(new URLSearchParams(location.search).has("new") ? "sign-up" : "sign-in");
const problem = signal(null);
const busy = signal(false);

/** Where to go afterwards: only a path of this site. */
function goal() {
  const back = new URLSearchParams(location.search).get("back") ?? "/";
  return back.startsWith("/") && !back.startsWith("//") && !back.includes("\\") ? back : "/";
}

async function submit(event) {
  event.preventDefault();
  if (busy.value) return;
  const form = new FormData(event.currentTarget);
  busy.value = true;
  problem.value = null;
  try {
    const account = await post(`/api/${mode.value}`, { name: form.get("name").trim(), password: form.get("password") });
    rememberMe(account);
    location.assign(goal());
  } catch (thrown) {
    problem.value = asProblem(thrown);
    busy.value = false;
  }
}

export function Page() {
  const first = useRef(null);
  useLayoutEffect(() => first.current?.focus(), []);
  const up = mode.value === "sign-up";
  const choose = (to) => {
    mode.value = to;
    problem.value = null;
  };
  return html`<section class="card narrow">
    <h1>${t(up ? "open_account" : "sign_in")}</h1>
    <p>${t(up ? "open_account_why" : "sign_in_why")}</p>
    <form onSubmit=${submit}>
      <label>${t("name")}<input ref=${first} name="name" required maxlength="64" autocomplete="username" autocapitalize="none" spellcheck=${false} /></label>
      <label>${t("password")}<input name="password" type="password" required minlength=${up ? 8 : 1} maxlength="1000" autocomplete=${up ? "new-password" : "current-password"} aria-describedby="password-hint" /></label>
      <p id="password-hint" class="hint">${up ? t("password_hint") : ""}</p>
      <${Problem} problem=${problem.value} />
      <button class="button" disabled=${busy.value}>${t(up ? "open_account" : "sign_in")}</button>
    </form>
    <p class="switch">${t(up ? "have_account" : "no_account")} <button class="plain" onClick=${() => choose(up ? "sign-in" : "sign-up")}>${t(up ? "sign_in" : "open_account")}</button></p>
  </section>`;
}
