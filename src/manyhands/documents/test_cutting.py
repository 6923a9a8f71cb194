"""Cutting and putting together again: nothing lost, nothing made up, nothing shown that is not the piece's own."""

import io
import json
import random
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manyhands.documents.assemble import assemble
from manyhands.documents.conftest_material import readings_from_truth, shuffled
from manyhands.documents.cutter import cut, render_cutting, render_cuttings
from manyhands.documents.errors import PageMissing, PieceUndecided
from manyhands.documents.layout import (
    beside_text,
    faint_ink_mask,
    glyphs_of,
    joined_places,
    line_ink,
    reading_order,
    segments_of,
    unseen_ink,
)
from manyhands.documents.model import (
    Box,
    Decision,
    PageImage,
    PageReadings,
    PageRecord,
    PieceRecord,
    Reading,
    Spot,
    TableCell,
    TableGrid,
)
from manyhands.documents.readers.ruled import parted, without_strokes
from manyhands.documents.samples import sample_documents
from manyhands.documents.truth import simulate_answer, truth_for_pieces

SAMPLES = sample_documents(seed=7, receipts=2)
WORD = st.text(alphabet="ABCDEFGHKLMNPRSTUXabcdef0123456789.,-/&", min_size=1, max_size=9)


@st.composite
def pages(draw: st.DrawFn) -> tuple[PageReadings, dict[str, Any]]:
    """A page of text lines and one table, with a truth, and spots that split the lines at random words."""
    spots: list[Spot] = []
    truth: list[dict[str, Any]] = []
    y = 20
    for number in range(draw(st.integers(1, 8))):
        words = draw(st.lists(WORD, min_size=1, max_size=6))
        text, x = " ".join(words), 30
        truth.append({"page": 1, "box": [x, y, x + 12 * len(text), y + 24], "text": text})
        start = 0
        for end in sorted({*draw(st.lists(st.integers(1, len(words)), max_size=2)), len(words)}):
            part = " ".join(words[start:end])
            if not part:
                continue
            offset = len(" ".join(words[:start])) + (1 if start else 0)
            box = Box(x + 12 * offset, y, x + 12 * (offset + len(part)), y + 24)
            seen = draw(st.sampled_from([part, part.lower(), part.replace(" ", "")]))
            spots.append(Spot(box, (Reading("a", seen, 9_000, box, 8_000),), line_group=number))
            start = end
        y += 40
    rows, cols = draw(st.integers(2, 4)), draw(st.integers(2, 3))
    cells = []
    for r in range(rows):
        for c in range(cols):
            cell = Box(30 + 200 * c, y + 40 * r, 230 + 200 * c, y + 40 * (r + 1))
            cells.append(TableCell(r, c, r, c, cell))
            text = draw(st.one_of(st.just(""), st.just("-"), WORD))
            if text:
                box = Box(cell.x0 + 10, cell.y0 + 8, cell.x0 + 10 + 12 * len(text), cell.y0 + 32)
                truth.append({"page": 1, "box": [box.x0, box.y0, box.x1, box.y1], "text": text})
            else:
                box = cell
            place = {"table_no": 0, "row": r, "col": c, "row_end": r, "col_end": c}
            spots.append(Spot(box, (), line_group=100 + len(cells), empty=not text, **place))
    grid = TableGrid(0, 1, Box(30, y, 30 + 200 * cols, y + 40 * rows), rows, cols, tuple(cells))
    return PageReadings(1, 900, y + 400, tuple(spots), (grid,)), {"lines": truth}


def _assembled(page: PageReadings, truth: dict[str, Any], seed: int) -> Any:
    pieces = cut(page, doc_id="made")
    answers = truth_for_pieces(pieces, truth)
    records = [PieceRecord(p, Decision("people", answers[p.piece_id], "keyed", people_asked=1)) for p in pieces]
    image = PageImage(1, page.width_px, page.height_px)
    return assemble("made", "table", [PageRecord("made", image, tuple(shuffled(records, seed)), page.tables)])


def _tight(text: str) -> str:
    return text.replace(" ", "").upper()


