"""Claims and a ledger's lines on the real chains: asked on one each, settled, paid, delivered with places, verified."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from manyhands.apps.compose import client
from manyhands.apps.delivery import gather_proof, record_of, write_results
from manyhands.apps.doctor import book_differences
from manyhands.apps.folder import DataFolder
from manyhands.apps.verify import verify
from platform_under_test import PlatformUnderTest, manyhands, one_receipt, platform_up

PATIENCE_S = 240
HEADERS = {"X-Requested-With": "manyhands"}
PEOPLE = 3


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    with platform_up(tmp_path_factory.mktemp("questions") / "data") as under_test:
        yield under_test


def told(platform: PlatformUnderTest, *arguments: str | Path) -> Any:
    done = manyhands(*arguments, "--data", platform.data, "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(done.stdout)


def truthful(question: str, total: str) -> str:
    """What somebody answers who looks: the total of the page is known, everything else is on it."""
    form, _, about = question.partition(" ")
    right = total in about
    if form == "claim":
        return f"the page says {'so' if right else 'otherwise'} @ 500 600 900 640"
    return "it is there" if right else "it is there with another amount"


def work(platform: PlatformUnderTest, totals: dict[str, str]) -> None:
    """Simulated people answer truly until every job is closed. totals: job -> the total on its page"""
    people = [httpx.Client(base_url=platform.url, headers=HEADERS, timeout=30) for _ in range(PEOPLE)]
    for number, one in enumerate(people):
        signed = {"name": f"person-{number}", "password": f"person-{number} works here", "simulated": True}
        assert one.post("/api/sign-up", json=signed).status_code == 201
    deadline = time.monotonic() + PATIENCE_S
    open_jobs = set(totals)
    while open_jobs:
        assert time.monotonic() < deadline, [
            one.get(f"/api/jobs/{job_id}").json() for one in people[:1] for job_id in open_jobs
        ]
        done = 0
        for one in people:
            for offer in one.get("/api/offers").json()["offers"]:
                job_id = offer["job_id"]
                lent = one.post(f"/api/jobs/{job_id}/claim", json={"count": 20}).json().get("assignments", [])
                answers = [
                    {
                        "assignment_id": each["assignment_id"],
                        "text": truthful(each["question"], totals[job_id]),
                        "active_ms": each["effort_ms"],
                    }
                    for each in lent
                ]
                if answers:
                    stored = one.post(f"/api/jobs/{job_id}/answers", json={"answers": answers})
                    assert stored.status_code == 200, stored.text
                done += len(answers)
        if not done:
            time.sleep(0.3)
            # what the public record says, without a process for every look
            for job_id in sorted(open_jobs):
                if people[0].get(f"/api/jobs/{job_id}").json()["state"] == "closed":
                    open_jobs.discard(job_id)
    for one in people:
        one.close()


async def test_claims_and_a_ledger_are_settled_paid_and_verified_on_a_chain_each(
    platform: PlatformUnderTest, tmp_path: Path
) -> None:
    only, document, total, other = one_receipt(tmp_path)
    claims, ledger = tmp_path / "claims.csv", tmp_path / "ledger.csv"
    claims.write_text(
        f"document,page,claim\n{document},1,The total is {total}\n{document},1,The total is {other}\n",
        encoding="utf-8",
    )
    ledger.write_text(f"document,page,line\n{document},1,INV-1 {total}\n{document},1,INV-2 {other}\n", encoding="utf-8")
    common = ("launch", only, "--privacy", "off", "--crowd", "simulated", "--kind", "receipt")
    asked = {
        "claims": told(platform, *common, "--claims", claims, "--chain", "1338")["job"]["job_id"],
        "ledger": told(platform, *common, "--ledger", ledger, "--chain", "31338")["job"]["job_id"],
    }
    work(platform, dict.fromkeys(asked.values(), total))
    verdicts: dict[str, list[dict[str, str]]] = {}
    async with client(DataFolder(platform.data)) as opened:
        for name, job_id in asked.items():
            record = await record_of(opened, job_id)
            assert record["routing"]["chain_id"] == {"claims": 1338, "ledger": 31338}[name]
            assert record["paid_minor"] > 0
            await write_results(opened, job_id, tmp_path / name, with_proof=False)
            with next((tmp_path / name).rglob("answers.csv")).open(encoding="utf-8") as table:
                verdicts[name] = list(csv.DictReader(table))
            report = verify(job_id, await gather_proof(opened, job_id))
            assert report.passed, report.checks
        assert await book_differences(opened) == []
    assert [row["verdict"] for row in verdicts["claims"]] == ["the page says so", "the page says otherwise"]
    assert all(490 <= int(row["x0_permille"]) <= 510 for row in verdicts["claims"]), "with the place that was marked"
    assert [row["verdict"] for row in verdicts["ledger"]] == ["it is there", "it is there with another amount"]
    assert all(int(row["people_asked"]) >= 2 and row["proof"] for rows in verdicts.values() for row in rows)
