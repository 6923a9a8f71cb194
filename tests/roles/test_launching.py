"""A job as the launcher walks it, from request to results: once, in order, and never with money too early."""

import asyncio

import msgspec
import pytest

from manyhands.pricing import BudgetBelowQuote
from manyhands.protocol.errors import BadManifest, IllegalMove
from manyhands.protocol.lifecycles import JOB_MOVES, states
from manyhands.protocol.manifest import Wishes
from manyhands.protocol.messages import (
    CancelRequested,
    DocumentsHanded,
    HoldbackHanded,
    JobFunded,
    JobJudged,
    JobSettled,
    ReportRuled,
)
from manyhands.roles.launcher import JobRefused, JobView, PoolTooSmall, RequestKeyReused, TooFewWorkers, UnknownJob
from manyhands.roles.launcher.role import QUERIES
from manyhands.roles.router import Health
from manyhands.store.database import rows, scalar

from .conftest import CHAIN_A, CHAIN_B, ESCROW, OPTIONS, START_MS, House


async def drafted(house: House, **changes: object) -> JobView:
    return await house.launcher.draft([await house.page("r1")], msgspec.structs.replace(OPTIONS, **changes))


async def approved(house: House, **changes: object) -> str:
    view = await drafted(house, **changes)
    await house.launcher.approve(view.job_id)
    await house.settle()
    return view.job_id


# --- a request --------------------------------------------------------------------------------------------------------


async def test_a_draft_shows_its_quote_and_costs_nothing(house: House) -> None:
    view = await drafted(house)
    assert (view.state, view.approved, view.funded_minor, view.routing) == ("quoted", False, 0, None)
    assert sum(line.most_minor for line in view.quote_lines) == view.quote_total_minor == view.budget_minor
    assert (await house.launcher.quote(view.job_id)).total_minor == view.quote_total_minor
    assert await house.transactions(view.job_id) == []
    assert await house.work.count_waiting() == 0


async def test_the_same_request_twice_is_one_job_also_when_both_arrive_together(house: House) -> None:
    first, second = await asyncio.gather(drafted(house), drafted(house))
    assert first.job_id == second.job_id == (await drafted(house)).job_id
    assert len(await house.launcher.list_jobs()) == 1


async def test_the_same_key_with_other_content_is_refused(house: House) -> None:
    first = await drafted(house)
    with pytest.raises(RequestKeyReused, match=first.job_id):
        await drafted(house, title="Receipts of April")


async def test_another_key_is_another_job(house: House) -> None:
    assert (await drafted(house)).job_id != (await drafted(house, request_key="april")).job_id


async def test_a_wrong_field_is_refused_before_anything_is_stored(house: House) -> None:
    with pytest.raises(BadManifest, match="task_type"):
        await drafted(house, task_type="juggling")
    assert await house.launcher.list_jobs() == []


async def test_an_unknown_job_is_said_to_be_unknown(house: House) -> None:
    with pytest.raises(UnknownJob):
        await house.launcher.view("nothing")
    with pytest.raises(UnknownJob):
        await house.launcher.approve("nothing")


async def test_a_budget_below_the_quote_sends_nothing_and_a_higher_one_may_try_again(house: House) -> None:
    total = (await drafted(house, request_key="probe")).quote_total_minor
    view = await drafted(house, budget_minor=total - 1)
    with pytest.raises(BudgetBelowQuote):
        await house.launcher.approve(view.job_id)
    refused = await house.launcher.view(view.job_id)
    assert (refused.state, refused.approved) == ("refused", False)
    assert await house.transactions(view.job_id) == []
    assert await house.work.count_waiting() == 0
    with pytest.raises(JobRefused):
        await house.launcher.approve(view.job_id)
    again = await drafted(house, budget_minor=total)
    assert again.job_id != view.job_id
    assert (await house.launcher.approve(again.job_id)).approved


