"""What a day of an escrow with a daily cap has been used for. Pure: reads calls and events, decides nothing else.

Rules kept here
- An act counts by its amount in the signed call as long as it is not final, and on the day of its block from then on.
- What another key's transaction did on this day counts too: the escrow counts by day, not by key.
- The chain's day begins for us a little after midnight, so that a chain whose clock is late counts the same day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from manyhands.chain.contracts import decode_call
from manyhands.protocol.daily_cap import DAY_S

MIDNIGHT_MARGIN_S = 120
"""A chain's clock may be late by so much: blocks of a minute ago still count into yesterday."""


AGAIN_AFTER_MS = 3_600_000
"""How long an act that the chain refused for now is left alone: by then a freeze or the day may be over."""
CANCEL_WINDOW_S = 3 * DAY_S
FREEZE_S = 7 * DAY_S
ESCROW_LASTS_S = 100 * DAY_S
"""As contracts/Escrow.vy and the terms of deployment have them."""


@dataclass(frozen=True)
class Counted:
    """One of the two sums that an escrow keeps by day.

    calls   function of the escrow -> place of its amount among the arguments; a list of amounts is added up
    events  event -> field of its amount
    """

    calls: Mapping[str, int]
    events: Mapping[str, str]


@dataclass(frozen=True)
class DayUsed:
    """What the chain has counted for an escrow, minor units: on its present day, and ever.

    ends_at_s  of the day; unit  base units of the escrow's token in a minor unit
    """

    ends_at_s: int
    reserved_today_minor: int
    reserved_minor: int
    unit: int = 1


RESERVED = Counted({"anchorAndReserve": 3, "reserve": 0}, {"Anchored": "reserved", "Reserved": "amount"})
PAID = Counted({"bulkPayOut": 1}, {"BulkTransferV3": "amounts"})


def amount_in(counted: Counted, data: bytes) -> int:
    """What a signed call to an escrow adds to a day's sum, base units of its token; 0 for a call that adds nothing."""
    for function, place in counted.calls.items():
        arguments = decode_call("Escrow", function, data)
        if arguments is not None:
            return _total(arguments[place])
    return 0


def counted_today(
    counted: Counted,
    *,
    own: Iterable[tuple[bytes, str]],
    seen: Iterable[tuple[str, Mapping[str, Any], str]],
) -> int:
    """What counts against the chain's present day, in the units of calls and events: base units of the escrow's token.

    own   (call data, transaction) of this key's acts that are not final, or were final on this day
    seen  (event, arguments, transaction) of this day; those of own acts are counted there
    """
    total_minor, hashes = 0, set()
    for data, tx_hash in own:
        total_minor += amount_in(counted, bytes(data))
        hashes.add(tx_hash)
    return total_minor + sum(
        _total(args[counted.events[name]]) for name, args, tx_hash in seen if tx_hash not in hashes
    )


def chain_time_s(*, seen_s: int, now_ms: int) -> int:
    """How late it is at least on the chain. seen_s  of the newest block that was read; now_ms  by our own clock

    >>> chain_time_s(seen_s=100, now_ms=86_400_000), chain_time_s(seen_s=90_000, now_ms=86_400_000)
    (86280, 90000)
    """
    return max(seen_s, now_ms // 1_000 - MIDNIGHT_MARGIN_S)


def _total(amount: Any) -> int:
    return sum(int(one) for one in amount) if isinstance(amount, (list, tuple)) else int(amount)


def recording_ends_s(*, asked_s: int, set_up_s: int, freezes: int) -> int | None:
    """When an escrow surely records nothing more, in the chain's time; None = not known.

    asked_s   when its end was asked for or a report upheld, 0 = not
    set_up_s  when it was set up, 0 = not seen; it was launched before, and lasts a hundred days from then
    freezes   so far; each lets the clock stand still for a week at most

    >>> recording_ends_s(asked_s=0, set_up_s=100, freezes=0), recording_ends_s(asked_s=50, set_up_s=1, freezes=1)
    (8640100, 864050)
    """
    ends = [
        began_s + lasts_s for began_s, lasts_s in ((asked_s, CANCEL_WINDOW_S), (set_up_s, ESCROW_LASTS_S)) if began_s
    ]
    return min(ends) + freezes * FREEZE_S if ends else None
