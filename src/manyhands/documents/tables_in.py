"""Tables that come as tables: a workbook or separated text, drawn as ruled pages so that people see what machines see.

Rules kept here
- Runs in the locked-in child only (``import_child``); sizes are checked before anything is unpacked.
- A cell is text. A formula is never computed: its last stored value is taken, or nothing.
- The texts go along with the drawing as words, so a reader that disagrees is the one that is wrong.
"""

from __future__ import annotations

import csv
import io
import itertools
import struct
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

UNPACKED_MAX_BYTES = 12_000_000
"""Of a workbook's parts together, and of separated text: about three times what the most cells take."""
ENTRIES_MAX = 2_000
ROWS_MAX, COLUMNS_MAX, CELLS_MAX = 20_000, 60, 100_000
CELL_MAX_CHARS = 60
ROWS_A_PAGE = 40
_ROW_PX, _LETTER_PX, _MARGIN_PX, _TEXT_PX = 44, 14, 40, 22
_WIDEST_PX = 5_000
_DIRECTORY_ENTRY_BYTES = 300
"""A part's entry in an archive's directory takes 46 bytes, its name and some extras."""
_SEPARATORS = ",;\t|"

_font: Any = None


class NoTable(Exception):
    """The file is no table that can be taken; ``code`` is one of the importer's reasons."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, detail
        super().__init__(code)


@dataclass(frozen=True)
class Drawn:
    """One page: its image, and each cell's text with its box (x0, y0, x1, y1) in pixels."""

    image: Any
    texts: tuple[tuple[str, tuple[int, int, int, int]], ...]


def warm_up() -> None:
    """Loads typeface and decoders, because no file can be opened once the doors are locked."""
    global _font
    from pathlib import Path

    import openpyxl  # type: ignore[import-untyped]  # it ships no types
    import reportlab  # type: ignore[import-untyped]
    from PIL import Image, ImageDraw, ImageFont

    face = (Path(reportlab.__file__).parent / "fonts" / "Vera.ttf").read_bytes()
    _font = ImageFont.truetype(io.BytesIO(face), _TEXT_PX)
    ImageDraw.Draw(Image.new("L", (60, 30))).text((2, 2), "Aa1", font=_font)
    made = openpyxl.Workbook()
    made.active.append(["a", 1.5])
    out = io.BytesIO()
    try:
        made.save(out)
        list(workbook_rows(out.getvalue()))
    except OSError:  # nowhere to write a scratch file: then the first real workbook loads the rest
        pass


def workbook_rows(data: bytes) -> Iterator[list[list[str]]]:
    """The rows of every sheet. raises NoTable for a zip that is no workbook or unpacks to too much"""
    import openpyxl

    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise NoTable("damaged_table") from error
    if len(entries) > ENTRIES_MAX or sum(entry.file_size for entry in entries) > UNPACKED_MAX_BYTES:
        raise NoTable("too_large_table", f"{len(entries)} parts")
    if not any(entry.filename == "xl/workbook.xml" for entry in entries):
        raise NoTable("unknown_type")
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        cells = 0
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # a file may claim a million columns
            rows: list[list[str]] = []
            for row in itertools.islice(sheet.iter_rows(max_col=COLUMNS_MAX, values_only=True), ROWS_MAX):
                cells += sum(value is not None for value in row)
                if cells > CELLS_MAX:
                    raise NoTable("too_large_table", f"more than {CELLS_MAX} cells")
                rows.append(["" if value is None else str(value) for value in row])
            yield _trimmed(rows)
    except (KeyError, ValueError, TypeError, SyntaxError, zipfile.BadZipFile, AttributeError) as error:
        raise NoTable("damaged_table", type(error).__name__) from error


def _check_directory(data: bytes) -> None:
    """Refuses an archive by the last bytes of it, which say how many parts its directory lists and how long it is.

    The library builds an object for every part before anybody can count them: a million of them cost 455 MiB.

    source  PKWARE, "APPNOTE.TXT", 4.3.16: end of central directory record
    """
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if end < 0 or len(data) < end + 22:
        raise NoTable("damaged_table")
    parts, length_bytes = struct.unpack("<HI", data[end + 10 : end + 16])
    if parts > ENTRIES_MAX or length_bytes > ENTRIES_MAX * _DIRECTORY_ENTRY_BYTES:
        raise NoTable("too_large_table", f"{parts if parts < 0xFFFF else 'very many'} parts")


