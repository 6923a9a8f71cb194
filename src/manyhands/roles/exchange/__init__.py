"""The job exchange: cuts documents into tasks, lends them to workers, keeps every answer, puts the records together.

Rules kept here
- An answer that a worker was told is received is on disk, is sent to the recording oracle once, and is never lost.
- Nobody is lent a task twice, and no more people are asked than the recording oracle wants.
- A worker sees one cutting, never its place: ids are opaque, the order is shuffled, neighbours are painted over.
- It never judges an answer and never moves money.
- This package imports neither pixels nor readers nor a chain: processes that only serve people stay small.

    exchange = Exchange(ctx, ExchangeSettings(wallet_secret=secret, picture_secret=other))
    mailbox.register("exchange", ctx.address, exchange.on_message)
    bundle = await exchange.claim(worker, job_id, 10)
"""

from .errors import ExchangeError
from .lending import Assignment, Bundle, Given, Stored
from .role import QUEUES, TICK_MS, Exchange, ExchangeSettings

__all__ = [
    "QUEUES",
    "TICK_MS",
    "Assignment",
    "Bundle",
    "Exchange",
    "ExchangeError",
    "ExchangeSettings",
    "Given",
    "Stored",
]
