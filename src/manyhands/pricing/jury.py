"""What a juror's vote is paid, and the bound that whoever reserves or pays it holds the jury to.

The jury names who voted; what a vote is worth follows from the job's manifest, so that a jury cannot pay its friends.

>>> from manyhands.protocol.manifest import PayRule
>>> pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000)
>>> juror_pay_minor(pay)
200000
"""

from __future__ import annotations

from collections.abc import Mapping

from manyhands.protocol.errors import ProtocolError
from manyhands.protocol.manifest import PayRule

from .effort import reward_minor

JURORS = 3
"""People drawn for one case."""

JUROR_EFFORT_MS = 60_000
"""Effort of a vote: reading a case and a sentence about it."""


class JurorPayOutOfBounds(ProtocolError):
    """A ruling that pays other than a vote each to at most three jurors."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"ruling pays jurors out of bounds: {problem}")


def juror_pay_minor(pay: PayRule) -> int:
    """What one vote is paid in a job with this rule, whole minor units."""
    return reward_minor(pay, effort_ms=JUROR_EFFORT_MS)


def check_juror_pay(pay: PayRule, paid_minor: Mapping[str, int]) -> None:
    """paid_minor: juror -> whole minor units, as a ruling says. raises JurorPayOutOfBounds

    >>> check_juror_pay(PayRule(per_hour_minor=60, floor_per_hour_minor=60), {"a": 1, "b": 2})
    Traceback (most recent call last):
    manyhands.pricing.jury.JurorPayOutOfBounds: ruling pays jurors out of bounds: 2 for b, a vote is worth 1
    """
    if len(paid_minor) > JURORS:
        raise JurorPayOutOfBounds(f"{len(paid_minor)} people, a case has {JURORS}")
    worth = juror_pay_minor(pay)
    for juror, minor in sorted(paid_minor.items()):
        if not 0 <= minor <= worth:
            raise JurorPayOutOfBounds(f"{minor} for {juror}, a vote is worth {worth}")
