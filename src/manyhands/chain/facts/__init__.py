"""What has to be known about a chain before it can be used: one facts file and a URL make a new chain.

Rules kept here
- A facts file is TOML; every field is checked when it is read, and a mistake names the file and the field.
- Addresses are lower-case hexadecimal with 0x. Fees are whole wei, times whole milliseconds.
- `confirmations` counts blocks on top: an event in block b counts once the head is at b + confirmations or higher.

>>> [facts.name for facts in shipped_facts().values()]
['local-a', 'local-b']
>>> shipped_facts()[1338].confirmations
2
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from manyhands.protocol.manifest import is_currency_code
from manyhands.protocol.money import CURRENCIES, EXPONENT_MAX, Currency

from ..errors import FactsInvalid

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Address = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-f]{40}$")]
AddressOrNone = Annotated[str, msgspec.Meta(pattern="^(0x[0-9a-f]{40})?$")]
Url = Annotated[str, msgspec.Meta(pattern="^https?://[^ ]+$")]


class FeeFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fees per gas in wei.

    source           where a replacement looks for its fee: "facts" adds a quarter, "node" also asks for the base fee
    max_fee_wei      the cap a transaction is signed with at first
    highest_fee_wei  no replacement goes beyond
    stuck_after_ms   sent and not mined for so long: signed again with a higher fee, same nonce
    """

    source: Literal["facts", "node"]
    max_fee_wei: Positive
    priority_fee_wei: NotNegative
    highest_fee_wei: Positive
    stuck_after_ms: Positive = 60_000


class TokenFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token jobs may be paid in, and the currency that its quotes, purses and pages count it in.

    symbol    the currency's code
    decimals  of the token on its chain
    address   "" means: the platform deploys a test token of its own, on local chains
    exponent  decimals of the currency, never more than the token's; absent = as the built-in currency of that code,
              else as many as the token has, 6 at most
    spoken    the money that people are told it is, such as "USD"; absent = as the built-in currency, else the symbol
    floor_per_hour_minor  lowest hourly pay a job in this token may promise, in minor units of the currency; absent = as
                          the launcher's policy has it for that code
    """

    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    decimals: Annotated[int, msgspec.Meta(ge=0, le=36)]
    address: AddressOrNone = ""
    exponent: Annotated[int, msgspec.Meta(ge=0, le=EXPONENT_MAX)] | None = None
    spoken: Annotated[str, msgspec.Meta(max_length=16)] = ""
    floor_per_hour_minor: NotNegative = 0

    @property
    def currency(self) -> Currency:
        """What amounts in this token are counted in everywhere but on its chain."""
        known = CURRENCIES.get(self.symbol)
        exponent = self.exponent
        if exponent is None:
            exponent = known.exponent if known else min(self.decimals, EXPONENT_MAX)
        return Currency(self.symbol, exponent, self.spoken or (known.spoken if known else ""))

    @property
    def unit(self) -> int:
        """Base units of the token in one minor unit of its currency.

        >>> TokenFacts("DAI", 18).unit, TokenFacts("YEN", 0).unit
        (1000000000000, 1)
        """
        return int(10 ** (self.decimals - self.currency.exponent))


class ContractAddresses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the platform's contracts stand on one chain."""

    token: Address
    staking: Address
    factory: Address
    kvstore: Address
    jury: Address


class ChainFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One chain.

    confirmations   blocks on top of an event before it counts
    block_time_ms   usual time between two blocks
    finality_ms     usual time from sending a transaction to its counting; the router compares chains by it
    local           a node of our own that this program starts, stops and may rebuild from its journal
    start_block     no contract of ours is older
    log_range_blocks  how many blocks the node answers in one eth_getLogs
    contracts       None: they are deployed by the platform (local chains)
    """

    chain_id: Positive
    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,30}$")]
    rpc_urls: Annotated[tuple[Url, ...], msgspec.Meta(min_length=1)]
    confirmations: NotNegative
    block_time_ms: Positive
    finality_ms: Positive
    fees: FeeFacts
    tokens: Annotated[tuple[TokenFacts, ...], msgspec.Meta(min_length=1)]
    local: bool = False
    start_block: NotNegative = 0
    log_range_blocks: Positive = 1_000
    contracts: ContractAddresses | None = None

    @property
    def token(self) -> TokenFacts:
        """The token that jobs are paid in unless they say otherwise: the first of the list."""
        return self.tokens[0]

    def token_of(self, code: str) -> TokenFacts | None:
        """The token whose currency has this code; None when no jobs are paid in it here."""
        return next((token for token in self.tokens if token.symbol == code), None)

    def token_at(self, address: str) -> TokenFacts | None:
        """The token that stands at an address; None when no jobs are paid in it here."""
        return next((token for token in self.tokens if token.address and token.address == address.lower()), None)

    def at(self, rpc_urls: Sequence[str]) -> ChainFacts:
        """The same chain reached by other URLs."""
        return msgspec.structs.replace(self, rpc_urls=tuple(rpc_urls))

    def with_contracts(self, contracts: ContractAddresses, further: Mapping[str, str] | None = None) -> ChainFacts:
        """The same chain, once it is known where its contracts and tokens stand.

        further  symbol -> address of the test tokens, beside the first, that the platform deploys
        """
        at = {**(further or {}), self.tokens[0].symbol: contracts.token}
        tokens = tuple(
            msgspec.structs.replace(token, address=token.address or at.get(token.symbol, "")) for token in self.tokens
        )
        return msgspec.structs.replace(self, contracts=contracts, tokens=tokens)


def parse_facts(text: str, *, file: str) -> ChainFacts:
    """Reads one facts file's text.

    file    named in errors
    raises  FactsInvalid with file, field and problem
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise FactsInvalid(file, "", f"is not TOML: {problem}") from problem
    try:
        facts = msgspec.convert(raw, ChainFacts)
    except msgspec.ValidationError as problem:
        said, _, path = str(problem).partition(" - at `$")
        raise FactsInvalid(file, path.strip("`.") or _field_in(said), said) from problem
    if facts.fees.highest_fee_wei < facts.fees.max_fee_wei:
        raise FactsInvalid(file, "fees.highest_fee_wei", "is below fees.max_fee_wei")
    if facts.fees.priority_fee_wei > facts.fees.max_fee_wei:
        raise FactsInvalid(file, "fees.priority_fee_wei", "is above fees.max_fee_wei")
    if facts.contracts is None and not facts.local:
        raise FactsInvalid(file, "contracts", "is missing: only on local chains the platform deploys its own")
    _check_tokens(facts, file)
    if facts.contracts is not None and not facts.token.address:
        raise FactsInvalid(file, "tokens[0].address", "is missing although the contracts are given")
    return facts


