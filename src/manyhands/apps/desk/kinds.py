"""Which fields each kind of document has, for somebody who chooses among them. Reads the shipped descriptions only."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import msgspec
import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own


class KindField(msgspec.Struct, frozen=True):
    """A field that the platform finds by itself. counts: what counts as it, by language"""

    name: str
    type: str
    counts: dict[str, str]


class KindChoice(msgspec.Struct, frozen=True):
    """A kind of document that a requester may name."""

    kind: str
    fields: tuple[KindField, ...]


@lru_cache(maxsize=1)
def kinds_to_choose() -> tuple[KindChoice, ...]:
    """Every shipped kind, in order of name.

    >>> [choice.kind for choice in kinds_to_choose()][:2]
    ['contract', 'invoice']
    """
    found = []
    for entry in files("manyhands.documents").joinpath("kind_specs").iterdir():
        if entry.name.endswith(".yaml"):
            told = yaml.safe_load(entry.read_text(encoding="utf-8"))
            fields = tuple(
                KindField(one["name"], one["type"], one.get("counts") or {}) for one in told.get("fields") or ()
            )
            found.append(KindChoice(told["kind"], fields))
    return tuple(sorted(found, key=lambda choice: choice.kind))
