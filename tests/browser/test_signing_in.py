"""Signing in as people do it in a browser: passkey, wallet, link, and the page of one's own account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct
from playwright.sync_api import Page, expect

from manyhands.apps.compose import Platform

from .conftest import DESK, PHONE, Opened, go
from .test_pages import check
from .world import World

WALLET = """
window.ethereum = { request: ({ method, params }) => method === "eth_requestAccounts"
  ? Promise.resolve([%r]) : window.signWithWallet(params[0]) };
"""


def with_authenticator(page: Page) -> Any:
    """Gives the browser a device that holds passkeys and always recognises its owner."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    told = devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                "isUserVerified": True, "automaticPresenceSimulation": True,
            }
        },
    )  # fmt: skip
    return devtools, told["authenticatorId"]


def by_name(world: World) -> str:
    """Passkeys belong to a name; the loopback's number is none."""
    return f"http://localhost:{world.port}"


def test_a_passkey_opens_an_account_and_signs_in_to_it_again(opened: Opened, world: World) -> None:
    # the front page may have been asking for offers while its reader signed out
    page = opened("/jobs", allow=("409", "401"))
    with_authenticator(page)
    go(page, by_name(world) + "/sign-in?new")
    page.get_by_label("Name").fill("passkey otter")
    page.get_by_role("button", name="Make a passkey instead").click()
    page.wait_for_url(by_name(world) + "/")
    expect(page.get_by_role("link", name="passkey otter")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    go(page, by_name(world) + "/sign-in?back=/account")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(by_name(world) + "/account")
    page.wait_for_selector("html[data-ready]")
    expect(page.get_by_text("Passkey, ")).to_be_visible()
    page.get_by_role("button", name="Take away").click()
    expect(page.get_by_text("this is the only way into your account")).to_be_visible()


def test_a_passkeys_answer_that_was_changed_opens_nothing(opened: Opened, world: World) -> None:
    page = opened("/jobs", allow=("401", "Failed to load resource"))
    with_authenticator(page)
    go(page, by_name(world) + "/sign-in?new")
    page.get_by_label("Name").fill("changing otter")
    page.get_by_role("button", name="Make a passkey instead").click()
    page.wait_for_url(by_name(world) + "/")
    tried = """async changed => {
            const ask = async (path, body) => {
                const told = await fetch(path, { method: "POST", body: JSON.stringify(body), headers: {
                    "Content-Type": "application/json", "X-Requested-With": "manyhands" } });
                return { status: told.status, body: await told.json() };
            };
            const { body } = await ask("/api/sign-in/passkey/begin", {});
            const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(body.options);
            const credential = (await navigator.credentials.get({ publicKey })).toJSON();
            const data = JSON.parse(atob(credential.response.clientDataJSON.replace(/-/g, "+").replace(/_/g, "/")));
            if (changed === "challenge") data.challenge = "A".repeat(43);
            if (changed === "origin") data.origin = "https://evil.example";
            const text = btoa(JSON.stringify(data)).replace(/[+]/g, "-").replace(/[/]/g, "_").replace(/=/g, "");
            if (changed === "challenge" || changed === "origin") credential.response.clientDataJSON = text;
            const { response } = credential;
            if (changed === "signature") response.signature = response.signature.split("").reverse().join("");
            return (await ask("/api/sign-in/passkey", { credential })).status;
        }"""
    for changed in ("challenge", "signature", "origin"):
        assert page.evaluate(tried, changed) == 401, changed
    assert page.evaluate(tried, "") == 200


def test_a_wallet_signs_in(opened: Opened, world: World) -> None:
    wallet = EthAccount.create()
    page = opened("/jobs")
    page.context.expose_function(
        "signWithWallet",
        lambda text: "0x" + bytes(wallet.sign_message(encode_defunct(hexstr=text)).signature).hex(),
    )
    page.context.add_init_script(WALLET % wallet.address)
    go(page, world.url + "/sign-in?back=/account")
    page.get_by_role("button", name="Use a wallet").click()
    page.wait_for_url(world.url + "/account")
    page.wait_for_selector("html[data-ready]")
    expect(page.get_by_text("You alone hold its key")).to_be_visible()
    assert page.get_by_text(wallet.address.lower()).count() == 2


def test_a_link_asks_for_a_click_and_works_once(opened: Opened, world: World) -> None:
    async def made(platform: Platform) -> str:
        return await platform.exchange.ways.operator_link()

    token = world.asking(made)
    for times in (1, 2):
        page = opened(f"/sign-in#link={token}", allow=("401",) if times == 2 else ())
        assert token not in page.url
        page.get_by_role("button", name="Go in").click()
        if times == 1:
            page.wait_for_url(world.url + "/")
        else:
            expect(page.get_by_text("this link was used before or is too old")).to_be_visible()


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_the_account_page_is_accessible_and_does_what_it_says(
    worker_at: Callable[..., Page], world: World, axe: str, screen: dict[str, Any], pictures: Any
) -> None:
    page = worker_at("/account", **screen)
    expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()
    check(page, axe)
    page.get_by_label("What it is for").fill("my tool")
    page.get_by_label("take and hand in work").check()
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_text("mhk_")).to_be_visible()
    page.get_by_role("button", name="I want work done").click()
    expect(page.get_by_text("worker, requester")).to_be_visible()
    check(page, axe)
    with page.expect_download() as download:
        page.get_by_label("Passphrase for the file").fill("twelve signs and more")
        page.get_by_role("button", name="Take the key along").click()
    assert "scrypt" in download.value.path().read_text()
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
