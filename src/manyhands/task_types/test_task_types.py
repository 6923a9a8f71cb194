"""The registry, and the shared suite over every task type in it."""

import re
from pathlib import Path

import pytest

from manyhands.task_types import TASK_TYPES, Accept, AnswerInvalid, AskMore, UnknownTaskType, task_type
from manyhands.task_types.contract import TaskTypeContract
from manyhands.task_types.practising import LANGUAGES, guide_in


@pytest.mark.parametrize("name", sorted(TASK_TYPES))
@pytest.mark.parametrize("question", sorted(n for n in vars(TaskTypeContract) if n.startswith("test_")))
def test_every_task_type_passes_the_shared_suite(name: str, question: str) -> None:
    suite = type("Suite", (TaskTypeContract,), {"task_type": TASK_TYPES[name]})()
    getattr(suite, question)()


def test_every_task_type_is_one_folder_of_its_own_name() -> None:
    folder = Path(__file__).parent
    assert {p.name for p in folder.iterdir() if (p / "guide.md").exists()} == set(TASK_TYPES)


def built(guide: str) -> list[int]:
    """How a guide is built: titles, points, bold words, buttons named, and examples in code."""
    return [len(re.findall(sign, guide, flags=re.M)) for sign in (r"^# ", r"^- ", r"\*\*.+?\*\*", r"`[^`]+`")]


@pytest.mark.parametrize("name", sorted(TASK_TYPES))
def test_every_guide_is_there_in_every_language_of_the_site_and_says_as_much(name: str) -> None:
    kind = TASK_TYPES[name]
    for language in set(LANGUAGES) - {"en"}:
        told = guide_in(kind, language)
        assert told != kind.guide, f"{name} has no guide in {language}"
        assert built(told) == built(kind.guide), language
        assert 0.8 < len(told.split()) / len(kind.guide.split()) < 1.4, "nothing is left out, and nothing is added"


def test_an_option_that_is_not_shown_is_refused() -> None:
    choose = task_type("choose_reading")
    question = choose.samples()[0].question
    with pytest.raises(AnswerInvalid):
        choose.clean(question, "something else")


def test_choosing_a_machine_s_reading_needs_a_second_person() -> None:
    choose = task_type("choose_reading")
    question = choose.samples()[0].question
    assert isinstance(choose.judge(question, ["CASHIER"], ["CASHIER", "CASHER"]), AskMore)


def test_one_person_who_finds_the_field_that_the_rules_suggest_suffices() -> None:
    find = task_type("field_choice")
    question = find.samples()[0].question
    assert isinstance(find.judge(question, ["8.70"], ["8.70"]), Accept)
    assert isinstance(find.judge(question, ["8.00"], ["8.70"]), AskMore)


def test_odd_ones_may_be_tapped_in_any_order() -> None:
    odd = task_type("odd_one_out")
    question = odd.samples()[0].question
    assert odd.clean(question, "9 2 2") == "2 9"
    with pytest.raises(AnswerInvalid):
        odd.clean(question, "77")


def test_a_claim_is_settled_by_verdict_and_place_together() -> None:
    verify = task_type("verify_claim")
    question = verify.samples()[0].question
    here, beside, elsewhere = (f"the page says so @ {place}" for place in ("1 1 9 9", "5 5 12 12", "500 500 510 510"))
    assert isinstance(verify.judge(question, [here, elsewhere]), AskMore)
    assert verify.judge(question, [here, elsewhere, beside]) == Accept(
        here, "2 people agree on verdict and place", (0, 2)
    )
    for wrong in (
        "the page says so",
        "the page says so @ 9 9 1 1",
        "the page says so @ 1 1 9 1001",
        "perhaps @ 1 1 9 9",
    ):
        with pytest.raises(AnswerInvalid):
            verify.clean(question, wrong)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownTaskType) as refused:
        task_type("telepathy")
    assert set(refused.value.known) == set(TASK_TYPES)
