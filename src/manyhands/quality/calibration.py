"""From a model's posterior to a confidence that means what it says.

Rules kept here
- A raw posterior is never a confidence: models take answers to be independent and are too sure of themselves.
- With gold: a straight line on the log-odds, fitted on gold that was judged blind, shrunk toward what is usual. Beyond
  500 gold items a monotone step function in place of the line.
- Without gold the usual shrinkage (temperature 3) is applied and the confidence is called uncalibrated.

>>> scale = fit_scale(np.array([0.99] * 40), np.array([True] * 36 + [False] * 4))
>>> 0.87 < float(scale.apply(np.array([0.99]))[0]) < 0.94, scale.calibrated
(True, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from manyhands.quality.table import Floats

#: usual over-confidence of a matrix model on real crowds, and how much it varies (in log): see docs/quality.md
USUAL_TEMPERATURE: Final = 3.0
TEMPERATURE_SPREAD: Final = 0.5
#: a shift says what temperature cannot: that the model is wrong even where it wavers. Half the log-odds is a lot of it
SHIFT_SPREAD: Final = 0.5
#: what was made as sure as gold shows once has used up its gold: hardly a correction is left to learn (adr/0142)
AGAIN_SPREAD: Final = 0.05
ISOTONIC_FROM: Final = 500
GOLD_LEAST: Final = 10


@dataclass(frozen=True)
class Scale:
    """confidence = sigmoid(logit(posterior) / temperature + shift), or a step function of the posterior.

    knots, heights  posterior -> confidence, increasing; None for the line
    """

    temperature: float
    shift: float = 0.0
    gold: int = 0
    knots: Floats | None = None
    heights: Floats | None = None

    @property
    def calibrated(self) -> bool:
        """True when at least GOLD_LEAST gold items stand behind it."""
        return self.gold >= GOLD_LEAST

    @property
    def says(self) -> str:
        """One sentence for the result package."""
        if not self.calibrated:
            return f"uncalibrated: {self.gold} gold items, usual temperature {self.temperature:.2g}"
        if self.knots is not None:
            return f"calibrated on {self.gold} gold items, isotonic"
        return f"calibrated on {self.gold} gold items, temperature {self.temperature:.2f}, shift {self.shift:+.2f}"

    def apply(self, posterior: Floats) -> Floats:
        """Confidence of each posterior of a chosen label, 0..1."""
        if self.knots is not None and self.heights is not None:
            return np.asarray(np.interp(posterior, self.knots, self.heights))
        found = np.empty(len(posterior))
        # so few at a time that what is in between stays in the cache
        for at in range(0, len(posterior), 1 << 14):
            some = posterior[at : at + (1 << 14)]
            found[at : at + (1 << 14)] = _sigmoid(logit(some) / self.temperature + self.shift)
        return found


class Bin(msgspec.Struct, frozen=True):
    """One row of a reliability table: shares 0..1 of the items whose confidence lies in [from, to)."""

    confidence_from: float
    confidence_to: float
    count: int
    confidence_mean: float
    right_share: float


class Reliability(msgspec.Struct, frozen=True):
    """How confidence and truth agree. ece: expected calibration error, 0..1."""

    ece: float
    bins: tuple[Bin, ...]


def fit_temperature(posterior: Floats, truth: npt.NDArray[np.int32]) -> float:
    """The temperature at which posteriors explain known truth best, shrunk to the usual one.

    posterior  (items, labels), inferred without knowing the truth;  truth  code of the right label per item
    source     Guo et al. (2017), "On calibration of modern neural networks"; here MAP, log temperature N(log 3, 0.5)

    >>> unsure = np.array([[0.9, 0.1]] * 20), np.array([0, 1] * 10, np.int32)
    >>> fit_temperature(*unsure) > 3.0 > fit_temperature(unsure[0], np.zeros(20, np.int32))
    True
    """
    best = (float("inf"), USUAL_TEMPERATURE)
    for log_ratio in np.linspace(-2.0, 2.0, 41):
        temperature = USUAL_TEMPERATURE * float(np.exp(log_ratio))
        loss = -float(tempered(posterior, temperature)[np.arange(len(truth)), truth].sum())
        loss += 0.5 * (float(log_ratio) / TEMPERATURE_SPREAD) ** 2
        best = min(best, (loss, temperature))
    return best[1]


def tempered(posterior: Floats, temperature: float) -> Floats:
    """Logarithms of the posteriors raised to 1 / temperature, each row adding up to 1 again; at least -21."""
    logs = np.log(np.maximum(posterior, 1e-12)) / temperature
    logs -= logs.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    return np.maximum(logs, -21.0)


def fit_scale(
    posterior: Floats,
    right: npt.NDArray[np.bool_],
    *,
    usual: float = USUAL_TEMPERATURE,
    temperature_spread: float = TEMPERATURE_SPREAD,
    shift_spread: float = SHIFT_SPREAD,
) -> Scale:
    """The scale that explains which blind gold items were right.

    posterior  of the chosen label of each gold item, inferred without its gold
    right      whether the chosen label was the gold one
    usual      temperature that is shrunk to; temperature_spread, shift_spread  how far, in logarithms and log-odds
    source     Guo et al. (2017), temperature scaling; Platt (1999) for the shift; here MAP with log temperature
               N(log 3, 0.5) and shift N(0, 0.5), by Newton steps on a fixed grid of temperatures
    """
    count = len(posterior)
    if count < GOLD_LEAST:
        return Scale(usual, gold=count)
    if count > ISOTONIC_FROM:
        return _isotonic(posterior, right)
    odds = logit(posterior)
    best: tuple[float, float, float] | None = None
    for log_ratio in np.linspace(-2.0, 2.0, 81):
        temperature = usual * float(np.exp(log_ratio))
        shift = 0.0
        for _ in range(30):
            chance = _sigmoid(odds / temperature + shift)
            slope = float((right - chance).sum()) - shift / shift_spread**2
            step = slope / (float((chance * (1.0 - chance)).sum()) + 1.0 / shift_spread**2)
            shift += min(max(step, -1.0), 1.0)
            if abs(step) < 1e-9:
                break
        chance = np.clip(_sigmoid(odds / temperature + shift), 1e-12, 1 - 1e-12)
        loss = -float(np.where(right, np.log(chance), np.log(1.0 - chance)).sum())
        loss += 0.5 * (float(log_ratio) / temperature_spread) ** 2 + 0.5 * (shift / shift_spread) ** 2
        if best is None or loss < best[0]:
            best = (loss, temperature, shift)
    assert best is not None
    return Scale(best[1], best[2], count)


def reliability(confidence: Floats, right: npt.NDArray[np.bool_], *, bins: int = 10) -> Reliability:
    """The reliability table and the expected calibration error over equal bins.

    >>> reliability(np.array([0.8, 0.8, 0.8, 0.8]), np.array([True, True, True, False])).ece
    0.05
    """
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    rows: list[Bin] = []
    ece = 0.0
    for at in range(bins):
        mine = place == at
        count = int(mine.sum())
        if count:
            mean, share = float(confidence[mine].mean()), float(right[mine].mean())
            ece += abs(mean - share) * count / len(confidence)
            rows.append(Bin(at / bins, (at + 1) / bins, count, mean, share))
    return Reliability(round(ece, 12), tuple(rows))


def delivered_threshold(confidence: Sequence[float] | Floats, target: float) -> float | None:
    """The lowest confidence such that the items at or above it have a mean confidence of at least `target`.

    returns  None when not even the surest item reaches it: the target is out of reach for now
    """
    ordered = np.sort(np.asarray(confidence, np.float64))[::-1]
    means = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    reached = np.flatnonzero(means >= target)
    return float(ordered[reached[-1]]) if len(reached) else None


def logit(share: Floats) -> Floats:
    """Log-odds of a share, capped at about 27."""
    kept = np.clip(share, 1e-12, 1.0 - 1e-12)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def _isotonic(posterior: Floats, right: npt.NDArray[np.bool_]) -> Scale:
    """Pool adjacent violators (Ayer et al. 1955), with one right and one wrong item added to every block's ends."""
    # equal posteriors begin as one block: which of them comes first says nothing
    levels, level = np.unique(np.round(posterior, 12), return_inverse=True)
    counted, good_of = np.bincount(level), np.bincount(level, right)
    blocks: list[list[float]] = []  # count, right, sum of posteriors
    for value, items, hits in zip(levels.tolist(), counted.tolist(), good_of.tolist(), strict=True):
        blocks.append([float(items), hits, value * items])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][0] >= blocks[-1][1] * blocks[-2][0]:
            count, good, total = blocks.pop()
            blocks[-1][0] += count
            blocks[-1][1] += good
            blocks[-1][2] += total
    knots = np.asarray([total / count for count, _, total in blocks])
    heights = np.asarray([(good + 0.5) / (count + 1.0) for count, good, _ in blocks])
    return Scale(1.0, gold=len(posterior), knots=knots, heights=np.maximum.accumulate(heights))


def _sigmoid(value: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -40.0, 40.0))))
