"""Standing is replayable, fades, starts somewhere fair, and is a lower bound."""

from __future__ import annotations

import doctest

import msgspec
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
    of_type,
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


# --- by answer type -------------------------------------------------------------------------------------------------

TYPES = ["", "amount", "text", "date"]
typed_events = st.lists(
    st.one_of(
        st.builds(
            Outcome, st.sampled_from(["0xa1", "0xb2"]), st.just("receipt"), st.booleans(), st.integers(0, 10_000),
            st.text("xy", max_size=3), st.integers(0, 400 * DAY_MS), st.sampled_from(TYPES),
        ),
        st.builds(
            Correction, st.sampled_from(["0xa1", "0xb2"]), st.just("receipt"), st.integers(-3 * MICRO, MICRO),
            st.integers(-3 * MICRO, MICRO), st.text("xy", max_size=3), st.integers(0, 400 * DAY_MS),
            st.sampled_from(TYPES),
        ),
    ),
    max_size=30,
)  # fmt: skip


def untyped(event: Outcome | Correction) -> Outcome | Correction:
    return msgspec.structs.replace(event, answer_type="")


@settings(deadline=None)
@given(typed_events, st.randoms())
def test_a_replay_by_type_in_any_order_gives_the_same_standings_to_the_byte(events, chance) -> None:
    shuffled = [*events, *events[:4]]
    chance.shuffle(shuffled)
    assert msgspec.json.encode(list(replay(shuffled, {}).standings.values())) == msgspec.json.encode(
        list(replay(events, {}).standings.values())
    )
    assert replay(shuffled, {}).changes == replay(events, {}).changes


@settings(deadline=None)
@given(typed_events)
def test_telling_types_moves_no_number_of_the_whole_and_its_types_add_up_to_it(events) -> None:
    # the same events in the same order: a cause of its own each, so that no two become one without their types
    numbered = [msgspec.structs.replace(one, at_ms=place, cause=f"{place:02}") for place, one in enumerate(events)]
    told, plain = replay(numbered, {}), replay([untyped(one) for one in numbered], {})
    for key, one in told.standings.items():
        whole = plain.standings[key]
        assert (one.right_micro, one.wrong_micro, one.score_bp, one.mean_bp) == (
            whole.right_micro, whole.wrong_micro, whole.score_bp, whole.mean_bp
        )  # fmt: skip
        assert whole.types == {}
        for place, count in enumerate((one.right_micro, one.wrong_micro)):
            assert all(own[place] >= 0 for own in one.types.values())
            if one.types and not any(isinstance(event, Correction) for event in numbered):
                # each type is rounded down by itself
                assert 0 <= count - sum(own[place] for own in one.types.values()) <= 3 * len(numbered) * len(TYPES)


@settings(deadline=None)
@given(typed_events, st.sampled_from(TYPES))
def test_answers_of_one_type_alone_are_believed_as_the_whole_is(events, answer_type) -> None:
    book = replay([msgspec.structs.replace(one, answer_type=answer_type) for one in events], {})
    for standing in book.standings.values():
        found = of_type(standing, answer_type, Prior())
        assert (found.score_bp, found.mean_bp) == (standing.score_bp, standing.mean_bp)
        assert into_job(standing, Prior(), answer_type=answer_type) == into_job(standing, Prior())


