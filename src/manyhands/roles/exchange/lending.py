"""The hot path: tasks are lent in bundles, answers are stored once.

Rules kept here
- Claim, submit, return and expire are one SQL statement each. A kill leaves all of a statement or nothing, and no two
  statements depend on each other: whichever was the last one, the next claim or tick goes on from there.
- An answer is on disk before the worker is told so. The same answer twice has one effect.
- A worker holds one bundle per job. Asking twice gives the same bundle, so a lost reply loses nothing.
- Nobody is lent a task twice, and a task has never more leases and answers than answers wanted.
- An answer inside its lease is always taken; a late one as long as its task is open.

    lending = Lending(db, clock=system_clock)
    bundle = await lending.claim(worker, job_id, count=20)
    await lending.submit(worker, job_id, [Given(a.assignment_id, "12.50", active_ms=4_000) for a in bundle.assignments])
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import psycopg

from manyhands.protocol.evidence import JudgingTerms
from manyhands.protocol.ids import Clock
from manyhands.protocol.manifest import parse_manifest
from manyhands.store.database import Database
from manyhands.store.sql import load_queries

from .decisions import ACTIVE_MS_MAX, BUNDLE_MAX, TEXT_MAX_CHARS, assignment_id, start_bp, task_of
from .errors import BadRequest, JobNotOpen, NoSuchJob, NotSignedIn, OtherCrowd, PoolMembersOnly, StillBusy
from .fitting import prior_from

QUERIES = load_queries("manyhands.roles.exchange")

Outcome = Literal["stored", "already_stored", "late_stored", "refused"]

EXPIRE_AT_ONCE = 200
"""Bundles freed by one statement."""

NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Signs that steer machines: no picture shows one, and at six bytes each a batch of answers would be too large."""

_TRIES = 8
_BUSY_WAIT_MS = 15


class Assignment(msgspec.Struct, frozen=True):
    """A task lent to a worker. picture = key of its cutting in the blob store."""

    assignment_id: str
    task_id: str
    picture: str
    question: str
    effort_ms: int
    reward_minor: int


class Bundle(msgspec.Struct, frozen=True):
    """What a worker holds of a job. Without assignments there is nothing for this worker now, and the lease is 0."""

    lease_until_ms: int
    assignments: tuple[Assignment, ...]


class Given(msgspec.Struct, frozen=True):
    """One answer as sent. text None = cannot read."""

    assignment_id: str
    text: str | None
    active_ms: int = 0


class Stored(msgspec.Struct, frozen=True):
    """What became of one answer. because = "" unless refused."""

    assignment_id: str
    outcome: Outcome
    because: str = ""


