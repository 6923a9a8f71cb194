"""Made-up choices between readings, one for each way in which readers err: for the practice of jobs that ask them.

Rules kept here
- No job asks for readings alone, so there is no practice of them alone: nobody would ever pay it. Jobs of fields ask
  them beside places, and so does the practice of those.
- Both readings are words that a reader could have given of the cutting; what makes one wrong is one sign or one word.
"""

from __future__ import annotations

import json
import random

from ..base import Answer
from ..drawn_practice import SHOPS, Cell, Row, Sheet, said
from . import NEITHER, TASK_TYPE

WHY = {
    "letter": said(
        "One letter is missing in the other reading. Every letter has to be there.",
        "A la otra lectura le falta una letra. Tienen que estar todas.",
    ),
    "alike": said(
        "A letter was taken for a sign that looks like it. The word tells which it is.",
        "Se tomó una letra por un signo parecido. La palabra dice cuál es.",
    ),
    "order": said(
        "Two letters have changed places in the other reading.",
        "En la otra lectura dos letras han cambiado de lugar.",
    ),
    "neither": said(
        "Both readings are wrong. “Neither of these” sends the cutting to somebody who types it.",
        "Las dos lecturas están mal. «Ninguna de estas» envía el recorte a quien lo escriba.",
    ),
}
_LOOKS_LIKE = {"o": "0", "l": "1", "i": "l", "e": "c", "a": "o", "u": "v", "n": "m"}
_TAILS = ("Market", "Corner", "Garden", "Station", "Harbour", "Square")
_WIDTH_PX = 400


def _without(text: str, chance: random.Random) -> str:
    place = chance.choice([n for n in range(1, len(text) - 1) if text[n].isalpha()])
    return text[:place] + text[place + 1 :]


def _mistaken(text: str, chance: random.Random) -> str:
    place = chance.choice([n for n, letter in enumerate(text) if letter in _LOOKS_LIKE])
    return text[:place] + _LOOKS_LIKE[text[place]] + text[place + 1 :]


def _turned(text: str, chance: random.Random) -> str:
    places = [n for n in range(1, len(text) - 1) if text[n] != text[n + 1] and text[n : n + 2].isalpha()]
    place = chance.choice(places)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def make(rule: str, chance: random.Random) -> Sheet:
    """A cutting and two readings. rule: one of `WHY`"""
    shown = f"{chance.choice(SHOPS)} {chance.choice(_TAILS)}"
    right: Answer = shown
    match rule:
        case "letter":
            readings = [shown, _without(shown, chance)]
        case "alike":
            readings = [shown, _mistaken(shown, chance)]
        case "order":
            readings = [shown, _turned(shown, chance)]
        case _:
            readings, right = [_mistaken(shown, chance), _turned(shown, chance)], NEITHER
    chance.shuffle(readings)
    question = f"read {json.dumps(readings, separators=(',', ':'))}"  # as tasks carry it, see `asked`
    row = Row((Cell(0, said(shown)),), strong=True)
    return Sheet(TASK_TYPE.question_of(readings), said(question), right, (row,), _WIDTH_PX, TASK_TYPE.name)
