"""An exchange under test among four scripted roles: real tables, mailbox, work and pages; the other roles say what
their real ones would say, signed with their own keys, and remember what they were told.

    async def test_x(house: House, receipt_scan: SampleDocument) -> None:
        await house.announce([receipt_scan])
        await house.fund()
        await house.settle_down()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyhands.documents.samples import SampleDocument
from manyhands.documents.truth import truth_for_pieces
from manyhands.ledger.as_told import EscrowTold
from manyhands.protocol import canonical
from manyhands.protocol.evidence import AnswerRecord, BatchEvidence
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.manifest import Manifest, PayRule, QualityRule
from manyhands.protocol.messages import (
    AnswersCollected,
    AnyBody,
    BatchRecorded,
    Body,
    DocumentRef,
    DocumentsHanded,
    Envelope,
    JobFunded,
    JobRecorded,
    PageRef,
    Role,
    Routing,
    TasksOpened,
    WorkerNeed,
    open_envelope,
    seal,
)
from manyhands.protocol.parties import Directory, Party
from manyhands.protocol.signing import LocalSigner
from manyhands.roles import RoleContext
from manyhands.roles.exchange import QUEUES, Exchange, ExchangeSettings, Given
from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database, Tx
from manyhands.store.jobs import JobApp
from manyhands.store.mailbox import Mailbox, Receipt
from manyhands.task_types.judging import JobBook, TaskBook, WorkerBook, gold_need_bp, judge_batch, standing_from

START_MS = 1_790_000_000_000
ESCROW = "0x" + "e5" * 20
JOB = "job-1"
OTHERS: tuple[Role, ...] = ("launcher", "recording", "reputation", "jury")
FUNDED_MINOR = 50_000_000


@dataclass
class Clock:
    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass(frozen=True)
class ChainEvent:
    """A final event as the operator's indexer tells it."""

    chain_id: int
    address: str
    name: str
    args: dict[str, Any]
    tx_hash: str = "0x" + "77" * 32


