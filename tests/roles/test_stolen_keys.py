"""One oracle's key is stolen, in a job without a daily cap, on a real node.

Everybody honest is paid once, as far as the reserve goes, and the job ends by itself or says what it waits for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from manyhands.chain.contracts import OVERTAKEN, encode_call
from manyhands.chain.testing import until
from manyhands.ledger.daily_cap import AGAIN_AFTER_MS
from manyhands.ledger.desk import USED_ELSEWHERE, WAITS, Desk
from manyhands.ledger.outbox import open_alarms
from manyhands.store.database import rows
from manyhands.store.migrations import Room

from . import conftest
from .conftest import CHAIN_A, House
from .test_daily_cap import OPTIONS, WORKERS, Capped, LocalNode, capped
from .test_oracles import finish
from .test_purses_killed import STEPS_MOST, Killer, killer

__all__ = ["killer"]

THIEF = "0x" + "99" * 20
AGAIN_S = AGAIN_AFTER_MS // 1_000 + 900
"""So much later is surely late enough, however slow this machine is."""
UNCAPPED = msgspec.structs.replace(OPTIONS, daily_cap_parts=msgspec.UNSET)


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    own = [Room(name, f"manyhands.roles.{name}") for name in ("launcher", "router", "jury", "recording", "reputation")]
    return [conftest.OUTBOX, Room("ledger", "manyhands.ledger"), *own]


async def worked(run: Capped) -> int:
    """A job with six answers of its pay on the chain. returns  one answer's reward"""
    reward = await run.launch(UNCAPPED) // 20
    await run.work(reward, tasks=3, per_batch=2)
    await run.still()
    assert await run.of_chain("reservedFunds") == 6 * reward
    return reward


async def owed(run: Capped) -> Mapping[str, int]:
    case = await run.reputation.case(run.job_id)
    assert case is not None
    return {pay.worker: pay.total_minor for pay in case.payouts_file().pay}


async def paid(run: Capped) -> Mapping[str, int]:
    return {worker: await run.paid(worker) for worker in await owed(run)}


async def state(run: Capped) -> str:
    return (await run.house.launcher.view(run.job_id)).state


async def told(run: Capped, kind: str = WAITS) -> list[str]:
    """What a person is asked to look at: jobs that cannot end, or what somebody else does with the key."""
    async with run.house.db.connection() as tx:
        return [alarm.told for alarm in await open_alarms(tx) if alarm.kind == kind]


async def signed(run: Capped) -> list[str]:
    """Payouts and endings of the job by the honest oracle, with what became of them."""
    async with run.house.db.connection() as tx:
        found = await rows(
            tx,
            "select purpose, state, reason from outbox.transactions where job_id = %s and sender = %s "
            "order by transaction_id",
            [run.job_id, run.house.keys["reputation"].address],
        )
    return [
        f"{purpose.replace(run.job_id, 'job')} {state}{' ' * (state == 'reverted')}{reason * (state == 'reverted')}"
        for purpose, state, reason in found
    ]


