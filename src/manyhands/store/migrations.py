"""Numbered migrations, one folder per room, one PostgreSQL schema per room.

Rules kept here
- A file `NNNN_name.sql` in the room's `migrations/` folder is applied once, in the order of its number, in one
  transaction with its record. Applying twice has one effect.
- An applied file never changes: its checksum is recorded, and another content is refused.
- A database that holds more than the code knows is refused before anything is changed.
- Two programs that start together do not collide: an advisory lock lets one work and the other find it done.

    await migrate(db, [STORE, Room("exchange", "manyhands.roles.exchange")])
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import procrastinate.schema

from .database import Database, Tx, rows, scalar
from .errors import BadMigration, DataFolderTooNew

_FILE_NAME = re.compile(r"^(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql$")
_LOCK_KEY = 0x6D616E79  # "many"

_RECORDS = """
create schema if not exists store;
create table if not exists store.migrations (
    room        text        not null,
    number      integer     not null check (number > 0),
    name        text        not null,
    checksum    text        not null check (length(checksum) = 64),
    applied_at  timestamptz not null default now(),
    primary key (room, number)
);
"""


@dataclass(frozen=True)
class Room:
    """A part of the house with tables of its own. name = its schema; package = where its `migrations/` folder is."""

    name: str
    package: str


@dataclass(frozen=True)
class Migration:
    """One numbered file."""

    room: str
    number: int
    name: str
    sql: str

    @property
    def file(self) -> str:
        return f"{self.number:04}_{self.name}.sql"

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


STORE = Room("store", "manyhands.store")
"""The store's own tables: messages, dead letters, and those of procrastinate."""


def rooms_of_house(package: str = "manyhands") -> list[Room]:
    """Every package below `package` that has a `migrations/` folder, by the name of its last part.

    For tests and tools that want the whole house; a role that runs alone names its own rooms.
    """
    root = Path(str(files(package)))
    found = sorted({path.parent.parent for path in root.rglob("migrations/*.sql")})
    return [Room(folder.name, ".".join([package, *folder.relative_to(root).parts])) for folder in found]


def migrations_of(room: Room) -> list[Migration]:
    """The migrations a room's folder holds, in order.

    raises  BadMigration for a file name without number, a number given twice or left out
    """
    folder = files(room.package).joinpath("migrations")
    found: list[Migration] = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        if not entry.name.endswith(".sql"):
            continue
        match = _FILE_NAME.match(entry.name)
        if match is None:
            raise BadMigration(room.name, entry.name, "its name is not like 0001_first_tables.sql")
        found.append(Migration(room.name, int(match["number"]), match["name"], entry.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise BadMigration(room.name, migration.file, f"number {expected:04} is missing or there twice")
    return found


def still_to_apply(known: Sequence[Migration], applied: Sequence[tuple[int, str]], *, room: str) -> list[Migration]:
    """Decides what is missing.

    known    the room's files in order
    applied  pairs of number and checksum from the database, in order
    raises   DataFolderTooNew, BadMigration for a changed file
    """
    if len(applied) > len(known):
        raise DataFolderTooNew(
            "in use", found=f"migration {applied[-1][0]:04} of {room}", known=f"{len(known):04} of {room}"
        )
    for migration, (number, checksum) in zip(known, applied, strict=False):
        if migration.number != number or migration.checksum != checksum:
            raise BadMigration(room, migration.file, "it was changed after it had been applied")
    return list(known[len(applied) :])


async def migrate(db: Database, rooms: Sequence[Room]) -> list[str]:
    """Brings the database to what the code knows; the store's own room always comes first.

    returns  "room/file" of everything that was applied now
    raises   DataFolderTooNew, BadMigration; nothing of any room is changed then
    """
    ordered = [STORE, *[room for room in rooms if room.name != STORE.name]]
    known = {room.name: migrations_of(room) for room in ordered}
    async with db.transaction() as tx:
        await tx.execute("select pg_advisory_xact_lock(%s)", (_LOCK_KEY,))
        await tx.execute(_RECORDS)
        plan = [migration for room in ordered for migration in await _missing(tx, room.name, known[room.name])]
        await _bring_procrastinate(tx)
        for migration in plan:
            await _apply(tx, migration)
    return [f"{migration.room}/{migration.file}" for migration in plan]


async def not_applied(db: Database, rooms: Sequence[Room]) -> list[str]:
    """What this code knows and the database has not, as "room/file"; changes nothing.

    raises  DataFolderTooNew, BadMigration
    """
    async with db.transaction() as tx:
        return [
            f"{migration.room}/{migration.file}"
            for room in [STORE, *[room for room in rooms if room.name != STORE.name]]
            for migration in await _missing(tx, room.name, migrations_of(room))
        ]


async def _bring_procrastinate(tx: Tx) -> None:
    """Applies procrastinate's own schema, or those of its migrations that came with a newer version of it.

    It is recorded as room `procrastinate`: number = how many of its migration files the database has.
    """
    manager = procrastinate.schema.SchemaManager
    its_files = _sql_files(manager.get_migrations_path())
    applied = await scalar(tx, "select max(number) from store.migrations where room = 'procrastinate'")
    if applied is None:
        await tx.execute(manager.get_schema())
    elif applied > len(its_files):
        raise DataFolderTooNew("in use", found=f"{applied} procrastinate migrations", known=str(len(its_files)))
    else:
        for file in its_files[applied:]:
            await tx.execute(file.read_bytes())
    if applied != len(its_files):
        last = its_files[-1]
        await tx.execute(
            "insert into store.migrations (room, number, name, checksum) values ('procrastinate', %s, %s, %s)",
            (len(its_files), last.stem, hashlib.sha256(last.read_bytes()).hexdigest()),
        )


def _sql_files(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("*.sql"))


async def _missing(tx: Tx, room: str, known: Sequence[Migration]) -> list[Migration]:
    applied = await rows(tx, "select number, checksum from store.migrations where room = %s order by number", (room,))
    return still_to_apply(known, [(number, checksum) for number, checksum in applied], room=room)


async def _apply(tx: Tx, migration: Migration) -> None:
    await tx.execute(f'create schema if not exists "{migration.room}"')
    await tx.execute(migration.sql)
    await tx.execute(
        "insert into store.migrations (room, number, name, checksum) values (%s, %s, %s, %s)",
        (migration.room, migration.number, migration.name, migration.checksum),
    )
