"""What a requester may spend: held before anything is sent, billed when the rest is back, never promised twice."""

import asyncio
import random

import msgspec
import psycopg
import pytest

from manyhands.chain.facts import TokenFacts
from manyhands.ledger.books import recount
from manyhands.ledger.desk import DeskEvent
from manyhands.protocol.messages import JobSettled
from manyhands.protocol.money import MHT, Money
from manyhands.roles.launcher import JobRefused
from manyhands.roles.launcher.purses import (
    BadSum,
    DepositChanged,
    NoSuchCurrency,
    NoSuchRequester,
    Purse,
    Purses,
    PurseTooSmall,
)
from manyhands.roles.router import Health
from manyhands.store.errors import StoreError

from .conftest import CHAIN_A, CHAIN_B, CONTRACTS, ESCROW, OPTIONS, House

STRANGER, OTHER = "0x" + "51" * 20, "0x" + "07" * 20


def with_purses(house: House, *, limit_minor: int = 0) -> Purses:
    purses = Purses(
        house.db,
        chains=house.chains,
        clock=house.clock,
        launcher=house.keys["launcher"].address,
        limits_minor={"MHT": limit_minor},
        not_people={CONTRACTS.staking, house.keys["router"].address},
    )
    house.launcher.purses = purses
    return purses


async def wanted(house: House, key: str, *, requester: str = STRANGER) -> str:
    options = msgspec.structs.replace(OPTIONS, requester=requester, request_key=key)
    return (await house.launcher.draft([await house.page("r1")], options)).job_id


async def price(house: House) -> int:
    return (await house.launcher.quote(await wanted(house, "price"))).total_minor


async def settled(house: House, job_id: str, *, refunded_minor: int) -> None:
    body = JobSettled(
        job_id=job_id, accepted=True, paid_minor={"0xw1": 700}, fees_minor=70, refunded_minor=refunded_minor,
        package_blob="", package_hash="", payouts_blob="", transactions=("0x1",),
    )  # fmt: skip
    await house.say("reputation", body, to="launcher")


def figures(purse: Purse) -> tuple[int, int, int, int]:
    return purse.paid_in_minor, purse.held_minor, purse.spent_minor, purse.free_minor


async def books_hold(house: House) -> None:
    async with house.db.connection() as tx:
        assert await recount(tx) == []


async def test_a_requester_has_one_purse_per_currency_and_none_pays_for_another(house: House) -> None:
    facts = house.chains.of(CHAIN_A)
    further = (
        TokenFacts("DAIT", 18, "0x" + "d1" * 20, floor_per_hour_minor=8_000_000),
        TokenFacts("YENT", 0, "0x" + "e0" * 20, floor_per_hour_minor=1_200),
    )
    house.chains.put(msgspec.structs.replace(facts, tokens=(*facts.tokens, *further)))
    purses = with_purses(house)
    await purses.set_limit(STRANGER, 500, by="operator", because="a contract", code="yent")
    await purses.deposit(STRANGER, 2_000_000, reference="bank 1", because="paid in", code="DAIT")
    found = {one.currency: (one.exponent, one.free_minor) for one in await purses.all_of(STRANGER)}
    assert found == {"MHT": (6, 0), "DAIT": (6, 2_000_000), "YENT": (0, 500)}
    with pytest.raises(PurseTooSmall, match=r"501 YENT, of which 1 YENT are missing"):
        async with house.db.transaction() as tx:
            await purses.hold(tx, STRANGER, job_id="j", amount=Money(501, further[1].currency))
    async with house.db.transaction() as tx:
        with pytest.raises(PurseTooSmall):  # neither the yen nor the dollars of the other token
            await purses.hold(tx, STRANGER, job_id="j", amount=Money(1, MHT))
        await purses.hold(tx, STRANGER, job_id="j", amount=Money(500, further[1].currency))
        base = 3 * 10**12 + 999_999_999_999  # three minor units and a part of one, which is no deposit
        await purses.on_transfer(tx, transfer(house, STRANGER, token=further[0].address, amount=base))
        await purses.on_transfer(tx, transfer(house, STRANGER, index=1, token="0x" + "99" * 20))  # nobody's token
        await purses.bill(tx, STRANGER, job_id="j", held=Money(500, further[1].currency), refunded_minor=120)
    found = {one.currency: (one.paid_in_minor, one.spent_minor) for one in await purses.all_of(STRANGER)}
    assert found == {"MHT": (0, 0), "DAIT": (2_000_003, 0), "YENT": (0, 380)}
    assert {line.kind for line in await purses.lines(STRANGER, "DAIT")} == {"deposit"}
    assert [one.currency for one in await purses.all()] == ["DAIT", "MHT", "YENT"]
    for wrong in ("EUR", "DAI", "d a"):
        with pytest.raises(NoSuchCurrency, match="nobody has a purse"):
            await purses.of(STRANGER, wrong)
    await books_hold(house)


