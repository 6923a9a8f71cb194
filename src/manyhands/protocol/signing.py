"""Keys of parties, and signatures as wallets make them (EIP-191 personal messages).

The header `human-signature` of HUMAN Protocol's webhooks has the same form, so one check serves both.

Nothing here brings eth_account: it loads a library of pairings, half a second of every process's start, and is only
needed where transactions are signed (`chain.keys`).
"""

from __future__ import annotations

from typing import Protocol

from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from eth_keys.datatypes import Signature as KeySignature

from .ids import IdSource


class Signer(Protocol):
    """Something that can speak for an address."""

    @property
    def address(self) -> str: ...

    def sign_text(self, text: bytes) -> str: ...


class LocalSigner:
    """A private key held in this process. Its text form never contains the key."""

    def __init__(self, private_key: bytes) -> None:
        self._key = PrivateKey(private_key)
        self._address = self._key.public_key.to_address()
        self.private_key = private_key

    @classmethod
    def create(cls, ids: IdSource) -> LocalSigner:
        return cls(keccak(b"manyhands key" + ids.random_bytes(32)))

    @property
    def address(self) -> str:
        """Lower-case hexadecimal with 0x, the one form addresses have inside the project."""
        return self._address

    def sign_text(self, text: bytes) -> str:
        """65-byte signature of the personal message, hexadecimal with 0x."""
        return self.sign_hash(personal_digest(text))

    def sign_hash(self, digest: bytes) -> str:
        """65-byte signature of a 32-byte digest as it stands, hexadecimal with 0x. The same digest, the same signature.

        digest  already prefixed and hashed by the caller (EIP-191, EIP-712)
        """
        return signed_hash(self._key, digest)

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"


def personal_digest(text: bytes) -> bytes:
    """The 32 bytes that a wallet signs for a personal message: `recover_signer` finds the signer of them."""
    return bytes(keccak(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text))


def signed_hash(private_key: PrivateKey | bytes, digest: bytes) -> str:
    """r, s and v (27 or 28) of a 32-byte digest, hexadecimal with 0x; deterministic (RFC 6979)."""
    key = PrivateKey(private_key) if isinstance(private_key, bytes) else private_key
    raw = key.sign_msg_hash(digest).to_bytes()
    return "0x" + raw[:64].hex() + f"{raw[64] + 27:02x}"


def recover_signer(text: bytes, signature: str) -> str | None:
    """The address that signed the personal message, or None when the signature is none at all.

    signature  65 bytes in hexadecimal, with or without 0x; v as 27 and 28, or as 0 and 1 as some devices write it
    """
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
        if len(raw) != 65 or len(signature.removeprefix("0x")) != 130:
            return None
        v = raw[64] - 27 if raw[64] >= 27 else raw[64]
        made = KeySignature(raw[:64] + bytes([v]))
        return str(made.recover_public_key_from_msg_hash(personal_digest(text)).to_address())
    except Exception:  # the library raises many kinds for malformed bytes; all mean the same here
        return None
