"""A site with something on every page of a worker and a visitor, and a walk through all of them.

Rules kept here
- Rows are those that the roles write; pages and figures are the site's own. The delivered job is a recorded answer.
- `walk` stops at every state of a page that looks another way: the test holds each to the same demands, and
  `python -m tests.browser.look` takes a picture of each for people to look at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from playwright.sync_api import Page, expect

from manyhands.apps.compose import Platform
from manyhands.protocol import canonical
from manyhands.protocol.evidence import BatchEvidence, receipt
from manyhands.protocol.manifest import Learning, Needs
from manyhands.protocol.messages import AppealJurorsDrawn, JobSettled, TypeStanding
from manyhands.roles.exchange.books import types_shown
from manyhands.roles.exchange.pooling import SEES
from manyhands.roles.exchange.testing import OpenJob, put_open_job, put_workers
from manyhands.store.database import Tx, rows

from .world import World

PASSWORD = "correct horse battery"
DELIVERED = json.loads((Path(__file__).parent / "delivered_job.json").read_text(encoding="utf-8"))
HOUR_MS = 3_600_000
TITLES = {
    "open": "Receipts of a corner shop, March",
    "measured": "Delivery notes of Valencia harbour",
    "spanish": "Facturas de una ferretería",
    "hard": "Lists of parts, small print",
    "settled": "Invoices of a print shop",
    "refused": "Till receipts, thermal paper",
    "judged": "Meter readings, handwritten",
}


def go(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("html[data-ready]")
    page.wait_for_load_state("networkidle")


def sign_up(page: Page, world: World, name: str) -> str:
    """Opens an account through the page; its address."""
    go(page, world.url + "/sign-in?new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open an account").first.click()
    page.wait_for_url(world.url + "/")
    return str(page.evaluate("fetch('/api/me').then((told) => told.json()).then((me) => me.worker)"))


def furnish(world: World, worker: str, *, mark: str) -> dict[str, str]:
    """Fills the site for this worker. Returns the jobs' ids by their part; mark keeps two walks apart."""
    ids = {part: f"{part}-{mark}" for part in TITLES}
    learning = Learning(guide_ms=64_500, practice_ms=111_330, places=3)
    needs = {"spanish": Needs(languages=("es", "ca"), screen="wide"), "hard": Needs(score_bp=9_400, pointer="fine")}
    for part in TITLES:
        job = OpenJob(
            job_id=ids[part], per_page=6 if part != "settled" else 40, learning=learning, needs=needs.get(part)
        )
        world.open_job(job)

    async def fill(platform: Platform) -> None:
        now_ms = platform.exchange.ctx.clock()
        for part in ("refused", "settled"):
            bundle = await platform.exchange.claim(worker, ids[part], 20)
            from manyhands.roles.exchange import Given

            given = [
                Given(one.assignment_id, None if place == 3 else f"keyed {place}", 4_000 + 700 * place)
                for place, one in enumerate(bundle.assignments[: 5 if part == "refused" else 20])
            ]
            await platform.exchange.submit(worker, ids[part], given)
        await platform.exchange.collecting.collect_all()
        async with platform.db.transaction() as tx:
            for part, title in TITLES.items():
                await tx.execute("update exchange.jobs set title = %s where job_id = %s", (title, ids[part]))
                await _retitled(tx, ids[part], title)
            others = await put_workers(tx, 14, first=abs(hash(mark)) % 10**6)
            await _refused(tx, ids["refused"], now_ms)
            await _settled(tx, ids["settled"], worker, others, now_ms)
            await _standing(tx, worker, ids["settled"], now_ms)
            await _hours(tx, worker, now_ms)
            await _known_requester(tx, ids["measured"], others, now_ms)
        await platform.exchange.refresh_offers(older_than_ms=0)
        async with platform.db.transaction() as tx:
            await tx.execute(
                "update exchange.offers set active_ms_sample = %s where job_id = %s",
                ([4_000 + 170 * n for n in range(40)], ids["measured"]),
            )
        await _cases(platform, worker, ids, mark)

    world.asking(fill)
    return ids


async def _retitled(tx: Tx, job_id: str, title: str) -> None:
    ((raw,),) = await rows(tx, "select manifest from exchange.jobs where job_id = %s", (job_id,))
    told = json.loads(raw) | {"title": title}
    await tx.execute("update exchange.jobs set manifest = %s where job_id = %s", (canonical.encode(told), job_id))


