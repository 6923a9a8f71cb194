"""Purses: how much a requester may spend through this launcher, which funds their jobs from its own wallet.

Rules kept here
- A purse holds what the requester paid in and what the operator lends (the limit). A launch holds the most it can cost
  before anything is sent; the job's bill replaces the hold when its rest has come back.
- Holding and approving are one transaction, billing and closing are another: a kill between any two lines changes
  nothing. Two launches at once wait for each other at the purse's row, and the books refuse the second by themselves.
- A limit may be lowered at any time. What is held or spent already stays so; the rest of the loan goes back as the
  purse becomes free.
- Deposits are the chain's own transfers to the launcher's wallet, from the requester's address, deep enough; or what
  the operator wrote down, each with a reference that counts once.
- The launcher's own jobs, of the operator at the command line, need no purse.
- A requester has one purse per currency, each with a limit of its own: what is in one buys nothing in another.

    purses = Purses(db, chains=chains, clock=clock, launcher=address, limits_minor={})
    await purses.hold(tx, requester, job_id=..., amount=Money(34_881_144, MHT))      # raises PurseTooSmall
    await purses.bill(tx, requester, job_id=..., held=Money(34_881_144, MHT), refunded_minor=29_000_000)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from manyhands.ledger.books import Balance, balance, holdings, post, state_of, statement, void
from manyhands.ledger.desk import Chains, DeskEvent
from manyhands.ledger.errors import Overdrawn, PostingChanged
from manyhands.ledger.posting import account
from manyhands.ledger.purse import PURSE_BOOK, Charge, Deposit, Hold, Loan, LoanReturned
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import Clock
from manyhands.protocol.manifest import parse_manifest
from manyhands.protocol.money import Currency, Money
from manyhands.store.database import Database, Tx, rows
from manyhands.store.sql import load_queries

QUERIES = load_queries("manyhands.roles.launcher", "sql")

ADDRESS: Final = re.compile(r"^0x[0-9a-f]{40}$")
AMOUNT_MAX_MINOR: Final = 10**15
"""A limit or a deposit above a thousand million is a slip of the hand. In a currency with fewer decimals than six it is
more units; it is there against slips, and keeps every sum far below what a bigint holds."""
LINES_SHOWN: Final = 500


class PurseTooSmall(ManyhandsError):
    """The launch may cost more than the requester may spend."""

    code, status = "purse_too_small", 402

    def __init__(self, *, needed: Money, purse: Purse) -> None:
        self.needed, self.purse = needed, purse
        self.missing = needed - Money(purse.free_minor, needed.currency)

        def money(minor: int) -> str:
            return Money(minor, needed.currency).spoken

        super().__init__(
            f"this launch holds {needed.spoken}, of which {self.missing.spoken} are missing: "
            f"your limit is {money(purse.limit_minor)}, you paid in {money(purse.paid_in_minor)}; of both, "
            f"{money(purse.held_minor)} are held by running jobs and {money(purse.spent_minor)} are spent",
            cure="Pay in what is missing, ask the operator for a higher limit, wait until a running job gives its rest "
            "back, or launch fewer pages; nothing was charged.",
        )


class NoSuchRequester(ManyhandsError):
    """A purse belongs to an account's address."""

    status = 404
    cure = "Copy the requester's address from the list of purses, or from their account page."

    def __init__(self, requester: str) -> None:
        self.requester = requester
        super().__init__(f"{requester[:80]!r} is no account's address")


class NoSuchCurrency(ManyhandsError):
    """No jobs are paid in this currency here, so nobody has a purse of it."""

    code, status = "no_such_currency", 422

    def __init__(self, code: str, *, known: Collection[str]) -> None:
        self.currency, self.known = code, tuple(known)
        super().__init__(
            f"nobody has a purse in {code[:16]!r} here", cure=f"Jobs here are paid in {' or '.join(self.known)}."
        )


class BadSum(ManyhandsError):
    """An amount that no purse takes."""

    code, status = "bad_sum", 422
    cure = "Give an amount above 0 (a limit may be 0), below a thousand million, and a sentence that says why."

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"the purse does not take this: {what}")


class DepositChanged(ManyhandsError):
    """A reference names one deposit; it came again with another amount."""

    status = 409
    cure = "Use a reference of its own for every deposit."

    def __init__(self, reference: str) -> None:
        self.reference = reference
        super().__init__(f"the deposit {reference[:80]!r} is written down already, with another amount")


class HeldJob(msgspec.Struct, frozen=True, kw_only=True):
    """A running job and what it holds."""

    job_id: str
    title: str
    state: str
    currency: str
    held_minor: int


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """What a requester may spend in one currency. free_minor = limit + paid in - spent - held, never below 0.

    limit_minor   what the operator lends; by_default: nobody has set it for this requester
    exempt        the launcher's own account: it spends its own wallet
    """

    requester: str
    currency: str
    exponent: int
    limit_minor: int
    by_default: bool
    paid_in_minor: int
    spent_minor: int
    held_minor: int
    free_minor: int
    because: str = ""
    set_by: str = ""
    exempt: bool = False


