"""The sandboxed half of import: reads one stranger's file from standard input, writes clean pages to standard output.

Rules kept here
- Runs alone in a process that ``sandbox.lock_in`` has locked in before the first byte is parsed.
- What a file is, is told by its first bytes, never by its name. Plain text has no first bytes of its own: it is taken
  for a table only when the caller says that it is called one, and then only when it looks like one.
- Sizes are checked from headers before pixels are unpacked.
- Only re-encoded grey or colour pixels and, from a born-digital PDF, words with their boxes leave; no metadata does.
- Frames on standard output: four bytes length, then a msgpack message ``PageOut``, ``RefusedOut`` or ``EndOut``.

Run as ``python -I -m manyhands.documents.import_child LIMITS [text]`` with LIMITS as JSON.
"""

from __future__ import annotations

import importlib
import io
import math
import resource
import sys
from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec

from . import tables_in


class Limits(msgspec.Struct, frozen=True):
    """What one file may cost.

    cpu_seconds, page_cpu_seconds  of a file, and of each of its pages, before what its size earns
    mpx_cpu_ms                     further CPU for each million pixels that a page says it has: an A4 sheet in colour at
                                   600 dpi has 35, and takes 3.3 s of one core to be encoded anew
    """

    max_file_bytes: int = 100_000_000
    max_pixels: int = 40_000_000
    max_pixels_in_all: int = 2_000_000_000
    max_pages: int = 200
    memory_bytes: int = 1_500_000_000
    cpu_seconds: int = 120
    page_cpu_seconds: int = 6
    mpx_cpu_ms: int = 200
    pdf_dpi: int = 200

    @property
    def whole_cpu_seconds(self) -> int:
        """What a file may take at most, if its pages have all the pixels that they may have together."""
        return self.cpu_seconds + self.of_pixels_s(self.max_pixels_in_all)

    def of_pixels_s(self, pixels: int) -> int:
        """Whole seconds that so many pixels earn, rounded up."""
        return -(-pixels * self.mpx_cpu_ms // 1_000_000_000)


class WordOut(msgspec.Struct, frozen=True):
    """A word of a PDF's text layer with its box in page pixels."""

    text: str
    x0: int
    y0: int
    x1: int
    y1: int


class PageOut(msgspec.Struct, frozen=True, tag="page"):
    """A clean page."""

    page_no: int
    width_px: int
    height_px: int
    png: bytes
    words: tuple[WordOut, ...] = ()


class RefusedOut(msgspec.Struct, frozen=True, tag="refused"):
    """The file is refused; ``code`` names the reason, ``detail`` holds a number or two for its sentence."""

    code: str
    detail: str = ""


class EndOut(msgspec.Struct, frozen=True, tag="end"):
    """All pages were sent."""

    pages: int
    locks: str


Frame = PageOut | RefusedOut | EndOut


_TABLE_PIXELS = 2_000_000
"""Of a page on which a table is drawn, usually: a workbook is given as much memory as such a page."""
_TABLE_CPU_SECONDS = 2
"""For reading a workbook's cells: the most that are taken need about one."""


class _Refuse(Exception):
    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, detail
        super().__init__(code)


def sniff(head: bytes) -> str | None:
    """What the first bytes say the file is: png, jpeg, tiff, webp, bmp, pdf, zip, or None.

    >>> sniff(b"%PDF-1.7"), sniff(bytes.fromhex("ffd8ffe0")), sniff(b"<svg>")
    ('pdf', 'jpeg', None)
    """
    signatures = (
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff", "jpeg"),
        (b"II*\x00", "tiff"),
        (b"MM\x00*", "tiff"),
        (b"BM", "bmp"),
        (b"%PDF-", "pdf"),
        (b"PK\x03\x04", "zip"),
    )
    for signature, kind in signatures:
        if head.startswith(signature):
            return kind
    return "webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _send(frame: Frame) -> None:
    body = msgspec.msgpack.encode(frame)
    sys.stdout.buffer.write(len(body).to_bytes(4, "big") + body)
    sys.stdout.buffer.flush()


class _Time:
    """Grants CPU page by page, so that one page cannot eat the whole file's time."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._whole_s = limits, limits.cpu_seconds

    def grant(self, *, pixels: int = 0, seconds: int = 0) -> None:
        """Moves the soft limit to now + one page's share and what its pixels earn.

        pixels   that the file says the page has, already found to be no more than it may have
        seconds  another share than a page's
        """
        used = resource.getrusage(resource.RUSAGE_SELF)
        now_s = math.ceil(used.ru_utime + used.ru_stime)
        earned_s = self._limits.of_pixels_s(pixels)
        self._whole_s += earned_s
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        share_s = (seconds or self._limits.page_cpu_seconds) + earned_s
        resource.setrlimit(resource.RLIMIT_CPU, (min(now_s + share_s, self._whole_s, hard), hard))


class _Memory:
    """Grants a PDF's page, or a table, as much as it says that it needs and a little more, whatever the whole may have.

    A decoder unpacks a stream before it looks how much of it the picture wants, so a small picture could bring a large
    stream; a parser builds an object for every tag, so a small workbook could bring millions. How much is mapped is
    read from a door that was opened before the process was locked in.
    """

    _SLACK_BYTES = 128 << 20
    _BYTES_A_PIXEL = 16
    """Drawn with four bytes, then as RGB and copied twice; a decoder of JPEG 2000 takes as much for a picture's."""

    def __init__(self) -> None:
        try:
            self._mapped: io.FileIO | None = io.FileIO("/proc/self/statm")
        except OSError:  # no Linux: the limit for the whole file holds alone
            self._mapped = None

    def grant(self, pixels: int) -> None:
        """Moves the soft limit to what is mapped now and the share of so many pixels."""
        if self._mapped is None:
            return
        self._mapped.seek(0)
        now = int(self._mapped.read(40).split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = now + self._SLACK_BYTES + self._BYTES_A_PIXEL * pixels
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


_STRIP_ROWS = 256


def _clean_png(image: Any) -> tuple[int, int, bytes]:
    """Fresh pixels in a fresh PNG: on white where transparent, grey where the page is grey, nothing else kept.

    Strip by strip, so that of a large page no third copy is ever held.
    """
    from PIL import Image

    see_through = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    grey = image.mode in ("1", "L") or image.mode.startswith(("I", "F"))
    if not grey:
        small = _on_white(image.resize((min(64, image.width), min(64, image.height))), see_through).convert("RGB")
        flat = small.tobytes()
        grey = max(max(flat[i : i + 3]) - min(flat[i : i + 3]) for i in range(0, len(flat), 3)) <= 8
    clean = Image.new("L" if grey else "RGB", image.size)
    for top in range(0, image.height, _STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(image.height, top + _STRIP_ROWS)))
        if image.mode.startswith("I"):
            strip = strip.point(lambda v: v / 256)  # sixteen bits
        clean.paste(_on_white(strip, see_through).convert(clean.mode), (0, top))
    out = io.BytesIO()
    clean.save(out, "PNG", compress_level=2)
    return clean.width, clean.height, out.getvalue()


def _on_white(image: Any, see_through: bool) -> Any:
    if not see_through:
        return image
    from PIL import Image

    rgba = image.convert("RGBA")
    flat = Image.new("RGB", rgba.size, "white")
    flat.paste(rgba, mask=rgba.getchannel("A"))
    return flat


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if width < 8 or height < 8:
        raise _Refuse("too_small", f"{width}x{height}")
    if width * height > limits.max_pixels:
        raise _Refuse("too_many_pixels", f"{width}x{height}")


def _check_in_all(sizes: Sequence[tuple[int, int]], limits: Limits) -> None:
    """Refuses a file whose pages together unpack to too much, before the first of them is unpacked."""
    total = sum(width * height for width, height in sizes)
    if total > limits.max_pixels_in_all:
        raise _Refuse("too_many_pixels_in_all", f"{total // 1_000_000}")


def _image_pages(data: bytes, limits: Limits, time: _Time) -> int:
    from PIL import Image, ImageOps, ImageSequence

    Image.MAX_IMAGE_PIXELS = None  # our own limit is lower and is checked before anything is unpacked
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF", "WEBP", "BMP")) as image:
        frames = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        if frames > limits.max_pages:
            raise _Refuse("too_many_pages", str(frames))
        sizes = []
        for page_no in range(frames):
            image.seek(page_no)
            sizes.append(image.size)
        image.seek(0)
        _check_in_all(sizes, limits)
        for page_no, frame in enumerate(ImageSequence.Iterator(image), start=1):
            if page_no > frames:
                break
            _check_pixels(*frame.size, limits)
            time.grant(pixels=frame.width * frame.height)
            frame.load()
            upright = ImageOps.exif_transpose(frame)
            width, height, png = _clean_png(upright)
            _send(PageOut(page_no, width, height, png))
    return frames


def _pdf_pages(data: bytes, limits: Limits, memory: _Memory, time: _Time) -> int:
    import pypdfium2 as pdfium  # type: ignore[import-untyped]  # it ships no types

    try:
        pdf = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        raise _Refuse("password" if "password" in str(error).lower() else "damaged_pdf") from error
    count = len(pdf)
    if count == 0:
        raise _Refuse("damaged_pdf")
    if count > limits.max_pages:
        raise _Refuse("too_many_pages", str(count))
    scale = limits.pdf_dpi / 72
    sizes = (pdf.get_page_size(index) for index in range(count))
    _check_in_all([(int(width * scale), int(height * scale)) for width, height in sizes], limits)
    for index in range(count):
        time.grant()
        page = pdf[index]
        width, height = int(page.get_width() * scale), int(page.get_height() * scale)
        _check_pixels(width, height, limits)
        pixels = width * height + _picture_pixels(page, limits)
        memory.grant(pixels)
        time.grant(pixels=pixels)
        bitmap = page.render(scale=scale, may_draw_forms=False, rev_byteorder=True)
        width, height, png = _clean_png(bitmap.to_pil())
        words = _words(page, scale=scale, page_px=(width, height))
        _send(PageOut(index + 1, width, height, png, words))
        bitmap.close()
        page.close()
    return count


def _picture_pixels(page: Any, limits: Limits) -> int:
    """Pixels of the page's pictures, by what the file says of them; refuses one too large to unpack.

    A picture with more pixels than a page may have is taken only where they are small: a plan scanned in black and
    white at 600 dpi has 70 million of one bit each.
    """
    import pypdfium2.raw as pdfium_raw  # type: ignore[import-untyped]  # it ships no types

    total = 0
    for picture in page.get_objects(filter=[pdfium_raw.FPDF_PAGEOBJ_IMAGE]):
        width, height = picture.get_px_size()
        pixels = width * height
        if pixels > limits.max_pixels:
            bits = max(1, picture.get_metadata().bits_per_pixel)
            if pixels * bits > 8 * limits.max_pixels:
                raise _Refuse("too_many_pixels", f"{width}x{height}")
            pixels = pixels * bits // 8
        total += pixels
    return min(total, limits.max_pixels)


def _words(page: Any, *, scale: float, page_px: tuple[int, int], limit: int = 5_000) -> tuple[WordOut, ...]:
    """Words of the text layer, from the boxes of their characters; none for a scan or a rotated page.

    page_px  (width, height) of the page as it is seen: a layer may say more beyond its edges, which nobody sees
    """
    if page.get_rotation() != 0:
        return ()
    text_page = page.get_textpage()
    count = min(text_page.count_chars(), 50_000)
    left, bottom, _, _ = page.get_cropbox()
    width_px, height_px = page_px
    words: list[WordOut] = []
    letters: list[str] = []
    box: tuple[float, float, float, float] | None = None
    text = text_page.get_text_range(0, count) if count else ""
    if len(text) != count:
        return ()
    for i, letter in enumerate([*text, " "]):
        joined: tuple[float, float, float, float] | None = None
        breaks = letter.isspace() or not letter.isprintable()
        if not breaks:
            x0, y0, x1, y1 = text_page.get_charbox(i, loose=True)
            joined = (x0, y0, x1, y1)
            breaks = box is not None and (abs(y0 - box[1]) > (y1 - y0) / 2 or x0 - box[2] > (y1 - y0))
        if breaks and letters and box is not None:
            left_px, right_px = (round((x - left) * scale) for x in (box[0], box[2]))
            top_px, low_px = (height_px - round((y - bottom) * scale) for y in (box[3], box[1]))
            if 0 <= left_px + right_px < 2 * width_px and 0 <= top_px + low_px < 2 * height_px:
                place = max(0, left_px), max(0, top_px), min(width_px, right_px), min(height_px, low_px)
                words.append(WordOut("".join(letters), *place))
            letters, box = [], None
            if len(words) >= limit:
                break
        if joined is not None:
            letters.append(letter)
            box = (
                joined
                if box is None
                else (min(box[0], joined[0]), min(box[1], joined[1]), max(box[2], joined[2]), max(box[3], joined[3]))
            )
    text_page.close()
    return tuple(words)


def _table_pages(sheets: Iterable[Iterable[list[str]]], limits: Limits, time: _Time) -> int:
    """Each sheet drawn as ruled pages, its texts sent along as words."""
    count = 0
    for rows in sheets:
        rows = list(rows)
        if count + -(-len(rows) // tables_in.ROWS_A_PAGE) > limits.max_pages:  # before a page of them is drawn
            raise _Refuse("too_many_pages", f"more than {limits.max_pages}")
        for drawn in tables_in.drawn_pages(rows):
            count += 1
            time.grant()
            width, height, png = _clean_png(drawn.image)
            words = tuple(WordOut(text, *box) for text, box in drawn.texts)
            _send(PageOut(count, width, height, png, words))
    if not count:
        raise _Refuse("empty_table")
    return count


def _warm_up(*, tables: bool) -> None:
    """Loads every decoder that may be needed, because no file can be opened once the doors are locked."""
    if tables:
        tables_in.warm_up()
    for name in ("ascii", "latin_1", "cp1252", "cp437", "utf_8_sig", "utf_16", "utf_16_le", "utf_16_be", "utf_32"):
        importlib.import_module(f"encodings.{name}")

    import pypdfium2 as pdfium
    from PIL import (
        BmpImagePlugin,
        Image,
        ImageOps,
        ImageSequence,
        JpegImagePlugin,
        MpoImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    del ImageOps, ImageSequence, BmpImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin
    del TiffImagePlugin, WebPImagePlugin
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "PNG")
    for kind in ("JPEG", "TIFF", "BMP", "WEBP"):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, kind)
        buffer.seek(0)
        Image.open(buffer).load()
    importlib.import_module("pypdfium2.raw")
    pdfium.PdfDocument.new().close()


def main() -> int:
    """Reads the file from standard input, sends frames, and ends with 0 also for a refused file."""
    from .sandbox import lock_in

    limits = msgspec.json.decode(sys.argv[1], type=Limits)
    # a look at the first bytes parses nothing; a workbook's decoders cost a third of a second that scans need not pay
    head = cast(io.BufferedReader, sys.stdin.buffer).peek(4)[:4]
    _warm_up(tables=head.startswith(b"PK") or "text" in sys.argv[2:])
    memory = _Memory()
    time = _Time(limits)
    locks = lock_in(memory_bytes=limits.memory_bytes, cpu_seconds=limits.whole_cpu_seconds)
    time.grant()
    data = sys.stdin.buffer.read(limits.max_file_bytes + 1)
    kind: str | None = None
    try:
        if not data:
            raise _Refuse("empty_file")
        if len(data) > limits.max_file_bytes:
            raise _Refuse("too_many_bytes", str(len(data)))
        may_be_text = "text" in sys.argv[2:] and tables_in.looks_separated(data)
        kind = sniff(data[:16]) or ("text" if may_be_text else None)
        if kind is None:
            raise _Refuse("unknown_type")
        match kind:
            case "pdf":
                pages = _pdf_pages(data, limits, memory, time)
            case "zip":
                memory.grant(_TABLE_PIXELS)
                time.grant(seconds=_TABLE_CPU_SECONDS)
                pages = _table_pages(tables_in.workbook_rows(data), limits, time)
            case "text":
                memory.grant(_TABLE_PIXELS)
                pages = _table_pages([tables_in.separated_rows(data)], limits, time)
            case _:
                pages = _image_pages(data, limits, time)
        _send(EndOut(pages, msgspec.json.encode(locks).decode()))
    except tables_in.NoTable as problem:
        _send(RefusedOut(problem.code, problem.detail))
    except _Refuse as refusal:
        _send(RefusedOut(refusal.code, refusal.detail))
    except MemoryError:
        _send(RefusedOut("too_much_memory"))
    except Exception as error:
        # A decoder's complaint about a stranger's bytes, of whatever kind (fuzzing met LookupError, zlib.error and
        # OverflowError where a workbook was damaged inside): its kind is told, its words (may quote the file) are not.
        damaged = {"pdf": "damaged_pdf", "zip": "damaged_table", "text": "damaged_table"}.get(
            kind or "", "damaged_image"
        )
        truncated = damaged == "damaged_image" and "truncated" in str(error).lower()
        _send(RefusedOut("truncated" if truncated else damaged, type(error).__name__))
    return 0


if __name__ == "__main__":
    sys.exit(main())
