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

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from manyhands.quality import kernels
from manyhands.quality.kernels import ENGINE_VARIABLE, FEW_LABELS, compiled, has_numba
from manyhands.quality.table import Answers, Floats, arrange, encode_integers

__all__ = [
    "ENGINE_VARIABLE",
    "answer_codes",
    "best_of",
    "count_pass",
    "em_pass",
    "has_numba",
    "support_of",
    "vote_counts",
    "warm",
]


@cache
def warm() -> None:
    """Load what was compiled (or compile it, once per installation), so that no later call waits for it."""
    if has_numba():
        codes, start = np.zeros(1, np.int32), np.array([0, 1], np.int64)
        for labels in (2, 3, 4, 5):
            posterior = np.full((1, labels), 1.0 / labels)
            count_pass(posterior, codes, start, labels)
            em_pass(np.full((labels, labels), 1.0 / labels), np.zeros(labels), codes, start, posterior)
        for whole in (codes, np.zeros(1, np.int64)):
            encode_integers(whole)
        name = np.zeros(1, object)
        answers = arrange((codes, name), (codes.copy(), name), (codes.copy(), name), fresh=True)
        support_of(answers, best_of(vote_counts(answers))[0])


def answer_codes(answers: Answers) -> npt.NDArray[Any]:
    """worker * label_count + label per answer: 32 bits for compiled loops, what numpy looks up with for numpy's."""
    codes = answers.worker * np.int32(answers.label_count)
    codes += answers.label
    return codes if has_numba() else codes.astype(np.intp)


def vote_counts(answers: Answers, weight: Floats | None = None) -> Floats:
    """Votes per task and label, shape (tasks, labels); weight: one per worker, None = 1."""
    if weight is None and has_numba():
        counted = np.zeros((answers.task_count, answers.label_count))
        compiled(kernels.count_votes)(answers.label, answers.start, counted)
        return counted
    cells = answers.task.astype(np.int64)
    cells *= answers.label_count
    cells += answers.label
    size = answers.task_count * answers.label_count
    votes = np.bincount(cells, None if weight is None else weight[answers.worker], size)
    return votes.reshape(answers.task_count, answers.label_count).astype(np.float64, copy=False)


def best_of(posterior: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """(label of the greatest posterior, the first of equal ones; that posterior) per task."""
    if has_numba():
        best, top = np.empty(len(posterior), np.int64), np.empty(len(posterior))
        compiled(kernels.first_best)(posterior, best, top)
        return best, top
    best = posterior.argmax(axis=1)
    return best, posterior[np.arange(len(best)), best]


def support_of(answers: Answers, best: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Answers equal to the chosen label, per task."""
    if has_numba():
        same = np.empty(answers.task_count, np.int64)
        compiled(kernels.count_same)(answers.label, answers.start, best, same)
        return same
    equal = best[answers.task] == answers.label
    return np.bincount(answers.task, equal, answers.task_count).astype(np.int64)


def count_pass(posterior: Floats, codes: npt.NDArray[Any], start: npt.NDArray[np.int64], size: int) -> Floats:
    """Expected counts per answer code and true label, shape (workers * labels, labels)."""
    if has_numba():
        counts = np.zeros((size, posterior.shape[1]))
        compiled(kernels.count_pass)(posterior, codes, start, counts)
        return counts
    return _count_numpy(posterior, codes, start, size)


def em_pass(
    chance: Floats,
    log_share: Floats,
    codes: npt.NDArray[Any],
    start: npt.NDArray[np.int64],
    posterior: Floats,
    *,
    keep: bool = True,
) -> tuple[Floats, float, Floats]:
    """One E step and the counts of the next M step.

    chance     P(answer code | true label), shape (workers * labels, labels), above 1e-12
    log_share  log of the labels' shares, shape (labels,)
    posterior  written in place, shape (tasks, labels)
    keep       False: nobody looks at the posterior of this pass, it need not be written
    returns    (expected counts as in count_pass, log likelihood of all answers, posteriors summed over tasks)
    """
    if has_numba():
        counts = np.zeros_like(chance)
        labels = chance.shape[1]
        shares, summed = np.exp(log_share), np.zeros(labels)
        given = (chance, shares, codes.view(np.uint32), start, keep, posterior, counts, summed)
        if labels <= FEW_LABELS:
            # its length is known to the compiler, so that loops over labels are unrolled
            likelihood = compiled(kernels.em_pass)(*given, (0.0,) * labels)
        else:
            likelihood = compiled(kernels.em_pass_many)(*given)
        return counts, float(likelihood), summed
    scores = _task_sums(np.log(chance), codes, start)
    scores += log_share
    top = scores.max(axis=1, keepdims=True)
    np.exp(scores - top, out=posterior)
    total = posterior.sum(axis=1, keepdims=True)
    posterior /= total
    likelihood = float(np.log(total).sum() + top.sum())
    return _count_numpy(posterior, codes, start, len(chance)), likelihood, posterior.sum(axis=0)


def _task_sums(table: Floats, codes: npt.NDArray[Any], start: npt.NDArray[np.int64]) -> Floats:
    """Sum of table rows over each task's answers; tasks without answers are 0."""
    sums = np.zeros((len(start) - 1, table.shape[1]))
    filled = np.flatnonzero(start[1:] > start[:-1])
    for label in range(table.shape[1]):
        column = np.ascontiguousarray(table[:, label])[codes]
        sums[filled, label] = np.add.reduceat(column, start[filled]) if len(filled) else 0.0
    return sums


def _count_numpy(posterior: Floats, codes: npt.NDArray[Any], start: npt.NDArray[np.int64], size: int) -> Floats:
    counts = np.empty((size, posterior.shape[1]))
    lengths = np.diff(start)
    for label in range(posterior.shape[1]):
        counts[:, label] = np.bincount(codes, np.repeat(posterior[:, label], lengths), size)
    return counts
