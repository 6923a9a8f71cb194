"""A small house for the roles that stand around the work: launcher, router and jury are real, the others only listen.

Everything they stand on is real too: PostgreSQL, mailbox, background work, blobs, the ledger's desk with its signed
transactions. The chain's word is given by `House.chain_says`; a whole chain answers in `test_jury_on_chain.py`.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from manyhands.chain.contracts import decode_call
from manyhands.chain.facts import ContractAddresses, shipped_facts
from manyhands.chain.keys import RoleKey
from manyhands.ledger.desk import Chains, Desk, DeskEvent
from manyhands.ledger.outbox import OUTBOX, Entry, entries_of_job
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.manifest import PayRule
from manyhands.protocol.messages import AnyBody, Body, Envelope, Role, open_envelope, seal
from manyhands.protocol.parties import Directory, Party
from manyhands.roles import RoleContext
from manyhands.roles.jury import Jury, JuryPolicy
from manyhands.roles.launcher import (
    ImportedDocumentRef,
    ImportedPageRef,
    Launcher,
    LaunchOptions,
    LaunchPolicy,
)
from manyhands.roles.router import Health, Router, chain_offer
from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database, Tx, rows
from manyhands.store.jobs import JobApp
from manyhands.store.mailbox import Mailbox
from manyhands.store.migrations import Room

CHAIN_A, CHAIN_B = 1338, 31338
START_MS = 1_790_000_000_000
CONTRACTS = ContractAddresses(
    token="0x" + "a1" * 20,
    staking="0x" + "a2" * 20,
    factory="0x" + "a3" * 20,
    kvstore="0x" + "a4" * 20,
    jury="0x" + "a5" * 20,
)
ESCROW = "0x" + "e5" * 20
LISTENERS: tuple[Role, ...] = ("exchange", "recording", "reputation")

OPTIONS = LaunchOptions(
    requester="requester:one",
    title="Receipts of March",
    task_type="transcription",
    pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000),
    request_key="march",
)


@pytest.fixture(scope="session")
def rooms() -> Sequence[Room]:
    return [
        OUTBOX,
        Room("ledger", "manyhands.ledger"),
        *(Room(name, f"manyhands.roles.{name}") for name in ("launcher", "router", "jury")),
    ]


@dataclass
class HandClock:
    """A clock that moves when it is told to."""

    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class House:
    """Launcher, router and jury over one database."""

    db: Database
    blobs: BlobStore
    directory: Directory
    keys: Mapping[Role, RoleKey]
    chains: Chains
    clock: HandClock
    mailbox: Mailbox
    work: JobApp
    health: dict[int, Health]
    heard: list[tuple[Role, AnyBody]] = field(default_factory=list)
    workers: int | None = None
    members: dict[str, int] = field(default_factory=dict)
    launcher: Launcher = field(init=False)
    router: Router = field(init=False)
    jury: Jury = field(init=False)

    def __post_init__(self) -> None:
        self.launcher = Launcher(
            self.context("launcher"),
            self.desk("launcher"),
            policy=LaunchPolicy(task_types=("transcription", "field_choice")),
            count_workers=self._count,
        )
        self.router = Router(
            self.context("router"),
            chains=[chain_offer(facts) for facts in shipped_facts().values()],
            probe=self._probe,
            probe_timeout_ms=200,
        )
        self.jury = Jury(self.context("jury"), self.desk("jury"), policy=JuryPolicy())
        played: dict[Role, Callable[[Tx, Envelope], Awaitable[None]]] = {
            "launcher": self.launcher.on_message,
            "router": self.router.on_message,
            "jury": self.jury.on_message,
        }
        for role in LISTENERS:
            played[role] = self._listener(role)
        for role, handler in played.items():
            self.mailbox.register(role, self.keys[role].address, handler)
        for name, body in self.router.jobs().items():
            self.work.task(name)(body)

    def context(self, role: Role) -> RoleContext:
        return RoleContext(
            role=role,
            signer=self.keys[role],
            db=self.db,
            mailbox=self.mailbox,
            jobs=self.work,
            blobs=self.blobs,
            directory=self.directory,
            clock=self.clock,
            ids=SeededIds(f"ids of {role}"),
        )

    def desk(self, role: Role) -> Desk:
        return Desk(role, self.keys[role], self.chains, launcher=self.keys["launcher"].address, clock=self.clock)

    async def settle(self) -> None:
        """Delivers everything that is due."""
        await self.work.run_until_idle(["mail", "roles"])

    async def say(self, role: Role, body: Body, *, to: Role) -> None:
        """A role that is not played here says something to one that is."""
        envelope = seal(
            body,
            signer=self.keys[role],
            sender_role=role,
            recipient=self.keys[to].address,
            recipient_role=to,
            now_ms=self.clock(),
        )
        async with self.db.transaction() as tx:
            await self.mailbox.send(tx, envelope)
        await self.settle()

    def heard_by(self, role: Role) -> list[AnyBody]:
        return [body for hearer, body in self.heard if hearer == role]

    async def refusals(self) -> list[str]:
        """Why messages were refused for good."""
        async with self.db.connection() as tx:
            return [reason for (reason,) in await rows(tx, "select reason from mail.inbox where outcome = 'refused'")]

    async def stake(self, chain_id: int, amount_minor: int = 1_000_000) -> None:
        """The chain has seen the launcher's stake."""
        await self.record_event(
            chain_id,
            contract=CONTRACTS.staking,
            kind="Staking",
            name="StakeDeposited",
            args={"staker": self.keys["launcher"].address, "tokens": amount_minor},
        )

    async def record_event(
        self,
        chain_id: int,
        *,
        contract: str,
        kind: str,
        name: str,
        args: Mapping[str, Any],
        place: int = 0,
        tx_hash: str | None = None,
        sender: str = "",
    ) -> None:
        async with self.db.transaction() as tx:
            await tx.execute(
                "insert into outbox.events (chain_id, tx_hash, index_in_tx, block_number, block_hash, index_in_block, "
                "contract, contract_kind, name, args, seen_at_ms, sender) "
                "values (%s, %s, %s, 1, '0x', %s, %s, %s, %s, %s, 0, %s) on conflict do nothing",
                (
                    chain_id,
                    tx_hash or f"0x{chain_id:064x}",
                    place,
                    place,
                    contract,
                    kind,
                    name,
                    json.dumps(args),
                    sender,
                ),
            )

    async def transactions(self, job_id: str) -> list[Entry]:
        async with self.db.connection() as tx:
            return await entries_of_job(tx, job_id)

    async def launched(
        self, job_id: str, *, tx_hash: str | None = None, chain_id: int = CHAIN_A, seen: bool = True
    ) -> None:
        """The chain says that the job's escrow exists. seen  False: the launcher hears it, the indexer kept nothing"""
        entries = [entry for entry in await self.transactions(job_id) if entry.purpose == f"launch:{job_id}"]
        if seen:
            await self.set_up(entries[0], chain_id=chain_id)
        await self.chain_says(
            "launcher",
            DeskEvent(
                chain_id=chain_id,
                contract="EscrowFactory",
                address=CONTRACTS.factory,
                name="LaunchedV2",
                args={"token": CONTRACTS.token, "escrow": ESCROW, "jobRequesterId": job_id},
                tx_hash=tx_hash or entries[0].tx_hash,
                block_number=9,
            ),
        )

    async def set_up(self, launch: Entry, *, chain_id: int = CHAIN_A, **otherwise: Any) -> None:
        """The indexer has seen what a launch does. otherwise  arguments of its events that are not as was sent"""
        sent = decode_call("EscrowFactory", "launch", launch.data)
        assert sent is not None
        token, _, job_id, reputation, recording, exchange, fees_bp, url, hash_ = sent
        fees = dict(zip(("reputationFeeBp", "recordingFeeBp", "exchangeFeeBp"), fees_bp, strict=True))
        keys = {"reputationOracle": reputation, "recordingOracle": recording, "exchangeOracle": exchange}
        said: list[tuple[str, str, str, dict[str, Any]]] = [
            (CONTRACTS.factory, "EscrowFactory", "LaunchedV2", {"token": token, "jobRequesterId": job_id}),
            (ESCROW, "Escrow", "PendingV3", keys | {"manifest": url, "hash": hash_}),
            (ESCROW, "Escrow", "FeesFixed", fees),
        ]
        for place, (contract, kind, name, args) in enumerate(said, 1):
            args |= {field: value for field, value in otherwise.items() if field in args}
            if name == "LaunchedV2":
                args["escrow"] = ESCROW
            await self.record_event(
                chain_id, contract=contract, kind=kind, name=name, args=args, place=place, tx_hash=launch.tx_hash,
                sender=otherwise.get("sender", launch.sender),
            )  # fmt: skip

    async def ruled(self, case_id: str, *, uphold: bool) -> None:
        """The chain says how a case ended."""
        await self.chain_says(
            "jury",
            DeskEvent(
                chain_id=CHAIN_A,
                contract="Jury",
                address=CONTRACTS.jury,
                name="Ruled",
                args={"caseId": case_id, "escrow": ESCROW, "uphold": uphold, "votesFor": 2, "votesAgainst": 0},
                tx_hash="0x" + "9" * 64,
                block_number=12,
            ),
        )

    async def chain_says(self, role: Role, event: DeskEvent) -> None:
        async with self.db.transaction() as tx:
            await getattr(self, role).on_chain_event(tx, event)
        await self.settle()

    async def page(self, name: str) -> ImportedDocumentRef:
        """A receipt whose page lies in the blob store."""
        blob = await self.blobs.put(f"page of {name}".encode(), media_type="image/png")
        return ImportedDocumentRef(
            doc_id=name,
            kind="receipt",
            content_hash=name * 2,
            pages=(ImportedPageRef(page_no=1, blob=blob, width=600, height=900, pieces=60, pieces_max=80),),
        )

    async def open_job(self, options: LaunchOptions = OPTIONS) -> str:
        """A job all the way to open; what was heard until then is forgotten."""
        await self.stake(CHAIN_A)
        view = await self.launcher.draft([await self.page("r1")], options)
        await self.launcher.approve(view.job_id)
        await self.settle()
        await self.launched(view.job_id)
        self.heard.clear()
        return view.job_id

    async def package(self, files: Mapping[str, bytes]) -> str:
        """A package of results in the blob store."""
        raw = io.BytesIO()
        with zipfile.ZipFile(raw, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return await self.blobs.put(raw.getvalue(), media_type="application/zip")

    def _listener(self, role: Role) -> Callable[[Tx, Envelope], Awaitable[None]]:
        async def listen(tx: Tx, envelope: Envelope) -> None:
            self.heard.append((role, open_envelope(envelope)))

        return listen

    async def _probe(self, chain_id: int) -> Health:
        return self.health[chain_id]

    async def _count(self, pool: str) -> int | None:
        return self.members.get(pool, 0) if pool else self.workers


@pytest_asyncio.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    yield house_on(database, tmp_path)


def house_on(database: Database, folder: Path) -> House:
    """The same house for every process over one database: its keys follow from the roles' names."""
    roles: tuple[Role, ...] = ("launcher", "router", "exchange", "recording", "reputation", "jury")
    keys = {role: RoleKey.create(SeededIds(f"key of {role}")) for role in roles}
    directory = Directory(Party(role=role, address=key.address) for role, key in keys.items())
    clock = HandClock()
    work = JobApp(database)
    well = Health(ok=True, latency_ms=2, gas_price_wei=10**9, because="answers")
    return House(
        db=database,
        blobs=BlobStore(folder / "blobs"),
        directory=directory,
        keys=keys,
        chains=Chains({chain_id: facts.with_contracts(CONTRACTS) for chain_id, facts in shipped_facts().items()}),
        clock=clock,
        mailbox=Mailbox(database, work, directory, clock=clock),
        work=work,
        health={CHAIN_A: well, CHAIN_B: well},
    )
