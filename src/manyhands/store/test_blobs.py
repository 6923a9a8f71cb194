"""Blobs: by content, durable, erasable by job, shown only by a link that ends."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .blobs import BlobStore, blob_key, digest_of, media_type_of, signed_url, verify_signed
from .errors import BadBlobName, BadSignedUrl, BlobDamaged, NoSuchBlob

SECRET = b"0123456789abcdef"


async def test_the_same_bytes_twice_are_one_blob_under_their_digest(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    key = await blobs.put(b"a page", namespace="job-1", media_type="image/png")
    assert key == await blobs.put(b"a page", namespace="job-1", media_type="image/png")
    assert digest_of(key) == hashlib.sha256(b"a page").hexdigest()
    assert media_type_of(key) == "image/png"
    assert await blobs.get(key) == b"a page"
    assert await blobs.keys_of("job-1") == [key]


async def test_erasing_a_job_erases_its_blobs_and_no_other(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    mine = await blobs.put(b"a page", namespace="job-1", media_type="image/png")
    other = await blobs.put(b"a page", namespace="job-10", media_type="image/png")
    assert await blobs.erase("job-1") == 1
    assert await blobs.erase("job-1") == 0
    assert not await blobs.exists(mine)
    assert await blobs.exists(other)
    with pytest.raises(NoSuchBlob):
        await blobs.get(mine)


async def test_a_blob_that_the_disk_changed_is_not_handed_out_and_a_torn_one_is_written_again(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    key = await blobs.put(b"a page", namespace="job-1", media_type="image/png")
    (tmp_path / key).write_bytes(b"")
    with pytest.raises(BlobDamaged):
        await blobs.get(key)
    await blobs.put(b"a page", namespace="job-1", media_type="image/png")
    assert await blobs.get(key) == b"a page"


@pytest.mark.parametrize("name", ["", "../up", "a/b", "A", "x" * 81, "a b", "."])
async def test_a_namespace_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadBlobName):
        await BlobStore(tmp_path).put(b"x", namespace=name, media_type="image/png")


@pytest.mark.parametrize("key", ["", "job-1/../../etc/passwd", "job-1/" + "0" * 64, "/job-1/" + "0" * 64 + ".png"])
async def test_a_key_is_only_what_this_program_makes(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadBlobName):
        await BlobStore(tmp_path).get(key)


def test_a_link_works_until_its_moment_and_for_its_blob_only() -> None:
    key = blob_key(b"a page", namespace="job-1", media_type="image/png")
    link = signed_url(key, expires_at_ms=1_000, secret=SECRET)
    path, _, query = link.partition("?")
    assert path == f"/blobs/{key}"
    given_fields = dict(part.split("=") for part in query.split("&"))
    signature = given_fields["signature"]
    verify_signed(key, expires_at_ms=1_000, signature=signature, now_ms=999, secret=SECRET)
    for changed in (
        {"now_ms": 1_000},
        {"expires_at_ms": 2_000},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"secret": b"another secret of us"},
    ):
        fields = {"expires_at_ms": 1_000, "signature": signature, "now_ms": 999, "secret": SECRET} | changed
        with pytest.raises(BadSignedUrl):
            verify_signed(key, **fields)  # type: ignore[arg-type]  # a table of changes


@given(content=st.binary(max_size=50), namespace=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True))
def test_every_key_says_its_digest(content: bytes, namespace: str) -> None:
    key = blob_key(content, namespace=namespace, media_type="something/odd")
    assert digest_of(key) == hashlib.sha256(content).hexdigest()
    assert media_type_of(key) == "application/octet-stream"
