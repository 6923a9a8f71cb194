"""Every page of a worker and a visitor, in every state in which it looks another way, held to the same demands."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from manyhands.apps.web.shell import PAGES

from .conftest import PATIENCE_MS
from .furnished import walk
from .test_pages import small_targets, too_wide, violations
from .world import World

pytestmark = pytest.mark.browser
OF_OTHERS = {"desk", "draft", "watch", "purse", "hooks", "operator"}
"""Pages of requesters and operators: their own tests walk them."""

ALLOWED = ("403", "404", "401")
"""The walk asks for a page that is not there, and for work that is not for this worker."""


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.nightly)])
def test_every_page_is_accessible_and_fits_telephone_and_desk(
    browser: Browser, world: World, axe: str, scheme: Any, job_id: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda problem: errors.append(str(problem)))
    page.on("console", lambda told: errors.append(told.text) if told.type in ("error", "warning") else None)
    seen: set[str] = set()
    faults: list[str] = []
    for stop in walk(page, world, mark=f"{job_id}-{scheme}"):
        seen.add(str(page.locator("html").get_attribute("data-page")))
        for width in (390, 1280, 320):
            page.set_viewport_size({"width": width, "height": 844})
            if too_wide(page) > 0:
                faults.append(f"{stop} at {width}: {too_wide(page)} px too wide")
            if width == 390:
                page.evaluate("document.documentElement.dir = 'rtl'")
                if too_wide(page) > 0:
                    faults.append(f"{stop} from right to left: {too_wide(page)} px too wide")
                page.evaluate("document.documentElement.dir = 'ltr'")
                faults += [f"{stop}: small: {one}" for one in small_targets(page)]
            if width != 320:
                faults += [f"{stop} at {width}: {one}" for one in violations(page, axe)]
        page.set_viewport_size({"width": 390, "height": 844})
    context.close()
    assert faults == []
    assert seen == set(PAGES) - OF_OTHERS, "a page that nobody walks"
    assert [error for error in errors if not any(code in error for code in ALLOWED)] == []
