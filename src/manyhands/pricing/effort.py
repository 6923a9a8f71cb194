"""Effort of an answer, its reward, and the time that is credited for it.

The default effort, 2 s and a third of a second a character, is keying on a phone: 36.2 words a minute, 37,000 people
(MobileHCI 2019), plus looking and moving on. It is a start: the reference dataset replaces it by what was measured.
"""

from __future__ import annotations

from manyhands.protocol.manifest import PayRule

HOUR_MS = 3_600_000


def effort_ms(pay: PayRule, *, chars: int) -> int:
    """Median time one answer of so many characters takes, ms."""
    return pay.effort_base_ms + pay.effort_char_ms * max(0, chars)


def reward_minor(pay: PayRule, *, effort_ms: int) -> int:
    """Reward of one answer of that effort at the job's pay per hour, minor units, rounded up."""
    return -(-effort_ms * pay.per_hour_minor // HOUR_MS)


def pay_per_hour_minor(earned_minor: int, worked_ms: int) -> int | None:
    """What an hour came to, or None when no time was measured: a figure that can't be measured is absent."""
    return earned_minor * HOUR_MS // worked_ms if worked_ms > 0 else None


def credited_ms(pay: PayRule, *, effort_ms: int, active_ms: int) -> int:
    """Time credited for one answer: what was active, up to `effort_cap_factor` times its median effort.

    The cap keeps a forgotten tab from buying hours; three times the median under-credits 5 % of honest answers
    (docs: fair pay), who can appeal with their own account of the time.
    """
    return min(max(0, active_ms), pay.effort_cap_factor * effort_ms)
