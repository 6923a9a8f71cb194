"""What a batch of answers means: verdicts, pay, skill. Pure, so that anyone can judge a job again from its evidence.

The recording oracle judges with it as answers come, the reputation oracle and every auditor judge again with it.

Rules kept here
- The same batches in the same order give the same decisions, to the byte: there is no clock and no chance in here.
- An answer is paid when it is recorded, not when it turns out to be right; only gold evidence refuses one.
- Known answers (gold) are judged like all others. Where two people agree against one, it was the gold that was wrong;
  where reliable people contradict one later, it is suspended: what it said of anybody is taken back.
- Of a question of options several answers may be known to be right. Two people who err alike are common among three
  options: what is known of them is overruled only by people whose skills outweigh it.
- Workers who are thought to be one count once in a verdict. Each of them is paid like everybody else.
- What a job is judged by is in its manifest and in its evidence (`JudgingTerms`, `groups`, `types`), nowhere else.
- An answer weighs by its worker's skill in its answer type, where the terms say so. Gold, refusals and pay look at the
  worker as a whole.

Walk of one answer: it joins its task; the task's readings and answers give a step (`quality.transcription`); a settled
task says of each of its workers right or wrong, which moves their skill for the next batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from manyhands.protocol.evidence import AnswerRecord, BatchEvidence, EvidenceMismatch, JudgingTerms
from manyhands.protocol.manifest import Manifest, QualityRule
from manyhands.protocol.messages import MADE, REQUESTER, AnswerFact, Decision, RefusedAnswer, TaskFacts
from manyhands.quality import gold, reputation, transcription
from manyhands.quality.fields import normalise

from . import base as task_type_base
from .asked import Asked, answer_type, asked_of, compared_as, questions_in
from .choose_reading import NEITHER
from .several import Several, because_of_parts

FIRST_TERMS = JudgingTerms()
"""What jobs were judged by before terms were written into their evidence."""

NO_TYPES: Mapping[str, reputation.Counts] = {}
"""Of whom no answer type was ever told."""

DOUBTED_GOLD_BP = 10_000

ITEM_DOUBT_FACTOR = 4
"""One item may be this many times as doubtful as the set at most, and never need be surer by more than this."""

SET_CREDIT = 50
"""Items of doubt that a set may be ahead of its target: the mean of a handful of items says nothing about a set, and a
small job should not buy answers for it."""

REFUSED_BY_GOLD = "known_answers_wrong"

READ_ALIKE = "choose_reading"
OVERLOOKING = "neither_reading"
"""Answer type of known choices between readings of which none is right: who takes one has overlooked it."""

OVERLOOK_BP = 1_000
"""What newcomers are believed to overlook: three times the share that a vendor tells of people who validate what is
shown (3 %; facts: documents, section 5)."""

OVERLOOK_WEIGHT = 10
"""Known choices that what is believed of newcomers weighs as much as."""

NEITHER_RIGHT_DIFFERING_BP, NEITHER_RIGHT_ALIKE_BP = 3_333, 1_000
"""In how many long lines that no rule believes no reading is right: where readers differ (11 of 45 of receipts, 0 of 28
of invoices and tables; 22 of 70 words of any length), and where they read alike (8 of 190 of receipts, 5 of 96 of
invoices, 1 of 118 of tables: each kind's share is below seven in a hundred by the other two, 95 %)."""


@dataclass(frozen=True)
class WorkerBook:
    """What the job knows of one worker. skill as brought in and as grown since; gold counts of this job alone.

    group  workers of one group count as one in a verdict; "" = alone
    terms  by what the job is judged: whether an answer weighs by the skill in its type
    """

    standing: reputation.Standing
    gold_right: int = 0
    gold_seen: int = 0
    group: str = ""
    terms: JudgingTerms = FIRST_TERMS

    def skill_bp(self, question: str) -> int:
        """The chance that the worker's answer to this question is right, basis points."""
        if isinstance(self.terms.type_lean, msgspec.UnsetType):
            return self.standing.mean_bp
        prior, lean = prior_of(self.terms), self.terms.type_lean
        return reputation.of_type(self.standing, answer_type(question), prior, lean=lean).mean_bp

    def overlooks_bp(self) -> int:
        """The chance that the worker takes a wrong reading for right because it is shown, basis points."""
        believed_bp = self.terms.overlook_bp
        assert not isinstance(believed_bp, msgspec.UnsetType)
        saw, overlooked = self.standing.types.get(OVERLOOKING, (0, 0))
        of_all = saw + overlooked + OVERLOOK_WEIGHT * reputation.MICRO
        return max(1, (10_000 * overlooked + OVERLOOK_WEIGHT * reputation.MICRO * believed_bp) // of_all)


@dataclass(frozen=True)
class TaskBook:
    """One task with everything said about it so far. settled holds the final decision.

    suspended  it was gold, and reliable people contradict it: it measures nobody any more
    """

    facts: TaskFacts
    answers: tuple[AnswerFact, ...] = ()
    refused: int = 0
    settled: Decision | None = None
    withdrawn: bool = False
    suspended: bool = False

    @property
    def measures(self) -> bool:
        """Whether it is gold that is not doubted."""
        return self.facts.gold and not self.suspended


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
    outcomes: tuple[reputation.Event, ...]
    tasks: dict[str, TaskBook]
    workers: dict[str, WorkerBook]
    delivered: DeliveredSet

    @property
    def suspended(self) -> tuple[str, ...]:
        """Gold among the tasks touched that measures nobody (any more)."""
        return tuple(sorted(task_id for task_id, task in self.tasks.items() if task.suspended))


@dataclass
class JobBook:
    """All tasks and workers of a job; what the recording oracle keeps in tables and `verify` rebuilds."""

    rule: QualityRule
    skill: str
    tasks: dict[str, TaskBook] = field(default_factory=dict)
    workers: dict[str, WorkerBook] = field(default_factory=dict)
    delivered: DeliveredSet = DeliveredSet()
    terms: JudgingTerms = FIRST_TERMS

    def replay(self, batch: BatchEvidence) -> Judged:
        """Judges a batch again and moves on. raises KeyError when the evidence misses a task or a standing."""
        if not isinstance(batch.terms, msgspec.UnsetType):
            if self.workers:
                raise EvidenceMismatch("terms", expected="in the first batch alone", found=f"batch {batch.batch_no}")
            self.terms = batch.terms
        for facts in batch.tasks:
            self.tasks.setdefault(facts.task_id, TaskBook(facts))
        for task_id in batch.withdrawn:
            self.tasks[task_id] = replace(self.tasks[task_id], withdrawn=True)
        types = {} if isinstance(batch.types, msgspec.UnsetType) else batch.types
        if unknown := sorted(types.keys() - batch.standings.keys()):
            raise EvidenceMismatch("types", expected="of workers first met", found=f"of {unknown[0]} too")
        for worker, counts in batch.standings.items():
            begun = brought_in(counts, self.terms, types.get(worker, {}))
            self.workers.setdefault(worker, WorkerBook(begun, terms=self.terms))
        for worker, group in ({} if isinstance(batch.groups, msgspec.UnsetType) else batch.groups).items():
            self.workers[worker] = replace(self.workers[worker], group=group)
        judged = judge_batch(
            [record.answer for record in batch.answers],
            tasks=self.tasks,
            workers=self.workers,
            rule=self.rule,
            skill=self.skill,
            delivered=self.delivered,
            terms=self.terms,
        )
        self.tasks.update(judged.tasks)
        self.workers.update(judged.workers)
        self.delivered = judged.delivered
        return judged


def prior_of(terms: JudgingTerms) -> reputation.Prior:
    """What a job believes of newcomers."""
    return reputation.Prior(terms.prior_right_micro, terms.prior_wrong_micro)


def standing_from(
    right_micro: int,
    wrong_micro: int,
    at_ms: int,
    terms: JudgingTerms = FIRST_TERMS,
    types: Mapping[str, reputation.Counts] = NO_TYPES,
) -> reputation.Standing:
    """A standing from its counts alone."""
    neutral = reputation.Correction("", "", right_micro, wrong_micro, "brought into the job", at_ms)
    start = replace_at(reputation.newcomer(prior_of(terms)), at_ms)
    begun = reputation.apply(start, neutral, prior_of(terms))
    return msgspec.structs.replace(begun, types=dict(types))


def brought_in(
    counts: tuple[int, int, int], terms: JudgingTerms, types: Mapping[str, reputation.Counts] = NO_TYPES
) -> reputation.Standing:
    """The standing with which somebody begins in a job: the share of right answers stays, their weight is capped.

    counts  right_micro, wrong_micro, at_ms as published
    types   the same by answer type, each capped by itself: many amounts say nothing against the few dates

    >>> terms = JudgingTerms(brought_most=20)
    >>> begun = brought_in((380_000_000, 20_000_000, 0), terms)
    >>> begun.right_micro, begun.wrong_micro
    (19000000, 1000000)
    """
    right_micro, wrong_micro, at_ms = counts
    if most := terms.brought_most:
        right_micro, wrong_micro = reputation.capped(right_micro, wrong_micro, most)
        types = {name: reputation.capped(*own, most) for name, own in types.items()}
    return standing_from(right_micro, wrong_micro, at_ms, terms, types)


def counts_by_type(told: Mapping[str, Sequence[int]]) -> dict[str, reputation.Counts]:
    """Counts by answer type as tables keep them: type -> [right_micro, wrong_micro]."""
    return {name: (right_micro, wrong_micro) for name, (right_micro, wrong_micro) in told.items()}


def replace_at(standing: reputation.Standing, at_ms: int) -> reputation.Standing:
    """The same counts, dated: so that bringing them in fades nothing."""
    return msgspec.structs.replace(standing, at_ms=at_ms)


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
    terms: JudgingTerms = FIRST_TERMS,
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
    learning = _Learning(people, skill, prior_of(terms), settled_weight_bp=terms.settled_weight_bp)
    for task_id in sorted(touched):
        task = books[task_id]
        known = len(tasks[task_id].answers)
        if task.withdrawn:
            continue
        doubted = terms.suspends_gold and task.measures and is_contested(task, people)
        if task.settled:
            # somebody was still at it, or it is shown to measure people: paid as promised, and it shows skill
            if doubted:
                learning.take_back(task, task.answers[:known])
                books[task_id] = replace(task, suspended=True)
            elif not task.suspended:
                learning.learn(task, task.answers[known:], late=True)
            continue
        step_rule = transcription_rule(rule, delivered, price_minor=task.facts.reward_minor)
        decision = decide(task, people, step_rule)
        if not is_made(task.facts):  # what is not delivered is no part of the set
            delivered = delivered.with_item(decision)
        decisions.append(decision)
        if decision.outcome != "ask_more":
            books[task_id] = replace(task, settled=decision, suspended=doubted)
            learning.learn(books[task_id], task.answers)
    return Judged(
        decisions=tuple(decisions),
        refused=tuple(refused),
        rewards_minor=tuple(rewards),
        outcomes=tuple(learning.events),
        tasks={task_id: books[task_id] for task_id in touched},
        workers={worker: people[worker] for worker in people if people[worker] != workers[worker]},
        delivered=delivered,
    )


def decide(task: TaskBook, people: Mapping[str, WorkerBook], rule: transcription.TranscriptionRule) -> Decision:
    """What to do with one task. Of linked workers the first answer counts."""
    asked = asked_of(task.facts.question)
    if asked is not None:
        return _decide_asked(asked, task, people, rule)
    readings = [transcription.Reading(r.text, r.reader, r.confidence_bp) for r in task.facts.readings]
    counted = once_per_group(task.answers, people)
    keyed = [keyed_of(answer, people, task.facts.question) for answer in counted]
    if linked := len(task.answers) - len(counted):
        # answers that do not count are paid all the same: they use up what may be asked for one task
        rule = msgspec.structs.replace(rule, answers_max=max(1, rule.answers_max - linked))
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


def parts_of(task: TaskBook) -> tuple[TaskBook, ...]:
    """The questions that a task puts together, each as a task of its own; the task itself where it asks one thing.

    What is told of a part is what is told in its place: readings, answers, and the word on it. A part of which nothing
    was known beforehand measures nobody, though its neighbour does.
    """
    asked = asked_of(task.facts.question)
    if asked is None or not isinstance(asked.task_type, Several):
        return (task,)
    together = asked.task_type
    answers = [(answer, together.parts_of_answer(allowed(asked, answer.text))) for answer in task.answers]
    readings = [(reading, together.parts_of_answer(reading.text)) for reading in task.facts.readings]
    settled = task.settled
    values = together.parts_of_answer(settled.value) if settled is not None else ()
    parts = []
    for n, question in enumerate(questions_in(task.facts.question)):
        own = tuple(msgspec.structs.replace(one, text=text) for one, told in readings if (text := told[n]) is not None)
        known = task.facts.gold and any(one.reader in (REQUESTER, MADE) for one in own)
        facts = msgspec.structs.replace(task.facts, question=question, readings=own, gold=known)
        word = settled
        if settled is not None and settled.outcome == "accept":
            told = values[n]
            word = msgspec.structs.replace(settled, outcome="unreadable" if told is None else "accept", value=told)
        said = tuple(msgspec.structs.replace(answer, text=text[n]) for answer, text in answers)
        parts.append(replace(task, facts=facts, answers=said, settled=word))
    return tuple(parts)


def once_per_group(answers: Sequence[AnswerFact], people: Mapping[str, WorkerBook]) -> list[AnswerFact]:
    """The answers that count: of workers in one group the one received first, by name when at once."""
    first: dict[str, AnswerFact] = {}
    for answer in sorted(answers, key=lambda one: (one.received_at_ms, one.worker)):
        if group := people[answer.worker].group:
            first.setdefault(group, answer)
    return [answer for answer in answers if first.get(people[answer.worker].group, answer) is answer]


def known_value(facts: TaskFacts) -> str:
    """What made a piece gold, normalised: the requester's own word, else its surest reading."""
    best = min(facts.readings, key=lambda one: (one.reader != REQUESTER, -one.confidence_bp, one.text))
    return normalise(best.text, compared_as(facts.question))


def is_made(facts: TaskFacts) -> bool:
    """Whether the exchange made this question up, to measure people."""
    return any(reading.reader == MADE for reading in facts.readings)


def known_keys(facts: TaskFacts) -> frozenset[str]:
    """What may be answered to gold and is right, as answers are compared; empty where nothing is known.

    A made question can have several: a claim with another figure is false by a page that tells the figure, and not told
    by a page that is silent about it.
    """
    if not facts.gold or not facts.readings:
        return frozenset()
    asked = asked_of(facts.question)  # of a question of several parts what is known is told by its parts alone
    if asked is None:
        return frozenset((known_value(facts),))
    return frozenset(asked.task_type.key(one.text) for one in facts.readings if one.reader in (REQUESTER, MADE))


def is_contested(task: TaskBook, people: Mapping[str, WorkerBook]) -> bool:
    """Whether reliable people contradict this gold so often that it is the likelier mistake; linked ones count once."""
    parts = parts_of(task)
    if len(parts) > 1:
        return any(is_contested(part, people) for part in parts)
    known, asked = known_keys(task.facts), asked_of(task.facts.question)
    if not known:
        return False
    said: list[tuple[str, str]] = []
    for answer in once_per_group(task.answers, people):
        if asked is None and answer.text and answer.text.strip():
            said.append((answer.worker, normalise(answer.text, task.facts.question)))
        elif asked is not None and (text := allowed(asked, answer.text)) is not None:
            said.append((answer.worker, asked.task_type.key(text)))
    return gold.is_contested(
        [gold.Contest(worker, key in known, people[worker].skill_bp(task.facts.question)) for worker, key in said]
    )


def gold_need_bp(book: WorkerBook, rule: QualityRule) -> int:
    """How much of a worker's next tasks should be gold, basis points.

    From twice the manifest's share for somebody unknown down to six tenths of it for somebody certain: 10 % to 3 % at
    the usual 5 %. Certainty counts everything that is known of the worker, not this job alone. Who misses half or more
    of the first gold gets nothing but gold until the five are there that a refusal needs: no more unknown work is paid
    to somebody who guesses, and nobody is refused on less.

    >>> fresh = WorkerBook(standing_from(0, 0, 0))
    >>> gold_need_bp(fresh, QualityRule()), gold_need_bp(replace(fresh, gold_seen=1), QualityRule())
    (1000, 10000)
    """
    if not rule.gold_share_bp:
        return 0
    if book.gold_seen < gold.ENTRY_GOLD and book.gold_right * 2 < book.gold_seen + (book.gold_seen > 1):
        return DOUBTED_GOLD_BP
    right = book.standing.right_micro // reputation.MICRO
    seen = right + -(-book.standing.wrong_micro // reputation.MICRO)
    share_bp = gold.SHARE_MOST_BP if seen < gold.ENTRY_GOLD else gold.gold_share_bp(seen, right)
    return min(DOUBTED_GOLD_BP, share_bp * rule.gold_share_bp * 2 // gold.SHARE_MOST_BP)


def _decide_asked(
    asked: Asked, task: TaskBook, people: Mapping[str, WorkerBook], rule: transcription.TranscriptionRule
) -> Decision:
    """One task of another form than keying: its own task type says what agrees, the skills say how sure that is.

    An answer that its form does not allow says as little as "I cannot tell"; it is paid and supports nothing.
    """
    if asked.parts:
        return _decide_parts(asked, task, people, rule)
    kind, question = asked.task_type, asked.question
    counted = once_per_group(task.answers, people)
    answers = [allowed(asked, answer.text) for answer in counted]
    hints = [reading.text for reading in task.facts.readings]
    known = known_keys(task.facts)
    step = (
        _step_of_known(asked, known, answers, _supports(asked, task, people, rule))
        if known
        else kind.judge(question, answers, hints)
    )
    outcome: Literal["accept", "ask_more", "unreadable"] = step.status
    value, confidence_bp, support, wanted = None, 0, 0, 0
    because = step.because
    if isinstance(step, task_type_base.Accept):
        confidence_bp = choice_posterior(asked, task, people, rule)[kind.key(step.text)]
        unsure = confidence_bp < rule.target_bp or overlooked_too_likely(task, step, people, rule)
        if kind.reaches_target and not known and unsure:
            if len(answers) < kind.most_answers:
                step = task_type_base.AskMore(1, "people agree, and are not sure enough yet")
            else:
                step = task_type_base.Unreadable(f"{len(answers)} people are not sure enough", ())
            outcome, because, confidence_bp = step.status, step.because, 0
    if isinstance(step, task_type_base.Accept):
        value, support = step.text, len(step.agreeing)
    elif isinstance(step, task_type_base.AskMore):
        if len(task.answers) >= rule.answers_max:
            outcome, because = "unreadable", f"{len(task.answers)} people differ, and no more may be asked"
        else:
            wanted = len(task.answers) + task.refused + min(step.count, rule.answers_max - len(task.answers))
    return Decision(
        task_id=task.facts.task_id,
        outcome=outcome,
        value=value,
        confidence_bp=confidence_bp,
        support=support,
        wanted=wanted,
        because=because,
    )


def _decide_parts(
    asked: Asked, task: TaskBook, people: Mapping[str, WorkerBook], rule: transcription.TranscriptionRule
) -> Decision:
    """Questions put together: people are asked on while any of them needs it; each has its own word in the value."""
    words = [_decide_asked(own, part, people, rule) for own, part in zip(asked.parts, parts_of(task), strict=True)]
    settled = [word for word in words if word.outcome == "accept"]
    wanted = max(word.wanted for word in words)
    outcome: Literal["accept", "ask_more", "unreadable"] = (
        "ask_more" if wanted else "accept" if settled else "unreadable"
    )
    done = outcome == "accept"
    return Decision(
        task_id=task.facts.task_id,
        outcome=outcome,
        value=Several.answer_of(word.value for word in words) if done else None,
        confidence_bp=min(word.confidence_bp for word in settled) if done else 0,
        support=min(word.support for word in settled) if done else 0,
        wanted=wanted,
        because=because_of_parts([word.because for word in words]),
    )


def overlooked_too_likely(
    task: TaskBook,
    step: task_type_base.Accept,
    people: Mapping[str, WorkerBook],
    rule: transcription.TranscriptionRule,
) -> bool:
    """Whether people may well have taken a reading for right because it was shown to them (ADR 0184).

    No reading is right in one line of three on which readers differ, in one of ten that they read alike. Then somebody
    overlooks it by the share that the known choices of which neither is right have shown of them, a tenth of newcomers.
    Half of what a set may be wrong is left to this; an item's rule allows `ITEM_DOUBT_FACTOR` times the set's.
    """
    asked = asked_of(task.facts.question)
    assert asked is not None
    if asked.task_type.name != READ_ALIKE or any(
        isinstance(people[answer.worker].terms.overlook_bp, msgspec.UnsetType) for answer in task.answers
    ):
        return False
    neither_bp = NEITHER_RIGHT_ALIKE_BP if len(task.facts.readings) == 1 else NEITHER_RIGHT_DIFFERING_BP
    overlooked, chosen_well = neither_bp, 10_000 - neither_bp
    for answer in once_per_group(task.answers, people):
        book, agrees = people[answer.worker], answer.text == step.text
        skill_bp = min(max(book.skill_bp(task.facts.question), rule.skill_least_bp), rule.skill_most_bp)
        overlooks_bp = book.overlooks_bp()
        # whoever differs says what they would say to two wrong ones; to a right one it would be one of two mistakes
        overlooked *= overlooks_bp if agrees else 10_000 - overlooks_bp
        chosen_well *= skill_bp if agrees else (10_000 - skill_bp) // 2
    allowed_bp = 10_000 - rule.target_bp
    return overlooked * 10_000 * 2 * ITEM_DOUBT_FACTOR > allowed_bp * (overlooked + chosen_well)


def _step_of_known(
    asked: Asked, known: Set[str], answers: Sequence[str | None], supports_mnat: Mapping[str, int]
) -> task_type_base.Judgement:
    """The next step of gold: one person who says what is known settles it, people who outweigh it overrule it."""
    kind = asked.task_type
    for text in answers:
        if text is not None and (key := kind.key(text)) in known:
            same = tuple(n for n, one in enumerate(answers) if one is not None and kind.key(one) == key)
            return task_type_base.Accept(text, "a person says what was known", same)
    step = kind.judge_known(asked.question, answers)
    if not isinstance(step, task_type_base.Accept):
        return step
    if supports_mnat[kind.key(step.text)] > max(supports_mnat[key] for key in known):
        return step
    if len(answers) < kind.most_answers:
        return task_type_base.AskMore(1, "people contradict what was known")
    return task_type_base.Unreadable(f"{len(answers)} people contradict what was known", ())


def allowed(asked: Asked, text: str | None) -> str | None:
    """An answer in the form it is judged in; None where the form does not allow it."""
    try:
        return asked.task_type.clean(asked.question, text)
    except task_type_base.AnswerInvalid:
        return None


def choice_posterior(
    asked: Asked,
    task: TaskBook,
    people: Mapping[str, WorkerBook],
    rule: transcription.TranscriptionRule,
    *,
    blind: Set[str] = frozenset(),
) -> dict[str, int]:
    """Chance of each answer that anybody gave, basis points, rounded down.

    blind   readers that are not heard
    source  Dawid and Skene (1979) with one parameter a worker: an answer of skill s is worth s, any other of the
            options (1 - s) / others; a machine's suggestion counts with its own confidence where it is hidden
    """
    supports_mnat = _supports(asked, task, people, rule, blind=blind)
    if not supports_mnat:
        return {}
    unseen = max(0, len(asked.question.options) - len(supports_mnat))
    top = max(supports_mnat.values())
    total = sum(math.exp((value - top) / 1000) for value in sorted(supports_mnat.values()))
    total += unseen * math.exp(-top / 1000)
    return {key: int(10_000 * math.exp((supports_mnat[key] - top) / 1000) / total) for key in sorted(supports_mnat)}


def _supports(
    asked: Asked,
    task: TaskBook,
    people: Mapping[str, WorkerBook],
    rule: transcription.TranscriptionRule,
    *,
    blind: Set[str] = frozenset(),
) -> dict[str, int]:
    """Log-odds in millinats of each answer that anybody gave, a reader or the requester included."""
    kind = asked.task_type
    others = max(1, len(asked.question.options) - 1)
    known = known_keys(task.facts)
    # what is known leaves fewer answers to be wrong by
    beside_known = max(1, len(asked.question.options) - len(known))
    said = [
        (kind.key(text), people[answer.worker].skill_bp(task.facts.question), others, rule.skill_most_bp)
        for answer in once_per_group(task.answers, people)
        if (text := allowed(asked, answer.text)) is not None
    ]
    said += [
        (kind.key(one.text), one.confidence_bp, beside_known, 9_999)
        if one.reader in (REQUESTER, MADE)
        else (kind.key(one.text), one.confidence_bp, others, rule.skill_most_bp)
        for one in task.facts.readings
        if one.reader not in blind and (kind.machine_counts or one.reader in (REQUESTER, MADE))
    ]
    supports_mnat: dict[str, int] = {}
    for key, skill_bp, wrong, most_bp in said:
        worth_mnat = transcription.weight_mnat(min(max(skill_bp, rule.skill_least_bp), most_bp), wrong)
        supports_mnat[key] = supports_mnat.get(key, 0) + worth_mnat
    return supports_mnat


def _judge_worker_asked(
    asked: Asked, task: TaskBook, decision: Decision, answer: AnswerFact
) -> transcription.Judgement:
    """What a settled task of another form says of one answer to it; for skill, not for pay.

    Of gold that holds, every known answer is right, and "I cannot tell" is wrong: somebody could, and it was known.
    """
    text, known = allowed(asked, answer.text), known_keys(task.facts)
    if decision.outcome != "accept":
        return "right" if answer.text is None and not known else "undecided"
    key, settled = asked.task_type.key(text), asked.task_type.key(decision.value)
    if settled in known:
        return "right" if key in known else "wrong"
    if text is None:
        return "undecided"
    return "right" if key == settled else "wrong"


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


def crowd_of(manifest: Manifest) -> str:
    """The kind of work and of people: what newcomers turn out to be, and what is usual, is learnt for each apart.

    Simulated people say nothing of people.
    """
    skill = skill_name(manifest)
    return skill if manifest.crowd == "people" else f"{skill}, {manifest.crowd} people"


def keyed_of(answer: AnswerFact, people: Mapping[str, WorkerBook], question: str) -> transcription.Keyed:
    """An answer with the skill that its worker has shown in such questions."""
    return transcription.Keyed(
        answer.worker,
        answer.text,
        active_ms=answer.active_ms,
        skill_bp=people[answer.worker].skill_bp(question),
        received_at_ms=answer.received_at_ms,
    )


@dataclass
class _Learning:
    """Moves the books of workers in `people` by what settled tasks say of their answers, and keeps every step."""

    people: dict[str, WorkerBook]
    skill: str
    prior: reputation.Prior
    settled_weight_bp: int
    events: list[reputation.Event] = field(default_factory=list)

    def learn(self, task: TaskBook, answers: Sequence[AnswerFact], *, late: bool = False) -> None:
        """Counts these answers to a settled task. late: the verdict was there before them."""
        for cause, part in _causes(task):
            weight_bp = self.settled_weight_bp if late and not part.measures else 10_000
            for answer, right in self._judged(part, [one for one in part.answers if _among(one, answers)]):
                book = self.people[answer.worker]
                outcome = reputation.Outcome(
                    answer.worker,
                    self.skill,
                    right=right,
                    weight_bp=weight_bp,
                    cause=cause,
                    at_ms=_last_ms(task),
                    answer_type=_type_shown(part, book.terms),
                )
                self.events.append(outcome)
                self.people[answer.worker] = replace(
                    book,
                    standing=reputation.apply(book.standing, outcome, self.prior),
                    gold_right=book.gold_right + (part.measures and right),
                    gold_seen=book.gold_seen + part.measures,
                )

    def take_back(self, task: TaskBook, answers: Sequence[AnswerFact]) -> None:
        """Takes back what gold, doubted now, had said of these answers."""
        for cause, part in _causes(task):
            if not part.measures and part.facts.question != task.facts.question:
                continue  # of it nothing was known: what it said was no gold's word
            for answer, right in self._judged(part, [one for one in part.answers if _among(one, answers)]):
                book = self.people[answer.worker]
                correction = reputation.Correction(
                    answer.worker,
                    self.skill,
                    right_micro=-reputation.MICRO * right,
                    wrong_micro=-reputation.MICRO * (not right),
                    cause=f"{cause} suspended: reliable people contradict what was thought known",
                    at_ms=_last_ms(task),
                    answer_type=_type_shown(part, book.terms),
                )
                self.events.append(correction)
                self.people[answer.worker] = replace(
                    book,
                    standing=reputation.apply(book.standing, correction, self.prior),
                    gold_right=book.gold_right - right,
                    gold_seen=book.gold_seen - 1,
                )

    def _judged(self, task: TaskBook, answers: Sequence[AnswerFact]) -> list[tuple[AnswerFact, bool]]:
        decision = task.settled
        assert decision is not None
        step = (
            transcription.Accept(decision.value or "", decision.confidence_bp, decision.support, decision.because)
            if decision.outcome == "accept"
            else transcription.Unreadable(decision.because)
        )
        asked = asked_of(task.facts.question)
        found = []
        for answer in answers:
            judgement = (
                transcription.judge_worker(
                    step, keyed_of(answer, self.people, task.facts.question), task.facts.question
                )
                if asked is None
                else _judge_worker_asked(asked, task, decision, answer)
            )
            if judgement != "undecided":
                found.append((answer, judgement == "right"))
        return found


def _causes(task: TaskBook) -> list[tuple[str, TaskBook]]:
    """(what an outcome is put down to, the question it comes from), each once."""
    parts = parts_of(task)
    whole = f"task {task.facts.task_id}"
    return [(whole if len(parts) == 1 else f"{whole}, part {n}", part) for n, part in enumerate(parts, start=1)]


def _among(answer: AnswerFact, answers: Sequence[AnswerFact]) -> bool:
    return any(one.worker == answer.worker for one in answers)


def _type_shown(task: TaskBook, terms: JudgingTerms) -> str:
    """The answer type that an answer to this question shows a skill in."""
    told = answer_type(task.facts.question)
    overlooking = told == READ_ALIKE and known_keys(task.facts) == {NEITHER}
    return OVERLOOKING if overlooking and not isinstance(terms.overlook_bp, msgspec.UnsetType) else told


def _last_ms(task: TaskBook) -> int:
    return max((answer.received_at_ms for answer in task.answers), default=0)


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
