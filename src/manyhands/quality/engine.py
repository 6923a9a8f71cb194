"""One pass of expectation and maximisation over coded answers: compiled when numba is there, numpy when not.

Rules kept here
- Answers come in order of (task, worker) and are added in that order: the sums, and so the bytes, do not depend on the
  order in which answers arrived, nor on the number of cores (one thread).
- Both engines compute the same formulas; compiled and plain results agree to rounding, labels agree.
- Nothing is compiled before it is first needed, and what was compiled is kept on disk for the next process.

A pass over n answers with K labels touches one row of K numbers per answer twice: the probability of that answer for
every true label (read), and the count of it (added to). Both tables are indexed by code = worker * K + label.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from manyhands.quality.table import Answers, Codes, Floats

#: set to "numpy" to leave numba out
ENGINE_VARIABLE: Final = "MANYHANDS_QUALITY_ENGINE"
TINY: Final = 1e-100


@cache
def has_numba() -> bool:
    """True when numba is installed and not switched off."""
    return os.environ.get(ENGINE_VARIABLE, "") != "numpy" and importlib.util.find_spec("numba") is not None


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled on its first call and cached on disk."""
    numba = importlib.import_module("numba")
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]  # numba is untyped


@cache
def warm() -> None:
    """Load what was compiled (or compile it, once per installation), so that no later call waits for it."""
    if has_numba():
        codes, start = np.zeros(1, np.int32), np.array([0, 1], np.int64)
        for labels in (2, 3, 4, 5):
            posterior = np.full((1, labels), 1.0 / labels)
            count_pass(posterior, codes, start, labels)
            em_pass(np.full((labels, labels), 1.0 / labels), np.zeros(labels), codes, start, posterior)


def answer_codes(answers: Answers) -> Codes:
    """worker * label_count + label per answer."""
    codes = answers.worker * np.int32(answers.label_count)
    codes += answers.label
    return codes


def vote_counts(answers: Answers, weight: Floats | None = None) -> Floats:
    """Votes per task and label, shape (tasks, labels); weight: one per worker, None = 1."""
    cells = answers.task.astype(np.int64)
    cells *= answers.label_count
    cells += answers.label
    size = answers.task_count * answers.label_count
    votes = np.bincount(cells, None if weight is None else weight[answers.worker], size)
    return votes.reshape(answers.task_count, answers.label_count).astype(np.float64, copy=False)


def count_pass(posterior: Floats, codes: Codes, start: npt.NDArray[np.int64], size: int) -> Floats:
    """Expected counts per answer code and true label, shape (workers * labels, labels)."""
    if has_numba():
        counts = np.zeros((size, posterior.shape[1]))
        compiled(_count_pass)(posterior, codes, start, counts)
        return counts
    return _count_numpy(posterior, codes, start, size)


def em_pass(
    chance: Floats, log_share: Floats, codes: Codes, start: npt.NDArray[np.int64], posterior: Floats
) -> tuple[Floats, float, Floats]:
    """One E step and the counts of the next M step.

    chance     P(answer code | true label), shape (workers * labels, labels), above 1e-12
    log_share  log of the labels' shares, shape (labels,)
    posterior  written in place, shape (tasks, labels)
    returns    (expected counts as in count_pass, log likelihood of all answers, posteriors summed over tasks)
    """
    if has_numba():
        counts = np.zeros_like(chance)
        unit = (0,) * chance.shape[1]  # its length is known to the compiler, so that loops over labels are unrolled
        shares, summed = np.exp(log_share), np.zeros(chance.shape[1])
        unsigned = codes.view(np.uint32)
        likelihood = compiled(_em_pass)(chance, shares, unsigned, start, posterior, counts, summed, unit)
        return counts, float(likelihood), summed
    scores = _task_sums(np.log(chance), codes, start)
    scores += log_share
    top = scores.max(axis=1, keepdims=True)
    np.exp(scores - top, out=posterior)
    total = posterior.sum(axis=1, keepdims=True)
    posterior /= total
    likelihood = float(np.log(total).sum() + top.sum())
    return _count_numpy(posterior, codes, start, len(chance)), likelihood, posterior.sum(axis=0)


def log_scores(log_chance: Floats, codes: Codes, start: npt.NDArray[np.int64]) -> Floats:
    """Summed log chance per task and label."""
    return _task_sums(log_chance, codes, start)


def _task_sums(table: Floats, codes: Codes, start: npt.NDArray[np.int64]) -> Floats:
    """Sum of table rows over each task's answers; tasks without answers are 0."""
    sums = np.zeros((len(start) - 1, table.shape[1]))
    filled = np.flatnonzero(start[1:] > start[:-1])
    for label in range(table.shape[1]):
        column = np.ascontiguousarray(table[:, label])[codes]
        sums[filled, label] = np.add.reduceat(column, start[filled]) if len(filled) else 0.0
    return sums


def _count_numpy(posterior: Floats, codes: Codes, start: npt.NDArray[np.int64], size: int) -> Floats:
    counts = np.empty((size, posterior.shape[1]))
    lengths = np.diff(start)
    for label in range(posterior.shape[1]):
        counts[:, label] = np.bincount(codes, np.repeat(posterior[:, label], lengths), size)
    return counts


# Below is plain Python that numba compiles. It is written for that: loops, no temporaries.


def _count_pass(posterior, codes, start, counts):  # type: ignore[no-untyped-def]  # numba infers the types
    labels = posterior.shape[1]
    for task in range(len(start) - 1):
        for answer in range(start[task], start[task + 1]):
            code = codes[answer]
            for label in range(labels):
                counts[code, label] += posterior[task, label]


def _em_pass(chance, shares, codes, start, posterior, counts, summed, unit):  # type: ignore[no-untyped-def]  # as above
    # unsigned places save a branch each (no counting from the end); 16 factors of at least 1e-12 stay above TINY ** 2
    chances, added, shown = chance.ravel(), counts.ravel(), posterior.ravel()
    width, out = np.uint64(len(unit)), np.uint64(0)
    product = np.empty(len(unit))
    likelihood, run = 0.0, 1.0
    for task in range(len(start) - 1):
        for label in range(len(unit)):
            product[label] = shares[label]
        begin, end = np.uint64(start[task]), np.uint64(start[task + 1])
        since = 0
        for answer in range(begin, end):
            base = np.uint64(codes[answer]) * width
            for label in range(len(unit)):
                product[label] *= chances[base + np.uint64(label)]
            since += 1
            if since == 16:
                since = 0
                top = 0.0
                for label in range(len(unit)):
                    top = max(top, product[label])
                if top < TINY:
                    likelihood += np.log(top)
                    for label in range(len(unit)):
                        product[label] /= top
        total = 0.0
        for label in range(len(unit)):
            total += product[label]
        if total < TINY:
            likelihood += np.log(total)
        else:
            run *= total
            if run < TINY:
                likelihood += np.log(run)
                run = 1.0
        for label in range(len(unit)):
            product[label] /= total
            summed[label] += product[label]
            shown[out + np.uint64(label)] = product[label]
        out += width
        for answer in range(begin, end):
            base = np.uint64(codes[answer]) * width
            for label in range(len(unit)):
                added[base + np.uint64(label)] += product[label]
    return likelihood + np.log(run)
