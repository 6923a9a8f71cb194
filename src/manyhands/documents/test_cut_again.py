"""What people could not read is drawn once more where it was cut off, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .cutter import render_again, render_cutting
from .model import Box, Piece


def page_with(*lines: tuple[str, int]) -> bytes:
    image = Image.new("L", (420, 220), 250)
    for text, y in lines:
        ImageDraw.Draw(image).text((40, y), text, fill=20, font=ImageFont.load_default(size=30))
    return cv2.imencode(".png", np.asarray(image))[1].tobytes()


def piece(name: str, box: Box) -> Piece:
    return Piece(name, 1, box, 0)


def inked(png: bytes) -> tuple[int, int]:
    """(height, dark pixels) at the height of the page."""
    shown = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown is not None
    return shown.shape[0], int((shown < 120).sum())


PAGE = page_with(("Total 12.50", 60), ("Change 7.50", 110))
WHOLE, BELOW = Box(36, 60, 215, 96), Box(36, 110, 225, 146)
TIGHT = Box(36, 60, 215, 76)
"""The lower half of the line lies outside."""


def test_a_piece_whose_letters_were_cut_in_two_is_shown_whole() -> None:
    pieces = [piece("own", TIGHT), piece("below", BELOW)]
    drawn = render_again(PAGE, pieces, {"own"})
    assert set(drawn) == {"own"}
    first = render_cutting(PAGE, pieces[0], [TIGHT, BELOW])
    assert drawn["own"] != first


def test_a_piece_that_was_cut_well_is_not_asked_again() -> None:
    assert render_again(PAGE, [piece("own", WHOLE), piece("below", BELOW)], {"own", "below"}) == {}


def test_only_what_could_not_be_read_is_drawn() -> None:
    assert render_again(PAGE, [piece("own", TIGHT), piece("below", BELOW)], {"below"}) == {}


def test_more_room_shows_the_ends_of_letters_and_no_neighbour() -> None:
    near = page_with(("Total 12.50", 60), ("SECRET NAME", 90))
    secret = Box(36, 92, 260, 126)
    pieces = [piece("own", Box(36, 62, 215, 80)), piece("secret", secret)]
    shown = render_again(near, pieces, {"own"})
    bare = page_with(("Total 12.50", 60))
    alone = render_again(bare, [pieces[0]], {"own"})
    (_, with_neighbour), (_, without) = inked(shown["own"]), inked(alone["own"])
    # of the neighbour's line only what lies within a quarter of the piece's height is left
    assert with_neighbour < without * 1.15
