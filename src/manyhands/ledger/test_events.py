"""Deploying through the outbox and following the contracts: a real PostgreSQL, a real node that forgets."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from manyhands.chain.client import Block, ChainClient
from manyhands.chain.contracts import encode_call, gas_limit, planned_addresses
from manyhands.chain.facts import ChainFacts
from manyhands.chain.indexer import Event
from manyhands.chain.keys import RoleKey, dev_key
from manyhands.chain.node import LocalNode
from manyhands.chain.standalone import addresses_of
from manyhands.chain.testing import Faults, FaultyProxy, until
from manyhands.ledger.deploy import DeployerUsed, ensure_deployed
from manyhands.ledger.events import deepest_true, follow_chain
from manyhands.ledger.outbox import OUTBOX, submit
from manyhands.ledger.outbox.sender import Sender
from manyhands.protocol.ids import SeededIds
from manyhands.store.database import Database, Tx, rows, scalar
from manyhands.store.migrations import Room

DEPLOYER = dev_key(0)
LAUNCHER = RoleKey.create(SeededIds("launcher"))
ORACLES = tuple("0x" + digit * 40 for digit in "abc")
AT = addresses_of(planned_addresses(DEPLOYER.address))


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [OUTBOX, Room("ledger", "manyhands.ledger")]


@dataclass
class World:
    """A database, a node, and what the roles were told."""

    db: Database
    node: LocalNode
    facts: ChainFacts
    told: list[Event] = field(default_factory=list)
    jobs: int = 0

    async def dispatch(self, tx: Tx, event: Event) -> None:
        self.told.append(event)

    @asynccontextmanager
    async def running(self, *, facts: ChainFacts | None = None, follow: bool = True) -> AsyncIterator[Sender]:
        """Sender and follower at work until the block ends."""
        stop = asyncio.Event()
        async with ChainClient(facts or self.facts, timeout_s=2.0) as client:
            sender = Sender(self.db, {1338: client}, resend_after_ms=200)
            await sender.resume()
            tasks = [asyncio.create_task(sender.run(stop))]
            if follow:
                tasks.append(asyncio.create_task(follow_chain(self.db, client, dispatch=self.dispatch, stop=stop)))
            try:
                yield sender
            finally:
                stop.set()
                await asyncio.gather(*tasks)

    async def deployed(self) -> None:
        """All contracts, gas and tokens for the launcher, its stake."""
        async with self.running(follow=False) as sender:
            await ensure_deployed(
                self.db,
                self.facts,
                DEPLOYER,
                gas_for={LAUNCHER.address: 10**19},
                tokens_for={LAUNCHER.address: 10**12},
            )
            for purpose, to, data, gas in (
                ("approve staking", AT.token, encode_call("TestToken", "approve", AT.staking, 10**11), "approve"),
                ("approve factory", AT.token, encode_call("TestToken", "approve", AT.factory, 10**11), "approve"),
                ("stake", AT.staking, encode_call("Staking", "stake", 10**11), "stake"),
            ):
                await self.put(purpose, to, data, gas)
            await sender.drained(patience_s=60)

    async def put(self, purpose: str, to: str, data: bytes, gas: str) -> None:
        async with self.db.transaction() as tx:
            await submit(
                tx, chain=self.facts, key=LAUNCHER, purpose=purpose, to=to, data=data, gas_limit=gas_limit(gas)
            )

    async def launch(self) -> None:
        self.jobs += 1
        words = (AT.token, 1_000_000, f"job-{self.jobs}", *ORACLES, [300, 200, 0], "u", "h")
        await self.put(f"launch {self.jobs}", AT.factory, encode_call("EscrowFactory", "launch", *words), "launch")

    def names(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for event in self.told:
            found[event.name] = found.get(event.name, 0) + 1
        return found

    async def heard_everything(self) -> None:
        """Waits until all launches were told, then checks that each was told once and that the table says the same."""

        async def all_told() -> bool:
            return self.names().get("PendingV3", 0) >= self.jobs and await self.orphans() == 0

        await until(all_told, patience_s=90)
        await asyncio.sleep(0.2)
        for name in ("LaunchedV2", "Fund", "PendingV3"):
            assert self.names()[name] == self.jobs, name
        assert len({(event.tx_hash, event.index_in_tx) for event in self.told}) == len(self.told)
        async with self.db.connection() as tx:
            assert await scalar(tx, "select count(*) from outbox.events") == len(self.told)

    async def orphans(self) -> int:
        async with self.db.connection() as tx:
            return int(await scalar(tx, "select count(*) from outbox.events where orphaned"))


@pytest_asyncio.fixture
async def world(database: Database, local_node: LocalNode) -> World:
    world = World(database, local_node, local_node.facts.at([local_node.rpc_url]).with_contracts(AT))
    await world.deployed()
    return world


async def test_a_second_deployment_sends_nothing_and_finds_the_same_addresses(world: World) -> None:
    async with world.running() as sender:
        found = await ensure_deployed(
            world.db, world.facts, DEPLOYER, gas_for={LAUNCHER.address: 10**19}, tokens_for={LAUNCHER.address: 10**12}
        )
        assert found == AT
        assert sender.counts["sends"] == 0
    async with ChainClient(world.facts) as client:
        assert int.from_bytes(await client.call(AT.token, encode_call("TestToken", "balanceOf", LAUNCHER.address))) > 0


async def test_a_deployer_with_a_past_is_refused_before_anything_is_sent(
    database: Database, local_node: LocalNode
) -> None:
    facts = local_node.facts
    async with database.transaction() as tx:
        await submit(tx, chain=facts, key=DEPLOYER, purpose="early", to=AT.token, data=b"", gas_limit=21_000)
    with pytest.raises(DeployerUsed):
        await ensure_deployed(database, facts, DEPLOYER)
    async with database.connection() as tx:
        assert await scalar(tx, "select count(*) from outbox.transactions") == 1


async def test_every_event_is_told_once_in_the_order_of_the_chain(world: World) -> None:
    async with world.running() as sender:
        for _ in range(3):
            await world.launch()
        await sender.drained(patience_s=60)
        await world.heard_everything()
    places = [(event.block_number, event.index_in_block) for event in world.told]
    assert places == sorted(places)
    assert world.names()["Transfer"] == 3


async def test_a_follower_that_starts_again_is_told_nothing_twice(world: World) -> None:
    async with world.running():
        await world.launch()
        await world.heard_everything()
    async with world.running():
        await world.launch()
        await world.heard_everything()


async def test_two_followers_tell_each_event_once(world: World) -> None:
    async with world.running(), world.running():
        for _ in range(3):
            await world.launch()
        await world.heard_everything()


async def test_a_dispatch_that_fails_stores_nothing_and_is_told_again(world: World) -> None:
    failures = 3

    async def stubborn(tx: Tx, event: Event) -> None:
        nonlocal failures
        if event.name == "PendingV3" and failures:
            failures -= 1
            raise ConnectionError("the role is away")
        await world.dispatch(tx, event)

    async with world.running(follow=False) as sender, ChainClient(world.facts) as client:
        await world.launch()
        await sender.drained(patience_s=60)
        stop = asyncio.Event()
        for _ in range(3):
            with pytest.raises(ConnectionError):
                await follow_chain(world.db, client, dispatch=stubborn, stop=stop)
            async with world.db.connection() as tx:
                assert await scalar(tx, "select count(*) from outbox.events where name = 'PendingV3'") == 0
        world.told.clear()
        running = asyncio.create_task(follow_chain(world.db, client, dispatch=stubborn, stop=stop))
        await world.heard_everything()
        stop.set()
        await running


async def test_a_rewritten_past_is_read_again_and_told_once(world: World) -> None:
    chance = random.Random(4)
    deep = msgspec.structs.replace(world.facts, local=False, confirmations=7)
    await world.node.mine(10)
    async with world.running(facts=deep), ChainClient(world.facts) as client:
        for _ in range(8):
            await world.launch()
            await asyncio.sleep(chance.uniform(0, 0.3))
            await client.ask("anvil_reorg", [chance.randint(1, 6), []])

        async def quiet() -> bool:
            await client.ask("evm_mine", [])
            return world.names().get("PendingV3", 0) >= world.jobs

        await until(quiet, patience_s=90, every_s=0.05)
        await world.heard_everything()


async def test_a_chain_that_forgot_everything_is_read_again_and_told_once(world: World) -> None:
    async with world.running():
        for _ in range(3):
            await world.launch()
        await world.heard_everything()
    await world.node.stop()
    world.node.state_file.unlink()
    world.node.previous_state_file.unlink(missing_ok=True)
    await world.node.start()
    async with world.running() as sender:
        await world.launch()
        await sender.drained(patience_s=60)
        await world.heard_everything()


async def test_a_node_killed_while_it_is_followed_is_told_once(world: World) -> None:
    chance = random.Random(9)
    async with world.running() as sender:
        for _ in range(5):
            await world.launch()
            await asyncio.sleep(chance.uniform(0, 0.3))
            if world.node.pid is not None:
                os.kill(world.node.pid, signal.SIGKILL)
        await sender.drained(patience_s=90)
        await world.heard_everything()


async def test_a_node_that_lies_about_its_head_is_not_believed(world: World) -> None:
    faults = Faults(lie_heads_bp=5_000, drop_bp=300, repeat_bp=300)
    async with (
        FaultyProxy(world.node.rpc_url, seed=1, faults=faults) as proxy,
        world.running(facts=world.facts.at([proxy.rpc_url])) as sender,
    ):
        while world.jobs < 3 or proxy.counts["heads too high"] < 5:
            await world.launch()
            await asyncio.sleep(0.1)
        await sender.drained(patience_s=90)
        await world.heard_everything()
    async with world.db.connection() as tx, ChainClient(world.facts) as client:
        for number, block_hash in await rows(tx, "select block_number, block_hash from outbox.checkpoints"):
            block = await client.block(number)
            assert block is not None and block.hash == block_hash


@pytest.mark.parametrize(
    ("has", "deepest"),
    [(["a", "b", "c"], 9), ([None, "b", "c"], 5), (["x", "x", "c"], 2), (["x", None, "x"], -1)],
)
def test_the_deepest_true_checkpoint_is_found(has: list[Any], deepest: int) -> None:
    checkpoints = [(9, "a"), (5, "b"), (2, "c")]
    blocks = [None if name is None else Block(0, name, "", 0, 0) for name in has]
    assert deepest_true(checkpoints, blocks, before_all=-1) == deepest
