"""The recording oracle at work: messages in, verdicts, anchors and reservations out. Judging itself is in `judge`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from manyhands.ledger.as_told import EscrowTold
from manyhands.ledger.bookkeeping import Share, extra_parts, extra_shares
from manyhands.ledger.daily_cap import AGAIN_AFTER_MS, RESERVED
from manyhands.ledger.desk import Desk, EscrowPlace
from manyhands.ledger.errors import Overdrawn
from manyhands.ledger.outbox import Entry
from manyhands.pricing import Earned, check_juror_pay, credited_ms, determine_pay, due_minor, most_for_learning
from manyhands.protocol import canonical
from manyhands.protocol.appeals import check_ruling
from manyhands.protocol.daily_cap import cap_minor, grouped_to_fit
from manyhands.protocol.errors import ManyhandsError, ProtocolError
from manyhands.protocol.evidence import BatchEvidence, JudgingTerms, WorkerPay
from manyhands.protocol.manifest import Manifest, cap_parts_of, parse_manifest
from manyhands.protocol.messages import (
    AnswerFact,
    AnswersCollected,
    AppealRuled,
    BatchRecorded,
    Decision,
    Envelope,
    ExtraPayDetermined,
    ExtraPayReserved,
    JobFunded,
    JobRecorded,
    Learned,
    ReportRuled,
    StandingsChanged,
    TaskFacts,
    TasksOpened,
    TasksWithdrawn,
    WorkerNeed,
    WorkersLinked,
    open_envelope,
)
from manyhands.quality import reputation
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, row_of, rows, rows_of, scalar
from manyhands.store.sql import load_queries
from manyhands.task_types.judging import (
    FIRST_TERMS,
    NO_TYPES,
    OVERLOOK_BP,
    DeliveredSet,
    Judged,
    TaskBook,
    WorkerBook,
    brought_in,
    counts_by_type,
    crowd_of,
    gold_need_bp,
    judge_batch,
    records,
    skill_name,
    standing_from,
)

log = logging.getLogger(__name__)

QUERIES = load_queries("manyhands.roles.recording", "sql")

LOOK_EVERY_MS = 2_000
"""How often what waits for another day is looked at."""

SETTLED_WEIGHT_BP = 5_000
"""What an answer counts for skill that came after the verdict which judges it: a verdict is less than truth."""


class NotYours(ProtocolError):
    """A message about a job from a party that has no such role in it."""

    def __init__(self, job_id: str, sender: str, role: str) -> None:
        self.job_id, self.sender, self.role = job_id, sender, role
        super().__init__(f"{sender} is not the {role} of job {job_id}")


class UnknownJob(ManyhandsError):
    """A message about a job that was not announced yet. Senders don't wait for each other: it is tried again."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} is not known here yet", cure="The launcher announces it with JobFunded.")


class RulingOnItsWay(ManyhandsError):
    """The job's end came before the jury's word on an appeal. It is tried again by itself."""

    def __init__(self, job_id: str, appeal_ids: Sequence[str]) -> None:
        self.job_id, self.appeal_ids = job_id, tuple(appeal_ids)
        told = ", ".join(appeal_ids)
        super().__init__(f"job {job_id}: no ruling yet on {told}", cure="The jury's message is on its way.")


class ExtraPayOutOfBounds(ProtocolError):
    """The reputation oracle asked for more than the records allow."""

    def __init__(self, worker: str, *, asked_minor: int, allowed_minor: int) -> None:
        self.worker, self.asked_minor, self.allowed_minor = worker, asked_minor, allowed_minor
        super().__init__(f"{asked_minor} extra for {worker} asked, {allowed_minor} follow from the records")


@dataclass(frozen=True)
class JobRow:
    """A row of recording.jobs."""

    job_id: str
    manifest: bytes
    launcher: str
    exchange: str
    reputation: str
    jury: str
    chain_id: int
    escrow: str
    funded_minor: int
    reserved_minor: int
    batches: int
    tasks_complete: bool
    recorded: bool
    extra_reserved: bool
    delivered_items: int
    delivered_doubt_bp: int
    learned: bytes | None
    terms: bytes | None
    unit: int = 1  # base units of the job's token in a minor unit, where it has a daily cap

    def parsed(self) -> Manifest:
        return parse_manifest(self.manifest)

    @property
    def cap_minor(self) -> int | None:
        """What may be reserved in a day of the chain; None = as much as there is."""
        parts = cap_parts_of(self.parsed())
        return cap_minor(self.funded_minor, parts, unit=self.unit) if parts else None

    def was_told(self) -> tuple[Learned, ...]:
        """Workers who got ready for this job, as its exchange said."""
        found: tuple[Learned, ...] = canonical.decode(self.learned or b"[]", tuple[Learned, ...])
        return found


