"""From a worker's recorded answers to the pay for a job.

base     sum of the rewards of the accepted answers: promised, reserved, never taken back
bonus    for good standing, up to `bonus_max_bp` of the base, only when the whole job was accepted
top-up   what is missing to the fair floor for the time credited

>>> from manyhands.protocol.manifest import PayRule
>>> pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000)
>>> slow = Earned(worker="0xa", answers=10, base_minor=100_000, credited_ms=60_000, standing_bp=9_000)
>>> determine_pay(pay, slow, accepted=True).total_minor  # one minute at 12 an hour is 0.20
200000
"""

from __future__ import annotations

import msgspec

from manyhands.protocol.evidence import WorkerPay
from manyhands.protocol.manifest import PayRule
from manyhands.protocol.money import BASIS_POINTS

from .effort import HOUR_MS

BONUS_FROM_BP = 8_000
"""Published standing from which a bonus grows, linearly, up to the full bonus at 10,000."""


class Earned(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker did in one job. standing_bp = published standing (lower bound) at the time of judging."""

    worker: str
    answers: int
    base_minor: int
    credited_ms: int
    standing_bp: int


def bonus_bp(pay: PayRule, standing_bp: int) -> int:
    """Bonus for a standing, basis points of the base: 0 up to 80 %, full at 100 %."""
    above = max(0, min(standing_bp, BASIS_POINTS) - BONUS_FROM_BP)
    return pay.bonus_max_bp * above // (BASIS_POINTS - BONUS_FROM_BP)


def determine_pay(pay: PayRule, earned: Earned, *, accepted: bool) -> WorkerPay:
    """Pay of one worker. Never less than the base, never less than the floor for the time credited."""
    bonus_minor = earned.base_minor * bonus_bp(pay, earned.standing_bp) // BASIS_POINTS if accepted else 0
    floor_minor = -(-earned.credited_ms * pay.floor_per_hour_minor // HOUR_MS)
    top_up_minor = max(0, floor_minor - earned.base_minor - bonus_minor)
    return WorkerPay(
        worker=earned.worker,
        answers=earned.answers,
        credited_ms=earned.credited_ms,
        base_minor=earned.base_minor,
        bonus_minor=bonus_minor,
        top_up_minor=top_up_minor,
        standing_bp=earned.standing_bp,
    )
