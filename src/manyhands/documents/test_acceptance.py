"""What is believed without a person: only agreement, never against a known way of erring together."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.documents.acceptance import (
    LIKE_MAX,
    POLICIES,
    AcceptUnseen,
    Ask,
    Policy,
    confirmed_text,
    decide_unseen,
    format_doubt,
    look_alikes,
    rare_lookalikes,
    short_lookalikes,
    unknown_lookalikes,
)
from manyhands.documents.model import Box, Piece, Reading

BOX = Box(0, 0, 80, 20)
AGREEMENT = POLICIES["agreement"]


def _piece(piece_id: str, *texts: str, weakest_bp: int = 9_900, empty: bool = False, glyphs: int = 0) -> Piece:
    readings = tuple(Reading(f"r{i}", text, 9_990, BOX, weakest_bp) for i, text in enumerate(texts))
    return Piece(piece_id, 1, BOX, 0, readings=readings, empty=empty, glyphs=glyphs)


def _one(piece: Piece, policy: Policy = AGREEMENT) -> AcceptUnseen | Ask:
    return decide_unseen([piece], policy)[piece.piece_id]


def test_two_sure_readers_that_agree_are_believed() -> None:
    assert _one(_piece("a", "80.90", "80.90")) == AcceptUnseen("80.90", "2 readers agree")


def test_spacing_and_case_are_no_disagreement_and_the_first_reader_s_words_are_kept() -> None:
    assert _one(_piece("a", "Total Sales", "TOTALSALES")) == AcceptUnseen("Total Sales", "2 readers agree")


def test_readers_that_disagree_are_not_believed() -> None:
    assert isinstance(_one(_piece("a", "80.90", "80.96")), Ask)


def _by(reader: str, text: str) -> Reading:
    return Reading(reader, text, 9_990, BOX, 9_900)


def _pair(piece_id: str, first: str, second: str) -> Piece:
    return Piece(piece_id, 1, BOX, 0, readings=(_by("ppocr6", first), _by("ppocr4", second)))


def test_a_reader_that_knows_no_accents_backs_a_text_that_has_usual_ones() -> None:
    pieces = [_pair(str(i), "Käufer", "Kaufer") for i in range(3)]
    pieces += [_pair(f"s{i}", "Musterstraße", "MusterstraBe") for i in range(3)]
    decisions = decide_unseen(pieces, AGREEMENT)
    assert decisions["0"] == AcceptUnseen("Käufer", "2 readers agree")
    assert decisions["s0"] == AcceptUnseen("Musterstraße", "2 readers agree")


def test_an_accent_that_occurs_once_in_a_job_is_not_believed() -> None:
    assert isinstance(_one(_pair("a", "TÀX INVOICE", "TAX INVOICE")), Ask)


def test_a_reader_that_knows_accents_does_not_back_a_text_with_others() -> None:
    assert isinstance(_one(_piece("a", "Käufer", "Kaufer")), Ask)


def test_one_reader_alone_is_never_believed() -> None:
    assert isinstance(_one(_piece("a", "80.90")), Ask)


def test_one_doubtful_letter_is_enough_to_ask() -> None:
    assert isinstance(_one(_piece("a", "80.90", "80.90", weakest_bp=6_000)), Ask)


def test_policy_none_believes_nothing_not_even_an_empty_cell() -> None:
    pieces = [_piece("a", "80.90", "80.90"), _piece("b", empty=True)]
    assert all(isinstance(d, Ask) for d in decide_unseen(pieces, POLICIES["none"]).values())


def test_a_cell_without_ink_is_believed_empty() -> None:
    assert _one(_piece("a", empty=True)) == AcceptUnseen("", "no ink in the cell")


@pytest.mark.parametrize(
    "text",
    [
        "8091",
        "000",
        "RM 8091",
        "1O5",
        "5B 12",
        "139386X12",
        "80 91",
        "1,234,56.7 1,23.4",
        "GST6",
        "0123456789012",
        "19 8",
        "RMO.00",
        "11.14.00",
    ],
)
def test_what_machines_get_wrong_together_goes_to_a_person(text: str) -> None:
    assert format_doubt(text)


@pytest.mark.parametrize(
    "text",
    [
        "80.91",
        "25/12/2018",
        "TOTAL :",
        "GOODS SOLD",
        "RM 1,234.50",
        "-0.01",
        "05.12.18",
        "11:14:00",
        "19 %",
        "NO.12",
    ],
)
def test_what_is_in_good_form_does_not(text: str) -> None:
    assert format_doubt(text) == ""


def test_a_bare_number_is_believed_when_as_many_marks_as_digits_stand_there() -> None:
    assert isinstance(_one(_piece("a", "12", "12", glyphs=2)), AcceptUnseen)
    assert isinstance(_one(_piece("a", "12", "12", glyphs=3)), Ask)
    assert isinstance(_one(_piece("a", "12", "12")), Ask)


def test_a_rare_word_one_letter_from_a_common_one_is_doubted() -> None:
    words = ["PARCEL"] * 6 + ["PARCFL", "BASKET"]
    assert rare_lookalikes(words) == {"PARCFL"}


def test_two_common_words_one_letter_apart_are_both_believed() -> None:
    assert rare_lookalikes(["TAXES"] * 3 + ["TAKES"] * 2) == frozenset()


def test_a_slip_in_a_usual_business_word_is_doubted_and_the_word_itself_is_not() -> None:
    assert unknown_lookalikes(["CASHER", "RCUNDING", "PALD"]) == {"CASHER", "RCUNDING", "PALD"}
    assert unknown_lookalikes(["CASHIER", "ROUNDING", "PAID", "ELEPHANT"]) == frozenset()


def test_a_flat_mark_in_a_cell_is_a_dash_unless_a_reader_says_otherwise() -> None:
    mark = Reading("ink", "-", 9_900, BOX, 9_900)
    alone = Piece("a", 1, BOX, 0, table=0, row=0, col=0, readings=(mark,))
    contested = Piece("a", 1, BOX, 0, table=0, row=0, col=0, readings=(Reading("r", "1", 9_000, BOX, 9_000), mark))
    assert _one(alone) == AcceptUnseen("-", "one flat mark, read as a dash")
    assert isinstance(_one(contested), Ask)


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=12))
def test_every_piece_gets_a_decision_and_the_same_one_again(texts: list[tuple[str, str]]) -> None:
    pieces = [_piece(str(i), *pair) for i, pair in enumerate(texts)]
    decisions = decide_unseen(pieces, AGREEMENT)
    assert set(decisions) == {p.piece_id for p in pieces}
    assert decisions == decide_unseen(pieces, AGREEMENT)
    for piece in pieces:
        decision = decisions[piece.piece_id]
        if isinstance(decision, AcceptUnseen):
            assert decision.text in {r.text for r in piece.readings}


def test_words_of_a_born_digital_page_that_a_reader_sees_too_have_lost_no_decimal_point() -> None:
    box = Box(0, 0, 40, 20)

    def piece_of(*names: str) -> Piece:
        return Piece("p", 1, box, 0, readings=tuple(Reading(name, "4400", 9_990, box, 9_900) for name in names))

    assert isinstance(decide_unseen([piece_of("ppocr6", "ppocr4")])["p"], Ask)
    assert isinstance(decide_unseen([piece_of("text_layer", "ppocr6")])["p"], AcceptUnseen)
    assert isinstance(decide_unseen([piece_of("text_layer")])["p"], Ask), "a layer alone may say what is not seen"


@pytest.mark.parametrize(
    ("text", "doubted"),
    [
        ("8", True), ("7", False), ("0", True), ("1", False),
        ("Bottles 20 x 0,51", True), ("Bottles 20 x 0,52", False), ("Total 12.31", True), ("12.31", False),
        ("JALAN SS 15/", True), ("15/4", False),
        ("15387,08", False), ("1,844,000", False), ("15.387,0800", False), ("1538708", False),
    ],
)  # fmt: skip
def test_known_ways_of_erring_together_are_doubted_and_their_neighbours_are_not(text: str, doubted: bool) -> None:
    assert bool(format_doubt(text, glyphs=len(text.replace(" ", "")))) == doubted


def test_blanks_are_those_of_the_reader_that_parts_most_words_but_never_beside_digits() -> None:
    assert _one(_piece("a", "SANYUSHOP", "SANYU SHOP")) == AcceptUnseen("SANYU SHOP", "2 readers agree")
    assert _one(_piece("a", "RM 152.00", "RM 152. 00")) == AcceptUnseen("RM 152.00", "2 readers agree")


def _likes(*pieces: Piece) -> dict[str, str]:
    return look_alikes([pieces], {p.piece_id for p in pieces})


def test_pieces_that_are_read_alike_by_two_readers_stand_behind_the_first() -> None:
    assert _likes(_piece("a", "8091", "8091"), _piece("b", "8091", "8091")) == {"b": "a"}
    assert look_alikes([[_piece("a", "8091", "8091")], [_piece("b", "8091", "8091")]], {"a", "b"}) == {}
    assert _likes(_piece("a", "8091", "809l"), _piece("b", "8091", "809l")) == {}, (
        "readers that differ vouch for nothing"
    )


def test_another_reading_another_count_of_marks_and_another_size_are_no_look_alike() -> None:
    first = _piece("a", "8091", "8091", glyphs=4)
    wider = msgspec.structs.replace(_piece("b", "8091", "8091", glyphs=4), box=Box(0, 0, 92, 20))
    assert _likes(first, _piece("b", "8092", "8092", glyphs=4)) == {}
    assert _likes(first, _piece("b", "8091", "8091", glyphs=5)) == {}
    assert _likes(first, wider) == {}


def test_one_word_stands_for_nine_others_and_the_next_is_asked_again() -> None:
    behind = _likes(*(_piece(f"{n:02}", "8091", "8091") for n in range(25)))
    assert Counter(behind.values()) == {"00": LIKE_MAX, "10": LIKE_MAX, "20": 4}


def test_only_the_readers_own_text_is_believed_of_a_look_alike() -> None:
    piece = _piece("a", "8091", "80 91")
    assert confirmed_text(piece, "8091") == "8091"
    assert confirmed_text(piece, "80.91") is None and confirmed_text(piece, None) is None


def test_three_letters_that_worn_signs_make_of_a_far_more_frequent_word_go_to_a_person() -> None:
    usual = [_piece(f"g{n}", f"GST {n}0.{n}5", f"GST {n}0.{n}5") for n in range(1, 10)] + [_piece("g", "GST", "GST")]
    worn = [_piece("worn", "GSI Payable:", "GSI Payable:"), _piece("other", "GSM", "GSM")]
    decisions = decide_unseen([*usual, *worn], AGREEMENT)
    assert decisions["worn"] == Ask("word: one letter from a common word")
    assert isinstance(decisions["other"], AcceptUnseen), "M looks like no T"
    assert isinstance(decisions["g"], AcceptUnseen)
    few = decide_unseen([*usual[:8], *worn], AGREEMENT)
    assert isinstance(few["worn"], AcceptUnseen), "eight of them are no usual word yet"


def test_short_words_are_doubted_only_beside_one_ten_times_as_frequent() -> None:
    assert short_lookalikes(["TAX"] * 30 + ["PAX", "TAN", "MAX", "THE"]) == frozenset()
    assert (
        short_lookalikes(["REF"] * 10 + ["REL"]) == {"REL"} and short_lookalikes(["REF"] * 9 + ["REL"]) == frozenset()
    )
    assert short_lookalikes(["GST"] * 30 + ["GSI"] * 4) == frozenset(), "four times is no slip"
