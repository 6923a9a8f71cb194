"""Who is told of what the chain did: no kind of money passes a book by, and nobody is told what is another's."""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.chain.keys import RoleKey
from manyhands.ledger.bookkeeping import MONEY_EVENTS, STAKE_EVENTS
from manyhands.ledger.desk import DeskEvent
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.messages import ROLES, Role

from .compose import BOOKKEEPERS, STAKERS, hearers, lock_of

KEYS: dict[Role, RoleKey] = {role: RoleKey.create(SeededIds(role)) for role in ROLES}
ESCROW, OTHER, STAKING, JURY, TOKEN = (f"0x{number:040x}" for number in range(1, 6))


def event(name: str, contract: str = "Escrow", address: str = ESCROW, **args: Any) -> DeskEvent:
    return DeskEvent(1338, contract, address, name, args, "0x1", 7, 3)


@pytest.mark.parametrize("name", sorted(MONEY_EVENTS))
def test_every_event_of_money_reaches_every_keeper_of_a_book_in_the_order_of_its_escrow(name: str) -> None:
    own = event(name) if name != "Transfer" else event(name, "TestToken", TOKEN, _from=OTHER, _to=ESCROW, _value=1)
    for role in BOOKKEEPERS:
        assert role in hearers(own, KEYS)
        assert lock_of(role, own) == lock_of(role, event("Fund"))


def test_tokens_that_come_to_the_launcher_are_told_to_the_launcher_alone() -> None:
    paid_in = event("Transfer", "TestToken", TOKEN, _from=OTHER, _to=KEYS["launcher"].address, _value=1)
    assert hearers(paid_in, KEYS) == ("launcher",)


@pytest.mark.parametrize("name", sorted(STAKE_EVENTS))
def test_stake_is_told_to_whose_stake_it_is_and_to_nobody_else(name: str) -> None:
    for role in STAKERS:
        own = event(name, "Staking", STAKING, staker=KEYS[role].address, tokens=5)
        assert hearers(own, KEYS) == (role,)
    assert hearers(event(name, "Staking", STAKING, staker=OTHER, tokens=5), KEYS) == ()


def test_a_share_fetched_from_the_jury_comes_after_the_slash_that_left_it() -> None:
    slashed = event("StakeSlashed", "Staking", STAKING, staker=KEYS["launcher"].address, tokens=5)
    claimed = event("Claimed", "Jury", JURY, recipient=OTHER, to=OTHER, amount=5)
    assert "launcher" in hearers(claimed, KEYS)
    assert lock_of("launcher", claimed) == lock_of("launcher", slashed)
    assert lock_of("recording", event("Claimed", recipient=OTHER, to=OTHER, amount=5)) == f"chain:recording:{ESCROW}"
