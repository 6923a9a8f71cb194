"""Sending: a real PostgreSQL, a real node, and everything that can go wrong between them."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from manyhands.chain.client import ChainClient
from manyhands.chain.errors import RpcRefused
from manyhands.chain.facts import ChainFacts
from manyhands.chain.keys import RoleKey, UnsignedTransaction, dev_key
from manyhands.chain.node import LocalNode
from manyhands.chain.testing import (
    CHAINED,
    NOTEBOOK_BYTECODE,
    NOTEBOOK_GAS,
    REFUSE,
    REFUSE_REASON,
    Faults,
    FaultyProxy,
    note,
    notebook_digest,
    until,
)
from manyhands.ledger.outbox import OUTBOX, Entry, NotDone, State, find, open_alarms, submit
from manyhands.ledger.outbox.sender import Sender
from manyhands.ledger.outbox.testing import run_payer
from manyhands.protocol.ids import SeededIds
from manyhands.store.database import Database, Tx, rows
from manyhands.store.migrations import Room

KEYS = [dev_key(0), dev_key(1), dev_key(2)]
GWEI = 10**9


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [OUTBOX]


@dataclass
class World:
    """A database, a node and what was settled so far."""

    db: Database
    node: LocalNode
    facts: ChainFacts
    settled: list[Entry] = field(default_factory=list)

    async def note_settled(self, tx: Tx, entry: Entry) -> None:
        self.settled.append(entry)

    @asynccontextmanager
    async def sending(
        self, *, facts: ChainFacts | None = None, keys: Mapping[str, RoleKey] | None = None, resend_after_ms: int = 200
    ) -> AsyncIterator[Sender]:
        """A sender at work until the block ends."""
        stop = asyncio.Event()
        async with ChainClient(facts or self.facts, timeout_s=2.0) as client:
            chain = {client.chain_id: client}
            sender = Sender(self.db, chain, keys=keys, settled=self.note_settled, resend_after_ms=resend_after_ms)
            await sender.resume()
            running = asyncio.create_task(sender.run(stop))
            try:
                yield sender
            finally:
                stop.set()
                await running

    async def put(
        self,
        purpose: str,
        data: bytes,
        *,
        to: str | None = None,
        key: RoleKey = KEYS[0],
        after: Sequence[str] = (),
        facts: ChainFacts | None = None,
    ) -> None:
        gas = NOTEBOOK_GAS if to else 600_000
        async with self.db.transaction() as tx:
            await submit(
                tx, chain=facts or self.facts, key=key, purpose=purpose, to=to, data=data, gas_limit=gas, after=after
            )

    async def notebook(self) -> str:
        """Address of the notebook, deployed and final."""
        await self.put("deploy", NOTEBOOK_BYTECODE)
        async with self.sending() as sender:
            (entry,) = await sender.wait_for(1338, ["deploy"], patience_s=30)
        assert entry.contract_address is not None
        return entry.contract_address

    async def entry(self, purpose: str) -> Entry:
        async with self.db.connection() as tx:
            found = await find(tx, chain_id=1338, purpose=purpose)
        assert found is not None
        return found

    async def is_mined(self, purpose: str) -> bool:
        return (await self.entry(purpose)).block_number is not None

    async def noted_as_mined(self, purpose: str, client: ChainClient) -> None:
        """Waits until the journal knows a purpose's block.

        The node mines when something is sent to it. What arrives in the instant in which that is switched on again lies
        in its pool until another block is mined; on any chain the next one comes by itself, here it is asked for.
        """
        for _ in range(60):
            with contextlib.suppress(TimeoutError):
                return await until(lambda: self.is_mined(purpose), patience_s=1)
            await client.ask("evm_mine", [])
        raise AssertionError(await self.what_is_known(client))

    async def what_is_known(self, client: ChainClient) -> str:
        """Journal and node side by side, for a failure."""
        query = "select purpose, sender, nonce, state, block_number, tx_hash from outbox.transactions order by 2, 3"
        async with self.db.connection() as tx:
            journal = await rows(tx, query)
        told = [f"the node is at block {await client.ask('eth_blockNumber', [])}"]
        for sender in dict.fromkeys(row[1] for row in journal):
            counts = [await client.ask("eth_getTransactionCount", [sender, at]) for at in ("latest", "pending")]
            told.append(f"{sender} has sent, mined and pending: {counts}")
        for purpose, sender, nonce, state, block_number, tx_hash in journal:
            if state != "final":
                receipt = await client.ask("eth_getTransactionReceipt", [tx_hash])
                told.append(f"{purpose} of {sender}, nonce {nonce}: {state}, block {block_number}, receipt {receipt}")
        return "\n".join([*told, f"its pool: {await client.ask('txpool_content', [])}"])

    async def digest(self, notebook: str) -> bytes:
        """Empty where there is no notebook."""
        async with ChainClient(self.facts) as client:
            return await client.call(notebook, CHAINED)

    async def noted(self) -> list[bytes]:
        """The notes in the order in which the journal says they were mined."""
        query = """select data from outbox.transactions where recipient is not null and succeeded
                   order by block_number, index_in_block"""
        async with self.db.connection() as tx:
            return [bytes(row[0])[4:] for row in await rows(tx, query)]

    async def alarms(self) -> list[tuple[str, str]]:
        async with self.db.connection() as tx:
            return [(alarm.kind, alarm.subject) for alarm in await open_alarms(tx)]

    async def everything_once(self, notebook: str, purposes: Sequence[str]) -> None:
        """All are final, each was settled once, and the contract holds each note once in the journal's order."""
        for purpose in purposes:
            assert (await self.entry(purpose)).state is State.FINAL, purpose
        reported = [entry.purpose for entry in self.settled if entry.purpose != "deploy"]
        assert sorted(reported) == sorted(purposes)
        noted = await self.noted()
        assert sorted(words.rstrip(b"\0").decode() for words in noted) == sorted(purposes)
        assert await self.digest(notebook) == notebook_digest(noted)


