"""Webhooks: a requester's own program is told what happens to their jobs.

Rules kept here
- A telling is written with the event it tells, in one transaction: neither exists without the other.
- At least once, and in order for each job: the next event is not sent before the receiver said 2xx to this one. One
  receiver that is away holds up its own jobs alone.
- Every telling is signed with a key of its address, over its time and its body. The event's id stays the same however
  often it is told, so a receiver that keeps ids sees each event once.
- A secret can be made anew at any time. For a day a telling carries both signatures, with a comma between them, so that
  a receiver loses none while it changes over.
- An address inside the operator's own network is never called: the name is looked up, every address it has must be
  public, and the connection goes to the address that was looked at. Redirects are not followed.

    hook, secret = await webhooks.add(requester, "https://erp.example.org/manyhands", name="ERP")
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import Clock, IdSource, digest
from manyhands.store.database import Database, Tx, row_of, rows, rows_of, scalar
from manyhands.store.jobs import Backoff, enqueue
from manyhands.store.sql import load_queries

QUERIES = load_queries("manyhands.roles.launcher", "sql")

QUEUE: Final = "webhooks"
TELL: Final = "webhook.tell"
HOOKS_MAX: Final = 20
TIMEOUT_S: Final = 15.0
REASON_CHARS: Final = 300
BOTH_SIGN_MS: Final = 24 * 3_600_000

# 1 s, 2 s, ... one hour; the last of them after more than four days
TELL_BACKOFF: Final = Backoff(first_wait_ms=1_000, factor=2, max_wait_ms=3_600_000, max_failures=110)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> its addresses."""


class BadHookUrl(ManyhandsError):
    """An address that cannot be told anything."""

    cure = "Give an https address that the whole internet can reach."

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"this address {problem}")


class TooManyHooks(ManyhandsError):
    """More addresses than a requester needs."""

    code, status = "too_many_hooks", 409
    cure = "End addresses that are not used any more."

    def __init__(self) -> None:
        super().__init__(f"a requester has at most {HOOKS_MAX} addresses")


class NoSuchHook(ManyhandsError):
    """No address of this requester has that id."""

    cure = "Look at the list of your webhooks."

    def __init__(self) -> None:
        super().__init__("there is no webhook of yours with that id")


class NotTold(ManyhandsError):
    """The receiver did not take the event; it is told again later."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the receiver did not take it: {reason}")


class Hook(msgspec.Struct, frozen=True):
    """An address of a requester. waiting = events that the receiver has not taken yet.

    rotated_at_ms  when its secret was made anew, None = never
    """

    hook_id: str
    url: str
    name: str
    created_at_ms: int
    waiting: int = 0
    rotated_at_ms: int | None = None


class Telling(msgspec.Struct, frozen=True):
    """What became of one event for one address. status  the receiver's last answer, None = none came"""

    job_id: str
    name: str
    number: int
    state: str
    attempts: int
    status: int | None
    reason: str
    at_ms: int
    told_at_ms: int | None


class _Target(msgspec.Struct, frozen=True):
    hook_id: str
    url: str
    secret_no: int
    rotated_at_ms: int | None


class _Due(msgspec.Struct, frozen=True):
    event_no: int
    at_ms: int
    name: str
    because: str
    state: str
    attempts: int
    number: int


def signature_of(secret: str, *, at_ms: int, body: bytes) -> str:
    """`v1=` and HMAC-SHA256 over time, a dot, and the body as sent; hexadecimal.

    >>> signature_of("s", at_ms=1, body=b"{}")[:7]
    'v1=b253'
    """
    return "v1=" + hmac.new(secret.encode(), f"{at_ms}.".encode() + body, hashlib.sha256).hexdigest()


def check_url(url: str, *, private: bool) -> None:
    """Whether an address has the form of one that may be called. private  also http and one's own network

    raises  BadHookUrl
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise BadHookUrl("cannot be read") from problem
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise BadHookUrl("does not begin with https://")
    if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
        raise BadHookUrl("is not a plain host and path")
    if port == 0 or len(url) > 500 or any(ord(sign) < 33 or ord(sign) > 126 for sign in url) or "\\" in url:
        raise BadHookUrl("holds signs that no address has")


def check_address(address: str, *, private: bool) -> None:
    """Whether an IP address is one of the public internet. raises BadHookUrl"""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    if private:
        return
    for one in (found, mapped):
        if one is not None and (not one.is_global or one.is_multicast):
            raise BadHookUrl("lies inside a private network")
    # 64:ff9b::/96 carries an IPv4 address behind a translator
    if found in ipaddress.ip_network("64:ff9b::/96"):
        raise BadHookUrl("lies behind a translator")


async def resolved(host: str, port: int) -> Sequence[str]:
    """All addresses of a host. raises OSError"""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


@cache
def _trusted() -> ssl.SSLContext:
    """Whom the world's certificates speak for: read once, not for every telling."""
    return httpx.create_ssl_context(trust_env=False)


