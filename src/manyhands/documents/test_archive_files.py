"""What leaves for archives is valid, and what a reader of the searchable PDF finds is the record: for any record."""

import io
import unicodedata
import xml.etree.ElementTree as ET

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from manyhands.documents.assemble import assemble
from manyhands.documents.conftest_archive import alto_faults, hocr_faults
from manyhands.documents.conftest_material import plain_png
from manyhands.documents.model import (
    Box,
    CellValue,
    Decision,
    DocumentRecord,
    How,
    Line,
    PageImage,
    PageRecord,
    Piece,
    PieceRecord,
    Straight,
    TableValue,
)
from manyhands.documents.writers import alto_xml, hocr_html, searchable_pdf
from manyhands.documents.writers.words import right_to_left

HOWS: tuple[How, ...] = ("machine", "people", "blank", "unreadable", "open")
ODD = "<>&\"'\\;\x00\x01\x0b\x1c\x7f\x85\u2028\u200f\ufffe\ufffd\U0001f600\U00020000e\u0301\u00a0\t\n"
texts = st.one_of(
    st.text(st.characters(codec="utf-8") | st.sampled_from(ODD), max_size=40),
    st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF) | st.sampled_from("aé"), max_size=4),
    st.sampled_from(["", "שלום 12", "TOTAL", "]]>", "<!--", "&#0;", "x" * 3_000]),
)
boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    *(st.integers(-20, 900), st.integers(-20, 900), st.integers(0, 900), st.integers(0, 900)),
)
confidences = st.none() | st.integers(0, 10_000)


@st.composite
def any_records(draw: st.DrawFn) -> DocumentRecord:
    """Records as they could only come from a broken or hostile part: any box, any sign, pieces that do not fit."""
    pages = [
        PageImage(n, draw(st.integers(1, 900)), draw(st.integers(1, 900)), draw(texts), turned=draw(st.integers(0, 3)))
        for n in range(1, draw(st.integers(1, 3)) + 1)
    ]
    lines, decisions = [], []
    for number in range(draw(st.integers(0, 6))):
        page_no, ids = draw(st.integers(1, len(pages))), []
        parts = draw(st.lists(texts, min_size=1, max_size=3))
        for i, part in enumerate(parts):
            piece = Piece(f"p{number}-{i}", page_no, draw(boxes), number)
            decisions.append(PieceRecord(piece, Decision(draw(st.sampled_from(HOWS)), part, "said")))
            ids.append(piece.piece_id)
        text = draw(st.sampled_from([" ".join(parts), "".join(parts)]))
        how, sure = draw(st.sampled_from(HOWS)), draw(confidences)
        lines.append(Line(page_no, draw(boxes), text, how, sure, 1, tuple(ids)))
    cell = CellValue(0, 0, 0, 0, draw(texts), draw(boxes), "people", ())
    tables = (TableValue(1, draw(boxes), 1, 1, (cell,)),) if draw(st.booleans()) else ()
    return DocumentRecord(draw(texts), "receipt", tuple(pages), tuple(lines), (), tables, tuple(decisions))


EMPTY = DocumentRecord("empty", "receipt", (PageImage(1, 10, 10),), (), (), ())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(any_records())
@example(EMPTY)
def test_alto_and_hocr_are_valid_for_any_record(record: DocumentRecord) -> None:
    assert alto_faults(alto_xml(record)) == []
    assert hocr_faults(hocr_html(record)) == []


def _receipt() -> DocumentRecord:
    line = Line(1, Box(10, 10, 90, 30), "TOTAL 12.50", "people", 9_900, 2, ())
    return DocumentRecord("r", "receipt", (PageImage(1, 100, 60, "r-p1.png", turned=1),), (line,), (), ())


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        (b"<Layout>", b"<Layout><Page/>", "Page lacks ID"),
        (b"</alto>", b"", "not well-formed"),
        (b'ID="string_1_1_1"', b'ID="1st"', "is no id"),
        (b'ID="string_1_1_2"', b'ID="string_1_1_1"', "two elements"),
        (b'TAGREFS="how_people"', b'TAGREFS="how_else"', "leads nowhere"),
        (b' CONTENT="TOTAL"', b"", "lacks CONTENT"),
        (b'WC="0.9900"', b'WC="1.2"', "is no share"),
        (b'CS="true"', b'CS="yes"', "is no boolean"),
        (b'<String ID="string_1_1_1"', b'<SP/><String ID="string_1_1_1"', "TextLine holds SP"),
        (b'HPOS="10"', b'HPOS="-10"', "lies outside"),
        (b'HPOS="10"', b'HPOS="ten"', "is no float"),
        (b">pixel<", b">cubit<", "unit of measurement"),
        (b"<Tags>", b"<Layout/><Tags>", "alto holds"),
        (b"<Page ", b'<Page COLOUR="red" ', "no attribute COLOUR"),
        (b"<SP/>", b"and", "holds text"),
    ],
)
def test_a_fault_in_an_alto_file_is_found(was: bytes, becomes: bytes, said: str) -> None:
    file = alto_xml(_receipt())
    assert was in file
    assert any(said in fault for fault in alto_faults(file.replace(was, becomes, 1)))


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        (b"</body>", b"", "not well-formed"),
        (b'name="ocr-system"', b'name="system"', "ocr-system is missing"),
        (b" ocrx_word ocrp_wconf", b" ocrp_wconf", "was not announced"),
        (b" ocrp_wconf", b"", "x_wconf was not announced"),
        (b"x_wconf 99", b"x_wconf 101", "no property"),
        (b"bbox 10 10 90 30", b"bbox 10, 10, 90, 30", "no property"),
        (b"bbox 10 10 90 30", b"bbox 10 10 900 30", "lies outside"),
        (b"bbox 10 10 90 30", b"bbox 90 10 10 30", "lies outside"),
        (b">TOTAL<", b"> <", "without text"),
        (b'class="ocr_line"', b'class="ocrx_word"', "stands in"),
        (b'id="word_1_1_2"', b'id="word_1_1_1"', "two elements"),
        (b"<br/>", b"<script/>", "not a plain XHTML element"),
    ],
)
def test_a_fault_in_an_hocr_file_is_found(was: bytes, becomes: bytes, said: str) -> None:
    file = hocr_html(_receipt())
    assert was in file
    assert any(said in fault for fault in hocr_faults(file.replace(was, becomes, 1)))


