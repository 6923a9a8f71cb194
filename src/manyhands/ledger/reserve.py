"""Reserve: accepted work is promised its pay. Release: a jury found reserve without work behind it."""

from __future__ import annotations

from typing import ClassVar

from .posting import Entry, Posting, account, move


class Reserve(Posting, frozen=True, kw_only=True):
    """Pay that the accepted answers of one batch earned. reference  the batch's Merkle root"""

    kind: ClassVar[str] = "reserve"

    escrow: str
    reference: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("escrow", self.escrow),
            target=account("reserved", self.escrow),
            amount_minor=self.amount_minor,
        )


class Release(Posting, frozen=True, kw_only=True):
    """The only way in which a reserve falls without being paid: a jury's ruling. case_id  the ruling's case"""

    kind: ClassVar[str] = "release"

    escrow: str
    case_id: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.case_id)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("reserved", self.escrow),
            target=account("escrow", self.escrow),
            amount_minor=self.amount_minor,
        )
