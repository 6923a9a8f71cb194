"""Errors as they leave the site: one shape, a status, and the cure.

Rules kept here
- Every refusal is `{"error": {"code", "message", "cure"}}`, also those that the framework makes by itself; beside the
  sentences stands what they say by name and figures, for pages in another language.
- An unforeseen error is logged whole and told as one sentence without its insides.

>>> code_of(KeyError("x"))
'key_error'
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from manyhands.protocol.canonical import BadShape
from manyhands.protocol.errors import BadSignature, ManyhandsError, ProtocolError

from .said import said

_log = logging.getLogger(__name__)

STATUS_BY_CODE: Final[Mapping[str, int]] = {
    "not_signed_in": 401,
    "bad_credentials": 401,
    "wrong_password": 401,
    "bad_signed_url": 403,
    "bad_blob_name": 404,
    "not_yours": 403,
    "not_eligible": 403,
    "not_a_juror": 403,
    "name_taken": 409,
    "already_voted": 409,
    "too_many_attempts": 429,
    "too_large": 413,
    "foreign_host": 421,
    "header_missing": 403,
}
"""Codes whose status does not follow from their form. Codes are class names in snake case."""


class NotFound(ManyhandsError):
    """There is nothing under this address, or nothing that the reader may see."""

    cure = "Check the address, or start again from the front page."

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"there is no {what}")


class HeaderMissing(ManyhandsError):
    """A request that changes something came without the header that only our own pages and scripts send."""

    cure = "Send the header X-Requested-With: manyhands with every request that changes something."

    def __init__(self) -> None:
        super().__init__("the request lacks the header X-Requested-With")


class ForeignHost(ManyhandsError):
    """The request names a host that this site is not."""

    cure = "Open the site under the address it was started with."

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__("this site does not answer under that name")


class TooLarge(ManyhandsError):
    """A request body is larger than anything this address takes."""

    cure = "Send less at once: at most 20 answers a request, and files through a launch."

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the request is larger than {limit_bytes} bytes")


class BadRequest(ManyhandsError):
    """A request does not have the agreed shape."""

    cure = "Compare the request with /openapi.json."

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the request does not fit: {problem}")


def code_of(problem: Exception) -> str:
    """The error's own `code`, else its class name in snake case: stable, so that a script may branch on it."""
    own = getattr(problem, "code", None)
    if isinstance(own, str):
        return own
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(problem).__name__).lower()


def status_of(problem: ManyhandsError) -> int:
    """HTTP status of an error raised on purpose.

    An error may carry `status`; else its code decides, then its form, then 400.
    """
    own = getattr(problem, "status", None)
    if isinstance(own, int):
        return own
    code = code_of(problem)
    if code in STATUS_BY_CODE:
        return STATUS_BY_CODE[code]
    if isinstance(problem, BadSignature):
        return 401
    if isinstance(problem, BadShape | BadRequest):
        return 422
    if code.startswith(("unknown_", "no_such_", "not_found", "blob_missing", "missing_")):
        return 404
    if code.endswith(("_unreachable", "_unavailable", "_disagrees")):
        return 503
    if isinstance(problem, ProtocolError) or code.startswith(("already_", "illegal_")):
        return 409
    return 400


def problem_body(code: str, message: str, cure: str) -> bytes:
    """The body of a refusal: its sentences, and what they say where they are of those that pages know (ADR 0167)."""
    told = {"code": code, "message": message, "cure": cure, "message_said": said(message), "cure_said": said(cure)}
    return msgspec.json.encode({"error": told})


def problem_response(problem: ManyhandsError) -> Response:
    """The answer for an error raised on purpose."""
    return Response(
        problem_body(code_of(problem), problem.message, problem.cure),
        status_code=status_of(problem),
        media_type="application/json",
    )


async def on_manyhands_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, ManyhandsError)
    return problem_response(problem)


async def on_unforeseen_error(request: Request, problem: Exception) -> Response:
    """Logs the whole story and tells the reader only that it happened."""
    _log.error("unforeseen error at %s %s", request.method, request.url.path, exc_info=problem)
    return Response(
        problem_body("unforeseen", "something went wrong on our side; it has been written down", "Try again shortly."),
        status_code=500,
        media_type="application/json",
    )