class Lending:
    """Lends tasks and takes answers, for any number of processes on one database."""

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def claim(self, worker: str, job_id: str, *, count: int) -> Bundle:
        """Lends up to `count` tasks, or gives back what the worker holds unfinished.

        raises  BadRequest, NoSuchJob, JobNotOpen, OtherCrowd, PoolMembersOnly, NotSignedIn, StillBusy
        """
        if not 1 <= count <= BUNDLE_MAX:
            raise BadRequest(f"a bundle has 1 to {BUNDLE_MAX} tasks, not {count}")
        freed_overdue = False
        for _ in range(_TRIES):
            rows = await self._claim_once(worker, job_id, count)
            status = rows[0][0] if rows else "again"
            if status in ("lent", "held"):
                return _bundle(job_id, worker, rows)
            if status == "none":
                # all that is left may be lent to people who have left
                if freed_overdue or not await self.expire(job_id):
                    return Bundle(0, ())
                freed_overdue = True
            elif status == "overdue":
                await self.expire(job_id)
            elif status == "stranger":
                await self._join(worker, job_id)
            elif status == "closed":
                await self._explain(worker, job_id)
            elif status == "busy":
                await asyncio.sleep(_BUSY_WAIT_MS / 1000)
        raise StillBusy(job_id)

    async def _claim_once(self, worker: str, job_id: str, count: int) -> list[tuple[Any, ...]]:
        values = {
            "worker": worker,
            "job_id": job_id,
            "count": count,
            "now_ms": self._clock(),
        }
        try:
            async with self._db.connection() as connection:
                return await (await connection.execute(QUERIES.claim, values, prepare=True)).fetchall()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation):
            return []  # another statement was first; nothing of this one happened

    async def submit(self, worker: str, job_id: str, answers: Sequence[Given]) -> list[Stored]:
        """Stores answers, durably before it returns. One outcome per answer, in order.

        raises  BadRequest for more than a bundle at once
        """
        if not 1 <= len(answers) <= BUNDLE_MAX:
            raise BadRequest(f"send 1 to {BUNDLE_MAX} answers at once, not {len(answers)}")
        outcomes: dict[str, Stored] = {}
        fit: dict[str, Given] = {}
        for given in answers:
            task_id = task_of(given.assignment_id, job_id=job_id, worker=worker)
            problem = "it is not lent to you" if task_id is None else _problem_of(given, fit.get(task_id))
            if task_id is None or problem:
                outcomes.setdefault(given.assignment_id, Stored(given.assignment_id, "refused", problem))
            else:
                fit.setdefault(task_id, given)
        waiting = dict(fit)
        for _ in range(_TRIES):
            if not waiting:
                break
            for row in await self._submit_once(worker, job_id, waiting):
                task_id, given = row[0], waiting[row[0]]
                outcome = _outcome_of(given, row, now_ms=self._clock())
                if outcome is not None:
                    outcomes[given.assignment_id] = outcome
                    del waiting[task_id]
        if waiting:
            raise StillBusy(job_id)
        return [outcomes[given.assignment_id] for given in answers]

    async def _submit_once(self, worker: str, job_id: str, waiting: dict[str, Given]) -> list[tuple[Any, ...]]:
        values = {
            "worker": worker,
            "job_id": job_id,
            "task_ids": list(waiting),
            "texts": [given.text for given in waiting.values()],
            "active_ms": [given.active_ms for given in waiting.values()],
            "now_ms": self._clock(),
        }
        try:
            async with self._db.connection() as connection:
                return await (await connection.execute(QUERIES.submit, values, prepare=True)).fetchall()
        except psycopg.errors.DeadlockDetected:
            return []

    async def give_back(self, worker: str, job_id: str, assignment_ids: Sequence[str]) -> int:
        """Returns tasks unanswered; how many were still in the worker's hands."""
        task_ids = [task for one in assignment_ids if (task := task_of(one, job_id=job_id, worker=worker))]
        values = {"worker": worker, "job_id": job_id, "task_ids": task_ids}

        async def work(tx: Any) -> int:
            return int((await (await tx.execute(QUERIES.give_back, values)).fetchone())[0])

        return await self._db.retrying(work)

    async def expire(self, job_id: str | None = None) -> int:
        """Frees tasks that outlived their lease, of one job or of all; how many tasks were freed."""
        freed = 0
        while True:
            values = {"job_id": job_id, "now_ms": self._clock(), "most": EXPIRE_AT_ONCE}

            async def work(tx: Any, values: dict[str, Any] = values) -> tuple[int, int]:
                bundles, tasks = await (await tx.execute(QUERIES.expire, values)).fetchone()
                return bundles, tasks

            bundles, tasks = await self._db.retrying(work)
            freed += tasks
            if bundles < EXPIRE_AT_ONCE:
                return freed

    async def _join(self, worker: str, job_id: str) -> None:
        from manyhands.task_types.judging import WorkerBook, gold_need_bp, standing_from

        values: dict[str, Any] = {"worker": worker, "job_id": job_id, "start_bp": start_bp(job_id, worker)}
        async with self._db.connection() as connection:
            found = await (await connection.execute(QUERIES.standing_at_door, values)).fetchone()
            if found is not None:
                right_micro, wrong_micro, at_ms, prior_right, prior_wrong, manifest = found
                prior = prior_from(prior_right, prior_wrong)
                terms = JudgingTerms(prior_right_micro=prior.right_micro, prior_wrong_micro=prior.wrong_micro)
                standing = standing_from(right_micro, wrong_micro, at_ms, terms)
                need_bp = gold_need_bp(WorkerBook(standing), parse_manifest(manifest).quality)
                values |= {"skill_bp": standing.mean_bp, "gold_share_bp": need_bp}
            else:
                values |= {"skill_bp": 0, "gold_share_bp": 0}
            joined = await (await connection.execute(QUERIES.join_job, values)).fetchone()
        if joined is None:
            await self._explain(worker, job_id)

    async def _explain(self, worker: str, job_id: str) -> None:
        """raises what keeps the worker out of the job; returns when nothing does (any more)"""
        async with self._db.connection() as connection:
            row = await (await connection.execute(QUERIES.job_door, {"worker": worker, "job_id": job_id})).fetchone()
        state, job_simulated, worker_simulated, outside = row or (None, None, None, None)
        if state is None:
            raise NoSuchJob(job_id)
        if worker_simulated is None:
            raise NotSignedIn
        if job_simulated != worker_simulated:
            raise OtherCrowd(job_id, job_simulated=job_simulated)
        if outside:
            raise PoolMembersOnly(job_id)
        if state != "open":
            raise JobNotOpen(job_id, state)


