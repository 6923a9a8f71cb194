"""Every route against everybody it is not for: no role, another role, another person's things.

The list of routes is the OpenAPI document itself, so a new route is tried on the day it is made.
"""

from __future__ import annotations

import re
from typing import Any, Final

import httpx
import pytest

from manyhands.apps.web.testing import House, quoted_job
from manyhands.roles.exchange.accounts import SCOPES
from manyhands.roles.exchange.pooling import SEES
from manyhands.roles.exchange.testing import OpenJob, put_open_job

ANYBODY: Final = {
    ("get", "/api/health"), ("get", "/api/report-codes"), ("get", "/api/ways-in"), ("get", "/api/jobs"),
    ("get", "/api/jobs/{job_id}"), ("get", "/api/jobs/{job_id}/results"), ("get", "/api/jobs/{job_id}/results/{name}"),
    ("post", "/messages"), ("post", "/api/sign-up"), ("post", "/api/sign-in"), ("post", "/api/sign-out"),
    ("post", "/api/sign-up/passkey"), ("post", "/api/sign-up/passkey/begin"), ("post", "/api/sign-in/passkey"),
    ("post", "/api/sign-in/passkey/begin"), ("post", "/api/sign-in/wallet"), ("post", "/api/sign-in/wallet/begin"),
    ("post", "/api/sign-in/link"), ("get", "/api/record"), ("get", "/api/currencies"),
}  # fmt: skip
"""Routes for which nobody signs in. Everything else refuses a stranger with 401."""

REFUSED: Final = (400, 401, 403, 404, 409, 413, 422, 429)

HARMLESS: Final = {
    ("post", "/api/jobs/{job_id}/claim"): lambda told: True,  # an open job is anybody's to work on
    ("post", "/api/jobs/{job_id}/return"): lambda told: told == {"returned": 0},
    ("post", "/api/jobs/{job_id}/answers"): lambda told: all(one["outcome"] == "refused" for one in told["outcomes"]),
    ("get", "/api/receipts/{job_id}"): lambda told: told == [],
    ("get", "/api/own/answers/{job_id}"): lambda told: told == {"answers": [], "more": False},
    ("post", "/api/guides/{task_type}/read"): lambda told: True,  # a guide is everybody's to read
    ("get", "/api/guides/{task_type}/examples"): lambda told: set(told) == {"examples"},  # and its examples
}
"""Routes that answer a foreign id with 200, and what that answer must be."""


class Victim:
    """A worker with tasks, a requester with a job, a draft, a webhook and a key, and a work pool with a member."""

    def __init__(
        self, worker: httpx.AsyncClient, requester: httpx.AsyncClient, pool: httpx.AsyncClient, ids: dict[str, str]
    ) -> None:
        self.worker, self.requester, self.pool, self.ids = worker, requester, pool, ids

    async def state(self) -> list[Any]:
        """All that an attack could change."""
        asked = [
            *((who, path) for who in (self.worker, self.requester) for path in ("me", "sessions", "keys", "account")),
            *((self.worker, path) for path in ("earnings", "standing", "pools")),
            (self.pool, "pool"),
            *((self.requester, path) for path in ("webhooks", "desk/jobs", f"desk/drafts/{self.ids['draft_id']}")),
        ]
        found = [(await client.get(f"/api/{path}")).json() for client, path in asked]
        # times of signed picture addresses are not state
        return [re.sub(r"expires_at_ms=.*?\W", "", str(one)) for one in found]


@pytest.fixture
async def victim(house: House) -> Victim:
    worker, requester = await house.person("victim"), await house.person("firm", role="requester")
    async with house.platform.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id="job-1", per_page=6, simulated=True))
    lent = (await worker.post("/api/jobs/job-1/claim", json={"count": 2})).json()["assignments"]
    owner = (await requester.get("/api/me")).json()["worker"]
    hook = (await requester.post("/api/webhooks", json={"url": "https://firm.example.org/hook"})).json()
    key = (await requester.post("/api/keys", json={"name": "erp", "scopes": ["jobs"]})).json()
    draft = (await requester.post("/api/desk/drafts", json={"title": "secret plans"})).json()
    pool = await house.person("archive", role="workpool")
    made = (await pool.post("/api/pool/invites", json={"places": 3})).json()
    joined = (await worker.post("/api/pools/join", json={"token": made["token"], "agreed_to": SEES})).json()
    return Victim(
        worker,
        requester,
        pool,
        {
            "job_id": await quoted_job(house.platform, requester=owner, title="secret plans"),
            "open_job_id": "job-1",
            "assignment_id": lent[0]["assignment_id"],
            "session_id": (await requester.get("/api/sessions")).json()["sessions"][0]["session_id"],
            "key_id": key["key_id"],
            "hook_id": hook["hook_id"],
            "draft_id": draft["draft_id"],
            "passkey_id": "ab" * 16,
            "pool": joined["pool"],
            "invite_id": made["invite_id"],
            "member_id": (await pool.get("/api/pool")).json()["members"][0]["member_id"],
        },
    )


def operations(house: House) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in house.app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]


