#!/usr/bin/env python3
"""Measures what people at work notice while strangers' files are taken in: nothing, receipts, or bombs without end.

Rules kept here
- The server, tables, ticks and clients are those of throughput.py. Clients are paced, eight of them with a tenth of a
  second of rest after each answer: a service that is driven flat out has no share of the machine left to lose.
- By turns in every round, in an order drawn anew: nobody hands in files; one importer takes honest scans one after the
  other; one importer takes bombs one after the other; both once more with children that do not stand back
  (documents/standing_back.py), so that it is seen what that does. One importer, as a platform has.
- One turn more is the machine's own floor: beside the workers a loop that counts, and stands back. What it does to the
  workers is done by a second core that is not idle, not by any file.
- Only the ratio within a round is told: seconds of a busy machine do not travel.
- What each bomb costs is measured apart, in CPU seconds and MiB of its child, by the kernel.

usage: benchmarks/bombs.py [--seconds 12] [--rounds 6] [--write docs/benchmarks/bombs.md]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from throughput import CLIENTS, Client, Seen, free_port, percentile, prepare, wait_for

from manyhands.documents import importing
from manyhands.documents.conftest_material import BOMBS
from manyhands.documents.importing import ImportedDocument, import_file
from manyhands.documents.samples import write_samples
from manyhands.documents.standing_back import stand_back
from manyhands.store.postgres import LocalPostgres

REST_S = 0.1
NOTHING = "nothing"
NEIGHBOURS = {
    NOTHING: (),
    "nothing, a loop counts": ("count",),
    "receipts": ("intake", "receipts"),
    "bombs": ("intake", "bombs"),
    "receipts, not standing back": ("intake_ordinary", "receipts"),
    "bombs, not standing back": ("intake_ordinary", "bombs"),
}
"""What is at work beside the workers, as words of this file's command: the mode, and the folder that is taken in."""


async def drive(port: int, tokens: list[str], seconds: float) -> Seen:
    """Eight paced workers who claim one task, answer it and rest."""
    seen = Seen()
    clients = [Client(port, token) for token in tokens]
    await asyncio.gather(*(client.open() for client in clients))
    ends = time.perf_counter() + seconds
    wish = json.dumps({"count": 1}).encode()

    async def work(client: Client) -> None:
        while (at := time.perf_counter()) < ends:
            (lent,) = (await client.post("/api/jobs/bundle-1/claim", wish))["assignments"]
            seen.claim_ms.append((time.perf_counter() - at) * 1_000)
            given = [{"assignment_id": lent["assignment_id"], "text": "12.50", "active_ms": 4_000}]
            at = time.perf_counter()
            told = await client.post("/api/jobs/bundle-1/answers", msgspec.json.encode({"answers": given}))
            seen.answers_ms.append((time.perf_counter() - at) * 1_000)
            if [one["outcome"] for one in told["outcomes"]] != ["stored"]:
                raise RuntimeError(f"an answer was not stored: {told}")
            await asyncio.sleep(REST_S)

    await asyncio.gather(*(work(client) for client in clients))
    return seen


def take_in_without_end(folder: Path, *, ordinary: bool) -> None:
    """Takes the folder's files one after the other, as the platform's intake does, and says of each that it is done."""
    if ordinary:
        importing.stand_back = lambda pid: None  # type: ignore[attr-defined]  # imported there, used here
    while True:
        for path in sorted(folder.iterdir()):
            taken = isinstance(import_file(path), ImportedDocument)
            print("taken" if taken else "refused", flush=True)


def costs(bombs: Path) -> list[tuple[str, int, str, float, int]]:
    """(name, bytes, outcome, CPU seconds, MiB) of every bomb, each in a process of its own."""
    rows = []
    for path in sorted(bombs.iterdir()):
        told = subprocess.run([sys.executable, __file__, "one", str(path)], capture_output=True, check=True)
        code, cpu_s, rss_mib = json.loads(told.stdout)
        rows.append((path.name, path.stat().st_size, code, cpu_s, rss_mib))
    return rows


def count_without_end() -> NoReturn:
    """Uses whatever turns nobody else wants, and no memory."""
    stand_back(os.getpid())
    print("begun", flush=True)
    while True:
        pass


def one(path: Path) -> None:
    got = import_file(path)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = getattr(got, "code", "contained")
    print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024]))


