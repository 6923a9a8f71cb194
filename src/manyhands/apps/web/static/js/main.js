// Starts the page named by the document.
import { html, render, t } from "manyhands/kit.js";
import { texts } from "manyhands/texts.js";
import { me, whoAmI } from "manyhands/api.js";
import { Frame, SignInFirst } from "manyhands/frame.js";
import { release } from "manyhands/outbox.js";

const PAGES = {
  home: { load: () => import("manyhands/pages/home.js") },
  "sign-in": { load: () => import("manyhands/pages/sign-in.js") },
  work: { load: () => import("manyhands/pages/work.js"), worker: true, bare: true },
  earnings: { load: () => import("manyhands/pages/earnings.js"), worker: true },
  jury: { load: () => import("manyhands/pages/jury.js"), worker: true },
  standing: { load: () => import("manyhands/pages/standing.js"), worker: true },
  account: { load: () => import("manyhands/pages/account.js"), worker: true },
  jobs: { load: () => import("manyhands/pages/jobs.js"), wide: true },
  job: { load: () => import("manyhands/pages/job.js"), wide: true },
  proof: { load: () => import("manyhands/pages/proof.js") },
  record: { load: () => import("manyhands/pages/record.js"), wide: true },
  practice: { load: () => import("manyhands/pages/practice.js"), worker: true },
  limits: { load: () => import("manyhands/pages/limits.js"), worker: true },
  pool: { load: () => import("manyhands/pages/pool.js"), worker: true, wide: true },
  pools: { load: () => import("manyhands/pages/pools.js"), worker: true },
  desk: { load: () => import("manyhands/pages/desk.js"), worker: true, wide: true },
  draft: { load: () => import("manyhands/pages/draft.js"), worker: true, wide: true },
  purse: { load: () => import("manyhands/pages/purse.js"), worker: true, wide: true },
  hooks: { load: () => import("manyhands/pages/hooks.js"), worker: true, wide: true },
  watch: { load: () => import("manyhands/pages/watch.js"), worker: true, wide: true },
  operator: { load: () => import("manyhands/pages/operator.js"), worker: true, wide: true },
  "not-found": { load: () => import("manyhands/pages/not-found.js") },
};

const name = document.documentElement.dataset.page;
const page = PAGES[name] ?? PAGES["not-found"];

// the page of work has its words already: everybody else brings the others before a page is drawn
if (name !== "work") Object.assign(texts, (await import("manyhands/texts-site.js")).texts);
// the two do not wait for each other: the page's modules and whose session this is
const [{ Page }] = await Promise.all([page.load(), whoAmI()]);
document.title = `${t(`title_${name}`)} · Manyhands`;
if (me.value) release();

function Root() {
  const allowed = !page.worker || me.value;
  return html`<${Frame} wide=${page.wide} bare=${page.bare && allowed}>${allowed ? html`<${Page} />` : html`<${SignInFirst} />`}<//>`;
}

render(html`<${Root} />`, document.getElementById("app"));
document.documentElement.dataset.ready = "yes";
