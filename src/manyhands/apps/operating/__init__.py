"""What an operator sees of the platform, and the few things that an operator may do about it.

Rules kept here
- Findings are the doctor's: the page and `manyhands doctor` never disagree.
- What frees a stuck thing is what the platform would do by itself, only now: nothing is skipped, nothing is deleted.
- Every act is written to the log with who did it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import psutil  # type: ignore[import-untyped]  # the package carries no types

from manyhands.apps.compose import Platform
from manyhands.apps.doctor import Finding, book_differences, examine_platform
from manyhands.apps.running import Kind, ready_file
from manyhands.apps.telemetry.metrics import Sample
from manyhands.chain.errors import ChainError
from manyhands.ledger.outbox import Alarm, open_alarms
from manyhands.ledger.statement import Statement, statement_by_kind
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import system_clock
from manyhands.protocol.money import Currency, Money, decimal_text
from manyhands.roles.exchange.watching import OverdueLeases, QuietJob, counts, overdue_leases, quiet_jobs
from manyhands.roles.reputation.role import UnknownJob
from manyhands.store.database import rows
from manyhands.store.jobs import (
    STALLED_AFTER_MS,
    DeadLetter,
    dead_letters,
    queue_depths,
    requeue_dead,
    retry_now,
    retry_stalled,
    waiting_retries,
)
from manyhands.store.mailbox import Refused, Undelivered, refused_messages, undelivered

log = logging.getLogger(__name__)

LOG_BYTES: Final = 4_000_000
LOG_LINES: Final = 400
FINDINGS_KEPT_S: Final = 5.0
PROCESSES: Final[tuple[Kind, ...]] = ("roles", "ocr", "web")
SECRET: Final = re.compile(r"(mhk_|postgres(?:ql)?://[^\s]*:)[^\s\"'@]+", re.IGNORECASE)

FreeKind = Literal["work", "retry", "leases", "stalled"]


class NothingToFree(ManyhandsError):
    """What was to be freed is not stuck any more."""

    status = 409
    cure = "Look again: somebody else, or the platform itself, was faster."

    def __init__(self, kind: str) -> None:
        super().__init__(f"there is no such stuck {kind}")


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not go on by itself. free  what frees it; None = a person has to mend the cause

    kind  work, retry, leases, message, transaction, job
    """

    kind: str
    ref: str
    title: str
    reason: str
    since_ms: int | None
    job_id: str
    free: FreeKind | None


