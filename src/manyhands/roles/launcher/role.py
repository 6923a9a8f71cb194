"""The launcher at work: functions for command line and site, and what it does with messages and chain events."""

from __future__ import annotations

import io
import mimetypes
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from manyhands.ledger import outbox
from manyhands.ledger.as_told import ChainNotReady
from manyhands.ledger.desk import Desk, DeskEvent, StakeMissing
from manyhands.pricing import BudgetBelowQuote, Quote, daily_cap_of
from manyhands.protocol import canonical
from manyhands.protocol.errors import BadManifest, IllegalMove, ManyhandsError, ProtocolError
from manyhands.protocol.manifest import Manifest, cap_parts_of, parse_manifest, pool_of
from manyhands.protocol.messages import (
    CancelRequested,
    DocumentRef,
    DocumentsHanded,
    Envelope,
    HoldbackHanded,
    JobFunded,
    JobJudged,
    JobSettled,
    PageRef,
    ReportRuled,
    Role,
    RouteDecided,
    RouteRequested,
    Routing,
    encode_envelope,
    open_envelope,
)
from manyhands.protocol.money import Currency
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, row_of, rows, scalar
from manyhands.store.errors import StoreError
from manyhands.store.sql import load_queries

from .errors import JobRefused, NotYours, PoolTooSmall, RequestKeyReused, TooFewWorkers, UnknownJob
from .plan import (
    LaunchPolicy,
    check_budget,
    job_id_of,
    known_for_skill,
    plan,
    request_hash,
    request_key_of,
    route_problem,
    verbs_to_settling,
)
from .purses import Purses, PurseTooSmall
from .values import (
    DocumentView,
    EventView,
    ImportedDocumentRef,
    ImportedPageRef,
    JobSummary,
    JobView,
    JudgedView,
    LaunchOptions,
    ResultFile,
    ResultsView,
    RoutingView,
    SettledView,
)
from .webhooks import Webhooks

QUERIES = load_queries("manyhands.roles.launcher", "sql")

CountWorkers = Callable[[str], Awaitable[int | None]]
"""Work pool, "" = everybody -> people who could work; None = not known."""
"""How many workers are signed up where jobs can go, None when nobody can say."""

TOLD_OF_FUNDS: tuple[Role, ...] = ("exchange", "recording", "reputation", "jury")


async def _nobody_counted(pool: str) -> int | None:
    return None


@dataclass(frozen=True)
class JobRow:
    """A row of launcher.jobs."""

    job_id: str
    requester: str
    state: str
    because: str
    manifest: bytes
    manifest_blob: str
    quote: bytes
    workers_needed: int
    created_at_ms: int
    approved_at_ms: int | None
    router: str
    route_attempt: int
    avoid_chain_ids: list[int]
    routing: bytes | None
    launch_tx: str
    escrow: str
    token: str
    funded_minor: int
    cancel_because: str | None
    judged: bytes | None
    settled: bytes | None

    def parsed(self) -> Manifest:
        return parse_manifest(self.manifest)

    def parsed_quote(self) -> Quote:
        quote: Quote = canonical.decode(self.quote, Quote, what="quote")
        return quote

    def route(self) -> Routing:
        """raises IllegalMove before the job has a route"""
        if self.routing is None:
            raise IllegalMove(f"job {self.job_id}", self.state, "use a route")
        routing: Routing = canonical.decode(self.routing, Routing, what="routing")
        return routing


