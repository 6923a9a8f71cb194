"""The worker's page in a real browser: keyed answers reach the exchange, each for the task that was shown."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from manyhands.roles.exchange.testing import OpenJob

from .world import World

pytestmark = pytest.mark.browser
WorkerAt = Callable[..., Page]


def shown_task(page: Page) -> str:
    """The assignment that is before the worker's eyes, once its picture is."""
    page.wait_for_selector(".cutting img")
    return str(page.locator("#answer").get_attribute("data-assignment"))


def wait_until_stored(page: Page, world: World, job_id: str, count: int) -> None:
    for _ in range(600):
        if sum(len(texts) for texts in world.answers(job_id).values()) >= count:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{len(world.answers(job_id))} of {count} answers were stored")


def test_a_keyed_answer_is_stored_for_the_task_that_was_shown(world: World, worker_at: WorkerAt, job_id: str) -> None:
    shown = world.open_job(OpenJob(job_id=job_id, per_page=3))
    page = worker_at(f"/work/{job_id}")
    tasks: dict[str, str] = {}
    for _ in range(3):
        tasks[shown_task(page)] = "x"
        page.keyboard.type("something")
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Bundle done")).to_be_visible()
    page.keyboard.press("Enter")
    wait_until_stored(page, world, job_id, 3)
    assert world.answers(job_id) == {task: ["something"] for task in shown}
    expect(page.get_by_role("heading", name="Nothing left for you here")).to_be_visible()


def test_an_offer_says_pay_per_hour_and_leads_to_the_work(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=2))
    page = worker_at("/")
    offer = page.locator(f'.offer:has(a[href="/work/{job_id}"])')
    expect(offer.locator(".rate")).to_have_text(re.compile(r"\$12\.00\s*an hour"))
    expect(offer).to_contain_text("Never below$10.00 an hour")
    expect(offer).to_contain_text("estimate")
    offer.get_by_role("link", name=re.compile("^Start")).click()
    page.wait_for_url(f"**/work/{job_id}")
    shown_task(page)


def test_a_hundred_fast_key_presses_are_a_hundred_answers_each_for_the_task_shown(
    world: World, worker_at: WorkerAt, job_id: str
) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=100))
    page = worker_at(f"/work/{job_id}")
    # a witness beside the page: which picture stood there when Enter was pressed, and what stood in the field
    page.evaluate(
        """() => {
            window.seen = [];
            addEventListener("keydown", (event) => {
                const [image, input] = [document.querySelector(".cutting img"), document.querySelector("#answer")];
                if (event.key === "Enter" && image && input) window.seen.push([image.dataset.assignment, input.value]);
            }, true);
        }"""
    )
    number = 0
    while number < 100:
        expect(page.locator(".progress i.open")).to_have_count(20)
        page.wait_for_selector(".cutting img")
        page.wait_for_timeout(500)  # the bundle's pictures are there: from here on as fast as keys can be pressed
        for _ in range(20):
            page.keyboard.press(str(number % 10))
            page.keyboard.press("Enter")
            number += 1
        expect(page.get_by_role("heading", name="Bundle done")).to_be_visible()
        page.keyboard.press("Enter")
    wait_until_stored(page, world, job_id, 100)
    seen = page.evaluate("window.seen")
    assert [text for _, text in seen] == [str(number % 10) for number in range(100)]
    assert len({assignment for assignment, _ in seen}) == 100
    stored = world.answers(job_id)
    for assignment, text in seen:
        assert [texts for task_id, texts in stored.items() if task_id in assignment] == [[text]]


def test_undo_opens_the_last_answer_again_and_only_the_correction_is_stored(
    world: World, worker_at: WorkerAt, job_id: str
) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=2))
    page = worker_at(f"/work/{job_id}")
    first = shown_task(page)
    page.keyboard.type("wrnog")
    page.keyboard.press("Enter")
    assert shown_task(page) != first
    page.keyboard.press("ArrowUp")
    assert shown_task(page) == first
    expect(page.locator("#answer")).to_have_value("wrnog")
    page.keyboard.type("right")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Enter")
    page.get_by_role("button", name="Next bundle").click()
    wait_until_stored(page, world, job_id, 2)
    assert sorted(str(texts[0]) for texts in world.answers(job_id).values()) == ["None", "right"]


def test_an_empty_field_is_no_answer_and_a_held_key_answers_once(
    world: World, worker_at: WorkerAt, job_id: str
) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=3))
    page = worker_at(f"/work/{job_id}")
    first = shown_task(page)
    page.keyboard.press("Enter")
    assert shown_task(page) == first
    expect(page.locator("#why")).to_contain_text("Cannot read")
    page.keyboard.type("7")
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(page.locator(".progress i.held")).to_have_count(1)


