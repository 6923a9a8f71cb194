"""Who stands at the door: the one dependency with which a route says who may call it.

Rules kept here
- A person comes with the cookie `mh_session`, a program with `Authorization: Bearer mhk_...`; never both at once.
- A route names the roles and the scope it needs. A route that names no scope is closed to every key.
- What somebody may see of a thing (its owner or not) is the service's to check: this knows roles, not things.

    @app.get("/api/desk/jobs")
    async def jobs(account: Annotated[Account, Depends(signed_in(scope="jobs"))]) -> Response: ...

    signed_in()                          anybody with a session, no key
    signed_in(scope="jobs")              requesters and operators (the roles of `SCOPES`), or a key made for it
    signed_in(role="operator")           operators with a session
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.requests import Request

from manyhands.roles.exchange.accounts import SCOPES, Account, Accounts, Caller
from manyhands.roles.exchange.errors import NotSignedIn, SignInAgain

from .site import SESSION_COOKIE

FRESH_MS: Final = 10 * 60_000
BEARER: Final = "bearer "


def token_of(request: Request) -> str:
    """The key of a program, else the session of a person, else ""."""
    header = request.headers.get("authorization", "")
    if header[: len(BEARER)].lower() == BEARER:
        return header[len(BEARER) :].strip()
    return request.cookies.get(SESSION_COOKIE, "")


async def caller_of(request: Request) -> Caller:
    """Who asks. raises NotSignedIn"""
    accounts: Accounts | None = request.app.state.accounts
    if accounts is None:
        raise NotSignedIn
    return await accounts.need_caller(token_of(request))


def signed_in(
    *, role: str | Sequence[str] = (), scope: str = "", fresh: bool = False
) -> Callable[[Request], Awaitable[Account]]:
    """A dependency that gives the account of who asks.

    role   one role, or several of which one suffices; () = those of the scope, else any
    scope  what a program's key must carry; "" = people only
    fresh  whether the session must have begun within `FRESH_MS`: for what a stolen session must not do
    raises (in a request) NotSignedIn, WrongRole, ScopeMissing, SignInAgain
    """
    if scope and scope not in SCOPES:
        raise KeyError(f"there is no scope {scope!r}; there are {', '.join(SCOPES)}")
    roles = (role,) if isinstance(role, str) else tuple(role) or SCOPES.get(scope, ())

    async def who(request: Request) -> Account:
        caller = await caller_of(request)
        account = caller.check(roles=roles, scope=scope)
        if fresh and request.app.state.clock() - caller.since_ms > FRESH_MS:
            raise SignInAgain
        return account

    # a test lists every route with whom it lets in
    who.needs = {"roles": roles, "scope": scope, "fresh": fresh}  # type: ignore[attr-defined]
    return who
