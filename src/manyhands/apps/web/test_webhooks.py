"""Webhooks against a receiver that refuses, delays, loses and repeats; and addresses that must never be called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from manyhands.apps.compose import telling_of
from manyhands.apps.web.testing import House, quoted_job
from manyhands.client.testing import WebhookReceiver
from manyhands.client.webhooks import TOLERANCE_MS, NotGenuine, opened
from manyhands.protocol.ids import SystemIds, system_clock
from manyhands.roles.launcher.webhooks import (
    HOOKS_MAX,
    TELL_BACKOFF,
    BadHookUrl,
    NotTold,
    Webhooks,
    check_address,
    check_url,
    signature_of,
)

DAY_MS = 86_400_000


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"private_webhooks": True}


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as made:
        yield made


def webhooks_of(house: House) -> Webhooks:
    assert house.platform.launcher.webhooks is not None
    return house.platform.launcher.webhooks


async def hooked(house: House, receiver: WebhookReceiver, name: str = "firm") -> tuple[httpx.AsyncClient, str, str]:
    """A requester with a webhook and a job that is quoted and then cancelled: two events. Client, hook and job id."""
    requester = await house.person(name, role="requester")
    hook = (await requester.post("/api/webhooks", json={"url": receiver.url})).json()
    receiver.secret = hook["secret"]
    owner = (await requester.get("/api/me")).json()["worker"]
    job_id = await quoted_job(house.platform, requester=owner, title=name)
    await house.platform.launcher.cancel(job_id, "not needed any more")
    return requester, hook["hook_id"], job_id


async def test_a_jobs_events_arrive_in_order_signed_and_each_has_one_effect(
    house: House, receiver: WebhookReceiver
) -> None:
    requester, hook_id, job_id = await hooked(house, receiver)
    receiver.refuse, receiver.lose_reply = 2, 1
    tries = 0
    while (await requester.get("/api/webhooks")).json()["hooks"][0]["waiting"]:
        tries += 1
        try:
            await webhooks_of(house).tell(hook_id, job_id)
        except NotTold as refused:
            assert refused.reason == "" or "500" in refused.reason
    assert tries == 4
    assert [(event.number, event.name) for event in receiver.effects] == [(1, "quoted"), (2, "refused")]
    assert [event.number for event in receiver.seen] == [1, 1, 2]
    assert receiver.effects[1].because == "not needed any more" and receiver.effects[1].job_state == "refused"
    assert receiver.not_genuine == 0
    told = (await requester.get(f"/api/webhooks/{hook_id}/tellings")).json()["tellings"]
    assert [(one["number"], one["state"], one["attempts"], one["status"]) for one in told] == [
        (2, "told", 1, 204), (1, "told", 4, 204),
    ]  # fmt: skip


async def test_background_work_tells_and_one_slow_receiver_holds_up_its_own_jobs_alone(
    house: House, receiver: WebhookReceiver
) -> None:
    await hooked(house, receiver)
    receiver.refuse = 1_000
    with WebhookReceiver() as other:
        await hooked(house, other, name="other firm")
        await telling_of(house.platform).run_until_idle(["webhooks"], concurrency=2)
        assert [event.number for event in other.effects] == [1, 2]
    assert receiver.effects == []


async def test_the_last_try_comes_after_a_receiver_was_away_for_three_days() -> None:
    waits = [TELL_BACKOFF.wait_ms(number) for number in range(1, TELL_BACKOFF.max_failures or 0)]
    assert waits[0] == 1_000 and max(waits) == 3_600_000 and sum(waits) > 3 * DAY_MS


async def test_events_are_told_again_on_request_and_nobody_hears_of_foreign_jobs(
    house: House, receiver: WebhookReceiver
) -> None:
    requester, hook_id, job_id = await hooked(house, receiver)
    await webhooks_of(house).tell(hook_id, job_id)
    again = await requester.post(f"/api/webhooks/{hook_id}/replay", json={"job_id": job_id, "from_number": 2})
    assert again.json() == {"events": 1}
    await telling_of(house.platform).run_until_idle(["webhooks"])
    assert [event.number for event in receiver.seen] == [1, 2, 2] and len(receiver.effects) == 2
    with WebhookReceiver() as outsiders_own:
        outsider, own_hook, _ = await hooked(house, outsiders_own, name="outsider")
        stolen = await outsider.post(f"/api/webhooks/{own_hook}/replay", json={"job_id": job_id})
        assert stolen.json() == {"events": 0}
        for method, path in (("POST", "replay"), ("GET", "tellings"), ("POST", "end")):
            reply = await outsider.request(method, f"/api/webhooks/{hook_id}/{path}", json={"job_id": job_id})
            assert reply.status_code in (404, 422), path
        assert not any(event.job_id == job_id for event in outsiders_own.seen)


async def test_a_secret_made_anew_signs_beside_the_old_one_for_a_day_and_then_alone(
    house: House, receiver: WebhookReceiver
) -> None:
    requester, hook_id, job_id = await hooked(house, receiver)
    old, webhooks = receiver.secret, webhooks_of(house)
    told = (await requester.post(f"/api/webhooks/{hook_id}/rotate")).json()
    new = told["secret"]
    assert new != old and told["rotated_at_ms"]
    for secret, later_ms, genuine in ((old, 0, True), (new, 0, True), (new, DAY_MS, True), (old, DAY_MS, False)):
        receiver.secret, refused = secret, receiver.not_genuine
        webhooks._clock = lambda later_ms=later_ms: system_clock() + later_ms  # type: ignore[misc]
        receiver.clock_ms = webhooks._clock
        await webhooks.replay((await requester.get("/api/me")).json()["worker"], hook_id, job_id)
        try:
            await webhooks.tell(hook_id, job_id)
        except NotTold:
            assert not genuine
        assert (receiver.not_genuine == refused) is genuine, (secret == new, later_ms)
    stranger = await house.person("stranger", role="requester")
    assert (await stranger.post(f"/api/webhooks/{hook_id}/rotate")).status_code == 404


async def test_an_ended_webhook_is_told_nothing_more(house: House, receiver: WebhookReceiver) -> None:
    requester, hook_id, job_id = await hooked(house, receiver)
    assert (await requester.post(f"/api/webhooks/{hook_id}/end")).json() == {"done": True}
    await webhooks_of(house).tell(hook_id, job_id)
    assert receiver.seen == []
    assert (await requester.get("/api/webhooks")).json() == {"hooks": []}


async def test_a_requester_has_so_many_webhooks_and_no_more(house: House, receiver: WebhookReceiver) -> None:
    requester = await house.person("firm", role="requester")
    statuses = [
        (await requester.post("/api/webhooks", json={"url": receiver.url})).status_code for _ in range(HOOKS_MAX + 1)
    ]
    assert statuses == [201] * HOOKS_MAX + [409]


def test_what_somebody_changed_recorded_or_made_up_is_not_believed() -> None:
    body, at_ms = b'{"id":"x"}', 1_790_000_000_000
    good = {"Manyhands-Timestamp": str(at_ms), "Manyhands-Signature": signature_of("s", at_ms=at_ms, body=body)}
    for headers, told, secret, now_ms, why in (
        (good, body + b" ", "s", at_ms, "signature"),
        (good, body, "other", at_ms, "signature"),
        ({**good, "Manyhands-Timestamp": str(at_ms + 1)}, body, "s", at_ms, "signature"),
        (good, body, "s", at_ms + TOLERANCE_MS + 1, "another time"),
        ({}, body, "s", at_ms, "no time"),
        ({**good, "Manyhands-Timestamp": "²"}, body, "s", at_ms, "no time"),
        ({**good, "Manyhands-Signature": "v1=ä"}, body, "s", at_ms, "signature"),
        (good, body, "s", at_ms, "no event"),
    ):
        with pytest.raises(NotGenuine, match=why):
            opened(secret, headers, told, now_ms=now_ms)


FORBIDDEN = [
    "http://example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "//example.org/",
    "https://", "https:///x", "https://user:pass@example.org/", "https://user@example.org/", "https://example.org/#x",
    "https://exa mple.org/", "https://example.org:0/", "https://example.org:99999/", "https://example.org\\@evil/",
    "https://example.org/\n", "javascript:alert(1)", "https://ex\u00e4mple.org/", "https://[::1", "",
]  # fmt: skip

PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "192.0.0.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("url", FORBIDDEN)
def test_an_address_that_is_no_plain_https_is_refused(url: str) -> None:
    with pytest.raises(BadHookUrl):
        check_url(url, private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_private_network_is_refused(address: str) -> None:
    with pytest.raises(BadHookUrl):
        check_address(address, private=False)


def test_public_addresses_are_called() -> None:
    check_url("https://erp.example.org:8443/hook?x=1", private=False)
    for address in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"):
        check_address(address, private=False)


async def test_a_name_is_looked_up_once_and_every_address_of_it_must_be_public(house: House) -> None:
    """A name that answers with a public address first and the loopback next time (DNS rebinding) gains nothing."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.216.34", "127.0.0.1"]

    webhooks = Webhooks(
        house.platform.db, clock=system_clock, ids=SystemIds(), secret=b"s", private=False, resolve=rebinding
    )
    with pytest.raises(BadHookUrl, match="private network"):
        await webhooks._post("https://evil.example/", {}, b"{}")
    assert asked == ["evil.example"]
