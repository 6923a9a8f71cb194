"""Geometry of a page: ink, joining what several readers found, splitting lines at gaps, finding what nobody found.

Rules kept here
- Pure functions of pixels and boxes; nothing here knows a reader, a file or a worker.
- Text is split only where a strip of paper runs through the whole line, never through a glyph.
- All lengths are relative to a line's height, so one rule serves a till roll and an A4 page.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from .model import Box

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]

WIDE_GAP_PERMILLE = 1_200
"""A gap wider than this share of the line's height separates two pieces."""
LONGEST_PERMILLE = 16_000
"""A piece is at most this many times as wide as high (about forty characters); longer ones are split at a word gap."""
WORD_GAP_PERMILLE = 220
"""A gap of at least this share of the line's height lies between words, not between letters."""


@dataclass(frozen=True)
class Segment:
    """A part of a line by its share of the line's width, 0..10_000 from the left."""

    start_bp: int
    end_bp: int


def ink_mask(grey: Grey) -> Mask:
    """Where ink is: darker than its surroundings by a tenth of the grey scale and by local contrast."""
    size = 41
    blurred = cv2.blur(grey, (size, size))
    dark = grey.astype(np.int16) < blurred.astype(np.int16) - 22
    return np.asarray(dark, dtype=np.bool_)


def faint_ink_mask(grey: Grey) -> Mask:
    """Where ink is, also where a worn print head left it grey: darker than the paper, whatever else is near."""
    paper = cv2.medianBlur(grey, 41)
    calm = cv2.GaussianBlur(grey, (3, 3), 0).astype(np.int16)
    return np.asarray(calm < paper.astype(np.int16) - 14, dtype=np.bool_)


def beside_text(box: Box, lines: Sequence[Box]) -> bool:
    """Whether a mark stands in the row of some text and is about as high as it: a word that a reader missed."""
    return box.x0 > 1 and any(
        box.shared(Box(box.x0, line.y0, box.x1, line.y1)).height_px * 10 >= 7 * box.height_px
        and 4 * line.height_px <= 10 * box.height_px <= 12 * line.height_px
        for line in lines
    )


