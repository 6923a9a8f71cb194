"""Lines and words as files want them: only signs that a file may hold, every word with its own box.

Rules kept here
- A word's box lies inside the box of the piece it was read from, so a total stands over its own ink and not in the
  middle between label and amount.
- A word lies inside its line, and a line inside its page, whatever the boxes of a record say.
- Words follow one another in the direction of the writing: also on a page that lies on its side or upside down, and
  from the right in scripts that are written so.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from ..model import Box, DocumentRecord, Line, PageImage, PieceRecord


class Word(NamedTuple):
    """One word without blanks, and where it stands."""

    text: str
    box: Box


class WrittenLine(NamedTuple):
    """A line with at least one word; ``box`` lies on the page, the words' boxes in ``box``.

    right_to_left  its first sign with a direction is of a script that is written so
    """

    line: Line
    box: Box
    words: tuple[Word, ...]
    right_to_left: bool


def writable(text: str) -> str:
    """The text without the signs that XML 1.0, HTML and PDF text forbid: controls, half pairs, no-characters.

    >>> writable("Total\\x00 5\\ufffe"), writable("a\\tb")
    ('Total 5', 'a\\tb')
    """
    return "".join(sign for sign in text if not _forbidden(sign))


def right_to_left(text: str) -> bool:
    """Whether the first sign that has a direction is of a script written from right to left.

    source  Unicode Standard Annex 9, rules P2 and P3
    """
    for sign in text:
        direction = unicodedata.bidirectional(sign)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def written_lines(record: DocumentRecord) -> list[WrittenLine]:
    """The record's lines in its order, those without a writable word left out."""
    pages = {page.page_no: page for page in record.pages}
    pieces = {one.piece.piece_id: one for one in record.decisions}
    return [
        written
        for line in record.lines
        if line.page_no in pages and (written := _written(line, pages[line.page_no], pieces))
    ]


def _written(line: Line, page: PageImage, pieces: Mapping[str, PieceRecord]) -> WrittenLine | None:
    box = _inside(line.box, Box(0, 0, max(1, page.width_px), max(1, page.height_px)))
    words = [
        Word(text, _inside(place, box))
        for part, part_box in _parts(line, pieces)
        for text, place in word_boxes(part, part_box, turned=page.turned)
    ]
    return WrittenLine(line, box, tuple(words), right_to_left(line.text)) if words else None


def _parts(line: Line, pieces: Mapping[str, PieceRecord]) -> list[tuple[str, Box]]:
    """The line's texts with the boxes of their pieces; the whole line where the pieces do not make it up."""
    known = [pieces[one] for one in line.pieces if one in pieces]
    parts = [(one.decision.text, one.piece.box) for one in known]
    if len(known) == len(line.pieces) and " ".join(text for text, _ in parts) == line.text:
        return parts
    return [(line.text, line.box)]


def word_boxes(text: str, box: Box, *, turned: int = 0) -> list[tuple[str, Box]]:
    """Each writable word with its share of the box, the length of the writing shared out by signs.

    turned  how the writing lies, in quarter turns clockwise

    >>> word_boxes("AB CDEF", Box(0, 0, 90, 10))
    [('AB', Box(x0=0, y0=0, x1=25, y1=10)), ('CDEF', Box(x0=38, y0=0, x1=90, y1=10))]
    >>> word_boxes("AB CDEF", Box(0, 0, 10, 90), turned=3)
    [('AB', Box(x0=0, y0=65, x1=10, y1=90)), ('CDEF', Box(x0=0, y0=0, x1=10, y1=52))]
    """
    words = [word for part in text.split() if (word := writable(part))]
    total = max(1, len(" ".join(words)))
    length = box.height_px if turned % 2 else box.width_px
    from_end = right_to_left(text)
    out, at = [], 0
    for word in words:
        start, end = length * at // total, length * (at + len(word)) // total
        if from_end:
            start, end = length - end, length - start
        out.append((word, _share(box, turned, start, max(start + 1, end))))
        at += len(word) + 1
    return out


def _share(box: Box, turned: int, start_px: int, end_px: int) -> Box:
    """The part of a box between two distances from where its writing begins."""
    match turned:
        case 1:
            return Box(box.x0, box.y0 + start_px, box.x1, box.y0 + end_px)
        case 2:
            return Box(box.x1 - end_px, box.y0, box.x1 - start_px, box.y1)
        case 3:
            return Box(box.x0, box.y1 - end_px, box.x1, box.y1 - start_px)
        case _:
            return Box(box.x0 + start_px, box.y0, box.x0 + end_px, box.y1)


def _inside(box: Box, frame: Box) -> Box:
    """The box moved and cut so that it lies in the frame and is at least a pixel wide and high."""
    x0 = min(max(box.x0, frame.x0), frame.x1 - 1)
    y0 = min(max(box.y0, frame.y0), frame.y1 - 1)
    return Box(x0, y0, max(x0 + 1, min(box.x1, frame.x1)), max(y0 + 1, min(box.y1, frame.y1)))


def _forbidden(sign: str) -> bool:
    code = ord(sign)
    control = (code < 0x20 and sign not in "\t\n\r") or 0x7F <= code < 0xA0
    no_character = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    return control or no_character or 0xD800 <= code <= 0xDFFF
