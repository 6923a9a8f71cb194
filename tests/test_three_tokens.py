"""Three tokens of one local chain, of 6, 18 and 0 decimals: a job paid in each to the last base unit, and refusals."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from manyhands.apps.compose import Platform, client
from manyhands.apps.delivery import gather_proof, write_results
from manyhands.apps.doctor import book_differences, token_of_escrow
from manyhands.apps.folder import DataFolder, Settings
from manyhands.apps.verify import verify
from manyhands.chain.client import ChainClient
from manyhands.chain.contracts import encode_call, fees_for_pay_minor
from manyhands.protocol.manifest import parse_manifest
from manyhands.protocol.money import MHT, Currency
from platform_under_test import THREE_TOKENS, PlatformUnderTest, manyhands, one_receipt, platform_up

pytestmark = pytest.mark.nightly  # a whole platform and a dozen commands: `just three-tokens`

PATIENCE_S = 240
CHAIN = 1338
HEADERS = {"X-Requested-With": "manyhands"}
PEOPLE = 3
CURRENCIES = {"MHT": MHT, "DAIT": Currency("DAIT", 6, "USD"), "YENT": Currency("YENT", 0, "JPY")}
UNITS = {"MHT": 1, "DAIT": 10**12, "YENT": 1}
PER_HOUR = {"MHT": "12USD", "DAIT": "12.5DAIT", "YENT": "1500JPY"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    settings = Settings(simulated_crowd=True, chain_ids=(CHAIN,))
    data = tmp_path_factory.mktemp("tokens") / "data"
    with platform_up(data, facts={"local-a.toml": THREE_TOKENS}, settings=settings) as under_test:
        yield under_test


def said(platform: PlatformUnderTest, *arguments: str | Path) -> Any:
    done = manyhands(*arguments, "--data", platform.data, "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(done.stdout)


def refusal(platform: PlatformUnderTest, *arguments: str | Path) -> str:
    """What is said to a command that is refused for what it was given."""
    done = manyhands(*arguments, "--data", platform.data)
    assert done.returncode in (3, 4), done.stdout[-2000:] + done.stderr[-2000:]
    return " ".join(done.stderr.split())


def work(platform: PlatformUnderTest, jobs: set[str], total: str) -> None:
    """Simulated people answer truly until every job is closed. total: what the page says"""
    people = [httpx.Client(base_url=platform.url, headers=HEADERS, timeout=30) for _ in range(PEOPLE)]
    for number, one in enumerate(people):
        signed = {"name": f"person-{number}", "password": f"person-{number} works here", "simulated": True}
        assert one.post("/api/sign-up", json=signed).status_code == 201
    deadline = time.monotonic() + PATIENCE_S
    while jobs:
        assert time.monotonic() < deadline, [people[0].get(f"/api/jobs/{job_id}").json() for job_id in jobs]
        done = 0
        for one in people:
            for offer in one.get("/api/offers").json()["offers"]:
                assert offer["exponent"] == CURRENCIES[offer["currency"]].exponent
                lent = one.post(f"/api/jobs/{offer['job_id']}/claim", json={"count": 20}).json().get("assignments", [])
                answers = [
                    {
                        "assignment_id": each["assignment_id"],
                        "text": f"the page says {'so' if total in each['question'] else 'otherwise'} @ 500 600 900 640",
                        "active_ms": each["effort_ms"],
                    }
                    for each in lent
                ]
                if answers:
                    stored = one.post(f"/api/jobs/{offer['job_id']}/answers", json={"answers": answers})
                    assert stored.status_code == 200, stored.text
                done += len(answers)
        if not done:
            time.sleep(0.3)
            jobs = {one for one in jobs if people[0].get(f"/api/jobs/{one}").json()["state"] != "closed"}
    earned = people[0].get("/api/earnings").json()
    by_currency = {one["currency"]: one for one in (earned, *earned["others"])}
    assert by_currency.keys() == CURRENCIES.keys()
    for code, one in by_currency.items():
        assert one["exponent"] == CURRENCIES[code].exponent
        assert one["paid_minor"] == sum(job["paid_minor"] for job in one["jobs"]) > 0
        assert {job["currency"] for job in one["jobs"]} == {code}
    statement = people[0].get("/api/statement.csv").text
    assert all(f",{code}," in statement for code in CURRENCIES)
    assert people[0].get("/api/statement.pdf").content.startswith(b"%PDF")
    for one in people:
        one.close()


async def test_a_job_is_paid_in_each_of_three_tokens_to_the_last_base_unit(
    platform: PlatformUnderTest, tmp_path: Path
) -> None:
    only, document, total, other = one_receipt(tmp_path)
    claims = tmp_path / "claims.csv"
    asks = f"{document},1,The total is {total}\n{document},1,The total is {other}\n"
    claims.write_text(f"document,page,claim\n{asks}", encoding="utf-8")
    common = ("launch", only, "--privacy", "off", "--crowd", "simulated", "--kind", "receipt", "--claims", claims)

    refused = refusal(platform, *common, "--currency", "EUR")
    assert "no jobs are paid in 'EUR' here" in refused and "MHT, DAIT, YENT" in refused
    assert "the job is paid in JPY" in refusal(platform, *common, "--currency", "YENT", "--per-hour", "12USD")
    cheap = refusal(platform, *common, "--currency", "YENT", "--per-hour", "1199JPY")
    assert "below this operator's fair floor of 1200 YENT an hour" in cheap

    jobs: dict[str, str] = {}
    for code, per_hour in PER_HOUR.items():
        view = said(platform, *common, "--currency", code, "--per-hour", per_hour)["job"]
        assert (view["currency"], view["exponent"]) == (code, CURRENCIES[code].exponent)
        jobs[view["job_id"]] = code
        if code == "YENT":
            assert "each is rounded up to whole 1 JPY, which adds" in view["quote_lines"][0]["because"]
        else:
            assert "rounded" not in view["quote_lines"][0]["because"]
    work(platform, set(jobs), total)
    async with client(DataFolder(platform.data)) as opened:
        for job_id, code in jobs.items():
            await _paid_exactly(opened, job_id, code, tmp_path / code)
        assert await book_differences(opened) == []
        assert opened.launcher.purses is not None
    assert "0 differences" in json.dumps(said(platform, "doctor"))


async def _paid_exactly(opened: Platform, job_id: str, code: str, out: Path) -> None:
    """Every worker holds what the payouts file says, every operator their fee, the escrow nothing; it is all proved."""
    view, unit, facts = await opened.launcher.view(job_id), UNITS[code], opened.chains.of(CHAIN)
    token = facts.token_of(code)
    assert token is not None and token.unit == unit and view.token == token.address
    assert await token_of_escrow(facts, view.escrow) == token.address
    settled = view.settled
    assert settled is not None and settled.paid_minor > 0
    assert view.funded_minor == settled.paid_minor + settled.fees_minor + settled.refunded_minor
    case = await opened.reputation.case(job_id)
    assert case is not None
    file, manifest = case.payouts_file(), parse_manifest(case.manifest)
    assert manifest.pay.money.exponent == CURRENCIES[code].exponent
    async with ChainClient(facts) as chain:

        async def holds(who: str) -> int:
            return int.from_bytes(await chain.call(token.address, encode_call("TestToken", "balanceOf", who)), "big")

        for pay in file.pay:
            assert await holds(pay.worker) == pay.total_minor * unit
        assert await holds(view.escrow) == 0
        bps = (manifest.fees.reputation_bp, manifest.fees.recording_bp, manifest.fees.exchange_bp)
        fees = fees_for_pay_minor(view.funded_minor * unit, bps, settled.paid_minor * unit)
        for role, fee in zip(("reputation", "recording", "exchange"), fees, strict=True):
            assert await holds(opened.keys[role].address) == fee  # type: ignore[index]
    # what the contract's own arithmetic leaves of a minor unit is told as fees, and is less than one
    assert 0 <= settled.fees_minor * unit - sum(fees) < unit
    report = verify(job_id, await gather_proof(opened, job_id))
    assert report.passed, report.checks
    await write_results(opened, job_id, out, with_proof=True)
    offline = manyhands("verify", "--proof", out / "proof", "--json")
    assert offline.returncode == 0, offline.stdout + offline.stderr
    online = manyhands("verify", "--proof", out / "proof", "--rpc", facts.rpc_urls[0], "--json")
    assert online.returncode == 0, online.stdout + online.stderr
