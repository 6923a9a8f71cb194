"""What a vote is, whose it is, and what the votes of a case amount to. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature as KeyLibraryRefuses
from eth_utils.exceptions import ValidationError as KeyLibraryCannotRead

from manyhands.protocol.ids import digest_bytes

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""A signature with a higher s is the mirror image of another one; the contract refuses it, so it is refused here."""


def report_hash(job_id: str, report_id: str) -> bytes:
    """What stands on chain for a report: 32 bytes that say nothing of its content."""
    return digest_bytes("report", job_id, report_id)


def recover_vote(digest: bytes, signature: str) -> str | None:
    """Whose signature over a vote's 32 bytes this is, by the contract's rules; None for what is no signature.

    signature  65 bytes r, s, v as hexadecimal with 0x, v 27 or 28
    """
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        return None
    if len(raw) != 65 or raw[64] not in (27, 28) or int.from_bytes(raw[32:64], "big") > HALF_ORDER:
        return None
    try:
        signed = Signature(raw[:64] + bytes([raw[64] - 27]))
        return str(signed.recover_public_key_from_msg_hash(digest).to_address()).lower()
    except (KeyLibraryRefuses, KeyLibraryCannotRead):
        return None


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One juror's vote."""

    juror: str
    uphold: bool
    signature: str


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What a majority decided, with its signatures in the order the jurors were drawn."""

    uphold: bool
    signatures: tuple[str, ...]


def ruling_of(jurors: Sequence[str], votes: Mapping[str, Vote]) -> Ruling | None:
    """The ruling of more than half of those drawn (not of those who voted); None as long as there is none."""
    for uphold in (True, False):
        side = [votes[juror] for juror in jurors if juror in votes and votes[juror].uphold is uphold]
        if 2 * len(side) > len(jurors):
            return Ruling(uphold=uphold, signatures=tuple(vote.signature for vote in side))
    return None
