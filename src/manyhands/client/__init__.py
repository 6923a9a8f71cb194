"""A typed client of the platform's HTTP API, for worker apps and requesters' scripts.

Rules kept here
- It needs nothing of the house: httpx and msgspec alone. What it can do, anybody's program can.
- A refusal is a `Refused` with the server's code, sentence and cure; no answer at all is `Unreachable`.
- What may be asked twice with one effect is asked again by itself when no answer came; nothing else is.

    with Client("https://work.example.org", key="mhk_...") as client:
        bundle = client.claim(client.offers()[0].job_id, 10)
        client.submit(job_id, [Answer(one.assignment_id, text) for one in bundle.assignments])

`AsyncClient` has the same methods, awaited. `manyhands.client.webhooks` checks what a webhook brought;
`manyhands.client.testing` has the receiver that refuses, delays and loses on request.
"""

from .errors import ClientError, Refused, Unreachable
from .events import JobEvent
from .http import AsyncClient, Client
from .shapes import (
    Account,
    Answer,
    Assignment,
    Bundle,
    DailyShare,
    Earnings,
    Hook,
    JobEarnings,
    Key,
    Offer,
    Outcome,
    ResultFile,
)

__all__ = [
    "Account",
    "Answer",
    "Assignment",
    "AsyncClient",
    "Bundle",
    "Client",
    "ClientError",
    "DailyShare",
    "Earnings",
    "Hook",
    "JobEarnings",
    "JobEvent",
    "Key",
    "Offer",
    "Outcome",
    "Refused",
    "ResultFile",
    "Unreachable",
]