@pytest_asyncio.fixture
async def world(database: Database, local_node: LocalNode) -> World:
    return World(database, local_node, local_node.facts.at([local_node.rpc_url]))


async def test_a_transaction_becomes_final_and_is_reported_once(world: World) -> None:
    notebook = await world.notebook()
    await world.put("one", note(b"one"), to=notebook)
    async with world.sending() as sender:
        (entry,) = await sender.wait_for(1338, ["one"], patience_s=30)
        await sender.drained(patience_s=30)
    assert entry.block_number is not None
    assert entry.gas_used
    await world.everything_once(notebook, ["one"])


async def test_a_transaction_is_not_final_before_its_confirmations(world: World) -> None:
    deep = msgspec.structs.replace(world.facts, confirmations=5)
    await world.put("deploy", NOTEBOOK_BYTECODE)
    async with ChainClient(deep) as client:
        sender = Sender(world.db, {1338: client})
        await client.ask("evm_setAutomine", [False])  # the node rests: every block is made here
        await sender.step(1338)
        await client.ask("evm_mine", [])
        await sender.step(1338)
        assert (await world.entry("deploy")).state is State.MINED
        for _ in range(4):
            await client.ask("evm_mine", [])
            await sender.step(1338)
            assert (await world.entry("deploy")).state is State.MINED
        await client.ask("evm_mine", [])
        await sender.step(1338)
        assert (await world.entry("deploy")).state is State.FINAL


async def test_a_refused_transaction_is_told_with_its_reason(world: World) -> None:
    notebook = await world.notebook()
    await world.put("bad", REFUSE, to=notebook)
    await world.put("good", note(b"good"), to=notebook)
    async with world.sending() as sender:
        with pytest.raises(NotDone, match=REFUSE_REASON):
            await sender.wait_for(1338, ["bad"], patience_s=30)
        await sender.wait_for(1338, ["good"], patience_s=30)
    assert (await world.entry("bad")).reason == REFUSE_REASON
    assert ("reverted", "bad") in await world.alarms()
    assert {entry.purpose: entry.state for entry in world.settled}["bad"] is State.REVERTED


async def test_many_keys_and_many_transactions_all_arrive_once(world: World) -> None:
    notebook = await world.notebook()
    purposes = [f"{n}" for n in range(60)]
    for n, purpose in enumerate(purposes):
        await world.put(purpose, note(purpose.encode()), to=notebook, key=KEYS[n % 3])
    async with world.sending() as sender:
        await sender.drained(patience_s=60)
    await world.everything_once(notebook, purposes)


async def test_two_senders_at_once_do_no_harm(world: World) -> None:
    notebook = await world.notebook()
    purposes = [f"{n}" for n in range(20)]
    async with world.sending() as sender, world.sending():
        for n, purpose in enumerate(purposes):
            await world.put(purpose, note(purpose.encode()), to=notebook, key=KEYS[n % 3])
        await sender.drained(patience_s=60)
    await world.everything_once(notebook, purposes)


