"""Numbers from several people: one value, and how sure it is.

Rules kept here
- On honest answers no robust rule beats the mean (docs/quality.md); on random ones every robust rule does. Which it is
  is measured, by dealing the answers into two halves, not assumed.
- A confidence of a number is the chance that the truth lies within the tolerance, from the spread of the answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from manyhands.quality.errors import UnknownMethod
from manyhands.quality.table import Answers, Floats

#: a worker whose answers explain less of the others' answers than this says nothing
USEFUL_CORRELATION: Final = 0.2
TASKS_LEAST: Final = 20


@dataclass(frozen=True)
class NumberFit:
    """value and standard error per task; noise per worker (standard deviation around the value)."""

    value: Floats
    error: Floats
    noise: Floats


def mean(answers: Answers, values: Floats) -> NumberFit:
    """Plain mean."""
    return _weighted(answers, values, np.ones(answers.worker_count), np.zeros(answers.worker_count))


def median(answers: Answers, values: Floats) -> NumberFit:
    """Middle value; the mean of the two middle ones for an even count."""
    return _per_task(answers, values, lambda own: float(np.median(own)))


def trimmed(answers: Answers, values: Floats) -> NumberFit:
    """Mean without the lowest and highest fifth."""

    def value_of(own: Floats) -> float:
        cut = len(own) // 5
        return float(np.sort(own)[cut : len(own) - cut].mean())

    return _per_task(answers, values, value_of)


def huber(answers: Answers, values: Floats) -> NumberFit:
    """Huber's mean: answers beyond 1.345 robust deviations lose weight.

    source  Huber (1964), "Robust estimation of a location parameter"; scale = 1.4826 times the median deviation
    """

    def value_of(own: Floats) -> float:
        centre = float(np.median(own))
        scale = 1.4826 * float(np.median(np.abs(own - centre)))
        if scale == 0.0:
            return centre
        for _ in range(20):
            weight = np.minimum(1.0, 1.345 * scale / np.maximum(np.abs(own - centre), 1e-12))
            moved = float((weight * own).sum() / weight.sum())
            if abs(moved - centre) < 1e-9 * scale:
                break
            centre = moved
        return centre

    return _per_task(answers, values, value_of)


def bias_variance(answers: Answers, values: Floats) -> NumberFit:
    """Each worker has a bias and a variance, both shrunk to the crowd's by five answers.

    source  Raykar et al. (2010), section 5 (regression), with shrinkage
    """
    count = np.bincount(answers.worker, minlength=answers.worker_count)
    bias = np.zeros(answers.worker_count)
    fit = mean(answers, values)
    noise = np.ones(answers.worker_count)
    for _ in range(50):
        rest = values - fit.value[answers.task]
        bias = np.bincount(answers.worker, rest, answers.worker_count) / (count + 5.0)
        squares = np.bincount(answers.worker, (rest - bias[answers.worker]) ** 2, answers.worker_count)
        pooled = float(squares.sum()) / max(1, answers.count)
        noise = np.sqrt(np.maximum((squares + 5.0 * pooled) / (count + 5.0), 1e-12))
        before = fit.value
        fit = _weighted(answers, values, 1.0 / noise**2, bias)
        if float(np.abs(fit.value - before).max(initial=0.0)) < 1e-9 * (1.0 + float(np.abs(before).max(initial=0.0))):
            break
    return NumberFit(fit.value, fit.error, noise)


def useful_mean(answers: Answers, values: Floats) -> NumberFit:
    """The mean of the workers whose answers follow the others' at all.

    A worker is left out (weight 0) when the correlation of the answers with the mean of the other answers on the same
    tasks is below 0.2 over at least 20 tasks. With nobody left out it is the plain mean.
    """
    total = np.bincount(answers.task, values, answers.task_count)
    seen = np.bincount(answers.task, minlength=answers.task_count)
    weight = np.ones(answers.worker_count)
    for _ in range(3):
        kept = weight[answers.worker]
        total = np.bincount(answers.task, values * kept, answers.task_count)
        seen_now = np.bincount(answers.task, kept, answers.task_count)
        others_count = seen_now[answers.task] - kept
        others = (total[answers.task] - values * kept) / np.maximum(others_count, 1e-12)
        usable = others_count > 0
        link, known = _correlation(answers, values, others, usable)
        now = np.where((known >= TASKS_LEAST) & (link < USEFUL_CORRELATION), 0.0, 1.0)
        if np.array_equal(now, weight):
            break
        weight = now
    # a task must keep somebody
    alone = np.bincount(answers.task, weight[answers.worker], answers.task_count) == 0
    if alone.any() and (seen > 0).any():
        fit, plain = _weighted(answers, values, weight, np.zeros_like(weight)), mean(answers, values)
        return NumberFit(np.where(alone, plain.value, fit.value), np.where(alone, plain.error, fit.error), fit.noise)
    return _weighted(answers, values, weight, np.zeros_like(weight))


def automatic(answers: Answers, values: Floats) -> NumberFit:
    """The estimator whose two halves agree best: useful mean, mean, trimmed mean, Huber or median.

    Each task's answers are dealt into two halves by turns; the root mean square difference between the halves' values
    measures how much chance an estimator lets in, without knowing the truth. Ties go to the first named.
    """
    place = np.arange(answers.count) - answers.start[answers.task] + answers.task
    loss: list[float] = []
    for method in CANDIDATES:
        halves = [method(_part(answers, place % 2 == side), values[place % 2 == side]).value for side in (0, 1)]
        both = np.ones(answers.task_count, bool)
        for side in (0, 1):
            both &= np.bincount(answers.task[place % 2 == side], minlength=answers.task_count) > 0
        apart = (halves[0] - halves[1])[both]
        loss.append(float(np.sqrt(np.mean(apart**2))) if len(apart) else 0.0)
    return CANDIDATES[int(np.argmin(np.asarray(loss)))](answers, values)


CANDIDATES: Final = (useful_mean, mean, trimmed, huber, median)
NUMERIC: Final[Mapping[str, Callable[[Answers, Floats], NumberFit]]] = {
    "mean": mean,
    "median": median,
    "trimmed": trimmed,
    "huber": huber,
    "bias-variance": bias_variance,
    "useful-mean": useful_mean,
    "auto": automatic,
}


def numeric_named(name: str) -> Callable[[Answers, Floats], NumberFit]:
    """The method of a name. Raises UnknownMethod with the list."""
    found = NUMERIC.get(name.strip().lower().replace("_", "-"))
    if found is None:
        raise UnknownMethod(name, allowed=tuple(NUMERIC))
    return found


def within(fit: NumberFit, tolerance: Floats) -> Floats:
    """Chance that the truth lies within `tolerance` of the value, taking errors to be normal. Uncalibrated."""
    ratio = tolerance / np.maximum(fit.error, 1e-12)
    return np.asarray([math.erf(min(value, 40.0) / math.sqrt(2.0)) for value in ratio])


def _part(answers: Answers, kept: npt.NDArray[np.bool_]) -> Answers:
    task = answers.task[kept]
    start = np.zeros(answers.task_count + 1, np.int64)
    np.cumsum(np.bincount(task, minlength=answers.task_count), out=start[1:])
    return replace(answers, task=task, worker=answers.worker[kept], label=answers.label[kept], start=start, row=None)


def _weighted(answers: Answers, values: Floats, weight: Floats, bias: Floats) -> NumberFit:
    own = weight[answers.worker]
    total = np.bincount(answers.task, own, answers.task_count)
    value = np.bincount(answers.task, own * (values - bias[answers.worker]), answers.task_count) / np.maximum(
        total, 1e-300
    )
    return NumberFit(value, *_spread(answers, values - bias[answers.worker], value))


def _per_task(answers: Answers, values: Floats, value_of: Callable[[Floats], float]) -> NumberFit:
    start = answers.start
    value = np.asarray([value_of(values[low:high]) if high > low else 0.0 for low, high in pairwise(start.tolist())])
    return NumberFit(value, *_spread(answers, values, value))


def _spread(answers: Answers, values: Floats, value: Floats) -> tuple[Floats, Floats]:
    """(standard error per task shrunk by two answers of pooled spread, noise per worker)."""
    squares = (values - value[answers.task]) ** 2
    count = np.bincount(answers.task, minlength=answers.task_count)
    pooled = float(squares.sum()) / max(1, answers.count - answers.task_count)
    own = (np.bincount(answers.task, squares, answers.task_count) + 2.0 * pooled) / np.maximum(count + 1.0, 1.0)
    workers = np.bincount(answers.worker, minlength=answers.worker_count)
    noise = np.bincount(answers.worker, squares, answers.worker_count) / np.maximum(workers, 1)
    return np.sqrt(own / np.maximum(count, 1)), np.sqrt(noise)


def _correlation(
    answers: Answers, values: Floats, others: Floats, usable: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """(correlation, tasks) per worker between own answers and the others' mean."""
    workers = answers.worker_count
    who = answers.worker[usable]
    x, y = values[usable], others[usable]
    known = np.bincount(who, minlength=workers).astype(np.float64)
    safe = np.maximum(known, 1.0)
    x = x - (np.bincount(who, x, workers) / safe)[who]
    y = y - (np.bincount(who, y, workers) / safe)[who]
    both = np.bincount(who, x * y, workers)
    size = np.sqrt(np.bincount(who, x * x, workers) * np.bincount(who, y * y, workers))
    return both / np.maximum(size, 1e-12), known
