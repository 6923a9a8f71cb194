"""The requester's desk as a person uses it: files dropped, pages seen, a quote agreed to, a job watched and ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import PHONE
from .desk_material import folder_of_receipts
from .test_pages import check, too_wide
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]


def begun(page: Page) -> None:
    page.get_by_role("button", name="New job").first.click()
    page.wait_for_url("**/desk/drafts/*")
    page.wait_for_selector(".drop-zone")


def dropped(world: World, page: Page, folder: Path) -> None:
    """Gives the page a folder and waits until its pages are there."""
    page.locator("input[webkitdirectory]").set_input_files(folder)
    expect(page.get_by_text("The files are being read in")).to_be_visible()
    world.read_in()
    page.wait_for_selector(".price")


def test_a_folder_becomes_a_quoted_draft_and_a_job(world: World, worker_at: WorkerAt, axe: str, tmp_path: Path) -> None:
    page = worker_at("/desk", allow=("403",), **PHONE)
    check(page, axe)
    page.get_by_role("button", name="Open a desk").click()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()
    check(page, axe)
    page.screenshot(path=tmp_path / "desk-empty.png", full_page=True)
    begun(page)
    check(page, axe)
    dropped(world, page, folder_of_receipts(tmp_path / "march receipts"))
    expect(page.get_by_text("1 file was left out")).to_be_visible()
    expect(page.get_by_text("it is not an image or a PDF")).to_be_visible()
    expect(page.locator(".thumb")).to_have_count(3)
    expect(page.get_by_role("heading", level=1)).to_have_text("march receipts")
    check(page, axe)
    page.screenshot(path=tmp_path / "draft-phone.png", full_page=True)
    page.set_viewport_size({"width": 320, "height": 700})
    assert too_wide(page) <= 0
    page.set_viewport_size({"width": 1280, "height": 860})
    page.get_by_text("Line by line").click()
    check(page, axe)
    page.screenshot(path=tmp_path / "draft.png", full_page=True)
