"""Jobs of fields alone: long lines of words are chosen between readings; what that does not settle others key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from manyhands.documents.conftest_material import readings_from_truth
from manyhands.documents.model import Box, Choice, Piece, Reading
from manyhands.documents.samples import SampleDocument
from manyhands.protocol.manifest import PayRule, QualityRule, Scope
from manyhands.roles.exchange import Given
from manyhands.roles.exchange.errors import JobNotOpen
from manyhands.store.database import rows
from manyhands.task_types.asked import asked_of
from manyhands.task_types.choose_reading import NEITHER

from .decisions import PageAsk, PiecePlan, task_id_of
from .readings import one_sign_changed, plan_reading_choices, readings_to_show, worth_choosing
from .scripted import JOB, House
from .test_asks import delivered, truth_of
from .testing import OpenJob, manifest_of

NO_GOLD = QualityRule(target_bp=9_900, gold_share_bp=0)
PAY = PayRule(per_hour_minor=1_200, floor_per_hour_minor=1_200)
LINE = "12 HARBOUR STREET, GEORGE TOWN"


def _piece(*texts: str, field_type: str = "text") -> Piece:
    box = Box(0, 0, 400, 24)
    readings = tuple(Reading(f"reader{n}", text, 8_000, box, 4_000) for n, text in enumerate(texts))
    return Piece("p", 1, box, 0, readings=readings, field_type=field_type)


def test_two_readings_are_shown_in_an_order_that_says_nothing_of_their_readers() -> None:
    one, other = LINE, LINE.replace("12", "72")
    firsts = {readings_to_show(_piece(one, other), salt=str(n))[1][0] for n in range(20)}
    assert firsts == {one, other}
    assert set(readings_to_show(_piece(one, other), salt="a")[1]) == {one, other}
    assert readings_to_show(_piece(one, other), salt="a")[1] == readings_to_show(_piece(other, one), salt="a")[1]


def test_a_reading_that_both_readers_gave_has_a_made_one_beside_it() -> None:
    real, shown = readings_to_show(_piece(LINE, LINE.lower().upper()), salt="a")
    assert real == (LINE,) and len(shown) == 2 and set(real) < set(shown)
    (made,) = set(shown) - set(real)
    assert len(made) == len(LINE) and sum(a != b for a, b in zip(made, LINE, strict=True)) == 1


def test_blanks_and_case_alone_make_no_second_reading() -> None:
    real, _ = readings_to_show(_piece("HARBOURSTREET GEORGE TOWN", "HARBOUR STREET GEORGE TOWN"), salt="a")
    assert real == ("HARBOUR STREET GEORGE TOWN",)


def test_one_reader_s_word_leaves_nothing_to_choose_between() -> None:
    assert readings_to_show(_piece(LINE), salt="a") == ((), ())
    assert readings_to_show(_piece(LINE, ""), salt="a") == ((), ())
    assert readings_to_show(_piece(), salt="a") == ((), ())


@pytest.mark.parametrize(
    ("text", "field_type", "chosen"),
    [
        ("GEORGE TOWN P2", "text", True),  # 14 characters: 6,662 ms against 2.5 x 2,499
        ("GEORGE TOWN", "text", False),  # 11: 5,663 ms
        ("MY12345678901234567890123", "code", False),
        ("1,234,567,890,123.00", "amount", False),
    ],
)
def test_only_words_that_are_long_enough_to_be_dear_are_chosen(text: str, field_type: str, chosen: bool) -> None:
    piece = _piece(text, text.replace("1", "7", 1).replace("G", "C", 1), field_type=field_type)
    assert worth_choosing(piece, readings_to_show(piece, salt="a")[1], PAY) is chosen


def test_a_text_without_letters_or_digits_has_no_made_reading() -> None:
    assert one_sign_changed("- - -", draw="a") is None
    assert readings_to_show(_piece("- - -", "- - -"), salt="a") == ((), ())


class TwoReaders:
    """Two readers of a sample that differ on the lines named; both are unsure of them.

    said  true line -> what the two of them make of it
    """

    def __init__(self, truth: Mapping[str, Any], said: Mapping[str, tuple[str, str]]) -> None:
        self.truth, self.said = truth, said

    def read(self, page_png: bytes, *, kind: str, page_no: int, text_layer: bytes | None = None) -> Any:
        page = readings_from_truth(dict(self.truth))
        return msgspec.structs.replace(page, spots=tuple(self._spot(spot) for spot in page.spots))

    def _spot(self, spot: Any) -> Any:
        texts = self.said.get(spot.readings[0].text)
        if texts is None:
            return spot
        unsure = tuple(
            msgspec.structs.replace(reading, text=text, confidence_bp=6_000, weakest_bp=3_000)
            for reading, text in zip(spot.readings, texts, strict=True)
        )
        return msgspec.structs.replace(spot, readings=unsure)


def company_of(scan: SampleDocument) -> str:
    """The line that holds the company's name; long enough to be chosen."""
    return str(next(line["text"] for line in scan.truth["lines"] if line["text"] == scan.truth["fields"]["company"]))


