"""chain up: a local chain with all contracts, for developers and for HUMAN Protocol's own clients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from . import AsJson, app, run
from .show import Exit, as_json, output, told

chain = App(name="chain", help="Local chains.")
app.command(chain)


@chain.command
def up(
    *,
    chain_id: Annotated[int, Parameter(help="Id of the chain.")] = 1338,
    port: Annotated[int, Parameter(help="Port of its RPC interface on 127.0.0.1.")] = 8545,
    ephemeral: Annotated[bool, Parameter(negative="", help="Keep nothing when it stops.")] = False,
    data: Annotated[Path | None, Parameter(help="Folder that the chain is kept in.")] = None,
    json: AsJson = False,
) -> int:
    """Run a local chain with all contracts deployed where HUMAN Protocol's SDK expects them, until interrupted."""

    async def work() -> Exit:
        from manyhands.apps.components import ensure_components
        from manyhands.chain.standalone import chain_up

        components = ensure_components(None, told)
        await chain_up(
            chain_id=chain_id,
            port=port,
            data_dir=None if ephemeral else (data or Path("manyhands-chain")),
            anvil=components.anvil,
            ready=as_json if json else lambda found: output.print(found),
        )
        return Exit.OK

    return run(work, json=json)
