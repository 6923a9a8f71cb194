"""A worker's standing: counts of right and wrong per skill, fading with use and time, and a score that is earned.

Rules kept here
- Every number is a whole number and every step is written out: `replay(events)` gives the same score everywhere.
- A newcomer starts at what newcomers turned out to be (the prior), neither at nothing nor at full trust.
- The score is a lower bound: it says what is shown, not what is hoped. Few answers give a low score, not a bad one.
- Each change carries its cause, so that a worker can be told why, and can appeal.

Counts are Beta counts in millionths of an answer. Before an outcome is added, the worker's own counts fade: to half in
500 answers, and to half in 90 days. The score is the lower end of the one-sided 90 % Wilson interval over prior and own
counts together (Wilson 1927), in basis points, rounded down.

>>> event = Outcome("0xa1", "receipt/amount", right=True, weight_bp=10_000, cause="task t1 verdict", at_ms=0)
>>> standing = replay([event], {}).of("0xa1", "receipt/amount")
>>> standing.score_bp, standing.cause
(6839, 'task t1 verdict')
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from manyhands.quality.errors import BadRule

MICRO: Final = 1_000_000
DAY_MS: Final = 86_400_000
#: 2 ** (-1 / 500) and 2 ** (-1 / 90) in billionths
KEEP_PER_ANSWER_PPB: Final = 998_614_664
KEEP_PER_DAY_PPB: Final = 992_327_946
BILLION: Final = 1_000_000_000
#: one-sided 90 % point of the normal distribution, in millionths
Z_MICRO: Final = 1_281_552
#: pseudo-counts that a worker's reputation may bring into one job: the job's own evidence must be able to win
CAP_INTO_JOB: Final = 20


class Prior(msgspec.Struct, frozen=True):
    """What is believed of a worker nobody has seen in this skill: right and wrong, in millionths of an answer."""

    right_micro: int = 8_500_000
    wrong_micro: int = 1_500_000


class Outcome(msgspec.Struct, frozen=True, tag="outcome"):
    """One judged answer. weight_bp: 10_000 for gold and sure verdicts, less for recycled gold. cause: who judged."""

    worker: str
    skill: str
    right: bool
    weight_bp: int
    cause: str
    at_ms: int


class Correction(msgspec.Struct, frozen=True, tag="correction"):
    """An appeal was won or gold was withdrawn: counts are added or taken back, never below nothing."""

    worker: str
    skill: str
    right_micro: int
    wrong_micro: int
    cause: str
    at_ms: int


Event = Outcome | Correction


class Standing(msgspec.Struct, frozen=True):
    """A worker's counts in one skill, faded to `at_ms`, with the score they give and the event that gave it."""

    right_micro: int
    wrong_micro: int
    at_ms: int
    score_bp: int
    mean_bp: int
    cause: str


class Change(msgspec.Struct, frozen=True):
    """One step of a worker's history: what the score was, what it became, and why."""

    worker: str
    skill: str
    from_bp: int
    to_bp: int
    cause: str
    at_ms: int


class Book(msgspec.Struct, frozen=True):
    """All standings after a replay, and every change on the way."""

    standings: dict[tuple[str, str], Standing]
    changes: tuple[Change, ...]
    priors: dict[str, Prior]

    def of(self, worker: str, skill: str) -> Standing:
        """The standing of one worker in one skill; a newcomer's when nothing is known."""
        return self.standings.get((worker, skill)) or newcomer(self.priors.get(skill, Prior()))


def newcomer(prior: Prior) -> Standing:
    """The starting score: the prior's own lower bound.

    >>> newcomer(Prior()).score_bp
    6577
    """
    return Standing(0, 0, 0, *_scores(0, 0, prior), cause="newcomer")


def apply(standing: Standing, event: Event, prior: Prior) -> Standing:
    """The standing after one event. Events of one worker come in order of `at_ms`; an earlier one fades nothing.

    raises  BadRule for a weight outside 0..10_000
    """
    right, wrong = _faded_by_time(standing, event.at_ms)
    if isinstance(event, Outcome):
        if not 0 <= event.weight_bp <= 10_000:
            raise BadRule("weight_bp", value=event.weight_bp, allowed="0..10_000")
        right, wrong = right * KEEP_PER_ANSWER_PPB // BILLION, wrong * KEEP_PER_ANSWER_PPB // BILLION
        added = event.weight_bp * MICRO // 10_000
        right, wrong = right + added * event.right, wrong + added * (not event.right)
    else:
        right, wrong = max(0, right + event.right_micro), max(0, wrong + event.wrong_micro)
    return Standing(right, wrong, max(standing.at_ms, event.at_ms), *_scores(right, wrong, prior), cause=event.cause)


