"""Loops that numba compiles when it is there. Written for it: plain loops over arrays, no temporaries.

Rules kept here
- Nothing is compiled before it is first needed, and what was compiled is kept on disk for the next process.
- One thread, sums in the order of the rows: the same bytes on any number of cores.
- numba is optional. Whoever calls a loop of this file has a way in numpy beside it, and a test compares both.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Final

import numpy as np

#: set to "numpy" to leave numba out
ENGINE_VARIABLE: Final = "MANYHANDS_QUALITY_ENGINE"
TINY: Final = 1e-100
#: labels of one answer that are kept in registers
FEW_LABELS: Final = 8
#: numba's, put here before anything is compiled: numba is not loaded with this file
tuple_setitem: Any = None


@cache
def has_numba() -> bool:
    """True when numba is installed and not switched off."""
    return os.environ.get(ENGINE_VARIABLE, "") != "numpy" and importlib.util.find_spec("numba") is not None


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled on its first call and cached on disk."""
    numba = importlib.import_module("numba")
    globals()["tuple_setitem"] = importlib.import_module("numba.cpython.unsafe.tuple").tuple_setitem
    fast = numba.njit(cache=True, nogil=True, error_model="numpy")(function)

    @wraps(function)
    def run(*arguments: Any) -> Any:
        # lanes of a vector for the labels of one answer: halves a pass. The order of sums stays as written. numba has
        # no such option per function, and other users of numba keep their own setting
        before = numba.config.SLP_VECTORIZE
        numba.config.SLP_VECTORIZE = 1
        try:
            return fast(*arguments)
        finally:
            numba.config.SLP_VECTORIZE = before

    return run


# Below is plain Python that numba compiles; numba infers the types, and these functions are not called otherwise.


def bounds(values):  # type: ignore[no-untyped-def]  # numba infers the types
    """(least, most) of whole numbers."""
    low, high = values[0], values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    return low, high


def code_integers(values, low, present, codes):  # type: ignore[no-untyped-def]  # as above
    """codes = values - low, and which of them occur."""
    for row in range(len(values)):
        code = np.int64(values[row]) - low
        present[code] = True
        codes[row] = code


def deal(task, worker, label, lows, label_bits, most, ends, packed, start):  # type: ignore[no-untyped-def]  # as above
    """Counting sort of whole numbers by task, then by worker inside it.

    task, worker, label  whole numbers in any order; lows: the least of each
    ends                 zeros, as many as task numbers may be
    packed               written: worker << label_bits | label, both from their lows on, in order of (task, worker)
    start                written, one longer than the task numbers
    returns              False when a worker answered a task twice or a task has more than `most` answers
    """
    task_low, worker_low, label_low = lows[0], lows[1], lows[2]
    for row in range(len(task)):
        ends[np.uint64(task[row] - task_low)] += 1
    total = np.int32(0)
    for code in range(len(ends)):
        if ends[code] > most:
            return False
        start[code] = total
        total += ends[code]
        ends[code] = start[code]
    start[len(ends)] = total
    # worker and label go together in one number, written once
    for row in range(len(task)):
        # unsigned places save a branch each (no counting from the end)
        own = np.uint64(task[row] - task_low)
        to = ends[own]
        packed[np.uint64(to)] = (worker[row] - worker_low) << label_bits | (label[row] - label_low)
        ends[own] = to + 1
    for code in range(len(ends)):
        begin, end = start[code], start[code + 1]
        if end - begin <= 8:
            # few: exchanges without a branch to guess wrongly
            for done in range(begin + 1, end):
                for place in range(begin, end - (done - begin)):
                    one, other = packed[place], packed[place + 1]
                    packed[place], packed[place + 1] = min(one, other), max(one, other)
        else:
            for place in range(begin + 1, end):
                held, back = packed[place], place
                while back > begin and packed[back - 1] > held:
                    packed[back] = packed[back - 1]
                    back -= 1
                packed[back] = held
        for place in range(begin + 1, end):
            if packed[place] >> label_bits == packed[place - 1] >> label_bits:
                return False
    return True


