"""A payer as a process of its own, to be killed.

It does what a role and its sender do: submits every payment again from its list, as after any restart, and sends.
"""

from __future__ import annotations

import asyncio

from manyhands.chain.client import ChainClient
from manyhands.chain.facts import shipped_facts
from manyhands.chain.keys import dev_key
from manyhands.chain.testing import NOTEBOOK_GAS, note
from manyhands.store.database import Database

from . import submit
from .sender import Sender

PAYERS = 3


def run_payer(dsn: str, rpc_url: str, notebook: str, purposes: list[str]) -> None:
    """Pays until it is killed. One note in the notebook stands for one payment."""
    asyncio.run(_pay(dsn, rpc_url, notebook, purposes))


async def _pay(dsn: str, rpc_url: str, notebook: str, purposes: list[str]) -> None:
    facts = shipped_facts()[1338].at([rpc_url])
    db = await Database.open(dsn, max_size=4)
    async with ChainClient(facts) as client:
        sender = Sender(db, {facts.chain_id: client}, resend_after_ms=200)
        sending = asyncio.create_task(_send(sender))
        for number, purpose in enumerate(purposes):
            async with db.transaction() as tx:
                await submit(
                    tx,
                    chain=facts,
                    key=dev_key(number % PAYERS),
                    purpose=purpose,
                    to=notebook,
                    data=note(purpose.encode()),
                    gas_limit=NOTEBOOK_GAS,
                )
        await sending


async def _send(sender: Sender) -> None:
    await sender.resume()
    await sender.run(asyncio.Event())
