"""Top-up: what lifts a worker to the fair floor per hour, reserved beside what the answers earned and paid with it."""

from __future__ import annotations

from typing import ClassVar

from .posting import Entry, Posting, account, move


class TopUp(Posting, frozen=True, kw_only=True):
    """One worker's top-up to the fair floor. reference  hash of the record that explains it, as the chain has it"""

    kind: ClassVar[str] = "top_up"

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
