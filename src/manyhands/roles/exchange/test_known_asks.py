"""Known questions among questions of options: what is made, what is lent, whom it shows, and what is delivered."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.documents.samples import SampleDocument
from manyhands.protocol.manifest import QualityRule, Scope
from manyhands.protocol.messages import MADE, REQUESTER, DocumentRef, DocumentsHanded, PageRef, TasksOpened
from manyhands.quality.gold import ENTRY_GOLD, known_questions_most
from manyhands.roles.exchange import Given
from manyhands.roles.exchange.errors import JobNotOpen
from manyhands.store.database import rows, scalar
from manyhands.task_types import reconcile, verify_claim
from manyhands.task_types.asked import asked_of, claim, match, which

from .decisions import PageAsk
from .known_asks import altered, spread_views, with_known_questions
from .scripted import JOB, House, png_size
from .test_asks import ReaderOf, answered, delivered

# --- another figure -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("Scope 1 emissions in 2023 were 1,240 t CO2e.", "Scope 1 emissions in 2023 were 3,240 t CO2e."),
        ("INV-471 Mill Lane 12.50", "INV-471 Mill Lane 32.50"),
        ("2026-03-04 INV-471 12,50", "2026-03-04 INV-471 32,50"),
        ("The share is 0.85 of 1200 people", "The share is 0.15 of 1200 people"),
        ("about 1 240 kg", "about 3 240 kg"),
    ],
)
def test_the_figure_of_a_claim_is_changed_and_nothing_that_names_something(text: str, changed: str) -> None:
    assert altered(text, draw=0) == changed


@pytest.mark.parametrize(
    "text", ["The figure was audited.", "It was so in 2023.", "Scope 1 CO2 of INV-471", "on 2026-03-04", "at 14:20", ""]
)
def test_a_claim_without_a_figure_is_not_changed(text: str) -> None:
    assert altered(text, draw=3) is None


@given(st.text(max_size=80), st.integers(0, 10**9))
def test_a_changed_text_differs_in_one_digit_by_two_or_more(text: str, draw: int) -> None:
    changed = altered(text, draw=draw)
    if changed is None:
        return
    assert len(changed) == len(text)
    ((old, new),) = [(a, b) for a, b in zip(text, changed, strict=True) if a != b]
    assert abs(int(old) - int(new)) >= 2 and new != "0"


# --- how many, and in reserve -------------------------------------------------------------------------------------


def some_claims(count: int) -> list[PageAsk]:
    return [PageAsk(f"ask-{n}", claim(f"Line {n} is {1000 + n} t")) for n in range(count)]


def test_a_job_gets_as_many_known_questions_as_a_refusal_needs_and_as_its_quote_pays_for() -> None:
    for count in (1, 3, 5, 12, 40, 500):
        found = with_known_questions({0: some_claims(count)}, share_bp=500, job_id=JOB, seed=7)[0]
        made = [ask for ask in found if ask.made]
        assert len(made) == sum(ask.views for ask in made) == known_questions_most(count, 500) <= count
        assert count < ENTRY_GOLD or len(made) >= ENTRY_GOLD
        assert [ask for ask in found if not ask.made] == some_claims(count), "the work stays what it was"


def test_where_nobody_is_to_be_measured_nothing_is_made() -> None:
    assert with_known_questions({0: some_claims(9)}, share_bp=0, job_id=JOB, seed=7)[0] == some_claims(9)


def test_a_made_question_is_never_one_that_the_requester_asks_and_its_known_answers_deny_it() -> None:
    asks = [PageAsk("a", claim("It is 10 t")), *(PageAsk(f"b{n}", claim(f"It is {n}0 t")) for n in range(2, 10))]
    found = with_known_questions({0: asks}, share_bp=10_000, job_id=JOB, seed=1)[0]
    assert len({ask.ask_id for ask in found}) == len(found)
    for ask in found:
        assert not ask.made or verify_claim.TRUE not in ask.known
    (line,) = [
        ask
        for ask in with_known_questions({0: [PageAsk("l", match("INV-4 12.50"))]}, share_bp=500, job_id=JOB, seed=1)[0]
        if ask.made
    ]
    assert line.known == (reconcile.AMOUNT_DIFFERS, reconcile.OTHER)


def test_what_the_requester_knows_is_lent_as_gold_alone() -> None:
    known = PageAsk("k", claim("It is so"), known=(verify_claim.TRUE,), known_by=REQUESTER)
    (found,) = spread_views({0: [known]}, views=9)[0]
    assert found.views == 4 and not found.made
    place = PageAsk("w", which("total", 2), known=("1",), known_by=REQUESTER)
    assert spread_views({0: [place]}, views=1)[0][0].known == ("1",)


# --- a job with somebody who always says yes ----------------------------------------------------------------------

CLAIMS = [f"Line {n} of the page says {1200 + 7 * n} t" for n in range(30)]
TRUE_ONES = set(CLAIMS[::2])
YES = f"{verify_claim.TRUE} @ 0 0 1000 1000"


async def a_job_of_claims(house: House, scan: SampleDocument, *, known: Sequence[str] = (), **changes: Any) -> None:
    house.tells_needs = True
    house.book.rule = changes["quality"]
    await house.announce([], task_type="verify_claim", document_count=1, **changes)
    png = scan.pages[0]
    blob = await house.blobs.put(png, media_type="image/png", namespace=JOB)
    width, height = png_size(png)
    page = PageRef(
        page_no=1, blob=blob, width=width, height=height, questions=tuple(map(claim, CLAIMS)), known=tuple(known)
    )
    handed = DocumentsHanded(job_id=JOB, documents=(DocumentRef(doc_id="scan", kind="receipt", pages=(page,)),))
    assert (await house.say("launcher", handed)).outcome == "applied"
    await house.fund()
    await house.settle_down()


def honest(question: str) -> str:
    asked = asked_of(question)
    assert asked is not None
    if asked.question.prompt in TRUE_ONES:
        return f"{verify_claim.TRUE} @ 100 100 300 140"
    return f"{verify_claim.FALSE} @ 100 100 300 140"


async def worked(house: House, habits: dict[str, Callable[[str], str | None]], *, at_once: int = 6) -> None:
    """Everybody works by their habit until nothing is left."""
    for _ in range(40):
        done = 0
        for worker, habit in habits.items():
            try:
                bundle = await house.exchange.claim(worker, JOB, at_once)
            except JobNotOpen:
                return
            given = [Given(one.assignment_id, habit(one.question), active_ms=20_000) for one in bundle.assignments]
            if given:
                await house.exchange.submit(worker, JOB, given)
            done += len(given)
            await house.settle_down()
            await house.record()
            await house.settle_down()
        if not done:
            return
    raise AssertionError("the work did not end")


async def test_who_always_says_yes_is_noticed_and_refused_and_the_honest_are_not(
    house: House, receipt_scan: SampleDocument
) -> None:
    await a_job_of_claims(house, receipt_scan, quality=QualityRule(gold_share_bp=2_500))
    yes_sayer, *others = await house.workers(4)
    await worked(house, {yes_sayer: lambda _: YES} | dict.fromkeys(others, honest))
    book = house.book.workers[yes_sayer]
    assert book.gold_right == 0 and book.gold_seen >= ENTRY_GOLD
    async with house.db.connection() as connection:
        outcomes = dict(
            await rows(
                connection,
                "select worker, count(*) from exchange.assignments where outcome = 'refused' group by worker",
            )
        )
    assert set(outcomes) == {yes_sayer}, "and only from the fifth known answer on"
    for worker in others:
        assert house.book.workers[worker].gold_right == house.book.workers[worker].gold_seen
        assert house.book.workers[worker].standing.mean_bp > book.standing.mean_bp
    table = list(csv.DictReader(io.StringIO((await delivered(house))["answers.csv"].decode())))
    assert [row["question"] for row in table] == CLAIMS, "nothing made is delivered"
    assert {row["question"] for row in table if row["verdict"] == verify_claim.TRUE} == TRUE_ONES


async def test_nothing_that_a_worker_is_lent_tells_a_made_claim_from_the_others(
    house: House, receipt_scan: SampleDocument
) -> None:
    await a_job_of_claims(house, receipt_scan, quality=QualityRule(gold_share_bp=3_000))
    facts = {one.task_id: one for body in house.told(TasksOpened) for one in body.tasks}
    made = {key for key, one in facts.items() if any(reading.reader == MADE for reading in one.readings)}
    assert len(made) >= ENTRY_GOLD
    (worker,) = await house.workers(1)
    bundle = await house.exchange.claim(worker, JOB, 10)
    assert {one.task_id in made for one in bundle.assignments} == {True, False}
    assert len({(one.effort_ms, one.reward_minor, one.picture) for one in bundle.assignments}) == 1
    shape = {re.sub(r"\d", "0", one.question) for one in bundle.assignments}
    assert shape <= {re.sub(r"\d", "0", claim(text)) for text in CLAIMS}


async def test_what_the_requester_knows_measures_people_and_is_delivered_as_known(
    house: House, receipt_scan: SampleDocument
) -> None:
    known = [verify_claim.TRUE if text in TRUE_ONES else verify_claim.FALSE for text in CLAIMS[:6]]
    await a_job_of_claims(house, receipt_scan, known=known, quality=QualityRule(gold_share_bp=2_500))
    no_sayer, *others = await house.workers(3)
    await worked(house, {no_sayer: lambda _: f"{verify_claim.FALSE} @ 0 0 1000 1000"} | dict.fromkeys(others, honest))
    book = house.book.workers[no_sayer]
    assert book.gold_right < book.gold_seen, "made claims alone would not have shown who always says no"
    table = list(csv.DictReader(io.StringIO((await delivered(house))["answers.csv"].decode())))
    assert {row["question"] for row in table if row["verdict"] == verify_claim.TRUE} == TRUE_ONES
    for row in table[:6]:
        assert row["verdict"] == known[CLAIMS.index(row["question"])]


async def test_a_claim_on_which_all_agree_is_lent_once_more_to_measure_and_counts_half(
    house: House, receipt_scan: SampleDocument
) -> None:
    no_figures = [f"Point {letter} is told." for letter in "abcdefghijkl"]
    CLAIMS[:] = no_figures  # nothing can be made of these
    TRUE_ONES.clear()
    try:
        await a_job_of_claims(house, receipt_scan, quality=QualityRule(gold_share_bp=2_500))
        await worked(house, dict.fromkeys(await house.workers(4), honest))
        async with house.db.connection() as connection:
            late = await scalar(connection, "select count(*) from exchange.tasks where taken > 2 and not gold")
        assert late > 0
    finally:
        CLAIMS[:] = [f"Line {n} of the page says {1200 + 7 * n} t" for n in range(30)]
        TRUE_ONES.update(CLAIMS[::2])


# --- places of a field --------------------------------------------------------------------------------------------


async def test_who_always_taps_the_first_place_meets_a_field_that_is_none_of_them(
    house: House, receipt_scan: SampleDocument
) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    scope = Scope(fields=("date", "total"))
    await house.announce([receipt_scan], task_type="field_choice", scope=scope, machine="agreeing_readers")
    await house.fund()
    await house.settle_down()
    facts = [one for body in house.told(TasksOpened) for one in body.tasks]
    made = [one for one in facts if any(reading.reader == MADE for reading in one.readings)]
    assert made and all(one.gold and one.question.startswith("which ") for one in made)
    assert {reading.text for one in made for reading in one.readings} == {"none of these"}
    assert {one.question.split()[2] for one in made} <= {"date", "total"}, "it asks what the job asks"
    await answered(house, [receipt_scan], await house.workers(3))
    files = await delivered(house)
    assert b'"date"' in files[f"{receipt_scan.doc_id}.json"]
