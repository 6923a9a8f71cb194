"""What the exchange shows: offers and earnings to a worker, progress to anyone, receipts to whom they belong.

Rules kept here
- Read only. A figure that was not measured is None or said to be an estimate.
- Pay per hour is told before a task is accepted; it comes from measured times as soon as there are enough.
- A worker sees their own answers and nobody else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from manyhands.documents.model import piece_on_page  # plain values: it stays light
from manyhands.pricing import pay_per_hour_minor
from manyhands.protocol import canonical
from manyhands.protocol.evidence import BatchEvidence, Receipt, receipt
from manyhands.protocol.manifest import Manifest, Needs, Scope, cap_parts_of, parse_manifest
from manyhands.protocol.messages import JobJudged, JobSettled
from manyhands.protocol.money import MHT, Currency
from manyhands.quality import reputation
from manyhands.roles import RoleContext
from manyhands.store.database import rows, rows_of
from manyhands.store.sql import load_queries

from .books import Books, Pace, RequesterRecord, TypeView, types_of
from .capping import Capping, DailyShare
from .decisions import SAMPLE_LEAST, PageAsk, PiecePlan, median_of
from .errors import NoSuchJob
from .fitting import NEWCOMER_BP, Known, needs_of, prior_from, unfit
from .learning import Learning, LearningOffer, guide_version
from .opening import FIELD_CHOICE, PageRow

QUERIES = load_queries("manyhands.roles.exchange")


class Offer(msgspec.Struct, frozen=True):
    """An open job as told to a worker. seconds_p90 None = not measured; measured False = all times are estimates.

    own_*        the worker's own pace in this kind of work, None before `books.ANSWERS_LEAST` accepted answers
    needs, unfit what the work asks of a worker, and why it does not fit this one; () = it fits
    learning     what this job pays the worker for getting ready
    pool_name    the worker's pool for whose members alone the job is; "" = for everybody
    daily_share  what the job's daily cap leaves of today; None = it has none
    meanings     of a job of fields: field -> what counts as it, in the worker's language where there is one
    requester_*  what is known of who asks: jobs here, mean rating, share of refused answers; None = too little to say
    """

    job_id: str
    title: str
    task_type: str
    task_type_title: str
    guide: str
    content_class: str
    open_tasks: int
    reward_minor_median: int
    currency: str
    exponent: int
    seconds_p50: float
    seconds_p90: float | None
    pay_per_hour_minor: int
    floor_per_hour_minor: int
    measured: bool
    simulated: bool
    requester: str
    guide_version: str
    guide_read: bool
    own_seconds: float | None
    own_per_hour_minor: int | None
    requester_jobs: int
    requester_stars_milli: int | None
    requester_ratings: int
    requester_refused_bp: int | None
    learning: LearningOffer
    needs: Needs
    unfit: tuple[str, ...]
    pool_name: str
    meanings: dict[str, tuple[str, ...]]
    daily_share: DailyShare | None = None


class TransactionRef(msgspec.Struct, frozen=True):
    """A transaction on a chain."""

    chain_id: int
    tx_hash: str


class JobEarnings(msgspec.Struct, frozen=True):
    """A worker's side of one job, minor units. waiting: answers without a verdict; because: why some were refused, and
    what a daily cap puts off."""

    job_id: str
    title: str
    currency: str
    exponent: int
    answers: int
    waiting: int
    accepted: int
    refused: int
    pending_minor: int
    earned_minor: int
    bonus_minor: int
    top_up_minor: int
    restored_minor: int
    learning_minor: int
    paid_minor: int
    transactions: tuple[TransactionRef, ...]
    because: str


class Earnings(msgspec.Struct, frozen=True):
    """A worker's jobs in one currency, the one of the newest job. pay_per_hour_minor None = no time was credited yet.

    others  the same in each other currency: two kinds of money are never added
    """

    currency: str
    exponent: int
    pending_minor: int
    accepted_minor: int
    paid_minor: int
    credited_ms: int
    pay_per_hour_minor: int | None
    jobs: tuple[JobEarnings, ...]
    others: tuple[Earnings, ...] = ()

    @property
    def by_currency(self) -> tuple[Earnings, ...]:
        """All of it, one after the other."""
        return (self, *self.others)


class StandingView(msgspec.Struct, frozen=True):
    """Standing in one skill, and in each of its answer types."""

    skill: str
    score_bp: int
    right_milli: int
    wrong_milli: int
    because: str
    at_ms: int
    types: tuple[TypeView, ...] = ()


class AnchorView(msgspec.Struct, frozen=True):
    """One recorded batch. root: as anchored on chain, hexadecimal with 0x."""

    batch_no: int
    root: str
    answers: int
    reserved_minor: int
    evidence_blob: str
    recorded_at_ms: int


class Progress(msgspec.Struct, frozen=True):
    """A job as the exchange sees it. tasks: number by state, and those accepted unseen.

    out_of_reach    open tasks that nobody who came so far may take; counted while nothing is lent, else 0
    came            people who asked for work so far, whether they found any; counted like out_of_reach
    daily_share     what the job's daily cap leaves of today while it is open; None = it has none
    """

    job_id: str
    title: str
    state: str
    task_type: str
    simulated: bool
    currency: str
    chain_id: int
    escrow: str
    funded_minor: int
    reserved_minor: int
    documents: int
    pages: int
    pages_read: int
    pages_drawn: int
    tasks: dict[str, int]
    lent: int
    answers: int
    workers: int
    out_of_reach: int
    anchors: tuple[AnchorView, ...]
    announced_at_ms: int
    opened_at_ms: int | None
    recorded_at_ms: int | None
    settled_at_ms: int | None
    package_blob: str | None
    package_hash: str | None
    judged: JobJudged | None
    settled: JobSettled | None
    daily_share: DailyShare | None = None
    came: int = 0


class SimulatedPiece(msgspec.Struct, frozen=True):
    """Where a task's piece stands. For simulated people alone: a real worker never gets this."""

    doc_id: str
    page_no: int
    piece: Any
    ask: PageAsk | None = None
    kind: str = ""


