"""The plain methods give the labels of crowd-kit, as recorded by `benchmarks/crowdkit_labels.py`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from manyhands.quality import infer

RECORDED = json.loads((Path(__file__).parent / "crowdkit_labels.json").read_text())["sets"]
#: methods that both know; of ours, one-coin alone has a prior (one right and one wrong answer per worker), which shows
#: where workers have few answers
AGREE_LEAST = {"one-coin": {"sparse": 0.93}}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_the_plain_methods_give_crowd_kits_labels_wherever_the_vote_is_no_tie(name) -> None:
    given = RECORDED[name]
    task, worker, label = (np.asarray(given[column]) for column in ("task", "worker", "label"))
    votes = np.zeros((task.max() + 1, label.max() + 1))
    np.add.at(votes, (task, label), 1.0)
    ordered = np.sort(votes, axis=1)
    tied = ordered[:, -1] == ordered[:, -2]
    assert tied.mean() < 0.2
    for method, theirs in given["labels"].items():
        ours, _, steps = method.partition(", ")
        result = infer(
            (task, worker, label), kind="categorical", method=ours, steps=int(steps.split()[0]) if steps else None
        )
        same = (result.table.label == np.asarray(theirs))[~tied].mean()
        assert same >= AGREE_LEAST.get(ours, {}).get(name, 1.0), method


def test_a_tie_goes_to_the_label_that_sorts_first_where_crowd_kit_takes_another() -> None:
    given = RECORDED["sparse"]
    result = infer(tuple(np.asarray(given[column]) for column in ("task", "worker", "label")), method="majority").table
    for task, ours, theirs in zip(
        result.task.tolist(), result.label.tolist(), given["labels"]["majority"], strict=True
    ):
        if ours != theirs:
            own = [label for place, label in zip(given["task"], given["label"], strict=True) if place == task]
            assert own.count(ours) == own.count(theirs) and ours == min(own)