class Webhooks:
    """The webhooks of one launcher.

    private  whether http and addresses of one's own network may be called: for a platform on one's own machine
    """

    def __init__(
        self,
        db: Database,
        *,
        clock: Clock,
        ids: IdSource,
        secret: bytes,
        private: bool = False,
        resolve: Resolve = resolved,
    ) -> None:
        self._db, self._clock, self._ids, self._secret = db, clock, ids, secret
        self._private, self._resolve = private, resolve

    # --- for requesters -------------------------------------------------------------------------------------------

    async def add(self, requester: str, url: str, *, name: str) -> tuple[Hook, str]:
        """A new address and the secret it is signed with. raises BadHookUrl, TooManyHooks"""
        check_url(url, private=self._private)
        hook = Hook(self._ids.random_bytes(16).hex(), url, name, self._clock())
        async with self._db.transaction() as tx:
            await tx.execute(QUERIES.lock_requester, {"requester": requester})
            if await scalar(tx, QUERIES.count_hooks, {"requester": requester}) >= HOOKS_MAX:
                raise TooManyHooks
            values = {**msgspec.structs.asdict(hook), "requester": requester, "now_ms": hook.created_at_ms}
            await tx.execute(QUERIES.add_hook, values)
        return hook, self.secret_of(hook.hook_id)

    async def rotate(self, requester: str, hook_id: str) -> tuple[Hook, str]:
        """Makes an address's secret anew; the one before signs beside it for `BOTH_SIGN_MS`. raises NoSuchHook"""
        values = {"requester": requester, "hook_id": hook_id, "now_ms": self._clock()}
        async with self._db.transaction() as tx:
            secret_no = await scalar(tx, QUERIES.rotate_hook, values)
            if secret_no is None:
                raise NoSuchHook
            hooks = await rows_of(tx, Hook, QUERIES.hooks_of, {"requester": requester})
        return next(hook for hook in hooks if hook.hook_id == hook_id), self.secret_of(hook_id, secret_no)

    def secret_of(self, hook_id: str, secret_no: int = 0) -> str:
        """The key of an address, made from its id: the database alone cannot sign for anybody."""
        named = f"webhook:{hook_id}" + (f":{secret_no}" if secret_no else "")
        return "whs_" + hmac.new(self._secret, named.encode(), hashlib.sha256).hexdigest()

    async def of(self, requester: str) -> list[Hook]:
        async with self._db.connection() as connection:
            return await rows_of(connection, Hook, QUERIES.hooks_of, {"requester": requester})

    async def end(self, requester: str, hook_id: str) -> None:
        """raises NoSuchHook"""
        values = {"requester": requester, "hook_id": hook_id, "now_ms": self._clock()}
        async with self._db.transaction() as tx:
            if await scalar(tx, QUERIES.end_hook, values) is None:
                raise NoSuchHook

    async def tellings(self, requester: str, hook_id: str, *, job_id: str | None = None) -> list[Telling]:
        """The newest 200. raises NoSuchHook"""
        async with self._db.connection() as connection:
            await self._own(connection, requester, hook_id)
            values = {"hook_id": hook_id, "job_id": job_id}
            return await rows_of(connection, Telling, QUERIES.tellings_of, values)

    async def replay(self, requester: str, hook_id: str, job_id: str, *, from_number: int = 1) -> int:
        """Tells a job's events again from a number on, at once; returns how many. raises NoSuchHook

        A job of somebody else has no events here.
        """
        values = {"hook_id": hook_id, "job_id": job_id, "requester": requester, "from_number": from_number}
        async with self._db.transaction() as tx:
            await self._own(tx, requester, hook_id)
            again = await rows(tx, QUERIES.tell_again, values)
            if again:
                # without the lock: it must not wait behind a try that is an hour away
                await enqueue(tx, TELL, queue=QUEUE, args={"hook_id": hook_id, "job_id": job_id})
        return len(again)

    async def _own(self, tx: Tx, requester: str, hook_id: str) -> None:
        if await row_of(tx, _Target, QUERIES.hook, {"hook_id": hook_id, "requester": requester}) is None:
            raise NoSuchHook

    # --- telling --------------------------------------------------------------------------------------------------

    async def on_event(self, tx: Tx, job_id: str, event_no: int) -> None:
        """Called in the transaction that writes a job's event."""
        for (hook_id,) in await rows(tx, QUERIES.tell_hooks, {"job_id": job_id, "event_no": event_no}):
            await enqueue(
                tx,
                TELL,
                queue=QUEUE,
                args={"hook_id": hook_id, "job_id": job_id},
                lock=f"webhook:{hook_id}:{job_id}",
            )

    async def tell(self, hook_id: str, job_id: str) -> None:
        """Background work: tells one address what waits of one job, oldest first.

        raises  NotTold when the receiver does not take one; what it took before stays taken
        """
        async with self._db.transaction() as alone:
            one = {"hook_id": hook_id, "job_id": job_id}
            if not await scalar(alone, QUERIES.alone_with, one):
                raise NotTold("it is being told this moment")
            while True:
                async with self._db.connection() as connection:
                    target = await row_of(connection, _Target, QUERIES.hook, {"hook_id": hook_id, "requester": None})
                    due = await row_of(connection, _Due, QUERIES.next_telling, one)
                if target is None or due is None:
                    return
                status, reason = await self._send(target, job_id, due)
                told = status is not None and 200 <= status < 300
                reason = reason or ("" if told else f"it answered {status}")
                async with self._db.transaction() as tx:
                    await tx.execute(
                        QUERIES.note_telling,
                        {
                            **one,
                            "event_no": due.event_no,
                            "state": "told" if told else "waiting",
                            "status": status,
                            "reason": reason[:REASON_CHARS],
                            "told_at_ms": self._clock() if told else None,
                        },
                    )
                if not told:
                    raise NotTold(reason)

    async def _send(self, target: _Target, job_id: str, due: _Due) -> tuple[int | None, str]:
        at_ms = self._clock()
        body = msgspec.json.encode(
            {
                "id": digest("webhook", job_id, due.event_no),
                "type": "job.event",
                "job_id": job_id,
                "number": due.number,
                "name": due.name,
                "because": due.because,
                "happened_at_ms": due.at_ms,
                "job_state": due.state,
            }
        )
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "manyhands-webhooks",
            "Manyhands-Timestamp": str(at_ms),
            "Manyhands-Signature": ",".join(
                signature_of(secret, at_ms=at_ms, body=body) for secret in self._secrets(target, at_ms)
            ),
            "Manyhands-Attempt": str(due.attempts + 1),
        }
        try:
            return await asyncio.wait_for(self._post(target.url, headers, body), TIMEOUT_S), ""
        except TimeoutError:
            return None, f"no answer within {TIMEOUT_S:.0f} seconds"
        except BadHookUrl as refused:
            return None, refused.message
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            return None, f"{type(problem).__name__}: {problem}"

    def _secrets(self, target: _Target, at_ms: int) -> list[str]:
        """The secrets that sign now, the newest first."""
        last = target.secret_no
        both = target.rotated_at_ms is not None and at_ms - target.rotated_at_ms < BOTH_SIGN_MS
        return [self.secret_of(target.hook_id, number) for number in ((last, last - 1) if both else (last,))]

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """The status. The connection goes to the very address that was checked, whatever the name says by then."""
        check_url(url, private=self._private)
        parts = urlsplit(url)
        assert parts.hostname is not None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await self._resolve(parts.hostname, port)
        for address in addresses:
            check_address(address, private=self._private)
        pinned = httpx.URL(url).copy_with(host=addresses[0], port=port)
        extensions: dict[str, Any] = {"sni_hostname": parts.hostname}
        async with (
            httpx.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                timeout=TIMEOUT_S,
                verify=_trusted() if parts.scheme == "https" else False,
            ) as http,
            http.stream(
                "POST", pinned, content=body, headers={**headers, "Host": parts.netloc}, extensions=extensions
            ) as reply,
        ):
            return reply.status_code  # what a receiver says beside its status is not read
