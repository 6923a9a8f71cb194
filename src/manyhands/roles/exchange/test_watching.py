"""A job over time: what it cost ends where the money ended."""

from __future__ import annotations

from manyhands.protocol import canonical
from manyhands.protocol.messages import JobSettled
from manyhands.roles.exchange.testing import OpenJob, put_open_job, worker_address
from manyhands.roles.exchange.watching import Cost, series_of
from manyhands.store.database import Database


async def test_the_cost_of_a_job_grows_by_what_is_set_aside_and_ends_at_what_was_paid(database: Database) -> None:
    async with database.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id="job-1"))
        for batch_no, reserved_minor in ((1, 400), (2, 250)):
            await tx.execute(
                "insert into exchange.batches values ('job-1', %s, '0x', 'blob', 3, %s, %s)",
                (batch_no, reserved_minor, 1_000 * batch_no),
            )
    running = (Cost(1_000, 400), Cost(2_000, 650))
    assert (await series_of(database, "job-1", now_ms=9_000)).cost == running
    settled = JobSettled(
        job_id="job-1", accepted=True, paid_minor={worker_address(1): 500, worker_address(2): 240}, fees_minor=35,
        refunded_minor=9, package_blob="", package_hash="", payouts_blob="", transactions=(),
    )  # fmt: skip
    async with database.transaction() as tx:
        await tx.execute(
            "update exchange.jobs set settled = %s, settled_at_ms = 3000, state = 'settled' where job_id = 'job-1'",
            (canonical.encode(settled),),
        )
    assert (await series_of(database, "job-1", now_ms=9_000)).cost == (*running, Cost(3_000, 775))
    assert (await series_of(database, "unknown", now_ms=9_000)).cost == ()
