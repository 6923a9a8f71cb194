"""How roles speak: signed messages, sent with the rows they follow from, applied once.

Rules kept here
- `send` writes on the caller's transaction: a message exists exactly when the rows do. The same message twice is one.
- Delivery is at least once, applying is once: inbox row and handler are one transaction.
- One sender's messages about one job arrive in the order sent; one that cannot be delivered holds those behind it, and
  nobody else's. At one recipient the messages about one job are applied one at a time.
- A message is believed only when its signature is the sender's and the directory knows the sender in that role.
- A refusal (a `ProtocolError`) is final and keeps its reason on both sides. Every other error is tried again.

    mailbox = Mailbox(db, jobs, directory)
    mailbox.register("exchange", exchange_address, handle)      # async handle(tx, envelope)
    async with db.transaction() as tx:
        await mailbox.send(tx, seal(body, signer=..., ...))

Messages inside one process take the same way as those to another host: outbox, background work, signature, inbox.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import httpx
import msgspec

from ..protocol.errors import ProtocolError
from ..protocol.ids import Clock, system_clock
from ..protocol.messages import MESSAGE_BYTES_MAX, Envelope, decode_envelope, encode_envelope, open_envelope
from ..protocol.parties import Directory
from .around import Around, nothing_around
from .database import Database, Tx, rows_of, scalar
from .errors import DeliveryFailed
from .jobs import Backoff, JobApp, enqueue
from .sql import load_queries

logger = logging.getLogger(__name__)

QUERIES = load_queries("manyhands.store")

QUEUE = "mail"
DELIVER = "mail.deliver"
MESSAGES_PATH = "/messages"
CLOCK_SKEW_MS = 5 * 60_000
MAX_AGE_MS = 90 * 24 * 3_600_000
HTTP_TIMEOUT_SECONDS = 20.0

# 200 ms, 400 ms, ... 5 minutes; the last of them after more than 80 hours
DELIVERY_BACKOFF = Backoff(first_wait_ms=200, factor=2, max_wait_ms=300_000, max_failures=1_000)

Handler = Callable[[Tx, Envelope], Awaitable[None]]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the recipient says about a message. outcome  applied, duplicate (was applied before), refused (for ever)"""

    outcome: Literal["applied", "duplicate", "refused"]
    reason: str = ""


@dataclass(frozen=True)
class Undelivered:
    """A message that is not settled. work_status  todo, doing, failed (a dead letter) or lost (to be enqueued again)"""

    job_id: str
    message_id: str
    sender: str
    recipient: str
    recipient_role: str
    body_type: str
    work_status: str
    work_id: int | None
    failures: int
    reason: str
    sent_at: datetime


@dataclass(frozen=True)
class Refused:
    """A message that its recipient refused."""

    job_id: str
    message_id: str
    sender: str
    recipient: str
    recipient_role: str
    body_type: str
    reason: str


class MessageFromTheFuture(ProtocolError):
    """The sender's clock is ahead by more than five minutes."""

    def __init__(self, message_id: str, *, ahead_ms: int) -> None:
        self.message_id, self.ahead_ms = message_id, ahead_ms
        super().__init__(
            f"message {message_id} was sent {ahead_ms} ms in the future", cure="Set the clocks of both hosts right."
        )


class MessageTooOld(ProtocolError):
    """The message is older than what recipients take."""

    def __init__(self, message_id: str, *, age_ms: int) -> None:
        self.message_id, self.age_ms = message_id, age_ms
        super().__init__(f"message {message_id} is {age_ms // 86_400_000} days old, older than what is taken")


class NotOurMessage(ProtocolError):
    """The message is for a role that is not played here."""

    def __init__(self, message_id: str, *, role: str, address: str) -> None:
        self.message_id, self.role, self.address = message_id, role, address
        super().__init__(f"message {message_id} is for {role} {address}, who is not here")


class MessageTooLarge(ProtocolError):
    """A message is larger than any host takes. Say it in parts, or less of it."""

    def __init__(self, message_id: str, *, size_bytes: int) -> None:
        self.message_id, self.size_bytes = message_id, size_bytes
        super().__init__(
            f"message {message_id} has {size_bytes:,} bytes; {MESSAGE_BYTES_MAX:,} are the most that a host takes"
        )


def check_time(envelope: Envelope, *, now_ms: int) -> None:
    """raises MessageFromTheFuture, MessageTooOld"""
    if envelope.sent_at_ms > now_ms + CLOCK_SKEW_MS:
        raise MessageFromTheFuture(envelope.id, ahead_ms=envelope.sent_at_ms - now_ms)
    if envelope.sent_at_ms < now_ms - MAX_AGE_MS:
        raise MessageTooOld(envelope.id, age_ms=now_ms - envelope.sent_at_ms)


