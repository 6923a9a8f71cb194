"""Ways to get at somebody's money or time that were tried against these contracts, each as its attacker would try it.

Where an earlier version of the contracts, or HUMAN's, falls for it, the docstring says so.
"""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.chain.contracts import (
    CANCEL_WINDOW_SECONDS,
    FREEZE_SECONDS,
    HAND_IN_SECONDS,
    encode_call,
    encode_deploy,
    slash_shares_minor,
)

from .world import CANCELLED, COMPLETE, DAY, HASH, TO_CANCEL, URL, Refused, World, juror_key

REPORT, OTHER_REPORT = b"\x51" * 32, b"\x52" * 32


# --- time: a freeze against work that is done and not recorded yet ---


def test_a_launcher_and_an_exchange_cannot_freeze_away_the_time_to_record_work(world: World) -> None:
    """The freeze lasts seven days and the window three: in an earlier version the window was over when the freeze was,
    and what nobody had reserved yet went back to the launcher."""
    escrow = world.job(1_000)
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    world.pass_time(DAY)
    world.escrow(escrow, "freeze", REPORT, sender=world.exchange)
    world.pass_time(FREEZE_SECONDS)
    with pytest.raises(Refused, match="Invalid status"):  # the launcher's second call: too early
        world.escrow(escrow, "requestCancellation", sender=world.launcher)
    world.pass_time(CANCEL_WINDOW_SECONDS - DAY - 1)
    world.reserve(escrow, 700)
    world.pass_time(1)
    with pytest.raises(Refused, match="Expired"):
        world.reserve(escrow, 1)
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    world.pay(escrow, {world.worker: 700}, force=True)
    assert world.balance(world.worker) == 700


def test_a_freeze_just_before_expiry_moves_the_expiry_by_what_it_took(world: World) -> None:
    """So at the end of a job's hundred days: in an earlier version a freeze a week before them was the job's end."""
    escrow = world.job(1_000)
    expiry = world.of(escrow, "duration")
    world.pass_time(expiry - world.env.timestamp - 60)
    world.escrow(escrow, "freeze", REPORT, sender=world.exchange)
    assert world.of(escrow, "duration") == expiry + FREEZE_SECONDS
    world.pass_time(FREEZE_SECONDS)
    world.reserve(escrow, 900)
    world.pass_time(60)
    with pytest.raises(Refused, match="Expired"):
        world.reserve(escrow, 1)


@pytest.mark.parametrize("uphold", [False, True])
def test_a_ruling_takes_back_what_the_freeze_did_not_last(world: World, uphold: bool) -> None:
    escrow = world.job(1_000)
    expiry = world.of(escrow, "duration")
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    window_ends = world.of(escrow, "cancelDeadline")
    world.escrow(escrow, "freeze", REPORT, sender=world.exchange)
    world.pass_time(2 * DAY)
    case = world.open_case(escrow, REPORT)
    world.rule(case, uphold, world.vote(case, uphold, [0, 1]))
    assert world.of(escrow, "duration") == expiry + 2 * DAY
    assert world.of(escrow, "cancelDeadline") == window_ends + 2 * DAY
    assert world.of(escrow, "frozenUntil") == world.env.timestamp


def test_a_freeze_brings_no_time_back_that_had_passed_before_it(world: World) -> None:
    escrow = world.job(1_000)
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    window_ends = world.of(escrow, "cancelDeadline")
    world.pass_time(CANCEL_WINDOW_SECONDS)
    world.escrow(escrow, "freeze", REPORT, sender=world.exchange)
    assert world.of(escrow, "cancelDeadline") == window_ends
    world.pass_time(100 * DAY + FREEZE_SECONDS)
    expiry = world.of(escrow, "duration")
    world.escrow(escrow, "freeze", OTHER_REPORT, sender=world.exchange)
    assert world.of(escrow, "duration") == expiry
    case = world.open_case(escrow, OTHER_REPORT)
    world.rule(case, False, world.vote(case, False, [0, 1]))
    assert (world.of(escrow, "duration"), world.of(escrow, "cancelDeadline")) == (expiry, window_ends)
    with pytest.raises(Refused, match="Expired"):
        world.reserve(escrow, 1)


def test_an_upheld_report_leaves_three_days_to_record_also_under_another_reports_freeze(world: World) -> None:
    escrow = world.job(1_000)
    world.escrow(escrow, "freeze", OTHER_REPORT, sender=world.exchange)
    case = world.open_case(escrow, REPORT)
    world.rule(case, True, world.vote(case, True, [0, 1]))
    assert world.of(escrow, "status") == TO_CANCEL
    world.pass_time(FREEZE_SECONDS + CANCEL_WINDOW_SECONDS - 1)
    world.reserve(escrow, 10)
    with world.aside():
        world.pass_time(1)
        with pytest.raises(Refused, match="Expired"):
            world.reserve(escrow, 1)
    assert world.of(escrow, "reservedFunds") == 10


