"""quality aggregate: the library of quality control from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from . import AsJson, app, run
from .show import Exit, as_json, output

quality = App(name="quality", help="Turn redundant answers into truth.")
app.command(quality)


@quality.command
def aggregate(
    labels: Annotated[Path, Parameter(help="CSV with the columns task, worker, label.")],
    *,
    out: Annotated[Path, Parameter(help="CSV that the verdicts are written into.")],
    gold: Annotated[Path | None, Parameter(help="CSV with the columns task, label: answers that are known.")] = None,
    method: Annotated[str, Parameter(help="How to infer; auto chooses.")] = "auto",
    kind: Annotated[str, Parameter(help="What kind of answers they are; auto looks.")] = "auto",
    seed: Annotated[int, Parameter(help="Breaks what chance must break.")] = 0,
    json: AsJson = False,
) -> int:
    """Infer the truth of every task from the answers of several workers."""

    async def work() -> Exit:
        from manyhands.quality.command import aggregate_file

        done = aggregate_file(labels, out, gold=gold, method=method, kind=kind, seed=seed)
        if json:
            as_json(done)
        else:
            output.print(f"{done.tasks} verdicts from {done.answers} answers of {done.workers} workers in {out}")
            output.print(f"method {done.method}: {done.because}")
            output.print(f"confidence {done.confidence}")
            for flag in done.flags:
                output.print(f"to look at: {flag}")
        return Exit.OK

    return run(work, json=json)