def looks_separated(data: bytes) -> bool:
    """Whether the bytes are text in two columns or more, the same number in nine of ten of the first rows."""
    try:
        head = _decoded(data[:20_000])
    except NoTable:
        return False
    rows = [row for row in itertools.islice(_parsed(head), 50) if row]
    if len(rows) < 2 or any(not (c.isprintable() or c.isspace()) for c in head):
        return False
    usual = max(len(row) for row in rows[:-1] or rows)
    return usual >= 2 and sum(len(row) == usual for row in rows) * 10 >= len(rows) * 7


def separated_rows(data: bytes) -> list[list[str]]:
    """The rows of separated text. raises NoTable"""
    try:
        if len(data) > UNPACKED_MAX_BYTES:
            raise NoTable("too_large_table", f"{len(data) // 1_000_000} MB of text")
        return _trimmed([row[:COLUMNS_MAX] for row in itertools.islice(_parsed(_decoded(data)), ROWS_MAX)])
    except csv.Error as error:
        raise NoTable("damaged_table", "csv") from error


def drawn_pages(rows: Iterable[list[str]]) -> Iterator[Drawn]:
    """The rows as ruled pages, forty rows each."""
    everything = list(rows)
    for start in range(0, len(everything), ROWS_A_PAGE):
        yield _drawn(everything[start : start + ROWS_A_PAGE])


def _drawn(rows: list[list[str]]) -> Drawn:
    from PIL import Image, ImageDraw

    columns = max(len(row) for row in rows)
    cells = [[" ".join(text.split())[:CELL_MAX_CHARS] for text in [*row, *[""] * (columns - len(row))]] for row in rows]
    widths = [max(5, *(len(row[c]) for row in cells)) * _LETTER_PX + 24 for c in range(columns)]
    edges = [_MARGIN_PX]
    for width in widths:
        if edges[-1] + width > _WIDEST_PX:
            break
        edges.append(edges[-1] + width)
    image = Image.new("L", (edges[-1] + _MARGIN_PX, 2 * _MARGIN_PX + _ROW_PX * len(cells)), 255)
    pen = ImageDraw.Draw(image)
    bottom = _MARGIN_PX + _ROW_PX * len(cells)
    for n in range(len(cells) + 1):
        pen.line((edges[0], _MARGIN_PX + n * _ROW_PX, edges[-1], _MARGIN_PX + n * _ROW_PX), fill=0, width=2)
    for x in edges:
        pen.line((x, _MARGIN_PX, x, bottom), fill=0, width=2)
    texts = []
    for r, row in enumerate(cells):
        for text, x in zip(row, edges[:-1], strict=False):
            if text:
                at = (x + 12, _MARGIN_PX + r * _ROW_PX + 9)
                left, top, right, low = (round(v) for v in pen.textbbox(at, text, font=_font))
                pen.text(at, text, font=_font, fill=0)
                texts.append((text, (left, top, max(left + 1, right), max(top + 1, low))))
    return Drawn(image, tuple(texts))


def _trimmed(rows: list[list[str]]) -> list[list[str]]:
    """Without empty rows at the end and empty columns at the right."""
    while rows and not any(text.strip() for text in rows[-1]):
        rows.pop()
    width = max((n for row in rows for n, text in enumerate(row, start=1) if text.strip()), default=0)
    return [row[:width] for row in rows] if width else []


def _decoded(data: bytes) -> str:
    if b"\0" in data[:4_000]:
        raise NoTable("unknown_type")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            if encoding == "utf-8-sig" and error.start >= len(data) - 4:
                return data[: error.start].decode(encoding)
    raise NoTable("unknown_type")


def _parsed(text: str) -> Iterator[list[str]]:
    first = text[:20_000].splitlines()[:20]
    separator = max(_SEPARATORS, key=lambda sign: sum(line.count(sign) for line in first))
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator)
