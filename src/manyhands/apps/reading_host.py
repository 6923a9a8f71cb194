"""Reading pages on a host that does nothing else: work comes from the platform's database, pages from its blobs.

Rules kept here
- No keys, no secrets, no chain, no data folder: what such a host has is a right to a few rows, and pages to be read.
- A host of another version, or one that does not see the platform's pages, is refused before it takes any work.
- A host may die at any moment: its page is read by another one when it has not been heard of for half a minute.

A page on its way: the job's funds are seen, its pages wait in the queue `reading`. A process here takes one, fetches
the picture by its digest (so what it reads is what was stored), reads it in a thread and writes what it saw into the
page's row. Whoever writes the job's last page starts the cutting, on the platform's own host.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import PoolTimeout

from manyhands.apps.child import READING_MEMORY_BYTES, limit_memory
from manyhands.protocol.errors import ManyhandsError
from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database, scalar
from manyhands.store.errors import NoSuchBlob
from manyhands.store.jobs import JobApp
from manyhands.store.migrations import not_applied, rooms_of_house

CONNECT_PATIENCE_S = 10

NEWEST_PAGE = "select blob from exchange.pages where blob <> '' order by job_id desc, page_key desc limit 1"


class NoDatabase(ManyhandsError):
    """The platform's database does not answer, or does not let this host in."""

    def __init__(self, dsn: str, because: str) -> None:
        told = conninfo_to_dict(dsn)
        self.where = f"{told.get('user', '')}@{told.get('host', '')}:{told.get('port', 5432)}/{told.get('dbname', '')}"
        super().__init__(
            f"the database {self.where} can't be reached: {because}",
            cure="Check address, user and password, and the way there: docs/howto/more-reading-hosts.md.",
        )


class OtherVersion(ManyhandsError):
    """This program and the platform's database are of different versions."""

    def __init__(self, missing: str) -> None:
        self.missing = missing
        super().__init__(
            f"the platform's database is older than this program: it has no {missing}",
            cure="Install the platform's version of Manyhands here, or bring the platform up with this one first.",
        )


class NotItsBlobs(ManyhandsError):
    """The folder is not where the platform keeps its pages."""

    def __init__(self, folder: Path, because: str) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} is not the folder `blobs` of this platform: {because}",
            cure="Mount that folder here, for reading, and name it with --blobs.",
        )


async def read_for_platform(
    dsn: str, blobs: Path, *, stop: asyncio.Event, ready: Callable[[], None] = lambda: None
) -> None:
    """Reads pages until `stop` is set, then finishes the one at hand.

    ready   called once when all is well and work is about to be taken
    raises  NoDatabase, OtherVersion, DataFolderTooNew, NotItsBlobs
    """
    if not await asyncio.to_thread(blobs.is_dir):
        raise NotItsBlobs(blobs, "there is no such folder")
    try:
        # asked once by itself: a pool would try for half a minute and then not say why
        await (await psycopg.AsyncConnection.connect(dsn, connect_timeout=CONNECT_PATIENCE_S)).close()
        db = await Database.open(dsn, max_size=5, application_name="manyhands reader")
    except (psycopg.Error, PoolTimeout) as problem:
        raise NoDatabase(dsn, str(problem)) from problem
    try:
        if missing := await not_applied(db, rooms_of_house()):
            raise OtherVersion(missing[0])
        store = BlobStore(blobs)
        async with db.connection() as connection:
            newest = await scalar(connection, NEWEST_PAGE)
        if newest is not None:
            try:
                await store.get(newest)
            except NoSuchBlob as problem:
                raise NotItsBlobs(blobs, "the newest page is not there") from problem
        limit_memory(READING_MEMORY_BYTES)
        from manyhands.roles.exchange.opening import READING_QUEUE
        from manyhands.roles.exchange.reading import Reading

        jobs = JobApp(db)
        Reading(db, store, jobs)
        ready()
        await jobs.run_worker([READING_QUEUE], concurrency=1, stop=stop)
    finally:
        await db.close()
