"""A worker's statement of earnings: one line per job, what is pending and why, as CSV or PDF.

Rules kept here
- The figures are those of the earnings page, to the last minor unit; sums are sums of the lines.
- A text of a requester stays text: no formula in a spreadsheet, no markup in a PDF.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import msgspec

from manyhands.roles.exchange.views import Earnings, JobEarnings

PART_NAMES = ("earned", "bonus", "top_up", "restored", "learning")


class Line(NamedTuple):
    """One job on a statement, whole minor units."""

    job_id: str
    title: str
    currency: str
    exponent: int
    answers: int
    accepted: int
    refused: int
    pending_minor: int
    earned_minor: int
    bonus_minor: int
    top_up_minor: int
    restored_minor: int
    learning_minor: int
    paid_minor: int
    transactions: str
    state: str


def state_of(job: JobEarnings) -> str:
    """What is still to come of a job, and why, in a sentence."""
    owed = job.earned_minor + job.bonus_minor + job.top_up_minor + job.restored_minor
    if job.paid_minor:
        return "paid"
    if job.waiting:
        return f"{job.waiting} answers wait for other workers or the checker"
    if owed:
        return "accepted and set aside; paid when the job is settled"
    return "nothing to pay"


def statement_lines(earned: Earnings) -> list[Line]:
    """The lines of a statement, currency by currency, in the order of the earnings page."""
    return [
        Line(
            job.job_id,
            job.title,
            job.currency,
            job.exponent,
            job.answers,
            job.accepted,
            job.refused,
            job.pending_minor,
            job.earned_minor,
            job.bonus_minor,
            job.top_up_minor,
            job.restored_minor,
            job.learning_minor,
            job.paid_minor,
            " ".join(one.tx_hash for one in job.transactions),
            state_of(job),
        )
        for one in earned.by_currency
        for job in one.jobs
    ]


def statement_csv(lines: list[Line]) -> bytes:
    """UTF-8 with a mark that spreadsheets know it by. Amounts in minor units, with the exponent beside them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(Line._fields)
    for line in lines:
        title = f"'{line.title}" if line.title[:1] in ("=", "+", "-", "@") else line.title
        writer.writerow(line._replace(title=title))
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()


def money(minor: int, exponent: int) -> str:
    """Minor units with a point, nothing rounded beyond trailing noughts, two decimals at least.

    >>> money(1_234_500, 6), money(-5, 6), money(2_000_000, 6)
    ('1.2345', '-0.000005', '2.00')
    """
    sign, whole = ("-", -minor) if minor < 0 else ("", minor)
    units, rest = divmod(whole, 10**exponent)
    decimals = f"{rest:0{exponent}d}".rstrip("0").ljust(2, "0") if exponent else ""
    return f"{sign}{units}.{decimals}" if decimals else f"{sign}{units}"


def statement_pdf(earned: Earnings, *, name: str, worker: str, simulated: bool, now_ms: int) -> bytes:
    """A page or more, A4 across, figures right-aligned."""
    # the library is heavy and wanted rarely: it is loaded with the first statement
    from reportlab.lib.pagesizes import A4, landscape  # type: ignore[import-untyped]
    from reportlab.lib.styles import getSampleStyleSheet  # type: ignore[import-untyped]
    from reportlab.lib.units import mm  # type: ignore[import-untyped]
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer  # type: ignore[import-untyped]

    styles = getSampleStyleSheet()
    small = styles["BodyText"].clone("small", fontSize=7.5, leading=9.5)

    def cell(text: str) -> Paragraph:
        shown = "".join(sign if sign.isprintable() else " " for sign in text)
        return Paragraph(escape(shown), small)

    tables = []
    for one in earned.by_currency:
        tables += [
            Spacer(1, 5 * mm),
            Paragraph(f"In {escape(one.currency)}", styles["Heading3"]),
            _table(one, cell, mm),
        ]
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    told = [
        Paragraph("Statement of earnings", styles["Title"]),
        Paragraph(f"{escape(name)} &nbsp; {escape(worker)} &nbsp; {at:%Y-%m-%d %H:%M} UTC", styles["BodyText"]),
        *(
            Paragraph(
                f"In {escape(one.currency)}. Still being checked: {money(one.pending_minor, one.exponent)}. "
                f"Accepted and set aside or paid: {money(one.accepted_minor, one.exponent)}. "
                f"Paid: {money(one.paid_minor, one.exponent)}.",
                styles["BodyText"],
            )
            for one in earned.by_currency
        ),
    ]
    if simulated:
        told.append(Paragraph("This account belongs to a simulated worker.", styles["BodyText"]))
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer, pagesize=landscape(A4), title="Statement of earnings", author="Manyhands",
        leftMargin=10 * mm, rightMargin=10 * mm, topMargin=12 * mm, bottomMargin=12 * mm,
    )  # fmt: skip
    document.build([*told, *tables])
    return buffer.getvalue()


def _table(earned: Earnings, cell: Callable[[str], Any], mm: float) -> Any:
    """The jobs of one currency and their sums."""
    from reportlab.lib import colors  # type: ignore[import-untyped]
    from reportlab.platypus import Table, TableStyle

    head = [
        "Job",
        "Answers",
        "Accepted",
        "Refused",
        "Earned",
        "Bonus",
        "Top-up",
        "Restored",
        "Ready",
        "Paid",
        "State",
    ]
    body = [
        [
            cell(line.title),
            str(line.answers),
            str(line.accepted),
            str(line.refused),
            *(
                money(minor, line.exponent)
                for minor in (
                    line.earned_minor,
                    line.bonus_minor,
                    line.top_up_minor,
                    line.restored_minor,
                    line.learning_minor,
                    line.paid_minor,
                )
            ),
            cell(f"{line.state} {line.transactions}".strip()),
        ]
        for line in statement_lines(msgspec.structs.replace(earned, others=()))
    ]
    sums = [sum(getattr(job, f"{part}_minor") for job in earned.jobs) for part in (*PART_NAMES, "paid")]
    total = [
        "Total",
        *(str(sum(getattr(job, part) for job in earned.jobs)) for part in ("answers", "accepted", "refused")),
    ]
    total += [*(money(minor, earned.exponent) for minor in sums), ""]
    widths = [60 * mm, 14 * mm, 16 * mm, 14 * mm, *(18 * mm,) * 6, 58 * mm]
    table = Table([head, *body, total], colWidths=widths, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("FONTSIZE", (0, 0), (-1, -1), 7.5),
                ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
                ("FONTNAME", (0, -1), (-1, -1), "Helvetica-Bold"),
                ("ALIGN", (1, 0), (9, -1), "RIGHT"),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.HexColor("#0f4f4a")),
                ("LINEBELOW", (0, 1), (-1, -2), 0.25, colors.HexColor("#ddd6c8")),
                ("LINEABOVE", (0, -1), (-1, -1), 0.8, colors.HexColor("#0f4f4a")),
            ]
        )
    )
    return table
