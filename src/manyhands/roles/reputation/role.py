"""The reputation oracle at work: waits for record and results, judges, has pay reserved, pays, completes, delivers."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from manyhands.documents.compare import Comparison, compare_package
from manyhands.ledger.as_told import EscrowTold
from manyhands.ledger.bookkeeping import extra_parts, extra_shares
from manyhands.ledger.daily_cap import PAID
from manyhands.ledger.desk import PAYOUT_CHUNK, Desk, DeskEvent, EscrowPlace, payout_key
from manyhands.ledger.paying import End, Pay, Wait, next_payouts
from manyhands.pricing import check_juror_pay, learning_pay
from manyhands.protocol import canonical
from manyhands.protocol.appeals import check_ruling
from manyhands.protocol.daily_cap import cap_minor
from manyhands.protocol.errors import ManyhandsError, ProtocolError
from manyhands.protocol.evidence import BatchEvidence, JudgingTerms, PayoutsFile
from manyhands.protocol.manifest import Manifest, Scope, cap_parts_of, parse_manifest
from manyhands.protocol.messages import (
    AppealRuled,
    Envelope,
    ExtraPayDetermined,
    ExtraPayReserved,
    HoldbackHanded,
    JobFunded,
    JobJudged,
    JobRecorded,
    JobSettled,
    Learned,
    NewcomersPrior,
    ReportRuled,
    ResultsAssembled,
    SignsTold,
    Standing,
    StandingsChanged,
    WorkerSign,
    WorkersLinked,
    open_envelope,
)
from manyhands.quality import acceptance_test, reference, reputation
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, row_of, rows, rows_of, scalar
from manyhands.store.jobs import enqueue
from manyhands.store.sql import load_queries
from manyhands.task_types.judging import counts_by_type, crowd_of, skill_name

from .decide import (
    Replayed,
    beside_the_usual,
    linked,
    moved_standings,
    newcomers_prior,
    owed_in_order,
    payouts,
    replay,
    types_told,
    with_practice,
)

log = logging.getLogger(__name__)

QUERIES = load_queries("manyhands.roles.reputation", "sql")

FIRST_OUTCOMES = 20
"""A worker is a newcomer for so many judged answers: as many as a standing may weigh in a job."""


LOOK_EVERY_MS = 2_000
"""How often judged jobs that have not ended are looked at."""

UNDER_WAY = ("reserving", "paying", "completing")
"""States of a judged job until the chain shows its escrow's end."""

STEPS = frozenset({"Anchored", "Reserved", "Released", "BulkTransferV3", "Completed", "Cancelled"})
"""What the chain says that may take a judged job a step further."""


class NotYours(ProtocolError):
    """A message about a job from a party that has no such role in it."""

    def __init__(self, job_id: str, sender: str, role: str) -> None:
        self.job_id, self.sender, self.role = job_id, sender, role
        super().__init__(f"{sender} is not the {role} of job {job_id}")


