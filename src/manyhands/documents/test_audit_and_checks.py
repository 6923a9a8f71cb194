"""How far a sample lets a rule be trusted, and what sums and check digits say."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.documents.acceptance import POLICIES
from manyhands.documents.audit import (
    Audited,
    BelievedPiece,
    ShowThese,
    audit_size,
    next_of_audit,
    sample_for_audit,
    steps_from,
    threshold_from_audit,
    unseen_wrong_most_bp,
    wrong_share_most_bp,
)
from manyhands.documents.checks import failed_checks, pieces_to_ask_again
from manyhands.documents.fields import KindSpecInvalid, fields_of, kind_spec, kind_spec_of
from manyhands.documents.model import Box, DocumentRecord, Line

POLICY = POLICIES["agreement"]


def test_a_clean_sample_of_the_named_size_shows_the_named_share() -> None:
    for share_bp in (50, 100, 300):
        size = audit_size(wrong_share_bp=share_bp)
        assert wrong_share_most_bp(wrong=0, audited=size) <= share_bp
        assert wrong_share_most_bp(wrong=0, audited=size * 9 // 10) > share_bp


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(21, 2_000))
def test_more_wrong_ones_never_make_the_bound_smaller(wrong: int, audited: int) -> None:
    assert wrong_share_most_bp(wrong=wrong, audited=audited) <= wrong_share_most_bp(wrong=wrong + 1, audited=audited)


def test_the_bound_holds_in_nineteen_of_twenty_jobs() -> None:
    rng = random.Random(5)
    held = 0
    for _ in range(400):
        wrong = sum(rng.random() < 0.02 for _ in range(300))
        held += wrong_share_most_bp(wrong=wrong, audited=300) >= 200
    assert held >= 400 * 93 // 100


def test_the_sample_is_the_same_for_everybody_and_differs_by_job() -> None:
    ids = [f"piece-{i}" for i in range(500)]
    first = sample_for_audit(ids, job_id="a", count=50)
    assert first == sample_for_audit(reversed(ids), job_id="a", count=50)
    assert set(first) != set(sample_for_audit(ids, job_id="b", count=50))
    assert sample_for_audit(ids[:3], job_id="a", count=50).__len__() == 3


def test_a_threshold_moves_up_to_where_the_audit_supports_it() -> None:
    audited = [(5_500, i % 10 == 0) for i in range(200)] + [(8_000, False) for _ in range(800)]
    moved = threshold_from_audit(audited, POLICY, wrong_share_bp=100)
    assert moved is not None
    assert 5_500 < moved.joint_bp <= 8_000


def test_where_no_threshold_is_supported_everything_is_asked() -> None:
    assert threshold_from_audit([(9_000, False)] * 20, POLICY, wrong_share_bp=100) is None


LOOSEST_BP = 3_000


def audited(
    pile: list[BelievedPiece], is_wrong: dict[str, bool], *, job_id: str = "a", wrong_share_bp: int = 100, **rule: int
) -> tuple[Audited, dict[str, bool]]:
    """(outcome, what people were shown) of an audit whose people read everything right."""
    known: dict[str, bool] = {}
    for _ in range(10):
        step = next_of_audit(pile, known, job_id=job_id, loosest_bp=LOOSEST_BP, wrong_share_bp=wrong_share_bp, **rule)
        if isinstance(step, Audited):
            return step, known
        assert step.piece_ids and not set(step.piece_ids) & set(known), "it asks what nobody has said yet"
        known |= {piece_id: is_wrong[piece_id] for piece_id in step.piece_ids}
    raise AssertionError("an audit has three looks and one last question")


def pile_of(count: int, *, joint_bp: int = 8_000) -> list[BelievedPiece]:
    return [BelievedPiece(f"piece-{i}", joint_bp) for i in range(count)]


def test_a_pile_in_order_stays_unseen_after_one_look() -> None:
    pile = pile_of(5_000)
    outcome, known = audited(pile, dict.fromkeys((p.piece_id for p in pile), False))
    assert outcome.shown and outcome.threshold_bp == LOOSEST_BP and outcome.share_most_bp <= 100
    assert len(known) < 700 and outcome.unseen == 5_000 - len(known)


def test_what_is_wrong_below_a_threshold_is_shown_and_what_lies_above_stays_unseen() -> None:
    pile = pile_of(4_000) + [BelievedPiece(f"weak-{i}", 3_500) for i in range(500)]
    outcome, known = audited(pile, {p.piece_id: p.joint_bp < 5_000 and int(p.piece_id[-1]) < 4 for p in pile})
    assert outcome.shown and 3_500 < (outcome.threshold_bp or 0) <= 8_000
    assert all(f"weak-{i}" in known for i in range(500)), "all of the weak ones go to people"
    assert outcome.unseen > 2_000


def test_a_machine_that_is_often_wrong_is_believed_nothing() -> None:
    pile = pile_of(800)
    outcome, known = audited(pile, {p.piece_id: p.piece_id.endswith("7") for p in pile})
    assert outcome.threshold_bp is None and outcome.unseen == 0 and len(known) == 800


def test_a_pile_of_three_is_read_by_people_and_an_empty_one_by_nobody() -> None:
    pile = pile_of(3)
    outcome, known = audited(pile, dict.fromkeys((p.piece_id for p in pile), False))
    assert outcome.shown and outcome.unseen == 0 and len(known) == 3
    assert audited([], {})[0] == Audited(None, 0, 0, 0, 0, shown=True)


def test_a_sample_that_may_not_be_large_enough_says_that_nothing_is_shown() -> None:
    pile = pile_of(500)
    outcome, known = audited(pile, dict.fromkeys((p.piece_id for p in pile), False), sample_max_bp=1_000)
    assert not outcome.shown and outcome.share_most_bp > 100
    assert len(known) == 50 and outcome.unseen == 450


def test_the_same_answers_in_any_order_end_the_audit_the_same_way() -> None:
    pile = pile_of(900)
    is_wrong = {p.piece_id: p.piece_id == "piece-77" for p in pile}
    outcome, known = audited(pile, is_wrong)
    turned = dict(sorted(known.items(), reverse=True))
    again = next_of_audit(pile[::-1], turned, job_id="a", loosest_bp=LOOSEST_BP, wrong_share_bp=100)
    assert again == outcome


def test_the_promise_of_an_audit_holds_in_nineteen_of_twenty_jobs() -> None:
    rng = random.Random(3)
    broken = 0
    for job in range(60):
        share = rng.choice((0.005, 0.012, 0.02, 0.04))
        pile = [BelievedPiece(f"p{i}", rng.choice((3_500, 5_500, 7_500, 9_500))) for i in range(1_500)]
        is_wrong = {p.piece_id: rng.random() < share * (2 if p.joint_bp < 6_000 else 0.5) for p in pile}
        outcome, known = audited(pile, is_wrong, job_id=f"job {job}", wrong_share_bp=150)
        own = [p for p in pile if p.joint_bp >= (outcome.threshold_bp or 10_001)]
        unseen_wrong = sum(is_wrong[p.piece_id] for p in own if p.piece_id not in known)
        broken += unseen_wrong * 10_000 > 150 * max(1, len(own))
    assert broken <= 60 // 20


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 400), st.integers(0, 400), st.integers(0, 5))
def test_the_bound_of_a_pile_is_never_below_what_can_be_unseen_and_wrong(of: int, drawn: int, wrong: int) -> None:
    drawn, wrong = min(drawn, of), min(wrong, drawn, of)
    bound = unseen_wrong_most_bp(of=of, audited=drawn, wrong=wrong, doubt=0.05)
    assert 0 <= bound <= -(-(of - drawn) * 10_000 // of)
    assert drawn < of or bound == 0


def test_thresholds_begin_with_the_loosest_and_only_get_stricter() -> None:
    assert steps_from(3_000)[0] == 3_000 and list(steps_from(6_500)) == sorted(set(steps_from(6_500)))
    assert isinstance(next_of_audit(pile_of(9), {}, job_id="a", loosest_bp=3_000, wrong_share_bp=100), ShowThese)


def test_a_sum_that_does_not_hold_names_its_fields_and_one_that_holds_names_none() -> None:
    checks = [("sums_to_last", ("net", "tax", "total"))]
    assert failed_checks(checks, {"net": "10.00", "tax": "1.90", "total": "11.90"}) == {}
    assert set(failed_checks(checks, {"net": "10.00", "tax": "1.90", "total": "12.90"})) == {"net", "tax", "total"}
    assert failed_checks(checks, {"net": "10.00", "total": "12.90"}) == {}


def test_check_digits_and_order_of_dates_are_checked() -> None:
    assert failed_checks([("iban", ("iban",))], {"iban": "GB82 WEST 1234 5698 7654 32"}) == {}
    assert failed_checks([("iban", ("iban",))], {"iban": "GB82 WEST 1234 5698 7654 31"})
    assert failed_checks([("luhn", ("card",))], {"card": "7992-7398-710"})
    assert failed_checks([("dates_in_order", ("a", "b"))], {"a": "02.03.2024", "b": "01.03.2024"})


def _lines(*rows: tuple[str, str]) -> tuple[Line, ...]:
    made = []
    for y, (label, value) in enumerate(rows):
        made.append(Line(1, Box(10, 40 * y, 200, 40 * y + 24), label, "people", None, 1, (f"l{y}",)))
        made.append(Line(1, Box(300, 40 * y, 400, 40 * y + 24), value, "people", None, 1, (f"v{y}",)))
    return tuple(made)


def test_only_the_pieces_of_failing_fields_are_asked_again() -> None:
    lines = _lines(("GROSS PAY", "2,000.00"), ("DEDUCTIONS", "500.00"), ("NET PAY", "1,600.00"), ("PERIOD", "MAY"))
    record = DocumentRecord("p", "payslip", (), lines, fields_of(kind_spec("payslip"), lines, []), ())
    assert set(pieces_to_ask_again(record)) == {"v0", "v1", "v2"}
    right = _lines(("GROSS PAY", "2,000.00"), ("DEDUCTIONS", "500.00"), ("NET PAY", "1,500.00"))
    record = DocumentRecord("p", "payslip", (), right, fields_of(kind_spec("payslip"), right, []), ())
    assert pieces_to_ask_again(record) == ()


def test_a_check_that_nobody_knows_or_over_an_unknown_field_is_refused() -> None:
    field = "fields:\n  - {name: a, type: text, find: labelled}\n"
    for check in ("{name: moon_phase, fields: [a]}", "{name: is_date, fields: [b]}"):
        with pytest.raises(KindSpecInvalid):
            kind_spec_of(f"kind: x\n{field}checks:\n  - {check}\n")
