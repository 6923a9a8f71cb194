"""`aggregate`: redundant answers in, one verdict per task out, for every kind of answer.

Rules kept here
- The kind is read off the answers, the model is chosen by what is known; both are said in the report.
- With few workers, few tasks and no gold it votes: there is nothing to learn skill from.
- Workers who copy each other count once before any model sees them.
- The confidence is calibrated on gold, or the report says that it is not.

>>> table = aggregate((["t1"] * 3 + ["t2"] * 3, ["a", "b", "c"] * 2, ["x", "x", "y", "y", "y", "y"]))
>>> table.label.tolist(), table.support.tolist()
(['x', 'y'], [2, 3])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np

from manyhands.quality import categorical, engine, numeric, ranking, shapes, strings, texts
from manyhands.quality.abuse import Clusters, Flag, copy_flags, find_copies, merge_copies
from manyhands.quality.calibration import AGAIN_SPREAD, GOLD_LEAST, Reliability, Scale, fit_scale, reliability
from manyhands.quality.categorical import Fit, Task
from manyhands.quality.errors import BadLabels, UnknownMethod
from manyhands.quality.fields import FIELD_TYPES, normalise
from manyhands.quality.records import RecordVerdict, SumCheck, decide_records
from manyhands.quality.table import (
    Answers,
    Floats,
    FrameKind,
    Objects,
    Verdicts,
    as_objects,
    columns_of,
    encode,
    gold_pairs,
    is_missing,
    objects,
    read_answers,
    read_gold,
    read_pairs,
    read_prior,
    write_verdicts,
)

Prior = Mapping[Any, tuple[float, float]] | None

KINDS: Final = (
    "auto",
    "categorical",
    "ordinal",
    "numeric",
    "text",
    "transcription",
    "multi-label",
    "boxes",
    "spans",
    "keypoints",
    "masks",
    "records",
    "ranking",
)
#: fewer tasks or fewer answers per worker than this, and no gold: vote
TASKS_LEAST: Final = 50
ANSWERS_PER_WORKER_LEAST: Final = 3.0
#: what a number beside a verdict is while gold has not made it a confidence
UNCALIBRATED: Final[Mapping[str, str]] = {
    "numeric": "uncalibrated: chance that the truth lies within half the usual spread, errors taken as normal",
    "text": "uncalibrated: share of agreeing words",
    "transcription": "uncalibrated: model posterior",
    "records": "uncalibrated: product of the fields' model posteriors",
}
#: so many different numbers may be names of classes without being looked at further
MANY_NAMES: Final = 20
#: numbers beyond this cannot be squared
NUMBER_MOST: Final = 1e150
#: gold items from which models are weighed on gold
POOL_FROM: Final = 30


@dataclass(frozen=True)
class Report:
    """What was done and what it rests on.

    method        name of the method used, with the reason
    confidence    one sentence: calibrated on what, or uncalibrated
    reliability   table over blind gold, None without gold
    flags         signs of copying, with evidence
    skill         worker -> estimated share right on an average task of this set
    ask_again     records only: task -> fields that are unsure or fail a check across fields, least sure first
    """

    kind: str
    method: str
    because: str
    steps: int
    confidence: str
    calibrated: bool
    reliability: Reliability | None
    flags: tuple[Flag, ...]
    skill: dict[Any, float]
    ask_again: dict[Any, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """table: same kind as the input; report: how it came about."""

    table: Any
    report: Report


def aggregate(
    labels: Any, *, gold: Any = None, prior: Any = None, kind: str = "auto", method: str = "auto", seed: int = 0
) -> Any:
    """One verdict per task.

    labels   pandas or polars data frame or Arrow table with columns task, worker, label; or three arrays
    gold     known truth: mapping task -> label, table with task and label, or two arrays
    prior    reputation: worker -> (right, wrong) answers; enters every step, cap it at 20 (`reputation.into_job`)
    kind     auto | categorical | ordinal | numeric | text | transcription[:field type] | multi-label | boxes | spans |
             keypoints | masks | records (field -> text) | ranking (items from best to worst); auto sees all but ranking
    method   auto, or a method's name: see `categorical.METHODS`, `numeric.NUMERIC`, `texts.TEXT_METHODS`
    seed     kept for methods that draw; those here do not, so that every seed gives the same bytes
    returns  the same kind of table with task, label, confidence (0..1), support (workers equal to the label), by task
    raises   BadLabels naming the row, UnknownMethod
    """
    return infer(labels, gold=gold, prior=prior, kind=kind, method=method, seed=seed).table


def infer(
    labels: Any,
    *,
    gold: Any = None,
    prior: Any = None,
    kind: str = "auto",
    method: str = "auto",
    seed: int = 0,
    steps: int | None = None,
    check_copies: bool = True,
    types: Mapping[str, str] | None = None,
    checks: Sequence[SumCheck] = (),
) -> Result:
    """`aggregate` with its report.

    steps          exactly so many EM steps in place of convergence
    types, checks  records only: field -> field type of `fields.normalise`, and the sums that must hold across fields
    """
    frame, columns = columns_of(labels)
    asked, _, field_type = str(kind).partition(":")
    if asked not in KINDS or (field_type and field_type not in FIELD_TYPES):
        raise UnknownMethod(kind, allowed=(*KINDS, *(f"transcription:{name}" for name in FIELD_TYPES)))
    found = kind_of(columns[2], columns[0]) if asked == "auto" else asked
    result = _by_kind(
        labels,
        frame,
        found,
        field_type,
        gold,
        read_prior(prior),
        str(method),
        seed,
        steps,
        check_copies,
        types or {},
        checks,
    )
    if gold is None:
        return result
    answered = set(as_objects(columns[0]).tolist())
    known = {task for task, _ in gold_pairs(gold)}
    if without := len(known - answered):
        told = f"{result.report.confidence}; {without} of {len(known)} gold tasks have no answers"
        return replace(result, report=replace(result.report, confidence=told))
    return result


def _by_kind(
    labels: Any,
    frame: FrameKind,
    found: str,
    field_type: str,
    gold: Any,
    prior: Prior,
    method: str,
    seed: int,
    steps: int | None,
    check_copies: bool,
    types: Mapping[str, str],
    checks: Sequence[SumCheck],
) -> Result:
    if found in {"categorical", "ordinal"}:
        engine.warm()
        return _named(labels, found, gold, prior, method, seed, steps, check_copies)
    if found == "numeric":
        return _numbers(labels, frame, gold, method)
    if found == "text":
        return _texts(labels, prior, method, gold)
    if found == "transcription":
        return _strings(labels, prior, method, gold, field_type or "text")
    if found == "multi-label":
        return _sets(labels, prior, method, seed, gold)
    if found == "records":
        return _records(labels, prior, method, gold, types, checks)
    if found == "ranking":
        return _orders(labels, method, gold)
    return _shapes(labels, found, prior, method, gold)


def kind_of(column: Any, tasks: Any = None) -> str:
    """The kind of answers: sets -> multi-label, shapes by their keys, numbers with many values -> numeric, texts.

    tasks  the task of each answer: tells many whole numbers that are names from a measure (`_are_names`)
    """
    values = as_objects(column)
    if values.dtype.kind == "b" or (values.dtype.kind in "iu" and int(values.max()) - int(values.min()) < 20):
        return "categorical"
    if values.dtype.kind in "iuf":
        return _kind_of_numbers(values, tasks)
    # who marked nothing gave an empty list, which says nothing about its kind
    said = [
        (row, _structure(value))
        for row, value in enumerate(values.tolist())
        if not is_missing(value) and not (isinstance(value, list) and not value)
    ]
    if said and any(kind for _, kind in said):
        row = next((row for row, kind in said if kind != said[0][1]), None)
        if row is not None:
            raise BadLabels(f"{values[row]!r} is of another kind than the answers before it", row=row, column="label")
        return said[0][1]
    if said and all(isinstance(value, bool) for value in values.tolist()):
        return "categorical"
    if said and all(isinstance(value, (int, float)) for value in values.tolist()):
        return _kind_of_numbers(values.astype(np.float64), tasks)
    distinct, count = np.unique(np.asarray([str(value) for value in values.tolist()]), return_counts=True)
    if len(distinct) <= max(20, len(values) / 20):
        return "categorical"
    spaces = np.char.count(np.char.strip(distinct), " ")
    return "text" if float((spaces * count).sum()) >= len(values) else "transcription"


def _kind_of_numbers(values: Floats, tasks: Any) -> str:
    there = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), bool)
    distinct = len(np.unique(values[there]))
    whole = values.dtype.kind != "f" or bool((np.floor(values[there]) == values[there]).all())
    if not whole:
        # decimals that hardly repeat are measured, however few they are; half points of a scale repeat
        return "numeric" if distinct > MANY_NAMES or 2 * distinct > int(there.sum()) else "categorical"
    if distinct <= MANY_NAMES:
        return "categorical"
    return "categorical" if tasks is not None and there.all() and _are_names(tasks, values) else "numeric"


def _are_names(tasks: Any, values: Floats) -> bool:
    """Whether whole numbers are names of things, such as codes of classes, and not a measure.

    Names people repeat, a measure is hardly ever hit exactly twice. And between names nothing is near: answers to a
    task that differ lie about as far apart as answers to different tasks, where those of a measure lie near each other.
    So: a fifth of what chance leaves to two answers is equal, and those that differ lie no nearer than by chance; or
    half of it is equal, and they lie not much nearer, as where classes that are mistaken for each other have codes
    side by side.
    """
    codes, names = encode(tasks, "task")
    values = values.astype(np.float64)
    order = np.lexsort((values, codes))
    within = _pairs(values[order], np.bincount(codes, minlength=len(names)))
    among = _pairs(np.sort(values), np.asarray([len(values)]))
    if not within.every or among.equal >= among.every or not among.apart:
        return False
    by_chance = among.equal / among.every
    beyond = (within.equal / within.every - by_chance) / (1.0 - by_chance)
    unequal = within.every - within.equal
    if not unequal:
        return True
    near = (within.apart / unequal) / (among.apart / (among.every - among.equal))
    return (beyond > 0.2 and near > 0.9) or (beyond > 0.5 and near > 0.5)


class _Pairs(NamedTuple):
    """Pairs of answers: how many, how many are equal, and the sum of the distances."""

    every: float
    equal: float
    apart: float


def _pairs(values: Floats, lengths: Any) -> _Pairs:
    """All pairs inside groups of these lengths, which stand one after another, each in rising order."""
    size = lengths.astype(np.float64)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    place = np.arange(len(values)) - first
    # in rising order the value at place i of n is the greater one of i pairs and the lesser one of n - 1 - i
    apart = float(((2.0 * place - np.repeat(size, lengths) + 1.0) * (values - values.mean())).sum())
    fresh = np.ones(len(values), bool)
    fresh[1:] = (values[1:] != values[:-1]) | (place[1:] == 0)
    run = np.diff(np.append(np.flatnonzero(fresh), len(values))).astype(np.float64)
    return _Pairs(float((size * (size - 1.0)).sum()) / 2.0, float((run * (run - 1.0)).sum()) / 2.0, apart)


def _structure(value: Any) -> str:
    """The kind that an answer's own form says: a record, shapes, a set of labels; "" for a plain value."""
    if isinstance(value, Mapping):
        return "records"
    if isinstance(value, (set, frozenset, list)):
        return shapes.shape_kind(value) or "multi-label"
    return ""


