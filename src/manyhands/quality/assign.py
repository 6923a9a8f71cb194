"""Whom to ask next, and whether asking is worth it.

Rules kept here
- The next answer comes from the worker with the most expected information per price, among those who have not seen the
  task and do not stand in one group with somebody who has.
- It is asked for only while the expected fall of error, times the cost of an error, exceeds its price.
- Equal worth is decided by name, so that a replay asks the same person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from manyhands.quality.errors import BadRule


class Candidate(msgspec.Struct, frozen=True):
    """A worker who could answer. skill_bp: chance of a right answer; group: workers thought to be one, "" = alone."""

    worker: str
    skill_bp: int
    price_minor: int
    group: str = ""


class Settled(msgspec.Struct, frozen=True):
    """Deliver the label with the confidence reached."""

    label: str
    confidence_bp: int
    because: str


class Ask(msgspec.Struct, frozen=True):
    """Ask this worker next. worth_minor: expected fall of error in money."""

    worker: str
    worth_minor: int
    because: str


class GiveUp(msgspec.Struct, frozen=True):
    """The cap is reached or nobody is left: unreadable, or a person of the requester decides."""

    because: str


Decision = Settled | Ask | GiveUp


def next_question(
    posterior: Mapping[str, float],
    confidence_bp: int,
    *,
    target_bp: int,
    asked: Sequence[Candidate],
    candidates: Sequence[Candidate],
    error_cost_minor: int,
    answers_max: int,
) -> Decision:
    """Settle, ask one more, or give up.

    posterior         chance per label, summing to 1;  confidence_bp  calibrated confidence of the best label
    target_bp         confidence threshold of this job (`calibration.delivered_threshold` for a mean over the delivered)
    asked             workers who have answered;  candidates  workers who could be asked
    error_cost_minor  what a wrong verdict costs the requester; 0 = an answer is always worth its price
    raises            BadRule when there is no label
    """
    if not posterior:
        raise BadRule("posterior", value={}, allowed="at least one label")
    best = min(posterior, key=lambda label: (-posterior[label], label))
    if asked and confidence_bp >= target_bp:
        return Settled(best, confidence_bp, "target reached")
    if len(asked) >= answers_max:
        return GiveUp(f"not settled after {len(asked)} answers")
    seen = {candidate.worker for candidate in asked}
    groups = {candidate.group for candidate in asked if candidate.group}
    free = [one for one in candidates if one.worker not in seen and (not one.group or one.group not in groups)]
    if not free:
        return GiveUp("nobody is left who has not seen it and is not linked to somebody who has")
    chosen = min(
        free,
        key=lambda one: (
            -information_nat(posterior, one.skill_bp) / max(1, one.price_minor),
            one.price_minor,
            one.worker,
        ),
    )
    worth_minor = math.floor(fall_of_error(posterior, chosen.skill_bp) * error_cost_minor)
    if error_cost_minor and asked and len(asked) >= 2 and worth_minor < chosen.price_minor:
        return Settled(best, confidence_bp, f"one more answer is worth {worth_minor}, it costs {chosen.price_minor}")
    return Ask(chosen.worker, worth_minor, "most information per price among those free to answer")


def information_nat(posterior: Mapping[str, float], skill_bp: int) -> float:
    """Mutual information between the truth and one answer of this skill, mistakes spread evenly, in nats.

    >>> round(information_nat({"a": 0.5, "b": 0.5}, 10_000), 4), round(information_nat({"a": 0.5, "b": 0.5}, 5_000), 4)
    (0.6921, 0.0)
    """
    labels, chance = _answer_table(posterior, skill_bp)
    total = 0.0
    for given in labels:
        shown = sum(posterior[truth] * chance(given, truth) for truth in labels)
        for truth in labels:
            both = posterior[truth] * chance(given, truth)
            if both > 0.0 and shown > 0.0:
                total += both * math.log(both / (posterior[truth] * shown))
    return max(0.0, total)


def fall_of_error(posterior: Mapping[str, float], skill_bp: int) -> float:
    """Expected fall of the chance of error by one answer of this skill."""
    labels, chance = _answer_table(posterior, skill_bp)
    after = sum(max(posterior[truth] * chance(given, truth) for truth in labels) for given in labels)
    return max(0.0, after - max(posterior.values()))


class _Table(msgspec.Struct, frozen=True):
    right: float
    wrong: float

    def __call__(self, given: str, truth: str) -> float:
        return self.right if given == truth else self.wrong


def _answer_table(posterior: Mapping[str, float], skill_bp: int) -> tuple[list[str], _Table]:
    labels = sorted(posterior)
    right = min(max(skill_bp, 1), 9_999) / 10_000
    return labels, _Table(right, (1.0 - right) / max(1, len(labels) - 1))


Mode = Literal["agreement", "model"]


def mode_for(gold_items: int, tasks: int) -> Mode:
    """Two-then-three agreement while fewer than 20 gold items and 50 tasks are there to learn from, else the model."""
    return "agreement" if gold_items < 20 and tasks < 50 else "model"
