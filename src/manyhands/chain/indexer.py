"""Reads the events of our contracts from a chain's node and decodes them. Reads only, stores nothing.

Rules kept here
- An event's identity is its transaction and its place in it: a reorganised or rebuilt chain gives it the same identity.
- Escrows are found by the factory's own word (`LaunchedV2`); an address nobody launched is not listened to.
- Values are given as JSON can hold them: numbers as int, addresses in lower case, bytes as hexadecimal with 0x.

    events = await decoded_events(client, {escrow: "Escrow", jury: "Jury"})
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from eth_abi.abi import decode
from eth_hash.auto import keccak

from .client import ChainClient, Log, Receipt
from .contracts import artifact
from .errors import HistoryIncomplete

ADDRESSES_MAX = 200
"""Addresses in one question for events: more make some nodes refuse."""

TRANSFER_TOPIC = "0x" + keccak(b"Transfer(address,address,uint256)").hex()


class Event(NamedTuple):
    """One decoded event. contract = its address, contract_kind = the contract's name; index_in_tx = its identity.

    block_timestamp_s, sender  when its block was made and who signed its transaction; 0 and "" when only a log was read
    """

    chain_id: int
    tx_hash: str
    index_in_tx: int
    block_number: int
    block_hash: str
    index_in_block: int
    contract: str
    contract_kind: str
    name: str
    args: dict[str, Any]
    block_timestamp_s: int = 0
    sender: str = ""


class _Shape(NamedTuple):
    name: str
    indexed: tuple[tuple[str, str], ...]
    plain: tuple[tuple[str, str], ...]


@functools.cache
def event_shapes(kind: str) -> Mapping[str, _Shape]:
    """Topic -> shape of every event of a contract."""
    shapes: dict[str, _Shape] = {}
    for entry in artifact(kind).abi:
        if entry["type"] != "event":
            continue
        inputs = entry["inputs"]
        signature = f"{entry['name']}({','.join(str(one['type']) for one in inputs)})"
        shapes["0x" + keccak(signature.encode()).hex()] = _Shape(
            entry["name"],
            tuple((str(one["name"]), str(one["type"])) for one in inputs if one["indexed"]),
            tuple((str(one["name"]), str(one["type"])) for one in inputs if not one["indexed"]),
        )
    return shapes


def decode_log(log: Log, *, chain_id: int, kind: str) -> Event | None:
    """The event of a log, None when the contract's ABI has no such event."""
    shape = event_shapes(kind).get(log.topics[0]) if log.topics else None
    if shape is None:
        return None
    args: dict[str, Any] = {}
    for (name, type_), topic in zip(shape.indexed, log.topics[1:], strict=True):
        args[name] = _plain(decode([type_], bytes.fromhex(topic[2:]))[0])
    for (name, _), value in zip(shape.plain, decode([type_ for _, type_ in shape.plain], log.data), strict=True):
        args[name] = _plain(value)
    return Event(
        chain_id,
        log.tx_hash,
        log.index_in_tx,
        log.block_number,
        log.block_hash,
        log.index_in_block,
        log.address.lower(),
        kind,
        shape.name,
        args,
    )


