"""`manyhands quality aggregate labels.csv --out verdicts.csv`: the library on files.

Rules kept here
- A row that cannot be used is named by its line in the file; nothing is written then.
- What the verdicts rest on is returned beside them, and the caller shows it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from manyhands.quality.errors import BadLabels, NoFile
from manyhands.quality.inference import Report, infer
from manyhands.quality.table import COLUMNS

#: numbers as people and programs write them; never "007", "1_000" or "nan"
WHOLE: Final = re.compile(r"[+-]?(0|[1-9][0-9]*)")
DECIMAL: Final = re.compile(r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]+|(?<=[0-9])\.?)([eE][+-]?[0-9]+)?")
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
    raises  BadLabels naming the line (first data line = row 0), UnknownMethod, NoFile
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
    try:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("task", "label", "confidence", "support"))
            for task, label, confidence, support in zip(*verdicts, strict=True):
                writer.writerow((task, _shown(label), f"{confidence:.6f}", support))
    except OSError as error:
        raise NoFile(out, error, cure="Give --out a file in a folder that is there and may be written.") from error
    return _said(report, len(typed[0]), len(verdicts.task), len(set(typed[1])), out)


def _said(report: Report, answers: int, tasks: int, workers: int, out: Path) -> Aggregated:
    flags = tuple(flag.says for flag in report.flags)
    return Aggregated(
        answers, tasks, workers, report.kind, report.method, report.because, report.confidence, flags, str(out)
    )


def _columns(path: Path, names: tuple[str, ...]) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        wanted = ", ".join(names)
        raise NoFile(path, error, cure=f"Give a CSV file with the columns {wanted}.") from error
    except UnicodeDecodeError as error:
        row = path.read_bytes()[: error.start].count(b"\n") - 1
        raise BadLabels(f"{path.name} is no UTF-8 text: save it as UTF-8", row=max(row, 0)) from error
    first = text.partition("\n")[0]
    # spreadsheets of half the world write semicolons
    sign = max(",;\t", key=lambda own: len(set(names) & set(_line(first, own))))
    lines = _lines(path, text, sign)
    head = next(lines, None)
    if head is None:
        raise BadLabels(f"{path.name} is empty")
    places = []
    for name in names:
        if head.count(name) != 1:
            raise BadLabels(f"{path.name} has {', '.join(head)}: one of this name is wanted", column=name)
        places.append(head.index(name))
    columns: list[list[str]] = [[] for _ in names]
    for row, line in enumerate(lines):
        if not line:
            continue
        for column, place, name in zip(columns, places, names, strict=True):
            if place >= len(line) or line[place] == "":
                raise BadLabels("no value", row=row, column=name)
            column.append(line[place])
    return columns


def _line(text: str, sign: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=sign), [])
    except csv.Error:
        return []


def _lines(path: Path, text: str, sign: str) -> Iterator[list[str]]:
    """The rows of a table; one that is none is named. A long mask is one long field, so fields may be of any length."""
    most, row = csv.field_size_limit(max(len(text), 1)), -1
    try:
        for row, line in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=sign), start=-1):  # noqa: B007
            yield line
    except csv.Error as error:
        raise BadLabels(f"{path.name}: {error}", row=row + 1) from error
    finally:
        csv.field_size_limit(most)


def _typed(values: list[str], *, like: list[Any] | None = None, structured: bool = False) -> list[Any]:
    """Whole numbers or decimals when all values are (and `like` is), lists and records from JSON, else texts.

    What is written with leading zeros ("007", a postal code) is a text, not a number.

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
    for kind, form in ((int, WHOLE), (float, DECIMAL)):
        if like is not None and like and not isinstance(like[0], kind):
            continue
        if all(form.fullmatch(value) for value in values):
            return [kind(value) for value in values]
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
