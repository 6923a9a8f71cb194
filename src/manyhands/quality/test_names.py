"""What tasks, workers and labels are called, and in which order rows come, changes no verdict of any kind or method."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from manyhands.quality import (
    Online,
    abuse,
    aggregate,
    calibration,
    categorical,
    infer,
    inference,
    numeric,
    records,
    texts,
)
from manyhands.quality.errors import BadLabels
from manyhands.quality.table import read_answers, read_pairs

WORDS = ("alpha", "beta", "gamma", "delta", "eps")
#: kind -> methods; every method of every kind is here (a test compares)
METHODS = {
    "categorical": ("auto", *categorical.METHODS),
    "ordinal": ("auto", *categorical.METHODS),
    "multi-label": ("auto", *categorical.METHODS),
    "numeric": tuple(numeric.NUMERIC),
    "text": texts.TEXT_METHODS,
    "transcription": ("auto", "vote"),
    "transcription:amount": ("auto", "vote"),
    "boxes": ("auto", "matching"),
    "spans": ("auto", "matching"),
    "keypoints": ("auto", "matching"),
    "masks": ("auto", "matching"),
    "records": ("auto", "fields"),
    "ranking": ("auto", "bradley-terry"),
}
EVERY = [(kind, method) for kind, methods in METHODS.items() for method in methods]


def answer(kind, truth, random, honest):
    """What somebody answers to a task whose truth is this number; who is not honest guesses."""
    seen = truth if honest else int(random.integers(0, 13))
    near = [int(step) for step in random.integers(-2, 3, 4)]
    if kind == "categorical":
        return f"l{seen % 3}"
    if kind == "ordinal":
        return seen % 4
    if kind == "numeric":
        return round(1.5 * seen + 0.7 * near[0] + (0.0 if honest else 20.0 * near[1]), 1)
    if kind == "text":
        return " ".join([*(WORDS[(truth + place) % 5] for place in range(3)), WORDS[seen % 5]])
    if kind.startswith("transcription"):
        return f"{seen % 7}.50"
    if kind == "multi-label":
        return sorted({WORDS[seen % 5], WORDS[seen * 2 % 5]})
    if kind == "records":
        return {"total": f"{seen % 7}.00", "date": f"2026-01-0{1 + truth % 5}"}
    if kind == "ranking":
        return [WORDS[(seen + place) % 5] for place in range(4)]
    shapes = []
    for place in range(1 + truth % 2 if honest else int(random.integers(0, 3))):
        at = 10 * (truth % 5) + 30 * place
        shapes.append(
            {
                "boxes": {"x": at + near[0], "y": 5 + near[1], "w": 20, "h": 10, "label": WORDS[seen % 2]},
                "spans": {"start": float(at + near[0]), "end": float(at + 20 + near[1])},
                "keypoints": {"x": float(at + 4 * near[0]), "y": float(4 * near[1])},
                "masks": {"size": [2, 90], "runs": [at + 2 + near[0], 12 + near[1]]},
            }[kind]
        )
    return shapes


def crowd(kind, seed):
    """Rows (task, worker, label) of a crowd of random shape, with a few who guess; and some known truth, or none."""
    random = np.random.default_rng(seed)
    tasks, workers = ((60, 8), (7, 4), (3, 2))[int(random.integers(3))]
    honest = random.random(workers) < 0.7
    rows = [
        (task, int(worker), answer(kind, task * 7 % 13, random, random.random() < (0.8 if honest[worker] else 0.3)))
        for task in range(tasks)
        for worker in random.choice(workers, int(random.integers(1, min(workers, 5) + 1)), replace=False)
    ]
    known = {}
    if kind in {"categorical", "ordinal"} and random.random() < 0.5:
        known = {task: label for task, _, label in rows if task < 35}
    return rows, known


def renamed(rows, known, seed):
    """The same with other names for tasks and workers and the rows mixed; old task -> new."""
    random = np.random.default_rng(seed)
    tasks, workers = random.permutation(100).tolist(), random.permutation(100).tolist()
    mixed = [rows[place] for place in random.permutation(len(rows))]
    return (
        [(f"t{tasks[task]:02d}", f"w{workers[worker]:02d}", label) for task, worker, label in mixed],
        {f"t{tasks[task]:02d}": label for task, label in known.items()},
        {task: f"t{tasks[task]:02d}" for task, *_ in rows},
    )


def columns_of(rows):
    return tuple(list(column) for column in zip(*rows, strict=True))


def by_task(rows, kind, method, known):
    """task -> (label, confidence, support)."""
    table = infer(columns_of(rows), kind=kind, method=method, gold=known or None).table
    columns = (table.label.tolist(), table.confidence.tolist(), table.support.tolist())
    return dict(zip(table.task.tolist(), zip(*columns, strict=True), strict=True))


def alike(one, other):
    """Equal, numbers to 1e-6."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == pytest.approx(other, abs=1e-6) if isinstance(one, float) else one == other


