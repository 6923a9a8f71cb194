"""A keyed piece is settled by evidence: rules of reCAPTCHA and double keying, in any order, never by a reader alone."""

from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from manyhands.quality import fields, transcription
from manyhands.quality.errors import BadRule, UnknownMethod
from manyhands.quality.fields import FIELD_TYPES, iban_is_valid, luhn_is_valid, normalise
from manyhands.quality.transcription import (
    Accept,
    AskMore,
    Keyed,
    Reading,
    TranscriptionRule,
    Unreadable,
    answer_is_accepted,
    judge_worker,
    next_step,
    once_per_worker,
    worth_of_one_more,
)

RULE = TranscriptionRule()


def keyed(worker: str, text: str | None, *, skill_bp: int = 9_300, at: int = 1) -> Keyed:
    return Keyed(worker, text, active_ms=4_000, skill_bp=skill_bp, received_at_ms=at)


def read(text: str, confidence_bp: int = 9_000, reader: str = "ocr") -> Reading:
    return Reading(text, reader, confidence_bp)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(fields).failed == 0
    assert doctest.testmod(transcription).failed == 0


@pytest.mark.parametrize(
    ("field_type", "one", "other"),
    [
        ("amount", "RM 1,234.50", "1.234,5"),
        ("amount", "(3.50)", "-3.5"),
        ("amount", "1'234.50", "1 234.50"),
        ("amount", "１２.５０", "12.5"),
        ("number", "12.", "12"),
        ("date", "25.12.18", "Tue, 25 Dec 2018"),
        ("date", "2018-12-25T14:05", "25/12/2018 2:05 PM"),
        ("date", "3.4.2018", "03-04-2018"),
        ("code", "ab 12–3", "AB12-3"),
        ("iban", "gb82 west 1234 5698 7654 32", "GB82WEST12345698765432"),
        ("text", "“Tea”  – hot", '"Tea" - hot'),
    ],
)
def test_two_spellings_of_one_value_are_equal(field_type: str, one: str, other: str) -> None:
    assert normalise(one, field_type) == normalise(other, field_type)


@pytest.mark.parametrize(
    ("field_type", "one", "other"),
    [
        ("amount", "12.50", "1250"),
        ("amount", "12 50", "12.50"),
        ("amount", "2 x 3.00", "6.00"),
        ("number", "1.250", "1250"),
        ("date", "03/04/2018", "3 April 2018"),
        ("code", "O0", "00"),
        ("text", "tea", "Tea"),
    ],
)
def test_two_values_stay_apart(field_type: str, one: str, other: str) -> None:
    assert normalise(one, field_type) != normalise(other, field_type)


@settings(deadline=None)
@example("R\u0020\u00b8", "code")
@given(st.text(max_size=30), st.sampled_from(FIELD_TYPES))
def test_normalising_twice_changes_nothing_that_matters(text: str, field_type: str) -> None:
    once = normalise(text, field_type)
    if field_type in {"text", "code", "iban"}:
        assert normalise(once, field_type) == once


@settings(deadline=None)
@given(st.decimals(min_value=-10_000, max_value=10_000, places=2))
def test_every_amount_equals_itself_with_a_decimal_comma(value) -> None:
    assert normalise(f"{value}", "amount") == normalise(f"{value}".replace(".", ","), "amount")


def test_an_unknown_field_type_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(UnknownMethod, match="amount"):
        normalise("1", "colour")


def test_check_digits() -> None:
    assert iban_is_valid("DE89370400440532013000") and not iban_is_valid("DE89370400440532013001")
    assert luhn_is_valid("4539578763621486") and not luhn_is_valid("4539578763621487") and not luhn_is_valid("12a")


def test_a_person_equal_to_a_sure_reader_settles_it() -> None:
    step = next_step([read("12.50")], [keyed("w1", "12,5")], RULE, "amount")
    assert isinstance(step, Accept) and step.support == 1 and step.confidence_bp >= RULE.target_bp


