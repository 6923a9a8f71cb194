"""Words of a line with their share of its box; hOCR and ALTO both want words."""

from __future__ import annotations

from ..model import Box, Line


def word_boxes(line: Line) -> list[tuple[str, Box]]:
    """Each word with a box, the line's width shared out by characters.

    >>> from ..model import Box, Line
    >>> word_boxes(Line(1, Box(0, 0, 90, 10), "AB CDEF", "people", None, 1, ()))
    [('AB', Box(x0=0, y0=0, x1=25, y1=10)), ('CDEF', Box(x0=38, y0=0, x1=90, y1=10))]
    """
    words = line.text.split()
    total = max(1, len(" ".join(words)))
    out, at = [], 0
    for word in words:
        x0 = line.box.x0 + line.box.width_px * at // total
        x1 = line.box.x0 + line.box.width_px * (at + len(word)) // total
        out.append((word, Box(x0, line.box.y0, max(x0 + 1, x1), line.box.y1)))
        at += len(word) + 1
    return out
