"""The process that serves the site of one platform.

Rules kept here
- It asks the roles and works for none of them: no page is read and no transaction is sent from here.
- One process, one event loop; it says that it is ready only when its port answers.
- The site answers on the loopback alone, under the loopback's names alone; to the world it stands behind a proxy.

    python -m manyhands.apps.child web FOLDER
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.routing import BaseRoute

from manyhands.apps.compose import Platform, PlatformNotUp, desk_of, open_platform, stop_on_signals
from manyhands.apps.folder import DataFolder
from manyhands.apps.operating import Operating
from manyhands.apps.running import mark_ready, running
from manyhands.gateways.human.routes import subgraph_routes
from manyhands.gateways.human.sources import StoredSource
from manyhands.protocol.ids import SystemIds
from manyhands.protocol.messages import ROLES
from manyhands.roles.exchange.books import RoleShown

from .assets import load_assets
from .hot import routes
from .letters import SmtpPost
from .record import Record
from .server import build_app
from .site import Site

HOST: Final = "127.0.0.1"
HOSTS: Final = frozenset({"127.0.0.1", "localhost"})
POOL: Final = 12
M_MMAP_THRESHOLD: Final = -3
LARGE_BYTES: Final = 1 << 20


def site_of(platform: Platform, *, hosts: frozenset[str] = HOSTS) -> Site:
    """The site over a platform's roles."""
    settings = platform.folder.settings()
    for name in ROLES:
        platform.mailbox.register(name, platform.keys[name].address, platform.role(name).on_message)
    # what the operator launched by command line; everybody else's results are at their desk, behind their sign-in
    record = Record(platform.launcher, platform.progress, platform.db, open_to=platform.launcher.ctx.address)
    return Site(
        assets=load_assets(Path(platform.running.node_modules)),
        currencies=tuple(platform.chains.currencies().values()),
        picture_secret=platform.exchange.settings.picture_secret,
        desk=platform.exchange,
        accounts=platform.exchange.accounts,
        exchange=platform.exchange,
        parties=[RoleShown(role, platform.keys[role].address, tuple(platform.chains.ids())) for role in ROLES],
        record=record,
        operating=Operating(platform),
        requester_desk=desk_of(platform, look=record.job),
        ways=platform.exchange.ways,
        webhooks=platform.launcher.webhooks,
        purses=platform.launcher.purses,
        post=SmtpPost.of(settings.mail_server, sender=settings.mail_from) if settings.mail_server else None,
        origin=settings.public_url.rstrip("/"),
        secure_cookies=settings.public_url.startswith("https://"),
        pictures=platform.blobs.get,
        take_message=platform.mailbox.receive_bytes,
        hot_routes=[*routes(platform.exchange), *_read_side(platform)],
        hosts=hosts | {urlsplit(settings.public_url).hostname or "127.0.0.1"} if hosts else hosts,
        simulated_crowd=platform.exchange.settings.simulated_crowd,
        # on the loopback whoever reaches it is the operator; a site of the world asks for the job's key
        results_secret=platform.folder.secret("results.secret", SystemIds()) if settings.public_url else b"",
    )


def _read_side(platform: Platform) -> list[BaseRoute]:
    """What HUMAN's clients ask a subgraph for, from the events that this platform's indexer stored."""
    return subgraph_routes({chain_id: StoredSource(platform.db, chain_id) for chain_id in platform.chains.ids()})


def run_web(folder: DataFolder) -> None:
    """Serves until it is told to stop."""
    give_large_blocks_back()
    asyncio.run(serve(folder))


def give_large_blocks_back() -> None:
    """Has the C library return large blocks to the system as soon as they are free.

    Each password hash takes 16 MiB for a third of a second. glibc learns from the first ones to keep such blocks, one
    per thread: 16 sign-ups at once grew this process from 117 to 213 MB for good; with a fixed threshold it stays put.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):  # another C library has no such call, and no such habit
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


async def serve(folder: DataFolder) -> None:
    """Opens the platform that runs on this folder and serves its site on the port of its run file."""
    found = running(folder)
    if found is None:
        raise PlatformNotUp(folder.path)
    stop = stop_on_signals()
    platform = await open_platform(folder, found, pool=POOL, name="manyhands web")
    try:
        server = Server(
            build_app(site_of(platform)),
            address=HOST,
            port=found.web_port,
            interface=Interfaces.ASGI,
            websockets=False,
            log_access=False,
        )
        serving = asyncio.create_task(server.serve(), name="server")
        announcing = asyncio.create_task(_say_when_ready(folder, found.web_port), name="ready")
        await asyncio.wait([serving, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        announcing.cancel()
        if not serving.done():
            server.stop()  # type: ignore[no-untyped-call]  # the package types only part of its class
        await serving
    finally:
        await platform.close()


async def _say_when_ready(folder: DataFolder, port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            break
        await asyncio.sleep(0.02)
    mark_ready(folder, "web")
