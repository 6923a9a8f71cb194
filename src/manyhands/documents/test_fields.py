"""Fields by kinds as data."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.documents.conftest_material import shared_documents
from manyhands.documents.fields import KindSpecInvalid, candidates_for, fields_of, kind_spec, kind_spec_of
from manyhands.documents.kinds import guess_kind
from manyhands.documents.model import Box, Line
from manyhands.documents.readers.alphabet import LANGUAGES, alphabet
from manyhands.documents.text import core
from manyhands.documents.values import decimal_of, find_amounts, find_dates, iso_date


def _lines(*rows: str) -> list[Line]:
    """Rows top to bottom; a bar separates lines that stand side by side."""
    lines = []
    for r, row in enumerate(rows):
        x = 10
        for text in row.split("|"):
            width = 12 * len(text.strip())
            lines.append(Line(1, Box(x, 40 * r, x + width, 40 * r + 24), text.strip(), "people", None, 1, ()))
            x += width + 60
    return lines


def _fields(kind: str, *rows: str) -> dict[str, str]:
    return {f.name: f.value for f in fields_of(kind_spec(kind), _lines(*rows), [])}


def test_a_receipt_gives_company_date_address_and_total() -> None:
    fields = _fields(
        "receipt",
        "RIVERSIDE HARDWARE SDN BHD (123456-X)",
        "NO. 5, MILL LANE,",
        "40170 NORTHFIELD",
        "TEL : 03-3362 4137",
        "TAX INVOICE",
        "DATE : 25/12/2018 12:31",
        "HOOK | 3.00",
        "SUB TOTAL | 3.00",
        "TOTAL GST | 0.17",
        "TOTAL : | 3.17",
        "CASH : | 20.00",
        "CHANGE : | 16.83",
    )
    assert fields == {
        "company": "RIVERSIDE HARDWARE SDN BHD",
        "date": "25/12/2018",
        "address": "NO. 5, MILL LANE, 40170 NORTHFIELD",
        "total": "3.17",
    }


def test_the_total_is_what_was_paid_less_the_change_also_after_rounding() -> None:
    fields = _fields(
        "receipt", "CAFE", "TOTAL SALES INCL GST | 10.02", "ROUNDING | -0.02", "TOTAL | 10.00", "CASH | 20.00",
        "CHANGE | 10.00",
    )  # fmt: skip
    assert fields["total"] == "10.00"


def test_a_name_on_two_rows_is_joined() -> None:
    assert _fields("receipt", "OLD MILL BOOK", "CO. (M) SDN BHD")["company"] == "OLD MILL BOOK CO. (M) SDN BHD"


def test_an_invoice_gives_iso_date_and_decimal_total() -> None:
    fields = _fields(
        "invoice", "Handelsrechnung Nr. 471102 vom 05.03.2018", "Verkäufer:", "Mühlen GmbH", "Mühlweg 42",
        "DE 75645 Nordstadt", "Steuerbetrag in EUR | 2.923,55", "Bruttosumme | 18.310,63",
    )  # fmt: skip
    assert fields["date"] == "2018-03-05"
    assert fields["total"] == "18310.63"
    assert fields["invoice_number"] == "471102"
    assert fields["address"] == "Mühlweg 42, 75645, Nordstadt"
    assert fields["currency"] == "EUR"


def test_a_buyer_is_never_taken_for_the_seller() -> None:
    fields = _fields(
        "invoice", "Invoice 88 | Invoice Date: March 3rd, 2019", "Bill to Address:", "ATTN: Brook Traders Limited",
        "93 Mill Lane", "40170 Eastwood", "TOTAL AMOUNT DUE ON August 3, 2019 | $4.11", "Service Provider:",
        "(Not for payment)", "Northfield Hosting, Inc.", "410 Old Quarry Ave North", "Westport, WA 98109",
    )  # fmt: skip
    assert fields["company"] == "Northfield Hosting, Inc."
    assert fields["address"] == "410 Old Quarry Ave North, Westport, WA 98109"
    assert (fields["date"], fields["total"]) == ("2019-03-03", "4.11")


def test_a_seller_without_a_legal_form_stands_above_its_tax_number() -> None:
    fields = _fields(
        "invoice", "Tax Invoice | PO Box 16122", "Northfield | Quarry Street West, VIC 8007", "ABN: 11 222 333 444",
        "To: Brook Traders Ltd | Order date: 28 Jan 15", "Invoice No. 777 | ", "Invoice Total: $101.00",
        "Credits of this purchase expire on 28 Jan 2016",
    )  # fmt: skip
    assert fields["company"] == "Northfield"
    assert fields["date"] == "2015-01-28", "an order's day is better than the day something ends"
    assert fields["invoice_number"] == "777"


def test_a_seller_beside_its_heading_is_read_without_it() -> None:
    fields = _fields("invoice", "Invoice No : # ABC_XY20151000", "Sold By : Mill Retail Pvt. Ltd.,", "Total | 319.00")
    assert fields["company"] == "Mill Retail Pvt. Ltd."
    assert fields["invoice_number"] == "ABC_XY20151000"


def test_a_sender_in_one_line_gives_name_street_and_town() -> None:
    german = _fields("invoice", "Mühlen AG - Uferweg 40-42 - D-75645 Nordstadt", "Brook Traders Ltd.", "93 Mill Lane")
    assert (german["company"], german["address"]) == ("Mühlen AG", "Uferweg 40-42, 75645, Nordstadt")
    french = _fields(
        "invoice", "Jeanne Moulin", "35 rue du Pré", "69100 Vieuxpont", "Facture n°5620 du 02 Juillet 2015",
        "Moulin SAS au capital de 3.441.812 Euros – RCS – Siège social: 8 rue de la Ville 75008 Paris – N° de TVA: 1",
    )  # fmt: skip
    assert (french["company"], french["address"]) == ("Moulin SAS", "8 rue de la Ville 75008 Paris")
    assert (french["date"], french["invoice_number"]) == ("2015-07-02", "5620")


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("IBAN: DE30 5075 0094 0000 0485 67", "DE30 5075 0094 0000 0485 67"),
        ("IBAN | GB82WEST12345698765432", "GB82WEST12345698765432"),
        ("Account number: 12 345 678", "12 345 678"),
        ("Account number: 1234 5678 9012 3", "1234 5678 9012 3"),
        ("Account number: 4711 of 2019", "4711"),
    ],
)
def test_an_account_s_number_is_read_whole_also_in_groups(printed: str, read: str) -> None:
    assert _fields("statement", "Mill Bank AG", printed)["account"] == read


def test_an_amount_under_its_heading_is_found_past_lines_of_another_column() -> None:
    def line(x: int, y: int, text: str) -> Line:
        return Line(1, Box(x, y, x + 9 * len(text), y + 17), text, "people", None, 1, ())

    lines = [
        line(840, 10, "Date :"), line(1200, 10, "31/01/2026"), line(200, 40, "Date de facture associée : 01/01/2026"),
        line(1100, 100, "TOTAL TVA"), line(1280, 100, "TOTAL TTC"), line(200, 112, "Tout retard de paiement"),
        line(200, 128, "est pénalisé"), line(1130, 141, "4,90"), line(1310, 141, "104,90"),
    ]  # fmt: skip
    found = {f.name: f.value for f in fields_of(kind_spec("invoice"), lines, [])}
    assert (found["total"], found["tax_total"], found["date"]) == ("104.90", "4.90", "2026-01-31")


def test_what_a_receipt_sells_is_neither_its_address_nor_its_company() -> None:
    fields = _fields(
        "receipt", "Northfield Trading Pvt. Ltd.", "ABBREVIATED TAX INVOICE", "1 | TOOTH PASTE | 1 | 95 | 95",
        "3 | MILL NO 1 SOAP | 1 | 20 | 20", "Gross Amount : | 115.00", "Net Amount : | 115.00",
    )  # fmt: skip
    assert fields == {"company": "Northfield Trading Pvt. Ltd.", "total": "115.00"}
    assert "company" not in _fields("receipt", "CASH RECEIPT", "Hooks | 6.50", "Total | 6.50")


def test_a_name_with_a_street_s_word_is_no_street() -> None:
    fields = _fields("receipt", "Mill Street Restaurant", "6332 Quarry Drive", "Suite 528", "Westport, CA 94301")
    assert fields["company"] == "Mill Street Restaurant"
    assert fields["address"] == "6332 Quarry Drive Suite 528 Westport, CA 94301"
    assert _fields("receipt", "Brooks", "#03296_191 E 3RD AVE", "WESTPORT, CA 94401")["address"].endswith("94401")


def test_a_name_is_taken_out_of_a_sentence_and_a_number_behind_its_sign() -> None:
    fields = _fields(
        "invoice", "MONTHLY INVOICE", "Invoice # 14-287", "Project No 14-03",
        "Please make payments to Northfield A+E, Inc. Late payments are subject to fees.",
    )  # fmt: skip
    assert (fields["company"], fields["invoice_number"]) == ("Northfield A+E, Inc.", "14-287")


def test_where_no_rule_finds_a_field_it_is_absent() -> None:
    assert "total" not in _fields("receipt", "HELLO", "WORLD")


def test_candidates_come_best_first() -> None:
    spec = next(f for f in kind_spec("receipt").fields if f.name == "total")
    found = candidates_for(spec, _lines("SUB TOTAL | 8.00", "GRAND TOTAL | 8.70"))
    assert [c.raw for c in found] == ["8.70", "8.00"]


def test_a_requester_s_own_kind_is_data() -> None:
    spec = kind_spec_of(
        """
