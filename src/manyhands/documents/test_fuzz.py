"""Damaged files by the thousand: each is taken or refused by name, none hangs, none escapes.

Replay a failure with the two numbers it names: ``just fuzz-replay SEED STEP``.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from manyhands.documents.conftest_fuzz import Told, damaged_file, warm_process
from manyhands.documents.importing import REASONS, ImportedDocument, import_file

SECONDS = int(os.environ.get("MANYHANDS_FUZZ_SECONDS", "300"))
SEED = int(os.environ.get("MANYHANDS_FUZZ_SEED", "0")) or time.time_ns() % 1_000_000_000
REPLAY = os.environ.get("MANYHANDS_FUZZ_REPLAY", "")
MOST_CPU_S, MOST_MIB = 2.0, 256
"""What a bomb may cost (T18), and no damaged file may cost more."""


def tried(warm: Callable[[int, int], Told], seed: int, step: int) -> Told:
    """What became of one damaged file; fails with its recipe."""
    told, file = warm(seed, step), damaged_file(seed, step)
    recipe = f"just fuzz-replay {seed} {step}  ({file.form}, {len(file.data)} bytes)"
    assert told.code == "taken" or told.code in REASONS, f"{told.code}: {recipe}"
    assert told.code != "crashed", f"{told.detail}: {recipe}"
    assert told.cpu_s <= MOST_CPU_S, f"{told.cpu_s:.2f} s CPU: {recipe}"
    assert told.rss_mib <= MOST_MIB, f"{told.rss_mib} MiB: {recipe}"
    return told


@pytest.fixture(scope="module")
def warm() -> Iterator[Callable[[int, int], Told]]:
    with warm_process() as process:
        yield process


def test_a_damaged_file_is_the_same_again_and_not_like_its_neighbour() -> None:
    assert damaged_file(3, 5) == damaged_file(3, 5)
    assert len({damaged_file(3, step).data for step in range(50)}) > 45


def test_a_hundred_damaged_files_are_taken_or_refused_by_name(warm: Callable[[int, int], Told]) -> None:
    codes = {tried(warm, 1, step).code for step in range(100)}
    assert {"taken", "damaged_image", "damaged_pdf"} <= codes


def test_a_forked_child_says_what_the_importer_says(tmp_path: Path, warm: Callable[[int, int], Told]) -> None:
    for step in range(12):
        file = damaged_file(2, step)
        path = tmp_path / file.name
        path.write_bytes(file.data)
        alone = import_file(path)
        assert warm(2, step).code == ("taken" if isinstance(alone, ImportedDocument) else alone.code), step


@pytest.mark.nightly
@pytest.mark.skipif(bool(REPLAY), reason="one recipe is replayed")
def test_damaged_files_are_taken_or_refused_by_name(warm: Callable[[int, int], Told]) -> None:
    began, step = time.monotonic(), 0
    codes: Counter[str] = Counter()
    dearest = largest = (0.0, 0)
    print(f"seed {SEED}")
    while time.monotonic() - began < SECONDS:
        code, _, cpu_s, rss_mib = tried(warm, SEED, step)
        codes[code] += 1
        dearest, largest = max(dearest, (cpu_s, step)), max(largest, (float(rss_mib), step))
        step += 1
    print(f"{step} files in {time.monotonic() - began:.0f} s: {dict(codes.most_common())}")
    print(f"dearest {dearest[0]:.2f} s CPU (step {dearest[1]}), largest {largest[0]:.0f} MiB (step {largest[1]})")
    assert step > SECONDS


@pytest.mark.nightly
@pytest.mark.skipif(not REPLAY, reason="asks for a recipe: just fuzz-replay SEED STEP")
def test_one_recipe_is_replayed(tmp_path: Path, warm: Callable[[int, int], Told]) -> None:
    seed, step = (int(number) for number in REPLAY.split())
    file = damaged_file(seed, step)
    path = tmp_path / file.name
    path.write_bytes(file.data)
    print(f"{path} ({file.form}, {len(file.data)} bytes)")
    print(tried(warm, seed, step))
