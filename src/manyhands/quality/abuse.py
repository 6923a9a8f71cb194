"""Signs that answers were not made independently by attentive people. A sign is shown to a person; it takes no pay.

Rules kept here
- A flag names its kind, the workers and the counts behind it, so that it can be recomputed and disputed.
- Agreement alone is no sign: two good workers agree, and so do two who always say no. Copying is agreement beyond that.
- Workers who copy count as one worker from then on; nobody's answers are thrown away.
- Tests are corrected for their number (Benjamini and Hochberg 1995).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from manyhands.quality import engine
from manyhands.quality.categorical import Task, hierarchical
from manyhands.quality.table import Answers, Floats

Rows = npt.NDArray[Any]

FLAG_KINDS: Final = ("copies", "too-fast", "constant", "periodic")
FALSE_DISCOVERY: Final = 0.01
COMMON_LEAST: Final = 10
#: coincidences short of certain that a pair must have had the chance to miss
SURPRISE_LEAST: Final = 2.0
#: a pair is a suspect from this excess on; exact copies have 1
SUSPECT_KAPPA: Final = 0.95
#: answers times most answers of a task that are looked at; of a larger set every second, third ... task is taken
PAIRS_MOST: Final = 2_000_000
WORKERS_MOST: Final = 4_000


class Flag(msgspec.Struct, frozen=True):
    """One sign. evidence: counts by name, all whole numbers; chance_ppb: probability of it by chance, 1e-9."""

    kind: Literal["copies", "too-fast", "constant", "periodic"]
    workers: tuple[str, ...]
    evidence: dict[str, int]
    chance_ppb: int
    says: str


@dataclass(frozen=True)
class Clusters:
    """Groups of worker codes that copy, and the pairs that show it."""

    groups: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[int, int, int, int, float], ...]
    checked: bool = True


def find_copies(answers: Answers) -> Clusters:
    """Groups of workers whose answers coincide far more often than their habits and the truth explain.

    First, without believing any model (copies fool models: they look like the best workers): for i and j on a common
    task the majority m of the others sets the scene; i gives label l there with the share p_i(l | m) measured over i's
    tasks. Answering apart they coincide with chance e = sum over l of p_i p_j. Very good workers coincide more often
    than that too, so the pairs near certainty are only suspects. Second, with suspects counted once: the truth is
    inferred, and the pair's expected coincidence is taken given the truth and both confusion matrices. Good workers'
    agreement is now explained; copied mistakes are not.

    Each time kappa = (coincided - expected) / (tasks - expected), its median over all pairs is the usual one (hard
    tasks make honest pairs coincide), and a pair stands out when its kappa lies in the upper half between the usual one
    and 1 and its exact binomial tail passes Benjamini-Hochberg at 1 %.
    """
    workers = answers.worker_count
    longest = int(np.diff(answers.start).max(initial=0))
    if workers < 3 or longest < 3 or answers.label_count < 2:
        return Clusters((), ())
    if workers > WORKERS_MOST:
        return Clusters((), (), checked=False)
    answers = some_tasks(answers, -(-answers.count * longest // PAIRS_MOST))
    votes = engine.vote_counts(answers).astype(np.int32)
    habit = _habits(answers, votes)

    def by_scene(left: Rows, right: Rows) -> tuple[Floats, Floats]:
        others, rows = votes[answers.task[left]], np.arange(len(left))
        others[rows, answers.label[left]] -= 1
        others[rows, answers.label[right]] -= 1
        scene, seen = _scenes(others)
        chance = np.einsum("ij,ij->i", habit[answers.worker[left], scene], habit[answers.worker[right], scene])
        return chance, seen

    suspects = _outstanding(_pairs(answers, longest, by_scene), kappa_least=SUSPECT_KAPPA)
    if not suspects:
        return Clusters((), ())
    merged = merge_copies(answers, Clusters(_connected([(pair[0], pair[1]) for pair in suspects]), ()))
    fit = hierarchical(Task(merged, steps=20))
    counts = np.zeros((workers, answers.label_count, answers.label_count))
    np.add.at(counts.transpose(0, 2, 1), (answers.worker, answers.label), fit.posterior[answers.task])
    crowd = counts.sum(axis=0) + 1.0
    counts += (crowd / crowd.sum(axis=1, keepdims=True))[None]
    matrices = counts / counts.sum(axis=2, keepdims=True)

    def by_truth(left: Rows, right: Rows) -> tuple[Floats, Floats]:
        truth = fit.posterior[answers.task[left]]
        chance = np.zeros(len(left))
        one, two = answers.worker[left], answers.worker[right]
        for label in range(answers.label_count):
            chance += np.einsum("ij,ij,ij->i", truth, matrices[one, :, label], matrices[two, :, label])
        return chance, np.ones(len(left), bool)

    pairs = tuple(_outstanding(_pairs(answers, longest, by_truth)))
    return Clusters(_connected([(pair[0], pair[1]) for pair in pairs]), pairs)


def _scenes(others: npt.NDArray[np.int32]) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """(the others' majority, whether there is one) per row of votes; tied labels are none, whatever they are called."""
    scene = others.argmax(axis=1)
    top = others[np.arange(len(others)), scene]
    return scene, (top > 0) & ((others == top[:, None]).sum(axis=1) == 1)


def some_tasks(answers: Answers, nth: int) -> Answers:
    """The answers to about one task of `nth`, drawn by what was answered and not by names; all of them for 1.

    A task is drawn by a hash of how many answers each of its workers gave, here and with the same label. Where too many
    tasks look alike for that (twice too many or half too few are drawn), it is every nth in order of names.
    """
    if nth <= 1:
        return answers
    own = answers.worker.astype(np.int64) * answers.label_count + answers.label
    cells = np.bincount(own, minlength=answers.worker_count * answers.label_count).astype(np.uint64)
    busy = np.bincount(answers.worker, minlength=answers.worker_count).astype(np.uint64)
    mixed = _mixed(cells[own] * np.uint64(0x9E3779B97F4A7C15) + busy[answers.worker])
    # a sum, so that the order of a task's workers does not enter
    drawn = _mixed(np.add.reduceat(mixed, answers.start[:-1])) % np.uint64(nth) == 0
    if not answers.task_count / (2 * nth) <= drawn.sum() <= 2 * answers.task_count / nth:
        drawn = np.arange(answers.task_count) % nth == 0
    kept = np.flatnonzero(drawn[answers.task])
    tasks = answers.tasks[drawn]
    start = np.zeros(len(tasks) + 1, np.int64)
    np.cumsum(np.diff(answers.start)[drawn], out=start[1:])
    task = np.repeat(np.arange(len(tasks), dtype=np.int32), np.diff(start))
    return replace(
        answers, task=task, worker=answers.worker[kept], label=answers.label[kept], start=start, tasks=tasks, row=None
    )


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Every bit of a 64-bit number spread over all others (the finaliser of MurmurHash3, Appleby 2011)."""
    for _ in range(2):
        values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return values ^ (values >> np.uint64(33))


def _pairs(
    answers: Answers, longest: int, chance_of: Callable[[Rows, Rows], tuple[Floats, Floats]]
) -> tuple[Rows, Rows, Floats]:
    """(common tasks, coincidences, expected coincidences) per pair of workers, flattened."""
    workers = answers.worker_count
    common, same = np.zeros(workers * workers, np.int64), np.zeros(workers * workers, np.int64)
    expected = np.zeros(workers * workers)
    for apart in range(1, longest):
        left = np.flatnonzero(answers.task[apart:] == answers.task[:-apart])
        if not len(left):
            break
        right = left + apart
        pair = answers.worker[left].astype(np.int64) * workers + answers.worker[right]
        chance, seen = chance_of(left, right)
        equal = answers.label[left] == answers.label[right]
        common += np.bincount(pair[seen], minlength=workers * workers)
        same += np.bincount(pair[seen & equal], minlength=workers * workers)
        expected += np.bincount(pair[seen], chance[seen], workers * workers)
    return common, same, expected


def _outstanding(
    counted: tuple[Rows, Rows, Floats], *, kappa_least: float = 0.0
) -> list[tuple[int, int, int, int, float]]:
    """(one, other, coincidences, common tasks, chance) of the pairs that stand out."""
    common, same, expected = counted
    workers = math.isqrt(len(common))
    usable = np.flatnonzero((common >= COMMON_LEAST) & (common - expected >= SURPRISE_LEAST))
    if not len(usable):
        return []
    kappa = (same[usable] - expected[usable]) / (common[usable] - expected[usable])
    usual = min(max(float(np.median(kappa)), 0.0), 0.8)
    tested = []
    for cell in usable[kappa >= max(kappa_least, (1.0 + usual) / 2.0)]:
        rate = expected[cell] / common[cell]
        tested.append((binomial_tail(int(same[cell]), int(common[cell]), rate + usual * (1.0 - rate)), int(cell)))
    return [
        (cell // workers, cell % workers, int(same[cell]), int(common[cell]), chance)
        for chance, cell in sorted(_discoveries(tested, len(usable)), key=lambda found: found[1])
    ]


def _habits(answers: Answers, votes: npt.NDArray[np.int32]) -> Floats:
    """p_w(l | majority of the others), shape (workers, labels, labels), with one answer spread over the row."""
    workers, labels = answers.worker_count, answers.label_count
    others, rows = votes[answers.task], np.arange(answers.count)
    others[rows, answers.label] -= 1
    scene, kept = _scenes(others)
    cell = (answers.worker.astype(np.int64) * labels + scene) * labels + answers.label
    counts = (
        np.bincount(cell[kept], minlength=workers * labels * labels).reshape(workers, labels, labels) + 1.0 / labels
    )
    return np.asarray(counts / counts.sum(axis=2, keepdims=True))


def merge_copies(answers: Answers, clusters: Clusters) -> Answers:
    """The same answers with each group as one worker.

    On a task it gives the label that most of the group gave, of equally many the one that more of all workers gave,
    then the one that sorts first.
    """
    if not clusters.groups:
        return answers
    head = np.arange(answers.worker_count, dtype=np.int32)
    for group in clusters.groups:
        head[list(group)] = group[0]
    worker = head[answers.worker]
    key = answers.task.astype(np.int64) * answers.worker_count + worker
    _, voter = np.unique(key, return_inverse=True)
    own = voter * answers.label_count + answers.label
    _, label, count = np.unique(own, return_inverse=True, return_counts=True)
    votes = engine.vote_counts(answers)[answers.task, answers.label]
    order = np.lexsort((answers.label, -votes, -count[label], voter))
    first = order[np.flatnonzero(np.diff(voter[order], prepend=-1))]
    task = answers.task[first]
    start = np.zeros(answers.task_count + 1, np.int64)
    np.cumsum(np.bincount(task, minlength=answers.task_count), out=start[1:])
    return replace(answers, task=task, worker=worker[first], label=answers.label[first], start=start, row=None)


def copy_flags(answers: Answers, clusters: Clusters) -> list[Flag]:
    """One flag per group, with the counts of its pairs together."""
    flags = []
    for group in clusters.groups:
        members = set(group)
        pairs = [pair for pair in clusters.pairs if pair[0] in members]
        names = tuple(str(answers.workers[code]) for code in group)
        same, seen = sum(pair[2] for pair in pairs), sum(pair[3] for pair in pairs)
        flags.append(
            Flag(
                "copies",
                names,
                {"pairs": len(pairs), "common_answers": seen, "equal_answers": same},
                min(10**9, math.ceil(max(pair[4] for pair in pairs) * 1e9)),
                f"{len(names)} workers gave equal answers in {same} of {seen} common tasks, more than habit explains",
            )
        )
    return flags


def same_mistakes(
    answers: Sequence[tuple[str, str, str]], truth: Mapping[str, str], *, alternatives: int, least: int = 2
) -> list[Flag]:
    """Groups of workers who make the same mistakes more often than mistaken people do by chance.

    answers       (worker, task, normalised value), each worker once per task; empty values are left out by the caller
    truth         task -> normalised value, where it is known
    alternatives  values that a mistaken person may plausibly give: two mistaken people coincide once in so many times
    least         coincidences needed before anything is said
    returns       one flag per group of connected pairs; a pair stands out when the exact binomial tail of its equal
                  mistakes among the tasks that both got wrong passes Benjamini-Hochberg at 1 % over all such pairs
    """
    wrong: dict[str, list[tuple[str, str]]] = {}
    for worker, task, value in sorted(set(answers)):
        if task in truth and value != truth[task]:
            wrong.setdefault(task, []).append((worker, value))
    both: dict[tuple[str, str], list[int]] = {}
    for given in wrong.values():
        for place, (one, value) in enumerate(given):
            for other, other_value in given[place + 1 :]:
                count = both.setdefault((one, other), [0, 0])
                count[0] += 1
                count[1] += value == other_value
    pairs = sorted(both)
    tested = [
        (binomial_tail(both[pair][1], both[pair][0], 1.0 / alternatives), place)
        for place, pair in enumerate(pairs)
        if both[pair][1] >= least
    ]
    names = sorted({worker for pair in pairs for worker in pair})
    code = {worker: place for place, worker in enumerate(names)}
    found = {pairs[place]: chance for chance, place in _discoveries(tested, len(pairs))}
    flags = []
    for group in _connected([(code[one], code[other]) for one, other in sorted(found)]):
        members = tuple(names[place] for place in group)
        own = [pair for pair in sorted(found) if pair[0] in members]
        same, seen = sum(both[pair][1] for pair in own), sum(both[pair][0] for pair in own)
        flags.append(
            Flag(
                "copies",
                members,
                {"pairs": len(own), "common_mistakes": seen, "equal_mistakes": same},
                _ppb(max(found[pair] for pair in own)),
                f"{len(members)} workers gave the same wrong value in {same} of {seen} tasks that both got wrong",
            )
        )
    return flags


def pace_flags(worker: str, answers: Sequence[tuple[str, int]], *, feasible_ms: int, least: int = 10) -> list[Flag]:
    """Signs in one worker's own stream.

    answers      (answer, active_ms) in order of time
    feasible_ms  nobody reads and answers faster than this
    least        answers needed before anything is said
    """
    count = len(answers)
    if count < least:
        return []
    flags = []
    fast = sum(active_ms < feasible_ms for _, active_ms in answers)
    # an honest worker may slip once in twenty
    chance = binomial_tail(fast, count, 0.05)
    if chance < 1e-4:
        flags.append(
            Flag(
                "too-fast",
                (worker,),
                {"answers": count, "below_feasible": fast, "feasible_ms": feasible_ms},
                _ppb(chance),
                f"{fast} of {count} answers in less than {feasible_ms} ms, the time it takes to see the piece",
            )
        )
    values = [value for value, _ in answers]
    distinct = len(set(values))
    run = max(_runs(values))
    if distinct == 1 and count >= 2 * least:
        flags.append(
            Flag(
                "constant",
                (worker,),
                {"answers": count, "distinct": 1, "longest_run": run},
                0,
                f"{count} equal answers",
            )
        )
    elif distinct > 1 and (period := _period(values)):
        flags.append(
            Flag(
                "periodic",
                (worker,),
                {"answers": count, "period": period, "distinct": distinct},
                _ppb(distinct ** -float(count - period)),
                f"{count} answers repeat every {period}",
            )
        )
    return flags


def binomial_tail(hits: int, count: int, rate: float) -> float:
    """P(X >= hits) for X binomial(count, rate)."""
    if hits <= 0:
        return 1.0
    log_rate, log_miss = math.log(rate), math.log1p(-rate)
    total = 0.0
    for at in range(hits, count + 1):
        log_term = math.lgamma(count + 1) - math.lgamma(at + 1) - math.lgamma(count - at + 1)
        term = math.exp(log_term + at * log_rate + (count - at) * log_miss)
        total += term
        if at > count * rate and term < total * 1e-12:
            break
    return min(1.0, total)


def _discoveries(tested: list[tuple[float, int]], tests: int) -> list[tuple[float, int]]:
    """Benjamini-Hochberg among `tests` tests, of which the others count as chance 1."""
    ordered = sorted(tested)
    last = 0
    for rank, (chance, _) in enumerate(ordered, start=1):
        if chance <= FALSE_DISCOVERY * rank / tests:
            last = rank
    return ordered[:last]


def _connected(pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    head: dict[int, int] = {}

    def top(member: int) -> int:
        while head.setdefault(member, member) != member:
            member = head[member]
        return member

    for one, two in pairs:
        low, high = sorted((top(one), top(two)))
        head[high] = low
    groups: dict[int, list[int]] = {}
    for member in sorted(head):
        groups.setdefault(top(member), []).append(member)
    return tuple(tuple(group) for _, group in sorted(groups.items()))


def _runs(values: Sequence[str]) -> list[int]:
    lengths = [1]
    for before, value in pairwise(values):
        if value == before:
            lengths[-1] += 1
        else:
            lengths.append(1)
    return lengths


def _period(values: Sequence[str]) -> int:
    """The shortest period of 2..5 that the last 20 answers keep without a miss; 0 when there is none."""
    tail = list(values)[-20:]
    for period in range(2, 6):
        if len(tail) >= 4 * period and all(tail[at] == tail[at - period] for at in range(period, len(tail))):
            return period if len(set(tail)) > 1 else 0
    return 0


def _ppb(chance: float) -> int:
    return min(10**9, math.ceil(chance * 1e9))
