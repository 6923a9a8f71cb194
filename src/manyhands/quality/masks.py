"""Segments of a picture as masks: how alike two are, and one mask from several people.

Rules kept here
- A mask is {"size": [height, width], "runs": [start, length, start, length, ...]}: pixels counted row by row from 0.
- Where all agree nothing is estimated. Only the band of disagreement is: most pixels of a picture are easy, and would
  make everybody look perfect.
- In the band each person has a chance of marking what belongs there and one of marking what does not, both shrunk to
  the person's skill; pixels and chances are estimated in turn (Dawid and Skene 1979, one row per person).

>>> one = {"size": [1, 4], "runs": [0, 2]}
>>> mask_overlap(one, {"size": [1, 4], "runs": [1, 2]})
0.3333333333333333
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from manyhands.quality.errors import BadLabels

Pixels = npt.NDArray[np.bool_]
STEPS: Final = 10
#: pixels' worth of a person's skill outside this picture
SKILL_PIXELS: Final = 20.0


def pixels_of(mask: Mapping[str, Any]) -> Pixels:
    """The mask as a flat array of pixels. raises BadLabels for runs outside the picture"""
    height, width = mask["size"]
    pixels = np.zeros(int(height) * int(width), bool)
    runs = list(mask["runs"])
    if len(runs) % 2:
        raise BadLabels("a mask's runs are pairs of start and length", column="label")
    for start, length in zip(runs[::2], runs[1::2], strict=True):
        if start < 0 or length < 0 or start + length > len(pixels):
            raise BadLabels(f"run {start}+{length} leaves a picture of {len(pixels)} pixels", column="label")
        pixels[start : start + length] = True
    return pixels


def mask_of(pixels: Pixels, size: Sequence[int]) -> dict[str, Any]:
    """The runs of these pixels."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], pixels.view(np.int8), [0]))))
    runs = np.column_stack((edges[::2], edges[1::2] - edges[::2])).ravel()
    return {"size": [int(side) for side in size], "runs": [int(number) for number in runs]}


def mask_overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Intersection over union of two masks, 0..1; masks of different pictures have none."""
    if list(one["size"]) != list(other["size"]):
        return 0.0
    left, right = pixels_of(one), pixels_of(other)
    union = int((left | right).sum())
    return int((left & right).sum()) / union if union else 1.0


def merged_mask(masks: Sequence[Mapping[str, Any]], skills: Sequence[float]) -> dict[str, Any]:
    """One mask from several of one size; skills: chance of marking a pixel rightly, 0.5..1."""
    given = np.array([pixels_of(mask) for mask in masks])
    found: Pixels = np.asarray(given.all(axis=0))
    band = np.flatnonzero(given.any(axis=0) & ~found)
    if len(band):
        shown, skill = given[:, band].astype(np.float64), np.clip(np.asarray(skills, np.float64), 0.5, 0.99)
        weight = np.log(skill / (1.0 - skill))
        # by skill alone first; an even split keeps the pixel
        sure = _sigmoid(weight @ (2.0 * shown - 1.0))
        for _ in range(STEPS):
            inside, outside = sure.sum(), (1.0 - sure).sum()
            hit = (shown @ sure + SKILL_PIXELS * skill) / (inside + SKILL_PIXELS)
            slip = (shown @ (1.0 - sure) + SKILL_PIXELS * (1.0 - skill)) / (outside + SKILL_PIXELS)
            odds = np.log(hit / slip) @ shown + np.log((1.0 - hit) / (1.0 - slip)) @ (1.0 - shown)
            sure = _sigmoid(odds)
        found[band] = sure >= 0.5
    return mask_of(found, masks[0]["size"])


def _sigmoid(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -40.0, 40.0))))