def _check_nothing_is_lost(page: PageReadings, truth: dict[str, Any], seed: int) -> None:
    record = _assembled(page, truth, seed)
    wanted = sorted((line["box"][1], _tight(line["text"])) for line in truth["lines"])
    got: dict[tuple[int, int], str] = {}
    for line in record.lines:
        got[line.box.y0, line.box.x0] = _tight(line.text)
    assert sorted((y, t) for (y, _), t in got.items()) == wanted
    (table,) = record.tables
    texts = {(c.row, c.col): c.text for c in table.cells}
    for spot in page.spots:
        if spot.row is None:
            continue
        inside = [
            line["text"] for line in truth["lines"] if (line["box"][0], line["box"][1]) == (spot.box.x0, spot.box.y0)
        ]
        assert _tight(texts[spot.row, spot.col or 0]) == _tight("".join(inside))


@settings(max_examples=150, deadline=None)
@given(pages(), st.integers(0, 1000))
def test_cut_shuffle_answer_and_assemble_gives_the_page_back(
    made: tuple[PageReadings, dict[str, Any]], seed: int
) -> None:
    _check_nothing_is_lost(*made, seed)


@pytest.mark.nightly
@settings(max_examples=10_000, deadline=None)
@given(pages(), st.integers(0, 1000))
def test_ten_thousand_pages_come_back_whole(made: tuple[PageReadings, dict[str, Any]], seed: int) -> None:
    _check_nothing_is_lost(*made, seed)


@settings(max_examples=50, deadline=None)
@given(pages())
def test_the_order_of_records_changes_nothing(made: tuple[PageReadings, dict[str, Any]]) -> None:
    page, truth = made
    assert _assembled(page, truth, 1) == _assembled(page, truth, 2)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.doc_id)
def test_perfect_answers_to_a_rendered_document_give_its_truth(sample: Any) -> None:
    page = readings_from_truth(sample.truth)
    pieces = cut(page, doc_id=sample.doc_id)
    answers = truth_for_pieces(pieces, sample.truth)
    records = tuple(PieceRecord(p, Decision("people", answers[p.piece_id], "keyed")) for p in pieces)
    image = PageImage(1, page.width_px, page.height_px)
    record = assemble(sample.doc_id, sample.kind, [PageRecord(sample.doc_id, image, records)])
    assert sorted(line.text for line in record.lines) == sorted(line["text"] for line in sample.truth["lines"])
    for name, value in sample.truth["fields"].items():
        field = record.field(name)
        assert field is not None, name
        assert field.value == value


def test_a_piece_s_id_tells_nothing_and_is_the_same_again() -> None:
    page = readings_from_truth(SAMPLES[0].truth)
    first = [p.piece_id for p in cut(page, doc_id="a", salt=b"one")]
    assert first == [p.piece_id for p in cut(page, doc_id="a", salt=b"one")]
    assert not set(first) & {p.piece_id for p in cut(page, doc_id="a", salt=b"two")}
    assert not set(first) & {p.piece_id for p in cut(page, doc_id="b", salt=b"one")}
    assert len(set(first)) == len(first)


def test_a_cutting_shows_nothing_of_its_neighbours() -> None:
    page = np.full((200, 400), 250, np.uint8)
    page[50:70, 20:380] = 0  # own line
    page[74:94, 20:380] = 90  # the line below, within the padding
    out = io.BytesIO()
    Image.fromarray(page).save(out, "PNG")
    own, below = Box(20, 48, 380, 72), Box(20, 73, 380, 96)
    (piece,) = (p for p in cut(_two_lines(own, below), doc_id="x") if p.box == own)
    shown = np.asarray(Image.open(io.BytesIO(render_cutting(out.getvalue(), piece, [own, below]))))
    bare = np.asarray(Image.open(io.BytesIO(render_cutting(out.getvalue(), piece, [own]))))
    assert (shown[-8:] > 200).all()
    assert (bare[-4:] < 150).any()


def _two_lines(own: Box, below: Box) -> PageReadings:
    return PageReadings(1, 400, 200, (Spot(own), Spot(below, line_group=1)))


def test_a_cutting_is_a_grey_png_without_metadata_of_a_steady_height() -> None:
    sample = SAMPLES[0]
    pieces = cut(readings_from_truth(sample.truth), doc_id=sample.doc_id)
    for png in render_cuttings(sample.pages[0], pieces).values():
        chunks, at = [], 8
        while at < len(png):
            (length,) = struct.unpack(">I", png[at : at + 4])
            chunks.append(png[at + 4 : at + 8])
            at += 12 + length
        assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}
        with Image.open(io.BytesIO(png)) as image:
            assert image.mode == "L"
            assert 30 <= image.height <= 140