@dataclass
class Operating:
    """The operator's view of a platform."""

    platform: Platform
    clock: Callable[[], int] = system_clock
    _findings: tuple[float, list[Finding]] = (0.0, [])
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def overview(self) -> dict[str, Any]:
        """Health, queues, what is stuck, counts; money is asked for by itself."""
        db = self.platform.db
        async with db.connection() as tx:
            depths = await queue_depths(tx)
        return {
            "now_ms": self.clock(),
            "findings": await self.findings(),
            "processes": self.processes(),
            "queues": depths,
            "stuck": await self.stuck(),
            "counts": await counts(db, now_ms=self.clock()),
        }

    async def findings(self) -> list[Finding]:
        """The doctor's, at most some seconds old: many windows ask, the chains are probed once."""
        async with self._asking:
            at, found = self._findings
            if not found or time.monotonic() - at > FINDINGS_KEPT_S:
                found = await examine_platform(self.platform, money=False)
                self._findings = (time.monotonic(), found)
            return found

    def processes(self) -> list[dict[str, Any]]:
        """Each kind of process: whether it is ready, its memory and processor time by the system's word."""
        told = []
        for kind in PROCESSES:
            path = ready_file(self.platform.folder, kind)
            one: dict[str, Any] = {"process": kind, "ready": path.exists()}
            try:
                process = psutil.Process(int(path.read_text()))
                with process.oneshot():
                    one["memory_bytes"] = process.memory_info().rss
                    times = process.cpu_times()
                    one["cpu_seconds"] = times.user + times.system
                    one["started_at_ms"] = int(process.create_time() * 1000)
            except (OSError, ValueError, psutil.Error):
                one["ready"] = False
            told.append(one)
        return told

    async def stuck(self) -> list[Stuck]:
        """Everything that a person should look at."""
        db, now_ms = self.platform.db, self.clock()
        async with db.connection() as tx:
            return [
                *(_stuck_work(work, "work") for work in await dead_letters(tx, limit=100)),
                *(_stuck_work(work, "retry") for work in await waiting_retries(tx)),
                *(_stuck_leases(one) for one in await overdue_leases(db, now_ms=now_ms)),
                *(_refused(one) for one in await refused_messages(tx, limit=50)),
                *(_lost(one) for one in await undelivered(tx, limit=200) if one.work_status == "lost"),
                *(_alarm(one) for one in await open_alarms(tx)),
                *(_quiet(one) for one in await quiet_jobs(db, now_ms=now_ms)),
            ]

    async def free(self, kind: FreeKind, ref: str, *, by: str) -> int:
        """Does now what would free a stuck thing. Returns how many things were freed. raises NothingToFree"""
        freed = 0
        match kind:
            case "work" | "retry":
                if not ref.isdecimal() or len(ref) > 18:
                    raise NothingToFree(kind)
                act = requeue_dead if kind == "work" else retry_now
                async with self.platform.db.transaction() as tx:
                    freed = int(await act(tx, int(ref)))
            case "leases":
                freed = await self.platform.exchange.lending.expire(ref)
            case "stalled":
                async with self.platform.db.transaction() as tx:
                    freed = len(await retry_stalled(tx, stalled_after_ms=STALLED_AFTER_MS))
        if not freed:
            raise NothingToFree(kind)
        log.warning("%s freed %d stuck %s (%s)", by, freed, kind, ref)
        return freed

    async def signs(self) -> dict[str, Any]:
        """Signs that answers were not made independently by attentive people, who counts as one for it, and what they
        say to it. Nothing here has taken anybody's pay."""
        oracle = self.platform.reputation
        words = {one.worker: one for one in await self.platform.exchange.linking.words()}
        groups: dict[str, dict[str, Any]] = {}
        for link in await oracle.links():
            if link.group:
                about = {"group": link.group, "job_id": link.job_id, "because": link.because, "at_ms": link.at_ms}
                told = groups.setdefault(link.group, {**about, "workers": []})
                said = words.get(link.worker)
                told["workers"].append({"worker": link.worker, "words": said.words if said else ""})
        noticing = self.platform.exchange.noticing
        objected = {(one.worker, one.job_id, one.kind): one.words for one in await noticing.words()}
        signs = [
            {**asdict(sign), "words": objected.get((sign.workers[0], sign.job_id, sign.kind), "")}
            for sign in await oracle.signs()
        ]
        return {"groups": list(groups.values()), "signs": signs}

    async def clear_sign(self, job_id: str, position: int, *, by: str, because: str) -> int:
        """A person has looked: this sign means nothing. 1, for one sign taken back. raises NothingToFree"""
        try:
            cleared = await self.platform.reputation.clear_sign(job_id, position, by=by, because=because)
        except UnknownJob:
            cleared = False
        if not cleared:
            raise NothingToFree("sign")
        log.warning("%s took the sign %d of job %s back: %s", by, position, job_id, because)
        return 1

    async def unlink(self, group: str, *, by: str, because: str) -> int:
        """A person has looked: these are different people. How many accounts count by themselves again."""
        freed = await self.platform.reputation.unlink(group, by=by, because=because)
        if not freed:
            raise NothingToFree("group")
        log.warning("%s counts the %d workers of %s singly again: %s", by, freed, group, because)
        return freed

    async def money(self) -> dict[str, Any]:
        """Every role's book beside the chain itself. Asks the chains' nodes: seconds with many jobs.

        With a chain that cannot be asked nothing is compared, and `not_compared` says so.
        """
        differences, not_compared = [], ""
        try:
            differences = await book_differences(self.platform)
        except ChainError as problem:
            not_compared = str(problem)
        async with self.platform.db.connection() as tx:
            found = await rows(
                tx,
                "select book, split_part(account, ':', 1) as kind, currency, sum(posted_minor) "
                "from ledger.accounts group by 1, 2, 3 order by 1, 2, 3",
            )
        return {
            "differences": differences,
            "not_compared": not_compared,
            "accounts": [
                {"book": book, "kind": kind, "currency": currency, "amount": self._amount(currency, int(minor))}
                for book, kind, currency, minor in found
            ],
            "checked_at_ms": self.clock(),
        }

    def _amount(self, currency: str, minor: int) -> str:
        """What a book holds, as text: base units of a token, which no program's number may be wide enough for, or minor
        units of a currency of purses."""
        chain_id, _, address = currency.partition(":")
        if not address:
            known = self.platform.chains.currencies().get(currency) or Currency(currency, 0)
            return str(Money(minor, known))
        token = self.platform.chains.token_at(int(chain_id), address)
        if token is None:
            return f"{minor} base units"
        return f"{decimal_text(minor, token.decimals)} {token.symbol}"

    async def statement(self, party: str, *, since_ms: int, until_ms: int | None) -> Statement:
        """What moved for one party by kind of money, from the platform's own books."""
        async with self.platform.db.connection() as tx:
            return await statement_by_kind(tx, party, since_ms=since_ms, until_ms=until_ms)

    async def lines(self, *, process: str, job_id: str) -> list[str]:
        """The last lines of a process's log, or those of all that name a job. Secrets are left out."""
        return await asyncio.to_thread(_log_lines, self.platform.folder.logs, process, job_id)

    async def samples(self) -> list[Sample]:
        """What the database and the system know, for the page of metrics."""
        db = self.platform.db
        async with db.connection() as tx:
            depths, lost, alarms = await queue_depths(tx), await undelivered(tx, limit=10_000), await open_alarms(tx)
            chains = await rows(tx, "select chain_id, max(block_number) from outbox.checkpoints group by chain_id")
        here = await counts(db, now_ms=self.clock())
        samples: list[Sample] = [("manyhands_queue_depth", (one.queue, one.status), one.count) for one in depths]
        samples += [
            ("manyhands_queue_oldest_seconds", (one.queue, one.status), max(0, one.oldest_ms) / 1000)
            for one in depths
            if one.status == "todo"
        ]
        samples += [("manyhands_jobs", (state,), count) for state, count in here.jobs.items()]
        samples += [("manyhands_tasks", (state,), count) for state, count in here.tasks.items()]
        samples += [("manyhands_chain_block", (str(chain_id),), block) for chain_id, block in chains]
        for process in self.processes():
            name = (process["process"],)
            samples.append(("manyhands_process_up", name, float(process["ready"])))
            if "memory_bytes" in process:
                samples.append(("manyhands_process_memory_bytes", name, process["memory_bytes"]))
                samples.append(("manyhands_process_cpu_seconds", name, process["cpu_seconds"]))
        return [
            *samples,
            ("manyhands_messages_undelivered", (), len(lost)),
            ("manyhands_alarms_open", (), len(alarms)),
            ("manyhands_leases_overdue", (), here.leases_overdue),
            ("manyhands_answers_uncollected", (), here.answers_uncollected),
        ]


