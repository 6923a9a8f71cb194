"""By what a whole job is judged: by its text, or by the fields that alone were wanted."""

from __future__ import annotations

import msgspec
import pytest

from manyhands.protocol.manifest import Manifest, PayRule, Scope

from .role import fields_wanted

MANIFEST = Manifest(
    job_id="j1", title="Receipts", requester="0xaa", task_type="transcription",
    pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000),
    page_count=1, document_count=1, budget_minor=1_000_000, created_at_ms=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("task_type", "scope", "wanted"),
    [
        ("transcription", msgspec.UNSET, None),
        ("transcription", Scope(pieces_max=10), None),
        ("verify_claim", msgspec.UNSET, None),
        ("field_choice", msgspec.UNSET, ()),
        ("field_choice", Scope(), ()),
        ("field_choice", Scope(fields=("date", "total")), ("date", "total")),
    ],
)
def test_only_a_job_of_fields_alone_is_judged_by_fields(
    task_type: str, scope: Scope | msgspec.UnsetType, wanted: tuple[str, ...] | None
) -> None:
    assert fields_wanted(msgspec.structs.replace(MANIFEST, task_type=task_type, scope=scope)) == wanted