async def test_strict_privacy_waits_for_enough_workers_before_it_is_funded(house: House) -> None:
    needed = (await drafted(house, privacy="strict", request_key="probe")).workers_needed
    house.workers = needed - 1
    view = await drafted(house, privacy="strict")
    with pytest.raises(TooFewWorkers):
        await house.launcher.approve(view.job_id)
    house.workers = needed
    again = await drafted(house, privacy="strict")
    assert (await house.launcher.approve(again.job_id)).approved


@pytest.mark.parametrize(
    "asks",
    [
        {"privacy": "off"},
        {"privacy": "standard"},
        {"task_type": "field_choice", "privacy": "off"},
        {"task_type": "field_choice", "privacy": "standard"},
    ],
    ids=lambda asks: " ".join(asks.values()),
)
async def test_a_pools_job_waits_for_as_many_members_as_are_enough(house: House, asks: dict[str, str]) -> None:
    pool = "0x" + "ab" * 20
    needed = (await drafted(house, pool=pool, request_key="probe", **asks)).workers_needed
    house.workers = 10_000
    for members, words in ((0, "has no members here"), (needed - 1, f"needs {needed} different workers")):
        house.members[pool] = members
        view = await drafted(house, pool=pool, **asks)
        with pytest.raises(PoolTooSmall, match=words):
            await house.launcher.approve(view.job_id)
        assert (await house.launcher.view(view.job_id)).state == "refused"
        assert await house.transactions(view.job_id) == []
    house.members[pool] = needed
    again = await drafted(house, pool=pool, **asks)
    assert (await house.launcher.approve(again.job_id)).approved


# --- a route and money ------------------------------------------------------------------------------------------------


async def test_approving_twice_funds_once(house: House) -> None:
    await house.stake(CHAIN_A)
    job_id = await approved(house)
    await house.launcher.approve(job_id)
    await house.settle()
    assert [entry.purpose for entry in await house.transactions(job_id)] == [
        f"launch:approve:{job_id}",
        f"launch:{job_id}",
    ]
    view = await house.launcher.view(job_id)
    assert view.state == "funding"
    assert view.routing is not None and view.routing.chain_id == CHAIN_A
    assert "next best local-b" in view.routing.reason
    assert {one.chain_id for one in view.routing.considered} == {CHAIN_A, CHAIN_B}
    assert view.funded_minor == 0  # the chain has not spoken yet
    assert await house.launcher.route_statement(job_id) is not None


async def test_a_chain_that_is_down_is_left_out_and_the_other_is_funded(house: House) -> None:
    await house.stake(CHAIN_B)
    house.health[CHAIN_A] = Health(ok=False, because="connection refused")
    view = await house.launcher.view(await approved(house))
    assert view.routing is not None and view.routing.chain_id == CHAIN_B
    assert any("connection refused" in one.because for one in view.routing.considered)


async def test_without_any_route_the_job_is_refused_with_the_reason(house: House) -> None:
    for chain_id in (CHAIN_A, CHAIN_B):
        house.health[chain_id] = Health(ok=False, because="connection refused")
    job_id = await approved(house)
    view = await house.launcher.view(job_id)
    assert view.state == "refused"
    assert "connection refused" in view.because
    assert await house.transactions(job_id) == []


async def test_a_wish_that_nobody_keeps_is_a_refusal(house: House) -> None:
    view = await house.launcher.view(await approved(house, wishes=Wishes(exchanges=("0x" + "7" * 40,))))
    assert (view.state, view.funded_minor) == ("refused", 0)


async def test_a_wished_chain_that_is_not_known_here_is_named_before_there_is_a_job(house: House) -> None:
    with pytest.raises(BadManifest, match=f"77 here; known: {CHAIN_A}, {CHAIN_B}"):
        await drafted(house, wishes=Wishes(chain_ids=(77, CHAIN_A)))


async def test_a_stake_on_its_way_is_waited_for(house: House) -> None:
    job_id = await approved(house)
    assert (await house.launcher.view(job_id)).state == "quoted"
    await house.stake(CHAIN_A)
    await asyncio.sleep(0.3)  # the message's own backoff
    await house.settle()
    assert (await house.launcher.view(job_id)).state == "funding"