class Views:
    """The exchange's reading side."""

    def __init__(self, ctx: RoleContext, books: Books, learning: Learning, capping: Capping) -> None:
        self._ctx, self._books, self._learning, self._capping = ctx, books, learning, capping

    async def offers(
        self,
        worker: str,
        *,
        screen_px: int | None = None,
        pointer: Literal["fine", "coarse"] | None = None,
        language: str = "en",
    ) -> list[Offer]:
        """Open jobs that this worker may take part in: those that fit first, then the oldest.

        Sensitive ones only to those who wish for them. language: of the guides. screen_px, pointer: of the device at
        hand, None = not told
        """
        async with self._ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.offers, {"worker": worker, "now_ms": self._ctx.clock()})
            newcomers = {
                (task_type, simulated): reputation.newcomer(prior_from(*counts)).score_bp
                for task_type, simulated, *counts in await rows(connection, QUERIES.priors)
            }
        wishes, read, paces = (
            await self._books.wishes(worker),
            await self._books.guides_read(worker),
            await self._books.paces(worker),
        )
        manifests = [parse_manifest(row[3]) for row in found]
        known = await self._books.requesters(sorted({manifest.requester for manifest in manifests}))
        ready = await self._learning.offers(worker, manifests, language=language)
        shares = await self._capping.shares(
            [row[0] for row, manifest in zip(found, manifests, strict=True) if cap_parts_of(manifest)]
        )
        scores = {one.skill: one.score_bp for one in await self.standings(worker)}
        known_of = {
            kind: Known(wishes.languages, screen_px, pointer, scores.get(kind[0], newcomers.get(kind, NEWCOMER_BP)))
            for kind in {_kind_of(manifest) for manifest in manifests}
        }
        told = [
            _offer(
                row,
                manifest,
                language=language,
                read=read,
                pace=paces.get((row[2], manifest.pay.currency)),
                record=known.get(manifest.requester),
                learning=ready[row[0]],
                misfits=unfit(needs_of(manifest), known_of[_kind_of(manifest)]),
                share=shares.get(row[0]),
            )
            for row, manifest in zip(found, manifests, strict=True)
            if wishes.sensitive or manifest.content_class != "sensitive"
        ]
        return sorted(told, key=lambda offer: bool(offer.unfit))

    async def earnings(self, worker: str) -> Earnings:
        """What the worker did, earned and was paid, job by job."""
        async with self._ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.earnings, {"worker": worker})
            waiting = {row[0]: row for row in await rows(connection, QUERIES.waiting_of, {"worker": worker})}
            refused_in = [row[0] for row in found if row[6]]
            refusals: dict[str, list[str]] = {}
            if refused_in:
                values = {"worker": worker, "job_ids": refused_in}
                for job_id, _, because, count in await rows(connection, QUERIES.refusals_of, values):
                    refusals.setdefault(job_id, []).append(f"{count} refused: {because}")
        jobs = [_job_earnings(row, waiting.pop(row[0], None), refusals.get(row[0], [])) for row in found]
        jobs += [
            JobEarnings(
                job_id=job_id, title=title, currency=currency, exponent=exponent, answers=count, waiting=count,
                accepted=0, refused=0, pending_minor=minor,
                earned_minor=0, bonus_minor=0, top_up_minor=0, restored_minor=0, learning_minor=0, paid_minor=0,
                transactions=(), because="",
            )
            for job_id, title, currency, _, count, minor, exponent in waiting.values()
        ]  # fmt: skip
        put_off = await self._capping.notes([job.job_id for job in jobs])
        jobs = [
            msgspec.structs.replace(job, because="; ".join(filter(None, (job.because, put_off.get(job.job_id)))))
            for job in jobs
        ]
        kinds = list(dict.fromkeys((job.currency, job.exponent) for job in jobs)) or [(MHT.code, MHT.exponent)]
        first, *others = (
            _earnings(*kind, jobs, credited_ms=sum(row[10] for row in found if (row[2], row[18]) == kind))
            for kind in kinds
        )
        return msgspec.structs.replace(first, others=tuple(others))

    async def standings(self, worker: str) -> list[StandingView]:
        """The worker's published standing, skill by skill."""
        async with self._ctx.db.connection() as connection:
            found = await rows_of(connection, StandingView, QUERIES.standings_of, {"worker": worker})
        return [msgspec.structs.replace(one, types=types_of(one.types)) for one in found]

    async def receipts(self, worker: str, job_id: str) -> list[Receipt]:
        """Proofs of the worker's recorded answers, to be checked against the chain without anybody's help.

        raises  NoSuchJob
        """
        async with self._ctx.db.connection() as connection:
            place = await rows(connection, QUERIES.job_place, {"job_id": job_id})
            if not place:
                raise NoSuchJob(job_id)
            blobs = await rows(connection, QUERIES.batches_with, {"job_id": job_id, "worker": worker})
        chain_id, escrow, code, exponent = place[0]
        found: list[Receipt] = []
        for (blob,) in blobs:
            evidence: BatchEvidence = canonical.decode(await self._ctx.blobs.get(blob), BatchEvidence, what="evidence")
            found += [
                receipt(evidence, index, chain_id=chain_id, escrow=escrow, currency=Currency(code, exponent))
                for index, record in enumerate(evidence.answers)
                if record.answer.worker == worker
            ]
        return found

    async def progress(self, job_id: str) -> Progress:
        """Where a job stands. raises NoSuchJob"""
        where = {"job_id": job_id}
        async with self._ctx.db.connection() as connection:
            cursor = await connection.execute(QUERIES.progress, where)
            row = await cursor.fetchone()
            if row is None:
                raise NoSuchJob(job_id)
            job = dict(zip([column.name for column in cursor.description or ()], row, strict=True))
            by_state = dict(await rows(connection, QUERIES.tasks_by_state, where))
            answers, workers, lent = (await rows(connection, QUERIES.work_done, where))[0]
            anchors = await rows_of(connection, AnchorView, QUERIES.anchors, where)
            share = await self._capping.share(connection, job_id) if job["state"] == "open" else None
            out_of_reach, came = 0, 0
            if by_state.get("open") and not lent:
                out_of_reach, came = (await rows(connection, QUERIES.out_of_reach, where))[0]
        states = ("held", "open", "accepted", "unreadable", "frozen", "withdrawn")
        started = job["pages_total"] > 0
        return Progress(
            job_id=job_id,
            title=job["title"],
            state=job["state"],
            task_type=job["task_type"],
            simulated=job["simulated"],
            currency=job["currency"],
            chain_id=job["chain_id"],
            escrow=job["escrow"],
            funded_minor=job["funded_minor"],
            reserved_minor=job["reserved_minor"],
            documents=job["documents"],
            pages=job["pages_total"],
            pages_read=job["pages_total"] - job["pages_unread"] if started else 0,
            pages_drawn=job["pages_total"] - job["pages_undrawn"] if started else 0,
            tasks={state: by_state.get(state, 0) for state in states} | {"accepted_unseen": job["accepted_unseen"]},
            lent=lent,
            answers=answers,
            workers=workers,
            out_of_reach=out_of_reach,
            came=came,
            anchors=tuple(anchors),
            announced_at_ms=job["announced_at_ms"],
            opened_at_ms=job["opened_at_ms"],
            recorded_at_ms=job["recorded_at_ms"],
            settled_at_ms=job["settled_at_ms"],
            package_blob=job["package_blob"],
            package_hash=job["package_hash"],
            judged=_decoded(job["judged"], JobJudged),
            settled=_decoded(job["settled"], JobSettled),
            daily_share=share,
        )

    async def job_ids(self) -> list[str]:
        """All jobs known here, the latest first."""
        async with self._ctx.db.connection() as connection:
            return [job_id for (job_id,) in await rows(connection, QUERIES.job_ids)]

    async def simulation_view(self, job_id: str) -> dict[str, SimulatedPiece]:
        """Task id -> piece with its document, page, box, readings and cell, for simulated people alone.

        They can't look at a picture, so that truth has to be found for them by place. Pieces that nobody is asked about
        stand under their own id: a line of truth is dealt out over all its pieces. It refuses a job of people.
        raises  NoSuchJob, also for a job whose crowd is not simulated
        """
        progress = await self.progress(job_id)
        if not progress.simulated:
            raise NoSuchJob(job_id)
        async with self._ctx.db.connection() as connection:
            pages = await rows_of(connection, PageRow, QUERIES.pages_of, {"job_id": job_id})
            tasks = await rows(connection, QUERIES.tasks_with_pieces, {"job_id": job_id})
        places: dict[str, SimulatedPiece] = {}
        for page in pages:
            straight = page.straight()
            for plan in msgspec.json.decode(page.pieces or b"[]", type=list[PiecePlan]):
                piece = piece_on_page(plan.piece, straight, width_px=page.width_px, height_px=page.height_px)
                places[plan.piece.piece_id] = SimulatedPiece(page.doc_id, page.page_no, piece)
            for ask in page.asked():
                places[ask.ask_id] = SimulatedPiece(page.doc_id, page.page_no, None, ask, page.kind)
        asked: dict[str, SimulatedPiece] = {}
        for task_id, piece_id, _ in tasks:  # a piece that is asked again has two tasks
            asked[task_id] = places[piece_id]
        alone = places.keys() - {piece_id for _, piece_id, _ in tasks}
        return asked | {piece_id: places[piece_id] for piece_id in alone}


