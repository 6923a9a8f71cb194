"""What a task's ``question`` says: how to key a cutting, or which other task type asks and what about.

Rules kept here
- One word of ``FIELD_TYPES`` is a cutting to be keyed. Everything else begins with the word of its form, so that the
  tables, messages and pages that carry a question need to know no form at all.
- Whoever judges reads options and prompt from the question alone: an auditor needs nothing but the evidence.

>>> asked_of("amount") is None
True
>>> asked_of(which("total", 3)).question.options
('1', '2', '3', 'none of these')
>>> asked_of(claim("Scope 1 was 1,240 t")).task_type.name
'verify_claim'
>>> asked_of(read(("JALAN SAGU 18", "JALAN SAGU 1B"))).question.options
('JALAN SAGU 18', 'JALAN SAGU 1B', 'neither of these')
>>> [part.question.options for part in asked_of(several([which("company", 1), which("address", 1)])).parts]
[('1', 'none of these'), ('1', 'none of these')]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from manyhands.quality.fields import FIELD_TYPES

from .base import Question
from .choose_reading import NEITHER
from .choose_reading import TASK_TYPE as CHOOSE_READING
from .choosing import Choosing
from .field_choice import NONE, prompt_of
from .field_choice import TASK_TYPE as FIELD_CHOICE
from .reconcile import OPTIONS as MATCHES
from .reconcile import TASK_TYPE as RECONCILE
from .several import PARTS_MAX, Several
from .verify_claim import OPTIONS as VERDICTS
from .verify_claim import TASK_TYPE as VERIFY_CLAIM

PLACES_MAX = 20
"""Places that one picture numbers at most."""

QUESTION_CHARS_MAX = 600
SEVERAL_CHARS_MAX = 1_600
"""A question of several parts: four lines of an address with two readings each, 120 characters at most, are shorter."""


class BadQuestion(ValueError):
    """A question that cannot be asked. The sentence says why."""


@dataclass(frozen=True)
class Asked:
    """A question of another form than keying. parts: what it puts together, none where it asks one thing."""

    task_type: Choosing
    question: Question
    parts: tuple[Asked, ...] = ()


def which(field: str, places: int) -> str:
    """The question in which of so many numbered places a field stands. raises BadQuestion"""
    if not 1 <= places <= PLACES_MAX:
        raise BadQuestion(f"a picture numbers 1 to {PLACES_MAX} places, not {places}")
    return f"which {places} {_one_line(field)}"


def claim(text: str) -> str:
    """The question whether a page says so. raises BadQuestion"""
    return f"claim {_one_line(text)}"


def match(text: str) -> str:
    """The question whether a page has the counterpart of a line of a ledger. raises BadQuestion"""
    return f"match {_one_line(text)}"


READINGS_MAX = 4
"""Readings that are put side by side at most."""


def read(readings: Sequence[str]) -> str:
    """The question which of these readings a cutting shows, in the order given. raises BadQuestion"""
    told = [_one_line(text) for text in readings]
    if not 2 <= len(told) <= READINGS_MAX or len({*told, NEITHER}) != len(told) + 1:
        raise BadQuestion(f"a choice is between 2 to {READINGS_MAX} different readings")
    question = f"read {msgspec.json.encode(told).decode()}"
    if len(question) > QUESTION_CHARS_MAX:
        raise BadQuestion(f"a question has at most {QUESTION_CHARS_MAX} characters, this one has {len(question)}")
    return question


def _readings_in(rest: str) -> tuple[str, ...]:
    try:
        readings = msgspec.json.decode(rest, type=tuple[str, ...])
    except msgspec.DecodeError:
        readings = ()
    if not 2 <= len(readings) <= READINGS_MAX or len({*readings, NEITHER}) != len(readings) + 1:
        raise BadQuestion(f"{rest[:60]!r} holds no 2 to {READINGS_MAX} different readings")
    return readings


_TOGETHER = ("which", "read")
"""Forms of which several may be put together: their answers are short, and one picture can hold them."""


def several(questions: Sequence[str]) -> str:
    """Questions of one form about one picture, answered together. raises BadQuestion"""
    told = f"several {msgspec.json.encode(list(questions)).decode()}"
    _parts_in(told.partition(" ")[2])
    return told


def _parts_in(rest: str) -> tuple[Asked, ...]:
    try:
        questions = msgspec.json.decode(rest, type=tuple[str, ...])
    except msgspec.DecodeError:
        questions = ()
    forms = {question.partition(" ")[0] for question in questions}
    if not 2 <= len(questions) <= PARTS_MAX or len(forms) != 1 or not forms <= {*_TOGETHER}:
        raise BadQuestion(f"{rest[:60]!r} holds no 2 to {PARTS_MAX} questions of one form that can be put together")
    if len(rest) > SEVERAL_CHARS_MAX:
        raise BadQuestion(f"questions together have at most {SEVERAL_CHARS_MAX} characters, these have {len(rest)}")
    return tuple(asked for question in questions if (asked := asked_of(question)) is not None)


def questions_in(question: str) -> tuple[str, ...]:
    """The questions that one puts together; itself where it asks one thing."""
    word, _, rest = question.partition(" ")
    return msgspec.json.decode(rest, type=tuple[str, ...]) if word == "several" else (question,)


def asked_of(question: str) -> Asked | None:
    """What a question asks; None where a cutting is keyed.

    raises  BadQuestion for a word that no form has
    """
    word, _, rest = question.partition(" ")
    if not rest:
        return None
    match word:
        case "which":
            places, _, field = rest.partition(" ")
            if not (places.isdecimal() and 1 <= int(places) <= PLACES_MAX and field):
                raise BadQuestion(f"{question[:60]!r} names no field or no number of places")
            numbers = tuple(str(n) for n in range(1, int(places) + 1))
            return Asked(FIELD_CHOICE, Question(prompt_of(field), "text", (*numbers, NONE)))
        case "read":
            return Asked(CHOOSE_READING, CHOOSE_READING.question_of(_readings_in(rest)))
        case "several":
            parts = _parts_in(rest)
            together = Several([(part.task_type, part.question) for part in parts])
            return Asked(together, together.question, parts)
        case "claim":
            return Asked(VERIFY_CLAIM, Question(rest, "text", VERDICTS))
        case "match":
            return Asked(RECONCILE, Question(rest, "text", MATCHES))
    raise BadQuestion(f"no form of task is called {word!r}")


def compared_as(question: str) -> str:
    """The field type by which two answers are compared."""
    return question if question in FIELD_TYPES else "text"


def answer_type(question: str) -> str:
    """What kind of answer a question wants: a field type where a cutting is keyed, else the form that asks.

    raises  BadQuestion for a word that no form has

    >>> answer_type("amount"), answer_type(claim("Scope 1 was 1,240 t"))
    ('amount', 'verify_claim')
    """
    asked = asked_of(question)
    return compared_as(question) if asked is None else asked.task_type.name


def _one_line(text: str) -> str:
    told = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if not told or len(told) > QUESTION_CHARS_MAX:
        raise BadQuestion(f"a question has 1 to {QUESTION_CHARS_MAX} characters, this one has {len(told)}")
    return told
