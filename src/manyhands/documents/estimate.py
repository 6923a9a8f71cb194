"""Counts how much is written on a page, cheaply, for a quote: no reader, only ink.

Rules kept here
- Under a tenth of a CPU second a page, whatever the page.
- The upper bound is meant to hold: a quote made from it is not exceeded (see the benchmark for how often it held).
- Pure function of the page's bytes.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import UnreadableImage
from .ink import InkLine, PageEstimate, estimate_of
from .layout import LONGEST_PERMILLE

_WORK_WIDTH_PX = 800


def estimate_page(page_png: bytes) -> PageEstimate:
    """Lines, pieces and characters of an imported page.

    raises  UnreadableImage
    """
    return estimate_of(ink_of(page_png))


def ink_of(page_png: bytes) -> list[InkLine]:
    """Where text seems to stand on an imported page.

    raises  UnreadableImage
    """
    raw = np.frombuffer(page_png, np.uint8)
    large = len(page_png) > 600_000  # a page of many pixels: half the size holds all that is needed here
    grey = cv2.imdecode(raw, cv2.IMREAD_REDUCED_GRAYSCALE_2 if large else cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise UnreadableImage(what=f"a page of {len(page_png)} bytes")
    height, width = grey.shape
    if width > _WORK_WIDTH_PX:
        size = (_WORK_WIDTH_PX, max(1, height * _WORK_WIDTH_PX // width))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    dark = grey.astype(np.int16) < cv2.blur(grey, (31, 31)).astype(np.int16) - 18
    marks = _boxes(dark.astype(np.uint8))
    heights = [h for _, _, w, h in marks if 4 <= h <= 60 and w <= 4 * h]
    if not heights:
        return []
    # Broken print falls into many specks: the usual height is the one that half of all inked area belongs to.
    heights.sort()
    total, passed, usual = sum(h * h for h in heights), 0, 5
    for h in heights:
        passed += h * h
        usual = max(5, h)
        if 2 * passed >= total:
            break
    words = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, max(3, usual * 12 // 10)), np.uint8))
    across, down = words.shape[1], words.shape[0]
    found: list[InkLine] = []
    for x, y, w, h in _boxes(words):
        if h < usual * 6 // 10 or w < usual // 3:
            continue
        rows = max(1, round(h / (usual * 1.8)))
        longest = LONGEST_PERMILLE * usual * 14 // 10 // 1000
        found.append(
            InkLine(
                500 * (2 * x + w) // across,
                500 * (2 * y + h) // down,
                rows * max(1, -(-w // longest)),
                rows * max(1, round(w / (usual * 0.75))),
            )
        )
    return found


def _boxes(mask: NDArray[Any]) -> list[tuple[int, int, int, int]]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return [(int(x), int(y), int(w), int(h)) for x, y, w, h, area in stats[1:] if area >= 4]
