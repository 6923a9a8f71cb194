"""Every edge case measured on HUMAN's contracts (cases 1-11 and H1-H6), each as a test that theirs would fail.

Each docstring says what HUMAN's contract does in the same situation.
"""

from __future__ import annotations

import pytest

from .world import CANCELLED, COMPLETE, DAY, FUND_MINOR, HASH, TO_CANCEL, URL, Refused, World

HUNDRED_DAYS = 100 * DAY


def test_case_1_and_h1_after_expiry_reserved_pay_is_still_paid_and_only_the_rest_is_refunded(world: World) -> None:
    """HUMAN: payouts revert Expired, and requestCancellation returns the workers' reserve to the launcher."""
    escrow = world.job(1_000, fees_bp=(500, 500, 500))
    world.reserve(escrow, 800)
    world.pass_time(HUNDRED_DAYS + 1)
    before = world.balance(world.launcher)
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    assert world.balance(world.launcher) - before == 50  # 1,000 less 800 reserved less 150 fees
    world.pay(escrow, {world.worker: 800})
    assert world.balance(world.worker) == 800
    assert world.of(escrow, "status") == CANCELLED
    assert world.of(escrow, "getBalance") == 0


def test_case_2_completion_with_pay_still_reserved_is_refused(world: World) -> None:
    """HUMAN: complete() sends the reserve to the launcher."""
    escrow = world.job(100)
    world.reserve(escrow, 29)
    world.pay(escrow, {world.worker: 20})
    with pytest.raises(Refused, match="Reserved funds"):
        world.escrow(escrow, "complete", sender=world.reputation)
    assert world.of(escrow, "reservedFunds") == 9


def test_case_3_the_last_word_of_the_recording_oracle_in_a_cancellation_leaves_the_reserve(world: World) -> None:
    """HUMAN: storeResults('', '', 0) while ToCancel ends the job and returns everything to the launcher."""
    escrow = world.job(100)
    world.reserve(escrow, 80)
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    before = world.balance(world.launcher)
    world.escrow(escrow, "storeResults", "", "", 0, sender=world.recording)
    assert world.balance(world.launcher) - before == 20
    assert world.of(escrow, "status") == TO_CANCEL
    assert world.of(escrow, "reservedFunds") == 80
    world.pay(escrow, {world.worker: 80})
    assert world.balance(world.worker) == 80
    assert world.of(escrow, "status") == CANCELLED


@pytest.mark.parametrize("bad", ["zero", "token", "blacklisted"])
def test_case_4_and_h3_one_recipient_that_cannot_be_paid_is_credited_and_the_others_are_paid(
    world: World, bad: str
) -> None:
    """HUMAN: the whole batch reverts."""
    token = world.deploy("HostileToken", 10**12, world.launcher)
    escrow = world.job_with_token(token)
    victim = {"zero": "0x" + "0" * 40, "token": token, "blacklisted": world.outsider}[bad]
    world.send("HostileToken", token, "block", victim, sender=world.owner)
    world.reserve(escrow, 300)
    world.pay(escrow, {world.worker: 100, victim: 100, world.other_worker: 100})
    assert world.balance(world.worker, token) == world.balance(world.other_worker, token) == 100
    assert world.of(escrow, "credits", victim) == 100
    assert [event["recipient"] for event in world.seen("Credited")] == [victim]
    assert world.of(escrow, "reservedFunds") == 0


def test_case_5_a_top_up_after_setup_counts_for_the_workers(world: World) -> None:
    """HUMAN: a top-up is not added to the workers' funds, the launcher can only withdraw it."""
    escrow = world.job(100)
    world.send("TestToken", world.token, "transfer", escrow, 50, sender=world.outsider)
    assert world.of(escrow, "remainingFunds") == 150
    world.reserve(escrow, 150)
    with pytest.raises(Refused, match="No funds"):
        world.escrow(escrow, "withdraw", world.token, sender=world.launcher)
    world.pay(escrow, {world.worker: 150})
    assert world.balance(world.worker) == 150


def test_case_6_stake_is_locked_while_escrows_are_open(world: World) -> None:
    """HUMAN: the launcher unstakes everything while its escrows are open."""
    escrow = world.job(100)
    staking = world.at["Staking"]
    with pytest.raises(Refused, match="Stake locked by open escrows"):
        world.send("Staking", staking, "unstake", 1_000, sender=world.launcher)
    world.send("Staking", staking, "unstake", 900, sender=world.launcher)  # above what one escrow locks
    world.escrow(escrow, "complete", sender=world.reputation)
    world.send("Staking", staking, "unstake", 100, sender=world.launcher)


