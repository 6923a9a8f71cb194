"""A statement by kind of money: every kind by its name, sums that are the books' own, no move told twice."""

from __future__ import annotations

import csv
import io

import pytest

from manyhands.store.database import Database
from manyhands.store.migrations import Room

from .bonus import Bonus
from .books import balances, post
from .credit import Claim, Credit
from .errors import BadPosting
from .fee import Fee, FeeReturned
from .funding import Funding
from .payout import Payout
from .posting import Posting, account, currency_of
from .refund import Refund
from .reserve import Release, Reserve
from .slash import Slash, StakePlaced, StakeReturned
from .statement import statement_by_kind, statement_csv
from .top_up import TopUp


@pytest.fixture(scope="session")
def rooms() -> list[Room]:
    return [Room("ledger", "manyhands.ledger")]


def party(number: int) -> str:
    return f"0x{number:040x}"


ESCROW, LAUNCHER, WORKER, OTHER, ORACLE, STAKING, JURY = (party(number) for number in range(1, 8))
USD, EUR = currency_of(1338, party(98)), currency_of(1338, party(99))
JOB = {"job_id": "j1", "currency": USD, "escrow": ESCROW, "because": "a test"}
STAKE = {"job_id": "", "currency": USD, "operator": LAUNCHER, "because": "a test"}

OF_THE_JOB: list[Posting] = [
    Funding(**JOB, requester=LAUNCHER, reference="setup", amount_minor=1_000, fees_minor=100),
    Funding(**JOB, requester=LAUNCHER, reference="0x1:0", amount_minor=50, fees_minor=0),
    Reserve(**JOB, reference="root", amount_minor=400),
    Bonus(**JOB, worker=WORKER, reference="extra", amount_minor=30),
    TopUp(**JOB, worker=WORKER, reference="extra", amount_minor=20),
    Release(**JOB, case_id="case", amount_minor=10),
    Payout(**JOB, worker=WORKER, payout_id="p", amount_minor=300),
    Credit(**JOB, worker=OTHER, payout_id="p", amount_minor=140),
    Claim(**JOB, worker=OTHER, paid_to=OTHER, reference="0x2", amount_minor=140),
    Fee(**JOB, operator=ORACLE, role="recording", amount_minor=60),
    FeeReturned(**JOB, reference="0x3", amount_minor=40),
    Refund(**JOB, requester=LAUNCHER, reference="0x3", amount_minor=550),
]
OF_THE_STAKE: list[Posting] = [
    StakePlaced(**STAKE, reference="0x4:0", amount_minor=500),
    Slash(
        **STAKE, case_id="case", shares_minor={WORKER: 30, OTHER: 24}, fee_minor=6, fee_to=STAKING,
        waiting=(OTHER,), held_by=JURY,
    ),
    StakeReturned(**STAKE, reference="0x5:0", amount_minor=100),
]  # fmt: skip


async def written(database: Database) -> None:
    """A job's whole life in two books, an hour between any two moves, and a launcher's stake in its own."""
    async with database.transaction() as tx:
        for book in ("recording", "reputation"):
            for hour, posting in enumerate(OF_THE_JOB):
                await post(tx, book, posting, now_ms=hour)
        for hour, posting in enumerate(OF_THE_STAKE):
            await post(tx, "launcher", posting, now_ms=100 + hour)


async def test_a_statement_names_every_kind_and_closes_where_the_books_stand(database: Database) -> None:
    await written(database)
    kinds: set[str] = set()
    async with database.connection() as tx:
        books = {book: await balances(tx, book) for book in ("reputation", "launcher")}
        kept = {(book, *key): minor for book, its in books.items() for key, minor in its.items()}
        for who in (ESCROW, LAUNCHER, WORKER, OTHER, ORACLE, STAKING, JURY):
            found = await statement_by_kind(tx, who)
            kinds |= {one.kind for one in found.moved}
            for one in found.accounts:
                assert one.differs_minor == 0
                assert one.closing_minor == kept.pop((one.book, one.account, one.currency), one.closing_minor)
    assert kept == {}  # no account of the books is in nobody's statement
    assert kinds == {posting.kind for posting in (*OF_THE_JOB, *OF_THE_STAKE)}


