"""Any calls, by anyone, in any order, with time passing: money is conserved and earned pay never falls.

The steps in the default suite are a thousand; `just nightly` takes a hundred thousand. Whether the machine sees enough
is tried too: contracts with one fault each, planted in the sources, must all be found (`FAULTS`).

Two accounts of the same thing are compared after every step: what the events told, added up here, and what the getters
say. And what a call was allowed to do is written down a second time (`Histories.allowed`): a call that went through
where it should not is a fault, also when no money moved.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boa
import pytest
from boa.environment import Env
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from manyhands.chain.contracts import CANCEL_WINDOW_SECONDS, FREEZE_SECONDS, fees_for_pay_minor

from .world import CANCELLED, COMPLETE, DAY, HASH, TO_CANCEL, URL, Peek, Refused, World

ROLES = ("launcher", "recording", "reputation", "exchange", "owner", "outsider", "worker")
RIGHTS: dict[str, tuple[tuple[str, ...], tuple[object, ...]]] = {
    "reserve": (("recording",), (1, b"\x07" * 32)),
    "anchorAndReserve": (("recording",), (b"\x08" * 32, 1, b"\x08" * 32, 1)),
    "storeResults": (("recording",), (URL, HASH, 1)),
    "complete": (("reputation",), ()),
    "cancel": (("reputation",), ()),
    "requestCancellation": (("launcher", "owner"), ()),
    "freeze": (("exchange",), (b"\x09" * 32,)),
    "clear": ((), (b"\x01" * 32,)),
    "uphold": ((), (b"\x01" * 32,)),
    "release": ((), (b"\x01" * 32, 1)),
    "setDailyCap": ((), (0,)),
}
WORKERS = ("worker", "other_worker", "zero", "token", "escrow")

MOVES = {(1, 2), (1, 4), (1, 6), (1, 5), (2, 4), (2, 5), (2, 6), (6, 5), (0, 5), (0, 1)}
"""From status to status, as docs/TECH_SPEC.md has it; to stay is always a move."""

roles = st.sampled_from(ROLES)
shares = st.sampled_from((1, 2, 3))  # of what there is: one unit, half, all
seconds = st.sampled_from((60, 60, DAY, DAY, 3 * DAY, 7 * DAY, 7 * DAY, 100 * DAY))
recipients = st.lists(st.sampled_from(WORKERS), min_size=1, max_size=4)
seldom = st.sampled_from((False, False, False, True))
very_seldom = st.sampled_from((False,) * 9 + (True,))


class Histories(RuleBasedStateMachine):
    """One job in a token that can block recipients, and a launcher with stake."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(self.world.aside())

    def teardown(self) -> None:
        self.stack.close()

    @initialize(fees=st.sampled_from(((0, 0, 0), (500, 300, 200), (1, 2, 3))), cap=st.sampled_from((0, 0, 1, 3)))
    def start(self, fees: tuple[int, int, int], cap: int) -> None:
        self.fees, self.cap = fees, cap
        self.jobs: list[str] = []
        self.token = self.world.deploy("HostileToken", 10**12, self.world.launcher)
        self.begin()

    def begin(self) -> None:
        """The next job, when there is none or the last one has ended; the books begin anew."""
        world = self.world
        self.escrow = world.create(token=self.token)
        self.jobs.append(self.escrow)
        if self.cap:
            world.escrow(self.escrow, "setDailyCap", self.cap, sender=world.launcher)
        self.arrived = 0
        self.arrive(10_007)
        oracles = (world.reputation, world.recording, world.exchange)
        world.escrow(self.escrow, "setupWithFees", *oracles, list(self.fees), URL, HASH, sender=world.launcher)
        self.workers_got = self.workers_claimed = self.fees_paid = self.refunded = self.released = 0
        self.earned = 0
        self.number = 0
        self.reports: list[bytes] = []
        self.payouts: set[str] = set()
        self.roots: set[bytes] = set()
        self.reserved = self.bulk_paid = 0
        self.credits: defaultdict[str, int] = defaultdict(int)
        self.of_day: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        self.freezes = 0
        self.status = self.peek().status
        self.expires_at = self.now() + world.terms.duration_s
        self.window_ends = 0

    def peek(self) -> Peek:
        return self.world.peek(self.escrow, self.token)

    def now(self) -> int:
        return int(self.world.env.timestamp)

    def allowed(self, role: str, function: str, at: Peek) -> bool:
        """Whether the specification lets this call through, as far as state, time and caller decide it."""
        now = self.now()
        frozen, expired = at.frozen_until > now, now >= at.expires_at
        live = at.status in (1, 2, TO_CANCEL)
        match function:
            case "reserve" | "anchorAndReserve" | "storeResults":
                in_time = not expired and (at.status != TO_CANCEL or now < at.cancel_deadline)
                return role == "recording" and live and not frozen and in_time
            case "bulkPayOut":
                last_resort = role == "exchange" and now >= at.expires_at + 30 * DAY
                return live and (role == "reputation" or last_resort)
            case "complete":
                return role == "reputation" and at.status in (1, 2) and not frozen and at.reserved == 0
            case "cancel":
                return role == "reputation" and at.status == TO_CANCEL and not frozen and at.reserved == 0
            case "requestCancellation":
                again = at.status == TO_CANCEL and (expired or now >= at.cancel_deadline)
                return role in ("launcher", "owner") and not frozen and (at.status in (0, 1, 2) or again)
            case "freeze":
                return role == "exchange" and live and not frozen and self.freezes < 5
            case "withdraw":
                return role in ("launcher", "owner") and at.status in (COMPLETE, CANCELLED)
            case _:
                return True

    def arrive(self, amount: int) -> None:
        self.world.send("TestToken", self.token, "transfer", self.escrow, amount, sender=self.world.launcher)
        self.arrived += amount

    def address(self, name: str) -> str:
        special = {"zero": "0x" + "0" * 40, "token": self.token, "escrow": self.escrow}
        return special.get(name) or str(getattr(self.world, name))

    def part(self, share: int, whole: int) -> int:
        return (0, 1, whole // 2, whole)[share]

    def attempt(self, role: str, function: str, *arguments: Any) -> bool:
        """Sends; when it went through, it must have been allowed, and every event that moves money is booked."""
        before = self.peek()
        try:
            self.world.escrow(self.escrow, function, *arguments, sender=self.address(role))
        except Refused:
            return False
        assert self.allowed(role, function, before), f"{role} may not {function} here: {before}"
        self.book()
        if function == "requestCancellation" and before.status in (1, 2):
            self.window_ends = self.now() + CANCEL_WINDOW_SECONDS
        self.freezes += function == "freeze"
        return True

    def book(self) -> None:
        world = self.world
        for event in world.events:
            match event["event"]:
                case "Anchored":
                    assert event["root"] not in self.roots
                    self.roots.add(event["root"])
                    self.reserved += event["reserved"]
                    self.of_day[self.now() // DAY][0] += event["reserved"]
                case "Reserved":
                    self.reserved += event["amount"]
                    self.of_day[self.now() // DAY][0] += event["amount"]
                    assert event["totalReserved"] == self.reserved
                case "Credited" if event["address"] == self.escrow:
                    self.credits[event["recipient"]] += event["amount"]
                case "CreditRedirected":
                    self.credits[event["recipient"]] -= event["amount"]
                    self.credits[event["to"]] += event["amount"]
                case "BulkTransferV3":
                    self.workers_got += sum(event["amounts"])
                    self.reserved -= sum(event["amounts"])
                    self.bulk_paid += sum(event["amounts"])
                    self.of_day[self.now() // DAY][1] += sum(event["amounts"])
                case "OracleFeeTransfer":
                    self.fees_paid += sum(event["amounts"])
                case "CancellationRefund" | "CompletionRefund":
                    self.refunded += event["amount"]
                case "Withdraw" if event["token"] == self.token:
                    self.refunded += event["amount"]
                case "Claimed" if event["address"] == self.escrow:
                    self.workers_claimed += event["amount"]
                    self.credits[event["recipient"]] -= event["amount"]
                case "Released":
                    self.released += event["amount"]
                    self.reserved -= event["amount"]
                    assert event["totalReserved"] == self.reserved
                case "Cleared":
                    self.cleared = True
                case _:
                    pass

    # --- what anyone may try ---

    @rule(amount=st.integers(1, 5_000))
    def top_up(self, amount: int) -> None:
        self.arrive(amount)

    @rule(share=shares)
    def reserve(self, share: int) -> None:
        self.attempt("recording", "reserve", self.part(share, self.free()), b"\x07" * 32)

    @rule(share=shares, repeat=seldom)
    def anchor_and_reserve(self, share: int, repeat: bool) -> None:
        self.number += not repeat
        root = (self.number + 1).to_bytes(32, "big")
        self.attempt("recording", "anchorAndReserve", root, 10, root, self.part(share, self.free()))

    @rule(share=shares, last_word=seldom)
    def store_results(self, share: int, last_word: bool) -> None:
        self.attempt("recording", "storeResults", URL, HASH, 0 if last_word else self.part(share, self.free()))

    @rule(share=shares, who=recipients, force=seldom, repeat=seldom, payer=st.sampled_from(("reputation",) * 4 + ROLES))
    def pay(self, share: int, who: list[str], force: bool, repeat: bool, payer: str) -> None:
        at = self.world.peek(self.escrow, self.token)
        if at.status in (COMPLETE, CANCELLED) or self.late():
            with contextlib.suppress(Refused):  # all stake may be on its way out, and then no job can be launched
                self.begin()
        if at.reserved == 0:
            self.reserve(2)
        reserved = self.world.peek(self.escrow, self.token).reserved
        who = who[:reserved]
        if not who:
            return
        self.number += not repeat
        whole = max(len(who), self.part(share, reserved))
        amounts = [whole // len(who)] * (len(who) - 1)
        amounts.append(whole - sum(amounts))
        payout_id = f"payout-{self.number}"
        paid = self.attempt(payer, "bulkPayOut", [self.address(n) for n in who], amounts, URL, HASH, payout_id, force)
        if paid:
            assert payer == "reputation" or (payer == "exchange" and self.late())
            assert payout_id not in self.payouts
            self.payouts.add(payout_id)

    def late(self) -> bool:
        at = self.world.peek(self.escrow, self.token)
        return bool(self.world.env.timestamp >= at.expires_at + 30 * DAY)

    @rule(call=st.sampled_from(("complete", "cancel")), really=seldom)
    def end(self, call: str, really: bool) -> None:
        if really or self.world.peek(self.escrow, self.token).reserved:
            self.attempt("reputation", call)

    @rule(really=seldom, last_word=st.booleans())
    def ask_for_cancellation(self, really: bool, last_word: bool) -> None:
        if really and self.attempt("launcher", "requestCancellation") and last_word:
            self.attempt("recording", "storeResults", "", "", 0)

    @rule(role=roles, call=st.sampled_from(tuple(RIGHTS)))
    def anyone_tries_what_is_another_s(self, role: str, call: str) -> None:
        rightful, arguments = RIGHTS[call]
        if role not in rightful:
            assert not self.attempt(role, call, *arguments)

    @rule(who=st.sampled_from(WORKERS), to=st.sampled_from(WORKERS))
    def settle_credits(self, who: str, to: str) -> None:
        """All ways in which a credit, or what is owed to nobody, leaves."""
        for name in WORKERS:
            self.attempt("outsider", "claim", self.address(name))
        if who in ("worker", "other_worker"):
            self.attempt(who, "claimTo", self.address(to))
        if self.attempt("reputation", "redirectCredit", self.address(who), self.address(to)):
            assert who in ("zero", "token", "escrow")
        self.attempt("launcher", "withdraw", self.token)

    @rule(who=st.sampled_from(("worker", "other_worker", "launcher", "reputation")), block=st.booleans())
    def token_blocks(self, who: str, block: bool) -> None:
        function = "block" if block else "unblock"
        self.world.send("HostileToken", self.token, function, self.address(who), sender=self.world.owner)

    @rule(new=st.booleans(), really=seldom)
    def freeze(self, new: bool, really: bool) -> None:
        if not really:
            return
        report = bytes([len(self.reports) + 1]) * 32 if new or not self.reports else self.reports[-1]
        if not self.attempt("exchange", "freeze", report):
            return
        # the job's clock stands still; what had passed has passed
        self.expires_at += FREEZE_SECONDS * (self.now() < self.expires_at)
        self.window_ends += FREEZE_SECONDS * (self.now() < self.window_ends)
        if report not in self.reports:
            self.reports.append(report)
        self.every_way_out_is_tried_and_undone()

    @rule(uphold=seldom, release=st.sampled_from((0, 0, 5)), votes=st.sampled_from(((0, 1), (0,), (0, 1, 2))))
    def jury_rules(self, uphold: bool, release: int, votes: tuple[int, ...]) -> None:
        if not self.reports:
            return
        world, before, stood = self.world, self.peek(), self.reserved
        frozen = before.frozen_until > self.now()
        staked = world.ask("Staking", world.at["Staking"], "getStakedTokens", world.launcher)
        try:
            case = world.open_case(self.escrow, self.reports[-1], release=release)
            world.rule(case, uphold, world.vote(case, uphold, list(votes)))
        except Refused:
            return
        assert len(votes) >= 2
        self.book()
        self.freezes -= not uphold and frozen
        if frozen:
            unused = before.frozen_until - self.now()
            self.expires_at -= unused * (self.expires_at > before.frozen_until)
            self.window_ends -= unused * (self.window_ends > before.frozen_until)
        if uphold and not release and before.status in (1, 2):
            self.window_ends = self.now() + CANCEL_WINDOW_SECONDS
        left = world.ask("Staking", world.at["Staking"], "getStakedTokens", world.launcher)
        slashed = sum(event["tokens"] for event in world.seen("StakeSlashed"))
        assert left == staked - slashed
        if uphold and not release:
            assert slashed == min(staked, world.terms.slash_minor) == sum(e["amount"] for e in world.seen("Shared"))
        if uphold and release:
            assert self.reserved == stood - min(release, stood) and slashed == 0

    @rule(really=very_seldom)
    def an_exchange_freezes_again_and_again(self, really: bool) -> None:
        """As a stolen key would, each time as long as a freeze lasts and without a jury: five times and no more."""
        for _ in range(6 if really else 0):
            self.freeze(True, True)
            self.world.pass_time(FREEZE_SECONDS)

    @rule(really=seldom, uphold=seldom)
    def a_report_is_judged_at_once(self, really: bool, uphold: bool) -> None:
        """Freeze and ruling in one step: left to chance alone, time mostly ends a freeze before a jury does."""
        told = len(self.reports)
        self.freeze(True, really)
        if len(self.reports) > told:
            self.jury_rules(uphold, 0, (0, 1))

    @rule()
    def every_way_out_is_tried_and_undone(self) -> None:
        """Now and at expiry, and work recorded too. By chance a job is seldom ended in a state in which it must not be,
        and an ended one hides the rest."""
        at, now = self.peek(), self.now()
        one = ([self.address("worker")], [1], URL, HASH, "aside", False)
        for role, function, arguments in (
            ("reputation", "complete", ()),
            ("reputation", "cancel", ()),
            ("launcher", "requestCancellation", ()),
            ("exchange", "bulkPayOut", one),
            ("recording", "reserve", (1, b"\x06" * 32)),
        ):
            for later in {0, max(0, at.expires_at - now)}:
                with self.world.aside():
                    if later:
                        self.world.pass_time(later)
                    may = self.allowed(role, function, at)
                    try:
                        self.world.escrow(self.escrow, function, *arguments, sender=self.address(role))
                    except Refused:
                        continue
                    assert may, f"{role} may not {function} here, {later} seconds later: {at}"
        assert self.now() == now

    @rule()
    def a_worker_s_credit_is_moved_by_nobody_else(self) -> None:
        """Whoever may pay may move what was credited to an address without an owner, and nothing else. What is claimed
        is gone."""
        world, worker, other = self.world, self.address("worker"), self.address("other_worker")
        with world.aside():
            self.token_blocks("worker", True)
            try:
                one = ([worker], [1], URL, HASH, "aside", False)
                world.escrow(self.escrow, "bulkPayOut", *one, sender=self.address("reputation"))
            except Refused:  # nothing is reserved, or the day's cap is reached
                return
            for role in ROLES:
                try:
                    world.escrow(self.escrow, "redirectCredit", worker, other, sender=self.address(role))
                except Refused:
                    continue
                raise AssertionError(f"{role} moved a worker's credit")
            self.token_blocks("worker", False)
            world.escrow(self.escrow, "claim", worker, sender=self.address("outsider"))
            assert world.ask("Escrow", self.escrow, "credits", worker) == 0
            try:
                world.escrow(self.escrow, "claim", worker, sender=self.address("outsider"))
            except Refused as refused:
                assert "Nothing to claim" in str(refused)
                return
            raise AssertionError("a credit was claimed twice")

    @rule()
    def the_same_payout_is_never_paid_twice(self) -> None:
        """Whatever is reserved beside it: who pays may have sent it twice."""
        world, one = self.world, ([self.address("worker")], [1], URL, HASH, "aside", False)
        with world.aside():
            try:
                world.escrow(self.escrow, "bulkPayOut", *one, sender=self.address("reputation"))
            except Refused:  # nothing is reserved, or the day's cap is reached
                return
            try:
                world.escrow(self.escrow, "bulkPayOut", *one, sender=self.address("reputation"))
            except Refused:
                return
            raise AssertionError("the same payout was made twice")

    @rule()
    def a_release_takes_what_the_jury_said_and_no_more(self) -> None:
        """By chance a freeze, a reserve and a jury that releases a part of it seldom meet."""
        world, report = self.world, b"\xee" * 32
        with world.aside():
            try:
                world.escrow(self.escrow, "freeze", report, sender=self.address("exchange"))
            except Refused:
                return
            reserved = self.peek().reserved
            try:
                case = world.open_case(self.escrow, report, release=1)
                world.rule(case, True, world.vote(case, True, [0, 1]))
            except Refused:
                return
            assert self.peek().reserved == max(0, reserved - 1)

    @rule()
    def what_two_days_reserve_is_not_paid_in_one(self) -> None:
        """Under a cap each day's reserve may be as large as a day's pay: only together they are too much."""
        world, cap = self.world, self.peek().cap
        if not cap:
            return
        with world.aside():
            for _ in range(2):
                with contextlib.suppress(Refused):
                    asked = min(cap, self.free())
                    world.escrow(self.escrow, "reserve", asked, b"\x05" * 32, sender=self.address("recording"))
                world.pass_time(DAY)
            reserved = self.peek().reserved
            if reserved > cap:
                everything = ([self.address("worker")], [reserved], URL, HASH, "aside", False)
                try:
                    world.escrow(self.escrow, "bulkPayOut", *everything, sender=self.address("reputation"))
                except Refused as refused:
                    assert "Daily cap" in str(refused)
                else:
                    raise AssertionError("more than a day's cap was paid in a day")

    @rule(seconds=seconds)
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(share=shares)
    def launcher_unstakes(self, share: int) -> None:
        world = self.world
        held = world.ask("Staking", world.at["Staking"], "getAvailableStake", world.launcher)
        try:
            world.send("Staking", world.at["Staking"], "unstake", self.part(share, held), sender=world.launcher)
        except Refused:
            return
        if self.world.peek(self.escrow, self.token).status not in (COMPLETE, CANCELLED):
            left = world.ask("Staking", world.at["Staking"], "getAvailableStake", world.launcher)
            assert left >= world.terms.minimum_stake_minor

    # --- what always holds ---

    def free(self) -> int:
        at = self.world.peek(self.escrow, self.token)
        return max(0, at.remaining - at.reserved)

    @invariant()
    def the_books_balance(self) -> None:
        """Conservation to the unit, earned pay that only grows, an end that owes credits only, fees as quoted."""
        at = self.world.peek(self.escrow, self.token)
        # Fees and refunds that could not be sent stand in the credits with the workers' pay until they are claimed.
        went = self.workers_got + self.fees_paid + self.refunded
        assert self.arrived == went + (at.balance - at.credited)
        assert at.balance >= at.credited + at.reserved

        earned = self.workers_got + at.reserved + self.released
        assert earned >= self.earned
        self.earned = earned

        # The quote's fees follow the pay, however the job ends; top-ups raise no fee.
        if at.status in (COMPLETE, CANCELLED):
            assert at.reserved == 0
            assert self.fees_paid == sum(fees_for_pay_minor(at.fund, self.fees, at.paid))
        else:
            assert self.fees_paid == 0

    @invariant()
    def getters_say_what_the_events_told(self) -> None:
        """Reserve, pay and credits, each to the unit and to the address; the status moved as the table has it."""
        world, at = self.world, self.peek()
        assert world.of(self.escrow, "reservedFunds") == at.reserved == self.reserved
        assert world.of(self.escrow, "creditedFunds") == at.credited == sum(self.credits.values())
        assert world.of(self.escrow, "paidAmount") == at.paid == self.bulk_paid
        for who, minor in self.credits.items():
            assert minor >= 0 and world.of(self.escrow, "credits", who) == minor
        assert at.status == self.status or (self.status, at.status) in MOVES, (self.status, at.status)
        self.status = at.status
        assert at.freezes == self.freezes <= 5
        assert at.expires_at == self.expires_at
        assert at.cancel_deadline == (self.window_ends if at.status == TO_CANCEL else 0)

    @invariant()
    def a_day_s_cap_holds(self) -> None:
        cap = self.peek().cap
        if cap:
            assert all(max(day) <= cap for day in self.of_day.values())

    @invariant()
    def stake_stands_behind_every_open_job(self) -> None:
        """Jobs of earlier rounds that never ended are open still; this one is until it ends."""
        world = self.world
        still_open = world.ask("Staking", world.at["Staking"], "openEscrows", world.launcher)
        left_open = sum(world.peek(one, self.token).status not in (COMPLETE, CANCELLED) for one in self.jobs)
        assert still_open == left_open

    @invariant()
    def the_staking_contract_is_solvent(self) -> None:
        world = self.world
        staked = world.ask("Staking", world.at["Staking"], "getStakedTokens", world.launcher)
        assert world.balance(world.at["Staking"]) >= staked


def run(world: World, *, examples: int, steps: int, shrink: bool = True) -> None:
    machine = type("HistoriesHere", (Histories,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            derandomize=examples < 100,
            phases=tuple(Phase) if shrink else (Phase.generate,),
        ),
    )


def test_money_is_conserved_and_earned_pay_never_falls_in_any_history(world: World) -> None:
    run(world, examples=40, steps=25)


@pytest.mark.nightly
def test_money_is_conserved_in_a_hundred_thousand_steps(world: World) -> None:
    run(world, examples=1_000, steps=100)


FAULTS = {
    # name: contract, what stands there, what stands there instead; each place is unique in its source
    "pay leaves the reserve": ("Escrow", "    reserved -= total\n", ""),
    "completes over a reserve": (
        "Escrow",
        '    self._check_not_frozen()\n    assert self._reserved == 0, "Reserved funds"\n    self._end(head)\n\n\n'
        "@external\ndef requestCancellation",
        "    self._check_not_frozen()\n    self._end(head)\n\n\n@external\ndef requestCancellation",
    ),
    "completes while frozen": (
        "Escrow",
        'PARTIAL, "Invalid status"\n    self._check_not_frozen()\n    assert self._reserved',
        'PARTIAL, "Invalid status"\n    assert self._reserved',
    ),
    "records after expiry": (
        "Escrow",
        'TO_CANCEL, "Invalid status"\n    assert block.timestamp < head.expires_at, "Expired"\n',
        'TO_CANCEL, "Invalid status"\n',
    ),
    "records while frozen": (
        "Escrow",
        '    assert block.timestamp >= purse.frozen_until, "Frozen"\n    return purse',
        "    return purse",
    ),
    "records after the window": ("Escrow", "assert block.timestamp < head.cancel_deadline", "assert True"),
    "refunds the reserve": (
        "Escrow",
        "self._less(self._remaining(self._get_fund(), purse.token), convert(self._reserved, uint256))",
        "self._remaining(self._get_fund(), purse.token)",
    ),
    "a claim leaves the credit": (
        "Escrow",
        "    self.credits[recipient] = 0\n    self._credited -=",
        "    self._credited -=",
    ),
    "credits are not summed": ("Escrow", "    self._credited += convert(amount, uint128)\n", ""),
    "a payout id twice": (
        "Escrow",
        "    assert not self.payouts[payout_key]",
        "    assert True or not self.payouts[payout_key]",
    ),
    "a root twice": ("Escrow", "assert self.anchors[root] == 0", "assert True"),
    "no cap on paying": ("Escrow", "reserved_today <= cap and paid_today <= cap", "reserved_today <= cap"),
    "no cap on reserving": ("Escrow", "reserved_today <= cap and paid_today <= cap", "paid_today <= cap"),
    "a sixth freeze": ("Escrow", "head.freezes < MAX_FREEZES", "head.freezes <= MAX_FREEZES"),
    "full fees for half the pay": ("Escrow", "fees[k] * paid // for_workers", "fees[k]"),
    "exchange pays at expiry": ("Escrow", "head.expires_at + LAST_RESORT_SECONDS", "head.expires_at"),
    "anyone's credit is redirected": (
        "Escrow",
        "assert recipient == empty(address) or recipient == token or recipient == self",
        "assert True",
    ),
    "withdraws from a running job": ("Escrow", "            amount = 0\n", "            pass\n"),
    "credits count as free": ("Escrow", "fees[2] + convert(self._credited, uint256)", "fees[2]"),
    "releases all": ("Escrow", "min(amount, reserved)", "reserved"),
    "a freeze uses up the window": ("Escrow", "        head.cancel_deadline += FREEZE_SECONDS\n", "        pass\n"),
    "a cleared freeze keeps all its time": ("Escrow", "        head.expires_at -= unused\n", "        pass\n"),
    "a cleared freeze counts": ("Escrow", "        head.freezes -= 1\n", ""),
    "an end keeps the stake locked": ("Staking", "    held.open -= 1\n", "    pass\n"),
    "unstakes under an open job": (
        "Staking",
        "assert left >= self._locked_by_escrows(held, minimum)",
        "assert True",
    ),
    "a stake forgets its open jobs": ("Staking", " | (held.open << 232)", ""),
    "a slash takes no stake": ("Staking", "    held.staked -= _tokens\n", ""),
}


def faulty_world(contract: str, stands: str, instead: str) -> World:
    """A world in which one contract has one fault; everything else is as deployed."""
    from vyper.compiler import compile_code
    from vyper.compiler.settings import OptimizationLevel, Settings

    source = (Path(__file__).parents[2] / "contracts" / f"{contract}.vy").read_text()
    assert source.count(stands) == 1, f"the place of a fault must be unique, it is there {source.count(stands)} times"
    made = compile_code(
        source.replace(stands, instead),
        contract_path=f"{contract}.vy",
        output_formats=["bytecode"],
        settings=Settings(optimize=OptimizationLevel.GAS, evm_version="cancun"),
        no_bytecode_metadata=True,
    )
    return World(code={contract: bytes.fromhex(made["bytecode"][2:])})


@pytest.mark.nightly
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_within_ten_thousand_steps(fault: str) -> None:
    with boa.swap_env(Env()):  # a chain of its own: on that of the other tests the contracts stand already
        world = faulty_world(*FAULTS[fault])
        with pytest.raises((AssertionError, Refused, ExceptionGroup)):
            run(world, examples=100, steps=100, shrink=False)  # that it is found matters here, not how simply


def test_the_places_of_the_planted_faults_are_there() -> None:
    for contract, stands, _ in FAULTS.values():
        source = (Path(__file__).parents[2] / "contracts" / f"{contract}.vy").read_text()
        assert source.count(stands) == 1, stands
