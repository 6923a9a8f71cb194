"""A door for whoever watches: entered around each piece of background work and each message that is applied.

The store knows nothing of metrics or traces; whoever builds the processes may put something here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

Around: TypeAlias = Callable[[str, str, str], AbstractContextManager[None]]
"""Kind ("work" or "message"), name, and job id or "" -> entered before, left after; errors pass through it."""


def nothing_around(kind: str, name: str, job_id: str) -> AbstractContextManager[None]:
    """Watches nothing."""
    return nullcontext()