def choose(task: Task) -> tuple[str, str]:
    """(method, because) for named labels when nobody chose one.

    Without gold: weighted majority when there is too little to learn skill from; the hierarchical model when each
    parameter of a worker's matrix has ten answers that are no chance (answers per parameter times Fleiss' kappa), since
    the answers then tell it; between, the average of models.
    With 30 gold items or more: the pool of models that gold makes as sure as they are right.
    """
    answers = task.answers
    per_worker = answers.count / max(1, len(np.unique(answers.worker)))
    gold = len(task.gold_tasks)
    if not categorical.matrices_fit(answers):
        return (
            "one-coin",
            f"{answers.label_count} labels are too many for a matrix of each worker; copies are not sought",
        )
    if gold >= POOL_FROM:
        return "pooled", f"{gold} gold items say how far each model may be believed"
    if task.prior is None:
        if int(np.diff(answers.start).max()) < 2:
            return "weighted-majority", "no task has two answers: nothing says who is right"
        if answers.task_count < TASKS_LEAST:
            return "weighted-majority", f"{answers.task_count} tasks are too few to learn skill from"
        if per_worker < ANSWERS_PER_WORKER_LEAST:
            return "weighted-majority", f"{per_worker:.1f} answers a worker are too few to learn skill from"
    kappa = categorical.agreement_kappa(task)
    telling = categorical.answers_per_parameter(task) * kappa
    if telling >= categorical.TELLING_ANSWERS:
        return "hierarchical", f"{telling:.0f} telling answers to each parameter of a worker's matrix"
    if kappa <= 0.0:
        return "averaged", "people agree no more than by chance: without gold nothing says who is right"
    return "averaged", f"{telling:.1f} telling answers to each parameter of a matrix do not say which model is right"


