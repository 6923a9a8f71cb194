"""Truth for simulated people: which text each piece really holds, and what a person of some error rate would key.

Rules kept here
- Truth comes from a truth file (schema of the development documents), never from a reader; readings only help to
  find where in a truth line a piece begins and ends.
- Every character of a truth line that any piece touches is given to exactly one piece, so perfect answers put
  together again give the truth.
- Chance comes in as ``rng``. Whoever shows a figure made with this says that people were simulated.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from rapidfuzz.distance import Levenshtein

from .choices import NEITHER_OF_THESE, NONE_OF_THESE
from .fields import FieldSpec, formed, raw_on_lines
from .layout import reading_order
from .model import Box, Choice, Line, Piece, Reading
from .text import same_value, tight, unified
from .values import decimal_of, iso_date

_UNKNOWN = "\ufffc"
"""Stands for one character that no reader has read."""


def truth_for_pieces(pieces: Sequence[Piece], truth_doc: Mapping[str, Any]) -> dict[str, str]:
    """The true text of every piece of one document.

    pieces     all pieces of all pages of the document
    truth_doc  decoded truth file
    returns    piece id -> text, empty where nothing is written
    """
    texts = {p.piece_id: "" for p in pieces}
    for page_no in sorted({p.page_no for p in pieces}):
        own = [p for p in pieces if p.page_no == page_no]
        known = [line for line in truth_doc.get("lines", []) if line["page"] == page_no]
        asked = [(Box(*line["box"]), unified(line["text"])) for line in known if not line.get("optional")]
        marks = [(Box(*line["box"]), unified(line["text"])) for line in known if line.get("optional")]
        for piece_group, line_group in _groups(own, asked):
            texts.update(_dealt(piece_group, line_group))
        # Stamps and handwriting are keyed where they stand alone; over print, people key the print.
        alone = [p for p in own if not any(_meets(p.box, box) for box, _ in asked)]
        for piece_group, line_group in _groups(alone, marks):
            texts.update(_dealt(piece_group, line_group))
    return {p.piece_id: _as_on_paper(texts[p.piece_id], p.readings) for p in pieces}


def _as_on_paper(true: str, readings: Sequence[Reading]) -> str:
    """The true text spelt as the paper has it.

    Truth files may be all upper case with uneven blanks. Where a reader gives the same signs its case and blanks are
    the paper's; elsewhere letters that a reader shares keep the reader's case. The value never changes.
    """
    same = [r.text for r in readings if r.text and r.reader != "ink" and tight(r.text) == tight(true)]
    # a reader may run words together, the paper does not; one that parts them as the truth does is the paper's
    best = max(same, key=lambda t: (t.upper().split() == true.upper().split(), len(t.split())), default="")
    if best and len(best.split()) >= len(true.split()):
        return best
    if true != true.upper() or not true:
        return true
    best = next((r.text for r in readings if r.text), "")
    letters = list(true)
    for block in Levenshtein.opcodes(best.upper(), true):
        if block.tag == "equal" and len(best.upper()) == len(best):
            letters[block.dest_start : block.dest_end] = best[block.src_start : block.src_end]
    return "".join(letters)


def _meets(piece: Box, line: Box) -> bool:
    shared = piece.shared(line)
    return (
        shared.area_px > 0
        and shared.height_px * 2 >= min(piece.height_px, line.height_px)
        and shared.width_px * 5 >= min(piece.width_px, line.width_px)
    )


def _groups(
    pieces: Sequence[Piece], lines: Sequence[tuple[Box, str]]
) -> list[tuple[list[Piece], list[tuple[Box, str]]]]:
    """Pieces and truth lines that hang together by overlap, each side in reading order."""
    parent = list(range(len(pieces) + len(lines)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, piece in enumerate(pieces):
        if piece.empty:
            continue
        for k, (box, _) in enumerate(lines):
            if _meets(piece.box, box):
                parent[root(i)] = root(len(pieces) + k)
    grouped: dict[int, tuple[list[Piece], list[tuple[Box, str]]]] = {}
    for i, piece in enumerate(pieces):
        grouped.setdefault(root(i), ([], []))[0].append(piece)
    for k, line in enumerate(lines):
        grouped.setdefault(root(len(pieces) + k), ([], []))[1].append(line)
    result = []
    for some, several in grouped.values():
        if some and several:
            ordered = [some[i] for i in reading_order([p.box for p in some])]
            result.append((ordered, [several[i] for i in reading_order([b for b, _ in several])]))
    return result


def _dealt(pieces: Sequence[Piece], lines: Sequence[tuple[Box, str]]) -> dict[str, str]:
    """Deals the words of the lines out to the pieces by aligning what readers saw with what is true."""
    text = " ".join(t for _, t in lines)
    if len(pieces) == 1:
        return {pieces[0].piece_id: text}
    seen = [_seen(p) for p in pieces]
    heard = "".join(seen)
    squeezed = text.replace(" ", "")
    word_starts, at = {0}, 0
    for word in text.split(" "):
        at += len(word)
        word_starts.add(at)
    ends: list[int] = []
    passed = 0
    for part in seen:
        passed += len(part)
        ends.append(_aligned(heard.upper(), squeezed.upper(), passed))
    ends[-1] = len(squeezed)
    dealt: dict[str, str] = {}
    start = 0
    for piece, part, end in zip(pieces, seen, ends, strict=True):
        agreed = squeezed[start:end].upper() == part.upper()  # a reader saw just that: no word is to be made whole
        near = end if agreed else min(word_starts, key=lambda w, end=end: (abs(w - end), w))  # type: ignore[misc]  # bound on purpose
        stop = max(start, near if abs(near - end) <= 3 else end)
        dealt[piece.piece_id] = _with_blanks(text, start, stop)
        start = stop
    return dealt


def _seen(piece: Piece) -> str:
    for reading in piece.readings:
        if reading.text:
            return unified(reading.text).replace(" ", "")
    return _UNKNOWN * max(1, round(piece.box.width_px / max(1.0, 0.5 * piece.box.height_px)))


def _aligned(heard: str, true: str, position: int) -> int:
    """Where a position in the heard text lies in the true text, by the cheapest edit path."""
    for block in Levenshtein.opcodes(heard, true):
        if block.src_start <= position <= block.src_end and block.src_end > block.src_start:
            if position == block.src_end:
                return block.dest_end
            if block.tag == "delete":
                return block.dest_start
            return min(block.dest_end, block.dest_start + position - block.src_start)
    return len(true) if position else 0


def _with_blanks(text: str, start: int, stop: int) -> str:
    """Characters ``start`` to ``stop`` of the text counted without blanks, its blanks put back."""
    out: list[str] = []
    count = 0
    for letter in text:
        if letter == " ":
            if start < count < stop:
                out.append(" ")
            continue
        if start <= count < stop:
            out.append(letter)
        count += 1
    return "".join(out)


def simulate_answer(
    truth_text: str,
    readings: Sequence[Reading],
    *,
    error_rate: float = 0.03,
    rng: random.Random,
    repeat_share: float = 0.15,
) -> str:
    """What a simulated person keys for a piece.

    error_rate    chance that the answer is wrong
    repeat_share  share of wrong answers that repeat the machine's own mistake, where it made one
    returns       the truth, a reader's mistake, or the truth with one slip of the finger
    """
    if rng.random() >= error_rate:
        return truth_text
    mistakes = [r.text for r in readings if r.text and not same_value(r.text, truth_text)]
    if mistakes and rng.random() < repeat_share:
        return mistakes[0]
    return _slip(truth_text, rng)


def true_answer(choice: Choice, field: FieldSpec, texts: Mapping[str, str], value: str) -> str:
    """The answer of a person who knows a field's value: the places that write it, or none of them.

    texts  piece id -> true text
    value  the field's true value; "" = the document has none
    A value that takes several places is looked for in runs of neighbours; the likest counts when it is more like than
    unlike the value, as a person would still tap the lines they see. Of runs that are as like, the shortest is tapped:
    nobody taps a place that adds nothing.
    """
    if not value:
        return NONE_OF_THESE
    written = [" ".join(texts.get(i, "") for i in place) for place in choice.places]
    best, likest, length = NONE_OF_THESE, 0.6, 0
    several = field.type == "text"
    for first in range(len(written)):
        for last in range(first, len(written) if several else first + 1):
            lines = [_spot_line(n, text) for n, text in enumerate(written[first : last + 1]) if text]
            if not lines:
                continue
            raw, parts = raw_on_lines(field, lines)
            like = _likeness(field, formed(field, raw, parts), value)
            if like > likest or (like == likest and best != NONE_OF_THESE and last - first < length):
                best, likest, length = " ".join(str(n) for n in range(first + 1, last + 2)), like, last - first
    return best


def _spot_line(number: int, text: str) -> Line:
    return Line(1, Box(0, 30 * number, 100, 30 * number + 20), text, "people", None, 0, ())


def _likeness(field: FieldSpec, one: str, other: str) -> float:
    if field.type == "date":
        return float(iso_date(one) is not None and iso_date(one) == iso_date(other))
    if field.type == "amount":
        return float(decimal_of(one) is not None and decimal_of(one) == decimal_of(other))
    left, right = (re.sub(r"[\W_]+", "", unified(text).upper()) for text in (one, other))
    if field.type != "text":
        return float(left == right)
    return float(Levenshtein.normalized_similarity(left, right))


def simulate_choice(
    right: str, suggested: str, places: int, *, error_rate: float, rng: random.Random, repeat_share: float = 0.15
) -> str:
    """What a simulated person taps: the right places, the rules' own mistake, or another place.

    right, suggested  answers as in `true_answer`; suggested "" = the rules say nothing
    """
    if rng.random() >= error_rate:
        return right
    if suggested and suggested != right and rng.random() < repeat_share:
        return suggested
    others = [str(n) for n in range(1, places + 1) if str(n) != right] + [NONE_OF_THESE] * (right != NONE_OF_THESE)
    return rng.choice(others) if others else NONE_OF_THESE


def simulate_reading_choice(
    true: str,
    options: Sequence[str],
    readings: Sequence[str],
    *,
    error_rate: float,
    rng: random.Random,
    repeat_share: float = 0.15,
    overlook_share: float = 0.0,
) -> str:
    """Which of the readings shown a simulated person chooses.

    options         texts shown, without "neither"
    readings        those of them that a machine read, in its order
    repeat_share    share of wrong answers that take the machine's own mistake; the others take any wrong option
    overlook_share  where no option is right, share of people who take the likest for right all the same
    """
    same = [text for text in options if tight(text) == tight(true)] or [t for t in options if same_value(t, true)]
    right = same[0] if same and true else NEITHER_OF_THESE
    wrong = [text for text in (*options, NEITHER_OF_THESE) if text != right and text not in same]
    if rng.random() < error_rate:
        mistakes = [text for text in readings if text in wrong]
        return mistakes[0] if mistakes and rng.random() < repeat_share else rng.choice(wrong)
    if right == NEITHER_OF_THESE and overlook_share and true and rng.random() < overlook_share:
        return max(options, key=lambda text: (Levenshtein.normalized_similarity(tight(text), tight(true)), text))
    return right


def _slip(text: str, rng: random.Random) -> str:
    """One letter or digit left out, doubled, swapped with its neighbour or hit wrongly; never the same value."""
    if not text:
        return rng.choice(("-", ".", "1"))
    alphabet = string.digits if any(c.isdigit() for c in text) else string.ascii_lowercase
    for _ in range(20):
        i = rng.randrange(len(text))
        kind = rng.randrange(4)
        if kind == 0 and len(text) > 1:
            slipped = text[:i] + text[i + 1 :]
        elif kind == 1:
            slipped = text[:i] + text[i] + text[i:]
        elif kind == 2 and i + 1 < len(text):
            slipped = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
        else:
            slipped = text[:i] + rng.choice(alphabet) + text[i + 1 :]
        if not same_value(slipped, text):
            return slipped
    return text + rng.choice(alphabet)
