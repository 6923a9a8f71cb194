"""The operator's page: what is wrong stands first, what is stuck is freed by a button, and nobody else sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import psycopg
import pytest
from playwright.sync_api import Page, expect

from manyhands.apps.compose import Platform
from manyhands.apps.running import ready_file
from manyhands.apps.telemetry.metrics import GAUGES
from manyhands.protocol.messages import SignsTold, WorkerSign
from manyhands.roles.exchange.testing import OpenJob
from manyhands.store.jobs import enqueue

from .conftest import DESK, PHONE, go
from .test_pages import check, too_wide
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]


def operator_at(world: World, worker_at: WorkerAt, **options: object) -> Page:
    """A page of somebody whom the operator's command made an operator."""
    page = worker_at("/", **options)
    worker = page.evaluate("fetch('/api/me').then((told) => told.json()).then((told) => told.worker)")

    async def promote(platform: Platform) -> None:
        await platform.exchange.accounts.take_role(worker, "operator", by_operator=True)

    world.asking(promote)
    page.wait_for_timeout(3_500)  # a site remembers for three seconds who somebody is
    go(page, world.url + "/operator")
    page.wait_for_selector(".verdict")
    return page


async def dead_work(platform: Platform) -> None:
    async with platform.db.transaction() as tx:
        work_id = await enqueue(tx, "exchange.read_page", queue="ocr", args={"job_id": "job-of-a-dead-page"})
        await tx.execute("update procrastinate_jobs set status = 'failed' where id = %s", (work_id,))
        await tx.execute(
            "insert into store.job_failures (work_id, failure_no, error_type, reason) values (%s, 1, 'X', %s)",
            (work_id, "the reader has no memory left <img src=x onerror=window.hit=1>"),
        )


@pytest.mark.parametrize(
    "look", [pytest.param(DESK, id="desk"), pytest.param(PHONE, id="phone", marks=pytest.mark.nightly)]
)
def test_an_operator_frees_what_is_stuck(
    world: World, worker_at: WorkerAt, axe: str, job_id: str, look: dict[str, object], pictures: Path
) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=3))
    borrower = httpx.Client(base_url=world.url, headers={"X-Requested-With": "manyhands"}, timeout=30)
    borrower.post("/api/sign-up", json={"name": f"slow {job_id}", "password": "correct horse"})
    borrower.post(f"/api/jobs/{job_id}/claim", json={"count": 3})
    with psycopg.connect(world.dsn) as connection:
        connection.execute("update exchange.bundles set lease_until_ms = 1 where job_id = %s", (job_id,))
    world.asking(dead_work)
    for kind in ("roles", "ocr"):  # which do not run beside these tests
        ready_file(world.folder, kind).write_text(str(os.getpid()))
    page = operator_at(world, worker_at, **look)
    expect(page.locator(".stuck > li", has_text="the reader has no memory left").first).to_be_visible()
    check(page, axe)
    if look is DESK:
        page.screenshot(path=pictures / "operator.png")
    page.get_by_role("button", name="Put it back to work").first.click()
    expect(page.get_by_text("exchange.read_page: 1 set free.")).to_be_visible()
    stuck = page.locator(".stuck > li", has_text="3 tasks in 1 bundles")
    stuck.get_by_role("button", name="Return the leases").click()
    expect(page.get_by_text("3 set free.")).to_be_visible()
    with psycopg.connect(world.dsn) as connection:
        states = connection.execute("select state from exchange.assignments where job_id = %s", (job_id,)).fetchall()
    assert states == [("expired",)] * 3
    page.get_by_role("button", name="Read the log").click()
    expect(page.locator("pre.log").or_(page.get_by_text("No line says that."))).to_be_visible()
    page.get_by_role("button", name="Compare with the chains now").click()
    # no node runs beside these tests: the page says that nothing was compared, and does not say that all is well
    expect(page.get_by_text("Not compared")).to_be_visible()
    expect(page.get_by_text("0 differences")).to_be_hidden()
    page.get_by_text("questions of the doctor").click()
    check(page, axe)
    assert page.evaluate("window.hit") is None
    page.set_viewport_size({"width": 320, "height": 700})
    assert too_wide(page) <= 0, wide_things(page)


