"""Practice on made-up pages: rows of a receipt, a report or a statement, drawn anew for each worker.

Rules kept here
- Names and figures are made up from parts; none comes from anybody's document.
- A page holds the same rows at the same heights in every language, so that one mark is right in all of them.
- Words on a page have no accents: the typeface that Pillow brings draws none.
- What is right follows from the rule that the piece teaches, and the reason says that rule.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .base import Answer, Question, TaskType
from .practising import LESSONS, PIECES, PracticePiece

WIDTH_PX = 520
ROW_PX = 36
MARGIN_PX = 22
TAG_PX = 56
_LETTERS_PX = 20

SHOPS = ("Kedai Maju", "Casa Luna", "Blue Door Books", "Horno del Sol", "Northgate Tools", "Green Leaf Tea")
STREETS = ("Mill Lane", "Calle Mayor", "Jalan Besar", "Station Road", "Avenida del Puerto")
TOWNS = ("45600 Batang", "46011 Valencia", "LS2 8JT Leeds", "29001 Cartama")

Said = Mapping[str, str]
"""Language -> words."""


def said(en: str, es: str | None = None) -> Said:
    """Words in both languages; the same in both where one is given."""
    return {"en": en, "es": en if es is None else es}


@dataclass(frozen=True)
class Cell:
    """Words of a row. x: where they begin, thousandths of the row; negative = where they end. blot: not to be read."""

    x: int
    words: Said
    blot: bool = False


@dataclass(frozen=True)
class Row:
    """One row of a page. number: the place's number before it, 0 = none. strong: larger, as a heading."""

    cells: tuple[Cell, ...]
    number: int = 0
    strong: bool = False


@dataclass(frozen=True)
class Sheet:
    """A piece and what is drawn for it. asked, form, together: see `PracticePiece`."""

    question: Question
    asked: Said
    right: Answer
    rows: tuple[Row, ...]
    width_px: int = WIDTH_PX
    form: str = ""
    together: TaskType | None = None


def line(label: Said, value: str | Said = "", *, number: int = 0, blot: bool = False, strong: bool = False) -> Row:
    """A label at the left and what belongs to it at the right."""
    told = said(value) if isinstance(value, str) else value
    cells = (Cell(0, label), *((Cell(-1000, told, blot),) if told["en"] else ()))
    return Row(cells, number, strong)


def mark_of(rows: Sequence[Row], place: int) -> str:
    """Where a row stands, as a mark tells it: thousandths of the page, left, top, right, bottom.

    >>> mark_of([line(said("a")), line(said("b"))], 1)
    '42 500 958 810'
    """
    height_px = 2 * MARGIN_PX + ROW_PX * len(rows)
    top_px = MARGIN_PX + ROW_PX * place
    side = round(1000 * MARGIN_PX / WIDTH_PX)
    return f"{side} {round(1000 * top_px / height_px)} {1000 - side} {round(1000 * (top_px + ROW_PX) / height_px)}"


def amount(minor: int) -> Said:
    """An amount with two decimals as each language writes it.

    >>> amount(123456)
    {'en': '1,234.56', 'es': '1.234,56'}
    """
    english = f"{minor / 100:,.2f}"
    return said(english, english.translate(str.maketrans(",.", ".,")))


def count(number: int) -> Said:
    """A whole number as each language writes it.

    >>> count(4240)
    {'en': '4,240', 'es': '4.240'}
    """
    return said(f"{number:,}", f"{number:,}".replace(",", "."))


def chance_of(seed: str) -> random.Random:
    """Chance that is the same in every process: the hash of a text is another in each."""
    return random.Random(hashlib.sha256(seed.encode()).digest())  # noqa: S311 - nothing is kept secret by it


class DrawnPractice:
    """See `practising.Practice`. A folder makes one with its own rules, reasons and pages."""

    def __init__(
        self,
        *,
        version: str,
        lessons: Sequence[str],
        measured: Sequence[str],
        why: Mapping[str, Said],
        make: Callable[[str, random.Random], Sheet],
    ) -> None:
        """lessons, measured: rules by name; of the measured as many are drawn as count. make: a page for a rule"""
        if len(lessons) != LESSONS or len(measured) < PIECES - LESSONS:
            raise ValueError(f"a practice has {LESSONS} lessons and {PIECES - LESSONS} or more measured rules")
        self.version = version
        self._lessons, self._measured, self._why, self._make = tuple(lessons), tuple(measured), why, make
        self._sheets = lru_cache(maxsize=256)(self._drawn)

    def _drawn(self, seed: str) -> tuple[tuple[str, Sheet], ...]:
        chance = chance_of(seed)
        rules = (*self._lessons, *chance.sample(self._measured, PIECES - LESSONS))
        return tuple((rule, self._make(rule, chance)) for rule in rules)

    def pieces(self, seed: str) -> Sequence[PracticePiece]:
        """Four lessons, then six measured pieces whose rules are drawn by the seed."""
        return tuple(
            PracticePiece(
                sheet.question, sheet.right, self._why[rule], place >= LESSONS, sheet.asked, sheet.form, sheet.together
            )
            for place, (rule, sheet) in enumerate(self._sheets(seed))
        )

    def draw(self, seed: str, place: int, language: str = "en") -> bytes:
        """The page of one piece. raises IndexError for a place that does not exist"""
        _, sheet = self._sheets(seed)[place]
        return drawn(sheet.rows, language, chance_of(f"{seed}/{place}"), width_px=sheet.width_px)


def drawn(rows: Sequence[Row], language: str, chance: random.Random, *, width_px: int = WIDTH_PX) -> bytes:
    """Rows as a grey picture, PNG."""
    from PIL import Image, ImageDraw, ImageFont  # heavy, and wanted by those who practise alone

    height_px = 2 * MARGIN_PX + ROW_PX * len(rows)
    image = Image.new("L", (width_px, height_px), 248)
    ink = ImageDraw.Draw(image)
    tagged = any(row.number for row in rows)
    left_px = MARGIN_PX + (TAG_PX if tagged else 0)
    wide_px = width_px - MARGIN_PX - left_px
    for place, row in enumerate(rows):
        top_px = MARGIN_PX + ROW_PX * place
        font = ImageFont.load_default(size=_LETTERS_PX + (4 if row.strong else 0))
        if row.number:
            ink.rectangle((MARGIN_PX, top_px + 3, MARGIN_PX + 36, top_px + ROW_PX - 5), outline=20, width=2)
            ink.text((MARGIN_PX + 18, top_px + ROW_PX // 2 - 1), str(row.number), fill=20, font=font, anchor="mm")
        for cell in row.cells:
            words = cell.words.get(language, cell.words["en"])
            x_px = left_px + round(wide_px * abs(cell.x) / 1000)
            begin_px = x_px - round(font.getlength(words)) if cell.x < 0 else x_px
            ink.text((begin_px, top_px + ROW_PX // 2), words, fill=36, font=font, anchor="lm")
            if cell.blot:
                for _ in range(38):
                    x, y = (
                        chance.randint(begin_px, begin_px + round(font.getlength(words))),
                        chance.randint(8, ROW_PX - 8),
                    )
                    ink.ellipse((x - 11, top_px + y - 7, x + 11, top_px + y + 7), fill=chance.randint(40, 90))
    for _ in range(width_px // 3):
        ink.point((chance.randrange(width_px), chance.randrange(height_px)), fill=chance.randint(150, 225))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
