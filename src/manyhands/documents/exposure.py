"""What each worker saw of a page: measured after the work, from who was shown which piece.

Rules kept here
- A piece counts as seen when it was lent, whether or not an answer came back.
- Two pieces are linkable when they stand in one line, in one row of a table, or next to each other: together they say
  more than each alone. At privacy level strict their number is 0, because nobody sees two pieces of a page.
- Shares are of a page's characters, in basis points, rounded up: what is told is never less than what was seen.

>>> from .model import Box, Decision, PageImage, PageRecord, Piece, PieceRecord
>>> def said(order, text):
...     piece = Piece(f"p{order}", 1, Box(0, 20 * order, 40, 20 * order + 18), order, line_group=order)
...     return PieceRecord(piece, Decision("people", text, ""))
>>> page = PageRecord("scan", PageImage(1, 100, 100), (said(0, "NAME"), said(1, "ACCOUNT"), said(2, "12.50")))
>>> [(one.pieces_of_page_max, one.share_max_bp, one.linkable_pairs)
...  for one in exposure_of([page], {"ann": {"p0"}, "bob": {"p0", "p1"}})]
[(1, 2500, 0), (2, 6875, 1)]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import combinations

import msgspec

from .model import PageRecord, Piece


class WorkerExposure(msgspec.Struct, frozen=True):
    """What one worker saw.

    pieces              in all
    pieces_of_page_max  of the page of which they saw most pieces
    share_max_bp        largest share of one page's characters
    linkable_pairs      pairs of pieces that belong together
    """

    worker: str
    pieces: int
    pieces_of_page_max: int
    share_max_bp: int
    linkable_pairs: int


def exposure_of(pages: Sequence[PageRecord], seen: Mapping[str, Set[str]]) -> list[WorkerExposure]:
    """Exposure per worker, in the order of their names.

    seen  worker -> ids of the pieces that they were shown
    """
    found = []
    for worker in sorted(seen):
        pieces = most = share = linkable = 0
        for page in pages:
            shown = [record for record in page.pieces if record.piece.piece_id in seen[worker]]
            if not shown:
                continue
            total = sum(len(record.decision.text) for record in page.pieces)
            own = sum(len(record.decision.text) for record in shown)
            pieces += len(shown)
            most = max(most, len(shown))
            share = max(share, -(-own * 10_000 // total) if total else 0)
            linkable += sum(linkable_pair(a.piece, b.piece) for a, b in combinations(shown, 2))
        found.append(WorkerExposure(worker, pieces, most, share, linkable))
    return found


def linkable_pair(one: Piece, other: Piece) -> bool:
    """Whether two pieces of one page say more together: one line, one row of a table, or neighbours."""
    same_row = one.table is not None and one.table == other.table and one.row == other.row
    return same_row or one.line_group == other.line_group or abs(one.order - other.order) == 1