def _check_tokens(facts: ChainFacts, file: str) -> None:
    """raises FactsInvalid for tokens that quotes could not count, or not tell apart"""
    for place, token in enumerate(facts.tokens):
        where, known = f"tokens[{place}]", CURRENCIES.get(token.symbol)
        if not is_currency_code(token.symbol):
            raise FactsInvalid(file, f"{where}.symbol", "is no code: a letter, then letters and digits, 16 at most")
        if token.spoken and not is_currency_code(token.spoken):
            raise FactsInvalid(file, f"{where}.spoken", "is no code of a money, such as USD")
        if known is not None and token.exponent is None and known.exponent != token.decimals:
            said = f"is {token.decimals}, but quotes count {token.symbol} with {known.exponent}"
            raise FactsInvalid(file, f"{where}.decimals", f"{said}: if that is meant, add exponent = {known.exponent}")
        if known is not None and token.exponent not in (None, known.exponent):
            raise FactsInvalid(file, f"{where}.exponent", f"is not {known.exponent}, which {token.symbol} always has")
        if token.currency.exponent > token.decimals:
            said = f"is {token.currency.exponent}, more than the {token.decimals} decimals of the token"
            raise FactsInvalid(file, f"{where}.exponent", said)
        if known is None and not token.floor_per_hour_minor:
            said = f"is missing: the lowest pay of an hour in {token.symbol} is known to nobody else"
            raise FactsInvalid(file, f"{where}.floor_per_hour_minor", said)
        if place and not token.address and not facts.local:
            said = "is missing: only on local chains the platform deploys its own"
            raise FactsInvalid(file, f"{where}.address", said)
        for other in facts.tokens[:place]:
            if other.symbol.upper() == token.symbol.upper():
                raise FactsInvalid(file, f"{where}.symbol", f"{token.symbol} is there already")
            if token.address and other.address == token.address:
                raise FactsInvalid(file, f"{where}.address", f"is that of {other.symbol} too")


def currencies_of(chains: Iterable[ChainFacts]) -> dict[str, Currency]:
    """The currencies that jobs may be paid in on these chains, by code; the first chain's first token comes first.

    raises  FactsInvalid when two chains count one code in two ways: a purse serves jobs on all of them

    >>> list(currencies_of(shipped_facts().values()))
    ['MHT']
    """
    found: dict[str, Currency] = {}
    for facts in chains:
        for token in facts.tokens:
            known = found.setdefault(token.symbol, token.currency)
            if known != token.currency:
                said = (
                    f"counts {token.symbol} with {token.currency.exponent} decimals as {token.currency.shown}, another"
                )
                said += f" chain with {known.exponent} as {known.shown}"
                raise FactsInvalid(f"chain {facts.name}", "tokens", said)
    return found


def floors_of(chains: Iterable[ChainFacts]) -> dict[str, int]:
    """Lowest hourly pay by currency as facts files tell it, minor units; of two that differ, the higher."""
    found: dict[str, int] = {}
    for token in (token for facts in chains for token in facts.tokens if token.floor_per_hour_minor):
        found[token.symbol] = max(found.get(token.symbol, 0), token.floor_per_hour_minor)
    return found


def read_facts(path: Path) -> ChainFacts:
    """Reads one facts file.

    raises  FactsInvalid, also when the file cannot be read
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise FactsInvalid(path.name, "", f"cannot be read: {problem}") from problem
    return parse_facts(text, file=path.name)


def shipped_facts() -> dict[int, ChainFacts]:
    """The chains that come with the program, by chain id, in the order of their file names."""
    found = {}
    for entry in sorted(files(__package__).iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            facts = parse_facts(entry.read_text(encoding="utf-8"), file=entry.name)
            found[facts.chain_id] = facts
    return found


def facts_in(folder: Path, *, beside: Mapping[int, ChainFacts] | None = None) -> dict[int, ChainFacts]:
    """The chains of an operator's own folder, added to those given; a file for a known id takes its place.

    raises  FactsInvalid, also when two files of the folder describe one chain
    """
    found = dict(beside or {})
    own: dict[int, str] = {}
    for path in sorted(folder.glob("*.toml")):
        facts = read_facts(path)
        if facts.chain_id in own:
            raise FactsInvalid(path.name, "chain_id", f"{facts.chain_id} is described by {own[facts.chain_id]} already")
        own[facts.chain_id] = path.name
        found[facts.chain_id] = facts
    return found


def _field_in(message: str) -> str:
    """The field's name that a message about a missing or unknown field quotes."""
    return message.split("`")[1] if message.count("`") >= 2 and "field" in message else ""
