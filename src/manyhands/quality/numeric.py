"""Numbers from several people: one value, and how sure it is.

Rules kept here
- On honest answers no robust rule beats the mean (docs/quality.md); on random ones every robust rule does. Which it is
  is measured, by dealing the answers into two halves or by tasks made up of differences, not assumed.
- A confidence of a number is the chance that the truth lies within the tolerance, from the spread of the answers.
- What tasks and workers are called changes nothing: answers are told apart by their values alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, islice
from typing import Final

import numpy as np
import numpy.typing as npt

from manyhands.quality.errors import UnknownMethod
from manyhands.quality.table import Answers, Floats

#: a worker whose answers explain less of the others' answers than this says nothing
USEFUL_CORRELATION: Final = 0.2
TASKS_LEAST: Final = 20
#: ways of dealing a task's answers into two halves that are tried, and answers dealt in all
DEALS_MOST: Final = 128
DEALT_MOST: Final = 20_000_000
#: answers of a task whose halves cannot tell one estimator from another, and how many tasks are made up in their place
MADE_UP: Final = (3, 4)
MADE_UP_TASKS: Final = 1024


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
    return _per_task(answers, values, _median_of)


def trimmed(answers: Answers, values: Floats) -> NumberFit:
    """Mean without the lowest and highest fifth."""
    return _per_task(answers, values, _trimmed_of)


def huber(answers: Answers, values: Floats) -> NumberFit:
    """Huber's mean: answers beyond 1.345 robust deviations lose weight.

    source  Huber (1964), "Robust estimation of a location parameter"; scale = 1.4826 times the median deviation
    """
    return _per_task(answers, values, _huber_of)


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
    weight = _useful(answers, values)
    fit = _weighted(answers, values, weight, np.zeros_like(weight))
    # a task must keep somebody
    alone = np.bincount(answers.task, weight[answers.worker], answers.task_count) == 0
    if not alone.any():
        return fit
    plain = mean(answers, values)
    return NumberFit(np.where(alone, plain.value, fit.value), np.where(alone, plain.error, fit.error), fit.noise)


def automatic(answers: Answers, values: Floats) -> NumberFit:
    """The estimator whose two halves agree best: useful mean, mean, trimmed mean, Huber or median.

    The mean square difference between the values of the two halves of a task's answers measures how much chance an
    estimator lets in, without knowing the truth. It is taken over all ways to deal a task's answers into halves (128
    of them where there are more), so that no order decides. Of three or four answers a half has one or two, whose mean,
    median and all between are one number: there tasks are made up of known truth (`_made_up`). Ties go to the first
    named.
    """
    loss = halves_apart(answers, values)
    first = next(place for place, own in enumerate(loss) if own <= min(loss) * (1.0 + 1e-9))
    return CANDIDATES[first](answers, values)


def halves_apart(answers: Answers, values: Floats) -> list[float]:
    """Mean square difference between halves for each of CANDIDATES, over tasks of two answers and more.

    Tasks of three or four answers count by what made-up tasks say instead, on the scale of halves.
    """
    weight = _useful(answers, values)[answers.worker]
    deals = max(1, min(DEALS_MOST, DEALT_MOST // max(1, answers.count)))
    total, tasks = np.zeros(len(CANDIDATES)), 0
    for rows in _by_length(answers):
        count = rows.shape[1]
        if count < 2:
            continue
        # answers of one value differ in nothing but whether their worker is followed
        order = np.lexsort((weight[rows], values[rows]), axis=1)
        own, kept = (np.take_along_axis(column[rows], order, axis=1) for column in (values, weight))
        tasks += len(rows)
        if count in MADE_UP:
            # two halves of half the answers each differ by four times the square error of the whole
            total += 4.0 * len(rows) * _made_up(own, kept)
            continue
        halves = _deals(count, deals)
        for half in halves:
            sides = [(own[:, side], kept[:, side]) for side in (half, ~half)]
            for place, value_of in enumerate(_values_of()):
                one, other = (value_of(*side) for side in sides)
                total[place] += float(((one - other) ** 2).sum()) / len(halves)
    return [float(own) / max(1, tasks) for own in total]


def _made_up(own: Floats, kept: Floats) -> Floats:
    """Mean square error of each of CANDIDATES on made-up tasks whose truth is 0, with as many answers each.

    The difference of two answers to a task, by the root of two, is an error as people make them, whatever the truth
    was. As many of them, of any tasks, are a task made up. They are taken by a lattice over all differences in order
    (Richtmyer 1951, roots of primes): no chance, and no name.
    """
    count = own.shape[1]
    one, other = np.triu_indices(count, 1)
    error = ((own[:, one] - own[:, other]) / math.sqrt(2.0)).ravel()
    both = (kept[:, one] * kept[:, other]).ravel()
    error, both = np.concatenate([error, -error]), np.concatenate([both, both])
    order = np.lexsort((both, error))
    turns = np.arange(1, MADE_UP_TASKS + 1)[:, None] * np.sqrt((2.0, 3.0, 5.0, 7.0)[:count]) % 1.0
    drawn = order[(turns * len(order)).astype(np.int64)]
    drawn = np.take_along_axis(drawn, np.lexsort((both[drawn], error[drawn]), axis=1), axis=1)
    return np.asarray([float((value_of(error[drawn], both[drawn]) ** 2).mean()) for value_of in _values_of()])


def _values_of() -> tuple[Callable[[Floats, Floats], Floats], ...]:
    """CANDIDATES over rows of sorted values."""
    return _useful_of, _mean_of, _trimmed_of, _huber_of, _median_of


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


def _useful(answers: Answers, values: Floats) -> Floats:
    """1 per worker whose answers follow the others', 0 for the rest; see `useful_mean`."""
    weight = np.ones(answers.worker_count)
    for _ in range(3):
        kept = weight[answers.worker]
        total = np.bincount(answers.task, values * kept, answers.task_count)
        others_count = np.bincount(answers.task, kept, answers.task_count)[answers.task] - kept
        others = (total[answers.task] - values * kept) / np.maximum(others_count, 1e-12)
        link, known = _correlation(answers, values, others, others_count > 0)
        now = np.where((known >= TASKS_LEAST) & (link < USEFUL_CORRELATION), 0.0, 1.0)
        if np.array_equal(now, weight):
            break
        weight = now
    return weight


