"""A role's place at the ledger: every act that moves money or binds it, with its signature, in one call.

Rules kept here
- An act writes the role's book and its signed transaction on the caller's transaction: all of it happens, or nothing.
- A purpose is made from meaning, so an act done twice is one act.
- What the chain says is read from the events that the operator's own indexer saw and found deep enough.
- What no contract would take, or not from this key, is refused before anything is signed (`before_sending`).
- Roles count in minor units of a job's currency, chains and books in base units of its token. They meet here and
  nowhere else: an amount that goes out is multiplied by the token's `unit`, which is exact. What comes back from a
  contract's own arithmetic (fees, rests) may end in a part of a minor unit: it stands in the books to the base unit, in
  the launcher's refund, and is told as part of the fees, so that paid + fees + refunded is what was funded (ADR 0182).

    desk = Desk("recording", key, chains)
    async with db.transaction() as tx:
        ...                                      # the verdicts
        await desk.anchor_and_reserve(tx, job_id=..., batch_no=..., root=..., amount_minor=...)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from eth_hash.auto import keccak
from msgspec import structs

from manyhands.chain.contracts import (
    HARMLESS_REVERTS,
    MAX_RECIPIENTS,
    PASSING_REVERTS,
    case_id,
    decode_call,
    encode_call,
    gas_limit,
    vote_digest,
)
from manyhands.chain.facts import ChainFacts, ContractAddresses, TokenFacts, currencies_of
from manyhands.chain.indexer import Event
from manyhands.chain.keys import RoleKey
from manyhands.protocol.daily_cap import DAY_S
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import Clock, digest, system_clock
from manyhands.protocol.messages import Role
from manyhands.protocol.money import Currency
from manyhands.store.database import Tx, rows, scalar
from manyhands.store.sql import load_queries

from .as_told import ChainNotReady, EscrowTold, need_as_told
from .before_sending import FundsMissing, NotThisKeysPart, OtherMoney, ReadHoldings, check_positive, payout_chunks
from .bookkeeping import (
    MONEY_EVENTS,
    ONCE_FUNDED,
    STAKE_EVENTS,
    EscrowAccounts,
    EscrowEvent,
    Promise,
    Share,
    jury_claim_of,
    keep,
    reserve_of,
    reserves_of,
    stake_postings_of,
    standing,
)
from .books import balance, post, state_of, void
from .daily_cap import AGAIN_AFTER_MS, RESERVED, Counted, DayUsed, chain_time_s, counted_today, recording_ends_s
from .outbox import Entry, State, submit
from .paying import Shown, Signed, made_by_others
from .posting import Posting, account, currency_of

QUERIES = load_queries("manyhands.ledger")

PAYOUT_CHUNK = MAX_RECIPIENTS
"""Recipients paid by one transaction; more are split."""
WAITS, USED_ELSEWHERE = "waits", "key used elsewhere"
"""Kinds of alarms that a desk raises, beside the sender's: a job that cannot end, a key that somebody else has."""
_NAMED_IN_SETUP = {"recording oracle": "recordingOracle", "reputation oracle": "reputationOracle"}


class NotFundedYet(ManyhandsError):
    """The chain does not show the funds (yet). It is asked again."""

    def __init__(self, escrow: str, *, seen_minor: int, told_minor: int) -> None:
        self.escrow, self.seen_minor, self.told_minor = escrow, seen_minor, told_minor
        super().__init__(f"escrow {escrow} should hold {told_minor}, the chain shows {seen_minor} so far")


class StakeMissing(ManyhandsError):
    """A launcher without a stake may not launch."""

    def __init__(self, chain_id: int, *, minimum_minor: int) -> None:
        self.chain_id, self.minimum_minor = chain_id, minimum_minor
        super().__init__(
            f"the launcher has no stake on chain {chain_id}; {minimum_minor} are asked for",
            cure="Wait until the stake is final, or stake first.",
        )


class EscrowPlace(TypedDict):
    """Where an escrow stands."""

    chain_id: int
    escrow: str


@dataclass(frozen=True)
class DeskEvent:
    """A final event of one of our contracts. address = the contract's; contract = its kind; names as in the ABI.

    index_in_tx  its place among all events of its transaction: with the transaction its identity
    """

    chain_id: int
    contract: str
    address: str
    name: str
    args: Mapping[str, Any]
    tx_hash: str
    block_number: int
    index_in_tx: int = 0

    @classmethod
    def of(cls, event: Event) -> DeskEvent:
        """An indexed event, as desks and roles take it."""
        return cls(
            chain_id=event.chain_id,
            contract=event.contract_kind,
            address=event.contract,
            name=event.name,
            args=event.args,
            tx_hash=event.tx_hash,
            block_number=event.block_number,
            index_in_tx=event.index_in_tx,
        )

    @property
    def whose(self) -> str:
        """The address whose money it is about: the one that a transfer went to, else the contract that spoke."""
        return str(self.args["_to"]).lower() if self.name == "Transfer" else self.address


@dataclass(frozen=True)
class Closing:
    """What an escrow's end came to, from the chain's events. Minor units of the job's currency.

    refunded_minor  whole ones; a part of one that came back beside them (always less than one) is in fees_minor
    """

    paid_minor: int
    fees_minor: int
    refunded_minor: int
    transactions: tuple[str, ...]


@dataclass(frozen=True)
class RefusedForNow:
    """An act that the chain refused and will take on another day.

    reference  root of a batch, or reason of extra pay; again: its try, from 0
    """

    reference: bytes
    is_batch: bool
    again: int


