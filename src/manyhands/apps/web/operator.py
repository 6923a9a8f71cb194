"""Routes of the operator's page, and the page of metrics.

Rules kept here
- Everything is for operators alone, but the metrics: those are told to whoever asks this host directly, as Prometheus
  does, and to nobody who comes through a proxy.
- What frees a stuck thing is a POST with a name of a closed list; it says what it did.
"""

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, FastAPI, Query, Request
from pydantic import Field
from starlette.responses import Response
from starlette.routing import Route

from manyhands.apps.desk import RequesterDesk
from manyhands.ledger.statement import statement_csv
from manyhands.roles.exchange.accounts import Account

from . import desk_shapes
from .door import signed_in
from .own import download
from .problems import NotFound
from .replies import PROBLEMS, answer
from .said import spoken
from .shapes import Asked, Done, Told
from .site import OperatorDesk

OPERATOR: Final = Depends(signed_in(scope="operate"))
FORWARDED: Final = ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "via")


class Free(Asked):
    kind: Literal["work", "retry", "leases", "stalled"]
    ref: Annotated[str, Field(max_length=80, examples=["4711"])]


class Freed(Told):
    freed: int


class Unlink(Asked):
    group: Annotated[str, Field(min_length=1, max_length=80)]
    because: Annotated[str, Field(min_length=10, max_length=2_000, description="for these workers to read")]


class ClearSign(Asked):
    job_id: Annotated[str, Field(min_length=1, max_length=80)]
    position: Annotated[int, Field(ge=0, le=10**6, examples=[0])]
    because: Annotated[str, Field(min_length=10, max_length=2_000, description="for this worker to read")]


class ObjectionAnswer(Asked):
    job_id: Annotated[str, Field(max_length=80)]
    objection_id: Annotated[str, Field(max_length=80)]
    uphold: bool
    answer: Annotated[str, Field(min_length=10, max_length=2_000, description="for the requester to read")]


def add_operator(app: FastAPI, operating: OperatorDesk, desk: RequesterDesk | None) -> None:
    """Adds the operator's routes and `/metrics`."""
    options: dict[str, Any] = {"tags": ["operator"], "responses": PROBLEMS}

    @app.get(
        "/api/operator/overview",
        response_model=desk_shapes.Overview,
        summary="Health, queues, and what is stuck",
        **options,
    )
    async def overview(account: Annotated[Account, OPERATOR]) -> Response:
        waiting = await desk.jobs.open_objections() if desk is not None else []
        return answer(spoken({**await operating.overview(), "objections": waiting}))

    @app.get(
        "/api/operator/money",
        response_model=desk_shapes.MoneyView,
        summary="Every role's book beside the chain itself",
        **options,
    )
    async def money(account: Annotated[Account, OPERATOR]) -> Response:
        return answer(await operating.money())

    @app.get(
        "/api/operator/statement",
        response_model=desk_shapes.StatementView,
        summary="What moved for a party, by kind of money",
        **options,
    )
    async def statement(
        account: Annotated[Account, OPERATOR],
        party: Annotated[
            str,
            Query(
                pattern="^0x[0-9a-fA-F]{40}$",
                description="an address, or a job's escrow",
                examples=["0x70997970c51812dc3a010c7d01b50e0d17dc79c8"],
            ),
        ],
        since_ms: Annotated[int, Query(ge=0, le=2**53)] = 0,
        until_ms: Annotated[int | None, Query(ge=0, le=2**53)] = None,
        as_csv: Annotated[bool, Query(description="a file for a spreadsheet instead of JSON")] = False,
    ) -> Response:
        found = await operating.statement(party, since_ms=since_ms, until_ms=until_ms)
        if as_csv:
            return download(statement_csv(found), name="statement.csv", media_type="text/csv; charset=utf-8")
        return answer(found)

    @app.get(
        "/api/operator/signs",
        response_model=desk_shapes.SignsView,
        summary="Signs of copying and haste, and who counts as one for it",
        **options,
    )
    async def signs(account: Annotated[Account, OPERATOR]) -> Response:
        return answer(spoken(await operating.signs()))

    @app.post("/api/operator/unlink", response_model=Freed, summary="Count workers singly again", **options)
    async def unlink(wish: Unlink, account: Annotated[Account, OPERATOR]) -> Response:
        return answer({"freed": await operating.unlink(wish.group, by=account.name, because=wish.because)})

    @app.post("/api/operator/signs/clear", response_model=Freed, summary="Take a sign back, and say why", **options)
    async def clear_sign(wish: ClearSign, account: Annotated[Account, OPERATOR]) -> Response:
        cleared = await operating.clear_sign(wish.job_id, wish.position, by=account.name, because=wish.because)
        return answer({"freed": cleared})

    @app.post("/api/operator/free", response_model=Freed, summary="Have a stuck thing go on now", **options)
    async def free(wish: Free, account: Annotated[Account, OPERATOR]) -> Response:
        return answer({"freed": await operating.free(wish.kind, wish.ref, by=account.name)})

    @app.get(
        "/api/operator/log",
        response_model=desk_shapes.LogLines,
        summary="The last lines of a process, or those that name a job",
        **options,
    )
    async def lines(
        account: Annotated[Account, OPERATOR],
        process: Annotated[Literal["", "roles", "ocr", "web"], Query()] = "",
        job_id: Annotated[str, Query(max_length=80)] = "",
    ) -> Response:
        return answer({"lines": await operating.lines(process=process, job_id=job_id)})

    @app.post(
        "/api/operator/objections", response_model=Done, summary="Answer what a requester did not believe", **options
    )
    async def objection(wish: ObjectionAnswer, account: Annotated[Account, OPERATOR]) -> Response:
        done = desk is not None and await desk.jobs.answer_objection(
            wish.job_id, wish.objection_id, uphold=wish.uphold, answer=wish.answer, by=account.name
        )
        if not done:
            raise NotFound("objection that waits for an answer")
        return answer({"done": True})

    async def metrics(request: Request) -> Response:
        from manyhands.apps.telemetry.metrics import exposition

        if any(name in request.headers for name in FORWARDED):
            raise NotFound("page for the world")
        raw = exposition(await operating.samples())
        return Response(raw, media_type="text/plain; version=0.0.4; charset=utf-8")

    app.router.routes.append(Route("/metrics", metrics, methods=["GET"]))
