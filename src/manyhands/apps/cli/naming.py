"""A refusal of a wish in the words of the command line: the option that it came from, in the option's own unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from manyhands.protocol.errors import BadManifest, ManyhandsError

OPTIONS: Mapping[str, tuple[str, str]] = {
    "title": ("--title", ""),
    "task_type": ("--task-type", ""),
    "pay.currency": ("--currency", ""),
    "pay.per_hour_minor": ("--per-hour", "is less than --floor asks for"),
    "pay.floor_per_hour_minor": ("--floor", ""),
    "quality.target_bp": ("--quality", "must be more than 0 and less than 1: no rule can promise every item"),
    "quality.benchmark_bp": ("--benchmark", "must be between 0 and what --quality asks for"),
    "budget_minor": ("--budget", ""),
    "machine": ("--machine", ""),
    "privacy": ("--privacy", ""),
    "crowd": ("--crowd", ""),
    "scope": ("--fields", ""),
    "audit": ("--unseen-wrong", ""),
    "audit.wrong_share_bp": ("--unseen-wrong", "must be between 0.0001 and 0.2"),
    "needs": ("--needs", ""),
    "needs.score_bp": ("--needs", "skill must be at least 0 and less than 1"),
    "pool": ("--pool", ""),
    "daily_cap_parts": ("--daily-cap", ""),
}
"""Field of a manifest -> its option, and what is wrong with it where the field's own words have another unit."""


class BadOption(BadManifest):
    """An option asks for what no job can be. field  of the manifest that it would have become"""

    def __init__(self, option: str, problem: str, *, field: str) -> None:
        self.option, self.field, self.problem = option, field, problem
        cure = f"Correct {option} and try again; nothing was charged."
        ManyhandsError.__init__(self, f"{option}: {problem}", cure=cure)


@contextmanager
def named_as_options(*, floor_told: bool) -> Iterator[None]:
    """Whatever a manifest is refused for inside is told by option. floor_told  False: --floor is as --per-hour

    >>> with named_as_options(floor_told=False):
    ...     raise BadManifest("daily_cap_parts", "must be between 2 and 30, or left out for no daily cap")
    Traceback (most recent call last):
    manyhands.apps.cli.naming.BadOption: --daily-cap: must be between 2 and 30, or left out for no daily cap
    """
    try:
        yield
    except BadManifest as refusal:
        found = OPTIONS.get(refusal.field) or OPTIONS.get(refusal.field.split(".")[0])
        if found is None:
            raise
        option, words = found
        if option == "--floor" and not floor_told:
            option = "--per-hour"
        raise BadOption(option, words or refusal.problem, field=refusal.field) from refusal
