"""What the platform answers, typed. Amounts are whole minor units, times milliseconds, shares basis points."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Said(msgspec.Struct, frozen=True):
    """What a sentence of the platform says: its name, and what fills its gaps, for pages in other languages.

    It stands beside the sentence as FIELD_said and is empty for what a person wrote. figures: whole numbers, text, or
    sentences within it, as {"code", "figures"}.
    """

    code: str
    figures: dict[str, Any] = {}


class Account(msgspec.Struct, frozen=True):
    """Who is signed in. worker = the account's address, whatever its roles."""

    worker: str
    name: str
    simulated: bool = False
    roles: tuple[str, ...] = ("worker",)


class DailyShare(msgspec.Struct, frozen=True):
    """A job's daily cap: one part in so many of its funds is reserved, and paid, a day (UTC). What today has left."""

    parts: int
    left_minor: int
    next_at_ms: int
    full: bool = False


class Offer(msgspec.Struct, frozen=True):
    """A job that has work. seconds_p90 None and measured False = nobody was timed yet.

    unfit        why it does not fit
    pool_name    the work pool for whose members alone it is, "" = for everybody
    daily_share  None = it has no daily cap
    meanings     of a job of fields: field -> what counts as it
    """

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
    pool_name: str = ""
    daily_share: DailyShare | None = None
    meanings: dict[str, tuple[str, ...]] = {}


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
    because_said: tuple[Said, ...] = ()


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
    currency: str = ""
    exponent: int = 0
    because_said: tuple[Said, ...] = ()


class Earnings(msgspec.Struct, frozen=True):
    """What a worker earned in the currency of the newest job. pay_per_hour_minor None = not measured yet.

    others  the same in each other currency: two kinds of money are never added
    """

    currency: str
    exponent: int
    pending_minor: int
    accepted_minor: int
    paid_minor: int
    pay_per_hour_minor: int | None
    jobs: list[JobEarnings]
    others: list[Earnings] = []


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
    figures: dict[str, int] = {}


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


class Currency(msgspec.Struct, frozen=True):
    """A token that jobs are paid in. exponent  decimals of its amounts; spoken  the money that people are told it is"""

    code: str
    exponent: int
    spoken: str


class Purse(msgspec.Struct, frozen=True):
    """What a requester may spend in one currency: free = limit + paid in - spent - held, never below 0."""

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
    because_said: tuple[Said, ...] = ()


class OwnPurse(msgspec.Struct, frozen=True):
    """A requester's own purse with the jobs that hold some of it, its movements, and where to pay in.

    others  the purses in the platform's other currencies
    """

    purse: Purse
    held: list[dict[str, Any]]
    lines: list[PurseLine]
    pay_in_at: list[dict[str, Any]]
    others: list[Purse] = []


# --- work pools: no shape here has an amount, because a pool sees none ----------------------------------------------


class Membership(msgspec.Struct, frozen=True):
    """A work pool this worker belongs to, or (ended_at_ms) belonged to; because: why the pool ended it."""

    pool: str
    name: str
    about: str
    agreed_to: str
    joined_at_ms: int
    ended_at_ms: int | None
    ended_by: Literal["worker", "pool"] | None
    because: str


class Invited(msgspec.Struct, frozen=True):
    """What an invitation is to. sees = version of the words on what the pool sees, for `join_pool`."""

    pool: str
    name: str
    about: str
    sees: str
    member: bool


class Pool(msgspec.Struct, frozen=True):
    """A work pool. pool = its address, which a job names."""

    pool: str
    name: str
    about: str
    listed: bool


class PoolChoice(msgspec.Struct, frozen=True):
    """A work pool that may be launched for."""

    pool: str
    name: str
    about: str
    listed: bool
    members: int


class PoolMember(msgspec.Struct, frozen=True):
    """A member, over this pool's own jobs alone. accepted_bp None = too few judged answers to say."""

    member_id: str
    name: str
    joined_at_ms: int
    answers: int
    accepted: int
    refused: int
    credited_ms: int
    in_hand: int
    accepted_bp: int | None


class PoolInvite(msgspec.Struct, frozen=True):
    """An invitation that holds."""

    invite_id: str
    note: str
    places: int
    taken: int
    created_at_ms: int
    expires_at_ms: int


class PoolJob(msgspec.Struct, frozen=True):
    """A job that was launched for the pool."""

    job_id: str
    title: str
    task_type: str
    state: str
    simulated: bool
    tasks: int
    undecided: int
    open_tasks: int
    announced_at_ms: int
    answers: int
    workers: int


