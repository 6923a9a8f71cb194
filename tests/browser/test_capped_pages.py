"""A daily cap on the pages: the offer says it before work begins, and a day that is full says when it goes on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from manyhands.roles.exchange.testing import OpenJob

from .conftest import DESK, PHONE, go
from .desk_material import folder_of_receipts
from .test_desk import begun, dropped, with_desk
from .test_pages import check, with_delivered_job
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]
LOOKS = [pytest.param(PHONE, id="phone"), pytest.param(DESK, id="desk", marks=pytest.mark.nightly)]
REWARD_MINOR = 20_000


def seen(page: Page, name: str) -> None:
    """A picture for who looks at the pages; `MANYHANDS_LOOK` names a folder for it."""
    if folder := os.environ.get("MANYHANDS_LOOK"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_an_offer_tells_its_daily_cap_and_a_full_day_when_it_goes_on(
    world: World, worker_at: WorkerAt, axe: str, job_id: str, look: dict[str, Any], language: str
) -> None:
    size = f"{look['viewport']['width']}-{language}"
    world.open_job(
        OpenJob(
            job_id=job_id, per_page=8, simulated=False, cap_parts=10, funded_minor=10 * 4 * REWARD_MINOR,
            reward_minor=REWARD_MINOR,
        )
    )  # fmt: skip
    page = worker_at("/", name=f"one {job_id}", **look)
    page.context.add_cookies([{"name": "mh_lang", "value": language, "url": world.url}])
    go(page, world.url + "/")
    told = {"en": "At most 1/10 of this job's funds", "es": "como mucho 1/10 de los fondos"}[language]
    card = page.locator("li", has=page.locator(f'a[href="/work/{job_id}"]'))
    expect(card.get_by_text(told)).to_be_visible()
    check(page, axe)
    seen(page, f"offer-{size}")
    full = {"en": "Today's part is spoken for", "es": "La parte de hoy ya está tomada"}[language]
    expect(card.get_by_text(full)).to_have_count(0)
    go(page, f"{world.url}/work/{job_id}")  # takes the day's four answers
    page.wait_for_selector(".cutting img")
    other = worker_at("/", name=f"two {job_id}", allow=("409",), **look)
    go(other, f"{world.url}/work/{job_id}")
    expect(other.get_by_text("00:00 UTC")).to_be_visible()
    check(other, axe)
    seen(other, f"full-{size}")
    other.context.add_cookies([{"name": "mh_lang", "value": language, "url": world.url}])
    go(other, world.url + "/")
    card = other.locator("li", has=other.locator(f'a[href="/work/{job_id}"]'))
    expect(card.get_by_text(full)).to_be_visible()
    check(other, axe)
    seen(other, f"offers-{size}")


def test_a_jobs_page_tells_its_daily_cap_in_plain_words(world: World, worker_at: WorkerAt, axe: str) -> None:
    page = worker_at("/", name="somebody", **PHONE)
    with_delivered_job(page, daily_cap={"parts": 10, "per_day_minor": 4_000_000, "days_expected": 6, "days_most": 9})
    go(page, world.url + "/jobs/delivered")
    expect(page.get_by_text("Days over which pay arrives: at least 6, 9 if all is earned.")).to_be_visible()
    check(page, axe)
    seen(page, "job-390")


@pytest.mark.parametrize("look", LOOKS)
def test_a_daily_cap_is_chosen_at_the_desk_and_its_quote_says_over_how_many_days_pay_comes(
    world: World, worker_at: WorkerAt, axe: str, tmp_path: Path, job_id: str, look: dict[str, Any]
) -> None:
    page = with_desk(worker_at, ("400 (Bad Request)", "409 (Conflict)"), **look)
    draft_id = begun(page)
    dropped(world, page, folder_of_receipts(tmp_path / f"receipts {job_id}"))
    page.get_by_text("More rules").click()
    cap = page.get_by_label("Daily cap")
    cap.fill("30")
    cap.blur()
    refusal = page.get_by_text("less than the longest single answer can earn")
    expect(refusal).to_be_visible()
    most = re.search(r"choose (\d+) parts at most", refusal.inner_text())
    assert most is not None, refusal.inner_text()
    seen(page, f"desk-refused-{look['viewport']['width']}")
    cap.fill(most[1])
    cap.blur()
    expect(page.get_by_text(f"Daily cap: at most 1/{most[1]} of the funds")).to_be_visible()
    expect(page.locator(".quote-panel.stale")).to_have_count(0)
    check(page, axe)
    seen(page, f"desk-{look['viewport']['width']}")
    wish = page.evaluate(f"fetch('/api/desk/drafts/{draft_id}').then((told) => told.json())")["wish"]
    assert wish["daily_cap_parts"] == int(most[1])
    cap.fill("")
    cap.blur()
    expect(page.get_by_text("Daily cap: at most")).to_have_count(0)
