"""Minor units and base units: what goes out is exact, what comes back sums up, whatever the token's decimals."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.chain.contracts import fees_for_pay_minor
from manyhands.chain.facts import TokenFacts
from manyhands.protocol.daily_cap import PARTS_BOUNDS, cap_minor
from manyhands.protocol.money import EXPONENT_MAX, Money, decimal_text, parse_money

from .desk import closing_told

SAFE_IN_JSON = 2**53


@st.composite
def tokens(draw: st.DrawFn) -> TokenFacts:
    exponent = draw(st.integers(0, EXPONENT_MAX))
    return TokenFacts("TEST", decimals=draw(st.integers(exponent, 36)), exponent=exponent, floor_per_hour_minor=1)


@given(tokens(), st.integers(1, SAFE_IN_JSON))
def test_an_amount_that_goes_out_is_the_same_amount_of_tokens(token: TokenFacts, minor: int) -> None:
    base = minor * token.unit
    assert base % token.unit == 0 and base // token.unit == minor
    on_chain = decimal_text(base, token.decimals)
    assert Decimal(on_chain) == Decimal(decimal_text(minor, token.currency.exponent))
    back = parse_money(f"{on_chain} TEST", currencies={"TEST": token.currency})
    assert back == Money(minor, token.currency)


@given(
    tokens(),
    st.integers(1, 10**12),
    st.tuples(*(st.integers(0, 800) for _ in range(3))),
    st.integers(0, 10_000),
)
def test_any_end_of_an_escrow_sums_up_and_promises_nobody_more_than_came_back(
    token: TokenFacts, funded_minor: int, bps: tuple[int, int, int], paid_bp: int
) -> None:
    """Fees as the contract counts them: of each base unit paid to workers, the share of what was funded for it."""
    funded = funded_minor * token.unit
    fees_most = sum(funded * bp // 10_000 for bp in bps)
    paid_minor = (funded - fees_most) // token.unit * paid_bp // 10_000
    paid = paid_minor * token.unit
    fees = sum(fees_for_pay_minor(funded, bps, paid))
    refunded = funded - paid - fees
    assert refunded >= 0
    told = closing_told(paid, fees, refunded, unit=token.unit)
    assert sum(told) == funded_minor
    assert told[0] == paid_minor
    assert 0 <= refunded - told[2] * token.unit < token.unit
    assert 0 <= told[1] * token.unit - fees < token.unit
    if token.unit == 1:
        assert told == (paid, fees, refunded)


@pytest.mark.parametrize(
    ("decimals", "exponent", "unit"), [(0, None, 1), (6, None, 1), (18, None, 10**12), (18, 0, 10**18), (6, 2, 10**4)]
)
def test_the_unit_of_a_token_is_what_a_minor_unit_of_its_currency_is_worth(
    decimals: int, exponent: int | None, unit: int
) -> None:
    assert TokenFacts("TEST", decimals=decimals, exponent=exponent).unit == unit


@given(tokens(), st.integers(1, 10**12), st.integers(*PARTS_BOUNDS))
def test_a_day_holds_the_whole_minor_units_that_the_escrow_allows_and_not_one_more(
    token: TokenFacts, funded_minor: int, parts: int
) -> None:
    allowed_base = funded_minor * token.unit // parts + 1  # `dailyCap()` of contracts/Escrow.vy
    most = cap_minor(funded_minor, parts, unit=token.unit)
    assert most * token.unit <= allowed_base < (most + 1) * token.unit
    if token.unit == 1:
        assert most == allowed_base
