"""purse list, purse limit, purse deposit: what requesters may spend through this platform's launcher."""

from __future__ import annotations

import getpass
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from manyhands.apps.compose import Platform, client
from manyhands.apps.folder import DataFolder
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.money import Currency, Money, parse_money
from manyhands.roles.launcher.purses import ADDRESS, Purse, Purses

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
            found, known = await _purses(platform).all(beside=tuple(names)), _purses(platform).currencies
        if json:
            as_json([{**msgspec.to_builtins(one), "name": names.get(one.requester, "")} for one in found])
        elif not found:
            output.print("nobody has opened a desk yet")
        else:
            heads = ["requester", "address", "limit", "paid in", "held", "spent", "free"]
            table(
                "",
                heads,
                [[names.get(one.requester, ""), one.requester, *_figures(one, known[one.currency])] for one in found],
            )
        return Exit.OK

    return run(work, json=json)


@purse.command
def limit(
    who: Who, amount: Annotated[str, Parameter(help="Such as 250MHT; `default` = as everybody.")], *, because: Because,
    currency: Annotated[str, Parameter(help="With `default`: of which purse. Default: the first token's.")] = "",
    data: Data | None = None, json: AsJson = False,
) -> int:  # fmt: skip
    """Set what a requester may owe. What is held or spent already stays so."""

    async def work() -> Exit:
        async with client(DataFolder(data or data_default())) as platform:
            purses = _purses(platform)
            wanted = Money(0, purses.currency(currency)) if amount == "default" else _amount(amount, purses)
            limit_minor = None if amount == "default" else wanted.minor
            address, by = await _address(platform, who), getpass.getuser()
            found = await purses.set_limit(address, limit_minor, by=by, because=because, code=wanted.currency.code)
        _told(found, wanted.currency, json=json)
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
        async with client(DataFolder(data or data_default())) as platform:
            purses = _purses(platform)
            paid, address = _amount(amount, purses), await _address(platform, who)
            code = paid.currency.code
            found = await purses.deposit(address, paid.minor, reference=reference, because=because, code=code)
        _told(found, paid.currency, json=json)
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


def _amount(amount: str, purses: Purses) -> Money:
    """An amount in one of the platform's tokens, by its code. raises BadAmount"""
    return parse_money(amount, currencies=dict(purses.currencies))


def _figures(found: Purse, currency: Currency) -> list[str]:
    return [
        money(minor, currency)
        for minor in (found.limit_minor, found.paid_in_minor, found.held_minor, found.spent_minor, found.free_minor)
    ]


def _told(found: Purse, currency: Currency, *, json: bool) -> None:
    if json:
        as_json(found)
        return
    free, limit_, paid = (
        Money(minor, currency) for minor in (found.free_minor, found.limit_minor, found.paid_in_minor)
    )
    output.print(f"{found.requester} may spend {free}: limit {limit_}, paid in {paid}")
