"""Accounts of workers: a name, a password, sessions, and a wallet kept for them.

Rules kept here
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

import msgspec
from Crypto.Cipher import AES
from eth_account import Account as EthAccount

from manyhands.protocol.ids import Clock, IdSource, digest_bytes
from manyhands.protocol.signing import LocalSigner
from manyhands.store.database import Database, Tx, rows_of, scalar
from manyhands.store.sql import load_queries

from .errors import (
    BadName,
    BadPassword,
    NameTaken,
    NotSignedIn,
    TooManyAttempts,
    WalletUnreadable,
    WrongNameOrPassword,
)

QUERIES = load_queries("manyhands.roles.exchange")

SESSION_MS = 30 * 24 * 3_600_000
FAILURES_MAX = 10
WINDOW_MS = 15 * 60_000
PASSWORD_CHARS = (8, 200)
NAME_CHARS = (2, 40)
CACHE_MS = 3_000
CACHE_MAX = 10_000

# N = 2^14, r = 8, p = 5 is one of the equal choices of OWASP's password storage cheat sheet (2024) and needs 16 MiB.
PEOPLE_COST = (14, 8, 5)
# Simulated people's passwords guard nothing.
SIMULATED_COST = (10, 8, 1)

_NAME = re.compile(r"[\w][\w .\-]*[\w.]")


class Account(msgspec.Struct, frozen=True):
    """Who is signed in. worker = wallet address."""

    worker: str
    name: str
    simulated: bool = False


class Session(msgspec.Struct, frozen=True):
    """One of a worker's sessions. session_id names it and opens nothing."""

    session_id: str
    created_at_ms: int
    expires_at_ms: int


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
        self._db, self._clock, self._ids, self._secret = db, clock, ids, wallet_secret
        self._hashing = asyncio.Semaphore(2)  # each hash takes 16 MiB and a core
        self._cache: dict[str, tuple[Account, int]] = {}
        self._nobody = hash_password("nobody has this password", salt=bytes(16), cost=PEOPLE_COST)

    async def sign_up(self, name: str, password: str, *, simulated: bool = False) -> tuple[str, Account]:
        """Makes an account and signs it in; returns the session's token and the account.

        raises  BadName, BadPassword, NameTaken
        """
        shown = check_name(name)
        if not PASSWORD_CHARS[0] <= len(password) <= PASSWORD_CHARS[1]:
            raise BadPassword(len(password))
        signer = LocalSigner.create(self._ids)
        cost = SIMULATED_COST if simulated else PEOPLE_COST
        async with self._hashing:
            password_hash = await asyncio.to_thread(hash_password, password, salt=self._ids.random_bytes(16), cost=cost)
        sealed = seal_key(
            signer.private_key, worker=signer.address, secret=self._secret, nonce=self._ids.random_bytes(12)
        )
        values = {
            "worker": signer.address,
            "name": shown,
            "name_key": name_key(shown),
            "password_hash": password_hash,
            "wallet_sealed": sealed,
            "simulated": simulated,
            "now_ms": self._clock(),
        }
        account = Account(signer.address, shown, simulated)
        async with self._db.transaction() as tx:
            added = await scalar(tx, QUERIES.add_account, values)
            if added is not None:
                return await self._new_session(tx, account), account
        try:  # the reply to an earlier sign-up may have been lost
            return await self.sign_in(name, password)
        except WrongNameOrPassword:
            raise NameTaken(shown) from None

    async def sign_in(self, name: str, password: str) -> tuple[str, Account]:
        """Returns a new session's token and the account. raises WrongNameOrPassword, TooManyAttempts"""
        key, now_ms = name_key(name), self._clock()
        window = {"name_key": key, "window_no": now_ms // WINDOW_MS}
        async with self._db.connection() as connection:
            if await scalar(connection, QUERIES.failures, window) >= FAILURES_MAX:
                raise TooManyAttempts(wait_ms=WINDOW_MS - now_ms % WINDOW_MS)
            row = await (await connection.execute(QUERIES.account_by_name, {"name_key": key})).fetchone()
        stored = row[3] if row else self._nobody
        fits = False
        if len(password) <= PASSWORD_CHARS[1]:
            async with self._hashing:
                fits = await asyncio.to_thread(password_fits, password, stored)
        if row is None or not fits:
            async with self._db.transaction() as tx:
                await tx.execute(QUERIES.count_failure, window)
            raise WrongNameOrPassword
        account = Account(row[0], row[1], row[2])
        async with self._db.transaction() as tx:
            return await self._new_session(tx, account), account

    async def sign_out(self, token: str) -> None:
        """Ends the session. Other processes may still take it for `CACHE_MS`."""
        token_hash = _token_hash(token)
        self._cache.pop(token_hash, None)
        async with self._db.transaction() as tx:
            await tx.execute(QUERIES.end_session, {"token_hash": token_hash})

    async def who_is(self, token: str) -> Account | None:
        """The account of a session, None when there is none (any more). Remembered for `CACHE_MS`."""
        token_hash, now_ms = _token_hash(token), self._clock()
        known = self._cache.get(token_hash)
        if known is not None and now_ms < known[1]:
            return known[0]
        async with self._db.connection() as connection:
            cursor = await connection.execute(
                QUERIES.session, {"token_hash": token_hash, "now_ms": now_ms}, prepare=True
            )
            row = await cursor.fetchone()
        if row is None:
            self._cache.pop(token_hash, None)
            return None
        if len(self._cache) >= CACHE_MAX:
            self._cache.clear()
        account = Account(row[0], row[1], row[2])
        self._cache[token_hash] = (account, min(now_ms + CACHE_MS, row[3]))
        return account

    async def need(self, token: str) -> Account:
        """raises NotSignedIn"""
        account = await self.who_is(token) if token else None
        if account is None:
            raise NotSignedIn
        return account

    async def sessions(self, worker: str) -> list[Session]:
        """The worker's sessions that have not ended, newest first."""
        async with self._db.connection() as connection:
            return await rows_of(connection, Session, QUERIES.sessions_of, {"worker": worker, "now_ms": self._clock()})

    async def end_session(self, worker: str, session_id: str) -> bool:
        """Ends one of the worker's own sessions, by its id from `sessions`."""
        self._cache.pop(session_id, None)
        async with self._db.transaction() as tx:
            values = {"worker": worker, "session_id": session_id}
            return await scalar(tx, QUERIES.end_session_of, values) is not None

    async def sign_digest(self, worker: str, digest_32: bytes) -> str:
        """The worker's signature over 32 bytes: r, s, v, hexadecimal with 0x. raises NotSignedIn, WalletUnreadable"""
        async with self._db.connection() as connection:
            sealed = await scalar(connection, QUERIES.wallet_of, {"worker": worker})
        if sealed is None:
            raise NotSignedIn
        private_key = open_key(bytes(sealed), worker=worker, secret=self._secret)
        return "0x" + bytes(EthAccount.unsafe_sign_hash(digest_32, private_key).signature).hex()

    async def tidy(self) -> None:
        """Forgets outlived sessions and failures."""
        now_ms = self._clock()
        async with self._db.transaction() as tx:
            await tx.execute(QUERIES.end_outlived_sessions, {"now_ms": now_ms})
            await tx.execute(QUERIES.forget_failures, {"window_no": now_ms // WINDOW_MS})

    async def _new_session(self, tx: Tx, account: Account) -> str:
        token = self._ids.random_bytes(32).hex()
        now_ms = self._clock()
        values = {
            "token_hash": _token_hash(token),
            "worker": account.worker,
            "now_ms": now_ms,
            "expires_at_ms": now_ms + SESSION_MS,
        }
        await tx.execute(QUERIES.add_session, values)
        return token


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _plain(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode()


def _wallet_key(secret: bytes) -> bytes:
    return digest_bytes("wallet key", secret)
