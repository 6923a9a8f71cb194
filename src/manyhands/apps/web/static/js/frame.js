// What stands around every page: name, ways to go, who is signed in, and where the words come from.
import { html, language, t } from "manyhands/kit.js";
import { forgetMe, me, post } from "manyhands/api.js";
import { forgetBundles, trouble, waiting } from "manyhands/outbox.js";

const here = location.pathname;
const inside = (path) => here === path || (path !== "/" && here.startsWith(`${path}/`));

function Way({ path, children }) {
  return html`<a href=${path} aria-current=${inside(path) ? "page" : undefined}>${children}</a>`;
}

/** What anyone may see. On a telephone of somebody signed in it stands at the foot: work comes first. */
function Public() {
  return html`<${Way} path="/jobs">${t("nav_jobs")}<//><${Way} path="/record">${t("nav_record")}<//><${Way} path="/proof">${t("nav_proof")}<//>`;
}

async function signOut() {
  try {
    await post("/api/sign-out");
  } finally {
    forgetMe();
    await forgetBundles().catch(() => {});
    location.assign("/");
  }
}

/** quiet = say it only when sending does not succeed: the worker's page shows the number itself. */
function Unsent({ quiet }) {
  if (waiting.value === 0 || !me.value || (quiet && !trouble.value)) return null;
  const name = trouble.value ? "unsent_trouble" : "unsent";
  return html`<p class="unsent" role="status"><span aria-hidden="true">●</span> ${t(name, { n: waiting.value })}</p>`;
}

function Languages() {
  const languages = (document.documentElement.dataset.languages ?? "").split(" ").filter(Boolean);
  if (languages.length < 2) return null;
  const choose = (chosen) => {
    document.cookie = `mh_lang=${chosen}; path=/; max-age=31536000; samesite=lax`;
    location.reload();
  };
  return html`<span class="languages">${languages.map(
    (name) => html`<button class="plain" lang=${name} aria-pressed=${name === language} onClick=${() => choose(name)}>
      ${new Intl.DisplayNames([name], { type: "language" }).of(name)}
    </button>`,
  )}</span>`;
}

/** A page in its frame. wide = as broad as the window allows; bare = nothing but the page (for work). */
export function Frame({ children, wide, bare }) {
  return html`
    <a class="skip" href="#main">${t("skip")}</a>
    <header class=${bare ? "top bare" : "top"}>
      <a class="name" href="/" aria-label="Manyhands"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M7 7v18M13 7v18M19 7v18M25 7v18" /><path class="stroke" d="M3 21 29 11" /></svg><span class="word">Manyhands</span></a>
      <nav aria-label=${t("nav")}>
        ${me.value &&
        html`<${Way} path="/">${t("nav_work")}<//>
          <${Way} path="/earnings">${t("nav_earnings")}<//>
          <${Way} path="/standing">${t("nav_standing")}<//>
          <${Way} path="/jury">${t("nav_jury")}<//>
          <${Way} path="/desk">${t("nav_desk")}<//>
          ${!bare && me.value.roles?.includes("workpool") && html`<${Way} path="/pool">${t("nav_pool")}<//>`}
          ${!bare && me.value.roles?.includes("operator") && html`<${Way} path="/operator">${t("nav_operator")}<//>`}`}
        <span class=${me.value ? "open-to-all" : ""}><${Public} /></span>
      </nav>
      <div class="who">
        ${me.value
          ? html`<a class="me" href="/account" dir="auto" aria-current=${inside("/account") ? "page" : undefined}>${me.value.name}</a><button class="plain" onClick=${signOut}>${t("sign_out")}</button>`
          : me.value === null && !inside("/sign-in") && html`<a class="button small" href="/sign-in">${t("sign_in")}</a>`}
      </div>
    </header>
    <${Unsent} quiet=${bare} />
    ${me.value?.simulated && html`<div class="stripe"><p class="notice simulated">◇ ${t("simulated_me")}</p></div>`}
    <main id="main" class=${wide ? "wide" : ""} tabindex="-1">${children}</main>
    ${!bare && html`<footer><p>${t("footer")}</p>${me.value && html`<nav class="at-foot" aria-label=${t("nav_public")}><${Public} /></nav>`}<${Languages} /></footer>`}
  `;
}

/** Shown instead of a page that only a worker may see. */
export function SignInFirst() {
  const back = encodeURIComponent(location.pathname + location.hash);
  return html`<section class="card narrow"><h1>${t("sign_in_first")}</h1><p>${t("sign_in_first_why")}</p>
    <p><a class="button" href=${`/sign-in?back=${back}`}>${t("sign_in")}</a></p></section>`;
}
