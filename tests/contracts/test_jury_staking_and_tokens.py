"""Jury, staking, factory, key-value store, test token; and escrows in tokens that turn on their users."""

from __future__ import annotations

import pytest
from eth_account import Account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyhands.chain.contracts import (
    CASE_SECONDS,
    FREEZE_SECONDS,
    case_id,
    encode_call,
    slash_shares_minor,
    vote_digest,
    vote_typed_data,
)

from .world import CANCELLED, COMPLETE, DAY, HASH, TO_CANCEL, URL, Refused, World, juror_key

REPORT = b"\x33" * 32


# --- jury ---


def test_an_upheld_report_ends_the_job_and_shares_the_slash_between_reporter_and_majority(world: World) -> None:
    escrow = world.job(1_000)
    world.reserve(escrow, 100)
    world.escrow(escrow, "freeze", REPORT, sender=world.exchange)
    case = world.open_case(escrow, REPORT)
    world.rule(case, True, [*world.vote(case, True, [0, 2]), *world.vote(case, False, [1])])
    (ruled,) = world.seen("Ruled")
    assert (ruled["uphold"], ruled["votesFor"], ruled["votesAgainst"]) == (True, 2, 1)
    assert world.of(escrow, "status") == TO_CANCEL
    assert world.ask("Staking", world.at["Staking"], "getStakedTokens", world.launcher) == 940
    reporter, each = slash_shares_minor(60, 2)
    assert world.balance(world.reporter) == reporter == 30
    assert [world.balance(juror_key(n).address) for n in range(3)] == [each, 0, each]
    world.pay(escrow, {world.worker: 100}, force=True)  # reserved pay is paid all the same
    assert world.balance(world.worker) == 100
    assert world.of(escrow, "status") == CANCELLED


def test_a_cleared_report_lets_the_job_go_on_and_gives_the_freeze_back(world: World) -> None:
    escrow = world.job(1_000)
    world.escrow(escrow, "freeze", REPORT, sender=world.exchange)
    case = world.open_case(escrow, REPORT)
    world.rule(case, False, world.vote(case, False, [0, 1]))
    assert world.of(escrow, "freezes") == 0
    assert world.seen("Cleared")[0]["reportHash"] == REPORT
    world.reserve(escrow, 10)
    assert world.ask("Staking", world.at["Staking"], "getStakedTokens", world.launcher) == 1_000


def test_a_ruling_needs_more_than_half_of_the_drawn_jurors(world: World) -> None:
    escrow = world.job()
    case = world.open_case(escrow, REPORT, jurors=5)
    for votes in ([0, 1], []):
        with pytest.raises(Refused, match="No quorum"):
            world.rule(case, True, world.vote(case, True, list(votes)))
    world.rule(case, True, world.vote(case, True, [0, 1, 4]))


def test_votes_that_are_not_votes_are_refused(world: World) -> None:
    escrow = world.job()
    case = world.open_case(escrow, REPORT)
    good = world.vote(case, True, [0, 1])
    stranger = bytes(
        Account.from_key(b"\x09" * 32)
        .unsafe_sign_hash(vote_digest(world.chain_id, world.at["Jury"], case, True))
        .signature
    )
    half_order = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored_s = order - int.from_bytes(good[0][32:64], "big")
    assert mirrored_s > half_order
    mirrored = good[0][:32] + mirrored_s.to_bytes(32, "big") + bytes([55 - good[0][64]])
    for bad in (stranger, good[0][:64], b"", b"\x00" * 65, mirrored):
        with pytest.raises(Refused, match="Invalid signature"):
            world.rule(case, True, [good[1], bad])
    with pytest.raises(Refused, match="Juror voted twice"):
        world.rule(case, True, [good[0], good[0]])
    with pytest.raises(Refused, match="Juror voted twice"):
        world.rule(case, True, [good[0], *world.vote(case, False, [0])])


def test_a_vote_counts_for_one_case_one_chain_and_one_contract_only(world: World) -> None:
    escrow, other = world.job(), world.job()
    case, other_case = world.open_case(escrow, REPORT), world.open_case(other, REPORT)
    with pytest.raises(Refused, match="Invalid signature"):
        world.rule(other_case, True, world.vote(case, True, [0, 1]))
    for chain_id, jury in ((world.chain_id + 1, world.at["Jury"]), (world.chain_id, world.at["Staking"])):
        digest = vote_digest(chain_id, jury, case, True)
        with pytest.raises(Refused, match="Invalid signature"):
            world.rule(case, True, [bytes(juror_key(n).unsafe_sign_hash(digest).signature) for n in (0, 1)])


