// A requester's money: what may be spent, what running jobs hold, where to pay in, and every movement.
import { Amount, currencies, html, loader, Loading, Problem, spoken, t, when } from "manyhands/kit.js";
import { at, get, me } from "manyhands/api.js";
import { DeskWays } from "manyhands/desk/nav.js";
import { Rows } from "manyhands/rows.js";
import { say } from "manyhands/say.js";

const asked = new URLSearchParams(location.search).get("currency") ?? "";
const own = loader(() => get(`/api/desk/purse?currency=${encodeURIComponent(asked)}`));

/** The purses of one's other currencies, where there are any: each is one's own, and none pays for another's jobs. */
function Others({ purse, others }) {
  if (others.length === 0) return null;
  const every = [purse, ...others].sort((a, b) => [...currencies.keys()].indexOf(a.currency) - [...currencies.keys()].indexOf(b.currency));
  return html`<nav class="chips" aria-label=${t("purse_currencies")}>${every.map((one) => html`<a class="chip" href=${`/desk/money?currency=${one.currency}`} aria-current=${one === purse ? "page" : undefined}>${spoken(one.currency) === one.currency ? one.currency : `${spoken(one.currency)} · ${one.currency}`} <${Amount} digits=${2} minor=${one.free_minor} currency=${one.currency} exponent=${one.exponent} /></a>`)}</nav>`;
}

function Figures({ purse }) {
  const amount = (minor) => html`<${Amount} digits=${2} minor=${minor} currency=${purse.currency} exponent=${purse.exponent} />`;
  const all = purse.limit_minor + purse.paid_in_minor;
  const part = (name, minor) => minor > 0 && html`<i class=${`part-${name}`} style=${{ flexGrow: minor }}></i>`;
  const row = (name, minor, sign) => html`<tr><th scope="row">${t(`purse_${name}`)}<span class="hint">${t(`purse_${name}_why`)}</span></th><td class="figure">${sign}${amount(minor)}</td></tr>`;
  return html`<section class="card purse"><h2>${t("purse_free")}</h2>
    <p class="price"><span class="big">${amount(purse.free_minor)}</span></p>
    ${purse.exempt && html`<p class="notice">${t("purse_exempt")}</p>`}
    ${all > 0 && html`<div class="bar" role="img" aria-label=${t("purse_bar")}>${part("spent", purse.spent_minor)}${part("held", purse.held_minor)}${part("free", purse.free_minor)}</div>`}
    <table class="sums"><tbody>${row("limit", purse.limit_minor, "")}${row("paid_in", purse.paid_in_minor, "+ ")}${row("spent", purse.spent_minor, "− ")}${row("held", purse.held_minor, "− ")}</tbody>
      <tfoot><tr><th scope="row">${t("purse_free")}</th><td class="figure">${amount(purse.free_minor)}</td></tr></tfoot></table>
    ${!purse.by_default && purse.because && html`<p class="hint">${t("purse_set", { by: purse.set_by })} <span dir="auto">${purse.because}</span></p>`}
  </section>`;
}

function Held({ held, purse }) {
  return html`<section class="card"><h2>${t("purse_running")}</h2>
    ${held.length === 0 ? html`<p class="quiet">${t("purse_running_none")}</p>` : html`<p class="hint">${t("purse_running_why")}</p><table class="sums"><tbody>${held.map((one) => html`<tr key=${one.job_id}><th scope="row" dir="auto"><a href=${at`/desk/jobs/${one.job_id}`}>${one.title}</a> <span class=${`state ${one.state}`}>${t(`state_${one.state}`)}</span></th><td class="figure"><${Amount} digits=${2} minor=${one.held_minor} currency=${purse.currency} exponent=${purse.exponent} /></td></tr>`)}</tbody></table>`}
  </section>`;
}

function PayIn({ places }) {
  return html`<section class="card"><h2>${t("pay_in")}</h2><p>${t("pay_in_why")}</p>
    <dl class="long-facts"><div><dt>${t("pay_in_from")}</dt><dd><code class="whole">${me.value.worker}</code></dd></div>
      ${places.length > 0 && html`<div><dt>${t("pay_in_to")}</dt><dd><code class="whole">${places[0].address}</code></dd></div>`}
      ${places.map((one) => html`<div><dt>${t("pay_in_token", { chain: one.chain, id: one.chain_id, code: one.currency })}</dt><dd><code class="whole">${one.token}</code></dd></div>`)}</dl>
    <p class="hint">${t("pay_in_else")}</p></section>`;
}

function Lines({ lines, purse }) {
  const amount = (minor) => html`<${Amount} digits=${2} minor=${minor} currency=${purse.currency} exponent=${purse.exponent} />`;
  const name = (line) => t(line.kind === "hold" ? `line_hold_${line.state}` : `line_${line.kind}`);
  const columns = [
    [t("what"), (line) => html`${name(line)}${line.job_id ? html` · <a href=${at`/desk/jobs/${line.job_id}`}>${t("job")}</a>` : ""}<span class="hint" dir="auto">${say(line)}</span>`, "head"],
    [t("when"), (line) => html`<span class="quiet">${when(line.at_ms)}</span>`],
    [t("amount"), (line) => html`<span class=${line.state === "voided" ? "gone" : ""}>${amount(line.amount_minor)}</span>`, "figure"],
    [t("purse_then"), (line) => html`<span class="quiet">${line.kind === "hold" ? "–" : amount(line.balance_minor)}</span>`, "figure"],
  ];
  return html`<section class="card flush"><h2 class="pad">${t("purse_lines")}</h2>
    ${lines.length === 0 ? html`<p class="quiet">${t("purse_lines_none")}</p>` : html`<${Rows} name=${t("purse_lines")} columns=${columns} rows=${lines} />`}
  </section>`;
}

export function Page() {
  const { value, problem, loading } = own.state.value;
  if (loading && !value) return html`<${Loading} />`;
  return html`<div class="head-line"><h1>${t("title_purse")}</h1><${DeskWays} /></div>
    <${Problem} problem=${problem} again=${problem ? own.ask : undefined} />
    ${value && html`<div class="stack"><${Others} ...${value} /><div class="two"><${Figures} purse=${value.purse} /><div class="stack"><${Held} ...${value} /><${PayIn} places=${value.pay_in_at} /></div></div><${Lines} ...${value} /></div>`}`;
}
