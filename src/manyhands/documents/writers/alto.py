"""ALTO 4: the document as the XML that libraries and archives keep beside a scan.

Rules kept here
- Measured in pixels of the page image; one Page, PrintSpace and TextBlock per page, TextLine and String inside.
- How a line was decided stands in a tag (``OtherTag``), so an archive can tell a person's reading from a machine's.

Source: ALTO 4.4 schema, Library of Congress.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from ..model import DocumentRecord, How, Line
from .words import word_boxes

_NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_TAGS: dict[How, str] = {
    "machine": "accepted unseen: readers agree",
    "people": "read by people",
    "blank": "nothing written",
    "unreadable": "people could not read it",
    "open": "not decided",
}


def alto_xml(record: DocumentRecord) -> bytes:
    """The document as an ALTO 4 file, UTF-8."""
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<alto xmlns="{_NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{_NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd">',
        "<Description><MeasurementUnit>pixel</MeasurementUnit>"
        f"<sourceImageInformation><fileName>{_text(record.doc_id)}</fileName></sourceImageInformation></Description>",
        "<Tags>",
        *(f'<OtherTag ID="how_{how}" LABEL={quoteattr(label)}/>' for how, label in _TAGS.items()),
        "</Tags>",
        "<Layout>",
    ]
    for page in record.pages:
        n, w, h = page.page_no, page.width_px, page.height_px
        frame = f'HPOS="0" VPOS="0" WIDTH="{w}" HEIGHT="{h}"'
        out.append(f'<Page ID="page_{n}" PHYSICAL_IMG_NR="{n}" WIDTH="{w}" HEIGHT="{h}"><PrintSpace {frame}>')
        own = [line for line in record.lines if line.page_no == n]
        if own:
            out.append(f'<TextBlock ID="block_{n}" {frame}>')
            out.extend(_line(line, f"{n}_{number}") for number, line in enumerate(own, start=1))
            out.append("</TextBlock>")
        out.append("</PrintSpace></Page>")
    out.append("</Layout></alto>")
    return ("\n".join(out) + "\n").encode()


def _line(line: Line, number: str) -> str:
    box = line.box
    strings = "<SP/>".join(
        f'<String ID="string_{number}_{i}" CONTENT={quoteattr(_clean(text))} HPOS="{b.x0}" VPOS="{b.y0}" '
        f'WIDTH="{b.width_px}" HEIGHT="{b.height_px}"'
        + ("" if line.confidence_bp is None else f' WC="{line.confidence_bp / 10_000:.4f}"')
        + "/>"
        for i, (text, b) in enumerate(word_boxes(line), start=1)
    )
    return (
        f'<TextLine ID="line_{number}" TAGREFS="how_{line.how}" HPOS="{box.x0}" VPOS="{box.y0}" '
        f'WIDTH="{box.width_px}" HEIGHT="{box.height_px}">{strings}</TextLine>'
    )


def _clean(text: str) -> str:
    """The text without the control characters that XML 1.0 forbids."""
    return "".join(c for c in text if c >= " " or c in "\t\n\r")


def _text(text: str) -> str:
    return _clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
