"""From evidence, holdback and standings to a verdict and everyone's pay. Pure.

Rules kept here
- Evidence that does not give the recorded decisions again stops everything: nothing is paid on a wrong count.
- A standing moves by outcomes with causes; replaying them in the order of the log gives it again.
- Pay rests on the standing as the job's own evidence gives it: what was brought in and what was shown since. So an
  auditor gets the same pay, whatever other jobs the worker did meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from manyhands.pricing import Earned, credited_ms, determine_pay, learning_pay
from manyhands.protocol.appeals import check_ruling
from manyhands.protocol.errors import ProtocolError
from manyhands.protocol.evidence import BatchEvidence, EvidenceMismatch, JudgingTerms, PayoutsFile, WorkerPay
from manyhands.protocol.manifest import Manifest
from manyhands.protocol.messages import AppealRuled, Learned, TypeStanding
from manyhands.quality import acceptance_test, reputation
from manyhands.quality.reference import Reference
from manyhands.task_types.judging import FIRST_TERMS, NO_TYPES, JobBook, prior_of, skill_name, standing_from

if TYPE_CHECKING:
    # these bring numpy: serving people does without
    from manyhands.quality.abuse import Flag
    from manyhands.task_types.measured import Measured

PRACTICE_WEIGHT_BP = 2_500
"""What a known piece of the practice counts beside one met in work: the worker knew that it was one (ADR 0130)."""


@dataclass(frozen=True)
class Replayed:
    """A job judged again. earned per worker has no standing yet."""

    outcomes: tuple[reputation.Event, ...]
    accepted: int
    """Values accepted."""
    base_minor: Mapping[str, int]
    answers: Mapping[str, int]
    credited_ms: Mapping[str, int]
    refused: Mapping[tuple[str, str], tuple[int, int]]
    """(worker, task) of each refused answer -> the reward it was offered for, and the time it would be credited."""
    brought: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    """worker -> counts (right_micro, wrong_micro, at_ms) as the evidence says they were brought into the job."""
    terms: JudgingTerms = FIRST_TERMS
    measured: Measured | None = None

    @property
    def reserved_minor(self) -> int:
        return sum(self.base_minor.values())


def replay(manifest: Manifest, batches: Sequence[BatchEvidence]) -> Replayed:
    """Judges every batch again.

    raises  EvidenceMismatch where decisions, refusals or rewards are not what the rule gives
    """
    from manyhands.task_types.measured import measure_book

    book = JobBook(manifest.quality, skill_name(manifest))
    outcomes: list[reputation.Event] = []
    accepted = 0
    brought: dict[str, tuple[int, int, int]] = {}
    base: dict[str, int] = {}
    counts: dict[str, int] = {}
    worked: dict[str, int] = {}
    turned_down: dict[tuple[str, str], tuple[int, int]] = {}
    for expected_no, batch in enumerate(batches, start=1):
        if batch.batch_no != expected_no or batch.job_id != manifest.job_id:
            raise EvidenceMismatch("order of batches", expected=str(expected_no), found=str(batch.batch_no))
        try:
            judged = book.replay(batch)
        except KeyError as missing:
            raise ProtocolError(f"batch {expected_no}: the evidence lacks {missing}") from missing
        for what, found, expected in (
            ("decisions", batch.decisions, judged.decisions),
            ("refusals", batch.refused, judged.refused),
            ("rewards", tuple(r.reward_minor for r in batch.answers), judged.rewards_minor),
        ):
            if found != expected:
                raise EvidenceMismatch(f"{what} of batch {expected_no}", expected=_short(expected), found=_short(found))
        outcomes += judged.outcomes
        accepted += sum(one.outcome == "accept" for one in judged.decisions)
        brought |= batch.standings
        refused = {(one.task_id, one.worker) for one in judged.refused}
        for record in batch.answers:
            worker = record.answer.worker
            facts = book.tasks[record.answer.task_id].facts
            took_ms = credited_ms(manifest.pay, effort_ms=facts.effort_ms, active_ms=record.answer.active_ms)
            base[worker] = base.get(worker, 0) + record.reward_minor
            if (facts.task_id, worker) in refused:
                turned_down[worker, facts.task_id] = (facts.reward_minor, took_ms)
                counts.setdefault(worker, 0)
                worked.setdefault(worker, 0)
                continue
            counts[worker] = counts.get(worker, 0) + 1
            worked[worker] = worked.get(worker, 0) + took_ms
    measured = measure_book(book, batches)
    return Replayed(
        outcomes=tuple(outcomes),
        accepted=accepted,
        base_minor=base,
        answers=counts,
        credited_ms=worked,
        refused=turned_down,
        brought=brought,
        terms=book.terms,
        measured=measured,
    )


def restored(replayed: Replayed, appeals: Sequence[AppealRuled]) -> dict[str, tuple[int, int, int]]:
    """What granted appeals give back: worker -> answers, minor units, credited ms. An answer is given back once.

    raises  BadRuling for a ruling that does not follow from its signatures
    """
    back: dict[str, tuple[int, int, int]] = {}
    given: set[tuple[str, str]] = set()
    for ruling in appeals:
        check_ruling(ruling)
        for task_id in ruling.task_ids if ruling.granted else ():
            answer = (ruling.worker, task_id)
            if answer in given or answer not in replayed.refused:
                continue
            given.add(answer)
            reward_minor, took_ms = replayed.refused[answer]
            answers, minor, worked_ms = back.get(ruling.worker, (0, 0, 0))
            back[ruling.worker] = (answers + 1, minor + reward_minor, worked_ms + took_ms)
    return back


def pay_of(
    manifest: Manifest,
    replayed: Replayed,
    worker: str,
    *,
    accepted: bool,
    score_bp: int,
    back: tuple[int, int, int] = (0, 0, 0),
    jury_minor: int = 0,
    learning_minor: int = 0,
) -> WorkerPay:
    """One worker's pay. back: what appeals restored; bonus and floor count it like any accepted answer.

    Pay for getting ready has its own time and stands outside bonus and floor.
    """
    answers, restored_minor, restored_ms = back
    base_minor = replayed.base_minor.get(worker, 0)
    own = determine_pay(
        manifest.pay,
        Earned(
            worker=worker,
            answers=replayed.answers.get(worker, 0) + answers,
            base_minor=base_minor + restored_minor,
            credited_ms=replayed.credited_ms.get(worker, 0) + restored_ms,
            standing_bp=score_bp,
        ),
        accepted=accepted,
    )
    return WorkerPay(
        worker=worker,
        answers=own.answers,
        credited_ms=own.credited_ms,
        base_minor=base_minor,
        bonus_minor=own.bonus_minor,
        top_up_minor=own.top_up_minor,
        jury_minor=jury_minor,
        restored_minor=restored_minor,
        learning_minor=learning_minor,
        standing_bp=own.standing_bp,
    )


def moved_standings(
    outcomes: Sequence[reputation.Event],
    before: Mapping[str, tuple[int, int, int]],
    terms: JudgingTerms = FIRST_TERMS,
    types_before: Mapping[str, Mapping[str, reputation.Counts]] = MappingProxyType({}),
) -> dict[str, reputation.Standing]:
    """Standings after these events, in their order.

    before        counts (right_micro, wrong_micro, at_ms) where known; they count in full, whatever a job caps them at
    terms         what newcomers are believed
    types_before  the same by answer type: worker -> type -> (right_micro, wrong_micro)
    """
    after: dict[str, reputation.Standing] = {}
    for outcome in outcomes:
        known, by_type = before.get(outcome.worker, (0, 0, 0)), types_before.get(outcome.worker, NO_TYPES)
        start = after.get(outcome.worker) or standing_from(*known, terms, by_type)
        after[outcome.worker] = reputation.apply(start, outcome, prior_of(terms))
    return after


def types_told(
    worker: str, standing: reputation.Standing, prior: reputation.Prior, outcomes: Sequence[reputation.Event]
) -> dict[str, TypeStanding]:
    """A worker's standing by answer type, with what moved it in this job, for the worker to read."""
    told: dict[str, TypeStanding] = {}
    for name, (right_micro, wrong_micro) in sorted(standing.types.items()):
        own = [
            event.right
            for event in outcomes
            if isinstance(event, reputation.Outcome) and (event.worker, event.answer_type) == (worker, name)
        ]
        told[name] = TypeStanding(
            right_micro=right_micro,
            wrong_micro=wrong_micro,
            score_bp=reputation.of_type(standing, name, prior).score_bp,
            right=sum(own),
            judged=len(own),
        )
    return told


