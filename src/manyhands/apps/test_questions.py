"""Tables of claims and of a ledger's lines: what spreadsheets write is read, what is wrong is named by its cell."""

from __future__ import annotations

import csv
import io
import time
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.documents.writers.tables import safe_csv_text
from manyhands.task_types import reconcile, verify_claim
from manyhands.task_types.asked import QUESTION_CHARS_MAX, asked_of

from .questions import ROWS_MAX, SAMPLES, BadQuestions, Problem, Questions, read_questions

Sheet = Literal["claims", "ledger"]


def read(text: str, sheet: Sheet = "claims", *, encoding: str = "utf-8") -> Questions:
    return read_questions(text.encode(encoding), sheet)


def texts(found: Questions) -> list[str]:
    return [one.text for pages in found.pages.values() for own in pages.values() for one in own]


def problems(text: str | bytes, sheet: Sheet = "claims") -> list[tuple[int, str]]:
    with pytest.raises(BadQuestions) as refused:
        read_questions(text if isinstance(text, bytes) else text.encode(), sheet)
    return [(one.row, one.column) for one in refused.value.problems]


@pytest.mark.parametrize("sheet", ["claims", "ledger"])
def test_the_sample_can_be_launched_as_it_is(sheet: Sheet) -> None:
    found = read(SAMPLES[sheet], sheet)
    assert (found.count, found.known, found.twice) == (2, 1, 0)
    for question in texts(found):
        asked = asked_of(question)
        assert asked is not None and asked.task_type.name == found.task_type


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_way_in_which_spreadsheets_write_a_table_is_read_alike(
    encoding: str, separator: str, ending: str
) -> None:
    rows = [["document", "page", "claim"], ["büro", "2", "Es waren 1.240 t"], ["büro", "2", "Nicht 7 t"]]
    table = ending.join(separator.join(row) for row in rows) + ending
    found = read(table, encoding=encoding)
    assert {page: [one.text for one in own] for page, own in found.pages["büro"].items()} == {
        2: ["claim Es waren 1.240 t", "claim Nicht 7 t"]
    }


def test_a_decimal_comma_stays_in_its_cell_and_in_the_line() -> None:
    found = read("document;page;date;reference;amount\nstatement;1;04.03.2026;INV-471;12,50\n", "ledger")
    assert texts(found) == ["match 04.03.2026 INV-471 12,50"]


def test_a_quoted_line_break_is_a_blank_and_rows_are_counted_as_a_spreadsheet_does() -> None:
    table = 'document,page,claim\nreport,1,"It is\r\n1,240 t"\n\n,,\nreport,zero,It is so\n'
    assert problems(table) == [(5, "page")]
    assert texts(read(table.rsplit("report", 1)[0])) == ["claim It is 1,240 t"]


def test_a_missing_page_is_the_first_and_a_file_may_be_named_with_its_ending() -> None:
    found = read("Document, Claim \nscan 1.PDF,It is so\nscan 1,It is so\nv1.2,It is not\n")
    assert {doc: sorted(pages) for doc, pages in found.pages.items()} == {"scan 1": [1], "v1.2": [1]}
    assert found.twice == 1, "the same question about the same page is asked once"


