"""Where the entities come from: a chain's node for a chain alone, the stored events for a platform.

Rules kept here
- Asked before every answer, a source is as new as what it reads from; nothing new costs one small question.
- When the past changed (another hash, a lost or moved event) everything is made again from the events.
- A source that cannot be asked tells what it knew, and says so in the log.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import psycopg
from psycopg_pool import PoolTimeout

from manyhands.chain.client import ChainClient
from manyhands.chain.errors import ChainError
from manyhands.chain.indexer import followed_events
from manyhands.ledger.events import events_changed
from manyhands.store.database import Database

from .entities import Entities

logger = logging.getLogger(__name__)

ROUND_BLOCKS = 2_000


class Source(Protocol):
    """Gives the entities of one chain, up to date."""

    async def entities(self) -> Entities: ...


class NodeSource:
    """Follows a node up to its newest block. For a chain alone, where a block is never taken back but by its tester."""

    def __init__(self, client: ChainClient) -> None:
        self._client = client
        self._known = Entities()
        self._read_to = client.facts.start_block - 1
        self._hash = ""
        self._turn = asyncio.Lock()

    async def entities(self) -> Entities:
        async with self._turn:
            try:
                await self._read_on()
            except ChainError as problem:
                logger.warning("chain %d is not read for now: %s", self._client.chain_id, problem)
            return self._known

    async def _read_on(self) -> None:
        head = await self._client.head()
        if (head.number, head.hash) == (self._read_to, self._hash):
            return
        if self._hash:
            block = await self._client.block(self._read_to)
            if block is None or block.hash != self._hash:
                self._known, self._read_to, self._hash = Entities(), self._client.facts.start_block - 1, ""
        at = self._client.facts.contracts
        assert at is not None
        fixed = {at.factory: "EscrowFactory", at.staking: "Staking", at.jury: "Jury", at.kvstore: "KVStore"}
        while self._read_to < head.number:
            last = min(head.number, self._read_to + ROUND_BLOCKS)
            contracts = fixed | dict.fromkeys(self._known.escrows, "Escrow")
            tokens = [token.address or at.token for token in self._client.facts.tokens]
            events = await followed_events(
                self._client, contracts, tokens=tokens, from_block=self._read_to + 1, to_block=last
            )
            block = await self._client.block(last)
            if block is None:
                return
            for event in events:
                self._known.apply(event)
            self._read_to, self._hash = last, block.hash


class StoredSource:
    """Reads the events that the platform's indexer stored: only those with all confirmations, as the roles see them."""

    def __init__(self, db: Database, chain_id: int) -> None:
        self._db, self._chain_id = db, chain_id
        self._known = Entities()
        self._changed_no = 0
        self._applied: set[tuple[str, int]] = set()
        self._newest = (-1, -1)
        self._turn = asyncio.Lock()

    async def entities(self) -> Entities:
        async with self._turn:
            try:
                await self._read_on()
            except (psycopg.OperationalError, PoolTimeout) as problem:
                logger.warning("the database does not answer, chain %d is told as it was: %s", self._chain_id, problem)
            return self._known

    async def _read_on(self) -> None:
        async with self._db.connection() as tx:
            changed = await events_changed(tx, self._chain_id, since=self._changed_no)
            moved = [
                one
                for one in changed
                if one.orphaned
                or (one.event.tx_hash, one.event.index_in_tx) in self._applied
                or (one.event.block_number, one.event.index_in_block) <= self._newest
            ]
            if moved:
                changed = await events_changed(tx, self._chain_id)
        if moved:
            self._known, self._applied, self._newest = Entities(), set(), (-1, -1)
        for one in changed:
            self._changed_no = max(self._changed_no, one.changed_no)
            if not one.orphaned:
                self._known.apply(one.event)
                self._applied.add((one.event.tx_hash, one.event.index_in_tx))
                self._newest = (one.event.block_number, one.event.index_in_block)
