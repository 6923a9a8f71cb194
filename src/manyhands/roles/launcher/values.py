"""What goes into the launcher and what it shows: plain frozen values, ready for JSON.

Amounts are whole minor units of `currency`, whose `exponent` says where the decimal point goes; times in ms since 1970.
"""

from __future__ import annotations

import msgspec

from manyhands.pricing import DailyCap, QuoteLine
from manyhands.protocol.manifest import (
    Crowd,
    FeeRule,
    MachinePolicy,
    Needs,
    PayRule,
    Privacy,
    QualityRule,
    Scope,
    UnseenAudit,
    Wishes,
)
from manyhands.protocol.messages import Candidate


class ImportedPageRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A re-encoded page that the caller has put into the blob store. pieces 0 = nobody estimated them.

    text_blob  blob of the words of a born-digital page, "" = a scan
    questions  asked about the whole page, in the words of task_types.asked; it is then neither read nor cut
    known      beside `questions`: the answer that the requester knows, "" = none; such questions measure workers
    """

    page_no: int
    blob: str
    width: int
    height: int
    pieces: int = 0
    pieces_max: int = 0
    chars_per_piece: int = 0
    text_blob: str = ""
    questions: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


class ImportedDocumentRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A document as the importer gave it.

    content_hash  digest of what was imported, so that the same folder is known again
    truth_blob    blob of the requester's own truth for this document (holdback), "" = none
    """

    doc_id: str
    kind: str
    content_hash: str
    pages: tuple[ImportedPageRef, ...]
    truth_blob: str = ""


class LaunchOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the requester asks for.

    budget_minor  most that may be funded; None = whatever the quote says
    kinds         descriptions (YAML) of the requester's own kinds of document, by name
    audit         what a random sample has to show of what is believed unseen
    needs         what the work asks of a worker: language, screen, pointer, standing
    pool          address of the work pool whose members alone may work on it
    daily_cap_parts  one part in so many of the funds is reserved, and paid, per chain day at most; absent = no such cap
    request_key   the requester's own name for this request; "" = it follows from documents, options and day
    """

    requester: str
    title: str
    task_type: str
    pay: PayRule
    description: str = ""
    content_class: str = "plain"
    privacy: Privacy = "standard"
    crowd: Crowd = "people"
    machine: MachinePolicy = "agreeing_readers"
    quality: QualityRule = QualityRule()
    fees: FeeRule = FeeRule()
    wishes: Wishes = Wishes()
    lease_ms: int = 600_000
    scope: Scope | msgspec.UnsetType = msgspec.UNSET
    kinds: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    audit: UnseenAudit | msgspec.UnsetType = msgspec.UNSET
    needs: Needs | msgspec.UnsetType = msgspec.UNSET
    pool: str | msgspec.UnsetType = msgspec.UNSET
    daily_cap_parts: int | msgspec.UnsetType = msgspec.UNSET
    budget_minor: int | None = None
    request_key: str = ""


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a job, as shown to its requester."""

    doc_id: str
    kind: str
    pages: int
    has_truth: bool


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a job, in words."""

    at_ms: int
    name: str
    because: str


class RoutingView(msgspec.Struct, frozen=True, kw_only=True):
    """The router's decision with its reason and everything it looked at."""

    chain_id: int
    exchange: str
    recording: str
    reputation: str
    jury: str
    router: str
    reason: str
    considered: tuple[Candidate, ...]
    decided_at_ms: int


class JudgedView(msgspec.Struct, frozen=True, kw_only=True):
    """The reputation oracle's verdict on the whole job."""

    accepted: bool
    measured_bp: int
    lower_bp: int
    rests_on: str


class SettledView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the money went. paid_minor + fees_minor + refunded_minor = funded_minor."""

    accepted: bool
    paid_minor: int
    workers_paid: int
    fees_minor: int
    refunded_minor: int
    payouts_blob: str
    transactions: tuple[str, ...]


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job as its launcher knows it. What workers did is the exchange's to tell.

    simulated       the people of this job are simulated: every page that shows it says so
    funded_minor    in the escrow by the chain's word; 0 before
    workers_needed  different people the privacy level asks for
    because         why it is in this state, in one sentence
    daily_cap       what the daily cap means for it; None = there is none
    """

    job_id: str
    title: str
    description: str
    requester: str
    task_type: str
    content_class: str
    privacy: Privacy
    machine: MachinePolicy
    simulated: bool
    state: str
    approved: bool
    because: str
    currency: str
    exponent: int
    pay_per_hour_minor: int
    floor_per_hour_minor: int
    documents: int
    pages: int
    workers_needed: int
    quote_lines: tuple[QuoteLine, ...]
    quote_expected_minor: int
    quote_total_minor: int
    quote_rests_on: str
    daily_cap: DailyCap | None = None
    budget_minor: int
    funded_minor: int
    routing: RoutingView | None
    escrow: str
    token: str
    launch_transaction: str
    judged: JudgedView | None
    settled: SettledView | None
    created_at_ms: int
    events: tuple[EventView, ...]


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list of jobs."""

    job_id: str
    title: str
    requester: str
    task_type: str
    simulated: bool
    state: str
    documents: int
    pages: int
    currency: str
    exponent: int
    quote_total_minor: int
    funded_minor: int
    paid_minor: int
    created_at_ms: int


class ResultFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the delivered package."""

    name: str
    size_bytes: int
    media_type: str


class ResultsView(msgspec.Struct, frozen=True, kw_only=True):
    """What was delivered. ready False = the job is not settled yet and there are no files."""

    job_id: str
    ready: bool
    accepted: bool
    package_blob: str
    package_hash: str
    payouts_blob: str
    files: tuple[ResultFile, ...]