def test_case_7_a_slash_needs_a_genuine_escrow_and_one_of_its_parties(world: World) -> None:
    """HUMAN: a slasher can slash a staker unrelated to the escrow, and name a random address as escrow."""
    escrow = world.job(100)
    staking = world.at["Staking"]
    world.send("TestToken", world.token, "approve", staking, 500, sender=world.outsider)
    world.send("Staking", staking, "stake", 500, sender=world.outsider)
    with pytest.raises(Refused, match="Staker is no party of the escrow"):
        world.send("Staking", staking, "slash", world.owner, world.outsider, escrow, 5, sender=world.owner)
    with pytest.raises(Refused, match="Must be a valid address"):
        world.send("Staking", staking, "slash", world.owner, world.launcher, world.worker, 5, sender=world.owner)
    world.send("Staking", staking, "slash", world.owner, world.launcher, escrow, 5, sender=world.owner)
    assert world.ask("Staking", staking, "getStakedTokens", world.launcher) == 995


def test_case_8_a_slash_after_unstaking_bricks_nobody(world: World) -> None:
    """HUMAN: unstake 10, slashed 5: withdraw, stake and getAvailableStake panic for ever."""
    escrow = world.job(100)
    staking = world.at["Staking"]
    world.escrow(escrow, "complete", sender=world.reputation)
    world.send("Staking", staking, "unstake", 1_000, sender=world.launcher)
    world.send("Staking", staking, "slash", world.owner, world.launcher, escrow, 500, sender=world.owner)
    assert world.ask("Staking", staking, "getAvailableStake", world.launcher) == 0
    world.send("Staking", staking, "stake", 200, sender=world.launcher)
    world.pass_blocks(world.terms.lock_period_blocks)
    before = world.balance(world.launcher)
    world.send("Staking", staking, "withdraw", sender=world.launcher)
    assert world.balance(world.launcher) - before == 500
    assert world.ask("Staking", staking, "getAvailableStake", world.launcher) == 200


def test_case_9_a_slash_with_a_fee_leaves_the_staking_contract_solvent(world: World) -> None:
    """HUMAN: the stake falls by the amount less the fee while the fee is booked too: stakes + fees > balance."""
    escrow = world.job(100)
    staking = world.at["Staking"]
    world.send("Staking", staking, "setFeePercentage", 10, sender=world.owner)
    world.send("Staking", staking, "slash", world.reporter, world.launcher, escrow, 50, sender=world.owner)
    assert world.ask("Staking", staking, "getStakedTokens", world.launcher) == 950
    assert world.ask("Staking", staking, "feeBalance") == 5
    assert world.balance(world.reporter) == 45
    assert world.balance(staking) == 955


def test_case_10_a_published_fee_may_have_decimals(world: World) -> None:
    """HUMAN: "2.5" makes setup revert, whole percents only."""
    world.send("KVStore", world.at["KVStore"], "set", "fee", "2.5", sender=world.reputation)
    escrow = world.create()
    world.send("TestToken", world.token, "transfer", escrow, 1_000, sender=world.outsider)
    world.escrow(escrow, "setup", world.reputation, world.recording, world.exchange, URL, HASH, sender=world.launcher)
    assert world.of(escrow, "feesBp") == (250, 0, 0)
    world.escrow(escrow, "complete", sender=world.reputation)
    assert world.balance(world.reputation) == 25


def test_case_11_an_excessive_reserve_is_lowered_by_a_jury_and_by_nobody_else(world: World) -> None:
    """HUMAN: a reserve can only grow, so over-reserving blocks cancel() for ever."""
    escrow = world.job(100)
    world.reserve(escrow, 80)
    report = b"\x0b" * 32
    for someone in (world.launcher, world.owner, world.recording, world.reputation, world.exchange):
        with pytest.raises(Refused, match="Unauthorised"):
            world.escrow(escrow, "release", report, 30, sender=someone)
    world.escrow(escrow, "freeze", report, sender=world.exchange)
    case = world.open_case(escrow, report, release=30)
    world.rule(case, True, world.vote(case, True, [0, 2]))
    assert world.of(escrow, "reservedFunds") == 50
    assert world.seen("Released")[0]["amount"] == 30
    assert world.ask("Staking", world.at["Staking"], "getStakedTokens", world.launcher) == 1_000


