"""Funding: the requester's money enters an escrow, the oracles' fees set apart at once."""

from __future__ import annotations

from typing import ClassVar

from .errors import BadPosting
from .posting import Entry, Posting, account, spread


class Funding(Posting, frozen=True, kw_only=True):
    """Money that arrived in an escrow.

    reference     what tells two fundings of one escrow apart: "setup", or transaction hash and log of a later top-up
    amount_minor  all that arrived
    fees_minor    the part of it that the signed quote sets apart for the oracles; 0 for a later top-up
    """

    kind: ClassVar[str] = "funding"

    escrow: str
    requester: str
    reference: str
    amount_minor: int
    fees_minor: int = 0

    def meaning(self) -> tuple[str | int, ...]:
        return (self.escrow, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        if not 0 <= self.fees_minor <= self.amount_minor:
            raise BadPosting(self.kind, f"fees of {self.fees_minor} do not fit into {self.amount_minor}")
        targets = {
            account("escrow", self.escrow): self.amount_minor - self.fees_minor,
            account("fees", self.escrow): self.fees_minor,
        }
        return spread(self.kind, source=account("requester", self.requester), targets=targets)
