"""How a platform is: asked from outside, changing nothing.

Rules kept here
- Every question gets an answer, also when an earlier one failed.
- The books are compared with the chain itself, not with what the platform says of the chain.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
import psycopg

from manyhands.apps.chain_events import events_on_chain
from manyhands.apps.compose import BOOKKEEPERS, STAKERS, Platform, open_platform
from manyhands.apps.folder import DataFolder
from manyhands.apps.running import Kind, ready_file, running
from manyhands.apps.verify import ChainEntry
from manyhands.chain.contracts import encode_call
from manyhands.chain.facts import ChainFacts
from manyhands.ledger.books import Difference, balances, reconcile, recount
from manyhands.ledger.outbox import open_alarms
from manyhands.ledger.posting import account, currency_of
from manyhands.protocol.errors import ManyhandsError
from manyhands.store.jobs import dead_letters
from manyhands.store.mailbox import refused_messages, undelivered

LOW_DISK_BYTES = 1_000_000_000
OLD_MESSAGE_FAILURES = 3


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its answer. cure "" when all is well."""

    name: str
    healthy: bool
    found: str
    cure: str = ""


@dataclass
class Examination:
    """Findings so far. A question that raises becomes a finding too."""

    findings: list[Finding]

    async def ask(self, name: str, question: Callable[[], Awaitable[Finding]]) -> None:
        try:
            self.findings.append(await question())
        except ManyhandsError as error:
            self.findings.append(Finding(name=name, healthy=False, found=str(error), cure=error.cure))
        except (psycopg.Error, OSError) as error:
            found = f"{type(error).__name__}: {error}".strip()
            self.findings.append(Finding(name=name, healthy=False, found=found, cure="See the logs folder."))


async def examine(folder: DataFolder) -> list[Finding]:
    """All questions, in the order in which one would ask them."""
    exam = Examination([])
    exam.findings.append(_data(folder))
    exam.findings.append(_disk(folder))
    found = running(folder) if folder.exists() else None
    if found is None:
        exam.findings.append(
            Finding(name="platform", healthy=False, found="not running", cure=f"manyhands up --data {folder.path}")
        )
        return exam.findings
    platform = await open_platform(folder, found, pool=4, name="manyhands doctor")
    try:
        return exam.findings + await examine_platform(platform)
    finally:
        await platform.close()


async def examine_platform(platform: Platform, *, money: bool = True) -> list[Finding]:
    """The questions to a running platform. money  False leaves out the two that read every book and every chain"""
    exam = Examination([])
    for kind in ("roles", "ocr", "web"):
        exam.findings.append(_process(platform.folder, kind))
    for chain_id in platform.chains.ids():
        await exam.ask(f"chain {chain_id}", lambda chain_id=chain_id: _chain(platform, chain_id))  # type: ignore[misc]
    await exam.ask("messages", lambda: _messages(platform))
    await exam.ask("work", lambda: _work(platform))
    await exam.ask("transactions", lambda: _transactions(platform))
    if money:
        await exam.ask("books", lambda: _recount(platform))
        await exam.ask("books against chain", lambda: _books(platform))
    return exam.findings


def _data(folder: DataFolder) -> Finding:
    if not folder.exists():
        return Finding(
            name="data folder", healthy=False, found=f"{folder.path} holds no platform", cure="manyhands up makes one."
        )
    return Finding(name="data folder", healthy=True, found=f"{folder.path}, format {folder.settings().format}")


def _disk(folder: DataFolder) -> Finding:
    place = folder.path if folder.path.exists() else folder.path.parent
    free = shutil.disk_usage(place).free if place.exists() else 0
    enough = free >= LOW_DISK_BYTES
    return Finding(
        name="room on disk",
        healthy=enough,
        found=f"{free / 1e9:.1f} GB free",
        cure="" if enough else "Make room: without it nothing new is accepted.",
    )


def _process(folder: DataFolder, kind: Kind) -> Finding:
    ready = ready_file(folder, kind).exists()
    return Finding(
        name=f"process {kind}",
        healthy=ready,
        found="ready" if ready else "not ready",
        cure="" if ready else f"See {folder.logs / kind}*.log",
    )


