"""Jobs and workers put straight into the tables, for tests and benchmarks of what happens after a job is open.

The rows are those that the exchange itself makes; only the scans, the readers and the money behind them are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from manyhands.protocol import canonical
from manyhands.protocol.ids import digest
from manyhands.protocol.manifest import Learning, Manifest, Needs, PayRule, Privacy, QualityRule
from manyhands.protocol.messages import JobFunded, Routing
from manyhands.store.database import Tx

EXCHANGE = "0x" + "e" * 40
LAUNCHER = "0x" + "1a" * 20
RECORDING = "0x" + "2c" * 20
REPUTATION = "0x" + "3e" * 20
JURY = "0x" + "4f" * 20
ESCROW = "0x" + "5b" * 20
TOKEN = "0x" + "6d" * 20
CHAIN_ID = 1338


@dataclass(frozen=True)
class OpenJob:
    """A job to be put into the tables: `pages` pages with `per_page` tasks each. pay  None = 12 test dollars an hour"""

    job_id: str = "job-1"
    pages: int = 1
    per_page: int = 10
    wanted: int = 1
    privacy: Privacy = "off"
    simulated: bool = False
    lease_ms: int = 600_000
    exchange: str = EXCHANGE
    reward_minor: int = 20_000
    effort_ms: int = 6_000
    learning: Learning | None = None
    needs: Needs | None = None
    pool: str = ""
    cap_parts: int = 0
    funded_minor: int = 1_000_000_000
    pay: PayRule | None = None


def manifest_of(job: OpenJob) -> Manifest:
    """A manifest that fits the job."""
    return Manifest(
        job_id=job.job_id,
        title="Receipts of a corner shop",
        requester="requester-1",
        task_type="transcription",
        privacy=job.privacy,
        crowd="simulated" if job.simulated else "people",
        quality=QualityRule(),
        pay=job.pay or PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=10_000_000),
        lease_ms=job.lease_ms,
        learning=msgspec.UNSET if job.learning is None else job.learning,
        needs=msgspec.UNSET if job.needs is None else job.needs,
        pool=job.pool or msgspec.UNSET,
        daily_cap_parts=job.cap_parts or msgspec.UNSET,
        page_count=job.pages,
        document_count=1,
        budget_minor=1_000_000_000,
        created_at_ms=1,
    )


def job_funded(job: OpenJob) -> JobFunded:
    """What the launcher would have said."""
    return JobFunded(
        job_id=job.job_id,
        manifest=manifest_of(job),
        routing=Routing(
            chain_id=CHAIN_ID,
            exchange=job.exchange,
            recording=RECORDING,
            reputation=REPUTATION,
            jury=JURY,
            reason="the only one",
            considered=(),
            decided_at_ms=1,
        ),
        escrow=ESCROW,
        token=TOKEN,
        funded_minor=job.funded_minor,
        launcher=LAUNCHER,
    )


async def put_open_job(tx: Tx, job: OpenJob) -> None:
    """Puts an open job with its tasks into the tables."""
    funded = job_funded(job)
    tasks = job.pages * job.per_page
    await tx.execute(
        """
        insert into exchange.jobs
            (job_id, state, manifest, routing, title, task_type, currency, simulated, lease_ms, effort_cap_factor,
             launcher, recording, reputation, jury, chain_id, escrow, token, funded_minor, pages_total, tasks_total,
             undecided, task_batches, announced_at_ms, opened_at_ms, requester, score_least_bp, pool,
             exponent, cap_parts)
        values (%(job_id)s, 'open', %(manifest)s, %(routing)s, %(title)s, 'transcription', %(currency)s, %(simulated)s,
                %(lease_ms)s, 3, %(launcher)s, %(recording)s, %(reputation)s, %(jury)s, %(chain_id)s, %(escrow)s,
                %(token)s, %(funded_minor)s, %(pages)s, %(tasks)s, %(tasks)s, 1, 1, 1, 'requester-1',
                %(score_least_bp)s, %(pool)s, %(exponent)s, %(cap_parts)s)
        """,
        {
            "job_id": job.job_id,
            "manifest": canonical.encode(funded.manifest),
            "routing": canonical.encode(funded.routing),
            "title": funded.manifest.title,
            "currency": funded.manifest.pay.currency,
            "exponent": funded.manifest.pay.money.exponent,
            "simulated": job.simulated,
            "lease_ms": job.lease_ms,
            "launcher": LAUNCHER,
            "recording": RECORDING,
            "reputation": REPUTATION,
            "jury": JURY,
            "chain_id": CHAIN_ID,
            "escrow": ESCROW,
            "token": TOKEN,
            "funded_minor": funded.funded_minor,
            "pages": job.pages,
            "tasks": tasks,
            "pool": job.pool,
            "cap_parts": job.cap_parts,
            "score_least_bp": 0 if job.needs is None else job.needs.score_bp,
        },
    )
    share = {"strict": 1, "standard": max(1, job.per_page // 10), "off": None}[job.privacy]
    await tx.execute(
        """
        insert into exchange.tasks
            (job_id, task_id, rank, page_key, place, page_share, piece_id, state, wanted, question, effort_ms,
             reward_minor, picture, facts)
        select %(job_id)s, task_id, row_number() over (order by task_id) - 1, n / %(per_page)s, n %% %(per_page)s,
               %(share)s::integer, 'piece-' || n, 'open', %(wanted)s, 'text', %(effort_ms)s, %(reward_minor)s,
               'blob-' || task_id, %(facts)s
        from (select n, md5(%(job_id)s || '/' || n) as task_id from generate_series(0, %(tasks)s - 1) n) made
        """,
        {
            "job_id": job.job_id,
            "per_page": job.per_page,
            "share": share,
            "wanted": job.wanted,
            "effort_ms": job.effort_ms,
            "reward_minor": job.reward_minor,
            "facts": msgspec.json.encode({}),
            "tasks": tasks,
        },
    )
    await tx.execute("insert into exchange.offers (job_id) values (%s)", (job.job_id,))


def worker_address(number: int) -> str:
    """The address of the n-th made-up worker."""
    return "0x" + (digest("worker", number) + digest("more", number))[:40]


async def put_workers(tx: Tx, count: int, *, simulated: bool = False, first: int = 0) -> list[str]:
    """Accounts that can work but not sign in."""
    workers = [worker_address(first + number) for number in range(count)]
    async with tx.cursor() as cursor:
        await cursor.executemany(
            """
            insert into exchange.accounts
                (worker, name, name_key, password_hash, wallet_sealed, simulated, created_at_ms)
            values (%s, %s, %s, '', ''::bytea, %s, 1)
            """,
            [(worker, f"worker {worker[2:8]}", worker, simulated) for worker in workers],
        )
    return workers
