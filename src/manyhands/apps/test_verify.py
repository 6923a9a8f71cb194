"""A record that holds passes every check; one changed byte of an answer, a verdict or a payout fails at least one."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.apps.verify import ChainEntry, Proof, verify
from manyhands.protocol import canonical
from manyhands.protocol.evidence import BatchEvidence
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.manifest import Manifest, PayRule
from manyhands.protocol.messages import AnswerFact, ReadingFact, TaskFacts
from manyhands.quality.acceptance_test import judge_job
from manyhands.roles.reputation.decide import moved_standings, payouts, replay
from manyhands.task_types.judging import JobBook, TaskBook, judge_batch, records, standing_from
from manyhands.task_types.judging import WorkerBook as Book

WORKERS = ["0x" + letter * 40 for letter in "abc"]
PACKAGE = b"the delivered package"


def honest_job() -> Proof:
    """Three workers, two batches, a discrepancy that a second person settles, payments as they should be."""
    manifest = Manifest(
        job_id="j1", title="Receipts", requester="0xaa", task_type="transcription",
        pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000),
        page_count=1, document_count=1, budget_minor=1_000_000, created_at_ms=1,
    )  # fmt: skip
    tasks = {
        f"t{n}": TaskFacts(
            task_id=f"t{n}", question="amount", gold=n == 0, effort_ms=5_000, reward_minor=16_667,
            readings=(ReadingFact(reader="one", text=f"{n}2.50", confidence_bp=9_000),),
        )
        for n in range(3)
    }  # fmt: skip
    answers = [
        [("t0", 0, "02.50"), ("t1", 1, "12.50"), ("t2", 2, "22.60")],
        [("t2", 0, "22.60"), ("t1", 2, None)],
    ]
    book = JobBook(manifest.quality, "transcription", tasks={t: TaskBook(f) for t, f in tasks.items()})
    ids, told, chain, batches = SeededIds("salts"), set[str](), list[ChainEntry](), list[BatchEvidence]()
    chain.append(ChainEntry("PendingV3", {"hash": manifest.hash}, "0x0"))
    for number, batch in enumerate(answers, start=1):
        facts = [
            AnswerFact(task_id=t, worker=WORKERS[w], text=x, active_ms=4_000 * (w + 1), received_at_ms=number)
            for t, w, x in batch
        ]
        new = {fact.worker for fact in facts} - set(book.workers)
        book.workers.update({worker: Book(standing_from(0, 0, 0)) for worker in new})
        judged = judge_batch(
            facts, tasks=book.tasks, workers=book.workers, rule=manifest.quality, skill="transcription"
        )
        book.tasks.update(judged.tasks)
        book.workers.update(judged.workers)
        touched = {fact.task_id for fact in facts}
        evidence = BatchEvidence(
            job_id="j1", batch_no=number, tasks=tuple(tasks[t] for t in sorted(touched - told)), withdrawn=(),
            standings=dict.fromkeys(sorted(new), (0, 0, 0)), decisions=judged.decisions, refused=judged.refused,
            answers=records(facts, judged.rewards_minor, [ids.random_bytes(32).hex() for _ in facts]),
            decisions_salt=ids.random_bytes(32).hex(),
        )  # fmt: skip
        told |= touched
        batches.append(evidence)
        anchored = {
            "root": "0x" + evidence.root().hex(),
            "count": len(evidence.answers),
            "evidenceHash": "0x" + canonical.content_hash(evidence),
            "reserved": evidence.reserved_minor,
        }
        chain.append(ChainEntry("Anchored", anchored, f"0x{number}"))
    replayed = replay(manifest, batches)
    scores = {worker: s.score_bp for worker, s in moved_standings(replayed.outcomes, {}).items()}
    file = payouts(
        manifest, replayed, judge_job([], 9_000, confidences_bp=replayed.confidences_bp),
        package_hash=hashlib.sha256(PACKAGE).hexdigest(), scores_bp=scores, jurors_minor={},
    )  # fmt: skip
    raw = canonical.encode(file)
    extra = file.total_minor - replayed.reserved_minor
    if extra:
        chain.append(ChainEntry("Reserved", {"amount": extra, "reason": "0x00"}, "0x8"))
    paid = {
        "recipients": [pay.worker for pay in file.pay],
        "amounts": [pay.total_minor for pay in file.pay],
        "finalResultsHash": hashlib.sha256(raw).hexdigest(),
    }
    chain.append(ChainEntry("BulkTransferV3", paid, "0x9"))
    return Proof(
        manifest=canonical.encode(manifest), evidence=[canonical.encode(batch) for batch in batches], payouts=raw,
        package=PACKAGE, chain=chain,
    )  # fmt: skip


HONEST = honest_job()


def flipped(raw: bytes, place: int, bit: int) -> bytes:
    place %= len(raw)
    return raw[:place] + bytes([raw[place] ^ (1 << bit)]) + raw[place + 1 :]


def test_an_honest_record_passes_every_check() -> None:
    report = verify("j1", HONEST)
    assert report.passed, report.checks
    assert len(report.checks) >= 7


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1), st.integers(0, 10**6), st.integers(0, 7))
def test_one_flipped_bit_of_the_evidence_is_found(batch: int, place: int, bit: int) -> None:
    evidence = list(HONEST.evidence)
    evidence[batch] = flipped(evidence[batch], place, bit)
    assert not verify("j1", replace(HONEST, evidence=evidence)).passed


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_one_flipped_bit_of_the_payouts_is_found(place: int, bit: int) -> None:
    assert not verify("j1", replace(HONEST, payouts=flipped(HONEST.payouts, place, bit))).passed


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_one_flipped_bit_of_the_results_is_found(place: int, bit: int) -> None:
    assert not verify("j1", replace(HONEST, package=flipped(PACKAGE, place, bit))).passed


@pytest.mark.parametrize(
    "change", ["one unit less", "paid twice", "another recipient", "never anchored", "anchored more"]
)
def test_a_chain_that_did_something_else_is_found(change: str) -> None:
    chain = list(HONEST.chain)
    payment = chain[-1]
    match change:
        case "one unit less":
            amounts = [payment.args["amounts"][0] - 1, *payment.args["amounts"][1:]]
            chain[-1] = replace(payment, args={**payment.args, "amounts": amounts})
        case "paid twice":
            chain.append(payment)
        case "another recipient":
            recipients = ["0x" + "d" * 40, *payment.args["recipients"][1:]]
            chain[-1] = replace(payment, args={**payment.args, "recipients": recipients})
        case "never anchored":
            chain = [entry for entry in chain if entry.tx_hash != "0x1"]
        case "anchored more":
            chain.append(replace(chain[1], args={**chain[1].args, "root": "0x" + "ee" * 32}))
    assert not verify("j1", replace(HONEST, chain=chain)).passed
