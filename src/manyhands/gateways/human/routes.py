"""The address under which HUMAN's clients ask: `POST /subgraphs/name/humanprotocol/NETWORK`, GraphQL as JSON.

NETWORK is `localhost` for chain 1338, as HUMAN's SDK calls it, or any chain's id. What follows after it (the SDK can
name an indexer there) is taken and means nothing here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec
from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from .sources import Source

PREFIX: Final = "/subgraphs/name/humanprotocol/"
LOCALHOST_CHAIN: Final = 1338
BODY_LIMIT_BYTES: Final = 64 * 1024
HOST: Final = "127.0.0.1"


class _Asked(msgspec.Struct):
    query: str
    variables: dict[str, Any] | None = None


def subgraph_routes(sources: Mapping[int, Source]) -> list[BaseRoute]:
    """The routes of the read side. sources  by chain id"""

    async def endpoint(request: Request) -> Response:
        source = sources.get(chain_of(request.path_params["network"]) or -1)
        if source is None:
            return _told({"errors": [{"message": f"no such subgraph; there are: {sorted(sources)}"}]}, status=404)
        body = await request.body()
        if len(body) > BODY_LIMIT_BYTES:
            return _told({"errors": [{"message": f"a query may have {BODY_LIMIT_BYTES} bytes"}]}, status=413)
        try:
            asked = msgspec.json.decode(body, type=_Asked)
        except msgspec.DecodeError as problem:
            return _told({"errors": [{"message": f"no GraphQL request: {problem}"}]}, status=400)
        from .query import answer  # GraphQL takes a quarter of a second to load, and few platforms are ever asked in it

        return _told(answer(await source.entities(), asked.query, asked.variables))

    return [Route(PREFIX + "{network}" + rest, endpoint, methods=["POST"]) for rest in ("", "/{rest:path}")]


def chain_of(network: str) -> int | None:
    """The chain that a client means.

    >>> chain_of("localhost"), chain_of("80002"), chain_of("nowhere")
    (1338, 80002, None)
    """
    if network == "localhost":
        return LOCALHOST_CHAIN
    return int(network) if network.isdecimal() and len(network) <= 18 else None


@contextlib.asynccontextmanager
async def serving(sources: Mapping[int, Source], *, port: int) -> AsyncIterator[str]:
    """Serves the read side alone on the loopback while the block runs. Gives the URL that chain ids are appended to."""
    app = Starlette(routes=subgraph_routes(sources))
    server = Server(app, address=HOST, port=port, interface=Interfaces.ASGI, websockets=False, log_enabled=False)
    running = asyncio.create_task(server.serve(), name="read side")
    try:
        while not running.done():
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.close()
                break
            await asyncio.sleep(0.02)
        yield f"http://{HOST}:{port}{PREFIX}"
    finally:
        if not running.done():
            server.stop()  # type: ignore[no-untyped-call]  # the package types only part of its class
        await running


def _told(value: Any, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")
