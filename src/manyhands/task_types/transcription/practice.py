"""Practice in typing what a cutting shows: one piece for each rule of the guide, then six that are measured.

Rules kept here
- Texts are made up from parts; none comes from anybody's document.
- What makes a piece hard is drawn: faint ink, a neighbour's letters at the edge, a blot that nobody can read.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..base import Answer, Question
from ..practising import LESSONS, PIECES, PracticePiece

_SHOPS = ("Kedai Maju", "Casa Luna", "Blue Door Books", "Horno del Sol", "Northgate Tools", "Green Leaf Tea")
_NOUNS = ("Total", "Subtotal", "Cash", "Change", "Discount", "Rounding")
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"

_WHY: Mapping[str, Mapping[str, str]] = {
    "point": {
        "en": "Every digit and the point are kept: without the point the amount is a hundred times as much.",
        "es": "Se conservan todas las cifras y el punto: sin el punto el importe es cien veces mayor.",
    },
    "minus": {
        "en": "The minus belongs to the amount: without it a refund becomes a sale.",
        "es": "El signo menos es parte del importe: sin él, una devolución se vuelve una venta.",
    },
    "edge": {
        "en": "The cut-off letters at the edge belong to a neighbour's cutting. They are left out.",
        "es": "Las letras cortadas del borde son del recorte vecino. No se escriben.",
    },
    "blot": {
        "en": "Nobody can read this. “Cannot read” is the honest answer and is paid like any other.",
        "es": "Nadie puede leer esto. «No se lee» es la respuesta honesta y se paga como cualquier otra.",
    },
    "empty": {
        "en": "Nothing stands here, a speck of dust is nothing. The button “Nothing there” says so.",
        "es": "Aquí no hay nada; una mota de polvo no es nada. Para eso está el botón «No hay nada».",
    },
    "date": {
        "en": "A date is copied as it is written, in its own order and with its own signs.",
        "es": "Una fecha se copia tal como está escrita, en su orden y con sus signos.",
    },
    "code": {
        "en": "Codes are copied sign by sign: nought is not O, and one is not I.",
        "es": "Los códigos se copian signo por signo: el cero no es la O y el uno no es la I.",
    },
    "text": {
        "en": "Words are copied as they stand. Capitals and the number of blanks do not matter.",
        "es": "Las palabras se copian como están. Las mayúsculas y los espacios de más no importan.",
    },
    "faint": {
        "en": "Faint ink can still be read: look twice before you press “Cannot read”.",
        "es": "La tinta débil todavía se puede leer: mire dos veces antes de pulsar «No se lee».",
    },
    "dash": {
        "en": "A lone dash is typed as a minus sign. It is not empty.",
        "es": "Una raya sola se escribe como signo menos. No es un recorte vacío.",
    },
}
_LESSON_KINDS = ("point", "edge", "empty", "blot")
_MEASURED_KINDS = ("minus", "date", "code", "text", "faint", "dash", "point", "edge", "code", "text")


@dataclass(frozen=True)
class _Drawn:
    piece: PracticePiece
    shown: str
    kind: str


def _made(kind: str, chance: random.Random, *, counts: bool) -> _Drawn:
    """One piece of its kind, with what is printed on it."""
    amount = f"{chance.randint(1, 980)}.{chance.randint(0, 99):02d}"
    question, shown = "text", ""
    match kind:
        case "point":
            question, shown = "amount", amount
        case "minus":
            question, shown = "amount", f"-{amount}"
        case "date":
            question, shown = (
                "date",
                f"{chance.randint(1, 28):02d}/{chance.randint(1, 12):02d}/{chance.randint(15, 26)}",
            )
        case "code":
            letters = "".join(chance.choice(_LETTERS) for _ in range(2))
            question, shown = "code", f"{letters}0{chance.randint(10_000, 99_999)}"
        case "text" | "edge":
            shown = f"{chance.choice(_SHOPS)} {chance.randint(2, 99)}"
        case "faint":
            shown = f"{chance.choice(_NOUNS)} {amount}"
        case "dash":
            shown = "-"
        case "blot":
            question, shown = "amount", amount
    answer: Answer = None if kind == "blot" else shown
    asked = Question("Type what you see", question, expected_chars=len(shown))
    return _Drawn(PracticePiece(asked, answer, _WHY[kind], counts), shown, kind)


@lru_cache(maxsize=256)
def _drawn(seed: str) -> tuple[_Drawn, ...]:
    # the hash of a text is another in each process: chance grows from its digest
    chance = random.Random(hashlib.sha256(seed.encode()).digest())  # noqa: S311 - nothing is kept secret by it
    lessons = [_made(kind, chance, counts=False) for kind in _LESSON_KINDS[:LESSONS]]
    kinds = chance.sample(_MEASURED_KINDS, PIECES - LESSONS)
    return (*lessons, *(_made(kind, chance, counts=True) for kind in kinds))


class TranscriptionPractice:
    """See `practising.Practice`."""

    version = "1"

    def pieces(self, seed: str) -> Sequence[PracticePiece]:
        """Four lessons, then six measured pieces of kinds drawn by the seed."""
        return tuple(one.piece for one in _drawn(seed))

    def draw(self, seed: str, place: int, language: str = "en") -> bytes:
        """The cutting of one piece, the same in every language. raises IndexError for a place that does not exist"""
        from PIL import Image, ImageDraw, ImageFilter, ImageFont  # heavy, and wanted by those who practise alone

        one = _drawn(seed)[place]
        chance = random.Random(f"{seed}/{place}")  # noqa: S311 - specks and blots
        font = ImageFont.load_default(size=26)
        left_px = 34 if one.kind == "edge" else 12
        width_px = max(150, left_px + int(font.getlength(one.shown)) + 22)
        image = Image.new("L", (width_px, 48), 246)
        ink = ImageDraw.Draw(image)
        shade = 178 if one.kind == "faint" else 38
        if one.kind != "empty":
            ink.text((left_px, 8), one.shown, fill=shade, font=font)
        if one.kind == "edge":
            ink.text((-9, 8), "gs", fill=60, font=font)
        if one.kind == "blot":
            for _ in range(46):
                x, y = chance.randint(4, width_px - 6), chance.randint(6, 40)
                ink.ellipse((x - 9, y - 6, x + 9, y + 6), fill=chance.randint(40, 90))
        for _ in range(width_px // 4):
            ink.point((chance.randrange(width_px), chance.randrange(48)), fill=chance.randint(150, 225))
        image = image.rotate(chance.uniform(-0.8, 0.8), fillcolor=246, resample=Image.Resampling.BILINEAR)
        buffer = io.BytesIO()
        image.filter(ImageFilter.GaussianBlur(0.5)).save(buffer, "PNG")
        return buffer.getvalue()


PRACTICE = TranscriptionPractice()