@dataclass(frozen=True)
class TaskRow:
    """A task touched by a batch."""

    task_id: str
    facts: bytes
    decision: bytes | None
    refused: int
    withdrawn: bool
    suspended: bool
    is_new: bool


@dataclass(frozen=True)
class Act:
    """A row of recording.acts: what is to be done to an escrow, on the first day that has room for it."""

    act_no: int
    batch_no: int | None
    reference: bytes
    answers: int
    evidence_hash: bytes | None
    amount_minor: int
    shares: bytes
    again: int = 0
    not_before_ms: int = 0


class RecordingOracle:
    """One recording oracle. `desk` is its place at the ledger: the only way it touches money."""

    def __init__(self, ctx: RoleContext, desk: Desk) -> None:
        self.ctx, self.desk = ctx, desk
        self._looked_at_ms = 0

    async def on_message(self, tx: Tx, envelope: Envelope) -> None:
        """Applies one checked message. raises ProtocolError to refuse it for good"""
        body, sender = open_envelope(envelope), envelope.sender
        match body:
            case JobFunded():
                await self._job_funded(tx, sender, body)
            case TasksOpened():
                await self._tasks_opened(tx, sender, body)
            case AnswersCollected():
                await self._answers_collected(tx, sender, body)
            case TasksWithdrawn():
                await self._tasks_withdrawn(tx, sender, body)
            case StandingsChanged():
                await self._standings_changed(tx, sender, body)
            case WorkersLinked():
                await self._workers_linked(tx, sender, body)
            case ExtraPayDetermined():
                await self._extra_pay_determined(tx, sender, body)
            case ReportRuled():
                await self._report_ruled(tx, sender, body)
            case AppealRuled():
                await self._appeal_ruled(tx, sender, body)
            case _:
                raise ProtocolError(f"the recording oracle takes no {type(body).__name__}")

    # --- a job begins ---------------------------------------------------------------------------------------------

    async def _job_funded(self, tx: Tx, sender: str, body: JobFunded) -> None:
        if sender != body.launcher or body.routing.recording != self.ctx.address:
            raise NotYours(body.job_id, sender, "launcher")
        await self.desk.need_funded(
            tx, chain_id=body.routing.chain_id, told=EscrowTold.by(body), funded_minor=body.funded_minor
        )
        await tx.execute(
            QUERIES.add_job,
            {
                "job_id": body.job_id,
                "manifest": canonical.encode(body.manifest),
                "launcher": sender,
                "exchange": body.routing.exchange,
                "reputation": body.routing.reputation,
                "jury": body.routing.jury,
                "chain_id": body.routing.chain_id,
                "escrow": body.escrow,
                "funded_minor": body.funded_minor,
            },
        )

    async def _tasks_opened(self, tx: Tx, sender: str, body: TasksOpened) -> None:
        job = await self._lock(tx, body.job_id, exchange=sender)
        if (most := job.cap_minor) is not None and any(facts.reward_minor > most for facts in body.tasks):
            raise ProtocolError(f"an answer to a task of job {job.job_id} would earn more than a day may reserve")
        for facts in body.tasks:
            await tx.execute(
                QUERIES.add_task, {"job_id": job.job_id, "task_id": facts.task_id, "facts": canonical.encode(facts)}
            )
        if body.complete:
            here = {appeal_id for appeal_id, _ in await rows(tx, QUERIES.appeals_of, {"job_id": job.job_id})}
            if missing := set(body.appeals) - here:
                raise RulingOnItsWay(job.job_id, sorted(missing))
            await tx.execute(QUERIES.tasks_complete, {"job_id": job.job_id, "learned": canonical.encode(body.learned)})
        await self._finish_if_done(tx, job.job_id)

    # --- answers --------------------------------------------------------------------------------------------------

    async def _answers_collected(self, tx: Tx, sender: str, body: AnswersCollected) -> None:
        job = await self._lock(tx, body.job_id, exchange=sender)
        manifest = job.parsed()
        touched = sorted({answer.task_id for answer in body.answers})
        tasks, new_facts = await self._task_books(tx, job.job_id, touched)
        missing = [task_id for task_id in touched if task_id not in tasks]
        if missing:
            raise ProtocolError(f"answers to {len(missing)} tasks that were never opened, such as {missing[0]}")
        if job.cap_minor is not None:
            parts = within_a_day(body.answers, tasks, job.cap_minor)
            if len(parts) > 1:  # each is a batch of its own, so that a day can hold it
                for part in parts:
                    await self._answers_collected(tx, sender, msgspec.structs.replace(body, answers=part))
                return
        terms = await self._terms(tx, job, crowd_of(manifest))
        workers, brought, types = await self._worker_books(
            tx, job.job_id, touched, body.answers, skill_name(manifest), terms
        )
        workers, groups = await self._grouped(tx, workers)
        told = await rows(tx, QUERIES.withdrawals_untold, {"job_id": job.job_id})
        new_facts |= {task_id: _facts(raw) for task_id, raw, is_new in told if is_new}
        judged = judge_batch(
            body.answers,
            tasks=tasks,
            workers=workers,
            rule=manifest.quality,
            skill=skill_name(manifest),
            delivered=DeliveredSet(job.delivered_items, job.delivered_doubt_bp),
            terms=terms,
        )
        batch_no = job.batches + 1
        evidence = BatchEvidence(
            job_id=job.job_id,
            batch_no=batch_no,
            tasks=tuple(new_facts[task_id] for task_id in sorted(new_facts)),
            withdrawn=tuple(sorted(task_id for task_id, _, _ in told)),
            standings=brought,
            answers=records(body.answers, judged.rewards_minor, [self._salt() for _ in body.answers]),
            decisions=judged.decisions,
            refused=judged.refused,
            decisions_salt=self._salt(),
            terms=terms if job.batches == 0 and terms != FIRST_TERMS else msgspec.UNSET,
            groups=groups or msgspec.UNSET,
            types=types or msgspec.UNSET,
        )
        blob = await self.ctx.blobs.put(canonical.encode(evidence), media_type="application/json", namespace=job.job_id)
        root = evidence.root()
        # newcomers and the newly linked are kept even where their skill did not move, so that they are told of once
        everyone = {worker: workers[worker] for worker in {*brought, *groups}} | judged.workers
        await self._store_batch(tx, job, evidence, judged, everyone, root=root, blob=blob)
        await self._act(
            tx,
            job,
            batch_no=batch_no,
            reference=root,
            answers=len(evidence.answers),
            evidence_hash=bytes.fromhex(canonical.content_hash(evidence)),
            amount_minor=evidence.reserved_minor,
        )
        earned: dict[str, int] = {}
        for record in evidence.answers:
            earned[record.answer.worker] = earned.get(record.answer.worker, 0) + record.reward_minor
        await self.ctx.send(
            tx,
            BatchRecorded(
                job_id=job.job_id,
                batch_no=batch_no,
                decisions=judged.decisions,
                refused=judged.refused,
                earned_minor=earned,
                root="0x" + root.hex(),
                evidence_blob=blob,
                reserved_minor=evidence.reserved_minor,
                needs={
                    worker: WorkerNeed(
                        skill_bp=book.standing.mean_bp, gold_share_bp=gold_need_bp(book, manifest.quality)
                    )
                    for worker, book in sorted((workers | judged.workers).items())
                    # also of those whom this batch showed to be wrong, or right, in an earlier one
                    if worker in earned or worker in judged.workers
                },
                suspended=judged.suspended,
            ),
            to_role="exchange",
            to=job.exchange,
        )
        await self._finish_if_done(tx, job.job_id)

    # --- what is done to the escrow ---------------------------------------------------------------------------------

    async def _act(
        self,
        tx: Tx,
        job: JobRow,
        *,
        reference: bytes,
        amount_minor: int,
        batch_no: int | None = None,
        answers: int = 0,
        evidence_hash: bytes | None = None,
        shares: Sequence[Share] = (),
    ) -> str:
        """Reserves pay, with the anchor of its batch or without one: now, or when a freeze is over and a day has room.

        returns  the transaction, "" while it waits
        """
        act = Act(0, batch_no, reference, answers, evidence_hash, amount_minor, canonical.encode(tuple(shares)))
        values = {
            "batch_no": batch_no,
            "reference": reference,
            "answers": answers,
            "evidence_hash": evidence_hash,
            "amount_minor": amount_minor,
            "shares": act.shares,
        }
        await tx.execute(QUERIES.add_act, {"job_id": job.job_id, **values})
        await self._promise(tx, job, act)
        return (await self._send_what_fits(tx, job)).get(reference, "")

    async def _sign(self, tx: Tx, job: JobRow, act: Act) -> str:
        if act.batch_no is None:
            return await self.desk.reserve_extra(
                tx,
                job_id=job.job_id,
                chain_id=job.chain_id,
                escrow=job.escrow,
                currency=job.parsed().pay.currency,
                amount_minor=act.amount_minor,
                reason=bytes(act.reference),
                shares=_shares(act.shares),
                again=act.again,
            )
        return await self.desk.anchor_and_reserve(
            tx,
            job_id=job.job_id,
            chain_id=job.chain_id,
            escrow=job.escrow,
            currency=job.parsed().pay.currency,
            batch_no=act.batch_no,
            root=bytes(act.reference),
            count=act.answers,
            evidence_hash=bytes(act.evidence_hash or b""),
            amount_minor=act.amount_minor,
            again=act.again,
        )

    async def _promise(self, tx: Tx, job: JobRow, act: Act) -> None:
        """The book holds what is owed from the moment it is accepted, whichever day the escrow takes it on."""
        reference = "0x" + bytes(act.reference).hex()
        await self.desk.promise_reserve(
            tx,
            job_id=job.job_id,
            chain_id=job.chain_id,
            escrow=job.escrow,
            reference=reference,
            amount_minor=act.amount_minor,
            shares=_shares(act.shares) if act.batch_no is None else (),
        )

    async def _send_what_fits(self, tx: Tx, job: JobRow) -> dict[bytes, str]:
        """Signs what waits, in order: nothing while the job is frozen, by a daily cap as far as the day's share goes.

        The job's row is locked.

        returns  the transactions by the reference of what they do
        """
        where = {"job_id": job.job_id}
        waiting = await rows_of(tx, Act, QUERIES.acts_waiting, where)
        if not waiting or await self.desk.frozen_now(tx, chain_id=job.chain_id, escrow=job.escrow):
            return {}
        its: EscrowPlace = {"chain_id": job.chain_id, "escrow": job.escrow}
        if await self.desk.ended(tx, **its) or await self.desk.recording_over(tx, **its):
            await self._give_up(tx, job, waiting)
            return {}
        capped = job.cap_minor is not None
        left_minor = await self._left_today_minor(tx, job) if capped else 0
        signed: dict[bytes, str] = {}
        for act in waiting:
            if (capped and act.amount_minor > left_minor) or act.not_before_ms > self.ctx.clock():
                break
            try:
                signed[bytes(act.reference)] = await self._sign(tx, job, act)
            except Overdrawn:  # somebody else has reserved with this key: a jury may release it
                later = {**where, "act_no": act.act_no, "not_before_ms": self.ctx.clock() + AGAIN_AFTER_MS}
                await tx.execute(QUERIES.act_later, later)
                break
            await tx.execute(QUERIES.act_sent, {**where, "act_no": act.act_no})
            left_minor -= act.amount_minor
        return signed

    async def _left_today_minor(self, tx: Tx, job: JobRow) -> int:
        assert job.cap_minor is not None
        return await self.desk.left_today_minor(
            tx,
            job_id=job.job_id,
            chain_id=job.chain_id,
            escrow=job.escrow,
            counted=RESERVED,
            cap_minor=job.cap_minor,
        )

    async def _give_up(self, tx: Tx, job: JobRow, acts: Sequence[Act]) -> None:
        """The escrow records nothing more: what still waited for a day can never be reserved."""
        for act in acts:
            await tx.execute(QUERIES.act_sent, {"job_id": job.job_id, "act_no": act.act_no})
            await self.desk.break_promise(
                tx,
                job_id=job.job_id,
                chain_id=job.chain_id,
                escrow=job.escrow,
                reference="0x" + bytes(act.reference).hex(),
                amount_minor=act.amount_minor,
                shares=_shares(act.shares) if act.batch_no is None else (),
                because="the escrow has ended, or the days to record are over",
            )
            log.warning("job %s: %s can't be reserved any more", job.job_id, act.amount_minor)

    async def tick(self) -> None:
        """What a new day has room for is sent."""
        if (now_ms := self.ctx.clock()) - self._looked_at_ms < LOOK_EVERY_MS:
            return
        self._looked_at_ms = now_ms
        async with self.ctx.db.connection() as connection:
            waiting = [job_id for (job_id,) in await rows(connection, QUERIES.jobs_with_waiting_acts)]
        for job_id in waiting:
            async with self.ctx.db.transaction() as tx:
                await self._send_what_fits(tx, await self._lock(tx, job_id))

    async def settled(self, tx: Tx, entry: Entry) -> None:
        """A transaction of this oracle is settled. One that was refused for now waits for another day.

        Called in the transaction that settles it, after the book gave up what it held for it.
        """
        found = self.desk.refused_for_now(entry)
        if found is None:
            return
        job = await row_of(tx, JobRow, QUERIES.lock_job, {"job_id": entry.job_id})
        again = {
            "job_id": entry.job_id,
            "reference": found.reference,
            "again": found.again,
            "not_before_ms": self.ctx.clock() + AGAIN_AFTER_MS,
        }
        for amount_minor, shares in await rows(tx, QUERIES.act_refused, again) if job is not None else ():
            assert job is not None
            batch_no = 0 if found.is_batch else None
            with suppress(Overdrawn):  # somebody else has reserved with this key: it is held again when it is signed
                await self._promise(tx, job, Act(0, batch_no, found.reference, 0, None, amount_minor, shares))

    async def _task_books(
        self, tx: Tx, job_id: str, task_ids: list[str]
    ) -> tuple[dict[str, TaskBook], dict[str, TaskFacts]]:
        """The tasks with their earlier answers, and the facts that no evidence file holds yet."""
        selected = {"job_id": job_id, "task_ids": task_ids}
        found = await rows_of(tx, TaskRow, QUERIES.tasks_touched, selected)
        answers: dict[str, list[AnswerFact]] = {}
        for task_id, worker, text, active_ms, received_at_ms in await rows(tx, QUERIES.answers_of_tasks, selected):
            answers.setdefault(task_id, []).append(
                AnswerFact(
                    task_id=task_id, worker=worker, text=text, active_ms=active_ms, received_at_ms=received_at_ms
                )
            )
        books = {
            row.task_id: TaskBook(
                facts=_facts(row.facts),
                answers=tuple(answers.get(row.task_id, ())),
                refused=row.refused,
                settled=canonical.decode(row.decision, Decision) if row.decision else None,
                withdrawn=row.withdrawn,
                suspended=row.suspended,
            )
            for row in found
        }
        return books, {row.task_id: books[row.task_id].facts for row in found if row.is_new}

    async def _worker_books(
        self,
        tx: Tx,
        job_id: str,
        task_ids: list[str],
        answers: tuple[AnswerFact, ...],
        skill: str,
        terms: JudgingTerms,
    ) -> tuple[dict[str, WorkerBook], dict[str, tuple[int, int, int]], dict[str, dict[str, reputation.Counts]]]:
        """Everyone who answered one of the tasks; what newcomers to the job bring along, and that by answer type."""
        present = sorted({answer.worker for answer in answers})
        found = await rows(tx, QUERIES.workers_of_tasks, {"job_id": job_id, "task_ids": task_ids, "workers": present})
        books: dict[str, WorkerBook] = {}
        for worker, right, wrong, at_ms, cause, gold_right, gold_seen, group, by_type in found:
            counted = standing_from(right, wrong, at_ms, terms, counts_by_type(by_type))
            standing = msgspec.structs.replace(counted, cause=cause)
            books[worker] = WorkerBook(standing, gold_right, gold_seen, group, terms)
        first_met = [worker for worker in present if worker not in books]
        brought = dict.fromkeys(first_met, (0, 0, 0))
        types: dict[str, dict[str, reputation.Counts]] = {}
        for worker, right, wrong, at_ms, by_type in await rows(
            tx, QUERIES.standings_of, {"skill": skill, "workers": first_met}
        ):
            brought[worker] = (right, wrong, at_ms)
            if by_type and terms.type_lean:
                types[worker] = counts_by_type(by_type)
        for worker, counts in brought.items():
            begun = brought_in(counts, terms, types.get(worker, NO_TYPES))
            books[worker] = WorkerBook(begun, terms=terms)
        return books, brought, types

    async def _terms(self, tx: Tx, job: JobRow, crowd: str) -> JudgingTerms:
        """By what this job is judged: fixed with its first batch, however the platform learns meanwhile."""
        if job.terms is not None:
            fixed: JudgingTerms = canonical.decode(job.terms, JudgingTerms)
            return fixed
        if job.batches:
            return FIRST_TERMS  # begun before there were terms
        prior = await rows(tx, QUERIES.prior_of, {"skill": crowd})
        right_micro, wrong_micro = prior[0] if prior else (FIRST_TERMS.prior_right_micro, FIRST_TERMS.prior_wrong_micro)
        terms = JudgingTerms(
            prior_right_micro=right_micro,
            prior_wrong_micro=wrong_micro,
            brought_most=reputation.CAP_INTO_JOB,
            settled_weight_bp=SETTLED_WEIGHT_BP,
            suspends_gold=True,
            type_lean=reputation.TYPE_LEAN,
            overlook_bp=OVERLOOK_BP,
        )
        await tx.execute(QUERIES.set_terms, {"job_id": job.job_id, "terms": canonical.encode(terms)})
        return terms

    async def _grouped(self, tx: Tx, books: dict[str, WorkerBook]) -> tuple[dict[str, WorkerBook], dict[str, str]]:
        """The books with the groups that hold now, and which of them this job's evidence does not tell yet."""
        found = dict(await rows(tx, QUERIES.links_of, {"workers": sorted(books)}))
        new = {worker: group for worker in sorted(books) if (group := found.get(worker, "")) != books[worker].group}
        return books | {worker: replace(books[worker], group=group) for worker, group in new.items()}, new

    async def _store_batch(
        self,
        tx: Tx,
        job: JobRow,
        evidence: BatchEvidence,
        judged: Judged,
        everyone: Mapping[str, WorkerBook],
        *,
        root: bytes,
        blob: str,
    ) -> None:
        refused = {(refusal.task_id, refusal.worker) for refusal in evidence.refused}
        async with tx.cursor() as cursor:
            await cursor.executemany(
                QUERIES.add_answer,
                [
                    {
                        "job_id": job.job_id,
                        "task_id": record.answer.task_id,
                        "worker": record.answer.worker,
                        "batch_no": evidence.batch_no,
                        "position": position,
                        "text_keyed": record.answer.text,
                        "active_ms": record.answer.active_ms,
                        "received_at_ms": record.answer.received_at_ms,
                        "reward_minor": record.reward_minor,
                        "refused": (record.answer.task_id, record.answer.worker) in refused,
                    }
                    for position, record in enumerate(evidence.answers)
                ],
            )
            await cursor.executemany(
                QUERIES.put_task,
                [
                    {
                        "job_id": job.job_id,
                        "task_id": task_id,
                        "decision": canonical.encode(book.settled) if book.settled else None,
                        "refused": book.refused,
                        "suspended": book.suspended,
                        "batch_no": evidence.batch_no,
                    }
                    for task_id, book in judged.tasks.items()
                ],
            )
            await cursor.executemany(
                QUERIES.put_worker,
                [self._worker_row(job.job_id, worker, book) for worker, book in everyone.items()],
            )
        await tx.execute(
            QUERIES.add_batch,
            {
                "job_id": job.job_id,
                "batch_no": evidence.batch_no,
                "root": "0x" + root.hex(),
                "evidence_blob": blob,
                "answers": len(evidence.answers),
                "reserved_minor": evidence.reserved_minor,
            },
        )
        await tx.execute(
            QUERIES.count_batch,
            {
                "job_id": job.job_id,
                "reserved_minor": evidence.reserved_minor,
                "delivered_items": judged.delivered.items,
                "delivered_doubt_bp": judged.delivered.doubt_bp,
            },
        )

    @staticmethod
    def _worker_row(job_id: str, worker: str, book: WorkerBook) -> dict[str, object]:
        return {
            "job_id": job_id,
            "worker": worker,
            "right_micro": book.standing.right_micro,
            "wrong_micro": book.standing.wrong_micro,
            "at_ms": book.standing.at_ms,
            "cause": book.standing.cause,
            "gold_right": book.gold_right,
            "gold_seen": book.gold_seen,
            "group": book.group,
            "types": canonical.encode(book.standing.types).decode(),
        }

    async def _tasks_withdrawn(self, tx: Tx, sender: str, body: TasksWithdrawn) -> None:
        await self._lock(tx, body.job_id, exchange=sender)
        await tx.execute(QUERIES.withdraw_tasks, {"job_id": body.job_id, "task_ids": list(body.task_ids)})
        await self._finish_if_done(tx, body.job_id)

    async def _finish_if_done(self, tx: Tx, job_id: str) -> None:
        """Tells exchange and reputation oracle, once, when every task has its final word."""
        job = await self._lock(tx, job_id)
        if job.recorded or not job.tasks_complete or await scalar(tx, QUERIES.unsettled, {"job_id": job_id}):
            return
        await tx.execute(QUERIES.set_recorded, {"job_id": job_id})
        batches = await rows(tx, QUERIES.batches_of, {"job_id": job_id})
        appeals = await rows(tx, QUERIES.appeals_of, {"job_id": job_id})
        body = JobRecorded(
            job_id=job_id,
            evidence_blobs=tuple(blob for _, _, blob, _, _ in batches),
            roots=tuple(root for _, root, _, _, _ in batches),
            reserved_minor=job.reserved_minor,
            appeals=tuple(appeal_id for appeal_id, _ in appeals),
            learned=job.was_told(),
        )
        await self.ctx.send(tx, body, to_role="exchange", to=job.exchange)
        await self.ctx.send(tx, body, to_role="reputation", to=job.reputation)

    # --- what others decide ---------------------------------------------------------------------------------------

    async def _standings_changed(self, tx: Tx, sender: str, body: StandingsChanged) -> None:
        if sender != (await self._lock(tx, body.job_id)).reputation:
            raise NotYours(body.job_id, sender, "reputation oracle")
        if body.prior is not None:
            await tx.execute(QUERIES.put_prior, msgspec.structs.asdict(body.prior))
        for standing in body.standings:
            await tx.execute(
                QUERIES.put_standing,
                {
                    "worker": standing.worker,
                    "skill": standing.skill,
                    "right_micro": standing.right_micro,
                    "wrong_micro": standing.wrong_micro,
                    "at_ms": standing.at_ms,
                    "score_bp": standing.score_bp,
                    "types": canonical.encode(
                        {name: (own.right_micro, own.wrong_micro) for name, own in standing.types.items()}
                    ).decode(),
                },
            )

    async def _workers_linked(self, tx: Tx, sender: str, body: WorkersLinked) -> None:
        if sender != (await self._lock(tx, body.job_id)).reputation:
            raise NotYours(body.job_id, sender, "reputation oracle")
        for worker, group in sorted(body.groups.items()):
            await tx.execute(QUERIES.put_link, {"worker": worker, "group": group, "link_no": body.link_no})

    async def _report_ruled(self, tx: Tx, sender: str, body: ReportRuled) -> None:
        job = await self._lock(tx, body.job_id)
        if sender != job.jury:
            raise NotYours(body.job_id, sender, "jury")
        check_juror_pay(job.parsed().pay, body.jurors_paid_minor)
        await tx.execute(
            QUERIES.add_ruling,
            {"job_id": job.job_id, "case_id": body.case_id, "paid": canonical.encode(body.jurors_paid_minor)},
        )

    async def _appeal_ruled(self, tx: Tx, sender: str, body: AppealRuled) -> None:
        """Keeps a ruling after counting its signatures; what it restores follows from this oracle's own records."""
        job = await self._lock(tx, body.job_id)
        if sender != job.jury:
            raise NotYours(body.job_id, sender, "jury")
        check_ruling(body)
        check_juror_pay(job.parsed().pay, body.jurors_paid_minor)
        await tx.execute(
            QUERIES.add_appeal,
            {"job_id": job.job_id, "appeal_id": body.appeal_id, "ruling": canonical.encode(body)},
        )

    async def _extra_pay_determined(self, tx: Tx, sender: str, body: ExtraPayDetermined) -> None:
        """Reserves top-ups, bonuses and jurors' pay, each checked against what this oracle recorded itself."""
        job = await self._lock(tx, body.job_id)
        if sender != job.reputation:
            raise NotYours(body.job_id, sender, "reputation oracle")
        if job.extra_reserved:
            return
        most = await self.most_pay(tx, job)
        allowed = {pay.worker: pay.total_minor - pay.base_minor for pay in most}
        for worker, extra_minor in body.extra_minor.items():
            if not 0 <= extra_minor <= allowed.get(worker, 0):
                raise ExtraPayOutOfBounds(worker, asked_minor=extra_minor, allowed_minor=allowed.get(worker, 0))
        for worker in body.bonus_minor.keys() | body.top_up_minor.keys():
            parts = (body.bonus_minor.get(worker, 0), body.top_up_minor.get(worker, 0))
            if min(parts) < 0 or sum(parts) > body.extra_minor.get(worker, 0):
                raise ExtraPayOutOfBounds(worker, asked_minor=sum(parts), allowed_minor=body.extra_minor.get(worker, 0))
        extra_minor = sum(body.extra_minor.values())
        # each was held to what one may be paid for getting ready; the job's places hold for all of them together
        beyond_minor = max(0, sum(pay.learning_minor for pay in most) - most_for_learning(job.parsed()))
        if extra_minor > (allowed_minor := sum(allowed.values()) - beyond_minor):
            raise ExtraPayOutOfBounds("all workers", asked_minor=extra_minor, allowed_minor=allowed_minor)
        transaction = ""
        reason = bytes.fromhex(canonical.content_hash(body))
        shares = extra_shares(bonus_minor=body.bonus_minor, top_up_minor=body.top_up_minor)
        for part in extra_parts(extra_minor, shares, reason=reason, most_minor=job.cap_minor):
            signed = await self._act(tx, job, reference=part.reason, amount_minor=part.amount_minor, shares=part.shares)
            transaction = transaction or signed
        await tx.execute(QUERIES.extra_reserved, {"job_id": job.job_id, "extra_minor": extra_minor})
        reserved_minor = await scalar(tx, "select reserved_minor from recording.jobs where job_id = %s", [job.job_id])
        await self.ctx.send(
            tx,
            ExtraPayReserved(job_id=job.job_id, reserved_minor=reserved_minor, transaction=transaction),
            to_role="reputation",
            to=job.reputation,
        )

    async def most_pay(self, tx: Tx, job: JobRow) -> list[WorkerPay]:
        """The most each worker can be paid: full bonus, top-up, jurors' pay as ruled, a place for getting ready."""
        pay = job.parsed().pay
        effort = {
            task_id: _facts(raw).effort_ms
            for task_id, raw in await rows(tx, QUERIES.facts_of_job, {"job_id": job.job_id})
        }
        jurors: dict[str, int] = {}
        for (raw,) in await rows(tx, QUERIES.rulings_of, {"job_id": job.job_id}):
            for worker, minor in canonical.decode(raw, dict[str, int]).items():
                jurors[worker] = jurors.get(worker, 0) + minor
        granted: dict[str, list[str]] = {}
        for _, raw in await rows(tx, QUERIES.appeals_of, {"job_id": job.job_id}):
            ruling = canonical.decode(bytes(raw), AppealRuled, what="ruling")
            if ruling.granted:
                granted.setdefault(ruling.worker, []).extend(ruling.task_ids)
            for worker, minor in ruling.jurors_paid_minor.items():
                jurors[worker] = jurors.get(worker, 0) + minor
        pays: dict[str, WorkerPay] = {}
        for worker, answers, base_minor, active, task_ids in await rows(
            tx, QUERIES.earned_by_worker, {"job_id": job.job_id}
        ):
            worked_ms = sum(
                credited_ms(pay, effort_ms=effort[task_id], active_ms=active_ms)
                for task_id, active_ms in zip(task_ids or (), active or (), strict=True)
            )
            restored_minor = 0
            back = {"job_id": job.job_id, "worker": worker, "task_ids": granted.get(worker, [])}
            for task_id, reward_minor, active_ms in await rows(tx, QUERIES.refused_answers, back) if granted else ():
                restored_minor += reward_minor
                worked_ms += credited_ms(pay, effort_ms=effort[task_id], active_ms=active_ms)
            earned = Earned(
                worker=worker,
                answers=answers,
                base_minor=base_minor + restored_minor,
                credited_ms=worked_ms,
                standing_bp=10_000,
            )
            with_bonus, without = determine_pay(pay, earned, accepted=True), determine_pay(pay, earned, accepted=False)
            best = max(with_bonus, without, key=lambda one: one.total_minor)
            pays[worker] = msgspec.structs.replace(best, base_minor=base_minor, restored_minor=restored_minor)
        for worker, minor in jurors.items():
            own = pays.get(worker) or WorkerPay(
                worker=worker, answers=0, credited_ms=0, base_minor=0, bonus_minor=0, top_up_minor=0, standing_bp=0
            )
            pays[worker] = msgspec.structs.replace(own, jury_minor=minor)
        for one in job.was_told():
            if (own_pay := pays.get(one.worker)) and not own_pay.learning_minor:
                minor = due_minor(job.parsed(), one)
                if minor <= own_pay.base_minor:
                    pays[one.worker] = msgspec.structs.replace(own_pay, learning_minor=minor)
        return list(pays.values())

    # --- small things ---------------------------------------------------------------------------------------------

    async def job_of_escrow(self, tx: Tx, chain_id: int, escrow: str) -> str | None:
        """The job whose money an escrow holds, None when it is not one of this oracle's."""
        found: str | None = await scalar(tx, QUERIES.job_of_escrow, {"chain_id": chain_id, "escrow": escrow})
        return found

    def jobs(self) -> Mapping[str, Callable[..., Awaitable[None]]]:
        """Background work of this role: none."""
        return {}

    async def _lock(self, tx: Tx, job_id: str, *, exchange: str | None = None) -> JobRow:
        job = await row_of(tx, JobRow, QUERIES.lock_job, {"job_id": job_id})
        if job is None:
            raise UnknownJob(job_id)
        if b'"daily_cap_parts"' in job.manifest:  # parsed for the jobs alone that may need it
            job = replace(job, unit=self.desk.unit(job.chain_id, job.parsed().pay.currency))
        if exchange is not None and exchange != job.exchange:
            raise NotYours(job_id, exchange, "exchange")
        return job

    def _salt(self) -> str:
        return self.ctx.ids.random_bytes(32).hex()


def _facts(raw: bytes) -> TaskFacts:
    facts: TaskFacts = canonical.decode(raw, TaskFacts)
    return facts


def _shares(raw: bytes) -> tuple[Share, ...]:
    found: tuple[Share, ...] = canonical.decode(bytes(raw), tuple[Share, ...])
    return found


def within_a_day(
    answers: Sequence[AnswerFact], tasks: Mapping[str, TaskBook], most_minor: int
) -> list[tuple[AnswerFact, ...]]:
    """Answers in groups that can earn at most `most_minor` each; those to one task stay together where they fit."""
    first = {task_id: place for place, task_id in reversed(list(enumerate(answer.task_id for answer in answers)))}
    ordered = sorted(answers, key=lambda answer: first[answer.task_id])
    earning = [(answer, tasks[answer.task_id].facts.reward_minor) for answer in ordered]
    if sum(minor for _, minor in earning) <= most_minor:
        return [tuple(answers)]
    return [tuple(group) for group in grouped_to_fit(earning, most_minor)]
