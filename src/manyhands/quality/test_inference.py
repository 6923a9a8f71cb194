"""The truth from redundant answers: the same in any order, given by perfect people, spoilt by nobody who copies."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.quality import aggregate, calibration, categorical, engine, infer, inference, special, table, texts
from manyhands.quality.errors import BadLabels, UnknownMethod

METHODS = ["auto", *categorical.METHODS]


def crowd(tasks=200, workers=20, redundancy=5, labels=3, seed=0, skill=(6.0, 2.0)):
    """(task, worker, label) columns and the truth, from workers of mixed skill."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, labels, tasks)
    able = chance.beta(*skill, workers)
    rows = []
    for task in range(tasks):
        for worker in chance.choice(workers, redundancy, replace=False):
            right = chance.random() < able[worker]
            label = truth[task] if right else (truth[task] + chance.integers(1, labels)) % labels
            rows.append((f"t{task:04d}", f"w{worker:03d}", f"l{label}"))
    columns = tuple(list(column) for column in zip(*rows, strict=True))
    return columns, {f"t{task:04d}": f"l{label}" for task, label in enumerate(truth)}


def share_right(verdicts, truth):
    return np.mean([truth[task] == label for task, label in zip(verdicts.task, verdicts.label, strict=True)])


rows_strategy = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 2)),
    min_size=1,
    max_size=80,
    unique_by=lambda r: r[:2],
)


def as_columns(rows):
    return tuple(list(column) for column in zip(*rows, strict=True))


def test_the_examples_in_the_docstrings_hold() -> None:
    for module in (inference, table, texts, calibration, special):
        assert doctest.testmod(module, extraglobs={"np": np}).failed == 0


@settings(max_examples=40, deadline=None)
@given(rows_strategy, st.randoms(), st.sampled_from(METHODS))
def test_the_order_of_answers_changes_no_byte(rows, chance, method) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    one, other = aggregate(as_columns(rows), method=method), aggregate(as_columns(shuffled), method=method)
    for left, right in zip(one, other, strict=True):
        assert np.asarray(left).tobytes() == np.asarray(right).tobytes()


@settings(max_examples=25, deadline=None)
@given(rows_strategy, st.sampled_from(METHODS))
def test_a_worker_who_repeats_an_answer_counts_once(rows, method) -> None:
    one, other = aggregate(as_columns(rows), method=method), aggregate(as_columns([*rows, *rows[:5]]), method=method)
    assert list(one.label) == list(other.label) and list(one.support) == list(other.support)


