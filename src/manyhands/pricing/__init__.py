"""From seconds to a price, and from answers to pay.

Rules kept here
- A reward follows from measured or argued effort and a pay per hour, rounded up: rounding never takes from a worker.
- A quote below the fair floor does not exist; a quote names every line, its count and its reason.
- Pay for a job is at least what was promised answer by answer, and at least the floor for the time credited.

>>> from manyhands.protocol.manifest import PayRule
>>> pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000)
>>> effort_ms(pay, chars=11), reward_minor(pay, effort_ms=5_663)
(5663, 18877)
"""

from .effort import credited_ms, effort_ms, pay_per_hour_minor, reward_minor
from .jury import JurorPayOutOfBounds, check_juror_pay, juror_pay_minor
from .learning import due_minor, learning_minor, learning_pay, most_for_learning, places_for
from .payout import Earned, determine_pay
from .quote import (
    BudgetBelowQuote,
    DailyCap,
    Quote,
    QuoteLine,
    Workload,
    daily_cap_of,
    extra_when_cancelled,
    learning_for,
    make_quote,
)

__all__ = [
    "BudgetBelowQuote",
    "DailyCap",
    "Earned",
    "JurorPayOutOfBounds",
    "Quote",
    "QuoteLine",
    "Workload",
    "check_juror_pay",
    "credited_ms",
    "daily_cap_of",
    "determine_pay",
    "due_minor",
    "effort_ms",
    "extra_when_cancelled",
    "juror_pay_minor",
    "learning_for",
    "learning_minor",
    "learning_pay",
    "make_quote",
    "most_for_learning",
    "pay_per_hour_minor",
    "places_for",
    "reward_minor",
]
