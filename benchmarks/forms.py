#!/usr/bin/env python3
"""Would another form of question than keying spare human time? Counts where each could be asked.

Rules kept here
- Nothing is tuned: efforts are those of the project's document anchors (section 7), seconds computed, not timed.
- A form is charged with what it needs to be believed: two people where every option is a machine's own, and keying
  after "neither of these". Keying is charged 1.16 answers a piece, as measured (anchors, section 4).

usage: benchmarks/forms.py [--shared ../shared] [--readings DIR]
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from documents import readings_of  # the same readings as there

from manyhands.documents.acceptance import POLICIES, AcceptUnseen, decide_unseen
from manyhands.documents.cutter import cut
from manyhands.documents.model import piece_on_page
from manyhands.documents.readers import DEFAULT_READERS
from manyhands.documents.text import core
from manyhands.documents.truth import truth_for_pieces

KEY_LOOK_S, CHARS_PER_S, KEY_ANSWERS = 2.0, 3.0, 1.16
CHOOSE_S = 2.5
"""Two readings and neither."""
CELL_S = 1.0
GRID_LOOK_S, GRID_PIECE_S, GRID_PIECES = 2.0, 0.8, 9


def key_s(chars: float, answers: float = KEY_ANSWERS) -> float:
    """Seconds of people until a piece of so many characters is keyed."""
    return answers * (KEY_LOOK_S + chars / CHARS_PER_S)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--readings", type=Path, default=None)
    wish = parser.parse_args()
    import json

    found = readings_of(wish.shared, wish.readings, tuple(DEFAULT_READERS))
    pieces, truth = [], {}
    for doc_id, (_, pages) in found.items():
        told = json.loads((wish.shared / "documents" / "truth" / f"{doc_id}.json").read_text(encoding="utf-8"))
        own = [
            piece_on_page(piece, page.straight, width_px=page.width_px, height_px=page.height_px)
            for page in pages
            for piece in cut(page, doc_id=doc_id, salt=b"forms")
        ]
        truth |= truth_for_pieces(own, told)
        pieces += own
    decisions = decide_unseen(pieces, POLICIES["agreement"])
    asked = [piece for piece in pieces if not isinstance(decisions[piece.piece_id], AcceptUnseen)]
    all_s = sum(key_s(len(truth[piece.piece_id])) for piece in asked)
    print(f"{len(found)} documents, {len(pieces)} pieces, {len(asked)} asked, all keyed in {all_s:.0f} s of people")

    words = [
        piece
        for piece in asked
        if not any(sign.isdigit() for sign in "".join(r.text for r in piece.readings))
        and len({core(r.text) for r in piece.readings if r.text.strip()}) == 2
    ]
    right = sum(core(truth[piece.piece_id]) in {core(r.text) for r in piece.readings} for piece in words)
    chars = sum(len(truth[piece.piece_id]) for piece in words)
    keying = sum(key_s(len(truth[piece.piece_id])) for piece in words)
    # two people choose; where neither is right they say so and it is keyed blind by two who agree
    neither = [piece for piece in words if core(truth[piece.piece_id]) not in {core(r.text) for r in piece.readings}]
    choosing = 2 * CHOOSE_S * len(words) + sum(key_s(len(truth[piece.piece_id]), 2.1) for piece in neither)
    one = CHOOSE_S * len(words) + sum(key_s(len(truth[piece.piece_id]), 2.1) for piece in neither)
    print(
        f"choose a reading: {len(words)} words on which two readings differ ({len(words) / len(asked):.1%} of asked), "
        f"{chars / max(1, len(words)):.1f} characters, one of the two right in {right / max(1, len(words)):.1%}; "
        f"keying {keying:.0f} s, choosing by two {choosing:.0f} s, by one alone {one:.0f} s"
    )

    cells = [piece for piece in asked if piece.table is not None]
    bare = [piece for piece in cells if truth[piece.piece_id].strip() in ("", "-", "–")]
    print(
        f"cell kind: {len(cells)} cells asked, {len(bare)} of them empty or a dash; keyed at once "
        f"{sum(key_s(len(truth[piece.piece_id])) for piece in cells):.0f} s, kind by two first "
        f"{2 * CELL_S * len(cells) + sum(key_s(len(truth[p.piece_id])) for p in cells if p not in bare):.0f} s"
    )

    believed = [piece for piece in pieces if isinstance(decisions[piece.piece_id], AcceptUnseen)]
    texts = Counter(core(getattr(decisions[piece.piece_id], "text", "")) for piece in believed)
    grids = {text: count for text, count in texts.items() if text and count >= GRID_PIECES}
    in_grids = sum(count // GRID_PIECES * GRID_PIECES for count in grids.values())
    wrong = sum(
        core(truth[piece.piece_id]) != core(getattr(decisions[piece.piece_id], "text", ""))
        for piece in believed
        if core(getattr(decisions[piece.piece_id], "text", "")) in grids
    )
    print(
        f"odd one out: {len(believed)} pieces believed unseen, {in_grids} ({in_grids / len(believed):.1%}) fill sheets "
        f"of {GRID_PIECES} that read alike ({len(grids)} texts: {', '.join(sorted(grids)[:8])}); {wrong} of them wrong"
        f"; {(GRID_LOOK_S + GRID_PIECE_S * GRID_PIECES) * 2 * in_grids / GRID_PIECES:.0f} s by two people each"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