def test_h2_a_cancelled_job_with_a_reserve_has_an_exit_after_expiry(world: World) -> None:
    """HUMAN: ToCancel + reserved > 0 + expired: 24 calls (6 functions x 4 keys) all revert, the funds are stuck."""
    escrow = world.job(1_000)
    world.reserve(escrow, 800)
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    world.pass_time(HUNDRED_DAYS + 1)
    with world.aside():
        world.pay(escrow, {world.worker: 800}, force=True)
        assert world.of(escrow, "getBalance") == 0
    # and when the reputation oracle's key is lost, the exchange oracle pays after the time of last resort
    with pytest.raises(Refused, match="Unauthorised"):
        world.pay(escrow, {world.worker: 800}, force=True, sender=world.exchange)
    world.pass_time(30 * DAY)
    world.pay(escrow, {world.worker: 800}, force=True, sender=world.exchange)
    assert world.balance(world.worker) == 800
    assert world.of(escrow, "getBalance") == 0


def test_h4_force_complete_never_refunds_what_is_reserved(world: World) -> None:
    """HUMAN: a payout of 1 unit with forceComplete sends the other 800 reserved to the launcher."""
    escrow = world.job(1_000)
    world.reserve(escrow, 801)
    before = world.balance(world.launcher)
    world.pay(escrow, {world.worker: 1}, force=True)
    assert world.balance(world.launcher) == before
    assert world.of(escrow, "reservedFunds") == 800
    assert world.seen("BulkTransferV3")[0]["isPartial"] is True
    world.pay(escrow, {world.worker: 800}, payout_id="payout-2", force=True)
    assert world.of(escrow, "status") == COMPLETE
    assert world.balance(world.worker) == 801


def test_h5_the_admin_alone_can_neither_reserve_nor_pay(world: World) -> None:
    """HUMAN: the admin's key alone reserves and pays 850 of 1,000 to itself."""
    escrow = world.job(1_000)
    assert world.of(escrow, "admin") == world.owner
    with pytest.raises(Refused, match="Unauthorised"):
        world.reserve(escrow, 1, sender=world.owner)
    with pytest.raises(Refused, match="Unauthorised"):
        world.escrow(escrow, "storeResults", URL, HASH, 1, sender=world.owner)
    with pytest.raises(Refused, match="Unauthorised"):
        world.escrow(escrow, "anchorAndReserve", b"\x01" * 32, 1, b"\x02" * 32, 1, sender=world.owner)
    world.reserve(escrow, 850)
    for call in ("complete", "cancel"):
        with pytest.raises(Refused, match="Unauthorised"):
            world.escrow(escrow, call, sender=world.owner)
    with pytest.raises(Refused, match="Unauthorised"):
        world.pay(escrow, {world.owner: 850}, sender=world.owner)
    funded = world.create()
    world.send("TestToken", world.token, "transfer", funded, FUND_MINOR, sender=world.outsider)
    with pytest.raises(Refused, match="Unauthorised"):  # nor name itself as the oracles of what is not set up yet
        world.escrow(funded, "setup", world.owner, world.owner, world.owner, URL, HASH, sender=world.owner)
    before = world.balance(world.owner)
    world.escrow(escrow, "requestCancellation", sender=world.owner)
    assert world.balance(world.owner) == before
    assert world.of(escrow, "reservedFunds") == 850


def test_h6_fees_are_those_of_the_quote_and_capped_in_sum(world: World) -> None:
    """HUMAN: fees are read at setup, up to 25 % to each of three oracles, whatever the launcher was quoted."""
    world.send("KVStore", world.at["KVStore"], "set", "fee", "25", sender=world.reputation)
    escrow = world.job(1_000, fees_bp=(300, 200, 100))
    assert world.of(escrow, "feesBp") == (300, 200, 100)
    with pytest.raises(Refused, match="Percentage out of bounds"):
        world.job(1_000, fees_bp=(2_500, 400, 101))
    world.send("KVStore", world.at["KVStore"], "set", "fee", "25", sender=world.recording)
    fresh = world.create()
    world.send("TestToken", world.token, "transfer", fresh, FUND_MINOR, sender=world.outsider)
    with pytest.raises(Refused, match="Percentage out of bounds"):
        world.escrow(
            fresh, "setup", world.reputation, world.recording, world.exchange, URL, HASH, sender=world.launcher
        )
