"""Appeals: a worker whose answers were refused has people look again, and jurors vote.

Rules kept here
- One appeal holds all refused answers of a worker in a job that no appeal held before. Made twice, it is one.
- A job with refused answers does not end before the refused had a day to appeal, nor while an appeal is open.
- An appeal that was denied is final for its job: another one of the same worker is refused, with the reason.
- Jurors see pieces, answers and the worker's words, never whose they are. Their votes are signed with their wallets.
- The exchange moves no money: the jury's ruling goes to recording and reputation oracle, who pay by their own records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from manyhands.pricing import juror_pay_minor
from manyhands.protocol.appeals import vote_text
from manyhands.protocol.errors import ProtocolError
from manyhands.protocol.ids import digest
from manyhands.protocol.lifecycles import APPEAL_MOVES, move
from manyhands.protocol.manifest import parse_manifest
from manyhands.protocol.messages import (
    BATCH_MAX,
    AppealFiled,
    AppealJurorsDrawn,
    AppealRuled,
    AppealVote,
    AppealVoteCast,
)
from manyhands.protocol.signing import personal_digest
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, rows, rows_of, scalar
from manyhands.store.sql import load_queries

from .accounts import Accounts
from .decisions import TEXT_MAX_CHARS
from .errors import AlreadyVoted, BadRequest, NoSuchCase, NoSuchJob, NothingToAppeal, NotYours, TooLateToAppeal
from .opening import lock_job

QUERIES = load_queries("manyhands.roles.exchange")

APPEAL_WINDOW_MS = 24 * 3_600_000
"""How long a refused worker has before the job may end. Simulated people never appeal, so their jobs do not wait."""

EXHIBITS_MAX = 5
ELIGIBLE_MAX = 200
SHOWN_MAX = 500
TAKES_APPEALS = ("open", "cancelling")


class Exhibit(msgspec.Struct, frozen=True):
    """A piece with what was answered. text None = "cannot read"; picture = key of the cutting in the blob store."""

    task_id: str
    picture: str
    question: str
    text: str | None


class AppealCase(msgspec.Struct, frozen=True):
    """An appeal that waits for a juror's vote. pays_minor = what the vote is paid."""

    job_id: str
    appeal_id: str
    words: str
    exhibits: tuple[Exhibit, ...]
    pays_minor: int


class Refusal(msgspec.Struct, frozen=True):
    """A refused answer as its worker sees it. appeal_id None = no appeal holds it; can_appeal: it can still be made."""

    job_id: str
    title: str
    task_id: str
    picture: str
    question: str
    text: str | None
    reward_minor: int
    code: str
    because: str
    received_at_ms: int
    can_appeal: bool
    appeal_id: str | None
    currency: str
    exponent: int


class Appeal(msgspec.Struct, frozen=True):
    """An appeal as its worker sees it. state  open, granted, denied"""

    job_id: str
    appeal_id: str
    words: str
    answers: int
    state: str
    because: str
    restored_minor: int
    filed_at_ms: int
    ended_at_ms: int | None


