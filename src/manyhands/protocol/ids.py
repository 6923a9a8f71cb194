"""Ids made from meaning, and the doors through which time and chance come in.

>>> digest("payout", "job-1", "worker-2") == digest("payout", "job-1", "worker-2")
True
>>> digest("ab", "c") == digest("a", "bc")
False
"""

from __future__ import annotations

import hashlib
import random
import secrets
import time
from collections.abc import Callable
from typing import Protocol

Clock = Callable[[], int]
"""Milliseconds since 1970-01-01 UTC."""


def system_clock() -> int:
    return time.time_ns() // 1_000_000


class IdSource(Protocol):
    """Where chance comes from: whole random bytes, and nothing else."""

    def random_bytes(self, count: int) -> bytes: ...


class SystemIds:
    """Chance from the operating system, for production."""

    def random_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)


class SeededIds:
    """Repeatable chance, so that a week of work replays with the same outcome. Never for keys that hold real money."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(str(seed))  # noqa: S311  repeatability is the purpose

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


def digest_bytes(*parts: str | int | bytes) -> bytes:
    """sha-256 over length-prefixed parts, so that no two different lists of parts coincide."""
    state = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        state.update(len(raw).to_bytes(8, "big"))
        state.update(raw)
    return state.digest()


def digest(*parts: str | int | bytes) -> str:
    """The id of what the parts mean: 32 hex characters (128 bits)."""
    return digest_bytes(*parts).hex()[:32]
