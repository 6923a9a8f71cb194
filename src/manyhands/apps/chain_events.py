"""What a chain's own node says of one escrow, for whoever compares or audits."""

from __future__ import annotations

from manyhands.apps.compose import Platform
from manyhands.apps.verify import ChainEntry
from manyhands.chain.client import ChainClient
from manyhands.chain.indexer import decoded_events


async def events_on_chain(
    platform: Platform, chain_id: int, escrow: str, *, transfers: bool = False
) -> list[ChainEntry]:
    """Every event of an escrow, and of the jury about it, asked of the chain's own node.

    transfers  True = also what the token says of tokens that came to the escrow
    """
    facts = platform.chains.of(chain_id)
    assert facts.contracts is not None
    async with ChainClient(facts) as client:
        await client.connect()
        token = facts.contracts.token if transfers else ""
        return await events_of_escrow(client, escrow, jury=facts.contracts.jury, token=token)


async def events_of_escrow(client: ChainClient, escrow: str, *, jury: str, token: str = "") -> list[ChainEntry]:
    """The same from any node. token  "" = its transfers are not asked for"""
    found = await decoded_events(client, {escrow: "Escrow", jury: "Jury"}, token=token)
    about = escrow.lower()
    return [
        ChainEntry(event.name, event.args, event.tx_hash)
        for event in found
        if about in (event.contract, event.args.get("_to"), str(event.args.get("escrow", "")).lower())
    ]