def closing_told(paid_base: int, fees_base: int, refunded_base: int, *, unit: int) -> tuple[int, int, int]:
    """What an escrow came to, in minor units: paid, fees, refunded, which sum to what was funded.

    unit  base units in a minor unit. Workers are paid whole ones. Of fees and refund both may end in a part of one: the
          refund is told without it, so that nobody is promised more than came back

    >>> closing_told(7_000, 333, 2_667, unit=1_000)
    (7, 1, 2)
    """
    funded_minor = (paid_base + fees_base + refunded_base) // unit
    paid_minor, refunded_minor = paid_base // unit, refunded_base // unit
    return paid_minor, funded_minor - paid_minor - refunded_minor, refunded_minor


def shares_in_base(shares: Sequence[Share], unit: int) -> list[Share]:
    """Shares of minor units in base units."""
    return [Share(share.kind, share.worker, share.amount_minor * unit) for share in shares]


class Chains:
    """The chains this operator works on; a chain appears here when its contracts stand."""

    def __init__(self, facts: Mapping[int, ChainFacts] | None = None) -> None:
        self._facts = dict(facts or {})

    def put(self, facts: ChainFacts) -> None:
        self._facts[facts.chain_id] = facts

    def ids(self) -> tuple[int, ...]:
        return tuple(sorted(self._facts))

    def currencies(self) -> dict[str, Currency]:
        """What jobs may be paid in on some of the chains, by code; the first is what they are paid in unless one says
        otherwise."""
        return currencies_of(self._facts.values())

    def token_at(self, chain_id: int, address: str) -> TokenFacts | None:
        """The token that stands at an address of a chain; None when no jobs are paid in it here."""
        facts = self._facts.get(chain_id)
        return None if facts is None else facts.token_at(address)

    def of(self, chain_id: int) -> ChainFacts:
        """raises ChainNotReady"""
        facts = self._facts.get(chain_id)
        if facts is None or facts.contracts is None:
            raise ChainNotReady(chain_id)
        return facts


