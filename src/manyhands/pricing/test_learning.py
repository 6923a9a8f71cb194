"""Getting ready is paid to those who then work, within what the quote set aside, and to nobody else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.protocol.errors import BadManifest
from manyhands.protocol.manifest import FeeRule, Learning, Manifest, PayRule, QualityRule, check_manifest
from manyhands.protocol.messages import Learned

from .learning import due_minor, learning_pay, most_for_learning
from .quote import Workload, learning_for, make_quote

PAY = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000)
GUIDE_MINOR, PRACTICE_MINOR = 200_000, 400_000


def manifest(*, places: int | None) -> Manifest:
    fields = {} if places is None else {"learning": Learning(guide_ms=60_000, practice_ms=120_000, places=places)}
    return Manifest(
        job_id="j1", title="Receipts", requester="0xaa", task_type="transcription", pay=PAY, page_count=1,
        document_count=1, budget_minor=1_000_000, created_at_ms=1, **fields,
    )  # fmt: skip


def ready(worker: str, *, guide: str = "g1", practice: str = "1", at_ms: int = 0) -> Learned:
    return Learned(worker=worker, guide=guide, practice=practice, right=6, asked=6, at_ms=at_ms)


@pytest.mark.parametrize(
    ("guide", "practice", "minor"),
    [("g1", "1", GUIDE_MINOR + PRACTICE_MINOR), ("g1", "", GUIDE_MINOR), ("", "1", PRACTICE_MINOR), ("", "", 0)],
)
def test_each_part_is_paid_for_its_own_time(guide: str, practice: str, minor: int) -> None:
    one = ready("0xa", guide=guide, practice=practice)
    assert due_minor(manifest(places=1), one) == minor
    assert learning_pay(manifest(places=1), [one], {"0xa": 600_000}) == ({"0xa": minor} if minor else {})


LANGUAGES = Learning(guide_ms=60_000, practice_ms=0, places=2, other_guides_ms={"es": 66_000, "fr": 54_000})


@pytest.mark.parametrize(
    ("language", "minor"), [("", GUIDE_MINOR), ("es", 220_000), ("fr", 180_000), ("eo", GUIDE_MINOR)]
)
def test_a_guide_is_paid_for_its_length_in_the_language_it_was_read_in(language: str, minor: int) -> None:
    job = msgspec.structs.replace(manifest(places=1), learning=LANGUAGES)
    one = ready("0xa", practice="")
    one = msgspec.structs.replace(one, language=language) if language else one
    assert due_minor(job, one) == minor
    assert learning_pay(job, [one], {"0xa": minor}) == {"0xa": minor}
    assert learning_pay(job, [one], {"0xa": minor - 1}) == {}


def test_what_is_held_is_enough_for_the_longest_guide_in_every_place() -> None:
    job = msgspec.structs.replace(manifest(places=1), learning=LANGUAGES)
    assert most_for_learning(job) == 2 * 220_000


@pytest.mark.parametrize(("ms", "fits"), [(1_800_000, True), (1_800_001, False), (-1, False)])
def test_a_guides_time_is_bounded_in_every_language(ms: int, fits: bool) -> None:
    learning = msgspec.structs.replace(LANGUAGES, other_guides_ms={"es": ms})
    job = msgspec.structs.replace(manifest(places=1), learning=learning)
    if fits:
        check_manifest(job)
    else:
        with pytest.raises(BadManifest, match="other_guides_ms"):
            check_manifest(job)


def test_who_earned_as_much_in_the_job_is_paid_for_getting_ready() -> None:
    assert learning_pay(manifest(places=3), [ready("0xa")], {"0xa": 600_000}) == {"0xa": 600_000}


def test_who_earned_a_unit_less_waits_for_the_next_job() -> None:
    assert learning_pay(manifest(places=3), [ready("0xa")], {"0xa": 599_999}) == {}


def test_a_thousand_accounts_that_only_learn_get_nothing_and_take_no_place() -> None:
    farm = [ready(f"0xf{number}", at_ms=number) for number in range(1_000)]
    honest = ready("0xa", at_ms=5_000)
    base = dict.fromkeys((one.worker for one in farm), 20_000) | {"0xa": 700_000}  # one answer each, and an hour's work
    assert learning_pay(manifest(places=2), [*farm, honest], base) == {"0xa": 600_000}


def test_places_go_to_the_first_who_were_ready() -> None:
    base = dict.fromkeys("abc", 600_000)
    assert list(learning_pay(manifest(places=2), [ready("a"), ready("b"), ready("c")], base)) == ["a", "b"]


def test_a_worker_named_twice_takes_one_place() -> None:
    base = dict.fromkeys("ab", 9_000_000)
    told = [ready("a"), ready("a", practice=""), ready("b")]
    assert learning_pay(manifest(places=2), told, base) == {"a": 600_000, "b": 600_000}


def test_a_job_without_the_rule_pays_nothing_for_it() -> None:
    assert learning_pay(manifest(places=None), [ready("a")], {"a": 9_000_000}) == {}
    assert most_for_learning(manifest(places=None)) == 0


@given(st.integers(1, 5_000), st.integers(0, 40), st.lists(st.integers(0, 2_000_000), max_size=60))
def test_the_quote_holds_what_learning_can_cost(pieces: int, chars: int, bases: list[int]) -> None:
    work = Workload(
        pieces=pieces, pieces_max=2 * pieces, chars_per_piece=chars, asked_bp=4_000, asked_max_bp=10_000,
        answers_milli=1_300, answers_max_milli=4_000, rests_on="a guess",
    )  # fmt: skip
    learning = learning_for(work, pay=PAY, guide_ms=60_000, practice_ms=120_000)
    quotes = [make_quote(work, pay=PAY, rule=QualityRule(), fees=FeeRule(), learning=one) for one in (None, learning)]
    if learning is None:
        assert quotes[0] == quotes[1]
        return
    job = manifest(places=learning.places)
    paid = learning_pay(job, [ready(str(n)) for n in range(len(bases))], {str(n): b for n, b in enumerate(bases)})
    line = next(line for line in quotes[1].lines if line.label == "getting ready")
    assert sum(paid.values()) <= line.most_minor == most_for_learning(job)
    # a tenth of what answers are expected to cost: the requester pays for those who work, not for a school
    assert 10 * line.most_minor <= next(one for one in quotes[1].lines if one.label == "answers").expected_minor
