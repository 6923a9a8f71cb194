// One bundle of lent tasks: which is shown, what was answered, what may still be undone, when the lease ends.
//
// Rules kept here
// - An answer is bound to the assignment that is shown at the moment of the key press, never to one a closure remembers.
// - No answer is taken for a picture that has not been shown.
// - The last HELD_MAX answers, at most HOLD_MS old, are held back so that they can be undone; then they are sent.
// - What was answered is kept on the device before anything else happens.
import { computed, signal } from "@preact/signals";
import { at, get, post, serverNow, whoAmI } from "manyhands/api.js";
import { language } from "manyhands/kit.js";
import { Meter } from "manyhands/meter.js";
import * as outbox from "manyhands/outbox.js";

export const BUNDLE_MAX = 20;
const HELD_MAX = 3;
const HOLD_MS = 10_000;
const PICTURES_AT_ONCE = 4;
const PICTURE_RETRY_MS = [500, 1_500, 4_000, 10_000];

/** phase: loading | working | done | none | problem | elsewhere (another tab is at it) */
export class Bundle {
  constructor(jobId) {
    this.jobId = jobId;
    this.phase = signal("loading");
    this.problem = signal(null);
    this.offline = signal(false);
    this.items = signal([]);
    this.index = signal(-1);
    this.leaseUntilMs = signal(0);
    this.sitting = signal({ answers: 0, minor: 0, ms: 0 });
    this.meter = new Meter();
    this.current = computed(() => this.items.value[this.index.value] ?? null);
    this.left = computed(() => this.items.value.filter((item) => item.state === "open").length);
    this.earnedMinor = computed(() => sum(this.given(), (item) => item.reward_minor));
    this.activeMs = computed(() => sum(this.given(), (item) => item.active_ms));
    this.canUndo = computed(() => this.items.value.some((item) => item.state === "held"));
    this.stopListening = outbox.onOutcome((id, outcome, because) => this.heard(id, outcome, because));
    addEventListener("visibilitychange", () => this.seen(document.visibilityState === "visible"));
    for (const sign of ["keydown", "pointerdown", "pointermove", "wheel"]) addEventListener(sign, () => this.meter.beat(performance.now()), { passive: true });
    addEventListener("online", () => this.loadPictures());
  }

  given() {
    return this.items.value.filter((item) => ["held", "sending", "stored", "refused"].includes(item.state));
  }

  /** Takes the unfinished bundle, or a new one. */
  async claim() {
    this.phase.value = "loading";
    this.problem.value = null;
    let bundle;
    let fresh;
    try {
      await this.seal(this.heldInOrder());
      for (let asked = 0; asked < 2; asked += 1) {
        [bundle] = await Promise.all([post(at`/api/jobs/${this.jobId}/claim`, { count: BUNDLE_MAX }), whoAmI()]);
        // what is answered but not yet sent is still lent in the exchange's eyes: it is not shown again
        const kept = await outbox.keptFor(this.jobId);
        fresh = bundle.assignments.filter(({ assignment_id }) => !kept.has(assignment_id));
        if (fresh.length || bundle.assignments.length === 0) break;
        await outbox.flush();
      }
      this.offline.value = false;
      await outbox.keepBundle(this.jobId, bundle.lease_until_ms, fresh).catch(() => {}); // a full device: the tab has it
    } catch (problem) {
      bundle = problem.status === 0 ? await this.kept() : null;
      if (!bundle?.assignments.length) {
        this.problem.value = problem;
        this.phase.value = "problem";
        return;
      }
      fresh = bundle.assignments;
      this.offline.value = true;
    }
    this.sitUp();
    for (const item of this.items.value) if (item.picture) URL.revokeObjectURL(item.picture);
    this.leaseUntilMs.value = bundle.lease_until_ms;
    this.items.value = fresh.map((assignment) => {
      const text = draftOf(assignment.assignment_id);
      return { ...assignment, state: "open", text, active_ms: 0, picture: null, because: "" };
    });
    if (this.items.value.length === 0) {
      this.phase.value = "none";
      return;
    }
    this.phase.value = "working";
    this.go(0);
    this.loadPictures();
  }

