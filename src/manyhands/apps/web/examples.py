"""An example for every field of the API, by its name: a name means the same thing wherever it stands.

Rules kept here
- A field that brings an example of its own keeps it.
- An example fits its field's schema; a test builds every body and every answer and checks them.

    document = with_examples(app.openapi())
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from copy import deepcopy
from typing import Any, Final

from .replies import TOLD

_ADDRESS: Final = "0x" + "ab" * 20
_ID: Final = "3f" * 16
_HASH: Final = "0x" + "cd" * 32

EXAMPLES: Final[Mapping[str, Any]] = {
    # who
    "name": "quick-otter", "password": "correct horse battery", "passphrase": "a long phrase of one's own",
    "token": "c0" * 32, "device": "Firefox on Linux", "way": "password", "worker": _ADDRESS, "requester": _ADDRESS,
    "message": "work.example.org wants you to sign in with your Ethereum account: ...", "session_id": _ID,
    "passkey_id": _ID, "key_id": _ID, "lasts_ms": 2_592_000_000, "keystore": {"version": 3, "crypto": {}},
    "options": {"publicKey": {"challenge": "AAAA"}}, "credential": {"id": "AAAA", "type": "public-key"}, "ended": 2,
    "invite_id": _ID, "member_id": _ID,
    # jobs and work
    "job_id": _ID, "case_id": _ID, "hook_id": _ID, "draft_id": _ID, "piece_id": _ID, "objection_id": _ID,
    "task_type": "transcription", "task_type_title": "Copy a line", "title": "Receipts of March", "kind": "receipt",
    "guide": "Copy what you see, sign by sign.", "guide_version": "5f" * 8, "content_class": "plain", "state": "open",
    "open_tasks": 410, "currency": "MHT", "exponent": 6, "seconds_p50": 4.1, "seconds_p90": 9.7, "own_seconds": 3.8,
    "own_per_hour_minor": 13_400_000, "pay_per_hour_minor": 12_600_000, "requester_jobs": 12,
    "requester_stars_milli": 4_400, "requester_ratings": 31, "requester_refused_bp": 120, "returned": 2,
    "picture_url": "/pictures/3f/3f.png?expires_at_ms=1790000000000&signature=ab", "question": "What stands here?",
    "text": "12.50", "active_ms": 4_100, "outcome": "stored", "because": "two people agree", "answers": 820,
    "waiting": 4, "accepted": 640, "refused": 3, "chain_id": 1338, "tx_hash": _HASH, "skill": "transcription",
    "right_milli": 61_000, "wrong_milli": 800, "words": "It is printed so on the scan.", "stars": 5,
    "code": "unreadable", "version": "0.1.0", "should_be": "12.50", "stands": "12.5O", "answer": "The scan says 12.50.",
    "place": 0, "places_left": 18, "languages": "en", "score_bp": 9_870, "unfit": "language", "screen_px": 390,
    # files, documents and results
    "files": {}, "size_bytes": 20_480, "received_bytes": 20_480, "media_type": "application/pdf", "file_no": 1,
    "offset_bytes": 0, "url": "https://erp.example.org/manyhands", "doc_id": "receipt-01", "page_no": 1, "page": 1,
    "pages": 1, "pages_total": 32, "documents": {"doc_id": "receipt-01", "kind": "receipt", "pages": 1}, "doubts": 3,
    "width_px": 1_240, "height_px": 1_754, "page_url": "/pictures/3f/3f.png?signature=ab",
    "thumb_url": "/pictures/4f/4f.png?signature=ab", "how": "people", "people_asked": 1, "proof": "batch 1",
    "field": "total", "why": "three people could not read it", "row": 0, "col": 1, "row_end": 1, "col_end": 2,
    "rows": 12, "cols": 4, "wish": {"title": "Receipts of March", "target_bp": 9_950}, "part_bytes": 1_048_576,
    "kinds": {"kind": "receipt", "fields": [{"name": "total"}]},
    "fields": "total", "x0_permille": 30, "y0_permille": 620,
    "x1_permille": 970, "y1_permille": 690, "budget_minor": 40_000_000, "deadline_ms": 1_790_600_000_000,
    "drafts": {"draft_id": _ID, "title": "Receipts of March", "state": "ready"},
    "jobs": {"job_id": _ID, "title": "Receipts of March", "state": "open"},
    "objections": {"objection_id": _ID, "state": "open", "should_be": "12.50"},
    # quotes and money
    "label": "answers", "count": 33, "workers_needed": 4, "target_bp": 9_950, "benchmark_bp": 9_000,
    "right_bp_low": 9_940, "right_bp_high": 9_980, "answers_expected": 33, "answers_most": 128, "done_in_ms": 5_400_000,
    "agreed_minor": 34_881_144, "settled": 11,
     "role": "exchange", "observations": 15, "workers": 12, "simulated": 1, "tasks": 820, "parts": 4,
    "daily_cap_parts": 4, "days_expected": 2, "days_most": 4,
    # webhooks
    "number": 3, "attempts": 1, "status": 204, "reason": "it answered 500", "told_at_ms": 1_790_000_000_400,
    "events": 4, "expires_at_ms": 1_792_592_000_000, "used_at_ms": 1_790_000_000_000, "from_number": 1,
    # the operator's
    "freed": 1, "group": "0x4bf7a2f3d1b0e6c58a9d3e2f1c0b9a8d7e6f5a4b",
    "found": "0 differences", "cure": "Wait until it is final.", "queue": "roles", "oldest_ms": 1_200,
    "says": "most answers came faster than the piece can be read", "evidence": {"answers": 40, "fast": 31},
    "cleared_because": "", "counted_as_one": True, "others": 1, "task_state": "accepted", "value": "12.50",
    "verdict_because": "two people agree", "appeal_id": _ID, "part": "practice", "language": "es", "paid_in": _ID,
    "pieces": 10, "lessons": 4, "answered": 6, "asked": 2, "next": 6, "right": "12.50",
    "ref": "4711", "answers_uncollected": 96, "leases_overdue": 0, "account": "escrow:" + _ADDRESS,
    "book": "reputation", "memory_bytes": 162_000_000, "cpu_seconds": 14.2, "process": "roles",
    "started_at_ms": 1_790_000_000_000, "since_ms": 1_790_000_000_000, "task_id": _ID, "assignment_id": _ID,
}  # fmt: skip
"""Name of a field or a parameter -> its example; for a list, the example of one of its members."""

BY_UNIT: Final[Mapping[str, int]] = {"_minor": 19_334, "_ms": 4_100, "_at_ms": 1_790_000_000_000, "_count": 6}
"""End of a name that has no example of its own -> an example of that unit; a later one that fits as well wins."""


def with_examples(document: dict[str, Any]) -> dict[str, Any]:
    """The same document, in which every field and parameter that had no example has one."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    twice = schemas.keys() & TOLD.keys()
    if twice:
        raise ValueError(f"two shapes of the API have one name: {', '.join(sorted(twice))}")
    schemas.update(deepcopy(TOLD))
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            _fill(name, field)
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if "example" not in parameter and not _told(parameter["schema"]) and parameter["name"] in EXAMPLES:
                    parameter["example"] = EXAMPLES[parameter["name"]]
    return document


