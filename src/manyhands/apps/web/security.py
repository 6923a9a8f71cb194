"""What every answer of the site carries, and what no request may do.

Rules kept here
- Scripts come from this origin only; the import map is allowed by its hash; nothing inline, nothing evaluated.
- Text cannot become markup: the policy demands Trusted Types and names one policy, for the service worker's address.
- A request that changes something must carry a header that a foreign page cannot send without our leave.
- A body is cut off at a limit before anybody parses it.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyhands.protocol.messages import MESSAGE_BYTES_MAX

from .assets import ASSETS_PREFIX, COMPONENTS_PREFIX
from .problems import BadRequest, ForeignHost, HeaderMissing, TooLarge, problem_response

REQUESTED_WITH: Final = "manyhands"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
API_BODY_LIMIT_BYTES: Final = 256 * 1024
UPLOAD_BODY_LIMIT_BYTES: Final = 4 * 1024 * 1024
UPLOAD_PATH: Final = re.compile(r"^/api/desk/drafts/[a-z0-9]{1,64}/(files/\d{1,8}/part|questions/[a-z]{1,20})$")


def content_policy(*, import_map_hash: str) -> str:
    """The Content-Security-Policy of a page. import_map_hash as `assets.script_hash` gives it"""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {import_map_hash}",
            "style-src 'self'",
            "img-src 'self' blob:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types manyhands-worker",
        )
    )


DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""For everything that is not a page: even opened in a tab it can do nothing."""

COMMON_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
}


ASSET_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""For our own scripts and styles, which are many and small: the rest of the headers speaks of documents."""


class Guard:
    """ASGI middleware: headers out; body limit, forged-request check and foreign host check in.

    hosts  names under which the site may be asked, without port; empty = any. Keeps a foreign name that was pointed
           at 127.0.0.1 from speaking to a site that trusts its loopback.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str] = frozenset()) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path: str = scope["path"]
        is_asset = path.startswith((ASSETS_PREFIX, COMPONENTS_PREFIX))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                if is_asset and message["status"] == 200:
                    out.update(ASSET_HEADERS)
                else:
                    for name, value in COMMON_HEADERS.items():
                        out.setdefault(name, value)
                    out.setdefault("Content-Security-Policy", DATA_POLICY)
                    out.setdefault("Cache-Control", "no-store")
            await send(message)

        if self.hosts and _host_name(headers.get("host", "")) not in self.hosts:
            await problem_response(ForeignHost(headers.get("host", "")))(scope, receive, send_with_headers)
            return
        if (
            path.startswith("/api/")
            and scope["method"] not in SAFE_METHODS
            and headers.get("x-requested-with") != REQUESTED_WITH
        ):
            await problem_response(HeaderMissing())(scope, receive, send_with_headers)
            return
        if "\0" in path or b"%00" in scope["query_string"]:
            await problem_response(BadRequest("the address holds U+0000, which no name has"))(
                scope, receive, send_with_headers
            )
            return
        limit_bytes = body_limit_bytes(path)
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit_bytes:
            await problem_response(TooLarge(limit_bytes))(scope, receive, send_with_headers)
            return
        taken_bytes = 0

        async def receive_limited() -> Message:
            nonlocal taken_bytes
            message = await receive()
            if message["type"] == "http.request":
                taken_bytes += len(message.get("body", b""))
                if taken_bytes > limit_bytes:
                    # of the web framework's own kind, because it takes any other error of a body for bad JSON
                    raise HTTPException(413, TooLarge(limit_bytes).message)
            return message

        await self.app(scope, receive_limited, send_with_headers)


def body_limit_bytes(path: str) -> int:
    """The largest body that an address takes.

    >>> body_limit_bytes("/api/desk/drafts/ab12/files/3/part"), body_limit_bytes("/api/desk/drafts/ab12/files")
    (4194304, 262144)
    """
    if path == "/messages":
        return MESSAGE_BYTES_MAX
    return UPLOAD_BODY_LIMIT_BYTES if UPLOAD_PATH.match(path) else API_BODY_LIMIT_BYTES


def _host_name(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()
