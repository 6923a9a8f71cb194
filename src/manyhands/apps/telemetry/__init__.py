"""What the processes tell those who watch them: metrics for Prometheus, and one trace per job for OpenTelemetry.

Rules kept here
- Watching costs microseconds and never an answer: nothing here is awaited, nothing raises into the work it watches.
- Every process writes its counts into files of one folder; one address, the site's `/metrics`, tells all of them.
- Traces are off until `MANYHANDS_TRACES` says where they go. A job's trace id follows from the job's id, so launch,
  work and payout are one trace although no message carries anything for it.
- Labels are names of ours: routes, tasks, messages. No id of a job, a person or a document is ever a label.

This module loads neither library: `prepare` has to run before Prometheus' is imported.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from manyhands.store.around import Around

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
TRACES_VARIABLE: Final = "MANYHANDS_TRACES"


def begin_anew(folder: Path) -> None:
    """Forgets the counts of an earlier start's processes. Called by the supervisor before it starts the first child."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def prepare(folder: Path, *, process: str, logs: Path) -> None:
    """Called first thing by a child process: where its counts go, and whether it traces."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault(FOLDER_VARIABLE, str(folder))
    if wanted := os.environ.get(TRACES_VARIABLE, ""):
        from .traces import begin

        begin(wanted, process=process, file=logs / f"traces-{process}-{os.getpid()}.jsonl")


def watcher_of(process: str) -> Around:
    """What is entered around each piece of work and each message of a process."""
    from . import metrics, traces

    def around(kind: str, name: str, job_id: str) -> AbstractContextManager[None]:
        return _watched(kind, name, job_id)

    @contextmanager
    def _watched(kind: str, name: str, job_id: str) -> Iterator[None]:
        began, outcome = time.perf_counter(), "failed"
        try:
            with traces.span(kind, name, job_id):
                yield
            outcome = "done"
        finally:
            metrics.count_work(process, kind, name, outcome, time.perf_counter() - began)

    return around
