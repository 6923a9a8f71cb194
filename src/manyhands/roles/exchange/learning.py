"""Getting ready for a kind of work: practice with known pieces and their reasons, guides read, and what is due.

Rules kept here
- The first answer to a piece stands, sent once or ten times, from one tab or two; its reason is told with the reply.
- What is due stays due until a job has paid it. The oracles decide which job does (ADR 0130); this writes down what
  they decided, and moves no money.
- Pieces follow from worker and version: a worker who comes back finds the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from manyhands.pricing import learning_minor
from manyhands.protocol.evidence import PayoutsFile
from manyhands.protocol.ids import digest
from manyhands.protocol.manifest import Learning as LearningRule
from manyhands.protocol.manifest import Manifest, parse_manifest
from manyhands.protocol.messages import Learned
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, rows, rows_of, scalar
from manyhands.store.sql import load_queries
from manyhands.task_types import TASK_TYPES, TaskType, task_type
from manyhands.task_types.practising import (
    EXAMPLES_SEED,
    LESSONS,
    PIECES,
    Practice,
    guide_language,
    is_right,
    practice_of,
    practised_kinds,
)

from .decisions import TEXT_MAX_CHARS
from .errors import BadRequest, NoSuchPractice

QUERIES = load_queries("manyhands.roles.exchange")

TOLD_MOST = 1_000
"""Workers told of at a job's end; a job has fewer places than that."""


class PracticeResult(msgspec.Struct, frozen=True):
    """A piece that was answered. answer, right: None = "cannot read". why: language -> the reason.

    question  as a task carries it, in the reader's language
    """

    place: int
    question: str
    answer: str | None
    right: str | None
    was_right: bool
    counts: bool
    why: dict[str, str]


class PracticeView(msgspec.Struct, frozen=True):
    """A worker's practice of one kind of work.

    next      place of the piece to be answered now; None = all are
    question  as a task carries it, in the reader's language, with `options` to choose from where it names none itself
    right, asked   of the pieces that count, as far as they are answered
    """

    task_type: str
    task_type_title: str
    version: str
    pieces: int
    lessons: int
    next: int | None
    question: str
    options: tuple[str, ...]
    right: int
    asked: int
    results: tuple[PracticeResult, ...]


class PracticeLine(msgspec.Struct, frozen=True):
    """How far a worker is with one practice. right, asked: of the pieces that count, as far as they are answered."""

    task_type: str
    task_type_title: str
    pieces: int
    answered: int
    right: int
    asked: int


class GuideExample(msgspec.Struct, frozen=True):
    """A piece shown in a guide, its question as a task carries it. right None = "cannot read". why: by language."""

    question: str
    right: str | None
    why: dict[str, str]


class LearnedView(msgspec.Struct, frozen=True):
    """Something a worker got ready with. paid_in None = due with the next job of this kind that has a place.

    language  in which a guide was read; "" for a practice
    """

    part: str
    task_type: str
    version: str
    language: str
    right_count: int | None
    asked_count: int | None
    at_ms: int
    paid_in: str | None
    paid_minor: int


class LearningOffer(msgspec.Struct, frozen=True):
    """What a job pays a worker for getting ready. 0 = nothing is due for that part; places_left 0 = not by this job."""

    guide_minor: int
    practice_minor: int
    places_left: int
    practice: bool
    practised: bool


