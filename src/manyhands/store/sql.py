"""Named queries from the `.sql` files of a package.

Rules kept here
- SQL stands in `.sql` files beside the code that uses it; Python holds names and values only.
- A query begins with a line `-- name: claim_tasks`; names are unique in a package; comments below it explain it.
- A wrong name is told at once, with the nearest right ones.

    QUERIES = load_queries("manyhands.roles.exchange", "sql")
    await tx.execute(QUERIES.claim_tasks, {"worker": worker, "count": 20})
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files

from .errors import BadQueryFile, UnknownQuery

_NAME_LINE = re.compile(r"^--\s*name:\s*(?P<name>\S+)\s*$")
_IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]*$")


class Queries:
    """The queries of one package, by attribute: `queries.claim_tasks` is the SQL text.

    raises  UnknownQuery, an AttributeError too, for a name that no file has
    """

    def __init__(self, package: str, texts: Mapping[str, str]) -> None:
        self._package = package
        self._texts = dict(texts)

    def __getattr__(self, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            known = tuple(sorted(self._texts))
            nearest = tuple(difflib.get_close_matches(name, known, n=2))
            raise UnknownQuery(name, package=self._package, known=known, nearest=nearest) from None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._texts))

    def __len__(self) -> int:
        return len(self._texts)


def parse_queries(file_texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Splits files into named queries.

    file_texts  pairs of file name and content
    returns     name -> SQL text, without the name line
    raises      BadQueryFile for text before the first name, a bad or repeated name, or an empty query

    >>> parse_queries([("a.sql", "-- name: one\\nselect 1;\\n")])
    {'one': 'select 1'}
    """
    found: dict[str, str] = {}
    for file, text in file_texts:
        name = ""
        lines: list[str] = []
        for line in [*text.splitlines(), "-- name: end-of-file"]:
            match = _NAME_LINE.match(line)
            if match is None:
                lines.append(line)
                continue
            body = "\n".join(lines).strip().removesuffix(";").rstrip()
            if name:
                if not _without_comments(body):
                    raise BadQueryFile(file, f"query {name!r} is empty")
                if name in found:
                    raise BadQueryFile(file, f"query {name!r} is there twice")
                found[name] = body
            elif _without_comments(body):
                raise BadQueryFile(file, "there is SQL before the first name line")
            name, lines = match["name"], []
            if name != "end-of-file" and not _IDENTIFIER.match(name):
                raise BadQueryFile(file, f"{name!r} is no name for a query: use lower case and underscores")
    return found


def load_queries(package: str, folder: str = "sql") -> Queries:
    """Reads all `.sql` files of a package's folder.

    raises  BadQueryFile
    """
    root = files(package)
    for part in folder.split("/"):
        root = root.joinpath(part)
    entries = sorted((entry for entry in root.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return Queries(package, parse_queries((entry.name, entry.read_text(encoding="utf-8")) for entry in entries))


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith("--")).strip()
