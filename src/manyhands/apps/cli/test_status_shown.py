"""What `status JOB` says of a job, from the record as the API tells it."""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.apps.cli import jobs
from manyhands.apps.web.record import facts_of, job_page
from manyhands.apps.web.said import spoken
from manyhands.pricing import DailyCap
from manyhands.protocol.money import MHT
from manyhands.roles.launcher.values import JobView, RoutingView


def routed(*, daily_cap: DailyCap | None) -> dict[str, Any]:
    """The public record of a job that was routed and funded."""
    words = ("description", "because", "quote_rests_on", "token", "launch_transaction")
    view = JobView(
        **dict.fromkeys(words, ""), job_id="ab" * 16, title="Receipts", requester="0xa", content_class="plain",
        privacy="standard", machine="agreeing_readers", task_type="transcription", simulated=True, state="open",
        approved=True, currency="MHT", exponent=6, pay_per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000,
        documents=1, pages=1, workers_needed=1, quote_lines=(), quote_expected_minor=1, quote_total_minor=1_000,
        budget_minor=1, funded_minor=1_000, escrow="0x" + "e5" * 20, judged=None, settled=None, created_at_ms=1,
        events=(), daily_cap=daily_cap,
        routing=RoutingView(
            chain_id=1338, exchange="0xe", recording="0xc", reputation="0xd", jury="0xf", router="0xb",
            reason="local-a is the cheapest", considered=(), decided_at_ms=1,
        ),
    )  # fmt: skip
    told: dict[str, Any] = spoken(job_page(view, None, facts_of([])))
    return told


@pytest.mark.parametrize("capped", [False, True])
def test_a_job_s_route_and_its_daily_cap_are_told(capsys: pytest.CaptureFixture[str], capped: bool) -> None:
    cap = DailyCap(parts=10, per_day_minor=101, days_expected=5, days_most=9) if capped else None
    jobs._show_record(routed(daily_cap=cap), MHT)
    said = " ".join(capsys.readouterr().out.split())
    assert "routed" in said and "cheapest" in said
    assert ("daily cap" in said) is capped
