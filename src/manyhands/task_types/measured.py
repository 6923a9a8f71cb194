"""What a finished job shows of its own quality: confidence against known pieces, and signs to look at. Pure.

Rules kept here
- Known pieces (gold) are judged blind here: by persons alone, without the readers whose agreement made them gold.
- A known piece that reliable people contradict is suspended: it measures nobody.
- A sign names its counts. Nothing here takes pay, moves a standing or refuses a job.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from manyhands.protocol.evidence import BatchEvidence
from manyhands.protocol.manifest import Manifest
from manyhands.quality import gold as known_pieces
from manyhands.quality import transcription
from manyhands.quality.abuse import Flag, pace_flags, same_mistakes
from manyhands.quality.calibration import Reliability, fit_scale, reliability
from manyhands.quality.fields import normalise
from manyhands.task_types.judging import JobBook, TaskBook, keyed_of, skill_name, transcription_rule

FEASIBLE_PART = 4
"""Nobody reads and keys in less than a quarter of the median effort: fast typists are three times as fast as the median
one (Dhakal et al. 2018, 136 million keystrokes: mean 52 words a minute, the fastest above 120)."""


class Measured(msgspec.Struct, frozen=True):
    """What is known of a job's confidence and of its answers.

    confidence   one sentence: calibrated on what, or uncalibrated
    gold         known pieces that were settled and could be judged by persons alone
    contested    known pieces that reliable people contradict; they are left out
    reliability  confidence against truth over these pieces, None when they are too few
    signs        what somebody should look at, with counts
    """

    confidence: str
    calibrated: bool
    gold: int
    contested: tuple[str, ...]
    reliability: Reliability | None
    signs: tuple[Flag, ...]

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
    posteriors, right, contested = [], [], []
    truth: dict[str, str] = {}
    for task_id in sorted(book.tasks):
        task = book.tasks[task_id]
        if task.settled is None:
            continue
        if not task.facts.gold or not task.facts.readings:
            if task.settled.outcome == "accept" and task.settled.value is not None:
                truth[task_id] = normalise(task.settled.value, task.facts.question)
            continue
        known = _known_value(task)
        if known_pieces.is_contested(_contests(task, known, book)):
            contested.append(task_id)
            continue
        truth[task_id] = known
        blind = transcription.best_of_persons(
            [keyed_of(answer, book.workers) for answer in task.answers],
            transcription_rule(book.rule),
            task.facts.question,
        )
        if blind is not None:
            posteriors.append(blind[1] / 10_000)
            right.append(blind[0] == known)
    scale = fit_scale(np.asarray(posteriors, np.float64), np.asarray(right, bool))
    table = (
        reliability(scale.apply(np.asarray(posteriors, np.float64)), np.asarray(right, bool))
        if scale.calibrated
        else None
    )
    return Measured(
        confidence=scale.says,
        calibrated=scale.calibrated,
        gold=len(posteriors),
        contested=tuple(contested),
        reliability=table,
        signs=signs(book, batches, truth),
    )


def signs(book: JobBook, batches: Sequence[BatchEvidence], truth: dict[str, str]) -> tuple[Flag, ...]:
    """Equal mistakes of pairs, and each worker's own pace. truth: task -> normalised value, where it is known."""
    streams: dict[str, list[tuple[int, str, str, int, int]]] = {}
    for batch in batches:
        for record in batch.answers:
            answer = record.answer
            facts = book.tasks[answer.task_id].facts
            value = normalise(answer.text or "", facts.question)
            one = (answer.received_at_ms, answer.task_id, value, answer.active_ms, facts.effort_ms)
            streams.setdefault(answer.worker, []).append(one)
    found = same_mistakes(
        [(worker, task_id, value) for worker, own in streams.items() for _, task_id, value, _, _ in own if value],
        truth,
        alternatives=transcription.TranscriptionRule().alternatives,
    )
    for worker in sorted(streams):
        own = sorted(streams[worker])
        feasible_ms = min(effort_ms for *_, effort_ms in own) // FEASIBLE_PART
        found += pace_flags(worker, [(value, active_ms) for _, _, value, active_ms, _ in own], feasible_ms=feasible_ms)
    return tuple(found)


def _known_value(task: TaskBook) -> str:
    """What made the piece gold: the surest reading."""
    best = min(task.facts.readings, key=lambda reading: (-reading.confidence_bp, reading.text))
    return normalise(best.text, task.facts.question)


def _contests(task: TaskBook, known: str, book: JobBook) -> list[known_pieces.Contest]:
    return [
        known_pieces.Contest(
            answer.worker,
            normalise(answer.text, task.facts.question) == known,
            book.workers[answer.worker].standing.mean_bp,
        )
        for answer in task.answers
        if answer.text and answer.text.strip()
    ]
