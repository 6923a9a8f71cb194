"""HUMAN's official SDK, its helpers that read a subgraph, against our own read side; and `chain up` as it is run.

The chain is the command itself, started as anyone would: what it prints, what it serves, how it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_account import Account
from human_protocol_sdk.constants import NETWORKS, ChainId, OrderDirection, Status
from human_protocol_sdk.escrow import EscrowClient, EscrowConfig, EscrowUtils
from human_protocol_sdk.filter import (
    CancellationRefundFilter,
    EscrowFilter,
    PayoutFilter,
    StakersFilter,
    StatisticsFilter,
    StatusEventFilter,
    TransactionFilter,
    WorkerFilter,
)
from human_protocol_sdk.kvstore import KVStoreClient, KVStoreUtils
from human_protocol_sdk.operator import OperatorFilter, OperatorUtils
from human_protocol_sdk.staking import StakingClient, StakingUtils
from human_protocol_sdk.statistics import StatisticsUtils
from human_protocol_sdk.transaction import TransactionUtils
from human_protocol_sdk.worker import WorkerUtils
from web3 import Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder

from manyhands.chain.contracts import artifact
from manyhands.chain.keys import DEV_MNEMONIC
from manyhands.chain.node import free_port

Account.enable_unaudited_hdwallet_features()

LOCAL = ChainId.LOCALHOST
URL = "https://storage.example.org/results.json"
HASH = "b5dad76bf6772c0f07fd5e048f6e75a5f86ee079"
KEYS = (
    "rpc_url", "chain_id", "hmt_address", "factory_address", "staking_address", "kvstore_address", "jury_address",
)  # fmt: skip
READY_PATIENCE_S = 60.0


class ChainUp:
    """The command while it runs. line: what it printed, as it was printed"""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from manyhands.apps.cli import main; main()", "chain", "up", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.line = self._first_line()
        self.told: dict[str, Any] = json.loads(self.line)

    def _first_line(self) -> bytes:
        assert self.process.stdout is not None
        deadline, found = time.monotonic() + READY_PATIENCE_S, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not found.endswith(b"\n"):
                selector.select(deadline - time.monotonic())
                found += self.process.stdout.read() or b""
                assert time.monotonic() < deadline and self.process.poll() is None, found
        return found

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, bytes]:
        """Interrupts it. returns  exit code, and what it printed after its line"""
        self.process.send_signal(how)
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, out


def command_of(pid: int) -> str:
    """The command line of a process; "" when there is none, or only what is left of one that ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def descendants(pid: int) -> list[int]:
    """Children of a process, and theirs."""
    found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [deeper for child in found for deeper in descendants(child)]