def test_a_missing_page_and_an_open_piece_are_refused() -> None:
    page = readings_from_truth(SAMPLES[0].truth)
    (piece, *_) = cut(page, doc_id="a")
    image = PageImage(2, 100, 100)
    with pytest.raises(PageMissing):
        assemble("a", "receipt", [PageRecord("a", image, ())])
    open_piece = PieceRecord(piece, Decision("open", "", "nobody yet"))
    only = PageRecord("a", PageImage(1, 100, 100), (open_piece,))
    with pytest.raises(PieceUndecided):
        assemble("a", "receipt", [only])
    assert assemble("a", "receipt", [only], allow_open=True).lines == ()


def test_every_value_says_how_it_was_decided_and_from_which_pieces() -> None:
    page = readings_from_truth(SAMPLES[0].truth)
    pieces = cut(page, doc_id="a")
    answers = truth_for_pieces(pieces, SAMPLES[0].truth)
    records = tuple(PieceRecord(p, Decision("machine", answers[p.piece_id], "agreed")) for p in pieces)
    record = assemble("a", "receipt", [PageRecord("a", PageImage(1, 560, 900), records)])
    total = record.field("total")
    assert total is not None
    assert total.how == "machine"
    assert set(total.pieces) <= {p.piece_id for p in pieces}
    assert total.because


# ---------------------------------------------------------------- geometry


def _ink(*runs: tuple[int, int], width: int = 400, height: int = 20) -> Any:
    mask = np.zeros((height, width), np.bool_)
    for a, b in runs:
        mask[4:16, a:b] = True
    return mask


def test_a_line_is_split_at_a_gap_wider_than_its_height() -> None:
    parts = segments_of(_ink((0, 100), (150, 400)))
    assert len(parts) == 2


def test_a_line_is_not_split_between_letters() -> None:
    parts = segments_of(_ink(*[(i, i + 9) for i in range(0, 300, 12)], width=300))
    assert len(parts) == 1


def test_a_long_line_is_split_between_words_only() -> None:
    runs = [(word * 60 + letter * 12, word * 60 + letter * 12 + 10) for word in range(15) for letter in range(4)]
    parts = segments_of(_ink(*runs, width=900))
    assert len(parts) >= 3
    for part in parts[1:]:
        at = part.start_bp * 900 // 10_000
        assert at % 60 >= 44 or at % 60 <= 2


def test_marks_are_counted_so_that_a_lost_point_shows() -> None:
    mask = np.zeros((30, 120), np.bool_)
    for x in (5, 30, 70, 95):
        mask[5:25, x : x + 14] = True
    assert glyphs_of(mask) == 4
    mask[21:25, 55:59] = True
    assert glyphs_of(mask) == 5


def test_a_line_of_blank_paper_has_no_ink() -> None:
    assert not line_ink(np.full((20, 100), 240, np.uint8)).any()


def test_reading_goes_row_by_row() -> None:
    boxes = [Box(200, 12, 260, 30), Box(10, 50, 60, 70), Box(10, 10, 60, 30)]
    assert reading_order(boxes) == [2, 0, 1]


def test_a_merged_heading_is_parted_over_the_columns_that_its_texts_stand_over() -> None:
    columns = [Box(x, 40, x + 100, 80) for x in (0, 100, 200, 300, 400)]
    below = tuple(TableCell(1, n, 1, n, box) for n, box in enumerate(columns))
    merged = TableCell(0, 0, 0, 4, Box(0, 0, 500, 40))
    grid = TableGrid(0, 1, Box(0, 0, 500, 80), 2, 5, (merged, *below))
    headings = [Box(140, 10, 260, 30), Box(340, 10, 460, 30)]
    top = [(c.col, c.col_end) for c in parted(grid, headings).cells if c.row == 0]
    assert top == [(0, 0), (1, 2), (3, 4)]
    assert parted(grid, [Box(100, 10, 460, 30)]) == grid, "one heading over all columns stays one cell"