@settings(max_examples=25, deadline=None)
@given(rows_strategy, st.permutations(range(7)), st.permutations(range(13)))
def test_renaming_workers_and_tasks_changes_no_verdict_beyond_rounding(rows, workers, tasks) -> None:
    one = aggregate(as_columns(rows))
    renamed = aggregate(as_columns([(tasks[task], workers[worker], label) for task, worker, label in rows]))
    sure = {tasks[task]: confidence for task, confidence in zip(one.task.tolist(), one.confidence, strict=True)}
    for task, confidence in zip(renamed.task.tolist(), renamed.confidence, strict=True):
        assert confidence == pytest.approx(sure[task], abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_perfect_workers_give_the_truth(method) -> None:
    columns, truth = crowd(skill=(1e9, 1e-3))
    assert share_right(aggregate(columns, method=method), truth) == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_unanimous_workers_give_that_answer(method) -> None:
    columns = (["a"] * 4 + ["b"] * 4, list("wxyz") * 2, ["cat"] * 4 + ["dog"] * 4)
    assert list(aggregate(columns, method=method).label) == ["cat", "dog"]


@pytest.mark.parametrize("method", ["auto", "dawid-skene", "hierarchical", "one-coin", "ibcc", "glad", "mace"])
def test_models_beat_the_vote_where_skill_is_mixed(method) -> None:
    columns, truth = crowd(tasks=600, workers=30, redundancy=5, labels=4, seed=3, skill=(1.2, 1.0))
    voted = share_right(aggregate(columns, method="majority"), truth)
    assert share_right(aggregate(columns, method=method), truth) > voted + 0.02


def test_ties_go_to_the_label_that_sorts_first() -> None:
    assert list(aggregate((["t", "t"], ["w", "v"], ["b", "a"]), method="majority").label) == ["a"]


def test_few_tasks_without_gold_are_voted_on_and_the_report_says_why() -> None:
    columns, _ = crowd(tasks=20)
    report = infer(columns).report
    assert report.method == "weighted-majority" and "too few" in report.because
    assert infer(crowd(tasks=200)[0]).report.method == "averaged"


def test_models_are_averaged_until_the_answers_tell_the_matrices() -> None:
    few, _ = crowd(tasks=600, workers=40, redundancy=5, labels=4, seed=3)
    many, _ = crowd(tasks=600, workers=12, redundancy=5, labels=2, seed=3)
    assert infer(few).report.method == "averaged" and "which model" in infer(few).report.because
    assert infer(many).report.method == "hierarchical" and "telling answers" in infer(many).report.because
    chance = np.random.default_rng(2)
    guessed = (np.repeat(np.arange(200), 4), chance.integers(0, 9, 800), chance.integers(0, 2, 800))
    kappa = categorical.agreement_kappa(coded(guessed, None))
    assert infer(guessed).report.method == "averaged" and (kappa > 0) == (
        "by chance" not in infer(guessed).report.because
    )


def test_agreement_beyond_chance_is_one_when_all_agree_and_none_when_all_guess() -> None:
    same = (np.repeat(np.arange(50), 3), np.tile(np.arange(3), 50), np.repeat(np.arange(50) % 2, 3))
    assert categorical.agreement_kappa(coded(same, None)) == pytest.approx(1.0)
    alone = (np.arange(50), np.arange(50), np.arange(50) % 2)
    assert categorical.agreement_kappa(coded(alone, None)) == 0.0
    chance = np.random.default_rng(0)
    guessed = (np.repeat(np.arange(4_000), 3), np.tile(np.arange(3), 4_000), chance.integers(0, 3, 12_000))
    assert abs(categorical.agreement_kappa(coded(guessed, None))) < 0.03


def collapsing(seed):
    """Three hundred people of two answers each: too little to tell a person's skill from a person's habit."""
    columns, truth = crowd(tasks=150, workers=300, redundancy=4, labels=2, seed=seed, skill=(4.0, 1.5))
    return columns, truth


def test_skills_are_shrunk_as_far_as_people_are_alike() -> None:
    columns, _ = crowd(tasks=400, workers=40, redundancy=5, labels=3, seed=1, skill=(600.0, 200.0))
    alike = categorical.empirical_bayes(coded(columns, None)).skill
    columns, _ = crowd(tasks=400, workers=40, redundancy=5, labels=3, seed=1, skill=(1.5, 0.7))
    unlike = categorical.empirical_bayes(coded(columns, None)).skill
    assert np.std(alike) < 0.03 < 0.15 < np.std(unlike)


def test_an_average_of_models_is_not_led_astray_by_one_that_collapses() -> None:
    under = []
    for seed in range(6):
        columns, truth = collapsing(seed)
        voted = share_right(aggregate(columns, method="majority"), truth)
        under.append(share_right(aggregate(columns, method="averaged"), truth) - voted)
    assert min(under) > -0.04 and np.mean(under) > -0.01


@pytest.mark.parametrize("method", ["averaged", "empirical-bayes"])
def test_known_tasks_and_a_reputation_enter_the_new_models_too(method) -> None:
    columns, truth = crowd(tasks=120, workers=20, redundancy=3, labels=3, seed=4, skill=(3.0, 2.0))
    known = {name: truth[name] for name in list(truth)[:25]}
    result = infer(columns, gold=known, method=method)
    assert result.report.calibrated and result.report.reliability is not None
    given_labels = dict(zip(result.table.task.tolist(), result.table.label.tolist(), strict=True))
    assert all(given_labels[name] == label for name, label in known.items())
    pair = (["t"] * 2, ["good", "bad"], ["x", "a"])
    prior = {"good": (19, 1), "bad": (10, 10)}
    assert list(aggregate(pair, prior=prior, method=method).label) == ["x"]


def test_gold_is_delivered_as_it_is_and_calibrates_the_rest() -> None:
    columns, truth = crowd(tasks=400, redundancy=3)
    gold = {task: truth[task] for task in list(truth)[:60]}
    result = infer(columns, gold=gold)
    known = dict(zip(result.table.task, zip(result.table.label, result.table.confidence, strict=True), strict=True))
    assert all(known[task] == (label, 1.0) for task, label in gold.items())
    assert result.report.calibrated and "60 gold" in result.report.confidence
    assert result.report.reliability is not None and result.report.reliability.ece < 0.2
    assert not infer(columns).report.calibrated and "uncalibrated" in infer(columns).report.confidence


def coded(columns, gold):
    return inference.task_of(table.read_answers(columns)[0], gold)


def test_what_judges_a_task_has_not_learnt_from_it() -> None:
    columns, truth = crowd(tasks=80, workers=8, redundancy=4, labels=3, seed=2)
    task = coded(columns, {name: truth[name] for name in list(truth)[:12]})
    fit = categorical.dawid_skene(task)
    answers = task.answers
    for judged in (0, 3, 40, 79):  # two known, two inferred
        others = answers.task != judged
        counts = np.zeros((8, 3, 3))
        for row in np.flatnonzero(others):
            counts[answers.worker[row], :, answers.label[row]] += fit.posterior[answers.task[row]]
        share = np.delete(fit.posterior, judged, axis=0).sum(axis=0) + 1.0
        chance = np.maximum(counts, 1e-10) / np.maximum(counts.sum(axis=2, keepdims=True), 1e-10)
        own = np.flatnonzero(~others)
        score = share * np.prod(np.maximum(chance[answers.worker[own], :, answers.label[own]], 1e-10), axis=0)
        assert fit.apart[judged] == pytest.approx(score / score.sum(), abs=1e-9)


@pytest.mark.parametrize("method", ["hierarchical", "pooled", "one-coin", "ibcc", "mace", "majority"])
def test_gold_that_is_judged_blind_is_right_as_often_as_the_rest(method) -> None:
    columns, truth = crowd(tasks=1_500, workers=30, redundancy=3, labels=3, seed=6, skill=(4.0, 3.0))
    names = list(truth)
    task = coded(columns, {name: truth[name] for name in names[:500]})
    fit = categorical.METHODS[method](task)
    own = np.mean(fit.blind(task).argmax(axis=1) == task.gold_labels)
    best = fit.posterior[500:].argmax(axis=1)
    rest = np.mean([f"l{label}" == truth[name] for name, label in zip(names[500:], best, strict=True)])
    assert abs(own - rest) < 0.05


def shared_mistakes(seed):
    """Answers of a crowd that goes wrong together on hard tasks, where models are too sure of themselves."""
    chance = np.random.default_rng(seed)
    truth, lure = chance.integers(0, 3, 600), chance.integers(1, 3, 600)
    hard, able = chance.beta(0.6, 1.2, 600), chance.beta(6, 2, 40)
    rows = []
    for task in range(600):
        for worker in chance.choice(40, 5, replace=False):
            if chance.random() < able[worker] * (1 - hard[task]) + 0.25 * hard[task]:
                label = truth[task]
            elif chance.random() < hard[task]:
                label = (truth[task] + lure[task]) % 3
            else:
                label = (truth[task] + chance.integers(1, 3)) % 3
            rows.append((task, int(worker), int(label)))
    return as_columns(rows), dict(enumerate(truth.tolist()))


def test_sixty_gold_items_serve_a_crowd_that_errs_together() -> None:
    gained, misses = [], []
    for seed in range(4):
        columns, truth = shared_mistakes(seed)
        gold = {task: truth[task] for task in range(60)}
        right = {}
        for method in ("hierarchical", "pooled"):
            verdicts = infer(columns, gold=gold, method=method).table
            hit = np.asarray([truth[task] for task in verdicts.task.tolist()]) == verdicts.label
            right[method] = hit[60:].mean()
        misses.append(calibration.reliability(verdicts.confidence[60:], hit[60:]).ece)
        gained.append(right["pooled"] - right["hierarchical"])
    assert np.mean(gained) > 0.0
    # sixty items know their own share right to 6 points, and no calibration knows it better
    assert np.mean(misses) < 0.09


def test_a_few_gold_items_leave_the_default_as_it_is() -> None:
    columns, truth = crowd(tasks=200)
    few = {name: truth[name] for name in list(truth)[:9]}
    assert list(aggregate(columns, gold=few, method="pooled").label) == list(
        aggregate(columns, gold=few, method="hierarchical").label
    )
    assert infer(columns, gold={name: truth[name] for name in list(truth)[:30]}).report.method == "pooled"


def test_fewer_answers_than_parameters_leave_one_skill_per_worker() -> None:
    columns, truth = crowd(tasks=150, workers=120, redundancy=4, labels=5, seed=8, skill=(3.0, 1.0))
    ours = share_right(aggregate(columns), truth)
    assert ours >= share_right(aggregate(columns, method="dawid-skene"), truth) + 0.05
    assert ours >= share_right(aggregate(columns, method="majority"), truth)


def test_a_reputation_decides_where_the_job_cannot() -> None:
    columns = (["t"] * 2, ["good", "bad"], ["x", "a"])
    prior = {"good": (19, 1), "bad": (10, 10)}
    assert list(aggregate(columns, prior=prior, method="one-coin").label) == ["x"]
    assert list(aggregate(columns, prior=prior).label) == ["x"]


def test_every_method_name_in_the_field_is_understood_and_others_are_refused() -> None:
    columns, _ = crowd(tasks=60)
    for name in ("Wawa", "DS", "MV", "Dawid-Skene", "one_coin", "iBCC", "GLAD", "MACE"):
        aggregate(columns, method=name)
    with pytest.raises(UnknownMethod, match="dawid-skene"):
        aggregate(columns, method="oracle")
    with pytest.raises(UnknownMethod, match="boxes"):
        aggregate(columns, kind="smell")


def copied(columns, labels, seed):
    """The same answers and ten colluders, of whom three give one random answer to every task."""
    chance = np.random.default_rng(seed)
    task, worker, label = (list(column) for column in columns)
    for name in sorted(set(columns[0])):
        given = f"l{chance.integers(labels)}"
        for place in chance.choice(10, 3, replace=False):
            task.append(name)
            worker.append(f"x{place}")
            label.append(given)
    return task, worker, label


@pytest.mark.parametrize("labels", [2, 4])
def test_ten_colluders_cost_at_most_two_points_and_only_they_are_flagged(labels) -> None:
    columns, truth = crowd(tasks=800, workers=100, redundancy=5, labels=labels, seed=1)
    honest = share_right(aggregate(columns), truth)
    result = infer(copied(columns, labels, 2))
    flagged = {worker for flag in result.report.flags for worker in flag.workers}
    assert {f"x{place}" for place in range(10)} <= flagged
    assert len(flagged) <= 10 + 2
    assert share_right(result.table, truth) >= honest - 0.02
    assert all(flag.kind == "copies" and flag.evidence["pairs"] > 0 for flag in result.report.flags)


def test_two_workers_who_always_say_no_are_no_copies() -> None:
    columns, _ = crowd(tasks=400, workers=40, redundancy=5, labels=2, seed=5)
    task, worker, label = (list(column) for column in columns)
    for name in sorted(set(task)):
        for lazy in ("lazy1", "lazy2"):
            task.append(name)
            worker.append(lazy)
            label.append("l0")
    assert infer((task, worker, label)).report.flags == ()


def test_ordinal_answers_give_the_middle_of_the_posterior() -> None:
    columns = (["t"] * 5, list("abcde"), [0, 0, 2, 4, 4])
    assert list(aggregate(columns, kind="ordinal", method="majority").label) == [2]


def test_numbers_are_averaged_and_nonsense_is_left_out() -> None:
    chance = np.random.default_rng(0)
    truth = chance.uniform(0, 100, 120)
    task = np.repeat(np.arange(120), 8)
    worker = np.tile(np.arange(8), 120)
    label = truth[task] + chance.normal(0, 3, len(task))
    spam = worker >= 6
    label[spam] = chance.uniform(0, 100, int(spam.sum()))
    auto = aggregate((task, worker, label))
    error = np.abs(auto.label - truth).mean()
    assert error < np.abs(aggregate((task, worker, label), method="median").label - truth).mean()
    for method in ("mean", "median", "trimmed", "huber", "bias-variance", "useful-mean"):
        assert np.isfinite(aggregate((task, worker, label), method=method).label).all()
    assert aggregate((task[~spam], worker[~spam], label[~spam])).label == pytest.approx(
        aggregate((task[~spam], worker[~spam], label[~spam]), method="mean").label
    )


def test_texts_are_decided_by_what_two_people_wrote_else_word_by_word() -> None:
    columns = (
        ["a"] * 3 + ["b"] * 3,
        ["w1", "w2", "w3"] * 2,
        ["The cat sat.", "the cat sat", "a cat sad", "one two three", "one too three four", "won two three four"],
    )
    result = aggregate(columns, kind="text")
    assert result.label[0].lower().rstrip(".") == "the cat sat"
    assert result.label[1] == "one two three four"
    with pytest.raises(UnknownMethod):
        aggregate(columns, kind="text", method="guess")


def test_short_values_vote_by_value_and_keep_a_persons_spelling() -> None:
    columns = (["a"] * 3, ["w1", "w2", "w3"], ["12,50", "12.5", "12.60"])
    result = aggregate(columns, kind="transcription:amount")
    assert result.label[0] in {"12,50", "12.5"} and list(result.support) == [2]


def test_sets_are_decided_label_by_label() -> None:
    columns = (["a"] * 3, ["w1", "w2", "w3"], [{"red", "big"}, {"red"}, {"red", "round"}])
    assert aggregate(columns).label[0] == ["red"]


def test_boxes_are_matched_and_a_lonely_box_is_left_out() -> None:
    one = {"x": 10, "y": 10, "w": 20, "h": 10, "label": "stamp"}
    near = {"x": 11, "y": 10, "w": 20, "h": 11, "label": "stamp"}
    odd = {"x": 90, "y": 90, "w": 5, "h": 5, "label": "stamp"}
    result = aggregate((["a"] * 3, ["w1", "w2", "w3"], [[one], [near], [near, odd]]))
    assert result.label[0] == [{"x": 11.0, "y": 10.0, "w": 20.0, "h": 11.0, "label": "stamp"}]
    spans = aggregate((["a"] * 2, ["w1", "w2"], [[{"start": 1, "end": 3}], [{"start": 1.2, "end": 3}]]))
    assert spans.label[0][0]["end"] == 3.0


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ((["a", None], ["w", "v"], ["x", "y"]), 1),
        ((["a", "b"], ["w", "v"], ["x", float("nan")]), 1),
        ((np.array(["a", "b"]), np.array(["w", "v"]), np.array([1.0, np.nan])), 1),
        ((["a", "b", "c"], ["w", "v", None], ["x", "y", "y"]), 2),
    ],
)
def test_a_missing_value_is_refused_and_its_row_named(columns, row) -> None:
    with pytest.raises(BadLabels) as refused:
        aggregate(columns)
    assert refused.value.row == row


