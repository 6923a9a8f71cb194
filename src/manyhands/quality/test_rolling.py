"""Asking one more: rolling results, whom to ask, gold in the stream, signs of carelessness, records, ranking, files."""

from __future__ import annotations

import doctest
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.quality import Online, aggregate, assign, gold, infer, ranking, shapes, strings
from manyhands.quality.abuse import pace_flags
from manyhands.quality.assign import Ask, Candidate, GiveUp, Settled, mode_for, next_question
from manyhands.quality.calibration import delivered_threshold, fit_scale, reliability
from manyhands.quality.command import aggregate_file
from manyhands.quality.errors import BadLabels, BadRule
from manyhands.quality.gold import Contest, GoldPiece, gold_share_bp, is_contested, pick_gold, recycle, split_holdback
from manyhands.quality.records import SumCheck, decide_record
from manyhands.quality.test_inference import crowd, share_right


def test_the_examples_in_the_docstrings_hold() -> None:
    for module in (assign, gold, shapes, strings):
        assert doctest.testmod(module, extraglobs={"np": np}).failed == 0


def rolled(columns, **rule):
    job = Online(labels=sorted(set(columns[2])), **rule)
    waiting: dict[str, list[tuple[str, str]]] = {}
    for task, worker, label in zip(*columns, strict=True):
        waiting.setdefault(task, []).append((worker, label))
    live, log = list(waiting), []
    while live:
        for task in live:
            worker, label = waiting[task].pop(0)
            job.add(task, worker, label)
            log.append((task, worker, label))
        live = [task for task in waiting if waiting[task] and job.needs_more(task)]
    return job, log


def test_the_rolling_result_is_the_batch_result_over_the_same_answers() -> None:
    job, log = rolled(crowd(tasks=150, redundancy=9)[0], target=0.9, max_answers=9)
    batch = aggregate(tuple(list(column) for column in zip(*log, strict=True)))
    assert job.result() == {
        task: (label, sure) for task, label, sure in zip(batch.task, batch.label, batch.confidence, strict=True)
    }


def test_stopping_saves_answers_at_little_loss() -> None:
    columns, truth = crowd(tasks=400, workers=40, redundancy=9, labels=3, seed=4)
    job, log = rolled(columns, target=0.95, max_answers=9)
    right = np.mean([truth[task] == label for task, (label, _) in job.result().items()])
    assert right >= 0.95, "the target that was asked for"
    batch = share_right(aggregate(columns, method="hierarchical"), truth)
    assert len(log) < 0.6 * len(columns[0]) and right > batch - 0.04


def test_it_asks_at_least_two_and_never_past_the_cap() -> None:
    job = Online(labels=["a", "b"], target=0.99, max_answers=3)
    assert job.needs_more("t")
    for worker, label in (("w1", "a"), ("w2", "b"), ("w3", "a")):
        assert job.needs_more("t")
        job.add("t", worker, label)
    assert not job.needs_more("t")


def test_a_repeat_of_one_worker_is_no_second_answer() -> None:
    job = Online(labels=["a", "b"])
    job.add("t", "w", "a")
    job.add("t", "w", "b")
    assert job.answers().count == 1 and job.result()["t"][0] == "a"


def test_an_answer_that_is_not_worth_its_price_is_not_asked() -> None:
    dear, cheap = (Online(labels=["a", "b"], target=0.999, price=price) for price in (0.9, 0.0))
    for job in (dear, cheap):
        job.add("t", "w1", "a")
        job.add("t", "w2", "a")
    assert not dear.needs_more("t") and cheap.needs_more("t")


def test_bad_rules_and_unknown_labels_are_refused() -> None:
    with pytest.raises(BadRule, match="target"):
        Online(labels=["a"], target=0.0)
    with pytest.raises(BadRule, match="labels"):
        Online(labels=["a", "a"])
    with pytest.raises(BadLabels, match="none of"):
        Online(labels=["a"]).add("t", "w", "b")
    assert Online(labels=["a"]).result() == {}


W = [Candidate("w1", 9_000, 10), Candidate("w2", 9_000, 5), Candidate("w3", 9_500, 5, group="g")]


def ask(asked, **rule):
    given = {"target_bp": 9_900, "error_cost_minor": 0, "answers_max": 5, **rule}
    return next_question({"a": 0.6, "b": 0.4}, 6_000, asked=asked, candidates=W, **given)


