"""The routes of signing in and of one's own account: passkey, wallet, e-mail link, keys of programs, the kept wallet.

Rules kept here
- What proves somebody is checked here, once, against this site's own origin; what follows is the exchange's to do.
- An address that is known and one that is not get the same answer: who has an account here is nobody's business.
- What a stolen session must not do (taking the wallet along, another way in, a key) needs a fresh one.

    add_ways_in(app, site, exchange.accounts, exchange.ways)
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, FastAPI, Path, Request
from starlette.responses import Response

from manyhands.roles.exchange.accounts import Account, Accounts
from manyhands.roles.exchange.errors import BadProof
from manyhands.roles.exchange.ways import LINK_MS, NONCE_MS, Ways, check_email

from . import passkeys, shapes, siwe
from .door import signed_in, token_of
from .letters import Post, sign_in_letter
from .problems import NotFound
from .replies import PROBLEMS, answer
from .site import HERE_COOKIE, SESSION_COOKIE, Site

SESSION_MAX_AGE_S: Final = 14 * 24 * 3600
SCRYPT_N: Final = 1 << 15
"""Cost of the file that takes a wallet along: 32 MiB at r = 8, p = 1; any Ethereum wallet opens it."""

KeyId = Annotated[str, Path(min_length=1, max_length=2_100, pattern=r"^[A-Za-z0-9_.:-]+$")]
Person = Annotated[Account, Depends(signed_in())]
FreshPerson = Annotated[Account, Depends(signed_in(fresh=True))]


def device_of(request: Request) -> str:
    """What the browser calls itself, for the list of one's own sessions."""
    return request.headers.get("user-agent", "")


def with_session(site: Site, token: str, account: Any, *, status: int = 200) -> Response:
    """The account as an answer that also brings the session's cookie."""
    response = answer(account, status=status)
    # the second cookie tells our pages that there is a session, and nothing of it
    for name, value, hidden in ((SESSION_COOKIE, token, True), (HERE_COOKIE, "1", False)):
        response.set_cookie(
            name,
            value,
            max_age=SESSION_MAX_AGE_S,
            httponly=hidden,
            samesite="lax",
            secure=site.secure_cookies,
            path="/",
        )
    return response


def origin_of(site: Site, request: Request) -> str:
    """Where this site is, as browsers and wallets name it. The guard has seen to it that the host is one of ours."""
    return site.origin or f"{request.url.scheme}://{request.headers.get('host', '')}".lower()


def add_ways_in(app: FastAPI, site: Site, accounts: Accounts, ways: Ways) -> None:
    options: dict[str, Any] = {"tags": ["account"], "responses": PROBLEMS}

    @app.get("/api/ways-in", response_model=shapes.WaysOffered, summary="How one can sign in here", **options)
    async def offered(request: Request) -> Response:
        return answer(
            {
                "password": True,
                "wallet": True,
                "passkey": passkeys.can_have_passkeys(origin_of(site, request)),
                "email": site.post is not None,
            }
        )

    _add_wallet(app, site, accounts, ways, options)
    _add_passkeys(app, site, ways, options)
    _add_links(app, site, ways, options)
    _add_account(app, site, accounts, ways, options)
    _add_keys(app, ways, options)


# --- in --------------------------------------------------------------------------------------------------------------


def _add_wallet(app: FastAPI, site: Site, accounts: Accounts, ways: Ways, options: dict[str, Any]) -> None:
    async def proved(request: Request, wish: shapes.WalletProof) -> str:
        """The wallet that signed. Its nonce is used up first, whatever the signature is worth."""
        nonce = siwe.parse(wish.message).nonce
        about = await ways.take("wallet", nonce, called="message")
        message = siwe.check(wish.message, wish.signature, origin=origin_of(site, request), now_ms=accounts.clock())
        if about["address"] != message.address:
            raise BadProof("the message was written for another wallet")
        return message.address

    @app.post(
        "/api/sign-in/wallet/begin", response_model=shapes.WalletMessage,
        summary="The message that a wallet signs to sign in (EIP-4361)", **options,
    )  # fmt: skip
    async def begin(wish: shapes.WalletBegin, request: Request) -> Response:
        origin, now_ms, address = origin_of(site, request), accounts.clock(), wish.address.lower()
        nonce = await ways.ticket("wallet", {"address": address}, lasts_ms=NONCE_MS)
        message = siwe.Message(
            domain=origin.partition("://")[2],
            address=address,
            uri=f"{origin}/sign-in",
            chain_id=wish.chain_id,
            nonce=nonce,
            issued_at_ms=now_ms,
            expires_at_ms=now_ms + NONCE_MS,
        )
        return answer({"message": message.text()})

    @app.post(
        "/api/sign-in/wallet", response_model=shapes.Worker,
        summary="Sign in with a signed message; an unknown wallet opens an account", **options,
    )  # fmt: skip
    async def sign_in(wish: shapes.WalletSignIn, request: Request) -> Response:
        wallet = await proved(request, wish)
        token, account = await ways.enter_by_wallet(wallet, name=wish.name, role=wish.role, device=device_of(request))
        return with_session(site, token, account)

    @app.post(
        "/api/account/wallets", response_model=shapes.Done, summary="Let a wallet sign in to this account", **options
    )
    async def link(wish: shapes.WalletProof, request: Request, person: FreshPerson) -> Response:
        await ways.link_wallet(person.worker, await proved(request, wish))
        return answer({"done": True})

    @app.post(
        "/api/account/wallet/export", response_model=shapes.Keystore,
        summary="Take the kept wallet along: its key in a file that only the passphrase opens", **options,
    )  # fmt: skip
    async def export(wish: shapes.WalletExport, person: FreshPerson) -> Response:
        key = await accounts.wallet_key(person.worker)
        from eth_account import Account as EthAccount  # half a second to load, and wallets are seldom taken along

        keystore = await asyncio.to_thread(EthAccount.encrypt, key, wish.passphrase, kdf="scrypt", iterations=SCRYPT_N)
        return answer({"keystore": keystore})

    @app.post(
        "/api/account/wallet/leave", response_model=shapes.Done,
        summary="Have the kept key forgotten, proving with it that one has it", **options,
    )  # fmt: skip
    async def leave(wish: shapes.WalletProof, request: Request, person: FreshPerson) -> Response:
        if await proved(request, wish) != person.worker:
            raise BadProof("the message was signed by another wallet than the one kept here")
        await ways.leave_with_wallet(person.worker)
        return answer({"done": True})


