"""Damaged files by the thousand: made from a seed and a step alone, and taken by children forked from a warm process.

Rules kept here
- A file is a function of (seed, step), so a failure is a recipe of two numbers and not a file to keep.
- The damage gets past the first check of each format: a picture's checksums are made right again, a number in a PDF
  becomes another number, a workbook is damaged inside and packed anew.
- Every file has a child of its own that locks itself in exactly as in production (``import_child.main``); only starting
  the interpreter and loading the decoders happens once. What a file costs is told by the kernel, in CPU seconds.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import random
import re
import resource
import signal
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple, NoReturn

import msgspec
import numpy as np
import xlsxwriter
from PIL import Image

from manyhands.documents import import_child
from manyhands.documents.conftest_material import bomb_pdf, pdf_pages, plain_png
from manyhands.documents.import_child import Limits
from manyhands.documents.importing import ImportedPage, ImportRefused, _collect, _new_aside

LIMITS = Limits(cpu_seconds=20)
_FRESH_MIB = 30
"""What a child of production weighs before its first byte; one forked from a test weighs what the test weighs."""
_NUMBERS = (b"0", b"-1", b"1", b"65535", b"65536", b"2147483647", b"4294967296", b"1e30", b"999999999999999999999")


class Told(NamedTuple):
    """What became of one file: "taken" or a code of ``REASONS``, the words of a refusal, CPU seconds, MiB."""

    code: str
    detail: str
    cpu_s: float
    rss_mib: int


@dataclass(frozen=True)
class Damaged:
    """One damaged file; ``form`` is what it was before."""

    form: str
    data: bytes

    @property
    def name(self) -> str:
        """The name under which it is handed in; only text is told by its name."""
        return f"damaged.{self.form}"


@dataclass(frozen=True)
class Outcome:
    """What became of a file and what it cost.

    rss_mib  as a child of production would weigh, which holds nothing of a test's
    """

    got: list[ImportedPage] | ImportRefused
    cpu_s: float
    rss_mib: int

    @property
    def code(self) -> str:
        """The refusal's code, or ``taken``."""
        return self.got.code if isinstance(self.got, ImportRefused) else "taken"


def damaged_file(seed: int, step: int) -> Damaged:
    """The file of a step, the same for the same two numbers."""
    rng = random.Random(f"{seed}/{step}")  # noqa: S311  # damage, not a secret
    form = rng.choice(sorted(_whole()))
    data = _whole()[form]
    deeper: dict[str, Callable[[bytes, random.Random], bytes]] = {
        "png": _sealed_anew, "pdf": _numbers_changed, "bomb.pdf": _numbers_changed, "xlsx": _damaged_inside
    }  # fmt: skip
    if form in deeper and rng.random() < 0.6:
        return Damaged(form, deeper[form](data, rng))
    return Damaged(form, _scratched(data, rng))


def _scratched(data: bytes, rng: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20, 200))):
        at = rng.randrange(len(broken))
        match rng.randrange(4):
            case 0:
                broken[at] = rng.randrange(256)
            case 1:
                del broken[at : at + rng.randrange(1, 40)]
            case 2:
                broken[at:at] = rng.randbytes(rng.randrange(1, 40))
            case _:
                broken[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff"))
        if len(broken) < 20:
            break
    return bytes(broken)


def _sealed_anew(data: bytes, rng: random.Random) -> bytes:
    """A PNG with damaged chunks whose checksums are right, also under the packed pixels."""
    out, at = bytearray(data[:8]), 8
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        at += 12 + length
        if body and rng.random() < 0.5:
            if kind == b"IDAT" and rng.random() < 0.7:
                body = zlib.compress(_scratched(zlib.decompress(body), rng))
            else:
                body = _scratched(body, rng)
        out += struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
        if rng.random() < 0.1:
            out += out[-12 - len(body) :]
    return bytes(out)


def _numbers_changed(data: bytes, rng: random.Random) -> bytes:
    places = list(re.finditer(rb"-?\d+(\.\d+)?", data))
    broken = data
    for place in sorted(rng.sample(places, min(len(places), rng.choice((1, 2, 5)))), key=lambda m: -m.start()):
        broken = broken[: place.start()] + rng.choice(_NUMBERS) + broken[place.end() :]
    return broken


def _damaged_inside(data: bytes, rng: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as whole, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as broken:
        for name in whole.namelist():
            inner = whole.read(name)
            change = rng.choice((_scratched, _numbers_changed, None, None))
            if rng.random() < 0.95:
                broken.writestr(zipfile.ZipInfo(name), change(inner, rng) if change and inner else inner)
    return out.getvalue()


@cache
def _whole() -> dict[str, bytes]:
    """Small files of every form that the importer takes, the same bytes each time."""
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 120, 3), dtype=np.uint8))
    made = {"plain.png": plain_png(), "pdf": pdf_pages(2), "bomb.pdf": bomb_pdf()}
    for form in ("JPEG", "TIFF", "WEBP", "BMP", "PNG"):
        out = io.BytesIO()
        image.save(out, form)
        made[form.lower()] = out.getvalue()
    pages = io.BytesIO()
    image.save(pages, "TIFF", save_all=True, append_images=[image.convert("1"), image.convert("L")])
    made["pages.tiff"] = pages.getvalue()
    rows = [["Account", "Debit", "=1+1"], ["4400", 12.5, "é€"], ["1200", "", "x" * 70]]
    book = io.BytesIO()
    with xlsxwriter.Workbook(book, {"in_memory": True}) as workbook:
        workbook.set_properties({"created": datetime(2020, 1, 1)})  # noqa: DTZ001  # any fixed moment
        sheet = workbook.add_worksheet()
        for y, row in enumerate(rows):
            sheet.write_row(y, 0, row)
    made["xlsx"] = book.getvalue()
    made["csv"] = "\n".join(";".join(map(str, row)) for row in rows * 30).encode()
    return made