def scores_in_job(manifest: Manifest, replayed: Replayed, learned: Sequence[Learned] = ()) -> dict[str, int]:
    """The standing of everyone who answered, by the job's evidence alone; basis points. Who showed nothing has 0.

    learned  practices that this job pays for: their known pieces count before the job's own
    """
    events = with_practice(manifest, learned, replayed.outcomes)
    moved = moved_standings(events, replayed.brought, replayed.terms)
    return {worker: moved[worker].score_bp if worker in moved else 0 for worker in replayed.base_minor}


def beside_the_usual(replayed: Replayed, usual: Reference | None) -> tuple[str, ...]:
    """How this job's effort and difficulty stand beside those of finished jobs of its category, in a sentence."""
    answers, pieces = sum(replayed.answers.values()), replayed.accepted
    if usual is None or not usual.jobs or not answers or not pieces:
        return ("no finished job of this category to compare with",) if answers else ()
    effort_ms = sum(replayed.credited_ms.values()) // answers
    return (
        f"an answer took {effort_ms / 1000:.1f} s (usual {usual.effort_ms_mean / 1000:.1f} s), "
        f"a piece {answers / pieces:.2f} answers (usual {usual.answers_per_piece_milli / 1000:.2f})",
    )


def newcomers_prior(first_outcomes: Sequence[tuple[int, int]]) -> reputation.Prior:
    """What newcomers turned out to be. first_outcomes: (right, wrong) of each worker's first outcomes in the skill."""
    return reputation.pooled_prior(sorted(first_outcomes))


