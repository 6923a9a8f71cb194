"""A launch is worked out before anything is stored, and refused by name when it can't be right."""

import re
import sys
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.pricing import BudgetBelowQuote
from manyhands.protocol import canonical
from manyhands.protocol.daily_cap import cap_minor
from manyhands.protocol.errors import BadManifest
from manyhands.protocol.manifest import FeeRule, PayRule, QualityRule, Scope, UnseenAudit, Wishes
from manyhands.protocol.messages import Routing
from manyhands.protocol.money import MHT, Currency
from manyhands.protocol.parties import Directory, Party
from manyhands.task_types.asked import claim
from manyhands.task_types.verify_claim import FALSE, TRUE

from .plan import LaunchPolicy, Plan, check_budget, job_id_of, plan, request_key_of, route_problem
from .values import ImportedDocumentRef, ImportedPageRef, LaunchOptions

plan_module = sys.modules[LaunchPolicy.__module__]

PAGE = ImportedPageRef(page_no=1, blob="pages/x.png", width=600, height=900, pieces=60, pieces_max=80)
RECEIPT = ImportedDocumentRef(doc_id="r1", kind="receipt", content_hash="aa", pages=(PAGE,))
OPTIONS = LaunchOptions(
    requester="requester:one",
    title="Receipts",
    task_type="transcription",
    pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000),
)
POLICY = LaunchPolicy(task_types=("transcription",))


def planned(options: LaunchOptions = OPTIONS, documents: tuple[ImportedDocumentRef, ...] = (RECEIPT,)) -> Plan:
    return plan(documents, options, policy=POLICY, job_id="j1", now_ms=5)


def changed(**fields: object) -> LaunchOptions:
    return msgspec.structs.replace(OPTIONS, **fields)


@pytest.mark.parametrize("audit", [msgspec.UNSET, UnseenAudit(wrong_share_bp=100)])
def test_an_audit_belongs_to_the_full_text_and_is_refused_where_fields_are_chosen(audit: UnseenAudit) -> None:
    policy = LaunchPolicy(task_types=("field_choice",))
    options = changed(task_type="field_choice", audit=audit)
    if audit is msgspec.UNSET:
        assert plan((RECEIPT,), options, policy=policy, job_id="j1", now_ms=5).quote.total_minor > 0
        return
    with pytest.raises(BadManifest) as refused:
        plan((RECEIPT,), options, policy=policy, job_id="j1", now_ms=5)
    assert refused.value.field == "audit"


@pytest.mark.parametrize("over", [0, 1])
def test_as_many_pages_as_one_message_holds_are_planned_and_one_byte_more_is_refused_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, over: int
) -> None:
    room = len(canonical.encode((RECEIPT,))) + plan_module.MESSAGE_FRAME_BYTES
    monkeypatch.setattr(plan_module, "MESSAGE_BYTES_MAX", room - over)
    if not over:
        assert planned().quote.total_minor > 0
        return
    with pytest.raises(BadManifest, match="split them into several jobs") as refused:
        planned()
    assert refused.value.field == "documents"


def test_the_people_who_are_enough_are_counted_by_what_a_job_asks() -> None:
    policy = LaunchPolicy(task_types=("field_choice", "verify_claim", "transcription"))

    def needed(document: ImportedDocumentRef = RECEIPT, **fields: object) -> int:
        return plan((document,), changed(**fields), policy=policy, job_id="j1", now_ms=5).workers_needed

    asked = msgspec.structs.replace(RECEIPT, pages=(msgspec.structs.replace(PAGE, questions=(claim("So it is"),)),))
    most = QualityRule().max_answers
    assert needed(asked, task_type="verify_claim", privacy="off") == needed(privacy="off") == most
    assert needed(task_type="field_choice", privacy="off") == 7
    date_alone = Scope(fields=("date",))
    all_fields = needed(task_type="field_choice")
    assert most < needed(task_type="field_choice", scope=date_alone) < all_fields
    assert needed() < needed(audit=UnseenAudit()) < needed(audit=UnseenAudit(), privacy="strict")
    assert needed(scope=Scope(pieces_max=10), privacy="strict") < needed(privacy="strict")


