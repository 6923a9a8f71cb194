"""The files that anchors point to, and the proof that a worker keeps.

Rules kept here
- One evidence file per recorded batch: tasks, answers with their salts, decisions. Its Merkle root stands on chain.
- The leaf of an answer commits to task, worker, text, time and reward; the salt makes it unguessable.
- A receipt proves one answer without showing any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from . import canonical, merkle
from .errors import ProtocolError
from .messages import AnswerFact, AppealRuled, Decision, Learned, RefusedAnswer, TaskFacts
from .money import Currency

Salt = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
"""256 bits of chance, hexadecimal."""


class EvidenceMismatch(ProtocolError):
    """Evidence does not give what was anchored."""

    def __init__(self, what: str, *, expected: str, found: str) -> None:
        self.what, self.expected, self.found = what, expected, found
        super().__init__(f"{what}: expected {expected}, found {found}")


class AnswerRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One answer as recorded. reward_minor 0 = refused. salt = 64 hex characters."""

    answer: AnswerFact
    reward_minor: int
    salt: Salt

    def leaf(self) -> bytes:
        return merkle.leaf(bytes.fromhex(self.salt), canonical.encode([self.answer, self.reward_minor]))


class JudgingTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By what a job is judged beside its manifest, fixed with its first batch. The defaults judge older evidence.

    prior_right_micro, prior_wrong_micro  what is believed of a newcomer to the skill, millionths of an answer
    brought_most       answers that a standing may weigh in this job; 0 = as many as it has
    settled_weight_bp  what an answer counts for skill that came after the verdict which judges it
    suspends_gold      whether gold that reliable people contradict is suspended
    type_lean          an answer weighs by its worker's skill in its answer type, where all other types stay under
                       so many answers (`reputation.of_type`); absent = by the skill of the whole
    overlook_bp        share of wrong readings, shown to choose between, that newcomers are believed to take for right;
                       absent = nobody is believed to overlook any
    """

    prior_right_micro: int = 8_500_000
    prior_wrong_micro: int = 1_500_000
    brought_most: int = 0
    settled_weight_bp: int = 10_000
    suspends_gold: bool = False
    type_lean: Annotated[int, msgspec.Meta(ge=1)] | msgspec.UnsetType = msgspec.UNSET
    overlook_bp: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | msgspec.UnsetType = msgspec.UNSET


class BatchEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything needed to judge a batch again. Root over answers in this order, then over decisions.

    standings  worker -> (right_micro, wrong_micro, at_ms) brought into the job by workers first met in this batch
    terms      in the first batch; absent in evidence from before there were any
    groups     worker -> group of workers who count as one from this batch on, "" = as one person again; only what is
               new. Absent = nothing is
    types      worker -> answer type -> (right_micro, wrong_micro), of those in `standings` of whom it is known. Absent
               = of nobody, or the job is not judged by type

    Files and roots without terms, groups or types are, byte for byte, those from before there were any.
    """

    job_id: str
    batch_no: int
    tasks: tuple[TaskFacts, ...]
    withdrawn: tuple[str, ...]
    standings: dict[str, tuple[int, int, int]]
    answers: tuple[AnswerRecord, ...]
    decisions: tuple[Decision, ...]
    refused: tuple[RefusedAnswer, ...]
    decisions_salt: Salt
    terms: JudgingTerms | msgspec.UnsetType = msgspec.UNSET
    groups: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    types: dict[str, dict[str, tuple[int, int]]] | msgspec.UnsetType = msgspec.UNSET

    def leaves(self) -> list[bytes]:
        """Leaves of the batch's tree: one per answer, then one for all decisions, tasks, standings and refusals."""
        said: list[Any] = [
            self.job_id, self.batch_no, self.tasks, self.withdrawn, self.standings, self.decisions, self.refused,
        ]  # fmt: skip
        if any(newer is not msgspec.UNSET for newer in (self.terms, self.groups, self.types)):
            by_type = {} if self.types is msgspec.UNSET else {"types": self.types}
            said.append({"terms": self.terms or None, "groups": self.groups or None, **by_type})
        rest = canonical.encode(said)
        return [record.leaf() for record in self.answers] + [merkle.leaf(bytes.fromhex(self.decisions_salt), rest)]

    def root(self) -> bytes:
        return merkle.root(self.leaves())

    @property
    def reserved_minor(self) -> int:
        return sum(record.reward_minor for record in self.answers)


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a worker keeps of one answer: enough to prove it against the chain without the platform's help.

    currency, exponent  of the reward, as the manifest tells them; receipts of before were all in the test token
    """

    job_id: str
    chain_id: int
    escrow: str
    root: str
    record: AnswerRecord
    proof: tuple[str, ...]
    currency: str | msgspec.UnsetType = msgspec.UNSET
    exponent: int | msgspec.UnsetType = msgspec.UNSET


def receipt(
    evidence: BatchEvidence, index: int, *, chain_id: int, escrow: str, currency: Currency | None = None
) -> Receipt:
    """The receipt of the answer at index. currency  of its reward"""
    leaves = evidence.leaves()
    return Receipt(
        job_id=evidence.job_id,
        chain_id=chain_id,
        escrow=escrow,
        root="0x" + merkle.root(leaves).hex(),
        record=evidence.answers[index],
        proof=tuple("0x" + sibling.hex() for sibling in merkle.proof(leaves, index)),
        currency=msgspec.UNSET if currency is None else currency.code,
        exponent=msgspec.UNSET if currency is None else currency.exponent,
    )


def check_receipt(receipt_: Receipt, *, anchored_roots: Sequence[str]) -> None:
    """raises EvidenceMismatch when the answer is not under its root or the root was not anchored"""
    siblings = [bytes.fromhex(sibling[2:]) for sibling in receipt_.proof]
    if not merkle.proves(bytes.fromhex(receipt_.root[2:]), receipt_.record.leaf(), siblings):
        raise EvidenceMismatch("answer under root", expected=receipt_.root, found="another root")
    if receipt_.root not in anchored_roots:
        raise EvidenceMismatch("root on chain", expected=receipt_.root, found=f"{len(anchored_roots)} other anchors")


class WorkerPay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one worker's pay for one job came about, in minor units and ms.

    jury_minor      for judging its reports and appeals
    restored_minor  for refused answers that an appeal gave back
    learning_minor  for getting ready: the guide read, the practice finished
    """

    worker: str
    answers: int
    credited_ms: int
    base_minor: int
    bonus_minor: int
    top_up_minor: int
    jury_minor: int = 0
    restored_minor: int = 0
    learning_minor: int = 0
    standing_bp: int

    @property
    def total_minor(self) -> int:
        worked = self.base_minor + self.bonus_minor + self.top_up_minor
        return worked + self.jury_minor + self.restored_minor + self.learning_minor


class PayoutsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Payouts of a job, in the order paid. Its sha-256 is the hash in the payout transactions.

    measured_bp   share of the holdback that is right; -1 = there was no holdback
    package_hash  sha-256 of the delivered results, so that the chain's hash of this file covers them too
    appeals       rulings with the jurors' signatures: what restored pay rests on
    learned       who was ready for the first time, in the order in which places were given: what learning pay rests on
    """

    job_id: str
    package_hash: str
    measured_bp: int
    lower_bp: int
    accepted: bool
    rests_on: str
    pay: tuple[WorkerPay, ...]
    appeals: tuple[AppealRuled, ...] = ()
    learned: tuple[Learned, ...] = ()

    @property
    def total_minor(self) -> int:
        return sum(pay.total_minor for pay in self.pay)