async def _refused(tx: Tx, job_id: str, now_ms: int) -> None:
    await tx.execute(
        "update exchange.assignments set outcome = 'refused', earned_minor = 0, code = 'known_answers_wrong', "
        "because = '0 of 5 answers that were known beforehand were right; honest work at chance level would do better "
        "19 times in 20' where job_id = %s and state = 'answered'",
        (job_id,),
    )
    await tx.execute(
        "update exchange.earnings set refused = answers, decided_minor = collected_minor where job_id = %s", (job_id,)
    )
    await tx.execute("update exchange.jobs set refused_at_ms = %s where job_id = %s", (now_ms, job_id))


async def _settled(tx: Tx, job_id: str, worker: str, others: list[str], now_ms: int) -> None:
    settled = JobSettled(
        job_id=job_id, accepted=True, paid_minor={worker: 1_242_000}, fees_minor=30_000, refunded_minor=9_000_000,
        package_blob="", package_hash="", payouts_blob="", transactions=("0x" + "5c" * 32,),
    )  # fmt: skip
    await tx.execute(
        "update exchange.assignments set outcome = 'accepted', earned_minor = 20000 where job_id = %s "
        "and state = 'answered'",
        (job_id,),
    )
    await tx.execute(
        "update exchange.tasks set state = 'accepted', value = 'keyed', confidence_bp = 9900, decided_batch = 1, "
        "because = '2 people agree' where job_id = %s",
        (job_id,),
    )
    await tx.execute(
        "update exchange.jobs set state = 'settled', settled = %s, settled_at_ms = %s, undecided = 0 where job_id = %s",
        (canonical.encode(settled), now_ms, job_id),
    )
    await tx.execute(
        "update exchange.earnings set accepted = answers, decided_minor = collected_minor, earned_minor = 400000, "
        "credited_ms = 140000, bonus_minor = 40000, top_up_minor = 216000, learning_minor = 586000, "
        "paid_minor = 1242000 where job_id = %s and worker = %s",
        (job_id, worker),
    )
    for place, other in enumerate(others):
        await tx.execute(
            "insert into exchange.earnings (job_id, worker, answers, accepted, collected_minor, decided_minor, "
            "earned_minor, credited_ms, paid_minor) values (%s, %s, 40, 40, 800000, 800000, 800000, 260000, %s)",
            (job_id, other, 720_000 + 34_000 * place),
        )
    for part, version in (("guides_read", "0123456789ab"),):
        await tx.execute(
            f"insert into exchange.{part} (worker, task_type, version, at_ms, paid_in, paid_minor) "
            "values (%s, 'transcription', %s, %s, %s, 215000)",
            (worker, version, now_ms - 9 * HOUR_MS, job_id),
        )


async def _standing(tx: Tx, worker: str, job_id: str, now_ms: int) -> None:
    types = types_shown(
        {
            name: TypeStanding(right_micro=right, wrong_micro=wrong, score_bp=score_bp, right=judged, judged=judged)
            for name, right, wrong, score_bp, judged in (
                ("", 9_400_000, 1_000_000, 8_017, 0),
                ("amount", 31_900_000, 100_000, 9_260, 12),
                ("date", 8_000_000, 0, 8_904, 3),
                ("field_choice", 2_000_000, 1_000_000, 7_702, 0),
                ("text", 10_000_000, 0, 8_811, 5),
            )
        }
    )
    await tx.execute(
        "insert into exchange.standings (worker, skill, right_micro, wrong_micro, score_bp, because, at_ms, types) "
        "values (%s, 'transcription', 61300000, 2100000, 9041, '20 of 20 answers that could be judged were right', %s, "
        "%s::jsonb)",
        (worker, now_ms, types),
    )
    steps = ((7_420, (18, 20), 40), (8_610, (38, 40), 20), (9_041, (20, 20), 1))
    for place, (score_bp, (right, judged), days) in enumerate(steps):
        await tx.execute(
            "insert into exchange.standing_changes "
            "values (%s, 'transcription', %s, %s, %s, 2100000, %s, %s, %s::jsonb, %s::jsonb)",
            (
                worker, now_ms - days * 24 * HOUR_MS, job_id if place == 2 else f"earlier-{place}-{job_id}",
                20_000_000 * (place + 1), score_bp, f"{right} of {judged} answers that could be judged were right",
                types if place == 2 else "[]", json.dumps({"right": right, "judged": judged}) if place else "{}",
            ),
        )  # fmt: skip


