"""Machine readers behind one protocol, and the reading of a whole page.

Rules kept here
- ``make_readers`` is called once in a worker process; a reader holds a model of tens of megabytes.
- The package imports without any reader installed; only making one can fail, and says what is missing.

Names: ``ppocr6`` (rapidocr, PP-OCRv6), ``ppocr4`` (rapidocr-onnxruntime, PP-OCRv4), ``tesseract`` (optional, needs the
system's program and language data), ``text_layer`` and ``ink`` (always there where they apply, never asked for).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .alphabet import DEFAULT_LANGUAGES, alphabet
from .base import Pixels, Place, Reader, ReaderError, ReaderNotInstalled, UnknownReader, read
from .onnx_text import OnnxReader, TextDetector, TextRecogniser, model_in_wheel, open_session
from .page import decode_page, read_page
from .tesseract import TesseractReader

__all__ = [
    "DEFAULT_READERS",
    "READER_NAMES",
    "Pixels",
    "Place",
    "Reader",
    "ReaderError",
    "ReaderNotInstalled",
    "UnknownReader",
    "decode_page",
    "make_readers",
    "read",
    "read_page",
]

DEFAULT_READERS = ("ppocr6", "ppocr4")


def _ppocr6(languages: tuple[str, ...]) -> Reader:
    return _onnx("ppocr6", "rapidocr", "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx", languages)


def _ppocr4(languages: tuple[str, ...]) -> Reader:
    package = "rapidocr_onnxruntime"
    return _onnx("ppocr4", package, "ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx", languages)


def _onnx(name: str, package: str, detector: str, recogniser: str, languages: tuple[str, ...]) -> Reader:
    return OnnxReader(
        name,
        TextDetector(open_session(model_in_wheel(package, detector, reader=name))),
        TextRecogniser(
            open_session(model_in_wheel(package, recogniser, reader=name)),
            alphabet=alphabet(languages),
        ),
    )


def _tesseract(languages: tuple[str, ...]) -> Reader:
    return TesseractReader(languages, alphabet=alphabet(languages))


_MAKERS: dict[str, Callable[[tuple[str, ...]], Reader]] = {
    "ppocr6": _ppocr6,
    "ppocr4": _ppocr4,
    "tesseract": _tesseract,
}
READER_NAMES = tuple(sorted(_MAKERS))


def make_readers(
    names: Sequence[str] = DEFAULT_READERS, *, languages: tuple[str, ...] = DEFAULT_LANGUAGES
) -> tuple[Reader, ...]:
    """The named readers, models loaded.

    names    in order of trust; empty or ``("none",)`` = no machine, people key everything
    raises   UnknownReader, ReaderNotInstalled
    """
    wanted = [n for n in names if n != "none"]
    for name in wanted:
        if name not in _MAKERS:
            raise UnknownReader(name=name, known=READER_NAMES)
    return tuple(_MAKERS[name](languages) for name in wanted)