def _by_length(answers: Answers) -> Iterator[npt.NDArray[np.int64]]:
    """Rows of the answers of all tasks that have equally many, shape (tasks, answers)."""
    lengths = np.diff(answers.start)
    for count in np.unique(lengths[lengths > 0]).tolist():
        yield answers.start[:-1][lengths == count][:, None] + np.arange(count)


@cache
def _deals(count: int, most: int) -> tuple[npt.NDArray[np.bool_], ...]:
    """Which of `count` answers go to the first half: every way when there are at most `most`, else so many of them."""
    whole = math.comb(count, count // 2) // (1 if count % 2 else 2)
    halves: list[list[int]] = []
    if whole <= most:
        # of an even count the two halves of a deal are one deal: the first answer is in the first
        halves = [list(half) for half in islice(combinations(range(count), count // 2), whole)]
    else:
        for deal in range(most):
            drawn = [hashlib.sha256(f"{count} {deal} {place}".encode()).digest() for place in range(count)]
            halves.append(sorted(range(count), key=drawn.__getitem__)[: count // 2])
    found = []
    for half in halves:
        chosen = np.zeros(count, bool)
        chosen[half] = True
        found.append(chosen)
    return tuple(found)


# Estimators over rows of sorted values, shape (tasks, answers). kept: 1 for workers who follow the others, else 0


def _mean_of(own: Floats, kept: Floats) -> Floats:
    return np.asarray(own.mean(axis=1))


def _useful_of(own: Floats, kept: Floats) -> Floats:
    total = kept.sum(axis=1)
    useful = (own * kept).sum(axis=1) / np.maximum(total, 1.0)
    return np.asarray(np.where(total > 0, useful, own.mean(axis=1)))


def _median_of(own: Floats, kept: Floats) -> Floats:
    middle = own.shape[1] // 2
    return np.asarray(own[:, middle] if own.shape[1] % 2 else (own[:, middle - 1] + own[:, middle]) / 2.0)


def _trimmed_of(own: Floats, kept: Floats) -> Floats:
    cut = own.shape[1] // 5
    return np.asarray(own[:, cut : own.shape[1] - cut].mean(axis=1))


def _huber_of(own: Floats, kept: Floats) -> Floats:
    centre = _median_of(own, kept).copy()
    scale = 1.4826 * np.median(np.abs(own - centre[:, None]), axis=1)
    open_rows = np.flatnonzero(scale > 0.0)
    for _ in range(20):
        if not len(open_rows):
            break
        mine, at, reach = own[open_rows], centre[open_rows], 1.345 * scale[open_rows]
        weight = np.minimum(1.0, reach[:, None] / np.maximum(np.abs(mine - at[:, None]), 1e-12))
        moved = (weight * mine).sum(axis=1) / weight.sum(axis=1)
        still = np.abs(moved - at) >= 1e-9 * scale[open_rows]
        centre[open_rows[still]] = moved[still]
        open_rows = open_rows[still]
    return centre


def _weighted(answers: Answers, values: Floats, weight: Floats, bias: Floats) -> NumberFit:
    own = weight[answers.worker]
    total = np.bincount(answers.task, own, answers.task_count)
    value = np.bincount(answers.task, own * (values - bias[answers.worker]), answers.task_count) / np.maximum(
        total, 1e-300
    )
    return NumberFit(value, *_spread(answers, values - bias[answers.worker], value))


def _per_task(answers: Answers, values: Floats, value_of: Callable[[Floats, Floats], Floats]) -> NumberFit:
    value = np.zeros(answers.task_count)
    for rows in _by_length(answers):
        own = np.sort(values[rows], axis=1)
        value[answers.task[rows[:, 0]]] = value_of(own, np.ones_like(own))
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
