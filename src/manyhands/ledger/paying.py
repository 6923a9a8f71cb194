"""What an escrow's workers are to be paid next, whoever has paid what so far. Pure.

Rules kept here
- What this key has signed and what the chain shows are all there is to know. Nothing is noted beside them.
- What the chain shows a worker of the job has got is that worker's pay, by whichever payout and whoever made it. No
  payout is taken for another one: an id under which somebody else was paid has brought nobody of the job anything.
- What answers earned is paid before what comes on top, everyone's.
- An id is signed again only when the chain has refused what was signed under it before, so that one of them can happen.
- Nobody is paid in crumbs while the rest is being reserved, and nobody waits for what can never be reserved.

    step = next_payouts(owed, signed=..., shown=..., reserved_base=..., more=..., soon=..., room_base=..., ...)
    match step: case Pay(payouts): ...; case End(): ...; case Wait(because): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from manyhands.chain.contracts import PASSING_REVERTS

from .before_sending import payout_chunks
from .daily_cap import AGAIN_AFTER_MS
from .outbox import State

Amounts = tuple[tuple[str, int], ...]
"""(recipient, base units of the escrow's token), in the order paid."""

MADE_ANEW = PASSING_REVERTS | {"Not enough funds", "payoutId already exists"}
"""Refusals of a payout that its owner can meet alone: another day, what is left of the reserve, an id that is free."""


@dataclass(frozen=True)
class Signed:
    """One try of a payout of this key. settled_at_ms  0 while it is under way"""

    part_no: int
    payout_id: str
    amounts: Amounts
    state: State
    reason: str = ""
    settled_at_ms: int = 0

    @property
    def refused(self) -> bool:
        return self.state in (State.REVERTED, State.DISPLACED)

    def passes(self) -> bool:
        """Whether it may be signed again without a person."""
        return self.state is State.DISPLACED or self.reason in MADE_ANEW


@dataclass(frozen=True)
class Shown:
    """A payout as the chain shows it, whoever made it."""

    payout_id: str
    amounts: Amounts


@dataclass(frozen=True)
class NextPayout:
    """A payout to be signed. part_no: its id follows from it; again: how often the chain has refused that id so far."""

    part_no: int
    again: int
    amounts: Amounts


@dataclass(frozen=True)
class Pay:
    payouts: tuple[NextPayout, ...]


@dataclass(frozen=True)
class End:
    """Everyone has what there is, and nothing is reserved any more."""


@dataclass(frozen=True)
class Wait:
    """until_ms  of the own clock, 0 = until the chain says something new. alarming: a person has to do something"""

    because: str
    alarming: bool = False
    until_ms: int = 0


def next_payouts(
    owed: Sequence[tuple[str, int]],
    *,
    signed: Sequence[Signed],
    shown: Sequence[Shown],
    reserved_base: int,
    more: bool,
    soon: bool,
    room_base: int | None,
    id_of: Callable[[int], str],
    now_ms: int,
) -> Pay | End | Wait:
    """The next step of a judged job on its way to its end.

    owed           (worker, base units) in the order of pay; a worker may stand in it more than once
    signed, shown  this key's payouts, by try in the order signed; all payouts of the escrow
    reserved_base  what was ever reserved, less what a jury released
    more, soon     whether more may be reserved at all, and whether that is worth waiting for
    room_base      what a daily cap leaves of the chain's present day, None = there is no cap
    id_of          the payout id of a part
    """
    tries: dict[int, list[Signed]] = {}
    for one in signed:
        tries.setdefault(one.part_no, []).append(one)
    shown_ids = {one.payout_id for one in shown}
    under_way: dict[int, Amounts] = {}
    for part_no, of_part in tries.items():
        last = of_part[-1]
        if last.payout_id in shown_ids:
            continue  # paid, or never to be: whose payout it is makes no difference to what is owed
        if not last.refused:
            under_way[part_no] = last.amounts
        elif not last.passes():
            return Wait(f"payout {part_no} was refused: {last.reason or 'no reason given'}", alarming=True)
        elif now_ms < (again_ms := last.settled_at_ms + AGAIN_AFTER_MS):
            return Wait(f"payout {part_no} was refused for now: {last.reason or last.state}", until_ms=again_ms)

    paid: dict[str, int] = {}
    for amounts in (*under_way.values(), *(one.amounts for one in shown)):
        for who, base in amounts:
            paid[who] = paid.get(who, 0) + base
    free_base = reserved_base - sum(paid.values())
    due = still_due(owed, paid)
    due_base = sum(base for _, base in due)

    budget = due_base if room_base is None else min(room_base, due_base)
    if free_base < budget:
        if soon:
            return Wait("more is being reserved")
        budget = max(0, free_base)
    if budget:
        free_ids = _unused(tries, under_way, shown_ids, id_of)
        taken = sorted(_take(due, budget).items())
        return Pay(tuple(NextPayout(*next(free_ids), tuple(amounts)) for amounts in payout_chunks(taken)))
    if under_way:
        return Wait("payouts are on their way")
    if due_base and free_base > 0:
        return Wait("the day's share is used up")
    if due_base and more:
        return Wait(f"{due_base} base units are owed and not reserved yet")
    if free_base > 0:
        return Wait(
            f"{free_base} base units are reserved that nobody has earned. A jury can release them when the exchange "
            "oracle has frozen the escrow for it; then the job ends by itself",
            alarming=True,
        )
    return End()


def made_by_others(signed: Sequence[Signed], shown: Sequence[Shown]) -> list[Shown]:
    """Payouts that the chain shows and this outbox has not signed so: somebody else has the key.

    >>> mine = Signed(0, "id", (("a", 5),), State.FINAL)
    >>> made_by_others([mine], [Shown("id", (("a", 5),)), Shown("other", (("b", 1),))])
    [Shown(payout_id='other', amounts=(('b', 1),))]
    >>> len(made_by_others([mine], [Shown("id", (("thief", 5),))]))
    1
    """
    own = {(one.payout_id, one.amounts) for one in signed}
    return [one for one in shown if (one.payout_id, one.amounts) not in own]


def still_due(owed: Sequence[tuple[str, int]], paid: dict[str, int]) -> list[tuple[str, int]]:
    """What is left of what is owed: payments count against a worker's claims in their order.

    >>> still_due([("a", 5), ("b", 5), ("a", 2)], {"a": 6, "stranger": 9})
    [('b', 5), ('a', 1)]
    """
    left = dict(paid)
    due: list[tuple[str, int]] = []
    for who, base in owed:
        covered = min(base, left.get(who, 0))
        if covered:
            left[who] -= covered
        if base > covered:
            due.append((who, base - covered))
    return due


def _take(due: Sequence[tuple[str, int]], most_base: int) -> dict[str, int]:
    """Up to so much from the head of what is due, by worker."""
    taken: dict[str, int] = {}
    for who, base in due:
        part = min(base, most_base)
        if not part:
            break
        taken[who] = taken.get(who, 0) + part
        most_base -= part
    return taken


def _unused(
    tries: dict[int, list[Signed]], under_way: dict[int, Amounts], shown_ids: set[str], id_of: Callable[[int], str]
) -> Iterator[tuple[int, int]]:
    """Numbers of parts whose ids can still happen, each with how often it was refused: refused ones first."""
    part_no = 0
    while True:
        if part_no not in under_way and id_of(part_no) not in shown_ids:
            yield part_no, len(tries.get(part_no, ()))
        part_no += 1
