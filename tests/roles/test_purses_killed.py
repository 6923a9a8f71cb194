"""kill -9 between every two steps of whatever moves a purse: all of it happened or nothing, and asked again, once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from manyhands.protocol import canonical
from manyhands.protocol.messages import JobSettled, seal

from .conftest import CHAIN_A, House
from .killed import LIMIT_MINOR
from .test_purses import STRANGER, books_hold, figures, price, transfer, wanted, with_purses

ROOT = Path(__file__).parents[2]
STEPS_MOST = 60
"""More than any of these works takes: a loop that does not end is a fault of the test."""


@dataclass
class Killer:
    """Has a process do something and die after so many steps."""

    process: subprocess.Popen[str]
    dsn: str
    folder: Path

    def kill(self, work: str, about: dict[str, Any], *, after: int) -> str:
        wish = {"dsn": self.dsn, "folder": str(self.folder), "work": work, "about": about, "after": after}
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture
def killer(house: House, tmp_path: Path) -> Iterator[Killer]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.roles.killed"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Killer(process, house.db.dsn, tmp_path)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=30)


async def test_an_approval_killed_between_any_two_steps_is_there_with_its_hold_or_not_at_all(
    house: House, killer: Killer
) -> None:
    purses, total, kills = with_purses(house, limit_minor=LIMIT_MINOR), await price(house), 0
    for after in range(1, STEPS_MOST):
        job_id = await wanted(house, f"approve {after}")
        told = killer.kill("approve", {"job_id": job_id}, after=after)
        assert told in ("killed", "done")
        view, held = await house.launcher.view(job_id), {one.job_id for one in await purses.held(STRANGER)}
        assert view.approved == (job_id in held), f"after step {after}"
        assert (await house.launcher.approve(job_id)).approved  # asked again by whoever got no answer
        assert (await purses.of(STRANGER)).held_minor == after * total, f"after step {after}"
        if told == "done":
            break
        kills += 1
    print(f"{kills} kills")
    assert kills >= 5
    await books_hold(house)


async def test_a_deposit_killed_between_any_two_steps_counts_once(house: House, killer: Killer) -> None:
    purses, kills = with_purses(house, limit_minor=0), 0
    for after in range(1, STEPS_MOST):
        about = {"requester": STRANGER, "reference": f"bank {after}"}
        told = killer.kill("deposit", about, after=after)
        before = (after - 1) * 700
        assert (await purses.of(STRANGER)).paid_in_minor in (before, before + 700)
        for _ in range(2):
            await purses.deposit(STRANGER, 700, reference=f"bank {after}", because="invoice 17")
        assert figures(await purses.of(STRANGER))[0] == before + 700, f"after step {after}"
        if told == "done":
            break
        assert told == "killed"
        kills += 1
    print(f"{kills} kills")
    assert kills >= 3
    await books_hold(house)


@pytest.mark.nightly
async def test_a_limit_killed_between_any_two_steps_is_the_old_or_the_new_one(house: House, killer: Killer) -> None:
    purses, kills = with_purses(house, limit_minor=0), 0
    for after in range(1, STEPS_MOST):
        told = killer.kill("limit", {"requester": STRANGER, "limit_minor": after}, after=after)
        assert (await purses.of(STRANGER)).limit_minor in (after - 1, after), f"after step {after}"
        await purses.set_limit(STRANGER, after, by="operator", because="a contract")
        assert (await purses.of(STRANGER)).limit_minor == after
        await books_hold(house)
        if told == "done":
            break
        assert told == "killed"
        kills += 1
    print(f"{kills} kills")
    assert kills >= 3


@pytest.mark.nightly
async def test_a_transfer_killed_between_any_two_steps_is_a_deposit_once(house: House, killer: Killer) -> None:
    purses, each, kills = with_purses(house), 4_000, 0
    for after in range(1, STEPS_MOST):
        told = killer.kill("transfer", {"requester": STRANGER, "index": after}, after=after)
        before = (after - 1) * each
        assert (await purses.of(STRANGER)).paid_in_minor in (before, before + each)
        await house.chain_says("launcher", transfer(house, STRANGER, index=after))  # the indexer tells it again
        assert (await purses.of(STRANGER)).paid_in_minor == before + each, f"after step {after}"
        if told == "done":
            break
        assert told == "killed"
        kills += 1
    print(f"{kills} kills")
    assert kills >= 3
    await books_hold(house)


@pytest.mark.nightly
async def test_a_job_taken_back_and_killed_between_any_two_steps_holds_nothing_once_it_is_refused(
    house: House, killer: Killer
) -> None:
    purses, kills = with_purses(house, limit_minor=LIMIT_MINOR), 0
    for after in range(1, STEPS_MOST):
        job_id = await wanted(house, f"cancel {after}")
        await house.launcher.approve(job_id)
        told = killer.kill("cancel", {"job_id": job_id}, after=after)
        await house.launcher.cancel(job_id)
        view, held = await house.launcher.view(job_id), {one.job_id for one in await purses.held(STRANGER)}
        assert (view.state == "refused") == (job_id not in held), f"after step {after}: {view.state}"
        if told == "done":
            break
        assert told == "killed"
        kills += 1
    print(f"{kills} kills")
    assert kills >= 3
    await books_hold(house)


@pytest.mark.nightly
async def test_a_bill_killed_between_any_two_steps_is_written_once_with_the_jobs_end(
    house: House, killer: Killer
) -> None:
    purses, total, kills = with_purses(house, limit_minor=LIMIT_MINOR), await price(house), 0
    await house.stake(CHAIN_A)
    for after in range(1, STEPS_MOST):
        job_id = await wanted(house, f"bill {after}")
        await house.launcher.approve(job_id)
        await house.settle()
        await house.launched(job_id)
        body = JobSettled(
            job_id=job_id, accepted=True, paid_minor={"0xw1": 700}, fees_minor=70, refunded_minor=total - 770,
            package_blob="", package_hash="", payouts_blob="", transactions=("0x1",),
        )  # fmt: skip
        envelope = seal(
            body, signer=house.keys["reputation"], sender_role="reputation",
            recipient=house.keys["launcher"].address, recipient_role="launcher", now_ms=house.clock(),
        )  # fmt: skip
        told = killer.kill("settle", {"envelope": canonical.encode(envelope).decode()}, after=after)
        state = (await house.launcher.view(job_id)).state
        held = {one.job_id for one in await purses.held(STRANGER)}
        assert (job_id in held) == (state != "closed"), f"after step {after}: {state}"
        await house.mailbox.receive(envelope)  # it is delivered until somebody says that it arrived
        assert figures(await purses.of(STRANGER))[1:3] == (0, after * 770), f"after step {after}"
        if told == "done":
            break
        assert told == "killed"
        kills += 1
    print(f"{kills} kills")
    assert kills >= 5
    await books_hold(house)
