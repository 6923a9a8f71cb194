"""What the command line says of a quote: how many people are enough, and that there are fewer."""

from __future__ import annotations

import pytest

from manyhands.apps.cli import jobs
from manyhands.apps.intake import Intake
from manyhands.pricing import make_quote
from manyhands.protocol.manifest import FeeRule, PayRule, QualityRule
from manyhands.roles.launcher.workload import PageEstimate, workload_of

PAY = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000)


@pytest.mark.parametrize(("there", "warned"), [(11, True), (12, False), (None, False)])
def test_fewer_people_than_are_enough_are_told_before_anything_is_funded(
    capsys: pytest.CaptureFixture[str], there: int | None, warned: bool
) -> None:
    page = PageEstimate(doc_id="r", page_no=1, kind="receipt", pieces=60, pieces_max=80)
    work = workload_of([page], quality=QualityRule(), machine="agreeing_readers")
    quote = make_quote(work, pay=PAY, rule=QualityRule(), fees=FeeRule())
    jobs.show_quote("Receipts", quote, Intake((), ()), 12, there=there)
    told = capsys.readouterr()
    assert "12 different workers are enough" in " ".join(told.out.split())
    assert ("only 11 are signed up" in " ".join(told.err.split())) is warned
