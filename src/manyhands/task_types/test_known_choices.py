"""Gold among questions of options: who settles it, whom it shows, what overrules it, and what it earns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from manyhands.protocol.evidence import JudgingTerms
from manyhands.protocol.manifest import QualityRule
from manyhands.protocol.messages import MADE, REQUESTER, AnswerFact, ReadingFact, TaskFacts
from manyhands.quality.reputation import MICRO
from manyhands.task_types import verify_claim
from manyhands.task_types.asked import claim
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
