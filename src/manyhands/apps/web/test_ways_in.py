"""Signing in by wallet, letter and key, each refusal beside the success it resembles. Passkeys: tests/browser."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct

from manyhands.apps.web.testing import House
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.signing import LocalSigner
from manyhands.roles.exchange.ways import KEYS_MAX, LINK_MS, MAILS_MAX, NONCE_MS
from manyhands.store.database import rows


class Letters:
    """A mail server that keeps what it is given; it refuses while told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.refusing = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusing:
            return "451 not now"
        letter = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append((envelope.rcpt_tos[0], letter.get_content()))
        return "250 taken"

    def link(self) -> str:
        """The token of the newest letter."""
        found = re.search(r"^http://localhost:8000/sign-in#link=([0-9a-f]{64})\s*$", self.taken[-1][1], re.M)
        assert found, self.taken[-1][1]
        return found[1]


@pytest.fixture(scope="module")
def mail_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def letters(mail_port: int) -> Iterator[Letters]:
    kept = Letters()
    server = Controller(kept, hostname="127.0.0.1", port=mail_port)
    server.start()
    yield kept
    server.stop()


@pytest.fixture
def settings(mail_port: int) -> dict[str, Any]:
    return {"mail_server": f"smtp://127.0.0.1:{mail_port}", "mail_from": "Manyhands <no-reply@example.org>"}