  /** What is kept on the device of the unfinished bundle, without what is answered. */
  async kept() {
    try {
      await whoAmI();
      const [bundle, answered] = await Promise.all([outbox.keptBundle(this.jobId), outbox.keptFor(this.jobId)]);
      return bundle && { ...bundle, assignments: bundle.assignments.filter((one) => !answered.has(one.assignment_id)) };
    } catch {
      return null;
    }
  }

  /** One tab works on a job at a time: resolves to whether this is the one. steal = take it from the other. */
  async own({ steal = false } = {}) {
    if (!navigator.locks) return true;
    return new Promise((resolve) => {
      navigator.locks
        .request(`manyhands-work-${this.jobId}`, steal ? { steal } : { ifAvailable: true }, (lock) => {
          resolve(lock !== null);
          return lock && new Promise(() => {}); // held until the tab closes
        })
        .catch(() => {
          // taken over by another tab: what is typed here stays, nothing more is answered here
          this.seal(this.heldInOrder());
          this.phase.value = "elsewhere";
        });
    });
  }

  /** Begins, unless another tab is at it. */
  async begin(options) {
    if (await this.own(options)) await this.claim();
    else this.phase.value = "elsewhere";
  }

  /** Adds the finished bundle to the sitting's sums. */
  sitUp() {
    const { answers, minor, ms } = this.sitting.value;
    this.sitting.value = { answers: answers + this.given().length, minor: minor + this.earnedMinor.value, ms: ms + this.activeMs.value };
  }

  change(id, values) {
    this.items.value = this.items.value.map((item) => (item.assignment_id === id ? { ...item, ...values } : item));
  }

  go(index) {
    this.index.value = index;
    const item = this.current.value;
    if (item?.picture && document.visibilityState === "visible") this.meter.show(performance.now(), item.active_ms);
  }

  seen(visible) {
    const item = this.current.value;
    if (visible) {
      if (this.phase.value === "working" && item?.picture) this.meter.wake(performance.now());
    } else {
      this.meter.hide(performance.now());
      this.seal(this.items.value.filter((one) => one.state === "held"));
    }
  }