def line_ink(crop: Grey) -> Mask:
    """Ink of a single cut-out line, by the threshold that best separates its two greys (Otsu 1979)."""
    if crop.size == 0:
        return np.zeros(crop.shape, np.bool_)
    low, high = np.percentile(crop, (2, 90))
    if high - low < 40:
        return np.zeros(crop.shape, np.bool_)
    level, _ = cv2.threshold(np.ascontiguousarray(crop), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.asarray(crop <= level, dtype=np.bool_)


def gaps_of(mask: Mask) -> list[tuple[int, int]]:
    """Runs (x0, x1) of columns without ink, leaving out the outer tenth of rows where neighbours bleed in."""
    height = mask.shape[0]
    edge = height // 10
    columns = mask[edge : height - edge or None].sum(axis=0)
    empty = np.concatenate(([False], columns <= max(0, height // 40), [False]))
    changes = np.flatnonzero(empty[1:] != empty[:-1])
    return [(int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True)]


def segments_of(mask: Mask) -> list[Segment]:
    """How a line is split: at wide gaps, and where still too long at the word gap nearest to an even division.

    mask     ink of the line laid flat, rows x columns
    returns  segments from left to right that cover all ink, at least one
    """
    height, width = mask.shape
    gaps = gaps_of(mask)
    inner = [(a, b) for a, b in gaps if a > 0 and b < width]
    cuts = [(a + b) // 2 for a, b in inner if (b - a) * 1000 > WIDE_GAP_PERMILLE * height]
    # Letters of a wide face stand further apart than words of a narrow one: a word gap is wide for its own line.
    widest = max((b - a for a, b in inner if (b - a) * 1000 <= WIDE_GAP_PERMILLE * height), default=0)
    least = max(WORD_GAP_PERMILLE * height / 1000, widest * 0.6)
    words = [(a + b) // 2 for a, b in inner if b - a >= least]
    bounds = [0, *cuts, width]
    longest = LONGEST_PERMILLE * height // 1000
    parts: list[tuple[int, int]] = []
    for start, end in itertools.pairwise(bounds):
        parts.extend(_halved(start, end, [w for w in words if start < w < end], longest))
    return [Segment(a * 10_000 // width, b * 10_000 // width) for a, b in parts]


def _halved(start: int, end: int, words: Sequence[int], longest: int) -> list[tuple[int, int]]:
    if end - start <= longest or not words:
        return [(start, end)]
    count = -(-(end - start) // longest)
    ideal = start + (end - start) / count
    cut = min(words, key=lambda w: abs(w - ideal))
    return [(start, cut), *_halved(cut, end, [w for w in words if w > cut], longest)]


def glyphs_of(mask: Mask) -> int:
    """How many separate marks stand in a line, parts above one another counted as one: digits, points and signs.

    A reader that drops a decimal point or a minus gives fewer characters than there are marks.
    """
    height = mask.shape[0]
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    smallest = max(3, (height // 10) ** 2 // 2)
    spans: list[list[int]] = []
    for x, y, w, h, area in sorted(tuple(int(v) for v in row) for row in stats[1:count]):
        bleeds_in = 100 * (y + h) <= 12 * height or 100 * y >= 90 * height
        if area < smallest or bleeds_in or w > 3 * height:
            continue
        last = spans[-1] if spans else None
        if last and 2 * (min(last[1], x + w) - max(last[0], x)) > min(last[1] - last[0], w):
            last[1] = max(last[1], x + w)
        else:
            spans.append([x, x + w])
    return len(spans)


def joined_places(
    first: Sequence[Box], second: Sequence[Box], *, covered_bp: int = 4_000, along_bp: int = 6_000
) -> list[tuple[int, tuple[int, ...]]]:
    """What the second reader adds to the first: (index of its box, indexes of the first's boxes that it takes in).

    A box counts as seen when the boxes of the first cover ``covered_bp`` of its area, or ``along_bp`` of its width at
    their own height: a detector's margin may be wider than small letters are high. A box that is new and has pieces of
    its own line inside stands for them, so that no text is there twice.
    """
    added = []
    for i, box in enumerate(second):
        shared = [box.shared(o) for o in first]
        if not box.area_px or sum(s.area_px for s in shared) * 10_000 >= covered_bp * box.area_px:
            continue
        inside = [
            k
            for k, (o, s) in enumerate(zip(first, shared, strict=True))
            if s.area_px and 2 * s.height_px > o.height_px and 3 * o.height_px >= box.height_px
        ]
        if sum(shared[k].width_px for k in inside) * 10_000 >= along_bp * box.width_px:
            continue
        within = (
            k
            for k in inside
            if shared[k].area_px * 10 >= 8 * first[k].area_px and 2 * first[k].height_px >= box.height_px
        )
        added.append((i, tuple(within)))
    return added


def line_height_px(boxes: Sequence[Box]) -> int:
    """Median height of the boxes, 24 where there are none."""
    heights = [b.height_px for b in boxes if b.height_px]
    return int(median(heights)) if heights else 24


def unseen_ink(mask: Mask, known: Sequence[Box], *, line_px: int) -> list[Box]:
    """Marks that no reader found: blobs of ink of a letter's size or more away from every known box.

    Flat marks are left out: away from a table's cells they are pieces of rules far more often than dashes.

    mask     ink of the page
    known    boxes of text and of ruled lines to leave out
    line_px  usual height of a text line's box
    """
    free = mask.copy()
    for box in known:
        free[max(0, box.y0 - 2) : box.y1 + 2, max(0, box.x0 - 3) : box.x1 + 3] = False
    reach = max(3, line_px // 2)
    joined = cv2.morphologyEx(free.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, reach), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found = []
    for index, (x, y, w, h, _) in enumerate(stats[1:], start=1):
        letter = line_px * 35 // 100 <= h <= 2 * line_px and w >= line_px // 10
        if not letter or w > 20 * line_px:
            continue
        inside = free[y : y + h, x : x + w] & (labels[y : y + h, x : x + w] == index)
        if int(inside.sum()) * 100 < 18 * w * h:
            continue
        found.append(Box(int(x), int(y), int(x + w), int(y + h)))
    return found


def tight_box(mask: Mask, box: Box, *, edge_px: int = 2) -> Box | None:
    """The smallest box around the ink inside ``box``, specks left out; None where there is none."""
    y0, x0 = box.y0 + edge_px, box.x0 + edge_px
    part = mask[y0 : max(y0, box.y1 - edge_px), x0 : max(x0, box.x1 - edge_px)]
    if part.size == 0:
        return None
    count, _, stats, _ = cv2.connectedComponentsWithStats(part.astype(np.uint8), connectivity=8)
    kept = [stats[i] for i in range(1, count) if stats[i][4] >= 6]
    if not kept:
        return None
    left, top = min(s[0] for s in kept), min(s[1] for s in kept)
    right, bottom = max(s[0] + s[2] for s in kept), max(s[1] + s[3] for s in kept)
    return Box(int(x0 + left), int(y0 + top), int(x0 + right), int(y0 + bottom))


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Indexes of the boxes row by row, left to right; boxes whose centres lie within half a height share a row."""
    rows: list[tuple[int, list[int]]] = []
    for i in sorted(range(len(boxes)), key=lambda i: (boxes[i].centre_y2, boxes[i].x0)):
        box = boxes[i]
        if rows and box.centre_y2 - rows[-1][0] < box.height_px:
            rows[-1][1].append(i)
        else:
            rows.append((box.centre_y2, [i]))
    return [i for _, row in rows for i in sorted(row, key=lambda i: (boxes[i].x0, boxes[i].y0))]
