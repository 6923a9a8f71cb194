"""Passkeys: what the browser is asked, and whether its answer holds. The work is done by `webauthn`.

Rules kept here
- A passkey is for this site's name alone, is kept by the device, and asks its owner (finger, face, number) each time.
- The challenge is a ticket: it travels inside the signed answer and is used up by it.
- The library is loaded at the first passkey: a site whose people use none carries none of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from manyhands.roles.exchange.errors import BadProof
from manyhands.roles.exchange.ways import KnownPasskey

SITE_NAME = "Manyhands"
TIMEOUT_MS = 120_000


@dataclass(frozen=True)
class Made:
    """A new passkey whose making was proved."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def can_have_passkeys(origin: str) -> bool:
    """Whether browsers make passkeys for this origin: it needs a name, and TLS unless the name is localhost.

    >>> can_have_passkeys("http://localhost:8000"), can_have_passkeys("http://127.0.0.1:8000")
    (True, False)
    """
    parts = urlsplit(origin)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
    return False


def options_to_make(
    origin: str, *, name: str, handle: bytes, challenge: str, existing: Sequence[bytes] = ()
) -> dict[str, Any]:
    """What `navigator.credentials.create` is given, as JSON. challenge  the ticket, hexadecimal"""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=_name_of(origin),
        rp_name=SITE_NAME,
        user_id=handle,
        user_name=name,
        user_display_name=name,
        challenge=bytes.fromhex(challenge),
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in existing],
    )
    found: dict[str, Any] = msgspec.json.decode(options_to_json(options))
    return found


def options_to_sign_in(origin: str, *, challenge: str) -> dict[str, Any]:
    """What `navigator.credentials.get` is given, as JSON: any passkey of this site."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=_name_of(origin),
        challenge=bytes.fromhex(challenge),
        timeout=TIMEOUT_MS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    found: dict[str, Any] = msgspec.json.decode(options_to_json(options))
    return found


def challenge_of(credential: dict[str, Any]) -> str:
    """The ticket inside a browser's answer, hexadecimal. raises BadProof"""
    from webauthn.helpers import base64url_to_bytes

    try:
        told = msgspec.json.decode(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        return base64url_to_bytes(told["challenge"]).hex()
    except (KeyError, TypeError, ValueError, msgspec.DecodeError, AttributeError) as problem:
        raise BadProof("the browser's answer cannot be read") from problem


def credential_id_of(credential: dict[str, Any]) -> bytes:
    """raises BadProof"""
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(credential["id"])
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise BadProof("the browser's answer names no passkey") from problem


def check_made(credential: dict[str, Any], *, challenge: str, origin: str) -> Made:
    """raises BadProof"""
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=bytes.fromhex(challenge),
            expected_rp_id=_name_of(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    # beside its own errors the library lets those of its decoders through: all mean that the answer is none
    except (WebAuthnException, ValueError, KeyError, TypeError, IndexError) as problem:
        raise BadProof("the passkey was not made for this site") from problem
    return Made(made.credential_id, made.credential_public_key, made.sign_count)


def check_used(credential: dict[str, Any], known: KnownPasskey, *, challenge: str, origin: str) -> int:
    """The passkey's new counter. raises BadProof, also for a counter that went back: a copy of the passkey"""
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        used = verify_authentication_response(
            credential=credential,
            expected_challenge=bytes.fromhex(challenge),
            expected_rp_id=_name_of(origin),
            expected_origin=origin,
            credential_public_key=bytes(known.public_key),
            credential_current_sign_count=known.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError, IndexError) as problem:
        raise BadProof("the passkey's signature does not hold") from problem
    return used.new_sign_count


def _name_of(origin: str) -> str:
    return urlsplit(origin).hostname or ""
