"""From what the chain did to what the books say: each final event of an escrow becomes its postings.

Rules kept here
- What the chain did is written down whatever was intended; an intention of the same meaning becomes that fact.
- The mapping is pure, so an auditor gets the same books from the same events.
- A role's book follows the events that concern it; the same event twice is one posting.
- What an escrow held when it was set up is told by its `Fund`; a transfer that came later is a top-up, one that came
  earlier stands in that amount already.
- What the token refused to send is a credit, whoever it was for: worker, oracle or launcher.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from manyhands.protocol.daily_cap import cut_to_fit
from manyhands.protocol.ids import digest_bytes
from manyhands.store.database import Tx

from .bonus import Bonus
from .books import balance, post, state_of
from .credit import Claim, Credit, Redirect
from .fee import Fee, FeeReturned
from .funding import Funding
from .payout import Payout
from .posting import Posting, account
from .refund import Refund
from .reserve import Release, Reserve
from .slash import Slash, StakePlaced, StakeReturned
from .top_up import TopUp

ENDINGS = ("Completed", "Cancelled")
MONEY_EVENTS = frozenset(
    {
        "Fund",
        "Anchored",
        "Reserved",
        "BulkTransferV3",
        "Claimed",
        "CreditRedirected",
        "Released",
        "CancellationRefund",
        "Withdraw",
        "Transfer",
        *ENDINGS,
    }
)
"""Events of an escrow that a book takes note of, and the token's transfers to it."""
ONCE_FUNDED = frozenset({"Transfer", "Withdraw"})
"""Those that count from the escrow's `Fund` on: whatever came or went before is told by its amount."""
STAKE_EVENTS = frozenset({"StakeDeposited", "StakeWithdrawn", "StakeSlashed"})
"""Events of the staking contract that its staker's book takes note of."""
_NO_REASON = "0x" + "00" * 32

_ACTS = frozenset({"BulkTransferV3", "OracleFeeTransfer", "CompletionRefund", "CancellationRefund"})


@dataclass(frozen=True)
class EscrowEvent:
    """One event of an escrow, or one transfer to it.

    siblings     all events of the same escrow in the same transaction, in order
    index_in_tx  its place among all events of the transaction, which tells equal ones apart
    """

    name: str
    args: Mapping[str, Any]
    tx_hash: str
    siblings: Sequence[tuple[str, Mapping[str, Any]]]
    index_in_tx: int = 0

    def others(self, name: str) -> list[Mapping[str, Any]]:
        return [args for other, args in self.siblings if other == name]

    def credited_for(self, name: str, args: Mapping[str, Any] | None = None) -> dict[str, int]:
        """What could not be sent in the act that the event `name` closes: minor units by address.

        A contract logs `Credited` for each refused transfer of an act, then the act's own event.
        args  which of several events of that name; None = the first
        """
        found: dict[str, int] = {}
        for other, its_args in self.siblings:
            if other == "Credited":
                who = str(its_args["recipient"]).lower()
                found[who] = found.get(who, 0) + int(its_args["amount"])
            elif other == name and (args is None or its_args == args):
                return found
            elif other in _ACTS:
                found = {}
        return {}


@dataclass(frozen=True)
class EscrowAccounts:
    """Whose escrow it is. currency as `posting.currency_of` names it; token "" where that does not matter."""

    job_id: str
    escrow: str
    launcher: str
    currency: str
    token: str = ""


@dataclass(frozen=True)
class Share:
    """What one worker has of a reservation that no single batch earned.

    kind  "bonus", "top_up", or "reserve" for pay that is neither, such as a juror's
    """

    kind: str
    worker: str
    amount_minor: int


def extra_shares(*, bonus_minor: Mapping[str, int], top_up_minor: Mapping[str, int]) -> list[Share]:
    """The shares of a job's extra pay, by worker.

    >>> extra_shares(bonus_minor={"0xa": 5}, top_up_minor={"0xa": 2})
    [Share(kind='bonus', worker='0xa', amount_minor=5), Share(kind='top_up', worker='0xa', amount_minor=2)]
    """
    kinds = (("bonus", bonus_minor), ("top_up", top_up_minor))
    return [Share(kind, worker, minor) for kind, given in kinds for worker, minor in sorted(given.items()) if minor]


@dataclass(frozen=True)
class ExtraPart:
    """A part of a job's extra pay that is reserved in one act. reason  32 bytes, a name of its own"""

    reason: bytes
    amount_minor: int
    shares: tuple[Share, ...]


