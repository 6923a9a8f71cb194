"""What routes of every part of the site answer with: a service's value as JSON, and the refusals they may document."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.responses import Response

from . import shapes

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": shapes.ProblemBody, "description": text}
    for status, text in {
        400: "refused: what to do stands in `cure`",
        401: "not signed in",
        403: "not yours, or the header X-Requested-With is missing",
        404: "there is no such thing",
        409: "it does not fit the present state",
        413: "too large",
        422: "not the agreed shape",
        429: "too many tries",
    }.items()
}


def answer(value: Any, *, status: int = 200) -> Response:
    """A service's value as JSON. value  msgspec structs, dataclasses, builtins"""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")