async def decoded_events(
    client: ChainClient,
    contracts: Mapping[str, str],
    *,
    tokens: Sequence[str] = (),
    wallets: Sequence[str] = (),
    from_block: int | None = None,
    to_block: int | None = None,
) -> list[Event]:
    """All events of these contracts, in the order of the chain.

    contracts  address -> name of its artifact
    tokens     addresses whose transfers to the escrows among the contracts are told too, as events of a TestToken
    wallets    addresses, besides the escrows, whose incoming transfers are told too
    raises     HistoryIncomplete; ChainUnreachable and the other errors of the client
    """
    kinds = {address.lower(): kind for address, kind in contracts.items()}
    escrows = {address for address, kind in kinds.items() if kind == "Escrow"}
    paid_in = {token.lower() for token in tokens}
    told_of = sorted(escrows | {wallet.lower() for wallet in wallets}) if paid_in else []
    first = client.facts.start_block if from_block is None else from_block
    last = (await client.head()).number if to_block is None else to_block
    events: list[Event] = []
    for start in range(first, last + 1, client.facts.log_range_blocks):
        end = min(last, start + client.facts.log_range_blocks - 1)
        for receipt in await _receipts_with_events(client, sorted(kinds), told_of, paid_in, start, end):
            for log in receipt.logs:
                kind = "TestToken" if _is_transfer_to(log, paid_in, told_of) else kinds.get(log.address)
                event = decode_log(log, chain_id=client.chain_id, kind=kind) if kind else None
                if event is not None:
                    events.append(event._replace(sender=receipt.sender))
    times = await _timestamps_s(client, {event.block_number for event in events})
    timed = [event._replace(block_timestamp_s=times.get(event.block_number, 0)) for event in events]
    return sorted(timed, key=lambda event: (event.block_number, event.index_in_block))


async def _timestamps_s(client: ChainClient, numbers: set[int]) -> dict[int, int]:
    """When each block was made. One that has left the chain meanwhile is missing; its hash gives that away."""
    blocks = await client.blocks(sorted(numbers))
    return {block.number: block.timestamp_s for block in blocks if block is not None}


async def _receipts_with_events(
    client: ChainClient, addresses: list[str], receivers: list[str], tokens: Collection[str], start: int, end: int
) -> list[Receipt]:
    """Receipts of every transaction in these blocks in which one of the contracts spoke or a receiver got tokens."""
    found: dict[str, None] = {}
    for place in range(0, len(addresses), ADDRESSES_MAX):
        part = addresses[place : place + ADDRESSES_MAX]
        told = await client.logs(addresses=part, topics=[], from_block=start, to_block=end)
        found |= dict.fromkeys(tx_hash for _, tx_hash in told)
    for place in range(0, len(receivers), ADDRESSES_MAX):
        topics = [[TRANSFER_TOPIC], None, [_as_topic(one) for one in receivers[place : place + ADDRESSES_MAX]]]
        told = await client.logs(addresses=sorted(tokens), topics=topics, from_block=start, to_block=end)
        found |= dict.fromkeys(tx_hash for _, tx_hash in told)
    receipts: list[Receipt] = []
    for tx_hash, receipt in zip(found, await client.receipts(list(found)), strict=True):
        if receipt is None:
            raise HistoryIncomplete(client.chain_id, tx_hash)
        receipts.append(receipt)
    return receipts


def _is_transfer_to(log: Log, tokens: Collection[str], receivers: Sequence[str]) -> bool:
    return (
        log.address in tokens
        and len(log.topics) == 3
        and log.topics[0] == TRANSFER_TOPIC
        and "0x" + log.topics[2][-40:] in receivers
    )


def _as_topic(address: str) -> str:
    return "0x" + address.removeprefix("0x").rjust(64, "0")


async def followed_events(
    client: ChainClient,
    contracts: Mapping[str, str],
    *,
    tokens: Sequence[str] = (),
    wallets: Sequence[str] = (),
    from_block: int,
    to_block: int,
) -> list[Event]:
    """As `decoded_events`, and what escrows launched in these blocks did in the same blocks."""
    known = {address.lower(): kind for address, kind in contracts.items()}
    while True:
        events = await decoded_events(
            client, known, tokens=tokens, wallets=wallets, from_block=from_block, to_block=to_block
        )
        launched = {str(event.args["escrow"]): "Escrow" for event in events if event.name == "LaunchedV2"}
        if launched.keys() <= known.keys():
            return events
        known |= launched


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return value.lower() if value.startswith("0x") and len(value) == 42 else value
    if isinstance(value, Sequence):
        return [_plain(one) for one in value]
    return value
