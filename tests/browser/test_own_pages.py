"""A worker's own record: hours, refusals with an appeal, limits, a statement, and everything to take along."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from manyhands.apps.compose import Platform
from manyhands.protocol.messages import AppealJurorsDrawn
from manyhands.roles.exchange.testing import OpenJob

from .conftest import DESK, PHONE, go
from .test_pages import check
from .test_working import shown_task, wait_until_stored
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]
Opened = Callable[..., Page]
LOOKS = [pytest.param(PHONE, id="phone"), pytest.param(DESK, id="desk")]
REASON = "0 of 5 answers that were known beforehand were right <img src=x onerror=window.hit=1>"


def refuse_all(world: World, job_id: str) -> None:
    """What the recording oracle's batch would write: every answer of the job is refused."""

    async def collect(platform: Platform) -> None:
        await platform.exchange.collecting.collect_all()

    world.asking(collect)
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "update exchange.assignments set outcome = 'refused', earned_minor = 0, code = 'known_answers_wrong', "
            "because = %s where job_id = %s and state = 'answered'",
            (REASON, job_id),
        )
        connection.execute(
            "update exchange.earnings set refused = answers, decided_minor = collected_minor where job_id = %s",
            (job_id,),
        )


def keyed(page: Page, world: World, job_id: str, count: int) -> None:
    for number in range(count):
        shown_task(page)
        page.keyboard.type(f"keyed {number}")
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Next bundle").click()
    wait_until_stored(page, world, job_id, count)


@pytest.mark.parametrize("look", LOOKS)
def test_a_refused_worker_appeals_and_jurors_judge_it_blind(
    world: World, worker_at: WorkerAt, axe: str, job_id: str, look: dict[str, Any]
) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=3))
    page = worker_at(f"/work/{job_id}", name=f"refused {job_id}", **look)
    keyed(page, world, job_id, 3)
    refuse_all(world, job_id)
    go(page, world.url + "/earnings")
    expect(page.get_by_role("heading", name="Refused answers")).to_be_visible()
    expect(page.get_by_text("0 of 5 answers that were known").first).to_be_visible()
    page.get_by_text("Task by task").click()
    expect(page.get_by_role("cell", name="keyed 2").first).to_be_visible()
    page.get_by_role("button", name="Appeal").click()
    page.get_by_label("Why are these answers honest work?").fill("I keyed <b>what</b> I saw")
    check(page, axe)
    page.get_by_role("button", name="Send the appeal").click()
    expect(page.get_by_text("being judged")).to_be_visible()
    check(page, axe)
    assert page.evaluate("window.hit") is None

    juror = worker_at("/jury", name=f"juror {job_id}", **look)
    address = juror.evaluate("fetch('/api/me').then((told) => told.json()).then((me) => me.worker)")
    with psycopg.connect(world.dsn) as connection:
        (appeal_id,) = connection.execute(
            "select appeal_id from exchange.appeals where job_id = %s", (job_id,)
        ).fetchone() or ("",)

    async def draw(platform: Platform) -> None:
        body = AppealJurorsDrawn(job_id=job_id, appeal_id=appeal_id, jurors=(address,))
        async with platform.db.transaction() as tx:
            await platform.exchange.appealing.jurors_drawn(tx, platform.keys["jury"].address, body)

    world.asking(draw)
    go(juror, world.url + "/jury")
    expect(juror.get_by_text("I keyed <b>what</b> I saw")).to_be_visible()
    expect(juror.locator(".exhibits img")).to_have_count(3)
    assert f"refused {job_id}" not in juror.locator("main").inner_text()
    check(juror, axe)
    juror.get_by_label("Yes: whoever keyed this looked and tried").check()
    juror.get_by_label("Your reason").fill("it fits the pictures")
    juror.get_by_role("button", name="Vote").click()
    expect(juror.get_by_text("Your vote is recorded.")).to_be_visible()
    with psycopg.connect(world.dsn) as connection:
        votes = connection.execute(
            "select granted from exchange.appeal_jurors where appeal_id = %s", (appeal_id,)
        ).fetchall()
    assert votes == [(True,)]


def test_limits_are_kept_where_tasks_are_lent(world: World, worker_at: WorkerAt, axe: str, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=3))
    page = worker_at("/limits", allow=("409",), **PHONE)
    page.get_by_label("Hours a day at most").fill("0.25")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    check(page, axe)
    worker = page.evaluate("fetch('/api/me').then((told) => told.json()).then((me) => me.worker)")
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "insert into exchange.worked values (%s, (extract(epoch from now())::bigint / 3600) * 3600000, 'MHT', 9, "
            "900000, 180000)",
            (worker,),
        )
    go(page, f"{world.url}/work/{job_id}")
    expect(page.get_by_role("alert")).to_contain_text("you have worked the 15 minutes a day that you set yourself")
    expect(page.get_by_role("alert")).to_contain_text("What you hold can still be finished.")


def test_a_worker_takes_everything_along(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=2))
    page = worker_at(f"/work/{job_id}", name=f"taker {job_id}")
    keyed(page, world, job_id, 2)
    refuse_all(world, job_id)
    with page.expect_download() as saved:
        page.goto(world.url + "/limits")
        page.get_by_role("link", name="All as ZIP").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        told = json.loads(archive.read("manyhands.json"))
        answers = list(csv.DictReader(io.StringIO(archive.read("answers.csv").decode())))
    assert {one["text"] for one in told["answers"]} == {"keyed 0", "keyed 1"} == {one["text"] for one in answers}
    assert {"account", "sessions", "earnings", "hours", "standing_changes", "votes", "appeals"} <= set(told)
    assert "password_hash" not in json.dumps(told) and "wallet_sealed" not in json.dumps(told)
    page.goto(world.url + "/earnings")
    with page.expect_download() as statement:
        page.get_by_role("link", name="Statement (PDF)").click()
    text = "".join(one.extract_text() for one in PdfReader(statement.value.path()).pages)
    assert "Statement of earnings" in text and "Receipts of a corner shop" in text
    with page.expect_download() as table:
        page.get_by_role("link", name="Statement (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(table.value.path().read_text(encoding="utf-8-sig"))))
    assert [row["job_id"] for row in rows] == [job_id] and rows[0]["refused"] == "2"


@pytest.mark.parametrize("look", LOOKS)
def test_anyone_may_look_at_the_record(opened: Opened, world: World, axe: str, look: dict[str, Any]) -> None:
    page = opened("/record", **look)
    expect(page.get_by_role("heading", name="Wages")).to_be_visible()
    check(page, axe)
    told = json.loads(page.evaluate("fetch('/api/record').then((told) => told.text())"))
    assert {party["role"] for party in told["parties"]} >= {"recording", "jury"}
    assert "worker" not in {key for row in told["reports"] + told["appeals"] for key in row}