def test_the_next_answer_comes_from_the_most_information_per_price() -> None:
    assert ask([]).worker == "w3"


def test_nobody_is_asked_twice_nor_a_friend_of_somebody_asked() -> None:
    step = ask([W[1], Candidate("w4", 9_000, 5, group="g")])
    assert isinstance(step, Ask) and step.worker == "w1"
    assert isinstance(ask([W[0], W[1], Candidate("w4", 9_000, 5, group="g")]), GiveUp)


def test_it_settles_at_the_target_or_when_not_worth_it_and_gives_up_at_the_cap() -> None:
    assert isinstance(ask([W[0]], target_bp=6_000), Settled)
    worthless = ask([W[0], Candidate("w9", 9_000, 1)], error_cost_minor=1)
    assert isinstance(worthless, Settled) and "costs" in worthless.because
    assert isinstance(ask([W[0]], answers_max=1), GiveUp)
    assert mode_for(0, 10) == "agreement" and mode_for(30, 10) == "model"


@settings(deadline=None)
@given(st.integers(0, 300), st.data())
def test_the_share_of_gold_stays_in_its_range(seen, data) -> None:
    share = gold_share_bp(seen, data.draw(st.integers(0, seen)))
    assert share == 10_000 if seen < 5 else 300 <= share <= 1_000


def test_gold_is_unseen_unsuspended_not_retired_and_the_least_viewed() -> None:
    pool = [
        GoldPiece("a", "1", views=3),
        GoldPiece("b", "1"),
        GoldPiece("c", "1", suspended=True),
        GoldPiece("d", "1", views=9),
    ]
    assert pick_gold(pool, "w", 1, [], seed=1, views_most=9).piece == "b"
    assert pick_gold(pool, "w", 1, ["b"], seed=1, views_most=9).piece == "a"
    assert pick_gold(pool, "w", 1, ["a", "b"], seed=1, views_most=9) is None


def test_only_sure_and_shared_verdicts_become_gold_and_at_half_weight() -> None:
    assert recycle("p", "1", 9_995, 3).weight_bp == 5_000
    assert recycle("p", "1", 9_900, 3) is None and recycle("p", "1", 9_995, 1) is None


def test_gold_is_contested_by_several_reliable_workers_not_by_one_nor_by_the_unreliable() -> None:
    against = [Contest(f"w{place}", agreed=False, skill_bp=9_500) for place in range(3)]
    assert is_contested(against) and not is_contested(against[:1]) and not is_contested(against[:1] * 3)
    assert not is_contested([Contest(f"w{place}", agreed=False, skill_bp=6_000) for place in range(5)])
    assert not is_contested([*against[:2], *(Contest(f"v{place}", agreed=True, skill_bp=9_500) for place in range(6))])


@settings(deadline=None)
@given(st.sets(st.text(min_size=1, max_size=8), max_size=20), st.integers())
def test_the_two_parts_of_the_requesters_set_are_apart_and_complete(pieces, seed) -> None:
    part_a, part_b = split_holdback(pieces, seed=seed)
    assert set(part_a) | set(part_b) == pieces and not set(part_a) & set(part_b)
    assert len(pieces) < 2 or (part_a and part_b)
    assert split_holdback(sorted(pieces, reverse=True), seed=seed) == (part_a, part_b)


def test_a_shared_wrong_answer_to_gold_shows_a_shared_key() -> None:
    truth = {"g1": "1", "g2": "2"}
    answers = [(worker, piece, "9") for worker in ("w1", "w2") for piece in truth] + [
        ("w3", "g1", "8"),
        ("w3", "g2", "2"),
    ]
    assert gold.shared_key(answers, truth) == [("w1", "w2", 2)]


def test_hasty_constant_and_periodic_streams_are_flagged_and_honest_ones_are_not() -> None:
    chance = random.Random(1)
    honest = [(chance.choice("abcd"), chance.randint(2_000, 9_000)) for _ in range(60)]
    kinds = {
        "too-fast": [(value, 100) for value, _ in honest],
        "constant": [("a", 3_000)] * 40,
        "periodic": [("abc"[at % 3], 3_000) for at in range(40)],
    }
    assert pace_flags("w", honest, feasible_ms=500) == []
    for kind, stream in kinds.items():
        assert [flag.kind for flag in pace_flags("w", stream, feasible_ms=500)] == [kind]


