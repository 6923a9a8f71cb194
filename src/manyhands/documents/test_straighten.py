"""Pages that lie askew are laid straight to be read, and their record speaks of them as they were handed in."""

import cv2
import numpy as np
import pytest

from manyhands.documents.assemble import assemble
from manyhands.documents.cutter import cut, render_cuttings
from manyhands.documents.model import Area, Box, Decision, PageImage, PageReadings, PageRecord, PieceRecord, Spot
from manyhands.documents.straighten import laid_straight, straightening_of, turned_over

WIDTH, HEIGHT = 900, 1200
LINES = [Box(80, 60 + 60 * n, 80 + 300 + 90 * (n % 5), 90 + 60 * n) for n in range(18)]


def corners_of(box: Box, matrix: np.ndarray) -> np.ndarray:
    points = np.array([[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]], np.float32)
    moved = cv2.perspectiveTransform(points[None], matrix)[0]
    by_x = moved[np.argsort(moved[:, 0], kind="stable")]
    left, right = (side[np.argsort(side[:, 1], kind="stable")] for side in (by_x[:2], by_x[2:]))
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def tilted(degrees: float) -> np.ndarray:
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -degrees, 1.0)
    return np.vstack([turn, [0, 0, 1]]).astype(np.float32)


def fanned() -> np.ndarray:
    before = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    after = np.array([[0, 40], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT - 60]], np.float32)
    return cv2.getPerspectiveTransform(before, after)


def quarter() -> np.ndarray:
    return np.array([[0, 1, 0], [-1, 0, WIDTH], [0, 0, 1]], np.float32)


@pytest.mark.parametrize(
    ("matrix", "size"),
    [
        (tilted(3), (WIDTH, HEIGHT)),
        (tilted(-14), (WIDTH, HEIGHT)),
        (fanned(), (WIDTH, HEIGHT)),
        (quarter(), (HEIGHT, WIDTH)),
    ],
    ids=["tilted by 3 degrees", "tilted by -14", "fanned out", "turned by a quarter"],
)
def test_a_page_askew_is_laid_straight_and_its_boxes_find_back(matrix: np.ndarray, size: tuple[int, int]) -> None:
    width, height = size
    askew = [corners_of(box, matrix) for box in LINES]
    straight = straightening_of(askew, width_px=width, height_px=height)
    assert straight is not None
    there = cv2.getPerspectiveTransform(
        np.array(straight.corners, np.float32) / 100,
        np.array(
            [[0, 0], [straight.width_px, 0], [straight.width_px, straight.height_px], [0, straight.height_px]],
            np.float32,
        ),
    )
    for corners in askew:
        laid = cv2.perspectiveTransform(corners[None], there)[0]
        across = max(laid[:, 0].max() - laid[:, 0].min(), 1)
        by_x = laid[np.argsort(laid[:, 0])]
        slope = abs(by_x[:2, 1].mean() - by_x[2:, 1].mean()) / across
        assert slope < 0.006
        box = Box(*(round(float(v)) for v in (*laid.min(axis=0), *laid.max(axis=0))))
        found = straight.on_page(box, width_px=width, height_px=height)
        inside = np.clip(corners, 0, [width, height])
        assert found.x0 <= inside[:, 0].min() + 3 and found.x1 >= inside[:, 0].max() - 3
        assert found.y0 <= inside[:, 1].min() + 3 and found.y1 >= inside[:, 1].max() - 3


def test_a_page_that_is_straight_enough_is_left_alone() -> None:
    for degrees in (0.0, 0.4, -0.5):
        askew = [corners_of(box, tilted(degrees)) for box in LINES]
        assert straightening_of(askew, width_px=WIDTH, height_px=HEIGHT) is None
    assert straightening_of([corners_of(LINES[0], tilted(9))], width_px=WIDTH, height_px=HEIGHT) is None


def test_turned_over_twice_is_as_before() -> None:
    once = turned_over(None, width_px=WIDTH, height_px=HEIGHT)
    assert once.on_page(Box(0, 0, 100, 50), width_px=WIDTH, height_px=HEIGHT) == Box(800, 1150, 900, 1200)
    twice = turned_over(once, width_px=WIDTH, height_px=HEIGHT)
    assert twice.on_page(Box(0, 0, 100, 50), width_px=WIDTH, height_px=HEIGHT) == Box(0, 0, 100, 50)
    page = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH), dtype=np.uint8)
    assert np.mean(np.abs(laid_straight(page, once).astype(int) - page[::-1, ::-1])) < 1


def test_the_record_of_a_page_upside_down_speaks_of_the_page_as_handed_in_and_cuttings_stand_upright() -> None:
    upright = np.full((HEIGHT, WIDTH), 250, np.uint8)
    upright[100:130, 100:400] = 0
    done, png = cv2.imencode(".png", upright[::-1, ::-1])
    assert done
    over = turned_over(None, width_px=WIDTH, height_px=HEIGHT)
    page = PageReadings(1, WIDTH, HEIGHT, (Spot(Box(96, 96, 404, 134)),), straight=over)
    (piece,) = cut(page, doc_id="over")
    shown = cv2.imdecode(
        np.frombuffer(render_cuttings(png.tobytes(), [piece], straight=over)[piece.piece_id], np.uint8), 0
    )
    assert shown[shown.shape[0] // 2, shown.shape[1] // 2] < 30
    image = PageImage(1, WIDTH, HEIGHT)
    decided = (PieceRecord(piece, Decision("people", "TOTAL", "two agree")),)
    turned = PageRecord("over", image, decided, straight=over)
    record = assemble("over", "table", [turned])
    assert record.lines[0].box == record.decisions[0].piece.box == Box(496, 1066, 804, 1104)

    # a box is drawn on the page as it was handed in: what was read at its top stands at its bottom
    top, bottom = Area("top", 1, 0, 0, 1_000, 500), Area("bottom", 1, 0, 500, 1_000, 1_000)
    drawn = assemble("over", "table", [turned], drawn=(top, bottom))
    assert [(field.name, field.value) for field in drawn.fields] == [("top", ""), ("bottom", "TOTAL")]
