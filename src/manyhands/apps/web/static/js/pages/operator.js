// The operator's page: is everything well, what is stuck and what frees it, queues, money against the chains, logs.
//
// Rules kept here
// - What is wrong stands first. What is well takes one line.
// - A button says what it will do; what it did is said afterwards.
import { Amount, asProblem, count, currencies, Hash, html, Loading, money as amountText, Problem, signal, t, useRef, when } from "manyhands/kit.js";
import { at, get, post, put } from "manyhands/api.js";
import { span } from "manyhands/desk/quote.js";
import { Rows } from "manyhands/rows.js";
import "manyhands/desk/words.js";
import { say } from "manyhands/say.js";

const EVERY_MS = 4_000;
const view = signal(null);
const problem = signal(null);
const said = signal("");
const money = signal(null);
const asking = signal(false);
const log = signal(null);
const purses = signal(null);
const editing = signal("");
const signs = signal(null);
const clearing = signal("");
const wanted = signal({ process: "roles", job_id: "" });

async function look() {
  if (document.visibilityState === "visible") {
    try {
      view.value = await get("/api/operator/overview");
      problem.value = null;
    } catch (thrown) {
      problem.value = asProblem(thrown);
      if (thrown.status === 403 || thrown.status === 401) return;
    }
  }
  setTimeout(look, EVERY_MS);
}
look();

