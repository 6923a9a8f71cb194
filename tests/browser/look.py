"""Takes a picture of every page, as wide as a telephone and as a desk, for people to look at.

usage: python -m tests.browser.look FOLDER [--only desk] [--dark] [--print]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from manyhands.apps.components import ensure_components
from manyhands.store.database import Database
from manyhands.store.migrations import migrate, rooms_of_house
from manyhands.store.postgres import LocalPostgres

from .conftest import chromium_path
from .furnished import walk
from .furnished_desk import walk_desk
from .world import World, in_thread

WIDTHS = {"phone": (390, 844), "desk": (1280, 860)}


def look_at(browser: Browser, walk_through: Callable[[Page], Iterator[str]], wish: argparse.Namespace) -> None:
    """Walks once, with a picture of each wanted stop at each width."""
    scheme: Literal["dark", "light"] = "dark" if wish.dark else "light"
    page = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme).new_page()
    page.on("console", lambda told: print("console:", told.text) if told.type == "error" else None)
    page.on("pageerror", lambda problem: print("error:", problem))
    for name in walk_through(page):
        if not name.startswith(wish.only):
            continue
        for look, (width, height) in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(120)
            page.screenshot(path=wish.folder / f"{name}-{look}.png", full_page=True)
        if wish.print:
            page.pdf(path=wish.folder / f"{name}.pdf", format="A4")
        page.set_viewport_size({"width": 390, "height": 844})
        print(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="stops whose name begins so")
    parser.add_argument("--dark", action="store_true", help="in the colours of the night")
    parser.add_argument("--print", action="store_true", help="each page also as it is printed, NAME.pdf")
    wish = parser.parse_args()
    wish.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="manyhands-look-") as folder:
        server = LocalPostgres(Path(folder) / "postgres")
        dsn = server.start()

        async def fill() -> None:
            db = await Database.open(dsn, max_size=1)
            try:
                await migrate(db, rooms_of_house())
            finally:
                await db.close()

        in_thread(fill)
        world = World(Path(folder) / "data", dsn, ensure_components(progress=print).node_modules)
        world.start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium_path())
                walks = (
                    lambda page: walk(page, world, mark="look"),
                    lambda page: walk_desk(page, world, Path(folder), mark="look"),
                )
                if wish.only.startswith(("desk", "operator")):
                    walks = walks[1:]
                for one in walks:
                    look_at(browser, one, wish)
                browser.close()
        finally:
            world.stop()
            server.stop()


if __name__ == "__main__":
    main()