def replay(events: Iterable[Event], priors: Mapping[str, Prior]) -> Book:
    """All standings from the log alone.

    events  in any order: they are put in order of (at_ms, worker, skill, cause, kind, content) first; the same event
            twice counts once
    priors  skill -> what newcomers of that skill turned out to be; Prior() where nothing is known
    """
    standings: dict[tuple[str, str], Standing] = {}
    changes: list[Change] = []
    for event in sorted(set(events), key=_order):
        key, prior = (event.worker, event.skill), priors.get(event.skill, Prior())
        before = standings.get(key) or newcomer(prior)
        after = apply(before, event, prior)
        standings[key] = after
        changes.append(Change(*key, before.score_bp, after.score_bp, event.cause, event.at_ms))
    return Book(standings, tuple(changes), dict(priors))


def as_of(standing: Standing, at_ms: int, prior: Prior) -> Standing:
    """The same standing seen later: time has faded the counts toward the newcomer's prior."""
    right, wrong = _faded_by_time(standing, at_ms)
    return Standing(right, wrong, max(standing.at_ms, at_ms), *_scores(right, wrong, prior), cause=standing.cause)


def into_job(standing: Standing, prior: Prior) -> tuple[float, float]:
    """Pseudo-counts (right, wrong) for every M step of a job, capped at CAP_INTO_JOB answers in all.

    The share of right answers stays; only the strength is capped.
    """
    right, wrong = standing.right_micro + prior.right_micro, standing.wrong_micro + prior.wrong_micro
    total = right + wrong
    most = CAP_INTO_JOB * MICRO
    if total > most:
        right, wrong = right * most // total, wrong * most // total
    return right / MICRO, wrong / MICRO


def pooled_prior(counts: Sequence[tuple[int, int]], *, strength_most: int = 10) -> Prior:
    """What newcomers of a skill turned out to be: method of moments over workers' first counts.

    counts    (right, wrong) answers per worker, whole answers; workers with fewer than 3 are left out
    returns   a Beta prior with the pooled share; the more alike the workers the stronger, 2..strength_most;
              Prior() with fewer than 5 workers
    source    Kleinman (1973), "Proportions with extraneous variance"
    """
    usable = [(right, right + wrong) for right, wrong in counts if right + wrong >= 3]
    if len(usable) < 5:
        return Prior()
    total = sum(n for _, n in usable)
    right_all = sum(right for right, _ in usable)
    share_micro = (right_all * MICRO + total) // (total + 2)  # add-one: nobody is certain, nobody hopeless
    spread = sum(n * (right * MICRO // n - share_micro) ** 2 for right, n in usable)
    even = share_micro * (MICRO - share_micro)
    # expected weighted spread = even * (workers - 1) * (1 + (average n - 1) / (strength + 1)), solved for the strength
    over = spread * len(usable) - even * (len(usable) - 1) * len(usable)
    strength = strength_most
    if over > 0:
        strength = min(strength_most, max(2, even * (len(usable) - 1) * (total - len(usable)) // over - 1))
    return Prior(strength * share_micro, strength * (MICRO - share_micro))


def _order(event: Event) -> tuple[int, str, str, str, str, int, int]:
    if isinstance(event, Outcome):
        return (event.at_ms, event.worker, event.skill, event.cause, "outcome", int(event.right), event.weight_bp)
    return (event.at_ms, event.worker, event.skill, event.cause, "correction", event.right_micro, event.wrong_micro)


def _faded_by_time(standing: Standing, at_ms: int) -> tuple[int, int]:
    days = min(max(0, at_ms - standing.at_ms) // DAY_MS, 3_650)
    keep = BILLION
    for bit in reversed(range(days.bit_length())):
        keep = keep * keep // BILLION
        if days >> bit & 1:
            keep = keep * KEEP_PER_DAY_PPB // BILLION
    return standing.right_micro * keep // BILLION, standing.wrong_micro * keep // BILLION


def _scores(right_micro: int, wrong_micro: int, prior: Prior) -> tuple[int, int]:
    """(lower bound, mean) in basis points, from whole numbers alone."""
    right, wrong = right_micro + prior.right_micro, wrong_micro + prior.wrong_micro
    total = right + wrong
    if total == 0:
        return 0, 0
    return wilson_lower_bp(right, total), 10_000 * right // total


def wilson_lower_bp(right_micro: int, total_micro: int) -> int:
    """Lower end of the one-sided 90 % Wilson interval, basis points, rounded down.

    With n answers, share p and z the bound is (p + z2/2n - z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n); here all terms are
    multiplied by n and kept in millionths, and the root is the whole-number root.
    """
    wrong_micro = total_micro - right_micro
    z2_micro = Z_MICRO * Z_MICRO // MICRO
    # z * sqrt(n p (1-p) + z2/4), each in millionths
    inner = right_micro * wrong_micro // total_micro + z2_micro // 4
    root_micro = math.isqrt(inner * z2_micro) + 1
    top = right_micro + z2_micro // 2 - root_micro
    return max(0, 10_000 * top // (total_micro + z2_micro))
