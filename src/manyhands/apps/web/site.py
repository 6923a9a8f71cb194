"""What the site stands on: the services behind its routes, named by what the routes need of them.

Rules kept here
- The site asks services and never tables; a service that is not there leaves its routes out instead of failing later.
- Who may read a job's results is decided here, in one pure function.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from starlette.routing import BaseRoute

from manyhands.apps.desk import RequesterDesk
from manyhands.protocol.ids import Clock, system_clock
from manyhands.protocol.money import MHT, Currency
from manyhands.roles.exchange import Exchange
from manyhands.roles.exchange.accounts import Accounts
from manyhands.roles.exchange.books import RoleShown
from manyhands.roles.exchange.ways import Ways
from manyhands.roles.launcher.purses import Purses
from manyhands.roles.launcher.webhooks import Webhooks

from .assets import Assets
from .letters import Post

SESSION_COOKIE = "mh_session"
HERE_COOKIE = "mh_here"
LANGUAGE_COOKIE = "mh_lang"


Pointer = Literal["fine", "coarse"]
"""How closely a device points: a mouse, or a finger."""


class WorkerDesk(Protocol):
    """What the exchange does for workers. Values are msgspec structs or builtins in the shapes of `shapes`."""

    async def sign_up(
        self, name: str, password: str, *, simulated: bool, role: str, device: str
    ) -> tuple[str, Any]: ...
    async def sign_in(self, name: str, password: str, *, device: str) -> tuple[str, Any]: ...
    async def sign_out(self, token: str) -> None: ...
    async def sessions(self, worker: str) -> Any: ...
    async def end_session(self, worker: str, session_id: str) -> bool: ...
    async def offers(self, worker: str, *, screen_px: int | None, pointer: Pointer | None, language: str) -> Any: ...
    async def give_back(self, worker: str, job_id: str, assignment_ids: Sequence[str]) -> int: ...
    async def report(self, worker: str, job_id: str, assignment_id: str, code: str, text: str) -> str: ...
    def report_codes(self) -> Any: ...
    async def earnings(self, worker: str) -> Any: ...
    async def receipts(self, worker: str, job_id: str) -> Any: ...
    async def jury_cases(self, worker: str) -> Any: ...
    async def jury_vote(self, worker: str, case_id: str, *, uphold: bool, because: str) -> None: ...
    async def standings(self, worker: str) -> Any: ...


class JobRecord(Protocol):
    """What anyone may know of jobs, and what their requester may fetch."""

    async def jobs(self) -> Sequence[Mapping[str, Any]]: ...
    async def job(self, job_id: str) -> Mapping[str, Any] | None: ...
    async def result_files(self, job_id: str) -> Sequence[Mapping[str, Any]] | None: ...
    async def result_file(self, job_id: str, name: str) -> tuple[bytes, str] | None: ...


class OperatorDesk(Protocol):
    """What the routes need of `manyhands.apps.operating`."""

    async def overview(self) -> dict[str, Any]: ...
    async def money(self) -> dict[str, Any]: ...
    async def signs(self) -> dict[str, Any]: ...
    async def unlink(self, group: str, *, by: str, because: str) -> int: ...
    async def clear_sign(self, job_id: str, position: int, *, by: str, because: str) -> int: ...
    async def free(self, kind: Any, ref: str, *, by: str) -> int: ...
    async def statement(self, party: str, *, since_ms: int, until_ms: int | None) -> Any: ...
    async def lines(self, *, process: str, job_id: str) -> list[str]: ...
    async def samples(self) -> Any: ...


Pictures = Callable[[str], Awaitable[bytes]]
"""Blob key -> its bytes. raises NoSuchBlob"""

TakeMessage = Callable[[bytes], Awaitable[tuple[int, bytes]]]
"""A signed envelope as it came -> status and JSON answer, as `Mailbox.receive_bytes` gives them."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One site. Keys never leave this value.

    picture_secret   key of picture addresses, shared with whoever signs them
    results_secret   key from which a requester's key for one job follows; empty = results are open to anyone
    accounts         who may come in; without it no route that needs somebody signed in lets anybody in
    ways             other ways in than name and password
    post             who takes letters with links; without it that way is not offered
    webhooks         where requesters' programs are told of their jobs
    purses           what requesters may spend
    origin           scheme, host and port under which the world knows the site; "" = as it was asked
    exchange         whose workers' own records are shown, with `parties`: the roles and their addresses, for anyone
    hosts            names the site may be asked under; empty = any
    secure_cookies   True behind TLS
    currencies       what jobs are paid in here, the platform's first one first
    simulated_crowd  whether an account may call itself simulated
    close            what to run when the site stops
    """

    assets: Assets
    picture_secret: bytes
    desk: WorkerDesk | None = None
    accounts: Accounts | None = None
    ways: Ways | None = None
    post: Post | None = None
    webhooks: Webhooks | None = None
    purses: Purses | None = None
    origin: str = ""
    exchange: Exchange | None = None
    parties: Sequence[RoleShown] = ()
    record: JobRecord | None = None
    requester_desk: RequesterDesk | None = None
    operating: OperatorDesk | None = None
    pictures: Pictures | None = None
    take_message: TakeMessage | None = None
    hot_routes: Sequence[BaseRoute] = ()
    results_secret: bytes = b""
    hosts: frozenset[str] = frozenset()
    secure_cookies: bool = False
    currencies: tuple[Currency, ...] = (MHT,)
    simulated_crowd: bool = False
    clock: Clock = system_clock
    start: Sequence[Callable[[], Awaitable[None]]] = field(default=())
    close: Sequence[Callable[[], Awaitable[None]]] = field(default=())


def requester_key(results_secret: bytes, job_id: str) -> str:
    """The key with which a job's requester fetches its results: 64 hex characters, bound to the job."""
    return hmac.new(results_secret, b"results:" + job_id.encode(), hashlib.sha256).hexdigest()


def may_read_results(site_secret: bytes, job_id: str, key: str) -> bool:
    """Whether the key opens the job's results. An empty site secret opens them to anyone (a demo on loopback)."""
    return not site_secret or hmac.compare_digest(requester_key(site_secret, job_id), key)
