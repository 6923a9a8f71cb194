"""Work pools' part of the HTTP API in words a machine reads. The rules are those of `shapes`.

No shape here has a field for an amount: what a member is paid is between the escrow and the member.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .shapes import Address, Asked, AtMs, Id, Ms, Told

Token = Annotated[str, Field(min_length=1, max_length=100, description="from the link", examples=["5e" * 24])]
Because = Annotated[
    str, Field(min_length=10, max_length=1_000, description="told to the member", examples=["Our contract has ended."])
]
About = Annotated[
    str, Field(max_length=2_000, description="what the pool says of itself", examples=["Clerks of the town archive"])
]


class PoolView(Told):
    pool: Address = Field(description="what a requester names to launch for this pool")
    name: str
    about: About
    listed: bool = Field(description="requesters find it without being told its address", examples=[True])


class MemberView(Told):
    """Work in this pool's jobs alone; no amounts."""

    member_id: Id = Field(description="the pool's own name for the member; it means nothing elsewhere")
    name: str
    joined_at_ms: AtMs
    answers: int
    accepted: int
    refused: int
    credited_ms: Ms = Field(description="working time credited to accepted answers")
    in_hand: int = Field(description="tasks lent right now", examples=[4])
    accepted_bp: int | None = Field(
        description="accepted share of judged answers; null below 20 judged ones", examples=[9_850]
    )


class InviteView(Told):
    invite_id: Id
    note: str = Field(examples=["night shift"])
    places: int = Field(examples=[10])
    taken: int = Field(examples=[3])
    created_at_ms: AtMs
    expires_at_ms: AtMs


class PoolJobView(Told):
    job_id: Id
    title: str
    task_type: str
    state: str
    simulated: bool = Field(examples=[False])
    tasks: int = Field(examples=[820])
    undecided: int = Field(description="tasks without a final word", examples=[410])
    open_tasks: int
    announced_at_ms: AtMs
    answers: int
    workers: int = Field(description="members who have answered in it", examples=[4])


class OwnPool(Told):
    pool: PoolView
    members: list[MemberView]
    invites: list[InviteView] = Field(description="those that still hold")
    jobs: list[PoolJobView] = Field(description="launched for this pool; the newest first, at most 200")


class PoolWish(Asked):
    about: About = ""
    listed: bool = False


class InviteWish(Asked):
    note: Annotated[str, Field(max_length=120, description="for yourself", examples=["night shift"])] = ""
    places: Annotated[int, Field(ge=1, le=500, examples=[10])] = 1
    lasts_ms: Annotated[int, Field(ge=60_000, le=7_776_000_000, examples=[1_209_600_000])] = 1_209_600_000


class InviteMade(Told):
    invite_id: Id
    token: Token = Field(description="told this once")
    path: str = Field(description="the link, under this site's address", examples=["/pools#" + "5e" * 24])
    expires_at_ms: AtMs


class RemovalWish(Asked):
    because: Because


class TokenGiven(Asked):
    token: Token


class JoinWish(TokenGiven):
    agreed_to: Annotated[str, Field(max_length=40, description="`sees` of the answer to look", examples=["2026-11"])]


class Invited(Told):
    pool: Address
    name: str
    about: About
    sees: str = Field(description="version of the words on what a pool sees", examples=["2026-11"])
    member: bool = Field(description="belongs to it already", examples=[False])


class Joined(Told):
    pool: Address


class MembershipView(Told):
    pool: Address
    name: str
    about: About
    agreed_to: str = Field(examples=["2026-11"])
    joined_at_ms: AtMs
    ended_at_ms: AtMs | None
    ended_by: Literal["worker", "pool"] | None
    because: str = Field(description="the pool's reason, when it ended the membership", examples=["contract ended"])


class Memberships(Told):
    pools: list[MembershipView]


class PoolChoice(PoolView):
    members: int = Field(examples=[12])


class PoolChoices(Told):
    pools: list[PoolChoice]
