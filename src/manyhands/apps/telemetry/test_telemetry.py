"""Watching costs microseconds, tells no ids, and makes one trace of a job that no message carries."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from . import watcher_of
from .metrics import GAUGES, Measured, count_request, exposition
from .traces import UnknownTraces, begin, trace_id_of

ROOT = Path(__file__).resolve().parents[4]


def test_counting_a_request_takes_less_than_a_tenth_of_a_millisecond() -> None:
    def one() -> float:
        began = time.thread_time()
        for _ in range(500):
            count_request("/x/{y}", "GET", 200, 0.01)
        return (time.thread_time() - began) / 500

    assert min(one() for _ in range(5)) < 100e-6


async def test_requests_are_counted_by_route_and_never_by_id() -> None:
    async def one(request: Request) -> Response:
        return PlainTextResponse(request.path_params["job_id"])

    app = Starlette(routes=[Route("/things/{job_id}", one)])
    app.add_middleware(Measured)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site") as http:
        await http.get("/things/secret-id")
        await http.get("/nowhere/secret-id")
    told = exposition([("manyhands_jobs", ("open",), 3)]).decode()
    assert 'manyhands_requests_total{method="GET",route="/things/{job_id}",status="200"} 1.0' in told
    assert 'route="none",status="404"' in told
    assert 'manyhands_jobs{state="open"} 3.0' in told
    assert "secret-id" not in told


def test_work_that_failed_is_counted_and_its_error_travels_on() -> None:
    around = watcher_of("roles")
    with pytest.raises(RuntimeError), around("work", "some.task", "job-1"):
        raise RuntimeError
    with around("work", "some.task", "job-1"):
        pass
    told = exposition([]).decode()
    for outcome in ("done", "failed"):
        assert f'kind="work",name="some.task",outcome="{outcome}",process="roles"}} 1.0' in told


def test_the_counts_of_several_processes_are_told_at_one_address(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from manyhands.apps import telemetry; "
        "telemetry.prepare(Path(sys.argv[1]), process='ocr', logs=Path(sys.argv[1])); "
        "from manyhands.apps.telemetry import metrics; "
        "[metrics.count_work('ocr', 'work', 'read', 'done', 0.1) for _ in range(3)]; "
        "print(metrics.exposition([]).decode())"
    )
    for expected in (3.0, 6.0):
        told = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout
        assert f'outcome="done",process="ocr"}} {expected}' in told


def test_a_job_is_one_trace_over_all_processes(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from manyhands.apps import telemetry; folder = Path(sys.argv[1]); "
        "telemetry.prepare(folder / 'm', process=sys.argv[2], logs=folder); "
        "around = telemetry.watcher_of(sys.argv[2]); "
        'exec(\'with around("message", sys.argv[2], "job-7"): pass\')'
    )
    for process in ("roles", "web"):
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), process],
            check=True, env={"MANYHANDS_TRACES": "file", "PATH": ""},
        )  # fmt: skip
    spans = [json.loads(line) for path in tmp_path.glob("traces-*.jsonl") for line in path.read_text().splitlines()]
    assert {span["name"] for span in spans} == {"message roles", "message web"}
    assert {span["context"]["trace_id"] for span in spans} == {f"0x{trace_id_of('job-7'):032x}"}


def test_an_unknown_way_to_send_traces_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownTraces, match="jaeger"):
        begin("jaeger", process="web", file=tmp_path / "x")


def test_every_figure_has_its_line_in_the_documentation() -> None:
    page = (ROOT / "docs" / "howto" / "watch-a-platform.md").read_text()
    names = [*GAUGES, "manyhands_requests_total", "manyhands_request_seconds", "manyhands_work_total"]
    assert [name for name in [*names, "manyhands_work_seconds"] if f"`{name}`" not in page] == []


def test_watching_a_piece_of_work_takes_less_than_a_fifth_of_a_millisecond() -> None:
    async def one() -> float:
        around = watcher_of("web")
        began = time.thread_time()
        for _ in range(500):
            with around("message", "x", "job"):
                pass
        return (time.thread_time() - began) / 500

    assert min(asyncio.run(one()) for _ in range(5)) < 200e-6
