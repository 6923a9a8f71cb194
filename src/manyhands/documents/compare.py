"""A delivered record beside a known one: which lines of the truth are right, or which of its fields.

Rules kept here
- Cutting a line in two, or joining two, is no error: lines that overlap are compared as one group, in reading order.
- What carries the value is compared: letter case, blanks and loose punctuation at the ends are not asked for.
- Lines that the truth marks optional (stamps, handwriting, ornaments) are not asked for.
- Of a job that wanted fields alone the fields are compared, by value: a day is a day however it is written.

>>> same_value("Total :  12.50", "TOTAL 12.50")
True
>>> same_value("12.50", "12.60")
False
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from .values import decimal_of, find_amounts, find_dates, iso_date

ROW_SHARE = 0.5
"""Two boxes share a row when half of the lower one's height is common to both."""
COLUMN_SHARE = 0.2
"""... and the same place when a fifth of the narrower one's width is, too."""

_UNIFIED = str.maketrans({"‘": "'", "’": "'", "`": "'", "´": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-"})


class LineOf(msgspec.Struct, frozen=True):
    """One line of a record; box in pixels of its page."""

    page: int
    box: tuple[float, float, float, float]
    text: str
    optional: bool = False


class RecordOf(msgspec.Struct, frozen=True):
    """The part of a record that is compared."""

    doc_id: str
    lines: tuple[LineOf, ...] = ()
    fields: dict[str, str] = {}


@dataclass(frozen=True)
class Comparison:
    """pairs  (delivered value or None, truth), one per line or field of the truth, in the form that is compared."""

    pairs: tuple[tuple[str | None, str], ...]

    @property
    def seen(self) -> int:
        return len(self.pairs)

    @property
    def right(self) -> int:
        return sum(value == truth for value, truth in self.pairs)


def value_of(text: str) -> str:
    """A line's text reduced to what carries its value."""
    plain = unicodedata.normalize("NFKC", text).translate(_UNIFIED).upper()
    tight = re.sub(r"[\s:;*'\"]", "", plain)
    return re.sub(r"^(?!-\d)[^\w$€£#&@%+(]+|[^\w%)+]+$", "", tight) or tight


def same_value(one: str, other: str) -> bool:
    return value_of(one) == value_of(other)


def compare_package(package: bytes, truths: Mapping[str, bytes], *, fields: Sequence[str] | None = None) -> Comparison:
    """Compares a package (zip of one JSON a document) with the known records of some of its documents.

    truths  document id -> JSON of its known record
    fields  names of the fields that alone were wanted, empty = all that the truth has; None = compare the lines
    """
    pairs: list[tuple[str | None, str]] = []
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        names = {name.rsplit("/", 1)[-1]: name for name in archive.namelist()}
        for doc_id, raw in sorted(truths.items()):
            name = names.get(f"{doc_id}.json")
            delivered = msgspec.json.decode(archive.read(name), type=RecordOf) if name else RecordOf(doc_id)
            truth = msgspec.json.decode(raw, type=RecordOf)
            if fields is None:
                pairs += compare_lines(delivered.lines, truth.lines)
            else:
                pairs += compare_fields(delivered.fields, truth.fields, wanted=fields)
    return Comparison(tuple(pairs))


def compare_fields(
    delivered: Mapping[str, str], truth: Mapping[str, str], *, wanted: Sequence[str] = ()
) -> list[tuple[str | None, str]]:
    """(delivered or None, truth) of every field that the truth has a value for, in the form of the truth's value.

    wanted  names of the fields that were asked for; empty = all

    >>> compare_fields({"date": "7. Mai 2014", "total": "RM 3,00"}, {"date": "07/05/2014", "total": "3.00", "tax": "1"})
    [('2014-05-07', '2014-05-07'), (None, '1'), ('3.00', '3.00')]
    """
    return [
        (_formed_like(known, delivered[name]) if delivered.get(name) else None, _formed_like(known, known))
        for name, known in sorted(truth.items())
        if known and (not wanted or name in wanted)
    ]


def _formed_like(known: str, text: str) -> str:
    """A text in the form in which a known value is compared: a day, an amount, or its letters and digits."""
    if [found for found, _ in find_dates(known)] == [known.strip()]:
        return iso_date(text) or text
    if [found for found, _ in find_amounts(known)] == [known.strip()] and re.search(r"[.,]\d{2}$", known.strip()):
        value = decimal_of(text)
        return text if value is None else f"{value:.2f}"
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).upper()) or text


def compare_lines(delivered: Sequence[LineOf], truth: Sequence[LineOf]) -> list[tuple[str | None, str]]:
    """(delivered, truth) of every truth line that is asked for. A line is right when its own or its whole group is."""
    wanted = [line for line in truth if not line.optional and value_of(line.text)]
    given = [line for line in delivered if value_of(line.text)]
    links = [[other for other in given if overlap(line, other)] for line in wanted]
    group_of = _groups(wanted, given, links)
    pairs: list[tuple[str | None, str]] = []
    for index, line in enumerate(wanted):
        own = links[index]
        if len(own) == 1 and same_value(own[0].text, line.text):
            pairs.append((value_of(line.text), value_of(line.text)))
            continue
        members, others = group_of[index]
        left = value_of(" ".join(one.text for one in in_reading_order(others)))
        right = value_of(" ".join(one.text for one in in_reading_order(members)))
        if left == right:
            pairs.append((value_of(line.text), value_of(line.text)))
        else:
            pairs.append((value_of(" ".join(one.text for one in in_reading_order(own))) or None, value_of(line.text)))
    return pairs


def overlap(one: LineOf, other: LineOf) -> bool:
    """Whether two lines of a page stand in the same place."""
    if one.page != other.page:
        return False
    width = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    height = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    if width <= 0 or height <= 0:
        return False
    lower = min(one.box[3] - one.box[1], other.box[3] - other.box[1])
    narrower = min(one.box[2] - one.box[0], other.box[2] - other.box[0])
    return height >= ROW_SHARE * lower and width >= COLUMN_SHARE * narrower


def in_reading_order(lines: Sequence[LineOf]) -> list[LineOf]:
    """Rows from top to bottom, and from left to right within a row."""
    rows: list[list[LineOf]] = []
    for line in sorted(lines, key=lambda one: (one.page, one.box[1] + one.box[3])):
        centre = (line.box[1] + line.box[3]) / 2
        if rows and rows[-1][0].page == line.page:
            first = rows[-1][0]
            if centre - (first.box[1] + first.box[3]) / 2 < ROW_SHARE * (line.box[3] - line.box[1]):
                rows[-1].append(line)
                continue
        rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: one.box[0])]


def _groups(
    wanted: Sequence[LineOf], given: Sequence[LineOf], links: Sequence[Sequence[LineOf]]
) -> list[tuple[list[LineOf], list[LineOf]]]:
    """For every truth line, the truth lines and delivered lines that hang together with it."""
    place = {id(line): len(wanted) + index for index, line in enumerate(given)}
    parent = list(range(len(wanted) + len(given)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for index, linked in enumerate(links):
        for line in linked:
            parent[root(index)] = root(place[id(line)])
    members: dict[int, tuple[list[LineOf], list[LineOf]]] = {}
    for index, line in enumerate(wanted):
        members.setdefault(root(index), ([], []))[0].append(line)
    for index, line in enumerate(given):
        members.setdefault(root(len(wanted) + index), ([], []))[1].append(line)
    return [members[root(index)] for index in range(len(wanted))]
