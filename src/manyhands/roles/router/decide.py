"""Where a job runs, and why. Pure.

Rules kept here
- Filters first: health, chains to avoid, wishes, capabilities. Then the order cost, finality, spread.
- Spread is a digest of job and candidate: over many jobs equal candidates get equal shares, for one job it is fixed.
- One key never gets both oracle parts: who reserves is not who pays.

>>> from manyhands.protocol.money import MHT
>>> network_cost_minor(gas=600_000, gas_price_wei=1_000_000_000, native_price_minor=2_000_000_000)  # 2000.00 a coin
1200000
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from manyhands.protocol.ids import digest
from manyhands.protocol.manifest import Manifest
from manyhands.protocol.messages import Candidate, Role, Routing
from manyhands.protocol.money import Money
from manyhands.protocol.parties import Directory

if TYPE_CHECKING:
    from manyhands.chain.facts import ChainFacts

LAUNCH_GAS = 600_000
ANCHOR_GAS = 120_000
"""One batch of answers, anchored and its pay reserved; a page gives about one batch."""
WORKER_GAS = 40_000
WORKERS_MAX = 100
END_GAS = 200_000
"""Figures a job's gas is estimated with: the goals of the contracts. They weigh chains against each other, no more."""

WEI_PER_COIN = 10**18


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe of one chain found. because  in words, what is wrong or how it answered"""

    ok: bool
    latency_ms: int = 0
    gas_price_wei: int = 0
    because: str = ""


class ChainOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A chain a job could run on.

    native_price_minor  price of one whole coin of the chain in minor units of the job's currency; 0 = costs nothing
    currencies          tokens that jobs can be paid in there
    """

    chain_id: int
    name: str
    finality_ms: int
    currencies: tuple[str, ...]
    native_price_minor: int = 0