@settings(deadline=None)
@given(typed_events, st.sampled_from(TYPES), st.integers(1, 50))
def test_a_type_lies_between_its_own_answers_the_others_and_the_prior(events, answer_type, lean) -> None:
    for standing in replay(events, {}).standings.values():
        own = standing.types.get(
            answer_type, (0, 0) if standing.types else (standing.right_micro, standing.wrong_micro)
        )
        others = [counts for name, counts in standing.types.items() if name != answer_type]
        of_others = (sum(one[0] for one in others), sum(one[1] for one in others))
        shares = [10_000 * right // (right + wrong) for right, wrong in (own, of_others, (85, 15)) if right + wrong]
        found = of_type(standing, answer_type, Prior(), lean=lean)
        assert min(shares) - 1 <= found.mean_bp <= max(shares) + 1
        assert found.score_bp <= found.mean_bp


def test_who_is_good_at_amounts_and_bad_at_texts_is_believed_so() -> None:
    amounts = [Outcome("w", "s", n % 50 != 0, 10_000, f"a{n}", n, "amount") for n in range(100)]
    texts = [Outcome("w", "s", n % 5 < 3, 10_000, f"t{n}", 200 + n, "text") for n in range(100)]
    book = replay([*amounts, *texts], {})
    whole = book.of("w", "s").mean_bp
    assert book.of_type("w", "s", "amount").mean_bp > 9_300 > whole + 1_000
    assert book.of_type("w", "s", "text").mean_bp < 6_600 < whole - 1_000
    # of what was never seen, what the others foretell: less than five answers' worth
    assert abs(book.of_type("w", "s", "date").mean_bp - whole) < 500
    assert book.of_type("w", "s", "date").score_bp < book.of("w", "s").score_bp


def test_a_few_answers_of_a_type_lean_on_the_many_others() -> None:
    many = [Outcome("w", "s", True, 10_000, f"a{n}", n, "amount") for n in range(200)]
    one_wrong = Outcome("w", "s", False, 10_000, "t", 300, "text")
    leaning = replay([*many, one_wrong], {}).of_type("w", "s", "text").mean_bp
    alone = replay([one_wrong], {}).of_type("w", "s", "text").mean_bp
    assert alone < 8_000 < leaning


def test_what_was_counted_before_types_were_told_foretells_every_type() -> None:
    before = [outcome(n % 10 != 0, at_ms=n, cause=f"{n}") for n in range(200)]
    standing = replay(before, {}).of("0xa1", "receipt/amount")
    assert standing.types == {}
    foretold = of_type(standing, "amount", Prior())
    assert abs(foretold.mean_bp - standing.mean_bp) < 400 and foretold.score_bp < standing.score_bp
    after = apply(standing, Outcome("0xa1", "receipt/amount", True, 10_000, "t", 201, "amount"), Prior())
    assert set(after.types) == {"", "amount"}
    assert abs(sum(after.types[""]) - sum((standing.right_micro, standing.wrong_micro))) < MICRO


def test_a_change_tells_its_type_with_the_score_before_and_after() -> None:
    first, second = replay(
        [Outcome("w", "s", True, 10_000, "t1", 1, "date"), outcome(False, worker="w", cause="t2", at_ms=2)], {}
    ).changes
    assert (first.answer_type, first.type_from_bp) == ("date", newcomer(Prior()).score_bp)
    assert first.type_to_bp > first.type_from_bp
    assert (second.answer_type, second.type_from_bp, second.type_to_bp) == ("", 0, 0)


def test_a_worker_believed_by_type_enters_a_job_with_at_most_twenty_answers() -> None:
    famous = Standing(
        900 * MICRO, 100 * MICRO, 0, 0, 0, "t", {"amount": (500 * MICRO, 0), "text": (400 * MICRO, 100 * MICRO)}
    )
    right, wrong = into_job(famous, Prior(), answer_type="amount")
    assert right + wrong == pytest.approx(CAP_INTO_JOB) and right / (right + wrong) > 0.98
    right, wrong = into_job(famous, Prior(), answer_type="text")
    assert right + wrong == pytest.approx(CAP_INTO_JOB) and 0.78 < right / (right + wrong) < 0.82


def test_types_fade_with_the_whole() -> None:
    standing = Standing(100 * MICRO, 0, 0, 0, 0, "t", {"amount": (60 * MICRO, 0), "text": (40 * MICRO, 0)})
    later = as_of(standing, 90 * DAY_MS, Prior())
    assert abs(later.types["amount"][0] - 30 * MICRO) < 10 and abs(later.types["text"][0] - 20 * MICRO) < 10
