"""Work pools: somebody's own workforce, whose members alone are lent tasks of the jobs launched for it.

Rules kept here
- A pool is an account with the role `workpool`. Nobody becomes a member without agreeing to the words of `SEES`, and
  whoever agreed to other words than today's is told so when they join.
- A pool sees its members' work in its own jobs alone: how many answers, how many accepted, how many hours. It never
  sees an amount, an address, an answer, another job, or another pool; nothing of it survives a member's leaving.
- Pay goes from the escrow to the member's own wallet. No statement here, and no message, names a pool beside money.
- A member leaves at once, with record, standing and wallet; what they hold can be finished. A pool puts somebody out
  only with a reason, which the member is told, and which moves no standing.

    pooling = Pooling(ctx)
    invite = await pooling.invite(pool, note="night shift", places=10, lasts_ms=DAY_MS)
    await pooling.join(worker, invite.token, agreed_to=SEES)
"""

from __future__ import annotations

from typing import Final

import msgspec

from manyhands.protocol.ids import digest
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, row_of, rows, rows_of, scalar
from manyhands.store.sql import load_queries

from .accounts import WORKER, token_hash_of
from .books import ANSWERS_LEAST
from .errors import (
    BadRequest,
    InviteSpent,
    NotAPool,
    NotInThisPool,
    OtherWords,
    TooManyInvites,
    TooManyPools,
    WrongRole,
)

QUERIES = load_queries("manyhands.roles.exchange")

SEES: Final = "2026-11"
"""Version of the words that say what a pool sees; the texts of the site carry them under this name."""

DAY_MS = 24 * 3_600_000
PLACES_MAX = 500
LASTS_MS_MAX = 90 * DAY_MS
INVITES_MAX = 100
POOLS_MAX = 20
NOTE_CHARS_MAX = 120
ABOUT_CHARS_MAX = 2_000
BECAUSE_CHARS = (10, 1_000)


class Pool(msgspec.Struct, frozen=True):
    """One pool as it describes itself. pool = its address; listed = requesters find it."""

    pool: str
    name: str
    about: str
    listed: bool


class PoolToChoose(msgspec.Struct, frozen=True):
    """A pool as a requester chooses it."""

    pool: str
    name: str
    about: str
    listed: bool
    members: int


class Invite(msgspec.Struct, frozen=True):
    """An invitation that still holds, as it is listed: the link itself is told once, when it is made."""

    invite_id: str
    note: str
    places: int
    taken: int
    created_at_ms: int
    expires_at_ms: int


class NewInvite(msgspec.Struct, frozen=True):
    """An invitation just made. token opens it, and is kept nowhere."""

    invite_id: str
    token: str
    expires_at_ms: int


class Invited(msgspec.Struct, frozen=True):
    """What somebody who was invited is shown before anything is agreed. member: belongs to it already."""

    pool: str
    name: str
    about: str
    sees: str
    member: bool


class Member(msgspec.Struct, frozen=True):
    """A member as the pool sees them, over this pool's jobs alone.

    member_id    the pool's own name for them
    accepted_bp  share of judged answers that was accepted; None below `books.ANSWERS_LEAST` judged ones
    credited_ms  working time credited to accepted answers
    in_hand      tasks lent right now
    """

    member_id: str
    name: str
    joined_at_ms: int
    answers: int
    accepted: int
    refused: int
    credited_ms: int
    in_hand: int
    accepted_bp: int | None = None


class PoolJob(msgspec.Struct, frozen=True):
    """A job that was launched for the pool. undecided: tasks without a final word."""

    job_id: str
    title: str
    task_type: str
    state: str
    simulated: bool
    tasks: int
    undecided: int
    open_tasks: int
    announced_at_ms: int
    answers: int
    workers: int


class Membership(msgspec.Struct, frozen=True):
    """A worker's side of a pool. ended_at_ms None = belongs to it; because: the pool's reason for ending it."""

    pool: str
    name: str
    about: str
    agreed_to: str
    joined_at_ms: int
    ended_at_ms: int | None
    ended_by: str | None
    because: str


class OpenPool(msgspec.Struct, frozen=True):
    """A pool in the operator's list."""

    pool: str
    name: str
    listed: bool
    members: int


