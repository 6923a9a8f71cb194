"""Damaged files by the thousand: each is taken or refused by name, none hangs, none escapes."""

import io
import os
import random
import time
from pathlib import Path

import pytest
from PIL import Image

from manyhands.documents.conftest_material import bomb_pdf, pdf_pages, plain_png
from manyhands.documents.import_child import Limits
from manyhands.documents.importing import REASONS, ImportRefused, import_file

SECONDS = int(os.environ.get("MANYHANDS_FUZZ_SECONDS", "300"))
SLOWEST_S = 30


def _seeds() -> list[bytes]:
    image = Image.effect_noise((120, 90), 60)
    made = [plain_png(), pdf_pages(2), bomb_pdf()]
    for form in ("JPEG", "TIFF", "WEBP", "BMP", "PNG"):
        out = io.BytesIO()
        image.save(out, form)
        made.append(out.getvalue())
    return made


def _damaged(data: bytes, rng: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(rng.choice((1, 3, 20, 200))):
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


@pytest.mark.nightly
def test_damaged_files_are_taken_or_refused_by_name(tmp_path: Path) -> None:
    rng, seeds, path = random.Random(time.time_ns()), _seeds(), tmp_path / "fuzzed"
    end, tried = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        data = _damaged(rng.choice(seeds), rng)
        path.write_bytes(data)
        began = time.monotonic()
        got = import_file(path, limits=Limits(cpu_seconds=20))
        kept = tmp_path / f"slow-{tried}"
        if time.monotonic() - began > SLOWEST_S:
            kept.write_bytes(data)
        assert not kept.exists(), f"took more than {SLOWEST_S} s: {kept}"
        assert not isinstance(got, ImportRefused) or got.code in REASONS
        tried += 1
    assert tried > 10
