"""Signs in a worker's own answers: what the reputation oracle noticed, told to the worker, with what they say to it.

Rules kept here
- Whoever is looked at is told so, with the counts it rests on and what follows: nothing, unless a person decides so.
- What the worker says stands before that person beside the evidence; the last words stand.
- A sign that a person took back stays to be read, with the reason.
- The reputation oracle's last word on a job holds, in whatever order its words come.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from manyhands.protocol import canonical
from manyhands.protocol.messages import SignsTold
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, rows, rows_of
from manyhands.store.sql import load_queries

from .errors import BadRequest, NoSuchSign, NotYours
from .opening import lock_job

QUERIES = load_queries("manyhands.roles.exchange")

WORDS_MAX_CHARS = 2_000


class SignView(msgspec.Struct, frozen=True):
    """What a worker is told. evidence: counts by name, for pages to say in the reader's language what `says` says.

    words            what the worker said to it, "" = nothing yet
    cleared_because  why a person took it back, "" = nobody has
    """

    job_id: str
    title: str
    kind: str
    says: str
    evidence: dict[str, int]
    at_ms: int
    words: str
    cleared_because: str


class SignWords(msgspec.Struct, frozen=True):
    """What a worker said, for the person who decides."""

    worker: str
    job_id: str
    kind: str
    words: str
    at_ms: int


class Noticing:
    """Signs in, workers' words out."""

    def __init__(self, ctx: RoleContext) -> None:
        self._ctx = ctx

    async def told(self, tx: Tx, sender: str, body: SignsTold) -> None:
        """Takes the reputation oracle's word over. raises NotYours"""
        job = await lock_job(tx, body.job_id)
        if sender != job.reputation:
            raise NotYours(body.job_id, sender, "reputation oracle")
        for sign in body.signs:
            await tx.execute(
                QUERIES.put_own_sign,
                {
                    **msgspec.structs.asdict(sign),
                    "evidence": canonical.encode(sign.evidence).decode(),
                    "job_id": body.job_id,
                    "word_no": body.word_no,
                    "now_ms": self._ctx.clock(),
                },
            )

    async def of(self, worker: str) -> list[SignView]:
        """What was noticed of a worker, the newest first."""
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, SignView, QUERIES.own_signs, {"worker": worker})

    async def say(self, worker: str, job_id: str, kind: str, words: str) -> None:
        """Keeps what the worker says to it; the last words stand. raises BadRequest, NoSuchSign"""
        if not words.strip() or len(words) > WORDS_MAX_CHARS or "\x00" in words:
            raise BadRequest(f"say it in 1 to {WORDS_MAX_CHARS} characters, without NUL")
        values = {"worker": worker, "job_id": job_id, "kind": kind, "words": words.strip()}
        async with self._ctx.db.transaction() as tx:
            if not await rows(tx, QUERIES.put_sign_words, {**values, "now_ms": self._ctx.clock()}):
                raise NoSuchSign

    async def words(self) -> Sequence[SignWords]:
        """What workers have said, the newest first."""
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, SignWords, QUERIES.sign_words)
