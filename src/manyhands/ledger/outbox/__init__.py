"""The outbox of signed transactions: what shall happen on a chain is stored with the rows it follows from.

Rules kept here
- `submit` runs in the caller's database transaction: rows, nonce and signed bytes are stored together or not at all.
- A purpose is an id made from meaning. Submitting it again finds the first one; with another content it is refused.
- Nonces have no gaps: a rollback gives its nonce back.
- The signed bytes are the journal. Whatever a node forgets is sent again, byte for byte.

    async with db.transaction() as tx:
        ...                                     # the rows this payment follows from
        await submit(tx, chain=facts, key=key, purpose=f"payout:{job_id}:{batch}", to=escrow, data=call,
                     gas_limit=gas_limit("bulkPayOut", recipients=len(workers)), job_id=job_id)

`Sender` (manyhands.ledger.outbox.sender) carries them to the chain and tells when they are final.

A purpose that ended as `reverted` or `displaced` was not done. Doing it again is another decision and another purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from manyhands.chain.facts import ChainFacts
from manyhands.chain.keys import RoleKey, UnsignedTransaction, contract_address
from manyhands.protocol.ids import Clock, system_clock
from manyhands.store.database import Tx, row_of, rows, rows_of, scalar
from manyhands.store.migrations import Room
from manyhands.store.sql import load_queries

from .model import (
    Alarm,
    AlarmKind,
    Attempt,
    Entry,
    NotDone,
    NotSettled,
    OutboxError,
    PurposeTaken,
    State,
    UnknownPurpose,
)

__all__ = [
    "OUTBOX",
    "QUERIES",
    "Alarm",
    "AlarmKind",
    "Attempt",
    "Entry",
    "NotDone",
    "NotSettled",
    "OutboxError",
    "PurposeTaken",
    "State",
    "UnknownPurpose",
    "adopt_account",
    "entries_of_job",
    "find",
    "open_alarms",
    "submit",
]

OUTBOX = Room("outbox", "manyhands.ledger.outbox")
"""The tables of this package and of ledger.events; name it among the rooms to migrate."""

QUERIES = load_queries(__name__)


async def submit(
    tx: Tx,
    *,
    chain: ChainFacts,
    key: RoleKey,
    purpose: str,
    to: str | None,
    data: bytes,
    gas_limit: int,
    value_wei: int = 0,
    job_id: str = "",
    after: Sequence[str] = (),
    clock: Clock = system_clock,
) -> str:
    """Signs a transaction and stores it for sending, in the caller's database transaction.

    purpose  what it is for; unique per chain
    to       receiving address, None to deploy `data`
    after    purposes on this chain that must be in a block before this one is sent. It holds back the later ones of
             the same key too. Needed only for what another key does; one key's transactions keep their order anyway
    returns  the hash of its first signed form. A replacement with a higher fee has another: keep the purpose, not it
    raises   PurposeTaken, UnknownPurpose
    """
    account = {"chain_id": chain.chain_id, "sender": key.address}
    await tx.execute(QUERIES.make_nonce_row, {**account, "first_nonce": 0})
    nonce = await scalar(tx, QUERIES.lock_nonce, account)
    # Looked up behind the lock: two submitters of one purpose and key come here one after the other.
    named = {"chain_id": chain.chain_id, "purpose": purpose}
    recipient = to.lower() if to else None
    content = {"sender": key.address, "recipient": recipient, "data": data, "value_wei": value_wei}
    if found := await _same_purpose(tx, named, content):
        return found
    if after:
        known = {row[0] for row in await rows(tx, QUERIES.known_purposes, {**named, "purposes": list(after)})}
        if missing := [other for other in after if other not in known]:
            raise UnknownPurpose(chain.chain_id, missing)
    fees = chain.fees
    unsigned = UnsignedTransaction(
        chain.chain_id, nonce, recipient, data, value_wei, gas_limit, fees.max_fee_wei, fees.priority_fee_wei
    )
    signed = key.sign_transaction(unsigned)
    moment = {"now_ms": clock(), "tx_hash": signed.tx_hash}
    inserted = await scalar(
        tx,
        QUERIES.insert_transaction,
        {
            **named,
            **content,
            **moment,
            "job_id": job_id,
            "nonce": nonce,
            "contract_address": contract_address(key.address, nonce) if to is None else None,
            "gas_limit": gas_limit,
            "after_purposes": list(after),
        },
    )
    if inserted is None:  # another key took the purpose while this one waited
        raise PurposeTaken(chain.chain_id, purpose, "sender")
    await tx.execute(QUERIES.take_nonce, account)
    fee = {"raw": signed.raw, "max_fee_wei": fees.max_fee_wei, "priority_fee_wei": fees.priority_fee_wei}
    await tx.execute(QUERIES.insert_attempt, {**named, **moment, **fee})
    return signed.tx_hash


async def adopt_account(tx: Tx, *, chain_id: int, sender: str, first_nonce: int) -> None:
    """Tells that an account has a history: its next nonce on the chain. Without effect once it has signed here."""
    await tx.execute(QUERIES.make_nonce_row, {"chain_id": chain_id, "sender": sender, "first_nonce": first_nonce})


async def find(tx: Tx, *, chain_id: int, purpose: str) -> Entry | None:
    """The transaction of a purpose, None when nobody submitted it."""
    return await row_of(tx, Entry, QUERIES.entry_by_purpose, {"chain_id": chain_id, "purpose": purpose})


async def entries_of_job(tx: Tx, job_id: str) -> list[Entry]:
    """All transactions of a job, in the order of submission."""
    return await rows_of(tx, Entry, QUERIES.entries_of_job, {"job_id": job_id})


async def open_alarms(tx: Tx) -> list[Alarm]:
    """What a person should look at, oldest first."""
    return await rows_of(tx, Alarm, QUERIES.open_alarms)


async def _same_purpose(tx: Tx, named: Mapping[str, object], content: Mapping[str, object]) -> str | None:
    """The hash of the purpose's transaction when there is one with the same content.

    raises  PurposeTaken when the content differs
    """
    earlier = await rows(tx, QUERIES.find_purpose, named)
    if not earlier:
        return None
    sender, recipient, data, value_wei, tx_hash = earlier[0]
    stored = {"sender": sender, "recipient": recipient, "data": bytes(data), "value_wei": int(value_wei)}
    for field, value in content.items():
        if stored[field] != value:
            raise PurposeTaken(int(str(named["chain_id"])), str(named["purpose"]), field)
    return str(tx_hash)