class ExchangeOffer(msgspec.Struct, frozen=True, kw_only=True):
    """What an exchange takes. Empty means any."""

    exchange: str
    task_types: tuple[str, ...] = ()
    content_classes: tuple[str, ...] = ()
    privacies: tuple[str, ...] = ()
    crowds: tuple[str, ...] = ()
    chain_ids: tuple[int, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """found False = nothing fits; routing then holds the reason and everything considered."""

    found: bool
    routing: Routing


def chain_offer(facts: ChainFacts, *, native_price_minor: int = 0) -> ChainOffer:
    """A chain's offer from its facts file."""
    return ChainOffer(
        chain_id=facts.chain_id,
        name=facts.name,
        finality_ms=facts.finality_ms,
        currencies=tuple(token.symbol for token in facts.tokens),
        native_price_minor=native_price_minor,
    )


def job_gas(page_count: int) -> int:
    """Gas that a job of so many pages is expected to burn over its life."""
    return LAUNCH_GAS + ANCHOR_GAS * (1 + page_count) + WORKER_GAS * min(WORKERS_MAX, 3 + page_count) + END_GAS


def network_cost_minor(*, gas: int, gas_price_wei: int, native_price_minor: int) -> int:
    """What that gas costs, minor units, rounded up."""
    return -(-gas * gas_price_wei * native_price_minor // WEI_PER_COIN)


def decide(
    manifest: Manifest,
    *,
    chains: Sequence[ChainOffer],
    health: Mapping[int, Health],
    exchanges: Sequence[ExchangeOffer],
    directory: Directory,
    avoid_chain_ids: Sequence[int] = (),
    now_ms: int,
) -> Decision:
    """Chooses among all pairs of chain and exchange.

    health     by chain id; a chain without an entry was not probed and counts as unhealthy
    exchanges  their capabilities; one that the directory knows without capabilities takes anything
    """
    known = {offer.exchange: offer for offer in exchanges}
    offers = [known.get(party.address, ExchangeOffer(exchange=party.address)) for party in directory.all_of("exchange")]
    looked_at = [
        _look(manifest, chain, offer, health.get(chain.chain_id), avoid_chain_ids)
        for chain in chains
        for offer in offers
    ]
    fit = [(candidate, chain) for candidate, chain, problem in looked_at if not problem]
    fit.sort(key=lambda pair: _order(manifest.job_id, pair[0]))
    staff = _oracles(manifest.job_id, directory)
    considered = _considered(manifest, [pair[0] for pair in fit], looked_at)
    if not fit or isinstance(staff, str):
        reason = staff if isinstance(staff, str) else _nothing_fits(considered)
        return Decision(found=False, routing=_routing(None, ("", "", ""), reason, considered, now_ms))
    best, chain = fit[0]
    reason = _reason(manifest, best, chain, [pair for pair in fit[1:] if pair[1].chain_id != chain.chain_id])
    return Decision(found=True, routing=_routing(best, staff, reason, considered, now_ms))


def _order(job_id: str, candidate: Candidate) -> tuple[int, int, str]:
    spread = digest("route", job_id, candidate.chain_id, candidate.exchange)
    return candidate.cost_minor, candidate.finality_ms, spread


def _look(
    manifest: Manifest,
    chain: ChainOffer,
    offer: ExchangeOffer,
    health: Health | None,
    avoid_chain_ids: Sequence[int],
) -> tuple[Candidate, ChainOffer, str]:
    """One candidate and what speaks against it, "" for nothing."""
    seen = health or Health(ok=False, because="was not probed")
    problem = _problem(manifest, chain, offer, seen, avoid_chain_ids)
    cost = network_cost_minor(
        gas=job_gas(manifest.page_count),
        gas_price_wei=seen.gas_price_wei,
        native_price_minor=chain.native_price_minor,
    )
    candidate = Candidate(
        chain_id=chain.chain_id,
        exchange=offer.exchange,
        healthy=seen.ok,
        cost_minor=cost,
        finality_ms=chain.finality_ms,
        because=problem,
    )
    return candidate, chain, problem


def _problem(
    manifest: Manifest, chain: ChainOffer, offer: ExchangeOffer, health: Health, avoid_chain_ids: Sequence[int]
) -> str:
    wishes = manifest.wishes
    checks: tuple[tuple[bool, str], ...] = (
        (health.ok, f"{chain.name} does not answer soundly: {health.because or 'no reason given'}"),
        (chain.chain_id not in avoid_chain_ids, f"{chain.name} failed this job before"),
        (manifest.pay.currency in chain.currencies, f"{chain.name} has no {manifest.pay.currency}"),
        (_allows(wishes.chain_ids, chain.chain_id), f"the requester did not ask for {chain.name}"),
        (_allows(wishes.exchanges, offer.exchange), "the requester did not ask for this exchange"),
        (
            not wishes.finality_ms_max or chain.finality_ms <= wishes.finality_ms_max,
            f"{chain.name} is final after {chain.finality_ms} ms, {wishes.finality_ms_max} ms were asked for",
        ),
        (_allows(offer.task_types, manifest.task_type), f"this exchange has no {manifest.task_type} work"),
        (
            _allows(offer.content_classes, manifest.content_class),
            f"this exchange takes no {manifest.content_class} content",
        ),
        (_allows(offer.privacies, manifest.privacy), f"this exchange does not keep privacy {manifest.privacy}"),
        (_allows(offer.crowds, manifest.crowd), f"this exchange has no {manifest.crowd} crowd"),
        (_allows(offer.chain_ids, chain.chain_id), f"this exchange does not work on {chain.name}"),
    )
    return next((problem for holds, problem in checks if not holds), "")


def _allows(listed: Sequence[object], value: object) -> bool:
    """An empty list allows everything."""
    return not listed or value in listed


def _oracles(job_id: str, directory: Directory) -> tuple[str, str, str] | str:
    """Recording, reputation and jury for the job, spread evenly; or what is missing."""
    recording = _spread(job_id, "recording", directory)
    reputation = _spread(job_id, "reputation", directory, but=recording)
    jury = _spread(job_id, "jury", directory)
    for role, address in (("recording oracle", recording), ("reputation oracle", reputation), ("jury", jury)):
        if not address:
            return f"the directory has no {role}" + (" with a key of its own" if role == "reputation oracle" else "")
    return recording, reputation, jury


def _spread(job_id: str, role: Role, directory: Directory, *, but: str = "") -> str:
    addresses = [party.address for party in directory.all_of(role) if party.address != but]
    return min(addresses, key=lambda address: digest("route", job_id, role, address), default="")


def _considered(
    manifest: Manifest, ranked: Sequence[Candidate], looked_at: Sequence[tuple[Candidate, ChainOffer, str]]
) -> tuple[Candidate, ...]:
    """All candidates, the chosen first, each with its reason."""
    told: list[Candidate] = []
    for place, candidate in enumerate(ranked):
        best = ranked[0]
        if place == 0:
            because = "taken"
        elif candidate.cost_minor > best.cost_minor:
            because = f"dearer by {_money(manifest, candidate.cost_minor - best.cost_minor)}"
        elif candidate.finality_ms > best.finality_ms:
            because = f"final {candidate.finality_ms - best.finality_ms} ms later at the same cost"
        else:
            because = "equal; it takes its share of other jobs"
        told.append(msgspec.structs.replace(candidate, because=because))
    return (*told, *(candidate for candidate, _, problem in looked_at if problem))


def _reason(
    manifest: Manifest, best: Candidate, chain: ChainOffer, others: Sequence[tuple[Candidate, ChainOffer]]
) -> str:
    said = (
        f"{chain.name} (chain {chain.chain_id}) at a network cost of {_money(manifest, best.cost_minor)}, "
        f"final after {best.finality_ms} ms"
    )
    if not others:
        return f"{said}: the only chain that fits"
    next_best, next_chain = others[0]
    return (
        f"{said}; next best {next_chain.name} costs {_money(manifest, next_best.cost_minor)} "
        f"and is final after {next_best.finality_ms} ms"
    )


def _nothing_fits(considered: Sequence[Candidate]) -> str:
    if not considered:
        return "no chain or no exchange is known here"
    problems = list(dict.fromkeys(candidate.because for candidate in considered))
    return "nothing fits: " + "; ".join(problems)


def _routing(
    best: Candidate | None,
    staff: tuple[str, str, str],
    reason: str,
    considered: tuple[Candidate, ...],
    now_ms: int,
) -> Routing:
    recording, reputation, jury = staff
    return Routing(
        chain_id=best.chain_id if best else 0,
        exchange=best.exchange if best else "",
        recording=recording,
        reputation=reputation,
        jury=jury,
        reason=reason,
        considered=considered,
        decided_at_ms=now_ms,
    )


def _money(manifest: Manifest, minor: int) -> str:
    return str(Money(minor, manifest.pay.money))
