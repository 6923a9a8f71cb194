"""Ways into an account beside name and password: keys of programs, passkeys, wallets, e-mail links, one-time links.

Rules kept here
- What is sent out to be used once (a nonce, a challenge, a link) is a ticket: kept as a hash, gone when it is used,
  whatever came of the use. Two who use it at once: one is let in.
- Somebody new gets an account with the credential they came with, in the transaction that signs them in.
- A credential belongs to one account. The last way into an account is not taken away.
- Whether a proof holds (a signature, a passkey) is checked by whoever asks; here the proved thing is looked up.

    token = await ways.ticket("link", {"email": "otter@example.org"}, lasts_ms=LINK_MS)
    about = await ways.take("link", token)                      # raises TicketSpent the second time
    session, account = await ways.enter_by_email(about["email"], role="worker")
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from psycopg.types.json import Jsonb

from manyhands.protocol.ids import digest
from manyhands.store.database import Tx, row_of, rows, rows_of, scalar
from manyhands.store.sql import load_queries

from .accounts import KEY_PREFIX, SCOPES, WORKER, Account, Accounts, token_hash_of
from .errors import (
    AlreadyLinked,
    BadRequest,
    LastWay,
    NameTaken,
    ScopeMissing,
    TicketSpent,
    TooManyAttempts,
    TooManyKeys,
    WrongRole,
)

QUERIES = load_queries("manyhands.roles.exchange")

TicketKind = Literal["wallet", "passkey", "link"]
NONCE_MS: Final = 5 * 60_000
LINK_MS: Final = 15 * 60_000
MAILS_MAX: Final = 5
MAIL_WINDOW_MS: Final = 15 * 60_000
KEYS_MAX: Final = 50
KEY_MAX_MS: Final = 10 * 365 * 86_400_000

_EMAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{2,63}", re.I)


class Key(msgspec.Struct, frozen=True):
    """A program's key, as its owner sees it afterwards. key_id names it and opens nothing."""

    key_id: str
    name: str
    scopes: list[str]
    created_at_ms: int
    expires_at_ms: int | None


class Passkey(msgspec.Struct, frozen=True):
    """A passkey, as its owner sees it."""

    passkey_id: str
    name: str
    created_at_ms: int
    used_at_ms: int | None


class KnownPasskey(msgspec.Struct, frozen=True):
    """What is needed to check a passkey's proof."""

    worker: str
    public_key: bytes
    sign_count: int


class Linked(msgspec.Struct, frozen=True):
    """A wallet or e-mail address that opens the account."""

    name: str
    created_at_ms: int


class WaysIn(msgspec.Struct, frozen=True):
    """All ways into one account. wallet_kept = the key of its address is kept here and can be taken along."""

    password: bool
    passkeys: list[Passkey]
    wallets: list[Linked]
    emails: list[Linked]
    wallet_kept: bool

    @property
    def count(self) -> int:
        return int(self.password) + len(self.passkeys) + len(self.wallets) + len(self.emails)


def check_email(email: str) -> str:
    """The address as it is written to. raises BadRequest

    >>> check_email(" otter@example.org ")
    'otter@example.org'
    """
    tidy = email.strip()
    if len(tidy) > 254 or not _EMAIL.fullmatch(tidy):
        raise BadRequest("this is not an e-mail address")
    return tidy


def name_of_newcomer(about: str) -> str:
    """A name for who did not choose one: it tells nothing of the wallet or address it was made for."""
    return f"newcomer-{digest('newcomer', about)[:8]}"


