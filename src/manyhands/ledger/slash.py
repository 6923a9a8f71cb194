"""Stake: what an operator locks as a promise. Slash: what a jury takes of it, and who gets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from .posting import Entry, Posting, account, move, spread


class StakePlaced(Posting, frozen=True, kw_only=True):
    """An operator locked stake. reference  transaction hash and log"""

    kind: ClassVar[str] = "stake"

    operator: str
    reference: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.operator, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("requester", self.operator),
            target=account("stake", self.operator),
            amount_minor=self.amount_minor,
        )


class StakeReturned(Posting, frozen=True, kw_only=True):
    """An operator took stake back. reference  transaction hash and log"""

    kind: ClassVar[str] = "stake_returned"

    operator: str
    reference: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.operator, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("stake", self.operator),
            target=account("requester", self.operator),
            amount_minor=self.amount_minor,
        )


class Slash(Posting, frozen=True, kw_only=True):
    """Stake that an upheld report took.

    shares_minor  reporter and verifiers, by address
    fee_minor     what the staking contract keeps, for fee_to
    waiting       addresses whose share could not be sent: it waits in the jury's contract, held_by, for their claim
    """

    kind: ClassVar[str] = "slash"

    operator: str
    case_id: str
    shares_minor: Mapping[str, int]
    fee_minor: int = 0
    fee_to: str = ""
    waiting: tuple[str, ...] = ()
    held_by: str = ""

    def meaning(self) -> tuple[str | int, ...]:
        return (self.operator, self.case_id)

    def entries(self) -> tuple[Entry, ...]:
        targets = {
            account("credit", self.held_by, who) if who in self.waiting else account("worker", who): minor
            for who, minor in self.shares_minor.items()
        }
        if self.fee_minor:
            targets[account("fee", self.fee_to)] = self.fee_minor
        return spread(self.kind, source=account("stake", self.operator), targets=targets)
