"""A searchable PDF: the scan as it is, with the record's text lying invisibly over its ink.

Rules kept here
- The page looks like the scan; the text is drawn in rendering mode 3 (neither filled nor stroked), each word stretched
  to its box, so that searching and copying find it where it stands (PDF 32000-1, 9.3.6).
- The text layer read back is the record, whatever script it is in (ADR 0145). Only signs that no file may hold
  (controls, half pairs) are left out; they stay in the JSON.
- A blank stands behind every word, also at a line's end, so that no reader has to guess one from distances.
- Words stand in the order of their ink and those of right-to-left scripts are turned round, as readers expect it.
- A page that lies on its side or upside down is shown upright, the scan itself unmoved (``/Rotate``), and its text
  runs along its writing.
- The same record and images give the same bytes: no date, no random id.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from unicodedata import bidirectional

from ..errors import PageMissing
from ..model import Box, DocumentRecord, PageImage
from .pdf_file import ADVANCE, MOST_SIGNS, PdfFile, shapeless_typeface, text_string
from .words import WrittenLine, right_to_left, writable, written_lines

_POINTS_PER_INCH = 72
_JPEG_QUALITY = 80
_UNKNOWN = "\ufffd"
_RUNS = ("1 0 0 1", "0 -1 1 0", "-1 0 0 -1", "0 1 -1 0")
"""Text matrix without its origin, by the quarter turns of the page's writing."""
_FROM_RIGHT = ("R", "AL")
_NUMBERS_AND_LATIN = ("L", "EN", "AN")


def searchable_pdf(record: DocumentRecord, page_images: Mapping[int, bytes], *, dpi: int = 200) -> bytes:
    """The document as PDF.

    page_images  page number -> imported page (PNG or JPEG bytes)
    dpi          resolution at which the pages are taken to be scanned; only sets the paper size
    raises       PageMissing when an image is not given
    """
    file = PdfFile()
    catalog, tree = file.new(), file.new()
    lines = written_lines(record)
    codes = _codes_of(word.text for line in lines for word in line.words)
    font = shapeless_typeface(file, codes)
    scale = _POINTS_PER_INCH / dpi
    kids = []
    for page in record.pages:
        if page.page_no not in page_images:
            raise PageMissing(doc_id=record.doc_id, page_no=page.page_no)
        own = [line for line in lines if line.line.page_no == page.page_no]
        width, height = page.width_px * scale, page.height_px * scale
        drawn = [f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /Scan Do Q"]
        drawn.extend(operator for line in own for operator in _line(line, page, codes, scale))
        kids.append(
            file.add(
                b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %.3f %.3f] /Rotate %d /Contents %d 0 R "
                b"/Resources << /XObject << /Scan %d 0 R >> /Font << /Text %d 0 R >> >> >>"
                % (
                    tree,
                    width,
                    height,
                    -90 * page.turned % 360,
                    file.stream(b"", "\n".join(drawn).encode()),
                    _scan(file, page_images[page.page_no]),
                    font,
                )
            )
        )
    file.fill(catalog, b"<< /Type /Catalog /Pages %d 0 R >>" % tree)
    file.fill(tree, b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % k for k in kids)))
    info = file.add(b"<< /Title %s /Creator (Manyhands) >>" % text_string(writable(record.doc_id)))
    return file.written(catalog=catalog, info=info)


def _codes_of(texts: Iterable[str]) -> dict[str, int]:
    """A code for every sign that occurs, the same for the same texts in any order; the last is for what is too much."""
    signs = sorted({" ", *(sign for text in texts for sign in text)} - {_UNKNOWN})[: MOST_SIGNS - 1]
    return {sign: code for code, sign in enumerate([*signs, _UNKNOWN], start=1)}


def _line(line: WrittenLine, page: PageImage, codes: Mapping[str, int], scale: float) -> Iterator[str]:
    """The operators that write a line: every word over its own box, a blank behind it.

    Word and blank are one string: a reader may pass over a string of one sign as a shadow of its neighbour.
    """
    yield "BT 3 Tr"
    for word in sorted(line.words, key=lambda word: _along(word.box, page.turned)):
        length, thick = word.box.width_px * scale, word.box.height_px * scale
        if page.turned % 2:
            length, thick = thick, length
        size = max(1.0, thick * 0.8)
        stretch = 100 * length / (len(word.text) * size * ADVANCE / 1_000)
        x, y = _foot(word.box, page, scale, size * 0.2)
        yield f"/Text {size:.3f} Tf {stretch:.4f} Tz {_RUNS[page.turned]} {x:.3f} {y:.3f} Tm"
        signs, blank = _in_order_of_ink(word.text), f"{codes[' ']:04X}"
        coded = "".join(f"{codes.get(sign, codes[_UNKNOWN]):04X}" for sign in signs)
        if signs == word.text and not right_to_left(signs):
            yield f"<{coded}{blank}> Tj"
        else:
            # Readers put a blank behind a word from the right before it: choosing the font anew ends the word first.
            # The blank in front, taken back at once, keeps a word of one sign from standing alone.
            yield f"[<{blank}> {ADVANCE} <{coded}>] TJ /Text {size:.3f} Tf <{blank}> Tj"
    yield "ET"


def _along(box: Box, turned: int) -> int:
    """How far along the writing a box begins, for sorting."""
    return (box.x0, box.y0, -box.x1, -box.y1)[turned]


def _foot(box: Box, page: PageImage, scale: float, above: float) -> tuple[float, float]:
    """Where the writing in a box begins, ``above`` points over its foot; in points from the page's lower left."""
    left, right = box.x0 * scale, box.x1 * scale
    bottom, top = (page.height_px - box.y1) * scale, (page.height_px - box.y0) * scale
    return ((left, bottom + above), (left + above, top), (right, top - above), (right - above, bottom))[page.turned]


def _in_order_of_ink(word: str) -> str:
    """A word's signs from left to right as they are drawn: runs of right-to-left script turned round.

    >>> _in_order_of_ink("TOTAL"), _in_order_of_ink("\u05d0\u05d1-12") == "12-\u05d1\u05d0"
    ('TOTAL', True)
    """
    if not any(bidirectional(sign) in _FROM_RIGHT for sign in word):
        return word
    runs = ["".join(run) for _, run in groupby(word, key=lambda sign: bidirectional(sign) in _NUMBERS_AND_LATIN)]
    turned = [run if bidirectional(run[0]) in _NUMBERS_AND_LATIN else run[::-1] for run in runs]
    return "".join(reversed(turned) if right_to_left(word) else turned)


def _scan(file: PdfFile, page: bytes) -> int:
    """Adds the page's picture; returns its number."""
    from PIL import Image

    with Image.open(io.BytesIO(page)) as image:
        plain = image.convert("L" if image.mode in ("1", "L") else "RGB")
        out = io.BytesIO()
        plain.save(out, "JPEG", quality=_JPEG_QUALITY)
    colours = b"/DeviceGray" if plain.mode == "L" else b"/DeviceRGB"
    entries = (
        b" /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace %s /BitsPerComponent 8 /Filter /DCTDecode"
        % (plain.width, plain.height, colours)
    )
    return file.stream(entries, out.getvalue(), packed=False)
