"""The HTTP API in words a machine reads: one model per body, from which OpenAPI is written.

Rules kept here
- Amounts are whole minor units of `currency`, which has `exponent` decimals; times are ms; shares are basis points.
- Requests are checked against these models; answers are checked against them in tests, not once more on every request.
- A figure that was not measured is null, never 0.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Minor = Annotated[int, Field(description="whole minor units of the currency", examples=[19_000])]
Ms = Annotated[int, Field(description="milliseconds", examples=[41_000])]
AtMs = Annotated[int, Field(description="milliseconds since 1970-01-01 UTC", examples=[1_790_000_000_000])]
Address = Annotated[str, Field(description="lower-case 0x address", examples=["0x" + "ab" * 20])]
Id = Annotated[str, Field(examples=["3f" * 16])]


def holds_nul(value: Any) -> bool:
    """Whether a decoded body has U+0000 in any of its texts, names included.

    >>> holds_nul({"a": ["b", {"c": "d" + chr(0)}]}), holds_nul({"a": 1})
    (True, False)
    """
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(holds_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(holds_nul(part) for part in value)


class Asked(BaseModel):
    """Base of what a client sends: an unknown field is refused by name."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _text_that_can_be_kept(cls, asked: Any) -> Any:
        """U+0000 is in JSON's strings and in no database's text: it is refused here, not found out there."""
        if holds_nul(asked):
            raise ValueError("it holds U+0000, which no text has")
        return asked


class Told(BaseModel):
    """Base of what the site answers: more fields may come later."""

    model_config = ConfigDict(extra="allow")


class Said(Told):
    """What a sentence of the platform says, for readers of another language than English (ADR 0167)."""

    code: str = Field(description="the sentence's name, stable", examples=["agree"])
    figures: dict[str, int | str | list[Said]] = Field(
        default={}, description="what fills its gaps: numbers, text, or sentences within it", examples=[{"n": 2}]
    )


Sentences = Annotated[
    list[Said],
    Field(description="what the sentence says; absent or empty = it is shown as it is", examples=[[{"code": "agree"}]]),
]
UNSAID: Any = Field(default=[])


class Problem(Told):
    code: str = Field(description="stable, for scripts", examples=["not_signed_in"])
    message: str = Field(description="what happened, one sentence")
    cure: str = Field(description="what to do, or empty where nobody can do anything")
    message_said: Sentences = UNSAID
    cure_said: Sentences = UNSAID


class ProblemBody(Told):
    error: Problem


# --- accounts ---------------------------------------------------------------------------------------------------


Role = Literal["worker", "requester", "operator", "workpool"]
FreeRole = Literal["worker", "requester"]


class SignUp(Asked):
    name: Annotated[str, Field(min_length=1, max_length=64, examples=["quick-otter"])]
    password: Annotated[str, Field(min_length=1, max_length=1_000)]
    role: FreeRole = "worker"
    simulated: bool = Field(default=False, description="honoured only where the site allows a simulated crowd")


class SignIn(Asked):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=1_000)]


class Worker(Told):
    """An account. `worker` is its address, whatever its roles."""

    worker: Address
    name: str
    simulated: bool = False
    roles: list[Role] = Field(default=["worker"], examples=[["worker"]])


class Done(Told):
    done: bool = True


class Session(Told):
    session_id: str = Field(description="names the session and opens nothing")
    created_at_ms: AtMs
    expires_at_ms: AtMs
    way: str = Field(description="password, passkey, wallet, email or link")
    device: str = Field(description="what the browser called itself")
    here: bool = Field(description="whether this request came with it")


class Sessions(Told):
    sessions: list[Session]


Name = Annotated[str, Field(min_length=1, max_length=64, examples=["quick-otter"])]
NameOrNone = Annotated[str, Field(max_length=64, description="for a new account; empty = a made-up one")]
Credential = Annotated[
    dict[str, Any],
    Field(description="`PublicKeyCredential.toJSON()` of the browser", examples=[{"id": "AQID", "response": {}}]),
]
Scope = Literal["work", "earnings", "jobs", "results", "webhooks", "pool", "operate"]


class WaysOffered(Told):
    password: bool
    wallet: bool
    passkey: bool = Field(description="needs a name with TLS, or localhost")
    email: bool