def _kind_of(manifest: Manifest) -> tuple[str, bool]:
    """The kind of work, and whether simulated people do it: what newcomers turn out to be is learnt for each apart."""
    return manifest.task_type, manifest.crowd == "simulated"


def _offer(
    row: tuple[Any, ...],
    manifest: Manifest,
    *,
    language: str,
    read: set[tuple[str, str]],
    pace: Pace | None,
    record: RequesterRecord | None,
    learning: LearningOffer,
    misfits: tuple[str, ...],
    share: DailyShare | None,
) -> Offer:
    from manyhands.task_types import task_type as type_named
    from manyhands.task_types.practising import guide_in

    job_id, title, task_type, _, open_tasks, reward_minor, effort_ms, sample, simulated, pool_name = row
    kind = type_named(task_type)
    measured = len(sample) >= SAMPLE_LEAST
    median_ms = (median_of(sample) or 0) if measured else effort_ms
    slow_ms = median_of(sample, percent=90) if measured else None
    return Offer(
        job_id=job_id,
        title=title,
        task_type=task_type,
        task_type_title=kind.title,
        guide=guide_in(kind, language),
        content_class=manifest.content_class,
        open_tasks=open_tasks,
        reward_minor_median=reward_minor,
        currency=manifest.pay.currency,
        exponent=manifest.pay.money.exponent,
        seconds_p50=round(median_ms / 1000, 1),
        seconds_p90=None if slow_ms is None else round(slow_ms / 1000, 1),
        pay_per_hour_minor=pay_per_hour_minor(reward_minor, median_ms) or manifest.pay.per_hour_minor,
        floor_per_hour_minor=manifest.pay.floor_per_hour_minor,
        measured=measured,
        simulated=simulated,
        requester=manifest.requester,
        guide_version=guide_version(kind.guide),
        guide_read=(task_type, guide_version(kind.guide)) in read,
        own_seconds=None if pace is None else round(pace.ms_each / 1000, 1),
        own_per_hour_minor=None if pace is None else pace.per_hour_minor,
        requester_jobs=1 if record is None else record.jobs,
        requester_stars_milli=None if record is None else record.stars_milli,
        requester_ratings=0 if record is None else record.ratings,
        requester_refused_bp=None if record is None else record.refused_bp,
        learning=learning,
        needs=needs_of(manifest),
        unfit=misfits,
        pool_name=pool_name,
        daily_share=share,
        meanings=_meanings_of(manifest, language) if task_type == FIELD_CHOICE else {},
    )


