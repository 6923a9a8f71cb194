"""A route is chosen by rules that show: filters first, then cost, finality, spread. Each rule from both sides."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.chain.facts import shipped_facts
from manyhands.protocol.manifest import Manifest, PayRule, Wishes
from manyhands.protocol.parties import Directory, Party

from .decide import ChainOffer, Decision, ExchangeOffer, Health, chain_offer, decide, job_gas

MANIFEST = Manifest(
    job_id="j1",
    title="Receipts",
    requester="requester:one",
    task_type="transcription",
    pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000),
    page_count=3,
    document_count=3,
    budget_minor=1_000_000,
    created_at_ms=0,
)
QUICK = ChainOffer(chain_id=1, name="quick", finality_ms=600, currencies=("MHT",))
SLOW = ChainOffer(chain_id=2, name="slow", finality_ms=2_500, currencies=("MHT",))
WELL = Health(ok=True, latency_ms=3, gas_price_wei=10**9, because="answers")
ILL = Health(ok=False, because="connection refused")
DIRECTORY = Directory(
    Party(role=role, address=address)  # type: ignore[arg-type]
    for role, address in [
        ("exchange", "0xe1"),
        ("exchange", "0xe2"),
        ("recording", "0xc"),
        ("reputation", "0xf"),
        ("jury", "0xa"),
    ]
)


def wishing(**fields: object) -> Manifest:
    return msgspec.structs.replace(MANIFEST, **fields)


def route(
    manifest: Manifest = MANIFEST,
    *,
    chains: Sequence[ChainOffer] = (QUICK, SLOW),
    health: Mapping[int, Health] | None = None,
    exchanges: Sequence[ExchangeOffer] = (),
    directory: Directory = DIRECTORY,
    avoid: Sequence[int] = (),
) -> Decision:
    return decide(
        manifest,
        chains=chains,
        health={1: WELL, 2: WELL} if health is None else health,
        exchanges=exchanges,
        directory=directory,
        avoid_chain_ids=avoid,
        now_ms=9,
    )


def test_at_equal_cost_the_chain_that_is_final_sooner_is_taken() -> None:
    decision = route()
    assert decision.found
    assert decision.routing.chain_id == 1
    assert "quick (chain 1)" in decision.routing.reason
    assert "next best slow" in decision.routing.reason


def test_a_cheaper_chain_is_taken_though_it_is_final_later() -> None:
    dear = msgspec.structs.replace(QUICK, native_price_minor=2_000_000_000)
    decision = route(chains=(dear, SLOW))
    assert decision.routing.chain_id == 2
    assert any("dearer by" in candidate.because for candidate in decision.routing.considered)


def test_a_chain_that_is_down_is_never_taken_and_one_that_is_up_is() -> None:
    assert route(health={1: ILL, 2: WELL}).routing.chain_id == 2
    assert route(health={1: WELL, 2: ILL}).routing.chain_id == 1
    assert route(health={2: WELL}).routing.chain_id == 2  # the other was not even probed


def test_with_every_chain_down_there_is_no_route_and_the_reason_names_them() -> None:
    decision = route(health={1: ILL, 2: ILL})
    assert not decision.found
    assert decision.routing.chain_id == 0
    assert "quick does not answer soundly: connection refused" in decision.routing.reason
    assert "slow does not answer soundly" in decision.routing.reason


def test_a_chain_that_failed_the_job_before_is_avoided() -> None:
    assert route(avoid=(1,)).routing.chain_id == 2
    assert not route(avoid=(1, 2)).found


def test_wishes_are_kept() -> None:
    assert route(wishing(wishes=Wishes(chain_ids=(2,)))).routing.chain_id == 2
    assert route(wishing(wishes=Wishes(exchanges=("0xe2",)))).routing.exchange == "0xe2"
    assert not route(wishing(wishes=Wishes(exchanges=("0xnobody",)))).found


def test_a_wished_finality_is_met_at_the_bound_and_refused_below() -> None:
    assert route(wishing(wishes=Wishes(finality_ms_max=600))).routing.chain_id == 1
    assert not route(wishing(wishes=Wishes(finality_ms_max=599))).found


@pytest.mark.parametrize(
    ("capability", "fits", "fits_not"),
    [
        ("task_types", "transcription", "moderation"),
        ("content_classes", "plain", "sensitive"),
        ("privacies", "standard", "strict"),
        ("crowds", "people", "simulated"),
        ("chain_ids", 1, 99),
    ],
)
def test_an_exchange_gets_only_work_that_it_takes(capability: str, fits: object, fits_not: object) -> None:
    def offers(value: object) -> list[ExchangeOffer]:
        return [ExchangeOffer(exchange=exchange, **{capability: (value,)}) for exchange in ("0xe1", "0xe2")]

    assert route(exchanges=offers(fits)).found
    assert not route(exchanges=offers(fits_not)).found


def test_a_chain_without_the_jobs_token_is_not_taken() -> None:
    assert route(chains=(msgspec.structs.replace(QUICK, currencies=("EUR",)), SLOW)).routing.chain_id == 2


def test_equal_exchanges_get_equal_shares_of_many_jobs_and_one_job_always_the_same() -> None:
    shares = Counter(route(wishing(job_id=f"j{number}")).routing.exchange for number in range(2_000))
    assert set(shares) == {"0xe1", "0xe2"}
    assert min(shares.values()) > 900  # 4.5 standard deviations off would be 900
    assert route() == route()


def test_one_key_never_reserves_and_pays() -> None:
    both = Directory(
        Party(role=role, address=address)  # type: ignore[arg-type]
        for role, address in [("exchange", "0xe1"), ("recording", "0xc"), ("reputation", "0xc"), ("jury", "0xa")]
    )
    decision = route(directory=both)
    assert not decision.found
    assert "reputation oracle with a key of its own" in decision.routing.reason


@given(
    st.dictionaries(st.integers(1, 4), st.builds(Health, ok=st.booleans(), gas_price_wei=st.integers(0, 10**11))),
    st.lists(st.integers(1, 4), max_size=3),
    st.lists(st.integers(1, 4), max_size=2),
    st.dictionaries(st.integers(1, 4), st.integers(0, 10**10)),
    st.text(min_size=1, max_size=8),
)
def test_whatever_is_chosen_fits_and_nothing_that_fits_is_cheaper(
    health: dict[int, Health], avoid: list[int], wished: list[int], prices: dict[int, int], job_id: str
) -> None:
    chains = [
        ChainOffer(
            chain_id=number,
            name=f"chain-{number}",
            finality_ms=number * 100,
            currencies=("MHT",),
            native_price_minor=prices.get(number, 0),
        )
        for number in range(1, 5)
    ]
    manifest = wishing(job_id=job_id, wishes=Wishes(chain_ids=tuple(wished)))
    decision = route(manifest, chains=chains, health=health, avoid=avoid)
    fitting = {
        number
        for number in range(1, 5)
        if number in health and health[number].ok and number not in avoid and (not wished or number in wished)
    }
    considered = decision.routing.considered
    assert {(one.chain_id, one.exchange) for one in considered} == {
        (n, e) for n in range(1, 5) for e in ("0xe1", "0xe2")
    }
    assert all(one.because for one in considered)
    assert decision.found == bool(fitting)
    if decision.found:
        assert decision.routing.chain_id in fitting
        taken = considered[0]
        assert (taken.chain_id, taken.exchange) == (decision.routing.chain_id, decision.routing.exchange)
        assert all(
            (taken.cost_minor, taken.finality_ms) <= (one.cost_minor, one.finality_ms)
            for one in considered
            if one.chain_id in fitting
        )


def test_the_shipped_chains_can_be_offered() -> None:
    offers = [chain_offer(facts) for facts in shipped_facts().values()]
    assert [offer.chain_id for offer in offers] == [1338, 31338]
    assert all(offer.currencies == ("MHT",) for offer in offers)


def test_a_longer_job_burns_more_gas() -> None:
    assert job_gas(1) < job_gas(2) < job_gas(100)
