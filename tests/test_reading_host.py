"""Another host reads the pages: its own process, rights to a few rows, and the platform's pages for reading."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from manyhands.apps.folder import DataFolder
from manyhands.apps.running import running
from manyhands.documents.samples import write_samples
from platform_under_test import PlatformUnderTest, manyhands, platform_up

PATIENCE_S = 120
HOWTO = Path(__file__).parent.parent / "docs" / "howto" / "more-reading-hosts.md"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    with platform_up(tmp_path_factory.mktemp("reading") / "data") as under_test:
        yield under_test


@pytest.fixture(scope="module")
def readers_dsn(platform: PlatformUnderTest) -> str:
    """The database as a host of few rights reaches it: the rights are those that the page for operators grants."""
    found = running(DataFolder(platform.data))
    assert found is not None
    rights = re.search(r"```sql\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)
    assert rights is not None
    with psycopg.connect(found.dsn, autocommit=True) as connection:
        connection.execute(rights[1].encode())
    return re.sub(r"//[^@]*@", "//manyhands_reader@", found.dsn)


def reader(dsn: str, blobs: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from manyhands.apps.cli import main; main()",
            "reader",
            "--blobs",
            str(blobs),
            "--json",
        ],
        env=os.environ | {"MANYHANDS_DATABASE": dsn},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_host_without_keys_reads_a_jobs_pages_and_the_job_opens(
    platform: PlatformUnderTest, readers_dsn: str, tmp_path: Path
) -> None:
    own = [one for one in platform.processes() if "manyhands.apps.child" in one.cmdline() and "ocr" in one.cmdline()]
    assert own
    for process in own:  # the platform's own reading stands still, so that what is read was read elsewhere
        process.send_signal(signal.SIGSTOP)
    scans, _ = write_samples(tmp_path / "samples", seed=11, receipts=1)
    host = reader(readers_dsn, platform.data / "blobs")
    try:
        assert host.stdout is not None
        assert json.loads(host.stdout.readline()) == {"reading": True, "blobs": str(platform.data / "blobs")}
        launched = manyhands("launch", scans, "--data", platform.data, "--crowd", "simulated", "--json")
        assert launched.returncode == 0, launched.stderr[-2000:]
        job_id = json.loads(launched.stdout)["job"]["job_id"]
        with psycopg.connect(readers_dsn, autocommit=True) as connection:
            deadline = time.monotonic() + PATIENCE_S
            states: list[str] = []
            while not states or set(states) != {"read"}:
                assert time.monotonic() < deadline, (states, host.poll())
                time.sleep(0.2)
                query = "select state from exchange.pages where job_id = %s"
                states = [state for (state,) in connection.execute(query, (job_id,))]
            query = "select min(length(readings)) from exchange.pages where job_id = %s and failed is null"
            shortest = connection.execute(query, (job_id,)).fetchone()
            assert shortest is not None
            assert shortest[0] > 1_000, "it was read, not passed over"
            for forbidden in (
                "select * from exchange.assignments",
                "select * from exchange.wallets",
                "select * from ledger.entries",
                "update exchange.pages set pieces = ''",
                "update exchange.jobs set funded_minor = 0",
            ):
                with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)) as refused:
                    connection.execute(forbidden.encode())
                assert isinstance(refused.value, psycopg.errors.InsufficientPrivilege), f"{forbidden}: {refused.value}"
        for process in own:
            process.send_signal(signal.SIGCONT)
        while json.loads(manyhands("status", job_id, "--data", platform.data, "--json").stdout)["state"] == "reading":
            assert time.monotonic() < deadline
            time.sleep(0.5)
        host.send_signal(signal.SIGTERM)
        assert host.wait(30) == 0, host.stderr
    finally:
        for process in own:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)
        host.kill()
        host.communicate()


def test_a_host_that_does_not_see_the_pages_or_the_database_takes_no_work(
    platform: PlatformUnderTest, readers_dsn: str, tmp_path: Path
) -> None:
    for blobs, dsn, code, name, told in (
        (tmp_path / "nowhere", readers_dsn, 3, "NotItsBlobs", "no such folder"),
        (tmp_path, readers_dsn, 3, "NotItsBlobs", "the newest page is not there"),
        (platform.data / "blobs", "postgresql://nobody@127.0.0.1:1/nothing", 8, "NoDatabase", "nobody@127.0.0.1:1"),
    ):
        host = reader(dsn, blobs)
        out, _ = host.communicate(timeout=90)
        assert host.returncode == code, out
        problem = json.loads(out)["error"]
        assert (problem["code"], bool(problem["cure"])) == (name, True)
        assert told in problem["message"]
