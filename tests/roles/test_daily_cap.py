"""A job with a daily cap on a real node, over days: the chain refuses nothing, everyone is paid once, nothing waits
longer than it has to, and a stolen key takes a day's share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest

from manyhands.apps.verify import ChainEntry, Proof, Report, verify
from manyhands.chain.client import ChainClient
from manyhands.chain.contracts import DeploymentTerms, decode_call, encode_call
from manyhands.chain.errors import CallReverted
from manyhands.chain.facts import ChainFacts
from manyhands.chain.indexer import Event
from manyhands.chain.keys import UnsignedTransaction, dev_key
from manyhands.chain.node import LocalNode
from manyhands.chain.testing import until
from manyhands.ledger.as_told import EscrowNotAsTold, EscrowTold
from manyhands.ledger.before_sending import Holdings
from manyhands.ledger.books import reconcile, recount
from manyhands.ledger.deploy import ensure_deployed
from manyhands.ledger.desk import DeskEvent
from manyhands.ledger.events import follow_chain
from manyhands.ledger.outbox import Entry
from manyhands.ledger.outbox.sender import Sender
from manyhands.ledger.posting import account, currency_of
from manyhands.protocol import canonical
from manyhands.protocol.daily_cap import DAY_S, cap_minor, chain_day
from manyhands.protocol.ids import system_clock
from manyhands.protocol.manifest import PayRule, Wishes, parse_manifest
from manyhands.protocol.messages import (
    AnswerFact,
    AnswersCollected,
    JobSettled,
    Role,
    Routing,
    TaskFacts,
    TasksOpened,
)
from manyhands.roles.launcher import LaunchOptions
from manyhands.roles.recording import RecordingOracle
from manyhands.roles.reputation import ReputationOracle
from manyhands.roles.router import Health
from manyhands.store.database import Tx, rows, scalar
from manyhands.store.jobs import enqueue
from manyhands.store.migrations import Room

from . import conftest
from .conftest import CHAIN_A, CHAIN_B, House
from .test_oracles import finish
from .test_purses_killed import STEPS_MOST, Killer, killer
from .test_report_on_chain import addresses_of, number

__all__ = ["killer"]

PARTS = 3
WORKERS = [f"0x{letter * 40}" for letter in "abcdef"]
OPTIONS: LaunchOptions = msgspec.structs.replace(
    conftest.OPTIONS,
    pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000, effort_base_ms=9_000, effort_char_ms=1),
    daily_cap_parts=PARTS,
)


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    own = [Room(name, f"manyhands.roles.{name}") for name in ("launcher", "router", "jury", "recording", "reputation")]
    return [conftest.OUTBOX, Room("ledger", "manyhands.ledger"), *own]


@dataclass
class Capped:
    """A house whose chain runs and whose clock is the chain's."""

    house: House
    client: ChainClient
    recording: RecordingOracle
    reputation: ReputationOracle
    job_id: str = ""
    escrow: str = ""

    async def chain_s(self) -> int:
        return (await self.client.head()).timestamp_s

    async def to(self, time_s: int) -> None:
        """Moves chain and house to a moment of the chain's clock."""
        ahead = time_s - await self.chain_s()
        await self.client.ask("evm_increaseTime", [ahead])
        await self.client.ask("evm_mine", [])
        self.house.clock.now_ms = await self.chain_s() * 1_000

    async def next_day(self, *, after_s: int = 300) -> None:
        await self.to((await self.chain_s() // DAY_S + 1) * DAY_S + after_s)

    async def tick(self) -> None:
        for role in (self.recording, self.reputation):
            role._looked_at_ms = 0
            await role.tick()
        await self.house.settle()

    async def still(self) -> None:
        """Until nothing is under way: all that the day had room for is on the chain and known."""

        before = 0

        async def quiet() -> bool:
            nonlocal before
            await self.tick()
            async with self.house.db.connection() as tx:
                open_acts = await scalar(
                    tx, "select count(*) from outbox.transactions where state in ('waiting', 'sent', 'mined')"
                )
                unseen = await scalar(
                    tx,
                    "select count(*) from outbox.transactions one where state = 'final' and job_id <> '' "
                    "and purpose not like 'launch:approve:%%' "  # a token's approval is no event of ours
                    "and not exists (select from outbox.events event where event.tx_hash = one.tx_hash)",
                )
            before = before + 1 if not open_acts and not unseen else 0
            return before > 1  # what was stored after the first look is heard in the second

        await until(quiet, patience_s=120, every_s=0.1)

    async def of_chain(self, function: str) -> int:
        return await number(self.client, "Escrow", self.escrow, function)

    async def paid(self, worker: str) -> int:
        at = self.client.facts.contracts
        assert at is not None
        return await number(self.client, "TestToken", at.token, "balanceOf", worker)

    async def by_day(self, name: str, field: str) -> Mapping[int, int]:
        """What the chain counted by day."""
        days: dict[int, int] = {}
        async with self.house.db.connection() as tx:
            found = await rows(
                tx,
                "select args, block_timestamp_s from outbox.events where contract = %s and name = %s and not orphaned",
                [self.escrow, name],
            )
        for args, time_s in found:
            value = args[field]
            minor = sum(map(int, value)) if isinstance(value, list) else int(value)
            days[chain_day(time_s)] = days.get(chain_day(time_s), 0) + minor
        return days

    async def reserved_by_day(self) -> dict[int, int]:
        days = dict(await self.by_day("Anchored", "reserved"))
        for day, minor in (await self.by_day("Reserved", "amount")).items():
            days[day] = days.get(day, 0) + minor
        return days

    async def refused(self) -> list[str]:
        async with self.house.db.connection() as tx:
            found = await rows(tx, "select purpose, reason from outbox.transactions where state = 'reverted'")
        return [f"{purpose}: {reason}" for purpose, reason in found]

    async def launch(self, options: LaunchOptions = OPTIONS) -> int:
        """The job on the chain. returns  what a day may reserve, and pay; the funds where there is no cap"""
        view = await self.house.launcher.draft([await self.house.page("r1")], options)
        await self.house.launcher.approve(view.job_id)
        await self.house.settle()

        async def opened() -> bool:
            await self.house.settle()
            return (await self.house.launcher.view(view.job_id)).state == "open"

        await until(opened, patience_s=120, every_s=0.1)
        await self.house.settle()
        self.job_id, self.escrow = view.job_id, (await self.house.launcher.view(view.job_id)).escrow
        return view.quote_total_minor if view.daily_cap is None else view.daily_cap.per_day_minor

    async def believes_only_the_cap_that_was_told(self) -> None:
        async with self.house.db.transaction() as tx:
            ((manifest, routing),) = await rows(
                tx, "select manifest, routing from launcher.jobs where job_id = %s", [self.job_id]
            )
            told = EscrowTold.of(
                parse_manifest(manifest),
                canonical.decode(routing, Routing),
                job_id=self.job_id,
                escrow=self.escrow,
                launcher=self.house.keys["launcher"].address,
            )
            for desk in (self.recording.desk, self.reputation.desk):
                await desk.need_as_told(tx, CHAIN_A, told)
                for parts in (0, PARTS - 1, PARTS + 1):
                    with pytest.raises(EscrowNotAsTold, match="daily cap"):
                        await desk.need_as_told(tx, CHAIN_A, replace(told, cap_parts=parts))

    async def work(self, reward_minor: int, *, tasks: int, per_batch: int, start: int = 0) -> None:
        """So many tasks, each answered alike by two workers, sent in batches of so many answers."""
        made = [
            TaskFacts(
                task_id=f"t{place:03}", question="text", gold=False, effort_ms=9_000, reward_minor=reward_minor,
                readings=(),
            )
            for place in range(start, start + tasks)
        ]  # fmt: skip
        opened = TasksOpened(job_id=self.job_id, batch_no=1 + start, tasks=tuple(made), complete=False)
        await self.house.say("exchange", opened, to="recording")
        given = [
            AnswerFact(task_id=one.task_id, worker=WORKERS[(2 * place + k) % len(WORKERS)], text="x", active_ms=1_000,
                       received_at_ms=self.house.clock() + place)
            for place, one in enumerate(made)
            for k in (0, 1)
        ]  # fmt: skip
        for batch_no, at in enumerate(range(0, len(given), per_batch), 1 + start):
            batch = AnswersCollected(job_id=self.job_id, batch_no=batch_no, answers=tuple(given[at : at + per_batch]))
            await self.house.say("exchange", batch, to="recording")

    async def sent_by_hand(self, role: Role, function: str, *arguments: object, fee_wei: int = 10**11) -> str:
        """The same before anybody has heard of it. Returns the transaction."""
        key = self.house.keys[role]
        nonce = await self.client.transaction_count(key.address)
        call = encode_call("Escrow", function, *arguments)
        unsigned = UnsignedTransaction(CHAIN_A, nonce, self.escrow, call, 0, 800_000, fee_wei, fee_wei // 100)
        signed = key.sign_transaction(unsigned)
        await self.client.send_raw(signed.raw, signed.tx_hash)
        return signed.tx_hash

    async def by_hand(self, role: Role, function: str, *arguments: object) -> str:
        """Whoever has a role's key sends past its outbox. Returns why it was refused, "" if it was not."""
        key = self.house.keys[role]
        nonce = await self.client.transaction_count(key.address)
        tx_hash = await self.sent_by_hand(role, function, *arguments)
        async with self.house.db.transaction() as tx:  # its owner has noticed, and goes on with the nonce after it
            await tx.execute(
                "insert into outbox.nonces values (%s, %s, %s) "
                "on conflict (chain_id, sender) do update set next_nonce = excluded.next_nonce",
                [CHAIN_A, key.address, nonce + 1],
            )

        async def mined() -> bool:
            return (await self.client.receipts([tx_hash]))[0] is not None

        await until(mined, patience_s=60)
        receipt = (await self.client.receipts([tx_hash]))[0]
        assert receipt is not None
        if receipt.succeeded:

            async def seen() -> bool:
                async with self.house.db.connection() as tx:
                    found = await rows(tx, "select 1 from outbox.events where tx_hash = %s", [tx_hash])
                return bool(found)

            await until(seen, patience_s=60)
            return ""
        with pytest.raises(CallReverted) as refused:
            await self.client.call(self.escrow, encode_call("Escrow", function, *arguments), sender=key.address)
        return refused.value.reason

    async def book_pending(self) -> int:
        """What the recording oracle's book holds for acts that the chain has not shown."""
        async with self.house.db.connection() as tx:
            return int(
                await scalar(tx, "select count(*) from ledger.postings where book = 'recording' and state = 'pending'")
            )

    async def audited(self) -> Report:
        """What anybody finds who judges the job again from evidence and chain."""
        case = await self.reputation.case(self.job_id)
        assert case is not None and case.payouts is not None
        blobs: tuple[str, ...] = canonical.decode(case.evidence_blobs or b"[]", tuple[str, ...])
        async with self.house.db.connection() as tx:
            events = await rows(
                tx,
                "select name, args, tx_hash from outbox.events where contract = %s "
                "order by block_number, index_in_block",
                [self.escrow],
            )
        proof = Proof(
            manifest=case.manifest,
            evidence=[await self.house.blobs.get(blob) for blob in blobs],
            payouts=case.payouts,
            package=None,
            chain=[ChainEntry(*event) for event in events],
            decimals=self.client.facts.token.decimals,
        )
        return verify(self.job_id, proof)

    async def settled(self) -> JobSettled:
        """What the launcher was told at the end."""
        async with self.house.db.connection() as tx:
            raw = await scalar(tx, "select settled from launcher.jobs where job_id = %s", [self.job_id])
        body: JobSettled = canonical.decode(raw, JobSettled)
        return body

    async def lived(self, *, most_days: int = 12) -> int:
        """Day by day until the job is closed; how many days that took."""
        for days in range(most_days):
            await self.still()
            if (await self.house.launcher.view(self.job_id)).state == "closed":
                return days
            await self.next_day()
        raise AssertionError((await self.house.launcher.view(self.job_id)).state)


@asynccontextmanager
async def capped(house: House, node: LocalNode, *, decimals: int = 6) -> AsyncIterator[Capped]:
    """Contracts, stake, sender, indexer and both oracles, until the block ends.

    decimals  of the token, which is counted with 6
    """
    deployer, at = dev_key(0), addresses_of(dev_key(0).address)
    facts = node.facts.at([node.rpc_url]).with_contracts(at)
    (token,) = facts.tokens
    facts = msgspec.structs.replace(facts, tokens=(msgspec.structs.replace(token, decimals=decimals),))
    unit = facts.token.unit
    if unit > 1:
        house.launcher.policy = replace(house.launcher.policy, divided=frozenset({token.symbol}))
    house.health[CHAIN_B] = Health(ok=False, because="not part of this test")
    recording = RecordingOracle(house.context("recording"), house.desk("recording"))
    reputation = ReputationOracle(house.context("reputation"), house.desk("reputation"))
    for name, role in (("recording", recording), ("reputation", reputation)):
        house.mailbox.register(name, house.keys[name].address, role.on_message)  # type: ignore[index, attr-defined]
    for work, body in reputation.jobs().items():
        house.work.task(work)(body)
    stop = asyncio.Event()

    async def hear(event: dict[str, Any]) -> None:
        """As the platform does it: after the event is stored with the others of its transaction."""
        said = DeskEvent(**event)
        async with house.db.transaction() as tx:
            await house.launcher.on_chain_event(tx, said)
            for role in (recording, reputation):
                await role.desk.hold_book(tx, said.whose)
                job_id = await role.job_of_escrow(tx, said.chain_id, said.whose)
                if job_id is not None:
                    await role.desk.keep_books(tx, said, job_id=job_id)
            await reputation.on_chain_event(tx, said)

    house.work.task("chain.event")(hear)

    async def dispatch(tx: Tx, event: Event) -> None:
        said = DeskEvent.of(event)
        await enqueue(
            tx, "chain.event", queue="roles", args={"event": msgspec.to_builtins(said)}, lock=f"chain:{said.whose}"
        )

    async def settled(tx: Tx, entry: Entry) -> None:
        for role in (recording, reputation):
            await role.desk.give_up(tx, entry)
        await recording.settled(tx, entry)

    async with ChainClient(facts) as client:
        began_ms = system_clock()
        sender = Sender(
            house.db,
            {client.chain_id: client},
            settled=settled,
            clock=lambda: house.clock.now_ms + system_clock() - began_ms,  # the house's, and never standing still
            resend_after_ms=500,
        )
        await sender.resume()
        tasks = [asyncio.create_task(sender.run(stop))]
        try:
            await ensure_deployed(
                house.db,
                facts,
                deployer,
                terms=DeploymentTerms(jury_operator=house.keys["jury"].address, token_decimals=decimals),
                gas_for={key.address: 10**20 for key in house.keys.values()},
                tokens_for={house.keys["launcher"].address: 10**12 * unit},
            )
            house.chains.put(facts)
            async with house.db.transaction() as tx:
                await house.launcher.desk.stake(tx, chain_id=CHAIN_A, amount_minor=50_000_000)
            tasks.append(asyncio.create_task(follow_chain(house.db, client, dispatch=dispatch, stop=stop)))
            run = Capped(house, client, recording, reputation)
            house.clock.now_ms = await run.chain_s() * 1_000
            await run.next_day()
            yield run
        finally:
            stop.set()
            await asyncio.gather(*tasks)


async def test_a_capped_job_is_reserved_and_paid_over_days_everyone_once_and_the_books_are_the_chain(
    house: House, local_node: LocalNode
) -> None:
    async with capped(house, local_node) as run:
        share = await run.launch()
        assert await run.of_chain("dailyCap") == share
        quoted = (await house.launcher.view(run.job_id)).quote_total_minor
        assert share == cap_minor(quoted, PARTS)
        await run.believes_only_the_cap_that_was_told()
        await run.work(share // 4, tasks=5, per_batch=3)  # ten answers, two and a half shares
        await finish(house, run.job_id)
        await run.lived()
        assert await run.book_pending() == 0
        assert await run.refused() == []
        reserved, paid = await run.reserved_by_day(), await run.by_day("BulkTransferV3", "amounts")
        assert all(minor <= share for minor in (*reserved.values(), *paid.values()))
        assert len(reserved) == 3 and len(paid) == 3
        (file,) = [await run.reputation.case(run.job_id)]
        assert file is not None
        owed = {pay.worker: pay.total_minor for pay in file.payouts_file().pay}
        assert {worker: await run.paid(worker) for worker in WORKERS} == owed
        assert await run.of_chain("getBalance") == 0
        report = await run.audited()
        assert report.passed, report.checks
        async with house.db.connection() as tx:
            currency = currency_of(CHAIN_A, run.client.facts.contracts.token)  # type: ignore[union-attr]
            nothing = {(account(kind, run.escrow), currency): 0 for kind in ("escrow", "reserved", "fees")}
            for book in ("recording", "reputation"):
                assert await reconcile(tx, book, nothing) == []
            assert await recount(tx) == []
            assert await scalar(tx, "select count(*) from outbox.alarms") == 0


@pytest.mark.nightly
@pytest.mark.parametrize("stolen_base", [0, 1])
async def test_a_capped_job_in_a_token_of_18_decimals_is_paid_over_days_to_the_base_unit(
    house: House, local_node: LocalNode, stolen_base: int
) -> None:
    async with capped(house, local_node, decimals=18) as run:
        await run.launch()
        unit, thief = run.client.facts.token.unit, "0x" + "99" * 20
        quoted = (await house.launcher.view(run.job_id)).quote_total_minor
        a_day = await run.of_chain("dailyCap")
        assert unit == 10**12 and a_day == quoted * unit // PARTS + 1
        await run.believes_only_the_cap_that_was_told()
        await run.work(a_day // unit // 4, tasks=5, per_batch=3)  # ten answers, two and a half shares
        await run.still()
        if stolen_base:  # a part of a minor unit, which no honest payout would ever be
            assert await run.by_hand("reputation", "bulkPayOut", [thief], [stolen_base], "u", "h", "t", False) == ""
        await finish(house, run.job_id)
        await run.lived()
        assert await run.refused() == [] and await run.book_pending() == 0
        reserved, paid = await run.reserved_by_day(), await run.by_day("BulkTransferV3", "amounts")
        assert max((*reserved.values(), *paid.values())) <= a_day and len(reserved) == 3
        assert all(base % unit == 0 for base in reserved.values()), "whole minor units"
        case = await run.reputation.case(run.job_id)
        assert case is not None
        owed = {pay.worker: pay.total_minor * unit for pay in case.payouts_file().pay}
        got = {worker: await run.paid(worker) for worker in owed}
        assert sum(owed.values()) - sum(got.values()) == stolen_base == await run.paid(thief)
        assert [worker for worker in owed if got[worker] != owed[worker]] == [max(owed)][:stolen_base]
        assert await run.of_chain("getBalance") == 0 and await run.of_chain("reservedFunds") == 0
        report = await run.audited()
        assert report.passed is not bool(stolen_base), report.checks
        settled = await run.settled()
        assert sum(settled.paid_minor.values()) + settled.fees_minor + settled.refunded_minor in (quoted, quoted - 1)
        async with house.db.connection() as tx:
            at = run.client.facts.contracts
            assert at is not None
            nothing = {
                (account(kind, run.escrow), currency_of(CHAIN_A, at.token)): 0 for kind in ("escrow", "reserved")
            }
            for book in ("recording", "reputation"):
                assert await reconcile(tx, book, nothing) == []
            assert await recount(tx) == []


async def test_a_stolen_key_takes_a_days_share_and_the_others_are_paid_what_is_left(
    house: House, local_node: LocalNode
) -> None:
    async with capped(house, local_node) as run:
        share, thief = await run.launch(), "0x" + "99" * 20
        await run.work(share // 8, tasks=2, per_batch=4)  # half a share, honestly
        await run.still()
        used = await run.of_chain("reservedFunds")
        assert await run.by_hand("recording", "reserve", share, b"\7" * 32) == "Daily cap"
        assert await run.by_hand("recording", "reserve", share - used, b"\7" * 32) == ""
        assert await run.by_hand("recording", "reserve", 1, b"\7" * 32) == "Daily cap"
        await run.work(share // 8, tasks=2, per_batch=4, start=50)  # the oracle sees the day used up, and waits
        await run.still()
        assert await run.of_chain("reservedFunds") == share
        await run.next_day()
        await run.still()
        assert await run.of_chain("reservedFunds") == share + used
        # the other key, on a day of its own: what is reserved is paid to the thief, as far as a day goes
        assert await run.by_hand("reputation", "bulkPayOut", [thief], [share + 1], "u", "h", "t1", False) == "Daily cap"
        assert await run.by_hand("reputation", "bulkPayOut", [thief], [share], "u", "h", "t2", False) == ""
        assert await run.by_hand("reputation", "bulkPayOut", [thief], [1], "u", "h", "t3", False) == "Daily cap"
        await finish(house, run.job_id)
        for _ in range(5):  # the thief has used the oracle's next nonces: it signs anew until one is its own
            await run.still()
            await run.next_day()
        await run.still()
        assert await run.paid(thief) == share
        honest = sum([await run.paid(worker) for worker in WORKERS])
        assert honest == share // 8 * 8 + (share - used) - share and await run.of_chain("reservedFunds") == 0
        assert await run.refused() == []  # nothing of the oracles' own was sent in vain


@pytest.mark.nightly  # why no day is overdrawn is tried in ledger/test_daily_cap.py; here on a node
async def test_what_the_chain_refuses_for_its_day_goes_on_the_next_and_what_is_mined_after_midnight_counts_there(
    house: House, local_node: LocalNode
) -> None:
    async with capped(house, local_node) as run:
        share = await run.launch()
        await run.work(share // 4, tasks=2, per_batch=4)  # a whole share
        await run.still()
        first = await run.of_chain("reservedFunds")
        assert share - 4 <= first <= share
        # our clock runs a day ahead of the chain's: what is signed for tomorrow is refused today
        house.clock.now_ms += DAY_S * 1_000
        await run.work(share // 4, tasks=1, per_batch=4, start=50)
        await run.still()
        (refusal,) = await run.refused()
        assert refusal.endswith("Daily cap") and await run.of_chain("reservedFunds") == first
        assert await run.book_pending() == 1, "it is still owed"
        await run.next_day(after_s=2 * 3_600)
        await run.still()
        assert await run.of_chain("reservedFunds") == first + 2 * (share // 4)
        assert len(await run.refused()) == 1 and await run.book_pending() == 0
        # signed before midnight and mined after it: the new day knows of it
        await run.to((await run.chain_s() // DAY_S + 1) * DAY_S - 30)
        await run.client.ask("evm_setAutomine", [False])
        await run.work(share // 4, tasks=1, per_batch=4, start=70)
        await asyncio.sleep(0.5)
        await run.client.ask("evm_increaseTime", [400])
        await run.client.ask("evm_setAutomine", [True])
        await run.client.ask("evm_mine", [])
        house.clock.now_ms = await run.chain_s() * 1_000
        await run.still()
        days = await run.reserved_by_day()
        assert sorted(days.values())[-1] <= share and len(await run.refused()) == 1
        assert days[max(days)] == 2 * (share // 4), "it counts into the day it was mined on"


async def test_a_freeze_is_waited_for_and_what_the_last_days_cannot_hold_strands_nobody(
    house: House, local_node: LocalNode
) -> None:
    async with capped(house, local_node) as run:
        share = await run.launch()
        await run.work(share // 4, tasks=2, per_batch=1)  # a whole share
        await run.still()
        assert await run.by_hand("exchange", "freeze", b"\5" * 32) == ""
        await run.next_day()
        await run.work(share // 4, tasks=3, per_batch=1, start=50)  # one and a half
        await run.still()
        first = await run.of_chain("reservedFunds")
        assert first <= share and await run.refused() == []
        # its launcher asks for the end as soon as it can, a week later; only the very last hour is used to record
        await run.to(await run.chain_s() + 7 * DAY_S)
        assert await run.by_hand("launcher", "requestCancellation") == ""
        await run.to(await run.of_chain("cancelDeadline") - 3_600)
        await run.still()
        assert await run.of_chain("reservedFunds") == first + 4 * (share // 4)
        await run.to(await run.of_chain("cancelDeadline") + 8 * DAY_S)
        await finish(house, run.job_id)
        await run.lived()
        paid = sum([await run.paid(worker) for worker in WORKERS])
        assert paid == first + 4 * (share // 4), "all that was reserved, and what answers earned before anything on top"
        assert await run.of_chain("getBalance") == 0 and await run.book_pending() == 0
        settled = await run.settled()
        assert sum(settled.paid_minor.values()) == paid


async def test_a_freeze_delays_what_answers_earned_in_a_job_without_a_cap_and_takes_none_of_it(
    house: House, local_node: LocalNode
) -> None:
    async with capped(house, local_node) as run:
        funds = await run.launch(msgspec.structs.replace(OPTIONS, daily_cap_parts=msgspec.UNSET))
        reward = funds // 20
        await run.client.ask(
            "evm_setAutomine", [False]
        )  # nor does the node's keeper mine: nobody hears of the freeze yet
        await run.sent_by_hand("exchange", "freeze", b"\5" * 32)
        await run.client.ask("evm_mine", [])
        await run.work(reward, tasks=1, per_batch=2)  # signed by who has not heard of it, and refused for it
        await run.client.ask("evm_setAutomine", [True])
        await run.client.ask("evm_mine", [])
        await run.still()
        assert [reason.split(": ")[-1] for reason in await run.refused()] == ["Frozen"]
        await run.work(reward, tasks=2, per_batch=2, start=50)  # who has heard of it signs nothing
        await run.still()
        assert await run.of_chain("reservedFunds") == 0 and len(await run.refused()) == 1
        await run.to(await run.chain_s() + 7 * DAY_S + 3_600)
        await run.still()
        assert await run.of_chain("reservedFunds") == 6 * reward and len(await run.refused()) == 1
        await finish(house, run.job_id)
        await run.lived(most_days=2)
        case = await run.reputation.case(run.job_id)
        assert case is not None
        owed = {pay.worker: pay.total_minor for pay in case.payouts_file().pay}
        assert {worker: await run.paid(worker) for worker in owed} == owed and sum(owed.values()) >= 6 * reward
        assert await run.of_chain("getBalance") == 0 and await run.book_pending() == 0
        own = [one for one in await house.transactions(run.job_id) if one.sender == house.keys["reputation"].address]
        assert [one.purpose for one in own] == [f"payout:{run.job_id}:0", f"complete:{run.job_id}"], "one of each"
        assert (await run.audited()).passed


@pytest.mark.nightly
async def test_whoever_dies_in_the_middle_of_a_new_day_has_done_all_of_a_step_or_nothing(
    house: House, local_node: LocalNode, killer: Killer
) -> None:
    async with capped(house, local_node) as run:
        share = await run.launch()
        await run.work(share // 4, tasks=4, per_batch=1)  # two shares
        await run.still()
        await finish(house, run.job_id)
        kills = {"recording day": 0, "reputation day": 0}
        at = run.client.facts.contracts
        assert at is not None
        for days in range(8):
            if (await house.launcher.view(run.job_id)).state == "closed":
                break
            if days:
                await run.next_day()
            for day in kills if days in (1, 2) else ():
                about = {"now_ms": house.clock(), "contracts": msgspec.to_builtins(at)}
                for after in range(1, STEPS_MOST):
                    if killer.kill(day, about, after=after) == "done":
                        break
                    kills[day] += 1
            await run.still()
        print(f"{kills} kills")
        assert min(kills.values()) >= 5
        assert (await house.launcher.view(run.job_id)).state == "closed" and await run.refused() == []
        assert max((await run.reserved_by_day()).values()) <= share
        case = await run.reputation.case(run.job_id)
        assert case is not None
        owed = {pay.worker: pay.total_minor for pay in case.payouts_file().pay}
        assert {worker: await run.paid(worker) for worker in owed} == owed


async def test_an_escrow_that_was_made_gets_cap_funds_and_setup_together_or_not_yet(
    house: House, killer: Killer
) -> None:
    await house.stake(CHAIN_A)
    kills = 0
    for after in range(2, STEPS_MOST, 4):
        options = msgspec.structs.replace(OPTIONS, request_key=f"request {after}")
        view = await house.launcher.draft([await house.page("r1")], options)
        await house.launcher.approve(view.job_id)
        await house.settle()
        (made,) = await house.transactions(view.job_id)
        escrow = f"0x{after:040x}"
        said = DeskEvent(
            chain_id=CHAIN_A, contract="EscrowFactory", address=conftest.CONTRACTS.factory, name="LaunchedV2",
            args={"token": conftest.CONTRACTS.token, "escrow": escrow, "jobRequesterId": view.job_id},
            tx_hash=made.tx_hash, block_number=9,
        )  # fmt: skip
        told = killer.kill("escrow made", {"event": msgspec.to_builtins(said)}, after=after)
        assert len(await house.transactions(view.job_id)) in (1, 4), f"after step {after}"
        for _ in range(2):  # the indexer tells it again
            await house.chain_says("launcher", said)
        _, cap, fund, setup = await house.transactions(view.job_id)
        assert (cap.nonce, fund.nonce, setup.nonce) == (cap.nonce, cap.nonce + 1, cap.nonce + 2)
        assert (cap.recipient, fund.recipient, setup.recipient) == (escrow, conftest.CONTRACTS.token, escrow)
        assert decode_call("Escrow", "setDailyCap", cap.data) == (PARTS,)
        assert decode_call("TestToken", "transfer", fund.data) == (escrow, view.quote_total_minor)
        assert (await house.launcher.view(view.job_id)).state == "funding"
        if told == "done":
            break
        kills += 1
    print(f"{kills} kills")
    assert kills >= 5


async def test_tokens_promised_to_an_escrow_that_is_being_made_are_not_promised_twice(house: House) -> None:
    """Between the escrow's making and its funding no signed transaction holds them: the launcher's own table does."""
    await house.stake(CHAIN_A)
    price = 0
    held = 0

    async def holdings(facts: ChainFacts, wallet: str, token: str) -> Holdings:
        return Holdings(tokens_base=held, gas_wei=10**20)

    house.launcher.desk._holdings = holdings
    states = []
    for place in range(3):
        options = msgspec.structs.replace(OPTIONS, request_key=f"request {place}", wishes=Wishes(chain_ids=(CHAIN_A,)))
        view = await house.launcher.draft([await house.page("r1")], options)
        price, held = view.quote_total_minor, 2 * view.quote_total_minor
        await house.launcher.approve(view.job_id)
        await house.settle()
        states.append((await house.launcher.view(view.job_id)).state)
    assert price > 0 and states == ["funding", "funding", "refused"]