def test_archives_learn_how_a_page_lies_and_what_people_corrected() -> None:
    alto, hocr = alto_xml(_receipt()).decode(), hocr_html(_receipt()).decode()
    assert 'ROTATION="270"' in alto and 'CS="true"' in alto
    assert "textangle 270" in hocr
    hebrew = DocumentRecord("h", "receipt", (PageImage(1, 100, 60),), (_hebrew(),), (), ())
    assert 'BASEDIRECTION="rtl"' in alto_xml(hebrew).decode()
    words = ET.fromstring(alto_xml(hebrew)).iter("{http://www.loc.gov/standards/alto/ns-v4#}String")
    first, second = (int(word.get("HPOS") or "") for word in words)
    assert first > second
    with pytest.raises(ValueError, match="no page"):
        alto_xml(DocumentRecord("none", "receipt", (), (), (), ()))


def _hebrew() -> Line:
    return Line(1, Box(10, 10, 90, 30), "שלום עולם", "people", None, 2, ())


# --- the searchable PDF, read back by two readers ---------------------------------------------------------------------

WORDS = st.one_of(
    st.sampled_from(["TOTAL", ":", "12.50", "-", "X", "1", "€9,99", "Grüße", "naïve", "ﬁn", "№", "±", "“Q”", "co-op"]),
    st.sampled_from(["中文", "テスト", "합계", "Ω≈ç", "Жук", "😀", "𠀀", "a\u0301b"]),
    st.text("ABCabc019.,/%€éß", min_size=1, max_size=12),
)
# signs without a direction beside words from the right are moved by readers as each of them thinks best
FROM_THE_RIGHT = st.sampled_from(["שלום", "سلام", "אב", "א", "TOTAL", "12.50"])


