"""digitize: a folder of scans in, a folder of records out."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from manyhands.apps.folder import DataFolder

from . import AsJson, Data, app, data_default, run
from .jobs import (
    CurrencyCode,
    Fields,
    Kind,
    KindFile,
    Machine,
    Means,
    PerHour,
    PrivacyLevel,
    Quality,
    currency_of,
    import_folder_shown,
    kinds_of,
    meanings_of,
    options_of,
)
from .show import Exit, as_json, errors, output, progress, table, told

if TYPE_CHECKING:
    from manyhands.documents.model import DocumentRecord

ENDED = ("closed", "refused")


@app.command
def digitize(
    folder: Path,
    *,
    out: Annotated[Path, Parameter(help="Folder that the records are written into.")],
    crowd: Annotated[
        Literal["people", "simulated", "none"],
        Parameter(help="Who reads what machines cannot: people of a running platform, simulated ones, or nobody."),
    ] = "people",
    truth: Annotated[
        Path | None, Parameter(help="Folder of known records, NAME.json, from which simulated people answer.")
    ] = None,
    error: Annotated[float, Parameter(help="Share of wrong answers of a simulated person.")] = 0.03,
    kind: Kind = "",
    kind_file: KindFile = None,
    machine: Machine = "agreeing_readers",
    per_hour: PerHour = "12USD",
    quality: Quality = 0.995,
    privacy: PrivacyLevel = "standard",
    fields: Fields = "",
    means: Means = (),
    currency: CurrencyCode = "",
    data: Data | None = None,
    json: AsJson = False,
) -> int:
    """Turn a folder of scans into records: JSON, CSV, XLSX, searchable PDF, hOCR, ALTO and a page to look at.

    With people it launches a job on the running platform, waits until it is paid and delivered, and writes the files.
    With --crowd simulated it runs a platform of its own for it and measures against --truth. With --crowd none the
    machines read alone: what they are not sure of is delivered as open, and nothing is paid.
    """

    async def work() -> Exit:
        from manyhands.apps.intake import NothingToLaunch
        from manyhands.documents.importing import nothing_to_take

        kinds, named = kinds_of(kind_file, kind)
        kinds = meanings_of(means, kinds, fields)
        if (nothing := nothing_to_take(folder)) is not None:  # said before anything is started
            raise NothingToLaunch(folder, (nothing,))
        match crowd:
            case "simulated":
                return await _simulated(
                    folder, out, truth, error=error, machine=machine, kind=named, kinds=kinds, fields=fields, json=json
                )
            case "none":
                return await asyncio.to_thread(_machine_alone, folder, out, named, kinds, json)
        from manyhands.apps.compose import client
        from manyhands.apps.delivery import write_results

        async with client(DataFolder(data or data_default())) as platform:
            taken = await import_folder_shown(
                folder, platform.blobs, kind=named, truths={}, quiet=json, kinds=kinds if fields else None
            )
            options = options_of(
                title=folder.resolve().name,
                task_type="transcription",
                per_hour=per_hour,
                floor="",
                quality=quality,
                benchmark=0.9,
                budget="",
                machine=machine,
                privacy=privacy,
                requester=platform.launcher.ctx.address,
                currency=currency_of(platform.chains.currencies(), currency),
                kinds=kinds,
                fields=fields,
            )
            view = await platform.launcher.draft(taken.documents, options)
            view = await platform.launcher.approve(view.job_id)
            told(f"job {view.job_id} is on its way; Ctrl-C leaves it running, `manyhands results` fetches it later")
            while view.state not in ENDED:
                await asyncio.sleep(2)
                view = await platform.launcher.view(view.job_id)
            if view.state == "refused":
                errors.print(f"[red]the job was refused[/]: {view.because}")
                return Exit.REFUSED
            written = await write_results(platform, view.job_id, out, with_proof=True)
        if json:
            as_json({"job_id": view.job_id, "folder": str(out), "files": written})
        else:
            output.print(f"{len(written)} files in {out}")
        return Exit.OK

    return run(work, json=json)


async def _simulated(
    folder: Path,
    out: Path,
    truth: Path | None,
    *,
    error: float,
    machine: Literal["agreeing_readers", "none"],
    kind: str,
    kinds: dict[str, str],
    fields: str,
    json: bool,
) -> Exit:
    """A whole job with simulated people on a platform of its own."""
    from manyhands.apps.demo.run import Demo, DemoOptions

    from .demo import show_measured

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = DemoOptions(
        folder=folder,
        truth=truth,
        error=error,
        machine=machine,
        out=out,
        exit=True,
        port=port,
        kind=kind,
        kinds=kinds,
        fields=fields,
    )
    measured = await Demo(options, (lambda _: None) if json else told).run(until=asyncio.Event())
    if json:
        as_json(measured)
    else:
        show_measured(measured)
        output.print(f"{sum(path.is_file() for path in out.rglob('*'))} files in {out}")
    return Exit.OK if measured.verified else Exit.CHECK_FAILED


def _machine_alone(folder: Path, out: Path, kind: str, kinds: dict[str, str], json: bool) -> Exit:
    """What machines read and believe, without people; what they doubt is written down as open."""
    from manyhands.apps.intake import NothingToLaunch
    from manyhands.apps.machine_alone import machine_records
    from manyhands.documents.importing import ImportRefused
    from manyhands.documents.writers import fields_csv, workbook

    out.mkdir(parents=True, exist_ok=True)
    records: list[DocumentRecord] = []
    refused: list[ImportRefused] = []
    with progress(quiet=json) as bars:
        bar = bars.add_task("reading", total=sum(1 for path in folder.rglob("*") if path.is_file()))
        for item in machine_records(folder, kind=kind, kinds=kinds):
            if isinstance(item, ImportRefused):
                refused.append(item)
                errors.print(f"[yellow]left out[/] {item}")
                bars.advance(bar)
                continue
            record, files = item
            records.append(record)
            for name, raw in files.items():
                target = out / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(raw)
            bars.advance(bar)
    if not records:
        raise NothingToLaunch(folder, tuple(refused))
    (out / "fields.csv").write_bytes(fields_csv(records))
    (out / "results.xlsx").write_bytes(workbook(records))
    open_of = {record.doc_id: sum(one.decision.how == "open" for one in record.decisions) for record in records}
    open_, pieces = sum(open_of.values()), sum(len(record.decisions) for record in records)
    if json:
        as_json({"documents": len(records), "pieces": pieces, "open": open_, "folder": str(out), "refused": refused})
    else:
        rows = [
            [
                one.doc_id,
                one.kind,
                str(len(one.pages)),
                str(len(one.fields)),
                f"{open_of[one.doc_id]} of {len(one.decisions)}",
            ]
            for one in records
        ]
        table("What the machines read", ["document", "taken for", "pages", "fields", "in doubt"], rows)
        output.print(f"{len(records)} documents in {out}; {open_} of {pieces} pieces want a person's eye")
        if refused:
            output.print(f"left out: {len(refused)}, each with its reason above")
        if open_:
            output.print("NAME.view.html shows on the page which ones, and why each of the others is believed")
    return Exit.OK
