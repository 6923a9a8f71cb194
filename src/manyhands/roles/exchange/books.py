"""A worker's own books and wishes, what workers say of requesters, and what anyone may know of wages and disputes.

Rules kept here
- A worker sees the own rows only, all of them: what the platform knows of a person, that person may take along.
- A worker's own limits are kept where tasks are lent: beyond them nothing is lent, and what is lent may be finished.
- A figure rests on enough observations or is None: `STARS_LEAST` ratings, `ANSWERS_LEAST` answers, `WAGES_LEAST` wages.
- Public figures name nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from manyhands.protocol import canonical
from manyhands.protocol.manifest import is_language
from manyhands.protocol.messages import TypeStanding
from manyhands.quality import reputation
from manyhands.roles import RoleContext
from manyhands.store.database import rows, rows_of, scalar
from manyhands.store.sql import load_queries

from .errors import BadRequest, NoSuchJob, OwnLimitReached, PoolMembersOnly, ScoreTooLow, SensitiveNotWished
from .fitting import prior_from

QUERIES = load_queries("manyhands.roles.exchange")

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
STARS_LEAST = 5
ANSWERS_LEAST = 20
WAGES_LEAST = 5
WAGE_TIME_LEAST_MS = 60_000
PAGE_MAX = 200
LANGUAGES_MAX = 20
EXPORT_PAGE = 5_000


class HourWorked(msgspec.Struct, frozen=True):
    """One hour of the clock. offered_minor = rewards of its answers, whatever came of them."""

    hour_ms: int
    currency: str
    answers: int
    active_ms: int
    offered_minor: int


class Wishes(msgspec.Struct, frozen=True):
    """A worker's own limits, minutes; 0 = none. sensitive: whether such work may be offered.

    languages: those the worker reads, codes of ISO 639; () = not told
    """

    day_cap_minutes: int = 0
    week_cap_minutes: int = 0
    break_minutes: int = 50
    sensitive: bool = False
    utc_offset_minutes: int = 0
    languages: tuple[str, ...] = ()


class OwnHours(msgspec.Struct, frozen=True):
    """Active time of the worker's present day and week, ms."""

    today_ms: int
    week_ms: int


class Pace(msgspec.Struct, frozen=True):
    """What the worker took per answer of a task type so far, and what an hour brought."""

    ms_each: int
    per_hour_minor: int
    answers: int


class RequesterRecord(msgspec.Struct, frozen=True):
    """What is known of a requester. None = too few observations to say."""

    jobs: int
    stars_milli: int | None
    ratings: int
    refused_bp: int | None


class TypeView(msgspec.Struct, frozen=True):
    """A standing in one answer type, "" = none was told. right, judged: answers in the job that moved it."""

    answer_type: str
    score_bp: int
    right_milli: int
    wrong_milli: int
    right: int
    judged: int


class StandingChange(msgspec.Struct, frozen=True):
    """A standing after one job, and why it moved. counts: what because says in figures, {} = it is of before them."""

    skill: str
    at_ms: int
    job_id: str
    title: str
    score_bp: int
    right_milli: int
    wrong_milli: int
    because: str
    types: tuple[TypeView, ...] = ()
    counts: dict[str, int] = {}


class Bar(msgspec.Struct, frozen=True):
    """A column of a histogram: workers whose pay per hour lies from here to below there."""

    from_minor: int
    to_minor: int
    workers: int


class Wages(msgspec.Struct, frozen=True):
    """Paid pay per hour of workers in settled jobs, per currency; None and no bars below `WAGES_LEAST` observations."""

    currency: str
    exponent: int
    simulated: bool
    observations: int
    p10_minor: int | None
    p25_minor: int | None
    p50_minor: int | None
    p75_minor: int | None
    p90_minor: int | None
    bars: tuple[Bar, ...]


class Extra(msgspec.Struct, frozen=True):
    """What was paid beyond rewards, in one currency: raised to the floor, and given back after appeals."""

    currency: str
    exponent: int
    top_up_minor: int
    restored_minor: int


class PublicReport(msgspec.Struct, frozen=True):
    """A task that a worker found broken or inappropriate, and what the jury said. ruled_at_ms None = it judges yet."""

    job_id: str
    title: str
    code: str
    state: str
    filed_at_ms: int
    ruled_at_ms: int | None


