"""Accounts: who may come in, as what, and until when; and the wallets that are kept for people without one.

Rules kept here
- An account is an address. Its roles say what it may do; nobody gives themselves `operator` or `workpool`.
- A caller is a person with a session, who may do what their roles allow, or a program with a key, which may do what
  both its scopes and its owner's roles allow. Either is one lookup by hash, remembered for `CACHE_MS`.
- A password is kept as a salted scrypt hash only; a session's token as a hash only; a wallet's key encrypted only.
- A wrong name and a wrong password get the same answer after the same work, and too many of them a pause.
- A wallet's key leaves its envelope for the moment of one signature. The envelope is bound to the address: put under
  another account, it does not open.
- The same sign-up sent twice makes one account; the second is told that the name is taken, unless the password is the
  account's own.

    accounts = Accounts(db, clock=system_clock, ids=SystemIds(), wallet_secret=secret)
    token, account = await accounts.sign_up("quick-otter", "correct horse battery")
    assert await accounts.who_is(token) == account
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import msgspec
from Crypto.Cipher import AES

from manyhands.protocol.ids import Clock, IdSource, digest_bytes
from manyhands.protocol.signing import LocalSigner, signed_hash
from manyhands.store.database import Database, Tx, rows, rows_of, scalar
from manyhands.store.sql import load_queries

from .errors import (
    BadName,
    BadPassword,
    NameTaken,
    NotSignedIn,
    ScopeMissing,
    TooManyAttempts,
    WalletNotKept,
    WalletUnreadable,
    WrongNameOrPassword,
    WrongRole,
)

QUERIES = load_queries("manyhands.roles.exchange")

SESSION_MS = 30 * 24 * 3_600_000
FAILURES_MAX = 10
WINDOW_MS = 15 * 60_000
PASSWORD_CHARS = (8, 200)
NAME_CHARS = (2, 40)
CACHE_MS = 3_000
CACHE_MAX = 10_000
DEVICE_CHARS = 120

WORKER, REQUESTER, OPERATOR, WORKPOOL = ROLES = ("worker", "requester", "operator", "workpool")
CHOSEN_FREELY = frozenset({WORKER, REQUESTER})
"""Roles that people take by themselves; the others are given by the operator."""

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "work": (WORKER, WORKPOOL),
    "earnings": (WORKER, WORKPOOL),
    "jobs": (REQUESTER, OPERATOR),
    "results": (REQUESTER, OPERATOR),
    "webhooks": (REQUESTER, OPERATOR),
    "pool": (WORKPOOL,),
    "operate": (OPERATOR,),
}
"""What a key can be made for -> roles of which its owner needs one. Accounts, sessions and keys are never a key's."""

KEY_PREFIX = "mhk_"

# N = 2^14, r = 8, p = 5 is one of the equal choices of OWASP's password storage cheat sheet (2024) and needs 16 MiB.
PEOPLE_COST = (14, 8, 5)
# Simulated people's passwords guard nothing.
SIMULATED_COST = (10, 8, 1)

_NAME = re.compile(r"[\w][\w .\-]*[\w.]")


class Account(msgspec.Struct, frozen=True):
    """Who is signed in. worker = the account's address, of requesters and operators too."""

    worker: str
    name: str
    simulated: bool = False
    roles: tuple[str, ...] = (WORKER,)


class Caller(msgspec.Struct, frozen=True):
    """Who asks. scopes None = a person with a session, who may do whatever the account may.

    since_ms  when the session or key was made
    """

    account: Account
    scopes: frozenset[str] | None
    since_ms: int

    def check(self, *, roles: Sequence[str] = (), scope: str = "") -> Account:
        """The account, when it has one of the roles (none asked = anybody signed in) and the key its scope.

        scope   what a key must carry; "" = never with a key
        raises  WrongRole, ScopeMissing
        """
        if self.scopes is not None and scope not in self.scopes:
            raise ScopeMissing(scope)
        if roles and not set(roles) & set(self.account.roles):
            raise WrongRole(roles)
        return self.account


class Session(msgspec.Struct, frozen=True):
    """One of a person's sessions. session_id names it and opens nothing. way  password, passkey, wallet, email, link"""

    session_id: str
    created_at_ms: int
    expires_at_ms: int
    way: str = "password"
    device: str = ""


def check_name(name: str) -> str:
    """The name as shown, blanks tidied. raises BadName"""
    tidy = " ".join(unicodedata.normalize("NFKC", name).split())
    low, high = NAME_CHARS
    if not low <= len(tidy) <= high:
        raise BadName(f"has {len(tidy)} characters")
    if not _NAME.fullmatch(tidy):
        raise BadName("holds signs that are neither letters nor digits")
    return tidy