async def test_a_chain_without_stake_is_given_up_for_one_that_has_it(house: House) -> None:
    await house.stake(CHAIN_B)
    job_id = await approved(house)
    house.clock.now_ms += house.launcher.policy.stake_wait_ms
    await asyncio.sleep(0.3)
    await house.settle()
    view = await house.launcher.view(job_id)
    assert view.routing is not None and view.routing.chain_id == CHAIN_B
    assert [event.name for event in view.events][-3:] == ["rerouted", "routed", "funding"]
    assert len({entry.chain_id for entry in await house.transactions(job_id)}) == 1


async def test_the_chains_word_opens_the_job_and_everyone_gets_what_is_theirs(house: House) -> None:
    await house.stake(CHAIN_A)
    known = msgspec.structs.replace(await house.page("r2"), truth_blob="truth/" + "0" * 64 + ".json")
    view = await house.launcher.draft([await house.page("r1"), known], OPTIONS)
    await house.launcher.approve(view.job_id)
    await house.settle()
    await house.launched(view.job_id)
    opened = await house.launcher.view(view.job_id)
    assert (opened.state, opened.escrow, opened.funded_minor) == ("open", ESCROW, view.quote_total_minor)
    assert [type(body) for body in house.heard_by("exchange")] == [JobFunded, DocumentsHanded]
    assert [type(body) for body in house.heard_by("recording")] == [JobFunded]
    assert [type(body) for body in house.heard_by("reputation")] == [JobFunded, HoldbackHanded]
    (_, holdback) = house.heard_by("reputation")
    assert isinstance(holdback, HoldbackHanded) and list(holdback.truth_blobs) == ["r2"]
    async with house.db.connection() as tx:
        assert await scalar(tx, "select count(*) from jury.jobs") == 1
    await house.launched(view.job_id)  # said twice, done once
    assert len(house.heard) == 5


async def test_an_escrow_that_a_stranger_launched_in_the_jobs_name_opens_nothing(house: House) -> None:
    await house.stake(CHAIN_A)
    job_id = await approved(house)
    await house.launched(job_id, tx_hash="0x" + "6" * 64)
    await house.launched(job_id, chain_id=CHAIN_B)
    assert (await house.launcher.view(job_id)).state == "funding"
    assert house.heard == []


# --- the end ----------------------------------------------------------------------------------------------------------


async def finish(house: House, job_id: str, *, role: str = "reputation") -> None:
    judged = JobJudged(job_id=job_id, accepted=True, measured_bp=9_960, lower_bp=9_900, rests_on="holdback of 60")
    await house.say(role, judged, to="launcher")  # type: ignore[arg-type]
    package = await house.package({"r1.json": b"{}", "all.csv": b"a,b"})
    settled = JobSettled(
        job_id=job_id,
        accepted=True,
        paid_minor={"0xw1": 700, "0xw2": 300},
        fees_minor=70,
        refunded_minor=5,
        package_blob=package,
        package_hash="00",
        payouts_blob="",
        transactions=("0x1",),
    )
    await house.say(role, settled, to="launcher")  # type: ignore[arg-type]


async def test_a_settled_job_is_closed_and_its_files_can_be_fetched(house: House) -> None:
    job_id = await house.open_job()
    assert not (await house.launcher.results(job_id)).ready
    await finish(house, job_id)
    view = await house.launcher.view(job_id)
    assert view.state == "closed"
    assert view.judged is not None and view.judged.measured_bp == 9_960
    assert view.settled is not None
    assert (view.settled.paid_minor, view.settled.workers_paid, view.settled.fees_minor) == (1_000, 2, 70)
    results = await house.launcher.results(job_id)
    assert [(file.name, file.size_bytes) for file in results.files] == [("r1.json", 2), ("all.csv", 3)]
    assert await house.launcher.result_file(job_id, "all.csv") == b"a,b"
    assert await house.launcher.result_file(job_id, "../secret") is None
    assert [line.paid_minor for line in await house.launcher.list_jobs()] == [1_000]


