"""The books: write a posting once, read balances and statements, compare with the chain.

Rules kept here
- The same posting twice is one; the same id with other money is refused.
- Pending is an intention: it holds what it will take, gives nothing yet, and must be covered by what is there.
  Posted is a fact. An intention becomes a fact, or is voided with its reason.
- Nothing written changes. A mistake is taken back by a `Correction`, which is a posting too.
- The tables hold the same rules by themselves (migrations/0001_books.sql): who writes past this file is refused too.

    await post(tx, "recording", Reserve(job_id=..., escrow=..., reference=root, amount_minor=4_000, ...),
               now_ms=now_ms, pending=True)                    # with the signed transaction
    await post(tx, "recording", the_same_reserve, now_ms=now_ms)   # when the chain has it

A book is the name of the role that keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import psycopg

from manyhands.store.database import Tx, rows, rows_of
from manyhands.store.sql import load_queries

from .errors import LedgerError, NotAllowed, NotPending, Overdrawn, PostingChanged, PostingVoided
from .posting import Entry, Posting, check_balanced

QUERIES = load_queries("manyhands.ledger")

State = Literal["pending", "posted", "voided"]

POSTING_MOVES = {
    ("", "intend"): "pending",
    ("", "post"): "posted",
    ("pending", "post"): "posted",
    ("pending", "void"): "voided",
}
"""The whole life of a posting; the trigger postings_settle holds the same."""


class Correction(Posting, frozen=True, kw_only=True):
    """Takes back a posted posting, entry by entry. Make it with `correction_of`."""

    kind: ClassVar[str] = "correction"

    corrects: str
    lines: tuple[Entry, ...]

    def meaning(self) -> tuple[str | int, ...]:
        return (self.corrects,)

    def entries(self) -> tuple[Entry, ...]:
        return self.lines


@dataclass(frozen=True)
class Balance:
    """What an account holds. held_minor of it is promised by pending postings."""

    posted_minor: int
    held_minor: int

    @property
    def available_minor(self) -> int:
        return self.posted_minor - self.held_minor


@dataclass(frozen=True)
class Line:
    """One movement of an account. balance_minor  what it held after it; a pending or voided one changes nothing"""

    job_id: str
    posting_id: str
    kind: str
    currency: str
    state: str
    because: str
    amount_minor: int
    balance_minor: int
    written_at_ms: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount_minor", int(self.amount_minor))
        object.__setattr__(self, "balance_minor", int(self.balance_minor))


@dataclass(frozen=True)
class Pending:
    """An intention that is neither a fact nor given up."""

    job_id: str
    posting_id: str
    kind: str
    currency: str
    because: str
    written_at_ms: int


@dataclass(frozen=True)
class Difference:
    """What two counts of one account disagree about. Minor units."""

    account: str
    currency: str
    book_minor: int
    chain_minor: int


def move_of(state: str, action: str) -> str | None:
    """The next state of a posting, None when there is no such move."""
    return POSTING_MOVES.get((state, action))


async def post(tx: Tx, book: str, posting: Posting, *, now_ms: int, pending: bool = False) -> bool:
    """Writes a posting, or makes a pending one a fact.

    pending  True = an intention: refused when it takes more than is available. A fact is refused only when an account
             would fall below 0, whatever was intended: what the chain did is written down.
    returns  True when something changed, False when it stood there already
    raises   BadPosting, PostingChanged, PostingVoided, Overdrawn, NotAllowed; the caller's transaction lives on
    """
    entries = posting.entries()
    check_balanced(posting.kind, entries)
    named = {"job_id": posting.job_id, "book": book, "posting_id": posting.posting_id}
    try:
        async with tx.transaction():  # a savepoint: a refusal leaves the caller's transaction usable
            if await _write(tx, posting, named, entries, now_ms=now_ms, pending=pending):
                return True
            found = await rows(tx, QUERIES.find_posting, named)
            state, content_hash, void_because = found[0]
            if content_hash != posting.content_hash:
                raise PostingChanged(book, posting.posting_id, kind=posting.kind)
            if state == "voided":
                raise PostingVoided(book, posting.posting_id, because=void_because)
            if state == "posted" or pending:
                return False
            await tx.execute(QUERIES.settle_posting, {**named, "state": "posted", "now_ms": now_ms, "void_because": ""})
            return True
    except psycopg.errors.CheckViolation as violation:
        raise await _explained(tx, book, posting, entries, violation, pending=pending) from violation


async def state_of(tx: Tx, book: str, posting: Posting) -> str:
    """ "pending", "posted", "voided", or "" for a posting that was never written."""
    named = {"job_id": posting.job_id, "book": book, "posting_id": posting.posting_id}
    found = await rows(tx, QUERIES.find_posting, named)
    return str(found[0][0]) if found else ""


async def void(tx: Tx, book: str, posting: Posting, *, because: str, now_ms: int) -> bool:
    """Gives an intention up; what it held is free again.

    returns  False when it was voided before
    raises   NotPending for a posted one, and for one that was never written
    """
    named = {"job_id": posting.job_id, "book": book, "posting_id": posting.posting_id}
    found = await rows(tx, QUERIES.find_posting, named)
    state = str(found[0][0]) if found else "unknown"
    if state == "voided":
        return False
    if move_of(state, "void") is None:
        raise NotPending(book, posting.posting_id, state=state)
    await tx.execute(QUERIES.settle_posting, {**named, "state": "voided", "now_ms": now_ms, "void_because": because})
    return True


async def correction_of(tx: Tx, book: str, *, job_id: str, posting_id: str, because: str) -> Correction:
    """The posting that takes back a posted one; write it with `post`. raises NotPending for one that is not posted"""
    named = {"job_id": job_id, "book": book, "posting_id": posting_id}
    found = await rows(tx, QUERIES.posting_of, named)
    state = str(found[0][2]) if found else "unknown"
    if state != "posted":
        raise NotPending(book, posting_id, state=state)
    lines = await rows(tx, QUERIES.entries_of_posting, named)
    return Correction(
        job_id=job_id,
        currency=str(found[0][1]),
        because=because,
        corrects=posting_id,
        lines=tuple(Entry(account, -int(minor)) for account, minor in lines),
    )


async def balance(tx: Tx, book: str, account: str, *, currency: str) -> Balance:
    """What an account holds; 0 when it was never touched."""
    found = await rows(tx, QUERIES.account_balance, {"book": book, "account": account, "currency": currency})
    return Balance(int(found[0][0]), int(found[0][1])) if found else Balance(0, 0)


async def balances(tx: Tx, book: str, *, account_like: str | None = None) -> dict[tuple[str, str], int]:
    """Posted minor units by account and currency. account_like  an SQL pattern such as "worker:%" """
    found = await rows(tx, QUERIES.account_balances, {"book": book, "account_like": account_like})
    return {(account, currency): int(posted) for account, currency, posted, _ in found}


async def holdings(tx: Tx, book: str, *, currency: str) -> dict[str, Balance]:
    """What every account of a book holds in one currency."""
    found = await rows(tx, QUERIES.account_balances, {"book": book, "account_like": None})
    return {account: Balance(int(posted), int(held)) for account, its, posted, held in found if its == currency}


async def statement(
    tx: Tx,
    book: str,
    account: str,
    *,
    currency: str | None = None,
    job_id: str | None = None,
    limit: int = 10_000,
) -> list[Line]:
    """Every movement of an account in the order written, for the person it belongs to."""
    values = {"book": book, "account": account, "currency": currency, "job_id": job_id, "limit": limit}
    return await rows_of(tx, Line, QUERIES.account_statement, values)


async def pending_postings(tx: Tx, book: str, *, job_id: str | None = None) -> list[Pending]:
    """Intentions that are not settled, oldest first. Empty when all is well and quiet."""
    return await rows_of(tx, Pending, QUERIES.pending_postings, {"book": book, "job_id": job_id})


async def recount(tx: Tx) -> list[str]:
    """Recounts all books from their entries; one sentence per account that is kept wrongly. Empty in health."""
    return [
        f"book of {book}: {account} in {currency} is kept as {int(kept)}, its entries say {int(counted)}"
        for book, account, currency, kept, counted in await rows(tx, QUERIES.recount_accounts)
    ]


def differences(
    book_totals: Mapping[tuple[str, str], int], chain_totals: Mapping[tuple[str, str], int]
) -> list[Difference]:
    """Compares what a book says with what the chain says, account by account.

    Both map (account, currency) to minor units; only accounts that `chain_totals` names are compared.

    >>> differences({("escrow:a", "t"): 5}, {("escrow:a", "t"): 5, ("escrow:b", "t"): 1})
    [Difference(account='escrow:b', currency='t', book_minor=0, chain_minor=1)]
    """
    return [
        Difference(account, currency, book_totals.get((account, currency), 0), chain_minor)
        for (account, currency), chain_minor in sorted(chain_totals.items())
        if book_totals.get((account, currency), 0) != chain_minor
    ]


async def reconcile(tx: Tx, book: str, chain_totals: Mapping[tuple[str, str], int]) -> list[Difference]:
    """What the book and the chain disagree about; empty in health."""
    return differences(await balances(tx, book), chain_totals)


async def _write(
    tx: Tx, posting: Posting, named: Mapping[str, str], entries: tuple[Entry, ...], *, now_ms: int, pending: bool
) -> bool:
    """Writes posting and entries; False when the id is taken."""
    values = {
        **named,
        "kind": posting.kind,
        "currency": posting.currency,
        "state": "pending" if pending else "posted",
        "because": posting.because,
        "content_hash": posting.content_hash,
        "corrects": posting.corrects if isinstance(posting, Correction) else None,
        "now_ms": now_ms,
    }
    if not await rows(tx, QUERIES.write_posting, values):
        return False
    lines = {
        "accounts": [entry.account for entry in entries],
        "amounts_minor": [entry.amount_minor for entry in entries],
    }
    await tx.execute(QUERIES.write_entries, {**named, **lines})
    return True


async def _explained(
    tx: Tx,
    book: str,
    posting: Posting,
    entries: tuple[Entry, ...],
    violation: psycopg.errors.CheckViolation,
    *,
    pending: bool,
) -> LedgerError:
    """Turns the tables' refusal into the words of the person who meets it."""
    if violation.diag.constraint_name not in ("account_is_not_overdrawn", "intention_is_covered"):
        said = violation.diag.message_primary or str(violation)
        return NotAllowed(book, kind=posting.kind, said=said)
    short: dict[str, int] = {}
    for entry in entries:
        held = await balance(tx, book, entry.account, currency=posting.currency)
        there_minor = held.available_minor if pending else held.posted_minor
        if entry.amount_minor < 0 and there_minor + entry.amount_minor < 0:
            short[entry.account] = -entry.amount_minor - there_minor
    return Overdrawn(book, kind=posting.kind, short_minor=short, currency=posting.currency)
