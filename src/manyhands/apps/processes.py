"""The processes of a platform on one machine: who starts whom, and who ends with whom.

Rules kept here
- The supervisor holds the data folder, runs PostgreSQL and the local chains' nodes, and keeps the others alive.
- A child ends when its supervisor is killed in whatever way, so that a restart never meets its own past.
- A child that dies is started again, after a pause that grows; its dying is told.

supervisor    manyhands up | manyhands demo
  postgres    database server
  anvil       one per local chain
  roles       messages, verdicts, chain sender and indexer      python -m manyhands.apps.child roles FOLDER
  ocr (n)     reads pages, cuts, assembles: CPU and memory      python -m manyhands.apps.child ocr FOLDER
  web         site and API                                      python -m manyhands.apps.child web FOLDER
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from manyhands.apps import telemetry
from manyhands.apps.components import Components, ensure_components
from manyhands.apps.folder import DataFolder
from manyhands.apps.running import Kind, Running, local_facts, ready_file, replace_file, run_file
from manyhands.chain.node import LocalNode
from manyhands.protocol.errors import ManyhandsError
from manyhands.store.database import Database
from manyhands.store.jobs import retry_stalled
from manyhands.store.migrations import migrate, rooms_of_house
from manyhands.store.postgres import LocalPostgres

log = logging.getLogger(__name__)

Told = Callable[[str], None]

PAUSE_FIRST_S, PAUSE_MOST_S = 0.5, 30.0
STOP_PATIENCE_S = 25.0


class PortTaken(ManyhandsError):
    """Another program listens where the site should be."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(
            f"port {port} on 127.0.0.1 is taken by another program",
            cure=f"Stop it, or choose another port: --port {port + 1}.",
        )


class DidNotStart(ManyhandsError):
    """A process of the platform did not get ready."""

    def __init__(self, what: str, log_file: Path) -> None:
        self.what, self.log_file = what, log_file
        super().__init__(f"{what} did not get ready", cure=f"Its log says why: {log_file}")


@dataclass
class Child:
    """One child process and the history of its deaths."""

    kind: Kind
    number: int
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    due_at: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number}" if self.kind == "ocr" else self.kind


@dataclass
class Supervisor:
    """Everything of one platform on this machine. Use as `async with Supervisor(folder, told): ...`.

    told  is given one sentence per step, for the person who waits
    """

    folder: DataFolder
    told: Told
    web: bool = True
    postgres: LocalPostgres = field(init=False)
    nodes: dict[int, LocalNode] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    _exits: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _keepers: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Supervisor:
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def _start(self) -> None:
        settings = self.folder.settings()
        self._exits.enter_context(self.folder.held())
        if self.web:
            check_port_is_free(settings.web_port)
        components = await asyncio.to_thread(ensure_components, None, self.told)
        self.told("starting the database")
        self.postgres = LocalPostgres(self.folder.postgres)
        dsn = await asyncio.to_thread(self.postgres.start)
        await self._start_nodes(components)
        await self._prepare_database(dsn)
        found = Running(
            dsn=dsn,
            rpc_urls={str(chain_id): node.rpc_url for chain_id, node in self.nodes.items()},
            web_port=settings.web_port,
            node_modules=str(components.node_modules),
            supervisor_pid=os.getpid(),
        )
        telemetry.begin_anew(self.folder.path / "metrics")
        for kind in ("roles", "ocr", "web"):
            ready_file(self.folder, kind).unlink(missing_ok=True)
        replace_file(run_file(self.folder), msgspec.json.encode(found))
        self.children = [Child("roles", 0)]
        self.children += [Child("ocr", number) for number in range(settings.ocr_processes)]
        self.children += [Child("web", 0)] if self.web else []
        self.told("deploying contracts and starting the roles")
        for child in self.children:
            self._launch(child)
        self._keepers = [
            asyncio.create_task(self._keep_children(), name="keep children"),
            asyncio.create_task(self.postgres.keep_running(self._stop), name="keep postgres"),
        ]
        await self._until_ready("roles")
        if self.web:
            await self._until_ready("web")

    async def _start_nodes(self, components: Components) -> None:
        for chain_id, facts in local_facts(self.folder).items():
            if not facts.local:
                continue
            port = self.folder.settings().chain_ports.get(str(chain_id), 0)
            self.told(f"starting chain {chain_id} ({facts.name})")
            node = LocalNode(facts, self.folder.chains / str(chain_id), port, anvil=components.anvil)
            await node.start()
            self.nodes[chain_id] = node

    async def _prepare_database(self, dsn: str) -> None:
        self.told("bringing the tables up to date")
        db = await Database.open(dsn, max_size=2)
        try:
            await migrate(db, rooms_of_house())
            async with db.transaction() as tx:
                # nobody works on this folder but us, so whatever was being done is not being done any more
                await retry_stalled(tx, stalled_after_ms=0)
        finally:
            await db.close()

    def _launch(self, child: Child) -> None:
        log_path = self.folder.logs / f"{child.name}.log"
        with log_path.open("ab") as handle:
            child.process = subprocess.Popen(
                [sys.executable, "-m", "manyhands.apps.child", child.kind, str(self.folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                env=os.environ | {"MANYHANDS_SUPERVISOR": str(os.getpid())},
            )

    async def _keep_children(self) -> None:
        while not self._stop.is_set():
            for child in self.children:
                process = child.process
                if process is not None and process.poll() is not None:
                    child.process = None
                    pause = min(PAUSE_MOST_S, PAUSE_FIRST_S * 2**child.deaths)
                    child.deaths += 1
                    child.due_at = time.monotonic() + pause
                    log.warning("%s ended with %s and starts again in %.1f s", child.name, process.returncode, pause)
                elif process is None and time.monotonic() >= child.due_at:
                    self._launch(child)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 0.2)

    async def _until_ready(self, kind: Kind, *, patience_s: float = 600.0) -> None:
        deadline = time.monotonic() + patience_s
        while not ready_file(self.folder, kind).exists():
            child = next(child for child in self.children if child.kind == kind)
            if time.monotonic() > deadline or child.deaths >= 4:
                raise DidNotStart(f"the process {kind!r}", self.folder.logs / f"{child.name}.log")
            await asyncio.sleep(0.05)

    async def _end(self) -> None:
        """Stops in order: those who make work before those who store it."""
        self._stop.set()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        alive = [child.process for child in self.children if child.process is not None]
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE_S
        for process in alive:
            try:
                await asyncio.to_thread(process.wait, max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        run_file(self.folder).unlink(missing_ok=True)
        for node in self.nodes.values():
            await node.stop()
        if hasattr(self, "postgres"):
            await asyncio.to_thread(self.postgres.stop)
        await self._exits.aclose()


def check_port_is_free(port: int) -> None:
    """raises PortTaken"""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as refused:
            raise PortTaken(port) from refused
