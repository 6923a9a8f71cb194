"""What leaves the platform of a finished job: its files, and everything an auditor needs to judge it again."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from manyhands.apps.auditing import WHERE, Where
from manyhands.apps.chain_events import decimals_on_chain, events_on_chain
from manyhands.apps.compose import Platform
from manyhands.apps.desk.answered import AnswerOut, answers_of
from manyhands.apps.verify import Proof
from manyhands.apps.web.alone import alone_page
from manyhands.apps.web.record import Record
from manyhands.protocol import canonical
from manyhands.protocol.errors import ManyhandsError


class NotDelivered(ManyhandsError):
    """The job has no results yet."""

    def __init__(self, job_id: str, state: str) -> None:
        self.job_id, self.state = job_id, state
        super().__init__(
            f"job {job_id} is {state}: its results are not delivered yet",
            cure=f"`manyhands status {job_id}` says what it waits for.",
        )


class UnsafeName(ManyhandsError):
    """A file of the package wants to be written outside of the folder."""


async def record_of(platform: Platform, job_id: str) -> dict[str, Any]:
    """A job as anyone may see it."""
    return dict(await Record(platform.launcher, platform.progress, platform.db).job(job_id) or {})


async def write_results(platform: Platform, job_id: str, out: Path, *, with_proof: bool) -> list[str]:
    """Writes the job's package, and with_proof also proof/, into a folder. Returns the names written."""
    results = await platform.launcher.results(job_id)
    if not results.ready or not results.package_blob:
        raise NotDelivered(job_id, (await platform.launcher.view(job_id)).state)
    files: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(await platform.blobs.get(results.package_blob))) as package:
        for entry in package.infolist():
            if not entry.is_dir():
                files[entry.filename] = package.read(entry)
    if with_proof:
        proof = await gather_proof(platform, job_id)
        files["proof/manifest.json"] = proof.manifest
        files["proof/payouts.json"] = proof.payouts
        files |= {f"proof/evidence-{number:04}.json": raw for number, raw in enumerate(proof.evidence, start=1)}
        files["proof/proof.html"] = alone_page().document
        files[f"proof/{WHERE}"] = canonical.encode(await _where(platform, job_id))
        files["proof/chain.json"] = msgspec.json.format(canonical.encode(list(proof.chain)), indent=1)
    for name, content in sorted(files.items()):
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts:
            raise UnsafeName(f"the package holds a file called {name!r}", cure="Ask its exchange for a clean one.")
        target = out / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return sorted(files)


async def answers_of_job(platform: Platform, job_id: str) -> tuple[AnswerOut, ...]:
    """Verdicts on a delivered job's claims and ledger lines, and its fields that were looked for; none before."""
    results = await platform.launcher.results(job_id)
    if not results.ready or not results.package_blob:
        return ()
    return answers_of(await platform.blobs.get(results.package_blob))


async def _where(platform: Platform, job_id: str) -> Where:
    case = await platform.reputation.case(job_id)
    assert case is not None
    contracts = platform.chains.of(case.chain_id).contracts
    assert contracts is not None
    return Where(
        job_id=job_id,
        chain_id=case.chain_id,
        escrow=case.escrow,
        jury=contracts.jury,
        decimals=await decimals_on_chain(platform, case.chain_id, case.escrow),
    )


async def gather_proof(platform: Platform, job_id: str) -> Proof:
    """Evidence from the blobs, events straight from the chain's node: the database is asked only where to look.

    raises  NotDelivered before the job is settled
    """
    case = await platform.reputation.case(job_id)
    if case is None or case.payouts is None or case.evidence_blobs is None:
        raise NotDelivered(job_id, "not settled")
    blobs: tuple[str, ...] = canonical.decode(case.evidence_blobs, tuple[str, ...])
    return Proof(
        manifest=case.manifest,
        evidence=[await platform.blobs.get(blob) for blob in blobs],
        payouts=await platform.blobs.get(case.payouts_blob or ""),
        package=await platform.blobs.get(case.package_blob) if case.package_blob else None,
        chain=await events_on_chain(platform, case.chain_id, case.escrow),
        decimals=await decimals_on_chain(platform, case.chain_id, case.escrow),
    )
