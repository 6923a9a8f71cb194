"""The work of pages is counted before it is priced: never below what is expected, never above what can be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.pricing import make_quote
from manyhands.protocol.manifest import FeeRule, MachinePolicy, PayRule, Privacy, QualityRule

from .workload import KINDS, PageEstimate, workers_needed, workers_needed_for_fields, workload_of

PAY = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000)

pages = st.lists(
    st.builds(
        PageEstimate,
        doc_id=st.just("d"),
        page_no=st.integers(1, 9),
        kind=st.sampled_from([*KINDS, "letter"]),
        pieces=st.integers(0, 300),
        pieces_max=st.integers(0, 600),
        chars_per_piece=st.integers(0, 40),
    ),
    min_size=1,
    max_size=12,
)
rules = st.builds(
    QualityRule,
    target_bp=st.integers(5_000, 9_999),
    max_answers=st.integers(1, 15),
    gold_share_bp=st.integers(0, 3_000),
)
machines = st.sampled_from(["agreeing_readers", "none"])


@given(pages, rules, machines)
def test_what_is_funded_covers_what_is_expected(
    found: list[PageEstimate], rule: QualityRule, machine: MachinePolicy
) -> None:
    work = workload_of(found, quality=rule, machine=machine)
    assert 0 < work.pieces <= work.pieces_max
    assert 0 < work.asked_bp <= work.asked_max_bp <= 10_000
    assert 0 < work.answers_milli <= work.answers_max_milli <= 1_000 * rule.max_answers
    quote = make_quote(work, pay=PAY, rule=rule, fees=FeeRule())
    assert quote.expected_minor <= quote.total_minor


@given(pages, rules)
def test_without_a_machine_people_see_every_piece(found: list[PageEstimate], rule: QualityRule) -> None:
    alone = workload_of(found, quality=rule, machine="none")
    helped = workload_of(found, quality=rule, machine="agreeing_readers")
    assert alone.asked_bp == alone.asked_max_bp == 10_000
    assert alone.answers_max_milli >= helped.answers_max_milli
    assert alone.pieces == helped.pieces


@given(pages, pages, rules, machines)
def test_more_pages_are_never_less_work(
    some: list[PageEstimate], more: list[PageEstimate], rule: QualityRule, machine: MachinePolicy
) -> None:
    def most(found: list[PageEstimate]) -> int:
        return workload_of(found, quality=rule, machine=machine).pieces_max

    assert most(some + more) == most(some) + most(more)


def test_a_receipt_costs_the_answers_that_were_measured() -> None:
    receipt = PageEstimate(doc_id="r", page_no=1, kind="receipt", pieces=60, pieces_max=80)
    work = workload_of([receipt], quality=QualityRule(), machine="agreeing_readers")
    quote = make_quote(work, pay=PAY, rule=QualityRule(gold_share_bp=0), fees=FeeRule())
    assert 31 <= quote.answers_expected <= 33  # 31.9 a receipt in the measurement


def test_a_page_that_nobody_looked_at_is_priced_by_its_kind() -> None:
    work = workload_of(
        [PageEstimate(doc_id="i", page_no=1, kind="invoice")], quality=QualityRule(), machine="agreeing_readers"
    )
    assert (work.pieces, work.pieces_max) == (KINDS["invoice"].pieces, KINDS["invoice"].pieces_max)
    assert "usual length" in work.rests_on


def test_a_job_without_pages_has_no_workload() -> None:
    with pytest.raises(ValueError, match="without pages"):
        workload_of([], quality=QualityRule(), machine="none")


@given(pages, rules, machines)
def test_stricter_privacy_never_needs_fewer_workers(
    found: list[PageEstimate], rule: QualityRule, machine: MachinePolicy
) -> None:
    def needed(privacy: str) -> int:
        return workers_needed(found, privacy=privacy, quality=rule, machine=machine)  # type: ignore[arg-type]

    assert rule.max_answers == needed("off") <= needed("standard") <= needed("strict")


def test_strict_privacy_needs_as_many_workers_as_a_receipt_has_answers() -> None:
    receipt = PageEstimate(doc_id="r", page_no=1, kind="receipt", pieces=60, pieces_max=80)
    for gold_share_bp, known in ((0, 0), (500, 4)):  # a known piece that somebody was shown is a piece of the page
        rule = QualityRule(gold_share_bp=gold_share_bp)
        needed = workers_needed([receipt], privacy="strict", quality=rule, machine="agreeing_readers")
        assert 31 + known <= needed <= 33 + known


def test_an_audit_may_show_people_everything_and_a_try_out_shows_them_little() -> None:
    receipt = PageEstimate(doc_id="r", page_no=1, kind="receipt", pieces=60, pieces_max=80)
    rule = QualityRule(gold_share_bp=0)

    def strict(**more: Any) -> int:
        return workers_needed([receipt], privacy="strict", quality=rule, machine="agreeing_readers", **more)

    assert strict(audited=True) == 70  # 60 pieces, 1.16 answers each
    assert strict(pieces_max=10) == 12 < strict()


@given(
    st.lists(st.tuples(pages.map(lambda some: some[0]), st.integers(1, 12)), min_size=1, max_size=6),
    rules,
    machines,
    st.integers(0, 5),
)
def test_fields_never_need_fewer_people_for_more_of_them_or_for_more_privacy(
    found: list[tuple[PageEstimate, int]], rule: QualityRule, machine: MachinePolicy, more: int
) -> None:
    def needed(pages_of: list[tuple[PageEstimate, int]], privacy: Privacy) -> int:
        return workers_needed_for_fields(pages_of, privacy=privacy, quality=rule, machine=machine)

    for privacy in ("standard", "off"):
        assert rule.max_answers <= needed(found, privacy) <= needed([(p, n + more) for p, n in found], privacy)
    assert needed(found, "off") <= max(7, needed(found, "standard"))


def test_two_who_chose_nothing_of_a_picture_are_needed_beside_those_who_chose() -> None:
    receipt = PageEstimate(doc_id="r", page_no=1, kind="receipt", pieces=60)

    def needed(privacy: Privacy, **of_rule: Any) -> int:
        rule = QualityRule(**of_rule)
        return workers_needed_for_fields([(receipt, 4)], privacy=privacy, quality=rule, machine="agreeing_readers")

    assert needed("off") == 7  # three chose, two key one line, two the next
    assert needed("off", target_bp=9_960) == QualityRule().max_answers  # everything is keyed blind
    assert needed("standard") > needed("standard", target_bp=9_960) > QualityRule().max_answers
