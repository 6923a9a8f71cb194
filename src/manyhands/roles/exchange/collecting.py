"""Answers go to the recording oracle in batches; its verdicts come back into the tables.

Rules kept here
- An answer leaves the waiting list in the transaction that puts it into a message: each is sent exactly once, in the
  order received, at most `BATCH_MAX` at a time. Nothing is sent per answer.
- What the recording oracle says it recorded is compared with what was sent: root, count, texts. Else it is refused.
- A job is declared complete when every task is decided, nobody holds one, and no answer waits. So no answer that was
  given in time can come too late to be paid.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from manyhands.protocol import canonical
from manyhands.protocol.evidence import BatchEvidence, EvidenceMismatch
from manyhands.protocol.messages import (
    BATCH_MAX,
    AnswerFact,
    AnswersCollected,
    BatchRecorded,
    CancelRequested,
    TasksOpened,
    TasksWithdrawn,
)
from manyhands.quality.gold import RECYCLE_FROM_BP
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, rows, scalar
from manyhands.store.sql import load_queries

from .appealing import Appealing
from .decisions import CHOICE_RECYCLE_FROM_BP, GOLD_NOT_NEEDED, PLACE_OF_ASKS, grown_sample
from .errors import NotYours
from .learning import Learning
from .opening import RESERVE, JobRow, lock_job

QUERIES = load_queries("manyhands.roles.exchange")

FINAL_STATE = {"accept": "accepted", "unreadable": "unreadable"}
TAKES_ANSWERS = ("open", "cancelling")


FieldsToCheck = Callable[[Tx, str], Awaitable[None]]
"""Begins the check of a job's fields, in the transaction that found every task decided."""


