"""Who plays which role, under which address, reachable where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from .errors import ProtocolError
from .messages import Role


class UnknownParty(ProtocolError):
    """Nobody with that role and address is in the directory."""

    def __init__(self, role: str, address: str) -> None:
        self.role, self.address = role, address
        super().__init__(
            f"no {role} {address} in the directory",
            cure="Add the party with its address and endpoint to the directory file.",
        )


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """endpoint "" = played inside this process; else the base URL that takes its messages."""

    role: Role
    address: str
    endpoint: str = ""
    name: str = ""


class Directory:
    """The parties this operator knows and is willing to talk to."""

    def __init__(self, parties: Iterable[Party]) -> None:
        self._parties = {(party.role, party.address): party for party in parties}

    def find(self, role: Role, address: str) -> Party:
        """raises UnknownParty"""
        try:
            return self._parties[role, address]
        except KeyError:
            raise UnknownParty(role, address) from None

    def all_of(self, role: Role) -> tuple[Party, ...]:
        return tuple(party for (its_role, _), party in self._parties.items() if its_role == role)

    def __iter__(self) -> Iterator[Party]:
        return iter(self._parties.values())
