"""Judging a batch: paid when honest, settled when agreed, the same again for whoever replays it."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.protocol import canonical, merkle
from manyhands.protocol.evidence import BatchEvidence, EvidenceMismatch, JudgingTerms
from manyhands.protocol.manifest import QualityRule
from manyhands.protocol.messages import AnswerFact, ReadingFact, TaskFacts
from manyhands.quality.reputation import Outcome
from manyhands.task_types.asked import claim
from manyhands.task_types.judging import (
    DeliveredSet,
    JobBook,
    Judged,
    TaskBook,
    WorkerBook,
    brought_in,
    decide,
    gold_need_bp,
    is_finished,
    judge_batch,
    records,
    standing_from,
    transcription_rule,
)

RULE = QualityRule()
SKILL = "transcription"


def facts(task_id: str, *readings: str, gold: bool = False) -> TaskFacts:
    return TaskFacts(
        task_id=task_id, question="amount", gold=gold, effort_ms=5_000, reward_minor=100,
        readings=tuple(ReadingFact(reader=f"r{i}", text=text, confidence_bp=9_000) for i, text in enumerate(readings)),
    )  # fmt: skip


def answer(task_id: str, worker: str, text: str | None, at_ms: int = 1) -> AnswerFact:
    return AnswerFact(task_id=task_id, worker=worker, text=text, active_ms=4_000, received_at_ms=at_ms)


def newcomers(*workers: str) -> dict[str, WorkerBook]:
    return {worker: WorkerBook(standing_from(0, 0, 0)) for worker in workers}


def test_one_person_who_keys_what_a_reader_read_settles_a_task() -> None:
    judged = judge_batch(
        [answer("t1", "0xa", "12.50")], tasks={"t1": TaskBook(facts("t1", "12.50"))}, workers=newcomers("0xa"),
        rule=RULE, skill=SKILL,
    )  # fmt: skip
    assert [(d.outcome, d.value) for d in judged.decisions] == [("accept", "12.50")]
    assert judged.rewards_minor == (100,)
    assert [o.right for o in judged.outcomes] == [True]


def test_a_discrepancy_asks_for_one_more_and_pays_the_first_all_the_same() -> None:
    judged = judge_batch(
        [answer("t1", "0xa", "12.60")], tasks={"t1": TaskBook(facts("t1", "12.50"))}, workers=newcomers("0xa"),
        rule=RULE, skill=SKILL,
    )  # fmt: skip
    assert [(d.outcome, d.wanted) for d in judged.decisions] == [("ask_more", 2)]
    assert judged.rewards_minor == (100,)
    assert judged.outcomes == ()


def test_two_people_overrule_gold_that_is_wrong() -> None:
    judged = judge_batch(
        [answer("t1", "0xa", "12.60"), answer("t1", "0xb", "12.60")],
        tasks={"t1": TaskBook(facts("t1", "12.50", gold=True))}, workers=newcomers("0xa", "0xb"),
        rule=RULE, skill=SKILL,
    )  # fmt: skip
    assert judged.decisions[0].value == "12.60"
    assert {book.gold_right for book in judged.workers.values()} == {1}


def spammer_history(wrong: int) -> WorkerBook:
    return WorkerBook(standing_from(0, 0, 0), gold_right=0, gold_seen=wrong)


def test_an_answer_after_five_wrong_known_answers_is_refused_with_its_evidence() -> None:
    judged = judge_batch(
        [answer("t1", "0xa", "1")], tasks={"t1": TaskBook(facts("t1", "12.50"))}, workers={"0xa": spammer_history(5)},
        rule=RULE, skill=SKILL,
    )  # fmt: skip
    assert judged.rewards_minor == (0,)
    assert "0 of 5" in judged.refused[0].because
    assert judged.decisions[0].wanted > 1  # a refused answer leaves the task as open as before


def test_an_answer_after_four_wrong_known_answers_is_paid() -> None:
    judged = judge_batch(
        [answer("t1", "0xa", "1")], tasks={"t1": TaskBook(facts("t1", "12.50"))}, workers={"0xa": spammer_history(4)},
        rule=RULE, skill=SKILL,
    )  # fmt: skip
    assert judged.rewards_minor == (100,)
    assert judged.refused == ()


def test_an_answer_that_comes_after_the_verdict_is_paid_and_shows_skill() -> None:
    tasks = {"t1": TaskBook(facts("t1", "12.50"))}
    first = judge_batch([answer("t1", "0xa", "12.50")], tasks=tasks, workers=newcomers("0xa"), rule=RULE, skill=SKILL)
    late = judge_batch(
        [answer("t1", "0xb", "99.99", 2)], tasks=first.tasks, workers={**first.workers, **newcomers("0xb")},
        rule=RULE, skill=SKILL,
    )  # fmt: skip
    assert late.decisions == ()
    assert late.rewards_minor == (100,)
    assert [(o.worker, o.right) for o in late.outcomes] == [("0xb", False)]


TEXTS = st.sampled_from(["12.50", "12.60", "7.00", None])


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[str, TaskFacts], list[list[AnswerFact]]]:
    """Tasks and batches of answers, one answer per worker and task."""
    tasks = {
        f"t{i}": facts(f"t{i}", draw(st.sampled_from(["12.50", "7.00"])), gold=draw(st.booleans())) for i in range(4)
    }
    pairs = draw(st.permutations([(task_id, f"0x{w}") for task_id in tasks for w in "abcde"]))
    answers = [answer(t, w, draw(TEXTS), at_ms) for at_ms, (t, w) in enumerate(pairs[: draw(st.integers(1, 20))])]
    size = draw(st.integers(1, 6))
    return tasks, [answers[i : i + size] for i in range(0, len(answers), size)]


@settings(max_examples=60, deadline=None)
@given(histories())
def test_judging_as_answers_come_and_judging_again_from_evidence_agree(
    history: tuple[dict[str, TaskFacts], list[list[AnswerFact]]],
) -> None:
    tasks, batches = history
    live = JobBook(RULE, SKILL, tasks={task_id: TaskBook(fact) for task_id, fact in tasks.items()})
    again = JobBook(RULE, SKILL)
    told: set[str] = set()
    for number, batch in enumerate(batches, start=1):
        new = {one.worker for one in batch} - set(live.workers)
        live.workers.update(newcomers(*new))
        judged = judge_batch(batch, tasks=live.tasks, workers=live.workers, rule=RULE, skill=SKILL)
        live.tasks.update(judged.tasks)
        live.workers.update(judged.workers)
        touched = {one.task_id for one in batch}
        evidence = BatchEvidence(
            job_id="j", batch_no=number, tasks=tuple(tasks[t] for t in sorted(touched - told)), withdrawn=(),
            standings=dict.fromkeys(sorted(new), (0, 0, 0)),
            answers=records(batch, judged.rewards_minor, ["00" * 32] * len(batch)),
            decisions=judged.decisions, refused=judged.refused, decisions_salt="00" * 32,
        )  # fmt: skip
        told |= touched
        replayed = again.replay(evidence)
        assert replayed.decisions == judged.decisions
        assert replayed.rewards_minor == judged.rewards_minor
    assert {t: b for t, b in live.tasks.items() if t in told} == again.tasks
    assert live.workers == again.workers


@settings(max_examples=60, deadline=None)
@given(histories())
def test_a_settled_task_is_never_decided_again(history: tuple[dict[str, TaskFacts], list[list[AnswerFact]]]) -> None:
    tasks, batches = history
    book = JobBook(RULE, SKILL, tasks={task_id: TaskBook(fact) for task_id, fact in tasks.items()})
    settled: set[str] = set()
    for batch in batches:
        for one in batch:
            book.workers.setdefault(one.worker, WorkerBook(standing_from(0, 0, 0)))
        judged = judge_batch(batch, tasks=book.tasks, workers=book.workers, rule=RULE, skill=SKILL)
        assert not settled & {decision.task_id for decision in judged.decisions}
        settled |= {decision.task_id for decision in judged.decisions if decision.outcome != "ask_more"}
        book.tasks.update(judged.tasks)
        book.workers.update(judged.workers)
    assert is_finished(book.tasks.values()) == (settled == set(book.tasks))


def test_a_set_at_its_target_lets_one_item_be_doubtful_and_a_set_behind_it_does_not() -> None:
    at_target, behind = DeliveredSet(1_000, 1_000 * 50), DeliveredSet(1_000, 1_000 * 60)
    assert transcription_rule(RULE, DeliveredSet()).target_bp == transcription_rule(RULE, at_target).target_bp == 9_800
    assert transcription_rule(RULE, behind).target_bp == 9_988


def one_person_and_a_reader(delivered: DeliveredSet) -> str:
    judged = judge_batch(
        [answer("t1", "0xa", "12.50")], tasks={"t1": TaskBook(facts("t1", "12.50"))}, workers=newcomers("0xa"),
        rule=RULE, skill=SKILL, delivered=delivered,
    )  # fmt: skip
    return judged.decisions[0].outcome


def test_a_set_behind_its_target_asks_a_second_person_where_a_set_ahead_does_not() -> None:
    assert one_person_and_a_reader(DeliveredSet(1_000, 1_000 * 10)) == "accept"
    assert one_person_and_a_reader(DeliveredSet(1_000, 1_000 * 80)) == "ask_more"


def test_what_a_batch_delivers_is_counted_with_its_doubt_and_replayed_alike() -> None:
    tasks = {"t1": TaskBook(facts("t1", "12.50")), "t2": TaskBook(facts("t2", "1.00"))}
    judged = judge_batch(
        [answer("t1", "0xa", "12.50"), answer("t2", "0xa", "2.00")], tasks=tasks, workers=newcomers("0xa"),
        rule=RULE, skill=SKILL, delivered=DeliveredSet(3, 70),
    )  # fmt: skip
    accepted = [one for one in judged.decisions if one.outcome == "accept"]
    assert judged.delivered == DeliveredSet(4, 70 + 10_000 - accepted[0].confidence_bp)


def two_who_differ(error_cost_minor: int) -> tuple[str, str]:
    judged = judge_batch(
        [answer("t1", "0xa", "12.50"), answer("t1", "0xb", "12.60")], tasks={"t1": TaskBook(facts("t1"))},
        workers=newcomers("0xa", "0xb"), rule=QualityRule(error_cost_minor=error_cost_minor), skill=SKILL,
    )  # fmt: skip
    return judged.decisions[0].outcome, judged.decisions[0].because


def test_one_more_is_asked_while_it_is_worth_its_price() -> None:
    assert two_who_differ(0)[0] == "ask_more"
    assert two_who_differ(10_000)[0] == "ask_more"


def test_one_more_is_not_asked_when_an_error_costs_less_than_the_answer() -> None:
    outcome, because = two_who_differ(120)
    assert outcome in ("accept", "unreadable")
    assert "costs 100" in because


# --- linked workers, doubted gold, what a standing weighs -----------------------------------------------------------

TERMS = JudgingTerms(brought_most=20, settled_weight_bp=5_000, suspends_gold=True)


def in_one_group(*workers: str) -> dict[str, WorkerBook]:
    return {worker: replace(book, group="g") for worker, book in newcomers(*workers).items()}


def three_equal_answers(people: dict[str, WorkerBook]) -> Judged:
    given = [answer("t1", worker, "99", at_ms) for at_ms, worker in enumerate(people)]
    return judge_batch(given, tasks={"t1": TaskBook(facts("t1"))}, workers=people, rule=RULE, skill=SKILL)


def test_three_equal_answers_of_linked_workers_count_once_and_are_paid_thrice() -> None:
    judged = three_equal_answers(in_one_group("0xa", "0xb", "0xc"))
    assert [(one.outcome, one.wanted) for one in judged.decisions] == [("ask_more", 4)]
    assert judged.rewards_minor == (100, 100, 100)


def test_three_equal_answers_of_strangers_settle_a_task() -> None:
    judged = three_equal_answers(newcomers("0xa", "0xb", "0xc"))
    assert [(one.outcome, one.support) for one in judged.decisions] == [("accept", 3)]


def test_linked_answers_never_make_a_task_cost_more_than_its_most_answers() -> None:
    people = in_one_group("0xa", "0xb", "0xc", "0xd")
    judged = three_equal_answers(people)
    assert RULE.max_answers == 4
    # four answers, one witness: nothing more may be asked, and what is delivered says that one person stands behind it
    assert [(one.outcome, one.support) for one in judged.decisions] == [("accept", 1)]


def gold_history(*texts: str, right: int = 20, wrong: int = 0) -> tuple[dict[str, TaskBook], dict[str, WorkerBook]]:
    """Gold that says "12.50", answered one after the other by people of proven skill."""
    people = {
        f"0x{n}": WorkerBook(standing_from(right * 1_000_000, wrong * 1_000_000, 0, TERMS)) for n in range(len(texts))
    }
    tasks = {"t1": TaskBook(facts("t1", "12.50", gold=True))}
    for at_ms, text in enumerate(texts):
        judged = judge_batch(
            [answer("t1", f"0x{at_ms}", text, at_ms)], tasks=tasks, workers=people, rule=RULE, skill=SKILL, terms=TERMS
        )
        tasks, people = {**tasks, **judged.tasks}, {**people, **judged.workers}
    return tasks, people


def test_gold_that_three_reliable_people_contradict_measures_nobody_and_takes_back_what_it_said() -> None:
    tasks, people = gold_history("12.50", "12.60", "12.60", "12.60")
    assert tasks["t1"].suspended
    assert {book.gold_seen for book in people.values()} == {0}
    assert {book.standing.wrong_micro for book in people.values()} == {0}


def test_gold_that_one_person_contradicts_stands() -> None:
    tasks, people = gold_history("12.50", "12.60", "12.50")
    assert not tasks["t1"].suspended
    assert [(book.gold_right, book.gold_seen) for book in people.values()] == [(1, 1), (0, 1), (1, 1)]


def test_gold_that_guessers_contradict_stands() -> None:
    tasks, _ = gold_history("12.50", "1", "2", "3", right=1, wrong=1)
    assert not tasks["t1"].suspended


def test_a_verdict_that_was_there_before_weighs_half_and_gold_weighs_whole() -> None:
    tasks = {name: TaskBook(facts(name, "12.50", gold=name == "gold")) for name in ("gold", "work")}
    people = newcomers("0xa", "0xb")
    first = judge_batch(
        [answer("gold", "0xa", "12.50"), answer("work", "0xa", "12.50")],
        tasks=tasks, workers=people, rule=RULE, skill=SKILL, terms=TERMS,
    )  # fmt: skip
    late = judge_batch(
        [answer("gold", "0xb", "12.50", 2), answer("work", "0xb", "12.50", 2)],
        tasks=first.tasks, workers={**people, **first.workers}, rule=RULE, skill=SKILL, terms=TERMS,
    )  # fmt: skip
    weights = {one.cause: one.weight_bp for one in late.outcomes if isinstance(one, Outcome)}
    assert weights == {"task gold": 10_000, "task work": 5_000}


def test_a_great_name_weighs_no_more_than_twenty_answers_and_keeps_its_share() -> None:
    begun = brought_in((950_000_000, 50_000_000, 7), TERMS)
    assert (begun.right_micro, begun.wrong_micro, begun.at_ms) == (19_000_000, 1_000_000, 7)
    assert brought_in((3_000_000, 1_000_000, 7), TERMS).right_micro == 3_000_000


def known_worker(right: int, wrong: int, *, gold_right: int = 5, gold_seen: int = 5) -> WorkerBook:
    return WorkerBook(standing_from(right * 1_000_000, wrong * 1_000_000, 0), gold_right, gold_seen)


def test_the_share_of_gold_falls_from_ten_per_cent_to_three_as_a_worker_becomes_known() -> None:
    shares = [gold_need_bp(known_worker(right, 0), RULE) for right in (0, 10, 30, 60, 200)]
    assert shares[0] == 1_000 and shares[-1] == 300
    assert shares == sorted(shares, reverse=True)


def test_who_misses_the_first_gold_gets_gold_until_the_five_of_a_refusal_are_there() -> None:
    assert gold_need_bp(known_worker(0, 0, gold_right=0, gold_seen=1), RULE) == 10_000
    assert gold_need_bp(known_worker(0, 0, gold_right=0, gold_seen=4), RULE) == 10_000
    assert gold_need_bp(known_worker(0, 0, gold_right=0, gold_seen=5), RULE) == 1_000
    assert gold_need_bp(known_worker(0, 0, gold_right=3, gold_seen=4), RULE) == 1_000


def test_a_requester_who_wants_no_gold_gets_none() -> None:
    assert gold_need_bp(known_worker(0, 5, gold_right=0, gold_seen=1), QualityRule(gold_share_bp=0)) == 0


# --- skill by answer type -------------------------------------------------------------------------------------------

BY_TYPE = JudgingTerms(brought_most=20, settled_weight_bp=5_000, suspends_gold=True, type_lean=10)
GOOD_AT_AMOUNTS = {"amount": (100_000_000, 0), "text": (10_000_000, 90_000_000)}
GOOD_AT_TEXTS = {"text": (100_000_000, 0), "amount": (10_000_000, 90_000_000)}


def specialists(terms: JudgingTerms) -> dict[str, WorkerBook]:
    """Two people whose records are the same as a whole and the opposite by type."""
    whole = (110_000_000, 90_000_000, 0)
    return {
        worker: WorkerBook(brought_in(whole, terms, types), terms=terms)
        for worker, types in (("0xa", GOOD_AT_AMOUNTS), ("0xb", GOOD_AT_TEXTS))
    }


def asked_as(question: str, *readings: str) -> TaskBook:
    return TaskBook(msgspec.structs.replace(facts("t1", *readings), question=question))


@pytest.mark.parametrize(("question", "right"), [("amount", "12.50"), ("text", "99")])
def test_an_answer_weighs_by_its_workers_skill_in_its_type(question: str, right: str) -> None:
    people, task = specialists(BY_TYPE), {"t1": asked_as(question)}
    given = [answer("t1", "0xa", "12.50"), answer("t1", "0xb", "99", 2)]
    judged = judge_batch(given, tasks=task, workers=people, rule=RULE, skill=SKILL, terms=BY_TYPE)
    (decision,) = judged.decisions
    assert decision.outcome == "ask_more"
    rule = transcription_rule(QualityRule(max_answers=2))
    assert decide(judged.tasks["t1"], people, rule).value == right
    # by the whole neither is more to be believed than the other
    plain = specialists(TERMS)
    assert plain["0xa"].skill_bp(question) == plain["0xb"].skill_bp(question) == plain["0xa"].standing.mean_bp


def test_of_options_too_an_answer_weighs_by_the_skill_in_its_form() -> None:
    sure = {"verify_claim": (100_000_000, 0), "text": (0, 100_000_000)}
    unsure = {"verify_claim": (0, 100_000_000), "text": (100_000_000, 0)}
    people = {
        worker: WorkerBook(brought_in((100_000_000, 100_000_000, 0), BY_TYPE, types), terms=BY_TYPE)
        for worker, types in (("0xa", sure), ("0xb", unsure))
    }
    assert people["0xa"].skill_bp(claim("Scope 1 was 9 t")) > 7_500 > 5_000 > people["0xb"].skill_bp(claim("x"))


def test_outcomes_tell_the_type_of_their_answers_also_where_gold_is_taken_back() -> None:
    tasks, people = gold_history("12.50", "12.60", "12.60", "12.60")
    assert tasks["t1"].suspended
    # the first was right by the gold, the next two wrong; all of it is taken back, of the type too
    assert [people[f"0x{n}"].standing.types.get("amount") for n in range(3)] == [(0, 0)] * 3


def test_each_type_is_capped_by_itself_when_it_is_brought_into_a_job() -> None:
    begun = brought_in((200_000_000, 0, 7), BY_TYPE, {"amount": (190_000_000, 0), "date": (10_000_000, 0)})
    assert begun.right_micro == 20_000_000
    assert begun.types == {"amount": (20_000_000, 0), "date": (10_000_000, 0)}


def batch_with(**told: object) -> BatchEvidence:
    return BatchEvidence(
        job_id="j", batch_no=1, tasks=(), withdrawn=(), standings={"0xa": (1_000_000, 0, 1)}, answers=(), decisions=(),
        refused=(), decisions_salt="00" * 32, terms=BY_TYPE, **told,
    )  # fmt: skip


def test_evidence_with_types_of_somebody_who_brings_nothing_is_refused() -> None:
    with pytest.raises(EvidenceMismatch, match="types"):
        JobBook(RULE, SKILL).replay(batch_with(types={"0xb": {"amount": (1, 1)}}))
    book = JobBook(RULE, SKILL)
    book.replay(batch_with(types={"0xa": {"amount": (1_000_000, 0)}}))
    assert book.workers["0xa"].standing.types == {"amount": (1_000_000, 0)}


def test_types_stand_under_the_root_and_without_them_the_root_is_as_before() -> None:
    plain, typed = batch_with(), batch_with(types={"0xa": {"amount": (1_000_000, 0)}})
    other = batch_with(types={"0xa": {"amount": (999_999, 0)}})
    assert len({plain.root(), typed.root(), other.root()}) == 3
    assert b"types" not in canonical.encode(plain)
    assert b"type_lean" not in canonical.encode(TERMS)
    # as it was computed before there were types
    said = [plain.job_id, 1, (), (), plain.standings, (), (), {"terms": BY_TYPE, "groups": None}]
    assert plain.root() == merkle.root([merkle.leaf(bytes(32), canonical.encode(said))])