def linked(signs: Sequence[Flag], known: Mapping[str, str]) -> dict[str, str]:
    """Workers who are to count as one from now on: new members of groups, by the signs of copying in a job.

    known    worker -> group that holds already; a sign that touches a group joins it, and two groups become one
    returns  worker -> group, where it is new

    >>> from manyhands.quality.abuse import Flag
    >>> linked([Flag("copies", ("0xb", "0xa"), {}, 1, "")], {"0xb": "0xb"})
    {'0xa': '0xb'}
    """
    group_of = {worker: group for worker, group in known.items() if group}
    for sign in signs:
        if sign.kind != "copies":
            continue
        joined = {group_of.get(worker, worker) for worker in sign.workers}
        name = min({group_of[worker] for worker in sign.workers if worker in group_of} or joined)
        members = {worker for worker, group in group_of.items() if group in joined} | set(sign.workers)
        group_of |= dict.fromkeys(sorted(members), name)
    return {worker: group for worker, group in sorted(group_of.items()) if known.get(worker, "") != group}


def payouts(
    manifest: Manifest,
    replayed: Replayed,
    verdict: acceptance_test.JobVerdict,
    *,
    package_hash: str,
    jurors_minor: Mapping[str, int],
    appeals: Sequence[AppealRuled] = (),
    learned: Sequence[Learned] = (),
) -> PayoutsFile:
    """Everyone's pay, in order of address: the same evidence gives the same file, to the byte."""
    back = restored(replayed, appeals)
    ready = learning_pay(manifest, learned, replayed.base_minor)
    learned = [one for one in learned if one.worker in ready]  # a practice counts where it is paid, and only there
    scores_bp = scores_in_job(manifest, replayed, learned)
    pay = [
        pay_of(
            manifest,
            replayed,
            worker,
            accepted=verdict.accepted,
            score_bp=scores_bp.get(worker, 0),
            back=back.get(worker, (0, 0, 0)),
            jury_minor=jurors_minor.get(worker, 0),
            learning_minor=ready.get(worker, 0),
        )
        for worker in sorted({*replayed.base_minor, *jurors_minor})
    ]
    return PayoutsFile(
        job_id=manifest.job_id,
        package_hash=package_hash,
        measured_bp=-1 if verdict.measured_bp is None else verdict.measured_bp,
        lower_bp=verdict.lower_bp,
        accepted=verdict.accepted,
        rests_on="; ".join((*verdict.rests_on, *(replayed.measured.says if replayed.measured else ()))),
        pay=tuple(one for one in pay if one.total_minor > 0),
        appeals=tuple(appeals),
        learned=tuple(learned),
    )


def owed_in_order(file: PayoutsFile) -> list[tuple[str, int]]:
    """Who gets what, minor units, in the order of pay: everyone's answers, then what makes up for something (the fair
    floor, jury work, getting ready), then bonus. Who is cut, by a theft or an early end, is cut from behind (ADR 0163).
    """
    earned = [(pay.worker, pay.base_minor + pay.restored_minor) for pay in file.pay]
    bonus = [(pay.worker, pay.bonus_minor) for pay in file.pay]
    made_up = [
        (pay.worker, pay.total_minor - minor - extra)
        for pay, (_, minor), (_, extra) in zip(file.pay, earned, bonus, strict=True)
    ]
    return [(worker, minor) for worker, minor in (*earned, *made_up, *bonus) if minor]


def with_practice(
    manifest: Manifest, learned: Sequence[Learned], outcomes: Sequence[reputation.Event]
) -> tuple[reputation.Event, ...]:
    """The outcomes of a job after those of the practice that its workers did before it.

    learned  those whom this job pays for it: a practice counts once, where it is paid
    """
    skill = skill_name(manifest)
    practised = [
        reputation.Outcome(
            worker=one.worker,
            skill=skill,
            right=place < one.right,
            weight_bp=PRACTICE_WEIGHT_BP,
            cause=f"practice {one.practice}, piece {place + 1}",
            at_ms=one.at_ms,
        )
        for one in learned
        if one.practice
        for place in range(one.asked)
    ]
    return (*practised, *outcomes)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