async def test_what_comes_after_another_keys_transaction_waits_for_its_block(world: World) -> None:
    notebook = await world.notebook()
    await world.put("fund", note(b"fund"), to=notebook, key=KEYS[1])
    await world.put("anchor", note(b"anchor"), to=notebook, key=KEYS[0], after=["fund"])
    await world.put("pay", note(b"pay"), to=notebook, key=KEYS[2], after=["anchor"])
    async with world.sending() as sender:
        await sender.drained(patience_s=30)
    assert [words.rstrip(b"\0") for words in await world.noted()] == [b"fund", b"anchor", b"pay"]


async def test_a_stuck_transaction_is_replaced_with_a_higher_fee_and_done_once(world: World) -> None:
    notebook = await world.notebook()
    fees = msgspec.structs.replace(world.facts.fees, max_fee_wei=2 * GWEI, priority_fee_wei=0, stuck_after_ms=300)
    cheap = msgspec.structs.replace(world.facts, fees=fees)
    async with ChainClient(world.facts) as client:
        await client.ask("anvil_setNextBlockBaseFeePerGas", [hex(4 * GWEI)])
        async with world.sending(facts=cheap, keys={KEYS[0].address: KEYS[0]}) as sender:
            await client.ask("evm_setAutomine", [False])
            await world.put("one", note(b"one"), to=notebook, facts=cheap)

            async def mined_when_dear() -> bool:
                await client.ask("anvil_setNextBlockBaseFeePerGas", [hex(4 * GWEI)])
                await client.ask("evm_mine", [])
                return (await world.entry("one")).state is State.FINAL

            await until(mined_when_dear, every_s=0.1)
            assert sender.counts["replaced"] >= 2
    await world.everything_once(notebook, ["one"])


async def test_a_stuck_transaction_without_its_key_raises_an_alarm_and_waits(world: World) -> None:
    fees = msgspec.structs.replace(world.facts.fees, stuck_after_ms=100)
    facts = msgspec.structs.replace(world.facts, fees=fees)
    async with ChainClient(facts) as client, world.sending(facts=facts) as sender:
        await client.ask("evm_setAutomine", [False])
        await world.put("deploy", NOTEBOOK_BYTECODE)

        async def alarmed() -> bool:
            return ("stuck", "deploy") in await world.alarms()

        await until(alarmed)
        await client.ask("evm_setAutomine", [True])
        await client.ask("evm_mine", [])
        await sender.drained(patience_s=30)
    assert await world.alarms() == []


async def test_a_nonce_used_by_somebody_else_is_an_alarm_and_not_a_loop(world: World) -> None:
    stranger = KEYS[0].sign_transaction(UnsignedTransaction(1338, 0, KEYS[1].address, b"", 1, 21_000, 100 * GWEI, GWEI))
    await world.put("deploy", NOTEBOOK_BYTECODE)
    async with ChainClient(world.facts) as client:
        await client.send_raw(stranger.raw, stranger.tx_hash)
    async with world.sending() as sender:
        with pytest.raises(NotDone, match="another transaction"):
            await sender.wait_for(1338, ["deploy"], patience_s=30)
    assert await world.alarms() == [("displaced", "deploy")]
    assert [entry.state for entry in world.settled] == [State.DISPLACED]


async def test_an_account_without_money_waits_and_goes_on_when_it_is_funded(world: World) -> None:
    poor = RoleKey.create(SeededIds("poor"))
    await world.put("deploy", NOTEBOOK_BYTECODE, key=poor)
    async with world.sending() as sender:

        async def alarmed() -> bool:
            return await world.alarms() == [("refused", "deploy")]

        await until(alarmed)
        async with ChainClient(world.facts) as client:
            await client.ask("anvil_setBalance", [poor.address, hex(10**18)])
        await sender.drained(patience_s=30)
    assert await world.alarms() == []


async def test_a_chain_that_is_down_delays_and_loses_nothing(world: World) -> None:
    notebook = await world.notebook()
    async with FaultyProxy(world.node.rpc_url, faults=Faults(down=True)) as proxy:
        facts = world.facts.at([proxy.rpc_url])
        async with world.sending(facts=facts) as sender:
            await world.put("one", note(b"one"), to=notebook)

            async def alarmed() -> bool:
                return await world.alarms() == [("unreachable", "")]

            await until(alarmed)
            assert (await world.entry("one")).state in (State.WAITING, State.SENT)
            proxy.faults.down = False
            await sender.drained(patience_s=30)
            await until(lambda: _none(world))
    await world.everything_once(notebook, ["one"])


