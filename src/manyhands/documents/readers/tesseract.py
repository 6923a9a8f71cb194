"""Tesseract as a reader: the system's program, asked line by line through its standard input and output.

Rules kept here
- Nothing is fetched: program and language data come from the system's package, or the reader is refused by name.
- One thread, a time limit per page, and pixels only: no file of a stranger's making reaches the program.
- Only the alphabet of the job's languages may be answered; words join to one reading per place.

Source: tesseract(1); TSV output, column 11 = confidence 0..100, column 12 = text.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

import cv2
import numpy as np

from ..layout import WIDE_GAP_PERMILLE
from ..model import Box, Reading
from .base import Pixels, Place, ReaderError, ReaderNotInstalled
from .onnx_text import crop_of

_CURE = "the program tesseract (apt-get install tesseract-ocr)"
_PAGE_SECONDS = 60
_LINE_PX = 48
_GAP_PX = 40
_DATA_OF = {"en": "eng", "de": "deu", "fr": "fra", "nl": "nld", "it": "ita", "es": "spa", "pt": "por", "ms": "msa",
            "sv": "swe", "da": "dan", "no": "nor", "fi": "fin", "pl": "pol", "cs": "ces"}  # fmt: skip


class TesseractFailed(ReaderError):
    """The program stopped or took too long. Leave the reader out, or install its language data."""


class TesseractReader:
    """Finds lines on a page and reads places, all in one call of the program each."""

    name = "tesseract"

    def __init__(self, languages: tuple[str, ...], *, alphabet: frozenset[str]) -> None:
        """raises  ReaderNotInstalled when program or any of the languages' data is missing"""
        program = shutil.which("tesseract")
        if program is None:
            raise ReaderNotInstalled(name=self.name, missing=_CURE)
        self._program, self._alphabet = program, alphabet
        listed = self._run(["--list-langs"], b"").split()
        have = [_DATA_OF[one] for one in languages if _DATA_OF.get(one) in listed]
        if not have:
            wanted = ", ".join(f"tesseract-ocr-{_DATA_OF.get(one, one)}" for one in languages)
            raise ReaderNotInstalled(name=self.name, missing=f"language data (one of {wanted})")
        self._languages = "+".join(dict.fromkeys(have))

    def find(self, page: Pixels) -> list[Place]:
        """Parts of lines: words of one line in the program's own layout, joined up to the first wide gap.

        The program takes label and amount at the two edges of a receipt for one line; a box around both, mostly paper,
        would not be known again for the two that another reader found.
        """
        lines: dict[tuple[str, ...], list[Box]] = {}
        for row in self._tsv(page, mode=4):
            if row[0] == "5" and row[11].strip():
                x, y, w, h = (int(v) for v in row[6:10])
                lines.setdefault(tuple(row[1:5]), []).append(Box(x, y, x + w, y + h))
        return [Place(box) for words in lines.values() for box in _without_wide_gaps(words)]

    def recognise(self, page: Pixels, places: Sequence[Place]) -> list[Reading]:
        """One reading per place, in order: the places are stacked into one tall picture, one under the other."""
        if not places:
            return []
        rows = [self._row_of(page, place) for place in places]
        width = max(row.shape[1] for row in rows) + 2 * _GAP_PX
        pitch = _LINE_PX + _GAP_PX
        sheet = np.full((pitch * len(rows) + _GAP_PX, width), 255, np.uint8)
        for number, row in enumerate(rows):
            top = _GAP_PX + number * pitch
            sheet[top : top + _LINE_PX, _GAP_PX : _GAP_PX + row.shape[1]] = row
        words: list[list[tuple[int, str, int]]] = [[] for _ in places]
        for word in self._tsv(sheet, mode=6):
            text = "".join(c for c in word[11] if c in self._alphabet).strip()
            if word[0] != "5" or not text:
                continue
            middle = int(word[7]) + int(word[9]) // 2
            number = (middle - _GAP_PX // 2) // pitch
            if 0 <= number < len(places):
                words[number].append((int(word[6]), text, round(float(word[10]) * 100)))
        return [self._joined(sorted(said), place) for said, place in zip(words, places, strict=True)]

    def _joined(self, said: list[tuple[int, str, int]], place: Place) -> Reading:
        sure = [max(0, confidence) for _, _, confidence in said]
        text = " ".join(word for _, word, _ in said)
        mean = sum(sure) // len(sure) if sure else 0
        return Reading(self.name, text, mean, place.box, min(sure, default=0))

    @staticmethod
    def _row_of(page: Pixels, place: Place) -> Pixels:
        crop = crop_of(page, place)
        grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if crop.ndim == 3 and crop.shape[2] == 3 else crop
        width = max(4, min(4_000, round(grey.shape[1] * _LINE_PX / max(1, grey.shape[0]))))
        return np.asarray(cv2.resize(grey, (width, _LINE_PX), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)

    def _tsv(self, picture: Pixels, *, mode: int) -> list[list[str]]:
        done, png = cv2.imencode(".png", picture)
        if not done:
            raise TesseractFailed("a page could not be handed to tesseract")
        out = self._run(["-", "-", "-l", self._languages, "--psm", str(mode), "tsv"], png.tobytes())
        rows = [line.split("\t") for line in out.splitlines()[1:]]
        return [row for row in rows if len(row) == 12]

    def _run(self, arguments: list[str], given: bytes) -> str:
        try:
            done = subprocess.run(  # the system's own program; what it reads are our pixels
                [self._program, *arguments],
                input=given,
                capture_output=True,
                timeout=_PAGE_SECONDS,
                check=True,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )
        except (subprocess.SubprocessError, OSError) as problem:
            raise TesseractFailed(f"tesseract stopped ({type(problem).__name__}): leave the reader out") from problem
        return done.stdout.decode("utf-8", "replace")


def _without_wide_gaps(words: Sequence[Box]) -> list[Box]:
    """Neighbours of a line joined, parted where a gap is wide for its height.

    >>> _without_wide_gaps([Box(0, 0, 40, 20), Box(200, 0, 240, 20), Box(45, 0, 60, 20)])
    [Box(x0=0, y0=0, x1=60, y1=20), Box(x0=200, y0=0, x1=240, y1=20)]
    """
    joined: list[Box] = []
    for box in sorted(words, key=lambda one: one.x0):
        high = max(box.height_px, joined[-1].height_px) if joined else 0
        if joined and (box.x0 - joined[-1].x1) * 1_000 <= WIDE_GAP_PERMILLE * high:
            joined[-1] = joined[-1].union(box)
        else:
            joined.append(box)
    return joined
