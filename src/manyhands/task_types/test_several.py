"""Questions put together: each part is judged, measured and believed as if it stood alone. And what people overlook."""

from __future__ import annotations

import json

import msgspec
import pytest

from manyhands.protocol.evidence import JudgingTerms
from manyhands.protocol.manifest import QualityRule
from manyhands.protocol.messages import MADE, AnswerFact, Decision, ReadingFact, TaskFacts
from manyhands.quality.reputation import MICRO, Outcome

from .asked import BadQuestion, answer_type, asked_of, claim, questions_in, read, several, which
from .base import AnswerInvalid
from .choose_reading import NEITHER
from .field_choice import NONE
from .judging import (
    OVERLOOK_BP,
    OVERLOOKING,
    TaskBook,
    WorkerBook,
    decide,
    is_contested,
    judge_batch,
    parts_of,
    standing_from,
    transcription_rule,
)
from .several import Several

TERMS = JudgingTerms(suspends_gold=True, type_lean=10, overlook_bp=OVERLOOK_BP)
RULE = transcription_rule(QualityRule())
PLACES = several([which("company", 3), which("address", 3)])
LINES = several([read(("SAGU 18", "SAGU 1B")), read(("JOHOR", "J0HOR"))])


def facts(question: str, *readings: tuple[str, list[str | None]], gold: bool = False) -> TaskFacts:
    told = tuple(
        ReadingFact(reader=reader, text=Several.answer_of(text), confidence_bp=9_950 if reader == MADE else 7_000)
        for reader, text in readings
    )
    return TaskFacts(task_id="t", question=question, readings=told, gold=gold, effort_ms=1, reward_minor=9)


def person(overlooked: int = 0, saw: int = 0, *, right: int = 0, terms: JudgingTerms = TERMS) -> WorkerBook:
    counts = {OVERLOOKING: (saw * MICRO, overlooked * MICRO)}
    return WorkerBook(standing_from(right * MICRO, 0, 0, terms, counts), terms=terms)


def word(task: TaskFacts, *said: list[str | None] | None, people: list[WorkerBook] | None = None) -> Decision:
    answers = tuple(
        AnswerFact(
            task_id="t", worker=f"w{n}", text=None if one is None else Several.answer_of(one), active_ms=1,
            received_at_ms=n,
        )
        for n, one in enumerate(said)
    )  # fmt: skip
    books = people or [person() for _ in said]
    return decide(TaskBook(task, answers), {f"w{n}": book for n, book in enumerate(books)}, RULE)


def test_parts_are_of_one_short_form_and_two_to_four() -> None:
    assert questions_in(PLACES) == (which("company", 3), which("address", 3)) and questions_in("amount") == ("amount",)
    assert answer_type(PLACES) == "field_choice" and answer_type(LINES) == "choose_reading"
    for wrong in (
        [which("total", 2)],
        [which("total", 2)] * 5,
        [which("total", 2), read(("a", "b"))],
        [claim("x")] * 2,
    ):
        with pytest.raises(BadQuestion):
            several(wrong)
    with pytest.raises(BadQuestion):
        several([several([which("a", 1), which("b", 1)]), which("c", 1)])
    for broken in ("several []", "several 7", 'several ["which 3 total"', 'several ["amount","date"]'):
        with pytest.raises(BadQuestion):
            asked_of(broken)


def test_an_answer_has_one_word_for_each_part_and_each_is_one_its_form_allows() -> None:
    asked = asked_of(PLACES)
    assert asked is not None
    together = asked.task_type
    assert together.clean(asked.question, '["3 2 2", "none of these"]') == '["2 3","none of these"]'
    assert together.clean(asked.question, "[null, null]") is None
    for wrong in ('["1"]', '["1","2","3"]', '["9","1"]', "1 2", '{"a": 1}', "[[],[]]"):
        with pytest.raises(AnswerInvalid):
            together.clean(asked.question, wrong)


def test_a_further_question_about_a_picture_costs_its_options_and_no_second_look() -> None:
    alone, both = asked_of(which("company", 3)), asked_of(PLACES)
    assert alone is not None and both is not None
    assert alone.task_type.effort_ms(alone.question) == 2_000 + 4 * 400
    assert both.task_type.effort_ms(both.question) == 2_000 + 2 * 4 * 400


def test_one_person_who_agrees_with_the_hidden_rules_settles_every_part() -> None:
    step = word(facts(PLACES, ("rules", ["1", "2 3"])), ["1", "2 3"])
    assert (step.outcome, json.loads(step.value or "")) == ("accept", ["1", "2 3"])
    assert "1: a person agrees with a machine's suggestion; 2:" in step.because


def test_one_part_that_is_not_settled_asks_another_person_and_the_other_part_stays() -> None:
    task = facts(PLACES, ("rules", ["1", "2 3"]))
    assert word(task, ["1", "2"]).outcome == "ask_more"
    step = word(task, ["1", "2"], ["1", "2"])
    assert (step.outcome, json.loads(step.value or ""), step.support) == ("accept", ["1", "2"], 2)
    apart = word(facts(PLACES, ("rules", ["1", None])), ["1", NONE])
    assert apart.outcome == "ask_more" and apart.wanted == 2, "no rule suggests the second"


def test_a_line_that_comes_to_nothing_leaves_the_other_as_it_is() -> None:
    task = facts(LINES, ("machine", ["SAGU 18", "JOHOR"]))
    step = word(task, ["SAGU 18", NEITHER], ["SAGU 18", "JOHOR"])
    assert (step.outcome, json.loads(step.value or "")) == ("accept", ["SAGU 18", None])
    assert word(task, [NEITHER, NEITHER]).outcome == "unreadable"
    assert word(task, None, ["SAGU 18", "JOHOR"]).outcome == "unreadable", "who cannot tell any of them"


