"""Sign-in with a wallet: the message of EIP-4361, written, read and checked. Pure.

Rules kept here
- The server writes the whole message; a wallet signs what its owner reads. Whatever comes back is read strictly: a line
  more, less or in another order is no message.
- It is for one site (domain and URI), one nonce, and a short while. Who signed is told by the signature alone.

source  ERC-4361 "Sign-In with Ethereum"; signatures are EIP-191 personal messages

>>> text = Message(domain="a.example", address="0x" + "ab" * 20, uri="https://a.example/sign-in", chain_id=1,
...                nonce="0123456789abcdef", issued_at_ms=0, expires_at_ms=300_000).text()
>>> text.splitlines()[0]
'a.example wants you to sign in with your Ethereum account:'
>>> parse(text).nonce
'0123456789abcdef'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from eth_utils.address import to_checksum_address

from manyhands.protocol.signing import recover_signer
from manyhands.roles.exchange.errors import BadProof, TicketSpent

STATEMENT: Final = "Sign in. This costs nothing and moves no money."
MESSAGE_CHARS_MAX: Final = 2_000
CLOCK_SKEW_MS: Final = 60_000

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_MESSAGE = re.compile(
    r"(?P<domain>[^\s/?#@]+) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n\n"
    rf"{re.escape(STATEMENT)}\n\n"
    r"URI: (?P<uri>\S+)\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain_id>[1-9]\d{0,17})\n"
    r"Nonce: (?P<nonce>[0-9a-zA-Z]{8,128})\n"
    rf"Issued At: (?P<issued>{_TIME})\n"
    rf"Expiration Time: (?P<expires>{_TIME})"
)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One wish to sign in. domain with port where it has one; address lower case."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at_ms: int
    expires_at_ms: int

    def text(self) -> str:
        return (
            f"{self.domain} wants you to sign in with your Ethereum account:\n"
            f"{to_checksum_address(self.address)}\n\n"
            f"{STATEMENT}\n\n"
            f"URI: {self.uri}\n"
            "Version: 1\n"
            f"Chain ID: {self.chain_id}\n"
            f"Nonce: {self.nonce}\n"
            f"Issued At: {_shown(self.issued_at_ms)}\n"
            f"Expiration Time: {_shown(self.expires_at_ms)}"
        )


def parse(text: str) -> Message:
    """raises BadProof for anything that this site would not have written"""
    found = _MESSAGE.fullmatch(text) if len(text) <= MESSAGE_CHARS_MAX else None
    if found is None:
        raise BadProof("the message is not one of this site's")
    try:
        return Message(
            domain=found["domain"],
            address=found["address"].lower(),
            uri=found["uri"],
            chain_id=int(found["chain_id"]),
            nonce=found["nonce"],
            issued_at_ms=_read(found["issued"]),
            expires_at_ms=_read(found["expires"]),
        )
    except ValueError as problem:  # a day that no calendar has
        raise BadProof("the message names no moment") from problem


def check(text: str, signature: str, *, origin: str, now_ms: int) -> Message:
    """The message, when it was written for this site, is of now, and was signed by the address it names.

    origin  scheme, host and port of this site
    raises  BadProof; TicketSpent for one that is too old
    """
    message = parse(text)
    if message.domain != origin.partition("://")[2] or not message.uri.startswith(origin + "/"):
        raise BadProof("the message was written for another site")
    if now_ms >= message.expires_at_ms:
        raise TicketSpent("message")
    if message.issued_at_ms > now_ms + CLOCK_SKEW_MS:
        raise BadProof("the message comes from the future")
    if recover_signer(text.encode(), signature) != message.address:
        raise BadProof("the signature is not that of the wallet")
    return message


def _shown(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
