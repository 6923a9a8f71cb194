"""Finds the named fields of a document in its finished lines, by the rules of its kind.

Rules kept here
- A kind is data (``kind_specs/*.yaml``, or a requester's own): field names, types, labels, checks. No code per kind.
- A field's value is copied from lines that stand on the page, never composed from outside; the rule that chose it and
  the pieces it came from are kept.
- Where no rule finds a field it is absent: a missing value is better than an invented one.
- Pure: lines in, fields out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from importlib import resources

import msgspec

from .checks import CHECKS, failed_checks
from .errors import DocumentsError
from .layout import reading_order
from .meanings import problem_of
from .model import Box, Chosen, FieldValue, How, Kind, Line, PageImage
from .text import unified
from .values import CURRENCIES, decimal_of, find_amounts, find_dates, iso_date


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wording beside which a value stands; empty ``say`` = anywhere. Higher ``weight`` is believed first."""

    say: str
    weight: int


class FieldSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one field is found.

    type     text, amount, date, code, currency
    counts   what counts as it, in words that people are shown: one sentence, or one for each language
    find     letterhead, labelled, address, party, party_address, currency
    headings, others  what stands above, or before, the party that is sought, and any other party
    registered        what a line with a party's tax number begins with
    form     as_written, iso (dates), decimal (amounts), comma_lines (lines joined by comma)
    """

    name: str
    type: str
    find: str
    form: str = "as_written"
    labels: tuple[Label, ...] = ()
    markers: tuple[str, ...] = ()
    headings: str = ""
    others: str = ""
    registered: str = ""
    skip: str = ""
    avoid: str = ""
    starts: str = ""
    stops: str = ""
    lines_max: int = 6
    pay_labels: str = ""
    change_labels: str = ""
    counts: str | dict[str, str] = ""


class CheckSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A check over fields, by its name in ``checks.CHECKS``."""

    name: str
    fields: tuple[str, ...]


class KindSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of document as data."""

    kind: Kind
    fields: tuple[FieldSpec, ...]
    checks: tuple[CheckSpec, ...] = ()


class KindSpecInvalid(DocumentsError):
    """A kind's description is wrong. Correct the named place in the YAML."""

    def __init__(self, *, where: str, problem: str) -> None:
        self.where, self.problem = where, problem
        super().__init__(f"the kind description is wrong at {where}: {problem}")


def kind_spec_of(yaml_text: str) -> KindSpec:
    """A kind from its YAML.

    raises  KindSpecInvalid, naming the place
    """
    import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

    try:
        spec = msgspec.convert(yaml.safe_load(yaml_text), type=KindSpec)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise KindSpecInvalid(where=f"line {mark.line + 1}" if mark else "the file", problem="not YAML") from error
    except msgspec.ValidationError as error:
        raise KindSpecInvalid(where="a field", problem=str(error)) from error
    names = {field.name for field in spec.fields}
    for check in spec.checks:
        if check.name not in CHECKS:
            raise KindSpecInvalid(where=f"check {check.name}", problem=f"choose one of {', '.join(CHECKS)}")
        if missing := set(check.fields) - names:
            raise KindSpecInvalid(where=f"check {check.name}", problem=f"no field is called {sorted(missing)[0]}")
    for field in spec.fields:
        if field.find not in _FINDERS:
            raise KindSpecInvalid(where=f"field {field.name}", problem=f"find must be one of {', '.join(_FINDERS)}")
        if problem := problem_of(field.counts):
            raise KindSpecInvalid(where=f"field {field.name}", problem=problem)
        patterns = (field.headings, field.others, field.registered, field.skip, field.avoid, field.starts, field.stops)
        for pattern in (*patterns, *field.markers, *(label.say for label in field.labels)):
            try:
                re.compile(pattern)
            except re.error as error:
                raise KindSpecInvalid(where=f"field {field.name}", problem=f"{pattern!r}: {error}") from error
    return spec


@lru_cache(maxsize=16)
def kind_spec(kind: Kind) -> KindSpec:
    """The built-in description of a kind; one without fields for a kind that has none."""
    path = resources.files(__package__).joinpath("kind_specs", f"{kind}.yaml")
    return kind_spec_of(path.read_text(encoding="utf-8")) if path.is_file() else KindSpec(kind, ())


