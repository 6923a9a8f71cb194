"""Before a job is declared complete, what still has to be shown is shown, and its fields are checked: sums, check
digits, order of dates.

Rules kept here
- The audit asks as often as it needs to (`auditing`), and look-alikes that nothing confirmed are asked (`alikes`):
  that is a piece's first round.
- A failing check asks again about the pieces of the fields concerned and about nothing else.
- What people could not read is drawn anew and asked again where it was cut badly: where its letters go on beyond what
  was shown. Elsewhere nobody is asked twice what nobody could read.
- A field that people find nowhere on one page is asked for on the document's next page that has places for it.
- In a job of fields alone what people chose for a field is settled by them next: long lines of words by choosing
  between readings, everything else by keying; what that did not settle is keyed by others (`readings`).
- Once per job: what fails a second time is delivered with the name of the check that it failed.
- Everything goes on as usual meanwhile: tasks of the second round are lent, judged, paid and recorded like the first.
- The draft is put together in a thread of a reading process; the job's row decides which of two drafts counts.

rounds of a job: 0 = nobody looked, 1 = a draft is being checked, 2 = checked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from manyhands.protocol import canonical
from manyhands.protocol.manifest import Manifest
from manyhands.protocol.messages import TasksOpened
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, rows, rows_of
from manyhands.store.jobs import enqueue
from manyhands.store.sql import load_queries
from manyhands.task_types.field_choice import NONE

from .alikes import ASKED_BECAUSE, to_be_asked
from .auditing import next_step, plans_of
from .decisions import (
    PageAsk,
    PiecePlan,
    TaskPlan,
    again_task_id_of,
    batches_of,
    choose_task_id_of,
    plan_asks,
    plan_tasks,
)
from .opening import EVERYBODYS, FIELD_CHOICE, RESERVE, PageRow, lock_job
from .readings import APART, known_reading_choices, place_of_choice, plan_reading_choices
from .results import (
    ASSEMBLY_QUEUE,
    DecidedTask,
    chosen_fields,
    draft_records,
    last_words,
    unfolded,
    with_confidences,
    without_made,
)

QUERIES = load_queries("manyhands.roles.exchange")

CHECK_FIELDS = "exchange.check_fields"

logger = logging.getLogger(__name__)


class Drawer(Protocol):
    """Draws cuttings of a page's pieces; piece id -> blob."""

    async def __call__(self, page: PageRow, plans: Sequence[PiecePlan], asked: set[str], /) -> dict[str, str]: ...


class AskDrawer(Protocol):
    """Draws what people see of a page's asks; ask id -> blob."""

    async def __call__(
        self, page: PageRow, plans: Sequence[PiecePlan], asks: Sequence[PageAsk], /
    ) -> dict[str, str]: ...


