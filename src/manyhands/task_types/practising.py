"""Practice: known pieces of a kind of work, each with the reason why its answer is right, made anew for every worker.

Rules kept here
- A kind of work that has practice brings a module `practice` in its folder with one `PRACTICE`; nothing else names it.
- The pieces follow from a seed. A worker who comes back finds the same ones, and another worker finds others: a list of
  answers that goes round is worth nothing.
- The first pieces are lessons and count for nothing. The others are measured, each a quarter of a known piece in work.
- Every reason is there in every language of the site.

>>> from manyhands.task_types import task_type
>>> practice_of("transcription").version, learning_times(task_type("transcription")).practice_ms > 60_000
('1', True)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import Protocol

from .base import Answer, AnswerInvalid, AskMore, Question, TaskType

PIECES = 10
LESSONS = 4
LANGUAGES = ("en", "es")
READ_REASON_MS = 6_000
"""A reason of some twenty words at 200 words a minute."""

MS_PER_WORD = 300
"""200 words a minute: slower than the 238 of silent readers of their own language (Brysbaert 2019), for those who read
English as another language."""


@dataclass(frozen=True)
class PracticePiece:
    """One known piece.

    right  None = nobody can tell, and saying so is right
    why    language -> reason
    asked  language -> the question as a task carries it (`asked.asked_of`); none = its field type, in every language
    form   kind of work whose form it asks in; "" = that which is practised
    together  of several questions asked at once: these as one form; None = one question
    """

    question: Question
    right: Answer
    why: Mapping[str, str]
    counts: bool
    asked: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    together: TaskType | None = field(default=None, compare=False)

    def asked_in(self, language: str) -> str:
        """The question in the reader's language, in English where there is none in that one."""
        return self.asked.get(language) or self.asked.get("en") or self.question.field_type


class Practice(Protocol):
    """What the module `practice` of a kind of work offers."""

    @property
    def version(self) -> str:
        """Another version is practised, and paid, once more."""

    def pieces(self, seed: str) -> Sequence[PracticePiece]:
        """`PIECES` pieces, the first `LESSONS` of which do not count."""

    def draw(self, seed: str, place: int, language: str = "en") -> bytes:
        """The picture of one piece, PNG. language: of the words on it, where it has any"""


EXAMPLES_SEED = "the guide's examples"
"""Pieces shown in the guide: the lessons of a practice that nobody has."""


@dataclass(frozen=True)
class LearningTimes:
    """What getting ready takes, ms. practice_ms 0 = there is no practice.

    other_guides_ms  language -> time for the guide in it, of those that it was written in besides English
    """

    guide_ms: int
    practice_ms: int
    other_guides_ms: Mapping[str, int] = field(default_factory=dict)


@lru_cache(maxsize=64)
def practice_of(task_type_name: str) -> Practice | None:
    """The practice of a kind of work, None where it has none."""
    module = f"{__package__}.{task_type_name}.practice"
    if not task_type_name.isidentifier() or find_spec(f"{__package__}.{task_type_name}") is None:
        return None
    if find_spec(module) is None:
        return None
    found: Practice = import_module(module).PRACTICE
    return found


def practised_kinds() -> tuple[str, ...]:
    """Names of the kinds of work that have practice.

    >>> "transcription" in practised_kinds(), "report_verdict" in practised_kinds()
    (True, False)
    """
    from . import TASK_TYPES

    return tuple(name for name in TASK_TYPES if practice_of(name) is not None)


def guide_in(kind: TaskType, language: str) -> str:
    """A guide in the reader's language, in English where it was not written in that one."""
    return _guide(kind, language) or kind.guide


def guide_language(kind: TaskType, language: str) -> str:
    """The language in which a reader of `language` is shown the guide, and paid for it.

    >>> from manyhands.task_types import task_type
    >>> [guide_language(task_type("transcription"), one) for one in ("es", "en", "eo")]
    ['es', 'en', 'en']
    """
    return language if _guide(kind, language) else "en"


def _guide(kind: TaskType, language: str) -> str | None:
    """The guide as it was written in that language, None where it was not."""
    if language == "en":
        return kind.guide
    if language not in LANGUAGES:
        return None
    told = files(f"{__package__}.{kind.name}").joinpath(f"guide.{language}.md")
    return told.read_text(encoding="utf-8") if told.is_file() else None


def guide_ms(guide: str) -> int:
    """How long a guide takes to read.

    >>> guide_ms("Type what you see.")
    1200
    """
    return len(guide.split()) * MS_PER_WORD


def learning_times(kind: TaskType) -> LearningTimes:
    """What reading the guide and the whole practice of a kind of work take."""
    practice = practice_of(kind.name)
    pieces = practice.pieces(kind.name) if practice else ()
    practice_ms = sum(_kind_of(kind, piece).effort_ms(piece.question) + READ_REASON_MS for piece in pieces)
    others = {one: guide_ms(told) for one in LANGUAGES if one != "en" and (told := _guide(kind, one))}
    return LearningTimes(guide_ms(kind.guide), practice_ms, others)


def is_right(kind: TaskType, piece: PracticePiece, answer: Answer) -> bool:
    """Whether an answer would settle a known piece together with what is right: the same value, the same place."""
    kind = _kind_of(kind, piece)
    try:
        given = kind.clean(piece.question, answer)
    except AnswerInvalid:
        return False
    if given is None or piece.right is None:
        return given is piece.right
    if kind.key(given) != kind.key(piece.right):
        return False
    return not isinstance(kind.judge(piece.question, (piece.right, given)), AskMore)


def _kind_of(kind: TaskType, piece: PracticePiece) -> TaskType:
    """The form that a piece asks in: jobs of one kind of work may ask in others, and several questions at once."""
    from . import task_type

    return piece.together or (task_type(piece.form) if piece.form else kind)
