"""Jobs of fields, claims and a ledger's lines from the desk: chosen, given a table, quoted, launched, and read."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from manyhands.apps.compose import Platform
from manyhands.roles.exchange.results import ANSWER_HEADINGS

from .conftest import DESK
from .desk_material import deliver, folder_of_receipts
from .test_desk import begun, dropped, with_desk
from .test_pages import check, too_wide
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]
WIDTHS = {"phone": 390, "desk": 1280}


def look(page: Page, name: str) -> None:
    """A picture for people to look at, where a folder for it is named; both widths."""
    if folder := os.environ.get("MANYHANDS_LOOK"):
        for screen, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 860})
            page.wait_for_timeout(150)
            page.screenshot(path=Path(folder) / f"{name}-{screen}.png", full_page=True)


def given(page: Page, name: str, table: str) -> None:
    page.locator(".questions-table input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": table.encode()}
    )


def everywhere(page: Page, axe: str) -> None:
    """Accessible, and nothing is cut off on a narrow telephone."""
    check(page, axe)
    page.set_viewport_size({"width": 320, "height": 700})
    assert too_wide(page) <= 0
    page.set_viewport_size({"width": 1280, "height": 860})


def test_claims_are_given_as_a_table_whose_errors_are_named_and_launched(
    world: World, worker_at: WorkerAt, axe: str, tmp_path: Path
) -> None:
    page = with_desk(worker_at, **DESK, allow=("422",))
    begun(page)
    dropped(world, page, folder_of_receipts(tmp_path / "march", 2))
    page.get_by_role("radio", name="Check claims").check()
    expect(page.get_by_text("there is no table of claims yet")).to_be_visible()
    with page.expect_download() as sample:
        page.get_by_role("link", name="A sample to begin with").click()
    assert "document,page,claim,known" in Path(sample.value.path()).read_text(encoding="utf-8-sig")
    given(page, "claims.csv", "document,page,claim\nreceipt-01,7,The total is 12.50\nnowhere,1,x\nreceipt-02,1,\n")
    expect(page.get_by_text("row 4, column claim: it is empty")).to_be_visible()
    given(page, "claims.csv", "document,page,claim\nreceipt-01,7,The total is 12.50\nnowhere,1,x\n")
    expect(page.get_by_text("row 2, column page: there is no page 7 of 'receipt-01'")).to_be_visible()
    look(page, "claims-refused")
    everywhere(page, axe)
    claims = "".join(f"receipt-0{1 + n % 2};1;Line {n} says 1{n}.50;\n" for n in range(6))
    given(page, "<img src=x>.csv", f"document;page;claim;known\n{claims}receipt-01;1;The page is a receipt;yes\n")
    expect(page.get_by_text("7 questions.")).to_be_visible()
    expect(page.get_by_text("1 of them you know")).to_be_visible()
    expect(page.get_by_text("<img src=x>.csv").first).to_be_visible()
    expect(page.get_by_role("radio", name="anything")).to_be_checked()
    page.get_by_text("Line by line").click()
    expect(page.get_by_text("6 questions about pages, each answered by two people who agree")).to_be_visible()
    look(page, "claims")
    everywhere(page, axe)
    page.get_by_role("button", name="Launch for at most").click()
    page.wait_for_url("**/desk/jobs/*")
    job_id = page.url.rsplit("/", 1)[-1]

    async def launched(platform: Platform) -> tuple[str, str]:
        view = await platform.launcher.view(job_id)
        return view.task_type, view.privacy

    assert world.asking(launched) == ("verify_claim", "off")
    answers = [
        ("receipt-01", 1, "claim", "Line 0 says 10.50", "the page says so", "", 100, 200, 300, 240, 9_871, 2, "2", ""),
        ("receipt-01", 1, "claim", "'=1+1", "the page says otherwise", "", 1, 1, 9, 9, "", 3, "2 of 3 agree", "b"),
        ("receipt-02", 1, "claim", "Line 3", "people could not settle it", "", "", "", "", "", "", 4, "4", "b"),
    ]  # fmt: skip
    rows = "\n".join(",".join(map(str, row)) for row in (ANSWER_HEADINGS, *answers))
    world.asking(lambda platform: delivered_with(platform, job_id, rows))
    page.get_by_role("tab", name="Answers").click()
    expect(page.get_by_text("The page says otherwise").last).to_be_visible()
    expect(page.get_by_text("98.71", exact=False)).to_be_visible()
    expect(page.get_by_text("confidence not measured").first).to_be_visible()
    expect(page.get_by_text("=1+1", exact=True)).to_be_visible()
    look(page, "claims-answers")
    everywhere(page, axe)


async def delivered_with(platform: Platform, job_id: str, answers: str) -> None:
    """As `deliver`, with verdicts in the package."""
    put = platform.blobs.put

    async def with_answers(raw: bytes, **where: str) -> str:
        if where.get("media_type") == "application/zip":
            whole = io.BytesIO(raw)
            with zipfile.ZipFile(whole, "a") as archive:
                archive.writestr("answers.csv", answers)
            raw = whole.getvalue()
        return await put(raw, **where)

    platform.blobs.put = with_answers  # type: ignore[method-assign,assignment]
    await deliver(platform, job_id)


def test_fields_alone_are_chosen_and_a_ledger_is_matched(
    world: World, worker_at: WorkerAt, axe: str, tmp_path: Path
) -> None:
    page = with_desk(worker_at, **DESK, allow=("422",))
    begun(page)
    dropped(world, page, folder_of_receipts(tmp_path / "april", 2))
    whole = int(page.locator(".price .amount").get_attribute("value") or 0)
    page.get_by_role("radio", name="Find fields").check()
    page.get_by_label("Kind of document").select_option("receipt")
    for name in ("company", "address"):
        page.get_by_role("checkbox", name=name).uncheck()
    expect(page.get_by_role("radio", name="one piece of a page")).to_have_count(0)
    page.get_by_text("Line by line").click()
    expect(page.get_by_text("4 fields to be found")).to_be_visible()
    assert int(page.locator(".price .amount").get_attribute("value") or 0) < whole
    page.get_by_text("What counts as each field").click()
    expect(page.get_by_role("textbox", name="company")).to_have_count(0)  # nobody looks for it
    total = page.get_by_role("textbox", name="total")
    assert total.input_value().startswith("What is to be paid in the end")
    total.fill("What the card was charged.")
    total.blur()
    look(page, "fields")
    everywhere(page, axe)
    page.get_by_role("radio", name="Match a ledger").check()
    given(page, "bank.csv", "document;date;reference;amount\nreceipt-01.png;25.12.2018;TEO HENG;12,50\n")
    expect(page.get_by_text("1 questions.")).to_be_visible()
    page.get_by_role("radio", name="Find fields").check()
    expect(page.get_by_role("radio", name="a tenth of a page")).to_be_checked()
    page.get_by_role("button", name="Launch for at most").click()
    page.wait_for_url("**/desk/jobs/*")
    job_id = page.url.rsplit("/", 1)[-1]

    async def launched(platform: Platform) -> tuple[str, str, tuple[str, ...]]:
        view = await platform.launcher.view(job_id)
        manifest = await platform.launcher.manifest(job_id) if hasattr(platform.launcher, "manifest") else None
        return view.task_type, view.privacy, getattr(getattr(manifest, "scope", None), "fields", ())

    assert world.asking(launched)[:2] == ("field_choice", "standard")
    places = [
        ("receipt-01", 1, "which", "total", "found", "12.50", 400, 610, 900, 640, "", 1, "one person and a rule", "b"),
        ("receipt-01", 1, "which", "invoice_number", "none of these", "", "", "", "", "", "", 2, "2 people agree", "b"),
    ]  # fmt: skip
    lines = [
        ("receipt-01", 1, "match", "25.12.2018 TEO HENG 12.50", "it is there", "", "", "", "", "", 9_871, 2, "2", "b"),
        ("receipt-02", 1, "match", "INV-2 & <b>99.00</b>", "it is there with another amount", "", "", "", "", "", "", 3,
         "2 of 3 agree", "b"),
    ]  # fmt: skip
    for name, answers, told in (("fields", places, "12.50"), ("ledger", lines, "INV-2 & <b>99.00</b>")):
        table = "\n".join(",".join(map(str, row)) for row in (ANSWER_HEADINGS, *answers))
        world.asking(lambda platform, table=table: delivered_with(platform, job_id, table))
        page.reload()
        page.get_by_role("tab", name="Answers").click()
        expect(page.get_by_text(told, exact=True).first).to_be_visible()
        look(page, f"{name}-answers")
        everywhere(page, axe)
