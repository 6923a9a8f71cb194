"""A report goes to three people who are drawn; a majority rules; everyone is told; nobody pays for an honest no."""

import pytest

from manyhands.chain.keys import RoleKey
from manyhands.pricing import reward_minor
from manyhands.pricing.jury import JUROR_EFFORT_MS
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.messages import JurorsDrawn, ReportFiled, ReportRuled, VoteCast

from .conftest import CHAIN_A, ESCROW, OPTIONS, House

PEOPLE = {key.address: key for key in (RoleKey.create(SeededIds(f"worker {number}")) for number in range(8))}
REPORTER, *OTHERS = PEOPLE


async def report(
    house: House, job_id: str, *, report_id: str = "rep-1", reporter: str = REPORTER, eligible: list[str] = OTHERS
) -> None:
    body = ReportFiled(
        job_id=job_id,
        report_id=report_id,
        task_id=f"task of {report_id}",
        reporter=reporter,
        code="inappropriate",
        text="this should not be here",
        picture_blob="",
        eligible=tuple(eligible),
        escrow=ESCROW,
        chain_id=CHAIN_A,
    )
    await house.say("exchange", body, to="jury")


def drawn(house: House) -> list[JurorsDrawn]:
    return [body for body in house.heard_by("exchange") if isinstance(body, JurorsDrawn)]


def rulings(house: House, role: str = "exchange") -> list[ReportRuled]:
    return [body for body in house.heard_by(role) if isinstance(body, ReportRuled)]  # type: ignore[arg-type]


async def vote(
    house: House, case: JurorsDrawn, juror: str, *, uphold: bool, signer: str | None = None, side: bool | None = None
) -> None:
    signed_side = uphold if side is None else side
    digest = bytes.fromhex((case.uphold_digest if signed_side else case.clear_digest)[2:])
    body = VoteCast(
        job_id=case.job_id,
        case_id=case.case_id,
        juror=juror,
        uphold=uphold,
        because="I looked at it",
        signature=PEOPLE[signer or juror].sign_hash(digest),
    )
    await house.say("exchange", body, to="jury")


async def ruling_purposes(house: House, job_id: str) -> list[str]:
    return [entry.purpose for entry in await house.transactions(job_id) if entry.purpose.startswith("ruling:")]


@pytest.mark.parametrize("uphold", [True, False])
async def test_two_of_three_rule_and_everyone_is_told_and_every_juror_paid(house: House, uphold: bool) -> None:
    job_id = await house.open_job()
    await report(house, job_id)
    (case,) = drawn(house)
    assert len(set(case.jurors)) == 3
    assert REPORTER not in case.jurors
    first, second, third = case.jurors
    await vote(house, case, first, uphold=uphold)
    assert await ruling_purposes(house, job_id) == []
    await vote(house, case, second, uphold=uphold)
    assert await ruling_purposes(house, job_id) == [f"ruling:{case.case_id}"]
    assert rulings(house) == []  # signatures are on their way; only the chain's word ends the case
    await vote(house, case, third, uphold=not uphold)
    await house.ruled(case.case_id, uphold=uphold)
    await house.ruled(case.case_id, uphold=uphold)
    pay_minor = reward_minor(OPTIONS.pay, effort_ms=JUROR_EFFORT_MS)
    for role in ("exchange", "recording", "reputation"):
        (told,) = rulings(house, role)
        assert (told.uphold, told.votes_for, told.votes_against) == (uphold, 2, 1)
        assert told.jurors_paid_minor == dict.fromkeys(case.jurors, pay_minor)
        assert REPORTER not in told.jurors_paid_minor
    assert (await house.launcher.view(job_id)).state == ("cancelling" if uphold else "open")
    assert await house.refusals() == []


async def test_a_split_jury_waits_for_its_third_vote(house: House) -> None:
    job_id = await house.open_job()
    await report(house, job_id)
    (case,) = drawn(house)
    for juror, uphold in zip(case.jurors, (True, False, False), strict=True):
        assert await ruling_purposes(house, job_id) == []
        await vote(house, case, juror, uphold=uphold)
    assert len(await ruling_purposes(house, job_id)) == 1


