"""Checks over the fields of a document: sums, check digits, order of dates. A failing check names the fields concerned.

Rules kept here
- A check that lacks one of its fields says nothing; it never fails for what is not on the page.
- A check never changes a value. Whoever asks again asks only the pieces of the fields that failed.
- Amounts are compared to the smallest unit; a rounding of two units is forgiven, because tills round to five.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from manyhands.quality.fields import iban_is_valid, luhn_is_valid, normalise

from .model import DocumentRecord
from .values import decimal_of, iso_date

_ROUNDING = Decimal("0.02")

Values = Sequence[str]


def _sums_to_last(values: Values) -> bool | None:
    """The last value is the sum of the others: net + tax = total."""
    amounts = [decimal_of(v) for v in values]
    known = [a for a in amounts if a is not None]
    if len(known) != len(values) or len(known) < 2:
        return None
    return abs(sum(known[:-1], Decimal(0)) - known[-1]) <= _ROUNDING


def _equal_amounts(values: Values) -> bool | None:
    amounts = [decimal_of(v) for v in values]
    if len(amounts) != 2 or amounts[0] is None or amounts[1] is None:
        return None
    return abs(amounts[0] - amounts[1]) <= _ROUNDING


def _dates_in_order(values: Values) -> bool | None:
    dates = [iso_date(v) for v in values]
    known = [d for d in dates if d is not None]
    return known == sorted(known) if len(known) == len(values) and known else None


def _iban(values: Values) -> bool | None:
    return all(iban_is_valid(normalise(v, "iban")) for v in values) if values else None


def _luhn(values: Values) -> bool | None:
    return all(luhn_is_valid("".join(c for c in v if c.isdigit())) for v in values) if values else None


def _is_date(values: Values) -> bool | None:
    return all(iso_date(v) is not None for v in values) if values else None


CHECKS: dict[str, Callable[[Values], bool | None]] = {
    "sums_to_last": _sums_to_last,
    "equal_amounts": _equal_amounts,
    "dates_in_order": _dates_in_order,
    "iban": _iban,
    "luhn": _luhn,
    "is_date": _is_date,
}
"""Checks a kind may name. Each takes the fields' values in the order named; None = cannot be said."""


def failed_checks(checks: Sequence[tuple[str, Sequence[str]]], values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """field name -> names of the checks it failed.

    checks  (name of the check, names of its fields)
    values  field name -> value, absent fields left out

    >>> failed_checks([("sums_to_last", ("net", "tax", "total"))], {"net": "10.00", "tax": "1.90", "total": "12.90"})
    {'net': ('sums_to_last',), 'tax': ('sums_to_last',), 'total': ('sums_to_last',)}
    """
    failed: dict[str, list[str]] = {}
    for name, fields in checks:
        if any(not values.get(f) for f in fields):
            continue
        if CHECKS[name]([values[f] for f in fields]) is False:
            for field in fields:
                failed.setdefault(field, []).append(name)
    return {field: tuple(names) for field, names in failed.items()}


def pieces_to_ask_again(record: DocumentRecord) -> tuple[str, ...]:
    """Ids of the pieces behind fields that failed a check, in order: the only ones worth another person's time."""
    return tuple(dict.fromkeys(i for f in record.fields if f.failed_checks for i in f.pieces))
