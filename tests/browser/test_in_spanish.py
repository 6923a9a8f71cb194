"""A reader of Spanish: no page, and nothing that goes wrong on one, speaks English to them (ADR 0167).

Rules kept here
- English is found by its small words. What people and other programs wrote is in no language of ours: it is taken out
  of what is looked at, each text by itself.
- What goes wrong is provoked at the site itself, through the functions that its pages ask it with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
import pytest
from playwright.sync_api import Page, expect

from manyhands.apps.compose import Platform
from manyhands.apps.web.said import spoken
from manyhands.roles.exchange.testing import OpenJob

from .conftest import DESK, PHONE, go
from .desk_material import deliver, folder_of_receipts
from .furnished import PASSWORD, TITLES, furnish
from .test_desk import RUNNING
from .test_operator import dead_work
from .world import World

pytestmark = pytest.mark.browser
Opened = Callable[..., Page]
SPANISH = {"locale": "es-ES"}
STATUSES = ("400", "401", "402", "403", "404", "409", "413", "422", "429")
"""Every refusal is a line in the browser's console."""

ENGLISH = re.compile(
    r"\b(the|of|and|is|are|was|were|to|with|for|not|this|that|your|you|from|it|has|have|been|be|which|yet|than|there|"
    r"answers?|pieces?|jobs?|tasks?|people|right|wrong|please|again|must|only)\b",
    re.IGNORECASE,
)
WRITTEN = (
    *TITLES.values(), RUNNING["title"], "I keyed what I saw; the ink is very faint.",
    "A name and an address.", "the reader has no memory left <img src=x onerror=window.hit=1>", "exchange.read_page",
    "TEO HENG STATIONERY & BOOKS", "Receipts of a corner shop", "All connection attempts failed", "notes to myself.txt",
)  # fmt: skip
"""What people, documents and other programs wrote on these pages."""

NAMES = re.compile(r"\S+[-_./@]\S+")
"""Ids, files, addresses and names in the code of a platform: no words of a language."""


def english_in(text: str) -> list[str]:
    """Lines that speak English.

    >>> english_in("the page\\nla página job-of-the-day")
    ['the page']
    """
    for written in WRITTEN:
        text = text.replace(written, "")
    return [line for line in text.split("\n") if ENGLISH.search(NAMES.sub("", line))]


def spoken_on(page: Page) -> str:
    """Everything that can be read on a page, folded in or not, and what is said to those who cannot see it."""
    told: str = page.evaluate(
        """() => [document.title, document.body.innerText,
            ...[...document.querySelectorAll("details:not([open]), .unseen")].map((one) => one.textContent),
            ...[...document.querySelectorAll("[aria-label], [alt], [title], [placeholder]")].flatMap((one) =>
                ["aria-label", "alt", "title", "placeholder"].map((name) => one.getAttribute(name) ?? "")),
        ].join("\\n")"""
    )
    return told


class Stopped(NamedTuple):
    """A refusal as a page tells it."""

    message: str
    cure: str


def ask(page: Page, method: str, path: str, body: Any = None) -> Any:
    """What the page's own functions make of an answer of the site: its value, or a refusal as it is shown."""
    told = page.evaluate(
        """async ([method, path, body]) => {
            const { [method]: ask } = await import("manyhands/api.js");
            try {
                return { value: await ask(path, body ?? undefined) };
            } catch (problem) {
                return { stopped: [problem.message, problem.cure ?? ""] };
            }
        }""",
        [method, path, body],
    )
    return told["value"] if "value" in told else Stopped(*told["stopped"])


def stopped(page: Page, method: str, path: str, body: Any = None) -> Stopped:
    told = ask(page, method, path, body)
    assert isinstance(told, Stopped), told
    assert english_in("\n".join(told)) == [], path
    return told


def signed_up(
    opened: Opened, world: World, name: str, *, role: str = "worker", path: str = "/", **options: Any
) -> Page:
    """A Spanish page of a new person."""
    page = opened("/jobs", allow=STATUSES, **{**DESK, **SPANISH, **options})
    told = ask(page, "post", "/api/sign-up", {"name": name, "password": PASSWORD, "role": role})
    assert not isinstance(told, Stopped), told
    go(page, world.url + path)
    return page


def worker_of(page: Page) -> str:
    return str(ask(page, "get", "/api/me")["worker"])


def visited(page: Page, world: World, paths: Iterable[str]) -> list[str]:
    """English lines of these pages, each with its path; everything that can be opened is opened."""
    found: list[str] = []
    for path in paths:
        go(page, world.url + path)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
        page.wait_for_load_state("networkidle")
        found += [f"{path}: {line}" for line in english_in(spoken_on(page))]
    return found


def test_a_worker_and_a_visitor_meet_no_english(opened: Opened, world: World, job_id: str) -> None:
    page = signed_up(opened, world, f"Marta {job_id}")
    ids = furnish(world, worker_of(page), mark=f"es-{job_id}")
    found = visited(
        page, world,
        ("/", "/earnings", "/standing", "/jury", "/limits", "/record", "/account", "/pools", "/jobs",
         "/proof", "/practice/transcription", f"/work/{ids['open']}", f"/work/{ids['hard']}", "/nowhere"),
    )  # fmt: skip
    assert found == []


