"""A jury may pay each of its jurors one vote, and nobody else anything."""

import pytest

from manyhands.protocol.manifest import PayRule

from .jury import JURORS, JurorPayOutOfBounds, check_juror_pay, juror_pay_minor

PAY = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000)
WORTH = juror_pay_minor(PAY)


def test_a_vote_each_is_paid() -> None:
    check_juror_pay(PAY, {f"juror {number}": WORTH for number in range(JURORS)})
    check_juror_pay(PAY, {})


@pytest.mark.parametrize(
    "paid_minor",
    [{"a": WORTH + 1}, {"a": -1}, {f"juror {number}": WORTH for number in range(JURORS + 1)}],
)
def test_a_jury_that_pays_its_friends_is_refused(paid_minor: dict[str, int]) -> None:
    with pytest.raises(JurorPayOutOfBounds):
        check_juror_pay(PAY, paid_minor)
