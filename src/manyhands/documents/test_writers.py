"""Files that leave: they say what the record says, and none of them runs anything."""

import base64
import io
import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import msgspec
import openpyxl
import pypdfium2
import pytest
from PIL import Image

from manyhands.documents.assemble import assemble
from manyhands.documents.conftest_material import readings_from_truth
from manyhands.documents.cutter import cut
from manyhands.documents.errors import PageMissing
from manyhands.documents.model import (
    Box,
    CellValue,
    Decision,
    DocumentRecord,
    Line,
    PageImage,
    PageRecord,
    Piece,
    PieceRecord,
    TableValue,
)
from manyhands.documents.samples import sample_documents
from manyhands.documents.truth import truth_for_pieces
from manyhands.documents.writers import (
    alto_xml,
    fields_csv,
    hocr_html,
    overlay_of,
    record_json,
    searchable_pdf,
    table_csv,
    viewer_html,
    workbook,
)

SAMPLE = sample_documents(seed=5, receipts=1)[0]
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def _record(sample: Any = SAMPLE) -> DocumentRecord:
    page = readings_from_truth(sample.truth)
    pieces = cut(page, doc_id=sample.doc_id)
    answers = truth_for_pieces(pieces, sample.truth)
    records = tuple(
        PieceRecord(p, Decision("people", answers[p.piece_id], "two people agree", 9_950, 2)) for p in pieces
    )
    image = PageImage(1, page.width_px, page.height_px, f"{sample.doc_id}-p1.png")
    return assemble(sample.doc_id, sample.kind, [PageRecord(sample.doc_id, image, records)])


def _table(*texts: str) -> TableValue:
    cells = tuple(CellValue(0, i, 0, i, t, Box(0, 0, 9, 9), "people", ()) for i, t in enumerate(texts))
    return TableValue(1, Box(0, 0, 90, 9), 1, len(texts), cells)


def test_json_has_the_truth_files_schema_and_a_reason_for_every_piece() -> None:
    record = _record()
    written = msgspec.json.decode(record_json(record))
    assert {"doc_id", "kind", "pages", "lines", "fields", "tables", "provenance"} == set(written)
    assert written["fields"]["total"] == SAMPLE.truth["fields"]["total"]
    assert {line["text"] for line in written["lines"]} == {line["text"] for line in SAMPLE.truth["lines"]}
    assert all(piece["because"] for piece in written["provenance"]["pieces"].values())
    assert record_json(record) == record_json(record)


def test_the_searchable_pdf_s_text_layer_read_back_equals_the_record() -> None:
    record = _record()
    pdf = searchable_pdf(record, {1: SAMPLE.pages[0]})
    with pypdfium2.PdfDocument(pdf) as document:
        text = document[0].get_textpage().get_text_range()
    found = "".join(text.split())
    assert [line.text for line in record.lines if line.text.replace(" ", "") not in found] == []
    assert len(found) == sum(len(line.text.replace(" ", "")) for line in record.lines)


def test_the_searchable_pdf_is_the_same_again_and_needs_every_page() -> None:
    record = _record()
    assert searchable_pdf(record, {1: SAMPLE.pages[0]}) == searchable_pdf(record, {1: SAMPLE.pages[0]})
    with pytest.raises(PageMissing):
        searchable_pdf(record, {})


@pytest.mark.parametrize("evil", ["=1+1", "=cmd|' /C calc'!A0", "+49", "@SUM(A1)", "\t=1", "-2+3", "\r=1"])
def test_no_text_becomes_a_formula(evil: str) -> None:
    assert table_csv(_table(evil)).decode().lstrip('"').startswith("'")
    record = _record()
    record = msgspec.structs.replace(record, tables=(_table(evil),))
    book = openpyxl.load_workbook(io.BytesIO(workbook([record])))
    cell = book.worksheets[2]["A1"]
    assert cell.data_type == "s"


def test_plain_numbers_become_numbers_and_long_codes_stay_text() -> None:
    record = msgspec.structs.replace(_record(), tables=(_table("12.50", "-3", "000849813504", "1234567890123456789"),))
    row = [c.value for c in openpyxl.load_workbook(io.BytesIO(workbook([record]))).worksheets[2][1]]
    assert row == [12.5, -3, "000849813504", "1234567890123456789"]


def test_the_workbook_holds_fields_lines_and_every_table_under_its_own_name() -> None:
    record = msgspec.structs.replace(_record(), tables=(_table("a"), _table("b")))
    again = msgspec.structs.replace(record, doc_id=record.doc_id + "/[x]" * 9)
    book = openpyxl.load_workbook(io.BytesIO(workbook([record, again])))
    assert book.sheetnames[:2] == ["fields", "lines"]
    assert len(book.sheetnames) == 6
    assert book["fields"].max_row == 1 + len(record.fields) * 2