def test_a_case_is_ruled_once_and_lapses(world: World) -> None:
    escrow = world.job()
    case = world.open_case(escrow, REPORT)
    votes = world.vote(case, False, [0, 1])
    with world.aside():
        world.pass_time(CASE_SECONDS + 1)
        with pytest.raises(Refused, match="Case lapsed"):
            world.rule(case, False, votes)
    world.rule(case, False, votes)
    with pytest.raises(Refused, match="Already ruled"):
        world.rule(case, False, votes)
    with pytest.raises(Refused, match="Case exists"):
        world.open_case(escrow, REPORT)
    with pytest.raises(Refused, match="Unknown case"):
        world.rule(b"\x00" * 32, False, votes)


def test_a_ruling_after_the_freeze_has_ended_still_counts(world: World) -> None:
    escrow = world.job()
    world.escrow(escrow, "freeze", REPORT, sender=world.exchange)
    case = world.open_case(escrow, REPORT)
    world.pass_time(FREEZE_SECONDS + DAY)
    world.escrow(escrow, "freeze", b"\x44" * 32, sender=world.exchange)
    world.rule(case, True, world.vote(case, True, [0, 1]))
    assert world.of(escrow, "status") == TO_CANCEL
    assert world.of(escrow, "frozenUntil") > world.env.timestamp  # the other report's freeze stands


def test_an_upheld_report_on_an_ended_job_slashes_and_changes_nothing_else(world: World) -> None:
    escrow = world.job(1_000)
    world.escrow(escrow, "complete", sender=world.reputation)
    case = world.open_case(escrow, REPORT)
    world.rule(case, True, world.vote(case, True, [0, 1]))
    assert world.of(escrow, "status") == COMPLETE
    assert world.balance(world.reporter) == 30


def test_a_launcher_with_less_stake_than_the_slash_loses_what_it_has(world: World) -> None:
    escrow = world.job(1_000)
    world.send("Staking", world.at["Staking"], "slash", world.owner, world.launcher, escrow, 959, sender=world.owner)
    case = world.open_case(escrow, REPORT)
    world.rule(case, True, world.vote(case, True, [0, 1]))
    assert world.ask("Staking", world.at["Staking"], "getStakedTokens", world.launcher) == 0
    reporter, each = slash_shares_minor(41, 2)
    assert world.balance(world.reporter) == reporter
    assert world.balance(juror_key(0).address) == each


def test_cases_are_opened_by_the_operator_with_a_proper_draw(world: World) -> None:
    escrow = world.job()
    jurors = [juror_key(n).address for n in range(3)]

    def open_case(*arguments: object, sender: str = world.jury_operator) -> None:
        world.send("Jury", world.at["Jury"], "openCase", *arguments, sender=sender)

    for someone in (world.owner, world.exchange, world.launcher):
        with pytest.raises(Refused, match="Unauthorised"):
            open_case(escrow, REPORT, jurors, world.reporter, sender=someone)
    with pytest.raises(Refused, match="Unknown escrow"):
        open_case(world.outsider, REPORT, jurors, world.reporter)
    with pytest.raises(Refused, match="odd"):
        open_case(escrow, REPORT, jurors[:2], world.reporter)
    for too_few in ([], jurors[:1]):
        with pytest.raises(Refused, match="odd"):
            open_case(escrow, REPORT, too_few, world.reporter)
    with pytest.raises(Refused, match="Juror drawn twice"):
        open_case(escrow, REPORT, [jurors[0], jurors[1], jurors[0]], world.reporter)
    for party in (world.reporter, world.launcher, "0x" + "0" * 40):
        with pytest.raises(Refused, match="Juror is a party"):
            open_case(escrow, REPORT, [*jurors[:2], party], world.reporter)


def test_the_program_and_the_contract_compute_the_same_ids_and_digests(world: World) -> None:
    escrow = world.job()
    jury = world.at["Jury"]
    case = world.open_case(escrow, REPORT)
    assert case == case_id(world.chain_id, jury, escrow, REPORT) == world.case_id(escrow, REPORT)
    assert world.ask("Jury", jury, "caseIdOf", escrow, REPORT, 9) == case_id(world.chain_id, jury, escrow, REPORT, 9)
    for uphold in (True, False):
        digest = vote_digest(world.chain_id, jury, case, uphold)
        assert world.ask("Jury", jury, "voteDigest", case, uphold) == digest
        by_wallet = juror_key(0).sign_typed_data(full_message=vote_typed_data(world.chain_id, jury, case, uphold))
        assert by_wallet.signature == juror_key(0).unsafe_sign_hash(digest).signature


