"""Every page on a phone and on a desk: accessible, within its width, in both languages, deaf to a stranger's script."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import Page, Route, expect
from pypdf import PdfReader

from manyhands.protocol.evidence import AnswerRecord, BatchEvidence, receipt
from manyhands.protocol.messages import AnswerFact
from manyhands.roles.exchange.testing import OpenJob

from .conftest import DESK, PHONE, go
from .furnished import DELIVERED, delivered
from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]
Opened = Callable[..., Page]

FOR_ANYONE = ("/", "/sign-in", "/sign-in?new", "/jobs", "/record", "/proof", "/nowhere")
FOR_WORKERS = ("/", "/earnings", "/jury", "/standing", "/limits")
AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],  # what is in order need not be described: half of the time
}
LOOKS = [
    pytest.param(PHONE, "light", id="phone-light"),
    pytest.param(DESK, "dark", id="desk-dark", marks=pytest.mark.nightly),
    pytest.param(PHONE, "dark", id="phone-dark", marks=pytest.mark.nightly),
    pytest.param(DESK, "light", id="desk-light", marks=pytest.mark.nightly),
]


def violations(page: Page, axe: str) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, rules).then((told) => told.violations)", AXE_RULES)
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def too_wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def small_targets(page: Page) -> list[str]:
    """What can be pressed and is smaller than 44 px, beside links within a sentence."""
    return list(
        page.evaluate(
            """() => [...document.querySelectorAll(
                    "button, input, summary, textarea, select, a.button, nav a, label:is(.choice, .chip, .option)")]
                .filter((one) => one.checkVisibility() && !one.closest(".unseen, .skip, label.choice input"))
                .filter((one) => !["radio", "checkbox"].includes(one.type) && one.getBoundingClientRect().height < 43.5)
                .map((one) => one.outerHTML.slice(0, 120))"""
        )
    )


def check(page: Page, axe: str) -> None:
    assert violations(page, axe) == []
    assert too_wide(page) <= 0
    assert small_targets(page) == []


def with_delivered_job(page: Page, **otherwise: Any) -> None:
    """Answers for one job come from the recorded one: no chain runs beside these tests. otherwise  what differs"""
    files = [{"name": "X0001.json", "size_bytes": 20_480, "media_type": "application/json", "url": "/api/jobs/x"}]
    page.route("**/api/jobs/delivered", lambda route: route.fulfill(json=DELIVERED | otherwise))
    page.route("**/api/jobs/delivered/results", lambda route: route.fulfill(json={"files": files}))


@pytest.mark.nightly  # test_walk holds every page to this; here the other looks
@pytest.mark.parametrize(("screen", "scheme"), LOOKS)
def test_pages_for_anyone_are_accessible(
    opened: Opened, world: World, axe: str, screen: dict[str, Any], scheme: str
) -> None:
    page = opened("/", color_scheme=scheme, allow=("404",), **screen)
    for path in FOR_ANYONE:
        go(page, world.url + path)
        page.wait_for_load_state("networkidle")
        check(page, axe)


@pytest.mark.nightly  # test_walk holds every page to this; here the other looks
@pytest.mark.parametrize(("screen", "scheme"), LOOKS)
def test_pages_for_workers_are_accessible(
    worker_at: WorkerAt, world: World, axe: str, screen: dict[str, Any], scheme: str, job_id: str
) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=3))
    page = worker_at("/", color_scheme=scheme, **screen)
    for path in FOR_WORKERS:
        go(page, world.url + path)
        page.wait_for_load_state("networkidle")
        check(page, axe)
    go(page, f"{world.url}/work/{job_id}")
    page.wait_for_selector(".cutting img")
    check(page, axe)
    page.get_by_role("button", name="Report").click()
    page.wait_for_selector("dialog[open] input")
    check(page, axe)
    page.get_by_role("button", name="Cancel").click()
    for _ in range(3):
        page.get_by_role("button", name="Cannot read").click()
    expect(page.get_by_role("heading", name="Bundle done")).to_be_visible()
    check(page, axe)


@pytest.mark.parametrize(("screen", "scheme"), LOOKS)
def test_a_delivered_jobs_page_is_accessible_and_says_that_people_were_simulated(
    opened: Opened, world: World, axe: str, screen: dict[str, Any], scheme: str
) -> None:
    page = opened("/", color_scheme=scheme, **screen)
    with_delivered_job(page)
    go(page, world.url + "/jobs/delivered")
    expect(page.get_by_text("The people in this job were simulated.")).to_be_visible()
    expect(page.get_by_role("link", name="X0001.json")).to_be_visible()
    check(page, axe)


@pytest.mark.parametrize("language", ["en", pytest.param("es", marks=pytest.mark.nightly)])
def test_nothing_is_cut_off_at_320_pixels(worker_at: WorkerAt, world: World, job_id: str, language: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=7))
    page = worker_at("/", viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    page.context.add_cookies([{"name": "mh_lang", "value": language, "url": world.url}])
    with_delivered_job(page)
    for path in (*FOR_WORKERS, "/jobs", "/jobs/delivered", "/proof", f"/work/{job_id}"):
        go(page, world.url + path)
        page.wait_for_load_state("networkidle")
        assert too_wide(page) <= 0, path


def test_a_right_to_left_reading_needs_no_other_sheet(worker_at: WorkerAt, world: World, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=7))
    page = worker_at(f"/work/{job_id}", **PHONE)
    page.wait_for_selector(".cutting img")
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert too_wide(page) <= 0
    assert page.locator(".who").bounding_box()["x"] < page.locator(".name").bounding_box()["x"]  # type: ignore[index]


def test_the_whole_site_speaks_the_chosen_language(opened: Opened, world: World) -> None:
    page = opened("/", locale="es-MX")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Trabajo en pequeñas piezas")
    page.get_by_role("button", name="English", exact=False).or_(page.get_by_role("button", name="inglés")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Small pieces of work")
    assert page.locator("html").get_attribute("lang") == "en"


def test_working_needs_no_pointer(opened: Opened, world: World, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=2))
    page = opened("/sign-in?new")
    page.keyboard.type(f"keys {job_id}")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    page.wait_for_url(world.url + "/")
    link = page.locator(f'a[href="/work/{job_id}"]')
    link.wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.getAttribute('href')") == f"/work/{job_id}":
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/work/{job_id}")
    page.wait_for_selector(".cutting img")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_role("heading", name="Bundle done")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing left for you here")).to_be_visible()


def test_a_quoted_jobs_page_shows_every_line_of_its_quote(opened: Opened, world: World) -> None:
    job_id = world.quoted_job(title="Receipts of March", simulated=True)
    page = opened("/jobs")
    page.get_by_role("link", name="Receipts of March").click()
    expect(page.get_by_role("heading", name="Receipts of March")).to_be_visible()
    expect(page.get_by_text("The people in this job were simulated.")).to_be_visible()
    lines = httpx.get(f"{world.url}/api/jobs/{job_id}").json()["quote_lines"]
    quoted = page.locator("section", has=page.get_by_role("heading", name="Quote", exact=True)).locator("tr")
    expect(quoted).to_have_count(len(lines))
    assert len(lines) > 5
    for row, line in zip(quoted.all(), lines, strict=True):
        assert int(row.locator(".amount").get_attribute("value") or -1) == line["minor"]
    for words in ("Answers of people", "Bonus for good standing", "Exchange's fee"):  # in the reader's language
        expect(quoted.filter(has_text=words)).to_have_count(1)


def test_a_receipt_is_checked_in_the_browser_and_a_changed_one_is_found(opened: Opened, world: World) -> None:
    answers = tuple(
        AnswerRecord(
            answer=AnswerFact(
                task_id=f"task-{number}",
                worker="0x" + "ab" * 20,
                text=text,
                active_ms=4_000,
                received_at_ms=1_790_000_000_000,
            ),
            reward_minor=19_334,
            salt=f"{number:064x}",
        )
        for number, text in enumerate(
            ["12.50", "Müller & Söhne <b>", 'a "quote" \\ and \t tab', None, "日本語 🧾", "\u2028x"]
        )
    )
    evidence = BatchEvidence(
        job_id="delivered", batch_no=1, tasks=(), withdrawn=(), standings={}, answers=answers, decisions=(), refused=(),
        decisions_salt="0" * 64,
    )  # fmt: skip
    receipts = [
        msgspec.to_builtins(receipt(evidence, index, chain_id=1338, escrow="0x" + "5b" * 20))
        for index in range(len(answers))
    ]
    page = opened("/proof")
    anchored = {
        **DELIVERED,
        "anchors": [{"root": receipts[0]["root"], "count": len(answers), "tx_hash": "0x" + "1" * 64}],
    }
    page.route("**/api/jobs/delivered", lambda route: route.fulfill(json=anchored))
    drop = page.get_by_label("Choose or drop a receipt file")
    drop.set_input_files({"name": "r.json", "mimeType": "application/json", "buffer": json.dumps(receipts).encode()})
    expect(page.get_by_text(f"{len(answers)} of {len(answers)} receipts hold.")).to_be_visible()

    changed = json.loads(json.dumps(receipts))
    changed[0]["record"]["answer"]["text"] = "112.50"
    changed[1]["record"]["reward_minor"] += 1
    changed[2]["proof"] = changed[2]["proof"][:-1]
    changed[3]["record"]["salt"] = "nonsense"
    drop.set_input_files({"name": "c.json", "mimeType": "application/json", "buffer": json.dumps(changed).encode()})
    expect(page.get_by_text(f"2 of {len(answers)} receipts hold.")).to_be_visible()
    expect(page.get_by_text("The answer, its pay or its proof was changed.")).to_have_count(3)
    expect(page.get_by_text("record.salt")).to_be_visible()

    page.unroute("**/api/jobs/delivered")
    page.route("**/api/jobs/delivered", lambda route: route.fulfill(json={**DELIVERED, "anchors": []}))
    drop.set_input_files({"name": "r.json", "mimeType": "application/json", "buffer": json.dumps(receipts[0]).encode()})
    expect(page.get_by_text("that root is not on record")).to_be_visible()
    drop.set_input_files({"name": "x.json", "mimeType": "application/json", "buffer": b"not json"})
    expect(page.get_by_role("alert")).to_contain_text("This is not a receipt file.")


def test_keccak_in_the_browser_is_the_platforms(opened: Opened) -> None:
    from eth_hash.auto import keccak

    page = opened("/proof")
    texts = [bytes(range(256))[:length] for length in (0, 1, 8, 55, 134, 135, 136, 137, 200, 255)] + [b"x" * 1_000]
    found = page.evaluate(
        """async (texts) => {
            const { keccak256 } = await import("manyhands/keccak.js");
            const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
            return texts.map((text) => hex(keccak256(Uint8Array.from(text))));
        }""",
        [list(text) for text in texts],
    )
    assert found == [bytes(keccak(text)).hex() for text in texts]


WRAPPERS = (
    ("", ""), ("x", "y"), ('">', ""), ("'>", ""), ("</p>", ""), ("<!--", "-->"), ("&lt;", "&gt;"), ("\u202e", ""),
    ("<b>", "</b>"), ("**", "**"), ("`", "`"), ("- ", ""), ("\n\n# ", ""),
)  # fmt: skip
NAMES = {
    "state",
    "currency",
    "job_id",
    "code",
    "task_type",
    "content_class",
    "picture_url",
    "kind",
    "appeal_id",
    "question",
}
XSS = (
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    '"><svg onload=window.hit=1>',
    "javascript:window.hit=1",
    "'-window.hit=1-'",
    "{{constructor.constructor('window.hit=1')()}}",
    "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "<a href='javascript:window.hit=1'>x</a>",
    "</title><script>window.hit=1</script>",
    "${window.hit=1}",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.hit=1>",
    "\\u003cscript\\u003ewindow.hit=1\\u003c/script\\u003e",
    "<style>@import'javascript:window.hit=1';</style>",
    "<details open ontoggle=window.hit=1>",
    "<input autofocus onfocus=window.hit=1>",
    "data:text/html,<script>hit=1</script>",
)


WRAPPED = [before + text + after for before, after in WRAPPERS for text in XSS]


def spiked(value: Any, texts: Iterator[str]) -> Any:
    """The same answer with the next payload wherever a text stands, but for what names things."""
    if isinstance(value, dict):
        return {name: one if name in NAMES else spiked(one, texts) for name, one in value.items()}
    if isinstance(value, list):
        return [spiked(one, texts) for one in value]
    return next(texts) if isinstance(value, str) else value


def test_no_text_of_a_stranger_is_ever_run(worker_at: WorkerAt, world: World, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=1))
    page = worker_at("/", allow=("404",))
    offers = json_at(page, "/api/offers")
    earnings = {**json_at(page, "/api/earnings"), "jobs": [EARNED]}
    shown = 0

    def counted() -> Iterator[str]:
        nonlocal shown
        for text in itertools.cycle(WRAPPED):
            shown += 1
            yield text

    texts = counted()
    while shown < len(WRAPPED):
        for pattern, told in (
            ("offers", offers), ("earnings", earnings), ("jobs/delivered", DELIVERED), ("refusals", REFUSED),
            ("jury", CASES), ("standing", STANDING), ("record", RECORD),
        ):  # fmt: skip
            page.route(f"**/api/{pattern}", partial(Route.fulfill, json=spiked(told, texts)))
        for path in ("/", "/earnings", "/jobs/delivered", "/jury", "/standing", "/record"):
            go(page, world.url + path)
            page.wait_for_selector("main h1")
            for summary in page.locator("summary").all():
                summary.click()
            assert page.evaluate("window.hit") is None
        page.unroute_all()
    assert len(WRAPPED) >= 200


EARNED = {
    "job_id": "j", "title": "t", "answers": 1, "waiting": 0, "accepted": 1, "refused": 0, "pending_minor": 0,
    "earned_minor": 1, "bonus_minor": 0, "top_up_minor": 0, "paid_minor": 0, "because": "b",
    "transactions": [{"chain_id": 1, "tx_hash": "0x"}],
}  # fmt: skip


REFUSED = {
    "refusals": [{
        "job_id": "j", "title": "t", "task_id": "t", "picture_url": "/favicon", "question": "text", "text": "x",
        "reward_minor": 1, "code": "known_answers_wrong", "because": "b", "received_at_ms": 1, "can_appeal": True,
        "appeal_id": None, "currency": "MHT", "exponent": 6,
    }],
    "appeals": [{
        "job_id": "j", "appeal_id": "a", "words": "w", "answers": 1, "state": "denied", "because": "b",
        "restored_minor": 0, "filed_at_ms": 1, "ended_at_ms": 2,
    }],
}  # fmt: skip
CASES = {
    "cases": [{
        "case_id": "c", "task_id": "", "picture_url": "", "code": "appeal", "text": "w", "question": "text",
        "reward_minor": 1, "kind": "appeal", "exhibits": [{"picture_url": "/favicon", "question": "text", "text": "x"}],
    }],
}  # fmt: skip
OF_TYPES = [
    {"answer_type": name, "score_bp": 1, "right_milli": 1, "wrong_milli": 1, "right": 1, "judged": 1}
    for name in ("", "amount")
]
STANDING = {
    "standings": [{"skill": "s", "score_bp": 1, "right_milli": 1, "wrong_milli": 1, "because": "b", "at_ms": 1,
                   "types": OF_TYPES}],
    "changes": [{
        "skill": "s", "at_ms": 1, "job_id": "j", "title": "t", "score_bp": 1, "right_milli": 1, "wrong_milli": 1,
        "because": "b", "types": OF_TYPES,
    }],
}  # fmt: skip
RECORD = {
    "jobs": 1, "settled": 1, "simulated": 0, "tasks": 1, "answers": 1, "refused": 1, "workers": 1, "wages": [],
    "reports": [{
        "job_id": "j", "title": "t", "code": "other", "state": "upheld", "filed_at_ms": 1, "ruled_at_ms": 1,
    }],
    "appeals": [{
        "job_id": "j", "title": "t", "answers": 1, "state": "granted", "because": "b", "restored_minor": 1,
        "filed_at_ms": 1, "ended_at_ms": 1,
    }],
    "parties": [{"role": "jury", "address": "0x", "chain_ids": []}],
}  # fmt: skip


def json_at(page: Page, path: str) -> Any:
    return page.evaluate("path => fetch(path).then((answer) => answer.json())", path)


def test_a_job_named_by_a_stranger_is_shown_as_text(opened: Opened, world: World) -> None:
    title = "<img src=x onerror=window.hit=1> & co"
    world.quoted_job(title=title, simulated=False)
    page = opened("/jobs")
    page.get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    assert page.evaluate("window.hit") is None


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "look"), [("worker-page", DESK), ("worker-page-phone", PHONE)])
def test_pictures_for_the_documentation(
    world: World, worker_at: WorkerAt, name: str, look: dict[str, Any], pictures: Path
) -> None:
    """Makes docs/screenshots/*.png: the real page at a usual pace; the cuttings are drawn for it."""
    lines = (("TEO HENG STATIONERY & BOOKS", "text"), ("RM 12.50", "amount"), ("25/12/2018 8:13:39 PM", "date"))
    shown = world.open_job(OpenJob(job_id=name, per_page=24), lines)
    page = worker_at("/", name=f"quick otter {'1' if look is DESK else '2'}", **look)
    page.clock.install()
    go(page, f"{world.url}/work/{name}")
    for number in range(8):
        page.wait_for_selector(".cutting img")
        assignment = str(page.locator("#answer").get_attribute("data-assignment"))
        page.clock.run_for(4_200 + 400 * number)
        page.keyboard.type(next(text for task_id, text in shown.items() if task_id in assignment))
        if number < 7:
            page.keyboard.press("Enter")
    page.locator(".guide-box summary").click()
    page.locator("#answer").focus()
    page.wait_for_timeout(300)
    pictures.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=pictures / f"{name}.png")
    assert re.search(r"\$1\d\.\d\d an hour", page.locator(".meters").inner_text())


def on_paper(page: Page) -> str:
    """The text of the page as it is printed."""
    return "\n".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(page.pdf(format="A4"))).pages)


def test_a_printed_record_of_a_job_holds_everything_in_whole_and_nothing_to_press(opened: Opened, world: World) -> None:
    page = opened("/", color_scheme="dark")
    delivered(page)
    go(page, world.url + "/jobs/delivered")
    text = on_paper(page)
    packed = re.sub(r"\s", "", text)
    assert "The people in this job were simulated." in text
    for anchor in DELIVERED["anchors"]:
        assert anchor["root"] in packed and anchor["tx_hash"] in packed, "a shortened hash cannot be compared"
    assert "2 routes were looked at" in text and "answered in 9 ms" in text, "what is folded is printed open"
    assert "Sign in" not in text and "Español" not in text
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 688, "height": 1_000})  # an A4 sheet within its margins
    assert too_wide(page) == 0
    assert page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor") == "rgb(255, 255, 255)"
