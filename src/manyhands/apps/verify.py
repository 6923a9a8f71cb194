"""A job judged again by anyone: root, verdicts and payouts recomputed from evidence and chain alone.

Rules kept here
- Nothing is believed that can be computed: the platform's own database is not asked.
- Every check is named and says what it found; one failure does not hide the others.
- Flipping one byte of an answer, a verdict or a payout makes at least one check fail.

What can't be recomputed is said: the holdback is the requester's secret, so its measured share is taken from the
payouts file (whose hash stands on chain) unless the requester's truth is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from manyhands.pricing import learning_pay
from manyhands.protocol import canonical
from manyhands.protocol.errors import ManyhandsError, ProtocolError
from manyhands.protocol.evidence import BatchEvidence, PayoutsFile
from manyhands.protocol.manifest import Manifest, parse_manifest
from manyhands.roles.reputation.decide import Replayed, pay_of, replay, restored, scores_in_job


@dataclass(frozen=True)
class ChainEntry:
    """One event of the job's escrow or of the jury, in the order of the chain."""

    name: str
    args: Mapping[str, Any]
    tx_hash: str


@dataclass(frozen=True)
class Proof:
    """All that an auditor holds of one job. evidence = one file per batch; package None = results not at hand.

    decimals  of the token that the escrow holds, as the token says; None = as many as the manifest counts with
    """

    manifest: bytes
    evidence: Sequence[bytes]
    payouts: bytes
    package: bytes | None
    chain: Sequence[ChainEntry]
    decimals: int | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its answer."""

    name: str
    passed: bool
    found: str


@dataclass
class Report:
    """All checks of one job."""

    job_id: str
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    def add(self, name: str, passed: bool, found: str) -> None:
        self.checks.append(Check(name=name, passed=passed, found=found))


def verify(job_id: str, proof: Proof) -> Report:
    """Asks every question that evidence and chain can answer."""
    report = Report(job_id)
    manifest = _manifest(report, proof)
    batches = _batches(report, proof)
    file = _payouts_file(report, proof)
    if manifest is None or batches is None or file is None:
        return report
    unit = _unit(report, manifest, proof.decimals)
    if unit is None:
        return report
    _anchors(report, proof, batches, unit)
    replayed = _verdicts(report, manifest, batches)
    _payments(report, file, proof.chain, unit)
    if replayed is not None:
        _pay(report, manifest, batches, replayed, file, proof.chain, unit)
    if proof.package is not None:
        found = hashlib.sha256(proof.package).hexdigest()
        report.add(
            "results are those that were judged",
            found == file.package_hash,
            f"sha-256 {found[:16]}..., announced {file.package_hash[:16]}...",
        )
    return report


def _manifest(report: Report, proof: Proof) -> Manifest | None:
    try:
        manifest = parse_manifest(proof.manifest)
    except ProtocolError as problem:
        report.add("manifest can be read", False, str(problem))
        return None
    pending = _first(proof.chain, "PendingV3")
    on_chain = str(pending.args.get("hash", "")) if pending else "nothing"
    report.add(
        "manifest is the one the escrow was set up with",
        manifest.job_id == report.job_id and on_chain == manifest.hash,
        f"hash {manifest.hash[:16]}..., on chain {on_chain[:16]}...",
    )
    return manifest


def _batches(report: Report, proof: Proof) -> list[BatchEvidence] | None:
    try:
        batches = [canonical.decode(raw, BatchEvidence, what=f"batch {no}") for no, raw in enumerate(proof.evidence, 1)]
        return sorted(batches, key=lambda batch: batch.batch_no)
    except ProtocolError as problem:
        report.add("evidence can be read", False, str(problem))
        return None


def _payouts_file(report: Report, proof: Proof) -> PayoutsFile | None:
    try:
        file: PayoutsFile = canonical.decode(proof.payouts, PayoutsFile, what="payouts file")
    except ProtocolError as problem:
        report.add("payouts file can be read", False, str(problem))
        return None
    paid = [entry for entry in proof.chain if entry.name == "BulkTransferV3"]
    found = hashlib.sha256(proof.payouts).hexdigest()
    told = {str(entry.args.get("finalResultsHash", "")) for entry in paid}
    report.add(
        "payouts file is the one named in the payments",
        told == {found} if paid else not file.pay,
        f"sha-256 {found[:16]}..., on chain {', '.join(sorted(one[:16] for one in told)) or 'no payment'}",
    )
    return file


def _unit(report: Report, manifest: Manifest, decimals: int | None) -> int | None:
    """Base units of the token in a minor unit of the manifest's money; None where the token cannot pay it exactly."""
    money = manifest.pay.money
    if decimals is None:
        return 1
    unit = 10 ** (decimals - money.exponent) if decimals >= money.exponent else None
    report.add(
        "the token can pay what is counted",
        unit is not None,
        f"amounts in {money.code} have {money.exponent} decimals, the escrow's token {decimals}"
        + (f": one minor unit is {unit} of its units" if unit is not None else ""),
    )
    return unit


