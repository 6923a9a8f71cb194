"""Credit: pay that could not be sent waits for its worker. Claim: the worker fetches it. Redirect: a mistyped one."""

from __future__ import annotations

from typing import ClassVar

from .posting import Entry, Posting, account, move


class Credit(Posting, frozen=True, kw_only=True):
    """Pay whose transfer the token refused. payout_id  of the bulk payout in which it was tried"""

    kind: ClassVar[str] = "credit"

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
            target=account("credit", self.escrow, self.worker),
            amount_minor=self.amount_minor,
        )


class Claim(Posting, frozen=True, kw_only=True):
    """A credit that was fetched. reference  transaction hash and log; paid_to  another address that the worker named"""

    kind: ClassVar[str] = "claim"

    escrow: str
    worker: str
    reference: str
    amount_minor: int
    paid_to: str = ""

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.worker, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("credit", self.escrow, self.worker),
            target=account("worker", self.paid_to or self.worker),
            amount_minor=self.amount_minor,
        )


class Redirect(Posting, frozen=True, kw_only=True):
    """A credit of an address that can have no owner, moved to the worker it was meant for. reference  as of a claim"""

    kind: ClassVar[str] = "redirect"

    escrow: str
    worker: str
    to: str
    reference: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.worker, self.to, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("credit", self.escrow, self.worker),
            target=account("credit", self.escrow, self.to),
            amount_minor=self.amount_minor,
        )
