"""Lending on a real PostgreSQL: any history of claims, answers, returns and lapses; races of many workers."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from manyhands.protocol.manifest import Privacy
from manyhands.protocol.privacy import people_enough
from manyhands.roles.exchange.decisions import BUNDLE_MAX, assignment_id
from manyhands.roles.exchange.errors import BadRequest, JobNotOpen, NoSuchJob, NotSignedIn, OtherCrowd
from manyhands.roles.exchange.lending import Bundle, Given, Lending
from manyhands.roles.exchange.testing import OpenJob, put_open_job, put_workers, worker_address
from manyhands.store.database import Database, rows, scalar
from manyhands.store.sql import load_queries

NOW_MS = 1_000_000
VIEWS = load_queries("manyhands.roles.exchange")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def lending(database: Database, clock: Clock) -> AsyncIterator[Lending]:
    yield Lending(database, clock=clock)


async def prepared(database: Database, job: OpenJob, *, workers: int) -> list[str]:
    async with database.transaction() as tx:
        await put_open_job(tx, job)
        return await put_workers(tx, workers, simulated=job.simulated)


def answered(bundle: Bundle, text: str | None = "12.50") -> list[Given]:
    return [Given(one.assignment_id, text, active_ms=3_000) for one in bundle.assignments]


async def test_a_claim_lends_what_was_asked_and_no_task_twice(database: Database, lending: Lending) -> None:
    first, second = await prepared(database, OpenJob(per_page=10), workers=2)
    mine = await lending.claim(first, "job-1", count=6)
    theirs = await lending.claim(second, "job-1", count=6)
    assert (len(mine.assignments), len(theirs.assignments)) == (6, 4)
    assert not {one.task_id for one in mine.assignments} & {one.task_id for one in theirs.assignments}
    assert mine.lease_until_ms == NOW_MS + 600_000


async def test_a_job_of_a_million_tasks_takes_workers(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(per_page=4), workers=1)
    async with database.transaction() as tx:
        await tx.execute("update exchange.jobs set tasks_total = 2000000000")
    assert len((await lending.claim(worker, "job-1", count=6)).assignments) == 4


async def out_of_reach(database: Database) -> tuple[int, int]:
    async with database.connection() as connection:
        return (await rows(connection, VIEWS.out_of_reach, {"job_id": "job-1"}))[0]


async def test_tasks_that_nobody_who_came_may_take_are_counted(database: Database, lending: Lending) -> None:
    first, second = await prepared(database, OpenJob(pages=1, per_page=10, privacy="standard"), workers=2)
    assert await out_of_reach(database) == (0, 0), "whoever comes first may take any of them"
    await lending.submit(first, "job-1", answered(await lending.claim(first, "job-1", count=9)))
    assert await out_of_reach(database) == (9, 1)
    await lending.submit(second, "job-1", answered(await lending.claim(second, "job-1", count=9)))
    assert await out_of_reach(database) == (8, 2)


async def test_tasks_that_somebody_who_came_may_still_take_are_not_counted(
    database: Database, lending: Lending
) -> None:
    (worker,) = await prepared(database, OpenJob(pages=1, per_page=10, privacy="off"), workers=1)
    await lending.submit(worker, "job-1", answered(await lending.claim(worker, "job-1", count=3)))
    assert await out_of_reach(database) == (0, 1)


@pytest.mark.parametrize(("privacy", "pieces", "share"), [("strict", 6, 1), ("standard", 20, 2)])
async def test_so_many_people_as_are_said_to_be_enough_can_take_every_task_of_a_page(
    database: Database, lending: Lending, privacy: Privacy, pieces: int, share: int
) -> None:
    enough = people_enough(lent=2 * pieces, own=2, beside=4, share=share)
    job = OpenJob(pages=1, per_page=pieces, wanted=2, privacy=privacy)
    taken = 0
    for worker in await prepared(database, job, workers=enough):
        # each takes all that is left for them before the next one comes
        while (bundle := await lending.claim(worker, "job-1", count=20)).assignments:
            await lending.submit(worker, "job-1", answered(bundle))
            taken += len(bundle.assignments)
    assert taken == 2 * pieces
    assert await out_of_reach(database) == (0, enough)


async def test_one_person_less_than_a_strict_page_needs_leaves_a_task_out_of_reach(
    database: Database, lending: Lending
) -> None:
    least = people_enough(lent=12, own=2, beside=4, share=1) - 1
    for worker in await prepared(database, OpenJob(pages=1, per_page=6, wanted=2, privacy="strict"), workers=least):
        await lending.submit(worker, "job-1", answered(await lending.claim(worker, "job-1", count=20)))
    assert await out_of_reach(database) == (1, least)


async def test_asking_again_gives_the_same_bundle(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(), workers=1)
    bundle = await lending.claim(worker, "job-1", count=4)
    assert await lending.claim(worker, "job-1", count=9) == bundle
    await lending.submit(worker, "job-1", answered(bundle)[:3])
    rest = await lending.claim(worker, "job-1", count=9)
    assert rest.assignments == bundle.assignments[3:]


async def test_an_answer_is_stored_once_and_never_changed(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(), workers=1)
    bundle = await lending.claim(worker, "job-1", count=2)
    given = answered(bundle)
    assert [one.outcome for one in await lending.submit(worker, "job-1", given)] == ["stored", "stored"]
    assert [one.outcome for one in await lending.submit(worker, "job-1", given)] == ["already_stored"] * 2
    changed = await lending.submit(worker, "job-1", answered(bundle, "13.50"))
    assert [one.outcome for one in changed] == ["refused"] * 2
    assert "can't be changed" in changed[0].because
    async with database.connection() as connection:
        texts = await rows(connection, "select answer_text from exchange.assignments where state = 'answered'")
    assert texts == [("12.50",), ("12.50",)]


async def test_cannot_read_is_an_answer(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(), workers=1)
    bundle = await lending.claim(worker, "job-1", count=1)
    assert [one.outcome for one in await lending.submit(worker, "job-1", answered(bundle, None))] == ["stored"]
    again = await lending.submit(worker, "job-1", answered(bundle, None))
    assert [one.outcome for one in again] == ["already_stored"]


async def test_two_answers_to_one_assignment_in_a_request_are_one_or_refused(
    database: Database, lending: Lending
) -> None:
    (worker,) = await prepared(database, OpenJob(), workers=1)
    one = (await lending.claim(worker, "job-1", count=1)).assignments[0].assignment_id
    outcomes = await lending.submit(worker, "job-1", [Given(one, "a"), Given(one, "a")])
    assert [outcome.outcome for outcome in outcomes] == ["stored", "stored"]
    assert await scalar_of(database, "select count(*) from exchange.uncollected") == 1


async def test_a_strangers_assignment_is_refused_without_a_word_about_it(database: Database, lending: Lending) -> None:
    honest_worker, outsider = await prepared(database, OpenJob(), workers=2)
    bundle = await lending.claim(honest_worker, "job-1", count=1)
    task_id = bundle.assignments[0].task_id
    for forged in (bundle.assignments[0].assignment_id, assignment_id("job-1", task_id, outsider), "nonsense", ""):
        (outcome,) = await lending.submit(outsider, "job-1", [Given(forged, "12.50")])
        assert (outcome.outcome, outcome.because) == ("refused", "it is not lent to you")


@pytest.mark.parametrize("text", ["x" * 2_001, "a\x00b"])
async def test_a_text_that_cannot_be_stored_is_refused_alone(database: Database, lending: Lending, text: str) -> None:
    (worker,) = await prepared(database, OpenJob(), workers=1)
    bundle = await lending.claim(worker, "job-1", count=2)
    bad, good = (one.assignment_id for one in bundle.assignments)
    outcomes = await lending.submit(worker, "job-1", [Given(bad, text), Given(good, "12.50")])
    assert [outcome.outcome for outcome in outcomes] == ["refused", "stored"]


async def test_an_expired_task_goes_to_somebody_else(database: Database, lending: Lending, clock: Clock) -> None:
    slow_worker, other = await prepared(database, OpenJob(per_page=2), workers=2)
    mine = await lending.claim(slow_worker, "job-1", count=2)
    assert (await lending.claim(other, "job-1", count=2)).assignments == ()
    clock.now_ms += 600_001
    theirs = await lending.claim(other, "job-1", count=2)
    assert {one.task_id for one in theirs.assignments} == {one.task_id for one in mine.assignments}
    assert (await lending.claim(slow_worker, "job-1", count=2)).assignments == (), "nobody gets a task twice"


async def test_a_late_answer_is_stored_while_its_task_is_open(
    database: Database, lending: Lending, clock: Clock
) -> None:
    (slow_worker,) = await prepared(database, OpenJob(per_page=2), workers=1)
    bundle = await lending.claim(slow_worker, "job-1", count=2)
    clock.now_ms += 600_001
    assert await lending.expire() == 2
    async with database.transaction() as tx:
        await tx.execute(
            "update exchange.tasks set state = 'accepted', value = 'x', decided_batch = 1 where task_id = %s",
            (bundle.assignments[0].task_id,),
        )
    outcomes = await lending.submit(slow_worker, "job-1", answered(bundle))
    assert [outcome.outcome for outcome in outcomes] == ["refused", "late_stored"]
    assert "accepted meanwhile" in outcomes[0].because


async def test_an_answer_in_its_lease_is_stored_even_when_the_task_was_decided(
    database: Database, lending: Lending
) -> None:
    (worker,) = await prepared(database, OpenJob(), workers=1)
    bundle = await lending.claim(worker, "job-1", count=1)
    async with database.transaction() as tx:
        await tx.execute("update exchange.tasks set state = 'unreadable', decided_batch = 1")
    assert [one.outcome for one in await lending.submit(worker, "job-1", answered(bundle))] == ["stored"]


async def test_nobody_is_credited_more_time_than_the_clock_on_the_wall(
    database: Database, lending: Lending, clock: Clock
) -> None:
    (worker,) = await prepared(database, OpenJob(), workers=1)
    bundle = await lending.claim(worker, "job-1", count=1)
    clock.now_ms += 2_000
    await lending.submit(worker, "job-1", [Given(bundle.assignments[0].assignment_id, "x", active_ms=9_000)])
    assert await scalar_of(database, "select active_ms from exchange.assignments where state = 'answered'") == 2_000


async def test_returned_tasks_are_lent_to_others_and_not_again_to_the_same(
    database: Database, lending: Lending
) -> None:
    picky_worker, other = await prepared(database, OpenJob(per_page=3), workers=2)
    bundle = await lending.claim(picky_worker, "job-1", count=3)
    ids = [one.assignment_id for one in bundle.assignments]
    assert await lending.give_back(picky_worker, "job-1", ids) == 3
    assert await lending.give_back(picky_worker, "job-1", ids) == 0
    assert (await lending.claim(picky_worker, "job-1", count=3)).assignments == ()
    assert len((await lending.claim(other, "job-1", count=3)).assignments) == 3


async def test_strict_privacy_lends_one_piece_of_a_page(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(pages=3, per_page=20, privacy="strict"), workers=1)
    bundle = await lending.claim(worker, "job-1", count=20)
    assert len(bundle.assignments) == 3
    await lending.submit(worker, "job-1", answered(bundle))
    assert (await lending.claim(worker, "job-1", count=20)).assignments == ()
    pages = await values_of(database, "select page_key from exchange.assignments order by page_key")
    assert pages == [0, 1, 2]


async def test_standard_privacy_lends_a_tenth_of_a_page_and_no_neighbours(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(pages=2, per_page=40, privacy="standard"), workers=1)
    while (bundle := await lending.claim(worker, "job-1", count=20)).assignments:
        await lending.submit(worker, "job-1", answered(bundle))
    async with database.connection() as connection:
        had = await rows(connection, "select page_key, place from exchange.assignments order by 1, 2")
    places = defaultdict(list)
    for page_key, place in had:
        places[page_key].append(place)
    assert [len(of_page) for of_page in places.values()] == [4, 4]
    for of_page in places.values():
        assert all(after - before > 1 for before, after in pairwise(of_page))


async def test_privacy_off_lends_a_whole_page(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(pages=1, per_page=20, privacy="off"), workers=1)
    assert len((await lending.claim(worker, "job-1", count=20)).assignments) == 20


async def test_people_and_simulated_people_do_not_mix(database: Database, lending: Lending) -> None:
    await prepared(database, OpenJob(simulated=True), workers=0)
    async with database.transaction() as tx:
        (person,) = await put_workers(tx, 1)
    with pytest.raises(OtherCrowd):
        await lending.claim(person, "job-1", count=1)


async def test_what_keeps_a_worker_out_is_said(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(), workers=1)
    with pytest.raises(NoSuchJob):
        await lending.claim(worker, "job-2", count=1)
    with pytest.raises(NotSignedIn):
        await lending.claim(worker_address(99), "job-1", count=1)
    for count in (0, BUNDLE_MAX + 1):
        with pytest.raises(BadRequest):
            await lending.claim(worker, "job-1", count=count)
    with pytest.raises(BadRequest):
        await lending.submit(worker, "job-1", [])
    async with database.transaction() as tx:
        await tx.execute("update exchange.jobs set state = 'finishing'")
    with pytest.raises(JobNotOpen, match="has no more"):
        await lending.claim(worker, "job-1", count=1)


async def test_two_claims_of_one_worker_at_once_lend_one_bundle(database: Database, lending: Lending) -> None:
    workers = await prepared(database, OpenJob(per_page=400), workers=20)
    for worker in workers:
        bundles = await asyncio.gather(*(lending.claim(worker, "job-1", count=5) for _ in range(6)))
        assert all(bundle == bundles[0] for bundle in bundles)
    assert await scalar_of(database, "select count(*) from exchange.assignments") == 5 * len(workers)


async def test_the_same_answer_sent_many_times_at_once_is_stored_once(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(per_page=20), workers=1)
    given = answered(await lending.claim(worker, "job-1", count=20))
    replies = await asyncio.gather(*(lending.submit(worker, "job-1", given) for _ in range(8)))
    for outcomes in zip(*replies, strict=True):
        assert Counter(one.outcome for one in outcomes) == {"stored": 1, "already_stored": 7}
    assert await scalar_of(database, "select count(*) from exchange.uncollected") == 20


async def test_200_workers_race_for_1000_tasks_and_none_is_lent_beyond_what_is_wanted(
    database: Database, lending: Lending, clock: Clock
) -> None:
    job = OpenJob(pages=50, per_page=20, wanted=2)
    workers = await prepared(database, job, workers=200)
    chance = random.Random(17)
    told: dict[tuple[str, str], str] = {}

    async def work(worker: str) -> None:
        for _ in range(40):
            bundle = await lending.claim(worker, "job-1", count=chance.randint(1, 20))
            if not bundle.assignments:
                return
            given = answered(bundle, f"text of {worker}")
            if chance.random() < 0.2:  # gives some back, or leaves without a word
                kept = given[: len(given) // 2]
                if chance.random() < 0.5:
                    rest = [one.assignment_id for one in given[len(given) // 2 :]]
                    await lending.give_back(worker, "job-1", rest)
                given = kept
            if given:
                for one in await lending.submit(worker, "job-1", given):
                    assert one.outcome == "stored"
                    told[worker, one.assignment_id.split(".")[0]] = one.outcome

    await asyncio.gather(*(work(worker) for worker in workers))
    async with database.connection() as connection:
        over = await rows(connection, "select task_id from exchange.tasks where taken > wanted")
        answers = await rows(connection, "select worker, task_id from exchange.assignments where state = 'answered'")
        wrong_counts = await rows(connection, WRONG_COUNTS)
    assert over == []
    assert wrong_counts == []
    assert set(answers) == set(told), "what was told stored is there, and nothing else"
    assert len(answers) == len(set(answers))
    clock.now_ms += 600_001  # whoever left without a word loses the lease; the others finish the job
    await lending.expire()
    await asyncio.gather(*(work(worker) for worker in workers))
    async with database.connection() as connection:
        assert await rows(connection, WRONG_COUNTS) == []
        assert await rows(connection, "select task_id from exchange.tasks where taken > wanted") == []


async def test_connections_cut_at_any_moment_lose_and_double_nothing(database: Database, lending: Lending) -> None:
    """As kill -9 of a server process or a backend does: statements end in the middle, or their replies are lost."""
    workers = await prepared(database, OpenJob(pages=20, per_page=20, wanted=2), workers=12)
    told: set[tuple[str, str]] = set()
    cut = replies = 0
    done = asyncio.Event()
    chance = random.Random(5)

    async def cut_connections() -> None:
        nonlocal cut
        due = 1  # counted in replies, not in seconds: on a slow machine nothing would ever get through
        async with await psycopg.AsyncConnection.connect(database.dsn, autocommit=True) as own:
            while not done.is_set():
                if replies < due:
                    await asyncio.sleep(0.005)
                    continue
                due = replies + chance.randint(1, 6)
                cursor = await own.execute(
                    "select count(pg_terminate_backend(pid)) from ("
                    "select pid from pg_stat_activity where datname = current_database() "
                    "and pid <> pg_backend_pid() order by random() limit 2) chosen"
                )
                cut += (await cursor.fetchone() or (0,))[0]

    async def insist(call: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any) -> Any:
        nonlocal replies
        while True:
            try:
                reply = await call(*arguments, **named)
                replies += 1
                return reply
            except psycopg.OperationalError:  # as a worker's page does: the same request again
                await asyncio.sleep(0.005)

    async def work(worker: str) -> None:
        while True:
            bundle = await insist(lending.claim, worker, "job-1", count=7)
            if not bundle.assignments:
                return
            given = answered(bundle, f"text of {worker}")
            for one in await insist(lending.submit, worker, "job-1", given):
                assert one.outcome in ("stored", "already_stored")
                told.add((worker, one.assignment_id.split(".")[0]))

    cutting = asyncio.create_task(cut_connections())
    await asyncio.gather(*(work(worker) for worker in workers))
    done.set()
    await cutting
    async with database.connection() as connection:
        answers = await rows(connection, "select worker, task_id from exchange.assignments where state = 'answered'")
        waiting = await rows(connection, "select worker, task_id from exchange.uncollected")
        assert await rows(connection, WRONG_COUNTS) == []
        assert await scalar(connection, "select count(*) from exchange.tasks where taken <> wanted") == 0
    assert cut > 0
    assert sorted(answers) == sorted(told) == sorted(waiting)


WRONG_COUNTS = """
select task.task_id, task.taken, count(held.worker)
from exchange.tasks task
left join exchange.assignments held
    on held.job_id = task.job_id and held.task_id = task.task_id and held.state in ('lent', 'answered')
