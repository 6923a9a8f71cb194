"""The few objects of PDF that a scan with an invisible text layer needs, and a typeface without shapes.

Rules kept here
- Pure: the same objects give the same bytes.
- The typeface draws nothing: a glyph is a line there and back, without area but with a size, since readers pass over
  writing that is no higher than nothing. What a code means stands in its ``ToUnicode`` table alone, so every script
  can be written and no font of anybody has to be shipped (ADR 0145).

Source: PDF 32000-1, 7.5 (file structure), 9.7 (composite fonts), 9.10.3 (ToUnicode); OpenType 1.9, required tables.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

ADVANCE = 500
"""Width of every sign in thousandths of the type size."""
MOST_SIGNS = 65_535
"""A code has two bytes, and 0 stays free."""

_NAME = b"Shapeless"
_CMAP_HEAD = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
"""
_CMAP_TAIL = "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
_AT_ONCE = 100
"""Entries that one ``bfchar`` section may hold."""


class PdfFile:
    """Objects with numbers, filled in any order, and the table that says where each lies."""

    def __init__(self) -> None:
        self._bodies: list[bytes | None] = []

    def new(self) -> int:
        """The number of an object that is filled later."""
        self._bodies.append(None)
        return len(self._bodies)

    def add(self, body: bytes) -> int:
        """Adds an object; returns its number."""
        self._bodies.append(body)
        return len(self._bodies)

    def fill(self, number: int, body: bytes) -> None:
        """Says what stands in an object whose number was taken with ``new``."""
        self._bodies[number - 1] = body

    def stream(self, entries: bytes, data: bytes, *, packed: bool = True) -> int:
        """Adds a stream; ``packed`` = compress it here, False for data that is compressed already."""
        if packed:
            data, entries = zlib.compress(data, 9), entries + b" /Filter /FlateDecode"
        return self.add(b"<<%s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data))

    def written(self, *, catalog: int, info: int) -> bytes:
        """The file. raises ValueError for an object that was never filled"""
        out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        offsets = []
        for number, body in enumerate(self._bodies, start=1):
            if body is None:
                raise ValueError(f"object {number} of the PDF was never filled")
            offsets.append(len(out))
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1)
        out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
        out += b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\n" % (len(offsets) + 1, catalog, info)
        out += b"startxref\n%d\n%%%%EOF\n" % start
        return bytes(out)


def text_string(text: str) -> bytes:
    """A text for titles and the like, as PDF writes any script: UTF-16 behind its mark."""
    return b"<FEFF" + text.encode("utf-16-be").hex().upper().encode() + b">"


def shapeless_typeface(file: PdfFile, codes: Mapping[str, int]) -> int:
    """Adds the typeface; returns its number.

    codes  sign -> two-byte code, from 1
    """
    program = _empty_glyphs()
    descriptor = file.add(
        b"<< /Type /FontDescriptor /FontName /%s /Flags 5 /FontBBox [0 -200 %d 800] /ItalicAngle 0 /Ascent 800 "
        b"/Descent -200 /CapHeight 800 /StemV 80 /FontFile2 %d 0 R >>"
        % (_NAME, ADVANCE, file.stream(b" /Length1 %d" % len(program), program))
    )
    shapes = file.stream(b"", b"\x00\x01" * (MOST_SIGNS + 1))
    inner = file.add(
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) "
        b"/Ordering (Identity) /Supplement 0 >> /DW %d /FontDescriptor %d 0 R /CIDToGIDMap %d 0 R >>"
        % (_NAME, ADVANCE, descriptor, shapes)
    )
    return file.add(
        b"<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] "
        b"/ToUnicode %d 0 R >>" % (_NAME, inner, file.stream(b"", _meanings(codes)))
    )


def _meanings(codes: Mapping[str, int]) -> bytes:
    """The table that says which sign a code stands for."""
    entries = [f"<{code:04X}> <{sign.encode('utf-16-be').hex().upper()}>" for sign, code in codes.items()]
    sections = []
    for start in range(0, len(entries), _AT_ONCE):
        part = entries[start : start + _AT_ONCE]
        sections.append(f"{len(part)} beginbfchar\n" + "\n".join(part) + "\nendbfchar\n")
    return (_CMAP_HEAD + "".join(sections) + _CMAP_TAIL).encode()


def _empty_glyphs() -> bytes:
    """A TrueType program of two glyphs, the second as high and wide as a letter; only the tables that PDF asks for."""
    rises, falls = 800, -200
    # one contour of three points, from the lower left to the upper right and there once more
    line = struct.pack(
        ">hhhhhHH3B3h3h", 1, 0, falls, ADVANCE, rises, 2, 0, 1, 1, 1, 0, ADVANCE, 0, falls, rises - falls, 0
    )
    line += bytes(-len(line) % 4)
    tables = {
        b"glyf": line,
        b"head": struct.pack(
            ">IIIIHHQQhhhhHHhhh",
            1 << 16,
            1 << 16,
            0,
            0x5F0F3CF5,
            0,
            1000,
            0,
            0,
            0,
            falls,
            ADVANCE,
            rises,
            0,
            8,
            2,
            0,
            0,
        ),
        b"hhea": struct.pack(">IhhhHhhhhhhhhhhhH", 1 << 16, rises, falls, 0, ADVANCE, 0, 0, ADVANCE, 1, *(0,) * 7, 1),
        b"hmtx": struct.pack(">Hhh", ADVANCE, 0, 0),
        b"loca": struct.pack(">HHH", 0, 0, len(line) // 2),
        b"maxp": struct.pack(">IH13H", 1 << 16, 2, 3, 1, 0, 0, 1, *(0,) * 8),
    }
    directory = struct.pack(">IHHHH", 1 << 16, len(tables), 64, 2, 32)
    first, body = 12 + 16 * len(tables), b""
    for tag, table in sorted(tables.items()):
        padded = table + bytes(-len(table) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFF_FFFF
        directory += struct.pack(">4sIII", tag, checksum, first + len(body), len(table))
        body += padded
    return directory + body
