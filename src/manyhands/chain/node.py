"""A chain on this machine: one anvil process per chain id, with its state in a file.

Rules kept here
- A restart never talks to a stale node: what was left of an earlier start is found by its recorded process and ended;
  a stranger on the port is refused with its chain id.
- The node ends with the program, also when the program is killed (Linux).
- A damaged state file costs at most what came after the copy before it; the outbox's journal sends the rest again.
- A block is mined per transaction at once. More blocks follow only until everything has its confirmations, so that an
  idle chain does not grow.
- The keeper outlives whatever the node does to it: a node that dies in the middle of its start is started again.

    async with LocalNode(facts, data_dir / "chains" / "1338", anvil=find_anvil()) as node:
        ... node.rpc_url ...
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

import httpx
import msgspec
import psutil  # type: ignore[import-untyped]  # the package carries no types

from .cached import find_anvil
from .errors import NodeDied, PortTaken
from .facts import ChainFacts
from .keys import DEV_MNEMONIC

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
START_PATIENCE_S = 30.0
STOP_PATIENCE_S = 10.0
PROBE_TIMEOUT_S = 5.0
KEPT_STATES = 32
"""States of past blocks kept in memory: calls at older blocks and deeper reorganisations are refused by the node."""
DEV_BALANCE_ETHER = 1_000_000
LOG_BYTES_MAX = 1_000_000
MINE_AT_ONCE = 100
"""Blocks asked for in one request: a busy machine needs milliseconds for each."""
GENESIS_TIMESTAMP_S = 1_700_000_000
"""Every local chain begins long before it is used, so that a lost one can be told its past with the times it had."""
_PR_SET_PDEATHSIG = 1

anvil_path = find_anvil


class LeftBehind(msgspec.Struct, frozen=True):
    """What a start records about its process, so that the next one can tell it from a stranger."""

    pid: int
    created_at_s: float
    port: int


class LocalNode:
    """One anvil child process. Start it from a thread that lives as long as the program: the child ends with it.

    facts     chain id, confirmations and pace
    data_dir  folder of this chain only: state file, its copy, log
    port      0 takes any free port
    anvil     path of the binary; None looks in the usual places
    keep_state  False for a chain that forgets everything when it stops
    """

    def __init__(
        self,
        facts: ChainFacts,
        data_dir: Path,
        port: int = 0,
        *,
        anvil: Path | None = None,
        keep_state: bool = True,
    ) -> None:
        self.facts, self.data_dir, self.port = facts, data_dir, port
        self.restarts = 0
        self._anvil = anvil
        self._keep_state = keep_state
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._http: httpx.AsyncClient | None = None
        self._rounds = asyncio.Lock()
        self._quiet_head = ""
        self._behind: set[str] = set()

    @property
    def rpc_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the running node, None when it is down."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def state_file(self) -> Path:
        return self.data_dir / "state.json"

    @property
    def previous_state_file(self) -> Path:
        return self.data_dir / "state.previous.json"

    @property
    def log_file(self) -> Path:
        return self.data_dir / "anvil.log"

    async def start(self) -> None:
        """Starts the node and waits until it answers for the right chain.

        raises  AnvilMissing, PortTaken, NodeDied
        """
        anvil = find_anvil(self._anvil)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(end_left_behind, self._pid_file)
        if self.port == 0:
            self.port = free_port()
        elif not port_is_free(self.port):
            raise PortTaken(self.port, wanted_chain_id=self.facts.chain_id, found_chain_id=await who_is_at(self.port))
        self._http = _prober()
        try:
            await self._launch(anvil)
        except BaseException:
            await self.stop()
            raise
        self._keeper = asyncio.create_task(self._keep(anvil), name=f"chain {self.facts.chain_id}")

    async def stop(self) -> None:
        """Ends the node after it has written its state."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        if self._process is not None:
            await asyncio.to_thread(_end, self._process)
            self._process = None
            self._pid_file.unlink(missing_ok=True)
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def healthy(self) -> bool:
        """Whether the node's process runs and answers for its chain."""
        return self.pid is not None and await who_is_at(self.port, self._http) == self.facts.chain_id

    async def mine(self, count: int = 1) -> None:
        """Adds empty blocks."""
        for start in range(0, count, MINE_AT_ONCE):
            await self._ask("anvil_mine", [hex(min(MINE_AT_ONCE, count - start))])

    @contextlib.asynccontextmanager
    async def resting(self) -> AsyncIterator[None]:
        """While it lasts the keeper neither mines nor starts the node again, and nothing of it is under way."""
        async with self._rounds:
            yield

    async def __aenter__(self) -> LocalNode:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def _pid_file(self) -> Path:
        return self.data_dir / "node.json"

    async def _launch(self, anvil: Path) -> None:
        chosen = choose_state(self.state_file, self.previous_state_file) if self._keep_state else "genesis"
        with _log_handle(self.log_file) as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220  must be the long-lived thread: see the class
                self._command(anvil, from_genesis=chosen == "genesis"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data_dir,
                env={"HOME": str(self.data_dir), "PATH": os.environ.get("PATH", os.defpath)},
                preexec_fn=_end_with_parent(os.getpid()),
            )
        record = LeftBehind(self._process.pid, psutil.Process(self._process.pid).create_time(), self.port)
        self._pid_file.write_bytes(msgspec.json.encode(record))
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            if self._process.poll() is not None:
                code = self._process.returncode
                self._pid_file.unlink(missing_ok=True)
                if not port_is_free(self.port):  # somebody took the port between our look and the node's
                    found = await who_is_at(self.port, self._http)
                    raise PortTaken(self.port, wanted_chain_id=self.facts.chain_id, found_chain_id=found)
                raise NodeDied(self.facts.chain_id, code, self.log_file)
            if await who_is_at(self.port, self._http) == self.facts.chain_id:
                with contextlib.suppress(httpx.HTTPError):  # it died since it answered: the next look tells
                    if chosen == "genesis":
                        await self._ask("evm_setTime", [int(time.time())])
                    return
            if time.monotonic() > deadline:
                await asyncio.to_thread(_end, self._process)
                raise NodeDied(self.facts.chain_id, self._process.returncode, self.log_file)
            await asyncio.sleep(0.02)

    def _command(self, anvil: Path, *, from_genesis: bool) -> list[str]:
        words = [str(anvil), "--host", HOST, "--port", str(self.port), "--chain-id", str(self.facts.chain_id)]
        words += ["--mnemonic", DEV_MNEMONIC, "--balance", str(DEV_BALANCE_ETHER), "--hardfork", "prague"]
        words += ["--order", "fifo", "--prune-history", str(KEPT_STATES), "--cache-path", "cache", "--quiet"]
        if self._keep_state:
            words += ["--state", self.state_file.name, "--state-interval", "1"]
        if from_genesis:
            words += ["--timestamp", str(GENESIS_TIMESTAMP_S)]
        return words

    async def _keep(self, anvil: Path) -> None:
        """Mines what confirmations need, and starts the node again when it died on its own."""
        pace_s = self.facts.block_time_ms / 1000
        while True:
            await asyncio.sleep(pace_s)
            try:
                async with self._rounds:
                    await self._look_after(anvil)
            except (httpx.HTTPError, NodeRefused):
                pass  # the node died between two questions, or is about to: the next round finds it gone
            except Exception:
                logger.exception("the keeper of chain %s goes on", self.facts.chain_id)

    async def _look_after(self, anvil: Path) -> None:
        if self.pid is None:
            await self._launch_again(anvil)
        # While automine is off somebody tells this chain its past again, block by block: not ours to add.
        elif await self._ask("anvil_getAutomine", []):
            await self._free_what_waits()
            if await self._something_unconfirmed():
                await self._ask("evm_mine", [])

    async def _launch_again(self, anvil: Path) -> None:
        self.restarts += 1
        if self._process is not None:
            await asyncio.to_thread(_end, self._process)
        try:
            await self._launch(anvil)
        except (NodeDied, PortTaken):
            await asyncio.sleep(1.0)  # the next round tries again; callers meet ChainUnreachable meanwhile

    async def _free_what_waits(self) -> None:
        """Hands in again what the node keeps back although its turn has come.

        A transaction that arrives while the one before it is being mined may be put behind that one for ever: no block
        and no second sending brings it forward. Seen in two looks it is taken out of the node's pool and sent anew.
        """
        behind: set[str] = set()
        status = await self._ask("txpool_status", [])
        if int(status["queued"], 16):
            for sender, by_nonce in (await self._ask("txpool_content", []))["queued"].items():
                its = [by_nonce[nonce]["hash"] for nonce in sorted(by_nonce, key=int)]
                if min(map(int, by_nonce)) != int(await self._ask("eth_getTransactionCount", [sender, "latest"]), 16):
                    continue  # one before it is missing
                behind.add(its[0])
                if its[0] not in self._behind:
                    continue
                raw = [await self._ask("eth_getRawTransactionByHash", [tx_hash]) for tx_hash in its]
                await self._ask("anvil_removePoolTransactions", [sender])
                for one in filter(None, raw):
                    await self._ask("eth_sendRawTransaction", [one])
                logger.warning("chain %s kept back %d transactions of %s", self.facts.chain_id, len(its), sender)
        self._behind = behind

    async def _something_unconfirmed(self) -> bool:
        """Blocks are told apart by hash, not by number: after a reorganisation, or a restart a second poorer, another
        block has the number of the one that was quiet."""
        head = await self._ask("eth_getBlockByNumber", ["latest", False])
        number, block_hash = int(head["number"], 16), str(head["hash"])
        if block_hash == self._quiet_head:
            return False
        for below in range(number, max(0, number - self.facts.confirmations), -1):
            if int(await self._ask("eth_getBlockTransactionCountByNumber", [hex(below)]) or "0x0", 16) > 0:
                return True
        self._quiet_head = block_hash
        return False

    async def _ask(self, method: str, params: list[object]) -> Any:
        if self._http is None:
            raise NodeRefused(f"{method}: the node is not started")
        return await _ask(self._http, self.rpc_url, method, params)


