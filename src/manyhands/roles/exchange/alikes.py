"""Of pieces that look alike one is asked; the others are believed when a person reads it as the readers do.

Rules kept here
- Only within a document, and never in a job with an audit, a limited scope or chosen fields: those count every piece by
  itself.
- A look-alike is believed only for a text that two readers give it themselves; else people read it like any other.
- Pure: a page's plans and the words on its tasks in, what is believed out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from .decisions import PiecePlan

BECAUSE = "a person read its look-alike as the readers do"
ASKED_BECAUSE = "people read its look-alike otherwise than the readers"


class Word(Protocol):
    """The last word on a task."""

    @property
    def state(self) -> str: ...
    @property
    def value(self) -> str | None: ...


def with_look_alikes(
    pages: Mapping[int, Sequence[PiecePlan]], doc_ids: Mapping[int, str]
) -> dict[int, list[PiecePlan]]:
    """The plans of a job that is about to open, look-alikes put behind the one that is asked.

    pages, doc_ids  plans and documents by page key, keys in order of pages
    """
    from manyhands.documents.acceptance import look_alikes

    plans = [plan for page_plans in pages.values() for plan in page_plans]
    asked = {plan.piece.piece_id for plan in plans if plan.unseen is None and not plan.gold and not plan.left_out}
    documents: dict[str, list[PiecePlan]] = {}
    for page_key in sorted(pages):
        documents.setdefault(doc_ids[page_key], []).extend(pages[page_key])
    stands_for = look_alikes([[plan.piece for plan in own] for own in documents.values()], asked)
    return {
        page_key: [msgspec.structs.replace(plan, like=stands_for.get(plan.piece.piece_id, "")) for plan in page_plans]
        for page_key, page_plans in pages.items()
    }


def believed_text(plan: PiecePlan, last: Mapping[str, Word]) -> str | None:
    """What a look-alike is believed to say, None when nobody may believe anything of it yet. last: by piece id."""
    from manyhands.documents.acceptance import confirmed_text

    word = last.get(plan.like) if plan.like else None
    return confirmed_text(plan.piece, word.value) if word is not None and word.state == "accepted" else None


def to_be_asked(plans: Iterable[PiecePlan], last: Mapping[str, Word]) -> list[str]:
    """Ids of look-alikes whose other was not confirmed and on which nobody has had a word."""
    return [
        plan.piece.piece_id
        for plan in plans
        if plan.like and plan.piece.piece_id not in last and believed_text(plan, last) is None
    ]
