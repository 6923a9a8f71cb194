"""Fee: an operator gets at most what the signed quote set apart. What is not owed goes back to the job's free money."""

from __future__ import annotations

from typing import ClassVar

from .posting import Entry, Posting, account, move


class Fee(Posting, frozen=True, kw_only=True):
    """One operator's fee for one job.

    role      recording, reputation, exchange: one address may play several
    credited  the token refused to send it: it waits for the operator's claim
    """

    kind: ClassVar[str] = "fee"

    escrow: str
    operator: str
    role: str
    amount_minor: int
    credited: bool = False

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.role, self.operator)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("fees", self.escrow),
            target=account("credit", self.escrow, self.operator) if self.credited else account("fee", self.operator),
            amount_minor=self.amount_minor,
        )


class FeeReturned(Posting, frozen=True, kw_only=True):
    """Fees of an ended job for the share of the funds that paid no work. reference  transaction hash and log"""

    kind: ClassVar[str] = "fee_returned"

    escrow: str
    reference: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("fees", self.escrow),
            target=account("escrow", self.escrow),
            amount_minor=self.amount_minor,
        )