class Appealing:
    """Appeals in, jurors' votes out, rulings in."""

    def __init__(self, ctx: RoleContext, accounts: Accounts) -> None:
        self._ctx, self._accounts = ctx, accounts

    # --- the worker's side ----------------------------------------------------------------------------------------

    async def appeal(self, worker: str, job_id: str, words: str) -> str:
        """Files an appeal about all refused answers of the job; its id, the same when it is still open.

        raises  BadRequest, NoSuchJob, NothingToAppeal, TooLateToAppeal
        """
        if not words.strip() or len(words) > TEXT_MAX_CHARS or "\x00" in words:
            raise BadRequest(
                f"an appeal says in 1 to {TEXT_MAX_CHARS} characters why", cure="Say in a sentence why you keyed so."
            )

        async def work(tx: Tx) -> str:
            if await scalar(tx, "select 1 from exchange.jobs where job_id = %s", (job_id,)) is None:
                raise NoSuchJob(job_id)
            job = await lock_job(tx, job_id)
            where: dict[str, Any] = {"job_id": job_id, "worker": worker, "most": BATCH_MAX}
            earlier = await rows(tx, QUERIES.appeals_in_job, where)
            for appeal_id, state in earlier:
                if state == "open":
                    return str(appeal_id)
                if state == "denied":
                    raise NothingToAppeal("an appeal of yours in this job was judged and denied")
            task_ids = [task_id for task_id, _ in await rows(tx, QUERIES.refused_of, where)]
            if not task_ids:
                raise NothingToAppeal("no answer of yours in this job is refused and not appealed")
            if job.state not in TAKES_APPEALS:
                raise TooLateToAppeal(job_id)
            appeal_id = digest("appeal", job_id, worker, len(earlier))
            exhibits = sorted(task_ids, key=lambda task_id: digest("exhibit", appeal_id, task_id))[:EXHIBITS_MAX]
            filed = {**where, "appeal_id": appeal_id, "exhibits": exhibits, "most": ELIGIBLE_MAX}
            await tx.execute(
                QUERIES.add_appeal,
                {**filed, "words": words.strip(), "task_ids": task_ids, "now_ms": self._ctx.clock()},
            )
            body = AppealFiled(
                job_id=job_id,
                appeal_id=appeal_id,
                worker=worker,
                words=words.strip(),
                task_ids=tuple(task_ids),
                eligible=tuple(one for (one,) in await rows(tx, QUERIES.may_judge_appeal, filed)),
            )
            await self._ctx.send(tx, body, to_role="jury", to=job.jury)
            return appeal_id

        return await self._ctx.db.retrying(work)

    async def refusals(self, worker: str) -> list[Refusal]:
        """The worker's refused answers, newest first."""
        async with self._ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.refusals_shown, {"worker": worker, "most": SHOWN_MAX})
            appeals = await rows_of(connection, Appeal, QUERIES.appeals_of_worker, {"worker": worker})
        denied = {appeal.job_id for appeal in appeals if appeal.state == "denied"}
        return [
            Refusal(
                job_id=row[0],
                title=row[1],
                task_id=row[2],
                picture=row[3],
                question=row[4],
                text=row[5],
                reward_minor=row[6],
                code=row[7],
                because=row[8],
                received_at_ms=row[9],
                can_appeal=row[13] is None and row[10] in TAKES_APPEALS and row[0] not in denied,
                appeal_id=row[13],
                currency=row[11],
                exponent=row[12],
            )
            for row in found
        ]

    async def appeals_of(self, worker: str) -> list[Appeal]:
        """The worker's appeals, newest first."""
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, Appeal, QUERIES.appeals_of_worker, {"worker": worker})

    # --- the jury's side ------------------------------------------------------------------------------------------

    async def jurors_drawn(self, tx: Tx, sender: str, body: AppealJurorsDrawn) -> None:
        """Asks those of the jurors who have an account here."""
        job = await lock_job(tx, body.job_id)
        if sender != job.jury:
            raise NotYours(body.job_id, sender, "jury")
        where = {"job_id": body.job_id, "appeal_id": body.appeal_id}
        await tx.execute(QUERIES.set_appeal_jurors, {**where, "count": len(body.jurors)})
        for juror in body.jurors:
            await tx.execute(QUERIES.add_appeal_juror, {**where, "juror": juror.lower()})

    async def cases(self, worker: str) -> list[AppealCase]:
        """Appeals that wait for this worker's vote, oldest first."""
        async with self._ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.appeals_to_judge, {"worker": worker})
        return [
            AppealCase(
                job_id=job_id,
                appeal_id=appeal_id,
                words=words,
                exhibits=tuple(msgspec.convert(exhibits, list[Exhibit])),
                pays_minor=juror_pay_minor(parse_manifest(manifest).pay),
            )
            for job_id, appeal_id, words, exhibits, manifest in found
        ]

    async def vote(self, worker: str, appeal_id: str, *, grant: bool, because: str) -> None:
        """Signs and sends a juror's vote. The same vote again changes nothing.

        raises  NoSuchCase (also when the others have decided meanwhile), AlreadyVoted, BadRequest
        """
        if len(because) > TEXT_MAX_CHARS or "\x00" in because:
            raise BadRequest("the reason is too long or holds a NUL character")
        where: dict[str, Any] = {"worker": worker, "appeal_id": appeal_id}

        async def work(tx: Tx) -> None:
            found = await rows(tx, QUERIES.appeal_of_juror, where)
            if not found:
                raise NoSuchCase(appeal_id)
            job_id, voted, state, jury = found[0]
            if voted is not None:
                if voted != grant:
                    raise AlreadyVoted(appeal_id)
                return
            where["job_id"] = job_id
            # a vote beyond the majority could not be paid: it is not taken
            if state != "open" or await self._is_decided(tx, job_id, appeal_id):
                raise NoSuchCase(appeal_id)
            text = vote_text(job_id, appeal_id, grant=grant)
            signature = await self._accounts.sign_digest(worker, personal_digest(text))
            now_ms = self._ctx.clock()
            await tx.execute(QUERIES.set_appeal_vote, {**where, "granted": grant, "because": because, "now_ms": now_ms})
            vote = AppealVote(juror=worker, grant=grant, signature=signature)
            body = AppealVoteCast(job_id=job_id, appeal_id=appeal_id, vote=vote, because=because)
            await self._ctx.send(tx, body, to_role="jury", to=jury)

        await self._ctx.db.retrying(work)

    async def _is_decided(self, tx: Tx, job_id: str, appeal_id: str) -> bool:
        where = {"job_id": job_id, "appeal_id": appeal_id}
        (_, _, jurors, _), *_ = await rows(tx, QUERIES.lock_appeal, where)
        counts: Sequence[tuple[bool, int]] = await rows(tx, QUERIES.votes_on_appeal, where)
        return any(2 * count > jurors for _, count in counts)

    async def ruled(self, tx: Tx, sender: str, body: AppealRuled) -> None:
        """Takes the jury's word over. What is restored is paid with the job; here it is told."""
        job = await lock_job(tx, body.job_id)
        if sender != job.jury:
            raise NotYours(body.job_id, sender, "jury")
        where: dict[str, Any] = {"job_id": body.job_id, "appeal_id": body.appeal_id, "worker": body.worker}
        found = await rows(tx, QUERIES.lock_appeal, where)
        if not found or found[0][0] != body.worker:
            raise ProtocolError(f"appeal {body.appeal_id} of job {body.job_id} is not known here")
        _, task_ids, _, was = found[0]
        state = move(APPEAL_MOVES, f"appeal {body.appeal_id}", was, "grant" if body.granted else "deny")
        restored_minor = 0
        if body.granted:
            restored_minor = await scalar(tx, QUERIES.refused_rewards, {**where, "task_ids": task_ids})
            await tx.execute(QUERIES.restore_earnings, {**where, "restored_minor": restored_minor})
        ended = {"state": state, "because": body.because, "restored_minor": restored_minor}
        await tx.execute(QUERIES.end_appeal, {**where, **ended, "now_ms": self._ctx.clock()})
        for juror, paid_minor in body.jurors_paid_minor.items():
            await tx.execute(QUERIES.pay_appeal_juror, {**where, "juror": juror, "paid_minor": paid_minor})

    async def holds(self, tx: Tx, job_id: str) -> bool:
        """Whether the job must not end yet for the sake of an appeal."""
        before_ms = self._ctx.clock() - APPEAL_WINDOW_MS
        return bool(await scalar(tx, QUERIES.appeals_hold, {"job_id": job_id, "before_ms": before_ms}))
