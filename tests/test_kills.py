"""kill -9 of the whole program, database server and chains included, at random moments of a job's life.

Whatever is killed whenever: the job ends, every answer that was acknowledged is there, everyone is paid exactly once,
the books equal the chain, and the proof holds.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from manyhands.apps.compose import Platform, client
from manyhands.apps.demo.crowd import Counted, Known, SimulatedPerson, habits
from manyhands.apps.demo.run import read_truths
from manyhands.apps.doctor import book_differences
from manyhands.apps.folder import DataFolder, Settings
from manyhands.apps.running import running
from manyhands.chain.client import ChainClient
from manyhands.chain.contracts import encode_call
from manyhands.documents.samples import write_samples
from manyhands.documents.truth import truth_for_pieces
from platform_under_test import PlatformUnderTest, free_port, manyhands

PEOPLE = 12
JOB_PATIENCE_S = 420
SETTLE_PATIENCE_S = 60
LIFE_S = (1.0, 20.0)
"""How long the program lives between two kills: long enough to get from reading through work to paying."""


class Witness(SimulatedPerson):
    """A simulated person who remembers every answer the platform acknowledged."""

    acknowledged: set[tuple[str, str]]

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await super()._post(path, body)
        if path.endswith("/answers"):
            job_id = path.split("/")[3]
            for one in answer["outcomes"]:
                if one["outcome"] in ("stored", "late_stored", "already_stored"):
                    self.acknowledged.add((job_id, str(one["assignment_id"])))
        return answer


async def known_of(platform: Platform, job_id: str, truths: Mapping[str, bytes]) -> dict[str, Known]:
    places = await platform.exchange.simulation_view(job_id)
    known: dict[str, Known] = {}
    for doc_id in {place.doc_id for place in places.values()}:
        own = {key: place.piece for key, place in places.items() if place.doc_id == doc_id}
        texts = truth_for_pieces(list(own.values()), json.loads(truths[doc_id]))
        known |= {key: Known(texts.get(piece.piece_id), piece.readings) for key, piece in own.items()}
    return known


async def killed_through(data: Path, scans: Path, truths: Mapping[str, bytes], kills: int, seed: int) -> dict[str, int]:
    """Runs jobs until enough kills have happened; returns what was counted."""
    chance = random.Random(seed)
    platform = PlatformUnderTest(data, free_port())
    known: dict[str, dict[str, Known]] = {}
    acknowledged: set[tuple[str, str]] = set()
    stop = asyncio.Event()
    people = []
    for number in range(PEOPLE):
        person = Witness(
            platform.url,
            habits(seed * 100 + number, 0.03),
            known.get,
            Counted(),
            seed=number,
        )
        person.acknowledged = acknowledged
        people.append(person)
    platform.start()
    await asyncio.to_thread(platform.wait_until_up)
    crowd: list[asyncio.Task[None]] = []
    jobs: list[str] = []
    done = 0
    try:
        while done < kills or not jobs:
            job_id = await _launch(data, scans, f"kills {seed} {len(jobs)}")
            jobs.append(job_id)
            deadline = time.monotonic() + JOB_PATIENCE_S
            kill_at = time.monotonic() + chance.uniform(*LIFE_S)
            while (state := _asked(data, "select state from launcher.jobs", job_id)) not in ("closed", "refused"):
                assert time.monotonic() < deadline, f"job {job_id} is stuck in {state} after {done} kills"
                if job_id not in known and _asked(data, "select opened_at_ms from exchange.jobs", job_id):
                    known |= await _known(data, job_id, truths)
                    if job_id in known and not crowd:
                        crowd = [asyncio.create_task(person.run(stop)) for person in people]
                if done < kills and time.monotonic() >= kill_at:
                    await asyncio.to_thread(platform.kill)
                    done += 1
                    platform.start()
                    if chance.random() < 0.3:  # killed again while it starts
                        await asyncio.sleep(chance.uniform(0, 6))
                        await asyncio.to_thread(platform.kill)
                        done += 1
                        platform.start()
                    await asyncio.to_thread(platform.wait_until_up)
                    deadline = time.monotonic() + JOB_PATIENCE_S
                    kill_at = time.monotonic() + chance.uniform(*LIFE_S)
                await asyncio.sleep(0.5)
            assert state == "closed"
        stop.set()
        await asyncio.gather(*crowd)
        return await _examined(data, jobs, acknowledged) | {"kills": done, "jobs": len(jobs)}
    finally:
        stop.set()
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        platform.kill()


async def _launch(data: Path, scans: Path, key: str) -> str:
    done = await asyncio.to_thread(
        manyhands,
        "launch",
        scans,
        "--data",
        data,
        "--request-key",
        key,
        "--title",
        key,
        "--crowd",
        "simulated",
        "--json",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: str = json.loads(done.stdout)["job"]["job_id"]
    return found


def _asked(data: Path, select: str, job_id: str) -> Any:
    """One value of a job, by a connection of its own: a whole platform need not be opened twice a second."""
    found = running(DataFolder(data))
    assert found is not None
    with psycopg.connect(found.dsn) as connection:
        row = connection.execute(f"{select} where job_id = %s", (job_id,)).fetchone()
    return row[0] if row else None


async def _known(data: Path, job_id: str, truths: Mapping[str, bytes]) -> dict[str, dict[str, Known]]:
    async with client(DataFolder(data)) as platform:
        return {job_id: await known_of(platform, job_id, truths)}


async def _examined(data: Path, jobs: list[str], acknowledged: set[tuple[str, str]]) -> dict[str, int]:
    """Answers, payments, books and proofs after all the kills."""
    async with client(DataFolder(data)) as platform:
        async with platform.db.connection() as tx:
            found = await (await tx.execute("select job_id, task_id, worker from recording.answers")).fetchall()
        stored = {(job_id, task_id) for job_id, task_id, _ in found}
        assert len(set(found)) == len(found)
        lost = {(job_id, assignment.rsplit(".", 1)[0]) for job_id, assignment in acknowledged} - stored
        assert not lost, f"{len(lost)} acknowledged answers are missing"
        deadline = time.monotonic() + SETTLE_PATIENCE_S
        while differences := await book_differences(platform):
            assert time.monotonic() < deadline, differences
            await asyncio.sleep(1)
        owed: dict[tuple[int, str], int] = {}
        for job_id in jobs:
            done = await asyncio.to_thread(manyhands, "verify", job_id, "--data", data, "--json")
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
            case = await platform.reputation.case(job_id)
            assert case is not None
            for pay in case.payouts_file().pay:
                owed[case.chain_id, pay.worker] = owed.get((case.chain_id, pay.worker), 0) + pay.total_minor
        for (chain_id, worker), minor in owed.items():
            facts = platform.chains.of(chain_id)
            assert facts.contracts is not None
            async with ChainClient(facts) as chain:
                await chain.connect()
                held = int.from_bytes(
                    await chain.call(facts.contracts.token, encode_call("TestToken", "balanceOf", worker)), "big"
                )
            assert held == minor, f"{worker} holds {held} on chain {chain_id} and is owed {minor}"
        return {"acknowledged": len(acknowledged), "answers": len(found), "paid": len(owed)}


def prepared(tmp_path: Path) -> tuple[Path, Path, dict[str, bytes]]:
    scans, truth = write_samples(tmp_path / "samples", seed=3, receipts=2)
    data = tmp_path / "data"
    DataFolder(data).prepare(Settings(simulated_crowd=True))
    return data, scans, read_truths(truth)


async def test_killing_everything_at_random_moments_loses_and_doubles_nothing(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    data, scans, truths = prepared(tmp_path)
    counted = await killed_through(data, scans, truths, pytestconfig.getoption("--kills"), seed=11)
    print(f"\n{counted}")
    assert counted["acknowledged"] > 0


@pytest.mark.nightly
async def test_two_hundred_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    data, scans, truths = prepared(tmp_path)
    counted = await killed_through(data, scans, truths, 200, seed=12)
    print(f"\n{counted}")
    assert counted["kills"] >= 200
