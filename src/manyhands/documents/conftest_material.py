"""Material for this package's tests: pages that it renders, readings made from truth, and strangers' files.

Rules kept here
- Nothing is read from outside the repository; tests that need the real development documents ask ``shared_documents``.
"""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from manyhands.documents.model import Box, PageReadings, Reading, Spot


def shared_documents() -> Path | None:
    """The folder of development documents, beside the repository or named by MANYHANDS_SHARED; None where absent."""
    named = os.environ.get("MANYHANDS_SHARED")
    root = Path(named) if named else Path(__file__).resolve().parents[4] / "shared"
    folder = root / "documents"
    return folder if folder.is_dir() else None


def readings_from_truth(truth: dict[str, Any], *, wrong: dict[str, str] | None = None) -> PageReadings:
    """Page readings as two flawless readers would give them, one spot per truth line.

    wrong  truth text -> what both readers say instead
    """
    wrong = wrong or {}
    page = truth["pages"][0]
    spots = []
    for number, line in enumerate(truth["lines"]):
        box = Box(*line["box"])
        text = wrong.get(line["text"], line["text"])
        readings = tuple(Reading(name, text, 9_990, box, 9_900) for name in ("ppocr6", "ppocr4"))
        spots.append(Spot(box, readings, line_group=number, glyphs=len(text.replace(" ", ""))))
    return PageReadings(1, page["width"], page["height"], tuple(spots), readers=("ppocr6", "ppocr4"))


def plain_png(width: int = 400, height: int = 300, *, mode: str = "L") -> bytes:
    """A white page with one black bar."""
    image = Image.new(mode, (width, height), "white")
    image.paste("black", (20, 20, width // 2, 40))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def bomb_png(side_px: int = 13_000) -> bytes:
    """A PNG of about 20 kB that unpacks to 169 million pixels."""
    out = io.BytesIO()
    Image.new("1", (side_px, side_px)).save(out, "PNG", optimize=True)
    return out.getvalue()


def bomb_pdf(*, side_px: int = 23_170, bits: int = 8, unpacked: int = 512 * 1024 * 1024, skew: int = 0) -> bytes:
    """A PDF of a few kB whose only image unpacks, through two deflate layers, to 512 MiB.

    side_px, bits  what the file says of the image: width = height, bits of a pixel
    unpacked       bytes that it really unpacks to
    skew           how far it is drawn slanted, which takes the decoder another way
    """
    pixels = _packed_twice(unpacked)
    image = (
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent %d /ColorSpace /DeviceGray "
        b"/Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%s\nendstream"
        % (side_px, side_px, bits, len(pixels), pixels)
    )
    content = b"q 500 0 %d 700 0 0 cm /Im0 Do Q" % skew
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
            b"/Resources << /XObject << /Im0 5 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            image,
        ]
    )


@cache
def _packed_twice(unpacked: int) -> bytes:
    return zlib.compress(zlib.compress(bytes(unpacked), 9), 9)


def pdf_of(objects: list[bytes]) -> bytes:
    """A PDF file from its objects, numbered from 1; the first is the catalog."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def pdf_pages(count: int, *, text: str = "Total 12.50", password: str | None = None) -> bytes:
    """A born-digital PDF with ``count`` pages."""
    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    pdf = canvas.Canvas(out, encrypt=password, invariant=1)
    for _ in range(count):
        pdf.setFont("Helvetica", 14)
        pdf.drawString(72, 700, text)
        pdf.showPage()
    pdf.save()
    return out.getvalue()


def shuffled(items: list[Any], seed: int) -> list[Any]:
    """A copy in another order."""
    copy = list(items)
    random.Random(seed).shuffle(copy)  # noqa: S311  # an order, not a secret
    return copy


def workbook_of(sheet: bytes) -> bytes:
    """A workbook with these bytes as the rows of its only sheet."""
    import openpyxl

    made, plain, out = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    made.save(plain)
    head = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    with zipfile.ZipFile(plain) as whole, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
        for name in whole.namelist():
            is_sheet = name == "xl/worksheets/sheet1.xml"
            changed.writestr(name, head + sheet + b"</sheetData></worksheet>" if is_sheet else whole.read(name))
    return out.getvalue()


def _plain_rows(rows: int, columns: int) -> bytes:
    return b"".join(b'<row r="%d">%s</row>' % (n, b"<c><v>1</v></c>" * columns) for n in range(1, rows + 1))


def _zip_with(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def _zip_in_zip() -> bytes:
    inner = _zip_with("xl/workbook.xml", bytes(1_000_000))
    for _ in range(8):
        inner = _zip_with("xl/workbook.xml", inner)
    return inner


def _zip_of_a_million() -> bytes:
    """An archive whose directory lists a million parts; the parts themselves are not there."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *(0,) * 7, 1, *(0,) * 6) + b"a"
    part = struct.pack("<4s5H3I2H", b"PK\3\4", 20, *(0,) * 7, 1, 0) + b"a"
    directory = entry * 1_000_000
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), len(part), 0)
    return part + directory + end


def _many_page_tiff() -> bytes:
    page, out = Image.new("L", (6_320, 6_320)), io.BytesIO()
    page.save(out, "TIFF", save_all=True, append_images=[page] * 99, compression="tiff_deflate")
    return out.getvalue()


_ENTITIES = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, (b"&%c;" % (97 + n)) * 10) for n in range(9))
    + b"]>"
)

BOMBS: dict[str, Callable[[], bytes]] = {
    "169 million pixels.png": bomb_png,
    "100 pages of 40 million pixels.tif": _many_page_tiff,
    "half a gigabyte.pdf": bomb_pdf,
    "half a gigabyte, slanted.pdf": lambda: bomb_pdf(skew=65_535),
    "half a gigabyte, said to be small.pdf": lambda: bomb_pdf(side_px=1_000, skew=65_535),
    "ten thousand pages.pdf": lambda: pdf_pages(10_000),
    "200 MB.xlsx": lambda: _zip_with("xl/workbook.xml", b"0" * 200_000_000),
    "zip in zip in zip.xlsx": _zip_in_zip,
    "a million parts.xlsx": _zip_of_a_million,
    "tags a million deep.xlsx": lambda: workbook_of(b"<a>" * 1_500_000 + b"</a>" * 1_500_000),
    "a billion a's.xlsx": lambda: _zip_with("xl/workbook.xml", _ENTITIES + b"<workbook>&j;</workbook>"),
    "half a million cells.xlsx": lambda: workbook_of(_plain_rows(10_000, 50)),
    "eighty megabytes.csv": lambda: b"1,2\n" * 20_000_000,
    "tags two million deep.svg": lambda: b"<svg>" + b"<g>" * 2_000_000,
}
"""Files that are small or dull and unpack to very much, by the name under which they come. All are refused but the one
that lies about its picture, of which no more is unpacked than it says."""
