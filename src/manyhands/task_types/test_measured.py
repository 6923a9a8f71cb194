"""What a job shows of its own quality: blind gold, suspended gold, signs that take no pay."""

from manyhands.protocol.evidence import BatchEvidence
from manyhands.protocol.manifest import QualityRule
from manyhands.protocol.messages import AnswerFact, ReadingFact, TaskFacts
from manyhands.task_types.judging import JobBook, judge_batch, records
from manyhands.task_types.measured import Measured, measure_book

RULE = QualityRule()
PEOPLE = ("0xa", "0xb", "0xc")


def facts(task_id: str, *readings: str, gold: bool = False) -> TaskFacts:
    return TaskFacts(
        task_id=task_id, question="text", gold=gold, effort_ms=8_000, reward_minor=100,
        readings=tuple(ReadingFact(reader=f"r{i}", text=text, confidence_bp=9_000) for i, text in enumerate(readings)),
    )  # fmt: skip


def answer(task_id: str, worker: str, text: str, *, active_ms: int = 6_000) -> AnswerFact:
    return AnswerFact(task_id=task_id, worker=worker, text=text, active_ms=active_ms, received_at_ms=1)


def measured(tasks: list[TaskFacts], answers: list[AnswerFact]) -> Measured:
    """One batch with these tasks and answers, judged as the recording oracle does."""
    book = JobBook(RULE, "transcription")
    batch = BatchEvidence(
        job_id="job", batch_no=1, tasks=tuple(tasks), withdrawn=(),
        standings={one.worker: (0, 0, 0) for one in answers},
        answers=records(answers, [100] * len(answers), ["00" * 32] * len(answers)),
        decisions=(), refused=(), decisions_salt="00" * 32,
    )  # fmt: skip
    judged = book.replay(batch)
    assert judged.delivered == book.delivered
    return measure_book(book, [batch])


def test_confidence_without_known_pieces_is_called_uncalibrated() -> None:
    found = measured([facts("t1", "one")], [answer("t1", "0xa", "one")])
    assert not found.calibrated and found.reliability is None
    assert found.confidence.startswith("uncalibrated")


def test_known_pieces_are_judged_by_persons_alone_and_give_a_reliability_table() -> None:
    tasks = [facts(f"t{i}", f"word {i}", f"word {i}", gold=True) for i in range(20)]
    found = measured(tasks, [answer(task.task_id, "0xa", f"word {i}") for i, task in enumerate(tasks)])
    assert found.gold == 20 and found.calibrated and found.reliability is not None
    # a lone person, without the readers that made it known, is far from certain
    assert all(row.confidence_mean < 0.995 for row in found.reliability.bins)
    assert "calibrated on 20 gold items" in found.says[0]


def test_a_known_piece_that_reliable_people_contradict_measures_nobody() -> None:
    tasks = [facts("t0", "wrong", gold=True), *(facts(f"t{i}", f"word {i}", gold=True) for i in range(1, 20))]
    answers = [answer("t0", worker, "right") for worker in PEOPLE]
    answers += [answer(f"t{i}", worker, f"word {i}") for i in range(1, 20) for worker in PEOPLE]
    found = measured(tasks, answers)
    assert found.contested == ("t0",)
    assert found.gold == 19


def test_workers_who_make_the_same_mistakes_are_named_and_honest_ones_are_not() -> None:
    tasks = [facts(f"t{i}", f"word {i}", gold=True) for i in range(12)]
    answers = []
    for i in range(12):
        copied = f"leak {i}" if i % 3 == 0 else f"word {i}"
        own = f"slip {i}" if i % 6 == 0 else f"word {i}"
        answers += [answer(f"t{i}", "0xcopy", copied), answer(f"t{i}", "0xcopy2", copied), answer(f"t{i}", "0xa", own)]
        answers += [answer(f"t{i}", "0xb", f"word {i}"), answer(f"t{i}", "0xc", f"word {i}")]
    signs = [sign for sign in measured(tasks, answers).signs if sign.kind == "copies"]
    assert [sign.workers for sign in signs] == [("0xcopy", "0xcopy2")]
    assert signs[0].evidence["equal_mistakes"] >= 2


def test_answers_faster_than_feasible_are_named_and_take_no_pay() -> None:
    tasks = [facts(f"t{i}", f"word {i}") for i in range(20)]
    answers = [answer(f"t{i}", "0xhasty", f"word {i}", active_ms=300) for i in range(20)]
    assert [sign.kind for sign in measured(tasks, answers).signs] == ["too-fast"]
    book = JobBook(RULE, "transcription")
    batch = BatchEvidence(
        job_id="job", batch_no=1, tasks=tuple(tasks), withdrawn=(), standings={"0xhasty": (0, 0, 0)},
        answers=records(answers, [100] * 20, ["00" * 32] * 20), decisions=(), refused=(), decisions_salt="00" * 32,
    )  # fmt: skip
    assert book.replay(batch).rewards_minor == (100,) * 20
    assert judge_batch([], tasks={}, workers={}, rule=RULE, skill="x").refused == ()