@dataclass(frozen=True)
class Row:
    """Lines that stand side by side, left to right."""

    page_no: int
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The row's text, unified, upper case."""
        return unified(" ".join(line.text for line in self.lines)).upper()

    @property
    def y0(self) -> int:
        """Upper edge in pixels."""
        return min(line.box.y0 for line in self.lines)

    @property
    def height_px(self) -> int:
        """Height of its tallest line."""
        return max(line.box.height_px for line in self.lines)


@dataclass(frozen=True)
class Found:
    """A candidate for a field."""

    raw: str
    lines: tuple[Line, ...]
    weight: int
    because: str


def rows_of(lines: Sequence[Line]) -> list[Row]:
    """Lines as rows, page by page, top to bottom."""
    rows: list[Row] = []
    for page_no in sorted({line.page_no for line in lines}):
        own = [line for line in lines if line.page_no == page_no]
        current: list[Line] = []
        anchor = 0
        for i in reading_order([line.box for line in own]):
            line = own[i]
            same = bool(current) and abs(line.box.centre_y2 - anchor) < line.box.height_px
            if current and not (same and line.box.x0 >= current[-1].box.x0):
                rows.append(Row(page_no, tuple(current)))
                current = []
            if not current:
                anchor = line.box.centre_y2
            current.append(line)
        if current:
            rows.append(Row(page_no, tuple(current)))
    return rows


def fields_of(spec: KindSpec, lines: Sequence[Line], pages: Sequence[PageImage]) -> tuple[FieldValue, ...]:
    """The fields that the kind's rules find, in the kind's order."""
    rows = rows_of(lines)
    found: list[FieldValue] = []
    for field in spec.fields:
        candidates = _FINDERS[field.find](field, rows)
        if candidates:
            found.append(_value(field, max(candidates, key=lambda c: c.weight)))
    return checked(spec, found)


def checked(spec: KindSpec, found: Sequence[FieldValue]) -> tuple[FieldValue, ...]:
    """The fields with the names of the kind's checks that each fails."""
    failed = failed_checks([(c.name, c.fields) for c in spec.checks], {f.name: f.value for f in found})
    return tuple(msgspec.structs.replace(f, failed_checks=failed.get(f.name, ())) for f in found)


def candidates_for(field: FieldSpec, lines: Sequence[Line]) -> list[Found]:
    """All candidates of a field, best first: what the task type "which piece is the total?" offers."""
    return sorted(_FINDERS[field.find](field, rows_of(lines)), key=lambda c: -c.weight)


def field_of_choice(field: FieldSpec, chosen: Chosen, lines: Sequence[Line]) -> FieldValue | None:
    """The field's value, copied from the lines of the chosen pieces; None where people say that it is not there.

    lines  all lines of the document, as decided
    """
    wanted = set(chosen.pieces)
    own = [line for line in lines if wanted & set(line.pieces)]
    if not own:
        return None
    raw, parts = raw_on_lines(field, own)
    box = own[0].box
    for line in own[1:]:
        box = box.union(line.box) if line.page_no == own[0].page_no else box
    known = [line.confidence_bp for line in own if line.confidence_bp is not None]
    if chosen.confidence_bp is not None:
        known.append(chosen.confidence_bp)
    how: How = "open" if any(line.how in ("open", "unreadable") for line in own) else "people"
    return FieldValue(
        name=field.name,
        value=formed(field, raw, parts),
        raw=raw,
        page_no=own[0].page_no,
        box=box,
        how=how,
        confidence_bp=min(known) if len(known) == len(own) + 1 else None,
        people_asked=chosen.people_asked + sum(line.people_asked for line in own),
        because=chosen.because,
        pieces=chosen.pieces,
    )


def raw_on_lines(field: FieldSpec, lines: Sequence[Line]) -> tuple[str, tuple[str, ...]]:
    """(what the chosen lines write of a field, its parts): a value of the field's type in them, else all their text.

    For lines that people have chosen: no label has to stand beside them, and no rule may drop one of them.
    """
    texts = [unified(line.text) for line in lines]
    if field.find in ("letterhead", "party"):
        texts = _said_once(texts)
    whole = " ".join(texts)
    match field.find:
        case "letterhead":
            return _bare_name(whole), ()
        case "party":
            return re.split(r"\s[-–·•|,]\s", whole)[0], ()
        case "party_address":
            return ", ".join(_street_and_town(texts)), tuple(_street_and_town(texts))
        case "currency":
            found = _currency(field, rows_of(lines))
            return (max(found, key=lambda one: one.weight).raw if found else whole), ()
        case "labelled" if field.type != "text":
            values = [raw for line in lines for raw, _ in _values_in(field, line)]
            if values:
                # an amount follows its label and what it is made of; a date or number comes before what is said of it
                return (values[-1] if field.type == "amount" else values[0]), ()
    return whole, tuple(texts)


