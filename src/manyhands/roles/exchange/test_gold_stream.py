"""What is lent to whom: gold by a share of a worker's stream, disputes to the proven, nothing twice to the linked."""

from __future__ import annotations

import pytest

from manyhands.roles.exchange.lending import Bundle, Lending
from manyhands.roles.exchange.testing import OpenJob, put_open_job, put_workers
from manyhands.store.database import Database, Tx, rows, scalar

JOB = "job-1"
NOW_MS = 1_790_000_000_000


@pytest.fixture
def lending(database: Database) -> Lending:
    return Lending(database, clock=lambda: NOW_MS)


async def prepared(database: Database, job: OpenJob, *, workers: int, gold: int = 0, views: int = 4) -> list[str]:
    """An open job whose first `gold` tasks by rank are known and in reserve; workers who have come to it."""
    async with database.transaction() as tx:
        await put_open_job(tx, job)
        people = await put_workers(tx, workers)
        await tx.execute(
            "update exchange.tasks set gold = true, queue = 2, gold_views = %s where rank < %s", (views, gold)
        )
    return people


async def come(database: Database, *people: str, gold_share_bp: int = 0, skill_bp: int = 8_500) -> None:
    """These workers have come to the job, and the recording oracle has spoken of them."""
    async with database.transaction() as tx:
        for worker in people:
            await tx.execute(
                "insert into exchange.bundles (job_id, worker, skill_bp, gold_share_bp) values (%s, %s, %s, %s)",
                (JOB, worker, skill_bp, gold_share_bp),
            )


async def link(tx: Tx, group: str, *people: str) -> None:
    for worker in people:
        await tx.execute("insert into exchange.links values (%s, %s, 1, %s, '', 1)", (worker, group, JOB))


async def lent(database: Database, bundle: Bundle) -> list[tuple[bool, int]]:
    """(gold, queue) of each task of a bundle, in the order in which the worker sees them."""
    ids = [one.task_id for one in bundle.assignments]
    async with database.connection() as tx:
        found = {
            task_id: (gold, queue)
            for task_id, gold, queue in await rows(
                tx, "select task_id, gold, queue from exchange.tasks where task_id = any(%s)", [ids]
            )
        }
    return [found[task_id] for task_id in ids]


async def test_a_newcomer_gets_two_known_pieces_among_twenty_and_cannot_tell_them(
    database: Database, lending: Lending
) -> None:
    (worker,) = await prepared(database, OpenJob(per_page=100), workers=1, gold=30)
    await come(database, worker, gold_share_bp=1_000)
    bundle = await lending.claim(worker, JOB, count=20)
    told = await lent(database, bundle)
    assert sum(gold for gold, _ in told) == 2 and len(told) == 20
    # what a worker sees of a task says nothing of it
    assert len({(one.question, one.effort_ms, one.reward_minor) for one in bundle.assignments}) == 1


async def test_the_share_holds_in_the_long_run_also_one_task_at_a_time(database: Database, lending: Lending) -> None:
    people = await prepared(database, OpenJob(per_page=400), workers=3, gold=100)
    await come(database, *people, gold_share_bp=1_000)
    for worker in people:
        for _ in range(60):
            bundle = await lending.claim(worker, JOB, count=1)
            async with database.transaction() as tx:
                await tx.execute("update exchange.assignments set state = 'returned' where state = 'lent'")
            assert len(bundle.assignments) == 1
    async with database.connection() as tx:
        gold = await scalar(
            tx, "select count(*) from exchange.assignments join exchange.tasks using (job_id, task_id) where gold"
        )
    assert 8 <= gold <= 30  # 18 expected of 180


async def test_gold_follows_the_work_that_is_found_and_not_the_work_that_was_asked_for(
    database: Database, lending: Lending
) -> None:
    people = await prepared(database, OpenJob(per_page=32, wanted=40), workers=40, gold=30, views=40)
    await come(database, *people, gold_share_bp=1_000)
    told = [piece for worker in people for piece in await lent(database, await lending.claim(worker, JOB, count=20))]
    assert sum(not gold for gold, _ in told) == 80  # two pieces of work for each of them
    assert 1 <= sum(gold for gold, _ in told) <= 20  # 8 expected


async def test_known_pieces_of_a_page_keep_nobody_from_its_work(database: Database, lending: Lending) -> None:
    """All that is left lies on one page, under a privacy level that lends one piece of a page at a time."""
    people = await prepared(
        database, OpenJob(pages=1, per_page=60, wanted=1, privacy="standard"), workers=60, gold=20, views=60
    )
    await come(database, *people, gold_share_bp=1_000)
    kinds = []
    for worker in people:
        told = await lent(database, await lending.claim(worker, JOB, count=20))
        kinds.append([gold for gold, _ in told])
    settled = sum(kind == [False] for kind in kinds)
    assert settled == 40, "every piece of work finds somebody"
    assert all(len(kind) <= 1 for kind in kinds)


async def test_who_is_doubted_gets_no_work_beside_known_pieces_however_little_is_left(
    database: Database, lending: Lending
) -> None:
    (worker,) = await prepared(database, OpenJob(per_page=32), workers=1, gold=30)
    await come(database, worker, gold_share_bp=10_000)
    assert await lent(database, await lending.claim(worker, JOB, count=20)) == [(True, 2)] * 2