async def worked(
    house: House, scan: SampleDocument, workers: Sequence[str], choose: Mapping[str, str] | None = None
) -> list[tuple[str, str, str]]:
    """Everybody answers until nothing is left; (worker, question, answer) in order.

    choose  worker -> what they say to every choice between readings; the others choose what is true
    """
    truths = {scan.doc_id: scan.truth}
    told: list[tuple[str, str, str]] = []
    for _ in range(16):
        view = await house.exchange.simulation_view(JOB)
        done = 0
        for worker in workers:
            try:
                bundle = await house.exchange.claim(worker, JOB, 20)
            except JobNotOpen:
                break
            given = []
            for one in bundle.assignments:
                said = truth_of(one.task_id, view, truths)
                if one.question.startswith("read"):
                    asked = asked_of(one.question)
                    assert asked is not None
                    said = said if said in asked.question.options else NEITHER
                    said = (choose or {}).get(worker, said)
                told.append((worker, one.question, said))
                given.append(Given(one.assignment_id, said, active_ms=3_000))
            if given:
                await house.exchange.submit(worker, JOB, given)
            done += len(given)
        await house.settle_down()
        if not await house.record() and not done:
            return told
        await house.settle_down()
    raise AssertionError("the work did not end")


async def begun(house: House, scan: SampleDocument, said: Mapping[str, tuple[str, str]], **manifest: Any) -> None:
    house.exchange.reading.readers = TwoReaders(scan.truth, said)
    wishes = {"scope": Scope(fields=("company",)), "machine": "agreeing_readers", "quality": NO_GOLD, **manifest}
    await house.announce([scan], task_type="field_choice", **wishes)
    await house.fund()
    await house.settle_down()


async def test_what_two_people_choose_is_delivered_as_chosen_and_nobody_keys_it(
    house: House, receipt_scan: SampleDocument
) -> None:
    true = company_of(receipt_scan)
    wrong = true.replace(true[0], "8", 1)
    await begun(house, receipt_scan, {true: (wrong, true)})
    told = await worked(house, receipt_scan, await house.workers(4))
    choices = [(worker, question) for worker, question, _ in told if question.startswith("read")]
    assert len(choices) == 2 and len({worker for worker, _ in choices}) == 2
    assert all(" " in question for _, question, _ in told), "nothing is keyed"
    assert "reader" not in choices[0][1] and "ppocr" not in choices[0][1]
    record = json.loads((await delivered(house))[f"{receipt_scan.doc_id}.json"])
    assert record["fields"] == {"company": true}
    assert "2 people chose this reading of 2 shown" in json.dumps(record)


@pytest.mark.parametrize("privacy", ["standard", "off"])
async def test_where_neither_reading_is_right_one_word_suffices_and_somebody_else_keys_it(
    house: House, receipt_scan: SampleDocument, privacy: str
) -> None:
    true = company_of(receipt_scan)
    await begun(house, receipt_scan, {true: ("8" + true[1:], "9" + true[1:])}, privacy=privacy)
    told = await worked(house, receipt_scan, await house.workers(4))
    choosers = {worker for worker, question, _ in told if question.startswith("read")}
    keyers = {worker for worker, question, _ in told if " " not in question}
    assert len(choosers) == 1 and keyers and not choosers & keyers
    record = json.loads((await delivered(house))[f"{receipt_scan.doc_id}.json"])
    assert record["fields"] == {"company": true}