class PublicAppeal(msgspec.Struct, frozen=True):
    """Refused answers that a worker had people look at again, and what came of it. ended_at_ms None = nothing yet."""

    job_id: str
    title: str
    answers: int
    state: str
    because: str
    restored_minor: int
    currency: str
    exponent: int
    filed_at_ms: int
    ended_at_ms: int | None


class RoleShown(msgspec.Struct, frozen=True):
    """A role of this platform: where it speaks from, and on which chains."""

    role: str
    address: str
    chain_ids: tuple[int, ...]


class PublicRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What anyone may know: sums, wages without names, reports and appeals with their outcomes, roles.

    jobs, settled, simulated  counts of jobs; simulated = with simulated people
    answers, refused, workers counts over all jobs
    reports, appeals          the newest 200
    parties                   the roles, where the exchange knows them
    """

    jobs: int
    settled: int
    simulated: int
    tasks: int
    answers: int
    refused: int
    workers: int
    extras: tuple[Extra, ...]
    wages: tuple[Wages, ...]
    reports: tuple[PublicReport, ...]
    appeals: tuple[PublicAppeal, ...]
    parties: tuple[RoleShown, ...] = ()


class OwnAnswer(msgspec.Struct, frozen=True):
    """A task lent to the worker and what came of it. value = the verdict, None as long as there is none."""

    task_id: str
    question: str
    text: str | None
    state: str
    lent_at_ms: int
    received_at_ms: int | None
    active_ms: int | None
    reward_minor: int
    outcome: str | None
    earned_minor: int | None
    code: str | None
    because: str | None
    task_state: str
    value: str | None
    verdict_because: str | None


def day_and_week(now_ms: int, utc_offset_minutes: int) -> tuple[int, int]:
    """When the worker's day and week (from Monday) began, ms, on whole hours of the clock.

    >>> day_and_week(1_790_000_000_000, 120)  # Monday 2026-09-21, 16:13 two hours east of Greenwich
    (1789941600000, 1789941600000)
    """
    shift_ms = utc_offset_minutes * 60_000
    day_no = (now_ms + shift_ms) // DAY_MS
    monday_no = day_no - (day_no + 3) % 7  # day 0 was a Thursday
    return tuple((no * DAY_MS - shift_ms) // HOUR_MS * HOUR_MS for no in (day_no, monday_no))  # type: ignore[return-value]


def types_shown(types: Mapping[str, TypeStanding]) -> str:
    """Standings by answer type as the tables keep them for the worker's page: JSON, in order of the type's name."""
    return canonical.encode(
        [
            TypeView(name, one.score_bp, one.right_micro // 1_000, one.wrong_micro // 1_000, one.right, one.judged)
            for name, one in sorted(types.items())
        ]
    ).decode()


def types_of(kept: Any) -> tuple[TypeView, ...]:
    """What `types_shown` kept."""
    return msgspec.convert(kept, tuple[TypeView, ...])


class Books:
    """A worker's own books."""

    def __init__(self, ctx: RoleContext) -> None:
        self._ctx = ctx

    async def hours(self, worker: str, *, from_ms: int = 0) -> list[HourWorked]:
        """Work by the hour, oldest first."""
        async with self._ctx.db.connection() as connection:
            values = {"worker": worker, "from_ms": from_ms}
            return await rows_of(connection, HourWorked, QUERIES.worked_by_hour, values)

    async def wishes(self, worker: str) -> Wishes:
        async with self._ctx.db.connection() as connection:
            found = await rows_of(connection, Wishes, QUERIES.wishes_of, {"worker": worker})
        return found[0] if found else Wishes()

    async def put_wishes(self, worker: str, wishes: Wishes) -> None:
        """The last one counts. raises BadRequest for a language that is no code"""
        if len(wishes.languages) > LANGUAGES_MAX or not all(is_language(one) for one in wishes.languages):
            raise BadRequest(f"languages are codes such as 'es', {LANGUAGES_MAX} at most")
        own = {**msgspec.structs.asdict(wishes), "languages": list(dict.fromkeys(wishes.languages))}
        values = {**own, "worker": worker, "now_ms": self._ctx.clock()}
        async with self._ctx.db.transaction() as tx:
            await tx.execute(QUERIES.put_wishes, values)

    async def own_hours(self, worker: str, wishes: Wishes) -> OwnHours:
        """How long the worker was active today and this week."""
        day_ms, week_ms = day_and_week(self._ctx.clock(), wishes.utc_offset_minutes)
        async with self._ctx.db.connection() as connection:
            values = {"worker": worker, "day_ms": day_ms, "week_ms": week_ms}
            (found,) = await rows(connection, QUERIES.worked_since, values)
        return OwnHours(*found)

    async def check_claim(self, worker: str, job_id: str) -> int:
        """Whether the worker may be lent tasks of the job.

        returns  parts of the job's daily cap, which is looked at apart; 0 = it has none, or there is no such job
        raises   OwnLimitReached, SensitiveNotWished, ScoreTooLow, PoolMembersOnly
        """
        async with self._ctx.db.connection() as connection:
            values = {"worker": worker, "job_id": job_id}
            row = await (await connection.execute(QUERIES.claim_door, values, prepare=True)).fetchone()
        if row is None:
            return 0  # there is no such job: the claim itself says so
        (
            day_minutes,
            week_minutes,
            utc_offset_minutes,
            unwished,
            least_bp,
            own_bp,
            *of_newcomers,
            task_type,
            outside,
            cap_parts,
        ) = row
        if outside:  # whoever left a pool holds what they hold, and is lent no more of its work
            raise PoolMembersOnly(job_id)
        if unwished:
            raise SensitiveNotWished
        score_bp = reputation.newcomer(prior_from(*of_newcomers)).score_bp if own_bp is None else own_bp
        if score_bp < least_bp:
            raise ScoreTooLow(task_type, least_bp=least_bp, own_bp=score_bp)
        if not (day_minutes or week_minutes):
            return int(cap_parts)
        worked = await self.own_hours(worker, Wishes(utc_offset_minutes=utc_offset_minutes))
        for span, cap_minutes, worked_ms in (
            ("day", day_minutes, worked.today_ms),
            ("week", week_minutes, worked.week_ms),
        ):
            if cap_minutes and worked_ms >= cap_minutes * 60_000:
                raise OwnLimitReached(span, cap_minutes=cap_minutes)
        return int(cap_parts)

    async def paces(self, worker: str) -> dict[tuple[str, str], Pace]:
        """The worker's own pace by task type and currency, where enough was accepted."""
        async with self._ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.own_paces, {"worker": worker})
        return {
            (task_type, currency): Pace(ms // answers, earned_minor * HOUR_MS // ms, answers)
            for task_type, currency, ms, answers, earned_minor in found
            if answers >= ANSWERS_LEAST and ms > 0
        }

    async def requesters(self, requesters: Sequence[str]) -> dict[str, RequesterRecord]:
        """What workers' answers and words say of requesters."""
        values = {"requesters": list(requesters)}
        async with self._ctx.db.connection() as connection:
            done = await rows(connection, QUERIES.requesters_record, values)
            said = {
                one: (count, stars) for one, count, stars in await rows(connection, QUERIES.requesters_stars, values)
            }
        told: dict[str, RequesterRecord] = {}
        for requester, answers, refused, jobs in done:
            count, stars = said.get(requester, (0, 0))
            told[requester] = RequesterRecord(
                jobs=jobs,
                stars_milli=stars * 1_000 // count if count >= STARS_LEAST else None,
                ratings=count,
                refused_bp=refused * 10_000 // answers if answers >= ANSWERS_LEAST else None,
            )
        return told

    async def rate(self, worker: str, job_id: str, stars: int) -> None:
        """A worker's word on a job's requester. raises BadRequest, NoSuchJob for a job the worker had no task of"""
        if not 1 <= stars <= 5:
            raise BadRequest(f"{stars} stars are none", cure="Give 1 to 5.")
        values = {"job_id": job_id, "worker": worker, "stars": stars, "now_ms": self._ctx.clock()}
        async with self._ctx.db.transaction() as tx:
            if await scalar(tx, QUERIES.rate, values) is None:
                raise NoSuchJob(job_id)

    async def guides_read(self, worker: str) -> set[tuple[str, str]]:
        """(task type, version) of the guides that the worker has read."""
        async with self._ctx.db.connection() as connection:
            return {(one[0], one[1]) for one in await rows(connection, QUERIES.guides_of, {"worker": worker})}

    async def standing_changes(self, worker: str) -> list[StandingChange]:
        """Every change of the worker's standings, by skill, oldest first."""
        async with self._ctx.db.connection() as connection:
            found = await rows_of(connection, StandingChange, QUERIES.standing_changes_of, {"worker": worker})
        return [msgspec.structs.replace(one, types=types_of(one.types)) for one in found]

    async def answers(self, worker: str, job_id: str, *, skip: int = 0, most: int = PAGE_MAX) -> list[OwnAnswer]:
        """The worker's tasks of one job, newest first."""
        values = {"worker": worker, "job_id": job_id, "skip": skip, "most": most}
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, OwnAnswer, QUERIES.answers_by_worker, values)

    async def everything(self, worker: str) -> dict[str, list[dict[str, Any]]]:
        """All rows that are about this worker, by table, as plain values. Secrets of the account are left out."""
        where = {"worker": worker, "from_ms": 0}
        told: dict[str, list[dict[str, Any]]] = {}
        async with self._ctx.db.connection() as connection:
            for name, query in (
                ("hours", QUERIES.worked_by_hour),
                ("wishes", QUERIES.wishes_of),
                ("standing_changes", QUERIES.standing_changes_of),
                ("ratings", QUERIES.ratings_of),
                ("guides_read", QUERIES.guides_of),
                ("practice", QUERIES.practice_of_worker),
                ("reports", QUERIES.reports_of_worker),
                ("votes", QUERIES.votes_of_worker),
                ("appeals", QUERIES.appeals_of_worker),
                ("pools", QUERIES.pools_of),
                ("signs", QUERIES.own_signs),
                ("jobs", QUERIES.jobs_worked_in),
            ):
                cursor = await connection.execute(query, where)
                columns = [column.name for column in cursor.description or ()]
                told[name] = [dict(zip(columns, row, strict=True)) for row in await cursor.fetchall()]
        answers: list[dict[str, Any]] = []
        for job in told["jobs"]:
            skip = 0
            while True:
                found = await self.answers(worker, job["job_id"], skip=skip, most=EXPORT_PAGE)
                answers += [{"job_id": job["job_id"], **msgspec.structs.asdict(one)} for one in found]
                skip += len(found)
                if len(found) < EXPORT_PAGE:
                    break
        told["answers"] = answers
        return told

    # --- for anyone -----------------------------------------------------------------------------------------------

    async def public_record(self) -> PublicRecord:
        """What anyone may know, without the roles, which the exchange does not know."""
        async with self._ctx.db.connection() as connection:
            (jobs,) = await rows(connection, QUERIES.public_sums)
            (work,) = await rows(connection, QUERIES.public_answers)
            extras = await rows_of(connection, Extra, QUERIES.public_extras)
            wages = await rows(connection, QUERIES.public_wages, {"least_ms": WAGE_TIME_LEAST_MS})
            reports = await rows_of(connection, PublicReport, QUERIES.public_reports)
            appeals = await rows_of(connection, PublicAppeal, QUERIES.public_appeals)
        kinds = sorted({(currency, exponent, simulated) for currency, exponent, simulated, _ in wages})
        return PublicRecord(
            jobs=jobs[0],
            settled=jobs[1],
            simulated=jobs[2],
            tasks=jobs[3],
            answers=work[0],
            refused=work[1],
            workers=work[2],
            extras=tuple(extras),
            wages=tuple(distribution(*kind, [wage for *its, wage in wages if tuple(its) == kind]) for kind in kinds),
            reports=tuple(reports),
            appeals=tuple(appeals),
        )


