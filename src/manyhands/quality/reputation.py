"""A worker's standing: counts of right and wrong per skill, fading with use and time, and a score that is earned.

Rules kept here
- Every number is a whole number and every step is written out: `replay(events)` gives the same score everywhere.
- A newcomer starts at what newcomers turned out to be (the prior), neither at nothing nor at full trust.
- The score is a lower bound: it says what is shown, not what is hoped. Few answers give a low score, not a bad one.
- Each change carries its cause, so that a worker can be told why, and can appeal.
- A skill is also told by answer type (amounts, dates, words): what a worker's other answers show of a type is worth
  something, and less than `TYPE_LEAN` answers. Outcomes without a type leave every number as it was.

Counts are Beta counts in millionths of an answer. Before an outcome is added, the worker's own counts fade: to half in
500 answers, and to half in 90 days. The score is the lower end of the one-sided 90 % Wilson interval over prior and own
counts together (Wilson 1927), in basis points, rounded down. A type's score stands over its own counts, those of all
other types for a part, and the prior: n answers of other types count as n L / (n + L) with L = `TYPE_LEAN`, as if a
person's skills scattered around the person as the shares of L answers do. With one type alone it is the score of the
whole; with no answers of the type, what the others foretell.

>>> event = Outcome("0xa1", "receipt/amount", right=True, weight_bp=10_000, cause="task t1 verdict", at_ms=0)
>>> standing = replay([event], {}).of("0xa1", "receipt/amount")
>>> standing.score_bp, standing.cause
(6839, 'task t1 verdict')
>>> wrong = [Outcome("0xa1", "receipt", False, 10_000, f"task {n}", n, "text") for n in range(9)]
>>> right = [Outcome("0xa1", "receipt", True, 10_000, f"piece {n}", n, "amount") for n in range(30)]
>>> book = replay([*wrong, *right], {})
>>> book.of("0xa1", "receipt").mean_bp
7885
>>> [book.of_type("0xa1", "receipt", one).mean_bp for one in ("amount", "text", "date")]
[8902, 5573, 8262]
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
#: answers that all a worker's other types stay under in what is believed of one type
TYPE_LEAN: Final = 5
#: the type of answers of which none was told
UNTYPED: Final = ""

Counts = tuple[int, int]
"""(right, wrong) in millionths of an answer."""


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
    answer_type: str = UNTYPED


class Correction(msgspec.Struct, frozen=True, tag="correction"):
    """An appeal was won or gold was withdrawn: counts are added or taken back, never below nothing."""

    worker: str
    skill: str
    right_micro: int
    wrong_micro: int
    cause: str
    at_ms: int
    answer_type: str = UNTYPED


Event = Outcome | Correction


class Standing(msgspec.Struct, frozen=True):
    """A worker's counts in one skill, faded to `at_ms`, with the score they give and the event that gave it.

    types  the same counts by answer type; those from before types were told stand under `UNTYPED`. Empty = no type was
           ever told
    """

    right_micro: int
    wrong_micro: int
    at_ms: int
    score_bp: int
    mean_bp: int
    cause: str
    types: dict[str, Counts] = {}


class TypeStanding(msgspec.Struct, frozen=True):
    """What is believed of a worker in one answer type of a skill. Counts: answers of this type alone."""

    right_micro: int
    wrong_micro: int
    score_bp: int
    mean_bp: int


class Change(msgspec.Struct, frozen=True):
    """One step of a worker's history: what the score was, what it became, and why; and that of the answer's type."""

    worker: str
    skill: str
    from_bp: int
    to_bp: int
    cause: str
    at_ms: int
    answer_type: str = UNTYPED
    type_from_bp: int = 0
    type_to_bp: int = 0


class Book(msgspec.Struct, frozen=True):
    """All standings after a replay, and every change on the way."""

    standings: dict[tuple[str, str], Standing]
    changes: tuple[Change, ...]
    priors: dict[str, Prior]

    def of(self, worker: str, skill: str) -> Standing:
        """The standing of one worker in one skill; a newcomer's when nothing is known."""
        return self.standings.get((worker, skill)) or newcomer(self.priors.get(skill, Prior()))

    def of_type(self, worker: str, skill: str, answer_type: str) -> TypeStanding:
        """What is believed of one worker in one answer type of a skill."""
        return of_type(self.of(worker, skill), answer_type, self.priors.get(skill, Prior()))


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
    keep = _kept_by_time(standing.at_ms, event.at_ms)
    keep_per_answer = BILLION
    if isinstance(event, Outcome):
        if not 0 <= event.weight_bp <= 10_000:
            raise BadRule("weight_bp", value=event.weight_bp, allowed="0..10_000")
        keep_per_answer = KEEP_PER_ANSWER_PPB
        added = event.weight_bp * MICRO // 10_000
        more = (added * event.right, added * (not event.right))
    else:
        more = (event.right_micro, event.wrong_micro)

    def faded(counts: Counts) -> Counts:
        right, wrong = counts
        right, wrong = right * keep // BILLION, wrong * keep // BILLION
        return right * keep_per_answer // BILLION, wrong * keep_per_answer // BILLION

    def moved(counts: Counts) -> Counts:
        right, wrong = faded(counts)
        return max(0, right + more[0]), max(0, wrong + more[1])

    right, wrong = moved((standing.right_micro, standing.wrong_micro))
    types = standing.types
    if types or event.answer_type != UNTYPED:
        types = {name: faded(counts) for name, counts in _by_type(standing).items() if name != event.answer_type}
        types[event.answer_type] = moved(_by_type(standing).get(event.answer_type, (0, 0)))
    return Standing(
        right, wrong, max(standing.at_ms, event.at_ms), *_scores(right, wrong, prior), cause=event.cause, types=types
    )


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
        of_its_type = [0, 0]
        if event.answer_type != UNTYPED:
            of_its_type = [of_type(one, event.answer_type, prior).score_bp for one in (before, after)]
        changes.append(
            Change(*key, before.score_bp, after.score_bp, event.cause, event.at_ms, event.answer_type, *of_its_type)
        )
    return Book(standings, tuple(changes), dict(priors))