class PayInAt(msgspec.Struct, frozen=True, kw_only=True):
    """Where tokens become a deposit in their currency: sent to `address` from the requester's own."""

    chain_id: int
    chain: str
    currency: str
    token: str
    address: str


class PurseLine(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of a purse. amount_minor > 0 came in; balance_minor  what was in it then, holds not counted."""

    at_ms: int
    kind: str
    state: str
    job_id: str
    amount_minor: int
    balance_minor: int
    because: str


class Purses:
    """The purses of one launcher.

    chains        where jobs are paid; their tokens' currencies are those that there are purses in
    limits_minor  what a requester may owe whom nobody knows yet, by currency; one that is missing = nothing
    pay_in_at     chains and tokens that requesters may pay in
    not_people    addresses whose transfers to the launcher's wallet are no deposits: contracts, roles, deployers
    """

    def __init__(
        self,
        db: Database,
        *,
        chains: Chains,
        clock: Clock,
        launcher: str,
        limits_minor: Mapping[str, int],
        not_people: Collection[str] = (),
        pay_in_at: Sequence[PayInAt] = (),
    ) -> None:
        self._db, self._clock, self._launcher, self._chains = db, clock, launcher, chains
        self.pay_in_at = tuple(pay_in_at)
        self.limits_minor, self._not_people = dict(limits_minor), frozenset(not_people)

    @property
    def currencies(self) -> Mapping[str, Currency]:
        """Currencies of purses by code, the platform's first one first."""
        return self._chains.currencies()

    def currency(self, code: str = "") -> Currency:
        """The currency of a code, in large or small letters; "" = the platform's first. raises NoSuchCurrency"""
        known = self.currencies
        if not code:
            return next(iter(known.values()))
        found = next((one for one in known.values() if one.code.upper() == code.upper()), None)
        if found is None:
            raise NoSuchCurrency(code, known=known)
        return found

    # --- shown ----------------------------------------------------------------------------------------------------

    async def of(self, requester: str, code: str = "") -> Purse:
        """The purse in one currency; "" = the platform's first. raises NoSuchRequester, NoSuchCurrency"""
        async with self._db.connection() as connection:
            return await self._read(connection, requester, self.currency(code))

    async def all_of(self, requester: str) -> list[Purse]:
        """A requester's purses in every currency. raises NoSuchRequester"""
        async with self._db.connection() as connection:
            return [await self._read(connection, requester, one) for one in self.currencies.values()]

    async def lines(self, requester: str, code: str = "") -> list[PurseLine]:
        """Every movement of one purse, the newest first. raises NoSuchRequester, NoSuchCurrency"""
        name = account("purse", self._known(requester))
        async with self._db.connection() as connection:
            found = await statement(connection, PURSE_BOOK, name, currency=self.currency(code).code, limit=100_000)
        return [
            PurseLine(
                at_ms=line.written_at_ms,
                kind=line.kind,
                state=line.state,
                job_id=line.job_id,
                amount_minor=line.amount_minor,
                balance_minor=line.balance_minor,
                because=line.because,
            )
            for line in reversed(found[-LINES_SHOWN:])
        ]

    async def held(self, requester: str) -> list[HeldJob]:
        """The running jobs that hold something, the newest first."""
        async with self._db.connection() as connection:
            found = await rows(connection, QUERIES.held_jobs, {"requester": requester})
        told = [
            (job_id, quote_minor, parse_manifest(manifest), state) for job_id, quote_minor, manifest, state in found
        ]
        return [
            HeldJob(
                job_id=job_id,
                title=manifest.title,
                state=state,
                currency=manifest.pay.currency,
                held_minor=quote_minor,
            )
            for job_id, quote_minor, manifest, state in told
        ]

    async def all(self, *, beside: Sequence[str] = (), limit: int = 1_000) -> list[Purse]:
        """For the operator: every purse that was used or set, the last changed first, and those of `beside` in the
        platform's first currency."""
        first, known = self.currency(), self.currencies
        async with self._db.connection() as connection:
            found = {(row[0], row[1]): row[2:] for row in await rows(connection, QUERIES.purses, {"limit": limit})}
            held = {code: await holdings(connection, PURSE_BOOK, currency=code) for code in known}
        wanted = dict.fromkeys((*found, *((one, first.code) for one in beside)))
        unset = (None, "", "")
        return [
            self._purse(requester, known[code], found.get((requester, code), unset), held[code])
            for requester, code in wanted
            if code in known
        ]

    async def _read(self, tx: Tx, requester: str, currency: Currency) -> Purse:
        key = {"requester": self._known(requester), "currency": currency.code}
        found = await rows(tx, QUERIES.purse_of, key)
        held = {
            name: await balance(tx, PURSE_BOOK, name, currency=currency.code)
            for name in (account(kind, requester) for kind in ("purse", "requester", "spent"))
        }
        return self._purse(requester, currency, found[0] if found else (None, "", ""), held)

    def _purse(self, requester: str, currency: Currency, row: Sequence[Any], held: Mapping[str, Balance]) -> Purse:
        """A purse from its row (limit, who set it, why) and what its accounts hold."""
        nothing = Balance(0, 0)
        paid_in_minor = -held.get(account("requester", requester), nothing).posted_minor
        spent_minor = held.get(account("spent", requester), nothing).posted_minor
        held_minor = held.get(account("purse", requester), nothing).held_minor
        limit_minor = self.limits_minor.get(currency.code, 0) if row[0] is None else int(row[0])
        return Purse(
            requester=requester,
            currency=currency.code,
            exponent=currency.exponent,
            limit_minor=limit_minor,
            by_default=row[0] is None,
            paid_in_minor=paid_in_minor,
            spent_minor=spent_minor,
            held_minor=held_minor,
            free_minor=max(0, limit_minor + paid_in_minor - spent_minor - held_minor),
            set_by=row[1],
            because=row[2],
            exempt=requester == self._launcher,
        )

    # --- the operator's -------------------------------------------------------------------------------------------

    async def set_limit(
        self, requester: str, limit_minor: int | None, *, by: str, because: str, code: str = ""
    ) -> Purse:
        """Sets what a requester may owe in a currency; None = the operator's default again.

        raises  NoSuchRequester, NoSuchCurrency, BadSum
        """
        currency = self.currency(code)
        if limit_minor is not None and not 0 <= limit_minor <= AMOUNT_MAX_MINOR:
            raise BadSum("a limit lies between 0 and a thousand million")
        because = _sentence(because)
        async with self._db.transaction() as tx:
            await self._lock(tx, requester, currency.code)
            await tx.execute(
                QUERIES.set_purse_limit,
                {
                    "requester": requester,
                    "currency": currency.code,
                    "limit_minor": limit_minor,
                    "by": by,
                    "because": because,
                    "now_ms": self._clock(),
                },
            )
            await self._even_out(tx, requester, currency.code)
            return await self._read(tx, requester, currency)

    async def deposit(
        self, requester: str, amount_minor: int, *, reference: str, because: str, code: str = ""
    ) -> Purse:
        """Writes down money that came another way than by the chain. The same reference twice counts once.

        raises  NoSuchRequester, NoSuchCurrency, BadSum, DepositChanged
        """
        currency = self.currency(code)
        reference = reference.replace("\x00", "").strip()
        if not 0 < amount_minor <= AMOUNT_MAX_MINOR:
            raise BadSum("a deposit lies between 1 minor unit and a thousand million")
        if not 3 <= len(reference) <= 200:
            raise BadSum("a deposit needs a reference of 3 to 200 signs, such as the bank's")
        async with self._db.transaction() as tx:
            paid_in = Money(amount_minor, currency)
            await self.paid_in(tx, requester, paid_in, reference=f"by hand: {reference}", because=_sentence(because))
            return await self._read(tx, requester, currency)

    async def paid_in(self, tx: Tx, requester: str, amount: Money, *, reference: str, because: str) -> bool:
        """Writes a deposit on the caller's transaction. False when it stood there. raises DepositChanged"""
        code, amount_minor = amount.currency.code, amount.minor
        await self._lock(tx, requester, code)
        deposit = Deposit(
            job_id="",
            currency=code,
            because=because,
            requester=requester,
            reference=reference,
            amount_minor=amount_minor,
        )
        try:
            if not await post(tx, PURSE_BOOK, deposit, now_ms=self._clock()):
                return False
        except PostingChanged:
            raise DepositChanged(reference) from None
        await self._even_out(tx, requester, code)
        return True

    async def on_transfer(self, tx: Tx, event: DeskEvent) -> None:
        """The chain's word that tokens moved: what a person sends to the launcher's wallet is a deposit.

        It counts in whole minor units of the token's currency; less than one of them is no deposit.
        """
        token = self._chains.token_at(event.chain_id, event.address)
        if token is None:
            return
        sender, to = str(event.args["_from"]).lower(), str(event.args["_to"]).lower()
        amount_minor = int(event.args["_value"]) // token.unit
        if to != self._launcher or amount_minor <= 0 or sender in self._not_people or int(sender, 16) == 0:
            return
        if (await rows(tx, QUERIES.is_escrow, {"address": sender}))[0][0]:
            return  # a rest that comes back from a job
        reference = f"chain {event.chain_id} {event.tx_hash} {event.index_in_tx}"
        because = f"came in on chain {event.chain_id}"
        await self.paid_in(tx, sender, Money(amount_minor, token.currency), reference=reference, because=because)

    # --- the launcher's -------------------------------------------------------------------------------------------

    async def hold(self, tx: Tx, requester: str, *, job_id: str, amount: Money) -> None:
        """Holds the most that a job can cost. Twice is once. raises PurseTooSmall, and nothing is held then"""
        if requester == self._launcher:
            return
        await self._lock(tx, requester, amount.currency.code)
        await self._even_out(tx, requester, amount.currency.code)
        wanted = self._hold(requester, job_id, amount)
        try:
            await post(tx, PURSE_BOOK, wanted, now_ms=self._clock(), pending=True)
        except Overdrawn:
            purse = await self._read(tx, requester, amount.currency)
            raise PurseTooSmall(needed=amount, purse=purse) from None

    async def release(self, tx: Tx, requester: str, *, job_id: str, amount: Money, because: str) -> None:
        """Gives up what a job held that never moved money."""
        if await self._give_up(tx, requester, job_id, amount, because=because):
            await self._even_out(tx, requester, amount.currency.code)

    async def bill(self, tx: Tx, requester: str, *, job_id: str, held: Money, refunded_minor: int) -> None:
        """Charges what a job cost, in the place of what it held. Twice is once.

        What came back beyond what was held came from somebody else, who topped the escrow up: nothing is charged then.
        """
        if not await self._give_up(tx, requester, job_id, held, because="the bill is known"):
            return
        code, cost_minor = held.currency.code, held.minor - refunded_minor
        if cost_minor > 0:
            charge = Charge(
                job_id=job_id,
                currency=code,
                because="pay and fees of the job",
                requester=requester,
                amount_minor=cost_minor,
            )
            # before the loan is looked at again: a limit lowered meanwhile must not take what the bill needs
            await post(tx, PURSE_BOOK, charge, now_ms=self._clock())
        await self._even_out(tx, requester, code)

    async def _give_up(self, tx: Tx, requester: str, job_id: str, amount: Money, *, because: str) -> bool:
        """Whether there was a hold. A job launched before there were purses has none."""
        if requester == self._launcher or not ADDRESS.match(requester):
            return False
        await self._lock(tx, requester, amount.currency.code)
        held = self._hold(requester, job_id, amount)
        if await state_of(tx, PURSE_BOOK, held) != "pending":
            return False
        await void(tx, PURSE_BOOK, held, because=because or "refused", now_ms=self._clock())
        return True

    # --- small things ---------------------------------------------------------------------------------------------

    @staticmethod
    def _hold(requester: str, job_id: str, amount: Money) -> Hold:
        return Hold(
            job_id=job_id,
            currency=amount.currency.code,
            because="the most that the job can cost",
            requester=requester,
            amount_minor=amount.minor,
        )

    def _known(self, requester: str) -> str:
        if not ADDRESS.match(requester):
            raise NoSuchRequester(requester)
        return requester

    async def _lock(self, tx: Tx, requester: str, code: str) -> None:
        values = {"requester": self._known(requester), "currency": code, "now_ms": self._clock()}
        await tx.execute(QUERIES.open_purse, values)
        await rows(tx, QUERIES.lock_purse, values)

    async def _even_out(self, tx: Tx, requester: str, code: str) -> None:
        """Brings the loan to the limit: up at once, down as far as the purse is free. The purse is locked."""
        key = {"requester": requester, "currency": code}
        limit_minor, change_no = (await rows(tx, QUERIES.lock_purse, key))[0]
        wanted_minor = self.limits_minor.get(code, 0) if limit_minor is None else int(limit_minor)
        lender = account("requester", self._launcher, requester)
        lent_minor = -(await balance(tx, PURSE_BOOK, lender, currency=code)).posted_minor
        free = await balance(tx, PURSE_BOOK, account("purse", requester), currency=code)
        change_minor = max(wanted_minor - lent_minor, -max(0, free.available_minor))
        if not change_minor:
            return
        kind = Loan if change_minor > 0 else LoanReturned
        common = {"job_id": "", "currency": code, "requester": requester, "launcher": self._launcher}
        await tx.execute(QUERIES.set_loan_change, {**key, "change_no": change_no + 1})
        because = "the limit" if change_minor > 0 else "back to the limit"
        loan = kind(change_no=change_no + 1, amount_minor=abs(change_minor), because=because, **common)
        await post(tx, PURSE_BOOK, loan, now_ms=self._clock())


def _sentence(because: str) -> str:
    """A reason that can be read later. raises BadSum"""
    kept = because.replace("\x00", "").strip()
    if not 3 <= len(kept) <= 500:
        raise BadSum("a reason of 3 to 500 signs is asked for")
    return kept