def test_empty_and_misshapen_input_is_refused() -> None:
    with pytest.raises(BadLabels, match="no answers"):
        aggregate(([], [], []))
    with pytest.raises(BadLabels, match="rows"):
        aggregate((["a"], ["w", "v"], ["x"]))
    with pytest.raises(BadLabels, match="data frame"):
        aggregate("labels.csv")
    with pytest.raises(BadLabels, match="no number"):
        aggregate((["a", "b"], ["w", "v"], ["1", "x"]), kind="numeric")


def test_unknown_gold_is_refused_and_gold_without_answers_is_left_out() -> None:
    columns = (["a", "a"], ["w", "v"], ["x", "x"])
    with pytest.raises(BadLabels, match="'z'") as refused:
        aggregate(columns, gold={"a": "x", "b": "z"})
    assert refused.value.row == 1
    assert list(aggregate(columns, gold={"elsewhere": "x"}).task) == ["a"]
    with pytest.raises(BadLabels, match="contradicts"):
        aggregate((["a", "a"], ["w", "v"], ["x", "y"]), gold=(["a", "a"], ["x", "y"]))


@pytest.mark.parametrize("base", [0, -5, 2**31 - 2, 2**40, -(2**62)])
def test_whole_numbers_of_any_size_keep_their_value(base) -> None:
    tasks = np.array([base, base + 1, base + 3, base + 1])
    result = aggregate((tasks, np.array([1, 2, 3, 4]), np.array([0, 1, 1, 1])))
    assert result.task.tolist() == [base, base + 1, base + 3] and result.label.tolist() == [0, 1, 1]


