"""Payout: one worker gets what was reserved. A bulk payout of a hundred is a hundred postings, each on its own."""

from __future__ import annotations

from typing import ClassVar

from .posting import Entry, Posting, account, move


class Payout(Posting, frozen=True, kw_only=True):
    """Money that was sent to a worker. payout_id  the bulk payout's id, which the contract takes once"""

    kind: ClassVar[str] = "payout"

    escrow: str
    worker: str
    payout_id: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.payout_id, self.worker)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("reserved", self.escrow),
            target=account("worker", self.worker),
            amount_minor=self.amount_minor,
        )