def _said_once(names: Sequence[str]) -> list[str]:
    """The lines of a name without one that the next line begins with: a logo says the name that is printed under it.

    >>> _said_once(["QualityHosting", "QUALITYHOSTING AG"]), _said_once(["POPULAR BOOK", "CO. (M) SDN BHD"])
    (['QUALITYHOSTING AG'], ['POPULAR BOOK', 'CO. (M) SDN BHD'])
    """
    upper = [re.sub(r"\W+", "", name.upper()) for name in names]
    following = [*upper[1:], ""]
    return [
        name for name, own, after in zip(names, upper, following, strict=True) if not (own and after.startswith(own))
    ]


def formed(field: FieldSpec, raw: str, parts: Sequence[str] = ()) -> str:
    """A raw text in the field's form; the raw text itself where it does not fit the form."""
    if field.form == "iso":
        return iso_date(raw) or raw
    if field.form == "decimal":
        value = decimal_of(raw)
        return f"{value:.2f}" if value is not None else raw
    if field.form == "comma_lines" and parts:
        return ", ".join(parts)
    return raw


def _value(field: FieldSpec, found: Found) -> FieldValue:
    lines = found.lines
    box = lines[0].box
    for line in lines[1:]:
        box = box.union(line.box)
    known = [line.confidence_bp for line in lines if line.confidence_bp is not None]
    how: How = "people" if any(line.how == "people" for line in lines) else lines[0].how
    return FieldValue(
        name=field.name,
        value=formed(
            field, found.raw, [line.text for line in lines] if len(lines) > 1 and "," not in found.raw else ()
        ),
        raw=found.raw,
        page_no=lines[0].page_no,
        box=box,
        how=how,
        confidence_bp=min(known) if len(known) == len(lines) else None,
        people_asked=sum(line.people_asked for line in lines),
        because=found.because,
        pieces=tuple(i for line in lines for i in line.pieces),
    )


def _hits(pattern: str, text: str) -> bool:
    return bool(pattern) and re.search(pattern, text) is not None


# ---------------------------------------------------------------- labelled values


def _labelled(field: FieldSpec, rows: Sequence[Row]) -> list[Found]:
    """Values that stand in the same line as a label, to its right, or under it."""
    found: list[Found] = []
    paid = _paid_less_change(field, rows)
    for i, row in enumerate(rows):
        for k, line in enumerate(row.lines):
            for raw, label_text in _values_in(field, line):
                left = " ".join(other.text for other in row.lines[:k])
                beside = unified(f"{left} {label_text}").upper()
                above = _above(rows, i, line)
                for label_at, penalty in ((beside, 0), (above, 6)):
                    weight = _label_weight(field, label_at, strict=penalty > 0)
                    if weight is None:
                        continue
                    weight -= penalty
                    value = decimal_of(raw) if field.type == "amount" else None
                    if value is not None and paid is not None:
                        weight += 25 if value == paid else 0
                    if field.type == "amount" and not re.search(r"[.,]\d{2}\b", raw):
                        weight -= 30
                    found.append(Found(raw, (line,), weight, f"stands beside {label_at.strip(' :')[-40:]!r}"))
    return _latest_first(found) if field.type == "amount" else found


def _latest_first(found: list[Found]) -> list[Found]:
    """Of equally likely amounts the lowest on the page comes first: totals stand below what they sum."""
    return found[::-1]


def _label_weight(field: FieldSpec, text: str, *, strict: bool) -> int | None:
    if _hits(field.avoid, text):
        return None
    for label in field.labels:
        if label.say == "":
            return None if strict else label.weight
        if re.search(label.say, text):
            return label.weight
    return None


_CODES = re.compile(
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,4})?\b"  # an IBAN, printed in fours or at one go
    r"|(?<![\w.,])(?:\d{1,3}(?: \d{3}){2,}|\d{4}(?: \d{4}){2,}(?: \d{1,3})?)(?![\w.,])"  # a number in equal groups
    r"|(?:(?<![^\W_])[A-Za-z]{1,6}[-/_]){0,2}[A-Za-z]{0,6}[-/]?\d[\w/.-]*\w|\d"
)


