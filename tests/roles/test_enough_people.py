"""With so many careful people as a quote tells, a job comes to its end, whatever its kind and privacy level.

The launcher's number follows from the ink of the page; the exchange, its tables and its lending are the real ones. Each
person takes all that is left for them before the next one comes, which uses people up fastest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from manyhands.documents.estimate import estimate_page
from manyhands.documents.fields import kind_spec
from manyhands.documents.samples import SampleDocument, sample_documents
from manyhands.protocol.manifest import MachinePolicy, Privacy, QualityRule
from manyhands.roles.exchange.scripted import JOB, House
from manyhands.roles.exchange.test_readings import TwoReaders, worked
from manyhands.roles.launcher.workload import PageEstimate, workers_needed, workers_needed_for_fields
from manyhands.store.database import Database
from manyhands.store.migrations import Room

RULE = QualityRule(target_bp=9_900)


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [Room("exchange", "manyhands.roles.exchange")]


@pytest.fixture
async def exchange(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path / "blobs")


def receipt_of(seed: int) -> tuple[SampleDocument, PageEstimate]:
    """A rendered receipt and what a quote knows of it."""
    scan = sample_documents(seed=seed, receipts=1)[0]
    ink = estimate_page(scan.pages[0])
    return scan, PageEstimate(
        doc_id=scan.doc_id, page_no=1, kind=scan.kind, pieces=ink.pieces, pieces_max=ink.pieces_max
    )


async def ended(house: House, scan: SampleDocument, *, people: int, **manifest: Any) -> bool:
    """Whether so many people bring the job to an end."""
    await house.announce([scan], quality=RULE, **manifest)
    await house.fund()
    await house.settle_down()
    assert await worked(house, scan, await house.workers(people)), "there was work"
    progress = await house.exchange.progress(JOB)
    return progress.state != "open" and not progress.tasks["open"]


@pytest.mark.parametrize(("seed", "privacy"), [(1, "strict"), (2, "standard"), (3, "off")])
async def test_every_line_of_a_page_is_keyed_by_as_many_as_the_quote_tells(
    exchange: House, seed: int, privacy: Privacy
) -> None:
    scan, page = receipt_of(seed)
    people = workers_needed([page], privacy=privacy, quality=RULE, machine="none")
    assert await ended(exchange, scan, people=people, privacy=privacy, machine="none")


@pytest.mark.parametrize(
    ("seed", "privacy", "machine"),
    [(1, "standard", "agreeing_readers"), (2, "off", "agreeing_readers"), (3, "standard", "none")],
)
async def test_every_field_is_found_and_read_by_as_many_as_the_quote_tells(
    exchange: House, seed: int, privacy: Privacy, machine: MachinePolicy
) -> None:
    scan, page = receipt_of(seed)
    # no long line is read rightly by anybody: the worst that people who choose can be shown
    long = [line["text"] for line in scan.truth["lines"] if len(line["text"]) > 13]
    said = {line: (f"8{line[1:]}", f"9{line[1:]}") for line in long}
    exchange.exchange.reading.readers = TwoReaders(scan.truth, said)
    fields = len(kind_spec(scan.kind).fields)
    people = workers_needed_for_fields([(page, fields)], privacy=privacy, quality=RULE, machine=machine)
    assert await ended(exchange, scan, people=people, privacy=privacy, machine=machine, task_type="field_choice")
