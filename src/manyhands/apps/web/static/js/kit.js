// The few things every page builds with: nodes, state, words, and how amounts and times are written.
//
// Rules kept here
// - Amounts arrive as whole minor units with an exponent and are written as money; nothing is computed in fractions.
// - What a currency is called and how many decimals it has is told by the page's document, from the platform's chains.
// - Text is always a text node. There is no way here to make markup from a string.
import { Fragment, h, render } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import htm from "htm";
import { batch, computed, effect, signal, useSignal } from "@preact/signals";
import { texts } from "manyhands/texts.js";

export const html = htm.bind(h);
export { Fragment, batch, computed, effect, render, signal, useEffect, useLayoutEffect, useRef, useSignal };

export const language = document.documentElement.lang || "en";

/** The sentence of that name in the reader's language; {name} is filled from values. A missing one shows its name. */
export function t(name, values = {}) {
  const found = texts[name];
  if (found === undefined) return name;
  const text = typeof found === "function" ? found(values) : found;
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

/** Currencies that jobs are paid in here: code -> {exponent, spoken}, the platform's first one first. */
export const currencies = new Map(
  (document.documentElement.dataset.currencies ?? "").split(" ").filter(Boolean).map((one) => {
    const [code, exponent, spoken] = one.split("/");
    return [code, { exponent: Number(exponent), spoken }];
  }),
);
export const firstCurrency = currencies.keys().next().value ?? "";
const exponentOf = (currency) => currencies.get(currency)?.exponent ?? 0;

/** What people are told a currency is; its own code where nobody says. */
export const spoken = (currency) => currencies.get(currency)?.spoken ?? currency;

const formats = new Map();

function moneyFormat(shown, least, most) {
  const key = `${shown}/${least}/${most}`;
  if (!formats.has(key)) {
    const options = { minimumFractionDigits: least, maximumFractionDigits: most };
    let format;
    try {
      format = new Intl.NumberFormat(language, { ...options, style: "currency", currency: shown, currencyDisplay: "narrowSymbol" });
    } catch {
      // no money of a country: the code stands behind the figure
      const plain = new Intl.NumberFormat(language, options);
      format = { format: (number) => `${plain.format(number)} ${shown}` };
    }
    formats.set(key, format);
  }
  return formats.get(key);
}

/**
 * Minor units as money. Small amounts keep up to four decimals, so that a reward of two cents and a half is not rounded.
 * digits  so many decimals, for columns of figures, or as many as the currency has; absent = as many as the amount needs
 */
export function money(minor, currency = firstCurrency, exponent = exponentOf(currency), digits = undefined) {
  if (minor === null || minor === undefined) return t("unknown");
  const small = Math.abs(minor) < 10 ** exponent;
  const [least, most] = digits === undefined ? [2, small ? 4 : 2] : [digits, digits];
  return moneyFormat(spoken(currency), Math.min(least, exponent), Math.min(most, exponent)).format(minor / 10 ** exponent);
}

/** The amount to its last unit, for those who want tokens. */
export function exactMoney(minor, currency = firstCurrency, exponent = exponentOf(currency)) {
  return `${(minor / 10 ** exponent).toFixed(exponent)} ${currency}`;
}

export const count = (number) => new Intl.NumberFormat(language).format(number);

/** Basis points as per cent; what is not all is never rounded up to all. */
export function percent(bp) {
  const shown = bp < 10_000 ? Math.min(bp, 9_999) : bp;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 2 }).format(shown / 10_000);
}

/** How large a file is. */
export function size(bytes) {
  const [figure, unit] = bytes < 1_000_000 ? [Math.max(1, Math.round(bytes / 1000)), "kilobyte"] : [bytes / 1_000_000, "megabyte"];
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: 1 }).format(figure);
}

/** Milliseconds as m:ss or h:mm:ss. */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}:${two(seconds % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** Seconds in words, as an offer states them. */
export function about(seconds) {
  if (seconds < 90) return t("seconds", { n: new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(seconds) });
  return t("minutes", { n: new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(seconds / 60) });
}

export const when = (atMs) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(atMs));

/** A long hash with its middle left out; the whole stands in the title. */
export function Hash({ value }) {
  if (!value) return html`<span>${t("none")}</span>`;
  return html`<code class="hash" title=${value} dir="ltr">${value.length > 20 ? `${value.slice(0, 10)}…${value.slice(-6)}` : value}</code>`;
}

/** An amount, with its exact token value on hover. */
export function Amount({ minor, currency = firstCurrency, exponent = exponentOf(currency), digits = undefined }) {
  if (minor === null || minor === undefined) return html`<span class="quiet">${t("unknown")}</span>`;
  return html`<data class="amount" value=${minor} title=${exactMoney(minor, currency, exponent)}>${money(minor, currency, exponent, digits)}</data>`;
}

/** What went wrong and what to do; read out at once by screen readers. */
export function Problem({ problem, again }) {
  if (!problem) return null;
  return html`<div class="notice bad" role="alert">
    <p><strong>${problem.message}</strong>${problem.cure ? ` ${problem.cure}` : ""}</p>
    ${again && html`<button class="button" onClick=${again}>${t("try_again")}</button>`}
  </div>`;
}

export function Loading() {
  return html`<p class="quiet loading" role="status">${t("loading")}</p>`;
}

/** Said wherever simulated people filled the page. */
export function Simulated({ what = "simulated_job" }) {
  return html`<p class="notice simulated"><span aria-hidden="true">◇</span> ${t(what)}</p>`;
}

/** State that loads once: signal of {value, problem, loading} and a way to ask again. */
export function loader(load) {
  const state = signal({ loading: true, value: null, problem: null });
  async function ask() {
    try {
      state.value = { loading: false, value: await load(), problem: null };
    } catch (problem) {
      state.value = { loading: false, value: state.value.value, problem: asProblem(problem) };
    }
  }
  ask();
  return { state, ask };
}

/** Anything thrown as {message, cure}. */
export function asProblem(thrown) {
  if (thrown && thrown.code) return thrown;
  return { code: "unforeseen", message: t("went_wrong"), cure: String(thrown?.message ?? thrown) };
}
