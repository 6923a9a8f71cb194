"""The requester's desk as a person uses it: files dropped, pages seen, a quote agreed to, a job watched and ended."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pypdf
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from manyhands.apps.compose import Platform
from manyhands.documents.model import Area
from manyhands.protocol.manifest import Manifest, Needs, parse_manifest
from manyhands.store.database import rows

from .conftest import DESK, PHONE, go
from .desk_material import deliver, folder_of_receipts, receipt_png
from .furnished import PASSWORD
from .test_pages import WRAPPED, check, too_wide
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]


def with_desk(worker_at: WorkerAt, allow: tuple[str, ...] = (), **options: object) -> Page:
    """A page of somebody who has just opened a desk."""
    page = worker_at("/desk", allow=("403 (Forbidden)", *allow), **options)
    page.get_by_role("button", name="Open a desk").click()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()
    return page


def begun(page: Page) -> str:
    page.get_by_role("button", name="New job").first.click()
    page.wait_for_url("**/desk/drafts/*")
    page.wait_for_selector(".drop-zone")
    return page.url.rsplit("/", 1)[-1]


def dropped(world: World, page: Page, folder: Path) -> None:
    """Gives the page a folder and waits until its pages are there."""
    page.locator("input[webkitdirectory]").set_input_files(folder)
    expect(page.get_by_text("The files are being read in")).to_be_visible()
    world.read_in()
    page.wait_for_selector(".price")


def shown(page: Page, pictures: Path, name: str) -> None:
    """A picture for the documentation, made anew where its folder may be written."""
    pictures.mkdir(parents=True, exist_ok=True)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=pictures / f"{name}.png")


def test_a_folder_is_dropped_quoted_launched_watched_and_downloaded(
    world: World, worker_at: WorkerAt, axe: str, tmp_path: Path, pictures: Path
) -> None:
    page = with_desk(worker_at, **DESK)
    check(page, axe)
    begun(page)
    check(page, axe)
    dropped(world, page, folder_of_receipts(tmp_path / "march receipts"))
    expect(page.get_by_text("1 file was left out")).to_be_visible()
    expect(page.get_by_text("it is not an image, a PDF or a table")).to_be_visible()
    expect(page.locator(".thumb")).to_have_count(3)
    expect(page.get_by_role("heading", level=1)).to_have_text("march receipts")
    check(page, axe)
    shown(page, pictures, "desk-draft")

    # a field drawn on the page makes the quote smaller, because only what lies in it goes to people
    before = page.locator(".price .amount").get_attribute("value")
    page.get_by_role("button", name="Draw on a page").click()
    sheet = page.locator("dialog[open] .sheet")
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.03, box["y"] + box["height"] * 0.62)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.69, steps=4)
    page.mouse.up()
    page.get_by_label("Name of the field").fill("what was paid")
    page.get_by_label("Name of the field").blur()
    check(page, axe)
    shown(page, pictures, "desk-draw")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("1 field is drawn")).to_be_visible()
    expect(page.locator(".quote-panel")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".price .amount")).not_to_have_attribute("value", before or "")
    assert int(page.locator(".price .amount").get_attribute("value") or 0) < int(before or 0)
    page.get_by_text("Line by line").click()
    check(page, axe)
    page.get_by_role("button", name="What would ten pieces cost?").click()
    expect(page.get_by_role("button", name="Launch the try-out")).to_be_visible()

    page.get_by_role("button", name="Launch for at most").click()
    page.wait_for_url("**/desk/jobs/*")
    expect(page.locator(".line-live")).to_be_visible()
    expect(page.locator(".state").first).to_have_text("quoted")
    check(page, axe)
    job_id = page.url.rsplit("/", 1)[-1]

    drawn = Area("what was paid", 1, 30, 550, 970, 700)
    # told by the stream: the page is not loaded anew
    world.asking(lambda platform: deliver(platform, job_id, (drawn,)))
    expect(page.get_by_role("tab", name="Pages")).to_be_visible()
    expect(page.locator(".sheet .box").first).to_be_visible()
    page.get_by_role("button", name="2018-12-25").or_(page.locator("button.value").first).first.click()
    expect(page.locator(".piece-text")).not_to_be_empty()
    expect(page.get_by_text("what was paid")).to_be_visible()
    check(page, axe)
    shown(page, pictures, "desk-results")
    page.get_by_role("tab", name="To look at").click()
    expect(page.get_by_text("three people could not read it").first).to_be_visible()
    check(page, axe)
    page.locator("table.rows button.value").first.click()
    page.get_by_role("button", name="I do not believe this").click()
    page.get_by_label("What does the page show?").fill("GST ID 001689255936")
    page.get_by_label("How do you know?").fill("It is printed clearly on the scan.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("You objected; a person will answer.")).to_be_visible()
    page.get_by_role("tab", name="Downloads").click()
    check(page, axe)
    for name in ("everything.zip", "chosen-fields.csv", "results.xlsx", "receipt-01.pdf", "receipt-01.json"):
        with page.expect_download() as loaded:
            page.get_by_role("link", name=name, exact=True).click()
        assert Path(loaded.value.path()).stat().st_size > 0, name
        if name == "chosen-fields.csv":
            assert "TOTAL AMOUNT" in Path(loaded.value.path()).read_text()
    page.get_by_role("tab", name="Progress").click()
    with page.expect_download() as loaded:
        page.get_by_role("link", name="Invoice (PDF)").click()
    text = pypdf.PdfReader(io.BytesIO(Path(loaded.value.path()).read_bytes())).pages[0].extract_text()
    assert "Cost of the job" in text
    assert job_id in text
    check(page, axe)
    page.set_viewport_size({"width": 320, "height": 700})
    for tab in ("Pages", "To look at", "Downloads", "Progress"):
        page.get_by_role("tab", name=tab).click()
        assert too_wide(page) <= 0, tab


@pytest.mark.nightly
def test_on_a_phone_a_job_is_launched_and_ended_again(
    world: World, worker_at: WorkerAt, axe: str, tmp_path: Path, pictures: Path
) -> None:
    page = with_desk(worker_at, **PHONE)
    check(page, axe)
    begun(page)
    dropped(world, page, folder_of_receipts(tmp_path / "april", 1))
    check(page, axe)
    page.locator(".quote-panel").scroll_into_view_if_needed()
    shown(page, pictures, "desk-quote-phone")
    page.get_by_role("button", name="Launch for at most").click()
    page.wait_for_url("**/desk/jobs/*")
    page.get_by_role("button", name="End the job").click()
    check(page, axe)
    page.get_by_label("Your reason").fill("it was only a rehearsal")
    page.locator("dialog[open]").get_by_role("button", name="End the job").click()
    expect(page.locator(".state").first).to_have_text("refused")
    expect(page.get_by_text("it was only a rehearsal").first).to_be_visible()
    page.get_by_role("button", name="Change it and try again").click()
    page.wait_for_url("**/desk/drafts/*")
    page.wait_for_selector(".price")
    go(page, world.url + "/desk")
    check(page, axe)
    page.set_viewport_size({"width": 320, "height": 700})
    assert too_wide(page) <= 0


HOUR_MS = 3_600_000
RUNNING = {
    "job_id": "running", "title": "Receipts of spring", "state": "open", "because": "escrow 0x5b5b holds 34.88 MHT",
    "simulated": True, "currency": "MHT", "exponent": 6, "documents": 25, "pages": 32, "pages_read": 32,
    "answers": 820, "workers": 12, "quote_total_minor": 34_881_144, "quote_expected_minor": 11_984_000,
    "funded_minor": 34_881_144, "reserved_minor": 6_214_000, "created_at_ms": 1_790_000_000_000,
    "tasks": {"open": 410, "accepted": 640, "unreadable": 9, "frozen": 1, "accepted_unseen": 610},
    "expected_end_ms": 1_790_000_000_000 + 3 * HOUR_MS, "escrow": "0x" + "5b" * 20,
    "anchors": [{"root": "0x" + "cd" * 32, "count": 500, "tx_hash": "0x" + "ef" * 32}],
    "happened": [{"at_ms": 1_790_000_000_000, "name": "open", "because": "escrow 0x5b5b holds 34.88 MHT"}],
    "series": {
        "slices": [
            {"at_ms": 1_790_000_000_000 + n * 120_000, "answers": 8 + n % 7 * 3, "decided": 8 + n % 7 * 3,
             "agreeing": 8 + n % 7 * 3 - (n % 5 == 0)} for n in range(48)
        ],
        "cost": [
            {"at_ms": 1_790_000_000_000 + n * 480_000, "cost_minor": 520_000 * (n + 1)} for n in range(12)
        ],
        "recent_answers": 96, "recent_ms": 600_000, "still_wanted": 430, "timed_answers": 820,
        "active_ms_median": 4_100,
    },
}  # fmt: skip
"""A running job as the stream tells it: its shape is that of the API, its figures are made up."""


def test_a_running_jobs_page_shows_what_was_measured_and_says_when_the_line_is_cut(
    world: World, worker_at: WorkerAt, axe: str
) -> None:
    page = worker_at("/", allow=("net::", "Failed to load"))
    page.route("**/api/desk/jobs/running", lambda route: route.fulfill(json=RUNNING))
    told = f"retry: 60000\n\nevent: state\ndata: {json.dumps(RUNNING)}\n\n"
    again = "".join(
        f"id: {number}\nevent: happened\ndata: {json.dumps({'at_ms': 1_790_000_000_000, 'name': name})}\n\n"
        for number, name in ((1, "quoted"), (2, "open"), (2, "open"), (1, "quoted"))
    )
    page.route(
        "**/api/desk/jobs/running/events",
        lambda route: route.fulfill(body=told + again, content_type="text/event-stream"),
    )
    go(page, world.url + "/desk/jobs/running")
    expect(page.get_by_text("connecting again")).to_be_visible()  # the stream ended: it will be asked again
    expect(page.locator(".timeline li")).to_have_count(2)  # told twice, shown once, in order
    expect(page.get_by_text("The people in this job were simulated.")).to_be_visible()
    expect(page.locator(".chart svg")).to_have_count(3)
    expect(page.locator(".bigs")).to_contain_text("Expected end")
    check(page, axe)
    page.set_viewport_size({"width": 390, "height": 844})
    check(page, axe)
    page.set_viewport_size({"width": 320, "height": 700})
    assert too_wide(page) <= 0


def test_an_upload_that_was_cut_off_goes_on_where_it_stopped(world: World, worker_at: WorkerAt, tmp_path: Path) -> None:
    page = with_desk(worker_at, ("409", "400"), **DESK)
    draft_id = begun(page)
    scan = tmp_path / "scan.png"
    scan.write_bytes(receipt_png())
    size = scan.stat().st_size
    half = size // 2
    page.evaluate(
        """async ([draft, size, half]) => {
            const { post, putBytes } = await import("manyhands/api.js");
            await post(`/api/desk/drafts/${draft}/files`, { files: [{ name: "scan.png", size_bytes: size }] });
            await putBytes(`/api/desk/drafts/${draft}/files/1/part?offset_bytes=0`, new Uint8Array(half));
        }""",
        [draft_id, size, half],
    )
    page.reload()
    expect(page.get_by_text("The upload was cut off: 1 file is not wholly here.")).to_be_visible()
    told = page.evaluate(
        """async ([draft, half]) => {
            const { post, putBytes } = await import("manyhands/api.js");
            const said = async (work) => work().then(() => "taken", (problem) => problem.code);
            return [
                await said(() => putBytes(`/api/desk/drafts/${draft}/files/1/part?offset_bytes=${half + 9}`, new Uint8Array(3))),
                await said(() => putBytes(`/api/desk/drafts/${draft}/files/1/part?offset_bytes=0`, new Uint8Array(half))),
                await said(() => post(`/api/desk/drafts/${draft}/read-in`)),
                await said(() => post(`/api/desk/drafts/${draft}/files`, { files: [{ name: "../../etc/passwd", size_bytes: 1 }] })),
            ];
        }""",  # noqa: E501  # one call a line reads better
        [draft_id, half],
    )
    assert told == ["upload_out_of_step", "taken", "upload_unfinished", "bad_file_name"]
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/part?" in request.url else None)
    page.locator("input[type=file]:not([webkitdirectory])").set_input_files(scan)
    expect(page.get_by_text("The files are being read in")).to_be_visible()
    assert [re.search(r"offset_bytes=(\d+)", url).group(1) for url in sent] == [str(half)]  # type: ignore[union-attr]


@pytest.mark.parametrize("screen", ["phone", "desk"])
def test_a_scan_on_its_side_is_shown_upright_with_its_boxes_where_they_belong(
    world: World, worker_at: WorkerAt, tmp_path: Path, screen: str
) -> None:
    look = {"phone": PHONE, "desk": DESK}[screen]
    page = with_desk(worker_at, **look)
    begun(page)
    folder = folder_of_receipts(tmp_path / "march", 1)
    scan = folder / "receipt-01.png"
    with Image.open(io.BytesIO(scan.read_bytes())) as upright:
        upright.rotate(-90, expand=True).save(scan)
        ratio = upright.width / upright.height
    dropped(world, page, folder)
    page.get_by_role("button", name="Launch for at most").click()
    page.wait_for_url("**/desk/jobs/*")
    job_id = page.url.rsplit("/", 1)[-1]
    world.asking(lambda platform: deliver(platform, job_id, lying=True))
    page.get_by_role("tab", name="Pages").click()
    picture, sheet = page.locator(".result-columns .sheet img"), page.locator(".result-columns .sheet")
    expect(picture).to_be_visible()
    page.wait_for_function("document.querySelector('.result-columns .sheet img').complete")
    frame, shown_at = sheet.bounding_box(), picture.bounding_box()
    assert frame and shown_at
    assert abs(shown_at["width"] / shown_at["height"] - ratio) < 0.02, "it stands upright"
    assert abs(shown_at["width"] - frame["width"]) <= 5 and abs(shown_at["height"] - frame["height"]) <= 5
    first = page.locator(".result-columns .sheet rect").first.bounding_box()
    assert first and first["width"] > first["height"], "lines run across"
    assert first["y"] - frame["y"] < 0.15 * frame["height"] and first["x"] - frame["x"] < 0.1 * frame["width"]
    if where := os.environ.get("MANYHANDS_LOOK"):
        page.screenshot(path=Path(where) / f"lying-{screen}.png", full_page=True)


def test_a_draft_and_a_job_are_nobody_elses(world: World, worker_at: WorkerAt, tmp_path: Path) -> None:
    page = with_desk(worker_at, **DESK)
    draft_id = begun(page)
    thief = httpx.Client(base_url=world.url, headers={"X-Requested-With": "manyhands"}, timeout=30)
    thief.post("/api/sign-up", json={"name": f"thief {draft_id[:6]}", "password": "correct horse", "role": "requester"})
    job_id = world.quoted_job(title=f"of another {draft_id[:6]}", simulated=False)
    for method, path in (
        ("get", f"/api/desk/drafts/{draft_id}"), ("delete", f"/api/desk/drafts/{draft_id}"),
        ("post", f"/api/desk/drafts/{draft_id}/read-in"), ("get", f"/api/desk/drafts/{draft_id}/quote"),
        ("put", f"/api/desk/drafts/{draft_id}/files/1/part?offset_bytes=0"), ("get", f"/api/desk/jobs/{job_id}"),
        ("get", f"/api/desk/jobs/{job_id}/events"), ("get", f"/api/desk/jobs/{job_id}/files"),
        ("get", f"/api/desk/jobs/{job_id}/documents/x"), ("get", f"/api/desk/jobs/{job_id}/invoice.pdf"),
        ("get", f"/api/desk/jobs/{job_id}/objections"), ("get", f"/api/desk/jobs/{job_id}/pages"),
    ):  # fmt: skip
        told = thief.request(method, path)
        assert told.status_code == 404, (path, told.text)
    assert thief.post(f"/api/desk/jobs/{job_id}/cancel", json={}).status_code == 404
    assert thief.get("/api/desk/jobs").json() == {"drafts": [], "jobs": []}
    assert page.evaluate("fetch(location.pathname.replace('/desk', '/api/desk')).then((told) => told.status)") == 200


@pytest.mark.nightly
def test_names_of_files_and_fields_are_shown_as_text(world: World, worker_at: WorkerAt, tmp_path: Path) -> None:
    page = with_desk(worker_at, **DESK)
    begun(page)
    names = [text.replace("/", "÷")[:90] for text in WRAPPED if "\n" not in text and not text.startswith(".")][:12]
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in names:
        (folder / f"{name}.png").write_bytes(receipt_png())
    (folder / f"{names[0]}.txt").write_text("x")
    dropped(world, page, folder)
    page.get_by_role("button", name="Draw on a page").click()
    page.get_by_role("button", name="Add a box by numbers").click()
    page.get_by_label("Name of the field").fill(WRAPPED[1][:80])
    page.get_by_label("Name of the field").blur()
    page.get_by_role("button", name="Done").click()
    page.get_by_label("Name of the job").fill(WRAPPED[0])
    expect(page.get_by_role("heading", level=1)).to_have_text(WRAPPED[0])
    expect(page.locator(".left-out")).to_contain_text(names[0])
    expect(page.locator(".quote-panel")).to_have_attribute("aria-busy", "false")
    page.get_by_role("button", name="Launch for at most").click()
    page.wait_for_url("**/desk/jobs/*")
    job_id = page.url.rsplit("/", 1)[-1]
    world.asking(lambda platform: deliver(platform, job_id))
    expect(page.locator(".sheet .box").first).to_be_visible()
    expect(page.get_by_text(WRAPPED[1][:80]).first).to_be_visible()
    assert page.evaluate("window.hit") is None
    go(page, world.url + "/desk")
    assert page.evaluate("window.hit") is None


@pytest.mark.parametrize("look", [DESK, PHONE], ids=["desk", "phone"])
def test_who_may_work_on_a_job_is_said_under_more_rules_and_stands_in_its_manifest(
    world: World, worker_at: WorkerAt, axe: str, tmp_path: Path, job_id: str, look: dict[str, object]
) -> None:
    async def listed(platform: Platform) -> str:
        _, archive = await platform.exchange.accounts.sign_up(f"Archive of {job_id}", PASSWORD, role="requester")
        await platform.exchange.accounts.take_role(archive.worker, "workpool", by_operator=True)
        await platform.exchange.pooling.describe(archive.worker, about="", listed=True)
        return archive.worker

    pool = world.asking(listed)
    page = with_desk(worker_at, ("400 (Bad Request)", "409 (Conflict)"), **look)
    draft_id = begun(page)
    dropped(world, page, folder_of_receipts(tmp_path / f"receipts {job_id}"))
    page.get_by_text("More rules").click()
    page.get_by_label("For whom").select_option(label=f"Archive of {job_id} (0 members)")
    page.get_by_label("Language of the pieces").select_option("es")
    page.get_by_label("Least score in this kind of work").select_option("9000")
    page.get_by_text("It needs a mouse or pen").click()
    expect(page.locator(".quote-panel.stale")).to_have_count(0)
    check(page, axe)
    page.locator(".fits").scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "who.png")
    wish = page.evaluate(f"fetch('/api/desk/drafts/{draft_id}').then((told) => told.json())")["wish"]
    needs = {"languages": ["es"], "screen": "any", "pointer": "fine", "score_bp": 9_000}
    assert (wish["pool"], wish["needs"]) == (pool, needs)
    page.get_by_role("button", name=re.compile("Launch")).last.click()
    expect(page.get_by_text("has no members here")).to_be_visible()

    async def launched(platform: Platform) -> Manifest:
        async with platform.db.connection() as connection:
            found = [parse_manifest(raw) for (raw,) in await rows(connection, "select manifest from launcher.jobs")]
        (mine,) = [one for one in found if one.pool == pool]
        return mine

    manifest = world.asking(launched)
    assert manifest.needs == Needs(languages=("es",), pointer="fine", score_bp=9_000)
