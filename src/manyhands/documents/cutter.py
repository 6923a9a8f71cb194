"""Cuts a page into pieces and draws what a worker sees of one: its own ink and nothing else.

Rules kept here
- A piece is one spot: a part of a text line or of a table cell, at most about forty characters.
- The drawing holds no other known text: every other box that reaches into it is painted over with the paper's grey.
- The drawing holds no coordinates, no page number and no metadata: grey pixels of a standard text height.
- Deciding what to cut is pure; ``render_cuttings`` decodes and encodes pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .errors import UnreadableImage
from .layout import Grey, line_height_px
from .model import Box, PageReadings, Piece, Straight, piece_id_of
from .straighten import laid_straight
from .text import field_type_of

CUTTING_LINE_PX = 80
"""Height to which a line's box is brought: its letters are then 48 to 64 pixels high."""
CUTTING_MAX_WIDTH_PX = 1_400
_PAD_PERMILLE = 150


def cut(page: PageReadings, *, doc_id: str, salt: bytes = b"") -> list[Piece]:
    """The pieces of a page in reading order.

    doc_id  makes the ids differ between documents
    salt    the job's secret, so that an id cannot be guessed from a place
    """
    pieces = []
    for order, spot in enumerate(page.spots):
        best = next((r.text for r in spot.readings if r.text), "")
        pieces.append(
            Piece(
                piece_id=piece_id_of(doc_id, page.page_no, spot.box, salt=salt),
                page_no=page.page_no,
                box=spot.box,
                order=order,
                row=spot.row,
                col=spot.col,
                row_end=spot.row_end,
                col_end=spot.col_end,
                table=spot.table_no,
                field_type=field_type_of(best) if best or spot.row is None else "cell",
                line_group=spot.line_group,
                readings=spot.readings,
                empty=spot.empty,
                glyphs=spot.glyphs,
            )
        )
    return pieces


def render_cutting(
    page_image: bytes, piece: Piece, all_boxes: Sequence[Box], *, straight: Straight | None = None
) -> bytes:
    """One piece as a grey PNG.

    page_image  the imported page (PNG)
    all_boxes   every known box of the page; those other than the piece's own are painted over
    straight    how the page was laid straight before it was cut
    raises      UnreadableImage
    """
    return _drawn(laid_straight(page_grey(page_image), straight), piece.box, all_boxes, line_height_px(all_boxes))


def render_cuttings(
    page_image: bytes, pieces: Sequence[Piece], *, straight: Straight | None = None
) -> dict[str, bytes]:
    """All pieces of one page by their ids, the page decoded once.

    straight  how the page was laid straight before it was cut
    raises    UnreadableImage
    """
    grey = laid_straight(page_grey(page_image), straight)
    boxes = [p.box for p in pieces]
    line_px = line_height_px([p.box for p in pieces if not p.empty])
    return {p.piece_id: _drawn(grey, p.box, boxes, line_px) for p in pieces}


def page_grey(page_image: bytes) -> Grey:
    """A page's grey pixels. raises UnreadableImage"""
    grey = cv2.imdecode(np.frombuffer(page_image, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise UnreadableImage(what=f"a page of {len(page_image)} bytes")
    return np.asarray(grey, dtype=np.uint8)


def _drawn(grey: Grey, box: Box, all_boxes: Sequence[Box], line_px: int) -> bytes:
    height, width = grey.shape
    # A lone dash has a flat box: it is shown at its line's height, or nobody could tell it from a rule.
    short = max(0, line_px * 6 // 10 - box.height_px)
    own = Box(box.x0, max(0, box.y0 - short // 2), box.x1, min(height, box.y1 + (short + 1) // 2))
    frame = own.padded(max(2, own.height_px * _PAD_PERMILLE // 1000), width_px=width, height_px=height)
    part = grey[frame.y0 : frame.y1, frame.x0 : frame.x1].copy()
    paper = int(np.percentile(part, 85)) if part.size else 255
    hidden = np.zeros(part.shape, np.bool_)
    for other in all_boxes:
        shared = other.shared(frame)
        if other != box and shared.area_px:
            hidden[shared.y0 - frame.y0 : shared.y1 - frame.y0, shared.x0 - frame.x0 : shared.x1 - frame.x0] = True
    hidden[box.y0 - frame.y0 : box.y1 - frame.y0, box.x0 - frame.x0 : box.x1 - frame.x0] = False
    part[hidden] = paper
    scale = min(CUTTING_LINE_PX / max(1, own.height_px), 6.0, CUTTING_MAX_WIDTH_PX / max(1, part.shape[1]))
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    shown = cv2.resize(part, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    shown = (shown // 17) * 17  # sixteen greys read as well as 256 and a noisy scan travels in a third of the bytes
    done, encoded = cv2.imencode(".png", shown, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise UnreadableImage(what="a cutting")
    return encoded.tobytes()