async def test_people_who_choose_differently_are_not_outvoted_but_keyed_after(
    house: House, receipt_scan: SampleDocument
) -> None:
    true = company_of(receipt_scan)
    wrong = "8" + true[1:]
    await begun(house, receipt_scan, {true: (wrong, true)}, privacy="off")
    workers = await house.workers(4)
    chosen_wrong = {workers[0]: wrong, workers[1]: true, workers[2]: wrong, workers[3]: true}
    told = await worked(house, receipt_scan, workers, chosen_wrong)
    assert sum(question.startswith("read") for _, question, _ in told) == 2
    record = json.loads((await delivered(house))[f"{receipt_scan.doc_id}.json"])
    assert record["fields"] == {"company": true}


async def test_people_who_agree_on_what_no_machine_read_are_not_believed(
    house: House, receipt_scan: SampleDocument
) -> None:
    true = company_of(receipt_scan)
    await begun(house, receipt_scan, {true: (true, true)}, privacy="off")
    workers = await house.workers(4)
    view = await house.exchange.simulation_view(JOB)
    piece = next(one.piece for one in view.values() if one.piece and one.piece.readings[0].text == true)
    real, shown = readings_to_show(piece, salt=piece.piece_id)
    assert real == (true,)
    made = next(text for text in shown if text != true)
    told = await worked(house, receipt_scan, workers, dict.fromkeys(workers, made))
    assert sum(question.startswith("read") for _, question, _ in told) == 2
    record = json.loads((await delivered(house))[f"{receipt_scan.doc_id}.json"])
    assert record["fields"] == {"company": true}, "somebody keyed it"


@pytest.mark.parametrize(
    "wishes",
    [{"machine": "none"}, {"quality": QualityRule(target_bp=9_960, gold_share_bp=0)}],
    ids=["no machine is trusted", "a target above what shown words stand for"],
)
async def test_who_wants_more_or_trusts_no_machine_has_every_piece_keyed_blind(
    house: House, receipt_scan: SampleDocument, wishes: dict[str, Any]
) -> None:
    true = company_of(receipt_scan)
    await begun(house, receipt_scan, {true: ("8" + true[1:], true)}, **wishes)
    told = await worked(house, receipt_scan, await house.workers(4))
    assert not any(question.startswith("read") for _, question, _ in told)
    assert any(" " not in question for _, question, _ in told)


async def test_choices_with_a_known_answer_measure_who_chooses_and_are_delivered_to_nobody(
    house: House, receipt_scan: SampleDocument
) -> None:
    true = company_of(receipt_scan)
    wishes = {
        "quality": QualityRule(target_bp=9_900, gold_share_bp=2_500),
        "scope": Scope(fields=("company", "address")),
    }
    await begun(house, receipt_scan, {true: ("8" + true[1:], true)}, **wishes)
    told = await worked(house, receipt_scan, await house.workers(6))
    async with house.db.connection() as connection:
        found = await rows(
            connection,
            "select piece_id, task_id, gold, queue, state, question from exchange.tasks "
            "where job_id = %s and question like '%%read %%'",
            (JOB,),
        )
    known = [one for one in found if one[2]]
    assert known and all(one[3] == 2 for one in known if one[4] in ("open", "withdrawn"))
    alone = [one for one in known if one[5].startswith("read")]
    assert all(task_id_of(JOB, piece) != task for piece, task, *_ in alone)
    assert sum("read [" in question for _, question, _ in told) >= 2
    record = json.loads((await delivered(house))[f"{receipt_scan.doc_id}.json"])
    assert record["fields"]["company"] == true
    assert NEITHER not in json.dumps(record["fields"])


@pytest.mark.parametrize("privacy", ["standard", "off"])
async def test_lines_of_a_field_are_chosen_in_one_answer_and_the_one_that_is_left_is_keyed_by_others(
    house: House, receipt_scan: SampleDocument, privacy: str
) -> None:
    whole = receipt_scan.truth["fields"]["address"]
    lines = [line["text"] for line in receipt_scan.truth["lines"] if line["text"].strip(",") in whole]
    first, second = (text for text in lines if len(text) > 13)
    said = {first: ("8" + first[1:], first), second: ("8" + second[1:], "9" + second[1:])}
    await begun(house, receipt_scan, said, privacy=privacy, scope=Scope(fields=("address",)))
    told = await worked(house, receipt_scan, await house.workers(6))
    together = [(worker, question, answer) for worker, question, answer in told if question.startswith("several")]
    assert {answer for *_, answer in together} == {msgspec.json.encode([first, NEITHER]).decode()}
    assert len(together) == 2 and len({question for _, question, _ in together}) == 1
    keyers = {worker for worker, question, _ in told if " " not in question}
    assert keyers and not keyers & {worker for worker, *_ in together}
    files = await delivered(house)
    record = json.loads(files[f"{receipt_scan.doc_id}.json"])
    assert record["fields"]["address"] == whole
    assert "2 people chose this reading of 2 shown" in json.dumps(record), "the reason is the line's own"
    assert "; 2:" not in json.dumps(record)
    exposure = json.loads(files["exposure.json"])
    assert exposure["pieces_of_page_max"] >= 2, "who chose between the readings of two lines saw both"


