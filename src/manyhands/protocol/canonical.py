"""One byte form for every agreed structure, so that a hash of it means something.

>>> encode({"b": 1, "a": 2})
b'{"a":2,"b":1}'
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from .errors import ProtocolError


class BadShape(ProtocolError):
    """A structure from another party does not have the agreed shape."""

    def __init__(self, what: str, problem: str) -> None:
        self.what, self.problem = what, problem
        super().__init__(f"{what}: {problem}")


def encode(value: Any) -> bytes:
    """JSON with sorted keys and no blanks."""
    return msgspec.json.encode(value, order="sorted")


def decode(raw: bytes | str, shape: Any, *, what: str = "message") -> Any:
    """A value of the shape, which is a type or a union of types.

    raises  BadShape naming the field that does not fit
    """
    try:
        return msgspec.json.decode(raw, type=shape, strict=True)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise BadShape(what, str(problem)) from problem


def content_hash(value: Any) -> str:
    """sha-256 of the canonical form, 64 hex characters."""
    raw = value if isinstance(value, bytes) else encode(value)
    return hashlib.sha256(raw).hexdigest()
