"""Entry of the child processes: `python -m manyhands.apps.child roles|ocr|web FOLDER`.

Apart from the supervisor, which starts them and must not load what they need.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from manyhands.apps import telemetry
from manyhands.apps.folder import DataFolder

PR_SET_PDEATHSIG = 1


def end_with_supervisor() -> None:
    """Called first thing by a child: the system ends it when its supervisor dies, also by kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    supervisor = int(os.environ.get("MANYHANDS_SUPERVISOR", "0"))
    if supervisor and os.getppid() != supervisor:
        sys.exit("the supervisor died before this process was ready")


READING_MEMORY_BYTES = 2_500_000_000
"""What a process that reads pages may hold. An A4 page at 200 dpi takes 1.05 GB with two readers, the largest page that
is taken in (40 million pixels) 1.7 GB; measured, with what the program itself takes."""


def limit_memory(data_bytes: int) -> None:
    """Bounds what this process may hold of its own: an allocation beyond it fails instead of taking its neighbours'."""
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = data_bytes if hard == resource.RLIM_INFINITY else min(data_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of the child processes."""
    kind, path = (arguments or sys.argv[1:])[:2]
    end_with_supervisor()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    folder = DataFolder(Path(path))
    telemetry.prepare(folder.path / "metrics", process=kind, logs=folder.logs)
    match kind:
        case "roles":
            from manyhands.apps.compose import run_roles

            asyncio.run(run_roles(folder))
        case "ocr":
            limit_memory(READING_MEMORY_BYTES)
            from manyhands.apps.compose import run_ocr

            asyncio.run(run_ocr(folder))
        case "web":
            from manyhands.apps.web.serve import run_web

            run_web(folder)
        case _:
            sys.exit(f"no process is called {kind!r}: roles, ocr or web")


if __name__ == "__main__":
    main()
