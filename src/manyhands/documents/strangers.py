"""Fields that none of a choice's places can be: what is asked to measure whoever taps without looking.

Rules kept here
- A field is a stranger to a place only where the place's own text rules it out: a line that holds nothing but a date is
  no amount, one that holds an amount and a word or two is no date, no name and no address. Where that is not plain,
  nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from .assemble import lines_of
from .fields import FieldSpec, KindSpec, candidates_for
from .model import Choice, Line, PageRecord

LETTERS_MOST = 12
"""Letters beside an amount that are its label and nobody's name."""
DATE_LINE_CHARS_MOST = 30
"""Characters of a line with a date, its label and a time, and nothing else."""


def strangers_of(spec: KindSpec, choices: Sequence[Choice], pages: Sequence[PageRecord]) -> dict[str, tuple[str, ...]]:
    """Field of a choice -> fields of the kind that none of its places can be; fields without any are left out.

    pages  of one document, as read (`choices.read_best`)
    """
    lines = [line for page in pages for line in lines_of(page)]
    specs = {field.name: field for field in spec.fields}
    found = {}
    for choice in choices:
        places = [[line for line in lines if set(line.pieces) & set(place)] for place in choice.places]
        if choice.field in specs and places and all(places):
            own = tuple(other.name for other in spec.fields if _is_stranger(specs[choice.field], other, places))
            if own:
                found[choice.field] = own
    return found


def _is_stranger(own: FieldSpec, other: FieldSpec, places: Sequence[Sequence[Line]]) -> bool:
    texts = [" ".join(line.text for line in place) for place in places]
    lines = [line for place in places for line in place]
    if own.type == "date" and other.type == "amount":
        return all(len(text) <= DATE_LINE_CHARS_MOST for text in texts) and not candidates_for(other, lines)
    if own.type == "amount" and all(sum(sign.isalpha() for sign in text) <= LETTERS_MOST for text in texts):
        if other.type == "date":
            return not candidates_for(other, lines)
        return other.type == "text"
    return False
