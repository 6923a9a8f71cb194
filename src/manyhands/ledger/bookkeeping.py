"""From what the chain did to what the books say: each final event of an escrow becomes its postings.

Rules kept here
- What the chain did is written down whatever was intended; an intention of the same meaning becomes that fact.
- The mapping is pure, so an auditor gets the same books from the same events.
- A role's book follows the events that concern it; the same event twice is one posting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.store.database import Tx

from .books import balance, post
from .credit import Claim, Credit
from .fee import Fee, FeeReturned
from .funding import Funding
from .payout import Payout
from .posting import Posting, account
from .refund import Refund
from .reserve import Release, Reserve

ENDINGS = ("Completed", "Cancelled")
MONEY_EVENTS = frozenset(
    {"Fund", "Anchored", "Reserved", "BulkTransferV3", "Claimed", "Released", "CancellationRefund", *ENDINGS}
)
"""Events that a book takes note of."""


@dataclass(frozen=True)
class EscrowEvent:
    """One event of an escrow. siblings: all events of the same escrow in the same transaction, in order."""

    name: str
    args: Mapping[str, Any]
    tx_hash: str
    siblings: Sequence[tuple[str, Mapping[str, Any]]]

    def others(self, name: str) -> list[Mapping[str, Any]]:
        return [args for other, args in self.siblings if other == name]


@dataclass(frozen=True)
class EscrowAccounts:
    """Whose escrow it is. currency as `posting.currency_of` names it."""

    job_id: str
    escrow: str
    launcher: str
    currency: str


def postings_of(event: EscrowEvent, of: EscrowAccounts, *, fees_left_minor: int) -> list[Posting]:
    """The postings of one event, in the order they must be written.

    fees_left_minor  what the book still holds on the job's fees account: at a cancelled end the rest goes back
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
            return [reserve_of(of, reference=_hex(args["reason"]), amount_minor=int(args["amount"]))]
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
        case "CancellationRefund" if not event.others("Cancelled"):
            return [_refund(of, event, int(args["amount"]))]
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


async def keep(tx: Tx, book: str, event: EscrowEvent, of: EscrowAccounts, *, now_ms: int) -> int:
    """Writes an event's postings into a book. Returns how many were new."""
    left = await balance(tx, book, account("fees", of.escrow), currency=of.currency)
    new = 0
    for posting in postings_of(event, of, fees_left_minor=left.posted_minor):
        new += await post(tx, book, posting, now_ms=now_ms)
    return new


def _payouts(event: EscrowEvent, common: Mapping[str, str]) -> list[Posting]:
    credited = {str(args["recipient"]).lower() for args in event.others("Credited")}
    payout_id = _hex(event.args["payoutId"])
    postings: list[Posting] = []
    for recipient, amount in zip(event.args["recipients"], event.args["amounts"], strict=True):
        worker = str(recipient).lower()
        if worker in credited:
            because = "the transfer failed; it waits to be claimed"
            postings.append(
                Credit(worker=worker, payout_id=payout_id, amount_minor=int(amount), because=because, **common)
            )
        else:
            postings.append(
                Payout(worker=worker, payout_id=payout_id, amount_minor=int(amount), because="paid for work", **common)
            )
    return postings


def _ending(event: EscrowEvent, of: EscrowAccounts, common: Mapping[str, str], fees_left_minor: int) -> list[Posting]:
    postings: list[Posting] = []
    paid_minor = 0
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
    refunds = [*event.others("CompletionRefund"), *event.others("CancellationRefund")]
    postings += [_refund(of, event, int(args["amount"])) for args in refunds if int(args["amount"])]
    return postings


def _refund(of: EscrowAccounts, event: EscrowEvent, amount_minor: int) -> Refund:
    return Refund(
        job_id=of.job_id,
        currency=of.currency,
        escrow=of.escrow,
        requester=of.launcher,
        reference=event.tx_hash,
        amount_minor=amount_minor,
        because="what the job did not need",
    )


def _hex(value: Any) -> str:
    text = "0x" + value.hex() if isinstance(value, bytes) else str(value)
    return text if text.startswith("0x") else "0x" + text
