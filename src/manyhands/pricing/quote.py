"""The quote, line by line, before any money moves.

Rules kept here
- What can be spent at most is funded; what was not needed comes back. Expected and most are both shown.
- The sum of the lines is the quote, to the minor unit.
- Nothing in it is hidden in a percentage of a percentage: each line names its count, unit price and reason.
- Fees follow the pay, as the escrow counts them: funded at most, expected for the pay that is expected (ADR 0028).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from manyhands.protocol.daily_cap import cap_minor, days_for
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.manifest import FeeRule, Learning, PayRule, QualityRule
from manyhands.protocol.money import BASIS_POINTS, CURRENCIES, Currency, Money, share_bp_ceil

from .effort import HOUR_MS, effort_ms, reward_minor
from .jury import JURORS, juror_pay_minor
from .learning import learning_most_each_minor, learning_most_minor, places_for

TOP_UP_RESERVE_BP = 3_600
"""Reserve for top-ups to the floor, share of base pay. A weekly top-up with median pricing cost 36 % of the base in the
time model of the reference facts; what is not needed is refunded."""

JURY_RESERVE_CASES = 1


ROUNDING_TOLD_BP = 10

KNOWN_EXPECTED_PART = 2
"""Of the room for known answers a half is expected to be used: those in doubt get most of it, and they are few.
Assumed, until finished jobs tell."""


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is expected to take. Shares in basis points of the pieces.

    pieces, pieces_max   pieces of all pages, expected and at most
    chars_per_piece      mean characters
    asked_bp, asked_max_bp   share that people see, expected and at most
    answers_milli, answers_max_milli   answers per piece seen, thousandths, expected and at most
    rests_on             in words, what the estimate comes from
    known_most           known answers there must be room for, where a share of the pieces is too few to measure anybody
    """

    pieces: int
    pieces_max: int
    chars_per_piece: int
    asked_bp: int
    asked_max_bp: int
    answers_milli: int
    answers_max_milli: int
    rests_on: str
    known_most: int = 0


class QuoteLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line. expected and most in minor units; most is what is funded.

    label    what is paid for, one of a few fixed texts: a page says it in its reader's language
    figures  what `because` says in figures, for the same purpose; quotes of before have none
    """

    label: str
    count: int
    unit_minor: int
    expected_minor: int
    most_minor: int
    because: str
    figures: dict[str, int] = {}


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """lines in the order shown; total = what the escrow is funded with.

    told  the currency, where its code is no built-in one
    """

    currency: str
    lines: tuple[QuoteLine, ...]
    effort_ms_per_answer: int
    reward_minor_per_answer: int
    answers_expected: int
    answers_most: int
    rests_on: str
    told: Currency | msgspec.UnsetType = msgspec.UNSET

    @property
    def money(self) -> Currency:
        """The currency of every amount in it."""
        return self.told if isinstance(self.told, Currency) else CURRENCIES[self.currency]

    @property
    def expected_minor(self) -> int:
        return sum(line.expected_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        return sum(line.most_minor for line in self.lines)

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.money)


class DailyCap(msgspec.Struct, frozen=True, kw_only=True):
    """What a daily cap means for a job that is funded with its quote.

    parts          one part in so many of the funds is reserved, and paid, per chain day at most
    per_day_minor  that part, minor units
    days_expected  days over which the pay that is expected arrives, at least
    days_most      the same for all that can be earned
    """

    parts: int
    per_day_minor: int
    days_expected: int
    days_most: int

    @property
    def told(self) -> str:
        """In plain words, for requester and worker.

        >>> DailyCap(parts=10, per_day_minor=101, days_expected=5, days_most=9).told
        'at most 1/10 of the funds is reserved, and paid, per day (UTC): pay arrives over at least 5 days, over 9 if all is earned'
        """  # noqa: E501
        days = f"{self.days_expected} day{'' if self.days_expected == 1 else 's'}"
        return (
            f"at most 1/{self.parts} of the funds is reserved, and paid, per day (UTC): "
            f"pay arrives over at least {days}, over {self.days_most} if all is earned"
        )


def daily_cap_of(quote: Quote, parts: int) -> DailyCap | None:
    """What a cap of one part in `parts` a day means for this quote; None without one."""
    if not parts:
        return None
    per_day_minor = cap_minor(quote.total_minor, parts)
    for_workers = [line for line in quote.lines if not line.label.endswith(" fee")]
    return DailyCap(
        parts=parts,
        per_day_minor=per_day_minor,
        days_expected=days_for(sum(line.expected_minor for line in for_workers), per_day_minor),
        days_most=days_for(sum(line.most_minor for line in for_workers), per_day_minor),
    )


DAYS_TO_RECORD = 3
"""Whole days' shares that are left to reserve pay in when a cancellation is asked for: its window has three days."""


