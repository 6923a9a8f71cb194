"""What the exchange decides, as pure functions."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.documents.acceptance import AcceptUnseen, Ask
from manyhands.documents.model import Box, Piece, Reading, Straight
from manyhands.protocol.errors import IllegalMove
from manyhands.protocol.evidence import PayoutsFile, WorkerPay
from manyhands.protocol.lifecycles import move, states
from manyhands.protocol.manifest import Region, Scope
from manyhands.protocol.messages import TaskFacts
from manyhands.quality.gold import known_of_page_most
from manyhands.roles.exchange.decisions import (
    EXCHANGE_JOB_MOVES,
    GOLD_VIEWS_MOST,
    SAMPLE_MAX,
    PiecePlan,
    assignment_id,
    batches_of,
    choose_gold,
    expected_chars,
    gold_answers_most,
    grown_sample,
    job_salt,
    keep_scope,
    median_of,
    pay_lines,
    plan_pieces,
    plan_tasks,
    start_bp,
    task_of,
)
from manyhands.roles.exchange.results import DecidedTask, decision_of, file_name, with_confidences, zip_package
from manyhands.roles.exchange.testing import OpenJob, manifest_of
from manyhands.task_types.judging import known_value
from manyhands.task_types.measured import Measured

BOX = Box(0, 0, 100, 20)


def piece(number: int, *texts: str) -> Piece:
    readings = tuple(Reading(f"reader {n}", text, 9_900, BOX) for n, text in enumerate(texts))
    return Piece(f"piece-{number}", 1, BOX, number, readings=readings)


def test_every_move_of_a_job_that_is_not_in_the_table_is_refused() -> None:
    verbs = {verb for _, verb in EXCHANGE_JOB_MOVES}
    for state in states(EXCHANGE_JOB_MOVES):
        for verb in verbs:
            if (state, verb) not in EXCHANGE_JOB_MOVES:
                with pytest.raises(IllegalMove):
                    move(EXCHANGE_JOB_MOVES, "job", state, verb)


ids = st.text("abcdef0123456789.-", min_size=1, max_size=20)


@given(job=ids, task=ids, worker=ids, other=ids)
def test_an_assignment_id_is_read_back_by_its_worker_alone(job: str, task: str, worker: str, other: str) -> None:
    one = assignment_id(job, task, worker)
    assert task_of(one, job_id=job, worker=worker) == task
    if other != worker:
        assert task_of(one, job_id=job, worker=other) is None
    if other != job:
        assert task_of(one, job_id=other, worker=worker) is None


@given(held=st.integers(0, 300), count=st.integers(0, 300))
def test_gold_is_so_many_of_the_pieces_or_all(held: int, count: int) -> None:
    pieces = [f"p{n}" for n in range(held)]
    gold = choose_gold(pieces, count=count, job_id="j")
    assert len(gold) == min(held, count) and gold <= set(pieces)


@given(pieces=st.integers(1, 500), share_bp=st.integers(0, 3_000))
def test_gold_in_reserve_never_buys_more_answers_than_a_bundle_beyond_the_quotes_line(
    pieces: int, share_bp: int
) -> None:
    made = [piece(n, "12.50", "12.50") for n in range(pieces)]
    decisions: dict[str, AcceptUnseen | Ask] = {one.piece_id: AcceptUnseen("12.50", "agreed") for one in made}
    plans = plan_pieces(made, decisions, gold_share_bp=share_bp, job_id="j")
    views = GOLD_VIEWS_MOST * sum(plan.reserve for plan in plans)
    assert views - gold_answers_most(pieces, share_bp) < GOLD_VIEWS_MOST
    assert (views > 0) == (share_bp > 0)


@given(
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=8),
    share_bp=st.integers(0, 3_000),
    job=st.sampled_from("abc"),
)
def test_where_privacy_is_kept_no_page_holds_more_known_pieces_than_its_part(
    sizes: list[int], share_bp: int, job: str
) -> None:
    page_of = {f"piece-{page}-{n}": page for page, size in enumerate(sizes) for n in range(size)}
    made = [msgspec.structs.replace(piece(n, "12.50", "12.50"), piece_id=one) for n, one in enumerate(page_of)]
    decisions: dict[str, AcceptUnseen | Ask] = {one.piece_id: AcceptUnseen("12.50", "agreed") for one in made}
    plans = plan_pieces(made, decisions, gold_share_bp=share_bp, job_id=job, page_of=page_of)
    known = Counter(page_of[plan.piece.piece_id] for plan in plans if plan.reserve)
    assert all(known[page] <= known_of_page_most(size, share_bp) for page, size in enumerate(sizes))
    anywhere = plan_pieces(made, decisions, gold_share_bp=share_bp, job_id=job)
    assert known.total() == sum(plan.reserve for plan in anywhere), "as many people are measured"


def forty(*, asked_from: int = 30) -> tuple[list[Piece], dict[str, AcceptUnseen | Ask]]:
    pieces = [piece(n, "12.50", "12.50") for n in range(40)]
    return pieces, {
        one.piece_id: AcceptUnseen("12.50", "agreed") if one.order < asked_from else Ask("unsure") for one in pieces
    }


def test_people_see_what_is_not_believed_and_the_gold_and_nothing_else() -> None:
    pieces, decisions = forty()
    plans = plan_pieces(pieces, decisions, gold_share_bp=1_000, job_id="j")
    assert sum(plan.gold for plan in plans) == 1 == sum(plan.reserve for plan in plans)
    tasks = plan_tasks(plans, manifest_of(OpenJob(privacy="standard")))
    assert len(tasks) == 11 and {task.page_share for task in tasks} == {4}
    assert [task.facts.gold for task in tasks] == [task.reserve for task in tasks]
    assert all(task.facts.reward_minor > 0 and task.facts.effort_ms > 2_000 for task in tasks)


def test_what_the_requester_knows_of_pieces_that_people_are_asked_makes_them_gold_that_is_work() -> None:
    pieces, decisions = forty()
    knows = {"piece-3": "12.50", "piece-33": "12.58", "piece-34": " "}
    plans = plan_pieces(pieces, decisions, gold_share_bp=500, job_id="j", requester_knows=knows)
    (known,) = [plan for plan in plans if plan.by_requester]
    assert (known.piece.piece_id, known.known, known.gold, known.reserve) == ("piece-33", "12.58", True, False)
    (task,) = [task for task in plan_tasks(plans, manifest_of(OpenJob())) if task.piece_id == "piece-33"]
    assert task.facts.gold and not task.reserve
    assert known_value(task.facts) == "12.58", "the requester's word counts before the readers'"
    assert {reading.reader for reading in task.facts.readings} == {"reader 0", "reader 1", "requester"}


def test_a_requester_who_wants_no_gold_has_none_of_what_is_known_made_gold() -> None:
    pieces, decisions = forty()
    plans = plan_pieces(pieces, decisions, gold_share_bp=0, job_id="j", requester_knows={"piece-33": "12.58"})
    assert not any(plan.gold for plan in plans)


def last_word(state: str) -> DecidedTask:
    value = "12.58" if state == "accepted" else None
    return DecidedTask("piece-1", "t", state, value, 9_990, 2, "2 persons agree", 1, True)


@pytest.mark.parametrize("state", ["withdrawn", "open", "frozen"])
def test_known_pieces_by_which_nobody_was_measured_are_delivered_as_believed(state: str) -> None:
    plan = PiecePlan(piece(1, "12.50"), None, "two readers agree", gold=True, known="12.50")
    decision = decision_of(plan, last_word(state), {})
    assert (decision.how, decision.text, decision.because) == ("machine", "12.50", "two readers agree")


def test_known_pieces_that_people_settled_are_delivered_as_people_said() -> None:
    plan = PiecePlan(piece(1, "12.50"), None, "two readers agree", gold=True, known="12.50")
    decision = decision_of(plan, last_word("accepted"), {})
    assert (decision.how, decision.text) == ("people", "12.58")


def test_an_empty_cell_is_no_gold() -> None:
    pieces = [piece(n) for n in range(20)]
    decisions: dict[str, AcceptUnseen | Ask] = {one.piece_id: AcceptUnseen("", "no ink") for one in pieces}
    assert not any(plan.gold for plan in plan_pieces(pieces, decisions, gold_share_bp=3_000, job_id="j"))


def test_without_machine_readings_more_people_are_asked_at_first() -> None:
    alone, read = (
        plan_tasks(plan_pieces([one], {one.piece_id: Ask("")}, gold_share_bp=0, job_id="j"), manifest_of(OpenJob()))[0]
        for one in (piece(1), piece(2, "12.50", "12.50"))
    )
    assert alone.wanted == 2 and read.wanted == 1


def test_who_trusts_no_machine_gets_no_machine_s_vote() -> None:
    one = piece(2, "12.50", "12.50")
    manifest = msgspec.structs.replace(manifest_of(OpenJob()), machine="none")
    (task,) = plan_tasks(plan_pieces([one], {one.piece_id: Ask("")}, gold_share_bp=0, job_id="j"), manifest)
    assert task.facts.readings == () and task.wanted == 2


def test_an_unknown_field_type_is_asked_as_text() -> None:
    cell = Piece("p", 1, BOX, 0, field_type="cell")
    (task,) = plan_tasks(plan_pieces([cell], {"p": Ask("")}, gold_share_bp=0, job_id="j"), manifest_of(OpenJob()))
    assert task.facts.question == "text"


def test_expected_length_comes_from_the_reading_or_from_the_box() -> None:
    assert expected_chars(piece(1, "12.50", "12.5")) == 5
    assert expected_chars(piece(1)) == 10
    assert expected_chars(Piece("p", 1, Box(0, 0, 3, 20), 0)) == 4


def test_a_start_and_a_salt_differ_between_jobs() -> None:
    assert 0 <= start_bp("j", "0xa") < 10_000
    assert len({start_bp("j", f"0x{n}") for n in range(50)}) > 40
    assert job_salt(b"s", "j") != job_salt(b"s", "k") != job_salt(b"t", "k")


def test_a_sample_keeps_the_last_times() -> None:
    assert grown_sample(list(range(SAMPLE_MAX)), [7]) == [*range(1, SAMPLE_MAX), 7]
    assert median_of(list(range(100)), percent=90) == 90


def test_batches_hold_everything_in_order() -> None:
    facts = [
        TaskFacts(task_id=str(n), question="text", readings=(), gold=False, effort_ms=1, reward_minor=1)
        for n in range(2_001)
    ]
    batches = batches_of(facts, 1_000)
    assert [len(batch) for batch in batches] == [1_000, 1_000, 1]
    assert [one for batch in batches for one in batch] == facts
    assert batches_of([], 1_000) == []


def test_pay_is_told_with_its_parts_where_they_are_known() -> None:
    pay = WorkerPay(worker="0xa", answers=1, credited_ms=1, base_minor=5, bonus_minor=2, top_up_minor=1, standing_bp=1)
    file = PayoutsFile(job_id="j", package_hash="", measured_bp=1, lower_bp=1, accepted=True, rests_on="", pay=(pay,))
    lines = pay_lines({"0xb": 4, "0xa": 8}, file)
    told = [(one.worker, one.paid_minor, one.bonus_minor, one.top_up_minor) for one in lines]
    assert told == [("0xa", 8, 2, 1)], "0xb is no worker of the job: a thief paid him"
    assert [(one.worker, one.paid_minor) for one in pay_lines({"0xb": 4}, None)] == [("0xb", 4)]


def test_a_piece_that_nobody_decided_is_delivered_as_open() -> None:
    (plan,) = plan_pieces([piece(1, "x")], {"piece-1": Ask("unsure")}, gold_share_bp=0, job_id="j")
    decision = decision_of(plan, None, {"piece-1": ["x"]})
    assert (decision.how, decision.text, decision.people_asked) == ("open", "", 1)
    assert decision.confidence_bp is None, "a raw posterior is never called a confidence"


def test_a_models_posterior_is_never_delivered_as_a_confidence() -> None:
    assert [one.confidence_bp for one in with_confidences([last_word("accepted")], "nothing was measured")] == [None]


def test_a_confidence_is_the_calibrated_one() -> None:
    measured = Measured("", True, 20, (), None, (), confidences_bp={"t": 9_412})
    (task,) = with_confidences([last_word("accepted")], measured)
    plan = PiecePlan(piece(1, "12.50"), None, "", gold=False)
    assert decision_of(plan, task, {}).confidence_bp == 9_412


def test_a_package_has_the_same_bytes_for_the_same_files() -> None:
    files = {"b.json": b"2", "a.json": b"1"}
    assert zip_package(files) == zip_package(dict(reversed(files.items())))


@given(st.text(min_size=1, max_size=40))
def test_a_documents_name_never_leaves_its_folder(name: str) -> None:
    safe = file_name(name)
    assert safe and not set(safe) & set('/\\:*?"<>|') and "\x00" not in safe


def test_a_box_is_drawn_on_the_page_as_it_was_handed_in_however_it_was_laid_to_be_read() -> None:
    lower = Region(name="total", x0_permille=0, y0_permille=500, x1_permille=1_000, y1_permille=1_000)
    read_at_the_top = PiecePlan(Piece("t", 1, Box(100, 100, 400, 130), 0), None, "nobody is sure", gold=False)
    scope, sizes_px = Scope(regions=(lower,)), {1: (900, 1_200)}
    upside_down = {1: Straight(900, 1_200, ((900, 1_200), (0, 1_200), (0, 0), (900, 0)), 1)}

    def left_out(straight: dict[int, Straight]) -> bool:
        (plan,) = keep_scope({1: [read_at_the_top]}, sizes_px, scope, job_id="j", straight=straight)[1]
        return plan.left_out

    assert left_out({}) and not left_out(upside_down)
