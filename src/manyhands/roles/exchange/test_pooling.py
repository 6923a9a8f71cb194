"""Work pools: joined by consent, left at once, blind to pay; their jobs are lent to their members alone."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from manyhands.protocol.errors import BadManifest
from manyhands.protocol.manifest import check_manifest
from manyhands.roles.exchange import Given
from manyhands.roles.exchange.accounts import Account
from manyhands.roles.exchange.errors import (
    BadRequest,
    InviteSpent,
    NotAPool,
    NotInThisPool,
    OtherWords,
    PoolMembersOnly,
    TooManyPools,
    WrongRole,
)
from manyhands.roles.exchange.pooling import DAY_MS, POOLS_MAX, SEES, Member, OpenPool, PoolJob
from manyhands.roles.exchange.testing import OpenJob, manifest_of, put_open_job

from .scripted import House

PASSWORD = "correct horse battery"


async def person(house: House, name: str) -> Account:
    return (await house.exchange.accounts.sign_up(name, PASSWORD, simulated=True))[1]


async def open_pool(house: House, name: str = "archive") -> str:
    _, account = await house.exchange.accounts.sign_up(name, PASSWORD, role="requester", simulated=True)
    await house.exchange.accounts.take_role(account.worker, "workpool", by_operator=True)
    return account.worker


async def joined(house: House, pool: str, member: Account) -> None:
    made = await house.exchange.pooling.invite(pool, note="", places=1, lasts_ms=DAY_MS)
    assert await house.exchange.pooling.join(member.worker, member.roles, made.token, agreed_to=SEES) == pool


async def pool_job(house: House, pool: str, job_id: str = "job-1") -> None:
    async with house.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id=job_id, per_page=6, simulated=True, pool=pool))
        await tx.execute("update exchange.jobs set recording = %s", (house.keys["recording"].address,))
    await house.exchange.refresh_offers(older_than_ms=0)


async def test_a_pools_job_is_offered_and_lent_to_its_members_alone(house: House) -> None:
    pool, member, outsider = await open_pool(house), await person(house, "member"), await person(house, "outsider")
    await pool_job(house, pool)
    for one in (member, outsider):
        assert await house.exchange.offers(one.worker) == []
        with pytest.raises(PoolMembersOnly):
            await house.exchange.claim(one.worker, "job-1", 2)
        with pytest.raises(PoolMembersOnly):  # the hot path holds it too, whoever asks it
            await house.exchange.lending.claim(one.worker, "job-1", count=2)
    await joined(house, pool, member)
    (offer,) = await house.exchange.offers(member.worker)
    assert (offer.job_id, offer.pool_name) == ("job-1", "archive")
    assert len((await house.exchange.claim(member.worker, "job-1", 2)).assignments) == 2
    assert await house.exchange.offers(outsider.worker) == []
    with pytest.raises(PoolMembersOnly):
        await house.exchange.claim(outsider.worker, "job-1", 2)


async def test_a_job_for_everybody_names_no_pool(house: House) -> None:
    pool, member = await open_pool(house), await person(house, "member")
    await joined(house, pool, member)
    await pool_job(house, "")
    (offer,) = await house.exchange.offers(member.worker)
    assert offer.pool_name == ""


async def test_whoever_leaves_finishes_what_they_hold_and_is_lent_no_more(house: House) -> None:
    pool, member = await open_pool(house), await person(house, "member")
    await joined(house, pool, member)
    await pool_job(house, pool)
    bundle = await house.exchange.claim(member.worker, "job-1", 2)
    await house.exchange.pooling.leave(member.worker, pool)
    assert await house.exchange.pooling.members(pool) == []
    assert await house.exchange.offers(member.worker) == []
    given = [Given(one.assignment_id, "12.50", 3_000) for one in bundle.assignments]
    assert [one.outcome for one in await house.exchange.submit(member.worker, "job-1", given)] == ["stored"] * 2
    with pytest.raises(PoolMembersOnly):
        await house.exchange.claim(member.worker, "job-1", 2)
    await house.exchange.collecting.collect_all()
    earned = await house.exchange.earnings(member.worker)
    assert (earned.jobs[0].answers, earned.pending_minor) == (2, 40_000), "the pay is the member's as before"
    with pytest.raises(NotInThisPool):
        await house.exchange.pooling.leave(member.worker, pool)


async def test_a_pool_sees_work_in_its_own_jobs_and_no_amount_address_or_answer(house: House) -> None:
    pool, member = await open_pool(house), await person(house, "member")
    await joined(house, pool, member)
    for job_id, whose in (("job-1", pool), ("job-2", "")):
        await pool_job(house, whose, job_id)
        bundle = await house.exchange.claim(member.worker, job_id, 4)
        given = [Given(one.assignment_id, "12.50", 3_000) for one in bundle.assignments[:3]]
        await house.exchange.submit(member.worker, job_id, given)
    await house.exchange.collecting.collect_all()
    (seen,) = await house.exchange.pooling.members(pool)
    assert (seen.name, seen.answers, seen.in_hand, seen.accepted_bp) == ("member", 3, 1, None)
    (job,) = await house.exchange.pooling.jobs(pool)
    assert (job.job_id, job.answers, job.workers, job.tasks) == ("job-1", 3, 1, 6)
    told = msgspec.json.encode([await house.exchange.pooling.members(pool), await house.exchange.pooling.jobs(pool)])
    assert member.worker.encode() not in told and b"12.50" not in told and b"job-2" not in told
    for shape in (Member, PoolJob):
        assert not [name for name in shape.__struct_fields__ if "minor" in name or "pay" in name or name == "worker"]


async def test_the_accepted_share_is_told_from_twenty_judged_answers_on(house: House) -> None:
    pool, member = await open_pool(house), await person(house, "member")
    await joined(house, pool, member)
    await pool_job(house, pool)
    for accepted, refused, share in ((18, 1, None), (19, 1, 9_500)):
        async with house.db.transaction() as tx:
            await tx.execute(
                "insert into exchange.earnings (job_id, worker, answers, accepted, refused, credited_ms) "
                "values ('job-1', %s, 30, %s, %s, 60000) on conflict (job_id, worker) do update "
                "set accepted = excluded.accepted, refused = excluded.refused",
                (member.worker, accepted, refused),
            )
        (seen,) = await house.exchange.pooling.members(pool)
        assert (seen.accepted_bp, seen.credited_ms) == (share, 60_000)


async def test_nobody_joins_without_the_words_or_without_a_place(house: House) -> None:
    pool, first, second = await open_pool(house), await person(house, "first"), await person(house, "second")
    made = await house.exchange.pooling.invite(pool, note="night", places=1, lasts_ms=DAY_MS)
    told = await house.exchange.pooling.look(first.worker, made.token)
    assert (told.name, told.sees, told.member) == ("archive", SEES, False)
    assert await house.exchange.pooling.memberships(first.worker) == [], "looking agrees to nothing"
    with pytest.raises(OtherWords):
        await house.exchange.pooling.join(first.worker, first.roles, made.token, agreed_to="2020-01")
    with pytest.raises(WrongRole):
        await house.exchange.pooling.join(pool, ("requester", "workpool"), made.token, agreed_to=SEES)
    for _ in range(2):  # a lost reply is asked again, and takes no second place
        await house.exchange.pooling.join(first.worker, first.roles, made.token, agreed_to=SEES)
    assert (await house.exchange.pooling.look(first.worker, made.token)).member
    for token in (made.token, made.token.upper(), "", "' or 1=1 --", made.invite_id):
        with pytest.raises(InviteSpent):
            await house.exchange.pooling.join(second.worker, second.roles, token, agreed_to=SEES)
    assert [one.agreed_to for one in await house.exchange.pooling.memberships(first.worker)] == [SEES]


async def test_two_people_at_the_last_place_make_one_member(house: House) -> None:
    pool = await open_pool(house)
    people = [await person(house, f"person {number}") for number in range(6)]
    made = await house.exchange.pooling.invite(pool, note="", places=2, lasts_ms=DAY_MS)
    outcomes = await asyncio.gather(
        *(house.exchange.pooling.join(one.worker, one.roles, made.token, agreed_to=SEES) for one in people),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["InviteSpent"] * 4 + ["str"] * 2
    assert len(await house.exchange.pooling.members(pool)) == 2


async def test_an_invitation_ends_by_time_and_by_its_pool_alone(house: House) -> None:
    pool, other, member = await open_pool(house), await open_pool(house, "rival"), await person(house, "member")
    made = await house.exchange.pooling.invite(pool, note="night", places=3, lasts_ms=DAY_MS)
    assert not await house.exchange.pooling.end_invite(other, made.invite_id)
    assert [one.note for one in await house.exchange.pooling.invites(pool)] == ["night"]
    assert await house.exchange.pooling.end_invite(pool, made.invite_id)
    assert await house.exchange.pooling.end_invite(pool, made.invite_id)
    with pytest.raises(InviteSpent):
        await house.exchange.pooling.look(member.worker, made.token)
    made = await house.exchange.pooling.invite(pool, note="", places=3, lasts_ms=DAY_MS)
    house.clock.now_ms += DAY_MS
    with pytest.raises(InviteSpent):
        await house.exchange.pooling.look(member.worker, made.token)
    assert await house.exchange.pooling.invites(pool) == []
    for places, lasts_ms in ((0, DAY_MS), (501, DAY_MS), (1, 0), (1, 91 * DAY_MS)):
        with pytest.raises(BadRequest):
            await house.exchange.pooling.invite(pool, note="", places=places, lasts_ms=lasts_ms)


async def test_a_pool_puts_out_its_own_members_and_only_with_a_reason(house: House) -> None:
    pool, other, member = await open_pool(house), await open_pool(house, "rival"), await person(house, "member")
    await joined(house, pool, member)
    (seen,) = await house.exchange.pooling.members(pool)
    with pytest.raises(NotInThisPool):
        await house.exchange.pooling.remove(other, seen.member_id, "We do not like you.")
    for reason in ("", "         ", "no"):
        with pytest.raises(BadRequest):
            await house.exchange.pooling.remove(pool, seen.member_id, reason)
    await house.exchange.pooling.remove(pool, seen.member_id, "The contract has ended.")
    (left,) = await house.exchange.pooling.memberships(member.worker)
    assert (left.ended_by, left.because, left.ended_at_ms) == ("pool", "The contract has ended.", house.clock())
    assert await house.exchange.standings(member.worker) == []
    everything = await house.exchange.books.everything(member.worker)
    assert [row["because"] for row in everything["pools"]] == ["The contract has ended."], "it can be taken along"
    # and they may be asked again; the pool knows them by the name it had for them
    await joined(house, pool, member)
    assert [one.member_id for one in await house.exchange.pooling.members(pool)] == [seen.member_id]


async def test_one_belongs_to_so_many_pools_at_most(house: House) -> None:
    member = await person(house, "member")
    for number in range(POOLS_MAX):
        await joined(house, await open_pool(house, f"pool {number}"), member)
    pool = await open_pool(house, "one more")
    with pytest.raises(TooManyPools):
        await joined(house, pool, member)
    await house.exchange.pooling.leave(member.worker, (await house.exchange.pooling.memberships(member.worker))[0].pool)
    await joined(house, pool, member)


async def test_an_account_that_runs_no_pool_has_none(house: House) -> None:
    worker, pool = await person(house, "worker"), await open_pool(house)
    for attempt in (
        house.exchange.pooling.of(worker.worker),
        house.exchange.pooling.describe(worker.worker, about="us", listed=True),
        house.exchange.pooling.invite(worker.worker, note="", places=1, lasts_ms=DAY_MS),
    ):
        with pytest.raises(NotAPool):
            await attempt
    assert await house.exchange.pooling.all() == [OpenPool(pool, "archive", False, 0)]


async def test_a_pool_is_found_when_it_wishes_and_by_its_owner_always(house: House) -> None:
    pool = await open_pool(house)
    assert await house.exchange.pooling.to_choose("0x" + "1" * 40) == []
    assert [one.name for one in await house.exchange.pooling.to_choose(pool)] == ["archive"]
    await house.exchange.pooling.describe(pool, about=" Clerks of the town archive ", listed=True)
    (found,) = await house.exchange.pooling.to_choose("0x" + "1" * 40)
    assert (found.pool, found.about, found.members) == (pool, "Clerks of the town archive", 0)


async def test_people_of_a_pool_are_counted_without_simulated_ones(house: House) -> None:
    pool = await open_pool(house)
    await joined(house, pool, await person(house, "simulated"))
    assert await house.exchange.pooling.count_people(pool) == 0
    await joined(house, pool, (await house.exchange.accounts.sign_up("a person", PASSWORD))[1])
    assert await house.exchange.pooling.count_people(pool) == 1
    assert await house.exchange.pooling.count_people("0x" + "1" * 40) == 0


@pytest.mark.parametrize("pool", ["0x12", "0x" + "AB" * 20, "archive", "0x" + "ab" * 20 + "\n", ""])
def test_a_manifest_with_a_pool_that_is_no_address_is_refused(pool: str) -> None:
    manifest = manifest_of(OpenJob())
    check_manifest(msgspec.structs.replace(manifest, pool="0x" + "ab" * 20))
    with pytest.raises(BadManifest) as refused:
        check_manifest(msgspec.structs.replace(manifest, pool=pool))
    assert refused.value.field == "pool"


def test_a_manifest_without_a_pool_keeps_its_hash() -> None:
    assert b"pool" not in msgspec.json.encode(manifest_of(OpenJob()))