def _named(
    labels: Any,
    kind: str,
    gold: Any,
    prior: Any,
    method: str,
    seed: int,
    steps: int | None,
    check_copies: bool,
) -> Result:
    answers, frame = read_answers(labels)
    most = categorical.POSTERIOR_CELLS_MOST // answers.task_count
    if answers.label_count > most:
        row = _first_beyond(columns_of(labels)[1][2], most)
        reason = (
            f"label {most + 1} of {answers.label_count} on {answers.task_count} tasks: give values as transcription"
        )
        raise BadLabels(reason, row=row, column="label")
    task = task_of(answers, gold, prior, seed=seed, steps=steps)
    verdicts, report = judge(task, kind=kind, method=method, check_copies=check_copies)
    return Result(write_verdicts(verdicts, labels, frame), report)


def _first_beyond(column: Any, most: int) -> int:
    """The row in which one label more than `most` is met."""
    seen: set[Any] = set()
    for row, label in enumerate(as_objects(column).tolist()):
        seen.add(label)
        if len(seen) > most:
            return row
    raise AssertionError("there are more labels than that")


def task_of(answers: Answers, gold: Any = None, prior: Any = None, *, seed: int = 0, steps: int | None = None) -> Task:
    """Coded answers with coded gold and reputation."""
    gold_tasks, gold_labels = read_gold(gold, answers)
    return Task(answers, gold_tasks, gold_labels, _prior_table(read_prior(prior), answers), seed, steps)


