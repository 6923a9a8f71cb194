"""What a batch of answers means: verdicts, pay, skill. Pure, so that anyone can judge a job again from its evidence.

The recording oracle judges with it as answers come, the reputation oracle and every auditor judge again with it.

Rules kept here
- The same batches in the same order give the same decisions, to the byte: there is no clock and no chance in here.
- An answer is paid when it is recorded, not when it turns out to be right; only gold evidence refuses one.
- Known answers (gold) are judged like all others. Where two people agree against one, it was the gold that was wrong.

Walk of one answer: it joins its task; the task's readings and answers give a step (`quality.transcription`); a settled
task says of each of its workers right or wrong, which moves their skill for the next batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from manyhands.protocol.evidence import AnswerRecord, BatchEvidence
from manyhands.protocol.manifest import Manifest, QualityRule
from manyhands.protocol.messages import AnswerFact, Decision, RefusedAnswer, TaskFacts
from manyhands.quality import reputation, transcription

PRIOR = reputation.Prior()

ITEM_DOUBT_FACTOR = 4
"""One item may be this many times as doubtful as the set at most, and never need be surer by more than this."""

SET_CREDIT = 50
"""Items of doubt that a set may be ahead of its target: the mean of a handful of items says nothing about a set, and a
small job should not buy answers for it."""

REFUSED_BY_GOLD = "known_answers_wrong"


@dataclass(frozen=True)
class WorkerBook:
    """What the job knows of one worker. skill as brought in and as grown since; gold counts of this job alone."""

    standing: reputation.Standing
    gold_right: int = 0
    gold_seen: int = 0


@dataclass(frozen=True)
class TaskBook:
    """One task with everything said about it so far. settled holds the final decision."""

    facts: TaskFacts
    answers: tuple[AnswerFact, ...] = ()
    refused: int = 0
    settled: Decision | None = None
    withdrawn: bool = False


@dataclass(frozen=True)
class DeliveredSet:
    """Values accepted so far, and their doubt (10_000 less the confidence, basis points) summed."""

    items: int = 0
    doubt_bp: int = 0

    def with_item(self, decision: Decision) -> DeliveredSet:
        """The set after this decision; only accepted values belong to it."""
        if decision.outcome != "accept":
            return self
        return DeliveredSet(self.items + 1, self.doubt_bp + 10_000 - decision.confidence_bp)


@dataclass(frozen=True)
class Judged:
    """Outcome of a batch. records have no salts yet: those come from outside."""

    decisions: tuple[Decision, ...]
    refused: tuple[RefusedAnswer, ...]
    rewards_minor: tuple[int, ...]
    outcomes: tuple[reputation.Outcome, ...]
    tasks: dict[str, TaskBook]
    workers: dict[str, WorkerBook]
    delivered: DeliveredSet


@dataclass
class JobBook:
    """All tasks and workers of a job; what the recording oracle keeps in tables and `verify` rebuilds."""

    rule: QualityRule
    skill: str
    tasks: dict[str, TaskBook] = field(default_factory=dict)
    workers: dict[str, WorkerBook] = field(default_factory=dict)
    delivered: DeliveredSet = DeliveredSet()

    def replay(self, batch: BatchEvidence) -> Judged:
        """Judges a batch again and moves on. raises KeyError when the evidence misses a task or a standing."""
        for facts in batch.tasks:
            self.tasks.setdefault(facts.task_id, TaskBook(facts))
        for task_id in batch.withdrawn:
            self.tasks[task_id] = replace(self.tasks[task_id], withdrawn=True)
        for worker, (right_micro, wrong_micro, at_ms) in batch.standings.items():
            self.workers.setdefault(worker, WorkerBook(standing_from(right_micro, wrong_micro, at_ms)))
        judged = judge_batch(
            [record.answer for record in batch.answers],
            tasks=self.tasks,
            workers=self.workers,
            rule=self.rule,
            skill=self.skill,
            delivered=self.delivered,
        )
        self.tasks.update(judged.tasks)
        self.workers.update(judged.workers)
        self.delivered = judged.delivered
        return judged


def standing_from(right_micro: int, wrong_micro: int, at_ms: int) -> reputation.Standing:
    """A standing from its counts alone."""
    neutral = reputation.Correction("", "", right_micro, wrong_micro, "brought into the job", at_ms)
    start = replace_at(reputation.newcomer(PRIOR), at_ms)
    return reputation.apply(start, neutral, PRIOR)


def replace_at(standing: reputation.Standing, at_ms: int) -> reputation.Standing:
    """The same counts, dated: so that bringing them in fades nothing."""
    return reputation.Standing(
        standing.right_micro, standing.wrong_micro, at_ms, standing.score_bp, standing.mean_bp, standing.cause
    )


def transcription_rule(
    rule: QualityRule, delivered: DeliveredSet = DeliveredSet(), *, price_minor: int = 0
) -> transcription.TranscriptionRule:
    """The manifest's promise about the set, as a rule about its next item.

    The next item may be as doubtful as keeps the mean doubt of the delivered set at the target (`SET_CREDIT` items
    ahead of it at most), within `ITEM_DOUBT_FACTOR` times and one such part of the target's own doubt: what sure items
    leave over is used where answers cost most, and what doubtful items took is won back.
    """
    allowed_bp = 10_000 - rule.target_bp
    left_bp = allowed_bp * (delivered.items + 1 + SET_CREDIT) - delivered.doubt_bp
    doubt_bp = min(5_000, ITEM_DOUBT_FACTOR * allowed_bp, max(left_bp, allowed_bp // ITEM_DOUBT_FACTOR))
    return transcription.TranscriptionRule(
        target_bp=10_000 - doubt_bp,
        answers_max=rule.max_answers,
        price_minor=price_minor,
        error_cost_minor=rule.error_cost_minor,
    )


def judge_batch(
    answers: Sequence[AnswerFact],
    *,
    tasks: Mapping[str, TaskBook],
    workers: Mapping[str, WorkerBook],
    rule: QualityRule,
    skill: str,
    delivered: DeliveredSet = DeliveredSet(),
) -> Judged:
    """Judges answers in the order given.

    answers  of this batch; every task_id stands in `tasks`, every worker in `workers`
    tasks    the tasks touched, with their earlier answers; others may be left out
    workers  everyone who ever answered one of them
    skill    name of the skill that these answers show
    returns  decisions for the tasks touched, in order of task id; rewards in the order of the answers
    """
    books, people = dict(tasks), dict(workers)
    rewards: list[int] = []
    refused: list[RefusedAnswer] = []
    touched: list[str] = []
    for answer in answers:
        task, worker = books[answer.task_id], people[answer.worker]
        if transcription.answer_is_accepted(worker.gold_right, worker.gold_seen):
            rewards.append(task.facts.reward_minor)
            books[answer.task_id] = replace(task, answers=(*task.answers, answer))
        else:
            rewards.append(0)
            refused.append(_refusal(answer, worker))
            books[answer.task_id] = replace(task, refused=task.refused + 1)
        if answer.task_id not in touched:
            touched.append(answer.task_id)
    decisions: list[Decision] = []
    outcomes: list[reputation.Outcome] = []
    for task_id in sorted(touched):
        task = books[task_id]
        known = len(tasks[task_id].answers)
        if task.withdrawn:
            continue
        if task.settled:
            # someone was still at it when it was settled: paid as promised, and it shows skill like any other answer
            outcomes += _learn(task, task.answers[known:], people, skill)
            continue
        step_rule = transcription_rule(rule, delivered, price_minor=task.facts.reward_minor)
        decision = decide(task, people, step_rule)
        delivered = delivered.with_item(decision)
        decisions.append(decision)
        if decision.outcome != "ask_more":
            books[task_id] = replace(task, settled=decision)
            outcomes += _learn(books[task_id], task.answers, people, skill)
    return Judged(
        decisions=tuple(decisions),
        refused=tuple(refused),
        rewards_minor=tuple(rewards),
        outcomes=tuple(outcomes),
        tasks={task_id: books[task_id] for task_id in touched},
        workers={worker: people[worker] for worker in people if people[worker] != workers[worker]},
        delivered=delivered,
    )


def decide(task: TaskBook, people: Mapping[str, WorkerBook], rule: transcription.TranscriptionRule) -> Decision:
    """What to do with one task."""
    readings = [transcription.Reading(r.text, r.reader, r.confidence_bp) for r in task.facts.readings]
    keyed = [keyed_of(answer, people) for answer in task.answers]
    step = transcription.next_step(readings, keyed, rule, task.facts.question)

    def settled(
        outcome: Literal["accept", "ask_more", "unreadable"],
        value: str | None,
        confidence_bp: int = 0,
        support: int = 0,
        wanted: int = 0,
    ) -> Decision:
        return Decision(
            task_id=task.facts.task_id,
            outcome=outcome,
            value=value,
            confidence_bp=confidence_bp,
            support=support,
            wanted=wanted,
            because=step.because,
        )

    match step:
        case transcription.Accept(value, confidence_bp, support, _):
            return settled("accept", value, confidence_bp, support)
        case transcription.AskMore(count, _):
            return settled("ask_more", None, wanted=len(task.answers) + task.refused + count)
        case transcription.Unreadable():
            return settled("unreadable", None)


def records(
    answers: Iterable[AnswerFact], rewards_minor: Iterable[int], salts: Iterable[str]
) -> tuple[AnswerRecord, ...]:
    """Answers with what they earn and their salts, ready to be committed to."""
    return tuple(
        AnswerRecord(answer=answer, reward_minor=reward, salt=salt)
        for answer, reward, salt in zip(answers, rewards_minor, salts, strict=True)
    )


def is_finished(tasks: Iterable[TaskBook]) -> bool:
    """Whether every task has its final word."""
    return all(task.settled or task.withdrawn for task in tasks)


def skill_name(manifest: Manifest) -> str:
    """The skill that a job's answers show."""
    return manifest.task_type


