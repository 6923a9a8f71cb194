"""What a kind of work must bring: one folder per task type, and the rest of the system knows only its name.

Rules kept here
- Every answer is a text, or ``None`` for "I cannot answer this"; a task type says which texts are allowed and which
  two texts mean the same.
- Judging is pure and repeatable: answers so far in, the next step out.
- Effort is stated with its source, because a quote and a worker's hourly pay follow from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Answer = str | None
"""A worker's answer; None = cannot answer (illegible, upside down, cut off)."""


class TaskTypeError(Exception):
    """Something about a task type is wrong. The sentence says what to do."""


class UnknownTaskType(TaskTypeError):
    """No task type has this name. Choose one of ``known``."""

    def __init__(self, *, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(f"no task type is called {name!r}: choose from {', '.join(known)}")


class AnswerInvalid(TaskTypeError):
    """The answer is not one that this question allows. Show the sentence to the worker and let them answer again."""

    def __init__(self, *, task_type: str, answer: str, cure: str) -> None:
        self.task_type, self.answer, self.cure = task_type, answer, cure
        super().__init__(f"{task_type} does not take {answer[:60]!r}: {cure}")


@dataclass(frozen=True)
class Question:
    """What the worker's page shows beside the picture.

    prompt          one sentence, plain English
    field_type      which keyboard to offer: text, amount, date, code, cell
    options         texts to choose from; empty = type freely
    expected_chars  how much is likely to be typed; decides effort, never shown
    """

    prompt: str
    field_type: str = "text"
    options: tuple[str, ...] = ()
    expected_chars: int = 11


@dataclass(frozen=True)
class Accept:
    """The answers suffice.

    agreeing  indexes of the answers that stand behind the verdict: these workers were right
    """

    text: str
    because: str
    agreeing: tuple[int, ...]
    status: Literal["accept"] = "accept"


@dataclass(frozen=True)
class AskMore:
    """More answers are needed; ``count`` of them, from people who have not answered yet."""

    count: int
    because: str
    status: Literal["ask_more"] = "ask_more"


@dataclass(frozen=True)
class Unreadable:
    """People could not answer; ``agreeing`` are those who said so."""

    because: str
    agreeing: tuple[int, ...]
    status: Literal["unreadable"] = "unreadable"


Judgement = Accept | AskMore | Unreadable


@dataclass(frozen=True)
class Sample:
    """A worked example, used by the shared suite, the worker's guide and the simulated crowd.

    right   an answer that must be judged right
    wrong   an answer that must not be taken for ``right``
    hints   what machines said of it
    """

    question: Question
    right: str
    wrong: str
    hints: tuple[str, ...] = ()
    note: str = ""


class TaskType(Protocol):
    """One kind of work."""

    @property
    def name(self) -> str:
        """Name in manifests, e.g. ``transcription``."""

    @property
    def ui(self) -> str:
        """Name of the form that the worker's page shows: ``key``, ``choose``, ``yes_no``."""

    @property
    def title(self) -> str:
        """What the worker reads in the job list."""

    @property
    def guide(self) -> str:
        """The worker's guide, Markdown, plain English."""

    @property
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of an answer."""

    @property
    def first_answers(self) -> int:
        """How many people are asked at first (redundancy)."""

    @property
    def most_answers(self) -> int:
        """How many people are asked at the very most."""

    def clean(self, question: Question, answer: Answer) -> Answer:
        """The answer in the form it is stored. raises AnswerInvalid"""

    def key(self, answer: Answer) -> str:
        """Equal for answers that mean the same; what truth inference and agreement compare."""

    def judge(self, question: Question, answers: Sequence[Answer], hints: Sequence[str] = ()) -> Judgement:
        """The next step after these answers, in the order they came; ``hints`` are machine readings."""

    def effort_ms(self, question: Question) -> int:
        """Expected working time of one answer, milliseconds."""

    def samples(self) -> Sequence[Sample]:
        """Worked examples."""


@dataclass(frozen=True)
class Votes:
    """Answers grouped by what they mean. Index lists are in order of arrival."""

    by_key: dict[str, tuple[int, ...]] = field(default_factory=dict)
    cannot: tuple[int, ...] = ()


def votes_of(task_type: TaskType, answers: Sequence[Answer]) -> Votes:
    """Groups answers by ``task_type.key``, in order of first arrival."""
    groups: dict[str, list[int]] = {}
    cannot: list[int] = []
    for i, answer in enumerate(answers):
        if answer is None:
            cannot.append(i)
        else:
            groups.setdefault(task_type.key(answer), []).append(i)
    return Votes({k: tuple(v) for k, v in groups.items()}, tuple(cannot))