def distribution(currency: str, exponent: int, simulated: bool, wages_minor: Sequence[int]) -> Wages:
    """Paid pay per hour of workers in settled jobs. Percentiles are None below `WAGES_LEAST` observations.

    >>> distribution("MHT", 6, False, [10, 20, 30, 40, 50]).p50_minor
    30
    >>> distribution("MHT", 6, False, [10]).p50_minor is None
    True
    """
    ordered = sorted(wages_minor)
    enough = len(ordered) >= WAGES_LEAST

    def at(percent: int) -> int | None:
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if enough else None

    return Wages(
        currency=currency,
        exponent=exponent,
        simulated=simulated,
        observations=len(ordered),
        p10_minor=at(10),
        p25_minor=at(25),
        p50_minor=at(50),
        p75_minor=at(75),
        p90_minor=at(90),
        bars=_bars(ordered) if enough else (),
    )


def _bars(ordered: Sequence[int], count: int = 12) -> tuple[Bar, ...]:
    """A histogram of at most `count` bars of equal width, without empty ones at its end."""
    low, high = ordered[0], ordered[-1]
    width = max(1, -(-(high - low + 1) // count))
    workers = Counter((wage - low) // width for wage in ordered)
    return tuple(Bar(low + n * width, low + (n + 1) * width, workers[n]) for n in range(max(workers) + 1))
