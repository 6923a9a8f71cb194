"""The reference dataset: what a category of jobs costs in time and answers, and how good it gets.

Rules kept here
- Learnt from finished jobs only, in whole numbers, so that two oracles with the same jobs hold the same reference.
- A category with few finished jobs leans on all categories together, and says how many jobs it rests on.

>>> finished = FinishedJob("receipt", pieces=100, answers=130, effort_ms=600_000, right=97, judged=100)
>>> learn([finished])["receipt"].answers_per_piece_milli
1300
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from manyhands.quality.errors import BadRule


class FinishedJob(msgspec.Struct, frozen=True):
    """One finished job. effort_ms: active time of all answers together; right of judged: holdback pieces."""

    category: str
    pieces: int
    answers: int
    effort_ms: int
    right: int
    judged: int


class Reference(msgspec.Struct, frozen=True):
    """What is usual for a category.

    effort_ms_mean           active time of one answer
    difficulty_bp            share of answers beyond the first one of a piece: 0 = one answer is always enough
    quality_bp               expected share right, shrunk toward all categories by ten holdback pieces
    answers_per_piece_milli  thousandths of an answer
    """

    category: str
    jobs: int
    pieces: int
    effort_ms_mean: int
    difficulty_bp: int
    quality_bp: int
    answers_per_piece_milli: int


SHRINK_PIECES = 10


def learn(jobs: Iterable[FinishedJob]) -> dict[str, Reference]:
    """Reference per category, in order of category. Jobs in any order give the same result."""
    by_category: dict[str, list[FinishedJob]] = {}
    for job in jobs:
        if min(job.pieces, job.answers, job.effort_ms, job.right, job.judged) < 0 or job.right > job.judged:
            raise BadRule("finished job", value=job, allowed="counts of 0 or more, right not above judged")
        by_category.setdefault(job.category, []).append(job)
    everything = [job for group in by_category.values() for job in group]
    right_all, judged_all = sum(job.right for job in everything), sum(job.judged for job in everything)
    usual_bp = 10_000 * (right_all + 9) // (judged_all + 10)
    return {category: _reference(category, by_category[category], usual_bp) for category in sorted(by_category)}


def expected(references: Mapping[str, Reference], category: str) -> Reference | None:
    """The category's own reference, else that of its longest known prefix ("receipt/line" -> "receipt"), else None."""
    parts = category.split("/")
    for length in range(len(parts), 0, -1):
        if (found := references.get("/".join(parts[:length]))) is not None:
            return found
    return None


def _reference(category: str, jobs: list[FinishedJob], usual_bp: int) -> Reference:
    pieces, answers = sum(job.pieces for job in jobs), sum(job.answers for job in jobs)
    right, judged = sum(job.right for job in jobs), sum(job.judged for job in jobs)
    return Reference(
        category=category,
        jobs=len(jobs),
        pieces=pieces,
        effort_ms_mean=sum(job.effort_ms for job in jobs) // max(1, answers),
        difficulty_bp=10_000 * max(0, answers - pieces) // max(1, answers),
        quality_bp=(10_000 * right + SHRINK_PIECES * usual_bp) // (judged + SHRINK_PIECES),
        answers_per_piece_milli=1_000 * answers // max(1, pieces),
    )
