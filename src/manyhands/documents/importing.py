"""Takes a folder of strangers' files and gives clean page images, or says plainly what is wrong with which file.

Rules kept here
- Bytes of a stranger are parsed only in a child process that is locked in (``import_child``, ``sandbox``) and stands
  back behind whoever waits for an answer (``standing_back``).
- A refusal is a value with the file's name, the reason and the cure; one bad file never stops the rest.
- Files named NAME-p1, NAME-p2 ... are pages of one document NAME.
- What leaves is re-encoded pixels (and words of a born-digital PDF); metadata never does.

>>> from pathlib import Path
>>> for item in import_folder(Path("receipts")):                                     # doctest: +SKIP
...     print(item.file_name, item.cure) if isinstance(item, ImportRefused) else print(item.doc_id, len(item.pages))
"""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from .import_child import EndOut, Frame, Limits, PageOut, RefusedOut
from .kinds import guess_kind
from .model import Box, Kind, Reading
from .standing_back import StandingBack, Watch, stand_back

MAX_FILES = 10_000
_WALL_SECONDS_SLACK = 60
_MAX_FRAME_BYTES = 200_000_000
_PAGE_SUFFIX = re.compile(r"^(?P<name>.+)-p(?P<page>\d{1,3})$")
_TEXT_LAYER = "text_layer"


@dataclass(frozen=True)
class Aside:
    """Bytes laid aside in a file without a name: forty sheets in colour at 600 dpi are 2 GB, and fill no memory so.

    One file for all pages of a document. It goes when nobody holds any of them any more.
    """

    file: BinaryIO
    offset: int
    size: int

    @classmethod
    def laid(cls, raw: bytes, file: BinaryIO) -> Aside:
        """Puts bytes at the end of a file. raises OSError"""
        offset = file.seek(0, os.SEEK_END)
        file.write(raw)
        file.flush()
        return cls(file, offset, len(raw))

    def read(self) -> bytes:
        """The bytes, read anew each time. raises OSError"""
        found = os.pread(self.file.fileno(), self.size, self.offset)
        if len(found) < self.size:
            raise OSError(errno.EIO, "a page that was laid aside is not whole any more")
        return found


@dataclass(frozen=True)
class ImportedPage:
    """One clean page. ``text_layer`` holds the words of a born-digital PDF, empty for a scan."""

    page_no: int
    png: Aside = field(repr=False)
    width: int
    height: int
    source_file: str
    text_layer: tuple[Reading, ...] = ()

    @property
    def png_bytes(self) -> bytes:
        """Its pixels, from where they were laid aside."""
        return self.png.read()


@dataclass(frozen=True)
class ImportedDocument:
    """A document ready to be read and cut. ``kind`` is a guess that the requester may override."""

    doc_id: str
    kind: Kind
    pages: tuple[ImportedPage, ...]


@dataclass(frozen=True)
class ImportRefused:
    """Why a file (or a whole folder) was not taken, and what to do about it.

    code  one of ``REASONS``
    """

    file_name: str
    code: str
    reason: str
    cure: str

    def __str__(self) -> str:
        return f"{self.file_name}: {self.reason}. {self.cure}."


_STANDING_BACK = StandingBack[list[ImportedPage] | ImportRefused]()

REASONS: dict[str, tuple[str, str]] = {
    "no_such_folder": ("there is no such folder", "Check the path"),
    "empty_folder": (
        "the folder holds no files",
        "Put scans (PNG, JPEG, TIFF, WebP, BMP, PDF) or tables (XLSX, CSV) into it",
    ),
    "too_many_files": (f"the folder holds more than {MAX_FILES} files", "Split it into several jobs"),
    "empty_file": ("the file has no bytes", "Scan or copy it again"),
    "unknown_type": ("it is not an image, a PDF or a table", "Save it as PNG, JPEG, TIFF, WebP, BMP, PDF, XLSX or CSV"),
    "truncated": ("the image ends before its last line", "Copy or scan it again"),
    "damaged_image": ("the image cannot be decoded", "Open it in a viewer and save it anew"),
    "damaged_pdf": ("the PDF cannot be opened", "Print it to a new PDF"),
    "damaged_table": ("the table cannot be opened ({detail})", "Save it anew as XLSX or CSV"),
    "too_large_table": ("the workbook unpacks to too much ({detail})", "Split it into smaller files"),
    "empty_table": ("the table holds no text", "Check that the right sheet was saved"),
    "password": ("the PDF asks for a password", "Save it without a password"),
    "too_many_pages": ("it has {detail} pages, more than {max_pages}", "Split it into smaller files"),
    "too_many_pixels": (
        "a page unpacks to {detail} pixels, more than {max_mpx} million",
        "Scan at 200 to 300 dpi or crop it",
    ),
    "too_many_pixels_in_all": ("its pages together unpack to {detail} million pixels", "Split it into smaller files"),
    "too_small": ("the image is only {detail} pixels", "Scan it at 200 to 300 dpi"),
    "too_many_bytes": ("the file is larger than {max_mb} MB", "Split it or scan at a lower resolution"),
    "too_much_memory": ("it needs more memory than a page may take", "Print it to a new PDF or scan it anew"),
    "too_much_time": ("it takes longer to unpack than a page may take", "Print it to a new PDF or scan it anew"),
    "crashed": ("its decoder stopped ({detail})", "Print it to a new PDF or save it anew"),
    "no_room": ("there is no room for its pages ({detail})", "Free room in the temporary folder and import it again"),
    "unreadable_file": ("the file cannot be read from the disk ({detail})", "Check its permissions"),
    "page_twice": ("two files claim to be page {detail} of one document", "Rename one of them"),
}
"""Every reason with its sentence and its cure."""