class OwnPool(msgspec.Struct, frozen=True):
    """All that a pool sees."""

    pool: Pool
    members: list[PoolMember]
    invites: list[PoolInvite]
    jobs: list[PoolJob]


class InviteMade(msgspec.Struct, frozen=True):
    """An invitation just made. token is told this once; path is the link for people."""

    invite_id: str
    token: str
    path: str
    expires_at_ms: int


class OwnSign(msgspec.Struct, frozen=True):
    """What was noticed of one's own answers in a job. evidence: counts by name; it took no pay.

    words            what one said to it, "" = nothing yet
    cleared_because  why a person took it back, "" = nobody has
    """

    job_id: str
    title: str
    kind: str
    says: str
    evidence: dict[str, int]
    at_ms: int
    words: str
    cleared_because: str
    says_said: tuple[Said, ...] = ()


# --- an account -----------------------------------------------------------------------------------------------------


class Passkey(msgspec.Struct, frozen=True):
    """A passkey of an account."""

    passkey_id: str
    name: str
    created_at_ms: int
    used_at_ms: int | None


class Linked(msgspec.Struct, frozen=True):
    """A wallet or an e-mail address that signs in to an account."""

    name: str
    created_at_ms: int


class OwnAccount(msgspec.Struct, frozen=True):
    """The ways into an account. wallet_kept: the key of its address is kept by the platform."""

    account: Account
    password: bool
    passkeys: list[Passkey]
    wallets: list[Linked]
    emails: list[Linked]
    wallet_kept: bool


class WaysOffered(msgspec.Struct, frozen=True):
    """How one can sign in to this platform."""

    password: bool
    wallet: bool
    passkey: bool
    email: bool


class Session(msgspec.Struct, frozen=True):
    """Where an account is signed in. here = this request came with it."""

    session_id: str
    created_at_ms: int
    expires_at_ms: int
    way: str
    device: str
    here: bool


class Wishes(msgspec.Struct, frozen=True):
    """A worker's own limits in minutes, 0 = none, and how much of them is used."""

    day_cap_minutes: int
    week_cap_minutes: int
    break_minutes: int
    sensitive: bool
    utc_offset_minutes: int
    languages: list[str]
    today_ms: int
    week_ms: int


class Bar(msgspec.Struct, frozen=True):
    """A column of a histogram: workers whose pay per hour lies from here to below there."""

    from_minor: int
    to_minor: int
    workers: int


class Wages(msgspec.Struct, frozen=True):
    """Paid pay per hour of workers in settled jobs, per currency; None and no bars where too few were observed."""

    currency: str
    exponent: int
    simulated: bool
    observations: int
    p10_minor: int | None
    p25_minor: int | None
    p50_minor: int | None
    p75_minor: int | None
    p90_minor: int | None
    bars: tuple[Bar, ...]


class Extra(msgspec.Struct, frozen=True):
    """What was paid beyond rewards, in one currency: raised to the floor, and given back after appeals."""

    currency: str
    exponent: int
    top_up_minor: int
    restored_minor: int


class PublicReport(msgspec.Struct, frozen=True):
    """A task that a worker found broken or inappropriate, and what the jury said. ruled_at_ms None = it judges yet."""

    job_id: str
    title: str
    code: str
    state: str
    filed_at_ms: int
    ruled_at_ms: int | None


class PublicAppeal(msgspec.Struct, frozen=True):
    """Refused answers that a worker had people look at again, and what came of it. ended_at_ms None = nothing yet."""

    job_id: str
    title: str
    answers: int
    state: str
    because: str
    restored_minor: int
    currency: str
    exponent: int
    filed_at_ms: int
    ended_at_ms: int | None
    because_said: tuple[Said, ...] = ()


class RoleShown(msgspec.Struct, frozen=True):
    """A role of this platform: where it speaks from, and on which chains."""

    role: str
    address: str
    chain_ids: tuple[int, ...]


class PublicRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What anyone may know: sums, wages without names, reports and appeals with their outcomes, roles.

    jobs, settled, simulated  counts of jobs; simulated = with simulated people
    answers, refused, workers counts over all jobs
    reports, appeals          the newest 200
    parties                   the roles of the platform, with their addresses
    """

    jobs: int
    settled: int
    simulated: int
    tasks: int
    answers: int
    refused: int
    workers: int
    extras: tuple[Extra, ...]
    wages: tuple[Wages, ...]
    reports: tuple[PublicReport, ...]
    appeals: tuple[PublicAppeal, ...]
    parties: tuple[RoleShown, ...] = ()
