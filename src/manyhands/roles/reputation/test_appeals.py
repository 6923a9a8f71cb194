"""A granted appeal is paid like any accepted answer; a denied or forged one pays nothing."""

from __future__ import annotations

import msgspec
import pytest

from manyhands.protocol.appeals import BadRuling, vote_text
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.manifest import Manifest, PayRule
from manyhands.protocol.messages import AppealRuled, AppealVote
from manyhands.protocol.signing import LocalSigner
from manyhands.quality.acceptance_test import judge_job

from .decide import Replayed, payouts

WORKER = "0x" + "a" * 40
JURORS = [LocalSigner.create(SeededIds(f"juror {number}")) for number in range(3)]
MANIFEST = Manifest(
    job_id="j1", title="Receipts", requester="0xaa", task_type="transcription",
    pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000),
    page_count=1, document_count=1, budget_minor=1_000_000, created_at_ms=1,
)  # fmt: skip
REPLAYED = Replayed(
    outcomes=(),
    accepted=0,
    base_minor={WORKER: 0},
    answers={WORKER: 0},
    credited_ms={WORKER: 0},
    refused={(WORKER, "t1"): (20_000, 6_000), (WORKER, "t2"): (20_000, 12_000)},
)


def ruling(*, grant: bool, task_ids: tuple[str, ...] = ("t1", "t2"), appeal_id: str = "a1") -> AppealRuled:
    votes = tuple(
        AppealVote(juror=one.address, grant=grant, signature=one.sign_text(vote_text("j1", appeal_id, grant=grant)))
        for one in JURORS
    )
    return AppealRuled(
        job_id="j1", appeal_id=appeal_id, worker=WORKER, task_ids=task_ids, granted=grant, heard=True, because="",
        jurors=tuple(one.address for one in JURORS), votes=votes, jurors_paid_minor={},
    )  # fmt: skip


def total_minor(*appeals: AppealRuled) -> int:
    file = payouts(
        MANIFEST, REPLAYED, judge_job([], 9_000), package_hash="", jurors_minor={},
        appeals=appeals,
    )  # fmt: skip
    assert file.appeals == appeals
    assert all(pay.base_minor == 0 for pay in file.pay)  # what batches reserved stays what it was
    return file.total_minor


def test_a_granted_appeal_pays_what_the_answers_were_offered_for_and_never_below_the_floor() -> None:
    # two answers at 0.02; 18 s of credited time at 12 an hour are 0.06
    assert total_minor(ruling(grant=True)) == 60_000


def test_a_denied_appeal_pays_nothing() -> None:
    assert total_minor(ruling(grant=False)) == 0


def test_the_same_answer_is_given_back_once_and_a_strange_one_never() -> None:
    twice = ruling(grant=True, appeal_id="a2", task_ids=("t1", "t2", "somebody's"))
    assert total_minor(ruling(grant=True), twice) == total_minor(ruling(grant=True))


def test_a_ruling_without_its_signatures_stops_the_payment() -> None:
    forged = msgspec.structs.replace(ruling(grant=False), granted=True)
    with pytest.raises(BadRuling):
        total_minor(forged)
