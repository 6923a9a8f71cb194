"""Claims to check and a ledger's lines to match, from the table that a requester keeps them in.

Rules kept here
- A table is CSV as spreadsheets write it: comma, semicolon or tab; UTF-8 (with or without its mark) or UTF-16. Anything
  else is refused with the row and the column that it is about, as a spreadsheet numbers them.
- A row is one question about one page. The same question about the same page twice is asked once.
- An answer that is known already is not asked for its own sake: it measures who answers.
- A ledger needs no column of its own for the line: what is neither document, page nor known answer is the line.

>>> read_questions(b"document;page;claim\\nreport;3;Scope 1 was 1.240 t\\n", "claims").count
1
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import digest
from manyhands.roles.launcher.values import ImportedDocumentRef
from manyhands.task_types import reconcile, verify_claim
from manyhands.task_types.asked import BadQuestion, claim, match

Sheet = Literal["claims", "ledger"]
"""What a table holds: claims about pages, or lines of a ledger to be found on them."""

ROWS_MAX: Final = 100_000
BYTES_MAX: Final = 50_000_000
PROBLEMS_TOLD: Final = 20
PROBLEMS_IN_WORDS: Final = 5
PAGE_MAX: Final = 100_000

TASK_TYPES: Final[Mapping[Sheet, str]] = {"claims": "verify_claim", "ledger": "reconcile"}
COLUMN: Final[Mapping[Sheet, str]] = {"claims": "claim", "ledger": "line"}
KNOWN: Final[Mapping[Sheet, Mapping[str, str]]] = {
    "claims": {
        "yes": verify_claim.TRUE,
        "no": verify_claim.FALSE,
        "not told": verify_claim.NOT_TOLD,
        **{one: one for one in verify_claim.OPTIONS},
    },
    "ledger": {
        "yes": reconcile.MATCH,
        "other amount": reconcile.AMOUNT_DIFFERS,
        "no": reconcile.OTHER,
        **{one: one for one in reconcile.OPTIONS},
    },
}
"""What may stand in the column `known`, and the answer that it means."""

SAMPLES: Final[Mapping[Sheet, str]] = {
    "claims": (
        "document,page,claim,known\r\n"
        'annual-report,12,"Scope 1 emissions in 2023 were 1,240 t CO2e.",\r\n'
        'annual-report,12,"Scope 2 emissions in 2023 were 310 t CO2e.",no\r\n'
    ),
    "ledger": (
        "document,page,date,reference,amount,known\r\n"
        "statement-march,1,2026-03-04,INV-471 Mill Lane,12.50,\r\n"
        "statement-march,1,2026-03-05,INV-472 Mill Lane,80.00,yes\r\n"
    ),
}
"""A table to begin with. The words in it are made up."""

_FILE_ENDINGS = (".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".xlsx", ".csv")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one cell. row as a spreadsheet numbers it, 1 = the headings; column "" = the whole row."""

    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f"row {self.row}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {self.reason}"


class BadQuestions(ManyhandsError):
    """A table of claims or of a ledger's lines cannot be used. `problems` are the first that were met, in order."""

    status = 422

    def __init__(self, problems: Iterable[Problem], *, sheet: Sheet, more: int = 0) -> None:
        self.problems, self.sheet, self.more = tuple(problems), sheet, more
        told = "; ".join(str(one) for one in self.problems[:PROBLEMS_IN_WORDS])
        others = len(self.problems[PROBLEMS_IN_WORDS:]) + more
        super().__init__(
            f"the table of {sheet} cannot be used: {told}" + (f", and {others} more" if others else ""),
            cure=f"Write a CSV with the columns document,page,{COLUMN[sheet]}; document is the file's name without its "
            "ending (files named NAME-p1, NAME-p2 are pages of one document NAME), pages count from 1, and a column "
            "known holds what you know already, if anything.",
        )


