"""Pay for getting ready, between the two oracles: what the recording oracle reserves for it at most, and that a version
is paid once, whatever an exchange says and whichever job comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from manyhands.protocol import canonical
from manyhands.protocol.evidence import PayoutsFile
from manyhands.protocol.manifest import Learning, PayRule, parse_manifest
from manyhands.protocol.messages import (
    ExtraPayDetermined,
    ExtraPayReserved,
    Learned,
    ResultsAssembled,
    TaskFacts,
    TasksOpened,
)
from manyhands.roles.recording import RecordingOracle
from manyhands.store.database import rows

from .conftest import OPTIONS, House
from .test_oracles import A, B, C, answers, facts, open_job, reputation_of
from .test_oracles import rooms as rooms

REWARD_MINOR = 150_000
LEARNING = Learning(guide_ms=60_000, practice_ms=120_000, places=1)
PAY = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000, bonus_max_bp=0)
DUE_MINOR = 600_000
"""Three minutes at the pay per hour: what guide and practice are worth. With no bonus and pay far above the floor it is
all that a worker of these jobs may be paid beside their rewards."""


@pytest.fixture
def bookkeeper(house: House) -> House:
    """The house with a recording oracle at work; a scripted reputation oracle asks it for money."""
    recording = RecordingOracle(house.context("recording"), house.desk("recording"))
    house.mailbox.register("recording", house.keys["recording"].address, recording.on_message)
    return house


@pytest.fixture
def oracles(bookkeeper: House) -> House:
    """Both oracles at work."""
    reputation = reputation_of(bookkeeper)
    bookkeeper.mailbox.register("reputation", bookkeeper.keys["reputation"].address, reputation.on_message)
    for work, body in reputation.jobs().items():
        bookkeeper.work.task(work)(body)
    return bookkeeper


def ready(worker: str, *, guide: str = "g1", practice: str = "p1") -> Learned:
    return Learned(worker=worker, guide=guide, practice=practice, right=9, asked=10 if practice else 0, at_ms=1)


async def another_job(house: House, tasks: Sequence[TaskFacts], key: str) -> str:
    """A further job in the same house, with its escrow beside the first one's."""
    options = msgspec.structs.replace(OPTIONS, request_key=key)
    view = await house.launcher.draft([await house.page("r1")], options)
    await house.launcher.approve(view.job_id)
    await house.settle()
    await house.launched(view.job_id)
    opened = TasksOpened(job_id=view.job_id, batch_no=1, tasks=tuple(tasks), complete=False)
    await house.say("exchange", opened, to="recording")
    return view.job_id


async def worked(
    house: House,
    told: Sequence[Learned],
    *,
    answered: dict[str, int],
    learning: Learning | None = LEARNING,
    key: str = "march",
) -> str:
    """A job in which each worker gave so many right answers; the exchange has said whom it pays for getting ready."""
    tasks = max(answered.values())
    known = [
        msgspec.structs.replace(facts(f"t{n:02}", f"word {n}", gold=True), reward_minor=REWARD_MINOR)
        for n in range(tasks)
    ]
    job_id = await (open_job(house, known) if key == "march" else another_job(house, known, key))
    async with house.db.transaction() as tx:
        for room in ("recording", "reputation"):
            for (raw,) in await rows(tx, f"select manifest from {room}.jobs where job_id = %s", [job_id]):
                changed = msgspec.structs.replace(parse_manifest(raw), learning=learning or msgspec.UNSET, pay=PAY)
                await tx.execute(
                    f"update {room}.jobs set manifest = %s where job_id = %s", (canonical.encode(changed), job_id)
                )
    given = [(f"t{n:02}", worker, f"word {n}") for worker, count in answered.items() for n in range(count)]
    await answers(house, job_id, 1, *given)
    done = TasksOpened(job_id=job_id, batch_no=2, tasks=(), complete=True, learned=tuple(told))
    await house.say("exchange", done, to="recording")
    return job_id


