"""The two routes that every answer passes: claim and answers, without the framework's work around them.

Rules kept here
- Plain Starlette and msgspec: a body is checked while it is decoded, an answer is encoded from values, once.
- A reply of `answers` is sent after the answers are on disk.
- Who asks is looked up by session; a session that was ended elsewhere is taken for at most three seconds more.
- Nothing here imports pixels, readers or a chain: the server process stays small.

    app.router.routes.extend(routes(exchange))
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from manyhands.protocol.canonical import BadShape
from manyhands.roles.exchange import Exchange, Given
from manyhands.roles.exchange.accounts import SCOPES
from manyhands.roles.exchange.decisions import ACTIVE_MS_MAX, BUNDLE_MAX, TEXT_MAX_CHARS

from .door import token_of
from .said import spoken

T = TypeVar("T")
WORKING = SCOPES["work"]
Id = Annotated[str, msgspec.Meta(max_length=200)]


class ClaimWish(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a claim."""

    count: Annotated[int, msgspec.Meta(ge=1, le=BUNDLE_MAX)] = 10


class AnswerGiven(msgspec.Struct, forbid_unknown_fields=True):
    """One answer. text null = cannot read; active_ms = time worked."""

    assignment_id: Id
    text: Annotated[str, msgspec.Meta(max_length=TEXT_MAX_CHARS)] | None
    active_ms: Annotated[int, msgspec.Meta(ge=0, le=ACTIVE_MS_MAX)] = 0


class AnswersGiven(msgspec.Struct, forbid_unknown_fields=True):
    """Body of answers."""

    answers: Annotated[list[AnswerGiven], msgspec.Meta(min_length=1, max_length=BUNDLE_MAX)]


class AssignmentTold(msgspec.Struct):
    """One task lent."""

    assignment_id: str
    task_id: str
    picture_url: str
    question: str
    effort_ms: int
    reward_minor: int


class BundleTold(msgspec.Struct):
    """Answer to a claim. Without assignments there is nothing for this worker now."""

    lease_until_ms: int
    assignments: list[AssignmentTold]


_claim_wish = msgspec.json.Decoder(ClaimWish)
_answers_given = msgspec.json.Decoder(AnswersGiven)
_encoder = msgspec.json.Encoder()


def routes(exchange: Exchange) -> list[Route]:
    """The hot routes over an exchange. Errors travel to the application's handlers."""

    async def claim(request: Request) -> Response:
        caller = await exchange.accounts.need_caller(token_of(request))
        worker = caller.check(roles=WORKING, scope="work").worker
        wish = _decoded(_claim_wish, await request.body() or b"{}")
        bundle = await exchange.claim(worker, request.path_params["job_id"], wish.count)
        told = BundleTold(
            bundle.lease_until_ms,
            [
                AssignmentTold(
                    assignment_id=one.assignment_id,
                    task_id=one.task_id,
                    picture_url=exchange.picture_url(one.picture, lease_until_ms=bundle.lease_until_ms),
                    question=one.question,
                    effort_ms=one.effort_ms,
                    reward_minor=one.reward_minor,
                )
                for one in bundle.assignments
            ],
        )
        return _told(told)

    async def answers(request: Request) -> Response:
        caller = await exchange.accounts.need_caller(token_of(request))
        worker = caller.check(roles=WORKING, scope="work").worker
        wish = _decoded(_answers_given, await request.body())
        given = [Given(one.assignment_id, one.text, one.active_ms) for one in wish.answers]
        outcomes = await exchange.submit(worker, request.path_params["job_id"], given)
        # nothing is looked for where nothing was refused: this is a hot route
        return _told({"outcomes": spoken(outcomes) if any(one.because for one in outcomes) else outcomes})

    return [
        Route("/api/jobs/{job_id}/claim", claim, methods=["POST"]),
        Route("/api/jobs/{job_id}/answers", answers, methods=["POST"]),
    ]


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise BadShape("request", str(problem)) from problem


def _told(value: object) -> Response:
    return Response(_encoder.encode(value), media_type="application/json")
