"""Dates, amounts and currencies as they are written on paper.

Rules kept here
- A value is read as written or not at all: an ambiguous text gives None, never a guess.
- Amounts are decimals, never floats. Both 1.234,56 and 1,234.56 are understood; the last separator is the decimal one.
- Day comes before month unless that is impossible (12/13/2016).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

CURRENCIES = {
    "EUR": "EUR", "€": "EUR", "USD": "USD", "US$": "USD", "GBP": "GBP", "£": "GBP", "CHF": "CHF", "RM": "MYR",
    "MYR": "MYR", "SGD": "SGD", "AUD": "AUD", "CAD": "CAD", "JPY": "JPY", "¥": "JPY", "INR": "INR", "SEK": "SEK",
    "DKK": "DKK", "NOK": "NOK", "PLN": "PLN", "CZK": "CZK", "₹": "INR", "$": "USD",
}  # fmt: skip
"""Signs on paper and the ISO 4217 code they stand for."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan ene", "feb fév fev", "mar mär mrt maa", "apr avr abr", "may mai mei", "jun juin", "jul juil",
            "aug aoû aou ago", "sep", "oct okt", "nov", "dec dez déc dic",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_ORDINAL = "st|nd|rd|th|er|º|°"
_DATES = re.compile(
    rf"(?<![\d.,/-])(?:\d{{4}}[-./]\d{{1,2}}[-./]\d{{1,2}}|\d{{1,2}}[-./]\d{{1,2}}[-./](?:\d{{4}}|\d{{2}})"
    rf"|\d{{1,2}}(?:{_ORDINAL})?\.?[-./ ]{{0,2}}(?:de )?(?:{_MONTH})[a-zäéû]*\.?[-./,' ]{{0,3}}(?:de )?"
    r"(?:\d{4}|\d{2})"
    rf"|(?:{_MONTH})[a-zäéû]*\.? \d{{1,2}}(?:{_ORDINAL})?,? \d{{4}})(?![\d/]|[.,-]\d)",
    re.IGNORECASE,
)
_SIGN = r"(?:RM|MYR|USD|US\$|EUR|GBP|CHF|SGD|AUD|CAD|[$€£])"
_AMOUNTS = re.compile(
    rf"(?<![\w.,/@-])(?<!\d:)[-+(]?\s?{_SIGN}?\s?-?(?:\d{{1,3}}(?:[.,' ]\d{{3}})+|\d+)"
    r"(?:[.,]\d{1,4})?(?![\w%/]|[.,:]\d|\s?%)",
    re.IGNORECASE,
)


def find_dates(text: str) -> list[tuple[str, int]]:
    """Dates in a text with the position where each begins.

    >>> find_dates("DATE : 25/12/2018 12:31")
    [('25/12/2018', 7)]
    """
    return [(m.group(), m.start()) for m in _DATES.finditer(text) if iso_date(m.group())]


def find_amounts(text: str) -> list[tuple[str, int]]:
    """Amounts in a text with the position where each begins; percentages, times and codes are left out.

    >>> find_amounts("TOTAL RM 12.50 (6%)")
    [('RM 12.50', 6)]
    """
    return [(m.group().strip(), m.start()) for m in _AMOUNTS.finditer(text) if any(c.isdigit() for c in m.group())]


def decimal_of(text: str) -> Decimal | None:
    """The amount a text writes, or None.

    >>> [str(decimal_of(t)) for t in ("1.234,56", "RM1,234.50", "-1.73", "10 000", "abc")]
    ['1234.56', '1234.50', '-1.73', '10000', 'None']
    """
    digits = re.sub(r"[^\d.,-]", "", text).strip(".,")
    if not re.search(r"\d", digits):
        return None
    negative = digits.startswith("-") or digits.endswith("-") or bool(re.fullmatch(r"\s*\(.*\)\s*", text))
    digits = digits.replace("-", "")
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        separators = set(re.findall(r"[.,]", digits))
        decimals = len(digits) - last - 1
        grouping = len(separators) == 1 and (digits.count(digits[last]) > 1 or (decimals == 3 and digits[last] == ","))
        whole, rest = (digits, "") if grouping else (digits[:last], digits[last + 1 :])
        digits = re.sub(r"[.,]", "", whole) + (f".{rest}" if rest else "")
    value = Decimal(digits)
    return -value if negative else value


def iso_date(text: str) -> str | None:
    """A date as YYYY-MM-DD, or None when the text is no date that exists.

    >>> iso_date("7. Mai 2014"), iso_date("12/13/2016"), iso_date("28 MAR 18"), iso_date("31/02/2018")
    ('2014-05-07', '2016-12-13', '2018-03-28', None)
    >>> iso_date("2 juillet 2015"), iso_date("2 juin 2015"), iso_date("5 de agosto de 2015")
    ('2015-07-02', '2015-06-02', '2015-08-05')
    """
    plain = text.strip().lower()
    numbers = [int(n) for n in re.findall(r"\d+", plain)]
    word = re.search(rf"({_MONTH})", plain)
    if word and len(numbers) == 2:
        day, year, month = numbers[0], numbers[1], _MONTHS[word.group(1)]
    elif not word and len(numbers) == 3:
        if re.match(r"\D*\d{4}", plain):
            year, month, day = numbers
        else:
            day, month, year = numbers
            if month > 12 >= day:
                day, month = month, day
    else:
        return None
    year += 2000 if year < 100 else 0
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
