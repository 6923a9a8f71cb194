"""workpool list, workpool open: organisations that bring workers of their own, and jobs for them alone."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from manyhands.apps.compose import client
from manyhands.apps.folder import DataFolder
from manyhands.protocol.manifest import is_address
from manyhands.roles.exchange.accounts import WORKPOOL

from . import AsJson, Data, app, data_default, run
from .purses import NoSuchAccount
from .show import Exit, as_json, output, table

workpool = App(name="workpool", help="Organisations with workers of their own: list, open.")
app.command(workpool)


@workpool.command(name="list")
def list_(*, data: Data | None = None, json: AsJson = False) -> int:
    """Show every work pool: its address, for `launch --pool`, and how many belong to it."""

    async def work() -> Exit:
        async with client(DataFolder(data or data_default())) as platform:
            found = await platform.exchange.pooling.all()
        if json:
            as_json(found)
        elif not found:
            output.print("there is no work pool yet; `manyhands workpool open NAME` opens one")
        else:
            told = [[one.name, one.pool, str(one.members), "yes" if one.listed else "no"] for one in found]
            table("", ["work pool", "address", "members", "listed"], told, right=(2,))
        return Exit.OK

    return run(work, json=json)


@workpool.command(name="open")
def open_(
    who: Annotated[str, Parameter(help="The organisation: name of its account, or its address.")],
    *,
    data: Data | None = None,
    json: AsJson = False,
) -> int:
    """Let an account run a work pool: invite people, and be launched for. Twice is once."""

    async def work() -> Exit:
        async with client(DataFolder(data or data_default())) as platform:
            accounts = platform.exchange.accounts
            async with platform.db.connection() as connection:
                found = await (
                    accounts.account(connection, who) if is_address(who) else accounts.named(connection, who)
                )
            if found is None:
                raise NoSuchAccount(who)
            await accounts.take_role(found.worker, WORKPOOL, by_operator=True)
            pool = await platform.exchange.pooling.of(found.worker)
        if json:
            as_json(pool)
        else:
            output.print(f"{pool.name} runs a work pool now: {pool.pool}; its page is /pool")
        return Exit.OK

    return run(work, json=json)
