"""The HTTP API from outside: who may do what, what leaves with every answer, and no request that breaks it."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from manyhands.apps.web import shapes
from manyhands.roles.exchange.testing import OpenJob

from .world import World

HEADER = {"X-Requested-With": "manyhands"}
_numbers = itertools.count(1)


class Caller:
    """Somebody with a cookie jar: `honest_worker`, `outsider`, ..."""

    def __init__(self, world: World, name: str = "") -> None:
        self.http = httpx.Client(base_url=world.url, headers=HEADER, timeout=30)
        if name:
            told = self.http.post(
                "/api/sign-up", json={"name": f"{name} {next(_numbers)}", "password": "correct horse"}
            )
            assert told.status_code == 201
            self.worker = told.json()["worker"]


@pytest.fixture
def honest_worker(world: World) -> Iterator[Caller]:
    caller = Caller(world, "honest")
    yield caller
    caller.http.close()


@pytest.fixture
def other_worker(world: World) -> Iterator[Caller]:
    caller = Caller(world, "other")
    yield caller
    caller.http.close()


@pytest.fixture
def outsider(world: World) -> Iterator[Caller]:
    caller = Caller(world)
    yield caller
    caller.http.close()


@pytest.fixture(scope="module")
def document(world: World) -> dict[str, Any]:
    """The OpenAPI document as a stranger gets it."""
    told: dict[str, Any] = httpx.get(f"{world.url}/openapi.json", timeout=30).json()
    return told


OPEN_TO_ANYONE = {
    ("get", "/api/health"), ("get", "/api/report-codes"), ("get", "/api/jobs"), ("get", "/api/jobs/{job_id}"),
    ("get", "/api/jobs/{job_id}/results"), ("get", "/api/jobs/{job_id}/results/{name}"), ("post", "/messages"),
    ("post", "/api/sign-up"), ("post", "/api/sign-in"), ("post", "/api/sign-out"), ("get", "/api/ways-in"),
    ("post", "/api/sign-up/passkey"), ("post", "/api/sign-up/passkey/begin"), ("post", "/api/sign-in/passkey"),
    ("post", "/api/sign-in/passkey/begin"), ("post", "/api/sign-in/wallet"), ("post", "/api/sign-in/wallet/begin"),
    ("post", "/api/sign-in/link"), ("get", "/api/record"), ("get", "/api/currencies"),
}  # fmt: skip

SAMPLES: dict[str, Any] = {
    "/api/jobs/{job_id}/claim": {"count": 1},
    "/api/jobs/{job_id}/answers": {"answers": [{"assignment_id": "x", "text": "1", "active_ms": 1}]},
    "/api/jobs/{job_id}/return": {"assignment_ids": ["x"]},
    "/api/jobs/{job_id}/reports": {"assignment_id": "x", "code": "other", "text": ""},
    "/api/jobs/{job_id}/appeal": {"words": "x"},
    "/api/jobs/{job_id}/rating": {"stars": 3},
    "/api/guides/{task_type}/read": {"version": "x"},
    "/api/jury/{case_id}/vote": {"uphold": True, "because": "x"},
}


def operations(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(method, path) for path, methods in document["paths"].items() for method in methods]


def filled(path: str) -> str:
    return re.sub(r"\{\w+(?::path)?\}", "some-id", path)


def test_every_operation_is_documented_with_its_refusals(document: dict[str, Any]) -> None:
    found = set(operations(document))
    assert found >= OPEN_TO_ANYONE
    assert {("post", "/api/jobs/{job_id}/claim"), ("post", "/api/jobs/{job_id}/answers")} <= found
    for method, path in found:
        operation = document["paths"][path][method]
        assert operation["summary"], path
        assert operation["tags"], path


def test_what_is_a_workers_own_is_refused_to_an_outsider(outsider: Caller, document: dict[str, Any]) -> None:
    for method, path in operations(document):
        if (method, path) in OPEN_TO_ANYONE:
            continue
        told = outsider.http.request(method, filled(path), json=SAMPLES.get(path, {}))
        assert told.status_code == 401, (method, path)
        assert told.json()["error"]["code"] == "not_signed_in"


def test_nothing_is_changed_without_our_header(world: World, honest_worker: Caller, document: dict[str, Any]) -> None:
    forged = httpx.Client(base_url=world.url, cookies=honest_worker.http.cookies)
    for method, path in operations(document):
        if method == "get" or path == "/messages":
            continue
        told = forged.request(method, filled(path), json=SAMPLES.get(path, {}))
        assert (told.status_code, told.json()["error"]["code"]) == (403, "header_missing"), path


def test_a_worker_cannot_touch_what_was_lent_to_another(
    world: World, honest_worker: Caller, other_worker: Caller, job_id: str
) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=4))
    lent = honest_worker.http.post(f"/api/jobs/{job_id}/claim", json={"count": 2}).json()["assignments"]
    ids = [one["assignment_id"] for one in lent]
    thief = other_worker.http
    assert thief.post(f"/api/jobs/{job_id}/return", json={"assignment_ids": ids}).json()["returned"] == 0
    stolen = thief.post(
        f"/api/jobs/{job_id}/answers",
        json={"answers": [{"assignment_id": one, "text": "x", "active_ms": 1} for one in ids]},
    ).json()["outcomes"]
    assert [one["outcome"] for one in stolen] == ["refused", "refused"]
    assert all(one["because"] for one in stolen)
    told = thief.post(f"/api/jobs/{job_id}/reports", json={"assignment_id": ids[0], "code": "other", "text": ""})
    assert told.status_code in (400, 404)
    assert thief.get(f"/api/receipts/{job_id}").json() == []
    session_id = honest_worker.http.get("/api/sessions").json()["sessions"][0]["session_id"]
    assert thief.post(f"/api/sessions/{session_id}/end").status_code == 404
    assert honest_worker.http.get("/api/me").status_code == 200
    assert world.answers(job_id) == {}


def test_an_ended_session_is_over(world: World, honest_worker: Caller) -> None:
    (session,) = honest_worker.http.get("/api/sessions").json()["sessions"]
    assert honest_worker.http.post(f"/api/sessions/{session['session_id']}/end").json() == {"done": True}
    for _ in range(50):
        if honest_worker.http.get("/api/me").status_code == 401:
            return
    raise AssertionError("the ended session still opens the account")


def test_answers_have_the_documented_shapes(world: World, honest_worker: Caller, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=2))
    http = honest_worker.http
    shapes.Worker.model_validate(http.get("/api/me").json(), strict=True)
    shapes.Offers.model_validate(http.get("/api/offers").json(), strict=True)
    bundle = shapes.Bundle.model_validate(http.post(f"/api/jobs/{job_id}/claim", json={"count": 2}).json(), strict=True)
    answers = [{"assignment_id": one.assignment_id, "text": None, "active_ms": 5} for one in bundle.assignments]
    first = http.post(f"/api/jobs/{job_id}/answers", json={"answers": answers}).json()
    again = http.post(f"/api/jobs/{job_id}/answers", json={"answers": answers}).json()
    assert [one.outcome for one in shapes.Outcomes.model_validate(first, strict=True).outcomes] == ["stored"] * 2
    assert [one.outcome for one in shapes.Outcomes.model_validate(again, strict=True).outcomes] == [
        "already_stored"
    ] * 2
    shapes.Earnings.model_validate(http.get("/api/earnings").json(), strict=True)
    shapes.Standings.model_validate(http.get("/api/standing").json(), strict=True)
    shapes.Cases.model_validate(http.get("/api/jury").json(), strict=True)
    shapes.ReportCodes.model_validate(http.get("/api/report-codes").json(), strict=True)
    shapes.Sessions.model_validate(http.get("/api/sessions").json(), strict=True)
    shapes.Jobs.model_validate(http.get("/api/jobs").json(), strict=True)
    shapes.Health.model_validate(http.get("/api/health").json(), strict=True)


def test_a_cutting_is_shown_under_its_signed_address_alone(world: World, honest_worker: Caller, job_id: str) -> None:
    world.open_job(OpenJob(job_id=job_id, per_page=1))
    (lent,) = honest_worker.http.post(f"/api/jobs/{job_id}/claim", json={"count": 1}).json()["assignments"]
    address = lent["picture_url"]
    shown = httpx.get(world.url + address)
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["cache-control"] == "no-store"
    bare = address.split("?")[0]
    for wrong in (
        bare,
        address[:-1] + ("0" if address[-1] != "0" else "1"),
        re.sub(r"expires_at_ms=\d", "expires_at_ms=9", address),
    ):
        assert httpx.get(world.url + wrong).status_code == 403, wrong
    assert httpx.get(f"{world.url}/pictures/../keys/wallets.secret").status_code in (403, 404)


def test_every_answer_carries_its_policy(world: World) -> None:
    for path in ("/", "/jobs", "/api/jobs", "/nowhere", "/api/me"):
        headers = httpx.get(world.url + path, headers={"Accept": "text/html"}).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def test_files_are_kept_for_ever_and_travel_compressed(world: World) -> None:
    page = httpx.get(world.url + "/")
    assert page.headers["cache-control"] == "no-cache"
    unchanged = httpx.get(world.url + "/", headers={"If-None-Match": page.headers["etag"]})
    assert unchanged.status_code == 304
    for url in re.findall(r'(?:href|src)="(/(?:assets|components)/[^"]+)"', page.text):
        told = httpx.get(world.url + url)
        assert told.status_code == 200
        assert "immutable" in told.headers["cache-control"]
        assert told.headers.get("content-encoding") == "gzip" or len(told.content) < 400, url
    assert httpx.get(world.url + "/assets/../server.py").status_code == 404


def test_a_foreign_name_for_the_loopback_gets_no_answer(world: World) -> None:
    told = httpx.get(world.url + "/api/jobs", headers={"Host": "evil.example"})
    assert (told.status_code, told.json()["error"]["code"]) == (421, "foreign_host")


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(world: World, honest_worker: Caller) -> None:
    told = honest_worker.http.post("/api/jobs/x/return", content=b"[" * 400_000)
    assert (told.status_code, told.json()["error"]["code"]) == (413, "too_large")


def chunks(total: int) -> Iterator[bytes]:
    for _ in range(total // 10_000):
        yield b"x" * 10_000


def test_a_body_that_hides_its_length_is_cut_off_as_well(world: World, honest_worker: Caller) -> None:
    told = honest_worker.http.post("/api/jobs/x/return", content=chunks(600_000))
    assert (told.status_code, told.json()["error"]["code"]) == (413, "too_large")


def test_a_message_that_nobody_signed_leaves_no_trace(world: World) -> None:
    for raw in (b"", b"{}", b"[]", b'{"id": 1}', b"\xff\xfe"):
        told = httpx.post(f"{world.url}/messages", content=raw)
        assert told.status_code == 422


def test_a_simulated_account_says_so(world: World) -> None:
    caller = httpx.Client(base_url=world.url, headers=HEADER)
    told = caller.post(
        "/api/sign-up", json={"name": f"machine {next(_numbers)}", "password": "correct horse", "simulated": True}
    )
    assert told.json()["simulated"] is True
    assert caller.get("/api/me").json()["simulated"] is True


ODD: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 1.5, "", "\x00", "'; drop table exchange.tasks; --", "x" * 3_000, [], {}, [[]], [None],
    "\ud83d\ude00", {"$gt": ""}, "../../etc/passwd", ["x"] * 21,
)  # fmt: skip


def test_no_request_of_any_shape_breaks_the_server(
    world: World, honest_worker: Caller, document: dict[str, Any]
) -> None:
    chance = random.Random(7)
    asked = 0
    for method, path in operations(document):
        if path in ("/api/sign-out", "/api/sign-up"):
            continue  # signing out ends the session that the others need; each sign-up costs a deliberate 0.3 s
        schema = SAMPLES.get(path) or {"name": "x", "password": "y"}
        for _ in range(12):
            place = str(chance.choice(["job-1", "%00", "%ff", "..%2f..", "x" * 200, "'", "é"]))
            url = re.sub(r"\{\w+(?::path)?\}", lambda _, place=place: place, path)
            body: Any = {name: chance.choice([value, *ODD]) for name, value in schema.items()}
            if chance.random() < 0.2:
                body = chance.choice(ODD)
            raw = json.dumps(body).encode() if chance.random() < 0.9 else b'{"broken'
            told = honest_worker.http.request(method, url, content=None if method == "get" else raw)
            assert told.status_code < 500, (method, url, raw[:200], told.text[:300])
            asked += 1
    assert asked > 200
