"""Refused answers can be appealed, a job waits for it, and jurors vote without knowing whose answers they see."""

from __future__ import annotations

import pytest

from manyhands.protocol.appeals import check_ruling, outcome_of
from manyhands.protocol.messages import AppealFiled, AppealJurorsDrawn, AppealRuled, AppealVoteCast, TasksOpened
from manyhands.roles.exchange import Given
from manyhands.roles.exchange.appealing import APPEAL_WINDOW_MS
from manyhands.roles.exchange.errors import BadRequest, NoSuchCase, NothingToAppeal
from manyhands.roles.exchange.testing import OpenJob, put_open_job

from .scripted import House

JOB = "job-1"


async def refused_worker(house: House, *, tasks: int = 2) -> tuple[str, list[str]]:
    """A job of people in which one worker answered everything and two answers were refused. Returns the people too."""
    async with house.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id=JOB, per_page=tasks, exchange=house.keys["exchange"].address))
        for role in ("launcher", "recording", "reputation", "jury"):
            await tx.execute(f"update exchange.jobs set {role} = %s where job_id = %s", (house.keys[role].address, JOB))
    people = [(await house.exchange.sign_up(f"person {number}", "a long password"))[1].worker for number in range(5)]
    worker, *others = people
    bundle = await house.exchange.claim(worker, JOB, 20)
    await house.exchange.submit(worker, JOB, [Given(one.assignment_id, "x", 4_000) for one in bundle.assignments])
    await house.settle_down()
    async with house.db.transaction() as tx:
        await tx.execute(
            "update exchange.assignments set outcome = 'refused', earned_minor = 0, code = 'known_answers_wrong', "
            "because = '0 of 5 known answers were right' where job_id = %s",
            (JOB,),
        )
        await tx.execute("update exchange.earnings set refused = answers, decided_minor = collected_minor")
        await tx.execute("update exchange.tasks set state = 'unreadable', decided_batch = 1 where job_id = %s", (JOB,))
        await tx.execute(
            "update exchange.jobs set undecided = 0, refused_at_ms = %s where job_id = %s", (house.clock.now_ms, JOB)
        )
    return worker, others


async def rule(house: House, appeal: AppealFiled, votes: list[AppealVoteCast], jurors: tuple[str, ...]) -> AppealRuled:
    cast = tuple(body.vote for body in votes)
    outcome = outcome_of(jurors, cast, time_is_over=True)
    assert outcome is not None
    ruling = AppealRuled(
        job_id=JOB, appeal_id=appeal.appeal_id, worker=appeal.worker, task_ids=appeal.task_ids,
        granted=outcome.granted, heard=outcome.heard, because=outcome.because, jurors=jurors, votes=cast,
        jurors_paid_minor={one.juror: 7 for one in cast},
    )  # fmt: skip
    check_ruling(ruling)
    assert (await house.say("jury", ruling)).outcome == "applied"
    return ruling


@pytest.mark.parametrize("grant", [True, False])
async def test_an_appeal_is_judged_by_people_who_see_pieces_and_not_whose_they_are(house: House, grant: bool) -> None:
    worker, others = await refused_worker(house)
    appeal_id = await house.exchange.appeal(worker, JOB, "I keyed what I saw")
    assert await house.exchange.appeal(worker, JOB, "asked again") == appeal_id
    await house.settle_down()
    (filed,) = house.told(AppealFiled)
    assert set(filed.eligible) == set(others) and len(filed.task_ids) == 2
    jurors = tuple(others[:3])
    await house.say("jury", AppealJurorsDrawn(job_id=JOB, appeal_id=appeal_id, jurors=jurors))
    (case,) = await house.exchange.jury_cases(jurors[0])
    assert (case.kind, case.text, len(case.exhibits)) == ("appeal", "I keyed what I saw", 2)
    assert {one.text for one in case.exhibits} == {"x"}
    assert worker not in str(case)
    for juror in jurors[:2]:
        await house.exchange.jury_vote(juror, appeal_id, uphold=grant, because="I looked")
        await house.exchange.jury_vote(juror, appeal_id, uphold=grant, because="I looked")
    with pytest.raises(NoSuchCase):  # two of three have decided: a third vote could not be paid
        await house.exchange.jury_vote(jurors[2], appeal_id, uphold=grant, because="late")
    await house.settle_down()
    assert house.told(TasksOpened) == []  # the job waits
    await rule(house, filed, house.told(AppealVoteCast), jurors)
    (told,) = await house.exchange.appeals(worker)
    assert (told.state, told.restored_minor) == (("granted", 40_000) if grant else ("denied", 0))
    await house.settle_down()
    (ended,) = house.told(TasksOpened)
    assert ended.complete and ended.appeals == (appeal_id,)
    with pytest.raises(NothingToAppeal):
        await house.exchange.appeal(worker, JOB, "once more")


async def test_a_job_with_refused_answers_waits_a_day_for_an_appeal_and_no_longer(house: House) -> None:
    worker, _ = await refused_worker(house)
    (first, second) = await house.exchange.refusals(worker)
    assert first.can_appeal and second.because == "0 of 5 known answers were right"
    await house.settle_down()
    assert house.told(TasksOpened) == []
    house.clock.now_ms += APPEAL_WINDOW_MS
    await house.settle_down()
    assert [body.complete for body in house.told(TasksOpened)] == [True]
    with pytest.raises(Exception, match="this job has ended"):
        await house.exchange.appeal(worker, JOB, "too late")


async def test_an_appeal_says_why_and_only_about_refused_answers(house: House) -> None:
    worker, others = await refused_worker(house)
    with pytest.raises(BadRequest):
        await house.exchange.appeal(worker, JOB, "  ")
    with pytest.raises(NothingToAppeal):
        await house.exchange.appeal(others[0], JOB, "nothing of mine was refused")