class WalletBegin(Asked):
    address: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$", examples=["0x" + "ab" * 20])]
    chain_id: Annotated[int, Field(ge=1, lt=2**53)] = 1


class WalletMessage(Told):
    message: str = Field(description="sign it as a personal message (EIP-191) and send it back unchanged")


class WalletProof(Asked):
    message: Annotated[str, Field(min_length=1, max_length=2_000)]
    signature: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{130}$", examples=["0x" + "ab" * 65])]


class WalletSignIn(WalletProof):
    name: NameOrNone = ""
    role: FreeRole = "worker"


class WalletExport(Asked):
    passphrase: Annotated[str, Field(min_length=12, max_length=200)]


class Keystore(Told):
    keystore: dict[str, Any] = Field(description="Web3 Secret Storage, version 3: any Ethereum wallet opens it")


class PasskeyBegin(Asked):
    name: Name
    role: FreeRole = "worker"


class PasskeyOptions(Told):
    options: dict[str, Any] = Field(description="for `PublicKeyCredential.parse...OptionsFromJSON()`")


class PasskeyMade(Asked):
    credential: Credential
    label: Annotated[str, Field(max_length=60)] = ""


class PasskeyUsed(Asked):
    credential: Credential


class EmailBegin(Asked):
    email: Annotated[str, Field(min_length=3, max_length=254, examples=["otter@example.org"])]
    role: FreeRole = "worker"


class LinkUsed(Asked):
    token: Annotated[str, Field(min_length=1, max_length=100, description="what stands after `#link=`")]


class Passkey(Told):
    passkey_id: str
    name: str
    created_at_ms: AtMs
    used_at_ms: int | None


class Linked(Told):
    name: str
    created_at_ms: AtMs


class OwnAccount(Told):
    account: Worker
    password: bool
    passkeys: list[Passkey]
    wallets: list[Linked]
    emails: list[Linked]
    wallet_kept: bool = Field(description="whether the key of the account's address is kept here")


class NewPassword(Asked):
    password: Annotated[str, Field(min_length=1, max_length=1_000)]


class RoleTaken(Asked):
    role: FreeRole


class Ended(Told):
    ended: int


class KeyWish(Asked):
    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10, examples=[["work"]])]
    lasts_ms: Annotated[int | None, Field(ge=1, le=10 * 365 * 86_400_000, description="null = until it is ended")] = (
        None
    )


class Key(Told):
    key_id: str = Field(description="names the key and opens nothing")
    name: str
    scopes: list[Scope]
    created_at_ms: AtMs
    expires_at_ms: int | None


class Keys(Told):
    keys: list[Key]


class NewKey(Key):
    key: str = Field(description="the key itself, told this once", examples=["mhk_" + "ab" * 32])


class HookWish(Asked):
    url: Annotated[str, Field(min_length=1, max_length=500, examples=["https://erp.example.org/manyhands"])]
    name: Annotated[str, Field(max_length=64)] = ""


class Hook(Told):
    hook_id: Id
    url: str
    name: str
    created_at_ms: AtMs
    waiting: int = Field(description="events that the receiver has not taken yet", examples=[0])
    rotated_at_ms: AtMs | None = Field(description="when its secret was made anew, null = never")


class NewHook(Hook):
    secret: str = Field(description="the key of its signatures", examples=["whs_" + "ab" * 32])


class Hooks(Told):
    hooks: list[Hook]


class Telling(Told):
    job_id: Id
    name: str
    number: int = Field(description="place among the job's events, from 1, without gaps")
    state: Literal["waiting", "told"]
    attempts: int
    status: int | None = Field(description="the receiver's last answer, null = none came")
    reason: str
    at_ms: AtMs
    told_at_ms: int | None


class Tellings(Told):
    tellings: list[Telling]


class Replay(Asked):
    job_id: Annotated[str, Field(min_length=1, max_length=80)]
    from_number: Annotated[int, Field(ge=1, le=2**31)] = 1


class Replayed(Told):
    events: int


# --- work -------------------------------------------------------------------------------------------------------