def test_a_person_equal_to_an_unsure_reader_does_not_settle_it() -> None:
    step = next_step([read("12.50", 5_000)], [keyed("w1", "12.50", skill_bp=8_500)], RULE, "amount")
    assert isinstance(step, AskMore) and step.count == 1


def test_a_reader_alone_is_never_enough() -> None:
    step = next_step([read("1", 10_000), read("1", 10_000, "second"), read("1", 10_000, "third")], [], RULE, "text")
    assert isinstance(step, AskMore) and step.count == 1


def test_two_equal_persons_settle_it_against_a_reader() -> None:
    step = next_step([read("13.50", 9_900)], [keyed("w1", "12.50"), keyed("w2", "12.50")], RULE, "amount")
    assert isinstance(step, Accept) and step.value == "12.50"


def test_two_different_persons_ask_for_a_third() -> None:
    step = next_step([], [keyed("w1", "1"), keyed("w2", "2")], RULE, "number")
    assert step == AskMore(1, "2 values were keyed")


def test_one_worker_answering_twice_is_one_witness() -> None:
    step = next_step([], [keyed("w1", "1"), keyed("w1", "1", at=9)], RULE, "number")
    assert isinstance(step, AskMore)


def test_two_cannot_read_end_it_but_not_against_two_who_can() -> None:
    blind = [keyed("w1", None), keyed("w2", "  ")]
    assert isinstance(next_step([read("7")], blind, RULE, "text"), Unreadable)
    assert isinstance(next_step([], [*blind, keyed("w3", "7"), keyed("w4", "7")], RULE, "text"), Accept)


def test_at_the_cap_an_even_split_is_unreadable_and_the_best_supported_else_wins() -> None:
    split = [keyed("w1", "1"), keyed("w2", "1"), keyed("w3", "2"), keyed("w4", "2")]
    assert isinstance(next_step([], split, RULE, "text"), Unreadable)
    strict = TranscriptionRule(persons_agreeing=3, target_bp=10_000)
    won = [keyed("w1", "1"), keyed("w2", "1"), keyed("w3", "3"), keyed("w4", "2")]
    assert isinstance(next_step([], won, strict, "text"), Accept)


def test_a_wrong_check_digit_weighs_against_an_iban() -> None:
    good, bad = "GB82WEST12345698765432", "GB82WEST12345698765431"
    assert isinstance(next_step([read(good)], [keyed("w1", good)], RULE, "iban"), Accept)
    assert isinstance(next_step([read(bad)], [keyed("w1", bad)], RULE, "iban"), AskMore)


def test_the_spelling_that_two_persons_keyed_is_delivered_else_the_readers() -> None:
    twice = next_step([read("RM 12.50")], [keyed("w1", "12,50"), keyed("w2", "12,50")], RULE, "amount")
    assert isinstance(twice, Accept) and twice.value == "12,50"
    once = next_step([read("RM 12.50")], [keyed("w1", "12,50")], RULE, "amount")
    assert isinstance(once, Accept) and once.value == "RM 12.50"


def test_a_person_s_blanks_are_delivered_where_the_signs_are_the_reader_s() -> None:
    step = next_step([read("TEL:07-5547360")], [keyed("w1", "TEL: 07-5547360")], RULE, "code")
    assert isinstance(step, Accept) and step.value == "TEL: 07-5547360"


answers_strategy = st.lists(
    st.builds(
        keyed,
        st.sampled_from(["w1", "w2", "w3", "w4", "w5"]),
        st.sampled_from(["1", "2", "3", None]),
        skill_bp=st.integers(0, 10_000),
        at=st.integers(0, 5),
    ),
    max_size=6,
)
readings_strategy = st.lists(
    st.builds(read, st.sampled_from(["1", "2", "4"]), st.integers(0, 10_000), st.sampled_from(["a", "b"])), max_size=3
)


def test_of_two_answers_of_one_person_at_one_moment_the_order_of_arrival_decides_nothing() -> None:
    empty, silent, sure = (
        keyed("w1", "", skill_bp=9_000, at=3),
        keyed("w1", None, skill_bp=9_000, at=3),
        keyed("w1", "", skill_bp=9_900, at=3),
    )
    assert once_per_worker([empty, silent]) == once_per_worker([silent, empty]) == [silent]
    assert once_per_worker([empty, sure]) == once_per_worker([sure, empty]) == [empty]