def test_an_over_sure_model_is_calibrated_by_a_line_and_by_steps_beyond_five_hundred() -> None:
    chance = np.random.default_rng(0)
    for count in (60, 2_000):
        truth = chance.uniform(0.5, 0.99, count)
        right = chance.random(count) < truth
        over_sure = 1 / (1 + ((1 - truth) / truth) ** 3)
        scale = fit_scale(over_sure, right)
        assert (scale.knots is not None) == (count > 500)
        assert reliability(scale.apply(over_sure), truth > 0).ece >= 0
        assert abs(scale.apply(over_sure).mean() - right.mean()) < 0.06


def test_the_threshold_makes_the_mean_of_the_delivered_meet_the_target() -> None:
    sure = [0.99, 0.97, 0.9, 0.6]
    assert delivered_threshold(sure, 0.95) == 0.9
    assert delivered_threshold(sure, 0.999) is None


def test_a_sum_that_does_not_add_up_asks_only_its_least_sure_fields_again() -> None:
    answers = {
        "a": [("w1", "10.00"), ("w2", "10.00")],
        "b": [("w1", "5.00")],
        "total": [("w1", "16.00"), ("w2", "16.00")],
        "shop": [("w1", "Corner"), ("w2", "Corner")],
    }
    types = {"a": "amount", "b": "amount", "total": "amount"}
    verdict = decide_record(answers, types, [SumCheck("total", ("a", "b"))])
    assert verdict.ask_again == ("b",) and verdict.fields["b"].doubted and not verdict.fields["shop"].doubted
    right = decide_record({**answers, "b": [("w1", "6"), ("w2", "6.00")]}, types, [SumCheck("total", ("a", "b"))])
    assert right.failed == () and right.ask_again == () and right.confidence_bp > 9_800


def test_documents_are_decided_together_with_skill_by_type_of_field() -> None:
    chance = random.Random(4)
    rows, truth = [], {}
    for place in range(60):
        parts = [chance.randint(100, 9_999) for _ in range(2)]
        true = {"a": parts[0], "b": parts[1], "total": sum(parts)}
        truth[f"d{place}"] = {name: f"{value / 100:.2f}" for name, value in true.items()} | {"shop": f"Shop {place}"}
        for worker in ("careful", "hasty1", "hasty2"):
            given = dict(truth[f"d{place}"])
            for name in true:
                if worker != "careful" and chance.random() < 0.4:
                    given[name] = f"{chance.randint(100, 9_999) / 100:.2f}"
            rows.append((f"d{place}", worker, given))
    columns = tuple(list(column) for column in zip(*rows, strict=True))
    types = {"a": "amount", "b": "amount", "total": "amount"}
    checked = infer(columns, types=types, checks=[SumCheck("total", ("a", "b"))])
    right = np.mean([truth[task] == label for task, label in zip(checked.table.task, checked.table.label, strict=True)])
    assert checked.report.kind == "records" and right > 0.9
    assert checked.report.skill["careful"] > checked.report.skill["hasty1"] + 0.1
    wrong = [task for task, label in zip(checked.table.task, checked.table.label, strict=True) if truth[task] != label]
    assert set(wrong) <= set(checked.report.ask_again)
    assert all("shop" not in fields for fields in checked.report.ask_again.values())
    known = aggregate(columns, gold={"d0": {"a": "1.00"}})
    assert known.label[0]["a"] == "1.00"
    with pytest.raises(BadLabels, match="no record") as refused:
        aggregate((["d"], ["w"], ["text"]), kind="records")
    assert refused.value.row == 0
    assert aggregate((["d"], ["w"], [{}]), kind="records").confidence.tolist() == [0.0]