async def test_only_the_jobs_own_reputation_oracle_can_settle_it(house: House) -> None:
    job_id = await house.open_job()
    await finish(house, job_id, role="recording")
    assert (await house.launcher.view(job_id)).state == "open"
    assert len(await house.refusals()) == 2


async def test_a_job_is_cancelled_before_funding_without_any_cost(house: House) -> None:
    view = await drafted(house)
    cancelled = await house.launcher.cancel(view.job_id, "changed my mind")
    assert (cancelled.state, cancelled.because) == ("refused", "changed my mind")
    assert (await house.launcher.cancel(view.job_id)).state == "refused"


async def test_a_cancellation_while_the_escrow_is_launched_takes_effect_when_it_is_open(house: House) -> None:
    await house.stake(CHAIN_A)
    job_id = await approved(house)
    assert (await house.launcher.cancel(job_id, "too late")).state == "funding"
    await house.launched(job_id)
    assert (await house.launcher.view(job_id)).state == "cancelling"
    assert isinstance(house.heard_by("exchange")[-1], CancelRequested)


async def test_a_cancelled_job_is_paid_and_closed_and_can_not_be_cancelled_then(house: House) -> None:
    job_id = await house.open_job()
    await house.launcher.cancel(job_id)
    await house.launcher.cancel(job_id)
    await house.settle()
    assert len(house.heard_by("exchange")) == 1
    await finish(house, job_id)
    assert (await house.launcher.view(job_id)).state == "closed"
    with pytest.raises(IllegalMove, match="closed: it cannot cancel"):
        await house.launcher.cancel(job_id)


async def test_the_chain_is_asked_only_when_the_oracles_stay_silent(house: House) -> None:
    job_id = await house.open_job()
    await house.launcher.cancel(job_id)
    await house.launcher.tick()
    purposes = [entry.purpose for entry in await house.transactions(job_id)]
    assert f"cancellation:{job_id}" not in purposes
    house.clock.now_ms = START_MS + house.launcher.policy.cancel_patience_ms
    await house.launcher.tick()
    await house.launcher.tick()
    purposes = [entry.purpose for entry in await house.transactions(job_id)]
    assert purposes.count(f"cancellation:{job_id}") == 1


@pytest.mark.parametrize(("uphold", "state"), [(True, "cancelling"), (False, "open")])
async def test_an_upheld_report_ends_the_job_and_a_cleared_one_does_not(house: House, uphold: bool, state: str) -> None:
    job_id = await house.open_job()
    ruled = ReportRuled(
        job_id=job_id,
        report_id="rep",
        case_id="case",
        task_id="t",
        uphold=uphold,
        votes_for=2,
        votes_against=1,
        jurors_paid_minor={},
    )
    await house.say("jury", ruled, to="launcher")
    assert (await house.launcher.view(job_id)).state == state


# --- the life cycle ---------------------------------------------------------------------------------------------------


async def test_the_table_of_moves_is_the_agreed_one(house: House) -> None:
    async with house.db.connection() as tx:
        found = {(state, verb): to for state, verb, to in await rows(tx, QUERIES.moves)}
    assert found == dict(JOB_MOVES)


async def test_every_other_move_is_refused_by_the_database(house: House) -> None:
    job_id = await house.open_job()
    verbs = {verb for _, verb in JOB_MOVES}
    async with house.db.transaction() as tx:
        # with these figures every state is a lawful row, so that nothing but the table of moves decides
        await tx.execute("alter table launcher.jobs drop constraint jobs_check3, drop constraint jobs_check4")
        for state in sorted(states(JOB_MOVES)):
            for verb in sorted(verbs):
                await tx.execute("update launcher.jobs set state = %s where job_id = %s", (state, job_id))
                moved = await scalar(tx, QUERIES.move, {"job_id": job_id, "verb": verb, "because": "a test"})
                assert moved == JOB_MOVES.get((state, verb)), (state, verb)