def extra_parts(
    amount_minor: int, shares: Sequence[Share], *, reason: bytes, most_minor: int | None = None
) -> list[ExtraPart]:
    """A job's extra pay in parts of at most `most_minor`, None = in one: a day may hold no more than that.

    Both oracles cut alike, so that both books tell bonus and top-up by worker. What is in no share comes last.

    >>> parts = extra_parts(9, [Share("bonus", "0xa", 4)], reason=bytes(32), most_minor=6)
    >>> [(one.amount_minor, [(share.kind, share.amount_minor) for share in one.shares]) for one in parts]
    [(6, [('bonus', 4)]), (3, [])]
    """
    if not amount_minor:
        return []
    if most_minor is None or amount_minor <= most_minor:
        return [ExtraPart(reason, amount_minor, tuple(shares))]
    rest_minor = amount_minor - sum(share.amount_minor for share in shares)
    of: list[tuple[Share | None, int]] = [(share, share.amount_minor) for share in shares]
    parts = cut_to_fit([*of, (None, rest_minor)], most_minor)
    return [
        ExtraPart(
            reason if not place else digest_bytes("extra pay", reason, place),
            sum(minor for _, minor in part),
            tuple(Share(share.kind, share.worker, minor) for share, minor in part if share is not None),
        )
        for place, part in enumerate(parts)
    ]


