"""Lays a page straight before it is read: a quarter turn, a tilt, a mild slant of perspective.

Rules kept here
- Found from the text lines themselves, so it works for any paper on any background and needs no model.
- Lines that meet in a point are sent to the horizon by one projective map; upright letters need no more than that.
- What is straight enough is left as it is: moving pixels blurs them a little.
- The record speaks of the page as it was handed in: ``Straight.on_page`` undoes everything (``assemble``).

Source: Hartley and Zisserman (2004), "Multiple View Geometry", 2.7: a vanishing point sent to infinity by the map
(x, y) -> (x, y - a x) / (1 + b x), where a line of slope a + b c begins at height c.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from .model import Straight

Corners = NDArray[np.float32]
Matrix = NDArray[np.float64]

LEAST_TILT_DEGREES = 0.7
"""A smaller tilt is left: readers follow it, and on a line of forty characters it is half a letter's height."""
LEAST_SLANT = 0.012
"""Least difference of slope between the page's upper and lower edge that is worth undoing."""
MOST_TILT_DEGREES = 40.0
_LEAST_LINES = 4
_LONG = 4.0


def lies_on_its_side(lines: Sequence[Corners]) -> bool:
    """Whether most of what stands on a page runs up or down. lines: as in `straightening_of`"""
    axes = [axis for corners in lines if (axis := _axis(corners)) is not None]
    return len(axes) >= _LEAST_LINES and _mostly_upright(axes)


def _mostly_upright(axes: Sequence[Any]) -> bool:
    upright = sum(length for _, direction, length in axes if abs(direction[1]) > abs(direction[0]))
    return bool(upright * 10 > sum(length for _, _, length in axes) * 6)


def straightening_of(lines: Sequence[Corners], *, width_px: int, height_px: int) -> Straight | None:
    """How the page is to be laid, None when it is straight enough or too little stands on it to tell.

    lines  four corners of each text line, clockwise from its top left, shape (4, 2), page pixels
    """
    axes = [axis for corners in lines if (axis := _axis(corners)) is not None]
    if len(axes) < _LEAST_LINES:
        return None
    turned = np.eye(3)
    if _mostly_upright(axes):
        turned = _quarter(height_px)
        axes = [(_moved(middle, turned), np.array([-d[1], d[0]]), length) for middle, d, length in axes]
    slopes = [(math.degrees(math.atan2(d[1], d[0])), length) for _, d, length in (_rightwards(a) for a in axes)]
    tilt = _weighted_median([(angle, length) for angle, length in slopes if abs(angle) <= MOST_TILT_DEGREES])
    middle_of_page = _moved(np.array([width_px / 2, height_px / 2]), turned)
    level = _rotation(-tilt, middle_of_page) @ turned
    fitted = _slant([_rightwards(a) for a in axes], tilt, middle_of_page, height_px)
    quarter = not np.allclose(turned, np.eye(3))
    if not quarter and abs(tilt) < LEAST_TILT_DEGREES and fitted is None:
        return None
    matrix = level if abs(tilt) >= LEAST_TILT_DEGREES or fitted is not None else turned
    if fitted is not None:
        matrix = fitted @ matrix
    return _framed(matrix, width_px, height_px)


def turned_over(straight: Straight | None, *, width_px: int, height_px: int) -> Straight:
    """The same page upside down: what was its last corner is its first."""
    now = straight or Straight(width_px, height_px, ((0, 0), (width_px, 0), (width_px, height_px), (0, height_px)), 1)
    a, b, c, d = now.corners
    return Straight(now.width_px, now.height_px, (c, d, a, b), now.parts_per_px)


