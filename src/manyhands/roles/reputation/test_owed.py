"""In which order everyone is paid when not all of it can be."""

from __future__ import annotations

from manyhands.protocol.evidence import PayoutsFile, WorkerPay
from manyhands.roles.reputation.decide import owed_in_order


def pay(worker: str, **more: int) -> WorkerPay:
    figures = {"base_minor": 0, "bonus_minor": 0, "top_up_minor": 0} | more
    return WorkerPay(worker=worker, answers=1, credited_ms=1, standing_bp=1, **figures)


def test_answers_come_before_what_makes_up_for_something_and_that_before_bonus() -> None:
    every = (
        pay("0xa", base_minor=5, bonus_minor=1),
        pay("0xb", base_minor=6, restored_minor=2, top_up_minor=3, bonus_minor=4, learning_minor=7),
        pay("0xc", jury_minor=9),
    )
    file = PayoutsFile(
        job_id="j", package_hash="", measured_bp=1, lower_bp=1, accepted=True, rests_on="", pay=every
    )  # fmt: skip
    owed = owed_in_order(file)
    assert owed == [("0xa", 5), ("0xb", 8), ("0xb", 10), ("0xc", 9), ("0xa", 1), ("0xb", 4)]
    assert sum(minor for _, minor in owed) == file.total_minor
