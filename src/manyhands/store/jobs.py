"""Background work on the same PostgreSQL: enqueued with the rows it follows from, run at least once.

Rules kept here
- `enqueue` writes on the caller's open transaction: work exists exactly when the rows do.
- A killed worker's work is taken up by another; so the body of a task must bear to run twice.
- Only failures of the work itself count towards its limit, being killed does not. What is out of attempts becomes a
  dead letter with its reason: listed, kept, and put back by hand.
- Work that shares a lock runs one by one, in the order enqueued; one that waits for its retry holds the others.
- What succeeded is deleted at once; dead letters alone stay.

    jobs = JobApp(db)

    @jobs.task("ocr.read_page", backoff=Backoff(max_failures=5))
    async def read_page(job_id: str, page_no: int) -> None: ...

    async with db.transaction() as tx:
        await enqueue(tx, "ocr.read_page", queue="ocr", args={"job_id": "j1", "page_no": 1})
    await jobs.run_worker(["ocr"], concurrency=2, stop=stop)

Called work here, to keep it apart from a requester's job: `work_id` is procrastinate's id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import procrastinate
import psycopg
from procrastinate.job_context import JobContext
from procrastinate.jobs import DeleteJobCondition, Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.worker import Worker
from psycopg.types.json import Jsonb

from .around import Around, nothing_around
from .database import Database, Tx, rows_of, scalar
from .errors import StoreError
from .sql import load_queries

logger = logging.getLogger(__name__)

QUERIES = load_queries("manyhands.store")

F = TypeVar("F", bound=Callable[..., Any])

HEARTBEAT_MS = 2_000
STALLED_AFTER_MS = 15_000
SWEEP_EVERY_MS = 3_000
STOP_TIMEOUT_MS = 20_000
LEFT_DOING_AFTER_MS = 5_000


class GiveUp(StoreError):
    """Raised by a task whose work can never succeed: it becomes a dead letter at once."""


class WorkFailed(StoreError):
    """One failure of one piece of background work, as counted."""

    def __init__(self, reason: str, *, failure_no: int, hopeless: bool) -> None:
        self.reason, self.failure_no, self.hopeless = reason, failure_no, hopeless
        super().__init__(f"failure {failure_no}: {reason}")


@dataclass(frozen=True)
class Backoff:
    """How long to wait after the n-th failure: first_wait_ms x factor^(n-1), at most max_wait_ms.

    max_failures  after so many it is a dead letter; None = never

    >>> [Backoff(first_wait_ms=100, factor=3, max_wait_ms=1_000).wait_ms(n) for n in (1, 2, 3, 4)]
    [100, 300, 900, 1000]
    """

    first_wait_ms: int = 500
    factor: int = 2
    max_wait_ms: int = 300_000
    max_failures: int | None = 20

    def wait_ms(self, failure_no: int) -> int:
        # 40 doublings exceed any wait: the bound keeps the power small after thousands of failures
        growth: int = self.factor ** min(failure_no - 1, 40)
        return min(self.max_wait_ms, self.first_wait_ms * growth)

    def next_try_after_ms(self, failure_no: int, *, hopeless: bool) -> int | None:
        """None when it is not tried again."""
        if hopeless or (self.max_failures is not None and failure_no >= self.max_failures):
            return None
        return self.wait_ms(failure_no)


@dataclass(frozen=True)
class DeadLetter:
    """Work that is not tried again by itself."""

    work_id: int
    task_name: str
    queue: str
    args: dict[str, Any]
    attempts: int
    reason: str
    failed_at: datetime | None


async def enqueue(
    tx: Tx,
    task_name: str,
    *,
    queue: str,
    args: Mapping[str, Any],
    lock: str | None = None,
    queueing_lock: str | None = None,
    schedule_at: datetime | None = None,
    priority: int = 0,
) -> int | None:
    """Enqueues one piece of work on the caller's transaction.

    args           JSON values, passed to the task by name
    lock           work of the same lock runs one after the other
    queueing_lock  at most one piece of work with it waits; a further one is dropped
    schedule_at    not before this moment
    returns        work id, None when `queueing_lock` dropped it
    """
    values = {
        "queue": queue,
        "task": task_name,
        "priority": priority,
        "schedule_at": schedule_at,
        "args": [Jsonb(dict(args))],
        "locks": [lock],
        "queueing_locks": [queueing_lock],
    }
    if queueing_lock is None:
        return int(await scalar(tx, QUERIES.enqueue, values))
    try:
        async with tx.transaction():  # a savepoint: the refusal must not spoil the caller's transaction
            return int(await scalar(tx, QUERIES.enqueue, values))
    except psycopg.errors.UniqueViolation:
        return None


async def enqueue_many(
    tx: Tx,
    task_name: str,
    *,
    queue: str,
    args: Sequence[Mapping[str, Any]],
    locks: Sequence[str | None] | None = None,
    schedule_at: datetime | None = None,
    priority: int = 0,
) -> list[int]:
    """Enqueues many pieces of work of one task in one statement; returns their ids in order."""
    if not args:
        return []
    cursor = await tx.execute(
        QUERIES.enqueue,
        {
            "queue": queue,
            "task": task_name,
            "priority": priority,
            "schedule_at": schedule_at,
            "args": [Jsonb(dict(one)) for one in args],
            "locks": list(locks) if locks is not None else [None] * len(args),
            "queueing_locks": [None] * len(args),
        },
    )
    return [int(row[0]) for row in await cursor.fetchall()]


async def dead_letters(tx: Tx, *, limit: int = 1_000) -> list[DeadLetter]:
    """Work that died, oldest first."""
    return await rows_of(tx, DeadLetter, QUERIES.dead_letters, {"limit": limit})


async def requeue_dead(tx: Tx, work_id: int) -> bool:
    """Puts a dead letter back to work, its failures forgotten. False when there is no such dead letter."""
    if await scalar(tx, QUERIES.requeue_dead, {"work_id": work_id}) is None:
        return False
    await tx.execute(QUERIES.poke_queue, {"work_ids": [work_id]})
    return True


@dataclass(frozen=True)
class QueueDepth:
    """Work of one queue in one status: todo, doing, failed. oldest_ms  since the oldest could have been taken"""

    queue: str
    status: str
    count: int
    oldest_ms: int


async def queue_depths(tx: Tx) -> list[QueueDepth]:
    """What waits, runs and died, queue by queue."""
    cursor = await tx.execute(QUERIES.queue_depths)
    return [QueueDepth(*row) for row in await cursor.fetchall()]


async def waiting_retries(tx: Tx, *, limit: int = 100) -> list[DeadLetter]:
    """Work that failed and waits for its next try, soonest first. failed_at  when it will be tried"""
    return await rows_of(tx, DeadLetter, QUERIES.waiting_retries, {"limit": limit})


async def retry_now(tx: Tx, work_id: int) -> bool:
    """Tries waiting work at once. False when it does not wait for a retry."""
    if await scalar(tx, QUERIES.retry_now, {"work_id": work_id}) is None:
        return False
    await tx.execute(QUERIES.poke_queue, {"work_ids": [work_id]})
    return True


async def retry_stalled(tx: Tx, *, stalled_after_ms: int = STALLED_AFTER_MS) -> list[int]:
    """Puts work back whose worker has not been heard of for so long; returns the work ids.

    stalled_after_ms  0 right after a start, when it is known that no worker of this database is alive
    """
    cursor = await tx.execute(QUERIES.retry_stalled, {"stalled_after_ms": stalled_after_ms})
    work_ids = [int(row[0]) for row in await cursor.fetchall()]
    if work_ids:
        await tx.execute(QUERIES.poke_queue, {"work_ids": work_ids})
    return work_ids


class _Retry(BaseRetryStrategy):
    """Our backoff in procrastinate's words."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_at=datetime.now(UTC))  # the worker was stopped: no failure of the work
        if isinstance(exception, WorkFailed):
            wait_ms = self._backoff.next_try_after_ms(exception.failure_no, hopeless=exception.hopeless)
        else:  # the failure could not be written down: the database is away
            wait_ms = self._backoff.wait_ms(1)
        return None if wait_ms is None else RetryDecision(retry_at=datetime.now(UTC) + timedelta(milliseconds=wait_ms))


