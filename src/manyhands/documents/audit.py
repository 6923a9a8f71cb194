"""Audits what was accepted unseen: how many pieces to show to people after all, and what their answers allow to say.

Rules kept here
- A rule is trusted for a job only as far as a random sample of that job supports it, not because it did well elsewhere.
- The bound is exact (binomial, one-sided), so it holds for small samples too.
- The sample is chosen by a digest of job and piece: nobody can steer it, everybody can repeat it.

>>> wrong_share_most_bp(wrong=0, audited=299, confidence_bp=9_500) <= 100
True
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence

import msgspec

from .acceptance import Policy

_STEPS_BP = (6_000, 7_000, 8_000, 9_000)


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
