"""A payer as a process of its own, to be killed.

It does what a role and its sender do: submits every payment again from its list, as after any restart, and sends.

Killing it at random moments finds what lasts long; what lasts a microsecond is hit once in many thousand kills. So a
payer can also be told to end itself by SIGKILL at its n-th step, a step being the moment before or after it spoke with
the database or with a node. Between two steps it changes nothing that outlives it: memory dies with it, and everything
else is a statement to PostgreSQL or a request to a node. To die before the n-th step for every n is therefore to die
everywhere, and the signal is the same one, sent to the whole process by itself: no handler, no `finally`, no commit.
It is forked from a server that has imported everything; what it inherits is code, never a connection or a lock.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psycopg

from manyhands.chain.client import ChainClient
from manyhands.chain.facts import shipped_facts
from manyhands.chain.keys import dev_key
from manyhands.chain.testing import NOTEBOOK_GAS, note
from manyhands.store.database import Database

from . import submit
from .sender import Sender

PAYERS = 3


def run_payer(dsn: str, rpc_url: str, notebook: str, purposes: list[str], dies_at: int = 0) -> None:
    """Pays until it is killed. One note in the notebook stands for one payment.

    dies_at  the step at which it kills itself, counted from 1; 0 leaves that to others
    """
    if dies_at:
        _die_at_step(dies_at)
    asyncio.run(_pay(dsn, rpc_url, notebook, purposes))


def _die_at_step(number: int) -> None:
    """Counts what goes to the database and to nodes, and ends this process at one of these moments."""
    left = number

    def step() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(speak: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wrapped(*arguments: Any, **named: Any) -> Any:
            step()
            answer = await speak(*arguments, **named)
            step()
            return answer

        return wrapped

    # Every word to PostgreSQL, commits included, goes through `wait`; every request to a node through `post`.
    setattr(psycopg.AsyncConnection, "wait", counted(psycopg.AsyncConnection.wait))  # noqa: B010
    setattr(httpx.AsyncClient, "post", counted(httpx.AsyncClient.post))  # noqa: B010


async def _pay(dsn: str, rpc_url: str, notebook: str, purposes: list[str]) -> None:
    facts = shipped_facts()[1338].at([rpc_url])
    db = await Database.open(dsn, max_size=4)
    async with ChainClient(facts) as client:
        sender = Sender(db, {facts.chain_id: client}, resend_after_ms=200)
        sending = asyncio.create_task(_send(sender))
        for purpose in purposes:
            async with db.transaction() as tx:
                await submit(
                    tx,
                    chain=facts,
                    key=dev_key(int(purpose) % PAYERS),
                    purpose=purpose,
                    to=notebook,
                    data=note(purpose.encode()),
                    gas_limit=NOTEBOOK_GAS,
                )
        await sending


async def _send(sender: Sender) -> None:
    await sender.resume()
    await sender.run(asyncio.Event())
