"""chain up: a local chain with all contracts, for developers and for HUMAN Protocol's own clients."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from . import AsJson, app, run
from .show import Exit, as_json_line, output, told

if TYPE_CHECKING:
    from manyhands.chain.client import ChainClient

PORT = Number(gte=0, lte=65_535)

chain = App(name="chain", help="Local chains.")
app.command(chain)


@chain.command
def up(
    *,
    chain_id: Annotated[int, Parameter(help="Id of the chain.", validator=Number(gte=1, lt=2**63))] = 1338,
    port: Annotated[int, Parameter(help="Port of its RPC interface on 127.0.0.1. 0: any free.", validator=PORT)] = 8545,
    ephemeral: Annotated[bool, Parameter(negative="", help="Keep nothing when it stops.")] = False,
    data: Annotated[Path | None, Parameter(help="Folder that the chain is kept in.")] = None,
    subgraph_port: Annotated[
        int, Parameter(help="Port of the GraphQL read side for HUMAN's SDK. 0: none.", validator=PORT)
    ] = 8000,
    json: AsJson = False,
) -> int:
    """Run a local chain with all contracts deployed where HUMAN Protocol's SDK expects them, until interrupted."""

    async def work() -> Exit:
        from manyhands.apps.components import ensure_components
        from manyhands.chain.standalone import chain_up

        @contextlib.asynccontextmanager
        async def read_side(client: ChainClient) -> AsyncIterator[None]:
            from manyhands.chain.node import port_is_free
            from manyhands.gateways.human.routes import serving
            from manyhands.gateways.human.sources import NodeSource

            if not subgraph_port:
                yield
            elif not port_is_free(subgraph_port):
                told(f"port {subgraph_port} is taken: the chain runs without its GraphQL read side (--subgraph-port)")
                yield
            else:
                async with serving({client.chain_id: NodeSource(client)}, port=subgraph_port) as url:
                    told(f"GraphQL read side: {url}{'localhost' if client.chain_id == 1338 else client.chain_id}")
                    yield

        components = ensure_components(None, told)
        await chain_up(
            chain_id=chain_id,
            port=port,
            data_dir=None if ephemeral else (data or Path("manyhands-chain")),
            anvil=components.anvil,
            ready=as_json_line if json else lambda found: output.print(found),
            beside=read_side,
        )
        return Exit.OK

    return run(work, json=json)
