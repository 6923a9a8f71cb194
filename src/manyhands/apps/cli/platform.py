"""up, doctor, statement, operator: running a platform and asking how it is."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Parameter

from manyhands.apps.folder import DataFolder, Settings

from . import AsJson, Data, app, data_default, run
from .show import Exit, as_json, as_json_line, errors, output, table, told

if TYPE_CHECKING:
    from manyhands.ledger.desk import Chains


@app.command
def up(
    *,
    data: Data | None = None,
    port: Annotated[int | None, Parameter(help="Port of the site on 127.0.0.1. Default: 8000, or what it was.")] = None,
    ocr_processes: Annotated[int | None, Parameter(help="Processes that read pages, about 1 GB each.")] = None,
    json: AsJson = False,
) -> int:
    """Run the platform for real people until it is interrupted. Stop it, kill it, start it: nothing is lost."""

    async def work() -> Exit:
        from manyhands.apps.processes import Supervisor

        folder = DataFolder(data or data_default())
        settings = folder.prepare(Settings())
        changes = {"web_port": port, "ocr_processes": ocr_processes}
        changed = msgspec.structs.replace(settings, **{name: value for name, value in changes.items() if value})
        if changed != settings:
            folder.change(changed)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with Supervisor(folder, told):
            url = f"http://127.0.0.1:{changed.web_port}"
            if json:
                as_json({"url": url, "data": str(folder.path)})
            else:
                errors.print(f"[bold green]the platform is up:[/] {url}   (Ctrl-C stops it)")
            await stop.wait()
            told("stopping")
        return Exit.OK

    return run(work, json=json)


@app.command
def reader(
    *,
    database: Annotated[
        str,
        Parameter(
            env_var="MANYHANDS_DATABASE",
            help="The platform's database, postgresql://user@host:port/name. With a password: in MANYHANDS_DATABASE.",
        ),
    ],
    blobs: Annotated[Path, Parameter(help="Where this host sees the folder `blobs` of the platform's data.")],
    json: AsJson = False,
) -> int:
    """Read pages for a platform on another host until interrupted. One process, one thread, about 1 GB; run several."""

    async def work() -> Exit:
        from manyhands.apps.reading_host import read_for_platform

        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)

        def ready() -> None:
            if json:
                as_json_line({"reading": True, "blobs": str(blobs)})
            else:
                errors.print("[bold green]reading[/] what the platform has to be read   (Ctrl-C stops it)")

        await read_for_platform(database, blobs, stop=stop, ready=ready)
        return Exit.OK

    return run(work, json=json)


@app.command
def doctor(*, data: Data | None = None, json: AsJson = False) -> int:
    """Examine a platform: processes, chains, messages, work, books against chain. Exit code 6 when one is wrong."""

    async def work() -> Exit:
        from manyhands.apps.doctor import examine

        findings = await examine(DataFolder(data or data_default()))
        if json:
            as_json(findings)
        else:
            table(
                "",
                ["", "what", "found", "what to do"],
                [["ok" if one.healthy else "WRONG", one.name, one.found, one.cure] for one in findings],
            )
            wrong = sum(not one.healthy for one in findings)
            output.print("everything is well" if not wrong else f"{wrong} things are wrong")
        return Exit.OK if all(one.healthy for one in findings) else Exit.CHECK_FAILED

    return run(work, json=json)


def counted_in(currency: str, chains: Chains) -> str:
    """What an account's figures count: a purse's minor units, or base units of a token of a chain."""
    chain_id, _, address = currency.partition(":")
    if not address:
        return f"minor units of {currency}"
    token = chains.token_at(int(chain_id), address)
    told = f"{token.symbol} ({token.decimals} decimals)" if token is not None else address
    return f"base units of {told} on chain {chain_id}"


def _day_ms(day: datetime | None) -> int | None:
    return None if day is None else round(day.replace(tzinfo=day.tzinfo or UTC).timestamp() * 1000)


@app.command
def statement(
    party: Annotated[str, Parameter(help="Address of a worker, requester or operator, or of a job's escrow.")],
    *,
    since: Annotated[datetime | None, Parameter(help="First day, 2026-11-01. Default: from the beginning.")] = None,
    until: Annotated[datetime | None, Parameter(help="The day after the last one. Default: until now.")] = None,
    book: Annotated[
        Literal["launcher", "recording", "reputation", "jury"] | None,
        Parameter(help="Whose book. Default: jobs from the reputation oracle's, stake from its owner's."),
    ] = None,
    csv: Annotated[Path | None, Parameter(help="Also write the statement as a CSV file.")] = None,
    data: Data | None = None,
    json: AsJson = False,
) -> int:
    """What moved for a party by kind of money. Exit code 6 when the sums are not what the books say."""

    async def work() -> Exit:
        from manyhands.apps.compose import client
        from manyhands.ledger.statement import statement_by_kind, statement_csv

        async with client(DataFolder(data or data_default())) as platform, platform.db.connection() as tx:
            found = await statement_by_kind(tx, party, since_ms=_day_ms(since) or 0, until_ms=_day_ms(until), book=book)
        if csv is not None:
            csv.write_bytes(statement_csv(found))
        if json:
            as_json(found)
        else:
            for one in found.accounts:
                here = (one.book, one.account, one.currency)
                moves = [
                    [move.kind, f"{move.postings:,}", f"{move.in_minor:,}", f"{move.out_minor:,}", ""]
                    for move in found.moved
                    if (move.book, move.account, move.currency) == here
                ]
                table(
                    f"{one.account}  ({counted_in(one.currency, platform.chains)}, book of {one.book})",
                    ["kind", "postings", "in", "out", "balance"],
                    [
                        ["opening", "", "", "", f"{one.opening_minor:,}"],
                        *moves,
                        ["closing", "", "", "", f"{one.closing_minor:,}"],
                    ],
                )
            wrong = [one for one in found.accounts if one.differs_minor]
            for one in wrong:
                output.print(f"WRONG {one.account}: its entries and its balance differ by {one.differs_minor}")
            if not found.accounts:
                output.print("the books know nothing of this party")
        return Exit.CHECK_FAILED if any(one.differs_minor for one in found.accounts) else Exit.OK

    return run(work, json=json)


@app.command
def operator(*, data: Data | None = None, json: AsJson = False) -> int:
    """Print a link that signs in as the operator. It works once, for 15 minutes."""

    async def work() -> Exit:
        from manyhands.apps.compose import client

        folder = DataFolder(data or data_default())
        async with client(folder) as platform:
            settings = folder.settings()
            # a name, so that the operator can make a passkey there
            origin = settings.public_url.rstrip("/") or f"http://localhost:{settings.web_port}"
            url = f"{origin}/sign-in#link={await platform.exchange.ways.operator_link()}"
            if json:
                as_json({"url": url})
            else:
                output.print(url, soft_wrap=True)
        return Exit.OK

    return run(work, json=json)
