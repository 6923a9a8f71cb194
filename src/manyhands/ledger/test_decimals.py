"""A job's whole life in tokens of 0, 6 and 18 decimals: desks, outbox, a real chain, its events, books, statement.

Desks are told minor units of the currency, six decimals at most; the chain and the books hold the token's base units.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from manyhands.chain.client import ChainClient
from manyhands.chain.contracts import DeploymentTerms, encode_call, fees_for_pay_minor, planned_addresses
from manyhands.chain.facts import ChainFacts
from manyhands.chain.indexer import Event
from manyhands.chain.keys import RoleKey, dev_key
from manyhands.chain.node import LocalNode
from manyhands.chain.standalone import addresses_of
from manyhands.chain.testing import until
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.messages import Role
from manyhands.store.database import Database, Tx, scalar
from manyhands.store.migrations import Room

from .as_told import EscrowNotAsTold, EscrowTold
from .before_sending import holdings_on_chain, payout_chunks, unfit_because
from .books import reconcile, recount
from .deploy import ensure_deployed
from .desk import Chains, Desk, DeskEvent
from .events import follow_chain
from .outbox import OUTBOX
from .outbox.sender import Sender
from .posting import account, currency_of
from .statement import statement_by_kind

DEPLOYER = dev_key(0)
AT = addresses_of(planned_addresses(DEPLOYER.address))
ROLES: tuple[Role, ...] = ("launcher", "recording", "reputation", "exchange")
KEYS = {role: RoleKey.create(SeededIds(f"{role} of decimals")) for role in ROLES}
WORKERS = [f"0x{number:040x}" for number in range(10**6, 10**6 + 150)]
FEES_BP = (300, 200, 100)


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [Room("ledger", "manyhands.ledger"), OUTBOX]


async def balance_of(client: ChainClient, who: str) -> int:
    return int.from_bytes(await client.call(AT.token, encode_call("TestToken", "balanceOf", who)), "big")


def facts_with(node: LocalNode, decimals: int) -> ChainFacts:
    (token,) = node.facts.tokens
    own = msgspec.structs.replace(token, symbol=f"TEST{decimals}", decimals=decimals)
    facts = msgspec.structs.replace(node.facts.at([node.rpc_url]), tokens=(own,))
    return facts.with_contracts(AT)


@pytest.mark.parametrize("decimals", [0, 6, 18])
async def test_a_job_is_launched_paid_and_booked_to_the_last_unit(
    database: Database, local_node: LocalNode, decimals: int
) -> None:
    facts = facts_with(local_node, decimals)
    token, code = facts.token, f"TEST{decimals}"
    unit, one = token.unit, 10**token.currency.exponent
    assert unit == {0: 1, 6: 1, 18: 10**12}[decimals]
    pay = [7 * one + number for number in range(len(WORKERS))]  # two transactions of payouts, the last unit differs
    fund_minor, currency = 12_345 * one + 678, currency_of(1338, AT.token)
    fund_base, pay_base = fund_minor * unit, [minor * unit for minor in pay]
    job, url, hash_ = "job-1", "u", "h"
    chains = Chains({1338: facts})
    desks = {
        role: Desk(role, key, chains, launcher=KEYS["launcher"].address, holdings=holdings_on_chain)
        for role, key in KEYS.items()
    }
    seen: list[Event] = []
    escrow = ""

    async def dispatch(tx: Tx, event: Event) -> None:
        seen.append(event)
        found = DeskEvent.of(event)
        if escrow and found.whose == escrow:
            for role in ("recording", "reputation"):
                await desks[role].keep_books(tx, found, job_id=job)

    async def told(name: str, count: int = 1) -> None:
        async def stored() -> bool:
            async with database.connection() as tx:
                return int(await scalar(tx, "select count(*) from outbox.events where name = %s", [name])) >= count

        await until(stored, patience_s=60)

    stop = asyncio.Event()
    async with ChainClient(facts, timeout_s=5.0) as client:
        sender = Sender(database, {1338: client}, resend_after_ms=500)
        tasks = [asyncio.create_task(sender.run(stop))]
        try:
            terms = DeploymentTerms(token_decimals=decimals, token_supply_minor=10**30, minimum_stake_minor=one * unit)
            await ensure_deployed(
                database,
                facts,
                DEPLOYER,
                terms=terms,
                gas_for={key.address: 10**19 for key in KEYS.values()},
                tokens_for={KEYS["launcher"].address: 20_000 * one * unit},
            )
            tasks.append(asyncio.create_task(follow_chain(database, client, dispatch=dispatch, stop=stop)))
            assert await unfit_because(client) == ""
            launcher, recording, reputation = (desks[role] for role in ("launcher", "recording", "reputation"))
            async with database.transaction() as tx:
                await launcher.stake(tx, chain_id=1338, amount_minor=3 * one)
            await told("StakeDeposited")
            async with database.transaction() as tx:
                await launcher.launch_escrow(
                    tx, job_id=job, chain_id=1338, currency=code, amount_minor=fund_minor,
                    reputation=KEYS["reputation"].address, recording=KEYS["recording"].address,
                    exchange=KEYS["exchange"].address, fees_bp=FEES_BP, manifest_hash=hash_, manifest_url=url,
                )  # fmt: skip
            await told("Fund")
            escrow = next(str(event.args["escrow"]) for event in seen if event.name == "LaunchedV2")
            as_told = EscrowTold(
                job_id=job, escrow=escrow, currency=code, exponent=token.currency.exponent,
                launcher=KEYS["launcher"].address,
                reputation=KEYS["reputation"].address, recording=KEYS["recording"].address,
                exchange=KEYS["exchange"].address, fees_bp=FEES_BP, manifest_hash=hash_,
            )  # fmt: skip
            for desk in (recording, reputation):
                async with database.transaction() as tx:
                    with pytest.raises(EscrowNotAsTold, match="launcher"):  # the chain's own events, and a wrong word
                        await desk.need_as_told(tx, 1338, replace(as_told, launcher=WORKERS[0]))
                    with pytest.raises(EscrowNotAsTold, match="decimals in which amounts are told"):
                        await desk.need_as_told(tx, 1338, replace(as_told, exponent=as_told.exponent + 1))
                    await desk.need_funded(tx, chain_id=1338, told=as_told, funded_minor=fund_minor)
            async with database.transaction() as tx:
                await recording.anchor_and_reserve(
                    tx, job_id=job, chain_id=1338, escrow=escrow, currency=code, batch_no=1, root=b"\1" * 32,
                    count=1_000, evidence_hash=b"\2" * 32, amount_minor=sum(pay),
                )  # fmt: skip
            await told("Anchored")
            async with database.transaction() as tx:
                assert await reputation.reserved_base(tx, chain_id=1338, escrow=escrow) == sum(pay_base)
                for part_no, amounts in enumerate(payout_chunks(list(zip(WORKERS, pay_base, strict=True)))):
                    await reputation.pay(
                        tx, job_id=job, chain_id=1338, escrow=escrow, part_no=part_no, amounts_base=amounts, url=url,
                        hash_=hash_,
                    )  # fmt: skip
            await told("BulkTransferV3", 2)
            async with database.transaction() as tx:
                await reputation.complete(tx, job_id=job, chain_id=1338, escrow=escrow)
            await told("Completed")
            assert [await balance_of(client, who) for who in WORKERS] == pay_base
            fees = fees_for_pay_minor(fund_base, FEES_BP, sum(pay_base))
            for role, fee in zip(("reputation", "recording", "exchange"), fees, strict=True):
                assert await balance_of(client, KEYS[role].address) == fee
            assert await balance_of(client, escrow) == 0
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    async with database.connection() as tx:
        nothing_left = {(account(kind, escrow), currency): 0 for kind in ("escrow", "reserved", "fees")}
        for book in ("recording", "reputation"):
            assert await reconcile(tx, book, nothing_left) == []
            closing = await reputation.close_books(tx, job_id=job, chain_id=1338, escrow=escrow, currency=code)
            assert closing.paid_minor + closing.fees_minor + closing.refunded_minor == fund_minor
        assert await recount(tx) == []
        found = await statement_by_kind(tx, WORKERS[-1], book="reputation")
        assert [(one.kind, one.in_minor) for one in found.moved] == [("payout", pay_base[-1])]
        assert await scalar(tx, "select count(*) from outbox.alarms") == 0
