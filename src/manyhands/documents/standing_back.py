"""Lets a child process stand back behind whoever waits for an answer, and sees that it gets on all the same.

Rules kept here
- A child that stands back has only the turns that nobody else wants (SCHED_IDLE): who claims a task while a stranger's
  file is unpacked does not wait for it.
- On a machine that never rests it would get none. One that had less than a tenth of a core for two seconds is ended
  and begun anew with everybody's turns, and so are the next twenty: at most two seconds are lost by it, once in twenty.
- Where the system knows no such class, nobody stands back.

Source: sched(7). A process cannot leave SCHED_IDLE without a right that services do not have, hence the new beginning.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import psutil  # type: ignore[import-untyped]  # the package carries no types

Got = TypeVar("Got")

LOOK_EVERY_S = 2.0
SHARE_LEAST = 0.1
"""Of one core, in the time between two looks."""
CHILDREN_WITH_TURNS = 20


def stand_back(pid: int) -> None:
    """Gives a process of ours only the turns that nobody else wants. Nothing where the system has no such class."""
    if hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):  # it ended already
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


class Watch:
    """Looks after one child until `end`: kills it after `wall_s`, and earlier when it has no turns.

    starving  whether having no turns is a reason
    starved   whether it was killed because it hardly got a turn
    """

    def __init__(
        self, child: subprocess.Popen[bytes], *, wall_s: float, starving: bool, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        self.starved = False
        self._child, self._ends, self._starving = child, time.monotonic() + wall_s, starving
        self._look_every_s = look_every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"watch of {child.pid}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Looks no more. Call it before the child's exit status is taken: a pid may then be somebody else's."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        used_s = 0.0
        while not self._over.wait(max(0.0, min(self._look_every_s, self._ends - time.monotonic()))):
            if time.monotonic() >= self._ends:
                self._child.kill()
                return
            if not self._starving:
                continue
            before_s, used_s = used_s, _cpu_s(self._child.pid, used_s)
            if used_s - before_s < SHARE_LEAST * self._look_every_s and self._child.poll() is None:
                self.starved = True
                self._child.kill()
                return


class StandingBack(Generic[Got]):
    """Who stands back, and for how long nobody does after one had no turn."""

    def __init__(self) -> None:
        self._with_turns_left = 0

    def tried(self, run: Callable[[bool], Got | None]) -> Got:
        """What `run(standing back?)` gives. It gives None when it stood back and had no turn: it is then run again."""
        if self._with_turns_left <= 0:
            got = run(True)
            if got is not None:
                return got
            self._with_turns_left = CHILDREN_WITH_TURNS
        self._with_turns_left -= 1
        got = run(False)
        assert got is not None, "only a child that stands back is without a turn"
        return got


def _cpu_s(pid: int, known_s: float) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return known_s
    return float(times.user + times.system)
