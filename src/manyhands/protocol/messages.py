"""What roles say to each other: one signed envelope, one body type per event.

Rules kept here
- An id is made from sender, recipient, type and meaning: the same statement sent twice is one message.
- The signature covers every other field of the envelope. A body is decoded only after the signature was checked.
- Nothing here is per answer: answers and verdicts travel in batches of at most `BATCH_MAX`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from . import canonical
from .errors import BadSignature, ProtocolError
from .ids import digest
from .manifest import Manifest
from .signing import Signer, recover_signer

BATCH_MAX = 1_000

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""A message as it is sent, at most. A thousand of the longest answers there can be (2,000 signs of four bytes) take 8.3
MB, and as much again in no message; whoever would say more is told before it is sent."""

Role = Literal["launcher", "router", "exchange", "recording", "reputation", "jury"]
ROLES: tuple[Role, ...] = ("launcher", "router", "exchange", "recording", "reputation", "jury")


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type", tag=True):
    """Base of every message body. `job_id` orders messages: those of one job arrive as they were sent."""

    job_id: str

    def meaning(self) -> tuple[str | int, ...]:
        """What makes this statement the same statement when it is made again."""
        return (self.job_id,)


# --- launcher <-> router ------------------------------------------------------------------------------------------


class RouteRequested(Body, frozen=True, kw_only=True):
    """The launcher asks where a job shall run. attempt counts up when an earlier route failed before funding."""

    manifest: Manifest
    attempt: int = 1
    avoid_chain_ids: tuple[int, ...] = ()

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.attempt)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One chain and exchange that was looked at. cost_minor = network cost; finality_ms = until a payment is final."""

    chain_id: int
    exchange: str
    healthy: bool
    cost_minor: int
    finality_ms: int
    because: str


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job runs and why. Addresses of the chosen parties; "" and 0 when no route was found."""

    chain_id: int
    exchange: str
    recording: str
    reputation: str
    jury: str
    reason: str
    considered: tuple[Candidate, ...]
    decided_at_ms: int


class RouteDecided(Body, frozen=True, kw_only=True):
    """The router's signed decision."""

    attempt: int
    found: bool
    routing: Routing

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.attempt)


# --- launcher -> exchange, recording, reputation ------------------------------------------------------------------


class JobFunded(Body, frozen=True, kw_only=True):
    """The escrow exists and is being funded. Each party waits for the chain's own word before it acts on money."""

    manifest: Manifest
    routing: Routing
    escrow: str
    token: str
    funded_minor: int
    launcher: str


class PageRef(msgspec.Struct, frozen=True, kw_only=True):
    """One re-encoded page image in the blob store. width, height in pixels.

    text_blob  blob of the words of a born-digital page with their boxes, "" = a scan
    questions  asked about the whole page; the page is then neither read nor cut
    known      beside `questions`: the answer that the requester knows, "" = none. Shorter = the rest is not known
    """

    page_no: int
    blob: str
    width: int
    height: int
    text_blob: str = ""
    questions: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


class DocumentRef(msgspec.Struct, frozen=True, kw_only=True):
    """One document of the job. kind  receipt, invoice, table, ...

    truth_blob  the requester's known record of it, where it is to measure workers and not the result; "" = none
    """

    doc_id: str
    kind: str
    pages: tuple[PageRef, ...]
    truth_blob: str = ""


class DocumentsHanded(Body, frozen=True, kw_only=True):
    """The pages, to the exchange alone."""

    documents: tuple[DocumentRef, ...]


class HoldbackHanded(Body, frozen=True, kw_only=True):
    """The requester's known documents, to the reputation oracle alone: never shown to workers, never used in inference.

    truth_blobs  document id -> blob of its truth (schema of a result document)
    """

    truth_blobs: dict[str, str]


class CancelRequested(Body, frozen=True, kw_only=True):
    """The requester wants no more work. What was accepted is paid."""

    because: str = ""


# --- exchange <-> recording ---------------------------------------------------------------------------------------


REQUESTER = "requester"
"""The `reader` of a piece whose text the requester handed over as known."""

MADE = "made"
"""The `reader` of an answer to a question that the exchange made up to measure people; nothing of it is delivered."""


class ReadingFact(msgspec.Struct, frozen=True, kw_only=True):
    """What one machine reader made of a piece. confidence_bp as the reader claims it."""

    reader: str
    text: str
    confidence_bp: int


class TaskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the recording oracle needs to judge a task: never the picture.

    question   type of the question inside the task type (field type for a transcription)
    gold       the answer is thought known and measures workers; people may still overrule it
    """

    task_id: str
    question: str
    readings: tuple[ReadingFact, ...]
    gold: bool
    effort_ms: int
    reward_minor: int


class Learned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A worker of the job who got ready for its kind of work and was not paid for that yet, as the exchange saw it.

    guide         version of the guide that was read; "" = nothing is due for one
    language      in which it was read, and so how long it took; absent = English
    practice      version of the practice that was finished; "" = nothing is due for one
    right, asked  of its known pieces that count
    at_ms         when the later of the two was done
    """

    worker: str
    guide: str = ""
    practice: str = ""
    right: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0
    asked: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0
    at_ms: int
    language: str | msgspec.UnsetType = msgspec.UNSET


class TasksOpened(Body, frozen=True, kw_only=True):
    """Tasks that the exchange offers. complete = no more will follow for this job.

    appeals  with complete: every appeal of the job. Their rulings come from the jury and are waited for
    learned  with complete: workers who are to be paid for getting ready, the first to be ready first
    """

    batch_no: int
    tasks: tuple[TaskFacts, ...]
    complete: bool
    appeals: tuple[str, ...] = ()
    learned: tuple[Learned, ...] = ()

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.batch_no)


class AnswerFact(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's answer to one task. text None = "cannot read". Times in ms; active_ms as measured and capped."""

    task_id: str
    worker: str
    text: str | None
    active_ms: int
    received_at_ms: int


class AnswersCollected(Body, frozen=True, kw_only=True):
    """A batch of answers in the order received."""

    batch_no: int
    answers: tuple[AnswerFact, ...]

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.batch_no)


class TasksWithdrawn(Body, frozen=True, kw_only=True):
    """Tasks that will get no more answers: upheld report or cancellation. Answers already given stay paid."""

    task_ids: tuple[str, ...]
    because: str

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.because, digest(*sorted(self.task_ids)))


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the recording oracle says of one task after a batch.

    outcome  accept (value is final), ask_more, unreadable (no value)
    wanted   with ask_more: answers to this task in all, refused ones included, before the next step can be final
    """

    task_id: str
    outcome: Literal["accept", "ask_more", "unreadable"]
    value: str | None
    confidence_bp: int
    support: int
    wanted: int
    because: str


class RefusedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that earns nothing, with its code, reason and evidence."""

    task_id: str
    worker: str
    code: str
    because: str


class WorkerNeed(msgspec.Struct, frozen=True, kw_only=True):
    """What the oracle would have a worker be lent next.

    skill_bp       chance that an answer of this worker is right, as it stands now
    gold_share_bp  share of known pieces among the next tasks
    """

    skill_bp: int
    gold_share_bp: int


class BatchRecorded(Body, frozen=True, kw_only=True):
    """Verdicts of one batch, anchored, its accepted pay reserved in the same act; under a daily cap on the first day
    that has room for it.

    needs      by worker of this batch: whom to ask what next. Advice: no verdict and no pay depends on it
    suspended  known pieces of this batch that reliable people contradict: they are to measure nobody any more
    """

    batch_no: int
    decisions: tuple[Decision, ...]
    refused: tuple[RefusedAnswer, ...]
    earned_minor: dict[str, int]
    root: str
    evidence_blob: str
    reserved_minor: int
    needs: dict[str, WorkerNeed] = {}
    suspended: tuple[str, ...] = ()

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.batch_no)


class JobRecorded(Body, frozen=True, kw_only=True):
    """Every task of the job has its final verdict. To exchange and reputation oracle.

    appeals  every appeal of the job; nobody is paid before their rulings are here
    learned  who is to be paid for getting ready, as the exchange told it
    """

    evidence_blobs: tuple[str, ...]
    roots: tuple[str, ...]
    reserved_minor: int
    short_of_funds: bool = False
    appeals: tuple[str, ...] = ()
    learned: tuple[Learned, ...] = ()


# --- exchange -> reputation ---------------------------------------------------------------------------------------


class ResultsAssembled(Body, frozen=True, kw_only=True):
    """The pieces are back in their pages. package_hash = sha-256 of the package blob."""

    package_blob: str
    package_hash: str
    evidence_blobs: tuple[str, ...]


# --- reputation -> others -----------------------------------------------------------------------------------------


class ExtraPayDetermined(Body, frozen=True, kw_only=True):
    """Top-ups to the fair floor and bonuses, to be reserved by the recording oracle: two keys for every payment.

    extra_minor   per worker, beyond what was reserved answer by answer
    bonus_minor   how much of it is bonus, per worker, and
    top_up_minor  how much lifts the pay to the floor; what is left over is a juror's pay or was given back by an appeal
    """

    extra_minor: dict[str, int]
    payouts_blob: str
    bonus_minor: dict[str, int] = {}
    top_up_minor: dict[str, int] = {}