class UnknownJob(ManyhandsError):
    """A message about a job that was not announced yet. Senders don't wait for each other: it is tried again."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} is not known here yet", cure="The launcher announces it with JobFunded.")


class RulingOnItsWay(ManyhandsError):
    """The job's end came before the jury's word on an appeal. It is tried again by itself."""

    def __init__(self, job_id: str, appeal_ids: Sequence[str]) -> None:
        self.job_id, self.appeal_ids = job_id, tuple(appeal_ids)
        told = ", ".join(appeal_ids)
        super().__init__(f"job {job_id}: no ruling yet on {told}", cure="The jury's message is on its way.")


class TamperedPackage(ProtocolError):
    """The results at hand are not the results announced."""

    def __init__(self, job_id: str, *, expected: str, found: str) -> None:
        self.job_id, self.expected, self.found = job_id, expected, found
        super().__init__(f"results of job {job_id} have hash {found}, announced was {expected}")


@dataclass(frozen=True)
class JobRow:
    """A row of reputation.jobs."""

    job_id: str
    manifest: bytes
    launcher: str
    exchange: str
    recording: str
    jury: str
    chain_id: int
    escrow: str
    funded_minor: int
    state: str
    evidence_blobs: bytes | None
    learned: bytes | None
    package_blob: str | None
    package_hash: str | None
    payouts: bytes | None
    payouts_blob: str | None
    unit: int = 1  # base units of the job's token in a minor unit, where it has a daily cap

    def parsed(self) -> Manifest:
        return parse_manifest(self.manifest)

    @property
    def cap_minor(self) -> int | None:
        """What may be paid in a day of the chain; None = as much as is reserved."""
        parts = cap_parts_of(self.parsed())
        return cap_minor(self.funded_minor, parts, unit=self.unit) if parts else None

    @property
    def payouts_hash(self) -> str:
        """sha-256 of the payouts file, as it stands in each payment."""
        return hashlib.sha256(self.payouts or b"").hexdigest()

    def payouts_file(self) -> PayoutsFile:
        if self.payouts is None:
            raise ProtocolError(f"job {self.job_id} has not been judged")
        found: PayoutsFile = canonical.decode(self.payouts, PayoutsFile)
        return found


@dataclass(frozen=True)
class Sign:
    """A sign that answers were not made independently by attentive people; evidence: counts by name.

    cleared_by  who took it back, "" = nobody has; cleared_because: why
    """

    job_id: str
    position: int
    kind: str
    workers: list[str]
    says: str
    evidence: dict[str, int]
    cleared_by: str = ""
    cleared_because: str = ""


@dataclass(frozen=True)
class Link:
    """A worker who counts as one with others of the group; group "" = a person, `cleared_by`, has undone it."""

    worker: str
    group: str
    job_id: str
    because: str
    cleared_by: str
    at_ms: int


class ReputationOracle:
    """One reputation oracle. `desk` is its place at the ledger."""

    def __init__(self, ctx: RoleContext, desk: Desk) -> None:
        self.ctx, self.desk = ctx, desk
        self._looked_at_ms = 0

    def jobs(self) -> Mapping[str, Callable[..., Awaitable[None]]]:
        """Background jobs by name."""
        return {"reputation.judge": self.judge}

    async def on_message(self, tx: Tx, envelope: Envelope) -> None:
        """Applies one checked message. raises ProtocolError to refuse it for good"""
        body, sender = open_envelope(envelope), envelope.sender
        match body:
            case JobFunded():
                await self._job_funded(tx, sender, body)
            case HoldbackHanded():
                await self._lock(tx, body.job_id, launcher=sender)
                for doc_id, blob in body.truth_blobs.items():
                    await tx.execute(
                        QUERIES.add_holdback, {"job_id": body.job_id, "doc_id": doc_id, "truth_blob": blob}
                    )
            case JobRecorded():
                await self._lock(tx, body.job_id, recording=sender)
                here = {ruling.appeal_id for ruling in await self._appeals(tx, body.job_id)}
                if missing := set(body.appeals) - here:
                    raise RulingOnItsWay(body.job_id, sorted(missing))
                await tx.execute(
                    QUERIES.set_recorded,
                    {
                        "job_id": body.job_id,
                        "evidence_blobs": canonical.encode(body.evidence_blobs),
                        "learned": canonical.encode(body.learned),
                    },
                )
                await self._judge_when_whole(tx, body.job_id)
            case ResultsAssembled():
                await self._lock(tx, body.job_id, exchange=sender)
                await tx.execute(
                    QUERIES.set_package,
                    {"job_id": body.job_id, "package_blob": body.package_blob, "package_hash": body.package_hash},
                )
                await self._judge_when_whole(tx, body.job_id)
            case ReportRuled():
                job = await self._lock(tx, body.job_id, jury=sender)
                check_juror_pay(parse_manifest(job.manifest).pay, body.jurors_paid_minor)
                paid = canonical.encode(body.jurors_paid_minor)
                await tx.execute(QUERIES.add_ruling, {"job_id": body.job_id, "case_id": body.case_id, "paid": paid})
            case AppealRuled():
                job = await self._lock(tx, body.job_id, jury=sender)
                check_ruling(body)
                check_juror_pay(parse_manifest(job.manifest).pay, body.jurors_paid_minor)
                ruling = {"job_id": body.job_id, "appeal_id": body.appeal_id, "ruling": canonical.encode(body)}
                await tx.execute(QUERIES.add_appeal, ruling)
            case ExtraPayReserved():
                await self._go_on(tx, await self._lock(tx, body.job_id, recording=sender))
            case _:
                raise ProtocolError(f"the reputation oracle takes no {type(body).__name__}")

    async def on_chain_event(self, tx: Tx, event: DeskEvent) -> None:
        """Moves a job on when the chain has confirmed the step before."""
        job_id = await self.job_of_escrow(tx, event.chain_id, event.address)
        if job_id is None:
            return
        if event.name in STEPS:
            job = await self._lock(tx, job_id)
            if event.name == "BulkTransferV3":
                await self.desk.tell_payouts_of_others(tx, job_id=job_id, chain_id=job.chain_id, escrow=job.escrow)
            await self._go_on(tx, job)

    # --- judging --------------------------------------------------------------------------------------------------

    async def _job_funded(self, tx: Tx, sender: str, body: JobFunded) -> None:
        if sender != body.launcher or body.routing.reputation != self.ctx.address:
            raise NotYours(body.job_id, sender, "launcher")
        await self.desk.need_funded(
            tx, chain_id=body.routing.chain_id, told=EscrowTold.by(body), funded_minor=body.funded_minor
        )
        await tx.execute(
            QUERIES.add_job,
            {
                "job_id": body.job_id,
                "manifest": canonical.encode(body.manifest),
                "launcher": sender,
                "exchange": body.routing.exchange,
                "recording": body.routing.recording,
                "jury": body.routing.jury,
                "chain_id": body.routing.chain_id,
                "escrow": body.escrow,
                "funded_minor": body.funded_minor,
            },
        )

    async def _judge_when_whole(self, tx: Tx, job_id: str) -> None:
        job = await self._lock(tx, job_id)
        if job.state == "open" and job.evidence_blobs is not None and job.package_blob is not None:
            await tx.execute(QUERIES.set_state, {"job_id": job_id, "state": "judging"})
            await enqueue(tx, "reputation.judge", queue="roles", args={"job_id": job_id}, lock=job_id)

    async def judge(self, job_id: str) -> None:
        """Background job: the whole-job verdict, standings and pay. Safe to run again at any moment."""
        async with self.ctx.db.transaction() as tx:
            job = await self._lock(tx, job_id)
            if job.state != "judging":
                return
            manifest = job.parsed()
            replayed = replay(manifest, await self._evidence(job))
            comparison = await self._compare(tx, job, manifest)
            verdict = await self._verdict(tx, manifest, replayed, comparison)
            learned = await self._learned(tx, job, manifest, replayed)
            await self._move_standings(tx, job, manifest, replayed, learned)
            jurors: dict[str, int] = {}
            for (raw,) in await rows(tx, QUERIES.rulings_of, {"job_id": job_id}):
                for worker, minor in canonical.decode(raw, dict[str, int]).items():
                    jurors[worker] = jurors.get(worker, 0) + minor
            appeals = await self._appeals(tx, job_id)
            for ruling in appeals:
                for worker, minor in ruling.jurors_paid_minor.items():
                    jurors[worker] = jurors.get(worker, 0) + minor
            file = payouts(
                manifest,
                replayed,
                verdict,
                package_hash=job.package_hash or "",
                jurors_minor=jurors,
                appeals=appeals,
                learned=learned,
            )
            raw_file = canonical.encode(file)
            blob = await self.ctx.blobs.put(raw_file, media_type="application/json", namespace=job_id)
            chunks = -(-len(file.pay) // PAYOUT_CHUNK)
            await tx.execute(
                QUERIES.set_payouts, {"job_id": job_id, "payouts": raw_file, "payouts_blob": blob, "chunks": chunks}
            )
            await tx.execute(
                QUERIES.add_reference,
                {
                    "job_id": job_id,
                    "category": crowd_of(manifest),
                    "pieces": replayed.accepted,
                    "answers": sum(replayed.answers.values()),
                    "effort_ms": sum(replayed.credited_ms.values()),
                    "right_pieces": comparison.right,
                    "judged_pieces": comparison.seen,
                },
            )
            for position, sign in enumerate(replayed.measured.signs if replayed.measured else ()):
                await tx.execute(
                    QUERIES.add_sign,
                    {
                        "job_id": job_id,
                        "position": position,
                        "kind": sign.kind,
                        "workers": list(sign.workers),
                        "says": sign.says,
                        "evidence": canonical.encode(sign.evidence).decode(),
                    },
                )
            await self._link_workers(tx, job, replayed)
            await self._tell_signs(tx, job)
            judged = JobJudged(
                job_id=job_id,
                accepted=file.accepted,
                measured_bp=file.measured_bp,
                lower_bp=file.lower_bp,
                rests_on=file.rests_on,
            )
            await self.ctx.send(tx, judged, to_role="launcher", to=job.launcher)
            await self.ctx.send(tx, judged, to_role="exchange", to=job.exchange)
            extra = {pay.worker: pay.total_minor - pay.base_minor for pay in file.pay}
            asked = ExtraPayDetermined(
                job_id=job_id,
                extra_minor={worker: minor for worker, minor in extra.items() if minor},
                bonus_minor={pay.worker: pay.bonus_minor for pay in file.pay if pay.bonus_minor},
                top_up_minor={pay.worker: pay.top_up_minor for pay in file.pay if pay.top_up_minor},
                payouts_blob=blob,
            )
            for part in extra_parts(
                sum(asked.extra_minor.values()),
                extra_shares(bonus_minor=asked.bonus_minor, top_up_minor=asked.top_up_minor),
                reason=bytes.fromhex(canonical.content_hash(asked)),
                most_minor=job.cap_minor,
            ):
                await self.desk.explain(
                    tx,
                    job_id=job_id,
                    chain_id=job.chain_id,
                    currency=manifest.pay.currency,
                    reason=part.reason,
                    shares=part.shares,
                )
            await self.ctx.send(tx, asked, to_role="recording", to=job.recording)

    async def _evidence(self, job: JobRow) -> list[BatchEvidence]:
        blobs: tuple[str, ...] = canonical.decode(job.evidence_blobs or b"[]", tuple[str, ...])
        return [canonical.decode(await self.ctx.blobs.get(blob), BatchEvidence) for blob in blobs]

    async def _appeals(self, tx: Tx, job_id: str) -> list[AppealRuled]:
        found = await rows(tx, QUERIES.appeals_of, {"job_id": job_id})
        return [canonical.decode(bytes(raw), AppealRuled, what="ruling") for (raw,) in found]

    async def _learned(self, tx: Tx, job: JobRow, manifest: Manifest, replayed: Replayed) -> list[Learned]:
        """Whom this job pays for getting ready, noted for good: a version is paid once, whatever an exchange says."""
        told: tuple[Learned, ...] = canonical.decode(job.learned or b"[]", tuple[Learned, ...])
        if not told:
            return []
        await tx.execute(QUERIES.one_learning_at_a_time)
        skill = skill_name(manifest)
        new: list[Learned] = []
        for one in told:
            versions = {"guide": one.guide, "practice": one.practice}
            for part, version in versions.items():
                key = {"worker": one.worker, "skill": skill, "part": part, "version": version}
                if version and await scalar(tx, QUERIES.was_paid_for_learning, key):
                    versions[part] = ""
            new.append(msgspec.structs.replace(one, **versions))
        paid = learning_pay(manifest, new, replayed.base_minor)
        by_worker = {one.worker: one for one in reversed(new) if one.worker in paid}  # the first word on each counts
        learned = [one for one in new if by_worker.get(one.worker) is one]
        for one in learned:
            for part, version in (("guide", one.guide), ("practice", one.practice)):
                if version:
                    key = {"worker": one.worker, "skill": skill, "part": part, "version": version}
                    await tx.execute(QUERIES.paid_for_learning, {**key, "job_id": job.job_id})
        return learned

    async def _compare(self, tx: Tx, job: JobRow, manifest: Manifest) -> Comparison:
        """The delivered records beside the holdback: their lines, or their fields where these alone were wanted."""
        raw = await self.ctx.blobs.get(job.package_blob or "")
        found = hashlib.sha256(raw).hexdigest()
        if found != job.package_hash:
            raise TamperedPackage(job.job_id, expected=job.package_hash or "", found=found)
        truths = {
            doc_id: await self.ctx.blobs.get(blob)
            for doc_id, blob in await rows(tx, QUERIES.holdback_of, {"job_id": job.job_id})
        }
        return compare_package(raw, truths, fields=fields_wanted(manifest))

    async def _verdict(
        self, tx: Tx, manifest: Manifest, replayed: Replayed, comparison: Comparison
    ) -> acceptance_test.JobVerdict:
        measured = replayed.measured
        finished = [reference.FinishedJob(*row) for row in await rows(tx, QUERIES.reference_rows)]
        usual = reference.learn(finished).get(crowd_of(manifest))
        verdict = acceptance_test.judge_job(
            comparison.pairs[: manifest.quality.holdback_max],
            manifest.quality.benchmark_bp,
            # readers had no part in confidences by people alone: those are too low to speak of the whole
            confidences_bp=tuple(measured.confidences_bp.values()) if measured and measured.by_requester else (),
            calibrated=True,
            reference=usual,
        )
        compared = beside_the_usual(replayed, usual)
        return msgspec.structs.replace(verdict, rests_on=(*verdict.rests_on, *compared))

    async def _move_standings(
        self, tx: Tx, job: JobRow, manifest: Manifest, replayed: Replayed, learned: Sequence[Learned]
    ) -> None:
        """Moves everyone's standing and tells the others, with what newcomers are believed from now on."""
        skill = skill_name(manifest)
        workers = sorted(replayed.base_minor)
        # one job after the other: two that end at once would each add to what they read, and one would be lost
        await tx.execute(QUERIES.lock_standings)
        known = await rows(tx, QUERIES.standings_of, {"skill": skill, "workers": workers})
        before = {worker: (right, wrong, at_ms) for worker, right, wrong, at_ms, _, _ in known}
        types_before = {worker: counts_by_type(by_type) for worker, _, _, _, _, by_type in known}
        first = await rows(
            tx, QUERIES.first_outcomes, {"skill": skill, "crowd": manifest.crowd, "most": FIRST_OUTCOMES}
        )
        prior = newcomers_prior(first)
        terms = JudgingTerms(prior_right_micro=prior.right_micro, prior_wrong_micro=prior.wrong_micro)
        outcomes = with_practice(manifest, learned, replayed.outcomes)
        after = moved_standings(outcomes, before, terms, types_before)
        async with tx.cursor() as cursor:
            await cursor.executemany(
                QUERIES.add_outcome,
                [
                    {
                        "job_id": job.job_id,
                        "worker": outcome.worker,
                        "skill": skill,
                        "cause": outcome.cause,
                        "at_ms": outcome.at_ms,
                        "position": position,
                        "answer_type": outcome.answer_type,
                        **_counted(outcome),
                    }
                    for position, outcome in enumerate(outcomes)
                ],
            )
            await cursor.executemany(
                QUERIES.put_standing,
                [
                    {
                        "worker": worker,
                        "skill": skill,
                        "right_micro": standing.right_micro,
                        "wrong_micro": standing.wrong_micro,
                        "at_ms": standing.at_ms,
                        "score_bp": standing.score_bp,
                        "mean_bp": standing.mean_bp,
                        "cause": standing.cause,
                        "types": canonical.encode(standing.types).decode(),
                    }
                    for worker, standing in sorted(after.items())
                ],
            )
        if after:
            body = StandingsChanged(
                job_id=job.job_id,
                standings=tuple(
                    Standing(
                        worker=worker,
                        skill=skill,
                        right_micro=standing.right_micro,
                        wrong_micro=standing.wrong_micro,
                        at_ms=standing.at_ms,
                        score_bp=standing.score_bp,
                        because=because_of(counts := counts_of(worker, replayed, learned)),
                        counts=counts,
                        types=types_told(worker, standing, prior, outcomes),
                    )
                    for worker, standing in sorted(after.items())
                ),
                prior=NewcomersPrior(
                    skill=crowd_of(manifest), right_micro=prior.right_micro, wrong_micro=prior.wrong_micro
                ),
            )
            await self.ctx.send(tx, body, to_role="exchange", to=job.exchange)
            await self.ctx.send(tx, body, to_role="recording", to=job.recording)

    async def _link_workers(self, tx: Tx, job: JobRow, replayed: Replayed) -> None:
        """Those who copy count as one from now on. It takes no pay and no standing, and a person may undo it."""
        signs = replayed.measured.signs if replayed.measured else ()
        known = {worker: group for worker, group, _ in await rows(tx, QUERIES.links)}
        cleared = {worker for worker, _, by in await rows(tx, QUERIES.links) if by}
        # what a person has cleared stays so until a person looks again; the sign itself is kept and shown
        signs = tuple(sign for sign in signs if not cleared & set(sign.workers))
        groups = linked(signs, known)
        if not groups:
            return
        because = "; ".join(sign.says for sign in signs if sign.kind == "copies")
        await self._tell_links(tx, job, groups, because=because, by="")

    async def _tell_links(self, tx: Tx, job: JobRow, groups: dict[str, str], *, because: str, by: str) -> None:
        link_no = await scalar(tx, QUERIES.next_link_no)
        for worker, group in groups.items():
            await tx.execute(
                QUERIES.put_link,
                {
                    "worker": worker,
                    "group": group,
                    "link_no": link_no,
                    "job_id": job.job_id,
                    "because": because,
                    "cleared_by": by,
                    "now_ms": self.ctx.clock(),
                },
            )
        body = WorkersLinked(job_id=job.job_id, groups=groups, link_no=link_no, because=because)
        await self.ctx.send(tx, body, to_role="exchange", to=job.exchange)
        await self.ctx.send(tx, body, to_role="recording", to=job.recording)

    async def _tell_signs(self, tx: Tx, job: JobRow) -> None:
        """Tells whoever is looked at; signs of copying are told with the link that follows from them."""
        found = await rows_of(tx, Sign, QUERIES.signs_of_job, {"job_id": job.job_id})
        own = tuple(
            WorkerSign(
                worker=sign.workers[0],
                kind=sign.kind,
                says=sign.says,
                evidence=sign.evidence,
                cleared_because=sign.cleared_because,
            )
            for sign in found
            if len(sign.workers) == 1
        )
        if own:
            body = SignsTold(job_id=job.job_id, signs=own, word_no=sum(1 for sign in found if sign.cleared_by))
            await self.ctx.send(tx, body, to_role="exchange", to=job.exchange)

    async def clear_sign(self, job_id: str, position: int, *, by: str, because: str) -> bool:
        """A person has looked: the sign is taken back, and its worker told why. False when there is nothing to take
        back; twice is once. Signs of copying are undone with `unlink`.

        raises  UnknownJob
        """
        async with self.ctx.db.transaction() as tx:
            job = await self._lock(tx, job_id)
            values = {"job_id": job_id, "position": position, "by": by, "because": because, "now_ms": self.ctx.clock()}
            cleared = await scalar(tx, QUERIES.clear_sign, values) is not None
            if cleared:
                await self._tell_signs(tx, job)
            return cleared

    async def unlink(self, group: str, *, by: str, because: str) -> int:
        """A person has looked: the workers of this group are single persons again. How many there were.

        by  who decided; it is kept. Signs of later jobs do not link these workers again
        """
        async with self.ctx.db.transaction() as tx:
            await tx.execute(QUERIES.lock_standings)
            members = await rows(tx, QUERIES.members_of, {"group": group})
            for job_id in sorted({job_id for _, job_id in members}):
                job = await self._lock(tx, job_id)
                own = {worker: "" for worker, found_in in members if found_in == job_id}
                await self._tell_links(tx, job, own, because=because, by=by)
            return len(members)

    async def links(self) -> list[Link]:
        """Everyone who counts as one with somebody, or did until a person cleared it; the newest first."""
        async with self.ctx.db.connection() as connection:
            return await rows_of(connection, Link, QUERIES.links_told)

    async def signs(self, *, most: int = 200) -> list[Sign]:
        """What somebody should look at, of the newest jobs first."""
        async with self.ctx.db.connection() as connection:
            return await rows_of(connection, Sign, QUERIES.signs_told, {"most": most})

    # --- paying ---------------------------------------------------------------------------------------------------

    async def _go_on(self, tx: Tx, job: JobRow, *, heard: bool = True) -> None:
        """Takes a judged job a step towards its end, by what the chain and this key's outbox show.

        The job's row is locked. heard  False for a look in between: an end is told when its event is heard, as the
        books are written then
        """
        if job.state not in UNDER_WAY:
            return
        its: EscrowPlace = {"chain_id": job.chain_id, "escrow": job.escrow}
        if await self.desk.ended(tx, **its):
            if heard:
                await self._settle(tx, job)
            return
        match await self._next_payouts(tx, job):
            case Pay(payouts):
                for one in payouts:
                    await self.desk.pay(
                        tx,
                        **its,
                        job_id=job.job_id,
                        part_no=one.part_no,
                        amounts_base=one.amounts,
                        url=f"blob:{job.payouts_blob}",
                        hash_=job.payouts_hash,
                        again=one.again,
                    )
                await tx.execute(QUERIES.set_state, {"job_id": job.job_id, "state": "paying"})
            case End():
                await self.desk.tell_waiting(tx, job_id=job.job_id, chain_id=job.chain_id, because="")
                # the contract refuses to end while a freeze stands
                if not await self.desk.frozen_now(tx, **its) and await self.desk.complete(tx, **its, job_id=job.job_id):
                    await tx.execute(QUERIES.set_state, {"job_id": job.job_id, "state": "completing"})
            case Wait(because, alarming):
                told = because if alarming else ""
                await self.desk.tell_waiting(tx, job_id=job.job_id, chain_id=job.chain_id, because=told)

    async def _next_payouts(self, tx: Tx, job: JobRow) -> Pay | End | Wait:
        its: EscrowPlace = {"chain_id": job.chain_id, "escrow": job.escrow}
        unit, file = self.desk.unit(job.chain_id, job.parsed().pay.currency), job.payouts_file()
        reserved_base = await self.desk.reserved_base(tx, **its)
        more = reserved_base < file.total_minor * unit and not await self.desk.recording_over(tx, **its)
        room_base = None
        if job.cap_minor is not None:
            left_minor = await self.desk.left_today_minor(
                tx, **its, job_id=job.job_id, counted=PAID, cap_minor=job.cap_minor
            )
            room_base = left_minor * unit
        return next_payouts(
            [(worker, minor * unit) for worker, minor in owed_in_order(file)],
            signed=await self.desk.payouts_signed(tx, **its, job_id=job.job_id),
            shown=await self.desk.payouts_shown(tx, **its),
            reserved_base=reserved_base,
            more=more,
            # under a cap all of it may take days: who waits for it is paid what there is
            soon=more and (room_base is None or bool((await self.desk.day_used(tx, **its)).reserved_today_minor)),
            room_base=room_base,
            id_of=lambda part_no: payout_key(self.desk.payout_id(job.job_id, part_no, job.payouts_hash)),
            now_ms=self.ctx.clock(),
        )

    async def tick(self) -> None:
        """What a new day has room for is paid, and what was refused is made anew."""
        if (now_ms := self.ctx.clock()) - self._looked_at_ms < LOOK_EVERY_MS:
            return
        self._looked_at_ms = now_ms
        async with self.ctx.db.connection() as connection:
            under_way = [job_id for (job_id,) in await rows(connection, QUERIES.jobs_under_way)]
        for job_id in under_way:
            try:
                async with self.ctx.db.transaction() as tx:
                    await self._go_on(tx, await self._lock(tx, job_id), heard=False)
            except ManyhandsError as problem:  # a chain that is not there yet holds up no other chain's jobs
                log.warning("job %s does not go on: %s", job_id, problem)

    async def _settle(self, tx: Tx, job: JobRow) -> None:
        """The chain says that the escrow has ended: everyone is told who got what."""
        file, currency = job.payouts_file(), job.parsed().pay.currency
        unit = self.desk.unit(job.chain_id, currency)
        paid_base: dict[str, int] = {}
        for payout in await self.desk.payouts_shown(tx, chain_id=job.chain_id, escrow=job.escrow):
            for worker, base in payout.amounts:
                paid_base[worker] = paid_base.get(worker, 0) + base
        outcome = await self.desk.close_books(
            tx, job_id=job.job_id, chain_id=job.chain_id, escrow=job.escrow, currency=currency
        )
        body = JobSettled(
            job_id=job.job_id,
            accepted=file.accepted,
            paid_minor={worker: base // unit for worker, base in paid_base.items()},
            fees_minor=outcome.fees_minor,
            refunded_minor=outcome.refunded_minor,
            package_blob=job.package_blob or "",
            package_hash=job.package_hash or "",
            payouts_blob=job.payouts_blob or "",
            transactions=outcome.transactions,
        )
        await self.ctx.send(tx, body, to_role="launcher", to=job.launcher)
        await self.ctx.send(tx, body, to_role="exchange", to=job.exchange)
        await self.desk.tell_waiting(tx, job_id=job.job_id, chain_id=job.chain_id, because="")
        await tx.execute(QUERIES.set_state, {"job_id": job.job_id, "state": "settled"})

    # --- small things ---------------------------------------------------------------------------------------------

    async def case(self, job_id: str) -> JobRow | None:
        """What this oracle holds of a job, for auditors; None when it is not one of its jobs."""
        async with self.ctx.db.connection() as connection:
            return await row_of(connection, JobRow, QUERIES.read_job, {"job_id": job_id})

    async def escrows(self) -> list[tuple[str, int, str]]:
        """(job, chain, escrow) of every job this oracle knows."""
        async with self.ctx.db.connection() as connection:
            return [(job_id, chain_id, escrow) for job_id, chain_id, escrow in await rows(connection, QUERIES.escrows)]

    async def job_of_escrow(self, tx: Tx, chain_id: int, escrow: str) -> str | None:
        """The job whose money an escrow holds, None when it is not one of this oracle's."""
        found: str | None = await scalar(tx, QUERIES.job_of_escrow, {"chain_id": chain_id, "escrow": escrow})
        return found

    async def _lock(self, tx: Tx, job_id: str, **expected: str) -> JobRow:
        job = await row_of(tx, JobRow, QUERIES.lock_job, {"job_id": job_id})
        if job is None:
            raise UnknownJob(job_id)
        if b'"daily_cap_parts"' in job.manifest:  # parsed for the jobs alone that may need it
            job = replace(job, unit=self.desk.unit(job.chain_id, job.parsed().pay.currency))
        for role, sender in expected.items():
            if getattr(job, role) != sender:
                raise NotYours(job_id, sender, role)
        return job


def fields_wanted(manifest: Manifest) -> tuple[str, ...] | None:
    """Names of the fields that alone were wanted, () = all of the kind; None for a job of the whole text."""
    if manifest.task_type != "field_choice":
        return None
    named = manifest.scope.fields if isinstance(manifest.scope, Scope) else msgspec.UNSET
    return named if isinstance(named, tuple) else ()


def counts_of(worker: str, replayed: Replayed, learned: Sequence[Learned]) -> dict[str, int]:
    """Why a worker's standing moved in figures: right of judged, judgements taken back, practice before it."""
    events = [event for event in replayed.outcomes if event.worker == worker]
    own = [event.right for event in events if isinstance(event, reputation.Outcome)]
    practised = [one for one in learned if one.worker == worker and one.practice]
    told = {"right": sum(own), "judged": len(own)}
    if len(events) > len(own):
        told["taken_back"] = len(events) - len(own)
    if practised:
        told["practice_right"] = sum(one.right for one in practised)
        told["practice_asked"] = sum(one.asked for one in practised)
    return told


def because_of(counts: Mapping[str, int]) -> str:
    """The same in words, for the worker to read.

    >>> because_of({"right": 3, "judged": 4, "practice_right": 5, "practice_asked": 6})
    '3 of 4 answers that could be judged were right; practice before it: 5 of 6 right, each a quarter of an answer'
    """
    told = f"{counts['right']} of {counts['judged']} answers that could be judged were right"
    if "taken_back" in counts:
        told += f"; {counts['taken_back']} judgements taken back, as the known answer was doubted"
    if "practice_asked" in counts:
        practice = f"{counts['practice_right']} of {counts['practice_asked']} right"
        told += f"; practice before it: {practice}, each a quarter of an answer"
    return told


def _counted(event: reputation.Event) -> dict[str, object]:
    """An event's own columns. A correction has counts instead of a judgement."""
    if isinstance(event, reputation.Outcome):
        return {"was_right": event.right, "weight_bp": event.weight_bp, "right_micro": None, "wrong_micro": None}
    counts = {"right_micro": event.right_micro, "wrong_micro": event.wrong_micro}
    return {"was_right": None, "weight_bp": None, **counts}