def test_no_kind_and_no_method_is_left_out_here() -> None:
    assert {kind.partition(":")[0] for kind in METHODS} == set(inference.KINDS) - {"auto"}


@pytest.mark.parametrize(("kind", "method"), EVERY)
@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_names_of_tasks_and_workers_change_no_verdict(kind, method, seed, other) -> None:
    rows, known = crowd(kind, seed)
    again, known_again, names = renamed(rows, known, other)
    one, two = by_task(rows, kind, method, known), by_task(again, kind, method, known_again)
    for task, verdict in one.items():
        assert alike(verdict, two[names[task]]), (task, verdict, two[names[task]])


@pytest.mark.parametrize(("kind", "method"), EVERY)
def test_the_order_of_rows_changes_no_byte(kind, method) -> None:
    for seed in range(3):
        rows, known = crowd(kind, seed)
        mixed = [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))]
        assert repr(by_task(rows, kind, method, known)) == repr(by_task(mixed, kind, method, known))


@pytest.mark.parametrize("method", categorical.METHODS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 100_000))
@example(168)
def test_names_of_labels_change_no_posterior(method, seed) -> None:
    random = np.random.default_rng(seed)
    labels, tasks, workers = (int(random.choice(own)) for own in ((2, 3), (2, 4, 6, 16, 40), (2, 3, 6)))
    rows = [
        (task, int(worker), int(random.integers(labels)) if random.random() < 0.7 else task % labels)
        for task in range(tasks)
        for worker in random.choice(workers, int(random.integers(1, workers + 1)), replace=False)
    ]
    if random.random() < 0.3:  # a crowd that is its own mirror image, where every label is tied
        rows += [(task + tasks, worker, labels - 1 - label) for task, worker, label in rows]
    names = random.permutation(labels).tolist()
    posteriors = []
    for given_rows in (rows, [(task, worker, names[label]) for task, worker, label in rows]):
        answers = read_answers(tuple(np.asarray(column) for column in zip(*given_rows, strict=True)))[0]
        if answers.label_count < 2:
            return
        posteriors.append((answers.labels.tolist(), categorical.METHODS[method](categorical.Task(answers)).posterior))
    (one_labels, one), (two_labels, two) = posteriors
    places = [two_labels.index(names[label]) for label in one_labels]
    assert one == pytest.approx(two[:, places], abs=1e-6)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.booleans())
def test_names_change_nothing_that_comes_in_rounds(seed, with_gold) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, 70)
    able = random.beta(4, 2, 12)
    rounds = [
        [
            (task, int(worker), int(truth[task] if random.random() < able[worker] else random.integers(3)))
            for task, worker in enumerate(random.permutation(np.arange(72) % 12)[:70])
        ]
        for _ in range(4)
    ]
    tasks, workers, labels = (random.permutation(count).tolist() for count in (70, 12, 3))
    known = {task: int(truth[task]) for task in range(20)} if with_gold else {}
    one = Online(labels=[0, 1, 2], gold=known)
    two = Online(
        labels=[labels[label] for label in range(3)],
        gold={f"t{tasks[task]:02d}": labels[label] for task, label in known.items()},
    )
    for answers in rounds:
        # the same order of arrival: which answer came before another means something, names do not
        for task, worker, label in answers:
            one.add(task, worker, label)
            two.add(f"t{tasks[task]:02d}", f"w{workers[worker]:02d}", labels[label])
        for task in range(70):
            name = f"t{tasks[task]:02d}"
            assert one.confidence(task) == pytest.approx(two.confidence(name), abs=1e-6)
            assert one.needs_more(task) == two.needs_more(name)
    settled, again = one.result(), two.result()
    for task, (label, sure) in settled.items():
        other, other_sure = again[f"t{tasks[task]:02d}"]
        assert sure == pytest.approx(other_sure, abs=1e-6)
        assert labels[label] == other or sure < 0.6  # labels as good as tied go to the one that sorts first


def numbers(seed):
    """Emotion-like answers: honest spread, some who guess, integers that tie."""
    random = np.random.default_rng(seed)
    truth = random.uniform(-50, 50, 80)
    task = np.repeat(np.arange(80), 5)
    worker = np.tile(np.arange(10), 40)
    label = np.rint(np.where(worker < 7, truth[task] + random.normal(0, 15, 400), random.uniform(-100, 100, 400)))
    return task, worker, label


def test_the_numeric_estimator_is_chosen_over_every_deal_into_halves() -> None:
    task, worker, label = numbers(3)
    answers, raw, _ = read_pairs((task, worker, label))
    values = raw.astype(np.float64)
    wanted = []
    for own in values.reshape(80, 5):
        halves = [(np.asarray(half), np.delete(np.arange(5), half)) for half in combinations(range(5), 2)]
        wanted.append(np.mean([(np.median(own[one]) - np.median(own[two])) ** 2 for one, two in map(tuple, halves)]))
    median = numeric.CANDIDATES.index(numeric.median)
    assert numeric.halves_apart(answers, values)[median] == pytest.approx(np.mean(wanted))