async def asked(house: House, job_id: str, extra_minor: dict[str, int]) -> bool:
    """The reputation oracle asks for extra pay; whether all of it was reserved, else it was refused for good."""
    body = ExtraPayDetermined(job_id=job_id, extra_minor=extra_minor, payouts_blob="")
    await house.say("reputation", body, to="recording")
    said = [one for one in house.heard_by("reputation") if isinstance(one, ExtraPayReserved)]
    refused = [one for one in await house.refusals() if "follow from the records" in one]
    assert len(said) + len(refused) == 1, (said, refused)
    return bool(said)


@pytest.mark.parametrize(("beyond_minor", "reserved"), [(0, True), (1, False)])
async def test_what_getting_ready_is_worth_is_reserved_and_not_a_unit_more(
    bookkeeper: House, beyond_minor: int, reserved: bool
) -> None:
    job_id = await worked(bookkeeper, [ready(A)], answered={A: 4, B: 4})
    assert await asked(bookkeeper, job_id, {A: DUE_MINOR + beyond_minor}) == reserved


async def test_nothing_is_reserved_for_whom_the_exchange_did_not_name(bookkeeper: House) -> None:
    job_id = await worked(bookkeeper, [ready(A)], answered={A: 4, B: 4})
    assert not await asked(bookkeeper, job_id, {B: 1})


@pytest.mark.parametrize(("right_answers", "reserved"), [(3, False), (4, True)])
async def test_who_earned_less_than_it_is_worth_is_not_paid_for_it(
    bookkeeper: House, right_answers: int, reserved: bool
) -> None:
    assert 3 * REWARD_MINOR < DUE_MINOR <= 4 * REWARD_MINOR
    job_id = await worked(bookkeeper, [ready(A)], answered={A: right_answers, B: 4})
    assert await asked(bookkeeper, job_id, {A: DUE_MINOR}) == reserved


@pytest.mark.parametrize(("times", "reserved"), [(1, True), (2, False)])
async def test_a_worker_named_twice_is_paid_once(bookkeeper: House, times: int, reserved: bool) -> None:
    job_id = await worked(bookkeeper, [ready(A), ready(A, guide="g2", practice="p2")], answered={A: 9, B: 9})
    assert await asked(bookkeeper, job_id, {A: times * DUE_MINOR}) == reserved


@pytest.mark.parametrize(("places", "reserved"), [(1, False), (2, True)])
async def test_all_together_are_held_to_the_places_of_the_job(bookkeeper: House, places: int, reserved: bool) -> None:
    learning = msgspec.structs.replace(LEARNING, places=places)
    job_id = await worked(bookkeeper, [ready(A), ready(B)], answered={A: 4, B: 4}, learning=learning)
    assert await asked(bookkeeper, job_id, {A: DUE_MINOR, B: DUE_MINOR}) == reserved