def judge(
    task: Task, *, kind: str = "categorical", method: str = "auto", check_copies: bool = True
) -> tuple[Verdicts, Report]:
    """Verdicts and report for coded answers."""
    answers = task.answers
    looked_for = check_copies and method == "auto" and categorical.matrices_fit(answers)
    clusters = find_copies(answers) if looked_for else Clusters((), ())
    merged = merge_copies(answers, clusters)
    inner = replace(task, answers=merged) if clusters.groups else task
    if method == "auto":
        name, because = choose(inner)
    else:
        name, because = method, "asked for"
    if answers.label_count == 1:
        shape = (answers.task_count, 1)
        fit = Fit(np.ones(shape), np.ones(answers.worker_count))
        because = "there is one label"
    else:
        fit = categorical.method_named(name, inner.answers)(inner)
    if kind == "ordinal":
        best = _median_label(fit.posterior)
        top = fit.posterior[np.arange(len(best)), best]
    else:
        best, top = engine.best_of(fit.posterior)
    scale, table = _calibrate(task, fit)
    if fit.apart is not None and table is not None:
        # what was fitted on gold judged apart is applied to tasks judged apart
        top = fit.apart[np.arange(len(best)), best]
    confidence = scale.apply(top)
    confidence[task.gold_tasks] = 1.0
    support = engine.support_of(answers, best)
    skill = {worker: round(float(value), 6) for worker, value in zip(answers.workers.tolist(), fit.skill, strict=True)}
    report = Report(
        kind, name, because, fit.steps, scale.says, scale.calibrated, table, tuple(copy_flags(answers, clusters)), skill
    )
    return Verdicts(answers.tasks, answers.labels[best], confidence, support), report


def _calibrate(task: Task, fit: Fit) -> tuple[Scale, Reliability | None]:
    blind = fit.blind(task)
    if blind is None or len(blind) < GOLD_LEAST:
        return fit_scale(np.empty(0), np.empty(0, bool), usual=fit.usual), None
    best, top = engine.best_of(blind)
    right = best == task.gold_labels
    if fit.tempered:
        scale = fit_scale(top, right, usual=1.0, temperature_spread=AGAIN_SPREAD, shift_spread=AGAIN_SPREAD)
    else:
        scale = fit_scale(top, right, usual=fit.usual)
    return scale, reliability(scale.apply(top), right)


def _median_label(posterior: Floats) -> Any:
    """The label in the middle of the posterior: least mean absolute error."""
    return (np.cumsum(posterior, axis=1) < 0.5 - engine.TIE).sum(axis=1).clip(0, posterior.shape[1] - 1)


def _prior_table(prior: Prior, answers: Answers) -> Floats | None:
    if not prior:
        return None
    return np.asarray([prior.get(worker, (0.0, 0.0)) for worker in answers.workers.tolist()], np.float64)


