"""A question to the router is answered once, with what the chains looked like at that moment."""

import asyncio

import msgspec

from manyhands.chain.facts import shipped_facts
from manyhands.protocol.messages import RouteDecided, RouteRequested, decode_envelope, open_envelope
from manyhands.roles.launcher.plan import plan
from manyhands.roles.router import Health, Router, chain_offer
from manyhands.store.database import rows

from .conftest import CHAIN_A, CHAIN_B, OPTIONS, House


async def question(house: House, *, attempt: int = 1, avoid: tuple[int, ...] = ()) -> RouteRequested:
    planned = plan([await house.page("r1")], OPTIONS, policy=house.launcher.policy, job_id="j1", now_ms=house.clock())
    return RouteRequested(job_id="j1", manifest=planned.manifest, attempt=attempt, avoid_chain_ids=avoid)


async def answers(house: House) -> list[RouteDecided]:
    async with house.db.connection() as tx:
        found = await rows(tx, "select envelope from mail.outbox where body_type = 'RouteDecided' order by position")
    bodies = [open_envelope(decode_envelope(bytes(raw))) for (raw,) in found]
    return [body for body in bodies if isinstance(body, RouteDecided)]


async def test_a_question_is_answered_once_however_often_the_work_runs(house: House) -> None:
    await house.say("launcher", await question(house), to="router")
    await asyncio.gather(*(house.router.decide_one("j1", house.keys["launcher"].address, 1) for _ in range(3)))
    (answer,) = await answers(house)
    assert (answer.found, answer.routing.chain_id) == (True, CHAIN_A)
    assert answer.routing.decided_at_ms == house.clock()


async def test_the_next_attempt_avoids_what_failed(house: House) -> None:
    await house.say("launcher", await question(house), to="router")
    await house.say("launcher", await question(house, attempt=2, avoid=(CHAIN_A,)), to="router")
    first, second = await answers(house)
    assert (first.routing.chain_id, second.routing.chain_id) == (CHAIN_A, CHAIN_B)


async def test_a_chain_that_hangs_counts_as_down_and_is_remembered(house: House) -> None:
    async def probe(chain_id: int) -> Health:
        if chain_id == CHAIN_A:
            await asyncio.sleep(60)
        return Health(ok=True, latency_ms=1, gas_price_wei=1, because="answers")

    router = Router(
        house.context("router"),
        chains=[chain_offer(facts) for facts in shipped_facts().values()],
        probe=probe,
        probe_timeout_ms=50,
    )
    seen = await router.look_at_chains()
    assert (seen[CHAIN_A].ok, seen[CHAIN_B].ok) == (False, True)
    assert "no answer within 50 ms" in seen[CHAIN_A].because


async def test_a_chain_that_refuses_counts_as_down(house: House) -> None:
    async def probe(chain_id: int) -> Health:
        raise ConnectionRefusedError("nobody listens there")

    router = Router(house.context("router"), chains=house.router.chains, probe=probe)
    assert not any(health.ok for health in (await router.look_at_chains()).values())


async def test_what_was_seen_of_the_chains_is_kept(house: House) -> None:
    house.health[CHAIN_B] = Health(ok=False, because="stuck at block 7")
    await house.say("launcher", await question(house), to="router")
    seen = await house.router.health_seen()
    assert (seen[CHAIN_A][0].ok, seen[CHAIN_B][0].because) == (True, "stuck at block 7")
    assert seen[CHAIN_A][1] == house.clock()


async def test_a_manifest_that_breaks_its_bounds_is_answered_with_no_route(house: House) -> None:
    asked = await question(house)
    broken = msgspec.structs.replace(asked, manifest=msgspec.structs.replace(asked.manifest, lease_ms=1))
    await house.say("launcher", broken, to="router")
    (answer,) = await answers(house)
    assert not answer.found
    assert "lease_ms" in answer.routing.reason


async def test_a_question_that_does_not_fit_its_manifest_is_refused(house: House) -> None:
    asked = msgspec.structs.replace(await question(house), job_id="another")
    await house.say("launcher", asked, to="router")
    assert await answers(house) == []
    assert any("does not fit its manifest" in reason for reason in await house.refusals())