async def test_a_worker_sees_pay_and_the_share_of_a_slash_once_each(database: Database) -> None:
    await written(database)
    async with database.connection() as tx:
        found = await statement_by_kind(tx, WORKER.upper().replace("0X", "0x"))
        by_recording = await statement_by_kind(tx, WORKER, book="recording")
    assert [(one.book, one.kind, one.in_minor, one.out_minor) for one in found.moved] == [
        ("launcher", "slash", 30, 0),
        ("reputation", "payout", 300, 0),
    ]
    assert [(one.book, one.kind) for one in by_recording.moved] == [("recording", "payout")]


async def test_a_span_of_time_opens_with_what_was_before_and_leaves_out_what_came_later(database: Database) -> None:
    await written(database)
    async with database.connection() as tx:
        whole = await statement_by_kind(tx, ESCROW)
        for since, until in ((0, 3), (2, 7), (5, 100), (7, 7), (200, 300)):
            part = await statement_by_kind(tx, ESCROW, since_ms=since, until_ms=until)
            assert all(one.differs_minor == 0 for one in part.accounts)
            assert {one.account for one in part.accounts} == {one.account for one in whole.accounts}
        first = await statement_by_kind(tx, ESCROW, until_ms=3)
        rest = await statement_by_kind(tx, ESCROW, since_ms=3)
    assert [one.closing_minor for one in first.accounts] == [one.opening_minor for one in rest.accounts]
    assert {one.kind for one in first.moved} == {"funding", "reserve"}
    (reserved,) = [one for one in first.accounts if one.account == account("reserved", ESCROW)]
    assert (reserved.opening_minor, reserved.closing_minor) == (0, 400)


async def test_a_book_that_is_kept_wrongly_shows_in_its_statement(database: Database) -> None:
    await written(database)
    async with database.transaction() as tx:
        await tx.execute(
            "update ledger.accounts set posted_minor = posted_minor + 5 where book = 'reputation' and account = %s",
            [account("worker", WORKER)],
        )
        found = await statement_by_kind(tx, WORKER)
    assert {one.account: one.differs_minor for one in found.accounts if one.differs_minor} == {
        account("worker", WORKER): 5
    }


async def test_tokens_are_not_mixed_and_intentions_are_not_told(database: Database) -> None:
    await written(database)
    async with database.transaction() as tx:
        other = Funding(**{**JOB, "currency": EUR}, requester=LAUNCHER, reference="setup", amount_minor=7, fees_minor=0)
        await post(tx, "reputation", other, now_ms=9)
        promised = Reserve(**{**JOB, "currency": EUR}, reference="r", amount_minor=7)
        await post(tx, "reputation", promised, now_ms=9, pending=True)
        found = await statement_by_kind(tx, ESCROW)
    in_euro = [one for one in found.moved if one.currency == EUR]
    assert [(one.kind, one.in_minor) for one in in_euro] == [("funding", 7)]


async def test_the_spreadsheet_runs_from_opening_to_closing(database: Database) -> None:
    await written(database)
    async with database.connection() as tx:
        raw = statement_csv(await statement_by_kind(tx, LAUNCHER, since_ms=5))
    lines = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert [line["kind"] for line in lines] == [
        "opening", "stake", "stake_returned", "closing",
        "opening", "slash", "stake", "stake_returned", "closing",
        "opening", "refund", "closing",
    ]  # fmt: skip
    assert [line["balance_minor"] for line in lines[-3:]] == ["-1050", "-500", "-500"]


async def test_a_party_that_is_no_address_is_refused_and_a_stranger_has_nothing(database: Database) -> None:
    async with database.connection() as tx:
        with pytest.raises(BadPosting):
            await statement_by_kind(tx, "someone")
        found = await statement_by_kind(tx, party(77))
    assert (found.moved, found.accounts) == ([], [])