def spread(packed, start, label_bits, worker_codes, label_codes, task, label):  # type: ignore[no-untyped-def]  # as above
    """The columns of what was dealt: task and label are written, `packed` becomes the worker.

    worker_codes, label_codes  code of each number that occurs
    """
    for code in range(len(start) - 1):
        for place in range(start[code], start[code + 1]):
            task[place] = code
    low = (1 << label_bits) - 1
    for place in range(len(packed)):
        both = packed[place]
        label[place] = label_codes[np.uint32(both & low)]
        packed[place] = worker_codes[np.uint32(both >> label_bits)]


def count_votes(label, start, votes):  # type: ignore[no-untyped-def]  # as above
    """votes[task, label] += 1 per answer."""
    for task in range(len(start) - 1):
        for answer in range(start[task], start[task + 1]):
            votes[task, label[answer]] += 1.0


def count_same(label, start, best, same):  # type: ignore[no-untyped-def]  # as above
    """same[task] = answers equal to best[task]."""
    for task in range(len(start) - 1):
        count, wanted = np.int32(0), np.int32(best[task])
        # unsigned places save a branch each (no counting from the end)
        for answer in range(np.uint64(start[task]), np.uint64(start[task + 1])):
            count += np.int32(label[answer] == wanted)
        same[task] = count


def first_best(posterior, best, top):  # type: ignore[no-untyped-def]  # as above
    """The first label whose posterior is the greatest one but for rounding (1e-9), and the greatest posterior."""
    shown, width, row = posterior.ravel(), np.uint64(posterior.shape[1]), np.uint64(0)
    for task in range(len(posterior)):
        most = shown[row]
        for label in range(np.uint64(1), width):
            most = max(most, shown[row + label])
        # from the last to the first, all of them: which one it is cannot be foreseen, a search would guess wrongly
        found, least = np.uint64(0), most - 1e-9
        for back in range(np.uint64(1), width + np.uint64(1)):
            found = width - back if shown[row + width - back] >= least else found
        best[task], top[task] = found, most
        row += width


def first_counts(label, codes, start, counts, summed):  # type: ignore[no-untyped-def]  # as above
    """counts[code] += share of votes per label in the answer's task; summed += the shares, per task."""
    own = np.zeros(len(summed))
    for task in range(len(start) - 1):
        begin, end = start[task], start[task + 1]
        for name in range(len(own)):
            own[name] = 0.0
        for answer in range(begin, end):
            own[label[answer]] += 1.0
        for name in range(len(own)):
            own[name] /= max(end - begin, 1)
            summed[name] += own[name]
        for answer in range(begin, end):
            code = codes[answer]
            for name in range(len(own)):
                counts[code, name] += own[name]


def first_counts_few(label, codes, start, counts, summed, unit):  # type: ignore[no-untyped-def]  # as above
    """As `first_counts`, for few labels: unit, as many zeros as there are labels, lives in registers."""
    added, width = counts.ravel(), np.uint64(len(unit))
    sums = unit
    for task in range(len(start) - 1):
        begin, end = np.uint64(start[task]), np.uint64(start[task + 1])
        own = unit
        for answer in range(begin, end):
            for name in range(len(unit)):
                own = tuple_setitem(own, name, own[name] + (1.0 if label[answer] == name else 0.0))
        answers = float(max(start[task + 1] - start[task], 1))
        for name in range(len(unit)):
            own = tuple_setitem(own, name, own[name] / answers)
            sums = tuple_setitem(sums, name, sums[name] + own[name])
        for answer in range(begin, end):
            base = np.uint64(codes[answer]) * width
            for name in range(len(unit)):
                added[base + np.uint64(name)] += own[name]
    for name in range(len(unit)):
        summed[name] = sums[name]


