"""Transcription: type what a cutting shows.

Rules kept here
- Keying is blind: the worker is not shown what a machine read, so agreement with a machine is worth something.
- One person who agrees with a machine reading suffices; else the next person is asked; two people who agree suffice.
- After ``most_answers`` the best supported text is taken if anything supports it, else the piece is unreadable.

Source: measured in the project's document anchors: this rule ends at 0.05-0.1 % wrong among pieces people see.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

from manyhands.documents.text import core, unified

from ..base import Accept, Answer, AnswerInvalid, AskMore, Judgement, Question, Sample, Unreadable, votes_of

_LONGEST_CHARS = 400
_READ_MS = 2_000
_MS_PER_CHAR_TIMES_3 = 1_000


class Transcription:
    """Key one cutting."""

    name = "transcription"
    ui = "key"
    title = "Type what you see"
    first_answers = 1
    most_answers = 4

    @property
    def guide(self) -> str:
        """The worker's guide."""
        return resources.files(__package__).joinpath("guide.md").read_text(encoding="utf-8")

    @property
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of an answer."""
        return {
            "anyOf": [
                {"type": "string", "maxLength": _LONGEST_CHARS, "description": "what the cutting shows, may be empty"},
                {"type": "null", "description": "I cannot read it"},
            ]
        }

    def clean(self, question: Question, answer: Answer) -> Answer:
        """Blanks collapsed, one shape of quotes and dashes. raises AnswerInvalid when longer than 400 characters."""
        if answer is None:
            return None
        if len(answer) > _LONGEST_CHARS:
            raise AnswerInvalid(
                task_type=self.name,
                answer=answer,
                cure=f"type only what the picture shows, at most {_LONGEST_CHARS} signs",
            )
        return unified("".join(c for c in answer if c.isprintable() or c.isspace()))

    def key(self, answer: Answer) -> str:
        """Case, blanks, quotes and loose end punctuation do not matter; digits, points and minus signs do."""
        return "" if answer is None else core(answer)

    def judge(self, question: Question, answers: Sequence[Answer], hints: Sequence[str] = ()) -> Judgement:
        """See the module's rules."""
        votes = votes_of(self, answers)
        machine = {self.key(h) for h in hints if h}
        best = max(votes.by_key.items(), key=lambda item: len(item[1]), default=None)
        if best is not None and len(best[1]) >= 2:
            return Accept(_wording(answers, best[1]), f"{len(best[1])} people agree", best[1])
        for key, indexes in votes.by_key.items():
            if key in machine:
                return Accept(_wording(answers, indexes), "a person agrees with a machine reading", indexes)
        if len(votes.cannot) >= 2:
            return Unreadable(f"{len(votes.cannot)} people cannot read it", votes.cannot)
        if len(answers) < self.most_answers:
            return AskMore(1, "no answer yet" if not answers else "answers differ")
        return Unreadable(f"{len(answers)} people differ", ())

    def effort_ms(self, question: Question) -> int:
        """2 s to look, then three characters a second.

        source  phone typing 36.2 words a minute = 3.0 characters a second (37,000 people, MobileHCI 2019)

        >>> Transcription().effort_ms(Question("", expected_chars=12))
        6000
        """
        return _READ_MS + question.expected_chars * _MS_PER_CHAR_TIMES_3 // 3

    def samples(self) -> Sequence[Sample]:
        """Worked examples, also shown in the guide."""
        key = "Type what you see"
        return (
            Sample(Question(key, "amount", expected_chars=5), "12.50", "1250", ("12.50",), "keep the point"),
            Sample(Question(key, "amount", expected_chars=5), "-0.01", "0.01", ("-001",), "keep the minus"),
            Sample(Question(key, "date", expected_chars=10), "25/12/2018", "25/12/2013", (), "as written"),
            Sample(Question(key, "text", expected_chars=9), "Total Qty", "Total City", ("Total Qty",), "case is free"),
            Sample(Question(key, "cell", expected_chars=1), "-", "1", (), "a dash is typed as a minus"),
            Sample(Question(key, "code", expected_chars=10), "CS00031663", "CSO0031663", (), "zero is not O"),
        )


def _wording(answers: Sequence[Answer], indexes: Sequence[int]) -> str:
    """The wording most of the agreeing people used, the first of them on a tie."""
    said = [a for i in indexes if (a := answers[i]) is not None]
    return max(said, key=said.count)


TASK_TYPE = Transcription()