@dataclass(frozen=True)
class PageQuestion:
    """One question about a page. known = the answer that the requester knows, "" = none; row = where it stands."""

    text: str
    known: str = ""
    row: int = 0


@dataclass(frozen=True)
class Questions:
    """A table as read: document -> page -> its questions in order. twice = rows that repeat another one."""

    sheet: Sheet
    pages: Mapping[str, Mapping[int, tuple[PageQuestion, ...]]]
    twice: int = 0

    @property
    def count(self) -> int:
        return sum(len(own) for pages in self.pages.values() for own in pages.values())

    @property
    def known(self) -> int:
        return sum(bool(one.known) for pages in self.pages.values() for own in pages.values() for one in own)

    @property
    def task_type(self) -> str:
        return TASK_TYPES[self.sheet]

    def over(self, documents: Sequence[ImportedDocumentRef], *, most: int = 0) -> list[ImportedDocumentRef]:
        """The documents that are asked about, with their questions.

        most    only so many questions whose answer is not known; 0 = all
        raises  BadQuestions naming the rows about pages that are not there
        """
        self.check_pages((one.doc_id, page.page_no) for one in documents for page in one.pages)
        left = most
        made = []
        for document in documents:
            own = self.pages.get(document.doc_id)
            if own is None or (most and not left):
                continue
            pages = []
            for page in document.pages:
                asked = own.get(page.page_no, ())
                if most:
                    asked = tuple(one for one in asked if not one.known)[:left]
                    left -= len(asked)
                pages.append(
                    msgspec.structs.replace(page, questions=tuple(one.text for one in asked), known=known_of(asked))
                )
            content_hash = digest(
                document.content_hash,
                *(text for page in pages for text in page.questions),
                *(told for page in pages for told in page.known),
            )
            made.append(msgspec.structs.replace(document, pages=tuple(pages), content_hash=content_hash))
        return made

    def check_pages(self, there: Iterable[tuple[str, int]]) -> None:
        """there: (document, page) that were imported. raises BadQuestions naming the rows about others"""
        pages = set(there)
        documents = {doc_id for doc_id, _ in pages}
        problems = [
            Problem(one.row, "page", f"there is no page {page_no} of {doc_id[:80]!r}")
            if doc_id in documents
            else Problem(one.row, "document", f"no document is called {doc_id[:80]!r}")
            for doc_id, own in self.pages.items()
            for page_no, questions in own.items()
            if (doc_id, page_no) not in pages
            for one in questions
        ]
        if problems:
            problems.sort(key=lambda one: one.row)
            raise BadQuestions(problems[:PROBLEMS_TOLD], sheet=self.sheet, more=max(0, len(problems) - PROBLEMS_TOLD))


def known_of(questions: Sequence[PageQuestion]) -> tuple[str, ...]:
    """What the requester knows of a page's questions, beside them; empty where nothing is known."""
    return tuple(one.known for one in questions) if any(one.known for one in questions) else ()


def read_questions(raw: bytes, sheet: Sheet) -> Questions:
    """The questions of a table. raises BadQuestions with what is wrong, by row and column"""
    if len(raw) > BYTES_MAX:
        raise BadQuestions([Problem(1, "", f"it has more than {BYTES_MAX // 1_000_000} MB")], sheet=sheet)
    text = _text_of(raw, sheet)
    rows = _rows_of(text, sheet)
    try:
        _, headings = next(rows)
    except StopIteration:
        raise BadQuestions([Problem(1, "", "it is empty")], sheet=sheet) from None
    columns = [heading.strip().casefold() for heading in headings]
    problems = _bad_headings(columns, sheet)
    if problems:
        raise BadQuestions(problems, sheet=sheet)
    found: dict[str, dict[int, dict[str, PageQuestion]]] = {}
    twice = more = count = 0
    for row, cells in rows:
        count += 1
        if count > ROWS_MAX:
            raise BadQuestions([Problem(row, "", f"one job asks {ROWS_MAX} questions at most")], sheet=sheet)
        read = _read_row(row, cells, columns, sheet)
        if isinstance(read, Problem):
            if len(problems) < PROBLEMS_TOLD:
                problems.append(read)
            else:
                more += 1
            continue
        doc_id, page_no, question = read
        own = found.setdefault(doc_id, {}).setdefault(page_no, {})
        before = own.setdefault(question.text, question)
        if before is not question:
            twice += 1
            if before.known != question.known:
                problems.append(Problem(row, "known", f"it is answered otherwise in row {before.row}"))
    if problems:
        raise BadQuestions(problems[:PROBLEMS_TOLD], sheet=sheet, more=more)
    if not found:
        raise BadQuestions([Problem(2, "", "there is no row below the headings")], sheet=sheet)
    return Questions(
        sheet,
        {doc: {page: tuple(own.values()) for page, own in pages.items()} for doc, pages in found.items()},
        twice,
    )