def test_no_answer_is_taken_for_a_picture_that_was_not_shown(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=1))
    page = worker_at("/", allow=("ERR_FAILED",))
    page.route("**/pictures/**", lambda route: route.abort())
    page.goto(f"{world.url}/work/{job_id}")
    page.wait_for_selector("#answer")
    page.locator("#answer").fill("guess")
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_contain_text("Wait for the cutting")
    page.unroute("**/pictures/**")
    page.wait_for_selector(".cutting img")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Bundle done")).to_be_visible()


def test_a_bundle_is_finished_without_a_network_and_nothing_is_lost_when_the_tab_dies(
    world: World, worker_at: WorkerAt, job_id: str
) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=8))
    page = worker_at(f"/work/{job_id}", allow=("ERR_INTERNET_DISCONNECTED",))
    context = page.context
    page.wait_for_selector(".cutting img")
    page.wait_for_timeout(600)
    context.set_offline(True)
    for number in range(8):
        shown_task(page)
        page.keyboard.type(f"offline {number}")
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Bundle done")).to_be_visible()
    page.get_by_role("button", name="Next bundle").click()
    expect(page.get_by_text("The site cannot be reached.")).to_be_visible()
    page.close(run_before_unload=False)
    assert world.answers(job_id) == {}
    context.set_offline(False)
    again = context.new_page()
    again.goto(world.url + "/earnings")
    wait_until_stored(again, world, job_id, 8)
    assert sorted(texts[0] for texts in world.answers(job_id).values()) == [f"offline {number}" for number in range(8)]


def test_thirty_per_cent_packet_loss_loses_no_answer(world: World, worker_at: WorkerAt, job_id: str) -> None:
    shown = world.open_job(OpenJob(job_id=job_id, per_page=12))
    page = worker_at(f"/work/{job_id}", allow=("ERR_FAILED", "ERR_CONNECTION"))
    shown_task(page)
    page.wait_for_timeout(500)
    calls = iter(range(10_000))

    def lossy(route):  # type: ignore[no-untyped-def]
        number = next(calls)
        if number % 3 == 0:
            route.abort()  # the request is lost
        elif number % 3 == 1:
            route.fetch()  # the answer is lost: the server has stored what it took
            route.abort()
        else:
            route.continue_()

    page.route("**/answers", lossy)
    for number in range(12):
        shown_task(page)
        page.keyboard.type(f"lossy {number}")
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Next bundle").click()
    wait_until_stored(page, world, job_id, 12)
    page.unroute_all(behavior="wait")  # an answer that is stored may still be on its way to being "lost"
    assert all(len(texts) == 1 for texts in world.answers(job_id).values())
    assert len(world.answers(job_id)) == len(shown)


def test_what_was_typed_survives_a_reload(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=2))
    page = worker_at(f"/work/{job_id}")
    first = shown_task(page)
    page.keyboard.type("half a li")
    page.reload()
    assert shown_task(page) == first
    expect(page.locator("#answer")).to_have_value("half a li")


def test_work_goes_on_after_the_server_was_killed(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=4))
    page = worker_at(f"/work/{job_id}", allow=("ERR_CONNECTION", "ERR_EMPTY"))
    shown_task(page)
    page.wait_for_timeout(400)
    world.stop(kill=True)
    for number in range(4):
        shown_task(page)
        page.keyboard.type(f"killed {number}")
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Next bundle").click()
    world.start()
    wait_until_stored(page, world, job_id, 4)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Nothing left for you here")).to_be_visible()


def test_giving_back_keeps_what_was_answered_and_frees_the_rest(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=5))
    page = worker_at(f"/work/{job_id}")
    shown_task(page)
    page.keyboard.type("kept")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop here").click()
    page.get_by_role("button", name="Give back and stop").click()
    page.wait_for_url(world.url + "/")
    assert list(world.answers(job_id).values()) == [["kept"]]
    other = worker_at(f"/work/{job_id}")
    shown_task(other)
    expect(other.locator(".progress i")).to_have_count(4)


def test_a_report_takes_the_task_away_and_the_work_goes_on(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=2))
    page = worker_at(f"/work/{job_id}")
    reported = shown_task(page)
    page.keyboard.press("F2")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("An honest report never counts against you.")
    dialog.get_by_label("In your own words").fill("<img src=x onerror=alert(1)>")
    dialog.get_by_role("button", name="Report and go on").click()
    expect(dialog).to_have_count(0)
    assert shown_task(page) != reported
    expect(page.locator(".progress i.reported")).to_have_count(1)


