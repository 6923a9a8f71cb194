"""Answers in, verdicts out: pandas, polars, Arrow or three arrays become codes; what comes back is of the same kind.

Rules kept here
- No data-frame library is imported; what was given brings its own.
- Codes follow sorted values and answers stand in order of (task, worker): the order of rows changes nothing.
- A worker's repeat on one task counts once, the first row given.
- A row that cannot be used is named by its number; nothing is dropped in silence.

>>> answers, kind = read_answers((["t1", "t1"], ["w1", "w2"], ["yes", "yes"]))
>>> answers.task_count, answers.worker_count, list(answers.labels)
(1, 2, ['yes'])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from manyhands.quality import kernels
from manyhands.quality.errors import BadLabels

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[Any]  # float64; the type stubs lose the width in arithmetic
Objects = npt.NDArray[Any]
FrameKind = Literal["pandas", "polars", "arrow", "arrays"]
COLUMNS: Final = ("task", "worker", "label")
#: answers of one task that are put in order one by one
GROUP_MOST: Final = 64
WHOLE_ARROW: Final = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"})


class Verdicts(NamedTuple):
    """One row per task, in order of task. confidence is 0..1; support: workers whose answer equals the label."""

    task: Objects
    label: Objects
    confidence: Floats
    support: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Answers as codes, in order of (task, worker), each worker once per task.

    task, worker, label    codes into `tasks`, `workers`, `labels` (sorted values)
    start                  answers of task i are start[i] .. start[i + 1]
    row                    where each answer stood in what was given; None = in this order, or not kept
    """

    task: Codes
    worker: Codes
    label: Codes
    start: npt.NDArray[np.int64]
    tasks: Objects
    workers: Objects
    labels: Objects
    row: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    @property
    def count(self) -> int:
        return len(self.task)

    @property
    def task_count(self) -> int:
        return len(self.tasks)

    @property
    def worker_count(self) -> int:
        return len(self.workers)

    @property
    def label_count(self) -> int:
        return len(self.labels)


def columns_of(labels: Any) -> tuple[FrameKind, tuple[Any, Any, Any]]:
    """The three columns of whatever was given.

    raises  BadLabels when a column is missing, lengths differ or nothing was given
    """
    package = type(labels).__module__.split(".")[0]
    names: list[str]
    if package == "polars" and not hasattr(labels, "height"):
        raise BadLabels("a lazy frame has no rows yet: give labels.collect()")
    if package in {"pandas", "polars"}:
        names = list(map(str, labels.columns))
    elif package == "pyarrow":
        names = list(labels.column_names)
    elif isinstance(labels, (tuple, list)) and len(labels) == 3:
        three = (labels[0], labels[1], labels[2])
        if not all(hasattr(column, "__len__") for column in three):
            raise BadLabels("task, worker and label must be columns of a known length: lists, arrays or series")
        lengths = {len(column) for column in three}
        if len(lengths) != 1:
            raise BadLabels(f"task, worker and label have {[len(column) for column in three]} rows")
        if lengths == {0}:
            raise BadLabels("there are no answers")
        return "arrays", three
    else:
        raise BadLabels("give a pandas or polars data frame, an Arrow table, or three arrays (task, worker, label)")
    for name in COLUMNS:
        if name not in names:
            raise BadLabels(f"missing; there are {', '.join(sorted(names))}", column=name)
        if names.count(name) > 1:
            raise BadLabels(f"there are {names.count(name)} of this name", column=name)
    if len(labels) == 0:
        raise BadLabels("there are no answers")
    kind: FrameKind = "arrow" if package == "pyarrow" else "pandas" if package == "pandas" else "polars"
    return kind, (labels["task"], labels["worker"], labels["label"])