def _stuck_work(work: DeadLetter, kind: Literal["work", "retry"]) -> Stuck:
    """A dead letter, or work that waits for its next try."""
    return Stuck(
        kind=kind,
        ref=str(work.work_id),
        title=work.task_name,
        reason=work.reason if kind == "work" else f"failed {work.attempts} times: {work.reason}",
        since_ms=int(work.failed_at.timestamp() * 1000) if kind == "work" and work.failed_at else None,
        job_id=str(work.args.get("job_id", "")),
        free=kind,
    )


def _stuck_leases(leases: OverdueLeases) -> Stuck:
    return Stuck(
        kind="leases",
        ref=leases.job_id,
        title=leases.title,
        reason=f"{leases.tasks} tasks in {leases.bundles} bundles whose lease is over",
        since_ms=leases.since_ms,
        job_id=leases.job_id,
        free="leases",
    )


def _refused(message: Refused) -> Stuck:
    return Stuck(
        kind="message",
        ref=message.message_id,
        title=f"{message.body_type} to {message.recipient_role}",
        reason=f"refused: {message.reason}",
        since_ms=None,
        job_id=message.job_id,
        free=None,
    )


def _lost(message: Undelivered) -> Stuck:
    return Stuck(
        kind="message",
        ref=message.message_id,
        title=f"{message.body_type} to {message.recipient_role}",
        reason="nobody was asked to deliver it; it is found by itself within half a minute",
        since_ms=int(message.sent_at.timestamp() * 1000),
        job_id=message.job_id,
        free=None,
    )


def _alarm(alarm: Alarm) -> Stuck:
    return Stuck(
        kind="transaction",
        ref=str(alarm.alarm_id),
        title=f"chain {alarm.chain_id}: {alarm.kind}",
        reason=f"{alarm.subject} {alarm.told}".strip(),
        since_ms=alarm.raised_at_ms,
        job_id="",
        free=None,
    )


def _quiet(job: QuietJob) -> Stuck:
    return Stuck(
        kind="job",
        ref=job.job_id,
        title=job.title,
        reason=f"has been {job.state} for long",
        since_ms=job.since_ms,
        job_id=job.job_id,
        free="stalled",
    )


def _log_lines(folder: Path, process: str, job_id: str) -> list[str]:
    found: list[str] = []
    for path in sorted(folder.glob("*.log")):
        if process and not (path.stem == process or path.stem.startswith(f"{process}-")):
            continue
        with path.open("rb") as handle:
            handle.seek(0, 2)
            handle.seek(max(0, handle.tell() - LOG_BYTES))
            lines = handle.read().decode("utf-8", "replace").splitlines()
        found += [f"{path.stem}  {line}"[:2_000] for line in lines if job_id in line]
    # lines begin with their moment; continued ones stay behind the line they continue
    return [SECRET.sub(r"\1…", line) for line in found[-LOG_LINES:]]