def test_a_requester_and_an_operator_meet_no_english(opened: Opened, world: World, job_id: str, tmp_path: Path) -> None:
    page = signed_up(opened, world, f"Papelería {job_id}", role="requester", path="/desk")
    draft = str(ask(page, "post", "/api/desk/drafts", {"title": "Recibos"})["draft_id"])
    go(page, f"{world.url}/desk/drafts/{draft}")
    page.locator("input[webkitdirectory]").set_input_files(folder_of_receipts(tmp_path / "recibos"))
    expect(page.get_by_text("Se leen los archivos")).to_be_visible()
    world.read_in()
    page.wait_for_selector(".price")
    assert english_in(spoken_on(page)) == []
    page.get_by_role("button", name="Lanzar por como máximo").click()
    page.wait_for_url("**/desk/jobs/*")
    expect(page.locator(".timeline")).to_contain_text("presupuesto de")
    launched = page.url.rsplit("/", 1)[-1]
    assert english_in(spoken_on(page)) == []
    world.asking(lambda platform: deliver(platform, launched))
    page.route("**/api/desk/jobs/running", lambda route: route.fulfill(body=msgspec.json.encode(spoken(RUNNING))))
    told = b"retry: 60000\n\nevent: state\ndata: " + msgspec.json.encode(spoken(RUNNING)) + b"\n\n"
    page.route(
        "**/api/desk/jobs/running/events", lambda route: route.fulfill(body=told, content_type="text/event-stream")
    )
    found = visited(
        page, world,
        ("/desk", f"/desk/drafts/{draft}", f"/desk/jobs/{launched}", "/desk/jobs/running", "/desk/money",
         "/desk/webhooks", f"/jobs/{launched}"),
    )  # fmt: skip
    worker = worker_of(page)

    async def promoted(platform: Platform) -> None:
        await platform.exchange.accounts.take_role(worker, "operator", by_operator=True)
        await dead_work(platform)

    world.asking(promoted)
    go(page, world.url + "/operator")
    while page.locator(".verdict").count() == 0:  # a site remembers for three seconds who somebody is
        go(page, world.url + "/operator")
        page.locator(".verdict, [role=alert]").first.wait_for()
    found += visited(page, world, ("/operator",))
    assert found == []


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_whoever_cannot_get_in_is_told_in_spanish(opened: Opened, world: World, job_id: str) -> None:
    taken = f"Nutria {job_id}"
    signed_up(opened, world, taken)
    page = opened("/jobs", allow=STATUSES, **DESK, **SPANISH)
    assert (
        "ya está tomado" in stopped(page, "post", "/api/sign-up", {"name": taken, "password": f"{PASSWORD} 2"}).message
    )
    short = stopped(page, "post", "/api/sign-up", {"name": f"{taken} 2", "password": "corta"})
    assert "5 caracteres" in short.message
    wrong = stopped(page, "post", "/api/sign-in", {"name": taken, "password": "not this one"})
    assert wrong.message == "el nombre o la contraseña no es correcto"
    assert "no ha entrado" in stopped(page, "get", "/api/earnings").message
    shape = stopped(page, "post", "/api/sign-in", {"name": 7})
    assert shape.message.startswith("la petición no encaja")


def test_a_tab_that_outlived_its_session_says_so_in_spanish(opened: Opened, world: World, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=6))
    page = signed_up(opened, world, f"Lince {job_id}", path=f"/work/{job_id}")
    page.wait_for_selector(".cutting img")
    other = opened("/jobs", context=page.context)
    ask(other, "post", "/api/sign-out")
    expect_away(page, world)
    assert english_in(spoken_on(page)) == []


def expect_away(page: Page, world: World) -> None:
    """Keys an answer in a tab that has no session any more; what it says then is on the page."""
    stopped(page, "get", "/api/earnings")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    expect(page.get_by_text("Entre para continuar")).to_be_visible()


