"""The questions every task type must answer: subclass ``TaskTypeContract`` in the folder's test file.

Rules kept here
- A newcomer passes the same questions as everybody; what is special to it gets further tests of its own.

>>> class TestMine(TaskTypeContract):                                                  # doctest: +SKIP
...     task_type = mine.TASK_TYPE
"""

from __future__ import annotations

import json
import re
from typing import ClassVar

from .base import Accept, Answer, AnswerInvalid, AskMore, TaskType, Unreadable


class TaskTypeContract:
    """Shared suite; pytest runs it through subclasses named ``Test...``."""

    task_type: ClassVar[TaskType]

    def test_its_name_is_one_lower_case_word(self) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_]{2,39}", self.task_type.name)

    def test_it_brings_a_guide_in_plain_english_with_a_heading(self) -> None:
        guide = self.task_type.guide
        assert guide.startswith("# ")
        assert 60 <= len(guide.split()) <= 600

    def test_it_brings_samples_whose_right_answer_passes_its_own_check(self) -> None:
        samples = self.task_type.samples()
        assert samples
        for sample in samples:
            cleaned = self.task_type.clean(sample.question, sample.right)
            assert self.task_type.key(cleaned) == self.task_type.key(sample.right)

    def test_a_wrong_answer_never_means_the_same_as_the_right_one(self) -> None:
        for sample in self.task_type.samples():
            assert self.task_type.key(sample.wrong) != self.task_type.key(sample.right)

    def test_cleaning_twice_changes_nothing_more(self) -> None:
        for sample in self.task_type.samples():
            once = self.task_type.clean(sample.question, sample.right)
            assert self.task_type.clean(sample.question, once) == once

    def test_its_answer_schema_is_json(self) -> None:
        assert json.loads(json.dumps(self.task_type.answer_schema)) == self.task_type.answer_schema

    def test_without_answers_it_asks_for_the_first_ones(self) -> None:
        for sample in self.task_type.samples():
            step = self.task_type.judge(sample.question, [], sample.hints)
            assert isinstance(step, AskMore)
            assert 1 <= step.count <= self.task_type.first_answers

    def test_people_who_agree_on_the_right_answer_are_believed(self) -> None:
        for sample in self.task_type.samples():
            answers: list[Answer] = [sample.right] * max(2, self.task_type.first_answers)
            step = self.task_type.judge(sample.question, answers, ())
            assert isinstance(step, Accept)
            assert self.task_type.key(step.text) == self.task_type.key(sample.right)
            assert step.agreeing == tuple(range(len(answers)))

    def test_one_wrong_answer_among_right_ones_does_not_win(self) -> None:
        for sample in self.task_type.samples():
            answers: list[Answer] = [sample.wrong, sample.right, sample.right]
            step = self.task_type.judge(sample.question, answers, ())
            assert isinstance(step, Accept)
            assert self.task_type.key(step.text) == self.task_type.key(sample.right)
            assert 0 not in step.agreeing

    def test_asking_comes_to_an_end(self) -> None:
        for sample in self.task_type.samples():
            answers: list[Answer] = [None] * self.task_type.most_answers
            assert isinstance(self.task_type.judge(sample.question, answers, ()), Unreadable)

    def test_judging_is_repeatable(self) -> None:
        for sample in self.task_type.samples():
            answers: list[Answer] = [sample.right, None, sample.wrong]
            first = self.task_type.judge(sample.question, answers, sample.hints)
            assert self.task_type.judge(sample.question, answers, sample.hints) == first

    def test_effort_is_between_half_a_second_and_ten_minutes(self) -> None:
        for sample in self.task_type.samples():
            assert 500 <= self.task_type.effort_ms(sample.question) <= 600_000

    def test_an_endless_answer_is_refused_with_a_cure(self) -> None:
        question = self.task_type.samples()[0].question
        try:
            self.task_type.clean(question, "x" * 100_000)
        except AnswerInvalid as error:
            assert error.cure
        else:
            raise AssertionError("an answer of 100,000 signs was taken")