@given(slashed=st.integers(1, 10**12), majority=st.integers(1, 15))
@settings(max_examples=200)
def test_shares_of_a_slash_lose_nothing_and_half_goes_to_the_reporter(slashed: int, majority: int) -> None:
    reporter, each = slash_shares_minor(slashed, majority)
    assert reporter + each * majority == slashed
    assert slashed // 2 <= reporter <= slashed // 2 + majority


# --- staking, factory ---


def test_a_stake_that_would_not_fit_its_word_is_refused_and_one_that_just_fits_is_kept(world: World) -> None:
    staking, token, most = world.at["Staking"], world.token, 2**96 - 1
    held = world.ask("Staking", staking, "getStakedTokens", world.launcher)
    world.send("TestToken", token, "mint", world.launcher, most, sender=world.owner)
    world.send("TestToken", token, "approve", staking, most, sender=world.launcher)
    with pytest.raises(Refused, match="Stake is too large"):
        world.send("Staking", staking, "stake", most - held + 1, sender=world.launcher)
    world.send("Staking", staking, "stake", most - held, sender=world.launcher)
    world.send("Staking", staking, "unstake", most - held, sender=world.launcher)
    assert tuple(world.ask("Staking", staking, "stakes", world.launcher))[:2] == (most, most - held)
    world.job()
    assert world.ask("Staking", staking, "openEscrows", world.launcher) == 1
    assert tuple(world.ask("Staking", staking, "stakes", world.launcher))[:2] == (most, most - held)


def test_a_launch_needs_the_minimum_stake(world: World) -> None:
    with pytest.raises(Refused, match="Insufficient stake"):
        world.create(launcher=world.outsider)


def test_staking_keeps_its_bounds(world: World) -> None:
    staking = world.at["Staking"]

    def send(function: str, *arguments: object, sender: str = world.launcher) -> None:
        world.send("Staking", staking, function, *arguments, sender=sender)

    for function in ("stake", "unstake"):
        with pytest.raises(Refused, match="Must be a positive number"):
            send(function, 0)
    with pytest.raises(Refused, match="Insufficient amount to unstake"):
        send("unstake", 1_001)
    with pytest.raises(Refused, match="below the minimum"):
        send("unstake", 901)
    with pytest.raises(Refused, match="no available tokens"):
        send("withdraw")
    send("unstake", 1_000)
    with pytest.raises(Refused, match="Insufficient stake"):
        world.create()
    world.pass_blocks(world.terms.lock_period_blocks)
    before = world.balance(world.launcher)
    send("withdraw")
    assert world.balance(world.launcher) - before == 1_000
    with pytest.raises(Refused, match="Caller is not a slasher"):
        send("slash", world.launcher, world.launcher, world.worker, 1)


def test_only_the_owner_wires_and_only_once(world: World) -> None:
    factory, staking = world.at["EscrowFactory"], world.at["Staking"]
    with pytest.raises(Refused, match="OwnableUnauthorizedAccount"):
        world.send("Staking", staking, "addSlasher", world.outsider, sender=world.outsider)
    for function in ("setJury", "setKVStoreAddress"):
        with pytest.raises(Refused, match="Ownable: caller is not the owner"):
            world.send("EscrowFactory", factory, function, world.outsider, sender=world.outsider)
        with pytest.raises(Refused, match="Already set"):
            world.send("EscrowFactory", factory, function, world.outsider, sender=world.owner)
    with pytest.raises(Refused, match="Already set"):
        world.send("Staking", staking, "setFactory", factory, sender=world.owner)
    for contract in ("escrowOpened", "escrowClosed"):
        with pytest.raises(Refused, match="Unauthorised"):
            world.send("Staking", staking, contract, world.launcher, sender=world.owner)
    with pytest.raises(Refused, match="Unauthorised"):
        world.send("EscrowFactory", factory, "escrowClosed", world.launcher, sender=world.owner)


def test_the_factory_knows_its_escrows_and_launched_is_its_first_log(world: World) -> None:
    factory = world.at["EscrowFactory"]
    number = world.ask("EscrowFactory", factory, "counter")
    escrow = world.job(500)
    assert next(event["event"] for event in world.events if event["address"] == factory) == "LaunchedV2"
    assert world.seen("LaunchedV2")[0]["escrow"] == escrow
    assert world.ask("EscrowFactory", factory, "hasEscrow", escrow) is True
    assert world.ask("EscrowFactory", factory, "hasEscrow", world.outsider) is False
    assert world.ask("EscrowFactory", factory, "lastEscrow") == escrow
    assert world.ask("EscrowFactory", factory, "counter") == number + 1
    with pytest.raises(Refused, match="Invalid token"):
        world.create(token=world.outsider)
    with pytest.raises(Refused, match="Zero amount"):
        world.job(0)


