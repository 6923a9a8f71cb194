"""What a machine reader must be able to do, and the errors of the family.

Rules kept here
- A reader finds places and reads them; it never decides whether it is believed.
- A reader loads only what its wheel or system package brought; nothing is fetched while it runs.
- Pixels come in as numpy arrays, rows x columns x 3 (blue, green, red), values 0..255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..model import Box, Reading

Pixels = NDArray[np.uint8]
Corners = NDArray[np.float32]
"""Four corners (x, y) of a text line, clockwise from its top left, in page pixels; shape (4, 2)."""


class ReaderError(Exception):
    """A machine reader cannot be used. People can still key everything: choose ``readers=()``."""


class UnknownReader(ReaderError):
    """No reader has this name. Choose one of ``known``."""

    def __init__(self, *, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(f"no reader is called {name!r}: choose from {', '.join(known)}, or none")


class ReaderNotInstalled(ReaderError):
    """The package or model of a reader is not on this machine. Install it or leave the reader out."""

    def __init__(self, *, name: str, missing: str) -> None:
        self.name, self.missing = name, missing
        super().__init__(f"reader {name!r} needs {missing}, which is not installed: install it or leave the reader out")


@dataclass(frozen=True)
class Place:
    """Where a reader saw text: its upright box and, when the line is tilted, its four corners."""

    box: Box
    corners: Corners | None = None


class Reader(Protocol):
    """One machine reader. It is made once per worker process and used for many pages, one at a time."""

    @property
    def name(self) -> str:
        """Short name that stands in records, e.g. ``ppocr6``."""

    def find(self, page: Pixels) -> list[Place]:
        """Where text stands on the page."""

    def recognise(self, page: Pixels, places: Sequence[Place]) -> list[Reading]:
        """One reading per place, in order; the text is empty where the reader sees nothing."""


def read(reader: Reader, page: Pixels) -> list[Reading]:
    """Finds and recognises in one go, dropping places where nothing was read."""
    return [r for r in reader.recognise(page, reader.find(page)) if r.text]
