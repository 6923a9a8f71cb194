// How long somebody worked on the piece before them: gaps between signs of life, each counted up to a cap.
//
// Rules kept here
// - Only counts and times: never which key, never where the pointer was.
// - A pause counts at most CAP_MS; a hidden page counts nothing. (Cap of 10 s: 6 % over, 1 % of workers under the truth.)
// - Pure: the time is an argument.
export const CAP_MS = 10_000;

export class Meter {
  constructor() {
    this.activeMs = 0;
    this.lastMs = null;
  }

  /** The piece is before the worker's eyes from now on. Work already counted on it is kept. */
  show(nowMs, alreadyMs = 0) {
    this.activeMs = alreadyMs;
    this.lastMs = nowMs;
  }

  /** A sign of life: a key, a tap, a movement. */
  beat(nowMs) {
    if (this.lastMs === null) return;
    this.activeMs += Math.min(Math.max(0, nowMs - this.lastMs), CAP_MS);
    this.lastMs = nowMs;
  }

  /** The page went out of sight. */
  hide(nowMs) {
    this.beat(nowMs);
    this.lastMs = null;
  }

  /** The page is seen again. */
  wake(nowMs) {
    if (this.lastMs === null) this.lastMs = nowMs;
  }

  /** The piece is answered: what it took, whole milliseconds. */
  stop(nowMs) {
    this.beat(nowMs);
    this.lastMs = null;
    return Math.round(this.activeMs);
  }
}
