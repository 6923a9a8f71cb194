"""A job at the exchange from its announcement to its delivery: real tables, mailbox, work and pages; the other roles
are scripted here and say what their real ones would say, signed with their own keys."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from manyhands.documents import model as documents_model
from manyhands.documents.acceptance import format_doubt
from manyhands.documents.samples import SampleDocument
from manyhands.ledger.as_told import EscrowNotAsTold, EscrowNotSeenYet
from manyhands.protocol import canonical
from manyhands.protocol.evidence import AnswerRecord, BatchEvidence, PayoutsFile, WorkerPay, check_receipt
from manyhands.protocol.manifest import QualityRule, UnseenAudit
from manyhands.protocol.messages import (
    AnswersCollected,
    Body,
    CancelRequested,
    Decision,
    DocumentsHanded,
    JobJudged,
    JobRecorded,
    JobSettled,
    JurorsDrawn,
    ReportFiled,
    ReportRuled,
    ResultsAssembled,
    Role,
    Standing,
    StandingsChanged,
    TasksOpened,
    TasksWithdrawn,
    VoteCast,
    WorkerNeed,
)
from manyhands.roles.exchange import Given
from manyhands.roles.exchange.errors import (
    AlreadyReported,
    AlreadyVoted,
    BadRequest,
    JobNotOpen,
    NoSuchCase,
    NoSuchJob,
    NotLentToYou,
)
from manyhands.store.database import Database, rows
from manyhands.store.mailbox import refused_messages

from .scripted import ESCROW, FUNDED_MINOR, JOB, ChainEvent, House, png_size, truth_by_task


class ScriptedReaders:
    """Two readers that see every line of a sample as it stands there, and are sure of it."""

    def __init__(self, scan: SampleDocument) -> None:
        self._scan = scan

    def read(
        self, page_png: bytes, *, kind: str, page_no: int, text_layer: bytes | None = None
    ) -> documents_model.PageReadings:
        lines = [line for line in self._scan.truth["lines"] if line["page"] == page_no]
        boxes = [documents_model.Box(*(round(side) for side in line["box"])) for line in lines]
        spots = tuple(
            documents_model.Spot(
                box,
                tuple(documents_model.Reading(name, line["text"], 9_900, box, 9_900) for name in ("ppocr6", "ppocr4")),
                line_group=number,
                glyphs=len(line["text"].replace(" ", "")),
            )
            for number, (line, box) in enumerate(zip(lines, boxes, strict=True))
        )
        width_px, height_px = png_size(page_png)
        return documents_model.PageReadings(page_no, width_px, height_px, spots, readers=("ppocr6", "ppocr4"))


@pytest.fixture
async def reading_house(database: Database, tmp_path: Path, receipt_scan: SampleDocument) -> AsyncIterator[House]:
    """A house whose exchange has two readers."""
    made = House(database, tmp_path / "blobs")
    made.exchange.reading.readers = ScriptedReaders(receipt_scan)
    yield made


async def opened(house: House, *documents: SampleDocument, **changes: Any) -> None:
    await house.announce(documents, **changes)
    await house.fund()
    await house.settle_down()
    assert (await house.exchange.progress(JOB)).state == "open"


async def test_a_job_from_announcement_to_delivery_gives_the_record_back(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan)
    truth = await truth_by_task(house, [receipt_scan])
    workers = await house.workers(3)
    assert all(offer.open_tasks for offer in await house.exchange.offers(workers[0]))
    for _ in range(30):
        done = sum([await house.key(worker, truth) for worker in workers])
        await house.settle_down()
        if not done and not await house.record():
            break
    progress = await house.exchange.progress(JOB)
    assert progress.tasks["accepted"] == len(truth) - progress.tasks["unreadable"]
    assert progress.answers == sum(len(body.answers) for body in house.told(AnswersCollected))
    assert house.told(TasksOpened)[-1].complete and house.told(TasksOpened)[-1].tasks == ()
    await house.conclude()
    await house.settle_down()
    (assembled,) = house.told(ResultsAssembled)
    package = await house.blobs.get(assembled.package_blob)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        names = set(archive.namelist())
        record = json.loads(archive.read(f"{receipt_scan.doc_id}.json"))
        index = json.loads(archive.read("package.json"))
        exposure = json.loads(archive.read("exposure.json"))
        quality = json.loads(archive.read("quality.json"))
    assert quality["calibrated"] is False and quality["confidence"].startswith("uncalibrated")
    assert {f"{receipt_scan.doc_id}.pdf", "fields.csv", "results.xlsx", "package.json"} <= names
    assert {entry["name"] for entry in index} == names - {"package.json"}
    assert exposure["privacy"] == "off" and exposure["workers"] == 3 == len(exposure["by_worker"])
    assert not set(workers) & {one["worker"] for one in exposure["by_worker"]}, "a package names nobody's wallet"
    keyed = "".join(line["text"] for line in record["lines"]).replace(" ", "")
    true = "".join(line["text"] for line in receipt_scan.truth["lines"]).replace(" ", "")
    assert sorted(keyed) == sorted(true), "perfect answers give every letter of the page back"
    files = await house.exchange.result_files(JOB)
    assert files is not None and {one.name for one in files} == names - {"package.json"}
    assert (await house.exchange.result_file(JOB, "fields.csv") or (b"", ""))[1] == "text/csv"
    assert await house.exchange.result_file(JOB, "../secret") is None


KIND_WITH_CHECK = """
kind: receipt
fields:
  - {name: total, type: amount, find: labelled, labels: [{say: '^\\W*TOTAL\\W*$', weight: 90}]}
  - {name: cash, type: amount, find: labelled, labels: [{say: '^\\W*CASH', weight: 90}]}
  - {name: change, type: amount, find: labelled, labels: [{say: '^\\W*CHANGE', weight: 90}]}