def test_without_a_budget_the_quote_is_the_budget() -> None:
    result = planned()
    assert result.manifest.budget_minor == result.quote.total_minor
    check_budget(result.manifest, result.quote)


def test_a_budget_one_unit_below_the_quote_is_refused_and_one_at_the_quote_is_not() -> None:
    total = planned().quote.total_minor
    enough = planned(changed(budget_minor=total))
    check_budget(enough.manifest, enough.quote)
    too_little = planned(changed(budget_minor=total - 1))
    with pytest.raises(BudgetBelowQuote, match=r"0\.000001 USD missing"):
        check_budget(too_little.manifest, too_little.quote)


@pytest.mark.parametrize(
    ("options", "documents", "field"),
    [
        (OPTIONS, (), "page_count"),
        (OPTIONS, (msgspec.structs.replace(RECEIPT, pages=()),), "page_count"),
        (OPTIONS, (RECEIPT, RECEIPT), "documents"),
        (changed(title="  "), (RECEIPT,), "title"),
        (changed(task_type="moderation"), (RECEIPT,), "task_type"),
        (changed(privacy="none"), (RECEIPT,), "privacy"),
        (changed(budget_minor=0), (RECEIPT,), "budget_minor"),
        (changed(lease_ms=1), (RECEIPT,), "lease_ms"),
        (changed(quality=QualityRule(target_bp=10_000)), (RECEIPT,), "quality.target_bp"),
        (changed(fees=FeeRule(exchange_bp=2_500)), (RECEIPT,), "fees"),
        (changed(pay=PayRule(per_hour_minor=7, floor_per_hour_minor=8)), (RECEIPT,), "pay.per_hour_minor"),
        (
            changed(pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=7_999_999)),
            (RECEIPT,),
            "pay.floor_per_hour_minor",
        ),
        (
            changed(pay=PayRule(currency="XYZ", per_hour_minor=8_000_000, floor_per_hour_minor=8_000_000)),
            (RECEIPT,),
            "pay.currency",
        ),
    ],
)
def test_a_wrong_field_is_named(options: LaunchOptions, documents: tuple[ImportedDocumentRef, ...], field: str) -> None:
    with pytest.raises(BadManifest) as refused:
        planned(options, documents)
    assert refused.value.field == field
    assert "nothing was charged" in refused.value.cure


def test_the_fair_floor_itself_is_enough() -> None:
    at_floor = changed(pay=PayRule(per_hour_minor=8_000_000, floor_per_hour_minor=8_000_000))
    assert planned(at_floor).manifest.pay.per_hour_minor == 8_000_000


def test_a_job_of_too_many_pages_is_refused() -> None:
    with pytest.raises(BadManifest, match="1 at most"):
        plan(
            (RECEIPT, msgspec.structs.replace(RECEIPT, doc_id="r2")),
            OPTIONS,
            policy=replace(POLICY, pages_max=1),
            job_id="j1",
            now_ms=5,
        )


@given(st.permutations(["a", "b", "c"]), st.integers(0, 86_399_999))
def test_the_same_folder_is_the_same_request_all_day_in_any_order(order: list[str], moment_ms: int) -> None:
    def key(names: list[str], now_ms: int) -> str:
        documents = [msgspec.structs.replace(RECEIPT, doc_id=name, content_hash=name * 2) for name in names]
        return request_key_of(documents, OPTIONS, now_ms=now_ms)

    assert key(order, moment_ms) == key(["a", "b", "c"], 0)
    assert key(order, moment_ms + 86_400_000) != key(["a", "b", "c"], 0)


def test_another_option_is_another_request() -> None:
    assert request_key_of([RECEIPT], OPTIONS, now_ms=0) != request_key_of([RECEIPT], changed(title="Bills"), now_ms=0)


