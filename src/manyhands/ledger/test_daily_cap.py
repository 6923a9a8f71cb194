"""What counts against a day of an escrow with a daily cap: every act in the air, and every act of the day, once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from manyhands.chain.contracts import encode_call
from manyhands.protocol.daily_cap import DAY_S, cap_minor, chain_day, cut_to_fit, grouped_to_fit

from .bookkeeping import Share, extra_parts
from .daily_cap import MIDNIGHT_MARGIN_S, PAID, RESERVED, amount_in, chain_time_s, counted_today

WORKER = "0x" + "ab" * 20


def anchor(amount_minor: int) -> bytes:
    return encode_call("Escrow", "anchorAndReserve", b"\1" * 32, 3, b"\2" * 32, amount_minor)


def payout(*amounts: int) -> bytes:
    return encode_call("Escrow", "bulkPayOut", [WORKER] * len(amounts), list(amounts), "u", "h", "p", False)


def test_an_act_counts_in_its_own_sum_alone() -> None:
    assert (amount_in(RESERVED, anchor(7)), amount_in(PAID, anchor(7))) == (7, 0)
    assert (amount_in(RESERVED, payout(2, 3)), amount_in(PAID, payout(2, 3))) == (0, 5)
    assert amount_in(RESERVED, encode_call("Escrow", "reserve", 9, bytes(32))) == 9
    assert amount_in(RESERVED, encode_call("Escrow", "complete")) == 0


def test_what_is_signed_counts_once_with_its_event_and_a_strangers_act_counts_too() -> None:
    own = [(anchor(7), "0x1")]
    seen = [("Anchored", {"reserved": 7}, "0x1"), ("Reserved", {"amount": 5}, "0xthief")]
    assert counted_today(RESERVED, own=own, seen=seen) == 12
    assert counted_today(PAID, own=[], seen=[("BulkTransferV3", {"amounts": ["4", 5]}, "0x2")]) == 9


def test_the_day_begins_a_little_after_midnight_by_our_own_clock_and_at_once_by_the_chains() -> None:
    midnight_ms = 20_000 * DAY_S * 1_000
    early, late = midnight_ms + (MIDNIGHT_MARGIN_S - 1) * 1_000, midnight_ms + MIDNIGHT_MARGIN_S * 1_000
    assert [chain_day(chain_time_s(seen_s=0, now_ms=now_ms)) for now_ms in (early, late)] == [19_999, 20_000]
    assert chain_day(chain_time_s(seen_s=20_001 * DAY_S, now_ms=early)) == 20_001


@given(
    st.integers(2, 30),
    st.integers(1, 10**6),
    st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 6), st.booleans()), max_size=60),
    st.randoms(),
)
def test_no_day_is_overdrawn_whenever_what_was_signed_is_mined(
    parts: int, funded_minor: int, wishes: list[tuple[int, int, bool]], chance: object
) -> None:
    """The rule against every order of signing, passing days and mining: nothing is ever refused for the cap."""
    most_minor, today = cap_minor(funded_minor, parts), 0
    in_air: list[int] = []
    of_day: dict[int, int] = {}
    for amount_minor, step, mine in wishes:
        today += step // 6
        if sum(in_air) + of_day.get(today, 0) + amount_minor <= most_minor:
            in_air.append(amount_minor)
        if mine and in_air:
            chance.shuffle(in_air)  # type: ignore[attr-defined]
            of_day[today] = of_day.get(today, 0) + in_air.pop()
        assert all(minor <= most_minor for minor in of_day.values())
    of_day[today] = of_day.get(today, 0) + sum(in_air)
    assert all(minor <= most_minor for minor in of_day.values())


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 1_000)), max_size=30), st.integers(1, 300))
def test_what_is_cut_to_fit_into_days_loses_nothing_and_fills_every_day_but_the_last(
    amounts: list[tuple[str, int]], most_minor: int
) -> None:
    parts = cut_to_fit(amounts, most_minor)
    sums = [sum(minor for _, minor in part) for part in parts]
    assert sum(sums) == sum(minor for _, minor in amounts)
    assert all(total == most_minor for total in sums[:-1]) and all(0 < total <= most_minor for total in sums[-1:])
    whole = grouped_to_fit(amounts, most_minor)
    assert [one for group in whole for one in group] == [name for name, _ in amounts]


def test_extra_pay_that_one_day_holds_is_one_act_under_the_reason_it_always_had() -> None:
    shares = [Share("bonus", "0xa", 4), Share("top_up", "0xb", 3)]
    (only,) = extra_parts(9, shares, reason=b"r" * 32, most_minor=9)
    assert (only.reason, only.amount_minor, list(only.shares)) == (b"r" * 32, 9, shares)
    assert extra_parts(9, shares, reason=b"r" * 32) == [only]
    assert extra_parts(0, [], reason=b"r" * 32, most_minor=1) == []


def test_extra_pay_above_a_days_share_has_a_reason_for_each_part_and_the_same_ones_for_both_oracles() -> None:
    shares = [Share("bonus", "0xa", 4), Share("top_up", "0xb", 3)]
    parts = extra_parts(9, shares, reason=b"r" * 32, most_minor=5)
    assert [one.amount_minor for one in parts] == [5, 4]
    assert [list(one.shares) for one in parts] == [
        [Share("bonus", "0xa", 4), Share("top_up", "0xb", 1)],
        [Share("top_up", "0xb", 2)],
    ]
    assert len({one.reason for one in parts}) == 2 and all(len(one.reason) == 32 for one in parts)
    assert parts == extra_parts(9, shares, reason=b"r" * 32, most_minor=5)