def _anchors(report: Report, proof: Proof, batches: Sequence[BatchEvidence], unit: int) -> None:
    anchored = {_hex(entry.args["root"]): entry for entry in proof.chain if entry.name == "Anchored"}
    files = {hashlib.sha256(raw).hexdigest() for raw in proof.evidence}
    wrong: list[str] = []
    for batch in batches:
        entry = anchored.pop("0x" + batch.root().hex(), None)
        if entry is None:
            wrong.append(f"batch {batch.batch_no}: its root was never anchored")
            continue
        for name, value in (("count", len(batch.answers)), ("reserved", batch.reserved_minor * unit)):
            if int(entry.args[name]) != value:
                wrong.append(f"batch {batch.batch_no}: {name} is {value}, anchored was {entry.args[name]}")
        if _hex(entry.args["evidenceHash"])[2:] not in files:
            wrong.append(f"batch {batch.batch_no}: the evidence file is not the one that was anchored")
    wrong += [f"root {root[:18]}... was anchored without evidence" for root in anchored]
    answers = sum(len(batch.answers) for batch in batches)
    report.add(
        "every batch stands under its anchor",
        not wrong,
        "; ".join(wrong) or f"{answers} answers in {len(batches)} batches",
    )


def _verdicts(report: Report, manifest: Manifest, batches: Sequence[BatchEvidence]) -> Replayed | None:
    try:
        replayed = replay(manifest, batches)
    except (ManyhandsError, ValueError) as problem:  # a value that no rule can judge is no verdict either
        report.add("verdicts follow from the answers", False, str(problem))
        return None
    report.add("verdicts follow from the answers", True, f"{replayed.accepted} values accepted, the same again")
    return replayed


def _payments(report: Report, file: PayoutsFile, chain: Sequence[ChainEntry], unit: int) -> None:
    paid: dict[str, int] = {}
    for entry in chain:
        if entry.name == "BulkTransferV3":
            for worker, minor in zip(entry.args["recipients"], entry.args["amounts"], strict=True):
                paid[str(worker).lower()] = paid.get(str(worker).lower(), 0) + int(minor)
    owed = {pay.worker: pay.total_minor * unit for pay in file.pay}
    differ = [
        f"{who}: owed {owed.get(who, 0)}, paid {paid.get(who, 0)}"
        for who in sorted({*owed, *paid})
        if owed.get(who, 0) != paid.get(who, 0)
    ]
    report.add(
        "everyone was paid what the file says, once",
        not differ,
        "; ".join(differ[:5]) or f"{sum(paid.values()) // unit} minor units to {len(paid)} workers",
    )


def _pay(
    report: Report,
    manifest: Manifest,
    batches: Sequence[BatchEvidence],
    replayed: Replayed,
    file: PayoutsFile,
    chain: Sequence[ChainEntry],
    unit: int,
) -> None:
    scores_bp = scores_in_job(manifest, replayed, file.learned)
    ready = learning_pay(manifest, file.learned, replayed.base_minor)
    wrong: list[str] = []
    try:
        back = restored(replayed, file.appeals)
    except ProtocolError as problem:
        report.add("appeals follow from their jurors' signatures", False, str(problem))
        return
    if file.appeals:
        granted = sum(ruling.granted for ruling in file.appeals)
        unheard = sum(not ruling.heard for ruling in file.appeals)
        told = f"{len(file.appeals)} appeals, {granted} granted, {unheard} of them because nobody was found to judge"
        report.add("appeals follow from their jurors' signatures", True, told)
    by_worker = {pay.worker: pay for pay in file.pay}
    for worker in sorted(replayed.base_minor):
        expected = pay_of(
            manifest,
            replayed,
            worker,
            accepted=file.accepted,
            score_bp=scores_bp[worker],
            back=back.get(worker, (0, 0, 0)),
            learning_minor=ready.get(worker, 0),
        )
        found = by_worker.get(worker)
        if found is None:
            if expected.total_minor:
                wrong.append(f"{worker}: earned {expected.total_minor}, is missing")
        elif found.total_minor - found.jury_minor != expected.total_minor:
            wrong.append(f"{worker}: earned {expected.total_minor}, file says {found.total_minor - found.jury_minor}")
    strangers = [one.worker for one in file.learned if one.worker not in ready]
    wrong += [f"{worker}: counted as ready without a place or the work for it" for worker in strangers]
    jurors = {str(juror).lower() for entry in chain if entry.name == "CaseOpened" for juror in entry.args["jurors"]}
    jurors |= {vote.juror for ruling in file.appeals for vote in ruling.votes}
    for pay in file.pay:
        if pay.jury_minor and pay.worker not in jurors:
            wrong.append(f"{pay.worker}: paid as a juror without having been drawn")
        if pay.worker not in replayed.base_minor and not pay.jury_minor:
            wrong.append(f"{pay.worker}: paid without an answer")
    report.add(
        "pay follows from answers, time and standing",
        not wrong,
        "; ".join(wrong[:5]) or f"{len(file.pay)} workers, {file.total_minor} minor units",
    )
    reserved = sum(int(entry.args["reserved"]) for entry in chain if entry.name == "Anchored")
    reserved += sum(int(entry.args["amount"]) for entry in chain if entry.name == "Reserved")
    report.add(
        "what was reserved is what was paid",
        reserved == file.total_minor * unit,
        f"reserved {_minor(reserved, unit)}, paid {file.total_minor}",
    )


def _minor(base: int, unit: int) -> str:
    """Base units in minor units, and what is left of them."""
    whole, rest = divmod(base, unit)
    return f"{whole} and {rest}/{unit}" if rest else str(whole)


def _first(chain: Sequence[ChainEntry], name: str) -> ChainEntry | None:
    return next((entry for entry in chain if entry.name == name), None)


def _hex(value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    text = str(value)
    return text if text.startswith("0x") else "0x" + text
