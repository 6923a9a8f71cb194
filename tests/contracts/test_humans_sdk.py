"""HUMAN's official Python SDK, unpatched, against our contracts on a real node with chain id 1338."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_hash.auto import keccak
from human_protocol_sdk.constants import NETWORKS, ChainId, Status
from human_protocol_sdk.escrow import EscrowClient, EscrowClientError, EscrowConfig
from human_protocol_sdk.kvstore import KVStoreClient
from human_protocol_sdk.staking import StakingClient
from web3 import Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder

from manyhands.chain.contracts import HUMAN_LOCAL_TERMS, artifact, deployment_plan
from manyhands.chain.keys import DEV_MNEMONIC

URL = "https://storage.example.org/results/0001.json"
HASH = "b5dad76bf6772c0f07fd5e048f6e75a5f86ee079"
LOCAL = NETWORKS[ChainId.LOCALHOST]
TOKEN = LOCAL["hmt_address"]

Account.enable_unaudited_hdwallet_features()


class Party:
    """One dev account with the SDK's clients, set up the way HUMAN's guide says."""

    def __init__(self, rpc_url: str, index: int) -> None:
        account = Account.from_mnemonic(DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        self.address = account.address
        self.w3 = Web3(Web3.HTTPProvider(rpc_url))
        self.w3.middleware_onion.inject(
            SignAndSendRawMiddlewareBuilder.build(account), "SignAndSendRawMiddlewareBuilder", layer=0
        )
        self.w3.eth.default_account = account.address
        self.escrow = EscrowClient(self.w3)
        self.staking = StakingClient(self.w3)
        self.kvstore = KVStoreClient(self.w3)


class Cast:
    """Dev account 0 deploys, launches and slashes; 1 to 3 are the oracles."""

    def __init__(self, rpc_url: str) -> None:
        self.rpc_url = rpc_url
        self.launcher, self.reputation, self.recording, self.exchange, self.staker = (
            Party(rpc_url, index) for index in range(5)
        )
        w3 = self.launcher.w3
        for step in deployment_plan(self.launcher.address, terms=HUMAN_LOCAL_TERMS):
            transaction: dict[str, Any] = {"data": step.data, "gas": step.gas_limit, "nonce": step.nonce}
            if step.to:
                transaction["to"] = Web3.to_checksum_address(step.to)
            receipt = w3.eth.wait_for_transaction_receipt(
                w3.eth.send_transaction({"from": self.launcher.address, **transaction}), poll_latency=0.01
            )
            assert receipt["status"] == 1, step.purpose
        self.token = w3.eth.contract(address=TOKEN, abi=list(artifact("TestToken").abi))
        self.approve(LOCAL["staking_address"])
        self.approve(LOCAL["factory_address"])
        self.launcher.staking.stake(1_000)

    def approve(self, spender: str) -> None:
        call = self.token.functions.approve(spender, 2**200)
        self.launcher.w3.eth.wait_for_transaction_receipt(call.transact({"from": self.launcher.address}))

    def config(self, manifest: str = URL) -> EscrowConfig:
        return EscrowConfig(self.recording.address, self.reputation.address, self.exchange.address, manifest, HASH)

    def job(self, amount: int = 1_000) -> str:
        client = self.launcher.escrow
        return str(client.create_fund_and_setup_escrow(TOKEN, amount, "job-requester-1", self.config()))

    def balance(self, address: str) -> int:
        return int(self.token.functions.balanceOf(address).call())


@pytest.fixture(scope="module")
def cast(anvil_binary: Path) -> Iterator[Cast]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([str(anvil_binary), "--port", str(port), "--chain-id", "1338", "--silent"])
    try:
        w3 = Web3(Web3.HTTPProvider(f"http://127.0.0.1:{port}"))
        for _ in range(400):
            if w3.is_connected():
                break
            time.sleep(0.05)
        yield Cast(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def workers(count: int, batch: str) -> list[str]:
    return [Web3.to_checksum_address(keccak(f"{batch}/{n}".encode())[-20:].hex()) for n in range(count)]


def test_a_job_step_by_step_create_fund_setup_store_pay_complete(cast: Cast) -> None:
    launcher, client = cast.launcher, cast.launcher.escrow
    escrow = client.create_escrow(TOKEN, "job-requester-1")
    assert client.get_status(escrow) == Status.Launched
    client.fund(escrow, 1_000)
    client.setup(escrow, cast.config())
    assert client.get_status(escrow) == Status.Pending
    cast.recording.escrow.store_results(escrow, URL, HASH, 300)
    assert client.get_reserved_funds(escrow) == 300
    assert client.get_intermediate_results_url(escrow) == URL
    assert client.get_intermediate_results_hash(escrow) == HASH
    worker = workers(1, "step")[0]
    cast.reputation.escrow.bulk_payout(escrow, [worker], [300], URL, HASH, "payout-1", False)
    assert client.get_status(escrow) == Status.Partial
    assert cast.balance(worker) == 300
    before = cast.balance(launcher.address)
    cast.reputation.escrow.complete(escrow)
    assert client.get_status(escrow) == Status.Complete
    assert cast.balance(launcher.address) - before == 700


def test_every_getter_answers(cast: Cast) -> None:
    client, escrow = cast.launcher.escrow, cast.job(777)
    assert client.get_balance(escrow) == client.get_remaining_funds(escrow) == client.get_fund_amount(escrow) == 777
    assert client.get_reserved_funds(escrow) == 0
    assert client.get_manifest(escrow) == URL
    assert client.get_manifest_hash(escrow) == HASH
    assert client.get_results_url(escrow) == ""
    assert client.get_token_address(escrow) == TOKEN
    assert client.get_status(escrow) == Status.Pending
    assert client.get_recording_oracle_address(escrow) == cast.recording.address
    assert client.get_reputation_oracle_address(escrow) == cast.reputation.address
    assert client.get_exchange_oracle_address(escrow) == cast.exchange.address
    assert client.get_job_launcher_address(escrow) == cast.launcher.address
    assert client.get_factory_address(escrow) == LOCAL["factory_address"]


def test_an_inline_manifest_of_five_thousand_bytes_is_kept(cast: Cast) -> None:
    manifest = '{"description": "' + "x" * 5_000 + '"}'
    escrow = cast.launcher.escrow.create_fund_and_setup_escrow(TOKEN, 5, "job", cast.config(manifest))
    assert cast.launcher.escrow.get_manifest(escrow) == manifest


def test_ninety_nine_workers_are_paid_in_one_payout(cast: Cast) -> None:
    escrow, who = cast.job(990), workers(99, "many")
    cast.recording.escrow.store_results(escrow, URL, HASH, 990)
    cast.reputation.escrow.bulk_payout(escrow, who, [10] * 99, URL, HASH, "payout-99", False)
    assert [cast.balance(worker) for worker in who] == [10] * 99
    assert cast.launcher.escrow.get_status(escrow) == Status.Complete  # nothing is left


def test_force_complete_pays_and_ends(cast: Cast) -> None:
    escrow, who = cast.job(1_000), workers(3, "force")
    cast.recording.escrow.store_results(escrow, URL, HASH, 30)
    cast.reputation.escrow.bulk_payout(escrow, who, [10] * 3, URL, HASH, "payout-f", True)
    assert cast.launcher.escrow.get_status(escrow) == Status.Complete
    assert cast.launcher.escrow.get_results_url(escrow) == URL


def test_a_prepared_payout_transaction_can_be_signed_elsewhere(cast: Cast) -> None:
    escrow, who = cast.job(100), workers(2, "prepared")
    cast.recording.escrow.store_results(escrow, URL, HASH, 100)
    transaction = cast.reputation.escrow.create_bulk_payout_transaction(
        escrow, who, [40, 60], URL, HASH, "payout-p", False
    )
    w3 = cast.reputation.w3
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_transaction(transaction))
    assert receipt["status"] == 1
    assert [cast.balance(worker) for worker in who] == [40, 60]


def test_a_running_job_is_cancelled_by_request_and_last_word(cast: Cast) -> None:
    escrow = cast.job(100)
    cast.launcher.escrow.request_cancellation(escrow)
    assert cast.launcher.escrow.get_status(escrow) == Status.ToCancel
    cast.recording.escrow.store_results(escrow, "", "", 0)
    assert cast.launcher.escrow.get_status(escrow) == Status.Cancelled


def test_a_running_job_is_cancelled_by_request_and_the_reputation_oracle(cast: Cast) -> None:
    escrow = cast.job(100)
    before = cast.balance(cast.launcher.address)
    cast.launcher.escrow.request_cancellation(escrow)
    cast.reputation.escrow.cancel(escrow)
    assert cast.launcher.escrow.get_status(escrow) == Status.Cancelled
    assert cast.balance(cast.launcher.address) - before == 100


def test_withdraw_reports_what_was_transferred(cast: Cast) -> None:
    client = cast.launcher.escrow
    escrow = client.create_escrow(TOKEN, "job")
    client.fund(escrow, 55)
    assert client.withdraw(escrow, TOKEN).withdrawn_amount == 55


def test_refusals_reach_the_sdk_as_text(cast: Cast) -> None:
    escrow, worker = cast.job(100), workers(1, "text")[0]
    with pytest.raises(EscrowClientError, match="Unauthorised"):
        cast.launcher.escrow.complete(escrow)
    with pytest.raises(EscrowClientError, match="Insufficient unreserved funds"):
        cast.recording.escrow.store_results(escrow, URL, HASH, 101)
    with pytest.raises(EscrowClientError, match="Not enough funds"):
        cast.reputation.escrow.bulk_payout(escrow, [worker], [1], URL, HASH, "p", False)
    cast.recording.escrow.store_results(escrow, URL, HASH, 100)
    cast.reputation.escrow.bulk_payout(escrow, [worker], [1], URL, HASH, "p", False)
    with pytest.raises(EscrowClientError, match="payoutId already exists"):
        cast.reputation.escrow.bulk_payout(escrow, [worker], [1], URL, HASH, "p", False)
    with pytest.raises(EscrowClientError, match="Insufficient stake"):
        cast.exchange.escrow.create_escrow(TOKEN, "job")
    with pytest.raises(EscrowClientError):  # without an amount the SDK calls the deprecated signature
        cast.recording.escrow.store_results(escrow, URL, HASH)


def test_published_fees_are_paid_to_the_oracles(cast: Cast) -> None:
    oracles = (cast.reputation, cast.recording, cast.exchange)
    for oracle, fee in zip(oracles, ("5", "2.5", "1"), strict=True):
        oracle.kvstore.set("fee", fee)
    escrow = cast.job(1_000)
    assert cast.launcher.escrow.get_remaining_funds(escrow) == 915
    before = [cast.balance(oracle.address) for oracle in oracles]
    cast.reputation.escrow.complete(escrow)
    after = [cast.balance(oracle.address) for oracle in oracles]
    assert [b - a for a, b in zip(before, after, strict=True)] == [50, 25, 10]
    for oracle in oracles:
        oracle.kvstore.set("fee", "0")


def test_stake_unstake_withdraw_slash_and_staker_info(cast: Cast) -> None:
    call = cast.token.functions.transfer(cast.staker.address, 1_000)
    cast.launcher.w3.eth.wait_for_transaction_receipt(call.transact({"from": cast.launcher.address}))
    staking = cast.staker.staking
    staking.approve_stake(1_000)
    staking.stake(1_000)
    staking.unstake(400)
    info = staking.get_staker_info(cast.staker.address)
    assert (info["stakedAmount"], info["lockedAmount"]) == (1_000, 400)
    cast.staker.w3.provider.make_request("anvil_mine", [HUMAN_LOCAL_TERMS.lock_period_blocks])  # type: ignore[arg-type]
    assert staking.get_staker_info(cast.staker.address)["withdrawableAmount"] == 400
    staking.withdraw()
    assert cast.balance(cast.staker.address) == 400

    config = EscrowConfig(cast.staker.address, cast.reputation.address, cast.exchange.address, URL, HASH)
    escrow = cast.launcher.escrow.create_fund_and_setup_escrow(TOKEN, 10, "job", config)
    cast.launcher.staking.slash(cast.launcher.address, cast.staker.address, escrow, 100)
    assert staking.get_staker_info(cast.staker.address)["stakedAmount"] == 500


def test_set_set_bulk_and_get(cast: Cast) -> None:
    client = cast.exchange.kvstore
    client.set("role", "exchange_oracle")
    client.set_bulk(["name", "website"], ["Hands", "https://hands.example"])
    get = cast.launcher.w3.eth.contract(
        address=LOCAL["kvstore_address"], abi=list(artifact("KVStore").abi)
    ).functions.get
    assert get(cast.exchange.address, "role").call() == "exchange_oracle"
    assert get(cast.exchange.address, "website").call() == "https://hands.example"
