"""Submitting: on a real PostgreSQL, with submitters that meet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from manyhands.chain.facts import shipped_facts
from manyhands.chain.keys import RoleKey, contract_address, recover_transaction_sender
from manyhands.ledger.outbox import (
    OUTBOX,
    PurposeTaken,
    State,
    UnknownPurpose,
    adopt_account,
    entries_of_job,
    find,
    submit,
)
from manyhands.protocol.ids import SeededIds
from manyhands.store.database import Database, Tx, rows, scalar
from manyhands.store.migrations import Room

FACTS = shipped_facts()[1338]
KEY = RoleKey.create(SeededIds("payer"))
OTHER_KEY = RoleKey.create(SeededIds("other"))
SOMEBODY = "0x" + "5" * 40


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [OUTBOX]


async def put(tx: Tx, purpose: str, *, key: RoleKey = KEY, data: bytes = b"", after: Sequence[str] = ()) -> str:
    return await submit(
        tx,
        chain=FACTS,
        key=key,
        purpose=purpose,
        to=SOMEBODY,
        data=data,
        gas_limit=50_000,
        job_id="job-1",
        after=after,
        clock=lambda: 7,
    )


async def nonces(db: Database, key: RoleKey = KEY) -> list[int]:
    async with db.connection() as tx:
        found = await rows(tx, "select nonce from outbox.transactions where sender = %s order by nonce", (key.address,))
        return [row[0] for row in found]


async def test_a_purpose_is_signed_once_however_often_it_is_submitted(database: Database) -> None:
    hashes = set()
    for _ in range(3):
        async with database.transaction() as tx:
            hashes.add(await put(tx, "payout:1"))
            hashes.add(await put(tx, "payout:1"))
    assert len(hashes) == 1
    assert await nonces(database) == [0]
    async with database.connection() as tx:
        raw = await scalar(tx, "select raw from outbox.attempts")
        entry = await find(tx, chain_id=1338, purpose="payout:1")
    assert recover_transaction_sender(bytes(raw)) == KEY.address
    assert entry is not None
    assert (entry.state, entry.nonce, entry.submitted_at_ms, {entry.tx_hash}) == (State.WAITING, 0, 7, hashes)


async def test_the_same_purpose_with_another_meaning_is_refused(database: Database) -> None:
    async with database.transaction() as tx:
        await put(tx, "payout:1")
    with pytest.raises(PurposeTaken) as caught:
        async with database.transaction() as tx:
            await put(tx, "payout:1", data=b"more")
    assert caught.value.difference == "data"
    with pytest.raises(PurposeTaken) as caught:
        async with database.transaction() as tx:
            await put(tx, "payout:1", key=OTHER_KEY)
    assert caught.value.difference == "sender"
    assert await nonces(database) == [0]


async def test_a_rollback_gives_its_nonce_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await put(tx, "payout:1")
            raise ZeroDivisionError
    async with database.transaction() as tx:
        await put(tx, "payout:2")
    assert await nonces(database) == [0]


async def test_many_submitters_at_once_leave_no_gap_and_no_double(database: Database) -> None:
    async def submitter(number: int) -> None:
        for place in range(6):
            with_rollback = (number + place) % 3 == 0
            try:
                async with database.transaction() as tx:
                    await put(tx, f"own:{number}:{place}")
                    await put(tx, f"shared:{place}")  # all eight want this one; key order keeps them from deadlock
                    if with_rollback:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                pass

    await asyncio.gather(*(submitter(number) for number in range(8)))
    used = await nonces(database)
    assert used == list(range(len(used)))
    async with database.connection() as tx:
        assert await scalar(tx, "select next_nonce from outbox.nonces") == len(used)
        assert await scalar(tx, "select count(*) from outbox.transactions where purpose like 'shared%%'", ()) == 6


async def test_two_keys_have_nonces_of_their_own(database: Database) -> None:
    async with database.transaction() as tx:
        await put(tx, "a")
        await put(tx, "b", key=OTHER_KEY)
        await put(tx, "c")
    assert await nonces(database) == [0, 1]
    assert await nonces(database, OTHER_KEY) == [0]


async def test_an_account_with_a_past_begins_where_the_chain_says(database: Database) -> None:
    async with database.transaction() as tx:
        await adopt_account(tx, chain_id=1338, sender=KEY.address, first_nonce=41)
        await put(tx, "a")
        await adopt_account(tx, chain_id=1338, sender=KEY.address, first_nonce=99)
        await put(tx, "b")
    assert await nonces(database) == [41, 42]


async def test_a_deployment_knows_its_address_before_it_is_sent(database: Database) -> None:
    async with database.transaction() as tx:
        await submit(tx, chain=FACTS, key=KEY, purpose="deploy", to=None, data=b"\0", gas_limit=9, job_id="job-1")
        (entry,) = await entries_of_job(tx, "job-1")
    assert entry.contract_address == contract_address(KEY.address, 0)


async def test_nothing_waits_for_what_nobody_submitted(database: Database) -> None:
    with pytest.raises(UnknownPurpose, match="'fund'"):
        async with database.transaction() as tx:
            await put(tx, "anchor", after=["fund"])
    async with database.transaction() as tx:
        await put(tx, "fund")
        await put(tx, "anchor", key=OTHER_KEY, after=["fund"])


@pytest.mark.parametrize(
    "statement",
    [
        "update outbox.transactions set state = 'final', succeeded = true, settled_at_ms = 1, sent_at_ms = 1",
        "update outbox.transactions set state = 'sent'",
        "update outbox.transactions set block_number = 5",
        "update outbox.transactions set nonce = -1",
        "update outbox.transactions set recipient = null",
        "update outbox.transactions set state = 'paid'",
    ],
)
async def test_the_table_itself_refuses_states_that_cannot_be(database: Database, statement: str) -> None:
    async with database.transaction() as tx:
        await put(tx, "a")
    with pytest.raises(psycopg.errors.CheckViolation):
        async with database.transaction() as tx:
            await tx.execute(statement)
