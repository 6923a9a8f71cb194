"""A draft's pages in a list: small, and upright where that can be told."""

from __future__ import annotations

import cv2
import numpy as np

from manyhands.documents.samples import sample_documents
from manyhands.documents.upright import turned

from .work import THUMB_PX, thumbnail


def test_a_thumbnail_of_a_page_on_its_side_is_that_of_the_page_upright() -> None:
    page = cv2.imdecode(np.frombuffer(sample_documents(seed=3, receipts=1)[0].pages[0], np.uint8), cv2.IMREAD_COLOR)
    assert page is not None
    for quarters in range(4):
        lying = cv2.imencode(".png", turned(np.asarray(page, np.uint8), quarters))[1].tobytes()
        small = cv2.imdecode(np.frombuffer(thumbnail(lying), np.uint8), cv2.IMREAD_COLOR)
        assert small is not None and max(small.shape[:2]) == THUMB_PX
        assert abs(small.shape[0] / small.shape[1] - page.shape[0] / page.shape[1]) < 0.02
        upright = cv2.resize(np.asarray(page, np.uint8), small.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - upright.astype(int)).mean() < 12, "and the right way up"