def _text_of(raw: bytes, sheet: Sheet) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as problem:
        row = raw[: problem.start].count(b"\n") + 1
        cure = "a letter is not UTF-8: save the table as 'CSV UTF-8'"
        raise BadQuestions([Problem(row, "", cure)], sheet=sheet) from problem


def _rows_of(text: str, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """(row as a spreadsheet numbers it, its cells) of every row that holds something."""
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    row = 0
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in table:
            row += 1
            if any(cell.strip() for cell in cells):
                yield row, cells
    except csv.Error as problem:
        raise BadQuestions([Problem(row + 1, "", f"it is no CSV: {problem}")], sheet=sheet) from problem


def _bad_headings(columns: list[str], sheet: Sheet) -> list[Problem]:
    twice = sorted({one for one in columns if one and columns.count(one) > 1})
    if twice:
        return [Problem(1, twice[0], "the heading is there twice")]
    if "document" not in columns:
        return [Problem(1, "document", "the column is missing")]
    if COLUMN[sheet] not in columns and (sheet == "claims" or not _line_columns(columns)):
        return [Problem(1, COLUMN[sheet], "the column is missing")]
    return []


def _line_columns(columns: list[str]) -> list[int]:
    """Places of the columns that together are a ledger's line, where none is called so."""
    return [place for place, column in enumerate(columns) if column not in ("", "document", "page", "known")]


def _read_row(row: int, cells: list[str], columns: list[str], sheet: Sheet) -> tuple[str, int, PageQuestion] | Problem:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        return Problem(row, "", "it has more cells than there are headings: put text with a separator into quotes")
    value = dict(zip(columns, cells, strict=False))
    document = _without_ending((value.get("document") or "").strip())
    if not document:
        return Problem(row, "document", "it is empty")
    page = (value.get("page") or "").strip() or "1"
    if not (page.isascii() and page.isdecimal() and 1 <= int(page[:9]) <= PAGE_MAX and len(page) < 9):
        return Problem(row, "page", f"{page[:20]!r} is no page number: pages count from 1")
    column = COLUMN[sheet]
    if column in columns:
        told = value.get(column) or ""
    else:
        told = " ".join(cells[place] for place in _line_columns(columns) if place < len(cells))
    if not told.strip():
        return Problem(row, column, "it is empty")
    known = " ".join((value.get("known") or "").split()).casefold()
    if known and known not in KNOWN[sheet]:
        return Problem(row, "known", f"{known[:40]!r} is none of {', '.join(list(KNOWN[sheet])[:3])}")
    try:
        question = (claim if sheet == "claims" else match)(told)
    except BadQuestion as problem:
        return Problem(row, column, str(problem))
    return document, int(page), PageQuestion(question, KNOWN[sheet][known] if known else "", row)


def _without_ending(name: str) -> str:
    """A document's id from the name of its file, with or without the ending."""
    lower = name.casefold()
    ending = next((one for one in _FILE_ENDINGS if lower.endswith(one) and len(name) > len(one)), "")
    return name[: len(name) - len(ending)] if ending else name
