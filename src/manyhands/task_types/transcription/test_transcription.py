"""What is special to keying a cutting."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.task_types import Accept, AnswerInvalid, AskMore, Question, Unreadable
from manyhands.task_types.transcription import TASK_TYPE

QUESTION = Question("Type what you see", "amount", expected_chars=5)


def test_a_person_who_agrees_with_a_machine_suffices() -> None:
    step = TASK_TYPE.judge(QUESTION, ["12.50"], ["12.50", "1250"])
    assert step == Accept("12.50", "a person agrees with a machine reading", (0,))


def test_a_person_who_differs_from_all_machines_is_not_enough() -> None:
    assert isinstance(TASK_TYPE.judge(QUESTION, ["12.60"], ["12.50"]), AskMore)


def test_two_people_outweigh_a_machine_that_says_otherwise() -> None:
    step = TASK_TYPE.judge(QUESTION, ["12.60", "12.60"], ["12.50"])
    assert isinstance(step, Accept)
    assert step.text == "12.60"


def test_two_people_who_cannot_read_it_make_it_unreadable() -> None:
    assert isinstance(TASK_TYPE.judge(QUESTION, [None, None], ["12.50"]), Unreadable)


def test_four_people_who_all_differ_end_the_asking() -> None:
    assert isinstance(TASK_TYPE.judge(QUESTION, ["1", "2", "3", "4"], []), Unreadable)


def test_an_empty_cutting_may_be_answered_with_nothing() -> None:
    step = TASK_TYPE.judge(QUESTION, ["", ""], [])
    assert isinstance(step, Accept)
    assert step.text == ""


def test_control_signs_are_dropped_from_an_answer() -> None:
    assert TASK_TYPE.clean(QUESTION, "12\u0000.5\u200b0 ") == "12.50"


def test_an_answer_longer_than_any_cutting_is_refused() -> None:
    with pytest.raises(AnswerInvalid):
        TASK_TYPE.clean(QUESTION, "x" * 401)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_cleaned_answer_keeps_its_meaning(text: str) -> None:
    cleaned = TASK_TYPE.clean(QUESTION, text)
    assert cleaned is not None
    assert TASK_TYPE.clean(QUESTION, cleaned) == cleaned


@settings(deadline=None)
@given(st.permutations(["12.50", "12.50", "12.60", "1.250"]))
def test_the_majority_wins_in_any_order(answers: list[str]) -> None:
    step = TASK_TYPE.judge(QUESTION, answers, [])
    assert isinstance(step, Accept)
    assert step.text == "12.50"