async def test_a_vote_counts_only_from_a_juror_with_the_jurors_own_signature(house: House) -> None:
    job_id = await house.open_job()
    await report(house, job_id)
    (case,) = drawn(house)
    outsider = next(worker for worker in OTHERS if worker not in case.jurors)
    first, second, third = case.jurors
    await vote(house, case, outsider, uphold=True)
    await vote(house, case, REPORTER, uphold=True)
    await vote(house, case, first, uphold=True, signer=second)
    await vote(house, case, second, uphold=True, side=False)
    reasons = await house.refusals()
    assert sum("was not drawn" in reason for reason in reasons) == 2
    assert sum("not signed by the juror" in reason for reason in reasons) == 2
    await vote(house, case, third, uphold=True)
    assert await ruling_purposes(house, job_id) == []


async def test_a_juror_votes_once(house: House) -> None:
    job_id = await house.open_job()
    await report(house, job_id)
    (case,) = drawn(house)
    await vote(house, case, case.jurors[0], uphold=True)
    await vote(house, case, case.jurors[0], uphold=True)
    await vote(house, case, case.jurors[0], uphold=False)
    assert await ruling_purposes(house, job_id) == []


async def test_a_report_waits_for_a_third_person_and_a_later_report_brings_one(house: House) -> None:
    job_id = await house.open_job()
    await report(house, job_id, eligible=OTHERS[:2])
    assert drawn(house) == []
    await report(house, job_id, report_id="rep-2", reporter=OTHERS[0], eligible=[REPORTER, *OTHERS[1:4]])
    assert {case.report_id for case in drawn(house)} == {"rep-1", "rep-2"}
    for case in drawn(house):
        assert {"rep-1": REPORTER, "rep-2": OTHERS[0]}[case.report_id] not in case.jurors


async def test_a_report_that_nobody_can_judge_ends_cleared_without_a_case(house: House) -> None:
    job_id = await house.open_job()
    await report(house, job_id, eligible=OTHERS[:2])
    await house.jury.tick()
    await house.settle()
    assert rulings(house) == []
    house.clock.now_ms += house.jury.policy.draw_wait_ms
    await house.jury.tick()
    await house.jury.tick()
    await house.settle()
    (told,) = rulings(house)
    assert (told.uphold, told.votes_for, told.votes_against, told.jurors_paid_minor) == (False, 0, 0, {})
    assert not any(entry.purpose.startswith("case:") for entry in await house.transactions(job_id))


async def test_a_case_without_a_majority_ends_cleared_and_who_voted_is_paid(house: House) -> None:
    job_id = await house.open_job()
    await report(house, job_id)
    (case,) = drawn(house)
    await vote(house, case, case.jurors[0], uphold=True)
    house.clock.now_ms += house.jury.policy.vote_wait_ms
    await house.jury.tick()
    await house.settle()
    (told,) = rulings(house)
    assert not told.uphold
    assert list(told.jurors_paid_minor) == [case.jurors[0]]
    await vote(house, case, case.jurors[1], uphold=True)
    assert any("after the case had ended" in reason for reason in await house.refusals())


async def test_a_case_with_a_majority_waits_for_the_chain_however_long(house: House) -> None:
    job_id = await house.open_job()
    await report(house, job_id)
    (case,) = drawn(house)
    for juror in case.jurors[:2]:
        await vote(house, case, juror, uphold=True)
    house.clock.now_ms += 10 * house.jury.policy.vote_wait_ms
    await house.jury.tick()
    await house.settle()
    assert rulings(house) == []


async def test_the_draw_can_be_checked_once_the_case_is_over(house: House) -> None:
    job_id = await house.open_job()
    await report(house, job_id)
    (case,) = drawn(house)
    before = await house.jury.draw_proof(job_id, "rep-1")
    assert before is not None and before.secret == "" and len(before.commitment) == 64
    for juror in case.jurors[:2]:
        await vote(house, case, juror, uphold=False)
    await house.ruled(case.case_id, uphold=False)
    after = await house.jury.draw_proof(job_id, "rep-1")
    assert after is not None and after.holds()
    assert after.commitment == before.commitment
    assert after.jurors == case.jurors


async def test_only_the_jobs_exchange_files_reports(house: House) -> None:
    job_id = await house.open_job()
    body = ReportFiled(
        job_id=job_id,
        report_id="rep-1",
        task_id="t",
        reporter=REPORTER,
        code="inappropriate",
        text="",
        picture_blob="",
        eligible=tuple(OTHERS),
        escrow=ESCROW,
        chain_id=CHAIN_A,
    )
    await house.say("recording", body, to="jury")
    assert drawn(house) == []
    assert any("is not the exchange" in reason for reason in await house.refusals())
