"""Gold among questions of options: who settles it, whom it shows, what overrules it, and what it earns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from manyhands.protocol.evidence import JudgingTerms
from manyhands.protocol.manifest import QualityRule
from manyhands.protocol.messages import MADE, REQUESTER, AnswerFact, ReadingFact, TaskFacts
from manyhands.quality.reputation import MICRO
from manyhands.task_types import verify_claim
from manyhands.task_types.asked import claim, read
from manyhands.task_types.choose_reading import NEITHER
from manyhands.task_types.judging import (
    DOUBTED_GOLD_BP,
    JobBook,
    Judged,
    TaskBook,
    WorkerBook,
    gold_need_bp,
    judge_batch,
    standing_from,
)
from manyhands.task_types.measured import measure_book

MADE_CLAIM = claim("Scope 1 was 4,240 t")
NOT_SO = (verify_claim.FALSE, verify_claim.NOT_TOLD)


def a_known(task_id: str = "t", *, known: tuple[str, ...] = NOT_SO, by: str = MADE) -> TaskBook:
    facts = TaskFacts(
        task_id=task_id,
        question=MADE_CLAIM,
        readings=tuple(ReadingFact(reader=by, text=text, confidence_bp=9_950) for text in known),
        gold=True,
        effort_ms=28_000,
        reward_minor=90_000,
    )
    return TaskBook(facts)


def said(texts: Mapping[str, str | None], task_id: str = "t") -> list[AnswerFact]:
    return [
        AnswerFact(task_id=task_id, worker=worker, text=text, active_ms=20_000, received_at_ms=n)
        for n, (worker, text) in enumerate(texts.items())
    ]


def judged(answers: Sequence[AnswerFact], *tasks: TaskBook, people: Mapping[str, WorkerBook] | None = None) -> Judged:
    books = dict.fromkeys((answer.worker for answer in answers), WorkerBook(standing_from(0, 0, 0))) | dict(
        people or {}
    )
    return judge_batch(
        answers,
        tasks={task.facts.task_id: task for task in tasks},
        workers=books,
        rule=QualityRule(),
        skill="verify_claim",
        terms=JudgingTerms(suspends_gold=True),
    )


YES = f"{verify_claim.TRUE} @ 0 0 1000 1000"
NO = f"{verify_claim.FALSE} @ 10 10 200 60"


def test_one_person_who_says_what_is_known_settles_it_and_both_known_answers_are_right() -> None:
    found = judged(said({"a": NO}), a_known())
    assert found.decisions[0].outcome == "accept" and found.workers["a"].gold_right == 1
    later = judged(said({"b": verify_claim.NOT_TOLD, "c": YES, "d": None}), found.tasks["t"], people=found.workers)
    assert (later.workers["b"].gold_right, later.workers["b"].gold_seen) == (1, 1)
    assert (later.workers["c"].gold_right, later.workers["c"].gold_seen) == (0, 1)
    assert (later.workers["d"].gold_right, later.workers["d"].gold_seen) == (0, 1), "somebody could tell"


def test_two_newcomers_who_say_yes_do_not_overrule_what_was_made_and_three_do() -> None:
    two = judged(said({"a": YES, "b": YES}), a_known())
    assert (two.decisions[0].outcome, two.decisions[0].wanted) == ("ask_more", 3)
    assert not any(book.gold_seen for book in two.workers.values())
    honest = judged(said({"c": NO}), two.tasks["t"], people=dict.fromkeys("ab", WorkerBook(standing_from(0, 0, 0))))
    assert honest.decisions[0].value == NO
    assert [honest.workers[one].gold_right for one in "abc"] == [0, 0, 1]
    three = judged(said({"a": YES, "b": YES, "c": YES}), a_known())
    assert three.decisions[0].outcome == "accept" and three.suspended == ("t",), "then it measures nobody"


def test_an_answer_to_gold_is_paid_though_it_is_wrong_until_five_show_that_it_is_no_work() -> None:
    tasks = [a_known(f"t{n}") for n in range(7)]
    people: dict[str, WorkerBook] = dict.fromkeys(("a", "b"), WorkerBook(standing_from(0, 0, 0)))
    paid = []
    for task in tasks:
        answers = said({"a": YES, "b": NO}, task.facts.task_id)
        found = judged(answers, task, people=people)
        people |= found.workers
        paid.append(found.rewards_minor)
    assert [one for one, _ in paid] == [90_000] * 5 + [0, 0]
    assert [other for _, other in paid] == [90_000] * 7
    assert gold_need_bp(replace(people["a"], gold_seen=1), QualityRule()) == DOUBTED_GOLD_BP


def test_who_cannot_tell_is_not_right_by_gold_that_nobody_could_tell() -> None:
    found = judged(said({"a": None, "b": None}), a_known())
    assert found.decisions[0].outcome == "unreadable"
    assert not any(book.gold_right for book in found.workers.values())


def test_reliable_people_suspend_gold_that_contradicts_what_they_see() -> None:
    sure = WorkerBook(standing_from(190 * MICRO, 5 * MICRO, 0))
    mistaken = a_known(known=(verify_claim.NOT_TOLD,), by=REQUESTER)
    found = judged(said({"a": NO, "b": NO, "c": NO}), mistaken, people=dict.fromkeys("abc", sure))
    assert found.suspended == ("t",) and not any(book.gold_seen for book in found.workers.values())


def test_made_answers_are_no_part_of_the_delivered_set_and_scale_no_confidence() -> None:
    found = judged(said({"a": NO}), a_known())
    assert found.delivered.items == 0
    book = JobBook(QualityRule(), "verify_claim", tasks=found.tasks, workers=found.workers)
    assert measure_book(book, ()).gold == 0
    own = judged(said({"a": NO}), a_known(known=(verify_claim.FALSE,), by=REQUESTER))
    book = JobBook(QualityRule(), "verify_claim", tasks=own.tasks, workers=own.workers)
    assert measure_book(book, ()).gold == 1


READINGS = ("12 HARBOUR STREET", "72 HARBOUR STREET")


def a_choice(*, readings: Sequence[str] = READINGS, by: str = "machine", target_bp: int = 9_800) -> JobBook:
    """A job with one choice between two readings. readings: as a machine gave them, or as known by somebody"""
    facts = TaskFacts(
        task_id="t",
        question=read(READINGS),
        readings=tuple(ReadingFact(reader=by, text=text, confidence_bp=9_950) for text in readings),
        gold=by != "machine",
        effort_ms=2_500,
        reward_minor=900,
    )
    return JobBook(QualityRule(target_bp=target_bp), "field_choice", tasks={"t": TaskBook(facts)})


def after(book: JobBook, *texts: str | None, skill_bp: int = 8_500) -> tuple[Judged, str, str | None]:
    """(what the last answer led to, outcome, value) of people who come one after the other."""
    standing = standing_from(skill_bp * 100_000, (10_000 - skill_bp) * 100_000, 0)
    for n, text in enumerate(texts):
        worker = f"w{n}"
        book.workers[worker] = WorkerBook(standing)
        answer = AnswerFact(task_id="t", worker=worker, text=text, active_ms=2_000, received_at_ms=n)
        one = judge_batch(
            [answer], tasks=book.tasks, workers=book.workers, rule=book.rule, skill=book.skill, delivered=book.delivered
        )
        book.tasks.update(one.tasks)
        book.workers.update(one.workers)
    (decision,) = one.decisions
    return one, decision.outcome, decision.value


def test_one_person_s_choice_of_a_reading_is_never_believed_however_sure_the_machine_was() -> None:
    assert after(a_choice(), READINGS[0], skill_bp=9_900)[1:] == ("ask_more", None)
    assert after(a_choice(), READINGS[0], READINGS[0])[1:] == ("accept", READINGS[0])


def test_two_newcomers_who_agree_are_not_enough_for_a_high_target_and_a_third_is_asked() -> None:
    assert after(a_choice(target_bp=9_990), READINGS[0], READINGS[0], skill_bp=8_000)[1] == "ask_more"
    assert after(a_choice(target_bp=9_990), *[READINGS[0]] * 3, skill_bp=8_000)[1] == "accept"


def test_neither_and_cannot_tell_and_differing_people_end_a_choice_at_once() -> None:
    assert after(a_choice(), NEITHER)[1] == "unreadable"
    assert after(a_choice(), None)[1] == "unreadable"
    assert after(a_choice(), *READINGS)[1] == "unreadable"


def test_people_who_agree_on_a_made_reading_are_not_believed() -> None:
    assert after(a_choice(readings=READINGS[:1]), READINGS[1], READINGS[1])[1:] == ("unreadable", None)
    assert after(a_choice(readings=READINGS[:1]), READINGS[0], READINGS[0])[1:] == ("accept", READINGS[0])


def test_who_says_neither_to_a_known_reading_is_wrong_by_it_and_somebody_else_settles_it() -> None:
    book = a_choice(readings=READINGS[:1], by=MADE)
    assert after(book, NEITHER)[1] == "ask_more"
    lazy = a_choice(readings=(NEITHER,), by=MADE)
    told, outcome, value = after(lazy, READINGS[0], NEITHER)
    assert (outcome, value) == ("accept", NEITHER)
    assert [(worker, book.gold_right, book.gold_seen) for worker, book in sorted(told.workers.items())] == [
        ("w0", 0, 1),
        ("w1", 1, 1),
    ]