def test_orders_of_items_are_ranked_over_all_tasks_together() -> None:
    chance = random.Random(5)
    rows = []
    for task in range(30):
        for worker in ("honest1", "honest2", "honest3", "tosser"):
            order = list("abcd")
            if worker == "tosser":
                chance.shuffle(order)
            elif chance.random() < 0.2:
                order[1], order[2] = order[2], order[1]
            rows.append((task, worker, order))
    columns = tuple(list(column) for column in zip(*rows, strict=True))
    result = infer(columns, kind="ranking")
    assert np.mean([label == list("abcd") for label in result.table.label]) > 0.8
    assert result.report.skill["tosser"] < result.report.skill["honest1"]
    assert all(0.5 <= sure <= 1.0 for sure in result.table.confidence)
    chance.shuffle(rows)
    again = infer(tuple(list(column) for column in zip(*rows, strict=True)), kind="ranking")
    assert list(again.table.label) == list(result.table.label)
    assert again.table.confidence.tobytes() == result.table.confidence.tobytes()
    alone = aggregate((["t"], ["w"], [("x", "y")]), kind="ranking", gold={"t": ["y", "x"]})
    assert alone.label[0] == ["y", "x"] and alone.confidence[0] == 1.0 and alone.support[0] == 0
    for bad in (["x"], ["x", "x"], "xy"):
        with pytest.raises(BadLabels, match="order") as refused:
            aggregate((["t", "t"], ["w", "v"], [["x", "y"], bad]), kind="ranking")
        assert refused.value.row == 1


def test_known_sets_are_certain_and_an_empty_list_says_nothing_about_the_kind() -> None:
    columns = (["a", "a", "b"], ["w", "v", "w"], [{"red"}, {"red"}, {"blue"}])
    result = aggregate(columns, kind="multi-label", gold={"a": {"blue", "red"}})
    assert result.label[0] == ["blue", "red"] and result.confidence[0] == 1.0 and result.support[0] == 0
    box = {"x": 1, "y": 1, "w": 5, "h": 5}
    assert infer((["t"] * 3, ["u", "v", "w"], [[], [box], [box]])).report.kind == "boxes"


def test_the_command_reads_lists_and_records_as_json_and_names_the_line_that_is_none(tmp_path) -> None:
    labels, out = tmp_path / "labels.csv", tmp_path / "verdicts.csv"
    labels.write_text('task,worker,label\nt,a,"{""sum"": ""1.50""}"\nt,b,"{""sum"": ""1.50""}"\n')
    assert aggregate_file(labels, out).kind == "records"
    assert '{""sum"":""1.50""}' in out.read_text()
    labels.write_text('task,worker,label\nt,a,"[""x"",""y""]"\nt,b,xy\n')
    with pytest.raises(BadLabels, match="JSON") as refused:
        aggregate_file(labels, out, kind="ranking")
    assert refused.value.row == 1


def test_comparisons_give_the_order_and_find_the_coin_tosser() -> None:
    chance = random.Random(3)
    rows = []
    for worker in ("honest1", "honest2", "tosser"):
        for _ in range(150):
            one, other = chance.sample(range(6), 2)
            better = max(one, other) if worker != "tosser" else chance.choice([one, other])
            rows.append((worker, one, other, better))
    ranked = ranking.rank(rows)
    assert ranked.items == (5, 4, 3, 2, 1, 0)
    assert ranked.reliability["tosser"] < 0.5 < 0.9 < ranked.reliability["honest1"]
    chance.shuffle(rows)
    assert ranking.rank(rows) == ranked
    with pytest.raises(BadLabels, match="neither"):
        ranking.rank([("w", 1, 2, 3)])


def test_the_command_reads_and_writes_files_and_names_a_bad_line(tmp_path) -> None:
    labels, out = tmp_path / "labels.csv", tmp_path / "verdicts.csv"
    labels.write_text("task,worker,label\nt1,a,yes\nt1,b,yes\nt2,a,no\n")
    done = aggregate_file(labels, out)
    assert out.read_text().splitlines()[0] == "task,label,confidence,support" and (done.tasks, done.workers) == (2, 2)
    assert "uncalibrated" in done.confidence
    labels.write_text("task,worker,label\nt1,a,yes\nt1,,yes\n")
    with pytest.raises(BadLabels) as refused:
        aggregate_file(labels, out)
    assert (refused.value.row, refused.value.column) == (1, "worker")


def test_hungarian_matching_is_the_cheapest_one() -> None:
    chance = np.random.default_rng(0)
    from itertools import permutations

    for rows, columns in ((3, 3), (2, 4), (4, 2)):
        cost = chance.random((rows, columns))
        found = sum(cost[pair] for pair in shapes.assign(cost))
        short, long = sorted((rows, columns))
        table = cost if rows <= columns else cost.T
        best = min(
            sum(table[row, place] for row, place in enumerate(chosen)) for chosen in permutations(range(long), short)
        )
        assert found == pytest.approx(best)
