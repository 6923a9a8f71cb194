"""Purses over HTTP: a requester sees their own alone, an operator in person sets what they may spend."""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.apps.web.testing import House, quoted_job
from manyhands.roles.launcher.purses import PurseTooSmall


@pytest.fixture
def settings() -> dict[str, Any]:
    """A platform on which strangers may spend nothing."""
    return {"requester_limit_minor": 0}


async def address_of(client: Any) -> str:
    return str((await client.get("/api/me")).json()["worker"])


async def test_a_stranger_may_spend_nothing_until_an_operator_says_so(house: House) -> None:
    requester, operator = await house.person("otter", role="requester"), await house.person("op", role="operator")
    address = await address_of(requester)
    own = (await requester.get("/api/desk/purse")).json()
    assert (own["purse"]["limit_minor"], own["purse"]["free_minor"], own["purse"]["by_default"]) == (0, 0, True)
    job_id = await quoted_job(house.platform, requester=address, title="march")
    with pytest.raises(PurseTooSmall):
        await house.platform.launcher.approve(job_id)

    limit = f"/api/operator/purses/{address}/limit"
    told = await operator.put(limit, json={"limit_minor": 50_000_000, "because": "contract of November"})
    assert (told.status_code, told.json()["free_minor"]) == (200, 50_000_000)
    job_id = await quoted_job(house.platform, requester=address, title="march")
    await house.platform.launcher.approve(job_id)
    own = (await requester.get("/api/desk/purse")).json()
    assert own["purse"]["set_by"] == "op"
    assert own["purse"]["held_minor"] == own["held"][0]["held_minor"] > 0
    assert own["purse"]["free_minor"] == 50_000_000 - own["purse"]["held_minor"]
    assert [line["kind"] for line in own["lines"]] == ["hold", "loan"]

    listed = (await operator.get("/api/operator/purses")).json()
    assert [(one["name"], one["limit_minor"]) for one in listed["purses"]] == [("otter", 50_000_000)]
    assert listed["default_limit_minor"] == 0
    told = await operator.put(limit, json={"limit_minor": None, "because": "as everybody again"})
    assert (told.json()["limit_minor"], told.json()["by_default"], told.json()["free_minor"]) == (0, True, 0)


async def test_a_deposit_written_down_twice_counts_once_and_with_another_amount_is_refused(house: House) -> None:
    requester, operator = await house.person("otter", role="requester"), await house.person("op", role="operator")
    deposits = f"/api/operator/purses/{await address_of(requester)}/deposits"
    paid = {"amount_minor": 7_000_000, "reference": "bank 17", "because": "invoice 2026-17"}
    for _ in range(2):
        assert (await operator.post(deposits, json=paid)).json()["paid_in_minor"] == 7_000_000
    told = await operator.post(deposits, json={**paid, "amount_minor": 8_000_000})
    assert (told.status_code, told.json()["error"]["code"]) == (409, "deposit_changed")
    assert (await requester.get("/api/desk/purse")).json()["purse"]["free_minor"] == 7_000_000


async def test_nobody_but_an_operator_in_person_touches_a_purse(house: House) -> None:
    accounts = house.platform.exchange.accounts
    people = {role: await house.person(role, role=role) for role in ("worker", "requester", "workpool", "operator")}
    address = await address_of(people["requester"])
    limit, deposits = f"/api/operator/purses/{address}/limit", f"/api/operator/purses/{address}/deposits"
    raised = {"limit_minor": 10**12, "because": "because I can"}
    paid = {"amount_minor": 10**12, "reference": "made up", "because": "because I can"}
    for role in ("worker", "requester", "workpool"):
        for told in (
            await people[role].put(limit, json=raised),
            await people[role].post(deposits, json=paid),
            await people[role].get("/api/operator/purses"),
        ):
            assert (told.status_code, told.json()["error"]["code"]) == (403, "wrong_role"), role
    for role in ("worker", "workpool"):
        assert (await people[role].get("/api/desk/purse")).status_code == 403
    # a program of the operator's may look, and not more
    key = (await people["operator"].post("/api/keys", json={"name": "monitor", "scopes": ["operate"]})).json()["key"]
    program = house.stranger(Authorization=f"Bearer {key}")
    assert (await program.get("/api/operator/purses")).status_code == 200
    for told in (await program.put(limit, json=raised), await program.post(deposits, json=paid)):
        assert (told.status_code, told.json()["error"]["code"]) == (403, "scope_missing")
    stranger = house.stranger()
    assert (await stranger.get("/api/desk/purse")).status_code == 401
    assert (await people["requester"].get("/api/desk/purse")).json()["purse"]["free_minor"] == 0
    assert await accounts.requesters() == {address: "requester"}


async def test_a_limit_that_makes_no_sense_is_refused(house: House) -> None:
    operator = await house.person("op", role="operator")
    own = await address_of(operator)
    good = {"limit_minor": 5, "because": "a test"}
    for path, body in (
        ("0x12", good), ("' or 1=1 --", good), (own.upper(), good), (own, {**good, "limit_minor": -1}),
        (own, {**good, "limit_minor": 1.5}), (own, {**good, "because": ""}), (own, {**good, "because": "a\x00test"}),
        (own, {"because": "a test"}), (own, {**good, "exempt": True}), (own, {**good, "because": "    "}),
    ):  # fmt: skip
        assert (await operator.put(f"/api/operator/purses/{path}/limit", json=body)).status_code == 422, (path, body)
    assert (await operator.put(f"/api/operator/purses/{own}/limit", json=good)).status_code == 200