def _add_passkeys(app: FastAPI, site: Site, ways: Ways, options: dict[str, Any]) -> None:
    @app.post(
        "/api/sign-up/passkey/begin", response_model=shapes.PasskeyOptions,
        summary="What the browser needs to make a passkey for a new account", **options,
    )  # fmt: skip
    async def begin_up(wish: shapes.PasskeyBegin, request: Request) -> Response:
        about = {"name": wish.name, "role": wish.role}
        challenge = await ways.ticket("passkey", {"for": "account", **about}, lasts_ms=NONCE_MS)
        told = passkeys.options_to_make(
            origin_of(site, request), name=wish.name, handle=bytes.fromhex(challenge)[:16], challenge=challenge
        )
        return answer({"options": told})

    @app.post(
        "/api/sign-up/passkey", status_code=201, response_model=shapes.Worker,
        summary="Open an account whose way in is this passkey", **options,
    )  # fmt: skip
    async def sign_up(wish: shapes.PasskeyMade, request: Request) -> Response:
        made, about = await made_of(wish, request, "account")
        token, account = await ways.enter_with_new_passkey(
            made.credential_id, made.public_key, made.sign_count, name=about["name"], role=about["role"],
            label=wish.label or device_of(request)[:60], device=device_of(request),
        )  # fmt: skip
        return with_session(site, token, account, status=201)

    @app.post(
        "/api/sign-in/passkey/begin", response_model=shapes.PasskeyOptions,
        summary="What the browser needs to use a passkey", **options,
    )  # fmt: skip
    async def begin_in(request: Request) -> Response:
        challenge = await ways.ticket("passkey", {"for": "sign-in"}, lasts_ms=NONCE_MS)
        return answer({"options": passkeys.options_to_sign_in(origin_of(site, request), challenge=challenge)})

    @app.post("/api/sign-in/passkey", response_model=shapes.Worker, summary="Sign in with a passkey", **options)
    async def sign_in(wish: shapes.PasskeyUsed, request: Request) -> Response:
        challenge = passkeys.challenge_of(wish.credential)
        about = await ways.take("passkey", challenge, called="challenge")
        credential_id = passkeys.credential_id_of(wish.credential)
        known = await ways.passkey(credential_id)
        if known is None or about["for"] != "sign-in":
            raise BadProof("this passkey opens no account here")
        count = passkeys.check_used(wish.credential, known, challenge=challenge, origin=origin_of(site, request))
        token, account = await ways.enter_by_passkey(credential_id, count, device=device_of(request))
        return with_session(site, token, account)

    @app.post(
        "/api/account/passkeys/begin", response_model=shapes.PasskeyOptions,
        summary="What the browser needs to add a passkey to this account", **options,
    )  # fmt: skip
    async def begin_add(request: Request, person: FreshPerson) -> Response:
        challenge = await ways.ticket("passkey", {"for": person.worker}, lasts_ms=NONCE_MS)
        existing = [bytes.fromhex(one.passkey_id) for one in (await ways.of(person.worker)).passkeys]
        told = passkeys.options_to_make(
            origin_of(site, request), name=person.name, handle=bytes.fromhex(person.worker[2:]), challenge=challenge,
            existing=existing,
        )  # fmt: skip
        return answer({"options": told})

    @app.post("/api/account/passkeys", response_model=shapes.Done, summary="Add a passkey to this account", **options)
    async def add(wish: shapes.PasskeyMade, request: Request, person: FreshPerson) -> Response:
        made, _ = await made_of(wish, request, person.worker)
        label = wish.label or device_of(request)[:60]
        await ways.add_passkey(person.worker, made.credential_id, made.public_key, made.sign_count, label=label)
        return answer({"done": True})

    @app.post(
        "/api/account/passkeys/{passkey_id}/end", response_model=shapes.Done, summary="Take a passkey away", **options
    )
    async def end(passkey_id: KeyId, person: Person) -> Response:
        if not await ways.end_passkey(person.worker, passkey_id):
            raise NotFound("passkey of yours with that id")
        return answer({"done": True})

    async def made_of(
        wish: shapes.PasskeyMade, request: Request, meant_for: str
    ) -> tuple[passkeys.Made, dict[str, Any]]:
        challenge = passkeys.challenge_of(wish.credential)
        about = await ways.take("passkey", challenge, called="challenge")
        if about["for"] != meant_for:
            raise BadProof("the passkey was begun for something else")
        return passkeys.check_made(wish.credential, challenge=challenge, origin=origin_of(site, request)), about


