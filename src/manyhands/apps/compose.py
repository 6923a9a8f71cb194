"""Where roles meet engines and keys: one operator's platform, put together.

Rules kept here
- The only place that builds roles. Each gets its own key, its own desk, its own tables.
- Any process may open a platform and ask its roles; only the roles process works: messages, chain, periodic work.
- A chain that is down keeps nothing but itself waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from manyhands.apps.desk import INTAKE_QUEUE, RequesterDesk
from manyhands.apps.desk.watching import Look
from manyhands.apps.desk.work import DeskClock, IntakeWork
from manyhands.apps.folder import DataFolder
from manyhands.apps.running import Running, local_facts, mark_ready, running
from manyhands.apps.telemetry import watcher_of
from manyhands.chain.contracts import DeploymentTerms, planned_addresses
from manyhands.chain.facts import ChainFacts, ContractAddresses, TokenFacts, currencies_of, floors_of
from manyhands.chain.keys import RoleKey, contract_address
from manyhands.ledger.as_told import ChainNotReady
from manyhands.ledger.before_sending import holdings_on_chain, unfit_because
from manyhands.ledger.bookkeeping import STAKE_EVENTS
from manyhands.ledger.desk import Chains, Desk, DeskEvent
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import IdSource, SeededIds, SystemIds, system_clock
from manyhands.protocol.messages import ROLES, Role
from manyhands.protocol.parties import Directory, Party
from manyhands.roles import RoleContext
from manyhands.roles.exchange import QUEUES, Exchange, ExchangeSettings
from manyhands.roles.exchange.errors import NoSuchJob
from manyhands.roles.jury import Jury
from manyhands.roles.launcher import Launcher
from manyhands.roles.launcher.plan import LaunchPolicy
from manyhands.roles.launcher.purses import PayInAt, Purses
from manyhands.roles.launcher.webhooks import QUEUE as WEBHOOK_QUEUE
from manyhands.roles.launcher.webhooks import TELL, TELL_BACKOFF, Webhooks
from manyhands.roles.recording import RecordingOracle
from manyhands.roles.reputation import ReputationOracle
from manyhands.roles.router import ChainOffer, Health, Router
from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database, Tx
from manyhands.store.errors import DiskFull
from manyhands.store.jobs import JobApp, enqueue
from manyhands.store.mailbox import Mailbox

if TYPE_CHECKING:
    from manyhands.chain.client import ChainClient

log = logging.getLogger(__name__)

STAKE_MINOR = 1_000_000_000
"""The launcher's stake on each local chain, in minor units of its first token: 1,000 of six decimals, of which every
open job locks the contract's minimum."""

TREASURY_TOKENS = 10_000_000
"""What the launcher of a local platform holds of each test token."""

GAS_WEI = 10**20
TICK_S = 0.4
ROOM_MIN_BYTES = 1_000_000
"""Below this a command is refused: neither a row nor a page would find room."""

LAUNCHED_TASK_TYPES = ("transcription", "field_choice", "verify_claim", "reconcile")
"""Task types that a job can be launched with; the others serve inside a job."""

CHAIN_WORK = "chain.event"
HEARD_BY: dict[str, tuple[Role, ...]] = {
    "LaunchedV2": ("launcher",),
    "Fund": ("exchange", "recording", "reputation", "launcher"),
    "PendingV3": ("exchange",),
    "Anchored": ("recording", "reputation"),
    "Reserved": ("recording", "reputation"),
    "Released": ("recording", "reputation"),
    "BulkTransferV3": ("recording", "reputation", "exchange"),
    "Credited": ("exchange",),
    "Claimed": ("recording", "reputation", "exchange"),
    "CreditRedirected": ("recording", "reputation"),
    "CancellationRefund": ("recording", "reputation"),
    "Withdraw": ("recording", "reputation"),
    "Transfer": ("recording", "reputation"),
    "Cancelled": ("recording", "reputation", "exchange", "launcher"),
    "Completed": ("recording", "reputation", "exchange", "launcher"),
    "CaseOpened": ("jury",),
    "Ruled": ("jury",),
    "CancellationRequested": ("exchange",),
    "Upheld": ("exchange", "recording", "reputation"),
    "Cleared": ("exchange",),
    "Frozen": ("exchange",),
}
"""Which roles are told of which events. Those of stake go to whose stake it is, tokens to who got them (`hearers`)."""