def _meanings_of(manifest: Manifest, language: str) -> dict[str, tuple[str, ...]]:
    """What counts as each of the job's fields, in the requester's words where they have some."""
    from manyhands.documents.meanings import meanings_in

    own = tuple(text for _, text in sorted(manifest.kinds.items())) if isinstance(manifest.kinds, dict) else ()
    named = manifest.scope.fields if isinstance(manifest.scope, Scope) else ()
    wanted = named if isinstance(named, tuple) else ()
    told = meanings_in(language, own=own)
    return {field: said for field, said in told.items() if said and (not wanted or field in wanted)}


def _earnings(currency: str, exponent: int, jobs: Sequence[JobEarnings], *, credited_ms: int) -> Earnings:
    """The sums of the jobs in one currency."""
    own = [job for job in jobs if (job.currency, job.exponent) == (currency, exponent)]
    earned = sum(job.earned_minor + job.bonus_minor + job.top_up_minor + job.restored_minor for job in own)
    return Earnings(
        currency=currency,
        exponent=exponent,
        pending_minor=sum(job.pending_minor for job in own),
        accepted_minor=sum(job.earned_minor + job.restored_minor for job in own),
        paid_minor=sum(job.paid_minor for job in own),
        credited_ms=credited_ms,
        pay_per_hour_minor=pay_per_hour_minor(earned, credited_ms),
        jobs=tuple(own),
    )