  /**
   * Answers the task that is shown. text null = cannot read.
   * Returns false, and does nothing, when no task is shown whole (its picture is not there yet).
   */
  answer(text) {
    const item = this.current.value;
    if (this.phase.value !== "working" || !item || item.state !== "open" || !item.picture) return false;
    const activeMs = this.meter.stop(performance.now());
    const id = item.assignment_id;
    this.change(id, { state: "held", text, active_ms: activeMs });
    forgetDraft(id);
    outbox.keep({ assignment_id: id, job_id: this.jobId, text, active_ms: activeMs, ready: false }).catch((problem) => (this.problem.value = problem));
    this.order = [...(this.order ?? []).filter((one) => one !== id), id];
    const held = this.heldInOrder();
    if (held.length > HELD_MAX) this.seal(held.slice(0, held.length - HELD_MAX));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.seal(this.heldInOrder()), HOLD_MS);
    this.forward();
    return true;
  }

  heldInOrder() {
    return (this.order ?? []).map((id) => this.items.value.find((item) => item.assignment_id === id)).filter((item) => item?.state === "held");
  }

  /** To the next open task after this one, around the end; to the end of the bundle when none is open. */
  forward() {
    const { length } = this.items.value;
    for (let step = 1; step <= length; step += 1) {
      const index = (this.index.value + step) % length;
      if (this.items.value[index].state === "open") return this.go(index);
    }
    this.phase.value = "done";
    return undefined;
  }

  /** Opens the last held answer again, with what was typed. Returns whether there was one. */
  undo() {
    const item = this.heldInOrder().at(-1);
    if (!item) return false;
    const shown = this.current.value;
    if (shown?.state === "open") this.change(shown.assignment_id, { active_ms: this.meter.stop(performance.now()) });
    clearTimeout(this.timer);
    outbox.drop(item.assignment_id);
    this.change(item.assignment_id, { state: "open" });
    this.phase.value = "working";
    this.go(this.items.value.findIndex((one) => one.assignment_id === item.assignment_id));
    return true;
  }

  /** From here on these answers can not be undone: they are sent. */
  seal(items) {
    if (items.length === 0) return Promise.resolve();
    const ids = items.map((item) => item.assignment_id);
    const wanted = new Set(ids);
    this.items.value = this.items.value.map((item) => (wanted.has(item.assignment_id) ? { ...item, state: "sending" } : item));
    return outbox.release(ids);
  }

  heard(id, outcome, because) {
    const item = this.items.value.find((one) => one.assignment_id === id);
    if (item) this.change(id, { state: outcome === "refused" ? "refused" : "stored", because });
  }

  /** Ends the sitting: sends what is answered, gives back what is open. */
  async giveBack() {
    await this.seal(this.items.value.filter((item) => item.state === "held"));
    const ids = this.items.value.filter((item) => item.state === "open").map((item) => item.assignment_id);
    if (ids.length) await post(at`/api/jobs/${this.jobId}/return`, { assignment_ids: ids });
  }

  /** Reports the task that is shown; it leaves the bundle. */
  async report(code, text) {
    const item = this.current.value;
    await post(at`/api/jobs/${this.jobId}/reports`, { assignment_id: item.assignment_id, code, text });
    this.change(item.assignment_id, { state: "reported", active_ms: this.meter.stop(performance.now()) });
    this.forward();
  }

  loadPictures() {
    this.pulling ??= 0;
    while (this.pulling < PICTURES_AT_ONCE) {
      const next = this.items.value.find((item) => !item.picture && !item.pulling && item.state === "open");
      if (!next) return;
      this.pulling += 1;
      next.pulling = true;
      this.pull(next).finally(() => {
        this.pulling -= 1;
        this.loadPictures();
      });
    }
  }

  async pull({ assignment_id: id, picture_url: url, kept }) {
    for (let tried = 0; ; tried += 1) {
      try {
        let blob = kept;
        if (!blob) {
          const response = await fetch(url, { credentials: "same-origin", cache: "no-store" });
          if (!response.ok) throw new Error(String(response.status));
          blob = await response.blob();
          outbox.keepPicture(id, blob).catch(() => {}); // a full device: the tab has it
        }
        const picture = URL.createObjectURL(blob);
        const image = new Image();
        image.src = picture;
        await image.decode();
        this.change(id, { picture, width: image.naturalWidth, height: image.naturalHeight, broken: false, pulling: false });
        if (this.current.value?.assignment_id === id) this.go(this.index.value);
        return;
      } catch {
        if (tried >= PICTURE_RETRY_MS.length) {
          this.change(id, { broken: true, pulling: false });
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, PICTURE_RETRY_MS[tried]));
      }
    }
  }

  leftMs() {
    return this.leaseUntilMs.value - serverNow();
  }
}

const sum = (items, of) => items.reduce((all, item) => all + of(item), 0);

// A text that was typed but not yet answered survives a closed tab.
const DRAFT = "mh_draft";

export function keepDraft(id, text) {
  try {
    localStorage.setItem(DRAFT, JSON.stringify({ id, text }));
  } catch {
    // storage is full or forbidden: the text still stands in its field
  }
}

function draftOf(id) {
  try {
    const draft = JSON.parse(localStorage.getItem(DRAFT) ?? "null");
    return draft?.id === id ? draft.text : "";
  } catch {
    return "";
  }
}

function forgetDraft(id) {
  if (draftOf(id)) localStorage.removeItem(DRAFT);
}

/** The offer behind a job, for its title, guide and currency; null when it is not offered any more. */
export async function offerOf(jobId) {
  const { offers } = await get(`/api/offers?language=${language}`);
  return offers.find((offer) => offer.job_id === jobId) ?? null;
}