def _told(field: Mapping[str, Any]) -> bool:
    return any(name in field for name in ("examples", "example", "const", "enum", "default"))


def _fill(name: str, field: dict[str, Any]) -> None:
    inner = [field, *(one for one in field.get("anyOf", ()) if one.get("type") != "null")]
    if any(_told(one) or "$ref" in one or one.get("type") == "boolean" for one in inner):
        return
    kinds = {one.get("type") for one in inner}
    for one in inner:
        if one.get("type") == "array":
            items = one["items"]
            if (
                not _told(items)
                and "$ref" not in items
                and (example := _example(name, {items.get("type")})) is not None
            ):
                items["examples"] = [example]
            return
    if (example := _example(name, kinds)) is not None:
        field["examples"] = [example]


def _example(name: str, kinds: Set[Any]) -> Any:
    """The example of a name where it fits one of these types; else one by the name's unit; None where there is none."""
    known = EXAMPLES.get(name)
    if isinstance(known, str) and "object" in kinds and "string" not in kinds:
        return {"en": known}  # a word in every language
    if known is not None and ("integer" not in kinds or not isinstance(known, str | dict)):
        return "12.50" if "string" in kinds and isinstance(known, dict) else known
    by_unit = [number for ending, number in BY_UNIT.items() if name.endswith(ending)]
    if "integer" in kinds:
        return by_unit[-1] if by_unit else 6 if known is not None else None
    return None


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A whole example of a schema, built from those of its fields. raises LookupError naming what has none"""
    while "$ref" in schema:
        schema = schemas[str(schema["$ref"]).rsplit("/", 1)[1]]
    if "examples" in schema:
        return schema["examples"][0]
    for name in ("example", "const", "default"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    for one in _choices(schema):
        return example_of(one, schemas)
    match schema.get("type"):
        case "boolean":
            return True
        case "array" if "items" in schema:
            return [example_of(schema["items"], schemas)]
        case "object" if "properties" in schema:
            told = {}
            for name, field in schema["properties"].items():
                try:
                    told[name] = example_of(field, schemas)
                except LookupError as missing:
                    raise LookupError(f"{name}.{missing.args[0]}".rstrip(".")) from None
            return told
    raise LookupError("")


def _choices(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in ("anyOf", "oneOf", "allOf"):
        yield from (one for one in schema.get(kind, ()) if one.get("type") != "null")