class Collecting:
    """The second half of a job's life at the exchange, up to its completion."""

    def __init__(self, ctx: RoleContext, appealing: Appealing, learning: Learning) -> None:
        self._ctx, self._appealing, self._learning = ctx, appealing, learning
        self._check: FieldsToCheck | None = None

    def checked_by(self, check: FieldsToCheck) -> None:
        """Who checks a job's fields before it is declared complete."""
        self._check = check

    async def collect_all(self) -> int:
        """Sends what waits, of all jobs; how many answers were sent."""
        async with self._ctx.db.connection() as connection:
            job_ids = [job_id for (job_id,) in await rows(connection, QUERIES.jobs_with_answers)]
        sent = 0
        for job_id in job_ids:
            while True:
                count = await self._ctx.db.retrying(lambda tx, job_id=job_id: self.collect(tx, job_id))  # type: ignore[misc]
                sent += count
                if count < BATCH_MAX:
                    break
        return sent

    async def collect(self, tx: Tx, job_id: str) -> int:
        """Sends one batch of a job's waiting answers; how many it held."""
        await tx.execute(QUERIES.plan_by_key)
        job = await lock_job(tx, job_id)
        batch_no = job.answer_batches + 1
        found = await rows(
            tx,
            QUERIES.collect,
            {
                "job_id": job_id,
                "batch_no": batch_no,
                "most": BATCH_MAX,
                "effort_cap_factor": job.effort_cap_factor,
                "currency": job.parsed().pay.currency,
            },
        )
        if not found:
            return 0
        answers = tuple(
            AnswerFact(task_id=task_id, worker=worker, text=text, active_ms=active_ms, received_at_ms=received_at_ms)
            for task_id, worker, text, active_ms, received_at_ms in found
        )
        await tx.execute(QUERIES.count_answer_batch, {"job_id": job_id, "batch_no": batch_no})
        body = AnswersCollected(job_id=job_id, batch_no=batch_no, answers=answers)
        await self._ctx.send(tx, body, to_role="recording", to=job.recording)
        timed = [answer.active_ms for answer in answers if answer.active_ms > 0]
        old = await scalar(tx, QUERIES.sample_of, {"job_id": job_id}) or []
        await tx.execute(QUERIES.put_sample, {"job_id": job_id, "sample": grown_sample(old, timed)})
        return len(answers)

    async def finish_all(self) -> None:
        """Declares jobs complete that have nothing left to do."""
        async with self._ctx.db.connection() as connection:
            job_ids = [job_id for (job_id,) in await rows(connection, QUERIES.jobs_maybe_finished)]
        for job_id in job_ids:
            await self._ctx.db.retrying(lambda tx, job_id=job_id: self._finish(tx, job_id))  # type: ignore[misc]

    async def _finish(self, tx: Tx, job_id: str) -> None:
        job = await lock_job(tx, job_id)
        if job.state not in TAKES_ANSWERS or job.undecided or await scalar(tx, QUERIES.work_is_out, {"job_id": job_id}):
            return
        if job.state == "open" and self._check is not None and job.rounds < 2:
            if job.rounds == 0:
                await self._check(tx, job_id)
            return
        if await self._appealing.holds(tx, job_id):
            return
        unneeded = await rows(tx, QUERIES.withdraw_reserve, {"job_id": job_id, "because": GOLD_NOT_NEEDED})
        await self.tell_withdrawn(tx, job, [task_id for (task_id,) in unneeded], because=GOLD_NOT_NEEDED)
        batch_no = job.task_batches + 1
        await tx.execute(QUERIES.count_task_batch, {"job_id": job_id, "batch_no": batch_no})
        await tx.execute(QUERIES.set_state, {"job_id": job_id, "state": job.after("finish")})
        appeals = tuple(appeal_id for (appeal_id,) in await rows(tx, QUERIES.appeal_ids, {"job_id": job_id}))
        learned = await self._learning.told_at_the_end(tx, job_id, job.manifest)
        body = TasksOpened(job_id=job_id, batch_no=batch_no, tasks=(), complete=True, appeals=appeals, learned=learned)
        await self._ctx.send(tx, body, to_role="recording", to=job.recording)

    # --- verdicts -------------------------------------------------------------------------------------------------

    async def batch_recorded(self, tx: Tx, sender: str, body: BatchRecorded) -> None:
        """Takes verdicts and earnings of a batch over, after checking them against what was sent."""
        job = await lock_job(tx, body.job_id)
        if sender != job.recording:
            raise NotYours(body.job_id, sender, "recording oracle")
        evidence: BatchEvidence = canonical.decode(
            await self._ctx.blobs.get(body.evidence_blob), BatchEvidence, what="evidence"
        )
        _need_same(body, evidence)
        await tx.execute(QUERIES.plan_by_key)
        await self._store_outcomes(tx, job, evidence)
        if evidence.refused:
            await tx.execute(QUERIES.note_refusal, {"job_id": body.job_id, "now_ms": self._ctx.clock()})
        settled = await self._store_decisions(tx, job, body)
        await self._store_needs(tx, body)
        await tx.execute(
            QUERIES.add_batch,
            {
                "job_id": body.job_id,
                "batch_no": body.batch_no,
                "root": body.root,
                "evidence_blob": body.evidence_blob,
                "answers": len(evidence.answers),
                "reserved_minor": body.reserved_minor,
                "now_ms": self._ctx.clock(),
            },
        )
        await tx.execute(
            QUERIES.count_recorded_batch,
            {
                "job_id": body.job_id,
                "batch_no": body.batch_no,
                "reserved_minor": body.reserved_minor,
                "settled": settled,
            },
        )

    async def _store_outcomes(self, tx: Tx, job: JobRow, evidence: BatchEvidence) -> None:
        refusals = {(refusal.task_id, refusal.worker): refusal for refusal in evidence.refused}
        told = [(record, refusals.get((record.answer.task_id, record.answer.worker))) for record in evidence.answers]
        stored = await scalar(
            tx,
            QUERIES.store_outcomes,
            {
                "job_id": job.job_id,
                "effort_cap_factor": job.effort_cap_factor,
                "task_ids": [record.answer.task_id for record, _ in told],
                "workers": [record.answer.worker for record, _ in told],
                "texts": [record.answer.text for record, _ in told],
                "earned_minor": [record.reward_minor for record, _ in told],
                "codes": [refusal.code if refusal else None for _, refusal in told],
                "becauses": [refusal.because if refusal else None for _, refusal in told],
            },
        )
        if stored != len(told):
            raise EvidenceMismatch("answers of the batch", expected=f"{len(told)} that were sent", found=str(stored))

    async def _store_needs(self, tx: Tx, body: BatchRecorded) -> None:
        """Whom the recording oracle would have be asked what next."""
        where = {"job_id": body.job_id}
        if body.suspended:
            await tx.execute(QUERIES.suspend_gold, {**where, "task_ids": list(body.suspended)})
        if body.needs:
            needs = sorted(body.needs.items())
            values = {
                "workers": [worker for worker, _ in needs],
                "skills_bp": [min(10_000, max(0, need.skill_bp)) for _, need in needs],
                "golds_bp": [min(10_000, max(0, need.gold_share_bp)) for _, need in needs],
            }
            await tx.execute(QUERIES.put_needs, {**where, **values})
            await tx.execute(QUERIES.put_proven, where)

    async def _store_decisions(self, tx: Tx, job: JobRow, body: BatchRecorded) -> int:
        """How many tasks fewer are undecided."""
        final = [decision for decision in body.decisions if decision.outcome in FINAL_STATE]
        more = [decision for decision in body.decisions if decision.outcome == "ask_more"]
        settled = 0
        if final:
            settled = await scalar(
                tx,
                QUERIES.settle_tasks,
                {
                    "job_id": body.job_id,
                    "batch_no": body.batch_no,
                    "task_ids": [decision.task_id for decision in final],
                    "states": [FINAL_STATE[decision.outcome] for decision in final],
                    "texts": [_final_text(decision) for decision in final],
                    "confidence_bp": [decision.confidence_bp for decision in final],
                    "support": [decision.support for decision in final],
                    "becauses": [decision.because for decision in final],
                },
            )
            recycled = {
                "job_id": body.job_id,
                "batch_no": body.batch_no,
                "task_ids": [decision.task_id for decision in final if decision.support >= 2],
                "confidence_least_bp": RECYCLE_FROM_BP,
                "choice_least_bp": CHOICE_RECYCLE_FROM_BP,
                "asks_from": PLACE_OF_ASKS,
                "answers_most": job.parsed().quality.max_answers,
            }
            if recycled["task_ids"]:
                await tx.execute(QUERIES.recycle_gold, recycled)
        if more:
            settled -= await scalar(
                tx,
                QUERIES.ask_more,
                {
                    "job_id": body.job_id,
                    "task_ids": [decision.task_id for decision in more],
                    "wanted": [decision.wanted for decision in more],
                    "becauses": [decision.because for decision in more],
                    # a second answer at most is no dispute yet: it was wanted anyhow
                    "disputed": [decision.wanted > 2 for decision in more],
                },
            )
        return int(settled)

    # --- the end before the end -----------------------------------------------------------------------------------

    async def cancel_requested(self, tx: Tx, sender: str, body: CancelRequested) -> None:
        """Nobody is lent a task any more; what is lent may be answered, and what was accepted is paid."""
        job = await lock_job(tx, body.job_id)
        if sender != job.launcher:
            raise NotYours(body.job_id, sender, "launcher")
        if job.state not in ("announced", "reading", "cutting", "open"):
            return  # it has ended, or is ending already
        await self._cancel(tx, job, because=body.because or "the requester wants no more work")

    async def cancelled_on_chain(self, tx: Tx, *, chain_id: int, escrow: str) -> None:
        """The same by the chain's own word: work that is lent after it could not be recorded in time, or reserved."""
        for (job_id,) in await rows(tx, QUERIES.running_with_escrow, {"chain_id": chain_id, "escrow": escrow.lower()}):
            job = await lock_job(tx, job_id)
            if job.state in ("announced", "reading", "cutting", "open"):
                await self._cancel(tx, job, because="the escrow's end was asked for on the chain")

    async def _cancel(self, tx: Tx, job: JobRow, *, because: str) -> None:
        await tx.execute(
            QUERIES.set_cancelling, {"job_id": job.job_id, "state": job.after("cancel"), "because": because}
        )
        await self.withdraw_all(tx, job, because=because)

    async def withdraw_all(self, tx: Tx, job: JobRow, *, because: str) -> None:
        """Takes every task that nobody has decided from the job, but for frozen ones: the jury decides on those."""
        withdrawn = await rows(tx, QUERIES.withdraw_all, {"job_id": job.job_id})
        if job.state == "open":
            work = sum(queue != RESERVE for _, queue in withdrawn)
            await tx.execute(QUERIES.count_undecided_less, {"job_id": job.job_id, "count": work})
            await self.tell_withdrawn(tx, job, [task_id for task_id, _ in withdrawn], because=because)

    async def tell_withdrawn(self, tx: Tx, job: JobRow, task_ids: list[str], *, because: str) -> None:
        """Tells the recording oracle, in parts of at most `BATCH_MAX`."""
        for start in range(0, len(task_ids), BATCH_MAX):
            body = TasksWithdrawn(
                job_id=job.job_id, task_ids=tuple(task_ids[start : start + BATCH_MAX]), because=because
            )
            await self._ctx.send(tx, body, to_role="recording", to=job.recording)


def _final_text(decision: Any) -> str | None:
    return (decision.value or "") if decision.outcome == "accept" else None


def _need_same(body: BatchRecorded, evidence: BatchEvidence) -> None:
    """raises EvidenceMismatch unless the message says of the batch what its evidence says"""
    pairs = (
        ("job of the evidence", body.job_id, evidence.job_id),
        ("number of the batch", str(body.batch_no), str(evidence.batch_no)),
        ("root of the batch", body.root, "0x" + evidence.root().hex()),
        ("reserved pay", str(body.reserved_minor), str(evidence.reserved_minor)),
        ("decisions", canonical.content_hash(body.decisions), canonical.content_hash(evidence.decisions)),
    )
    for what, expected, found in pairs:
        if expected != found:
            raise EvidenceMismatch(what, expected=expected, found=found)