async def test_nobody_is_lent_known_pieces_when_no_work_is_left(database: Database, lending: Lending) -> None:
    (worker,) = await prepared(database, OpenJob(per_page=5), workers=1, gold=5)
    await come(database, worker, gold_share_bp=10_000)
    assert (await lending.claim(worker, JOB, count=5)).assignments == ()


async def test_who_is_doubted_gets_known_pieces_alone_as_long_as_there_are_any(
    database: Database, lending: Lending
) -> None:
    (worker,) = await prepared(database, OpenJob(per_page=20), workers=1, gold=5)
    await come(database, worker, gold_share_bp=10_000)
    assert await lent(database, await lending.claim(worker, JOB, count=3)) == [(True, 2)] * 3


async def test_a_known_piece_is_retired_after_its_views_and_never_shown_twice_to_one(
    database: Database, lending: Lending
) -> None:
    people = await prepared(database, OpenJob(per_page=30), workers=4, gold=1, views=2)
    await come(database, *people, gold_share_bp=10_000)
    counts = []
    for worker in people:
        told = await lent(database, await lending.claim(worker, JOB, count=2))
        counts.append(sum(gold for gold, _ in told))
    assert counts == [1, 1, 0, 0]


async def test_settled_work_is_lent_once_more_as_gold_where_there_is_room_for_it(
    database: Database, lending: Lending
) -> None:
    first, second = await prepared(database, OpenJob(per_page=10), workers=2)
    await come(database, first, second, gold_share_bp=10_000)
    async with database.transaction() as tx:
        await tx.execute(
            "update exchange.tasks set state = 'accepted', value = 'x', decided_batch = 1, taken = 2, gold_views = 1 "
            "where rank < 2"
        )
    for worker, expected in ((first, 2), (second, 0)):
        bundle = await lending.claim(worker, JOB, count=4)
        ids = [one.task_id for one in bundle.assignments]
        async with database.connection() as tx:
            states = await rows(tx, "select state from exchange.tasks where task_id = any(%s)", [ids])
        assert sum(state == "accepted" for (state,) in states) == expected


async def test_people_who_count_as_one_are_never_lent_the_same_task(database: Database, lending: Lending) -> None:
    first, second, stranger = await prepared(database, OpenJob(per_page=6, wanted=3), workers=3)
    await come(database, first, second, stranger)
    async with database.transaction() as tx:
        await link(tx, "g", first, second)
    mine = await lending.claim(first, JOB, count=4)
    theirs = await lending.claim(second, JOB, count=6)
    assert (len(mine.assignments), len(theirs.assignments)) == (4, 2)
    assert len((await lending.claim(stranger, JOB, count=6)).assignments) == 6


async def test_people_who_count_as_one_share_what_the_privacy_level_allows(
    database: Database, lending: Lending
) -> None:
    first, second = await prepared(database, OpenJob(pages=1, per_page=10, wanted=2, privacy="strict"), workers=2)
    await come(database, first, second)
    async with database.transaction() as tx:
        await link(tx, "g", first, second)
    assert len((await lending.claim(first, JOB, count=1)).assignments) == 1
    assert (await lending.claim(second, JOB, count=1)).assignments == ()


async def test_single_persons_again_are_lent_what_the_other_had(database: Database, lending: Lending) -> None:
    first, second = await prepared(database, OpenJob(per_page=4, wanted=2), workers=2)
    await come(database, first, second)
    async with database.transaction() as tx:
        await link(tx, "", first, second)
    assert len((await lending.claim(first, JOB, count=4)).assignments) == 4
    assert len((await lending.claim(second, JOB, count=4)).assignments) == 4


async def test_where_people_differ_the_proven_come_first(database: Database, lending: Lending) -> None:
    proven, newcomer = await prepared(database, OpenJob(per_page=12), workers=2)
    await come(database, proven, skill_bp=9_500)
    await come(database, newcomer, skill_bp=8_500)
    async with database.transaction() as tx:
        await tx.execute("update exchange.tasks set queue = 1 where rank >= 8")
        await tx.execute("update exchange.jobs set proven_bp = 9000")
    assert [queue for _, queue in await lent(database, await lending.claim(newcomer, JOB, count=3))] == [0, 0, 0]
    assert [queue for _, queue in await lent(database, await lending.claim(proven, JOB, count=3))] == [1, 1, 1]


async def test_a_dispute_goes_to_anybody_rather_than_to_nobody(database: Database, lending: Lending) -> None:
    (newcomer,) = await prepared(database, OpenJob(per_page=4), workers=1)
    await come(database, newcomer, skill_bp=8_500)
    async with database.transaction() as tx:
        await tx.execute("update exchange.tasks set queue = 1 where rank >= 2")
        await tx.execute("update exchange.jobs set proven_bp = 9000")
    told = await lent(database, await lending.claim(newcomer, JOB, count=4))
    assert sorted(queue for _, queue in told) == [0, 0, 1, 1]


async def test_who_comes_to_a_job_brings_the_share_of_gold_that_fits_the_standing(
    database: Database, lending: Lending
) -> None:
    known, newcomer = await prepared(database, OpenJob(per_page=40), workers=2)
    async with database.transaction() as tx:
        await tx.execute(
            "insert into exchange.standings values (%s, 'transcription', 300000000, 3000000, 9500, '', 1)", (known,)
        )
    await lending.claim(known, JOB, count=1)
    await lending.claim(newcomer, JOB, count=1)
    async with database.connection() as tx:
        brought = dict(await rows(tx, "select worker, gold_share_bp from exchange.bundles"))
    assert brought == {known: 300, newcomer: 1_000}
