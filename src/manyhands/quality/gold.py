"""Gold in a worker's stream: how much, which piece, what recycled gold counts, when gold itself is doubted.

Rules kept here
- Five at entry, then 10 % of the stream falling to 3 % as the worker's skill becomes certain; never a fixed set.
- Gold that reliable workers contradict is suspended until a person has looked; it then judges nobody.
- Gold is retired after k views, so that a leaked key is worth little.
- The requester's set is split once, by a keyed digest: part A drives skill and calibration, part B is never used in
  inference and gives the acceptance test.

>>> gold_share_bp(0, 0), gold_share_bp(5, 5), gold_share_bp(200, 200)
(10000, 923, 300)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from manyhands.quality.acceptance_test import clopper_pearson_bp
from manyhands.quality.errors import BadRule

ENTRY_GOLD: Final = 5
SHARE_MOST_BP: Final = 1_000
SHARE_LEAST_BP: Final = 300
#: width of the 95 % bound of a worker's skill at which the share is lowest
CERTAIN_WIDTH_BP: Final = 500
RECYCLE_FROM_BP: Final = 9_990
#: a known piece is lent so often at most, then it is retired
VIEWS_MOST: Final = 4
#: known choices between readings that are made of one page's lines
KNOWN_CHOICES_OF_PAGE_MOST: Final = 4


class GoldPiece(msgspec.Struct, frozen=True):
    """A piece with a known answer. weight_bp: 10_000 from the requester, less when recycled from settled pieces."""

    piece: str
    answer: str
    weight_bp: int = 10_000
    views: int = 0
    suspended: bool = False


class Contest(msgspec.Struct, frozen=True):
    """One reliable worker's answer to gold: did it agree? skill_bp: the worker's published score."""

    worker: str
    agreed: bool
    skill_bp: int


def gold_share_bp(seen: int, right: int) -> int:
    """Share of gold in a worker's next pieces, from the gold the worker has seen, basis points.

    10_000 for the first five; then 1_000 falling in a straight line to 300 as the exact 95 % bounds of the skill close
    from 50 points to 5. A worker at the border stays watched: a low skill has wide bounds for longer.
    """
    if seen < ENTRY_GOLD:
        return 10_000
    lower, upper = clopper_pearson_bp(right, seen)
    width = min(max(upper - lower, CERTAIN_WIDTH_BP), 5_000)
    return SHARE_LEAST_BP + (SHARE_MOST_BP - SHARE_LEAST_BP) * (width - CERTAIN_WIDTH_BP) // (5_000 - CERTAIN_WIDTH_BP)


def known_of_page_most(pieces: int, share_bp: int) -> int:
    """Known pieces that one page may hold where privacy is kept: its part of the job's, rounded up.

    Each that somebody is shown is a piece of the page that they have seen, so that they may be shown less of its work.

    >>> known_of_page_most(60, 500), known_of_page_most(100, 500), known_of_page_most(60, 0)
    (1, 2, 0)
    """
    return -(-pieces * share_bp // (10_000 * VIEWS_MOST))


def known_questions_most(questions: int, share_bp: int) -> int:
    """Answers to known questions that a job of so many questions may buy at most; 0 where nobody is to be measured.

    Questions of options are few in a job, and a share of few measures nobody: there is room to show of four workers
    that they guess (`ENTRY_GOLD` each), or for as many answers as there are questions, where those are fewer.

    >>> known_questions_most(800, 500), known_questions_most(40, 500), known_questions_most(3, 500)
    (40, 20, 3)
    >>> known_questions_most(400, 0)
    0
    """
    if not share_bp:
        return 0
    return max(-(-questions * share_bp // 10_000), min(questions, 4 * ENTRY_GOLD))


def is_gold_turn(worker: str, position: int, share_bp: int, *, seed: int) -> bool:
    """Whether the piece at this position of the worker's stream is gold: by digest, so that nobody can foresee it.

    seed  kept by the exchange; the same seed, worker and position give the same turn
    """
    return _draw(f"turn:{seed}:{worker}:{position}") % 10_000 < share_bp


def pick_gold(
    pool: Sequence[GoldPiece], worker: str, position: int, seen: Iterable[str], *, seed: int, views_most: int
) -> GoldPiece | None:
    """A usable gold piece that the worker has not seen, the least viewed first; None when there is none left.

    views_most  a piece is retired after so many views
    """
    known = set(seen)
    usable = [gold for gold in pool if not gold.suspended and gold.views < views_most and gold.piece not in known]
    if not usable:
        return None
    return min(
        usable, key=lambda gold: (gold.views, _draw(f"pick:{seed}:{worker}:{position}:{gold.piece}"), gold.piece)
    )


def recycle(piece: str, answer: str, confidence_bp: int, support: int) -> GoldPiece | None:
    """A settled piece as new gold, weighing less than the requester's; None when it is not sure enough.

    confidence_bp  calibrated;  support  persons behind it, at least two
    """
    if confidence_bp < RECYCLE_FROM_BP or support < 2:
        return None
    return GoldPiece(piece, answer, weight_bp=5_000)


def is_contested(contests: Sequence[Contest], *, reliable_from_bp: int = 8_000) -> bool:
    """True when reliable workers disagree with gold so often that the gold itself is the likelier mistake.

    Each worker once. The gold is wrong with chance 1 in 100 beforehand; a worker of skill s contradicts right gold with
    chance 1 - s and wrong gold with chance 0.9; contested when wrong is likelier. One person is never enough.
    """
    odds, against, known = math.log(0.01 / 0.99), 0, set()
    for contest in sorted(contests, key=lambda one: (one.worker, one.agreed)):
        if contest.skill_bp < reliable_from_bp or contest.worker in known:
            continue
        known.add(contest.worker)
        skill = min(contest.skill_bp, 9_900) / 10_000
        against += not contest.agreed
        odds += math.log(0.1 / skill) if contest.agreed else math.log(0.9 / (1.0 - skill))
    return against >= 2 and odds > 0.0


def split_holdback(pieces: Iterable[str], *, seed: int, holdback_bp: int = 5_000) -> tuple[list[str], list[str]]:
    """(part A for skill and calibration, part B for the acceptance test), each sorted.

    By digest of seed and piece, so that adding a piece moves no other; with at least one piece each when there are two.
    raises  BadRule for a share outside 0..10_000
    """
    if not 0 <= holdback_bp <= 10_000:
        raise BadRule("holdback_bp", value=holdback_bp, allowed="0..10_000 basis points")
    ordered = sorted(set(pieces), key=lambda piece: (_draw(f"split:{seed}:{piece}"), piece))
    part_b = [piece for piece in ordered if _draw(f"split:{seed}:{piece}") % 10_000 < holdback_bp]
    part_a = [piece for piece in ordered if piece not in set(part_b)]
    if 0 < holdback_bp < 10_000 and len(ordered) >= 2:
        if not part_b:
            part_b = [part_a.pop()]
        elif not part_a:
            part_a = [part_b.pop()]
    return sorted(part_a), sorted(part_b)


def shared_key(answers: Sequence[tuple[str, str, str]], truth: dict[str, str]) -> list[tuple[str, str, int]]:
    """Pairs of workers that gave the same wrong answer to gold, and how often: a leaked or shared key shows there.

    answers  (worker, gold piece, answer);  returns  (worker, worker, times) with at least two times, most first
    """
    wrong: dict[tuple[str, str], set[str]] = {}
    for worker, piece, answer in answers:
        if piece in truth and answer != truth[piece]:
            wrong.setdefault((piece, answer), set()).add(worker)
    times: dict[tuple[str, str], int] = {}
    for workers in wrong.values():
        ordered = sorted(workers)
        for place, one in enumerate(ordered):
            for other in ordered[place + 1 :]:
                times[one, other] = times.get((one, other), 0) + 1
    return sorted(
        ((one, other, count) for (one, other), count in times.items() if count >= 2),
        key=lambda row: (-row[2], row[0], row[1]),
    )


GoldState = Literal["usable", "suspended", "retired"]


def state_of(gold: GoldPiece, *, views_most: int) -> GoldState:
    """usable | suspended | retired."""
    if gold.suspended:
        return "suspended"
    return "retired" if gold.views >= views_most else "usable"


def _draw(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
