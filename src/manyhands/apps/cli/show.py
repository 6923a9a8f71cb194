"""How a command speaks: sentences and bars for people on stderr, one JSON document for programs on stdout.

Rules kept here
- Standard output holds the result and nothing else; with --json it is one JSON document.
- Long work shows how far it is. Without a terminal each step is one line, so that a log can be read.
- An error names the thing and the cure, and ends with its exit code; a traceback is a bug.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.money import Currency


class Exit(IntEnum):
    """What a command's exit code means."""

    OK = 0
    BUG = 1
    USAGE = 2
    BAD_INPUT = 3
    REFUSED = 4
    NOT_UP = 5
    CHECK_FAILED = 6
    NO_ROOM = 7
    UNREACHABLE = 8
    INTERRUPTED = 130


class NothingToShow(ManyhandsError):
    """There is no such job here."""


errors = Console(stderr=True, highlight=False, soft_wrap=True)
output = Console(highlight=False, soft_wrap=True)


def told(sentence: str) -> None:
    """One step, for the person who waits."""
    errors.print(f"[dim]·[/dim] {sentence}", markup=True)


def exit_code_of(error: ManyhandsError) -> Exit:
    """The exit code for an error, by its family."""
    names = {base.__name__ for base in type(error).__mro__}
    if names & {"DiskFull"}:
        return Exit.NO_ROOM
    if names & {"PlatformNotUp"}:
        return Exit.NOT_UP
    if names & {"ChainUnreachable", "ComponentsError", "NoDatabase"}:
        return Exit.UNREACHABLE
    if names & {"ProtocolError", "BudgetBelowQuote", "JobRefused"}:
        return Exit.REFUSED
    return Exit.BAD_INPUT


def fail(error: ManyhandsError, *, as_json: bool) -> Exit:
    """Shows an error with its cure and returns the exit code."""
    code = exit_code_of(error)
    if as_json:
        found = {"error": {"code": type(error).__name__, "message": str(error), "cure": error.cure, "exit": int(code)}}
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.flush()
    errors.print(f"[bold red]{type(error).__name__}[/]: {_plain(str(error))}")
    if error.cure:
        errors.print(f"  [green]what to do:[/] {_plain(error.cure)}")
    return code


def as_json(value: Any) -> None:
    """The result, for programs."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.flush()


def as_json_line(value: Any) -> None:
    """The result on one line, for programs that read it while the command runs on."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.flush()


def table(title: str, columns: list[str], lines: list[list[str]], *, right: tuple[int, ...] = ()) -> None:
    """A table, for people."""
    grid = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        grid.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for line in lines:
        grid.add_row(*map(_plain, line))
    output.print(grid)


def money(minor: int, currency: Currency) -> str:
    """An amount as people read it: to the cent, prices below ten cents to a hundredth of one. --json has it exactly."""
    usual = min(2, currency.exponent)
    places = usual if 10 * abs(minor) >= 10**currency.exponent or minor == 0 else min(4, currency.exponent)
    return f"{minor / 10**currency.exponent:.{places}f} {currency.shown}"


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Bars on stderr while something long goes on."""
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=quiet or not errors.is_terminal,
    )
    with bars:
        yield bars


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
