"""The client: against a real node, and against one that lies."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.chain.client import ChainClient, SendOutcome, decode_reason, wait_for_receipt
from manyhands.chain.errors import (
    CallReverted,
    ChainDisagrees,
    ChainError,
    ChainUnreachable,
    RpcRefused,
    TransactionRefused,
    WrongChain,
)
from manyhands.chain.facts import ChainFacts
from manyhands.chain.keys import RoleKey, SignedTransaction, UnsignedTransaction, contract_address, dev_key
from manyhands.chain.node import LocalNode, free_port
from manyhands.chain.testing import (
    CHAINED,
    NOTEBOOK_BYTECODE,
    NOTEBOOK_GAS,
    NOTEBOOK_SOURCE,
    NOTED_TOPIC,
    REFUSE,
    REFUSE_REASON,
    Faults,
    FaultyProxy,
    note,
    notebook_digest,
)
from manyhands.protocol.ids import SeededIds


def signed(
    nonce: int, to: str | None, data: bytes, *, key: RoleKey | None = None, fee_wei: int = 10**11
) -> SignedTransaction:
    gas = NOTEBOOK_GAS if to else 600_000
    return (key or dev_key(0)).sign_transaction(UnsignedTransaction(1338, nonce, to, data, 0, gas, fee_wei, 10**9))


async def deployed_notebook(client: ChainClient) -> str:
    transaction = signed(0, None, NOTEBOOK_BYTECODE)
    assert await client.send_raw(*transaction) is SendOutcome.TAKEN
    receipt = await wait_for_receipt(client, transaction.tx_hash, patience_s=10)
    assert receipt.contract_address == contract_address(dev_key(0).address, 0)
    return receipt.contract_address


def test_the_notebook_is_what_its_source_compiles_to(tmp_path: Path) -> None:
    (tmp_path / "notebook.vy").write_text(NOTEBOOK_SOURCE)
    command = [sys.executable, "-m", "vyper.cli.vyper_compile", "-f", "bytecode", str(tmp_path / "notebook.vy")]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert made.strip() == "0x" + NOTEBOOK_BYTECODE.hex()


async def test_a_transaction_is_sent_mined_and_read_back(local_client: ChainClient) -> None:
    notebook = await deployed_notebook(local_client)
    transaction = signed(1, notebook, note(b"one"))
    await local_client.send_raw(*transaction)
    receipt = await wait_for_receipt(local_client, transaction.tx_hash, patience_s=10)
    assert receipt.succeeded
    assert [(log.address, log.topics, log.index_in_tx) for log in receipt.logs] == [(notebook, (NOTED_TOPIC,), 0)]
    assert await local_client.call(notebook, CHAINED) == notebook_digest([b"one"])
    assert await local_client.storage(notebook, 0) == notebook_digest([b"one"])
    assert await local_client.transaction_count(dev_key(0).address) == 2
    found = await local_client.logs(
        addresses=[notebook], topics=[[NOTED_TOPIC]], from_block=0, to_block=receipt.block_number
    )
    assert found == [(receipt.block_number, transaction.tx_hash)]


async def test_the_same_bytes_twice_are_known_or_used(local_client: ChainClient, local_node: LocalNode) -> None:
    await local_client.ask("evm_setAutomine", [False])
    waiting = signed(0, dev_key(1).address, b"")
    assert await local_client.send_raw(*waiting) is SendOutcome.TAKEN
    assert await local_client.send_raw(*waiting) is SendOutcome.ALREADY_KNOWN
    cheaper = signed(0, dev_key(1).address, b"", fee_wei=5 * 10**10)
    assert await local_client.send_raw(*cheaper) is SendOutcome.UNDERPRICED
    await local_node.mine()
    await wait_for_receipt(local_client, waiting.tx_hash, patience_s=10)
    assert await local_client.send_raw(*waiting) is SendOutcome.NONCE_USED


async def test_a_refusal_carries_the_contracts_reason(local_client: ChainClient) -> None:
    notebook = await deployed_notebook(local_client)
    with pytest.raises(CallReverted) as caught:
        await local_client.call(notebook, REFUSE)
    assert caught.value.reason == REFUSE_REASON
    with pytest.raises(CallReverted, match=REFUSE_REASON):
        await local_client.estimate_gas(to=notebook, data=REFUSE, sender=dev_key(0).address)
    transaction = signed(1, notebook, REFUSE)
    await local_client.send_raw(*transaction)
    receipt = await wait_for_receipt(local_client, transaction.tx_hash, patience_s=10)
    assert not receipt.succeeded
    reason = await local_client.revert_reason(
        to=notebook, data=REFUSE, sender=dev_key(0).address, value_wei=0, gas_limit=100_000, at=receipt.block_number
    )
    assert reason == REFUSE_REASON


async def test_an_account_without_money_is_refused_for_good(local_client: ChainClient) -> None:
    poor = RoleKey.create(SeededIds(3))
    with pytest.raises(TransactionRefused, match=r"(?i)insufficient funds") as caught:
        await local_client.send_raw(*signed(0, dev_key(0).address, b"", key=poor))
    assert "gas money" in caught.value.cure


async def test_a_url_that_serves_another_chain_is_never_used(local_node: LocalNode) -> None:
    async with (
        FaultyProxy(local_node.rpc_url, faults=Faults(chain_id=5)) as liar,
        ChainClient(local_node.facts.at([liar.rpc_url, local_node.rpc_url])) as client,
    ):
        with pytest.raises(WrongChain) as caught:
            await client.connect()
        assert (caught.value.url, caught.value.wanted, caught.value.found) == (liar.rpc_url, 1338, 5)
        with pytest.raises(WrongChain):
            await client.head()


async def test_a_url_that_is_down_gives_way_to_the_next(local_node: LocalNode) -> None:
    async with (
        FaultyProxy(local_node.rpc_url, faults=Faults(down=True)) as down,
        ChainClient(local_node.facts.at([down.rpc_url, local_node.rpc_url])) as client,
    ):
        await client.connect()
        assert (await client.head()).number == 0
        asked = down.counts["requests"]
        await client.head()
        assert down.counts["requests"] == asked


async def test_no_url_answering_names_them_all(local_facts: ChainFacts) -> None:
    urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
    async with ChainClient(local_facts.at(urls)) as client:
        with pytest.raises(ChainUnreachable) as caught:
            await client.connect()
        assert list(caught.value.problems) == urls
        assert "outbox" not in caught.value.message
        assert caught.value.cure


async def test_two_urls_with_different_blocks_are_a_disagreement(local_node: LocalNode) -> None:
    async with (
        FaultyProxy(local_node.rpc_url) as second,
        ChainClient(local_node.facts.at([local_node.rpc_url, second.rpc_url])) as client,
    ):
        await local_node.mine(2)
        honest = await client.block(1)
        assert honest is not None
        assert await client.agreed_block_hash(1) == honest.hash
        assert await client.agreed_block_hash(9) is None
        second.faults.lie_hashes_bp = 10_000
        with pytest.raises(ChainDisagrees) as caught:
            await client.agreed_block_hash(1)
        assert set(caught.value.answers) == {local_node.rpc_url, second.rpc_url}
        second.faults.down = True
        assert await client.agreed_block_hash(1) == honest.hash


async def test_a_receipt_counts_only_when_every_answering_url_has_it(
    local_node: LocalNode, anvil_binary: Path, tmp_path: Path
) -> None:
    async with (
        LocalNode(local_node.facts, tmp_path / "empty", anvil=anvil_binary) as behind,
        ChainClient(local_node.facts.at([local_node.rpc_url, behind.rpc_url])) as client,
    ):
        transaction = signed(0, dev_key(1).address, b"")
        await client.send_raw(*transaction)
        await wait_for_receipt(client, transaction.tx_hash, patience_s=10)
        assert await client.agreed_receipts([transaction.tx_hash]) == [None]


async def test_many_questions_travel_together_and_keep_their_order(
    local_client: ChainClient, local_node: LocalNode
) -> None:
    await local_node.mine(120)
    found = await local_client.blocks(list(range(120)))
    assert [block.number for block in found if block is not None] == list(range(120))
    with pytest.raises(RpcRefused):
        await local_client.ask("eth_noSuchThing", [])


def test_revert_data_is_told_as_far_as_it_can_be_read() -> None:
    assert decode_reason(b"") == ""
    assert decode_reason(bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")) == "panic 0x11"
    assert decode_reason(b"\x01\x02\x03\x04") == "0x01020304"


def test_a_web_server_can_use_the_client_without_loading_web3() -> None:
    program = "import sys, manyhands.chain.client, manyhands.chain.facts; sys.exit('web3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("seed", range(4))
async def test_nonsense_is_an_error_of_the_package_whatever_it_is(local_node: LocalNode, seed: int) -> None:
    async with (
        FaultyProxy(local_node.rpc_url, seed=seed) as proxy,
        ChainClient(local_node.facts.at([proxy.rpc_url])) as client,
    ):
        await client.connect()
        proxy.faults.nonsense_bp = 10_000
        for question in (
            client.head(),
            client.block(0),
            client.receipt("0x" + "0" * 64),
            client.transaction_count(dev_key(0).address),
            client.call(dev_key(0).address, b""),
            client.code(dev_key(0).address),
            client.logs(addresses=[], topics=[], from_block=0, to_block=0),
            client.agreed_head(),
        ):
            with contextlib.suppress(ChainError):
                await question
        client.forget_checks()
        with pytest.raises(ChainError):
            await client.connect()
