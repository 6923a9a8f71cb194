"""The outbox's decisions, without a database and without a chain."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.chain.client import Receipt
from manyhands.chain.facts import shipped_facts
from manyhands.ledger.outbox.model import (
    OUTBOX_MOVES,
    Entry,
    Mined,
    Settled,
    State,
    Stay,
    Vanished,
    blocks_in_order,
    choose_to_send,
    higher_fee,
    judge,
)

FACTS = shipped_facts()[1338]
WAITING = Entry(
    chain_id=1338,
    purpose="payout",
    transaction_id=1,
    job_id="job-1",
    sender="0x" + "1" * 40,
    nonce=0,
    recipient="0x" + "2" * 40,
    contract_address=None,
    data=b"",
    value_wei=0,
    gas_limit=21_000,
    after_purposes=[],
    state=State.WAITING,
    tx_hash="0xaa",
    submitted_at_ms=1,
    sent_at_ms=None,
    block_number=None,
    block_hash=None,
    block_timestamp_s=None,
    index_in_block=None,
    succeeded=None,
    gas_used=None,
    gas_price_wei=None,
    reason="",
)
SENT = replace(WAITING, state=State.SENT, sent_at_ms=2)
MINED = replace(SENT, state=State.MINED, block_number=5, block_hash="0xb5", index_in_block=0, succeeded=True)


def receipt(block: int, *, block_hash: str | None = None, tx_hash: str = "0xaa", succeeded: bool = True) -> Receipt:
    return Receipt(tx_hash, block, block_hash or f"0xb{block}", 0, succeeded, 21_000, 1, None, ())


def test_without_a_receipt_a_sent_transaction_stays() -> None:
    assert judge(SENT, [None, None], head_number=9, confirmations=2) == Stay()


def test_a_receipt_below_the_head_is_noted_and_one_above_waits_for_the_next_round() -> None:
    assert judge(SENT, [receipt(9)], head_number=9, confirmations=2) == Mined(receipt(9))
    assert judge(SENT, [receipt(10)], head_number=9, confirmations=2) == Stay()


@pytest.mark.parametrize("head", [5, 6])
def test_one_confirmation_too_few_does_not_settle(head: int) -> None:
    assert judge(MINED, [receipt(5)], head_number=head, confirmations=2) == Stay()


def test_the_last_confirmation_settles_what_was_done_and_what_was_refused() -> None:
    assert judge(MINED, [receipt(5)], head_number=7, confirmations=2) == Settled(receipt(5))
    refused = receipt(5, succeeded=False)
    assert judge(replace(MINED, succeeded=False), [refused], head_number=7, confirmations=2) == Settled(refused)


def test_a_block_that_left_the_chain_takes_its_transaction_back() -> None:
    assert judge(MINED, [None], head_number=7, confirmations=2) == Vanished()


def test_a_transaction_that_moved_to_another_block_counts_its_confirmations_anew() -> None:
    moved = receipt(7)
    assert judge(MINED, [moved], head_number=12, confirmations=2) == Mined(moved)
    same_height = receipt(5, block_hash="0xother")
    assert judge(MINED, [same_height], head_number=12, confirmations=2) == Mined(same_height)


def test_the_replacement_that_was_mined_counts_and_not_the_first_form() -> None:
    assert judge(SENT, [None, receipt(5, tx_hash="0xbb")], head_number=7, confirmations=2) == Mined(
        receipt(5, tx_hash="0xbb")
    )


def queue(sender: str, count: int, first_id: int, *, after: dict[int, str] | None = None) -> list[Entry]:
    return [
        replace(
            WAITING,
            sender=sender,
            nonce=n,
            transaction_id=first_id + 10 * n,
            purpose=f"{sender} {n}",
            after_purposes=[after[n]] if after and n in after else [],
        )
        for n in range(count)
    ]


def test_a_window_bounds_each_sender_by_itself() -> None:
    waiting = [*queue("a", 5, 1), *queue("b", 5, 2)]
    chosen = choose_to_send(waiting, under_way={"a": 2}, still_open=set(), window=3)
    assert [entry.purpose for entry in chosen] == ["a 0", "b 0", "b 1", "b 2"]


def test_waiting_for_another_holds_back_its_own_queue_only() -> None:
    waiting = [*queue("a", 3, 1, after={1: "fund"}), *queue("b", 2, 2)]
    held = choose_to_send(waiting, under_way={}, still_open={"fund"}, window=9)
    assert [entry.purpose for entry in held] == ["a 0", "b 0", "b 1"]
    free = choose_to_send(waiting, under_way={}, still_open=set(), window=9)
    assert [entry.purpose for entry in free] == ["a 0", "b 0", "a 1", "b 1", "a 2"]


@given(
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    busy=st.lists(st.integers(0, 4), min_size=4, max_size=4),
    held=st.sets(st.tuples(st.integers(0, 3), st.integers(0, 5))),
    window=st.integers(1, 5),
)
def test_what_goes_out_is_always_the_front_of_each_queue(
    counts: list[int], busy: list[int], held: set[tuple[int, int]], window: int
) -> None:
    after = {sender: {n: "x" for s, n in held if s == sender} for sender in range(4)}
    waiting = [entry for s, count in enumerate(counts) for entry in queue(str(s), count, s, after=after[s])]
    under_way = {str(s): busy[s] for s in range(4)}
    chosen = choose_to_send(waiting, under_way=under_way, still_open={"x"}, window=window)
    for s in range(len(counts)):
        nonces = [entry.nonce for entry in chosen if entry.sender == str(s)]
        assert nonces == list(range(len(nonces)))
        assert len(nonces) + busy[s] <= max(window, busy[s])
        assert all(n not in after[s] for n in nonces)


@given(paid=st.integers(1, 10**12), priority=st.integers(0, 10**11), base=st.integers(0, 10**13), node=st.booleans())
def test_a_replacement_pays_clearly_more_and_never_above_the_highest(
    paid: int, priority: int, base: int, node: bool
) -> None:
    fees = msgspec.structs.replace(FACTS.fees, source="node" if node else "facts")
    facts = msgspec.structs.replace(FACTS, fees=fees)
    fee = higher_fee(facts, paid_wei=paid, priority_wei=priority, base_fee_wei=base)
    if fee is None:
        assert paid * 125 > facts.fees.highest_fee_wei * 100
        return
    assert paid * 125 <= fee.max_fee_wei * 100
    assert fee.max_fee_wei <= facts.fees.highest_fee_wei
    assert fee.priority_fee_wei <= fee.max_fee_wei


def test_a_forgotten_past_is_grouped_by_block_in_its_order() -> None:
    def at(block: int, index: int) -> Entry:
        return replace(MINED, block_number=block, index_in_block=index, purpose=f"{block}.{index}")

    groups = blocks_in_order([at(9, 0), at(5, 1), at(5, 0)])
    assert [[entry.purpose for entry in group] for group in groups] == [["5.0", "5.1"], ["9.0"]]


def test_settled_states_have_no_way_out() -> None:
    assert {state for state, _ in OUTBOX_MOVES}.isdisjoint({State.FINAL, State.REVERTED, State.DISPLACED})
    assert set(OUTBOX_MOVES.values()) | {State.WAITING} == set(State)