class Learning:
    """The exchange's side of getting ready."""

    def __init__(self, ctx: RoleContext) -> None:
        self._ctx = ctx

    # --- practice -------------------------------------------------------------------------------------------------

    async def practices(self, worker: str) -> list[PracticeLine]:
        """Every kind of work that can be practised, and how far the worker is with it."""
        async with self._ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.practice_counts, {"worker": worker})
        told = {(name, version): counts for name, version, *counts in found}
        lines = []
        for name in practised_kinds():
            kind, practice = _practice(name)
            answered, right, asked = told.get((name, practice.version), (0, 0, 0))
            lines.append(PracticeLine(name, kind.title, PIECES, answered, right, asked))
        return lines

    async def practice(self, worker: str, name: str, *, language: str = "en") -> PracticeView:
        """How far a worker is. language: of the questions. raises NoSuchPractice"""
        kind, practice = _practice(name)
        values = {"worker": worker, "task_type": name, "version": practice.version}
        async with self._ctx.db.connection() as connection:
            answered = await rows(connection, QUERIES.practice_answers_of, values)
        return _view(worker, kind, practice, answered, language)

    async def answer(
        self, worker: str, name: str, place: int, text: str | None, *, language: str = "en"
    ) -> PracticeView:
        """Takes the answer to a piece and tells why it was right or wrong. Pieces are answered in their order.

        raises  NoSuchPractice, BadRequest
        """
        kind, practice = _practice(name)
        if text is not None and (len(text) > TEXT_MAX_CHARS or "\x00" in text):
            raise BadRequest("that is no answer to a piece", cure=f"Send at most {TEXT_MAX_CHARS} characters of text.")
        pieces = practice.pieces(_seed(worker, name, practice))
        values: dict[str, Any] = {"worker": worker, "task_type": name, "version": practice.version}

        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            answered = await rows(tx, QUERIES.practice_answers_of, values)
            if not 0 <= place <= len(answered) or place >= len(pieces):
                raise BadRequest(
                    f"piece {place + 1} is not the next one", cure="Open the practice again: it goes on where you were."
                )
            own = {
                **values,
                "place": place,
                "text": text,
                "is_right": is_right(kind, pieces[place], text),
                "counts": pieces[place].counts,
                "now_ms": self._ctx.clock(),
            }
            await scalar(tx, QUERIES.add_practice_answer, own)
            await tx.execute(QUERIES.finish_practice, {**values, "pieces": len(pieces)})
            return await rows(tx, QUERIES.practice_answers_of, values)

        return _view(worker, kind, practice, await self._ctx.db.retrying(work), language)

    def picture(self, worker: str, name: str, place: int, language: str = "en") -> bytes:
        """A piece's picture, PNG, its words in that language where it has any. raises NoSuchPractice"""
        _, practice = _practice(name)
        if not 0 <= place < PIECES:
            raise NoSuchPractice(name)
        return practice.draw(_seed(worker, name, practice), place, language)

    async def read_guide(self, worker: str, name: str, version: str, *, language: str = "en") -> None:
        """Notes that a guide was read, which is paid for once. Again, also in another language: nothing.

        language  of the reader; noted, and paid for, is that in which the guide is shown to them
        raises  BadRequest for another version than the one that is shown: it would be paid as one more
        """
        if name not in TASK_TYPES or version != guide_version(task_type(name).guide):
            raise BadRequest("this is not the guide as it stands now", cure="Open the work again and read it there.")
        values = {
            "worker": worker,
            "task_type": name,
            "version": version,
            "language": guide_language(task_type(name), language),
            "now_ms": self._ctx.clock(),
        }
        async with self._ctx.db.transaction() as tx:
            await tx.execute(QUERIES.read_guide, values)

    def examples(self, name: str, language: str = "en") -> list[GuideExample]:
        """What a guide shows besides its words; none where the kind of work has no practice."""
        practice = practice_of(name) if name in TASK_TYPES else None
        pieces = practice.pieces(EXAMPLES_SEED)[:LESSONS] if practice else ()
        return [GuideExample(piece.asked_in(language), piece.right, dict(piece.why)) for piece in pieces]

    def example_picture(self, name: str, place: int, language: str = "en") -> bytes:
        """An example's picture, PNG. raises NoSuchPractice"""
        _, practice = _practice(name)
        if not 0 <= place < LESSONS:
            raise NoSuchPractice(name)
        return practice.draw(EXAMPLES_SEED, place, language)

    # --- what is due ----------------------------------------------------------------------------------------------

    async def learned(self, worker: str) -> list[LearnedView]:
        """What the worker got ready with, oldest first: paid or due."""
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, LearnedView, QUERIES.learned_of_worker, {"worker": worker})

    async def offers(
        self, worker: str, manifests: Sequence[Manifest], *, language: str = "en"
    ) -> dict[str, LearningOffer]:
        """Job id -> what that job pays this worker for getting ready. language: in which the guide is shown"""
        known = {(one.part, one.task_type, one.version): one for one in await self.learned(worker)}
        values = {"worker": worker, "job_ids": [manifest.job_id for manifest in manifests]}
        async with self._ctx.db.connection() as connection:
            wanted = dict(await rows(connection, QUERIES.places_wanted, values))
        return {
            manifest.job_id: _offer(manifest, known, wanted=wanted.get(manifest.job_id, 0), language=language)
            for manifest in manifests
        }

    async def told_at_the_end(self, tx: Tx, job_id: str, raw_manifest: bytes) -> tuple[Learned, ...]:
        """Workers of a finished job to whom pay for getting ready is due."""
        manifest = parse_manifest(raw_manifest)
        if not isinstance(manifest.learning, LearningRule):
            return ()
        values = {"job_id": job_id, "task_type": manifest.task_type, "most": TOLD_MOST}
        return tuple(
            Learned(
                worker=worker,
                guide=guide,
                practice=practice,
                right=right,
                asked=asked,
                at_ms=at_ms,
                language=language if guide and language != "en" else msgspec.UNSET,
            )
            for worker, guide, practice, right, asked, at_ms, language in await rows(tx, QUERIES.learned_in_job, values)
        )

    async def paid(self, tx: Tx, raw_manifest: bytes, payouts: PayoutsFile) -> None:
        """Notes what a job has paid. Again: nothing."""
        manifest = parse_manifest(raw_manifest)
        if not isinstance(manifest.learning, LearningRule):
            return
        for one in payouts.learned:
            where = {"job_id": manifest.job_id, "worker": one.worker, "task_type": manifest.task_type}
            for version, query, ms in (
                (
                    one.guide,
                    QUERIES.guide_paid,
                    manifest.learning.guide_ms_in(one.language if isinstance(one.language, str) else ""),
                ),
                (one.practice, QUERIES.practice_paid, manifest.learning.practice_ms),
            ):
                if version:
                    await tx.execute(query, {**where, "version": version, "minor": learning_minor(manifest.pay, ms)})


