"""A job with a daily cap lends as far as the day goes, says so before, and goes on tomorrow."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.ledger.daily_cap import DayUsed
from manyhands.ledger.desk import DeskEvent
from manyhands.protocol.daily_cap import DAY_S, cap_minor
from manyhands.store.database import Database, Tx

from .accounts import Account
from .capping import Capping
from .errors import DayIsFull, JobNotOpen
from .lending import Given
from .test_role import House
from .testing import CHAIN_ID, ESCROW, OpenJob, put_open_job
from .views import Offer

REWARD_MINOR = 20_000
SHARE_MINOR = cap_minor(10 * 5 * REWARD_MINOR, 10)
"""What a day holds in these jobs: five answers."""


class Chain:
    """The chain's word, as the test sets it."""

    def __init__(self) -> None:
        self.today = self.ever = 0
        self.ends_at_s = 20_000 * DAY_S

    async def __call__(self, tx: Tx, chain_id: int, escrow: str) -> DayUsed:
        return DayUsed(self.ends_at_s, self.today, self.ever)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path / "blobs")


@pytest.fixture
def chain(house: House) -> Chain:
    found = Chain()
    house.exchange.capping._read_day = found
    return found


async def person(house: House, name: str) -> Account:
    return (await house.exchange.accounts.sign_up(name, "correct horse battery", simulated=True))[1]


async def open_job(house: House, *, cap_parts: int = 10) -> None:
    job = OpenJob(
        per_page=40, simulated=True, reward_minor=REWARD_MINOR, cap_parts=cap_parts,
        funded_minor=10 * 5 * REWARD_MINOR,
    )  # fmt: skip
    async with house.db.transaction() as tx:
        await put_open_job(tx, job)
        await tx.execute("update exchange.jobs set recording = %s", (house.keys["recording"].address,))
    await house.exchange.refresh_offers(older_than_ms=0)


async def offer_of(house: House, worker: Account) -> Offer:
    (offer,) = await house.exchange.offers(worker.worker)
    return offer


async def lent(house: House, worker: Account, count: int) -> int:
    return len((await house.exchange.claim(worker.worker, "job-1", count)).assignments)


async def test_a_day_lends_what_its_share_holds_and_the_next_day_goes_on(house: House, chain: Chain) -> None:
    one, two = await person(house, "one"), await person(house, "two")
    await open_job(house)
    share = (await offer_of(house, one)).daily_share
    assert share is not None
    assert (share.parts, share.left_minor, share.next_at_ms) == (10, SHARE_MINOR, chain.ends_at_s * 1_000)
    assert await lent(house, one, 3) == 3
    assert await lent(house, two, 20) == 2, "five answers are a day"
    three = await person(house, "three")
    left = (await offer_of(house, three)).daily_share
    assert left is not None and left.left_minor < REWARD_MINOR and left.full and not share.full
    told = (await house.exchange.progress("job-1")).daily_share
    assert told == left, "its requester is told the same"
    with pytest.raises(DayIsFull, match="1/10 of this job's funds") as refused:
        await lent(house, three, 1)
    assert "00:00 UTC" in (refused.value.cure or "")
    chain.today = chain.ever = 5 * REWARD_MINOR  # all five on the chain, and yet held: nothing more fits today
    with pytest.raises(DayIsFull):
        await lent(house, three, 1)
    chain.today = 0  # tomorrow
    assert await lent(house, three, 20) == 5


async def test_who_holds_tasks_gets_the_same_ones_again_and_may_answer_on_a_day_that_is_full(
    house: House, chain: Chain
) -> None:
    one = await person(house, "one")
    await open_job(house)
    bundle = await house.exchange.claim(one.worker, "job-1", 5)
    chain.today = chain.ever = SHARE_MINOR  # by somebody who stole the oracle's key
    again = await house.exchange.claim(one.worker, "job-1", 5)
    assert again.assignments == bundle.assignments
    given = [Given(each.assignment_id, "12.50", 3_000) for each in bundle.assignments]
    assert {each.outcome for each in await house.exchange.submit(one.worker, "job-1", given)} == {"stored"}


