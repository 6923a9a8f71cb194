"""Pages where jobs are paid in four tokens: each amount in its own money, earnings apart, a purse of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from playwright.sync_api import Page, expect

from manyhands.apps.components import Components
from manyhands.apps.compose import Platform
from manyhands.protocol import canonical
from manyhands.protocol.manifest import PayRule
from manyhands.protocol.messages import JobSettled
from manyhands.roles.exchange.testing import OpenJob
from manyhands.store.postgres import LocalPostgres
from platform_under_test import THREE_TOKENS

from .conftest import DESK, PHONE, go, site_up
from .desk_material import folder_of_receipts
from .test_desk import begun, dropped, with_desk
from .test_desk_money import address_at
from .test_operator import operator_at
from .test_pages import check, too_wide
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]

FOUR_TOKENS = (
    THREE_TOKENS
    + """
[[tokens]]
symbol = "CREDIT"
decimals = 2
floor_per_hour_minor = 900
"""
)


@pytest.fixture(scope="module")
def world(
    postgres_server: LocalPostgres, components: Components, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A site of its own, whose first chain has four tokens and whose second has one."""
    with site_up(postgres_server, components, tmp_path_factory.mktemp("tokens"), facts=FOUR_TOKENS) as made:
        yield made


def paid_job(world: World, worker: str, job_id: str, pay: PayRule, minor: int) -> None:
    """A settled job in which the worker earned so much, with its hour of work."""
    world.open_job(OpenJob(job_id=job_id, pay=pay))
    settled = JobSettled(
        job_id=job_id, accepted=True, paid_minor={worker: minor}, fees_minor=1, refunded_minor=1, package_blob="",
        package_hash="", payouts_blob="", transactions=("0x" + "5c" * 32,),
    )  # fmt: skip
    with psycopg.connect(world.dsn) as connection:
        connection.execute(
            "update exchange.jobs set state = 'settled', title = %s, settled = %s where job_id = %s",
            (f"Paid in {pay.currency}", canonical.encode(settled), job_id),
        )
        connection.execute(
            "insert into exchange.earnings (job_id, worker, answers, accepted, collected_minor, decided_minor, "
            "earned_minor, credited_ms, paid_minor) values (%s, %s, 40, 40, %s, %s, %s, 3600000, %s)",
            (job_id, worker, minor, minor, minor, minor),
        )
        connection.execute(
            "insert into exchange.worked values (%s, 1790000000000 / 3600000 * 3600000, %s, 40, 3600000, %s)",
            (worker, pay.currency, minor),
        )