def guide_version(guide: str) -> str:
    """A guide's version: another text is another version."""
    return digest("guide", guide)[:12]


def _practice(name: str) -> tuple[TaskType, Practice]:
    practice = practice_of(name) if name in TASK_TYPES else None
    if practice is None:
        raise NoSuchPractice(name)
    return task_type(name), practice


def _seed(worker: str, name: str, practice: Practice) -> str:
    return digest("practice", worker, name, practice.version)


def _view(
    worker: str, kind: TaskType, practice: Practice, answered: Sequence[tuple[int, str | None, bool]], language: str
) -> PracticeView:
    pieces = practice.pieces(_seed(worker, kind.name, practice))
    results = tuple(
        PracticeResult(
            place,
            pieces[place].asked_in(language),
            text,
            pieces[place].right,
            was_right,
            pieces[place].counts,
            dict(pieces[place].why),
        )
        for place, text, was_right in answered
    )
    counted = [one.was_right for one in results if one.counts]
    place = len(results) if len(results) < len(pieces) else None
    piece = None if place is None else pieces[place]
    return PracticeView(
        task_type=kind.name,
        task_type_title=kind.title,
        version=practice.version,
        pieces=len(pieces),
        lessons=LESSONS,
        next=place,
        question="" if piece is None else piece.asked_in(language),
        options=() if piece is None or piece.asked else piece.question.options,
        right=sum(counted),
        asked=len(counted),
        results=results,
    )


def _offer(
    manifest: Manifest, known: dict[tuple[str, str, str], LearnedView], *, wanted: int, language: str
) -> LearningOffer:
    """known: by (part, task type, version). wanted: places that others of the job are about to take

    A guide that was read is due in the language in which it was read, another in that in which it is shown.
    """
    name = manifest.task_type
    kind = task_type(name)
    practice = practice_of(name)
    done = known.get(("practice", name, practice.version)) if practice else None
    read = known.get(("guide", name, guide_version(kind.guide)))
    rule = manifest.learning if isinstance(manifest.learning, LearningRule) else None

    def part_minor(one: LearnedView | None, ms: int) -> int:
        return 0 if rule is None or (one is not None and one.paid_in is not None) else learning_minor(manifest.pay, ms)

    return LearningOffer(
        guide_minor=part_minor(
            read, rule.guide_ms_in(read.language if read else guide_language(kind, language)) if rule else 0
        ),
        practice_minor=part_minor(done, rule.practice_ms if rule else 0) if practice else 0,
        places_left=max(0, rule.places - wanted) if rule else 0,
        practice=practice is not None,
        practised=done is not None,
    )
