"""Short keyed values (digits, amounts, codes) from several people: vote on values, then on characters.

Rules kept here
- Values vote after normalisation by field type; a vote weighs as much as its worker's skill says.
- The character vote is a proposal for one more person ("confirm or correct"), never a verdict of its own.
- Mistaken keys are not random: look-alikes (0 6, 1 7, 3 8, 5 6, O 0 ...) support each other a little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

_ALIKE: Final = frozenset(
    frozenset(pair)
    for pair in (
        "06",
        "17",
        "38",
        "56",
        "89",
        "0O",
        "0o",
        "0D",
        "1l",
        "1I",
        "1i",
        "5S",
        "5s",
        "8B",
        "2Z",
        "2z",
        "6b",
        "6G",
        "9g",
        "9q",
        "4A",
        "uv",
        "mn",
        "ce",
        "rn",
        ".,",
        "-_",
        ";:",
        "Il",
        "oO",
    )
)
#: of the chance of a wrong key, how much falls on one look-alike and on any one other sign
ALIKE_SHARE: Final = 0.25
OTHER_SHARE: Final = 0.02


def vote(keys: Sequence[str], skills: Sequence[float], *, alternatives: int = 30) -> tuple[str, float, int]:
    """The value with the most weighted evidence.

    keys     normalised values, one per worker;  skills  chance of keying right, 0..1
    returns  (value, posterior among the values seen and the unseen others, workers behind it); ties to the first sorted
    """
    evidence: dict[str, float] = {}
    for key, skill in sorted(zip(keys, skills, strict=True)):
        kept = min(max(skill, 0.2), 0.995)
        evidence[key] = evidence.get(key, 0.0) + math.log(kept * alternatives / (1.0 - kept))
    best = min(evidence, key=lambda key: (-evidence[key], key))
    top = evidence[best]
    total = sum(math.exp(value - top) for value in evidence.values())
    total += max(1, alternatives + 1 - len(evidence)) * math.exp(-top)
    return best, 1.0 / total, sum(key == best for key in keys)


def propose(keys: Sequence[str], skills: Sequence[float]) -> tuple[str, list[float]]:
    """The most likely value character by character, for one more person to confirm or correct.

    The most supported length is decided first; then each place is decided among the values of that length.

    returns  (value, posterior per character)

    >>> propose(["1234", "1284", "7234"], [0.9, 0.9, 0.9])[0]
    '1234'
    """
    by_length: dict[int, float] = {}
    for key, skill in zip(keys, skills, strict=True):
        by_length[len(key)] = by_length.get(len(key), 0.0) + skill
    length = min(by_length, key=lambda size: (-by_length[size], size))
    chosen = [(key, skill) for key, skill in sorted(zip(keys, skills, strict=True)) if len(key) == length]
    signs, sure = [], []
    for place in range(length):
        scores = {
            truth: sum(math.log(chance_of(given[place], truth, skill, length)) for given, skill in chosen)
            for truth in sorted({given[place] for given, _ in chosen})
        }
        best = min(scores, key=lambda sign: (-scores[sign], sign))
        total = sum(math.exp(score - scores[best]) for score in scores.values())
        signs.append(best)
        sure.append(1.0 / total)
    return "".join(signs), sure


def chance_of(given: str, truth: str, skill: float, length: int) -> float:
    """P(a worker keys `given` where `truth` stands), from the worker's skill on the whole value."""
    right: float = min(max(skill, 0.2), 0.995) ** (1.0 / max(1, length))
    if given == truth:
        return right
    return (1.0 - right) * (ALIKE_SHARE if frozenset((given, truth)) in _ALIKE else OTHER_SHARE)