async def test_where_all_of_a_page_may_be_seen_two_who_chose_nothing_are_enough_for_two_lines(
    house: House, receipt_scan: SampleDocument
) -> None:
    whole = receipt_scan.truth["fields"]["address"]
    lines = [line["text"] for line in receipt_scan.truth["lines"] if line["text"].strip(",") in whole]
    first, second = (text for text in lines if len(text) > 13)
    said = {line: ("8" + line[1:], "9" + line[1:]) for line in (first, second)}
    await begun(house, receipt_scan, said, privacy="off", scope=Scope(fields=("address",)))
    told = await worked(house, receipt_scan, await house.workers(3))
    choosers = {worker for worker, question, _ in told if question.startswith("several")}
    keyed = {line: {worker for worker, _, answer in told if answer == line} for line in (first, second)}
    assert len(choosers) == 1 and keyed[first] == keyed[second] and len(keyed[first]) == 2
    assert not choosers & keyed[first]
    record = json.loads((await delivered(house))[f"{receipt_scan.doc_id}.json"])
    assert record["fields"]["address"] == whole


def test_at_strict_each_line_is_chosen_alone() -> None:
    lines = [msgspec.structs.replace(_piece(LINE, LINE.replace("1", "7")), piece_id=f"p{n}", order=n) for n in range(6)]
    plans = [PiecePlan(piece, None, "", gold=False) for piece in lines]
    choice = Choice("address", 1, tuple((piece.piece_id,) for piece in lines), (), ())
    wanted = {piece.piece_id: "people chose it: address" for piece in lines}
    manifest = manifest_of(OpenJob(privacy="standard"))
    manifest = msgspec.structs.replace(manifest, pay=PAY, machine="agreeing_readers", task_type="field_choice")
    shown = plan_reading_choices(plans, wanted, manifest, [PageAsk("a", "", choice=choice)])
    assert [one.pieces for one in shown] == [("p0", "p1", "p2"), ("p3", "p4", "p5")], "as many as one look holds"
    assert len({one.task.facts.task_id for one in shown}) == 2
    strict = msgspec.structs.replace(manifest, privacy="strict")
    alone = plan_reading_choices(plans, wanted, strict, [PageAsk("a", "", choice=choice)])
    assert [one.pieces for one in alone] == [(piece.piece_id,) for piece in lines]
    apart = plan_reading_choices(plans, wanted, manifest, [])
    assert all(one.ask is None for one in apart), "no picture of places showed them together"


class ReaderOfTooLittleRoom:
    """Reads the first page; of the second there is too much."""

    def __init__(self, truth: Mapping[str, Any], problem: Exception) -> None:
        self.truth, self.problem = truth, problem

    def read(self, page_png: bytes, *, kind: str, page_no: int, text_layer: bytes | None = None) -> Any:
        if page_no == 2:
            raise self.problem
        return readings_from_truth(dict(self.truth))


async def test_a_page_that_needs_too_much_memory_is_named_and_the_others_are_read(
    house: House, receipt_scan: SampleDocument
) -> None:
    problem = RuntimeError("Non-zero status code returned. Status Message: std::bad_alloc")
    house.exchange.reading.readers = ReaderOfTooLittleRoom(receipt_scan.truth, problem)
    both = replace(receipt_scan, pages=(receipt_scan.pages[0], receipt_scan.pages[0]))
    await house.announce([both], machine="agreeing_readers", quality=NO_GOLD, page_count=2)
    await house.fund()
    await house.settle_down()
    async with house.db.connection() as connection:
        found = await rows(
            connection, "select page_no, failed, pieces from exchange.pages where job_id = %s order by page_no", (JOB,)
        )
    assert found[0][1] is None and len(msgspec.json.decode(found[0][2])) > 5
    assert "scan it at 200 to 300 dpi" in found[1][1]
