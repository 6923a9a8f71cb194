"""How far a sample lets a rule be trusted, and what sums and check digits say."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.documents.acceptance import POLICIES
from manyhands.documents.audit import audit_size, sample_for_audit, threshold_from_audit, wrong_share_most_bp
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
