"""A real site process over a real database, filled through the roles themselves, for tests that a browser drives.

Only what stands before an open job is left out: scans, readers and the money behind them. Cuttings are drawn here, so
that a test knows what each task shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
import psutil
import psycopg
from PIL import Image, ImageDraw, ImageFont

from manyhands.apps.compose import Platform, desk_of, open_platform
from manyhands.apps.desk import INTAKE_QUEUE
from manyhands.apps.desk.work import IntakeWork
from manyhands.apps.folder import DataFolder, Settings
from manyhands.apps.running import Running, run_file
from manyhands.protocol.manifest import PayRule
from manyhands.roles.exchange.testing import OpenJob, put_open_job
from manyhands.roles.launcher import ImportedDocumentRef, ImportedPageRef, LaunchOptions
from manyhands.store.database import rows
from manyhands.store.jobs import JobApp

T = TypeVar("T")
PATIENCE_S = 180
LINES = (
    ("12.50", "amount"), ("TEO HENG STATIONERY", "text"), ("25/12/2018", "date"), ("GST 6% ZRL", "text"),
    ("A-000892145", "code"), ("No 53, Jalan Besar, 45600 Batang Berjuntai, Selangor Darul Ehsan", "text"),
    ("3", "number"),
)  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def drawn(text: str) -> bytes:
    """A cutting that shows the text, as PNG."""
    font = ImageFont.load_default(size=26)
    width_px = int(font.getlength(text)) + 24
    image = Image.new("L", (width_px, 46), 250)
    ImageDraw.Draw(image).text((12, 7), text, fill=35, font=font)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def in_thread(work: Callable[[], Awaitable[T]]) -> T:
    """Runs async work to its end beside the browser's own event loop."""
    outcome: list[Any] = []

    def body() -> None:
        try:
            outcome.append((asyncio.run(_awaited(work)), None))
        except BaseException as problem:  # handed to the test below
            outcome.append((None, problem))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    value, problem = outcome[0]
    if problem is not None:
        raise problem
    return value


