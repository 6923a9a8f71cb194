"""A platform started as people start it, which a test may kill whole at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil

from manyhands.apps.folder import DataFolder, Settings
from manyhands.documents.samples import write_samples

START_PATIENCE_S = 300
THREE_TOKENS = (
    files("manyhands.chain.facts").joinpath("local-a.toml").read_text(encoding="utf-8")
    + """
[[tokens]]
symbol = "DAIT"
decimals = 18
spoken = "USD"
floor_per_hour_minor = 8_000_000

[[tokens]]
symbol = "YENT"
decimals = 0
spoken = "JPY"
floor_per_hour_minor = 1_200
"""
)
"""A facts file: the local chain's own token of 6 decimals, and two more."""


class OneReceipt(NamedTuple):
    """A rendered receipt in a folder of its own, its total and another amount that it does not say."""

    folder: Path
    document: str
    total: str
    other: str


def one_receipt(folder: Path) -> OneReceipt:
    scans, truths = write_samples(folder / "samples", seed=5, receipts=1)
    scan = next(one for one in sorted(scans.iterdir()) if "receipt" in one.name)
    only = folder / "scans"
    only.mkdir()
    (only / scan.name).write_bytes(scan.read_bytes())
    document = scan.stem.removesuffix("-p1")
    total = json.loads((truths / f"{document}.json").read_text(encoding="utf-8"))["fields"]["total"]
    return OneReceipt(only, document, total, re.sub(r"^\d", lambda digit: str((int(digit[0]) + 3) % 9 + 1), total))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def manyhands(*arguments: str | Path, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    """Runs the command as a person would."""
    return subprocess.run(
        [sys.executable, "-c", "from manyhands.apps.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


class PlatformUnderTest:
    """`manyhands up` on a data folder; kill() ends every process of it with SIGKILL."""

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port = data, port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = (self.data.parent / "up.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from manyhands.apps.cli import main; main()", "up", "--data", str(self.data),
             "--port", str(self.port), "--ocr-processes", "1"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_PATIENCE_S
        # One client for all tries, without the certificates of the world: reading them each time costs more than a try.
        with httpx.Client(base_url=self.url, timeout=2, trust_env=False, verify=False) as http:
            while time.monotonic() < deadline:
                assert self.process is not None
                if self.process.poll() is not None:
                    raise AssertionError(f"`manyhands up` ended with {self.process.returncode}:\n{self.log()[-3000:]}")
                with contextlib.suppress(httpx.HTTPError):
                    if http.get("/api/health").status_code == 200:
                        return
                time.sleep(0.1)
        raise AssertionError(f"`manyhands up` did not get ready:\n{self.log()[-3000:]}")

    def log(self) -> str:
        return (self.data.parent / "up.log").read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """The supervisor, its children, and what runs on the data folder under another parent."""
        found: dict[int, psutil.Process] = {}
        if self.process is not None:
            with contextlib.suppress(psutil.Error):
                top = psutil.Process(self.process.pid)
                found |= {one.pid: one for one in [top, *top.children(recursive=True)]}
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.data) in " ".join(one.cmdline()) and one.pid != os.getpid():
                    found |= {each.pid: each for each in [one, *one.children(recursive=True)]}
        found.pop(os.getpid(), None)
        return list(found.values())

    def kill(self) -> None:
        """kill -9 of everything, database server and chains included."""
        for one in self.processes():
            with contextlib.suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(timeout=30)
        self.process = None

    def stop(self) -> None:
        """Ctrl-C, as a person does it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=90)
            self.process = None


@contextlib.contextmanager
def platform_up(
    data: Path, *, facts: Mapping[str, str] | None = None, settings: Settings | None = None
) -> Iterator[PlatformUnderTest]:
    """A platform on a new data folder that simulated people may work on, up as long as the block runs.

    facts  name -> text of the folder's own facts files
    """
    folder = DataFolder(data)
    folder.prepare(settings or Settings(simulated_crowd=True))
    for name, text in (facts or {}).items():
        folder.chains.mkdir(parents=True, exist_ok=True)
        (folder.chains / name).write_text(text, encoding="utf-8")
    platform = PlatformUnderTest(data, free_port())
    platform.start()
    try:
        platform.wait_until_up()
        yield platform
    finally:
        platform.kill()
