"""Several questions about one picture, answered together: which lines are the name and which the address, or what each
line of an address says.

Rules kept here
- No form of its own: each part is a question of a form that can be asked alone, is answered, judged and measured as if
  it were, and has the same guide. All parts are of one form.
- An answer is a list in the order of the parts, as JSON: what each part says, ``null`` where somebody cannot tell.
- People are asked on while any part needs another answer. A part that came to nothing leaves the others as they are.
- Time: the picture is looked at once. What a further part costs is its form's ``look_again_ms`` and its options.

>>> from .choose_reading import TASK_TYPE as READ
>>> lines = Several([(READ, READ.question_of(("SAGU 18", "SAGU 1B"))), (READ, READ.question_of(("JOHOR", "J0HOR")))])
>>> lines.answer_of(["SAGU 18", None]), lines.parts_of_answer('["SAGU 18",null]')
('["SAGU 18",null]', ('SAGU 18', None))
>>> lines.effort_ms(lines.question), READ.effort_ms(lines.parts[0][1])
(4498, 2499)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from .base import Accept, Answer, AnswerInvalid, AskMore, Judgement, Question, Sample, Unreadable
from .choosing import Choosing

PARTS_MAX = 4
"""Questions put together at most: the lines of an address, as many as one look holds."""

Part = tuple[Choosing, Question]
"""A form and what it asks."""


class Several(Choosing):
    """The parts as one thing to be answered. It is made for each question and registered nowhere."""

    ui = "several"

    def __init__(self, parts: Sequence[Part]) -> None:
        """parts: two to `PARTS_MAX`, of one form"""
        form = parts[0][0]
        super().__init__(
            name=form.name, title=form.title, package=form.package, look_ms=0, ms_per_option=0, samples=(),
            machine_counts=form.machine_counts, ui="several",
        )  # fmt: skip
        self.parts = tuple(parts)
        self.most_answers = form.most_answers
        self.question = Question(" ".join(dict.fromkeys(question.prompt for _, question in parts)), "text")

    @property
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of an answer."""
        told = {"type": "string", "maxLength": 2_000, "description": "a JSON list with one answer a part, or null"}
        return {"anyOf": [told, {"type": "null", "description": "I cannot tell any of them"}]}

    def parts_of_answer(self, answer: Answer) -> tuple[Answer, ...]:
        """What an answer says of each part; nothing of any where it is not in form."""
        if answer is None:
            return (None,) * len(self.parts)
        try:
            told = msgspec.json.decode(answer, type=list[str | None])
        except (msgspec.DecodeError, UnicodeError):
            told = []
        return tuple(told) if len(told) == len(self.parts) else (None,) * len(self.parts)

    @staticmethod
    def answer_of(told: Iterable[Answer]) -> str:
        """Parts as one answer."""
        return msgspec.json.encode(list(told)).decode()

    def clean(self, question: Question, answer: Answer) -> Answer:
        """Each part cleaned by its form. raises AnswerInvalid"""
        if answer is None:
            return None
        cure = f"a JSON list of {len(self.parts)} answers, null where you cannot tell"
        try:
            told = msgspec.json.decode(answer, type=list[str | None])
        except (msgspec.DecodeError, UnicodeError) as error:
            raise AnswerInvalid(task_type=self.name, answer=answer, cure=cure) from error
        if len(told) != len(self.parts):
            raise AnswerInvalid(task_type=self.name, answer=answer, cure=cure)
        cleaned = [form.clean(asked, one) for (form, asked), one in zip(self.parts, told, strict=True)]
        return None if all(one is None for one in cleaned) else self.answer_of(cleaned)

    def judge(self, question: Question, answers: Sequence[Answer], hints: Sequence[str] = ()) -> Judgement:
        """Each part by its own form; see the module's rules. hints: answers to all parts"""
        said = [self.parts_of_answer(answer) for answer in answers]
        heard = [self.parts_of_answer(hint) for hint in hints]
        steps = [
            form.judge(asked, [one[n] for one in said], [text for one in heard if (text := one[n]) is not None])
            for n, (form, asked) in enumerate(self.parts)
        ]
        because = because_of_parts([step.because for step in steps])
        if more := [step.count for step in steps if isinstance(step, AskMore)]:
            return AskMore(max(more), because)
        settled = [step for step in steps if isinstance(step, Accept)]
        if not settled:
            return Unreadable(because, ())
        agreeing = set(settled[0].agreeing).intersection(*(step.agreeing for step in settled))
        value = self.answer_of(step.text if isinstance(step, Accept) else None for step in steps)
        return Accept(value, because, tuple(sorted(agreeing)))

    def effort_ms(self, question: Question) -> int:
        """The first part as if it were alone, then what each further one adds."""
        first, *others = self.parts
        alone = first[0].effort_ms(first[1])
        return alone + sum(form.effort_more_ms(asked) for form, asked in others)

    def samples(self) -> Sequence[Sample]:
        """None of its own: those of its form."""
        return ()


def because_of_parts(reasons: Sequence[str]) -> str:
    """Reasons of all parts as one sentence.

    >>> because_of_parts(["2 people agree", "answers differ"])
    '1: 2 people agree; 2: answers differ'
    """
    return "; ".join(f"{n}: {reason}" for n, reason in enumerate(reasons, start=1))


def because_of_part(because: str, number: int) -> str:
    """The reason of one part, counted from 0, out of `because_of_parts`; all of it where it is none of these.

    >>> because_of_part("1: 2 people agree; 2: answers differ", 1), because_of_part("withdrawn", 1)
    ('answers differ', 'withdrawn')
    """
    found = re.search(rf"(?:^|; ){number + 1}: (.*?)(?:; {number + 2}: |$)", because)
    return found[1] if found else because
