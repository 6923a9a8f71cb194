"""What getting ready for a kind of work is paid: reading its guide and finishing its practice, once per version. Pure.

Rules kept here
- The money is a line of a job's quote, and so lies in its escrow before anybody learns for it.
- It is paid to those who then do that work: a job pays it to a worker whose accepted answers in that same job earned at
  least as much. An account that only learns is paid nothing, however many accounts there are (ADR 0130).
- A guide is paid for its length in the language in which it was read; what is held is enough for the longest.
- A job pays for as many workers as it has places, the first to be ready first. Whoever finds no place is paid by the
  next job of the kind: what is due stays due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from manyhands.protocol.manifest import Learning, Manifest, PayRule
from manyhands.protocol.messages import Learned

HOUR_MS = 3_600_000

LEARNING_RESERVE_BP = 1_000
"""Share of the expected pay for answers that a quote sets aside for getting ready. At a tenth, a worker's learning is
paid back by ten times as much work in the job; what nobody needed is refunded."""

PLACES_MOST = 50


def learning_minor(pay: PayRule, ms: int) -> int:
    """Pay for so much time of learning at the job's pay per hour, rounded up.

    >>> learning_minor(PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000), 60_000)
    200000
    """
    return -(-pay.per_hour_minor * ms // HOUR_MS)


def places_for(pay: PayRule, *, guide_ms: int, practice_ms: int, base_expected_minor: int) -> int:
    """How many workers a job of this size pays for getting ready; 0 where it is too small for one.

    >>> places_for(PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000), guide_ms=60_000,
    ...            practice_ms=60_000, base_expected_minor=34_000_000)
    8
    """
    each = learning_minor(pay, guide_ms) + learning_minor(pay, practice_ms)
    return min(PLACES_MOST, base_expected_minor * LEARNING_RESERVE_BP // 10_000 // each) if each else 0


def learning_most_minor(pay: PayRule, learning: Learning) -> int:
    """What a job can pay for getting ready at most."""
    return learning.places * learning_most_each_minor(pay, learning)


def learning_most_each_minor(pay: PayRule, learning: Learning) -> int:
    """What one worker's getting ready is worth at most: the guide in its longest language, and the practice."""
    return learning_minor(pay, learning.guide_ms_most) + learning_minor(pay, learning.practice_ms)


def most_for_learning(manifest: Manifest) -> int:
    """What a job can pay for getting ready at most, 0 where it pays nothing for it."""
    return learning_most_minor(manifest.pay, manifest.learning) if isinstance(manifest.learning, Learning) else 0


def due_minor(manifest: Manifest, one: Learned) -> int:
    """What a worker's getting ready is worth in this job."""
    pay, learning = manifest.pay, manifest.learning
    if not isinstance(learning, Learning):
        return 0
    read_ms = learning.guide_ms_in(one.language if isinstance(one.language, str) else "")
    guide_minor = learning_minor(pay, read_ms) if one.guide else 0
    return guide_minor + (learning_minor(pay, learning.practice_ms) if one.practice else 0)


def learning_pay(manifest: Manifest, learned: Sequence[Learned], base_minor: Mapping[str, int]) -> dict[str, int]:
    """Worker -> pay for getting ready.

    learned     in the order in which places are given; a worker counts once
    base_minor  what each worker's accepted answers in this job earned
    """
    places = manifest.learning.places if isinstance(manifest.learning, Learning) else 0
    paid: dict[str, int] = {}
    for one in learned:
        minor = due_minor(manifest, one)
        if len(paid) < places and 0 < minor <= base_minor.get(one.worker, 0):
            paid.setdefault(one.worker, minor)
    return paid
