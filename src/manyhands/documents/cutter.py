"""Cuts a page into pieces and draws what a worker sees of one: its own ink and nothing else.

Rules kept here
- A piece is one spot: a part of a text line or of a table cell, at most about forty characters.
- The drawing holds no other known text: every other box that reaches into it is painted over with the paper's grey.
- What people could not read and goes on beyond its cutting is drawn once more, with a quarter of a line's height more
  of its surroundings: enough for the ends of its letters, not for a neighbour's text.
- The drawing holds no coordinates, no page number and no metadata: grey pixels of a standard text height.
- Deciding what to cut is pure; ``render_cuttings`` decodes and encodes pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

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


def render_again(
    page_image: bytes, pieces: Sequence[Piece], wanted: Collection[str], *, straight: Straight | None = None
) -> dict[str, bytes]:
    """Cuttings of pieces that people could not read, with more room around, by their ids.

    pieces   all of the page; wanted  ids of those that could not be read
    returns  those alone whose letters go on beyond their first cutting: the others would look as they did
    raises   UnreadableImage
    """
    grey = laid_straight(page_grey(page_image), straight)
    boxes = [p.box for p in pieces]
    line_px = line_height_px([p.box for p in pieces if not p.empty])
    return {
        p.piece_id: _drawn(grey, p.box, boxes, line_px, room=_AGAIN)
        for p in pieces
        if p.piece_id in wanted and _is_cut_off(grey, p.box, boxes, line_px)
    }


_BETWEEN_PX = 18


def one_under_another(cuttings: Sequence[bytes]) -> bytes:
    """Cuttings in one picture, each with its number from 1 before it, as a grey PNG.

    raises  UnreadableImage
    """
    parts = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_GRAYSCALE) for one in cuttings]
    if any(part is None for part in parts):
        raise UnreadableImage(what="a cutting")
    known = [np.asarray(part, np.uint8) for part in parts if part is not None]
    tag_px = min(part.shape[0] for part in known) * 4 // 5  # as large as the letters, so that a telephone shows it
    left = tag_px * 3 // 2
    width = left + max(part.shape[1] for part in known)
    shown = np.full((sum(part.shape[0] + _BETWEEN_PX for part in known), width), 255, np.uint8)
    at = _BETWEEN_PX // 2
    for number, part in enumerate(known, start=1):
        height = part.shape[0]
        shown[at : at + height, left : left + part.shape[1]] = part
        tag = at + (height - tag_px) // 2
        cv2.rectangle(shown, (0, tag), (tag_px, tag + tag_px), 0, -1)
        scale, weight = tag_px / 40, max(1, tag_px // 16)
        (wide, high), _ = cv2.getTextSize(str(number), cv2.FONT_HERSHEY_SIMPLEX, scale, weight)
        place = ((tag_px - wide) // 2, tag + (tag_px + high) // 2)
        cv2.putText(shown, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, weight, cv2.LINE_AA)
        at += height + _BETWEEN_PX
    done, encoded = cv2.imencode(".png", shown, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise UnreadableImage(what="cuttings")
    return encoded.tobytes()


class _Room(NamedTuple):
    """Room around a piece, thousandths of its height: what is shown, and what of it is shown though it is another's."""

    pad_permille: int
    spared_permille: int


_FIRST, _AGAIN = _Room(_PAD_PERMILLE, 0), _Room(400, 250)
_INK_BELOW_PAPER = 64
_CUT_OFF_PX = 12
"""Ink of one letter beyond the cutting that is more than the blur of its edge."""


def _is_cut_off(grey: Grey, box: Box, all_boxes: Sequence[Box], line_px: int) -> bool:
    """Whether a mark that the first cutting shows goes on where it does not, and the second shows it."""
    frame, hidden, _ = _framed(grey, box, all_boxes, line_px, _AGAIN)
    first_frame, first_hidden, _ = _framed(grey, box, all_boxes, line_px, _FIRST)
    part = grey[frame.y0 : frame.y1, frame.x0 : frame.x1]
    if not part.size:
        return False
    was_shown = np.zeros(part.shape, np.bool_)
    y0, x0 = first_frame.y0 - frame.y0, first_frame.x0 - frame.x0
    was_shown[y0 : y0 + first_hidden.shape[0], x0 : x0 + first_hidden.shape[1]] = ~first_hidden
    ink = (part < int(np.percentile(part, 85)) - _INK_BELOW_PAPER) & (was_shown | ~hidden)
    _, marks = cv2.connectedComponents(ink.astype(np.uint8), connectivity=8)
    begun = np.unique(marks[was_shown & ink])
    beyond = np.isin(marks, begun[begun > 0]) & ink & ~was_shown
    return int(beyond.sum()) >= _CUT_OFF_PX


def _framed(
    grey: Grey, box: Box, all_boxes: Sequence[Box], line_px: int, room: _Room
) -> tuple[Box, np.ndarray[tuple[int, ...], np.dtype[np.bool_]], Box]:
    """(what is drawn of the page, what of that is painted over, the piece at its line's height)"""
    height, width = grey.shape
    # A lone dash has a flat box: it is shown at its line's height, or nobody could tell it from a rule.
    short = max(0, line_px * 6 // 10 - box.height_px)
    own = Box(box.x0, max(0, box.y0 - short // 2), box.x1, min(height, box.y1 + (short + 1) // 2))
    frame = own.padded(max(2, own.height_px * room.pad_permille // 1000), width_px=width, height_px=height)
    hidden = np.zeros((frame.height_px, frame.width_px), np.bool_)
    for other in all_boxes:
        shared = other.shared(frame)
        if other != box and shared.area_px:
            hidden[shared.y0 - frame.y0 : shared.y1 - frame.y0, shared.x0 - frame.x0 : shared.x1 - frame.x0] = True
    spared = box.padded(own.height_px * room.spared_permille // 1000, width_px=width, height_px=height)
    hidden[max(0, spared.y0 - frame.y0) : spared.y1 - frame.y0, max(0, spared.x0 - frame.x0) : spared.x1 - frame.x0] = (
        False
    )
    return frame, hidden, own


def _drawn(grey: Grey, box: Box, all_boxes: Sequence[Box], line_px: int, *, room: _Room = _FIRST) -> bytes:
    frame, hidden, own = _framed(grey, box, all_boxes, line_px, room)
    part = grey[frame.y0 : frame.y1, frame.x0 : frame.x1].copy()
    paper = int(np.percentile(part, 85)) if part.size else 255
    part[hidden] = paper
    scale = min(CUTTING_LINE_PX / max(1, own.height_px), 6.0, CUTTING_MAX_WIDTH_PX / max(1, part.shape[1]))
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    shown = cv2.resize(part, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    shown = (shown // 17) * 17  # sixteen greys read as well as 256 and a noisy scan travels in a third of the bytes
    done, encoded = cv2.imencode(".png", shown, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise UnreadableImage(what="a cutting")
    return encoded.tobytes()