BOOKKEEPERS: tuple[Role, ...] = ("recording", "reputation")
"""Roles that keep a book of every job's money."""
STAKERS: tuple[Role, ...] = ("launcher", "recording", "reputation", "jury")
"""Roles with a desk: each keeps the book of its own stake."""


def of_stake(event: DeskEvent) -> bool:
    """Whether an event moves stake, or a share of a slash that waited in the jury's contract."""
    return event.name in STAKE_EVENTS or (event.name == "Claimed" and event.contract == "Jury")


def hearers(event: DeskEvent, keys: Mapping[Role, RoleKey]) -> tuple[Role, ...]:
    """The roles that are told of an event."""
    if event.name in STAKE_EVENTS:
        staker = str(event.args["staker"]).lower()
        return tuple(role for role in STAKERS if keys[role].address == staker)
    if event.name == "Transfer" and event.whose == keys["launcher"].address:
        return ("launcher",)  # what requesters pay in
    return STAKERS if of_stake(event) else HEARD_BY.get(event.name, ())


def lock_of(role: Role, event: DeskEvent) -> str:
    """What keeps a role's work on one escrow, or on its stake, in the order of the chain."""
    return f"chain:{role}:{'stake' if of_stake(event) else event.whose}"


async def catch_up_books(platform: Platform, chain_id: int) -> None:
    """Writes what the stored events tell and the books do not say yet, such as those of a data folder from before a
    kind of money was booked. Changes nothing when all is there."""
    for role in STAKERS:
        async with platform.db.transaction() as tx:
            await platform.role(role).desk.catch_up_stake(tx, chain_id)
    for role in BOOKKEEPERS:
        player = platform.role(role)
        async with platform.db.connection() as tx:
            top_ups = await player.desk.top_ups(tx, chain_id)
        for event in top_ups:
            async with platform.db.transaction() as tx:
                job_id = await player.job_of_escrow(tx, chain_id, event.whose)
                if job_id is not None:
                    await player.desk.keep_books(tx, event, job_id=job_id)


class PlatformNotUp(ManyhandsError):
    """The platform of this folder is not running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"no platform is running on {folder}",
            cure=f"Start it in another window: manyhands up --data {folder}",
        )


@dataclass
class Platform:
    """One operator's roles, ready to be asked."""

    folder: DataFolder
    running: Running
    db: Database
    blobs: BlobStore
    jobs: JobApp
    mailbox: Mailbox
    directory: Directory
    chains: Chains
    keys: dict[Role, RoleKey]
    launcher: Launcher
    router: Router
    exchange: Exchange
    recording: RecordingOracle
    reputation: ReputationOracle
    jury: Jury

    def role(self, name: Role) -> Any:
        return getattr(self, name)

    async def close(self) -> None:
        await self.mailbox.close()
        await self.db.close()

    async def progress(self, job_id: str) -> dict[str, Any] | None:
        """The exchange's counts of a job, None while it has not heard of it."""
        try:
            found: dict[str, Any] = msgspec.to_builtins(await self.exchange.progress(job_id))
        except NoSuchJob:
            return None
        return found


def ids_of(folder: DataFolder, who: str) -> IdSource:
    """Chance: from the system. A rehearsal's role keys are seeded, so that its job ids and its order of tasks repeat.

    Salts and wallets stay unguessable even there: a seeded source would start again after a kill and repeat itself.
    """
    seed = folder.settings().rehearsal_seed
    return SeededIds(f"{seed}:{who}") if seed is not None and who == "keys" else SystemIds()


def contracts_of(facts: ChainFacts) -> ContractAddresses:
    """Where a local chain's contracts stand: they follow from the deployer's key and the order of deployment."""
    at = planned_addresses(deployer_key().address)
    return ContractAddresses(
        token=at["TestToken"],
        staking=at["Staking"],
        factory=at["EscrowFactory"],
        kvstore=at["KVStore"],
        jury=at["Jury"],
    )


