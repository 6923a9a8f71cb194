"""The jury role at work: reports in, jurors drawn, votes counted, rulings carried out and told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from manyhands.ledger.desk import Desk, DeskEvent
from manyhands.pricing import juror_pay_minor
from manyhands.pricing.jury import JURORS
from manyhands.protocol import canonical
from manyhands.protocol.errors import ManyhandsError, ProtocolError
from manyhands.protocol.ids import digest
from manyhands.protocol.lifecycles import REPORT_MOVES, move
from manyhands.protocol.manifest import Manifest, parse_manifest
from manyhands.protocol.messages import (
    AppealFiled,
    AppealVoteCast,
    Envelope,
    JobFunded,
    JurorsDrawn,
    ReportFiled,
    ReportRuled,
    Role,
    Routing,
    VoteCast,
    open_envelope,
)
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, row_of, rows, rows_of
from manyhands.store.sql import load_queries

from .appeals import Appeals
from .draw import DrawProof, commitment, draw, eligible_for, seed_of
from .votes import Vote, recover_vote, report_hash, ruling_of

QUERIES = load_queries("manyhands.roles.jury", "sql")

HOUR_MS = 3_600_000
TOLD_OF_RULINGS: tuple[Role, ...] = ("exchange", "launcher", "recording", "reputation")


@dataclass(frozen=True, kw_only=True)
class JuryPolicy:
    """How juries are made here.

    jurors        drawn per case, odd
    draw_wait_ms  how long a report waits for enough people to draw from; then it ends cleared
    vote_wait_ms  how long jurors may take; then a case without majority ends cleared. Shorter than the seven days after
                  which the contract ends a freeze by itself
    appeal_wait_ms  how long an appeal waits for votes; then those that came decide, and none is one for the worker
    """

    jurors: int = JURORS
    draw_wait_ms: int = 24 * HOUR_MS
    vote_wait_ms: int = 5 * 24 * HOUR_MS
    appeal_wait_ms: int = 24 * HOUR_MS


class JobNotYetKnown(ManyhandsError):
    """A report came before the word that its job is funded; both are on their way, so it is tried again."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} is not known to the jury yet", cure="It is tried again by itself.")


class NotYours(ProtocolError):
    """A message about a job from a party that has no such role in it."""

    def __init__(self, job_id: str, sender: str, role: str) -> None:
        self.job_id, self.sender, self.role = job_id, sender, role
        super().__init__(f"{sender} is not the {role} of job {job_id}")


class BadVote(ProtocolError):
    """A vote that does not count, and why."""

    def __init__(self, case_id: str, juror: str, problem: str) -> None:
        self.case_id, self.juror, self.problem = case_id, juror, problem
        super().__init__(f"vote of {juror} in case {case_id}: {problem}")


@dataclass(frozen=True)
class JobRow:
    """A row of jury.jobs."""

    job_id: str
    manifest: bytes
    routing: bytes
    launcher: str
    escrow: str
    secret: bytes
    commitment: str

    def parsed(self) -> Manifest:
        return parse_manifest(self.manifest)

    def route(self) -> Routing:
        routing: Routing = canonical.decode(self.routing, Routing, what="routing")
        return routing

    def party(self, role: Role) -> str:
        return self.launcher if role == "launcher" else str(getattr(self.route(), role))


@dataclass(frozen=True)
class ReportRow:
    """A row of jury.reports. case_id "" before the draw."""

    job_id: str
    report_id: str
    task_id: str
    reporter: str
    state: str
    case_id: str
    jurors: list[str]
    eligible: list[str]
    ruling_asked: bool
    filed_at_ms: int
    drawn_at_ms: int | None


@dataclass(frozen=True)
class VoteRow:
    """A row of jury.votes."""

    juror: str
    uphold: bool
    signature: str


