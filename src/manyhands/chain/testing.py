"""A foreign party that misbehaves on request, a contract whose state tells the order of all calls, and fixtures.

Loaded by the root conftest as a pytest plugin; the demo and the recipes use the same parts.

- `FaultyProxy`  stands between a client and a node: drops, delays, repeats and lies, by a seed
- `NOTEBOOK_*`   a small contract: its digest depends on every note ever made and on their order
- `local_facts`, `local_node`, `local_client`  a real node of the test's own, on a free port
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from eth_hash.auto import keccak

from .client import ChainClient
from .facts import ChainFacts, shipped_facts
from .node import HOST, LocalNode

NOTEBOOK_SOURCE = """\
# pragma version 0.4.3
# A notebook whose digest depends on the order of all notes ever made.
event Noted:
    words: bytes32
    chained: bytes32

chained: public(bytes32)
count: public(uint256)

@external
def note(words: bytes32):
    self.chained = keccak256(concat(self.chained, words))
    self.count += 1
    log Noted(words=words, chained=self.chained)

@external
def refuse():
    raise "notebook: not today"
"""
NOTEBOOK_BYTECODE = bytes.fromhex(
    "61016a6100116100003961016a610000f35f3560e01c60026003821660011b61016201601e395f51565b63423b7971811861"
    "00a25760243610341761015e575f5f5481606001526020810190506004358160600152602081019050806040526040905080"
    "51602082012090505f556001546001810181811061015e5790506001557f3f4f1a68da6d8203983240f06e624aed57de4bf6"
    "2fcee6ded43e6e1dbb93a2c26004356040525f5460605260406040a1005b6306661abd811861015a573461015e5760015460"
    "405260206040f35b6362c69b80811861015a573461015e5760208060a05260136040527f6e6f7465626f6f6b3a206e6f7420"
    "746f6461790000000000000000000000000060605260408160a001603382825e8051806020830101601f825f031636823750"
    "50601f19601f8251602001011690509050810190506308c379a060805280600401609cfd5b63749305c7811861015a573461"
    "015e575f5460405260206040f35b5f5ffd5b5f80fd00be0018015a013f855820d796ec433aeb9464d08fff4f613f82ebd4f1"
    "745c495eb8db0e85bab4485e890819016a810800a1657679706572830004030036"
)
"""What the Vyper compiler of the dev group makes of the source; a test compiles it again."""

NOTEBOOK_GAS = 120_000
NOTED_TOPIC = "0x" + keccak(b"Noted(bytes32,bytes32)").hex()
REFUSE = keccak(b"refuse()")[:4]
REFUSE_REASON = "notebook: not today"
CHAINED = keccak(b"chained()")[:4]


def note(words: bytes) -> bytes:
    """Call data that writes one note; words: at most 32 bytes."""
    return keccak(b"note(bytes32)")[:4] + words.ljust(32, b"\0")


def notebook_digest(notes: list[bytes]) -> bytes:
    """The digest the notebook has after these notes in this order."""
    chained = bytes(32)
    for words in notes:
        chained = keccak(chained + words.ljust(32, b"\0"))
    return chained


@dataclass
class Faults:
    """How a proxy misbehaves. Shares are basis points of all requests, 10_000 = all.

    drop_bp          the request never reaches the node
    lose_answer_bp   the node gets the request, its answer is lost
    repeat_bp        the node gets the request twice
    delay_bp         the answer waits up to delay_ms_max
    lie_heads_bp     a newest block is told up to lie_blocks_max too high
    lie_hashes_bp    the hashes of blocks are wrong
    stale_receipts   a receipt that was told once is told for ever, also when its block has left the chain
    nonsense_bp      the result of an answer is not what was asked for
    chain_id         another chain's id is told, None: the true one
    down             nothing is answered at all
    """

    drop_bp: int = 0
    lose_answer_bp: int = 0
    repeat_bp: int = 0
    delay_bp: int = 0
    delay_ms_max: int = 50
    lie_heads_bp: int = 0
    lie_blocks_max: int = 20
    lie_hashes_bp: int = 0
    stale_receipts: bool = False
    nonsense_bp: int = 0
    chain_id: int | None = None
    down: bool = False


@dataclass
class FaultyProxy:
    """An HTTP server on a free local port that forwards JSON-RPC to `url` and misbehaves as `faults` says now.

    counts  what it did so far, by kind
    """

    url: str
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    counts: Counter[str] = field(default_factory=Counter)
    port: int = 0

    @property
    def rpc_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def __aenter__(self) -> FaultyProxy:
        self._receipts: dict[str, Any] = {}
        self._random = random.Random(self.seed)  # noqa: S311  repeatability is the purpose
        self._http = httpx.AsyncClient(timeout=30.0, trust_env=False, verify=False)  # noqa: S501  a node of this machine
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._http.aclose()

    def _happens(self, share_bp: int, kind: str) -> bool:
        happens = self._random.randrange(10_000) < share_bp
        self.counts[kind] += happens
        return happens

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, httpx.HTTPError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lengths = [line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
            answer = await self._answer(await reader.readexactly(int(lengths[0])))
            if answer is not None:
                status = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                writer.write(status + f"Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _answer(self, request: bytes) -> bytes | None:
        self.counts["requests"] += 1
        faults = self.faults
        if faults.down or self._happens(faults.drop_bp, "dropped"):
            return None
        answer = await self._forward(request)
        if self._happens(faults.repeat_bp, "repeated"):
            await self._forward(request)
        if self._happens(faults.delay_bp, "delayed"):
            await asyncio.sleep(self._random.uniform(0, faults.delay_ms_max / 1000))
        if self._happens(faults.lose_answer_bp, "answers lost"):
            return None
        return self._lie(request, answer)

    async def _forward(self, request: bytes) -> bytes:
        answer = await self._http.post(self.url, content=request, headers={"content-type": "application/json"})
        return answer.content

    def _lie(self, request: bytes, answer: bytes) -> bytes:
        asked, told = json.loads(request), json.loads(answer)
        pairs = list(zip(asked, told, strict=True)) if isinstance(asked, list) else [(asked, told)]
        for question, entry in pairs:
            self._lie_about(question["method"], question["params"], entry)
        return json.dumps(told).encode()

    def _lie_about(self, method: str, params: list[Any], entry: dict[str, Any]) -> None:
        faults, told = self.faults, entry.get("result")
        if told is not None and self._happens(faults.nonsense_bp, "nonsense"):
            entry["result"] = self._random.choice(["", "0xzz", {"number": None}, [], 7])
        elif method == "eth_getTransactionReceipt" and faults.stale_receipts:
            if told is not None:
                self._receipts[params[0]] = told
            elif params[0] in self._receipts:
                self.counts["stale receipts"] += 1
                entry["result"] = self._receipts[params[0]]
        elif method == "eth_chainId" and faults.chain_id is not None:
            entry["result"] = hex(faults.chain_id)
        elif method == "eth_getBlockByNumber" and told is not None:
            if params[0] == "latest" and self._happens(faults.lie_heads_bp, "heads too high"):
                told["number"] = hex(int(told["number"], 16) + self._random.randint(1, faults.lie_blocks_max))
            if self._happens(faults.lie_hashes_bp, "wrong hashes"):
                told["hash"] = "0x" + self._random.randbytes(32).hex()


@pytest.fixture
def local_facts() -> ChainFacts:
    """A quick local chain for tests: two confirmations, a block every 50 ms while there is something to confirm."""
    return msgspec.structs.replace(shipped_facts()[1338], block_time_ms=50, finality_ms=150)


@pytest_asyncio.fixture
async def local_node(anvil_binary: Path, local_facts: ChainFacts, tmp_path: Path) -> AsyncIterator[LocalNode]:
    """A running node of this test only. `anvil_binary` comes from the plugin of the components package."""
    async with LocalNode(local_facts, tmp_path / "chain", anvil=anvil_binary) as node:
        yield node


@pytest_asyncio.fixture
async def local_client(local_node: LocalNode) -> AsyncIterator[ChainClient]:
    """A client of the running node; `local_client.facts` hold its URL."""
    async with ChainClient(local_node.facts.at([local_node.rpc_url])) as client:
        yield client


async def until(condition: Callable[[], Any], *, patience_s: float = 30.0, every_s: float = 0.02) -> None:
    """Waits until a condition, plain or to be awaited, holds.

    raises  TimeoutError
    """
    async with asyncio.timeout(patience_s):
        while True:
            held = condition()
            if asyncio.iscoroutine(held):
                held = await held
            if held:
                return
            await asyncio.sleep(every_s)
