"""What a document is made of, from page image to finished record: plain frozen values that msgspec turns into JSON.

Rules kept here
- Every box is in pixels of the imported page image, origin at the top left, right and lower edge exclusive.
- Every share is in basis points (10_000 = all), never a float, so a record hashes the same on every machine.
- A record holds everything that was known when it was decided (readers' texts, people's verdicts, the rule that
  decided, where the proof stands), so that assembling is a pure function of it and can be repeated by an auditor.
- A piece's id says nothing about its page or place; those stay in the record, which a worker never gets.

>>> import msgspec
>>> piece = Piece(piece_id="a1", page_no=1, box=Box(10, 20, 90, 44), order=0)
>>> msgspec.json.decode(msgspec.json.encode(piece), type=Piece) == piece
True
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

Kind = str
"""Name of a kind of document: ``receipt``, ``invoice``, ``table`` or one that a requester has described."""

How = Literal["machine", "people", "blank", "unreadable", "open"]
"""How a piece's text came to be believed. ``open`` = nobody has said anything yet."""


class Box(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A rectangle in page pixels; ``x1`` and ``y1`` are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width_px(self) -> int:
        """Width in pixels, never negative."""
        return max(0, self.x1 - self.x0)

    @property
    def height_px(self) -> int:
        """Height in pixels, never negative."""
        return max(0, self.y1 - self.y0)

    @property
    def area_px(self) -> int:
        """Area in square pixels."""
        return self.width_px * self.height_px

    @property
    def centre_y2(self) -> int:
        """Twice the vertical centre, so that it stays a whole number."""
        return self.y0 + self.y1

    @property
    def centre_x2(self) -> int:
        """Twice the horizontal centre, so that it stays a whole number."""
        return self.x0 + self.x1

    def union(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))

    def shared(self, other: Box) -> Box:
        """The part both have; its area is 0 when they do not meet."""
        return Box(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))

    def padded(self, pad_px: int, *, width_px: int, height_px: int) -> Box:
        """Grown by ``pad_px`` on every side, kept inside a page of the given size."""
        return Box(
            max(0, self.x0 - pad_px),
            max(0, self.y0 - pad_px),
            min(width_px, self.x1 + pad_px),
            min(height_px, self.y1 + pad_px),
        )


class Straight(msgspec.Struct, frozen=True):
    """How a page was laid straight before it was cut, as whole numbers, so that it can be undone anywhere.

    width_px, height_px  of the page laid straight
    corners              where its corners lie on the page as it was handed in, clockwise from the top left
    parts_per_px         unit of the corners: 100 = hundredths of a pixel
    """

    width_px: int
    height_px: int
    corners: tuple[tuple[int, int], ...]
    parts_per_px: int = 100

    @property
    def turned(self) -> int:
        """How the writing lies on the page as it was handed in, in quarter turns clockwise, 0..3.

        >>> Straight(200, 100, ((100, 0), (100, 200), (0, 200), (0, 0)), 1).turned
        1
        """
        (x0, y0), (x1, y1) = self.corners[:2]
        across, down = x1 - x0, y1 - y0
        if abs(across) >= abs(down):
            return 0 if across > 0 else 2
        return 1 if down > 0 else 3

    def on_page(self, box: Box, *, width_px: int, height_px: int) -> Box:
        """The box around a place of the straight page, on the page as it was handed in, kept inside its size.

        source  Heckbert (1989), "Fundamentals of Texture Mapping", 2.2.3: unit square to quadrilateral

        >>> lying = Straight(200, 100, ((100, 0), (100, 200), (0, 200), (0, 0)), 1)
        >>> lying.on_page(Box(10, 20, 30, 40), width_px=100, height_px=200)
        Box(x0=60, y0=10, x1=80, y1=30)
        """
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = self.corners
        ax, ay, bx, by = x1 - x2, y1 - y2, x3 - x2, y3 - y2
        sx, sy = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
        area = ax * by - bx * ay
        g, h = (sx * by - bx * sy) / area, (ax * sy - sx * ay) / area
        xs, ys = [], []
        for px, py in ((box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)):
            u, v = px / self.width_px, py / self.height_px
            w = (g * u + h * v + 1) * self.parts_per_px
            xs.append(((x1 - x0 + g * x1) * u + (x3 - x0 + h * x3) * v + x0) / w)
            ys.append(((y1 - y0 + g * y1) * u + (y3 - y0 + h * y3) * v + y0) / w)
        left, top = min(max(0, round(min(xs))), width_px - 1), min(max(0, round(min(ys))), height_px - 1)
        return Box(
            left,
            top,
            max(left + 1, min(width_px, round(max(xs)))),
            max(top + 1, min(height_px, round(max(ys)))),
        )


