"""Practice teaches, counts once, and is due until a job has paid it; guides are due once per version."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import msgspec
import pytest
from psycopg.errors import CheckViolation

from manyhands.protocol import canonical
from manyhands.protocol.evidence import PayoutsFile, WorkerPay
from manyhands.protocol.manifest import Learning
from manyhands.protocol.messages import JobSettled, Learned, TasksOpened
from manyhands.roles.exchange import Given
from manyhands.roles.exchange.errors import BadRequest, NoSuchPractice
from manyhands.roles.exchange.learning import _seed, guide_version
from manyhands.roles.exchange.testing import OpenJob, put_open_job, put_workers
from manyhands.task_types import task_type
from manyhands.task_types.asked import asked_of
from manyhands.task_types.practising import LANGUAGES, LESSONS, PIECES, is_right, practice_of
from manyhands.task_types.several import Several

from .scripted import House

JOB, KIND = "job-1", "transcription"
ASKED_BY = {
    "field_choice": {"field_choice", "choose_reading"}, "reconcile": {"reconcile"}, "verify_claim": {"verify_claim"},
}  # fmt: skip
"""Kind of work -> the forms in which its jobs ask."""

PRACTISED = ("field_choice", "reconcile", "transcription", "verify_claim")
RULE = Learning(guide_ms=60_000, practice_ms=120_000, places=2)
VERSION = guide_version(task_type(KIND).guide)


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
    practice = practice_of(KIND)
    assert practice is not None
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


@pytest.mark.parametrize("name", PRACTISED)
@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_every_practice_piece_fits_its_kind_of_work(name: str, seed: str) -> None:
    kind, practice = task_type(name), practice_of(name)
    assert practice is not None
    pieces = practice.pieces(seed)
    assert [piece.counts for piece in pieces] == [False] * LESSONS + [True] * (PIECES - LESSONS)
    assert pieces == practice.pieces(seed) and pieces != practice.pieces(seed + "x")
    for place, piece in enumerate(pieces):
        assert is_right(kind, piece, piece.right)
        assert not is_right(kind, piece, "something else 77")
        assert is_right(kind, piece, None) is (piece.right is None)
        assert set(piece.why) == set(LANGUAGES) and all(piece.why.values())
        for language in LANGUAGES:
            assert practice.draw(seed, place, language).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", sorted(set(PRACTISED) - {"transcription"}))
def test_a_page_asks_what_tasks_of_its_kind_ask_and_one_option_alone_is_right(name: str) -> None:
    kind, practice = task_type(name), practice_of(name)
    assert practice is not None
    for seed in map(str, range(40)):
        for piece in practice.pieces(seed):
            if piece.form == "transcription":
                continue
            for language in LANGUAGES:
                asked = asked_of(piece.asked_in(language))
                assert asked is not None and asked.task_type.name in ASKED_BY[name]
                assert asked.question.options == piece.question.options
            if asked.parts:
                one_by_one = [part.question.options for part in asked.parts]
                right = [one for one in product(*one_by_one) if is_right(kind, piece, Several.answer_of(one))]
                assert len(right) == (0 if "3 4" in (piece.right or "") else 1), "an address of two lines is no option"
                continue
            whole = [f"{option} @ 0 0 1000 1000" for option in piece.question.options]
            right = [one for one in (*piece.question.options, *whole) if is_right(kind, piece, one)]
            several = piece.right is not None and piece.right.replace(" ", "").isdecimal() and " " in piece.right
            assert len(right) == (0 if piece.right is None or several else 1), (seed, piece)


def test_a_claims_mark_is_right_where_the_page_tells_it_and_nowhere_else() -> None:
    kind, practice = task_type("verify_claim"), practice_of("verify_claim")
    assert practice is not None
    piece = next(one for one in practice.pieces("a") if one.right is not None and " @ " in one.right)
    assert piece.right is not None
    verdict, _, box = piece.right.partition(" @ ")
    x0, y0, x1, y1 = (int(n) for n in box.split())
    assert is_right(kind, piece, f"{verdict} @ {x0 + 40} {y0 + 10} {x0 + 60} {y1 - 10}")
    assert not is_right(kind, piece, f"{verdict} @ {x0} {y1} {x1} {y1 + 10}"), "it touches from outside only"
    assert not is_right(kind, piece, verdict), "the place is part of the answer"


def test_practice_of_fields_ends_with_cuttings_to_key_as_its_jobs_do() -> None:
    kind, practice = task_type("field_choice"), practice_of("field_choice")
    assert practice is not None
    pieces = practice.pieces("a worker")
    assert [piece.form == "transcription" for piece in pieces] == [False] * (PIECES - 2) + [True] * 2
    for place, piece in enumerate(pieces):
        if piece.form == "transcription":
            assert asked_of(piece.asked_in("en")) is None, "it is keyed, not chosen"
            assert is_right(kind, piece, piece.right) and not is_right(kind, piece, f"{piece.right}7")
            assert len(practice.draw("a worker", place)) > 200


def test_practice_of_fields_asks_several_questions_about_one_picture_as_its_jobs_do() -> None:
    kind, practice = task_type("field_choice"), practice_of("field_choice")
    assert practice is not None
    head = practice.pieces("a worker")[1]
    assert head.asked_in("es") == 'several ["which 5 company","which 5 address"]'
    assert not head.counts, "everybody meets it in a lesson"
    assert is_right(kind, head, '["2","3 4"]') and is_right(kind, head, '["2","4 3"]')
    for wrong in ('["2","3"]', '["3","3 4"]', '["2",null]', '["2"]', "2", None):
        assert not is_right(kind, head, wrong), wrong
    lines = [
        piece for seed in map(str, range(40)) for piece in practice.pieces(seed)
        if piece.asked_in("en").startswith('several ["read')
    ]  # fmt: skip
    assert lines and all(piece.counts for piece in lines)
    for piece in lines:
        told = Several.answer_of(["neither of these"] * 3)
        assert is_right(kind, piece, piece.right) and not is_right(kind, piece, told)


@pytest.mark.parametrize("name", sorted(set(PRACTISED) - {"transcription"}))
async def test_questions_and_words_on_pages_come_in_the_readers_language(house: House, name: str) -> None:
    (worker,) = await people(house, 1)
    learning = house.exchange.learning
    english, spanish = await learning.practice(worker, name), await learning.practice(worker, name, language="es")
    assert await learning.practice(worker, name, language="eo") == english, "a language that is missing falls back"
    assert (english.question == spanish.question) is (name == "field_choice"), "a field has one name in every task"
    drawn = [[learning.picture(worker, name, place, one) for place in range(PIECES)] for one in ("en", "es")]
    assert drawn[0] != drawn[1] and all(map(all, drawn)), "some pages have names alone, which are the same in both"
    told = await learning.answer(worker, name, 0, None, language="es")
    assert told.results[0].question == spanish.question and told.options == ()
    assert [one.question for one in learning.examples(name, "es")] != []


@pytest.mark.parametrize("name", PRACTISED)
async def test_every_kind_of_practice_ends_with_its_score_and_is_due(house: House, name: str) -> None:
    (worker,) = await people(house, 1)
    practice = practice_of(name)
    assert practice is not None
    for place, piece in enumerate(practice.pieces(_seed(worker, name, practice))):
        wrong = "nonsense" if place == PIECES - 1 else piece.right
        view = await house.exchange.learning.answer(worker, name, place, wrong)
    assert (view.next, view.right, view.asked) == (None, PIECES - LESSONS - 1, PIECES - LESSONS)
    (due,) = await house.exchange.learning.learned(worker)
    assert (due.part, due.task_type, due.paid_in, due.right_count) == ("practice", name, None, PIECES - LESSONS - 1)


# --- guides in other languages ----------------------------------------------------------------------------------------

SPANISH = Learning(guide_ms=60_000, practice_ms=120_000, places=2, other_guides_ms={"es": 66_000})


@pytest.mark.parametrize(
    ("reader", "shown", "minor"), [("es", "es", 220_000), ("en", "en", 200_000), ("eo", "en", 200_000)]
)
async def test_a_guide_is_due_for_its_length_in_the_language_in_which_it_is_shown(
    house: House, reader: str, shown: str, minor: int
) -> None:
    await open_job(house, learning=SPANISH)
    (worker,) = await people(house, 1)
    (offer,) = await house.exchange.offers(worker, language=reader)
    assert offer.learning.guide_minor == minor
    await house.exchange.learning.read_guide(worker, KIND, VERSION, language=reader)
    await house.exchange.learning.read_guide(worker, KIND, VERSION, language="es")  # once, whatever comes after
    assert [(one.language, one.part) for one in await house.exchange.learning.learned(worker)] == [(shown, "guide")]
    (offer,) = await house.exchange.offers(worker, language="es")
    assert offer.learning.guide_minor == minor, "what is due was read, whatever is shown now"
    (named,) = (await finish(house, [worker])).learned
    assert named.language == (shown if shown != "en" else msgspec.UNSET)


async def test_a_job_from_before_guides_had_languages_pays_for_english(house: House) -> None:
    await open_job(house)
    (worker,) = await people(house, 1)
    (offer,) = await house.exchange.offers(worker, language="es")
    assert offer.learning.guide_minor == 200_000


@pytest.mark.parametrize("language", ["e", "ES", "es-ES", "'; drop"])
async def test_the_table_takes_no_language_that_is_no_code(house: House, language: str) -> None:
    (worker,) = await people(house, 1)
    with pytest.raises(CheckViolation):
        async with house.db.transaction() as tx:
            await tx.execute(
                "insert into exchange.guides_read (worker, task_type, version, language, at_ms) "
                "values (%s, %s, 'v', %s, 1)",
                (worker, KIND, language),
            )
