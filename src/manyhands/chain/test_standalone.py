"""A chain alone, with its contracts, and what its events say."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from manyhands.chain.client import ChainClient, Receipt, wait_for_receipt
from manyhands.chain.contracts import HUMAN_LOCAL_TERMS, encode_call, gas_limit
from manyhands.chain.errors import HistoryIncomplete
from manyhands.chain.facts import ContractAddresses
from manyhands.chain.indexer import decode_log, decoded_events, event_shapes, followed_events
from manyhands.chain.keys import UnsignedTransaction, dev_key
from manyhands.chain.standalone import chain_up, deploy_directly, facts_for
from manyhands.chain.testing import until

ORACLES = tuple("0x" + digit * 40 for digit in "abc")


async def send(client: ChainClient, to: str, data: bytes, gas: int) -> Receipt:
    nonce = await client.transaction_count(dev_key(0).address)
    unsigned = UnsignedTransaction(client.chain_id, nonce, to, data, 0, gas, 10**11, 10**9)
    signed = dev_key(0).sign_transaction(unsigned)
    await client.send_raw(signed.raw, signed.tx_hash)
    receipt = await wait_for_receipt(client, signed.tx_hash, patience_s=20)
    assert receipt.succeeded
    return receipt


async def launched(client: ChainClient, at: ContractAddresses) -> str:
    """Stakes, approves and launches a job with 5 tokens in one transaction; its escrow."""
    stake = encode_call("Staking", "stake", 10_000_000)
    for spender, amount in ((at.staking, 10_000_000), (at.factory, 5_000_000)):
        await send(client, at.token, encode_call("TestToken", "approve", spender, amount), gas_limit("approve"))
    await send(client, at.staking, stake, gas_limit("stake"))
    oracles = encode_call("EscrowFactory", "launch", at.token, 5_000_000, "job-1", *ORACLES, [300, 200, 0], "u", "h")
    receipt = await send(client, at.factory, oracles, gas_limit("launch"))
    event = decode_log(
        next(log for log in receipt.logs if log.address == at.factory), chain_id=client.chain_id, kind="EscrowFactory"
    )
    assert event is not None and event.name == "LaunchedV2"
    return str(event.args["escrow"])


async def test_a_chain_alone_tells_where_everything_stands_and_ends_when_told(anvil_binary: Path) -> None:
    stop = asyncio.Event()
    told: list[dict[str, Any]] = []

    async def look() -> None:
        await until(lambda: told)
        async with ChainClient(facts_for(1338).at([told[0]["rpc_url"]])) as client:
            for name in ("hmt_address", "factory_address", "staking_address", "kvstore_address", "jury_address"):
                assert await client.code(told[0][name])
        stop.set()

    await asyncio.gather(chain_up(port=0, anvil=anvil_binary, ready=told.append, stop=stop), look())
    assert told[0]["factory_address"] == "0xcf7ed3acca5a467e9e704c703e8d87f634fb0fc9"
    assert told[0]["chain_id"] == 1338


async def test_a_kept_chain_is_deployed_once(anvil_binary: Path, tmp_path: Path) -> None:
    counts = []
    for _ in range(2):
        stop = asyncio.Event()

        async def count(found: dict[str, object], over: asyncio.Event = stop) -> None:
            async with ChainClient(facts_for(777).at([str(found["rpc_url"])])) as client:
                counts.append(await client.transaction_count(dev_key(0).address))
            over.set()

        tasks: list[asyncio.Task[None]] = []
        await chain_up(
            chain_id=777,
            port=0,
            data_dir=tmp_path,
            anvil=anvil_binary,
            ready=lambda found, count=count, tasks=tasks: tasks.append(asyncio.create_task(count(found))),
            stop=stop,
        )
    assert counts[0] == counts[1] > 6


async def test_events_of_contracts_and_transfers_to_escrows_are_read_in_order(local_client: ChainClient) -> None:
    at = await deploy_directly(local_client, dev_key(0), terms=HUMAN_LOCAL_TERMS)
    escrow = await launched(local_client, at)
    await send(local_client, at.token, encode_call("TestToken", "transfer", escrow, 7), gas_limit("transfer"))
    head = (await local_client.head()).number
    fixed = {at.factory: "EscrowFactory", at.staking: "Staking"}
    events = await followed_events(local_client, fixed, tokens=[at.token], from_block=0, to_block=head)
    names = [event.name for event in events if event.contract != at.staking]
    assert names[names.index("LaunchedV2") :][0] == "LaunchedV2"
    assert {"Fund", "PendingV3"} <= set(names)
    transfers = [(event.contract_kind, event.args["_value"]) for event in events if event.name == "Transfer"]
    assert transfers == [("TestToken", 5_000_000), ("TestToken", 7)]
    places = [(event.block_number, event.index_in_block) for event in events]
    assert places == sorted(places)
    assert len({(e.tx_hash, e.index_in_tx) for e in events}) == len(events)
    only = await decoded_events(local_client, {escrow: "Escrow"})
    assert {event.contract for event in only} == {escrow}


async def test_an_escrow_nobody_launched_is_not_listened_to(local_client: ChainClient) -> None:
    at = await deploy_directly(local_client, dev_key(0))
    await send(local_client, at.token, encode_call("TestToken", "transfer", ORACLES[0], 7), gas_limit("transfer"))
    events = await followed_events(
        local_client, {at.factory: "EscrowFactory"}, tokens=[at.token], from_block=0, to_block=99
    )
    assert {event.contract for event in events} == {at.factory}


async def test_an_event_without_its_transaction_is_not_passed_over(
    local_client: ChainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await deploy_directly(local_client, dev_key(0))

    async def nothing(tx_hashes: list[str]) -> list[None]:
        return [None] * len(tx_hashes)

    monkeypatch.setattr(local_client, "receipts", nothing)
    with pytest.raises(HistoryIncomplete):
        await decoded_events(local_client, {at.factory: "EscrowFactory"})


@pytest.mark.parametrize("kind", ["Escrow", "EscrowFactory", "Staking", "KVStore", "Jury", "TestToken"])
def test_every_event_of_every_contract_has_a_topic_of_its_own(kind: str) -> None:
    assert len({shape.name for shape in event_shapes(kind).values()}) == len(event_shapes(kind)) > 0
