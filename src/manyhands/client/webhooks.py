"""What a webhook brought, checked before it is believed.

    event = opened(secret, request.headers, request.body)     # raises NotGenuine
    if event.id not in seen: ...                               # the same event may come again

Rules kept here
- The signature covers the time and the body as it came; a body that was parsed and written again does not fit.
- What is older than five minutes is refused, so that a telling that somebody recorded cannot be sent later.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Final

import msgspec

from .errors import ClientError

TOLERANCE_MS: Final = 5 * 60_000


class NotGenuine(ClientError):
    """A request that the platform did not send, or sent at another time."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened to a job. number counts the job's events from 1, without gaps; id never changes."""

    id: str
    type: str
    job_id: str
    number: int
    name: str
    because: str
    happened_at_ms: int
    job_state: str


def opened(secret: str, headers: Mapping[str, str], body: bytes, *, now_ms: int | None = None) -> Event:
    """The event, when platform and moment are right. headers  with names in any case. raises NotGenuine"""
    lower = {name.lower(): value for name, value in headers.items()}
    told_at, signature = lower.get("manyhands-timestamp", ""), lower.get("manyhands-signature", "")
    if not (told_at.isascii() and told_at.isdigit() and len(told_at) < 17):
        raise NotGenuine("the request has no time")
    # for a day after a secret was made anew there are two signatures, with a comma between them
    expected = "v1=" + hmac.new(secret.encode(), f"{told_at}.".encode() + body, hashlib.sha256).hexdigest()
    if not any(hmac.compare_digest(expected.encode(), one.strip().encode()) for one in signature.split(",")[:4]):
        raise NotGenuine("the signature does not fit")
    if abs((time.time_ns() // 1_000_000 if now_ms is None else now_ms) - int(told_at)) > TOLERANCE_MS:
        raise NotGenuine("the request is of another time")
    try:
        return msgspec.json.decode(body, type=Event)
    except (msgspec.ValidationError, msgspec.DecodeError) as problem:
        raise NotGenuine("the request tells no event") from problem