class Needs(Told):
    """What the work asks of a worker."""

    languages: list[str] = Field(description="one of them suffices; empty = any")
    screen: Literal["any", "wide"]
    pointer: Literal["any", "fine"]
    score_bp: int = Field(description="least standing in this kind of work; 0 = none is asked for")


class LearningOffer(Told):
    """What the job pays this worker for getting ready, with the answers that follow."""

    guide_minor: Minor = Field(description="for reading the guide; 0 = nothing is due")
    practice_minor: Minor = Field(description="for the practice; 0 = nothing is due")
    places_left: int = Field(description="workers whom this job still pays for it")
    practice: bool = Field(description="this kind of work has a practice")
    practised: bool


class DailyShare(Told):
    """What a job's daily cap leaves of today."""

    parts: int = Field(description="at most one part in so many of the funds is reserved, and paid, per day of UTC")
    left_minor: Minor = Field(description="what today has left for work that is lent now")
    next_at_ms: AtMs
    full: bool = Field(description="today has no room for one more answer")


class Offer(Told):
    job_id: Id
    title: str
    task_type: str
    task_type_title: str
    guide: str = Field(description="how to do it, plain text")
    content_class: str
    open_tasks: int
    reward_minor_median: Minor
    currency: str
    exponent: int
    seconds_p50: float
    seconds_p90: float | None
    pay_per_hour_minor: Minor
    floor_per_hour_minor: Minor
    measured: bool = Field(description="false = estimated, fewer than 20 answers were timed")
    simulated: bool
    requester: str
    guide_version: str = Field(description="another text is another version")
    guide_read: bool
    own_seconds: float | None = Field(description="own pace in this kind of work; null = too few answers")
    own_per_hour_minor: int | None
    requester_jobs: int
    requester_stars_milli: int | None = Field(description="mean of 1..5 in thousandths; null below 5 ratings")
    requester_ratings: int
    requester_refused_bp: int | None = Field(description="share of answers refused; null below 20 answers")
    learning: LearningOffer
    needs: Needs
    unfit: list[str] = Field(description="why it does not fit: score, language, screen, pointer; empty = it fits")
    pool_name: str = Field(
        description='your work pool for whose members alone it is; "" = for everybody', examples=["town archive"]
    )
    daily_share: DailyShare | None = Field(default=None, description="null = the job has no daily cap")
    meanings: dict[str, list[str]] = Field(
        description="of a job of fields: field -> what counts as it, in the language asked for where there is one",
        examples=[{"total": ["What is to be paid in the end: after tax, discount and rounding."]}],
    )


class Offers(Told):
    offers: list[Offer]


class Claim(Asked):
    count: Annotated[int, Field(ge=1, le=20, examples=[10])] = 10


class Assignment(Told):
    assignment_id: Id
    task_id: Id
    picture_url: str
    question: str = Field(description="type of the question inside the task type", examples=["amount"])
    effort_ms: Ms
    reward_minor: Minor


class Bundle(Told):
    lease_until_ms: AtMs
    assignments: list[Assignment]


class Answer(Asked):
    assignment_id: Id
    text: Annotated[str | None, Field(max_length=2_000, description="null = cannot read", examples=["12.50"])]
    active_ms: Annotated[int, Field(ge=0, le=86_400_000, description="time worked, each pause counted up to 10 s")]


class Answers(Asked):
    answers: Annotated[list[Answer], Field(min_length=1, max_length=20)]


class Outcome(Told):
    assignment_id: Id
    outcome: Literal["stored", "already_stored", "late_stored", "refused"]
    because: str
    because_said: Sentences = UNSAID


class Outcomes(Told):
    outcomes: list[Outcome]


class Return(Asked):
    assignment_ids: Annotated[list[Id], Field(min_length=1, max_length=20)]


class Returned(Told):
    returned: int


class Report(Asked):
    assignment_id: Id
    code: Annotated[str, Field(max_length=64)]
    text: Annotated[str, Field(max_length=2_000)] = ""


class Reported(Told):
    report_id: Id


class ReportCode(Told):
    code: str
    title: str
    title_said: Sentences = UNSAID


class ReportCodes(Told):
    codes: list[ReportCode]


class Transaction(Told):
    chain_id: int
    tx_hash: str