def warm_up() -> None:
    """Loads what the children need; call once before the first ``taken``."""
    import_child._warm_up(tables=True)
    _whole()


@contextlib.contextmanager
def warm_process() -> Iterator[Callable[[int, int], Told]]:
    """A process of its own from which the children are forked: gives (seed, step) -> what became of the file.

    A child weighs what it is forked from, and a test's process may weigh more than a child may.
    """
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, initializer=warm_up) as process:
        yield lambda seed, step: process.submit(told, seed, step).result()


def told(seed: int, step: int) -> Told:
    """What becomes of the file of a recipe; needs ``warm_up``."""
    outcome = taken(damaged_file(seed, step))
    detail = outcome.got.reason if isinstance(outcome.got, ImportRefused) else ""
    return Told(outcome.code, detail, outcome.cpu_s, outcome.rss_mib)


def taken(file: Damaged) -> Outcome:
    """Hands one file to a locked-in child of its own; needs ``warm_up``."""
    send_file, give_file = os.pipe()
    get_frames, send_frames = os.pipe()
    weighs_mib = _weighs_mib()
    child = os.fork()
    if child == 0:
        _as_child(file, send_file, give_file, get_frames, send_frames)
    os.close(send_file)
    os.close(send_frames)
    with contextlib.suppress(BrokenPipeError), os.fdopen(give_file, "wb") as door:
        door.write(file.data)
    forked = _Forked(child, os.fdopen(get_frames, "rb"))
    try:
        got = _collect(forked, file.name, LIMITS, _new_aside())  # type: ignore[arg-type]  # it has what is asked of a Popen
    finally:
        forked.end()
    return Outcome(got, forked.cpu_s, max(0, forked.rss_mib - weighs_mib) + _FRESH_MIB)


class _Forked:
    """As much of a ``Popen`` as collecting frames needs, with what the kernel says that it cost."""

    def __init__(self, pid: int, stdout: io.BufferedReader) -> None:
        self.pid, self.stdout = pid, stdout
        self.cpu_s, self.rss_mib = 0.0, 0
        self._code: int | None = None

    def wait(self, timeout: float) -> int:
        """The way it ended: minus the signal, or its exit code. It has closed its door, so it ends by itself."""
        del timeout
        if self._code is None:
            _, status, used = os.wait4(self.pid, 0)
            self._code = os.waitstatus_to_exitcode(status)
            self.cpu_s, self.rss_mib = used.ru_utime + used.ru_stime, used.ru_maxrss // 1024
        return self._code

    def end(self) -> None:
        """Ends it where it has not ended."""
        self.stdout.close()
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            self.wait(0)


def _weighs_mib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20


def _as_child(file: Damaged, send_file: int, give_file: int, get_frames: int, send_frames: int) -> NoReturn:
    code = 99
    try:
        os.dup2(send_file, 0)
        os.dup2(send_frames, 1)
        for door in (send_file, give_file, get_frames, send_frames):
            os.close(door)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0)))  # it is the child's own
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")))
        text = ["text"] if file.form == "csv" else []
        sys.argv = ["import_child", msgspec.json.encode(LIMITS).decode(), *text]
        code = import_child.main()
    except BaseException:  # as the interpreter ends for it: nothing of a child goes on in the test's process
        code = 1
    os._exit(code)