def count_pass(posterior, codes, start, counts):  # type: ignore[no-untyped-def]  # as above
    """counts[code] += posterior of the answer's task."""
    labels = posterior.shape[1]
    for task in range(len(start) - 1):
        for answer in range(start[task], start[task + 1]):
            code = codes[answer]
            for label in range(labels):
                counts[code, label] += posterior[task, label]


def em_pass(chance, shares, codes, start, keep, posterior, counts, summed, unit):  # type: ignore[no-untyped-def]  # as above
    """E step and counts of the next M step; returns the log likelihood.

    keep  whether the posterior is written down;  unit  as many zeros as there are labels
    """
    # a tuple of known length lives in registers, an array would be read and written once per answer;
    # unsigned places save a branch each (no counting from the end); 16 factors of at least 1e-12 stay above TINY ** 2
    chances, added, shown = chance.ravel(), counts.ravel(), posterior.ravel()
    width, out = np.uint64(len(unit)), np.uint64(0)
    first, sums = unit, unit
    for label in range(len(unit)):
        first = tuple_setitem(first, label, shares[label])
    likelihood, run = 0.0, 1.0
    for task in range(len(start) - 1):
        product = first
        begin, end = np.uint64(start[task]), np.uint64(start[task + 1])
        at = begin
        while at < end:
            stop = min(end, at + np.uint64(16))
            for answer in range(at, stop):
                base = np.uint64(codes[answer]) * width
                for label in range(len(unit)):
                    product = tuple_setitem(product, label, product[label] * chances[base + np.uint64(label)])
            at = stop
            if at < end:
                top = 0.0
                for label in range(len(unit)):
                    top = max(top, product[label])
                if top < TINY:
                    likelihood += np.log(top)
                    for label in range(len(unit)):
                        product = tuple_setitem(product, label, product[label] / top)
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
        scale = 1.0 / total
        for label in range(len(unit)):
            share = product[label] * scale
            product = tuple_setitem(product, label, share)
            sums = tuple_setitem(sums, label, sums[label] + share)
        if keep:
            for label in range(len(unit)):
                shown[out + np.uint64(label)] = product[label]
            out += width
        for answer in range(begin, end):
            base = np.uint64(codes[answer]) * width
            for label in range(len(unit)):
                added[base + np.uint64(label)] += product[label]
    for label in range(len(unit)):
        summed[label] = sums[label]
    return likelihood + np.log(run)


def em_pass_many(chance, shares, codes, start, keep, posterior, counts, summed):  # type: ignore[no-untyped-def]  # as above
    """As `em_pass`, for so many labels that registers do not hold them."""
    chances, added, shown = chance.ravel(), counts.ravel(), posterior.ravel()
    labels = len(shares)
    width, out = np.uint64(labels), np.uint64(0)
    product = np.empty(labels)
    likelihood, run = 0.0, 1.0
    for task in range(len(start) - 1):
        for label in range(labels):
            product[label] = shares[label]
        begin, end = np.uint64(start[task]), np.uint64(start[task + 1])
        since = 0
        for answer in range(begin, end):
            base = np.uint64(codes[answer]) * width
            for label in range(labels):
                product[label] *= chances[base + np.uint64(label)]
            since += 1
            if since == 16:
                since = 0
                top = 0.0
                for label in range(labels):
                    top = max(top, product[label])
                if top < TINY:
                    likelihood += np.log(top)
                    for label in range(labels):
                        product[label] /= top
        total = 0.0
        for label in range(labels):
            total += product[label]
        if total < TINY:
            likelihood += np.log(total)
        else:
            run *= total
            if run < TINY:
                likelihood += np.log(run)
                run = 1.0
        for label in range(labels):
            product[label] /= total
            summed[label] += product[label]
        if keep:
            for label in range(labels):
                shown[out + np.uint64(label)] = product[label]
            out += width
        for answer in range(begin, end):
            base = np.uint64(codes[answer]) * width
            for label in range(labels):
                added[base + np.uint64(label)] += product[label]
    return likelihood + np.log(run)
