"""purse list, purse limit, purse deposit: what requesters may spend through this platform's launcher."""

from __future__ import annotations

import getpass
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from manyhands.apps.compose import Platform, client
from manyhands.apps.folder import DataFolder
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.money import MHT, Money, parse_money
from manyhands.roles.launcher.purses import ADDRESS, BadSum, Purse, Purses

from . import AsJson, Data, app, data_default, run
from .show import Exit, as_json, money, output, table

purse = App(name="purse", help="What requesters may spend: list, limit, deposit.")
app.command(purse)

Who = Annotated[str, Parameter(help="The requester: name of the account, or its address.")]
Because = Annotated[str, Parameter(help="One sentence for whoever reads it later.")]


class NoSuchAccount(ManyhandsError):
    """Nobody of that name has an account here."""

    def __init__(self, who: str) -> None:
        self.who = who
        super().__init__(
            f"there is no account {who!r}",
            cure="A name stands on its account page; `manyhands purse list` names the requesters.",
        )


@purse.command(name="list")
def list_(*, data: Data | None = None, json: AsJson = False) -> int:
    """Show every requester's purse: limit, paid in, held by running jobs, spent, and what is free."""

    async def work() -> Exit:
        async with client(DataFolder(data or data_default())) as platform:
            names = await platform.exchange.accounts.requesters()
            found = await _purses(platform).all(beside=tuple(names))
        if json:
            as_json([{**msgspec.to_builtins(one), "name": names.get(one.requester, "")} for one in found])
        elif not found:
            output.print("nobody has opened a desk yet")
        else:
            heads = ["requester", "address", "limit", "paid in", "held", "spent", "free"]
            table("", heads, [[names.get(one.requester, ""), one.requester, *_figures(one)] for one in found])
        return Exit.OK

    return run(work, json=json)


@purse.command
def limit(
    who: Who, amount: Annotated[str, Parameter(help="Such as 250MHT; `default` = as everybody.")], *, because: Because,
    data: Data | None = None, json: AsJson = False,
) -> int:  # fmt: skip
    """Set what a requester may owe. What is held or spent already stays so."""

    async def work() -> Exit:
        limit_minor = None if amount == "default" else _minor(amount)
        async with client(DataFolder(data or data_default())) as platform:
            address = await _address(platform, who)
            found = await _purses(platform).set_limit(address, limit_minor, by=getpass.getuser(), because=because)
        _told(found, json=json)
        return Exit.OK

    return run(work, json=json)


@purse.command
def deposit(
    who: Who, amount: Annotated[str, Parameter(help="Such as 250MHT.")], *,
    reference: Annotated[str, Parameter(help="What tells two deposits apart, such as the bank's reference.")],
    because: Because = "paid in", data: Data | None = None, json: AsJson = False,
) -> int:  # fmt: skip
    """Write down what a requester paid in by another way than the chain. The same reference twice counts once."""

    async def work() -> Exit:
        amount_minor = _minor(amount)
        async with client(DataFolder(data or data_default())) as platform:
            address = await _address(platform, who)
            found = await _purses(platform).deposit(address, amount_minor, reference=reference, because=because)
        _told(found, json=json)
        return Exit.OK

    return run(work, json=json)


def _purses(platform: Platform) -> Purses:
    assert platform.launcher.purses is not None  # a platform's launcher always has them
    return platform.launcher.purses


async def _address(platform: Platform, who: str) -> str:
    """raises NoSuchAccount"""
    if ADDRESS.match(who):
        return who
    for address, name in (await platform.exchange.accounts.requesters()).items():
        if name.casefold() == who.casefold():
            return address
    raise NoSuchAccount(who)


def _minor(amount: str) -> int:
    """Minor units of the platform's token. raises BadAmount, BadSum for another currency"""
    found = parse_money(amount)
    if found.currency.code != MHT.code:
        raise BadSum(f"purses are kept in {MHT.code}")
    return found.minor


def _figures(found: Purse) -> list[str]:
    return [
        money(minor, found.currency)
        for minor in (found.limit_minor, found.paid_in_minor, found.held_minor, found.spent_minor, found.free_minor)
    ]


def _told(found: Purse, *, json: bool) -> None:
    if json:
        as_json(found)
        return
    free, limit_ = Money(found.free_minor, MHT), Money(found.limit_minor, MHT)
    output.print(f"{found.requester} may spend {free}: limit {limit_}, paid in {Money(found.paid_in_minor, MHT)}")
