"""The stand-alone page beside a real node: receipts of a real escrow, and what a node or a receipt can get wrong."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import Page, expect

from manyhands.apps.web.alone import alone_page
from manyhands.chain.contracts import encode_call
from manyhands.protocol import merkle
from manyhands.protocol.evidence import AnswerFact, AnswerRecord, BatchEvidence, receipt
from manyhands.protocol.money import decimal_text

from .conftest import DESK, PHONE
from .test_pages import check

REWARD_MINOR, PAID_MINOR = 50_000, 70_000
LAUNCHER, RECORDING, REPUTATION, EXCHANGE, WORKER, REFUSED = range(6)


class Chain:
    """A local chain with the contracts, spoken to as anybody would: its development accounts are unlocked."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.url, self.at = str(told["rpc_url"]), told
        self.accounts: list[str] = self.ask("eth_accounts")

    def ask(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        found = httpx.post(self.url, json=body, timeout=30).json()
        assert "error" not in found, found
        return found["result"]

    def send(self, sender: int, to: str, contract: str, function: str, *arguments: object) -> dict[str, Any]:
        call = {"from": self.accounts[sender], "to": to, "gas": hex(3_000_000)}
        data = "0x" + encode_call(contract, function, *arguments).hex()
        tx_hash = self.ask("eth_sendTransaction", {**call, "data": data})
        for _ in range(200):
            if (found := self.ask("eth_getTransactionReceipt", tx_hash)) is not None:
                assert found["status"] == "0x1", (function, found)
                return dict(found)
        raise AssertionError(f"{function} was not mined")


@dataclass
class Job:
    chain: Chain
    escrow: str
    receipts: list[dict[str, Any]]


@pytest.fixture(scope="module")
def job() -> Iterator[Job]:
    """A job on a chain: three answers anchored, one of them refused, the first worker paid."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-c", "from manyhands.apps.cli import main; main()",
        "chain", "up", "--port", str(port), "--subgraph-port", "0", "--ephemeral", "--json",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield made_job(Chain(json.loads(process.stdout.readline())))
    finally:
        process.terminate()
        process.wait(timeout=30)


def made_job(chain: Chain) -> Job:
    token, staking, factory = (str(chain.at[name]) for name in ("hmt_address", "staking_address", "factory_address"))
    oracles = [chain.accounts[who] for who in (REPUTATION, RECORDING, EXCHANGE)]
    for spender in (staking, factory):
        chain.send(LAUNCHER, token, "TestToken", "approve", spender, 10_000_000)
    chain.send(LAUNCHER, staking, "Staking", "stake", 1_000_000)
    launched = chain.send(
        LAUNCHER, factory, "EscrowFactory", "launch", token, 1_000_000, "job-1", *oracles, [0, 0, 0], "u", "h"
    )
    said = next(log for log in launched["logs"] if log["address"] == factory)
    escrow = "0x" + said["data"][2 + 64 :][24:64]
    answers = tuple(
        AnswerRecord(
            answer=AnswerFact(
                task_id=f"t{number}", worker=chain.accounts[who].lower(), text=text, active_ms=1_000,
                received_at_ms=1_800_000_000_000,
            ),
            reward_minor=reward,
            salt=f"{number:064x}",
        )
        for number, (who, text, reward) in enumerate(
            [(WORKER, "12.50", REWARD_MINOR), (WORKER, None, 20_000), (REFUSED, "<b>bold</b>", 0)]
        )
    )  # fmt: skip
    evidence = BatchEvidence(
        job_id="job-1", batch_no=1, tasks=(), withdrawn=(), standings={}, answers=answers, decisions=(), refused=(),
        decisions_salt="0" * 64,
    )  # fmt: skip
    root = evidence.root()
    chain.send(RECORDING, escrow, "Escrow", "anchorAndReserve", root, 4, b"\1" * 32, PAID_MINOR)
    paid = [[chain.accounts[WORKER]], [PAID_MINOR], "u", "h", "p1", False]
    chain.send(REPUTATION, escrow, "Escrow", "bulkPayOut", *paid)
    receipts = [msgspec.to_builtins(receipt(evidence, one, chain_id=1338, escrow=escrow)) for one in range(3)]
    return Job(chain, escrow, receipts)


def give(page: Page, url: str, receipts: object) -> None:
    page.get_by_label("Address of a node").fill(url)
    raw = receipts if isinstance(receipts, bytes) else json.dumps(receipts).encode()
    page.get_by_label("Receipt file").set_input_files({"name": "r.json", "mimeType": "application/json", "buffer": raw})


def test_receipts_hold_by_the_word_of_a_node_alone(opened: Any, job: Job, tmp_path: Path) -> None:
    page: Page = opened("/proof-alone.html", allow=("blocked by CORS policy", "ERR_FAILED"))
    give(page, job.chain.url, job.receipts)
    expect(page.get_by_role("status")).to_have_text("3 of 3 receipts hold.")
    expect(page.locator("#rests")).to_contain_text(f"This rests on the node at {job.chain.url}: chain 1338, block")
    expect(page.get_by_text(f"{decimal_text(PAID_MINOR, 6)} of its token (transactions: 1)")).to_have_count(2)
    expect(page.get_by_text("as one that earned nothing")).to_have_count(1)
    expect(page.get_by_text("<b>bold</b>")).to_be_visible()  # text stays text
    expect(page.get_by_text(f"{job.chain.at['factory_address']}, which says so itself")).to_have_count(3)
    for screen in (PHONE, DESK):
        page.set_viewport_size(screen["viewport"])
        page.screenshot(path=tmp_path / f"alone-{screen['viewport']['width']}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    # it stands in an origin of its own: what belongs to the site's session is out of its reach
    assert page.evaluate("self.origin") == "null"
    reached = "fetch('/api/me').then(() => 'reached', () => 'kept out')"
    assert page.evaluate(reached) == "kept out"


def test_what_is_wrong_is_named(opened: Any, job: Job) -> None:
    page: Page = opened("/proof-alone.html", allow=("ERR_CONNECTION_REFUSED", "Failed to load resource"))
    changed = json.loads(json.dumps(job.receipts))
    changed[0]["record"]["answer"]["text"] = "112.50"
    changed[1]["chain_id"] = 1
    changed[2]["escrow"] = "0x" + "77" * 20
    give(page, job.chain.url, changed)
    expect(page.get_by_role("status")).to_have_text("0 of 3 receipts hold.")
    for sentence in ("was changed", "speaks of chain 1, the node of chain 1338", "no contract at the escrow's address"):
        expect(page.get_by_text(sentence)).to_be_visible()

    # an anchor of another escrow's, and a contract that no factory made
    other = json.loads(json.dumps(job.receipts[0]))
    other["record"]["reward_minor"] = 1
    record = msgspec.convert(other["record"], AnswerRecord)
    other["root"], other["proof"] = "0x" + merkle.root([record.leaf()]).hex(), []
    give(page, job.chain.url, [other])
    expect(page.get_by_text("the chain has no such anchor in this escrow")).to_be_visible()
    give(page, job.chain.url, [{**job.receipts[0], "escrow": job.chain.at["hmt_address"]}])
    expect(page.get_by_role("status")).to_contain_text("The node refused")

    give(page, "ftp://127.0.0.1", job.receipts)
    expect(page.get_by_role("status")).to_contain_text("Name a node first")
    give(page, "http://127.0.0.1:1", job.receipts)
    expect(page.get_by_role("status")).to_contain_text("The node does not answer this page")
    give(page, job.chain.url, b"not json")
    expect(page.get_by_role("status")).to_have_text("This is not a receipt file.")
    give(page, job.chain.url, [{"record": {}}])
    expect(page.get_by_text("“record.answer” is missing or malformed")).to_be_visible()


def test_a_node_that_talks_nonsense_is_not_believed(opened: Any, job: Job) -> None:
    page: Page = opened("/proof-alone.html", allow=("Failed to load resource",))
    url = "https://node.example/"
    answers: dict[str, Any] = {}

    def node(route: Any) -> None:
        asked = json.loads(route.request.post_data or "{}")
        origin = {"access-control-allow-origin": "*", "access-control-allow-headers": "*"}
        if route.request.method == "OPTIONS":
            route.fulfill(status=204, headers=origin)
            return
        method = asked["method"]
        found = answers[method] if method in answers else job.chain.ask(method, *asked["params"])
        if isinstance(found, Exception):
            route.fulfill(
                json={"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": str(found)}}, headers=origin
            )
        elif isinstance(found, str) and found == "html":
            route.fulfill(body="<h1>hello</h1>", headers=origin)
        else:
            route.fulfill(json={"jsonrpc": "2.0", "id": 1, "result": found}, headers=origin)

    page.route(url + "**", node)
    for wrong, sentence in (
        ({"eth_chainId": "html"}, "no JSON-RPC node"),
        ({"eth_chainId": {"a": 1}}, "makes no sense"),
        ({"eth_getBlockByNumber": None}, "makes no sense"),
        ({"eth_getCode": 7}, "makes no sense"),
        ({"eth_call": "0xzz"}, "makes no sense"),
        ({"eth_getLogs": "all of them"}, "makes no sense"),
    ):
        answers.clear()
        answers.update(wrong)
        give(page, url, job.receipts)
        expect(page.get_by_role("status")).to_contain_text(sentence)
        expect(page.locator("#found li")).to_have_count(0)
    # a node that searches no logs still proves the anchor, and what it does not tell is not guessed
    answers.clear()
    answers["eth_getLogs"] = ValueError("range too large")
    give(page, url, job.receipts[:1])
    expect(page.get_by_role("status")).to_have_text("1 of 1 receipts hold.")
    expect(page.get_by_text("The node searches no logs, so payments are not shown: range too large")).to_be_visible()


def test_the_saved_file_works_from_a_disk_and_in_both_languages(opened: Any, job: Job, tmp_path: Path) -> None:
    page: Page = opened("/proof")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the file").click()
    kept = tmp_path / "proof.html"
    saved.value.save_as(kept)
    assert kept.read_bytes() == alone_page().document
    page.goto(kept.as_uri())
    give(page, job.chain.url, job.receipts)
    expect(page.get_by_role("status")).to_have_text("3 of 3 receipts hold.")
    page.get_by_label("Language").select_option("es")
    expect(page.get_by_role("status")).to_have_text("3 de 3 recibos se sostienen.")
    expect(page.get_by_role("heading")).to_have_text("Comprobar recibos en una cadena")


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_the_stand_alone_page_is_accessible(opened: Any, job: Job, axe: str, screen: dict[str, Any]) -> None:
    page: Page = opened("/proof-alone.html", **screen)
    check(page, axe)
    give(page, job.chain.url, job.receipts)
    expect(page.get_by_role("status")).to_have_text("3 of 3 receipts hold.")
    check(page, axe)


def test_the_stand_alone_page_says_the_same_in_every_language() -> None:
    texts = (files("manyhands.apps.web") / "static/alone/words.js").read_text(encoding="utf-8")
    said = {
        language: re.findall(r'^    (\w+): ".+",$', block, re.MULTILINE)
        for language, block in re.findall(r"^  (\w\w): \{\n(.*?)\n  \},$", texts, re.MULTILINE | re.DOTALL)
    }
    assert sorted(said) == ["en", "es"]
    assert said["en"] == said["es"]
    page = alone_page().document.decode()
    named = set(re.findall(r'data-say="(\w+)"', page)) | set(re.findall(r'say\("(\w+)"', page))
    assert named and named <= set(said["en"])
    assert not re.search(r"^(import|export) ", page, re.MULTILINE)
