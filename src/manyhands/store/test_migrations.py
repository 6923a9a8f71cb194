"""Migrations: applied once, never changed, never from the future."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .database import Database, scalar
from .errors import BadMigration, DataFolderTooNew
from .migrations import STORE, Migration, Room, migrate, migrations_of, rooms_of_house, still_to_apply


@pytest.fixture(scope="session")
def rooms() -> list[Room]:
    return []


@pytest.fixture
def cellar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `cellar` with a migrations folder to write into."""
    folder = tmp_path / "cellar"
    (folder / "migrations").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder / "migrations"
    sys.modules.pop("cellar", None)


CELLAR = Room("cellar", "cellar")


async def test_applying_twice_has_one_effect_and_later_files_follow(database: Database, cellar: Path) -> None:
    (cellar / "0001_wine.sql").write_text("create table cellar.wine (year int);")
    assert await migrate(database, [CELLAR]) == ["cellar/0001_wine.sql"]
    assert await migrate(database, [CELLAR]) == []
    (cellar / "0002_cheese.sql").write_text("create table cellar.cheese (kind text);")
    assert await migrate(database, [STORE, CELLAR]) == ["cellar/0002_cheese.sql"]


async def test_a_filled_database_of_an_older_version_is_brought_up_to_date_with_its_rows(
    database: Database, cellar: Path
) -> None:
    (cellar / "0001_wine.sql").write_text("create table cellar.wine (year int);")
    await migrate(database, [CELLAR])
    async with database.connection() as connection:
        await connection.execute("insert into cellar.wine values (1999), (2004)")
    (cellar / "0002_kind.sql").write_text("alter table cellar.wine add kind text not null default 'red';")
    assert await migrate(database, [CELLAR]) == ["cellar/0002_kind.sql"]
    async with database.connection() as connection:
        assert await scalar(connection, "select count(*) from cellar.wine where kind = 'red'") == 2


async def test_programs_that_start_together_apply_each_file_once(database: Database, cellar: Path) -> None:
    (cellar / "0001_wine.sql").write_text("create table cellar.wine (year int);")
    applied = await asyncio.gather(*(migrate(database, [CELLAR]) for _ in range(5)))
    assert sorted(applied, key=len) == [[], [], [], [], ["cellar/0001_wine.sql"]]


async def test_a_changed_file_is_refused_and_nothing_of_any_room_is_applied(database: Database, cellar: Path) -> None:
    (cellar / "0001_wine.sql").write_text("create table cellar.wine (year int);")
    await migrate(database, [CELLAR])
    (cellar / "0001_wine.sql").write_text("create table cellar.wine (year bigint);")
    (cellar / "0002_cheese.sql").write_text("create table cellar.cheese (kind text);")
    with pytest.raises(BadMigration, match="changed after"):
        await migrate(database, [CELLAR])
    async with database.connection() as connection:
        assert await scalar(connection, "select to_regclass('cellar.cheese')") is None


async def test_a_migration_that_fails_leaves_the_database_as_it_was(database: Database, cellar: Path) -> None:
    (cellar / "0001_wine.sql").write_text("create table cellar.wine (year int);")
    (cellar / "0002_bad.sql").write_text("create table cellar.other (x int); select 1/0;")
    with pytest.raises(Exception, match="division by zero"):
        await migrate(database, [CELLAR])
    async with database.connection() as connection:
        assert await scalar(connection, "select to_regclass('cellar.wine')") is None


async def test_a_database_from_a_newer_version_is_refused(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "insert into store.migrations (room, number, name, checksum)"
            " values ('store', 99, 'future', repeat('0', 64))"
        )
    with pytest.raises(DataFolderTooNew, match="0099"):
        await migrate(database, [])


@pytest.mark.parametrize("names", [["1_short.sql"], ["0002_no_first.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_files_out_of_order_are_refused(cellar: Path, names: list[str]) -> None:
    for name in names:
        (cellar / name).write_text("select 1;")
    with pytest.raises(BadMigration):
        migrations_of(CELLAR)


def test_only_what_is_missing_is_applied() -> None:
    known = [Migration("r", number, f"m{number}", f"select {number}") for number in (1, 2, 3)]
    assert still_to_apply(known, [(1, known[0].checksum)], room="r") == known[1:]
    assert still_to_apply(known, [], room="r") == known


def test_the_house_has_rooms_with_names_of_their_own() -> None:
    found = rooms_of_house()
    assert STORE in found
    assert len({room.name for room in found}) == len(found)
