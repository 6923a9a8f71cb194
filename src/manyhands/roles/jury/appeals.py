"""Appeals: three people who have not seen the pieces say whether refused answers are honest work.

Rules kept here
- Nobody judges the own appeal, and jurors are drawn by the job's committed secret, as for reports.
- No money and no stake moves here. The ruling with its signatures goes to recording and reputation oracle, who count
  the signatures for themselves and pay by their own records.
- A vote is paid whichever way it goes. An appeal that nobody could judge in time ends for the worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from manyhands.pricing import juror_pay_minor
from manyhands.protocol.appeals import Outcome, outcome_of, signed_by_juror
from manyhands.protocol.errors import ProtocolError
from manyhands.protocol.manifest import Manifest
from manyhands.protocol.messages import (
    AppealFiled,
    AppealJurorsDrawn,
    AppealRuled,
    AppealVote,
    AppealVoteCast,
    Role,
)
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, row_of, rows
from manyhands.store.sql import load_queries

from .draw import draw, eligible_for, seed_of

QUERIES = load_queries("manyhands.roles.jury", "sql")
TOLD: tuple[Role, ...] = ("exchange", "recording", "reputation")


class AppealRefused(ProtocolError):
    """An appeal or a vote on one that does not count, and why."""

    def __init__(self, appeal_id: str, problem: str) -> None:
        self.appeal_id, self.problem = appeal_id, problem
        super().__init__(f"appeal {appeal_id}: {problem}")


class LockedJob(Protocol):
    """What is asked of the job's row, which the caller has locked."""

    @property
    def job_id(self) -> str: ...
    @property
    def launcher(self) -> str: ...
    @property
    def secret(self) -> bytes: ...
    def parsed(self) -> Manifest: ...
    def party(self, role: Role) -> str: ...


@dataclass(frozen=True)
class AppealRow:
    """A row of jury.appeals."""

    job_id: str
    appeal_id: str
    worker: str
    task_ids: list[str]
    jurors: list[str]
    state: str


class Appeals:
    """The jury's side of appeals."""

    def __init__(self, ctx: RoleContext, *, jurors: int, wait_ms: int) -> None:
        self._ctx, self._jurors, self._wait_ms = ctx, jurors, wait_ms

    async def filed(self, tx: Tx, job: LockedJob, sender: str, body: AppealFiled) -> None:
        """Draws at once; an appeal for which too few people are known waits out its time and ends for the worker."""
        if sender != job.party("exchange"):
            raise AppealRefused(body.appeal_id, f"{sender} is not the exchange of job {job.job_id}")
        eligible = eligible_for(body.eligible, never=(body.worker, job.launcher))
        jurors = draw(eligible, seed=seed_of(body.appeal_id, job.secret), count=self._jurors)
        await tx.execute(
            QUERIES.add_appeal,
            {
                "job_id": job.job_id,
                "appeal_id": body.appeal_id,
                "worker": body.worker.lower(),
                "words": body.words,
                "task_ids": list(body.task_ids),
                "eligible": list(eligible),
                "jurors": list(jurors),
                "filed_at_ms": self._ctx.clock(),
            },
        )
        if jurors:
            drawn = AppealJurorsDrawn(job_id=job.job_id, appeal_id=body.appeal_id, jurors=jurors)
            await self._ctx.send(tx, drawn, to_role="exchange", to=job.party("exchange"))

    async def vote_cast(self, tx: Tx, job: LockedJob, sender: str, body: AppealVoteCast) -> None:
        """Counts a vote and ends the appeal with the one that makes a majority."""
        if sender != job.party("exchange"):
            raise AppealRefused(body.appeal_id, f"{sender} is not the exchange of job {job.job_id}")
        appeal = await self._lock(tx, job.job_id, body.appeal_id)
        vote = body.vote
        if vote.juror not in appeal.jurors:
            raise AppealRefused(appeal.appeal_id, f"{vote.juror} was not drawn for it")
        if not signed_by_juror(job.job_id, appeal.appeal_id, vote):
            raise AppealRefused(appeal.appeal_id, f"the vote of {vote.juror} is not signed by the juror")
        if appeal.state != "open":
            raise AppealRefused(appeal.appeal_id, f"the vote of {vote.juror} came after its end")
        added = await rows(
            tx,
            QUERIES.add_appeal_vote,
            {
                "job_id": job.job_id,
                "appeal_id": appeal.appeal_id,
                "juror": vote.juror,
                "granted": vote.grant,
                "because": body.because,
                "signature": vote.signature,
                "cast_at_ms": self._ctx.clock(),
            },
        )
        if not added:
            raise AppealRefused(appeal.appeal_id, f"{vote.juror} has voted already: one juror, one vote")
        votes = await self._votes(tx, appeal)
        outcome = outcome_of(appeal.jurors, votes, time_is_over=False)
        if outcome is not None:
            await self._end(tx, job, appeal, votes, outcome)

    async def overdue(self) -> list[tuple[str, str]]:
        """(job, appeal) whose time is over."""
        async with self._ctx.db.connection() as connection:
            before_ms = self._ctx.clock() - self._wait_ms
            return [(one[0], one[1]) for one in await rows(connection, QUERIES.appeals_due, {"before_ms": before_ms})]

    async def end_overdue(self, tx: Tx, job: LockedJob, appeal_id: str) -> None:
        """Ends an appeal by the votes that came."""
        appeal = await self._lock(tx, job.job_id, appeal_id)
        if appeal.state != "open":
            return
        votes = await self._votes(tx, appeal)
        outcome = outcome_of(appeal.jurors, votes, time_is_over=True)
        assert outcome is not None
        await self._end(tx, job, appeal, votes, outcome)

    async def _end(self, tx: Tx, job: LockedJob, appeal: AppealRow, votes: list[AppealVote], outcome: Outcome) -> None:
        state = "granted" if outcome.granted else "denied"
        ended = {"job_id": job.job_id, "appeal_id": appeal.appeal_id, "state": state, "because": outcome.because}
        await tx.execute(QUERIES.set_appeal_ended, {**ended, "ended_at_ms": self._ctx.clock()})
        pay_minor = juror_pay_minor(job.parsed().pay)
        body = AppealRuled(
            job_id=job.job_id,
            appeal_id=appeal.appeal_id,
            worker=appeal.worker,
            task_ids=tuple(appeal.task_ids),
            granted=outcome.granted,
            heard=outcome.heard,
            because=outcome.because,
            jurors=tuple(appeal.jurors),
            votes=tuple(votes),
            jurors_paid_minor={vote.juror: pay_minor for vote in votes},
        )
        for role in TOLD:
            await self._ctx.send(tx, body, to_role=role, to=job.party(role))

    async def _votes(self, tx: Tx, appeal: AppealRow) -> list[AppealVote]:
        found = await rows(tx, QUERIES.appeal_votes_of, {"job_id": appeal.job_id, "appeal_id": appeal.appeal_id})
        return [AppealVote(juror=juror, grant=granted, signature=signature) for juror, granted, signature in found]

    async def _lock(self, tx: Tx, job_id: str, appeal_id: str) -> AppealRow:
        appeal = await row_of(tx, AppealRow, QUERIES.lock_appeal, {"job_id": job_id, "appeal_id": appeal_id})
        if appeal is None:
            raise AppealRefused(appeal_id, "there is no such appeal")
        return appeal