class JobApp:
    """The tasks of one process, and the worker that runs them.

    db  its pool should hold `concurrency` + 3 connections in a process that runs a worker
    """

    def __init__(self, db: Database, *, around: Around = nothing_around) -> None:
        self._db, self._around = db, around
        self._connector = procrastinate.PsycopgConnector()
        self._app = procrastinate.App(connector=self._connector)
        self._worker: Worker | None = None
        self._ended_at: dict[int, float] = {}
        self._periodic: list[tuple[str, int, Callable[[], Awaitable[None]]]] = []

    @property
    def task_names(self) -> frozenset[str]:
        return frozenset(name for name in self._app.tasks if not name.startswith(("builtin:", "procrastinate.")))

    def task(self, name: str, *, backoff: Backoff | None = None) -> Callable[[F], F]:
        """Registers a function, async or not, as the body of a task. One that is not async runs in a thread."""

        def register(function: F) -> F:
            self._app.task(name=name, retry=_Retry(backoff or Backoff()))(function)
            return function

        return register

    def every(self, name: str, every_ms: int) -> Callable[[F], F]:
        """Registers an async function without arguments, called again and again by one of the workers at a time.

        It begins `every_ms` after its last end. Its errors are logged and do not end it.
        """

        def register(function: F) -> F:
            self._periodic.append((name, every_ms, function))
            return function

        return register

    async def run_worker(
        self,
        queues: Sequence[str] | None,
        *,
        concurrency: int = 1,
        stop: asyncio.Event,
        stalled_after_ms: int = STALLED_AFTER_MS,
        poll_ms: int = 1_000,
        stop_timeout_ms: int = STOP_TIMEOUT_MS,
    ) -> None:
        """Works until `stop` is set, then finishes what runs (for `stop_timeout_ms`) and returns.

        queues   None = all
        poll_ms  fallback; new work is announced by the database at once
        Survives a database that is away: it tries again every second.
        """
        await self._connector.open_async(self._db.pool)
        helpers = [
            asyncio.create_task(self._sweep(stop, stalled_after_ms), name="sweep stalled work"),
            *(asyncio.create_task(self._repeat(*entry, stop), name=f"every {entry[0]}") for entry in self._periodic),
        ]
        try:
            while not stop.is_set():
                try:
                    await self._run_once(queues, concurrency, stop, poll_ms, stop_timeout_ms, stalled_after_ms)
                except (psycopg.Error, procrastinate.exceptions.ProcrastinateException) as error:
                    logger.warning("the worker lost the database and starts again: %s", error)
                    await _wait(stop, 1_000)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def run_until_idle(self, queues: Sequence[str] | None = None, *, concurrency: int = 1) -> None:
        """Does all work that is due now, and returns. Work scheduled for later stays."""
        await self._connector.open_async(self._db.pool)
        due: int = 1
        while due:
            worker = self._new_worker(queues, concurrency, 1_000, STOP_TIMEOUT_MS, STALLED_AFTER_MS, wait=False)
            await _run(worker)
            async with self._db.connection() as connection:
                wanted = list(queues) if queues is not None else None
                due = await scalar(connection, QUERIES.count_due, {"queues": wanted})

    async def count_waiting(self, queues: Sequence[str] | None = None) -> int:
        """Pieces of work that wait or run, also those scheduled for later."""
        async with self._db.connection() as connection:
            wanted = list(queues) if queues is not None else None
            return int(await scalar(connection, QUERIES.count_waiting, {"queues": wanted}))

    # --- inside -----------------------------------------------------------------------------------------------------

    def _new_worker(
        self,
        queues: Sequence[str] | None,
        concurrency: int,
        poll_ms: int,
        stop_timeout_ms: int,
        stalled_after_ms: int,
        *,
        wait: bool = True,
    ) -> Worker:
        return Worker(
            app=self._app,
            queues=list(queues) if queues is not None else None,
            concurrency=concurrency,
            wait=wait,
            listen_notify=wait,
            fetch_job_polling_interval=poll_ms / 1000,
            shutdown_graceful_timeout=stop_timeout_ms / 1000,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_MS / 1000,
            # workers that are gone are forgotten much later than their work is taken up
            stalled_worker_timeout=20 * stalled_after_ms / 1000,
            worker_middleware=[self._count_failures],
        )

    async def _run_once(
        self,
        queues: Sequence[str] | None,
        concurrency: int,
        stop: asyncio.Event,
        poll_ms: int,
        stop_timeout_ms: int,
        stalled_after_ms: int,
    ) -> None:
        worker = self._new_worker(queues, concurrency, poll_ms, stop_timeout_ms, stalled_after_ms)
        self._worker = worker
        running = asyncio.create_task(_run(worker), name="procrastinate worker")
        stopping = asyncio.create_task(stop.wait(), name="wait for stop")
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            worker.stop()  # type: ignore[no-untyped-call]  # procrastinate leaves it untyped
            await running
        finally:
            stopping.cancel()
            running.cancel()
            with contextlib.suppress(
                asyncio.CancelledError, psycopg.Error, procrastinate.exceptions.ProcrastinateException
            ):
                await running

    async def _count_failures(
        self, call_next: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker
    ) -> Any:
        """Around every piece of work: writes down why it failed, and remembers when it ended."""
        work_id = context.job.id
        if work_id is None:
            raise ValueError("procrastinate ran work without an id")
        self._ended_at.pop(work_id, None)
        try:
            with self._around("work", context.job.task_name, str(context.job.task_kwargs.get("job_id", ""))):
                return await call_next()
        except Exception as error:
            hopeless = isinstance(error, GiveUp | procrastinate.exceptions.TaskNotFound)
            reason = str(error) or type(error).__name__
            try:
                async with self._db.transaction() as tx:
                    values = {"work_id": work_id, "error_type": type(error).__name__, "reason": reason[:2_000]}
                    failure_no = int(await scalar(tx, QUERIES.record_failure, values))
            except (psycopg.Error, StoreError):
                logger.warning("could not write down why %s failed", context.job.task_name)
                raise error from None
            raise WorkFailed(reason, failure_no=failure_no, hopeless=hopeless) from error
        finally:
            self._ended_at[work_id] = time.monotonic()

    async def _sweep(self, stop: asyncio.Event, stalled_after_ms: int) -> None:
        """Again and again: takes up the work of dead workers, and what this worker could not report as ended."""
        while not stop.is_set():
            try:
                async with self._db.transaction() as tx:
                    work_ids = await retry_stalled(tx, stalled_after_ms=stalled_after_ms)
                    await self._retry_left_doing(tx)
                if work_ids:
                    logger.warning("took up %d pieces of work of workers that are gone", len(work_ids))
            except (psycopg.Error, StoreError) as error:
                logger.warning("could not look for stalled work: %s", error)
            await _wait(stop, SWEEP_EVERY_MS)

    async def _retry_left_doing(self, tx: Tx) -> None:
        due = time.monotonic() - LEFT_DOING_AFTER_MS / 1000
        ended = [work_id for work_id, ended_at in self._ended_at.items() if ended_at < due]
        worker_id = self._worker.worker_id if self._worker is not None else None
        if ended and worker_id is not None:
            await tx.execute(QUERIES.retry_left_doing, {"work_ids": ended, "worker_id": worker_id})
        for work_id in ended:
            self._ended_at.pop(work_id, None)

    async def _repeat(
        self, name: str, every_ms: int, function: Callable[[], Awaitable[None]], stop: asyncio.Event
    ) -> None:
        while not stop.is_set():
            try:
                async with _alone(self._db, name) as alone:
                    if alone:
                        await function()
            except Exception:
                logger.exception("the periodic task %s failed and will be called again", name)
            await _wait(stop, every_ms)


@contextlib.asynccontextmanager
async def _alone(db: Database, name: str) -> AsyncIterator[bool]:
    """Whether this process is the only one inside; a hint against double work, not a promise of it."""
    async with db.transaction() as tx:
        yield bool(await scalar(tx, "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (f"every:{name}",)))


async def _run(worker: Worker) -> None:
    await worker.run()  # type: ignore[no-untyped-call]  # procrastinate leaves it untyped


async def _wait(stop: asyncio.Event, wait_ms: int) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), wait_ms / 1000)
