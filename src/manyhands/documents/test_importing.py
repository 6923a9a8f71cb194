"""Strangers' files: what is taken, what is refused and with which words, and that a bomb hurts nobody."""

import errno
import io
import json
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

from manyhands.documents.conftest_material import BOMBS, bomb_pdf, bomb_png, pdf_pages, plain_png, workbook_of
from manyhands.documents.import_child import Limits
from manyhands.documents.importing import (
    REASONS,
    Aside,
    ImportedDocument,
    ImportRefused,
    doc_id_of,
    import_file,
    import_folder,
)


def _write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _refused(path: Path, code: str, limits: Limits | None = None) -> ImportRefused:
    got = import_file(path, limits=limits)
    assert isinstance(got, ImportRefused), got
    assert got.code == code
    assert got.file_name == path.name
    assert got.cure
    return got


def _taken(path: Path) -> ImportedDocument:
    got = import_file(path)
    assert isinstance(got, ImportedDocument), got
    return got


def _jpeg(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def test_an_image_becomes_a_clean_page(tmp_path: Path) -> None:
    document = _taken(_write(tmp_path, "scan-7.png", plain_png()))
    (page,) = document.pages
    assert (document.doc_id, page.page_no, page.width, page.height) == ("scan-7", 1, 400, 300)
    assert page.png_bytes.startswith(b"\x89PNG")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (refused,) = import_folder(tmp_path)
    assert isinstance(refused, ImportRefused)
    assert refused.code == "empty_folder"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (refused,) = import_folder(tmp_path / "nowhere")
    assert isinstance(refused, ImportRefused)
    assert refused.code == "no_such_folder"


def test_a_file_without_bytes_is_refused(tmp_path: Path) -> None:
    _refused(_write(tmp_path, "a.png", b""), "empty_file")


def test_a_text_that_calls_itself_an_image_is_refused(tmp_path: Path) -> None:
    _refused(_write(tmp_path, "a.jpg", b"hello, I am no image\n" * 50), "unknown_type")


def test_an_svg_with_a_script_is_refused(tmp_path: Path) -> None:
    _refused(_write(tmp_path, "a.png", b"<svg xmlns='x'><script>alert(1)</script></svg>"), "unknown_type")


def test_a_truncated_jpeg_is_refused(tmp_path: Path) -> None:
    noise = Image.effect_noise((600, 600), 90).convert("RGB")
    _refused(_write(tmp_path, "a.jpg", _jpeg(noise)[:20_000]), "truncated")


def test_a_pdf_with_a_password_is_refused(tmp_path: Path) -> None:
    _refused(_write(tmp_path, "a.pdf", pdf_pages(1, password="secret")), "password")


def test_a_damaged_pdf_is_refused(tmp_path: Path) -> None:
    _refused(_write(tmp_path, "a.pdf", b"%PDF-1.7\n" + b"garbage " * 200), "damaged_pdf")


def test_a_pdf_of_five_hundred_pages_is_refused_with_both_numbers(tmp_path: Path) -> None:
    refused = _refused(_write(tmp_path, "a.pdf", pdf_pages(500)), "too_many_pages")
    assert "500" in refused.reason
    assert "200" in refused.reason


def test_a_png_of_169_megapixels_in_20_kb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    path = _write(tmp_path, "bomb.png", bomb_png())
    assert path.stat().st_size < 40_000
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    refused = _refused(path, "too_many_pixels")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "13000x13000" in refused.reason
    assert after.ru_utime - before.ru_utime < 2


@pytest.mark.parametrize("over", [0, 1])
def test_a_page_of_as_many_pixels_as_one_may_have_is_taken_and_one_more_is_refused_with_its_cure(
    tmp_path: Path, over: int
) -> None:
    path = _write(tmp_path, "scan.png", plain_png())
    limits = Limits(max_pixels=400 * 300 - over)
    if over:
        refused = _refused(path, "too_many_pixels", limits)
        assert "400x300" in refused.reason and "300 dpi" in refused.cure
    else:
        assert isinstance(import_file(path, limits=limits), ImportedDocument)


@pytest.mark.parametrize("skew", [0, 65_535])
def test_a_pdf_bomb_is_refused_by_what_it_says_of_its_picture(tmp_path: Path, skew: int) -> None:
    path = _write(tmp_path, "bomb.pdf", bomb_pdf(skew=skew))
    assert path.stat().st_size < 10_000
    assert "23170x23170" in _refused(path, "too_many_pixels").reason


def test_a_pdf_bomb_that_lies_about_its_picture_is_contained(tmp_path: Path) -> None:
    path = _write(tmp_path, "bomb.pdf", bomb_pdf(side_px=1_000, skew=65_535))
    got = import_file(path, limits=Limits(memory_bytes=900_000_000, page_cpu_seconds=4))
    if isinstance(got, ImportRefused):
        assert got.code in {"too_much_memory", "too_much_time", "damaged_image", "crashed"}
    else:  # the decoder reads as much as the picture is said to hold
        assert len(got.pages) == 1


def test_a_plan_scanned_in_black_and_white_may_have_more_pixels_than_a_page_in_grey(tmp_path: Path) -> None:
    side_px = 8_000
    packed = bomb_pdf(side_px=side_px, bits=1, unpacked=side_px * side_px // 8)
    assert len(_taken(_write(tmp_path, "plan.pdf", packed)).pages) == 1
    _refused(_write(tmp_path, "grey.pdf", bomb_pdf(side_px=side_px, unpacked=1_000)), "too_many_pixels")


def test_a_file_over_the_size_limit_is_refused_without_reading_it(tmp_path: Path) -> None:
    _refused(_write(tmp_path, "a.png", plain_png()), "too_many_bytes", Limits(max_file_bytes=100))


def test_a_polyglot_is_what_its_first_bytes_say_and_nothing_else_leaves(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 64), "white")
    polyglot = _jpeg(image) + b"%PDF-1.7 <script>alert(1)</script>"
    (page,) = _taken(_write(tmp_path, "a.pdf", polyglot)).pages
    assert b"script" not in page.png_bytes


def test_metadata_does_not_leave_the_importer(tmp_path: Path) -> None:
    image = Image.new("RGB", (80, 60), "white")
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif[0x0132] = "2024:01:01 10:00:00"
    (page,) = _taken(_write(tmp_path, "a.jpg", _jpeg(image, exif=exif, comment=b"call me"))).pages
    assert b"taken at home" not in page.png_bytes
    with Image.open(io.BytesIO(page.png_bytes)) as clean:
        assert not clean.info
        assert not clean.getexif()


def test_the_camera_s_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned a quarter
    (page,) = _taken(_write(tmp_path, "a.jpg", _jpeg(Image.new("L", (90, 30), "white"), exif=exif))).pages
    assert (page.width, page.height) == (30, 90)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_every_usual_pixel_mode_is_taken(tmp_path: Path, mode: str) -> None:
    image = Image.new("L", (50, 40), 255).convert(mode) if mode != "I;16" else Image.new("I;16", (50, 40), 60_000)
    out = io.BytesIO()
    image.save(out, "PNG")
    (page,) = _taken(_write(tmp_path, "a.png", out.getvalue())).pages
    with Image.open(io.BytesIO(page.png_bytes)) as clean:
        assert clean.mode in {"L", "RGB"}


def test_what_a_layer_says_beyond_the_edge_of_its_page_is_no_part_of_it(tmp_path: Path) -> None:
    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    pdf = canvas.Canvas(out, pagesize=(300, 200))
    for x, y, text in (
        (20, 100, "seen"),
        (20, 400, "above"),
        (900, 100, "beside"),
        (-200, 50, "before"),
        (289, 60, "mm"),
    ):
        pdf.drawString(x, y, text)
    pdf.save()
    (page,) = _taken(_write(tmp_path, "a.pdf", out.getvalue())).pages
    assert [word.text for word in page.text_layer] == ["seen", "mm"]
    for word in page.text_layer:
        assert 0 <= word.box.x0 < word.box.x1 <= page.width and 0 <= word.box.y0 < word.box.y1 <= page.height


def test_transparent_paper_becomes_white(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (30, 30), (0, 0, 0, 0)).save(out, "PNG")
    (page,) = _taken(_write(tmp_path, "a.png", out.getvalue())).pages
    with Image.open(io.BytesIO(page.png_bytes)) as clean:
        assert clean.convert("L").getextrema() == (255, 255)


def test_a_tiff_of_three_pages_gives_three_pages(tmp_path: Path) -> None:
    pages = [Image.new("L", (60, 60 + i), "white") for i in range(3)]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    document = _taken(_write(tmp_path, "a.tif", out.getvalue()))
    assert [(p.page_no, p.height) for p in document.pages] == [(1, 60), (2, 61), (3, 62)]


def test_a_born_digital_pdf_gives_its_words_with_boxes(tmp_path: Path) -> None:
    document = _taken(_write(tmp_path, "a.pdf", pdf_pages(2, text="Total 12.50")))
    assert len(document.pages) == 2
    words = document.pages[0].text_layer
    assert [w.text for w in words] == ["Total", "12.50"]
    assert words[0].box.x0 == pytest.approx(72 / 72 * 200, abs=6)
    assert words[0].box.x1 < words[1].box.x0


def test_one_bad_file_does_not_stop_the_rest(tmp_path: Path) -> None:
    _write(tmp_path, "a.png", plain_png())
    _write(tmp_path, "b.png", b"no image")
    _write(tmp_path, "c.png", plain_png())
    got = list(import_folder(tmp_path))
    assert [type(g) for g in got] == [ImportedDocument, ImportRefused, ImportedDocument]


def test_files_named_p1_p2_are_pages_of_one_document_in_order(tmp_path: Path) -> None:
    for number, width in ((10, 110), (2, 102), (1, 101)):
        _write(tmp_path, f"lease-p{number}.png", plain_png(width, 200))
    (document,) = import_folder(tmp_path)
    assert isinstance(document, ImportedDocument)
    assert [(p.page_no, p.width) for p in document.pages] == [(1, 101), (2, 102), (10, 110)]


def test_a_document_with_one_bad_page_is_given_after_the_refusal(tmp_path: Path) -> None:
    _write(tmp_path, "lease-p1.png", plain_png())
    _write(tmp_path, "lease-p2.png", b"no image")
    refused, document = import_folder(tmp_path)
    assert isinstance(refused, ImportRefused)
    assert isinstance(document, ImportedDocument)
    assert len(document.pages) == 1


def test_two_files_of_one_stem_are_two_documents(tmp_path: Path) -> None:
    _write(tmp_path, "bill.pdf", pdf_pages(1))
    _write(tmp_path, "bill.png", plain_png())
    ids = [d.doc_id for d in import_folder(tmp_path) if isinstance(d, ImportedDocument)]
    assert ids == ["bill", "bill-png"]


def test_hidden_files_and_links_are_passed_over(tmp_path: Path) -> None:
    _write(tmp_path, "a.png", plain_png())
    _write(tmp_path, ".DS_Store", b"x")
    (tmp_path / "link.png").symlink_to("/etc/passwd")
    assert len(list(import_folder(tmp_path))) == 1


def test_a_name_cannot_leave_its_folder() -> None:
    assert doc_id_of("../../etc/passwd") == "etc-passwd"


def test_every_reason_has_a_sentence_and_a_cure() -> None:
    assert all(reason and cure for reason, cure in REASONS.values())


_PRY = """
import os, socket, sys
from manyhands.documents.sandbox import lock_in
locks = lock_in(memory_bytes=600_000_000, cpu_seconds=5)
said = [f"no_files={locks.no_files} no_network={locks.no_network}"]
for name, attempt in (
    ("read", lambda: open("/etc/hostname").read()),
    ("write", lambda: os.write(os.open("/tmp/pried", os.O_CREAT | os.O_WRONLY), b"x")),
    ("run", lambda: os.execv("/bin/true", ["true"])),
    ("connect", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)),
    ("memory", lambda: bytearray(800_000_000)),
):
    try:
        attempt()
        said.append(name + "=yes")
    except (OSError, MemoryError) as error:
        said.append(name + "=no")
print(" ".join(said))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the locks are Linux's; elsewhere only limits hold")
def test_the_child_can_neither_read_write_run_nor_connect() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-I", "-c", _PRY, port], capture_output=True, text=True, timeout=60, check=True
        )
    assert "memory=no" in done.stdout
    assert "write=no" in done.stdout
    if "no_files=True" in done.stdout:
        assert "read=no" in done.stdout
        assert "run=no" in done.stdout
    if "no_network=True" in done.stdout:
        assert "connect=no" in done.stdout


def _workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_and_separated_text_come_in_as_ruled_pages_with_their_texts(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Account", "Debit", "Credit"], ["4400", 12.5, None], ["1200", None, 12.5]]
    texts = ["Account", "Debit", "Credit", "4400", "12.5", "1200", "12.5"]
    separated = "\n".join(";".join("" if v is None else str(v) for v in row) for row in rows).encode()
    for name, data in (("ledger.xlsx", _workbook(rows)), ("ledger.csv", separated)):
        document = import_file(_write(tmp_path, name, data))
        assert isinstance(document, ImportedDocument), document
        (page,) = document.pages
        assert [word.text for word in page.text_layer] == texts
        boxes = [word.box for word in page.text_layer]
        assert all(0 < b.x0 < b.x1 < page.width and 0 < b.y0 < b.y1 < page.height for b in boxes)


def test_a_long_table_becomes_several_pages_and_prose_is_no_table(tmp_path: Path) -> None:
    long = import_file(_write(tmp_path, "long.csv", "\n".join(f"{n},{n * n}" for n in range(95)).encode()))
    assert isinstance(long, ImportedDocument) and len(long.pages) == 3
    _refused(_write(tmp_path, "prose.csv", b"This is a letter.\nIt has no columns at all.\n" * 20), "unknown_type")
    _refused(_write(tmp_path, "named.txt", b"a,b\n1,2\n"), "unknown_type")


def test_a_zip_that_is_no_workbook_or_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 90_000_000)
    _refused(_write(tmp_path, "bomb.xlsx", out.getvalue()), "too_large_table")
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("readme.txt", b"hello")
    _refused(_write(tmp_path, "plain.xlsx", plain.getvalue()), "unknown_type")
    _refused(_write(tmp_path, "broken.xlsx", out.getvalue()[:-200]), "damaged_table")


def test_a_table_is_refused_by_its_rows_before_a_page_of_it_is_drawn(tmp_path: Path) -> None:
    two_pages = Limits(max_pages=2)
    for rows, fits in ((80, True), (81, False)):
        path = _write(tmp_path, f"{rows}.csv", b"1,2\n" * rows)
        got = import_file(path, limits=two_pages)
        assert isinstance(got, ImportedDocument) is fits, got
    assert isinstance(got, ImportRefused) and got.code == "too_many_pages"


def test_empty_cells_do_not_count_towards_what_a_workbook_may_hold(tmp_path: Path) -> None:
    far = b'<row r="%d"><c r="A%d"><v>1</v></c><c r="BH%d"><v>1</v></c></row>'
    rows = b"".join(far % (n, n, n) for n in range(1, 61))
    assert len(_taken(_write(tmp_path, "wide.xlsx", workbook_of(rows))).pages) == 2
    _refused(_write(tmp_path, "full.xlsx", BOMBS["half a million cells.xlsx"]()), "too_large_table")


def test_an_archive_is_counted_by_its_last_bytes(tmp_path: Path) -> None:
    whole = workbook_of(b"")
    end = whole.rfind(b"PK\x05\x06")
    _refused(_write(tmp_path, "lies.xlsx", whole[: end + 10] + b"\xff\xff" + whole[end + 12 :]), "too_large_table")
    _refused(_write(tmp_path, "endless.xlsx", whole[:end]), "damaged_table")


def test_pages_together_may_hold_so_many_pixels(tmp_path: Path) -> None:
    pages, out = [Image.new("L", (60, 60), "white") for _ in range(3)], io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    path = _write(tmp_path, "a.tif", out.getvalue())
    assert isinstance(import_file(path, limits=Limits(max_pixels_in_all=3 * 3_600)), ImportedDocument)
    _refused(path, "too_many_pixels_in_all", Limits(max_pixels_in_all=3 * 3_600 - 1))


MEASURED = """
import json, resource, sys
from pathlib import Path
from manyhands.documents.importing import import_file
got = import_file(Path(sys.argv[1]))
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([getattr(got, "code", "taken"), used.ru_utime + used.ru_stime, used.ru_maxrss // 1024]))
"""


@pytest.mark.nightly
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_at_most_two_seconds_and_256_mib(name: str, tmp_path: Path) -> None:
    path = _write(tmp_path, name, BOMBS[name]())
    told = subprocess.run([sys.executable, "-c", MEASURED, str(path)], capture_output=True, check=True, timeout=120)
    code, cpu_s, rss_mib = json.loads(told.stdout)
    print(f"{name}: {code}, {cpu_s:.2f} s CPU, {rss_mib} MiB")
    # what is said to be small is unpacked no further than that
    assert code != "taken" or "said to be small" in name
    assert cpu_s <= 2.0 and rss_mib <= 256


@pytest.fixture(scope="module")
def sheet_at_600_dpi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An A4 sheet in colour, scanned at 600 dpi: 35 million pixels, and paper that is not quite white."""
    across, down = round(8.27 * 600), round(11.69 * 600)
    grain = np.random.default_rng(1).integers(235, 256, (down // 4, across, 3), dtype=np.uint8)
    sheet = Image.fromarray(np.tile(grain, (4, 1, 1)))
    path = tmp_path_factory.mktemp("scans") / "sheet.tif"
    sheet.save(path, compression="jpeg", quality=75, dpi=(600, 600))
    return path


def test_a_sheet_in_colour_at_600_dpi_is_taken_because_its_pixels_earn_it_time(sheet_at_600_dpi: Path) -> None:
    got = import_file(sheet_at_600_dpi)
    assert isinstance(got, ImportedDocument)
    (page,) = got.pages
    assert page.width * page.height > 34_000_000
    limits = Limits()
    assert limits.of_pixels_s(page.width * page.height) == 7
    assert limits.whole_cpu_seconds == limits.cpu_seconds + 400


def test_a_page_that_takes_longer_than_it_earns_is_refused_with_a_cure(sheet_at_600_dpi: Path) -> None:
    found = _refused(sheet_at_600_dpi, "too_much_time", Limits(cpu_seconds=1, page_cpu_seconds=1, mpx_cpu_ms=0))
    assert "scan it anew" in found.cure


def test_pages_are_laid_aside_and_read_from_there_as_often_as_wanted(tmp_path: Path) -> None:
    pages = [Image.new("L", (60, 40 + n), 255 - n) for n in range(3)]
    path = tmp_path / "three.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    got = import_file(path)
    assert isinstance(got, ImportedDocument)
    for n, page in enumerate(got.pages):
        assert page.png_bytes == page.png_bytes
        with Image.open(io.BytesIO(page.png_bytes)) as image:
            assert (image.size, image.getpixel((0, 0))) == ((60, 40 + n), 255 - n)
    assert len({page.png.file.fileno() for page in got.pages}) == 1, "a document of many files opens one of ours"


def test_where_there_is_no_room_for_pages_the_file_is_named_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(raw: bytes, file: object) -> Aside:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Aside, "laid", no_room)
    found = _refused(_write(tmp_path, "a.png", plain_png()), "no_room")
    assert "Free room" in found.cure


@pytest.mark.parametrize("over", [0, 1])
def test_a_file_of_as_many_bytes_as_one_may_have_is_taken_and_one_byte_more_is_refused_by_the_limit(
    tmp_path: Path, over: int
) -> None:
    path = _write(tmp_path, "scan.png", plain_png())
    at_most = Limits(max_file_bytes=path.stat().st_size - over)
    if over:
        assert "larger than" in _refused(path, "too_many_bytes", at_most).reason
    else:
        assert isinstance(import_file(path, limits=at_most), ImportedDocument)