def code(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


async def message_for(client: httpx.AsyncClient, address: str) -> str:
    reply = await client.post("/api/sign-in/wallet/begin", json={"address": address})
    return str(reply.json()["message"])


def signed(signer: LocalSigner, message: str) -> dict[str, str]:
    return {"message": message, "signature": signer.sign_text(message.encode())}


# --- wallet ------------------------------------------------------------------------------------------------------


async def test_a_wallet_opens_an_account_of_its_own_address_and_finds_it_again(house: House) -> None:
    signer, first, second = LocalSigner.create(SeededIds("w")), house.stranger(), house.stranger()
    wish = signed(signer, await message_for(first, signer.address))
    made = (await first.post("/api/sign-in/wallet", json={**wish, "name": "otter", "role": "requester"})).json()
    assert (made["worker"], made["name"], made["roles"]) == (signer.address, "otter", ["requester"])
    assert (await first.get("/api/me")).json() == made
    again = await second.post("/api/sign-in/wallet", json=signed(signer, await message_for(second, signer.address)))
    assert again.json() == made
    assert (await first.get("/api/account")).json()["wallet_kept"] is False
    reply = await first.post("/api/account/wallet/export", json={"passphrase": "twelve signs and more"})
    assert code(reply) == (409, "wallet_not_kept")


async def test_a_signed_message_opens_nothing_twice_elsewhere_later_or_for_others(house: House) -> None:
    signer, outsider = LocalSigner.create(SeededIds("w")), LocalSigner.create(SeededIds("o"))
    client = house.stranger()

    async def tried(wish: dict[str, str]) -> tuple[int, str]:
        return code(await house.stranger().post("/api/sign-in/wallet", json=wish))

    used = signed(signer, await message_for(client, signer.address))
    assert (await client.post("/api/sign-in/wallet", json=used)).status_code == 200
    assert await tried(used) == (401, "ticket_spent")
    foreign = (await message_for(client, signer.address)).replace("localhost:8000", "evil.example")
    assert await tried(signed(signer, foreign)) == (401, "bad_proof")
    assert await tried(signed(outsider, await message_for(client, signer.address))) == (401, "bad_proof")
    swapped = (await message_for(client, signer.address)).replace(
        EthAccount.from_key(signer.private_key).address, EthAccount.from_key(outsider.private_key).address
    )
    assert await tried(signed(outsider, swapped)) == (401, "bad_proof")
    own_nonce = re.sub(r"Nonce: \w+", "Nonce: " + "a" * 64, await message_for(client, signer.address))
    assert await tried(signed(signer, own_nonce)) == (401, "ticket_spent")
    longer = await message_for(client, signer.address) + "\nResources:\n- https://evil.example"
    assert await tried(signed(signer, longer)) == (401, "bad_proof")
    late = signed(signer, await message_for(client, signer.address))
    house.ahead_ms = NONCE_MS + 1
    assert await tried(late) == (401, "ticket_spent")


async def test_two_who_use_one_message_at_once_make_one_session(house: House) -> None:
    signer, client = LocalSigner.create(SeededIds("w")), house.stranger()
    wish = signed(signer, await message_for(client, signer.address))
    replies = await asyncio.gather(*(house.stranger().post("/api/sign-in/wallet", json=wish) for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [200, 401, 401, 401, 401]


async def test_a_kept_wallet_can_be_taken_along_and_then_signs_in_by_itself(house: House) -> None:
    client = await house.person("otter")
    worker = (await client.get("/api/me")).json()["worker"]
    told = await client.post("/api/account/wallet/export", json={"passphrase": "twelve signs and more"})
    keystore = told.json()["keystore"]
    assert keystore["version"] == 3
    with pytest.raises(ValueError):
        EthAccount.decrypt(keystore, "another passphrase")
    signer = LocalSigner(bytes(EthAccount.decrypt(keystore, "twelve signs and more")))
    assert signer.address == worker
    outsider = LocalSigner.create(SeededIds("o"))
    refused = await client.post(
        "/api/account/wallet/leave", json=signed(outsider, await message_for(client, outsider.address))
    )
    assert code(refused) == (401, "bad_proof")
    left = await client.post("/api/account/wallet/leave", json=signed(signer, await message_for(client, worker)))
    assert left.json() == {"done": True}
    again = await client.post("/api/account/wallet/export", json={"passphrase": "twelve signs and more"})
    assert code(again) == (409, "wallet_not_kept")
    elsewhere = house.stranger()
    back = await elsewhere.post("/api/sign-in/wallet", json=signed(signer, await message_for(elsewhere, worker)))
    assert (back.json()["worker"], back.json()["name"]) == (worker, "otter")


async def test_what_a_stolen_session_must_not_do_needs_a_fresh_one(house: House) -> None:
    client = await house.person("otter")
    house.ahead_ms = 11 * 60_000
    for path, body in (
        ("/api/account/wallet/export", {"passphrase": "twelve signs and more"}),
        ("/api/account/password", {"password": "another password"}),
        ("/api/account/passkeys/begin", {}),
        ("/api/keys", {"name": "mine", "scopes": ["work"]}),
    ):
        assert code(await client.post(path, json=body)) == (403, "sign_in_again"), path
    assert (await client.get("/api/account")).status_code == 200


# --- letters -----------------------------------------------------------------------------------------------------


async def test_a_letters_link_opens_an_account_once_and_is_written_down_nowhere(house: House, letters: Letters) -> None:
    client = house.stranger()
    told = await client.post("/api/sign-in/email/begin", json={"email": " Otter@example.org "})
    assert (told.status_code, told.json()) == (202, {"done": True})
    assert letters.taken[0][0] == "Otter@example.org"
    link = letters.link()
    async with house.platform.db.connection() as connection:
        kept = str(await rows(connection, "select * from exchange.tickets")) + str(
            await rows(connection, "select args from procrastinate_jobs")
        )
    assert link not in kept
    made = (await client.post("/api/sign-in/link", json={"token": link})).json()
    assert (await client.get("/api/me")).json() == made
    assert code(await house.stranger().post("/api/sign-in/link", json={"token": link})) == (401, "ticket_spent")
    await client.post("/api/sign-in/email/begin", json={"email": "otter@EXAMPLE.org"})
    assert (await house.stranger().post("/api/sign-in/link", json={"token": letters.link()})).json() == made


async def test_a_link_is_too_old_after_a_quarter_of_an_hour(house: House, letters: Letters) -> None:
    client = house.stranger()
    for ahead_ms, expected in ((LINK_MS - 1_000, 200), (LINK_MS, 401)):
        house.ahead_ms = 0
        await client.post("/api/sign-in/email/begin", json={"email": "otter@example.org"})
        house.ahead_ms = ahead_ms
        assert (await client.post("/api/sign-in/link", json={"token": letters.link()})).status_code == expected


async def test_nobodys_letter_box_is_filled_and_no_header_is_smuggled_in(house: House, letters: Letters) -> None:
    client = house.stranger()
    for number in range(MAILS_MAX + 1):
        reply = await client.post("/api/sign-in/email/begin", json={"email": "otter@example.org"})
        assert reply.status_code == (202 if number < MAILS_MAX else 429)
    for bad in (
        "otter",
        "a@b@c",
        "x@y.z\nBcc: all@example.org",
        "<x@example.org>",
        "x y@example.org",
        "@",
        "ä@",
        "a@b,c",
    ):
        reply = await client.post("/api/sign-in/email/begin", json={"email": bad})
        assert reply.status_code in (400, 422), bad
    assert len(letters.taken) == MAILS_MAX


async def test_a_mail_server_that_refuses_or_is_away_is_said_to_be(house: House, letters: Letters) -> None:
    letters.refusing = True
    reply = await house.stranger().post("/api/sign-in/email/begin", json={"email": "otter@example.org"})
    assert code(reply) == (503, "mail_unavailable")


async def test_the_operators_link_is_used_once_and_makes_an_operator(house: House) -> None:
    first, second = (
        await house.platform.exchange.ways.operator_link(),
        await house.platform.exchange.ways.operator_link(),
    )
    client, other = house.stranger(), house.stranger()
    told = (await client.post("/api/sign-in/link", json={"token": first})).json()
    assert "operator" in told["roles"]
    assert (await other.post("/api/sign-in/link", json={"token": second})).json()["worker"] == told["worker"]
    assert code(await other.post("/api/sign-in/link", json={"token": first})) == (401, "ticket_spent")


# --- keys of programs ----------------------------------------------------------------------------------------------


async def test_a_key_does_what_it_was_made_for_and_nothing_else(house: House) -> None:
    person = await house.person("otter")
    made = await person.post("/api/keys", json={"name": "my tool", "scopes": ["work"]})
    secret = made.json()["key"]
    program = house.stranger(authorization=f"Bearer {secret}")
    assert (await program.get("/api/offers")).json() == {"offers": []}
    assert code(await program.post("/api/jobs/job-9/claim", json={"count": 1})) == (404, "no_such_job")
    assert code(await program.get("/api/earnings")) == (403, "scope_missing")
    for path in ("/api/me", "/api/keys", "/api/sessions", "/api/account"):
        assert code(await program.get(path)) == (403, "scope_missing"), path
    assert code(await program.post("/api/keys", json={"name": "more", "scopes": ["earnings"]})) == (
        403,
        "scope_missing",
    )
    as_cookie = house.stranger()
    as_cookie.cookies.set("mh_session", secret)
    assert code(await as_cookie.get("/api/account")) == (403, "scope_missing")
    (listed,) = (await person.get("/api/keys")).json()["keys"]
    assert secret not in str(listed)
    assert (await person.post(f"/api/keys/{listed['key_id']}/end")).json() == {"done": True}
    assert code(await program.get("/api/offers")) == (401, "not_signed_in")


async def test_a_key_ends_in_time_needs_the_role_of_its_scope_and_there_are_not_too_many(house: House) -> None:
    person = await house.person("otter")
    assert code(await person.post("/api/keys", json={"name": "x", "scopes": ["jobs"]})) == (403, "wrong_role")
    assert code(await person.post("/api/keys", json={"name": "x", "scopes": ["fly"]}))[0] == 422
    secret = (await person.post("/api/keys", json={"name": "x", "scopes": ["work"], "lasts_ms": 60_000})).json()["key"]
    program = house.stranger(authorization=f"Bearer {secret}")
    assert (await program.get("/api/offers")).status_code == 200
    house.ahead_ms = 60_001
    assert code(await program.get("/api/offers")) == (401, "not_signed_in")
    replies = await asyncio.gather(
        *(person.post("/api/keys", json={"name": f"{n}", "scopes": ["work"]}) for n in range(KEYS_MAX + 2))
    )
    assert [reply.status_code for reply in replies].count(201) == KEYS_MAX - 1


# --- the account ---------------------------------------------------------------------------------------------------


async def test_a_signed_out_tab_is_told_so_and_a_new_password_ends_the_other_sessions(house: House) -> None:
    person, other = await house.person("otter"), house.stranger()
    await other.post("/api/sign-in", json={"name": "otter", "password": "correct horse battery"})
    assert (await person.post("/api/account/password", json={"password": "a better password"})).status_code == 200
    stale = await other.get("/api/earnings")
    assert code(stale) == (401, "not_signed_in") and "Sign in again" in stale.json()["error"]["cure"]
    assert (await person.post("/api/sign-out")).status_code == 200
    assert (await person.get("/api/me")).status_code == 401
    told = await other.post("/api/sign-in", json={"name": "otter", "password": "a better password"})
    assert told.json()["name"] == "otter"


async def test_a_worker_becomes_a_requester_but_never_an_operator(house: House) -> None:
    person = await house.person("otter")
    assert (await person.post("/api/account/roles", json={"role": "requester"})).json()["roles"] == [
        "worker",
        "requester",
    ]
    assert (await person.post("/api/account/roles", json={"role": "operator"})).status_code == 422
    assert (await person.get("/api/me")).json()["roles"] == ["worker", "requester"]


def test_the_message_is_one_that_wallets_know() -> None:
    """Signed by eth-account as any wallet signs it."""
    from manyhands.apps.web.siwe import Message, check

    key = EthAccount.create()
    message = Message(
        domain="a.example", address=key.address.lower(), uri="https://a.example/sign-in", chain_id=1,
        nonce="a" * 16, issued_at_ms=1_000, expires_at_ms=9_000,
    )  # fmt: skip
    signature = "0x" + bytes(key.sign_message(encode_defunct(text=message.text())).signature).hex()
    assert check(message.text(), signature, origin="https://a.example", now_ms=5_000) == message