def test_an_id_follows_from_launcher_requester_key_and_attempt() -> None:
    ids = {
        job_id_of(launcher=launcher, requester=requester, request_key=key, attempt=attempt)
        for launcher in "ab"
        for requester in "cd"
        for key in "ef"
        for attempt in (1, 2)
    }
    assert len(ids) == 16


DIRECTORY = Directory(
    Party(role=role, address=address)  # type: ignore[arg-type]
    for role, address in [
        ("exchange", "0xe"),
        ("recording", "0xc"),
        ("recording", "0xf"),
        ("reputation", "0xf"),
        ("jury", "0xa"),
    ]
)
ROUTE = Routing(
    chain_id=7, exchange="0xe", recording="0xc", reputation="0xf", jury="0xa", reason="", considered=(), decided_at_ms=0
)


def problem(route: Routing = ROUTE, avoid: tuple[int, ...] = (), wishes: Wishes | None = None) -> str:
    manifest = planned(changed(wishes=wishes or Wishes())).manifest
    return route_problem(manifest, route, DIRECTORY, avoid=avoid)


def test_a_route_to_known_parties_is_taken() -> None:
    assert problem() == ""


@pytest.mark.parametrize("role", ["exchange", "recording", "reputation", "jury"])
def test_a_route_to_a_stranger_is_not(role: str) -> None:
    assert "0xstranger" in problem(msgspec.structs.replace(ROUTE, **{role: "0xstranger"}))


def test_a_route_where_one_key_reserves_and_pays_is_not() -> None:
    assert "one key" in problem(msgspec.structs.replace(ROUTE, recording="0xf"))


def test_a_route_against_the_wishes_is_not() -> None:
    assert problem(wishes=Wishes(chain_ids=(7,), exchanges=("0xe",))) == ""
    assert "not among" in problem(wishes=Wishes(chain_ids=(8,)))
    assert "not among" in problem(wishes=Wishes(exchanges=("0xother",)))
    assert "avoided" in problem(avoid=(7,))


def claims(count: int, known: tuple[str, ...] = (), *, share_bp: int = 500, privacy: str = "off") -> Plan:
    page = msgspec.structs.replace(PAGE, questions=tuple(claim(f"It is {n} t") for n in range(count)), known=known)
    document = msgspec.structs.replace(RECEIPT, pages=(page,))
    options = changed(task_type="verify_claim", privacy=privacy, quality=QualityRule(gold_share_bp=share_bp))
    return plan((document,), options, policy=LaunchPolicy(), job_id="j1", now_ms=5)


def known_line(made: Plan) -> tuple[int, int]:
    """(answers to known questions at most, what is expected of them in minor units)"""
    line = next(one for one in made.quote.lines if one.label == "known answers mixed in")
    return line.count, line.expected_minor // made.quote.reward_minor_per_answer


def test_a_job_of_claims_pays_for_known_ones_enough_to_measure_somebody_and_half_is_expected() -> None:
    assert known_line(claims(40)) == (20, 10)
    assert known_line(claims(3)) == (3, 1)
    assert known_line(claims(1_000)) == (50, 50)
    assert known_line(claims(40, share_bp=0)) == (0, 0)


def test_a_claim_that_is_known_is_no_work_and_is_paid_once_to_measure() -> None:
    assert claims(12, (TRUE, "", FALSE)).workload.pieces == 10
    assert known_line(claims(12, (TRUE, "", FALSE)))[0] == 12


@pytest.mark.parametrize(
    ("count", "known", "field"),
    [
        (2, (TRUE, FALSE), "questions"),  # nothing is left to ask
        (1, (TRUE, ""), "questions"),  # more answers than questions
        (2, ("perhaps",), "questions"),
    ],
)
def test_known_answers_that_fit_no_question_are_refused(count: int, known: tuple[str, ...], field: str) -> None:
    with pytest.raises(BadManifest) as refused:
        claims(count, known)
    assert refused.value.field == field


def test_whole_pages_are_shown_only_where_that_was_said() -> None:
    with pytest.raises(BadManifest) as refused:
        claims(2, privacy="standard")
    assert refused.value.field == "privacy"


