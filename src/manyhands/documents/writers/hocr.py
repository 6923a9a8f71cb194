"""hOCR: the document as HTML with boxes, for archives and text tools.

Rules kept here
- One ``ocr_page`` per page, one ``ocr_line`` per line, one ``ocrx_word`` per word over its own piece; every box lies in
  that of the element around it.
- Text is escaped, signs that XML forbids are left out; the file holds no script and loads nothing.

Source: hOCR 1.2, "HTML Based OCR Output Format".
"""

from __future__ import annotations

from html import escape

from ..model import Box, DocumentRecord
from .words import WrittenLine, writable, written_lines

_CAPABILITIES = "ocr_page ocr_line ocrx_word ocrp_wconf"
_ENDING = str.maketrans({'"': None, "\\": "/", ";": ","})


def hocr_html(record: DocumentRecord) -> bytes:
    """The document as an hOCR 1.2 file, UTF-8."""
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">',
        '<html xmlns="http://www.w3.org/1999/xhtml"><head>',
        f"<title>{_escaped(record.doc_id)}</title>",
        '<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>',
        '<meta name="ocr-system" content="Manyhands"/>',
        f'<meta name="ocr-capabilities" content="{_CAPABILITIES}"/>',
        f'<meta name="ocr-number-of-pages" content="{len(record.pages)}"/>',
        "</head><body>",
    ]
    lines = written_lines(record)
    for page in record.pages:
        out.append(
            f'<div class="ocr_page" id="page_{page.page_no}" title="image {_quoted(page.image)}; '
            f'bbox 0 0 {page.width_px} {page.height_px}; ppageno {page.page_no - 1}">'
        )
        own = [line for line in lines if line.line.page_no == page.page_no]
        out.extend(_line(line, f"{page.page_no}_{number}", page.turned) for number, line in enumerate(own, start=1))
        out.append("</div>")
    out.append("</body></html>")
    return ("\n".join(out) + "\n").encode()


def _line(written: WrittenLine, number: str, turned: int) -> str:
    sure = written.line.confidence_bp
    confidence = "" if sure is None else f"; x_wconf {sure // 100}"
    words = " ".join(
        f'<span class="ocrx_word" id="word_{number}_{i}" title="{_bbox(word.box)}{confidence}">'
        f"{_escaped(word.text)}</span>"
        for i, word in enumerate(written.words, start=1)
    )
    direction = ' dir="rtl"' if written.right_to_left else ""
    angle = f"; textangle {-90 * turned % 360}" if turned else ""
    title = _bbox(written.box) + angle
    return f'<span class="ocr_line" id="line_{number}"{direction} title="{title}">{words}</span><br/>'


def _bbox(box: Box) -> str:
    return f"bbox {box.x0} {box.y0} {box.x1} {box.y1}"


def _escaped(text: str) -> str:
    return escape(writable(text))


def _quoted(name: str) -> str:
    """A file's name as a property's value, without the signs that would end it."""
    return _escaped('"' + name.translate(_ENDING) + '"')
