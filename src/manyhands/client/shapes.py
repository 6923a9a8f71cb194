"""What the platform answers, typed. Amounts are whole minor units, times milliseconds, shares basis points."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Account(msgspec.Struct, frozen=True):
    """Who is signed in. worker = the account's address, whatever its roles."""

    worker: str
    name: str
    simulated: bool = False
    roles: tuple[str, ...] = ("worker",)


class Offer(msgspec.Struct, frozen=True):
    """A job that has work. seconds_p90 None and measured False = nobody was timed yet. unfit: why it does not fit."""

    job_id: str
    title: str
    task_type: str
    guide: str
    content_class: str
    open_tasks: int
    reward_minor_median: int
    currency: str
    exponent: int
    seconds_p50: float
    seconds_p90: float | None
    pay_per_hour_minor: int
    measured: bool
    simulated: bool
    requester: str
    unfit: tuple[str, ...] = ()


class Assignment(msgspec.Struct, frozen=True):
    """One task lent. picture_url is relative to the platform."""

    assignment_id: str
    task_id: str
    picture_url: str
    question: str
    effort_ms: int
    reward_minor: int


class Bundle(msgspec.Struct, frozen=True):
    """Tasks lent until a moment."""

    lease_until_ms: int
    assignments: list[Assignment]


class Answer(msgspec.Struct, frozen=True):
    """One answer. text None = cannot read."""

    assignment_id: str
    text: str | None
    active_ms: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """What became of one answer."""

    assignment_id: str
    outcome: Literal["stored", "already_stored", "late_stored", "refused"]
    because: str


class JobEarnings(msgspec.Struct, frozen=True):
    """What one job brought a worker, and why it is what it is."""

    job_id: str
    title: str
    answers: int
    accepted: int
    refused: int
    pending_minor: int
    earned_minor: int
    paid_minor: int
    because: str


class Earnings(msgspec.Struct, frozen=True):
    """What a worker earned. pay_per_hour_minor None = not measured yet."""

    currency: str
    exponent: int
    pending_minor: int
    accepted_minor: int
    paid_minor: int
    pay_per_hour_minor: int | None
    jobs: list[JobEarnings]


class Key(msgspec.Struct, frozen=True):
    """A program's key. key is told once, when it is made."""

    key_id: str
    name: str
    scopes: list[str]
    created_at_ms: int
    expires_at_ms: int | None
    key: str = ""


class ReportCode(msgspec.Struct, frozen=True):
    """What may be reported."""

    code: str
    title: str


class DraftFile(msgspec.Struct, frozen=True):
    """A file of a draft. received_bytes < size_bytes: the rest is still to come."""

    file_no: int
    name: str
    size_bytes: int
    received_bytes: int


class Draft(msgspec.Struct, frozen=True):
    """A job in preparation. state  collecting, importing, ready, launched"""

    draft_id: str
    title: str
    state: str
    wish: dict[str, Any]
    files: list[DraftFile]
    refused: list[dict[str, str]]
    pages_total: int


class QuoteLine(msgspec.Struct, frozen=True):
    """One line of a quote, with what it rests on."""

    label: str
    count: int
    unit_minor: int
    expected_minor: int
    most_minor: int
    because: str


class Quote(msgspec.Struct, frozen=True):
    """What a job costs: expected, and at most. short_minor  what of it one's purse does not cover"""

    currency: str
    exponent: int
    lines: list[QuoteLine]
    expected_minor: int
    total_minor: int
    workers_needed: int
    above_budget: bool
    forecast: dict[str, Any]
    free_minor: int | None = None
    short_minor: int = 0


class Launched(msgspec.Struct, frozen=True):
    """A job on its way."""

    job_id: str
    state: str


class ResultFile(msgspec.Struct, frozen=True):
    """One file of a delivered job."""

    name: str
    size_bytes: int
    media_type: str = "application/octet-stream"


class Hook(msgspec.Struct, frozen=True):
    """A webhook. secret is told when it is made."""

    hook_id: str
    url: str
    name: str
    created_at_ms: int
    waiting: int = 0
    rotated_at_ms: int | None = None
    secret: str = ""


class Telling(msgspec.Struct, frozen=True):
    """What became of one event for one webhook."""

    job_id: str
    name: str
    number: int
    state: str
    attempts: int
    status: int | None
    reason: str
    at_ms: int
    told_at_ms: int | None


class Doubt(msgspec.Struct, frozen=True):
    """A delivered value that should be looked at. box  left, top, right, bottom in pixels of its page"""

    doc_id: str
    page: int
    box: tuple[int, int, int, int]
    piece_id: str
    field: str
    text: str
    why: str
    level: Literal["sure", "fair", "doubt", "none"]


class Purse(msgspec.Struct, frozen=True):
    """What a requester may spend: free = limit + paid in - spent - held, never below 0."""

    requester: str
    currency: str
    exponent: int
    limit_minor: int
    by_default: bool
    paid_in_minor: int
    spent_minor: int
    held_minor: int
    free_minor: int
    because: str = ""
    set_by: str = ""
    name: str = ""


class PurseLine(msgspec.Struct, frozen=True):
    """One movement of a purse. kind  deposit, loan, loan_returned, hold, charge; state  pending, posted, voided"""

    at_ms: int
    kind: str
    state: str
    job_id: str
    amount_minor: int
    balance_minor: int
    because: str


class OwnPurse(msgspec.Struct, frozen=True):
    """A requester's own purse with the jobs that hold some of it, its movements, and where to pay in."""

    purse: Purse
    held: list[dict[str, Any]]
    lines: list[PurseLine]
    pay_in_at: list[dict[str, Any]]
