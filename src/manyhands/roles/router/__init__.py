"""The router: chooses chain, exchange and oracles for a job, and signs the decision with its reason.

Rules kept here
- A chain that does not answer soundly is never chosen, whatever it would cost.
- The requester's wishes and the parties' capabilities filter; cost, then finality, then an even spread choose.
- Every candidate that was looked at stands in the decision with the reason why it was or was not taken.
- It moves no money, and its decision is a question answered once: the same question finds the same answer.
"""

from .decide import ChainOffer, ExchangeOffer, Health, chain_offer, decide, job_gas
from .role import Router

__all__ = ["ChainOffer", "ExchangeOffer", "Health", "Router", "chain_offer", "decide", "job_gas"]
