"""A job is refused only when it is shown to be bad, and says what the verdict rests on."""

from __future__ import annotations

import doctest
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.quality import acceptance_test
from manyhands.quality.acceptance_test import clopper_pearson_bp, judge_job, pieces_needed
from manyhands.quality.errors import BadRule
from manyhands.quality.fields import normalise


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(acceptance_test).failed == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.data())
def test_the_bound_is_the_exact_binomial_one(seen, data) -> None:
    right = data.draw(st.integers(1, seen))
    lower, upper = clopper_pearson_bp(right, seen)

    def at_least(share_bp: int) -> Fraction:
        p = Fraction(share_bp, 10_000)
        return sum((math.comb(seen, k) * p**k * (1 - p) ** (seen - k) for k in range(right, seen + 1)), Fraction(0))

    assert at_least(lower) <= Fraction(1, 20) < at_least(lower + 1)
    assert lower <= 10_000 * right // seen <= upper


def test_known_bounds() -> None:
    assert clopper_pearson_bp(50, 100) == (4136, 5864)
    assert clopper_pearson_bp(95, 100) == (8977, 9801)
    assert clopper_pearson_bp(3, 10) == (872, 6067)


@pytest.mark.parametrize("benchmark_bp", [5_000, 9_000, 9_500, 9_900, 9_950])
def test_so_many_right_pieces_show_a_benchmark_and_one_fewer_does_not(benchmark_bp) -> None:
    needed = pieces_needed(benchmark_bp)
    assert judge_job([("a", "a")] * needed, benchmark_bp).shown
    assert not judge_job([("a", "a")] * (needed - 1), benchmark_bp).shown


def test_a_job_shown_below_its_benchmark_is_refused() -> None:
    verdict = judge_job([("a", "a")] * 80 + [("a", "b")] * 20, 9_500)
    assert not verdict.accepted and verdict.measured_bp == 8_000 and verdict.upper_bp < 9_500


def test_a_job_not_shown_to_miss_its_benchmark_is_accepted_and_says_so() -> None:
    verdict = judge_job([("a", "a")] * 9 + [("a", "b")], 9_500)
    assert verdict.accepted and not verdict.shown
    assert any("neither shown nor missed" in reason for reason in verdict.rests_on)


def test_unreadable_counts_as_wrong_and_equal_values_as_right() -> None:
    verdict = judge_job(
        [("12,50", "12.5"), (None, "3")],
        5_000,
        same=lambda one, two: normalise(one, "amount") == normalise(two, "amount"),
    )
    assert (verdict.right, verdict.seen) == (1, 2)


def test_without_a_holdback_only_calibrated_confidence_can_refuse() -> None:
    assert judge_job([], 9_500, confidences_bp=[9_000]).accepted
    assert not judge_job([], 9_500, confidences_bp=[9_000], calibrated=True).accepted
    assert "nothing of this job was measured" in judge_job([], 9_500).rests_on[0]


def test_bad_figures_are_refused() -> None:
    with pytest.raises(BadRule):
        judge_job([], 10_001)
    with pytest.raises(BadRule):
        clopper_pearson_bp(3, 2)
    assert pieces_needed(10_000) == 0
