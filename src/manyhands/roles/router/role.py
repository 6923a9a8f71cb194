"""The router at work: a question is stored, a background job looks at the chains, the answer is signed and sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from manyhands.protocol import canonical
from manyhands.protocol.errors import BadManifest, ManyhandsError, ProtocolError
from manyhands.protocol.manifest import check_manifest
from manyhands.protocol.messages import Envelope, RouteDecided, RouteRequested, Routing, open_envelope
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, rows
from manyhands.store.jobs import enqueue
from manyhands.store.sql import load_queries

from .decide import ChainOffer, Decision, ExchangeOffer, Health, decide

QUERIES = load_queries("manyhands.roles.router", "sql")

DECIDE = "router.decide"
PROBE_TIMEOUT_MS = 5_000

Probe = Callable[[int], Awaitable[Health]]
"""Looks at the chain of that id: does it answer, as the right chain, with fresh blocks, at which gas price."""


class Router:
    """One router.

    chains     what can be chosen from
    probe      how a chain's health is found out; an error of it means that the chain is not healthy
    exchanges  capabilities of exchanges; those of the directory that are not listed take anything
    """

    def __init__(
        self,
        ctx: RoleContext,
        *,
        chains: Sequence[ChainOffer],
        probe: Probe,
        exchanges: Sequence[ExchangeOffer] = (),
        probe_timeout_ms: int = PROBE_TIMEOUT_MS,
    ) -> None:
        self.ctx, self.chains, self.exchanges = ctx, tuple(chains), tuple(exchanges)
        self._probe, self._probe_timeout_ms = probe, probe_timeout_ms

    def jobs(self) -> Mapping[str, Callable[..., Awaitable[None]]]:
        """Background work of this role, by name."""
        return {DECIDE: self.decide_one}

    async def tick(self) -> None:
        """Nothing is periodic here: chains are probed when somebody asks."""

    async def on_message(self, tx: Tx, envelope: Envelope) -> None:
        """Stores a question. raises ProtocolError to refuse it for good"""
        body, sender = open_envelope(envelope), envelope.sender
        if not isinstance(body, RouteRequested):
            raise ProtocolError(f"the router takes no {type(body).__name__}")
        if body.manifest.job_id != body.job_id or body.attempt < 1:
            raise ProtocolError(f"the question about job {body.job_id} does not fit its manifest")
        values = {"job_id": body.job_id, "launcher": sender, "attempt": body.attempt}
        await tx.execute(
            QUERIES.add_request, {**values, "request": canonical.encode(body), "asked_at_ms": self.ctx.clock()}
        )
        await enqueue(tx, DECIDE, queue="roles", args=values, lock=f"router:{body.job_id}")

    async def on_chain_event(self, tx: Tx, event: object) -> None:
        """The router follows no contract."""

    async def decide_one(self, job_id: str, launcher: str, attempt: int) -> None:
        """Answers one stored question; a second call finds it answered."""
        values = {"job_id": job_id, "launcher": launcher, "attempt": attempt}
        async with self.ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.read_request, values)
        if not found or found[0][1] is not None:
            return
        request: RouteRequested = canonical.decode(found[0][0], RouteRequested)
        health = await self.look_at_chains()
        decision = self._decision(request, health)
        async with self.ctx.db.transaction() as tx:
            # probing took its time outside of the transaction: whoever comes second finds the answer and adds nothing
            answered = await rows(
                tx,
                QUERIES.set_decided,
                {**values, "decision": canonical.encode(decision), "decided_at_ms": decision.routing.decided_at_ms},
            )
            if not answered:
                return
            await self._note_health(tx, health)
            body = RouteDecided(job_id=job_id, attempt=attempt, found=decision.found, routing=decision.routing)
            await self.ctx.send(tx, body, to_role="launcher", to=launcher)

    async def look_at_chains(self) -> dict[int, Health]:
        """Probes all chains at the same time."""
        found = await asyncio.gather(*(self._look(chain.chain_id) for chain in self.chains))
        return {chain.chain_id: health for chain, health in zip(self.chains, found, strict=True)}

    async def health_seen(self) -> dict[int, tuple[Health, int]]:
        """What was last found of each chain, and when (ms since 1970)."""
        async with self.ctx.db.connection() as connection:
            found = await rows(connection, QUERIES.health_seen)
        return {
            chain_id: (Health(ok=ok, latency_ms=latency_ms, gas_price_wei=int(gas_price_wei), because=because), at_ms)
            for chain_id, ok, latency_ms, gas_price_wei, because, at_ms in found
        }

    def _decision(self, request: RouteRequested, health: Mapping[int, Health]) -> Decision:
        now_ms = self.ctx.clock()
        try:
            check_manifest(request.manifest)
        except BadManifest as bad:
            return Decision(
                found=False,
                routing=Routing(
                    chain_id=0,
                    exchange="",
                    recording="",
                    reputation="",
                    jury="",
                    reason=bad.message,
                    considered=(),
                    decided_at_ms=now_ms,
                ),
            )
        return decide(
            request.manifest,
            chains=self.chains,
            health=health,
            exchanges=self.exchanges,
            directory=self.ctx.directory,
            avoid_chain_ids=request.avoid_chain_ids,
            now_ms=now_ms,
        )

    async def _look(self, chain_id: int) -> Health:
        try:
            return await asyncio.wait_for(self._probe(chain_id), self._probe_timeout_ms / 1_000)
        except TimeoutError:
            return Health(ok=False, because=f"no answer within {self._probe_timeout_ms} ms")
        except (ManyhandsError, OSError) as problem:
            return Health(ok=False, because=str(problem) or type(problem).__name__)

    async def _note_health(self, tx: Tx, health: Mapping[int, Health]) -> None:
        at_ms = self.ctx.clock()
        async with tx.cursor() as cursor:
            await cursor.executemany(
                QUERIES.put_health,
                [
                    {
                        "chain_id": chain_id,
                        "ok": seen.ok,
                        "latency_ms": seen.latency_ms,
                        "gas_price_wei": seen.gas_price_wei,
                        "because": seen.because,
                        "at_ms": at_ms,
                    }
                    # in one order everywhere: two answers at a time must not wait for each other
                    for chain_id, seen in sorted(health.items())
                ],
            )
