#!/usr/bin/env python3
"""Measures the hot path: claim and answers over HTTP, durably stored, with the product's own server and tables.

Rules kept here
- Four processes as in production: PostgreSQL (fsync and synchronous_commit on), the site's server (granian, one event
  loop, the whole application), the roles' ticks that send answers on in batches, and the clients.
- Eight clients, each with an account and a session of its own, each asking again as soon as it has its reply.
- The floor is a bare INSERT of the same number of rows through the same server, clients and minute: what the machine
  gives to a program that checks nothing. Only ratios travel from machine to machine.
- Afterwards the tables are compared with what clients were told: nothing lost, doubled or lent beyond what is wanted.

usage: benchmarks/throughput.py [--seconds 15] [--tasks 100000] [--rounds 2] [--write docs/benchmarks/throughput.md]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil

SECRET = b"a secret for benchmarks alone"
CLIENTS = 8
BUNDLES = (1, 10)
HEADERS = "X-Requested-With: manyhands\r\nContent-Type: application/json\r\n"


def key_of(role: str) -> Any:
    from manyhands.protocol.ids import SeededIds
    from manyhands.protocol.signing import LocalSigner

    return LocalSigner.create(SeededIds(f"throughput {role}"))


async def open_exchange(dsn: str, folder: Path, *, pool: int) -> Any:
    """The product's exchange on this database."""
    from manyhands.protocol.ids import SystemIds, system_clock
    from manyhands.protocol.parties import Directory, Party
    from manyhands.roles import RoleContext
    from manyhands.roles.exchange import Exchange, ExchangeSettings
    from manyhands.roles.exchange.testing import RECORDING
    from manyhands.store.blobs import BlobStore
    from manyhands.store.database import Database
    from manyhands.store.jobs import JobApp
    from manyhands.store.mailbox import Mailbox

    db = await Database.open(dsn, max_size=pool)
    jobs = JobApp(db)
    signer = key_of("exchange")
    directory = Directory([Party(role="exchange", address=signer.address), Party(role="recording", address=RECORDING)])
    ctx = RoleContext(
        role="exchange",
        signer=signer,
        db=db,
        mailbox=Mailbox(db, jobs, directory),
        jobs=jobs,
        blobs=BlobStore(folder / "blobs"),
        directory=directory,
        clock=system_clock,
        ids=SystemIds(),
    )
    settings = ExchangeSettings(wallet_secret=SECRET, picture_secret=SECRET, simulated_crowd=True)
    return Exchange(ctx, settings)


# --- the server process -------------------------------------------------------------------------------------------


async def serve(dsn: str, folder: Path, port: int) -> None:
    """The whole site, and one route more for the floor."""
    from granian.constants import Interfaces
    from granian.server.embed import Server
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from manyhands.apps.components import ensure_components
    from manyhands.apps.web.assets import load_assets
    from manyhands.apps.web.hot import routes
    from manyhands.apps.web.server import build_app
    from manyhands.apps.web.site import Site

    exchange = await open_exchange(dsn, folder, pool=12)
    db = exchange.ctx.db

    async def floor(request: Request) -> Response:
        count = msgspec.json.decode(await request.body())["count"]
        async with db.connection() as connection:
            await connection.execute(
                "insert into floor (worker, answer_text) select %s, '12.50' from generate_series(1, %s)",
                (request.cookies.get("mh_session", ""), count),
                prepare=True,
            )
        return Response(b"{}", media_type="application/json")

    app = build_app(
        Site(
            assets=load_assets(ensure_components().node_modules),
            picture_secret=SECRET,
            desk=exchange,
            hot_routes=[*routes(exchange), Route("/floor", floor, methods=["POST"])],
            simulated_crowd=True,
        )
    )
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, websockets=False, log_access=False)
    await server.serve()


async def tick(dsn: str, folder: Path) -> None:
    """What the roles' process does beside: sends answers on, frees leases, counts offers."""
    exchange = await open_exchange(dsn, folder, pool=4)
    while True:
        await exchange.tick()
        await asyncio.sleep(0.5)


# --- the client process -------------------------------------------------------------------------------------------