def test_pages_that_no_message_holds_are_refused_before_a_quote_and_fewer_are_not() -> None:
    policy = LaunchPolicy(task_types=("verify_claim",))
    options = changed(task_type="verify_claim", privacy="off")

    def asked(pages: int) -> ImportedDocumentRef:
        questions = tuple(claim(f"{n} {'word ' * 118}") for n in range(25))
        page = msgspec.structs.replace(PAGE, questions=questions)
        numbered = tuple(msgspec.structs.replace(page, page_no=n) for n in range(1, pages + 1))
        return msgspec.structs.replace(RECEIPT, pages=numbered)

    assert plan((asked(900),), options, policy=policy, job_id="j1", now_ms=5).quote.total_minor > 0
    with pytest.raises(BadManifest, match="split them into several jobs") as refused:
        plan((asked(1_200),), options, policy=policy, job_id="j1", now_ms=5)
    assert refused.value.field == "documents"


def test_a_field_that_no_kind_of_the_documents_names_is_refused_with_those_that_are() -> None:
    policy = LaunchPolicy(task_types=("field_choice",))
    options = changed(task_type="field_choice", scope=Scope(fields=("total", "colour")))
    with pytest.raises(BadManifest, match="no document here has a field 'colour': address, company, date, total"):
        plan((RECEIPT,), options, policy=policy, job_id="j1", now_ms=5)
    mixed = (RECEIPT, msgspec.structs.replace(RECEIPT, doc_id="i1", kind="invoice"))
    named = changed(task_type="field_choice", scope=Scope(fields=("total", "invoice_number")))
    one = plan(mixed, named, policy=policy, job_id="j1", now_ms=5).workload.pieces
    assert one == 2 * 3, "the receipt has no number"


def big(parts: int | msgspec.UnsetType) -> Plan:
    pages = tuple(msgspec.structs.replace(RECEIPT, doc_id=f"r{number}") for number in range(40))
    return planned(changed(daily_cap_parts=parts), pages)


@pytest.mark.parametrize("parts", [2, 30])
def test_a_daily_cap_is_agreed_on_in_the_manifest_and_told_in_days(parts: int) -> None:
    result = big(parts)
    assert result.manifest.daily_cap_parts == parts
    cap = result.daily_cap
    assert cap is not None and cap.per_day_minor == result.quote.total_minor // parts + 1
    assert 1 <= cap.days_expected <= cap.days_most <= parts
    assert f"1/{parts} of the funds" in cap.told and f"at least {cap.days_expected} day" in cap.told


@pytest.mark.parametrize("parts", [0, 1, 31, -3])
def test_a_daily_cap_that_no_escrow_takes_is_refused(parts: int) -> None:
    with pytest.raises(BadManifest) as refused:
        big(parts)
    assert refused.value.field == "daily_cap_parts"


def test_without_a_daily_cap_the_manifest_has_no_word_of_it() -> None:
    result = big(msgspec.UNSET)
    assert result.daily_cap is None and b"daily_cap" not in canonical.encode(result.manifest)


def test_a_share_that_cannot_hold_the_longest_answer_is_refused_with_the_parts_that_would_do() -> None:
    with pytest.raises(BadManifest, match=r"less than the longest single answer can earn") as refused:
        planned(changed(daily_cap_parts=30))
    most = re.search(r"choose (\d+) parts at most", str(refused.value))
    if most is None:  # even two parts are too many for so little
        assert "without a daily cap" in str(refused.value)
        with pytest.raises(BadManifest):
            planned(changed(daily_cap_parts=2))
        return
    assert planned(changed(daily_cap_parts=int(most[1]))).daily_cap is not None
    with pytest.raises(BadManifest):
        planned(changed(daily_cap_parts=int(most[1]) + 1))


