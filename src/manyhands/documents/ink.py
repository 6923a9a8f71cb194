"""Where text seems to stand on a page, and how many pieces that makes: the figures behind a quote. Pure.

>>> lines = [InkLine(500, 100, 2, 20), InkLine(500, 900, 1, 8)]
>>> estimate_of(lines).pieces, estimate_of([line for line in lines if line.y_permille > 500]).pieces
(3, 1)
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class PageEstimate(msgspec.Struct, frozen=True):
    """What a page is likely to hold.

    pieces      likely number of pieces
    pieces_max  a number that is rarely exceeded
    chars       likely number of characters
    """

    lines: int
    pieces: int
    pieces_max: int
    chars: int


class InkLine(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of ink that looks like a line of text: its middle in thousandths of the page, and what it may hold."""

    x_permille: int
    y_permille: int
    pieces: int
    chars: int


def estimate_of(ink: Sequence[InkLine]) -> PageEstimate:
    """The estimate for all of a page's ink, or for the part of it that a requester asks for."""
    pieces, chars = sum(line.pieces for line in ink), sum(line.chars for line in ink)
    return PageEstimate(len(ink), pieces, pieces * 5 // 4 + 20 if pieces else 4, chars)
