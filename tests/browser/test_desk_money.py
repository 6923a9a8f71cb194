"""Money and webhooks of the desk, and the operator's word on what somebody may spend, as people use them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from manyhands.apps.compose import Platform, telling_of
from manyhands.apps.web.testing import quoted_job
from manyhands.client.testing import WebhookReceiver
from manyhands.roles.launcher.webhooks import QUEUE

from .conftest import DESK, PHONE, go
from .test_desk import shown, with_desk
from .test_operator import operator_at
from .test_pages import WRAPPED, check, too_wide
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]


def address_at(page: Page) -> str:
    return str(page.evaluate("fetch('/api/me').then((told) => told.json()).then((told) => told.worker)"))


def test_what_may_be_spent_is_shown_and_an_operator_changes_it(
    world: World, worker_at: WorkerAt, axe: str, pictures: Path
) -> None:
    page = with_desk(worker_at, name="Firm of the desk", **DESK)
    address = address_at(page)

    async def launched(platform: Platform) -> None:
        job_id = await quoted_job(platform, requester=address, title="Receipts of March")
        await platform.launcher.approve(job_id)

    world.asking(launched)
    page.get_by_role("link", name="Money", exact=True).click()
    page.wait_for_selector(".purse")
    expect(page.get_by_role("link", name="Receipts of March")).to_be_visible()
    expect(page.get_by_text("the most that the job can cost")).to_be_visible()
    check(page, axe)
    page.set_viewport_size({"width": 320, "height": 700})
    assert too_wide(page) <= 0

    desk = operator_at(world, worker_at, **DESK)
    row = desk.locator("#purses tbody tr", has_text="Firm of the desk")
    row.get_by_role("button", name="Change").click()
    desk.get_by_label("May owe").fill("2500")
    desk.get_by_label("Why (the requester reads it)").first.fill("contract of November")
    check(desk, axe)
    desk.locator("#purses").scroll_into_view_if_needed()
    desk.get_by_role("button", name="Set the limit").click()
    expect(desk.get_by_text("Firm of the desk may spend")).to_be_visible()
    row.get_by_role("button", name="Change").click()
    desk.get_by_label("Amount").fill("12.50")
    desk.get_by_label("Reference, counts once").fill("bank 17")
    desk.get_by_label("Why (the requester reads it)").last.fill("invoice 2026-17")
    desk.get_by_role("button", name="Write down a deposit").click()
    expect(row.get_by_text("$12.50")).to_be_visible()
    desk.set_viewport_size({"width": 390, "height": 844})
    check(desk, axe)

    page.set_viewport_size(DESK["viewport"])
    page.reload()
    expect(page.get_by_text("contract of November").first).to_be_visible()
    expect(page.locator(".purse .sums")).to_contain_text("$2,500.00")
    shown(page, pictures, "desk-money")


def test_a_requester_whose_purse_is_too_small_is_told_before_launching(world: World, worker_at: WorkerAt) -> None:
    """The quote on the page says what is missing, and the button is not there to press."""
    page = with_desk(worker_at, **PHONE)
    address = address_at(page)

    async def nothing(platform: Platform) -> None:
        assert platform.launcher.purses is not None
        await platform.launcher.purses.set_limit(address, 0, by="operator", because="pays in advance")

    world.asking(nothing)
    go(page, world.url + "/desk/money")
    expect(page.locator(".purse .big")).to_have_text("$0.00")
    expect(page.get_by_text("pays in advance")).to_be_visible()
    assert too_wide(page) <= 0


def test_a_webhook_is_made_told_told_again_and_ended(
    world: World, worker_at: WorkerAt, axe: str, pictures: Path
) -> None:
    with WebhookReceiver() as receiver:
        page = with_desk(worker_at, allow=("400",), **DESK)
        address = address_at(page)
        page.get_by_role("link", name="Webhooks").click()
        page.get_by_label("Address (https)").fill("https://user:secret@example.org/")
        page.get_by_role("button", name="Have it told").click()
        expect(page.get_by_role("alert")).to_contain_text("is not a plain host and path")
        page.get_by_label("Address (https)").fill(receiver.url)
        page.get_by_label("Name, for you").fill("ERP & stock")
        page.get_by_role("button", name="Have it told").click()
        secret = page.locator("code", has_text="whs_")
        receiver.secret = secret.inner_text()
        expect(page.get_by_role("heading", name="ERP & stock")).to_be_visible()
        check(page, axe)

        async def happens(platform: Platform) -> None:
            await quoted_job(platform, requester=address, title="told")
            await telling_of(platform).run_until_idle([QUEUE])

        world.asking(happens)
        assert [event.name for event in receiver.effects] == ["quoted"]
        page.get_by_role("button", name="Deliveries").click()
        expect(page.get_by_text("told", exact=True)).to_be_visible()
        expect(page.get_by_text("204")).to_be_visible()
        check(page, axe)
        shown(page, pictures, "desk-webhooks")

        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="New secret").click()
        expect(page.get_by_text("For 24 hours every request is signed with both")).to_be_visible()
        assert secret.inner_text() != receiver.secret
        page.get_by_role("button", name="Tell again").click()
        expect(page.get_by_text("It is told again, in order")).to_be_visible()
        world.asking(lambda platform: telling_of(platform).run_until_idle([QUEUE]))
        assert (len(receiver.seen), len(receiver.effects), receiver.not_genuine) == (2, 1, 0)
        page.set_viewport_size({"width": 390, "height": 844})
        check(page, axe)
        page.set_viewport_size({"width": 320, "height": 700})
        assert too_wide(page) <= 0
        page.reload()
        expect(page.locator("code", has_text="whs_")).to_have_count(0)  # shown once
        page.get_by_role("button", name="End it").click()
        expect(page.get_by_text("The address is told nothing more.")).to_be_visible()
        expect(page.locator(".hook")).to_have_count(0)


def test_reasons_and_names_of_money_and_webhooks_are_shown_as_text(world: World, worker_at: WorkerAt) -> None:
    page = with_desk(worker_at, **DESK)
    address = address_at(page)

    async def written(platform: Platform) -> None:
        purses, webhooks = platform.launcher.purses, platform.launcher.webhooks
        assert purses is not None and webhooks is not None
        for number, text in enumerate(WRAPPED):
            await purses.deposit(address, 1_000, reference=f"{number} {text}"[:200], because=text)
        await purses.set_limit(address, 5_000_000, by=WRAPPED[3][:40], because=WRAPPED[5])
        for text in WRAPPED[:20]:
            await webhooks.add(address, "https://erp.example.org/<script>window.hit=1</script>", name=text[:64])

    world.asking(written)
    assert len(WRAPPED) >= 200
    go(page, world.url + "/desk/money")
    expect(page.locator("table.rows tbody tr")).to_have_count(len(WRAPPED) + 2)
    expect(page.get_by_text(WRAPPED[5]).first).to_be_visible()
    go(page, world.url + "/desk/webhooks")
    expect(page.locator(".hook")).to_have_count(20)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.hit") is None
