// How pages speak to the site: the public API, nothing else.
//
// Rules kept here
// - A refusal is thrown with its sentence and cure in the reader's language; no network is told apart from a refusal.
// - Every request that changes something carries the header that foreign pages cannot send.
import { signal } from "@preact/signals";
import { language, t } from "manyhands/kit.js";

/** The worker of this session: undefined = not asked yet, null = nobody. */
export const me = signal(undefined);

/** Server's clock minus this device's, from the last answer; good to a second. */
let clockAheadMs = 0;
export const serverNow = () => Date.now() + clockAheadMs;

export class Refused extends Error {
  constructor(status, { code, message, cure }) {
    super(message);
    Object.assign(this, { status, code, cure });
  }
}

/** No answer came: the network, or the server, is away. What was asked may or may not have happened. */
export class Unreachable extends Error {
  constructor() {
    super(t("no_network"));
    Object.assign(this, { status: 0, code: "unreachable", cure: t("no_network_cure") });
  }
}

async function ask(method, path, body, options = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: body === undefined && method === "GET" ? {} : { "Content-Type": "application/json", "X-Requested-With": "manyhands" },
      body: body === undefined ? undefined : JSON.stringify(body),
      ...options,
    });
  } catch {
    throw new Unreachable();
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isFinite(date)) {
    const ahead = date + 500 - Date.now();
    clockAheadMs = Math.abs(ahead) > 2_000 ? ahead : 0;
  }
  let told;
  try {
    told = await response.json();
  } catch {
    if (response.ok) throw new Unreachable();
    told = {};
  }
  if (response.ok) return told;
  if (response.status === 401 && me.value) me.value = null;
  throw new Refused(response.status, told.error ? await inWords(told.error) : { code: `http_${response.status}`, message: t("went_wrong"), cure: t("no_network_cure") });
}

/** A refusal with its sentences in the reader's language. The words are fetched when something is refused: most pages need none. */
export async function inWords(error) {
  if (language === "en") return error;
  try {
    const { say } = await import("manyhands/say.js");
    return { ...error, message: say(error, "message"), cure: say(error, "cure") };
  } catch {
    return error;
  }
}

export const get = (path) => ask("GET", path);
export const put = (path, body) => ask("PUT", path, body);
export const del = (path) => ask("DELETE", path);

/** A part of a file, as it is. */
export const putBytes = (path, bytes, options = {}) =>
  ask("PUT", path, undefined, { body: bytes, headers: { "Content-Type": "application/octet-stream", "X-Requested-With": "manyhands" }, ...options });
export const post = (path, body = {}, options) => ask("POST", path, body, options);
export const at = (strings, ...parts) => strings.reduce((all, text, i) => all + text + (i < parts.length ? encodeURIComponent(parts[i]) : ""), "");

/** Reasons for a report, in the reader's language. */
export async function reportCodes() {
  const { codes } = await get("/api/report-codes");
  return Promise.all(codes.map(async ({ code, title, title_said }) => ({ code, title: (await inWords({ message: title, message_said: title_said })).message })));
}

/** The session itself is out of reach of scripts; this says only that there is one. */
const signedIn = () => /(^|; )mh_here=1(;|$)/.test(document.cookie);

export function rememberMe(account) {
  localStorage.setItem("mh_me", JSON.stringify(account));
}

export function forgetMe() {
  localStorage.removeItem("mh_me");
}

let asked = null;

/** Asks once per page whose session this is. Without a network the last known worker stands, so that work can go on. */
export function whoAmI() {
  asked ??= findOut();
  return asked;
}

async function findOut() {
  if (!signedIn()) {
    forgetMe();
    me.value = null;
    return null;
  }
  try {
    me.value = await get("/api/me");
    rememberMe(me.value);
  } catch (problem) {
    if (problem.status === 401) forgetMe();
    me.value = problem.status === 401 ? null : JSON.parse(localStorage.getItem("mh_me") ?? "null");
  }
  return me.value;
}
