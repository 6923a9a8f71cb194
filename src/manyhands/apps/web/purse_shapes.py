"""The purses' part of the HTTP API in words a machine reads. The rules are those of `shapes`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .shapes import UNSAID, Address, Asked, AtMs, Id, Minor, Sentences, Told

Amount = Annotated[int, Field(ge=1, le=10**15, description="whole minor units", examples=[250_000_000])]
Why = Annotated[
    str, Field(min_length=3, max_length=450, description="for whoever reads it later", examples=["contract of 2026-11"])
]


CurrencyAsked = Annotated[
    str, Field(pattern="^([A-Za-z][A-Za-z0-9]{0,15})?$", description='"" = the platform\'s first', examples=["MHT"])
]


class PurseView(Told):
    """What a requester may spend in one currency: free = limit + paid in - spent - held, never below 0."""

    requester: Address
    currency: str = Field(examples=["MHT"])
    exponent: int = Field(examples=[6])
    limit_minor: Minor
    by_default: bool = Field(description="nobody has set a limit for this requester", examples=[False])
    paid_in_minor: Minor
    spent_minor: Minor
    held_minor: Minor = Field(description="the most that running jobs can still cost")
    free_minor: Minor
    because: str = Field(examples=["contract of 2026-11"])
    set_by: str = Field(examples=["operator"])
    exempt: bool = Field(description="the operator's own account spends the launcher's wallet", examples=[False])


class HeldView(Told):
    job_id: Id
    title: str = Field(examples=["Receipts of March"])
    state: str = Field(examples=["open"])
    currency: str = Field(examples=["MHT"])
    held_minor: Minor


class PurseLineView(Told):
    at_ms: AtMs
    kind: str = Field(description="deposit, loan, loan_returned, hold or charge", examples=["hold"])
    state: str = Field(
        description="pending = a hold that runs; voided = a hold that was given up", examples=["pending"]
    )
    job_id: Id = Field(description='"" for what belongs to no job')
    amount_minor: Minor = Field(description="above 0 came in, below 0 went out")
    balance_minor: Minor = Field(description="what was in the purse then, holds not counted")
    because: str = Field(examples=["the most that the job can cost"])
    because_said: Sentences = UNSAID


class PayInView(Told):
    """Tokens sent from your account's address to `address` on this chain are your deposit."""

    chain_id: int = Field(examples=[1338])
    chain: str = Field(examples=["local-a"])
    currency: str = Field(examples=["MHT"])
    token: Address
    address: Address


class OwnPurse(Told):
    purse: PurseView
    others: list[PurseView] = Field(description="your purses in the other currencies of this platform")
    held: list[HeldView]
    lines: list[PurseLineView] = Field(description="the newest first, at most 500")
    pay_in_at: list[PayInView]


class NamedPurse(PurseView):
    name: str = Field(description='"" for an address without an account here', examples=["quick-otter"])


class Purses(Told):
    purses: list[NamedPurse]
    default_limit_minor: Minor = Field(description="in the platform's first currency")
    currencies: list[str] = Field(description="those there are purses in, the first first", examples=[["MHT"]])


class LimitWish(Asked):
    limit_minor: Annotated[int, Field(ge=0, le=10**15, examples=[250_000_000])] | None
    currency: CurrencyAsked = ""
    because: Why


class DepositWish(Asked):
    amount_minor: Amount
    currency: CurrencyAsked = ""
    reference: Annotated[
        str,
        Field(min_length=3, max_length=200, description="tells two deposits apart", examples=["bank 2026-11-26 17"]),
    ]
    because: Why
