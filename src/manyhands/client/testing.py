"""A receiver of webhooks for tests: a real HTTP server that refuses, delays and loses replies on request.

with WebhookReceiver() as receiver:
    hook = client.add_hook(receiver.url)
    receiver.secret = hook.secret
    receiver.refuse = 3                       # the next three are answered 500
    ...
    assert [event.number for event in receiver.effects] == [1, 2, 3]
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from .webhooks import Event, NotGenuine, opened


class WebhookReceiver:
    """seen = every genuine telling, repeats too; effects = each event once, in the order it came first.

    refuse       how many of the next tellings are answered 500, with no effect
    lose_reply   how many of the next are taken and then answered 500: they come again
    delay_ms     how long each answer takes
    clock_ms     the receiver's clock, None = the system's
    not_genuine  how many requests were not the platform's
    """

    def __init__(self, secret: str = "") -> None:
        self.secret = secret
        self.refuse = self.lose_reply = self.delay_ms = self.not_genuine = 0
        self.seen: list[Event] = []
        self.effects: list[Event] = []
        self.clock_ms: Callable[[], int] | None = None
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(receiver.take(dict(self.headers), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Tests say by themselves what went wrong."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status for one request."""
        time.sleep(self.delay_ms / 1000)
        with self._lock:
            if self.refuse:
                self.refuse -= 1
                return 500
            try:
                event = opened(self.secret, headers, body, now_ms=self.clock_ms() if self.clock_ms else None)
            except NotGenuine:
                self.not_genuine += 1
                return 400
            self.seen.append(event)
            if event.id not in {one.id for one in self.effects}:
                self.effects.append(event)
            if self.lose_reply:
                self.lose_reply -= 1
                return 500
            return 204

    def __enter__(self) -> WebhookReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
