"""Counts and times of every process, and what the database knows when somebody asks.

Rules kept here
- A request is counted in plain dictionaries, work in the client library's own: its children are looked up once.
- A figure read from the database is read when it is asked for, under the names of `GAUGES`.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import FOLDER_VARIABLE

REQUEST_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0)
WORK_BUCKETS: Final = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0)

WORK = Counter("manyhands_work", "Background work and messages ended", ("process", "kind", "name", "outcome"))
WORK_SECONDS = Histogram(
    "manyhands_work_seconds", "Time of background work and messages", ("kind", "name"), buckets=WORK_BUCKETS
)

GAUGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "manyhands_queue_depth": ("Background work by queue and status", ("queue", "status")),
    "manyhands_queue_oldest_seconds": ("Age of the oldest work that could be taken", ("queue", "status")),
    "manyhands_messages_undelivered": ("Messages between roles that are not settled", ()),
    "manyhands_alarms_open": ("Alarms about transactions that a person should look at", ()),
    "manyhands_jobs": ("Jobs of the exchange by state", ("state",)),
    "manyhands_tasks": ("Tasks of unfinished jobs by state", ("state",)),
    "manyhands_leases_overdue": ("Bundles whose lease is over and that nobody has freed", ()),
    "manyhands_answers_uncollected": ("Answers received and not yet sent to the recording oracle", ()),
    "manyhands_chain_block": ("Last block that was read of a chain", ("chain",)),
    "manyhands_process_memory_bytes": ("Memory that a process holds", ("process",)),
    "manyhands_process_cpu_seconds": ("Processor time that a process has used", ("process",)),
    "manyhands_process_up": ("Whether a process says that it is ready", ("process",)),
}
"""Name -> help and labels of what is read when asked. A test compares it with the page of metrics."""

Sample = tuple[str, tuple[str, ...], float]
"""Name of `GAUGES`, label values, value."""


@lru_cache(maxsize=4_096)
def _work(process: str, kind: str, name: str, outcome: str) -> Counter:
    return WORK.labels(process, kind, name, outcome)


@lru_cache(maxsize=512)
def _work_seconds(kind: str, name: str) -> Histogram:
    return WORK_SECONDS.labels(kind, name)


def count_work(process: str, kind: str, name: str, outcome: str, seconds: float) -> None:
    """Counts one piece of work or one message that ended."""
    _work(process, kind, name, outcome).inc()
    _work_seconds(kind, name).observe(seconds)


class Requests(Collector):
    """Requests of this process, counted in plain dictionaries: the site tells them itself, so no file has to hold them.

    One event loop counts and tells; there is nothing to lock.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        self._times: dict[str, tuple[list[int], list[float]]] = {}

    def add(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one request that was answered."""
        key = (route, method, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        row = self._times.get(route)
        if row is None:
            row = self._times[route] = ([0] * (len(REQUEST_BUCKETS) + 1), [0.0])
        row[0][bisect_left(REQUEST_BUCKETS, seconds)] += 1
        row[1][0] += seconds

    def collect(self) -> Iterable[Metric]:
        """In the client library's own shapes."""
        counts = CounterMetricFamily(
            "manyhands_requests", "HTTP requests answered", labels=("route", "method", "status")
        )
        for (route, method, status), count in self._counts.items():
            counts.add_metric((route, method, str(status)), count)
        times = HistogramMetricFamily(
            "manyhands_request_seconds", "Time until a request was answered", labels=("route",)
        )
        for route, (buckets, (total,)) in self._times.items():
            bounds = [*map(str, REQUEST_BUCKETS), "+Inf"]
            times.add_metric((route,), list(zip(bounds, accumulate(buckets), strict=True)), total)
        return [counts, times]


REQUESTS: Final = Requests()
count_request = REQUESTS.add


METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Measured:
    """ASGI middleware that counts requests by route. A stream is counted when it begins."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"]
                count_request(
                    route_of(scope),
                    method if method in METHODS else "other",
                    message["status"],
                    time.perf_counter() - began,
                )
            await send(message)

        await self.app(scope, receive, send_counted)


def route_of(scope: Scope) -> str:
    """The path of the route that answered, with its gaps unfilled; "none" where no route did."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"


class _Asked(Collector):
    """The samples of one answer."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = list(samples)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, (told, labels) in GAUGES.items():
            family = GaugeMetricFamily(name, told, labels=labels)
            for sample, values, value in self._samples:
                if sample == name:
                    family.add_metric(values, value)
            yield family


def exposition(samples: Iterable[Sample]) -> bytes:
    """Everything in Prometheus' text format: the counts of all processes, and the samples."""
    registry = CollectorRegistry()
    counted: bytes
    if os.environ.get(FOLDER_VARIABLE):
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the package leaves it untyped
        counted = generate_latest(registry)
    else:
        counted = generate_latest(REGISTRY)
    asked = CollectorRegistry()
    asked.register(REQUESTS)
    asked.register(_Asked(samples))
    return counted + generate_latest(asked)
