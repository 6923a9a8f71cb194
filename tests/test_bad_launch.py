"""Wrong requests and a full disk on a running platform: told with a cure, no money moved, and the rest goes on."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manyhands.apps.cli.show import Exit
from manyhands.documents.samples import write_samples
from platform_under_test import PlatformUnderTest, manyhands, platform_up

DISK_BYTES = 400_000_000
SPARE_BYTES = 1 << 16
REFUSAL_PATIENCE_S = 180
PATIENCE_S = 240


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, bool]]:
    """Where the platform keeps everything, and whether it is a small file system of its own that can be filled up."""
    place = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "tmpfs", str(place)]
    own = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield place, own
    if own:
        subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.fixture(scope="module")
def platform(disk: tuple[Path, bool]) -> Iterator[PlatformUnderTest]:
    with platform_up(disk[0] / "data") as under_test:
        yield under_test


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_samples(tmp_path_factory.mktemp("samples"), seed=5, receipts=1)[0]


def launched(platform: PlatformUnderTest, *arguments: str | Path, exit_code: Exit = Exit.OK) -> dict[str, Any]:
    done = manyhands(
        "launch", *arguments, "--data", platform.data, "--crowd", "simulated", "--json", timeout_s=REFUSAL_PATIENCE_S
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def jobs(platform: PlatformUnderTest) -> list[dict[str, Any]]:
    done = manyhands("status", "--data", platform.data, "--json")
    assert done.returncode == Exit.OK, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (("--task-type", "nonsense"), "known: "),
        (("--chain", "99"), "known: 1338, 31338"),
        (("--budget", "0.01USD"), "the budget is 0.01 USD"),
    ],
)
def test_a_wrong_wish_is_named_and_moves_no_money(
    platform: PlatformUnderTest, scans: Path, wrong: tuple[str, ...], named: str
) -> None:
    error = launched(platform, scans, *wrong, exit_code=Exit.REFUSED)["error"]
    assert named in error["message"]
    assert error["cure"]
    assert all(job["funded_minor"] == 0 for job in jobs(platform))


def test_a_kind_with_a_wrong_field_is_named_with_file_and_place(
    platform: PlatformUnderTest, scans: Path, tmp_path: Path
) -> None:
    kind = tmp_path / "mine.yaml"
    kind.write_text("kind: mine\nfields:\n  - name: x\n    typo: text\n")
    error = launched(platform, scans, "--kind-file", kind, exit_code=Exit.BAD_INPUT)["error"]
    assert str(kind) in error["message"]
    assert "typo" in error["message"]


@pytest.mark.parametrize(
    ("wishes", "named"),
    [
        (("--fields", "all", "--means", "company"), "names no field and what counts as it"),
        (("--fields", "all", "--means", "colour=The brand."), "no kind of document has a field 'colour'"),
        (("--means", "company=The brand."), "for jobs that look for fields"),
        (("--fields", "all", "--means", f"company={'a' * 241}"), "240 characters at most"),
    ],
)
def test_words_for_what_counts_that_cannot_be_used_are_named(
    platform: PlatformUnderTest, scans: Path, wishes: tuple[str, ...], named: str
) -> None:
    error = launched(platform, scans, *wishes, exit_code=Exit.BAD_INPUT)["error"]
    assert named in error["message"] and error["cure"]


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ("document,page,claim\nnowhere,1,The total is 12.50\n", "column document: no document is called 'nowhere'"),
        ("document,page,claim\nSCAN,9,The total is 12.50\n", "row 2, column page: there is no page 9 of 'SCAN'"),
        ("document,page\nSCAN,1\n", "row 1, column claim"),
    ],
)
def test_claims_that_fit_no_page_are_named(
    platform: PlatformUnderTest, scans: Path, tmp_path: Path, rows: str, named: str
) -> None:
    claims = tmp_path / "claims.csv"
    scan = next(path.stem.removesuffix("-p1") for path in sorted(scans.iterdir()) if path.suffix == ".png")
    claims.write_text(rows.replace("SCAN", scan))
    error = launched(platform, scans, "--claims", claims, "--privacy", "off", exit_code=Exit.BAD_INPUT)["error"]
    assert named.replace("SCAN", scan) in error["message"]
    assert error["cure"]


def test_a_full_disk_is_said_at_once_and_work_goes_on_when_there_is_room(
    platform: PlatformUnderTest, scans: Path, disk: tuple[Path, bool]
) -> None:
    place, own = disk
    if not own:
        pytest.skip("this machine lets nobody mount a small file system; store/test_disk_full.py limits files instead")
    filler = place / "filler"
    handle = os.open(filler, os.O_CREAT | os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left"):
            while True:
                os.write(handle, bytes(SPARE_BYTES))
    finally:
        os.close(handle)
    error = launched(platform, scans, exit_code=Exit.NO_ROOM)["error"]
    assert "full" in error["message"]
    assert "space" in error["cure"]
    filler.unlink()
    deadline = time.monotonic() + PATIENCE_S
    while True:  # the server may still be recovering from the minute without room
        done = manyhands("launch", scans, "--data", platform.data, "--crowd", "simulated", "--json")
        if done.returncode == Exit.OK:
            break
        assert time.monotonic() < deadline, done.stdout + done.stderr
        time.sleep(1)
    job_id = json.loads(done.stdout)["job"]["job_id"]
    while next(job for job in jobs(platform) if job["job_id"] == job_id)["state"] != "open":
        assert time.monotonic() < deadline, jobs(platform)
        time.sleep(1)