async def _none(world: World) -> bool:
    return await world.alarms() == []


async def test_a_url_of_another_chain_stops_sending_before_anything_left(world: World) -> None:
    async with FaultyProxy(world.node.rpc_url, faults=Faults(chain_id=1)) as proxy:
        await world.put("deploy", NOTEBOOK_BYTECODE)
        async with ChainClient(world.facts.at([proxy.rpc_url])) as client:
            sender = Sender(world.db, {1338: client})
            stop = asyncio.Event()
            running = asyncio.create_task(sender.run(stop))

            async def alarmed() -> bool:
                return await world.alarms() == [("wrong chain", "")]

            await until(alarmed)
            stop.set()
            await running
    async with ChainClient(world.facts) as client:
        assert await client.transaction_count(KEYS[0].address, "pending") == 0


async def test_two_urls_that_disagree_stop_sending_until_they_agree(world: World) -> None:
    notebook = await world.notebook()
    async with FaultyProxy(world.node.rpc_url, faults=Faults(lie_hashes_bp=10_000)) as liar:
        facts = world.facts.at([world.node.rpc_url, liar.rpc_url])
        await world.put("one", note(b"one"), to=notebook)
        async with world.sending(facts=facts) as sender:

            async def alarmed() -> bool:
                return await world.alarms() == [("disagreement", "")]

            await until(alarmed)
            assert (await world.entry("one")).state is State.WAITING
            liar.faults.lie_hashes_bp = 0
            await sender.drained(patience_s=30)
            await until(lambda: _none(world))
    await world.everything_once(notebook, ["one"])


async def test_a_proxy_that_drops_delays_repeats_and_lies_changes_nothing_in_the_end(world: World) -> None:
    notebook = await world.notebook()
    faults = Faults(drop_bp=500, lose_answer_bp=500, repeat_bp=500, delay_bp=500, lie_heads_bp=2_000, nonsense_bp=300)
    kinds = ("dropped", "answers lost", "repeated", "delayed", "heads too high", "nonsense")
    purposes: list[str] = []
    async with (
        FaultyProxy(world.node.rpc_url, seed=3, faults=faults) as proxy,
        world.sending(facts=world.facts.at([proxy.rpc_url])) as sender,
    ):
        while len(purposes) < 20 or any(proxy.counts[kind] < 2 for kind in kinds):
            purposes.append(f"{len(purposes)}")
            words = note(purposes[-1].encode())
            await world.put(purposes[-1], words, to=notebook, key=KEYS[len(purposes) % 3])
            await asyncio.sleep(0.02)
        await sender.drained(patience_s=120)
    await world.everything_once(notebook, purposes)


async def test_a_receipt_of_a_block_that_left_the_chain_is_not_believed(world: World) -> None:
    notebook = await world.notebook()
    deep = msgspec.structs.replace(world.facts, local=False, confirmations=6)
    async with (
        FaultyProxy(world.node.rpc_url, faults=Faults(stale_receipts=True)) as proxy,
        ChainClient(world.facts) as node,
        world.sending(facts=deep.at([proxy.rpc_url])) as sender,
    ):
        await world.node.mine(4)
        await world.put("one", note(b"one"), to=notebook)
        await until(lambda: world.is_mined("one"))
        await node.ask("evm_setAutomine", [False])
        await node.ask("anvil_reorg", [3, []])
        await until(lambda: proxy.counts["stale receipts"] > 0)
        await until(lambda: sender.counts["vanished"] > 0)
        await node.ask("evm_setAutomine", [True])

        async def done() -> bool:
            await node.ask("evm_mine", [])
            return (await world.entry("one")).state is State.FINAL

        await until(done, every_s=0.05)
    await world.everything_once(notebook, ["one"])


async def went_back(node: LocalNode, client: ChainClient, depth: int) -> bool:
    """Rewrites the newest blocks as empty ones. False when the simulator cannot any more."""
    async with node.resting():  # neither the keeper nor the node may mine meanwhile: it would mix both pasts up
        await client.ask("evm_setAutomine", [False])
        try:
            await client.ask("anvil_reorg", [depth, []])
        except RpcRefused as problem:
            # After some reorganisations the node does not find a block of its own any more and has lost its way for
            # good: blocks are missing, receipts contradict accounts. That is the simulator's end, not a chain's.
            assert "not found" in problem.reason
            return False
        finally:
            await client.ask("evm_setAutomine", [True])
            await client.ask("evm_mine", [])
    return True


