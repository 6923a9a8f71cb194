"""Side-by-side comparisons into a ranking, with workers of different reliability.

Rules kept here
- Scores are on a logarithmic scale with mean 0; one draw against an average item is added, so that an item that always
  wins stays finite.
- A worker's reliability is the chance of answering by the scores rather than by a coin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from manyhands.quality.errors import BadLabels
from manyhands.quality.table import Floats


@dataclass(frozen=True)
class Ranking:
    """items by score, best first; score: logits, mean 0; reliability per worker, 0..1; steps done."""

    items: tuple[Any, ...]
    score: dict[Any, float]
    reliability: dict[Any, float]
    steps: int


def rank(comparisons: Sequence[tuple[Any, Any, Any, Any]], *, steps: int = 50) -> Ranking:
    """Rank items from (worker, left, right, winner).

    raises  BadLabels for an empty list, or naming a row whose winner is neither side or whose sides are the same
    source  Bradley and Terry (1952); Chen et al. (2013), "Pairwise ranking aggregation in a crowdsourced setting"
            (Crowd-BT), here by EM over "meant it" and "tossed a coin" with damped Newton steps
    """
    if not comparisons:
        raise BadLabels("there are no comparisons")
    for row, (_, left, right, winner) in enumerate(comparisons):
        if left == right:
            raise BadLabels(f"{left!r} is compared with itself", row=row)
        if winner not in (left, right):
            raise BadLabels(f"winner {winner!r} is neither {left!r} nor {right!r}", row=row, column="winner")
    items = _ordered({item for _, left, right, _ in comparisons for item in (left, right)})
    workers = _ordered({worker for worker, *_ in comparisons})
    item_code, worker_code = ({name: code for code, name in enumerate(names)} for names in (items, workers))
    rows = sorted(
        (worker_code[worker], item_code[winner], item_code[right if winner == left else left])
        for worker, left, right, winner in comparisons
    )
    who, won, lost = (np.asarray(column) for column in zip(*rows, strict=True))
    score: Floats = np.zeros(len(items))
    reliable: Floats = np.full(len(workers), 0.9)
    step = 0
    for step in range(1, steps + 1):  # noqa: B007  # the last one is reported
        chance = _sigmoid(score[won] - score[lost])
        meant = reliable[who] * chance / (reliable[who] * chance + (1.0 - reliable[who]) * 0.5)
        before = score
        for _ in range(3):
            chance = _sigmoid(score[won] - score[lost])
            slope, bend = meant * (1.0 - chance), meant * chance * (1.0 - chance)
            # one draw against an item of score 0: half a win, half a loss
            up = np.bincount(won, slope, len(items)) - np.bincount(lost, slope, len(items)) + 0.5 - _sigmoid(score)
            down = np.bincount(won, bend, len(items)) + np.bincount(lost, bend, len(items)) + 0.25
            score = score + np.clip(0.5 * up / down, -1.0, 1.0)
            score = score - score.mean()
        count = np.bincount(who, minlength=len(workers))
        reliable = (np.bincount(who, meant, len(workers)) + 4.5) / (count + 5.0)
        if float(np.abs(score - before).max()) < 1e-8:
            break
    order = sorted(range(len(items)), key=lambda code: (-round(float(score[code]), 9), code))
    return Ranking(
        tuple(items[code] for code in order),
        {items[code]: float(score[code]) for code in order},
        {workers[code]: float(reliable[code]) for code in range(len(workers))},
        step,
    )


@dataclass(frozen=True)
class Order:
    """items of one task, best first; confidence: chance that the least certain neighbours stand the right way round."""

    items: tuple[Any, ...]
    confidence: float


def rank_orders(
    tasks: Sequence[Sequence[tuple[Any, Sequence[Any]]]], *, steps: int = 50
) -> tuple[list[Order], dict[Any, float]]:
    """Rank the items of many tasks together, so that a worker's reliability is learnt over all of them.

    tasks    per task: (worker, items from best to worst, at least two, each once); workers may order different parts
    returns  one order per task and the reliability per worker. The confidence takes scores to be normal with the
             inverse of the observed information as covariance; it is not calibrated
    """
    names = [_ordered({item for _, items in answers for item in items}) for answers in tasks]
    places = [{item: place for place, item in enumerate(own)} for own in names]
    rows = [
        (worker, (task, place[better]), (task, place[worse]), (task, place[better]))
        for task, (answers, place) in enumerate(zip(tasks, places, strict=True))
        for worker, items in answers
        for at, better in enumerate(items)
        for worse in items[at + 1 :]
    ]
    found = rank(rows, steps=steps)
    information = [np.eye(len(own)) * 0.25 for own in names]
    for worker, (task, one), (_, two), _ in rows:
        chance = float(_sigmoid(np.asarray(found.score[task, one] - found.score[task, two])))
        weight = found.reliability[worker] * chance * (1.0 - chance)
        information[task][[one, two], [one, two]] += weight
        information[task][[one, two], [two, one]] -= weight
    orders = []
    for task, own in enumerate(names):
        score = np.asarray([found.score[task, place] for place in range(len(own))])
        turn = sorted(range(len(own)), key=lambda place: (-round(float(score[place]), 9), place))
        covariance = np.linalg.inv(information[task])
        sure = 1.0
        for one, two in pairwise(turn):
            spread = math.sqrt(max(covariance[one, one] + covariance[two, two] - 2.0 * covariance[one, two], 1e-12))
            sure = min(sure, 0.5 * math.erfc(-float(score[one] - score[two]) / spread / math.sqrt(2.0)))
        orders.append(Order(tuple(own[place] for place in turn), sure))
    return orders, found.reliability


def _ordered(names: set[Any]) -> list[Any]:
    return sorted(names, key=lambda name: (type(name).__name__, name))


def _sigmoid(value: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -30.0, 30.0))))
