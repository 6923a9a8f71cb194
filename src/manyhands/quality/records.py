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
    known: Mapping[str, str] | None = None,
) -> RecordVerdict:
    """Decide all fields of one document.

    answers    field -> (worker, text) of every answer
    types      field -> field type of `fields.normalise`
    skills_bp  (worker, field type) -> skill; (worker, "") is the overall skill that a missing one falls back to
    known      field -> text that is certain
    returns    fields, what failed, and what to ask again: every field below target and the least sure of a failed check
    raises     UnknownMethod for an unknown field type
    """
    skills_bp = skills_bp or {}
    fields: dict[str, FieldVerdict] = {}
    known = known or {}
    for name in sorted({*answers, *known}):
        field_type = types.get(name, "text")
        given = sorted(answers.get(name, ()))
        if name in known:
            same = normalise(known[name], field_type)
            agree = sum(normalise(text, field_type) == same for _, text in given)
            fields[name] = FieldVerdict(known[name], 10_000, agree)
            continue
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


def decide_records(
    documents: Sequence[Sequence[tuple[str, Mapping[str, str]]]],
    types: Mapping[str, str],
    checks: Sequence[SumCheck] = (),
    *,
    prior: Mapping[str, tuple[float, float]] | None = None,
    truth: Mapping[int, Mapping[str, str]] | None = None,
    rounds: int = 5,
) -> tuple[list[RecordVerdict], dict[tuple[str, str], int]]:
    """Decide many documents together: fields by the skill of their workers, skill by the fields, in turns.

    documents  per document: (worker, field -> text) of every answer; a field that a worker left out is not answered
    types      field -> field type of `fields.normalise`, "text" where it is missing
    prior      worker -> (right, wrong) fields known from elsewhere
    truth      place of a document -> field -> known text, certain in every round
    returns    verdicts in order of the documents, and (worker, field type) -> skill in basis points; (worker, "") is
               the overall skill. It starts at nine of ten with four answers' worth, that of a field type at the overall
    """
    prior, truth = prior or {}, truth or {}
    keyed = [
        [
            (worker, name, types.get(name, "text"), str(text))
            for worker, record in given
            for name, text in record.items()
        ]
        for given in documents
    ]
    workers = sorted({worker for rows in keyed for worker, *_ in rows})
    skills: dict[tuple[str, str], int] = {}
    verdicts: list[RecordVerdict] = []
    for _ in range(rounds):
        before, verdicts = verdicts, []
        # in whole basis points: sums that no order of documents changes
        seen: dict[tuple[str, str], list[int]] = {}
        for place, rows in enumerate(keyed):
            answers: dict[str, list[tuple[str, str]]] = {}
            for worker, name, _, text in rows:
                answers.setdefault(name, []).append((worker, text))
            known = {name: str(text) for name, text in truth.get(place, {}).items()}
            verdict = decide_record(answers, types, checks, skills_bp=skills, known=known)
            verdicts.append(verdict)
            for worker, name, field_type, text in rows:
                decided = verdict.fields[name]
                same = normalise(text, field_type) == normalise(decided.value, field_type)
                for kind in (field_type, ""):
                    tally = seen.setdefault((worker, kind), [0, 0])
                    tally[0] += decided.confidence_bp * same
                    tally[1] += 1
        for worker in workers:
            right, wrong = prior.get(worker, (0.0, 0.0))
            hits, count = seen[worker, ""]
            skills[worker, ""] = int((hits + 10_000 * (3.6 + right)) / (count + 4.0 + right + wrong))
        for (worker, kind), (hits, count) in seen.items():
            if kind:
                skills[worker, kind] = int((hits + 4 * skills[worker, ""]) / (count + 4))
        if verdicts == before:
            break
    return verdicts, skills


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