# --- key-value store, token ---


def test_the_store_keeps_what_each_address_said_about_itself(world: World) -> None:
    store = world.at["KVStore"]
    world.send("KVStore", store, "setBulk", ["a", "b"], ["1", "2"], sender=world.worker)
    assert [world.ask("KVStore", store, "get", world.worker, key) for key in "abc"] == ["1", "2", ""]
    assert world.ask("KVStore", store, "get", world.outsider, "a") == ""
    with pytest.raises(Refused, match="Length mismatch"):
        world.send("KVStore", store, "setBulk", ["a", "b"], ["1"], sender=world.worker)
    with pytest.raises(Refused, match="Too many entries"):
        world.send("KVStore", store, "setBulk", ["k"] * 21, ["v"] * 21, sender=world.worker)
    with pytest.raises(Refused, match="Maximum string length"):
        world.send("KVStore", store, "set", "k", "v" * 1_001, sender=world.worker)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
            | st.integers(29, 34).map(lambda size: "x" * size)
            | st.sampled_from(["", "\0", "\0" * 31, "z" * 1_000]),
        ),
        max_size=6,
    )
)
def test_what_was_saved_last_is_read_back_whether_it_fits_a_word_or_not(
    world: World, saved: list[tuple[str, str]]
) -> None:
    store, held = world.at["KVStore"], {"a": "", "b": ""}
    for key in held:
        world.send("KVStore", store, "set", key, "", sender=world.worker)
    for key, text in saved:
        world.send("KVStore", store, "set", key, text, sender=world.worker)
        held[key] = text
        assert {key: world.ask("KVStore", store, "get", world.worker, key) for key in held} == held


