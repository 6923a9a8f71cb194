"""Which piece is the total, the date, the company, the address?

Rules kept here
- Shown is the page with everything but the candidates and their rows masked; the candidates are numbered.
- The answer is the numbers of the places in rising order, joined by a blank: a name or an address may take several.
- The rules of the document's kind make a hidden suggestion; one person who comes to the same settles the field.
- ``none of these`` says that the page has no such field, or that it was not among the candidates.
"""

from __future__ import annotations

from typing import Any

from ..base import Answer, AnswerInvalid, Question, Sample
from ..choosing import Choosing

NONE = "none of these"  # as in documents.choices, which this side must not load: it brings pixels

_WORDS = {
    "total": "the total to be paid",
    "date": "the date of the receipt or invoice",
    "company": "the name of the company that issued it",
    "address": "the address of the company that issued it",
    "invoice_number": "the number of the invoice",
    "tax_total": "the tax in all",
    "currency": "the currency",
}


def prompt_of(field_name: str) -> str:
    """The question for a field.

    >>> prompt_of("total")
    'Which of these is the total to be paid?'
    """
    return f"Which of these is {_WORDS.get(field_name, field_name.replace('_', ' '))}?"


class FieldChoice(Choosing):
    """Tap where a field stands. A question's options are the numbers of the places, and ``none of these``."""

    @property
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of an answer."""
        places = {
            "type": "string",
            "pattern": f"^([0-9]{{1,2}}( [0-9]{{1,2}}){{0,19}}|{NONE})$",
            "description": "numbers of the places in rising order, or that it is none of them",
        }
        return {"anyOf": [places, {"type": "null", "description": "I cannot tell"}]}

    def clean(self, question: Question, answer: Answer) -> Answer:
        """The numbers in rising order, each once. raises AnswerInvalid for a number that is not in the picture"""
        if answer is None or answer == NONE:
            return answer
        numbers = answer.split()
        if not numbers or any(n not in question.options for n in numbers):
            raise AnswerInvalid(task_type=self.name, answer=answer, cure="tap numbers of this picture only")
        return " ".join(sorted(set(numbers), key=int))


def _asks(field: str, places: int) -> Question:
    return Question(prompt_of(field), "text", (*(str(n) for n in range(1, places + 1)), NONE))


TASK_TYPE = FieldChoice(
    name="field_choice",
    title="Find a value on a page",
    package=__name__,
    ui="which",
    look_ms=2_000,  # 3-4 s with three to five candidates: the project's document anchors, section 7
    look_again_ms=0,  # the same places, asked about once more: only they are weighed again, every one of them
    ms_per_option=400,
    samples=(
        Sample(_asks("total", 3), "2", "3", ("2",), "8.70 after rounding, not the 10.00 that was given"),
        Sample(_asks("date", 2), "1", NONE, (), "the day of the receipt, not the day it is due"),
        Sample(_asks("address", 6), "2 3 4", "2 3", ("2 3 4",), "every line that belongs to it"),
    ),
)