def read_answers(labels: Any) -> tuple[Answers, FrameKind]:
    """Encode answers of named labels (categorical, ordinal).

    raises  BadLabels naming the first row that has no task, worker or label
    """
    kind, columns = columns_of(labels)
    if kernels.has_numba():
        whole = [whole_numbers(column) for column in columns]
        dealt = _dealt([values for values in whole if values is not None])
        if dealt is not None:
            return dealt, kind
    coded = [encode(column, name) for column, name in zip(columns, COLUMNS, strict=True)]
    return arrange(coded[0], coded[1], coded[2], fresh=True), kind


def read_pairs(labels: Any) -> tuple[Answers, Objects, FrameKind]:
    """Encode task and worker only; the labels come back as they are, in order of (task, worker)."""
    kind, columns = columns_of(labels)
    values = as_objects(columns[2])
    check_present(values, "label")
    blank = (np.zeros(len(values), np.int32), np.empty(0, object))
    answers = arrange(encode(columns[0], "task"), encode(columns[1], "worker"), blank)
    order = answers.row if answers.row is not None else np.arange(len(values))
    return answers, values[order], kind


def arrange(
    tasks: tuple[Codes, Objects],
    workers: tuple[Codes, Objects],
    labels: tuple[Codes, Objects],
    *,
    fresh: bool = False,
) -> Answers:
    """Put coded answers in order of (task, worker) and drop a worker's repeats, keeping the first row given.

    fresh  the codes were made for this call and may be written over, and where each answer stood is not asked for
    """
    task, worker, label = tasks[0], workers[0], labels[0]
    task_count, worker_count = len(tasks[1]), len(workers[1])
    if fresh and task_count and kernels.has_numba():
        spans = (task_count, worker_count, len(labels[1]))
        found = _grouped(unwritten(task), unwritten(worker), unwritten(label), np.zeros(3, np.int64), spans)
        if found is not None:
            packed, start, bits = found
            same = [np.arange(span, dtype=np.int32) for span in spans[1:]]
            kernels.compiled(kernels.spread)(packed, start, bits, same[0], same[1], task, label)
            return Answers(task, packed, label, start, tasks[1], workers[1], labels[1])
    order = sort_order(task, worker, task_count, worker_count)
    if order is not None:
        label = label[order]
        # every task's answers stand together now, so its code is repeated, not looked up
        task = np.repeat(np.arange(task_count, dtype=np.int32), np.bincount(task, minlength=task_count))
        worker = worker[order]
    repeat = (task[1:] == task[:-1]) & (worker[1:] == worker[:-1])
    if repeat.any():
        keep = np.concatenate(([True], ~repeat))
        task, worker, label = task[keep], worker[keep], label[keep]
        order = np.flatnonzero(keep) if order is None else order[keep]
    start = np.zeros(task_count + 1, np.int64)
    np.cumsum(np.bincount(task, minlength=task_count), out=start[1:])
    return Answers(task, worker, label, start, tasks[1], workers[1], labels[1], order)


def whole_numbers(column: Any) -> npt.NDArray[Any] | None:
    """The column as an array where it holds whole numbers and lends them without much ado; None for all else."""
    package = type(column).__module__.split(".")[0]
    lends: dict[str, Callable[[], bool]] = {
        "pandas": lambda: isinstance(column.dtype, np.dtype),
        "polars": lambda: column.dtype.is_integer() and not column.null_count(),
        "pyarrow": lambda: str(column.type) in WHOLE_ARROW and not column.null_count,
    }
    if isinstance(column, np.ndarray):
        values = column
    elif package in lends and lends[package]():
        values = np.asarray(column.to_numpy())
    else:
        return None
    return values if values.ndim == 1 and values.dtype.kind in "iu" and values.dtype != np.uint64 else None


