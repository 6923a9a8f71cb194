"""The requester's whole way on a platform that is wholly there: PostgreSQL, chain, reading process, people.

Nothing is put into a table by hand and nothing is answered in the platform's place: files are dropped in a browser,
read in by the reading process, quoted, tried out with ten pieces, launched from a phone, funded on the chain, worked on
by simulated people over HTTP, judged, paid, delivered, downloaded, billed and shown with its proof.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import re
import threading
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pypdf
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from manyhands.apps.compose import Platform, deployer_key, open_platform
from manyhands.apps.demo.crowd import Known, work
from manyhands.apps.folder import DataFolder, Settings
from manyhands.apps.running import running
from manyhands.chain.contracts import encode_call
from manyhands.protocol.errors import ManyhandsError
from manyhands.roles.exchange.decisions import again_task_id_of
from platform_under_test import PlatformUnderTest, free_port

from .conftest import DESK, PATIENCE_MS, PHONE, go
from .desk_material import folder_of_receipts
from .test_desk import shown
from .test_pages import check, too_wide
from .world import in_thread

pytestmark = pytest.mark.browser

CHAIN = 1338
DEPOSIT_MINOR = 25_000_000
WORK_MS = 240_000
"""How long a job may take on a machine that is busy with other things."""


@dataclass
class Crowd:
    """Simulated people who answer what a reader read, in every job that is open."""

    platform_at: DataFolder
    url: str
    known: dict[str, dict[str, Known]] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Crowd:
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="crowd", daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(timeout=30)

    async def _run(self) -> None:
        found = running(self.platform_at)
        assert found is not None
        platform = await open_platform(self.platform_at, found, pool=2, name="test crowd")
        over = asyncio.Event()
        people = asyncio.create_task(
            work(self.url, self.known.get, over, people=8, error_rate=0.0, seed=5, report=False)
        )
        while not self.stop.is_set():
            for job in await platform.launcher.list_jobs():
                if job.state == "open" and job.job_id not in self.known:
                    await self._learn(platform, job.job_id)
            await asyncio.sleep(0.2)
        over.set()
        await people
        await platform.close()

    async def _learn(self, platform: Platform, job_id: str) -> None:
        with contextlib.suppress(ManyhandsError):  # the exchange has not heard of it yet
            if (await platform.exchange.progress(job_id)).opened_at_ms is None:
                return
            known: dict[str, Known] = {}
            for task_id, place in (await platform.exchange.simulation_view(job_id)).items():
                read = next((reading.text for reading in place.piece.readings if reading.text), None)
                for one in (task_id, again_task_id_of(job_id, place.piece.piece_id)):
                    known[one] = Known(read, place.piece.readings)
            self.known[job_id] = known


@dataclass
class Whole:
    """A platform as people start it, and the pages that look at it."""

    platform: PlatformUnderTest
    folder: DataFolder
    browser: Browser
    problems: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, state: Any = None, **screen: Any) -> Page:
        context = self.browser.new_context(**screen, storage_state=state)
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        page = context.new_page()

        def note(message: ConsoleMessage) -> None:
            # to know whether somebody may read the results, the public page asks for them; an account without a desk
            # is told so by a refusal
            asked = str(message.location.get("url", "")).endswith(("/results", "/api/desk/jobs"))
            if message.type in ("error", "warning") and not (asked and "Failed to load" in message.text):
                self.problems.append(f"{message.text} {message.location}")

        page.on("console", note)
        page.on("pageerror", lambda problem: self.problems.append(str(problem)))
        return page

    def asking(self, ask: Callable[[Platform], Any]) -> Any:
        async def body() -> Any:
            found = running(self.folder)
            assert found is not None
            platform = await open_platform(self.folder, found, pool=2, name="test")
            try:
                return await ask(platform)
            finally:
                await platform.close()

        return in_thread(body)


@pytest.fixture
def whole(browser: Browser, tmp_path: Path) -> Iterator[Whole]:
    data = tmp_path / "data"
    DataFolder(data).prepare(Settings(simulated_crowd=True, chain_ids=(CHAIN,), requester_limit_minor=0))
    platform = PlatformUnderTest(data, free_port())
    platform.start()
    made = Whole(platform, DataFolder(data), browser)
    try:
        platform.wait_until_up()
        yield made
    finally:
        for context in made.contexts:
            context.close()
        platform.kill()
    assert made.problems == [], "JavaScript problems on the pages"


def pay_in(whole: Whole, requester: str) -> None:
    """Tokens go from the requester's own address to the launcher's wallet, as a wallet would send them."""
    found = running(whole.folder)
    assert found is not None
    url = found.rpc_urls[str(CHAIN)]

    def rpc(method: str, *params: Any) -> Any:
        told = httpx.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).json()
        assert "error" not in told, told
        return told["result"]

    async def places(platform: Platform) -> tuple[str, str]:
        contracts = platform.chains.of(CHAIN).contracts
        assert contracts is not None
        return contracts.token, platform.keys["launcher"].address

    token, launcher = whole.asking(places)
    rpc("anvil_setBalance", requester, hex(10**18))
    for sender, to in ((deployer_key().address, requester), (requester, launcher)):
        rpc("anvil_impersonateAccount", sender)
        data = "0x" + encode_call("TestToken", "transfer", to, DEPOSIT_MINOR).hex()
        rpc("eth_sendTransaction", {"from": sender, "to": token, "data": data, "gas": hex(200_000)})
        rpc("evm_mine")


TAB_DOWNLOADS = 8


def downloads(page: Page) -> dict[str, bytes]:
    """Everything that the tab offers, by name. The browser holds a page to ten downloads in a row: it is opened anew
    before that, as whoever comes back does."""
    found = {}
    links = page.locator("#view a[download]")
    for number in range(links.count()):
        link = links.nth(number)
        if number and number % TAB_DOWNLOADS == 0:
            page.reload()
            page.get_by_role("tab", name="Downloads").click()
            expect(link).to_be_visible()
        with page.expect_download() as loaded:
            link.click()
        found[loaded.value.suggested_filename] = Path(loaded.value.path()).read_bytes()
    return found


def opens(name: str, raw: bytes) -> bool:
    """Whether a usual program can read the file."""
    match name.rsplit(".", 1)[-1]:
        case "zip":
            return zipfile.ZipFile(io.BytesIO(raw)).testzip() is None
        case "xlsx":
            return bool(openpyxl.load_workbook(io.BytesIO(raw)).sheetnames)
        case "pdf":
            return "TOTAL" in "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(raw)).pages)
        case "json":
            return bool(json.loads(raw))
        case "csv":
            return bool(list(csv.reader(io.StringIO(raw.decode("utf-8-sig")))))
        case "hocr" | "xml":
            return ElementTree.fromstring(raw).tag != ""
        case "html":
            return b"<html" in raw[:500].lower()
        case _:
            return False


def test_a_requester_pays_in_launches_from_a_phone_and_takes_everything_home(
    whole: Whole, axe: str, tmp_path: Path, pictures: Path
) -> None:
    url = whole.platform.url
    page = whole.page(**DESK)
    go(page, f"{url}/sign-in?new&role=requester&back=/desk")
    page.get_by_label("Name").fill("Firm of the first street")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Open an account").first.click()
    page.get_by_role("button", name="New job").first.click()
    page.wait_for_selector(".drop-zone")

    # the files are read in by the platform's own reading process
    page.locator("input[webkitdirectory]").set_input_files(folder_of_receipts(tmp_path / "march receipts", 1))
    page.wait_for_selector(".price")
    expect(page.get_by_text("1 file was left out")).to_be_visible()
    page.get_by_role("button", name="Draw on a page").click()
    sheet = page.locator("dialog[open] .sheet")
    before = sheet.bounding_box()
    sheet.locator("img").evaluate("image => image.decode()")
    box = sheet.bounding_box()
    assert before == box, "the sheet does not grow when its picture comes"
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.03, box["y"] + box["height"] * 0.62)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.80, steps=4)
    page.mouse.up()
    page.get_by_label("Name of the field").fill("what was paid")
    page.get_by_role("button", name="Done").click()
    page.locator(".option", has_text="99.5%").click()
    page.locator(".option", has_text="your own staff").or_(page.locator("label.option", has_text="Off")).first.click()
    page.get_by_label("Pay for an hour").fill("14")
    page.get_by_label("Deadline").fill("2030-01-01T12:00")
    page.get_by_text("More rules").click()
    page.locator(".option", has=page.locator("input[name=machine]")).last.click()
    page.locator(".option", has=page.locator("input[name=crowd]")).last.click()
    expect(page.locator(".quote-panel")).to_have_attribute("aria-busy", "false")
    page.get_by_text("Line by line").click()

    # a stranger may spend nothing; what the chain says was paid in may be spent
    launch = page.get_by_role("button", name="Launch for at most")
    expect(launch).to_be_disabled()
    expect(page.get_by_text("You may spend $0.00")).to_be_visible()
    check(page, axe)
    pay_in(whole, str(page.evaluate("fetch('/api/me').then((told) => told.json()).then((me) => me.worker)")))
    draft = page.url
    go(page, f"{url}/desk/money")
    for _ in range(100):
        if page.locator(".purse .big").inner_text() == "$25.00":
            break
        page.wait_for_timeout(200)
        go(page, f"{url}/desk/money")
    expect(page.get_by_text("came in on chain 1338")).to_be_visible()

    with Crowd(whole.folder, url):
        # ten pieces first, at the desk
        go(page, draft)
        page.get_by_role("button", name="What would ten pieces cost?").click()
        page.get_by_role("button", name="Launch the try-out").click()
        expect(page.locator(".tryout .state.closed")).to_be_visible(timeout=WORK_MS)
        expect(page.locator(".tryout")).to_contain_text("simulated")

        # the whole from a phone
        phone = whole.page(page.context.storage_state(), **PHONE)
        go(phone, draft)
        button = phone.get_by_role("button", name="Launch for at most")
        button.scroll_into_view_if_needed()
        check(phone, axe)
        button.click()
        phone.wait_for_url("**/desk/jobs/*")
        job_url = phone.url
        job_id = job_url.rsplit("/", 1)[-1]
        go(page, job_url)
        expect(page.locator(".line-live").or_(page.locator(".line-over"))).to_be_visible()
        expect(page.locator(".timeline")).to_contain_text("being funded")
        expect(page.locator(".state-line .state.closed")).to_be_visible(timeout=WORK_MS)

    # what the page says, the chain says
    view, purse = whole.asking(lambda platform: _seen(platform, job_id))
    assert view.state == "closed" and view.settled is not None and view.settled.paid_minor > 0
    assert view.funded_minor == view.quote_total_minor
    cost = view.settled.paid_minor + view.settled.fees_minor
    assert cost + view.settled.refunded_minor == view.funded_minor
    assert purse.held_minor == 0 and purse.free_minor == DEPOSIT_MINOR - purse.spent_minor

    # results over the page, the doubtful first, every file opened
    expect(page.locator(".sheet .box").first).to_be_visible()
    page.locator("button.value").first.click()
    expect(page.locator(".piece-text")).not_to_be_empty()
    expect(page.get_by_text("what was paid").first).to_be_visible()
    check(page, axe)
    page.get_by_role("tab", name="To look at").click()
    check(page, axe)
    page.get_by_role("tab", name="Downloads").click()
    check(page, axe)
    files = downloads(page)
    assert {name.rsplit(".", 1)[-1] for name in files} >= {"zip", "csv", "xlsx", "pdf", "json"}
    assert [name for name, raw in files.items() if not opens(name, raw)] == []
    # the box that was drawn is the field that is delivered, and nothing is guessed from the lines nobody asked for
    assert list(json.loads(files["receipt-01.json"])["fields"]) == ["what was paid"]
    (row,) = csv.DictReader(io.StringIO(files["fields.csv"].decode("utf-8-sig")))
    assert row["value"].split()[:3] == ["TOTAL", "AMOUNT", "12.50"]
    assert "TOTAL AMOUNT" in files["chosen-fields.csv"].decode("utf-8-sig")
    page.get_by_role("tab", name="Progress").click()
    expect(page.locator(".chart svg").first).to_be_visible()
    shown(page, pictures, "desk-progress")
    with page.expect_download() as loaded:
        page.get_by_role("link", name="Invoice (PDF)").click()
    bill = pypdf.PdfReader(loaded.value.path()).pages[0].extract_text()
    assert job_id in bill and "Firm of the first street" in bill
    assert f"{cost / 10**6:.2f}" in bill or f"{cost / 10**6:.6f}".rstrip("0") in bill

    # the public page and its proof; the money page
    page.get_by_role("link", name="Public page").click()
    expect(page.get_by_text(re.compile("simulated")).first).to_be_visible()
    expect(page.locator("#main")).to_contain_text(view.escrow[:10])
    check(page, axe)
    go(page, f"{url}/desk/money")
    expect(page.get_by_text("A job's bill").first).to_be_visible()
    check(page, axe)

    go(phone, job_url)
    for name in ("Pages", "To look at", "Downloads", "Progress"):
        phone.get_by_role("tab", name=name).click()
        assert too_wide(phone) <= 0, name
    check(phone, axe)
    go(phone, f"{url}/desk")
    expect(phone.get_by_role("link", name="march receipts").first).to_be_visible()
    check(phone, axe)


async def _seen(platform: Platform, job_id: str) -> Any:
    view = await platform.launcher.view(job_id)
    assert platform.launcher.purses is not None
    return view, await platform.launcher.purses.of(view.requester)
