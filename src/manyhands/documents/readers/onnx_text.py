"""Readers made of a text detector and a text recogniser in ONNX files that lie in an installed wheel.

Rules kept here
- Models are found inside the installed package's folder and nowhere else; there is no code here that could fetch one.
- One thread, no spinning, no memory arena: several readers share a small machine without starving it.
- The recogniser may only answer with characters of the job's alphabet (``alphabet.py``), so an ornament does not turn
  into a rare ideograph; what it would rather have said lowers its confidence.

Source: PP-OCR (Du et al., 2020, "PP-OCR: A Practical Ultra Lightweight OCR System"), differentiable binarisation for
detection (Liao et al., 2020), connectionist temporal classification for recognition (Graves et al., 2006).
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ..model import Box, Reading
from .base import Corners, Pixels, Place, ReaderNotInstalled

_REC_HEIGHT_PX = 48
_REC_BATCH = 6
_REC_SHORTEST_PX = 128
"""Short lines are padded to this width only: 320, as usually done, costs half as much again and reads no better."""
_DET_SHORT_SIDE_PX = 736
_DET_LONG_SIDE_PX = 2000


def model_in_wheel(package: str, file_name: str, *, reader: str) -> Path:
    """Path of a model file inside an installed package.

    raises  ReaderNotInstalled when the package or the file is missing
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ReaderNotInstalled(name=reader, missing=f"the package {package}")
    path = Path(spec.origin).parent / "models" / file_name
    if not path.is_file():
        raise ReaderNotInstalled(name=reader, missing=f"{file_name} of the package {package}")
    return path


def open_session(path: Path, *, threads: int = 1) -> Any:
    """An onnxruntime session that uses the given number of threads and gives memory back."""
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types; 0.2 s and 60 MB: only a process that reads pays for it

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])


