"""A chain that is down is left out by the router, with its reason, and the job runs on the other one."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from manyhands.documents.samples import write_samples
from platform_under_test import PlatformUnderTest, manyhands, platform_up

PATIENCE_S = 120


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[PlatformUnderTest]:
    with platform_up(tmp_path / "data") as under_test:
        yield under_test


def node_of(platform: PlatformUnderTest, chain_id: int) -> psutil.Process:
    """The process of one local chain's node."""
    for process in platform.processes():
        with contextlib.suppress(psutil.Error):
            if "anvil" in process.name() and str(chain_id) in process.cmdline():
                return process
    raise AssertionError(f"no node of chain {chain_id} among {platform.processes()}")


def test_a_job_goes_to_the_other_chain_when_one_is_down(platform: PlatformUnderTest, tmp_path: Path) -> None:
    scans, _ = write_samples(tmp_path / "samples", seed=5, receipts=1)
    # the quicker chain would be chosen; a node that does not answer any more is as good as gone
    node_of(platform, 1338).send_signal(signal.SIGSTOP)
    launched = manyhands("launch", scans, "--data", platform.data, "--crowd", "simulated", "--json")
    assert launched.returncode == 0, launched.stderr[-2000:]
    job_id = json.loads(launched.stdout)["job"]["job_id"]
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job = json.loads(manyhands("status", job_id, "--data", platform.data, "--json").stdout)
        if job["state"] not in ("quoted", "routed", "funding"):
            break
        assert time.monotonic() < deadline, job["happened"]
        time.sleep(1)
    assert job["state"] == "open", job["happened"]
    assert job["routing"]["chain_id"] == 31338
    assert "31338" in job["routing"]["reason"] or "local-b" in job["routing"]["reason"]
    out = [one for one in job["routing"]["considered"] if one["chain_id"] == 1338]
    assert out and not out[0]["healthy"] and out[0]["because"]
