"""Puts a document together again from its page records.

Rules kept here
- Pure and repeatable: the same page records give the same document, byte for byte, in any order they come in.
- Nothing is lost and nothing is made up: every decided piece stands in exactly one line, and in its cell if it has one.
- Each value says how it was decided, how many people stand behind it, and from which pieces it came.
- A page that was laid straight to be read is put together straight; the boxes told are those of the page as handed in.

>>> from .model import Box, Decision, PageImage, PageRecord, Piece, PieceRecord
>>> def said(order, x, text):
...     piece = Piece(f"p{order}", 1, Box(x, 10, x + 40, 30), order, line_group=7)
...     return PieceRecord(piece, Decision("people", text, "two people agree", people_asked=2))
>>> page = PageRecord("scan", PageImage(1, 200, 300), (said(1, 60, "12.50"), said(0, 10, "Total")))
>>> [line.text for line in assemble("scan", "receipt", [page]).lines]
['Total 12.50']
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from .errors import PageMissing, PieceUndecided
from .fields import KindSpec, checked, field_of_choice, fields_of, kind_spec
from .layout import reading_order
from .model import (
    Area,
    Box,
    CellValue,
    Chosen,
    DocumentRecord,
    FieldValue,
    How,
    Kind,
    Line,
    PageRecord,
    PieceRecord,
    TableGrid,
    TableValue,
    piece_on_page,
)

_WEIGHT: dict[How, int] = {"blank": 0, "machine": 1, "people": 2, "unreadable": 3, "open": 4}


def assemble(
    doc_id: str,
    kind: Kind,
    pages: Sequence[PageRecord],
    *,
    spec: KindSpec | None = None,
    allow_open: bool = False,
    chosen: Mapping[str, Chosen] | None = None,
    drawn: Sequence[Area] = (),
) -> DocumentRecord:
    """The finished record of a document.

    pages       all page records, in any order, numbered 1..n without a gap
    spec        the kind's fields and checks; None = the built-in ones for ``kind``
    allow_open  give a preview although pieces are undecided
    chosen      field name -> where people say that it stands; None = the kind's rules find the fields
    drawn       the boxes that alone were asked for: each is a field, and the kind's rules, which look at whole pages,
                say nothing. Boxes on pages that the document does not have are passed over
    raises      PageMissing, PieceUndecided
    """
    ordered = sorted(pages, key=lambda p: p.page.page_no)
    for expected, page in enumerate(ordered, start=1):
        if page.page.page_no != expected:
            raise PageMissing(doc_id=doc_id, page_no=expected)
    if not allow_open:
        for page in ordered:
            for record in page.pieces:
                if record.decision.how == "open":
                    raise PieceUndecided(doc_id=doc_id, piece_id=record.piece.piece_id)
    lines = tuple(line for page in ordered for line in lines_of(page))
    tables = tuple(table_of(page, grid) for page in ordered for grid in page.tables)
    rules = spec or kind_spec(kind)
    by_number = {page.page.page_no: page for page in ordered}

    def back(page_no: int, box: Box) -> Box:
        page = by_number[page_no]
        size = page.page
        if page.straight is None:
            return box
        return page.straight.on_page(box, width_px=size.width_px, height_px=size.height_px)

    fields: tuple[FieldValue, ...]
    if drawn:
        there = [area for area in drawn if area.page_no in by_number]
        fields = tuple(field_drawn(area, by_number[area.page_no]) for area in there)
    else:
        if chosen is None:
            fields = fields_of(rules, lines, [p.page for p in ordered])
        else:
            said = ((field, chosen[field.name]) for field in rules.fields if field.name in chosen)
            values = (field_of_choice(field, place, lines) for field, place in said)
            fields = checked(rules, [value for value in values if value is not None])
        fields = tuple(replace(field, box=back(field.page_no, field.box)) for field in fields)
    return DocumentRecord(
        doc_id=doc_id,
        kind=kind,
        pages=tuple(replace(p.page, turned=p.straight.turned if p.straight else 0) for p in ordered),
        lines=tuple(replace(line, box=back(line.page_no, line.box)) for line in lines),
        fields=fields,
        tables=tuple(
            replace(
                table,
                box=back(table.page_no, table.box),
                cells=tuple(replace(cell, box=back(table.page_no, cell.box)) for cell in table.cells),
            )
            for table in tables
        ),
        decisions=tuple(
            replace(
                record,
                piece=piece_on_page(
                    record.piece, page.straight, width_px=page.page.width_px, height_px=page.page.height_px
                ),
            )
            for page in ordered
            for record in sorted(page.pieces, key=lambda r: (r.piece.order, r.piece.piece_id))
        ),
        readers=tuple(sorted({name for page in ordered for name in page.readers})),
    )


def field_drawn(area: Area, page: PageRecord) -> FieldValue:
    """What stands in a box that was drawn: the pieces whose middle lies in it, line by line in reading order."""
    size = page.page
    inside = [
        record
        for record in page.pieces
        if record.decision.how != "blank"
        and area.holds(
            piece_on_page(record.piece, page.straight, width_px=size.width_px, height_px=size.height_px),
            width_px=size.width_px,
            height_px=size.height_px,
        )
    ]
    place = {piece_id: number for number, line in enumerate(lines_of(page)) for piece_id in line.pieces}
    inside.sort(key=lambda r: (place.get(r.piece.piece_id, len(place)), r.piece.box.x0, r.piece.box.y0))
    text = " ".join(record.decision.text for record in inside if record.decision.text)
    return FieldValue(
        name=area.name,
        value=text,
        raw=text,
        page_no=area.page_no,
        box=area.box(width_px=size.width_px, height_px=size.height_px),
        how=_how(inside) if inside else "blank",
        confidence_bp=_least_confidence(inside) if inside else None,
        people_asked=sum(record.decision.people_asked for record in inside),
        because="it stands in the box that was drawn",
        pieces=tuple(record.piece.piece_id for record in inside),
    )


def lines_of(page: PageRecord) -> list[Line]:
    """The text lines of a page in reading order; pieces that were cut from one line stand together again."""
    groups: defaultdict[tuple[int, int | None, int | None, int | None], list[PieceRecord]] = defaultdict(list)
    for record in page.pieces:
        piece = record.piece
        if record.decision.text:
            groups[piece.line_group, piece.table, piece.row, piece.col].append(record)
    lines = [_line(page.page.page_no, group) for group in groups.values()]
    lines.sort(key=lambda line: (line.box, line.text))
    return [lines[i] for i in reading_order([line.box for line in lines])]


def _line(page_no: int, group: list[PieceRecord]) -> Line:
    group = sorted(group, key=lambda r: (r.piece.box.x0, r.piece.box.y0))
    return Line(
        page_no=page_no,
        box=_around([r.piece.box for r in group]),
        text=" ".join(r.decision.text for r in group),
        how=_how(group),
        confidence_bp=_least_confidence(group),
        people_asked=sum(r.decision.people_asked for r in group),
        pieces=tuple(r.piece.piece_id for r in group),
    )


def table_of(page: PageRecord, grid: TableGrid) -> TableValue:
    """A ruled table with the text of every cell, its lines from top to bottom joined by a blank."""
    inside: defaultdict[tuple[int, int], list[PieceRecord]] = defaultdict(list)
    for record in page.pieces:
        piece = record.piece
        if piece.table == grid.table_no and piece.row is not None and piece.col is not None:
            inside[piece.row, piece.col].append(record)
    cells = []
    for cell in grid.cells:
        some = inside.get((cell.row, cell.col), [])
        some = [some[i] for i in reading_order([r.piece.box for r in some])]
        said = [r for r in some if r.decision.text]
        cells.append(
            CellValue(
                row=cell.row,
                col=cell.col,
                row_end=cell.row_end,
                col_end=cell.col_end,
                text=" ".join(r.decision.text for r in said),
                box=cell.box,
                how=_how(some) if some else "blank",
                pieces=tuple(r.piece.piece_id for r in some),
            )
        )
    return TableValue(page.page.page_no, grid.box, grid.rows, grid.cols, tuple(cells))


def _around(boxes: Sequence[Box]) -> Box:
    box = boxes[0]
    for other in boxes[1:]:
        box = box.union(other)
    return box


def _how(group: Sequence[PieceRecord]) -> How:
    """The way of the least certain part decides what the whole says of itself."""
    return max((r.decision.how for r in group), key=lambda how: _WEIGHT[how])


def _least_confidence(group: Sequence[PieceRecord]) -> int | None:
    known = [r.decision.confidence_bp for r in group if r.decision.confidence_bp is not None]
    return min(known) if len(known) == len(group) else None