def conduct(arguments: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory(prefix="manyhands-bombs-") as name:
        folder = Path(name)
        bombs = folder / "bombs"
        bombs.mkdir()
        for file_name, made in BOMBS.items():
            (bombs / file_name).write_bytes(made())
        receipts, _ = write_samples(folder, seed=1, receipts=10)
        receipts.rename(folder / "receipts")
        each = costs(bombs)
        database = LocalPostgres(folder / "postgres")
        dsn = database.start()
        server = ticks = None
        runs: defaultdict[str, list[tuple[Seen, int]]] = defaultdict(list)
        try:
            tokens = asyncio.run(prepare(dsn, folder, 20_000))
            port = free_port()
            here = Path(__file__).with_name("throughput.py")
            server, ticks = (
                subprocess.Popen([sys.executable, here, mode, "--dsn", dsn, "--folder", name, *more])
                for mode, more in (("serve", ["--port", str(port)]), ("tick", []))
            )
            wait_for(port, server)
            asyncio.run(drive(port, tokens, 2))  # warm
            for round_no in range(arguments.rounds):
                for handed_in in random.Random(round_no).sample(list(NEIGHBOURS), len(NEIGHBOURS)):
                    seen, files = beside(NEIGHBOURS[handed_in], folder, port, tokens, arguments.seconds)
                    runs[handed_in].append((seen, files))
                    p95 = percentile(seen.claim_ms, 95)
                    print(f"round {round_no + 1}, {handed_in}: claim p95 {p95:.1f} ms, {files} files", file=sys.stderr)
        finally:
            for process in (server, ticks):
                if process is not None:
                    process.terminate()
                    process.wait(timeout=30)
            database.stop()
    return report(runs, each, arguments)


def beside(neighbour: tuple[str, ...], folder: Path, port: int, tokens: list[str], seconds: float) -> tuple[Seen, int]:
    """The workers' times beside a neighbour, and how many files it took or refused."""
    if not neighbour:
        return asyncio.run(drive(port, tokens, seconds)), 0
    mode, *names = neighbour
    command = [sys.executable, __file__, mode, *(str(folder / name) for name in names)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        seen = asyncio.run(drive(port, tokens, seconds))
    finally:
        process.terminate()
    return seen, len(process.communicate()[0].splitlines())


def report(runs: dict[str, list[tuple[Seen, int]]], each: list[Any], arguments: argparse.Namespace) -> str:
    """The figures as a page."""
    lines = [
        "# Bombs while people work",
        "",
        f"`uv run python benchmarks/bombs.py --seconds {arguments.seconds:g} --rounds {arguments.rounds}`, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the end. "
        f"{CLIENTS} workers claim a task, answer it and rest {REST_S} s, over HTTP with the product's own server, "
        "tables and durable commits; beside them one importer takes file after file. By turns in every round; "
        "ratios are medians of the rounds, each to the turn of the same round in which nothing was handed in.",
        "",
        "| handed in | files a second | claims | claim p50 / p95 ms | answer p50 / p95 ms | claim p95, ratio | "
        "answer p95, ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    quiet = runs[NOTHING]
    for handed_in in NEIGHBOURS:
        own = runs[handed_in]
        claims = [ms for seen, _ in own for ms in seen.claim_ms]
        answers = [ms for seen, _ in own for ms in seen.answers_ms]
        ratios = [
            statistics.median(
                percentile(getattr(seen, what), 95) / percentile(getattr(before, what), 95)
                for (seen, _), (before, _) in zip(own, quiet, strict=True)
            )
            for what in ("claim_ms", "answers_ms")
        ]
        files = sum(count for _, count in own) / (arguments.seconds * len(own))
        lines.append(
            f"| {handed_in} | {files:.1f} | {len(claims):,} | "
            f"{percentile(claims, 50):.1f} / {percentile(claims, 95):.1f} | "
            f"{percentile(answers, 50):.1f} / {percentile(answers, 95):.1f} | {ratios[0]:.2f} | {ratios[1]:.2f} |"
        )
    lines += [
        "",
        "## What each bomb costs",
        "",
        "| file | bytes | outcome | CPU s | MiB |",
        "| --- | ---: | --- | ---: | ---: |",
    ]
    lines += [f"| {name} | {size:,} | {code} | {cpu_s:.2f} | {rss} |" for name, size, code, cpu_s, rss in each]
    return "\n".join([*lines, ""])


def main() -> int:
    if sys.argv[1:2] in (["intake"], ["intake_ordinary"]):
        take_in_without_end(Path(sys.argv[2]), ordinary=sys.argv[1] == "intake_ordinary")
        return 0
    if sys.argv[1:2] == ["count"]:
        count_without_end()
    if sys.argv[1:2] == ["one"]:
        one(Path(sys.argv[2]))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    text = conduct(arguments)
    print(text)
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
