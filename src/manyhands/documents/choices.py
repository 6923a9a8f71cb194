"""Which places of a document may hold a field, what people see of them, and the value once they have chosen.

Rules kept here
- The machine proposes, people choose: a kind's rules name the candidates and one hidden suggestion, nothing more.
- Places that write the same value are one candidate: whoever taps the sum or the amount paid has said the same.
- Shown are the candidates and what stands in their rows (a label is worth nothing without its value), all else is
  painted over. A picture shows one page.
- A value is copied from the chosen pieces, never composed.

A field is settled in two steps: people tap its place, then the text of the chosen pieces is keyed where no rule
believes it unseen. Nothing else of the page is keyed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import cv2
import msgspec
import numpy as np

from .assemble import lines_of
from .cutter import page_grey
from .errors import UnreadableImage
from .fields import FieldSpec, KindSpec, Row, candidates_for, formed, rows_of
from .model import Box, Choice, Decision, Line, PageRecord, Piece, PieceRecord, Straight
from .straighten import laid_straight
from .values import find_dates

NONE_OF_THESE = "none of these"
"""The answer of people who see the field nowhere among the places."""

NEITHER_OF_THESE = "neither of these"
"""The answer of people who see none of the readings that are put side by side."""

PLACES_MOST = 6
"""Candidates of a value that stands in one place: as many as can be told apart by number at one look."""
HEAD_ROWS = 12
"""Rows at the head of a page among which a name or an address is looked for."""
_TEXT_FINDERS = ("letterhead", "address", "party", "party_address")
_BY_LINE = ("party", "party_address")  # an invoice's head has columns: a row there is two parties' text


def read_best(pieces: Iterable[Piece], page: PageRecord) -> PageRecord:
    """The page as the first reader has it: what candidates are looked for in, before anybody has decided anything."""
    decided = tuple(
        PieceRecord(piece, Decision("open", next((r.text for r in piece.readings if r.text), ""), "not decided yet"))
        for piece in pieces
    )
    return msgspec.structs.replace(page, pieces=decided)


def choices_of(
    spec: KindSpec, pages: Sequence[PageRecord], *, fields: Sequence[str] = (), every_row: bool = False
) -> list[Choice]:
    """The choices to be put to people for one document.

    pages      its pages as read, see `read_best`
    fields     names of the fields wanted; empty = all of the kind
    every_row  whether a name and an address are also looked for in rows that the kind's own words name as something
               else: when people found none of the others
    returns    one for every field with a candidate, in the kind's order
    """
    lines = [line for page in sorted(pages, key=lambda p: p.page.page_no) for line in lines_of(page)]
    strange = (lambda _: False) if every_row else _something_else(spec)
    found = (_choice(field, lines, strange) for field in spec.fields if not fields or field.name in fields)
    return [choice for choice in found if choice is not None]


_PRICE = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,' ]\d{3})*[.,]\d{2}(?![\d.,%])")


def _something_else(spec: KindSpec) -> Callable[[Row], bool]:
    """Whether a row at the head of a page is neither a name nor an address, by what a kind says of both.

    A price or a date is no part of either. A row is something else where the kind's words for what is no name (`skip`)
    and for where an address ends (`stops`) both meet it, and none of those that begin an address.
    """
    own = [field for field in spec.fields if field.find in ("letterhead", "address")]
    words = [one for field in own if (one := field.skip if field.find == "letterhead" else field.stops)]
    starts = [field.starts for field in own if field.starts]

    def strange(row: Row) -> bool:
        text = row.text
        if any(re.search(one, text) for one in starts):
            return False
        if _PRICE.search(text) or find_dates(text):
            return True
        return bool(words) and all(re.search(one, text) for one in words)

    return strange


def _choice(field: FieldSpec, lines: Sequence[Line], strange: Callable[[Row], bool]) -> Choice | None:
    candidates = candidates_for(field, lines)
    best = candidates[0] if candidates else None
    rows = rows_of(lines)
    if field.find in _TEXT_FINDERS:
        page_no = best.lines[0].page_no if best else 1
        own = [row for row in rows if row.page_no == page_no]
        suggested = set(best.lines) if best else set()
        places = _text_places(field, own, [c.lines for c in candidates], suggested, strange)
    elif best is None:
        page_no = rows[0].page_no if rows else 1
        own = [row for row in rows if row.page_no == page_no]
        places, suggested = _hopeful_places(field, own), set()
    else:
        page_no = best.lines[0].page_no
        own = [row for row in rows if row.page_no == page_no]
        firsts: dict[str, tuple[Line, ...]] = {}
        for candidate in candidates:
            if candidate.lines[0].page_no == page_no:
                firsts.setdefault(formed(field, candidate.raw), candidate.lines)
        places = sorted(list(firsts.values())[:PLACES_MOST], key=lambda some: (some[0].box.y0, some[0].box.x0))
        suggested = set(best.lines)
    if not places:
        return None
    numbers = tuple(n for n, place in enumerate(places, start=1) if suggested & set(place))
    wanted = {line for place in places for line in place}
    beside = [line for row in own if wanted & set(row.lines) for line in row.lines]
    return Choice(
        field=field.name,
        page_no=page_no,
        places=tuple(tuple(i for line in place for i in line.pieces) for place in places),
        suggested=numbers,
        shown=tuple(dict.fromkeys(i for line in beside for i in line.pieces)),
        # the rules prefer a legal form to what stands first: whoever was not told which counts may take the first
        two_views=field.find == "letterhead" and bool(numbers) and numbers[0] > 1,
    )


TOGETHER_MOST = 20
"""Places that one picture numbers at most, where two fields are asked in it."""
_UNIT_OF = {"letterhead": "row", "address": "row", "party": "line", "party_address": "line"}
"""Finder -> what a place of it is: two fields can share a picture where their places are of one kind."""


def put_together(spec: KindSpec, choices: Sequence[Choice], pages: Sequence[PageRecord]) -> list[tuple[Choice, ...]]:
    """The choices in groups that one picture holds: fields looked for among mostly the same lines of one page.

    choices  of one document
    returns  every choice once, in the order given; those of a group have the same places, numbered alike

    Who is asked for a company's name sees the lines of its address, and the other way round: asked together they are
    shown to one person instead of two, and no line more than before.
    """
    order = {one.piece.piece_id: (page.page.page_no, one.piece.order) for page in pages for one in page.pieces}
    unit = {field.name: _UNIT_OF.get(field.find) for field in spec.fields}
    groups: list[list[Choice]] = []
    for choice in choices:
        for group in groups:
            first = group[0]
            alike = unit.get(choice.field) is not None and unit.get(choice.field) == unit.get(first.field)
            if not alike or choice.page_no != first.page_no or len(group) > 1:
                continue
            both = {*first.places, *choice.places}
            pieces = [piece for place in both for piece in place]
            mostly = 2 * len({*first.places} & {*choice.places}) >= len(both)
            if mostly and len(both) <= TOGETHER_MOST and len(set(pieces)) == len(pieces):
                places = tuple(sorted(both, key=lambda place: min(order[piece] for piece in place)))
                group[:] = [_among_places(one, places, first, choice) for one in (first, choice)]
                break
        else:
            groups.append([choice])
    return [tuple(group) for group in groups]


def _among_places(own: Choice, places: tuple[tuple[str, ...], ...], *both: Choice) -> Choice:
    """A choice among the places of several, with its own suggestion."""
    wanted = {own.places[number - 1] for number in own.suggested}
    return msgspec.structs.replace(
        own,
        places=places,
        suggested=tuple(n for n, place in enumerate(places, start=1) if place in wanted),
        shown=tuple(dict.fromkeys(piece for one in both for piece in one.shown)),
    )


_DIGITS_LEAST = {"date": 4, "amount": 2, "code": 2}


def _hopeful_places(field: FieldSpec, rows: Sequence[Row]) -> list[tuple[Line, ...]]:
    """Where a value may stand that no rule can read yet (a reader broke a date in two): beside a label of the field
    first, then wherever enough digits stand, in the order of the page."""
    least = _DIGITS_LEAST.get(field.type)
    if least is None:
        return []
    fit = [(row, line) for row in rows for line in row.lines if sum(c.isdigit() for c in line.text) >= least]
    labelled = [line for row, line in fit if any(one.say and re.search(one.say, row.text) for one in field.labels)]
    likeliest = [*labelled, *(line for _, line in fit if line not in labelled)][:PLACES_MOST]
    return [(line,) for _, line in fit if line in likeliest]


def _text_places(
    field: FieldSpec,
    rows: Sequence[Row],
    candidates: Sequence[tuple[Line, ...]],
    suggested: set[Line],
    strange: Callable[[Row], bool],
) -> list[tuple[Line, ...]]:
    """Rows (or lines) at the head of the page, and wherever else the rules would look."""
    said = [row for row in rows if sum(c.isalpha() for c in row.text) >= 2 or suggested & set(row.lines)]
    if field.find in _BY_LINE:
        units: list[tuple[Line, ...]] = [(line,) for row in said for line in row.lines]
        head = units[:HEAD_ROWS]
        likely = {line for some in candidates[:PLACES_MOST] for line in some} | suggested
        near = _with_neighbours(units, likely) if field.find == "party_address" else likely
        return [unit for unit in units if unit in head or set(unit) & near][: HEAD_ROWS + PLACES_MOST]
    last = max((i for i, row in enumerate(said) if suggested & set(row.lines)), default=0)
    at_head = said[: max(HEAD_ROWS, last + 2)][: HEAD_ROWS + PLACES_MOST]
    kept = [row for row in at_head if suggested & set(row.lines) or not strange(row)]
    return [row.lines for row in kept or at_head]


def _with_neighbours(units: Sequence[tuple[Line, ...]], likely: set[Line]) -> set[Line]:
    places = [i for i, unit in enumerate(units) if set(unit) & likely]
    return {line for i in places for unit in units[max(0, i - 1) : i + 2] for line in unit} | likely


def suggestion(choice: Choice) -> str:
    """The rules' own answer, in the form in which people answer; "" where they find nothing."""
    return " ".join(str(n) for n in choice.suggested)