async def _chain(platform: Platform, chain_id: int) -> Finding:
    health = (await platform.router.look_at_chains())[chain_id]
    return Finding(
        name=f"chain {chain_id}",
        healthy=health.ok,
        found=health.because,
        cure="" if health.ok else "Jobs are routed to other chains until it answers.",
    )


async def _messages(platform: Platform) -> Finding:
    async with platform.db.connection() as tx:
        stuck = [one for one in await undelivered(tx) if one.failures >= OLD_MESSAGE_FAILURES]
        refused = await refused_messages(tx)
    told = [f"{one.body_type} to {one.recipient_role}: {one.reason}" for one in stuck[:3]]
    told += [f"{one.recipient_role} refused {one.body_type}: {one.reason}" for one in refused[:3]]
    return Finding(
        name="messages",
        healthy=not told,
        found="; ".join(told) or "all delivered",
        cure="" if not told else "A refused message is final; its reason says which side is wrong.",
    )


async def _work(platform: Platform) -> Finding:
    async with platform.db.connection() as tx:
        dead = await dead_letters(tx)
    told = [f"{one.task_name} after {one.attempts} attempts: {one.reason}" for one in dead[:3]]
    return Finding(
        name="work",
        healthy=not dead,
        found="; ".join(told) or "nothing is stuck",
        cure="" if not dead else "Mend the reason, then put it back to work.",
    )


async def _transactions(platform: Platform) -> Finding:
    async with platform.db.connection() as tx:
        alarms = await open_alarms(tx)
    told = [f"chain {one.chain_id} {one.kind} {one.subject}: {one.told}" for one in alarms[:3]]
    return Finding(
        name="transactions",
        healthy=not alarms,
        found="; ".join(told) or "no alarm",
        cure="" if not alarms else "Alarms about a chain clear by themselves when it answers again.",
    )


async def _recount(platform: Platform) -> Finding:
    async with platform.db.connection() as tx:
        wrong = await recount(tx)
    return Finding(
        name="books",
        healthy=not wrong,
        found="; ".join(wrong[:3]) or "every account is the sum of its entries",
        cure="" if not wrong else "Stop payouts and restore the database from its backup.",
    )


async def book_differences(platform: Platform) -> list[Difference]:
    """Where a role's book and the chain itself disagree: every job that the reputation oracle knows, every own stake.

    Two counts that know nothing of each other stand behind the chain's side: events added up, and what the contracts
    say they hold.
    """
    differences: list[Difference] = []
    for job_id, chain_id, escrow in await platform.reputation.escrows():
        totals = await chain_totals(platform, chain_id, escrow)
        held_minor = await _held_on_chain(platform, chain_id, escrow)
        for book in BOOKKEEPERS:
            async with platform.db.connection() as tx:
                found = await reconcile(tx, book, totals)
                own = await balances(tx, book, account_like=f"%{escrow}%")
            differences += [_named(f"{book} {job_id}", one) for one in found]
            kept_minor = sum(minor for (name, _), minor in own.items() if name.split(":")[1] == escrow)
            if kept_minor != held_minor:
                currency = next(iter(totals))[1]
                differences.append(
                    Difference(f"{book} {job_id}: all that {escrow} holds", currency, kept_minor, held_minor)
                )
    for chain_id in platform.chains.ids():
        for role in STAKERS:
            totals = await stake_totals(platform, chain_id, platform.keys[role].address)
            async with platform.db.connection() as tx:
                differences += [_named(role, one) for one in await reconcile(tx, role, totals)]
    return differences


def _named(whose: str, one: Difference) -> Difference:
    return Difference(f"{whose}: {one.account}", one.currency, one.book_minor, one.chain_minor)


async def _held_on_chain(platform: Platform, chain_id: int, escrow: str) -> int:
    facts = platform.chains.of(chain_id)
    assert facts.contracts is not None
    return await _number(facts, "TestToken", await token_of_escrow(facts, escrow), "balanceOf", escrow)