class PageImage(msgspec.Struct, frozen=True):
    """Where a page's pixels are kept and how large they are; the bytes themselves live in a blob store."""

    page_no: int
    width_px: int
    height_px: int
    image: str = ""
    """Name or digest under which the re-encoded page is stored."""
    media_type: str = "image/png"
    turned: int = 0
    """How the writing lies on it, in quarter turns clockwise: 0 runs right, 1 down, 2 left (upside down), 3 up."""


class Reading(msgspec.Struct, frozen=True):
    """What one reader saw at one place.

    confidence_bp  the reader's own claim, mean over characters; not a calibrated chance
    weakest_bp     the same for its least certain character
    """

    reader: str
    text: str
    confidence_bp: int
    box: Box
    weakest_bp: int = 0


class TableCell(msgspec.Struct, frozen=True):
    """A cell of a ruled grid; ``row_end`` and ``col_end`` are inclusive."""

    row: int
    col: int
    row_end: int
    col_end: int
    box: Box


class TableGrid(msgspec.Struct, frozen=True):
    """The ruled grid of one table; ``table_no`` counts from 0 on its page, top to bottom."""

    table_no: int
    page_no: int
    box: Box
    rows: int
    cols: int
    cells: tuple[TableCell, ...] = ()


class Spot(msgspec.Struct, frozen=True):
    """One place where text stands, small enough to be shown, with what each reader made of it.

    ``table_no``, ``row`` ... are set inside a ruled grid; a cell where nothing stands is a spot too.
    """

    box: Box
    readings: tuple[Reading, ...] = ()
    line_group: int = 0
    """Spots with the same number were split from one text line."""
    table_no: int | None = None
    row: int | None = None
    col: int | None = None
    row_end: int | None = None
    col_end: int | None = None
    empty: bool = False
    """True for a table cell in which no ink stands."""
    glyphs: int = 0
    """Separate marks counted from the ink; 0 = not counted."""


class PageReadings(msgspec.Struct, frozen=True):
    """Everything the machine saw on one page."""

    page_no: int
    width_px: int
    height_px: int
    spots: tuple[Spot, ...]
    tables: tuple[TableGrid, ...] = ()
    readers: tuple[str, ...] = ()
    cpu_ms: int = 0
    straight: Straight | None = None
    """How the page was laid straight first; then all boxes here are the straight page's, the size is not."""


class Piece(msgspec.Struct, frozen=True):
    """The smallest part of a page that is shown, with its place in it.

    order       reading order on its page, from 0
    table       number of the table on its page, None outside tables; then ``row`` and ``col`` say which cell
    line_group  pieces with the same number on a page were cut from one text line
    field_type  what a worker's keyboard should expect: text, amount, date, code, cell
    """

    piece_id: str
    page_no: int
    box: Box
    order: int
    row: int | None = None
    col: int | None = None
    row_end: int | None = None
    col_end: int | None = None
    table: int | None = None
    field_type: str = "text"
    line_group: int = 0
    readings: tuple[Reading, ...] = ()
    empty: bool = False
    """True for a table cell in which no ink stands."""
    glyphs: int = 0
    """Separate marks counted from the ink; 0 = not counted."""

    def text_of(self, reader: str) -> str | None:
        """The named reader's text, or None when it saw nothing here."""
        for reading in self.readings:
            if reading.reader == reader:
                return reading.text
        return None


class Decision(msgspec.Struct, frozen=True):
    """What is believed of a piece, and why.

    confidence_bp  None = not calibrated
    people_asked   answers that stand behind it; 0 when accepted unseen
    proof          where the evidence stands, e.g. ``batch/leaf`` of the anchored root; empty before anchoring
    """

    how: How
    text: str
    because: str
    confidence_bp: int | None = None
    people_asked: int = 0
    answers: tuple[str, ...] = ()
    proof: str = ""


class PieceRecord(msgspec.Struct, frozen=True):
    """A piece with its decision."""

    piece: Piece
    decision: Decision


class PageRecord(msgspec.Struct, frozen=True):
    """All there is to know about a page: its image's size, its pieces and decisions, its grids."""

    doc_id: str
    page: PageImage
    pieces: tuple[PieceRecord, ...]
    tables: tuple[TableGrid, ...] = ()
    readers: tuple[str, ...] = ()
    straight: Straight | None = None
    """How the page was laid straight before it was cut; boxes of pieces and grids are the straight page's."""


