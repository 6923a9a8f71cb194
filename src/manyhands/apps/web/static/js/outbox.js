// Answers that wait on this device until the server says that it has them.
//
// Rules kept here
// - An answer is kept under its assignment's id: keeping it again replaces it, sending it again has one effect.
// - It leaves the outbox only when the server said stored, or refused it with a reason.
// - Answers belong to the worker who gave them and are sent only in that worker's session.
// - Two tabs send one after the other (a lock of the browser), and it would do no harm if they did not.
import { openDB } from "idb";
import { signal } from "@preact/signals";
import { at, inWords, me, post } from "manyhands/api.js";

const BATCH_MAX = 20;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
/** Statuses that trying again will not change. */
const FINAL_STATUS = new Set([400, 404, 409, 410, 413, 422]);

/** How many answers of this worker are only here. */
export const waiting = signal(0);
/** Why the last attempt to send did not succeed, or null. */
export const trouble = signal(null);

const listeners = new Set();
let opened = null;
let memory = null;
let timer = null;
let failures = 0;
let running = null;

/** Calls back with (assignment_id, outcome, because) when the server has spoken about an answer. Returns how to stop. */
export function onOutcome(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

async function database() {
  if (memory) return null;
  opened ??= openDB("manyhands", 2, {
    upgrade(db, before) {
      if (before < 1) db.createObjectStore("answers", { keyPath: "assignment_id" }).createIndex("worker", "worker");
      if (before < 2) {
        db.createObjectStore("bundles", { keyPath: "job_id" });
        db.createObjectStore("pictures", { keyPath: "assignment_id" });
      }
    },
    blocking: (_, __, event) => event.target.close(),
  });
  try {
    return await opened;
  } catch {
    // a browser that forbids storage (some private windows): answers are then kept in this tab alone
    memory = new Map();
    return null;
  }
}

async function all() {
  const worker = me.value?.worker;
  if (!worker) return [];
  const db = await database();
  if (db === null) return [...memory.values()].filter((kept) => kept.worker === worker);
  return db.getAllFromIndex("answers", "worker", worker);
}

async function put(kept) {
  const db = await database();
  if (db === null) memory.set(kept.assignment_id, kept);
  else await db.put("answers", kept);
}

/** Takes an answer out again, for instance to change it before it was sent. */
export async function drop(assignmentId) {
  const db = await database();
  if (db === null) memory.delete(assignmentId);
  else await db.delete("answers", assignmentId);
  await recount();
}

async function recount() {
  waiting.value = (await all()).length;
}

/** Keeps an answer. ready = may be sent now; else it is held back so that it can still be undone. Resolves once it is safe. */
export async function keep({ assignment_id, job_id, text, active_ms, ready }) {
  await put({ assignment_id, job_id, text, active_ms, ready, worker: me.value?.worker ?? "", kept_at_ms: Date.now() });
  await recount();
  if (ready) flush();
}

/** What is kept for a job, by assignment id. */
export async function keptFor(jobId) {
  return new Map((await all()).filter((kept) => kept.job_id === jobId).map((kept) => [kept.assignment_id, kept]));
}

/** Marks held answers as ready and sends. ids absent = all. */
export async function release(ids) {
  const wanted = ids && new Set(ids);
  for (const kept of await all()) {
    if (!kept.ready && (!wanted || wanted.has(kept.assignment_id))) await put({ ...kept, ready: true });
  }
  return flush();
}

/** Sends everything that is ready, in bundles. Never throws; tries again by itself while something is left. */
export function flush() {
  running ??= exclusively(sendAll).finally(() => {
    running = null;
  });
  return running;
}

function exclusively(work) {
  return navigator.locks ? navigator.locks.request("manyhands-outbox", work) : work();
}

async function sendAll() {
  clearTimeout(timer);
  try {
    for (;;) {
      const ready = (await all()).filter((kept) => kept.ready);
      if (ready.length === 0) break;
      const job = ready[0].job_id;
      await send(job, ready.filter((kept) => kept.job_id === job).slice(0, BATCH_MAX));
    }
    failures = 0;
    trouble.value = null;
  } catch (problem) {
    trouble.value = problem;
    if (problem.code !== "not_signed_in") {
      timer = setTimeout(flush, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
      failures += 1;
    }
  }
  await recount();
}

async function send(job, batch) {
  const answers = batch.map(({ assignment_id, text, active_ms }) => ({ assignment_id, text, active_ms }));
  let outcomes;
  try {
    ({ outcomes } = await post(at`/api/jobs/${job}/answers`, { answers }, { keepalive: true }));
  } catch (problem) {
    if (!FINAL_STATUS.has(problem.status)) throw problem;
    if (batch.length > 1) {
      // one answer that does not fit must not hold up the others
      for (const kept of batch) await send(job, [kept]);
      return;
    }
    outcomes = [{ assignment_id: batch[0].assignment_id, outcome: "refused", because: problem.message }];
  }
  for (const { assignment_id, outcome, because, because_said } of outcomes) {
    await drop(assignment_id);
    const { message } = because ? await inWords({ message: because, message_said: because_said }) : { message: "" };
    for (const listener of listeners) listener(assignment_id, outcome, message);
  }
}

addEventListener("online", flush);
addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") release();
});

// --- the bundle itself, so that a tab that died without a network goes on where it was -------------------------------

/** Keeps a lent bundle in place of the job's last one; its pictures follow by `keepPicture`. */
export async function keepBundle(jobId, leaseUntilMs, assignments) {
  const db = await database();
  if (db === null) return;
  const before = await db.get("bundles", jobId);
  const wanted = new Set(assignments.map((one) => one.assignment_id));
  for (const one of before?.assignments ?? []) if (!wanted.has(one.assignment_id)) await db.delete("pictures", one.assignment_id);
  await db.put("bundles", { job_id: jobId, worker: me.value?.worker ?? "", lease_until_ms: leaseUntilMs, assignments });
}

export async function keepPicture(assignmentId, picture) {
  const db = await database();
  await db?.put("pictures", { assignment_id: assignmentId, picture });
}

/** The kept bundle of this worker with its pictures, or null. */
export async function keptBundle(jobId) {
  const db = await database();
  const bundle = await db?.get("bundles", jobId);
  if (!bundle || bundle.worker !== me.value?.worker) return null;
  const pictures = await Promise.all(bundle.assignments.map((one) => db.get("pictures", one.assignment_id)));
  return { ...bundle, assignments: bundle.assignments.map((one, place) => ({ ...one, kept: pictures[place]?.picture ?? null })).filter((one) => one.kept) };
}

/** Takes bundles and pictures off this device; answers that were not sent stay. */
export async function forgetBundles() {
  const db = await database();
  await db?.clear("bundles");
  await db?.clear("pictures");
}