def extra_when_cancelled(quote: Quote, cap: DailyCap) -> tuple[int, int]:
    """(most, held): what can come on top of answers, and what of it can surely still be reserved if the requester ends
    the job by the chain when all of it is open. Minor units.

    Answers are reserved on the day on which they are given; what comes on top is known at the end.
    """
    answered = ("answers", "known answers mixed in")
    most = sum(
        line.most_minor for line in quote.lines if line.label not in answered and not line.label.endswith(" fee")
    )
    return most, min(most, DAYS_TO_RECORD * cap.per_day_minor)


class BudgetBelowQuote(ManyhandsError):
    """The requester's budget does not cover what the job can cost."""

    def __init__(self, *, budget: Money, quote: Money) -> None:
        self.budget, self.quote = budget, quote
        super().__init__(
            f"the budget is {budget.spoken}, the quote is {quote.spoken}: {(quote - budget).spoken} missing",
            cure="Raise --budget, send fewer pages or lower --quality; nothing was charged.",
        )


def _share(count: int, bp: int) -> int:
    return -(-count * bp // BASIS_POINTS)


def _fee_lines(for_workers: Sequence[QuoteLine], fees: FeeRule) -> tuple[QuoteLine, ...]:
    """The operators' lines: at most what the escrow holds back, expected the share for the pay that is expected.

    The escrow counts basis points of what it is funded with, pay and fees together. Every unit paid to a worker brings
    the same share of that along, so the per cent told are those of the pay, a little more than the basis points.
    """
    paid_expected = sum(line.expected_minor for line in for_workers)
    paid_most = sum(line.most_minor for line in for_workers)
    rest_bp = BASIS_POINTS - fees.total_bp
    funded_minor = -(-paid_most * BASIS_POINTS // rest_bp)

    def fee(label: str, bp: int) -> QuoteLine:
        most_minor = share_bp_ceil(funded_minor, bp)
        return QuoteLine(
            label=label,
            count=bp,
            unit_minor=0,
            expected_minor=-(-most_minor * paid_expected // paid_most) if paid_most else 0,
            most_minor=most_minor,
            because=f"{bp * 100 / rest_bp:.3g} % of what workers are paid, fixed when this quote is signed; "
            "held back from what is funded",
            figures={"share_millionths": bp * 1_000_000 // rest_bp},
        )

    return (
        fee("exchange fee", fees.exchange_bp),
        fee("recording oracle fee", fees.recording_bp),
        fee("reputation oracle fee", fees.reputation_bp),
    )


def _learning_line(pay: PayRule, learning: Learning) -> QuoteLine:
    minutes = (learning.guide_ms_most + learning.practice_ms) / 60_000
    return QuoteLine(
        label="getting ready",
        count=learning.places,
        unit_minor=learning_most_each_minor(pay, learning),
        expected_minor=0,
        most_minor=learning_most_minor(pay, learning),
        because=f"guide and practice, {minutes:.1f} minutes, for up to {learning.places} workers who are new to this "
        "kind of work and then earn at least as much in it; unused, it comes back",
        figures={"time_ms": learning.guide_ms_most + learning.practice_ms, "places": learning.places},
    )


def _answers(pieces: int, asked_bp: int, milli: int) -> int:
    return -(-_share(pieces, asked_bp) * milli // 1_000)


def learning_for(
    workload: Workload,
    *,
    pay: PayRule,
    guide_ms: int,
    practice_ms: int,
    other_guides_ms: Mapping[str, int] | None = None,
) -> Learning | None:
    """What a job of this size sets aside for workers who get ready for it; None where it is too small for one."""
    others = dict(other_guides_ms or {})
    expected = _answers(workload.pieces, workload.asked_bp, workload.answers_milli)
    base_minor = expected * reward_minor(pay, effort_ms=effort_ms(pay, chars=workload.chars_per_piece))
    longest_ms = max(guide_ms, *others.values()) if others else guide_ms
    places = places_for(pay, guide_ms=longest_ms, practice_ms=practice_ms, base_expected_minor=base_minor)
    if not places:
        return None
    told = others or msgspec.UNSET
    return Learning(guide_ms=guide_ms, practice_ms=practice_ms, places=places, other_guides_ms=told)


def rounded_bp(pay: PayRule, *, effort_ms: int, reward_minor: int) -> int:
    """What a whole minor unit adds to the price of an answer, basis points; 0 where it is too little to be told."""
    asked = effort_ms * pay.per_hour_minor
    added_bp = (reward_minor * HOUR_MS - asked) * BASIS_POINTS // asked
    return added_bp if added_bp >= ROUNDING_TOLD_BP else 0


def make_quote(
    workload: Workload,
    *,
    pay: PayRule,
    rule: QualityRule,
    fees: FeeRule,
    learning: Learning | None = None,
    currency: Currency | None = None,
) -> Quote:
    """The quote of a workload. The manifest's own check refuses pay below the floor before this is reached.

    currency  as the operator calls it; None = as the manifest tells it
    """
    money = currency or pay.money
    effort = effort_ms(pay, chars=workload.chars_per_piece)
    reward = reward_minor(pay, effort_ms=effort)
    expected = _answers(workload.pieces, workload.asked_bp, workload.answers_milli)
    most = _answers(workload.pieces_max, workload.asked_max_bp, workload.answers_max_milli)
    gold_expected = max(_share(workload.pieces, rule.gold_share_bp), workload.known_most // KNOWN_EXPECTED_PART)
    gold_most = max(_share(workload.pieces_max, rule.gold_share_bp), workload.known_most)
    base_expected, base_most = (expected + gold_expected) * reward, (most + gold_most) * reward
    juror_minor = juror_pay_minor(pay)
    added_bp, least = rounded_bp(pay, effort_ms=effort, reward_minor=reward), Money(1, money)
    rounded = {"rounded_bp": added_bp} if added_bp else {}

    getting_ready = () if learning is None else (_learning_line(pay, learning),)
    for_workers = (
        QuoteLine(
            label="answers",
            count=most,
            unit_minor=reward,
            expected_minor=expected * reward,
            most_minor=most * reward,
            because=f"about {expected} answers of {effort / 1000:.1f} s; at most {most} when people disagree often"
            + (f"; each is rounded up to whole {least.spoken}, which adds {added_bp / 100:.3g} %" if added_bp else ""),
            figures={"expected": expected, "most": most, "time_ms": effort, **rounded},
        ),
        QuoteLine(
            label="known answers mixed in",
            count=gold_most,
            unit_minor=reward,
            expected_minor=gold_expected * reward,
            most_minor=gold_most * reward,
            because="they measure skill, and check what the machine reads unseen",
        ),
        QuoteLine(
            label="bonus for good standing",
            count=0,
            unit_minor=0,
            expected_minor=share_bp_ceil(base_expected, pay.bonus_max_bp // 2),
            most_minor=share_bp_ceil(base_most, pay.bonus_max_bp),
            because=f"up to {pay.bonus_max_bp / 100:g} % of what was earned",
            figures={"share_bp": pay.bonus_max_bp},
        ),
        QuoteLine(
            label="top-up reserve",
            count=0,
            unit_minor=0,
            expected_minor=0,
            most_minor=share_bp_ceil(base_most, TOP_UP_RESERVE_BP),
            because="raises everyone who needed longer to the fair floor; unused, it comes back",
        ),
        QuoteLine(
            label="jury reserve",
            count=JURY_RESERVE_CASES * JURORS,
            unit_minor=juror_minor,
            expected_minor=0,
            most_minor=JURY_RESERVE_CASES * JURORS * juror_minor,
            because="three workers judge a report of misuse; unused, it comes back",
        ),
        *getting_ready,
    )
    return Quote(
        currency=pay.currency,
        lines=(*for_workers, *_fee_lines(for_workers, fees)),
        effort_ms_per_answer=effort,
        reward_minor_per_answer=reward,
        answers_expected=expected + gold_expected,
        answers_most=most + gold_most,
        rests_on=workload.rests_on,
        told=msgspec.UNSET if CURRENCIES.get(money.code) == money else money,
    )