class Client:
    """A worker on one kept connection, as lean as a client can be, so that little of the machine goes into it."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def post(self, path: str, body: bytes) -> Any:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: mh_session={self.token}\r\n{HEADERS}"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        raw = await self.reader.readuntil(b"\r\n\r\n")
        lines = raw.decode().split("\r\n")
        named = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        reply = await self.reader.readexactly(int(named["content-length"]))
        if not lines[0].split(" ", 2)[1].startswith("2"):
            raise RuntimeError(f"{path}: {lines[0]} {reply.decode()[:300]}")
        return msgspec.json.decode(reply)


@dataclass
class Seen:
    """What the clients saw in one run."""

    seconds: float = 0.0
    items: int = 0
    claim_ms: list[float] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)
    stored: list[tuple[int, str]] = field(default_factory=list)


async def drive(port: int, tokens: list[str], *, job_id: str, bundle: int, seconds: float, floor: bool) -> Seen:
    seen = Seen()
    clients = [Client(port, token) for token in tokens]
    await asyncio.gather(*(client.open() for client in clients))
    began = time.perf_counter()
    ends = began + seconds
    wish, insert = json.dumps({"count": bundle}).encode(), json.dumps({"count": bundle}).encode()

    async def insert_rows(client: Client) -> None:
        while time.perf_counter() < ends:
            await client.post("/floor", insert)
            seen.items += bundle

    async def work(number: int, client: Client) -> None:
        while (at := time.perf_counter()) < ends:
            lent = (await client.post(f"/api/jobs/{job_id}/claim", wish))["assignments"]
            seen.claim_ms.append((time.perf_counter() - at) * 1_000)
            if not lent:
                raise RuntimeError("the tasks are used up: give more with --tasks")
            given = [{"assignment_id": one["assignment_id"], "text": "12.50", "active_ms": 4_000} for one in lent]
            at = time.perf_counter()
            told = await client.post(f"/api/jobs/{job_id}/answers", msgspec.json.encode({"answers": given}))
            seen.answers_ms.append((time.perf_counter() - at) * 1_000)
            for one in told["outcomes"]:
                if one["outcome"] != "stored":
                    raise RuntimeError(f"an answer was {one['outcome']}: {one['because']}")
                seen.stored.append((number, one["assignment_id"]))
            seen.items += len(lent)

    await asyncio.gather(
        *(insert_rows(client) if floor else work(number, client) for number, client in enumerate(clients))
    )
    seen.seconds = time.perf_counter() - began
    return seen


def drive_and_print(arguments: argparse.Namespace) -> None:
    seen = asyncio.run(
        drive(
            arguments.port, arguments.tokens.split(","), job_id=arguments.job, bundle=arguments.bundle,
            seconds=arguments.seconds, floor=arguments.floor,
        )
    )  # fmt: skip
    told = {"seconds": seen.seconds, "items": seen.items, "claim_ms": seen.claim_ms, "answers_ms": seen.answers_ms}
    print(json.dumps({**told, "stored": seen.stored, "client_cpu_s": time.process_time()}))


# --- the conductor ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """One run as measured."""

    bundle: int
    floor: bool
    per_second: float
    claim_p50_ms: float = 0.0
    claim_p95_ms: float = 0.0
    answers_p50_ms: float = 0.0
    answers_p95_ms: float = 0.0
    server_cpu_us: float = 0.0
    postgres_cpu_us: float = 0.0
    other_cpu_us: float = 0.0
    load_before: float = 0.0


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)] if values else 0.0


def child(mode: str, *arguments: str, quiet: bool = True) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, __file__, mode, *arguments],
        stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
    )


def cpu_s(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
            total += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return total


async def prepare(dsn: str, folder: Path, tasks: int) -> list[str]:
    """Tables, one job with that many open tasks per run, eight accounts with sessions; returns their tokens."""
    from manyhands.roles.exchange.testing import OpenJob, put_open_job
    from manyhands.store.database import Database
    from manyhands.store.migrations import Room, migrate

    db = await Database.open(dsn, max_size=2)
    await migrate(db, [Room("exchange", "manyhands.roles.exchange")])
    async with db.transaction() as tx:
        await tx.execute("create table floor (id bigint generated always as identity primary key, worker text, "
                         "answer_text text, at timestamptz default now())")  # fmt: skip
        for bundle in BUNDLES:
            job = OpenJob(job_id=f"bundle-{bundle}", pages=tasks // 100, per_page=100, simulated=True)
            await put_open_job(tx, job)
    await db.close()
    exchange = await open_exchange(dsn, folder, pool=2)
    tokens = [
        (await exchange.sign_up(f"client {number}", "a password", simulated=True))[0] for number in range(CLIENTS)
    ]
    await exchange.ctx.db.close()
    return tokens


async def examine(dsn: str, told: Mapping[str, list[tuple[int, str]]]) -> dict[str, int]:
    """Compares the tables with what the clients were told."""
    from manyhands.store.database import Database, rows, scalar

    db = await Database.open(dsn, max_size=2)
    async with db.connection() as connection:
        stored = Counter(
            await rows(connection, "select job_id, task_id from exchange.assignments where state = 'answered'")
        )
        over = await scalar(connection, "select count(*) from exchange.tasks where taken > wanted")
        sent = await scalar(connection, "select count(*) from exchange.assignments where batch_no is not null")
        batches = await scalar(connection, "select count(*) from mail.outbox where body_type = 'AnswersCollected'")
    await db.close()
    acknowledged = Counter((job_id, one.split(".")[0]) for job_id, answers in told.items() for _, one in answers)
    return {
        "answers told stored": sum(acknowledged.values()),
        "lost": sum((acknowledged - stored).values()),
        "doubled": sum(count - 1 for count in stored.values()) + sum(count - 1 for count in acknowledged.values()),
        "stored but never told": sum((stored - acknowledged).values()),
        "lent beyond what is wanted": over,
        "sent on by the ticks meanwhile": sent,
        "in messages": batches,
    }


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit("the server process ended before it answered")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server did not answer within a minute")


def run_once(
    port: int,
    tokens: list[str],
    bundle: int,
    seconds: float,
    *,
    floor: bool,
    server: psutil.Process,
    postgres: psutil.Process,
    ticks: psutil.Process,
) -> tuple[Figures, list[tuple[int, str]]]:
    load = os.getloadavg()[0]
    servers, database = [server, *server.children(recursive=True)], [postgres, *postgres.children(recursive=True)]
    before = cpu_s(servers), cpu_s(database), cpu_s([ticks])
    arguments = [
        "drive", "--port", str(port), "--tokens", ",".join(tokens), "--bundle", str(bundle), "--seconds", str(seconds),
        "--job", f"bundle-{bundle}", *(["--floor"] if floor else []),
    ]  # fmt: skip
    done = child(*arguments, quiet=False)
    raw = done.communicate()[0]
    if done.returncode:
        sys.exit("the clients failed")
    seen = json.loads(raw)
    spent = cpu_s(servers) - before[0], cpu_s(database) - before[1], cpu_s([ticks]) - before[2] + seen["client_cpu_s"]
    figures = Figures(
        bundle=bundle,
        floor=floor,
        per_second=seen["items"] / seen["seconds"],
        claim_p50_ms=percentile(seen["claim_ms"], 50),
        claim_p95_ms=percentile(seen["claim_ms"], 95),
        answers_p50_ms=percentile(seen["answers_ms"], 50),
        answers_p95_ms=percentile(seen["answers_ms"], 95),
        server_cpu_us=spent[0] / max(1, seen["items"]) * 1e6,
        postgres_cpu_us=spent[1] / max(1, seen["items"]) * 1e6,
        other_cpu_us=spent[2] / max(1, seen["items"]) * 1e6,
        load_before=load,
    )
    return figures, [(number, one) for number, one in seen["stored"]]


def conduct(arguments: argparse.Namespace) -> None:
    from manyhands.store.postgres import LocalPostgres

    with tempfile.TemporaryDirectory(prefix="manyhands-throughput-") as name:
        folder = Path(name)
        database = LocalPostgres(folder / "postgres")
        dsn = database.start()
        server = ticks = None
        try:
            tokens = asyncio.run(prepare(dsn, folder, arguments.tasks))
            port = free_port()
            server = child("serve", "--dsn", dsn, "--folder", name, "--port", str(port))
            ticks = child("tick", "--dsn", dsn, "--folder", name)
            wait_for(port, server)
            watched, postgres = psutil.Process(server.pid), psutil.Process(database.pid)
            runs: list[Figures] = []
            told: dict[str, list[tuple[int, str]]] = {}
            for round_no in range(arguments.rounds):
                for bundle in BUNDLES:
                    for floor in (True, False):
                        figures, stored = run_once(
                            port,
                            tokens,
                            bundle,
                            arguments.seconds,
                            floor=floor,
                            server=watched,
                            postgres=postgres,
                            ticks=psutil.Process(ticks.pid),
                        )
                        runs.append(figures)
                        told.setdefault(f"bundle-{bundle}", []).extend(stored)
                        print(f"round {round_no + 1}: {line_of(figures)}", flush=True)
            rss_mb = sum(one.memory_info().rss for one in [watched, *watched.children(recursive=True)]) / 1e6
            time.sleep(1.5)
            checks = asyncio.run(examine(dsn, told))
        finally:
            for one in (server, ticks):
                if one is not None:
                    one.terminate()
                    one.wait(timeout=30)
            database.stop()
    text = report(runs, checks, rss_mb, arguments)
    print(text)
    if arguments.write:
        arguments.write.write_text(text)


def line_of(one: Figures) -> str:
    what = f"{'bare INSERT' if one.floor else 'claim + answers'} of {one.bundle}: {one.per_second:,.0f}/s"
    if one.floor:
        return what
    return f"{what}, claim p50 {one.claim_p50_ms:.1f} p95 {one.claim_p95_ms:.1f} ms"


def cores_alone(work: list[Figures]) -> float:
    """Answers a second if the cores did nothing else: arithmetic on CPU time, for figures of a busy machine."""
    spent_us = statistics.median(one.server_cpu_us + one.postgres_cpu_us + one.other_cpu_us for one in work)
    return (os.cpu_count() or 1) * 1e6 / spent_us


def report(runs: list[Figures], checks: Mapping[str, int], rss_mb: float, arguments: argparse.Namespace) -> str:
    """The page of figures."""
    lines = [
        "# Throughput of the hot path",
        "",
        "Claim and answers over HTTP with the product's own server, tables and durable commits, beside a bare INSERT",
        "of as many rows through the same server in the same minutes. Medians of the rounds.",
        "",
        f"- {CLIENTS} clients, one server process, one PostgreSQL, one ticking roles process on "
        f"{os.cpu_count()} cores; Python {platform.python_version()}",
        f"- {arguments.tasks:,} open tasks per job at the start, {arguments.rounds} rounds of {arguments.seconds:g} s "
        f"a row; load average before it {min(r.load_before for r in runs):.1f} to "
        f"{max(r.load_before for r in runs):.1f}",
        f"- `benchmarks/throughput.py --tasks {arguments.tasks} --seconds {arguments.seconds:g} "
        f"--rounds {arguments.rounds}` printed this page on {time.strftime('%Y-%m-%d')}",
        "",
        "| bundle | answers/s | bare INSERT rows/s | ratio | claim p50 / p95 ms | answers p50 / p95 ms "
        "| CPU µs an answer: server / PostgreSQL / ticks and clients | so at most, cores alone |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for bundle in BUNDLES:
        work = [one for one in runs if one.bundle == bundle and not one.floor]
        floor = [one for one in runs if one.bundle == bundle and one.floor]
        per_second = statistics.median(one.per_second for one in work)
        bare = statistics.median(one.per_second for one in floor)

        def middle(name: str, work: list[Figures] = work) -> float:
            return statistics.median(getattr(one, name) for one in work)

        lines.append(
            f"| {bundle} | {per_second:,.0f} | {bare:,.0f} | {per_second / bare:.2f} "
            f"| {middle('claim_p50_ms'):.1f} / {middle('claim_p95_ms'):.1f} "
            f"| {middle('answers_p50_ms'):.1f} / {middle('answers_p95_ms'):.1f} "
            f"| {middle('server_cpu_us'):.0f} / {middle('postgres_cpu_us'):.0f} / {middle('other_cpu_us'):.0f} "
            f"| {cores_alone(work):,.0f}/s |"
        )
    lines += [
        "",
        f"Server process: {rss_mb:.0f} MB resident after the runs.",
        "",
        "| compared afterwards | |",
        "| --- | ---: |",
    ]
    lines += [f"| {name} | {value:,} |" for name, value in checks.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "mode", nargs="?", default="run", choices=("run", "serve", "tick", "drive"), help=argparse.SUPPRESS
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="length of a row")
    parser.add_argument("--tasks", type=int, default=100_000, help="open tasks per job at the start")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", type=Path, help="file for the page of figures")
    for name in ("--dsn", "--tokens", "--job"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--bundle", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--floor", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    match arguments.mode:
        case "serve":
            asyncio.run(serve(arguments.dsn, arguments.folder, arguments.port))
        case "tick":
            asyncio.run(tick(arguments.dsn, arguments.folder))
        case "drive":
            drive_and_print(arguments)
        case _:
            conduct(arguments)


if __name__ == "__main__":
    main()