class Launcher:
    """One launcher. `desk` is its place at the ledger: the only way it touches money."""

    def __init__(
        self,
        ctx: RoleContext,
        desk: Desk,
        *,
        policy: LaunchPolicy | None = None,
        count_workers: CountWorkers = _nobody_counted,
        webhooks: Webhooks | None = None,
        purses: Purses | None = None,
    ) -> None:
        self.ctx, self.desk, self.policy = ctx, desk, policy or LaunchPolicy()
        self._count_workers, self.webhooks, self.purses = count_workers, webhooks, purses

    async def workers_there(self, pool: str = "") -> int | None:
        """How many people could work: those signed up, or a work pool's members. None = nobody can say."""
        return await self._count_workers(pool)

    def jobs(self) -> Mapping[str, Callable[..., Awaitable[None]]]:
        """Background work of this role: none."""
        return {}

    # --- for the requester ----------------------------------------------------------------------------------------

    async def draft(
        self, documents: Sequence[ImportedDocumentRef], options: LaunchOptions, *, now_ms: int | None = None
    ) -> JobView:
        """Stores documents and quote as a job; nothing is sent or charged before `approve`.

        The same request again gives the same job, whatever has become of it; only a refused one makes room for a new.
        documents  their blobs are stored already
        raises     BadManifest naming the field, RequestKeyReused
        """
        at_ms = self.ctx.clock() if now_ms is None else now_ms
        known = self.desk.chains.ids()
        if strange := set(options.wishes.chain_ids).difference(known):
            wished, served = (", ".join(map(str, sorted(ids))) for ids in (strange, known))
            raise BadManifest("wishes.chain_ids", f"no jobs run on chain {wished} here; known: {served}")
        request_key = request_key_of(documents, options, now_ms=at_ms)
        hashed = request_hash(documents, options)
        who = {"requester": options.requester, "request_key": request_key}
        async with self.ctx.db.transaction() as tx:
            await tx.execute(QUERIES.lock_request, who)
            found = await rows(tx, QUERIES.last_of_request, who)
            attempt = 1
            for job_id, last_attempt, last_hash, state in found:
                if state == "refused":
                    attempt = last_attempt + 1
                elif last_hash != hashed:
                    raise RequestKeyReused(request_key, job_id=job_id)
                else:
                    return await self._view(tx, job_id)
            job_id = job_id_of(launcher=self.ctx.address, attempt=attempt, **who)
            planned = plan(documents, options, policy=self.policy, job_id=job_id, now_ms=at_ms)
            raw = canonical.encode(planned.manifest)
            await tx.execute(
                QUERIES.add_job,
                {
                    "job_id": job_id,
                    **who,
                    "attempt": attempt,
                    "request_hash": hashed,
                    "manifest": raw,
                    "manifest_blob": await self.ctx.blobs.put(raw, media_type="application/json", namespace=job_id),
                    "quote": canonical.encode(planned.quote),
                    "quote_minor": planned.quote.total_minor,
                    "workers_needed": planned.workers_needed,
                    "created_at_ms": at_ms,
                },
            )
            async with tx.cursor() as cursor:
                await cursor.executemany(
                    QUERIES.add_document,
                    [
                        {
                            "job_id": job_id,
                            "doc_id": document.doc_id,
                            "place": place,
                            "kind": document.kind,
                            "content_hash": document.content_hash,
                            "pages": canonical.encode(document.pages),
                            "page_count": len(document.pages),
                            "truth_blob": document.truth_blob,
                        }
                        for place, document in enumerate(documents)
                    ],
                )
            await self._move(tx, job_id, "draft", "quote", f"quoted at {planned.quote.total}")
            return await self._view(tx, job_id)

    async def quote(self, job_id: str) -> Quote:
        """The quote of a job, line by line. raises UnknownJob"""
        async with self.ctx.db.connection() as connection:
            return (await self._read(connection, job_id)).parsed_quote()

    async def approve(self, job_id: str) -> JobView:
        """The requester agrees to the quote: the job goes on its way. Doing it twice is doing it once.

        raises  UnknownJob, JobRefused; BudgetBelowQuote, TooFewWorkers, PoolTooSmall and PurseTooSmall refuse the job,
                and nothing is charged
        """
        async with self.ctx.db.connection() as connection:
            pool = pool_of((await self._read(connection, job_id)).parsed())
        available = await self._count_workers(pool)
        problem: ManyhandsError | None = None
        async with self.ctx.db.transaction() as tx:
            job = await self._lock(tx, job_id)
            if job.state == "refused":
                raise JobRefused(job_id, job.because)
            if job.approved_at_ms is not None:
                return await self._view(tx, job_id)
            problem = self._objection(job, available) or await self._held(tx, job)
            if problem is not None:
                await self._move(tx, job_id, job.state, "refuse", problem.message)
            else:
                await tx.execute(QUERIES.set_approved, {"job_id": job_id, "at_ms": self.ctx.clock()})
                await self._event(tx, job_id, "approved", f"the requester agreed to {job.parsed_quote().total}")
                await self._ask_route(tx, job, attempt=1, avoid=[])
                return await self._view(tx, job_id)
        raise problem

    @staticmethod
    def _objection(job: JobRow, available: int | None) -> ManyhandsError | None:
        """What stands against funding this job."""
        manifest = job.parsed()
        try:
            check_budget(manifest, job.parsed_quote())
        except BudgetBelowQuote as too_little:
            return too_little
        people = manifest.crowd == "people"  # simulated ones are made when they are needed
        pool = pool_of(manifest)
        if pool and people and available is not None and available < job.workers_needed:
            return PoolTooSmall(pool, needed=job.workers_needed, available=available)
        if manifest.privacy == "strict" and people and available is not None and available < job.workers_needed:
            return TooFewWorkers(needed=job.workers_needed, available=available, privacy=manifest.privacy)
        return None

    async def _held(self, tx: Tx, job: JobRow) -> PurseTooSmall | None:
        """Holds what the job can cost in its requester's purse, or says why not."""
        if self.purses is None:
            return None
        try:
            await self.purses.hold(tx, job.requester, job_id=job.job_id, amount=job.parsed_quote().total)
        except PurseTooSmall as refusal:
            return refusal
        return None

    async def cancel(self, job_id: str, because: str = "") -> JobView:
        """Ends a job early: no more work is asked for, what was accepted is paid, the rest comes back.

        Before any money moved the job is refused on the requester's word; while its escrow is being launched the wish
        is kept until it is open. Doing it twice is doing it once.
        raises  UnknownJob, IllegalMove for a job that is recorded, settled or closed
        """
        reason = because or "cancelled by the requester"
        async with self.ctx.db.transaction() as tx:
            job = await self._lock(tx, job_id)
            match job.state:
                case "quoted":
                    await self._move(tx, job_id, "quoted", "refuse", reason)
                case "routed" | "funding":
                    await tx.execute(
                        QUERIES.set_cancel, {"job_id": job_id, "because": reason, "at_ms": self.ctx.clock()}
                    )
                    await self._event(tx, job_id, "cancel wanted", reason)
                case "open":
                    await self._cancel_open(tx, job, reason)
                case "refused" | "cancelling":
                    pass
                case state:
                    raise IllegalMove(f"job {job_id}", state, "cancel")
            return await self._view(tx, job_id)

    async def view(self, job_id: str) -> JobView:
        """The job for web and command line. raises UnknownJob"""
        async with self.ctx.db.connection() as connection:
            return await self._view(connection, job_id)

    def currency_of(self, view: JobView) -> Currency:
        """A job's currency as this operator calls it, also of a token that is no longer paid in here."""
        known = self.policy.currencies.get(view.currency)
        return known if known and known.exponent == view.exponent else Currency(view.currency, view.exponent)

    def unit_of(self, view: JobView) -> int:
        """Base units of a job's token in a minor unit of its currency; 1 before it has a chain, or where it is gone."""
        token = self.desk.chains.token_at(view.routing.chain_id, view.token) if view.routing and view.token else None
        return 1 if token is None else token.unit

    async def documents(self, job_id: str) -> list[DocumentView]:
        """The job's documents in the order given. raises UnknownJob"""
        async with self.ctx.db.connection() as connection:
            await self._read(connection, job_id)
            found = await rows(connection, QUERIES.documents_of, {"job_id": job_id})
        return [
            DocumentView(doc_id=doc_id, kind=kind, pages=page_count, has_truth=bool(truth_blob))
            for doc_id, kind, _, _, page_count, truth_blob in found
        ]

    async def list_jobs(self, *, requester: str | None = None, limit: int = 200) -> list[JobSummary]:
        """Jobs, newest first; of one requester or of all."""
        async with self.ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.list_jobs, {"requester": requester, "limit": limit})
        return [
            _summary(job_id, state, parse_manifest(raw), quote_minor, funded_minor, paid_minor, created_at_ms)
            for job_id, state, raw, quote_minor, funded_minor, paid_minor, created_at_ms in found
        ]

    async def results(self, job_id: str) -> ResultsView:
        """What was delivered, file by file. ready is False until the job is settled. raises UnknownJob"""
        settled = await self._settlement(job_id)
        if settled is None:
            return ResultsView(
                job_id=job_id, ready=False, accepted=False, package_blob="", package_hash="", payouts_blob="", files=()
            )
        files: tuple[ResultFile, ...] = ()
        if settled.package_blob:
            with zipfile.ZipFile(io.BytesIO(await self.ctx.blobs.get(settled.package_blob))) as package:
                files = tuple(
                    ResultFile(
                        name=entry.filename,
                        size_bytes=entry.file_size,
                        media_type=mimetypes.guess_type(entry.filename)[0] or "application/octet-stream",
                    )
                    for entry in package.infolist()
                    if not entry.is_dir()
                )
        return ResultsView(
            job_id=job_id,
            ready=True,
            accepted=settled.accepted,
            package_blob=settled.package_blob,
            package_hash=settled.package_hash,
            payouts_blob=settled.payouts_blob,
            files=files,
        )

    async def result_file(self, job_id: str, name: str) -> bytes | None:
        """One file of the package; None when there is none of that name. raises UnknownJob"""
        settled = await self._settlement(job_id)
        if settled is None or not settled.package_blob:
            return None
        with zipfile.ZipFile(io.BytesIO(await self.ctx.blobs.get(settled.package_blob))) as package:
            try:
                return package.read(name)
            except KeyError:
                return None

    async def route_statement(self, job_id: str) -> bytes | None:
        """The router's decision as it was signed, for an auditor; None before there is one."""
        async with self.ctx.db.connection() as connection:
            raw = await scalar(connection, QUERIES.route_envelope_of, {"job_id": job_id})
        return None if raw is None else bytes(raw)

    async def tick(self) -> None:
        """Asks the chain to end jobs whose cancellation the oracles have left lying."""
        async with self.ctx.db.transaction() as tx:
            before_ms = self.ctx.clock() - self.policy.cancel_patience_ms
            for job_id, raw, escrow in await rows(tx, QUERIES.silent_cancellations, {"before_ms": before_ms}):
                chain_id = canonical.decode(raw, Routing).chain_id
                tx_hash = await self.desk.ask_cancellation(tx, job_id=job_id, chain_id=chain_id, escrow=escrow)
                await tx.execute(QUERIES.set_cancel_tx, {"job_id": job_id, "tx_hash": str(tx_hash or "")})
                await self._event(tx, job_id, "cancellation asked on chain", "the oracles have not ended the job")

    # --- from the other roles -------------------------------------------------------------------------------------

    async def on_message(self, tx: Tx, envelope: Envelope) -> None:
        """Applies one checked message. raises ProtocolError to refuse it for good"""
        body, sender = open_envelope(envelope), envelope.sender
        match body:
            case RouteDecided():
                await self._route_decided(tx, sender, body, envelope)
            case JobJudged():
                await self._job_judged(tx, sender, body)
            case JobSettled():
                await self._job_settled(tx, sender, body)
            case ReportRuled():
                await self._report_ruled(tx, sender, body)
            case _:
                raise ProtocolError(f"the launcher takes no {type(body).__name__}")

    async def _ask_route(self, tx: Tx, job: JobRow, *, attempt: int, avoid: Sequence[int]) -> None:
        routers = self.ctx.directory.all_of("router")
        if not routers:
            await self._move(tx, job.job_id, "quoted", "refuse", "this launcher knows no router")
            return
        router = routers[0].address
        await tx.execute(
            QUERIES.set_route_asked,
            {"job_id": job.job_id, "router": router, "attempt": attempt, "avoid": list(avoid)},
        )
        body = RouteRequested(
            job_id=job.job_id, manifest=job.parsed(), attempt=attempt, avoid_chain_ids=tuple(sorted(set(avoid)))
        )
        await self.ctx.send(tx, body, to_role="router", to=router)

    async def _route_decided(self, tx: Tx, sender: str, body: RouteDecided, envelope: Envelope) -> None:
        job = await self._lock_for(tx, body.job_id)
        if sender != job.router:
            raise NotYours(body.job_id, sender, "router")
        if job.state != "quoted" or body.attempt != job.route_attempt:
            return  # cancelled meanwhile, or an answer to an earlier question
        if not body.found:
            await self._move(tx, job.job_id, "quoted", "refuse", f"no route: {body.routing.reason}")
            return
        routing, manifest = body.routing, job.parsed()
        problem = route_problem(manifest, routing, self.ctx.directory, avoid=job.avoid_chain_ids)
        if problem:
            await self._move(tx, job.job_id, "quoted", "refuse", f"the route can't be taken: {problem}")
            return
        try:
            async with tx.transaction():  # a savepoint: what the desk refused leaves nothing behind
                await self._fund(tx, job, manifest, routing, envelope)
        except StoreError:
            raise
        except (StakeMissing, ChainNotReady) as refusal:
            if self.ctx.clock() - (job.approved_at_ms or 0) < self.policy.stake_wait_ms:
                raise  # a young platform: the stake is on its way to the chain, and the message is tried again
            await self._try_another(tx, job, routing.chain_id, refusal)
        except ManyhandsError as refusal:
            await self._try_another(tx, job, routing.chain_id, refusal)

    async def _fund(self, tx: Tx, job: JobRow, manifest: Manifest, routing: Routing, envelope: Envelope) -> None:
        """Takes the route and launches the escrow: one act with the signed transaction."""
        quote = job.parsed_quote()
        await self.desk.need_stake(tx, chain_id=routing.chain_id, minimum_minor=self.policy.stake_min_minor)
        await tx.execute(
            QUERIES.set_routing,
            {
                "job_id": job.job_id,
                "routing": canonical.encode(routing),
                "envelope": encode_envelope(envelope),
            },
        )
        await self._move(tx, job.job_id, "quoted", "route", routing.reason)
        tx_hash = await self.desk.launch_escrow(
            tx,
            job_id=job.job_id,
            chain_id=routing.chain_id,
            currency=manifest.pay.currency,
            amount_minor=quote.total_minor,
            reputation=routing.reputation,
            recording=routing.recording,
            exchange=routing.exchange,
            fees_bp=(manifest.fees.reputation_bp, manifest.fees.recording_bp, manifest.fees.exchange_bp),
            manifest_hash=manifest.hash,
            manifest_url=_url_of(manifest),
            cap_parts=cap_parts_of(manifest),
            promised_minor=int(await scalar(tx, QUERIES.promised_to_capped, {"currency": manifest.pay.currency})),
        )
        await tx.execute(QUERIES.set_launch_tx, {"job_id": job.job_id, "tx_hash": tx_hash})
        await self._move(tx, job.job_id, "routed", "fund", f"the escrow is being launched with {quote.total}")

    async def _try_another(self, tx: Tx, job: JobRow, chain_id: int, refusal: ManyhandsError) -> None:
        """Money can't move on that chain: asks for a route elsewhere, or gives the job up."""
        reason = refusal.message + (f" {refusal.cure}" if refusal.cure else "")
        if job.route_attempt >= self.policy.route_attempts_max:
            await self._move(tx, job.job_id, "quoted", "refuse", reason)
            return
        await self._event(tx, job.job_id, "rerouted", f"chain {chain_id} is out: {reason}")
        await self._ask_route(tx, job, attempt=job.route_attempt + 1, avoid=[*job.avoid_chain_ids, chain_id])

    async def on_chain_event(self, tx: Tx, event: DeskEvent) -> None:
        """The chain's own word: that the escrow exists opens the job; a requester's tokens are a deposit."""
        if event.name == "Transfer" and self.purses is not None:
            await self.purses.on_transfer(tx, event)
        if event.name == "Fund":
            await self._capped_is_set_up(tx, event)
        if event.name != "LaunchedV2":
            return
        job = await row_of(tx, JobRow, QUERIES.lock_job, {"job_id": str(event.args["jobRequesterId"])})
        if job is None or job.state != "funding" or job.route().chain_id != event.chain_id:
            return
        if not await self._signed_here(tx, event, job.job_id):
            return  # anyone may launch an escrow that names this job
        escrow, token = str(event.args["escrow"]).lower(), str(event.args["token"]).lower()
        if cap_parts_of(job.parsed()):
            await self._set_up_capped(tx, job, escrow=escrow, token=token)
        else:
            await self._opened(tx, job, escrow=escrow, token=token)

    async def _set_up_capped(self, tx: Tx, job: JobRow, *, escrow: str, token: str) -> None:
        """The escrow is made and empty: its cap is set, then it is funded and set up. Told twice it is done once."""
        made = {"job_id": job.job_id, "escrow": escrow, "token": token}
        if await scalar(tx, QUERIES.set_made, made) is None:
            return
        manifest, routing = job.parsed(), job.route()
        await self.desk.set_up_capped(
            tx,
            job_id=job.job_id,
            chain_id=routing.chain_id,
            escrow=escrow,
            token=token,
            amount_minor=job.parsed_quote().total_minor,
            cap_parts=cap_parts_of(manifest),
            reputation=routing.reputation,
            recording=routing.recording,
            exchange=routing.exchange,
            fees_bp=(manifest.fees.reputation_bp, manifest.fees.recording_bp, manifest.fees.exchange_bp),
            manifest_hash=manifest.hash,
            manifest_url=_url_of(manifest),
        )
        await self._event(tx, job.job_id, "escrow made", f"escrow {escrow} gets its daily cap, its funds and its setup")

    async def _capped_is_set_up(self, tx: Tx, event: DeskEvent) -> None:
        """The chain's word that an escrow with a daily cap holds its funds and has its oracles."""
        for job_id, token in await rows(tx, QUERIES.funding_into, {"escrow": event.address}):
            job = await self._lock(tx, job_id)
            if job.state == "funding" and job.route().chain_id == event.chain_id:
                await self._opened(tx, job, escrow=event.address, token=token)

    async def _opened(self, tx: Tx, job: JobRow, *, escrow: str, token: str) -> None:
        """The escrow stands and is funded: the job is open, and everyone is told."""
        funded_minor = job.parsed_quote().total_minor
        await tx.execute(
            QUERIES.set_escrow, {"job_id": job.job_id, "escrow": escrow, "token": token, "funded_minor": funded_minor}
        )
        await self._move(tx, job.job_id, "funding", "funded", f"escrow {escrow} holds {job.parsed_quote().total}")
        await self._tell_everyone(tx, job, escrow=escrow, token=token, funded_minor=funded_minor)
        if job.cancel_because is not None:
            await self._cancel_open(tx, job, job.cancel_because)

    @staticmethod
    async def _signed_here(tx: Tx, event: DeskEvent, job_id: str) -> bool:
        """Whether the event comes from the launch signed here, in whichever of its forms (a higher fee signs anew)."""
        purposes = [f"launch:{job_id}"]
        attempts = await rows(tx, outbox.QUERIES.attempts_of, {"chain_id": event.chain_id, "purposes": purposes})
        return event.tx_hash.lower() in {tx_hash for _, tx_hash, *_ in attempts}

    async def _tell_everyone(self, tx: Tx, job: JobRow, *, escrow: str, token: str, funded_minor: int) -> None:
        routing = job.route()
        funded = JobFunded(
            job_id=job.job_id,
            manifest=job.parsed(),
            routing=routing,
            escrow=escrow,
            token=token,
            funded_minor=funded_minor,
            launcher=self.ctx.address,
        )
        for role in TOLD_OF_FUNDS:
            await self.ctx.send(tx, funded, to_role=role, to=getattr(routing, role))
        documents: list[DocumentRef] = []
        truths: dict[str, str] = {}
        for doc_id, kind, _, raw, _, truth_blob in await rows(tx, QUERIES.documents_of, {"job_id": job.job_id}):
            pages = canonical.decode(raw, tuple[ImportedPageRef, ...], what="pages")
            documents.append(
                DocumentRef(
                    doc_id=doc_id,
                    kind=kind,
                    pages=tuple(
                        PageRef(
                            page_no=page.page_no,
                            blob=page.blob,
                            width=page.width,
                            height=page.height,
                            text_blob=page.text_blob,
                            questions=page.questions,
                            known=page.known,
                        )
                        for page in pages
                    ),
                )
            )
            if truth_blob:
                truths[doc_id] = truth_blob
        # half of what the requester knows measures workers, the other half judges the whole and is told to one alone
        for_skill = known_for_skill(truths, job_id=job.job_id)
        documents = [
            msgspec.structs.replace(one, truth_blob=truths.pop(one.doc_id)) if one.doc_id in for_skill else one
            for one in documents
        ]
        handed = DocumentsHanded(job_id=job.job_id, documents=tuple(documents))
        await self.ctx.send(tx, handed, to_role="exchange", to=routing.exchange)
        if truths:
            holdback = HoldbackHanded(job_id=job.job_id, truth_blobs=truths)
            await self.ctx.send(tx, holdback, to_role="reputation", to=routing.reputation)

    async def _job_judged(self, tx: Tx, sender: str, body: JobJudged) -> None:
        job = await self._lock_for(tx, body.job_id)
        self._need_party(job, sender, "reputation")
        word = "accepted" if body.accepted else "below its benchmark"
        await self._to_settling(tx, job, f"judged {word}, resting on {body.rests_on}")
        await tx.execute(QUERIES.set_judged, {"job_id": job.job_id, "judged": canonical.encode(body)})

    async def _job_settled(self, tx: Tx, sender: str, body: JobSettled) -> None:
        job = await self._lock_for(tx, body.job_id)
        self._need_party(job, sender, "reputation")
        await self._to_settling(tx, job, "settled")
        await self._move(
            tx,
            job.job_id,
            "settling",
            "paid",
            f"{len(body.paid_minor)} workers are paid or credited, the rest is refunded, the results are delivered",
        )
        await tx.execute(
            QUERIES.set_settled,
            {
                "job_id": job.job_id,
                "settled": canonical.encode(body),
                "paid_minor": sum(body.paid_minor.values()),
            },
        )
        if self.purses is not None:
            held = job.parsed_quote().total
            await self.purses.bill(tx, job.requester, job_id=job.job_id, held=held, refunded_minor=body.refunded_minor)

    async def _to_settling(self, tx: Tx, job: JobRow, because: str) -> None:
        """Makes the moves that still lie between the job and its settling. raises IllegalMove before it is open"""
        verbs = verbs_to_settling(job.state)
        if verbs is None:
            raise IllegalMove(f"job {job.job_id}", job.state, "judge")
        for verb in verbs:
            await self._move(tx, job.job_id, job.state, verb, because)

    async def _report_ruled(self, tx: Tx, sender: str, body: ReportRuled) -> None:
        """An upheld report ends the job: the contract has slashed the stake and stopped the escrow already."""
        job = await self._lock_for(tx, body.job_id)
        self._need_party(job, sender, "jury")
        votes = f"{body.votes_for} to {body.votes_against}"
        if not body.uphold:
            await self._event(tx, job.job_id, "report cleared", f"report {body.report_id} had no ground, {votes}")
            return
        reason = f"a jury upheld report {body.report_id} with {votes}; the stake was slashed"
        await self._event(tx, job.job_id, "report upheld", reason)
        if job.state == "open":
            await self._cancel_open(tx, job, reason)

    # --- small things ---------------------------------------------------------------------------------------------

    async def _cancel_open(self, tx: Tx, job: JobRow, because: str) -> None:
        await tx.execute(QUERIES.set_cancel, {"job_id": job.job_id, "because": because, "at_ms": self.ctx.clock()})
        await self._move(tx, job.job_id, "open", "cancel", because)
        body = CancelRequested(job_id=job.job_id, because=because)
        await self.ctx.send(tx, body, to_role="exchange", to=job.route().exchange)

    async def _move(self, tx: Tx, job_id: str, state: str, verb: str, because: str) -> None:
        """Moves a job on. raises IllegalMove when the life cycle has no such move from where it stands"""
        to_state = await scalar(tx, QUERIES.move, {"job_id": job_id, "verb": verb, "because": because})
        if to_state is None:
            raise IllegalMove(f"job {job_id}", state, verb)
        await self._event(tx, job_id, str(to_state), because)
        if verb == "refuse" and self.purses is not None:
            job = await self._read(tx, job_id)
            total = job.parsed_quote().total
            await self.purses.release(tx, job.requester, job_id=job_id, amount=total, because=because)

    async def _event(self, tx: Tx, job_id: str, name: str, because: str) -> None:
        values = {"job_id": job_id, "at_ms": self.ctx.clock(), "name": name, "because": because}
        event_no = await scalar(tx, QUERIES.add_event, values)
        if self.webhooks is not None:
            await self.webhooks.on_event(tx, job_id, event_no)

    async def _lock(self, tx: Tx, job_id: str) -> JobRow:
        job = await row_of(tx, JobRow, QUERIES.lock_job, {"job_id": job_id})
        if job is None:
            raise UnknownJob(job_id)
        return job

    async def _lock_for(self, tx: Tx, job_id: str) -> JobRow:
        """As `_lock`, for a message: one about a job unknown here is refused for good."""
        job = await row_of(tx, JobRow, QUERIES.lock_job, {"job_id": job_id})
        if job is None:
            raise ProtocolError(f"job {job_id} was not launched here")
        return job

    async def _read(self, tx: Tx, job_id: str) -> JobRow:
        job = await row_of(tx, JobRow, QUERIES.read_job, {"job_id": job_id})
        if job is None:
            raise UnknownJob(job_id)
        return job

    @staticmethod
    def _need_party(job: JobRow, sender: str, role: Role) -> None:
        if job.routing is None or getattr(job.route(), role) != sender:
            raise NotYours(job.job_id, sender, role)

    async def _settlement(self, job_id: str) -> JobSettled | None:
        async with self.ctx.db.connection() as connection:
            job = await self._read(connection, job_id)
        return None if job.settled is None else _settled(job.settled)

    async def _view(self, tx: Tx, job_id: str) -> JobView:
        job = await self._read(tx, job_id)
        manifest, quote = job.parsed(), job.parsed_quote()
        happened = await rows(tx, QUERIES.events_of, {"job_id": job_id})
        return JobView(
            job_id=job_id,
            title=manifest.title,
            description=manifest.description,
            requester=job.requester,
            task_type=manifest.task_type,
            content_class=manifest.content_class,
            privacy=manifest.privacy,
            machine=manifest.machine,
            simulated=manifest.crowd == "simulated",
            state=job.state,
            approved=job.approved_at_ms is not None,
            because=job.because,
            currency=manifest.pay.currency,
            exponent=manifest.pay.money.exponent,
            pay_per_hour_minor=manifest.pay.per_hour_minor,
            floor_per_hour_minor=manifest.pay.floor_per_hour_minor,
            documents=manifest.document_count,
            pages=manifest.page_count,
            workers_needed=job.workers_needed,
            quote_lines=quote.lines,
            quote_expected_minor=quote.expected_minor,
            quote_total_minor=quote.total_minor,
            quote_rests_on=quote.rests_on,
            daily_cap=daily_cap_of(quote, cap_parts_of(manifest)),
            budget_minor=manifest.budget_minor,
            funded_minor=job.funded_minor,
            routing=_routing_view(job),
            escrow=job.escrow,
            token=job.token,
            launch_transaction=job.launch_tx,
            judged=_judged_view(job.judged),
            settled=_settled_view(job.settled),
            created_at_ms=job.created_at_ms,
            events=tuple(EventView(at_ms=at_ms, name=name, because=because) for at_ms, name, because in happened),
        )


