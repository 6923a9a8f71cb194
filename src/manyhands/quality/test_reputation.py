"""Standing is replayable, fades, starts somewhere fair, and is a lower bound."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.quality import reference, reputation
from manyhands.quality.errors import BadRule
from manyhands.quality.reference import FinishedJob, expected, learn
from manyhands.quality.reputation import (
    CAP_INTO_JOB,
    DAY_MS,
    MICRO,
    Correction,
    Outcome,
    Prior,
    Standing,
    apply,
    as_of,
    into_job,
    newcomer,
    pooled_prior,
    replay,
    wilson_lower_bp,
)


def outcome(right: bool, at_ms: int = 0, worker: str = "0xa1", cause: str = "t") -> Outcome:
    return Outcome(worker, "receipt/amount", right=right, weight_bp=10_000, cause=cause, at_ms=at_ms)


events_strategy = st.lists(
    st.builds(outcome, st.booleans(), st.integers(0, 400 * DAY_MS), st.sampled_from(["0xa1", "0xb2"]), st.text("xy")),
    max_size=25,
)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(reputation).failed == 0
    assert doctest.testmod(reference).failed == 0


@settings(deadline=None)
@given(events_strategy, st.randoms())
def test_a_replay_in_any_order_gives_the_same_scores(events, chance) -> None:
    shuffled = [*events, *events[:3]]
    chance.shuffle(shuffled)
    assert replay(shuffled, {}) == replay(events, {})


@settings(deadline=None)
@given(events_strategy)
def test_a_replay_equals_applying_one_event_after_the_other(events) -> None:
    book = replay(events, {})
    for change in book.changes:
        assert 0 <= change.to_bp <= 10_000
    for (worker, skill), standing in book.standings.items():
        assert [change.to_bp for change in book.changes if (change.worker, change.skill) == (worker, skill)][
            -1
        ] == standing.score_bp
        assert standing.score_bp <= standing.mean_bp


def test_right_answers_raise_the_score_and_wrong_ones_lower_it() -> None:
    start = newcomer(Prior())
    assert apply(start, outcome(True), Prior()).score_bp > start.score_bp
    assert apply(start, outcome(False), Prior()).score_bp < start.score_bp


def test_a_long_good_record_approaches_its_share_from_below() -> None:
    standing = replay([outcome(number % 20 != 0, at_ms=number) for number in range(400)], {}).of(
        "0xa1", "receipt/amount"
    )
    assert 9_000 < standing.score_bp < standing.mean_bp < 9_600


def test_counts_fade_to_half_in_ninety_days_and_toward_the_newcomer() -> None:
    standing = Standing(100 * MICRO, 0, 0, 0, 0, "t")
    later = as_of(standing, 90 * DAY_MS, Prior())
    assert abs(later.right_micro - 50 * MICRO) < 10
    assert as_of(standing, 3_650 * DAY_MS, Prior()).score_bp == pytest.approx(newcomer(Prior()).score_bp, abs=5)


def test_counts_fade_to_half_in_five_hundred_answers() -> None:
    standing = Standing(0, 1_000 * MICRO, 0, 0, 0, "t")
    for _ in range(500):
        standing = apply(standing, Outcome("w", "s", True, 0, "t", 0), Prior())
    assert abs(standing.wrong_micro - 500 * MICRO) < 1_000


def test_a_correction_takes_back_but_never_below_nothing() -> None:
    wrong = apply(newcomer(Prior()), outcome(False), Prior())
    back = apply(wrong, Correction("0xa1", "receipt/amount", 0, -2 * MICRO, "appeal won", 1), Prior())
    assert back.wrong_micro == 0 and back.score_bp == newcomer(Prior()).score_bp and back.cause == "appeal won"


def test_a_reputation_enters_a_job_with_at_most_twenty_answers() -> None:
    famous = Standing(5_000 * MICRO, 100 * MICRO, 0, 0, 0, "t")
    right, wrong = into_job(famous, Prior())
    assert right + wrong == pytest.approx(CAP_INTO_JOB) and right / (right + wrong) > 0.97
    assert into_job(newcomer(Prior()), Prior()) == (8.5, 1.5)


def test_the_newcomers_prior_is_pooled_from_newcomers() -> None:
    alike = pooled_prior([(8, 2)] * 30)
    assert alike.right_micro / (alike.right_micro + alike.wrong_micro) == pytest.approx(0.8, abs=0.01)
    mixed = pooled_prior([(49, 1), (5, 45)] * 20)
    assert mixed.right_micro + mixed.wrong_micro < alike.right_micro + alike.wrong_micro
    assert pooled_prior([(1, 1)] * 4) == Prior()


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_the_bound_is_below_the_share_and_grows_with_evidence(right, wrong) -> None:
    share = 10_000 * right // (right + wrong)
    bound = wilson_lower_bp(right * MICRO, (right + wrong) * MICRO)
    assert bound <= share
    assert wilson_lower_bp(10 * right * MICRO, 10 * (right + wrong) * MICRO) >= bound


def test_a_weight_outside_its_range_is_refused() -> None:
    with pytest.raises(BadRule, match="weight_bp"):
        apply(newcomer(Prior()), Outcome("w", "s", True, 10_001, "t", 0), Prior())


def test_the_reference_is_learnt_from_finished_jobs_and_falls_back_to_the_wider_category() -> None:
    jobs = [FinishedJob("receipt", 100, 130, 650_000, 97, 100), FinishedJob("receipt", 100, 150, 700_000, 95, 100)]
    references = learn(jobs)
    assert references == learn(reversed(jobs))
    found = expected(references, "receipt/line")
    assert found is not None and found.jobs == 2 and found.answers_per_piece_milli == 1_400
    assert 9_500 < found.quality_bp < 9_600 and found.effort_ms_mean == 4_821
    assert expected(references, "audio") is None
    with pytest.raises(BadRule):
        learn([FinishedJob("x", 1, 1, 1, 2, 1)])