group by task.job_id, task.task_id, task.taken
having task.taken <> count(held.worker)
"""


async def scalar_of(database: Database, query: str) -> Any:
    async with database.connection() as connection:
        return await scalar(connection, query)


async def values_of(database: Database, query: str) -> list[Any]:
    async with database.connection() as connection:
        return [row[0] for row in await rows(connection, query)]


# --- any history --------------------------------------------------------------------------------------------------

WORKERS = 5
TASKS = 12


class AnyHistory(RuleBasedStateMachine):
    """Claims, answers, returns, lapses and repeats in any order, beside a model that a child could keep on paper."""

    dsn = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.texts: dict[tuple[str, str], str | None] = {}
        self.had: defaultdict[str, set[str]] = defaultdict(set)
        self.held: dict[str, list[str]] = {}
        self.lease_until_ms: dict[str, int] = {}

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize(wanted=st.integers(1, 3), privacy=st.sampled_from(["off", "standard", "strict"]))
    def open_job(self, wanted: int, privacy: Any) -> None:
        self.wanted = wanted

        async def prepare() -> list[str]:
            self.database = await Database.open(self.dsn, max_size=4)
            self.lending = Lending(self.database, clock=self.clock)
            async with self.database.transaction() as tx:
                await tx.execute(
                    "truncate exchange.jobs, exchange.tasks, exchange.bundles, exchange.assignments, "
                    "exchange.uncollected, exchange.offers, exchange.accounts cascade"
                )
            job = OpenJob(pages=4, per_page=TASKS // 4, wanted=wanted, privacy=privacy)
            return await prepared(self.database, job, workers=WORKERS)

        self.workers = self.run(prepare())

    @rule(who=st.integers(0, WORKERS - 1), count=st.integers(1, BUNDLE_MAX))
    def claim(self, who: int, count: int) -> None:
        worker = self.workers[who]
        bundle = self.run(self.lending.claim(worker, "job-1", count=count))
        tasks = [one.task_id for one in bundle.assignments]
        holds = self.held.get(worker, [])
        if holds and self.clock.now_ms < self.lease_until_ms[worker]:
            assert sorted(tasks) == sorted(holds), "an unfinished bundle comes back as it is"
            return
        assert not self.had[worker] & set(tasks), "nobody is lent a task twice"
        assert len(tasks) <= count
        self.had[worker] |= set(tasks)
        self.held[worker] = tasks
        self.lease_until_ms[worker] = bundle.lease_until_ms

    @rule(
        who=st.integers(0, WORKERS - 1),
        chance=st.randoms(use_true_random=False),
        text=st.sampled_from(["a", "b", None]),
    )
    def answer_some_of_all_ever_had(self, who: int, chance: random.Random, text: str | None) -> None:
        worker = self.workers[who]
        had = sorted(self.had[worker])
        if not had:
            return
        chosen = chance.sample(had, k=chance.randint(1, min(len(had), BUNDLE_MAX)))
        given = [Given(assignment_id("job-1", task_id, worker), text, active_ms=1) for task_id in chosen]
        for task_id, outcome in zip(chosen, self.run(self.lending.submit(worker, "job-1", given)), strict=True):
            before = self.texts.get((worker, task_id), "nothing yet")
            if outcome.outcome in ("stored", "late_stored"):
                assert before == "nothing yet", "one answer once"
                self.texts[worker, task_id] = text
            elif outcome.outcome == "already_stored":
                assert before == text
            else:
                assert outcome.because
                assert before != text or before == "nothing yet"
            if task_id in self.held.get(worker, []) and self.clock.now_ms <= self.lease_until_ms[worker]:
                assert outcome.outcome == "stored", "an answer in its lease is always taken"
            if task_id in self.held.get(worker, []) and outcome.outcome != "refused":
                self.held[worker].remove(task_id)

    @rule(who=st.integers(0, WORKERS - 1), chance=st.randoms(use_true_random=False))
    def give_some_back(self, who: int, chance: random.Random) -> None:
        worker = self.workers[who]
        holds = self.held.get(worker, [])
        if not holds:
            return
        chosen = chance.sample(holds, k=chance.randint(1, len(holds)))
        ids = [assignment_id("job-1", task_id, worker) for task_id in chosen]
        returned = self.run(self.lending.give_back(worker, "job-1", ids))
        if self.clock.now_ms < self.lease_until_ms[worker]:
            assert returned == len(chosen)
        self.held[worker] = [task_id for task_id in holds if task_id not in chosen]

    @rule(passed_ms=st.integers(1, 700_000), tick=st.booleans())
    def time_passes(self, passed_ms: int, tick: bool) -> None:
        self.clock.now_ms += passed_ms
        if tick:
            self.run(self.lending.expire())

    @invariant()
    def nothing_is_lost_doubled_or_over_assigned(self) -> None:
        if not hasattr(self, "database"):
            return

        async def look() -> tuple[Any, ...]:
            async with self.database.connection() as connection:
                return (
                    await rows(
                        connection,
                        "select worker, task_id, answer_text from exchange.assignments where state = 'answered'",
                    ),
                    await rows(connection, "select worker, task_id from exchange.uncollected"),
                    await rows(connection, WRONG_COUNTS),
                    await rows(
                        connection,
                        "select task_id, count(*) filter (where lease_until_ms > %s and state = 'lent'), "
                        "count(*) filter (where state in ('lent', 'answered')) "
                        "from exchange.assignments group by task_id",
                        (self.clock.now_ms,),
                    ),
                )

        answers, waiting, wrong_counts, per_task = self.run(look())
        assert {(worker, task_id): text for worker, task_id, text in answers} == self.texts
        assert sorted(waiting) == sorted(self.texts), "every answer waits to be sent, once"
        assert wrong_counts == []
        for _, leases, _ in per_task:
            assert leases <= self.wanted

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.run(self.database.close())
        self.loop.close()


def history_settings(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )


def test_any_history_of_leases_keeps_the_rules(postgres_dsn: str) -> None:
    run_state_machine_as_test(type("History", (AnyHistory,), {"dsn": postgres_dsn}), settings=history_settings(25, 30))


@pytest.mark.nightly
def test_any_long_history_of_leases_keeps_the_rules(postgres_dsn: str) -> None:
    run_state_machine_as_test(type("History", (AnyHistory,), {"dsn": postgres_dsn}), settings=history_settings(500, 80))


def test_the_tables_refuse_what_the_code_never_does(postgres_dsn: str) -> None:
    worker = worker_address(1)
    lent = (
        "insert into exchange.assignments (job_id, task_id, worker, place, lent_at_ms, lease_until_ms) "
        f"values ('j', 't', '{worker}', 0, 1, 2)"
    )
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(lent)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(lent)
        for change in (
            "state = 'answered'",
            "answer_text = 'x'",
            "outcome = 'accepted'",
            "state = 'lost'",
            "state = 'answered', received_at_ms = 1, batch_no = 1, outcome = 'refused', earned_minor = 0",
        ):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(f"update exchange.assignments set {change}")