async def test_a_launch_within_the_limit_is_held_and_then_billed_for_what_did_not_come_back(house: House) -> None:
    purses, total = with_purses(house, limit_minor=10**9), await price(house)
    await house.stake(CHAIN_A)
    job_id = await wanted(house, "march")
    await house.launcher.approve(job_id)
    await house.launcher.approve(job_id)  # twice is once
    assert figures(await purses.of(STRANGER)) == (0, total, 0, 10**9 - total)
    assert [one.job_id for one in await purses.held(STRANGER)] == [job_id]
    await house.settle()
    await house.launched(job_id)
    await settled(house, job_id, refunded_minor=total - 9_000)
    assert figures(await purses.of(STRANGER)) == (0, 0, 9_000, 10**9 - 9_000)
    told = [(line.kind, line.state) for line in await purses.lines(STRANGER)]
    assert told == [("charge", "posted"), ("hold", "voided"), ("loan", "posted")]
    assert await purses.held(STRANGER) == []
    await books_hold(house)


async def test_a_stranger_without_a_limit_is_refused_before_anything_is_sent_and_told_what_is_missing(
    house: House,
) -> None:
    purses, total = with_purses(house), await price(house)
    await house.stake(CHAIN_A)
    await purses.deposit(STRANGER, total - 1_000_000, reference="bank 17", because="paid by bank")
    job_id = await wanted(house, "march")
    with pytest.raises(PurseTooSmall, match=r"of which 1\.00 USD are missing: your limit is 0\.00 USD") as told:
        await house.launcher.approve(job_id)
    assert "Pay in what is missing" in told.value.cure
    await house.settle()
    view = await house.launcher.view(job_id)
    assert (view.state, view.approved) == ("refused", False)
    assert await house.transactions(job_id) == []
    assert (await purses.of(STRANGER)).held_minor == 0
    with pytest.raises(JobRefused):
        await house.launcher.approve(job_id)
    # with the money there, the same request is a new try
    await purses.deposit(STRANGER, 1_000_000, reference="bank 18", because="the rest")
    assert (await house.launcher.approve(await wanted(house, "march"))).approved
    assert (await purses.of(STRANGER)).free_minor == 0


async def test_of_launches_at_once_only_those_pass_that_the_purse_covers(house: House) -> None:
    total = await price(house)
    purses = with_purses(house, limit_minor=3 * total + total // 2)
    jobs = [await wanted(house, f"job {number}") for number in range(8)]
    told = await asyncio.gather(*(house.launcher.approve(job_id) for job_id in jobs), return_exceptions=True)
    assert sum(isinstance(one, PurseTooSmall) for one in told) == 5
    assert sum(not isinstance(one, BaseException) for one in told) == 3
    assert (await purses.of(STRANGER)).held_minor == 3 * total
    await books_hold(house)


async def test_a_limit_raised_and_lowered_by_many_at_once_ends_at_one_of_their_words(house: House) -> None:
    purses = with_purses(house)
    limits = [number * 1_000 for number in range(1, 9)]
    await asyncio.gather(*(purses.set_limit(STRANGER, one, by="operator", because="a rush") for one in limits))
    purse = await purses.of(STRANGER)
    assert purse.limit_minor in limits
    assert purse.free_minor == purse.limit_minor
    await books_hold(house)


async def test_what_ends_before_money_moved_is_free_again(house: House) -> None:
    purses = with_purses(house, limit_minor=10**9)
    for chain_id in (CHAIN_A, CHAIN_B):
        house.health[chain_id] = Health(ok=False, because="connection refused")
    for key in ("no route", "taken back"):
        job_id = await wanted(house, key)
        await house.launcher.approve(job_id)
        assert (await purses.of(STRANGER)).held_minor > 0
        if key == "taken back":
            await house.launcher.cancel(job_id, "changed my mind")
        await house.settle()
        assert (await house.launcher.view(job_id)).state == "refused"
        assert figures(await purses.of(STRANGER)) == (0, 0, 0, 10**9)


async def test_an_approval_that_dies_holds_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    purses = with_purses(house, limit_minor=10**9)
    job_id = await wanted(house, "march")

    async def killed(*_: object, **__: object) -> None:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(house.launcher, "_ask_route", killed)
        with pytest.raises(ConnectionError):
            await house.launcher.approve(job_id)
    assert (await purses.of(STRANGER)).held_minor == 0
    assert not (await house.launcher.view(job_id)).approved
    await house.launcher.approve(job_id)
    assert (await purses.of(STRANGER)).held_minor > 0


async def test_cut_off_at_any_moment_an_approval_and_its_hold_are_both_there_or_neither(house: House) -> None:
    """The database ends connections in the middle of what they do, as a kill -9 of their process makes it do."""
    purses, dice = with_purses(house, limit_minor=10**9), random.Random(3)
    total = await price(house)
    jobs = [await wanted(house, f"cut {number}") for number in range(14)]

    async def cut() -> None:
        for _ in range(30):
            await asyncio.sleep(dice.random() * 0.02)
            async with house.db.connection() as tx:
                await tx.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' "
                    "and backend_type = 'client backend' order by random() limit 1"
                )

    async def approve(job_id: str) -> bool:
        try:
            return (await house.launcher.approve(job_id)).approved
        except (psycopg.OperationalError, StoreError):
            return False

    *went, _ = await asyncio.gather(*(approve(job_id) for job_id in jobs), cut(), return_exceptions=True)
    assert not all(one is True for one in went)  # some were cut
    approved = [job_id for job_id in jobs if (await house.launcher.view(job_id)).approved]
    assert (await purses.of(STRANGER)).held_minor == len(approved) * total
    assert {one.job_id for one in await purses.held(STRANGER)} == set(approved)
    for job_id in jobs:  # and asked again, all go through
        assert (await house.launcher.approve(job_id)).approved
    assert (await purses.of(STRANGER)).held_minor == len(jobs) * total
    await books_hold(house)


