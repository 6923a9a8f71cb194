"""Routes of purses: what a requester may spend, and where an operator lets them spend more.

Rules kept here
- A requester sees their own purse alone; whose it is follows from the session or key, never from the request.
- An operator's word on money comes from a person who signed in: no program's key sets a limit or writes a deposit.
"""

import logging
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, FastAPI, Path
from starlette.responses import Response

from manyhands.roles.exchange.accounts import Account, Accounts
from manyhands.roles.launcher.purses import Purses

from . import purse_shapes as shapes
from .door import signed_in
from .replies import PROBLEMS, answer
from .said import spoken

log = logging.getLogger(__name__)

JOBS: Final = Depends(signed_in(scope="jobs"))
OPERATOR: Final = Depends(signed_in(scope="operate"))
OPERATOR_ALONE: Final = Depends(signed_in(role="operator"))
Requester = Annotated[str, Path(pattern=r"^0x[0-9a-f]{40}$", examples=["0x" + "ab" * 20])]


def add_purses(app: FastAPI, purses: Purses, accounts: Accounts) -> None:
    """Adds the routes."""
    requester: dict[str, Any] = {"tags": ["requester"], "responses": PROBLEMS}
    operator: dict[str, Any] = {"tags": ["operator"], "responses": PROBLEMS}

    @app.get(
        "/api/desk/purse", response_model=shapes.OwnPurse,
        summary="What you may spend, what running jobs hold, every movement, and where to pay in", **requester,
    )  # fmt: skip
    async def own(owner: Annotated[Account, JOBS], currency: shapes.CurrencyAsked = "") -> Response:
        purse = await purses.of(owner.worker, currency)
        return answer(
            {
                "purse": purse,
                "others": [one for one in await purses.all_of(owner.worker) if one.currency != purse.currency],
                "held": [one for one in await purses.held(owner.worker) if one.currency == purse.currency],
                "lines": spoken(await purses.lines(owner.worker, purse.currency)),
                "pay_in_at": [one for one in purses.pay_in_at if one.currency == purse.currency],
            }
        )

    @app.get(
        "/api/operator/purses", response_model=shapes.Purses,
        summary="Every requester's purse, the last changed first", **operator,
    )  # fmt: skip
    async def every(account: Annotated[Account, OPERATOR]) -> Response:
        names = await accounts.requesters()
        found = await purses.all(beside=tuple(names))
        told = [{**msgspec.structs.asdict(one), "name": names.get(one.requester, "")} for one in found]
        first = purses.currency()
        currencies = [one.code for one in purses.currencies.values()]
        limit_minor = purses.limits_minor.get(first.code, 0)
        return answer({"purses": told, "default_limit_minor": limit_minor, "currencies": currencies})

    @app.put(
        "/api/operator/purses/{requester}/limit", response_model=shapes.PurseView,
        summary="Set what a requester may owe; null = the default again", **operator,
    )  # fmt: skip
    async def limit(
        requester: Requester, wish: shapes.LimitWish, account: Annotated[Account, OPERATOR_ALONE]
    ) -> Response:
        purse = await purses.set_limit(
            requester, wish.limit_minor, by=account.name, because=wish.because, code=wish.currency
        )
        log.warning("%s set the limit of %s to %s %s", account.name, requester, wish.limit_minor, purse.currency)
        return answer(purse)

    @app.post(
        "/api/operator/purses/{requester}/deposits", response_model=shapes.PurseView,
        summary="Write down what a requester paid in; the same reference counts once", **operator,
    )  # fmt: skip
    async def deposit(
        requester: Requester, wish: shapes.DepositWish, account: Annotated[Account, OPERATOR_ALONE]
    ) -> Response:
        because = f"{wish.because} ({account.name})"
        purse = await purses.deposit(
            requester, wish.amount_minor, reference=wish.reference, because=because, code=wish.currency
        )
        log.warning("%s wrote a deposit of %s %s for %s", account.name, wish.amount_minor, purse.currency, requester)
        return answer(purse)