# --- one stolen key ---


def test_the_operator_of_the_jury_alone_cannot_give_workers_pay_back(world: World) -> None:
    """It draws the jurors, so it can draw its own. In an earlier version that was enough to release all reserves, which
    a launcher then got back. Now the job's exchange oracle must have frozen it for the same report."""
    escrow = world.job(1_000)
    world.reserve(escrow, 800)
    for report in (REPORT, b"\x00" * 32):
        with pytest.raises(Refused, match="Not frozen"):
            world.open_case(escrow, report, release=800)
    world.escrow(escrow, "freeze", REPORT, sender=world.exchange)
    with pytest.raises(Refused, match="Not frozen"):
        world.open_case(escrow, OTHER_REPORT, release=800)
    case = world.open_case(escrow, REPORT, release=300)
    world.pass_time(FREEZE_SECONDS)  # a freeze that ended by itself does not void the case
    world.rule(case, True, world.vote(case, True, [0, 2]))
    assert world.of(escrow, "reservedFunds") == 500


def test_a_jury_of_one_is_no_jury(world: World) -> None:
    escrow = world.job()
    with pytest.raises(Refused, match="odd"):
        world.open_case(escrow, REPORT, jurors=1)
    world.open_case(escrow, REPORT, jurors=3)


def test_who_sees_the_signatures_travel_cannot_hand_in_a_bare_majority_first(world: World) -> None:
    """All five signed. With three of the signatures, handed in first, two jurors would lose their share to three."""
    escrow = world.job(1_000)
    case = world.open_case(escrow, REPORT, jurors=5)
    bare, all_five = world.vote(case, True, [0, 1, 2]), world.vote(case, True, [0, 1, 2, 3, 4])
    for greedy in (juror_key(0).address.lower(), world.reporter, world.launcher):
        with pytest.raises(Refused, match="Unauthorised"):
            world.send("Jury", world.at["Jury"], "rule", case, True, bare, sender=greedy)
    with world.aside():
        world.rule(case, True, all_five)
        each = slash_shares_minor(world.terms.slash_minor, 5)[1]
        assert each > 0
        assert [world.balance(juror_key(n).address) for n in range(5)] == [each] * 5
    # an operator who keeps a ruling back delays it by a week
    world.pass_time(HAND_IN_SECONDS)
    with pytest.raises(Refused, match="Unauthorised"):
        world.send("Jury", world.at["Jury"], "rule", case, True, all_five, sender=world.outsider)
    world.pass_time(1)
    world.send("Jury", world.at["Jury"], "rule", case, True, all_five, sender=world.outsider)
    assert world.of(escrow, "status") == TO_CANCEL


# --- tokens ---


def test_a_token_dearer_than_a_payout_allows_is_claimed_with_all_the_gas_there_is(world: World) -> None:
    """A dozen storage words in each transfer: more than a payout gives one recipient. In an earlier version the claim
    gave no more either, and the pay was stuck for ever."""
    token = world.deploy("HostileToken", 10**9, world.launcher)
    escrow = world.job_with_token(token)
    world.reserve(escrow, 300)
    world.send("HostileToken", token, "weigh", 12, sender=world.owner)
    world.pay(escrow, {world.worker: 200, world.other_worker: 100}, force=True)
    assert world.of(escrow, "status") == COMPLETE
    assert world.of(escrow, "credits", world.worker) == 200
    world.escrow(escrow, "claim", world.worker, sender=world.outsider)
    assert world.gas_used > 12 * 20_000
    world.escrow(escrow, "claimTo", world.outsider, sender=world.other_worker)
    world.escrow(escrow, "claim", world.launcher, sender=world.outsider)
    assert world.balance(world.worker, token) == 200
    assert world.of(escrow, "getBalance") == 0


def test_a_second_address_of_the_token_takes_no_pay_out(world: World) -> None:
    """HUMAN's withdraw, and an earlier version of ours, sends any token but the job's own, told apart by address."""
    token = world.deploy("HostileToken", 10**9, world.launcher)
    alias = world.deploy("AliasToken", token)
    world.send("HostileToken", token, "name_alias", alias, sender=world.owner)
    escrow = world.job_with_token(token)
    world.reserve(escrow, 800)
    assert world.of(escrow, "getTokenBalance", alias) == 1_000
    with pytest.raises(Refused, match="Token is the job's own"):
        world.escrow(escrow, "withdraw", alias, sender=world.launcher)
    world.pay(escrow, {world.worker: 800})
    assert world.balance(world.worker, token) == 800