def wide_things(page: Page) -> list[str]:
    """What reaches out of the window, for whoever has to mend it."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("main *")]
            .filter((one) => one.getBoundingClientRect().right > innerWidth && !one.closest(".scroll, pre"))
            .map((one) => one.outerHTML.slice(0, 160))"""
    )
    return found[:5]


def test_the_operators_page_is_nobody_elses(world: World, worker_at: WorkerAt) -> None:
    page = worker_at("/operator", allow=("403",))
    expect(page.get_by_role("alert")).to_be_visible()
    for path in ("overview", "money", "log"):
        told = page.evaluate("path => fetch(path).then((told) => told.status)", f"/api/operator/{path}")
        assert told == 403, path
        assert httpx.get(f"{world.url}/api/operator/{path}").status_code == 401


def test_metrics_are_told_to_this_host_and_not_through_a_proxy(world: World, job_id: str) -> None:
    httpx.get(f"{world.url}/api/jobs/{job_id}")
    told = httpx.get(f"{world.url}/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    for name in GAUGES:
        assert f"# TYPE {name} gauge" in told.text
    assert 'manyhands_requests_total{method="GET",route="/api/jobs/{job_id}",status="404"}' in told.text
    assert 'manyhands_process_up{process="web"} 1.0' in told.text
    assert job_id not in told.text, "an id is never a label"
    assert httpx.get(f"{world.url}/metrics", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 404


async def signs_of_copying(platform: Platform, job_id: str, copiers: list[str]) -> None:
    """What a finished job leaves when two accounts made the same mistakes."""
    says = "2 workers gave the same wrong value in 4 of 4 tasks that both got wrong <img src=x onerror=window.hit=1>"
    ours = platform.exchange.ctx.address, platform.recording.ctx.address, platform.reputation.ctx.address
    async with platform.db.transaction() as tx:
        await tx.execute(
            "insert into reputation.jobs (job_id, manifest, launcher, exchange, recording, jury, chain_id, escrow, "
            "funded_minor) values (%s, '', '', %s, %s, '', 1338, '', 1)",
            (job_id, ours[0], ours[1]),
        )
        await tx.execute(
            "insert into reputation.signs values (%s, 0, 'copies', %s, %s, '{\"pairs\": 1, \"equal_mistakes\": 4}')",
            (job_id, copiers, says),
        )
        await tx.execute(
            "insert into reputation.outcomes (job_id, worker, skill, cause, was_right, weight_bp, at_ms, position) "
            "values (%s, %s, 'transcription', 'task 1', true, 10000, 1, 0)",
            (job_id, copiers[0]),
        )
        for worker in copiers:
            for room in ("reputation", "exchange"):
                await tx.execute(
                    f"insert into {room}.links (worker, link_group, link_no, job_id, because, at_ms) "
                    "values (%s, %s, 1, %s, %s, 1790000000000)",
                    (worker, copiers[0], job_id, says),
                )


@pytest.mark.parametrize(
    "look", [pytest.param(DESK, id="desk"), pytest.param(PHONE, id="phone", marks=pytest.mark.nightly)]
)
def test_who_counts_as_one_is_told_objects_and_a_person_undoes_it(
    world: World, worker_at: WorkerAt, axe: str, job_id: str, look: dict[str, object], tmp_path: Path
) -> None:
    copier = worker_at("/", **look)
    address = copier.evaluate("fetch('/api/me').then((told) => told.json()).then((told) => told.worker)")
    world.asking(
        lambda platform: signs_of_copying(platform, job_id, [address, "0x" + job_id.encode().hex()[-40:].zfill(40)])
    )
    go(copier, world.url + "/standing")
    expect(copier.get_by_role("heading", name="count as one with those of other accounts (1)")).to_be_visible()
    copier.get_by_label("If it is wrong, say why").fill("We are a couple and sit at one desk.")
    copier.get_by_role("button", name="Have a person look").click()
    expect(copier.get_by_text("Kept. The operator sees it beside the evidence.")).to_be_visible()
    check(copier, axe)
    copier.screenshot(path=tmp_path / "linked.png", full_page=True)
    page = operator_at(world, worker_at, **look)
    group = page.locator("#signs .stuck > li", has_text="We are a couple")
    expect(group.get_by_text("4 of 4 tasks").first).to_be_visible()
    check(page, axe)
    page.locator("#signs").screenshot(path=tmp_path / "signs.png")
    group.get_by_label("Why, for them to read").fill("They work side by side; their pieces differ.")
    group.get_by_role("button", name="These are different people").click()
    expect(page.get_by_text("2 accounts count by themselves again.")).to_be_visible()
    with psycopg.connect(world.dsn) as connection:
        told = connection.execute(
            "select link_group, cleared_by <> '' from reputation.links where job_id = %s", (job_id,)
        ).fetchall()
        sent = connection.execute(
            "select count(*) from mail.outbox where job_id = %s and body_type = 'WorkersLinked'", (job_id,)
        ).fetchone()
    assert told == [("", True)] * 2 and sent == (2,)
    assert page.evaluate("window.hit") is None and copier.evaluate("window.hit") is None


def test_whoever_is_looked_at_is_told_says_so_and_a_person_takes_it_back(
    world: World, worker_at: WorkerAt, axe: str, job_id: str, tmp_path: Path
) -> None:
    worker = worker_at("/", **PHONE)
    address = worker.evaluate("fetch('/api/me').then((told) => told.json()).then((told) => told.worker)")
    world.open_job(OpenJob(job_id=job_id))
    world.asking(lambda platform: signs_of_copying(platform, job_id, [address, "0x" + "7" * 40]))
    because = "The pieces of this page are one digit each."

    async def noticed(platform: Platform) -> None:
        evidence = {"answers": 12, "below_feasible": 9, "feasible_ms": 400}
        sign = WorkerSign(worker=address, kind="too-fast", says="9 of 12 answers", evidence=evidence)
        async with platform.db.transaction() as tx:
            await tx.execute(
                "insert into reputation.signs (job_id, position, kind, workers, says, evidence) "
                "values (%s, 1, 'too-fast', %s, '9 of 12 answers', %s)",
                (job_id, [address], msgspec.json.encode(evidence).decode()),
            )
            await tx.execute(
                "update exchange.jobs set reputation = %s where job_id = %s",
                (platform.reputation.ctx.address, job_id),
            )
            body = SignsTold(job_id=job_id, signs=(sign,), word_no=0)
            await platform.exchange.noticing.told(tx, platform.reputation.ctx.address, body)

    world.asking(noticed)
    go(worker, world.url + "/standing")
    card = worker.locator(".noticed")
    expect(card.get_by_text("9 of 12 answers came within 0.4 s each")).to_be_visible()
    card.get_by_label("If there is a reason, say it").fill("One digit <img src=x onerror=window.hit=1> each.")
    card.get_by_role("button", name="Send it to the person who looks").click()
    expect(card.get_by_text("Kept. The operator sees it beside the counts.")).to_be_visible()
    check(worker, axe)
    worker.screenshot(path=tmp_path / "noticed.png", full_page=True)
    page = operator_at(world, worker_at, **DESK)
    row = page.locator("#signs tr", has_text="One digit")
    row.get_by_role("button", name="Take it back").click()
    check(page, axe)
    page.locator("#signs").screenshot(path=tmp_path / "taken-back.png")
    page.get_by_label("Why it means nothing, for them to read").fill(because)
    page.locator("#signs form").last.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("The sign is taken back, and its worker told why.")).to_be_visible()
    expect(page.locator("#signs tr", has_text="One digit").get_by_text(because)).to_be_visible()
    with psycopg.connect(world.dsn) as connection:
        sent = connection.execute(
            "select count(*) from mail.outbox where job_id = %s and body_type = 'SignsTold'", (job_id,)
        ).fetchone()
    assert sent == (1,), "the exchange will hear of it"
    assert page.evaluate("window.hit") is None and worker.evaluate("window.hit") is None
