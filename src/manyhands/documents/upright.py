"""Which way up a page lies, for somebody who looks at it before it is read: a small picture in a list.

Rules kept here
- Lines of ink say whether it lies on its side; which of the two sides is up, or whether a page stands on its head, a
  small model says that looks at a few lines. No text is read.
- Where too little stands on a page, or the model is not there, the page is shown as it was handed in.
- It turns what is looked at and nothing else: a page that is worked on is laid straight by its readers (`straighten`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from .readers.base import Corners, Pixels, ReaderNotInstalled
from .readers.onnx_text import model_in_wheel, open_session
from .readers.page import corners_of_ink
from .straighten import lies_on_its_side

LINES_MOST = 12
"""Lines that are looked at: the longest, as most signs tell most."""
_LINES_LEAST = 8
"""Of fewer lines the model's errors do not cancel out: strokes and logos are taken for lines too."""
_LONGEST = 40.0
"""Times its height that a line of text is long at most: what is longer is the paper's edge or a rule."""
_HEIGHT_PX, _WIDTH_PX = 48, 192
_MODEL_PACKAGE, _MODEL = "rapidocr", "ch_ppocr_mobile_v2.0_cls_mobile.onnx"


def quarters_to_upright(page: Pixels) -> int:
    """Quarter turns clockwise that stand a page upright, 0 to 3; 0 where it cannot be told.

    page  as it was handed in, BGR
    """
    turns = int(lies_on_its_side([one for one in corners_of_ink(page) if _long_of(one) <= _LONGEST]))
    level = turned(page, turns)
    lines = [box for box in _boxes(corners_of_ink(level), level) if box[2] >= 3 * box[3] > 0]
    longest = sorted(lines, key=lambda box: -box[2])[:LINES_MOST]
    if len(longest) < _LINES_LEAST:
        return 0
    try:
        on_head = _on_head([level[y : y + h, x : x + w] for x, y, w, h in longest])
    except ReaderNotInstalled:
        return 0
    return (turns + 2 * (on_head > 0.5)) % 4


def turned(page: Pixels, quarters: int) -> Pixels:
    """The page after so many quarter turns clockwise."""
    return np.ascontiguousarray(np.rot90(page, -quarters)) if quarters else page


def _long_of(corners: Corners) -> float:
    sides = sorted(float(np.linalg.norm(corners[n] - corners[n - 1])) for n in (1, 2))
    return sides[1] / max(1.0, sides[0])


def _boxes(corners: Sequence[Corners], page: Pixels) -> list[tuple[int, int, int, int]]:
    """x, y, width, height of each line, inside of the page."""
    height, width = page.shape[:2]
    found = []
    for one in corners:
        (x0, y0), (x1, y1) = np.maximum(one.min(axis=0), 0).astype(int), one.max(axis=0).astype(int)
        found.append((int(x0), int(y0), int(min(x1, width) - x0), int(min(y1, height) - y0)))
    return found


def _on_head(lines: Sequence[Pixels]) -> float:
    """How far the lines are believed to stand on their heads, in the mean: 0 to 1. raises ReaderNotInstalled"""
    session = _session()
    blob = np.zeros((len(lines), 3, _HEIGHT_PX, _WIDTH_PX), np.float32)
    for n, line in enumerate(lines):
        height, width = line.shape[:2]
        wide = min(_WIDTH_PX, max(1, round(width * _HEIGHT_PX / height)))
        # a long line is cut, not squeezed: its letters keep their shape
        part = line[:, : max(1, round(height * _WIDTH_PX / _HEIGHT_PX))]
        small = cv2.resize(part, (wide, _HEIGHT_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
        blob[n, :, :, :wide] = ((small / 255.0 - 0.5) / 0.5).transpose(2, 0, 1)
    shares = session.run(None, {session.get_inputs()[0].name: blob})[0]
    return float(np.mean(shares[:, 1]))


@lru_cache(maxsize=1)
def _session() -> Any:
    return open_session(model_in_wheel(_MODEL_PACKAGE, _MODEL, reader="upright"))
