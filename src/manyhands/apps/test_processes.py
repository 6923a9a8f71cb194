"""What a process of the platform may take."""

import subprocess
import sys

import pytest

from manyhands.apps.child import READING_MEMORY_BYTES

TRIES = """
import sys
from manyhands.apps.child import limit_memory
limit_memory(300_000_000)
held = bytearray(int(sys.argv[1]))
print(len(held))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a process's own memory")
@pytest.mark.parametrize(("wanted", "fits"), [(100_000_000, True), (400_000_000, False)])
def test_a_reading_process_that_wants_too_much_memory_is_told_no_and_its_neighbours_keep_theirs(
    wanted: int, fits: bool
) -> None:
    done = subprocess.run([sys.executable, "-c", TRIES, str(wanted)], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is fits, done.stderr
    assert fits or "MemoryError" in done.stderr
    assert READING_MEMORY_BYTES > 1_700_000_000, "the largest page that is taken in can be read"
