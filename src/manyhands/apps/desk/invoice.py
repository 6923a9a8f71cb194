"""The bill of a finished job as a PDF, from what was settled. The same job gives the same bytes.

Rules kept here
- Every figure is one that the job's record holds; the sum is checked before a line is drawn.
- No tax is computed: which one applies depends on who issues it and who receives it, and nobody has told us.
- A job of simulated people says so on its bill.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from manyhands.protocol.money import Currency
from manyhands.roles.launcher.values import JobView

from .errors import NothingBilled

INK: Final = "#1b2424"
QUIET: Final = "#545f5c"
RULE: Final = "#ddd6c8"
ACCENT: Final = "#0f4f4a"


def bill_lines(view: JobView) -> list[tuple[str, int]]:
    """Lines of the bill in minor units: what was paid in, where it went. raises NothingBilled before it is settled

    The last line is what the job cost: paid in, less what came back.
    """
    if view.settled is None:
        raise NothingBilled(view.state)
    settled = view.settled
    cost = settled.paid_minor + settled.fees_minor
    if view.funded_minor != cost + settled.refunded_minor:
        raise NothingBilled("not balanced yet")
    return [
        ("Paid into the escrow", view.funded_minor),
        (f"Work of {settled.workers_paid} people", settled.paid_minor),
        ("Fees of the operators", settled.fees_minor),
        ("Returned to you", settled.refunded_minor),
        ("Cost of the job", cost),
    ]


def invoice_number(view: JobView) -> str:
    """The bill's number: it follows from the job, so there is one bill per job."""
    year = datetime.fromtimestamp(view.created_at_ms / 1000, tz=UTC).year
    return f"MH-{year}-{view.job_id[:12].upper()}"


def shown(minor: int, currency: Currency) -> str:
    """An amount to the cent, in what people are told the token is.

    >>> from manyhands.protocol.money import MHT
    >>> shown(12_345_678, MHT)
    '12.35 USD'
    """
    return f"{minor / 10**currency.exponent:.{min(2, currency.exponent)}f} {currency.shown}"


def invoice_pdf(view: JobView, *, issuer: str, recipient: str, currency: Currency) -> bytes:
    """The bill on one page.

    currency   of the job, as the operator calls it
    issuer     the launcher's address
    recipient  the requester, as the account is called
    raises     NothingBilled
    """
    from reportlab.lib.colors import HexColor  # type: ignore[import-untyped]  # it ships no types
    from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
    from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
    from reportlab.lib.units import mm  # type: ignore[import-untyped]
    from reportlab.platypus import (  # type: ignore[import-untyped]
        Paragraph,
        SimpleDocTemplate,
        Spacer,
        Table,
        TableStyle,
    )

    lines = bill_lines(view)
    assert view.settled is not None
    plain = ParagraphStyle("plain", fontName="Helvetica", fontSize=9.5, leading=14, textColor=HexColor(INK))
    quiet = ParagraphStyle("quiet", parent=plain, fontSize=8.5, leading=12, textColor=HexColor(QUIET))
    head = ParagraphStyle("head", parent=plain, fontName="Times-Bold", fontSize=22, leading=28)

    def text(words: str, style: ParagraphStyle = plain) -> Paragraph:
        return Paragraph(_printable(words), style)

    def grid(rows: Sequence[Sequence[Any]], widths: Sequence[float], *extra: Any) -> Table:
        table = Table(rows, colWidths=[width * mm for width in widths])
        table.setStyle(
            TableStyle(
                [
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
                    *extra,
                ]
            )
        )
        return table

    right = ParagraphStyle("right", parent=plain, alignment=2)
    bold = ParagraphStyle("bold", parent=right, fontName="Helvetica-Bold")
    when = datetime.fromtimestamp((view.events[-1].at_ms if view.events else view.created_at_ms) / 1000, tz=UTC)
    story: list[Any] = [
        text("Invoice", head),
        text(f"{invoice_number(view)} · {when:%Y-%m-%d}", quiet),
        Spacer(1, 8 * mm),
        grid(
            [
                [text("From", quiet), text(f"Manyhands operator {issuer}")],
                [text("To", quiet), text(recipient)],
                [text("For", quiet), text(view.title)],
                [text("Job", quiet), text(view.job_id)],
                [text("Extent", quiet), text(f"{view.documents} documents, {view.pages} pages")],
            ],
            (22, 138),
        ),
    ]
    if view.simulated:
        story += [Spacer(1, 3 * mm), text("<b>The people of this job were simulated; no money changed hands.</b>")]
    story += [
        Spacer(1, 8 * mm),
        grid(
            [
                [text(label), text(shown(minor, currency), bold if label == lines[-1][0] else right)]
                for label, minor in lines
            ],
            (120, 40),
            ("LINEBELOW", (0, 0), (-1, -2), 0.4, HexColor(RULE)),
            ("LINEABOVE", (0, -1), (-1, -1), 1, HexColor(ACCENT)),
            ("TOPPADDING", (0, 0), (-1, -1), 5),
        ),
        Spacer(1, 6 * mm),
        text("No tax is contained or computed.", quiet),
    ]
    if view.escrow and view.routing is not None:
        story.append(
            text(f"Escrow {view.escrow} on chain {view.routing.chain_id}; every line can be followed there.", quiet)
        )
        story += [text(f"Transaction {one}", quiet) for one in view.settled.transactions[:12]]
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=24 * mm, rightMargin=24 * mm, topMargin=24 * mm, bottomMargin=20 * mm,
        title=invoice_number(view), author="Manyhands", invariant=1,
    )  # fmt: skip
    document.build(story)
    return out.getvalue()


def _printable(words: str) -> str:
    """Text for a paragraph: a stranger's signs are escaped, what the standard fonts lack is a question mark.

    Our own bold is let through.
    """
    if words.startswith("<b>") and words.endswith("</b>"):
        return words
    return escape(words.encode("cp1252", "replace").decode("cp1252"))
