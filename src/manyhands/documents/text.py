"""Comparing texts: what counts as the same answer, and what a text is likely to be.

Rules kept here
- Two texts are the same value when they differ only in case, blanks, the shape of quotes and dashes, or loose
  punctuation at their ends; a decimal point, a minus or a digit is never loose.
- Pure functions of strings.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from .values import find_dates

_SHAPES = str.maketrans({
    "‘": "'", "’": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "−": "-", "‐": "-",
    "·": "•", "，": ",", "：": ":",
})  # fmt: skip

_CURRENCY = r"(?:RM|MYR|USD|EUR|GBP|CHF|SGD|AUD|CAD|INR|JPY|US\$|[$€£¥])"
_AMOUNT = re.compile(
    rf"[-+(]?\s?{_CURRENCY}?\s?-?(?:\d{{1,3}}(?:[., ']\d{{3}})+|\d{{1,7}})(?:[.,]\d{{1,2}})?\s?[)%-]?\s?{_CURRENCY}?"
)


@lru_cache(maxsize=50_000)
def unified(text: str) -> str:
    """Compatibility form, one shape of quotes and dashes, blanks collapsed; case and punctuation stay."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_SHAPES).split())


@lru_cache(maxsize=50_000)
def tight(text: str) -> str:
    """Unified, without blanks, upper case: equal for two readers that only disagree on spacing or case."""
    return unified(text).replace(" ", "").upper()


@lru_cache(maxsize=50_000)
def core(text: str) -> str:
    """What carries the value: tight, without : ; * and quotes, without loose punctuation at the ends.

    A leading minus before a digit stays; a text that is punctuation only stays as it is.

    >>> core("Total :"), core(' -0.01 '), core("“BNYM”"), core("-")
    ('TOTAL', '-0.01', 'BNYM', '-')
    """
    bare = re.sub(r"[:;*'\"]", "", tight(text))
    return re.sub(r"^(?!-\d)[^\w$€£#&@%+(]+|[^\w%)+]+$", "", bare) or tight(text)


def same_value(a: str, b: str) -> bool:
    """Whether two texts give the same value."""
    return core(a) == core(b)


def field_type_of(text: str) -> str:
    """What a worker's keyboard should expect for a text like this: amount, date, code or text.

    >>> [field_type_of(t) for t in ("12.50", "25/12/2018", "CS00031663", "Total Qty")]
    ['amount', 'date', 'code', 'text']
    """
    plain = unified(text)
    if not plain:
        return "text"
    if [plain] == [found for found, _ in find_dates(plain)]:
        return "date"
    if any(c.isdigit() for c in plain) and _AMOUNT.fullmatch(plain):
        return "amount"
    squeezed = plain.replace(" ", "")
    digits = sum(c.isdigit() for c in squeezed)
    if digits and digits * 2 >= len(squeezed) and " " not in plain:
        return "code"
    return "text"
