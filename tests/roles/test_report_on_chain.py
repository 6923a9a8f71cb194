"""A report on a real node: the contract accepts what the jury hands in, slashes the stake and shares it as promised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from manyhands.chain.client import ChainClient
from manyhands.chain.contracts import DeploymentTerms, encode_call, planned_addresses
from manyhands.chain.facts import ContractAddresses
from manyhands.chain.indexer import Event
from manyhands.chain.keys import dev_key
from manyhands.chain.node import LocalNode
from manyhands.chain.testing import until
from manyhands.ledger.books import balances, recount
from manyhands.ledger.deploy import ensure_deployed
from manyhands.ledger.desk import DeskEvent
from manyhands.ledger.events import follow_chain
from manyhands.ledger.outbox.sender import Sender
from manyhands.ledger.posting import account
from manyhands.protocol.messages import JobFunded, JurorsDrawn, ReportFiled, ReportRuled, VoteCast
from manyhands.roles.router import Health
from manyhands.store.database import Tx, rows

from .conftest import CHAIN_A, CHAIN_B, OPTIONS, House
from .test_report_path import OTHERS, PEOPLE, REPORTER

STAKE_MINOR = 50_000_000
TERMS = DeploymentTerms()


def addresses_of(deployer: str) -> ContractAddresses:
    at = planned_addresses(deployer)
    return ContractAddresses(
        token=at["TestToken"],
        staking=at["Staking"],
        factory=at["EscrowFactory"],
        kvstore=at["KVStore"],
        jury=at["Jury"],
    )


@asynccontextmanager
async def running(house: House, node: LocalNode) -> AsyncIterator[ChainClient]:
    """The house's chain with contracts, stake, sender and indexer, until the block ends."""
    deployer = dev_key(0)
    facts = node.facts.at([node.rpc_url]).with_contracts(addresses_of(deployer.address))
    stop = asyncio.Event()

    async def dispatch(tx: Tx, event: Event) -> None:
        said = DeskEvent.of(event)
        await house.launcher.on_chain_event(tx, said)
        await house.jury.on_chain_event(tx, said)

    async with ChainClient(facts) as client:
        sender = Sender(house.db, {client.chain_id: client})
        await sender.resume()
        sending = asyncio.create_task(sender.run(stop))
        try:
            await ensure_deployed(
                house.db,
                facts,
                deployer,
                terms=DeploymentTerms(jury_operator=house.keys["jury"].address),
                gas_for={key.address: 10**20 for key in house.keys.values()},
                tokens_for={house.keys["launcher"].address: 10**12},
            )
            house.chains.put(facts)
            async with house.db.transaction() as tx:
                await house.launcher.desk.stake(tx, chain_id=CHAIN_A, amount_minor=STAKE_MINOR)
            following = asyncio.create_task(follow_chain(house.db, client, dispatch=dispatch, stop=stop))
            try:
                yield client
            finally:
                stop.set()
                await following
        finally:
            stop.set()
            await sending


async def number(client: ChainClient, contract: str, at: str, function: str, *arguments: object) -> int:
    return int.from_bytes(await client.call(at, encode_call(contract, function, *arguments)), "big")


async def heard(house: House, role: str, kind: type) -> object:
    """The first message of a kind that reaches a role."""

    async def there() -> bool:
        await house.settle()
        return any(isinstance(body, kind) for body in house.heard_by(role))  # type: ignore[arg-type]

    await until(there, patience_s=60, every_s=0.2)
    return next(body for body in house.heard_by(role) if isinstance(body, kind))  # type: ignore[arg-type]


async def test_an_upheld_report_slashes_the_stake_and_shares_it_between_reporter_and_majority(
    house: House, local_node: LocalNode
) -> None:
    house.health[CHAIN_B] = Health(ok=False, because="not part of this test")
    async with running(house, local_node) as client:
        at = client.facts.contracts
        assert at is not None
        view = await house.launcher.draft([await house.page("r1")], OPTIONS)
        await house.launcher.approve(view.job_id)
        funded = await heard(house, "exchange", JobFunded)
        assert isinstance(funded, JobFunded)
        assert await number(client, "TestToken", at.token, "balanceOf", funded.escrow) == view.quote_total_minor

        report = ReportFiled(
            job_id=view.job_id,
            report_id="rep-1",
            task_id="t1",
            reporter=REPORTER,
            code="inappropriate",
            text="",
            picture_blob="",
            eligible=tuple(OTHERS),
            escrow=funded.escrow,
            chain_id=CHAIN_A,
        )
        await house.say("exchange", report, to="jury")
        case = await heard(house, "exchange", JurorsDrawn)
        assert isinstance(case, JurorsDrawn)
        for juror in case.jurors[:2]:
            vote = VoteCast(
                job_id=view.job_id,
                case_id=case.case_id,
                juror=juror,
                uphold=True,
                because="it shows a person",
                signature=PEOPLE[juror].sign_hash(bytes.fromhex(case.uphold_digest[2:])),
            )
            await house.say("exchange", vote, to="jury")
        told = await heard(house, "exchange", ReportRuled)
        assert isinstance(told, ReportRuled)
        assert (told.uphold, told.votes_for) == (True, 2)

        launcher = house.keys["launcher"].address
        staked = await number(client, "Staking", at.staking, "getStakedTokens", launcher)
        assert staked == STAKE_MINOR - TERMS.slash_minor
        shares = {
            who: await number(client, "TestToken", at.token, "balanceOf", who) for who in (REPORTER, *case.jurors)
        }
        assert sum(shares.values()) == TERMS.slash_minor
        assert shares[REPORTER] == TERMS.slash_minor // 2
        assert shares[case.jurors[0]] == shares[case.jurors[1]] == TERMS.slash_minor // 4
        assert shares[case.jurors[2]] == 0
        assert (await house.launcher.view(view.job_id)).state == "cancelling"

        # the launcher's own book tells the same of its stake, however often it is told
        await until(lambda: slash_seen(house), patience_s=30)
        for _ in range(2):
            async with house.db.transaction() as tx:
                await house.launcher.desk.catch_up_stake(tx, CHAIN_A)
        async with house.db.connection() as tx:
            kept = {name: minor for (name, _), minor in (await balances(tx, "launcher")).items() if minor}
            assert await recount(tx) == []
        assert kept == {
            account("requester", launcher): -STAKE_MINOR,
            account("stake", launcher): staked,
            **{account("worker", who): minor for who, minor in shares.items() if minor},
        }


async def slash_seen(house: House) -> bool:
    async with house.db.connection() as tx:
        return bool(await rows(tx, "select from outbox.events where name = 'StakeSlashed'"))
