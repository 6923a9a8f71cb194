"""Finds ruled tables: their rows, columns and merged cells, from the lines drawn on the page.

Rules kept here
- Only lines that are drawn count; nothing is guessed from white space.
- A grid needs at least two rows, two columns and four cells, so that a frame around a page is no table.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import pairwise

from ..model import Box, TableCell, TableGrid

_ByRows = Mapping[tuple[int, int], TableCell]
"""First and last row -> the cell there."""

_APART_PERMILLE = 1_500
"""Texts of one merged cell this many line heights apart, over different columns, are headings of those columns."""


def ruled_tables(page_png: bytes, *, page_no: int) -> tuple[TableGrid, ...]:
    """The ruled grids of a page, top to bottom."""
    from img2table.document import Image  # type: ignore[import-untyped]  # no types; heavy, so loaded only here

    document = Image(src=io.BytesIO(page_png), detect_rotation=False)
    found = document.extract_tables(implicit_rows=False, implicit_columns=False, borderless_tables=False)
    grids: list[TableGrid] = []
    for table in sorted(found, key=lambda t: (t.bbox.y1, t.bbox.x1)):
        spans: dict[tuple[int, int, int, int], list[tuple[int, int]]] = {}
        for row_no, row in table.content.items():
            for col_no, cell in enumerate(row):
                key = (cell.bbox.x1, cell.bbox.y1, cell.bbox.x2, cell.bbox.y2)
                spans.setdefault(key, []).append((row_no, col_no))
        cells = tuple(
            TableCell(
                row=min(r for r, _ in places),
                col=min(c for _, c in places),
                row_end=max(r for r, _ in places),
                col_end=max(c for _, c in places),
                box=Box(*(int(v) for v in key)),
            )
            for key, places in sorted(spans.items(), key=lambda item: min(item[1]))
        )
        rows = max(c.row_end for c in cells) + 1
        cols = max(c.col_end for c in cells) + 1
        if rows < 2 or cols < 2 or len(cells) < 4:
            continue
        box = Box(int(table.bbox.x1), int(table.bbox.y1), int(table.bbox.x2), int(table.bbox.y2))
        grids.append(TableGrid(len(grids), page_no, box, rows, cols, cells))
    return tuple(grids)


def without_strokes(grid: TableGrid, lines: Sequence[Box]) -> TableGrid:
    """The grid without columns that only the stroke of a letter parts.

    On a small, noisy scan an l or a bar can be taken for a rule as high as its row. Such an edge runs through the
    middle of a text wherever it stands, and stands in few rows; the edge of a column runs beside the texts of most.

    lines  boxes of the text found on the page
    """
    cells = grid.cells
    for col in range(grid.cols - 2, -1, -1):
        left = {(c.row, c.row_end): c for c in cells if c.col_end == col}
        right = {(c.row, c.row_end): c for c in cells if c.col == col + 1}
        rows = sum(row_end - row + 1 for row, row_end in left)
        if left.keys() != right.keys() or 4 * rows > grid.rows:
            continue
        if all(any(_runs_through(cell.box, text) for text in lines) for cell in left.values()):
            cells = tuple(_joined(c, left, right, col) for c in cells if c.col != col + 1)
    cols = max(c.col_end for c in cells) + 1
    return TableGrid(grid.table_no, grid.page_no, grid.box, grid.rows, cols, cells) if cols < grid.cols else grid


def _runs_through(cell: Box, text: Box) -> bool:
    """Whether the right edge of a cell runs through a text that stands in its row, well inside it on both sides."""
    inside = min(cell.x1 - text.x0, text.x1 - cell.x1)
    middle_y = text.centre_y2 // 2
    return cell.y0 <= middle_y < cell.y1 and 2 * inside >= text.height_px


def _joined(cell: TableCell, left: _ByRows, right: _ByRows, col: int) -> TableCell:
    """The cell in a grid whose columns ``col`` and ``col + 1`` are one; a left cell takes in its right neighbour."""
    end, box = cell.col_end, cell.box
    if left.get((cell.row, cell.row_end)) is cell:
        other = right[cell.row, cell.row_end]
        end, box = other.col_end, Box(box.x0, box.y0, other.box.x1, box.y1)
    return TableCell(cell.row, cell.col - (cell.col > col), cell.row_end, end - (end > col), box)


def parted(grid: TableGrid, lines: Sequence[Box]) -> TableGrid:
    """The grid with merged cells parted where they hold several headings side by side.

    Headings often stand over groups of columns without a rule between them. Each text gets the columns it stands over,
    columns over which nothing stands become empty cells of their own.

    lines  boxes of the text found on the page
    """
    cells: list[TableCell] = []
    for cell in grid.cells:
        inside = [b for b in lines if _middle_in(b, cell.box)] if cell.col_end > cell.col else []
        cells.extend(_parts_of(cell, inside, _edges_of(grid)))
    return TableGrid(grid.table_no, grid.page_no, grid.box, grid.rows, grid.cols, tuple(cells))


def _edges_of(grid: TableGrid) -> dict[int, tuple[int, int]]:
    """column -> its left and right edge, from the narrowest cell in it."""
    edges: dict[int, tuple[int, int]] = {}
    for cell in grid.cells:
        if cell.col == cell.col_end and cell.col not in edges:
            edges[cell.col] = (cell.box.x0, cell.box.x1)
    return edges


def _parts_of(cell: TableCell, inside: Sequence[Box], edges: dict[int, tuple[int, int]]) -> list[TableCell]:
    ordered = sorted(inside, key=lambda b: b.x0)
    columns = range(cell.col, cell.col_end + 1)
    if len(ordered) < 2 or any(column not in edges for column in columns):
        return [cell]
    apart = all(
        1000 * (right.x0 - left.x1) >= _APART_PERMILLE * max(left.height_px, right.height_px)
        for left, right in pairwise(ordered)
    )
    owner = {
        column: next((n for n, b in enumerate(ordered) if _stands_over(b, edges[column])), None) for column in columns
    }
    owned = [[c for c in columns if owner[c] == n] for n in range(len(ordered))]
    if not apart or not all(owned):
        return [cell]
    groups: list[list[int]] = []
    for column in columns:
        if groups and owner[column] is not None and owner[groups[-1][-1]] == owner[column]:
            groups[-1].append(column)
        else:
            groups.append([column])
    return [
        TableCell(cell.row, g[0], cell.row_end, g[-1], Box(edges[g[0]][0], cell.box.y0, edges[g[-1]][1], cell.box.y1))
        for g in groups
    ]


def _stands_over(box: Box, edge: tuple[int, int]) -> bool:
    shared = min(box.x1, edge[1]) - max(box.x0, edge[0])
    return shared * 5 >= min(box.width_px, edge[1] - edge[0])


def _middle_in(inner: Box, outer: Box) -> bool:
    x, y = inner.centre_x2 // 2, inner.centre_y2 // 2
    return outer.x0 <= x < outer.x1 and outer.y0 <= y < outer.y1
