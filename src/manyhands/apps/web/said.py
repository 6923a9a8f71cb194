"""What a sentence of the platform says, as a name and figures, so that a page can say it in its reader's language.

    >>> said("2 people agree")
    (Said(code='agree', figures={'n': 2}),)
    >>> said("1: 2 people agree; 2: answers differ")[1]
    Said(code='part', figures={'part': 2, 'because': (Said(code='differ', figures={}),)})
    >>> said("I keyed what I saw; the ink is faint")
    ()

Rules kept here
- A sentence is the English one of `sentences.py`, whole, or several joined by "; ". What is anything else, and what a
  person wrote, says nothing here: the page shows it as it stands.
- Nothing that is stored, hashed or signed changes: the name is found where an answer leaves the site.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from string import Formatter
from typing import Any, Final

import msgspec

from .sentences import SENTENCES

SPOKEN: Final = frozenset(
    {"because", "reason", "cure", "waits_for", "rests_on", "says", "found", "name", "why", "verdict_because"}
)
"""Fields of answers that may hold a sentence of the platform. What they hold else says nothing and stays alone."""

TEXT_MAX_CHARS: Final = 4_000
"""A longer text is no sentence of ours."""

PARTS_MAX: Final = 40

_JOINED: Final = "; "
_SPECS: Final = {
    "": "(.+?)",
    "said": "(.+)",
    "one": "(.+)",
    "int": r"(-?\d{1,3}(?:,\d{3})+|-?\d+)",
    "word": r"(\S+)",
    "code": "([A-Z][A-Z0-9]{1,15})",
    "id": r"(\d+)",
    "quoted": "('[^']*'|\"[^\"]*\")",
}


class Said(msgspec.Struct, frozen=True):
    """One sentence: its name, and what fills its gaps: whole numbers, text, or sentences within it."""

    code: str
    figures: dict[str, int | str | tuple[Said, ...]] = {}


def gaps(template: str) -> list[tuple[str, str, str]]:
    """(text before, name, spec) of each gap, in order; the last has the text that ends the template and no name.

    >>> gaps("{n:int} of all")
    [('', 'n', 'int'), (' of all', '', '')]
    """
    found = [(text, name or "", spec or "") for text, name, spec, _ in Formatter().parse(template)]
    return found if found and not found[-1][1] else [*found, ("", "", "")]


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], tuple[tuple[str, str], ...]], ...]:
    """(name, pattern, gaps) of every sentence, those with most text of their own first: they say most."""
    made = []
    for code, template in SENTENCES.items():
        parts = gaps(template)
        pattern = "".join(re.escape(text) + (_pattern_of(spec) if name else "") for text, name, spec in parts)
        named = tuple((name, spec) for _, name, spec in parts if name)
        made.append((sum(len(text) for text, _, _ in parts), code, re.compile(pattern, re.DOTALL), named))
    return tuple((code, pattern, named) for _, code, pattern, named in sorted(made, key=lambda one: -one[0]))


def _pattern_of(spec: str) -> str:
    if spec in _SPECS:
        return _SPECS[spec]
    return "(" + "|".join(re.escape(one) for one in sorted(spec.split("|"), key=len, reverse=True)) + ")"


@lru_cache(maxsize=4_096)
def said(text: str) -> tuple[Said, ...]:
    """What this text says, () where it is not wholly made of sentences of the platform."""
    if not text or len(text) > TEXT_MAX_CHARS or text.count(_JOINED) > PARTS_MAX:
        return ()
    # apart first: a gap for any text at a sentence's end would take in the sentences that follow
    parts = text.split(_JOINED, PARTS_MAX)
    for count in range(1, len(parts)):
        first = _one(_JOINED.join(parts[:count]))
        rest = said(_JOINED.join(parts[count:])) if first is not None else ()
        if first is not None and rest:
            return (first, *rest)
    whole = _one(text)
    return () if whole is None else (whole,)


def _one(text: str) -> Said | None:
    for code, pattern, named in _patterns():
        match = pattern.fullmatch(text)
        if match is None:
            continue
        figures = {name: _figure(spec, told) for (name, spec), told in zip(named, match.groups(), strict=True)}
        if () not in figures.values():
            return Said(code, figures)
    return None


def _figure(spec: str, told: str) -> int | str | tuple[Said, ...]:
    """What a gap is filled with; () where sentences are asked for and there are none."""
    match spec:
        case "int":
            return int(told.replace(",", ""))
        case "quoted":
            return told[1:-1]
        case "said":
            return said(told)
        case "one":
            alone = _one(told)
            return () if alone is None else (alone,)
        case _:
            return told


def spoken(value: Any) -> Any:
    """A service's value as builtins, with `FIELD_said` beside each field that is a sentence of the platform.

    >>> spoken({"state": "open", "because": "2 people agree"})["because_said"]
    (Said(code='agree', figures={'n': 2}),)
    """
    return _beside(msgspec.to_builtins(value))


def _beside(value: Any) -> Any:
    if isinstance(value, Mapping):
        told = {name: _beside(inside) for name, inside in value.items()}
        for name in SPOKEN & told.keys():
            if isinstance(told[name], str) and (sentences := said(told[name])):
                told[f"{name}_said"] = sentences
        return told
    return [_beside(one) for one in value] if isinstance(value, list | tuple) else value
