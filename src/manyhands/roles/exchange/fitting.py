"""Which work fits a worker: by what was shown of the skill, by language, by the device at hand. Pure.

Rules kept here
- Work that does not fit is not hidden: it is told with the reason, and what is not known of a worker or device never
  counts against them.
- Language and device are the worker's own word, and decide what is offered first. The score alone is held where tasks
  are lent, because results rest on it.

>>> unfit(Needs(languages=("es",), screen="wide"), Known(languages=("en",), screen_px=390))
('language', 'screen')
>>> unfit(Needs(languages=("es",), screen="wide"), Known())
()
"""

from __future__ import annotations

from typing import Literal

import msgspec

from manyhands.protocol.manifest import WIDE_SCREEN_PX, Manifest, Needs
from manyhands.quality import reputation

Misfit = Literal["score", "language", "screen", "pointer"]

NEWCOMER_BP = reputation.newcomer(reputation.Prior()).score_bp
"""The score of somebody without any answers yet in a kind of work, before anything is learnt of newcomers to it."""


class Known(msgspec.Struct, frozen=True):
    """What is known of a worker. languages (): not told. screen_px, pointer None: not told. score_bp: in this skill."""

    languages: tuple[str, ...] = ()
    screen_px: int | None = None
    pointer: Literal["fine", "coarse"] | None = None
    score_bp: int = NEWCOMER_BP


def prior_from(right_micro: int, wrong_micro: int) -> reputation.Prior:
    """What newcomers to a kind of work turned out to be, as its reputation oracle says; 0, 0 = nothing is learnt yet.

    >>> reputation.newcomer(prior_from(0, 0)).score_bp == NEWCOMER_BP
    True
    """
    return reputation.Prior(right_micro, wrong_micro) if right_micro or wrong_micro else reputation.Prior()


def needs_of(manifest: Manifest) -> Needs:
    """What a job asks of its workers; without a word, nothing."""
    return manifest.needs if isinstance(manifest.needs, Needs) else Needs()


def unfit(needs: Needs, known: Known) -> tuple[Misfit, ...]:
    """Why work does not fit, the weightiest first; empty = it fits."""
    found: list[Misfit] = []
    if known.score_bp < needs.score_bp:
        found.append("score")
    if needs.languages and known.languages and not set(needs.languages) & set(known.languages):
        found.append("language")
    if needs.screen == "wide" and known.screen_px is not None and known.screen_px < WIDE_SCREEN_PX:
        found.append("screen")
    if needs.pointer == "fine" and known.pointer == "coarse":
        found.append("pointer")
    return tuple(found)