@pytest.mark.parametrize("gas", [*range(150_000, 700_000, 25_000)])
def test_a_payer_that_saves_gas_turns_no_payment_into_a_credit(world: World, gas: int) -> None:
    """A transfer that runs out of gas looks like one that is refused. Either nothing happens, or all are paid."""
    escrow = world.job(1_000)
    world.reserve(escrow, 900)
    who = {f"0x{n:040x}": 90 for n in range(10**6, 10**6 + 10)}
    data = encode_call("Escrow", "bulkPayOut", list(who), list(who.values()), URL, HASH, "thrifty", False)
    with world.aside():
        try:
            world.raw(escrow, data, sender=world.reputation, gas=gas)
        except Refused:
            assert world.of(escrow, "reservedFunds") == 900
        else:
            assert world.of(escrow, "creditedFunds") == 0
            assert all(world.balance(one) == 90 for one in who)


def test_dust_sent_in_keeps_a_job_from_ending_by_itself_and_from_nothing_else(world: World) -> None:
    escrow = world.job(1_000)
    world.reserve(escrow, 1_000)
    world.send("TestToken", world.token, "transfer", escrow, 1, sender=world.outsider)
    world.pay(escrow, {world.worker: 1_000})
    assert world.of(escrow, "status") == 2
    world.escrow(escrow, "complete", sender=world.reputation)
    assert world.of(escrow, "status") == COMPLETE
    assert world.of(escrow, "getBalance") == 0


# --- launches ---


def test_after_a_rewritten_block_a_launchers_escrow_stands_at_the_same_address_whoever_launched_first(
    world: World,
) -> None:
    """HUMAN's address follows from the factory's count: in a rewritten past somebody else's escrow can come to stand
    where the launcher's stood, and gets the tokens that the launcher's next transaction sends there."""
    world.send("TestToken", world.token, "approve", world.at["Staking"], 1_000, sender=world.outsider)
    world.send("Staking", world.at["Staking"], "stake", 1_000, sender=world.outsider)
    with world.aside():
        mine = world.create()
        theirs = world.create(launcher=world.outsider)
    with world.aside():  # the other order
        assert world.create(launcher=world.outsider) == theirs
        assert world.create() == mine
    assert world.create() == mine
    assert world.create() not in (mine, theirs)
    assert world.ask("EscrowFactory", world.at["EscrowFactory"], "launches", world.launcher) == 2


def test_a_stranger_cannot_set_up_cap_or_initialise_what_another_launched_and_funded(world: World) -> None:
    escrow = world.create()
    world.send("TestToken", world.token, "transfer", escrow, 1_000, sender=world.launcher)
    for stranger in (world.outsider, world.owner, world.reputation, world.at["Jury"]):
        calls: list[tuple[Any, ...]] = [
            ("setup", stranger, stranger, stranger, URL, HASH),
            ("setupWithFees", stranger, world.recording, world.exchange, [0, 0, 0], URL, HASH),
            ("setDailyCap", 30),
        ]
        for call in calls:
            with pytest.raises(Refused, match="Unauthorised"):
                world.escrow(escrow, *call, sender=stranger)
        with pytest.raises(Refused, match="Already initialized"):
            world.escrow(escrow, "initialize", world.token, stranger, sender=stranger)


# --- stake ---


def test_a_job_that_ends_while_stake_is_paid_out_stays_ended_in_the_count(world: World) -> None:
    """The staker is the token itself and ends its job in the transfer that `unstake` makes. An earlier version wrote
    the count back that it had read before, and the stake of that job was locked for ever."""
    token = world.deploy("HostileToken", 10**9, world.token_maker)
    maker = world.token_maker

    def deploy(contract: str, *arguments: object) -> str:
        address, computation = world.env.deploy(sender=maker, bytecode=encode_deploy(contract, *arguments))
        assert not computation.is_error
        return str(address).lower()

    staking = deploy("Staking", token, 100, 10, 0)
    factory = deploy("EscrowFactory", world.at["Escrow"], staking, 100, maker)
    world.send("Staking", staking, "setFactory", factory, sender=maker)
    world.send("TestToken", token, "transfer", token, 1_000, sender=maker)
    world.send("TestToken", token, "approve", staking, 1_000, sender=token)
    world.send("Staking", staking, "stake", 1_000, sender=token)
    escrow = str(world.send("EscrowFactory", factory, "createEscrow", world.token, "job", sender=token))
    world.send("Staking", staking, "unstake", 500, sender=token)
    world.pass_blocks(10)
    world.send("HostileToken", token, "hook", escrow, encode_call("Escrow", "requestCancellation"), sender=maker)
    world.send("Staking", staking, "unstake", 100, sender=token)
    assert world.ask("HostileToken", token, "hookWorked") is True
    assert world.of(escrow, "status") == CANCELLED
    assert world.ask("Staking", staking, "openEscrows", token) == 0
    assert world.ask("Staking", staking, "stakes", token)[:2] == (500, 100)
    world.send("Staking", staking, "unstake", 400, sender=token)
