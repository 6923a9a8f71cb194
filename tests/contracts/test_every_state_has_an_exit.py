"""A walk through all states x roles x time: from each, with any one key lost, somebody brings the balance to 0.

States are told apart by what decides which calls go through: status, whether something is reserved, unreserved,
credited, frozen, how late it is, whether freezes are left, whether the daily cap is used up. The walk goes on until
no call by any role and no passing of time leads to a state that was not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from .world import CANCELLED, COMPLETE, DAY, HASH, URL, Peek, Refused, World

FUND = 600
BLOCKED_WORKER = "other_worker"  # the token refuses this one for good
PATIENCE_DAYS = 250  # expiry, the time of last resort, freezes, and a month of daily caps
# The way out below never needs the recording oracle or the jury, so losing those keys is the same as losing none.
LOSABLE = (None, "launcher", "reputation", "exchange")


class State(NamedTuple):
    """What decides which calls go through."""

    status: int
    reserved: bool
    unreserved: bool
    credited: bool
    frozen: bool
    freeze_left: bool
    expired: bool
    last_resort: bool
    window_over: bool
    capped_today: bool


class Walk:
    """One escrow with a blocked worker; `moves` are all calls by the roles that may make them, and time."""

    def __init__(self, world: World, *, cap_parts: int, fees_bp: tuple[int, int, int], every_move: bool) -> None:
        self.world, self.every_move = world, every_move
        self.token = world.deploy("HostileToken", 10**9, world.launcher)
        world.send("HostileToken", self.token, "block", getattr(world, BLOCKED_WORKER), sender=world.owner)
        self.escrow = world.create(token=self.token)
        if cap_parts:
            world.escrow(self.escrow, "setDailyCap", cap_parts, sender=world.launcher)
        self.fees_bp = fees_bp
        self.number = 0
        self.seen: dict[State, bool] = {}
        self.stuck: list[tuple[State, str | None]] = []

    def peek(self) -> Peek:
        return self.world.peek(self.escrow, self.token)

    def now(self) -> int:
        return int(self.world.env.timestamp)

    def state(self) -> State:
        at, now = self.peek(), self.now()
        capped = False
        if at.cap and at.reserved:
            with self.world.aside():
                capped = not self.try_pay(1, "reputation")
        return State(
            status=at.status,
            reserved=at.reserved > 0,
            unreserved=at.remaining > at.reserved or (at.status == 0 and at.balance > 0),
            credited=at.credited > 0,
            frozen=at.frozen_until > now,
            freeze_left=at.freezes < 5,
            expired=now >= at.expires_at,
            last_resort=now >= at.expires_at + 30 * DAY,
            window_over=at.cancel_deadline != 0 and now >= at.cancel_deadline,
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
        at = self.peek()
        free = at.remaining - at.reserved
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
        yield lambda: self.try_pay(self.peek().reserved, "reputation")
        yield lambda: self.try_pay(self.peek().reserved, "reputation", who=BLOCKED_WORKER, force=True)
        yield lambda: self.call("reputation", "complete")
        yield lambda: self.call("reputation", "cancel")
        yield lambda: self.call("launcher", "requestCancellation")
        yield lambda: self.call("recording", "storeResults", "", "", 0)
        yield self.freeze
        yield lambda: self.judge(True)
        for days in (7, 131):
            yield lambda days=days: self.wait(days)
        if not self.every_move:
            return
        yield lambda: self.reserve(False)
        yield lambda: self.try_pay(self.peek().reserved // 2, "reputation", force=True)
        yield lambda: self.try_pay(self.peek().reserved // 2, "exchange")
        yield lambda: self.call("launcher", "withdraw", self.token)
        yield lambda: self.judge(False)
        for days in (1, 31, 100):
            yield lambda days=days: self.wait(days)

    def explore(self) -> None:
        state = self.state()
        if state in self.seen:
            return
        self.seen[state] = True
        for lost in LOSABLE if self.every_move else ("launcher", "reputation"):
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
        while self.peek().balance > 0:
            if self.one_step_out(lost):
                stalled = 0
                continue
            if waited_days >= PATIENCE_DAYS:
                return False
            stalled += 1
            days = 1 if stalled == 1 else 31  # a daily cap is over tomorrow; everything else takes longer
            waited_days += days
            self.wait(days)
        return self.peek().credited == 0

    def one_step_out(self, lost: str | None) -> bool:
        world, at = self.world, self.peek()
        status, reserved = at.status, at.reserved
        if at.credited and self.call(BLOCKED_WORKER, "claimTo", world.outsider):
            return True
        if status == 0:
            # Who launched and lost the key is served by the admin, who can send the money to nobody else.
            return self.call("launcher" if lost != "launcher" else "owner", "requestCancellation")
        if status in (COMPLETE, CANCELLED):
            return self.call("launcher" if lost != "launcher" else "owner", "withdraw", self.token)
        if reserved:
            amount = min(reserved, at.cap or reserved)
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
    ("cap_parts", "fees_bp", "every_move"),
    [
        pytest.param(0, (500, 300, 200), False, id="main-moves"),
        pytest.param(0, (500, 300, 200), True, id="every-move", marks=pytest.mark.nightly),
        pytest.param(3, (0, 0, 0), True, id="every-move-under-a-daily-cap", marks=pytest.mark.nightly),
    ],
)
def test_from_every_state_and_with_any_one_key_lost_the_balance_can_be_brought_to_zero(
    world: World, cap_parts: int, fees_bp: tuple[int, int, int], every_move: bool
) -> None:
    walk = Walk(world, cap_parts=cap_parts, fees_bp=fees_bp, every_move=every_move)
    walk.explore()
    assert {state.status for state in walk.seen} == {0, 1, 2, 4, 5, 6}
    assert walk.stuck == []
    print(f"{len(walk.seen)} states, 0 stuck")
