"""Recording and reputation oracle over one database: what a job is judged by, who counts as one, what newcomers are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from manyhands.chain.contracts import decode_call
from manyhands.ledger.daily_cap import AGAIN_AFTER_MS
from manyhands.ledger.desk import payout_key
from manyhands.protocol import canonical
from manyhands.protocol.evidence import BatchEvidence, JudgingTerms
from manyhands.protocol.manifest import Manifest, QualityRule, parse_manifest
from manyhands.protocol.messages import (
    AnswerFact,
    AnswersCollected,
    BatchRecorded,
    JobJudged,
    NewcomersPrior,
    ReadingFact,
    ResultsAssembled,
    SignsTold,
    Standing,
    StandingsChanged,
    TaskFacts,
    TasksOpened,
    TypeStanding,
    WorkersLinked,
)
from manyhands.quality import reputation
from manyhands.roles.recording import RecordingOracle
from manyhands.roles.reputation import ReputationOracle
from manyhands.roles.reputation.decide import moved_standings, newcomers_prior, replay
from manyhands.roles.reputation.role import QUERIES as REPUTATION
from manyhands.store.database import rows
from manyhands.store.migrations import Room
from manyhands.task_types.judging import counts_by_type

from . import conftest
from .conftest import ESCROW, House

A, B, C, COPY, COPY2 = ("0x" + letter * 40 for letter in "abcde")


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    own = [Room(name, f"manyhands.roles.{name}") for name in ("launcher", "router", "jury", "recording", "reputation")]
    return [conftest.OUTBOX, Room("ledger", "manyhands.ledger"), *own]


@pytest.fixture
def oracles(house: House) -> House:
    """The house with both oracles at work in it."""
    recording = RecordingOracle(house.context("recording"), house.desk("recording"))
    house.mailbox.register("recording", house.keys["recording"].address, recording.on_message)
    reputation_oracle = reputation_of(house)
    house.mailbox.register("reputation", house.keys["reputation"].address, reputation_oracle.on_message)
    for work, body in reputation_oracle.jobs().items():
        house.work.task(work)(body)
    return house


def reputation_of(house: House) -> ReputationOracle:
    return ReputationOracle(house.context("reputation"), house.desk("reputation"))


async def manifest_of(house: House, job_id: str) -> Manifest:
    async with house.db.connection() as tx:
        ((raw,),) = await rows(tx, "select manifest from recording.jobs where job_id = %s", [job_id])
    return parse_manifest(raw)


def facts(task_id: str, *readings: str, gold: bool = False) -> TaskFacts:
    return TaskFacts(
        task_id=task_id, question="text", gold=gold, effort_ms=8_000, reward_minor=100,
        readings=tuple(ReadingFact(reader=f"r{i}", text=text, confidence_bp=9_000) for i, text in enumerate(readings)),
    )  # fmt: skip


async def open_job(house: House, tasks: Sequence[TaskFacts]) -> str:
    """A funded job whose tasks the recording oracle knows."""
    await house.record_event(
        conftest.CHAIN_A, contract=ESCROW, kind="Escrow", name="Fund", args={"amount": 10**12}, place=5
    )
    job_id = await house.open_job()
    await house.say(
        "exchange", TasksOpened(job_id=job_id, batch_no=1, tasks=tuple(tasks), complete=False), to="recording"
    )
    return job_id


async def answers(house: House, job_id: str, batch_no: int, *given: tuple[str, str, str]) -> BatchEvidence:
    """One batch of (task, worker, text); the evidence that came of it."""
    batch = AnswersCollected(
        job_id=job_id, batch_no=batch_no,
        answers=tuple(
            AnswerFact(task_id=task, worker=worker, text=text, active_ms=6_000, received_at_ms=house.clock() + place)
            for place, (task, worker, text) in enumerate(given)
        ),
    )  # fmt: skip
    await house.say("exchange", batch, to="recording")
    told = recorded(house)[-1]
    assert told.batch_no == batch_no
    evidence: BatchEvidence = canonical.decode(await house.blobs.get(told.evidence_blob), BatchEvidence)
    return evidence


def recorded(house: House) -> list[BatchRecorded]:
    return [body for body in house.heard_by("exchange") if isinstance(body, BatchRecorded)]


async def finish(house: House, job_id: str) -> None:
    """Nothing more will come; the results are (empty and) assembled."""
    await house.say("exchange", TasksOpened(job_id=job_id, batch_no=2, tasks=(), complete=True), to="recording")
    blob = await house.package({})
    raw = await house.blobs.get(blob)
    body = ResultsAssembled(
        job_id=job_id, package_blob=blob, package_hash=canonical.content_hash(raw), evidence_blobs=()
    )
    await house.say("exchange", body, to="reputation")


def copied_job() -> tuple[list[TaskFacts], list[tuple[str, str, str]]]:
    """Twelve known pieces; two workers make the same four mistakes, one makes two of their own."""
    tasks = [facts(f"t{i:02}", f"word {i}", gold=True) for i in range(12)]
    given = []
    for i in range(12):
        copied = f"leak {i}" if i % 3 == 0 else f"word {i}"
        own = f"slip {i}" if i % 6 == 0 else f"word {i}"
        texts = {A: own, B: f"word {i}", C: f"word {i}", COPY: copied, COPY2: copied}
        given += [(f"t{i:02}", worker, text) for worker, text in texts.items()]
    return tasks, given


async def test_terms_are_fixed_with_the_first_batch_whatever_is_learnt_meanwhile(oracles: House) -> None:
    job_id = await open_job(oracles, [facts("t1", "one"), facts("t2", "two")])
    first = await answers(oracles, job_id, 1, ("t1", A, "one"))
    assert isinstance(first.terms, JudgingTerms) and first.terms.brought_most == reputation.CAP_INTO_JOB
    prior = NewcomersPrior(skill="transcription", right_micro=6_000_000, wrong_micro=4_000_000)
    await oracles.say("reputation", StandingsChanged(job_id=job_id, standings=(), prior=prior), to="recording")
    second = await answers(oracles, job_id, 2, ("t2", B, "two"))
    assert b"terms" not in canonical.encode(second)
    manifest = await manifest_of(oracles, job_id)
    assert replay(manifest, [first, second]).terms == first.terms


async def test_a_prior_that_was_published_before_is_what_newcomers_begin_with(oracles: House) -> None:
    job_id = await open_job(oracles, [facts("t1", "one")])
    prior = NewcomersPrior(skill="transcription", right_micro=6_000_000, wrong_micro=4_000_000)
    await oracles.say("reputation", StandingsChanged(job_id=job_id, standings=(), prior=prior), to="recording")
    evidence = await answers(oracles, job_id, 1, ("t1", A, "one"))
    assert isinstance(evidence.terms, JudgingTerms)
    assert (evidence.terms.prior_right_micro, evidence.terms.prior_wrong_micro) == (6_000_000, 4_000_000)
    # one newcomer of six in ten and a reader are not enough where one of nineteen in twenty would be
    assert [one.outcome for one in evidence.decisions] == ["ask_more"]


async def test_only_the_jobs_own_reputation_oracle_moves_standings_and_links(oracles: House) -> None:
    job_id = await open_job(oracles, [facts("t1")])
    standing = Standing(worker=A, skill="transcription", right_micro=1, wrong_micro=0, at_ms=1, score_bp=1, because="")
    await oracles.say("exchange", StandingsChanged(job_id=job_id, standings=(standing,)), to="recording")
    await oracles.say("exchange", WorkersLinked(job_id=job_id, groups={A: "g"}, link_no=1, because=""), to="recording")
    assert sum("is not the reputation oracle" in reason for reason in await oracles.refusals()) == 2


async def test_linked_workers_count_once_from_the_next_batch_on_and_are_paid(oracles: House) -> None:
    job_id = await open_job(oracles, [facts("t1"), facts("t2")])
    before = await answers(oracles, job_id, 1, ("t1", A, "x"), ("t1", B, "x"))
    assert [one.outcome for one in before.decisions] == ["accept"]
    link = WorkersLinked(job_id=job_id, groups={A: "g", B: "g"}, link_no=1, because="they copy")
    await oracles.say("reputation", link, to="recording")
    after = await answers(oracles, job_id, 2, ("t2", A, "x"), ("t2", B, "x"))
    assert after.groups == {A: "g", B: "g"}
    assert [one.outcome for one in after.decisions] == ["ask_more"]
    assert [record.reward_minor for record in after.answers] == [100, 100]
    manifest = await manifest_of(oracles, job_id)
    assert replay(manifest, [before, after]).accepted == 1


async def test_an_older_word_on_a_link_that_comes_late_changes_nothing(oracles: House) -> None:
    job_id = await open_job(oracles, [facts("t1")])
    for link_no, group in ((2, ""), (1, "g")):
        body = WorkersLinked(job_id=job_id, groups={A: group, B: group}, link_no=link_no, because="")
        await oracles.say("reputation", body, to="recording")
    evidence = await answers(oracles, job_id, 1, ("t1", A, "x"), ("t1", B, "x"))
    assert [one.outcome for one in evidence.decisions] == ["accept"]


async def test_copies_found_in_a_job_are_linked_everywhere_and_a_person_may_undo_it(oracles: House) -> None:
    tasks, given = copied_job()
    job_id = await open_job(oracles, tasks)
    await answers(oracles, job_id, 1, *given)
    await finish(oracles, job_id)
    oracle = reputation_of(oracles)
    assert {link.worker: link.group for link in await oracle.links()} == {COPY: COPY, COPY2: COPY}
    (told,) = [body for body in oracles.heard_by("exchange") if isinstance(body, WorkersLinked)]
    assert set(told.groups) == {COPY, COPY2} and "same wrong value" in told.because
    assert [sign.kind for sign in await oracle.signs()] == ["copies"]
    async with oracles.db.connection() as tx:
        assert len(await rows(tx, "select 1 from recording.links where link_group <> ''")) == 2
    assert await oracle.unlink(COPY, by="operator one", because="they are a married couple at one desk") == 2
    await oracles.settle()
    async with oracles.db.connection() as tx:
        assert await rows(tx, "select 1 from recording.links where link_group <> ''") == []
    assert {link.cleared_by for link in await oracle.links()} == {"operator one"}


async def test_standings_are_the_log_of_events_and_nothing_else(oracles: House) -> None:
    tasks, given = copied_job()
    job_id = await open_job(oracles, tasks)
    await answers(oracles, job_id, 1, *given)
    await finish(oracles, job_id)
    events: list[reputation.Event] = []
    async with oracles.db.connection() as tx:
        log = await rows(
            tx,
            "select worker, was_right, weight_bp, right_micro, wrong_micro, cause, at_ms, answer_type "
            "from reputation.outcomes where skill = 'transcription' order by outcome_no",
        )
        published = await rows(tx, "select worker, right_micro, wrong_micro, cause, types from reputation.standings")
    for worker, was_right, weight_bp, right_micro, wrong_micro, cause, at_ms, answer_type in log:
        common = {
            "worker": worker, "skill": "transcription", "cause": cause, "at_ms": at_ms, "answer_type": answer_type,
        }  # fmt: skip
        events.append(
            reputation.Correction(right_micro=right_micro, wrong_micro=wrong_micro, **common)
            if was_right is None
            else reputation.Outcome(right=was_right, weight_bp=weight_bp, **common)
        )
    again = moved_standings(events, {})
    assert {worker: (*counts, counts_by_type(types)) for worker, *counts, types in published} == {
        worker: (one.right_micro, one.wrong_micro, one.cause, one.types) for worker, one in again.items()
    }
    assert all(set(one.types) == {"text"} for one in again.values())
    assert len(published) == 5


async def test_a_worker_is_told_the_standing_in_each_answer_type_and_what_moved_it(oracles: House) -> None:
    amounts = [msgspec.structs.replace(facts(f"a{i}", f"{i}.50", gold=True), question="amount") for i in range(4)]
    texts = [facts(f"t{i}", f"word {i}", gold=True) for i in range(4)]
    job_id = await open_job(oracles, [*amounts, *texts])
    first = await answers(
        oracles, job_id, 1,
        *((f"a{i}", A, f"{i}.50") for i in range(4)), *((f"t{i}", A, f"slip {i}") for i in range(4)),
        *((f"t{i}", B, f"word {i}") for i in range(4)), *((f"t{i}", C, f"word {i}") for i in range(4)),
    )  # fmt: skip
    assert first.types is msgspec.UNSET  # nobody was known
    await finish(oracles, job_id)
    (told,) = [body for body in oracles.heard_by("exchange") if isinstance(body, StandingsChanged)]
    types = {one.worker: one.types for one in told.standings}[A]
    assert {name: (one.right, one.judged) for name, one in types.items()} == {"amount": (4, 4), "text": (0, 4)}
    assert types["amount"].score_bp > types["text"].score_bp
    async with oracles.db.connection() as tx:
        counts = dict(await rows(tx, "select worker, types from recording.standings"))
    assert counts_by_type(counts[A])["amount"] == (types["amount"].right_micro, types["amount"].wrong_micro)


async def test_what_is_known_by_answer_type_is_brought_into_a_job_with_its_evidence(oracles: House) -> None:
    job_id = await open_job(oracles, [facts("n1"), facts("n2")])
    types = {
        name: TypeStanding(right_micro=right, wrong_micro=9_000_000 - right, score_bp=1, right=0, judged=0)
        for name, right in (("text", 9_000_000), ("amount", 1_000_000))
    }
    known = Standing(
        worker=A, skill="transcription", right_micro=10_000_000, wrong_micro=8_000_000, at_ms=1, score_bp=1, because="",
        types=types,
    )  # fmt: skip
    await oracles.say("reputation", StandingsChanged(job_id=job_id, standings=(known,)), to="recording")
    first = await answers(oracles, job_id, 1, ("n1", A, "one"), ("n1", B, "two"))
    assert first.types == {A: {"amount": (1_000_000, 8_000_000), "text": (9_000_000, 0)}}
    # the oracle keeps them from batch to batch, and who judges again has the same from the files alone
    second = await answers(oracles, job_id, 2, ("n2", A, "three"), ("n2", C, "four"))
    assert second.types is msgspec.UNSET
    manifest = await manifest_of(oracles, job_id)
    assert replay(manifest, [first, second]).accepted == 0


async def test_the_exchange_is_told_how_much_gold_each_worker_needs(oracles: House) -> None:
    job_id = await open_job(oracles, [facts("t1", "one", gold=True), facts("t2", "two", gold=True)])
    await answers(oracles, job_id, 1, ("t1", A, "one"), ("t1", B, "guess"), ("t1", C, "one"))
    needs = recorded(oracles)[-1].needs
    assert {worker: need.gold_share_bp for worker, need in needs.items()} == {A: 1_000, B: 10_000, C: 1_000}
    assert needs[B].skill_bp < needs[A].skill_bp
    assert QualityRule().gold_share_bp == 500


async def test_who_is_looked_at_is_told_with_counts_and_again_when_a_person_takes_it_back(oracles: House) -> None:
    # a page of zeros: twenty equal answers, all of them right
    job_id = await open_job(oracles, [facts(f"t{i:02}", "0", gold=True) for i in range(20)])
    given = [(f"t{i:02}", B, "0") for i in range(20)]
    await answers(oracles, job_id, 1, *given)
    await finish(oracles, job_id)

    def told() -> list[SignsTold]:
        return [body for body in oracles.heard_by("exchange") if isinstance(body, SignsTold)]

    ((first,),) = [body.signs for body in told()]
    assert (first.worker, first.kind, first.evidence["answers"], first.cleared_because) == (B, "constant", 20, "")
    oracle = reputation_of(oracles)
    (sign,) = await oracle.signs()
    because = "Every piece of the page showed the same sign."
    assert not await oracle.clear_sign(job_id, sign.position + 1, by="operator one", because=because)
    assert await oracle.clear_sign(job_id, sign.position, by="operator one", because=because)
    assert not await oracle.clear_sign(job_id, sign.position, by="operator two", because="another reason"), "once"
    await oracles.settle()
    assert [(body.word_no, body.signs[0].cleared_because) for body in told()] == [(0, ""), (1, because)]
    (kept,) = await oracle.signs()
    assert (kept.cleared_by, kept.cleared_because) == ("operator one", because), "it is kept, with who and why"


async def test_a_sign_of_copying_is_undone_with_its_link_and_not_alone(oracles: House) -> None:
    tasks, given = copied_job()
    job_id = await open_job(oracles, tasks)
    await answers(oracles, job_id, 1, *given)
    await finish(oracles, job_id)
    oracle = reputation_of(oracles)
    (sign,) = await oracle.signs()
    assert sign.kind == "copies"
    assert not await oracle.clear_sign(job_id, sign.position, by="operator one", because="a married couple")
    assert not [body for body in oracles.heard_by("exchange") if isinstance(body, SignsTold)]


async def test_what_newcomers_turned_out_to_be_is_pooled_from_jobs_of_the_same_kind_of_people(oracles: House) -> None:
    tasks, given = copied_job()
    job_id = await open_job(oracles, tasks)
    await answers(oracles, job_id, 1, *given)
    await finish(oracles, job_id)
    (first,) = [body for body in oracles.heard_by("exchange") if isinstance(body, StandingsChanged)]
    assert first.prior == NewcomersPrior(skill="transcription", right_micro=8_500_000, wrong_micro=1_500_000)
    async with oracles.db.connection() as tx:
        pooled = await rows(tx, REPUTATION.first_outcomes, {"skill": "transcription", "crowd": "people", "most": 20})
        simulated = await rows(
            tx, REPUTATION.first_outcomes, {"skill": "transcription", "crowd": "simulated", "most": 20}
        )
        ((category,),) = await rows(tx, "select category from reputation.reference")
    assert sorted(pooled) == [(8, 4), (8, 4), (10, 2), (12, 0), (12, 0)] and simulated == []
    assert newcomers_prior(pooled).right_micro > 8 * newcomers_prior(pooled).wrong_micro // 2
    assert category == "transcription"


async def test_the_verdict_on_a_whole_job_says_what_it_rests_on(oracles: House) -> None:
    tasks, given = copied_job()
    job_id = await open_job(oracles, tasks)
    await answers(oracles, job_id, 1, *given)
    await finish(oracles, job_id)
    (judged,) = [body for body in oracles.heard_by("exchange") if isinstance(body, JobJudged)]
    for said in (
        "no holdback",
        "no finished job of this category",
        "calibrated on 12 gold items",
        "1 signs for a person",
    ):
        assert said in judged.rests_on, judged.rests_on
    assert "not calibrated" not in judged.rests_on, "a raw posterior is nobody's confidence"


# --- the escrow that a job is paid from ---

MALLORY = "0x" + "66" * 20
NOT_AS_TOLD = {
    "token": {"token": MALLORY},  # one that is worth nothing
    "job": {"jobRequesterId": "another job"},  # whose money it is
    "launcher": {"sender": MALLORY},
    "reputation oracle": {"reputationOracle": MALLORY},  # who could pay itself what is reserved for workers
    "recording oracle": {"recordingOracle": MALLORY},
    "exchange oracle": {"exchangeOracle": MALLORY},
    "manifest": {"hash": "0" * 64},
    "recording oracle's fee in basis points": {"recordingFeeBp": 1},
}


@pytest.mark.parametrize("what", NOT_AS_TOLD)
async def test_an_escrow_that_is_not_as_its_launcher_told_is_refused_by_both_oracles(oracles: House, what: str) -> None:
    """The funds are there; but another key would pay, or in another token, or less."""
    house = oracles
    await house.stake(conftest.CHAIN_A)
    await house.record_event(
        conftest.CHAIN_A, contract=ESCROW, kind="Escrow", name="Fund", args={"amount": 10**12}, place=5
    )
    view = await house.launcher.draft([await house.page("r1")], conftest.OPTIONS)
    await house.launcher.approve(view.job_id)
    await house.settle()
    (launch,) = [one for one in await house.transactions(view.job_id) if one.purpose == f"launch:{view.job_id}"]
    await house.set_up(launch, **NOT_AS_TOLD[what])
    await house.launched(view.job_id, seen=False)
    refusals = await house.refusals()
    assert len(refusals) == 2
    assert all(f"the {what} of escrow {ESCROW}" in one for one in refusals)
    async with house.db.connection() as tx:
        for role in ("recording", "reputation"):
            assert await rows(tx, f"select job_id from {role}.jobs") == []


@pytest.mark.parametrize(
    ("name", "found"),
    [("CancellationRequested", "under cancellation"), ("Upheld", "under cancellation"), ("Cancelled", "ended")],
)
async def test_an_escrow_whose_end_has_begun_is_refused(oracles: House, name: str, found: str) -> None:
    """Its launcher may have asked for cancellation days ago: what people then do could not be recorded in time."""
    refusals = await announced_with(oracles, name=name)
    assert len(refusals) == 2
    assert all(f"the state of escrow {ESCROW} is {found}" in one for one in refusals)


@pytest.mark.parametrize(("parts", "refused"), [(0, 0), (30, 2)])
async def test_an_escrow_with_a_daily_cap_that_nobody_was_told_of_is_refused(
    oracles: House, parts: int, refused: int
) -> None:
    """A thirtieth of the funds a day: what people earned on one day could be reserved over a month only."""
    refusals = await announced_with(oracles, name="DailyCapSet", args={"parts": parts})
    assert len(refusals) == refused
    assert all(f"the daily cap of escrow {ESCROW} is 1/30 of the funds" in one for one in refusals)


@pytest.mark.parametrize(("days", "refused"), [(30, 0), (31, 2)])
async def test_an_escrow_is_announced_soon_after_its_launch_or_not_at_all(
    oracles: House, days: int, refused: int
) -> None:
    """One that waited ninety-nine days has a day left in which work can be recorded."""
    refusals = await announced_with(oracles, name="Frozen", later_s=days * 86_400)
    assert len(refusals) == refused
    assert all(f"the launch of escrow {ESCROW} is {days} days old" in one for one in refusals)


async def announced_with(house: House, *, name: str, later_s: int = 0, args: dict[str, int] | None = None) -> list[str]:
    """Announces a job whose escrow also said `name`, later than its launch; why that was refused."""
    await house.stake(conftest.CHAIN_A)
    for place, event, said in ((5, "Fund", {"amount": 10**12}), (6, name, args or {})):
        await house.record_event(conftest.CHAIN_A, contract=ESCROW, kind="Escrow", name=event, args=said, place=place)
    view = await house.launcher.draft([await house.page("r1")], conftest.OPTIONS)
    await house.launcher.approve(view.job_id)
    await house.settle()
    (launch,) = [one for one in await house.transactions(view.job_id) if one.purpose == f"launch:{view.job_id}"]
    await house.set_up(launch)
    async with house.db.transaction() as tx:
        await tx.execute("update outbox.events set block_timestamp_s = 1700000000")
        await tx.execute(
            "update outbox.events set block_timestamp_s = block_timestamp_s + %s where name = %s", [later_s, name]
        )
    await house.launched(view.job_id, seen=False)
    return await house.refusals()


async def test_an_escrow_that_the_chain_does_not_show_yet_is_waited_for(oracles: House) -> None:
    house = oracles
    await house.stake(conftest.CHAIN_A)
    view = await house.launcher.draft([await house.page("r1")], conftest.OPTIONS)
    await house.launcher.approve(view.job_id)
    await house.settle()
    await house.launched(view.job_id, seen=False)
    assert await house.refusals() == []
    async with house.db.connection() as tx:
        assert await rows(tx, "select job_id from recording.jobs") == []


# --- an upgrade while a job is being paid ---


@pytest.mark.parametrize("capped", [False, True])
async def test_a_job_whose_payout_an_older_version_left_displaced_is_paid_after_an_hour(
    oracles: House, capped: bool
) -> None:
    """Older versions noted what was sent only for jobs with a daily cap; what the others owed waited for a person."""
    house = oracles
    job_id = await open_job(house, [facts("t1", "one"), facts("t2", "two")])
    evidence = await answers(house, job_id, 1, ("t1", A, "one"), ("t1", B, "one"), ("t2", A, "two"), ("t2", B, "two"))
    await finish(house, job_id)
    oracle = reputation_of(house)

    async def look() -> list[str]:
        oracle._looked_at_ms = 0
        await oracle.tick()
        own = house.keys["reputation"].address
        return [one.purpose for one in await house.transactions(job_id) if one.sender == own]

    assert await look() == [], "nothing is reserved by the chain's word"
    case = await oracle.case(job_id)
    assert case is not None
    pay = [(one.worker, one.total_minor) for one in case.payouts_file().pay]
    total_minor = sum(minor for _, minor in pay)
    assert len(pay) == 2 and total_minor >= evidence.reserved_minor
    anchored = {"root": "0x" + evidence.root().hex(), "count": 4, "reserved": total_minor}
    await house.record_event(
        conftest.CHAIN_A, contract=ESCROW, kind="Escrow", name="Anchored", args=anchored, place=7, tx_hash="0x7"
    )
    assert await look() == [f"payout:{job_id}:0"]
    async with house.db.transaction() as tx:
        await tx.execute(
            "update outbox.transactions set state = 'displaced', sent_at_ms = 1, settled_at_ms = %s where purpose = %s",
            [house.clock(), f"payout:{job_id}:0"],
        )
        for place, (worker, minor) in enumerate(pay) if capped else ():
            await tx.execute(
                "insert into reputation.owed (job_id, place, worker, amount_minor, sent_minor) "
                "values (%s, %s, %s, %s, %s)",
                [job_id, place, worker, minor, minor],
            )
        if capped:
            await tx.execute(
                "insert into reputation.parts (job_id, part_no, pay, amount_minor, again, waits) "
                "values (%s, 0, %s, %s, 1, true)",
                [job_id, canonical.encode(tuple(pay)), total_minor],
            )
    assert await look() == [f"payout:{job_id}:0"], "not at once"
    house.clock.now_ms += AGAIN_AFTER_MS
    for _ in range(2):
        assert await look() == [f"payout:{job_id}:0", f"payout:{job_id}:0:again:1"]
    first, again = [
        decode_call("Escrow", "bulkPayOut", one.data)
        for one in await house.transactions(job_id)
        if one.purpose.startswith("payout:")
    ]
    assert first is not None and first == again and list(zip(first[0], first[1], strict=True)) == pay
    shown = {"payoutId": payout_key(first[4]), "recipients": list(first[0]), "amounts": list(first[1])}
    await house.record_event(
        conftest.CHAIN_A, contract=ESCROW, kind="Escrow", name="BulkTransferV3", args=shown, place=8, tx_hash="0x8"
    )
    assert (await look())[-1] == f"complete:{job_id}"
