"""A local chain with all contracts on it, for developers and for HUMAN Protocol's own clients. Needs no database.

Rules kept here
- The contracts stand where HUMAN's SDK looks for them on a local chain: deployed by dev account 0, in its order.
- A kept chain goes on where it was; what of the deployment is missing is sent, and nothing twice.
- Dev account 0 holds the tokens and is a slasher, as on HUMAN's own local chain.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from .client import ChainClient, wait_for_receipt
from .contracts import HUMAN_LOCAL_TERMS, DeploymentTerms, deployment_plan, planned_addresses
from .errors import CallReverted
from .facts import ChainFacts, ContractAddresses, shipped_facts
from .keys import RoleKey, UnsignedTransaction, dev_key
from .node import LocalNode

MINED_PATIENCE_S = 30.0

Beside = Callable[[ChainClient], contextlib.AbstractAsyncContextManager[object]]
"""Given the chain's client, whose facts hold the contracts' addresses."""


class StandaloneChain(msgspec.Struct, frozen=True):
    """What a client must know; the names are those that HUMAN's SDK uses for its networks."""

    rpc_url: str
    chain_id: int
    hmt_address: str
    factory_address: str
    staking_address: str
    kvstore_address: str
    jury_address: str


async def chain_up(
    *,
    chain_id: int = 1338,
    port: int = 8545,
    data_dir: Path | None = None,
    anvil: Path | None = None,
    ready: Callable[[dict[str, object]], object] = lambda _: None,
    beside: Beside | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Runs a chain until it is interrupted (SIGINT, SIGTERM) or `stop` is set.

    data_dir  where it is kept; None keeps nothing
    port      0 takes any free one
    ready     told once, when the contracts stand: the fields of StandaloneChain
    beside    what runs with the chain, from the moment the contracts stand until its end
    raises    AnvilMissing, PortTaken, NodeDied; CallReverted when the chain refuses the deployment
    """
    over = stop or asyncio.Event()
    with contextlib.ExitStack() as stack:
        if stop is None:
            stack.enter_context(_until_interrupted(over))
        folder = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="manyhands-chain-")))
        node = LocalNode(facts_for(chain_id), folder, port, anvil=anvil, keep_state=data_dir is not None)
        async with node, ChainClient(node.facts.at([node.rpc_url])) as client:
            at = await deploy_directly(client, dev_key(0), terms=HUMAN_LOCAL_TERMS)
            client.facts = client.facts.with_contracts(at)
            async with beside(client) if beside else contextlib.nullcontext():
                ready(msgspec.to_builtins(described(client.facts, at)))
                await over.wait()


def facts_for(chain_id: int) -> ChainFacts:
    """Facts of a local chain with this id: the shipped ones, else the first shipped ones under the new id."""
    shipped = shipped_facts()
    if chain_id in shipped:
        return shipped[chain_id]
    return msgspec.structs.replace(next(iter(shipped.values())), chain_id=chain_id, name=f"local-{chain_id}")


def described(facts: ChainFacts, at: ContractAddresses) -> StandaloneChain:
    """What a client must know of this chain."""
    return StandaloneChain(
        rpc_url=facts.rpc_urls[0],
        chain_id=facts.chain_id,
        hmt_address=at.token,
        factory_address=at.factory,
        staking_address=at.staking,
        kvstore_address=at.kvstore,
        jury_address=at.jury,
    )


async def deploy_directly(
    client: ChainClient, deployer: RoleKey, *, terms: DeploymentTerms | None = None
) -> ContractAddresses:
    """Sends what is missing of the deployment and waits for it. For chains without an outbox; roles use ledger.deploy.

    deployer  must have signed nothing else before the deployment: its first nonces decide the addresses
    raises    CallReverted naming the step
    """
    fees = client.facts.fees
    done = await client.transaction_count(deployer.address)
    sent: list[tuple[str, str]] = []
    for step in deployment_plan(deployer.address, terms=terms)[done:]:
        signed = deployer.sign_transaction(
            UnsignedTransaction(
                client.chain_id,
                step.nonce,
                step.to,
                step.data,
                0,
                step.gas_limit,
                fees.max_fee_wei,
                fees.priority_fee_wei,
            )
        )
        await client.send_raw(signed.raw, signed.tx_hash)
        sent.append((step.purpose, signed.tx_hash))
    for purpose, tx_hash in sent:
        receipt = await wait_for_receipt(client, tx_hash, patience_s=MINED_PATIENCE_S)
        if not receipt.succeeded:
            raise CallReverted(None, f"{purpose} failed")
    return addresses_of(planned_addresses(deployer.address))


def addresses_of(planned: dict[str, str]) -> ContractAddresses:
    """The platform's names for planned_addresses' contracts."""
    return ContractAddresses(
        token=planned["TestToken"],
        staking=planned["Staking"],
        factory=planned["EscrowFactory"],
        kvstore=planned["KVStore"],
        jury=planned["Jury"],
    )


@contextlib.contextmanager
def _until_interrupted(over: asyncio.Event) -> Iterator[None]:
    """Sets the event at SIGINT and SIGTERM instead of dying, so that the chain is stopped properly."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, over.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
