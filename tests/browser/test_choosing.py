"""Questions of options in a real browser: where a field stands, which reading is right, what a page says."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from manyhands.documents.assemble import lines_of
from manyhands.documents.choices import choices_of, draw_choice, put_together, read_best
from manyhands.documents.conftest_material import readings_from_truth
from manyhands.documents.cutter import cut, one_under_another, render_cuttings
from manyhands.documents.fields import kind_spec
from manyhands.documents.meanings import meanings_in
from manyhands.documents.model import PageImage, PageRecord
from manyhands.documents.samples import SampleDocument, sample_documents
from manyhands.roles.exchange.testing import OpenJob
from manyhands.task_types.asked import claim, match, questions_in, read, several, which

from .conftest import DESK, PHONE
from .test_pages import check
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]
LOOKS = {"phone": PHONE, "desk": DESK}


def choices_drawn(document: SampleDocument) -> list[tuple[bytes, str]]:
    """Every choice of a document, as people see it, with its question."""
    readings = readings_from_truth(dict(document.truth))
    pieces = cut(readings, doc_id=document.doc_id, salt=b"look")
    empty = PageRecord(document.doc_id, PageImage(1, readings.width_px, readings.height_px), (), ())
    draft = read_best(pieces, empty)
    assert lines_of(draft)
    by_id = {piece.piece_id: piece for piece in pieces}
    spec = kind_spec(document.kind)
    choices = choices_of(spec, [draft])
    groups = [(choice,) for choice in choices] + [some for some in put_together(spec, choices, [draft]) if some[1:]]
    asks = [(some[0], [which(one.field, len(one.places)) for one in some]) for some in groups]
    return [
        (draw_choice(document.pages[0], choice, by_id), several(asked) if asked[1:] else asked[0])
        for choice, asked in asks
    ]


READINGS = (
    ("OLD MILL STATIONERY SHOP", "OLD MlLL STATIONERY SH0P"),
    ("NO. 4, ORCHARD AVENUE,", "NO. 4, 0RCHARD AVENUE,"),
)


def cutting_of(document: SampleDocument, text: str) -> bytes:
    """The cutting of the line that says so."""
    pieces = cut(readings_from_truth(dict(document.truth)), doc_id=document.doc_id, salt=b"look")
    piece = next(one for one in pieces if one.readings[0].text == text)
    return render_cuttings(document.pages[0], pieces)[piece.piece_id]


@pytest.fixture(scope="module")
def questions() -> list[tuple[bytes, str]]:
    receipt, *others = sample_documents(seed=1, receipts=1)
    invoice = next(one for one in others if one.kind == "invoice")
    page = receipt.pages[0]
    return [
        *choices_drawn(receipt),
        *choices_drawn(invoice),
        (
            cutting_of(receipt, "OLD MILL STATIONERY SHOP"),
            read(("OLD MILL STATIONERY SHOP", "OLD MlLL STATIONERY SH0P")),
        ),
        (one_under_another([cutting_of(receipt, right) for right, _ in READINGS]), several([*map(read, READINGS)])),
        (page, claim("The total to be paid is 74.90.")),
        (page, match("2025-12-09 MILL STATIONERY 74.90")),
    ]  # every place and every answer can be reached with keys


def look(page: Page, name: str) -> None:
    """A picture for people to look at, where a folder for it is named."""
    if folder := os.environ.get("MANYHANDS_LOOK"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("screen", LOOKS)
def test_every_question_is_accessible_and_fits_telephone_and_desk(
    world: World, worker_at: WorkerAt, axe: str, job_id: str, questions: list[tuple[bytes, str]], screen: str
) -> None:
    world.open_questions(OpenJob(job_id=job_id, per_page=len(questions)), questions)
    page = worker_at(f"/work/{job_id}", **LOOKS[screen])
    for number, (_, question) in enumerate(questions):
        page.wait_for_selector(".cutting img")
        page.wait_for_timeout(150)
        look(page, f"{number:02}-{re.sub(r'[^a-z0-9]+', '-', question.lower())[:30]}-{screen}")
        check(page, axe)
        if question.startswith("claim"):
            for name in ("Larger page", "Smaller page", "Smaller page"):
                page.get_by_role("button", name=name).click()
            look(page, f"{number:02}-whole-{screen}")
            check(page, axe)
            page.get_by_role("button", name="Larger page").click()
            page.get_by_role("radio").first.focus()
        parts = questions_in(question)
        if len(parts) > 1:
            page.keyboard.press("Enter")  # nothing is sent before each part has its answer
            expect(page.locator("#why")).to_have_text("Answer each part first, or “Cannot tell”.")
            for part in parts:
                page.keyboard.press("1")
                if part.startswith("which"):
                    page.keyboard.press("Enter")  # on to the next part, and in the end away
            look(page, f"{number:02}-answered-{screen}")
        else:
            page.keyboard.press("1" if question.startswith("which") else "3")
        if len(parts) > 1 and parts[0].startswith("which"):
            pass
        elif not question.startswith("read"):  # a reading is given with one tap, and may be taken back
            page.keyboard.press("Enter")
        expect(page.locator(".progress i.open")).to_have_count(len(questions) - number - 1, timeout=5_000)


def test_what_is_tapped_is_what_is_stored(
    world: World, worker_at: WorkerAt, job_id: str, questions: list[tuple[bytes, str]]
) -> None:
    asked: dict[str, tuple[bytes, str]] = {}
    for png, question in questions:  # of the receipt first
        form, *rest = question.split()
        asked.setdefault(rest[1] if form == "which" else form, (png, question))
    some = [asked[one] for one in ("address", "total", "date", "claim", "match")]
    tasks = world.open_questions(OpenJob(job_id=job_id, per_page=len(some)), some)
    page = worker_at(f"/work/{job_id}", **PHONE)
    places = page.get_by_role("group", name=re.compile("^Tap "))
    page.wait_for_selector(".cutting img")
    for number in (3, 2, 5, 5):  # tapped twice is not tapped
        places.get_by_role("button", name=str(number), exact=True).click()
    page.get_by_role("button", name=re.compile("^Next")).click()
    for number in (1, 2):  # a total stands in one place: the later tap counts
        places.get_by_role("button", name=str(number), exact=True).click()
    page.keyboard.press("Enter")
    places.get_by_role("button", name="None of these").click()
    page.get_by_role("radio", name="The page says so").check()
    page.get_by_role("button", name=re.compile("^Next")).click()
    expect(page.locator("#why")).to_have_text("Mark the place on the page that tells it.")
    sheet = page.locator(".sheet")
    sheet.click(position={"x": 60, "y": 60})
    sheet.click(position={"x": 160, "y": 90})
    page.get_by_role("button", name=re.compile("^Next")).click()
    page.get_by_role("button", name=re.compile("^Cannot tell")).click()
    expect(page.get_by_role("heading", name="Bundle done")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Next bundle|^More")).first.click()
    for _ in range(100):
        if len(world.answers(job_id)) == len(tasks):
            break
        page.wait_for_timeout(100)
    stored = [world.answers(job_id)[task][0] for task in tasks]
    assert stored[:3] == ["2 3", "2", "none of these"] and stored[4] is None
    assert re.fullmatch(r"the page says so @ \d+ \d+ \d+ \d+", stored[3] or "")


@pytest.mark.parametrize("how", ["tap", "key"])
def test_a_reading_is_given_with_one_tap_and_may_be_taken_back(
    world: World, worker_at: WorkerAt, job_id: str, how: str
) -> None:
    receipt = sample_documents(seed=1, receipts=1)[0]
    right, wrong = "OLD MILL STATIONERY SHOP", "OLD MlLL STATIONERY SH0P"
    png = cutting_of(receipt, right)
    tasks = world.open_questions(OpenJob(job_id=job_id, per_page=2), [(png, read((right, wrong)))] * 2)
    page = worker_at(f"/work/{job_id}", **PHONE)
    readings = page.get_by_role("group", name="Tap what you see, letter by letter.")
    page.wait_for_selector(".cutting img")

    def give(text: str) -> None:
        if how == "tap":
            readings.get_by_role("button").filter(has_text=text).click()
        else:
            shown = readings.get_by_role("button").all_inner_texts()
            page.keyboard.press(str(1 + next(n for n, one in enumerate(shown) if text in one)))

    assert "Neither" in readings.get_by_role("button").last.inner_text(), "it is always last"
    give(wrong)
    expect(page.locator(".progress i.open")).to_have_count(1)
    page.keyboard.press("ArrowUp")
    expect(page.locator(".progress i.open")).to_have_count(2)
    give(right)
    expect(page.locator(".progress i.open")).to_have_count(1)
    give("Neither of these")
    expect(page.get_by_role("heading", name="Bundle done")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Next bundle|^More")).first.click()
    for _ in range(100):
        if len(world.answers(job_id)) == len(tasks):
            break
        page.wait_for_timeout(100)
    stored = [text for given in world.answers(job_id).values() for text in given]
    assert sorted(map(str, stored)) == [right, "neither of these"]


def test_questions_put_together_are_stored_as_one_answer_with_a_part_for_each(
    world: World, worker_at: WorkerAt, job_id: str, questions: list[tuple[bytes, str]]
) -> None:
    together = [one for one in questions if one[1].startswith("several")]
    fields = next(one for one in together if "company" in one[1])
    lines = next(one for one in together if "read" in one[1])
    tasks = world.open_questions(OpenJob(job_id=job_id, per_page=2), [fields, lines])
    page = worker_at(f"/work/{job_id}", **PHONE)
    company = page.get_by_role("group", name=re.compile("name of the company"))
    address = page.get_by_role("group", name=re.compile("address of the company"))
    page.wait_for_selector(".cutting img")
    company.get_by_role("button", name="1", exact=True).click()
    page.reload()  # what was tapped is still there
    expect(company.get_by_role("button", name="1", exact=True)).to_have_attribute("aria-pressed", "true")
    for number in (3, 2):
        address.get_by_role("button", name=str(number), exact=True).click()
    page.get_by_role("button", name=re.compile("^Next")).click()
    first, second = (page.get_by_role("group", name=re.compile(f"^Line {n}")) for n in (1, 2))
    first.get_by_role("button").filter(has_text=READINGS[0][1]).click()
    first.get_by_role("button").filter(has_text=READINGS[0][0]).click()  # the later tap counts
    second.get_by_role("button").filter(has_text="Neither of these").click()
    page.get_by_role("button", name=re.compile("^Next")).click()
    page.get_by_role("button", name=re.compile("^Next bundle|^More")).first.click()
    for _ in range(100):
        if len(world.answers(job_id)) == len(tasks):
            break
        page.wait_for_timeout(100)
    stored = [world.answers(job_id)[task][0] for task in tasks]
    assert stored == ['["1","2 3"]', f'["{READINGS[0][0]}","neither of these"]']


@pytest.mark.parametrize("screen", LOOKS)
def test_what_counts_as_a_field_is_said_where_it_is_looked_for(
    world: World, worker_at: WorkerAt, axe: str, job_id: str, questions: list[tuple[bytes, str]], screen: str
) -> None:
    together = next(one for one in questions if one[1].startswith("several") and "company" in one[1])
    world.open_questions(OpenJob(job_id=job_id, per_page=1), [together])
    page = worker_at("/", **LOOKS[screen])

    def with_meanings(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for offer in told["offers"]:
            offer["meanings"] = {"company": [*meanings_in("en")["company"]], "address": [*meanings_in("en")["address"]]}
        route.fulfill(response=answer, json=told)

    page.route("**/api/offers*", with_meanings)
    page.goto(page.url.rstrip("/") + f"/work/{job_id}")
    page.wait_for_selector(".cutting img")
    company, address = page.locator(".part").all()
    expect(company).to_contain_text("Not a brand, slogan or person's name above it.")
    expect(address).to_contain_text("Every line from the street")
    look(page, f"meanings-{screen}")
    check(page, axe)
