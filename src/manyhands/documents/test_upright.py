"""A page that lies on its side or on its head is shown upright in a list, and never turned on a guess."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from . import upright
from .readers.base import ReaderNotInstalled
from .samples import SampleDocument, sample_documents
from .upright import quarters_to_upright, turned


@pytest.fixture(scope="module")
def samples() -> tuple[SampleDocument, ...]:
    """Receipts and an invoice; what stands in a ruled grid is no line of its own, so a table may stay as it lies."""
    return tuple(one for one in sample_documents(seed=3, receipts=2) if one.kind != "table")


def pixels_of(document: SampleDocument) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = cv2.imdecode(np.frombuffer(document.pages[0], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


@pytest.mark.parametrize("quarters", range(4))
def test_a_page_is_stood_upright_however_it_lies(samples: tuple[SampleDocument, ...], quarters: int) -> None:
    for document in samples:
        page = pixels_of(document)
        lying = turned(page, quarters)
        assert np.array_equal(turned(lying, quarters_to_upright(lying)), page), document.kind


def test_a_page_with_little_on_it_stays_as_it_was_handed_in() -> None:
    page = np.full((800, 600, 3), 255, np.uint8)
    assert quarters_to_upright(page) == 0
    for n in range(3):  # three lines up and down, as a stamp on an empty page has
        cv2.putText(page, "PAID 12.50", (60 + 60 * n, 200), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    assert quarters_to_upright(turned(page, 1)) == 0


def test_a_long_edge_of_the_paper_turns_nothing(samples: tuple[SampleDocument, ...]) -> None:
    page = pixels_of(samples[0]).copy()
    cv2.rectangle(page, (0, 0), (9, page.shape[0] - 1), (0, 0, 0), -1)
    cv2.rectangle(page, (page.shape[1] - 10, 0), (page.shape[1] - 1, page.shape[0] - 1), (0, 0, 0), -1)
    assert quarters_to_upright(page) == 0


def test_without_the_model_a_page_is_shown_as_it_was_handed_in(
    samples: tuple[SampleDocument, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise ReaderNotInstalled(name="upright", missing="the package rapidocr")

    monkeypatch.setattr(upright, "_session", missing)
    assert quarters_to_upright(turned(pixels_of(samples[0]), 2)) == 0
