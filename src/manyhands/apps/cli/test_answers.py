"""Verdicts as a requester reads them, at the desk and at the command line."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence

import pytest

from manyhands.apps.desk.answered import AnswerOut, answers_of
from manyhands.documents.writers.tables import safe_csv_text
from manyhands.roles.exchange.results import ANSWER_HEADINGS, UNSETTLED

from .jobs import _rests_on, _show_answers, counted

ROWS = (
    ("scan", 1, "which", "total", "found", "12.50", 10, 20, 30, 40, 9_871, 1, "place: 2 people agree", "batch 1"),
    ("scan", 2, "which", "date", "none of these", "", "", "", "", "", "", 2, "2 people agree", "batch 1"),
    ("scan", 2, "which", "=1+1", UNSETTLED, "", "", "", "", "", "", 4, "4 people differ", ""),
)


def package(rows: Sequence[Sequence[object]] | None) -> bytes:
    out, table = io.BytesIO(), io.StringIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("package.json", "[]")
        if rows is not None:
            csv.writer(table).writerows([ANSWER_HEADINGS, *([safe_csv_text(str(one)) for one in row] for row in rows)])
            archive.writestr("answers.csv", table.getvalue())
    return out.getvalue()


def test_what_was_written_is_read_back_with_a_formula_as_the_text_it_is() -> None:
    found, nowhere, open_one = answers_of(package(ROWS))
    assert (found.value, found.box_permille, found.confidence_bp) == ("12.50", (10, 20, 30, 40), 9_871)
    assert (nowhere.value, nowhere.box_permille, nowhere.confidence_bp) == ("", None, None)
    assert open_one.question == "=1+1"


def test_a_job_without_questions_has_no_answers() -> None:
    assert answers_of(package(None)) == ()


def test_the_command_line_tells_fields_with_confidence_and_cause(capsys: pytest.CaptureFixture[str]) -> None:
    answers = answers_of(package(ROWS))
    assert counted(answers) == {"found": 1, "none of these": 1, UNSETTLED: 1}
    _show_answers(answers)
    told = capsys.readouterr().out
    assert "12.50" in told and "98.71 %" in told and "not measured" in told
    assert "1 of 3 with a confidence" in told


def test_a_confidence_that_nobody_measured_is_said_to_be_missing() -> None:
    bare = AnswerOut(
        doc_id="d", page=1, form="claim", question="q", verdict="the page says so", value="", box_permille=None,
        confidence_bp=None, people_asked=2, because="",
    )  # fmt: skip
    assert "not measured" in _rests_on([bare])