def _bundle(job_id: str, worker: str, rows: Sequence[tuple[Any, ...]]) -> Bundle:
    return Bundle(
        lease_until_ms=max(row[6] for row in rows),
        assignments=tuple(
            Assignment(
                assignment_id=assignment_id(job_id, task_id, worker),
                task_id=task_id,
                picture=picture,
                question=question,
                effort_ms=effort_ms,
                reward_minor=reward_minor,
            )
            for _, task_id, question, effort_ms, reward_minor, picture, _, _ in rows
        ),
    )


def _problem_of(given: Given, earlier: Given | None) -> str:
    """Why an answer can't be stored whatever the tables say, or ""."""
    if earlier is not None and earlier.text != given.text:
        return "the same request holds another answer to it"
    if given.text is not None and len(given.text) > TEXT_MAX_CHARS:
        return f"it has {len(given.text)} characters; {TEXT_MAX_CHARS} are the most"
    if given.text is not None and NO_TEXT.search(given.text):
        return "it holds a character that is no text"
    if not 0 <= given.active_ms <= ACTIVE_MS_MAX:
        return "its time is no time"
    return ""


def _outcome_of(given: Given, row: tuple[Any, ...], *, now_ms: int) -> Stored | None:
    """What a row of `submit` says; None when it has to be asked again, as somebody else was at the same row.

    row  task_id, was, lease_until_ms, state, answer_text, task_state, job_state
    """
    _, was, lease_until_ms, state, answer_text, task_state, job_state = row
    if was is not None:
        late = was == "expired" or now_ms > lease_until_ms
        return Stored(given.assignment_id, "late_stored" if late else "stored")
    if state == "answered":
        if answer_text == given.text:
            return Stored(given.assignment_id, "already_stored")
        return Stored(given.assignment_id, "refused", "you have answered it otherwise; an answer can't be changed")
    if state is None:
        return Stored(given.assignment_id, "refused", "it is not lent to you")
    if state == "returned":
        return Stored(given.assignment_id, "refused", "you gave it back")
    if state == "reported":
        return Stored(given.assignment_id, "refused", "you reported it")
    if job_state not in ("open", "cancelling"):
        return Stored(given.assignment_id, "refused", "its lease is over and the job has ended")
    if state == "expired" and task_state != "open":
        return Stored(given.assignment_id, "refused", f"its lease is over and the task is {task_state} meanwhile")
    return None
