"""Key-value documents (receipts, forms): fields one by one, then across fields; only what conflicts is asked again.

Rules kept here
- Every field is decided by its own type; the worker's skill in a kind of field falls back to the overall skill.
- A sum that does not add up doubts only the fields in it, the least sure first; nothing is corrected by arithmetic.
- The confidence of a document is the product of its fields' confidences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from manyhands.quality.fields import normalise
from manyhands.quality.strings import vote


class FieldVerdict(msgspec.Struct, frozen=True):
    """value: as delivered; support: workers who gave it; doubted: a check across fields failed on it."""

    value: str
    confidence_bp: int
    support: int
    doubted: bool = False


class SumCheck(msgspec.Struct, frozen=True):
    """The values of `parts` add up to `total`, within `tolerance` (decimal text, e.g. "0.05" for cash rounding)."""

    total: str
    parts: tuple[str, ...]
    tolerance: str = "0.00"


class RecordVerdict(msgspec.Struct, frozen=True):
    """fields by name; failed: checks that do not hold; ask_again: fields to ask, least sure first."""

    fields: dict[str, FieldVerdict]
    confidence_bp: int
    failed: tuple[SumCheck, ...]
    ask_again: tuple[str, ...]


def decide_record(
    answers: Mapping[str, Sequence[tuple[str, str]]],
    types: Mapping[str, str],
    checks: Sequence[SumCheck] = (),
    *,
    skills_bp: Mapping[tuple[str, str], int] | None = None,
    target_bp: int = 9_500,
    newcomer_skill_bp: int = 9_000,
) -> RecordVerdict:
    """Decide all fields of one document.

    answers    field -> (worker, text) of every answer
    types      field -> field type of `fields.normalise`
    skills_bp  (worker, field type) -> skill; (worker, "") is the overall skill that a missing one falls back to
    returns    fields, what failed, and what to ask again: every field below target and the least sure of a failed check
    raises     UnknownMethod for an unknown field type
    """
    skills_bp = skills_bp or {}
    fields: dict[str, FieldVerdict] = {}
    for name in sorted(answers):
        field_type = types.get(name, "text")
        given = sorted(answers[name])
        if not given:
            fields[name] = FieldVerdict("", 0, 0)
            continue
        keys = [normalise(text, field_type) for _, text in given]
        skills = [
            skills_bp.get((worker, field_type), skills_bp.get((worker, ""), newcomer_skill_bp)) / 10_000
            for worker, _ in given
        ]
        key, sure, support = vote(keys, skills)
        spelled = [" ".join(text.split()) for (_, text), own in zip(given, keys, strict=True) if own == key]
        value = min(set(spelled), key=lambda text: (-spelled.count(text), text))
        fields[name] = FieldVerdict(value, int(10_000 * sure), support)
    failed = tuple(check for check in checks if holds(check, fields, types) is False)
    ask = {name for name, verdict in fields.items() if verdict.confidence_bp < target_bp}
    for check in failed:
        involved = [name for name in (check.total, *check.parts) if name in fields]
        least = min(fields[name].confidence_bp for name in involved)
        for name in involved:
            if fields[name].confidence_bp <= least + 100:
                ask.add(name)
                fields[name] = msgspec.structs.replace(fields[name], doubted=True)
    confidence = 1.0
    for name in sorted(fields):
        confidence *= fields[name].confidence_bp / 10_000
    ordered = tuple(sorted(ask, key=lambda name: (fields[name].confidence_bp, name)))
    return RecordVerdict(fields, int(10_000 * confidence), failed, ordered)


def holds(check: SumCheck, fields: Mapping[str, FieldVerdict], types: Mapping[str, str]) -> bool | None:
    """True or False when all fields of the check have a value, None when one is missing or is no number."""
    values: list[Decimal] = []
    for name in (check.total, *check.parts):
        if name not in fields:
            return None
        try:
            values.append(Decimal(normalise(fields[name].value, types.get(name, "amount"))))
        except InvalidOperation:
            return None
    return abs(values[0] - sum(values[1:], Decimal(0))) <= Decimal(check.tolerance)