@dataclass
class House:
    """One exchange, and four scripted roles that remember what they were told."""

    db: Database
    folder: Path
    clock: Clock = field(default_factory=Clock)
    tells_needs: bool = False
    objection: Exception | None = None  # what the chain has against the announced escrow
    heard: list[AnyBody] = field(default_factory=list)
    book: JobBook = field(default_factory=lambda: JobBook(rule=QualityRule(), skill="transcription"))
    blob_of_batch: list[str] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = {role: LocalSigner.create(SeededIds(role)) for role in (*OTHERS, "exchange")}
        self.jobs = JobApp(self.db)
        self.blobs = BlobStore(self.folder)
        directory = Directory(Party(role=role, address=key.address) for role, key in self.keys.items())
        self.mailbox = Mailbox(self.db, self.jobs, directory, clock=self.clock)
        ctx = RoleContext(
            role="exchange",
            signer=self.keys["exchange"],
            db=self.db,
            mailbox=self.mailbox,
            jobs=self.jobs,
            blobs=self.blobs,
            directory=directory,
            clock=self.clock,
            ids=SeededIds("exchange chance"),
        )
        secret = b"sixteen bytes at least"
        settings = ExchangeSettings(wallet_secret=secret, picture_secret=secret, reader_names=(), simulated_crowd=True)
        self.exchange = Exchange(ctx, settings, held_to_chain=self.held_to_chain)
        self.mailbox.register("exchange", ctx.address, self.exchange.on_message)
        for role in OTHERS:
            self.mailbox.register(role, self.keys[role].address, self._listen)

    async def held_to_chain(self, tx: Tx, chain_id: int, told: EscrowTold) -> int:
        assert (chain_id, told.job_id, told.escrow) == (1338, JOB, ESCROW.lower())
        assert told.launcher == self.keys["launcher"].address
        if self.objection is not None:
            raise self.objection
        return 1

    async def _listen(self, tx: Tx, envelope: Envelope) -> None:
        self.heard.append(open_envelope(envelope))

    async def say(self, role: Role, body: Body) -> Receipt:
        """A scripted role says something to the exchange."""
        envelope = seal(
            body, signer=self.keys[role], sender_role=role, recipient=self.keys["exchange"].address,
            recipient_role="exchange", now_ms=self.clock.now_ms,
        )  # fmt: skip
        return await self.mailbox.receive(envelope)

    async def chain_says(self, event: ChainEvent) -> None:
        async with self.db.transaction() as tx:
            await self.exchange.on_chain_event(tx, event)

    async def settle_down(self) -> None:
        """Lets ticks, messages and work happen until nothing is left."""
        for _ in range(3):
            await self.exchange.tick()
            await self.jobs.run_until_idle(["mail", *QUEUES], concurrency=4)

    def told(self, shape: type[Any]) -> list[Any]:
        return [body for body in self.heard if type(body) is shape]

    def routing(self) -> Routing:
        return Routing(
            chain_id=1338, exchange=self.keys["exchange"].address, recording=self.keys["recording"].address,
            reputation=self.keys["reputation"].address, jury=self.keys["jury"].address, reason="the only one",
            considered=(), decided_at_ms=START_MS,
        )  # fmt: skip

    async def announce(self, documents: Sequence[SampleDocument], **changes: Any) -> None:
        """Launcher and chain announce and fund a job over the documents."""
        manifest = Manifest(
            **{
                "job_id": JOB, "title": "Receipts", "requester": "requester-1", "task_type": "transcription",
                "privacy": "off", "crowd": "simulated", "machine": "none", "quality": QualityRule(),
                "pay": PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=10_000_000),
                "page_count": 1, "document_count": len(documents), "budget_minor": FUNDED_MINOR,
                "created_at_ms": START_MS, **changes,
            }
        )  # fmt: skip
        funded = JobFunded(
            job_id=JOB, manifest=manifest, routing=self.routing(), escrow=ESCROW, token="0x" + "11" * 20,
            funded_minor=FUNDED_MINOR, launcher=self.keys["launcher"].address,
        )  # fmt: skip
        assert (await self.say("launcher", funded)).outcome == "applied"
        refs = []
        for document in documents:
            pages = []
            for page_no, png in enumerate(document.pages, start=1):
                blob = await self.blobs.put(png, media_type="image/png", namespace=JOB)
                pages.append(PageRef(page_no=page_no, blob=blob, width=png_size(png)[0], height=png_size(png)[1]))
            refs.append(DocumentRef(doc_id=document.doc_id, kind=document.kind, pages=tuple(pages)))
        if refs:
            handed = DocumentsHanded(job_id=JOB, documents=tuple(refs))
            assert (await self.say("launcher", handed)).outcome == "applied"

    async def fund(self) -> None:
        await self.chain_says(ChainEvent(1338, ESCROW, "Fund", {"amount": FUNDED_MINOR}))

    async def workers(self, count: int) -> list[str]:
        made = [await self.exchange.sign_up(f"worker {n}", "a long password", simulated=True) for n in range(count)]
        return [account.worker for _, account in made]

    async def record(self) -> int:
        """The recording oracle judges every batch it has not judged; how many it did."""
        for body in self.told(TasksOpened):
            for facts in body.tasks:
                self.book.tasks.setdefault(facts.task_id, TaskBook(facts))
        due = self.told(AnswersCollected)[len(self.roots) :]
        for body in due:
            newcomers = {answer.worker for answer in body.answers} - set(self.book.workers)
            self.book.workers |= {worker: WorkerBook(standing_from(0, 0, 0)) for worker in newcomers}
            judged = judge_batch(
                body.answers,
                tasks=self.book.tasks,
                workers=self.book.workers,
                rule=self.book.rule,
                skill="transcription",
            )
            self.book.tasks.update(judged.tasks)
            self.book.workers.update(judged.workers)
            evidence = BatchEvidence(
                job_id=JOB, batch_no=len(self.roots) + 1, tasks=(), withdrawn=(),
                standings=dict.fromkeys(newcomers, (0, 0, 0)),
                answers=tuple(
                    AnswerRecord(answer=answer, reward_minor=reward, salt="ab" * 32)
                    for answer, reward in zip(body.answers, judged.rewards_minor, strict=True)
                ),
                decisions=judged.decisions, refused=judged.refused, decisions_salt="cd" * 32,
            )  # fmt: skip
            needs = {
                worker: WorkerNeed(skill_bp=own.standing.mean_bp, gold_share_bp=gold_need_bp(own, self.book.rule))
                for worker in sorted({answer.worker for answer in body.answers} | set(judged.workers))
                if (own := self.book.workers[worker])
            }
            told = await self.recorded(evidence, needs=needs if self.tells_needs else {})
            assert (await self.say("recording", told)).outcome == "applied"
        return len(due)

    async def recorded(self, evidence: BatchEvidence, **changes: Any) -> BatchRecorded:
        blob = await self.blobs.put(canonical.encode(evidence), media_type="application/json", namespace=JOB)
        self.blob_of_batch.append(blob)
        self.roots.append("0x" + evidence.root().hex())
        told: dict[str, Any] = {
            "job_id": JOB, "batch_no": evidence.batch_no, "decisions": evidence.decisions, "refused": evidence.refused,
            "earned_minor": {}, "root": self.roots[-1], "evidence_blob": blob,
            "reserved_minor": evidence.reserved_minor, **changes,
        }  # fmt: skip
        return BatchRecorded(**told)

    async def conclude(self) -> None:
        """The recording oracle says that every task has its final word."""
        body = JobRecorded(
            job_id=JOB, evidence_blobs=tuple(self.blob_of_batch), roots=tuple(self.roots), reserved_minor=1
        )
        receipt = await self.say("recording", body)
        assert receipt.outcome == "applied", receipt.reason

    async def key(self, worker: str, truth: dict[str, str], *, count: int = 20) -> int:
        """A worker keys a bundle by truth; how many tasks it had."""
        bundle = await self.exchange.claim(worker, JOB, count)
        if bundle.assignments:
            given = [Given(one.assignment_id, truth.get(one.task_id), active_ms=4_000) for one in bundle.assignments]
            outcomes = await self.exchange.submit(worker, JOB, given)
            assert {one.outcome for one in outcomes} == {"stored"}
        return len(bundle.assignments)


def png_size(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


async def truth_by_task(house: House, documents: Sequence[SampleDocument]) -> dict[str, str]:
    view = await house.exchange.simulation_view(JOB)
    truth: dict[str, str] = {}
    for document in documents:
        pieces = {task_id: place.piece for task_id, place in view.items() if place.doc_id == document.doc_id}
        by_piece = truth_for_pieces(list({piece.piece_id: piece for piece in pieces.values()}.values()), document.truth)
        truth |= {task_id: by_piece[piece.piece_id] for task_id, piece in pieces.items()}
    return truth