async def test_a_limit_lowered_below_what_is_held_takes_effect_as_jobs_end(house: House) -> None:
    total = await price(house)
    purses = with_purses(house, limit_minor=2 * total)
    await house.stake(CHAIN_A)
    job_id = await wanted(house, "march")
    await house.launcher.approve(job_id)
    await house.settle()
    await house.launched(job_id)
    purse = await purses.set_limit(STRANGER, 0, by="operator", because="no more on credit")
    assert (purse.limit_minor, purse.held_minor, purse.free_minor) == (0, total, 0)
    with pytest.raises(PurseTooSmall):
        await house.launcher.approve(await wanted(house, "april"))
    await settled(house, job_id, refunded_minor=total - 500)
    assert figures(await purses.of(STRANGER)) == (0, 0, 500, 0)
    await purses.deposit(STRANGER, 700, reference="bank 1", because="what was owed and a little more")
    assert figures(await purses.of(STRANGER)) == (700, 0, 500, 200)
    purse = await purses.set_limit(STRANGER, None, by="operator", because="as everybody")
    assert (purse.by_default, purse.free_minor) == (True, 2 * total + 200)
    await books_hold(house)


async def test_a_deposit_counts_once_by_its_reference(house: House) -> None:
    purses = with_purses(house)
    for _ in range(2):
        await purses.deposit(STRANGER, 5_000, reference="bank 17", because="paid by bank")
    assert figures(await purses.of(STRANGER)) == (5_000, 0, 0, 5_000)
    with pytest.raises(DepositChanged):
        await purses.deposit(STRANGER, 6_000, reference="bank 17", because="paid by bank")
    assert figures(await purses.of(OTHER)) == (0, 0, 0, 0)


async def test_a_deposit_without_amount_reference_or_reason_is_refused(house: House) -> None:
    purses = with_purses(house)
    for amount, reference, because in (
        (0, "bank 17", "paid"), (-5, "bank 17", "paid"), (10**16, "bank 17", "paid"), (5, "x", "paid"),
        (5, "x" * 201, "paid"), (5, "bank 17", ""), (5, "bank\x00 17", "\x00\x00"),
    ):  # fmt: skip
        with pytest.raises(BadSum):
            await purses.deposit(STRANGER, amount, reference=reference, because=because)
    assert await purses.all() == []


async def test_a_purse_belongs_to_an_address(house: House) -> None:
    purses = with_purses(house)
    for wrong in ("requester:one", "0x" + "AB" * 20, "", "' or 1=1 --", "0x" + "ab" * 21):
        with pytest.raises(NoSuchRequester):
            await purses.of(wrong)
        with pytest.raises(NoSuchRequester):
            await purses.set_limit(wrong, 5, by="operator", because="a test")
    for wrong_limit in (-1, 10**15 + 1):
        with pytest.raises(BadSum):
            await purses.set_limit(STRANGER, wrong_limit, by="operator", because="a test")


