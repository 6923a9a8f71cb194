"""What every role stands on: its key, its tables, its mailbox, and the doors for time and chance.

Rules kept here
- Roles never import roles. They share this context and the protocol, nothing else.
- A role changes its rows, its books and its outgoing messages in one transaction, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import AsyncConnection

from manyhands.protocol.ids import Clock, IdSource
from manyhands.protocol.messages import Body, Role, seal
from manyhands.protocol.parties import Directory
from manyhands.protocol.signing import LocalSigner

if TYPE_CHECKING:
    from manyhands.store.blobs import BlobStore
    from manyhands.store.database import Database
    from manyhands.store.jobs import JobApp
    from manyhands.store.mailbox import Mailbox


@dataclass(frozen=True, kw_only=True)
class RoleContext:
    """Everything a role may touch. `tx` arguments are open transactions of `db`."""

    role: Role
    signer: LocalSigner
    db: Database
    mailbox: Mailbox
    jobs: JobApp
    blobs: BlobStore
    directory: Directory
    clock: Clock
    ids: IdSource

    @property
    def address(self) -> str:
        return self.signer.address

    async def send(self, tx: AsyncConnection, body: Body, *, to_role: Role, to: str) -> None:
        """Signs a body and hands it to the mailbox inside the transaction: it leaves if and only if `tx` commits."""
        envelope = seal(
            body,
            signer=self.signer,
            sender_role=self.role,
            recipient=to,
            recipient_role=to_role,
            now_ms=self.clock(),
        )
        await self.mailbox.send(tx, envelope)
