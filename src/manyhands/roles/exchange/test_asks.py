"""Jobs that ask more than what a cutting shows: where a field stands, and whether a page says so."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from manyhands.documents.conftest_material import readings_from_truth
from manyhands.documents.fields import kind_spec
from manyhands.documents.meanings import kinds_that_mean
from manyhands.documents.samples import SampleDocument, sample_documents
from manyhands.documents.truth import true_answer, truth_for_pieces
from manyhands.protocol.manifest import QualityRule, Scope, parse_manifest
from manyhands.protocol.messages import DocumentRef, DocumentsHanded, PageRef, ResultsAssembled, TasksOpened
from manyhands.roles.exchange import Given
from manyhands.roles.exchange.errors import JobNotOpen
from manyhands.store.database import rows, rows_of
from manyhands.task_types.asked import asked_of, claim, questions_in
from manyhands.task_types.choose_reading import NEITHER
from manyhands.task_types.several import Several

from .decisions import PiecePlan
from .opening import PageRow
from .results import QUERIES, exposure_file
from .scripted import JOB, House, png_size

NO_GOLD = QualityRule(gold_share_bp=0)


class ReaderOf:
    """Reads what the truth says, so that a test needs no model."""

    def __init__(self, truth: Mapping[str, Any]) -> None:
        self.truth = truth

    def read(self, page_png: bytes, *, kind: str, page_no: int, text_layer: bytes | None = None) -> Any:
        return readings_from_truth(dict(self.truth))


async def answered(house: House, documents: Sequence[SampleDocument], workers: Sequence[str]) -> list[str]:
    """Everybody answers truly until nothing is left; the questions asked, in order."""
    truths = {one.doc_id: one.truth for one in documents}
    asked: list[str] = []
    for _ in range(12):
        view = await house.exchange.simulation_view(JOB)
        done = 0
        for worker in workers:
            try:
                bundle = await house.exchange.claim(worker, JOB, 20)
            except JobNotOpen:
                break
            given = []
            for one in bundle.assignments:
                asked.append(one.question)
                given.append(Given(one.assignment_id, truth_of(one.task_id, view, truths), active_ms=4_000))
            if given:
                await house.exchange.submit(worker, JOB, given)
            done += len(given)
        await house.settle_down()
        if not await house.record() and not done:
            return asked
        await house.settle_down()
    raise AssertionError("the work did not end")


def truth_of(task_id: str, view: Mapping[str, Any], truths: Mapping[str, Any]) -> str:
    """What is true of a task: a text, the places of a field, or of questions put together a list of these."""
    place = view[task_id]
    truth = truths[place.doc_id]
    pieces = [one.piece for one in view.values() if one.piece is not None and one.doc_id == place.doc_id]
    texts = truth_for_pieces(list({piece.piece_id: piece for piece in pieces}.values()), truth)
    if place.ask is None:
        return texts[place.piece.piece_id]
    spec = {field.name: field for field in kind_spec(truth["kind"]).fields}
    choice, parts = place.ask.choice, questions_in(place.ask.question)
    if choice is None:  # lines: the reading that is true, or neither
        shown = [asked_of(part).question.options for part in parts]
        said = [texts[piece] for piece in place.ask.parts]
        return Several.answer_of(
            text if text in options else NEITHER for text, options in zip(said, shown, strict=True)
        )
    fields = [question.split(" ", 2)[2] for question in parts]
    told = [
        true_answer(msgspec.structs.replace(choice, field=field), spec[field], texts, truth["fields"].get(field, ""))
        for field in fields
    ]
    return told[0] if len(told) == 1 else Several.answer_of(told)


async def delivered(house: House) -> dict[str, bytes]:
    await house.conclude()
    await house.settle_down()
    (assembled,) = house.told(ResultsAssembled)
    with zipfile.ZipFile(io.BytesIO(await house.blobs.get(assembled.package_blob))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_only_the_wanted_fields_are_found_and_only_their_text_is_keyed(
    house: House, receipt_scan: SampleDocument
) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    scope = Scope(fields=("date", "total"))
    await house.announce([receipt_scan], task_type="field_choice", scope=scope, machine="agreeing_readers")
    await house.fund()
    await house.settle_down()
    workers = await house.workers(3)
    asked = await answered(house, [receipt_scan], workers)
    assert {question.split()[2] for question in asked if question.startswith("which")} == {"date", "total"}
    assert len(asked) <= 6, "one tap a field that agrees with the rules, and hardly anything to key"
    files = await delivered(house)
    record = json.loads(files[f"{receipt_scan.doc_id}.json"])
    assert set(record["fields"]) == {"date", "total"}
    for name in ("date", "total"):
        assert record["fields"][name] == receipt_scan.truth["fields"][name]
    told = record["provenance"]["fields"] if "provenance" in record else record
    assert "place: a person agrees with a machine's suggestion" in json.dumps(told)


async def test_all_fields_are_found_and_the_job_ends_though_pieces_of_the_page_look_alike(
    house: House, receipt_scan: SampleDocument
) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    await house.announce([receipt_scan], task_type="field_choice", machine="agreeing_readers")
    await house.fund()
    await house.settle_down()
    await answered(house, [receipt_scan], await house.workers(3))
    async with house.db.connection() as connection:
        raw = await rows(connection, "select pieces from exchange.pages where job_id = %s", (JOB,))
    plans = [plan for (pieces,) in raw for plan in msgspec.json.decode(pieces, type=list[PiecePlan])]
    assert [plan.like for plan in plans if plan.like] == []
    record = json.loads((await delivered(house))[f"{receipt_scan.doc_id}.json"])
    assert set(record["fields"]) == set(receipt_scan.truth["fields"])


async def test_a_name_and_an_address_are_asked_in_one_picture_and_each_has_its_own_word(
    house: House, receipt_scan: SampleDocument
) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    scope = Scope(fields=("company", "address"))
    await house.announce(
        [receipt_scan], task_type="field_choice", scope=scope, machine="agreeing_readers", quality=NO_GOLD
    )
    await house.fund()
    await house.settle_down()
    asked = await answered(house, [receipt_scan], await house.workers(3))
    (together,) = [question for question in asked if question.startswith("several") and "which" in question]
    assert [part.split(" ", 2)[2] for part in questions_in(together)] == ["company", "address"]
    assert not any(question.startswith("which") for question in asked)
    files = await delivered(house)
    record = json.loads(files[f"{receipt_scan.doc_id}.json"])
    assert record["fields"] == {name: receipt_scan.truth["fields"][name] for name in scope.fields}
    told = list(csv.DictReader(io.StringIO(files["answers.csv"].decode())))
    assert [(one["form"], one["question"], one["verdict"]) for one in told] == [
        ("which", "company", "found"),
        ("which", "address", "found"),
    ]


@pytest.mark.parametrize(
    ("language", "begins"), [("en", "Every line from"), ("es", "Todas las líneas"), ("fi", "Every line from")]
)
async def test_whoever_looks_for_a_field_is_told_what_counts_in_their_language(
    house: House, receipt_scan: SampleDocument, language: str, begins: str
) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    scope = Scope(fields=("company", "address"))
    own = kinds_that_mean({"company": "The brand, in large letters."}, {})
    await house.announce([receipt_scan], task_type="field_choice", scope=scope, quality=NO_GOLD, kinds=own)
    await house.fund()
    await house.settle_down()
    (worker,) = await house.workers(1)
    (offer,) = await house.exchange.offers(worker, language=language)
    assert offer.meanings.keys() == {"company", "address"}, "of the fields that are asked for"
    assert offer.meanings["company"] == ("The brand, in large letters.",), "a requester's own words hold"
    assert offer.meanings["address"][0].startswith(begins)


async def test_a_job_that_looks_for_no_fields_tells_none(house: House, receipt_scan: SampleDocument) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    await house.announce([receipt_scan], machine="none", quality=NO_GOLD)
    await house.fund()
    await house.settle_down()
    (worker,) = await house.workers(1)
    (offer,) = await house.exchange.offers(worker)
    assert offer.meanings == {}


async def test_where_a_name_is_in_none_of_the_likeliest_rows_every_row_is_shown(
    house: House, receipt_scan: SampleDocument
) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    scope = Scope(fields=("company",))
    await house.announce([receipt_scan], task_type="field_choice", scope=scope, machine="none", quality=NO_GOLD)
    await house.fund()
    await house.settle_down()
    workers = await house.workers(2)
    places = []
    for _ in range(2):
        for worker in workers:
            (one,) = (await house.exchange.claim(worker, JOB, 20)).assignments
            places.append(int(one.question.split()[1]))
            await house.exchange.submit(worker, JOB, [Given(one.assignment_id, "none of these", active_ms=3_000)])
        await house.settle_down()
        await house.record()
        await house.settle_down()
    assert places[0] == places[1] < places[2] == places[3], "all rows, only after people found it nowhere"


async def test_without_a_machine_two_people_choose_and_every_chosen_piece_is_keyed(
    house: House, receipt_scan: SampleDocument
) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    scope = Scope(fields=("total",))
    await house.announce([receipt_scan], task_type="field_choice", scope=scope, machine="none", quality=NO_GOLD)
    await house.fund()
    await house.settle_down()
    workers = await house.workers(4)
    asked = await answered(house, [receipt_scan], workers)
    assert sum(question.startswith("which") for question in asked) == 2
    assert sum(not question.startswith("which") for question in asked) == 2
    record = json.loads((await delivered(house))[f"{receipt_scan.doc_id}.json"])
    assert record["fields"] == {"total": receipt_scan.truth["fields"]["total"]}


async def test_what_people_see_of_a_choice_is_its_places_and_nothing_else(
    house: House, receipt_scan: SampleDocument
) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    await house.announce([receipt_scan], task_type="field_choice", scope=Scope(fields=("total",)), quality=NO_GOLD)
    await house.fund()
    await house.settle_down()
    (worker,) = await house.workers(1)
    (one,) = (await house.exchange.claim(worker, JOB, 20)).assignments
    picture = await house.blobs.get(one.picture)
    shown = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    page = cv2.imdecode(np.frombuffer(receipt_scan.pages[0], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown is not None and page is not None
    view = (await house.exchange.simulation_view(JOB))[one.task_id]
    assert view.ask is not None and view.ask.choice is not None
    assert len(view.ask.choice.shown) < len(receipt_scan.truth["lines"]) / 2
    assert shown.size < page.size, "it is a part of the page"


async def test_a_claim_is_put_to_people_beside_its_page_and_comes_back_with_its_place(
    house: House, receipt_scan: SampleDocument
) -> None:
    true, false = "the total is on this page", "the page is a contract"
    await house.announce([], task_type="verify_claim", document_count=1)
    png = receipt_scan.pages[0]
    blob = await house.blobs.put(png, media_type="image/png", namespace=JOB)
    width, height = png_size(png)
    page = PageRef(page_no=1, blob=blob, width=width, height=height, questions=(claim(true), claim(false)))
    handed = DocumentsHanded(job_id=JOB, documents=(DocumentRef(doc_id="scan", kind="receipt", pages=(page,)),))
    assert (await house.say("launcher", handed)).outcome == "applied"
    await house.fund()
    await house.settle_down()
    assert {facts.question for body in house.told(TasksOpened) for facts in body.tasks} == {claim(true), claim(false)}
    for number, worker in enumerate(await house.workers(2)):
        bundle = await house.exchange.claim(worker, JOB, 20)
        assert {one.picture for one in bundle.assignments} == {blob}
        said = {
            true: f"the page says so @ 100 80{number} 300 850",
            false: f"the page says otherwise @ 1 1 9{number} 99",
        }
        prompts = {one.assignment_id: asked_of(one.question) for one in bundle.assignments}
        await house.exchange.submit(
            worker, JOB, [Given(key, said[asked.question.prompt]) for key, asked in prompts.items() if asked]
        )
    await house.settle_down()
    await house.record()
    await house.settle_down()
    files = await delivered(house)
    rows = {row["question"]: row for row in csv.DictReader(io.StringIO(files["answers.csv"].decode()))}
    assert rows[true]["verdict"] == "the page says so" and rows[true]["y0_permille"] in ("800", "801")
    assert rows[false]["verdict"] == "the page says otherwise"
    assert {row["people_asked"] for row in rows.values()} == {"2"}


async def test_an_answer_that_its_form_does_not_allow_supports_nothing(
    house: House, receipt_scan: SampleDocument
) -> None:
    house.exchange.reading.readers = ReaderOf(receipt_scan.truth)
    scope = Scope(fields=("total",))
    await house.announce([receipt_scan], task_type="field_choice", scope=scope, machine="none", quality=NO_GOLD)
    await house.fund()
    await house.settle_down()
    for worker in await house.workers(2):
        (one,) = (await house.exchange.claim(worker, JOB, 20)).assignments
        await house.exchange.submit(worker, JOB, [Given(one.assignment_id, "<script>")])
        await house.settle_down()
        await house.record()
        await house.settle_down()
    assert (await house.exchange.progress(JOB)).tasks["unreadable"] == 1


class ReaderOfPages:
    """Reads each page as its own truth says."""

    def __init__(self, *truths: Mapping[str, Any]) -> None:
        self.truths = truths

    def read(self, page_png: bytes, *, kind: str, page_no: int, text_layer: bytes | None = None) -> Any:
        return msgspec.structs.replace(readings_from_truth(dict(self.truths[page_no - 1])), page_no=page_no)


@pytest.mark.parametrize("on_page", [1, 2])
async def test_a_field_that_is_nowhere_on_a_page_is_asked_for_on_the_next(house: House, on_page: int) -> None:
    first, second = sample_documents(seed=4, receipts=2)[:2]
    house.exchange.reading.readers = ReaderOfPages(first.truth, second.truth)
    both = replace(first, pages=(first.pages[0], second.pages[0]))
    scope = Scope(fields=("total",))
    await house.announce([both], task_type="field_choice", scope=scope, machine="none", quality=NO_GOLD, page_count=2)
    await house.fund()
    await house.settle_down()
    total = (first, second)[on_page - 1].truth["fields"]["total"]
    pages_asked: list[int] = []
    workers = await house.workers(3)
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
                place = view[one.task_id]
                if place.ask is None:
                    given.append(Given(one.assignment_id, total, active_ms=4_000))
                    continue
                pages_asked.append(place.page_no)
                truth = (first, second)[place.page_no - 1].truth
                own = [one.piece for one in view.values() if one.piece is not None and one.page_no == place.page_no]
                texts = {piece.piece_id: next((r.text for r in piece.readings), "") for piece in own}
                spec = {field.name: field for field in kind_spec(truth["kind"]).fields}
                wanted = total if place.page_no == on_page else ""
                said = true_answer(place.ask.choice, spec["total"], texts, wanted)
                given.append(Given(one.assignment_id, said, active_ms=4_000))
            if given:
                await house.exchange.submit(worker, JOB, given)
            done += len(given)
        await house.settle_down()
        if not await house.record() and not done:
            break
        await house.settle_down()
    best = pages_asked[0]
    assert set(pages_asked) == ({best} if best == on_page else {1, 2}), "the next one only where this holds nothing"
    files = await delivered(house)
    assert json.loads(files[f"{both.doc_id}.json"])["fields"] == {"total": total}
    told = list(csv.DictReader(io.StringIO(files["answers.csv"].decode())))
    assert [(row["page"], row["verdict"]) for row in told if row["verdict"] == "found"] == [(str(on_page), "found")]
    assert len(told) == len(set(pages_asked))


@pytest.mark.parametrize(("privacy", "linked"), [("strict", False), ("off", True)])
async def test_at_strict_no_worker_of_a_job_can_link_two_pieces_and_at_off_they_can(
    house: House, receipt_scan: SampleDocument, privacy: str, linked: bool
) -> None:
    await house.announce([receipt_scan], privacy=privacy, machine="none", quality=NO_GOLD)
    await house.fund()
    await house.settle_down()
    for worker in await house.workers(8):
        bundle = await house.exchange.claim(worker, JOB, 20)
        assert linked or len(bundle.assignments) <= 1
    where = {"job_id": JOB}
    async with house.db.connection() as connection:
        pages = await rows_of(connection, PageRow, QUERIES.pages_of, where)
        shown: dict[str, set[str]] = {}
        for worker, piece in await rows(connection, QUERIES.pieces_shown, where):
            shown.setdefault(worker, set()).add(piece)
        manifest = parse_manifest((await rows(connection, QUERIES.rounds_of, where))[0][1])
    told = json.loads(exposure_file(pages, [], shown, manifest))
    assert (told["linkable_pairs"] > 0) is linked
    assert (told["pieces_of_page_max"] == 1) is not linked
