"""Reports of broken or inappropriate tasks, and the votes of the workers who judge them.

Rules kept here
- A report freezes its task in the same transaction that sends it to the jury: nobody is lent the task meanwhile.
- Jurors see the cutting and the reason, never who reported. Their vote is signed with their own wallet.
- A report made twice is one; a vote given twice is one; a vote can't be changed.
- Cleared, the task goes on from where it stood; a verdict that came meanwhile takes effect. Upheld, it is withdrawn and
  answers already given stay paid.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from manyhands.pricing import juror_pay_minor
from manyhands.protocol.errors import ProtocolError
from manyhands.protocol.ids import digest
from manyhands.protocol.lifecycles import ASSIGNMENT_MOVES, REPORT_MOVES, TASK_MOVES, move
from manyhands.protocol.manifest import parse_manifest
from manyhands.protocol.messages import JurorsDrawn, ReportFiled, ReportRuled, VoteCast
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, row_of, rows, scalar
from manyhands.store.sql import load_queries

from .accounts import Accounts
from .collecting import Collecting
from .decisions import REPORT_CODES, TEXT_MAX_CHARS, task_of
from .errors import AlreadyReported, AlreadyVoted, BadRequest, NoSuchCase, NoSuchJob, NotLentToYou, NotYours
from .opening import lock_job

QUERIES = load_queries("manyhands.roles.exchange")

ELIGIBLE_MAX = 200
"""Workers named to the jury as fit to judge: enough to draw from, small enough for a message."""


class Case(msgspec.Struct, frozen=True):
    """A report that waits for this worker's vote.

    picture       key of the cutting in the blob store
    reward_minor  what the vote is paid, whichever way it goes
    """

    job_id: str
    case_id: str
    task_id: str
    picture: str
    code: str
    text: str
    question: str
    reward_minor: int


@dataclass(frozen=True)
class ReportRow:
    """A report with the state of its task. decided: a verdict waits in the frozen task's row."""

    report_id: str
    task_id: str
    reporter: str
    code: str
    report_text: str
    state: str
    task_state: str
    decided: bool
    has_value: bool


