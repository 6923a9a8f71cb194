"""A folder is taken in whole, or left at the first document that the wish does not fit."""

from pathlib import Path

import pytest

from manyhands.apps.intake import PAGES, take_in
from manyhands.documents.samples import write_samples
from manyhands.protocol.errors import BadManifest
from manyhands.roles.launcher.plan import check_has_fields
from manyhands.store.blobs import BlobStore


def folder_of(tmp_path: Path, *, table_name: str) -> Path:
    images, _ = write_samples(tmp_path, seed=3, receipts=1)
    for page in images.iterdir():
        if "receipt" not in page.name:
            page.unlink()
    (images / table_name).write_text("plant,tons\nnorth,12\nsouth,7\n", encoding="utf-8")
    return images


def fields_only(doc_id: str, kind: str) -> None:
    check_has_fields(doc_id, kind, {})


async def test_fields_beside_a_table_are_refused_at_the_table_with_the_cure_and_nothing_after_it_is_read(
    tmp_path: Path,
) -> None:
    images, blobs = folder_of(tmp_path, table_name="a-table.csv"), BlobStore(tmp_path / "blobs")
    with pytest.raises(BadManifest, match=r"'a-table' was taken for a table.*--kind receipt") as refused:
        await take_in(images, blobs, fit=fields_only)
    assert refused.value.field == "kinds"
    assert await blobs.keys_of(PAGES) == []


async def test_the_same_folder_is_taken_in_where_whole_pages_are_wanted_or_the_kind_is_said(tmp_path: Path) -> None:
    images, blobs = folder_of(tmp_path, table_name="a-table.csv"), BlobStore(tmp_path / "blobs")
    assert {one.kind for one in (await take_in(images, blobs)).documents} == {"receipt", "table"}
    said = await take_in(images, blobs, kind="receipt", fit=fields_only)
    assert {one.kind for one in said.documents} == {"receipt"}