def _numbers(labels: Any, frame: FrameKind, gold: Any, method: str) -> Result:
    answers, raw, frame = read_pairs(labels)
    try:
        values = raw.astype(np.float64)
    except (TypeError, ValueError) as error:
        bad = next(place for place, value in enumerate(raw) if not _is_number(value))
        raise BadLabels(f"{raw[bad]!r} is no number", row=_given_row(answers, bad), column="label") from error
    if not np.isfinite(values).all():
        bad = int(np.argmax(~np.isfinite(values)))
        raise BadLabels("not finite", row=_given_row(answers, bad), column="label")
    if float(np.abs(values).max()) > NUMBER_MOST:
        bad = int(np.argmax(np.abs(values) > NUMBER_MOST))
        reason = f"{values[bad]:g} is beyond {NUMBER_MOST:g}, whose square no number holds"
        raise BadLabels(reason, row=_given_row(answers, bad), column="label")
    fit = numeric.numeric_named(method)(answers, values)
    pooled = float(np.sqrt(np.mean((values - fit.value[answers.task]) ** 2))) if answers.count else 0.0
    tolerance = np.maximum(0.01 * np.abs(fit.value), 0.5 * pooled)
    known = dict(gold_pairs(gold))
    value = np.asarray(
        [float(known.get(task, got)) for task, got in zip(answers.tasks.tolist(), fit.value, strict=True)]
    )
    confidence = numeric.within(fit, np.maximum(tolerance, 1e-12))
    # the estimate never looks at gold, so it is blind to it; right is what the confidence speaks of, being near enough
    places = {name: place for place, name in enumerate(answers.tasks.tolist())}
    checked = np.asarray([places[name] for name in known if name in places], np.int64)
    hit = np.abs(fit.value[checked] - value[checked]) <= tolerance[checked]
    confidence, says, table = _by_gold(confidence, confidence[checked], hit, UNCALIBRATED["numeric"])
    confidence[checked] = 1.0
    near = np.abs(values - value[answers.task]) <= tolerance[answers.task]
    support = np.bincount(answers.task, near, answers.task_count).astype(np.int64)
    report = Report(
        "numeric",
        method,
        "smallest difference between halves" if method == "auto" else "asked for",
        1,
        says,
        table is not None,
        table,
        (),
        {worker: float(noise) for worker, noise in zip(answers.workers.tolist(), fit.noise, strict=True)},
    )
    return Result(write_verdicts(Verdicts(answers.tasks, value, confidence, support), labels, frame), report)


def _texts(labels: Any, prior: Any, method: str, gold: Any) -> Result:
    answers, raw, frame = read_pairs(labels)
    given = [str(value) for value in raw]
    weights = [1.0] * answers.worker_count
    if prior:
        names = answers.workers.tolist()
        known = {place: prior[name] for place, name in enumerate(names) if name in prior}
        groups = [
            [(int(answers.worker[row]), texts.words_of(given[row])) for row in _rows(answers, task)]
            for task in range(answers.task_count)
        ]
        weights = texts.worker_weights(groups, answers.worker_count, known)
    known_text = dict(gold_pairs(gold))
    chosen, sure, support = [], [], []
    blind: list[tuple[float, bool]] = []
    for task, name in enumerate(answers.tasks.tolist()):
        rows = _rows(answers, task)
        text, share, count = texts.decide(
            [given[row] for row in rows], [weights[int(answers.worker[row])] for row in rows], method
        )
        if name in known_text:
            blind.append((share, texts.words_of(text) == texts.words_of(str(known_text[name]))))
        chosen.append(str(known_text.get(name, text)))
        sure.append(share)
        support.append(count)
    shown, says, table = _by_gold(
        np.asarray(sure),
        np.asarray([share for share, _ in blind]),
        np.asarray([hit for _, hit in blind], bool),
        UNCALIBRATED["text"],
    )
    shown = np.where([name in known_text for name in answers.tasks.tolist()], 1.0, shown)
    verdicts = Verdicts(answers.tasks, objects(chosen), shown, np.asarray(support, np.int64))
    because = "a text that two people wrote, else the alignment vote" if method == "auto" else "asked for"
    report = Report("text", method, because, 1, says, table is not None, table, (), {})
    return Result(write_verdicts(verdicts, labels, frame), report)


