"""One pass of expectation and maximisation over coded answers: compiled when numba is there, numpy when not.

Rules kept here
- Answers come in order of (task, worker) and are added in that order: the sums, and so the bytes, do not depend on the
  order in which answers arrived, nor on the number of cores (one thread).
- Both engines compute the same formulas; compiled and plain results agree to rounding, labels agree.
- Nothing is compiled before it is first needed, and what was compiled is kept on disk for the next process.

A pass over n answers with K labels touches one row of K numbers per answer twice: the probability of that answer for
every true label (read), and the count of it (added to). Both tables are indexed by code = worker * K + label.

numpy has no loop of that kind, so for it the answers are laid out by place: the first answers of all tasks, then the
second ones of all tasks that have two, and so on, tasks with many answers first (jagged diagonals, Saad 1989). Each
place is then one look-up and one addition over a run of tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from manyhands.quality import kernels
from manyhands.quality.kernels import ENGINE_VARIABLE, FEW_LABELS, compiled, has_numba
from manyhands.quality.table import Answers, Floats, arrange, encode_integers, read_answers, unwritten

__all__ = [
    "ENGINE_VARIABLE",
    "Passes",
    "best_of",
    "grained",
    "has_numba",
    "passes_over",
    "support_of",
    "vote_counts",
    "warm",
]
#: a place that fewer tasks have is not worth a pass of its own
PLACE_LEAST: Final = 64
#: posteriors nearer than this are equal (`kernels.first_best` has it too)
TIE: Final = 1e-9
#: counts are kept to this part of an answer
GRAIN: Final = 2.0**-30


@cache
def warm() -> None:
    """Load what was compiled (or compile it, once per installation), so that no later call waits for it."""
    if has_numba():
        numbers, codes, name = unwritten(np.zeros(1, np.int64)), np.zeros(1, np.int32), np.zeros(1, object)
        for whole in (codes, numbers):
            encode_integers(whole)
        arrange((codes, name), (codes.copy(), name), (codes.copy(), name), fresh=True)
        answers = read_answers((numbers, numbers, numbers))[0]
        support_of(answers, best_of(vote_counts(answers))[0])
        passes = passes_over(answers)
        passes.from_votes()
        for labels in (2, 3, 4, 5):
            posterior = np.full((1, labels), 1.0 / labels)
            passes = Passes(codes, answers.start, labels, labels, codes)
            passes.from_votes()
            passes.count(posterior)
            passes.expect(np.full((labels, labels), 1.0 / labels), np.zeros(labels), posterior)


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
    """(label of the greatest posterior, the first of those that are equal but for rounding; that posterior) per task.

    Sums over people depend in their last digits on the order of names, so labels within TIE of each other are equal.
    """
    if has_numba():
        best, top = np.empty(len(posterior), np.int64), np.empty(len(posterior))
        compiled(kernels.first_best)(posterior, best, top)
        return best, top
    top = posterior.max(axis=1)
    return (posterior >= (top - TIE)[:, None]).argmax(axis=1), top


def support_of(answers: Answers, best: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Answers equal to the chosen label, per task."""
    if has_numba():
        same = np.empty(answers.task_count, np.int64)
        compiled(kernels.count_same)(answers.label, answers.start, best, same)
        return same
    equal = best[answers.task] == answers.label
    return np.bincount(answers.task, equal, answers.task_count).astype(np.int64)


def grained(counts: Floats) -> Floats:
    """Expected counts rounded to GRAIN of an answer.

    A sum of many numbers depends in its last digits on their order, which is that of names. Where labels or workers
    are tied, steps of EM make such differences grow until they decide. Rounded, they are gone in every step.
    """
    return np.asarray(np.rint(counts * (1.0 / GRAIN)) * GRAIN)


