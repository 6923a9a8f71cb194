"""A backup taken while people work, restored into a new folder: nothing is missing, nothing is done twice."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from manyhands.ledger.books import balances, post, recount
from manyhands.ledger.funding import Funding
from manyhands.ledger.posting import currency_of
from manyhands.store.backup import main, restore, save
from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database, scalar
from manyhands.store.errors import BackupFailed, NotEmpty
from manyhands.store.jobs import JobApp, enqueue
from manyhands.store.migrations import Room, migrate
from manyhands.store.postgres import LocalPostgres

HOWTO = Path(__file__).parent.parent / "docs" / "howto" / "back-up-and-restore.md"
ROOMS = [Room("ledger", "manyhands.ledger")]
ADDRESS = f"0x{1:040x}"


def commands_of(heading: str) -> str:
    """The shell commands under a heading of the how-to page."""
    section = HOWTO.read_text().split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL))


def run(commands: str, *, folder: Path) -> None:
    """Runs what the page says, with this python in place of `uv run python`."""
    text = commands.replace("uv run python", sys.executable)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("uv run manyhands"))
    done = subprocess.run(["bash", "-euc", text], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def funding(number: int) -> Funding:
    where: dict[str, Any] = {"job_id": f"j{number}", "currency": currency_of(1, ADDRESS), "because": "a test"}
    return Funding(**where, escrow=ADDRESS, requester=ADDRESS, reference=str(number), amount_minor=100)


async def fill(dsn: str, data: Path) -> str:
    db = await Database.open(dsn, max_size=2)
    await migrate(db, ROOMS)
    key = await BlobStore(data / "blobs").put(b"a page", media_type="image/png", namespace="j1")
    async with db.transaction() as tx:
        for number in range(20):
            await post(tx, "launcher", funding(number), now_ms=1)
        await enqueue(tx, "note", queue="q", args={"n": 1})
    await db.close()
    return key


async def write_on(dsn: str, stop: asyncio.Event) -> None:
    """Somebody works while the backup is taken."""
    db = await Database.open(dsn, max_size=2)
    number = 1_000
    while not stop.is_set():
        async with db.transaction() as tx:
            await post(tx, "launcher", funding(number), now_ms=1)
        number += 1
    await db.close()


async def check(dsn: str, data: Path, key: str) -> None:
    db = await Database.open(dsn, max_size=4)
    assert await migrate(db, ROOMS) == []
    ran: list[int] = []
    jobs = JobApp(db)

    @jobs.task("note")
    async def note(n: int) -> None:
        ran.append(n)

    await jobs.run_until_idle(["q"])
    assert ran == [1]
    async with db.transaction() as tx:
        assert await recount(tx) == []
        kept = await scalar(tx, "select count(*) from ledger.postings")
        assert kept >= 20
        assert sum((await balances(tx, "launcher")).values()) == 0
        assert await post(tx, "launcher", funding(3), now_ms=2) is False
        assert await post(tx, "launcher", funding(5_000_000), now_ms=2) is True
    assert await BlobStore(data / "blobs").get(key) == b"a page"
    await db.close()


async def save_while_working(folder: Path, dsn: str) -> None:
    stop = asyncio.Event()
    worker = asyncio.create_task(write_on(dsn, stop))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(run, commands_of("Back up"), folder=folder)
    stop.set()
    await worker


def test_the_commands_of_the_how_to_page_save_and_restore(tmp_path: Path) -> None:
    data = tmp_path / "manyhands-data"
    (data / "keys").mkdir(parents=True)
    (data / "chains").mkdir()
    (data / "platform.json").write_text("{}")
    (data / "keys" / "recording.key").write_bytes(b"k" * 32)
    (data / "chains" / "1.toml").write_text("")
    server = LocalPostgres(data / "postgres", fsync=False)
    restored = LocalPostgres(tmp_path / "new-data" / "postgres", fsync=False)
    try:
        key = asyncio.run(fill(server.start(), data))
        asyncio.run(save_while_working(tmp_path, server.dsn))
        assert server.is_answering(), "a server that was running keeps running"
        server.stop()
        shutil.rmtree(data)
        run(commands_of("Restore"), folder=tmp_path)
        new_data = tmp_path / "new-data"
        assert (new_data / "keys" / "recording.key").read_bytes() == b"k" * 32
        assert restored.pid is None, "a server that was not running is stopped again"
        asyncio.run(check(restored.start(), new_data, key))
    finally:
        server.stop(timeout_ms=5_000)
        restored.stop(timeout_ms=5_000)


def test_restoring_over_something_or_from_a_torn_file_is_refused_and_changes_nothing(
    tmp_path: Path, postgres_server: LocalPostgres, postgres_dsn: str
) -> None:
    whole, torn = tmp_path / "whole.dump", tmp_path / "torn.dump"
    save(postgres_dsn, whole)
    with pytest.raises(NotEmpty):
        restore(postgres_dsn, whole)
    torn.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with psycopg.connect(postgres_server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute("create database empty_one")
    empty = postgres_server.dsn_of("empty_one")
    with pytest.raises(BackupFailed) as refused:
        restore(empty, torn)
    assert refused.value.cure
    restore(empty, whole)
    with pytest.raises(NotEmpty):
        restore(empty, whole)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["save", "nowhere", "x"], 1, "holds no database"),
        (["restore", "nowhere", "missing.dump"], 1, "there is no file missing.dump"),
        (["save"], 2, "save|restore"),
        (["delete", "a", "b"], 2, "save|restore"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == code
    assert said in capsys.readouterr().err