def _strings(labels: Any, prior: Any, method: str, gold: Any, field_type: str) -> Result:
    if method not in {"auto", "vote"}:
        raise UnknownMethod(method, allowed=("auto", "vote"))
    answers, raw, frame = read_pairs(labels)
    given = [str(value) for value in raw]
    keys = [normalise(text, field_type) for text in given]
    pseudo = _prior_table(prior, answers)
    right0, all0 = (pseudo[:, 0], pseudo.sum(axis=1)) if pseudo is not None else (np.zeros(1), np.zeros(1))
    count = np.bincount(answers.worker, minlength=answers.worker_count)
    skill = np.full(answers.worker_count, 0.9)
    truth = {name: normalise(str(value), field_type) for name, value in gold_pairs(gold)}
    names = answers.tasks.tolist()
    best: list[tuple[str, float, int]] = []
    step = 0
    for step in range(1, 11):  # noqa: B007  # the last one is reported
        before = best
        best = []
        for task, name in enumerate(names):
            rows = _rows(answers, task)
            if name in truth:
                best.append((truth[name], 1.0, sum(keys[row] == truth[name] for row in rows)))
                continue
            best.append(strings.vote([keys[row] for row in rows], [float(skill[answers.worker[row]]) for row in rows]))
        hit = np.asarray([best[task][1] * (keys[row] == best[task][0]) for row, task in enumerate(answers.task)])
        # nine right of ten is what a person is taken for before anything is known (four answers' worth)
        # kept to nine places: the last ones depend on the order of names, and skills may tie
        skill = (np.bincount(answers.worker, hit, answers.worker_count) + 3.6 + right0) / (count + 4.0 + all0)
        skill = np.round(skill, 9)
        if [row[0] for row in best] == [row[0] for row in before]:
            break
    # known tasks as if they were not: by the skill that their workers have on all other tasks
    blind = []
    for task, name in enumerate(names):
        if name in truth:
            rows = _rows(answers, task)
            who = answers.worker[rows.start : rows.stop]
            own = skill[who] * (count[who] + 4.0 + (all0[who] if len(all0) > 1 else 0.0))
            own = (own - hit[rows.start : rows.stop]) / (count[who] + 3.0 + (all0[who] if len(all0) > 1 else 0.0))
            key, share, _ = strings.vote([keys[row] for row in rows], np.round(own, 9).tolist())
            blind.append((share, key == truth[name]))
    sure, says, table = _by_gold(
        np.asarray([row[1] for row in best]),
        np.asarray([share for share, _ in blind]),
        np.asarray([same for _, same in blind], bool),
        UNCALIBRATED["transcription"],
    )
    sure = np.where([name in truth for name in names], 1.0, sure)
    chosen = []
    for task, (key, _, _) in enumerate(best):
        spelled = Counter(" ".join(given[row].split()) for row in _rows(answers, task) if keys[row] == key)
        chosen.append(min(spelled, key=lambda text: (-spelled[text], text)) if spelled else key)
    verdicts = Verdicts(
        answers.tasks,
        objects(chosen),
        sure,
        np.asarray([row[2] for row in best], np.int64),
    )
    workers = {worker: float(value) for worker, value in zip(answers.workers.tolist(), skill, strict=True)}
    report = Report(
        "transcription",
        "vote",
        f"skill-weighted vote on {field_type}",
        step,
        says,
        table is not None,
        table,
        (),
        workers,
    )
    return Result(write_verdicts(verdicts, labels, frame), report)


def _sets(labels: Any, prior: Any, method: str, seed: int, gold: Any) -> Result:
    """Multi-label: one yes-or-no question per label (binary relevance), each by the model for named labels."""
    answers, raw, frame = read_pairs(labels)
    for row, value in enumerate(raw):
        if not isinstance(value, (set, frozenset, list, tuple)) or not all(isinstance(one, Hashable) for one in value):
            raise BadLabels(f"{value!r:.60} is no set of labels", row=_given_row(answers, row), column="label")
    given = [frozenset(value) for value in raw]
    places = {task: place for place, task in enumerate(answers.tasks.tolist())}
    known = sorted((places[task], frozenset(value)) for task, value in gold_pairs(gold) if task in places)
    known_tasks = np.asarray([task for task, _ in known], np.int64)
    names = sorted({name for own in given for name in own}, key=lambda name: (type(name).__name__, name))
    chosen: list[list[Any]] = [[] for _ in range(answers.task_count)]
    sure, support = np.ones(answers.task_count), np.zeros(answers.task_count, np.int64)
    report = Report("multi-label", method, "binary relevance", 1, "uncalibrated", False, None, (), {})
    for name in names:
        own = replace(
            answers, label=np.asarray([name in one for one in given], np.int32), labels=np.asarray([False, True])
        )
        verdicts, report = judge(
            Task(
                own,
                known_tasks,
                np.asarray([name in value for _, value in known], np.int32),
                _prior_table(prior, own),
                seed=seed,
            ),
            method=method,
            check_copies=False,
        )
        sure = np.minimum(sure, verdicts.confidence)
        for place in np.flatnonzero(verdicts.label.astype(bool)):
            chosen[place].append(name)
    for task, value in known:
        chosen[task] = sorted(value, key=lambda name: (type(name).__name__, name))
    for task in range(answers.task_count):
        support[task] = sum(given[row] == frozenset(chosen[task]) for row in _rows(answers, task))
    table = write_verdicts(Verdicts(answers.tasks, _lists(chosen), sure, support), labels, frame)
    # each label may be calibrated; the least of their confidences is a bound on the set's, and no share of right sets
    says = "uncalibrated as a set: the least sure of its labels"
    return Result(
        table,
        replace(
            report,
            kind="multi-label",
            because=f"binary relevance over {len(names)} labels",
            confidence=says,
            calibrated=False,
            reliability=None,
        ),
    )


