"""What a chain's own node says of one escrow, for whoever compares or audits."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.apps.compose import Platform
from manyhands.apps.verify import ChainEntry
from manyhands.chain.client import ChainClient
from manyhands.chain.contracts import encode_call
from manyhands.chain.indexer import decoded_events


async def events_on_chain(platform: Platform, chain_id: int, escrow: str, *, token: str = "") -> list[ChainEntry]:
    """Every event of an escrow, and of the jury about it, asked of the chain's own node.

    token  also what this token says of tokens that came to the escrow
    """
    facts = platform.chains.of(chain_id)
    assert facts.contracts is not None
    async with ChainClient(facts) as client:
        await client.connect()
        return await events_of_escrow(client, escrow, jury=facts.contracts.jury, tokens=[token] if token else ())


async def decimals_of_escrow(client: ChainClient, escrow: str) -> int:
    """Decimals of the token that an escrow holds, asked of both. raises CallReverted where one of them is none"""
    token = await client.call(escrow, encode_call("Escrow", "token"))
    said = await client.call("0x" + token[-20:].hex(), encode_call("TestToken", "decimals"))
    return int.from_bytes(said, "big")


async def decimals_on_chain(platform: Platform, chain_id: int, escrow: str) -> int:
    """The same of the chain's own node."""
    async with ChainClient(platform.chains.of(chain_id)) as client:
        await client.connect()
        return await decimals_of_escrow(client, escrow)


async def events_of_escrow(
    client: ChainClient, escrow: str, *, jury: str, tokens: Sequence[str] = ()
) -> list[ChainEntry]:
    """The same from any node. tokens  those whose transfers are asked for"""
    found = await decoded_events(client, {escrow: "Escrow", jury: "Jury"}, tokens=tokens)
    about = escrow.lower()
    return [
        ChainEntry(event.name, event.args, event.tx_hash)
        for event in found
        if about in (event.contract, event.args.get("_to"), str(event.args.get("escrow", "")).lower())
    ]