class Jury:
    """One jury role. `desk` holds the operator's key: it opens cases and hands signatures in, it can't rule."""

    def __init__(self, ctx: RoleContext, desk: Desk, *, policy: JuryPolicy | None = None) -> None:
        self.ctx, self.desk, self.policy = ctx, desk, policy or JuryPolicy()
        self.appeals = Appeals(ctx, jurors=self.policy.jurors, wait_ms=self.policy.appeal_wait_ms)

    def jobs(self) -> Mapping[str, Callable[..., Awaitable[None]]]:
        """Background work of this role: none."""
        return {}

    async def on_message(self, tx: Tx, envelope: Envelope) -> None:
        """Applies one checked message. raises ProtocolError to refuse it for good"""
        body, sender = open_envelope(envelope), envelope.sender
        match body:
            case JobFunded():
                await self._job_funded(tx, sender, body)
            case ReportFiled():
                await self._report_filed(tx, sender, body)
            case VoteCast():
                await self._vote_cast(tx, sender, body)
            case AppealFiled():
                await self.appeals.filed(tx, await self._lock_job(tx, body.job_id), sender, body)
            case AppealVoteCast():
                await self.appeals.vote_cast(tx, await self._lock_job(tx, body.job_id), sender, body)
            case _:
                raise ProtocolError(f"the jury takes no {type(body).__name__}")

    async def on_chain_event(self, tx: Tx, event: DeskEvent) -> None:
        """The contract's own word ends a case."""
        if event.name != "Ruled":
            return
        case_id = _hex(event.args["caseId"])
        report = await self._lock_case(tx, chain_id=event.chain_id, case_id=case_id)
        if report is not None and report.state == "judged":
            because = "a majority of the jurors signed"
            await self._end(tx, report, uphold=bool(event.args["uphold"]), because=because)

    async def tick(self) -> None:
        """Ends reports that nobody can be drawn for, and cases whose jurors did not vote in time."""
        now_ms = self.ctx.clock()
        async with self.ctx.db.connection() as connection:
            undrawn = await rows(connection, QUERIES.undrawn, {"before_ms": now_ms - self.policy.draw_wait_ms})
            unvoted = await rows(connection, QUERIES.unvoted, {"before_ms": now_ms - self.policy.vote_wait_ms})
        for job_id, report_id in undrawn:
            async with self.ctx.db.transaction() as tx:
                await self._end_undrawn(tx, job_id, report_id)
        for job_id, report_id in unvoted:
            async with self.ctx.db.transaction() as tx:
                await self._end_unvoted(tx, job_id, report_id)
        for job_id, appeal_id in await self.appeals.overdue():
            async with self.ctx.db.transaction() as tx:
                await self.appeals.end_overdue(tx, await self._lock_job(tx, job_id), appeal_id)

    async def draw_proof(self, job_id: str, report_id: str) -> DrawProof | None:
        """Everything to draw a report's jurors again; the secret only once all of the job's reports have ended."""
        async with self.ctx.db.connection() as connection:
            report = await row_of(
                connection, ReportRow, QUERIES.read_report, {"job_id": job_id, "report_id": report_id}
            )
            job = await row_of(connection, JobRow, QUERIES.read_job, {"job_id": job_id})
            still_open = await rows(connection, QUERIES.open_reports, {"job_id": job_id})
        if report is None or job is None:
            return None
        return DrawProof(
            job_id=job_id,
            report_id=report_id,
            commitment=job.commitment,
            secret="" if still_open else job.secret.hex(),
            eligible=tuple(report.eligible),
            jurors=tuple(report.jurors),
        )

    # --- a report, its draw, its votes, its end -------------------------------------------------------------------

    async def _job_funded(self, tx: Tx, sender: str, body: JobFunded) -> None:
        if sender != body.launcher or body.routing.jury != self.ctx.address:
            raise NotYours(body.job_id, sender, "launcher")
        secret = self.ctx.ids.random_bytes(32)
        await tx.execute(
            QUERIES.add_job,
            {
                "job_id": body.job_id,
                "manifest": canonical.encode(body.manifest),
                "routing": canonical.encode(body.routing),
                "launcher": body.launcher,
                "chain_id": body.routing.chain_id,
                "escrow": body.escrow,
                "secret": secret,
                "commitment": commitment(secret),
            },
        )

    async def _report_filed(self, tx: Tx, sender: str, body: ReportFiled) -> None:
        job = await self._lock_job(tx, body.job_id)
        if sender != job.party("exchange"):
            raise NotYours(body.job_id, sender, "exchange")
        if body.escrow.lower() != job.escrow or body.chain_id != job.route().chain_id:
            raise ProtocolError(f"report {body.report_id} names another escrow than its job")
        await tx.execute(
            QUERIES.add_report,
            {
                "job_id": body.job_id,
                "report_id": body.report_id,
                "task_id": body.task_id,
                "reporter": body.reporter.lower(),
                "code": body.code,
                "report_text": body.text,
                "picture_blob": body.picture_blob,
                "filed_at_ms": self.ctx.clock(),
            },
        )
        await tx.execute(
            QUERIES.add_pool, {"job_id": body.job_id, "workers": [worker.lower() for worker in body.eligible]}
        )
        # a report that waits for people is helped by whoever is named with a later one
        for report in await rows_of(tx, ReportRow, QUERIES.waiting, {"job_id": body.job_id}):
            await self._try_draw(tx, job, report)

    async def _try_draw(self, tx: Tx, job: JobRow, report: ReportRow) -> None:
        """Draws when enough people are known; else the report goes on waiting."""
        pool = [worker for (worker,) in await rows(tx, QUERIES.pool_of, {"job_id": job.job_id})]
        eligible = eligible_for(pool, never=(report.reporter, job.launcher))
        jurors = draw(eligible, seed=seed_of(report.report_id, job.secret), count=self.policy.jurors)
        if not jurors:
            return
        chain_id = job.route().chain_id
        hashed = report_hash(job.job_id, report.report_id)
        case_id = _hex(self.desk.case_id(chain_id=chain_id, escrow=job.escrow, report_hash=hashed))
        await self.desk.open_case(
            tx,
            job_id=job.job_id,
            chain_id=chain_id,
            escrow=job.escrow,
            report_hash=hashed,
            jurors=jurors,
            reporter=report.reporter,
        )
        await self._set_drawn(tx, report, case_id=case_id, jurors=jurors, eligible=eligible)
        body = JurorsDrawn(
            job_id=job.job_id,
            report_id=report.report_id,
            case_id=case_id,
            jurors=jurors,
            clear_digest=_hex(self.desk.vote_digest(chain_id=chain_id, case_id=case_id, uphold=False)),
            uphold_digest=_hex(self.desk.vote_digest(chain_id=chain_id, case_id=case_id, uphold=True)),
        )
        await self.ctx.send(tx, body, to_role="exchange", to=job.party("exchange"))

    async def _vote_cast(self, tx: Tx, sender: str, body: VoteCast) -> None:
        job = await self._lock_job(tx, body.job_id)
        if sender != job.party("exchange"):
            raise NotYours(body.job_id, sender, "exchange")
        chain_id = job.route().chain_id
        report = await self._lock_case(tx, chain_id=chain_id, case_id=body.case_id)
        if report is None or report.job_id != body.job_id:
            raise BadVote(body.case_id, body.juror, "there is no such case")
        juror = body.juror.lower()
        if juror not in report.jurors:
            raise BadVote(body.case_id, juror, "was not drawn for it")
        if report.state != "judged":
            raise BadVote(body.case_id, juror, "came after the case had ended")
        signed = self.desk.vote_digest(chain_id=chain_id, case_id=body.case_id, uphold=body.uphold)
        if recover_vote(signed, body.signature) != juror:
            raise BadVote(body.case_id, juror, "is not signed by the juror")
        added = await rows(
            tx,
            QUERIES.add_vote,
            {
                "job_id": job.job_id,
                "case_id": body.case_id,
                "juror": juror,
                "uphold": body.uphold,
                "because": body.because,
                "signature": body.signature,
                "cast_at_ms": self.ctx.clock(),
            },
        )
        if not added:
            raise BadVote(body.case_id, juror, "has voted already: one juror, one vote")
        if report.ruling_asked:
            return  # the majority stands already; this vote is counted and paid all the same
        votes = {vote.juror: vote for vote in await self._votes(tx, report)}
        ruling = ruling_of(report.jurors, votes)
        if ruling is None:
            return
        await self.desk.rule_case(
            tx,
            job_id=job.job_id,
            chain_id=chain_id,
            case_id=report.case_id,
            uphold=ruling.uphold,
            signatures=ruling.signatures,
        )
        await tx.execute(QUERIES.set_ruling_asked, {"job_id": job.job_id, "report_id": report.report_id})

    async def _end(self, tx: Tx, report: ReportRow, *, uphold: bool, because: str) -> None:
        """Ends a report and tells everyone concerned. Whoever voted is paid, whichever way."""
        job = await self._lock_job(tx, report.job_id)
        votes = await self._votes(tx, report)
        pay_minor = juror_pay_minor(job.parsed().pay)
        state = move(REPORT_MOVES, f"report {report.report_id}", report.state, "uphold" if uphold else "clear")
        await tx.execute(
            QUERIES.set_ended,
            {
                "job_id": report.job_id,
                "report_id": report.report_id,
                "state": state,
                "because": because,
                "ended_at_ms": self.ctx.clock(),
            },
        )
        body = ReportRuled(
            job_id=report.job_id,
            report_id=report.report_id,
            case_id=report.case_id,
            task_id=report.task_id,
            uphold=uphold,
            votes_for=sum(1 for vote in votes if vote.uphold is uphold),
            votes_against=sum(1 for vote in votes if vote.uphold is not uphold),
            jurors_paid_minor={vote.juror: pay_minor for vote in votes},
        )
        for role in TOLD_OF_RULINGS:
            await self.ctx.send(tx, body, to_role=role, to=job.party(role))

    async def _end_undrawn(self, tx: Tx, job_id: str, report_id: str) -> None:
        await self._lock_job(tx, job_id)
        report = await self._lock_report(tx, job_id, report_id)
        if report.state != "filed":
            return
        # the life cycle has no way around a judgement: this one is by nobody, under an id of its own
        await self._set_drawn(tx, report, case_id=digest("no jury", job_id, report_id), jurors=(), eligible=())
        judged = await self._lock_report(tx, job_id, report_id)
        await self._end(tx, judged, uphold=False, because="too few workers could be drawn in time")

    async def _end_unvoted(self, tx: Tx, job_id: str, report_id: str) -> None:
        await self._lock_job(tx, job_id)
        report = await self._lock_report(tx, job_id, report_id)
        if report.state == "judged" and not report.ruling_asked:
            await self._end(tx, report, uphold=False, because="too few jurors voted in time")

    async def _set_drawn(
        self, tx: Tx, report: ReportRow, *, case_id: str, jurors: tuple[str, ...], eligible: tuple[str, ...]
    ) -> None:
        await tx.execute(
            QUERIES.set_drawn,
            {
                "job_id": report.job_id,
                "report_id": report.report_id,
                "state": move(REPORT_MOVES, f"report {report.report_id}", report.state, "draw"),
                "case_id": case_id,
                "jurors": list(jurors),
                "eligible": list(eligible),
                "drawn_at_ms": self.ctx.clock(),
            },
        )

    async def _votes(self, tx: Tx, report: ReportRow) -> list[Vote]:
        found = await rows_of(tx, VoteRow, QUERIES.votes_of, {"job_id": report.job_id, "case_id": report.case_id})
        return [Vote(juror=row.juror, uphold=row.uphold, signature=row.signature) for row in found]

    async def _lock_job(self, tx: Tx, job_id: str) -> JobRow:
        job = await row_of(tx, JobRow, QUERIES.lock_job, {"job_id": job_id})
        if job is None:
            raise JobNotYetKnown(job_id)
        return job

    async def _lock_case(self, tx: Tx, *, chain_id: int, case_id: str) -> ReportRow | None:
        """The report of a case. Always locks the job first: whoever changes a report comes through that door."""
        found = await rows(tx, QUERIES.report_of_case, {"case_id": case_id, "chain_id": chain_id})
        for job_id, report_id in found:
            await self._lock_job(tx, job_id)
            return await self._lock_report(tx, job_id, report_id)
        return None

    async def _lock_report(self, tx: Tx, job_id: str, report_id: str) -> ReportRow:
        report = await row_of(tx, ReportRow, QUERIES.lock_report, {"job_id": job_id, "report_id": report_id})
        if report is None:
            raise ProtocolError(f"there is no report {report_id} in job {job_id}")
        return report


def _hex(value: bytes | str | object) -> str:
    """One text form for 32 bytes: lower-case hexadecimal with 0x."""
    if isinstance(value, bytes | bytearray):
        return "0x" + bytes(value).hex()
    text = str(value).lower()
    return text if text.startswith("0x") else "0x" + text
