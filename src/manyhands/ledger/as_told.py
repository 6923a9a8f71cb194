"""Is the escrow on the chain the one that the parties of a job were told of?

Rules kept here
- A launcher's word about an escrow is held beside the chain's: token, launcher, keys, fees, manifest and job.
- An escrow that differs in one of them is refused for good: pay reserved in it would go where nobody was told, or in
  a token that is worth nothing.
- A daily cap is told with everything else: one that nobody was told of delays pay, one that is missing bounds nothing.
- So is one whose end has begun, or is near: work for it could not be recorded in time.

    await need_as_told(tx, facts, EscrowTold(job_id=..., escrow=..., currency="MHT", launcher=..., ...))
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from manyhands.chain.facts import ChainFacts
from manyhands.protocol.errors import ManyhandsError, ProtocolError
from manyhands.protocol.manifest import Manifest, cap_parts_of
from manyhands.protocol.messages import JobFunded, Routing
from manyhands.store.database import Tx, rows, scalar
from manyhands.store.sql import load_queries

QUERIES = load_queries("manyhands.ledger")

AGE_S_MOST = 30 * 86_400
"""An escrow is announced right after its launch. One that is older may be near its expiry, a hundred days after it."""
_OVER = {
    "CancellationRequested": "under cancellation",
    "Upheld": "under cancellation",
    "Completed": "ended",
    "Cancelled": "ended",
}


class ChainNotReady(ManyhandsError):
    """The contracts of a chain are not known here (yet)."""

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        super().__init__(
            f"the contracts of chain {chain_id} are not known here",
            cure="Wait until they are deployed; `manyhands doctor` says what keeps the chain.",
        )


class EscrowNotSeenYet(ManyhandsError):
    """The chain does not show the escrow's launch and setup (yet). It is asked again."""

    def __init__(self, escrow: str) -> None:
        self.escrow = escrow
        super().__init__(f"the chain does not show the launch and setup of escrow {escrow} so far")


class EscrowNotAsTold(ProtocolError):
    """The chain's escrow differs from what its launcher said. what: the first difference; told, found: both sides"""

    def __init__(self, escrow: str, what: str, *, told: str, found: str) -> None:
        self.escrow, self.what, self.told, self.found = escrow, what, told, found
        super().__init__(
            f"the {what} of escrow {escrow} is {found or 'none'} on the chain, and {told or 'none'} was told",
            cure="Launch a new escrow with what the job's parties agreed on; this one can be cancelled.",
        )


@dataclass(frozen=True)
class EscrowTold:
    """What a job's parties were told of its escrow. Addresses; fees_bp of reputation, recording, exchange oracle.

    cap_parts  of the funds one part in so many is reserved, and paid, per day at most; 0 = no daily cap
    currency, exponent  code of the money, and the decimals it is counted with: in another count every amount is another
    """

    job_id: str
    escrow: str
    currency: str
    exponent: int
    launcher: str
    reputation: str
    recording: str
    exchange: str
    fees_bp: tuple[int, int, int]
    manifest_hash: str
    cap_parts: int = 0

    @classmethod
    def by(cls, body: JobFunded) -> EscrowTold:
        """As the launcher announced it."""
        return cls.of(body.manifest, body.routing, job_id=body.job_id, escrow=body.escrow, launcher=body.launcher)

    @classmethod
    def of(cls, manifest: Manifest, routing: Routing, *, job_id: str, escrow: str, launcher: str) -> EscrowTold:
        """The same from its parts."""
        return cls(
            job_id=job_id,
            escrow=escrow.lower(),
            currency=manifest.pay.currency,
            exponent=manifest.pay.money.exponent,
            launcher=launcher,
            reputation=routing.reputation,
            recording=routing.recording,
            exchange=routing.exchange,
            fees_bp=(manifest.fees.reputation_bp, manifest.fees.recording_bp, manifest.fees.exchange_bp),
            manifest_hash=manifest.hash,
            cap_parts=cap_parts_of(manifest),
        )


HeldToChain = Callable[[Tx, int, EscrowTold], Awaitable[int]]
"""Transaction, chain id, what was told -> base units of the token in a minor unit. raises as `need_as_told`;
ChainNotReady"""


async def need_as_told(tx: Tx, facts: ChainFacts, told: EscrowTold) -> None:
    """Holds the launcher's word beside the events that the operator's own indexer saw.

    raises  EscrowNotAsTold for good; EscrowNotSeenYet, which passes
    """
    assert facts.contracts is not None
    where = {"chain_id": facts.chain_id, "factory": facts.contracts.factory, "escrow": told.escrow}
    told_by_chain = await rows(tx, QUERIES.beginning_of_escrow, where)
    found = {name: (args, sender) for name, args, sender, _ in told_by_chain}
    at_s = {name: int(seconds) for name, _, _, seconds in told_by_chain}
    if not {"LaunchedV2", "PendingV3", "FeesFixed"} <= found.keys():
        raise EscrowNotSeenYet(told.escrow)
    (launched, _), (setup, sender), (fees, _) = (found[name] for name in ("LaunchedV2", "PendingV3", "FeesFixed"))
    for what, said, seen in differences(told, facts, launched=launched, setup=setup, fees=fees, sender=sender):
        raise EscrowNotAsTold(told.escrow, what, told=said, found=seen)
    parts = int(found["DailyCapSet"][0]["parts"]) if "DailyCapSet" in found else 0
    if parts != told.cap_parts:
        said, seen = (f"1/{one} of the funds" if one else "" for one in (told.cap_parts, parts))
        raise EscrowNotAsTold(told.escrow, "daily cap", told=said, found=seen)
    for name in found.keys() & _OVER.keys():
        raise EscrowNotAsTold(told.escrow, "state", told="open", found=_OVER[name])
    age_s = int(await scalar(tx, QUERIES.time_of_chain, where)) - at_s["LaunchedV2"]
    if at_s["LaunchedV2"] and age_s > AGE_S_MOST:
        raise EscrowNotAsTold(told.escrow, "launch", told="new", found=f"{age_s // 86_400} days old")


def differences(
    told: EscrowTold,
    facts: ChainFacts,
    *,
    launched: Mapping[str, Any],
    setup: Mapping[str, Any],
    fees: Mapping[str, Any],
    sender: str | None,
) -> list[tuple[str, str, str]]:
    """What was told and is not so: (what, told, found), each as text.

    launched, setup, fees  arguments of LaunchedV2, PendingV3 and FeesFixed
    sender                 who sent the setup; "" when it was not kept
    """
    assert facts.contracts is not None
    token = facts.token_of(told.currency)
    address = (token.address or facts.contracts.token) if token else ""
    pairs = [
        ("token", address or f"a {told.currency} of this chain", launched["token"]),
        ("decimals in which amounts are told", str(told.exponent), str(token.currency.exponent) if token else ""),
        ("job", told.job_id, launched["jobRequesterId"]),
        ("launcher", told.launcher, sender or told.launcher),
        ("reputation oracle", told.reputation, setup["reputationOracle"]),
        ("recording oracle", told.recording, setup["recordingOracle"]),
        ("exchange oracle", told.exchange, setup["exchangeOracle"]),
        ("manifest", told.manifest_hash, setup["hash"]),
        *(
            (f"{name} oracle's fee in basis points", str(bp), str(fees[f"{name}FeeBp"]))
            for name, bp in zip(("reputation", "recording", "exchange"), told.fees_bp, strict=True)
        ),
    ]
    return [(what, str(said), str(seen)) for what, said, seen in pairs if str(said).lower() != str(seen).lower()]
