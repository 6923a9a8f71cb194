"""Money in whole minor units, and splitting that loses nothing.

Rules kept here
- An amount is an integer count of the currency's smallest unit. There are no floats.
- A division names who gets the odd units: the first parts, in the order given.
- People, quotes and rows count a currency in minor units, `EXPONENT_MAX` decimals at most, so that every amount stays
  exact in JSON and in a bigint. A token may be divided further; `ledger.Desk` alone counts in its base units.

>>> split_evenly(Money(100, EUR), parts=3)
(Money(34 EUR minor), Money(33 EUR minor), Money(33 EUR minor))
>>> str(Money(19_334, MHT))
'0.019334 MHT'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import total_ordering

import msgspec

from .errors import DifferentMoney, ManyhandsError

BASIS_POINTS = 10_000

EXPONENT_MAX = 6
"""Most decimals a currency of quotes may have. 2**53, up to which JavaScript counts exactly, is then nine thousand
million units, and a bigint a thousand times that; 18 decimals, as many tokens have, overflow a bigint at 9.2 units."""


class Currency(msgspec.Struct, frozen=True):
    """code as people write it; exponent = decimals between the unit people speak of and the minor unit.

    spoken  what people are shown instead of the code
    """

    code: str
    exponent: int
    spoken: str = ""

    @property
    def shown(self) -> str:
        return self.spoken or self.code


EUR = Currency("EUR", 2)
USD = Currency("USD", 2)
MHT = Currency("MHT", 6, spoken="USD")
"""The platform's test token, one dollar a token and shown as one, six decimals as most dollar tokens have."""

CURRENCIES = {currency.code: currency for currency in (EUR, USD, MHT)}


class BadAmount(ManyhandsError):
    """A text that should be an amount of money is not one."""


@total_ordering
class Money(msgspec.Struct, frozen=True, eq=True):
    """minor  whole minor units, may be negative; currency  what they are units of."""

    minor: int
    currency: Currency

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise DifferentMoney(str(self), str(other))

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.minor * count, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __str__(self) -> str:
        return f"{decimal_text(self.minor, self.currency.exponent)} {self.currency.code}"

    @property
    def spoken(self) -> str:
        """As people are told it; `str` can be read again."""
        return f"{decimal_text(self.minor, self.currency.exponent)} {self.currency.shown}"

    def __repr__(self) -> str:
        return f"Money({self.minor} {self.currency.code} minor)"


def decimal_text(minor: int, exponent: int) -> str:
    """Minor units as people write them, with at least two decimals where the currency has them.

    >>> decimal_text(12_000_000, 6)
    '12.00'
    """
    sign, (whole, rest) = "-" if minor < 0 else "", divmod(abs(minor), 10**exponent)
    if not exponent:
        return f"{sign}{whole}"
    fraction = f"{rest:0{exponent}d}"
    return f"{sign}{whole}.{fraction if exponent <= 2 else fraction.rstrip('0').ljust(2, '0')}"


def parse_money(text: str, *, currencies: dict[str, Currency] = CURRENCIES) -> Money:
    """Reads "12USD", "12.50 EUR" and the like.

    currencies  by code; large and small letters are the same
    raises      BadAmount for anything else, and for more decimals than the currency has

    >>> parse_money("12.5EUR")
    Money(1250 EUR minor)
    """
    match = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z][A-Za-z0-9]{0,15})\s*", text, re.ASCII)
    by_code = {code.upper(): currency for code, currency in currencies.items()}
    if not match or match.group(2).upper() not in by_code:
        known = ", ".join(sorted(currencies))
        raise BadAmount(
            f"{text!r} is not an amount of money", cure=f"Write a number and a currency, such as 12USD. Known: {known}."
        )
    currency = by_code[match.group(2).upper()]
    scaled = Decimal(match.group(1)).scaleb(currency.exponent)
    if scaled != scaled.to_integral_value():
        raise BadAmount(
            f"{text!r} has more than {currency.exponent} decimals", cure="Round it to what the currency can pay."
        )
    return Money(int(scaled), currency)


def split_evenly(amount: Money, *, parts: int) -> tuple[Money, ...]:
    """Equal parts that sum to the amount; the first parts take the odd units. parts >= 1, amount >= 0."""
    return split_by_weight(amount, [1] * parts)


def split_by_weight(amount: Money, weights: Sequence[int]) -> tuple[Money, ...]:
    """Parts in proportion to whole weights that sum to the amount exactly.

    Largest remainder first, ties in the order given. A weight of 0 gets 0.
    raises  ValueError when no weight is positive, one is negative, or the amount is negative
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0 or amount.minor < 0:
        raise ValueError("weights must be >= 0 with a positive sum, and the amount >= 0")
    shares = [amount.minor * weight // total for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(amount.minor * weights[i] % total), i))
    for index in remainders[: amount.minor - sum(shares)]:
        shares[index] += 1
    return tuple(Money(share, amount.currency) for share in shares)


def share_bp_floor(minor: int, bp: int) -> int:
    """A share in basis points, rounded down."""
    return minor * bp // BASIS_POINTS


def share_bp_ceil(minor: int, bp: int) -> int:
    """A share in basis points, rounded up."""
    return -(-minor * bp // BASIS_POINTS)
