"""A desk and what it must give up: a refused transaction leaves no promise behind, bad input is never signed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from manyhands.chain.contracts import encode_call
from manyhands.chain.facts import ContractAddresses, shipped_facts
from manyhands.chain.keys import RoleKey
from manyhands.protocol.ids import SeededIds
from manyhands.store.database import Database, Tx
from manyhands.store.migrations import Room

from .bookkeeping import Share
from .books import Balance, balance, pending_postings, post
from .desk import Chains, Desk
from .errors import Overdrawn
from .funding import Funding
from .outbox import OUTBOX, State, find, submit
from .posting import account, currency_of

KEY, STRANGER = RoleKey.create(SeededIds("recording")), RoleKey.create(SeededIds("stranger"))
AT = ContractAddresses(
    **{name: f"0x{n:040x}" for n, name in enumerate(("token", "staking", "factory", "kvstore", "jury"), 1)}
)
FACTS = shipped_facts()[1338].with_contracts(AT)
ESCROW, LAUNCHER = "0x" + "e5" * 20, "0x" + "1a" * 20
USD = currency_of(1338, AT.token)
ROOT = b"\1" * 32


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [Room("ledger", "manyhands.ledger"), OUTBOX]


@pytest.fixture
def desk() -> Desk:
    return Desk("recording", KEY, Chains({1338: FACTS}), launcher=LAUNCHER, clock=lambda: 5)


async def funded(tx: Tx, minor: int = 1_000) -> None:
    funding = Funding(
        job_id="j1", currency=USD, escrow=ESCROW, requester=LAUNCHER, reference="setup", amount_minor=minor, because="x"
    )
    await post(tx, "recording", funding, now_ms=1)


async def reserve(desk: Desk, tx: Tx, batch_no: int, amount_minor: int = 600) -> None:
    await desk.anchor_and_reserve(
        tx, job_id="j1", chain_id=1338, escrow=ESCROW, currency="MHT", batch_no=batch_no, root=ROOT, count=3,
        evidence_hash=b"\2" * 32, amount_minor=amount_minor,
    )  # fmt: skip


async def settle(desk: Desk, tx: Tx, purpose: str, state: State, reason: str = "") -> None:
    entry = await find(tx, chain_id=1338, purpose=purpose)
    assert entry is not None
    object.__setattr__(entry, "state", state)
    object.__setattr__(entry, "reason", reason)
    await desk.give_up(tx, entry)


async def held(tx: Tx) -> Balance:
    return await balance(tx, "recording", account("escrow", ESCROW), currency=USD)


@pytest.mark.parametrize("state", [State.REVERTED, State.DISPLACED])
async def test_a_reservation_whose_transaction_was_refused_is_free_again(
    database: Database, desk: Desk, state: State
) -> None:
    async with database.transaction() as tx:
        await funded(tx)
        await reserve(desk, tx, 1)
        assert (await held(tx)).available_minor == 400
        await settle(desk, tx, "anchor:j1:1", state, "Daily cap")
        assert (await held(tx)).available_minor == 1_000
        assert await pending_postings(tx, "recording") == []
        await settle(desk, tx, "anchor:j1:1", state, "Daily cap")  # told twice
        await reserve(desk, tx, 2)  # the same batch, decided again
        assert (await held(tx)).available_minor == 400


async def test_what_is_done_already_or_done_well_or_not_ours_is_not_given_up(database: Database, desk: Desk) -> None:
    async with database.transaction() as tx:
        await funded(tx)
        await reserve(desk, tx, 1)
        await settle(desk, tx, "anchor:j1:1", State.REVERTED, "Already anchored")
        await settle(desk, tx, "anchor:j1:1", State.FINAL)
        data = encode_call("Escrow", "anchorAndReserve", ROOT, 3, b"\2" * 32, 600)
        await submit(tx, chain=FACTS, key=STRANGER, purpose="x", to=ESCROW, data=data, gas_limit=1, job_id="j1")
        await settle(desk, tx, "x", State.REVERTED, "Unauthorised")
        assert (await held(tx)).available_minor == 400


async def test_a_top_up_reason_is_given_up_like_a_batch(database: Database, desk: Desk) -> None:
    async with database.transaction() as tx:
        await funded(tx)
        await desk.reserve_extra(
            tx, job_id="j1", chain_id=1338, escrow=ESCROW, currency="MHT", amount_minor=70, reason=ROOT
        )
        await settle(desk, tx, f"reserve:j1:{ROOT.hex()}", State.REVERTED, "Frozen")
        assert (await held(tx)).available_minor == 1_000


async def test_bonus_and_top_up_are_intended_and_given_up_by_worker(database: Database, desk: Desk) -> None:
    shares = [Share("bonus", LAUNCHER, 30), Share("top_up", LAUNCHER, 20)]
    async with database.transaction() as tx:
        await funded(tx)
        await desk.reserve_extra(
            tx, job_id="j1", chain_id=1338, escrow=ESCROW, currency="MHT", amount_minor=70, reason=ROOT, shares=shares
        )
        assert [one.kind for one in await pending_postings(tx, "recording")] == ["bonus", "top_up", "reserve"]
        assert (await held(tx)).available_minor == 930
        await settle(desk, tx, f"reserve:j1:{ROOT.hex()}", State.REVERTED, "Frozen")
        assert (await held(tx)).available_minor == 1_000
        assert await pending_postings(tx, "recording") == []


async def test_more_than_is_funded_is_refused_before_anything_is_signed(database: Database, desk: Desk) -> None:
    async with database.transaction() as tx:
        await funded(tx, 100)
        with pytest.raises(Overdrawn):
            await reserve(desk, tx, 1)
        assert await find(tx, chain_id=1338, purpose="anchor:j1:1") is None
        more = Funding(
            job_id="j1", currency=USD, escrow=ESCROW, requester=LAUNCHER, reference="0x1:0", amount_minor=500,
            because="x",
        )  # fmt: skip
        await post(tx, "recording", more, now_ms=2)
        await reserve(desk, tx, 1)
        assert await find(tx, chain_id=1338, purpose="anchor:j1:1") is not None