async def test_a_worker_whom_a_thief_paid_early_is_not_paid_again_and_a_stranger_takes_from_what_comes_last(
    house: House, local_node: LocalNode
) -> None:
    async with capped(house, local_node) as run:
        reward = await worked(run)
        theft = [WORKERS[0], THIEF], [reward // 2, 1], "blob:x", "hash", "mine", False
        assert await run.by_hand("reputation", "bulkPayOut", *theft) == ""
        await run.still()
        (alarm,) = await told(run, USED_ELSEWHERE)
        assert alarm.endswith(f"{reward // 2 + 1} base units in all so far"), "its owner hears of it at once"
        await finish(house, run.job_id)
        await run.still()
        due, got = await owed(run), await paid(run)
        assert [worker for worker in due if got[worker] != due[worker]] == [max(due)], "the last in the order of pay"
        assert sum(due.values()) - sum(got.values()) == 1 == await run.paid(THIEF)
        assert await state(run) == "closed" and await run.refused() == []
        assert (await run.settled()).paid_minor == {**got, THIEF: 1}, "the requester is told where the money went"
        assert await run.of_chain("getBalance") == 0 and await told(run) == []
        assert not (await run.audited()).passed, "and an auditor finds it"


async def test_a_payout_that_a_thief_overtook_is_made_anew_by_whoever_dies_on_the_way(
    house: House, local_node: LocalNode, killer: Killer
) -> None:
    async with capped(house, local_node) as run:
        reward, key = await worked(run), house.keys["reputation"]
        await run.client.ask("evm_setAutomine", [False])
        await run.sent_by_hand("reputation", "bulkPayOut", [WORKERS[1]], [reward // 2], "blob:x", "hash", "t", False)
        nonce = await run.client.transaction_count(key.address)
        async with house.db.transaction() as tx:  # what the thief sent is waited for, and signed after
            await tx.execute("insert into outbox.nonces values (%s, %s, %s)", [CHAIN_A, key.address, nonce + 1])
        await finish(house, run.job_id)

        async def sent() -> bool:
            await run.tick()
            return await signed(run) == ["payout:job:0 sent"]

        await until(sent, patience_s=60, every_s=0.1)
        await run.client.ask("evm_setAutomine", [True])
        await run.client.ask("evm_mine", [])
        await run.still()
        assert await signed(run) == [f"payout:job:0 reverted {OVERTAKEN}"]
        await run.to(await run.chain_s() + AGAIN_S)
        at, kills = run.client.facts.contracts, 0
        assert at is not None
        about = {"now_ms": house.clock(), "contracts": msgspec.to_builtins(at)}
        for after in range(1, STEPS_MOST):
            if killer.kill("reputation day", about, after=after) == "done":
                break
            kills += 1
            assert len(await signed(run)) <= 2, f"after step {after}: once or not yet"
        await run.still()
        print(f"{kills} kills")
        assert kills >= 5
        assert (await signed(run))[1:] == ["payout:job:0:again:1 final", "complete:job final"]
        assert await paid(run) == await owed(run) and await state(run) == "closed"
        assert await run.of_chain("getBalance") == 0


async def test_a_thief_who_takes_the_waiting_payout_s_place_and_id_delays_pay_and_takes_what_he_took_alone(
    house: House, local_node: LocalNode
) -> None:
    async with capped(house, local_node) as run:
        await worked(run)
        await run.client.ask("evm_setAutomine", [False])
        await finish(house, run.job_id)

        async def sent() -> bool:
            await run.tick()
            return await signed(run) == ["payout:job:0 sent"]

        await until(sent, patience_s=60, every_s=0.1)
        case = await run.reputation.case(run.job_id)
        assert case is not None
        payout_id = Desk.payout_id(run.job_id, 0, case.payouts_hash)
        theft = [THIEF], [1], "blob:x", case.payouts_hash, payout_id, False
        await run.sent_by_hand("reputation", "bulkPayOut", *theft, fee_wei=10**13)
        await run.client.ask("evm_mine", [])
        await run.client.ask("evm_setAutomine", [True])
        await run.client.ask("evm_mine", [])
        await run.still()
        assert (await signed(run))[0] == "payout:job:0 displaced"
        await run.to(await run.chain_s() + AGAIN_S)
        await run.still()
        assert (await signed(run))[1:] == ["payout:job:1 final", "complete:job final"]
        due, got = await owed(run), await paid(run)
        assert sum(due.values()) - sum(got.values()) == 1 and await state(run) == "closed"
        assert (await run.settled()).paid_minor == {**got, THIEF: 1}


async def test_what_a_thief_reserved_pays_who_earned_it_and_nobody_else_and_the_job_says_what_it_waits_for(
    house: House, local_node: LocalNode
) -> None:
    async with capped(house, local_node) as run:
        reward, key = await worked(run), house.keys["recording"]
        unreserved = await run.of_chain("remainingFunds") - 6 * reward
        await run.client.ask("evm_setAutomine", [False])
        nonce = await run.client.transaction_count(key.address)
        await run.sent_by_hand("recording", "reserve", unreserved, b"\7" * 32)  # all there is, ahead of an honest batch
        async with house.db.transaction() as tx:
            await tx.execute("update outbox.nonces set next_nonce = %s where sender = %s", [nonce + 1, key.address])
        await run.work(reward, tasks=1, per_batch=2, start=50)
        await finish(house, run.job_id)

        async def sent() -> bool:
            await run.tick()
            return await acts_sent(run) == 1

        await until(sent, patience_s=60, every_s=0.1)
        await run.client.ask("evm_setAutomine", [True])
        await run.client.ask("evm_mine", [])
        await run.still()
        assert await run.refused() == [f"anchor:{run.job_id}:4: {OVERTAKEN}"]
        due = await owed(run)
        assert await paid(run) == due and sum(due.values()) >= 8 * reward, "out of what the thief has reserved"
        left = unreserved + 6 * reward - sum(due.values())
        assert await state(run) == "settling" and await signed(run) == ["payout:job:0 final"]
        (because,) = await told(run)
        assert because.startswith(f"{left} base units are reserved that nobody has earned")
        # the jury rules that there is no work behind it: nobody has to do anything more
        await as_the_jury(run, "release", b"\5" * 32, left)
        await run.still()
        assert await state(run) == "closed" and await told(run) == []
        assert await run.of_chain("getBalance") == 0
        await run.to(await run.chain_s() + AGAIN_S)
        await run.still()
        assert await run.book_pending() == 0 and len(await run.refused()) == 1, "nothing more is tried"


async def acts_sent(run: Capped) -> int:
    async with run.house.db.connection() as tx:
        sender = run.house.keys["recording"].address
        found = await rows(
            tx, "select 1 from outbox.transactions where sender = %s and state in ('sent', 'mined')", [sender]
        )
    return len(found)


async def as_the_jury(run: Capped, function: str, *arguments: object) -> None:
    """A ruling, as the jury's contract carries it out; how jurors come to one is shown elsewhere."""
    at = run.client.facts.contracts
    assert at is not None
    jury = await run.client.call(at.factory, encode_call("EscrowFactory", "jury"))
    address = "0x" + jury[-20:].hex()
    await run.client.ask("anvil_setBalance", [address, hex(10**18)])
    await run.client.ask("anvil_impersonateAccount", [address])
    call = "0x" + encode_call("Escrow", function, *arguments).hex()
    await run.client.ask("eth_sendTransaction", [{"from": address, "to": run.escrow, "data": call}])

    async def heard() -> bool:
        async with run.house.db.connection() as tx:
            return bool(await rows(tx, "select 1 from outbox.events where name = 'Released'"))

    await until(heard, patience_s=60)
