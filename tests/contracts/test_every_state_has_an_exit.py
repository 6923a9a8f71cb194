"""A walk through all states x roles x time: from every state, and with any one key lost, somebody brings the balance to 0.

States are told apart by what decides which calls go through: status, whether something is reserved, unreserved, credited,
frozen, how late it is, whether freezes are left, whether the daily cap is used up. The walk goes on until no call by any
role and no passing of time leads to a state that was not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from .world import CANCELLED, COMPLETE, DAY, HASH, URL, Refused, World

FUND = 600
BLOCKED_WORKER = "other_worker"  # the token refuses this one for good
PATIENCE_DAYS = 250  # expiry, the time of last resort, freezes, and a month of daily caps
LOSABLE = (None, "launcher", "recording", "reputation", "exchange", "jury")


class State(NamedTuple):
    """What decides which calls go through."""

    status: int
    reserved: bool
    unreserved: bool
    credited: bool
    frozen: bool
    last_freeze_left: bool
    expired: bool
    last_resort: bool
    window_over: bool
    capped_today: bool


class Walk:
    """One escrow with a blocked worker; `moves` are all calls by the roles that may make them, and time."""

    def __init__(self, world: World, *, cap_parts: int, fees_bp: tuple[int, int, int]) -> None:
        self.world, self.cap_parts = world, cap_parts
        self.token = world.deploy("HostileToken", 10**9, world.launcher)
        world.send("HostileToken", self.token, "block", getattr(world, BLOCKED_WORKER), sender=world.owner)
        self.escrow = world.create(token=self.token)
        if cap_parts:
            world.escrow(self.escrow, "setDailyCap", cap_parts, sender=world.launcher)
        self.fees_bp = fees_bp
        self.number = 0
        self.seen: dict[State, bool] = {}
        self.stuck: list[tuple[State, str | None]] = []

    def of(self, view: str) -> int:
        return int(self.world.of(self.escrow, view))

    def now(self) -> int:
        return int(self.world.env.timestamp)

    def state(self) -> State:
        reserved, remaining = self.of("reservedFunds"), self.of("remainingFunds")
        deadline = self.of("cancelDeadline")
        cap = self.of("dailyCap")
        capped = False
        if cap and reserved:
            with self.world.aside():
                capped = not self.try_pay(1, "reputation")
        expiry = self.of("duration")
        return State(
            status=self.of("status"),
            reserved=reserved > 0,
            unreserved=remaining > reserved or (self.of("status") == 0 and self.of("getBalance") > 0),
            credited=self.of("creditedFunds") > 0,
            frozen=self.of("frozenUntil") > self.now(),
            last_freeze_left=self.of("freezes") < 5,
            expired=self.now() >= expiry,
            last_resort=self.now() >= expiry + 30 * DAY,
            window_over=deadline != 0 and self.now() >= deadline,
            capped_today=capped,
        )

    # --- moves ---

    def call(self, role: str, function: str, *arguments: object) -> bool:
        try:
            self.world.escrow(self.escrow, function, *arguments, sender=getattr(self.world, role))
        except Refused:
            return False
        return True

    def setup(self) -> bool:
        oracles = (self.world.reputation, self.world.recording, self.world.exchange)
        return self.call("launcher", "setupWithFees", *oracles, list(self.fees_bp), URL, HASH)

    def top_up(self, amount: int = FUND) -> bool:
        self.world.send("TestToken", self.token, "transfer", self.escrow, amount, sender=self.world.launcher)
        return True

    def reserve(self, whole: bool) -> bool:
        free = self.of("remainingFunds") - self.of("reservedFunds")
        return self.call("recording", "reserve", free if whole else free // 3, b"\x01" * 32)

    def try_pay(self, amount: int, role: str, *, who: str = "worker", force: bool = False) -> bool:
        self.number += 1
        worker = getattr(self.world, who)
        arguments = ([worker], [amount], URL, HASH, f"payout-{self.number}", force)
        return self.call(role, "bulkPayOut", *arguments)

    def judge(self, uphold: bool) -> bool:
        report = bytes(self.world.of(self.escrow, "frozenReport"))
        try:
            case = self.world.open_case(self.escrow, report)
            self.world.rule(case, uphold, self.world.vote(case, uphold, [0, 1]))
        except Refused:
            return False
        return True

    def freeze(self) -> bool:
        self.number += 1
        return self.call("exchange", "freeze", self.number.to_bytes(32, "big"))

    def wait(self, days: int) -> bool:
        self.world.pass_time(days * DAY)
        return True

    def moves(self) -> Iterator[Callable[[], bool]]:
        yield self.setup
        yield self.top_up
        yield lambda: self.reserve(True)
        yield lambda: self.reserve(False)
        yield lambda: self.try_pay(self.of("reservedFunds"), "reputation")
        yield lambda: self.try_pay(self.of("reservedFunds"), "reputation", who=BLOCKED_WORKER, force=True)
        yield lambda: self.try_pay(self.of("reservedFunds") // 2, "reputation", force=True)
        yield lambda: self.try_pay(self.of("reservedFunds") // 2, "exchange")
        yield lambda: self.call("reputation", "complete")
        yield lambda: self.call("reputation", "cancel")
        yield lambda: self.call("launcher", "requestCancellation")
        yield lambda: self.call("launcher", "withdraw", self.token)
        yield lambda: self.call("recording", "storeResults", "", "", 0)
        yield self.freeze
        yield lambda: self.judge(True)
        yield lambda: self.judge(False)
        for days in (1, 7, 100, 31):
            yield lambda days=days: self.wait(days)

    def explore(self) -> None:
        state = self.state()
        if state in self.seen:
            return
        self.seen[state] = True
        for lost in LOSABLE:
            with self.world.aside():
                if not self.drain(lost):
                    self.stuck.append((state, lost))
        for move in self.moves():
            with self.world.aside():
                if move():
                    self.explore()

    # --- the way out, with one key lost ---

    def drain(self, lost: str | None) -> bool:
        """Everybody who still has a key does what serves to end the job; days pass when nothing else helps."""
        waited_days = stalled = 0
        while self.of("getBalance") > 0:
            if self.one_step_out(lost):
                stalled = 0
                continue
            if waited_days >= PATIENCE_DAYS:
                return False
            stalled += 1
            days = 1 if stalled == 1 else 31  # a daily cap is over tomorrow; everything else takes longer
            waited_days += days
            self.wait(days)
        return self.of("creditedFunds") == 0

    def one_step_out(self, lost: str | None) -> bool:
        world, status, reserved = self.world, self.of("status"), self.of("reservedFunds")
        for credited in (BLOCKED_WORKER, "launcher"):
            owner = getattr(world, credited)
            if credited != lost and world.of(self.escrow, "credits", owner):
                return self.call(credited, "claimTo", world.outsider)
        if status == 0:
            # Who launched and lost the key is served by the admin, who can send the money to nobody else.
            return self.call("launcher" if lost != "launcher" else "owner", "requestCancellation")
        if status in (COMPLETE, CANCELLED):
            return self.call("launcher" if lost != "launcher" else "owner", "withdraw", self.token)
        if reserved:
            amount = min(reserved, self.of("dailyCap") or reserved)
            for payer in ("reputation", "exchange"):
                if payer != lost and self.try_pay(amount, payer, force=True):
                    return True
            return False
        for role, function in (
            ("reputation", "cancel"),
            ("reputation", "complete"),
            ("launcher", "requestCancellation"),
            ("owner", "requestCancellation"),
        ):
            if role != lost and self.call(role, function):
                return True
        return False


@pytest.mark.parametrize(
    ("cap_parts", "fees_bp"),
    [(0, (500, 300, 200)), pytest.param(3, (0, 0, 0), marks=pytest.mark.nightly, id="daily-cap")],
)
def test_from_every_state_and_with_any_one_key_lost_the_balance_can_be_brought_to_zero(
    world: World, cap_parts: int, fees_bp: tuple[int, int, int]
) -> None:
    walk = Walk(world, cap_parts=cap_parts, fees_bp=fees_bp)
    walk.explore()
    with world.aside():
        walk.top_up()
        walk.explore()
    assert {state.status for state in walk.seen} == {0, 1, 2, 4, 5, 6}
    assert len(walk.seen) > 60
    assert walk.stuck == []
    print(f"{len(walk.seen)} states, {len(LOSABLE)} ways to lose a key, 0 stuck")
