"""The command line: `manyhands COMMAND`. All have --json, an exit code of `show.Exit`, and help in sentences."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from cyclopts.exceptions import CycloptsError

from manyhands.protocol.errors import ManyhandsError

from .show import Exit, errors, fail

app = App(
    name="manyhands",
    help="Paid human micro-work: business records in, people paid fairly, checked records out, with a proof.",
    version_flags=["--version"],
)

DEFAULT_DATA = Path("manyhands-data")

Data = Annotated[Path, Parameter(help="The folder in which this platform keeps everything.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print the result as one JSON document.")]


def data_default() -> Path:
    """$MANYHANDS_DATA, else manyhands-data in the present folder."""
    return Path(os.environ.get("MANYHANDS_DATA", DEFAULT_DATA))


def run(work: Callable[[], Awaitable[Exit]], *, json: bool) -> int:
    """Runs a command to its exit code; every error of ours is shown with its cure."""
    try:
        return int(asyncio.run(_unwrapped(work)))
    except ManyhandsError as error:
        return int(fail(error, as_json=json))
    except KeyboardInterrupt:
        errors.print("interrupted; what was accepted stays accepted")
        return int(Exit.INTERRUPTED)


async def _unwrapped(work: Callable[[], Awaitable[Exit]]) -> Exit:
    """Runs the work; of a group of errors that all came from one cause, the cause is what people get to see."""
    try:
        return await work()
    except ExceptionGroup as group:
        first = _first_of_ours(group)
        if first is None:
            raise
        raise first from group


def _first_of_ours(group: BaseExceptionGroup[Any]) -> ManyhandsError | None:
    for error in group.exceptions:
        if isinstance(error, ManyhandsError):
            return error
        if isinstance(error, BaseExceptionGroup) and (found := _first_of_ours(error)):
            return found
    return None


def main() -> None:
    """Entry point of the `manyhands` script."""
    from . import chain, demo, digitize, jobs, platform, pools, purses, quality  # noqa: F401  registers the commands

    try:
        code = app(exit_on_error=False, print_error=True)
    except CycloptsError:
        sys.exit(int(Exit.USAGE))
    sys.exit(code if isinstance(code, int) else 0)


__all__ = ["AsJson", "Data", "app", "data_default", "main", "msgspec", "run"]
