"""Work by the day: where a job has a daily cap, no more is lent in a day than the escrow can take on in it.

Rules kept here
- Nobody works for pay that could not be reserved on the same day: what is lent, answered and not on the chain yet
  counts against what the day has left.
- Who is turned away is told the reason and when the next day begins. What somebody holds can always be finished.
- What is told is counted, by the chain's events and the exchange's own tables; nothing is foretold.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import msgspec

from manyhands.ledger.as_told import ChainNotReady
from manyhands.ledger.daily_cap import DayUsed
from manyhands.protocol.daily_cap import cap_minor
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, rows
from manyhands.store.sql import load_queries

from .errors import DayIsFull

QUERIES = load_queries("manyhands.roles.exchange")

ReadDay = Callable[[Tx, int, str], Awaitable[DayUsed]]
"""Chain, escrow -> what the chain has counted. raises ChainNotReady"""


class DailyShare(msgspec.Struct, frozen=True):
    """A job's daily cap as told to a worker.

    parts       of the job's funds one part in so many is reserved, and paid, per day of UTC at most
    left_minor  what today has left for work that is lent now, minor units
    next_at_ms  when the next day begins
    full        today has no room for one more answer
    """

    parts: int
    left_minor: int
    next_at_ms: int
    full: bool


class Capping:
    """What the days of jobs with a daily cap have left. read_day None = nobody can say: nothing is held back"""

    def __init__(self, ctx: RoleContext, read_day: ReadDay | None) -> None:
        self._ctx, self._read_day = ctx, read_day

    async def share(self, tx: Tx, job_id: str) -> DailyShare | None:
        """The job's share of today; None without a daily cap."""
        found = await self._look(tx, job_id, worker="")
        return found[0] if found else None

    async def shares(self, job_ids: Sequence[str]) -> dict[str, DailyShare]:
        """The same of several jobs, those with a daily cap."""
        told: dict[str, DailyShare] = {}
        async with self._ctx.db.connection() as tx:
            for job_id in job_ids:
                if (share := await self.share(tx, job_id)) is not None:
                    told[job_id] = share
        return told

    async def notes(self, job_ids: Sequence[str]) -> dict[str, str]:
        """What a worker should know of accepted pay that a daily cap puts off, by job: in words, without a guess."""
        told: dict[str, str] = {}
        async with self._ctx.db.connection() as tx:
            for job_id, parts, chain_id, escrow, funded_minor, accepted_minor, at_the_end in await rows(
                tx, QUERIES.capped_under_way, {"job_ids": list(job_ids)}
            ):
                day = await self._day(tx, chain_id, escrow)
                room_minor = 0 if day is None else cap_minor(funded_minor, parts) - day.reserved_today_minor
                # what fits into today is on its way, and needs no word
                if day is not None and accepted_minor - day.reserved_minor > room_minor:
                    at = datetime.fromtimestamp(day.ends_at_s, tz=UTC)
                    told[job_id] = (
                        "daily cap: accepted pay of this job that today has no room for is set aside from "
                        f"{at:%H:%M} UTC on {at:%Y-%m-%d} on, in the order in which it was accepted"
                    )
                elif at_the_end:
                    told[job_id] = f"daily cap: this job is paid over days, at most 1/{parts} of its funds a day"
        return told

    async def room(self, worker: str, job_id: str, count: int) -> int:
        """Of `count` tasks asked for, how many the day has room for; all of them for who holds some already.

        raises  DayIsFull
        """
        async with self._ctx.db.connection() as tx:
            found = await self._look(tx, job_id, worker=worker)
        if found is None:
            return count
        share, reward_minor, holds = found
        if holds:  # a claim that is repeated gives the same bundle
            return count
        if share.full:
            raise DayIsFull(job_id, parts=share.parts, next_at_ms=share.next_at_ms)
        return min(count, share.left_minor // max(1, reward_minor))

    async def _look(self, tx: Tx, job_id: str, *, worker: str) -> tuple[DailyShare, int, bool] | None:
        if self._read_day is None:
            return None
        found = await rows(tx, QUERIES.day_of_job, {"job_id": job_id, "worker": worker})
        if not found or not found[0][0]:
            return None
        parts, chain_id, escrow, funded_minor, reward_minor, promised_minor, holds = found[0]
        day = await self._day(tx, chain_id, escrow)
        if day is None:
            return None
        waits_minor = max(0, int(promised_minor) - day.reserved_minor)
        left_minor = max(0, cap_minor(funded_minor, parts, unit=day.unit) - day.reserved_today_minor - waits_minor)
        full = left_minor < max(1, int(reward_minor))
        return DailyShare(parts, left_minor, day.ends_at_s * 1_000, full), int(reward_minor), bool(holds)

    async def _day(self, tx: Tx, chain_id: int, escrow: str) -> DayUsed | None:
        """None where nothing can be said of the day; the oracles' own count holds all the same."""
        try:
            return None if self._read_day is None else await self._read_day(tx, chain_id, escrow)
        except ChainNotReady:
            return None
