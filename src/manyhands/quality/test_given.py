"""What strangers hand in: tables of every make, labels of every sort, files of every spreadsheet, and what is wrong."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manyhands.quality import Online, aggregate, infer, texts
from manyhands.quality.command import aggregate_file
from manyhands.quality.errors import BadLabels, BadRule, NoFile, UnknownMethod
from manyhands.quality.inference import kind_of


def crowd(tasks: int, people: int, labels: int, answers: int, seed: int = 0) -> tuple[tuple[Any, Any, Any], Any]:
    """(task, worker, label as a number), truth: simulated people of Beta(6, 2) skill."""
    chance = np.random.default_rng(seed)
    truth, skill = chance.integers(0, labels, tasks), chance.beta(6, 2, people)
    task = np.repeat(np.arange(tasks), answers)
    worker = np.concatenate([chance.choice(people, answers, replace=False) for _ in range(tasks)])
    right = chance.random(len(task)) < skill[worker]
    label = np.where(right, truth[task], (truth[task] + chance.integers(1, labels, len(task))) % labels)
    return (task, worker, label), truth


def test_many_whole_numbers_that_people_repeat_are_names_and_are_voted_on() -> None:
    (task, worker, label), truth = crowd(300, 30, 100, 4)
    result = infer((task, worker, label + 7_000))
    assert result.report.kind == "categorical"
    assert np.mean(result.table.label == truth + 7_000) > 0.9
    assert infer((task.tolist(), worker.tolist(), [int(one) for one in label])).report.kind == "categorical"


def test_whole_numbers_that_lie_near_each_other_are_a_measure_however_often_they_are_equal() -> None:
    chance = np.random.default_rng(1)
    task = np.repeat(np.arange(200), 3)
    counted = chance.poisson(40, 200)[task]
    often = np.where(chance.random(600) < 0.8, counted, counted + chance.integers(-2, 3, 600))
    assert kind_of(often, task) == "numeric"
    assert kind_of(chance.integers(0, 1_000, 600), task) == "numeric"  # nobody agrees: no names
    assert kind_of(often) == "numeric"


def test_a_few_decimals_are_measured_and_half_points_of_a_scale_are_labels() -> None:
    few = infer((["a", "a", "b", "b"], ["v", "w", "v", "w"], [3.5, 3.7, 1.2, 1.0]))
    assert few.report.kind == "numeric" and few.table.label.tolist() == pytest.approx([3.6, 1.1])
    assert kind_of([1.5, 2.0, 1.5, 2.0, 1.5, 2.5, 2.5, 1.0]) == "categorical"
    assert kind_of([1.0, 2.0, 3.0]) == "categorical"


@pytest.mark.parametrize(
    "name_of",
    [
        lambda code: (code, "pair"),
        lambda code: ["ñandú", "日本", "🙂"][code],
        lambda code: "x" * 5_000 + str(code),
        lambda code: [True, 2.5, "three"][code],
        lambda code: np.str_(f"v{code}"),
    ],
    ids=["tuples", "any script", "long", "of several types", "numpy's own texts"],
)
def test_any_hashable_value_is_a_label_and_gives_the_verdicts_of_its_number(name_of) -> None:
    (task, worker, label), _ = crowd(80, 10, 3, 4)
    given = [name_of(int(code)) for code in label]
    named = aggregate((task.tolist(), worker.tolist(), given), kind="categorical", method="hierarchical")
    assert infer((task.tolist(), worker.tolist(), given)).report.kind == "categorical"
    coded = aggregate((task, worker, label), method="hierarchical")
    clear = coded.confidence > 0.6
    assert [name_of(int(code)) for code in coded.label[clear]] == named.label[clear].tolist()


def test_where_no_task_has_two_answers_each_answer_stands_and_the_report_says_why() -> None:
    (task, worker, label), _ = crowd(300, 1, 3, 1)
    result = infer((task, worker, label))
    assert (result.table.label == label).all() and "two answers" in result.report.because


@pytest.mark.parametrize(("people", "answers"), [(2, 2), (100_000, 4)], ids=["two people", "a person per answer"])
def test_very_few_and_very_many_people_give_a_defined_result_in_any_order(people: int, answers: int) -> None:
    (task, _, label), truth = crowd(5_000, 8, 4, answers)
    worker = np.arange(len(task)) % people
    order = np.random.default_rng(5).permutation(len(task))
    result, other = (infer((task[rows], worker[rows], label[rows])).table for rows in (slice(None), order))
    assert (result.label == other.label).all() and (result.confidence == other.confidence).all()
    assert np.mean(result.label == truth) > 0.7


def test_of_three_answers_to_a_number_one_random_one_is_not_averaged_in() -> None:
    chance = np.random.default_rng(3)
    truth = chance.uniform(0, 100, 200)
    values = truth[:, None] + chance.normal(0, 1, (200, 3))
    lost = chance.random((200, 3)) < 0.15
    values[lost] = chance.uniform(0, 100, lost.sum())
    task, worker = np.repeat(np.arange(200), 3), np.tile(np.arange(3), 200) + 3 * (np.repeat(np.arange(200), 3) % 7)
    off = np.abs(aggregate((task, worker, values.ravel())).label - truth).mean()
    assert off < 0.5 * np.abs(values.mean(axis=1) - truth).mean()
    assert off <= 1.05 * np.abs(np.median(values, axis=1) - truth).mean()
    calm = truth[:, None] + chance.normal(0, 1, (200, 3))
    off = np.abs(aggregate((task, worker, calm.ravel())).label - truth).mean()
    assert off <= 1.05 * np.abs(calm.mean(axis=1) - truth).mean()  # the mean is best where errors are normal


def test_known_boxes_are_delivered_as_known_and_tell_who_draws_well() -> None:
    here, there = [{"x": 0, "y": 0, "w": 10, "h": 10}], [{"x": 50, "y": 0, "w": 10, "h": 10}]
    tasks = [f"t{number}" for number in range(6) for _ in range(2)]
    people = ["good", "bad"] * 6
    drawn = [box for _ in range(6) for box in (here, there)]
    result = infer((tasks, people, drawn), gold={f"t{number}": here for number in range(5)})
    table = result.table
    assert [box[0]["x"] for box in table.label] == [0, 0, 0, 0, 0, 0.0]
    assert table.confidence[:5].tolist() == [1.0] * 5 and table.support[:5].tolist() == [1] * 5
    assert result.report.skill["good"] > 0.85 > 0.5 > result.report.skill["bad"]
    known = infer((tasks, people, drawn), prior={"bad": (20, 0), "good": (0, 20)}).table
    assert [box[0]["x"] for box in known.label] == [50.0] * 6
    with pytest.raises(BadLabels, match="'h'") as refused:
        infer((tasks, people, drawn), gold={"t0": here, "t1": [{"x": 1, "y": 2, "w": 3}]})
    assert (refused.value.row, refused.value.column) == (1, "gold")


def test_known_tasks_that_nobody_answered_are_counted_in_the_report() -> None:
    columns = (["1", "1", "2", "2"], ["v", "w", "v", "w"], ["x", "x", "y", "y"])
    told = infer(columns, gold={1: "x", 2: "y"}).report.confidence
    assert told.endswith("2 of 2 gold tasks have no answers")
    assert "no answers" not in infer(columns, gold={"1": "x"}).report.confidence
    text = (["a"] * 3, ["u", "v", "w"], ["the cat sat", "the cat sat", "the bat sat"])
    assert infer(text, kind="text", gold={"b": "a dog"}).report.confidence.endswith("1 of 1 gold tasks have no answers")


COLUMNS = (["a", "a"], ["v", "w"], ["x", "y"])


@pytest.mark.parametrize(
    ("given", "asked", "told"),
    [
        ((iter(["a"]), ["v"], ["x"]), {}, "known length"),
        (COLUMNS, {"gold": (["a", "b"], ["x"])}, "2 tasks and 1 labels"),
        (COLUMNS, {"gold": [("a", "x")]}, "mapping task -> label"),
        (COLUMNS, {"prior": {"v": 3}}, "worker 'v' is 3"),
        (COLUMNS, {"prior": {"v": (float("nan"), 1)}}, "worker 'v'"),
        (COLUMNS, {"prior": {"v": (1, float("inf"))}}, "worker 'v'"),
        (COLUMNS, {"prior": {"v": (1, 2, 3)}}, "worker 'v'"),
        (COLUMNS, {"prior": [("v", 3)]}, "mapping worker"),
        (COLUMNS, {"method": None}, "majority"),
        (COLUMNS, {"kind": None}, "categorical"),
        ((["a", "b"], ["v", "w"], [1e300, 2.5]), {"kind": "numeric"}, "row 0"),
        ((["a", "b"], ["v", "w"], np.array([1.0, np.nan], np.float32)), {}, "row 1"),
        ((["a", "b"], ["v", "w"], [1.0, np.float32("nan")]), {}, "row 1"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(given: Any, asked: dict[str, Any], told: str) -> None:
    with pytest.raises((BadLabels, UnknownMethod), match=told):
        aggregate(given, **asked)


def test_tables_that_lack_a_column_or_have_it_twice_are_refused_by_name() -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    table = pandas.DataFrame(dict(zip(("task", "worker", "label"), COLUMNS, strict=True)))
    with pytest.raises(BadLabels, match="2 of this name"):
        aggregate(pandas.concat([table, table], axis=1))
    with pytest.raises(BadLabels, match=r"labels\.collect"):
        aggregate(polars.DataFrame(table.to_dict("list")).lazy())
    with pytest.raises(BadLabels, match="one column task"):
        aggregate(table, gold=table.rename(columns={"label": "truth"}))
    arrow = pytest.importorskip("pyarrow")
    with pytest.raises(BadLabels, match="one column task"):
        aggregate(table, gold=arrow.table({"task": ["a"], "truth": ["x"]}))
    assert aggregate(table, gold=arrow.table({"task": ["a"], "label": ["y"]})).label.tolist() == ["y"]


def test_rolling_names_what_it_cannot_take_and_forgets_it() -> None:
    for labels in (["a", None], ["a", "a"], []):
        with pytest.raises(BadRule, match="labels"):
            Online(labels=labels)
    with pytest.raises(BadLabels, match="'z'"):
        Online(labels=["a", "b"], gold={"t": "z"})
    job = Online(labels=np.array([0, 1]))
    for answer in ((None, "w", 0), ("t", float("nan"), 0), ("t", "w", 7)):
        with pytest.raises(BadLabels):
            job.add(*answer)
    with pytest.raises(BadLabels, match="no answers yet"):
        job.confidence("t")
    for number in range(100):
        job.add("t", f"w{number}", 1)
    assert list(job.result()) == ["t"] and job.result()["t"][0] == 1 and job.confidence("t") > 0.9


def written(folder: Path, rows: str, *, coding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_bytes(rows.encode(coding))
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_leading_zeros_stay_and_numbers_in_a_file_are_numbers(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    codes = "".join(f"t{number},{who},0{number:04}\n" for number in range(30) for who in "vw")
    aggregate_file(written(tmp_path, "task,worker,label\n" + codes), out)
    assert [row["label"] for row in read(out)][:2] == ["00000", "00001"]
    aggregate_file(written(tmp_path, "task,worker,label\na,v,1_0\na,w,1_0\nb,v,nan\nb,w,nan\n"), out)
    assert [row["label"] for row in read(out)] == ["1_0", "nan"]
    done = aggregate_file(written(tmp_path, "task,worker,label\na,v,3.5\na,w,3.7\nb,v,-1.25\nb,w,2e1\n"), out)
    assert done.kind == "numeric" and read(out)[0]["label"].startswith("3.6")


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_file_of_any_spreadsheet_is_read(tmp_path: Path, sign: str) -> None:
    rows = [("label", "task", "note", "worker"), ('say "x"; or y', "a", "", "v"), ('say "x"; or y', "a", "n", "w")]
    path, out = tmp_path / "labels.csv", tmp_path / "out.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=sign).writerows(rows)
    aggregate_file(path, out)
    assert [row["label"] for row in read(out)] == ['say "x"; or y']


def test_a_field_of_any_length_is_read_and_others_keep_their_limit(tmp_path: Path) -> None:
    limit, out = csv.field_size_limit(), tmp_path / "out.csv"
    long = "y" * (limit + 10)
    aggregate_file(written(tmp_path, f"task,worker,label\na,v,{long}\na,w,{long}\n"), out)
    assert csv.field_size_limit() == limit and out.stat().st_size > limit


@pytest.mark.parametrize(
    ("rows", "coding", "told"),
    [
        ("", "utf-8", "empty"),
        ("task;worker;answer\na;v;x\n", "utf-8", "'label'"),
        ("task,worker,label,label\na,v,x,y\n", "utf-8", "one of this name"),
        ("task,worker,label\na,v,x\na,w\n", "utf-8", "row 1"),
        ("task,worker,label\na,v,x\na,w,é\n", "latin-1", "row 1.*UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_row(tmp_path: Path, rows: str, coding: str, told: str) -> None:
    out = tmp_path / "out.csv"
    with pytest.raises(BadLabels, match=told):
        aggregate_file(written(tmp_path, rows, coding=coding), out)
    assert not out.exists()


def test_a_file_that_is_not_there_or_cannot_be_written_is_named_with_its_cure(tmp_path: Path) -> None:
    good, out = written(tmp_path, "task,worker,label\na,v,x\n"), tmp_path / "out.csv"
    for labels, to, told in (
        (tmp_path / "nowhere.csv", out, "nowhere.csv"),
        (tmp_path, out, "directory"),
        (good, tmp_path / "nowhere" / "out.csv", "nowhere"),
    ):
        with pytest.raises(NoFile, match=told) as refused:
            aggregate_file(labels, to)
        assert refused.value.cure
    with pytest.raises(NoFile, match="gold"):
        aggregate_file(good, out, gold=tmp_path / "gold.csv")
    assert not out.exists()


def test_long_texts_are_aligned_as_short_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(120):
        chance = np.random.default_rng(seed)
        signs = list("abcdefgh"[: int(chance.integers(1, 9))])
        base = chance.choice(signs, int(chance.integers(0, 25))).tolist()
        # three texts of even weight: shares are halves, and no tie depends on rounding
        heard = [
            [str(chance.choice(signs)) if chance.random() < 0.2 else word for word in base if chance.random() > 0.15]
            + [str(chance.choice(signs))] * int(chance.integers(0, 3))
            for _ in range(int(chance.integers(1, 4)))
        ]
        monkeypatch.setattr(texts, "CELLS_MOST", 40_000)
        whole = texts.rover(heard, [1.0] * len(heard))
        monkeypatch.setattr(texts, "CELLS_MOST", -1)
        assert texts.rover(heard, [1.0] * len(heard)) == whole


def test_a_text_of_thousands_of_words_is_put_together_from_people_who_each_lost_some() -> None:
    base = [f"word{number % 700}" for number in range(3_000)]
    lost = [[word for place, word in enumerate(base) if place % 50 != own] for own in (3, 17, 31)]
    table = aggregate((["page"] * 3, ["u", "v", "w"], [" ".join(words) for words in lost]), kind="text")
    assert table.label[0].split() == base