def body_for(path: str, ids: dict[str, str]) -> dict[str, Any]:
    """A well-formed wish that names the victim's things."""
    one, job = ids["assignment_id"], ids["job_id"]
    bodies: dict[str, dict[str, Any]] = {
        "return": {"assignment_ids": [one]},
        "answers": {"answers": [{"assignment_id": one, "text": "stolen", "active_ms": 1}]},
        "claim": {"count": 1},
        "reports": {"assignment_id": one, "code": "other", "text": "x"},
        "vote": {"uphold": True, "because": "x"},
        "replay": {"job_id": job},
        "launch": {"agreed_minor": 0},
        "files": {"files": [{"name": "x.png", "size_bytes": 3}]},
        "wish": {"title": "mine now"},
        "objections": {"doc_id": "doc-1", "piece_id": "x", "code": "wrong", "text": "x"},
        "cancel": {"because": "mine now"},
        "appeal": {"words": "x"},
        "rating": {"stars": 3},
        "read": {"version": "x"},
        "remove": {"because": "because I can"},
    }
    return bodies.get(path.rstrip("/").rsplit("/", 1)[-1], {})


def filled(path: str, ids: dict[str, str]) -> str:
    work = path.endswith(("/claim", "/answers", "/return", "/reports")) or path.startswith("/api/receipts")
    named = {**ids, "job_id": ids["open_job_id"] if work else ids["job_id"]}
    return re.sub(r"\{(\w+)(?::path)?\}", lambda found: named.get(found[1], "1"), path)


async def test_a_stranger_is_let_in_where_the_list_says_and_nowhere_else(house: House, victim: Victim) -> None:
    stranger = house.stranger()
    forged = house.stranger(authorization="Bearer mhk_" + "0" * 64)
    for method, path, _ in operations(house):
        if (method, path) in ANYBODY:
            continue
        for caller in (stranger, forged):
            told = await caller.request(method, filled(path, victim.ids), json=body_for(path, victim.ids))
            assert (told.status_code, told.json()["error"]["code"]) == (401, "not_signed_in"), (method, path)


@pytest.mark.parametrize("role", ["worker", "requester", "workpool", "operator", "key"])
async def test_nobody_reaches_what_belongs_to_somebody_else(house: House, victim: Victim, role: str) -> None:
    outsider = await house.person("outsider", role="requester" if role == "key" else role)
    if role == "key":
        scopes = [scope for scope, roles in SCOPES.items() if "requester" in roles]
        secret = (await outsider.post("/api/keys", json={"name": "all", "scopes": scopes})).json()["key"]
        outsider = house.stranger(authorization=f"Bearer {secret}")
    before = await victim.state()
    tried = 0
    for method, path, _ in operations(house):
        if "{" not in path or (method, path) in ANYBODY:
            continue
        told = await outsider.request(method, filled(path, victim.ids), json=body_for(path, victim.ids))
        tried += 1
        if told.status_code in REFUSED:
            assert set(told.json()["error"]) == {"code", "message", "cure", "message_said", "cure_said"}, (method, path)
            continue
        if role == "operator" and path.startswith("/api/operator"):
            continue  # the operator's own window, which shows every job
        assert told.status_code == 200 and (method, path) in HARMLESS, (method, path, told.status_code, told.text[:200])
        assert HARMLESS[method, path](told.json()), (method, path, told.text[:200])
    assert tried >= 15
    assert await victim.state() == before


async def test_a_requesters_results_are_not_told_to_who_knows_the_jobs_id(house: House, victim: Victim) -> None:
    for path in ("results", "results/records.csv"):
        reply = await house.stranger().get(f"/api/jobs/{victim.ids['job_id']}/{path}")
        assert reply.status_code == 404


@pytest.mark.parametrize("role", ["worker", "requester", "workpool"])
async def test_a_role_opens_its_own_routes_alone(house: House, role: str) -> None:
    person = await house.person("otter", role=role)
    if role == "workpool":  # made as a worker first; here it must stand for itself
        async with house.platform.db.transaction() as tx:
            await tx.execute("update exchange.accounts set roles = '{workpool}' where name = 'otter'")
        house.platform.exchange.accounts._cache.clear()
    mine = {"worker": "/api/offers", "workpool": "/api/offers", "requester": "/api/desk/jobs"}[role]
    others = {"worker": "/api/desk/jobs", "workpool": "/api/webhooks", "requester": "/api/offers"}[role]
    assert (await person.get(mine)).status_code == 200
    refused = await person.get(others)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "wrong_role")


async def test_a_sign_that_no_text_has_is_refused_wherever_it_stands(house: House) -> None:
    """U+0000 is allowed in JSON and in addresses, and by no database."""
    stranger, requester = house.stranger(), await house.person("firm", role="requester")
    for told in (
        await stranger.post("/api/sign-up", json={"name": "ot\0ter", "password": "correct horse battery"}),
        await stranger.post("/api/sign-up/passkey/begin", json={"name": "ot\0ter"}),
        await stranger.post("/api/sign-in/passkey", json={"credential": {"id": {"\0": "x"}}}),
        await requester.get("/api/webhooks/x/tellings", params={"job_id": "a\0b"}),
        await requester.get("/api/desk/jobs/x/files/a%00b"),
        await requester.post("/api/webhooks", json={"url": "https://example.org/", "name": "a\0"}),
    ):
        assert told.status_code == 422, told.text
        assert "U+0000" in told.json()["error"]["message"]
