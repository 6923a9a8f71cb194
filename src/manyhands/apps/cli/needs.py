"""What work asks of a worker, in the words of the command line.

>>> needs_of(["language=es", "language=ca", "device=laptop", "skill=0.94"])
Needs(languages=('es', 'ca'), screen='wide', pointer='fine', score_bp=9400)
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Literal

from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.manifest import NEEDS_LANGUAGES_MAX, Needs, is_language
from manyhands.protocol.money import BASIS_POINTS

Screen = Literal["any", "wide"]
Pointer = Literal["any", "fine"]

DEVICES: dict[str, tuple[Screen, Pointer]] = {
    "any": ("any", "any"),
    "screen": ("wide", "any"),
    "mouse": ("any", "fine"),
    "laptop": ("wide", "fine"),
}
"""Name of a device -> what it brings: a wide screen, a pointer for close work."""

CURE = (
    "Write language=CODE (such as es; several suffice with one of them), device="
    + "|".join(DEVICES)
    + " or skill=SHARE (such as 0.9; a newcomer starts at 0.6577, or as newcomers turned out)."
)


class BadNeeds(ManyhandsError):
    """What is asked of workers cannot be asked."""


def needs_of(words: Sequence[str]) -> Needs | None:
    """The needs of `--needs NAME=VALUE`, one word each; None for none.

    raises  BadNeeds for an unknown name, value, or one that is given twice
    """
    languages: list[str] = []
    device: tuple[Screen, Pointer] | None = None
    score_bp: int | None = None
    for word in words:
        name, _, value = (part.strip() for part in word.partition("="))
        match name:
            case "language" if is_language(value) and value not in languages:
                languages.append(value)
            case "device" if value in DEVICES and device is None:
                device = DEVICES[value]
            case "skill" if score_bp is None and (found := _share_bp(value)) is not None:
                score_bp = found
            case "language" | "device" | "skill":
                raise BadNeeds(f"--needs {word}: {value!r} is no {name}, or it is said twice", cure=CURE)
            case _:
                raise BadNeeds(f"--needs {word}: nobody can be asked for {name!r}", cure=CURE)
    if len(languages) > NEEDS_LANGUAGES_MAX:
        raise BadNeeds(f"--needs names {len(languages)} languages, {NEEDS_LANGUAGES_MAX} at most", cure=CURE)
    if not words:
        return None
    screen, pointer = device or ("any", "any")
    return Needs(languages=tuple(languages), screen=screen, pointer=pointer, score_bp=score_bp or 0)


def _share_bp(text: str) -> int | None:
    """0 <= share < 1 as basis points; None for anything else."""
    try:
        share = Decimal(text)
    except InvalidOperation:
        return None
    if not share.is_finite() or not 0 <= share < 1:
        return None
    return min(BASIS_POINTS - 1, round(share * BASIS_POINTS))
