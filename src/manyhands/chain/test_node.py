"""The local node: on a real anvil, with real kills."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from manyhands.chain.client import ChainClient
from manyhands.chain.errors import NodeDied, PortTaken
from manyhands.chain.facts import ChainFacts, shipped_facts
from manyhands.chain.keys import UnsignedTransaction, dev_key
from manyhands.chain.node import LocalNode, choose_state, end_left_behind, free_port, who_is_at
from manyhands.chain.testing import until

WHOLE = b'{"block": {}, "accounts": {}}'


async def head_of(node: LocalNode) -> int:
    async with ChainClient(node.facts.at([node.rpc_url])) as client:
        return (await client.head()).number


async def test_a_stopped_node_starts_again_where_it_was(
    anvil_binary: Path, local_facts: ChainFacts, tmp_path: Path
) -> None:
    async with LocalNode(local_facts, tmp_path, anvil=anvil_binary) as node:
        await node.mine(7)
    async with LocalNode(local_facts, tmp_path, anvil=anvil_binary) as node:
        assert await head_of(node) == 7


async def test_a_killed_node_comes_back_by_itself(local_node: LocalNode) -> None:
    pid = local_node.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: local_node.restarts == 1)
    await until(local_node.healthy)
    assert local_node.pid != pid


async def test_an_idle_chain_does_not_grow(local_node: LocalNode) -> None:
    await local_node.mine(3)
    before = await head_of(local_node)
    await asyncio.sleep(0.4)
    assert await head_of(local_node) == before


async def test_what_a_node_keeps_back_although_its_turn_has_come_is_handed_in_again(local_node: LocalNode) -> None:
    key = dev_key(2)
    async with ChainClient(local_node.facts.at([local_node.rpc_url])) as client:
        sent = []
        for nonce in (1, 2):
            transaction = UnsignedTransaction(
                client.chain_id, nonce, dev_key(1).address, b"", 1, 21_000, 10_000_000_000, 1_000_000_000
            )
            signed = key.sign_transaction(transaction)
            await client.ask("eth_sendRawTransaction", ["0x" + signed.raw.hex()])
            sent.append(signed.tx_hash)
        await asyncio.sleep(3 * local_node.facts.block_time_ms / 1000)
        assert await client.ask("txpool_status", []) == {"pending": "0x0", "queued": "0x2"}, (
            "one before them is missing"
        )
        await client.ask("anvil_setNonce", [key.address, "0x1"])  # the state in which a busy node leaves its pool

        async def both_mined() -> bool:
            return all([await client.ask("eth_getTransactionReceipt", [one]) for one in sent])

        await until(both_mined)
        assert int(await client.ask("eth_getTransactionCount", [key.address, "latest"]), 16) == 3


async def test_a_node_killed_in_the_middle_of_its_start_is_started_again(
    anvil_binary: Path, local_facts: ChainFacts, tmp_path: Path
) -> None:
    chance = random.Random(1)
    async with LocalNode(local_facts, tmp_path, anvil=anvil_binary, keep_state=False) as node:
        for _ in range(12):
            pid = node.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda pid=pid: node.pid not in (None, pid), every_s=0.001)
            await until(lambda: who_is_at(node.port), every_s=0)  # the keeper asks the same beside us
            await asyncio.sleep(chance.uniform(0, 0.004))
        await until(node.healthy)


async def test_a_block_with_the_number_of_one_that_was_quiet_gets_its_confirmations(local_node: LocalNode) -> None:
    confirmations = local_node.facts.confirmations
    assert confirmations > 0
    async with ChainClient(local_node.facts.at([local_node.rpc_url])) as client:
        await local_node.mine(confirmations + 1)
        await asyncio.sleep(0.4)
        quiet = await client.head()
        # The same height again, now with a transaction in the newest block: as after a restart a second poorer.
        key = dev_key(0)
        sent = key.sign_transaction(UnsignedTransaction(1338, 0, key.address, b"", 0, 21_000, 10**10, 10**9))
        await client.ask("anvil_reorg", [1, [["0x" + sent.raw.hex(), 0]]])
        receipt = await client.receipt(sent.tx_hash)
        assert receipt is not None and receipt.block_number == quiet.number

        async def confirmed() -> bool:
            return (await client.head()).number >= quiet.number + confirmations

        await until(confirmed)


async def test_a_node_left_by_a_killed_program_is_ended_before_the_next_start(
    anvil_binary: Path, local_facts: ChainFacts, tmp_path: Path
) -> None:
    first = LocalNode(local_facts, tmp_path, anvil=anvil_binary)
    await first.start()
    left = first.pid
    assert left is not None
    assert first._keeper is not None
    first._keeper.cancel()  # the program is gone, its node is not
    second = LocalNode(local_facts, tmp_path, first.port, anvil=anvil_binary)
    await second.start()
    assert await second.healthy()
    assert second.pid != left
    await second.stop()
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE
    await first.stop()


async def test_a_process_that_took_over_the_number_is_left_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "node.json"
    pid_file.write_text(f'{{"pid": {os.getpid()}, "created_at_s": 1.0, "port": 1}}')
    end_left_behind(pid_file)
    assert not pid_file.exists()
    pid_file.write_text("damaged")
    end_left_behind(pid_file)
    assert not pid_file.exists()


async def test_a_strange_chain_on_the_port_is_refused_by_name(
    anvil_binary: Path, local_node: LocalNode, tmp_path: Path
) -> None:
    other = LocalNode(shipped_facts()[31338], tmp_path / "other", local_node.port, anvil=anvil_binary)
    with pytest.raises(PortTaken) as caught:
        await other.start()
    assert (caught.value.port, caught.value.found_chain_id) == (local_node.port, 1338)
    assert await local_node.healthy()


async def test_another_program_on_the_port_is_refused(
    anvil_binary: Path, local_facts: ChainFacts, tmp_path: Path
) -> None:
    async def silence(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(PortTaken, match="another program"):
        await LocalNode(local_facts, tmp_path, port, anvil=anvil_binary).start()
    server.close()


async def test_a_binary_that_is_no_node_is_told_with_its_log(local_facts: ChainFacts, tmp_path: Path) -> None:
    binary = tmp_path / "anvil"
    binary.write_text("#!/bin/sh\necho broken; exit 3\n")
    binary.chmod(0o755)
    with pytest.raises(NodeDied) as caught:
        await LocalNode(local_facts, tmp_path / "chain", anvil=binary).start()
    assert caught.value.exit_code == 3
    assert caught.value.log.read_text() == "broken\n"


async def test_a_damaged_state_gives_way_to_its_copy(
    anvil_binary: Path, local_facts: ChainFacts, tmp_path: Path
) -> None:
    for _ in range(2):
        async with LocalNode(local_facts, tmp_path, anvil=anvil_binary) as node:
            await node.mine(4)
    raw = node.state_file.read_bytes()
    node.state_file.write_bytes(raw[: len(raw) // 2])
    async with LocalNode(local_facts, tmp_path, anvil=anvil_binary) as node:
        assert await head_of(node) == 4


def test_the_choice_of_a_state_ends_at_genesis(tmp_path: Path) -> None:
    latest, previous = tmp_path / "a.json", tmp_path / "b.json"
    assert choose_state(latest, previous) == "genesis"
    latest.write_bytes(WHOLE)
    assert choose_state(latest, previous) == "latest"
    assert previous.read_bytes() == WHOLE
    latest.write_bytes(WHOLE[:9])
    assert choose_state(latest, previous) == "previous"
    assert latest.read_bytes() == WHOLE
    for path in (latest, previous):
        path.write_bytes(b"[]")
    assert choose_state(latest, previous) == "genesis"
    assert not latest.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no signal at the parent's death")
async def test_the_node_ends_with_a_program_that_is_killed(anvil_binary: Path, tmp_path: Path) -> None:
    port = free_port()
    program = f"""
        import asyncio, pathlib
        from manyhands.chain.facts import shipped_facts
        from manyhands.chain.node import LocalNode

        async def main():
            node = LocalNode(shipped_facts()[1338], pathlib.Path({str(tmp_path)!r}), {port},
                             anvil=pathlib.Path({str(anvil_binary)!r}))
            await node.start()
            print("up", flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """
    child = subprocess.Popen(  # noqa: ASYNC220  it is killed, not awaited
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert await asyncio.to_thread(child.stdout.readline) == b"up\n"
    assert await who_is_at(port) == 1338
    child.kill()
    child.wait()
    child.stdout.close()

    async def gone() -> bool:
        return await who_is_at(port) is None

    await until(gone)
