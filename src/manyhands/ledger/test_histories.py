"""Any history of right and wrong postings: the books sum to 0, reserves never fall below 0, earned money never falls.

A small model in plain Python says what must be refused; the real books must agree with it, step by step.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyhands.store.database import Database, Tx
from manyhands.store.migrations import Room

from .bonus import Bonus
from .books import balances, post, recount, void
from .credit import Claim, Credit
from .errors import LedgerError
from .fee import Fee, FeeReturned
from .funding import Funding
from .payout import Payout
from .posting import Posting, account, currency_of
from .refund import Refund
from .reserve import Release, Reserve
from .slash import Slash, StakePlaced, StakeReturned
from .top_up import TopUp


@pytest.fixture(scope="session")
def rooms() -> list[Room]:
    return [Room("ledger", "manyhands.ledger")]


def party(number: int) -> str:
    return f"0x{number:040x}"


USD = currency_of(80_001, party(99))
REQUESTER, ORACLE = party(10), party(11)
_books = itertools.count(1)

amounts = st.integers(min_value=1, max_value=60)
names = st.integers(min_value=0, max_value=6).map(str)
escrows = st.sampled_from([party(1), party(2)])
workers = st.sampled_from([party(3), party(4)])


@st.composite
def postings(draw: st.DrawFn) -> Posting:
    """One posting of any kind, with few ids so that repetitions and conflicts are frequent."""
    where: dict[str, Any] = {"job_id": "j1", "currency": USD, "because": "a history"}
    escrow, worker, name, minor = draw(escrows), draw(workers), draw(names), draw(amounts)
    return draw(
        st.sampled_from(
            [
                Funding(
                    **where,
                    escrow=escrow,
                    requester=REQUESTER,
                    reference=name,
                    amount_minor=4 * minor,
                    fees_minor=minor,
                ),
                Reserve(**where, escrow=escrow, reference=name, amount_minor=minor),
                Bonus(**where, escrow=escrow, worker=worker, amount_minor=minor, reference=name),
                TopUp(**where, escrow=escrow, worker=worker, amount_minor=minor, reference=name),
                Payout(**where, escrow=escrow, worker=worker, payout_id=name, amount_minor=minor),
                Credit(**where, escrow=escrow, worker=worker, payout_id=name, amount_minor=minor),
                Claim(**where, escrow=escrow, worker=worker, reference=name, amount_minor=minor),
                Refund(**where, escrow=escrow, requester=REQUESTER, reference=name, amount_minor=minor),
                Release(**where, escrow=escrow, case_id=name, amount_minor=minor),
                Fee(**where, escrow=escrow, operator=ORACLE, role=name, amount_minor=minor),
                FeeReturned(**where, escrow=escrow, reference=name, amount_minor=minor),
                StakePlaced(**where, operator=REQUESTER, reference=name, amount_minor=minor),
                StakeReturned(**where, operator=REQUESTER, reference=name, amount_minor=minor),
                Slash(**where, operator=REQUESTER, case_id=name, shares_minor={worker: minor}),
            ]
        )
    )


@dataclass
class Model:
    """What the books should say."""

    posted: dict[str, int] = field(default_factory=dict)
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    pending: dict[str, Posting] = field(default_factory=dict)

    def held(self, name: str) -> int:
        return sum(
            -entry.amount_minor
            for posting in self.pending.values()
            for entry in posting.entries()
            if entry.account == name and entry.amount_minor < 0
        )

    def covers(self, posting: Posting, *, intended: bool) -> bool:
        for entry in posting.entries():
            if entry.amount_minor < 0 and not entry.account.startswith("requester:"):
                there = self.posted.get(entry.account, 0) - (self.held(entry.account) if intended else 0)
                if there + entry.amount_minor < 0:
                    return False
        return True

    def step(self, action: str, posting: Posting) -> str:
        """Returns "changed", "same" or "refused"."""
        state, content = self.states.get(posting.posting_id, ("", ""))
        if action == "void":
            if state == "voided":
                return "same"
            if state != "pending":
                return "refused"
            self.states[posting.posting_id] = ("voided", content)
            del self.pending[posting.posting_id]
            return "changed"
        if (state and content != posting.content_hash) or state == "voided":
            return "refused"
        if state == "posted" or (state == "pending" and action == "intend"):
            return "same"
        if not self.covers(posting, intended=action == "intend"):
            return "refused"
        self.pending.pop(posting.posting_id, None)
        if action == "intend":
            self.pending[posting.posting_id] = posting
            self.states[posting.posting_id] = ("pending", posting.content_hash)
            return "changed"
        for entry in posting.entries():
            self.posted[entry.account] = self.posted.get(entry.account, 0) + entry.amount_minor
        self.states[posting.posting_id] = ("posted", posting.content_hash)
        return "changed"


def earned(posted: dict[str, int], escrow: str) -> int:
    """What workers of all escrows were promised or got, and what is reserved in this one."""
    mine = ("reserved:" + escrow, f"credit:{escrow}:")
    return sum(minor for name, minor in posted.items() if name.startswith((*mine, "worker:")))


async def step(tx: Tx, book: str, action: str, posting: Posting) -> str:
    try:
        async with tx.transaction():
            if action == "void":
                changed = await void(tx, book, posting, because="given up", now_ms=1)
            else:
                changed = await post(tx, book, posting, now_ms=1, pending=action == "intend")
    except LedgerError:
        return "refused"
    return "changed" if changed else "same"


async def live(dsn: str, histories: list[list[tuple[str, Posting]]]) -> None:
    db = await Database.open(dsn, max_size=1)
    try:
        for history in histories:
            book, model = f"book-{next(_books)}", Model()
            async with db.transaction() as tx:
                for action, posting in history:
                    before = dict(model.posted)
                    assert await step(tx, book, action, posting) == model.step(action, posting)
                    if posting.kind != "release":
                        for escrow in (party(1), party(2)):
                            assert earned(model.posted, escrow) >= earned(before, escrow)
                found = {name: minor for (name, _), minor in (await balances(tx, book)).items() if minor}
                assert found == {name: minor for name, minor in model.posted.items() if minor}
                assert sum(found.values()) == 0
                assert all(minor >= 0 for name, minor in found.items() if not name.startswith("requester:"))
                assert await recount(tx) == []
    finally:
        await db.close()


histories = st.lists(st.tuples(st.sampled_from(["post", "post", "post", "intend", "void"]), postings()), max_size=40)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(lives=st.lists(histories, max_size=4))
def test_any_history_keeps_the_books(postgres_dsn: str, lives: list[list[tuple[str, Posting]]]) -> None:
    asyncio.run(live(postgres_dsn, lives))


@pytest.mark.nightly
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(lives=st.lists(histories, min_size=2, max_size=4))
def test_very_many_histories_keep_the_books(postgres_dsn: str, lives: list[list[tuple[str, Posting]]]) -> None:
    asyncio.run(live(postgres_dsn, lives))


def test_accounts_are_named_by_kind_and_party() -> None:
    assert account("credit", party(1), party(2)) == f"credit:{party(1)}:{party(2)}"
