"""Bonus: extra pay for good work, reserved beside what the answers earned and paid with it."""

from __future__ import annotations

from typing import ClassVar

from .posting import Entry, Posting, account, move


class Bonus(Posting, frozen=True, kw_only=True):
    """One worker's bonus. period  the job, or another span of work that it is for"""

    kind: ClassVar[str] = "bonus"

    escrow: str
    worker: str
    amount_minor: int
    period: str = "job"

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.worker, self.period)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("escrow", self.escrow),
            target=account("reserved", self.escrow),
            amount_minor=self.amount_minor,
        )
