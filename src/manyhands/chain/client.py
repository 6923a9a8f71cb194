"""Speaking JSON-RPC with the nodes of one chain, however many URLs it has.

Rules kept here
- Before the first answer of a URL is used its chain id is checked: a wrong one raises, it is never skipped over.
- Reads go to the first URL that answers; a URL that fails is asked last for a while.
- What decides about money is compared across all URLs that answer (`agreed_block_hash`, `agreed_receipts`): two
  stories raise ChainDisagrees and nothing is decided.
- A node that lost a transaction and one that has it already are both told apart from one that refuses it.

    async with ChainClient(facts) as client:
        head = await client.head()
        outcome = await client.send_raw(signed.raw, signed.tx_hash)
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from enum import Enum
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

import httpx

from .contracts import OVERTAKEN
from .errors import (
    AnswerUnreadable,
    CallReverted,
    ChainDisagrees,
    ChainUnreachable,
    RpcRefused,
    TransactionRefused,
    WrongChain,
)
from .facts import ChainFacts

T = TypeVar("T")

TIMEOUT_S = 10.0
BATCH = 50
"""Requests in one HTTP call: what public nodes take without complaint."""
READ_AGAIN = 3
"""How often an unreadable answer is asked for once more."""
SHUNNED_S = 5.0
"""A URL that failed is asked last for so long."""
_ERROR_STRING = "08c379a0"
_PANIC = "4e487b71"


class Block(NamedTuple):
    """number, hashes as hexadecimal with 0x, timestamp in whole seconds, base fee per gas in wei"""

    number: int
    hash: str
    parent_hash: str
    timestamp_s: int
    base_fee_wei: int


class Log(NamedTuple):
    """One event as the chain stores it.

    index_in_tx  its place among the events of its own transaction: does not change when the transaction is mined again
    index_in_block  its place in the block
    """

    address: str
    topics: tuple[str, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    index_in_block: int
    index_in_tx: int


class Receipt(NamedTuple):
    """What became of a mined transaction.

    succeeded         False: it was mined and refused; its nonce and its gas are used up
    contract_address  of the contract it created, or None
    sender            who signed it
    """

    tx_hash: str
    block_number: int
    block_hash: str
    index_in_block: int
    succeeded: bool
    gas_used: int
    gas_price_wei: int
    contract_address: str | None
    logs: tuple[Log, ...]
    sender: str = ""


class SendOutcome(Enum):
    """What a node said to a raw transaction."""

    TAKEN = "taken"
    ALREADY_KNOWN = "already known"
    NONCE_USED = "nonce used"
    """A transaction with this nonce is mined: this one, if its receipt is there, or a replacement."""
    UNDERPRICED = "underpriced"
    """Another transaction with this nonce waits and pays as much, or the fee is below what the node takes."""


class ChainClient:
    """All URLs of one chain. Safe for many tasks of one event loop.

    timeout_s  for one HTTP call to one URL
    """

    def __init__(self, facts: ChainFacts, *, timeout_s: float = TIMEOUT_S) -> None:
        self.facts = facts
        # Reading the certificates of the world takes 70 ms, and a node on this machine shows none.
        encrypted = any(not url.startswith("http://") for url in facts.rpc_urls)
        self._http = httpx.AsyncClient(timeout=timeout_s, trust_env=facts.local is False, verify=encrypted)
        self._checked: set[str] = set()
        self._shunned_until_s: dict[str, float] = {}
        self._ids = itertools.count(1)

    @property
    def chain_id(self) -> int:
        return self.facts.chain_id

    async def __aenter__(self) -> ChainClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    def forget_checks(self) -> None:
        """Checks chain ids anew at the next request: after a node was restarted somebody else may be at its URL."""
        self._checked.clear()

    async def connect(self) -> None:
        """Asks every URL for its chain id.

        raises  WrongChain for one that serves another chain; ChainUnreachable when none answers
        """
        problems: dict[str, str] = {}
        for url in self.facts.rpc_urls:
            try:
                await self._check(url)
            except _Unanswered as problem:
                problems[url] = str(problem)
        if len(problems) == len(self.facts.rpc_urls):
            raise ChainUnreachable(self.chain_id, problems)

    async def head(self) -> Block:
        """The newest block."""
        found = await self.block("latest")
        if found is None:
            raise ChainUnreachable(self.chain_id, dict.fromkeys(self.facts.rpc_urls, "has no newest block"))
        return found

    async def block(self, which: int | str) -> Block | None:
        """A block by number or tag, None when the chain is not that long."""
        return _block(await self.ask("eth_getBlockByNumber", [_hex(which), False]))

    async def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        """Several blocks in as few calls as possible, in the order asked for."""
        return await self._read_many([("eth_getBlockByNumber", [hex(n), False]) for n in numbers], _block)

    async def _read_many(self, calls: Sequence[tuple[str, list[Any]]], read: Callable[[Any], T]) -> list[T]:
        """Answers to several calls, read. What cannot be read is asked again by itself: one bad answer among hundreds
        would otherwise cost the whole round, and a long queue would never get through.

        raises  AnswerUnreadable for one that stays unreadable
        """
        found: dict[int, T] = {}
        asked: Sequence[int] = range(len(calls))
        for last in (False,) * READ_AGAIN + (True,):
            answers = await self.ask_many([calls[place] for place in asked])
            unreadable = []
            for place, raw in zip(asked, answers, strict=True):
                try:
                    found[place] = read(raw)
                except AnswerUnreadable:
                    if last:
                        raise
                    unreadable.append(place)
            if not unreadable:
                break
            asked = unreadable
        return [found[place] for place in range(len(calls))]

    async def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt of a mined transaction, None while it is not mined here."""
        return (await self.receipts([tx_hash]))[0]

    async def receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """Several receipts in as few calls as possible, in the order asked for."""
        return await self._read_many([("eth_getTransactionReceipt", [tx]) for tx in tx_hashes], _receipt)

    async def known(self, tx_hash: str) -> bool:
        """Whether the node has the transaction, mined or waiting."""
        return await self.ask("eth_getTransactionByHash", [tx_hash]) is not None

    async def transaction_count(self, address: str, at: int | str = "latest") -> int:
        """How many transactions of this account are mined: the nonce of its next one."""
        return _number(await self.ask("eth_getTransactionCount", [address, _hex(at)]))

    async def transaction_counts(self, addresses: Sequence[str], at: int | str = "latest") -> list[int]:
        """The same for several accounts."""
        return await self._read_many([("eth_getTransactionCount", [one, _hex(at)]) for one in addresses], _number)

    async def balance_wei(self, address: str) -> int:
        """Native money of an account."""
        return _number(await self.ask("eth_getBalance", [address, "latest"]))

    async def code(self, address: str) -> bytes:
        """Code at an address, empty where there is no contract."""
        return _bytes(await self.ask("eth_getCode", [address, "latest"]))

    async def storage(self, address: str, slot: int) -> bytes:
        """32 bytes of a contract's storage."""
        return _bytes(await self.ask("eth_getStorageAt", [address, hex(slot), "latest"]))

    async def call(self, to: str, data: bytes, *, sender: str | None = None, at: int | str = "latest") -> bytes:
        """Reads from a contract.

        raises  CallReverted with the contract's reason
        """
        return _bytes(await self._simulate(to, data, sender=sender, value_wei=0, gas_limit=None, at=at))

    async def revert_reason(
        self, *, to: str | None, data: bytes, sender: str, value_wei: int, gas_limit: int, at: int
    ) -> str:
        """Why a mined transaction was refused, as far as a replay on the state before its block can tell."""
        try:
            await self._simulate(to, data, sender=sender, value_wei=value_wei, gas_limit=gas_limit, at=max(0, at - 1))
        except CallReverted as refusal:
            return refusal.reason or "refused without a reason"
        except RpcRefused as refusal:
            return refusal.reason
        return OVERTAKEN

    async def estimate_gas(self, *, to: str | None, data: bytes, sender: str, value_wei: int = 0) -> int:
        """Gas that a transaction would use now.

        raises  CallReverted
        """
        fields = _call_fields(to, data, sender, value_wei, None)
        try:
            return _number(await self.ask("eth_estimateGas", [fields]))
        except RpcRefused as refusal:
            raise _as_revert(to, refusal) from refusal

    async def logs(
        self, *, addresses: Sequence[str], topics: Sequence[Sequence[str] | None], from_block: int, to_block: int
    ) -> list[tuple[int, str]]:
        """Where matching events are: pairs of block number and transaction hash, in the order of the chain, each once.

        The events themselves are taken from the receipts, which know their place in the transaction.
        topics  per position the accepted values, or None for any
        """
        wanted = {
            "address": list(addresses),
            "topics": [list(accepted) if accepted is not None else None for accepted in topics],
            "fromBlock": hex(from_block),
            "toBlock": hex(to_block),
        }
        raw = await self.ask("eth_getLogs", [wanted])
        found = _readable("a list of events", lambda entries: sorted(map(_place_of_log, entries)), raw)
        return list(dict.fromkeys((block, tx_hash) for block, _, tx_hash in found))

    async def send_raw(self, raw: bytes, tx_hash: str) -> SendOutcome:
        """Hands a signed transaction to a node. Sending the same bytes twice has one effect.

        raises  TransactionRefused for a refusal that another try will not change; ChainUnreachable
        """
        try:
            await self.ask("eth_sendRawTransaction", ["0x" + raw.hex()])
        except RpcRefused as refusal:
            return _send_outcome(refusal, tx_hash)
        return SendOutcome.TAKEN

    async def send_many(self, signed: Sequence[tuple[bytes, str]]) -> list[SendOutcome | TransactionRefused]:
        """Hands several signed transactions over in as few calls as possible; a refusal of one is given, not raised.

        signed  pairs of raw bytes and hash, one account's in the order of its nonces
        raises  ChainUnreachable
        """
        requests: list[tuple[str, list[Any]]] = [("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw, _ in signed]
        answers = await self._ask_each(requests)
        outcomes: list[SendOutcome | TransactionRefused] = []
        for (_, tx_hash), answer in zip(signed, answers, strict=True):
            try:
                outcomes.append(_send_outcome(answer, tx_hash) if isinstance(answer, RpcRefused) else SendOutcome.TAKEN)
            except TransactionRefused as refusal:
                outcomes.append(refusal)
        return outcomes

    async def agreed_head(self) -> Block | None:
        """The newest block that can be trusted for decisions: the lowest head of all URLs that answer.

        returns  None when a URL tells a head that it does not have as a block
        raises   ChainDisagrees when the URLs differ about the block that lies `confirmations` below it
        """
        heads = [_block(raw) for raw in (await self._ask_all("eth_getBlockByNumber", ["latest", False])).values()]
        lowest = min((head for head in heads if head is not None), key=lambda head: head.number, default=None)
        if lowest is None:
            return None
        # A block that is only claimed to be the newest has no entry under its number.
        if await self.agreed_block_hash(max(0, lowest.number - self.facts.confirmations)) is None:
            return None
        found = await self.block(lowest.number)
        return lowest if found is not None and found.hash == lowest.hash else None

    async def agreed_block_hash(self, number: int) -> str | None:
        """The hash of a block on which all URLs that answer agree; None when one of them is not that far yet.

        raises  ChainDisagrees, ChainUnreachable
        """
        told: dict[str, str] = {}
        behind = False
        for url, raw in (await self._ask_all("eth_getBlockByNumber", [hex(number), False])).items():
            block = _block(raw)
            if block is None:
                behind = True
            else:
                told[url] = block.hash
        if len(set(told.values())) > 1:
            raise ChainDisagrees(self.chain_id, f"block {number}", told)
        return None if behind or not told else next(iter(told.values()))

    async def agreed_receipts(self, tx_hashes: Sequence[str]) -> list[Receipt | None]:
        """Receipts that all answering URLs tell alike; None for one that a URL does not have.

        raises  ChainDisagrees when two URLs have different receipts of one transaction
        """
        if len(self.facts.rpc_urls) == 1:
            return await self.receipts(tx_hashes)
        stories: dict[str, list[Receipt | None]] = {}
        problems: dict[str, str] = {}
        for url in self.facts.rpc_urls:
            try:
                await self._check(url)
                answers = await self._post_many(url, [("eth_getTransactionReceipt", [tx]) for tx in tx_hashes])
            except _Unanswered as problem:
                problems[url] = str(problem)
                self._shun(url)
                continue
            stories[url] = [_receipt(raw) for raw in answers]
        if not stories:
            raise ChainUnreachable(self.chain_id, problems)
        agreed: list[Receipt | None] = []
        for place, tx_hash in enumerate(tx_hashes):
            told = {url: story[place] for url, story in stories.items()}
            known = {url: receipt for url, receipt in told.items() if receipt is not None}
            if len({(receipt.block_hash, receipt.succeeded) for receipt in known.values()}) > 1:
                shown = {
                    url: f"block {receipt.block_hash}, {'done' if receipt.succeeded else 'refused'}"
                    for url, receipt in known.items()
                }
                raise ChainDisagrees(self.chain_id, f"transaction {tx_hash}", shown)
            agreed.append(next(iter(known.values())) if known and len(known) == len(told) else None)
        return agreed

    async def ask(self, method: str, params: list[Any]) -> Any:
        """One request to the first URL that answers.

        raises  RpcRefused, WrongChain, ChainUnreachable
        """
        return (await self.ask_many([(method, params)]))[0]

    async def ask_many(self, requests: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """Several requests, all answered by the same URL, in order.

        raises  RpcRefused for the first refused one, WrongChain, ChainUnreachable
        """
        return _unrefused(await self._ask_each(requests))

    async def _ask_each(self, requests: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """As ask_many, with a refused one given as its RpcRefused instead of raised."""
        if not requests:
            return []
        problems: dict[str, str] = {}
        for url in self._urls_by_trust():
            try:
                await self._check(url)
                return await self._post_each(url, requests)
            except _Unanswered as problem:
                problems[url] = str(problem)
                self._shun(url)
        raise ChainUnreachable(self.chain_id, problems)

    async def _ask_all(self, method: str, params: list[Any]) -> dict[str, Any]:
        """The answer of every URL that gives one."""
        problems: dict[str, str] = {}
        answers: dict[str, Any] = {}
        for url in self.facts.rpc_urls:
            try:
                await self._check(url)
                answers[url] = (await self._post_many(url, [(method, params)]))[0]
            except _Unanswered as problem:
                problems[url] = str(problem)
                self._shun(url)
        if not answers:
            raise ChainUnreachable(self.chain_id, problems)
        return answers

    async def _simulate(
        self, to: str | None, data: bytes, *, sender: str | None, value_wei: int, gas_limit: int | None, at: int | str
    ) -> str:
        try:
            fields = _call_fields(to, data, sender, value_wei, gas_limit)
            return str(await self.ask("eth_call", [fields, _hex(at)]))
        except RpcRefused as refusal:
            raise _as_revert(to, refusal) from refusal

    def _urls_by_trust(self) -> list[str]:
        now_s = time.monotonic()
        return sorted(self.facts.rpc_urls, key=lambda url: self._shunned_until_s.get(url, 0.0) > now_s)

    def _shun(self, url: str) -> None:
        self._checked.discard(url)
        self._shunned_until_s[url] = time.monotonic() + SHUNNED_S

    async def _check(self, url: str) -> None:
        if url in self._checked:
            return
        found = _number((await self._post_many(url, [("eth_chainId", [])]))[0])
        if found != self.chain_id:
            raise WrongChain(url, wanted=self.chain_id, found=found)
        self._checked.add(url)

    async def _post_many(self, url: str, requests: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        return _unrefused(await self._post_each(url, requests))

    async def _post_each(self, url: str, requests: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(requests), BATCH):
            answers += await self._post(url, requests[start : start + BATCH])
        return answers

    async def _post(self, url: str, requests: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        bodies = [
            {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params} for method, params in requests
        ]
        try:
            answer = await self._http.post(url, json=bodies if len(bodies) > 1 else bodies[0])
            parsed = answer.json()
        except (httpx.HTTPError, ValueError) as problem:
            raise _Unanswered(str(problem) or type(problem).__name__) from problem
        by_id = {entry.get("id"): entry for entry in _entries(parsed)}
        results: list[Any] = []
        for body in bodies:
            entry = by_id.get(body["id"])
            if entry is None:  # somebody else's answer, or none: as good as silence
                raise _Unanswered(f"HTTP {answer.status_code} without an answer to {body['method']}")
            if "error" in entry and entry["error"] is not None:
                error = entry["error"] if isinstance(entry["error"], dict) else {"message": str(entry["error"])}
                if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    raise _Unanswered("too many requests")
                code, told = error.get("code"), str(error.get("message", ""))
                code = code if isinstance(code, int) else 0
                results.append(RpcRefused(url, str(body["method"]), code, told, error.get("data")))
            else:
                results.append(entry.get("result"))
        return results


class _Unanswered(Exception):
    """A URL gave no usable answer: the next one is asked."""


async def wait_for_receipt(client: ChainClient, tx_hash: str, *, patience_s: float, every_s: float = 0.05) -> Receipt:
    """Polls until a transaction is mined. For tools without a database; roles use the outbox.

    raises  TimeoutError
    """
    async with asyncio.timeout(patience_s):
        while True:
            if receipt := await client.receipt(tx_hash):
                return receipt
            await asyncio.sleep(every_s)


def decode_reason(data: bytes) -> str:
    """The text in revert data: Error(string) as text, a panic with its code, anything else in hexadecimal.

    >>> decode_reason(bytes.fromhex("08c379a0" + "20".zfill(64) + "02".zfill(64) + "4e6f".ljust(64, "0")))
    'No'
    """
    selector, body = data[:4].hex(), data[4:]
    if selector == _ERROR_STRING and len(body) >= 64:
        length = int.from_bytes(body[32:64], "big")
        return body[64 : 64 + length].decode("utf-8", errors="replace")
    if selector == _PANIC and len(body) >= 32:
        return f"panic 0x{int.from_bytes(body[:32], 'big'):02x}"
    return "0x" + data.hex() if data else ""


def _unrefused(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, RpcRefused):
            raise answer
    return answers


def _entries(parsed: object) -> list[dict[str, Any]]:
    listed = parsed if isinstance(parsed, list) else [parsed]
    return [entry for entry in listed if isinstance(entry, dict)]


def _call_fields(
    to: str | None, data: bytes, sender: str | None, value_wei: int, gas_limit: int | None
) -> dict[str, str]:
    fields = {"data": "0x" + data.hex()}
    if to is not None:
        fields["to"] = to
    if sender is not None:
        fields["from"] = sender
    if value_wei:
        fields["value"] = hex(value_wei)
    if gas_limit is not None:
        fields["gas"] = hex(gas_limit)
    return fields


def _as_revert(to: str | None, refusal: RpcRefused) -> Exception:
    """A contract's refusal, taken from the error data; any other error stays what it is."""
    data = refusal.data
    if isinstance(data, dict):
        data = data.get("data")
    if isinstance(data, str) and data.startswith("0x"):
        raw = _bytes(data)
        return CallReverted(to, decode_reason(raw), raw)
    if "revert" in refusal.reason.lower():
        return CallReverted(to, refusal.reason)
    return refusal


def _send_outcome(refusal: RpcRefused, tx_hash: str) -> SendOutcome:
    said = refusal.reason.lower()
    if "already known" in said or "already imported" in said or "known transaction" in said:
        return SendOutcome.ALREADY_KNOWN
    if "nonce too low" in said or "nonce is too low" in said:
        return SendOutcome.NONCE_USED
    if "underpriced" in said or "fee too low" in said or "less than block base fee" in said or "fee cap less" in said:
        return SendOutcome.UNDERPRICED
    raise TransactionRefused(tx_hash, refusal.reason) from refusal


def _hex(which: int | str) -> str:
    return hex(which) if isinstance(which, int) else which


def _bytes(text: Any) -> bytes:
    return _readable("bytes", lambda told: bytes.fromhex(told.removeprefix("0x")), text)


def _place_of_log(raw: Any) -> tuple[int, int, str]:
    return int(raw["blockNumber"], 16), int(raw["logIndex"], 16), str(raw["transactionHash"])


def _block(raw: Any) -> Block | None:
    return None if raw is None else _readable("a block", _read_block, raw)


def _receipt(raw: Any) -> Receipt | None:
    if raw is None or (isinstance(raw, dict) and "blockHash" in raw and raw["blockHash"] is None):
        return None  # unknown, or known and still waiting
    return _readable("a receipt", _read_receipt, raw)


def _number(raw: Any) -> int:
    return _readable("a number", lambda text: int(text, 16), raw)


def _readable(about: str, read: Callable[[Any], T], raw: Any) -> T:
    try:
        return read(raw)
    except (KeyError, ValueError, TypeError, AttributeError) as problem:
        raise AnswerUnreadable(about, repr(problem)) from problem


def _read_block(raw: Any) -> Block:
    return Block(
        number=int(raw["number"], 16),
        hash=str(raw["hash"]),
        parent_hash=str(raw["parentHash"]),
        timestamp_s=int(raw["timestamp"], 16),
        base_fee_wei=int(raw.get("baseFeePerGas") or "0x0", 16),
    )


def _read_receipt(raw: Any) -> Receipt:
    created = raw.get("contractAddress")
    logs = sorted(raw["logs"], key=lambda entry: int(entry["logIndex"], 16))
    return Receipt(
        tx_hash=str(raw["transactionHash"]),
        block_number=int(raw["blockNumber"], 16),
        block_hash=str(raw["blockHash"]),
        index_in_block=int(raw["transactionIndex"], 16),
        succeeded=int(raw["status"], 16) == 1,
        gas_used=int(raw["gasUsed"], 16),
        gas_price_wei=int(raw.get("effectiveGasPrice") or "0x0", 16),
        contract_address=str(created).lower() if created else None,
        logs=tuple(_log(entry, place) for place, entry in enumerate(logs)),
        sender=str(raw.get("from") or "").lower(),
    )


def _log(raw: Any, index_in_tx: int) -> Log:
    return Log(
        address=str(raw["address"]).lower(),
        topics=tuple(str(topic) for topic in raw["topics"]),
        data=_bytes(raw["data"]),
        block_number=int(raw["blockNumber"], 16),
        block_hash=str(raw["blockHash"]),
        tx_hash=str(raw["transactionHash"]),
        index_in_block=int(raw["logIndex"], 16),
        index_in_tx=index_in_tx,
    )
