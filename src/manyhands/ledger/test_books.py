"""The books: balanced whatever happens, each thing once, nothing promised twice, nothing earned taken back."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import Any

import msgspec
import psycopg
import pytest

from manyhands.store.database import Database, scalar
from manyhands.store.migrations import Room

from .bonus import Bonus
from .books import (
    Balance,
    Difference,
    balance,
    balances,
    correction_of,
    differences,
    pending_postings,
    post,
    reconcile,
    recount,
    statement,
    void,
)
from .credit import Claim, Credit
from .errors import BadPosting, NotAllowed, NotPending, Overdrawn, PostingChanged, PostingVoided
from .fee import Fee, FeeReturned
from .funding import Funding
from .payout import Payout
from .posting import Entry, Posting, account, check_balanced, currency_of
from .refund import Refund
from .reserve import Release, Reserve
from .slash import Slash, StakePlaced, StakeReturned
from .top_up import TopUp


@pytest.fixture(scope="session")
def rooms() -> list[Room]:
    return [Room("ledger", "manyhands.ledger")]


def party(number: int) -> str:
    return f"0x{number:040x}"


ESCROW, REQUESTER, WORKER, OTHER_WORKER, ORACLE = (party(number) for number in range(1, 6))
USD = currency_of(80_001, party(99))
NOW = 1_800_000_000_000
WHERE: dict[str, Any] = {"job_id": "j1", "currency": USD, "because": "a test"}

FUNDING = Funding(**WHERE, escrow=ESCROW, requester=REQUESTER, reference="setup", amount_minor=1_000, fees_minor=100)
RESERVE = Reserve(**WHERE, escrow=ESCROW, reference="root 1", amount_minor=400)
PAYOUT = Payout(**WHERE, escrow=ESCROW, worker=WORKER, payout_id="p1", amount_minor=300)
REFUND = Refund(**WHERE, escrow=ESCROW, requester=REQUESTER, reference="tx 9", amount_minor=500)

ONE_OF_EACH: list[Posting] = [
    FUNDING,
    RESERVE,
    Bonus(**WHERE, escrow=ESCROW, worker=WORKER, amount_minor=50, reference="2026-W47"),
    TopUp(**WHERE, escrow=ESCROW, worker=WORKER, amount_minor=30, reference="2026-W47"),
    PAYOUT,
    Credit(**WHERE, escrow=ESCROW, worker=OTHER_WORKER, payout_id="p1", amount_minor=100),
    Claim(**WHERE, escrow=ESCROW, worker=OTHER_WORKER, reference="tx 3", amount_minor=60),
    Release(**WHERE, escrow=ESCROW, case_id="case 1", amount_minor=20),
    Fee(**WHERE, escrow=ESCROW, operator=ORACLE, role="recording", amount_minor=70),
    FeeReturned(**WHERE, escrow=ESCROW, reference="tx 4", amount_minor=30),
    Refund(**WHERE, escrow=ESCROW, requester=REQUESTER, reference="tx 5", amount_minor=400),
    StakePlaced(**WHERE, operator=REQUESTER, reference="tx 6", amount_minor=90),
    Slash(
        **WHERE, operator=REQUESTER, case_id="c", shares_minor={WORKER: 20, OTHER_WORKER: 5}, fee_minor=5, fee_to=ORACLE
    ),
    StakeReturned(**WHERE, operator=REQUESTER, reference="tx 7", amount_minor=60),
]


async def put(db: Database, *postings: Posting, pending: bool = False, book: str = "recording") -> list[bool]:
    async with db.transaction() as tx:
        return [await post(tx, book, posting, now_ms=NOW, pending=pending) for posting in postings]


async def held(db: Database, name: str, *, book: str = "recording") -> Balance:
    async with db.connection() as connection:
        return await balance(connection, book, name, currency=USD)


async def test_every_kind_of_money_is_written_and_the_books_sum_to_zero(database: Database) -> None:
    assert await put(database, *ONE_OF_EACH) == [True] * len(ONE_OF_EACH)
    async with database.connection() as connection:
        found = await balances(connection, "recording")
        assert sum(found.values()) == 0
        assert await recount(connection) == []
    assert {name.split(":")[0]: minor for (name, _), minor in found.items() if "worker" not in name} == {
        "credit": 40,
        "escrow": 900 - 400 - 50 - 30 + 20 + 30 - 400,
        "fee": 75,
        "fees": 0,
        "requester": -1_000 + 400 - 90 + 60,
        "reserved": 400 + 50 + 30 - 300 - 100 - 20,
        "stake": 0,
    }
    assert found[(account("worker", WORKER), USD)] == 300 + 20
    assert found[(account("worker", OTHER_WORKER), USD)] == 60 + 5


async def test_the_same_posting_twice_is_one_and_the_same_id_with_other_money_is_refused(database: Database) -> None:
    assert await put(database, FUNDING, FUNDING) == [True, False]
    reworded = msgspec.structs.replace(FUNDING, because="said with other words")
    assert await put(database, reworded) == [False]
    with pytest.raises(PostingChanged):
        await put(database, msgspec.structs.replace(FUNDING, amount_minor=999))
    assert (await held(database, account("escrow", ESCROW))).posted_minor == 900


async def test_each_role_keeps_a_book_of_its_own(database: Database) -> None:
    await put(database, FUNDING, book="recording")
    await put(database, FUNDING, book="launcher")
    await put(database, RESERVE, book="recording")
    assert (await held(database, account("escrow", ESCROW), book="launcher")).posted_minor == 900


async def test_a_reserve_beyond_what_is_funded_is_refused(database: Database) -> None:
    await put(database, FUNDING)
    with pytest.raises(Overdrawn) as refused:
        await put(database, msgspec.structs.replace(RESERVE, amount_minor=901))
    assert refused.value.short_minor == {account("escrow", ESCROW): 1}
    assert await put(database, msgspec.structs.replace(RESERVE, amount_minor=900)) == [True]


async def test_fees_are_out_of_reach_of_a_reserve(database: Database) -> None:
    await put(database, FUNDING)
    with pytest.raises(Overdrawn):
        await put(database, msgspec.structs.replace(RESERVE, amount_minor=1_000))


async def test_a_refund_of_what_is_reserved_is_refused(database: Database) -> None:
    await put(database, FUNDING, RESERVE)
    with pytest.raises(Overdrawn):
        await put(database, msgspec.structs.replace(REFUND, amount_minor=501))
    assert await put(database, REFUND) == [True]


async def test_a_payout_beyond_what_is_reserved_is_refused(database: Database) -> None:
    await put(database, FUNDING, RESERVE)
    with pytest.raises(Overdrawn):
        await put(database, msgspec.structs.replace(PAYOUT, amount_minor=401))
    assert await put(database, PAYOUT) == [True]


async def test_a_refusal_leaves_the_callers_transaction_alive(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Overdrawn):
            await post(tx, "recording", RESERVE, now_ms=NOW)
        await post(tx, "recording", FUNDING, now_ms=NOW)
    assert (await held(database, account("escrow", ESCROW))).posted_minor == 900


async def test_two_intentions_cannot_promise_the_same_money(database: Database) -> None:
    await put(database, FUNDING, RESERVE)
    second = msgspec.structs.replace(PAYOUT, payout_id="p2", amount_minor=200)
    await put(database, PAYOUT, pending=True)
    with pytest.raises(Overdrawn) as refused:
        await put(database, second, pending=True)
    assert refused.value.short_minor == {account("reserved", ESCROW): 100}
    assert await held(database, account("reserved", ESCROW)) == Balance(posted_minor=400, held_minor=300)
    assert await held(database, account("worker", WORKER)) == Balance(posted_minor=0, held_minor=0)


async def test_an_intention_becomes_a_fact_once(database: Database) -> None:
    await put(database, FUNDING, RESERVE)
    assert await put(database, PAYOUT, pending=True) == [True]
    assert await put(database, PAYOUT, pending=True) == [False]
    assert await put(database, PAYOUT) == [True]
    assert await put(database, PAYOUT) == [False]
    assert await put(database, PAYOUT, pending=True) == [False]
    assert await held(database, account("reserved", ESCROW)) == Balance(posted_minor=100, held_minor=0)
    async with database.connection() as connection:
        assert await pending_postings(connection, "recording") == []
        assert await recount(connection) == []


async def test_a_voided_intention_frees_what_it_held_and_does_not_come_back(database: Database) -> None:
    await put(database, FUNDING, RESERVE)
    await put(database, PAYOUT, pending=True)
    async with database.transaction() as tx:
        assert [pending.posting_id for pending in await pending_postings(tx, "recording")] == [PAYOUT.posting_id]
        assert await void(tx, "recording", PAYOUT, because="the contract refused it", now_ms=NOW)
        assert not await void(tx, "recording", PAYOUT, because="again", now_ms=NOW)
    assert await held(database, account("reserved", ESCROW)) == Balance(posted_minor=400, held_minor=0)
    with pytest.raises(PostingVoided):
        await put(database, PAYOUT)


async def test_a_fact_is_not_refused_for_an_intention(database: Database) -> None:
    """What the chain did is written down, whatever was intended."""
    await put(database, FUNDING)
    await put(database, msgspec.structs.replace(RESERVE, amount_minor=800), pending=True)
    assert await put(database, REFUND) == [True]


async def test_only_an_intention_can_be_voided(database: Database) -> None:
    await put(database, FUNDING)
    async with database.transaction() as tx:
        with pytest.raises(NotPending):
            await void(tx, "recording", FUNDING, because="regret", now_ms=NOW)
        with pytest.raises(NotPending):
            await void(tx, "recording", RESERVE, because="never written", now_ms=NOW)


async def test_a_mistake_is_taken_back_by_a_new_posting_once_and_both_stay(database: Database) -> None:
    await put(database, FUNDING, RESERVE)
    async with database.transaction() as tx:
        back = await correction_of(tx, "recording", job_id="j1", posting_id=RESERVE.posting_id, because="wrong root")
        assert await post(tx, "recording", back, now_ms=NOW)
        assert not await post(tx, "recording", back, now_ms=NOW)
        lines = await statement(tx, "recording", account("escrow", ESCROW))
    assert [(line.kind, line.amount_minor, line.balance_minor) for line in lines] == [
        ("funding", 900, 900),
        ("reserve", -400, 500),
        ("correction", 400, 900),
    ]


async def test_a_statement_tells_a_worker_every_movement_with_its_reason(database: Database) -> None:
    second = msgspec.structs.replace(PAYOUT, payout_id="p2", amount_minor=100, because="receipts of Tuesday")
    await put(database, FUNDING, RESERVE, PAYOUT, second)
    async with database.connection() as connection:
        lines = await statement(connection, "recording", account("worker", WORKER), currency=USD, job_id="j1")
    assert [(line.amount_minor, line.balance_minor, line.because) for line in lines] == [
        (300, 300, "a test"),
        (100, 400, "receipts of Tuesday"),
    ]


async def test_amounts_of_eighteen_decimals_fit(database: Database) -> None:
    large = msgspec.structs.replace(FUNDING, amount_minor=10**30, fees_minor=1)
    await put(database, large)
    assert (await held(database, account("escrow", ESCROW))).posted_minor == 10**30 - 1


@pytest.mark.parametrize(
    "wrong",
    [
        msgspec.structs.replace(RESERVE, amount_minor=0),
        msgspec.structs.replace(RESERVE, amount_minor=-5),
        msgspec.structs.replace(RESERVE, escrow="0xAB"),
        msgspec.structs.replace(FUNDING, fees_minor=1_001),
        Slash(**WHERE, operator=REQUESTER, case_id="c", shares_minor={}),
        Slash(**WHERE, operator=REQUESTER, case_id="c", shares_minor={WORKER: -1, OTHER_WORKER: 5}),
    ],
)
def test_a_posting_that_cannot_be_right_is_refused_before_the_tables_see_it(wrong: Posting) -> None:
    with pytest.raises(BadPosting):
        wrong.entries()


def test_entries_that_do_not_sum_to_zero_are_refused() -> None:
    for entries in [(Entry("a:b", 1), Entry("c:d", -2)), (Entry("a:b", 0), Entry("c:d", 0)), (Entry("a:b", 1),)]:
        with pytest.raises(BadPosting):
            check_balanced("test", entries)


@pytest.mark.parametrize("posting", ONE_OF_EACH, ids=lambda posting: posting.kind)
def test_ids_follow_from_meaning_alone(posting: Posting) -> None:
    same = msgspec.structs.replace(posting, because="other words")
    assert same.posting_id == posting.posting_id
    assert msgspec.structs.replace(posting, job_id="j2").posting_id != posting.posting_id
    assert len({each.posting_id for each in ONE_OF_EACH}) == len(ONE_OF_EACH)


# --- whoever writes past the code is refused by the tables ------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement_text", "word"),
    [
        ("update ledger.entries set amount_minor = amount_minor * 2", "only added to"),
        ("delete from ledger.entries", "only added to"),
        ("delete from ledger.postings", "only added to"),
        ("truncate ledger.entries", "only added to"),
        ("update ledger.postings set state = 'voided', void_because = 'x'", "stays as it is"),
        ("update ledger.postings set because = 'x'", "stays as it is"),
        ("update ledger.accounts set posted_minor = -1 where account like 'escrow:%'", "account_is_not_overdrawn"),
        (
            "insert into ledger.entries values ('j1', 'recording', (select posting_id from ledger.postings), 9,"
            " 'worker:thief', 5)",
            "may not move",
        ),
        (
            "insert into ledger.entries values ('j1', 'recording', (select posting_id from ledger.postings), 9,"
            " 'escrow:thief', 5)",
            "sum to 5",
        ),
        (
            "insert into ledger.postings values ('j1', 'recording', 'x', 'payout', 'usd', 'posted', 'why',"
            " repeat('0', 64), null, '', 1, 1)",
            "sum to 0",
        ),
    ],
)
async def test_the_tables_refuse_what_the_code_would_never_write(
    database: Database, statement_text: str, word: str
) -> None:
    await put(database, FUNDING)
    with pytest.raises(psycopg.Error, match=word):
        async with database.transaction() as tx:
            await tx.execute(statement_text)
    async with database.connection() as connection:
        assert await recount(connection) == []
        assert await scalar(connection, "select count(*) from ledger.entries") == 3


async def test_a_kind_of_money_cannot_touch_accounts_that_are_not_its_own(database: Database) -> None:
    class Theft(Reserve, frozen=True, kw_only=True):
        """Says it is a reserve, and pays itself."""

        def entries(self) -> tuple[Entry, ...]:
            return (Entry(account("escrow", self.escrow), -5), Entry(account("worker", WORKER), 5))

    await put(database, FUNDING)
    with pytest.raises(NotAllowed, match="may not move"):
        await put(database, Theft(**WHERE, escrow=ESCROW, reference="r", amount_minor=5))


# --- the chain --------------------------------------------------------------------------------------------------------


async def test_a_book_that_agrees_with_the_chain_has_no_differences_and_one_that_does_not_names_them(
    database: Database,
) -> None:
    await put(database, FUNDING, RESERVE)
    reserved = (account("reserved", ESCROW), USD)
    async with database.connection() as connection:
        assert await reconcile(connection, "recording", {reserved: 400}) == []
        [difference] = await reconcile(connection, "recording", {reserved: 500})
    assert difference == Difference(reserved[0], USD, book_minor=400, chain_minor=500)
    assert changed(difference, chain_minor=400).book_minor == 400
    assert differences({}, {}) == []
