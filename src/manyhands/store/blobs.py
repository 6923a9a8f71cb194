"""Files by the digest of their content: pages, cuttings, evidence, results.

Rules kept here
- The key is `NAMESPACE/SHA256.EXTENSION`: storing the same bytes twice in a namespace is one blob, and what is read
  back is checked against its key.
- A namespace is one job (or one purpose): everything of a job can be erased in one act.
- `put` returns after the bytes and their name are on disk (fsync of file and folders).
- A browser gets a blob by a link that ends by itself and cannot be altered; no link, no blob.

    blobs = BlobStore(Path("manyhands-data/blobs"))
    key = await blobs.put(png, namespace=job_id, media_type="image/png")
    link = signed_url(key, expires_at_ms=now_ms + 600_000, secret=secret)
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import hmac
import os
import re
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import obstore
from obstore.exceptions import AlreadyExistsError, GenericError
from obstore.store import LocalStore

from .errors import BadBlobName, BadSignedUrl, BlobDamaged, DiskFull, NoSuchBlob

MEDIA_TYPES = MappingProxyType(
    {
        "image/png": "png",
        "image/jpeg": "jpg",
        "image/webp": "webp",
        "image/svg+xml": "svg",
        "application/pdf": "pdf",
        "application/json": "json",
        "application/zip": "zip",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "application/vnd.apache.parquet": "parquet",
        "text/csv": "csv",
        "text/plain": "txt",
        "text/html": "html",
        "audio/wav": "wav",
        "audio/mpeg": "mp3",
        "video/mp4": "mp4",
        "application/octet-stream": "bin",
    }
)
_EXTENSIONS = {extension: media_type for media_type, extension in MEDIA_TYPES.items()}
_NAMESPACE = re.compile(r"^[a-z0-9][a-z0-9_-]{0,79}$")
_KEY = re.compile(r"^(?P<namespace>[a-z0-9][a-z0-9_-]{0,79})/(?P<digest>[0-9a-f]{64})\.(?P<extension>[a-z0-9]{2,7})$")

DEFAULT_NAMESPACE = "shared"


def blob_key(content: bytes, *, namespace: str, media_type: str) -> str:
    """The key under which these bytes are stored.

    media_type  one that is not in `MEDIA_TYPES` is stored as application/octet-stream
    raises      BadBlobName
    """
    if not _NAMESPACE.match(namespace):
        raise BadBlobName(namespace)
    return f"{namespace}/{hashlib.sha256(content).hexdigest()}.{MEDIA_TYPES.get(media_type, 'bin')}"


def digest_of(key: str) -> str:
    """The sha-256 of the blob's content, 64 hex characters. raises BadBlobName"""
    return _parse(key)["digest"]


def media_type_of(key: str) -> str:
    """raises BadBlobName"""
    return _EXTENSIONS.get(_parse(key)["extension"], "application/octet-stream")


def signed_url(key: str, *, expires_at_ms: int, secret: bytes, base: str = "/blobs") -> str:
    """A link to our own route that shows one blob until a moment.

    secret  known to the servers that make and check links; at least 16 bytes
    """
    return f"{base}/{key}?expires_at_ms={expires_at_ms}&signature={_signature(key, expires_at_ms, secret)}"


def verify_signed(key: str, *, expires_at_ms: int, signature: str, now_ms: int, secret: bytes) -> None:
    """raises BadSignedUrl when the link is expired or was altered, BadBlobName when the key is none"""
    _parse(key)
    if not hmac.compare_digest(_signature(key, expires_at_ms, secret).encode(), signature.encode()):
        raise BadSignedUrl(key, "was not made by us")
    if now_ms >= expires_at_ms:
        raise BadSignedUrl(key, "is expired")


def _signature(key: str, expires_at_ms: int, secret: bytes) -> str:
    if len(secret) < 16:
        raise ValueError("the secret for links needs at least 16 bytes")
    return hmac.new(secret, f"blob\n{key}\n{expires_at_ms}".encode(), hashlib.sha256).hexdigest()


def _parse(key: str) -> re.Match[str]:
    match = _KEY.match(key)
    if match is None:
        raise BadBlobName(key)
    return match


class BlobStore:
    """Blobs in one local folder. root  made when missing"""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self.root.mkdir(parents=True, exist_ok=True)
        self._store = LocalStore(self.root)

    async def put(self, content: bytes, *, media_type: str, namespace: str = DEFAULT_NAMESPACE) -> str:
        """Stores bytes durably; returns their key. The same bytes again are the same blob.

        raises  BadBlobName, DiskFull (nothing is stored then)
        """
        key = blob_key(content, namespace=namespace, media_type=media_type)
        try:
            await asyncio.to_thread(self._put, key, content)
        except (GenericError, OSError) as error:
            if _is_full(error):
                raise DiskFull(str(self.root)) from error
            raise
        return key

    async def get(self, key: str) -> bytes:
        """raises NoSuchBlob, BlobDamaged, BadBlobName"""
        expected = digest_of(key)
        try:
            content = await asyncio.to_thread(self._get, key)
        except FileNotFoundError as error:
            raise NoSuchBlob(key) from error
        if hashlib.sha256(content).hexdigest() != expected:
            raise BlobDamaged(key)
        return content

    async def exists(self, key: str) -> bool:
        """raises BadBlobName"""
        _parse(key)
        try:
            await asyncio.to_thread(obstore.head, self._store, key)
        except FileNotFoundError:
            return False
        return True

    async def keys_of(self, namespace: str) -> list[str]:
        """All keys of a namespace, sorted. raises BadBlobName"""
        if not _NAMESPACE.match(namespace):
            raise BadBlobName(namespace)
        return await asyncio.to_thread(self._keys_of, namespace)

    async def erase(self, namespace: str) -> int:
        """Erases every blob of a namespace; returns how many there were. Doing it twice does no harm."""
        keys = await self.keys_of(namespace)
        if keys:
            await asyncio.to_thread(obstore.delete, self._store, keys)
            await asyncio.to_thread(_sync_folder, self.root / namespace)
        return len(keys)

    async def erase_keys(self, keys: Sequence[str]) -> None:
        """Erases these blobs; one that is not there does no harm. raises BadBlobName"""
        for key in keys:
            _parse(key)
        if keys:
            await asyncio.to_thread(obstore.delete, self._store, list(keys))

    # The object store's own async calls are not used: one that failed may abort the process when the interpreter ends
    # right after it (seen with 0.12.1 in 6 of 25 runs). A thread costs less than the fsync that it waits for.

    def _put(self, key: str, content: bytes) -> None:
        try:
            obstore.put(self._store, key, content, mode="create")
        except AlreadyExistsError:
            # A power cut between name and bytes leaves a torn file under the right name: write it again.
            if self._get(key) != content:
                obstore.put(self._store, key, content, mode="overwrite")
        self._sync(key)

    def _get(self, key: str) -> bytes:
        return bytes(obstore.get(self._store, key).bytes())

    def _keys_of(self, namespace: str) -> list[str]:
        found = [str(entry["path"]) for batch in obstore.list(self._store, prefix=namespace) for entry in batch]
        return sorted(key for key in found if _KEY.match(key))

    def _sync(self, key: str) -> None:
        """The object store does not fsync: bytes first, then the name in its folder, then the folder in its own."""
        path = self.root / key
        with path.open("rb") as file:
            os.fsync(file.fileno())
        _sync_folder(path.parent)
        _sync_folder(self.root)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return any(
        sign in str(error)
        for sign in ("No space left on device", "StorageFull", "Disk quota exceeded", "File too large")
    )
