"""Boxes, segments, keypoints and time spans from several people: which exist, and where they are.

Rules kept here
- Shapes of two answers are matched one to one (Hungarian); each answer counts once in a cluster.
- A cluster exists when the weighted evidence for it outweighs the evidence of those who saw the piece and left it out.
- Coordinates are skill-weighted medians, each on its own; the class is a skill-weighted vote.

A box is {"x", "y", "w", "h"}, a span {"start", "end"}, a keypoint {"x", "y"}, a mask {"size", "runs"} (see `masks`),
each with an optional "label". An answer is a list of them; an empty list says that there is nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from manyhands.quality.masks import mask_overlap, merged_mask
from manyhands.quality.table import Floats

Shape = Mapping[str, Any]
MATCH_LEAST: Final = 0.5
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "boxes": ("x", "y", "w", "h"),
    "spans": ("start", "end"),
    "keypoints": ("x", "y"),
    "masks": ("size", "runs"),
}
#: two keypoints match when they are nearer than this, in the unit of the coordinates (pixels)
KEYPOINT_REACH: Final = 20.0


@dataclass(frozen=True)
class Merged:
    """One shape of the verdict. behind: places of the answers that hold it; confidence: of its existing or not."""

    shape: dict[str, Any]
    exists: bool
    confidence: float
    behind: tuple[int, ...]


def shape_kind(value: Any) -> str | None:
    """boxes | spans | keypoints | masks for a list of shapes, None for anything else (also for an empty list)."""
    if not isinstance(value, list) or not value or not all(isinstance(one, Mapping) for one in value):
        return None
    for kind, keys in KEYS.items():
        if all(key in value[0] for key in keys):
            return kind
    return None


def fault_of(value: Any, kind: str) -> str:
    """Why a value is no answer of this kind; "" = it is one. An empty list is one: nothing was marked.

    >>> fault_of([{"x": 1, "y": 2, "w": 3}], "boxes")
    "shape 0 has no 'h' that is a number: boxes is a list of shapes with x, y, w, h"
    """
    keys = KEYS[kind]
    form = f"{kind} is a list of shapes with {', '.join(keys)}"
    if not isinstance(value, list):
        return f"{value!r:.60} is no list: {form}"
    for number, one in enumerate(value):
        if not isinstance(one, Mapping):
            return f"shape {number}, {one!r:.60}, has no names: {form}"
        lacking = [key for key in keys if key not in one or (kind != "masks" and not _is_number(one[key]))]
        if lacking:
            what = "" if kind == "masks" else " that is a number"
            return f"shape {number} has no {' or '.join(map(repr, lacking))}{what}: {form}"
        if kind == "masks" and not _is_mask(one):
            return f"shape {number} has a 'size' that is not [height, width], or 'runs' that leave it"
    return ""


def _is_mask(one: Shape) -> bool:
    """Whether size is [height, width] and runs are start, length, start, length ... within it."""
    size, runs = one["size"], one["runs"]
    if not all(isinstance(part, (list, tuple)) and all(map(_is_whole, part)) for part in (size, runs)):
        return False
    if len(size) != 2 or len(runs) % 2:
        return False
    return all(start + length <= size[0] * size[1] for start, length in zip(runs[::2], runs[1::2], strict=True))


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)


def box_overlap(one: Shape, other: Shape) -> float:
    """Intersection over union of two boxes, 0..1.

    >>> box_overlap({"x": 0, "y": 0, "w": 2, "h": 2}, {"x": 1, "y": 0, "w": 2, "h": 2})
    0.3333333333333333
    """
    wide = min(one["x"] + one["w"], other["x"] + other["w"]) - max(one["x"], other["x"])
    high = min(one["y"] + one["h"], other["y"] + other["h"]) - max(one["y"], other["y"])
    both = max(0.0, wide) * max(0.0, high)
    total = one["w"] * one["h"] + other["w"] * other["h"] - both
    return both / total if total > 0 else float(both == total and one == other)


def span_overlap(one: Shape, other: Shape) -> float:
    """Intersection over union of two time spans, 0..1."""
    both = max(0.0, min(one["end"], other["end"]) - max(one["start"], other["start"]))
    total = (one["end"] - one["start"]) + (other["end"] - other["start"]) - both
    return both / total if total > 0 else float(one["start"] == other["start"])


def point_nearness(one: Shape, other: Shape) -> float:
    """1 at the same place, MATCH_LEAST at KEYPOINT_REACH, falling on."""
    return 1.0 / (1.0 + math.hypot(one["x"] - other["x"], one["y"] - other["y"]) / KEYPOINT_REACH)


LIKENESS: Final[Mapping[str, Callable[[Shape, Shape], float]]] = {
    "boxes": box_overlap,
    "spans": span_overlap,
    "keypoints": point_nearness,
    "masks": mask_overlap,
}


def merge(answers: Sequence[Sequence[Shape]], skills: Sequence[float], kind: str) -> list[Merged]:
    """The shapes of one task.

    answers  a list of shapes per worker;  skills  chance of seeing a shape that is there (and no other), 0..1
    returns  all clusters, those that exist and those that do not, in order of their coordinates
    """
    like = LIKENESS[kind]
    # the surest worker's shapes begin the clusters; equal skills in order of their shapes: arrival changes nothing
    order = sorted(
        range(len(answers)), key=lambda place: (-skills[place], repr([_plain(one) for one in answers[place]]))
    )
    clusters: list[list[tuple[int, Shape]]] = []
    for place in order:
        mine = sorted(answers[place], key=lambda one: repr(_plain(one)))
        if not mine:
            continue
        cost = np.array([[1.0 - _nearest(like, one, cluster) for cluster in clusters] for one in mine]).reshape(
            len(mine), len(clusters)
        )
        taken = dict(assign(cost)) if clusters else {}
        for at, one in enumerate(mine):
            to = taken.get(at)
            if to is not None and cost[at, to] <= 1.0 - MATCH_LEAST:
                clusters[to].append((place, one))
            else:
                clusters.append([(place, one)])
    return sorted(
        (_merged(cluster, skills, kind) for cluster in clusters),
        key=lambda one: (_place(one.shape, kind), str(one.shape.get("label"))),
    )


def hits(answer: Sequence[Shape], truth: Sequence[Shape], kind: str) -> tuple[int, int]:
    """(right, all): shapes of an answer that stand where one of the truth does, of all that either has.

    >>> hits([{"x": 1, "y": 1}, {"x": 500, "y": 1}], [{"x": 2, "y": 1}], "keypoints")
    (1, 2)
    """
    if not answer or not truth:
        return 0, len(answer) + len(truth)
    like = LIKENESS[kind]
    near = np.array([[like(one, other) for other in truth] for one in answer])
    right = sum(
        near[own, other] >= MATCH_LEAST and answer[own].get("label") == truth[other].get("label")
        for own, other in assign(1.0 - near)
    )
    return int(right), len(answer) + len(truth) - int(right)


def assign(cost: Floats) -> list[tuple[int, int]]:
    """The cheapest one-to-one pairs of rows and columns, min(rows, columns) of them.

    source  Kuhn (1955), Munkres (1957), in the shortest augmenting path form of Jonker and Volgenant (1987)

    >>> assign(np.array([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0]]))
    [(0, 1), (1, 0)]
    """
    turned = cost.shape[0] > cost.shape[1]
    table = cost.T if turned else cost
    rows, columns = table.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    owner, way = np.zeros(columns + 1, np.int64), np.zeros(columns + 1, np.int64)
    for row in range(1, rows + 1):
        owner[0], at = row, 0
        least, done = np.full(columns + 1, np.inf), np.zeros(columns + 1, bool)
        while True:
            done[at] = True
            free = np.flatnonzero(~done[1:]) + 1
            reduced = table[owner[at] - 1, free - 1] - row_price[owner[at]] - column_price[free]
            better = reduced < least[free]
            least[free[better]], way[free[better]] = reduced[better], at
            target = int(free[np.argmin(least[free])])
            step = least[target]
            row_price[owner[done]] += step
            column_price[done] -= step
            least[~done] -= step
            at = target
            if owner[at] == 0:
                break
        while at:
            owner[at], at = owner[way[at]], int(way[at])
    pairs = [(int(owner[column]) - 1, column - 1) for column in range(1, columns + 1) if owner[column]]
    return sorted((column, row) for row, column in pairs) if turned else sorted(pairs)


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """The value with half the weight on either side; between two values when the weight is split evenly.

    >>> weighted_median([1.0, 2.0, 10.0], [1.0, 1.0, 1.0])
    2.0
    """
    ordered = sorted(zip(values, weights, strict=True))
    half, passed = sum(weights) / 2.0, 0.0
    for place, (value, weight) in enumerate(ordered):
        passed += weight
        if abs(passed - half) < 1e-12 and place + 1 < len(ordered):
            return (value + ordered[place + 1][0]) / 2.0
        if passed > half:
            return value
    return ordered[-1][0]


def _nearest(like: Callable[[Shape, Shape], float], one: Shape, cluster: Sequence[tuple[int, Shape]]) -> float:
    return sum(like(one, other) for _, other in cluster) / len(cluster)


def _merged(cluster: Sequence[tuple[int, Shape]], skills: Sequence[float], kind: str) -> Merged:
    weight = [_odds(skills[place]) for place, _ in cluster]
    shape: dict[str, Any]
    if kind == "masks":
        shape = merged_mask([one for _, one in cluster], [skills[place] for place, _ in cluster])
    else:
        shape = {
            key: weighted_median([float(one[key]) for _, one in cluster], [max(own, 0.01) for own in weight])
            for key in KEYS[kind]
        }
    named: dict[str, float] = {}
    for (_, one), own in zip(cluster, weight, strict=True):
        if "label" in one:
            named[str(one["label"])] = named.get(str(one["label"]), 0.0) + own
    if named:
        shape["label"] = min(named, key=lambda name: (-named[name], name))
    behind = tuple(sorted({place for place, _ in cluster}))
    # exact sums: where the evidence is even, no last digit may decide
    evidence = math.fsum(_odds(skills[place]) * (1.0 if place in behind else -1.0) for place in range(len(skills)))
    sure = 1.0 / (1.0 + math.exp(-min(abs(evidence), 40.0)))
    # an even split keeps the shape: a missed shape costs more than one too many
    return Merged(shape, evidence >= 0.0, sure, behind)


def _place(shape: Shape, kind: str) -> tuple[float, ...]:
    """What shapes of a verdict are ordered by."""
    if kind == "masks":
        return tuple(float(number) for number in shape["runs"])
    return tuple(float(shape[key]) for key in KEYS[kind])


def _odds(skill: float) -> float:
    kept = min(max(skill, 0.5), 0.99)
    return math.log(kept / (1.0 - kept))


def _plain(one: Shape) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, repr(value)) for key, value in one.items()))