def _values_in(field: FieldSpec, line: Line) -> list[tuple[str, str]]:
    """(value, text before it in the line) for every value of the field's type."""
    text = unified(line.text)
    if field.type == "date":
        return [(m, text[:at]) for m, at in find_dates(text)]
    if field.type == "amount":
        return [(m, text[:at]) for m, at in find_amounts(text)]
    if field.type == "code":
        return [(m.group(), text[: m.start()]) for m in _CODES.finditer(text) if not find_dates(m.group())]
    return [(text, "")]


def _above(rows: Sequence[Row], index: int, line: Line) -> str:
    """The text right above a line in the same column, within two line heights; empty where there is none."""
    for row in reversed(rows[:index]):
        if row.page_no != line.page_no or line.box.y0 - row.y0 > 3 * line.box.height_px:
            break
        for other in row.lines:
            if min(other.box.x1, line.box.x1) - max(other.box.x0, line.box.x0) > 0:
                return unified(other.text).upper()
    return ""


def _paid_less_change(field: FieldSpec, rows: Sequence[Row]) -> Decimal | None:
    """What was paid less the change given, where the receipt says both."""
    if not field.pay_labels:
        return None
    paid = change = None
    for row in rows:
        amounts = [decimal_of(m) for line in row.lines for m, _ in find_amounts(unified(line.text))]
        amounts = [a for a in amounts if a is not None]
        if not amounts:
            continue
        if _hits(field.change_labels, row.text):
            change = change if change is not None else amounts[-1]
        elif _hits(field.pay_labels, row.text) or any(_hits(field.pay_labels, x.text.upper()) for x in row.lines):
            paid = paid if paid is not None else amounts[-1]
    if paid is None or change is None:
        return None
    return abs(paid) - abs(change)


# ---------------------------------------------------------------- letterheads, parties, addresses


def _letterhead(field: FieldSpec, rows: Sequence[Row]) -> list[Found]:
    """The issuer's name: among the first rows, the one with a legal form or a trade's word, else the first."""
    found: list[Found] = []
    top = [row for row in rows[:14] if row.page_no == 1]
    for i, row in enumerate(top):
        text = row.text
        if _hits(field.skip, text) and not any(_hits(m, text) for m in field.markers):
            continue
        if sum(c.isalpha() for c in text) < 3:
            continue
        lines: tuple[Line, ...] = row.lines
        marked = next((n for n, m in enumerate(field.markers) if _hits(m, text)), None)
        if marked is None and re.search(r"\d[.,]\d\d$", text):
            continue  # what is sold, with its price
        weight = 40 - i if marked is None else 80 - i + (5 if marked == 0 else 0)
        if marked is not None and _hits(field.skip, text):
            weight -= 25
        words = [w for w in re.findall(r"[^\W\d_]{3,}", text) if not any(_hits(m, w) for m in field.markers[:1])]
        if marked == 0 and i and len(words) < 2 and not _hits(field.skip, top[i - 1].text):
            lines = top[i - 1].lines + row.lines  # "POPULAR BOOK" over "CO. (M) SDN BHD": one name on two rows
        raw = _bare_name(unified(" ".join(x.text for x in lines)))
        found.append(Found(raw, lines, weight, "a company's name at the top of the first page"))
    return found


def _bare_name(name: str) -> str:
    """A company's name without the registration number in brackets after it."""
    return re.sub(r"\s*\([A-Z]{0,4}[\d -]{4,}-?\s?[A-Z]?\)\s*$", "", name)


def _is_item(row: Row) -> bool:
    """Whether a row sells something: "1 SOAP 1 20 20" begins like a street's number and ends with a price's column."""
    return len(row.lines) > 2 and re.fullmatch(r"\W*[\d.,]+\W*", unified(row.lines[-1].text)) is not None


