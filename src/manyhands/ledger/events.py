"""The events of our contracts, stored once each and told to the roles in the transaction that stores them.

Rules kept here
- Only events with the chain's confirmations on top are taken.
- A rewritten or forgotten past is noticed by the hashes of blocks read before; reading goes back, nothing is told twice.
- A chain that is down costs nothing but time.

    await follow_chain(db, client, dispatch=work.dispatch, stop=stop)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping

from psycopg.types.json import Jsonb

from manyhands.chain.client import ChainClient
from manyhands.chain.errors import ChainError
from manyhands.chain.indexer import Event, followed_events
from manyhands.protocol.ids import Clock, system_clock
from manyhands.store.database import Database, Tx, rows, scalar
from manyhands.store.sql import load_queries

logger = logging.getLogger(__name__)

QUERIES = load_queries("manyhands.ledger")

Dispatch = Callable[[Tx, Event], Awaitable[None]]
"""Called once per event, in the transaction that stores it."""

ROUND_BLOCKS = 500
PAUSE_S_MIN, PAUSE_S_MAX = 0.05, 5.0
DOWN_PAUSE_S = 1.0


async def follow_chain(
    db: Database, client: ChainClient, *, dispatch: Dispatch, stop: asyncio.Event, clock: Clock = system_clock
) -> None:
    """Follows one chain until `stop` is set."""
    pause_s = min(PAUSE_S_MAX, max(PAUSE_S_MIN, client.facts.block_time_ms / 2_000))
    while not stop.is_set():
        try:
            moved = await read_on(db, client, dispatch=dispatch, clock=clock)
            wait_s = 0.0 if moved else pause_s
        except ChainError as problem:
            logger.warning("chain %d is not followed for now: %s", client.chain_id, problem)
            wait_s = DOWN_PAUSE_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)


async def read_on(db: Database, client: ChainClient, *, dispatch: Dispatch, clock: Clock = system_clock) -> bool:
    """One round: goes back where the past was rewritten, then reads the next confirmed blocks. False at the end."""
    where = {"chain_id": client.chain_id}
    head = await client.head()
    async with db.connection() as tx:
        checkpoints = await rows(tx, QUERIES.last_checkpoints, where)
        escrows = [row[0] for row in await rows(tx, QUERIES.escrows_known, where)]
    known_to = await _still_true(client, [(int(number), str(block_hash)) for number, block_hash in checkpoints])
    if checkpoints and known_to < checkpoints[0][0]:
        logger.warning("chain %d was rewritten above block %d", client.chain_id, known_to)
        async with db.transaction() as tx:
            await tx.execute(QUERIES.rewind, {**where, "block_number": known_to})
            await tx.execute(QUERIES.orphan_events, {**where, "block_number": known_to})
        return True
    final = head.number - client.facts.confirmations
    if final <= known_to:
        return False
    last = min(final, known_to + ROUND_BLOCKS)
    events = await followed_events(client, _contracts(client, escrows), from_block=known_to + 1, to_block=last)
    block = await client.block(last)
    if block is None:
        return False
    async with db.transaction() as tx:
        for event in events:
            if await _store(tx, event, clock()):
                await dispatch(tx, event)
        await tx.execute(QUERIES.put_checkpoint, {**where, "block_number": last, "block_hash": block.hash})
        await tx.execute(QUERIES.prune_checkpoints, where)
    return last < final


async def _still_true(client: ChainClient, checkpoints: list[tuple[int, str]]) -> int:
    """The deepest block read before that the chain still has; the block before the first one when there is none."""
    for number, block_hash in checkpoints:
        block = await client.block(number)
        if block is not None and block.hash == block_hash:
            return number
    return client.facts.start_block - 1


def _contracts(client: ChainClient, escrows: list[str]) -> Mapping[str, str]:
    at = client.facts.contracts
    if at is None:
        return {}
    fixed = {at.factory: "EscrowFactory", at.staking: "Staking", at.jury: "Jury"}
    return fixed | dict.fromkeys(escrows, "Escrow")


async def _store(tx: Tx, event: Event, now_ms: int) -> bool:
    """True when the event is new."""
    new = await scalar(
        tx,
        QUERIES.add_event,
        {**event._asdict(), "args": Jsonb(event.args), "seen_at_ms": now_ms},
    )
    return bool(new)