def test_fields_csv_has_a_row_for_every_field() -> None:
    record = _record()
    assert len(fields_csv([record]).decode().strip().splitlines()) == 1 + len(record.fields)


def test_hocr_is_well_formed_and_its_boxes_lie_on_the_page() -> None:
    root = ET.fromstring(hocr_html(_record()).split(b"\n", 2)[2])
    (page,) = root.iter(f"{XHTML}div")
    assert "bbox 0 0" in (page.get("title") or "")
    words = [s for s in root.iter(f"{XHTML}span") if s.get("class") == "ocrx_word"]
    assert sorted(w.text or "" for w in words) == sorted(w for x in SAMPLE.truth["lines"] for w in x["text"].split())


def test_alto_is_well_formed_and_names_how_each_line_was_decided() -> None:
    root = ET.fromstring(alto_xml(_record()))
    tags = {tag.get("ID") for tag in root.iter(f"{ALTO}OtherTag")}
    lines = list(root.iter(f"{ALTO}TextLine"))
    assert len(lines) == len(SAMPLE.truth["lines"])
    assert {line.get("TAGREFS") for line in lines} <= tags
    for word in root.iter(f"{ALTO}String"):
        assert 0 <= float(word.get("WC") or 0) <= 1
        assert int(word.get("WIDTH") or 0) > 0


def test_a_tag_in_a_text_stays_text() -> None:
    record = _record()
    line = msgspec.structs.replace(record.lines[0], text='<script>"&\x01</script>')
    record = msgspec.structs.replace(record, lines=(line,))
    assert b"<script>" not in hocr_html(record)
    root = ET.fromstring(alto_xml(record))
    assert next(root.iter(f"{ALTO}String")).get("CONTENT") == '<script>"&</script>'


def test_the_viewer_loads_nothing_and_lets_no_document_write_markup() -> None:
    box = Box(10, 10, 60, 30)
    evil = Line(1, box, "</script><img src=x onerror=alert(1)>", "people", None, 1, ("p",))
    piece = PieceRecord(Piece("p", 1, box, 0), Decision("people", evil.text, "two agree", None, 2, (evil.text,)))
    record = DocumentRecord("<b>", "receipt", (PageImage(1, 560, 900),), (evil,), (), (), (piece,))
    page = viewer_html(record, {1: SAMPLE.pages[0]}).decode()
    assert "<img src=x" not in page and "<b>" not in page
    assert page.count("</script>") == 2
    assert "default-src 'none'" in page and "http" not in page.replace("http-equiv", "")
    with pytest.raises(PageMissing):
        viewer_html(record, {})


def test_an_overlay_tells_of_every_value_why_it_is_believed() -> None:
    record = _record()
    told = overlay_of(record)
    assert {m["text"] for m in told["marks"]} == {r.decision.text for r in record.decisions if r.decision.text}
    assert all(m["because"] and m["said"] for m in told["marks"])
    total = next(f for f in told["fields"] if f["name"] == "total")
    assert any("total" in m["fields"] and m["text"] == total["raw"] for m in told["marks"])


def test_the_viewer_shows_a_page_upright_that_lies_on_its_side_or_upside_down() -> None:
    upright = Image.new("L", (600, 900), 255)
    upright.paste(0, (60, 40, 200, 70))
    for turned, box in enumerate(
        (Box(60, 40, 200, 70), Box(830, 60, 860, 200), Box(400, 830, 540, 860), Box(40, 400, 70, 540))
    ):
        scan, out = upright.rotate(-90 * turned, expand=True), io.BytesIO()
        assert scan.crop((box.x0, box.y0, box.x1, box.y1)).getextrema() == (0, 0)
        scan.save(out, "PNG")
        piece = PieceRecord(Piece("p", 1, box, 0), Decision("people", "TOTAL", "two agree", None, 2, ("TOTAL",)))
        page = PageImage(1, *scan.size, turned=turned)
        record = DocumentRecord("r", "receipt", (page,), (), (), (), (piece,))
        html = viewer_html(record, {1: out.getvalue()}).decode()
        facts = json.loads(re.search(r'id="facts">(.*?)</script>', html, re.S)[1])
        assert (facts["pages"][0]["width"], facts["pages"][0]["height"]) == (600, 900)
        assert facts["marks"][0]["box"] == [60, 40, 200, 70]
        picture = re.search(r"data:image/jpeg;base64,([^\"]+)", html)
        assert picture
        with Image.open(io.BytesIO(base64.b64decode(picture[1]))) as shown:
            assert shown.size == (600, 900) and shown.crop((64, 44, 196, 66)).getextrema()[1] < 60
