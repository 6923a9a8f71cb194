"""Finds ruled tables: their rows, columns and merged cells, from the lines drawn on the page.

Rules kept here
- Only lines that are drawn count; nothing is guessed from white space.
- A grid needs at least two rows, two columns and four cells, so that a frame around a page is no table.
"""

from __future__ import annotations

import io

from ..model import Box, TableCell, TableGrid


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
