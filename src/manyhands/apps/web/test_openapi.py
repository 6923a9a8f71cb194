"""Requests made from the OpenAPI document itself, well-formed and not: whatever comes, the site never breaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
import unittest
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import requests
import schemathesis
from granian.constants import Interfaces
from granian.server.embed import Server
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from manyhands.apps.web.examples import example_of
from manyhands.apps.web.testing import HEADERS, PASSWORD, House

EXAMPLES, MINUTES = (int(os.environ.get(f"FUZZ_{name}", "20")) for name in ("EXAMPLES", "MINUTES"))
"""Of the long run: requests of each form made for an operation, and how long all of it may take."""

PATIENCE_S = 120
"""A machine that is busy with other things answers late; what is looked for is what breaks, not what is slow."""


async def test_every_route_is_told_with_summary_tags_examples_and_one_shape_of_refusal(house: House) -> None:
    document = house.app.openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and operation["tags"], (method, path)
            if "4XX" not in operation["responses"] and path != "/api/health":
                told = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
                assert "HTTPValidationError" not in str(told), (method, path)
    schemas = document["components"]["schemas"]
    assert set(schemas["Problem"]["required"]) == {"code", "message", "cure"}


def bodies(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The JSON of a request and of each answer, with a name."""
    found = [("body", operation.get("requestBody", {}).get("content", {}).get("application/json"))]
    for status, told in operation["responses"].items():
        if status.startswith("2"):
            found.append((f"answer {status}", told.get("content", {}).get("application/json")))
    return [(name, content) for name, content in found if content is not None]


async def test_every_parameter_body_and_answer_has_an_example_that_fits_its_schema(house: House) -> None:
    document = house.app.openapi()
    schemas = document["components"]["schemas"]
    lacking, wrong = [], []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                known = {*parameter, *parameter["schema"]}
                if not known & {"example", "examples", "default", "enum", "anyOf"}:
                    lacking.append(f"{method} {path} parameter {parameter['name']}")
            for name, content in bodies(operation):
                try:
                    made = content.get("example") or example_of(content["schema"], schemas)
                except LookupError as missing:
                    lacking.append(f"{method} {path} {name}: {missing.args[0]}")
                    continue
                schema = {**content["schema"], "components": document["components"]}
                checker = jsonschema_rs.validator_for(schema)
                wrong += [f"{method} {path} {name}: {problem}" for problem in checker.iter_errors(made)]
    assert not lacking, "\n".join(lacking)
    assert not wrong, "\n".join(wrong)


class TimeIsUp(Exception):
    """The operation has had its share of the time: the next one's turn."""


class Trials(msgspec.Struct):
    """What was asked. broke = requests that broke the site; cut_short = operations that did not get all examples."""

    made: int
    broke: list[str]
    cut_short: list[str]
    slowest: list[tuple[float, str]]


def trial(
    url: str, operation: Any, mode: GenerationMode, session: requests.Session, examples: int, until_s: float,
    seen: list[str],
) -> Any:  # fmt: skip
    """A test of one operation that notes each request, and what broke the site with a leading `!`.

    until_s  of the monotonic clock: no further request is made from then on
    """

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def once(case: Any) -> None:
        if time.monotonic() > until_s:
            raise TimeIsUp
        told = case.call(base_url=url, session=session, timeout=PATIENCE_S)
        broke = told.status_code >= 500 and told.status_code != 503
        seen.append(f"{'!' * broke}{case.method} {case.formatted_path} {case.body!r:.200} -> {told.status_code}")

    return once


def tried(url: str, name: str, examples: int, time_s: float) -> Trials:
    """Calls every operation, well-formed and not. No form takes more than a quarter of the time that is left.

    An even share for each form would cut most of them short on a busy machine although the time as a whole is enough: a
    form takes 0.2 to 1 s where nothing else runs, and ten times as long where the machine turns to others meanwhile.
    """
    schema = schemathesis.openapi.from_dict(httpx.get(f"{url}/openapi.json", timeout=PATIENCE_S).json())
    operations = [found.ok() for found in schema.get_all_operations()]
    seen: list[str] = []
    cut_short, times = [], []
    ends_s = time.monotonic() + time_s
    for operation in operations:
        began_s = time.monotonic()
        session = requests.Session()  # of its own: some operations end it
        session.headers.update(HEADERS)
        session.post(f"{url}/api/sign-in", json={"name": name, "password": PASSWORD}, timeout=PATIENCE_S)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            until_s = time.monotonic() + (ends_s - time.monotonic()) / 4
            # an operation without anything to get wrong has no wrong form
            with contextlib.suppress(schemathesis.errors.SchemathesisError, Unsatisfiable, unittest.SkipTest):
                try:
                    trial(url, operation, mode, session, examples, until_s, seen)()
                except TimeIsUp:
                    cut_short.append(f"{operation.label} ({mode.value})")
        times.append((round(time.monotonic() - began_s, 1), operation.label))
    broke = [one for one in seen if one.startswith("!")]
    return Trials(len(seen), broke, cut_short, sorted(times, reverse=True)[:8])


async def fuzz(house: House, examples: int, *, time_s: float) -> Trials:
    accounts = house.platform.exchange.accounts
    _, account = await accounts.sign_up("everything", PASSWORD, simulated=True)
    for role in ("requester", "operator", "workpool"):
        await accounts.take_role(account.worker, role, by_operator=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Server(house.app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_access=False)
    serving = asyncio.create_task(server.serve())
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                await asyncio.to_thread(httpx.get, f"{url}/api/health")
                break
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
        return await asyncio.to_thread(tried, url, "everything", examples, time_s)
    finally:
        server.stop()
        await serving


async def test_no_request_made_from_the_document_breaks_the_site(house: House) -> None:
    told = await fuzz(house, examples=2, time_s=60)
    assert told.broke == []
    assert told.made > 100


@pytest.mark.nightly
async def test_no_request_made_from_the_document_breaks_the_site_for_long(house: House) -> None:
    told = await fuzz(house, examples=EXAMPLES, time_s=MINUTES * 60)
    print(f"\n{told.made} requests; the slowest: {told.slowest}; cut short: {told.cut_short}")
    assert told.broke == []
