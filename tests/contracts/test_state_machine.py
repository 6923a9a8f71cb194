"""Any calls, by anyone, in any order, with time passing: money is conserved and earned pay never falls.

The steps in the default suite are a thousand; `just nightly` takes a hundred thousand.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from .world import CANCELLED, COMPLETE, DAY, HASH, URL, Refused, World

ROLES = ("launcher", "recording", "reputation", "exchange", "owner", "outsider", "worker")
WORKERS = ("worker", "other_worker", "zero", "token", "escrow")

roles = st.sampled_from(ROLES)
shares = st.sampled_from((0, 1, 2, 3))  # of what there is: nothing, one unit, half, all
seconds = st.sampled_from((60, DAY, 3 * DAY, 7 * DAY, 30 * DAY, 100 * DAY))


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
        world = self.world
        self.token = world.deploy("HostileToken", 10**12, world.launcher)
        self.escrow = world.create(token=self.token)
        if cap:
            world.escrow(self.escrow, "setDailyCap", cap, sender=world.launcher)
        self.arrived = 0
        self.arrive(10_007)
        world.escrow(
            self.escrow, "setupWithFees", world.reputation, world.recording, world.exchange, list(fees), URL, HASH,
            sender=world.launcher,
        )  # fmt: skip
        self.fees = fees
        self.workers_got = self.workers_claimed = self.fees_paid = self.refunded = self.released = 0
        self.earned = 0
        self.number = 0
        self.reports: list[bytes] = []
        self.cases: list[bytes] = []

    def arrive(self, amount: int) -> None:
        self.world.send("TestToken", self.token, "transfer", self.escrow, amount, sender=self.world.launcher)
        self.arrived += amount

    def address(self, name: str) -> str:
        special = {"zero": "0x" + "0" * 40, "token": self.token, "escrow": self.escrow}
        return special.get(name) or str(getattr(self.world, name))

    def part(self, share: int, whole: int) -> int:
        return (0, 1, whole // 2, whole)[share]

    def attempt(self, role: str, function: str, *arguments: Any) -> bool:
        """Sends; when it went through, books every event that moves money."""
        try:
            self.world.escrow(self.escrow, function, *arguments, sender=self.address(role))
        except Refused:
            return False
        self.book()
        return True

    def book(self) -> None:
        world = self.world
        for event in world.events:
            match event["event"]:
                case "BulkTransferV3":
                    self.workers_got += sum(event["amounts"])
                case "OracleFeeTransfer":
                    self.fees_paid += sum(event["amounts"])
                case "CancellationRefund" | "CompletionRefund":
                    self.refunded += event["amount"]
                case "Withdraw" if event["token"] == self.token:
                    self.refunded += event["amount"]
                case "Claimed":
                    self.workers_claimed += event["amount"]
                case "Released":
                    self.released += event["amount"]
                case _:
                    pass

    # --- what anyone may try ---

    @rule(amount=st.integers(1, 5_000))
    def top_up(self, amount: int) -> None:
        self.arrive(amount)

    @rule(role=roles, share=shares)
    def reserve(self, role: str, share: int) -> None:
        self.attempt(role, "reserve", self.part(share, self.free()), b"\x07" * 32)

    @rule(share=shares)
    def reserve_by_the_recording_oracle(self, share: int) -> None:
        self.reserve("recording", share)

    @rule(role=roles, share=shares, repeat=st.booleans())
    def anchor_and_reserve(self, role: str, share: int, repeat: bool) -> None:
        self.number += not repeat
        root = (self.number + 1).to_bytes(32, "big")
        self.attempt(role, "anchorAndReserve", root, 10, root, self.part(share, self.free()))

    @rule(role=roles, share=shares)
    def store_results(self, role: str, share: int) -> None:
        self.attempt(role, "storeResults", URL, HASH, self.part(share, self.free()))

    @rule(role=roles, share=shares, who=st.lists(st.sampled_from(WORKERS), min_size=1, max_size=4),
          force=st.booleans(), repeat=st.booleans())  # fmt: skip
    def pay(self, role: str, share: int, who: list[str], force: bool, repeat: bool) -> None:
        self.number += not repeat
        whole = self.part(share, self.world.peek(self.escrow, self.token).reserved)
        amounts = [whole // len(who)] * (len(who) - 1)
        amounts.append(whole - sum(amounts))
        recipients = [self.address(name) for name in who]
        self.attempt(role, "bulkPayOut", recipients, amounts, URL, HASH, f"payout-{self.number}", force)

    @rule(share=shares, who=st.lists(st.sampled_from(WORKERS), min_size=1, max_size=4), force=st.booleans())
    def pay_by_the_reputation_oracle(self, share: int, who: list[str], force: bool) -> None:
        self.pay("reputation", share, who, force, False)

    @rule(role=roles, call=st.sampled_from(("complete", "cancel", "requestCancellation")))
    def end(self, role: str, call: str) -> None:
        self.attempt(role, call)

    @rule(role=roles, foreign=st.booleans())
    def withdraw(self, role: str, foreign: bool) -> None:
        self.attempt(role, "withdraw", self.world.token if foreign else self.token)

    @rule(role=roles, who=st.sampled_from(WORKERS))
    def claim(self, role: str, who: str) -> None:
        self.attempt(role, "claim", self.address(who))

    @rule(role=roles, to=st.sampled_from(WORKERS))
    def claim_to(self, role: str, to: str) -> None:
        self.attempt(role, "claimTo", self.address(to))

    @rule(role=roles, who=st.sampled_from(WORKERS), to=st.sampled_from(WORKERS))
    def redirect(self, role: str, who: str, to: str) -> None:
        self.attempt(role, "redirectCredit", self.address(who), self.address(to))

    @rule(who=st.sampled_from(("worker", "other_worker", "launcher", "reputation")), block=st.booleans())
    def token_blocks(self, who: str, block: bool) -> None:
        function = "block" if block else "unblock"
        self.world.send("HostileToken", self.token, function, self.address(who), sender=self.world.owner)

    @rule(role=roles, new=st.booleans())
    def freeze(self, role: str, new: bool) -> None:
        report = bytes([len(self.reports) + 1]) * 32 if new or not self.reports else self.reports[-1]
        if self.attempt(role, "freeze", report) and report not in self.reports:
            self.reports.append(report)

    @rule(role=roles, call=st.sampled_from(("clear", "uphold")))
    def rule_without_a_jury(self, role: str, call: str) -> None:
        assert not self.attempt(role, call, b"\x01" * 32)
        assert not self.attempt(role, "release", b"\x01" * 32, 1)

    @rule(uphold=st.booleans(), release=st.sampled_from((0, 0, 5)), votes=st.sampled_from(((0, 1), (0,), (0, 1, 2))))
    def jury_rules(self, uphold: bool, release: int, votes: tuple[int, ...]) -> None:
        if not self.reports:
            return
        world = self.world
        try:
            case = world.open_case(self.escrow, self.reports[-1], release=release)
            world.rule(case, uphold, world.vote(case, uphold, list(votes)))
        except Refused:
            return
        assert len(votes) >= 2
        self.book()

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

        if at.status in (COMPLETE, CANCELLED):
            assert at.reserved == 0
        assert self.fees_paid <= at.fees

    @invariant()
    def the_staking_contract_is_solvent(self) -> None:
        world = self.world
        staked = world.ask("Staking", world.at["Staking"], "getStakedTokens", world.launcher)
        assert world.balance(world.at["Staking"]) >= staked


def run(world: World, *, examples: int, steps: int) -> None:
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
        ),
    )


def test_money_is_conserved_and_earned_pay_never_falls_in_any_history(world: World) -> None:
    run(world, examples=25, steps=40)


@pytest.mark.nightly
def test_money_is_conserved_in_a_hundred_thousand_steps(world: World) -> None:
    run(world, examples=1_000, steps=100)
