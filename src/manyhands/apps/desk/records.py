"""A delivered record as its requester reads it: pages with boxes, values with how far to believe them, doubts first.

Rules kept here
- Only what was delivered is read: the package's own files. Nothing is judged anew.
- A level says how a value came to be believed. A confidence is shown where it was calibrated, else it is absent.
- What a requester drew is put together from the delivered pieces inside the box, in reading order, and says so.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

Level = Literal["sure", "fair", "doubt", "none"]
DOUBTS_MAX = 500
FAIR_BP = 9_000

BoxPx = tuple[int, int, int, int]


class PieceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A piece where it stands on its page. readings  what each machine reader saw."""

    piece_id: str
    page: int
    box: BoxPx
    text: str
    how: str
    because: str
    confidence_bp: int | None
    people_asked: int
    readings: dict[str, str]
    proof: str
    level: Level


class FieldOut(msgspec.Struct, frozen=True, kw_only=True):
    """A named value. drawn  True for a box that the requester drew."""

    name: str
    value: str
    raw: str
    page: int
    box: BoxPx
    how: str
    because: str
    confidence_bp: int | None
    people_asked: int
    failed_checks: tuple[str, ...]
    pieces: tuple[str, ...]
    drawn: bool
    level: Level


class CellOut(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of a table."""

    row: int
    col: int
    row_end: int
    col_end: int
    text: str
    how: str
    level: Level
    pieces: tuple[str, ...]


class TableOut(msgspec.Struct, frozen=True, kw_only=True):
    """A table of a page."""

    page: int
    rows: int
    cols: int
    cells: tuple[CellOut, ...]


class DocumentOut(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a delivered job.

    doubts  pieces that should be looked at
    turned  page -> quarter turns clockwise in which it was handed in, of those that do not stand upright
    """

    doc_id: str
    kind: str
    fields: tuple[FieldOut, ...]
    tables: tuple[TableOut, ...]
    pieces: tuple[PieceOut, ...]
    doubts: int
    turned: dict[int, int] = {}


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """A place that should be looked at, and why. The list begins with what is most in doubt."""

    doc_id: str
    page: int
    box: BoxPx
    piece_id: str
    field: str
    text: str
    why: str
    level: Level


def level_of(*, how: str, confidence_bp: int | None, people_asked: int, target_bp: int) -> Level:
    """How far a value can be believed.

    With a calibrated confidence that decides: at the target sure, from 90 % on fair, below doubt. Without one it is how
    the value came about: two people or one person and a reader by the job's rule are sure, readers alone are fair.

    >>> level_of(how="people", confidence_bp=None, people_asked=2, target_bp=9950)
    'sure'
    >>> level_of(how="machine", confidence_bp=9100, people_asked=0, target_bp=9950)
    'fair'
    """
    if how in ("unreadable", "open"):
        return "none"
    if confidence_bp is not None:
        return "sure" if confidence_bp >= target_bp else "fair" if confidence_bp >= FAIR_BP else "doubt"
    return "sure" if how == "people" else "fair"


def document_of(
    record: Mapping[str, Any], *, target_bp: int, fields: Sequence[str] = (), drawn: Collection[str] = ()
) -> DocumentOut:
    """A delivered record (`documents.writers.record_json`) as the desk shows it.

    fields   names to keep; empty = all
    drawn    names of the fields that the requester drew as boxes
    """
    provenance = record["provenance"]
    pieces = tuple(
        PieceOut(
            piece_id=piece_id,
            page=one["page"],
            box=_box(one["box"]),
            text=one["text"],
            how=one["how"],
            because=one["because"],
            confidence_bp=one["confidence_bp"],
            people_asked=one["people_asked"],
            readings=one["readings"],
            proof=one["proof"],
            level=level_of(
                how=one["how"],
                confidence_bp=one["confidence_bp"],
                people_asked=one["people_asked"],
                target_bp=target_bp,
            ),
        )
        for piece_id, one in provenance["pieces"].items()
    )
    by_id = {piece.piece_id: piece for piece in pieces}
    found = tuple(
        FieldOut(
            name=name,
            value=record["fields"].get(name, ""),
            raw=one["raw"],
            page=one["page"],
            box=_box(one["box"]),
            how=one["how"],
            because=one["because"],
            confidence_bp=one["confidence_bp"],
            people_asked=one["people_asked"],
            failed_checks=tuple(one["failed_checks"]),
            pieces=tuple(one["pieces"]),
            drawn=name in drawn,
            # a field is never surer than what it was put together from
            level=_lowest(
                (
                    "doubt"
                    if one["failed_checks"]
                    else level_of(
                        how=one["how"],
                        confidence_bp=one["confidence_bp"],
                        people_asked=one["people_asked"],
                        target_bp=target_bp,
                    ),
                    *(by_id[name].level for name in one["pieces"] if name in by_id),
                )
            ),
        )
        for name, one in provenance["fields"].items()
        if not fields or name in fields or name in drawn
    )
    return DocumentOut(
        doc_id=record["doc_id"],
        kind=record["kind"],
        fields=found,
        tables=tuple(
            TableOut(
                page=table["page"],
                rows=table["rows"],
                cols=table["cols"],
                cells=tuple(
                    CellOut(
                        row=cell["row"],
                        col=cell["col"],
                        row_end=cell["row_end"],
                        col_end=cell["col_end"],
                        text=cell["text"],
                        how=cell["how"],
                        level=_lowest(by_id[name].level for name in cell["pieces"] if name in by_id),
                        pieces=tuple(cell["pieces"]),
                    )
                    for cell in table["cells"]
                ),
            )
            for table in record["tables"]
        ),
        pieces=pieces,
        doubts=sum(_why(piece) != "" for piece in pieces) + sum(bool(field.failed_checks) for field in found),
        turned={page["page"]: page["turned"] for page in record["pages"] if page.get("turned")},
    )


def doubts_of(documents: Iterable[DocumentOut], *, limit: int = DOUBTS_MAX) -> list[Doubt]:
    """What should be looked at, the most doubtful first: nothing read, a failed check, low confidence."""
    order = {"unreadable": 0, "open": 1, "check": 2, "low": 3}
    found: list[tuple[int, int, Doubt]] = []
    for document in documents:
        names = {piece_id: field.name for field in document.fields for piece_id in field.pieces}
        for field in document.fields:
            if field.failed_checks:
                doubt = Doubt(
                    doc_id=document.doc_id, page=field.page, box=field.box,
                    piece_id=field.pieces[0] if field.pieces else "", field=field.name, text=field.value,
                    why="check: " + ", ".join(field.failed_checks), level="doubt",
                )  # fmt: skip
                found.append((order["check"], 0, doubt))
        for piece in document.pieces:
            why = _why(piece)
            if why:
                doubt = Doubt(
                    doc_id=document.doc_id, page=piece.page, box=piece.box, piece_id=piece.piece_id,
                    field=names.get(piece.piece_id, ""), text=piece.text, why=piece.because or why, level=piece.level,
                )  # fmt: skip
                found.append((order[why], piece.confidence_bp or 0, doubt))
    found.sort(key=lambda one: one[:2])
    return [doubt for _, _, doubt in found[:limit]]


def chosen_csv(documents: Iterable[DocumentOut]) -> bytes:
    """The fields that were chosen and drawn, one row a document: what a spreadsheet wants first."""
    from manyhands.documents.writers.tables import safe_csv_text

    told = list(documents)
    names = list(dict.fromkeys(field.name for document in told for field in document.fields))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([safe_csv_text(name) for name in ("doc_id", "kind", *names)])
    for document in told:
        values = {field.name: field.value for field in document.fields}
        row = (document.doc_id, document.kind, *(values.get(name, "") for name in names))
        writer.writerow([safe_csv_text(value) for value in row])
    return out.getvalue().encode()


def _why(piece: PieceOut) -> str:
    if piece.how == "unreadable":
        return "unreadable"
    if piece.how == "open" and "outside of what was asked for" not in piece.because:
        return "open"
    return "low" if piece.level == "doubt" else ""


def _lowest(levels: Iterable[Level]) -> Level:
    order: tuple[Level, ...] = ("none", "doubt", "fair", "sure")
    return min(levels, key=order.index, default="fair")


def _box(box: Sequence[int]) -> BoxPx:
    x0, y0, x1, y1 = box
    return (x0, y0, x1, y1)