async def stake_totals(platform: Platform, chain_id: int, operator: str) -> dict[tuple[str, str], int]:
    """What the staking contract says it holds for an operator. Minor units."""
    facts = platform.chains.of(chain_id)
    assert facts.contracts is not None
    staked_minor = await _number(facts, "Staking", facts.contracts.staking, "getStakedTokens", operator)
    return {(account("stake", operator), currency_of(chain_id, facts.contracts.token)): staked_minor}


async def token_of_escrow(facts: ChainFacts, escrow: str) -> str:
    """The token that an escrow holds, by its own word."""
    return f"0x{await _number(facts, 'Escrow', escrow, 'token'):040x}"


async def _number(facts: ChainFacts, contract: str, address: str, function: str, *arguments: object) -> int:
    from manyhands.chain.client import ChainClient

    async with ChainClient(facts) as client:
        await client.connect()
        return int.from_bytes(await client.call(address, encode_call(contract, function, *arguments)), "big")


async def chain_totals(platform: Platform, chain_id: int, escrow: str) -> dict[tuple[str, str], int]:
    """What an escrow's accounts come to by the chain's own events. Minor units."""
    facts = platform.chains.of(chain_id)
    assert facts.contracts is not None
    token = await token_of_escrow(facts, escrow)
    found = await events_on_chain(platform, chain_id, escrow, token=token)
    currency = currency_of(chain_id, token)
    return {(name, currency): minor for name, minor in totals_of(found, escrow, token=token).items()}


def totals_of(events: Sequence[ChainEntry], escrow: str, *, token: str) -> dict[str, int]:
    """An escrow's accounts from its events in the order of the chain, counted another way than the books are written.

    returns  minor units by account: escrow, reserved, fees, and a credit for everyone who ever had one
    """
    bps: list[int] = []
    funded = fees = reserved = paid = fees_paid = refunded = 0
    credits: dict[str, int] = {}
    ended = running = False
    for event in events:
        args = event.args
        match event.name:
            case "FeesFixed":
                bps = [int(args[name]) for name in ("reputationFeeBp", "recordingFeeBp", "exchangeFeeBp")]
            case "Fund":
                fees = sum(int(args["amount"]) * bp // 10_000 for bp in bps)
                funded = int(args["amount"])
                running = True
            case "Transfer" if running:
                funded += int(args["_value"])
            case "Anchored":
                reserved += int(args["reserved"])
            case "Reserved":
                reserved += int(args["amount"])
            case "Released":
                reserved -= int(args["amount"])
            case "Credited":
                credits[args["recipient"]] = credits.get(args["recipient"], 0) + int(args["amount"])
            case "Claimed":
                credits[args["recipient"]] -= int(args["amount"])
            case "CreditRedirected":
                credits[args["recipient"]] -= int(args["amount"])
                credits[args["to"]] = credits.get(args["to"], 0) + int(args["amount"])
            case "BulkTransferV3":
                paid += sum(int(amount) for amount in args["amounts"])
            case "OracleFeeTransfer":
                fees_paid += sum(int(amount) for amount in args["amounts"])
            case "CompletionRefund" | "CancellationRefund":
                refunded += int(args["amount"])
            case "Withdraw" if running and str(args["token"]).lower() == token:
                refunded += int(args["amount"])
            case "Completed" | "Cancelled":
                ended = True
    returned = fees - fees_paid if ended else 0
    return {
        account("escrow", escrow): funded - fees - reserved - refunded + returned,
        account("reserved", escrow): reserved - paid,
        account("fees", escrow): fees - fees_paid - returned,
        **{account("credit", escrow, who): minor for who, minor in sorted(credits.items())},
    }


async def _books(platform: Platform) -> Finding:
    differences = await book_differences(platform)
    told = [f"{one.account}: book {one.book_minor}, chain {one.chain_minor}" for one in differences[:3]]
    return Finding(
        name="books against chain",
        healthy=not differences,
        found="; ".join(told) or "0 differences",
        cure=""
        if not differences
        else "A difference that stays after a minute is an error: keep the data, ask for help.",
    )
