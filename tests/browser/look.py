"""Takes a picture of every page of a worker and a visitor, as wide as a telephone and a desk, for people to look at.

usage: python -m tests.browser.look FOLDER [--only work]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from manyhands.apps.components import ensure_components
from manyhands.store.database import Database
from manyhands.store.migrations import migrate, rooms_of_house
from manyhands.store.postgres import LocalPostgres

from .conftest import chromium_path
from .furnished import walk
from .world import World, in_thread

WIDTHS = {"phone": (390, 844), "desk": (1280, 860)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="stops whose name begins so")
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
                page = browser.new_page(viewport={"width": 390, "height": 844})
                page.on("console", lambda told: print("console:", told.text) if told.type == "error" else None)
                page.on("pageerror", lambda problem: print("error:", problem))
                for name in walk(page, world, mark="look"):
                    if not name.startswith(wish.only):
                        continue
                    for look, (width, height) in WIDTHS.items():
                        page.set_viewport_size({"width": width, "height": height})
                        page.wait_for_timeout(120)
                        page.screenshot(path=wish.folder / f"{name}-{look}.png", full_page=True)
                    page.set_viewport_size({"width": 390, "height": 844})
                    print(name)
                browser.close()
        finally:
            world.stop()
            server.stop()


if __name__ == "__main__":
    main()