@settings(deadline=None)
@given(readings_strategy, answers_strategy, st.randoms())
def test_the_order_of_arrival_changes_nothing(readings, answers, chance) -> None:
    step = next_step(readings, answers, RULE, "text")
    shuffled_readings, shuffled_answers = list(readings), list(answers)
    chance.shuffle(shuffled_readings)
    chance.shuffle(shuffled_answers)
    assert next_step(shuffled_readings, shuffled_answers, RULE, "text") == step


@settings(deadline=None)
@given(readings_strategy, answers_strategy)
def test_it_always_ends_at_the_cap_and_only_a_keyed_value_is_delivered(readings, answers) -> None:
    step = next_step(readings, answers, RULE, "text")
    workers = {answer.worker for answer in answers}
    if isinstance(step, AskMore):
        assert 1 <= step.count <= RULE.answers_max - len(workers)
    if isinstance(step, Accept):
        assert step.value in {answer.text for answer in answers} and 0 <= step.confidence_bp <= 10_000


@settings(deadline=None)
@given(st.sampled_from(["1", "2"]), st.integers(2, 5))
def test_unanimous_persons_give_that_answer(value, count) -> None:
    step = next_step([], [keyed(f"w{number}", value) for number in range(count)], RULE, "text")
    assert isinstance(step, Accept) and step.value == value and step.support == count


def test_a_worker_is_judged_only_by_a_certain_verdict() -> None:
    sure, unsure = Accept("12.50", 9_900, 2, "x"), Accept("12.50", 6_000, 1, "x")
    assert judge_worker(sure, keyed("w", "12,5"), "amount") == "right"
    assert judge_worker(sure, keyed("w", "13"), "amount") == "wrong"
    assert judge_worker(unsure, keyed("w", "13"), "amount") == "undecided"
    assert judge_worker(sure, keyed("w", None), "amount") == "undecided"
    assert judge_worker(Unreadable("x"), keyed("w", None), "amount") == "right"
    assert judge_worker(Unreadable("x"), keyed("w", "1"), "amount") == "undecided"


def test_only_gold_evidence_refuses_an_answer() -> None:
    assert answer_is_accepted(0, 4)
    assert not answer_is_accepted(0, 5)
    assert answer_is_accepted(1, 5)
    assert answer_is_accepted(5, 10) and not answer_is_accepted(1, 10)


def test_a_rule_outside_its_range_is_refused() -> None:
    with pytest.raises(BadRule, match="target_bp"):
        TranscriptionRule(target_bp=10_001)
    with pytest.raises(BadRule, match="answers_max"):
        TranscriptionRule(answers_max=0)


@given(
    support=st.dictionaries(st.sampled_from("abcdef"), st.integers(-3_000, 12_000), min_size=1, max_size=5),
    skill_bp=st.integers(5_500, 9_900),
)
def test_worth_of_one_more_is_the_expected_fall_of_error_counted_out(support: dict[str, int], skill_bp: int) -> None:
    rule = TranscriptionRule(newcomer_skill_bp=skill_bp, error_cost_minor=1_000_000)
    values = [*support, *(f"unseen {number}" for number in range(rule.alternatives + 1 - len(support)))]
    weight = {value: math.exp(support.get(value, 0) / 1000) for value in values}
    chance = {value: weight[value] / sum(weight.values()) for value in values}
    skill = skill_bp / 10_000
    after = sum(
        max(chance[truth] * (skill if truth == given else (1 - skill) / rule.alternatives) for truth in values)
        for given in values
    )
    seen = max(chance[value] for value in support)
    worth = worth_of_one_more(support, rule)
    # chances are whole basis points there, of up to 31 values
    assert worth >= 0
    if seen >= max(chance.values()):
        assert abs(worth / 1_000_000 - (after - seen)) < 0.003
