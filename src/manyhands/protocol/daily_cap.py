"""The daily cap of a job: at most one part in so many of its funds may be reserved, and may be paid, per chain day.

Rules kept here
- A cap is agreed on in the manifest, so that everybody knows of it before working; the escrow holds the same number.
- The escrow counts by days of its chain: `block.timestamp // 86_400`, which are days of UTC.
- What is cut to fit into days loses nothing: the parts come to the whole.

>>> cap_minor(1_000, 10), chain_day(86_399), chain_day(86_400)
(101, 0, 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

DAY_S = 86_400
PARTS_BOUNDS = (2, 30)
"""One part would be no cap; the contract takes thirty at most, so that pay waits a month at most."""


def cap_minor(funded_minor: int, parts: int, *, unit: int = 1) -> int:
    """What may be reserved, and may be paid, in one chain day, whole minor units. As `dailyCap()` of the escrow.

    unit  base units of the job's token in a minor unit: the escrow counts those

    >>> cap_minor(1_000, 10, unit=10**12)
    100
    """
    return (funded_minor * unit // parts + 1) // unit


def chain_day(timestamp_s: int) -> int:
    """The day that the escrow counts a block into. timestamp_s  of the block"""
    return timestamp_s // DAY_S


def days_for(amount_minor: int, most_minor: int) -> int:
    """Days it takes at least.

    >>> days_for(0, 10), days_for(10, 10), days_for(11, 10)
    (0, 1, 2)
    """
    return -(-amount_minor // most_minor)


def cut_to_fit(amounts: Sequence[tuple[T, int]], most_minor: int) -> list[list[tuple[T, int]]]:
    """Amounts in order, in parts of at most `most_minor` each; one that does not fit into what is left is cut.

    >>> cut_to_fit([("a", 5), ("b", 7)], 6)
    [[('a', 5), ('b', 1)], [('b', 6)]]
    """
    parts: list[list[tuple[T, int]]] = []
    left = 0
    for who, minor in amounts:
        while minor > 0:
            if left == 0:
                parts.append([])
                left = most_minor
            taken = min(minor, left)
            parts[-1].append((who, taken))
            minor, left = minor - taken, left - taken
    return parts


def grouped_to_fit(items: Sequence[tuple[T, int]], most_minor: int) -> list[list[T]]:
    """Whole items in order, in groups of at most `most_minor` each; one that is more than that stands alone.

    >>> grouped_to_fit([("a", 4), ("b", 4), ("c", 1)], 5)
    [['a'], ['b', 'c']]
    """
    groups: list[list[T]] = []
    left = 0
    for item, minor in items:
        if not groups or minor > left:
            groups.append([])
            left = most_minor
        groups[-1].append(item)
        left -= minor
    return groups
