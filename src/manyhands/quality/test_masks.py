"""Masks: what they overlap, and how one is made of several."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.quality import infer
from manyhands.quality.errors import BadLabels
from manyhands.quality.masks import mask_of, mask_overlap, merged_mask, pixels_of

SIZE = [12, 16]


def square(top: int, left: int, side: int) -> np.ndarray:
    pixels = np.zeros(SIZE, bool)
    pixels[top : top + side, left : left + side] = True
    return pixels.ravel()


@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_runs_give_the_same_pixels_back(pixels: list[bool]) -> None:
    given_pixels = np.array(pixels)
    assert (pixels_of(mask_of(given_pixels, [3, 4])) == given_pixels).all()


def test_a_mask_overlaps_itself_wholly_and_one_of_another_picture_not_at_all() -> None:
    mask = mask_of(square(2, 2, 5), SIZE)
    assert mask_overlap(mask, mask) == 1.0
    assert mask_overlap(mask, {"size": [1, 2], "runs": [0, 1]}) == 0.0


def test_unanimous_people_get_their_mask_back() -> None:
    mask = mask_of(square(2, 2, 5), SIZE)
    assert merged_mask([mask, mask, mask], [0.8, 0.8, 0.8]) == mask


def test_edges_drawn_too_wide_and_too_narrow_meet_at_the_truth() -> None:
    truth = mask_of(square(3, 3, 5), SIZE)
    drawn = [truth, mask_of(square(2, 2, 7), SIZE), truth, mask_of(square(4, 4, 3), SIZE), truth]
    assert merged_mask(drawn, [0.8] * 5) == truth


def test_a_careless_person_moves_nothing_and_a_segment_of_one_does_not_exist() -> None:
    truth, far = mask_of(square(1, 1, 4), SIZE), mask_of(square(7, 10, 4), SIZE)
    answers = {"a": [truth], "b": [truth], "c": [truth], "careless": [far]}
    rows = [(f"t{task}", worker, answer) for task in range(4) for worker, answer in answers.items()]
    tasks, workers, labels = (list(column) for column in zip(*rows, strict=True))
    table = infer((tasks, workers, labels)).table
    assert all(found == [truth] for found in table.label.tolist())
    assert table.support.tolist() == [3, 3, 3, 3]


def test_a_run_outside_the_picture_is_refused() -> None:
    with pytest.raises(BadLabels):
        pixels_of({"size": [2, 2], "runs": [3, 2]})
