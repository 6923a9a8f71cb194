"""A requester's purse with a launcher: what was paid in or lent, what running jobs hold, what they cost in the end.

Rules kept here
- A purse is a book of its own, named by the currency of quotes, such as MHT: it lies on no chain, and one purse serves
  jobs on all of them.
- A hold is only ever an intention: it promises the most that a job can cost and is given up when the bill is known. A
  purse cannot promise twice what it has, because the tables refuse an intention that is not covered.
- What the operator lends is written like money paid in, on an account of the lender's: a limit is the balance of that
  account, so raising or lowering it is a posting too.

Accounts
    requester:REQUESTER            outside: what the requester paid in; below 0 by that much
    requester:LAUNCHER:REQUESTER   outside: what the launcher lends this requester; below 0 by that much
    purse:REQUESTER                what may be spent
    spent:REQUESTER                what jobs cost: pay and fees
"""

from __future__ import annotations

from typing import ClassVar, Final

from .posting import Entry, Posting, account, move

PURSE_BOOK: Final = "purse"


class Deposit(Posting, frozen=True, kw_only=True):
    """Money that a requester paid in. reference  what tells two apart: transaction hash and log, or a receipt"""

    kind: ClassVar[str] = "deposit"

    requester: str
    reference: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.requester, self.reference)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("requester", self.requester),
            target=account("purse", self.requester),
            amount_minor=self.amount_minor,
        )


class Loan(Posting, frozen=True, kw_only=True):
    """A limit raised: the launcher lends more. change_no  counts the changes of one requester's limit"""

    kind: ClassVar[str] = "loan"

    requester: str
    launcher: str
    change_no: int
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.launcher, self.requester, self.change_no)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("requester", self.launcher, self.requester),
            target=account("purse", self.requester),
            amount_minor=self.amount_minor,
        )


class LoanReturned(Posting, frozen=True, kw_only=True):
    """A limit lowered, as far as the purse is free: what is held or spent cannot be taken out of it."""

    kind: ClassVar[str] = "loan_returned"

    requester: str
    launcher: str
    change_no: int
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.launcher, self.requester, self.change_no)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("purse", self.requester),
            target=account("requester", self.launcher, self.requester),
            amount_minor=self.amount_minor,
        )


class Hold(Posting, frozen=True, kw_only=True):
    """The most that a launched job can cost. Never a fact: it is given up when the job is billed, or refused."""

    kind: ClassVar[str] = "hold"

    requester: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.requester,)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("purse", self.requester),
            target=account("spent", self.requester),
            amount_minor=self.amount_minor,
        )


class Charge(Posting, frozen=True, kw_only=True):
    """What a job cost its requester: what was funded and did not come back."""

    kind: ClassVar[str] = "charge"

    requester: str
    amount_minor: int

    def meaning(self) -> tuple[str | int, ...]:
        return (self.requester,)

    def entries(self) -> tuple[Entry, ...]:
        return move(
            self.kind,
            source=account("purse", self.requester),
            target=account("spent", self.requester),
            amount_minor=self.amount_minor,
        )
