"""Texts from several people: the best whole text, and the best text word by word.

Rules kept here
- Texts are compared by their words in lower case without punctuation; what is delivered keeps a person's spelling.
- The medoid delivers something somebody wrote: best when an exact text is paid for. The alignment vote (ROVER) may
  deliver what nobody wrote: best word error rate. `auto` delivers the medoid when two people wrote it, else ROVER's.
- Ties go to the text that sorts first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from manyhands.quality.errors import UnknownMethod

_WORD: Final = re.compile(r"[^\w ]+")
GAP: Final = ""
#: cells of an alignment that are kept whole; beyond, 200 words by 200, each is one byte
CELLS_MOST: Final = 40_000
SAME: Final = 1e-9
TEXT_METHODS: Final = ("auto", "rover", "medoid", "vote")


def words_of(text: str) -> tuple[str, ...]:
    """Words in lower case, apostrophes closed, punctuation dropped.

    >>> words_of("Don't stop -- now!")
    ('dont', 'stop', 'now')
    """
    return tuple(_WORD.sub(" ", text.lower().replace("'", "").replace("\u2019", "")).split())


def medoid(texts: Sequence[Sequence[str]], weights: Sequence[float]) -> int:
    """Place of the text with the least weighted edit distance per word to all others."""
    best, best_cost = 0, float("inf")
    distances: dict[tuple[int, int], int] = {}
    for place, own in enumerate(texts):
        cost = 0.0
        for other, text in enumerate(texts):
            if own == text:
                continue
            key = (min(place, other), max(place, other))
            if key not in distances:
                distances[key] = Levenshtein.distance(own, text)
            cost += weights[other] * distances[key] / max(1, len(own), len(text))
        if cost < best_cost - 1e-12 or (abs(cost - best_cost) <= 1e-12 and tuple(own) < tuple(texts[best])):
            best, best_cost = place, cost
    return best


def rover(texts: Sequence[Sequence[str]], weights: Sequence[float]) -> tuple[list[str], list[float]]:
    """Align all texts word by word and vote in every place.

    texts    words per answer; the first is what the others are aligned to, so begin with the medoid
    returns  (words, weight share of each word's place)
    source   Fiscus (1997), "A post-processing system to yield reduced word error rates: ROVER"
    """
    if not texts:
        return [], []
    slots: list[dict[str, float]] = [{word: weights[0]} for word in texts[0]]
    passed = weights[0]
    for text, weight in zip(texts[1:], weights[1:], strict=True):
        slots = _add(slots, text, weight, passed)
        passed += weight
    words, shares = [], []
    for slot in slots:
        word = min(slot, key=lambda key: (-slot[key], key == GAP, key))
        if word != GAP:
            words.append(word)
            shares.append(slot[word] / passed)
    return words, shares


def _add(slots: list[dict[str, float]], text: Sequence[str], weight: float, passed: float) -> list[dict[str, float]]:
    """The word network with one more text: least cost of a change where a slot costs 1 less the share of the word."""
    rows, columns = len(slots), len(text)
    if rows * columns > CELLS_MOST:
        return _merged(slots, text, weight, passed, _moves(slots, text, passed))
    cost = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    gap_cost = [1.0 - slot.get(GAP, 0.0) / passed for slot in slots]
    for row in range(1, rows + 1):
        cost[row][0] = cost[row - 1][0] + gap_cost[row - 1]
    for column in range(1, columns + 1):
        cost[0][column] = float(column)
    for row in range(1, rows + 1):
        slot, above, here, skip = slots[row - 1], cost[row - 1], cost[row], gap_cost[row - 1]
        for column in range(1, columns + 1):
            match = above[column - 1] + 1.0 - slot.get(text[column - 1], 0.0) / passed
            here[column] = min(match, above[column] + skip, here[column - 1] + 1.0)
    merged: list[dict[str, float]] = []
    row, column = rows, columns
    while row or column:
        slot = slots[row - 1] if row else {}
        if row and column:
            word = text[column - 1]
            match = cost[row - 1][column - 1] + 1.0 - slot.get(word, 0.0) / passed
            if cost[row][column] == match:
                merged.append({**slot, word: slot.get(word, 0.0) + weight})
                row, column = row - 1, column - 1
                continue
        if row and cost[row][column] == cost[row - 1][column] + gap_cost[row - 1]:
            merged.append({**slot, GAP: slot.get(GAP, 0.0) + weight})
            row -= 1
        else:
            merged.append({GAP: passed, text[column - 1]: weight})
            column -= 1
    merged.reverse()
    return merged


def _moves(slots: list[dict[str, float]], text: Sequence[str], passed: float) -> npt.NDArray[np.uint8]:
    """For long texts: the same least cost row by row in arrays, and of every cell only the move that it came by.

    returns  0 = word on slot, 1 = slot left out, 2 = word put in; shape (slots, words). Equal to rounding is equal
    """
    places: dict[str, list[int]] = {}
    for column, word in enumerate(text):
        places.setdefault(word, []).append(column)
    moves = np.empty((len(slots), len(text)), np.uint8)
    steps = np.arange(len(text) + 1, dtype=np.float64)
    above = steps.copy()
    for row, slot in enumerate(slots):
        match = above[:-1] + 1.0
        for word in slot.keys() & places.keys():
            match[places[word]] = above[places[word]] + 1.0 - slot[word] / passed
        skip = above + (1.0 - slot.get(GAP, 0.0) / passed)
        here = skip.copy()
        np.minimum(here[1:], match, out=here[1:])
        # a word put in costs 1 more than the cell before: the least of all cells before, each with its words
        here = np.minimum.accumulate(here - steps) + steps
        moves[row] = np.where(match <= here[1:] + SAME, 0, np.where(skip[1:] <= here[1:] + SAME, 1, 2))
        above = here
    return moves


def _merged(
    slots: list[dict[str, float]], text: Sequence[str], weight: float, passed: float, moves: npt.NDArray[np.uint8]
) -> list[dict[str, float]]:
    """The word network that these moves lead to, from the end."""
    merged: list[dict[str, float]] = []
    row, column = len(slots), len(text)
    while row or column:
        move = int(moves[row - 1, column - 1]) if row and column else 1 if row else 2
        word = GAP if move == 1 else text[column - 1]
        slot = {GAP: passed} if move == 2 else slots[row - 1]
        merged.append({**slot, word: slot.get(word, 0.0) + weight})
        row, column = row - (move != 2), column - (move != 1)
    merged.reverse()
    return merged


def decide(texts: Sequence[str], weights: Sequence[float], method: str = "auto") -> tuple[str, float, int]:
    """One text from several.

    returns  (text, share of weight that agrees with it, answers equal to it)
    raises   UnknownMethod for a method that is none of TEXT_METHODS
    """
    if method not in TEXT_METHODS:
        raise UnknownMethod(method, allowed=TEXT_METHODS)
    own_words = [words_of(text) for text in texts]
    order = sorted(range(len(texts)), key=lambda place: (own_words[place], texts[place]))
    words = [own_words[place] for place in order]
    weight = [weights[place] for place in order]
    total = sum(weight) or 1.0
    counts = Counter(words)
    by_weight: dict[tuple[str, ...], float] = {}
    for own, share in zip(words, weight, strict=True):
        by_weight[own] = by_weight.get(own, 0.0) + share
    if len(counts) == 1:
        return _spelled(words[0], texts, own_words, weights), 1.0, len(texts)
    if method == "vote":
        chosen = min(by_weight, key=lambda key: (-by_weight[key], key))
        return _spelled(chosen, texts, own_words, weights), by_weight[chosen] / total, counts[chosen]
    centre = medoid(words, weight)
    if method == "medoid" or (method == "auto" and counts[words[centre]] >= 2):
        agree = sum(
            share * (1.0 - Levenshtein.normalized_distance(words[centre], own))
            for own, share in zip(words, weight, strict=True)
        )
        return _spelled(words[centre], texts, own_words, weights), agree / total, counts[words[centre]]
    turn = [centre, *(place for place in range(len(words)) if place != centre)]
    voted, shares = rover([words[place] for place in turn], [weight[place] for place in turn])
    sure = sum(shares) / len(shares) if shares else 0.0
    return _spelled(tuple(voted), texts, own_words, weights), sure, counts[tuple(voted)]


def _spelled(
    words: tuple[str, ...], texts: Sequence[str], own_words: Sequence[tuple[str, ...]], weights: Sequence[float]
) -> str:
    """The most frequent spelling of these words, or the words themselves when nobody wrote them."""
    spelled: dict[str, float] = {}
    for text, own, weight in zip(texts, own_words, weights, strict=True):
        if own == words:
            plain = " ".join(text.split())
            spelled[plain] = spelled.get(plain, 0.0) + weight
    return min(spelled, key=lambda key: (-spelled[key], key)) if spelled else " ".join(words)


def worker_weights(
    groups: Sequence[Sequence[tuple[int, tuple[str, ...]]]], workers: int, prior: Mapping[int, tuple[float, float]]
) -> list[float]:
    """A weight per worker: similarity of the worker's texts to the others' on the same tasks, shrunk to the crowd's.

    groups   per task: (worker, words) of every answer
    prior    worker -> (right, wrong) pseudo-counts
    returns  weights around 1: s / (1.05 - s) over its mean, where s is the shrunk similarity
    """
    total, count = [0.0] * workers, [0.0] * workers
    for group in groups:
        for place, (worker, own) in enumerate(group):
            others = [text for other, (_, text) in enumerate(group) if other != place]
            if others:
                near = sum(1.0 if own == text else Levenshtein.normalized_similarity(own, text) for text in others)
                total[worker] += near / len(others)
                count[worker] += 1.0
    crowd = sum(total) / max(1.0, sum(count))
    skills = []
    for worker in range(workers):
        right, wrong = prior.get(worker, (0.0, 0.0))
        skills.append((total[worker] + 3.0 * crowd + right) / (count[worker] + 3.0 + right + wrong))
    weights = [skill / (1.05 - skill) for skill in skills]
    usual = sum(weights) / max(1, len(weights)) or 1.0
    # nine places: the last ones depend on the order of names, and weights may tie
    return [round(weight / usual, 9) for weight in weights]