def test_a_permit_approves_once_by_signature(world: World) -> None:
    owner = Account.from_key(b"\x05" * 32)
    domain = {"name": world.terms.token_name, "version": "1", "chainId": world.chain_id}
    fields = [("owner", "address"), ("spender", "address"), ("value", "uint256"), ("nonce", "uint256")]
    signed = owner.sign_typed_data(
        {**domain, "verifyingContract": world.token},
        {"Permit": [{"name": n, "type": t} for n, t in (*fields, ("deadline", "uint256"))]},
        {"owner": owner.address, "spender": world.worker, "value": 70, "nonce": 0, "deadline": 2**40},
    )
    rs = (signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
    permit = ("permit", owner.address, world.worker, 70, 2**40, signed.v, *rs)
    world.send("TestToken", world.token, *permit, sender=world.outsider)
    assert world.ask("TestToken", world.token, "allowance", owner.address, world.worker) == 70
    with pytest.raises(Refused, match="Invalid signature"):
        world.send("TestToken", world.token, *permit, sender=world.outsider)
    with pytest.raises(Refused, match="Unauthorised"):
        world.send("TestToken", world.token, "mint", world.outsider, 1, sender=world.outsider)


# --- tokens that turn on their users ---

MISBEHAVIOURS = {
    "reverts": (False, False, False, 0),
    "answers false": (True, False, False, 0),
    "burns all gas": (False, True, False, 0),
}


@pytest.mark.parametrize("way", MISBEHAVIOURS)
def test_a_recipient_the_token_refuses_delays_only_itself_in_every_way_of_refusing(world: World, way: str) -> None:
    token = world.deploy("HostileToken", 10**9, world.launcher)
    escrow = world.job_with_token(token)
    world.send("HostileToken", token, "behave", *MISBEHAVIOURS[way], sender=world.owner)
    world.send("HostileToken", token, "block", world.worker, sender=world.owner)
    world.reserve(escrow, 200)
    world.pay(escrow, {world.worker: 100, world.other_worker: 100}, force=True)
    assert world.balance(world.other_worker, token) == 100
    assert world.of(escrow, "credits", world.worker) == 100
    assert world.of(escrow, "status") == COMPLETE


def test_a_launcher_or_oracle_the_token_refuses_cannot_keep_a_job_open(world: World) -> None:
    token = world.deploy("HostileToken", 10**9, world.launcher)
    escrow = world.create(token=token)
    world.send("TestToken", token, "transfer", escrow, 1_000, sender=world.launcher)
    oracles = (world.reputation, world.recording, world.exchange)
    world.escrow(escrow, "setupWithFees", *oracles, [100, 100, 100], URL, HASH, sender=world.launcher)
    for refused in (world.launcher, world.recording):
        world.send("HostileToken", token, "block", refused, sender=world.owner)
    world.reserve(escrow, 485)  # half of what is for workers
    world.pay(escrow, {world.worker: 485})
    world.escrow(escrow, "complete", sender=world.reputation)
    assert world.of(escrow, "status") == COMPLETE
    assert world.of(escrow, "credits", world.launcher) == 500
    assert world.of(escrow, "credits", world.recording) == 5


def test_a_token_that_answers_nothing_is_paid_in(world: World) -> None:
    token = world.deploy("SilentToken", 10**9, world.launcher)
    escrow = world.create(token=token)
    world.send("SilentToken", token, "transfer", escrow, 1_000, sender=world.launcher)
    world.escrow(escrow, "setup", world.reputation, world.recording, world.exchange, URL, HASH, sender=world.launcher)
    world.send("SilentToken", token, "block", world.worker, sender=world.owner)
    world.reserve(escrow, 200)
    world.pay(escrow, {world.worker: 100, world.other_worker: 100}, force=True)
    assert world.ask("TestToken", token, "balanceOf", world.other_worker) == 100
    assert world.of(escrow, "credits", world.worker) == 100


def test_a_paused_token_turns_a_payout_into_credits_that_are_claimed_later(world: World) -> None:
    token = world.deploy("HostileToken", 10**9, world.launcher)
    escrow = world.job_with_token(token)
    world.reserve(escrow, 200)
    world.send("HostileToken", token, "behave", False, False, True, 0, sender=world.owner)
    world.pay(escrow, {world.worker: 100, world.other_worker: 100}, force=True)
    world.send("HostileToken", token, "behave", False, False, False, 0, sender=world.owner)
    for worker in (world.worker, world.other_worker, world.launcher):
        world.escrow(escrow, "claim", worker, sender=world.outsider)
    assert world.balance(world.worker, token) == 100
    assert world.of(escrow, "getBalance") == 0


def test_a_token_that_keeps_a_fee_funds_what_arrives(world: World) -> None:
    token = world.deploy("HostileToken", 10**9, world.launcher)
    world.send("HostileToken", token, "behave", False, False, False, 1_000, sender=world.owner)
    escrow = world.job_with_token(token)
    assert world.of(escrow, "fundAmount") == 900
    world.reserve(escrow, 900)
    world.pay(escrow, {world.worker: 900})
    assert world.of(escrow, "getBalance") == 0


REENTRIES: dict[str, bytes] = {
    "claim": encode_call("Escrow", "claim", World.worker),
    "payout": encode_call("Escrow", "bulkPayOut", [World.outsider], [1], URL, HASH, "re", False),
    "complete": encode_call("Escrow", "complete"),
    "cancellation": encode_call("Escrow", "requestCancellation"),
    "withdraw": encode_call("Escrow", "withdraw", World.outsider),
    "view": encode_call("Escrow", "remainingFunds"),
}


@pytest.mark.parametrize("way", REENTRIES)
def test_a_token_that_calls_back_during_a_payout_gets_nowhere(world: World, way: str) -> None:
    """The token itself holds every role, so only the lock stands in its way."""
    token = world.deploy("HostileToken", 10**9, world.launcher)
    escrow = world.create(token=token)
    world.send("TestToken", token, "transfer", escrow, 1_000, sender=world.launcher)
    world.escrow(escrow, "setup", token, world.recording, token, URL, HASH, sender=world.launcher)
    world.reserve(escrow, 500)
    world.send("HostileToken", token, "hook", escrow, REENTRIES[way], sender=world.owner)
    world.escrow(escrow, "bulkPayOut", [world.worker], [100], URL, HASH, "p", False, sender=token)
    assert world.ask("HostileToken", token, "hookTried") is True
    assert world.ask("HostileToken", token, "hookWorked") is False
    assert world.balance(world.worker, token) == 100
    assert world.of(escrow, "reservedFunds") == 400


@given(decimals=st.sampled_from((0, 6, 18)), pay=st.integers(1, 999))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_jobs_settle_in_tokens_of_0_6_and_18_decimals(world: World, decimals: int, pay: int) -> None:
    with world.aside():
        fund = 1_000 * 10**decimals
        token = world.deploy("HostileToken", fund, world.launcher)
        escrow = world.job_with_token(token, fund)
        world.reserve(escrow, pay * 10**decimals)
        world.pay(escrow, {world.worker: pay * 10**decimals}, force=True)
        assert world.balance(world.worker, token) == pay * 10**decimals
        assert world.balance(world.launcher, token) == fund - pay * 10**decimals