checks:
  - {name: sums_to_last, fields: [total, change, cash]}
"""


async def test_fields_that_fail_a_check_are_asked_once_more_and_nothing_else_is(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan, kinds={"receipt": KIND_WITH_CHECK})
    truth = await truth_by_task(house, [receipt_scan])
    total = receipt_scan.truth["fields"]["total"]
    mistaken = {task_id: "1.11" if text == total else text for task_id, text in truth.items()}
    workers = await house.workers(4)
    before = len(truth)
    for known in (mistaken, None):
        for _ in range(30):
            answers = known if known is not None else await truth_by_task(house, [receipt_scan])
            done = sum([await house.key(worker, answers) for worker in workers])
            await house.settle_down()
            if not done and not await house.record():
                break
    second = [facts for body in house.told(TasksOpened) for facts in body.tasks if facts.task_id not in truth]
    assert 1 <= len(second) <= 3 < before, "the three amounts at most, not the page"
    assert house.told(TasksOpened)[-1].complete
    await house.conclude()
    await house.settle_down()
    (assembled,) = house.told(ResultsAssembled)
    with zipfile.ZipFile(io.BytesIO(await house.blobs.get(assembled.package_blob))) as archive:
        record = json.loads(archive.read(f"{receipt_scan.doc_id}.json"))
    assert record["fields"]["total"] == total
    assert not any(field["failed_checks"] for field in record["provenance"]["fields"].values())


async def test_nothing_is_read_before_the_chain_shows_the_funds(house: House, receipt_scan: SampleDocument) -> None:
    await house.announce([receipt_scan])
    await house.settle_down()
    assert (await house.exchange.progress(JOB)).state == "announced"
    await house.chain_says(ChainEvent(1338, ESCROW, "Fund", {"amount": FUNDED_MINOR - 1}, tx_hash="0x01"))
    for _ in range(3):  # the same transaction told again is not more money
        await house.chain_says(ChainEvent(1338, ESCROW, "Fund", {"amount": FUNDED_MINOR - 1}, tx_hash="0x01"))
    await house.chain_says(ChainEvent(31338, ESCROW, "Fund", {"amount": FUNDED_MINOR}, tx_hash="0x02"))
    await house.settle_down()
    assert (await house.exchange.progress(JOB)).state == "announced"
    await house.chain_says(ChainEvent(1338, ESCROW, "Fund", {"amount": 1}, tx_hash="0x03"))
    await house.settle_down()
    assert (await house.exchange.progress(JOB)).state == "open"


async def test_nobody_works_for_an_escrow_that_is_not_the_announced_one(
    house: House, receipt_scan: SampleDocument
) -> None:
    """The funds are there, but other keys than those announced may pay them out."""
    house.objection = EscrowNotAsTold(ESCROW, "reputation oracle", told="0xa", found="0xb")
    await house.announce([receipt_scan])
    await house.fund()
    await house.settle_down()
    assert (await house.exchange.progress(JOB)).state == "announced"
    house.objection = EscrowNotSeenYet(ESCROW)
    await house.settle_down()
    assert (await house.exchange.progress(JOB)).state == "announced"
    house.objection = None
    await house.settle_down()
    assert (await house.exchange.progress(JOB)).state == "open"


async def test_funds_that_come_before_the_announcement_count(house: House, receipt_scan: SampleDocument) -> None:
    await house.fund()
    await house.announce([receipt_scan])
    await house.settle_down()
    assert (await house.exchange.progress(JOB)).state == "open"


async def test_a_party_that_has_no_part_in_the_job_is_refused(house: House, receipt_scan: SampleDocument) -> None:
    await opened(house, receipt_scan)
    standing = Standing(
        worker="0x" + "a" * 40, skill="transcription", right_micro=1, wrong_micro=0, at_ms=1, score_bp=1, because="x"
    )
    said: list[tuple[Role, Body]] = [
        ("recording", CancelRequested(job_id=JOB)),
        ("recording", DocumentsHanded(job_id=JOB, documents=())),
        ("launcher", JobJudged(job_id=JOB, accepted=True, measured_bp=1, lower_bp=1, rests_on="")),
        ("jury", StandingsChanged(job_id=JOB, standings=(standing,))),
        ("launcher", JobRecorded(job_id=JOB, evidence_blobs=(), roots=(), reserved_minor=0)),
    ]
    for role, body in said:
        receipt = await house.say(role, body)
        assert receipt.outcome == "refused", body
        assert "is not the" in receipt.reason


async def test_pages_of_a_job_that_was_never_announced_are_refused(house: House) -> None:
    receipt = await house.say("launcher", DocumentsHanded(job_id="job-2", documents=()))
    assert receipt.outcome == "refused" and "not known here" in receipt.reason


async def test_reading_cutting_and_drawing_twice_has_one_effect(house: House, receipt_scan: SampleDocument) -> None:
    await house.announce([receipt_scan])
    await house.fund()
    opening, where = house.exchange.opening, (JOB, receipt_scan.doc_id, 1)
    for step in (house.exchange.reading.read_page, opening.draw_page):
        if step == opening.draw_page:
            await opening.cut_job(JOB)
            await opening.cut_job(JOB)
        await step(*where)
        await step(*where)
    await house.settle_down()
    progress = await house.exchange.progress(JOB)
    opened_tasks = [facts.task_id for body in house.told(TasksOpened) for facts in body.tasks]
    assert len(opened_tasks) == len(set(opened_tasks)) == progress.tasks["open"] > 5


async def test_a_page_that_nobody_can_decode_is_delivered_with_its_reason(
    house: House, receipt_scan: SampleDocument
) -> None:
    broken = SampleDocument("broken", "receipt", (receipt_scan.pages[0][:2_000],), {})
    await opened(house, receipt_scan, broken)
    async with house.db.connection() as connection:
        failed = await rows(connection, "select doc_id, failed from exchange.pages where failed is not null")
    assert [doc_id for doc_id, _ in failed] == ["broken"]
    assert "not a readable page image" in failed[0][1]


async def test_tasks_have_opaque_ids_and_a_shuffled_order(house: House, receipt_scan: SampleDocument) -> None:
    await opened(house, receipt_scan)
    async with house.db.connection() as connection:
        by_rank = await rows(connection, "select place, picture, task_id from exchange.tasks order by rank")
    places = [place for place, _, _ in by_rank]
    assert sorted(places) == list(range(len(places))) and places != sorted(places)
    for _, picture, _ in by_rank:
        assert (await house.blobs.get(picture)).startswith(b"\x89PNG")


async def test_what_the_recording_oracle_recorded_is_compared_with_what_was_sent(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan)
    truth = await truth_by_task(house, [receipt_scan])
    (worker,) = await house.workers(1)
    await house.key(worker, truth)
    await house.settle_down()
    (collected,) = house.told(AnswersCollected)
    honest = [AnswerRecord(answer=answer, reward_minor=5, salt="ab" * 32) for answer in collected.answers]
    told: dict[str, Any] = {
        "job_id": JOB, "batch_no": 1, "tasks": (), "withdrawn": (), "standings": {}, "decisions": (), "refused": (),
        "decisions_salt": "cd" * 32,
    }  # fmt: skip
    changed = msgspec.structs.replace(honest[0], answer=msgspec.structs.replace(honest[0].answer, text="not my words"))
    forged = BatchEvidence(answers=(changed, *honest[1:]), **told)
    invented = msgspec.structs.replace(honest[0].answer, worker="0x" + "9" * 40)
    stuffed = BatchEvidence(answers=(*honest, msgspec.structs.replace(honest[0], answer=invented)), **told)
    for evidence, changes in (
        (forged, {}),
        (stuffed, {}),
        (BatchEvidence(answers=tuple(honest), **told), {"root": "0x" + "00" * 32}),
        (BatchEvidence(answers=tuple(honest), **told), {"reserved_minor": 1}),
    ):
        # another batch number, so that the message is another statement
        body = await house.recorded(msgspec.structs.replace(evidence, batch_no=len(house.roots) + 1), **changes)
        receipt = await house.say("recording", body)
        assert receipt.outcome == "refused"
    earned = await house.exchange.earnings(worker)
    assert earned.accepted_minor == 0 and earned.pending_minor > 0


async def test_earnings_follow_an_answer_from_pending_to_paid(house: House, receipt_scan: SampleDocument) -> None:
    await opened(house, receipt_scan)
    truth = await truth_by_task(house, [receipt_scan])
    workers = await house.workers(3)
    count = await house.key(workers[0], truth, count=5)
    waiting = await house.exchange.earnings(workers[0])
    assert (waiting.jobs[0].answers, waiting.jobs[0].waiting, waiting.accepted_minor) == (count, count, 0)
    await house.settle_down()
    assert await house.exchange.earnings(workers[0]) == waiting, "sending an answer on changes nothing for its worker"
    await house.record()
    earned = await house.exchange.earnings(workers[0])
    assert (earned.jobs[0].accepted, earned.jobs[0].waiting) == (count, 0)
    assert (earned.accepted_minor, earned.pending_minor) == (waiting.pending_minor, 0)
    assert earned.credited_ms == count * 4_000
    receipts = await house.exchange.receipts(workers[0], JOB)
    assert len(receipts) == count
    for receipt in receipts:
        check_receipt(receipt, anchored_roots=house.roots)
    assert await house.exchange.receipts(workers[1], JOB) == []
    for _ in range(30):
        done = sum([await house.key(worker, truth) for worker in workers])
        await house.settle_down()
        if not done and not await house.record():
            break
    await house.conclude()
    await house.settle_down()
    pay = WorkerPay(
        worker=workers[0],
        answers=count,
        credited_ms=1,
        base_minor=1_000,
        bonus_minor=70,
        top_up_minor=30,
        standing_bp=1,
    )
    payouts = PayoutsFile(
        job_id=JOB, measured_bp=1, lower_bp=1, accepted=True, rests_on="", package_hash="", pay=(pay,)
    )
    blob = await house.blobs.put(canonical.encode(payouts), media_type="application/json", namespace=JOB)
    judged = JobJudged(job_id=JOB, accepted=True, measured_bp=9_990, lower_bp=9_900, rests_on="30 known lines")
    assert (await house.say("reputation", judged)).outcome == "applied"
    settled = JobSettled(
        job_id=JOB, accepted=True, paid_minor={workers[0]: 1_100}, fees_minor=1, refunded_minor=2,
        package_blob="", package_hash="", payouts_blob=blob, transactions=("0xabc",),
    )  # fmt: skip
    assert (await house.say("reputation", settled)).outcome == "applied"
    (line,) = (await house.exchange.earnings(workers[0])).jobs
    assert (line.paid_minor, line.bonus_minor, line.top_up_minor) == (1_100, 70, 30)
    assert [one.tx_hash for one in line.transactions] == ["0xabc"]
    progress = await house.exchange.progress(JOB)
    assert progress.state == "settled" and progress.judged == judged


async def test_a_cancelled_job_lends_nothing_and_still_takes_what_is_lent(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan)
    worker, other = await house.workers(2)
    bundle = await house.exchange.claim(worker, JOB, 3)
    assert (await house.say("launcher", CancelRequested(job_id=JOB, because="enough"))).outcome == "applied"
    with pytest.raises(JobNotOpen):
        await house.exchange.claim(other, JOB, 1)
    await house.settle_down()
    assert not any(body.complete for body in house.told(TasksOpened)), "somebody still holds tasks"
    withdrawn = {task_id for body in house.told(TasksWithdrawn) for task_id in body.task_ids}
    assert len(withdrawn) == (await house.exchange.progress(JOB)).tasks["withdrawn"] > 3
    outcomes = await house.exchange.submit(worker, JOB, [Given(one.assignment_id, "x") for one in bundle.assignments])
    assert {one.outcome for one in outcomes} == {"stored"}
    await house.settle_down()
    assert house.told(TasksOpened)[-1].complete
    assert sum(len(body.answers) for body in house.told(AnswersCollected)) == 3
    await house.conclude()
    await house.settle_down()
    assert len(house.told(ResultsAssembled)) == 1


async def test_a_job_cancelled_while_it_is_read_ends_without_tasks(house: House, receipt_scan: SampleDocument) -> None:
    await house.announce([receipt_scan])
    await house.fund()
    await house.say("launcher", CancelRequested(job_id=JOB))
    await house.settle_down()
    assert [body.tasks for body in house.told(TasksOpened)] == [()]
    await house.conclude()
    await house.settle_down()
    assert (await house.exchange.progress(JOB)).state == "assembled"


async def test_a_job_ends_only_when_nobody_holds_a_task(house: House, receipt_scan: SampleDocument) -> None:
    await opened(house, receipt_scan)
    (worker,) = await house.workers(1)
    bundle = await house.exchange.claim(worker, JOB, 1)
    async with house.db.transaction() as tx:
        await tx.execute("update exchange.tasks set state = 'unreadable', decided_batch = 1")
        await tx.execute("update exchange.jobs set undecided = 0")
    await house.settle_down()
    assert not house.told(TasksOpened)[-1].complete
    (outcome,) = await house.exchange.submit(worker, JOB, [Given(bundle.assignments[0].assignment_id, "in time")])
    assert outcome.outcome == "stored"
    await house.settle_down()
    assert house.told(TasksOpened)[-1].complete
    texts = [answer.text for body in house.told(AnswersCollected) for answer in body.answers]
    assert texts == ["in time"]
    late = await house.exchange.submit(worker, JOB, [Given(bundle.assignments[0].assignment_id, "in time")])
    assert [one.outcome for one in late] == ["already_stored"]


async def reported(house: House, scan: SampleDocument) -> tuple[list[str], str, str]:
    await opened(house, scan)
    workers = await house.workers(4)
    assignment = (await house.exchange.claim(workers[0], JOB, 1)).assignments[0]
    report_id = await house.exchange.report(workers[0], JOB, assignment.assignment_id, "personal_data", "a name")
    await house.settle_down()
    return workers, assignment.task_id, report_id


async def drawn(house: House, workers: Sequence[str], report_id: str) -> None:
    body = JurorsDrawn(
        job_id=JOB, report_id=report_id, case_id="0x" + "ca" * 32, jurors=tuple(workers[1:]),
        clear_digest="0x" + "c1" * 32, uphold_digest="0x" + "a1" * 32,
    )  # fmt: skip
    assert (await house.say("jury", body)).outcome == "applied"


def ruled(task_id: str, report_id: str, *, uphold: bool) -> ReportRuled:
    return ReportRuled(
        job_id=JOB, report_id=report_id, case_id="0x" + "ca" * 32, task_id=task_id, uphold=uphold, votes_for=3,
        votes_against=0, jurors_paid_minor={},
    )  # fmt: skip


async def test_a_reported_task_is_frozen_and_lent_to_nobody(house: House, receipt_scan: SampleDocument) -> None:
    workers, task_id, report_id = await reported(house, receipt_scan)
    (filed,) = house.told(ReportFiled)
    assert (filed.task_id, filed.reporter, filed.report_id) == (task_id, workers[0], report_id)
    assert set(filed.eligible) == set(workers[1:]), "whoever reported can't judge"
    seen: set[str] = set()
    for worker in workers[1:]:
        while (bundle := await house.exchange.claim(worker, JOB, 20)).assignments:
            seen |= {one.task_id for one in bundle.assignments}
            given = [Given(one.assignment_id, None) for one in bundle.assignments]
            await house.exchange.submit(worker, JOB, given)
    assert task_id not in seen and len(seen) > 5


async def test_the_same_report_twice_is_one_and_other_reports_are_told_why_not(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan, privacy="off")
    first, second, third = await house.workers(3)
    mine = (await house.exchange.claim(first, JOB, 1)).assignments[0]
    async with house.db.transaction() as tx:
        await tx.execute("update exchange.tasks set wanted = 3")
    theirs: dict[str, Any] = {}
    for worker in (second, third):  # until they hold the same task
        while mine.task_id not in theirs.get(worker, {}):
            bundle = await house.exchange.claim(worker, JOB, 20)
            theirs[worker] = {one.task_id: one.assignment_id for one in bundle.assignments}
            if mine.task_id not in theirs[worker]:
                await house.exchange.submit(worker, JOB, [Given(one.assignment_id, None) for one in bundle.assignments])
    with pytest.raises(BadRequest, match="no reason"):
        await house.exchange.report(first, JOB, mine.assignment_id, "ugly", "")
    with pytest.raises(NotLentToYou):
        await house.exchange.report(second, JOB, mine.assignment_id, "other", "")
    once = await house.exchange.report(first, JOB, mine.assignment_id, "other", "x")
    assert await house.exchange.report(first, JOB, mine.assignment_id, "other", "x") == once
    with pytest.raises(AlreadyReported):
        await house.exchange.report(second, JOB, theirs[second][mine.task_id], "other", "x")
    (kept,) = await house.exchange.submit(third, JOB, [Given(theirs[third][mine.task_id], "12.50")])
    assert kept.outcome == "stored", "an answer in its lease is taken though the task is frozen"
    await house.settle_down()
    assert len(house.told(ReportFiled)) == 1


async def test_jurors_vote_once_with_their_own_wallets(house: House, receipt_scan: SampleDocument) -> None:
    from eth_account import Account

    workers, _, report_id = await reported(house, receipt_scan)
    await drawn(house, workers, report_id)
    (case,) = await house.exchange.jury_cases(workers[1])
    assert case.code == "personal_data" and case.picture_url.startswith(f"/pictures/{JOB}/")
    assert await house.exchange.jury_cases(workers[0]) == []
    with pytest.raises(NoSuchCase):
        await house.exchange.jury_vote(workers[0], case.case_id, uphold=True, because="")
    for _ in range(2):
        await house.exchange.jury_vote(workers[1], case.case_id, uphold=True, because="it is a name")
    with pytest.raises(AlreadyVoted):
        await house.exchange.jury_vote(workers[1], case.case_id, uphold=False, because="")
    await house.settle_down()
    (vote,) = house.told(VoteCast)
    signer = Account._recover_hash(bytes.fromhex("a1" * 32), signature=vote.signature).lower()
    assert (vote.juror, signer, vote.uphold) == (workers[1], workers[1], True)
    assert await house.exchange.jury_cases(workers[1]) == []


@pytest.mark.parametrize("uphold", [False, True])
async def test_a_ruling_opens_or_withdraws_the_task(house: House, receipt_scan: SampleDocument, uphold: bool) -> None:
    workers, task_id, report_id = await reported(house, receipt_scan)
    await drawn(house, workers, report_id)
    before = await house.exchange.progress(JOB)
    assert before.tasks["frozen"] == 1
    assert (await house.say("jury", ruled(task_id, report_id, uphold=uphold))).outcome == "applied"
    await house.settle_down()
    after = await house.exchange.progress(JOB)
    assert after.tasks["frozen"] == 0
    assert (after.tasks["withdrawn"], after.tasks["open"] - before.tasks["open"]) == ((1, 0) if uphold else (0, 1))
    told = [body.task_ids for body in house.told(TasksWithdrawn)]
    assert told == ([(task_id,)] if uphold else [])
    again = ruled(task_id, report_id, uphold=not uphold)
    assert (await house.say("jury", again)).outcome in ("refused", "duplicate"), "a ruling stands"


async def test_a_verdict_that_came_while_frozen_takes_effect_when_cleared(
    house: House, receipt_scan: SampleDocument
) -> None:
    workers, task_id, report_id = await reported(house, receipt_scan)
    await drawn(house, workers, report_id)
    async with house.db.transaction() as tx:
        await tx.execute("update exchange.tasks set value = '12.50', decided_batch = 1 where task_id = %s", (task_id,))
    await house.say("jury", ruled(task_id, report_id, uphold=False))
    async with house.db.connection() as connection:
        ((state,),) = await rows(connection, "select state from exchange.tasks where task_id = %s", (task_id,))
    assert state == "accepted"


async def put_in_reserve(house: House, count: int) -> list[str]:
    """The first tasks by rank become known pieces in reserve, as the cutting makes them."""
    async with house.db.transaction() as tx:
        made = await rows(
            tx,
            "update exchange.tasks set gold = true, queue = 2, gold_views = 4, wanted = 1 where rank < %s "
            "returning task_id",
            (count,),
        )
        await tx.execute("update exchange.jobs set undecided = undecided - %s", (count,))
    return [task_id for (task_id,) in made]


async def test_known_pieces_that_measured_nobody_are_withdrawn_before_the_job_ends(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan, quality=QualityRule(gold_share_bp=0))
    reserve = await put_in_reserve(house, 3)
    truth = await truth_by_task(house, [receipt_scan])
    workers = await house.workers(3)
    for _ in range(30):
        done = sum([await house.key(worker, truth) for worker in workers])
        await house.settle_down()
        if not done and not await house.record():
            break
    (withdrawn,) = house.told(TasksWithdrawn)
    assert sorted(withdrawn.task_ids) == sorted(reserve)
    told = [type(body) for body in house.heard if type(body) in (TasksWithdrawn, TasksOpened)]
    assert told[-2:] == [TasksWithdrawn, TasksOpened] and house.told(TasksOpened)[-1].complete
    answered = {answer.task_id for body in house.told(AnswersCollected) for answer in body.answers}
    assert not answered & set(reserve)


def decision_on(task_id: str, outcome: str, *, wanted: int = 0, value: str | None = None) -> Decision:
    return Decision(
        task_id=task_id, outcome=outcome, value=value, confidence_bp=9_995, support=2, wanted=wanted, because="",
    )  # type: ignore[arg-type]  # drawn from the literal's words  # fmt: skip


async def batch_says(house: House, *decisions: Decision, **told: Any) -> None:
    """The recording oracle says this of a batch without answers."""
    evidence = BatchEvidence(
        job_id=JOB, batch_no=len(house.roots) + 1, tasks=(), withdrawn=(), standings={}, answers=(),
        decisions=decisions, refused=(), decisions_salt="cd" * 32,
    )  # fmt: skip
    receipt = await house.say("recording", await house.recorded(evidence, **told))
    assert receipt.outcome == "applied", receipt.reason


async def undecided(house: House) -> int:
    async with house.db.connection() as tx:
        return int((await rows(tx, "select undecided from exchange.jobs"))[0][0])


async def test_a_known_piece_on_which_people_differ_becomes_work_and_is_waited_for(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan)
    task_id, settled_id = await put_in_reserve(house, 2)
    before = await undecided(house)
    await batch_says(house, decision_on(task_id, "ask_more", wanted=2), decision_on(settled_id, "accept", value="x"))
    assert await undecided(house) == before + 1, "one is waited for now, the other never was"
    async with house.db.connection() as tx:
        found = dict(await rows(tx, "select task_id, (queue, gold_views, state)::text from exchange.tasks"))
    assert (found[task_id], found[settled_id]) == ("(1,0,open)", "(2,4,accepted)")
    await batch_says(house, decision_on(task_id, "accept", value="x"))
    assert await undecided(house) == before


async def test_what_the_recording_oracle_says_of_workers_and_doubted_gold_is_kept(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan)
    first, second = await house.workers(2)
    for worker in (first, second):
        await house.exchange.claim(worker, JOB, 1)
    (task_id,) = await put_in_reserve(house, 1)
    needs = {
        first: WorkerNeed(skill_bp=9_700, gold_share_bp=300),
        second: WorkerNeed(skill_bp=6_000, gold_share_bp=10_000),
    }
    await batch_says(house, needs=needs, suspended=(task_id,))
    async with house.db.connection() as tx:
        kept = await rows(tx, "select worker, skill_bp, gold_share_bp from exchange.bundles")
        ((proven_bp,),) = await rows(tx, "select proven_bp from exchange.jobs")
        ((views,),) = await rows(tx, "select gold_views from exchange.tasks where task_id = %s", (task_id,))
    assert sorted(kept) == sorted([(first, 9_700, 300), (second, 6_000, 10_000)])
    assert (proven_bp, views) == (6_000, 0)


async def test_the_surest_settled_work_becomes_gold_as_far_as_the_quote_has_room(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan)
    async with house.db.transaction() as tx:
        await tx.execute("update exchange.jobs set gold_recycle = 2")
        ids = [one for (one,) in await rows(tx, "select task_id from exchange.tasks order by rank limit 4")]
    unsure = msgspec.structs.replace(decision_on(ids[0], "accept", value="x"), confidence_bp=9_900)
    await batch_says(house, unsure, *(decision_on(one, "accept", value="x") for one in ids[1:]))
    async with house.db.connection() as tx:
        recycled = await rows(tx, "select task_id from exchange.tasks where gold_views = 1 order by rank")
        ((left,),) = await rows(tx, "select gold_recycle from exchange.jobs")
    assert recycled == [(ids[1],), (ids[2],)] and left == 0


async def test_a_reported_known_piece_is_waited_for_like_any_other(house: House, receipt_scan: SampleDocument) -> None:
    await opened(house, receipt_scan)
    (worker,) = await house.workers(1)
    (own,) = (await house.exchange.claim(worker, JOB, 1)).assignments
    async with house.db.transaction() as tx:
        await tx.execute("update exchange.tasks set gold = true, queue = 2 where task_id = %s", (own.task_id,))
    before = await undecided(house)
    await house.exchange.report(worker, JOB, own.assignment_id, "wrong_cutting", "cut through")
    assert await undecided(house) == before + 1


async def audited_job(house: House, scan: SampleDocument, *, contradict: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """(audit.json, the record) of a job whose people read what stands there, or something else in the sample."""
    await opened(
        house, scan, machine="agreeing_readers", quality=QualityRule(gold_share_bp=0),
        audit=UnseenAudit(wrong_share_bp=1_500, confidence_bp=9_000),
    )  # fmt: skip
    workers = await house.workers(4)
    view = await house.exchange.simulation_view(JOB)
    sampled = {task_id for task_id, one in view.items() if one.piece.piece_id in await sample_of(house)}
    assert sampled
    while not house.told(TasksOpened)[-1].complete:  # the exchange says when nothing more will follow
        truth = await truth_by_task(house, [scan])
        if contradict:
            truth |= dict.fromkeys(sampled, "something else")
        for worker in workers:
            await house.key(worker, truth)
        await house.settle_down()
        await house.record()
        await house.settle_down()
    await house.conclude()
    await house.settle_down()
    (assembled,) = house.told(ResultsAssembled)
    with zipfile.ZipFile(io.BytesIO(await house.blobs.get(assembled.package_blob))) as archive:
        return json.loads(archive.read("audit.json")), json.loads(archive.read(f"{scan.doc_id}.json"))


async def sample_of(house: House) -> set[str]:
    from manyhands.roles.exchange.auditing import plans_of
    from manyhands.roles.exchange.opening import QUERIES, PageRow
    from manyhands.store.database import rows_of

    async with house.db.connection() as connection:
        plans = plans_of(await rows_of(connection, PageRow, QUERIES.pages_of, {"job_id": JOB}))
    return {plan.piece.piece_id for plan in plans if plan.joint_bp is not None and plan.unseen is None}


async def test_an_audit_that_finds_nothing_wrong_leaves_the_rest_unseen(
    reading_house: House, receipt_scan: SampleDocument
) -> None:
    audit, record = await audited_job(reading_house, receipt_scan, contradict=False)
    assert audit["outcome"]["shown"] and audit["outcome"]["wrong"] == 0
    assert 0 < audit["outcome"]["share_most_bp"] <= 1_500
    assert audit["outcome"]["unseen"] == audit["believed"] - len(audit["read_by_people"]) > 0
    assert all(one["right"] for one in audit["read_by_people"])
    keyed = "".join(line["text"] for line in record["lines"]).replace(" ", "")
    assert sorted(keyed) == sorted("".join(line["text"] for line in receipt_scan.truth["lines"]).replace(" ", ""))


async def test_an_audit_that_finds_the_machine_wrong_shows_people_everything(
    reading_house: House, receipt_scan: SampleDocument
) -> None:
    audit, _ = await audited_job(reading_house, receipt_scan, contradict=True)
    assert audit["outcome"]["threshold_bp"] is None and audit["outcome"]["unseen"] == 0
    assert len(audit["read_by_people"]) == audit["believed"]
    opened_ids = [facts.task_id for body in reading_house.told(TasksOpened) for facts in body.tasks]
    assert len(opened_ids) == len(set(opened_ids)), "nobody is asked the same task twice"
    assert reading_house.told(TasksOpened)[-1].complete


@pytest.mark.parametrize("misread", [False, True])
async def test_of_look_alikes_one_is_asked_and_the_others_only_when_it_was_misread(
    reading_house: House, receipt_scan: SampleDocument, misread: bool
) -> None:
    lines = receipt_scan.truth["lines"]
    first = next(line for line in lines if format_doubt(line["text"], glyphs=0))
    height = first["box"][3] - first["box"][1]
    copies = [
        {**first, "box": [first["box"][0], 5 + 2 * n * height, first["box"][2], 5 + 2 * n * height + height]}
        for n in range(4)
    ]
    scan = replace(receipt_scan, truth={**receipt_scan.truth, "lines": copies})
    reading_house.exchange.reading.readers = ScriptedReaders(scan)
    await opened(reading_house, scan, machine="agreeing_readers", quality=QualityRule(gold_share_bp=0))
    assert len(await reading_house.exchange.simulation_view(JOB)) == 4
    workers = await reading_house.workers(4)
    while not reading_house.told(TasksOpened)[-1].complete:  # the exchange says when nothing more will follow
        view = await reading_house.exchange.simulation_view(JOB)
        answers = dict.fromkeys(view, "QQ" if misread else first["text"])
        for worker in workers:
            await reading_house.key(worker, answers)
        await reading_house.settle_down()
        await reading_house.record()
        await reading_house.settle_down()
    asked = [facts.task_id for body in reading_house.told(TasksOpened) for facts in body.tasks]
    assert len(asked) == len(set(asked)) == (4 if misread else 1)
    assert reading_house.told(TasksOpened)[-1].complete
    await reading_house.conclude()
    await reading_house.settle_down()
    (assembled,) = reading_house.told(ResultsAssembled)
    with zipfile.ZipFile(io.BytesIO(await reading_house.blobs.get(assembled.package_blob))) as archive:
        record = json.loads(archive.read(f"{scan.doc_id}.json"))
        assert "audit.json" not in archive.namelist()
    assert [line["text"] for line in record["lines"]] == ["QQ" if misread else first["text"]] * 4
    assert sum(line["people_asked"] > 0 for line in record["lines"]) == (4 if misread else 1)


async def test_truth_for_simulated_people_is_kept_from_a_job_of_people(
    house: House, receipt_scan: SampleDocument
) -> None:
    await opened(house, receipt_scan, crowd="people")
    with pytest.raises(NoSuchJob):
        await house.exchange.simulation_view(JOB)


def test_serving_people_loads_neither_pixels_nor_readers_nor_a_chain() -> None:
    heavy = ("cv2", "onnxruntime", "web3", "rapidocr", "numpy", "PIL", "reportlab")
    code = f"import sys, manyhands.apps.web.hot; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_no_message_of_a_whole_job_was_refused(house: House, receipt_scan: SampleDocument) -> None:
    await opened(house, receipt_scan)
    async with house.db.connection() as connection:
        assert await refused_messages(connection) == []
