"""An appeal goes to three people who have not seen the pieces; the ruling carries their signatures to whoever pays."""

import msgspec
import pytest

from manyhands.chain.keys import RoleKey
from manyhands.pricing import reward_minor
from manyhands.pricing.jury import JUROR_EFFORT_MS
from manyhands.protocol.appeals import BadRuling, check_ruling, vote_text
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.messages import AppealFiled, AppealJurorsDrawn, AppealRuled, AppealVote, AppealVoteCast

from .conftest import OPTIONS, House

PEOPLE = {key.address: key for key in (RoleKey.create(SeededIds(f"juror {number}")) for number in range(6))}
WORKER, *OTHERS = PEOPLE


async def appeal(house: House, job_id: str, *, eligible: list[str] = OTHERS) -> None:
    body = AppealFiled(
        job_id=job_id,
        appeal_id="appeal-1",
        worker=WORKER,
        words="I keyed what I saw",
        task_ids=("t1", "t2"),
        eligible=tuple(eligible),
    )
    await house.say("exchange", body, to="jury")


def drawn(house: House) -> AppealJurorsDrawn:
    return next(body for body in house.heard_by("exchange") if isinstance(body, AppealJurorsDrawn))


def rulings(house: House, role: str) -> list[AppealRuled]:
    return [body for body in house.heard_by(role) if isinstance(body, AppealRuled)]  # type: ignore[arg-type]


async def vote(house: House, job_id: str, juror: str, *, grant: bool, signer: str | None = None) -> None:
    text = vote_text(job_id, "appeal-1", grant=grant)
    signed = AppealVote(juror=juror, grant=grant, signature=PEOPLE[signer or juror].sign_text(text))
    body = AppealVoteCast(job_id=job_id, appeal_id="appeal-1", vote=signed, because="I looked at it")
    await house.say("exchange", body, to="jury")


@pytest.mark.parametrize("grant", [True, False])
async def test_two_of_three_decide_and_everyone_who_pays_gets_their_signatures(house: House, grant: bool) -> None:
    job_id = await house.open_job()
    await appeal(house, job_id)
    jurors = drawn(house).jurors
    assert len(set(jurors)) == 3 and WORKER not in jurors
    await vote(house, job_id, jurors[0], grant=not grant)
    await vote(house, job_id, jurors[1], grant=grant)
    assert rulings(house, "recording") == []
    await vote(house, job_id, jurors[2], grant=grant)
    pay_minor = reward_minor(OPTIONS.pay, effort_ms=JUROR_EFFORT_MS)
    for role in ("exchange", "recording", "reputation"):
        (told,) = rulings(house, role)
        assert (told.granted, told.heard, told.task_ids) == (grant, True, ("t1", "t2"))
        assert told.jurors_paid_minor == dict.fromkeys(jurors, pay_minor)
        check_ruling(told)
        with pytest.raises(BadRuling):
            check_ruling(msgspec.structs.replace(told, granted=not grant))
        with pytest.raises(BadRuling):
            check_ruling(msgspec.structs.replace(told, votes=(*told.votes[:2], told.votes[1])))
        with pytest.raises(BadRuling):
            check_ruling(msgspec.structs.replace(told, jurors_paid_minor={WORKER: 1}))
    assert not any(entry.purpose.startswith(("case:", "ruling:")) for entry in await house.transactions(job_id))


async def test_a_vote_counts_once_from_a_juror_with_the_jurors_own_signature(house: House) -> None:
    job_id = await house.open_job()
    await appeal(house, job_id)
    first, second, _ = drawn(house).jurors
    outsider = next(one for one in OTHERS if one not in drawn(house).jurors)
    await vote(house, job_id, outsider, grant=True)
    await vote(house, job_id, first, grant=True, signer=second)
    await vote(house, job_id, WORKER, grant=True)
    await vote(house, job_id, first, grant=True)
    await vote(house, job_id, first, grant=True)
    reasons = await house.refusals()
    assert sum("was not drawn" in reason for reason in reasons) == 2
    assert sum("not signed by the juror" in reason for reason in reasons) == 1
    assert rulings(house, "exchange") == []


async def test_an_appeal_that_nobody_can_judge_ends_for_the_worker_when_its_time_is_over(house: House) -> None:
    job_id = await house.open_job()
    await appeal(house, job_id, eligible=OTHERS[:2])
    house.clock.now_ms += house.jury.policy.appeal_wait_ms - 1
    await house.jury.tick()
    await house.settle()
    assert rulings(house, "exchange") == []
    house.clock.now_ms += 1
    await house.jury.tick()
    await house.jury.tick()
    await house.settle()
    (told,) = rulings(house, "reputation")
    assert (told.granted, told.heard, told.votes, told.jurors_paid_minor) == (True, False, (), {})
    check_ruling(told)


async def test_the_votes_that_came_decide_when_the_time_is_over(house: House) -> None:
    job_id = await house.open_job()
    await appeal(house, job_id)
    await vote(house, job_id, drawn(house).jurors[1], grant=False)
    house.clock.now_ms += house.jury.policy.appeal_wait_ms
    await house.jury.tick()
    await house.settle()
    (told,) = rulings(house, "exchange")
    assert (told.granted, told.heard, len(told.votes)) == (False, True, 1)
    check_ruling(told)
