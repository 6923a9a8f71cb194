"""Routes of work pools: who runs one, who belongs to one, and who launches for one.

Rules kept here
- Whose pool, and whose membership, follows from the session or key, never from the request.
- Joining and leaving are a person's own: no program's key joins or leaves anything.
- An invitation's secret travels in a body, never in an address: addresses are written to logs.
"""

import logging
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Path
from starlette.responses import Response

from manyhands.roles.exchange.accounts import Account
from manyhands.roles.exchange.pooling import Pooling

from . import pool_shapes as shapes
from .door import signed_in
from .problems import NotFound
from .replies import PROBLEMS, answer
from .shapes import Done

log = logging.getLogger(__name__)

POOL: Final = Depends(signed_in(scope="pool"))
WORKER: Final = Depends(signed_in(role="worker"))
PERSON: Final = Depends(signed_in())
JOBS: Final = Depends(signed_in(scope="jobs"))
Ref = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.:-]+$")]
Address = Annotated[str, Path(pattern=r"^0x[0-9a-f]{40}$", examples=["0x" + "ab" * 20])]


def add_pools(app: FastAPI, pooling: Pooling) -> None:
    """Adds the routes."""
    _add_own(app, pooling, {"tags": ["work pool"], "responses": PROBLEMS})
    _add_memberships(app, pooling, {"tags": ["own record"], "responses": PROBLEMS})

    @app.get(
        "/api/desk/pools", response_model=shapes.PoolChoices, tags=["requester"], responses=PROBLEMS,
        summary="Work pools that let themselves be found, and one's own",
    )  # fmt: skip
    async def to_choose(owner: Annotated[Account, JOBS]) -> Response:
        return answer({"pools": await pooling.to_choose(owner.worker)})


def _add_own(app: FastAPI, pooling: Pooling, options: dict[str, Any]) -> None:
    @app.get(
        "/api/pool", response_model=shapes.OwnPool,
        summary="Your work pool: members with their work in its jobs, invitations, jobs", **options,
    )  # fmt: skip
    async def own(owner: Annotated[Account, POOL]) -> Response:
        return answer(
            {
                "pool": await pooling.of(owner.worker),
                "members": await pooling.members(owner.worker),
                "invites": await pooling.invites(owner.worker),
                "jobs": await pooling.jobs(owner.worker),
            }
        )

    @app.put("/api/pool", response_model=Done, summary="Say who you are, and whether requesters find you", **options)
    async def describe(wish: shapes.PoolWish, owner: Annotated[Account, POOL]) -> Response:
        await pooling.describe(owner.worker, about=wish.about, listed=wish.listed)
        return answer({"done": True})

    @app.post(
        "/api/pool/invites", status_code=201, response_model=shapes.InviteMade,
        summary="Make a link by which people can join", **options,
    )  # fmt: skip
    async def invite(wish: shapes.InviteWish, owner: Annotated[Account, POOL]) -> Response:
        made = await pooling.invite(owner.worker, note=wish.note, places=wish.places, lasts_ms=wish.lasts_ms)
        told = {"invite_id": made.invite_id, "token": made.token, "path": f"/pools#{made.token}"}
        return answer({**told, "expires_at_ms": made.expires_at_ms}, status=201)

    @app.post(
        "/api/pool/invites/{invite_id}/end", response_model=Done,
        summary="End an invitation; whoever joined by it stays", **options,
    )  # fmt: skip
    async def end_invite(invite_id: Ref, owner: Annotated[Account, POOL]) -> Response:
        if not await pooling.end_invite(owner.worker, invite_id):
            raise NotFound("invitation of that id")
        return answer({"done": True})

    @app.post(
        "/api/pool/members/{member_id}/remove", response_model=Done,
        summary="Put a member out, with a reason they are told; record and pay are untouched", **options,
    )  # fmt: skip
    async def remove(member_id: Ref, wish: shapes.RemovalWish, owner: Annotated[Account, POOL]) -> Response:
        await pooling.remove(owner.worker, member_id, wish.because)
        log.info("work pool %s ended a membership", owner.worker)
        return answer({"done": True})


def _add_memberships(app: FastAPI, pooling: Pooling, options: dict[str, Any]) -> None:
    @app.get("/api/pools", response_model=shapes.Memberships, summary="Work pools you belong or belonged to", **options)
    async def memberships(person: Annotated[Account, PERSON]) -> Response:
        return answer({"pools": await pooling.memberships(person.worker)})

    @app.post(
        "/api/pools/look", response_model=shapes.Invited, summary="What an invitation is to; nothing is agreed yet",
        **options,
    )  # fmt: skip
    async def look(wish: shapes.TokenGiven, person: Annotated[Account, PERSON]) -> Response:
        return answer(await pooling.look(person.worker, wish.token))

    @app.post(
        "/api/pools/join", response_model=shapes.Joined,
        summary="Join a work pool, agreeing to what it sees; twice is once", **options,
    )  # fmt: skip
    async def join(wish: shapes.JoinWish, worker: Annotated[Account, WORKER]) -> Response:
        pool = await pooling.join(worker.worker, worker.roles, wish.token, agreed_to=wish.agreed_to)
        return answer({"pool": pool})

    @app.post(
        "/api/pools/{pool}/leave", response_model=Done,
        summary="Leave a work pool at once; record, standing and wallet stay yours", **options,
    )  # fmt: skip
    async def leave(pool: Address, person: Annotated[Account, PERSON]) -> Response:
        await pooling.leave(person.worker, pool)
        return answer({"done": True})
