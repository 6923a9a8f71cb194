"""What a job costs on chain, beside what it costs with HUMAN Protocol's contracts.

Starts a node of its own (anvil), deploys the committed artifacts, goes through a job's life, prints gas from receipts.
HUMAN's figures were measured once, on the same kind of node, with its official bytecode, the same texts (a URL of 97
characters, a hash of 40) and its own token; medians, spread below 0.01 %. Only for setBulk its texts are not known:
there HUMAN's own contract, from the wheel of its SDK, is sent the same texts on the same node.

    python benchmarks/gas.py            the table; exit code 1 when an aim is missed or a gas limit is too small
    python benchmarks/gas.py --json     the same as one JSON object
    python benchmarks/gas.py --write docs/benchmarks/gas.md
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.resources
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from eth_account import Account
from eth_hash.auto import keccak
from web3 import Web3

from manyhands.chain.contracts import (
    ContractName,
    DeploymentTerms,
    artifact,
    case_id,
    deployment_plan,
    gas_limit,
    planned_addresses,
    vote_digest,
)
from manyhands.chain.node import anvil_path

CHAIN_ID = 1338
URL = "https://storage.example.org/manyhands/jobs/0123456789abcdef0123456789abcdef/final-results-0001.json".ljust(
    97, "x"
)
HASH = "a" * 40
JOB = "requester-0123456789"
FUND_MINOR = 10**12


DEARER = (
    "- setBulk: both contracts fill the same eight words (176,800). The rest is memory: Vyper sets aside room for",
    "  25 keys and values of 1,100 bytes, so that a refusal can carry its text. Tried: room for 21 of 1,024",
    "  (233,934, but no text beyond that); the compiler's experimental code generator (230,468, not for money yet).",
    "  HUMAN's figure of earlier tables, 180,868, is of other texts: with the url in one word it takes 180,748,",
    "  ours 190,736.",
    "- complete: of the 27,600 more, 20,500 are the clone's delegated call and telling factory and staking contract",
    "  that the launcher's stake is free (ADR 0023): the same source without a factory takes 88,968. The rest is the",
    "  refund's event and fees that follow the pay.",
    "- requestCancellation + storeResults(0): the same; without a factory it takes 92,775, HUMAN's 93,343.",
    "  Tried for both, by reckoning: an escrow that tells the staking contract itself saves no cold access, as that",
    "  must then ask the factory; proving the clone by its CREATE2 address in place of `escrowCounters` saves 2,100",
    "  less a hash and needs a word more at launch.",
)


class Line(NamedTuple):
    """One measured step: its gas, HUMAN's for the same, the aim (both None where there is none)."""

    step: str
    gas: int
    human: int | None = None
    aim: int | None = None