@st.composite
def laid_out_records(draw: st.DrawFn) -> DocumentRecord:
    """Pages as they are: rows one under the other, each of one to three pieces with a gap, on any side."""
    pages = []
    for page_no in range(1, draw(st.integers(1, 2)) + 1):
        width, height, pieces = 800, 1_000, []
        y, words = 20, draw(st.sampled_from([WORDS, WORDS, FROM_THE_RIGHT]))
        for row in range(draw(st.integers(0, 5))):
            line_px, x = draw(st.integers(12, 40)), draw(st.integers(5, 60))
            one_line = draw(st.booleans())
            for column in range(draw(st.integers(1, 3))):
                said = " ".join(draw(st.lists(words, min_size=1, max_size=3)))
                said = said[:1] + draw(st.sampled_from(["", "\x00", "\x07"])) + said[1:]
                long_px = max(8, len(said) * draw(st.integers(line_px // 3, line_px // 2)))
                if x + long_px > width - 5:
                    break
                order = len(pieces)
                group = row * 10 + (0 if one_line else column)
                piece = Piece(f"{page_no}-{order}", page_no, Box(x, y, x + long_px, y + line_px), order)
                piece = Piece(piece.piece_id, page_no, piece.box, order, line_group=group)
                pieces.append(PieceRecord(piece, Decision("people", said, "two agree", None, 2)))
                x += long_px + line_px + draw(st.integers(0, 100))
            y += line_px * 2 + draw(st.integers(0, 60))
        straight = draw(st.sampled_from([None, *TURNS]))
        size = (height, width) if straight and straight.turned % 2 else (width, height)
        pages.append(PageRecord("doc", PageImage(page_no, *size), tuple(pieces), straight=straight))
    return assemble("doc", "table", pages)


TURNS = (
    Straight(800, 1_000, ((1_000, 0), (1_000, 800), (0, 800), (0, 0)), 1),
    Straight(800, 1_000, ((800, 1_000), (0, 1_000), (0, 0), (800, 0)), 1),
    Straight(800, 1_000, ((0, 800), (0, 0), (1_000, 0), (1_000, 800)), 1),
)
PAGE = plain_png(80, 100)


def _expected(record: DocumentRecord, page: PageImage) -> list[tuple[str, Box]]:
    """Every word of the page as its ink lies, with the box of the piece that it was read from."""
    boxes_of = {one.piece.piece_id: one for one in record.decisions}
    found = []
    for line in record.lines:
        if line.page_no != page.page_no:
            continue
        for piece_id in line.pieces:
            one = boxes_of[piece_id]
            words = ["".join(c for c in word if c >= " ") for word in one.decision.text.split()]
            if any(unicodedata.bidirectional(c) in ("R", "AL") for c in words[0]):
                words.reverse()
            found += [(word, one.piece.box) for word in words]
    return found


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(laid_out_records())
def test_the_text_layer_read_back_by_two_readers_is_the_record(record: DocumentRecord) -> None:
    pdf = searchable_pdf(record, dict.fromkeys((page.page_no for page in record.pages), PAGE))
    first = [page.extract_text().split() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]
    second = _read_by_pdfium(pdf)
    for page in record.pages:
        wanted = _expected(record, page)
        found = [(written_out(word), place) for word, place in second[page.page_no - 1]]
        pieces = [(written_out(word), piece) for word, piece in wanted]
        if any(right_to_left(word) for word, _ in wanted):
            # in which order words of mixed scripts are told is each reader's own rule; every word is told whole
            assert sorted(first[page.page_no - 1]) == sorted(word for word, _ in wanted)
            assert sorted(word for word, _ in found) == sorted(word for word, _ in pieces)
        else:
            assert first[page.page_no - 1] == [word for word, _ in wanted]
            assert [word for word, _ in found] == [word for word, _ in pieces]
        for word, place in found:
            over = max(place.shared(piece).area_px for said, piece in pieces if said == word)
            assert over * 10 >= place.area_px * 7, (word, place, pieces)


def written_out(word: str) -> str:
    return unicodedata.normalize("NFKC", word)


def _read_by_pdfium(pdf: bytes) -> list[list[tuple[str, Box]]]:
    """Words of each page with their boxes in pixels of the page as it was handed in."""
    px = 200 / 72
    pages = []
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            textpage, words, height = page.get_textpage(), [], _height(page)
            signs: list[tuple[str, Box]] = []
            for index in range(textpage.count_chars()):
                sign = chr(pdfium.FPDFText_GetUnicode(textpage, index))
                left, bottom, right, top = textpage.get_charbox(index, loose=True)
                box = Box(round(left * px), round(height - top * px), round(right * px), round(height - bottom * px))
                if not sign.isspace():
                    signs.append((sign, box))
                elif signs:
                    words.append(_joined(signs))
                    signs = []
            pages.append([*words, _joined(signs)] if signs else words)
    return pages


def _height(page: pypdfium2.PdfPage) -> float:
    return (page.get_mediabox()[3]) * 200 / 72


def _joined(signs: list[tuple[str, Box]]) -> tuple[str, Box]:
    box = signs[0][1]
    for _, other in signs[1:]:
        box = box.union(other)
    halves = "".join(sign for sign, _ in signs)  # it gives a sign beyond the first 65,536 as two
    return halves.encode("utf-16", "surrogatepass").decode("utf-16"), box


def test_a_label_beside_an_amount_is_never_lost_and_never_glued_to_it() -> None:
    for gap in (0, 1, 3, 10, 200):
        for one_line in (True, False):
            pieces = [("TOTAL", Box(10, 10, 80, 34)), ("12.50", Box(80 + gap, 11, 150 + gap, 33))]
            records = tuple(
                PieceRecord(Piece(str(i), 1, box, i, line_group=0 if one_line else i), Decision("people", text, "said"))
                for i, (text, box) in enumerate(pieces)
            )
            record = assemble("doc", "table", [PageRecord("doc", PageImage(1, 400, 100), records)])
            pdf = searchable_pdf(record, {1: PAGE})
            assert pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split() == ["TOTAL", "12.50"]
            assert [word for word, _ in _read_by_pdfium(pdf)[0]] == ["TOTAL", "12.50"]


def test_a_page_on_its_side_is_shown_upright_and_its_scan_is_not_moved() -> None:
    for straight, rotate in zip(TURNS, (270, 180, 90), strict=True):
        size = (1_000, 800) if straight.turned % 2 else (800, 1_000)
        record = assemble("doc", "table", [PageRecord("doc", PageImage(1, *size), (), straight=straight)])
        (page,) = pypdf.PdfReader(io.BytesIO(searchable_pdf(record, {1: PAGE}))).pages
        assert page.rotation == rotate
        assert (round(page.mediabox.width * 200 / 72), round(page.mediabox.height * 200 / 72)) == size


def test_the_text_over_the_scan_is_not_seen() -> None:
    record = _receipt()
    bare = DocumentRecord("r", "receipt", record.pages, (), (), ())
    drawn = []
    for one in (record, bare):
        with pypdfium2.PdfDocument(searchable_pdf(one, {1: PAGE})) as document:
            drawn.append(document[0].render(scale=2).to_pil().tobytes())
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 10
