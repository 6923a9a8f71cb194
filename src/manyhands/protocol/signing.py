"""Keys of parties, and signatures as wallets make them (EIP-191 personal messages).

The header `human-signature` of HUMAN Protocol's webhooks has the same form, so one check serves both.
"""

from __future__ import annotations

from typing import Protocol

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_hash.auto import keccak

from .ids import IdSource


class Signer(Protocol):
    """Something that can speak for an address."""

    @property
    def address(self) -> str: ...

    def sign_text(self, text: bytes) -> str: ...


class LocalSigner:
    """A private key held in this process. Its text form never contains the key."""

    def __init__(self, private_key: bytes) -> None:
        self._account = Account.from_key(private_key)
        self.private_key = private_key

    @classmethod
    def create(cls, ids: IdSource) -> LocalSigner:
        return cls(keccak(b"manyhands key" + ids.random_bytes(32)))

    @property
    def address(self) -> str:
        """Lower-case hexadecimal with 0x, the one form addresses have inside the project."""
        return str(self._account.address).lower()

    def sign_text(self, text: bytes) -> str:
        """65-byte signature of the personal message, hexadecimal with 0x."""
        signed = self._account.sign_message(encode_defunct(primitive=text))
        return "0x" + bytes(signed.signature).hex()

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"


def personal_digest(text: bytes) -> bytes:
    """The 32 bytes that a wallet signs for a personal message: `recover_signer` finds the signer of them."""
    return bytes(keccak(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text))


def recover_signer(text: bytes, signature: str) -> str | None:
    """The address that signed the personal message, or None when the signature is none at all."""
    try:
        return str(Account.recover_message(encode_defunct(primitive=text), signature=signature)).lower()
    except Exception:  # the library raises many kinds for malformed bytes; all mean the same here
        return None