class Desk:
    """One role's desk. key signs everything; chains are looked up at the moment of the act; the book is the role's own.

    launcher  the wallet that jobs of this operator are funded from, as it stands in the books
    holdings  tells what the wallet has before a job is launched; None = the chain will say
    """

    def __init__(
        self,
        role: Role,
        key: RoleKey,
        chains: Chains,
        *,
        launcher: str,
        clock: Clock = system_clock,
        holdings: ReadHoldings | None = None,
    ) -> None:
        self.role, self.key, self.chains = role, key, chains
        self.launcher, self._clock, self._holdings = launcher, clock, holdings

    async def need_as_told(self, tx: Tx, chain_id: int, told: EscrowTold) -> int:
        """Base units of the escrow's token in a minor unit of the job's money.

        raises  EscrowNotAsTold for good; EscrowNotSeenYet and ChainNotReady, which pass
        """
        facts, _ = self._at(chain_id)
        await need_as_told(tx, facts, told)
        return self._token(chain_id, told.currency).unit

    async def hold_book(self, tx: Tx, escrow: str) -> None:
        """Keeps others of this role off an escrow's book until the transaction ends.

        Taken before a book is begun and before one asks whether it is: an event that comes while the book begins is
        either among those that it begins with, or finds it begun.
        """
        await tx.execute(QUERIES.hold_book, {"book": self.role, "escrow": escrow.lower()})

    async def keep_books(self, tx: Tx, event: DeskEvent, *, job_id: str) -> None:
        """Writes what the chain did with a job's money into this role's book; the same event again changes nothing."""
        if event.name not in MONEY_EVENTS:
            return
        escrow = event.whose
        its = {"chain_id": event.chain_id, "tx_hash": event.tx_hash, "index_in_tx": event.index_in_tx}
        if event.name in ONCE_FUNDED and not await scalar(tx, QUERIES.funded_before, {**its, "escrow": escrow}):
            return
        of = await self._accounts(tx, event.chain_id, job_id, escrow)
        if event.name == "Transfer" and event.address.lower() != of.token:
            return  # another token than the job's: it is no money of the job
        where = {"chain_id": event.chain_id, "contract": escrow, "tx_hash": event.tx_hash}
        siblings = [(name, args) for name, args in await rows(tx, QUERIES.events_of_transaction, where)]
        own = EscrowEvent(event.name, event.args, event.tx_hash, siblings, event.index_in_tx)
        shares = await self._shares(tx, job_id, str(event.args["reason"])) if event.name == "Reserved" else ()
        await keep(tx, self.role, own, of, now_ms=self._clock(), shares=shares)

    async def keep_stake(self, tx: Tx, event: DeskEvent) -> None:
        """Writes what the chain did with this role's own stake, and which shares of its slashes were fetched.

        Events of one chain must come in the order of the chain; the same one again changes nothing.
        """
        facts, at = self._at(event.chain_id)
        where = {"chain_id": facts.chain_id, "tx_hash": event.tx_hash, "index_in_tx": event.index_in_tx}
        reference, currency = f"{event.tx_hash}:{event.index_in_tx}", currency_of(facts.chain_id, at.token)
        made: list[Posting] = []
        if event.address == at.staking and event.name in STAKE_EVENTS:
            if str(event.args["staker"]).lower() == self.key.address:
                then = await rows(tx, QUERIES.events_after, where) if event.name == "StakeSlashed" else ()
                made = stake_postings_of(
                    event.name, event.args, reference=reference, staking=at.staking, currency=currency, then=then
                )
        elif event.address == at.jury and event.name == "Claimed":
            waits = await balance(
                tx, self.role, account("credit", at.jury, str(event.args["recipient"]).lower()), currency=currency
            )
            made = jury_claim_of(
                event.args, reference=reference, jury=at.jury, currency=currency, waits_minor=waits.posted_minor
            )
            # what waits now may have come after a claim that is written already
            made = [posting for posting in made if not await state_of(tx, self.role, posting)]
        for posting in made:
            await post(tx, self.role, posting, now_ms=self._clock())

    async def catch_up_stake(self, tx: Tx, chain_id: int) -> None:
        """Writes what the stored events tell of this role's stake and is not written yet: a book may begin later than
        the chain."""
        facts, at = self._at(chain_id)
        where = {
            "chain_id": facts.chain_id,
            "staking": at.staking,
            "jury": at.jury,
            "operator": self.key.address,
            "names": sorted(STAKE_EVENTS),
        }
        for event in self._events(chain_id, await rows(tx, QUERIES.stake_events_of, where)):
            await self.keep_stake(tx, event)

    async def top_ups(self, tx: Tx, chain_id: int) -> list[DeskEvent]:
        """Every transfer that came to an escrow after it was set up, in the order of the chain."""
        return self._events(chain_id, await rows(tx, QUERIES.top_ups_of_chain, {"chain_id": chain_id}))

    async def explain(
        self, tx: Tx, *, job_id: str, chain_id: int, currency: str, reason: bytes, shares: Sequence[Share]
    ) -> None:
        """Notes how a reservation is made up, so that its event becomes bonuses and top-ups by worker."""
        for share in shares_in_base(shares, self.unit(chain_id, currency)):
            values = {"job_id": job_id, "book": self.role, "reason": "0x" + reason.hex(), "kind": share.kind}
            if share.amount_minor:
                await tx.execute(
                    QUERIES.add_share, {**values, "worker": share.worker, "amount_minor": share.amount_minor}
                )

    async def give_up(self, tx: Tx, entry: Entry) -> None:
        """Frees what this role held in its book for a transaction that the chain refused or another one displaced.

        Called in the transaction that settles it. A refusal that says that the effect is there already frees nothing
        (`HARMLESS_REVERTS`): the effect's own event makes the intention a fact.
        """
        refused = entry.state in (State.REVERTED, State.DISPLACED) and entry.reason not in HARMLESS_REVERTS
        if not refused or entry.sender != self.key.address or entry.recipient is None:
            return
        for function, root_at, amount_at in (("anchorAndReserve", 0, 3), ("reserve", 1, 0)):
            arguments = decode_call("Escrow", function, entry.data)
            if arguments is None or not arguments[amount_at]:
                continue
            of = await self._accounts(tx, entry.chain_id, entry.job_id, entry.recipient)
            reason, amount_minor = "0x" + arguments[root_at].hex(), arguments[amount_at]
            shares = await self._shares(tx, entry.job_id, reason) if function == "reserve" else ()
            for intended in reserves_of(of, reason=reason, amount_minor=amount_minor, shares=shares):
                assert isinstance(intended, Promise)
                intended = await standing(tx, self.role, intended)
                if await state_of(tx, self.role, intended) == "pending":
                    because = f"its transaction was {entry.state.value}: {entry.reason or 'no reason given'}"
                    await void(tx, self.role, intended, because=because, now_ms=self._clock())

    def refused_for_now(self, entry: Entry) -> RefusedForNow | None:
        """What of this role a daily cap, a freeze or a nonce used elsewhere has put off; None for anything else.

        None of it should happen, as what does not fit is not signed. It does when another one uses the key, when a
        freeze comes between signing and mining, and when a chain's clock is far from ours.
        """
        passes = entry.state is State.DISPLACED or (
            # what another one has reserved with this key may be released by a jury
            entry.state is State.REVERTED and entry.reason in PASSING_REVERTS | {"Insufficient unreserved funds"}
        )
        if not passes or entry.sender != self.key.address:
            return None
        again = int(entry.purpose.rpartition(":again:")[2]) if ":again:" in entry.purpose else 0
        for function, place in (("anchorAndReserve", 0), ("reserve", 1)):
            arguments = decode_call("Escrow", function, entry.data)
            if arguments is not None:
                return RefusedForNow(arguments[place], function == "anchorAndReserve", again)
        return None

    async def _shares(self, tx: Tx, job_id: str, reason: str) -> list[Share]:
        found = await rows(tx, QUERIES.shares_of, {"job_id": job_id, "book": self.role, "reason": reason})
        return [Share(kind, worker, int(minor)) for kind, worker, minor in found]

    @staticmethod
    def _events(chain_id: int, found: Sequence[tuple[Any, ...]]) -> list[DeskEvent]:
        return [
            DeskEvent(chain_id, kind, address, name, args, tx_hash, block_number, index_in_tx)
            for address, kind, name, args, tx_hash, block_number, index_in_tx in found
        ]

    async def _accounts(self, tx: Tx, chain_id: int, job_id: str, escrow: str) -> EscrowAccounts:
        """An escrow's accounts, in the token that it was launched with by the chain's own word."""
        token = await self._token_of(tx, chain_id, escrow)
        return EscrowAccounts(job_id, escrow, self.launcher, currency_of(chain_id, token), token)

    async def _token_of(self, tx: Tx, chain_id: int, escrow: str) -> str:
        _, at = self._at(chain_id)
        where = {"chain_id": chain_id, "factory": at.factory, "escrow": escrow.lower()}
        return str(await scalar(tx, QUERIES.token_of_escrow, where) or at.token)

    def _token(self, chain_id: int, currency: str) -> TokenFacts:
        """The token of a currency. raises OtherMoney where no job is paid in it"""
        facts, at = self._at(chain_id)
        token = facts.token_of(currency)
        if token is None:
            raise OtherMoney(chain_id, asked=currency, paid=" or ".join(one.symbol for one in facts.tokens))
        return token if token.address else structs.replace(token, address=at.token)

    def unit(self, chain_id: int, currency: str) -> int:
        """Base units of a currency's token in a minor unit. raises OtherMoney, ChainNotReady"""
        return self._token(chain_id, currency).unit

    def _unit_at(self, chain_id: int, address: str) -> int:
        """The same by the token's address. An escrow in a token that the facts do not name has base units alone."""
        token = self.chains.token_at(chain_id, address)
        return 1 if token is None else token.unit

    async def _unit_of(self, tx: Tx, chain_id: int, escrow: str) -> int:
        """The same of the token that an escrow was launched with."""
        return self._unit_at(chain_id, await self._token_of(tx, chain_id, escrow))

    # --- launcher -------------------------------------------------------------------------------------------------

    async def stake(self, tx: Tx, *, chain_id: int, amount_minor: int) -> str:
        """Locks the launcher's promise, in minor units of the chain's first token. Once per chain and amount."""
        facts, at = self._at(chain_id)
        amount_base = amount_minor * facts.token.unit
        await self._act(
            tx, facts, f"stake:approve:{self.key.address}:{amount_minor}", at.token,
            "TestToken", "approve", at.staking, amount_base,
        )  # fmt: skip
        return await self._act(
            tx, facts, f"stake:{self.key.address}:{amount_minor}", at.staking, "Staking", "stake", amount_base
        )

    async def need_stake(self, tx: Tx, *, chain_id: int, minimum_minor: int) -> None:
        """raises StakeMissing unless the chain shows that much, net of what was unstaked or slashed"""
        facts, at = self._at(chain_id)
        staked = 0
        for name, args, _, _ in await rows(
            tx, QUERIES.events_of_contract, {"chain_id": facts.chain_id, "contract": at.staking}
        ):
            if str(args.get("staker", "")).lower() == self.key.address:
                sign = {"StakeDeposited": 1, "StakeWithdrawn": -1, "StakeSlashed": -1}.get(name, 0)
                staked += sign * int(args.get("tokens", 0))
        if staked < minimum_minor * facts.token.unit:
            raise StakeMissing(chain_id, minimum_minor=minimum_minor)

    async def launch_escrow(
        self,
        tx: Tx,
        *,
        job_id: str,
        chain_id: int,
        currency: str,
        amount_minor: int,
        reputation: str,
        recording: str,
        exchange: str,
        fees_bp: tuple[int, int, int],
        manifest_hash: str,
        manifest_url: str,
        cap_parts: int = 0,
        promised_minor: int = 0,
    ) -> str:
        """Makes, funds and sets up the escrow, once per job. fees_bp: reputation, recording, exchange.

        With a daily cap it makes the escrow alone, because a cap is set before the setup and the factory's launch has
        no word for it: `set_up_capped` does the rest as soon as the chain has told the escrow's address.
        promised_minor  what escrows that were made so are still to be funded with
        raises  OtherMoney, AmountNotPositive, FundsMissing, ChainUnreachable: nothing is signed then
        """
        facts, at = self._at(chain_id)
        token = self._token(chain_id, currency)
        check_positive("funding", amount_minor)
        amount_base = amount_minor * token.unit
        promised_base = promised_minor * token.unit
        await self._need_holdings(tx, facts, token, f"launch:{job_id}", amount_base, promised_base=promised_base)
        if cap_parts:
            return await self._act(
                tx, facts, f"launch:{job_id}", at.factory, "EscrowFactory", "createEscrow", token.address, job_id,
                job_id=job_id, text_bytes=len(job_id),
            )  # fmt: skip
        await self._act(
            tx, facts, f"launch:approve:{job_id}", token.address, "TestToken", "approve", at.factory,
            amount_base, job_id=job_id,
        )  # fmt: skip
        return await self._act(
            tx, facts, f"launch:{job_id}", at.factory, "EscrowFactory", "launch", token.address, amount_base,
            job_id, reputation, recording, exchange, list(fees_bp), manifest_url, manifest_hash,
            job_id=job_id, text_bytes=len(job_id) + len(manifest_url) + len(manifest_hash),
        )  # fmt: skip

    async def set_up_capped(
        self,
        tx: Tx,
        *,
        job_id: str,
        chain_id: int,
        escrow: str,
        token: str,
        amount_minor: int,
        cap_parts: int,
        reputation: str,
        recording: str,
        exchange: str,
        fees_bp: tuple[int, int, int],
        manifest_hash: str,
        manifest_url: str,
    ) -> None:
        """Sets the daily cap of an escrow that this key made, funds it and sets it up: three transactions, in order.

        The same again changes nothing. An escrow that a kill left between two of them has no oracles, so nobody can
        take anything out of it but its launcher.
        """
        facts, _ = self._at(chain_id)
        amount_base = amount_minor * self._unit_at(chain_id, token)
        await self._act(tx, facts, f"cap:{job_id}", escrow, "Escrow", "setDailyCap", cap_parts, job_id=job_id)
        await self._act(tx, facts, f"fund:{job_id}", token, "TestToken", "transfer", escrow, amount_base, job_id=job_id)
        await self._act(
            tx, facts, f"setup:{job_id}", escrow, "Escrow", "setupWithFees", reputation, recording, exchange,
            list(fees_bp), manifest_url, manifest_hash,
            job_id=job_id, text_bytes=len(manifest_url) + len(manifest_hash),
        )  # fmt: skip

    async def ask_cancellation(self, tx: Tx, *, job_id: str, chain_id: int, escrow: str) -> str:
        """Asks the escrow to end early; what was earned is paid all the same. raises NotThisKeysPart"""
        facts, _ = self._at(chain_id)
        await self._need_part(tx, chain_id, escrow, "launcher")
        return await self._act(
            tx, facts, f"cancellation:{job_id}", escrow, "Escrow", "requestCancellation", job_id=job_id
        )

    # --- recording oracle -----------------------------------------------------------------------------------------

    async def need_funded(self, tx: Tx, *, chain_id: int, told: EscrowTold, funded_minor: int) -> None:
        """Believes a funding only by the chain's own word, and begins the escrow's book with all that the chain told.

        raises  NotFundedYet, EscrowNotSeenYet, ChainNotReady, which pass; EscrowNotAsTold, which does not
        """
        facts, _ = self._at(chain_id)
        job_id, escrow = told.job_id, told.escrow
        await self.hold_book(tx, escrow)
        seen = await self._sum(tx, facts, escrow, "Fund", "amount")
        if not seen:
            raise NotFundedYet(escrow, seen_minor=0, told_minor=funded_minor)
        await need_as_told(tx, facts, told)  # the token first: only then it is known what was counted
        unit = self._token(chain_id, told.currency).unit
        if seen < funded_minor * unit:
            raise NotFundedYet(escrow, seen_minor=seen // unit, told_minor=funded_minor)
        where = {"chain_id": facts.chain_id, "escrow": escrow.lower(), "names": sorted(MONEY_EVENTS)}
        for event in self._events(chain_id, await rows(tx, QUERIES.money_of_escrow, where)):
            # the book begins with the job, not with the event: nobody knew whose escrow it was when the event came
            await self.keep_books(tx, event, job_id=job_id)

    # --- under a daily cap -------------------------------------------------------------------------------------------

    async def left_today_minor(
        self, tx: Tx, *, job_id: str, chain_id: int, escrow: str, counted: Counted, cap_minor: int
    ) -> int:
        """What this key may still reserve, or pay, without the daily cap refusing it; never below 0.

        Counted as used: what the chain shows of its present day, whoever did it, and all that this key has signed and
        is not final. On which day that will be mined nobody knows yet, so it is held against the present one as well
        as, when it comes, against its own. The sum of any day is then within the cap (ADR 0180).
        """
        facts, _ = self._at(chain_id)
        where = {"chain_id": facts.chain_id, "escrow": escrow.lower()}
        seen_s = int(await scalar(tx, QUERIES.time_of_chain, where))
        day_s = chain_time_s(seen_s=seen_s, now_ms=self._clock()) // DAY_S * DAY_S
        own = await rows(tx, QUERIES.own_acts, {**where, "sender": self.key.address, "job_id": job_id, "day_s": day_s})
        seen = await rows(tx, QUERIES.events_of_day, {**where, "names": sorted(counted.events), "day_s": day_s})
        unit = await self._unit_of(tx, chain_id, escrow)
        used_base = counted_today(counted, own=own, seen=seen)
        return max(0, cap_minor * unit - used_base) // unit

    async def day_used(self, tx: Tx, chain_id: int, escrow: str) -> DayUsed:
        """What an escrow has reserved on the chain's present day and ever, by the chain's word."""
        facts, _ = self._at(chain_id)
        where = {"chain_id": facts.chain_id, "escrow": escrow.lower()}
        seen_s = int(await scalar(tx, QUERIES.time_of_chain, where))
        day_s = chain_time_s(seen_s=seen_s, now_ms=self._clock()) // DAY_S * DAY_S
        seen = await rows(tx, QUERIES.events_of_day, {**where, "names": sorted(RESERVED.events), "day_s": day_s})
        unit = await self._unit_of(tx, chain_id, escrow)
        return DayUsed(
            ends_at_s=day_s + DAY_S,
            reserved_today_minor=-(-counted_today(RESERVED, own=(), seen=seen) // unit),
            reserved_minor=await self._reserved_base(tx, facts, escrow) // unit,
            unit=unit,
        )

    async def frozen_now(self, tx: Tx, *, chain_id: int, escrow: str) -> bool:
        """Whether a report's freeze stands, by the chain's word: nothing can be recorded then."""
        facts, _ = self._at(chain_id)
        where = {"chain_id": facts.chain_id, "escrow": escrow.lower()}
        seen_s = int(await scalar(tx, QUERIES.time_of_chain, where))
        found = await rows(tx, QUERIES.last_freeze, where)
        return bool(found) and int(found[0][0]) > chain_time_s(seen_s=seen_s, now_ms=self._clock())

    async def recording_over(self, tx: Tx, *, chain_id: int, escrow: str) -> bool:
        """Whether the escrow surely records nothing more: its end was asked for three days ago, or it is old."""
        facts, _ = self._at(chain_id)
        where = {"chain_id": facts.chain_id, "escrow": escrow.lower()}
        ((asked_s, set_up_s, freezes),) = await rows(tx, QUERIES.ends_of_escrow, where)
        ends_s = recording_ends_s(asked_s=int(asked_s), set_up_s=int(set_up_s), freezes=freezes)
        seen_s = int(await scalar(tx, QUERIES.time_of_chain, where))
        return ends_s is not None and ends_s < chain_time_s(seen_s=seen_s, now_ms=self._clock())

    async def break_promise(
        self, tx: Tx, *, job_id: str, chain_id: int, escrow: str, reference: str, amount_minor: int,
        shares: Sequence[Share] = (), because: str,
    ) -> None:  # fmt: skip
        """Gives up a reservation that was promised and can never be made."""
        of = await self._accounts(tx, chain_id, job_id, escrow)
        unit = self._unit_at(chain_id, of.token)
        for intended in reserves_of(
            of, reason=reference, amount_minor=amount_minor * unit, shares=shares_in_base(shares, unit)
        ):
            assert isinstance(intended, Promise)
            intended = await standing(tx, self.role, intended)
            if await state_of(tx, self.role, intended) == "pending":
                await void(tx, self.role, intended, because=because, now_ms=self._clock())

    async def promise_reserve(
        self, tx: Tx, *, job_id: str, chain_id: int, escrow: str, reference: str, amount_minor: int,
        shares: Sequence[Share] = (),
    ) -> None:  # fmt: skip
        """Holds a reservation in the book that is to be sent on a later day. raises Overdrawn beyond what is funded"""
        if amount_minor:
            of = await self._accounts(tx, chain_id, job_id, escrow)
            unit = self._unit_at(chain_id, of.token)
            in_base = shares_in_base(shares, unit)
            made = reserves_of(of, reason=reference, amount_minor=amount_minor * unit, shares=in_base)
            await self._intend(tx, made)

    async def anchor_and_reserve(
        self,
        tx: Tx,
        *,
        job_id: str,
        chain_id: int,
        escrow: str,
        currency: str,
        batch_no: int,
        root: bytes,
        count: int,
        evidence_hash: bytes,
        amount_minor: int,
        again: int = 0,
    ) -> str:
        """Anchors a batch and reserves what it earned, in one transaction of the chain.

        again   how often the chain has refused it for now: doing it again is another purpose
        raises  Overdrawn, NotThisKeysPart, AmountNotPositive for less than 0
        """
        facts, _ = self._at(chain_id)
        await self._need_part(tx, chain_id, escrow, "recording oracle")
        amount_base = amount_minor * self._token(chain_id, currency).unit
        if amount_minor:
            check_positive("reservation", amount_minor)
            of = await self._accounts(tx, chain_id, job_id, escrow)
            await self._intend(tx, [reserve_of(of, reference="0x" + root.hex(), amount_minor=amount_base)])
        return await self._act(
            tx, facts, _again(f"anchor:{job_id}:{batch_no}", again), escrow, "Escrow", "anchorAndReserve", root, count,
            evidence_hash, amount_base, job_id=job_id,
        )  # fmt: skip

    async def reserve_extra(
        self,
        tx: Tx,
        *,
        job_id: str,
        chain_id: int,
        escrow: str,
        currency: str,
        amount_minor: int,
        reason: bytes,
        shares: Sequence[Share] = (),
        again: int = 0,
    ) -> str:
        """Reserves top-ups, bonuses and jurors' pay. Once per reason. shares  how the amount is made up, by worker

        again   as of `anchor_and_reserve`
        raises  Overdrawn, NotThisKeysPart, AmountNotPositive
        """
        facts, _ = self._at(chain_id)
        await self._need_part(tx, chain_id, escrow, "recording oracle")
        check_positive("reservation", amount_minor)
        await self.explain(tx, job_id=job_id, chain_id=chain_id, currency=currency, reason=reason, shares=shares)
        of = await self._accounts(tx, chain_id, job_id, escrow)
        unit = self.unit(chain_id, currency)
        amount_base, in_base = amount_minor * unit, shares_in_base(shares, unit)
        await self._intend(tx, reserves_of(of, reason="0x" + reason.hex(), amount_minor=amount_base, shares=in_base))
        return await self._act(
            tx, facts, _again(f"reserve:{job_id}:{reason.hex()}", again), escrow, "Escrow", "reserve", amount_base,
            reason, job_id=job_id,
        )  # fmt: skip

    # --- reputation oracle ----------------------------------------------------------------------------------------

    async def reserved_base(self, tx: Tx, *, chain_id: int, escrow: str) -> int:
        """What was ever reserved in the escrow, less what a jury released, by the chain's word; base units."""
        facts, _ = self._at(chain_id)
        return await self._reserved_base(tx, facts, escrow) - await self._sum(tx, facts, escrow, "Released", "amount")

    async def _reserved_base(self, tx: Tx, facts: ChainFacts, escrow: str) -> int:
        by_batches = await self._sum(tx, facts, escrow, "Anchored", "reserved")
        return by_batches + await self._sum(tx, facts, escrow, "Reserved", "amount")

    async def payouts_signed(self, tx: Tx, *, job_id: str, chain_id: int, escrow: str) -> list[Signed]:
        """Every payout of a job that this key has signed, each try, in order."""
        facts, _ = self._at(chain_id)
        where = {"chain_id": facts.chain_id, "job_id": job_id, "escrow": escrow.lower(), "sender": self.key.address}
        found: list[Signed] = []
        for purpose, data, state, reason, settled_at_ms in await rows(tx, QUERIES.payouts_signed, where):
            call = decode_call("Escrow", "bulkPayOut", bytes(data))
            assert call is not None, f"{purpose} is no payout"
            recipients, amounts, _, _, payout_id, _ = call
            part_no = int(purpose.removeprefix(f"payout:{job_id}:").split(":")[0])
            paid = tuple((str(who).lower(), int(base)) for who, base in zip(recipients, amounts, strict=True))
            found.append(Signed(part_no, payout_key(payout_id), paid, State(state), reason, settled_at_ms or 0))
        return found

    async def payouts_shown(self, tx: Tx, *, chain_id: int, escrow: str) -> list[Shown]:
        """Every payout that the chain shows of an escrow, whoever made it, in order."""
        facts, _ = self._at(chain_id)
        found = await rows(tx, QUERIES.payouts_shown, {"chain_id": facts.chain_id, "escrow": escrow.lower()})
        return [
            Shown(
                str(args["payoutId"]),
                tuple(
                    (str(who).lower(), int(base)) for who, base in zip(args["recipients"], args["amounts"], strict=True)
                ),
            )
            for (args,) in found
        ]

    @staticmethod
    def payout_id(job_id: str, part_no: int, hash_: str) -> str:
        """The id of one payout of a job. hash_  sha-256 of the payouts file"""
        return digest("payout", job_id, part_no, hash_)

    async def pay(
        self,
        tx: Tx,
        *,
        job_id: str,
        chain_id: int,
        escrow: str,
        part_no: int,
        amounts_base: Sequence[tuple[str, int]],
        url: str,
        hash_: str,
        again: int = 0,
    ) -> str:
        """Pays workers from what is reserved, `PAYOUT_CHUNK` of them at most.

        The contract refuses to see a payout id twice.
        part_no  from 0; the payout id follows from it
        again    how often the chain has refused it: doing it again is another purpose
        raises   AmountNotPositive naming the worker, NotThisKeysPart: nothing is signed then
        """
        facts, _ = self._at(chain_id)
        await self._need_part(tx, chain_id, escrow, "reputation oracle")
        (amounts,) = payout_chunks(amounts_base)
        payout_id = self.payout_id(job_id, part_no, hash_)
        return await self._act(
            tx, facts, _again(f"payout:{job_id}:{part_no}", again), escrow, "Escrow", "bulkPayOut",
            [who for who, _ in amounts], [base for _, base in amounts], url, hash_, payout_id, False,
            job_id=job_id, recipients=len(amounts), text_bytes=len(url) + len(hash_) + len(payout_id),
        )  # fmt: skip

    async def ended(self, tx: Tx, *, chain_id: int, escrow: str) -> bool:
        """Whether the chain shows the escrow's end, whoever brought it about."""
        return bool(await self._count(tx, chain_id, escrow, "Completed", "Cancelled"))

    async def complete(self, tx: Tx, *, job_id: str, chain_id: int, escrow: str) -> bool:
        """Ends the escrow: fees to the oracles, the rest to the launcher. A cancelled job ends by `cancel`.

        Signed once, and again an hour after the chain has refused it. returns  True when something was signed
        """
        facts, _ = self._at(chain_id)
        await self._need_part(tx, chain_id, escrow, "reputation oracle")
        where = {"chain_id": facts.chain_id, "job_id": job_id, "escrow": escrow.lower(), "sender": self.key.address}
        tries = await rows(tx, QUERIES.endings_signed, where)
        if tries:
            state, settled_at_ms = tries[-1]
            if state not in (State.REVERTED, State.DISPLACED) or self._clock() < settled_at_ms + AGAIN_AFTER_MS:
                return False
        asked = await self._count(tx, chain_id, escrow, "Upheld", "CancellationRequested")
        function = "cancel" if asked else "complete"
        purpose = _again(f"{function}:{job_id}", len(tries))
        await self._act(tx, facts, purpose, escrow, "Escrow", function, job_id=job_id)
        return True

    async def tell_waiting(self, tx: Tx, *, job_id: str, chain_id: int, because: str) -> None:
        """Raises the alarm that a job can't end without a person; "" takes it back. The same reason again is one."""
        told = {"chain_id": chain_id, "subject": f"complete:{job_id}", "told": because, "now_ms": self._clock()}
        await tx.execute(QUERIES.no_alarm_but, {**told, "kind": WAITS})
        if because:
            await tx.execute(QUERIES.raise_alarm, {**told, "kind": WAITS})

    async def tell_payouts_of_others(self, tx: Tx, *, job_id: str, chain_id: int, escrow: str) -> None:
        """Raises the alarm that somebody else pays with this key, if the chain shows such payouts."""
        signed = await self.payouts_signed(tx, job_id=job_id, chain_id=chain_id, escrow=escrow)
        others = made_by_others(signed, await self.payouts_shown(tx, chain_id=chain_id, escrow=escrow))
        if others:
            total_base = sum(base for one in others for _, base in one.amounts)
            told = f"payouts of escrow {escrow} that were not signed here, {total_base} base units in all so far"
            subject = {"chain_id": chain_id, "subject": f"payout:{job_id}", "kind": USED_ELSEWHERE}
            values = {**subject, "told": told, "now_ms": self._clock()}
            await tx.execute(QUERIES.no_alarm_but, values)
            await tx.execute(QUERIES.raise_alarm, values)

    async def close_books(self, tx: Tx, *, job_id: str, chain_id: int, escrow: str, currency: str) -> Closing:
        """What the escrow's events come to once it has ended. Paid and fees and refunded are all of it, as before."""
        facts, _ = self._at(chain_id)
        unit = self._token(chain_id, currency).unit
        paid = fees = refunded = 0
        transactions: list[str] = []
        where = {"chain_id": facts.chain_id, "contract": escrow}
        for name, args, tx_hash, _ in await rows(tx, QUERIES.events_of_contract, where):
            if name == "BulkTransferV3":
                paid += sum(int(amount) for amount in args["amounts"])
                transactions.append(tx_hash)
            elif name == "OracleFeeTransfer":
                fees += sum(int(amount) for amount in args["amounts"])
            elif name in ("CompletionRefund", "CancellationRefund"):
                refunded += int(args["amount"])
        told = closing_told(paid, fees, refunded, unit=unit)
        return Closing(*told, tuple(transactions))

    # --- jury -----------------------------------------------------------------------------------------------------

    def case_id(self, *, chain_id: int, escrow: str, report_hash: bytes) -> str:
        """The id that the jury's contract will give a case, hexadecimal with 0x."""
        facts, at = self._at(chain_id)
        return "0x" + case_id(facts.chain_id, at.jury, escrow, report_hash).hex()

    def vote_digest(self, *, chain_id: int, case_id: str, uphold: bool) -> bytes:
        """The 32 bytes a juror signs."""
        facts, at = self._at(chain_id)
        return vote_digest(facts.chain_id, at.jury, bytes.fromhex(case_id[2:]), uphold)

    async def open_case(
        self,
        tx: Tx,
        *,
        job_id: str,
        chain_id: int,
        escrow: str,
        report_hash: bytes,
        jurors: Sequence[str],
        reporter: str,
    ) -> str:
        """Opens the case with the jurors drawn for it."""
        facts, at = self._at(chain_id)
        return await self._act(
            tx, facts, f"case:{self.case_id(chain_id=chain_id, escrow=escrow, report_hash=report_hash)}", at.jury,
            "Jury", "openCase", escrow, report_hash, list(jurors), reporter, job_id=job_id, recipients=len(jurors),
        )  # fmt: skip

    async def rule_case(
        self, tx: Tx, *, job_id: str, chain_id: int, case_id: str, uphold: bool, signatures: Sequence[str]
    ) -> str:
        """Hands in the jurors' signatures: the contract counts them and carries the ruling out."""
        facts, at = self._at(chain_id)
        return await self._act(
            tx, facts, f"ruling:{case_id}", at.jury, "Jury", "rule", bytes.fromhex(case_id[2:]), uphold,
            [bytes.fromhex(signature[2:]) for signature in signatures], job_id=job_id, recipients=len(signatures),
        )  # fmt: skip

    # --- before anything is signed --------------------------------------------------------------------------------

    async def _need_part(self, tx: Tx, chain_id: int, escrow: str, part: str) -> None:
        """raises NotThisKeysPart when the chain's own word names another key; an escrow not seen yet is the chain's"""
        where = {"chain_id": chain_id, "escrow": escrow.lower()}
        found = await rows(tx, QUERIES.keys_of_escrow, where)
        if not found:
            return
        launcher, setup = found[0]
        named = launcher if part == "launcher" else setup.get(_NAMED_IN_SETUP[part])
        if named and str(named).lower() != self.key.address:
            raise NotThisKeysPart(escrow, part, named=str(named).lower(), own=self.key.address)

    async def _need_holdings(
        self,
        tx: Tx,
        facts: ChainFacts,
        token: TokenFacts,
        purpose: str,
        amount_base: int,
        *,
        promised_base: int = 0,
    ) -> None:
        """raises FundsMissing when the wallet has less than this launch and those not mined yet need"""
        if self._holdings is None or await rows(
            tx, QUERIES.state_of_purpose, {"chain_id": facts.chain_id, "purpose": purpose}
        ):
            return
        held = await self._holdings(facts, self.key.address, token.address)
        for data, recipient in await rows(
            tx, QUERIES.launches_not_mined, {"chain_id": facts.chain_id, "sender": self.key.address}
        ):
            launched = decode_call("EscrowFactory", "launch", bytes(data))
            if launched is not None and str(launched[0]).lower() == token.address:
                promised_base += launched[1]
            sent = decode_call("TestToken", "transfer", bytes(data))
            if sent is not None and recipient == token.address:
                promised_base += sent[1]
        free_base = max(0, held.tokens_base - promised_base)
        if free_base < amount_base:
            what = f"base units of {token.symbol}"
            raise FundsMissing(facts.chain_id, self.key.address, what, needed=amount_base, held=free_base)
        gas_wei = (gas_limit("approve") + gas_limit("launch")) * facts.fees.max_fee_wei
        if held.gas_wei < gas_wei:
            raise FundsMissing(facts.chain_id, self.key.address, "wei for gas", needed=gas_wei, held=held.gas_wei)

    # --- small things ---------------------------------------------------------------------------------------------

    async def _intend(self, tx: Tx, promises: Sequence[Posting]) -> None:
        """Holds reservations in the book until the chain shows them. raises Overdrawn beyond what is funded"""
        for promise in promises:
            assert isinstance(promise, Promise)
            posting = await standing(tx, self.role, promise)
            await post(tx, self.role, posting, now_ms=self._clock(), pending=True)

    def _at(self, chain_id: int) -> tuple[ChainFacts, ContractAddresses]:
        facts = self.chains.of(chain_id)
        assert facts.contracts is not None
        return facts, facts.contracts

    async def _act(
        self,
        tx: Tx,
        facts: ChainFacts,
        purpose: str,
        to: str,
        contract: str,
        function: str,
        *arguments: object,
        job_id: str = "",
        recipients: int = 1,
        text_bytes: int = 0,
    ) -> str:
        return await submit(
            tx,
            chain=facts,
            key=self.key,
            purpose=purpose,
            to=to,
            data=encode_call(contract, function, *arguments),
            gas_limit=gas_limit(function, recipients=recipients, text_bytes=text_bytes),
            job_id=job_id,
        )

    async def _sum(self, tx: Tx, facts: ChainFacts, contract: str, name: str, field: str) -> int:
        where = {"chain_id": facts.chain_id, "contract": contract, "name": name, "field": field}
        return int(await scalar(tx, QUERIES.sum_of_event, where))

    async def _count(self, tx: Tx, chain_id: int, contract: str, *names: str) -> int:
        where = {"chain_id": chain_id, "contract": contract, "names": list(names)}
        return int(await scalar(tx, QUERIES.count_of_event, where))


def _again(purpose: str, tries: int) -> str:
    """The purpose of doing a thing that the chain has refused for now, so many times."""
    return f"{purpose}:again:{tries}" if tries else purpose


def payout_key(payout_id: str) -> str:
    """The key under which an escrow knows a payout id, hexadecimal with 0x."""
    return "0x" + keccak(payout_id.encode()).hex()
