"""Audits what was accepted unseen: how many pieces to show to people after all, and what their answers allow to say.

Rules kept here
- A rule is trusted for a job only as far as a random sample of that job supports it, not because it did well elsewhere.
- The bound is exact and one-sided, so it holds for small samples too; drawn from a finite pile without putting back
  (hypergeometric), so a small job needs no more answers than it has pieces.
- The sample is chosen by a digest of job and piece: nobody can steer it, everybody can repeat it.
- ``next_of_audit`` is a function of the job's rows alone: called again with the same answers it says the same again.
- Looking several times and trying several thresholds is no cheat: the doubt is shared out among all of them.

Walk of an audit: a sample of what the loosest threshold believes is shown to people. Where their answers show that no
more than the wanted share of the unseen rest is wrong, the rest stays unseen. Else a stricter threshold may be shown to
do: what lies below it is shown to people. Else the sample is doubled, twice at most, and then everything is shown.

>>> wrong_share_most_bp(wrong=0, audited=299, confidence_bp=9_500) <= 100
True
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from .acceptance import Policy

_STEPS_BP = (6_000, 7_000, 8_000, 9_000)
LOOKS_MAX = 3
"""A sample is doubled so often, less one, before everything is shown."""


@dataclass(frozen=True)
class BelievedPiece:
    """A piece that the loosest threshold believes. joint_bp: `acceptance.joint_confidence_bp` of those who agree."""

    piece_id: str
    joint_bp: int


@dataclass(frozen=True)
class ShowThese:
    """Pieces that people have to read next."""

    piece_ids: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Audited:
    """How an audit ended.

    threshold_bp   joint confidence from which pieces stayed unseen; None = none did
    unseen         pieces that stay unseen
    sampled        pieces read by people at random, among those from the threshold up, and
    wrong          how many of them people read otherwise
    share_most_bp  share of all from the threshold up that may be wrong and unseen, at the confidence asked for
    shown          whether that is within what was asked for
    """

    threshold_bp: int | None
    unseen: int
    sampled: int
    wrong: int
    share_most_bp: int
    shown: bool


def sample_for_audit(piece_ids: Iterable[str], *, job_id: str, count: int) -> list[str]:
    """``count`` of the pieces accepted unseen, chosen by digest; all of them when there are fewer."""

    def rank(piece_id: str) -> bytes:
        return hashlib.sha256(f"audit\n{job_id}\n{piece_id}".encode()).digest()

    return sorted(piece_ids, key=rank)[:count]


def wrong_share_most_bp(*, wrong: int, audited: int, confidence_bp: int = 9_500) -> int:
    """The largest share of wrong pieces that the sample does not contradict, basis points, rounded up.

    wrong, audited  people's verdict on the sample
    confidence_bp   how sure the bound is to hold
    source          Clopper and Pearson (1934), "The use of confidence or fiducial limits", upper limit
    """
    if audited <= 0 or wrong >= audited:
        return 10_000
    doubt = 1 - confidence_bp / 10_000
    low, high = wrong / audited, 1.0
    for _ in range(60):
        share = (low + high) / 2
        if _at_most(wrong, audited, share) > doubt:
            low = share
        else:
            high = share
    return min(10_000, math.ceil(high * 10_000))


def audit_size(*, wrong_share_bp: int, confidence_bp: int = 9_500) -> int:
    """How many pieces an audit needs so that a clean sample shows the share to be at most ``wrong_share_bp``.

    >>> audit_size(wrong_share_bp=100), audit_size(wrong_share_bp=50)
    (299, 598)
    """
    doubt = 1 - confidence_bp / 10_000
    return math.ceil(math.log(doubt) / math.log1p(-wrong_share_bp / 10_000))


def threshold_from_audit(
    audited: Sequence[tuple[int, bool]], policy: Policy, *, wrong_share_bp: int, confidence_bp: int = 9_500
) -> Policy | None:
    """The policy with the lowest threshold that the audit supports.

    audited         (joint confidence of a piece, whether it was wrong)
    wrong_share_bp  what the requester allows among accepted pieces
    returns         the policy with its ``joint_bp`` set, or None when no threshold is supported: then ask everything

    Few thresholds are tried and the doubt is shared among them (Bonferroni), so that picking the luckiest is no cheat.
    """
    steps = [policy.joint_bp, *(step for step in _STEPS_BP if step > policy.joint_bp)]
    strict_bp = 10_000 - (10_000 - confidence_bp) // len(steps)
    for joint_bp in steps:
        kept = [bad for joint, bad in audited if joint >= joint_bp]
        bound = wrong_share_most_bp(wrong=sum(kept), audited=len(kept), confidence_bp=strict_bp)
        if bound <= wrong_share_bp:
            return msgspec.structs.replace(policy, joint_bp=joint_bp)
    return None


def steps_from(loosest_bp: int) -> tuple[int, ...]:
    """The thresholds an audit may choose among, loosest first."""
    return (loosest_bp, *(step for step in _STEPS_BP if step > loosest_bp))


def next_of_audit(
    believed: Sequence[BelievedPiece],
    wrong_of: Mapping[str, bool],
    *,
    job_id: str,
    loosest_bp: int,
    wrong_share_bp: int,
    confidence_bp: int = 9_500,
    sample_max_bp: int = 10_000,
) -> ShowThese | Audited:
    """What an audit does next, from what people have answered so far.

    believed        every piece that the loosest threshold believes, in any order
    wrong_of        piece id -> whether people read it otherwise, of those that people have decided
    loosest_bp      the loosest threshold
    wrong_share_bp  what the requester allows to be wrong and unseen, of all that is believed
    sample_max_bp   most of the believed pieces that may be sampled; where that shows nothing, the loosest threshold
                    whose sample has no larger share of wrong ones is taken, and the outcome says that it is not shown
    returns         ShowThese until nothing is left to ask, then Audited
    source          Buonaccorsi (1987), "A note on confidence intervals for proportions in finite populations"

    >>> pile = [BelievedPiece(f"p{n}", 8_000) for n in range(3_000)]
    >>> ask = next_of_audit(pile, {}, job_id="j", loosest_bp=5_000, wrong_share_bp=100)
    >>> 400 < len(ask.piece_ids) < 700
    True
    >>> right = dict.fromkeys(ask.piece_ids, False)
    >>> next_of_audit(pile, right, job_id="j", loosest_bp=5_000, wrong_share_bp=100).shown
    True
    """
    steps = steps_from(loosest_bp)
    strict = (1 - confidence_bp / 10_000) / (LOOKS_MAX * len(steps))
    joint_of = {piece.piece_id: piece.joint_bp for piece in believed}
    ranked = sample_for_audit(joint_of, job_id=job_id, count=len(joint_of))
    most = -(-len(ranked) * sample_max_bp // 10_000)
    first = clean_sample(of=len(ranked), wrong_share_bp=wrong_share_bp, doubt=strict)
    sizes = sorted({min(most, first << look) for look in range(LOOKS_MAX)})

    def at(step_bp: int, sample: Sequence[str]) -> tuple[int, int, int]:
        """(pieces from this threshold up, how many of them were sampled, how many of those were wrong)"""
        own = [piece_id for piece_id in sample if joint_of[piece_id] >= step_bp]
        pile = sum(joint_bp >= step_bp for joint_bp in joint_of.values())
        return pile, len(own), sum(wrong_of[piece_id] for piece_id in own)

    def ended(threshold_bp: int | None, sample: Sequence[str], *, doubt: float, shown: bool) -> ShowThese | Audited:
        below = [i for i in ranked if i not in wrong_of and (threshold_bp is None or joint_of[i] < threshold_bp)]
        if below:
            return ShowThese(tuple(below), "the audit does not support believing it unseen")
        if threshold_bp is None:
            return Audited(None, 0, len(sample), sum(wrong_of[i] for i in sample), 0, shown=True)
        pile, sampled, wrong = at(threshold_bp, sample)
        share_bp = unseen_wrong_most_bp(of=pile, audited=sampled, wrong=wrong, doubt=doubt)
        return Audited(threshold_bp, pile - sampled, sampled, wrong, share_bp, shown)

    for size in sizes:
        sample = ranked[:size]
        missing = [piece_id for piece_id in sample if piece_id not in wrong_of]
        if missing:
            return ShowThese(tuple(missing), "audit: a random sample of what would be believed unseen")
        for step_bp in steps:
            pile, sampled, wrong = at(step_bp, sample)
            # a larger sample may yet save most of it
            leaves_least = 1 if size == sizes[-1] or step_bp == loosest_bp else len(ranked) // 2
            if pile - sampled < leaves_least:
                continue
            if unseen_wrong_most_bp(of=pile, audited=sampled, wrong=wrong, doubt=strict) <= wrong_share_bp:
                return ended(step_bp, sample, doubt=strict, shown=True)
    if most < len(ranked):
        for step_bp in steps:
            _, sampled, wrong = at(step_bp, ranked[:most])
            if sampled and wrong * 10_000 <= wrong_share_bp * sampled:
                return ended(step_bp, ranked[:most], doubt=strict, shown=False)
    return ended(None, ranked[: sizes[-1]], doubt=strict, shown=True)


def clean_sample(*, of: int, wrong_share_bp: int, doubt: float) -> int:
    """The fewest pieces of a pile whose being right shows that at most ``wrong_share_bp`` of it is wrong.

    >>> clean_sample(of=60, wrong_share_bp=100, doubt=0.05), clean_sample(of=100_000, wrong_share_bp=100, doubt=0.05)
    (57, 298)
    """
    low, high = 0, of
    while low < high:
        middle = (low + high) // 2
        if unseen_wrong_most_bp(of=of, audited=middle, wrong=0, doubt=doubt) <= wrong_share_bp:
            high = middle
        else:
            low = middle + 1
    return low


def unseen_wrong_most_bp(*, of: int, audited: int, wrong: int, doubt: float) -> int:
    """The largest share of a pile that may be wrong and unseen, basis points, rounded up.

    of, audited, wrong  pieces in the pile, of them drawn at random and read, of these wrong
    doubt               chance that the bound does not hold
    Pieces that were drawn are delivered as people read them: they belong to the pile and are wrong no more.
    """
    if audited >= of:
        return 0
    low, high = wrong, of - audited + wrong  # so many wrong ones in the whole pile, sampled ones included
    while low < high:
        middle = (low + high + 1) // 2
        if _drawn_at_most(wrong, audited, middle, of) > doubt:
            low = middle
        else:
            high = middle - 1
    return -(-(low - wrong) * 10_000 // of)


def _drawn_at_most(wrong: int, audited: int, bad: int, of: int) -> float:
    """Chance of at most ``wrong`` among ``audited`` drawn from a pile that holds ``bad`` wrong ones."""
    whole = _log_ways(of, audited)
    least = max(0, audited - (of - bad))
    return sum(
        math.exp(_log_ways(bad, drawn) + _log_ways(of - bad, audited - drawn) - whole)
        for drawn in range(least, min(wrong, bad) + 1)
    )


def _log_ways(of: int, some: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)


def _at_most(wrong: int, audited: int, share: float) -> float:
    """Chance of at most ``wrong`` among ``audited`` when each is wrong with chance ``share``."""
    if share >= 1:
        return 0.0
    log_share, log_rest = math.log(share) if share > 0 else -math.inf, math.log1p(-share)
    total = 0.0
    for k in range(wrong + 1):
        if share == 0 and k > 0:
            break
        ways = math.lgamma(audited + 1) - math.lgamma(k + 1) - math.lgamma(audited - k + 1)
        total += math.exp(ways + (k * log_share if k else 0.0) + (audited - k) * log_rest)
    return total
