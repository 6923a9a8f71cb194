"""Puts the contracts on a chain through the outbox, once, and gives local accounts what they need.

Rules kept here
- Every step has a purpose made from meaning: a second start finds everything done and sends nothing.
- Addresses follow from the deployer's key and the order of its transactions, so they are known before anything is sent.
- Gas and test tokens are given on local chains only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from manyhands.chain.contracts import (
    DeploymentTerms,
    deployment_plan,
    encode_call,
    encode_deploy,
    gas_limit,
    planned_addresses,
)
from manyhands.chain.facts import ChainFacts, ContractAddresses, TokenFacts
from manyhands.chain.keys import RoleKey, contract_address
from manyhands.chain.standalone import addresses_of
from manyhands.store.database import Database

from . import outbox
from .outbox.model import NotDone, OutboxError, State

TRANSFER_GAS = 21_000
SUPPLY_SPARE = 1_000_000
"""Whole tokens that a further test token's own key keeps, to give away by hand."""
POLL_S = 0.05


class DeployerUsed(OutboxError):
    """The deployer's key signed something before the deployment, so the contracts would stand elsewhere."""

    def __init__(self, chain_id: int, deployer: str, nonce: int) -> None:
        self.chain_id, self.deployer, self.nonce = chain_id, deployer, nonce
        super().__init__(
            f"{deployer} has signed {nonce} transactions on chain {chain_id} before the deployment",
            cure="Deploy with a key that signed nothing on this chain yet.",
        )


async def ensure_deployed(
    db: Database,
    facts: ChainFacts,
    deployer: RoleKey,
    *,
    terms: DeploymentTerms | None = None,
    gas_for: Mapping[str, int] | None = None,
    tokens_for: Mapping[str, int] | None = None,
) -> ContractAddresses:
    """Submits what is missing and waits until all of it is final; a `Sender` must be at work.

    gas_for     address -> wei sent to it, local chains only
    tokens_for  address -> minor units of the test token sent to it, local chains only
    raises      NotDone naming the step that the chain refused; DeployerUsed
    """
    at = planned_addresses(deployer.address)
    purposes: list[str] = []
    async with db.transaction() as tx:
        for step in deployment_plan(deployer.address, terms=terms):
            await outbox.submit(
                tx,
                chain=facts,
                key=deployer,
                purpose=step.purpose,
                to=step.to,
                data=step.data,
                gas_limit=step.gas_limit,
            )
            purposes.append(step.purpose)
        for address, wei in (gas_for or {}).items() if facts.local else ():
            purposes.append(f"gas for {address}")
            await outbox.submit(
                tx, chain=facts, key=deployer, purpose=purposes[-1], to=address, data=b"", gas_limit=TRANSFER_GAS,
                value_wei=wei,
            )  # fmt: skip
        for address, minor in (tokens_for or {}).items() if facts.local else ():
            purposes.append(f"tokens for {address}")
            await outbox.submit(
                tx, chain=facts, key=deployer, purpose=purposes[-1], to=at["TestToken"],
                data=encode_call("TestToken", "transfer", address, minor), gas_limit=gas_limit("transfer"),
            )  # fmt: skip
        first = await outbox.find(tx, chain_id=facts.chain_id, purpose=purposes[0])
        if first is not None and first.contract_address != at["TestToken"]:
            raise DeployerUsed(facts.chain_id, deployer.address, first.nonce)
    await _until_final(db, facts, purposes)
    return addresses_of(at)


async def ensure_token(
    db: Database,
    facts: ChainFacts,
    token: TokenFacts,
    key: RoleKey,
    *,
    funder: RoleKey,
    gas_wei: int,
    tokens_for: Mapping[str, int],
) -> str:
    """Puts a further test token on a local chain and gives it out, and waits until all of it is final.

    key         the token's own: its first transaction makes the token, so that the address is known before
    funder      who gives the key its gas
    tokens_for  address -> base units sent to it
    returns     the token's address
    raises      NotDone naming the step that the chain refused; DeployerUsed
    """
    purposes = [f"gas for {key.address}", f"deploy token {token.symbol}"]
    async with db.transaction() as tx:
        await outbox.submit(
            tx, chain=facts, key=funder, purpose=purposes[0], to=key.address, data=b"", gas_limit=TRANSFER_GAS,
            value_wei=gas_wei,
        )  # fmt: skip
    await _until_final(db, facts, purposes[:1])
    supply = sum(tokens_for.values()) + SUPPLY_SPARE * 10**token.decimals
    at = contract_address(key.address, 0)
    async with db.transaction() as tx:
        await outbox.submit(
            tx, chain=facts, key=key, purpose=purposes[1], to=None, gas_limit=gas_limit("deploy TestToken"),
            data=encode_deploy("TestToken", supply, f"Manyhands Test {token.symbol}", token.decimals, token.symbol),
        )  # fmt: skip
        for address, minor in tokens_for.items():
            purposes.append(f"{token.symbol} for {address}")
            await outbox.submit(
                tx, chain=facts, key=key, purpose=purposes[-1], to=at, gas_limit=gas_limit("transfer"),
                data=encode_call("TestToken", "transfer", address, minor),
            )  # fmt: skip
        made = await outbox.find(tx, chain_id=facts.chain_id, purpose=purposes[1])
        if made is not None and made.contract_address != at:
            raise DeployerUsed(facts.chain_id, key.address, made.nonce)
    await _until_final(db, facts, purposes)
    return at


async def _until_final(db: Database, facts: ChainFacts, purposes: Sequence[str]) -> None:
    for purpose in purposes:
        while True:
            async with db.connection() as tx:
                entry = await outbox.find(tx, chain_id=facts.chain_id, purpose=purpose)
            if entry is not None and entry.state == State.FINAL:
                break
            if entry is not None and entry.state in (State.REVERTED, State.DISPLACED):
                raise NotDone(facts.chain_id, purpose, entry.state, entry.reason)
            await asyncio.sleep(POLL_S)
