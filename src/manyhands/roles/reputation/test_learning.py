"""Pay for getting ready stands in the payouts file with what it rests on, and practice moves a standing a little."""

from __future__ import annotations

import msgspec

from manyhands.protocol.evidence import PayoutsFile
from manyhands.protocol.manifest import Learning, Manifest, PayRule
from manyhands.protocol.messages import Learned
from manyhands.quality import reputation
from manyhands.quality.acceptance_test import judge_job

from .decide import Replayed, moved_standings, payouts, with_practice

WORKER, NEWCOMER = "0x" + "a" * 40, "0x" + "b" * 40
MANIFEST = Manifest(
    job_id="j1", title="Receipts", requester="0xaa", task_type="transcription",
    pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000),
    learning=Learning(guide_ms=60_000, practice_ms=120_000, places=1),
    page_count=1, document_count=1, budget_minor=1_000_000, created_at_ms=1,
)  # fmt: skip
REPLAYED = Replayed(
    outcomes=(),
    accepted=0,
    base_minor={WORKER: 900_000, NEWCOMER: 900_000},
    answers={WORKER: 45, NEWCOMER: 45},
    credited_ms={WORKER: 270_000, NEWCOMER: 270_000},
    refused={},
)
READY = Learned(worker=NEWCOMER, guide="g1", practice="1", right=6, asked=6, at_ms=5)


def file_of(*learned: Learned, manifest: Manifest = MANIFEST) -> PayoutsFile:
    verdict = judge_job([], 9_000)
    return payouts(
        manifest, REPLAYED, verdict, package_hash="", jurors_minor={}, learned=learned
    )  # fmt: skip


def test_who_got_ready_is_paid_for_it_beside_the_work_and_the_file_says_why() -> None:
    plain, paid = file_of(), file_of(READY)
    assert paid.total_minor - plain.total_minor == 600_000
    by_worker = {pay.worker: pay for pay in paid.pay}
    assert by_worker[NEWCOMER].learning_minor == 600_000
    assert by_worker[NEWCOMER].base_minor == by_worker[WORKER].base_minor  # what batches reserved stays what it was
    assert by_worker[NEWCOMER].top_up_minor == by_worker[WORKER].top_up_minor  # its time is no time of the work
    assert paid.learned == (READY,)


def test_who_found_no_place_is_not_in_the_file_and_stays_due() -> None:
    second = msgspec.structs.replace(READY, worker=WORKER, at_ms=9)
    assert file_of(READY, second).learned == (READY,)


def test_a_job_from_before_the_rule_has_the_file_it_had() -> None:
    before = msgspec.structs.replace(MANIFEST, learning=msgspec.UNSET)
    assert file_of(READY, manifest=before) == file_of(manifest=before)


def scored(right: int, asked: int = 6) -> int:
    one = msgspec.structs.replace(READY, right=right, asked=asked)
    return moved_standings(with_practice(MANIFEST, [one], ()), {})[NEWCOMER].score_bp


def test_a_good_practice_raises_the_score_a_little_and_a_bad_one_does_not() -> None:
    newcomer = reputation.newcomer(reputation.Prior()).score_bp
    assert newcomer < scored(6) < newcomer + 400  # one and a half answers, not six
    assert scored(0) < newcomer
    assert scored(6) > scored(5) > scored(0)


def test_a_guide_that_was_read_measures_nothing() -> None:
    assert with_practice(MANIFEST, [msgspec.structs.replace(READY, practice="")], ()) == ()