def _dealt(columns: Sequence[npt.NDArray[Any]]) -> Answers | None:
    """Answers of three columns of whole numbers in one counting sort, which needs no codes before it.

    None where a range is far wider than its count, a worker answered a task twice, or a task has very many answers
    """
    if len(columns) != 3:
        return None
    shown = [unwritten(np.ascontiguousarray(column, np.int64)) for column in columns]
    bounds = [kernels.compiled(kernels.bounds)(column) for column in shown]
    lows = np.asarray([low for low, _ in bounds], np.int64)
    spans = [int(high) - int(low) + 1 for low, high in bounds]
    if max(spans) > min(max(4 * len(shown[0]), 1 << 16), 1 << 31):
        return None
    found = _grouped(shown[0], shown[1], shown[2], lows, spans)
    if found is None:
        return None
    packed, start, label_bits = found
    held = start[1:] > start[:-1]
    if held.all():
        # the numbers themselves, counted up in place
        tasks = np.ones(spans[0], np.int64)
        tasks[0] = lows[0]
        np.cumsum(tasks, out=tasks)
    else:
        kept = np.flatnonzero(held)
        start, tasks = np.append(start[kept], start[-1]), kept + lows[0]
    there = [
        _occurring(column, int(low), span) for column, low, span in zip(shown[1:], lows[1:], spans[1:], strict=True)
    ]
    names = [np.flatnonzero(own) for own in there]
    places = [np.cumsum(own, dtype=np.int32) - np.int32(1) for own in there]
    task, label = np.empty(len(packed), np.int32), np.empty(len(packed), np.int32)
    kernels.compiled(kernels.spread)(packed, start, label_bits, places[0], places[1], task, label)
    named = (tasks, *(own + low for own, low in zip(names, lows[1:], strict=True)))
    values = [own.astype(column.dtype, copy=False) for own, column in zip(named, columns, strict=True)]
    return Answers(task, packed, label, start, values[0], values[1], values[2])


