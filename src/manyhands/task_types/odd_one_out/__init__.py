"""Spot the odd one: nine to twelve cuttings that machines read alike; tap those that show something else.

Rules kept here
- The answer is the numbers of the odd ones in rising order, joined by a blank; an empty answer says that all are alike.
- Answers are compared as a whole: two people who tap the same cuttings settle the sheet.
- A sheet always holds a cutting that is known to differ, so that tapping nothing is not a way to earn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base import Answer, AnswerInvalid, Judgement, Question, Sample
from ..choosing import Choosing

MOST_CUTTINGS = 12


class OddOneOut(Choosing):
    """Tap what differs. A question's options are the numbers of its cuttings: "1", "2", ..."""

    @property
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of an answer."""
        numbers = {"type": "string", "pattern": "^([0-9]{1,2}( [0-9]{1,2}){0,11})?$", "description": "odd ones, rising"}
        return {"anyOf": [numbers, {"type": "null", "description": "I cannot tell"}]}

    def clean(self, question: Question, answer: Answer) -> Answer:
        """The numbers in rising order, each once. raises AnswerInvalid for a number that is not on the sheet"""
        if answer is None:
            return None
        numbers = answer.split()
        if len(numbers) > MOST_CUTTINGS or any(n not in question.options for n in numbers):
            raise AnswerInvalid(task_type=self.name, answer=answer, cure="tap cuttings of this sheet only")
        return " ".join(sorted(set(numbers), key=int))

    def judge(self, question: Question, answers: Sequence[Answer], hints: Sequence[str] = ()) -> Judgement:
        """Two equal answers settle the sheet; no machine has a say."""
        return super().judge(question, answers, ())


_SHEET = tuple(str(n) for n in range(1, 10))
TASK_TYPE = OddOneOut(
    name="odd_one_out",
    title="Tap what differs",
    package=__name__,
    ui="grid",
    look_ms=2_000,  # under 1 s a cutting: the project's document anchors, section 7
    ms_per_option=800,
    machine_counts=False,
    samples=(
        Sample(Question("Tap every cutting that does not show 12.50", "grid", _SHEET), "4", ""),
        Sample(Question("Tap every cutting that does not show TOTAL", "grid", _SHEET), "2 9", "2"),
    ),
)
