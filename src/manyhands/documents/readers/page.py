"""Reads a whole page: joins what the readers found, splits it into spots of a piece's size, has every reader read all.

Rules kept here
- Every reader reads every spot, also those that only another reader found: agreement needs two opinions of one place.
- Inside a ruled grid each cell is a spot of its own, empty ones too, and no spot crosses a ruled line.
- With no reader at all, spots come from ink alone and people key everything.
- A page is laid straight before it is read; one that reads better upside down is turned.

>>> page = read_page(png_bytes, make_readers(("ppocr6", "ppocr4")), kind="receipt")            # doctest: +SKIP
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np

from ..errors import UnreadableImage
from ..layout import (
    Grey,
    Mask,
    beside_text,
    faint_ink_mask,
    glyphs_of,
    ink_mask,
    joined_places,
    line_height_px,
    line_ink,
    reading_order,
    segments_of,
    tight_box,
    unseen_ink,
)
from ..model import Box, Kind, PageReadings, Reading, Spot, TableCell, TableGrid
from ..straighten import laid_straight, straightening_of, turned_over
from .base import Corners, Pixels, Place, Reader
from .onnx_text import clockwise, crop_of, place_of
from .ruled import parted, ruled_tables, without_strokes

_READABLE_BP = 8_200
"""Half of a page's lines read with more than this: nobody asks whether it stands on its head."""
INK_READER = "ink"
TEXT_LAYER_READER = "text_layer"


@dataclass(frozen=True)
class _Part:
    """A place of a piece's size with where it belongs."""

    place: Place
    line: int
    table_no: int | None = None
    cell: TableCell | None = None
    from_ink: bool = False
    empty: bool = False


