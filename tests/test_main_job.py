"""The main job, end to end, as a newcomer starts it: scans in, people paid, records out, and a proof that holds."""

import asyncio
import contextlib
import csv
import json
import shutil
from pathlib import Path

import pytest

from manyhands.apps.compose import STAKE_MINOR, Platform, client
from manyhands.apps.doctor import book_differences
from manyhands.apps.folder import DataFolder
from manyhands.chain.contracts import encode_call, gas_limit
from manyhands.chain.testing import until
from manyhands.documents.samples import write_samples
from manyhands.ledger.books import Difference
from manyhands.ledger.outbox import submit
from manyhands.ledger.posting import account
from manyhands.ledger.statement import Statement, statement_by_kind
from platform_under_test import PlatformUnderTest, free_port, manyhands

TOP_UP_MINOR = 123
SETTLE_PATIENCE_S = 60


def run_demo(folder: Path, *arguments: str | Path) -> dict:
    out = folder / "out"
    done = manyhands(
        "demo", "--exit", "--json", "--out", out, "--port", str(free_port()), "--data", folder / "data", *arguments
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("ordinary")
    return folder, run_demo(folder)


def test_rendered_scans_are_delivered_paid_and_verified(ordinary: tuple[Path, dict]) -> None:
    folder, measured = ordinary
    assert measured["state"] == "closed"
    assert measured["verified"], measured["checks"]
    assert measured["simulated"]
    assert measured["funded_minor"] == measured["paid_minor"] + measured["fees_minor"] + measured["refunded_minor"]
    assert measured["lines_right_bp"] >= 9_800, measured["wrong"]
    names = {path.name for path in (folder / "out").iterdir()}
    assert {name.rsplit(".", 1)[-1] for name in names} >= {"json", "csv", "xlsx", "pdf"}
    assert len([name for name in names if name.endswith(".json")]) >= measured["documents"]


def test_the_delivered_tables_open_in_usual_programs(ordinary: tuple[Path, dict]) -> None:
    folder, _ = ordinary
    import openpyxl
    import pypdf

    for path in (folder / "out").rglob("*.csv"):
        assert list(csv.reader(path.open(encoding="utf-8-sig")))
    for path in (folder / "out").rglob("*.xlsx"):
        assert openpyxl.load_workbook(path).sheetnames
    for path in (folder / "out").rglob("*.pdf"):
        assert any(page.extract_text().strip() for page in pypdf.PdfReader(path).pages)


async def test_the_books_follow_stake_and_top_ups_and_a_planted_difference_is_named(
    ordinary: tuple[Path, dict],
) -> None:
    folder, _ = ordinary
    platform = PlatformUnderTest(folder / "data", free_port())
    platform.start()
    try:
        await asyncio.to_thread(platform.wait_until_up)
        async with client(DataFolder(folder / "data")) as opened:
            await _examined(opened, folder)
    finally:
        await asyncio.to_thread(platform.stop)


async def _examined(opened: Platform, folder: Path) -> None:
    (_, chain_id, escrow), *_ = await opened.reputation.escrows()
    facts = opened.chains.of(chain_id)
    assert facts.contracts is not None
    launcher = opened.keys["launcher"].address
    assert await _agreed(opened) == []
    async with opened.db.transaction() as tx:  # somebody sends tokens to the job's escrow by a plain transfer
        await submit(
            tx, chain=facts, key=opened.keys["launcher"], purpose="a top-up by hand", to=facts.contracts.token,
            data=encode_call("TestToken", "transfer", escrow, TOP_UP_MINOR), gas_limit=gas_limit("transfer"),
        )  # fmt: skip
    await until(lambda: _topped_up(opened, escrow), patience_s=SETTLE_PATIENCE_S, every_s=0.5)
    assert await _agreed(opened) == []

    done = await asyncio.to_thread(manyhands, "statement", launcher, "--data", folder / "data", "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    told = json.loads(done.stdout)
    staked = [one for one in told["moved"] if one["account"] == account("stake", launcher)]
    assert len(staked) == len(opened.chains.ids())
    assert {(one["book"], one["kind"], one["in_minor"]) for one in staked} == {("launcher", "stake", STAKE_MINOR)}
    assert all(one["differs_minor"] == 0 for one in told["accounts"])
    kinds = {one.kind for one in (await _statement(opened, escrow)).moved}
    assert {"funding", "reserve", "payout", "fee", "refund"} <= kinds

    await _audited_without_a_platform(folder, facts.rpc_urls[0])

    planted = (("launcher", account("stake", launcher)), ("reputation", account("escrow", escrow)))
    change = "update ledger.accounts set posted_minor = posted_minor + %s where book = %s and account = %s"
    for book, name in planted:
        async with opened.db.transaction() as tx:
            await tx.execute(change, [7, book, name])
        found = await book_differences(opened)
        named = [one for one in found if name in one.account and one.account.startswith(book)]
        assert named and named[0].book_minor == named[0].chain_minor + 7, found
    doctor = await asyncio.to_thread(manyhands, "doctor", "--data", folder / "data", "--json")
    assert doctor.returncode == 6
    assert all(name in doctor.stdout for _, name in planted), doctor.stdout
    for book, name in planted:
        async with opened.db.transaction() as tx:
            await tx.execute(change, [-7, book, name])
    assert await book_differences(opened) == []


async def _audited_without_a_platform(folder: Path, url: str) -> None:
    """By the files of the proof and a node alone; a changed file is found, and so is a node that knows nothing."""
    proof, nowhere = folder / "out" / "proof", folder / "no data"
    names = {path.name for path in proof.iterdir()}
    assert names >= {"where.json", "chain.json", "manifest.json", "payouts.json", "proof.html"}

    async def verified(*arguments: str | Path) -> tuple[int, dict]:
        done = await asyncio.to_thread(manyhands, "verify", *arguments, "--data", nowhere, "--json")
        return done.returncode, json.loads(done.stdout)

    code, told = await verified("--proof", proof, "--rpc", url)
    assert (code, told["passed"]) == (0, True), told
    assert url in told["rests_on"]
    changed = folder / "changed"
    shutil.copytree(proof, changed)
    raw = json.loads((changed / "payouts.json").read_text())
    raw["pay"][0]["bonus_minor"] += 1
    (changed / "payouts.json").write_text(json.dumps(raw, sort_keys=True, separators=(",", ":")))
    code, told = await verified("--proof", changed)
    assert (code, told["passed"]) == (6, False)
    assert "chain.json" in told["rests_on"]


async def _agreed(opened: Platform) -> list[Difference]:
    """Differences that do not pass within a minute."""

    async def none() -> bool:
        return not await book_differences(opened)

    with contextlib.suppress(TimeoutError):
        await until(none, patience_s=SETTLE_PATIENCE_S, every_s=0.5)
    return await book_differences(opened)


async def _topped_up(opened: Platform, escrow: str) -> bool:
    moved = (await _statement(opened, escrow)).moved
    return sum(one.postings for one in moved if one.kind == "funding" and one.account == account("escrow", escrow)) == 2


async def _statement(opened: Platform, party: str) -> Statement:
    async with opened.db.connection() as tx:
        return await statement_by_kind(tx, party)


def test_perfect_people_give_back_every_line_and_cell_that_was_cut(tmp_path: Path) -> None:
    scans, truth = write_samples(tmp_path / "samples", seed=2, receipts=1)  # and one of each other kind
    measured = run_demo(tmp_path, scans, "--truth", truth, "--error", "0", "--machine", "none")
    assert measured["verified"], measured["checks"]
    assert measured["pieces_seen_bp"] == 10_000
    assert measured["lines_right_bp"] == 10_000, measured["wrong"]
