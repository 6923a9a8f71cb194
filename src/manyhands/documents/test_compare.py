"""A delivered record beside a known one: lines where the text was wanted, fields where only they were."""

import io
import json
import zipfile
from typing import Any

import pytest

from manyhands.documents.compare import compare_fields, compare_package

TRUTH = {
    "doc_id": "r",
    "lines": [
        {"page": 1, "box": [0, 0, 90, 20], "text": "HARBOUR CAFE"},
        {"page": 1, "box": [0, 30, 90, 50], "text": "THANK YOU"},
    ],
    "fields": {"company": "HARBOUR CAFE", "date": "07/05/2024", "total": "3.00", "address": ""},
}


def _package(record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("results/r.json", json.dumps(record))
    return out.getvalue()


def _compared(record: dict[str, Any], fields: list[str] | None) -> tuple[int, int]:
    found = compare_package(_package(record), {"r": json.dumps(TRUTH).encode()}, fields=fields)
    return found.right, found.seen


def test_of_a_job_of_fields_alone_nobody_asks_for_the_other_lines() -> None:
    record = {"doc_id": "r", "lines": TRUTH["lines"][:1], "fields": {**TRUTH["fields"], "date": "7 May 2024"}}
    assert _compared(record, None) == (1, 2)
    assert _compared(record, []) == (3, 3)


def test_only_the_fields_that_were_wanted_are_compared_and_a_missing_one_is_wrong() -> None:
    record = {"doc_id": "r", "fields": {"total": "RM 3.00"}}
    assert _compared(record, ["total"]) == (1, 1)
    assert _compared(record, ["total", "date"]) == (1, 2)
    assert _compared(record, ["vat"]) == (0, 0)


@pytest.mark.parametrize(
    ("known", "text", "same"),
    [
        ("07/05/2024", "2024-05-07", True),
        ("07/05/2024", "08/05/2024", False),
        ("07/05/2024", "", False),
        ("34.73", "34,73 EUR", True),
        ("34.73", "34.37", False),
        ("3.00", "-3.00", False),
        ("INV-00471", "inv 00471", True),
        ("INV-00471", "INV-471", False),
        ("Nr. 12, High St.", "NR 12 HIGH ST", True),
        ("-", "-", True),
        ("-", ".", False),
        ("3.00", "three", False),
    ],
)
def test_a_field_is_right_when_its_value_is(known: str, text: str, same: bool) -> None:
    ((value, truth),) = compare_fields({"x": text}, {"x": known})
    assert (value == truth) is same
