"""A record that holds passes every check; one changed byte of an answer, a verdict or a payout fails at least one."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.apps.verify import ChainEntry, Proof, verify
from manyhands.protocol import canonical
from manyhands.protocol.evidence import BatchEvidence, JudgingTerms
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.manifest import Manifest, PayRule
from manyhands.protocol.messages import AnswerFact, ReadingFact, TaskFacts
from manyhands.quality.acceptance_test import judge_job
from manyhands.roles.reputation.decide import payouts, replay
from manyhands.task_types.judging import FIRST_TERMS, JobBook, TaskBook, brought_in, judge_batch, records
from manyhands.task_types.judging import WorkerBook as Book

WORKERS = ["0x" + letter * 40 for letter in "abc"]
PACKAGE = b"the delivered package"


NEWER = JudgingTerms(
    prior_right_micro=9_000_000, prior_wrong_micro=500_000, brought_most=20, settled_weight_bp=5_000, suspends_gold=True
)
BROUGHT = {WORKERS[0]: (400_000_000, 10_000_000, 1)}


BY_TYPE = msgspec.structs.replace(NEWER, type_lean=10)
TYPES = {WORKERS[0]: {"amount": (2_000_000, 9_000_000), "text": (398_000_000, 1_000_000)}}


def honest_job(
    terms: JudgingTerms = FIRST_TERMS,
    groups: dict[str, str] | None = None,
    types: dict[str, dict[str, tuple[int, int]]] | None = None,
) -> Proof:
    """Three workers, two batches, a discrepancy that a second person settles, payments as they should be.

    groups  who counts as one from the second batch on
    types   what is known of workers by answer type
    """
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
    answers: list[list[tuple[str, int, str | None]]] = [
        [("t0", 0, "02.50"), ("t1", 1, "12.50"), ("t2", 2, "22.60")],
        [("t2", 0, "22.60"), ("t1", 2, None)],
    ]
    book = JobBook(manifest.quality, "transcription", tasks={t: TaskBook(f) for t, f in tasks.items()})
    ids, told, chain = SeededIds("salts"), set[str](), list[ChainEntry]()
    batches: list[BatchEvidence] = []
    chain.append(ChainEntry("PendingV3", {"hash": manifest.hash}, "0x0"))
    for number, batch in enumerate(answers, start=1):
        facts = [
            AnswerFact(task_id=t, worker=WORKERS[w], text=x, active_ms=4_000 * (w + 1), received_at_ms=number)
            for t, w, x in batch
        ]
        new = {fact.worker for fact in facts} - set(book.workers)
        brought = {worker: BROUGHT.get(worker, (0, 0, 0)) for worker in sorted(new)}
        by_type = {worker: own for worker, own in (types or {}).items() if worker in new}
        for worker, counts in brought.items():
            book.workers[worker] = Book(brought_in(counts, terms, by_type.get(worker, {})), terms=terms)
        linked = (groups or {}) if number == 2 else {}
        book.workers.update({worker: replace(book.workers[worker], group=group) for worker, group in linked.items()})
        judged = judge_batch(
            facts, tasks=book.tasks, workers=book.workers, rule=manifest.quality, skill="transcription", terms=terms
        )
        book.tasks.update(judged.tasks)
        book.workers.update(judged.workers)
        touched = {fact.task_id for fact in facts}
        evidence = BatchEvidence(
            job_id="j1", batch_no=number, tasks=tuple(tasks[t] for t in sorted(touched - told)), withdrawn=(),
            standings=brought, decisions=judged.decisions, refused=judged.refused,
            terms=terms if number == 1 and terms != FIRST_TERMS else msgspec.UNSET, groups=linked or msgspec.UNSET,
            types=by_type or msgspec.UNSET,
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
    file = payouts(
        manifest, replayed, judge_job([], 9_000),
        package_hash=hashlib.sha256(PACKAGE).hexdigest(), jurors_minor={},
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
TERMED = honest_job(NEWER, {WORKERS[0]: "g", WORKERS[2]: "g"})
TYPED = honest_job(BY_TYPE, None, TYPES)


def flipped(raw: bytes, place: int, bit: int) -> bytes:
    place %= len(raw)
    return raw[:place] + bytes([raw[place] ^ (1 << bit)]) + raw[place + 1 :]


def test_an_honest_record_passes_every_check() -> None:
    report = verify("j1", HONEST)
    assert report.passed, report.checks
    assert len(report.checks) >= 7


def test_a_record_with_terms_and_linked_workers_passes_every_check_too() -> None:
    report = verify("j1", TERMED)
    assert report.passed, report.checks
    second = canonical.decode(TERMED.evidence[1], BatchEvidence)
    # the second person is linked to the first: the task is as open as before, and everybody is paid
    assert [one.outcome for one in second.decisions if one.task_id == "t2"] == ["ask_more"]
    assert all(record.reward_minor for record in second.answers)


def test_evidence_from_before_there_were_terms_has_the_bytes_and_the_root_it_had() -> None:
    assert b"terms" not in HONEST.evidence[0] and b"groups" not in HONEST.evidence[0]
    assert b'"terms"' in TERMED.evidence[0] and b'"groups"' in TERMED.evidence[1]
    assert not any(b'"types"' in raw or b'"type_lean"' in raw for raw in TERMED.evidence)
    # written down when there were no types yet: files and roots of then
    for proof, files, roots in (
        (HONEST, ("6f19af5606217c62", "548a9951bc733c43"), ("6c8b8cdf22a573d3", "3dd9606feb45cc9a")),
        (TERMED, ("65a2f4d6adecf22e", "bb0693ea6ae92d7c"), ("cb63b8a85bafcd78", "2816f21f677d142f")),
    ):
        assert tuple(hashlib.sha256(raw).hexdigest()[:16] for raw in proof.evidence) == files
        assert tuple(canonical.decode(raw, BatchEvidence).root().hex()[:16] for raw in proof.evidence) == roots
    assert hashlib.sha256(TERMED.payouts).hexdigest()[:16] == "9915544b49428027"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([HONEST, TERMED, TYPED]), st.integers(0, 1), st.integers(0, 10**6), st.integers(0, 7))
def test_one_flipped_bit_of_the_evidence_is_found(honest: Proof, batch: int, place: int, bit: int) -> None:
    evidence = list(honest.evidence)
    evidence[batch] = flipped(evidence[batch], place, bit)
    assert not verify("j1", replace(honest, evidence=evidence)).passed


@pytest.mark.parametrize("change", ["another prior", "no link", "another link", "terms in the second batch"])
def test_terms_and_links_cannot_be_changed_afterwards(change: str) -> None:
    first, second = (canonical.decode(raw, BatchEvidence) for raw in TERMED.evidence)
    match change:
        case "another prior":
            first = msgspec.structs.replace(first, terms=msgspec.structs.replace(NEWER, prior_wrong_micro=1))
        case "no link":
            second = msgspec.structs.replace(second, groups=msgspec.UNSET)
        case "another link":
            second = msgspec.structs.replace(second, groups={WORKERS[1]: "g", WORKERS[2]: "g"})
        case "terms in the second batch":
            second = msgspec.structs.replace(second, terms=NEWER)
    evidence = [canonical.encode(first), canonical.encode(second)]
    assert not verify("j1", replace(TERMED, evidence=evidence)).passed


def test_a_record_judged_by_answer_type_passes_every_check_and_is_judged_otherwise() -> None:
    report = verify("j1", TYPED)
    assert report.passed, report.checks
    typed, plain = (
        [canonical.decode(raw, BatchEvidence).decisions for raw in proof.evidence]
        for proof in (TYPED, honest_job(NEWER))
    )
    # who is good at texts and bad at amounts keyed the amount of t0: it is not believed as the whole would be
    assert typed != plain


@pytest.mark.parametrize(
    "change", ["another share", "no types", "a type more", "types of nobody", "judged by the whole"]
)
def test_what_is_known_by_answer_type_cannot_be_changed_afterwards(change: str) -> None:
    first, second = (canonical.decode(raw, BatchEvidence) for raw in TYPED.evidence)
    own = TYPES[WORKERS[0]]
    match change:
        case "another share":
            first = msgspec.structs.replace(first, types={WORKERS[0]: {**own, "amount": (9_000_000, 2_000_000)}})
        case "no types":
            first = msgspec.structs.replace(first, types=msgspec.UNSET)
        case "a type more":
            first = msgspec.structs.replace(first, types={WORKERS[0]: {**own, "date": (0, 1)}})
        case "types of nobody":
            first = msgspec.structs.replace(first, types={**TYPES, "0x" + "d" * 40: {"date": (0, 1)}})
        case "judged by the whole":
            first = msgspec.structs.replace(first, terms=NEWER)
    evidence = [canonical.encode(first), canonical.encode(second)]
    assert not verify("j1", replace(TYPED, evidence=evidence)).passed


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
