"""A page to look at: the scan with the record's values laid over it, and for each of them why it is believed.

Rules kept here
- A page that lies on its side or upside down is shown upright, values and all.
- One HTML file that loads nothing: pictures lie in it, its script is ours, and its policy allows no other.
- Nothing of a document becomes markup: the record lies in the file as JSON and is set as text.
- ``overlay_of`` gives the same facts to any other page that wants to draw them.
- Whether a value was read by people, by machines or by nobody is told by words and by the shape of its frame, not by
  colour alone.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from ..errors import PageMissing
from ..model import DocumentRecord, PageImage

_JPEG_QUALITY = 70
_WIDEST_PX = 1_240

HOW_SAID = {
    "machine": "believed unseen: readers agree",
    "people": "read by people",
    "blank": "nothing is written there",
    "unreadable": "people could not read it",
    "open": "not decided",
}


def overlay_of(record: DocumentRecord) -> dict[str, Any]:
    """What an overlay needs, ready for JSON: pages with their size, and marks with box, text and reasons.

    marks  every piece with text or doubt: page, box [x0, y0, x1, y1] in page pixels, text, how, said, because,
           confidence_bp (None = not calibrated), people_asked, answers, readings, proof, fields that rest on it
    fields name -> value, raw, page, box, how, because, people_asked, failed_checks
    """
    field_of: dict[str, list[str]] = {}
    for field in record.fields:
        for piece_id in field.pieces:
            field_of.setdefault(piece_id, []).append(field.name)
    return {
        "doc_id": record.doc_id,
        "kind": record.kind,
        "pages": [{"page": p.page_no, "width": p.width_px, "height": p.height_px} for p in record.pages],
        "fields": [
            {
                "name": f.name,
                "value": f.value,
                "raw": f.raw,
                "page": f.page_no,
                "box": [f.box.x0, f.box.y0, f.box.x1, f.box.y1],
                "how": f.how,
                "said": HOW_SAID[f.how],
                "because": f.because,
                "confidence_bp": f.confidence_bp,
                "people_asked": f.people_asked,
                "failed_checks": list(f.failed_checks),
            }
            for f in record.fields
        ],
        "marks": [
            {
                "page": r.piece.page_no,
                "box": [r.piece.box.x0, r.piece.box.y0, r.piece.box.x1, r.piece.box.y1],
                "text": r.decision.text,
                "how": r.decision.how,
                "said": HOW_SAID[r.decision.how],
                "because": r.decision.because,
                "confidence_bp": r.decision.confidence_bp,
                "people_asked": r.decision.people_asked,
                "answers": list(r.decision.answers),
                "readings": {x.reader: x.text for x in r.piece.readings},
                "proof": r.decision.proof,
                "fields": field_of.get(r.piece.piece_id, []),
            }
            for r in record.decisions
            if r.decision.text or r.decision.how in ("unreadable", "open")
        ],
    }


def viewer_html(record: DocumentRecord, page_images: Mapping[int, bytes]) -> bytes:
    """The viewer of one document, UTF-8.

    page_images  page number -> imported page (PNG or JPEG bytes)
    raises       PageMissing when an image is not given
    """
    pictures = {}
    for page in record.pages:
        if page.page_no not in page_images:
            raise PageMissing(doc_id=record.doc_id, page_no=page.page_no)
        pictures[page.page_no] = _picture(page_images[page.page_no], page.turned)
    folder = resources.files(__package__)
    script = folder.joinpath("viewer.js").read_text(encoding="utf-8")
    style = folder.joinpath("viewer.css").read_text(encoding="utf-8")
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    facts = json.dumps(_upright(overlay_of(record), record.pages), ensure_ascii=False).replace("<", "\\u003c")
    figures = "\n".join(
        f'<figure data-page="{p.page_no}"><figcaption>Page {p.page_no}</figcaption>'
        f'<div class="sheet"><img alt="Scan of page {p.page_no}" src="{pictures[p.page_no]}"></div></figure>'
        for p in record.pages
    )
    name = escape(record.doc_id)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title>\n<style>\n{style}</style></head>\n<body>\n"
        f'<header><h1>{name}</h1><p id="sum"></p></header>\n'
        f'<main><section id="pages" aria-label="Pages">\n{figures}\n</section>\n'
        '<aside><section id="why" aria-live="polite"><h2>Why it is believed</h2>'
        "<p>Choose a value on the page or in the list.</p></section>"
        '<section><h2>Fields</h2><ol id="fields"></ol></section></aside></main>\n'
        f'<script type="application/json" id="facts">{facts}</script>\n<script>{script}</script>\n</body></html>\n'
    ).encode()


def _upright(told: dict[str, Any], pages: Sequence[PageImage]) -> dict[str, Any]:
    """The overlay's facts with sizes and boxes of the pages as they are shown."""
    by_number = {page.page_no: page for page in pages}
    for shown in told["pages"]:
        if by_number[shown["page"]].turned % 2:
            shown["width"], shown["height"] = shown["height"], shown["width"]
    for one in (*told["fields"], *told["marks"]):
        one["box"] = _turned_back(one["box"], by_number[one["page"]])
    return told


def _turned_back(box: list[int], page: PageImage) -> list[int]:
    x0, y0, x1, y1 = box
    w, h = page.width_px, page.height_px
    return [box, [y0, w - x1, y1, w - x0], [w - x1, h - y1, w - x0, h - y0], [h - y1, x0, h - y0, x1]][page.turned]


def _picture(page: bytes, turned: int) -> str:
    from PIL import Image

    with Image.open(io.BytesIO(page)) as image:
        plain = image.convert("L" if image.mode in ("1", "L") else "RGB")
        if turned:
            plain = plain.rotate(90 * turned, expand=True)  # against the clock
        if plain.width > _WIDEST_PX:
            plain = plain.resize((_WIDEST_PX, max(1, plain.height * _WIDEST_PX // plain.width)))
        out = io.BytesIO()
        plain.save(out, "JPEG", quality=_JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