def test_a_task_with_very_many_answers_is_dealt_in_some_ways_and_names_still_change_nothing() -> None:
    random = np.random.default_rng(0)
    label = np.round(random.normal(0, 5, 60), 1)
    one = aggregate((["t"] * 40 + ["s"] * 20, list(range(40)) + list(range(20)), label))
    two = aggregate((["s"] * 40 + ["t"] * 20, list(range(40))[::-1] + list(range(20)), label))
    assert one.label.tolist() == pytest.approx(two.label.tolist()[::-1])


def test_the_order_of_documents_changes_no_field() -> None:
    for seed in range(8):
        random = np.random.default_rng(seed)
        documents = [
            [
                (f"w{worker}", answer("records", task % 13, random, random.random() < 0.7))
                for worker in random.choice(6, 3, replace=False)
            ]
            for task in range(80)
        ]
        turn = random.permutation(80).tolist()
        one, skills = records.decide_records(documents, {"total": "amount", "date": "date"})
        two, skills_again = records.decide_records(
            [documents[place] for place in turn], {"total": "amount", "date": "date"}
        )
        assert [one[place] for place in turn] == two and skills == skills_again


def test_copies_are_found_and_merged_whatever_they_are_called() -> None:
    random = np.random.default_rng(5)
    truth = random.integers(0, 3, 300)
    rows = []
    for task in range(300):
        rows += [
            (task, int(worker), int(truth[task] if random.random() < 0.75 else random.integers(3)))
            for worker in random.choice(20, 4, replace=False)
        ]
        shared = int(random.integers(3))
        # three who copy, of whom one is at times of another mind
        rows += [
            (task, copier, int(random.integers(3)) if copier == 22 and task % 40 == 0 else shared)
            for copier in (20, 21, 22)
        ]
    found = []
    for names in (list(range(23)), list(range(23))[::-1]):
        answers = read_answers(columns_of([(task, names[worker], label) for task, worker, label in rows]))[0]
        clusters = abuse.find_copies(answers)
        old = {names[worker]: worker for worker in range(23)}
        assert {frozenset(old[code] for code in group) for group in clusters.groups} == {frozenset({20, 21, 22})}
        merged = abuse.merge_copies(answers, clusters)
        group = {names[worker] for worker in (20, 21, 22)}
        kept = [
            (task, label)
            for task, worker, label in zip(
                merged.task.tolist(), merged.worker.tolist(), merged.label.tolist(), strict=True
            )
            if worker in group
        ]
        assert len(kept) == 300
        found.append(kept)
    assert found[0] == found[1]


def test_a_part_of_a_very_large_set_is_drawn_by_what_was_answered() -> None:
    random = np.random.default_rng(9)
    task, worker = np.repeat(np.arange(3_000), 4), random.integers(0, 50, 12_000)
    label = random.integers(0, 3, 12_000)
    names, who = random.permutation(3_000), random.permutation(50)
    one = read_answers((task, worker, label))[0]
    two = read_answers((names[task], who[worker], label))[0]
    drawn, again = abuse.some_tasks(one, 5), abuse.some_tasks(two, 5)
    assert sorted(names[drawn.tasks].tolist()) == again.tasks.tolist() and 300 < drawn.task_count < 1_200
    assert abuse.some_tasks(one, 1) is one
    rows = [one.start[place] for place in drawn.tasks]
    assert drawn.label[drawn.start[:-1]].tolist() == one.label[rows].tolist()
    even = read_answers((np.repeat(np.arange(100), 3), np.tile([0, 1, 2], 100), np.zeros(300, np.int64)))[0]
    assert abuse.some_tasks(even, 10).task_count == 10  # tasks that all look alike


def test_equal_posteriors_calibrate_alike_in_any_order() -> None:
    posterior = np.repeat([0.6, 0.8, 0.95], 200)
    right = np.tile([True, False, True, True], 150)
    mixed = np.concatenate([np.flatnonzero(right), np.flatnonzero(~right)])
    one = calibration.fit_scale(posterior, right)
    two = calibration.fit_scale(posterior[mixed], right[mixed])
    assert one.apply(posterior).tolist() == two.apply(posterior).tolist()


def test_the_kind_is_read_off_all_answers_in_any_order() -> None:
    short, long = [f"x{place}" for place in range(6_000)], [f"word {place} and more" for place in range(6_000)]
    assert inference.kind_of(short + long) == inference.kind_of(long + short) == "text"
    with pytest.raises(BadLabels, match="another kind") as refused:
        inference.kind_of([["red"], [], {"total": "1.00"}])
    assert refused.value.row == 2