class Line(msgspec.Struct, frozen=True):
    """A text line of the finished record; ``pieces`` are the ids it was put together from."""

    page_no: int
    box: Box
    text: str
    how: How
    confidence_bp: int | None
    people_asked: int
    pieces: tuple[str, ...]


class CellValue(msgspec.Struct, frozen=True):
    """A table cell of the finished record."""

    row: int
    col: int
    row_end: int
    col_end: int
    text: str
    box: Box
    how: How
    pieces: tuple[str, ...]


class TableValue(msgspec.Struct, frozen=True):
    """A table of the finished record."""

    page_no: int
    box: Box
    rows: int
    cols: int
    cells: tuple[CellValue, ...]


class FieldValue(msgspec.Struct, frozen=True):
    """A named field: ``raw`` as on the page, ``value`` in the kind's form, ``because`` the rule that chose it."""

    name: str
    value: str
    raw: str
    page_no: int
    box: Box
    how: How
    confidence_bp: int | None
    people_asked: int
    because: str
    pieces: tuple[str, ...]
    failed_checks: tuple[str, ...] = ()


class Choice(msgspec.Struct, frozen=True):
    """One field to be found on one page.

    places     ids of the pieces of each candidate, in the order of the page; numbered from 1
    suggested  numbers that the kind's rules would take; empty = the rules find nothing
    shown      ids of all pieces that people see: the candidates' and those beside them
    two_views  whether a page can be seen otherwise as well as by the rules: their word is then not heard
    """

    field: str
    page_no: int
    places: tuple[tuple[str, ...], ...]
    suggested: tuple[int, ...]
    shown: tuple[str, ...]
    two_views: bool = False


class Area(msgspec.Struct, frozen=True):
    """A named box that somebody drew on a page as it was handed in. Edges in thousandths of the page."""

    name: str
    page_no: int
    x0_permille: int
    y0_permille: int
    x1_permille: int
    y1_permille: int

    def holds(self, piece: Piece, *, width_px: int, height_px: int) -> bool:
        """Whether the piece's middle lies in it. The piece and the size are those of the page as handed in."""
        x_permille, y_permille = 500 * piece.box.centre_x2 // width_px, 500 * piece.box.centre_y2 // height_px
        return (
            self.page_no == piece.page_no
            and self.x0_permille <= x_permille < self.x1_permille
            and self.y0_permille <= y_permille < self.y1_permille
        )

    def box(self, *, width_px: int, height_px: int) -> Box:
        """Its edges in pixels of a page of that size."""
        return Box(
            self.x0_permille * width_px // 1_000,
            self.y0_permille * height_px // 1_000,
            self.x1_permille * width_px // 1_000,
            self.y1_permille * height_px // 1_000,
        )


class Chosen(msgspec.Struct, frozen=True):
    """Where people say that a field stands, and how it came to that. pieces: empty where it is not on the page."""

    pieces: tuple[str, ...]
    people_asked: int
    because: str
    confidence_bp: int | None = None


class DocumentRecord(msgspec.Struct, frozen=True):
    """The finished record of a document, ready for the writers. The page records it came from are kept beside it."""

    doc_id: str
    kind: Kind
    pages: tuple[PageImage, ...]
    lines: tuple[Line, ...]
    fields: tuple[FieldValue, ...]
    tables: tuple[TableValue, ...]
    decisions: tuple[PieceRecord, ...] = ()
    readers: tuple[str, ...] = ()

    def field(self, name: str) -> FieldValue | None:
        """The field of that name, or None."""
        for field in self.fields:
            if field.name == name:
                return field
        return None


def piece_on_page(piece: Piece, straight: Straight | None, *, width_px: int, height_px: int) -> Piece:
    """The piece with its boxes on the page as it was handed in; size of that page."""
    if straight is None:
        return piece
    box = straight.on_page(piece.box, width_px=width_px, height_px=height_px)
    readings = tuple(msgspec.structs.replace(r, box=box) for r in piece.readings)
    return msgspec.structs.replace(piece, box=box, readings=readings)


def piece_id_of(doc_id: str, page_no: int, box: Box, *, salt: bytes = b"") -> str:
    """An opaque id made from what the piece is: 32 hex digits, the same for the same page, box and salt.

    A job's secret ``salt`` keeps a worker who guesses the document from testing guesses at the place.
    """
    hasher = hashlib.blake2b(digest_size=16, key=salt[:64])
    for part in ("piece", doc_id, str(page_no), f"{box.x0},{box.y0},{box.x1},{box.y1}"):
        encoded = part.encode()
        hasher.update(len(encoded).to_bytes(4, "big") + encoded)
    return hasher.hexdigest()
