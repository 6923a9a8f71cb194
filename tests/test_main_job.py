"""The main job, end to end, as a newcomer starts it: scans in, people paid, records out, and a proof that holds."""

import csv
import json
from pathlib import Path

import pytest

from platform_under_test import free_port, manyhands


def run_demo(folder: Path, *arguments: str) -> dict:
    out = folder / "out"
    done = manyhands(
        "demo", "--exit", "--json", "--out", out, "--port", str(free_port()), "--data", folder / "data", *arguments
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("ordinary")
    return folder, run_demo(folder)


def test_rendered_scans_are_delivered_paid_and_verified(ordinary: tuple[Path, dict]) -> None:
    folder, measured = ordinary
    assert measured["state"] == "closed"
    assert measured["verified"], measured["checks"]
    assert measured["simulated"]
    assert measured["funded_minor"] == measured["paid_minor"] + measured["fees_minor"] + measured["refunded_minor"]
    assert measured["lines_right_bp"] >= 9_800, measured["wrong"]
    names = {path.name for path in (folder / "out").iterdir()}
    assert {name.rsplit(".", 1)[-1] for name in names} >= {"json", "csv", "xlsx", "pdf"}
    assert len([name for name in names if name.endswith(".json")]) >= measured["documents"]


def test_the_delivered_tables_open_in_usual_programs(ordinary: tuple[Path, dict]) -> None:
    folder, _ = ordinary
    import openpyxl
    import pypdf

    for path in (folder / "out").rglob("*.csv"):
        assert list(csv.reader(path.open(encoding="utf-8-sig")))
    for path in (folder / "out").rglob("*.xlsx"):
        assert openpyxl.load_workbook(path).sheetnames
    for path in (folder / "out").rglob("*.pdf"):
        assert any(page.extract_text().strip() for page in pypdf.PdfReader(path).pages)


def test_perfect_people_give_back_every_line_and_cell_that_was_cut(tmp_path: Path) -> None:
    measured = run_demo(tmp_path, "--error", "0", "--machine", "none")
    assert measured["verified"], measured["checks"]
    assert measured["pieces_seen_bp"] == 10_000
    assert measured["lines_right_bp"] == 10_000, measured["wrong"]