def word_of_rules(choice: Choice) -> str:
    """What the rules' answer counts for beside people's: nothing where a page can be seen in two ways.

    One person who agrees with the rules settles a field. Where another name stands above the one that they prefer, a
    person who was not told which counts agrees with them by chance, and half of such answers would be believed.
    """
    return "" if choice.two_views else suggestion(choice)


def pieces_chosen(choice: Choice, answer: str | None) -> tuple[str, ...]:
    """The pieces that an answer names. answer: numbers joined by blanks; anything else names none."""
    numbers = [int(n) for n in (answer or "").split() if n.isdecimal()]
    return tuple(i for n in numbers if 1 <= n <= len(choice.places) for i in choice.places[n - 1])


# ---------------------------------------------------------------- what people see

_TAG_PX = 34
_LINE_PX = 30
_WIDTH_MOST_PX = 1_300
_INK, _PAPER = 0, 255


def draw_choice(
    page_image: bytes, choice: Choice, pieces: Mapping[str, Piece], *, straight: Straight | None = None
) -> bytes:
    """The numbered places of a choice, everything else painted over, as a grey PNG.

    pieces  all pieces of the page by id, boxes on the page as laid straight
    raises  UnreadableImage
    """
    grey = laid_straight(page_grey(page_image), straight)
    height, width = grey.shape
    visible = [pieces[i].box for i in choice.shown if i in pieces]
    line_px = int(np.median([box.height_px for box in visible]))
    pad = max(2, line_px // 6)
    around = visible[0]
    for box in visible[1:]:
        around = around.union(box)
    frame = around.padded(3 * pad, width_px=width, height_px=height)
    part = np.full((frame.height_px, frame.width_px), _PAPER, np.uint8)
    for box in visible:
        own = box.padded(pad, width_px=width, height_px=height)
        part[own.y0 - frame.y0 : own.y1 - frame.y0, own.x0 - frame.x0 : own.x1 - frame.x0] = grey[
            own.y0 : own.y1, own.x0 : own.x1
        ]
    hidden = [piece.box for key, piece in pieces.items() if key not in choice.shown]
    for box in hidden:
        shared = box.shared(frame)
        if shared.area_px and not any(box.shared(own).area_px * 2 > box.area_px for own in visible):
            part[shared.y0 - frame.y0 : shared.y1 - frame.y0, shared.x0 - frame.x0 : shared.x1 - frame.x0] = _PAPER
    scale = min(max(0.4, _LINE_PX / max(1, line_px)), _WIDTH_MOST_PX / max(1, part.shape[1]))
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.uint8)
    margin = 2 * _TAG_PX
    shown = np.full((max(size[1], _TAG_PX) + 8, size[0] + margin), _PAPER, np.uint8)
    shown[4 : 4 + size[1], margin:] = part
    _number(shown, choice, pieces, frame, scale, margin)
    shown = np.asarray((shown // 17) * 17, np.uint8)
    done, encoded = cv2.imencode(".png", shown, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise UnreadableImage(what="a choice")
    return encoded.tobytes()


def _number(
    shown: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    choice: Choice,
    pieces: Mapping[str, Piece],
    frame: Box,
    scale: float,
    margin: int,
) -> None:
    """Frames every place and writes its number: in the margin, or before it where another stands in the same row."""
    boxes = [[pieces[i].box for i in place if i in pieces] for place in choice.places]
    for number, own in enumerate(boxes, start=1):
        if not own:
            continue
        box = own[0]
        for other in own[1:]:
            box = box.union(other)
        x0, x1 = (round((x - frame.x0) * scale) + margin for x in (box.x0, box.x1))
        y0, y1 = (round((y - frame.y0) * scale) + 4 for y in (box.y0, box.y1))
        cv2.rectangle(shown, (max(0, x0 - 4), max(0, y0 - 3)), (x1 + 3, y1 + 3), 102, 1)
        others = [b for n, some in enumerate(boxes, start=1) if n != number for b in some]
        first = not any(b.x0 < box.x0 and min(b.y1, box.y1) - max(b.y0, box.y0) > 0.5 * b.height_px for b in others)
        at_x = 0 if first else max(0, x0 - _TAG_PX - 6)
        at_y = min(max(0, (y0 + y1) // 2 - _TAG_PX // 2 + 2), shown.shape[0] - _TAG_PX)
        cv2.rectangle(shown, (at_x, at_y), (at_x + _TAG_PX, at_y + _TAG_PX - 4), _INK, -1)
        said = str(number)
        offset = 10 if len(said) == 1 else 3
        cv2.putText(
            shown, said, (at_x + offset, at_y + _TAG_PX - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.75, _PAPER, 2, cv2.LINE_AA
        )
