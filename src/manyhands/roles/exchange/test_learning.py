"""Practice teaches, counts once, and is due until a job has paid it; guides are due once per version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from manyhands.protocol import canonical
from manyhands.protocol.evidence import PayoutsFile, WorkerPay
from manyhands.protocol.manifest import Learning
from manyhands.protocol.messages import JobSettled, Learned, TasksOpened
from manyhands.roles.exchange import Given
from manyhands.roles.exchange.errors import BadRequest, NoSuchPractice
from manyhands.roles.exchange.learning import guide_version
from manyhands.roles.exchange.testing import OpenJob, put_open_job, put_workers
from manyhands.store.database import Database
from manyhands.task_types import task_type
from manyhands.task_types.practising import LANGUAGES, LESSONS, PIECES, is_right, practice_of

from .test_role import House

JOB, KIND = "job-1", "transcription"
RULE = Learning(guide_ms=60_000, practice_ms=120_000, places=2)
VERSION = guide_version(task_type(KIND).guide)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path / "blobs")


async def people(house: House, count: int = 2) -> list[str]:
    async with house.db.transaction() as tx:
        return await put_workers(tx, count)


async def open_job(house: House, job_id: str = JOB, *, learning: Learning | None = RULE) -> None:
    async with house.db.transaction() as tx:
        job = OpenJob(job_id=job_id, per_page=2, exchange=house.keys["exchange"].address, learning=learning)
        await put_open_job(tx, job)
        for role in ("launcher", "recording", "reputation", "jury"):
            await tx.execute(
                f"update exchange.jobs set {role} = %s where job_id = %s", (house.keys[role].address, job_id)
            )
    await house.exchange.refresh_offers(older_than_ms=0)


async def right_answers(house: House, worker: str) -> list[str | None]:
    """What is right, piece by piece: learnt from another look at the same practice."""
    from manyhands.roles.exchange.learning import _practice, _seed

    _, practice = _practice(KIND)
    return [piece.right for piece in practice.pieces(_seed(worker, KIND, practice))]


async def practise(house: House, worker: str, *, wrong: Sequence[int] = ()) -> None:
    for place, right in enumerate(await right_answers(house, worker)):
        await house.exchange.learning.answer(worker, KIND, place, "nonsense" if place in wrong else right)


async def finish(house: House, workers: Sequence[str], job_id: str = JOB) -> TasksOpened:
    """Everyone answers and is accepted; the job ends. Returns what the recording oracle is told then."""
    for worker in workers:
        bundle = await house.exchange.claim(worker, job_id, 1)
        given = [Given(one.assignment_id, "x", 4_000) for one in bundle.assignments]
        await house.exchange.submit(worker, job_id, given)
    await house.settle_down()
    async with house.db.transaction() as tx:
        await tx.execute("update exchange.earnings set earned_minor = collected_minor, decided_minor = collected_minor")
        await tx.execute(
            "update exchange.tasks set state = 'unreadable', decided_batch = 1 where job_id = %s", (job_id,)
        )
        await tx.execute("update exchange.jobs set undecided = 0, rounds = 2 where job_id = %s", (job_id,))
    await house.settle_down()
    return next(body for body in house.told(TasksOpened) if body.complete and body.job_id == job_id)


async def test_the_reply_to_an_answer_says_what_was_right_and_why_in_every_language(house: House) -> None:
    (worker,) = await people(house, 1)
    begun = await house.exchange.learning.practice(worker, KIND)
    assert (begun.next, begun.pieces, begun.lessons, begun.results) == (0, PIECES, LESSONS, ())
    right = (await right_answers(house, worker))[0]
    told = await house.exchange.learning.answer(worker, KIND, 0, "certainly not this")
    (result,) = told.results
    assert (result.was_right, result.right, told.next) == (False, right, 1)
    assert all(result.why[language] for language in LANGUAGES)
    assert len(house.exchange.learning.picture(worker, KIND, 0)) > 200


async def test_the_first_answer_stands_however_often_and_otherwise_it_is_sent(house: House) -> None:
    (worker,) = await people(house, 1)
    first = await house.exchange.learning.answer(worker, KIND, 0, "wrong")
    right = first.results[0].right
    assert await house.exchange.learning.answer(worker, KIND, 0, "wrong") == first
    assert await house.exchange.learning.answer(worker, KIND, 0, right) == first, "the reason was read before"


async def test_pieces_come_in_order_and_go_on_where_one_was(house: House) -> None:
    (worker,) = await people(house, 1)
    with pytest.raises(BadRequest, match="not the next one"):
        await house.exchange.learning.answer(worker, KIND, 3, "x")
    await house.exchange.learning.answer(worker, KIND, 0, None)
    assert (await house.exchange.learning.practice(worker, KIND)).next == 1
    await practise(house, worker)
    done = await house.exchange.learning.practice(worker, KIND)
    assert (done.next, done.asked, done.right) == (None, PIECES - LESSONS, PIECES - LESSONS)
    with pytest.raises(BadRequest):
        await house.exchange.learning.answer(worker, KIND, PIECES, "one more")


async def test_two_workers_get_other_pieces_and_one_worker_the_same_again(house: House) -> None:
    one, other = await people(house)
    assert await right_answers(house, one) == await right_answers(house, one)
    assert await right_answers(house, one) != await right_answers(house, other)


@pytest.mark.parametrize("text", ["x" * 2_001, "a\x00b"])
async def test_what_is_no_text_is_refused_and_nothing_counts(house: House, text: str) -> None:
    (worker,) = await people(house, 1)
    with pytest.raises(BadRequest):
        await house.exchange.learning.answer(worker, KIND, 0, text)
    assert (await house.exchange.learning.practice(worker, KIND)).next == 0


@pytest.mark.parametrize("name", ["report_verdict", "nothing", "../transcription", "transcription.practice"])
async def test_a_kind_without_practice_says_so(house: House, name: str) -> None:
    (worker,) = await people(house, 1)
    with pytest.raises(NoSuchPractice):
        await house.exchange.learning.practice(worker, name)


async def test_only_the_guide_as_it_stands_is_due_and_only_once(house: House) -> None:
    (worker,) = await people(house, 1)
    for version in ("made up", VERSION + "x", ""):
        with pytest.raises(BadRequest, match="not the guide"):
            await house.exchange.learning.read_guide(worker, KIND, version)
    for _ in range(2):
        await house.exchange.learning.read_guide(worker, KIND, VERSION)
    assert [(one.part, one.paid_in) for one in await house.exchange.learning.learned(worker)] == [("guide", None)]


async def test_a_jobs_end_names_its_workers_who_got_ready_and_nobody_else(house: House) -> None:
    await open_job(house)
    ready, plain, idle = await people(house, 3)
    await house.exchange.learning.read_guide(ready, KIND, VERSION)
    await practise(house, ready, wrong=(0, PIECES - 1))
    await practise(house, idle)
    told = await finish(house, [ready, plain])
    (named,) = told.learned
    assert (named.worker, named.guide, named.practice) == (ready, VERSION, "1")
    assert (named.right, named.asked) == (PIECES - LESSONS - 1, PIECES - LESSONS), "lessons do not count"


async def test_a_job_without_the_rule_names_nobody(house: House) -> None:
    await open_job(house, learning=None)
    ready, plain = await people(house)
    await practise(house, ready)
    assert (await finish(house, [ready, plain])).learned == ()


async def test_what_a_job_paid_is_written_down_and_what_it_did_not_stays_due(house: House) -> None:
    await open_job(house)
    paid, waits = await people(house)
    for worker in (paid, waits):
        await practise(house, worker)
        await house.exchange.learning.read_guide(worker, KIND, VERSION)
    await finish(house, [paid, waits])
    await house.conclude()
    await house.settle_down()
    pay = WorkerPay(
        worker=paid, answers=1, credited_ms=1, base_minor=600_000, bonus_minor=0, top_up_minor=0,
        learning_minor=600_000, standing_bp=1,
    )  # fmt: skip
    file = PayoutsFile(
        job_id=JOB, measured_bp=1, lower_bp=1, accepted=True, rests_on="", package_hash="", pay=(pay,),
        learned=(Learned(worker=paid, guide=VERSION, practice="1", right=6, asked=6, at_ms=1),),
    )  # fmt: skip
    blob = await house.blobs.put(canonical.encode(file), media_type="application/json", namespace=JOB)
    settled = JobSettled(
        job_id=JOB, accepted=True, paid_minor={paid: 1_200_000}, fees_minor=1, refunded_minor=2, package_blob="",
        package_hash="", payouts_blob=blob, transactions=("0xabc",),
    )  # fmt: skip
    assert (await house.say("reputation", settled)).outcome == "applied"
    found = {one.part: (one.paid_in, one.paid_minor) for one in await house.exchange.learning.learned(paid)}
    assert found == {"guide": (JOB, 200_000), "practice": (JOB, 400_000)}
    assert {one.paid_in for one in await house.exchange.learning.learned(waits)} == {None}
    (line,) = (await house.exchange.earnings(paid)).jobs
    assert (line.learning_minor, line.paid_minor) == (600_000, 1_200_000)
    # the next job names the one that waits, and no longer the one that was paid
    await open_job(house, "job-2")
    told = await finish(house, [paid, waits], "job-2")
    assert [one.worker for one in told.learned] == [waits]


async def test_an_offer_says_what_getting_ready_pays_and_how_many_places_are_left(house: House) -> None:
    await open_job(house)
    worker, other = await people(house)
    (offer,) = await house.exchange.offers(worker)
    told = offer.learning
    assert (told.guide_minor, told.practice_minor, told.places_left) == (200_000, 400_000, 2)
    assert told.practice and not told.practised
    await practise(house, other)
    async with house.db.transaction() as tx:
        await tx.execute(
            "insert into exchange.earnings (job_id, worker, answers, accepted, collected_minor, decided_minor, "
            "earned_minor) values (%s, %s, 1, 1, 9, 9, 9)",
            (JOB, other),
        )
    (offer,) = await house.exchange.offers(worker)
    assert offer.learning.places_left == 1


@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_every_practice_piece_fits_its_kind_of_work(seed: str) -> None:
    kind, practice = task_type(KIND), practice_of(KIND)
    assert practice is not None
    pieces = practice.pieces(seed)
    assert [piece.counts for piece in pieces] == [False] * LESSONS + [True] * (PIECES - LESSONS)
    for place, piece in enumerate(pieces):
        assert is_right(kind, piece, piece.right)
        assert not is_right(kind, piece, "something else 77")
        assert is_right(kind, piece, None) is (piece.right is None)
        assert set(piece.why) == set(LANGUAGES) and all(piece.why.values())
        assert practice.draw(seed, place).startswith(b"\x89PNG")