def test_answers_that_are_not_taken_say_why_in_spanish(opened: Opened, world: World, job_id: str) -> None:
    tasks = world.open_job(OpenJob(job_id=job_id, per_page=3))
    page = signed_up(opened, world, f"Garza {job_id}")
    lent = ask(page, "post", f"/api/jobs/{job_id}/claim", {"count": 3})["assignments"]
    assert len(lent) == len(tasks) == 3
    ids = [one["assignment_id"] for one in lent]

    def outcome(assignment_id: str, text: str) -> str:
        answers = [{"assignment_id": assignment_id, "text": text, "active_ms": 4_000}]
        (told,) = ask(page, "post", f"/api/jobs/{job_id}/answers", {"answers": answers})["outcomes"]
        words: str = page.evaluate(
            "async (told) => (await (await import('manyhands/api.js')).inWords("
            "{ message: told.because, message_said: told.because_said })).message",
            told,
        )
        return words or str(told["outcome"])

    assert outcome(ids[0], "12.50") == "stored"
    assert outcome(ids[0], "12.50") == "already_stored"
    assert "no se puede cambiar" in outcome(ids[0], "99.99")
    with psycopg.connect(world.dsn) as connection:  # its lease is over, and somebody else has done it
        where = (job_id, lent[1]["task_id"])
        connection.execute(
            "update exchange.assignments set state = 'expired' where job_id = %s and task_id = %s", where
        )
        connection.execute("update exchange.tasks set state = 'withdrawn' where job_id = %s and task_id = %s", where)
    assert outcome(ids[1], "12.50") == "su préstamo venció y la tarea ya está retirada"
    assert outcome("task.12345678", "x") == "no está en sus manos"
    assert "forma" in stopped(page, "post", f"/api/jobs/{job_id}/claim", {"count": "three"}).message
    assert "ningún encargo" in stopped(page, "post", "/api/jobs/none/claim", {"count": 1}).message
    report = stopped(page, "post", f"/api/jobs/{job_id}/reports", {"assignment_id": ids[0], "code": "odd", "text": ""})
    assert "denuncia" in report.message or "petición" in report.message
    assert "sin apelar" in stopped(page, "post", f"/api/jobs/{job_id}/appeal", {"words": "Miré bien."}).message


def test_two_tabs_on_one_bundle_say_so_in_spanish(opened: Opened, world: World, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=6))
    page = signed_up(opened, world, f"Corzo {job_id}", path=f"/work/{job_id}", **PHONE)
    page.wait_for_selector(".cutting img")
    second = opened(f"/work/{job_id}", context=page.context)
    expect(second.get_by_text("Este trabajo está abierto en otra pestaña")).to_be_visible()
    assert english_in(spoken_on(second)) == []


def test_a_launch_that_does_not_go_says_why_in_spanish(
    opened: Opened, world: World, job_id: str, tmp_path: Path
) -> None:
    page = signed_up(opened, world, f"Imprenta {job_id}", role="requester", path="/desk")
    assert "borrador" in stopped(page, "get", "/api/desk/drafts/none").message
    draft = str(ask(page, "post", "/api/desk/drafts", {"title": "Recibos"})["draft_id"])
    at = f"/api/desk/drafts/{draft}"
    (file,) = ask(page, "post", f"{at}/files", {"files": [{"name": "a.png", "size_bytes": 9_000}]})["files"]
    cut = page.evaluate(
        "async (path) => { const { putBytes } = await import('manyhands/api.js'); try { await putBytes(path, "
        "new Uint8Array(10)); return []; } catch (problem) { return [problem.message, problem.cure]; } }",
        f"{at}/files/{file['file_no']}/part?offset_bytes=500",
    )
    assert cut[0].startswith("el envío se cortó")
    assert english_in("\n".join(cut)) == []
    assert "el envío se cortó" in stopped(page, "post", f"{at}/read-in").message
    assert "punto" in stopped(page, "post", f"{at}/files", {"files": [{"name": ".x", "size_bytes": 1}]}).message
    go(page, f"{world.url}/desk/drafts/{draft}")
    expect(page.get_by_text("El envío se cortó")).to_be_visible()
    assert english_in(spoken_on(page)) == []


def test_a_purse_that_is_too_small_says_so_in_spanish(
    opened: Opened, world: World, job_id: str, tmp_path: Path
) -> None:
    page = signed_up(opened, world, f"Bodega {job_id}", role="requester", path="/desk")
    draft = str(ask(page, "post", "/api/desk/drafts", {"title": "Recibos"})["draft_id"])
    go(page, f"{world.url}/desk/drafts/{draft}")
    page.locator("input[webkitdirectory]").set_input_files(folder_of_receipts(tmp_path / "recibos"))
    expect(page.get_by_text("Se leen los archivos")).to_be_visible()
    world.read_in()
    page.wait_for_selector(".price")
    owner = worker_of(page)
    at = f"/api/desk/drafts/{draft}"
    wish = ask(page, "get", at)["wish"]
    stingy = stopped_quote(page, at, {**wish, "per_hour_minor": 1})
    assert "mínimo" in stingy.message or "campo" in stingy.message

    async def poor(platform: Platform) -> None:
        purses = platform.launcher.purses
        assert purses is not None
        await purses.set_limit(owner, 0, by="operator", because="una prueba de lo que no alcanza")

    ask(page, "put", f"{at}/wish", wish)
    quote = ask(page, "get", f"{at}/quote")
    changed = stopped(page, "post", f"{at}/launch", {"agreed_minor": quote["total_minor"] + 1})
    assert changed.message == "el presupuesto no es el que usted aceptó"
    world.asking(poor)
    small = stopped(page, "post", f"{at}/launch", {"agreed_minor": quote["total_minor"]})
    assert small.message.startswith("este lanzamiento retiene")


def stopped_quote(page: Page, at: str, wish: dict[str, Any]) -> Stopped:
    """The refusal of a wish, by whichever of the two routes refuses it."""
    told = ask(page, "put", f"{at}/wish", wish)
    if isinstance(told, Stopped):
        assert english_in("\n".join(told)) == []
        return told
    return stopped(page, "get", f"{at}/quote")