def _address(field: FieldSpec, rows: Sequence[Row]) -> list[Found]:
    """The first block of address lines near the top."""
    head = [row for row in rows if row.page_no == 1][:24]
    for i, row in enumerate(head):
        if not _hits(field.starts, row.text) or _hits(field.stops, row.text) or _is_item(row):
            continue
        if not i and not re.search(r"\d", row.text) and head[1:] and _hits(field.starts, head[1].text):
            continue  # a name at the very top: "Mill Street Restaurant" over "6332 Quarry Drive"
        block = [row]
        for following in head[i + 1 : i + field.lines_max]:
            gap = following.y0 - (block[-1].y0 + block[-1].height_px)
            if _hits(field.stops, following.text) or gap > 2 * following.height_px:
                break
            if sum(c.isalpha() for c in following.text) < 2:
                break
            block.append(following)
        lines = tuple(line for r in block for line in r.lines)
        return [Found(unified(" ".join(x.text for x in lines)), lines, 60, "an address under the letterhead")]
    return []


def _below(rows: Sequence[Row], index: int, head: Line) -> list[Line]:
    """Lines under a heading in its own column, top to bottom, up to ten rows.

    Where none begins right under it, the first line of each row.
    """
    following = [row for row in rows[index + 1 : index + 11] if row.page_no == head.page_no]
    own = [line for row in following for line in row.lines if abs(line.box.x0 - head.box.x0) <= 2 * head.box.height_px]
    return own or [row.lines[0] for row in following]


def _after_heading(pattern: str, line: Line) -> str | None:
    """What a line says after a heading and its colon; "" for a heading alone, None for a line that is no heading."""
    text = unified(line.text)
    found = re.match(pattern, text, re.IGNORECASE) if pattern else None
    if found is None:
        return None
    said = text[found.end() :].strip()
    if ":" in found.group():
        return said
    return "" if len(said.split()) <= 2 and not re.search(r"\d", said) else None


def _headed(field: FieldSpec, rows: Sequence[Row]) -> tuple[str, list[Line]]:
    """(the name beside the heading of the party that is sought, or "", the lines of its block); empty without one."""
    for i, row in enumerate(rows):
        for line in row.lines:
            said = _after_heading(field.headings, line)
            if said is None or (len(row.lines) > 1 and line is not row.lines[0] and said):
                continue
            if said and _is_name(field, said):
                return said, [line, *_below(rows, i, line)]
            if not said:
                return "", _below(rows, i, line)
    return "", []


def _is_name(field: FieldSpec, text: str) -> bool:
    return not _hits(field.skip, text.upper()) and sum(c.isalpha() for c in text) >= 3 and not text.startswith("(")


def _of_others(field: FieldSpec, rows: Sequence[Row]) -> set[int]:
    """Identities of the lines of other parties: a heading, what stands beside it, and its block of five lines."""
    named: set[int] = set()
    for i, row in enumerate(rows):
        for k, line in enumerate(row.lines):
            if not _hits(field.others, unified(line.text).upper()):
                continue
            named.update(id(other) for other in row.lines[k : k + 2])
            block = line
            for other in _below(rows, i, line)[:5]:
                if other.box.y0 - block.box.y1 > 2 * line.box.height_px:
                    break
                named.add(id(other))
                block = other
    return named


_NAME_WORDS_MOST = 8


def _party(field: FieldSpec, rows: Sequence[Row]) -> list[Found]:
    """The seller's name: at its heading, else the first with a legal form that is not another party's, else whoever
    stands right above the first tax number."""
    said, block = _headed(field, rows)
    if said:
        return [Found(_legal_name(said), (block[0],), 90, "the name beside the seller's heading")]
    for line in block:
        if _is_name(field, unified(line.text)):
            return [Found(_legal_name(unified(line.text)), (line,), 90, "the first name under the seller's heading")]
    others = _of_others(field, rows)
    first_page = [row for row in rows if row.page_no == 1]
    found = []
    for i, row in enumerate(first_page):
        for line in row.lines:
            name = _name_in(field, _legal_name(re.split(r"\s[-–·•|,]\s", unified(line.text))[0]))
            if id(line) in others or not _is_name(field, name):
                continue
            if any(_hits(m, name.upper()) for m in field.markers):
                found.append(Found(name, (line,), 60 - i, "the first name with a legal form"))
    for above, row in itertools.pairwise(first_page):
        line = above.lines[0]
        name = unified(line.text)
        taxed = _hits(field.registered, unified(row.lines[0].text).upper()) and row.y0 - above.y0 < 3 * above.height_px
        if taxed and id(line) not in others and _is_name(field, name) and not re.search(r"[\d:]", name):
            found.append(Found(name, (line,), 0, "stands right above the first tax number"))
            break
    return found


