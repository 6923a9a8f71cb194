"""From a funded job to open tasks: pages are read, cut, drawn, and the tasks are told to the recording oracle.

Rules kept here
- Nothing is read before the chain shows the job's funds: a stranger's announcement costs no processor time.
- Nobody works for an escrow that is not the one that was announced: another token, other keys, other fees.
- Work on pages is lock-free, may run twice and on many hosts; the last page, found by a counter in the job's row,
  starts the next stage in the same transaction that counted it.
- Heavy work (readers, pixels) runs in a thread of a worker process and outside transactions.
- A page that nobody can decode does not stop the others: it is delivered without text, with the reason.

Stages: announced -> reading (one piece of work per page) -> cutting (one for the job, then one per page) -> open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from manyhands.documents.model import Choice, Straight  # plain values: they stay light
from manyhands.ledger.as_told import ChainNotReady, EscrowNotAsTold, EscrowNotSeenYet, EscrowTold, HeldToChain
from manyhands.protocol import canonical
from manyhands.protocol.ids import digest
from manyhands.protocol.lifecycles import move
from manyhands.protocol.manifest import Manifest, Scope, UnseenAudit, cap_parts_of, parse_manifest, pool_of
from manyhands.protocol.messages import (
    BATCH_MAX,
    REQUESTER,
    DocumentsHanded,
    JobFunded,
    PageRef,
    Routing,
    TaskFacts,
    TasksOpened,
)
from manyhands.quality.gold import known_questions_most
from manyhands.roles import RoleContext
from manyhands.store.database import Database, Tx, row_of, rows, rows_of, scalar
from manyhands.store.jobs import enqueue_many
from manyhands.store.sql import load_queries
from manyhands.task_types.field_choice import NONE

from .alikes import with_look_alikes
from .auditing import AUDITED_POLICY, with_audit
from .decisions import (
    EXCHANGE_JOB_MOVES,
    GOLD_VIEWS_MOST,
    PageAsk,
    PiecePlan,
    TaskPlan,
    ask_id_of,
    batches_of,
    choose_gold,
    gold_answers_most,
    gold_seed,
    job_salt,
    keep_scope,
    plan_asks,
    plan_pieces,
    plan_tasks,
)
from .errors import NotYours, UnknownJob
from .fitting import needs_of
from .known_asks import at_most_as_much_known_as_asked, made_choices, spread_views, with_known_questions

if TYPE_CHECKING:
    from manyhands.documents.fields import KindSpec

QUERIES = load_queries("manyhands.roles.exchange")

logger = logging.getLogger(__name__)

OCR_QUEUE = "ocr"
"""Cutting and drawing: it needs the platform's secrets."""
READING_QUEUE = "reading"
"""Reading: it needs pages and readers alone, so that hosts of their own can do it."""
READ_PAGE = "exchange.read_page"
CUT_JOB = "exchange.cut_job"
DRAW_PAGE = "exchange.draw_page"

EVERYBODYS, DISPUTED, RESERVE = 0, 1, 2
"""Queues of tasks, as the tables have them."""

POLICY_NAMES = {"agreeing_readers": "agreement", "none": "none"}
"""Machine policy of a manifest -> acceptance policy of `documents`."""

PUTS_AT_ONCE = 8

PAGE_TASK_TYPES = ("verify_claim", "reconcile")
"""Task types that ask about whole pages, with questions that come with them."""

KEYED_OF_CHOICE = 2
"""Pieces keyed for one choice at most, on the mean of a job: an address takes three lines, a total one."""

FIELD_CHOICE = "field_choice"
"""The task type whose jobs ask where the fields stand, then key what was chosen and nothing else."""


