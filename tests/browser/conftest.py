"""A chromium, a site, and pages on which every JavaScript error is a failure."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from manyhands.apps.components import Components
from manyhands.store.migrations import rooms_of_house
from manyhands.store.postgres import LocalPostgres
from manyhands.store.testing import fresh_database

from .world import World

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DESK = {"viewport": {"width": 1280, "height": 860}}
_numbers = itertools.count(1)
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


def chromium_path() -> str:
    for name in CHROMIUM_NAMES:
        if found := shutil.which(name):
            return found
    pytest.fail(
        "the browser tests need chromium and none is installed: "
        "apt-get install -y --no-install-recommends chromium (or your system's package of it)",
        pytrace=False,
    )


# Playwright keeps an event loop running in this thread while it is open: it must be closed before tests of other
# packages run loops of their own, hence the package's scope.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, timeout=3 * PATIENCE_MS)
        yield started
        started.close()


@contextlib.contextmanager
def site_up(
    postgres_server: LocalPostgres, components: Components, folder: Path, *, facts: str = ""
) -> Iterator[World]:
    """A site over a database of its own. facts  as of `World`"""
    with fresh_database(postgres_server, rooms_of_house()) as dsn:
        made = World(folder / "data", dsn, components.node_modules, facts)
        try:
            made.start()
            yield made
        finally:
            made.stop()


# A file's site is its own: which files share a process is decided by how fast they run, and a page that everyone sees
# (the list of jobs, the operator's queues) would show a test what another file's tests left behind.
@pytest.fixture(scope="module")
def world(
    postgres_server: LocalPostgres, components: Components, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A running site with an empty database."""
    with site_up(postgres_server, components, tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def job_id() -> str:
    return f"job-{next(_numbers)}"


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, world: World) -> Iterator[Opened]:
    """Opens pages of the site; `expected` names problems that the test itself provokes."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []
    expected: list[str] = []
    pages: list[Page] = []

    def open_page(
        path: str = "/", *, context: BrowserContext | None = None, allow: tuple[str, ...] = (), **options: object
    ) -> Page:
        expected.extend(allow)
        if context is None:
            context = browser.new_context(**{**DESK, **options})  # type: ignore[arg-type]
            contexts.append(context)

        def note(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                problems.append(message.text)

        page = context.new_page()
        pages.append(page)
        page.on("console", note)
        page.on("pageerror", lambda problem: problems.append(str(problem)))
        page.set_default_timeout(PATIENCE_MS)
        go(page, world.url + path)
        return page

    open_page.pages = pages  # type: ignore[attr-defined]  # for the picture of a failure
    yield open_page
    for context in contexts:
        context.close()
    left = [problem for problem in problems if not any(part in problem for part in expected)]
    assert left == [], "JavaScript problems on the pages"


def go(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("html[data-ready]")


@pytest.fixture
def worker_at(opened: Opened, world: World) -> Callable[..., Page]:
    """A page whose reader is signed in as a new worker."""

    def open_for(path: str, *, name: str | None = None, **options: object) -> Page:
        page = opened("/sign-in?new", **options)
        page.get_by_label("Name").fill(name or f"worker {next(_numbers)}")
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Open an account").first.click()
        page.wait_for_url(world.url + "/")
        page.wait_for_selector("html[data-ready]")
        if path != "/":
            go(page, world.url + path)
        return page

    return open_for


@pytest.fixture(scope="session")
def axe(components: Components) -> str:
    return (components.node_modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: to the documentation when `just pictures` asks for them, else out of the way."""
    if os.environ.get("MANYHANDS_PICTURES") == "docs":
        return Path(__file__).resolve().parents[2] / "docs" / "screenshots"
    return tmp_path_factory.mktemp("pictures")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keeps a picture of every page that a failed test had open."""
    report = yield
    if report.when == "call" and report.failed:
        for name in ("opened",):
            if hasattr(item, "funcargs") and name in item.funcargs:
                for number, page in enumerate(item.funcargs[name].pages):
                    target = Path(item.funcargs["world"].path).parent / f"{item.name}-{number}.png"
                    page.screenshot(path=target)
                    report.sections.append(("picture", str(target)))
    return report
