"""The reputation oracle: judges the whole, keeps standings, has everyone paid, returns the rest, delivers.

Rules kept here
- It judges again what the recording oracle judged, from the evidence alone, before a payment leaves.
- It pays only what the recording oracle reserved: every payment needs two keys.
- Pay is what was promised or more: a job below its benchmark loses the bonuses, never the rewards.
"""

from .role import ReputationOracle

__all__ = ["ReputationOracle"]