@dataclass(frozen=True)
class JobRow:
    """A locked row of exchange.jobs."""

    job_id: str
    state: str
    manifest: bytes
    routing: bytes
    simulated: bool
    launcher: str
    recording: str
    reputation: str
    jury: str
    chain_id: int
    escrow: str
    funded_minor: int
    pages_total: int
    pages_unread: int
    pages_undrawn: int
    tasks_total: int
    undecided: int
    task_batches: int
    answer_batches: int
    recorded_batches: int
    effort_cap_factor: int
    rounds: int

    def parsed(self) -> Manifest:
        return parse_manifest(self.manifest)

    def route(self) -> Routing:
        route: Routing = canonical.decode(self.routing, Routing, what="routing")
        return route

    def told(self) -> EscrowTold:
        """What the launcher said of the escrow."""
        return EscrowTold.of(
            self.parsed(), self.route(), job_id=self.job_id, escrow=self.escrow, launcher=self.launcher
        )

    def after(self, verb: str) -> str:
        """The state after a move. raises IllegalMove"""
        return move(EXCHANGE_JOB_MOVES, f"job {self.job_id}", self.state, verb)


@dataclass(frozen=True)
class PageRow:
    """A row of exchange.pages, with its job's state."""

    job_id: str
    page_key: int
    doc_id: str
    page_no: int
    kind: str
    blob: str
    width_px: int
    height_px: int
    state: str
    readings: bytes | None
    pieces: bytes | None
    failed: str | None
    text_blob: str
    truth_blob: str
    asks: bytes | None
    job_state: str

    def asked(self) -> list[PageAsk]:
        """Questions about the page that are more than one of its pieces."""
        return msgspec.json.decode(self.asks, type=list[PageAsk]) if self.asks is not None else []

    def straight(self) -> Straight | None:
        """How the page was laid straight before it was cut."""
        return msgspec.json.decode(self.readings, type=_Laid).straight if self.readings is not None else None


class _Laid(msgspec.Struct):
    """The part of a page's readings that says how it was laid."""

    straight: Straight | None = None


async def lock_job(tx: Tx, job_id: str) -> JobRow:
    """The job's row, held until the transaction ends. raises UnknownJob"""
    row = await row_of(tx, JobRow, QUERIES.lock_job, {"job_id": job_id})
    if row is None:
        raise UnknownJob(job_id)
    return row


async def page_of(db: Database, job_id: str, doc_id: str, page_no: int) -> PageRow | None:
    """A page with its job's state, None when there is no such page."""
    async with db.connection() as connection:
        where = {"job_id": job_id, "doc_id": doc_id, "page_no": page_no}
        return await row_of(connection, PageRow, QUERIES.page, where)