def _add_links(app: FastAPI, site: Site, ways: Ways, options: dict[str, Any]) -> None:
    if site.post is not None:
        _add_letters(app, site, ways, site.post, options)

    @app.post(
        "/api/sign-in/link", response_model=shapes.Worker, summary="Sign in with the link of a letter, once", **options
    )
    async def sign_in(wish: shapes.LinkUsed, request: Request) -> Response:
        about = await ways.take("link", wish.token, called="link")
        device = device_of(request)
        if "email" in about:
            token, account = await ways.enter_by_email(about["email"], role=about["role"], device=device)
        else:
            token, account = await ways.enter_by_link(about["worker"], device=device)
        return with_session(site, token, account)


def _add_letters(app: FastAPI, site: Site, ways: Ways, post: Post, options: dict[str, Any]) -> None:
    @app.post(
        "/api/sign-in/email/begin", response_model=shapes.Done, status_code=202,
        summary="Have a link sent that signs in; an unknown address opens an account", **options,
    )  # fmt: skip
    async def begin(wish: shapes.EmailBegin, request: Request) -> Response:
        email = check_email(wish.email)
        await ways.count_mail(email)
        token = await ways.ticket("link", {"email": email, "role": wish.role}, lasts_ms=LINK_MS)
        letter = sign_in_letter(email, origin=origin_of(site, request), token=token, minutes=LINK_MS // 60_000)
        await post.send(letter)
        return answer({"done": True}, status=202)


# --- one's own account -----------------------------------------------------------------------------------------------


def _add_account(app: FastAPI, site: Site, accounts: Accounts, ways: Ways, options: dict[str, Any]) -> None:
    @app.get("/api/account", response_model=shapes.OwnAccount, summary="The ways into this account", **options)
    async def own(person: Person) -> Response:
        found = msgspec.to_builtins(await ways.of(person.worker))
        return answer({"account": person, **found})

    @app.post(
        "/api/account/password", response_model=shapes.Done,
        summary="Set or change the password; other sessions end", **options,
    )  # fmt: skip
    async def password(wish: shapes.NewPassword, request: Request, person: FreshPerson) -> Response:
        await accounts.set_password(person.worker, wish.password)
        await accounts.end_other_sessions(person.worker, token_of(request))
        return answer({"done": True})

    @app.post("/api/account/roles", response_model=shapes.Worker, summary="Be a requester or worker too", **options)
    async def roles(wish: shapes.RoleTaken, person: Person) -> Response:
        await accounts.take_role(person.worker, wish.role)
        return answer(
            msgspec.structs.replace(person, roles=(*(one for one in person.roles if one != wish.role), wish.role))
        )

    @app.post(
        "/api/sessions/end-others", response_model=shapes.Ended, summary="End every session but this one", **options
    )
    async def end_others(request: Request, person: Person) -> Response:
        return answer({"ended": await accounts.end_other_sessions(person.worker, token_of(request))})


def _add_keys(app: FastAPI, ways: Ways, options: dict[str, Any]) -> None:
    @app.get("/api/keys", response_model=shapes.Keys, summary="Keys of programs that act for this account", **options)
    async def keys(person: Person) -> Response:
        return answer({"keys": await ways.keys(person.worker)})

    @app.post(
        "/api/keys", response_model=shapes.NewKey, status_code=201, summary="Make a key; it is told this once",
        **options,
    )  # fmt: skip
    async def make(wish: shapes.KeyWish, person: FreshPerson) -> Response:
        secret, key = await ways.make_key(person, wish.name, wish.scopes, lasts_ms=wish.lasts_ms)
        return answer({"key": secret, **msgspec.to_builtins(key)}, status=201)

    @app.post("/api/keys/{key_id}/end", response_model=shapes.Done, summary="End a key", **options)
    async def end(key_id: KeyId, person: Person) -> Response:
        if not await ways.end_key(person.worker, key_id):
            raise NotFound("key of yours with that id")
        return answer({"done": True})