def _job_earnings(row: tuple[Any, ...], waiting: tuple[Any, ...] | None, refusals: list[str]) -> JobEarnings:
    (
        job_id, title, currency, settled_raw, answers, accepted, refused, collected_minor, decided_minor, earned_minor,
        _, bonus_minor, top_up_minor, paid_minor, because, chain_id, restored_minor, learning_minor,
        exponent,
    ) = row  # fmt: skip
    settled = _decoded(settled_raw, JobSettled)
    unsent, unsent_minor = (waiting[4], waiting[5]) if waiting is not None else (0, 0)
    return JobEarnings(
        job_id=job_id,
        title=title,
        currency=currency,
        exponent=exponent,
        answers=answers + unsent,
        waiting=answers - accepted - refused + unsent,
        accepted=accepted,
        refused=refused,
        pending_minor=collected_minor - decided_minor + unsent_minor,
        earned_minor=earned_minor,
        bonus_minor=bonus_minor,
        top_up_minor=top_up_minor,
        restored_minor=restored_minor,
        learning_minor=learning_minor,
        paid_minor=paid_minor,
        transactions=tuple(TransactionRef(chain_id, tx_hash) for tx_hash in settled.transactions)
        if settled is not None and paid_minor
        else (),
        because="; ".join([*([because] if because else []), *refusals]),
    )


def _decoded(raw: bytes | None, shape: type[Any]) -> Any:
    return None if raw is None else canonical.decode(raw, shape, what=shape.__name__)
