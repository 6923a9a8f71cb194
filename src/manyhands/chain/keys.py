"""The key with which a role signs transactions and messages.

Rules kept here
- A key is made from random bytes that come in through the door, or read from a file that only its owner can read.
- Neither the text form of a key nor any error shows the private part.
- Addresses are lower-case hexadecimal with 0x.

>>> RoleKey(bytes(31) + b"\\x01")
RoleKey(0x7e5f4552091a69125d5dfcb7b8c2659029395bdf)
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from eth_hash.auto import keccak

from manyhands.protocol.ids import IdSource
from manyhands.protocol.signing import LocalSigner

from .errors import KeyFileExposed, KeyFileInvalid

KEY_BYTES = 32
DEV_MNEMONIC = "test test test test test test test test test test test junk"
"""The public test phrase of local Ethereum nodes. Whoever reads this owns these accounts: local chains only."""

_DEV_KEYS = (
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
)


class UnsignedTransaction(NamedTuple):
    """A transaction of EIP-1559 before it is signed.

    to         receiving address, or None to deploy `data`
    value_wei  native money sent along
    fees       per gas, in wei
    """

    chain_id: int
    nonce: int
    to: str | None
    data: bytes
    value_wei: int
    gas_limit: int
    max_fee_wei: int
    priority_fee_wei: int


class SignedTransaction(NamedTuple):
    """raw  bytes a node takes; tx_hash  lower-case hexadecimal with 0x"""

    raw: bytes
    tx_hash: str


class RoleKey(LocalSigner):
    """A private key held in this process, able to sign what its role sends."""

    @classmethod
    def create(cls, ids: IdSource) -> RoleKey:
        """A new key from the given source of chance."""
        return cls(LocalSigner.create(ids).private_key)

    def sign_message(self, text: bytes) -> str:
        """65-byte signature of a personal message (EIP-191), hexadecimal with 0x."""
        return self.sign_text(text)

    def sign_transaction(self, unsigned: UnsignedTransaction) -> SignedTransaction:
        """The same transaction always gives the same bytes: signatures are deterministic (RFC 6979)."""
        from eth_account import Account  # slow to load, and most processes sign no transaction

        fields: dict[str, object] = {
            "type": 2,
            "chainId": unsigned.chain_id,
            "nonce": unsigned.nonce,
            "data": unsigned.data,
            "value": unsigned.value_wei,
            "gas": unsigned.gas_limit,
            "maxFeePerGas": unsigned.max_fee_wei,
            "maxPriorityFeePerGas": unsigned.priority_fee_wei,
        }
        if unsigned.to is not None:
            fields["to"] = bytes.fromhex(unsigned.to.removeprefix("0x"))
        signed = Account.sign_transaction(fields, self.private_key)
        return SignedTransaction(bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex())

    def __repr__(self) -> str:
        return f"RoleKey({self.address})"


def dev_key(index: int) -> RoleKey:
    """One of the first three accounts of a local chain, rich from its genesis. Known to everybody."""
    return RoleKey(bytes.fromhex(_DEV_KEYS[index]))


def load_or_create_key(path: Path, ids: IdSource) -> RoleKey:
    """The key of a file; a missing file is made with a new key and mode 0600.

    raises  KeyFileExposed, KeyFileInvalid
    """
    try:
        return load_key(path)
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    key = RoleKey.create(ids)
    handle_number, made = tempfile.mkstemp(prefix=path.name + ".", suffix=".partial", dir=path.parent)  # mode 0600
    partial = Path(made)
    with os.fdopen(handle_number, "w") as handle:
        handle.write(key.private_key.hex() + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    try:
        os.link(partial, path)  # unlike a rename, never overwrites the key of a program that was quicker
    except FileExistsError:
        return load_key(path)
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return key


def load_key(path: Path) -> RoleKey:
    """The key of a file.

    raises  FileNotFoundError, KeyFileExposed, KeyFileInvalid
    """
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise KeyFileExposed(path, mode)
    text = path.read_text(encoding="ascii", errors="replace").strip().removeprefix("0x")
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raise KeyFileInvalid(path, "is not hexadecimal") from None  # the text may hold parts of a key: not shown
    if len(raw) != KEY_BYTES:
        raise KeyFileInvalid(path, f"holds {len(raw)} bytes, not {KEY_BYTES}")
    return RoleKey(raw)


def contract_address(deployer: str, nonce: int) -> str:
    """Address of the contract that the deployer's transaction with this nonce creates.

    source  Ethereum yellow paper, section 7: the last 20 bytes of keccak(rlp([sender, nonce]))

    >>> contract_address("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", 0)
    '0x5fbdb2315678afecb367f032d93f642f64180aa3'
    """
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    encoded_nonce = number if len(number) == 1 and number[0] < 0x80 else bytes([0x80 + len(number)]) + number
    payload = b"\x94" + bytes.fromhex(deployer.removeprefix("0x")) + encoded_nonce
    return "0x" + keccak(bytes([0xC0 + len(payload)]) + payload)[-20:].hex()


def recover_transaction_sender(raw: bytes) -> str:
    """The address that signed these raw bytes."""
    from eth_account import Account

    return str(Account.recover_transaction(raw)).lower()
