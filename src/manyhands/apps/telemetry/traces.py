"""One trace per job, from its launch to its payout, over all processes and hosts that work on it.

Rules kept here
- A trace's id is made from the job's id: whoever works on a job knows it untold, also at another operator's.
- Off by default. Then a span is nothing at all, not even a call into the library.

    MANYHANDS_TRACES=otlp   to a collector, as OTEL_EXPORTER_OTLP_ENDPOINT and its kin say (extra `traces`)
    MANYHANDS_TRACES=file   one JSON object per span and line into the logs folder (extra `traces`)

>>> trace_id_of("job-1") == trace_id_of("job-1") != trace_id_of("job-2")
True
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import digest_bytes

_tracer: Any = None


class TracesNotInstalled(ManyhandsError):
    """Traces are asked for and the library that sends them is not there."""

    cure = 'Install it: pip install "manyhands[traces]"; or unset MANYHANDS_TRACES.'

    def __init__(self) -> None:
        super().__init__("MANYHANDS_TRACES is set and opentelemetry-sdk is not installed")


class UnknownTraces(ManyhandsError):
    """`MANYHANDS_TRACES` names no way to send traces."""

    cure = "Set it to otlp or file, or unset it."

    def __init__(self, wanted: str) -> None:
        super().__init__(f"MANYHANDS_TRACES is {wanted!r}")


def trace_id_of(job_id: str) -> int:
    """The trace of a job, 128 bits."""
    return int.from_bytes(digest_bytes("trace", job_id)[:16], "big") or 1


def begin(wanted: str, *, process: str, file: Path) -> None:
    """Starts tracing in this process. raises TracesNotInstalled, UnknownTraces"""
    global _tracer
    if wanted not in ("otlp", "file"):
        raise UnknownTraces(wanted)
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
    except ImportError as missing:
        raise TracesNotInstalled from missing
    exporter: SpanExporter
    if wanted == "otlp":
        try:
            otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        except ImportError as missing:
            raise TracesNotInstalled from missing
        exporter = otlp.OTLPSpanExporter()
    else:
        exporter = ConsoleSpanExporter(
            out=file.open("a", encoding="utf-8"), formatter=lambda span: span.to_json(indent=None) + "\n"
        )
    provider = TracerProvider(resource=Resource.create({"service.name": f"manyhands-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1_000))
    _tracer = provider.get_tracer("manyhands")


def span(kind: str, name: str, job_id: str) -> AbstractContextManager[None]:
    """A span of a job's trace; one of its own trace where there is no job; nothing while tracing is off."""
    return nullcontext() if _tracer is None else _span(kind, name, job_id)


@contextmanager
def _span(kind: str, name: str, job_id: str) -> Iterator[None]:
    from opentelemetry import trace

    context = None
    if job_id:
        root = trace.SpanContext(
            trace_id=trace_id_of(job_id),
            span_id=int.from_bytes(digest_bytes("span", job_id)[:8], "big") or 1,
            is_remote=True,
            trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
        )
        context = trace.set_span_in_context(trace.NonRecordingSpan(root))
    attributes = {"manyhands.kind": kind, **({"manyhands.job_id": job_id} if job_id else {})}
    with _tracer.start_as_current_span(f"{kind} {name}", context=context, attributes=attributes):
        yield