async def reorganised(
    world: World, *, rounds: int, depth_max: int, seed: int, local: bool, pause_s_max: float = 0.2
) -> None:
    """Rewrites the chain's end again and again while notes are sent. Few rounds: see the node's limit below."""
    notebook = await world.notebook()
    chance = random.Random(seed)
    facts = msgspec.structs.replace(world.facts, local=local, confirmations=depth_max + 1)
    purposes = []
    await world.node.mine(2 * depth_max)  # the notebook itself lies deeper than any reorganisation here
    async with ChainClient(world.facts) as client, world.sending(facts=facts) as sender:
        done = 0
        for number in range(rounds):
            purpose = f"{number}"
            purposes.append(purpose)
            await world.put(purpose, note(purpose.encode()), to=notebook, key=KEYS[number % 3])
            if number % 4 == 0:  # noted as mined before its block goes
                await world.noted_as_mined(purpose, client)
            else:  # perhaps not
                await asyncio.sleep(chance.uniform(0, pause_s_max))
            if not await went_back(world.node, client, depth_max if number % 4 == 0 else chance.randint(1, depth_max)):
                break
            done += 1

        async def quiet() -> bool:
            await client.ask("evm_mine", [])
            async with world.db.connection() as tx:
                return not await rows(tx, "select from outbox.transactions where state not in ('final')")

        await until(quiet, patience_s=90, every_s=0.05)
        assert done >= rounds // 2
        assert sender.counts["vanished"] + sender.counts["told again"] > 0
    await world.everything_once(notebook, purposes)


@pytest.mark.parametrize("seed", range(10))  # two hundred, on ten chains: a node does not stand many more
async def test_reorganisations_lose_nothing_and_double_nothing_on_a_foreign_chain(world: World, seed: int) -> None:
    await reorganised(world, rounds=20, depth_max=12, seed=seed, local=False, pause_s_max=0.05)


async def test_reorganisations_lose_nothing_and_double_nothing_on_a_local_chain(world: World) -> None:
    await reorganised(world, rounds=12, depth_max=4, seed=2, local=True)


async def test_a_chain_that_lost_its_state_is_told_everything_again_in_the_same_order(
    world: World, tmp_path: Path
) -> None:
    notebook = await world.notebook()
    await world.node.mine(2_000)  # a stretch without transactions: telling it again takes seconds, and many requests
    purposes = [f"{n}" for n in range(30)]
    for n, purpose in enumerate(purposes):
        await world.put(purpose, note(purpose.encode()), to=notebook, key=KEYS[n % 3])
    async with world.sending() as sender:
        await sender.drained(patience_s=60)
    digest = await world.digest(notebook)
    query = "select purpose, block_number, block_timestamp_s, index_in_block from outbox.transactions order by 2, 4"
    async with world.db.connection() as tx:
        story = await rows(tx, query)

    await world.node.stop()
    world.node.state_file.unlink()
    world.node.previous_state_file.unlink(missing_ok=True)
    await asyncio.sleep(1.1)  # so that times of the second telling would differ if they were not kept
    await world.node.start()
    assert await world.digest(notebook) == b""
    async with world.sending() as sender:
        assert sender.counts["told again"] == 31
        await sender.drained(patience_s=60)
    assert await world.digest(notebook) == digest
    async with world.db.connection() as tx:
        assert await rows(tx, query) == story
    async with ChainClient(world.facts) as client:
        for purpose, number, timestamp_s, index in story:
            receipt = await client.receipt((await world.entry(purpose)).tx_hash)
            block = await client.block(number)
            assert receipt is not None and block is not None
            assert (receipt.block_number, receipt.index_in_block, block.timestamp_s) == (number, index, timestamp_s)
    await world.everything_once(notebook, purposes)