def unwritten(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view that cannot be written: what a frame lends may be so, and the compiled loops then are the same ones."""
    view = values.view()
    view.flags.writeable = False
    return view


def _grouped(
    task: npt.NDArray[Any], worker: npt.NDArray[Any], label: npt.NDArray[Any], lows: Any, spans: Sequence[int]
) -> tuple[Codes, npt.NDArray[np.int64], int] | None:
    """(workers and labels packed, start, bits of a label), by `kernels.deal`."""
    label_bits = max(1, spans[2] - 1).bit_length()
    if max(1, spans[1] - 1).bit_length() + label_bits > 31:
        return None
    # a first look at some answers; numbers far apart share a count, which at worst takes the slower way
    if int(np.bincount((task[: 1 << 16] - lows[0]) % (1 << 16)).max()) > GROUP_MOST:
        return None
    start, ends, packed = np.empty(spans[0] + 1, np.int64), np.zeros(spans[0], np.int32), np.empty(len(task), np.int32)
    if not kernels.compiled(kernels.deal)(task, worker, label, lows, label_bits, GROUP_MOST, ends, packed, start):
        return None
    return packed, start, label_bits


def _occurring(values: npt.NDArray[np.int64], low: int, span: int) -> npt.NDArray[np.bool_]:
    """Which of the numbers from `low` on occur; workers and labels mostly all do among the first answers."""
    there = np.zeros(span, bool)
    for part in (values[: 1 << 16], values[1 << 16 :]):
        there[part - low] = True
        if there.all():
            break
    return there


def sort_order(task: Codes, worker: Codes, task_count: int, worker_count: int) -> npt.NDArray[np.int64] | None:
    """Stable order by (task, worker); None when it stands so already."""
    worker_bits = max(1, worker_count - 1).bit_length()
    bits = max(1, task_count - 1).bit_length() + worker_bits
    key = task.astype(np.int64) << worker_bits
    key |= worker
    if bool((key[1:] >= key[:-1]).all()):
        return None
    if bits > 48:
        return np.argsort(key, kind="stable")
    # numpy sorts 16 bits by counting, so two or three such sorts, the low bits first, are faster than one of the whole
    order = np.argsort(key.astype(np.uint16), kind="stable")
    for done in range(16, bits, 16):
        order = order[np.argsort((key >> done).astype(np.uint16)[order], kind="stable")]
    return order


def encode(column: Any, name: str) -> tuple[Codes, Objects]:
    """(codes, sorted values) of one column.

    raises  BadLabels naming the first row without a value
    """
    package = type(column).__module__.split(".")[0]
    if package == "pandas":
        return _encode_pandas(column, name)
    if package == "polars":
        return _encode_polars(column, name)
    if package == "pyarrow":
        return _encode_arrow(column, name)
    values = column if isinstance(column, np.ndarray) else as_objects(column)
    return _encode_numpy(values, name)


def _encode_numpy(values: Objects, name: str) -> tuple[Codes, Objects]:
    if values.ndim != 1:
        raise BadLabels(f"has {values.ndim} dimensions, one is wanted", column=name)
    if values.dtype.kind in "iub":
        return encode_integers(values)
    check_present(values, name)
    if values.dtype.kind in "fUSM":
        found, codes = np.unique(values, return_inverse=True)
        return codes.astype(np.int32), found
    distinct: dict[Any, int] = {}
    try:
        codes = np.fromiter((distinct.setdefault(value, len(distinct)) for value in values), np.int32, len(values))
    except TypeError as error:
        row = next(row for row, value in enumerate(values) if not _hashable(value))
        raise BadLabels(f"{values[row]!r} cannot be a name", row=row, column=name) from error
    return _sorted_codes(codes, list(distinct))


def encode_integers(values: npt.NDArray[Any]) -> tuple[Codes, Objects]:
    """Codes of whole numbers; a table look-up when their range is near their count."""
    if kernels.has_numba() and values.dtype.kind != "b":
        low, high = (int(bound) for bound in kernels.compiled(kernels.bounds)(values))
    else:
        low, high = int(values.min()), int(values.max())
    if high - low >= min(max(4 * len(values), 1 << 16), 1 << 31) or high >= 1 << 63:
        found, codes = np.unique(values, return_inverse=True)
        return codes.astype(np.int32), found
    # cut to 32 bits before subtracting: both wrap alike, and the difference is below 2 ** 31
    cut = np.array(low & 0xFFFFFFFF, np.uint32).astype(np.int32)
    if kernels.has_numba() and values.dtype.kind != "b":
        present = np.zeros(high - low + 1, bool)
        packed: Codes = np.empty(len(values), np.int32)
        kernels.compiled(kernels.code_integers)(values, low, present, packed)
        if not present.all():
            packed = np.asarray((np.cumsum(present, dtype=np.int32) - np.int32(1))[packed], np.int32)
        return packed, (np.flatnonzero(present) + low).astype(values.dtype)
    shifted = (
        values.astype(np.int32)
        if values.dtype.kind == "b"
        else np.subtract(values, cut, dtype=np.int32, casting="unsafe")
    )
    present = np.zeros(high - low + 1, bool)
    present[shifted] = True
    found = np.flatnonzero(present)
    if len(found) == len(present):
        codes = np.asarray(shifted, np.int32)
    else:
        place = np.cumsum(present, dtype=np.int32) - np.int32(1)
        codes = np.asarray(place[shifted], np.int32)
    return np.asarray(codes, np.int32), (found + low).astype(values.dtype)


def _sorted_codes(codes: npt.NDArray[Any], distinct: list[Any]) -> tuple[Codes, Objects]:
    try:
        order = sorted(range(len(distinct)), key=lambda place: distinct[place])
    except TypeError:  # numbers beside texts: by kind first
        order = sorted(range(len(distinct)), key=lambda place: (type(distinct[place]).__name__, repr(distinct[place])))
    place = np.empty(len(distinct), np.int32)
    place[np.asarray(order, np.int64)] = np.arange(len(distinct), dtype=np.int32)
    return place[codes], objects([distinct[at] for at in order])


def _encode_pandas(column: Any, name: str) -> tuple[Codes, Objects]:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub":
        return encode_integers(column.to_numpy())
    missing = column.isna().to_numpy()
    if missing.any():
        raise BadLabels("no value", row=int(np.argmax(missing)), column=name)
    if isinstance(column.dtype, np.dtype):
        return _encode_numpy(column.to_numpy(), name)
    codes, distinct = column.factorize()
    return _sorted_codes(codes, distinct.tolist())


def _encode_polars(column: Any, name: str) -> tuple[Codes, Objects]:
    if column.null_count():
        raise BadLabels("no value", row=int(column.is_null().arg_max()), column=name)
    if column.dtype.is_numeric():
        return _encode_numpy(column.to_numpy(), name)
    codes = column.rank("dense").to_numpy().astype(np.int32) - np.int32(1)
    return codes, objects(column.unique().sort().to_list())


def _encode_arrow(column: Any, name: str) -> tuple[Codes, Objects]:
    if column.null_count:
        missing = column.is_null().to_numpy(zero_copy_only=False) if hasattr(column, "chunks") is False else None
        row = int(np.argmax(missing)) if missing is not None else int(np.argmax(column.is_null().to_numpy()))
        raise BadLabels("no value", row=row, column=name)
    plain = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if str(plain.type) in {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float", "double"}:
        return _encode_numpy(plain.to_numpy(zero_copy_only=False), name)
    coded = plain.dictionary_encode()
    return _sorted_codes(coded.indices.to_numpy(zero_copy_only=False), coded.dictionary.to_pylist())


def as_objects(column: Any) -> Objects:
    """Any column as a numpy array; mixed or nested values stay objects."""
    if isinstance(column, np.ndarray):
        return column
    package = type(column).__module__.split(".")[0]
    if package == "pandas":
        return np.asarray(column.to_numpy())
    if package == "polars":
        return column.to_numpy() if column.dtype.is_numeric() else objects(column.to_list())
    if package == "pyarrow":
        return objects(column.to_pylist())
    values = list(column)
    if all(type(value) is int for value in values):
        try:
            return np.asarray(values, np.int64)
        except OverflowError:
            return objects(values)
    if all(type(value) in (int, float) for value in values):
        return np.asarray(values, np.float64)
    return objects(values)


def objects(values: Sequence[Any]) -> Objects:
    """A one-dimensional array of objects, also when the values are lists; whole numbers stay numbers."""
    if values and all(type(value) is int for value in values):
        return np.asarray(values)
    array = np.empty(len(values), object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def check_present(values: Objects, name: str) -> None:
    """Raises BadLabels naming the first row without a value (None, NaN, NaT)."""
    if values.dtype.kind == "f":
        missing = np.isnan(values)
    elif values.dtype.kind == "M":
        missing = np.isnat(values)
    elif values.dtype.kind == "O":
        missing = np.fromiter((is_missing(value) for value in values), bool, len(values))
    else:
        return
    if missing.any():
        raise BadLabels("no value", row=int(np.argmax(missing)), column=name)


def is_missing(value: Any) -> bool:
    """True for None, NaN and what pandas calls NA."""
    return (
        value is None
        or (isinstance(value, (float, np.floating)) and math.isnan(value))
        or type(value).__name__
        in {
            "NAType",
            "NaTType",
        }
    )


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def write_verdicts(verdicts: Verdicts, like: Any, kind: FrameKind) -> Any:
    """The verdicts as the same kind of table as `like`."""
    if kind == "arrays":
        return verdicts
    columns = dict(zip(Verdicts._fields, verdicts, strict=True))
    if kind == "pandas":
        # the columns were made here: the frame may keep them
        return type(like)(columns, copy=False)
    if kind == "polars":
        return type(like)({name: _plain(values) for name, values in columns.items()}, strict=False)
    plain = {name: _plain(values) for name, values in columns.items()}
    return type(like).from_pydict(plain)


def _plain(values: Objects) -> Any:
    return values.tolist() if values.dtype.kind == "O" else values


def read_gold(gold: Any, answers: Answers) -> tuple[npt.NDArray[np.int64], Codes]:
    """Gold as (task codes, label codes), in order of task. Gold of tasks without answers is left out.

    gold    a mapping task -> label, a table with columns task and label, or two arrays
    raises  BadLabels for a gold label that no worker used: it cannot be inferred, the row is named
    """
    pairs = gold_pairs(gold)
    if not pairs:
        return np.empty(0, np.int64), np.empty(0, np.int32)
    names = {value: code for code, value in enumerate(answers.labels.tolist())}
    places = {value: code for code, value in enumerate(answers.tasks.tolist())}
    found: dict[int, int] = {}
    for row, (task, label) in enumerate(pairs):
        if is_missing(task) or is_missing(label):
            raise BadLabels("gold without a value", row=row, column="task" if is_missing(task) else "label")
        if label not in names:
            raise BadLabels(
                f"gold label {label!r} was given by no worker (labels are {_some(answers.labels)})",
                row=row,
                column="gold",
            )
        if task in places and found.setdefault(places[task], names[label]) != names[label]:
            raise BadLabels(f"gold of task {task!r} contradicts an earlier row", row=row, column="gold")
    ordered = sorted(found)
    return np.asarray(ordered, np.int64), np.asarray([found[task] for task in ordered], np.int32)


def gold_pairs(gold: Any) -> list[tuple[Any, Any]]:
    """(task, label) pairs of a mapping, a table with columns task and label, a series by task, or two arrays."""
    if gold is None:
        return []
    if isinstance(gold, Mapping):
        return list(gold.items())
    package = type(gold).__module__.split(".")[0]
    if package == "pandas" and not hasattr(gold, "columns"):
        return list(zip(gold.index.tolist(), gold.tolist(), strict=True))
    names = list(gold.columns if package != "pyarrow" else gold.column_names) if hasattr(gold, "columns") else []
    lacking = [name for name in ("task", "label") if names.count(name) != 1]
    if package in {"pandas", "polars", "pyarrow"} and lacking:
        raise BadLabels(f"gold has {', '.join(map(str, names))}: one column task and one label", column=lacking[0])
    if package in {"pandas", "polars"}:
        return list(zip(gold["task"].to_list(), gold["label"].to_list(), strict=True))
    if package == "pyarrow":
        return list(zip(gold["task"].to_pylist(), gold["label"].to_pylist(), strict=True))
    if isinstance(gold, (tuple, list)) and len(gold) == 2:
        tasks, labels = as_objects(gold[0]).tolist(), as_objects(gold[1]).tolist()
        if len(tasks) != len(labels):
            raise BadLabels(f"gold has {len(tasks)} tasks and {len(labels)} labels")
        return list(zip(tasks, labels, strict=True))
    raise BadLabels("give gold as a mapping task -> label, a table with columns task and label, or two arrays")


def read_prior(prior: Any) -> dict[Any, tuple[float, float]] | None:
    """Reputation as worker -> (right, wrong) answers; None when there is none.

    raises  BadLabels for anything but a mapping to two counts of 0 or more; the worker is named
    """
    if prior is None:
        return None
    if not isinstance(prior, Mapping):
        raise BadLabels("give the prior as a mapping worker -> (right, wrong) answers", column="prior")
    counts: dict[Any, tuple[float, float]] = {}
    for worker, pair in prior.items():
        try:
            right, wrong = (float(part) for part in pair)
        except (TypeError, ValueError):
            right = wrong = math.nan
        if not (0 <= right < math.inf and 0 <= wrong < math.inf):
            raise BadLabels(f"prior of worker {worker!r} is {pair!r}: two counts of 0 or more", column="prior")
        counts[worker] = right, wrong
    return counts or None


def _some(values: Objects, most: int = 6) -> str:
    shown = ", ".join(repr(value) for value in values[:most].tolist())
    return shown + (", ..." if len(values) > most else "")
