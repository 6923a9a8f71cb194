"""What was noticed of a worker's answers: told to them, objected to by them, taken back for them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from manyhands.protocol.messages import SignsTold, WorkerSign
from manyhands.roles.exchange.errors import BadRequest, NoSuchSign
from manyhands.roles.exchange.noticing import WORDS_MAX_CHARS
from manyhands.roles.exchange.testing import OpenJob, put_open_job, worker_address
from manyhands.store.database import Database
from manyhands.store.mailbox import Receipt

from .scripted import House

WORKER, OTHER = worker_address(1), worker_address(2)
SIGN = WorkerSign(
    worker=WORKER, kind="too-fast", says="9 of 12 answers in less than 400 ms",
    evidence={"answers": 12, "below_feasible": 9, "feasible_ms": 400},
)  # fmt: skip


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> House:
    house = House(database, tmp_path / "blobs")
    async with house.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id="job-1"))
        await tx.execute("update exchange.jobs set reputation = %s", (house.keys["reputation"].address,))
    return house


async def told(house: House, word_no: int, cleared_because: str = "", *, role: str = "reputation") -> Receipt:
    sign = msgspec.structs.replace(SIGN, cleared_because=cleared_because)
    return await house.say(role, SignsTold(job_id="job-1", signs=(sign,), word_no=word_no))  # type: ignore[arg-type]


async def test_the_worker_reads_it_with_its_counts_and_nobody_else_does(house: House) -> None:
    await told(house, 0)
    (seen,) = await house.exchange.noticing.of(WORKER)
    assert (seen.kind, seen.evidence["below_feasible"], seen.words, seen.cleared_because) == ("too-fast", 9, "", "")
    assert await house.exchange.noticing.of(OTHER) == []
    assert [one["kind"] for one in (await house.exchange.books.everything(WORKER))["signs"]] == ["too-fast"]


async def test_what_the_worker_says_stands_before_the_person_who_decides(house: House) -> None:
    await told(house, 0)
    for words in ("The pieces are one digit each.", "  They are one digit each, look.  "):
        await house.exchange.noticing.say(WORKER, "job-1", "too-fast", words)
    (kept,) = await house.exchange.noticing.words()
    assert (kept.worker, kept.kind, kept.words) == (WORKER, "too-fast", "They are one digit each, look.")
    for words in ("", "   ", "a\x00b", "x" * (WORDS_MAX_CHARS + 1)):
        with pytest.raises(BadRequest):
            await house.exchange.noticing.say(WORKER, "job-1", "too-fast", words)
    for worker, job_id, kind in ((OTHER, "job-1", "too-fast"), (WORKER, "job-2", "too-fast"), (WORKER, "job-1", "x")):
        with pytest.raises(NoSuchSign):
            await house.exchange.noticing.say(worker, job_id, kind, "words")


async def test_a_sign_that_was_taken_back_stays_to_be_read_and_needs_no_word(house: House) -> None:
    await told(house, 0)
    await house.exchange.noticing.say(WORKER, "job-1", "too-fast", "They are one digit each.")
    await told(house, 1, "The pieces are one digit each, as you say.")
    (seen,) = await house.exchange.noticing.of(WORKER)
    assert (seen.words, seen.cleared_because) == (
        "They are one digit each.",
        "The pieces are one digit each, as you say.",
    )
    with pytest.raises(NoSuchSign):
        await house.exchange.noticing.say(WORKER, "job-1", "too-fast", "thank you")


async def test_the_last_word_holds_in_whatever_order_they_come(house: House) -> None:
    await told(house, 1, "It means nothing here.")
    await told(house, 0)
    assert [one.cleared_because for one in await house.exchange.noticing.of(WORKER)] == ["It means nothing here."]


async def test_only_the_jobs_own_reputation_oracle_notices_anything(house: House) -> None:
    assert (await told(house, 0, role="recording")).outcome == "refused"
    assert await house.exchange.noticing.of(WORKER) == []