def _shapes(labels: Any, kind: str, prior: Prior, method: str, gold: Any) -> Result:
    if method not in {"auto", "matching"}:
        raise UnknownMethod(method, allowed=("auto", "matching"))
    answers, raw, frame = read_pairs(labels)
    for place, value in enumerate(raw):
        if fault := shapes.fault_of(value, kind):
            raise BadLabels(fault, row=_given_row(answers, place), column="label")
    places = {task: place for place, task in enumerate(answers.tasks.tolist())}
    known: dict[int, list[Any]] = {}
    for row, (task, value) in enumerate(gold_pairs(gold)):
        if fault := shapes.fault_of(value, kind):
            raise BadLabels(fault, row=row, column="gold")
        if task in places:
            known[places[task]] = value
    # four of five right are expected of somebody nobody knows
    right0, seen0 = np.full(answers.worker_count, 4.0), np.full(answers.worker_count, 5.0)
    if (pseudo := _prior_table(prior, answers)) is not None:
        right0, seen0 = right0 + pseudo[:, 0], seen0 + pseudo.sum(axis=1)
    for task, truth in known.items():
        for row in _rows(answers, task):
            found_of, of = shapes.hits(raw[row], truth, kind)
            right0[answers.worker[row]] += found_of
            seen0[answers.worker[row]] += of
    skill = right0 / seen0
    found: list[list[shapes.Merged]] = []
    for _ in range(3):
        found = [
            shapes.merge(
                [raw[row] for row in _rows(answers, task)],
                [float(skill[answers.worker[row]]) for row in _rows(answers, task)],
                kind,
            )
            for task in range(answers.task_count)
        ]
        right, seen = right0.copy(), seen0.copy()
        for task, merged in enumerate(found):
            if task in known:
                continue
            for place, row in enumerate(_rows(answers, task)):
                for one in merged:
                    seen[answers.worker[row]] += 1
                    right[answers.worker[row]] += (place in one.behind) == one.exists
        skill = right / seen
    kept = [[one for one in merged if one.exists] for merged in found]
    sure = [min((one.confidence for one in merged), default=1.0) for merged in found]
    support = [min((len(one.behind) for one in merged), default=0) for merged in kept]
    delivered: list[list[Any]] = [[one.shape for one in merged] for merged in kept]
    for task, truth in known.items():
        delivered[task], sure[task] = truth, 1.0
        support[task] = sum(
            found_of == of for found_of, of in (shapes.hits(raw[row], truth, kind) for row in _rows(answers, task))
        )
    verdicts = Verdicts(answers.tasks, _lists(delivered), np.asarray(sure), np.asarray(support, np.int64))
    workers = {worker: float(value) for worker, value in zip(answers.workers.tolist(), skill, strict=True)}
    report = Report(
        kind,
        "matching",
        "Hungarian matching, existence vote, weighted median",
        3,
        "uncalibrated",
        False,
        None,
        (),
        workers,
    )
    return Result(write_verdicts(verdicts, labels, frame), report)


def _records(
    labels: Any, prior: Any, method: str, gold: Any, types: Mapping[str, str], checks: Sequence[SumCheck]
) -> Result:
    """Key-value documents: field by field with the worker's skill in each type of field, then across fields."""
    if method not in {"auto", "fields"}:
        raise UnknownMethod(method, allowed=("auto", "fields"))
    answers, raw, frame = read_pairs(labels)
    for place, value in enumerate(raw):
        if not isinstance(value, Mapping):
            raise BadLabels(f"{value!r} is no record (field -> text)", row=_given_row(answers, place), column="label")
    workers, tasks = answers.workers.tolist(), answers.tasks.tolist()
    documents = [
        [
            (
                str(answers.worker[row]),
                {str(name): str(text) for name, text in raw[row].items() if not is_missing(text)},
            )
            for row in _rows(answers, task)
        ]
        for task in range(answers.task_count)
    ]
    codes = {name: str(code) for code, name in enumerate(workers)}
    places = {task: place for place, task in enumerate(tasks)}
    truth = {places[task]: dict(record) for task, record in gold_pairs(gold) if task in places}
    known = {codes[name]: counts for name, counts in (prior or {}).items() if name in codes}
    verdicts, skills = decide_records(documents, types, checks, prior=known, truth=truth)
    support = [min((one.support for one in verdict.fields.values()), default=0) for verdict in verdicts]
    sure = np.asarray([verdict.confidence_bp / 10_000 if verdict.fields else 0.0 for verdict in verdicts])
    blind: list[tuple[float, bool]] = []
    if len(truth) >= GOLD_LEAST:
        # known documents as if they were not
        alone, _ = decide_records(documents, types, checks, prior=known)
        blind = [
            (alone[place].confidence_bp / 10_000, _same_record(alone[place], truth[place], types)) for place in truth
        ]
    sure, says, measured = _by_gold(
        sure,
        np.asarray([share for share, _ in blind]),
        np.asarray([hit for _, hit in blind], bool),
        UNCALIBRATED["records"],
        gold=len(truth),
    )
    for place, record in truth.items():
        if set(verdicts[place].fields) <= set(record):
            sure[place] = 1.0
    table = Verdicts(
        answers.tasks,
        _lists([{name: one.value for name, one in verdict.fields.items()} for verdict in verdicts]),
        sure,
        np.asarray(support, np.int64),
    )
    report = Report(
        "records",
        "fields",
        f"each field by its type, {len(checks)} checks across fields",
        1,
        says,
        measured is not None,
        measured,
        (),
        {name: skills.get((codes[name], ""), 9_000) / 10_000 for name in workers},
        {task: verdict.ask_again for task, verdict in zip(tasks, verdicts, strict=True) if verdict.ask_again},
    )
    return Result(write_verdicts(table, labels, frame), report)