def stream_lock(envelope: Envelope) -> str:
    """The lock that keeps one sender's messages about one job to one recipient in order."""
    return f"mail:{envelope.job_id}:{envelope.sender}:{envelope.recipient}:{envelope.recipient_role}"


class Mailbox:
    """Sends and receives for all roles played in this process.

    jobs       a worker of queue `mail` delivers; run it in the process that registered the handlers
    directory  who plays which role; a party with an endpoint is reached over HTTP, one without is in this process
    """

    def __init__(
        self,
        db: Database,
        jobs: JobApp,
        directory: Directory,
        *,
        clock: Clock = system_clock,
        http: httpx.AsyncClient | None = None,
        backoff: Backoff = DELIVERY_BACKOFF,
        around: Around = nothing_around,
    ) -> None:
        self._db, self._around = db, around
        self._directory = directory
        self._clock = clock
        self._http = http
        self._handlers: dict[tuple[str, str], Handler] = {}
        jobs.task(DELIVER, backoff=backoff)(self._deliver_work)
        jobs.every("mail.find_lost", 30_000)(self.enqueue_lost)

    def register(self, role: str, address: str, handler: Handler) -> None:
        """Plays a role in this process: its messages go to `handler(tx, envelope)`, inside the inbox's transaction.

        The handler writes on `tx` only. It raises a `ProtocolError` to refuse for ever, all else to be called again.
        """
        self._handlers[role, address] = handler

    async def send(self, tx: Tx, envelope: Envelope) -> bool:
        """Puts a sealed message on its way, with the caller's transaction.

        returns  False when the same message was sent before; the first one stands
        raises   UnknownParty when the directory does not know the recipient; MessageTooLarge for one that no host would
                 take, before anything is written: the same inside one process and between two
        """
        self._directory.find(envelope.recipient_role, envelope.recipient)
        raw = encode_envelope(envelope)
        if len(raw) > MESSAGE_BYTES_MAX:
            raise MessageTooLarge(envelope.id, size_bytes=len(raw))
        values = {**_address(envelope), "envelope": raw}
        if await scalar(tx, QUERIES.put_in_outbox, values) is None:
            return False
        await enqueue(
            tx,
            DELIVER,
            queue=QUEUE,
            args={"job_id": envelope.job_id, "message_id": envelope.id},
            lock=stream_lock(envelope),
        )
        return True

    async def deliver(self, job_id: str, message_id: str) -> None:
        """Delivers a message, and before it whatever of its stream still waits.

        raises  DeliveryFailed when a recipient cannot be reached; what was delivered before stays delivered
        """
        async with self._db.connection() as connection:
            cursor = await connection.execute(QUERIES.waiting_up_to, {"job_id": job_id, "message_id": message_id})
            waiting = [decode_envelope(bytes(raw)) for _, raw in await cursor.fetchall()]
        for envelope in waiting:
            receipt = await self._hand_over(envelope)
            refused = receipt.outcome == "refused"
            if refused:
                logger.warning("%s refused %s: %s", envelope.recipient_role, envelope.body_type, receipt.reason)
            async with self._db.transaction() as tx:
                await tx.execute(
                    QUERIES.settle,
                    {
                        "job_id": envelope.job_id,
                        "message_id": envelope.id,
                        "state": "refused" if refused else "delivered",
                        "reason": (receipt.reason or "no reason given") if refused else "",
                    },
                )

    async def receive(self, envelope: Envelope) -> Receipt:
        """Checks a message and applies it once.

        returns  what became of it; a message that cannot be believed is refused and leaves no trace here
        raises   whatever the handler raised beside a ProtocolError: nothing is stored, the sender tries again
        """
        handler = self._handlers.get((envelope.recipient_role, envelope.recipient))
        try:
            if handler is None:
                raise NotOurMessage(envelope.id, role=envelope.recipient_role, address=envelope.recipient)
            self._directory.find(envelope.sender_role, envelope.sender)
            check_time(envelope, now_ms=self._clock())
            open_envelope(envelope)
        except ProtocolError as error:
            return Receipt(outcome="refused", reason=str(error))
        with self._around("message", f"{envelope.recipient_role} {envelope.body_type}", envelope.job_id):
            receipt = await self._db.retrying(lambda tx: _apply_once(tx, envelope, handler))
        # what a job went through can be read by its id; a message's content is for its recipient and no log
        said = (envelope.recipient_role, envelope.body_type, envelope.sender_role, envelope.job_id)
        if receipt.outcome == "refused":
            logger.warning("%s refused %s of %s, job %r: %s", *said, receipt.reason)
        elif receipt.outcome == "applied":
            logger.info("%s took %s from %s, job %r", *said)
        return receipt

    async def receive_bytes(self, raw: bytes) -> tuple[int, bytes]:
        """For the HTTP route `POST /messages`: the body as it came; returns status code and JSON answer.

        200 applied or duplicate; 422 refused for ever; an error that passes travels and becomes the server's 500
        """
        try:
            envelope = decode_envelope(raw)
        except ProtocolError as error:
            receipt = Receipt(outcome="refused", reason=str(error))
        else:
            receipt = await self.receive(envelope)
        return (422 if receipt.outcome == "refused" else 200), msgspec.json.encode(receipt)

    async def enqueue_lost(self) -> None:
        """Gives work to waiting messages that have none: a belt beside the braces, normally without effect."""
        async with self._db.transaction() as tx:
            cursor = await tx.execute(QUERIES.lost_messages)
            for job_id, message_id, sender, recipient, role in await cursor.fetchall():
                logger.warning("message %s had no work to deliver it", message_id)
                lock = f"mail:{job_id}:{sender}:{recipient}:{role}"
                await enqueue(tx, DELIVER, queue=QUEUE, args={"job_id": job_id, "message_id": message_id}, lock=lock)

    async def _deliver_work(self, job_id: str, message_id: str) -> None:
        await self.deliver(job_id, message_id)

    async def _hand_over(self, envelope: Envelope) -> Receipt:
        endpoint = self._directory.find(envelope.recipient_role, envelope.recipient).endpoint
        if endpoint == "":
            if (envelope.recipient_role, envelope.recipient) not in self._handlers:
                raise DeliveryFailed(
                    envelope.id, recipient=envelope.recipient_role, reason="it is not played in this process"
                )
            return await self.receive(envelope)
        return await self._post(envelope, endpoint)

    async def _post(self, envelope: Envelope, endpoint: str) -> Receipt:
        """Sends to another host. Anything but a receipt that can be read means: not delivered yet."""
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=HTTP_TIMEOUT_SECONDS, follow_redirects=False)
        try:
            answer = await self._http.post(
                endpoint.rstrip("/") + MESSAGES_PATH,
                content=encode_envelope(envelope),
                headers={"content-type": "application/json"},
            )
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise DeliveryFailed(envelope.id, recipient=endpoint, reason=reason) from error
        if answer.status_code not in (200, 422):
            raise DeliveryFailed(envelope.id, recipient=endpoint, reason=f"it answered {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=Receipt)
        except msgspec.MsgspecError as error:
            raise DeliveryFailed(envelope.id, recipient=endpoint, reason="its answer is no receipt") from error

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()


async def undelivered(tx: Tx, *, limit: int = 1_000) -> list[Undelivered]:
    """Messages that are not settled, oldest first, with what keeps them. Empty when all is well and quiet."""
    return await rows_of(tx, Undelivered, QUERIES.undelivered, {"limit": limit})


async def refused_messages(tx: Tx, *, limit: int = 1_000) -> list[Refused]:
    """Messages that their recipients refused."""
    return await rows_of(tx, Refused, QUERIES.refused_messages, {"limit": limit})


async def _apply_once(tx: Tx, envelope: Envelope, handler: Handler) -> Receipt:
    values = _address(envelope)
    await tx.execute(QUERIES.one_at_a_time, values)
    if await scalar(tx, QUERIES.put_in_inbox, values) is None:
        known = await (await tx.execute(QUERIES.known_outcome, values)).fetchone()
        if known is not None and known[0] == "refused":
            return Receipt(outcome="refused", reason=str(known[1]))
        return Receipt(outcome="duplicate")
    try:
        async with tx.transaction():  # a savepoint: what a refusing handler wrote is undone, the refusal is kept
            await handler(tx, envelope)
    except ProtocolError as error:
        reason = str(error) or type(error).__name__
        await tx.execute(QUERIES.remember_refusal, {**values, "reason": reason})
        return Receipt(outcome="refused", reason=reason)
    return Receipt(outcome="applied")


def _address(envelope: Envelope) -> dict[str, str]:
    return {
        "job_id": envelope.job_id,
        "message_id": envelope.id,
        "sender": envelope.sender,
        "sender_role": envelope.sender_role,
        "recipient": envelope.recipient,
        "recipient_role": envelope.recipient_role,
        "body_type": envelope.body_type,
    }