class SecondRound:
    """Checking and asking again.

    draw_again  of the pieces named those that were cut badly
    draw_lines  pieces that are put together, one under another
    """

    def __init__(
        self, ctx: RoleContext, draw: Drawer, draw_again: Drawer, draw_asks: AskDrawer, draw_lines: AskDrawer
    ) -> None:
        self._ctx, self._draw, self._draw_again, self._draw_asks = ctx, draw, draw_again, draw_asks
        self._draw_lines = draw_lines
        ctx.jobs.task(CHECK_FIELDS)(self.check_fields)

    async def begin(self, tx: Tx, job_id: str) -> None:
        """Every task has its word: the fields are to be checked. The job's row is locked by the caller."""
        await tx.execute(QUERIES.set_rounds, {"job_id": job_id, "rounds": 1})
        await enqueue(tx, CHECK_FIELDS, queue=ASSEMBLY_QUEUE, args={"job_id": job_id})

    async def check_fields(self, job_id: str) -> None:
        """Puts a draft together and opens tasks for the pieces of fields that fail. Twice has one effect."""
        where = {"job_id": job_id}
        async with self._ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.rounds_of, where)
            if not found or found[0][0] != 1:
                return
            seed = int(found[0][2])
            manifest = canonical.decode(found[0][1], Manifest, what="manifest")
            pages = await rows_of(connection, PageRow, QUERIES.pages_of, where)
            words = await rows_of(connection, DecidedTask, QUERIES.decided_tasks, where)
        decided = unfolded(words, pages, job_id)
        choices = places_of_choices(pages, decided, manifest)
        chosen = chosen_to_key(pages, decided, job_id) if manifest.task_type == FIELD_CHOICE else {}
        further = further_asks(pages, decided) if manifest.task_type == FIELD_CHOICE else {}
        wanted = {} if further else chosen or await asyncio.to_thread(_to_show, pages, decided, manifest)
        showing = bool(wanted) and not chosen
        if not wanted and not further:
            try:
                wanted = await asyncio.to_thread(_failing_pieces, pages, decided, manifest)
            except Exception:  # a draft that cannot be made must not keep anybody from being paid
                logger.exception("the fields of job %s cannot be checked", job_id)
                wanted = {}
        unread = set() if showing or chosen or further else unread_pieces(decided, manifest.job_id)
        planned: list[tuple[PageRow, TaskPlan, str]] = []
        plans_on = {page.page_key: msgspec.json.decode(page.pieces or b"[]", type=list[PiecePlan]) for page in pages}
        first_choices = {piece: because for piece, because in chosen.items() if piece not in choices}
        asks_on = {page.page_key: page.asked() for page in pages}
        between = {
            key: plan_reading_choices(plans, first_choices, manifest, asks_on[key]) for key, plans in plans_on.items()
        }
        sizes = [len(choice.pieces) for own in between.values() for choice in own]
        known = {} if choices else known_reading_choices(plans_on, sizes, manifest, seed=seed)
        put_together: dict[int, list[PageAsk]] = {}
        for page in pages:
            plans = plans_on[page.page_key]
            if asks := further.get(page.page_key):
                pictures = await self._draw_asks(page, plans, asks)
                tasks = plan_asks(asks, manifest, pieces=len(plans), among=asks_on[page.page_key])
                wanted = {**wanted, **{ask.ask_id: NEXT_PAGE for ask in asks}}
                planned.extend((page, task, pictures[task.piece_id]) for task in tasks)
                continue
            if own := unread & {plan.piece.piece_id for plan in plans}:
                drawn = await self._draw_again(page, plans, own)
                reasons = dict.fromkeys(drawn, CUT_ANEW)
                planned.extend((page, task, drawn[task.piece_id]) for task in again_tasks(plans, reasons, manifest))
                wanted = {**wanted, **reasons}
                plans = [plan for plan in plans if plan.piece.piece_id not in drawn]
            if showing:
                tasks = shown_tasks(plans, wanted, manifest)
            elif chosen:
                between_here = between[page.page_key]
                shown = {piece for choice in between_here for piece in choice.pieces}
                keyed = {piece: because for piece, because in chosen.items() if piece not in shown}
                tasks = again_tasks(plans, keyed, manifest, again=False, apart=choices)
                of_lines = (*between_here, *known.get(page.page_key, ()))
                wanted = {**wanted, **{one.task.piece_id: chosen.get(one.pieces[0], "") for one in of_lines}}
                tasks = [*(one.task for one in of_lines if one.ask is None), *tasks]
                if together := [one.ask for one in of_lines if one.ask is not None]:
                    put_together[page.page_key] = together
                    pictures = await self._draw_lines(page, plans, together)
                    several = [one.task for one in of_lines if one.ask is not None]
                    planned.extend((page, task, pictures[task.piece_id]) for task in several)
            else:
                tasks = again_tasks(plans, wanted, manifest, apart=choices)
            if tasks:
                pictures = await self._draw(page, plans, {task.piece_id for task in tasks})
                planned.extend((page, task, pictures[task.piece_id]) for task in tasks)

        async def store(tx: Tx) -> None:
            job = await lock_job(tx, job_id)
            if job.rounds != 1 or job.state != "open":
                return
            # what was chosen or is shown after all is answered first; then somebody looks once more
            more = bool(planned) and (showing or bool(chosen) or bool(further))
            await tx.execute(QUERIES.set_rounds, {"job_id": job_id, "rounds": 0 if more else 2})
            if not planned:
                return
            for page_key, asks in put_together.items():
                everything = msgspec.json.encode([*asks_on[page_key], *asks])
                await tx.execute(QUERIES.set_asks, {"job_id": job_id, "page_key": page_key, "asks": everything})
            async with tx.cursor() as cursor:
                await cursor.executemany(
                    QUERIES.add_task_again,
                    [
                        _values(job_id, page.page_key, task, picture, wanted[task.piece_id], job.tasks_total + number)
                        for number, (page, task, picture) in enumerate(planned)
                    ],
                )
            batches = batches_of([task.facts for _, task, _ in planned], BATCH_OF_TASKS)
            for batch_no, tasks in enumerate(batches, start=job.task_batches + 1):
                body = TasksOpened(job_id=job_id, batch_no=batch_no, tasks=tasks, complete=False)
                await self._ctx.send(tx, body, to_role="recording", to=job.recording)
            await tx.execute(
                QUERIES.count_tasks_again,
                # known ones in reserve are nobody's work: the job does not wait for them
                {"job_id": job_id, "tasks": sum(not task.reserve for _, task, _ in planned), "batches": len(batches)},
            )

        await self._ctx.db.retrying(store)