async def killed_again_and_again(world: World, *, kills: int, seed: int) -> None:
    """Kills the node at random moments while notes are sent; it starts again by itself, a second poorer."""
    notebook = await world.notebook()
    chance = random.Random(seed)
    purposes = []
    async with world.sending() as sender:
        for kill in range(kills):
            for place in range(chance.randint(1, 6)):
                purpose = f"{kill}.{place}"
                purposes.append(purpose)
                await world.put(purpose, note(purpose.encode()), to=notebook, key=KEYS[place % 3])
            await until(world.node.healthy)  # a node that never comes up between two kills shows nothing
            await asyncio.sleep(chance.uniform(0, 0.4))
            assert world.node.pid is not None
            os.kill(world.node.pid, signal.SIGKILL)
        await sender.drained(patience_s=120)
        # Everything may have been final before the last kill took the node's last second: drained says what the journal
        # knows, and the node is looked at only once it is up and was told again what it forgot.
        await until(world.node.healthy)
        await sender.step(1338)
        assert world.node.restarts >= kills  # a start that a busy machine makes too slow is tried again
    await world.everything_once(notebook, purposes)


async def test_a_node_killed_again_and_again_under_load_loses_nothing(world: World) -> None:
    await killed_again_and_again(world, kills=12, seed=5)


STEPS_MAX = 120
"""Steps in which a payer's work goes around several times: polling, re-sending, settling."""
PAYERS_BESIDE = 4
"""Payers at work at the same time: they are allowed to be, and a machine's cores are used."""
PAYMENTS_AT_ONCE = 12
"""What a payer that is going to be killed is given: enough to be in the middle of something at any step."""


async def payers_killed(world: World, *, kills: int, payments: int, seed: int, by_step: bool) -> None:
    """Kills a paying process again and again, each time another one; the last one is left to finish.

    by_step  True: it dies at a step of its own, each of the first `kills` steps once, in any order: see `testing`;
             False: at a random moment
    """
    notebook = await world.notebook()
    world.settled.clear()
    chance = random.Random(seed)
    purposes = [f"{number}" for number in range(payments)]
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["__main__", "manyhands.ledger.outbox.testing"])  # imported once, not per payer
    words = (world.db.dsn, world.node.rpc_url, notebook)

    async def unpaid() -> int:
        query = "select count(*) from outbox.transactions where state = 'final' and recipient is not null"
        async with world.db.connection() as tx:
            return payments - int((await rows(tx, query))[0][0])

    steps = chance.sample(range(1, kills + 1), kills)
    for first in range(0, kills, PAYERS_BESIDE):
        # What is to be paid grows with the kills, so that there is always something under way.
        last = 1 + payments * first // kills
        due = purposes[max(0, last - PAYMENTS_AT_ONCE) : last]
        payers = [
            processes.Process(target=run_payer, args=(*words, due, 1 + (step - 1) % STEPS_MAX if by_step else 0))
            for step in steps[first : first + PAYERS_BESIDE]
        ]
        for payer in payers:
            payer.start()
        for payer in payers:
            if not by_step:
                await asyncio.sleep(chance.uniform(0.02, 0.3))
                payer.kill()
            await asyncio.wait_for(asyncio.to_thread(payer.join), 120)
            assert payer.exitcode == -signal.SIGKILL, "it ended by itself and was not killed"
    payer = processes.Process(target=run_payer, args=(*words, purposes), daemon=True)
    payer.start()
    await until(lambda: _is_zero(unpaid()), patience_s=120 + payments, every_s=0.1)
    payer.kill()
    await asyncio.to_thread(payer.join)
    noted = await world.noted()
    assert sorted(words.rstrip(b"\0").decode() for words in noted) == sorted(purposes)
    assert await world.digest(notebook) == notebook_digest(noted)
    assert await world.alarms() == []


async def _is_zero(count: Awaitable[int]) -> bool:
    return await count == 0


async def test_payers_killed_at_each_of_a_hundred_steps_pay_everything_once(world: World) -> None:
    await payers_killed(world, kills=100, payments=60, seed=8, by_step=True)


async def test_payers_killed_at_random_moments_pay_everything_once(world: World) -> None:
    await payers_killed(world, kills=8, payments=16, seed=9, by_step=False)


@pytest.mark.nightly
@pytest.mark.parametrize("by_step", [True, False])
async def test_payers_killed_a_thousand_times_in_either_way_pay_everything_once(world: World, by_step: bool) -> None:
    await payers_killed(world, kills=1_000, payments=1_500, seed=10, by_step=by_step)


@pytest.mark.nightly
async def test_a_node_killed_four_hundred_times_loses_nothing(world: World) -> None:
    await killed_again_and_again(world, kills=400, seed=6)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 150))
async def test_a_thousand_reorganisations_lose_nothing(world: World, seed: int) -> None:
    await reorganised(world, rounds=20, depth_max=12, seed=seed, local=False)