def name_key(name: str) -> str:
    """By what names are told apart: case does not matter."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def hash_password(password: str, *, salt: bytes, cost: tuple[int, int, int]) -> str:
    """`scrypt$log2 N$r$p$salt$hash`, so that a later, dearer cost works beside old hashes."""
    log_n, r, p = cost
    raw = hashlib.scrypt(_plain(password), salt=salt, n=2**log_n, r=r, p=p, maxmem=256 * 2**log_n * r, dklen=32)
    return f"scrypt${log_n}${r}${p}${salt.hex()}${raw.hex()}"


@cache
def hash_of_nobody() -> str:
    """What a password is compared with where the name is unknown, so that both cases take the same time."""
    return hash_password("nobody has this password", salt=bytes(16), cost=PEOPLE_COST)


def password_fits(password: str, stored: str) -> bool:
    """Whether the password is the one of the stored hash. An unusable hash fits nothing."""
    parts = stored.split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        return False
    cost = (int(parts[1]), int(parts[2]), int(parts[3]))
    return hmac.compare_digest(hash_password(password, salt=bytes.fromhex(parts[4]), cost=cost), stored)


def seal_key(private_key: bytes, *, worker: str, secret: bytes, nonce: bytes) -> bytes:
    """The key in an envelope: nonce 12, tag 16, ciphertext. AES-256-GCM, the address authenticated with it."""
    cipher = AES.new(_wallet_key(secret), AES.MODE_GCM, nonce=nonce)
    cipher.update(worker.encode())
    ciphertext, tag = cipher.encrypt_and_digest(private_key)
    return nonce + tag + ciphertext


def open_key(sealed: bytes, *, worker: str, secret: bytes) -> bytes:
    """raises WalletUnreadable for another secret, another account or changed bytes"""
    try:
        cipher = AES.new(_wallet_key(secret), AES.MODE_GCM, nonce=sealed[:12])
        cipher.update(worker.encode())
        return bytes(cipher.decrypt_and_verify(sealed[28:], sealed[12:28]))
    except ValueError as error:
        raise WalletUnreadable(worker) from error


class Accounts:
    """The accounts of one exchange, for any number of processes on one database."""

    def __init__(self, db: Database, *, clock: Clock, ids: IdSource, wallet_secret: bytes) -> None:
        if len(wallet_secret) < 16:
            raise ValueError("the wallet secret needs at least 16 bytes")
        self.db, self.clock, self.ids, self._secret = db, clock, ids, wallet_secret
        self._hashing = asyncio.Semaphore(2)  # each hash takes 16 MiB and a core
        self._cache: dict[str, tuple[Caller, int]] = {}
        self._nobody = hash_of_nobody()

    async def count_people(self) -> int:
        """How many people are signed up, simulated ones left out."""
        async with self.db.connection() as connection:
            return int(await scalar(connection, QUERIES.count_people) or 0)

    async def requesters(self, *, limit: int = 1_000) -> dict[str, str]:
        """Names of the accounts that have a desk, by address; the newest first."""
        async with self.db.connection() as connection:
            return dict(await rows(connection, QUERIES.requesters, {"limit": limit}))

    async def sign_up(
        self, name: str, password: str, *, simulated: bool = False, role: str = WORKER, device: str = ""
    ) -> tuple[str, Account]:
        """Makes an account and signs it in; returns the session's token and the account.

        raises  BadName, BadPassword, NameTaken, WrongRole for a role that is not chosen freely
        """
        check_name(name)
        password_hash = await self._hashed(password, SIMULATED_COST if simulated else PEOPLE_COST)
        async with self.db.transaction() as tx:
            account = await self.add_account(tx, name, password_hash=password_hash, simulated=simulated, role=role)
            if account is not None:
                return await self.new_session(tx, account, way="password", device=device), account
        try:  # the reply to an earlier sign-up may have been lost
            return await self.sign_in(name, password, device=device)
        except WrongNameOrPassword:
            raise NameTaken(check_name(name)) from None

    async def add_account(
        self,
        tx: Tx,
        name: str,
        *,
        role: str,
        password_hash: str = "",
        own_wallet: str = "",
        simulated: bool = False,
    ) -> Account | None:
        """Adds an account on the caller's transaction; None when its name or address is taken.

        own_wallet  the person's own address, "" = a wallet is made and kept for them
        raises      BadName, WrongRole
        """
        shown = check_name(name)
        if role not in CHOSEN_FREELY:
            raise WrongRole([role])
        sealed: bytes | None = None
        if not own_wallet:
            signer = LocalSigner.create(self.ids)
            own_wallet, nonce = signer.address, self.ids.random_bytes(12)
            sealed = seal_key(signer.private_key, worker=own_wallet, secret=self._secret, nonce=nonce)
        values = {
            "worker": own_wallet,
            "name": shown,
            "name_key": name_key(shown),
            "password_hash": password_hash,
            "wallet_sealed": sealed,
            "simulated": simulated,
            "roles": [role],
            "now_ms": self.clock(),
        }
        added = await scalar(tx, QUERIES.add_account, values)
        return None if added is None else Account(own_wallet, shown, simulated, (role,))

    async def account(self, tx: Tx, worker: str) -> Account | None:
        """The account of an address."""
        row = await (await tx.execute(QUERIES.account_of, {"worker": worker})).fetchone()
        return None if row is None else Account(row[0], row[1], row[2], tuple(row[3]))

    async def named(self, tx: Tx, name: str) -> Account | None:
        """The account of a name, however it is written."""
        row = await (await tx.execute(QUERIES.account_by_name, {"name_key": name_key(name)})).fetchone()
        return None if row is None else Account(row[0], row[1], row[2], tuple(row[3]))

    async def sign_in(self, name: str, password: str, *, device: str = "") -> tuple[str, Account]:
        """Returns a new session's token and the account. raises WrongNameOrPassword, TooManyAttempts"""
        key, now_ms = name_key(name), self.clock()
        window = {"name_key": key, "window_no": now_ms // WINDOW_MS}
        async with self.db.connection() as connection:
            if await scalar(connection, QUERIES.failures, window) >= FAILURES_MAX:
                raise TooManyAttempts(wait_ms=WINDOW_MS - now_ms % WINDOW_MS)
            row = await (await connection.execute(QUERIES.account_by_name, {"name_key": key})).fetchone()
        stored = row[4] if row and row[4] else self._nobody
        fits = False
        if len(password) <= PASSWORD_CHARS[1]:
            async with self._hashing:
                fits = await asyncio.to_thread(password_fits, password, stored)
        if row is None or not fits:
            async with self.db.transaction() as tx:
                await tx.execute(QUERIES.count_failure, window)
            raise WrongNameOrPassword
        account = Account(row[0], row[1], row[2], tuple(row[3]))
        async with self.db.transaction() as tx:
            return await self.new_session(tx, account, way="password", device=device), account

    async def set_password(self, worker: str, password: str) -> None:
        """Sets or changes the password. raises BadPassword"""
        password_hash = await self._hashed(password, PEOPLE_COST)
        async with self.db.transaction() as tx:
            await tx.execute(QUERIES.set_password, {"worker": worker, "password_hash": password_hash})

    async def take_role(self, worker: str, role: str, *, by_operator: bool = False) -> None:
        """Adds a role to an account; twice is once. raises WrongRole for one that only the operator gives"""
        if role not in ROLES or (role not in CHOSEN_FREELY and not by_operator):
            raise WrongRole([role])
        async with self.db.transaction() as tx:
            await tx.execute(QUERIES.give_role, {"worker": worker, "role": role})
        for known in [key for key, (caller, _) in self._cache.items() if caller.account.worker == worker]:
            del self._cache[known]

    async def sign_out(self, token: str) -> None:
        """Ends the session. Other processes may still take it for `CACHE_MS`."""
        token_hash = token_hash_of(token)
        self.forget(token_hash)
        async with self.db.transaction() as tx:
            await tx.execute(QUERIES.end_session, {"token_hash": token_hash})

    async def caller(self, token: str) -> Caller | None:
        """Who holds this session's token or program's key; None when nobody does (any more)."""
        token_hash, now_ms = token_hash_of(token), self.clock()
        known = self._cache.get(token_hash)
        if known is not None and now_ms < known[1]:
            return known[0]
        values = {"token_hash": token_hash, "key_hash": token_hash, "now_ms": now_ms}
        is_key = token.startswith(KEY_PREFIX)
        async with self.db.connection() as connection:
            cursor = await connection.execute(QUERIES.key if is_key else QUERIES.session, values, prepare=True)
            row = await cursor.fetchone()
        if row is None:
            self.forget(token_hash)
            return None
        if len(self._cache) >= CACHE_MAX:
            self._cache.clear()
        worker, name, simulated, roles, *rest = row
        scopes = frozenset(rest.pop(0)) if is_key else None
        since_ms, expires_at_ms = rest
        caller = Caller(Account(worker, name, simulated, tuple(roles)), scopes, since_ms)
        self._cache[token_hash] = (caller, min(now_ms + CACHE_MS, expires_at_ms or now_ms + CACHE_MS))
        return caller

    def forget(self, token_hash: str) -> None:
        """Forgets what was remembered of a session or key, so that its end shows at once in this process."""
        self._cache.pop(token_hash, None)

    async def need_caller(self, token: str) -> Caller:
        """raises NotSignedIn"""
        caller = await self.caller(token) if token else None
        if caller is None:
            raise NotSignedIn
        return caller

    async def who_is(self, token: str) -> Account | None:
        """The account of a person's session, None when there is none (any more). A program's key is no session."""
        caller = await self.caller(token)
        return caller.account if caller is not None and caller.scopes is None else None

    async def need(self, token: str) -> Account:
        """raises NotSignedIn"""
        account = await self.who_is(token) if token else None
        if account is None:
            raise NotSignedIn
        return account

    async def sessions(self, worker: str) -> list[Session]:
        """The worker's sessions that have not ended, newest first."""
        async with self.db.connection() as connection:
            return await rows_of(connection, Session, QUERIES.sessions_of, {"worker": worker, "now_ms": self.clock()})

    async def end_session(self, worker: str, session_id: str) -> bool:
        """Ends one of the person's own sessions, by its id from `sessions`."""
        async with self.db.transaction() as tx:
            values = {"worker": worker, "session_id": session_id}
            ended = await scalar(tx, QUERIES.end_session_of, values) is not None
        if ended:  # and only then: a stranger's wish must not slow the session down
            self.forget(session_id)
        return ended

    async def end_other_sessions(self, worker: str, token: str) -> int:
        """Ends all sessions of the person but this one; returns how many."""
        async with self.db.transaction() as tx:
            values = {"worker": worker, "token_hash": token_hash_of(token)}
            ended = [row[0] for row in await rows(tx, QUERIES.end_other_sessions, values)]
        for token_hash in ended:
            self.forget(token_hash)
        return len(ended)

    async def sign_digest(self, worker: str, digest_32: bytes) -> str:
        """The worker's signature over 32 bytes: r, s, v, hexadecimal with 0x.

        raises  NotSignedIn, WalletNotKept, WalletUnreadable
        """
        private_key = await self.wallet_key(worker)
        return signed_hash(private_key, digest_32)

    async def wallet_key(self, worker: str) -> bytes:
        """The private key of a wallet that is kept here. raises NotSignedIn, WalletNotKept, WalletUnreadable"""
        async with self.db.connection() as connection:
            row = await (await connection.execute(QUERIES.wallet_of, {"worker": worker})).fetchone()
        if row is None:
            raise NotSignedIn
        if row[0] is None:
            raise WalletNotKept
        return open_key(bytes(row[0]), worker=worker, secret=self._secret)

    async def tidy(self) -> None:
        """Forgets outlived sessions, failures and tickets."""
        now_ms = self.clock()
        async with self.db.transaction() as tx:
            await tx.execute(QUERIES.end_outlived_sessions, {"now_ms": now_ms})
            await tx.execute(QUERIES.forget_failures, {"window_no": now_ms // WINDOW_MS})
            await tx.execute(QUERIES.forget_tickets, {"now_ms": now_ms})

    async def _hashed(self, password: str, cost: tuple[int, int, int]) -> str:
        if not PASSWORD_CHARS[0] <= len(password) <= PASSWORD_CHARS[1]:
            raise BadPassword(len(password))
        async with self._hashing:
            return await asyncio.to_thread(hash_password, password, salt=self.ids.random_bytes(16), cost=cost)

    async def new_session(self, tx: Tx, account: Account, *, way: str, device: str = "") -> str:
        """A session's token, on the caller's transaction. way  as in `Session`"""
        token = self.ids.random_bytes(32).hex()
        now_ms = self.clock()
        values = {
            "token_hash": token_hash_of(token),
            "worker": account.worker,
            "now_ms": now_ms,
            "expires_at_ms": now_ms + SESSION_MS,
            "way": way,
            "device": "".join(sign for sign in device if sign.isprintable())[:DEVICE_CHARS],
        }
        await tx.execute(QUERIES.add_session, values)
        return token


def token_hash_of(token: str) -> str:
    """By what a token is found; what opens something is never kept itself."""
    return hashlib.sha256(token.encode()).hexdigest()


def _plain(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode()


def _wallet_key(secret: bytes) -> bytes:
    return digest_bytes("wallet key", secret)
