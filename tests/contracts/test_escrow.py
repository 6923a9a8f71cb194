"""The escrow: who may do what, when; anchors, caps, freezes, credits, endings."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyhands.chain.contracts import (
    CANCEL_WINDOW_SECONDS,
    FREEZE_SECONDS,
    MAX_FEES_BP,
    MAX_RECIPIENTS,
    encode_call,
    fees_for_pay_minor,
    fees_minor,
    fund_for_minor,
)

from .world import CANCELLED, COMPLETE, DAY, HASH, TO_CANCEL, URL, Refused, World, actor

ROOT, EVIDENCE = b"\x11" * 32, b"\x22" * 32
ROLES = ("launcher", "recording", "reputation", "exchange", "owner", "outsider", "worker", "jury_operator")

CALLS: dict[str, tuple[tuple[object, ...], set[str]]] = {
    "anchor": ((ROOT, 1), {"recording"}),
    "anchorAndReserve": ((ROOT, 1, EVIDENCE, 1), {"recording"}),
    "reserve": ((1, ROOT), {"recording"}),
    "storeResults": ((URL, HASH, 1), {"recording"}),
    "bulkPayOut": (([actor("honest worker")], [1], URL, HASH, "p", False), {"reputation"}),
    "complete": ((), {"reputation"}),
    "requestCancellation": ((), {"launcher", "owner"}),
    "withdraw": ((actor("no token"),), {"launcher", "owner"}),
    "freeze": ((ROOT,), {"exchange"}),
    "clear": ((ROOT,), set()),
    "uphold": ((ROOT,), set()),
    "release": ((ROOT, 1), set()),
    "setDailyCap": ((2,), {"launcher"}),
    "redirectCredit": (("0x" + "0" * 40, actor("honest worker")), {"reputation"}),
}


@pytest.mark.parametrize("function", CALLS)
def test_a_function_answers_unauthorised_to_every_role_but_its_own(world: World, function: str) -> None:
    arguments, allowed = CALLS[function]
    escrow = world.job()
    if function != "complete":
        world.reserve(escrow, 10)
    for role in ROLES:
        with world.aside():
            if role in allowed:
                try:
                    world.escrow(escrow, function, *arguments, sender=getattr(world, role))
                except Refused as refusal:
                    assert refusal.reason != "Unauthorised"
            else:
                with pytest.raises(Refused, match="Unauthorised"):
                    world.escrow(escrow, function, *arguments, sender=getattr(world, role))


def test_every_state_changing_function_that_is_not_for_everyone_is_in_the_table_of_roles() -> None:
    from manyhands.chain.contracts import artifact

    changing = {e["name"] for e in artifact("Escrow").abi if e["type"] == "function" and e["stateMutability"] != "view"}
    elsewhere = {"claim", "claimTo", "initialize", "setup", "setupWithFees", "cancel"}
    assert changing == set(CALLS) | elsewhere


def test_setup_is_for_launcher_and_factory_and_cancel_for_the_reputation_oracle(world: World) -> None:
    escrow = world.create()
    world.send("TestToken", world.token, "transfer", escrow, 100, sender=world.outsider)
    setup = ("setup", world.reputation, world.recording, world.exchange, URL, HASH)
    for role in ROLES:
        with world.aside():
            if role == "launcher":
                world.escrow(escrow, *setup, sender=getattr(world, role))
            else:
                with pytest.raises(Refused, match="Unauthorised"):
                    world.escrow(escrow, *setup, sender=getattr(world, role))
    job = world.job()
    world.escrow(job, "requestCancellation", sender=world.launcher)
    for role in ROLES:
        with world.aside():
            if role != "reputation":
                with pytest.raises(Refused, match="Unauthorised"):
                    world.escrow(job, "cancel", sender=getattr(world, role))


def test_a_clone_is_initialised_once_and_the_implementation_never(world: World) -> None:
    for escrow in (world.job(), world.at["Escrow"]):
        with pytest.raises(Refused, match="Already initialized"):
            world.escrow(escrow, "initialize", world.token, world.outsider, sender=world.outsider)


@pytest.mark.parametrize(
    ("reputation", "recording", "exchange", "url", "hash_", "reason"),
    [
        ("0x" + "0" * 40, "", "", URL, HASH, "Invalid reputation oracle"),
        ("", "0x" + "0" * 40, "", URL, HASH, "Invalid recording oracle"),
        ("", "", "0x" + "0" * 40, URL, HASH, "Invalid exchange oracle"),
        ("", "", "", "", HASH, "Empty URL"),
        ("", "", "", URL, "", "Empty hash"),
    ],
)
def test_setup_names_what_is_missing(
    world: World, reputation: str, recording: str, exchange: str, url: str, hash_: str, reason: str
) -> None:
    escrow = world.create()
    oracles = (reputation or world.reputation, recording or world.recording, exchange or world.exchange)
    with pytest.raises(Refused, match=reason):
        world.escrow(escrow, "setup", *oracles, url, hash_, sender=world.launcher)


def test_setup_needs_money_and_happens_once(world: World) -> None:
    escrow = world.create()
    setup = ("setup", world.reputation, world.recording, world.exchange, URL, HASH)
    with pytest.raises(Refused, match="Zero balance"):
        world.escrow(escrow, *setup, sender=world.launcher)
    world.send("TestToken", world.token, "transfer", escrow, 100, sender=world.outsider)
    world.escrow(escrow, *setup, sender=world.launcher)
    with pytest.raises(Refused, match="Wrong status"):
        world.escrow(escrow, *setup, sender=world.launcher)


def test_reserving_and_paying_need_two_keys_when_the_fees_come_from_a_quote(world: World) -> None:
    escrow = world.create()
    world.send("TestToken", world.token, "transfer", escrow, 100, sender=world.outsider)
    one_key = (world.recording, world.recording, world.exchange)
    one_key_as_the_last_resort = (world.reputation, world.recording, world.recording)
    for oracles in (one_key, one_key_as_the_last_resort):
        with pytest.raises(Refused, match="two keys"):
            world.escrow(escrow, "setupWithFees", *oracles, [0, 0, 0], URL, HASH, sender=world.launcher)
    freezer_who_pays = (world.reputation, world.recording, world.reputation)
    world.escrow(escrow, "setupWithFees", *freezer_who_pays, [0, 0, 0], URL, HASH, sender=world.launcher)


@pytest.mark.parametrize(
    ("published", "bp"),
    [("", 0), ("0", 0), ("5", 500), ("2.5", 250), ("2.55", 255), ("0.01", 1), ("30", 3_000), ("05.10", 510)],
)
def test_a_published_fee_is_read_in_basis_points(world: World, published: str, bp: int) -> None:
    world.send("KVStore", world.at["KVStore"], "set", "fee", published, sender=world.exchange)
    escrow = world.create()
    world.send("TestToken", world.token, "transfer", escrow, 10_000, sender=world.outsider)
    world.escrow(escrow, "setup", world.reputation, world.recording, world.exchange, URL, HASH, sender=world.launcher)
    assert world.of(escrow, "feesBp") == (0, 0, bp)
    assert world.of(escrow, "exchangeOracleFeePercentage") == bp // 100


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        ("five", "Invalid oracle fee"),
        ("1.", "Invalid oracle fee"),
        (".", "Invalid oracle fee"),
        ("1.234", "Invalid oracle fee"),
        ("1,5", "Invalid oracle fee"),
        ("-1", "Invalid oracle fee"),
        ("1234567", "Invalid oracle fee"),
        ("30.01", "Percentage out of bounds"),
        ("999999", "Percentage out of bounds"),
    ],
)
def test_a_published_fee_that_is_no_fee_is_refused_by_name(world: World, published: str, reason: str) -> None:
    world.send("KVStore", world.at["KVStore"], "set", "fee", published, sender=world.exchange)
    escrow = world.create()
    world.send("TestToken", world.token, "transfer", escrow, 10_000, sender=world.outsider)
    with pytest.raises(Refused, match=reason):
        world.escrow(
            escrow, "setup", world.reputation, world.recording, world.exchange, URL, HASH, sender=world.launcher
        )


def test_what_the_tests_peek_at_is_what_the_views_say(world: World) -> None:
    escrow = world.create()
    world.escrow(escrow, "setDailyCap", 7, sender=world.launcher)
    world.send("TestToken", world.token, "transfer", escrow, 1_000, sender=world.outsider)
    oracles = (world.reputation, world.recording, world.exchange)
    world.escrow(escrow, "setupWithFees", *oracles, [500, 300, 200], URL, HASH, sender=world.launcher)
    world.reserve(escrow, 90)
    world.pay(escrow, {"0x" + "0" * 40: 11, world.worker: 22})
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    world.escrow(escrow, "freeze", ROOT, sender=world.exchange)
    at = world.peek(escrow)
    views = ["status", "duration", "cancelDeadline", "freezes", "frozenUntil", "fundAmount", "paidAmount", "dailyCap"]
    views += ["reservedFunds", "creditedFunds", "getBalance", "remainingFunds"]
    assert [world.of(escrow, view) for view in views] == [
        at.status, at.expires_at, at.cancel_deadline, at.freezes, at.frozen_until, at.fund, at.paid, at.cap,
        at.reserved, at.credited, at.balance, at.remaining,
    ]  # fmt: skip
    assert (at.fees, at.paid, at.credited, at.reserved) == (100, 33, 11, 57)


# --- anchors and reserves ---


def test_anchoring_and_reserving_is_one_act_with_one_event(world: World) -> None:
    escrow = world.job(1_000)
    world.escrow(escrow, "anchorAndReserve", ROOT, 500, EVIDENCE, 300, sender=world.recording)
    (event,) = world.seen("Anchored")
    assert (event["root"], event["count"], event["evidenceHash"], event["reserved"]) == (ROOT, 500, EVIDENCE, 300)
    assert world.of(escrow, "reservedFunds") == 300
    assert world.of(escrow, "anchors", ROOT) == 500


def test_a_batch_sent_twice_is_reserved_once(world: World) -> None:
    escrow = world.job(1_000)
    world.escrow(escrow, "anchorAndReserve", ROOT, 500, EVIDENCE, 300, sender=world.recording)
    for again in (("anchorAndReserve", ROOT, 500, EVIDENCE, 300), ("anchor", ROOT, 1)):
        with pytest.raises(Refused, match="Already anchored"):
            world.escrow(escrow, *again, sender=world.recording)
    assert world.of(escrow, "reservedFunds") == 300


def test_an_anchor_without_pay_reserves_nothing(world: World) -> None:
    escrow = world.job(1_000)
    world.escrow(escrow, "anchor", ROOT, 7, sender=world.recording)
    world.escrow(escrow, "anchorAndReserve", EVIDENCE, 7, ROOT, 0, sender=world.recording)
    assert world.of(escrow, "reservedFunds") == 0


def test_an_empty_root_and_an_empty_batch_are_refused(world: World) -> None:
    escrow = world.job(1_000)
    with pytest.raises(Refused, match="Empty hash"):
        world.escrow(escrow, "anchor", b"\x00" * 32, 1, sender=world.recording)
    with pytest.raises(Refused, match="Zero amount"):
        world.escrow(escrow, "anchor", ROOT, 0, sender=world.recording)
    with pytest.raises(Refused, match="Zero amount"):
        world.escrow(escrow, "reserve", 0, ROOT, sender=world.recording)


def test_more_than_is_there_for_workers_cannot_be_reserved(world: World) -> None:
    escrow = world.job(1_000, fees_bp=(500, 300, 200))
    with pytest.raises(Refused, match="Insufficient unreserved funds"):
        world.reserve(escrow, 901)
    world.reserve(escrow, 900)
    (event,) = world.seen("Reserved")
    assert (event["amount"], event["totalReserved"]) == (900, 900)


def test_nothing_is_recorded_after_expiry(world: World) -> None:
    escrow = world.job(1_000)
    world.pass_time(100 * DAY)
    for call in (("anchor", ROOT, 1), ("anchorAndReserve", ROOT, 1, EVIDENCE, 1), ("reserve", 1, ROOT)):
        with pytest.raises(Refused, match="Expired"):
            world.escrow(escrow, *call, sender=world.recording)


def test_a_daily_cap_limits_what_one_stolen_key_can_reserve_or_pay_in_a_day(world: World) -> None:
    escrow = world.create()
    world.escrow(escrow, "setDailyCap", 10, sender=world.launcher)
    world.send("TestToken", world.token, "transfer", escrow, 1_000, sender=world.outsider)
    world.escrow(escrow, "setup", world.reputation, world.recording, world.exchange, URL, HASH, sender=world.launcher)
    assert world.of(escrow, "dailyCap") == 101
    world.reserve(escrow, 60)
    with pytest.raises(Refused, match="Daily cap"):
        world.reserve(escrow, 42)
    world.reserve(escrow, 41)
    world.pass_time(DAY)
    world.reserve(escrow, 101)
    world.pay(escrow, {world.worker: 101})
    with pytest.raises(Refused, match="Daily cap"):
        world.pay(escrow, {world.worker: 1}, payout_id="again")
    world.pass_time(DAY)
    world.pay(escrow, {world.worker: 101}, payout_id="tomorrow")
    with pytest.raises(Refused, match="Wrong status"):
        world.escrow(escrow, "setDailyCap", 0, sender=world.launcher)


def test_a_daily_cap_below_a_thirtieth_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="Cap too small"):
        world.escrow(world.create(), "setDailyCap", 31, sender=world.launcher)


# --- payouts ---


def test_a_payout_id_pays_once(world: World) -> None:
    escrow = world.job(1_000)
    world.reserve(escrow, 500)
    world.pay(escrow, {world.worker: 100}, payout_id="week-1")
    with pytest.raises(Refused, match="payoutId already exists"):
        world.pay(escrow, {world.worker: 100}, payout_id="week-1")
    assert world.balance(world.worker) == 100
    assert world.of(escrow, "payouts", keccak(b"week-1")) is True


def test_bad_batches_are_refused_by_name(world: World) -> None:
    escrow = world.job(1_000)
    world.reserve(escrow, 500)
    worker = world.worker

    def payout(*arguments: object) -> None:
        world.escrow(escrow, "bulkPayOut", *arguments, sender=world.reputation)

    with pytest.raises(Refused, match="Length mismatch"):
        payout([worker], [1, 2], URL, HASH, "p", False)
    with pytest.raises(Refused, match="Empty amounts"):
        payout([], [], URL, HASH, "p", False)
    with pytest.raises(Refused, match="Zero amount"):
        payout([worker], [0], URL, HASH, "p", False)
    with pytest.raises(Refused, match="Empty url/hash"):
        payout([worker], [1], "", HASH, "p", False)
    with pytest.raises(Refused, match="Not enough funds"):
        payout([worker], [501], URL, HASH, "p", False)
    with pytest.raises(Refused, match="Too many recipients"):
        payout([worker] * (MAX_RECIPIENTS + 1), [1] * (MAX_RECIPIENTS + 1), URL, HASH, "p", False)
    payout([worker] * MAX_RECIPIENTS, [1] * MAX_RECIPIENTS, URL, HASH, "p", False)
    assert world.balance(worker) == MAX_RECIPIENTS


def test_the_last_payout_ends_the_job_by_itself_when_nothing_is_left(world: World) -> None:
    escrow = world.job(1_000, fees_bp=(100, 100, 100))
    world.reserve(escrow, 970)
    world.pay(escrow, {world.worker: 970})
    assert world.of(escrow, "status") == COMPLETE
    assert world.of(escrow, "getBalance") == 0
    assert world.seen("OracleFeeTransfer")[0]["amounts"] == (10, 10, 10)


def test_a_worker_twice_in_a_batch_is_paid_twice(world: World) -> None:
    escrow = world.job(1_000)
    world.reserve(escrow, 30)
    world.escrow(
        escrow, "bulkPayOut", [world.worker, world.worker], [10, 20], URL, HASH, "p", False, sender=world.reputation
    )
    assert world.balance(world.worker) == 30


def test_humans_deprecated_signatures_are_refused_by_their_name(world: World) -> None:
    escrow = world.job(1_000)
    old_store = encode_call("Escrow", "storeResults", URL, HASH)
    with pytest.raises(Refused, match="DEPRECATED_SIGNATURE"):
        world.raw(escrow, old_store, sender=world.recording)
    with pytest.raises(Refused, match="DEPRECATED_SIGNATURE"):
        world.raw(escrow, bytes.fromhex("55bf1d6a") + b"\x00" * 192, sender=world.reputation)
    with pytest.raises(Refused, match="Unknown function"):
        world.raw(escrow, b"\xde\xad\xbe\xef", sender=world.reputation)


# --- credits ---


def test_a_credit_is_claimed_by_anyone_for_its_owner_or_by_the_owner_to_elsewhere(world: World) -> None:
    token = world.deploy("HostileToken", 10**9, world.launcher)
    escrow = world.job_with_token(token)
    world.send("HostileToken", token, "block", world.worker, sender=world.owner)
    world.reserve(escrow, 100)
    world.pay(escrow, {world.worker: 100}, force=True)
    assert world.of(escrow, "status") == COMPLETE
    with pytest.raises(Refused, match="Transfer failed"):
        world.escrow(escrow, "claim", world.worker, sender=world.outsider)
    with pytest.raises(Refused, match="Nothing to claim"):
        world.escrow(escrow, "claimTo", world.outsider, sender=world.outsider)
    with world.aside():
        world.escrow(escrow, "claimTo", world.other_worker, sender=world.worker)
        assert world.balance(world.other_worker, token) == 100
    world.pass_time(1_000 * DAY)
    world.send("HostileToken", token, "unblock", world.worker, sender=world.owner)
    world.escrow(escrow, "claim", world.worker, sender=world.outsider)
    assert world.balance(world.worker, token) == 100
    with pytest.raises(Refused, match="Nothing to claim"):
        world.escrow(escrow, "claim", world.worker, sender=world.outsider)


def test_a_credit_without_an_owner_can_be_redirected_and_no_other(world: World) -> None:
    escrow = world.job(1_000)
    world.reserve(escrow, 100)
    zero = "0x" + "0" * 40
    world.pay(escrow, {zero: 50, escrow: 30, world.token: 20}, force=True)
    for keyless, amount in ((zero, 50), (escrow, 30), (world.token, 20)):
        assert world.of(escrow, "credits", keyless) == amount
        world.escrow(escrow, "redirectCredit", keyless, world.worker, sender=world.reputation)
    world.escrow(escrow, "claim", world.worker, sender=world.outsider)
    assert world.balance(world.worker) == 100
    with pytest.raises(Refused, match="Credit has an owner"):
        world.escrow(escrow, "redirectCredit", world.worker, world.outsider, sender=world.reputation)
    with pytest.raises(Refused, match="Invalid recipient"):
        world.escrow(escrow, "redirectCredit", zero, escrow, sender=world.reputation)


# --- freezes ---


def test_a_freeze_stops_recording_and_endings_but_never_pay(world: World) -> None:
    escrow = world.job(1_000)
    world.reserve(escrow, 100)
    world.escrow(escrow, "freeze", ROOT, sender=world.exchange)
    assert world.seen("Frozen")[0]["reportHash"] == ROOT
    blocked = [
        ("recording", "anchor", ROOT, 1),
        ("recording", "anchorAndReserve", ROOT, 1, EVIDENCE, 1),
        ("recording", "reserve", 1, ROOT),
        ("recording", "storeResults", URL, HASH, 1),
        ("reputation", "complete"),
        ("launcher", "requestCancellation"),
    ]
    for role, *call in blocked:
        with pytest.raises(Refused, match="Frozen"):
            world.escrow(escrow, *call, sender=getattr(world, role))
    world.pay(escrow, {world.worker: 100}, force=True)
    assert world.balance(world.worker) == 100
    assert world.of(escrow, "status") == 2  # paid, but it does not end while frozen


def test_a_freeze_ends_by_itself_and_the_sixth_is_refused(world: World) -> None:
    escrow = world.job(1_000)
    for report in range(5):
        world.escrow(escrow, "freeze", bytes([report]) * 32, sender=world.exchange)
        with pytest.raises(Refused, match="Frozen"):
            world.escrow(escrow, "freeze", ROOT, sender=world.exchange)
        world.pass_time(FREEZE_SECONDS)
        world.reserve(escrow, 1)
    with pytest.raises(Refused, match="Too many freezes"):
        world.escrow(escrow, "freeze", ROOT, sender=world.exchange)


# --- endings ---


def test_completion_pays_fees_and_refunds_the_rest(world: World) -> None:
    escrow = world.job(1_000, fees_bp=(500, 300, 200))
    world.reserve(escrow, 90)  # a tenth of what is for workers
    world.pay(escrow, {world.worker: 90})
    before = world.balance(world.launcher)
    world.escrow(escrow, "complete", sender=world.reputation)
    oracles = (world.reputation, world.recording, world.exchange)
    assert [world.balance(oracle) for oracle in oracles] == [5, 3, 2]
    assert world.balance(world.launcher) - before == 900
    assert world.seen("CompletionRefund")[0]["amount"] == 900
    assert world.ask("Staking", world.at["Staking"], "openEscrows", world.launcher) == 0


@pytest.mark.parametrize(
    ("ending", "way", "owed"),
    [
        ("complete", "launch", [25, 15, 10]),
        ("complete", "setup", [50, 30, 20]),
        ("cancel", "launch", [25, 15, 10]),
        ("cancel", "setup", [25, 15, 10]),
    ],
)
def test_fees_of_a_quote_follow_the_pay_and_published_fees_are_humans(
    world: World, ending: str, way: str, owed: list[int]
) -> None:
    oracles = (world.reputation, world.recording, world.exchange)
    if way == "launch":
        escrow = world.job(1_000, fees_bp=(500, 300, 200))
    else:
        for oracle, published in zip(oracles, ("5", "3", "2"), strict=True):
            world.send("KVStore", world.at["KVStore"], "set", "fee", published, sender=oracle)
        escrow = world.create()
        world.send("TestToken", world.token, "transfer", escrow, 1_000, sender=world.outsider)
        world.escrow(escrow, "setup", *oracles, URL, HASH, sender=world.launcher)
    assert world.of(escrow, "feesBp") == (500, 300, 200)
    assert world.of(escrow, "remainingFunds") == 900  # held back either way
    world.reserve(escrow, 450)  # half of what is for workers
    world.pay(escrow, {world.worker: 450})
    if ending == "cancel":
        world.escrow(escrow, "requestCancellation", sender=world.launcher)
    before = world.balance(world.launcher)
    world.escrow(escrow, ending, sender=world.reputation)
    assert [world.balance(oracle) for oracle in oracles] == owed
    assert world.seen("OracleFeeTransfer")[0]["amounts"] == tuple(owed)
    assert world.balance(world.launcher) - before == 550 - sum(owed)
    assert world.of(escrow, "getBalance") == 0


def test_a_job_that_paid_nobody_owes_no_fee_of_its_quote_and_a_daily_cap_changes_nothing(world: World) -> None:
    escrow = world.create()
    world.escrow(escrow, "setDailyCap", 30, sender=world.launcher)
    world.send("TestToken", world.token, "transfer", escrow, 1_000, sender=world.outsider)
    oracles = (world.reputation, world.recording, world.exchange)
    world.escrow(escrow, "setupWithFees", *oracles, [500, 300, 200], URL, HASH, sender=world.launcher)
    assert world.of(escrow, "dailyCap") == 34
    before = world.balance(world.launcher)
    world.escrow(escrow, "complete", sender=world.reputation)
    assert world.seen("OracleFeeTransfer") == []
    assert world.balance(world.launcher) - before == 1_000


def test_pay_out_of_a_top_up_raises_no_fee_above_the_quote(world: World) -> None:
    escrow = world.job(1_000, fees_bp=(500, 300, 200))
    world.send("TestToken", world.token, "transfer", escrow, 500, sender=world.outsider)
    world.reserve(escrow, 1_300)
    world.pay(escrow, {world.worker: 1_300}, force=True)
    assert world.seen("OracleFeeTransfer")[0]["amounts"] == (50, 30, 20)
    assert world.seen("CompletionRefund")[0]["amount"] == 100


def test_a_cancelled_job_pays_oracles_for_the_paid_share_of_the_work(world: World) -> None:
    escrow = world.job(1_000, fees_bp=(500, 300, 200))
    world.reserve(escrow, 450)  # half of what is for workers
    world.pay(escrow, {world.worker: 450})
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    world.escrow(escrow, "cancel", sender=world.reputation)
    oracles = (world.reputation, world.recording, world.exchange)
    assert [world.balance(oracle) for oracle in oracles] == [25, 15, 10]
    assert world.of(escrow, "status") == CANCELLED
    assert world.of(escrow, "getBalance") == 0


def test_work_done_before_a_cancellation_can_be_recorded_within_the_window(world: World) -> None:
    escrow = world.job(1_000)
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    assert world.of(escrow, "status") == TO_CANCEL
    world.escrow(escrow, "anchorAndReserve", ROOT, 3, EVIDENCE, 60, sender=world.recording)
    with pytest.raises(Refused, match="Invalid status"):
        world.escrow(escrow, "requestCancellation", sender=world.launcher)
    with pytest.raises(Refused, match="Reserved funds"):
        world.escrow(escrow, "cancel", sender=world.reputation)
    world.pass_time(CANCEL_WINDOW_SECONDS)
    with pytest.raises(Refused, match="Expired"):
        world.reserve(escrow, 1)
    before = world.balance(world.launcher)
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    assert world.balance(world.launcher) - before == 940
    world.pay(escrow, {world.worker: 60})
    assert world.of(escrow, "status") == CANCELLED


def test_before_setup_the_launcher_gets_everything_back_at_once(world: World) -> None:
    escrow = world.create()
    world.send("TestToken", world.token, "transfer", escrow, 100, sender=world.outsider)
    before = world.balance(world.launcher)
    world.escrow(escrow, "requestCancellation", sender=world.launcher)
    assert world.balance(world.launcher) - before == 100
    assert world.of(escrow, "status") == CANCELLED


def test_withdraw_takes_foreign_tokens_and_strays_but_no_pay(world: World) -> None:
    foreign = world.deploy("SilentToken", 500, world.outsider)
    escrow = world.job(1_000)
    world.send("SilentToken", foreign, "transfer", escrow, 500, sender=world.outsider)
    world.escrow(escrow, "withdraw", foreign, sender=world.launcher)
    assert world.seen("Withdraw")[0]["amount"] == 500
    with pytest.raises(Refused, match="No funds"):
        world.escrow(escrow, "withdraw", world.token, sender=world.launcher)
    world.escrow(escrow, "complete", sender=world.reputation)
    world.send("TestToken", world.token, "transfer", escrow, 3, sender=world.outsider)
    world.escrow(escrow, "withdraw", world.token, sender=world.owner)
    assert world.of(escrow, "getBalance") == 0


def test_an_escrow_deployed_with_humans_five_arguments_works_without_a_factory(world: World) -> None:
    from manyhands.chain.contracts import encode_deploy

    data = encode_deploy("Escrow", world.token, world.launcher, world.owner, 1_000, world.at["KVStore"])
    address, computation = world.env.deploy(sender=world.token_maker, bytecode=data)
    assert not computation.is_error
    escrow = str(address).lower()
    assert world.of(escrow, "escrowFactory") == world.token_maker
    world.send("TestToken", world.token, "transfer", escrow, 100, sender=world.outsider)
    world.escrow(escrow, "setup", world.reputation, world.recording, world.exchange, URL, HASH, sender=world.launcher)
    world.reserve(escrow, 100)
    world.pay(escrow, {world.worker: 100})
    assert world.of(escrow, "status") == COMPLETE


MINORS = st.integers(1, 10**15)
BPS = st.tuples(*[st.integers(0, MAX_FEES_BP // 3)] * 3)


@given(workers=MINORS, bps=BPS)
@settings(max_examples=200)
def test_a_fund_for_workers_leaves_enough_and_no_unit_too_much(workers: int, bps: tuple[int, int, int]) -> None:
    fund = fund_for_minor(workers, bps)
    assert fund - sum(fees_minor(fund, bps)) >= workers
    assert fund - 1 - sum(fees_minor(fund - 1, bps)) < workers


@given(fund=st.integers(1, 10**11), bps=BPS, paid_bp=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_the_contract_counts_fees_as_the_program_does(
    world: World, fund: int, bps: tuple[int, int, int], paid_bp: int
) -> None:
    with world.aside():
        escrow = world.job(fund, fees_bp=bps)
        for_workers = fund - sum(fees_minor(fund, bps))
        assert world.of(escrow, "remainingFunds") == for_workers
        paid = for_workers * paid_bp // 10_000
        if paid:
            world.reserve(escrow, paid)
            world.pay(escrow, {world.worker: paid}, force=True)
        else:
            world.escrow(escrow, "complete", sender=world.reputation)
        oracles = (world.reputation, world.recording, world.exchange)
        assert tuple(world.balance(oracle) for oracle in oracles) == fees_for_pay_minor(fund, bps, paid)


@given(fund=MINORS, bps=BPS, paid=MINORS)
@settings(max_examples=200)
def test_fees_for_pay_are_never_above_those_held_back_and_full_when_all_is_paid(
    fund: int, bps: tuple[int, int, int], paid: int
) -> None:
    most = fees_minor(fund, bps)
    owed = fees_for_pay_minor(fund, bps, paid)
    assert all(one <= limit for one, limit in zip(owed, most, strict=True))
    assert fees_for_pay_minor(fund, bps, fund - sum(most)) == most
    assert fees_for_pay_minor(fund, bps, 0) == (0, 0, 0)
