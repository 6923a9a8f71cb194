"""The whole job: is it as good as the requester asked, and what does the answer rest on?

Rules kept here
- The holdback was never used to infer, to calibrate or to judge a worker: it measures, and nothing else.
- A bound is exact (Clopper and Pearson 1934), not a normal guess; few pieces give a wide bound and that is said.
- A job is refused only when its quality is shown to be below the benchmark, not when too little was measured.

>>> verdict = judge_job([("12.50", "12.50")] * 59, benchmark_bp=9_500)
>>> verdict.accepted, verdict.shown, verdict.measured_bp, verdict.lower_bp
(True, True, 10000, 9504)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, localcontext
from typing import Final

import msgspec

from manyhands.quality.errors import BadRule
from manyhands.quality.reference import Reference

_PRECISION: Final = Context(prec=40, Emax=10**9, Emin=-(10**9))


class JobVerdict(msgspec.Struct, frozen=True):
    """accepted: pay and deliver. shown: the benchmark is shown to be met, not merely not shown to be missed.

    measured_bp  share of the holdback that is right, None without a holdback
    lower_bp     exact one-sided bounds at `sureness_bp`
    upper_bp
    seen, right  pieces of the holdback
    rests_on     what the verdict is made of, a sentence each
    """

    accepted: bool
    shown: bool
    benchmark_bp: int
    measured_bp: int | None
    lower_bp: int
    upper_bp: int
    seen: int
    right: int
    sureness_bp: int
    rests_on: tuple[str, ...]


def judge_job(
    holdback: Sequence[tuple[str | None, str]],
    benchmark_bp: int,
    *,
    sureness_bp: int = 9_500,
    same: Callable[[str, str], bool] = str.__eq__,
    confidences_bp: Sequence[int] = (),
    calibrated: bool = False,
    reference: Reference | None = None,
) -> JobVerdict:
    """Judge a finished job by its holdback, its benchmark and what is usual for its category.

    holdback        (delivered value, truth) per piece; None = delivered as unreadable, counts as wrong
    benchmark_bp    share right that the requester asked for
    sureness_bp     how sure a bound must be; 9_500 leaves one chance in twenty
    same            when two values are equal, e.g. after normalisation
    confidences_bp  confidence of every delivered piece; their mean is the estimate when there is no holdback
    calibrated      whether these confidences were calibrated on gold
    reference       what finished jobs of this category were like
    returns         accepted unless the upper bound is below the benchmark; without a holdback accepted, unless
                    calibrated confidences have a mean below the benchmark
    raises          BadRule for a benchmark or sureness outside 0..10_000
    """
    for field, value in (("benchmark_bp", benchmark_bp), ("sureness_bp", sureness_bp)):
        if not 0 <= value <= 10_000:
            raise BadRule(field, value=value, allowed="0..10_000 basis points")
    rests_on: list[str] = []
    seen = len(holdback)
    right = sum(value is not None and same(value, truth) for value, truth in holdback)
    lower_bp, upper_bp = clopper_pearson_bp(right, seen, sureness_bp=sureness_bp)
    mean_bp = sum(confidences_bp) // len(confidences_bp) if confidences_bp else None
    if seen:
        measured_bp: int | None = 10_000 * right // seen
        accepted, shown = upper_bp >= benchmark_bp, lower_bp >= benchmark_bp
        rests_on.append(
            f"holdback: {right} of {seen} right, between {_percent(lower_bp)} and {_percent(upper_bp)}"
            f" (one-sided {_percent(sureness_bp)} bounds), benchmark {_percent(benchmark_bp)}"
        )
        if accepted and not shown:
            needed = pieces_needed(benchmark_bp, sureness_bp=sureness_bp)
            more = f"{needed} right pieces without a mistake would" if needed else "no number of pieces can"
            rests_on.append(f"benchmark neither shown nor missed: {more} show it")
    else:
        measured_bp, shown = None, False
        accepted = not (calibrated and mean_bp is not None and mean_bp < benchmark_bp)
        rests_on.append("no holdback: nothing of this job was measured against truth")
    if mean_bp is not None:
        how = "calibrated on gold" if calibrated else "not calibrated"
        rests_on.append(f"mean confidence of {len(confidences_bp)} delivered pieces {_percent(mean_bp)}, {how}")
    if reference is not None and reference.jobs:
        rests_on.append(
            f"category {reference.category}: {reference.jobs} finished jobs, usual quality"
            f" {_percent(reference.quality_bp)}, {reference.answers_per_piece_milli / 1000:.2f} answers a piece"
        )
    return JobVerdict(
        accepted, shown, benchmark_bp, measured_bp, lower_bp, upper_bp, seen, right, sureness_bp, tuple(rests_on)
    )


def clopper_pearson_bp(right: int, seen: int, *, sureness_bp: int = 9_500) -> tuple[int, int]:
    """Exact one-sided bounds of a share: (lower rounded down, upper rounded up), basis points.

    source  Clopper and Pearson (1934), Biometrika 26; computed with 40-digit decimals, the same on every machine

    >>> clopper_pearson_bp(59, 59), clopper_pearson_bp(299, 299), clopper_pearson_bp(0, 0)
    ((9504, 10000), (9900, 10000), (0, 10000))
    """
    if not 0 <= right <= seen:
        raise BadRule("right", value=right, allowed=f"0..seen ({seen})")
    if seen == 0 or sureness_bp >= 10_000:
        return 0, 10_000
    doubt = Decimal(10_000 - sureness_bp) / 10_000
    # lower: the largest p (in bp) with P(X >= right | p) <= doubt; by symmetry the upper is its mirror
    return _lower_bp(right, seen, doubt), 10_000 - _lower_bp(seen - right, seen, doubt)


def pieces_needed(benchmark_bp: int, *, sureness_bp: int = 9_500) -> int:
    """Holdback pieces, all right, that show a benchmark; 0 when none can (a benchmark of 100 %).

    >>> pieces_needed(9_500), pieces_needed(9_900)
    (59, 299)
    """
    if benchmark_bp <= 0:
        return 1
    if benchmark_bp >= 10_000 or sureness_bp >= 10_000:
        return 0
    doubt = (10_000 - sureness_bp) / 10_000
    guess = max(1, math.ceil(math.log(doubt) / math.log(benchmark_bp / 10_000)) - 2)
    while (benchmark_bp**guess) * 10_000 > (10_000 - sureness_bp) * 10_000**guess:
        guess += 1
    return guess


def _lower_bp(right: int, seen: int, doubt: Decimal) -> int:
    if right == 0:
        return 0
    low, high = 0, 10_000  # P(X >= right) is 0 at 0 and 1 at 1
    while high - low > 1:
        middle = (low + high) // 2
        if _at_least(right, seen, middle) <= doubt:
            low = middle
        else:
            high = middle
    return low


def _at_least(right: int, seen: int, share_bp: int) -> Decimal:
    """P(X >= right) for X binomial(seen, share), 0 < share < 1."""
    with localcontext(_PRECISION):
        p = Decimal(share_bp) / 10_000
        q = 1 - p
        upward = right > seen * share_bp // 10_000
        # the tail that does not hold the mean falls fast, so it is the one to add up
        at = right if upward else right - 1
        term = Decimal(math.comb(seen, at)) * p**at * q ** (seen - at)
        total = Decimal(0)
        while 0 <= at <= seen and (total == 0 or term > total * Decimal("1e-30")):
            total += term
            if upward:
                term = term * (seen - at) * p / ((at + 1) * q)
                at += 1
            else:
                term = term * at * q / ((seen - at + 1) * p)
                at -= 1
        return total if upward else 1 - total


def _percent(share_bp: int) -> str:
    return f"{share_bp / 100:.2f} %"