class Pooling:
    """Pools, their invitations and members."""

    def __init__(self, ctx: RoleContext) -> None:
        self._ctx = ctx

    # --- the pool's side ------------------------------------------------------------------------------------------

    async def of(self, pool: str) -> Pool:
        """raises NotAPool"""
        async with self._ctx.db.connection() as connection:
            return await self._pool(connection, pool)

    async def describe(self, pool: str, *, about: str, listed: bool) -> None:
        """What the pool says of itself; the last words count. raises NotAPool, BadRequest"""
        about = _text(about, "what you say of yourselves", 0, ABOUT_CHARS_MAX)
        values = {"pool": pool, "about": about, "listed": listed, "now_ms": self._ctx.clock()}
        async with self._ctx.db.transaction() as tx:
            await self._pool(tx, pool)
            await tx.execute(QUERIES.put_pool, values)

    async def invite(self, pool: str, *, note: str, places: int, lasts_ms: int) -> NewInvite:
        """Makes a link with which so many people can join. raises NotAPool, BadRequest, TooManyInvites"""
        note = _text(note, "a note", 0, NOTE_CHARS_MAX)
        if not 1 <= places <= PLACES_MAX or not 0 < lasts_ms <= LASTS_MS_MAX:
            raise BadRequest(f"an invitation has 1 to {PLACES_MAX} places and holds for 90 days at most")
        token, now_ms = self._ctx.ids.random_bytes(24).hex(), self._ctx.clock()
        made = NewInvite(digest("pool invite", token), token, now_ms + lasts_ms)
        async with self._ctx.db.transaction() as tx:
            # the account's row is held, so that two wishes at once cannot pass the limit together
            await tx.execute(QUERIES.lock_account, {"worker": pool})
            await self._pool(tx, pool)
            if await scalar(tx, QUERIES.count_pool_invites, {"pool": pool, "now_ms": now_ms}) >= INVITES_MAX:
                raise TooManyInvites(INVITES_MAX)
            values = {"invite_hash": token_hash_of(token), "invite_id": made.invite_id, "pool": pool, "note": note}
            await tx.execute(
                QUERIES.add_pool_invite,
                {**values, "places": places, "now_ms": now_ms, "expires_at_ms": made.expires_at_ms},
            )
        return made

    async def invites(self, pool: str) -> list[Invite]:
        """Invitations that still hold, the newest first."""
        async with self._ctx.db.connection() as connection:
            values = {"pool": pool, "now_ms": self._ctx.clock()}
            return await rows_of(connection, Invite, QUERIES.pool_invites, values)

    async def end_invite(self, pool: str, invite_id: str) -> bool:
        """Ends an invitation; who joined by it stays. False when the pool has none of that id."""
        values = {"pool": pool, "invite_id": invite_id, "now_ms": self._ctx.clock()}
        async with self._ctx.db.transaction() as tx:
            return await scalar(tx, QUERIES.end_pool_invite, values) is not None

    async def members(self, pool: str) -> list[Member]:
        """Present members with their work in the pool's jobs, by name."""
        async with self._ctx.db.connection() as connection:
            values = {"pool": pool, "now_ms": self._ctx.clock()}
            found = [Member(*row) for row in await rows(connection, QUERIES.pool_members, values)]
        return [
            msgspec.structs.replace(one, accepted_bp=one.accepted * 10_000 // judged)
            if (judged := one.accepted + one.refused) >= ANSWERS_LEAST
            else one
            for one in found
        ]

    async def jobs(self, pool: str) -> list[PoolJob]:
        """Jobs that were launched for the pool, the newest first, 200 at most."""
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, PoolJob, QUERIES.pool_jobs, {"pool": pool})

    async def remove(self, pool: str, member_id: str, because: str) -> None:
        """Puts a member out, who is told why. raises BadRequest without a reason, NotInThisPool"""
        because = _text(because, "the reason", *BECAUSE_CHARS)
        values = {"pool": pool, "member_id": member_id, "because": because, "now_ms": self._ctx.clock()}
        async with self._ctx.db.transaction() as tx:
            if await scalar(tx, QUERIES.remove_pool_member, values) is None:
                raise NotInThisPool

    # --- the worker's side ----------------------------------------------------------------------------------------

    async def look(self, worker: str, token: str) -> Invited:
        """What an invitation is to, and what would be agreed to. raises InviteSpent"""
        async with self._ctx.db.connection() as connection:
            pool, free = await self._invite(connection, token)
            member = await self._is_member(connection, pool, worker)
            if not (free or member):
                raise InviteSpent
            own = await self._pool(connection, pool)
        return Invited(own.pool, own.name, own.about, SEES, member)

    async def join(self, worker: str, roles: tuple[str, ...], token: str, *, agreed_to: str) -> str:
        """Makes the worker a member; returns the pool. Joining twice is joining once and takes one place.

        agreed_to  version of the words that were shown
        raises     WrongRole for an account that is no worker's, InviteSpent, OtherWords, TooManyPools
        """
        if WORKER not in roles:
            raise WrongRole([WORKER])
        if agreed_to != SEES:
            raise OtherWords
        now_ms = self._ctx.clock()
        async with self._ctx.db.transaction() as tx:
            await tx.execute(QUERIES.lock_account, {"worker": worker})
            pool, _ = await self._invite(tx, token)
            if await self._is_member(tx, pool, worker):
                return pool
            if await scalar(tx, QUERIES.count_pools_of, {"worker": worker}) >= POOLS_MAX:
                raise TooManyPools(POOLS_MAX)
            if await scalar(tx, QUERIES.take_pool_invite, {**_held(token), "now_ms": now_ms}) is None:
                raise InviteSpent  # somebody else took the last place
            # by chance, not by address: addresses are public, and an id made of one could be tried out
            member = {"pool": pool, "worker": worker, "member_id": self._ctx.ids.random_bytes(16).hex()}
            await tx.execute(QUERIES.join_pool, {**member, "agreed_to": agreed_to, "now_ms": now_ms})
        return pool

    async def leave(self, worker: str, pool: str) -> None:
        """Ends the worker's membership at once. raises NotInThisPool"""
        async with self._ctx.db.transaction() as tx:
            values = {"pool": pool, "worker": worker, "now_ms": self._ctx.clock()}
            if await scalar(tx, QUERIES.leave_pool, values) is None:
                raise NotInThisPool

    async def memberships(self, worker: str) -> list[Membership]:
        """The worker's pools, present ones first."""
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, Membership, QUERIES.pools_of, {"worker": worker})

    # --- for who launches and who runs the platform ---------------------------------------------------------------

    async def to_choose(self, requester: str) -> list[PoolToChoose]:
        """Pools that let themselves be found, and the requester's own."""
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, PoolToChoose, QUERIES.pools_to_choose, {"requester": requester})

    async def count_people(self, pool: str) -> int:
        """How many people can work on a job of the pool; 0 also for an address that is none."""
        async with self._ctx.db.connection() as connection:
            return int(await scalar(connection, QUERIES.count_pool_people, {"pool": pool}) or 0)

    async def all(self) -> list[OpenPool]:
        """Every pool, by name."""
        async with self._ctx.db.connection() as connection:
            return await rows_of(connection, OpenPool, QUERIES.pools_open)

    # --- inside ---------------------------------------------------------------------------------------------------

    async def _pool(self, tx: Tx, pool: str) -> Pool:
        found = await row_of(tx, Pool, QUERIES.pool_of, {"pool": pool})
        if found is None:
            raise NotAPool
        return found

    async def _invite(self, tx: Tx, token: str) -> tuple[str, bool]:
        """The pool of an invitation that has not ended, and whether a place is left. raises InviteSpent"""
        found = await rows(tx, QUERIES.pool_invite, {**_held(token), "now_ms": self._ctx.clock()})
        if not found:
            raise InviteSpent
        return found[0][0], found[0][1]

    async def _is_member(self, tx: Tx, pool: str, worker: str) -> bool:
        return await scalar(tx, QUERIES.is_pool_member, {"pool": pool, "worker": worker}) is not None


def _held(token: str) -> dict[str, str]:
    return {"invite_hash": token_hash_of(token)}


def _text(text: str, what: str, least: int, most: int) -> str:
    """The text, blanks at its ends off. raises BadRequest"""
    tidy = text.strip()
    if not least <= len(tidy) <= most or "\x00" in tidy:
        raise BadRequest(f"{what} takes {least} to {most} characters, without NUL")
    return tidy
