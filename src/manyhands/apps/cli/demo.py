"""demo: see the whole thing work, in one command."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from . import AsJson, app, run
from .show import Exit, as_json, errors, money, output, progress, table, told

FIGURE_TASKS = ("accepted", "unreadable", "withdrawn")


@app.command
def demo(
    folder: Annotated[Path | None, Parameter(help="Scans to work on. Default: a few that the project renders.")] = None,
    *,
    crowd: Annotated[
        Literal["simulated", "me"],
        Parameter(help="Who does the work: simulated people, or you in the browser."),
    ] = "simulated",
    truth: Annotated[
        Path | None, Parameter(help="Folder of known records, NAME.json, from which simulated people answer.")
    ] = None,
    error: Annotated[float, Parameter(help="Share of wrong answers of a simulated person.")] = 0.03,
    machine: Annotated[
        Literal["agreeing_readers", "none"],
        Parameter(help="What is accepted unseen: what readers agree on, or nothing."),
    ] = "agreeing_readers",
    out: Annotated[Path | None, Parameter(help="Folder that the results are written into.")] = None,
    exit: Annotated[bool, Parameter(negative="", help="End when the job is paid and delivered.")] = False,
    seed: Annotated[int, Parameter(help="The same seed gives the same people with the same habits.")] = 1,
    people: Annotated[int, Parameter(help="How many simulated people work.")] = 24,
    port: Annotated[int, Parameter(help="Port of the site on 127.0.0.1.")] = 8000,
    data: Annotated[Path | None, Parameter(help="Keep the platform's data here. Default: removed at the end.")] = None,
    json: AsJson = False,
) -> int:
    """Run a whole job on this machine: scans in, people paid, records out, with a proof.

    Starts the database, two local chains, the six roles and the site, launches a job over the folder, lets the crowd
    work, waits until everyone is paid and the records are delivered, and prints what was measured. People are
    simulated unless you say --crowd me, and every page that shows their work says so.
    """

    async def work() -> Exit:
        from manyhands.apps.demo.run import Demo, DemoOptions

        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        options = DemoOptions(
            folder=folder,
            truth=truth,
            crowd=crowd,
            people=people,
            error=error,
            machine=machine,
            out=out,
            exit=exit,
            seed=seed,
            port=port,
            data=data,
        )
        with progress(quiet=json) as bars:
            pages = bars.add_task("pages read", total=None, visible=False)
            tasks = bars.add_task("tasks settled", total=None, visible=False)

            def moved(record: Mapping[str, Any]) -> None:
                counted: Mapping[str, int] = record.get("tasks", {})
                total_pages = int(record.get("pages", 0))
                bars.update(pages, total=total_pages, completed=int(record.get("pages_read", 0)), visible=True)
                asked = sum(counted.values()) - int(counted.get("accepted_unseen", 0))
                if asked:
                    done = sum(int(counted.get(name, 0)) for name in FIGURE_TASKS) - int(
                        counted.get("accepted_unseen", 0)
                    )
                    bars.update(tasks, total=asked, completed=max(0, done), visible=True)

            run_of = Demo(options, told, moved)
            running = asyncio.create_task(run_of.run(until=stop))
            interrupted = asyncio.create_task(stop.wait())
            await asyncio.wait({running, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done() and run_of.measured is None:
                told("stopping")
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                return Exit.INTERRUPTED
            measured = await running
        if json:
            as_json(measured)
            return Exit.OK if measured.verified else Exit.CHECK_FAILED
        show_measured(measured)
        return Exit.OK if measured.verified else Exit.CHECK_FAILED

    return run(work, json=json)


def show_measured(measured: Any) -> None:
    """What a demo measured, as a table."""
    per_receipt = measured.answers_per_receipt_milli
    people = "simulated people" if measured.simulated else "people"

    from manyhands.protocol.money import CURRENCIES

    def amount(minor: int) -> str:
        return money(minor, CURRENCIES[measured.currency])

    lines = [
        ["documents, pages", f"{measured.documents}, {measured.pages}"],
        ["pieces, seen by people", f"{measured.pieces}, {measured.pieces_seen_bp / 100:.1f} %"],
        [f"answers by {people}", f"{measured.answers} ({measured.answers_per_document_milli / 1000:.1f} a document)"],
    ]
    if per_receipt is not None:
        lines.append(["answers a receipt", f"{per_receipt / 1000:.1f}"])
    if measured.lines_right_bp is not None:
        kinds = ", ".join(f"{kind} {bp / 100:.2f} %" for kind, bp in measured.lines_right_by_kind_bp.items())
        lines.append(["lines right", f"{measured.lines_right_bp / 100:.2f} % of {measured.lines} ({kinds})"])
    if measured.fields is not None:
        low, high = measured.fields_right_low_bp / 100, measured.fields_right_high_bp / 100
        lines.append(
            ["fields right", f"{measured.fields_right} of {measured.fields} by value (95 %: {low:.1f} to {high:.1f} %)"]
        )
    lines += [
        [
            "machine CPU",
            f"{measured.machine_cpu_ms / 1000:.0f} s ({measured.machine_cpu_ms / 1000 / measured.pages:.1f} s a page)",
        ],
        [
            "cost",
            f"{amount(measured.paid_minor)} to workers, {amount(measured.fees_minor)} fees,"
            f" {amount(measured.refunded_minor)} refunded of {amount(measured.funded_minor)};"
            f" {amount(measured.cost_per_document_minor)}"
            " a document",
        ],
        ["wall time", f"{measured.wall_job_ms / 1000:.0f} s for the job, {measured.wall_ms / 1000:.0f} s in all"],
    ]
    table("What was measured", ["", ""], lines)
    for check in measured.checks:
        output.print(check)
    output.print("verified: the record follows from evidence and chain" if measured.verified else "NOT verified")
    if measured.simulated:
        errors.print("[yellow]The people in this job were simulated; the figures say what such people would do.[/]")
