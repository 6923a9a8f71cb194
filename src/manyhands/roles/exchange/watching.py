"""How a job runs, over time: answers, agreement, cost; and how fast people answer here. Reads only.

Rules kept here
- Slices of time are counted by the database; what is told grows with the number of slices, not of answers.
- Agreement is the share of decided answers that coincide with the verdict of their task.
- Simulated people have no pace that a forecast may rest on.
"""

from __future__ import annotations

import msgspec

from manyhands.protocol import canonical
from manyhands.protocol.messages import JobSettled
from manyhands.store.database import Database, rows, scalar
from manyhands.store.sql import load_queries

QUERIES = load_queries("manyhands.roles.exchange")

SLICES = 60
PACE_WINDOW_MS = 7 * 86_400_000
RECENT_MS = 10 * 60_000


class Slice(msgspec.Struct, frozen=True):
    """One slice of time: answers that came in it, of them decided, and of those agreeing with the verdict."""

    at_ms: int
    answers: int
    decided: int
    agreeing: int


class Cost(msgspec.Struct, frozen=True):
    """What the job had cost by a moment, minor units: what was set aside for accepted work; at last, pay and fees."""

    at_ms: int
    cost_minor: int


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A job over time. recent_answers in the last recent_ms; still_wanted = answers that are asked for and missing."""

    slices: tuple[Slice, ...]
    cost: tuple[Cost, ...]
    recent_answers: int
    recent_ms: int
    still_wanted: int
    timed_answers: int
    active_ms_median: int | None


class PaceMeasured(msgspec.Struct, frozen=True):
    """Answers of people's jobs of the last week, over the time between their first and last ones."""

    answers: int
    span_ms: int
    active_ms_median: int


async def series_of(db: Database, job_id: str, *, now_ms: int) -> Series:
    """A job's series; empty for a job that is not known here or that nobody has answered."""
    where = {"job_id": job_id}
    async with db.connection() as connection:
        found = await rows(connection, QUERIES.answers_in_slices, {**where, "slices": SLICES})
        anchors = await rows(
            connection,
            "select recorded_at_ms, reserved_minor from exchange.batches where job_id = %s order by batch_no",
            (job_id,),
        )
        ended = await rows(connection, "select settled, settled_at_ms from exchange.jobs where job_id = %s", (job_id,))
        still_wanted = int(await scalar(connection, QUERIES.still_wanted, where))
        first_ms = found[0][0] if found else now_ms
        recent_ms = max(1, min(RECENT_MS, now_ms - first_ms))
        recent = int(await scalar(connection, QUERIES.answers_since, {**where, "since_ms": now_ms - recent_ms}))
        timed, median = (await rows(connection, QUERIES.timed_answers, where))[0]
    cost, total = [], 0
    for recorded_at_ms, reserved_minor in anchors:
        total += reserved_minor
        cost.append(Cost(recorded_at_ms, total))
    if ended and ended[0][0] is not None:
        settled: JobSettled = canonical.decode(ended[0][0], JobSettled, what="settlement")
        cost.append(Cost(ended[0][1], sum(settled.paid_minor.values()) + settled.fees_minor))
    return Series(
        slices=tuple(
            Slice(first + (last - first) * (number + 1) // SLICES, answers, decided, agreeing)
            for first, last, number, answers, decided, agreeing in found
        ),
        cost=tuple(cost),
        recent_answers=recent,
        recent_ms=recent_ms,
        still_wanted=still_wanted,
        timed_answers=timed,
        active_ms_median=median,
    )


async def pace_measured(db: Database, *, now_ms: int) -> PaceMeasured | None:
    """None when nobody has answered here in the last week."""
    async with db.connection() as connection:
        found = await rows(connection, QUERIES.pace_measured, {"since_ms": now_ms - PACE_WINDOW_MS})
    answers, span_ms, median = found[0]
    return PaceMeasured(answers, span_ms, median) if answers and span_ms else None


class ExchangeCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the exchange right now."""

    jobs: dict[str, int]
    tasks: dict[str, int]
    leases_overdue: int
    answers_uncollected: int


class OverdueLeases(msgspec.Struct, frozen=True):
    """Bundles of a job whose lease is over and that nobody has freed."""

    job_id: str
    title: str
    bundles: int
    since_ms: int
    tasks: int


class QuietJob(msgspec.Struct, frozen=True):
    """A job in a state that it should leave by itself, and since when at least."""

    job_id: str
    title: str
    state: str
    since_ms: int


OVERDUE_AFTER_MS = 30_000
QUIET_AFTER_MS = 15 * 60_000


async def counts(db: Database, *, now_ms: int) -> ExchangeCounts:
    """For whoever watches the platform."""
    before = {"before_ms": now_ms - OVERDUE_AFTER_MS}
    async with db.connection() as connection:
        return ExchangeCounts(
            jobs=dict(await rows(connection, QUERIES.count_jobs)),
            tasks=dict(await rows(connection, QUERIES.count_tasks)),
            leases_overdue=int(await scalar(connection, QUERIES.count_overdue, before)),
            answers_uncollected=int(await scalar(connection, QUERIES.count_uncollected)),
        )


async def overdue_leases(db: Database, *, now_ms: int) -> list[OverdueLeases]:
    """Leases over for longer than half a minute: the exchange's clock does not tick, or stumbles over them."""
    async with db.connection() as connection:
        found = await rows(connection, QUERIES.overdue_bundles, {"before_ms": now_ms - OVERDUE_AFTER_MS})
    return [OverdueLeases(*row) for row in found]


async def quiet_jobs(db: Database, *, now_ms: int) -> list[QuietJob]:
    """Jobs that have stood still for a quarter of an hour where nobody is asked to do anything."""
    async with db.connection() as connection:
        found = await rows(connection, QUERIES.quiet_jobs, {"before_ms": now_ms - QUIET_AFTER_MS})
    return [QuietJob(*row) for row in found]
