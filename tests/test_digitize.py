"""digitize as a newcomer meets it: what is said, what lies in the folder afterwards."""

from __future__ import annotations

import io
import json
from pathlib import Path

import openpyxl
import pypdf
import pytest
from PIL import Image

from manyhands.apps.cli.show import Exit
from manyhands.documents.conftest_archive import alto_faults, hocr_faults
from manyhands.documents.samples import sample_documents
from platform_under_test import manyhands


def test_a_mixed_folder_is_read_by_machines_alone_and_told_document_by_document(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans", tmp_path / "records"
    scans.mkdir()
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["Item", "Qty", "Price"], ["Bread", 2, 3.5], ["Tea", 1, 2.25]):
        book.active.append(row)
    book.save(scans / "stock.xlsx")
    (receipt, *_) = sample_documents(seed=9, receipts=1)
    with Image.open(io.BytesIO(receipt.pages[0])) as upright:
        upright.rotate(90, expand=True).save(scans / "sideways receipt.jpg", quality=90)
    (scans / "notes.txt").write_text("hello")

    done = manyhands("digitize", scans, "--out", out, "--crowd", "none")
    assert done.returncode == Exit.OK, done.stdout + done.stderr
    assert "notes.txt" in done.stderr and "Save it as PNG" in done.stderr
    assert "sideways-receipt" in done.stdout and "stock" in done.stdout and "in doubt" in done.stdout
    for name in ("sideways-receipt", "stock"):
        assert alto_faults((out / f"{name}.alto.xml").read_bytes()) == []
        assert hocr_faults((out / f"{name}.hocr.html").read_bytes()) == []
        record = json.loads((out / f"{name}.json").read_bytes())
        (page,) = pypdf.PdfReader(out / f"{name}.pdf").pages
        assert page.extract_text().split() == [word for line in record["lines"] for word in line["text"].split()]
    (page,) = pypdf.PdfReader(out / "sideways-receipt.pdf").pages
    assert page.rotation == 90
    total = json.loads((out / "sideways-receipt.json").read_bytes())["fields"]["total"]
    assert total == receipt.truth["fields"]["total"]
    assert "3.5" in (out / "tables" / "stock-1.csv").read_text()


@pytest.mark.parametrize(("name", "crowd"), [("empty", "simulated"), ("nowhere", "none")])
def test_a_folder_without_anything_to_read_is_told_at_once(tmp_path: Path, name: str, crowd: str) -> None:
    (tmp_path / "empty").mkdir()
    folder = tmp_path / name
    done = manyhands("digitize", folder, "--out", tmp_path / "out", "--crowd", crowd, "--json")
    assert done.returncode != Exit.OK
    error = json.loads(done.stdout)["error"]
    assert str(folder) in error["message"] and error["cure"]
    assert not (tmp_path / "out").exists()
