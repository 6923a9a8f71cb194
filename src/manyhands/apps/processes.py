"""The processes of a platform on one machine: who starts whom, and who ends with whom.

Rules kept here
- The supervisor holds the data folder, runs PostgreSQL and the local chains' nodes, and keeps the others alive.
- A child ends when its supervisor is killed in whatever way, so that a restart never meets its own past.
- A child that dies is started again, after a pause that grows; its dying is told.

supervisor    manyhands up | manyhands demo
  postgres    database server
  anvil       one per local chain
  roles       messages, verdicts, chain sender and indexer      python -m manyhands.apps.processes roles FOLDER
  ocr (n)     reads pages, cuts, assembles: CPU and memory      python -m manyhands.apps.processes ocr FOLDER
  web         site and API                                      python -m manyhands.apps.processes web FOLDER
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import psutil  # type: ignore[import-untyped]  # the package carries no types

from manyhands.apps.components import Components, ensure_components
from manyhands.apps.folder import DataFolder
from manyhands.chain.facts import ChainFacts, facts_in, shipped_facts
from manyhands.chain.node import LocalNode
from manyhands.protocol.errors import ManyhandsError
from manyhands.store.database import Database
from manyhands.store.jobs import retry_stalled
from manyhands.store.migrations import migrate, rooms_of_house
from manyhands.store.postgres import LocalPostgres

log = logging.getLogger(__name__)

Kind = Literal["roles", "ocr", "web"]
Told = Callable[[str], None]

PR_SET_PDEATHSIG = 1
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


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of a running platform need to find each other. Written to run.json before they start."""

    dsn: str
    rpc_urls: dict[str, str]
    web_port: int
    node_modules: str
    supervisor_pid: int


def run_file(folder: DataFolder) -> Path:
    return folder.path / "run.json"


def ready_file(folder: DataFolder, kind: Kind) -> Path:
    return folder.path / f"{kind}.ready"


def running(folder: DataFolder) -> Running | None:
    """How to reach the platform of this folder, None when it is not up."""
    try:
        found = msgspec.json.decode(run_file(folder).read_bytes(), type=Running)
    except FileNotFoundError:
        return None
    return found if psutil.pid_exists(found.supervisor_pid) else None


def local_facts(folder: DataFolder) -> dict[int, ChainFacts]:
    """Facts of the chains this platform uses: the folder's own files before the shipped ones."""
    wanted = folder.settings().chain_ids
    known = facts_in(folder.chains, beside=shipped_facts())
    return {chain_id: known[chain_id] for chain_id in wanted}


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
        for kind in ("roles", "ocr", "web"):
            ready_file(self.folder, kind).unlink(missing_ok=True)
        _replace(run_file(self.folder), msgspec.json.encode(found))
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
                [sys.executable, "-m", "manyhands.apps.processes", child.kind, str(self.folder.path)],
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


def end_with_supervisor() -> None:
    """Called first thing by a child: the system ends it when its supervisor dies, also by kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    supervisor = int(os.environ.get("MANYHANDS_SUPERVISOR", "0"))
    if supervisor and os.getppid() != supervisor:
        sys.exit("the supervisor died before this process was ready")


def mark_ready(folder: DataFolder, kind: Kind) -> None:
    _replace(ready_file(folder, kind), str(os.getpid()).encode())


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of the child processes."""
    kind, path = (arguments or sys.argv[1:])[:2]
    end_with_supervisor()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    folder = DataFolder(Path(path))
    match kind:
        case "roles":
            from manyhands.apps.compose import run_roles

            asyncio.run(run_roles(folder))
        case "ocr":
            from manyhands.apps.compose import run_ocr

            asyncio.run(run_ocr(folder))
        case "web":
            from manyhands.apps.web.serve import run_web

            run_web(folder)
        case _:
            sys.exit(f"no process is called {kind!r}: roles, ocr or web")


if __name__ == "__main__":
    main()