kind: payslip
fields:
  - {name: net_pay, type: amount, find: labelled, form: decimal, labels: [{say: NET PAY, weight: 90}]}
"""
    )
    (field,) = fields_of(spec, _lines("GROSS PAY | 2.000,00", "NET PAY | 1.500,25"), [])
    assert (field.name, field.value) == ("net_pay", "1500.25")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("kind: [", "line"),
        ("kind: x\nfields:\n  - {name: a, type: text, find: telepathy}", "field a"),
        ("kind: x\nfields:\n  - {name: a, type: text, find: labelled, avoid: '('}", "field a"),
        ("kind: x\nfields:\n  - {name: a, type: text, find: labelled, colour: red}", "a field"),
    ],
)
def test_a_wrong_kind_is_refused_naming_the_place(text: str, named: str) -> None:
    with pytest.raises(KindSpecInvalid) as refused:
        kind_spec_of(text)
    assert named in refused.value.where


def test_a_kind_that_nobody_described_has_no_fields() -> None:
    assert kind_spec("love_letter").fields == ()


def test_kinds_are_guessed_from_name_words_and_shape() -> None:
    assert guess_kind("invoice-7", [(400, 1200)]) == "invoice"
    assert guess_kind("scan", [(400, 1200)]) == "receipt"
    assert guess_kind("scan", [(1654, 2339)], ["Rechnung"]) == "invoice"
    assert guess_kind("scan", [(1654, 2339)]) == "table"
    assert guess_kind("scan", [(1700, 2800)]) == guess_kind("scan", [(2550, 4200)]) == "table", "legal paper is no roll"


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=999_999, places=2), st.sampled_from(["{:,.2f}", "{:.2f}"]), st.booleans())
def test_an_amount_is_read_as_written_in_either_convention(value: Decimal, form: str, continental: bool) -> None:
    text = form.format(value)
    if continental:
        text = text.translate(str.maketrans(".,", ",."))
    assert decimal_of(text) == value


@settings(deadline=None)
@given(st.dates(min_value=__import__("datetime").date(2001, 1, 1), max_value=__import__("datetime").date(2040, 1, 1)))
def test_a_date_is_read_in_every_usual_form(day: object) -> None:
    for form in ("%d/%m/%Y", "%d.%m.%y", "%d-%m-%Y", "%d %b %Y", "%Y-%m-%d", "%d%b%y"):
        text = day.strftime(form)  # type: ignore[attr-defined]  # hypothesis gives a date
        assert iso_date(text) == str(day), text
        assert find_dates(f"DATE : {text} 12:31"), text


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("02 Juillet 2015", "2015-07-02"), ("2 juin 2015", "2015-06-02"), ("1er août 2015", "2015-08-01"),
        ("3 de agosto de 2015", "2015-08-03"), ("12 dic. 2015", "2015-12-12"), ("15 ene 2015", "2015-01-15"),
        ("3. Dezember 2014", "2014-12-03"), ("May 3rd, 2014", "2014-05-03"), ("22nd March 2014", "2014-03-22"),
        ("5 maart 2014", "2014-03-05"),
    ],
)  # fmt: skip
def test_months_of_every_language_are_told_apart(text: str, day: str) -> None:
    assert (iso_date(text), [found for found, _ in find_dates(f"x {text}")]) == (day, [text])


def test_percentages_times_and_codes_are_no_amounts() -> None:
    assert find_amounts("GST @6% 12:31 CS00031") == []


@settings(deadline=None)
@given(st.text(alphabet=sorted(alphabet(LANGUAGES)), max_size=40))
def test_the_core_of_a_core_is_itself(text: str) -> None:
    assert core(core(text)) == core(text)


DOCUMENTS = shared_documents()


@pytest.mark.skipif(DOCUMENTS is None, reason="the development documents are not beside the repository")
def test_nearly_all_fields_of_the_development_documents_are_found_from_true_text() -> None:
    assert DOCUMENTS is not None
    right = asked = 0
    for path in sorted((DOCUMENTS / "truth").glob("*.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        lines = [Line(x["page"], Box(*x["box"]), x["text"], "people", None, 1, ()) for x in truth["lines"]]
        found = {f.name: f.value for f in fields_of(kind_spec(truth["kind"]), lines, [])}
        for name, value in truth["fields"].items():
            asked += 1
            right += "".join(filter(str.isalnum, found.get(name, "").upper())) == "".join(
                filter(str.isalnum, str(value).upper())
            )
    assert right * 100 >= 96 * asked