class Opening:
    """The first half of a job's life at the exchange.

    secret        salts the ids of pieces, so that they can't be guessed from places
    held_to_chain holds an announced escrow beside the chain's; None = funds are all that is looked at
    """

    def __init__(
        self,
        ctx: RoleContext,
        *,
        secret: bytes,
        held_to_chain: HeldToChain | None = None,
    ) -> None:
        self._ctx, self._secret, self._held_to_chain = ctx, secret, held_to_chain
        self._not_as_told: set[str] = set()
        for name, body in ((CUT_JOB, self.cut_job), (DRAW_PAGE, self.draw_page)):
            ctx.jobs.task(name)(body)

    # --- funds and pages ------------------------------------------------------------------------------------------

    async def job_funded(self, tx: Tx, sender: str, body: JobFunded) -> None:
        """Keeps the announcement until the chain shows the funds."""
        if sender != body.launcher or body.routing.exchange != self._ctx.address:
            raise NotYours(body.job_id, sender, "launcher")
        manifest = body.manifest
        await tx.execute(
            QUERIES.add_job,
            {
                "job_id": body.job_id,
                "manifest": canonical.encode(manifest),
                "routing": canonical.encode(body.routing),
                "title": manifest.title,
                "task_type": manifest.task_type,
                "currency": manifest.pay.currency,
                "exponent": manifest.pay.money.exponent,
                "requester": manifest.requester,
                "sensitive": manifest.content_class == "sensitive",
                "score_least_bp": needs_of(manifest).score_bp,
                "pool": pool_of(manifest),
                "cap_parts": cap_parts_of(manifest),
                "simulated": manifest.crowd == "simulated",
                "lease_ms": manifest.lease_ms,
                "effort_cap_factor": manifest.pay.effort_cap_factor,
                "launcher": sender,
                "recording": body.routing.recording,
                "reputation": body.routing.reputation,
                "jury": body.routing.jury,
                "chain_id": body.routing.chain_id,
                "escrow": body.escrow.lower(),
                "token": body.token.lower(),
                "funded_minor": body.funded_minor,
                "now_ms": self._ctx.clock(),
                "gold_seed": gold_seed(self._secret, body.job_id),
            },
        )
        await self.start_if_ready(tx, body.job_id)

    async def documents_handed(self, tx: Tx, sender: str, body: DocumentsHanded) -> None:
        """Keeps the pages until the job is funded. They come from its launcher, after the announcement."""
        job = await lock_job(tx, body.job_id)
        if sender != job.launcher:
            raise NotYours(body.job_id, sender, "launcher")
        pages = [(document, page) for document in body.documents for page in document.pages]
        manifest = job.parsed()
        asks: dict[int, list[PageAsk]] = {}
        if manifest.task_type in PAGE_TASK_TYPES:
            asks = with_known_questions(
                {
                    page_key: _asks_of(body.job_id, document.doc_id, page)
                    for page_key, (document, page) in enumerate(pages)
                },
                share_bp=manifest.quality.gold_share_bp,
                job_id=body.job_id,
                seed=gold_seed(self._secret, body.job_id),
            )
        async with tx.cursor() as cursor:
            await cursor.executemany(
                QUERIES.add_page,
                [
                    {
                        "job_id": body.job_id,
                        "page_key": page_key,
                        "doc_id": document.doc_id,
                        "page_no": page.page_no,
                        "kind": document.kind,
                        "blob": page.blob,
                        "width_px": page.width,
                        "height_px": page.height,
                        "text_blob": page.text_blob,
                        "truth_blob": document.truth_blob,
                        "asks": msgspec.json.encode(asks[page_key]) if page_key in asks else None,
                    }
                    for page_key, (document, page) in enumerate(pages)
                ],
            )
        await self.start_if_ready(tx, body.job_id)

    async def funds_seen(self, tx: Tx, *, chain_id: int, escrow: str, tx_hash: str, received_base: int) -> None:
        """The chain shows money in an escrow. It may be nobody's here: then it is only remembered."""
        where = {"chain_id": chain_id, "escrow": escrow.lower()}
        await tx.execute(QUERIES.add_funds, {**where, "tx_hash": tx_hash, "received_base": received_base})
        for (job_id,) in await rows(tx, QUERIES.announced_with_escrow, where):
            await self.start_if_ready(tx, job_id)

    async def start_if_ready(self, tx: Tx, job_id: str) -> None:
        """Starts reading when the job is announced, its funds are seen and its pages are here. Else nothing."""
        job = await lock_job(tx, job_id)
        if job.state != "announced":
            return
        where = {"chain_id": job.chain_id, "escrow": job.escrow}
        received_base = int(await scalar(tx, QUERIES.received_base, where))
        if received_base < job.funded_minor:  # a base unit is never more than a minor one
            return
        pages = await scalar(tx, QUERIES.pages_handed, {"job_id": job_id})
        unit = await self._unit_as_told(tx, job) if pages else None
        if unit is None or received_base < job.funded_minor * unit:
            return
        await tx.execute(QUERIES.start_reading, {"job_id": job_id, "state": job.after("read"), "pages": pages})
        await enqueue_many(
            tx,
            READ_PAGE,
            queue=READING_QUEUE,
            args=[
                {"job_id": job_id, "doc_id": doc_id, "page_no": page_no}
                for _, doc_id, page_no in await rows(tx, QUERIES.page_keys, {"job_id": job_id})
            ],
        )

    async def _unit_as_told(self, tx: Tx, job: JobRow) -> int | None:
        """Base units of the escrow's token in a minor unit of the job's money, where the escrow is the announced one.

        None for another escrow, and while the chain does not show it: asked again
        """
        if self._held_to_chain is None:
            return 1
        try:
            return await self._held_to_chain(tx, job.chain_id, job.told())
        except EscrowNotAsTold as problem:
            if job.job_id not in self._not_as_told:
                self._not_as_told.add(job.job_id)
                logger.warning("job %s is not begun: %s", job.job_id, problem)
            return None
        except (EscrowNotSeenYet, ChainNotReady):
            return None

    # --- work of the reading processes ----------------------------------------------------------------------------

    async def cut_job(self, job_id: str) -> None:
        """Cuts all pages and decides of every piece whether people see it. Twice has one effect."""
        async with self._ctx.db.connection() as connection:
            pages = await rows_of(connection, PageRow, QUERIES.pages_of, {"job_id": job_id})
            manifest_raw = await scalar(connection, "select manifest from exchange.jobs where job_id = %s", (job_id,))
        if not pages or pages[0].job_state != "reading" or any(page.state == "waiting" for page in pages):
            return
        manifest = parse_manifest(manifest_raw)
        truths = {
            page.doc_id: await self._ctx.blobs.get(page.truth_blob)
            for page in {page.doc_id: page for page in pages if page.truth_blob}.values()
        }
        plans = await asyncio.to_thread(_plan_job, pages, manifest, job_salt(self._secret, job_id), truths)
        asks: dict[int, list[PageAsk]] = {}
        if manifest.task_type == FIELD_CHOICE:
            seed = gold_seed(self._secret, job_id)
            asks, plans = await asyncio.to_thread(_plan_choices, pages, plans, manifest, truths, seed)
        everything = [plan for page in plans.values() for plan in page]
        unseen = sum(plan.unseen is not None for plan in everything)
        reserved = sum(plan.reserve for plan in everything)
        # what known pieces can't give comes from settled work, up to what the quote has for it
        own_asks = [ask for own in asks.values() for ask in own] or [ask for page in pages for ask in page.asked()]
        keyed = (
            KEYED_OF_CHOICE * sum(not ask.parts for ask in own_asks)
            if manifest.task_type == FIELD_CHOICE
            else len(everything)
        )
        gold_most = gold_answers_most(keyed, manifest.quality.gold_share_bp) + known_questions_most(
            sum(not ask.views and not ask.after and not ask.parts for ask in own_asks), manifest.quality.gold_share_bp
        )
        reserved_views = GOLD_VIEWS_MOST * reserved + sum(ask.views for ask in own_asks)

        async def store(tx: Tx) -> None:
            job = await lock_job(tx, job_id)
            if job.state != "reading" or job.pages_unread:
                return
            async with tx.cursor() as cursor:
                await cursor.executemany(
                    QUERIES.store_pieces,
                    [
                        {
                            "job_id": job_id,
                            "page_key": page_key,
                            "pieces": msgspec.json.encode(page_plans),
                            "asks": msgspec.json.encode(asks[page_key]) if page_key in asks else None,
                        }
                        for page_key, page_plans in plans.items()
                    ],
                )
            await tx.execute(
                QUERIES.start_cutting,
                {
                    "job_id": job_id,
                    "state": job.after("cut"),
                    "accepted_unseen": unseen,
                    "gold_recycle": max(0, gold_most - reserved_views),
                },
            )
            await enqueue_many(
                tx,
                DRAW_PAGE,
                queue=OCR_QUEUE,
                args=[{"job_id": job_id, "doc_id": page.doc_id, "page_no": page.page_no} for page in pages],
            )

        await self._ctx.db.retrying(store)

    async def draw_page(self, job_id: str, doc_id: str, page_no: int) -> None:
        """Draws what people see of one page and makes its tasks. Twice has one effect; the last page opens the job."""
        page = await self._page(job_id, doc_id, page_no)
        if page is None or page.state != "cut" or page.job_state != "cutting":
            return
        async with self._ctx.db.connection() as connection:
            manifest_raw = await scalar(connection, "select manifest from exchange.jobs where job_id = %s", (job_id,))
        plans = msgspec.json.decode(page.pieces or b"[]", type=list[PiecePlan])
        manifest, asks = parse_manifest(manifest_raw), page.asked()
        tasks = plan_tasks(plans, manifest)
        pictures = await self.draw(page, plans, {task.piece_id for task in tasks}) if tasks else {}
        tasks += plan_asks(asks, manifest, pieces=len(plans))
        pictures |= await self.draw_asks(page, plans, asks)

        async def store(tx: Tx) -> None:
            if await scalar(tx, QUERIES.mark_drawn, {"job_id": job_id, "page_key": page.page_key}) is None:
                return
            async with tx.cursor() as cursor:
                await cursor.executemany(
                    QUERIES.add_task, [_task_values(job_id, page.page_key, task, pictures) for task in tasks]
                )
            if await scalar(tx, QUERIES.count_drawn_page, {"job_id": job_id}) == 0:
                await self._open(tx, job_id)

        await self._ctx.db.retrying(store)

    async def draw(self, page: PageRow, plans: Sequence[PiecePlan], asked: set[str]) -> dict[str, str]:
        """Cuttings of the pieces that are asked, in the blob store; piece id -> blob."""
        png = await self._ctx.blobs.get(page.blob)
        from manyhands.documents.cutter import render_cuttings

        drawn = await asyncio.to_thread(render_cuttings, png, [plan.piece for plan in plans], straight=page.straight())
        at_once = asyncio.Semaphore(PUTS_AT_ONCE)

        async def put(piece_id: str) -> tuple[str, str]:
            async with at_once:
                blob = await self._ctx.blobs.put(drawn[piece_id], media_type="image/png", namespace=page.job_id)
                return piece_id, blob

        return dict(await asyncio.gather(*(put(piece_id) for piece_id in sorted(asked))))

    async def draw_again(self, page: PageRow, plans: Sequence[PiecePlan], unread: Set[str]) -> dict[str, str]:
        """New cuttings of pieces that people could not read and that were cut badly; piece id -> blob."""
        png = await self._ctx.blobs.get(page.blob)
        from manyhands.documents.cutter import render_again

        pieces = [plan.piece for plan in plans]
        drawn = await asyncio.to_thread(render_again, png, pieces, unread, straight=page.straight())
        return {
            piece_id: await self._ctx.blobs.put(one, media_type="image/png", namespace=page.job_id)
            for piece_id, one in sorted(drawn.items())
        }

    async def draw_lines(self, page: PageRow, plans: Sequence[PiecePlan], asks: Sequence[PageAsk]) -> dict[str, str]:
        """The pieces that each ask puts together, one under another; ask id -> blob."""
        png = await self._ctx.blobs.get(page.blob)
        from manyhands.documents.cutter import one_under_another, render_cuttings

        drawn = await asyncio.to_thread(render_cuttings, png, [plan.piece for plan in plans], straight=page.straight())
        pictures = {}
        for ask in asks:
            picture = await asyncio.to_thread(one_under_another, [drawn[piece] for piece in ask.parts])
            pictures[ask.ask_id] = await self._ctx.blobs.put(picture, media_type="image/png", namespace=page.job_id)
        return pictures

    async def draw_asks(self, page: PageRow, plans: Sequence[PiecePlan], asks: Sequence[PageAsk]) -> dict[str, str]:
        """What people see of each ask: the numbered places alone, or the page itself."""
        pictures = {ask.ask_id: page.blob for ask in asks if ask.choice is None}
        choices = [
            (ask.ask_id, ask.choice) for ask in asks if ask.choice is not None and not ask.after and not ask.within
        ]
        if not choices:
            return pictures
        png = await self._ctx.blobs.get(page.blob)
        from manyhands.documents.choices import draw_choice

        pieces, straight = {plan.piece.piece_id: plan.piece for plan in plans}, page.straight()
        for ask_id, choice in choices:
            drawn = await asyncio.to_thread(draw_choice, png, choice, pieces, straight=straight)
            pictures[ask_id] = await self._ctx.blobs.put(drawn, media_type="image/png", namespace=page.job_id)
        return pictures

    async def _open(self, tx: Tx, job_id: str) -> None:
        """All pages are drawn: the tasks are told to the recording oracle and offered, in one transaction.

        That no more will follow is said later, when nobody holds a task any more: only then may the job be concluded.
        """
        job = await lock_job(tx, job_id)
        if job.state != "cutting":
            return
        held = [
            canonical.decode(raw, TaskFacts, what="task")
            for (raw,) in await rows(tx, QUERIES.facts_held, {"job_id": job_id})
        ]
        batches = batches_of(held, BATCH_MAX)
        for batch_no, tasks in enumerate(batches, start=1):
            body = TasksOpened(job_id=job_id, batch_no=batch_no, tasks=tasks, complete=False)
            await self._ctx.send(tx, body, to_role="recording", to=job.recording)
        await tx.execute(QUERIES.open_tasks, {"job_id": job_id})
        await tx.execute(QUERIES.add_offer, {"job_id": job_id})
        await tx.execute(
            QUERIES.open_job,
            {
                "job_id": job_id,
                "state": job.after("open"),
                "now_ms": self._ctx.clock(),
                "task_batches": len(batches),
            },
        )

    async def _page(self, job_id: str, doc_id: str, page_no: int) -> PageRow | None:
        return await page_of(self._ctx.db, job_id, doc_id, page_no)