BATCH_OF_TASKS = 500
NEXT_PAGE = "people found it nowhere on an earlier page"
CUT_ANEW = "nobody could read it and its letters went on beyond the cutting: it is shown with more room"


def further_asks(pages: Sequence[PageRow], decided: Sequence[DecidedTask]) -> dict[int, list[PageAsk]]:
    """Asks that waited for an earlier page and are due: people found the field nowhere there. By page."""
    nowhere = {task.piece_id for task in decided if task.state == "accepted" and task.value == NONE}
    asked = {task.piece_id for task in decided}
    found: dict[int, list[PageAsk]] = {}
    for page in pages:
        for ask in page.asked():
            if ask.after in nowhere and ask.ask_id not in asked:
                found.setdefault(page.page_key, []).append(msgspec.structs.replace(ask, after=""))
    return found


def unread_pieces(decided: Sequence[DecidedTask], job_id: str) -> set[str]:
    """Pieces that people gave up, and that were asked once. A choice between readings that came to nothing is none."""
    keyed = [task for task in without_made(decided, job_id) if task.task_id != choose_task_id_of(job_id, task.piece_id)]
    twice = {task.piece_id for task in keyed if task.task_id == again_task_id_of(job_id, task.piece_id)}
    return {task.piece_id for task in keyed if task.state == "unreadable"} - twice


def places_of_choices(pages: Sequence[PageRow], decided: Sequence[DecidedTask], manifest: Manifest) -> dict[str, int]:
    """Pieces whose readings people were asked to choose between -> the place where each is keyed.

    Lines that were put together were asked at the first one's place: whoever is lent anything there, or beside it, has
    not seen them. Where one person may see all of a page, lines stand beside it by turns, half of them on either side:
    who keyed one may key the next but one, so that two people who chose nothing are enough for two lines.
    """
    job_id, whole = manifest.job_id, manifest.privacy == "off"
    asked = {task.piece_id for task in decided if task.task_id == choose_task_id_of(job_id, task.piece_id)}
    places: dict[str, int] = {}
    for page in pages if asked else ():
        order = {
            plan.piece.piece_id: plan.piece.order
            for plan in msgspec.json.decode(page.pieces or b"[]", type=list[PiecePlan])
        }
        places |= {piece: place_of_choice(order[piece], manifest) + whole for piece in asked & order.keys()}
        for ask in page.asked():
            if ask.choice is None and not ask.made and ask.parts:
                at = place_of_choice(order[ask.parts[0]], manifest)
                sides = {piece: whole * (-1 if n % 2 else 1) for n, piece in enumerate(ask.parts)}
                places |= {piece: at + sides[piece] for piece in ask.parts if piece in asked}
    return places


def chosen_to_key(pages: Sequence[PageRow], decided: Sequence[DecidedTask], job_id: str) -> dict[str, str]:
    """piece id -> why it is settled next: people chose it for a field, and nothing is believed of it yet.

    Nothing is believed where nobody keyed it or agreed on one of its readings, and no rule believes it unseen.
    """
    words = {
        piece: task
        for piece, task in last_words(decided, job_id).items()
        if task.state == "accepted" or task.task_id != choose_task_id_of(job_id, piece)
    }
    left = {
        plan.piece.piece_id
        for page in pages
        for plan in msgspec.json.decode(page.pieces or b"[]", type=list[PiecePlan])
        if plan.unseen is None and not plan.reserve and plan.piece.piece_id not in words
    }
    wanted: dict[str, str] = {}
    for doc_id in sorted({page.doc_id for page in pages}):
        fields = chosen_fields([page for page in pages if page.doc_id == doc_id], words, {})
        for name, place in fields.items():
            wanted |= {piece: f"people chose it: {name}" for piece in place.pieces if piece in left}
    return wanted


