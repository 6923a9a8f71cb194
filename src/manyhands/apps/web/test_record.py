"""What an escrow's events add up to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from .record import ChainEvent, facts_of

TX = "0x" + "ab" * 32


def event(name: str, **args: object) -> ChainEvent:
    return ChainEvent(name, args, TX, 1)


def test_no_event_means_no_money() -> None:
    facts = facts_of([])
    assert (facts.reserved_minor, facts.paid_minor, facts.fees_minor, facts.refunded_minor) == (0, 0, 0, 0)


def test_a_settled_job_shows_where_all_its_money_went() -> None:
    facts = facts_of(
        [
            event("Anchored", root="0x" + "CD" * 32, count=3, evidenceHash="", reserved=900),
            event("Reserved", amount=100, reason="", totalReserved=1000),
            event("BulkTransferV3", recipients=["0xAA", "0xbb"], amounts=[600, 400], payoutId=""),
            event("OracleFeeTransfer", oracles=["0x1", "0x2"], amounts=[30, 40]),
            event("CompletionRefund", amount=130),
        ]
    )
    assert (facts.paid_minor, facts.fees_minor, facts.refunded_minor, facts.reserved_minor) == (1000, 70, 130, 0)
    assert facts.anchors == ({"root": "0x" + "cd" * 32, "count": 3, "tx_hash": TX},)
    assert [payout["worker"] for payout in facts.payouts] == ["0xaa", "0xbb"]


def test_a_root_kept_as_bytes_reads_the_same() -> None:
    facts = facts_of([event("Anchored", root=bytes(32), count=1, reserved=0)])
    assert facts.anchors[0]["root"] == "0x" + "00" * 32


@given(st.lists(st.integers(0, 10**9), max_size=20), st.data())
def test_what_is_set_aside_is_what_was_reserved_and_not_yet_paid(reserved: list[int], data: st.DataObject) -> None:
    paid = data.draw(st.integers(0, sum(reserved)))
    events = [event("Anchored", root=bytes(32), count=1, reserved=amount) for amount in reserved]
    facts = facts_of([*events, event("BulkTransferV3", recipients=["0x1"], amounts=[paid])])
    assert facts.reserved_minor + facts.paid_minor == sum(reserved)
