"""Messages: with their rows, in order, applied once, refused for ever or tried again, and never silently gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import msgspec
import pytest
import pytest_asyncio

from ..protocol.errors import ProtocolError
from ..protocol.ids import SeededIds
from ..protocol.messages import CancelRequested, Envelope, HoldbackHanded, encode_envelope, open_envelope, seal
from ..protocol.parties import Directory, Party, UnknownParty
from ..protocol.signing import LocalSigner
from . import mailbox
from .database import Database, Tx, scalar
from .jobs import Backoff, JobApp
from .mailbox import CLOCK_SKEW_MS, MAX_AGE_MS, Mailbox, MessageTooLarge, Receipt, refused_messages, undelivered
from .migrations import Room

NOW_MS = 1_800_000_000_000
LAUNCHER = LocalSigner.create(SeededIds("launcher"))
EXCHANGE = LocalSigner.create(SeededIds("exchange"))
OUTSIDER = LocalSigner.create(SeededIds("outsider"))


@pytest.fixture(scope="session")
def rooms() -> list[Room]:
    return []


def message(number: int, *, job_id: str = "j1", signer: LocalSigner = LAUNCHER, now_ms: int = NOW_MS) -> Envelope:
    """Number is part of the job here, so that each is a statement of its own."""
    return seal(
        CancelRequested(job_id=job_id, because=str(number)),
        signer=signer,
        sender_role="launcher",
        recipient=EXCHANGE.address,
        recipient_role="exchange",
        now_ms=now_ms,
    )


@dataclass
class House:
    """A launcher and an exchange in one process, as the exchange sees it."""

    db: Database
    jobs: JobApp
    mailbox: Mailbox
    applied: list[str] = field(default_factory=list)
    broken: int = 0
    refusing: bool = False

    async def handle(self, tx: Tx, envelope: Envelope) -> None:
        await tx.execute("insert into seen (job_id) values (%s)", (envelope.job_id,))
        if self.broken:
            self.broken -= 1
            raise RuntimeError("the exchange has a bad moment")
        if self.refusing:
            raise ProtocolError("the exchange does not know this job")
        self.applied.append(envelope.job_id)

    async def send(self, *envelopes: Envelope) -> None:
        async with self.db.transaction() as tx:
            for envelope in envelopes:
                await self.mailbox.send(tx, envelope)

    async def work(self, *, rounds: int = 1) -> None:
        for _ in range(rounds):
            await self.jobs.run_until_idle(["mail"], concurrency=3)
            if rounds > 1:
                await asyncio.sleep(0.2)

    async def stored(self) -> int:
        async with self.db.connection() as connection:
            return int(await scalar(connection, "select count(*) from seen"))


@pytest_asyncio.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with database.connection() as connection:
        await connection.execute("create table seen (job_id text not null)")
    jobs = JobApp(database)
    directory = Directory(
        [Party(role="launcher", address=LAUNCHER.address), Party(role="exchange", address=EXCHANGE.address)]
    )
    mailbox = Mailbox(
        database, jobs, directory, clock=lambda: NOW_MS, backoff=Backoff(first_wait_ms=150, max_wait_ms=150)
    )
    made = House(database, jobs, mailbox)
    mailbox.register("exchange", EXCHANGE.address, made.handle)
    yield made
    await mailbox.close()


async def test_a_message_is_applied_once_however_often_it_is_sent_and_delivered(house: House) -> None:
    envelope = message(1)
    await house.send(envelope)
    await house.send(envelope)
    await house.work()
    assert await house.mailbox.receive(envelope) == Receipt(outcome="duplicate")
    assert house.applied == ["j1"]
    assert await house.stored() == 1
    async with house.db.connection() as connection:
        assert await undelivered(connection) == []


async def test_a_message_whose_rows_were_rolled_back_is_never_sent(house: House) -> None:
    with pytest.raises(RuntimeError):
        async with house.db.transaction() as tx:
            await house.mailbox.send(tx, message(1))
            raise RuntimeError("changed my mind")
    await house.work()
    assert house.applied == []


async def test_messages_to_a_stranger_are_refused_at_once(house: House) -> None:
    envelope = seal(
        CancelRequested(job_id="j1"),
        signer=LAUNCHER,
        sender_role="launcher",
        recipient=OUTSIDER.address,
        recipient_role="exchange",
        now_ms=NOW_MS,
    )
    with pytest.raises(UnknownParty):
        await house.send(envelope)


async def test_a_message_that_no_host_takes_is_refused_before_it_is_sent_and_one_below_the_limit_is_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = message(1)
    monkeypatch.setattr(mailbox, "MESSAGE_BYTES_MAX", len(encode_envelope(fits)))
    await house.send(fits)
    longer = seal(
        CancelRequested(job_id="j1", because="a word too many"),
        signer=LAUNCHER,
        sender_role="launcher",
        recipient=EXCHANGE.address,
        recipient_role="exchange",
        now_ms=NOW_MS,
    )
    with pytest.raises(MessageTooLarge, match="are the most that a host takes"):
        await house.send(longer)
    await house.work()
    assert house.applied == ["j1"]


async def test_a_handler_that_fails_leaves_nothing_and_is_called_again(house: House) -> None:
    house.broken = 2
    await house.send(message(1))
    await house.work()
    assert await house.stored() == 0
    async with house.db.connection() as connection:
        [kept] = await undelivered(connection)
        assert (kept.failures, kept.reason) == (1, "the exchange has a bad moment")
    await asyncio.sleep(0.2)
    await house.work(rounds=2)
    assert house.applied == ["j1"]
    assert await house.stored() == 1


async def test_a_refusal_is_final_undoes_what_the_handler_wrote_and_keeps_its_reason(house: House) -> None:
    house.refusing = True
    envelope = message(1)
    await house.send(envelope)
    await house.work(rounds=2)
    assert await house.stored() == 0
    async with house.db.connection() as connection:
        [refused] = await refused_messages(connection)
        assert refused.reason == "the exchange does not know this job"
        assert await undelivered(connection) == []
    house.refusing = False
    assert (await house.mailbox.receive(envelope)).outcome == "refused"


async def test_a_message_that_cannot_be_delivered_holds_those_behind_it_and_no_other_job(house: House) -> None:
    seen: list[str] = []
    down = True

    async def exchange(tx: Tx, envelope: Envelope) -> None:
        if envelope.job_id == "j1" and down:
            raise RuntimeError("not now")
        seen.append(f"{envelope.job_id} {envelope.body_type} {open_envelope(envelope)!r}"[:60])

    house.mailbox.register("exchange", EXCHANGE.address, exchange)
    first = message(1, job_id="j1")
    other_type = seal_extra("j1", 2)
    await house.send(first, other_type, message(3, job_id="j2"))
    await house.work(rounds=2)
    assert [text.split()[0] for text in seen] == ["j2"]
    down = False
    await house.work(rounds=3)
    assert [text.split()[:2] for text in seen[1:]] == [["j1", "CancelRequested"], ["j1", "HoldbackHanded"]]


def seal_extra(job_id: str, number: int) -> Envelope:
    return seal(
        HoldbackHanded(job_id=job_id, truth_blobs={"d": str(number)}),
        signer=LAUNCHER,
        sender_role="launcher",
        recipient=EXCHANGE.address,
        recipient_role="exchange",
        now_ms=NOW_MS,
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sender": EXCHANGE.address, "sender_role": "exchange"}, "signature"),
        ({"body": msgspec.Raw(b'{"type":"CancelRequested","job_id":"j1","because":"forged"}')}, "signature"),
        ({"sender": OUTSIDER.address}, "no launcher"),
        ({"recipient": OUTSIDER.address}, "not here"),
        ({"sent_at_ms": NOW_MS + CLOCK_SKEW_MS + 1}, "future"),
        ({"sent_at_ms": NOW_MS - MAX_AGE_MS - 1}, "old"),
    ],
)
async def test_a_message_that_cannot_be_believed_is_refused_and_leaves_no_trace(
    house: House, change: dict[str, object], word: str
) -> None:
    receipt = await house.mailbox.receive(msgspec.structs.replace(message(1), **change))
    assert receipt.outcome == "refused"
    assert word in receipt.reason
    async with house.db.connection() as connection:
        assert await scalar(connection, "select count(*) from mail.inbox") == 0


async def test_a_known_party_cannot_speak_in_a_role_that_is_not_its_own(house: House) -> None:
    forged = seal(
        CancelRequested(job_id="j1"),
        signer=EXCHANGE,
        sender_role="launcher",
        recipient=EXCHANGE.address,
        recipient_role="exchange",
        now_ms=NOW_MS,
    )
    assert (await house.mailbox.receive(forged)).outcome == "refused"


async def test_thirty_two_deliveries_at_the_same_moment_apply_once(house: House) -> None:
    envelope = message(1)
    receipts = await asyncio.gather(*(house.mailbox.receive(envelope) for _ in range(32)))
    assert sorted(receipt.outcome for receipt in receipts) == ["applied", *["duplicate"] * 31]
    assert await house.stored() == 1


async def test_a_waiting_message_without_work_gets_work_again(house: House) -> None:
    await house.send(message(1))
    async with house.db.connection() as connection:
        await connection.execute("delete from procrastinate_jobs")
        await connection.execute("update mail.outbox set sent_at = now() - interval '1 minute'")
    await house.mailbox.enqueue_lost()
    await house.mailbox.enqueue_lost()
    await house.work()
    assert house.applied == ["j1"]


async def test_messages_to_another_host_arrive_through_a_receiver_that_fails_and_repeats(database: Database) -> None:
    """The other host is a second mailbox behind a transport that answers 503, loses an answer, then works."""
    async with database.connection() as connection:
        await connection.execute("create table seen (job_id text not null)")
    there = Mailbox(
        database,
        JobApp(database),
        Directory([Party(role="launcher", address=LAUNCHER.address)]),
        clock=lambda: NOW_MS,
    )
    applied: list[str] = []

    async def handle(tx: Tx, envelope: Envelope) -> None:
        applied.append(envelope.id)

    there.register("exchange", EXCHANGE.address, handle)
    calls = 0

    async def other_host(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        if calls == 1:
            return httpx.Response(503)
        status, answer = await there.receive_bytes(request.content)
        if calls == 2:
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return httpx.Response(status, content=answer)

    jobs = JobApp(database)
    here = Mailbox(
        database,
        jobs,
        Directory([Party(role="exchange", address=EXCHANGE.address, endpoint="https://exchange.example")]),
        clock=lambda: NOW_MS,
        http=httpx.AsyncClient(transport=httpx.MockTransport(other_host)),
        backoff=Backoff(first_wait_ms=1, max_wait_ms=1),
    )
    envelope = message(1)
    async with database.transaction() as tx:
        await here.send(tx, envelope)
    for _ in range(4):
        await jobs.run_until_idle(["mail"])
        await asyncio.sleep(0.01)
    assert calls == 3
    assert applied == [envelope.id]
    async with database.connection() as connection:
        assert await undelivered(connection) == []
    await here.close()


async def test_what_is_no_message_is_answered_with_a_refusal(house: House) -> None:
    assert (await house.mailbox.receive_bytes(b"{}"))[0] == 422
    assert (await house.mailbox.receive_bytes(b"\xff\x00"))[0] == 422
    assert (await house.mailbox.receive_bytes(encode_envelope(message(1))))[0] == 200


async def test_what_a_job_went_through_is_read_in_the_log_by_its_id_and_no_content_with_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="manyhands.store.mailbox")
    await house.mailbox.receive(message(17, job_id="j1"))
    await house.mailbox.receive(message(17, job_id="j1"))
    house.refusing = True
    await house.mailbox.receive(message(18, job_id="j2"))
    assert [record.getMessage() for record in caplog.records] == [
        "exchange took CancelRequested from launcher, job 'j1'",
        "exchange refused CancelRequested of launcher, job 'j2': the exchange does not know this job",
    ]