@dataclass(frozen=True)
class Passes:
    """Coded answers laid out for passes.

    codes    worker * labels + label per answer, in order of (task, worker)
    start    answers of task i are start[i] .. start[i + 1]
    size     workers * labels
    order    numpy only: tasks by falling number of answers, None when they stand so
    places   numpy only: the codes of the tasks' first answers, second answers ..., in this order of tasks
    rest     numpy only: (task in this order, code) of answers at places that few tasks have
    """

    codes: npt.NDArray[Any]
    start: npt.NDArray[np.int64]
    size: int
    labels: int
    label: npt.NDArray[np.int32] | None = None
    order: npt.NDArray[np.int64] | None = None
    places: tuple[npt.NDArray[np.intp], ...] = ()
    rest: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None = None

    def from_votes(self) -> tuple[Floats, Floats] | None:
        """(expected counts, posteriors summed over tasks) when every posterior is the share of votes.

        None where nothing is gained beside `count`, which also needs the posteriors
        """
        if not has_numba() or self.label is None:
            return None
        counts, summed = np.zeros((self.size, self.labels)), np.zeros(self.labels)
        given = (self.label, self.codes.view(np.uint32), self.start, counts, summed)
        if self.labels <= FEW_LABELS:
            compiled(kernels.first_counts_few)(*given, (0.0,) * self.labels)
        else:
            compiled(kernels.first_counts)(*given)
        return counts, summed

    def count(self, posterior: Floats) -> Floats:
        """Expected counts per answer code and true label, shape (size, labels)."""
        if has_numba():
            counts = np.zeros((self.size, self.labels))
            compiled(kernels.count_pass)(posterior, self.codes, self.start, counts)
            return counts
        by_label = (posterior if self.order is None else posterior[self.order]).T
        return self._count_plain(np.ascontiguousarray(by_label))

    def expect(
        self, chance: Floats, log_share: Floats, posterior: Floats, *, keep: bool = True
    ) -> tuple[Floats, float, Floats]:
        """One E step and the counts of the next M step.

        chance     P(answer code | true label), shape (size, labels), above 1e-12
        log_share  log of the labels' shares, shape (labels,)
        posterior  written in place, shape (tasks, labels)
        keep       False: nobody looks at the posterior of this pass, it need not be written
        returns    (expected counts as in `count`, log likelihood of all answers, posteriors summed over tasks)
        """
        if not has_numba():
            return self._expect_plain(chance, log_share, posterior, keep=keep)
        counts = np.zeros_like(chance)
        shares, summed = np.exp(log_share), np.zeros(self.labels)
        given = (chance, shares, self.codes.view(np.uint32), self.start, keep, posterior, counts, summed)
        if self.labels <= FEW_LABELS:
            # its length is known to the compiler, so that loops over labels are unrolled
            likelihood = compiled(kernels.em_pass)(*given, (0.0,) * self.labels)
        else:
            likelihood = compiled(kernels.em_pass_many)(*given)
        return counts, float(likelihood), summed

    def _expect_plain(
        self, chance: Floats, log_share: Floats, posterior: Floats, *, keep: bool
    ) -> tuple[Floats, float, Floats]:
        logs = np.log(chance)
        scores = np.empty((self.labels, len(self.start) - 1))
        for label, row in enumerate(scores):
            table = np.ascontiguousarray(logs[:, label])
            row[:] = log_share[label]
            for codes in self.places:
                row[: len(codes)] += table[codes]
            if self.rest is not None:
                row += np.bincount(self.rest[0], table[self.rest[1]], len(row))
        top = scores.max(axis=0)
        scores -= top
        np.exp(scores, out=scores)
        total = scores.sum(axis=0)
        scores /= total
        likelihood = float(np.log(total).sum() + top.sum())
        if keep:
            posterior[slice(None) if self.order is None else self.order] = scores.T
        return self._count_plain(scores), likelihood, scores.sum(axis=1)

    def _count_plain(self, by_label: Floats) -> Floats:
        """by_label: posterior, shape (labels, tasks in this order)."""
        counts = np.zeros((self.size, self.labels))
        for label, row in enumerate(by_label):
            for codes in self.places:
                counts[:, label] += np.bincount(codes, row[: len(codes)], self.size)
            if self.rest is not None:
                counts[:, label] += np.bincount(self.rest[1], row[self.rest[0]], self.size)
        return counts


def passes_over(answers: Answers) -> Passes:
    """The answers laid out for this engine: 32 bits for compiled loops, by place for numpy."""
    codes = answers.worker * np.int32(answers.label_count)
    codes += answers.label
    size, start = answers.worker_count * answers.label_count, answers.start
    if has_numba():
        return Passes(codes, start, size, answers.label_count, answers.label)
    lengths = np.diff(start)
    order = None
    if (lengths[1:] > lengths[:-1]).any():
        order = np.argsort(-lengths, kind="stable")
        lengths, first = lengths[order], start[:-1][order]
    else:
        first = start[:-1]
    # how many tasks have more than 0, 1, 2 ... answers
    having = np.searchsorted(-lengths, -np.arange(int(lengths.max(initial=0))), side="left")
    whole = int(np.searchsorted(-having, -PLACE_LEAST, side="right"))
    places = tuple(codes[first[:count] + place].astype(np.intp) for place, count in enumerate(having[:whole].tolist()))
    rest = None
    if whole < len(having):
        many = int(having[whole])
        more = lengths[:many] - whole
        task = np.repeat(np.arange(many), more)
        offset = np.arange(int(more.sum())) - np.repeat(np.cumsum(more) - more, more)
        rest = (task, codes[np.repeat(first[:many] + whole, more) + offset].astype(np.intp))
    return Passes(codes, start, size, answers.label_count, None, order, places, rest)
