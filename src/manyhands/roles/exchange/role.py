"""The exchange as one value: messages and chain events in, work for its processes, and the desk that workers use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from manyhands.ledger.as_told import HeldToChain
from manyhands.protocol import canonical
from manyhands.protocol.errors import ProtocolError
from manyhands.protocol.evidence import PayoutsFile, Receipt
from manyhands.protocol.manifest import parse_manifest
from manyhands.protocol.messages import (
    AppealJurorsDrawn,
    AppealRuled,
    BatchRecorded,
    CancelRequested,
    DocumentsHanded,
    Envelope,
    JobFunded,
    JobJudged,
    JobRecorded,
    JobSettled,
    JurorsDrawn,
    ReportRuled,
    SignsTold,
    StandingsChanged,
    WorkersLinked,
    open_envelope,
)
from manyhands.roles import RoleContext
from manyhands.store.blobs import signed_url
from manyhands.store.database import Tx, rows
from manyhands.store.sql import load_queries

from .accounts import Account, Accounts, Session
from .appealing import Appeal, Appealing
from .books import Books, types_shown
from .capping import Capping, ReadDay
from .collecting import Collecting
from .decisions import REPORT_CODES, pay_lines
from .errors import NoSuchCase, NotYours, SimulatedNotAllowed
from .learning import Learning
from .lending import Bundle, Given, Lending, Stored
from .linking import Linking
from .noticing import Noticing
from .opening import OCR_QUEUE, READING_QUEUE, Opening, lock_job
from .pooling import Pooling
from .reading import Reading
from .reporting import Reporting
from .results import ASSEMBLY_QUEUE, ResultFile, Results
from .second_round import SecondRound
from .views import Earnings, Offer, Progress, SimulatedPiece, StandingView, Views
from .ways import Ways

QUERIES = load_queries("manyhands.roles.exchange")

QUEUES = (READING_QUEUE, OCR_QUEUE, ASSEMBLY_QUEUE)
"""Queues of the heavy work, for processes that may hold readers and pixels."""

TICK_MS = 500
OFFER_EVERY_MS = 2_000
TIDY_EVERY_MS = 600_000
PICTURE_EXTRA_MS = 10 * 60_000


class ChainEvent(Protocol):
    """What the exchange needs of a final chain event."""

    @property
    def chain_id(self) -> int: ...
    @property
    def address(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def args(self) -> Mapping[str, Any]: ...
    @property
    def tx_hash(self) -> str: ...


class ReportCode(msgspec.Struct, frozen=True):
    """A reason for a report."""

    code: str
    title: str


class ExhibitView(msgspec.Struct, frozen=True):
    """A piece and what was answered; text None = "cannot read"."""

    picture_url: str
    question: str
    text: str | None


class CaseView(msgspec.Struct, frozen=True):
    """A jury case as its juror sees it.

    kind          report: is the task in order? appeal: are these refused answers honest work?
    reward_minor  what the vote is paid
    exhibits      of an appeal; a report has its one picture
    """

    case_id: str
    task_id: str
    picture_url: str
    code: str
    text: str
    question: str
    reward_minor: int
    kind: str = "report"
    exhibits: tuple[ExhibitView, ...] = ()


class RefusalView(msgspec.Struct, frozen=True):
    """A refused answer as its worker sees it. text None = "cannot read"; appeal_id None = no appeal holds it."""

    job_id: str
    title: str
    task_id: str
    picture_url: str
    question: str
    text: str | None
    reward_minor: int
    code: str
    because: str
    received_at_ms: int
    can_appeal: bool
    appeal_id: str | None
    currency: str
    exponent: int


@dataclass(frozen=True)
class ExchangeSettings:
    """What an operator sets.

    wallet_secret     encrypts workers' wallets and salts ids of pieces; kept in the data folder, 16 bytes at least
    picture_secret    signs the addresses of cuttings; the web server checks them with the same
    reader_names      machine readers in order of trust; None = the project's default, empty = none
    simulated_crowd   whether simulated people may sign up
    """

    wallet_secret: bytes
    picture_secret: bytes
    reader_names: Sequence[str] | None = None
    simulated_crowd: bool = False


class Exchange:
    """One job exchange.

    The same value serves in every process: the web server uses the desk and the hot path, the roles' process takes
    messages and ticks, the reading processes run the queues `QUEUES`. Heavy rooms are imported only where they work.
    """

    def __init__(
        self,
        ctx: RoleContext,
        settings: ExchangeSettings,
        *,
        held_to_chain: HeldToChain | None = None,
        read_day: ReadDay | None = None,
    ) -> None:
        self.ctx, self.settings = ctx, settings
        self.accounts = Accounts(ctx.db, clock=ctx.clock, ids=ctx.ids, wallet_secret=settings.wallet_secret)
        self.ways = Ways(self.accounts)
        self.lending = Lending(ctx.db, clock=ctx.clock)
        self.opening = Opening(ctx, secret=settings.wallet_secret, held_to_chain=held_to_chain)
        self.reading = Reading(ctx.db, ctx.blobs, ctx.jobs, reader_names=settings.reader_names)
        self.appealing = Appealing(ctx, self.accounts)
        self.learning = Learning(ctx)
        self.collecting = Collecting(ctx, self.appealing, self.learning)
        self.reporting = Reporting(ctx, self.accounts, self.collecting)
        self.results = Results(ctx, self.collecting)
        opening = self.opening
        self.second_round = SecondRound(
            ctx, opening.draw, opening.draw_again, draw_asks=opening.draw_asks, draw_lines=opening.draw_lines
        )
        self.collecting.checked_by(self.second_round.begin)
        self.books = Books(ctx)
        self.linking = Linking(ctx)
        self.pooling = Pooling(ctx)
        self.noticing = Noticing(ctx)
        self.capping = Capping(ctx, read_day)
        self.views = Views(ctx, self.books, self.learning, self.capping)
        self._tidied_at_ms = 0

    # --- messages, events, ticks ----------------------------------------------------------------------------------

    async def on_message(self, tx: Tx, envelope: Envelope) -> None:
        """Applies one checked message. raises ProtocolError to refuse it for good"""
        body, sender = open_envelope(envelope), envelope.sender
        match body:
            case JobFunded():
                await self.opening.job_funded(tx, sender, body)
            case DocumentsHanded():
                await self.opening.documents_handed(tx, sender, body)
            case BatchRecorded():
                await self.collecting.batch_recorded(tx, sender, body)
            case JobRecorded():
                await self.results.job_recorded(tx, sender, body)
            case CancelRequested():
                await self.collecting.cancel_requested(tx, sender, body)
            case JurorsDrawn():
                await self.reporting.jurors_drawn(tx, sender, body)
            case ReportRuled():
                await self.reporting.report_ruled(tx, sender, body)
            case AppealJurorsDrawn():
                await self.appealing.jurors_drawn(tx, sender, body)
            case AppealRuled():
                await self.appealing.ruled(tx, sender, body)
            case StandingsChanged():
                await self._standings_changed(tx, sender, body)
            case WorkersLinked():
                await self.linking.linked(tx, sender, body)
            case SignsTold():
                await self.noticing.told(tx, sender, body)
            case JobJudged():
                await self._job_judged(tx, sender, body)
            case JobSettled():
                await self._job_settled(tx, sender, body)
            case _:
                raise ProtocolError(f"the exchange takes no {type(body).__name__}")

    async def on_chain_event(self, tx: Tx, event: ChainEvent) -> None:
        """Takes one final event of the chain; told twice it counts once: money that reaches an escrow, and its end."""
        if event.name == "Fund":
            await self.opening.funds_seen(
                tx,
                chain_id=event.chain_id,
                escrow=event.address,
                tx_hash=event.tx_hash,
                received_base=int(event.args["amount"]),
            )

        if event.name == "CancellationRequested":
            await self.collecting.cancelled_on_chain(tx, chain_id=event.chain_id, escrow=event.address)

    async def tick(self) -> None:
        """What time brings: leases end, answers are sent, jobs end, offers are refreshed. Every `TICK_MS`."""
        await self.lending.expire()
        await self.collecting.collect_all()
        await self.collecting.finish_all()
        await self._start_funded()
        await self.refresh_offers()
        now_ms = self.ctx.clock()
        if now_ms - self._tidied_at_ms >= TIDY_EVERY_MS:
            self._tidied_at_ms = now_ms
            await self.accounts.tidy()

    async def refresh_offers(self, *, older_than_ms: int = OFFER_EVERY_MS) -> None:
        """Counts what open jobs have to offer."""
        now_ms = self.ctx.clock()
        async with self.ctx.db.connection() as connection:
            due = await rows(connection, QUERIES.offers_to_refresh, {"before_ms": now_ms - older_than_ms})
            for (job_id,) in due:
                await connection.execute(QUERIES.refresh_offer, {"job_id": job_id, "now_ms": now_ms})

    async def _start_funded(self) -> None:
        """Announcement and funds may have been seen by two transactions that did not see each other."""
        async with self.ctx.db.connection() as connection:
            ready = [job_id for (job_id,) in await rows(connection, QUERIES.announced_and_funded)]
        for job_id in ready:
            async with self.ctx.db.transaction() as tx:
                await self.opening.start_if_ready(tx, job_id)

    # --- the end of a job -----------------------------------------------------------------------------------------

    async def _standings_changed(self, tx: Tx, sender: str, body: StandingsChanged) -> None:
        job = await lock_job(tx, body.job_id)
        if sender != job.reputation:
            raise NotYours(body.job_id, sender, "reputation oracle")
        async with tx.cursor() as cursor:
            changes = [
                {
                    **msgspec.structs.asdict(one),
                    "job_id": body.job_id,
                    "types": types_shown(one.types),
                    "counts": msgspec.json.encode(one.counts).decode(),
                }
                for one in body.standings
            ]
            await cursor.executemany(QUERIES.add_standing_change, changes)
            await cursor.executemany(
                QUERIES.put_standing,
                [
                    {
                        "worker": standing.worker,
                        "skill": standing.skill,
                        "right_micro": standing.right_micro,
                        "wrong_micro": standing.wrong_micro,
                        "score_bp": standing.score_bp,
                        "because": standing.because,
                        "at_ms": standing.at_ms,
                        "types": types_shown(standing.types),
                    }
                    for standing in body.standings
                ],
            )
            if body.prior is not None:
                learnt = {"right_micro": body.prior.right_micro, "wrong_micro": body.prior.wrong_micro}
                kind = {"task_type": parse_manifest(job.manifest).task_type, "simulated": job.simulated}
                await cursor.execute(QUERIES.put_prior, {**kind, **learnt})

    async def _job_judged(self, tx: Tx, sender: str, body: JobJudged) -> None:
        job = await lock_job(tx, body.job_id)
        if sender != job.reputation:
            raise NotYours(body.job_id, sender, "reputation oracle")
        await tx.execute(QUERIES.set_judged, {"job_id": body.job_id, "judged": canonical.encode(body)})

    async def _job_settled(self, tx: Tx, sender: str, body: JobSettled) -> None:
        job = await lock_job(tx, body.job_id)
        if sender != job.reputation:
            raise NotYours(body.job_id, sender, "reputation oracle")
        payouts: PayoutsFile | None = None
        if body.payouts_blob:
            payouts = canonical.decode(await self.ctx.blobs.get(body.payouts_blob), PayoutsFile, what="payouts")
        lines = pay_lines(body.paid_minor, payouts)
        await tx.execute(
            QUERIES.put_paid,
            {
                "job_id": body.job_id,
                "workers": [line.worker for line in lines],
                "bonus_minor": [line.bonus_minor for line in lines],
                "top_up_minor": [line.top_up_minor for line in lines],
                "learning_minor": [line.learning_minor for line in lines],
                "paid_minor": [line.paid_minor for line in lines],
            },
        )
        if payouts is not None and payouts.learned:
            await self.learning.paid(tx, job.manifest, payouts)
        await tx.execute(
            QUERIES.set_settled,
            {
                "job_id": body.job_id,
                "state": job.after("settle"),
                "settled": canonical.encode(body),
                "now_ms": self.ctx.clock(),
                "package_blob": body.package_blob,
                "package_hash": body.package_hash,
            },
        )

    # --- the desk that workers use --------------------------------------------------------------------------------

    def picture_url(self, blob: str, *, lease_until_ms: int) -> str:
        """The address of a cutting, good for as long as its lease and a little longer."""
        expires_at_ms = max(lease_until_ms, self.ctx.clock()) + PICTURE_EXTRA_MS
        return signed_url(blob, expires_at_ms=expires_at_ms, secret=self.settings.picture_secret, base="/pictures")

    async def sign_up(
        self, name: str, password: str, *, simulated: bool = False, role: str = "worker", device: str = ""
    ) -> tuple[str, Account]:
        """raises SimulatedNotAllowed, BadName, BadPassword, NameTaken, WrongRole"""
        if simulated and not self.settings.simulated_crowd:
            raise SimulatedNotAllowed
        return await self.accounts.sign_up(name, password, simulated=simulated, role=role, device=device)

    async def sign_in(self, name: str, password: str, *, device: str = "") -> tuple[str, Account]:
        """raises WrongNameOrPassword, TooManyAttempts"""
        return await self.accounts.sign_in(name, password, device=device)

    async def sign_out(self, token: str) -> None:
        await self.accounts.sign_out(token)

    async def who_is(self, token: str) -> Account | None:
        return await self.accounts.who_is(token)

    async def sessions(self, worker: str) -> list[Session]:
        return await self.accounts.sessions(worker)

    async def end_session(self, worker: str, session_id: str) -> bool:
        return await self.accounts.end_session(worker, session_id)

    async def offers(
        self,
        worker: str,
        *,
        screen_px: int | None = None,
        pointer: Literal["fine", "coarse"] | None = None,
        language: str = "en",
    ) -> list[Offer]:
        return await self.views.offers(worker, screen_px=screen_px, pointer=pointer, language=language)

    async def claim(self, worker: str, job_id: str, count: int) -> Bundle:
        """raises BadRequest, NoSuchJob, JobNotOpen, OtherCrowd, NotSignedIn, StillBusy, OwnLimitReached,
        SensitiveNotWished, ScoreTooLow, PoolMembersOnly, DayIsFull
        """
        if await self.books.check_claim(worker, job_id):
            count = await self.capping.room(worker, job_id, count)
        return await self.lending.claim(worker, job_id, count=count)

    async def submit(self, worker: str, job_id: str, answers: Sequence[Given]) -> list[Stored]:
        """raises BadRequest, StillBusy"""
        return await self.lending.submit(worker, job_id, answers)

    async def give_back(self, worker: str, job_id: str, assignment_ids: Sequence[str]) -> int:
        return await self.lending.give_back(worker, job_id, assignment_ids)

    def report_codes(self) -> list[ReportCode]:
        return [ReportCode(code, title) for code, title in REPORT_CODES.items()]

    async def report(self, worker: str, job_id: str, assignment_id: str, code: str, text: str) -> str:
        """raises BadRequest, NotLentToYou, AlreadyReported, NoSuchJob"""
        return await self.reporting.report(worker, job_id, assignment_id, code, text)

    async def jury_cases(self, worker: str) -> list[CaseView]:
        """Reports that wait for this worker's vote."""
        return [
            CaseView(
                case_id=case.case_id,
                task_id=case.task_id,
                picture_url=self.picture_url(case.picture, lease_until_ms=0),
                code=case.code,
                text=case.text,
                question=case.question,
                reward_minor=case.reward_minor,
            )
            for case in await self.reporting.cases(worker)
        ] + [
            CaseView(
                case_id=case.appeal_id,
                task_id="",
                picture_url="",
                code="appeal",
                text=case.words,
                question="",
                reward_minor=case.pays_minor,
                kind="appeal",
                exhibits=tuple(
                    ExhibitView(self.picture_url(one.picture, lease_until_ms=0), one.question, one.text)
                    for one in case.exhibits
                ),
            )
            for case in await self.appealing.cases(worker)
        ]

    async def jury_vote(self, worker: str, case_id: str, *, uphold: bool, because: str) -> None:
        """A vote on a report, or on an appeal (uphold = the worker is right).

        raises  NoSuchCase, AlreadyVoted, BadRequest
        """
        try:
            await self.reporting.vote(worker, case_id, uphold=uphold, because=because)
        except NoSuchCase:
            await self.appealing.vote(worker, case_id, grant=uphold, because=because)

    async def appeal(self, worker: str, job_id: str, words: str) -> str:
        """raises BadRequest, NoSuchJob, NothingToAppeal, TooLateToAppeal"""
        return await self.appealing.appeal(worker, job_id, words)

    async def appeals(self, worker: str) -> list[Appeal]:
        return await self.appealing.appeals_of(worker)

    async def refusals(self, worker: str) -> list[RefusalView]:
        """The worker's refused answers, newest first, with their pictures."""
        return [
            RefusalView(
                job_id=one.job_id,
                title=one.title,
                task_id=one.task_id,
                picture_url=self.picture_url(one.picture, lease_until_ms=0),
                question=one.question,
                text=one.text,
                reward_minor=one.reward_minor,
                code=one.code,
                because=one.because,
                received_at_ms=one.received_at_ms,
                can_appeal=one.can_appeal,
                appeal_id=one.appeal_id,
                currency=one.currency,
                exponent=one.exponent,
            )
            for one in await self.appealing.refusals(worker)
        ]

    async def earnings(self, worker: str) -> Earnings:
        return await self.views.earnings(worker)

    async def standings(self, worker: str) -> list[StandingView]:
        return await self.views.standings(worker)

    async def receipts(self, worker: str, job_id: str) -> list[Receipt]:
        """raises NoSuchJob"""
        return await self.views.receipts(worker, job_id)

    # --- what anyone and requesters may see -----------------------------------------------------------------------

    async def progress(self, job_id: str) -> Progress:
        """raises NoSuchJob"""
        return await self.views.progress(job_id)

    async def result_files(self, job_id: str) -> list[ResultFile] | None:
        return await self.results.files(job_id)

    async def result_file(self, job_id: str, name: str) -> tuple[bytes, str] | None:
        return await self.results.file(job_id, name)

    async def simulation_view(self, job_id: str) -> dict[str, SimulatedPiece]:
        """For the demo's simulated crowd alone. raises NoSuchJob"""
        return await self.views.simulation_view(job_id)