class Reporting:
    """Reports in, jurors' votes out, rulings in."""

    def __init__(self, ctx: RoleContext, accounts: Accounts, collecting: Collecting) -> None:
        self._ctx, self._accounts, self._collecting = ctx, accounts, collecting

    async def report(self, worker: str, job_id: str, assignment_id: str, code: str, text: str) -> str:
        """Files a report on a task in the worker's hands; returns its id, the same when it is filed again.

        raises  BadRequest, NotLentToYou, AlreadyReported, NoSuchJob
        """
        if code not in REPORT_CODES:
            raise BadRequest(f"{code!r} is no reason for a report", cure=f"Choose from {', '.join(REPORT_CODES)}.")
        if len(text) > TEXT_MAX_CHARS or "\x00" in text:
            raise BadRequest("the text of the report is too long or holds a NUL character")
        task_id = task_of(assignment_id, job_id=job_id, worker=worker)
        if task_id is None:
            raise NotLentToYou(assignment_id)
        report_id = digest("report", job_id, task_id, worker)
        values = {
            "worker": worker,
            "job_id": job_id,
            "task_id": task_id,
            "report_id": report_id,
            "code": code,
            "text": text,
            "now_ms": self._ctx.clock(),
            "most": ELIGIBLE_MAX,
        }

        async def work(tx: Tx) -> str:
            await self._file(tx, values, assignment_id)
            return report_id

        return await self._ctx.db.retrying(work)

    async def _file(self, tx: Tx, values: dict[str, object], assignment_id: str) -> None:
        job_id, task_id = str(values["job_id"]), str(values["task_id"])
        if await scalar(tx, "select 1 from exchange.jobs where job_id = %s", (job_id,)) is None:
            raise NoSuchJob(job_id)
        job = await lock_job(tx, job_id)
        if await scalar(tx, QUERIES.known_report, values) is not None:
            return
        found = await rows(tx, QUERIES.task_of_report, values)
        if not found or found[0][2] != "lent":
            raise NotLentToYou(assignment_id)
        task_state, picture, held_state = found[0]
        if task_state == "frozen":
            raise AlreadyReported(task_id)
        if task_state != "open":
            raise BadRequest(f"task {task_id} is {task_state} already", cure="Give it back.")
        move(ASSIGNMENT_MOVES, f"assignment {assignment_id}", held_state, "report")
        move(TASK_MOVES, f"task {task_id}", task_state, "freeze")
        await tx.execute(QUERIES.mark_reported, values)
        if reserve := await scalar(tx, QUERIES.freeze_task, values):
            await tx.execute(QUERIES.count_undecided_less, {"job_id": job_id, "count": -reserve})
        await tx.execute(QUERIES.add_report, values)
        eligible = tuple(worker for (worker,) in await rows(tx, QUERIES.may_judge, values))
        body = ReportFiled(
            job_id=job_id,
            report_id=str(values["report_id"]),
            task_id=task_id,
            reporter=str(values["worker"]),
            code=str(values["code"]),
            text=str(values["text"]),
            picture_blob=picture,
            eligible=eligible,
            escrow=job.escrow,
            chain_id=job.chain_id,
        )
        await self._ctx.send(tx, body, to_role="jury", to=job.jury)

    # --- the jury's side ------------------------------------------------------------------------------------------

    async def jurors_drawn(self, tx: Tx, sender: str, body: JurorsDrawn) -> None:
        """Asks those of the jurors who have an account here."""
        job = await lock_job(tx, body.job_id)
        if sender != job.jury:
            raise NotYours(body.job_id, sender, "jury")
        report = await self._report(tx, body.job_id, body.report_id)
        if report.state == "filed":
            state = move(REPORT_MOVES, f"report {body.report_id}", report.state, "draw")
            where = {"job_id": body.job_id, "report_id": body.report_id}
            await tx.execute(QUERIES.set_report_state, {**where, "state": state})
        case = {
            "job_id": body.job_id,
            "case_id": body.case_id,
            "report_id": body.report_id,
            "clear_digest": body.clear_digest,
            "uphold_digest": body.uphold_digest,
            "now_ms": self._ctx.clock(),
        }
        await tx.execute(QUERIES.add_case, case)
        for juror in body.jurors:
            await tx.execute(QUERIES.add_juror, {**case, "juror": juror.lower()})

    async def cases(self, worker: str) -> list[Case]:
        """What waits for this worker's vote, oldest first."""
        async with self._ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.cases_of, {"worker": worker})
        return [
            Case(
                job_id=job_id,
                case_id=case_id,
                task_id=task_id,
                picture=picture,
                code=code,
                text=text,
                question=question,
                reward_minor=juror_pay_minor(parse_manifest(manifest).pay),
            )
            for job_id, case_id, task_id, picture, code, text, question, manifest in found
        ]

    async def vote(self, worker: str, case_id: str, *, uphold: bool, because: str) -> None:
        """Signs and sends the worker's vote. The same vote again changes nothing.

        raises  NoSuchCase, AlreadyVoted, BadRequest
        """
        if len(because) > TEXT_MAX_CHARS or "\x00" in because:
            raise BadRequest("the reason is too long or holds a NUL character")
        where = {"worker": worker, "case_id": case_id}

        async def work(tx: Tx) -> None:
            found = await rows(tx, QUERIES.case_of_juror, where)
            if not found:
                raise NoSuchCase(case_id)
            job_id, clear_digest, uphold_digest, voted, jury = found[0]
            if voted is not None:
                if voted != uphold:
                    raise AlreadyVoted(case_id)
                return
            signed = bytes.fromhex((uphold_digest if uphold else clear_digest).removeprefix("0x"))
            body = VoteCast(
                job_id=job_id,
                case_id=case_id,
                juror=worker,
                uphold=uphold,
                because=because,
                signature=await self._accounts.sign_digest(worker, signed),
            )
            vote = {"job_id": job_id, "uphold": uphold, "because": because, "now_ms": self._ctx.clock()}
            await tx.execute(QUERIES.set_vote, {**where, **vote})
            await self._ctx.send(tx, body, to_role="jury", to=jury)

        await self._ctx.db.retrying(work)

    async def report_ruled(self, tx: Tx, sender: str, body: ReportRuled) -> None:
        """Carries a ruling out on the task."""
        job = await lock_job(tx, body.job_id)
        if sender != job.jury:
            raise NotYours(body.job_id, sender, "jury")
        report = await self._report(tx, body.job_id, body.report_id)
        where = {"job_id": body.job_id, "report_id": body.report_id, "task_id": report.task_id}
        if report.state == "filed":  # the jury may rule without a draw, when there was nobody to draw
            report_state = move(REPORT_MOVES, f"report {body.report_id}", report.state, "draw")
        else:
            report_state = report.state
        verb = "uphold" if body.uphold else "clear"
        report_state = move(REPORT_MOVES, f"report {body.report_id}", report_state, verb)
        await tx.execute(QUERIES.set_report_state, {**where, "state": report_state})
        ruling = {"case_id": body.case_id, "now_ms": self._ctx.clock(), "upheld": body.uphold}
        await tx.execute(QUERIES.rule_case, {**where, **ruling})
        for juror, paid_minor in body.jurors_paid_minor.items():
            paid = {"case_id": body.case_id, "juror": juror, "paid_minor": paid_minor}
            await tx.execute(QUERIES.pay_juror, {**where, **paid})
        subject = f"task {report.task_id}"
        state = move(TASK_MOVES, subject, report.task_state, verb)
        if state == "open" and report.decided:
            state = move(TASK_MOVES, subject, state, "accept" if report.has_value else "give_up")
        elif state == "open" and job.state == "cancelling":
            state = move(TASK_MOVES, subject, state, "withdraw")
        await tx.execute(QUERIES.set_task_state, {**where, "state": state})
        if state != "open":
            await tx.execute(QUERIES.count_undecided_less, {"job_id": body.job_id, "count": 1})
        if state == "withdrawn" and not report.decided:
            because = f"report {body.report_id} was upheld" if body.uphold else "the requester wants no more work"
            await self._collecting.tell_withdrawn(tx, job, [report.task_id], because=because)

    async def _report(self, tx: Tx, job_id: str, report_id: str) -> ReportRow:
        report = await row_of(tx, ReportRow, QUERIES.report, {"job_id": job_id, "report_id": report_id})
        if report is None:
            raise ProtocolError(f"report {report_id} of job {job_id} is not known here")
        return report
