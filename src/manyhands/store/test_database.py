"""Transactions: all or nothing, retried when the database asks, alive again after the server's death."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import psycopg
import pytest

from .database import Database, Tx, row_of, rows, rows_of, scalar
from .migrations import Room


@pytest.fixture(scope="session")
def rooms() -> list[Room]:
    return []


@dataclass(frozen=True)
class Pair:
    name: str
    amount_minor: int


async def test_a_transaction_stores_all_or_nothing(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute("create table pair (name text primary key, amount_minor bigint not null)")
        await tx.execute("insert into pair values ('kept', 1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with database.transaction() as tx:
            await tx.execute("insert into pair values ('lost', 2)")
            await tx.execute("insert into pair values ('kept', 3)")
    async with database.connection() as connection:
        assert await rows_of(connection, Pair, "select name, amount_minor from pair") == [Pair("kept", 1)]
        assert await row_of(connection, Pair, "select * from pair where name = %s", ("lost",)) is None
        assert await rows(connection, "select amount_minor from pair") == [(1,)]
        assert await scalar(connection, "select 1 where false") is None


async def test_a_deadlock_is_solved_by_doing_one_side_again(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("set deadlock_timeout = '10ms'")
        await connection.execute("create table pair (name text primary key, amount_minor bigint not null)")
        await connection.execute("insert into pair values ('a', 0), ('b', 0)")
    met = asyncio.Barrier(2)
    tries = 0

    def add_to(first: str, second: str):  # type: ignore[no-untyped-def]
        async def work(tx: Tx) -> None:
            nonlocal tries
            tries += 1
            await tx.execute("set local deadlock_timeout = '10ms'")
            await tx.execute("update pair set amount_minor = amount_minor + 1 where name = %s", (first,))
            if tries <= 2:
                await met.wait()
            await tx.execute("update pair set amount_minor = amount_minor + 1 where name = %s", (second,))

        return work

    await asyncio.gather(database.retrying(add_to("a", "b")), database.retrying(add_to("b", "a")))
    assert tries == 3
    async with database.connection() as connection:
        assert await scalar(connection, "select sum(amount_minor) from pair") == 4


async def test_connections_that_the_server_dropped_are_replaced(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    for _ in range(12):
        async with database.transaction() as tx:
            assert await scalar(tx, "select 1") == 1


async def test_commits_are_durable(database: Database) -> None:
    async with database.connection() as connection:
        assert await scalar(connection, "show synchronous_commit") == "on"
        assert await scalar(connection, "show full_page_writes") == "on"
