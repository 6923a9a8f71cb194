"""What the desk works out without a database: scope, forecast, levels, drawn fields, bills, the expected end."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.documents.ink import InkLine
from manyhands.pricing import make_quote
from manyhands.protocol.manifest import PayRule, QualityRule, Region, Scope
from manyhands.protocol.money import MHT, Currency
from manyhands.roles.exchange.watching import Series
from manyhands.roles.launcher.plan import LaunchPolicy, plan
from manyhands.roles.launcher.values import ImportedDocumentRef, ImportedPageRef, JobView, SettledView
from manyhands.roles.launcher.workload import PageEstimate, workload_of

from .drafts import clean_name, first_wish
from .errors import BadFileName, NothingBilled
from .invoice import bill_lines, invoice_pdf
from .kinds import kinds_to_choose
from .quoting import PACE_LEAST, Pace, Wish, documents_for, forecast_of, options_of
from .records import document_of, doubts_of, level_of
from .watching import expected_end_ms

POLICY = LaunchPolicy(task_types=("transcription",))
LOWER_HALF = Region(name="total", x0_permille=0, y0_permille=500, x1_permille=1_000, y1_permille=1_000)


def documents(count: int) -> list[ImportedDocumentRef]:
    return [
        ImportedDocumentRef(
            doc_id=f"d{number}", kind="receipt", content_hash=f"{number:064x}",
            pages=(ImportedPageRef(page_no=1, blob="b", width=400, height=900, pieces=40, pieces_max=60),),
        )
        for number in range(count)
    ]  # fmt: skip


def planned(wish: Wish, *, tryout: bool = False, count: int = 9) -> Any:
    ink = {(f"d{n}", 1): [InkLine(500, 100 * line, 4, 40) for line in range(10)] for n in range(count)}
    asked = documents_for(documents(count), wish, ink, tryout=tryout)
    options = options_of(wish, owner="0xa", request_key="k", tryout=tryout)
    return plan(asked, options, policy=POLICY, job_id="j", now_ms=1)


def test_a_job_without_a_scope_keeps_the_bytes_it_always_had() -> None:
    assert b"scope" not in msgspec.json.encode(planned(Wish(title="t")).manifest)


def test_a_try_out_asks_for_ten_pieces_of_three_documents() -> None:
    small = planned(Wish(title="t"), tryout=True)
    assert small.manifest.scope == Scope(pieces_max=10)
    assert small.manifest.document_count == 3
    assert small.quote.answers_most <= 10 * 2 + 1
    assert small.quote.total_minor < planned(Wish(title="t")).quote.total_minor


def test_a_drawn_field_is_priced_by_the_ink_in_it() -> None:
    whole, part = planned(Wish(title="t")), planned(Wish(title="t", regions=(LOWER_HALF,)))
    assert part.workload.pieces == whole.workload.pieces // 2
    assert part.quote.total_minor < whole.quote.total_minor


def test_a_forecast_has_no_figure_that_nobody_measured() -> None:
    work = workload_of(
        [PageEstimate(doc_id="d", page_no=1, kind="receipt", pieces=60, pieces_max=80)],
        quality=QualityRule(), machine="agreeing_readers",
    )  # fmt: skip
    pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000)
    quote = make_quote(work, pay=pay, rule=QualityRule(), fees=planned(Wish(title="t")).manifest.fees)
    alone = forecast_of(quote, Wish(title="t", deadline_ms=10), ["table"], pace=None, now_ms=0)
    assert (alone.right_bp_low, alone.done_in_ms, alone.fits_deadline) == (None, None, None)
    few = forecast_of(quote, Wish(title="t"), ["receipt"], pace=Pace(PACE_LEAST - 1, 1_000, 1), now_ms=0)
    assert few.done_in_ms is None
    assert (few.right_bp_low, few.right_bp_high) == (9_955, 9_985)
    paced = forecast_of(
        quote, Wish(title="t", deadline_ms=1), ["receipt"], pace=Pace(quote.answers_expected, 60_000, 1), now_ms=0
    )
    assert (paced.done_in_ms, paced.fits_deadline) == (60_000, False)


def test_an_end_is_expected_only_of_a_pace_that_was_measured() -> None:
    series = Series(
        slices=(), cost=(), recent_answers=30, recent_ms=60_000, still_wanted=60, timed_answers=30, active_ms_median=1
    )
    assert expected_end_ms(series, now_ms=0) == 120_000
    for change in ({"timed_answers": 19}, {"recent_answers": 0}, {"still_wanted": 0}):
        assert expected_end_ms(msgspec.structs.replace(series, **change), now_ms=0) is None


@pytest.mark.parametrize("name", ["", "../x", "a/../../b", ".ssh/id", "a/.b", "x\x00y", "a\nb", "y" * 301])
def test_a_name_that_leads_out_or_hides_is_refused(name: str) -> None:
    with pytest.raises(BadFileName):
        clean_name(name)


@given(st.text(max_size=60))
def test_a_name_that_is_taken_stays_in_its_folder(name: str) -> None:
    try:
        parts = clean_name(name).split("/")
    except BadFileName:
        return
    assert all(part and part not in (".", "..") and not part.startswith(".") for part in parts)


def piece(how: str, text: str, y: int, **more: Any) -> dict[str, Any]:
    return {
        "page": 1, "box": [10, y, 90, y + 20], "text": text, "how": how, "because": "", "confidence_bp": None,
        "people_asked": 0, "readings": {}, "proof": "", **more,
    }  # fmt: skip


RECORD: dict[str, Any] = {
    "doc_id": "d", "kind": "receipt", "pages": [{"page": 1, "image": "", "width": 100, "height": 1_000}], "lines": [],
    "fields": {"total": "12.50", "date": "2018-12-25"}, "tables": [],
    "provenance": {
        "readers": [],
        "fields": {
            name: {"raw": "x", "page": 1, "box": [10, 700, 90, 720], "how": "people", "confidence_bp": None,
                   "people_asked": 2, "because": "b", "pieces": ["c"], "failed_checks": checks}
            for name, checks in (("total", []), ("date", ["is_date"]))
        },
        "pieces": {
            "a": piece("machine", "TOTAL", 600), "b": piece("unreadable", "", 640),
            "c": piece("people", "12.50", 700, people_asked=2), "d": piece("people", "x", 100, confidence_bp=5_000),
        },
    },
}  # fmt: skip


def test_what_is_most_in_doubt_stands_first() -> None:
    told = document_of(RECORD, target_bp=9_950)
    whys = [(doubt.piece_id, doubt.level) for doubt in doubts_of([told])]
    assert whys == [("b", "none"), ("c", "doubt"), ("d", "doubt")]


def test_a_field_that_was_drawn_is_told_as_such_beside_those_that_were_picked() -> None:
    told = document_of(RECORD, target_bp=9_950, fields=("date",), drawn={"total"})
    assert [(field.name, field.drawn) for field in told.fields] == [("total", True), ("date", False)]
    assert [field.name for field in document_of(RECORD, target_bp=9_950, fields=("date",)).fields] == ["date"]


def test_a_field_is_never_surer_than_the_least_of_its_pieces() -> None:
    record = json.loads(json.dumps(RECORD))
    record["provenance"]["fields"]["total"]["pieces"] = ["a", "c", "d"]
    (total, _) = document_of(record, target_bp=9_950).fields
    assert total.level == "doubt"


def test_a_value_without_a_calibrated_confidence_shows_none() -> None:
    assert document_of(RECORD, target_bp=9_950).pieces[0].confidence_bp is None
    assert level_of(how="people", confidence_bp=9_960, people_asked=1, target_bp=9_950) == "sure"
    assert level_of(how="people", confidence_bp=9_100, people_asked=9, target_bp=9_950) == "fair"


def test_every_shipped_kind_can_be_chosen_with_its_fields() -> None:
    told = {choice.kind: [field.name for field in choice.fields] for choice in kinds_to_choose()}
    assert {"receipt", "invoice", "table"} <= set(told)
    assert "total" in told["receipt"]


def closed(*, refunded: int = 300) -> JobView:
    values: dict[str, Any] = dict.fromkeys(
        (
            "description", "content_class", "privacy", "machine", "because", "quote_rests_on", "escrow", "token",
            "launch_transaction",
        ),
        "",
    )  # fmt: skip
    return JobView(
        **values, job_id="ab" * 16, title="<b>Receipts</b> & co \u202e 日本", requester="0xa",
        task_type="transcription", simulated=True, state="closed", approved=True, currency="MHT", exponent=6,
        pay_per_hour_minor=1, floor_per_hour_minor=1, documents=1, pages=1, workers_needed=1, quote_lines=(),
        quote_expected_minor=1, quote_total_minor=1_000, budget_minor=1, funded_minor=1_000, routing=None, judged=None,
        settled=SettledView(
            accepted=True, paid_minor=650, workers_paid=2, fees_minor=50, refunded_minor=refunded, payouts_blob="",
            transactions=(),
        ),
        created_at_ms=1_790_000_000_000, events=(),
    )  # fmt: skip


def test_a_bill_adds_up_and_is_the_same_whenever_it_is_asked_for() -> None:
    view = closed()
    assert dict(bill_lines(view))["Cost of the job"] == 700
    first = invoice_pdf(view, issuer="0x1", recipient="<script>", currency=MHT)
    assert first.startswith(b"%PDF")
    assert first == invoice_pdf(view, issuer="0x1", recipient="<script>", currency=MHT)


def test_a_bill_that_does_not_add_up_is_not_written() -> None:
    with pytest.raises(NothingBilled):
        bill_lines(closed(refunded=299))
    with pytest.raises(NothingBilled):
        bill_lines(msgspec.structs.replace(closed(), settled=None, state="open"))


def test_a_draft_begins_in_the_platforms_first_token_half_above_its_floor() -> None:
    assert first_wish("a", LaunchPolicy()) == Wish(title="a", currency="MHT", per_hour_minor=12_000_000)
    yen = LaunchPolicy(currencies={"YENT": Currency("YENT", 0, "JPY")}, fair_floor_per_hour_minor={"YENT": 1_201})
    assert first_wish("a", yen) == Wish(title="a", currency="YENT", per_hour_minor=1_802)