def laid_straight(pixels: NDArray[np.uint8], straight: Straight | None) -> NDArray[np.uint8]:
    """The page's pixels laid straight; grey or colour; where the page does not reach stands its own paper's shade."""
    if straight is None:
        return pixels
    w, h = straight.width_px, straight.height_px
    # edges of pixels lie half a pixel before their centres, from which OpenCV counts
    corners = np.array(straight.corners, np.float32) / straight.parts_per_px - 0.5
    frame = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(corners, frame.astype(np.float32))
    shade = np.percentile(pixels.reshape(-1, pixels.shape[2] if pixels.ndim == 3 else 1)[::97], 80, axis=0)
    laid = cv2.warpPerspective(
        pixels, matrix, (w, h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=[*map(float, shade)]
    )
    return np.asarray(laid, dtype=np.uint8)


def _axis(corners: Corners) -> tuple[NDArray[Any], NDArray[Any], float] | None:
    """(middle, direction, length) of a long line, None for one too short to have a direction."""
    tl, tr, br, bl = (np.asarray(c, np.float64) for c in corners)
    across, down = (tr + br - tl - bl) / 2, (bl + br - tl - tr) / 2
    wide, high = float(np.hypot(*across)), float(np.hypot(*down))
    long, length, thick = (across, wide, high) if wide >= high else (down, high, wide)
    if length < _LONG * max(1.0, thick):
        return None
    return (tl + tr + br + bl) / 4, long / length, length


def _rightwards(axis: tuple[NDArray[Any], NDArray[Any], float]) -> tuple[NDArray[Any], NDArray[Any], float]:
    middle, direction, length = axis
    return (middle, -direction, length) if direction[0] < 0 else axis


def _weighted_median(weighted: Sequence[tuple[float, float]]) -> float:
    ordered = sorted(weighted)
    half, passed = sum(weight for _, weight in ordered) / 2, 0.0
    for value, weight in ordered:
        passed += weight
        if passed >= half:
            return value
    return 0.0


def _slant(
    axes: Sequence[tuple[NDArray[Any], NDArray[Any], float]], tilt: float, centre: NDArray[Any], height_px: int
) -> Matrix | None:
    """The map that makes lines parallel which the tilt alone leaves fanned out; None when they are parallel enough."""
    level = _rotation(-tilt, centre)
    slopes, heights, weights = [], [], []
    for middle, direction, length in axes:
        ahead = _moved(middle + direction, level) - _moved(middle, level)
        at = _moved(middle, level) - centre
        if abs(ahead[0]) < 0.5:
            continue
        slope = ahead[1] / ahead[0]
        slopes.append(slope)
        heights.append(at[1] - slope * at[0])
        weights.append(length)
    if len(slopes) < 2 * _LEAST_LINES or max(heights) - min(heights) < height_px / 4:
        return None
    m, c, w = np.array(slopes), np.array(heights), np.array(weights)
    a = b = 0.0
    for _ in range(4):
        design = np.stack([np.ones_like(c), c], axis=1) * np.sqrt(w)[:, None]
        a, b = np.linalg.lstsq(design, m * np.sqrt(w), rcond=None)[0]
        off = np.abs(m - a - b * c)
        kept = off <= max(0.004, 2.5 * float(np.median(off)))
        if kept.all() or kept.sum() < 2 * _LEAST_LINES:
            break
        m, c, w = m[kept], c[kept], w[kept]
    spread, rest = float(np.median(np.abs(m - np.median(m)))), float(np.median(np.abs(m - a - b * c)))
    if abs(b) * height_px < LEAST_SLANT or rest > spread * 0.7:
        return None
    there = np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1]])
    back = np.array([[1, 0, centre[0]], [0, 1, centre[1]], [0, 0, 1]])
    return cast(Matrix, back @ np.array([[1, 0, 0], [-a, 1, 0], [b, 0, 1]]) @ there)


def _quarter(height_px: int) -> Matrix:
    """A quarter turn clockwise of a page of this height."""
    return np.array([[0.0, -1.0, height_px], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def _rotation(degrees: float, centre: NDArray[Any]) -> Matrix:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = float(centre[0]), float(centre[1])
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y], [0.0, 0.0, 1.0]])


def _moved(point: NDArray[Any], matrix: NDArray[Any]) -> NDArray[Any]:
    x, y, w = matrix @ np.array([point[0], point[1], 1.0])
    return np.array([x / w, y / w])


def _framed(matrix: Matrix, width_px: int, height_px: int) -> Straight | None:
    """The straight page that holds all of the old one, told by its corners on the old one; None for a wild map."""
    edge = [(0, 0), (width_px, 0), (width_px, height_px), (0, height_px)]
    reached = np.array([_moved(np.array(p, np.float64), matrix) for p in edge])
    x0, y0 = np.floor(reached.min(axis=0))
    x1, y1 = np.ceil(reached.max(axis=0))
    w, h = int(x1 - x0), int(y1 - y0)
    if not 0.5 < (w * h) / (width_px * height_px) < 2.5:
        return None
    back: NDArray[Any] = np.linalg.inv(matrix)
    parts = 100
    corners = tuple(
        (round(float(p[0]) * parts), round(float(p[1]) * parts))
        for p in (_moved(np.array(q, np.float64), back) for q in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
    )
    return Straight(w, h, corners, parts)