def test_a_column_that_only_a_letters_stroke_parts_is_none() -> None:
    heights = range(0, 160, 20)
    whole = {row: Box(0, y, 200, y + 20) for row, y in enumerate(heights)}
    right = tuple(TableCell(row, 2, row, 2, Box(200, y, 300, y + 20)) for row, y in enumerate(heights) if row)
    head = TableCell(0, 0, 0, 2, Box(0, 0, 300, 20))
    left = tuple(TableCell(row, 0, row, 1, box) for row, box in whole.items() if row not in (0, 5))
    struck = (TableCell(5, 0, 5, 0, Box(0, 100, 90, 120)), TableCell(5, 1, 5, 1, Box(90, 100, 200, 120)))
    grid = TableGrid(0, 1, Box(0, 0, 300, 160), 8, 3, (head, *left, *struck, *right))
    texts = [Box(5, y + 3, 150, y + 17) for y in heights]

    mended = without_strokes(grid, texts)

    assert (mended.rows, mended.cols) == (8, 2)
    assert [(c.row, c.col, c.row_end, c.col_end, c.box) for c in mended.cells if c.row in (0, 5)] == [
        (0, 0, 0, 1, head.box),
        (5, 0, 5, 0, whole[5]),
        (5, 1, 5, 1, Box(200, 100, 300, 120)),
    ]
    beside = [*(t for t in texts if t.y0 != 103), Box(5, 103, 80, 117), Box(100, 103, 150, 117)]
    assert without_strokes(grid, beside) == grid, "texts stand beside the edge: it is a rule"
    often = grid.cells[:1] + tuple(
        TableCell(row, col, row, col, Box(100 * col, y, 100 * col + 100, y + 20))
        for row, y in enumerate(heights)
        if row
        for col in range(3)
    )
    every_row = TableGrid(0, 1, grid.box, 8, 3, often)
    assert without_strokes(every_row, texts) == every_row, (
        "an edge of most rows is a rule, even where a reader joined two texts"
    )


def test_a_faint_word_beside_text_is_found_and_a_crease_is_not() -> None:
    page = np.full((60, 300), 250, np.uint8)
    page[20:40, 200:280] = 20
    page[20:40, 100:110] = 225
    page[50:52, 0:150] = 225
    marks = unseen_ink(faint_ink_mask(page), [Box(200, 18, 280, 42)], line_px=24)
    beside = [box for box in marks if beside_text(box, [Box(200, 18, 280, 42)])]
    assert [box.shared(Box(98, 18, 112, 42)) == box for box in beside] == [True]


# ---------------------------------------------------------------- simulated people


def test_simulated_people_err_as_often_as_said_and_sometimes_with_the_machine() -> None:
    rng = random.Random(3)
    box = Box(0, 0, 10, 10)
    machine = (Reading("a", "80.90", 9_000, box),)
    said = [simulate_answer("80.96", machine, error_rate=0.3, rng=rng) for _ in range(2_000)]
    wrong = [t for t in said if t != "80.96"]
    assert 500 < len(wrong) < 700
    assert 50 < wrong.count("80.90") < 140


def test_simulated_people_without_errors_are_perfect() -> None:
    rng = random.Random(3)
    assert all(simulate_answer("a", (), error_rate=0.0, rng=rng) == "a" for _ in range(100))


def test_samples_are_the_same_for_the_same_seed() -> None:
    again = sample_documents(seed=7, receipts=2)
    assert [d.pages for d in again] == [d.pages for d in SAMPLES]
    assert json.dumps([d.truth for d in again]) == json.dumps([d.truth for d in SAMPLES])
    assert sample_documents(seed=8, receipts=2)[0].pages != SAMPLES[0].pages


def test_what_two_readers_see_is_there_once_however_wide_their_margins_are() -> None:
    word = Box(165, 872, 248, 892)
    assert joined_places([word], [Box(152, 857, 260, 904)]) == [], "a detector's margin around small letters"
    assert joined_places([word], [Box(260, 872, 340, 892)]) == [(0, ())], "the next word"
    assert joined_places([word], [Box(165, 900, 248, 920)]) == [(0, ())], "the next line"


def test_a_line_that_the_first_reader_saw_in_part_takes_that_part_in() -> None:
    part, line = Box(1047, 513, 1109, 543), Box(1040, 506, 1157, 546)
    assert joined_places([part], [line]) == [(0, (0,))]
    assert joined_places([part, Box(1047, 400, 1109, 430)], [line]) == [(0, (0,))], "no line of elsewhere"
    assert joined_places([Box(1047, 513, 1059, 518)], [line]) == [(0, ())], "a speck in a line is no part of its text"


def test_a_box_over_two_lines_leaves_the_line_that_was_seen_alone() -> None:
    assert joined_places([Box(100, 100, 150, 120)], [Box(95, 95, 260, 165)]) == [(0, ())]
