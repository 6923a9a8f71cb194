"""A running job as its requester watches it: one state told again when it changes, and what happened, in order.

Rules kept here
- A state replaces the one before it, so that a reader who was away misses nothing. What happened is numbered and told
  once each: a reader who comes back names the last number and gets the rest.
- However many windows watch a job, the database is asked once; and never for more than a twentieth of the time.
- An expected end is told when at least twenty answers were timed and some came lately. Else there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import Clock
from manyhands.roles.exchange.watching import Series

from .errors import TooManyWatchers
from .quoting import PACE_LEAST

log = logging.getLogger(__name__)

STATE_EVERY_S: Final = 1.0
SHARE_OF_TIME: Final = 20
BEAT_S: Final = 15.0
WATCHERS_MAX: Final = 8
OVER: Final = frozenset({"closed", "refused"})

Look = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""Job id -> the job's page as the record tells it, None when there is none."""

SeriesOf = Callable[[str], Awaitable[Series]]


def expected_end_ms(series: Series, *, now_ms: int) -> int | None:
    """When the answers still wanted will be in at the pace of the last minutes; None = not known.

    >>> flat = Series(slices=(), cost=(), recent_answers=60, recent_ms=600_000, still_wanted=30, timed_answers=60,
    ...               active_ms_median=4_000)
    >>> expected_end_ms(flat, now_ms=1_000_000)
    1300000
    """
    if series.timed_answers < PACE_LEAST or series.recent_answers == 0 or series.still_wanted == 0:
        return None
    return now_ms + -(-series.still_wanted * series.recent_ms // series.recent_answers)


def state_of(page: Mapping[str, Any], series: Series | None, *, now_ms: int) -> dict[str, Any]:
    """What a watcher is told: the record's page without what never changes, with the series beside it."""
    told = {name: value for name, value in page.items() if name not in ("happened", "quote_lines", "payouts")}
    if series is not None:
        told["series"] = series
        told["expected_end_ms"] = expected_end_ms(series, now_ms=now_ms)
    return told


@dataclass
class _Watched:
    """One job that somebody watches: the last state, and a bell that rings when there is another."""

    version: int = 0
    state: bytes = b""
    happened: tuple[bytes, ...] = ()
    over: bool = False
    problem: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    watchers: int = 0


class Watching:
    """Everyone who watches running jobs from this process."""

    def __init__(self, look: Look, series: SeriesOf, clock: Clock) -> None:
        self._look, self._series, self._clock = look, series, clock
        self._watched: dict[str, _Watched] = {}
        self._of_account: Counter[str] = Counter()

    async def snapshot(self, job_id: str) -> dict[str, Any] | None:
        """The state once, with what happened so far; None when there is no such job."""
        page = await self._look(job_id)
        if page is None:
            return None
        now_ms = self._clock()
        return {
            **state_of(page, await self._series(job_id), now_ms=now_ms),
            "happened": page.get("happened", []),
            "now_ms": now_ms,
        }

    async def events(self, account: str, job_id: str, *, after: int) -> AsyncIterator[bytes]:
        """Server-sent events of a job for one window, until it is over or the window goes.

        after   number of the last thing that happened which the window knows, 0 = nothing
        raises  TooManyWatchers before the first event
        """
        if self._of_account[account] >= WATCHERS_MAX:
            raise TooManyWatchers(WATCHERS_MAX)
        return self._told(account, job_id, after)

    async def _told(self, account: str, job_id: str, after: int) -> AsyncIterator[bytes]:
        self._of_account[account] += 1
        watched = self._join(job_id)
        seen = -1
        try:
            yield b"retry: 2000\n\n"
            while True:
                bell = watched.changed
                if watched.version and watched.version != seen:
                    seen = watched.version
                    for number, raw in enumerate(watched.happened[after:], start=after + 1):
                        yield b"id: %d\nevent: happened\ndata: %b\n\n" % (number, raw)
                    after = max(after, len(watched.happened))
                    yield b"event: state\ndata: %b\n\n" % watched.state
                    if watched.over:
                        yield b"event: over\ndata: {}\n\n"
                        return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), BEAT_S)
                    continue
                yield b": still here\n\n"
        finally:
            self._leave(job_id, watched)
            self._of_account[account] -= 1
            if self._of_account[account] <= 0:
                del self._of_account[account]

    def _join(self, job_id: str) -> _Watched:
        watched = self._watched.get(job_id)
        if watched is None:
            watched = self._watched[job_id] = _Watched()
            watched.task = asyncio.create_task(self._keep(job_id, watched), name=f"watch {job_id}")
        watched.watchers += 1
        return watched

    def _leave(self, job_id: str, watched: _Watched) -> None:
        watched.watchers -= 1
        if watched.watchers == 0:
            if watched.task is not None:
                watched.task.cancel()
            self._watched.pop(job_id, None)

    async def _keep(self, job_id: str, watched: _Watched) -> None:
        """Looks again and again, and rings when something changed."""
        while not watched.over:
            began = time.monotonic()
            try:
                page = await self._look(job_id)
                if page is not None:
                    self._tell(watched, page, await self._series(job_id))
            except (ManyhandsError, OSError) as problem:
                log.warning("job %s cannot be watched for now: %s", job_id, problem)
            except Exception:
                # a window must not stay silent for good because one look failed; the log keeps why
                log.exception("looking at job %s failed", job_id)
            took_s = time.monotonic() - began
            await asyncio.sleep(max(STATE_EVERY_S, SHARE_OF_TIME * took_s))

    def _tell(self, watched: _Watched, page: Mapping[str, Any], series: Series) -> None:
        # the moment itself is no change: only what follows from it, to the next ten seconds
        now_ms = self._clock() // 10_000 * 10_000
        settled = msgspec.structs.replace(series, recent_ms=max(1, series.recent_ms // 10_000 * 10_000))
        state = msgspec.json.encode(state_of(page, settled, now_ms=now_ms))
        happened = tuple(msgspec.json.encode(one) for one in page.get("happened", ()))
        watched.over = page["state"] in OVER
        if state == watched.state and happened == watched.happened and watched.version:
            return
        watched.state, watched.happened = state, happened
        watched.version += 1
        bell, watched.changed = watched.changed, asyncio.Event()
        bell.set()
