"""The hot routes over HTTP, on a real exchange and a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from manyhands.apps.web.hot import routes
from manyhands.apps.web.problems import on_manyhands_error
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import SeededIds, system_clock
from manyhands.protocol.parties import Directory, Party
from manyhands.protocol.signing import LocalSigner
from manyhands.roles import RoleContext
from manyhands.roles.exchange import Exchange, ExchangeSettings
from manyhands.roles.exchange.testing import OpenJob, put_open_job
from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database
from manyhands.store.jobs import JobApp
from manyhands.store.mailbox import Mailbox

SECRET = b"sixteen bytes at least"


@pytest.fixture
async def exchange(database: Database, tmp_path: Path) -> Exchange:
    signer = LocalSigner.create(SeededIds("exchange"))
    directory = Directory([Party(role="exchange", address=signer.address)])
    jobs = JobApp(database)
    ctx = RoleContext(
        role="exchange",
        signer=signer,
        db=database,
        mailbox=Mailbox(database, jobs, directory),
        jobs=jobs,
        blobs=BlobStore(tmp_path),
        directory=directory,
        clock=system_clock,
        ids=SeededIds("chance"),
    )
    async with database.transaction() as tx:
        await put_open_job(tx, OpenJob(per_page=60, simulated=True))
    return Exchange(ctx, ExchangeSettings(wallet_secret=SECRET, picture_secret=SECRET, simulated_crowd=True))


@pytest.fixture
async def web(exchange: Exchange) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=routes(exchange), exception_handlers={ManyhandsError: on_manyhands_error})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site") as client:
        token, _ = await exchange.sign_up("worker", "a long password", simulated=True)
        client.cookies.set("mh_session", token)
        yield client


async def test_a_bundle_is_lent_and_its_answers_are_stored_once(web: httpx.AsyncClient) -> None:
    lent = (await web.post("/api/jobs/job-1/claim", json={"count": 5})).json()
    assert len(lent["assignments"]) == 5 and lent["lease_until_ms"] > system_clock()
    assert set(lent["assignments"][0]) == {
        "assignment_id", "task_id", "picture_url", "question", "effort_ms", "reward_minor",
    }  # fmt: skip
    assert lent["assignments"][0]["picture_url"].startswith("/pictures/")
    answers = [
        {"assignment_id": one["assignment_id"], "text": text, "active_ms": 4_000}
        for one, text in zip(lent["assignments"], ["12.50", None, "", "ä€😀", "x"], strict=True)
    ]
    for expected in ("stored", "already_stored"):
        told = (await web.post("/api/jobs/job-1/answers", json={"answers": answers})).json()
        assert [one["outcome"] for one in told["outcomes"]] == [expected] * 5
        assert [one["assignment_id"] for one in told["outcomes"]] == [one["assignment_id"] for one in answers]


async def test_a_claim_without_a_body_asks_for_ten(web: httpx.AsyncClient) -> None:
    assert len((await web.post("/api/jobs/job-1/claim")).json()["assignments"]) == 10


async def test_nobody_works_without_a_session(web: httpx.AsyncClient) -> None:
    web.cookies.clear()
    for path, body in (("claim", {"count": 1}), ("answers", {"answers": [{"assignment_id": "x", "text": "y"}]})):
        reply = await web.post(f"/api/jobs/job-1/{path}", json=body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "not_signed_in")


BAD_SHAPES = [
    ("claim", b'{"count": 0}'),
    ("claim", b'{"count": 21}'),
    ("claim", b'{"count": "ten"}'),
    ("claim", b'{"cuont": 10}'),
    ("claim", b"not json"),
    ("claim", b"[]"),
    ("answers", b""),
    ("answers", b'{"answers": []}'),
    ("answers", b'{"answers": [{"assignment_id": "x", "text": 7}]}'),
    ("answers", b'{"answers": [{"text": "x"}]}'),
    ("answers", b'{"answers": [{"assignment_id": "x", "text": "y", "active_ms": -1}]}'),
    ("answers", b'{"answers": [{"assignment_id": "x", "text": "' + b"z" * 2_001 + b'"}]}'),
    ("answers", b'{"answers": [{"assignment_id": "x", "text": "\xff\xfe"}]}'),
    ("answers", b'{"answers": [{"assignment_id": "x", "text": "\\ud800"}]}'),
    ("answers", b'{"answers": [' + b",".join([b'{"assignment_id": "x", "text": "y"}'] * 21) + b"]}"),
]


async def test_a_request_of_another_shape_is_refused_with_what_is_wrong(web: httpx.AsyncClient) -> None:
    for path, body in BAD_SHAPES:
        reply = await web.post(f"/api/jobs/job-1/{path}", content=body)
        assert reply.status_code == 422, body
        assert reply.json()["error"]["message"]


async def test_an_unknown_job_is_said_to_be_unknown(web: httpx.AsyncClient) -> None:
    reply = await web.post("/api/jobs/job-9/claim", json={"count": 1})
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "no_such_job")
    told = await web.post("/api/jobs/job-9/answers", json={"answers": [{"assignment_id": "t.x", "text": "y"}]})
    assert told.json()["outcomes"] == [
        {
            "assignment_id": "t.x",
            "outcome": "refused",
            "because": "it is not lent to you",
            "because_said": [{"code": "answer_not_lent", "figures": {}}],
        }
    ]


async def test_a_reply_that_was_lost_costs_nothing(web: httpx.AsyncClient) -> None:
    replies = await asyncio.gather(*(web.post("/api/jobs/job-1/claim", json={"count": 7}) for _ in range(5)))
    tasks = [{one["task_id"] for one in reply.json()["assignments"]} for reply in replies]
    assert all(one == tasks[0] and len(one) == 7 for one in tasks)