def test_one_worker_and_one_label_give_a_defined_result() -> None:
    assert list(aggregate((["a", "b"], ["w", "w"], ["x", "y"])).label) == ["x", "y"]
    assert list(aggregate((["a", "b"], ["w", "v"], ["x", "x"])).label) == ["x", "x"]


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow"])
def test_the_answer_comes_back_as_the_kind_that_was_given(name) -> None:
    library = pytest.importorskip(name)
    columns, _ = crowd(tasks=60)
    make = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "table"}[name]
    given_table = getattr(library, make)(dict(zip(("task", "worker", "label"), columns, strict=True)))
    result = aggregate(given_table)
    assert isinstance(result, type(given_table))
    plain = aggregate(columns)
    labels = result["label"].to_pylist() if name == "pyarrow" else result["label"].to_list()
    assert labels == list(plain.label)
    with pytest.raises(BadLabels, match="worker"):
        aggregate(given_table.drop(columns="worker") if name == "pandas" else given_table.drop(["worker"]))


def test_a_million_answers_give_a_defined_result() -> None:
    chance = np.random.default_rng(0)
    task, worker = np.repeat(np.arange(200_000), 5), chance.integers(0, 1_000, 1_000_000)
    label = np.where(chance.random(1_000_000) < 0.8, task % 4, chance.integers(0, 4, 1_000_000))
    result = infer((task, worker, label), method="dawid-skene", steps=2).table
    assert (result.label == np.arange(200_000) % 4).mean() > 0.95