def test_earnings_in_several_tokens_stand_apart_each_in_its_own_money(
    world: World, worker_at: WorkerAt, axe: str
) -> None:
    page = worker_at("/", **PHONE)
    worker = address_at(page)
    paid_job(
        world,
        worker,
        f"usd-{worker[:6]}",
        PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000),
        12_345_678,
    )
    yen = PayRule(currency="YENT", exponent=0, per_hour_minor=1_500, floor_per_hour_minor=1_200)
    paid_job(world, worker, f"yen-{worker[:6]}", yen, 1_480)
    credit = PayRule(currency="CREDIT", exponent=2, per_hour_minor=1_000, floor_per_hour_minor=900)
    paid_job(world, worker, f"credit-{worker[:6]}", credit, 950)
    world.open_job(OpenJob(job_id=f"open-{worker[:6]}", pay=yen, reward_minor=3, effort_ms=6_000))
    go(page, world.url + "/earnings")
    sums = page.locator("dl.bigs")
    expect(sums).to_have_count(3)
    for heading in ("USD MHT", "JPY YENT", "CREDIT"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    told = page.locator("main").inner_text().replace("\u00a0", " ")
    assert "$12.35" in told and "¥1,480" in told and "9.50 CREDIT" in told
    assert "¥1,480.00" not in told and "MHT 1" not in told
    assert page.locator("data.amount[title='12.345678 MHT']").count() > 0
    assert page.locator("data.amount[title='1480 YENT']").count() > 0
    # by week: one line for each currency, none added to another
    week = page.locator("section", has=page.get_by_role("heading", name="By week")).locator("tbody").first.locator("tr")
    expect(week).to_have_count(3)
    check(page, axe)
    page.set_viewport_size(DESK["viewport"])
    page.set_viewport_size(PHONE["viewport"])
    assert too_wide(page) <= 0
    page.set_viewport_size(DESK["viewport"])
    check(page, axe)
    go(page, world.url + "/")
    offer = page.locator("main").get_by_text("¥1,800")
    expect(offer.first).to_be_visible()  # 3 a task of 6 seconds


def test_a_requester_chooses_the_token_and_pays_from_its_own_purse(
    world: World, worker_at: WorkerAt, axe: str, tmp_path: Path
) -> None:
    page = with_desk(worker_at, **DESK)
    address = address_at(page)

    async def paid_in(platform: Platform) -> None:
        assert platform.launcher.purses is not None
        await platform.launcher.purses.deposit(address, 5_000, reference="bank 1", because="paid in", code="YENT")

    world.asking(paid_in)
    go(page, world.url + "/desk/money")
    purses = page.get_by_role("navigation", name="Your purses, one for each token")
    expect(purses.get_by_role("link")).to_have_count(4)
    purses.get_by_role("link", name="JPY · YENT").click()
    page.wait_for_url("**currency=YENT")
    expect(page.locator(".purse .big")).to_have_text("¥6,000")  # and a thousand that play money lends
    expect(page.get_by_text("Token YENT on local-a (1338)")).to_be_visible()
    check(page, axe)
    page.set_viewport_size(PHONE["viewport"])
    check(page, axe)
    page.set_viewport_size(DESK["viewport"])
    go(page, world.url + "/desk")
    draft_id = begun(page)
    dropped(world, page, folder_of_receipts(tmp_path / "march receipts"))
    choice = page.get_by_label("Paid in")
    choice.scroll_into_view_if_needed()
    choice.select_option("YENT")
    expect(page.get_by_label("Pay for an hour of work (JPY)")).to_have_value("1800")
    expect(page.get_by_text("¥1,200")).to_be_visible()

    async def wished(platform: Platform) -> tuple[str, int]:
        from manyhands.apps.compose import desk_of

        wish = (await desk_of(platform).drafts.view(address, draft_id)).wish
        return wish.currency, wish.per_hour_minor

    expect(page.locator(".quote-panel .price")).to_contain_text("¥")
    expect(page.locator(".quote-panel")).to_have_attribute("aria-busy", "false")
    check(page, axe)
    page.get_by_text("Line by line").click()
    expect(page.get_by_text("Each is rounded up to a whole unit")).to_be_visible()
    page.set_viewport_size(PHONE["viewport"])
    check(page, axe)
    assert world.asking(wished) == ("YENT", 1_800)


def test_an_operator_opens_a_purse_in_another_token(world: World, worker_at: WorkerAt, axe: str) -> None:
    with_desk(worker_at, name="Firm of four tokens", **DESK)
    desk = operator_at(world, worker_at, **DESK)
    row = desk.locator("#purses tbody tr", has_text="Firm of four tokens")
    row.get_by_role("button", name="Change").click()
    desk.get_by_role("button", name="Open a purse in YENT").click()
    desk.get_by_label("Amount").fill("700")
    desk.get_by_label("Reference, counts once").fill("bank 17")
    desk.get_by_label("Why (the requester reads it)").last.fill("invoice 2026-17")
    desk.get_by_role("button", name="Write down a deposit").click()
    expect(row.filter(has_text="YENT")).to_contain_text("¥700")
    check(desk, axe)
    desk.set_viewport_size(PHONE["viewport"])
    assert too_wide(desk) <= 0


def test_the_api_says_what_jobs_are_paid_in(world: World, worker_at: WorkerAt) -> None:
    page = worker_at("/")
    told = page.evaluate("fetch('/api/currencies').then((told) => told.json())")
    assert [(one["code"], one["exponent"], one["spoken"]) for one in told["currencies"]] == [
        ("MHT", 6, "USD"), ("DAIT", 6, "USD"), ("YENT", 0, "JPY"), ("CREDIT", 2, "CREDIT"),
    ]  # fmt: skip
    assert msgspec.json.encode(told) and page.evaluate("document.documentElement.dataset.currencies") == (
        "MHT/6/USD DAIT/6/USD YENT/0/JPY CREDIT/2/CREDIT"
    )