async def _hours(tx: Tx, worker: str, now_ms: int) -> None:
    for hours_ago in (1, 2, 26, 27, 28, 170, 171, 340):
        await tx.execute(
            "insert into exchange.worked values (%s, %s, 'MHT', %s, %s, %s) on conflict do nothing",
            (
                worker, (now_ms // HOUR_MS - hours_ago) * HOUR_MS, 40 + hours_ago % 60, 1_500_000 + 900 * hours_ago,
                20_000 * (40 + hours_ago % 60),
            ),
        )  # fmt: skip


async def _known_requester(tx: Tx, job_id: str, others: list[str], now_ms: int) -> None:
    await tx.execute(
        "update exchange.jobs set requester = 'requester-' || job_id where job_id = %s", (job_id,)
    )  # fmt: skip
    ((raw,),) = await rows(tx, "select manifest from exchange.jobs where job_id = %s", (job_id,))
    told = json.loads(raw) | {"requester": f"requester-{job_id}"}
    await tx.execute("update exchange.jobs set manifest = %s where job_id = %s", (canonical.encode(told), job_id))
    for place, other in enumerate(others[:8]):
        await tx.execute("insert into exchange.ratings values (%s, %s, %s, %s)", (job_id, other, 4 + place % 2, now_ms))
    await tx.execute(
        "insert into exchange.earnings (job_id, worker, answers, accepted, refused) values (%s, %s, 400, 398, 2)",
        (job_id, others[0]),
    )


async def _cases(platform: Platform, worker: str, ids: dict[str, str], mark: str) -> None:
    """A report by somebody else, and an appeal of somebody else, both of which this worker is drawn to judge."""
    exchange = platform.exchange
    _, other = await exchange.sign_up(f"reporter {mark}", PASSWORD)
    bundle = await exchange.claim(other.worker, ids["judged"], 5)
    report_id = await exchange.report(
        other.worker, ids["judged"], bundle.assignments[0].assignment_id, "personal_data", "A name and an address."
    )
    from manyhands.roles.exchange import Given

    given = [Given(one.assignment_id, "x1", 3_000) for one in bundle.assignments[1:4]]
    await exchange.submit(other.worker, ids["judged"], given)
    await exchange.collecting.collect_all()
    async with platform.db.transaction() as tx:
        await tx.execute("update exchange.reports set state = 'judged' where report_id = %s", (report_id,))
        await tx.execute(
            "insert into exchange.cases (job_id, case_id, report_id, clear_digest, uphold_digest, drawn_at_ms) "
            "values (%s, %s, %s, '0x', '0x', 1)",
            (ids["judged"], f"case-{mark}", report_id),
        )
        await tx.execute(
            "insert into exchange.case_jurors (job_id, case_id, juror) values (%s, %s, %s)",
            (ids["judged"], f"case-{mark}", worker),
        )
        await _refused(tx, ids["judged"], exchange.ctx.clock())
    appeal_id = await exchange.appeal(other.worker, ids["judged"], "I keyed what I saw; the ink is very faint.")
    async with platform.db.transaction() as tx:
        drawn = AppealJurorsDrawn(job_id=ids["judged"], appeal_id=appeal_id, jurors=(worker,))
        await exchange.appealing.jurors_drawn(tx, platform.keys["jury"].address, drawn)


def delivered(page: Page) -> None:
    """Answers for one job come from a recorded one: no chain runs beside these tests."""
    files = [{"name": "X0001.json", "size_bytes": 20_480, "media_type": "application/json", "url": "/api/jobs/x"}]
    page.route("**/api/jobs/delivered", lambda route: route.fulfill(json=DELIVERED))
    page.route("**/api/jobs/delivered/results", lambda route: route.fulfill(json={"files": files}))


def some_receipt() -> list[dict[str, Any]]:
    """Two receipts of the delivered job, one of them changed."""
    from manyhands.protocol.evidence import AnswerRecord
    from manyhands.protocol.messages import AnswerFact

    answers = tuple(
        AnswerRecord(
            answer=AnswerFact(
                task_id=f"task-{place}", worker="0x" + "ab" * 20, text=text, active_ms=4_000, received_at_ms=1
            ),
            reward_minor=19_334,
            salt=f"{place:064x}",
        )
        for place, text in enumerate(("12.50", "TEO HENG STATIONERY"))
    )
    evidence = BatchEvidence(
        job_id="delivered", batch_no=1, tasks=(), withdrawn=(), standings={}, answers=answers, decisions=(), refused=(),
        decisions_salt="0" * 64,
    )  # fmt: skip
    told = [
        msgspec.to_builtins(receipt(evidence, place, chain_id=1338, escrow="0x" + "5b" * 20))
        for place in range(len(answers))
    ]
    told[1]["record"]["reward_minor"] += 1
    return told


def walk(page: Page, world: World, *, mark: str) -> Iterator[str]:
    """Yields the name of each stop while the page shows it."""
    delivered(page)
    for name, path in (
        ("front", "/"), ("sign-in", "/sign-in"), ("sign-up", "/sign-in?new"), ("jobs", "/jobs"),
        ("job-delivered", "/jobs/delivered"), ("nowhere", "/nowhere"), ("work-signed-out", "/work/some-job"),
    ):  # fmt: skip
        go(page, world.url + path)
        yield name
    worker = sign_up(page, world, f"Marta Ruiz {mark}")
    ids = furnish(world, worker, mark=mark)
    told = some_receipt()
    page.route("**/api/jobs/delivered", lambda route: route.fulfill(json=_anchored(told[0]["root"])))
    go(page, world.url + "/proof")
    yield "proof"
    raw = json.dumps(told).encode()
    page.get_by_label("Choose or drop a receipt file").set_input_files(
        {"name": "r.json", "mimeType": "application/json", "buffer": raw}
    )
    expect(page.get_by_text("1 of 2 receipts hold.")).to_be_visible()
    yield "proof-checked"
    for name, path in (("record", "/record"), ("account", "/account"), ("standing", "/standing"), ("jury", "/jury")):
        go(page, world.url + path)
        yield name
    yield from _limits(page, world)
    yield from _pools(page, world, worker, mark=mark)
    yield from _offers(page, world)
    yield from _practice(page, world)
    yield from _work(page, world, ids)
    yield from _earnings(page, world)


def _anchored(root: str) -> dict[str, Any]:
    return {**DELIVERED, "anchors": [{"root": root, "count": 2, "tx_hash": "0x" + "1" * 64}]}


def _limits(page: Page, world: World) -> Iterator[str]:
    go(page, world.url + "/limits")
    page.get_by_label("English").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    yield "limits"


def _pools(page: Page, world: World, worker: str, *, mark: str) -> Iterator[str]:
    """An invitation before and after it is accepted; and, for whoever runs a pool, the pool."""
    about = "We index parish registers and delivery notes for archives in four countries."

    async def invited(platform: Platform) -> str:
        accounts, pooling = platform.exchange.accounts, platform.exchange.pooling
        _, archive = await accounts.sign_up(f"Archive clerks {mark}", PASSWORD, role="requester")
        for address in (archive.worker, worker):
            await accounts.take_role(address, "workpool", by_operator=True)
        await pooling.describe(archive.worker, about=about, listed=True)
        made = await pooling.invite(worker, note="night shift", places=3, lasts_ms=9 * 24 * HOUR_MS)
        for number, name in enumerate(("Wilhelmina Ost", "Bo")):
            _, member = await accounts.sign_up(f"{name} {mark}", PASSWORD)
            await pooling.join(member.worker, member.roles, made.token, agreed_to=SEES)
            job_id = f"pool-{number}-{mark}"
            async with platform.db.transaction() as tx:
                await put_open_job(tx, OpenJob(job_id=job_id, per_page=40, pool=worker))
                await tx.execute(
                    "insert into exchange.earnings (job_id, worker, answers, accepted, refused, credited_ms) "
                    "values (%s, %s, %s, %s, 1, 1310000)",
                    (job_id, member.worker, 31 - 18 * number, 30 - 18 * number),
                )
        return (await pooling.invite(archive.worker, note="", places=1, lasts_ms=24 * HOUR_MS)).token

    token = world.asking(invited)
    go(page, world.url + "/pools")
    yield "pools-none"
    go(page, f"{world.url}/pools?fresh#{token}")
    page.wait_for_selector("#invitation")
    yield "pools-invited"
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Its work stands among your offers")).to_be_visible()
    page.get_by_text("What this pool sees").click()
    yield "pools-joined"
    go(page, world.url + "/sign-in")
    page.wait_for_timeout(3_100)  # as long as a session's roles are remembered
    go(page, world.url + "/pool")
    page.get_by_role("button", name="Make a link").click()
    page.wait_for_selector("#link")
    yield "pool"
    page.get_by_role("button", name="Put out").first.click()
    yield "pool-put-out"


def _offers(page: Page, world: World) -> Iterator[str]:
    go(page, world.url + "/")
    page.wait_for_selector(".offer")
    yield "offers"
    page.locator(".offer").first.get_by_text("How to do it").click()
    page.locator(".examples-place").first.scroll_into_view_if_needed()  # they are fetched when they come into view
    page.wait_for_selector(".examples img")
    page.wait_for_load_state("networkidle")
    yield "offers-guide"


def _practice(page: Page, world: World) -> Iterator[str]:
    go(page, world.url + "/practice/transcription")
    yield "practice"
    page.locator("#answer").fill("not what it shows")
    page.keyboard.press("Enter")
    page.wait_for_selector(".told")
    yield "practice-wrong"
    for place in range(1, 10):
        page.keyboard.press("Enter")
        page.wait_for_selector(f'.cutting img[src*="/{place}?"]')
        if place == 3:
            yield "practice-lesson"
        page.get_by_role("button", name="Cannot read").click()
        page.wait_for_selector(".told")
        if place == 3:
            yield "practice-right"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Practice done")).to_be_visible()
    yield "practice-done"
    yield from _choices(page, world)
    go(page, world.url + "/practice/nothing")
    yield "practice-unknown"


def _choices(page: Page, world: World) -> Iterator[str]:
    """Practice whose answers are chosen: a place, a verdict with its mark, a verdict alone; all by keyboard."""
    go(page, world.url + "/practice/field_choice")
    page.wait_for_selector(".places button")
    page.wait_for_selector(".cutting img")
    yield "practice-field"
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".told .sheet img")
    yield "practice-field-told"
    page.keyboard.press("Enter")
    page.wait_for_selector(".part .places button:focus")
    page.wait_for_selector(".cutting img")
    yield "practice-several"
    for key in ("2", "Enter", "3", "4", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector(".told .verdict.good")
    yield "practice-several-told"
    go(page, world.url + "/practice/verify_claim")
    page.wait_for_selector(".verdicts input")
    page.wait_for_selector(".cutting img")
    page.keyboard.press("1")
    page.locator(".cutting").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".cutting .mark")
    yield "practice-claim"
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector(".told .sheet .mark")
    yield "practice-claim-told"
    go(page, world.url + "/practice/reconcile")
    page.wait_for_selector(".verdicts input")
    page.wait_for_selector(".cutting img")
    yield "practice-match"
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    page.wait_for_selector(".told .sheet img")
    yield "practice-match-told"


