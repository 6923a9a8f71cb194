"""A quote adds up, covers what can happen, and never pays below the floor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.pricing import (
    Earned,
    Workload,
    credited_ms,
    daily_cap_of,
    determine_pay,
    effort_ms,
    extra_when_cancelled,
    make_quote,
    reward_minor,
)
from manyhands.protocol.manifest import FeeRule, PayRule, QualityRule

rates = st.integers(100_000, 200_000_000)


@st.composite
def pay_rules(draw: st.DrawFn) -> PayRule:
    floor = draw(rates)
    return PayRule(
        per_hour_minor=floor + draw(st.integers(0, 50_000_000)),
        floor_per_hour_minor=floor,
        bonus_max_bp=draw(st.integers(0, 3_000)),
    )


@given(pay_rules(), st.integers(0, 500))
def test_the_reward_of_a_median_answer_reaches_the_pay_per_hour(pay: PayRule, chars: int) -> None:
    effort = effort_ms(pay, chars=chars)
    assert reward_minor(pay, effort_ms=effort) * 3_600_000 >= effort * pay.per_hour_minor


@given(pay_rules(), st.integers(0, 10**9), st.integers(0, 10**8), st.integers(0, 10_000), st.booleans())
def test_pay_is_never_below_what_was_earned_nor_below_the_floor(
    pay: PayRule, base: int, credited: int, standing: int, accepted: bool
) -> None:
    earned = Earned(worker="0xa", answers=1, base_minor=base, credited_ms=credited, standing_bp=standing)
    total = determine_pay(pay, earned, accepted=accepted).total_minor
    assert total >= base
    assert total * 3_600_000 >= credited * pay.floor_per_hour_minor


@given(pay_rules(), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_better_standing_never_earns_less(pay: PayRule, one: int, other: int) -> None:
    def total(standing: int) -> int:
        earned = Earned(worker="0xa", answers=1, base_minor=1_000_000, credited_ms=0, standing_bp=standing)
        return determine_pay(pay, earned, accepted=True).total_minor

    low, high = sorted((one, other))
    assert total(low) <= total(high)


def test_a_job_below_the_benchmark_pays_no_bonus_but_all_that_was_earned() -> None:
    pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000)
    earned = Earned(worker="0xa", answers=1, base_minor=1_000_000, credited_ms=0, standing_bp=10_000)
    assert determine_pay(pay, earned, accepted=False).total_minor == 1_000_000
    assert determine_pay(pay, earned, accepted=True).total_minor == 1_100_000


def test_a_forgotten_tab_is_credited_up_to_the_cap_only() -> None:
    pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000)
    assert credited_ms(pay, effort_ms=5_000, active_ms=3_600_000) == 15_000
    assert credited_ms(pay, effort_ms=5_000, active_ms=14_999) == 14_999


@given(pay_rules(), st.integers(1, 5_000), st.integers(1, 40))
def test_the_funded_total_covers_every_answer_with_full_bonus_and_top_up(pay: PayRule, pieces: int, chars: int) -> None:
    workload = Workload(
        pieces=pieces, pieces_max=pieces * 2, chars_per_piece=chars, asked_bp=4_500, asked_max_bp=10_000,
        answers_milli=1_200, answers_max_milli=2_000, rests_on="a test",
    )  # fmt: skip
    quote = make_quote(workload, pay=pay, rule=QualityRule(), fees=FeeRule())
    assert quote.total_minor == sum(line.most_minor for line in quote.lines)
    assert quote.total_minor >= quote.expected_minor
    base = quote.answers_most * quote.reward_minor_per_answer
    held_back = quote.total_minor * FeeRule().total_bp // 10_000
    assert quote.total_minor - held_back >= base + base * pay.bonus_max_bp // 10_000


@given(
    pay_rules(),
    st.integers(1, 5_000),
    st.integers(1, 40),
    st.tuples(*[st.integers(0, 800)] * 3),
    st.integers(0, 10_000),
)
def test_the_fees_expected_are_what_the_escrow_takes_when_workers_get_what_is_expected(
    pay: PayRule, pieces: int, chars: int, bps: tuple[int, int, int], asked_bp: int
) -> None:
    workload = Workload(
        pieces=pieces, pieces_max=pieces * 2, chars_per_piece=chars, asked_bp=asked_bp, asked_max_bp=10_000,
        answers_milli=1_200, answers_max_milli=2_000, rests_on="a test",
    )  # fmt: skip
    fees = FeeRule(exchange_bp=bps[0], recording_bp=bps[1], reputation_bp=bps[2])
    quote = make_quote(workload, pay=pay, rule=QualityRule(), fees=fees)
    paid = sum(line.expected_minor for line in quote.lines[:-3])
    held_back = [quote.total_minor * bp // 10_000 for bp in bps]
    for line, held in zip(quote.lines[-3:], held_back, strict=True):
        owed = held * paid // (quote.total_minor - sum(held_back))  # as contracts/Escrow.vy ends such a job
        assert owed <= line.expected_minor <= owed + 2
        assert line.expected_minor <= line.most_minor


def test_a_fee_line_says_what_it_follows_and_what_it_comes_to_of_the_pay() -> None:
    pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000)
    workload = Workload(
        pieces=100, pieces_max=150, chars_per_piece=11, asked_bp=4_500, asked_max_bp=10_000,
        answers_milli=1_200, answers_max_milli=2_000, rests_on="a test",
    )  # fmt: skip
    line = make_quote(workload, pay=pay, rule=QualityRule(), fees=FeeRule()).lines[-1]
    assert line.because == (
        "1.03 % of what workers are paid, fixed when this quote is signed; held back from what is funded"
    )  # 100 of 9,700 basis points
    assert line.expected_minor * 4 < line.most_minor


@pytest.mark.parametrize("share", ["exchange_bp", "recording_bp", "reputation_bp"])
def test_a_dearer_operator_makes_a_dearer_quote(share: str) -> None:
    pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000)
    workload = Workload(
        pieces=100, pieces_max=150, chars_per_piece=11, asked_bp=4_500, asked_max_bp=10_000,
        answers_milli=1_200, answers_max_milli=2_000, rests_on="a test",
    )  # fmt: skip
    cheap = make_quote(workload, pay=pay, rule=QualityRule(), fees=FeeRule(**{share: 0}))
    dear = make_quote(workload, pay=pay, rule=QualityRule(), fees=FeeRule(**{share: 500}))
    assert dear.total_minor > cheap.total_minor


@pytest.mark.parametrize(("parts", "all_held"), [(2, True), (9, True), (10, False), (30, False)])
def test_what_comes_on_top_fits_into_a_cancellations_three_days_under_a_cap_of_few_parts(
    parts: int, all_held: bool
) -> None:
    work = Workload(
        pieces=20_000, pieces_max=20_000, chars_per_piece=20, asked_bp=3_000, asked_max_bp=6_000, answers_milli=2_300,
        answers_max_milli=5_000, rests_on="figures of this test",
    )  # fmt: skip
    pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000)
    quote = make_quote(work, pay=pay, rule=QualityRule(), fees=FeeRule())
    cap = daily_cap_of(quote, parts)
    assert cap is not None
    most, held = extra_when_cancelled(quote, cap)
    assert most * 1_000 // quote.total_minor == 305, "bonus, top-ups and jury in a thousand of the funds"
    assert (held == most) is all_held and held <= 3 * cap.per_day_minor