def test_what_is_known_becomes_the_answer_that_measures() -> None:
    found = read("document,claim,known\na,one,Yes\na,two,\na,three, not   told \na,four,no\n")
    assert [one.known for one in found.pages["a"][1]] == [
        verify_claim.TRUE, "", verify_claim.NOT_TOLD, verify_claim.FALSE,
    ]  # fmt: skip
    ledger = read("document,line,known\na,one,other amount\na,two,no\n", "ledger")
    assert [one.known for one in ledger.pages["a"][1]] == [reconcile.AMOUNT_DIFFERS, reconcile.OTHER]


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("", [(1, "")]),
        ("\n\n", [(1, "")]),
        ("document,page,claim\n", [(2, "")]),
        ("document,page,claim\n,,\n", [(2, "")]),
        ("page,claim\n1,x\n", [(1, "document")]),
        ("document,page\na,1\n", [(1, "claim")]),
        ("document,document,claim\na,a,x\n", [(1, "document")]),
        (
            "document,page,claim\n,1,x\na,0,x\na,-1,x\na,1.5,x\na,²,x\n",
            [(2, "document"), *((n, "page") for n in range(3, 7))],
        ),
        ("document,page,claim\na,99999999999999999999,x\n", [(2, "page")]),
        ("document,page,claim\na,1,\na,1, \t\n", [(2, "claim"), (3, "claim")]),
        (f"document,page,claim\na,1,{'x' * (QUESTION_CHARS_MAX + 1)}\n", [(2, "claim")]),
        ("document,page,claim,known\na,1,x,perhaps\n", [(2, "known")]),
        ("document,page,claim,known\na,1,x,yes\na,1,x,no\n", [(3, "known")]),
        ("document,page,claim\na,1,It is 1,240 t\n", [(2, "")]),
        ('document,page,claim\na,1,"never closed\n', [(2, "")]),
        (b"document,page,claim\na,1,caf\xe9\n", [(2, "")]),
        (b"document,page,claim\na,1,x\x00y\n", None),
        (b"\xff\xfea", None),
        (b"\x89PNG\r\n\x1a\n\x00\x00", None),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(table: str | bytes, where: list[tuple[int, str]] | None) -> None:
    if where is None:
        try:
            read_questions(table if isinstance(table, bytes) else table.encode(), "claims")
        except BadQuestions as refused:
            assert refused.problems[0].row >= 1
        return
    assert problems(table) == where


def test_a_long_list_of_problems_is_told_in_part_with_how_many_more_there_are() -> None:
    with pytest.raises(BadQuestions) as refused:
        read("document,claim\n" + ",x\n" * 500)
    assert (len(refused.value.problems), refused.value.more) == (20, 480)
    assert "row 2, column document" in refused.value.message and "495 more" in refused.value.message


def test_a_question_about_a_page_that_is_not_there_is_named_by_its_row() -> None:
    found = read("document,page,claim\na,1,x\nb,1,x\na,3,x\n")
    found_pages = {("a", 1), ("a", 2)}
    with pytest.raises(BadQuestions) as refused:
        found.check_pages(found_pages)
    assert [(one.row, one.column) for one in refused.value.problems] == [(3, "document"), (4, "page")]
    read("document,page,claim\na,2,x\n").check_pages(found_pages)


def test_a_hundred_thousand_rows_are_read_in_seconds_and_one_more_is_refused() -> None:
    rows = [f"report,{1 + n % 500},Line {n} says {n} t" for n in range(ROWS_MAX)]
    table = "document,page,claim\n" + "\n".join(rows)
    begun = time.process_time()
    assert read(table).count == ROWS_MAX
    assert time.process_time() - begun < 15
    assert problems(f"{table}\nreport,1,one more") == [(ROWS_MAX + 2, "")]


@pytest.mark.parametrize(
    "formula", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x")']
)
def test_a_formula_goes_in_as_text_and_does_not_come_out_as_a_formula(formula: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["document", "claim"], ["a", formula]])
    (question,) = texts(read(out.getvalue()))
    asked = asked_of(question)
    assert asked is not None
    told = safe_csv_text(asked.question.prompt)
    assert told[0] not in "=+-@\t\r" and told.endswith(asked.question.prompt)


@given(st.binary(max_size=400), st.sampled_from(["claims", "ledger"]))
def test_any_bytes_are_read_or_refused_with_a_place(raw: bytes, sheet: Sheet) -> None:
    try:
        found = read_questions(raw, sheet)
    except BadQuestions as refused:
        assert refused.problems and all(isinstance(one, Problem) and one.row >= 1 for one in refused.problems)
    else:
        assert found.count >= 1


@given(st.text(max_size=300))
def test_any_text_in_a_cell_is_one_question_or_a_problem_of_its_row(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["document", "claim"], ["a", text]])
    try:
        found = read_questions(out.getvalue().encode("utf-8", "replace"), "claims")
    except BadQuestions as refused:
        assert {one.row for one in refused.problems} <= {1, 2, 3}
    else:
        assert found.count == 1
