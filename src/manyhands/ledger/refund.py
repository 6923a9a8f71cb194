"""Refund: what nobody earned returns to the requester. Reserved pay is out of its reach."""

from __future__ import annotations

from typing import ClassVar

from .posting import Entry, Posting, account, move


class Refund(Posting, frozen=True, kw_only=True):
    """Free money of an escrow that went back.

    reference  transaction hash and log
    credited   the token refused to send it: it waits for the requester's claim
    """

    kind: ClassVar[str] = "refund"

    escrow: str
    requester: str
    reference: str
    amount_minor: int
    credited: bool = False

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("escrow", self.escrow),
            target=account("credit", self.escrow, self.requester)
            if self.credited
            else account("requester", self.requester),
            amount_minor=self.amount_minor,
        )
