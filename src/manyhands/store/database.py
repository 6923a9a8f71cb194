"""A pool of connections to PostgreSQL, durable transactions, and a retry for what the database asks to retry.

Rules kept here
- A transaction is `async with db.transaction() as tx:`; it commits at the end of the block and rolls back on any error.
- Rows are plain tuples in the order of the select list; `rows_of` and `row_of` build typed values from named columns.
- A connection that the server closed is replaced before it is lent out: after a crash of the server the next
  transaction works, the one that was open has failed and nothing of it is stored.

    db = await Database.open(dsn)
    async with db.transaction() as tx:
        await tx.execute("insert into exchange.tasks (job_id, task_id) values (%s, %s)", (job_id, task_id))
    open_tasks = await db.retrying(lambda tx: rows_of(tx, OpenTask, QUERIES.open_tasks, {"job_id": job_id}))
    await db.close()
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg.rows import TupleRow, class_row
from psycopg_pool import AsyncConnectionPool

from .errors import DiskFull

Tx: TypeAlias = psycopg.AsyncConnection[TupleRow]
"""A connection inside a transaction, or one that commits each statement: the door it came through says which."""

Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any] | None
T = TypeVar("T")

CONNECT_TIMEOUT_SECONDS = 30.0
RETRY_WAITS_MS = (5, 20, 80, 320, 1_000)


class Database:
    """A pool on one database. One per process; safe for many tasks of one event loop."""

    def __init__(self, pool: AsyncConnectionPool[Tx], dsn: str) -> None:
        self.pool = pool
        self.dsn = dsn

    @classmethod
    async def open(
        cls, dsn: str, *, max_size: int = 10, min_size: int = 1, application_name: str = "manyhands"
    ) -> Database:
        """Opens the pool and waits for the first connection.

        max_size  connections at most; the server allows 80 in all
        raises    psycopg_pool.PoolTimeout when no server answers within 30 seconds
        """
        pool: AsyncConnectionPool[Tx] = AsyncConnectionPool(
            dsn,
            kwargs={"application_name": application_name},
            configure=_commit_each_statement,  # not by kwargs: procrastinate sets it again for its own connection
            min_size=min(min_size, max_size),
            max_size=max_size,
            timeout=CONNECT_TIMEOUT_SECONDS,
            check=AsyncConnectionPool.check_connection,
            open=False,
            name=application_name,
        )
        try:
            await pool.open(wait=True, timeout=CONNECT_TIMEOUT_SECONDS)
        except BaseException:
            await pool.close()
            raise
        return cls(pool, dsn)

    async def close(self) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """One transaction: committed durably when the block ends, rolled back when it raises.

        raises  DiskFull when the server has no room; nothing of the transaction is stored
        """
        try:
            async with self.pool.connection() as connection, connection.transaction():
                yield connection
        except psycopg.Error as error:
            if is_disk_full(error):
                raise DiskFull("the database") from error
            raise

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        """A connection that commits each statement by itself: for reads and single statements.

        raises  DiskFull
        """
        try:
            async with self.pool.connection() as connection:
                yield connection
        except psycopg.Error as error:
            if is_disk_full(error):
                raise DiskFull("the database") from error
            raise

    async def retrying(self, work: Callable[[Tx], Awaitable[T]], *, waits_ms: Sequence[int] = RETRY_WAITS_MS) -> T:
        """Runs `work` in a transaction, again from the start when the database asks for it (deadlock, serialization).

        work  must have no effect outside its transaction, as it may run several times
        """
        for wait_ms in waits_ms:
            try:
                async with self.transaction() as tx:
                    return await work(tx)
            except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
                await asyncio.sleep(wait_ms / 1000)
        async with self.transaction() as tx:
            return await work(tx)


def is_disk_full(error: psycopg.Error) -> bool:
    """Whether the server refused for want of room: its own code for it, a quota, or a limit on the size of files."""
    signs = ("No space left on device", "Disk quota exceeded", "File too large")
    return isinstance(error, psycopg.errors.DiskFull) or any(sign in str(error) for sign in signs)


async def _commit_each_statement(connection: Tx) -> None:
    await connection.set_autocommit(True)


async def rows_of(tx: Tx, shape: type[T], query: str, parameters: Parameters = None) -> list[T]:
    """All rows as values of `shape`; the columns are named like its fields."""
    async with tx.cursor(row_factory=class_row(shape)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()


async def row_of(tx: Tx, shape: type[T], query: str, parameters: Parameters = None) -> T | None:
    """The first row as a value of `shape`, None when there is none."""
    async with tx.cursor(row_factory=class_row(shape)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchone()


async def rows(tx: Tx, query: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
    """All rows as tuples."""
    return await (await tx.execute(query, parameters)).fetchall()


async def scalar(tx: Tx, query: str, parameters: Parameters = None) -> Any:
    """The first column of the first row, None when there is no row."""
    row = await (await tx.execute(query, parameters)).fetchone()
    return None if row is None else row[0]
