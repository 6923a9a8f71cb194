"""Background work: with its rows, at least once, in order per lock, and never silently gone."""

from __future__ import annotations

import asyncio

import pytest

from .database import Database
from .jobs import Backoff, GiveUp, JobApp, dead_letters, enqueue, enqueue_many, requeue_dead, retry_stalled
from .migrations import Room


@pytest.fixture(scope="session")
def rooms() -> list[Room]:
    return []


QUICK = Backoff(first_wait_ms=1, max_wait_ms=1, max_failures=3)


async def test_work_exists_exactly_when_its_transaction_was_committed(database: Database) -> None:
    jobs = JobApp(database)
    done: list[int] = []

    @jobs.task("note")
    async def note(number: int) -> None:
        done.append(number)

    async with database.transaction() as tx:
        await enqueue(tx, "note", queue="q", args={"number": 1})
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            await enqueue(tx, "note", queue="q", args={"number": 2})
            raise RuntimeError("changed my mind")
    await jobs.run_until_idle(["q"])
    assert done == [1]
    assert await jobs.count_waiting() == 0


async def test_work_of_one_lock_runs_one_after_the_other_in_order(database: Database) -> None:
    jobs = JobApp(database)
    running, seen, most = 0, [], 0

    @jobs.task("step")
    async def step(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        seen.append(number)
        running -= 1

    async with database.transaction() as tx:
        numbers = range(8)
        ids = await enqueue_many(
            tx, "step", queue="q", args=[{"number": n} for n in numbers], locks=["one lock"] * len(numbers)
        )
    assert ids == sorted(ids)
    await jobs.run_until_idle(["q"], concurrency=4)
    assert seen == list(numbers)
    assert most == 1


async def test_a_second_piece_with_the_same_queueing_lock_is_dropped_and_the_transaction_lives(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        assert await enqueue(tx, "sweep", queue="q", args={}, queueing_lock="sweep") is not None
        assert await enqueue(tx, "sweep", queue="q", args={}, queueing_lock="sweep") is None
        assert await enqueue(tx, "sweep", queue="q", args={}) is not None


async def test_failing_work_is_retried_then_becomes_a_dead_letter_with_its_reason_and_can_be_put_back(
    database: Database,
) -> None:
    jobs = JobApp(database)
    broken = True
    tries = 0

    @jobs.task("fragile", backoff=QUICK)
    async def fragile(job_id: str) -> None:
        nonlocal tries
        tries += 1
        if broken:
            raise RuntimeError(f"no luck with {job_id}")

    async with database.transaction() as tx:
        await enqueue(tx, "fragile", queue="q", args={"job_id": "j1"})
    for _ in range(6):
        await asyncio.sleep(0.01)
        await jobs.run_until_idle(["q"])
    assert tries == 3
    async with database.connection() as connection:
        [letter] = await dead_letters(connection)
        assert (letter.task_name, letter.args, letter.reason) == ("fragile", {"job_id": "j1"}, "no luck with j1")
    broken = False
    async with database.transaction() as tx:
        assert await requeue_dead(tx, letter.work_id)
        assert not await requeue_dead(tx, 10_000)
    await jobs.run_until_idle(["q"])
    async with database.connection() as connection:
        assert await dead_letters(connection) == []
    assert tries == 4


async def test_hopeless_and_unknown_work_dies_at_once(database: Database) -> None:
    jobs = JobApp(database)

    @jobs.task("hopeless")
    def hopeless() -> None:
        raise GiveUp("the page is not a picture")

    async with database.transaction() as tx:
        await enqueue(tx, "hopeless", queue="q", args={})
        await enqueue(tx, "nobody.knows", queue="q", args={})
    await jobs.run_until_idle(["q"])
    async with database.connection() as connection:
        reasons = [letter.reason for letter in await dead_letters(connection)]
    assert reasons[0] == "the page is not a picture"
    assert "knows the task" in reasons[1]


async def test_work_of_a_dead_worker_is_taken_up_and_does_not_count_as_a_failure(database: Database) -> None:
    jobs = JobApp(database)
    done = asyncio.Event()

    @jobs.task("page", backoff=Backoff(max_failures=1))
    async def page() -> None:
        done.set()

    async with database.transaction() as tx:
        work_id = await enqueue(tx, "page", queue="q", args={})
        await tx.execute("insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour')")
        await tx.execute(
            "update procrastinate_jobs set status = 'doing', worker_id = (select max(id) from procrastinate_workers)"
        )
    stop = asyncio.Event()
    worker = asyncio.create_task(jobs.run_worker(["q"], stop=stop))
    await asyncio.wait_for(done.wait(), 20)
    stop.set()
    await worker
    async with database.connection() as connection:
        assert await retry_stalled(connection) == []
        assert await dead_letters(connection) == []
    assert work_id is not None
    assert await jobs.count_waiting() == 0


async def test_a_worker_outlives_a_database_that_drops_its_connections(database: Database) -> None:
    jobs = JobApp(database)
    seen: list[int] = []
    dropped, second = asyncio.Event(), asyncio.Event()

    @jobs.task("drop", backoff=QUICK)
    async def drop(number: int) -> None:
        if number == 1 and not seen:
            seen.append(number)
            async with database.connection() as connection:
                await connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
            dropped.set()
            return
        seen.append(number)
        second.set()

    stop = asyncio.Event()
    worker = asyncio.create_task(jobs.run_worker(["q"], stop=stop, poll_ms=100))
    async with database.transaction() as tx:
        await enqueue(tx, "drop", queue="q", args={"number": 1})
    await asyncio.wait_for(dropped.wait(), 20)
    async with database.transaction() as tx:
        await enqueue(tx, "drop", queue="q", args={"number": 2})
    await asyncio.wait_for(second.wait(), 30)
    stop.set()
    await asyncio.wait_for(worker, 30)
    assert 2 in seen


async def test_a_worker_that_is_stopped_finishes_what_it_runs(database: Database) -> None:
    jobs = JobApp(database)
    began, ended = asyncio.Event(), False

    @jobs.task("slow")
    async def slow() -> None:
        nonlocal ended
        began.set()
        await asyncio.sleep(0.2)
        ended = True

    stop = asyncio.Event()
    worker = asyncio.create_task(jobs.run_worker(["q"], stop=stop))
    async with database.transaction() as tx:
        await enqueue(tx, "slow", queue="q", args={})
    await asyncio.wait_for(began.wait(), 20)
    stop.set()
    await worker
    assert ended
    assert await jobs.count_waiting() == 0


async def test_a_stopped_worker_puts_back_what_takes_too_long(database: Database) -> None:
    jobs = JobApp(database)
    began = asyncio.Event()

    @jobs.task("endless", backoff=Backoff(max_failures=1))
    async def endless() -> None:
        began.set()
        await asyncio.sleep(3_600)

    stop = asyncio.Event()
    worker = asyncio.create_task(jobs.run_worker(["q"], stop=stop, stop_timeout_ms=50))
    async with database.transaction() as tx:
        await enqueue(tx, "endless", queue="q", args={})
    await asyncio.wait_for(began.wait(), 20)
    stop.set()
    await asyncio.wait_for(worker, 20)
    async with database.connection() as connection:
        assert await dead_letters(connection) == []
    assert await jobs.count_waiting() == 1


async def test_periodic_work_goes_on_after_an_error(database: Database) -> None:
    jobs = JobApp(database)
    calls = 0
    enough = asyncio.Event()

    @jobs.every("tick", 10)
    async def tick() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("once")
        enough.set()

    stop = asyncio.Event()
    worker = asyncio.create_task(jobs.run_worker(["q"], stop=stop))
    await asyncio.wait_for(enough.wait(), 20)
    stop.set()
    await worker
