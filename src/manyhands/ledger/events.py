"""The events of our contracts, stored once each and told to the roles in the transaction that stores them.

Rules kept here
- Only events with the chain's confirmations on top are taken.
- A rewritten or forgotten past is noticed by the hashes of blocks read before: reading goes back, and nothing is
  told twice.
- A chain that is down costs nothing but time.

    await follow_chain(db, client, dispatch=work.dispatch, stop=stop)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from manyhands.chain.client import Block, ChainClient
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
    db: Database,
    client: ChainClient,
    *,
    dispatch: Dispatch,
    stop: asyncio.Event,
    wallets: Sequence[str] = (),
    clock: Clock = system_clock,
) -> None:
    """Follows one chain until `stop` is set. wallets  addresses whose incoming tokens are told as well"""
    pause_s = min(PAUSE_S_MAX, max(PAUSE_S_MIN, client.facts.block_time_ms / 2_000))
    while not stop.is_set():
        try:
            moved = await read_on(db, client, dispatch=dispatch, wallets=wallets, clock=clock)
            wait_s = 0.0 if moved else pause_s
        except ChainError as problem:
            logger.warning("chain %d is not followed for now: %s", client.chain_id, problem)
            wait_s = DOWN_PAUSE_S
        except (psycopg.OperationalError, PoolTimeout) as problem:
            logger.warning("the database does not answer, chain %d is not followed: %s", client.chain_id, problem)
            wait_s = DOWN_PAUSE_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)


async def read_on(
    db: Database,
    client: ChainClient,
    *,
    dispatch: Dispatch,
    wallets: Sequence[str] = (),
    clock: Clock = system_clock,
) -> bool:
    """One round: goes back where the past was rewritten, then reads the next confirmed blocks.

    returns  whether there may be more to do at once
    raises   ChainError of any kind; nothing of the round is stored then
    """
    where = {"chain_id": client.chain_id}
    head = await client.agreed_head()
    if head is None:
        return False
    async with db.connection() as tx:
        checkpoints = [(int(number), str(found)) for number, found in await rows(tx, QUERIES.last_checkpoints, where)]
        escrows = [row[0] for row in await rows(tx, QUERIES.escrows_known, where)]
    blocks = await client.blocks([number for number, _ in checkpoints[:1]])
    known_to = checkpoints[0][0] if checkpoints else client.facts.start_block - 1
    if head.number < known_to and not client.facts.local:
        return False  # a node that is behind the one asked before
    if checkpoints and not _same(checkpoints[0], blocks[0]):
        blocks = await client.blocks([number for number, _ in checkpoints])
        known_to = deepest_true(checkpoints, blocks, before_all=client.facts.start_block - 1)
        logger.warning("chain %d was rewritten above block %d", client.chain_id, known_to)
        async with db.transaction() as tx:
            await tx.execute(QUERIES.lock_events, where)
            await tx.execute(QUERIES.rewind, {**where, "block_number": known_to})
            await tx.execute(QUERIES.orphan_events, {**where, "block_number": known_to})
        return True
    final = head.number - client.facts.confirmations
    if final <= known_to:
        return False
    last = min(final, known_to + ROUND_BLOCKS)
    block_hash = await client.agreed_block_hash(last)
    contracts = client.facts.contracts
    events = await followed_events(
        client,
        _contracts(client, escrows),
        tokens=[token.address for token in client.facts.tokens if token.address] if contracts else (),
        wallets=wallets,
        from_block=known_to + 1,
        to_block=last,
    )
    # The last block's hash stands for all blocks below it: unchanged, everything was read from one and the same chain.
    if block_hash is None or await client.agreed_block_hash(last) != block_hash:
        return False
    async with db.transaction() as tx:
        await tx.execute(QUERIES.lock_events, where)
        for event in events:
            if await _store(tx, event, clock()):
                await dispatch(tx, event)
        await tx.execute(QUERIES.put_checkpoint, {**where, "block_number": last, "block_hash": block_hash})
        await tx.execute(QUERIES.prune_checkpoints, where)
    return last < final


class StoredEvent(NamedTuple):
    """An event as it is kept. orphaned: its block left the chain; changed_no grows with every change to any event."""

    event: Event
    orphaned: bool
    changed_no: int


async def events_changed(tx: Tx, chain_id: int, *, since: int = 0) -> list[StoredEvent]:
    """Events of one chain that were stored, moved or lost after the change `since`, in the order of the chain."""
    found = await rows(tx, QUERIES.events_changed, {"chain_id": chain_id, "changed_no": since})
    return [StoredEvent(Event(*row[:-2]), bool(row[-2]), int(row[-1])) for row in found]


def deepest_true(checkpoints: Sequence[tuple[int, str]], blocks: Sequence[Block | None], *, before_all: int) -> int:
    """The newest block read before that the chain still has.

    checkpoints  number and hash, newest first; blocks  what the chain has now at these numbers
    returns      before_all when nothing of it is left

    >>> deepest_true([(9, "0xa"), (5, "0xb")], [None, Block(5, "0xb", "", 0, 0)], before_all=-1)
    5
    """
    pairs = zip(checkpoints, blocks, strict=True)
    return next((checkpoint[0] for checkpoint, block in pairs if _same(checkpoint, block)), before_all)


def _same(checkpoint: tuple[int, str], block: Block | None) -> bool:
    return block is not None and block.hash == checkpoint[1]


def _contracts(client: ChainClient, escrows: list[str]) -> Mapping[str, str]:
    at = client.facts.contracts
    if at is None:
        return {}
    fixed = {at.factory: "EscrowFactory", at.staking: "Staking", at.jury: "Jury", at.kvstore: "KVStore"}
    return fixed | dict.fromkeys(escrows, "Escrow")


async def _store(tx: Tx, event: Event, now_ms: int) -> bool:
    """True when the event is new."""
    new = await scalar(
        tx,
        QUERIES.add_event,
        {**event._asdict(), "args": Jsonb(event.args), "seen_at_ms": now_ms},
    )
    return bool(new)
