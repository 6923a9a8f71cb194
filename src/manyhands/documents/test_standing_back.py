"""A child stands back behind whoever waits for an answer, and is not left to starve."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from . import importing
from .importing import ImportedDocument, import_file
from .standing_back import CHILDREN_WITH_TURNS, StandingBack, Watch, stand_back

pytestmark = pytest.mark.skipif(
    not hasattr(os, "SCHED_IDLE"), reason="this system has no class for whoever stands back"
)

SPIN = "import time\nprint(1, flush=True)\nwhile True: pass"
SLEEP = "import time\nprint(1, flush=True)\ntime.sleep(60)"


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    Image.new("L", (400, 300), 255).save(path)
    return path


def begun(program: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


@pytest.fixture
def spinning() -> Iterator[subprocess.Popen[bytes]]:
    yield from begun(SPIN)


@pytest.fixture
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    yield from begun(SLEEP)


def test_a_child_that_stands_back_has_the_turns_that_nobody_else_wants(spinning: subprocess.Popen[bytes]) -> None:
    stand_back(spinning.pid)
    assert os.sched_getscheduler(spinning.pid) == os.SCHED_IDLE
    assert os.sched_getscheduler(0) != os.SCHED_IDLE


def test_a_child_that_ended_already_is_nobody_s_concern() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
        stand_back(child.pid)


def test_a_child_without_turns_is_ended_and_called_starved(sleeping: subprocess.Popen[bytes]) -> None:
    watch = Watch(sleeping, wall_s=60, starving=True, look_every_s=0.3)
    assert sleeping.wait(timeout=30) == -9
    watch.end()
    assert watch.starved


def test_a_child_that_has_everybody_s_turns_may_rest(sleeping: subprocess.Popen[bytes]) -> None:
    watch = Watch(sleeping, wall_s=60, starving=False, look_every_s=0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        sleeping.wait(timeout=0.5)
    watch.end()
    assert not watch.starved


def test_a_child_that_waits_for_ever_is_ended_without_being_called_starved(sleeping: subprocess.Popen[bytes]) -> None:
    watch = Watch(sleeping, wall_s=0.2, starving=True, look_every_s=5)
    assert sleeping.wait(timeout=30) == -9
    watch.end()
    assert not watch.starved


def test_a_watch_that_ended_does_nothing_any_more(spinning: subprocess.Popen[bytes]) -> None:
    Watch(spinning, wall_s=0.2, starving=True).end()
    time.sleep(0.4)
    assert spinning.poll() is None


def test_after_one_that_had_no_turn_the_next_twenty_have_everybody_s() -> None:
    asked: list[bool] = []

    def run(back: bool) -> str | None:
        asked.append(back)
        return None if back and len(asked) == 1 else "pages"

    those = StandingBack[str]()
    assert [those.tried(run) for _ in range(CHILDREN_WITH_TURNS + 1)] == ["pages"] * (CHILDREN_WITH_TURNS + 1)
    assert asked == [True, *[False] * CHILDREN_WITH_TURNS, True]


def test_a_file_is_unpacked_by_a_child_that_stands_back(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def noted(pid: int) -> None:
        stand_back(pid)
        seen.append(os.sched_getscheduler(pid))

    monkeypatch.setattr(importing, "_STANDING_BACK", StandingBack())
    monkeypatch.setattr(importing, "stand_back", noted)
    assert isinstance(import_file(scan), ImportedDocument)
    assert seen[:1] == [os.SCHED_IDLE]


def test_a_file_whose_child_had_no_turn_is_taken_all_the_same(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    those = StandingBack()
    monkeypatch.setattr(importing, "_STANDING_BACK", those)
    monkeypatch.setattr(importing, "stand_back", lambda pid: os.kill(pid, 19))  # SIGSTOP: not a single turn
    for _ in range(2):
        started = time.monotonic()
        got = import_file(scan)
        assert isinstance(got, ImportedDocument) and [(page.width, page.height) for page in got.pages] == [(400, 300)]
    assert time.monotonic() - started < importing._WALL_SECONDS_SLACK  # nobody waited for a child's time to run out
    assert those._with_turns_left == CHILDREN_WITH_TURNS - 2
