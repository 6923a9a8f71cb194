"""What is refused before anything is signed: bad amounts, a key in the wrong part, a chain that does not fit its facts.

Rules kept here
- Each refusal names what is wrong, in fields and in a sentence, and what to do. Nothing is stored, signed or sent.
- The contracts hold the same rules; here they cost nobody gas, and the reason is there at once.
- More recipients than one transaction takes is no mistake: they are split.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from manyhands.chain.client import ChainClient
from manyhands.chain.contracts import MAX_RECIPIENTS, encode_call
from manyhands.chain.errors import CallReverted
from manyhands.chain.facts import ChainFacts
from manyhands.protocol.errors import ManyhandsError

NODE_PATIENCE_S = 5.0


class NotSent(ManyhandsError):
    """Base of what was refused before anything was signed."""


class AmountNotPositive(NotSent):
    """An amount that no contract would take."""

    def __init__(self, act: str, *, amount_minor: int, whose: str = "") -> None:
        self.act, self.amount_minor, self.whose = act, amount_minor, whose
        of = f" for {whose}" if whose else ""
        super().__init__(
            f"{act} of {amount_minor}{of} was not sent: it must be above 0",
            cure="Leave out whoever gets nothing.",
        )


class NotThisKeysPart(NotSent):
    """The escrow names another key for what was to be done."""

    def __init__(self, escrow: str, part: str, *, named: str, own: str) -> None:
        self.escrow, self.part, self.named, self.own = escrow, part, named, own
        super().__init__(
            f"nothing was sent to escrow {escrow}: its {part} is {named}, and this key is {own}",
            cure="Run the role with the key that the escrow names; an escrow's keys are fixed at its setup.",
        )


class OtherMoney(NotSent):
    """The quote is in a money that no token of the chain is."""

    def __init__(self, chain_id: int, *, asked: str, paid: str) -> None:
        self.chain_id, self.asked, self.paid = chain_id, asked, paid
        super().__init__(
            f"nothing was sent: the quote is in {asked}, and jobs on chain {chain_id} are paid in {paid}",
            cure=f"Choose a chain whose facts name {asked} among its tokens, or quote in {paid}.",
        )


class FundsMissing(NotSent):
    """The wallet holds less than the act needs. needed, held: base units of the token, or wei for gas"""

    def __init__(self, chain_id: int, wallet: str, what: str, *, needed: int, held: int) -> None:
        self.chain_id, self.wallet, self.what, self.needed, self.held = chain_id, wallet, what, needed, held
        super().__init__(
            f"wallet {wallet} holds {held} {what} on chain {chain_id} that are not promised yet, {needed} are needed",
            cure=f"Send it {needed - held} {what} more, or use another chain.",
        )


@dataclass(frozen=True)
class Holdings:
    """What a wallet has on a chain: base units of a token, and wei for gas."""

    tokens_base: int
    gas_wei: int


ReadHoldings = Callable[[ChainFacts, str, str], Awaitable[Holdings]]
"""Chain, wallet, a token's address -> what the wallet holds. raises ChainUnreachable, WrongChain"""


async def holdings_on_chain(facts: ChainFacts, wallet: str, token: str) -> Holdings:
    """Asks the chain's own node. raises ChainUnreachable, WrongChain"""
    async with ChainClient(facts, timeout_s=NODE_PATIENCE_S) as client:
        await client.connect()
        raw = await client.call(token, encode_call("TestToken", "balanceOf", wallet))
        return Holdings(int.from_bytes(raw, "big"), await client.balance_wei(wallet))


async def unfit_because(client: ChainClient) -> str:
    """Why nothing should be sent to a chain by these facts; "" when nothing speaks against it.

    Asked of the node: is there code at every address the facts name, and do the tokens count in the decimals they say?
    """
    at = client.facts.contracts
    if at is None:
        return "its facts name no contracts"
    for name, address in (
        ("factory", at.factory),
        ("token", at.token),
        ("staking contract", at.staking),
        ("jury", at.jury),
    ):
        if not await client.code(address):
            return f"its contracts are not deployed yet: there is no code at the {name}'s address {address}"
    for token in client.facts.tokens:
        address = token.address or at.token
        if not await client.code(address):
            return f"there is no code at the address of {token.symbol}, {address}"
        try:
            found = int.from_bytes(await client.call(address, encode_call("TestToken", "decimals")), "big")
        except CallReverted:
            return f"what stands at {address} is no token: it does not tell its decimals"
        if found != token.decimals:
            return f"token {address} counts in {found} decimals, the facts say {token.decimals} of {token.symbol}"
    return ""


def payout_chunks(pay: Sequence[tuple[str, int]]) -> Iterator[Sequence[tuple[str, int]]]:
    """The payouts of a job in portions that one transaction takes.

    raises  AmountNotPositive

    >>> [len(part) for part in payout_chunks([("0xa", 1)] * 250)]
    [100, 100, 50]
    """
    for who, minor in pay:
        check_positive("payout", minor, whose=who)
    for start in range(0, len(pay), MAX_RECIPIENTS):
        yield pay[start : start + MAX_RECIPIENTS]


def check_positive(act: str, amount_minor: int, *, whose: str = "") -> None:
    """raises AmountNotPositive"""
    if amount_minor <= 0:
        raise AmountNotPositive(act, amount_minor=amount_minor, whose=whose)
