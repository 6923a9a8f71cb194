"""What moved by kind of money: for a worker, an operator, a requester or an escrow, over a span of time.

Rules kept here
- Posted money only: an intention moves nothing yet, and what was given up never did.
- One book tells a job's money, so that nothing is counted twice: the reputation oracle's, unless another is asked for.
  Requesters' purses stand in the launcher's, stake in the book of whose stake it is.
- Every account closes where the books say it stands: the balance the tables keep is counted apart from the entries that
  are summed here, and `differs_minor` tells what is between them.

    found = await statement_by_kind(tx, worker, since_ms=monday, until_ms=sunday)
    for one in found.moved:
        print(one.kind, one.in_minor, one.out_minor)
"""

from __future__ import annotations

import csv
import io

import msgspec

from manyhands.store.database import Tx, rows
from manyhands.store.sql import load_queries

from .posting import account

QUERIES = load_queries("manyhands.ledger")
TOLD = ["launcher", "reputation"]
"""The books that are told whole: the reputation oracle's, whose keeper pays, and the launcher's, which tells purses and
stake and no job's escrow."""
FOR_EVER_MS = 2**62


class Moved(msgspec.Struct, frozen=True):
    """What one kind of money did to one account, whole minor units."""

    book: str
    account: str
    currency: str
    kind: str
    postings: int
    in_minor: int
    out_minor: int


class Standing(msgspec.Struct, frozen=True):
    """One account at both ends of the time asked about. differs_minor  0 unless the books are kept wrongly"""

    book: str
    account: str
    currency: str
    opening_minor: int
    closing_minor: int
    differs_minor: int


class Statement(msgspec.Struct, frozen=True):
    """Moves by account and kind, and where each account stood before and after. Ordered by book, account, kind."""

    party: str
    since_ms: int
    until_ms: int
    moved: list[Moved]
    accounts: list[Standing]


async def statement_by_kind(
    tx: Tx, party: str, *, since_ms: int = 0, until_ms: int | None = None, book: str | None = None
) -> Statement:
    """The statement of one party: an address, in whatever part it plays, or an escrow.

    since_ms, until_ms  from which moment, and before which; moments at which the books learned of a move
    book                None = as the rules above say
    raises              BadPosting for a party that is no address
    """
    name = party.lower()
    account("party", name)
    end_ms = FOR_EVER_MS if until_ms is None else until_ms
    asked = {"party": name, "book": book, "told": TOLD, "since_ms": since_ms, "until_ms": end_ms}
    moved = [
        Moved(its_book, its_account, currency, kind, int(count), int(taken), int(given))
        for its_book, its_account, currency, kind, count, taken, given in await rows(tx, QUERIES.moved_by_kind, asked)
    ]
    net: dict[tuple[str, str, str], int] = {}
    for one in moved:
        key = (one.book, one.account, one.currency)
        net[key] = net.get(key, 0) + one.in_minor - one.out_minor
    accounts = [
        Standing(
            its_book,
            its_account,
            currency,
            opening_minor=int(before),
            closing_minor=int(closing),
            differs_minor=int(closing) - int(before) - net.get((its_book, its_account, currency), 0),
        )
        for its_book, its_account, currency, before, closing in await rows(tx, QUERIES.standings_at, asked)
    ]
    return Statement(name, since_ms, end_ms, moved, accounts)


def statement_csv(found: Statement) -> bytes:
    """The statement for a spreadsheet: an account's opening, its kinds, its closing. UTF-8 with a byte order mark."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["book", "account", "currency", "kind", "postings", "in_minor", "out_minor", "balance_minor"])
    for one in found.accounts:
        here = (one.book, one.account, one.currency)
        writer.writerow([*here, "opening", "", "", "", one.opening_minor])
        balance = one.opening_minor
        for move in found.moved:
            if (move.book, move.account, move.currency) == here:
                balance += move.in_minor - move.out_minor
                writer.writerow([*here, move.kind, move.postings, move.in_minor, move.out_minor, balance])
        writer.writerow([*here, "closing", "", "", "", one.closing_minor])
    return text.getvalue().encode("utf-8-sig")