class TextDetector:
    """Finds text lines with a differentiable-binarisation network."""

    def __init__(self, session: Any, *, box_threshold: float = 0.5, unclip_ratio: float = 1.6) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._box_threshold = box_threshold
        self._unclip_ratio = unclip_ratio

    def find(self, page: Pixels) -> list[Place]:
        """Text lines of a page, unsorted, in page pixels."""
        height, width = page.shape[:2]
        scale = _detection_scale(width, height)
        net_w = max(32, round(width * scale / 32) * 32)
        net_h = max(32, round(height * scale / 32) * 32)
        resized = cv2.resize(page, (net_w, net_h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        blob = ((resized.astype(np.float32) / 255.0) - 0.5) / 0.5
        heat = self._session.run(None, {self._input: blob.transpose(2, 0, 1)[None]})[0][0, 0]
        return self._places(heat, page_width=width, page_height=height)

    def _places(self, heat: NDArray[np.float32], *, page_width: int, page_height: int) -> list[Place]:
        mask = cv2.dilate((heat > 0.3).astype(np.uint8), np.ones((2, 2), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        sx, sy = page_width / heat.shape[1], page_height / heat.shape[0]
        places = []
        for contour in contours[:2000]:
            rect = cv2.minAreaRect(contour)
            if min(rect[1]) < 3 or self._score(heat, contour) < self._box_threshold:
                continue
            # The network is trained on shrunken lines: growing by area * ratio / perimeter undoes the shrinking.
            (cx, cy), (w, h), angle = rect
            grow = (w * h) * self._unclip_ratio / (2 * (w + h))
            corners = cv2.boxPoints(((cx, cy), (w + 2 * grow, h + 2 * grow), angle))
            if min(w, h) + 2 * grow < 5:
                continue
            corners = clockwise(corners) * np.array([sx, sy], np.float32)
            corners[:, 0] = np.clip(corners[:, 0], 0, page_width)
            corners[:, 1] = np.clip(corners[:, 1], 0, page_height)
            places.append(place_of(corners))
        return places

    @staticmethod
    def _score(heat: NDArray[np.float32], contour: NDArray[Any]) -> float:
        x, y, w, h = cv2.boundingRect(contour)
        mask = np.zeros((h, w), np.uint8)
        cv2.fillPoly(mask, [contour - np.array([x, y])], 1)
        return float(cv2.mean(heat[y : y + h, x : x + w], mask)[0])


class TextRecogniser:
    """Reads cut-out text lines with a CTC network, restricted to an alphabet."""

    def __init__(self, session: Any, *, alphabet: frozenset[str]) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        listed = session.get_modelmeta().custom_metadata_map["character"].splitlines()
        characters = ["", *listed, " "]
        allowed = [i for i, c in enumerate(characters) if i == 0 or c in alphabet]
        self._allowed = np.array(allowed)
        self._characters = [characters[i] for i in allowed]

    def recognise(self, crops: Sequence[Pixels]) -> list[tuple[str, float, float]]:
        """For each crop its text, mean and least confidence of a character (0..1).

        The network's own probabilities are used: forbidden characters keep their share, so an ornament reads uncertain.
        """
        results: list[tuple[str, float, float]] = [("", 0.0, 0.0)] * len(crops)
        order = sorted(range(len(crops)), key=lambda i: crops[i].shape[1] / crops[i].shape[0])
        for start in range(0, len(order), _REC_BATCH):
            batch = order[start : start + _REC_BATCH]
            ratio = max(_REC_SHORTEST_PX / _REC_HEIGHT_PX, *(crops[i].shape[1] / crops[i].shape[0] for i in batch))
            blob = np.stack([_rec_input(crops[i], ratio) for i in batch])
            out = self._session.run(None, {self._input: blob})[0]
            for i, probabilities in zip(batch, out[:, :, self._allowed], strict=True):
                results[i] = self._decode(probabilities)
        return results

    def _decode(self, probabilities: NDArray[np.float32]) -> tuple[str, float, float]:
        best = probabilities.argmax(axis=1)
        share = probabilities.max(axis=1)
        keep = best != 0
        keep[1:] &= best[1:] != best[:-1]
        text = "".join(self._characters[i] for i in best[keep]).strip()
        shares = share[keep]
        if not text or not shares.size:
            return "", 0.0, 0.0
        return " ".join(text.split()), float(shares.mean()), float(shares.min())


class OnnxReader:
    """A detector and a recogniser under one name."""

    def __init__(self, name: str, detector: TextDetector, recogniser: TextRecogniser) -> None:
        self._name, self._detector, self._recogniser = name, detector, recogniser

    @property
    def name(self) -> str:
        """Name that stands in records."""
        return self._name

    def find(self, page: Pixels) -> list[Place]:
        """Where text stands on the page."""
        return self._detector.find(page)

    def recognise(self, page: Pixels, places: Sequence[Place]) -> list[Reading]:
        """One reading per place, in order."""
        crops = [crop_of(page, place) for place in places]
        return [
            Reading(self._name, text, round(mean * 10_000), place.box, round(least * 10_000))
            for place, (text, mean, least) in zip(places, self._recogniser.recognise(crops), strict=True)
        ]


def place_of(corners: Corners) -> Place:
    """A place from its corners: the upright box around them."""
    x0, y0 = np.floor(corners.min(axis=0)).astype(int)
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int)
    return Place(Box(int(x0), int(y0), int(x1), int(y1)), corners)


def crop_of(page: Pixels, place: Place) -> Pixels:
    """The pixels of a place, turned upright; lines that stand on end are laid down."""
    if place.corners is None:
        box = place.box
        crop = page[box.y0 : max(box.y1, box.y0 + 1), box.x0 : max(box.x1, box.x0 + 1)]
    else:
        c = place.corners
        width = max(1, round(max(math.dist(c[0], c[1]), math.dist(c[2], c[3]))))
        height = max(1, round(max(math.dist(c[0], c[3]), math.dist(c[1], c[2]))))
        target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        matrix = cv2.getPerspectiveTransform(c.astype(np.float32), target)
        crop = cast(
            Pixels,
            cv2.warpPerspective(page, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC),
        )
    if crop.shape[0] >= 1.5 * crop.shape[1]:
        crop = np.ascontiguousarray(np.rot90(crop))
    return crop


def _detection_scale(width: int, height: int) -> float:
    scale = min(1.0, _DET_LONG_SIDE_PX / max(width, height))
    short = min(width, height) * scale
    return scale * max(1.0, min(_DET_SHORT_SIDE_PX / short, _DET_LONG_SIDE_PX / (max(width, height) * scale)))


def clockwise(corners: NDArray[Any]) -> Corners:
    """Four corners in any order, from the top left clockwise."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    left = left[np.argsort(left[:, 1], kind="stable")]
    right = right[np.argsort(right[:, 1], kind="stable")]
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def _rec_input(crop: Pixels, ratio: float) -> NDArray[np.float32]:
    width = int(_REC_HEIGHT_PX * ratio)
    own = min(width, math.ceil(_REC_HEIGHT_PX * crop.shape[1] / crop.shape[0]))
    resized = cv2.resize(crop, (max(1, own), _REC_HEIGHT_PX)).astype(np.float32)
    blob = np.zeros((3, _REC_HEIGHT_PX, width), np.float32)
    blob[:, :, : max(1, own)] = (resized.transpose(2, 0, 1) / 255 - 0.5) / 0.5
    return blob