def _plan_job(
    pages: Sequence[PageRow], manifest: Manifest, salt: bytes, truths: Mapping[str, bytes]
) -> dict[int, list[PiecePlan]]:
    """Pieces and plans of all pages, by page key; for a thread. truths: document -> record as the requester knows it"""
    from manyhands.documents.acceptance import POLICIES, decide_unseen
    from manyhands.documents.cutter import cut
    from manyhands.documents.model import PageReadings
    from manyhands.documents.truth import truth_for_pieces

    audited = isinstance(manifest.audit, UnseenAudit)
    pieces = {
        page.page_key: cut(msgspec.json.decode(page.readings, type=PageReadings), doc_id=page.doc_id, salt=salt)
        if page.readings is not None
        else []
        for page in pages
    }
    everything = [piece for page in pieces.values() for piece in page]
    policy = POLICIES[AUDITED_POLICY if audited else POLICY_NAMES[manifest.machine]]
    decisions = decide_unseen(everything, policy)
    knows: dict[str, str] = {}
    for doc_id, raw in sorted(truths.items()):
        own = [piece for page in pages if page.doc_id == doc_id for piece in pieces[page.page_key]]
        try:
            knows |= truth_for_pieces(own, msgspec.json.decode(raw))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as problem:
            # a known record that cannot be used measures nobody; the job itself goes on
            logger.warning("the known record of %s can't be used: %s", doc_id, problem)
    plans = plan_pieces(
        everything,
        decisions,
        gold_share_bp=manifest.quality.gold_share_bp,
        job_id=manifest.job_id,
        requester_knows=knows,
        page_of={}
        if manifest.privacy == "off"
        else {piece.piece_id: page_key for page_key, page in pieces.items() for piece in page},
    )
    by_id = {plan.piece.piece_id: plan for plan in plans}
    of_pages = {page_key: [by_id[piece.piece_id] for piece in page] for page_key, page in pieces.items()}
    if audited:
        return with_audit(of_pages, decisions, manifest)
    if not isinstance(manifest.scope, Scope):
        if manifest.task_type == FIELD_CHOICE:
            return of_pages  # what is keyed follows from what people choose: no piece stands for another
        return with_look_alikes(of_pages, {page.page_key: page.doc_id for page in pages})
    sizes_px = {page.page_key: (page.width_px, page.height_px) for page in pages}
    laid = {page.page_key: straight for page in pages if (straight := page.straight()) is not None}
    return keep_scope(of_pages, sizes_px, manifest.scope, job_id=manifest.job_id, straight=laid)


