"""What all task types share whose answer is one of the options shown.

Rules kept here
- An answer is one of the question's options, letter by letter, or ``None`` for "I cannot tell".
- Two people who agree settle it. Where a machine made a suggestion that people do not see (``hints``), one person who
  comes to the same settles it too.
- The order in which options are shown is the page's business and must be shuffled there; nothing here depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

from .base import Accept, Answer, AnswerInvalid, AskMore, Judgement, Question, Sample, Unreadable, votes_of


class Choosing:
    """A task type of options. A folder makes one with its own name, words, effort and samples."""

    ui = "choose"
    first_answers = 1
    most_answers = 4
    reaches_target = False
    """Whether people who agree are asked on until their skills reach the job's target."""

    def __init__(
        self,
        *,
        name: str,
        title: str,
        package: str,
        look_ms: int,
        ms_per_option: int,
        samples: Sequence[Sample],
        look_again_ms: int | None = None,
        machine_counts: bool = True,
        ui: str = "choose",
    ) -> None:
        """name, title: as in TaskType. package: folder that holds guide.md.

        look_ms         time to look at the picture
        look_again_ms   the same for a further question about a picture that lies open; None = as long
        ms_per_option   time to weigh one option
        machine_counts  whether one person who agrees with a machine's hidden suggestion suffices
        """
        self.name, self.title, self.ui = name, title, ui
        self.package, self._look_ms, self._ms_per_option = package, look_ms, ms_per_option
        self._look_again_ms = look_ms if look_again_ms is None else look_again_ms
        self._samples, self._machine_counts = tuple(samples), machine_counts

    @property
    def guide(self) -> str:
        """The worker's guide."""
        return resources.files(self.package).joinpath("guide.md").read_text(encoding="utf-8")

    @property
    def answer_schema(self) -> dict[str, Any]:
        """JSON schema of an answer."""
        return {
            "anyOf": [
                {"type": "string", "maxLength": 400, "description": "one of the options shown, letter by letter"},
                {"type": "null", "description": "I cannot tell"},
            ]
        }

    def clean(self, question: Question, answer: Answer) -> Answer:
        """The answer itself. raises AnswerInvalid when it is none of the options"""
        if answer is None or answer in question.options:
            return answer
        raise AnswerInvalid(
            task_type=self.name, answer=answer, cure="choose one of the options shown, or 'cannot tell'"
        )

    def key(self, answer: Answer) -> str:
        """The option itself."""
        return answer or ""

    @property
    def machine_counts(self) -> bool:
        """Whether a machine's hidden suggestion is evidence beside people's answers."""
        return self._machine_counts

    def judge_known(self, question: Question, answers: Sequence[Answer]) -> Judgement:
        """The next step of a question whose answer is known, as people alone would settle it."""
        return self.judge(question, answers)

    def judge(self, question: Question, answers: Sequence[Answer], hints: Sequence[str] = ()) -> Judgement:
        """See the module's rules."""
        votes = votes_of(self, answers)
        best = max(votes.by_key.items(), key=lambda item: len(item[1]), default=None)
        if best is not None and len(best[1]) >= 2:
            return Accept(best[0], f"{len(best[1])} people agree", best[1])
        if self._machine_counts:
            for option, indexes in votes.by_key.items():
                if option in hints:
                    return Accept(option, "a person agrees with a machine's suggestion", indexes)
        if len(votes.cannot) >= 2:
            return Unreadable(f"{len(votes.cannot)} people cannot tell", votes.cannot)
        if len(answers) < self.most_answers:
            return AskMore(1, "no answer yet" if not answers else "answers differ")
        return Unreadable(f"{len(answers)} people differ", ())

    def effort_ms(self, question: Question) -> int:
        """Time to look, and a little for every option."""
        return self._look_ms + self._ms_per_option * len(question.options)

    def effort_more_ms(self, question: Question) -> int:
        """What the question costs beside another about the same picture (`several`)."""
        return self._look_again_ms + self._ms_per_option * len(question.options)

    def samples(self) -> Sequence[Sample]:
        """Worked examples."""
        return self._samples
