"""What a transaction in the outbox is, and every decision about it. Pure: no database, no chain, no clock.

Rules kept here
- A nonce is used in order and never skipped; what has a nonce is sent or replaced, never dropped.
- A settled transaction is reported once. Final and reverted are told only after the chain's confirmations.
- A replacement has the same nonce and a higher fee, never above the facts' highest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from manyhands.chain.client import Receipt
from manyhands.chain.facts import ChainFacts
from manyhands.protocol.errors import ManyhandsError

MIN_RAISE_PERCENT = 125
"""Nodes replace a waiting transaction only for a clearly higher fee; 110 is usual, a quarter more is safe."""


class OutboxError(ManyhandsError):
    """Base of what the outbox refuses."""


class PurposeTaken(OutboxError):
    """The same purpose was submitted before with another content."""

    def __init__(self, chain_id: int, purpose: str, difference: str) -> None:
        self.chain_id, self.purpose, self.difference = chain_id, purpose, difference
        super().__init__(
            f"purpose {purpose!r} on chain {chain_id} was submitted before with another {difference}",
            cure="Make the purpose from everything that the transaction means, so that two meanings have two purposes.",
        )


class UnknownPurpose(OutboxError):
    """A transaction shall wait for one that nobody submitted."""

    def __init__(self, chain_id: int, purposes: Sequence[str]) -> None:
        self.chain_id, self.purposes = chain_id, tuple(purposes)
        super().__init__(
            f"nothing on chain {chain_id} was submitted for {', '.join(map(repr, purposes))}",
            cure="Submit first what others wait for, in the same transaction or before.",
        )


class NotSettled(OutboxError):
    """A transaction took longer than somebody was ready to wait. It is still under way."""

    def __init__(self, chain_id: int, purposes: Sequence[str]) -> None:
        self.chain_id, self.purposes = chain_id, tuple(purposes)
        super().__init__(
            f"chain {chain_id} has not settled {', '.join(map(repr, purposes))} yet",
            cure="Wait longer, or look at the open alarms for the reason.",
        )


class NotDone(OutboxError):
    """A transaction that others build on was settled, but not done."""

    def __init__(self, chain_id: int, purpose: str, state: str, reason: str) -> None:
        self.chain_id, self.purpose, self.state, self.reason = chain_id, purpose, state, reason
        super().__init__(f"{purpose!r} on chain {chain_id} is {state}: {reason or 'no reason given'}")


class State(StrEnum):
    """Where a transaction is. waiting and sent have a nonce and no block; the last three never change again."""

    WAITING = "waiting"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    REVERTED = "reverted"
    DISPLACED = "displaced"


OUTBOX_MOVES = {
    (State.WAITING, "send"): State.SENT,
    (State.WAITING, "mine"): State.MINED,  # a program died between sending and noting it
    (State.SENT, "mine"): State.MINED,
    (State.SENT, "displace"): State.DISPLACED,
    (State.MINED, "mine"): State.MINED,  # in another block, after a reorganisation
    (State.MINED, "vanish"): State.SENT,
    (State.MINED, "confirm"): State.FINAL,
    (State.MINED, "refuse"): State.REVERTED,
}
"""The whole life of a transaction; the statements in outbox.sql repeat it in their conditions."""


class AlarmKind(StrEnum):
    """What a person should look at."""

    REVERTED = "reverted"
    """A contract refused a transaction: its purpose was not done."""
    DISPLACED = "displaced"
    """Another transaction used the nonce: somebody else signs with this key."""
    REFUSED = "refused"
    """A node does not take a transaction; it waits and is tried again."""
    STUCK = "stuck"
    """Not mined for long, and no higher fee is possible."""
    DISAGREEMENT = "disagreement"
    """Two URLs of one chain tell different stories: nothing is sent there."""
    WRONG_CHAIN = "wrong chain"
    """A URL serves another chain than the facts say: nothing is sent there."""
    UNREACHABLE = "unreachable"
    """No URL answers."""
    FINALITY_BROKEN = "finality broken"
    """A transaction with all its confirmations left the chain; it is sent again."""
    UNLIKE = "unlike"
    """A transaction ended otherwise than before when the chain was rebuilt."""


@dataclass(frozen=True)
class Entry:
    """One transaction as the outbox keeps it. Field by field: migrations/0001_outbox.sql."""

    chain_id: int
    purpose: str
    transaction_id: int
    job_id: str
    sender: str
    nonce: int
    recipient: str | None
    contract_address: str | None
    data: bytes
    value_wei: int
    gas_limit: int
    after_purposes: list[str]
    state: State
    tx_hash: str
    submitted_at_ms: int
    sent_at_ms: int | None
    block_number: int | None
    block_hash: str | None
    block_timestamp_s: int | None
    index_in_block: int | None
    succeeded: bool | None
    gas_used: int | None
    gas_price_wei: int | None
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))
        object.__setattr__(self, "value_wei", int(self.value_wei))
        object.__setattr__(self, "gas_price_wei", None if self.gas_price_wei is None else int(self.gas_price_wei))
        object.__setattr__(self, "data", bytes(self.data))


@dataclass(frozen=True)
class Attempt:
    """One signed form of a transaction."""

    purpose: str
    tx_hash: str
    raw: bytes
    max_fee_wei: int
    priority_fee_wei: int
    signed_at_ms: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "raw", bytes(self.raw))
        object.__setattr__(self, "max_fee_wei", int(self.max_fee_wei))
        object.__setattr__(self, "priority_fee_wei", int(self.priority_fee_wei))


@dataclass(frozen=True)
class Alarm:
    """subject is a purpose, or "" for the whole chain."""

    alarm_id: int
    chain_id: int
    kind: str
    subject: str
    told: str
    raised_at_ms: int


class Stay(NamedTuple):
    """Nothing is known that was not known before."""


class Mined(NamedTuple):
    """It stands in a block, for the first time or in another one than before."""

    receipt: Receipt


class Vanished(NamedTuple):
    """Its block left the chain before it had its confirmations: send it again."""


class Settled(NamedTuple):
    """It has its confirmations. receipt tells whether it was done or refused."""

    receipt: Receipt


def judge(
    entry: Entry, receipts: Sequence[Receipt | None], *, head_number: int, confirmations: int
) -> Stay | Mined | Vanished | Settled:
    """Decides what the receipts of all attempts of one transaction mean.

    receipts     one per attempt, None where the node has none
    head_number  the newest block when the receipts were asked for. Receipts of later blocks are left for the next
                 round: so what is noted as mined is always a beginning of the chain, never with holes, and a chain that
                 forgot can be told the same story in the same order.
    """
    found = next((receipt for receipt in receipts if receipt is not None), None)
    if found is None:
        return Vanished() if entry.state is State.MINED else Stay()
    if found.block_number > head_number:
        return Stay()
    if entry.state is not State.MINED or (found.block_hash, found.tx_hash) != (entry.block_hash, entry.tx_hash):
        return Mined(found)
    if head_number - found.block_number >= confirmations:
        return Settled(found)
    return Stay()


def choose_to_send(
    waiting: Sequence[Entry], *, under_way: Mapping[str, int], still_open: AbstractSet[str], window: int
) -> list[Entry]:
    """Decides which waiting transactions go out now.

    waiting     by sender and nonce
    under_way   per sender how many are sent and not mined
    still_open  purposes that are not in a block yet, of those the waiting ones come after
    window      how many of one sender may be under way at once: nodes keep a queue per account, and a short one
    returns     in the order of submission, which is the order between senders too

    One that must wait for another holds back the later ones of its sender, because nonces are used in order.
    """
    chosen: list[Entry] = []
    room = dict(under_way)
    held: set[str] = set()
    for entry in waiting:
        if entry.sender in held:
            continue
        if room.get(entry.sender, 0) >= window or not still_open.isdisjoint(entry.after_purposes):
            held.add(entry.sender)
            continue
        room[entry.sender] = room.get(entry.sender, 0) + 1
        chosen.append(entry)
    return sorted(chosen, key=lambda entry: entry.transaction_id)


class Fee(NamedTuple):
    """Per gas, in wei."""

    max_fee_wei: int
    priority_fee_wei: int


def higher_fee(facts: ChainFacts, *, paid_wei: int, priority_wei: int, base_fee_wei: int) -> Fee | None:
    """The fee of a replacement, None when the facts allow no further raise.

    paid_wei      highest max fee signed for this nonce so far
    base_fee_wei  of the newest block; looked at when the facts' source is "node"
    """
    limit_wei = facts.fees.highest_fee_wei
    raised_wei = -(-paid_wei * MIN_RAISE_PERCENT // 100)
    if raised_wei > limit_wei:
        return None
    priority_raised_wei = -(-priority_wei * MIN_RAISE_PERCENT // 100)
    if facts.fees.source == "node":
        raised_wei = max(raised_wei, min(limit_wei, 2 * base_fee_wei + priority_raised_wei))
    return Fee(raised_wei, min(priority_raised_wei, raised_wei))


def blocks_in_order(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Groups what a forgetful chain has to be told again by the blocks it stood in, first block first."""
    groups: dict[int, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.block_number or 0, entry.index_in_block or 0)):
        groups.setdefault(entry.block_number or 0, []).append(entry)
    return list(groups.values())