def decode_page(page_png: bytes) -> Pixels:
    """Page bytes as pixels, blue-green-red.

    raises  UnreadableImage
    """
    pixels = cv2.imdecode(np.frombuffer(page_png, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise UnreadableImage(what=f"a page of {len(page_png)} bytes")
    return np.asarray(pixels, dtype=np.uint8)


def read_page(
    page_png: bytes,
    readers: Sequence[Reader],
    *,
    kind: Kind,
    page_no: int = 1,
    text_layer: Sequence[Reading] = (),
) -> PageReadings:
    """All spots of a page with every reader's text. For a worker process: seconds of CPU, hundreds of megabytes.

    page_png    the imported page
    readers     made once per process by ``make_readers``; may be empty
    kind        receipts are not searched for ruled grids
    text_layer  words of a born-digital PDF, used as one more reader
    returns     boxes on the page laid straight, where ``straight`` says how
    raises      UnreadableImage
    """
    started = time.process_time()
    given = decode_page(page_png)
    height, width = given.shape[:2]
    text_layer = [word for word in text_layer if _is_on_page(word.box, width, height)]
    lines = _found_lines(given, readers, text_layer)
    straight = None
    if not text_layer:  # a born-digital page is straight, and its words' boxes are the page's own
        tilted = [p.corners for p in lines if p.corners is not None] if readers else corners_of_ink(given)
        straight = straightening_of(tilted, width_px=width, height_px=height)
    pixels = laid_straight(given, straight)
    if straight is not None:
        lines = _found_lines(pixels, readers, text_layer)
    spots, tables = _read_laid(pixels, lines, readers, text_layer, kind=kind, page_no=page_no)
    if not text_layer and _stands_on_its_head(pixels, spots, readers):
        straight = turned_over(straight, width_px=width, height_px=height)
        pixels = laid_straight(given, straight)
        lines = _found_lines(pixels, readers, text_layer)
        spots, tables = _read_laid(pixels, lines, readers, text_layer, kind=kind, page_no=page_no)
    order = reading_order([s.box for s in spots])
    return PageReadings(
        page_no=page_no,
        width_px=width,
        height_px=height,
        spots=tuple(spots[i] for i in order),
        tables=tables,
        readers=tuple(r.name for r in readers) + ((TEXT_LAYER_READER,) if text_layer else ()),
        cpu_ms=round((time.process_time() - started) * 1000),
        straight=straight,
    )


def _is_on_page(box: Box, width_px: int, height_px: int) -> bool:
    """Whether a layer's word stands where its page is: whoever made the layer may say what they like."""
    return 0 <= box.x0 < box.x1 <= width_px and 0 <= box.y0 < box.y1 <= height_px


def _read_laid(
    pixels: Pixels,
    lines: list[Place],
    readers: Sequence[Reader],
    text_layer: Sequence[Reading],
    *,
    kind: Kind,
    page_no: int,
) -> tuple[list[Spot], tuple[TableGrid, ...]]:
    """Spots and grids of a page that lies straight."""
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    mask = ink_mask(grey)
    tables = () if kind == "receipt" else ruled_tables(_png(grey), page_no=page_no)
    if not readers and not text_layer:
        lines = _lines_of_ink(mask)
    texts = [p.box for p in lines]
    tables = tuple(parted(without_strokes(table, texts), texts) for table in tables)
    parts = _parts(grey, mask, lines, tables, anywhere=kind != "receipt")
    return _read_parts(pixels, grey, parts, readers, text_layer), tables


def _stands_on_its_head(pixels: Pixels, spots: Sequence[Spot], readers: Sequence[Reader]) -> bool:
    """Whether the longest lines read clearly better upside down; tried only where little could be read at all."""
    first = [s.readings[0] for s in spots if s.readings and s.readings[0].text]
    if not readers or len(first) < 3 or median(r.confidence_bp for r in first) >= _READABLE_BP:
        return False
    longest = sorted(first, key=lambda r: -r.box.width_px)[:8]
    over = np.ascontiguousarray(pixels[::-1, ::-1])
    height, width = pixels.shape[:2]
    places = [Place(Box(width - r.box.x1, height - r.box.y1, width - r.box.x0, height - r.box.y0)) for r in longest]
    better = readers[0].recognise(over, places)
    return sum(r.confidence_bp for r in better) > sum(r.confidence_bp for r in longest) + len(longest) * 800


def _png(grey: Grey) -> bytes:
    done, encoded = cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise UnreadableImage(what="a page laid straight")
    return encoded.tobytes()


def corners_of_ink(pixels: Pixels) -> list[Corners]:
    """Corners of text lines by ink alone, for a page that no machine reads."""
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    joined = cv2.morphologyEx(ink_mask(grey).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    rects = [cv2.minAreaRect(c) for c in contours if len(c) >= 8]
    return [clockwise(cv2.boxPoints(r)) for r in rects if 8 <= min(r[1]) <= 80]


def _found_lines(pixels: Pixels, readers: Sequence[Reader], text_layer: Sequence[Reading]) -> list[Place]:
    """Union of the places that all readers found."""
    lines: list[Place] = _text_layer_lines(text_layer)
    for reader in readers:
        more = reader.find(pixels)
        added = joined_places([p.box for p in lines], [p.box for p in more])
        taken_in = {k for _, parts in added for k in parts}
        lines = [line for k, line in enumerate(lines) if k not in taken_in] + [more[i] for i, _ in added]
    return [p for p in lines if p.box.width_px >= 3 and p.box.height_px >= 5]


def _text_layer_lines(words: Sequence[Reading]) -> list[Place]:
    """Words of a text layer joined into lines at gaps under a line height."""
    boxes = [w.box for w in words]
    lines: list[Box] = []
    for i in reading_order(boxes):
        box = boxes[i]
        last = lines[-1] if lines else None
        if (
            last is not None
            and abs(last.centre_y2 - box.centre_y2) < box.height_px
            and -box.height_px <= box.x0 - last.x1 <= box.height_px
        ):
            lines[-1] = last.union(box)
        else:
            lines.append(box)
    return [Place(b) for b in lines]


def _lines_of_ink(mask: Mask) -> list[Place]:
    """Lines by ink alone, for pages that no machine reads."""
    joined = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 25), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    boxes = [
        Box(max(0, int(x) - 2), max(0, int(y) - 2), int(x + w) + 2, int(y + h) + 2)
        for x, y, w, h, area in stats[1:]
        if h >= 6 and w >= 3 and area >= 12 and w < 40 * h
    ]
    usual = line_height_px([b for b in boxes if b.width_px > b.height_px])
    return [Place(b) for b in boxes if b.height_px <= 3 * usual]


def _parts(
    grey: Grey, mask: Mask, lines: Sequence[Place], tables: Sequence[TableGrid], *, anywhere: bool
) -> list[_Part]:
    """Lines split at gaps and ruled lines, empty and unread cells added, marks that nobody found added.

    anywhere  seek such marks on the whole page, else only beside text: till rolls are full of creases and dotted rules
    """
    parts: list[_Part] = []
    for number, line in enumerate(lines):
        for piece in _split_at_rules(line, tables):
            for small in _split_at_gaps(grey, piece):
                table_no, cell = _cell_at(small.box, tables)
                parts.append(_Part(small, number, table_no, cell))
    number = len(lines)
    line_px = line_height_px([p.place.box for p in parts])
    for table in tables:
        filled = {(p.cell.row, p.cell.col) for p in parts if p.cell is not None and p.table_no == table.table_no}
        for cell in table.cells:
            if (cell.row, cell.col) in filled:
                continue
            ink = tight_box(mask, cell.box, edge_px=max(3, line_px // 6))
            place = Place(cell.box if ink is None else ink)
            parts.append(_Part(place, number, table.table_no, cell, from_ink=ink is not None, empty=ink is None))
            number += 1
    known = [p.place.box for p in parts]
    sought = mask if anywhere else faint_ink_mask(grey)
    for box in unseen_ink(sought, known + [t.box for t in tables], line_px=line_px):
        if anywhere or beside_text(box, known):
            parts.append(_Part(Place(box), number, from_ink=True))
            number += 1
    return parts


def _split_at_rules(line: Place, tables: Sequence[TableGrid]) -> list[Place]:
    """A place cut where it crosses the left edge of a cell of its own row."""
    box = line.box
    middle = box.centre_y2 // 2
    edges = sorted(
        {
            cell.box.x0
            for table in tables
            for cell in table.cells
            if cell.box.y0 <= middle < cell.box.y1
            and box.x0 + box.height_px * 2 // 5 < cell.box.x0 < box.x1 - box.height_px * 2 // 5
        }
    )
    if not edges:
        return [line]
    bounds = [box.x0, *edges, box.x1]
    width = max(1, box.width_px)
    return [
        _part_of(line, (a - box.x0) * 10_000 // width, (b - box.x0) * 10_000 // width)
        for a, b in itertools.pairwise(bounds)
    ]


def _split_at_gaps(grey: Grey, line: Place) -> list[Place]:
    crop = crop_of(np.repeat(grey[:, :, None], 3, axis=2) if line.corners is not None else grey[:, :, None], line)
    if crop.shape[1] < 2 * crop.shape[0]:
        return [line]
    segments = segments_of(line_ink(np.ascontiguousarray(crop[:, :, 0])))
    if len(segments) == 1:
        return [line]
    return [_part_of(line, s.start_bp, s.end_bp) for s in segments]


def _part_of(line: Place, start_bp: int, end_bp: int) -> Place:
    """The part of a place between two shares of its width."""
    if line.corners is None:
        box, width = line.box, line.box.width_px
        return Place(Box(box.x0 + start_bp * width // 10_000, box.y0, box.x0 + end_bp * width // 10_000, box.y1))
    a, b = start_bp / 10_000, end_bp / 10_000
    top, bottom = line.corners[1] - line.corners[0], line.corners[2] - line.corners[3]
    return place_of(
        np.array(
            [
                line.corners[0] + a * top,
                line.corners[0] + b * top,
                line.corners[3] + b * bottom,
                line.corners[3] + a * bottom,
            ],
            np.float32,
        )
    )


def _cell_at(box: Box, tables: Sequence[TableGrid]) -> tuple[int | None, TableCell | None]:
    x, y = box.centre_x2 // 2, box.centre_y2 // 2
    for table in tables:
        for cell in table.cells:
            if cell.box.x0 <= x < cell.box.x1 and cell.box.y0 <= y < cell.box.y1:
                return table.table_no, cell
    return None, None


def _read_parts(
    pixels: Pixels, grey: Grey, parts: Sequence[_Part], readers: Sequence[Reader], text_layer: Sequence[Reading]
) -> list[Spot]:
    readable = [i for i, p in enumerate(parts) if not p.empty]
    places = [_with_margin(parts[i], pixels) for i in readable]
    readings: dict[int, list[Reading]] = {i: [] for i in range(len(parts))}
    for reader in readers:
        for i, reading in zip(readable, reader.recognise(pixels, places), strict=True):
            readings[i].append(_said_of(reading, parts[i].place.box))
    for i in readable:
        box = parts[i].place.box
        words = [w for w in text_layer if _centre_in(w.box, box)]
        if words:
            text = " ".join(words[k].text for k in reading_order([w.box for w in words]))
            readings[i].append(Reading(TEXT_LAYER_READER, text, 10_000, box, 10_000))
    line_px = line_height_px([p.place.box for p in parts if not p.from_ink and not p.empty])
    spots = []
    for i, part in enumerate(parts):
        box = part.place.box
        if part.from_ink and part.cell is not None and _looks_like_dash(box, line_px):
            readings[i].append(Reading(INK_READER, "-", 9_900, box, 9_900))
        elif part.from_ink and part.cell is None and readers and not any(r.text for r in readings[i]):
            continue  # a speck, a stain, part of an ornament: nobody reads anything in it
        cell = part.cell
        spots.append(
            Spot(
                box=box,
                readings=tuple(readings[i]),
                line_group=part.line,
                table_no=part.table_no,
                row=cell.row if cell else None,
                col=cell.col if cell else None,
                row_end=cell.row_end if cell else None,
                col_end=cell.col_end if cell else None,
                empty=part.empty,
                glyphs=0 if part.empty else glyphs_of(line_ink(_upright(grey, box))),
            )
        )
    return spots


def _with_margin(part: _Part, pixels: Pixels) -> Place:
    """Ink boxes are tight; a recogniser wants a little paper around the glyphs, and a dash its line's height."""
    if not part.from_ink:
        return part.place
    box = part.place.box
    pad = max(3, box.height_px // 4)
    if box.height_px * 2 < box.width_px:
        pad = max(pad, box.width_px // 2)
    return Place(box.padded(pad, width_px=pixels.shape[1], height_px=pixels.shape[0]))


def _upright(grey: Grey, box: Box) -> Grey:
    return np.ascontiguousarray(grey[box.y0 : box.y1, max(0, box.x0 - 2) : box.x1 + 2])


def _looks_like_dash(box: Box, line_px: int) -> bool:
    return box.width_px >= 2 * box.height_px and box.height_px <= line_px // 3 and box.width_px <= 2 * line_px


def _centre_in(inner: Box, outer: Box) -> bool:
    x, y = inner.centre_x2 // 2, inner.centre_y2 // 2
    return outer.x0 <= x < outer.x1 and outer.y0 <= y < outer.y1


def _said_of(reading: Reading, box: Box) -> Reading:
    """The reading, said of another box."""
    return Reading(reading.reader, reading.text, reading.confidence_bp, box, reading.weakest_bp)