def postings_of(
    event: EscrowEvent, of: EscrowAccounts, *, fees_left_minor: int, shares: Sequence[Share] = ()
) -> list[Posting]:
    """The postings of one event, in the order they must be written.

    fees_left_minor  what the book still holds on the job's fees account: at the end what was not paid goes back
    shares           how a `Reserved` is made up, as far as the keeper knows; what is left over is a plain reservation
    """
    common = {"job_id": of.job_id, "currency": of.currency, "escrow": of.escrow}
    args = event.args
    match event.name:
        case "Fund":
            fixed = event.others("FeesFixed")
            bps = (
                [int(fixed[0][name]) for name in ("reputationFeeBp", "recordingFeeBp", "exchangeFeeBp")]
                if fixed
                else []
            )
            amount_minor = int(args["amount"])
            return [
                Funding(
                    requester=of.launcher,
                    reference="setup" if fixed else event.tx_hash,
                    amount_minor=amount_minor,
                    fees_minor=sum(amount_minor * bp // 10_000 for bp in bps),
                    because="the job was funded",
                    **common,
                )
            ]
        case "Anchored" if int(args["reserved"]):
            return [reserve_of(of, reference=_hex(args["root"]), amount_minor=int(args["reserved"]))]
        case "Reserved":
            reason = _hex(args["reason"])
            if reason == _NO_REASON:  # HUMAN's way to reserve gives none, so each is a reservation of its own
                reason = f"{event.tx_hash}:{event.index_in_tx}"
            return reserves_of(of, reason=reason, amount_minor=int(args["amount"]), shares=shares)
        case "Transfer" if int(args["_value"]):
            return [
                Funding(
                    requester=str(args["_from"]).lower(),
                    reference=f"{event.tx_hash}:{event.index_in_tx}",
                    amount_minor=int(args["_value"]),
                    fees_minor=0,
                    because="a top-up of the running job",
                    **common,
                )
            ]
        case "Released" if int(args["amount"]):
            return [
                Release(
                    case_id=_hex(args["reportHash"]),
                    amount_minor=int(args["amount"]),
                    because="a jury found reserve without work behind it",
                    **common,
                )
            ]
        case "BulkTransferV3":
            return _payouts(event, common)
        case "Claimed":
            return [
                Claim(
                    worker=str(args["recipient"]).lower(),
                    paid_to=str(args["to"]).lower(),
                    reference=event.tx_hash,
                    amount_minor=int(args["amount"]),
                    because="a credit was claimed",
                    **common,
                )
            ]
        case "CreditRedirected":
            return [
                Redirect(
                    worker=str(args["recipient"]).lower(),
                    to=str(args["to"]).lower(),
                    reference=event.tx_hash,
                    amount_minor=int(args["amount"]),
                    because="the credited address can have no owner",
                    **common,
                )
            ]
        case "CancellationRefund" if not event.others("Cancelled"):
            return [_refund(of, event, "CancellationRefund", int(args["amount"]))]
        case "Withdraw" if str(args["token"]).lower() == of.token and int(args["amount"]):
            return [_refund(of, event, "Withdraw", int(args["amount"]))]
        case name if name in ENDINGS:
            return _ending(event, of, common, fees_left_minor)
        case _:
            return []


def reserve_of(of: EscrowAccounts, *, reference: str, amount_minor: int) -> Reserve:
    """The posting of a reservation, as an intention and as a fact the same."""
    return Reserve(
        job_id=of.job_id,
        currency=of.currency,
        escrow=of.escrow,
        reference=reference,
        amount_minor=amount_minor,
        because="earned by accepted work",
    )


def reserves_of(of: EscrowAccounts, *, reason: str, amount_minor: int, shares: Sequence[Share] = ()) -> list[Posting]:
    """The postings of a reservation that no single batch earned: bonuses and top-ups by worker, the rest in one.

    reason   of the reservation: hash of the record that explains it
    returns  the plain reservation alone when the shares come to more than the amount
    """
    known: dict[tuple[str, str], int] = {}
    for share in shares:
        if share.kind in ("bonus", "top_up") and share.amount_minor:
            key = (share.kind, share.worker)
            known[key] = known.get(key, 0) + share.amount_minor
    rest_minor = amount_minor - sum(known.values())
    if rest_minor < 0:
        return [reserve_of(of, reference=reason, amount_minor=amount_minor)]
    common = {"job_id": of.job_id, "currency": of.currency, "escrow": of.escrow, "reference": reason}
    made: list[Posting] = []
    for (kind, worker), minor in sorted(known.items()):
        if kind == "bonus":
            made.append(Bonus(worker=worker, amount_minor=minor, because="a bonus for good work", **common))
        else:
            made.append(TopUp(worker=worker, amount_minor=minor, because="lifts the pay to the fair floor", **common))
    if rest_minor:
        made.append(reserve_of(of, reference=reason, amount_minor=rest_minor))
    return made


async def keep(
    tx: Tx, book: str, event: EscrowEvent, of: EscrowAccounts, *, now_ms: int, shares: Sequence[Share] = ()
) -> int:
    """Writes an event's postings into a book. Returns how many were new. shares  as of `postings_of`"""
    left = await balance(tx, book, account("fees", of.escrow), currency=of.currency)
    new = 0
    for posting in postings_of(event, of, fees_left_minor=left.posted_minor, shares=shares):
        if isinstance(posting, Promise):
            posting = await standing(tx, book, posting)
        new += await post(tx, book, posting, now_ms=now_ms)
    return new


Promise = Reserve | Bonus | TopUp
"""What an oracle intends before the chain does it, and what a refused transaction gives up."""


async def standing(tx: Tx, book: str, reserve: Promise) -> Promise:
    """The reservation under the first of its ids that was not given up.

    An intention is voided when its transaction is refused. Done after all, by another transaction, the same thing gets
    an id of its own: what was written stays.
    """
    while await state_of(tx, book, reserve) == "voided":
        reserve = msgspec.structs.replace(reserve, reference=reserve.reference + "+")
    return reserve


def stake_postings_of(
    name: str,
    args: Mapping[str, Any],
    *,
    reference: str,
    staking: str,
    currency: str,
    then: Sequence[tuple[str, str, Mapping[str, Any]]] = (),
) -> list[Posting]:
    """The posting of one event of the staking contract.

    reference  its transaction and its place in it
    staking    the contract, which keeps the fee of a slash until its owner takes it
    then       contract, name and arguments of the events that follow in the same transaction, in order. A slash by
               anybody but the jury is written as one share for whoever asked for it: its event does not tell the fee
    """
    operator, tokens = str(args["staker"]).lower(), int(args["tokens"])
    common = {"job_id": "", "currency": currency, "operator": operator}
    match name:
        case "StakeDeposited":
            return [StakePlaced(reference=reference, amount_minor=tokens, because="stake was locked", **common)]
        case "StakeWithdrawn":
            return [StakeReturned(reference=reference, amount_minor=tokens, because="stake was taken back", **common)]
        case "StakeSlashed":
            shares: dict[str, int] = {}
            waiting: set[str] = set()
            case_id, jury = reference, ""
            for contract, told, its_args in then:
                if told in ("StakeSlashed", "Ruled"):
                    break  # anyone may hand in several rulings in one transaction
                if told == "Shared":
                    who = str(its_args["recipient"]).lower()
                    shares[who] = shares.get(who, 0) + int(its_args["amount"])
                    case_id, jury = _hex(its_args["caseId"]), contract
                elif told == "Credited" and contract == jury:
                    waiting.add(str(its_args["recipient"]).lower())
            if not shares:
                shares = {str(args["slashRequester"]).lower(): tokens}
            fee_minor = tokens - sum(shares.values())
            because = "a report was upheld by its jury" if jury else "stake was slashed"
            return [
                Slash(
                    case_id=case_id, shares_minor=shares, fee_minor=fee_minor, fee_to=staking,
                    waiting=tuple(sorted(waiting)), held_by=jury, because=because, **common,
                )
            ]  # fmt: skip
        case _:
            return []


def jury_claim_of(
    args: Mapping[str, Any], *, reference: str, jury: str, currency: str, waits_minor: int
) -> list[Posting]:
    """The posting of a share that its owner fetched from the jury's contract.

    waits_minor  what this book knows to wait there for the owner. A claim takes all that waits, and of it a book writes
                 what its own operator's slashes left: the rest is another launcher's
    """
    worker = str(args["recipient"]).lower()
    if not waits_minor:
        return []
    return [
        Claim(
            job_id="", currency=currency, escrow=jury, worker=worker, paid_to=str(args["to"]).lower(),
            reference=reference, amount_minor=min(waits_minor, int(args["amount"])),
            because="a share of a slash was claimed",
        )
    ]  # fmt: skip


def _payouts(event: EscrowEvent, common: Mapping[str, str]) -> list[Posting]:
    """One posting per worker, also for one who stands in the list twice; a part that could not be sent is a credit."""
    owed: dict[str, int] = {}
    for recipient, amount in zip(event.args["recipients"], event.args["amounts"], strict=True):
        worker = str(recipient).lower()
        owed[worker] = owed.get(worker, 0) + int(amount)
    credited = event.credited_for("BulkTransferV3", event.args)
    payout_id = _hex(event.args["payoutId"])
    postings: list[Posting] = []
    for worker, owed_minor in owed.items():
        waits_minor = credited.get(worker, 0)
        if owed_minor > waits_minor:
            paid_minor = owed_minor - waits_minor
            because = "paid for work"
            postings.append(
                Payout(worker=worker, payout_id=payout_id, amount_minor=paid_minor, because=because, **common)
            )
        if waits_minor:
            because = "the transfer failed; it waits to be claimed"
            postings.append(
                Credit(worker=worker, payout_id=payout_id, amount_minor=waits_minor, because=because, **common)
            )
    return postings


def _ending(event: EscrowEvent, of: EscrowAccounts, common: Mapping[str, str], fees_left_minor: int) -> list[Posting]:
    postings: list[Posting] = []
    paid_minor = 0
    credited = event.credited_for("OracleFeeTransfer")
    for transfer in event.others("OracleFeeTransfer"):
        for role, operator, amount in zip(
            ("reputation", "recording", "exchange"), transfer["oracles"], transfer["amounts"], strict=False
        ):
            if int(amount):
                paid_minor += int(amount)
                postings.append(
                    Fee(
                        operator=str(operator).lower(),
                        role=role,
                        amount_minor=int(amount),
                        credited=str(operator).lower() in credited,
                        because=f"fee of the {role} oracle",
                        **common,
                    )
                )
    if fees_left_minor > paid_minor:
        postings.append(
            FeeReturned(
                reference=event.tx_hash,
                amount_minor=fees_left_minor - paid_minor,
                because="fees for work that was not done",
                **common,
            )
        )
    for name in ("CompletionRefund", "CancellationRefund"):
        postings += [
            _refund(of, event, name, int(args["amount"])) for args in event.others(name) if int(args["amount"])
        ]
    return postings


def _refund(of: EscrowAccounts, event: EscrowEvent, name: str, amount_minor: int) -> Refund:
    return Refund(
        job_id=of.job_id,
        currency=of.currency,
        escrow=of.escrow,
        requester=of.launcher,
        reference=event.tx_hash,
        amount_minor=amount_minor,
        credited=of.launcher in event.credited_for(name),
        because="what the job did not need",
    )


def _hex(value: Any) -> str:
    text = "0x" + value.hex() if isinstance(value, bytes) else str(value)
    return text if text.startswith("0x") else "0x" + text