def _name_in(field: FieldSpec, text: str) -> str:
    """A sentence's capital words up to a legal form ("payable to Mill & Co, Inc. today"); a short line as it is."""
    if len(text.split()) <= _NAME_WORDS_MOST:
        return text
    for marker in field.markers:
        if found := re.search(rf"{marker}\.?", text, re.IGNORECASE):
            before = text[: found.start()].split()
            capital = list(itertools.takewhile(lambda word: word[0].isupper() or word == "&", reversed(before)))
            return " ".join([*capital[::-1], found.group()])
    return text


def _legal_name(name: str) -> str:
    """A name without the capital that French law prints after it, and without a stray comma.

    >>> _legal_name("Moulin SAS au capital de 40.000 Euros"), _legal_name("Mill Retail Pvt. Ltd.,")
    ('Moulin SAS', 'Mill Retail Pvt. Ltd.')
    """
    return re.sub(r"[\s,-]+(au|with a) capital\b.*|\s*[,;:]$", "", name, flags=re.IGNORECASE)


def _party_address(field: FieldSpec, rows: Sequence[Row]) -> list[Found]:
    """The seller's street and town: in its block, else at its name, else the first that is not another party's."""
    _, block = _headed(field, rows)
    others = _of_others(field, rows)
    free = [line for row in rows if row.page_no == 1 for line in row.lines if id(line) not in others]
    named = max(_party(field, rows), key=lambda found: found.weight, default=None) if field.markers else None
    at_name = [named.lines[0], *_under(named.lines[0], rows)[:4]] if named else []
    for first in block or [*at_name, *free]:
        parts = _street_in(field, unified(first.text))
        lines = [first]
        for following in _under(first, rows)[: len(parts) == 1]:
            town = unified(following.text)
            if not _hits(field.stops, town.upper()) and re.search(r"\d{4,5}", town):
                lines.append(following)
                parts.append(town)
        if parts:
            return [Found(", ".join(_street_and_town(parts)), tuple(lines), 60, "the seller's street and town")]
    return []


def _under(line: Line, rows: Sequence[Row]) -> list[Line]:
    """The lines below one, in its own column."""
    at = next(i for i, row in enumerate(rows) if any(other is line for other in row.lines))
    return _below(rows, at, line)


def _street_in(field: FieldSpec, text: str) -> list[str]:
    """The street in a line, and what of the address follows it there; empty for a line without one.

    A sender may stand in one line: "Name AG - Street 4 - D-12345 Town", "Name SAS - Siège social: 4 rue X - N° TVA 1".
    """
    parts = re.split(r"\s[-–·•|]\s", text)
    for i, part in enumerate(parts):
        street = re.sub(r"^[^:\d]{1,30}:\s*", "", part)
        if _hits(field.starts, street.upper()) and not _hits(field.avoid, street.upper()) and not find_dates(street):
            return [street, *itertools.takewhile(lambda more: not _hits(field.stops, more.upper()), parts[i + 1 :])]
    return []


def _street_and_town(texts: Sequence[str]) -> list[str]:
    """Street, postcode and town as parts of their own, where the second line begins with a postcode."""
    if len(texts) == 2 and (town := re.match(r"(?:[A-Z]{1,3}[- ])?(\d{4,5}) (.+)$", texts[1])):
        return [texts[0], town.group(1), town.group(2)]
    return list(texts)


def _currency(field: FieldSpec, rows: Sequence[Row]) -> list[Found]:
    found: list[Found] = []
    for i, row in enumerate(rows):
        for line in row.lines:
            for sign, code in CURRENCIES.items():
                pattern = rf"\b{sign}\b" if sign.isalpha() else re.escape(sign)
                if re.search(pattern, unified(line.text)):
                    labelled = _label_weight(field, row.text, strict=True)
                    weight = labelled if labelled is not None else 30 - min(20, i // 10)
                    found.append(Found(code, (line,), weight, f"the page says {sign}"))
    return found


_FINDERS = {
    "labelled": _labelled,
    "letterhead": _letterhead,
    "address": _address,
    "party": _party,
    "party_address": _party_address,
    "currency": _currency,
}


def box_of(lines: Sequence[Line]) -> Box:
    """The box around lines of one page."""
    box = lines[0].box
    for line in lines[1:]:
        box = box.union(line.box)
    return box