class NodeRefused(Exception):
    """The node answered a housekeeping request with an error; the keeper asks again later."""


def choose_state(latest: Path, previous: Path) -> Literal["latest", "previous", "genesis"]:
    """Puts a readable state file in place of the latest one and keeps a copy of it.

    A file that is cut short or damaged gives way to the copy made at the start before; without any the chain begins at
    its genesis and the outbox's journal rebuilds it.
    """
    if _is_state(latest):
        _copy_whole(latest, previous)
        return "latest"
    if _is_state(previous):
        _copy_whole(previous, latest)
        return "previous"
    latest.unlink(missing_ok=True)
    return "genesis"


def end_left_behind(pid_file: Path) -> None:
    """Ends the node that an earlier, killed program left running, if it still is that very process."""
    try:
        record = msgspec.json.decode(pid_file.read_bytes(), type=LeftBehind)
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.created_at_s) < 1.0 and "anvil" in process.name()
    except (OSError, msgspec.DecodeError, psutil.Error):
        pid_file.unlink(missing_ok=True)
        return
    if same and process.status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            try:
                process.wait(STOP_PATIENCE_S)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(STOP_PATIENCE_S)
    pid_file.unlink(missing_ok=True)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the local address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _prober() -> httpx.AsyncClient:
    """Asks nodes of this machine, which show no certificate: those of the world need not be read."""
    return httpx.AsyncClient(timeout=PROBE_TIMEOUT_S, trust_env=False, verify=False)  # noqa: S501