def token_key(symbol: str) -> RoleKey:
    """The key that makes a further test token of local chains: play money, whose key anybody may know."""
    return RoleKey.create(SeededIds(f"test token {symbol}"))


def tokens_made_here(facts: ChainFacts) -> list[TokenFacts]:
    """The test tokens, beside the first, that the platform itself puts on a local chain, with their addresses."""
    made = []
    for token in facts.tokens[1:] if facts.local else ():
        address = contract_address(token_key(token.symbol).address, 0)
        if token.address in ("", address):
            made.append(msgspec.structs.replace(token, address=address))
    return made


def terms_of(token: TokenFacts, *, jury: str) -> DeploymentTerms:
    """On what terms a local chain's contracts are deployed. token  the chain's first one, in which operators stake"""
    usual = DeploymentTerms()
    return msgspec.structs.replace(
        usual,
        token_decimals=token.decimals,
        minimum_stake_minor=usual.minimum_stake_minor * token.unit,
        slash_minor=usual.slash_minor * token.unit,
        jury_operator=jury,
    )


def deployer_key() -> RoleKey:
    """Development account 0, which owns the contracts of local chains."""
    from manyhands.chain.keys import dev_key

    return dev_key(0)


async def open_platform(folder: DataFolder, found: Running, *, pool: int = 10, name: str = "manyhands") -> Platform:
    """Opens the platform that runs on this folder."""
    db = await Database.open(found.dsn, max_size=pool, application_name=name)
    blobs = BlobStore(folder.blobs)
    around = watcher_of(name.removeprefix("manyhands "))
    jobs = JobApp(db, around=around)
    keys = folder.role_keys(ids_of(folder, "keys"))
    directory = Directory(Party(role=role, address=keys[role].address) for role in ROLES)
    mailbox = Mailbox(db, jobs, directory, around=around)
    chains = Chains()
    facts = local_facts(folder)
    for chain_id, one in facts.items():
        url = found.rpc_urls.get(str(chain_id))
        here = one.at([url]) if url else one
        further = {token.symbol: token.address for token in tokens_made_here(here)}
        chains.put(here if here.contracts else here.with_contracts(contracts_of(here), further))

    def context(role: Role) -> RoleContext:
        return RoleContext(
            role=role,
            signer=keys[role],
            db=db,
            mailbox=mailbox,
            jobs=jobs,
            blobs=blobs,
            directory=directory,
            clock=system_clock,
            ids=ids_of(folder, role),
        )

    def desk(role: Role) -> Desk:
        return Desk(role, keys[role], chains, launcher=keys["launcher"].address, holdings=holdings_on_chain)

    probes = ChainProbes(chains)
    exchange = Exchange(
        context("exchange"),
        ExchangeSettings(
            wallet_secret=folder.secret("wallets.secret", SystemIds()),
            picture_secret=folder.secret("pictures.secret", SystemIds()),
            simulated_crowd=folder.settings().simulated_crowd,
        ),
        held_to_chain=desk("exchange").need_as_told,
        read_day=desk("exchange").day_used,
    )

    async def count_workers(pool: str) -> int:
        return await (exchange.pooling.count_people(pool) if pool else exchange.accounts.count_people())

    return Platform(
        folder=folder,
        running=found,
        db=db,
        blobs=blobs,
        jobs=jobs,
        mailbox=mailbox,
        directory=directory,
        chains=chains,
        keys=keys,
        launcher=Launcher(
            context("launcher"),
            desk("launcher"),
            policy=policy_of(facts.values()),
            # one operator, one crowd: the launcher may know how many there are before a job is funded that needs many
            count_workers=count_workers,
            webhooks=Webhooks(
                db,
                clock=system_clock,
                ids=SystemIds(),
                secret=folder.secret("webhooks.secret", SystemIds()),
                private=folder.settings().private_webhooks,
            ),
            purses=Purses(
                db,
                chains=chains,
                clock=system_clock,
                launcher=keys["launcher"].address,
                limits_minor=limits_of(folder, facts.values()),
                not_people=not_people(keys.values(), chains),
                pay_in_at=pay_in_at(keys["launcher"].address, chains),
            ),
        ),
        router=Router(context("router"), chains=[offer_of(one) for one in facts.values()], probe=probes),
        exchange=exchange,
        recording=RecordingOracle(context("recording"), desk("recording")),
        reputation=ReputationOracle(context("reputation"), desk("reputation")),
        jury=Jury(context("jury"), desk("jury")),
    )


