"""Carries the outbox to the chains, again and again until every transaction is settled.

Rules kept here
- Sending twice has one effect: any number of senders may run, and any may be killed at any moment.
- What may be at a node is marked as sent before the bytes leave.
- Transactions are noted as mined up to one head at a time and all together, so the noted ones are a beginning of the
  chain. A local chain that forgot its end, or everything, is told the same story block by block: same order, same
  block numbers, same times.
- A receipt counts only while its block is the chain's block of that number and its account has used the nonce: nodes
  keep receipts of blocks that left. What does not agree is sent again, which has one effect.
- When the URLs of a chain disagree, or serve another chain, nothing is sent or settled there and an alarm stands.
- A chain that is down costs nothing but time; the others go on.

    sender = Sender(db, {facts.chain_id: client}, keys={key.address: key}, settled=on_settled)
    await sender.resume()
    await sender.run(stop)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import psycopg
from psycopg_pool import PoolTimeout

from manyhands.chain.client import Block, ChainClient, Receipt, SendOutcome
from manyhands.chain.contracts import HARMLESS_REVERTS
from manyhands.chain.errors import (
    AnswerUnreadable,
    ChainDisagrees,
    ChainError,
    ChainUnreachable,
    RpcRefused,
    TransactionRefused,
    WrongChain,
)
from manyhands.chain.keys import RoleKey, UnsignedTransaction
from manyhands.chain.node import MINE_AT_ONCE
from manyhands.protocol.ids import Clock, system_clock
from manyhands.store.database import Database, Tx, rows, rows_of, scalar

from . import QUERIES, find
from .model import (
    AlarmKind,
    Attempt,
    Entry,
    Mined,
    NotDone,
    NotSettled,
    Settled,
    State,
    Vanished,
    blocks_in_order,
    choose_to_send,
    higher_fee,
    judge,
)

logger = logging.getLogger(__name__)

SettledHook = Callable[[Tx, Entry], Awaitable[None]]
"""Called once per transaction, in the database transaction that settles it."""

WINDOW = 16
"""Transactions of one account under way at once: what public nodes keep executable per account."""
RESEND_AFTER_MS = 2_000
PACE_S_MIN, PACE_S_MAX = 0.02, 2.0
DOWN_PAUSE_S = 1.0

CHAIN_ALARMS: dict[type[ChainError], AlarmKind] = {
    ChainUnreachable: AlarmKind.UNREACHABLE,
    ChainDisagrees: AlarmKind.DISAGREEMENT,
    WrongChain: AlarmKind.WRONG_CHAIN,
}
"""Alarms about a whole chain, cleared by the next round that goes well."""


class Sender:
    """Sends, watches, re-sends and settles for several chains at once.

    clients  one per chain id; only these chains are served
    keys     private keys by address, for replacements with a higher fee; without its key a stuck transaction only
             raises an alarm
    settled  called in the transaction that makes a row final, reverted or displaced
    """

    def __init__(
        self,
        db: Database,
        clients: Mapping[int, ChainClient],
        *,
        keys: Mapping[str, RoleKey] | None = None,
        settled: SettledHook | None = None,
        clock: Clock = system_clock,
        window: int = WINDOW,
        resend_after_ms: int = RESEND_AFTER_MS,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._db, self._clients, self._clock = db, dict(clients), clock
        self._keys = dict(keys or {})
        self._settled = settled
        self._window, self._resend_after_ms = window, resend_after_ms
        self._last_sent_ms: dict[tuple[int, str], int] = {}
        self._nonce_used: set[tuple[int, str]] = set()
        self._refused: set[tuple[int, str]] = set()
        self._troubled: set[int] = set()
        self._failures: Counter[int] = Counter()
        self._asleep: set[int] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Serves all chains until `stop` is set."""
        async with asyncio.TaskGroup() as group:
            for chain_id in self._clients:
                group.create_task(self._serve(chain_id, stop), name=f"sender of chain {chain_id}")

    async def resume(self) -> None:
        """After a start: a chain that forgot what the journal knows is told again, before anybody else talks to it.

        A chain that cannot be asked now is left to `run`, which looks for the same every round.
        """
        self._last_sent_ms.clear()
        for chain_id, client in self._clients.items():
            if client.facts.local:
                self._asleep.add(chain_id)  # a program killed while it rebuilt the chain may have left it so
            try:
                await client.connect()
                await self._remember(client)
            except ChainError as problem:
                logger.warning("chain %s could not be looked at yet: %s", chain_id, problem)
                if kind := CHAIN_ALARMS.get(type(problem)):
                    await self._alarm(chain_id, kind, "", problem)

    async def drained(self, *, patience_s: float) -> None:
        """Waits until nothing is waiting, sent or unconfirmed on any chain, while `run` is at work.

        raises  NotSettled naming what is not
        """
        open_purposes: list[str] = []
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    async with self._db.connection() as tx:
                        open_purposes = [row[0] for row in await rows(tx, QUERIES.open_purposes)]
                    if not open_purposes:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise NotSettled(next(iter(self._clients)), open_purposes) from None

    async def step(self, chain_id: int) -> bool:
        """One round for one chain: watch, settle, send.

        returns  whether anything changed
        raises   ChainUnreachable, ChainDisagrees, WrongChain
        """
        client = self._clients[chain_id]
        changed = await self._remember(client)
        changed = await self._watch(client) or changed
        return await self._send_waiting(client) or changed

    async def wait_for(self, chain_id: int, purposes: Sequence[str], *, patience_s: float) -> list[Entry]:
        """Waits until all are final, while `run` is at work.

        raises  NotSettled when it takes too long, NotDone when one was refused or displaced
        """
        wanted = {"chain_id": chain_id}
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    async with self._db.connection() as tx:
                        entries = [await find(tx, **wanted, purpose=purpose) for purpose in purposes]
                    done = [entry for entry in entries if entry is not None and entry.state is State.FINAL]
                    for entry in entries:
                        if entry is not None and entry.state in (State.REVERTED, State.DISPLACED):
                            raise NotDone(chain_id, entry.purpose, entry.state, entry.reason)
                    if len(done) == len(purposes):
                        return done
                    await asyncio.sleep(0.05)
        except TimeoutError:
            open_now = {entry.purpose for entry in entries if entry is not None and entry.state is State.FINAL}
            raise NotSettled(chain_id, [purpose for purpose in purposes if purpose not in open_now]) from None

    async def _serve(self, chain_id: int, stop: asyncio.Event) -> None:
        self._troubled.add(chain_id)  # alarms of an earlier run are cleared by the first good round
        while not stop.is_set():
            try:
                pause_s = await self._round(chain_id)
            except (psycopg.OperationalError, PoolTimeout) as problem:
                pause_s = DOWN_PAUSE_S
                logger.warning("the database does not answer, sending on chain %s waits: %s", chain_id, problem)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)

    async def _round(self, chain_id: int) -> float:
        """One step with its alarms.

        returns  seconds until the next one
        """
        try:
            changed = await self.step(chain_id)
        except (ChainUnreachable, ChainDisagrees, WrongChain) as problem:
            self._troubled.add(chain_id)
            await self._alarm(chain_id, CHAIN_ALARMS[type(problem)], "", problem)
            return self._longer_pause_s(chain_id)
        except (RpcRefused, AnswerUnreadable) as problem:
            logger.warning("chain %s: %s", chain_id, problem)
            return self._longer_pause_s(chain_id)
        self._failures[chain_id] = 0
        if chain_id in self._troubled:
            await self._clear(chain_id, *CHAIN_ALARMS.values())
            self._troubled.discard(chain_id)
        pace_s = min(PACE_S_MAX, max(PACE_S_MIN, self._clients[chain_id].facts.block_time_ms / 2_000))
        return PACE_S_MIN if changed else pace_s

    def _longer_pause_s(self, chain_id: int) -> float:
        """Twice as long after every failure in a row, so that a chain that is down is asked rarely."""
        self._failures[chain_id] += 1
        return min(DOWN_PAUSE_S, PACE_S_MIN * 2.0 ** self._failures[chain_id])

    # Watching -------------------------------------------------------------------------------------------------------

    async def _watch(self, client: ChainClient) -> bool:
        """Notes what was mined, what left the chain and what is settled."""
        head = await client.agreed_head()
        if head is None:
            return False
        named = {"chain_id": client.chain_id}
        async with self._db.connection() as tx:
            # Read after the head: whatever is mined up to it was marked as sent before, so nothing of it is missed.
            entries = await rows_of(tx, Entry, QUERIES.under_way, named)
            attempts = await self._attempts(tx, client.chain_id, entries)
        if not entries:
            return False
        hashes = [attempt.tx_hash for entry in entries for attempt in attempts[entry.purpose]]
        told = dict(zip(hashes, await client.agreed_receipts(hashes), strict=True))
        numbers = sorted({one.block_number for one in told.values() if one and one.block_number <= head.number})
        blocks = dict(zip(numbers, await client.blocks(numbers), strict=True))
        senders = sorted({entry.sender for entry in entries})
        counts = dict(zip(senders, await client.transaction_counts(senders), strict=True))
        # A node may still tell the receipt of a block that has left the chain. Receipt, block and account must agree.
        receipts = {
            attempt.tx_hash: told[attempt.tx_hash]
            if entry.nonce < counts[entry.sender] and _stands(told[attempt.tx_hash], blocks)
            else None
            for entry in entries
            for attempt in attempts[entry.purpose]
        }
        confirmations = client.facts.confirmations
        judged = [
            (
                entry,
                judge(
                    entry,
                    [receipts[attempt.tx_hash] for attempt in attempts[entry.purpose]],
                    head_number=head.number,
                    confirmations=confirmations,
                ),
            )
            for entry in entries
        ]
        reasons = {
            entry.purpose: await self._reason(client, entry, verdict.receipt)
            for entry, verdict in judged
            if isinstance(verdict, Settled) and not verdict.receipt.succeeded
        }
        changed = False
        async with self._db.transaction() as tx:
            places: list[dict[str, object]] = []
            settled: list[tuple[Entry, Receipt]] = []
            for entry, verdict in judged:
                match verdict:
                    case Mined(receipt):
                        block = blocks[receipt.block_number]
                        assert block is not None  # `_stands` saw it
                        places.append(_place(entry, receipt) | {"block_timestamp_s": block.timestamp_s})
                        self._nonce_used.discard((client.chain_id, entry.purpose))
                        self._last_sent_ms.pop((client.chain_id, entry.purpose), None)
                        self.counts["mined"] += 1
                    case Vanished():
                        await tx.execute(QUERIES.mark_vanished, _name(entry))
                        self._last_sent_ms.pop((client.chain_id, entry.purpose), None)
                        self.counts["vanished"] += 1
                        changed = True
                    case Settled(receipt):
                        settled.append((entry, receipt))
            if places:
                async with tx.cursor() as cursor:
                    await cursor.executemany(QUERIES.mark_mined, places)
            if settled:
                await self._settle(tx, client.chain_id, settled, reasons)
            changed = changed or bool(places or settled)
        still = [entry for entry, verdict in judged if entry.state is State.SENT and not isinstance(verdict, Mined)]
        await self._look_after(client, still, attempts, head.number, head.base_fee_wei)
        return changed

    async def _settle(
        self, tx: Tx, chain_id: int, settled: Sequence[tuple[Entry, Receipt]], reasons: Mapping[str, str]
    ) -> None:
        """Makes them final or reverted, each once, and tells of them in the order of submission."""
        named = {"chain_id": chain_id, "now_ms": self._clock()}
        lists = {
            "purposes": [entry.purpose for entry, _ in settled],
            "states": [State.FINAL if receipt.succeeded else State.REVERTED for _, receipt in settled],
            "reasons": [reasons.get(entry.purpose, "") for entry, _ in settled],
        }
        moved = [row[0] for row in await rows(tx, QUERIES.mark_settled, named | lists)]  # not what another was first in
        over = {"kinds": [AlarmKind.REFUSED, AlarmKind.STUCK], "subjects": moved}
        await tx.execute(QUERIES.clear_alarms, named | over)
        for entry, receipt in settled:
            if entry.purpose not in moved:
                continue
            self.counts[(State.FINAL if receipt.succeeded else State.REVERTED).value] += 1
            reason = reasons.get(entry.purpose, "")
            if not receipt.succeeded and reason not in HARMLESS_REVERTS:
                told = f"chain {chain_id} refused {entry.purpose!r}: {reason}"
                await self._alarm_in(tx, chain_id, AlarmKind.REVERTED, entry.purpose, told)
        await self._tell(tx, chain_id, moved)

    async def _tell(self, tx: Tx, chain_id: int, purposes: Sequence[str]) -> None:
        if self._settled is None:
            return
        lists = {"chain_id": chain_id, "purposes": list(purposes)}
        for entry in await rows_of(tx, Entry, QUERIES.entries_by_purpose, lists):
            await self._settled(tx, entry)

    async def _reason(self, client: ChainClient, entry: Entry, receipt: Receipt) -> str:
        try:
            return await client.revert_reason(
                to=entry.recipient,
                data=entry.data,
                sender=entry.sender,
                value_wei=entry.value_wei,
                gas_limit=entry.gas_limit,
                at=receipt.block_number,
            )
        except ChainError as problem:  # a node that keeps no old state cannot tell; that must not stop the settling
            return f"the reason could not be asked for: {problem}"

    # Sending --------------------------------------------------------------------------------------------------------

    async def _send_waiting(self, client: ChainClient) -> bool:
        """Marks and sends what may go out now. One account's transactions go in order, accounts beside each other."""
        named = {"chain_id": client.chain_id}
        async with self._db.transaction() as tx:
            waiting = await rows_of(tx, Entry, QUERIES.waiting, named | {"window": self._window})
            if not waiting:
                return False
            under_way = Counter(
                entry.sender
                for entry in await rows_of(tx, Entry, QUERIES.under_way, named)
                if entry.state is State.SENT
            )
            awaited = sorted({purpose for entry in waiting for purpose in entry.after_purposes})
            still_open = {row[0] for row in await rows(tx, QUERIES.purposes_still_open, named | {"purposes": awaited})}
            chosen = choose_to_send(waiting, under_way=under_way, still_open=still_open, window=self._window)
            if not chosen:
                return False
            attempts = await self._attempts(tx, client.chain_id, chosen)
            purposes = [entry.purpose for entry in chosen]
            await tx.execute(QUERIES.mark_sent, named | {"purposes": purposes, "now_ms": self._clock()})
        by_sender: dict[str, list[Entry]] = {}
        for entry in chosen:
            by_sender.setdefault(entry.sender, []).append(entry)
        await asyncio.gather(*(self._send_queue(client, queue, attempts) for queue in by_sender.values()))
        return True

    async def _send_queue(self, client: ChainClient, queue: list[Entry], attempts: dict[str, list[Attempt]]) -> None:
        try:
            await self._send(client, [(entry, attempts[entry.purpose][-1]) for entry in queue])
        except (ChainUnreachable, RpcRefused, AnswerUnreadable) as problem:
            # They are marked as sent: the next round that reaches the node sends them again.
            logger.info("sending on chain %s waits: %s", client.chain_id, problem)

    async def _send(
        self, client: ChainClient, forms: Sequence[tuple[Entry, Attempt]]
    ) -> list[SendOutcome | TransactionRefused]:
        """Hands signed forms to a node, in order. A refusal raises an alarm and is tried again."""
        now_ms = self._clock()
        for entry, _ in forms:
            self._last_sent_ms[client.chain_id, entry.purpose] = now_ms
        self.counts["sends"] += len(forms)
        outcomes = await client.send_many([(attempt.raw, attempt.tx_hash) for _, attempt in forms])
        for (entry, _), outcome in zip(forms, outcomes, strict=True):
            named = (client.chain_id, entry.purpose)
            if isinstance(outcome, TransactionRefused):
                self._refused.add(named)
                await self._alarm(client.chain_id, AlarmKind.REFUSED, entry.purpose, outcome)
            elif outcome is SendOutcome.NONCE_USED:
                self._nonce_used.add(named)
            elif named in self._refused:
                self._refused.discard(named)
                await self._clear(client.chain_id, AlarmKind.REFUSED, subject=entry.purpose)
        return outcomes

    async def _look_after(
        self,
        client: ChainClient,
        entries: Sequence[Entry],
        attempts: dict[str, list[Attempt]],
        head_number: int,
        base_fee_wei: int,
    ) -> None:
        """Sends again what a node may have lost, replaces what is stuck, notes what was displaced."""
        now_ms = self._clock()
        first_of_sender: set[str] = set()
        again: list[tuple[Entry, Attempt, bool]] = []
        for entry in entries:
            named = (client.chain_id, entry.purpose)
            is_first = entry.sender not in first_of_sender
            first_of_sender.add(entry.sender)
            if now_ms - self._last_sent_ms.get(named, 0) < self._resend_after_ms:
                continue
            if named in self._nonce_used and await self._displaced(client, entry, attempts[entry.purpose], head_number):
                continue
            newest = attempts[entry.purpose][-1]
            stuck = is_first and now_ms - newest.signed_at_ms > client.facts.fees.stuck_after_ms
            waited_at_node = now_ms - (entry.sent_at_ms or now_ms) > client.facts.fees.stuck_after_ms
            if stuck and waited_at_node:
                newest = await self._replaced(client, entry, newest, base_fee_wei) or newest
            again.append((entry, newest, is_first))
        outcomes = await self._send(client, [(entry, newest) for entry, newest, _ in again])
        for (entry, newest, is_first), outcome in zip(again, outcomes, strict=True):
            if outcome is not SendOutcome.UNDERPRICED or not is_first:
                continue
            if replacement := await self._replaced(client, entry, newest, base_fee_wei):
                await self._send(client, [(entry, replacement)])

    async def _replaced(self, client: ChainClient, entry: Entry, newest: Attempt, base_fee_wei: int) -> Attempt | None:
        """Signs the same transaction with a higher fee and stores it before it is sent. None: not possible, alarm."""
        fee = higher_fee(
            client.facts,
            paid_wei=newest.max_fee_wei,
            priority_wei=newest.priority_fee_wei,
            base_fee_wei=base_fee_wei,
        )
        key = self._keys.get(entry.sender)
        if key is None or fee is None:
            lacking = "its key is not here" if key is None else "its fee is at the facts' highest"
            told = f"{entry.purpose!r} is not mined and cannot be replaced: {lacking}"
            await self._alarm(client.chain_id, AlarmKind.STUCK, entry.purpose, told)
            return None
        signed = key.sign_transaction(
            UnsignedTransaction(
                client.chain_id,
                entry.nonce,
                entry.recipient,
                entry.data,
                entry.value_wei,
                entry.gas_limit,
                fee.max_fee_wei,
                fee.priority_fee_wei,
            )
        )
        attempt = Attempt(
            entry.purpose, signed.tx_hash, signed.raw, fee.max_fee_wei, fee.priority_fee_wei, self._clock()
        )
        async with self._db.transaction() as tx:
            values = {"tx_hash": attempt.tx_hash, "raw": attempt.raw, "now_ms": attempt.signed_at_ms}
            await tx.execute(QUERIES.insert_attempt, _name(entry) | values | fee._asdict())
            await tx.execute(QUERIES.name_attempt, _name(entry) | values)
        self.counts["replaced"] += 1
        return attempt

    async def _displaced(
        self, client: ChainClient, entry: Entry, attempts: Sequence[Attempt], head_number: int
    ) -> bool:
        """Whether the nonce was used, with all confirmations, by a transaction that is not in our journal."""
        settled_at = head_number - client.facts.confirmations
        try:
            if settled_at < 0 or await client.transaction_count(entry.sender, settled_at) <= entry.nonce:
                return False
        except RpcRefused as problem:  # the node keeps no state of that block any more; the next round asks a newer one
            logger.info("chain %s does not tell of block %s: %s", client.chain_id, settled_at, problem)
            return False
        if any(await client.agreed_receipts([attempt.tx_hash for attempt in attempts])):
            return False
        told = f"nonce {entry.nonce} of {entry.sender} was used by another transaction than {entry.purpose!r}"
        async with self._db.transaction() as tx:
            moved = {"reason": told, "now_ms": self._clock()}
            if await scalar(tx, QUERIES.mark_displaced, _name(entry) | moved) is not None:
                self.counts["displaced"] += 1
                await self._alarm_in(tx, entry.chain_id, AlarmKind.DISPLACED, entry.purpose, told)
                await self._tell(tx, entry.chain_id, [entry.purpose])
        return True

    # Remembering ----------------------------------------------------------------------------------------------------

    async def _remember(self, client: ChainClient) -> bool:
        """Compares the journal with what the chain knows of every account, and tells again what is missing there."""
        async with self._db.connection() as tx:
            short = await self._short(tx, client)
        if not short:
            if client.chain_id in self._asleep:  # perhaps a telling that was broken off, by us or by one before us
                await self._wake(client)
            return False
        async with self._db.transaction() as tx:
            # One sender tells; another one waits here and then finds nothing missing. Submitting waits as well.
            await tx.execute(QUERIES.lock_chain, {"chain_id": client.chain_id})
            short = await self._short(tx, client)
            if not short:
                return True
            lists = {"chain_id": client.chain_id, "senders": list(short), "counts": list(short.values())}
            missing = await rows_of(tx, Entry, QUERIES.mined_from, lists)
            attempts = await self._attempts(tx, client.chain_id, missing)
            if client.facts.local:
                logger.warning("chain %s forgot %s transactions and is told them again", client.chain_id, len(missing))
                await self._rebuild(tx, client, missing, attempts)
                self.counts["told again"] += len(missing)
                return True
        return await self._send_settled_again(client, [e for e in missing if e.state is not State.MINED], attempts)

    async def _short(self, tx: Tx, client: ChainClient) -> dict[str, int]:
        """Accounts of which the chain knows fewer transactions than the journal says were mined, with its count."""
        owed = {row[0]: int(row[1]) for row in await rows(tx, QUERIES.mined_per_sender, {"chain_id": client.chain_id})}
        counts = dict(zip(owed, await client.transaction_counts(list(owed)), strict=True))
        return {sender: counts[sender] for sender in owed if counts[sender] < owed[sender]}

    async def _wake(self, client: ChainClient) -> None:
        """Lets a local chain mine by itself again, at the present time."""
        head = await client.head()
        await client.ask("anvil_removeBlockTimestampInterval", [])
        await client.ask("evm_setTime", [max(self._clock() // 1000, head.timestamp_s)])
        await client.ask("evm_setAutomine", [True])
        self._asleep.discard(client.chain_id)

    async def _rebuild(
        self, tx: Tx, client: ChainClient, missing: Sequence[Entry], attempts: dict[str, list[Attempt]]
    ) -> None:
        """Tells a local chain its past again: the same blocks with the same transactions, numbers and times."""
        self._asleep.add(client.chain_id)
        await client.ask("evm_setAutomine", [False])  # the node's keeper rests too while this is off
        try:
            # The node's clock is put back to its newest block, or it would refuse the times the blocks had.
            await client.ask("evm_setTime", [(await client.head()).timestamp_s])
            # And it stands still: a second that passes while empty blocks are mined would be later than the next block.
            await client.ask("anvil_setBlockTimestampInterval", [0])
            for group in blocks_in_order(missing):
                await self._rebuild_block(client, group, attempts)
        finally:
            await self._wake(client)
        await client.ask("evm_mine", [])  # takes in what others sent meanwhile
        hashes = [entry.tx_hash for entry in missing]
        receipts = dict(zip(hashes, await client.receipts(hashes), strict=True))
        for entry in missing:
            receipt = receipts[entry.tx_hash]
            if receipt is None:
                told = f"{entry.purpose!r} was not mined again when chain {entry.chain_id} was rebuilt"
                await self._alarm_in(tx, entry.chain_id, AlarmKind.UNLIKE, entry.purpose, told)
                continue
            if receipt.succeeded is not entry.succeeded:
                told = f"{entry.purpose!r} ended otherwise than before when chain {entry.chain_id} was rebuilt"
                await self._alarm_in(tx, entry.chain_id, AlarmKind.UNLIKE, entry.purpose, told)
            await tx.execute(QUERIES.remember_place, _place(entry, receipt))

    async def _rebuild_block(
        self, client: ChainClient, group: Sequence[Entry], attempts: dict[str, list[Attempt]]
    ) -> None:
        number, timestamp_s = group[0].block_number or 0, group[0].block_timestamp_s or 0
        head = await client.head()
        # Never before the block below: where the clock was put back, order matters more than the time.
        at_s = hex(max(timestamp_s, head.timestamp_s))
        for below in range(head.number, number - 1, MINE_AT_ONCE):
            await client.ask("evm_setNextBlockTimestamp", [at_s])
            await client.ask("anvil_mine", [hex(min(MINE_AT_ONCE, number - 1 - below))])
        for entry in group:
            attempt = _mined_form(entry, attempts)
            try:
                await client.send_raw(attempt.raw, attempt.tx_hash)
            except TransactionRefused as problem:
                await self._alarm(client.chain_id, AlarmKind.REFUSED, entry.purpose, problem)
        await client.ask("evm_setNextBlockTimestamp", [at_s])
        await client.ask("evm_mine", [])

    async def _send_settled_again(
        self, client: ChainClient, entries: Sequence[Entry], attempts: dict[str, list[Attempt]]
    ) -> bool:
        """On a chain that is not ours: a block with all its confirmations left it. Rare, and a person must know."""
        hashes = [entry.tx_hash for entry in entries]
        receipts = dict(zip(hashes, await client.agreed_receipts(hashes), strict=True))
        sent = False
        for entry in entries:
            named = (client.chain_id, entry.purpose)
            if receipts[entry.tx_hash] is not None:
                continue  # the node was behind for a moment
            if self._clock() - self._last_sent_ms.get(named, 0) < self._resend_after_ms:
                continue
            told = f"{entry.purpose!r} had its confirmations on chain {entry.chain_id} and left it; it is sent again"
            await self._alarm(client.chain_id, AlarmKind.FINALITY_BROKEN, entry.purpose, told)
            await self._send(client, [(entry, _mined_form(entry, attempts))])
            sent = True
        return sent

    # Small things ---------------------------------------------------------------------------------------------------

    async def _attempts(self, tx: Tx, chain_id: int, entries: Sequence[Entry]) -> dict[str, list[Attempt]]:
        """All signed forms per purpose, lowest fee first."""
        found: dict[str, list[Attempt]] = {entry.purpose: [] for entry in entries}
        named = {"chain_id": chain_id, "purposes": list(found)}
        for attempt in await rows_of(tx, Attempt, QUERIES.attempts_of, named):
            found[attempt.purpose].append(attempt)
        return found

    async def _alarm(self, chain_id: int, kind: AlarmKind, subject: str, told: object) -> None:
        async with self._db.transaction() as tx:
            await self._alarm_in(tx, chain_id, kind, subject, told)

    async def _alarm_in(self, tx: Tx, chain_id: int, kind: AlarmKind, subject: str, told: object) -> None:
        named = {"chain_id": chain_id, "kind": kind.value, "subject": subject}
        moment = {"told": str(told), "now_ms": self._clock()}
        if await scalar(tx, QUERIES.raise_alarm, named | moment) is not None:
            logger.warning("chain %s, %s %s: %s", chain_id, kind.value, subject, told)

    async def _clear(self, chain_id: int, *kinds: AlarmKind, subject: str = "") -> None:
        async with self._db.connection() as tx:
            for kind in kinds:
                named = {"chain_id": chain_id, "kind": kind.value, "subject": subject, "now_ms": self._clock()}
                await tx.execute(QUERIES.clear_alarm, named)


def _stands(receipt: Receipt | None, blocks: Mapping[int, Block | None]) -> bool:
    """Whether a receipt's block is the chain's own. One above the blocks that were asked for is left to `judge`."""
    if receipt is None or receipt.block_number not in blocks:
        return True
    block = blocks[receipt.block_number]
    return block is not None and block.hash == receipt.block_hash


def _mined_form(entry: Entry, attempts: Mapping[str, Sequence[Attempt]]) -> Attempt:
    """Of all signed forms, the one that was mined."""
    return next(attempt for attempt in attempts[entry.purpose] if attempt.tx_hash == entry.tx_hash)


def _name(entry: Entry) -> dict[str, object]:
    return {"chain_id": entry.chain_id, "purpose": entry.purpose}


def _place(entry: Entry, receipt: Receipt) -> dict[str, object]:
    """Where a transaction stands on the chain, as values for a query."""
    return _name(entry) | {
        "tx_hash": receipt.tx_hash,
        "block_number": receipt.block_number,
        "block_hash": receipt.block_hash,
        "index_in_block": receipt.index_in_block,
        "succeeded": receipt.succeeded,
        "gas_used": receipt.gas_used,
        "gas_price_wei": receipt.gas_price_wei,
    }