class ExtraPayReserved(Body, frozen=True, kw_only=True):
    """The recording oracle checked the extra pay against its own records and reserved it."""

    reserved_minor: int
    transaction: str


class JobJudged(Body, frozen=True, kw_only=True):
    """The whole-job verdict, before pay. rests_on says in words what it was measured on."""

    accepted: bool
    measured_bp: int
    lower_bp: int
    rests_on: str


class TypeStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's standing in one answer type of a skill: counts of this type alone, and the lower bound.

    right, judged  answers of this type that the job judged: why it moved
    """

    right_micro: int
    wrong_micro: int
    score_bp: int
    right: int
    judged: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's standing in one skill: counts in millionths of an answer at at_ms, and the lower bound.

    types   the same by answer type; "" = answers of which no type was told
    counts  what `because` says in figures, for pages in any language: right, judged, taken_back, practice_right,
            practice_asked; a figure that is not part of it is absent
    """

    worker: str
    skill: str
    right_micro: int
    wrong_micro: int
    at_ms: int
    score_bp: int
    because: str
    types: dict[str, TypeStanding] = {}
    counts: dict[str, int] = {}


class NewcomersPrior(msgspec.Struct, frozen=True, kw_only=True):
    """What newcomers to a skill turned out to be, millionths of an answer: their starting score and its weight.

    skill  with the kind of people, where these are simulated: `judging.crowd_of`
    """

    skill: str
    right_micro: int
    wrong_micro: int


class StandingsChanged(Body, frozen=True, kw_only=True):
    """New standings after a job, to exchange and recording oracle. prior: what newcomers are believed from now on."""

    standings: tuple[Standing, ...]
    prior: NewcomersPrior | None = None


class WorkersLinked(Body, frozen=True, kw_only=True):
    """Workers who are to count as one from now on, or as single persons again. To exchange and recording oracle.

    job_id      the job whose evidence shows it
    groups      worker -> name of the group; "" = alone again
    link_no     counts up with every word of the sender, so that the last one holds
    because     what it rests on, for the workers to read; it takes no pay
    """

    groups: dict[str, str]
    link_no: int
    because: str

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.link_no)


class WorkerSign(msgspec.Struct, frozen=True, kw_only=True):
    """A sign in one worker's own answers. evidence: counts by name; cleared_because: "" = nobody took it back."""

    worker: str
    kind: str
    says: str
    evidence: dict[str, int]
    cleared_because: str = ""


class SignsTold(Body, frozen=True, kw_only=True):
    """What was noticed of single workers' answers in a job, for them to read. To the exchange. It takes no pay.

    word_no  counts up with every word of the sender on this job, so that the last one holds
    """

    signs: tuple[WorkerSign, ...]
    word_no: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.word_no)


class JobSettled(Body, frozen=True, kw_only=True):
    """Everyone is paid or credited, the rest is refunded, the results are delivered."""

    accepted: bool
    paid_minor: dict[str, int]
    fees_minor: int
    refunded_minor: int
    package_blob: str
    package_hash: str
    payouts_blob: str
    transactions: tuple[str, ...]


# --- misuse -------------------------------------------------------------------------------------------------------


class ReportFiled(Body, frozen=True, kw_only=True):
    """A worker says that a task is broken or inappropriate. The task is frozen already.

    eligible  workers that may judge it: not the reporter, not the launcher
    """

    report_id: str
    task_id: str
    reporter: str
    code: str
    text: str
    picture_blob: str
    eligible: tuple[str, ...]
    escrow: str
    chain_id: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.report_id)


class JurorsDrawn(Body, frozen=True, kw_only=True):
    """Workers drawn by the jury role to judge a report, blind of who reported. Each juror signs one of the digests."""

    report_id: str
    case_id: str
    jurors: tuple[str, ...]
    clear_digest: str
    uphold_digest: str

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.case_id)


class VoteCast(Body, frozen=True, kw_only=True):
    """One juror's vote with the juror's own signature over the case's digest."""

    case_id: str
    juror: str
    uphold: bool
    because: str
    signature: str

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.case_id, self.juror)


class ReportRuled(Body, frozen=True, kw_only=True):
    """The jury's ruling. uphold takes the task from the job and slashes the launcher's stake."""

    report_id: str
    case_id: str
    task_id: str
    uphold: bool
    votes_for: int
    votes_against: int
    jurors_paid_minor: dict[str, int]

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.case_id)


# --- appeals ------------------------------------------------------------------------------------------------------


