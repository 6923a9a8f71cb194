"""What routes of every part of the site answer with: a service's value as JSON, and the refusals they may document."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.responses import Response

from . import shapes

# A reference and no `model`: the framework builds a checker for each model of each status of each route, half a
# second of every start, for answers that nobody checks.
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        "description": text,
    }
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

"""Refusals that every route may answer with, by status; `refusal_schemas` belong into the document."""


def refusal_schemas() -> dict[str, dict[str, Any]]:
    """The schemas that `PROBLEMS` refers to, by name."""
    schema = shapes.ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    return {**schema.pop("$defs"), "ProblemBody": schema}


TOLD: Final[dict[str, dict[str, Any]]] = {}
"""Schemas of our own structs that routes answer with, by name; `Own.` keeps them apart from shapes of that name."""


def told_as(name: str, **fields: Any) -> dict[str, Any]:
    """What a route's document says of an answer made of our own structs: their fields, from the structs themselves.

    name    of the answer in the document
    fields  field -> its type, e.g. `hours=list[HourWorked]`; a single field `whole` = the answer is that struct
    """
    shape = fields["whole"] if set(fields) == {"whole"} else msgspec.defstruct(name, list(fields.items()), frozen=True)
    (schema,), found = msgspec.json.schema_components((shape,), ref_template="#/components/schemas/Own.{name}")
    TOLD.update({f"Own.{one}": of for one, of in found.items()})
    answered = {"content": {"application/json": {"schema": schema}}, "description": "Successful Response"}
    return {"response_class": Response, "responses": {**PROBLEMS, 200: answered}}


def answer(value: Any, *, status: int = 200) -> Response:
    """A service's value as JSON. value  msgspec structs, dataclasses, builtins"""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")
