"""What counts as a field, in the words that are shown to whoever looks for it.

Rules kept here
- A kind's description says it for each field (``counts``), in as many languages as it likes: whoever taps the place of
  a field reads the same sentence. Nobody is left to guess a convention.
- A requester's own description holds; for fields that only shipped kinds have the shipped sentence does. A field of the
  same name counts alike in all shipped kinds, so a question need not tell its document's kind.
- Light: it reads YAML and knows no page, so that a web process may load it.

>>> meanings_in("en")["date"]
('The day the document was issued. Not the day it is due, was delivered or printed again.',)
>>> own = "kind: receipt\\nfields: [{name: company, type: text, find: letterhead, counts: The brand.}]"
>>> meanings_in("en", own=(own,))["company"], "total" in meanings_in("en", own=(own,))
(('The brand.',), True)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

MEANING_CHARS_MAX = 240
"""What is read at one look beside a picture."""
USUAL_LANGUAGE = "en"

Counts = str | dict[str, str]
"""One sentence for everybody, or one for each language (two or three lower-case letters)."""


def problem_of(counts: Counts) -> str:
    """Why a description's ``counts`` cannot be shown; "" = it can."""
    told = {USUAL_LANGUAGE: counts} if isinstance(counts, str) else counts
    if any(not (2 <= len(language) <= 3 and language.isalpha() and language.islower()) for language in told):
        return "counts has a sentence for each language, such as en or es"
    for sentence in told.values():
        if not sentence.strip() and isinstance(counts, dict):
            return "counts has an empty sentence"
        if len(sentence) > MEANING_CHARS_MAX or not sentence.replace("\n", " ").isprintable():
            return f"counts is one sentence or two, {MEANING_CHARS_MAX} characters at most"
    return ""


def said_in(counts: Counts, language: str) -> str:
    """The sentence in a language; in the usual one, or any, where there is none in it. "" = none at all

    >>> said_in({"es": "El día."}, "en"), said_in("The day.", "es"), said_in({}, "en")
    ('El día.', 'The day.', '')
    """
    if isinstance(counts, str):
        return " ".join(counts.split())
    sentence = counts.get(language) or counts.get(USUAL_LANGUAGE) or next(iter(counts.values()), "")
    return " ".join(sentence.split())


@lru_cache(maxsize=256)
def meanings_in(language: str, *, own: tuple[str, ...] = ()) -> Mapping[str, tuple[str, ...]]:
    """field -> what counts as it, one sentence for each kind that says something else.

    own  YAML of the requester's kinds: of fields that they name, theirs alone is told
    """
    theirs = _told([yaml.safe_load(text) for text in own], language)
    return {**_told(_shipped(), language), **theirs}


def with_meanings(kind_yaml: str, meanings: Mapping[str, str]) -> str:
    """A kind's description with other words for some of its fields; fields that it has not are left alone.

    >>> said = with_meanings("kind: receipt\\nfields: [{name: date, type: date, find: labelled}]", {"date": "The day."})
    >>> meanings_in("es", own=(said,))["date"]
    ('The day.',)
    """
    told = yaml.safe_load(kind_yaml)
    for field in told.get("fields") or ():
        if field["name"] in meanings:
            field["counts"] = meanings[field["name"]]
    written: str = yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=120)
    return written


def shipped_kinds() -> dict[str, str]:
    """Kind -> YAML of every shipped kind."""
    return {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for entry in sorted(files(__package__).joinpath("kind_specs").iterdir(), key=lambda one: one.name)
        if entry.name.endswith(".yaml")
    }


def kinds_that_mean(meanings: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, str]:
    """The kinds of a job with a requester's words for some fields: shipped ones that have such a field become its own.

    meanings  field -> sentence; kinds: the requester's own, name -> YAML
    """
    if not meanings:
        return dict(kinds)
    whole = {**shipped_kinds(), **kinds}
    has = {name: {field["name"] for field in yaml.safe_load(text).get("fields") or ()} for name, text in whole.items()}
    changed = {name: with_meanings(text, meanings) for name, text in whole.items() if has[name] & meanings.keys()}
    return {**kinds, **changed}


@lru_cache(maxsize=1)
def _shipped() -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load(text) for text in shipped_kinds().values())


def _told(kinds: Sequence[dict[str, Any]], language: str) -> dict[str, tuple[str, ...]]:
    told: dict[str, list[str]] = {}
    for kind in kinds:
        for field in kind.get("fields") or ():
            sentence = said_in(field.get("counts") or {}, language)
            own = told.setdefault(field["name"], [])
            if sentence and sentence not in own:
                own.append(sentence)
    return {name: tuple(sentences) for name, sentences in told.items()}
