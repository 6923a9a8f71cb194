"""`manyhands quality aggregate labels.csv --out verdicts.csv`: the library on files.

Rules kept here
- A row that cannot be used is named by its line in the file; nothing is written then.
- What the verdicts rest on is returned beside them, and the caller shows it.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Final

import msgspec

from manyhands.quality.errors import BadLabels
from manyhands.quality.inference import Report, infer
from manyhands.quality.table import COLUMNS

#: kinds whose labels are lists or records, written as JSON in a file
STRUCTURED: Final = frozenset({"multi-label", "boxes", "spans", "keypoints", "masks", "records", "ranking"})


class Aggregated(msgspec.Struct, frozen=True):
    """What the command did, for people and for --json."""

    answers: int
    tasks: int
    workers: int
    kind: str
    method: str
    because: str
    confidence: str
    flags: tuple[str, ...]
    out: str


def aggregate_file(
    labels: Path, out: Path, *, gold: Path | None = None, kind: str = "auto", method: str = "auto", seed: int = 0
) -> Aggregated:
    """Read task,worker,label from `labels`, write task,label,confidence,support to `out`.

    gold    a file with task,label
    raises  BadLabels naming the line (first data line = row 0), UnknownMethod
    """
    table = _columns(labels, COLUMNS)
    structured = kind.partition(":")[0] in STRUCTURED
    typed = (table[0], table[1], _typed(table[2], structured=structured))
    known: Any = None
    if gold is not None:
        gold_table = _columns(gold, ("task", "label"))
        known = (gold_table[0], _typed(gold_table[1], like=typed[2]))
    result = infer(typed, gold=known, kind=kind, method=method, seed=seed)
    verdicts, report = result.table, result.report
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("task", "label", "confidence", "support"))
        for task, label, confidence, support in zip(*verdicts, strict=True):
            writer.writerow((task, _shown(label), f"{confidence:.6f}", support))
    return _said(report, len(typed[0]), len(verdicts.task), len(set(typed[1])), out)


def _said(report: Report, answers: int, tasks: int, workers: int, out: Path) -> Aggregated:
    flags = tuple(flag.says for flag in report.flags)
    return Aggregated(
        answers, tasks, workers, report.kind, report.method, report.because, report.confidence, flags, str(out)
    )


def _columns(path: Path, names: tuple[str, ...]) -> list[list[str]]:
    columns: list[list[str]] = [[] for _ in names]
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        head = next(reader, None)
        if head is None:
            raise BadLabels(f"{path.name} is empty")
        places = []
        for name in names:
            if name not in head:
                raise BadLabels(f"{path.name} has {', '.join(head)}", column=name)
            places.append(head.index(name))
        for row, line in enumerate(reader):
            if not line:
                continue
            for column, place, name in zip(columns, places, names, strict=True):
                if place >= len(line) or line[place] == "":
                    raise BadLabels("no value", row=row, column=name)
                column.append(line[place])
    return columns


def _typed(values: list[str], *, like: list[Any] | None = None, structured: bool = False) -> list[Any]:
    """Whole numbers or decimals when all values are (and `like` is), lists and records from JSON, else texts.

    structured  the kind asks for JSON: raises BadLabels naming the row that is none
    """
    nested = isinstance(like[0], (list, dict)) if like else all(value[:1] in "[{" for value in values)
    if structured or nested:
        found = [_nested(value) for value in values]
        bad = next((row for row, value in enumerate(found) if value is None), None)
        if bad is None:
            return found
        if structured or like:
            raise BadLabels(f"{values[bad]!r} is no JSON list or record", row=bad, column="label")
    for kind in (int, float):
        if like is not None and like and not isinstance(like[0], kind):
            continue
        try:
            return [kind(value) for value in values]
        except ValueError:
            continue
    return list(values)


def _nested(text: str) -> Any:
    """The list or record of a JSON text, None for anything else."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, (list, dict)) else None


def _shown(label: Any) -> Any:
    return msgspec.json.encode(label).decode() if isinstance(label, (list, dict)) else label