async def test_answers_on_their_way_to_the_chain_count_against_the_day(house: House, chain: Chain) -> None:
    one, two = await person(house, "one"), await person(house, "two")
    await open_job(house)
    bundle = await house.exchange.claim(one.worker, "job-1", 4)
    given = [Given(each.assignment_id, "12.50", 3_000) for each in bundle.assignments]
    await house.exchange.submit(one.worker, "job-1", given)
    assert await lent(house, two, 5) == 1, "four wait to be collected"
    await house.exchange.collecting.collect_all()
    three = await person(house, "three")
    with pytest.raises(DayIsFull):  # four are collected, one is lent
        await lent(house, three, 1)


async def test_a_job_without_a_cap_lends_what_is_asked_for_whatever_the_day(house: House, chain: Chain) -> None:
    one = await person(house, "one")
    await open_job(house, cap_parts=0)
    chain.today = chain.ever = 10**12
    assert (await offer_of(house, one)).daily_share is None
    assert await lent(house, one, 20) == 20


async def test_an_exchange_that_nobody_tells_of_the_chain_holds_nothing_back(house: House) -> None:
    one = await person(house, "one")
    await open_job(house)
    assert isinstance(house.exchange.capping, Capping)
    assert await lent(house, one, 20) == 20


async def test_an_end_that_is_asked_for_on_the_chain_itself_ends_lending_for_that_escrow_alone(house: House) -> None:
    """A launcher may pass its message by; three days later nothing could be recorded of what people did."""
    one, two = await person(house, "one"), await person(house, "two")
    await open_job(house, cap_parts=0)
    bundle = await house.exchange.claim(one.worker, "job-1", 3)

    async def told(escrow: str) -> None:
        said = DeskEvent(
            chain_id=CHAIN_ID, contract="Escrow", address=escrow, name="CancellationRequested", args={},
            tx_hash="0x" + "c" * 64, block_number=9,
        )  # fmt: skip
        async with house.db.transaction() as tx:
            await house.exchange.on_chain_event(tx, said)

    await told("0x" + "77" * 20)
    assert await lent(house, two, 1) == 1
    for _ in range(2):  # told twice it counts once
        await told(ESCROW)
    with pytest.raises(JobNotOpen):
        await lent(house, await person(house, "three"), 1)
    given = [Given(each.assignment_id, "12.50", 3_000) for each in bundle.assignments]
    assert {each.outcome for each in await house.exchange.submit(one.worker, "job-1", given)} == {"stored"}


async def test_a_worker_is_told_why_accepted_pay_waits_and_when_that_ends(house: House, chain: Chain) -> None:
    one = await person(house, "one")
    await open_job(house)
    bundle = await house.exchange.claim(one.worker, "job-1", 3)
    given = [Given(each.assignment_id, "12.50", 3_000) for each in bundle.assignments]
    await house.exchange.submit(one.worker, "job-1", given)
    await house.exchange.collecting.collect_all()

    async def note() -> str:
        return (await house.exchange.earnings(one.worker)).jobs[0].because

    async def now(name: str, value: object) -> None:
        async with house.db.transaction() as tx:
            await tx.execute(f"update exchange.jobs set {name} = %s where job_id = 'job-1'", (value,))

    assert await note() == ""
    await now("reserved_minor", 3 * REWARD_MINOR)  # accepted; the chain has shown nothing of it
    assert await note() == "", "today has room for it: it is on its way"
    chain.today = 3 * REWARD_MINOR  # by whoever else has the oracle's key
    assert "set aside from 00:00 UTC on" in await note()
    chain.ever, chain.today = 3 * REWARD_MINOR, 0
    assert await note() == "", "it is on the chain"
    await now("state", "assembled")
    assert "paid over days, at most 1/10 of its funds a day" in await note()
    await now("cap_parts", 0)
    assert await note() == ""
