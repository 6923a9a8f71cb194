"""Report verdict: a juror looks at a reported piece and says whether the report is right.

Rules kept here
- The juror sees the piece and the reporter's reason, never who reported or who launched.
- Three jurors, two equal verdicts decide; a juror who cannot tell is replaced, up to five.
- ``uphold`` = the piece should not have been given out; ``clear`` = it is proper work.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

from ..base import Accept, Answer, AnswerInvalid, AskMore, Judgement, Question, Sample, Unreadable, votes_of

CLEAR = "clear"
UPHOLD = "uphold"
_PROMPT = "A worker reported this piece. Is the report right?"


class ReportVerdict:
    """Judge one report."""

    name = "report_verdict"
    ui = "yes_no"
    title = "Judge a report"
    first_answers = 3
    most_answers = 5

    @property
    def guide(self) -> str:
        """The juror's guide."""
        return resources.files(__package__).joinpath("guide.md").read_text(encoding="utf-8")

    @property
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of an answer."""
        return {"anyOf": [{"enum": [CLEAR, UPHOLD]}, {"type": "null", "description": "I cannot tell"}]}

    def clean(self, question: Question, answer: Answer) -> Answer:
        """``clear`` or ``uphold`` in lower case. raises AnswerInvalid for anything else"""
        if answer is None:
            return None
        plain = answer.strip().lower()
        if plain not in (CLEAR, UPHOLD):
            raise AnswerInvalid(task_type=self.name, answer=answer, cure=f"answer {UPHOLD!r} or {CLEAR!r}")
        return plain

    def key(self, answer: Answer) -> str:
        """The verdict itself."""
        return answer or ""

    def judge(self, question: Question, answers: Sequence[Answer], hints: Sequence[str] = ()) -> Judgement:
        """Two equal verdicts among at least three answers decide; machine hints are ignored."""
        votes = votes_of(self, answers)
        best = max(votes.by_key.items(), key=lambda item: len(item[1]), default=None)
        if len(answers) >= self.first_answers and best is not None and len(best[1]) >= 2:
            return Accept(best[0], f"{len(best[1])} of {len(answers)} jurors agree", best[1])
        if len(answers) < self.first_answers:
            return AskMore(self.first_answers - len(answers), "three jurors judge a report")
        if len(answers) < self.most_answers:
            return AskMore(1, "a juror could not tell")
        return Unreadable("the jurors could not tell", votes.cannot)

    def effort_ms(self, question: Question) -> int:
        """Twenty seconds: read the reason, look at the piece, decide.

        source  an assumption (no measurement yet): 5 s to look plus 40 words at 160 words a minute, 15 s
        """
        return 20_000

    def samples(self) -> Sequence[Sample]:
        """Worked examples."""
        question = Question(_PROMPT, "text", (UPHOLD, CLEAR), expected_chars=0)
        return (
            Sample(question, UPHOLD, CLEAR, note="a photo of a person's face among receipts"),
            Sample(question, CLEAR, UPHOLD, note="a blurred amount: hard, but proper work"),
        )


TASK_TYPE = ReportVerdict()
