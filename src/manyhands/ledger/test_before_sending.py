"""What is refused, or split, before anything is signed: each with its reason, and with nothing left in the outbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from manyhands.chain.client import ChainClient
from manyhands.chain.contracts import HUMAN_LOCAL_TERMS, decode_call
from manyhands.chain.errors import WrongChain
from manyhands.chain.facts import ChainFacts, ContractAddresses, shipped_facts
from manyhands.chain.keys import RoleKey, dev_key
from manyhands.chain.standalone import deploy_directly
from manyhands.protocol.ids import SeededIds
from manyhands.store.database import Database, Tx, scalar
from manyhands.store.migrations import Room

from .before_sending import (
    AmountNotPositive,
    FundsMissing,
    Holdings,
    NotThisKeysPart,
    OtherMoney,
    holdings_on_chain,
    unfit_because,
)
from .desk import Chains, Desk
from .errors import Overdrawn
from .outbox import OUTBOX, entries_of_job

KEY = RoleKey.create(SeededIds("the role"))
AT = ContractAddresses(
    **{name: f"0x{n:040x}" for n, name in enumerate(("token", "staking", "factory", "kvstore", "jury"), 1)}
)
FACTS = shipped_facts()[1338].with_contracts(AT)
ESCROW, STRANGER = "0x" + "e5" * 20, "0x" + "77" * 20
RICH = Holdings(tokens_base=1_000, gas_wei=10**20)


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [Room("ledger", "manyhands.ledger"), OUTBOX]


def desk(role: Any = "reputation", *, held: Holdings | None = None) -> Desk:
    async def holdings(facts: ChainFacts, wallet: str, token: str) -> Holdings:
        assert (facts.chain_id, wallet, token) == (1338, KEY.address, AT.token) and held is not None
        return held

    return Desk(role, KEY, Chains({1338: FACTS}), launcher=KEY.address, clock=lambda: 5, holdings=held and holdings)


async def set_up(tx: Tx, *, launcher: str = KEY.address, **named: str) -> None:
    """The chain told who set the escrow up, and with which keys."""
    keys = {name: named.get(name, KEY.address) for name in ("reputationOracle", "recordingOracle", "exchangeOracle")}
    await tx.execute(
        "insert into outbox.events (chain_id, tx_hash, index_in_tx, block_number, block_hash, index_in_block, "
        "contract, contract_kind, name, args, seen_at_ms, sender) "
        "values (1338, '0x1', 0, 1, '0x', 0, %s, 'Escrow', 'PendingV3', %s, 0, %s)",
        [ESCROW, json.dumps(keys), launcher],
    )


async def launch(tx: Tx, desk: Desk, job_id: str, amount_minor: int, currency: str = "MHT") -> str:
    return await desk.launch_escrow(
        tx, job_id=job_id, chain_id=1338, currency=currency, amount_minor=amount_minor, reputation=STRANGER,
        recording=STRANGER, exchange=STRANGER, fees_bp=(0, 0, 0), manifest_hash="h", manifest_url="u",
    )  # fmt: skip


async def pay(tx: Tx, desk: Desk, amounts: Sequence[int], *, part_no: int = 0) -> str:
    workers = [(f"0x{number:040x}", base) for number, base in enumerate(amounts, 1)]
    return await desk.pay(
        tx, job_id="j1", chain_id=1338, escrow=ESCROW, part_no=part_no, amounts_base=workers, url="u", hash_="h"
    )


async def anchor(tx: Tx, desk: Desk, amount_minor: int) -> str:
    return await desk.anchor_and_reserve(
        tx, job_id="j1", chain_id=1338, escrow=ESCROW, currency="MHT", batch_no=1, root=b"\1" * 32, count=1,
        evidence_hash=b"\2" * 32, amount_minor=amount_minor,
    )  # fmt: skip


async def nothing_is_signed(tx: Tx) -> bool:
    return int(await scalar(tx, "select count(*) from outbox.transactions")) == 0


async def test_the_same_payout_again_is_the_same_and_the_next_one_has_an_id_of_its_own(database: Database) -> None:
    amounts = list(range(1, 101))
    async with database.transaction() as tx:
        signed = await pay(tx, desk(), amounts)
        assert await pay(tx, desk(), amounts) == signed
        await pay(tx, desk(), amounts, part_no=1)
        found = [decode_call("Escrow", "bulkPayOut", entry.data) for entry in await entries_of_job(tx, "j1")]
    assert [list(one[1]) for one in found if one] == [amounts, amounts]
    assert len({one[4] for one in found if one}) == 2


@pytest.mark.parametrize("amount", [0, -5])
async def test_an_amount_of_nothing_is_refused_with_whose_it_is(database: Database, amount: int) -> None:
    async with database.transaction() as tx:
        with pytest.raises(AmountNotPositive) as caught:
            await pay(tx, desk(), [5] * 150 + [amount])  # in the second portion: the first is not signed either
        assert caught.value.whose == f"0x{151:040x}"
        with pytest.raises(AmountNotPositive):
            await launch(tx, desk("launcher"), "j1", amount)
        with pytest.raises(AmountNotPositive):
            await desk("recording").reserve_extra(
                tx, job_id="j1", chain_id=1338, escrow=ESCROW, currency="MHT", amount_minor=amount, reason=b"\1" * 32
            )
        assert await nothing_is_signed(tx)


async def test_a_batch_that_earned_nothing_is_anchored_and_one_that_earned_less_is_refused(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(AmountNotPositive):
            await anchor(tx, desk("recording"), -1)
        assert await nothing_is_signed(tx)
        assert await anchor(tx, desk("recording"), 0)


async def test_a_key_that_the_escrow_does_not_name_is_told_whose_part_it_is(database: Database) -> None:
    async with database.transaction() as tx:
        await set_up(tx, launcher=STRANGER, reputationOracle=STRANGER, recordingOracle=STRANGER)
        where = {"job_id": "j1", "chain_id": 1338, "escrow": ESCROW}
        for part, act in (
            ("reputation oracle", pay(tx, desk(), [5])),
            ("reputation oracle", desk().complete(tx, **where)),
            ("recording oracle", anchor(tx, desk("recording"), 0)),
            ("recording oracle", desk("recording").reserve_extra(
                tx, **where, currency="MHT", amount_minor=5, reason=b"\1" * 32
            )),
            ("launcher", desk("launcher").ask_cancellation(tx, **where)),
        ):  # fmt: skip
            with pytest.raises(NotThisKeysPart) as caught:
                await act
            assert (caught.value.part, caught.value.named, caught.value.own) == (part, STRANGER, KEY.address)
        assert await nothing_is_signed(tx)


async def test_the_key_that_the_escrow_names_may_and_so_may_it_where_the_chain_has_not_spoken_yet(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        assert await pay(tx, desk(), [5])
        await set_up(tx)
        assert await desk().complete(tx, job_id="j1", chain_id=1338, escrow=ESCROW)


async def test_a_quote_in_another_money_than_the_chain_pays_in_is_refused(database: Database) -> None:
    """A unit of one token is not a unit of another: 5 MHT would be 0.000000000005 of a token of 18 decimals."""
    async with database.transaction() as tx:
        with pytest.raises(OtherMoney) as caught:
            await launch(tx, desk("launcher", held=RICH), "j1", 5, currency="EUR")
        assert (caught.value.asked, caught.value.paid) == ("EUR", "MHT")
        assert await nothing_is_signed(tx)


async def test_a_launch_beyond_what_the_wallet_holds_is_refused_with_what_is_missing(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(FundsMissing) as caught:
            await launch(tx, desk("launcher", held=RICH), "j1", 1_001)
        assert (caught.value.needed, caught.value.held) == (1_001, 1_000)
        with pytest.raises(FundsMissing) as caught:
            await launch(tx, desk("launcher", held=Holdings(1_000, gas_wei=10**9)), "j1", 1_000)
        assert caught.value.what == "wei for gas"
        assert await nothing_is_signed(tx)


async def test_what_earlier_launches_promised_is_not_promised_twice(database: Database) -> None:
    async with database.transaction() as tx:
        first = await launch(tx, desk("launcher", held=RICH), "j1", 700)
        with pytest.raises(FundsMissing) as caught:
            await launch(tx, desk("launcher", held=RICH), "j2", 301)
        assert caught.value.held == 300
        assert await launch(tx, desk("launcher", held=RICH), "j2", 300)
        assert await launch(tx, desk("launcher", held=RICH), "j1", 700) == first  # the same launch again
        with pytest.raises(FundsMissing):
            await launch(tx, desk("launcher", held=RICH), "j3", 1)


async def test_more_than_the_escrow_holds_is_refused_by_the_book(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Overdrawn):
            await anchor(tx, desk("recording"), 1)
        assert await nothing_is_signed(tx)


async def test_a_chain_is_used_only_when_code_and_decimals_are_as_its_facts_say(local_client: ChainClient) -> None:
    """A real node: nothing deployed, then all of it, then facts that are wrong in one thing each."""
    before = ChainClient(local_client.facts.with_contracts(AT))
    async with before:
        assert "no code at the factory's address" in await unfit_because(before)
    at = await deploy_directly(local_client, dev_key(0), terms=HUMAN_LOCAL_TERMS)
    fit = local_client.facts.with_contracts(at)
    async with ChainClient(fit) as client:
        assert await unfit_because(client) == ""
        held = await holdings_on_chain(fit, dev_key(0).address, at.token)
        assert held.tokens_base > 0 and held.gas_wei > 0
    wrong = {
        "no code at the token's address": with_token(fit, STRANGER),
        "is no token": with_token(fit, at.factory),
        "counts in 6 decimals, the facts say 18": with_decimals(fit, 18),
    }
    for because, facts in wrong.items():
        async with ChainClient(facts) as client:
            assert because in await unfit_because(client)
    async with ChainClient(_changed(fit, chain_id=5)) as client:
        with pytest.raises(WrongChain):
            await client.connect()


def _changed(facts: ChainFacts, **changes: Any) -> ChainFacts:
    import msgspec

    return msgspec.structs.replace(facts, **changes)


def with_token(facts: ChainFacts, token: str) -> ChainFacts:
    assert facts.contracts is not None
    (first, *rest) = facts.tokens
    return _changed(
        facts, contracts=_changed(facts.contracts, token=token), tokens=(_changed(first, address=token), *rest)
    )


def with_decimals(facts: ChainFacts, decimals: int) -> ChainFacts:
    (first, *rest) = facts.tokens
    return _changed(facts, tokens=(_changed(first, decimals=decimals), *rest))
