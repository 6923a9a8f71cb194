"""What a posting is: entries that sum to 0, an id from its meaning. Pure.

Rules kept here
- An entry above 0 is what an account takes, one below 0 what it gives. All entries of a posting sum to 0.
- The id follows from what happened (which batch, which payout, which ruling), never from when it was written.
- Amounts are whole minor units of one currency, which is named by chain and token: two chains never mix.

Accounts, by party
    requester:ADDRESS       outside: what the requester (the launcher's wallet) put in and got back; may be below 0
    escrow:ESCROW           free money of a job, for workers
    fees:ESCROW             the oracles' fees of a job, fixed when it was funded
    reserved:ESCROW         earned by accepted work, not yet paid
    credit:ESCROW:WORKER    could not be sent, waits in the escrow for the worker's claim
    worker:ADDRESS          paid
    fee:ADDRESS             an operator's fees, paid
    stake:ADDRESS           an operator's stake
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import msgspec

from manyhands.protocol import canonical
from manyhands.protocol.ids import digest

from .errors import BadPosting

_ADDRESS = re.compile(r"^0x[0-9a-f]{40}$")


class Entry(NamedTuple):
    """One line of a posting. amount_minor > 0 takes, < 0 gives"""

    account: str
    amount_minor: int


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every kind of money.

    job_id    "" for what belongs to no job, such as a stake
    currency  `currency_of(chain_id, token)`
    because   one sentence for the person who reads the statement
    """

    kind: ClassVar[str]

    job_id: str
    currency: str
    because: str

    def meaning(self) -> tuple[str | int, ...]:
        """What makes this the same posting when it is written again."""
        raise NotImplementedError

    def entries(self) -> tuple[Entry, ...]:
        """At least two entries that sum to 0. raises BadPosting"""
        raise NotImplementedError

    @property
    def posting_id(self) -> str:
        return digest(self.kind, self.job_id, self.currency, *self.meaning())

    @property
    def content_hash(self) -> str:
        """Two postings of one id must agree in this. The sentence may differ, the money may not."""
        return canonical.content_hash({"kind": self.kind, "entries": self.entries(), "currency": self.currency})


def currency_of(chain_id: int, token: str) -> str:
    """The name of a token in the books.

    >>> currency_of(80001, "0x" + "ab" * 20)
    '80001:0xabababababababababababababababababababab'
    """
    return f"{chain_id}:{token.lower()}"


def account(kind: str, *parties: str) -> str:
    """The name of an account. raises BadPosting for a party that is no address in lower case

    >>> account("escrow", "0x" + "ab" * 20)
    'escrow:0xabababababababababababababababababababab'
    """
    for party in parties:
        if not _ADDRESS.match(party):
            raise BadPosting(kind, f"{party!r} is no address in lower case")
    return ":".join((kind, *parties))


def move(kind: str, *, source: str, target: str, amount_minor: int) -> tuple[Entry, ...]:
    """The entries of one amount that goes from one account to another. raises BadPosting unless it is above 0"""
    if amount_minor <= 0:
        raise BadPosting(kind, f"its amount is {amount_minor}, it must be above 0")
    return (Entry(source, -amount_minor), Entry(target, amount_minor))


def spread(kind: str, *, source: str, targets: Mapping[str, int]) -> tuple[Entry, ...]:
    """The entries of amounts that go from one account to several; those of 0 are left out. raises BadPosting"""
    given = {target: minor for target, minor in sorted(targets.items()) if minor != 0}
    if not given or min(given.values()) < 0:
        raise BadPosting(kind, "its amounts must be 0 or more, and one above 0")
    return (Entry(source, -sum(given.values())), *(Entry(target, minor) for target, minor in given.items()))


def check_balanced(kind: str, entries: tuple[Entry, ...]) -> None:
    """raises BadPosting unless there are two or more entries, none of 0, that sum to 0"""
    if len(entries) < 2 or any(entry.amount_minor == 0 for entry in entries):
        raise BadPosting(kind, "it needs two or more entries, none of 0")
    total_minor = sum(entry.amount_minor for entry in entries)
    if total_minor != 0:
        raise BadPosting(kind, f"its entries sum to {total_minor}, not to 0")