class JobEarnings(Told):
    job_id: Id
    title: str
    currency: str
    exponent: int
    answers: int
    waiting: int
    accepted: int
    refused: int
    pending_minor: Minor
    earned_minor: Minor
    bonus_minor: Minor
    top_up_minor: Minor
    restored_minor: Minor = Field(default=0, description="given back by appeals")
    learning_minor: Minor = Field(default=0, description="for reading the guide and practising")
    paid_minor: Minor
    transactions: list[Transaction]
    because: str
    because_said: Sentences = UNSAID


class EarningsIn(Told):
    """What was earned in one currency."""

    currency: str
    exponent: int
    pending_minor: Minor
    accepted_minor: Minor
    paid_minor: Minor
    credited_ms: Ms
    pay_per_hour_minor: int | None
    jobs: list[JobEarnings]


class Earnings(EarningsIn):
    others: list[EarningsIn] = Field(description="the same in each other currency: two kinds of money are never added")


class Exhibit(Told):
    picture_url: str
    question: str
    text: str | None


class Case(Told):
    case_id: Id
    task_id: Id
    picture_url: str
    code: str
    text: str
    question: str
    reward_minor: Minor = Field(description="what the vote is paid")
    kind: Literal["report", "appeal"] = "report"
    exhibits: list[Exhibit] = Field(default=[], description="of an appeal: pieces and what was answered")


class Cases(Told):
    cases: list[Case]


class Vote(Asked):
    uphold: bool
    because: Annotated[str, Field(max_length=2_000)] = ""


class TypeStanding(Told):
    answer_type: str = Field(description="kind of answer: a field type, or the form that asks; empty = none was told")
    score_bp: int
    right_milli: int
    wrong_milli: int
    right: int = Field(description="right ones of those that the last job judged")
    judged: int


class Standing(Told):
    skill: str
    score_bp: int
    right_milli: int
    wrong_milli: int
    because: str
    because_said: Sentences = UNSAID
    at_ms: AtMs
    types: list[TypeStanding] = Field(default=[], description="the same by kind of answer")


class StandingChange(Told):
    skill: str
    at_ms: AtMs
    job_id: Id
    title: str
    score_bp: int
    right_milli: int
    wrong_milli: int
    because: str
    because_said: Sentences = UNSAID
    types: list[TypeStanding] = []
    counts: dict[str, int] = Field(
        default={},
        description="what because says: right, judged, taken_back, practice_right, practice_asked",
    )


class Standings(Told):
    standings: list[Standing]
    changes: list[StandingChange] = Field(default=[], description="every change with its cause, oldest first")


# --- jobs, for anyone -------------------------------------------------------------------------------------------


class JobRow(Told):
    job_id: Id
    title: str
    state: str
    simulated: bool


class Jobs(Told):
    jobs: list[JobRow]


class QuoteLine(Told):
    title: str = Field(description="what is paid for, one of a few fixed texts", examples=["answers"])
    minor: Minor = Field(description="at most: what the escrow is funded with, minor units")
    expected_minor: Minor
    because: str
    figures: dict[str, int] = Field(default={}, description="what because says in figures", examples=[{"most": 128}])


class Anchor(Told):
    root: str
    count: int
    tx_hash: str


class Job(Told):
    """Everything the record says of a job. A group that does not exist yet is absent."""

    job_id: Id
    title: str
    state: str
    simulated: bool


class ResultFile(Told):
    name: str
    size_bytes: int
    media_type: str
    url: str


class ResultFiles(Told):
    files: list[ResultFile]


class CurrencyView(Told):
    """A token that jobs are paid in, as amounts are counted and told here."""

    code: str = Field(examples=["MHT"])
    exponent: int = Field(description="decimals between what people speak of and the minor unit", examples=[6])
    spoken: str = Field(description="the money that people are told it is", examples=["USD"])


class Currencies(Told):
    currencies: list[CurrencyView] = Field(description="the platform's first one first")


class Health(Told):
    ok: bool
    version: str


class MessageTaken(Told):
    outcome: str = Field(examples=["applied", "duplicate", "refused"])
    reason: str = ""


Receipt = Annotated[dict[str, Any], Field(examples=[{"answer_id": "3f" * 16, "batch_no": 1, "root": "0x" + "cd" * 32}])]
