"""Verify a claim against a page: true, false, or the page does not tell; with the place marked.

Rules kept here
- The claim is one sentence with one figure ("Scope 1 emissions in 2023 were 1,240 t CO2e"); the page is the evidence.
- The question is what the page says, not what is true in the world.
- Who says that the page tells marks where: ``VERDICT @ x0 y0 x1 y1`` in thousandths of the page's width and height.
- Two people who agree on the verdict and whose marks touch settle it; no machine has a say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..base import Accept, Answer, AnswerInvalid, AskMore, Judgement, Question, Sample, Unreadable, votes_of
from ..choosing import Choosing

TRUE, FALSE, NOT_TOLD = "the page says so", "the page says otherwise", "the page does not tell"
OPTIONS = (TRUE, FALSE, NOT_TOLD)
_MARKED = re.compile(r"(?P<verdict>.+?) @ (?P<box>\d{1,4} \d{1,4} \d{1,4} \d{1,4})")

Place = tuple[int, int, int, int]


def place_of(answer: str) -> Place | None:
    """Where an answer marks the page, thousandths (x0, y0, x1, y1); None without a mark.

    >>> place_of("the page says so @ 100 200 300 240")
    (100, 200, 300, 240)
    """
    found = _MARKED.fullmatch(answer)
    if found is None:
        return None
    x0, y0, x1, y1 = (int(n) for n in found["box"].split())
    return x0, y0, x1, y1


def _touch(one: Place | None, other: Place | None) -> bool:
    if one is None or other is None:
        return one == other
    return min(one[2], other[2]) > max(one[0], other[0]) and min(one[3], other[3]) > max(one[1], other[1])


class VerifyClaim(Choosing):
    """A verdict with its place."""

    @property
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of an answer."""
        verdict = "|".join(OPTIONS[:2])
        told = {
            "type": "string",
            "pattern": rf"^(({verdict}) @ \d{{1,4}} \d{{1,4}} \d{{1,4}} \d{{1,4}}|{NOT_TOLD})$",
            "description": "verdict, and where the page tells it in thousandths of its width and height",
        }
        return {"anyOf": [told, {"type": "null", "description": "I cannot tell"}]}

    def clean(self, question: Question, answer: Answer) -> Answer:
        """The answer itself. raises AnswerInvalid for another verdict, a missing mark or one outside the page"""
        if answer is None or answer == NOT_TOLD:
            return answer
        found, place = _MARKED.fullmatch(answer), place_of(answer)
        if found is None or place is None or found["verdict"] not in OPTIONS[:2]:
            raise AnswerInvalid(
                task_type=self.name, answer=answer, cure="choose a verdict and mark the place that tells it"
            )
        x0, y0, x1, y1 = place
        if not (x0 < x1 <= 1000 and y0 < y1 <= 1000):
            raise AnswerInvalid(task_type=self.name, answer=answer, cure="mark a place inside the page")
        return answer

    def key(self, answer: Answer) -> str:
        """The verdict alone: two people never mark the same thousandth."""
        found = _MARKED.fullmatch(answer or "")
        return found["verdict"] if found else answer or ""

    def judge(self, question: Question, answers: Sequence[Answer], hints: Sequence[str] = ()) -> Judgement:
        """See the module's rules. The first of the agreeing marks is delivered."""
        votes = votes_of(self, answers)
        best: tuple[int, ...] = ()
        for indexes in votes.by_key.values():
            for first in indexes:
                place = place_of(answers[first] or "")
                same = tuple(i for i in indexes if _touch(place, place_of(answers[i] or "")))
                best = max(best, same, key=len)
        if len(best) >= 2:
            return Accept(answers[best[0]] or "", f"{len(best)} people agree on verdict and place", best)
        if len(votes.cannot) >= 2:
            return Unreadable(f"{len(votes.cannot)} people cannot tell", votes.cannot)
        if len(answers) < self.most_answers:
            return AskMore(1, "no answer yet" if not answers else "verdicts or places differ")
        return Unreadable(f"{len(answers)} people differ", ())


TASK_TYPE = VerifyClaim(
    name="verify_claim",
    title="Check a claim against a page",
    package=__name__,
    ui="claim",
    look_ms=25_000,  # an assumption, no measurement yet: a claim of 20 words at 160 a minute, then a scan of the page
    ms_per_option=1_000,
    machine_counts=False,
    samples=(
        Sample(
            Question("The threshold for carbon dioxide to air is 100 million kg a year.", "text", OPTIONS),
            f"{TRUE} @ 120 310 480 335",
            f"{FALSE} @ 120 310 480 335",
        ),
        Sample(
            Question("Emissions in 2023 were 1,240 t CO2e.", "text", OPTIONS),
            f"{FALSE} @ 80 500 300 520",
            f"{TRUE} @ 80 500 300 520",
            note="page: 1,420 t",
        ),
        Sample(Question("The figure was audited.", "text", OPTIONS), NOT_TOLD, f"{TRUE} @ 10 10 20 20"),
    ),
)
