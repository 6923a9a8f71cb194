"""A backup of the database in one file, taken while everything runs, and its way back.

Rules kept here
- A backup is one consistent moment: a snapshot of the database, whatever is written meanwhile.
- A file that is there is whole: it is written beside its place, flushed to disk and moved there in one step.
- Restoring goes into an empty database only; it happens as a whole or not at all.

Blobs need no more than a copy of their folder after the database's backup: they are written before the rows that name
them and never change, so the copy holds all that the backup names. docs/howto/back-up-and-restore.md shows both.

    python -m manyhands.store.backup save manyhands-data/postgres backup/database.dump
    python -m manyhands.store.backup restore new-data/postgres backup/database.dump
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg

from ..protocol.errors import ManyhandsError
from .errors import BackupFailed, DiskFull, NotEmpty
from .postgres import LocalPostgres, binary_folder


def save(dsn: str, target: Path) -> None:
    """Writes the whole database to a file. A backup that was there before is replaced only by a whole one.

    raises  BackupFailed, DiskFull
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _run("pg_dump", "--format=custom", "--no-owner", f"--file={making}", dsn)
        with making.open("rb") as file:
            os.fsync(file.fileno())
        making.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        making.unlink(missing_ok=True)


def restore(dsn: str, source: Path) -> None:
    """Fills an empty database from a backup, in one transaction.

    raises  NotEmpty, BackupFailed, DiskFull
    """
    with psycopg.connect(dsn) as connection:
        if connection.execute("select to_regnamespace('store')").fetchone() != (None,):
            raise NotEmpty(dsn)
    _run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={dsn}", str(source))


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([str(binary_folder() / program), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip()[-1_000:]
        if "No space left on device" in said:
            raise DiskFull("the backup")
        raise BackupFailed(program, said)


def main(arguments: Sequence[str] | None = None) -> int:
    """save|restore POSTGRES_FOLDER FILE. A server that is not running is started for it and stopped again."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 3 or given[0] not in ("save", "restore"):
        print("say: python -m manyhands.store.backup save|restore POSTGRES_FOLDER FILE", file=sys.stderr)
        return 2
    action, folder, file = given[0], Path(given[1]), Path(given[2])
    server = LocalPostgres(folder)
    try:
        if action == "save" and not server.pgdata.exists():
            raise BackupFailed("save", f"{folder} holds no database")
        if action == "restore" and not file.is_file():
            raise BackupFailed("restore", f"there is no file {file}")
        ran_before = server.pid is not None
        dsn = server.start()
        try:
            if action == "save":
                save(dsn, file)
            else:
                restore(dsn, file)
        finally:
            if not ran_before:
                server.stop()
    except ManyhandsError as error:
        print(f"{error}\n{error.cure}".strip(), file=sys.stderr)
        return 1
    print(f"{action}d {file}" if action == "save" else f"restored {file} into {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
