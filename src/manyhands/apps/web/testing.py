"""A whole site in one process, without a port: every route over real roles and a real PostgreSQL, for tests.

Only chains and reading are left out. Time is a value that tests move.

    async def test_x(house: House) -> None:
        worker = await house.person("otter")
        assert (await worker.get("/api/me")).json()["name"] == "otter"
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from fastapi import FastAPI

from manyhands.apps.compose import Platform, open_platform
from manyhands.apps.folder import DataFolder, Settings
from manyhands.apps.running import Running
from manyhands.apps.web.assets import COMPONENT_FILES
from manyhands.apps.web.serve import site_of
from manyhands.apps.web.server import build_app
from manyhands.protocol.ids import system_clock
from manyhands.protocol.manifest import PayRule
from manyhands.roles.launcher import ImportedDocumentRef, ImportedPageRef, LaunchOptions

HEADERS = {"X-Requested-With": "manyhands"}
ORIGIN = "http://localhost:8000"
PASSWORD = "correct horse battery"  # noqa: S105  of people who exist for one test


@dataclass
class House:
    """One site. ahead_ms moves its clock."""

    platform: Platform
    app: FastAPI
    ahead_ms: int = 0
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def clock(self) -> int:
        return system_clock() + self.ahead_ms

    def stranger(self, **headers: str) -> httpx.AsyncClient:
        """A caller without account; each has a cookie jar of its own."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=ORIGIN,
            headers={**HEADERS, **headers},
            timeout=60,
        )
        self.clients.append(client)
        return client

    async def person(self, name: str, *, role: str = "worker") -> httpx.AsyncClient:
        """Somebody signed in, made cheaply: as the simulated are, whose passwords guard nothing."""
        if role in ("worker", "requester"):
            token, _ = await self.platform.exchange.accounts.sign_up(name, PASSWORD, simulated=True, role=role)
        else:
            token, account = await self.platform.exchange.accounts.sign_up(name, PASSWORD, simulated=True)
            await self.platform.exchange.accounts.take_role(account.worker, role, by_operator=True)
        client = self.stranger()
        client.cookies.set("mh_session", token)
        return client


async def quoted_job(platform: Platform, *, requester: str, title: str) -> str:
    """A job that the launcher has quoted for this requester. Returns its id."""
    blob = await platform.blobs.put(b"a page", media_type="image/png")
    page = ImportedPageRef(page_no=1, blob=blob, width=600, height=900, pieces=40, pieces_max=60, chars_per_piece=11)
    document = ImportedDocumentRef(doc_id="doc-1", kind="receipt", content_hash="c" * 64, pages=(page,))
    options = LaunchOptions(
        requester=requester,
        title=title,
        task_type="transcription",
        pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=10_000_000),
        request_key=title,
    )
    return (await platform.launcher.draft([document], options)).job_id


def stand_in_components(folder: Path) -> Path:
    """A folder with browser components that say nothing, for tests that look at no page."""
    for inside in COMPONENT_FILES.values():
        path = folder / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("export {};\n")
    return folder


@pytest.fixture
def settings() -> dict[str, Any]:
    """Settings of the platform; a module overrides it."""
    return {}


@pytest_asyncio.fixture
async def house(postgres_dsn: str, tmp_path: Path, settings: dict[str, Any]) -> AsyncIterator[House]:
    """One site for one test."""
    folder = DataFolder(tmp_path / "data")
    folder.prepare(msgspec.structs.replace(Settings(simulated_crowd=True), **settings))
    found = Running(
        dsn=postgres_dsn,
        rpc_urls={},
        web_port=8000,
        node_modules=str(stand_in_components(tmp_path / "components")),
        supervisor_pid=0,
    )
    platform = await open_platform(folder, found, pool=6, name="test")
    site = site_of(platform)
    made = House(platform, build_app(site))
    platform.exchange.accounts.clock = made.app.state.clock = made.clock
    try:
        yield made
    finally:
        for client in made.clients:
            await client.aclose()
        await platform.close()
