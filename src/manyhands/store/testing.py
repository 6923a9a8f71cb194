"""Fixtures on a real PostgreSQL, for the tests of every room. Loaded by the root conftest as a pytest plugin.

- `postgres_server`  one server for the test session, in a folder that is removed at its end (fsync off: throwaway data)
- `rooms`            which rooms' migrations the databases of a test module hold; all of the house unless overridden
- `postgres_dsn`     a fresh, migrated database for one test
- `database`         the same, opened as `Database`
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # the package carries no types
import psycopg
import pytest
import pytest_asyncio

from .database import Database
from .migrations import STORE, Room, migrate, migrations_of, rooms_of_house
from .postgres import LocalPostgres

_PREFIX = "manyhands-tests-"
_numbers = itertools.count(1)


def _remove_leftovers() -> None:
    """Stops the servers of test runs that were killed, found by the process number in their folders' names."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid_text = folder.name.removeprefix(_PREFIX).split("-")[0]
        if pid_text.isdigit() and not psutil.pid_exists(int(pid_text)):
            LocalPostgres(folder / "postgres").stop(timeout_ms=5_000)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[LocalPostgres]:
    """One throwaway server for all tests of the session."""
    _remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    server = LocalPostgres(folder / "postgres", fsync=False)
    server.start()
    yield server
    server.stop(timeout_ms=5_000)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    """Override it in a module or conftest to test with some rooms only."""
    return rooms_of_house()


def _template_for(server: LocalPostgres, rooms: Sequence[Room]) -> str:
    """The name of a migrated database to copy from, made at the first use of this set of migrations."""
    content = [migration.checksum for room in (STORE, *rooms) for migration in migrations_of(room)]
    name = "template_" + hashlib.sha256("".join(content).encode()).hexdigest()[:16]
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            return name
        connection.execute(f"create database {name}_making")

        async def fill() -> None:
            db = await Database.open(server.dsn_of(f"{name}_making"), max_size=1)
            try:
                await migrate(db, rooms)
            finally:
                await db.close()

        try:
            # in a thread of its own: the caller's may be running a loop already, as a browser's driver does
            with ThreadPoolExecutor(1) as beside:
                beside.submit(lambda: asyncio.run(fill())).result()
            connection.execute(f"alter database {name}_making rename to {name}")
        finally:
            connection.execute(f"drop database if exists {name}_making with (force)")
    return name


@contextlib.contextmanager
def fresh_database(server: LocalPostgres, rooms: Sequence[Room]) -> Iterator[str]:
    """The DSN of a new database that holds the migrations of `rooms`, dropped at the end."""
    template = _template_for(server, rooms)
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
    try:
        yield server.dsn_of(name)
    finally:
        with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def postgres_dsn(postgres_server: LocalPostgres, rooms: Sequence[Room]) -> Iterator[str]:
    """A fresh database of this test alone."""
    with fresh_database(postgres_server, rooms) as dsn:
        yield dsn


@pytest_asyncio.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    """The fresh database of this test, opened."""
    db = await Database.open(postgres_dsn)
    yield db
    await db.close()