def as_of(standing: Standing, at_ms: int, prior: Prior) -> Standing:
    """The same standing seen later: time has faded the counts toward the newcomer's prior."""
    keep = _kept_by_time(standing.at_ms, at_ms)

    def faded(counts: Counts) -> Counts:
        return counts[0] * keep // BILLION, counts[1] * keep // BILLION

    right, wrong = faded((standing.right_micro, standing.wrong_micro))
    types = {name: faded(counts) for name, counts in standing.types.items()}
    return Standing(
        right, wrong, max(standing.at_ms, at_ms), *_scores(right, wrong, prior), cause=standing.cause, types=types
    )


def of_type(standing: Standing, answer_type: str, prior: Prior, *, lean: int = TYPE_LEAN) -> TypeStanding:
    """What is believed of a worker in one answer type: its own answers, then the worker's others, then newcomers.

    lean     answers that all other types together stay under, however many they are
    returns  with answers of this type alone, the score and mean of the whole; with none, what the others foretell
    source   variances add: a share of n answers that foretells a skill which scatters like shares of L answers is worth
             1 / (1/n + 1/L) answers. A power prior with that power (Ibrahim and Chen 2000)

    >>> standing = replay([Outcome("w", "s", True, 10_000, "t", 0, "amount")], {}).of("w", "s")
    >>> of_type(standing, "amount", Prior()).score_bp == standing.score_bp
    True
    """
    right, wrong = standing.types.get(answer_type, (0, 0))
    believed_right, believed_wrong = _with_others(standing, answer_type, lean)
    return TypeStanding(right, wrong, *_scores(believed_right, believed_wrong, prior))


def capped(right_micro: int, wrong_micro: int, most: int) -> Counts:
    """Counts of at most so many answers: their share stays, their weight is cut.

    >>> capped(380_000_000, 20_000_000, 20)
    (19000000, 1000000)
    """
    total, most_micro = right_micro + wrong_micro, most * MICRO
    if total > most_micro:
        return right_micro * most_micro // total, wrong_micro * most_micro // total
    return right_micro, wrong_micro


def into_job(
    standing: Standing, prior: Prior, *, answer_type: str | None = None, lean: int = TYPE_LEAN
) -> tuple[float, float]:
    """Pseudo-counts (right, wrong) for every M step of a job, capped at CAP_INTO_JOB answers in all.

    The share of right answers stays; only the strength is capped.

    answer_type  of a job of one type alone: what is believed in that type. None = of the whole
    """
    right, wrong = standing.right_micro, standing.wrong_micro
    if answer_type is not None:
        right, wrong = _with_others(standing, answer_type, lean)
    right, wrong = capped(right + prior.right_micro, wrong + prior.wrong_micro, CAP_INTO_JOB)
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


def _order(event: Event) -> tuple[int, str, str, str, str, int, int, str]:
    told = (event.at_ms, event.worker, event.skill, event.cause)
    if isinstance(event, Outcome):
        return (*told, "outcome", int(event.right), event.weight_bp, event.answer_type)
    return (*told, "correction", event.right_micro, event.wrong_micro, event.answer_type)


def _by_type(standing: Standing) -> dict[str, Counts]:
    """Counts by type; what was counted before types were told is of none."""
    if standing.types or not (standing.right_micro or standing.wrong_micro):
        return standing.types
    return {UNTYPED: (standing.right_micro, standing.wrong_micro)}


def _with_others(standing: Standing, answer_type: str, lean: int) -> Counts:
    """Counts of a type, with those of all others for the part that they foretell of it."""
    by_type = _by_type(standing)
    others = [counts for name, counts in by_type.items() if name != answer_type]
    right, wrong = by_type.get(answer_type, (0, 0))
    of_others = (sum(one[0] for one in others), sum(one[1] for one in others))
    lean_micro = lean * MICRO
    if total := sum(of_others):
        right, wrong = (
            own + other * lean_micro // (total + lean_micro)
            for own, other in zip((right, wrong), of_others, strict=True)
        )
    return right, wrong


def _kept_by_time(before_ms: int, at_ms: int) -> int:
    """Billionths of a count that are left of it after so much time."""
    days = min(max(0, at_ms - before_ms) // DAY_MS, 3_650)
    keep = BILLION
    for bit in reversed(range(days.bit_length())):
        keep = keep * keep // BILLION
        if days >> bit & 1:
            keep = keep * KEEP_PER_DAY_PPB // BILLION
    return keep


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