def transfer(
    house: House, sender: str, *, index: int = 0, to: str = "", amount: int = 4_000, token: str = CONTRACTS.token
) -> DeskEvent:
    return DeskEvent(
        chain_id=CHAIN_A,
        contract="TestToken",
        address=token,
        name="Transfer",
        args={"_from": sender, "_to": to or house.keys["launcher"].address, "_value": amount},
        tx_hash="0x" + "8" * 64,
        block_number=9,
        index_in_tx=index,
    )


async def test_tokens_sent_to_the_launcher_are_their_senders_deposit_once_each(house: House) -> None:
    purses = with_purses(house)
    for event in (transfer(house, STRANGER), transfer(house, STRANGER), transfer(house, STRANGER, index=1)):
        await house.chain_says("launcher", event)
    assert figures(await purses.of(STRANGER)) == (8_000, 0, 0, 8_000)
    assert {line.because for line in await purses.lines(STRANGER)} == {f"came in on chain {CHAIN_A}"}


async def test_tokens_of_contracts_roles_and_the_mint_are_nobodys_deposit(house: House) -> None:
    await house.open_job()  # whose escrow gives its rest back
    purses = with_purses(house)
    others = (ESCROW, CONTRACTS.staking, house.keys["router"].address, "0x" + "00" * 20)
    for place, sender in enumerate(others):
        await house.chain_says("launcher", transfer(house, sender, index=place))
    await house.chain_says("launcher", transfer(house, STRANGER, to=OTHER, index=9))
    await house.chain_says("launcher", transfer(house, STRANGER, amount=0, index=10))
    assert await purses.all() == []


async def test_the_operators_own_launches_need_no_purse(house: House) -> None:
    purses = with_purses(house)
    launcher = house.keys["launcher"].address
    assert (await house.launcher.approve(await wanted(house, "own", requester=launcher))).approved
    assert (await purses.of(launcher)).exempt
    assert (await purses.of(launcher)).held_minor == 0


async def test_what_somebody_else_paid_into_an_escrow_is_not_charged(house: House) -> None:
    purses, total = with_purses(house, limit_minor=10**9), await price(house)
    await house.stake(CHAIN_A)
    job_id = await wanted(house, "march")
    await house.launcher.approve(job_id)
    await house.settle()
    await house.launched(job_id)
    await settled(house, job_id, refunded_minor=total + 5_000)
    assert figures(await purses.of(STRANGER)) == (0, 0, 0, 10**9)


async def test_a_job_from_before_there_were_purses_ends_without_a_bill(house: House) -> None:
    await house.stake(CHAIN_A)
    job_id = await wanted(house, "march")
    await house.launcher.approve(job_id)
    await house.settle()
    await house.launched(job_id)
    purses = with_purses(house)
    await settled(house, job_id, refunded_minor=5)
    assert (await house.launcher.view(job_id)).state == "closed"
    assert figures(await purses.of(STRANGER)) == (0, 0, 0, 0)


async def test_after_any_history_a_purse_is_its_limit_and_deposits_less_what_is_held_and_spent(house: House) -> None:
    purses, dice = with_purses(house), random.Random(7)
    limit = paid_in = spent = 0
    running: dict[str, int] = {}
    for step in range(140):
        match dice.choice(("limit", "deposit", "hold", "hold", "bill", "release")):
            case "limit":
                limit = dice.randrange(0, 9_000)
                await purses.set_limit(STRANGER, limit, by="operator", because="a history")
            case "deposit":
                amount = dice.randrange(1, 3_000)
                await purses.deposit(STRANGER, amount, reference=f"bank {step}", because="a history")
                paid_in += amount
            case "hold":
                amount = dice.randrange(1, 4_000)
                free = max(0, limit + paid_in - spent - sum(running.values()))
                try:
                    async with house.db.transaction() as tx:
                        await purses.hold(tx, STRANGER, job_id=f"job-{step}", amount=Money(amount, MHT))
                    assert amount <= free
                    running[f"job-{step}"] = amount
                except PurseTooSmall as refused:
                    assert amount > free
                    assert refused.missing.minor == amount - free
            case verb if running:
                job_id = dice.choice(sorted(running))
                held = running.pop(job_id)
                back = dice.randrange(0, held + 50)
                async with house.db.transaction() as tx:
                    if verb == "release":
                        await purses.release(tx, STRANGER, job_id=job_id, amount=Money(held, MHT), because="refused")
                    else:
                        for _ in range(2):
                            await purses.bill(tx, STRANGER, job_id=job_id, held=Money(held, MHT), refunded_minor=back)
                        spent += max(0, held - back)
        purse = await purses.of(STRANGER)
        assert figures(purse) == (
            paid_in, sum(running.values()), spent, max(0, limit + paid_in - spent - sum(running.values())),
        )  # fmt: skip
    await books_hold(house)
