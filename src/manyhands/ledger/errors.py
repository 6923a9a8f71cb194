"""What the books refuse, each with its cure."""

from __future__ import annotations

from collections.abc import Mapping

from manyhands.protocol.errors import ManyhandsError


class LedgerError(ManyhandsError):
    """Base of every error of the books."""


class BadPosting(LedgerError):
    """A posting that could not be right in any book: no amount, not balanced, a nameless party."""

    def __init__(self, kind: str, problem: str) -> None:
        self.kind, self.problem = kind, problem
        super().__init__(f"a {kind} cannot be written: {problem}")


class PostingChanged(LedgerError):
    """The same id was written before with another content."""

    def __init__(self, book: str, posting_id: str, *, kind: str) -> None:
        self.book, self.posting_id, self.kind = book, posting_id, kind
        super().__init__(
            f"{kind} {posting_id} stands in the book of {book} with another content",
            cure="What happened once is written once; what happened differently needs an id of its own.",
        )


class PostingVoided(LedgerError):
    """The posting was given up and cannot come back under its id."""

    def __init__(self, book: str, posting_id: str, *, because: str) -> None:
        self.book, self.posting_id, self.because = book, posting_id, because
        super().__init__(
            f"posting {posting_id} in the book of {book} was voided: {because}",
            cure="Write what happened after all under an id of its own.",
        )


class NotPending(LedgerError):
    """Only a pending posting can be voided; a posted one is taken back by a correction."""

    def __init__(self, book: str, posting_id: str, *, state: str) -> None:
        self.book, self.posting_id, self.state = book, posting_id, state
        super().__init__(
            f"posting {posting_id} in the book of {book} is {state}, not pending",
            cure="Take back a posted one with a correction.",
        )


class Overdrawn(LedgerError):
    """A posting takes more from an account than is there and not promised elsewhere."""

    def __init__(self, book: str, *, kind: str, short_minor: Mapping[str, int], currency: str) -> None:
        self.book, self.kind, self.short_minor, self.currency = book, kind, dict(short_minor), currency
        missing = ", ".join(f"{minor} on {account}" for account, minor in self.short_minor.items())
        super().__init__(
            f"the {kind} takes more than there is in the book of {book}: missing {missing} ({currency}, minor units)",
            cure="Fund or reserve first, or lower the amount.",
        )


class NotAllowed(LedgerError):
    """A kind of money touches an account that it may not touch. The tables refused it."""

    def __init__(self, book: str, *, kind: str, said: str) -> None:
        self.book, self.kind, self.said = book, kind, said
        super().__init__(f"the book of {book} refuses the {kind}: {said}")
