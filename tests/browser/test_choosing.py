"""Questions of options in a real browser: where a field stands, whether a page says so, whether a figure is on it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from manyhands.documents.assemble import lines_of
from manyhands.documents.choices import choices_of, draw_choice, read_best
from manyhands.documents.conftest_material import readings_from_truth
from manyhands.documents.cutter import cut
from manyhands.documents.fields import kind_spec
from manyhands.documents.model import PageImage, PageRecord
from manyhands.documents.samples import SampleDocument, sample_documents
from manyhands.roles.exchange.testing import OpenJob
from manyhands.task_types.asked import claim, match, which

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
    return [
        (draw_choice(document.pages[0], choice, by_id), which(choice.field, len(choice.places)))
        for choice in choices_of(kind_spec(document.kind), [draft])
    ]


@pytest.fixture(scope="module")
def questions() -> list[tuple[bytes, str]]:
    receipt, *others = sample_documents(seed=1, receipts=1)
    invoice = next(one for one in others if one.kind == "invoice")
    page = receipt.pages[0]
    return [
        *choices_drawn(receipt),
        *choices_drawn(invoice),
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
        page.keyboard.press("1" if question.startswith("which") else "3")
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