async def who_is_at(port: int, http: httpx.AsyncClient | None = None) -> int | None:
    """The chain id of whoever answers JSON-RPC on a local port, None when nobody does."""
    if http is None:
        async with _prober() as own:
            return await who_is_at(port, own)
    try:
        return int(await _ask(http, f"http://{HOST}:{port}", "eth_chainId", []), 16)
    except (httpx.HTTPError, NodeRefused, ValueError, TypeError):
        return None


async def _ask(http: httpx.AsyncClient, url: str, method: str, params: list[object]) -> Any:
    answer = await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    body = answer.json()
    if not isinstance(body, dict) or "result" not in body:
        raise NodeRefused(f"{method}: {str(body)[:200]}")
    return body["result"]


def _is_state(path: Path) -> bool:
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(body, dict) and "block" in body and "accounts" in body


def _copy_whole(source: Path, target: Path) -> None:
    """A copy that is there whole or not at all."""
    partial = target.with_name(target.name + ".partial")
    shutil.copyfile(source, partial)
    partial.replace(target)


def _log_handle(path: Path) -> IO[bytes]:
    """The node's log, begun anew when it has grown large."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES_MAX:
            path.unlink()
    return path.open("ab")


def _end_with_parent(parent_pid: int) -> Callable[[], None] | None:
    """For the child, before it becomes anvil: ask the system to end it when this program dies, however it dies.

    SIGTERM, not SIGKILL: the node then still writes its state.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)  # loaded here, because after the fork only the simplest calls are safe

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent_pid:  # the program died between fork and prctl
            os._exit(1)

    return arrange


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_PATIENCE_S)