def _plan_choices(
    pages: Sequence[PageRow],
    plans: dict[int, list[PiecePlan]],
    manifest: Manifest,
    truths: Mapping[str, bytes],
    seed: int,
) -> tuple[dict[int, list[PageAsk]], dict[int, list[PiecePlan]]]:
    """Where the wanted fields may stand, by page; and plans that key nothing before it is chosen. For a thread.

    truths  document -> record as the requester knows it: its choices measure people
    seed    which of the made questions are asked
    """
    from manyhands.documents.choices import choices_of, put_together, read_best, word_of_rules
    from manyhands.documents.fields import kind_spec, kind_spec_of
    from manyhands.documents.model import PageImage, PageReadings, PageRecord
    from manyhands.documents.strangers import strangers_of
    from manyhands.task_types.asked import several, which
    from manyhands.task_types.several import Several

    own_kinds = manifest.kinds if isinstance(manifest.kinds, dict) else {}
    named = manifest.scope.fields if isinstance(manifest.scope, Scope) else ()
    wanted = named if isinstance(named, tuple) else ()
    share_bp = manifest.quality.gold_share_bp
    of_document: dict[str, list[PageRow]] = {}
    for page in pages:
        of_document.setdefault(page.doc_id, []).append(page)
    asks: dict[int, list[PageAsk]] = {page.page_key: [] for page in pages}
    made: list[tuple[int, PageAsk]] = []
    for doc_id, own in of_document.items():
        drafts = []
        for page in own:
            tables = msgspec.json.decode(page.readings, type=PageReadings).tables if page.readings is not None else ()
            empty = PageRecord(doc_id, PageImage(page.page_no, page.width_px, page.height_px), (), tables)
            drafts.append(read_best([plan.piece for plan in plans[page.page_key]], empty))
        kind, key_of = own[0].kind, {page.page_no: page.page_key for page in own}
        spec = kind_spec_of(own_kinds[kind]) if kind in own_kinds else kind_spec(kind)
        known = _known_places(truths.get(doc_id), spec, [plan for page in own for plan in plans[page.page_key]])
        found = choices_of(spec, drafts)
        groups = put_together(spec, [one for one in found if not wanted or one.field in wanted], drafts)
        for group in groups:
            own_asks = []
            for choice in group:
                question = which(choice.field, len(choice.places))
                ask_id = ask_id_of(manifest.job_id, doc_id, choice.page_no, question)
                told = known(choice) if share_bp else ""
                ask = PageAsk(ask_id, question, word_of_rules(choice), choice)
                if told:
                    ask = msgspec.structs.replace(ask, known=(told,), known_by=REQUESTER)
                own_asks.append(ask)
            page_key = key_of[group[0].page_no]
            if len(own_asks) > 1:
                question = several([ask.question for ask in own_asks])
                together = PageAsk(
                    ask_id_of(manifest.job_id, doc_id, group[0].page_no, question),
                    question,
                    Several.answer_of(ask.suggested or None for ask in own_asks),
                    group[0],
                    parts=tuple(ask.ask_id for ask in own_asks),
                )
                if any(ask.known for ask in own_asks):
                    told = Several.answer_of(ask.known[0] if ask.known else None for ask in own_asks)
                    together = msgspec.structs.replace(together, known=(told,), known_by=REQUESTER)
                own_asks = [msgspec.structs.replace(ask, within=together.ask_id) for ask in own_asks]
                asks[page_key].append(together)
            asks[page_key].extend(own_asks)
        for choice in (one for group in groups for one in group):
            ask_id = ask_id_of(manifest.job_id, doc_id, choice.page_no, which(choice.field, len(choice.places)))
            # where people find it nowhere among the likeliest rows they are shown every row, and where it is on none of
            # the likeliest page's they are asked about the other pages, one after the other
            others = sorted(
                (one for one in drafts if one.page.page_no != choice.page_no), key=lambda one: one.page.page_no
            )
            further = choices_of(spec, drafts, fields=(choice.field,), every_row=True)
            further = [one for one in further if not {*one.places} <= {*choice.places}]
            for other in others:
                further += choices_of(spec, [other], fields=(choice.field,))
            for one in further:
                question = which(one.field, len(one.places))
                further_id = ask_id_of(manifest.job_id, doc_id, one.page_no, question)
                waiting = PageAsk(further_id, question, word_of_rules(one), one, after=ask_id)
                asks[key_of[one.page_no]].append(waiting)
                ask_id = further_id
        made += made_choices(
            {choice.field: (key_of[choice.page_no], choice) for choice in found},
            strangers_of(spec, found, drafts),
            wanted=wanted or tuple(field.name for field in spec.fields),
            together=[tuple(one.field for one in group) for group in groups if len(group) > 1],
            doc_id=doc_id,
            job_id=manifest.job_id,
        )
    room = known_questions_most(sum(not ask.after and not ask.parts for own in asks.values() for ask in own), share_bp)
    for page_key, ask in sorted(made, key=lambda one: digest("made of", seed, one[1].ask_id))[:room]:
        asks[page_key].append(ask)
    asks = at_most_as_much_known_as_asked(spread_views(asks, views=room))
    # known pieces in reserve stay, as many as are wanted beside what is keyed: they are what people are measured by
    reserve = sorted(plan.piece.piece_id for own in plans.values() for plan in own if plan.reserve)
    fields = sum(not one.after and not one.parts for own in asks.values() for one in own)
    views = gold_answers_most(KEYED_OF_CHOICE * fields, share_bp)
    kept = choose_gold(reserve, count=-(-views // GOLD_VIEWS_MOST), job_id=manifest.job_id)
    left = {
        page_key: [
            plan
            if plan.unseen is not None or plan.piece.piece_id in kept
            else msgspec.structs.replace(plan, unseen=plan.known, gold=False, known=None)
            if plan.reserve
            else msgspec.structs.replace(plan, left_out=True, gold=False)
            for plan in own
        ]
        for page_key, own in plans.items()
    }
    return asks, left


def _known_places(truth: bytes | None, spec: KindSpec, plans: Sequence[PiecePlan]) -> Callable[[Choice], str]:
    """What the requester's record says of a choice: the places that write the known value; "" = it does not say."""
    from manyhands.documents.truth import true_answer, truth_for_pieces

    try:
        record = msgspec.json.decode(truth) if truth else {}
        fields = dict(record.get("fields") or {})
        texts = truth_for_pieces([plan.piece for plan in plans], record) if fields else {}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError) as problem:
        logger.warning("a known record says nothing of fields: %s", problem)
        return lambda _: ""
    specs = {field.name: field for field in spec.fields}

    def places(choice: Choice) -> str:
        value = fields.get(choice.field)
        if not isinstance(value, str) or not value or choice.field not in specs:
            return ""
        # a value that stands in none of the places may stand elsewhere on the page: nothing is known of these then
        answer = true_answer(choice, specs[choice.field], texts, value)
        return "" if answer == NONE else answer

    return places


def _asks_of(job_id: str, doc_id: str, page: PageRef) -> list[PageAsk]:
    """The questions that came with a page, which is then neither read nor cut; known ones only measure people."""
    known = (*page.known, *[""] * len(page.questions))
    return [
        PageAsk(
            ask_id_of(job_id, doc_id, page.page_no, question),
            question,
            known=(told,) if told else (),
            known_by=REQUESTER if told else "",
        )
        for question, told in zip(page.questions, known, strict=False)
    ]


def _task_values(job_id: str, page_key: int, task: TaskPlan, pictures: dict[str, str]) -> dict[str, object]:
    facts = task.facts
    return {
        "job_id": job_id,
        "task_id": facts.task_id,
        "rank": 0,
        "page_key": page_key,
        "place": task.place,
        "page_share": task.page_share,
        "piece_id": task.piece_id,
        "wanted": task.wanted,
        "gold": facts.gold,
        "question": facts.question,
        "queue": RESERVE if task.reserve else EVERYBODYS,
        "gold_views": task.views if task.reserve else 0,
        "effort_ms": facts.effort_ms,
        "reward_minor": facts.reward_minor,
        "picture": pictures[task.piece_id],
        "facts": canonical.encode(facts),
    }
