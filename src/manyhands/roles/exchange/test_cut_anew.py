"""A piece that was cut through its letters is shown once more with more room, after people could not read it."""

from __future__ import annotations

import json
from typing import Any

from manyhands.documents.conftest_material import readings_from_truth
from manyhands.documents.model import Box
from manyhands.documents.samples import SampleDocument
from manyhands.protocol.manifest import QualityRule
from manyhands.roles.exchange import Given
from manyhands.roles.exchange.errors import JobNotOpen
from manyhands.store.database import rows

from .scripted import JOB, House
from .second_round import CUT_ANEW
from .test_asks import delivered


class CutsThrough:
    """Reads what the truth says, but for one line whose box ends in the middle of its letters."""

    def __init__(self, truth: dict[str, Any], text: str) -> None:
        lines = []
        for line in truth["lines"]:
            x0, y0, x1, y1 = line["box"]
            own = {**line, "box": [x0, y0, x1, y0 + (y1 - y0) // 2]} if line["text"] == text else line
            lines.append(own)
        self.truth = {**truth, "lines": lines}

    def read(self, page_png: bytes, *, kind: str, page_no: int, text_layer: bytes | None = None) -> Any:
        return readings_from_truth(dict(self.truth))


async def test_what_was_cut_through_is_drawn_anew_and_read_and_what_is_faint_is_not_asked_twice(
    house: House, receipt_scan: SampleDocument
) -> None:
    cut_off, faint = receipt_scan.truth["lines"][0]["text"], receipt_scan.truth["lines"][1]["text"]
    reader = CutsThrough(dict(receipt_scan.truth), cut_off)
    house.exchange.reading.readers = reader
    await house.announce([receipt_scan], machine="none", quality=QualityRule(gold_share_bp=0))
    await house.fund()
    await house.settle_down()
    tops = {cut_off: reader.truth["lines"][0]["box"], faint: reader.truth["lines"][1]["box"]}
    workers = await house.workers(4)
    for _ in range(14):
        view = await house.exchange.simulation_view(JOB)
        async with house.db.connection() as connection:
            anew = {
                task_id
                for task_id, because in await rows(
                    connection, "select task_id, because from exchange.tasks where job_id = %s", (JOB,)
                )
                if because == CUT_ANEW
            }
        done = 0
        for worker in workers:
            try:
                bundle = await house.exchange.claim(worker, JOB, 20)
            except JobNotOpen:
                break
            given = []
            for one in bundle.assignments:
                box = view[one.task_id].piece.box
                text: str | None = "read"
                if box == Box(*tops[faint]) or (box == Box(*tops[cut_off]) and one.task_id not in anew):
                    text = None
                given.append(Given(one.assignment_id, text, active_ms=4_000))
            if given:
                await house.exchange.submit(worker, JOB, given)
            done += len(given)
        await house.settle_down()
        if not await house.record() and not done:
            break
        await house.settle_down()
    async with house.db.connection() as connection:
        states = await rows(
            connection, "select piece_id, state, because from exchange.tasks where job_id = %s order by rank", (JOB,)
        )
    asked_of = {}
    for piece_id, state, _ in states:
        asked_of.setdefault(piece_id, []).append(state)
    assert sorted(own for own in asked_of.values() if "unreadable" in own) == [
        ["unreadable"], ["unreadable", "accepted"],
    ], "one was read after all; the other would look the same"  # fmt: skip
    record = json.loads((await delivered(house))[f"{receipt_scan.doc_id}.json"])
    hows = [piece["how"] for piece in record["provenance"]["pieces"].values()]
    assert hows.count("unreadable") == 1