@contextlib.contextmanager
def node() -> Iterator[Web3]:
    """A fresh chain on a free port of this machine, ended with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(anvil_path()), "--port", str(port), "--chain-id", str(CHAIN_ID), "--accounts", "20", "--silent"]
    )
    try:
        w3 = Web3(Web3.HTTPProvider(f"http://127.0.0.1:{port}"))
        for _ in range(200):
            if w3.is_connected():
                break
            time.sleep(0.05)
        yield w3
    finally:
        process.terminate()
        process.wait()


class Bench:
    """The deployed contracts and the cast: dev accounts in the order of the protocol."""

    def __init__(self, w3: Web3) -> None:
        self.w3 = w3
        self.launcher, self.reputation, self.recording, self.exchange, self.reporter = w3.eth.accounts[:5]
        self.too_small: list[str] = []
        self.lines: list[Line] = []
        terms = DeploymentTerms(minimum_stake_minor=100, slash_minor=100, slashers=(self.launcher,))
        for step in deployment_plan(self.launcher, terms=terms):
            transaction: dict[str, Any] = {"from": self.launcher, "data": step.data, "gas": step.gas_limit}
            if step.to is not None:
                transaction["to"] = Web3.to_checksum_address(step.to)
            receipt = self._mined(w3.eth.send_transaction(transaction))  # type: ignore[arg-type]
            if step.creates:
                self._check_limit(step.purpose, receipt["gasUsed"], step.gas_limit)
        self.at = {name: Web3.to_checksum_address(a) for name, a in planned_addresses(self.launcher).items()}
        self.token = self.contract("TestToken")
        self.factory = self.contract("EscrowFactory")
        self.staking = self.contract("Staking")
        self.kvstore = self.contract("KVStore")
        self.jury = self.contract("Jury")

    def contract(self, name: ContractName, address: str = "") -> Any:
        return self.w3.eth.contract(
            address=Web3.to_checksum_address(address or self.at[name]), abi=list(artifact(name).abi)
        )

    def _mined(self, tx_hash: Any) -> Any:
        receipt = self.w3.eth.wait_for_transaction_receipt(tx_hash, poll_latency=0.01)
        if receipt["status"] != 1:
            raise SystemExit(f"a measured transaction failed: {tx_hash.hex()}")
        return receipt

    def send(self, call: Any, sender: str = "", *, items: int = 1, texts: int = 0) -> int:
        """Sends with the limit that the program would sign, and returns the gas used."""
        limit = gas_limit(call.fn_name, recipients=items, text_bytes=texts)
        receipt = self._mined(call.transact({"from": sender or self.launcher, "gas": limit}))
        self._check_limit(call.fn_name, receipt["gasUsed"], limit)
        return int(receipt["gasUsed"])

    def _check_limit(self, what: str, used: int, limit: int) -> None:
        # The margin is for what this chain does not show; a measured call that needs it has no margin left.
        if used * 11 > limit * 10:
            self.too_small.append(f"{what}: {used:,} used of {limit:,}")

    def humans_kvstore(self) -> Any:
        """HUMAN's store (core 7.1.0), deployed from the file that its SDK's wheel carries."""
        where = importlib.resources.files("artifacts") / "contracts" / "KVStore.sol" / "KVStore.json"
        made = json.loads(where.read_text(encoding="utf-8"))
        contract = self.w3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
        receipt = self._mined(contract.constructor().transact({"from": self.launcher}))
        return self.w3.eth.contract(address=receipt["contractAddress"], abi=made["abi"])

    def note(self, step: str, gas: int, human: int | None = None, aim: int | None = None) -> int:
        self.lines.append(Line(step, gas, human, aim))
        return gas

    def launch(self, function: str = "launch", *more: object) -> tuple[Any, int]:
        fees = () if function != "launch" else ([300, 200, 100],)
        oracles = (self.reputation, self.recording, self.exchange)
        call = self.factory.functions[function](self.at["TestToken"], FUND_MINOR, JOB, *oracles, *fees, URL, HASH)
        gas = self.send(call)
        return self.contract("Escrow", self.factory.functions.lastEscrow().call()), gas


def workers(count: int, *, batch: int) -> list[str]:
    """Addresses that hold nothing yet; another batch, other addresses."""
    return [Web3.to_checksum_address(keccak(f"{batch}/{n}".encode())[-20:].hex()) for n in range(count)]


def measure(bench: Bench) -> None:
    """The whole table, in the order of a job's life."""
    b, oracle, rec = bench, bench.recording, bench.reputation
    b.send(b.token.functions.approve(b.at["Staking"], 10**12))
    b.send(b.token.functions.approve(b.at["EscrowFactory"], 10**18))
    b.note("stake", b.send(b.staking.functions.stake(10**6)), 133_141)
    for name, who in (("fee", oracle), ("fee", rec), ("fee", b.exchange)):
        b.send(b.kvstore.functions.set(name, "5"), who)
    four = (["fee", "role", "url", "public_key"], ["5", "recording_oracle", URL[:40], "k" * 40])
    theirs = b.humans_kvstore()
    b.note(
        "KVStore setBulk, 4 keys",
        b.send(b.kvstore.functions.setBulk(*four), items=4),
        b.send(theirs.functions.setBulk(*four), items=4),
    )

    b.send(b.factory.functions.createEscrow(b.at["TestToken"], JOB))
    create = b.send(b.factory.functions.createEscrow(b.at["TestToken"], JOB))
    b.note("createEscrow", create, 2_472_146, 230_000)
    escrow = b.contract("Escrow", b.factory.functions.lastEscrow().call())
    b.note("fund", b.send(b.token.functions.transfer(escrow.address, FUND_MINOR)), 51_826)
    b.note(
        "setup, fees published",
        b.send(escrow.functions.setup(rec, oracle, b.exchange, URL, HASH)),
        349_333,
    )
    _, gas = b.launch("createFundAndSetupEscrow")
    b.note("createFundAndSetupEscrow (one transaction)", gas, 2_828_115, 600_000)
    escrow, launch = b.launch()
    b.note("launch, fees of the quote (one transaction)", launch, None, 600_000)

    root = iter(keccak(bytes([n])) for n in range(100))
    first = b.send(escrow.functions.anchorAndReserve(next(root), 1_000, HASH[:32].encode(), FUND_MINOR // 4), oracle)
    again = b.send(escrow.functions.anchorAndReserve(next(root), 1_000, HASH[:32].encode(), FUND_MINOR // 4), oracle)
    b.note("anchor + reserve of 1,000 answers, first", first)
    b.note("anchor + reserve of 1,000 answers, again", again)
    b.note("the same for each answer, first", -(-first // 1_000), None, 100)
    b.note("anchor of 1,000 answers", b.send(escrow.functions.anchor(next(root), 1_000), oracle))
    b.send(escrow.functions.reserve(10, next(root)), oracle)
    b.note("storeResults, first", b.send(escrow.functions.storeResults(URL, HASH, 10), oracle), 238_452)
    b.note("storeResults, again", b.send(escrow.functions.storeResults(URL, HASH, 10), oracle), 70_819)

    human_fresh = {1: 288_543, 10: 541_075, 50: 1_663_646, 100: 3_067_408}
    human_repeat = {1: 271_443, 10: 370_087, 50: 808_670, 100: 1_357_408}
    for count in (1, 10, 50, 100):
        aim = (human_fresh[count], human_repeat[count]) if count == 100 else (None, None)
        job, _ = b.launch()
        b.send(job.functions.reserve(FUND_MINOR // 2, next(root)), oracle)
        who = workers(count, batch=count)
        pay = job.functions.bulkPayOut(who, [1_000] * count, URL, HASH, "first", False)
        b.note(f"bulkPayOut {count}, fresh", b.send(pay, rec, items=count), human_fresh[count], aim[0])
        other, _ = b.launch()
        b.send(other.functions.reserve(FUND_MINOR // 2, next(root)), oracle)
        pay = other.functions.bulkPayOut(who, [1_000] * count, URL, HASH, "first", False)
        b.note(f"bulkPayOut {count}, repeat", b.send(pay, rec, items=count), human_repeat[count], aim[1])

    for fresh, human in ((True, 62_616), (False, 45_516)):
        job, gas = b.launch()
        gas += b.send(job.functions.anchorAndReserve(next(root), 1_000, HASH[:32].encode(), 100_000), oracle)
        who = workers(100, batch=7 if fresh else 100)
        gas += b.send(job.functions.bulkPayOut(who, [1_000] * 100, URL, HASH, "all", False), rec, items=100)
        complete = b.send(job.functions.complete(), rec)
        label = "new" if fresh else "known"
        b.note(f"whole life, each of 100 {label} workers", (gas + complete) // 100, human, 40_000 if fresh else None)
    b.note("complete (three fees)", complete, 82_434)
    job, _ = b.launch()
    b.send(job.functions.reserve(100_000, next(root)), oracle)
    who = workers(100, batch=8)
    pay = job.functions.bulkPayOut(who, [1_000] * 100, URL, HASH, "all", True)
    b.note("bulkPayOut 100 + forceComplete", b.send(pay, rec, items=100), 3_103_503, 3_103_503)

    job, _ = b.launch()
    asked = b.send(job.functions.requestCancellation())
    closed = b.send(job.functions.storeResults("", "", 0), oracle)
    b.note("requestCancellation + storeResults(0)", asked + closed, 34_253 + 59_753)
    job, _ = b.launch()
    b.send(job.functions.requestCancellation())
    b.note("cancel", b.send(job.functions.cancel(), rec))

    blacklisted, _ = b.launch()
    b.send(blacklisted.functions.reserve(100_000, next(root)), oracle)
    zeros = [Web3.to_checksum_address("0x" + "0" * 40)] * 100
    pay = blacklisted.functions.bulkPayOut(zeros, [1_000] * 100, URL, HASH, "bad", False)
    b.note("bulkPayOut 100, none can be paid", b.send(pay, rec, items=100))
    b.send(blacklisted.functions.redirectCredit(zeros[0], workers(1, batch=9)[0]), rec)
    b.note("claim of a credit", b.send(blacklisted.functions.claim(workers(1, batch=9)[0])))

    job, _ = b.launch()
    report = keccak(b"report")
    b.note("freeze", b.send(job.functions.freeze(report), b.exchange))
    keys = [Account.from_key(keccak(bytes([n]))) for n in range(15)]
    jurors = [key.address for key in keys]
    b.note(
        "openCase, 3 jurors", b.send(b.jury.functions.openCase(job.address, report, jurors[:3], b.reporter), items=3)
    )
    case = case_id(CHAIN_ID, b.at["Jury"], job.address, report)
    votes = [key.unsafe_sign_hash(vote_digest(CHAIN_ID, b.at["Jury"], case, True)).signature for key in keys]
    b.note("rule, 3 votes, upheld", b.send(b.jury.functions.rule(case, True, votes[:3]), items=3))
    job, _ = b.launch()
    b.send(b.jury.functions.openCase(job.address, report, jurors, b.reporter), items=15)
    case = case_id(CHAIN_ID, b.at["Jury"], job.address, report)
    votes = [key.unsafe_sign_hash(vote_digest(CHAIN_ID, b.at["Jury"], case, True)).signature for key in keys]
    b.note("rule, 15 votes, upheld", b.send(b.jury.functions.rule(case, True, votes), items=15))
    b.send(b.staking.functions.slash(b.reporter, b.launcher, job.address, 1))
    b.send(b.staking.functions.unstake(1))


def page(lines: list[Line]) -> str:
    """The table as a page of the documentation."""
    rows = [
        "# Gas of a job's life",
        "",
        "`python benchmarks/gas.py --write docs/benchmarks/gas.md`. Ours beside HUMAN Protocol (core 7.1.0),",
        "from receipts of a local node; texts of 97 and 40 characters; fresh = recipients that held no token before.",
        "",
        "| step | ours | HUMAN | ratio | aim |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for line in lines:
        human = f"{line.human:,} | {line.gas / line.human:.2f}" if line.human else "- | -"
        rows.append(f"| {line.step} | {line.gas:,} | {human} | {'-' if line.aim is None else f'{line.aim:,}'} |")
    rows += [
        "",
        "Where ours is dearer:",
        "",
        *DEARER,
    ]
    return "\n".join(rows) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--write", type=Path, help="also write the table as a page")
    args = parser.parse_args()
    with node() as w3:
        bench = Bench(w3)
        measure(bench)
    missed = [line.step for line in bench.lines if line.aim is not None and line.gas > line.aim]
    if args.write:
        args.write.parent.mkdir(parents=True, exist_ok=True)
        args.write.write_text(page(bench.lines), encoding="utf-8")
    if args.json:
        lines = [line._asdict() for line in bench.lines]
        print(json.dumps({"lines": lines, "aims_missed": missed, "limits_too_small": bench.too_small}))
    else:
        print(f"{'step':46} {'ours':>10} {'HUMAN':>10} {'ratio':>7} {'aim':>10}")
        for line in bench.lines:
            human = f"{line.human:,}" if line.human else "-"
            ratio = f"{line.gas / line.human:.2f}" if line.human else "-"
            aim = "-" if line.aim is None else f"{line.aim:,}" + ("" if line.gas <= line.aim else " MISSED")
            print(f"{line.step:46} {line.gas:>10,} {human:>10} {ratio:>7} {aim:>10}")
        for text in bench.too_small:
            print(f"gas limit too small: {text}", file=sys.stderr)
    return 1 if missed or bench.too_small else 0


if __name__ == "__main__":
    raise SystemExit(main())
