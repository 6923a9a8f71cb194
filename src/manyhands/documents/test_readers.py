"""Machine readers on a page that the project renders: real models from the wheels, no network."""

import socket
from typing import Any

import pytest

from manyhands.documents.acceptance import AcceptUnseen, decide_unseen, wrong_among_accepted
from manyhands.documents.conftest_material import plain_png
from manyhands.documents.cutter import cut
from manyhands.documents.errors import UnreadableImage
from manyhands.documents.estimate import estimate_page
from manyhands.documents.model import Box, PageReadings, Reading
from manyhands.documents.readers import Place, ReaderNotInstalled, UnknownReader, decode_page, make_readers, read_page
from manyhands.documents.readers.alphabet import LANGUAGES, alphabet
from manyhands.documents.readers.onnx_text import model_in_wheel
from manyhands.documents.samples import sample_documents
from manyhands.documents.text import same_value
from manyhands.documents.truth import truth_for_pieces

RECEIPT, _, TABLE = sample_documents(seed=11, receipts=1)


@pytest.fixture(scope="module")
def readers() -> Any:
    return make_readers()


@pytest.fixture(scope="module")
def receipt(readers: Any) -> PageReadings:
    return read_page(RECEIPT.pages[0], readers, kind="receipt")


@pytest.fixture(scope="module")
def table(readers: Any) -> PageReadings:
    return read_page(TABLE.pages[0], readers[:1], kind="table")


def test_every_line_of_a_rendered_receipt_is_found(receipt: PageReadings) -> None:
    truth = truth_for_pieces(cut(receipt, doc_id="r"), RECEIPT.truth)
    given = "".join(truth.values()).replace(" ", "").upper()
    wanted = "".join(line["text"] for line in RECEIPT.truth["lines"]).replace(" ", "").upper()
    assert sorted(given) == sorted(wanted)


def test_every_spot_has_an_opinion_of_every_reader(receipt: PageReadings) -> None:
    assert receipt.readers == ("ppocr6", "ppocr4")
    for spot in receipt.spots:
        assert [r.reader for r in spot.readings] == ["ppocr6", "ppocr4"]


def test_what_is_accepted_unseen_on_it_is_right(receipt: PageReadings) -> None:
    pieces = cut(receipt, doc_id="r")
    decisions = decide_unseen(pieces)
    assert sum(isinstance(d, AcceptUnseen) for d in decisions.values()) >= len(pieces) // 4
    wrong, _ = wrong_among_accepted(decisions, truth_for_pieces(pieces, RECEIPT.truth))
    assert wrong == 0


def test_a_ruled_table_is_cut_cell_by_cell_with_its_dashes(table: PageReadings) -> None:
    (grid,) = table.tables
    assert (grid.rows, grid.cols) == (8, 4)
    pieces = cut(table, doc_id="t")
    truth = truth_for_pieces(pieces, TABLE.truth)
    cells: dict[tuple[int, int], str] = {}
    for piece in pieces:
        if piece.row is not None and piece.col is not None:
            cells[piece.row, piece.col] = (cells.get((piece.row, piece.col), "") + " " + truth[piece.piece_id]).strip()
    wanted = {(c["row"], c["col"]): c["text"] for c in TABLE.truth["tables"][0]["cells"]}
    assert {k: v.replace(" ", "") for k, v in cells.items()} == {k: v.replace(" ", "") for k, v in wanted.items()}


def test_without_any_reader_people_still_get_pieces() -> None:
    page = read_page(RECEIPT.pages[0], (), kind="receipt")
    pieces = cut(page, doc_id="r")
    truth = truth_for_pieces(pieces, RECEIPT.truth)
    given = "".join(truth.values()).replace(" ", "")
    wanted = "".join(line["text"] for line in RECEIPT.truth["lines"]).replace(" ", "")
    assert sorted(given) == sorted(wanted)
    assert page.readers == ()


def test_readers_never_reach_for_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a reader opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    (first, *_) = make_readers(("ppocr6",))
    assert first.name == "ppocr6"


def test_an_unknown_reader_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownReader) as refused:
        make_readers(("crystal_ball",))
    assert "ppocr6" in refused.value.known


def test_a_reader_that_is_not_installed_says_what_is_missing() -> None:
    with pytest.raises(ReaderNotInstalled) as refused:
        model_in_wheel("no_such_package", "x.onnx", reader="x")
    assert "no_such_package" in refused.value.missing


def test_none_means_no_reader() -> None:
    assert make_readers(("none",)) == ()


def test_bytes_that_are_no_image_are_refused() -> None:
    with pytest.raises(UnreadableImage):
        read_page(b"no image", (), kind="receipt")


