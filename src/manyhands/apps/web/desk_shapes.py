"""Delivered results, and the operator's view, in words a machine reads. The rules are those of `shapes`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .shapes import UNSAID, AtMs, Minor, Sentences, Told

BoxPx = Annotated[
    list[int],
    Field(min_length=4, max_length=4, description="left, top, right, bottom in pixels", examples=[[24, 96, 412, 130]]),
]
Level = Annotated[
    Literal["sure", "fair", "doubt", "none"],
    Field(description="sure = at the quality asked for; fair = readers agreed; doubt = look at it; none = no value"),
]
Confidence = Annotated[int | None, Field(description="calibrated, or null", examples=[9_970])]


class PageOfJob(Told):
    doc_id: str
    page_no: int
    width_px: int
    height_px: int
    page_url: str
    thumb_url: str


class PagesOfJob(Told):
    pages: list[PageOfJob]


class DocumentHead(Told):
    doc_id: str
    kind: str
    pages: int
    fields: Annotated[int, Field(examples=[4])]
    doubts: int


class Documents(Told):
    documents: list[DocumentHead]


class PieceOfDocument(Told):
    piece_id: str
    page: int
    box: BoxPx
    text: str
    how: str
    because: str
    because_said: Sentences = UNSAID
    confidence_bp: Confidence
    people_asked: int
    readings: Annotated[dict[str, str], Field(examples=[{"first": "12.50", "second": "12.5O"}])]
    proof: str
    level: Level


class FieldOfDocument(Told):
    name: Annotated[str, Field(examples=["total"])]
    value: Annotated[str, Field(examples=["12.50"])]
    raw: Annotated[str, Field(examples=["12.50"])]
    page: int
    box: BoxPx
    how: str
    because: str
    because_said: Sentences = UNSAID
    confidence_bp: Confidence
    people_asked: int
    failed_checks: Annotated[list[str], Field(examples=[["the lines do not sum to the total"]])]
    pieces: Annotated[list[str], Field(examples=[["3f" * 16]])]
    drawn: bool
    level: Level


class CellOfTable(Told):
    row: int
    col: int
    row_end: int
    col_end: int
    text: str
    how: str
    level: Level
    pieces: Annotated[list[str], Field(examples=[["3f" * 16]])]


class TableOfDocument(Told):
    page: int
    rows: int
    cols: int
    cells: list[CellOfTable]


class DocumentOfJob(Told):
    doc_id: str
    kind: str
    fields: list[FieldOfDocument]
    tables: list[TableOfDocument]
    pieces: list[PieceOfDocument]
    doubts: int
    turned: dict[int, int] = Field(
        examples=[{"2": 1}],
        description="page -> quarter turns clockwise in which it was handed in, of those that do not stand upright",
    )


class AnswerOfJob(Told):
    doc_id: str
    page: int
    form: Literal["which", "claim", "match"] = Field(description="a field's place, a claim, a line of a ledger")
    question: str = Field(examples=["Scope 1 emissions in 2023 were 1,240 t CO2e."])
    verdict: str = Field(examples=["the page says so"])
    value: str = Field(description="of a field, what was keyed at its place", examples=["12.50"])
    box_permille: list[int] | None = Field(
        description="where the page tells it, thousandths of its width and height", examples=[[120, 310, 480, 335]]
    )
    confidence_bp: int | None = Field(description="null = not calibrated", examples=[9_871])
    people_asked: int
    because: str
    because_said: Sentences = UNSAID


class AnswersOfJob(Told):
    answers: list[AnswerOfJob]


class DoubtOfJob(Told):
    doc_id: str
    page: int
    box: BoxPx
    piece_id: str
    field: str
    text: str
    why: str
    level: Level


class Doubts(Told):
    doubts: list[DoubtOfJob]


class FileOfJob(Told):
    name: Annotated[str, Field(examples=["results.xlsx"])]
    size_bytes: int
    media_type: str


class FilesOfJob(Told):
    files: list[FileOfJob]


class FindingView(Told):
    name: Annotated[str, Field(examples=["books against chain"])]
    healthy: bool
    found: str
    cure: str
    name_said: Sentences = UNSAID
    found_said: Sentences = UNSAID
    cure_said: Sentences = UNSAID


class ProcessView(Told):
    process: Annotated[Literal["roles", "ocr", "web"], Field(examples=["roles"])]
    ready: bool
    memory_bytes: int | None = None
    cpu_seconds: float | None = None
    started_at_ms: AtMs | None = None


class QueueView(Told):
    queue: str
    status: Literal["todo", "doing", "failed"]
    count: int
    oldest_ms: int


class StuckView(Told):
    kind: Literal["work", "retry", "leases", "message", "transaction", "job"]
    ref: str
    title: str
    reason: str
    reason_said: Sentences = UNSAID
    since_ms: AtMs | None
    job_id: str
    free: Literal["work", "retry", "leases", "stalled"] | None = Field(
        description="what frees it; null = a person has to mend the cause"
    )


class CountsView(Told):
    jobs: Annotated[dict[str, int], Field(examples=[{"open": 2}])]
    tasks: Annotated[dict[str, int], Field(examples=[{"open": 410, "accepted": 640}])]
    answers_uncollected: int
    leases_overdue: int


class ObjectionView(Told):
    job_id: str
    objection_id: str
    doc_id: str
    piece_id: str
    code: str
    stands: str
    should_be: str
    because: str
    filed_at_ms: AtMs
    state: Literal["open", "upheld", "dismissed"]
    answer: str
    answered_at_ms: AtMs | None


class Overview(Told):
    now_ms: AtMs
    findings: list[FindingView]
    processes: list[ProcessView]
    queues: list[QueueView]
    stuck: list[StuckView]
    counts: CountsView
    objections: list[ObjectionView] = Field(description="what requesters did not believe and nobody has answered")


class DifferenceView(Told):
    account: str
    currency: str
    book_minor: Minor
    chain_minor: Minor


class AccountsView(Told):
    book: str
    kind: Annotated[str, Field(examples=["escrow"])]
    currency: str
    amount: str = Field(
        description="as text: base units of a token may be more than a number holds", examples=["12.50 MHT"]
    )


class MoneyView(Told):
    differences: list[DifferenceView]
    not_compared: str = Field(description="why the chains could not be asked; empty = they were", examples=[""])
    accounts: list[AccountsView]
    checked_at_ms: AtMs


class MovedView(Told):
    """What one kind of money did to one account."""

    book: str = Field(examples=["reputation"])
    account: str = Field(examples=["worker:0x70997970c51812dc3a010c7d01b50e0d17dc79c8"])
    currency: str = Field(examples=["MHT"])
    kind: str = Field(examples=["payout"])
    postings: int = Field(examples=[3])
    in_minor: int = Field(examples=[1_250_000])
    out_minor: int = Field(examples=[0])


class AccountStandingView(Told):
    """One account at both ends of the time asked about."""

    book: str = Field(examples=["reputation"])
    account: str = Field(examples=["worker:0x70997970c51812dc3a010c7d01b50e0d17dc79c8"])
    currency: str = Field(examples=["MHT"])
    opening_minor: int = Field(examples=[0])
    closing_minor: int = Field(examples=[1_250_000])
    differs_minor: int = Field(description="0 unless the books are kept wrongly", examples=[0])


class StatementView(Told):
    """What moved for a party, by kind of money."""

    party: str = Field(examples=["0x70997970c51812dc3a010c7d01b50e0d17dc79c8"])
    since_ms: int = Field(examples=[0])
    until_ms: int = Field(examples=[1_790_000_000_000])
    moved: list[MovedView]
    accounts: list[AccountStandingView]


class LinkedWorker(Told):
    worker: str
    words: str = Field(description="what the worker said to it; empty = nothing")


class GroupView(Told):
    group: str
    job_id: str
    because: str
    because_said: Sentences = UNSAID
    at_ms: AtMs
    workers: list[LinkedWorker]


class SignView(Told):
    job_id: str
    position: Annotated[int, Field(examples=[0])]
    kind: Annotated[str, Field(examples=["copies"])]
    workers: list[Annotated[str, Field(examples=["0x4bf7a2f3d1b0e6c58a9d3e2f1c0b9a8d7e6f5a4b"])]]
    says: Annotated[str, Field(examples=["2 workers gave the same wrong value in 4 of 4 tasks that both got wrong"])]
    says_said: Sentences = UNSAID
    evidence: Annotated[dict[str, int], Field(examples=[{"pairs": 1, "equal_mistakes": 4}])]
    words: str = Field(description="what the worker said to it; empty = nothing", examples=["The pieces are short."])
    cleared_by: str = Field(description="who took it back; empty = nobody has", examples=["operator"])
    cleared_because: str = Field(examples=["Two of three pieces are one digit."])


class SignsView(Told):
    groups: list[GroupView] = Field(description="accounts that count as one")
    signs: list[SignView] = Field(description="what somebody should look at; it took no pay")


class LogLines(Told):
    lines: list[Annotated[str, Field(examples=["roles  2026-11-26 04:00:00 INFO the job is open"])]]