class Ways:
    """The ways into the accounts of one exchange."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts, self._db = accounts, accounts.db

    # --- tickets --------------------------------------------------------------------------------------------------

    async def ticket(self, kind: TicketKind, about: dict[str, Any], *, lasts_ms: int) -> str:
        """Makes something that may be used once: 64 hex characters."""
        token = self._accounts.ids.random_bytes(32).hex()
        async with self._db.transaction() as tx:
            await tx.execute(
                QUERIES.add_ticket,
                {
                    "ticket_hash": token_hash_of(token),
                    "kind": kind,
                    "about": Jsonb(about),
                    "expires_at_ms": self._accounts.clock() + lasts_ms,
                },
            )
        return token

    async def take(self, kind: TicketKind, token: str, *, called: str) -> dict[str, Any]:
        """Uses a ticket up; returns what it is about. called  what people know it as. raises TicketSpent"""
        async with self._db.transaction() as tx:
            found = await rows(tx, QUERIES.take_ticket, {"ticket_hash": token_hash_of(token), "kind": kind})
        if not found or found[0][1] <= self._accounts.clock():
            raise TicketSpent(called)
        about: dict[str, Any] = found[0][0]
        return about

    async def count_mail(self, email: str) -> None:
        """Counts a letter to this address, so that nobody's letter box is filled. raises TooManyAttempts"""
        now_ms = self._accounts.clock()
        window = {"name_key": f"mail:{email.casefold()}", "window_no": now_ms // MAIL_WINDOW_MS}
        async with self._db.transaction() as tx:
            await tx.execute(QUERIES.count_failure, window)
            if await scalar(tx, QUERIES.failures, window) > MAILS_MAX:
                raise TooManyAttempts(
                    wait_ms=MAIL_WINDOW_MS - now_ms % MAIL_WINDOW_MS, what="letters to this e-mail address"
                )

    # --- in -------------------------------------------------------------------------------------------------------

    async def enter_by_wallet(
        self, wallet: str, *, name: str = "", role: str = WORKER, device: str = ""
    ) -> tuple[str, Account]:
        """Session and account of who proved to hold this wallet; somebody new gets an account of that address."""
        async with self._db.transaction() as tx:
            owner = await scalar(tx, QUERIES.owner_of_wallet, {"wallet": wallet})
            if owner is None:
                account = await self._newcomer(tx, name, about=wallet, role=role, own_wallet=wallet)
                await self._link_wallet(tx, account.worker, wallet)
            else:
                account = await self._known(tx, owner)
            return await self._accounts.new_session(tx, account, way="wallet", device=device), account

    async def enter_by_email(
        self, email: str, *, name: str = "", role: str = WORKER, device: str = ""
    ) -> tuple[str, Account]:
        """Session and account of who opened a link sent to this address."""
        values = {"email_key": email.casefold(), "email": email, "now_ms": self._accounts.clock()}
        async with self._db.transaction() as tx:
            owner = await scalar(tx, QUERIES.owner_of_email, values)
            if owner is None:
                account = await self._newcomer(tx, name, about=self._accounts.ids.random_bytes(8).hex(), role=role)
                if await scalar(tx, QUERIES.add_email, {**values, "worker": account.worker}) is None:
                    raise AlreadyLinked("e-mail address")
            else:
                account = await self._known(tx, owner)
            return await self._accounts.new_session(tx, account, way="email", device=device), account

    async def enter_with_new_passkey(
        self, credential_id: bytes, public_key: bytes, sign_count: int, *, name: str, role: str, label: str, device: str
    ) -> tuple[str, Account]:
        """Opens an account whose way in is this passkey. raises NameTaken, BadName, AlreadyLinked, WrongRole"""
        async with self._db.transaction() as tx:
            account = await self._newcomer(tx, name, about=credential_id.hex(), role=role)
            await self._add_passkey(tx, account.worker, credential_id, public_key, sign_count, label)
            return await self._accounts.new_session(tx, account, way="passkey", device=device), account

    async def enter_by_passkey(self, credential_id: bytes, sign_count: int, *, device: str) -> tuple[str, Account]:
        """Session and account of who proved to hold this passkey; its counter moves on."""
        async with self._db.transaction() as tx:
            known = await row_of(tx, KnownPasskey, QUERIES.passkey, {"credential_id": credential_id})
            if known is None:
                raise TicketSpent("passkey")
            await tx.execute(
                QUERIES.passkey_used,
                {"credential_id": credential_id, "sign_count": sign_count, "now_ms": self._accounts.clock()},
            )
            account = await self._known(tx, known.worker)
            return await self._accounts.new_session(tx, account, way="passkey", device=device), account

    async def enter_by_link(self, worker: str, *, device: str) -> tuple[str, Account]:
        """Session and account for a link that the operator's own command printed."""
        async with self._db.transaction() as tx:
            account = await self._known(tx, worker)
            return await self._accounts.new_session(tx, account, way="link", device=device), account

    async def operator_link(self) -> str:
        """A ticket that signs in as the operator of this platform, for whoever may read its data folder."""
        async with self._db.transaction() as tx:
            row = await (await tx.execute(QUERIES.account_by_name, {"name_key": "operator"})).fetchone()
            account = await self._newcomer(tx, "operator", about="operator", role=WORKER) if row is None else None
        worker: str = account.worker if account is not None else (row[0] if row else "")
        await self._accounts.take_role(worker, "operator", by_operator=True)
        return await self.ticket("link", {"worker": worker}, lasts_ms=LINK_MS)

    # --- what an account has --------------------------------------------------------------------------------------

    async def of(self, worker: str) -> WaysIn:
        """All ways into the account."""
        async with self._db.connection() as connection:
            return await self._of(connection, worker)

    async def _of(self, tx: Tx, worker: str) -> WaysIn:
        one = {"worker": worker}
        return WaysIn(
            password=bool(await scalar(tx, QUERIES.has_password, one)),
            passkeys=await rows_of(tx, Passkey, QUERIES.passkeys_of, one),
            wallets=[Linked(*row) for row in await rows(tx, QUERIES.wallets_of, one)],
            emails=[Linked(*row) for row in await rows(tx, QUERIES.emails_of, one)],
            wallet_kept=bool(await scalar(tx, QUERIES.keeps_wallet, one)),
        )

    async def passkey(self, credential_id: bytes) -> KnownPasskey | None:
        async with self._db.connection() as connection:
            return await row_of(connection, KnownPasskey, QUERIES.passkey, {"credential_id": credential_id})

    async def add_passkey(
        self, worker: str, credential_id: bytes, public_key: bytes, sign_count: int, *, label: str
    ) -> None:
        """raises AlreadyLinked"""
        async with self._db.transaction() as tx:
            await self._add_passkey(tx, worker, credential_id, public_key, sign_count, label)

    async def end_passkey(self, worker: str, passkey_id: str) -> bool:
        """Takes a passkey away; False when the account has none of that id. raises LastWay"""
        async with self._db.transaction() as tx:
            if await scalar(tx, QUERIES.end_passkey, {"worker": worker, "passkey_id": passkey_id}) is None:
                return False
            if (await self._of(tx, worker)).count == 0:
                raise LastWay
        return True

    async def link_wallet(self, worker: str, wallet: str) -> None:
        """Lets a wallet sign in to this account. raises AlreadyLinked"""
        async with self._db.transaction() as tx:
            await self._link_wallet(tx, worker, wallet)

    async def leave_with_wallet(self, worker: str) -> None:
        """Forgets the key that was kept; its holder, who proved to have it, signs in with it. Twice is once."""
        async with self._db.transaction() as tx:
            await tx.execute(QUERIES.forget_wallet, {"worker": worker})
            await self._link_wallet(tx, worker, worker)

    # --- keys of programs -----------------------------------------------------------------------------------------

    async def make_key(
        self, account: Account, name: str, scopes: Sequence[str], *, lasts_ms: int | None = None
    ) -> tuple[str, Key]:
        """A key, told this once, and how it is listed afterwards.

        raises  ScopeMissing for an unknown scope, WrongRole for one the account's roles do not carry, TooManyKeys
        """
        wanted = sorted(set(scopes))
        if not wanted or (lasts_ms is not None and not 0 < lasts_ms <= KEY_MAX_MS):
            raise BadRequest("a key needs at least one scope, and an end within ten years or none")
        for scope in wanted:
            if scope not in SCOPES:
                raise ScopeMissing(scope)
            if not set(SCOPES[scope]) & set(account.roles):
                raise WrongRole(SCOPES[scope])
        secret, now_ms = KEY_PREFIX + self._accounts.ids.random_bytes(32).hex(), self._accounts.clock()
        key = Key(digest("key", secret), name, wanted, now_ms, now_ms + lasts_ms if lasts_ms is not None else None)
        async with self._db.transaction() as tx:
            # the account's row is held, so that two wishes at once cannot pass the limit together
            await tx.execute(QUERIES.lock_account, {"worker": account.worker})
            if await scalar(tx, QUERIES.count_keys, {"worker": account.worker}) >= KEYS_MAX:
                raise TooManyKeys(KEYS_MAX)
            values = {**msgspec.structs.asdict(key), "key_hash": token_hash_of(secret), "worker": account.worker}
            await tx.execute(QUERIES.add_key, {**values, "now_ms": now_ms})
        return secret, key

    async def keys(self, worker: str) -> list[Key]:
        async with self._db.connection() as connection:
            return await rows_of(connection, Key, QUERIES.keys_of, {"worker": worker})

    async def end_key(self, worker: str, key_id: str) -> bool:
        """Ends a key; False when the account has none of that id. Other processes may take it for `CACHE_MS` more."""
        async with self._db.transaction() as tx:
            key_hash = await scalar(tx, QUERIES.end_key, {"worker": worker, "key_id": key_id})
        if key_hash is not None:
            self._accounts.forget(key_hash)
        return key_hash is not None

    # --- inside ---------------------------------------------------------------------------------------------------

    async def _newcomer(self, tx: Tx, name: str, *, about: str, role: str, own_wallet: str = "") -> Account:
        shown = name or name_of_newcomer(about)
        account = await self._accounts.add_account(tx, shown, role=role, own_wallet=own_wallet)
        if account is None:
            raise NameTaken(shown)
        return account

    async def _known(self, tx: Tx, worker: str) -> Account:
        account = await self._accounts.account(tx, worker)
        assert account is not None, "a credential refers to an account by a foreign key"
        return account

    async def _link_wallet(self, tx: Tx, worker: str, wallet: str) -> None:
        values = {"wallet": wallet, "worker": worker, "now_ms": self._accounts.clock()}
        if (
            await scalar(tx, QUERIES.add_wallet, values) is None
            and await scalar(tx, QUERIES.owner_of_wallet, values) != worker
        ):
            raise AlreadyLinked("wallet")

    async def _add_passkey(
        self, tx: Tx, worker: str, credential_id: bytes, public_key: bytes, sign_count: int, label: str
    ) -> None:
        values = {
            "credential_id": credential_id,
            "worker": worker,
            "public_key": public_key,
            "sign_count": sign_count,
            "name": label,
            "now_ms": self._accounts.clock(),
        }
        if await scalar(tx, QUERIES.add_passkey, values) is None:
            raise AlreadyLinked("passkey")
