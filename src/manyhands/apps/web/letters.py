"""Letters with a link that signs in: written here, handed to the operator's mail server.

Rules kept here
- A letter is handed over while the request waits: a link that opens an account is never written down on its way.
- The link stands after the #, so that no server, proxy or log on its way sees it, and a scanner that opens it signs
  nobody in: the page asks for a click first.

    post = SmtpPost.of("smtp://mail.example.org:587", sender="Manyhands <no-reply@example.org>")
    await post.send(sign_in_letter("otter@example.org", origin="https://work.example.org", token=token))
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from manyhands.protocol.errors import ManyhandsError

TIMEOUT_S: Final = 10.0


class MailUnavailable(ManyhandsError):
    """The mail server did not take the letter."""

    cure = "Try again in a few minutes, or sign in another way."

    def __init__(self) -> None:
        super().__init__("the letter could not be sent")


class Post(Protocol):
    """Something that takes letters."""

    async def send(self, letter: EmailMessage) -> None: ...


def sign_in_letter(to: str, *, origin: str, token: str, minutes: int) -> EmailMessage:
    """The letter with the link. raises ValueError for an address that would break its header"""
    letter = EmailMessage()
    letter["To"] = to
    letter["Subject"] = "Your link to sign in"
    letter.set_content(
        f"Somebody asked to sign in at {origin} with this e-mail address.\n\n"
        f"If it was you, open this link within {minutes} minutes. It works once:\n\n"
        f"{origin}/sign-in#link={token}\n\n"
        "If it was not you, do nothing: without the link nobody comes in.\n",
        # a link must not be broken into lines
        cte="8bit",
    )
    return letter


@dataclass(frozen=True)
class SmtpPost:
    """A mail server spoken to over SMTP: with TLS from the start (smtps), or once it offers it (smtp)."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""
    tls: bool = False

    @classmethod
    def of(cls, url: str, *, sender: str) -> SmtpPost:
        """url  smtp://[user:password@]host[:port] or smtps://... raises ValueError for another"""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("a mail server is written as smtp://host:port or smtps://host:port")
        tls = parts.scheme == "smtps"
        port = parts.port or (465 if tls else 587)
        return cls(parts.hostname, port, sender, unquote(parts.username or ""), unquote(parts.password or ""), tls)

    async def send(self, letter: EmailMessage) -> None:
        """raises MailUnavailable"""
        try:
            await asyncio.to_thread(self._send, letter)
        except (OSError, smtplib.SMTPException) as problem:
            raise MailUnavailable from problem

    def _send(self, letter: EmailMessage) -> None:
        letter["From"] = self.sender
        context = ssl.create_default_context()
        opened = (
            smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=context)
            if self.tls
            else smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
        )
        with opened as server:
            server.ehlo()
            if not self.tls and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            if self.user:
                server.login(self.user, self.password)
            server.send_message(letter)