def test_time_is_counted_while_working_and_pauses_are_capped(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=1))
    page = worker_at("/")
    page.clock.install()
    page.goto(f"{world.url}/work/{job_id}")
    shown_task(page)
    page.clock.run_for(2_000)
    page.keyboard.type("1")
    page.clock.run_for(3_600_000)
    page.keyboard.type("2")
    with page.expect_request("**/answers") as sent:
        page.keyboard.press("Enter")
        page.clock.run_for(15_000)
    (given,) = sent.value.post_data_json["answers"]
    assert 12_000 <= given["active_ms"] <= 14_000  # 2 s, and an hour's pause counted as 10 s
    assert set(given) == {"assignment_id", "text", "active_ms"}  # counts only: no keys, no pointer
    wait_until_stored(page, world, job_id, 1)
    assert world.active_ms(job_id)[0] < 60_000  # the exchange credits no more than has passed on its own clock


def test_a_session_that_ended_elsewhere_loses_no_answer(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=2))
    page = worker_at(f"/work/{job_id}", name=f"stale {job_id}", allow=("401",))
    shown_task(page)
    page.keyboard.type("before")
    page.keyboard.press("Enter")
    shown_task(page)
    page.context.clear_cookies()
    page.keyboard.type("after")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Next bundle").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    page.goto(world.url + "/sign-in")
    page.get_by_label("Name").fill(f"stale {job_id}")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").first.click()
    wait_until_stored(page, world, job_id, 2)
    assert sorted(str(texts[0]) for texts in world.answers(job_id).values()) == ["after", "before"]


def test_a_tab_that_died_goes_on_without_a_network_where_it_was(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=6))
    page = worker_at(f"/work/{job_id}", allow=("ERR_INTERNET_DISCONNECTED", "Failed to fetch"))
    context = page.context
    shown_task(page)
    page.wait_for_selector('html[data-kept="true"]')
    page.keyboard.type("before the tunnel")
    page.keyboard.press("Enter")
    shown_task(page)
    context.set_offline(True)
    page.close(run_before_unload=False)
    again = context.new_page()
    again.goto(f"{world.url}/work/{job_id}")
    expect(again.get_by_text("There is no network. These are the tasks that are kept")).to_be_visible()
    for number in range(5):
        shown_task(again)
        again.keyboard.type(f"in the tunnel {number}")
        again.keyboard.press("Enter")
    expect(again.get_by_role("heading", name="Bundle done")).to_be_visible()
    assert world.answers(job_id) == {}
    context.set_offline(False)
    again.evaluate("dispatchEvent(new Event('online'))")
    wait_until_stored(again, world, job_id, 6)
    texts = sorted(str(one[0]) for one in world.answers(job_id).values())
    assert texts == ["before the tunnel", *(f"in the tunnel {number}" for number in range(5))]


def test_a_second_tab_says_so_and_can_take_the_work_over(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=3))
    first = worker_at(f"/work/{job_id}")
    shown_task(first)
    first.keyboard.type("first tab")
    first.keyboard.press("Enter")
    second = first.context.new_page()
    second.goto(f"{world.url}/work/{job_id}")
    expect(second.get_by_role("heading", name="This work is open in another tab")).to_be_visible()
    second.get_by_role("button", name="Work here").click()
    shown_task(second)
    expect(first.get_by_role("heading", name="This work is open in another tab")).to_be_visible()
    for _ in range(2):
        shown_task(second)
        second.keyboard.type("second tab")
        second.keyboard.press("Enter")
    second.get_by_role("button", name="Next bundle").click()
    wait_until_stored(second, world, job_id, 3)
    assert sorted(str(one[0]) for one in world.answers(job_id).values()) == ["first tab", "second tab", "second tab"]


def test_signing_out_leaves_no_picture_on_the_device(world: World, worker_at: WorkerAt, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=2))
    page = worker_at(f"/work/{job_id}")
    shown_task(page)
    count = """() => new Promise((resolve) => {
        const opening = indexedDB.open("manyhands");
        opening.onsuccess = () => {
            const asked = opening.result.transaction("pictures").objectStore("pictures").count();
            asked.onsuccess = () => { opening.result.close(); resolve(asked.result); };
        };
    })"""
    page.wait_for_timeout(500)
    assert page.evaluate(count) == 2
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(world.url + "/")
    assert page.evaluate(count) == 0
