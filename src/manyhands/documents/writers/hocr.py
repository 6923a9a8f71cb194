"""hOCR: the document as HTML with boxes, for archives and text tools.

Rules kept here
- One ``ocr_page`` per page, one ``ocr_line`` per line, one ``ocrx_word`` per word with its share of the line's box.
- Text is escaped; the file holds no script and loads nothing.

Source: hOCR 1.2, "HTML Based OCR Output Format".
"""

from __future__ import annotations

from html import escape

from ..model import DocumentRecord, Line
from .words import word_boxes


def hocr_html(record: DocumentRecord) -> bytes:
    """The document as an hOCR 1.2 file, UTF-8."""
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">',
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en"><head>',
        f"<title>{escape(record.doc_id)}</title>",
        '<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>',
        '<meta name="ocr-system" content="Manyhands"/>',
        '<meta name="ocr-capabilities" content="ocr_page ocr_line ocrx_word"/>',
        "</head><body>",
    ]
    for page in record.pages:
        out.append(
            f'<div class="ocr_page" id="page_{page.page_no}" title="image {_quoted(page.image)}; '
            f'bbox 0 0 {page.width_px} {page.height_px}; ppageno {page.page_no - 1}">'
        )
        own = [line for line in record.lines if line.page_no == page.page_no]
        out.extend(_line(line, f"{page.page_no}_{number}") for number, line in enumerate(own, start=1))
        out.append("</div>")
    out.append("</body></html>")
    return ("\n".join(out) + "\n").encode()


def _line(line: Line, number: str) -> str:
    box = line.box
    words = " ".join(
        f'<span class="ocrx_word" id="word_{number}_{i}" title="bbox {b.x0} {b.y0} {b.x1} {b.y1}'
        f'{"" if line.confidence_bp is None else f"; x_wconf {line.confidence_bp // 100}"}">{escape(text)}</span>'
        for i, (text, b) in enumerate(word_boxes(line), start=1)
    )
    title = f"bbox {box.x0} {box.y0} {box.x1} {box.y1}"
    return f'<span class="ocr_line" id="line_{number}" title="{title}">{words}</span><br/>'


def _quoted(name: str) -> str:
    return escape('"' + name.replace('"', "") + '"', quote=True)
