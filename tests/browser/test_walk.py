"""Every page in every state in which it looks another way, held to the same demands.

A worker's and a visitor's pages in all of them; a requester's and an operator's from right to left, as what else they
have to do is held by tests of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from manyhands.apps.web.shell import PAGES

from .conftest import PATIENCE_MS
from .furnished import walk
from .furnished_desk import walk_desk
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
            if width != 320:
                page.evaluate("document.documentElement.dir = 'rtl'")
                if too_wide(page) > 0:
                    faults.append(f"{stop} at {width} from right to left: {too_wide(page)} px too wide")
                faults += [f"{stop} at {width} from right to left: {one}" for one in out_of_sight(page)]
                page.evaluate("document.documentElement.dir = 'ltr'")
            if width == 390:
                faults += [f"{stop}: small: {one}" for one in small_targets(page)]
            if width != 320:
                faults += [f"{stop} at {width}: {one}" for one in violations(page, axe)]
        page.set_viewport_size({"width": 390, "height": 844})
    context.close()
    assert faults == []
    assert seen == set(PAGES) - OF_OTHERS, "a page that nobody walks"
    assert [error for error in errors if not any(code in error for code in ALLOWED)] == []


def out_of_sight(page: Page) -> list[str]:
    """Controls that reach out of the window, and boxes that cut off what is in them. What scrolls by itself may."""
    found: list[str] = page.evaluate(
        """() => {
            const seen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true })
                && !one.closest(".unseen, .skip, .scroll, pre, [aria-hidden=true]");
            const shown = (one) => one.outerHTML.slice(0, 120);
            const controls = [...document.querySelectorAll("a, button, input, select, textarea, summary, [role=tab]")];
            const beyond = controls.filter((one) => {
                const { left, right, width } = one.getBoundingClientRect();
                return seen(one) && width > 1 && (left < -1 || right > innerWidth + 1);
            });
            const cut = [...document.querySelectorAll("main *, header *, dialog[open] *")].filter((one) =>
                seen(one) && one.clientWidth > 1 && ["hidden", "clip"].includes(getComputedStyle(one).overflowX)
                && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).textOverflow !== "ellipsis"
                && !(one instanceof SVGElement));
            return [...beyond.map((one) => `outside: ${shown(one)}`), ...cut.map((one) => `cut off: ${shown(one)}`)];
        }"""
    )
    return found[:5]


def test_what_is_out_of_sight_is_found(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 400})
    page.set_content(
        "<main style='position:relative'><button style='position:absolute; inset-inline-start:-40px'>lost</button>"
        "<p style='width:60px; overflow:hidden; white-space:nowrap'>more than there is room for</p><a href='#'>here</a>"
        "<div class='scroll' style='width:60px; overflow:auto'><button style='width:900px'>x</button></div></main>"
    )
    found = out_of_sight(page)
    page.close()
    assert [one.partition(":")[0] for one in found] == ["outside", "cut off"]


def test_every_page_of_a_requester_and_an_operator_fits_from_right_to_left(
    browser: Browser, world: World, tmp_path: Path, job_id: str
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    seen: set[str] = set()
    faults: list[str] = []
    for stop in walk_desk(page, world, tmp_path, mark=job_id):
        seen.add(str(page.locator("html").get_attribute("data-page")))
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 860})
            for direction in ("rtl", "ltr"):
                page.evaluate("direction => (document.documentElement.dir = direction)", direction)
                if too_wide(page) > 0:
                    faults.append(f"{stop} at {width}, {direction}: {too_wide(page)} px too wide")
                faults += [f"{stop} at {width}, {direction}: {one}" for one in out_of_sight(page)]
    context.close()
    assert faults == []
    assert seen >= OF_OTHERS, "a page that nobody walks"