def _work(page: Page, world: World, ids: dict[str, str]) -> Iterator[str]:
    go(page, f"{world.url}/work/{ids['open']}")
    page.wait_for_selector(".cutting img")
    page.locator(".examples-place").first.scroll_into_view_if_needed()
    page.wait_for_selector(".examples img")
    yield "work-first"
    page.get_by_role("button", name="I have read it").click()
    for _ in range(2):
        shown = page.locator(".cutting img").get_attribute("data-assignment")
        page.keyboard.type("12")
        page.keyboard.press("Enter")
        page.wait_for_selector(f'.cutting img:not([data-assignment="{shown}"])')
    page.keyboard.press("Enter")
    yield "work-empty"
    page.get_by_role("button", name="Report").click()
    page.wait_for_selector("dialog[open] input")
    yield "work-report"
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Stop here").click()
    yield "work-leave"
    page.get_by_role("button", name="Go on working").click()
    while page.locator(".done").count() == 0:
        shown = page.locator(".cutting img").get_attribute("data-assignment")
        page.get_by_role("button", name="Cannot read").click()
        page.wait_for_selector(f'.done, .cutting img:not([data-assignment="{shown}"])')
    expect(page.get_by_role("heading", name="Bundle done")).to_be_visible()
    yield "work-done"
    page.get_by_role("button", name="Next bundle").click()
    expect(page.get_by_role("heading", name="Nothing left for you here")).to_be_visible()
    yield "work-none"
    go(page, f"{world.url}/work/{ids['hard']}")
    page.wait_for_selector(".notice.bad")
    yield "work-not-open-to-you"


def _earnings(page: Page, world: World) -> Iterator[str]:
    go(page, world.url + "/earnings")
    page.wait_for_selector(".refused-job")
    yield "earnings"
    page.get_by_role("button", name="Appeal").first.click()
    page.get_by_text("Hour by hour").click()
    for opened in page.get_by_text("Task by task").all():
        opened.click()
    page.wait_for_load_state("networkidle")
    yield "earnings-opened"


def forget(world: World, worker: str) -> None:
    """Ends a walk's offers, so that the next walk sees its own."""
    with psycopg.connect(world.dsn) as connection:
        connection.execute("update exchange.jobs set state = 'settled' where state = 'open'")