def test_a_million_different_labels_are_an_error_that_names_the_row_and_thousands_are_not() -> None:
    tasks, workers = np.repeat(np.arange(500_000), 2), np.tile(np.arange(2), 500_000)
    with pytest.raises(BadLabels, match="label 269 of 1000000 on 500000 tasks") as refused:
        aggregate((tasks, workers, np.arange(1_000_000)), kind="categorical")
    assert refused.value.row == 268
    few = np.arange(6_000)
    columns = (np.repeat(few // 3, 3), np.tile(np.arange(30), 600), np.repeat(few % 2_000, 3))
    result = infer(columns, kind="categorical")
    assert result.report.method == "one-coin" and "too many" in result.report.because
    with pytest.raises(UnknownMethod, match="one-coin"):
        infer(columns, kind="categorical", method="dawid-skene")


UNANIMOUS = {
    "numeric": (12.5, 13.5),
    "text": ("the quick brown fox", "jumps over it"),
    "transcription:amount": ("12.50", "1,300.00"),
    "multi-label": (["a", "b"], ["c"]),
    "ordinal": (1, 4),
    "boxes": ([{"x": 1.0, "y": 1.0, "w": 5.0, "h": 5.0}], [{"x": 20.0, "y": 1.0, "w": 5.0, "h": 5.0}]),
    "records": ({"total": "12.50"}, {"total": "9"}),
    "ranking": (["a", "b", "c"], ["a", "b", "c"]),
}


@pytest.mark.parametrize("kind", UNANIMOUS)
def test_of_every_kind_unanimous_people_give_that_answer_and_a_repeat_changes_nothing(kind: str) -> None:
    values = UNANIMOUS[kind]
    rows = [(f"t{place}", f"w{worker}", value) for place, value in enumerate(values) for worker in range(3)]

    def told(given: list[tuple[str, str, object]]) -> list[str]:
        task, worker, label = (list(column) for column in zip(*given, strict=True))
        return [str(value) for value in aggregate((task, worker, label), kind=kind).label.tolist()]

    assert told(rows) == told([*rows, *rows[:3]]) == [str(value) for value in values]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("labels", "longest"), [(2, 3), (4, 300), (9, 5)])
def test_a_pass_is_what_the_formulas_say_in_either_engine(monkeypatch, compiled, labels, longest) -> None:
    if compiled and not engine.has_numba():
        pytest.skip("numba is not installed: there is one engine only")
    monkeypatch.setattr(engine, "has_numba", lambda: compiled)
    chance = np.random.default_rng(longest)
    lengths = np.minimum(1 + chance.geometric(0.4, 200), longest)
    lengths[7], lengths[50] = longest, max(1, longest - 1)  # more places than are worth a pass of their own
    task = np.repeat(np.arange(200), lengths)
    worker = np.concatenate([chance.choice(400, length, replace=False) for length in lengths])
    answers = table.read_answers((task, worker, chance.integers(0, labels, len(task))))[0]
    passes = engine.passes_over(answers)
    size = answers.worker_count * labels
    table_of, share = chance.dirichlet(np.ones(size), labels).T + 1e-6, np.log(chance.dirichlet(np.ones(labels)))
    posterior = np.empty((200, labels))
    counts, likelihood, summed = passes.expect(np.ascontiguousarray(table_of), share, posterior)
    scores = np.tile(share, (200, 1))
    np.add.at(scores, answers.task, np.log(table_of)[answers.worker * labels + answers.label])
    expected = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    assert posterior == pytest.approx(expected, abs=1e-9) and summed == pytest.approx(expected.sum(axis=0))
    assert likelihood == pytest.approx(np.logaddexp.reduce(scores, axis=1).sum())
    wanted = np.zeros((size, labels))
    np.add.at(wanted, answers.worker * labels + answers.label, expected[answers.task])
    assert counts == pytest.approx(wanted, abs=1e-9) and passes.count(expected) == pytest.approx(wanted, abs=1e-9)
    if (first := passes.from_votes()) is not None:
        votes = engine.vote_counts(answers) / lengths[:, None]
        assert first[0] == pytest.approx(passes.count(votes)) and first[1] == pytest.approx(votes.sum(axis=0))


def printed(engine_name, cores=None):
    """What a process of its own prints: labels, rounded confidence and its bytes."""
    code = (
        f"import os; os.sched_setaffinity(0, {cores}) if {cores} else None;"
        "import hashlib, numpy as np; from manyhands.quality import infer; g = np.random.default_rng(0);"
        "task, worker = np.repeat(np.arange(200), 5), np.tile(np.arange(20), 50);"
        "label = np.where(g.random(1000) < g.beta(6, 2, 20)[worker], task % 3, g.integers(0, 3, 1000));"
        "r = infer((task, worker, label)).table; print(list(r.label));"
        "print(np.round(r.confidence, 9).tolist()); print(hashlib.sha256(r.confidence.tobytes()).hexdigest())"
    )
    environment = {**os.environ, engine.ENGINE_VARIABLE: engine_name}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    return done.stdout.splitlines()


def test_compiled_and_plain_engines_agree_and_one_core_gives_the_bytes_of_two() -> None:
    if not engine.has_numba():
        pytest.skip("numba is not installed: there is one engine only")
    plain, compiled = printed("numpy"), printed("")
    assert plain[:2] == compiled[:2]
    assert printed("", {min(os.sched_getaffinity(0))}) == compiled


@pytest.mark.parametrize("kind", ["int8", "uint16", "int64", "uint64"])
def test_whole_numbers_of_any_width_keep_their_width_and_gaps_are_closed(kind) -> None:
    task, worker = np.array([9, 3, 9, 3, 9], kind), np.array([5, 5, 90, 90, 7], kind)
    label = np.array([0, 2, 0, 2, 1], kind)
    result = aggregate((task, worker, label), method="majority")
    assert result.task.tolist() == [3, 9] and result.label.tolist() == [2, 0]
    assert result.task.dtype == result.label.dtype == np.dtype(kind)
    lent = task.copy()
    lent.flags.writeable = False
    assert aggregate((lent, worker[::-1][::-1], label), method="majority").label.tolist() == [2, 0]


def keyed_crowd(kind, seed=0):
    """300 tasks of three answers by people of unlike skill, two of three of whose mistakes are the same wrong value."""
    chance = np.random.default_rng(seed)
    able = chance.beta(3, 2, 30)
    rows, truth = [], {}
    for task in range(300):
        name = f"t{task:03d}"
        code = int(chance.integers(10_000, 99_999))

        wrong = [code + 1, code + 1, int(chance.integers(10_000, 99_999))]
        for worker in chance.choice(30, 3, replace=False):
            given_code = code if chance.random() < able[worker] else int(chance.choice(wrong))
            rows.append((name, f"w{worker:02d}", given_code))
        truth[name] = code
    shown = {
        "transcription": str,
        "text": lambda code: " ".join(str(code)),
        "records": lambda code: {"number": str(code)},
        "numeric": float,
    }[kind]
    return as_columns([(task, worker, shown(code)) for task, worker, code in rows]), {
        task: shown(code) for task, code in truth.items()
    }


@pytest.mark.parametrize("kind", ["transcription", "text", "records"])
def test_known_tasks_calibrate_what_people_keyed_and_without_them_it_is_called_uncalibrated(kind) -> None:
    columns, truth = keyed_crowd(kind)
    plain = infer(columns, kind=kind)
    assert not plain.report.calibrated and plain.report.confidence.startswith("uncalibrated")
    assert plain.report.reliability is None and "0 gold items" in plain.report.confidence
    names = list(truth)
    few = infer(columns, kind=kind, gold={name: truth[name] for name in names[:9]})
    assert not few.report.calibrated and "9 gold items" in few.report.confidence
    known = {name: truth[name] for name in names[:60]}
    result = infer(columns, kind=kind, gold=known)
    assert result.report.calibrated and "60 gold" in result.report.confidence

    def off(table_of):
        pairs = zip(table_of.task.tolist(), table_of.label.tolist(), table_of.confidence.tolist(), strict=True)
        rest = [(sure, label == truth[task]) for task, label, sure in pairs if task not in known]
        sure, hit = (np.asarray(column) for column in zip(*rest, strict=True))
        return calibration.reliability(sure, hit.astype(bool)).ece

    # sixty known tasks know their own share right to six points
    assert off(result.table) < 0.12 and off(result.table) < 0.7 * off(plain.table)
    sure = dict(zip(result.table.task.tolist(), result.table.confidence.tolist(), strict=True))
    assert all(sure[name] == 1.0 for name in known)


def test_known_numbers_calibrate_the_chance_of_being_near_enough() -> None:
    chance = np.random.default_rng(1)
    truth = chance.uniform(0, 100, 200)
    task = np.repeat(np.arange(200), 4)
    label = truth[task] + chance.normal(0, 6, 800) + np.repeat(chance.normal(0, 6, 200), 4)  # errors that are shared
    columns = (task, np.tile(np.arange(8), 100), label)
    known = {place: float(truth[place]) for place in range(60)}
    plain, result = infer(columns), infer(columns, gold=known)
    assert not plain.report.calibrated and result.report.calibrated
    assert result.table.confidence[60:].mean() < plain.table.confidence[60:].mean()
    assert (result.table.confidence[:60] == 1.0).all()


def test_a_document_known_in_part_is_not_certain() -> None:
    columns = (["a"] * 2, ["w", "v"], [{"total": "1.00", "date": "x"}, {"total": "1.00", "date": "y"}])
    result = infer(columns, gold={"a": {"total": "1.00"}})
    assert result.table.confidence[0] < 1.0
    assert infer(columns, gold={"a": {"total": "1.00", "date": "x"}}).table.confidence[0] == 1.0


def test_a_set_of_labels_is_not_called_calibrated() -> None:
    columns, truth = crowd(tasks=120)
    as_sets = (columns[0], columns[1], [[label] for label in columns[2]])
    report = infer(as_sets, gold={name: [label] for name, label in list(truth.items())[:40]}).report
    assert not report.calibrated and report.confidence.startswith("uncalibrated") and report.reliability is None


def test_numbers_far_apart_and_with_gaps_are_dealt_to_their_own_tasks() -> None:
    """Tasks 0, 65536, 131072 ... share a count in the first look; what comes out is the same."""
    far = np.repeat(np.arange(120) * 65_536, 3)
    worker, label = np.tile(np.arange(3), 120), np.repeat(np.arange(120) % 2, 3)
    near = np.repeat(np.arange(120), 3)
    for tasks in (far, near + 5):
        verdicts = aggregate((tasks, worker, label), method="majority")
        assert verdicts.task.tolist() == sorted(set(tasks.tolist()))
        assert verdicts.label.tolist() == [place % 2 for place in range(120)]


@pytest.mark.parametrize(
    ("kind", "good", "bad", "told"),
    [
        ("boxes", [{"x": 0, "y": 0, "w": 9, "h": 9}], [[0, 0, 9, 9]], "boxes is a list of shapes with x, y, w, h"),
        ("boxes", [], [{"x": 0, "y": float("nan"), "w": 9, "h": 9}], "has no 'y' that is a number"),
        ("spans", [{"start": 0, "end": 5}], "0-5", "is no list"),
        ("spans", [{"start": 0, "end": 5}], [{"start": 0}], "has no 'end'"),
        ("keypoints", [{"x": 1, "y": 2}], [{"x": "1", "y": 2}], "has no 'x' that is a number"),
        ("masks", [{"size": [4, 4], "runs": [0, 3]}], [{"size": [4, 4], "runs": [0, 17]}], "'runs' that leave it"),
        ("masks", [{"size": [4, 4], "runs": [0, 3]}], [{"size": 4, "runs": "x"}], "not [height, width]"),
        ("multi-label", ["x", "y"], "xy", "is no set of labels"),
        ("multi-label", ["x", "y"], [["x"]], "is no set of labels"),
    ],
)
def test_an_answer_of_another_form_is_named_with_its_row(kind: str, good: Any, bad: Any, told: str) -> None:
    assert len(aggregate((["t", "t"], ["a", "b"], [good, good]), kind=kind)) == 4
    with pytest.raises(BadLabels, match=re.escape(told)) as refused:
        aggregate((["t", "t"], ["a", "b"], [good, bad]), kind=kind)
    assert (refused.value.row, refused.value.column) == (1, "label")
