"""Bonus: extra pay for good work, reserved beside what the answers earned and paid with it."""

from __future__ import annotations

from typing import ClassVar

from .posting import Entry, Posting, account, move


class Bonus(Posting, frozen=True, kw_only=True):
    """One worker's bonus. reference  hash of the record that explains it, as the chain has it"""

    kind: ClassVar[str] = "bonus"

    escrow: str
    worker: str
    reference: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.worker, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("escrow", self.escrow),
            target=account("reserved", self.escrow),
            amount_minor=self.amount_minor,
        )
