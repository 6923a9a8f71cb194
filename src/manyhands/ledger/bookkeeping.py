"""From what the chain did to what the books say: each final event of an escrow becomes its postings.

Rules kept here
- What the chain did is written down whatever was intended; an intention of the same meaning becomes that fact.
- The mapping is pure, so an auditor gets the same books from the same events.
- A role's book follows the events that concern it; the same event twice is one posting.
- What the token refused to send is a credit, whoever it was for: worker, oracle or launcher.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.store.database import Tx

from .books import balance, post
from .credit import Claim, Credit, Redirect
from .fee import Fee, FeeReturned
from .funding import Funding
from .payout import Payout
from .posting import Posting, account
from .refund import Refund
from .reserve import Release, Reserve

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
        *ENDINGS,
    }
)
"""Events that a book takes note of."""


_ACTS = frozenset({"BulkTransferV3", "OracleFeeTransfer", "CompletionRefund", "CancellationRefund"})


@dataclass(frozen=True)
class EscrowEvent:
    """One event of an escrow. siblings: all events of the same escrow in the same transaction, in order."""

    name: str
    args: Mapping[str, Any]
    tx_hash: str
    siblings: Sequence[tuple[str, Mapping[str, Any]]]

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
    """Whose escrow it is. currency as `posting.currency_of` names it."""

    job_id: str
    escrow: str
    launcher: str
    currency: str


def postings_of(event: EscrowEvent, of: EscrowAccounts, *, fees_left_minor: int) -> list[Posting]:
    """The postings of one event, in the order they must be written.

    fees_left_minor  what the book still holds on the job's fees account: at the end what was not paid goes back
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
