"""What people are asked to find, and what a simulated person who knows the value taps."""

import msgspec

from manyhands.documents.choices import choices_of, pieces_chosen, put_together, suggestion, word_of_rules
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


HEAD = (
    "HARBOUR CAFE SDN BHD",
    "12 HARBOUR STREET",
    "GEORGE TOWN",
    "TEL: 03-3362 4137",
    "TAX INVOICE",
    "18/04/2017 12:03",
    "Tea 12.50",
)


def test_a_name_and_an_address_share_one_picture_and_its_numbers() -> None:
    page = _page(*HEAD)
    choices = choices_of(RECEIPT, [page])
    groups = put_together(RECEIPT, choices, [page])
    assert [[one.field for one in group] for group in groups] == [["company", "address"], ["date"], ["total"]]
    company, address = groups[0]
    assert company.places == address.places and company.shown == address.shown
    assert suggestion(company) == "1" and pieces_chosen(address, suggestion(address)) == ("1", "2")


def test_fields_of_other_places_or_pages_or_of_one_place_are_asked_apart() -> None:
    page = _page(*HEAD)
    company, _, address, total = choices_of(RECEIPT, [page])
    away = msgspec.structs.replace(address, page_no=2)
    assert [len(group) for group in put_together(RECEIPT, [company, away, total], [page])] == [1, 1, 1]
    elsewhere = msgspec.structs.replace(address, places=(("5",), ("6",)), suggested=(1,))
    assert [len(group) for group in put_together(RECEIPT, [company, elsewhere], [page])] == [1, 1]
    assert put_together(RECEIPT, [], [page]) == []


def test_rows_that_a_kind_names_as_something_else_are_offered_only_when_nothing_else_was_right() -> None:
    page = _page(*HEAD)
    (company, address) = choices_of(RECEIPT, [page], fields=["company", "address"])
    offered = {piece for place in company.places for piece in place}
    assert offered == {"0", "1", "2"}, "no telephone, heading, date or price"
    (every, _) = choices_of(RECEIPT, [page], fields=["company", "address"], every_row=True)
    assert {piece for place in every.places for piece in place} == {str(n) for n in range(7)} - {"5"}
    assert {*company.places} < {*every.places} and address.places == company.places


def test_a_row_that_begins_an_address_is_offered_though_a_telephone_stands_in_it() -> None:
    page = _page("HARBOUR CAFE", "NO 12 JALAN SAGU TEL 03-3362 4137", "GST REG 0012")
    (company,) = choices_of(RECEIPT, [page], fields=["company"])
    assert company.places == (("0",), ("1",))


def test_where_another_name_stands_above_the_one_that_rules_prefer_their_word_is_not_heard() -> None:
    (preferred,) = choices_of(RECEIPT, [_page("HARBOUR", "QUAYSIDE TRADING SDN BHD", "TEL 03")], fields=["company"])
    assert suggestion(preferred) == "2" and preferred.two_views and word_of_rules(preferred) == ""
    (first,) = choices_of(RECEIPT, [_page("QUAYSIDE TRADING SDN BHD", "HARBOUR", "TEL 03")], fields=["company"])
    assert suggestion(first) == word_of_rules(first) == "1"
    below = _page("TAX INVOICE", "GST REG NO 0012", "QUAYSIDE TRADING SDN BHD", "12 QUAY ROAD")
    (named,) = choices_of(RECEIPT, [below], fields=["company"])
    assert word_of_rules(named) == suggestion(named) == "1", "what stands above is no name"
    (invoice,) = choices_of(INVOICE, [_page("Rechnung", "Harbour GmbH", "Total 12.50")], fields=["company"])
    assert not invoice.two_views, "an invoice's party is found by its legal form or its heading"


def test_a_page_of_nothing_but_such_rows_offers_them_all() -> None:
    (company,) = choices_of(RECEIPT, [_page("TAX INVOICE", "GST REG 0012")], fields=["company"])
    assert company.places == (("0",), ("1",))
