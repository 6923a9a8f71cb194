"""Damaged files by the thousand: each is taken or refused by name, none hangs, none escapes.

Replay a failure with the two numbers it names: ``just fuzz-replay SEED STEP``.
"""

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from manyhands.documents.conftest_fuzz import damaged_file, taken, warm_up
from manyhands.documents.importing import REASONS, ImportedDocument, ImportRefused, import_file

SECONDS = int(os.environ.get("MANYHANDS_FUZZ_SECONDS", "300"))
SEED = int(os.environ.get("MANYHANDS_FUZZ_SEED", "0")) or time.time_ns() % 1_000_000_000
REPLAY = os.environ.get("MANYHANDS_FUZZ_REPLAY", "")
MOST_CPU_S, MOST_MIB = 2.0, 256
"""What a bomb may cost (T18), and no damaged file may cost more."""


def tried(seed: int, step: int) -> tuple[str, float, int]:
    """(code, CPU seconds, MiB) of one damaged file; fails with its recipe."""
    file = damaged_file(seed, step)
    outcome = taken(file)
    recipe = f"just fuzz-replay {seed} {step}  ({file.form}, {len(file.data)} bytes)"
    assert outcome.code == "taken" or outcome.code in REASONS, f"{outcome.code}: {recipe}"
    detail = outcome.got.reason if isinstance(outcome.got, ImportRefused) else ""
    assert outcome.code != "crashed", f"{detail}: {recipe}"
    assert outcome.cpu_s <= MOST_CPU_S, f"{outcome.cpu_s:.2f} s CPU: {recipe}"
    assert outcome.rss_mib <= MOST_MIB, f"{outcome.rss_mib} MiB: {recipe}"
    return outcome.code, outcome.cpu_s, outcome.rss_mib


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    warm_up()


def test_a_damaged_file_is_the_same_again_and_not_like_its_neighbour() -> None:
    assert damaged_file(3, 5) == damaged_file(3, 5)
    assert len({damaged_file(3, step).data for step in range(50)}) > 45


def test_a_hundred_damaged_files_are_taken_or_refused_by_name() -> None:
    codes = {tried(1, step)[0] for step in range(100)}
    assert {"taken", "damaged_image", "damaged_pdf"} <= codes


def test_a_forked_child_says_what_the_importer_says(tmp_path: Path) -> None:
    for step in range(12):
        file = damaged_file(2, step)
        path = tmp_path / file.name
        path.write_bytes(file.data)
        alone = import_file(path)
        assert taken(file).code == ("taken" if isinstance(alone, ImportedDocument) else alone.code), step


@pytest.mark.nightly
@pytest.mark.skipif(bool(REPLAY), reason="one recipe is replayed")
def test_damaged_files_are_taken_or_refused_by_name() -> None:
    began, step = time.monotonic(), 0
    codes: Counter[str] = Counter()
    dearest = largest = (0.0, 0)
    print(f"seed {SEED}")
    while time.monotonic() - began < SECONDS:
        code, cpu_s, rss_mib = tried(SEED, step)
        codes[code] += 1
        dearest, largest = max(dearest, (cpu_s, step)), max(largest, (float(rss_mib), step))
        step += 1
    print(f"{step} files in {time.monotonic() - began:.0f} s: {dict(codes.most_common())}")
    print(f"dearest {dearest[0]:.2f} s CPU (step {dearest[1]}), largest {largest[0]:.0f} MiB (step {largest[1]})")
    assert step > SECONDS


@pytest.mark.nightly
@pytest.mark.skipif(not REPLAY, reason="asks for a recipe: just fuzz-replay SEED STEP")
def test_one_recipe_is_replayed(tmp_path: Path) -> None:
    seed, step = (int(number) for number in REPLAY.split())
    file = damaged_file(seed, step)
    path = tmp_path / file.name
    path.write_bytes(file.data)
    print(f"{path} ({file.form}, {len(file.data)} bytes)")
    print(tried(seed, step))
