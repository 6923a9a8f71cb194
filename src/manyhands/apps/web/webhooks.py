"""Routes of webhooks: where a requester's program is told of jobs, what became of it, and telling it again."""

from typing import Annotated, Any

import msgspec
from fastapi import Depends, FastAPI, Path, Query
from starlette.responses import Response

from manyhands.roles.exchange.accounts import Account
from manyhands.roles.launcher.webhooks import Webhooks

from . import shapes
from .door import signed_in
from .replies import PROBLEMS, answer

HookId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]
Requester = Annotated[Account, Depends(signed_in(scope="webhooks"))]


def add_webhooks(app: FastAPI, webhooks: Webhooks) -> None:
    """Adds the routes."""
    options: dict[str, Any] = {"tags": ["webhooks"], "responses": PROBLEMS}

    @app.get("/api/webhooks", response_model=shapes.Hooks, summary="Addresses that are told of your jobs", **options)
    async def hooks(requester: Requester) -> Response:
        return answer({"hooks": await webhooks.of(requester.worker)})

    @app.post(
        "/api/webhooks", status_code=201, response_model=shapes.NewHook,
        summary="Have an address told of every event of your jobs", **options,
    )  # fmt: skip
    async def add(wish: shapes.HookWish, requester: Requester) -> Response:
        hook, secret = await webhooks.add(requester.worker, wish.url, name=wish.name)
        return answer({**msgspec.to_builtins(hook), "secret": secret}, status=201)

    @app.post(
        "/api/webhooks/{hook_id}/rotate", response_model=shapes.NewHook,
        summary="Make its secret anew; for a day both sign", **options,
    )  # fmt: skip
    async def rotate(hook_id: HookId, requester: Requester) -> Response:
        hook, secret = await webhooks.rotate(requester.worker, hook_id)
        return answer({**msgspec.to_builtins(hook), "secret": secret})

    @app.post("/api/webhooks/{hook_id}/end", response_model=shapes.Done, summary="Tell it nothing more", **options)
    async def end(hook_id: HookId, requester: Requester) -> Response:
        await webhooks.end(requester.worker, hook_id)
        return answer({"done": True})

    @app.get(
        "/api/webhooks/{hook_id}/tellings", response_model=shapes.Tellings,
        summary="What was told, what waits and why; the newest 200", **options,
    )  # fmt: skip
    async def tellings(
        hook_id: HookId, requester: Requester, job_id: Annotated[str | None, Query(max_length=80)] = None
    ) -> Response:
        return answer({"tellings": await webhooks.tellings(requester.worker, hook_id, job_id=job_id)})

    @app.post(
        "/api/webhooks/{hook_id}/replay", response_model=shapes.Replayed,
        summary="Tell a job's events again, from a number on", **options,
    )  # fmt: skip
    async def replay(hook_id: HookId, wish: shapes.Replay, requester: Requester) -> Response:
        told = await webhooks.replay(requester.worker, hook_id, wish.job_id, from_number=wish.from_number)
        return answer({"events": told})
