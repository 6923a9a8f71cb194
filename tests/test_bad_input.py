"""Bad input gets a clear error that names the thing and the cure, costs nothing, and does not stop the rest."""

from __future__ import annotations

import io
import json
import socket
import struct
import zlib
from pathlib import Path

import pytest

from manyhands.apps.cli.show import Exit
from manyhands.apps.folder import FORMAT, DataFolder, Settings
from manyhands.documents.samples import sample_documents
from platform_under_test import manyhands


def error_of(*arguments: str | Path, exit_code: Exit) -> dict[str, str]:
    """The error a command ends with; its exit code and the presence of a cure are checked."""
    done = manyhands(*arguments, "--json")
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    error: dict[str, str] = json.loads(done.stdout)["error"]
    assert error["message"] and error["cure"]
    return error


def wide_png(pixels_wide: int) -> bytes:
    """A PNG of pixels_wide squared white pixels: twenty kilobytes for 169 million of them."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(9)
    row = b"\x00" + b"\xff" * (pixels_wide // 8)
    packed = b"".join(packer.compress(row) for _ in range(pixels_wide)) + packer.flush()
    header = struct.pack(">IIBBBBB", pixels_wide, pixels_wide, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def many_pages(count: int) -> bytes:
    from pypdf import PdfWriter

    writer = PdfWriter()
    for _ in range(count):
        writer.add_blank_page(width=200, height=200)
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


def with_password() -> bytes:
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(width=200, height=200)
    writer.encrypt("secret")
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


def test_an_empty_folder_is_named_with_what_belongs_into_it(tmp_path: Path) -> None:
    error = error_of("quote", tmp_path, exit_code=Exit.BAD_INPUT)
    assert str(tmp_path) in error["message"]
    assert "PDF" in error["cure"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "nowhere" in error_of("quote", tmp_path / "nowhere", exit_code=Exit.BAD_INPUT)["message"]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """One good scan among everything that can be wrong with a file."""
    folder = tmp_path_factory.mktemp("mixed")
    good = sample_documents(seed=1, receipts=1)[0].pages[0]
    (folder / "good.png").write_bytes(good)
    (folder / "notes.png").write_bytes(b"these are notes, not a picture")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut-off.png").write_bytes(good[: len(good) // 2])
    (folder / "huge.png").write_bytes(wide_png(13_000))
    (folder / "locked.pdf").write_bytes(with_password())
    (folder / "long.pdf").write_bytes(many_pages(500))
    done = manyhands("quote", folder, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict = json.loads(done.stdout)
    return found


def test_the_good_file_goes_on_among_bad_ones(mixed: dict) -> None:
    assert mixed["total_minor"] > 0


@pytest.mark.parametrize("name", ["notes.png", "empty.jpg", "cut-off.png", "huge.png", "locked.pdf", "long.pdf"])
def test_every_bad_file_is_named_with_reason_and_cure(mixed: dict, name: str) -> None:
    refused = {one["file_name"].rsplit("/", 1)[-1]: one for one in mixed["refused"]}
    assert name in refused
    assert refused[name]["reason"] and refused[name]["cure"]


def test_pay_below_the_floor_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(sample_documents(seed=1, receipts=1)[0].pages[0])
    error = error_of("quote", tmp_path, "--per-hour", "5USD", "--floor", "12USD", exit_code=Exit.REFUSED)
    assert "floor" in error["message"]


@pytest.mark.parametrize("amount", ["twelve", "12", "12EUR", "12.1234567USD"])
def test_an_amount_that_cannot_be_paid_is_said_to_be_one(tmp_path: Path, amount: str) -> None:
    (tmp_path / "good.png").write_bytes(sample_documents(seed=1, receipts=1)[0].pages[0])
    assert amount in error_of("quote", tmp_path, "--per-hour", amount, exit_code=Exit.BAD_INPUT)["message"]


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = error_of("up", "--data", tmp_path / "data", "--port", str(port), exit_code=Exit.BAD_INPUT)
    assert str(port) in error["message"]
    assert "--port" in error["cure"]


@pytest.mark.parametrize(("option", "value"), [("--chain-id", "0"), ("--port", "99999")])
def test_a_number_that_no_chain_or_port_has_is_refused_with_its_bounds(option: str, value: str) -> None:
    done = manyhands("chain", "up", option, value, "--ephemeral", "--json")
    assert done.returncode == Exit.USAGE
    assert "Traceback" not in done.stderr
    assert option in done.stderr and "Must be" in done.stderr


def test_a_data_folder_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.prepare(Settings())
    raw = folder.settings_file.read_text().replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}')
    folder.settings_file.write_text(raw)
    error = error_of("up", "--data", folder.path, exit_code=Exit.BAD_INPUT)
    assert str(FORMAT + 1) in error["message"]
    assert folder.settings_file.read_text() == raw


def test_a_data_folder_in_use_names_who_holds_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.prepare(Settings())
    with folder.held():
        assert "in use" in error_of("up", "--data", folder.path, "--port", "1", exit_code=Exit.BAD_INPUT)["message"]


@pytest.mark.parametrize("command", [("status",), ("results", "j"), ("verify", "j"), ("launch", ".")])
def test_a_command_without_a_running_platform_says_how_to_start_it(tmp_path: Path, command: tuple[str, ...]) -> None:
    error = error_of(*command, "--data", tmp_path, exit_code=Exit.NOT_UP)
    assert "manyhands up" in error["cure"]