def _routing_view(job: JobRow) -> RoutingView | None:
    if job.routing is None:
        return None
    return RoutingView(router=job.router, **msgspec.structs.asdict(job.route()))


def _judged_view(raw: bytes | None) -> JudgedView | None:
    if raw is None:
        return None
    body: JobJudged = canonical.decode(raw, JobJudged)
    return JudgedView(
        accepted=body.accepted, measured_bp=body.measured_bp, lower_bp=body.lower_bp, rests_on=body.rests_on
    )


def _settled(raw: bytes) -> JobSettled:
    body: JobSettled = canonical.decode(raw, JobSettled)
    return body


def _settled_view(raw: bytes | None) -> SettledView | None:
    if raw is None:
        return None
    body = _settled(raw)
    return SettledView(
        accepted=body.accepted,
        paid_minor=sum(body.paid_minor.values()),
        workers_paid=len(body.paid_minor),
        fees_minor=body.fees_minor,
        refunded_minor=body.refunded_minor,
        payouts_blob=body.payouts_blob,
        transactions=body.transactions,
    )


def _summary(
    job_id: str,
    state: str,
    manifest: Manifest,
    quote_minor: int,
    funded_minor: int,
    paid_minor: int,
    created_at_ms: int,
) -> JobSummary:
    return JobSummary(
        job_id=job_id,
        title=manifest.title,
        requester=manifest.requester,
        task_type=manifest.task_type,
        simulated=manifest.crowd == "simulated",
        state=state,
        documents=manifest.document_count,
        pages=manifest.page_count,
        currency=manifest.pay.currency,
        exponent=manifest.pay.money.exponent,
        quote_total_minor=quote_minor,
        funded_minor=funded_minor,
        paid_minor=paid_minor,
        created_at_ms=created_at_ms,
    )


def _url_of(manifest: Manifest) -> str:
    return f"urn:sha256:{manifest.hash}"