def test_every_alphabet_holds_digits_and_no_ideograph() -> None:
    for language in LANGUAGES:
        letters = alphabet((language,))
        assert set("0123456789.,-") <= letters
        assert not any(ord(c) > 0x2FFF for c in letters)


@pytest.mark.parametrize("sample", [RECEIPT, TABLE], ids=lambda s: s.doc_id)
def test_the_estimate_is_near_and_its_upper_bound_holds(sample: Any) -> None:
    estimate = estimate_page(sample.pages[0])
    real = len(sample.truth["lines"])
    assert real * 6 // 10 <= estimate.pieces <= 2 * real
    assert real <= estimate.pieces_max


def test_an_empty_page_is_estimated_as_empty() -> None:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("L", (500, 700), 255).save(out, "PNG")
    assert estimate_page(out.getvalue()).pieces == 0


def test_tesseract_without_its_program_is_refused_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ReaderNotInstalled, match="apt-get install tesseract-ocr"):
        make_readers(("tesseract",))
    assert make_readers(("none",)) == ()


@pytest.fixture(scope="module")
def tesseract() -> Any:
    try:
        (reader,) = make_readers(("tesseract",))
    except ReaderNotInstalled as missing:
        pytest.skip(f"the real program is not tried: {missing}")
    return reader


def test_the_real_tesseract_finds_and_reads_a_rendered_receipt(tesseract: Any) -> None:
    page = decode_page(RECEIPT.pages[0])
    places = tesseract.find(page)
    lines = [(Box(*line["box"]), line["text"]) for line in RECEIPT.truth["lines"]]
    found = [box for box, _ in lines if any(box.shared(p.box).area_px * 2 >= box.area_px for p in places)]
    assert len(found) * 10 >= len(lines) * 9
    readings = tesseract.recognise(page, [Place(box) for box, _ in lines])
    assert [r.box for r in readings] == [box for box, _ in lines]  # one per place, in their order
    right = sum(same_value(r.text, text) for r, (_, text) in zip(readings, lines, strict=True))
    assert right * 10 >= len(lines) * 7
    assert all(0 <= r.weakest_bp <= r.confidence_bp <= 10_000 for r in readings)


def test_the_real_tesseract_reads_nothing_where_nothing_stands(tesseract: Any) -> None:
    page = decode_page(plain_png(400, 300))
    assert [r.text for r in tesseract.recognise(page, [Place(Box(20, 100, 380, 140))])] == [""]
    assert tesseract.recognise(page, []) == []


def test_the_real_tesseract_without_a_language_s_data_names_its_package(tesseract: Any) -> None:
    with pytest.raises(ReaderNotInstalled, match="tesseract-ocr-"):
        make_readers(("tesseract",), languages=("xx",))


def test_a_third_reader_has_an_opinion_of_every_spot(tesseract: Any, readers: Any) -> None:
    page = read_page(RECEIPT.pages[0], (*readers, tesseract), kind="receipt")
    assert page.readers == ("ppocr6", "ppocr4", "tesseract")
    for spot in page.spots:
        assert [r.reader for r in spot.readings] == ["ppocr6", "ppocr4", "tesseract"]


def test_the_real_tesseract_finds_label_and_amount_apart(tesseract: Any) -> None:
    places = [place.box for place in tesseract.find(decode_page(RECEIPT.pages[0]))]
    line_px = sorted(box.height_px for box in places)[len(places) // 2]
    total, amount = (
        next(Box(*line["box"]) for line in RECEIPT.truth["lines"] if line["text"] == text)
        for text in ("TOTAL :", RECEIPT.truth["fields"]["total"])
    )
    assert amount.x0 - total.x1 > 2 * line_px
    assert not any(box.shared(total).area_px and box.shared(amount).area_px for box in places)


def test_a_layer_s_words_that_stand_nowhere_on_the_page_harm_nobody() -> None:
    boxes = [
        Box(10, -50, 90, -20),
        Box(500, 10, 600, 40),
        Box(10, 10, 10, 40),
        Box(90, 40, 10, 10),
        Box(10, 290, 90, 320),
    ]
    told = [Reading("text_layer", "hidden", 10_000, box, 10_000) for box in (*boxes, Box(10, 10, 90, 40))]
    page = read_page(plain_png(400, 300), make_readers(("ppocr4",)), kind="invoice", text_layer=told)
    told_at = [spot.box for spot in page.spots if any(r.reader == "text_layer" for r in spot.readings)]
    assert told_at == [Box(10, 10, 90, 40)]
