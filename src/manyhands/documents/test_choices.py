"""What people are asked to find, and what a simulated person who knows the value taps."""

from manyhands.documents.choices import choices_of, pieces_chosen, suggestion
from manyhands.documents.fields import field_of_choice, kind_spec, raw_on_lines
from manyhands.documents.model import Box, Choice, Chosen, Decision, Line, PageImage, PageRecord, Piece, PieceRecord
from manyhands.documents.truth import true_answer

RECEIPT, INVOICE = kind_spec("receipt"), kind_spec("invoice")
FIELDS = {kind.kind: {field.name: field for field in kind.fields} for kind in (RECEIPT, INVOICE)}


def _page(*texts: str) -> PageRecord:
    pieces = tuple(
        PieceRecord(
            Piece(str(n), 1, Box(20, 40 * n, 20 + 10 * len(text), 40 * n + 24), n, line_group=n),
            Decision("open", text, "read"),
        )
        for n, text in enumerate(texts)
    )
    return PageRecord("doc", PageImage(1, 600, 40 * len(texts) + 40), pieces)


def _line(text: str) -> Line:
    return Line(1, Box(0, 0, 10, 10), text, "people", None, 1, ("a",))


def test_a_date_that_a_reader_broke_in_two_is_still_asked_for() -> None:
    texts = ("HARBOUR CAFE", "Tel: 03-3362 4137", "TOTAL 12.50", "Date: 18/ 0 4/2017", "THANK YOU")
    (choice,) = choices_of(RECEIPT, [_page(*texts)], fields=["date"])
    assert suggestion(choice) == ""
    assert ("3",) in choice.places  # beside its label
    assert ("4",) not in choice.places and ("0",) not in choice.places  # no digits, no date
    chosen = Chosen(("3",), 2, "two people agree")
    value = field_of_choice(
        FIELDS["receipt"]["date"], chosen, [Line(1, Box(0, 0, 9, 9), "Date: 18/04/2017", "people", None, 1, ("3",))]
    )
    assert value is not None and value.value == "18/04/2017"


def test_where_a_rule_finds_a_date_only_what_it_finds_is_offered() -> None:
    texts = ("HARBOUR CAFE", "Tel: 03-3362 4137", "Date: 18/04/2017", "No 8841 2213")
    (choice,) = choices_of(RECEIPT, [_page(*texts)], fields=["date"])
    assert choice.places == (("2",),) and suggestion(choice) == "1"


def test_a_page_without_a_digit_asks_for_no_date() -> None:
    assert choices_of(RECEIPT, [_page("HARBOUR CAFE", "THANK YOU")], fields=["date"]) == []


def test_a_logo_that_says_the_name_under_it_is_not_said_twice() -> None:
    company = FIELDS["invoice"]["company"]
    logo, name = _line("QualityHosting"), _line("QualityHosting AG - Uferweg 40-42 - D-63571 Gelnhausen")
    assert raw_on_lines(company, [logo, name])[0] == "QualityHosting AG"
    assert raw_on_lines(company, [name])[0] == "QualityHosting AG"
    two_rows = [_line("POPULAR BOOK"), _line("CO. (M) SDN BHD")]
    assert raw_on_lines(FIELDS["receipt"]["company"], two_rows)[0] == "POPULAR BOOK CO. (M) SDN BHD"


def test_a_person_taps_no_place_that_adds_nothing() -> None:
    choice = Choice("company", 1, (("0",), ("1",), ("2",)), (2,), ("0", "1", "2"))
    texts = {"0": "", "1": "QualityHosting AG - Uferweg 40-42", "2": "Rechnung"}
    assert true_answer(choice, FIELDS["invoice"]["company"], texts, "QualityHosting AG") == "2"
    assert pieces_chosen(choice, "2") == ("1",)
    both = {"0": "POPULAR BOOK", "1": "CO. (M) SDN BHD", "2": "TEL 03"}
    assert true_answer(choice, FIELDS["receipt"]["company"], both, "POPULAR BOOK CO. (M) SDN BHD") == "1 2"