async function free(stuck) {
  try {
    const { freed } = await post("/api/operator/free", { kind: stuck.free, ref: stuck.ref });
    said.value = t("freed", { n: count(freed), what: stuck.title });
    view.value = await get("/api/operator/overview");
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

async function readSigns() {
  try {
    signs.value = await get("/api/operator/signs");
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}
readSigns();

async function compare() {
  asking.value = true;
  try {
    money.value = await get("/api/operator/money");
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
  asking.value = false;
}

async function readLog() {
  const { process, job_id } = wanted.value;
  try {
    log.value = (await get(`/api/operator/log?process=${encodeURIComponent(process)}&job_id=${encodeURIComponent(job_id)}`)).lines;
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}

const bytes = (n) => `${(n / 1_048_576).toFixed(0)} MB`;

function Health({ value }) {
  const wrong = value.findings.filter((one) => !one.healthy);
  return html`<section class=${`card verdict ${wrong.length ? "bad" : "good"}`}><h2><i aria-hidden="true"></i>${wrong.length ? t("health_wrong", { n: count(wrong.length) }) : t("health_good")}</h2>
    ${wrong.length > 0 && html`<ul class="findings">${wrong.map((one) => html`<li><strong>${say(one, "name")}</strong> <span dir="auto">${say(one, "found")}</span>${one.cure && html`<span class="hint" dir="auto">${say(one, "cure")}</span>`}</li>`)}</ul>`}
    <details><summary>${t("all_questions", { n: count(value.findings.length) })}</summary><table class="sums"><tbody>${value.findings.map((one) => html`<tr><th scope="row">${say(one, "name")}</th><td dir="auto">${one.healthy ? "✓" : "✗"} ${say(one, "found")}</td></tr>`)}</tbody></table></details>
  </section>`;
}

function Stuck({ value }) {
  const list = value.stuck;
  return html`<section class="card"><h2>${t("stuck")} <span class="count">${count(list.length)}</span></h2>
    ${list.length === 0 && html`<p class="quiet">${t("stuck_none")}</p>`}
    <ul class="stuck">${list.map((one) => html`<li key=${`${one.kind}/${one.ref}`}>
      <div><p><span class="tag">${t(`stuck_${one.kind}`)}</span> <strong dir="auto">${one.title}</strong>${one.since_ms ? html` <span class="quiet">${t("since", { time: span(Math.max(1_000, value.now_ms - one.since_ms)) })}</span>` : ""}</p>
        <p class="quiet" dir="auto">${say(one, "reason")}</p>${one.job_id && html`<p class="hint">${t("job")} <${Hash} value=${one.job_id} /> <button class="plain" onClick=${() => { wanted.value = { process: "", job_id: one.job_id }; readLog(); }}>${t("log_of_job")}</button></p>`}</div>
      ${one.free && html`<button class="button quietly small" onClick=${() => free(one)}>${t(`free_${one.free}`)}<span class="unseen"> ${one.title}</span></button>`}
    </li>`)}</ul></section>`;
}

function Objection({ one }) {
  const problemHere = useRef(signal(null)).current;
  const send = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    try {
      await post("/api/operator/objections", { job_id: one.job_id, objection_id: one.objection_id, uphold: event.submitter?.value === "uphold", answer: form.get("answer") });
      view.value = await get("/api/operator/overview");
    } catch (thrown) {
      problemHere.value = asProblem(thrown);
    }
  };
  return html`<li><form onSubmit=${send}><p><span class="tag">${t(`objection_code_${one.code}`)}</span> <strong dir="auto">${one.doc_id}</strong> <span class="quiet">${when(one.filed_at_ms)}</span></p>
    <p dir="auto"><s>${one.stands || "–"}</s> → <strong>${one.should_be}</strong></p><p class="quiet" dir="auto">${one.because}</p>
    <${Problem} problem=${problemHere.value} />
    <label>${t("objection_answer")}<textarea name="answer" rows="2" required minlength="10" maxlength="2000"></textarea></label>
    <p class="row"><button class="button small" value="uphold">${t("objection_uphold")}</button><button class="button quietly small" value="dismiss">${t("objection_dismiss")}</button></p></form></li>`;
}

function Group({ one }) {
  const problemHere = useRef(signal(null)).current;
  const send = async (event) => {
    event.preventDefault();
    try {
      const { freed } = await post("/api/operator/unlink", { group: one.group, because: new FormData(event.target).get("because") });
      said.value = t("unlinked", { n: count(freed) });
      await readSigns();
    } catch (thrown) {
      problemHere.value = asProblem(thrown);
    }
  };
  return html`<li><form onSubmit=${send}><p><strong>${t("counted_as_one", { n: count(one.workers.length) })}</strong> <span class="quiet">${when(one.at_ms)}</span></p>
    <p class="quiet" dir="auto">${say(one)}</p>
    <ul class="findings">${one.workers.map((each) => html`<li><${Hash} value=${each.worker} />${each.words ? html` <q dir="auto">${each.words}</q>` : html` <span class="hint">${t("link_no_words")}</span>`}</li>`)}</ul>
    <${Problem} problem=${problemHere.value} />
    <label>${t("unlink_because")}<textarea name="because" rows="2" required minlength="10" maxlength="2000"></textarea></label>
    <p><button class="button quietly small">${t("unlink")}</button></p></form></li>`;
}

/** Why a sign means nothing, for its worker to read. */
function Clear({ one }) {
  const problemHere = useRef(signal(null)).current;
  const send = async (event) => {
    event.preventDefault();
    try {
      await post("/api/operator/signs/clear", { job_id: one.job_id, position: one.position, because: new FormData(event.target).get("because") });
      clearing.value = "";
      said.value = t("sign_cleared");
      await readSigns();
    } catch (thrown) {
      problemHere.value = asProblem(thrown);
    }
  };
  return html`<form onSubmit=${send}><p><strong>${t(`sign_${one.kind}`)}</strong> <${Hash} value=${one.workers[0]} /></p><${Problem} problem=${problemHere.value} />
    <label>${t("sign_clear_why")}<textarea name="because" rows="2" required minlength="10" maxlength="2000"></textarea></label>
    <p><button class="button quietly small">${t("sign_clear")}</button></p></form>`;
}

function Signs() {
  const told = signs.value;
  if (!told) return null;
  const place = (one) => `${one.job_id}/${one.position}`;
  const going = told.signs.find((one) => place(one) === clearing.value);
  return html`<section class="card" id="signs"><h2>${t("signs")} <span class="count">${count(told.signs.length)}</span></h2><p class="hint">${t("signs_why")}</p>
    ${told.groups.length > 0 && html`<ul class="stuck">${told.groups.map((one) => html`<${Group} key=${one.group} one=${one} />`)}</ul>`}
    ${told.signs.length === 0 ? html`<p class="quiet">${t("signs_none")}</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label=${t("signs")}><table><thead><tr><th scope="col">${t("sign_word")}</th><th scope="col">${t("workers")}</th><th scope="col">${t("sign_says")}</th><th scope="col">${t("job")}</th></tr></thead>
      <tbody>${told.signs.map((one) => html`<tr key=${`${one.job_id}/${one.position}`}><th scope="row">${t(`sign_${one.kind}`)}</th><td>${one.workers.map((worker) => html`<div><${Hash} value=${worker} /></div>`)}</td><td dir="auto">${say(one, "says")} <span class="hint">${Object.entries(one.evidence).map(([name, n]) => `${name} ${n}`).join(" · ")}</span>${one.words && html`<p>${t("sign_words")} <q dir="auto">${one.words}</q></p>`}${one.cleared_by ? html`<p class="hint">${t("sign_cleared_by", { by: one.cleared_by })} <q dir="auto">${one.cleared_because}</q></p>` : one.workers.length === 1 && html`<p><button class="button quietly small" aria-expanded=${clearing.value === place(one)} onClick=${() => (clearing.value = clearing.value === place(one) ? "" : place(one))}>${t("sign_clear")}</button></p>`}</td><td><${Hash} value=${one.job_id} /></td></tr>`)}</tbody></table></div>`}
    ${going && html`<${Clear} key=${place(going)} one=${going} />`}</section>`;
}

function Queues({ value }) {
  const names = [...new Set(value.queues.map((one) => one.queue))].sort();
  const of = (queue, status) => value.queues.find((one) => one.queue === queue && one.status === status);
  return html`<section class="card"><h2>${t("queues")}</h2>
    ${names.length === 0 ? html`<p class="quiet">${t("queues_empty")}</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label=${t("queues")}><table><thead><tr><th scope="col">${t("queue")}</th><th scope="col" class="figure">${t("q_todo")}</th><th scope="col" class="figure">${t("q_doing")}</th><th scope="col" class="figure">${t("q_failed")}</th><th scope="col" class="figure">${t("q_oldest")}</th></tr></thead>
      <tbody>${names.map((queue) => html`<tr><th scope="row">${queue}</th>${["todo", "doing", "failed"].map((status) => html`<td class="figure">${count(of(queue, status)?.count ?? 0)}</td>`)}<td class="figure">${of(queue, "todo") && of(queue, "todo").oldest_ms > 0 ? span(of(queue, "todo").oldest_ms) : "–"}</td></tr>`)}</tbody></table></div>`}
    <dl class="facts"><div><dt>${t("uncollected")}</dt><dd>${count(value.counts.answers_uncollected)}</dd></div><div><dt>${t("overdue")}</dt><dd>${count(value.counts.leases_overdue)}</dd></div>${Object.entries(value.counts.tasks).map(([state, n]) => html`<div><dt>${t("tasks_word")}: ${t(`task_${state}`)}</dt><dd>${count(n)}</dd></div>`)}</dl>
  </section>`;
}

/** A process as people call it; a further one of its kind keeps its number. */
const processName = (name) => {
  const [kind, number] = name.split("-");
  const words = t(`process_${kind}`);
  return words === `process_${kind}` ? name : `${words}${number ? ` ${number}` : ""}`;
};

/** The chain of an account's money, where it is kept apart from others: `1338:0x...` is a token there. */
const chainOf = (currency) => (currency.includes(":") ? t("on_chain_n", { id: currency.split(":")[0] }) : "");

function Processes({ value }) {
  return html`<section class="card"><h2>${t("processes")}</h2><table class="sums"><tbody>${value.processes.map((one) => html`<tr><th scope="row">${processName(one.process)}<span class="hint">${one.started_at_ms ? t("up_for", { time: span(Math.max(1_000, value.now_ms - one.started_at_ms)) }) : ""}</span></th>
    <td class="figure"><span class=${`state ${one.ready ? "closed" : "refused"}`}>${t(one.ready ? "ready" : "not_ready")}</span></td><td class="figure">${one.memory_bytes ? bytes(one.memory_bytes) : "–"}</td></tr>`)}</tbody></table>
    <p class="hint">${t("metrics_at")} <a href="/metrics">/metrics</a></p></section>`;
}

function Money() {
  const told = money.value;
  return html`<section class="card"><h2>${t("books")}</h2><p class="hint">${t("books_why")}</p>
    ${told?.not_compared && html`<p><span class="state refused">${t("books_not_compared")}</span> <span dir="auto">${told.not_compared}</span></p>`}
    ${told && html`<p hidden=${!!told.not_compared}><span class=${`state ${told.differences.length ? "refused" : "closed"}`}>${told.differences.length ? t("books_differ", { n: count(told.differences.length) }) : t("books_agree")}</span> <span class="quiet">${when(told.checked_at_ms)}</span></p>
      ${told.differences.length > 0 && html`<ul class="findings">${told.differences.map((one) => html`<li><strong>${one.account}</strong> ${t("book_word")} ${count(one.book_minor)}, ${t("chain")} ${count(one.chain_minor)}</li>`)}</ul>`}
      ${told.accounts.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${t("books")}><table><thead><tr><th scope="col">${t("book_word")}</th><th scope="col">${t("account_word")}</th><th scope="col" class="figure">${t("amount")}</th></tr></thead><tbody>${told.accounts.map((one) => html`<tr><td>${one.book}</td><td>${one.kind} <span class="quiet">${chainOf(one.currency)}</span></td><td class="figure">${one.amount}</td></tr>`)}</tbody></table></div>`}`}
    <p class="row"><button class="button quietly small" disabled=${asking.value} onClick=${compare}>${t("books_compare")}</button></p></section>`;
}

async function askPurses() {
  try {
    purses.value = await get("/api/operator/purses");
  } catch (thrown) {
    problem.value = asProblem(thrown);
  }
}
askPurses();

function PurseForms({ one }) {
  const trouble = useRef(signal(null)).current;
  const unit = 10 ** one.exponent;
  const minor = (text) => Math.round(Number(text) * unit);
  const doing = async (work) => {
    try {
      const told = await work();
      editing.value = "";
      said.value = t("purse_saved", { who: one.name || one.requester, amount: amountOf(told.free_minor, one) });
      await askPurses();
    } catch (thrown) {
      trouble.value = asProblem(thrown);
    }
  };
  const limit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const limit_minor = event.submitter?.value === "default" ? null : minor(form.get("amount"));
    doing(() => put(at`/api/operator/purses/${one.requester}/limit`, { limit_minor, currency: one.currency, because: form.get("because") }));
  };
  const deposit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    doing(() => post(at`/api/operator/purses/${one.requester}/deposits`, { amount_minor: minor(form.get("amount")), currency: one.currency, reference: form.get("reference"), because: form.get("because") }));
  };
  const sum = (name) => html`<label>${t(name)}<input name="amount" type="number" inputmode="decimal" min="0" step=${one.exponent ? "0.01" : "1"} required /></label>`;
  const why = html`<label>${t("purse_because")}<input name="because" required minlength="3" maxlength="450" /></label>`;
  return html`<div class="purse-forms"><h3>${one.name || one.requester} <span class="quiet">${one.currency}</span></h3><${Problem} problem=${trouble.value} /><div class="two"><form onSubmit=${limit}>${sum("purse_new_limit")}${why}<p class="row"><button class="button small">${t("purse_save")}</button><button class="button quietly small" value="default" formnovalidate=${false}>${t("purse_as_default")}</button></p></form>
    <form onSubmit=${deposit}>${sum("purse_amount")}<label>${t("purse_reference")}<input name="reference" required minlength="3" maxlength="200" /></label>${why}<p class="row"><button class="button quietly small">${t("purse_deposit")}</button></p></form></div></div>`;
}

const amountOf = (minor, one) => amountText(minor, one.currency, one.exponent, 2);

/** Shows the forms of a purse that does not exist yet, as if it were listed: it begins with what is written. */
function openPurse(one, code) {
  const none = { limit_minor: 0, by_default: true, paid_in_minor: 0, spent_minor: 0, held_minor: 0, free_minor: 0, because: "", set_by: "" };
  purses.value = { ...purses.value, purses: [...purses.value.purses, { ...one, ...none, currency: code, exponent: currencies.get(code)?.exponent ?? 0 }] };
  editing.value = `${one.requester} ${code}`;
}

function Purses() {
  const told = purses.value;
  if (!told) return null;
  const amount = (one, minor) => html`<${Amount} digits=${2} minor=${minor} currency=${one.currency} exponent=${one.exponent} />`;
  const keyOf = (one) => `${one.requester} ${one.currency}`;
  const edited = told.purses.find((one) => keyOf(one) === editing.value);
  // whoever has no purse of a token yet is given one by naming it: the form's own choice, where there is more than one
  const other = (one) => told.currencies.filter((code) => !told.purses.some((had) => had.requester === one.requester && had.currency === code));
  const columns = [
    [t("purse_of"), (one) => html`<span dir="auto">${one.name || t("unknown")}</span> <${Hash} value=${one.requester} /> <button class="plain" aria-expanded=${one === edited} onClick=${() => (editing.value = one === edited ? "" : keyOf(one))}>${t("purse_edit")}<span class="unseen"> ${one.name}</span></button>`, "head"],
    ...(told.currencies.length > 1 ? [[t("currency"), (one) => one.currency]] : []),
    [t("purse_limit"), (one) => html`${amount(one, one.limit_minor)}${one.by_default && html` <span class="hint">${t("by_default")}</span>`}`, "figure"],
    ...["paid_in", "held", "spent", "free"].map((name) => [t(`purse_${name === "free" ? "left" : name}`), (one) => amount(one, one[`${name}_minor`]), "figure"]),
  ];
  return html`<section class="card" id="purses"><h2>${t("purses")}</h2><p class="hint">${t("purses_why")} ${t("purses_default", { amount: amountText(told.default_limit_minor, told.currencies[0], undefined, 2) })}</p>
    ${told.purses.length === 0 ? html`<p class="quiet">${t("purses_none")}</p>` : html`<${Rows} name=${t("purses")} columns=${columns} rows=${told.purses} />`}
    ${edited && html`<${PurseForms} key=${keyOf(edited)} one=${edited} />${other(edited).length > 0 && html`<p class="row">${other(edited).map((code) => html`<button class="button quietly small" onClick=${() => openPurse(edited, code)}>${t("purse_open", { code })}</button>`)}</p>`}`}
  </section>`;
}

function Log() {
  const { process, job_id } = wanted.value;
  const ask = (event) => {
    event.preventDefault();
    readLog();
  };
  return html`<section class="card" id="log"><h2>${t("logs")}</h2><form class="pair" onSubmit=${ask}>
    <label>${t("process")}<select value=${process} onChange=${(event) => (wanted.value = { ...wanted.value, process: event.target.value })}>${["", "roles", "ocr", "web"].map((name) => html`<option value=${name} selected=${name === process}>${name ? processName(name) : t("all_processes")}</option>`)}</select></label>
    <label>${t("log_job")}<input value=${job_id} maxlength="80" onInput=${(event) => (wanted.value = { ...wanted.value, job_id: event.target.value.trim() })} /></label>
    <p class="row"><button class="button quietly">${t("log_read")}</button></p></form>
    ${log.value && (log.value.length === 0 ? html`<p class="quiet" role="status">${t("log_empty")}</p>` : html`<pre class="log" tabindex="0" role="region" aria-label=${t("logs")} dir="ltr">${log.value.join("\n")}</pre>`)}</section>`;
}

export function Page() {
  const value = view.value;
  if (!value) return problem.value ? html`<h1>${t("title_operator")}</h1><${Problem} problem=${problem.value} again=${look} />` : html`<${Loading} />`;
  return html`<div class="head-line"><h1>${t("title_operator")}</h1><span class="quiet">${when(value.now_ms)}</span></div>
    <${Problem} problem=${problem.value} />
    ${said.value && html`<p class="notice good" role="status">${said.value}</p>`}
    <div class="stack"><${Health} value=${value} /><${Stuck} value=${value} />
      ${value.objections.length > 0 && html`<section class="card"><h2>${t("objections")} <span class="count">${count(value.objections.length)}</span></h2><ul class="stuck">${value.objections.map((one) => html`<${Objection} key=${one.objection_id} one=${one} />`)}</ul></section>`}
      <${Signs} />
      <div class="two"><${Queues} value=${value} /><${Processes} value=${value} /></div>
      <${Money} />
      <${Purses} />
      <${Log} /></div>`;
}
