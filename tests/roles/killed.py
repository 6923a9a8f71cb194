"""A process that is killed -9 between two steps of what it does, so that the step at which it dies is chosen, not hit.

A step is one exchange with the database: a statement, a begin, a commit. The program reads wishes from its standard
input, one JSON line each, `{dsn, folder, work, about, after}`; it forks for each, lets the child do the work, and kills
it with SIGKILL after so many steps. It answers `killed`, or `done` when the work was over before.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psycopg

from manyhands.chain.facts import ContractAddresses
from manyhands.ledger.desk import DeskEvent
from manyhands.protocol.messages import decode_envelope
from manyhands.roles.recording import RecordingOracle
from manyhands.roles.reputation import ReputationOracle
from manyhands.store.database import Database

from .conftest import CHAIN_A, house_on
from .test_purses import transfer, with_purses

LIMIT_MINOR = 10**9


async def work(wish: dict[str, Any]) -> None:
    """One piece of work on money, as the process of the roles does it."""
    # a chain that stands elsewhere, and a clock that was moved, are told with the wish
    db = await Database.open(wish["dsn"], max_size=2)
    house, about = house_on(db, Path(wish["folder"])), wish["about"]
    purses = with_purses(house, limit_minor=LIMIT_MINOR)
    if "now_ms" in about:
        house.clock.now_ms = about["now_ms"]
    if "contracts" in about:
        here = house.chains.of(CHAIN_A)
        house.chains.put(here.with_contracts(ContractAddresses(**about["contracts"])))
    recording = RecordingOracle(house.context("recording"), house.desk("recording"))
    reputation = ReputationOracle(house.context("reputation"), house.desk("reputation"))
    die_after(wish["after"])
    match wish["work"]:
        case "approve":
            await house.launcher.approve(about["job_id"])
        case "cancel":
            await house.launcher.cancel(about["job_id"])
        case "settle":
            await house.mailbox.receive(decode_envelope(about["envelope"].encode()))
        case "deposit":
            await purses.deposit(about["requester"], 700, reference=about["reference"], because="invoice 17")
        case "limit":
            await purses.set_limit(about["requester"], about["limit_minor"], by="operator", because="a contract")
        case "recording day":
            await recording.tick()
        case "reputation day":
            await reputation.tick()
        case "escrow made":
            async with db.transaction() as tx:
                await house.launcher.on_chain_event(tx, DeskEvent(**about["event"]))
        case "transfer":
            async with db.transaction() as tx:
                await purses.on_transfer(tx, transfer(house, about["requester"], index=about["index"]))


def die_after(steps: int) -> None:
    """From now on the process lives for so many exchanges with the database, and dies right after the last."""
    exchange, left = psycopg.AsyncConnection.wait, [steps]

    async def counted(self: Any, *args: Any, **options: Any) -> Any:
        answered = await exchange(self, *args, **options)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answered

    psycopg.AsyncConnection.wait = counted  # type: ignore[method-assign]


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(work(json.loads(line)))
            os._exit(0)  # the pool's farewell is none of the work
        _, status = os.waitpid(child, 0)
        told = "killed" if os.WIFSIGNALED(status) else "done" if os.WEXITSTATUS(status) == 0 else "failed"
        print(told, flush=True)


if __name__ == "__main__":
    main()