class Party:
    """One dev account with the SDK's clients."""

    def __init__(self, rpc_url: str, index: int) -> None:
        account = Account.from_mnemonic(DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        self.address = account.address
        self.w3 = Web3(Web3.HTTPProvider(rpc_url))
        self.w3.middleware_onion.inject(
            SignAndSendRawMiddlewareBuilder.build(account), "SignAndSendRawMiddlewareBuilder", layer=0
        )
        self.w3.eth.default_account = account.address
        self.escrow, self.staking, self.kvstore = EscrowClient(self.w3), StakingClient(self.w3), KVStoreClient(self.w3)


class Story:
    """Three jobs told to the chain by the SDK: one paid and completed, one cancelled, one only made."""

    def __init__(self, up: ChainUp) -> None:
        self.up = up
        rpc_url = up.told["rpc_url"]
        self.launcher, self.reputation, self.recording, self.exchange = (Party(rpc_url, n) for n in range(4))
        network = NETWORKS[LOCAL]
        w3 = self.launcher.w3
        self.token = w3.eth.contract(address=network["hmt_address"], abi=list(artifact("TestToken").abi))
        for spender in (network["staking_address"], network["factory_address"]):
            call = self.token.functions.approve(spender, 2**200)
            w3.eth.wait_for_transaction_receipt(call.transact({"from": self.launcher.address}))
        self.launcher.staking.stake(1_000)
        self.launcher.staking.unstake(300)
        self.reputation.kvstore.set_bulk(
            ["role", "fee", "url", "webhook_url", "job_types", "registration_needed", "name", "category"],
            ["Reputation Oracle", "2.5", "https://rep.example", "https://rep.example/hook", "receipt, image_boxes",
             "true", "Hands", "machine_learning"],
        )  # fmt: skip
        self.recording.kvstore.set("role", "Recording Oracle")
        for member in (self.recording, self.exchange):
            self.reputation.kvstore.set(member.address.lower(), "ACTIVE")
        self.reputation.kvstore.set(self.exchange.address.lower(), "INACTIVE")

        self.worker, self.other = (Party(rpc_url, n).address for n in (5, 6))
        self.done = self.make(1_000, "requester-1")
        call = self.token.functions.transfer(self.done, 50)  # a top-up
        w3.eth.wait_for_transaction_receipt(call.transact({"from": self.launcher.address}))
        self.recording.escrow.store_results(self.done, URL, HASH, 500)
        self.reputation.escrow.bulk_payout(self.done, [self.worker, self.other], [100, 50], URL, HASH, "p1", False)
        self.partly = EscrowUtils.get_escrow(LOCAL, self.done)
        self.reputation.escrow.bulk_payout(self.done, [self.worker], [350], URL, HASH, "p2", True)
        self.cancelled = self.make(400, "requester-2")
        self.launcher.escrow.request_cancellation(self.cancelled)
        self.recording.escrow.store_results(self.cancelled, "", "", 0)
        self.empty = self.launcher.escrow.create_escrow(network["hmt_address"], "requester-3")

    def make(self, amount: int, requester: str) -> str:
        config = EscrowConfig(self.recording.address, self.reputation.address, self.exchange.address, URL, HASH)
        token = NETWORKS[LOCAL]["hmt_address"]
        return str(self.launcher.escrow.create_fund_and_setup_escrow(token, amount, requester, config))


@pytest.fixture(scope="module")
def story(anvil_binary: object) -> Iterator[Story]:
    before, port = NETWORKS[LOCAL]["subgraph_url"], free_port()
    words = ("--chain-id", "1338", "--port", str(free_port()), "--subgraph-port", str(port), "--ephemeral", "--json")
    up = ChainUp(*words)
    NETWORKS[LOCAL]["subgraph_url"] = before.replace(":8000", f":{port}")  # the port alone: tests run beside each other
    try:
        yield Story(up)
    finally:
        NETWORKS[LOCAL]["subgraph_url"] = before
        code, more = up.end()
    assert (code, more) == (0, b"")


def test_chain_up_prints_one_json_line_with_seven_keys_and_runs_on(story: Story) -> None:
    assert story.up.line.count(b"\n") == 1
    assert tuple(story.up.told) == KEYS
    assert story.up.told["chain_id"] == 1338
    for name in ("hmt_address", "factory_address", "staking_address", "kvstore_address"):
        assert story.up.told[name] == NETWORKS[LOCAL][name].lower()
    assert story.up.process.poll() is None
    assert story.token.functions.balanceOf(story.launcher.address).call() > 10**9  # dev account 0 holds tokens
    staking = story.launcher.w3.eth.contract(
        address=NETWORKS[LOCAL]["staking_address"], abi=list(artifact("Staking").abi)
    )
    assert staking.functions.slashers(story.launcher.address).call()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_chain_up_ends_when_told_and_leaves_neither_node_nor_files(
    anvil_binary: object, how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    port = free_port()
    up = ChainUp("--port", str(port), "--subgraph-port", str(free_port()), "--ephemeral", "--json")
    try:
        (node,) = [one for one in descendants(up.process.pid) if f"--port {port}" in command_of(one)]
        assert any(tmp_path.iterdir())
    finally:
        ended = up.end(how)
    assert ended == (0, b"")
    assert command_of(node) == ""
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_an_escrow_is_told_with_its_money_oracles_and_results(story: Story) -> None:
    found = EscrowUtils.get_escrow(LOCAL, story.done)
    assert found is not None and found.address == story.done.lower()
    assert (found.status, found.amount_paid, found.total_funded_amount, found.balance) == ("Complete", 500, 1_050, 0)
    assert (found.launcher, found.job_requester_id) == (story.launcher.address.lower(), "requester-1")
    assert (found.manifest, found.manifest_hash) == (URL, HASH)
    assert (found.intermediate_results_url, found.final_results_hash) == (URL, HASH)
    assert (found.reputation_oracle, found.recording_oracle, found.exchange_oracle) == tuple(
        party.address.lower() for party in (story.reputation, story.recording, story.exchange)
    )
    assert (found.reputation_oracle_fee, found.recording_oracle_fee, found.exchange_oracle_fee) == (2, 0, 0)
    assert found.factory_address == NETWORKS[LOCAL]["factory_address"].lower()
    assert found.token == NETWORKS[LOCAL]["hmt_address"].lower()
    assert (found.count, found.cancellation_requested_at) == (2, None)
    assert abs(found.created_at / 1000 - time.time()) < 3600
    assert story.partly is not None and (story.partly.status, story.partly.balance) == ("Partial", 900)
    nobody = EscrowUtils.get_escrow(LOCAL, story.worker)
    assert nobody is None


def test_escrows_are_found_by_every_filter(story: Story) -> None:
    def found(**wish: Any) -> list[str]:
        return [one.address for one in EscrowUtils.get_escrows(EscrowFilter(chain_id=LOCAL, **wish))]

    done, cancelled, empty = (one.lower() for one in (story.done, story.cancelled, story.empty))
    assert set(found()) == {done, cancelled, empty}
    assert found(status=Status.Cancelled) == [cancelled]
    assert set(found(status=[Status.Complete, Status.Launched])) == {done, empty}
    assert found(job_requester_id="requester-3") == [empty]
    assert set(found(reputation_oracle=story.reputation.address)) == {done, cancelled}
    assert found(recording_oracle=story.reputation.address) == []
    assert set(found(exchange_oracle=story.exchange.address, launcher=story.launcher.address)) == {done, cancelled}
    now = datetime.now()
    assert len(found(date_from=now - timedelta(hours=2), date_to=now + timedelta(hours=2))) == 3
    assert found(date_from=now + timedelta(hours=2)) == []
    oldest = found(order_direction=OrderDirection.ASC, first=1)
    assert len(oldest) == 1 and set(found(order_direction=OrderDirection.ASC, first=2, skip=1)) | set(oldest) == set(
        found()
    )


def test_status_events_payouts_and_refunds_are_told(story: Story) -> None:
    statuses = EscrowUtils.get_status_events(
        StatusEventFilter(LOCAL, escrow_address=story.done, launcher=story.launcher.address, first=20)
    )
    assert sorted(one.status for one in statuses) == ["Complete", "Launched", "Paid", "Partial", "Pending"]
    assert all(one.escrow_address == story.done.lower() and one.block > 0 for one in statuses)
    (asked,) = EscrowUtils.get_status_events(StatusEventFilter(LOCAL, statuses=[Status.ToCancel]))
    assert asked.escrow_address == story.cancelled.lower()

    payouts = EscrowUtils.get_payouts(PayoutFilter(LOCAL, escrow_address=story.done))
    assert sorted(one.amount for one in payouts) == [50, 100, 350]
    own = EscrowUtils.get_payouts(PayoutFilter(LOCAL, recipient=story.worker))
    assert sorted(one.amount for one in own) == [100, 350]
    hour = timedelta(hours=1)
    assert len(EscrowUtils.get_payouts(PayoutFilter(LOCAL, date_from=datetime.now() - hour))) == 3
    assert EscrowUtils.get_payouts(PayoutFilter(LOCAL, date_from=datetime.now() + hour)) == []

    (refund,) = EscrowUtils.get_cancellation_refunds(CancellationRefundFilter(LOCAL, escrow_address=story.cancelled))
    assert (refund.amount, refund.receiver) == (400, story.launcher.address.lower())
    again = EscrowUtils.get_cancellation_refund(LOCAL, story.cancelled)
    assert again is not None and again.id == refund.id
    assert EscrowUtils.get_cancellation_refund(LOCAL, story.done) is None


def test_the_kvstore_is_told(story: Story) -> None:
    assert KVStoreUtils.get(LOCAL, story.reputation.address, "webhook_url") == "https://rep.example/hook"
    assert KVStoreUtils.get(LOCAL, story.worker, "role") == ""
    told = {one.key: one.value for one in KVStoreUtils.get_kvstore_data(LOCAL, story.reputation.address) or []}
    assert told["role"] == "Reputation Oracle" and told["fee"] == "2.5"
    story.exchange.kvstore.set("role", "Exchange Oracle")
    story.exchange.kvstore.set("role", "exchange_oracle")
    assert KVStoreUtils.get(LOCAL, story.exchange.address, "role") == "exchange_oracle"


def test_operators_and_their_networks_are_told(story: Story) -> None:
    operator = OperatorUtils.get_operator(LOCAL, story.reputation.address)
    assert operator is not None
    assert (operator.role, operator.fee, operator.url) == ("Reputation Oracle", 2, "https://rep.example")
    assert (operator.webhook_url, operator.name, operator.category) == (
        "https://rep.example/hook", "Hands", "machine_learning",
    )  # fmt: skip
    assert operator.job_types == ["receipt", "image_boxes"] and operator.registration_needed is True
    assert operator.amount_jobs_processed == 2 and operator.staked_amount is None
    launcher = OperatorUtils.get_operator(LOCAL, story.launcher.address)
    assert launcher is not None and (launcher.staked_amount, launcher.locked_amount) == (1_000, 300)
    assert launcher.amount_jobs_processed == 3

    members = OperatorUtils.get_reputation_network_operators(LOCAL, story.reputation.address)
    assert [one.address for one in members] == [story.recording.address.lower()]
    assert members[0].reputation_networks == [story.reputation.address.lower()]
    by_role = OperatorUtils.get_reputation_network_operators(LOCAL, story.reputation.address, role="Exchange Oracle")
    assert by_role == []
    found = OperatorUtils.get_operators(OperatorFilter(LOCAL, roles=["Reputation Oracle", "Recording Oracle"]))
    assert {one.address for one in found} == {party.address.lower() for party in (story.reputation, story.recording)}
    staked = OperatorUtils.get_operators(OperatorFilter(LOCAL, min_staked_amount=1_000, order_by="amountJobsProcessed"))
    assert [one.address for one in staked] == [story.launcher.address.lower()]
    assert OperatorUtils.get_rewards_info(LOCAL, story.worker) == []


def test_workers_stakers_statistics_and_transactions_are_told(story: Story) -> None:
    worker = WorkerUtils.get_worker(LOCAL, story.worker)
    assert worker is not None and worker.payout_count == 2
    assert WorkerUtils.get_worker(LOCAL, story.launcher.address) is None
    most = WorkerUtils.get_workers(WorkerFilter(LOCAL))
    assert [(one.address, one.payout_count) for one in most] == [(story.worker.lower(), 2), (story.other.lower(), 1)]
    (one,) = WorkerUtils.get_workers(WorkerFilter(LOCAL, worker_address=story.other))  # in mixed case
    assert one.payout_count == 1

    staker = StakingUtils.get_staker(LOCAL, story.launcher.address)
    assert staker is not None and (staker.staked_amount, staker.locked_amount, staker.slashed_amount) == (1_000, 300, 0)
    assert len(StakingUtils.get_stakers(StakersFilter(LOCAL, min_staked_amount="1000", max_locked_amount="300"))) == 1
    assert StakingUtils.get_stakers(StakersFilter(LOCAL, min_staked_amount="1001")) == []

    statistics = StatisticsUtils.get_escrow_statistics(LOCAL, StatisticsFilter())
    assert statistics.total_escrows == 3
    assert statistics.daily_escrows_data[0].escrows_solved == 1
    assert StatisticsUtils.get_worker_statistics(LOCAL).daily_workers_data[0].active_workers == 2
    assert StatisticsUtils.get_payment_statistics(LOCAL).daily_payments_data[0].total_count == 3

    sent = TransactionUtils.get_transactions(
        TransactionFilter(LOCAL, from_address=story.reputation.address, method="bulkTransfer", escrow=story.done)
    )
    assert [len(one.internal_transactions) >= 1 for one in sent] == [True, True]
    again = TransactionUtils.get_transaction(LOCAL, sent[0].tx_hash)
    assert again is not None and again.from_address == story.reputation.address.lower()


def test_a_bad_question_gets_an_answer_and_a_past_that_changed_is_told_anew(story: Story) -> None:
    url = NETWORKS[LOCAL]["subgraph_url"]

    def ask(query: str) -> dict[str, Any]:
        reply = requests.post(url, json={"query": query}, timeout=20)
        assert reply.status_code == 200
        return dict(reply.json())

    assert "Cannot query field" in ask("{ nothing { id } }")["errors"][0]["message"]
    assert "no condition" in ask('{ escrows(where: {colour: "red"}) { id } }')["errors"][0]["message"]
    assert "`first`" in ask("{ escrows(first: 100000) { id } }")["errors"][0]["message"]
    deep = "{ operators { " + "reputationNetworks { operators { " * 6 + "id" + " } } " * 6 + " } }"
    assert "deep" in ask(deep)["errors"][0]["message"]
    assert "errors" in ask("{ " + " ".join(f"a{n}: escrows {{ id }}" for n in range(2_000)) + " }")
    assert requests.post(url, data=b"no json", timeout=20).status_code == 400
    assert requests.post(url.replace("localhost", "127.0.0.1", 1) + "x", json={}, timeout=20).status_code == 404

    before = len(ask("{ escrows { id } }")["data"]["escrows"])
    token = NETWORKS[LOCAL]["hmt_address"]
    chain = story.launcher.w3.eth
    above = chain.block_number
    lost = story.launcher.escrow.create_escrow(token, "lost")
    assert EscrowUtils.get_escrow(LOCAL, lost) is not None
    depth = chain.block_number - above  # the node's keeper may have confirmed it already, with blocks of its own
    story.launcher.w3.provider.make_request("anvil_reorg", [depth, []])  # type: ignore[arg-type]
    assert EscrowUtils.get_escrow(LOCAL, lost) is None
    assert len(ask("{ escrows { id } }")["data"]["escrows"]) == before
