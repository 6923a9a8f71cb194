"""A searchable PDF: the scan as it is, with the record's text lying invisibly over its ink.

Rules kept here
- The page looks like the scan; the text is drawn in rendering mode 3 (neither filled nor stroked), each line stretched
  to its box, so that searching and copying find it where it stands (PDF 32000-1, 9.3.6).
- The same record and images give the same bytes: no date, no random id.
- The text layer read back equals the record for everything that Latin-1 can write; other signs are written with an
  embedded-free fallback mark and stay complete in the JSON.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

from ..errors import PageMissing
from ..model import DocumentRecord

_POINTS_PER_INCH = 72
_JPEG_QUALITY = 80


def searchable_pdf(record: DocumentRecord, page_images: Mapping[int, bytes], *, dpi: int = 200) -> bytes:
    """The document as PDF.

    page_images  page number -> imported page (PNG or JPEG bytes)
    dpi          resolution at which the pages are taken to be scanned; only sets the paper size
    raises       PageMissing when an image is not given
    """
    from PIL import Image
    from reportlab.lib.utils import ImageReader  # type: ignore[import-untyped]  # it ships no types
    from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
    from reportlab.pdfgen import canvas  # type: ignore[import-untyped]

    out = io.BytesIO()
    pdf = canvas.Canvas(out, invariant=1, pageCompression=1)
    pdf.setTitle(record.doc_id)
    pdf.setCreator("Manyhands")
    scale = _POINTS_PER_INCH / dpi
    for page in record.pages:
        if page.page_no not in page_images:
            raise PageMissing(doc_id=record.doc_id, page_no=page.page_no)
        width, height = page.width_px * scale, page.height_px * scale
        pdf.setPageSize((width, height))
        with Image.open(io.BytesIO(page_images[page.page_no])) as image:
            scan = io.BytesIO()
            image.convert("L" if image.mode in ("1", "L") else "RGB").save(scan, "JPEG", quality=_JPEG_QUALITY)
        scan.seek(0)
        pdf.drawImage(ImageReader(scan), 0, 0, width, height)
        for line in record.lines:
            if line.page_no != page.page_no:
                continue
            text = latin(line.text)
            size = max(1.0, line.box.height_px * scale * 0.8)
            drawn = pdfmetrics.stringWidth(text, "Helvetica", size)
            layer = pdf.beginText(line.box.x0 * scale, height - line.box.y1 * scale + size * 0.2)
            layer.setFont("Helvetica", size)
            layer.setTextRenderMode(3)
            if drawn:
                layer.setHorizScale(100 * line.box.width_px * scale / drawn)
            layer.textOut(text)
            pdf.drawText(layer)
        pdf.showPage()
    pdf.save()
    return out.getvalue()


def latin(text: str) -> str:
    """The text in the signs that PDF's built-in fonts can write (WinAnsi), a question mark for any other."""
    return text.encode("cp1252", errors="replace").decode("cp1252")
