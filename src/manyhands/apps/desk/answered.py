"""Verdicts on questions of options, as a requester reads them: claims, a ledger's lines, fields that were looked for.

Rules kept here
- Only what was delivered is read: `answers.csv` of the package. A confidence stands only where it was calibrated.
"""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Literal

import msgspec

ANSWERS_NAME = "answers.csv"
Form = Literal["which", "claim", "match"]


class AnswerOut(msgspec.Struct, frozen=True, kw_only=True):
    """One question with its verdict.

    form           which (place of a field), claim, match (line of a ledger)
    question       the claim, the line, or the field's name
    value          of a field, what was keyed at its place; "" = nothing
    box_permille   where the page tells it, None = nowhere
    confidence_bp  None = not calibrated
    """

    doc_id: str
    page: int
    form: Form
    question: str
    verdict: str
    value: str
    box_permille: tuple[int, int, int, int] | None
    confidence_bp: int | None
    people_asked: int
    because: str


def answers_of(package: bytes) -> tuple[AnswerOut, ...]:
    """The verdicts of a delivered package, in its order; none where no such question was asked."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        if ANSWERS_NAME not in archive.namelist():
            return ()
        raw = archive.read(ANSWERS_NAME).decode()
    forms: dict[str, Form] = {"which": "which", "claim": "claim", "match": "match"}
    return tuple(
        AnswerOut(
            doc_id=_plain(row["doc_id"]),
            page=int(row["page"]),
            form=forms[row["form"]],
            question=_plain(row["question"]),
            verdict=row["verdict"],
            value=_plain(row["value"]),
            box_permille=_box(row),
            confidence_bp=int(row["confidence_bp"]) if row["confidence_bp"] else None,
            people_asked=int(row["people_asked"]),
            because=_plain(row["because"]),
        )
        for row in csv.DictReader(io.StringIO(raw, newline=""))
    )


def _box(row: dict[str, str]) -> tuple[int, int, int, int] | None:
    if not row["x0_permille"]:
        return None
    return int(row["x0_permille"]), int(row["y0_permille"]), int(row["x1_permille"]), int(row["y1_permille"])


def _plain(text: str) -> str:
    """A cell without the mark that keeps a spreadsheet from running it.

    >>> _plain("'=1+1"), _plain("'tis so"), _plain("12.50")
    ('=1+1', "'tis so", '12.50')
    """
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@", "\t", "\r") else text