def _same_record(verdict: RecordVerdict, truth: Mapping[str, str], types: Mapping[str, str]) -> bool:
    """True when every known field has its known value, by the field's type."""
    return all(
        name in verdict.fields
        and normalise(verdict.fields[name].value, types.get(name, "text"))
        == normalise(str(text), types.get(name, "text"))
        for name, text in truth.items()
    )


def _by_gold(
    raw: Floats, blind: Floats, right: Floats, uncalibrated: str, *, gold: int | None = None
) -> tuple[Floats, str, Reliability | None]:
    """(confidence, one sentence on it, reliability table): calibrated when ten known items or more were judged blind.

    raw           of every task;  blind, right  of the known tasks, decided without their truth
    uncalibrated  what the raw number is, said while too little is known to calibrate it
    """
    if len(blind) < GOLD_LEAST:
        seen = len(blind) if gold is None else gold
        return raw, f"{uncalibrated}; {seen} gold items of the {GOLD_LEAST} that calibrate it", None
    scale = fit_scale(blind, right)
    return np.array(scale.apply(raw)), scale.says, reliability(scale.apply(blind), right)


def _orders(labels: Any, method: str, gold: Any) -> Result:
    """Rankings: every answer lists items from best to worst; two items are one side-by-side comparison."""
    if method not in {"auto", "bradley-terry"}:
        raise UnknownMethod(method, allowed=("auto", "bradley-terry"))
    answers, raw, frame = read_pairs(labels)
    for place, value in enumerate(raw):
        if not isinstance(value, (list, tuple)) or len(value) < 2 or len(set(value)) < len(value):
            raise BadLabels(
                f"{value!r} is no order of two or more different items",
                row=_given_row(answers, place),
                column="label",
            )
    groups = [
        [(int(answers.worker[row]), raw[row]) for row in _rows(answers, task)] for task in range(answers.task_count)
    ]
    orders, reliability_of = ranking.rank_orders(groups)
    known = {task: tuple(items) for task, items in gold_pairs(gold)}
    chosen = [known.get(task, order.items) for task, order in zip(answers.tasks.tolist(), orders, strict=True)]
    support = []
    for items, group in zip(chosen, groups, strict=True):
        turn = {item: at for at, item in enumerate(items)}
        ranks = [[turn.get(item, len(items)) for item in own] for _, own in group]
        support.append(sum(own == sorted(own) for own in ranks))
    sure = [
        1.0 if task in known else order.confidence for task, order in zip(answers.tasks.tolist(), orders, strict=True)
    ]
    table = Verdicts(answers.tasks, _lists([list(items) for items in chosen]), np.asarray(sure), np.asarray(support))
    report = Report(
        "ranking",
        "bradley-terry",
        "comparisons of all tasks together, reliability per worker",
        1,
        "uncalibrated: least chance that two neighbours stand the right way round",
        False,
        None,
        (),
        {worker: reliability_of[code] for code, worker in enumerate(answers.workers.tolist())},
    )
    return Result(write_verdicts(table, labels, frame), report)


def _given_row(answers: Answers, place: int) -> int:
    """Where an answer stood in what was given."""
    return int(answers.row[place]) if answers.row is not None else place


def _rows(answers: Answers, task: int) -> range:
    return range(int(answers.start[task]), int(answers.start[task + 1]))


def _lists(values: Sequence[Any]) -> Objects:
    array = np.empty(len(values), object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
