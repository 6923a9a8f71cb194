"""What a requester may send: photos and long scans in parts, and nothing beyond what was announced."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from manyhands.apps.desk import drafts
from manyhands.apps.desk.drafts import CHUNK_BYTES_MAX, DRAFT_BYTES_MAX, FILE_BYTES_MAX, Drafts, upload_namespace
from manyhands.apps.desk.errors import (
    MoreThanAnnounced,
    NoSuchFile,
    OutOfStep,
    TooMuchData,
    TooMuchHeld,
    UploadUnfinished,
)
from manyhands.apps.desk.work import IntakeWork
from manyhands.protocol.ids import SystemIds
from manyhands.roles.launcher.plan import LaunchPolicy
from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database
from manyhands.store.migrations import STORE, Room

OWNER = "requester:one"


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [STORE, Room("desk", "manyhands.apps.desk")]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Drafts:
    nobody: Any = None
    launcher: Any = SimpleNamespace(policy=LaunchPolicy())  # of a launcher these tests need no more
    return Drafts(database, BlobStore(tmp_path / "blobs"), launcher, lambda: 1, SystemIds(), str, nobody)


async def test_a_scan_of_24_megabytes_goes_up_in_parts_and_is_the_same_file(desk: Drafts, tmp_path: Path) -> None:
    scan = os.urandom(1_000_000) * 24
    draft = await desk.begin(OWNER, "scans")
    (file,) = await desk.announce(OWNER, draft, [("march/scan.pdf", len(scan))])
    for start in range(0, len(scan), 4_000_000):
        file = await desk.take_part(OWNER, draft, file.file_no, start, scan[start : start + 4_000_000])
    assert file.received_bytes == len(scan)
    work = object.__new__(IntakeWork)
    work._drafts = desk
    await work._lay_out(draft, tmp_path)
    laid = (tmp_path / "scan.pdf").read_bytes()
    assert hashlib.sha256(laid).digest() == hashlib.sha256(scan).digest()


async def test_a_file_at_the_limit_is_announced_and_one_byte_more_is_refused_by_name_with_its_cure(
    desk: Drafts,
) -> None:
    draft = await desk.begin(OWNER, "scans")
    await desk.announce(OWNER, draft, [("a.tif", FILE_BYTES_MAX)])
    with pytest.raises(TooMuchData, match=r"the file 'b.tif' is larger than 100 MB") as refused:
        await desk.announce(OWNER, draft, [("b.tif", FILE_BYTES_MAX + 1)])
    assert "300 dots per inch" in str(refused.value.cure)


async def test_a_draft_takes_two_gigabytes_and_not_a_byte_more(desk: Drafts) -> None:
    draft = await desk.begin(OWNER, "scans")
    whole = [(f"{n}.tif", FILE_BYTES_MAX) for n in range(DRAFT_BYTES_MAX // FILE_BYTES_MAX)]
    await desk.announce(OWNER, draft, whole)
    with pytest.raises(TooMuchData, match="all files together"):
        await desk.announce(OWNER, draft, [("one.tif", 1)])


async def test_a_person_s_drafts_share_one_limit_and_nobody_else_s(
    desk: Drafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "OWNER_BYTES_MAX", 1_000)
    one, two = await desk.begin(OWNER, "one"), await desk.begin(OWNER, "two")
    await desk.announce(OWNER, one, [("a.png", 600)])
    await desk.announce(OWNER, two, [("b.png", 400)])
    with pytest.raises(TooMuchHeld) as refused:
        await desk.announce(OWNER, two, [("c.png", 1)])
    assert "Launch or delete" in str(refused.value.cure)
    other = await desk.begin("requester:two", "theirs")
    await desk.announce("requester:two", other, [("c.png", 900)])
    await desk.delete(OWNER, one)
    await desk.announce(OWNER, two, [("c.png", 600)])


async def test_a_line_cut_half_way_is_told_goes_on_where_it_broke_and_leaves_nothing_when_deleted(
    desk: Drafts,
) -> None:
    draft = await desk.begin(OWNER, "scans")
    (file,) = await desk.announce(OWNER, draft, [("photo.jpg", 6_000)])
    await desk.take_part(OWNER, draft, file.file_no, 0, b"a" * 2_500)
    with pytest.raises(UploadUnfinished, match="the upload was cut off"):
        await desk.read_in(OWNER, draft)
    with pytest.raises(OutOfStep) as told:
        await desk.take_part(OWNER, draft, file.file_no, 4_000, b"b" * 2_000)
    assert told.value.received_bytes == 2_500 and "2500" in str(told.value.cure)
    again = await desk.take_part(OWNER, draft, file.file_no, 0, b"a" * 2_500)
    assert again.received_bytes == 2_500, "the same part again is no part"
    await desk.delete(OWNER, draft)
    assert await desk.blobs.keys_of(upload_namespace(draft)) == []


async def test_what_was_not_announced_fills_no_disk(desk: Drafts) -> None:
    draft = await desk.begin(OWNER, "scans")
    (file,) = await desk.announce(OWNER, draft, [("photo.jpg", 100)])
    await desk.take_part(OWNER, draft, file.file_no, 0, b"a" * 60)
    held = await desk.blobs.keys_of(upload_namespace(draft))
    for start, part in ((0, b"x" * 60), (0, b"y" * 10), (60, b"")):  # it is here already
        await desk.take_part(OWNER, draft, file.file_no, start, part)
    with pytest.raises(MoreThanAnnounced, match=r"photo\.jpg"):
        await desk.take_part(OWNER, draft, file.file_no, 60, b"z" * 41)
    with pytest.raises(OutOfStep):
        await desk.take_part(OWNER, draft, file.file_no, 80, b"z" * 20)
    with pytest.raises(NoSuchFile):
        await desk.take_part(OWNER, draft, file.file_no + 1, 0, b"z")
    with pytest.raises(TooMuchData):
        await desk.take_part(OWNER, draft, file.file_no, 60, bytes(CHUNK_BYTES_MAX + 1))
    assert await desk.blobs.keys_of(upload_namespace(draft)) == held


async def test_a_file_that_is_removed_or_replaced_leaves_its_room_and_others_keep_what_they_share(
    desk: Drafts,
) -> None:
    draft = await desk.begin(OWNER, "scans")
    one, two = await desk.announce(OWNER, draft, [("a.png", 50), ("b.png", 80)])
    await desk.take_part(OWNER, draft, one.file_no, 0, b"s" * 50)
    await desk.take_part(OWNER, draft, two.file_no, 0, b"s" * 50)
    await desk.take_part(OWNER, draft, two.file_no, 50, b"t" * 30)
    await desk.remove_file(OWNER, draft, two.file_no)
    (shared,) = await desk.blobs.keys_of(upload_namespace(draft))
    assert await desk.blobs.get(shared) == b"s" * 50
    await desk.announce(OWNER, draft, [("a.png", 51)])
    assert await desk.blobs.keys_of(upload_namespace(draft)) == []