def refusal(file_name: str, code: str, detail: str = "", *, limits: Limits | None = None) -> ImportRefused:
    """The refusal for a code, its sentence filled in."""
    limits = limits or Limits()
    reason, cure = REASONS[code]
    text = reason.format(
        detail=detail,
        max_pages=limits.max_pages,
        max_mpx=limits.max_pixels // 1_000_000,
        max_mb=limits.max_file_bytes // 1_000_000,
    )
    return ImportRefused(file_name, code, text, cure)


def import_file(
    path: Path, *, name: str | None = None, kind: Kind | None = None, limits: Limits | None = None
) -> ImportedDocument | ImportRefused:
    """One file as a document.

    name     the name the requester gave it, when ``path`` is a temporary one
    kind     what the requester says it is; None = guess from name and shape
    returns  the document, or the refusal; never raises for what the file contains
    """
    limits = limits or Limits()
    shown = name or path.name
    pages = _pages_of_file(path, shown, limits, _new_aside())
    if isinstance(pages, ImportRefused):
        return pages
    stem = Path(shown).stem
    match = _PAGE_SUFFIX.match(stem)
    return _document(doc_id_of(match["name"] if match else stem), pages, kind)


def import_folder(
    folder: Path, *, kind: Kind | None = None, limits: Limits | None = None
) -> Iterator[ImportedDocument | ImportRefused]:
    """Every document under a folder in order of name, and a refusal for every file that is not one.

    A document with a refused page is still given, with the pages that are good, after the refusal of the bad one.
    Hidden files and links are passed over.
    """
    limits = limits or Limits()
    if (nothing := nothing_to_take(folder)) is not None:
        yield nothing
        return
    files = _files_of(folder)
    if len(files) > MAX_FILES:
        yield refusal(folder.name or str(folder), "too_many_files")
        return
    for doc_id, group in _documents_of(files, folder).items():
        pages: list[ImportedPage] = []
        seen: set[int] = set()
        aside = _new_aside()
        for number, path in group:
            shown = path.relative_to(folder).as_posix()
            if number in seen:
                yield refusal(shown, "page_twice", str(number))
                continue
            seen.add(number)
            got = _pages_of_file(path, shown, limits, aside)
            if isinstance(got, ImportRefused):
                yield got
                continue
            start = number if len(group) > 1 or number > 1 else 1
            pages.extend(_renumbered(got, start if len(got) == 1 else len(pages) + 1))
        if pages:
            yield _document(doc_id, pages, kind)


def _new_aside() -> BinaryIO:
    return tempfile.TemporaryFile()


def nothing_to_take(folder: Path) -> ImportRefused | None:
    """Why nothing of a folder can be taken, by its names alone and at once; None where it holds files."""
    if not folder.is_dir():
        return refusal(folder.name or str(folder), "no_such_folder")
    if not _files_of(folder):
        return refusal(folder.name or str(folder), "empty_folder")
    return None


def _files_of(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if not p.is_symlink() and p.is_file() and not _hidden(p, folder))


def doc_id_of(text: str) -> str:
    """A document's id from a file's name: letters, digits, dot, dash and underscore stay, the rest becomes a dash.

    >>> doc_id_of("Rechnung März/07 (2)")
    'Rechnung-März-07-2'
    """
    cleaned = re.sub(r"-{2,}", "-", "".join(c if c.isalnum() or c in "._-" else "-" for c in text)).strip("-.")
    return cleaned[:120] or "document"


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _documents_of(files: list[Path], folder: Path) -> dict[str, list[tuple[int, Path]]]:
    """Files grouped into documents: doc id -> (page number, file), pages in order."""
    groups: dict[str, list[tuple[int, Path]]] = {}
    for path in files:
        relative = path.relative_to(folder)
        match = _PAGE_SUFFIX.match(relative.stem)
        prefix = "-".join(relative.parts[:-1])
        stem = match["name"] if match else relative.stem
        doc_id = doc_id_of(f"{prefix}-{stem}" if prefix else stem)
        if not match and doc_id in groups:  # a.jpg beside a.pdf: two documents, the later one named with its suffix
            doc_id = doc_id_of(f"{doc_id}-{relative.suffix.lstrip('.').lower()}")
        groups.setdefault(doc_id, []).append((int(match["page"]) if match else 1, path))
    return {doc_id: sorted(group) for doc_id, group in groups.items()}


