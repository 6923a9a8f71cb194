"""What a finished job shows of its own quality: confidence against known pieces, and signs to look at. Pure.

Rules kept here
- Known pieces (gold) are judged blind here: without what made them known. Where readers' agreement made them gold,
  that leaves people alone; where the requester knew them, people and readers. A confidence says which of the two.
- A model's posterior is never a confidence: without at least ten known pieces there is none.
- A known piece that reliable people contradict is suspended: it measures nobody.
- A question that the exchange made up measures people and nothing else: it is no sample of what the job asks.
- A sign names its counts. Nothing here takes pay, moves a standing or refuses a job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import msgspec
import numpy as np

from manyhands.protocol.evidence import BatchEvidence
from manyhands.protocol.manifest import Manifest
from manyhands.protocol.messages import REQUESTER
from manyhands.quality import transcription
from manyhands.quality.abuse import Flag, pace_flags, same_mistakes
from manyhands.quality.calibration import GOLD_LEAST, Reliability, Scale, fit_scale, reliability
from manyhands.quality.fields import normalise
from manyhands.quality.table import Floats
from manyhands.task_types.asked import asked_of, compared_as
from manyhands.task_types.judging import (
    JobBook,
    TaskBook,
    choice_posterior,
    is_contested,
    is_made,
    keyed_of,
    known_keys,
    once_per_group,
    parts_of,
    skill_name,
    transcription_rule,
)

FEASIBLE_PART = 4
"""Nobody reads and keys in less than a quarter of the median effort: fast typists are three times as fast as the median
one (Dhakal et al. 2018, 136 million keystrokes: mean 52 words a minute, the fastest above 120)."""


class Measured(msgspec.Struct, frozen=True):
    """What is known of a job's confidence and of its answers.

    confidence      one sentence: calibrated on what, or uncalibrated
    gold            known pieces that were settled and could be judged blind
    contested       known pieces that reliable people contradict; they are left out
    reliability     confidence against truth over these pieces, None when they are too few
    signs           what somebody should look at, with counts
    confidences_bp  task -> calibrated confidence of its accepted value; empty when nothing is calibrated
    by_requester    whether these rest on pieces that the requester knew; else on people alone, without the readers
    """

    confidence: str
    calibrated: bool
    gold: int
    contested: tuple[str, ...]
    reliability: Reliability | None
    signs: tuple[Flag, ...]
    confidences_bp: dict[str, int] = {}
    by_requester: bool = False

    @property
    def says(self) -> tuple[str, ...]:
        """Sentences for the verdict."""
        error = f", expected calibration error {100 * self.reliability.ece:.1f} %" if self.reliability else ""
        told = [f"confidence of keyed pieces {self.confidence}{error}"]
        if self.contested:
            told.append(f"{len(self.contested)} known pieces suspended, as reliable people contradict them")
        if self.signs:
            told.append(
                f"{len(self.signs)} signs for a person to look at, no pay taken for them: "
                + "; ".join(f"{flag.kind} ({len(flag.workers)} workers)" for flag in self.signs[:5])
            )
        return tuple(told)


def measure(manifest: Manifest, batches: Sequence[BatchEvidence]) -> Measured:
    """Judges the batches again and looks at what came of it. raises KeyError when the evidence misses a task"""
    book = JobBook(manifest.quality, skill_name(manifest))
    for batch in batches:
        book.replay(batch)
    return measure_book(book, batches)


def measure_book(book: JobBook, batches: Sequence[BatchEvidence]) -> Measured:
    """As `measure`, of a job that was judged again already."""
    by_people, by_requester = _Blind(), _Blind()
    contested: list[str] = []
    truth: dict[str, str] = {}
    for task_id in sorted(book.tasks):
        task = book.tasks[task_id]
        if task.settled is None:
            continue
        if len(parts := parts_of(task)) > 1:
            # of questions put together what was known of each is measured by itself; none of them is keyed
            if any(part.measures for part in parts) and is_contested(task, book.workers):
                contested.append(task_id)
                continue
            for part in parts:
                if part.measures and part.facts.readings and not is_made(part.facts):
                    by_people.add(_posterior(part, book, readers=False), known_keys(part.facts))
                    by_requester.add(_posterior(part, book, readers=True), known_keys(part.facts))
            continue
        if not task.facts.gold or not task.facts.readings:
            if task.settled.outcome == "accept" and task.settled.value is not None:
                truth[task_id] = normalise(task.settled.value, compared_as(task.facts.question))
            continue
        known = known_keys(task.facts)
        if task.suspended or is_contested(task, book.workers):
            contested.append(task_id)
            continue
        if is_made(task.facts):
            continue  # it measures people; the requester's own questions are not like it, so it scales no confidence
        truth[task_id] = min(known)
        by_people.add(_posterior(task, book, readers=False), known)
        if _known_by_requester(task):
            by_requester.add(_posterior(task, book, readers=True), known)
    # pieces that the requester knew were hard enough to be asked, and no reader had a part in knowing them
    readers = len(by_requester.right) >= GOLD_LEAST
    blind = by_requester if readers else by_people
    scale = fit_scale(blind.posteriors, np.asarray(blind.right, bool))
    table = None
    confidences_bp: dict[str, int] = {}
    if scale.calibrated:
        table = reliability(scale.apply(blind.posteriors), np.asarray(blind.right, bool))
        confidences_bp = _confidences(book, scale, readers=readers)
    rests = "known by the requester" if readers else "by people alone, without the readers"
    return Measured(
        confidence=f"{scale.says}, {rests}" if scale.calibrated else scale.says,
        calibrated=scale.calibrated,
        gold=len(blind.right),
        contested=tuple(contested),
        reliability=table,
        signs=signs(book, batches, truth),
        confidences_bp=confidences_bp,
        by_requester=readers and scale.calibrated,
    )


@dataclass
class _Blind:
    """Known pieces judged without what made them known: the posterior of the best value, and whether that was right."""

    shares: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)

    def add(self, posterior_bp: Mapping[str, int], known: Set[str]) -> None:
        if posterior_bp:
            best = min(posterior_bp, key=lambda value: (-posterior_bp[value], value))
            self.shares.append(posterior_bp[best] / 10_000)
            self.right.append(best in known)

    @property
    def posteriors(self) -> Floats:
        return np.asarray(self.shares, np.float64)


def _known_by_requester(task: TaskBook) -> bool:
    return any(reading.reader == REQUESTER for reading in task.facts.readings)


def _posterior(task: TaskBook, book: JobBook, *, readers: bool) -> dict[str, int]:
    """Posterior per value, basis points, without what the requester knew; linked workers count once."""
    if (asked := asked_of(task.facts.question)) is not None:
        blind = {one.reader for one in task.facts.readings if not readers or one.reader == REQUESTER}
        return choice_posterior(asked, task, book.workers, transcription_rule(book.rule), blind=blind)
    heard = [
        transcription.Reading(reading.text, reading.reader, reading.confidence_bp)
        for reading in task.facts.readings
        if readers and reading.reader != REQUESTER
    ]
    counted = once_per_group(task.answers, book.workers)
    keyed = [keyed_of(answer, book.workers, task.facts.question) for answer in counted]
    return transcription.posterior_of(heard, keyed, transcription_rule(book.rule), task.facts.question)


def _confidences(book: JobBook, scale: Scale, *, readers: bool) -> dict[str, int]:
    """task -> confidence of the accepted value, basis points, never certainty."""
    found: list[tuple[str, float]] = []
    for task_id, task in sorted(book.tasks.items()):
        if task.settled is None or task.settled.outcome != "accept":
            continue
        if asked_of(task.facts.question) is not None:
            found.append((task_id, task.settled.confidence_bp / 10_000))
            continue
        value = normalise(task.settled.value or "", task.facts.question)
        found.append((task_id, _posterior(task, book, readers=readers).get(value, 0) / 10_000))
    confidences = scale.apply(np.asarray([share for _, share in found], np.float64))
    return {
        task_id: min(9_999, int(10_000 * confidence))
        for (task_id, _), confidence in zip(found, confidences, strict=True)
    }


def signs(book: JobBook, batches: Sequence[BatchEvidence], truth: dict[str, str]) -> tuple[Flag, ...]:
    """Equal mistakes of pairs, and each worker's own pace. truth: task -> normalised value, where it is known."""
    streams: dict[str, list[tuple[int, str, str, int, int]]] = {}
    for batch in batches:
        for record in batch.answers:
            answer = record.answer
            facts = book.tasks[answer.task_id].facts
            value = normalise(answer.text or "", compared_as(facts.question))
            one = (answer.received_at_ms, answer.task_id, value, answer.active_ms, facts.effort_ms)
            streams.setdefault(answer.worker, []).append(one)
    found = same_mistakes(
        [
            (worker, task_id, value)
            for worker, own in streams.items()
            for _, task_id, value, _, _ in own
            # of a few places two honest people mistake the same one far more often than of thirty spellings
            if value and asked_of(book.tasks[task_id].facts.question) is None
        ],
        truth,
        alternatives=transcription.TranscriptionRule().alternatives,
    )
    for worker in sorted(streams):
        own = sorted(streams[worker])
        feasible_ms = min(effort_ms for *_, effort_ms in own) // FEASIBLE_PART
        found += pace_flags(worker, [(value, active_ms) for _, _, value, active_ms, _ in own], feasible_ms=feasible_ms)
    return tuple(found)
