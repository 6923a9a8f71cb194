"""Workers who count as one: what the reputation oracle says, what it rests on, and what the worker says to it.

Rules kept here
- The worker is told that it is so, what it rests on and what follows: one task is not lent to two of them, their equal
  answers count once. It takes no pay and no standing.
- What the worker says to it stands before the person who decides, beside the evidence. No names of others are told.
- The reputation oracle's last word holds, in whatever order its words come.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from manyhands.protocol.messages import WorkersLinked
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, row_of, rows, rows_of
from manyhands.store.sql import load_queries

from .errors import BadRequest, NotLinked, NotYours
from .opening import lock_job

QUERIES = load_queries("manyhands.roles.exchange")

WORDS_MAX_CHARS = 2_000


class LinkView(msgspec.Struct, frozen=True):
    """What a worker is told.

    counted_as_one  False = it was so, until a person looked and undid it; because says why
    others          how many further accounts
    words           what the worker said to it, "" = nothing yet
    """

    counted_as_one: bool
    others: int
    because: str
    at_ms: int
    words: str


class LinkWords(msgspec.Struct, frozen=True):
    """What a linked worker said, for the person who decides."""

    worker: str
    group: str
    words: str
    at_ms: int


class Linking:
    """Links in, workers' words out."""

    def __init__(self, ctx: RoleContext) -> None:
        self._ctx = ctx

    async def linked(self, tx: Tx, sender: str, body: WorkersLinked) -> None:
        """Takes the reputation oracle's word over."""
        job = await lock_job(tx, body.job_id)
        if sender != job.reputation:
            raise NotYours(body.job_id, sender, "reputation oracle")
        for worker, group in sorted(body.groups.items()):
            link = {"worker": worker, "group": group, "link_no": body.link_no, "job_id": body.job_id}
            await tx.execute(QUERIES.put_link, {**link, "because": body.because, "now_ms": self._ctx.clock()})

    async def of(self, worker: str) -> LinkView | None:
        """What was said of a worker last, None when nothing ever was."""
        async with self._ctx.db.connection() as connection:
            return await row_of(connection, LinkView, QUERIES.link_of, {"worker": worker})

    async def say(self, worker: str, words: str) -> None:
        """Keeps what a linked worker says to it; the last words stand. raises BadRequest, NotLinked"""
        if not words.strip() or len(words) > WORDS_MAX_CHARS or "\x00" in words:
            raise BadRequest(f"say it in 1 to {WORDS_MAX_CHARS} characters, without NUL")
        values = {"worker": worker, "words": words.strip(), "now_ms": self._ctx.clock()}
        async with self._ctx.db.connection() as connection:
            if not await rows(connection, QUERIES.put_link_words, values):
                raise NotLinked

    async def words(self) -> Sequence[LinkWords]:
        """What linked workers have said, the newest first."""
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, LinkWords, QUERIES.link_words)