@pytest.mark.parametrize("pages", range(1, 12))
def test_the_parts_that_are_advised_are_the_most_that_do(pages: int) -> None:
    documents = tuple(msgspec.structs.replace(RECEIPT, doc_id=f"r{number}") for number in range(pages))

    def does(parts: int) -> bool:
        try:
            return planned(changed(daily_cap_parts=parts), documents).daily_cap is not None
        except BadManifest as refusal:
            advised.append(str(refusal))
            return False

    advised: list[str] = []
    most = max((parts for parts in range(2, 31) if does(parts)), default=1)
    told = f"choose {most} parts at most" if most > 1 else "without a daily cap"
    assert all(told in one for one in advised)


YENT = Currency("YENT", 0, "JPY")
IN_YEN = LaunchPolicy(
    task_types=("transcription",), currencies={"MHT": MHT, "YENT": YENT}, fair_floor_per_hour_minor={"YENT": 1_200}
)


def in_yen(per_hour: int, *, told: int | msgspec.UnsetType = msgspec.UNSET) -> LaunchOptions:
    pay = PayRule(currency="YENT", per_hour_minor=per_hour, floor_per_hour_minor=per_hour, exponent=told)
    return changed(pay=pay)


def test_a_quote_in_a_currency_without_decimals_reaches_its_floor_and_says_what_rounding_adds() -> None:
    made = plan((RECEIPT,), in_yen(1_300), policy=IN_YEN, job_id="j", now_ms=0)
    quote, pay = made.quote, made.manifest.pay
    assert (pay.exponent, pay.money.exponent) == (0, 0)  # the manifest tells it to whoever has no list of currencies
    assert quote.money == YENT and str(quote.total) == f"{quote.total_minor} YENT"
    hour = quote.reward_minor_per_answer * 3_600_000 // quote.effort_ms_per_answer
    assert hour >= 1_300
    added = re.search(r"each is rounded up to whole 1 JPY, which adds ([\d.]+) %", quote.lines[0].because)
    assert added and float(added[1]) == pytest.approx(hour * 100 / 1_300 - 100, abs=0.6)
    assert "rounded" not in plan((RECEIPT,), OPTIONS, policy=POLICY, job_id="j", now_ms=0).quote.lines[0].because


@pytest.mark.parametrize(
    ("options", "field", "said"),
    [
        (in_yen(1_199), "pay.floor_per_hour_minor", "1199 YENT an hour is below"),
        (in_yen(1_200, told=2), "pay.exponent", "YENT has 0 decimals here"),
        (OPTIONS, "pay.currency", "at least in MHT"),
    ],
)
def test_a_currency_below_its_floor_counted_otherwise_or_without_a_floor_is_refused(
    options: LaunchOptions, field: str, said: str
) -> None:
    with pytest.raises(BadManifest, match=said) as caught:
        plan((RECEIPT,), options, policy=IN_YEN, job_id="j", now_ms=0)
    assert caught.value.field == field


def test_a_manifest_in_the_test_token_is_byte_for_byte_what_it_was() -> None:
    made = plan((RECEIPT,), OPTIONS, policy=POLICY, job_id="j", now_ms=0)
    assert b"exponent" not in canonical.encode(made.manifest) and b"told" not in canonical.encode(made.quote)


@pytest.mark.parametrize("pages", range(1, 12))
def test_a_share_of_a_token_that_is_divided_further_holds_whole_units_of_what_the_escrow_allows(pages: int) -> None:
    documents = tuple(msgspec.structs.replace(RECEIPT, doc_id=f"r{number}") for number in range(pages))
    divided = replace(POLICY, divided=frozenset({"MHT"}))
    for parts in range(2, 31):
        try:
            quote = plan(documents, changed(daily_cap_parts=parts), policy=divided, job_id="j", now_ms=5).quote
        except BadManifest as refusal:
            most = re.search(r"choose (\d+) parts at most", str(refusal))
            assert parts > (int(most[1]) if most else 1)
            continue
        # what the recording oracle counts with, for whatever a minor unit is of the token
        assert cap_minor(quote.total_minor, parts, unit=10**12) == quote.total_minor // parts
