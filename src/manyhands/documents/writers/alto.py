"""ALTO 4: the document as the XML that libraries and archives keep beside a scan.

Rules kept here
- Measured in pixels of the page image; one Page, PrintSpace and TextBlock per page, TextLine and String inside, each
  word over its own piece.
- How a line was decided stands in a tag (``OtherTag``), and what people read is marked as corrected by hand (``CS``),
  so an archive can tell a person's reading from a machine's.
- The file is valid under the standard's schema, whatever a record holds: signs that XML forbids are left out, and a
  line without a word is none.

Source: ALTO 4.4 schema, Library of Congress.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from ..model import Box, DocumentRecord, How
from .words import WrittenLine, writable, written_lines

_VERSION = "4.4"
_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_TAGS: dict[How, str] = {
    "machine": "accepted unseen: readers agree",
    "people": "read by people",
    "blank": "nothing written",
    "unreadable": "people could not read it",
    "open": "not decided",
}


def alto_xml(record: DocumentRecord) -> bytes:
    """The document as an ALTO 4 file, UTF-8. A record without pages has no ALTO: raises ValueError."""
    if not record.pages:
        raise ValueError(f"{record.doc_id} has no page, and ALTO wants one")
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<alto xmlns="{_NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" SCHEMAVERSION="{_VERSION}" '
        f'xsi:schemaLocation="{_NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd">',
        "<Description><MeasurementUnit>pixel</MeasurementUnit>",
        f"<sourceImageInformation><fileName>{escape(writable(record.doc_id))}</fileName></sourceImageInformation>",
        '<Processing ID="how"><processingSoftware><softwareName>Manyhands</softwareName></processingSoftware>'
        "</Processing></Description>",
        "<Tags>",
        *(f'<OtherTag ID="how_{how}" LABEL={quoteattr(label)}/>' for how, label in _TAGS.items()),
        "</Tags>",
        "<Layout>",
    ]
    lines = written_lines(record)
    for page in record.pages:
        n, w, h = page.page_no, page.width_px, page.height_px
        frame = f'HPOS="0" VPOS="0" WIDTH="{w}" HEIGHT="{h}"'
        lies = f' ROTATION="{-90 * page.turned % 360}"' if page.turned else ""
        out.append(f'<Page ID="page_{n}" PHYSICAL_IMG_NR="{n}" WIDTH="{w}" HEIGHT="{h}"{lies}><PrintSpace {frame}>')
        own = [line for line in lines if line.line.page_no == n]
        if own:
            out.append(f'<TextBlock ID="block_{n}" {frame}>')
            out.extend(_line(line, f"{n}_{number}") for number, line in enumerate(own, start=1))
            out.append("</TextBlock>")
        out.append("</PrintSpace></Page>")
    out.append("</Layout></alto>")
    return ("\n".join(out) + "\n").encode()


def _line(written: WrittenLine, number: str) -> str:
    line = written.line
    confidence = "" if line.confidence_bp is None else f' WC="{line.confidence_bp / 10_000:.4f}"'
    strings = "<SP/>".join(
        f'<String ID="string_{number}_{i}" CONTENT={quoteattr(word.text)} {_place(word.box)}{confidence}/>'
        for i, word in enumerate(written.words, start=1)
    )
    marks = f'TAGREFS="how_{line.how}"'
    marks += ' CS="true"' if line.how == "people" else ""
    marks += ' BASEDIRECTION="rtl"' if written.right_to_left else ""
    return f'<TextLine ID="line_{number}" {marks} {_place(written.box)}>{strings}</TextLine>'


def _place(box: Box) -> str:
    return f'HPOS="{box.x0}" VPOS="{box.y0}" WIDTH="{box.width_px}" HEIGHT="{box.height_px}"'