def policy_of(chains: Iterable[ChainFacts]) -> LaunchPolicy:
    """What this operator launches: jobs paid in the tokens of these chains, each above its floor."""
    chains = list(chains)
    usual = LaunchPolicy(task_types=LAUNCHED_TASK_TYPES, currencies=currencies_of(chains))
    floors = {**usual.fair_floor_per_hour_minor, **floors_of(chains)}
    divided = frozenset(token.symbol for facts in chains for token in facts.tokens if token.unit > 1)
    return replace(usual, fair_floor_per_hour_minor=floors, divided=divided)


PLAY_LIMIT_TOKENS = 1_000
"""What a requester may owe in each currency where all money is play money."""


def limits_of(folder: DataFolder, chains: Iterable[ChainFacts]) -> dict[str, int]:
    """What a requester whom the operator does not know may owe, minor units by currency.

    Nothing, as soon as the world can reach the site or a chain's money is real; a fixed sum of play money otherwise. An
    operator's own setting is the limit in the platform's first currency, and nothing is lent in the others then.
    """
    settings, chains = folder.settings(), list(chains)
    currencies = currencies_of(chains)
    if settings.requester_limit_minor is not None:
        return {next(iter(currencies)): settings.requester_limit_minor}
    if settings.public_url or not all(one.local for one in chains):
        return {}
    return {code: PLAY_LIMIT_TOKENS * 10**currency.exponent for code, currency in currencies.items()}


def not_people(keys: Iterable[RoleKey], chains: Chains) -> set[str]:
    """Addresses that send tokens to the launcher without being requesters: roles, contracts, the deployer."""
    found = {key.address for key in keys} | {deployer_key().address}
    for chain_id in chains.ids():
        with contextlib.suppress(ChainNotReady):
            contracts = chains.of(chain_id).contracts
            if contracts is not None:
                found |= {address.lower() for address in msgspec.structs.astuple(contracts)}
            for token in tokens_made_here(chains.of(chain_id)):
                found.add(token_key(token.symbol).address)
            found |= {token.address for token in chains.of(chain_id).tokens}
    return found


def pay_in_at(launcher: str, chains: Chains) -> list[PayInAt]:
    """Where requesters may pay in: the launcher's wallet, in each token of every chain whose contracts stand."""
    found: list[PayInAt] = []
    for chain_id in chains.ids():
        with contextlib.suppress(ChainNotReady):
            facts = chains.of(chain_id)
            found += [
                PayInAt(
                    chain_id=chain_id, chain=facts.name, currency=token.symbol, token=token.address, address=launcher
                )
                for token in facts.tokens
            ]
    return found


def offer_of(facts: ChainFacts) -> ChainOffer:
    """A chain as the router weighs it."""
    return ChainOffer(
        chain_id=facts.chain_id,
        name=facts.name,
        finality_ms=facts.finality_ms,
        currencies=tuple(token.symbol for token in facts.tokens),
    )


class ChainProbes:
    """Looks at a chain for the router: does it answer as itself, with its contracts and its token in place?"""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains

    async def __call__(self, chain_id: int) -> Health:
        from manyhands.chain.client import ChainClient

        facts = self._chains.of(chain_id)
        assert facts.contracts is not None
        began = time.monotonic()
        async with ChainClient(facts, timeout_s=3) as client:
            await client.connect()
            head = await client.head()
            unfit = await unfit_because(client)
        latency_ms = int((time.monotonic() - began) * 1000)
        if unfit:
            return Health(ok=False, latency_ms=latency_ms, because=unfit)
        return Health(
            ok=True,
            latency_ms=latency_ms,
            gas_price_wei=facts.fees.priority_fee_wei,
            because=f"answered in {latency_ms} ms at block {head.number}",
        )


async def _nobody_watches(job_id: str) -> None:
    """For processes at which no window watches a job."""