@pytest.mark.parametrize(("beyond_minor", "reserved"), [(0, True), (1, False)])
async def test_a_guide_alone_is_worth_its_minute(bookkeeper: House, beyond_minor: int, reserved: bool) -> None:
    job_id = await worked(bookkeeper, [ready(A, practice="")], answered={A: 4, B: 4})
    assert await asked(bookkeeper, job_id, {A: DUE_MINOR // 3 + beyond_minor}) == reserved


@pytest.mark.parametrize(
    ("language", "beyond_minor", "reserved"), [("es", 0, True), ("es", 1, False), ("eo", 1, False)]
)
async def test_a_guide_is_worth_its_length_in_the_language_it_was_read_in(
    bookkeeper: House, language: str, beyond_minor: int, reserved: bool
) -> None:
    learning = msgspec.structs.replace(LEARNING, other_guides_ms={"es": 90_000})
    one = msgspec.structs.replace(ready(A, practice=""), language=language)
    job_id = await worked(bookkeeper, [one], answered={A: 4, B: 4}, learning=learning)
    worth_minor = {"es": DUE_MINOR // 2}.get(language, DUE_MINOR // 3)  # a minute and a half, or the English minute
    assert await asked(bookkeeper, job_id, {A: worth_minor + beyond_minor}) == reserved


async def test_a_job_that_pays_nothing_for_it_reserves_nothing_for_it(bookkeeper: House) -> None:
    job_id = await worked(bookkeeper, [ready(A)], answered={A: 4, B: 4}, learning=None)
    assert not await asked(bookkeeper, job_id, {A: 1})


# --- once and for good ------------------------------------------------------------------------------------------------


async def paid(house: House, job_id: str) -> dict[str, tuple[int, str, str]]:
    """Worker -> what the job pays for getting ready, and the versions it pays for."""
    async with house.db.connection() as tx:
        ((raw,),) = await rows(tx, "select payouts from reputation.jobs where job_id = %s", [job_id])
    file: PayoutsFile = canonical.decode(raw, PayoutsFile)
    minor = {one.worker: one.learning_minor for one in file.pay if one.learning_minor}
    return {one.worker: (minor.get(one.worker, 0), one.guide, one.practice) for one in file.learned}


async def noted(house: House) -> set[tuple[str, str, str]]:
    async with house.db.connection() as tx:
        return set(await rows(tx, "select worker, part, version from reputation.learning_paid"))


async def judged(
    house: House, told: Sequence[Learned], *, answered: dict[str, int], key: str = "march"
) -> dict[str, tuple[int, str, str]]:
    """A job from its first answer to its payouts. What it pays for getting ready."""
    job_id = await worked(house, told, answered=answered, key=key)
    await house.say("exchange", await assembled(house, job_id), to="reputation")
    return await paid(house, job_id)


async def assembled(house: House, job_id: str) -> ResultsAssembled:
    blob = await house.package({})
    hash_ = canonical.content_hash(await house.blobs.get(blob))
    return ResultsAssembled(job_id=job_id, package_blob=blob, package_hash=hash_, evidence_blobs=())


async def test_a_version_is_paid_once_and_a_new_one_again_whichever_job_it_is(oracles: House) -> None:
    assert await judged(oracles, [ready(A)], answered={A: 4, B: 4}) == {A: (DUE_MINOR, "g1", "p1")}
    assert await noted(oracles) == {(A, "guide", "g1"), (A, "practice", "p1")}
    # an exchange that says it once more is not believed
    assert await judged(oracles, [ready(A)], answered={A: 4, B: 4}, key="april") == {}
    # a guide that was rewritten is read anew, and that alone is paid
    again = [ready(A, guide="g2")]
    assert await judged(oracles, again, answered={A: 4, B: 4}, key="may") == {A: (DUE_MINOR // 3, "g2", "")}
    assert await noted(oracles) == {(A, "guide", "g1"), (A, "guide", "g2"), (A, "practice", "p1")}


async def test_what_a_job_does_not_pay_stays_due_for_the_next(oracles: House) -> None:
    # three answers earn less than getting ready is worth, and the one place goes to who was ready first and earned it
    assert await judged(oracles, [ready(A), ready(B), ready(C)], answered={A: 3, B: 4, C: 4}) == {
        B: (DUE_MINOR, "g1", "p1")
    }
    assert await noted(oracles) == {(B, "guide", "g1"), (B, "practice", "p1")}
    assert await judged(oracles, [ready(A)], answered={A: 4, B: 4}, key="april") == {A: (DUE_MINOR, "g1", "p1")}


async def test_two_jobs_that_end_at_once_pay_it_once(oracles: House) -> None:
    jobs = [await worked(oracles, [ready(A)], answered={A: 4, B: 4}, key=key) for key in ("march", "april")]
    for job_id in jobs:
        body = await assembled(oracles, job_id)
        async with oracles.db.transaction() as tx:
            await tx.execute(
                "update reputation.jobs set package_blob = %s, package_hash = %s, state = 'judging' where job_id = %s",
                (body.package_blob, body.package_hash, job_id),
            )
    first, second = reputation_of(oracles), reputation_of(oracles)
    await asyncio.gather(first.judge(job_id=jobs[0]), second.judge(job_id=jobs[1]))
    told = [await paid(oracles, job_id) for job_id in jobs]
    assert sorted(len(one) for one in told) == [0, 1]
    assert {key: value for one in told for key, value in one.items()} == {A: (DUE_MINOR, "g1", "p1")}