def test_what_is_not_in_form_says_nothing_and_never_breaks_judging() -> None:
    task = facts(PLACES, ("rules", ["1", "2"]))
    given = [AnswerFact(task_id="t", worker="w", text=one, active_ms=1, received_at_ms=1) for one in ("x", '["1"]')]
    for answer in given:
        assert decide(TaskBook(task, (answer,)), {"w": person()}, RULE).outcome == "ask_more"


# ---------------------------------------------------------------- known parts


def known_lines() -> TaskFacts:
    """The first line has no right reading, of the second it is known."""
    return facts(LINES, (MADE, [NEITHER, "JOHOR"]), gold=True)


def judged(task: TaskFacts, said: list[str | None], terms: JudgingTerms = TERMS) -> list[tuple[str, bool, str]]:
    given = AnswerFact(task_id="t", worker="w", text=Several.answer_of(said), active_ms=1, received_at_ms=1)
    result = judge_batch(
        [given], tasks={"t": TaskBook(task)}, workers={"w": person(terms=terms)}, rule=QualityRule(),
        skill="field_choice", terms=terms,
    )  # fmt: skip
    causes = [event.cause for event in result.outcomes]
    assert len(set(causes)) == len(causes), "each outcome is put down to a cause of its own"
    return [(one.cause, one.right, one.answer_type) for one in result.outcomes if isinstance(one, Outcome)]


def test_each_known_part_measures_by_itself_and_overlooking_is_told_apart() -> None:
    assert judged(known_lines(), [NEITHER, "JOHOR"]) == [
        ("task t, part 1", True, OVERLOOKING),
        ("task t, part 2", True, "choose_reading"),
    ]
    step = word(known_lines(), ["SAGU 18", "JOHOR"])
    assert step.outcome == "ask_more", "people differ from what is known: another one is asked"


def test_a_part_of_which_nothing_was_known_measures_nobody_though_its_neighbour_does() -> None:
    task = TaskBook(facts(PLACES, (MADE, [NONE, None]), gold=True))
    first, second = parts_of(task)
    assert first.measures and not second.measures
    assert not is_contested(task, {})


def test_before_there_was_a_term_for_it_nobody_was_told_to_overlook() -> None:
    older = JudgingTerms(suspends_gold=True, type_lean=10)
    assert [kind for _, _, kind in judged(known_lines(), [NEITHER, "JOHOR"], older)] == ["choose_reading"] * 2
    differing = facts(LINES, ("machine", ["SAGU 18", "JOHOR"]), ("machine", ["SAGU 1B", "J0HOR"]))
    said = ["SAGU 18", "JOHOR"]
    assert word(differing, said, said, people=[person(terms=older)] * 2).outcome == "accept"
    assert word(differing, said, said).outcome == "ask_more"


# ---------------------------------------------------------------- overlooking


ALIKE = facts(read(("SAGU 18", "SAGU 1B")))
ALIKE = msgspec.structs.replace(ALIKE, readings=(ReadingFact(reader="machine", text="SAGU 18", confidence_bp=0),))
DIFFERING = msgspec.structs.replace(
    ALIKE, readings=(*ALIKE.readings, ReadingFact(reader="machine", text="SAGU 1B", confidence_bp=0))
)


def chosen(task: TaskFacts, *people: WorkerBook, said: str = "SAGU 18") -> str:
    answers = tuple(
        AnswerFact(task_id="t", worker=f"w{n}", text=said, active_ms=1, received_at_ms=n) for n in range(len(people))
    )
    return decide(TaskBook(task, answers), {f"w{n}": one for n, one in enumerate(people)}, RULE).outcome


def test_two_newcomers_are_enough_where_readers_read_alike_and_three_where_they_differ() -> None:
    assert chosen(ALIKE, person(), person()) == "accept"
    assert chosen(DIFFERING, person(), person()) == "ask_more"
    assert chosen(DIFFERING, person(), person(), person()) == "accept"


def test_who_was_shown_to_see_that_neither_is_right_is_enough_with_another_one() -> None:
    assert chosen(DIFFERING, person(saw=5), person(saw=5)) == "ask_more"
    assert chosen(DIFFERING, person(saw=8), person(saw=8)) == "accept"


def test_people_who_overlook_are_asked_on_and_in_the_end_the_line_is_keyed() -> None:
    careless = person(overlooked=4, saw=4)
    assert chosen(ALIKE, careless, careless) == "ask_more"
    assert chosen(DIFFERING, careless, careless, careless) == "unreadable"


def test_a_stricter_target_leaves_less_to_overlooking() -> None:
    answers = tuple(
        AnswerFact(task_id="t", worker=f"w{n}", text="SAGU 18", active_ms=1, received_at_ms=n) for n in range(2)
    )
    people = {f"w{n}": person(right=40) for n in range(2)}
    usual, strict = (transcription_rule(QualityRule(target_bp=target)) for target in (9_950, 9_990))
    assert decide(TaskBook(ALIKE, answers), people, usual).outcome == "accept"
    assert decide(TaskBook(ALIKE, answers), people, strict).outcome == "ask_more"


def test_somebody_who_sees_neither_outweighs_two_who_agree() -> None:
    said = ("SAGU 18", NEITHER, "SAGU 18")
    answers = tuple(
        AnswerFact(task_id="t", worker=f"w{n}", text=text, active_ms=1, received_at_ms=n) for n, text in enumerate(said)
    )
    people = {f"w{n}": person() for n in range(3)}
    assert decide(TaskBook(ALIKE, answers), people, RULE).outcome == "unreadable"
    assert decide(TaskBook(ALIKE, answers[:2]), people, RULE).outcome == "unreadable", "one word of neither suffices"
