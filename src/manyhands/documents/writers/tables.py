"""Fields and tables as CSV and as one Excel workbook.

Rules kept here
- A text that a spreadsheet would take for a formula (begins with = + @ tab or return, or a minus that is no number) is
  written so that it stays text: as a string cell in the workbook, after an apostrophe in CSV (OWASP, "CSV Injection").
- Plain numbers become numbers in the workbook; identifiers with a leading zero or more than 15 digits stay text, since
  a spreadsheet would lose digits of them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal

from ..model import DocumentRecord, TableValue

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?")
_FIELD_HEADINGS = ("doc_id", "kind", "field", "value", "raw", "page", "how", "confidence_bp", "people_asked", "because")


def safe_csv_text(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would run it.

    >>> safe_csv_text("=1+1"), safe_csv_text("-1.73"), safe_csv_text("Total")
    ("'=1+1", '-1.73', 'Total')
    """
    if text[:1] in {"=", "+", "@", "\t", "\r"} or (text[:1] == "-" and not _NUMBER.fullmatch(text) and len(text) > 1):
        return "'" + text
    return text


def fields_csv(records: Sequence[DocumentRecord]) -> bytes:
    """One row per field of every document."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_FIELD_HEADINGS)
    for record in records:
        for row in _field_rows(record):
            writer.writerow([safe_csv_text(v) if isinstance(v, str) else v for v in row])
    return out.getvalue().encode()


def table_csv(table: TableValue) -> bytes:
    """One table; a merged cell's text stands in its first row and column."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in _grid(table):
        writer.writerow([safe_csv_text(text) for text in row])
    return out.getvalue().encode()


def workbook(records: Sequence[DocumentRecord]) -> bytes:
    """An Excel workbook: a sheet of all fields, a sheet of all lines, and one sheet per table."""
    import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet("fields")
    sheet.write_row(0, 0, _FIELD_HEADINGS, bold)
    _write_rows(sheet, [row for record in records for row in _field_rows(record)])
    sheet = book.add_worksheet("lines")
    sheet.write_row(0, 0, ("doc_id", "page", "text", "how", "people_asked"), bold)
    _write_rows(
        sheet,
        [(r.doc_id, line.page_no, line.text, line.how, line.people_asked) for r in records for line in r.lines],
    )
    used = {"fields", "lines"}
    for record in records:
        for number, table in enumerate(record.tables, start=1):
            sheet = book.add_worksheet(_sheet_name(f"{record.doc_id}-{number}", used))
            _write_rows(sheet, _grid(table), first_row=0)
    book.close()
    return out.getvalue()


def _field_rows(record: DocumentRecord) -> list[tuple[str | int, ...]]:
    return [
        (
            record.doc_id,
            record.kind,
            f.name,
            f.value,
            f.raw,
            f.page_no,
            f.how,
            "" if f.confidence_bp is None else f.confidence_bp,
            f.people_asked,
            f.because,
        )
        for f in record.fields
    ]


def _grid(table: TableValue) -> list[list[str]]:
    rows = [[""] * table.cols for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.col] = cell.text
    return rows


def _write_rows(sheet: object, rows: Sequence[Sequence[str | int]], *, first_row: int = 1) -> None:
    for y, row in enumerate(rows, start=first_row):
        for x, value in enumerate(row):
            number = value if isinstance(value, int) else _number(value)
            if number is None:
                sheet.write_string(y, x, str(value))  # type: ignore[attr-defined]  # xlsxwriter ships no types
            else:
                sheet.write_number(y, x, number)  # type: ignore[attr-defined]


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _sheet_name(wanted: str, used: set[str]) -> str:
    """At most 31 characters, none that Excel forbids, never the same name twice."""
    plain = re.sub(r"[\[\]:*?/\\']", "-", wanted)
    name, number = plain[-31:], 1
    while name.lower() in used:
        number += 1
        name = f"{plain[-26:]}~{number}"
    used.add(name.lower())
    return name
