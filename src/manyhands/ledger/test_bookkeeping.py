"""From events to books: whoever is paid, credited or refunded, the job's accounts end at 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.store.database import Database
from manyhands.store.migrations import Room

from .bookkeeping import (
    MONEY_EVENTS,
    EscrowAccounts,
    EscrowEvent,
    Share,
    jury_claim_of,
    keep,
    postings_of,
    reserve_of,
    reserves_of,
    stake_postings_of,
    standing,
)
from .books import balances, pending_postings, post, recount, void
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


async def test_a_reservation_that_was_given_up_and_is_done_after_all_stands_beside_it(database: Database) -> None:
    await keep_all(database, FUNDED)
    intended = reserve_of(OF, reference="0x" + "01" * 32, amount_minor=600)
    async with database.transaction() as tx:
        await post(tx, "recording", intended, now_ms=1, pending=True)
        await void(tx, "recording", intended, because="its transaction was reverted: Daily cap", now_ms=2)
        again = await standing(tx, "recording", intended)
        assert again.posting_id != intended.posting_id
        await post(tx, "recording", again, now_ms=3, pending=True)
    found = await keep_all(database, FUNDED, ANCHORED)
    assert found[account("reserved", ESCROW)] == 600  # once
    async with database.connection() as connection:
        assert await pending_postings(connection, "recording") == []


async def test_a_top_up_is_written_once_per_transfer_and_pays_what_setup_did_not_fund(database: Database) -> None:
    await keep_all(database, FUNDED)
    sent = {"_from": LAUNCHER, "_to": ESCROW, "_value": 50}
    transfers = [sent, sent, {**sent, "_from": WORKER, "_value": 7}, {**sent, "_value": 0}]
    for _ in range(2):
        for index, args in enumerate(transfers):  # equal ones in one transaction are told apart by their place in it
            async with database.transaction() as tx:
                event = EscrowEvent("Transfer", args, "0xtopup", [], index)
                assert await keep(tx, "recording", event, OF, now_ms=1) in (0, 1)
    reserved: Logs = [("Reserved", {"amount": 1_007, "reason": b"\5" * 32, "totalReserved": 1_007})]
    found = await keep_all(database, FUNDED, reserved)
    assert found == {
        account("requester", LAUNCHER): -1_100,
        account("requester", WORKER): -7,
        account("fees", ESCROW): 100,
        account("reserved", ESCROW): 1_007,
    }


def test_extra_pay_is_split_into_bonus_top_up_and_the_rest_by_worker() -> None:
    shares = [
        Share("bonus", WORKER, 30),
        Share("top_up", WORKER, 20),
        Share("top_up", REFUSED, 5),
        Share("bonus", REFUSED, 0),
    ]
    made = reserves_of(OF, reason="0x05", amount_minor=60, shares=shares)
    assert [(one.kind, one.entries()[1].amount_minor) for one in made] == [
        ("bonus", 30), ("top_up", 20), ("top_up", 5), ("reserve", 5),
    ]  # fmt: skip
    assert {one.entries()[1].account for one in made} == {account("reserved", ESCROW)}
    (whole,) = reserves_of(OF, reason="0x05", amount_minor=54, shares=shares)  # more than the chain has: not believed
    assert (whole.kind, whole.entries()[1].amount_minor) == ("reserve", 54)


def test_reservations_without_a_reason_are_one_posting_each() -> None:
    told = [
        EscrowEvent("Reserved", {"amount": 5, "reason": "0x" + "00" * 32}, tx_hash, [], index)
        for tx_hash, index in (("0x1", 1), ("0x2", 1), ("0x2", 4))
    ]
    made = [posting for event in told for posting in postings_of(event, OF, fees_left_minor=0)]
    assert len({posting.posting_id for posting in made}) == 3


async def test_what_is_withdrawn_after_the_end_went_back_and_foreign_tokens_are_no_business_of_the_book(
    database: Database,
) -> None:
    own: Logs = [("Withdraw", {"token": party(99), "amount": 30})]
    foreign: Logs = [("Withdraw", {"token": party(98), "amount": 30})]
    of = EscrowAccounts("j1", ESCROW, LAUNCHER, USD, party(99))
    made = [postings_of(EscrowEvent(*logs[0], "0xw", logs), of, fees_left_minor=0) for logs in (own, foreign)]
    assert [posting.kind for posting in made[0]] == ["refund"]
    assert made[1] == []


STAKING, JURY, JUROR = party(20), party(21), party(22)
AT = {"staking": STAKING, "currency": USD}


def ruling(case: bytes, *shares: tuple[str, int], waits: str = "") -> list[tuple[str, str, dict]]:
    """What the jury says after the slash of a case, as the contract orders it."""
    said: list[tuple[str, str, dict]] = []
    for who, minor in shares:
        said.append((JURY, "Shared", {"caseId": case, "recipient": who, "amount": minor}))
        if who == waits:
            said.append((JURY, "Credited", {"recipient": who, "amount": minor}))
    return said


def slashed(minor: int, requester: str = JURY) -> dict:
    return {"staker": LAUNCHER, "tokens": minor, "escrowAddress": ESCROW, "slashRequester": requester}


async def test_stake_that_was_placed_slashed_and_taken_back_ends_at_what_the_chain_holds(database: Database) -> None:
    then = ruling(b"\7" * 32, (WORKER, 30), (JUROR, 24), waits=JUROR)
    made = [
        *stake_postings_of("StakeDeposited", {"staker": LAUNCHER, "tokens": 100}, reference="0x1:0", **AT),
        *stake_postings_of("StakeDeposited", {"staker": LAUNCHER, "tokens": 100}, reference="0x1:3", **AT),
        *stake_postings_of("StakeSlashed", slashed(60), reference="0x2:1", then=then, **AT),
        *stake_postings_of("StakeWithdrawn", {"staker": LAUNCHER, "tokens": 140}, reference="0x3:0", **AT),
        *jury_claim_of(
            {"recipient": JUROR, "to": party(23), "amount": 24}, reference="0x4:0", jury=JURY, currency=USD,
            waits_minor=24,
        ),
    ]  # fmt: skip
    for posting in made * 2:
        async with database.transaction() as tx:
            await post(tx, "launcher", posting, now_ms=1)
    async with database.connection() as connection:
        assert await recount(connection) == []
        found = {name: minor for (name, _), minor in (await balances(connection, "launcher")).items() if minor}
    assert found == {
        account("requester", LAUNCHER): -60,
        account("worker", WORKER): 30,
        account("worker", party(23)): 24,
        account("fee", STAKING): 6,
    }


def test_two_rulings_in_one_transaction_are_two_slashes_with_their_own_shares() -> None:
    first, second = ruling(b"\1" * 32, (WORKER, 10)), ruling(b"\2" * 32, (JUROR, 7))
    rest = [(JURY, "Ruled", {}), (STAKING, "StakeSlashed", slashed(7)), *second]
    one = stake_postings_of("StakeSlashed", slashed(10), reference="0x2:1", then=[*first, *rest], **AT)
    two = stake_postings_of("StakeSlashed", slashed(7), reference="0x2:5", then=second, **AT)
    assert one[0].entries() == ((account("stake", LAUNCHER), -10), (account("worker", WORKER), 10))
    assert two[0].entries() == ((account("stake", LAUNCHER), -7), (account("worker", JUROR), 7))
    assert one[0].posting_id != two[0].posting_id


def test_a_slash_by_somebody_else_than_the_jury_is_one_share() -> None:
    (made,) = stake_postings_of("StakeSlashed", slashed(60, REPUTATION), reference="0x2:0", **AT)
    assert made.entries() == ((account("stake", LAUNCHER), -60), (account("worker", REPUTATION), 60))


def test_a_juror_s_claim_moves_only_what_this_book_s_slashes_left() -> None:
    claimed = {"recipient": JUROR, "to": JUROR, "amount": 50}
    at = {"reference": "0x4:0", "jury": JURY, "currency": USD}
    assert jury_claim_of(claimed, waits_minor=0, **at) == []  # all of it was another launcher's
    (part,) = jury_claim_of(claimed, waits_minor=20, **at)
    assert part.entries() == ((account("credit", JURY, JUROR), -20), (account("worker", JUROR), 20))


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
