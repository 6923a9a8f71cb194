"""Choose between readings: two machines read a cutting differently; which of them is right, or neither?

Rules kept here
- Used for long lines of words. Amounts and identifiers are keyed blind: seeing a reading beforehand makes people agree
  with it.
- Nothing is believed that one person alone chose. Whoever sees neither, or two who differ, send the piece to keying.
  Two newcomers who agree between two readings and neither are 98.5 % sure; where the job's target is higher a third is
  asked.
- People overlook that neither is right. How often, known choices of which neither is show of each; where it is too
  likely one more is asked, then the line is keyed (`judging.overlooked_too_likely`).
- Where machines gave but one reading, a made one stands beside it, with one sign changed: people who agree on that did
  not look, and the piece is keyed. ``hints`` are what machines really read.
- A machine's word, being shown, is no evidence beside people's: it weighs nothing in the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..base import Accept, Answer, Judgement, Question, Sample, Unreadable, votes_of
from ..choosing import Choosing

NEITHER = "neither of these"
CHOSEN_TARGET_MOST_BP = 9_950
"""The highest target for which people may be shown words. Somebody who is shown a wrong reading may take it for right.
How often, a job's own known choices show; newcomers are believed to do so in one of ten. By that, half of what a
target of 99.5 % lets be wrong is kept by two people where readers gave one text, by three where they differ
(`judging.overlooked_too_likely`). Where a job wants more, most lines would be asked of three and keyed all the same:
there everything is keyed blind."""

_PROMPT = "Which of these is what you see?"


class ReadingChoice(Choosing):
    """Options are readings of one cutting in no order, and ``neither of these`` last."""

    most_answers = 3
    reaches_target = True

    def judge_known(self, question: Question, answers: Sequence[Answer]) -> Judgement:
        """As every choice is judged: what is known is not keyed, so people are asked on until two agree."""
        return super().judge(question, answers)

    def judge(self, question: Question, answers: Sequence[Answer], hints: Sequence[str] = ()) -> Judgement:
        """See the module's rules."""
        step = self.judge_known(question, answers)
        if isinstance(step, Accept):
            if step.text == NEITHER:
                return Unreadable("people see neither reading: it is keyed", step.agreeing)
            if hints and step.text not in hints:
                return Unreadable("people chose what no machine read: it is keyed", step.agreeing)
            because = f"{len(step.agreeing)} people chose this reading of {len(question.options) - 1} shown"
            return Accept(step.text, because, step.agreeing)
        votes = votes_of(self, answers)
        if NEITHER in votes.by_key:
            return Unreadable("a person sees neither reading: it is keyed", votes.by_key[NEITHER])
        if votes.cannot:
            return Unreadable("a person cannot tell: it is keyed", votes.cannot)
        if len(votes.by_key) > 1:
            return Unreadable("people chose different readings: it is keyed", ())
        return step

    @staticmethod
    def question_of(readings: Sequence[str]) -> Question:
        """The question of these readings."""
        return Question(_PROMPT, options=(*readings, NEITHER))


TASK_TYPE = ReadingChoice(
    name="choose_reading",
    title="Choose what you see",
    package=__name__,
    look_ms=1_500,  # with two options and neither 2.5 s: the project's document anchors, section 7
    # a further line of a picture that lies open: what a cutting on a sheet of nine takes at most (the same section)
    look_again_ms=1_000,
    ms_per_option=333,
    machine_counts=False,  # every option is a machine's: agreeing with one proves nothing
    samples=(
        Sample(ReadingChoice.question_of(("CASHIER", "CASHER")), "CASHIER", "CASHER", ("CASHIER", "CASHER")),
        Sample(ReadingChoice.question_of(("PAID:", "PALD:")), "PAID:", "PALD:", ("PAID:",)),
        Sample(ReadingChoice.question_of(("Item", "ltem")), "Item", NEITHER),
    ),
)
