"""Reading the pages of funded jobs, on this host or on others that do nothing else.

Rules kept here
- A page and the readers are all it needs: no keys, no secrets, no chain. A host that only reads has none to lose.
- Reading is lock-free, may run twice and on many hosts. The job's last page, found by a counter in the job's row,
  starts the cutting in the same transaction that counted it.
- Models and pixels are loaded at the first page and run in a thread, outside transactions.
- A page that nobody can decode does not stop the others: it is delivered without text, with the reason.

    reading = Reading(db, blobs, jobs)
    await jobs.run_worker([READING_QUEUE], concurrency=1, stop=stop)
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database, Tx, scalar
from manyhands.store.jobs import JobApp, enqueue
from manyhands.store.sql import load_queries

from .opening import CUT_JOB, OCR_QUEUE, READ_PAGE, PageRow, page_of

QUERIES = load_queries("manyhands.roles.exchange")

logger = logging.getLogger(__name__)

TOO_MUCH_MEMORY = "reading it takes more memory than there is for a page: scan it at 200 to 300 dpi"


class ReadsPages(Protocol):
    """Makes readings of a page's picture."""

    def read(self, page_png: bytes, *, kind: str, page_no: int, text_layer: bytes | None = None) -> Any:
        """See `PageReaders.read`."""
        ...


class PageReaders:
    """The machine readers of this process, made at first use: models take a second and hundreds of megabytes."""

    def __init__(self, names: Sequence[str] | None) -> None:
        self._names = names
        self._made: Any = None
        self._lock = threading.Lock()

    def read(self, page_png: bytes, *, kind: str, page_no: int, text_layer: bytes | None = None) -> Any:
        """The readings of a page. For a thread: seconds. raises UnreadableImage, ReaderError

        text_layer  JSON of the words of a born-digital page, one more reader
        """
        from manyhands.documents import readers
        from manyhands.documents.model import Reading

        words = msgspec.json.decode(text_layer, type=tuple[Reading, ...]) if text_layer else ()

        with self._lock:
            if self._made is None:
                names = readers.DEFAULT_READERS if self._names is None else tuple(self._names)
                self._made = readers.make_readers(names)
            return readers.read_page(page_png, self._made, kind=kind, page_no=page_no, text_layer=words)


class Reading:
    """What a reading process does.

    reader_names  machine readers in order of trust; None = the project's default, empty = none
    """

    def __init__(
        self, db: Database, blobs: BlobStore, jobs: JobApp, *, reader_names: Sequence[str] | None = None
    ) -> None:
        self._db, self._blobs = db, blobs
        self.readers: ReadsPages = PageReaders(reader_names)
        jobs.task(READ_PAGE)(self.read_page)

    async def read_page(self, job_id: str, doc_id: str, page_no: int) -> None:
        """Reads one page and stores what was seen. Twice has one effect; the job's last page starts the cutting."""
        page = await page_of(self._db, job_id, doc_id, page_no)
        if page is None or page.state != "waiting" or page.job_state != "reading":
            return
        if page.asks is not None:  # people look at the page themselves: nothing of it is read
            await self._store_readings(page, readings=_unread(page), failed=None)
            return
        readings, failed = None, None
        png = await self._blobs.get(page.blob)
        words = await self._blobs.get(page.text_blob) if page.text_blob else None
        from manyhands.documents.errors import UnreadableImage, out_of_memory

        try:
            seen = await asyncio.to_thread(self.readers.read, png, kind=page.kind, page_no=page_no, text_layer=words)
            readings = msgspec.json.encode(seen)
        except UnreadableImage as problem:
            logger.warning("page %s of %s can't be read: %s", page_no, doc_id, problem)
            failed = str(problem)
        except Exception as problem:
            if not out_of_memory(problem):
                raise
            logger.warning("page %s of %s needs too much memory: %s", page_no, doc_id, problem)
            failed = TOO_MUCH_MEMORY
        await self._store_readings(page, readings=readings, failed=failed)

    async def _store_readings(self, page: PageRow, *, readings: bytes | None, failed: str | None) -> None:
        values = {"job_id": page.job_id, "page_key": page.page_key, "readings": readings, "failed": failed}

        async def store(tx: Tx) -> None:
            if await scalar(tx, QUERIES.store_readings, values) is None:
                return  # another process was faster
            if await scalar(tx, QUERIES.count_read_page, {"job_id": page.job_id}) == 0:
                await enqueue(tx, CUT_JOB, queue=OCR_QUEUE, args={"job_id": page.job_id})

        await self._db.retrying(store)


def _unread(page: PageRow) -> bytes:
    from manyhands.documents.model import PageReadings

    return msgspec.json.encode(PageReadings(page.page_no, page.width_px, page.height_px, ()))
