"""The read side over stored events: as new as the tables, made again when the past changed, and alive without them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from manyhands.chain.indexer import Event
from manyhands.gateways.human.query import answer, matches
from manyhands.gateways.human.routes import chain_of
from manyhands.gateways.human.sources import StoredSource
from manyhands.ledger.events import QUERIES
from manyhands.ledger.outbox import OUTBOX
from manyhands.store.database import Database
from manyhands.store.migrations import Room

FACTORY, TOKEN = "0x" + "fa" * 20, "0x" + "70" * 20
LAUNCHER, WORKER = "0x" + "1a" * 20, "0x" + "30" * 20
DAY_S = 86_400


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [OUTBOX]


def escrow(number: int) -> str:
    return f"0x{number:040x}"


def event(
    block: int, name: str, args: dict[str, Any], *, kind: str = "Escrow", contract: str = "", at: int = 0
) -> Event:
    tx_hash = f"0x{block:062x}{at:02x}"
    return Event(1338, tx_hash, at, block, f"0x{block:064x}", at, contract, kind, name, args, block * DAY_S, LAUNCHER)


def launched(block: int, number: int) -> Event:
    args = {"token": TOKEN, "escrow": escrow(number), "jobRequesterId": f"job-{number}"}
    return event(block, "LaunchedV2", args, kind="EscrowFactory", contract=FACTORY)


def paid(block: int, number: int, amount: int) -> Event:
    args = {
        "payoutId": f"0x{block:064x}", "recipients": [WORKER, WORKER], "amounts": [amount, 1], "isPartial": True,
        "finalResultsUrl": "u", "finalResultsHash": "h",
    }  # fmt: skip
    return event(block, "BulkTransferV3", args, contract=escrow(number))


async def store(database: Database, *events: Event) -> None:
    async with database.transaction() as tx:
        for one in events:
            await tx.execute(QUERIES.add_event, {**one._asdict(), "args": Jsonb(one.args), "seen_at_ms": 1})


async def told(source: StoredSource) -> dict[str, tuple[str, str]]:
    found = answer(await source.entities(), "{ escrows { jobRequesterId status amountPaid } }", None)
    return {one["jobRequesterId"]: (one["status"], one["amountPaid"]) for one in found["data"]["escrows"]}


async def test_new_events_are_told_at_once_and_each_once(database: Database) -> None:
    source = StoredSource(database, 1338)
    assert await told(source) == {}
    await store(database, launched(1, 1), paid(2, 1, 40))
    assert await told(source) == {"job-1": ("Partial", "41")}
    assert await told(source) == {"job-1": ("Partial", "41")}
    await store(database, paid(3, 1, 9), launched(4, 2))
    assert await told(source) == {"job-1": ("Partial", "51"), "job-2": ("Launched", "0")}
    found = answer(await source.entities(), f'{{ worker(id: "{WORKER}") {{ payoutCount }} payouts {{ id }} }}', None)
    assert found["data"]["worker"] == {"payoutCount": "4"}
    assert len({one["id"] for one in found["data"]["payouts"]}) == 4  # a worker twice in a batch is two payouts


async def test_events_that_left_the_chain_are_forgotten_and_those_that_came_back_are_told_once(
    database: Database,
) -> None:
    source = StoredSource(database, 1338)
    await store(database, launched(1, 1), paid(2, 1, 40), paid(3, 1, 9))
    assert await told(source) == {"job-1": ("Partial", "51")}
    async with database.transaction() as tx:
        await tx.execute(QUERIES.orphan_events, {"chain_id": 1338, "block_number": 1})
    assert await told(source) == {"job-1": ("Launched", "0")}
    await store(database, paid(3, 1, 9)._replace(block_number=5, block_hash="0xb"))
    assert await told(source) == {"job-1": ("Partial", "10")}
    found = answer(await source.entities(), "{ payouts { createdAt } _meta { block { number } } }", None)
    assert found["data"]["_meta"]["block"]["number"] == 5
    # the order of storing is not the order of the chain
    await store(database, paid(4, 1, 2))
    assert await told(source) == {"job-1": ("Partial", "13")}


async def test_another_chains_events_are_another_source(database: Database) -> None:
    await store(database, launched(1, 1), launched(2, 2)._replace(chain_id=31338))
    assert await told(StoredSource(database, 1338)) == {"job-1": ("Launched", "0")}
    assert await told(StoredSource(database, 31338)) == {"job-2": ("Launched", "0")}


async def test_a_read_side_without_its_database_tells_what_it_knew(database: Database) -> None:
    source = StoredSource(database, 1338)
    await store(database, launched(1, 1))
    assert await told(source) == {"job-1": ("Launched", "0")}
    await database.close()
    assert await told(source) == {"job-1": ("Launched", "0")}


def test_conditions_read_numbers_from_text_and_addresses_in_any_case() -> None:
    row = {"amount": 5, "recipient": "0xab", "staker": None, "status": "Paid"}
    assert matches(row, {"amount": "5", "recipient": "0xAB", "status_in": ["Paid"], "amount_lt": None})
    assert not matches(row, {"staker_": {"stakedAmount_gte": 1}})
    assert matches(row, {"or": [{"amount_gt": 9}, {"and": [{"amount_gte": 5}, {"status_not": "Complete"}]}]})


def test_a_network_is_localhost_or_a_chain_id() -> None:
    assert (chain_of("localhost"), chain_of("31338"), chain_of("-1"), chain_of("9" * 40)) == (1338, 31338, None, None)
