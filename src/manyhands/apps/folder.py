"""The data folder: everything one operator's platform keeps, in one place.

Rules kept here
- Keys and secrets are files that only their owner may read, made once, never printed.
- A folder written by a newer version is refused before anything in it is touched.
- Two programs never work on one folder: the second is told who holds it.

Layout: platform.json, keys/, postgres/, chains/<id>/ and chains/<id>.toml, blobs/, logs/.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from manyhands.chain.keys import RoleKey
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import IdSource
from manyhands.protocol.messages import ROLES, Role

FORMAT = 1
"""Counts up when the layout changes in a way that older programs would misread."""


class FolderInUse(ManyhandsError):
    """Another program works on this data folder."""

    def __init__(self, path: Path, holder: str) -> None:
        self.path, self.holder = path, holder
        super().__init__(
            f"the data folder {path} is in use by process {holder or 'unknown'}",
            cure="Stop that program first, or name another folder with --data.",
        )


class FolderTooNew(ManyhandsError):
    """The data folder was written by a newer version."""

    def __init__(self, path: Path, *, found: int) -> None:
        self.path, self.found = path, found
        super().__init__(
            f"the data folder {path} has format {found}, this program knows {FORMAT}",
            cure="Install the version that wrote it, or name another folder with --data.",
        )


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is decided when a folder is made, and stays.

    chain_ports  port of each local chain's node; 0 = any free port
    public_url   where the world finds the site behind its proxy, such as https://work.example.org; "" = loopback only
    mail_server  smtp://[user:password@]host:port or smtps://...; "" = no sign-in by e-mail
    mail_from    sender of letters
    private_webhooks  whether webhooks may call http and addresses of one's own network
    requester_limit_minor  what a requester whom nobody set a limit for may owe, in minor units of the quote's currency;
                      None = nothing where the world can reach the site, a fixed sum of play money on local chains
    """

    format: int = FORMAT
    chain_ids: tuple[int, ...] = (1338, 31338)
    chain_ports: dict[str, int] = {}
    web_port: int = 8000
    ocr_processes: int = 1
    simulated_crowd: bool = False
    rehearsal_seed: int | None = None
    public_url: str = ""
    mail_server: str = ""
    mail_from: str = ""
    private_webhooks: bool = False
    requester_limit_minor: int | None = None


class DataFolder:
    """Paths, settings and secrets of one platform."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def chains(self) -> Path:
        return self.path / "chains"

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def settings_file(self) -> Path:
        return self.path / "platform.json"

    def exists(self) -> bool:
        return self.settings_file.exists()

    def settings(self) -> Settings:
        """raises FolderTooNew"""
        raw = self.settings_file.read_bytes()
        found = msgspec.json.decode(raw, type=dict[str, object]).get("format", 0)
        if isinstance(found, int) and found > FORMAT:
            raise FolderTooNew(self.path, found=found)
        return msgspec.json.decode(raw, type=Settings)

    def prepare(self, settings: Settings) -> Settings:
        """Makes the folder with these settings, or keeps those it has. raises FolderTooNew"""
        if self.exists():
            return self.settings()
        for folder in (self.path, self.path / "keys", self.chains, self.blobs, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        (self.path / "keys").chmod(0o700)
        _write_once(self.settings_file, msgspec.json.format(msgspec.json.encode(settings), indent=2))
        return self.settings()

    def change(self, settings: Settings) -> None:
        """Replaces the settings, whole or not at all."""
        draft = self.settings_file.with_suffix(".draft")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=2))
        draft.replace(self.settings_file)

    def role_key(self, role: Role, ids: IdSource) -> RoleKey:
        """The role's key, made at first use."""
        return RoleKey(self.secret(f"{role}.key", ids))

    def role_keys(self, ids: IdSource) -> dict[Role, RoleKey]:
        return {role: self.role_key(role, ids) for role in ROLES}

    def secret(self, name: str, ids: IdSource) -> bytes:
        """32 random bytes kept in keys/NAME, made at first use."""
        path = self.path / "keys" / name
        # Drawn also where it is there already: of processes that start together and repeat one chance, the second would
        # else give the first missing role the bytes of the very first one, and two roles shared a key.
        fresh = ids.random_bytes(32)
        if not path.exists():
            _write_once(path, fresh)
        return path.read_bytes()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps every other program off this folder while the block runs. raises FolderInUse"""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as refused:
                handle.seek(0)
                raise FolderInUse(self.path, handle.read().strip()) from refused
            handle.seek(0)
            handle.truncate()
            handle.write(str(os.getpid()))
            handle.flush()
            yield


def _write_once(path: Path, content: bytes) -> None:
    """Writes a file readable by its owner alone, durably; an existing one is left as it is."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
