"""A full disk: what was acknowledged stays, what is refused says so, and work goes on when there is room.

Root gets a small file system of its own (tmpfs). Where none can be mounted, the size of files is limited instead: the
server then meets the same refusal of its writes.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .blobs import BlobStore
from .errors import DiskFull
from .postgres import LocalPostgres

MOUNT_BYTES = 110_000_000

WRITER = """
import asyncio, json, sys
from pathlib import Path
from manyhands.store.database import Database, scalar
from manyhands.store.errors import DiskFull
from manyhands.store.postgres import LocalPostgres

async def main() -> None:
    folder, spare = Path(sys.argv[1]), Path(sys.argv[2])
    server = LocalPostgres(folder, fsync=False)
    server.start()
    db = await Database.open(server.dsn, max_size=2)
    async with db.connection() as connection:
        await connection.execute("create table kept (number int primary key, ballast text not null)")
        await connection.execute("alter table kept alter column ballast set storage external")
    number, said = 0, ""
    while not said:
        try:
            async with db.transaction() as tx:
                await tx.execute("insert into kept values (%s, repeat('x', 500000))", (number + 1,))
            number += 1
        except DiskFull as error:
            said = f"{error} {error.cure}"
        except Exception as error:  # the server itself died of it: it must come back by `start`
            said = f"server died: {error}"
    if spare.exists():
        spare.unlink()
    server.start()
    async with db.connection() as connection:
        stored = await scalar(connection, "select count(*) from kept")
    if spare.parent == folder.parent:
        async with db.transaction() as tx:
            await tx.execute("insert into kept values (-1, 'there is room again')")
    await db.close()
    server.stop()
    print(json.dumps({"acknowledged": number, "stored": stored, "said": said}))

asyncio.run(main())
"""


@pytest.fixture(params=["a small file system", "a limit on files"])
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path | None]:
    """A file system of 110 MB; None = limit the size of files, also where the machine does not let us mount one."""
    if request.param == "a limit on files":
        yield None
        return
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MOUNT_BYTES},mode=755", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield None
        return
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def limit_files_to(size_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def run_writer(folder: Path, spare: Path, *, limit_bytes: int | None) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(folder), str(spare)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=None if limit_bytes is None else lambda: limit_files_to(limit_bytes),
    )
    LocalPostgres(folder, fsync=False).stop(timeout_ms=5_000)
    assert done.returncode == 0, done.stderr[-3_000:]
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_rows_that_were_acknowledged_survive_a_full_disk_and_work_goes_on_with_room(
    tmp_path: Path, small_disk: Path | None
) -> None:
    if small_disk is None:
        found = run_writer(tmp_path / "postgres", tmp_path / "elsewhere" / "spare", limit_bytes=20_000_000)
    else:
        spare = small_disk / "spare"
        spare.write_bytes(bytes(12_000_000))
        found = run_writer(small_disk / "postgres", spare, limit_bytes=None)
    assert found["stored"] == found["acknowledged"]
    assert isinstance(found["acknowledged"], int)
    assert found["acknowledged"] > 0
    assert "full" in str(found["said"]) or "server died" in str(found["said"])


def test_a_start_on_a_full_disk_says_so(tmp_path: Path, small_disk: Path | None) -> None:
    if small_disk is None:
        program = (
            "import sys; from pathlib import Path; from manyhands.store.postgres import LocalPostgres\n"
            "from manyhands.store.errors import DiskFull\n"
            "try:\n    LocalPostgres(Path(sys.argv[1])).start()\n"
            "except DiskFull as error:\n    print(error, error.cure)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "postgres")],
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: limit_files_to(100_000),
        )
        assert "is full" in done.stdout
        return
    (small_disk / "filler").write_bytes(bytes(MOUNT_BYTES - 3_000_000))
    with pytest.raises(DiskFull) as refused:
        LocalPostgres(small_disk / "postgres", fsync=False).start()
    assert "small/postgres" in str(refused.value)
    (small_disk / "filler").unlink()
    server = LocalPostgres(small_disk / "postgres", fsync=False)
    server.start()
    server.stop(timeout_ms=5_000)


def test_a_blob_without_room_is_refused_and_leaves_no_name(tmp_path: Path, small_disk: Path | None) -> None:
    if small_disk is None:
        program = (
            "import asyncio, signal, sys; from pathlib import Path; from manyhands.store.blobs import BlobStore\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "try:\n    asyncio.run(BlobStore(Path(sys.argv[1])).put(bytes(2_000_000), media_type='image/png'))\n"
            "except Exception as error:\n    print(type(error).__name__)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "blobs")],
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: limit_files_to(1_000_000),
        )
        assert "DiskFull" in done.stdout
        assert list((tmp_path / "blobs").rglob("*.png")) == []
        return
    asyncio.run(refuse_then_store(small_disk))


async def refuse_then_store(small_disk: Path) -> None:
    blobs = BlobStore(small_disk / "blobs")
    (small_disk / "filler").write_bytes(bytes(MOUNT_BYTES - 1_000_000))
    with pytest.raises(DiskFull):
        await blobs.put(bytes(2_000_000), media_type="image/png")
    assert await blobs.keys_of("shared") == []
    (small_disk / "filler").unlink()
    key = await blobs.put(bytes(2_000_000), media_type="image/png")
    assert len(await blobs.get(key)) == 2_000_000