def _renumbered(pages: list[ImportedPage], start: int) -> list[ImportedPage]:
    return [replace(page, page_no=start + i) for i, page in enumerate(pages)]


def _document(doc_id: str, pages: list[ImportedPage], kind: Kind | None) -> ImportedDocument:
    words = [r.text for page in pages for r in page.text_layer]
    guessed = kind or guess_kind(doc_id, [(p.width, p.height) for p in pages], words)
    return ImportedDocument(doc_id, guessed, tuple(pages))


def _pages_of_file(path: Path, shown: str, limits: Limits, aside: BinaryIO) -> list[ImportedPage] | ImportRefused:
    """Runs the child over one file and collects its frames. aside: where its pages are laid"""
    try:
        size = path.stat().st_size
        if size == 0:
            return refusal(shown, "empty_file")
        if size > limits.max_file_bytes:
            return refusal(shown, "too_many_bytes", limits=limits)
        return _STANDING_BACK.tried(partial(_from_child, path, shown, limits, aside))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        return refusal(shown, "no_room" if full else "unreadable_file", error.strerror or type(error).__name__)


def _from_child(
    path: Path, shown: str, limits: Limits, aside: BinaryIO, standing_back: bool
) -> list[ImportedPage] | ImportRefused | None:
    """One child's pages, or its refusal; None when it stood back and hardly got a turn."""
    command = [sys.executable, "-I", "-m", "manyhands.documents.import_child", msgspec.json.encode(limits).decode()]
    if Path(shown).suffix.lower() in (".csv", ".tsv"):
        command.append("text")
    with path.open("rb") as source:
        child = subprocess.Popen(  # the command is ours, the file is only its standard input
            command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"LC_ALL": "C.UTF-8"}
        )
    if standing_back:
        stand_back(child.pid)
    watch = Watch(child, wall_s=limits.whole_cpu_seconds + _WALL_SECONDS_SLACK, starving=standing_back)
    try:
        got = _collect(child, shown, limits, aside)
    finally:
        watch.end()
        child.kill()
        if child.stdout is not None:
            child.stdout.close()
        child.wait(timeout=_WALL_SECONDS_SLACK)
    return None if watch.starved and isinstance(got, ImportRefused) else got


def _collect(
    child: subprocess.Popen[bytes], shown: str, limits: Limits, aside: BinaryIO
) -> list[ImportedPage] | ImportRefused:
    pages: list[ImportedPage] = []
    while True:
        frame = _next_frame(child)
        if isinstance(frame, RefusedOut):
            return refusal(shown, frame.code if frame.code in REASONS else "crashed", frame.detail, limits=limits)
        if isinstance(frame, EndOut):
            return pages if pages else refusal(shown, "damaged_image")
        if frame is None:
            return _died(child, shown, limits)
        if len(pages) >= limits.max_pages or frame.width_px * frame.height_px > limits.max_pixels:
            return refusal(shown, "too_many_pages", f"over {limits.max_pages}", limits=limits)
        layer = tuple(
            Reading(_TEXT_LAYER, w.text, 10_000, Box(w.x0, w.y0, w.x1, w.y1), 10_000)
            for w in frame.words
            if w.x1 > w.x0 and w.y1 > w.y0
        )
        png = Aside.laid(frame.png, aside)
        pages.append(ImportedPage(frame.page_no, png, frame.width_px, frame.height_px, shown, layer))


def _next_frame(child: subprocess.Popen[bytes]) -> Frame | None:
    """The child's next frame, or None when it ended without one or sent nonsense."""
    assert child.stdout is not None
    head = child.stdout.read(4)
    if len(head) < 4 or (length := int.from_bytes(head, "big")) > _MAX_FRAME_BYTES:
        return None
    body = child.stdout.read(length)
    if len(body) < length:
        return None
    try:
        frame: Frame = msgspec.msgpack.decode(body, type=PageOut | RefusedOut | EndOut)
    except msgspec.DecodeError:
        return None
    if isinstance(frame, PageOut) and not frame.png.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    return frame


def _died(child: subprocess.Popen[bytes], shown: str, limits: Limits) -> ImportRefused:
    """Why the child stopped: it ran out of time, of memory, or its decoder crashed."""
    try:
        code = child.wait(timeout=_WALL_SECONDS_SLACK)
    except subprocess.TimeoutExpired:
        return refusal(shown, "too_much_time", limits=limits)
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return refusal(shown, "too_much_time", limits=limits)
    if code in (-signal.SIGABRT, -signal.SIGTRAP, -signal.SIGILL):
        return refusal(shown, "too_much_memory", limits=limits)
    detail = f"signal {-code}" if code < 0 else f"exit {code}"
    return refusal(shown, "crashed", detail, limits=limits)
