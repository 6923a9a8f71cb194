"""The server in a folder: it comes back from every death, and refuses folders that are not its own."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from .errors import DataFolderNotOurs, DataFolderTooNew, DataFolderTooOld
from .postgres import LocalPostgres, PidFile, binary_folder, parse_pid_file, socket_folder_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    made = LocalPostgres(tmp_path_factory.mktemp("server") / "postgres", fsync=False)
    made.start()
    yield made
    made.stop(timeout_ms=5_000)


def count(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from kept").fetchone()
        assert row is not None
        return int(row[0])


def write_until_stopped(dsn: str, stop: threading.Event, acknowledged: list[int], sent: list[int]) -> None:
    """Inserts numbers one by one; remembers those whose commit was acknowledged."""
    while not stop.is_set():
        try:
            with psycopg.connect(dsn, autocommit=True, connect_timeout=2) as connection:
                while not stop.is_set():
                    number = len(sent)
                    sent.append(number)
                    connection.execute("insert into kept values (%s)", (number,))
                    acknowledged.append(number)
        except psycopg.Error:
            time.sleep(0.02)


def kill_under_load(server: LocalPostgres, *, kills: int, seed: int) -> None:
    """Kills the postmaster at random moments while rows are written, and starts it again each time."""
    chance = random.Random(seed)
    with psycopg.connect(server.start(), autocommit=True) as connection:
        connection.execute("drop table if exists kept")
        connection.execute("create table kept (number int primary key)")
    stop = threading.Event()
    acknowledged: list[int] = []
    sent: list[int] = []
    writer = threading.Thread(target=write_until_stopped, args=(server.dsn, stop, acknowledged, sent))
    writer.start()
    try:
        for turn in range(kills):
            time.sleep(chance.uniform(0.01, 0.3))
            pid = server.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            if turn % 2:  # as the next run of the program would: knowing nothing
                server = LocalPostgres(server.data_dir, fsync=False)
            server.start()
    finally:
        stop.set()
        writer.join()
    with psycopg.connect(server.dsn) as connection:
        stored = {row[0] for row in connection.execute("select number from kept")}
    assert set(acknowledged) <= stored <= set(sent)
    assert len(acknowledged) > 0


def test_no_acknowledged_row_is_lost_when_the_server_is_killed_under_load(server: LocalPostgres) -> None:
    kill_under_load(server, kills=6, seed=1)


@pytest.mark.nightly
def test_no_acknowledged_row_is_lost_in_two_hundred_kills(server: LocalPostgres) -> None:
    kill_under_load(server, kills=200, seed=2)


def test_killing_every_process_of_the_server_at_once_is_survived(server: LocalPostgres) -> None:
    import psutil

    pid = server.pid
    assert pid is not None
    for process in [psutil.Process(pid), *psutil.Process(pid).children()]:
        process.kill()
    server.start()
    assert server.is_answering()


def test_a_running_server_is_taken_over_by_the_next_program(server: LocalPostgres) -> None:
    before = server.pid
    next_program = LocalPostgres(server.data_dir, fsync=False)
    next_program.start()
    assert next_program.pid == before


def test_programs_that_start_together_share_one_server(server: LocalPostgres) -> None:
    server.stop()
    programs = [LocalPostgres(server.data_dir, fsync=False) for _ in range(3)]
    threads = [threading.Thread(target=program.start) for program in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({program.pid for program in programs}) == 1
    assert server.is_answering()


@pytest.mark.parametrize("pid_line", ["1", str(2**22 - 3), "-5", "nonsense", ""])
def test_a_stale_pid_file_that_names_a_stranger_or_nobody_does_not_stop_the_start(
    server: LocalPostgres, pid_line: str
) -> None:
    server.stop()
    (server.pgdata / "postmaster.pid").write_text(f"{pid_line}\n{server.pgdata}\n")
    lock = socket_folder_for(server.data_dir)
    lock.mkdir(mode=0o700, exist_ok=True)
    (lock / ".s.PGSQL.5432.lock").write_text(f"{pid_line}\n")
    server.start()
    assert server.is_answering()


def test_a_zombie_left_by_a_killed_program_does_not_stop_the_start(server: LocalPostgres) -> None:
    """The program that started the server lies dead beside it and nobody reaps: its pid still answers to signals."""
    server.stop()
    zombie = subprocess.Popen(["true"])
    time.sleep(0.1)  # it ended, and stays a zombie until waited for
    (server.pgdata / "postmaster.pid").write_text(f"{zombie.pid}\n{server.pgdata}\n")
    server.start()
    assert server.is_answering()
    zombie.wait()


async def test_a_server_that_dies_is_started_again_without_hands(server: LocalPostgres) -> None:
    server.start()
    stop = asyncio.Event()
    keeper = asyncio.create_task(server.keep_running(stop, every_ms=20))
    first = server.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    while server.pid in (first, None) or not await asyncio.to_thread(server.is_answering):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    stop.set()
    await keeper


def test_a_stopped_server_leaves_no_process_and_no_socket(server: LocalPostgres) -> None:
    server.start()
    server.stop()
    assert server.pid is None
    assert not socket_folder_for(server.data_dir).exists()
    server.stop()
    server.start()


def test_a_deep_folder_and_one_closed_to_others_work(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    deep = closed.joinpath(*["a folder with a long name"] * 6)
    server = LocalPostgres(deep / "postgres", fsync=False)
    try:
        server.start()
        assert server.is_answering()
        assert len(str(socket_folder_for(deep / "postgres"))) < 80
    finally:
        server.stop(timeout_ms=5_000)
    assert oct(closed.stat().st_mode)[-3:] == "700"


def test_a_start_that_was_killed_half_way_is_done_again(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    program = (
        "from pathlib import Path; from manyhands.store.postgres import LocalPostgres\n"
        f"LocalPostgres(Path({str(folder)!r}), fsync=False).start()"
    )
    child = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    while not list(folder.glob("pgdata.new.*/base")) and child.poll() is None:
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    server = LocalPostgres(folder, fsync=False)
    try:
        server.start()
        assert server.is_answering()
        assert list(folder.glob("pgdata.new.*")) == []
    finally:
        server.stop(timeout_ms=5_000)


@pytest.mark.parametrize(
    ("version", "error"), [("16", DataFolderTooOld), ("19", DataFolderTooNew), ("x", DataFolderNotOurs)]
)
def test_a_data_folder_of_another_version_is_refused_untouched(
    tmp_path: Path, version: str, error: type[Exception]
) -> None:
    pgdata = tmp_path / "postgres" / "pgdata"
    pgdata.mkdir(parents=True)
    (pgdata / "PG_VERSION").write_text(f"{version}\n")
    with pytest.raises(error) as refused:
        LocalPostgres(tmp_path / "postgres").start()
    assert str(tmp_path / "postgres") in str(refused.value)
    assert refused.value.cure  # type: ignore[attr-defined]  # every error of the store has one
    assert [path.name for path in (tmp_path / "postgres").rglob("*")] == ["pgdata", "PG_VERSION"]


def test_a_file_or_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderNotOurs):
        LocalPostgres(tmp_path / "file").start()
    (tmp_path / "photos" / "pgdata").mkdir(parents=True)
    (tmp_path / "photos" / "pgdata" / "holiday.jpg").write_text("")
    with pytest.raises(DataFolderNotOurs):
        LocalPostgres(tmp_path / "photos").start()


def test_a_socket_folder_that_is_a_strangers_trap_is_refused(tmp_path: Path) -> None:
    trap = socket_folder_for(tmp_path / "postgres")
    trap.symlink_to(tmp_path)
    server = LocalPostgres(tmp_path / "postgres", fsync=False)
    try:
        with pytest.raises(DataFolderNotOurs):
            server.start()
    finally:
        trap.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="the plain user's way is the one all other tests took")
def test_a_plain_user_starts_it_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Run as root, this becomes the user `nobody` first; everything else in this file ran as root."""
    import pwd
    import shutil
    import tempfile

    nobody = pwd.getpwnam("nobody")
    folder = Path(tempfile.mkdtemp(prefix="manyhands-plain-"))
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    program = (
        "import os; from pathlib import Path; from manyhands.store.postgres import LocalPostgres\n"
        f"assert os.geteuid() != 0; server = LocalPostgres(Path({str(folder)!r}) / 'postgres', fsync=False)\n"
        "server.start(); assert server.is_answering(); server.stop(); assert server.pid is None"
    )
    helper = str(Path(__file__).with_name("unprivileged.py"))
    command = [sys.executable, "-I", helper, str(nobody.pw_uid), str(nobody.pw_gid), "1", sys.executable, "-c", program]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd="/", env={**os.environ, "HOME": "/"}, check=False
    )
    shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr


def test_the_pid_file_is_read_also_when_it_is_torn() -> None:
    assert parse_pid_file("42\n/data\n1700000000\n5432\n/tmp/s\n\n1 2\nready\n") == PidFile(42, "/tmp/s")
    assert parse_pid_file("42") == PidFile(42, "")
    assert parse_pid_file("") is None
    assert parse_pid_file("x\ny") is None


def test_backup_tools_come_with_the_server() -> None:
    assert {"pg_dump", "pg_restore", "postgres", "initdb"} <= {path.name for path in binary_folder().iterdir()}
