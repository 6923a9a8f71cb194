"""What the tests of the exchange start from: its tables alone, one exchange among scripted roles, one scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from manyhands.documents.samples import SampleDocument, sample_documents
from manyhands.store.database import Database
from manyhands.store.migrations import Room

from .scripted import House


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [Room("exchange", "manyhands.roles.exchange")]


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path / "blobs")


@pytest.fixture(scope="package")
def receipt_scan() -> SampleDocument:
    """Drawn once: nobody changes it."""
    return sample_documents(seed=1, receipts=1)[0]