def again_tasks(
    plans: Sequence[PiecePlan],
    wanted: Mapping[str, str],
    manifest: Manifest,
    *,
    again: bool = True,
    apart: Mapping[str, int] = MappingProxyType({}),
) -> list[TaskPlan]:
    """Tasks of the second round for one page.

    plans   all pieces of the page
    wanted  piece id -> why it is asked: a check that its field failed, or that it was chosen
    again   whether the pieces were asked before
    apart   pieces whose readings were shown to people -> where that was asked: others key them
    """
    asked = [
        msgspec.structs.replace(plan, unseen=None, gold=False, like="", left_out=False)
        if plan.piece.piece_id in wanted
        else plan
        for plan in plans
    ]
    tasks = [
        msgspec.structs.replace(task, page_share=task.page_share or APART, place=apart[task.piece_id])
        if task.piece_id in apart
        else task
        for task in plan_tasks(asked, manifest)
        if task.piece_id in wanted
    ]
    if not again:
        return tasks
    return [
        msgspec.structs.replace(
            task, facts=msgspec.structs.replace(task.facts, task_id=again_task_id_of(manifest.job_id, task.piece_id))
        )
        for task in tasks
    ]


def shown_tasks(plans: Sequence[PiecePlan], wanted: Mapping[str, str], manifest: Manifest) -> list[TaskPlan]:
    """Tasks of one page for pieces that nobody was asked about so far and that are shown to people after all."""
    shown = [
        msgspec.structs.replace(plan, unseen=None, like="") if plan.piece.piece_id in wanted else plan for plan in plans
    ]
    return [task for task in plan_tasks(shown, manifest) if task.piece_id in wanted]


def _to_show(pages: Sequence[PageRow], decided: Sequence[DecidedTask], manifest: Manifest) -> dict[str, str]:
    """piece id -> why it is shown now: by the audit, or as a look-alike that nothing confirmed. For a thread."""
    plans = plans_of(pages)
    alone = to_be_asked(plans, last_words(decided, manifest.job_id))
    if alone:
        return dict.fromkeys(alone, ASKED_BECAUSE)
    step = next_step(plans, decided, manifest)
    piece_ids: tuple[str, ...] = getattr(step, "piece_ids", ())
    because: str = getattr(step, "because", "")
    return dict.fromkeys(piece_ids, because)


def _failing_pieces(pages: Sequence[PageRow], decided: Sequence[DecidedTask], manifest: Manifest) -> dict[str, str]:
    """piece id -> the checks that its field failed, as a reason; for a thread."""
    from manyhands.documents.checks import pieces_to_ask_again

    wanted: dict[str, str] = {}
    for record in draft_records(pages, with_confidences(decided, "it is a draft"), {}, manifest).values():
        failed = {piece: field.failed_checks for field in record.fields for piece in field.pieces}
        wanted |= {
            piece: f"asked again: its field failed {', '.join(failed[piece])}" for piece in pieces_to_ask_again(record)
        }
    return wanted


def _values(job_id: str, page_key: int, task: TaskPlan, picture: str, because: str, rank: int) -> dict[str, Any]:
    facts = task.facts
    return {
        "job_id": job_id,
        "task_id": facts.task_id,
        "rank": rank,
        "page_key": page_key,
        "place": task.place,
        "page_share": task.page_share,
        "piece_id": task.piece_id,
        "wanted": task.wanted,
        "gold": facts.gold,
        "queue": RESERVE if task.reserve else EVERYBODYS,
        "gold_views": task.views if task.reserve else 0,
        "question": facts.question,
        "effort_ms": facts.effort_ms,
        "reward_minor": facts.reward_minor,
        "picture": picture,
        "facts": canonical.encode(facts),
        "because": because,
    }
