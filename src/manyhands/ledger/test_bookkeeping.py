"""From events to books: whoever is paid, credited or refunded, the job's accounts end at 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.store.database import Database
from manyhands.store.migrations import Room

from .bookkeeping import MONEY_EVENTS, EscrowAccounts, EscrowEvent, keep, postings_of, reserve_of
from .books import balances, pending_postings, post, recount
from .posting import account, currency_of


@pytest.fixture(scope="session")
def rooms() -> list[Room]:
    return [Room("ledger", "manyhands.ledger")]


def party(number: int) -> str:
    return f"0x{number:040x}"


ESCROW, LAUNCHER, WORKER, REFUSED, REPUTATION, RECORDING = (party(number) for number in range(1, 7))
USD = currency_of(80_001, party(99))
OF = EscrowAccounts("j1", ESCROW, LAUNCHER, USD)

Logs = Sequence[tuple[str, Mapping[str, Any]]]

FUNDED: Logs = [
    ("FeesFixed", {"reputationFeeBp": 500, "recordingFeeBp": 300, "exchangeFeeBp": 200}),
    ("Fund", {"amount": 1_000}),
]
ANCHORED: Logs = [("Anchored", {"root": b"\1" * 32, "count": 4, "evidenceHash": b"", "reserved": 600})]


def payout(*pay: tuple[str, int], credited: Sequence[tuple[str, int]] = (), payout_id: bytes = b"\2" * 32) -> Logs:
    return [
        *[("Credited", {"recipient": who, "amount": minor}) for who, minor in credited],
        (
            "BulkTransferV3",
            {"payoutId": payout_id, "recipients": [who for who, _ in pay], "amounts": [minor for _, minor in pay]},
        ),
    ]


def ending(*, refund_minor: int, credited: Sequence[tuple[str, int]] = (), refund_credited: bool = False) -> Logs:
    return [
        *[("Credited", {"recipient": who, "amount": minor}) for who, minor in credited],
        ("OracleFeeTransfer", {"oracles": [REPUTATION, RECORDING, RECORDING], "amounts": [50, 30, 20]}),
        *([("Credited", {"recipient": LAUNCHER, "amount": refund_minor})] if refund_credited else []),
        ("CompletionRefund", {"amount": refund_minor}),
        ("Completed", {}),
    ]


async def keep_all(db: Database, *transactions: Logs, times: int = 2) -> dict[str, int]:
    """Tells a book each transaction, event by event, as often as told."""
    for number, logs in enumerate(transactions):
        for name, args in [*logs] * times:
            if name in MONEY_EVENTS:
                async with db.transaction() as tx:
                    await keep(tx, "recording", EscrowEvent(name, args, f"0xtx{number}", logs), OF, now_ms=1)
    async with db.connection() as connection:
        assert await recount(connection) == []
        found = await balances(connection, "recording")
    assert sum(found.values()) == 0
    return {name: minor for (name, _), minor in found.items() if minor}


async def test_a_job_from_funding_to_its_end_leaves_its_accounts_empty(database: Database) -> None:
    found = await keep_all(database, FUNDED, ANCHORED, payout((WORKER, 400), (REFUSED, 200)), ending(refund_minor=300))
    assert found == {
        account("requester", LAUNCHER): -700,
        account("worker", WORKER): 400,
        account("worker", REFUSED): 200,
        account("fee", REPUTATION): 50,
        account("fee", RECORDING): 50,
    }


async def test_pay_that_could_not_be_sent_waits_for_its_claim_and_the_others_are_paid(database: Database) -> None:
    paid = payout((WORKER, 400), (REFUSED, 200), credited=[(REFUSED, 200)])
    claim: Logs = [("Claimed", {"recipient": REFUSED, "to": party(7), "amount": 200})]
    found = await keep_all(database, FUNDED, ANCHORED, paid)
    assert found[account("credit", ESCROW, REFUSED)] == 200
    assert account("worker", REFUSED) not in found
    found = await keep_all(database, FUNDED, ANCHORED, paid, claim)
    assert found[account("worker", party(7))] == 200
    assert account("credit", ESCROW, REFUSED) not in found


async def test_a_fee_and_a_refund_that_could_not_be_sent_wait_too(database: Database) -> None:
    end = ending(refund_minor=300, credited=[(REPUTATION, 50)], refund_credited=True)
    found = await keep_all(database, FUNDED, ANCHORED, payout((WORKER, 600)), end)
    assert found[account("credit", ESCROW, REPUTATION)] == 50
    assert found[account("credit", ESCROW, LAUNCHER)] == 300
    assert found[account("fee", RECORDING)] == 50
    claims: list[Logs] = [
        [("Claimed", {"recipient": REPUTATION, "to": REPUTATION, "amount": 50})],
        [("Claimed", {"recipient": LAUNCHER, "to": LAUNCHER, "amount": 300})],
    ]
    found = await keep_all(database, FUNDED, ANCHORED, payout((WORKER, 600)), end, *claims)
    assert not [name for name in found if name.startswith("credit:")]


async def test_an_end_in_the_same_transaction_as_the_last_payout_mixes_up_no_credits(database: Database) -> None:
    logs = [
        *payout((WORKER, 400), (REFUSED, 200), credited=[(REFUSED, 200)]),
        *ending(refund_minor=300, credited=[(REPUTATION, 50)]),
    ]
    found = await keep_all(database, FUNDED, ANCHORED, logs)
    assert found[account("credit", ESCROW, REFUSED)] == 200
    assert found[account("credit", ESCROW, REPUTATION)] == 50
    assert found[account("requester", LAUNCHER)] == -700


async def test_a_worker_who_stands_twice_in_a_payout_is_paid_the_sum(database: Database) -> None:
    found = await keep_all(database, FUNDED, ANCHORED, payout((WORKER, 100), (WORKER, 150)))
    assert found[account("worker", WORKER)] == 250
    assert found[account("reserved", ESCROW)] == 350


async def test_a_credit_without_an_owner_can_be_moved_to_the_worker_it_was_meant_for(database: Database) -> None:
    nobody = party(0)
    paid = payout((nobody, 600), credited=[(nobody, 600)])
    moved: Logs = [("CreditRedirected", {"recipient": nobody, "to": WORKER, "amount": 600})]
    found = await keep_all(database, FUNDED, ANCHORED, paid, moved)
    assert found[account("credit", ESCROW, WORKER)] == 600


async def test_a_cancelled_job_returns_the_fees_that_were_not_earned(database: Database) -> None:
    logs: Logs = [
        ("OracleFeeTransfer", {"oracles": [REPUTATION, RECORDING, RECORDING], "amounts": [5, 3, 2]}),
        ("CancellationRefund", {"amount": 390}),
        ("Cancelled", {}),
    ]
    found = await keep_all(database, FUNDED, ANCHORED, payout((WORKER, 600)), logs)
    assert found == {
        account("requester", LAUNCHER): -610,
        account("worker", WORKER): 600,
        account("fee", REPUTATION): 5,
        account("fee", RECORDING): 5,
    }


async def test_a_completed_job_returns_the_fees_that_did_not_follow_any_pay(database: Database) -> None:
    logs: Logs = [
        ("OracleFeeTransfer", {"oracles": [REPUTATION, RECORDING, RECORDING], "amounts": [33, 20, 13]}),
        ("CompletionRefund", {"amount": 334}),
        ("Completed", {}),
    ]
    found = await keep_all(database, FUNDED, ANCHORED, payout((WORKER, 600)), logs)
    assert found == {
        account("requester", LAUNCHER): -666,
        account("worker", WORKER): 600,
        account("fee", REPUTATION): 33,
        account("fee", RECORDING): 33,
    }


async def test_an_intention_becomes_the_fact_that_the_chain_tells(database: Database) -> None:
    await keep_all(database, FUNDED)
    async with database.transaction() as tx:
        intended = reserve_of(OF, reference="0x" + "01" * 32, amount_minor=600)
        await post(tx, "recording", intended, now_ms=1, pending=True)
    await keep_all(database, FUNDED, ANCHORED)
    async with database.connection() as connection:
        assert await pending_postings(connection, "recording") == []


@given(
    pay=st.lists(
        st.tuples(st.sampled_from([party(7), party(8), party(9)]), st.integers(1, 100)), min_size=1, max_size=8
    ),
    refused=st.sets(st.sampled_from([party(7), party(8), party(9)])),
)
def test_postings_of_a_payout_sum_to_what_was_paid(pay: list[tuple[str, int]], refused: set[str]) -> None:
    logs = payout(*pay, credited=[one for one in pay if one[0] in refused])
    name, args = logs[-1]
    made = postings_of(EscrowEvent(name, args, "0xtx", logs), OF, fees_left_minor=0)
    taken = -sum(line.amount_minor for posting in made for line in posting.entries() if line.amount_minor < 0)
    assert taken == sum(minor for _, minor in pay)
    assert {posting.kind for posting in made} <= {"payout", "credit"}
    assert len({posting.posting_id for posting in made}) == len(made)