class AppealFiled(Body, frozen=True, kw_only=True):
    """A worker asks people to look again at refused answers. One appeal holds all of them, at most `BATCH_MAX`.

    eligible  workers that may judge it: none of them has had one of the pieces shown
    """

    appeal_id: str
    worker: str
    words: str
    task_ids: tuple[str, ...]
    eligible: tuple[str, ...]

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.appeal_id)


class AppealJurorsDrawn(Body, frozen=True, kw_only=True):
    """Workers drawn to judge an appeal, blind of whose it is."""

    appeal_id: str
    jurors: tuple[str, ...]

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.appeal_id)


class AppealVote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One juror's vote, signed with the juror's own wallet over `appeals.vote_text`."""

    juror: str
    grant: bool
    signature: str


class AppealVoteCast(Body, frozen=True, kw_only=True):
    """A vote on its way to the jury, with the juror's reason."""

    appeal_id: str
    vote: AppealVote
    because: str

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.appeal_id, self.vote.juror)


class AppealRuled(Body, frozen=True, kw_only=True):
    """What became of an appeal, with the signatures it rests on. Granted, the answers earn what they were offered for.

    heard  False = nobody could be found to judge in time; then doubt is the worker's and it is granted
    """

    appeal_id: str
    worker: str
    task_ids: tuple[str, ...]
    granted: bool
    heard: bool
    because: str
    jurors: tuple[str, ...]
    votes: tuple[AppealVote, ...]
    jurors_paid_minor: dict[str, int]

    def meaning(self) -> tuple[str | int, ...]:
        return (self.job_id, self.appeal_id)


AnyBody = (
    RouteRequested | RouteDecided | JobFunded | DocumentsHanded | HoldbackHanded | CancelRequested | TasksOpened
    | AnswersCollected | TasksWithdrawn | BatchRecorded | JobRecorded | ResultsAssembled | ExtraPayDetermined
    | ExtraPayReserved | JobJudged | StandingsChanged | WorkersLinked | SignsTold | JobSettled | ReportFiled
    | JurorsDrawn | VoteCast | ReportRuled | AppealFiled | AppealJurorsDrawn | AppealVoteCast | AppealRuled
)  # fmt: skip


# --- the envelope -------------------------------------------------------------------------------------------------


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A signed statement of one role to another. Addresses in lower case; body = canonical JSON of one `Body`."""

    id: str
    sender: str
    sender_role: Role
    recipient: str
    recipient_role: Role
    job_id: str
    sent_at_ms: int
    body_type: str
    body: msgspec.Raw
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """What the signature covers: all fields but itself, in canonical form."""
        return canonical.encode(
            {name: getattr(self, name) for name in self.__struct_fields__ if name != "signature"},
        )


def seal(
    body: Body, *, signer: Signer, sender_role: Role, recipient: str, recipient_role: Role, now_ms: int
) -> Envelope:
    """Wraps and signs a body."""
    body_type = type(body).__name__
    unsigned = Envelope(
        id=digest("message", signer.address, recipient, recipient_role, body_type, *body.meaning()),
        sender=signer.address,
        sender_role=sender_role,
        recipient=recipient,
        recipient_role=recipient_role,
        job_id=body.job_id,
        sent_at_ms=now_ms,
        body_type=body_type,
        body=msgspec.Raw(canonical.encode(body)),
    )
    return msgspec.structs.replace(unsigned, signature=signer.sign_text(unsigned.signed_bytes()))


def check_envelope(envelope: Envelope) -> None:
    """raises BadSignature unless the named sender signed exactly this envelope"""
    recovered = recover_signer(envelope.signed_bytes(), envelope.signature)
    if recovered != envelope.sender:
        raise BadSignature(envelope.id, claimed=envelope.sender, recovered=recovered)


def open_envelope(envelope: Envelope) -> AnyBody:
    """The body of a checked envelope.

    raises  BadSignature, BadShape, ProtocolError when id or job do not follow from the body
    """
    check_envelope(envelope)
    body: AnyBody = canonical.decode(bytes(envelope.body), AnyBody, what=envelope.body_type)
    expected = digest(
        "message", envelope.sender, envelope.recipient, envelope.recipient_role, envelope.body_type, *body.meaning()
    )
    if type(body).__name__ != envelope.body_type or body.job_id != envelope.job_id or expected != envelope.id:
        raise ProtocolError(f"message {envelope.id}: its id does not follow from its content")
    return body


def encode_envelope(envelope: Envelope) -> bytes:
    return canonical.encode(envelope)


def decode_envelope(raw: bytes) -> Envelope:
    envelope: Envelope = canonical.decode(raw, Envelope, what="envelope")
    return envelope
