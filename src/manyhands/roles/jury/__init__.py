"""The jury role: draws workers to judge a misuse report, counts their signed votes, has the contract rule.

Rules kept here
- The draw is without favour: it follows from a seed that was committed to before the report existed, and anyone
  can draw again once the seed is shown. Reporter and launcher never sit.
- The role rules nothing by itself: a ruling is signatures of more than half of those drawn, checked on chain.
- An honest "no" costs nobody anything: a reporter whose report is cleared loses neither pay nor standing, and jurors
  are paid for their time whichever way they voted.
- Every report ends: by a ruling, or cleared when too few people could be drawn or too few voted in time.
"""

from .draw import DrawProof, commitment, draw, eligible_for, seed_of
from .role import Jury, JuryPolicy
from .votes import recover_vote, report_hash, ruling_of

__all__ = [
    "DrawProof",
    "Jury",
    "JuryPolicy",
    "commitment",
    "draw",
    "eligible_for",
    "recover_vote",
    "report_hash",
    "ruling_of",
    "seed_of",
]