def keyed_of(answer: AnswerFact, people: Mapping[str, WorkerBook]) -> transcription.Keyed:
    """An answer with the skill that its worker has shown."""
    return transcription.Keyed(
        answer.worker,
        answer.text,
        active_ms=answer.active_ms,
        skill_bp=people[answer.worker].standing.mean_bp,
        received_at_ms=answer.received_at_ms,
    )


def _learn(
    task: TaskBook, answers: Sequence[AnswerFact], people: dict[str, WorkerBook], skill: str
) -> list[reputation.Outcome]:
    """What a settled task says of these answers to it; moves the books of their workers in `people`."""
    decision = task.settled
    assert decision is not None
    step = (
        transcription.Accept(decision.value or "", decision.confidence_bp, decision.support, decision.because)
        if decision.outcome == "accept"
        else transcription.Unreadable(decision.because)
    )
    at_ms = max((answer.received_at_ms for answer in task.answers), default=0)
    outcomes: list[reputation.Outcome] = []
    for answer in answers:
        book = people[answer.worker]
        judgement = transcription.judge_worker(step, keyed_of(answer, people), task.facts.question)
        if judgement == "undecided":
            continue
        right = judgement == "right"
        outcome = reputation.Outcome(
            answer.worker, skill, right=right, weight_bp=10_000, cause=f"task {task.facts.task_id}", at_ms=at_ms
        )
        outcomes.append(outcome)
        people[answer.worker] = WorkerBook(
            standing=reputation.apply(book.standing, outcome, PRIOR),
            gold_right=book.gold_right + (task.facts.gold and right),
            gold_seen=book.gold_seen + task.facts.gold,
        )
    return outcomes


def _refusal(answer: AnswerFact, worker: WorkerBook) -> RefusedAnswer:
    return RefusedAnswer(
        task_id=answer.task_id,
        worker=answer.worker,
        code=REFUSED_BY_GOLD,
        because=(
            f"{worker.gold_right} of {worker.gold_seen} answers that were known beforehand were right; "
            "honest work at chance level would do better 19 times in 20"
        ),
    )
