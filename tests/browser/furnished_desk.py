"""A walk through the pages of a requester and an operator, for people to look at: `python -m tests.browser.look`.

Rules kept here
- Files are read in, quoted and launched by the site itself. The running job's figures are made up and its page says
  that its people were simulated; the delivered job is put where the reputation oracle's word would put it.
- What these pages have to do is held by their own tests (`test_desk*.py`, `test_operator.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, expect

from manyhands.apps.compose import Platform

from .desk_material import deliver, folder_of_receipts
from .furnished import go, sign_up
from .test_desk import RUNNING, begun, dropped
from .test_operator import dead_work
from .world import World


def walk_desk(page: Page, world: World, folder: Path, *, mark: str) -> Iterator[str]:
    """Yields the name of each stop of a requester, and then of an operator, while the page shows it."""
    worker = sign_up(page, world, f"Ferretería Puerto {mark}")
    go(page, world.url + "/desk")
    yield "desk-none"
    page.get_by_role("button", name="Open a desk").click()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()
    yield "desk-empty"
    begun(page)
    yield "desk-drop"
    dropped(world, page, folder_of_receipts(folder / "march receipts"))
    yield "desk-draft"
    page.get_by_text("Line by line").click()
    page.get_by_text("More rules").click()
    page.get_by_role("button", name="What would ten pieces cost?").click()
    expect(page.get_by_role("button", name="Launch the try-out")).to_be_visible()
    yield "desk-draft-opened"
    page.get_by_role("button", name="Draw on a page").click()
    page.wait_for_selector("dialog[open] .sheet img")
    yield "desk-draw"
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Launch for at most").click()
    page.wait_for_url("**/desk/jobs/*")
    expect(page.locator(".state").first).to_have_text("quoted")
    yield "desk-launched"
    job_id = page.url.rsplit("/", 1)[-1]
    world.asking(lambda platform: deliver(platform, job_id))
    expect(page.get_by_role("tab", name="Pages")).to_be_visible()
    expect(page.locator(".sheet .box").first).to_be_visible()
    yield "desk-pages"
    for tab, name in (("To look at", "desk-doubts"), ("Downloads", "desk-downloads"), ("Progress", "desk-ended")):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_load_state("networkidle")
        yield name
    page.route("**/api/desk/jobs/running", lambda route: route.fulfill(json=RUNNING))
    told = f"retry: 60000\n\nevent: state\ndata: {json.dumps(RUNNING)}\n\n"
    page.route(
        "**/api/desk/jobs/running/events",
        lambda route: route.fulfill(body=told, content_type="text/event-stream"),
    )
    go(page, world.url + "/desk/jobs/running")
    page.wait_for_selector(".chart svg")
    yield "desk-running"
    for path in ("", "/money", "/webhooks"):
        go(page, f"{world.url}/desk{path}")
        yield f"desk{path.replace('/', '-') or '-jobs'}"

    async def promoted(platform: Platform) -> None:
        await platform.exchange.accounts.take_role(worker, "operator", by_operator=True)
        await dead_work(platform)

    world.asking(promoted)
    page.wait_for_timeout(3_500)  # a site remembers for three seconds who somebody is
    go(page, world.url + "/operator")
    page.wait_for_selector(".verdict")
    yield "operator"
    page.get_by_text("questions of the doctor").click()
    page.get_by_role("button", name="Change").first.click()
    page.get_by_role("button", name="Read the log").click()
    yield "operator-opened"