async def _awaited(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


@dataclass
class World:
    """One running site. Each test makes its jobs and workers; a file's tests share the server and what everybody sees.

    facts  text of the first chain's facts file; "" = as shipped
    """

    path: Path
    dsn: str
    node_modules: Path
    facts: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder = DataFolder(self.path)
        self.folder.prepare(Settings(web_port=self.port, simulated_crowd=True, private_webhooks=True))
        if self.facts:
            self.folder.chains.mkdir(parents=True, exist_ok=True)
            (self.folder.chains / "local-a.toml").write_text(self.facts, encoding="utf-8")
        self.running = Running(
            dsn=self.dsn,
            rpc_urls={},
            web_port=self.port,
            node_modules=str(self.node_modules),
            supervisor_pid=os.getpid(),
        )
        run_file(self.folder).write_bytes(msgspec.json.encode(self.running))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return (self.path / "logs" / "web.log").read_text(errors="replace")

    def start(self) -> None:
        """Starts the site as the supervisor does and waits until it answers."""
        with (self.path / "logs" / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "manyhands.apps.child", "web", str(self.path)],
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=os.environ | {"MANYHANDS_SUPERVISOR": str(os.getpid())},
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_S
        with httpx.Client(base_url=self.url, timeout=2, trust_env=False, verify=False) as http:
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    raise AssertionError(f"the site ended with {self.process.returncode}:\n{self.log()[-3000:]}")
                with contextlib.suppress(httpx.HTTPError):
                    if http.get("/api/health").status_code == 200:
                        return
                time.sleep(0.05)
        raise AssertionError(f"the site did not answer:\n{self.log()[-3000:]}")

    def stop(self, *, kill: bool = False) -> None:
        if self.process is not None:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None

    def rss_bytes(self) -> int:
        """What the site's process holds in memory."""
        assert self.process is not None
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def asking(self, work: Callable[[Platform], Awaitable[T]]) -> T:
        """What the platform's roles answer, asked from this process."""

        async def body() -> T:
            platform = await open_platform(self.folder, self.running, pool=2, name="test")
            try:
                return await work(platform)
            finally:
                await platform.close()

        return in_thread(body)

    def open_job(self, job: OpenJob, lines: tuple[tuple[str, str], ...] = LINES) -> dict[str, str]:
        """Opens a job whose cuttings show the lines in turn. Returns what each task shows, by task id."""

        async def body(platform: Platform) -> dict[str, str]:
            shown: dict[str, str] = {}
            async with platform.db.transaction() as tx:
                await put_open_job(tx, job)
                for role in ("launcher", "recording", "reputation", "jury"):
                    await tx.execute(
                        f"update exchange.jobs set {role} = %s where job_id = %s",
                        (platform.keys[role].address, job.job_id),
                    )
                tasks = await rows(
                    tx, "select task_id from exchange.tasks where job_id = %s order by rank", (job.job_id,)
                )
                for place, (task_id,) in enumerate(tasks):
                    text, question = lines[place % len(lines)]
                    blob = await platform.blobs.put(drawn(text), media_type="image/png", namespace=job.job_id)
                    await tx.execute(
                        "update exchange.tasks set picture = %s, question = %s where job_id = %s and task_id = %s",
                        (blob, question, job.job_id, task_id),
                    )
                    shown[task_id] = text
            await platform.exchange.refresh_offers(older_than_ms=0)
            return shown

        return self.asking(body)

    def open_questions(self, job: OpenJob, asked: Sequence[tuple[bytes, str]]) -> list[str]:
        """Opens a job whose tasks are these pictures with these questions, in this order. Returns their ids."""

        async def body(platform: Platform) -> list[str]:
            async with platform.db.transaction() as tx:
                tasks = await rows(
                    tx, "select task_id from exchange.tasks where job_id = %s order by rank", (job.job_id,)
                )
                for (task_id,), (png, question) in zip(tasks, asked, strict=True):
                    blob = await platform.blobs.put(png, media_type="image/png", namespace=job.job_id)
                    await tx.execute(
                        "update exchange.tasks set picture = %s, question = %s where job_id = %s and task_id = %s",
                        (blob, question, job.job_id, task_id),
                    )
                # the first task is the first that is shown
                await tx.execute("update exchange.jobs set tasks_total = 0 where job_id = %s", (job.job_id,))
            return [task_id for (task_id,) in tasks]

        self.open_job(job)
        return self.asking(body)

    def read_in(self) -> None:
        """Does what a reading process does with the files of drafts."""

        async def body(platform: Platform) -> None:
            jobs = JobApp(platform.db)
            IntakeWork(desk_of(platform).drafts, jobs)
            await jobs.run_until_idle([INTAKE_QUEUE])

        self.asking(body)

    def answers(self, job_id: str) -> dict[str, list[str | None]]:
        """Answers stored, by task id."""
        query = "select task_id, answer_text from exchange.assignments where job_id = %s and state = 'answered'"
        with psycopg.connect(self.dsn) as connection:
            found = connection.execute(query, (job_id,)).fetchall()
        stored: dict[str, list[str | None]] = {}
        for task_id, text in found:
            stored.setdefault(task_id, []).append(text)
        return stored

    def active_ms(self, job_id: str) -> list[int]:
        with psycopg.connect(self.dsn) as connection:
            query = "select active_ms from exchange.assignments where job_id = %s and state = 'answered'"
            return [row[0] for row in connection.execute(query, (job_id,)).fetchall()]

    def quoted_job(self, *, title: str, simulated: bool) -> str:
        """A job that the launcher has quoted, as anyone may look at it. Returns its id."""

        async def body(platform: Platform) -> str:
            blob = await platform.blobs.put(drawn("page"), media_type="image/png")
            page = ImportedPageRef(
                page_no=1, blob=blob, width=600, height=900, pieces=40, pieces_max=60, chars_per_piece=11
            )
            document = ImportedDocumentRef(doc_id="doc-1", kind="receipt", content_hash="c" * 64, pages=(page,))
            view = await platform.launcher.draft(
                [document],
                LaunchOptions(
                    requester="requester:one",
                    title=title,
                    task_type="transcription",
                    crowd="simulated" if simulated else "people",
                    pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=10_000_000),
                    request_key=title,
                ),
            )
            return view.job_id

        return self.asking(body)