def desk_of(platform: Platform, *, look: Look = _nobody_watches) -> RequesterDesk:
    """The requester's desk over a platform. look  a job as the public record tells it, where windows watch jobs"""
    return RequesterDesk.over(
        platform.db,
        platform.blobs,
        platform.launcher,
        look=look,
        clock=system_clock,
        ids=SystemIds(),
        picture_secret=platform.exchange.settings.picture_secret,
    )


@asynccontextmanager
async def client(folder: DataFolder, *, pool: int = 4) -> AsyncIterator[Platform]:
    """The platform running on this folder, for a command.

    raises  PlatformNotUp, DiskFull when its disk has no room: the database would let a command wait for nothing
    """
    found = running(folder) if folder.exists() else None
    if found is None:
        raise PlatformNotUp(folder.path)
    free_bytes = shutil.disk_usage(folder.path).free
    if free_bytes < ROOM_MIN_BYTES:
        raise DiskFull(str(folder.path), free_bytes=free_bytes)
    platform = await open_platform(folder, found, pool=pool, name="manyhands command")
    try:
        yield platform
    finally:
        await platform.close()


# --- the roles process --------------------------------------------------------------------------------------------


async def run_roles(folder: DataFolder) -> None:
    """The process in which the roles work, until it is told to stop."""
    from manyhands.chain.client import ChainClient
    from manyhands.ledger.outbox import Entry
    from manyhands.ledger.outbox.sender import Sender

    stop = stop_on_signals()
    platform = await open_platform(folder, _running(folder), pool=24, name="manyhands roles")
    for name in ROLES:
        role = platform.role(name)
        platform.mailbox.register(name, platform.keys[name].address, role.on_message)
        if name != "exchange":  # which registers its own work: it runs in the reading processes
            for job_name, body in role.jobs().items():
                platform.jobs.task(job_name)(body)
    platform.jobs.task(CHAIN_WORK)(ChainWork(platform).run)
    DeskClock(desk_of(platform).drafts, platform.jobs)
    telling = telling_of(platform)
    clients = {chain_id: ChainClient(platform.chains.of(chain_id)) for chain_id in platform.chains.ids()}
    deployer = deployer_key()
    makers = [token_key(token.symbol) for one in clients.values() for token in tokens_made_here(one.facts)]
    everyone = {key.address: key for key in [*platform.keys.values(), deployer, *makers]}

    async def on_settled(tx: Tx, entry: Entry) -> None:
        for role in BOOKKEEPERS:
            await platform.role(role).desk.give_up(tx, entry)
        await platform.recording.settled(tx, entry)

    sender = Sender(platform.db, clients, keys=everyone, settled=on_settled)
    try:
        await sender.resume()
        async with asyncio.TaskGroup() as group:
            group.create_task(sender.run(stop), name="sender")
            booted = [
                group.create_task(boot_chain(platform, client, deployer, stop), name=f"chain {chain_id}")
                for chain_id, client in clients.items()
            ]
            group.create_task(
                platform.jobs.run_worker(["mail", "roles"], concurrency=6, stop=stop), name="messages and work"
            )
            # a worker of its own: receivers that let one wait must not hold up messages between roles
            group.create_task(telling.run_worker([WEBHOOK_QUEUE], concurrency=4, stop=stop), name="webhooks")
            for name in ROLES:
                if hasattr(platform.role(name), "tick"):
                    group.create_task(_tick(platform.role(name).tick, name, stop), name=f"{name} ticks")
            await asyncio.wait([*booted, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
            mark_ready(folder, "roles")
    finally:
        for chain_client in clients.values():
            await chain_client.close()
        await platform.close()


def telling_of(platform: Platform) -> JobApp:
    """The work of telling requesters' programs what happens to their jobs."""
    telling = JobApp(platform.db)
    if platform.launcher.webhooks is not None:
        telling.task(TELL, backoff=TELL_BACKOFF)(platform.launcher.webhooks.tell)
    return telling


async def boot_chain(platform: Platform, client: ChainClient, deployer: RoleKey, stop: asyncio.Event) -> None:
    """Puts the contracts on a local chain, gives the roles gas, the launcher tokens and a stake; then follows it.

    All of it goes through the outbox with purposes made from meaning: at the second start nothing is left to do.
    """
    from manyhands.ledger.deploy import ensure_deployed, ensure_token

    facts, wallet = client.facts, platform.keys["launcher"].address
    if facts.local:
        await ensure_deployed(
            platform.db,
            facts,
            deployer,
            terms=terms_of(facts.token, jury=platform.keys["jury"].address),
            gas_for={key.address: GAS_WEI for key in platform.keys.values()},
            tokens_for={wallet: TREASURY_TOKENS * 10**facts.token.decimals},
        )
        for token in tokens_made_here(facts):
            await ensure_token(
                platform.db,
                facts,
                token,
                token_key(token.symbol),
                funder=deployer,
                gas_wei=GAS_WEI,
                tokens_for={wallet: TREASURY_TOKENS * 10**token.decimals},
            )
    async with platform.db.transaction() as tx:
        await platform.launcher.desk.stake(tx, chain_id=facts.chain_id, amount_minor=STAKE_MINOR)
    await catch_up_books(platform, facts.chain_id)
    follow = asyncio.create_task(_follow(platform, client, stop), name=f"indexer of chain {facts.chain_id}")
    platform_tasks.add(follow)
    follow.add_done_callback(platform_tasks.discard)


platform_tasks: set[asyncio.Task[None]] = set()
"""Followers of chains: held here so that they are not collected while they run."""


async def _follow(platform: Platform, client: ChainClient, stop: asyncio.Event) -> None:
    from manyhands.ledger.events import follow_chain

    await follow_chain(
        platform.db,
        client,
        dispatch=ChainWork(platform).dispatch,
        stop=stop,
        wallets=[platform.keys["launcher"].address],  # what requesters pay in
    )


class ChainWork:
    """Chain events on their way to the roles: one piece of background work per role that listens."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def dispatch(self, tx: Tx, event: Any) -> None:
        """Called in the transaction that stores an event."""
        plain = DeskEvent.of(event)
        for role in hearers(plain, self._platform.keys):
            await enqueue(
                tx,
                CHAIN_WORK,
                queue="roles",
                args={"role": role, "event": msgspec.to_builtins(plain)},
                lock=lock_of(role, plain),
            )

    async def run(self, role: Role, event: dict[str, Any]) -> None:
        """Tells one role. Roles judge by their own state, so being told twice changes nothing."""
        found = DeskEvent(**event)
        player = self._platform.role(role)
        async with self._platform.db.transaction() as tx:
            if of_stake(found):
                await player.desk.keep_stake(tx, found)
                return
            if role in BOOKKEEPERS:
                await player.desk.hold_book(tx, found.whose)
                job_id = await player.job_of_escrow(tx, found.chain_id, found.whose)
                if job_id is not None:
                    await player.desk.keep_books(tx, found, job_id=job_id)
            if hasattr(player, "on_chain_event"):
                await player.on_chain_event(tx, found)


async def _tick(tick: Any, name: str, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await tick()
        except Exception:
            # periodic work must outlive one bad round, whatever it was; the log keeps what it was
            log.exception("a round of %s failed", name)
            await _pause(stop, 2.0)
        await _pause(stop, TICK_S)


# --- the reading process ------------------------------------------------------------------------------------------


async def run_ocr(folder: DataFolder) -> None:
    """A process that reads, cuts and assembles, until it is told to stop."""
    stop = stop_on_signals()
    platform = await open_platform(folder, _running(folder), pool=9, name="manyhands ocr")
    intake = JobApp(platform.db, around=watcher_of("ocr"))
    IntakeWork(desk_of(platform).drafts, intake)
    mark_ready(folder, "ocr")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(platform.jobs.run_worker(list(QUEUES), concurrency=1, stop=stop), name="reading")
            # a requester waits for the pages of a draft: they are read in beside whatever else goes on
            group.create_task(intake.run_worker([INTAKE_QUEUE], concurrency=1, stop=stop), name="intake")
    finally:
        await platform.close()


# --- small things -------------------------------------------------------------------------------------------------


def stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _running(folder: DataFolder) -> Running:
    found = running(folder)
    if found is None:
        raise PlatformNotUp(folder.path)
    return found


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
