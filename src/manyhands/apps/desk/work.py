"""The desk's background work: reading files in, tidying drafts, ending jobs whose time is over.

Rules kept here
- Files of strangers are written into a folder of their own under numbers and their own last names, imported in the
  locked-in child, and gone with the folder.
- Twice has one effect: an import that no longer counts writes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from manyhands.protocol import canonical
from manyhands.protocol.errors import IllegalMove
from manyhands.roles.launcher.errors import UnknownJob
from manyhands.store.database import rows, scalar
from manyhands.store.jobs import JobApp

from .drafts import INTAKE_QUEUE, QUERIES, TAKE_IN, Drafts, FileView, RefusedFile, upload_namespace

if TYPE_CHECKING:
    from manyhands.documents.importing import ImportedDocument, ImportedPage
    from manyhands.documents.ink import InkLine
    from manyhands.roles.launcher.values import ImportedPageRef

__all__ = ["INTAKE_QUEUE", "DeskClock", "IntakeWork"]

log = logging.getLogger(__name__)

THUMB_PX: Final = 420
THUMBS: Final = "thumbs"
KEEP_DRAFT_MS: Final = 30 * 86_400_000
EVERY_MS: Final = 5_000
TIDY_EVERY_MS: Final = 3_600_000


class IntakeWork:
    """Imports drafts' files. For a reading process: pixels are touched here."""

    def __init__(self, drafts: Drafts, jobs: JobApp) -> None:
        self._drafts = drafts
        jobs.task(TAKE_IN)(self.take_in)

    async def take_in(self, draft_id: str, import_no: int) -> None:
        """Imports all files of a draft. What was refused stands in the draft, with reason and cure."""
        from manyhands.apps.intake import NothingToLaunch, take_in

        where = {"draft_id": draft_id, "import_no": import_no}
        db, place = self._drafts.db, 0

        async def page_seen(
            document: ImportedDocument, page: ImportedPage, stored: ImportedPageRef, ink: list[InkLine]
        ) -> None:
            nonlocal place
            place += 1
            thumb = await asyncio.to_thread(thumbnail, page.png_bytes)
            values = {
                **where,
                "place": place,
                "doc_id": document.doc_id,
                "page_no": page.page_no,
                "source_file": page.source_file,
                "blob": stored.blob,
                "thumb_blob": await self._drafts.blobs.put(thumb, namespace=THUMBS, media_type="image/webp"),
                "width_px": page.width,
                "height_px": page.height,
                "ink": msgspec.json.encode(ink),
            }
            async with db.transaction() as tx:
                # the draft's row first: a deleted draft takes no page
                if await scalar(tx, QUERIES.lock_import, where) is not None:
                    await tx.execute(QUERIES.add_page, values)

        async with db.connection() as connection:
            if await scalar(connection, QUERIES.import_counts, where) is None:
                return
        with tempfile.TemporaryDirectory(prefix="manyhands-intake-") as scratch:
            await self._lay_out(draft_id, Path(scratch))
            documents, refused = [], []
            try:
                taken = await take_in(Path(scratch), self._drafts.blobs, page_seen=page_seen)
                documents, refused = list(taken.documents), list(taken.refused)
            except NothingToLaunch as nothing:
                refused = list(nothing.refused)
        told = [RefusedFile(one.file_name, one.code, one.reason, one.cure) for one in refused]
        async with db.transaction() as tx:
            if await scalar(tx, QUERIES.lock_import, where) is None:
                return
            values = {"draft_id": draft_id, "refused": msgspec.json.encode(told)}
            if documents:
                await tx.execute(QUERIES.set_imported, {**values, "documents": canonical.encode(documents)})
            else:
                await tx.execute(QUERIES.set_refused, values)
            verb = "imported" if documents else "nothing"
            await scalar(tx, QUERIES.move, {"draft_id": draft_id, "verb": verb, "now_ms": self._drafts.clock()})

    async def _lay_out(self, draft_id: str, folder: Path) -> None:
        """Puts the files where the importer finds them under the names their owner gave them."""
        async with self._drafts.db.connection() as connection:
            files = [FileView(*row) for row in await rows(connection, QUERIES.files_of, {"draft_id": draft_id})]
            outer = common_folder([file.name for file in files])
            for file in files:
                target = folder.joinpath(*(part[:200] for part in file.name.removeprefix(outer).split("/")))
                if folder not in target.parents:
                    continue  # names were checked at the door; this is the second lock
                target.parent.mkdir(parents=True, exist_ok=True)
                where = {"draft_id": draft_id, "file_no": file.file_no}
                with target.open("wb") as out:
                    for (blob,) in await rows(connection, QUERIES.chunks_of, where):
                        out.write(await self._drafts.blobs.get(blob))


def common_folder(names: Sequence[str]) -> str:
    """The folder that was dropped, with its slash; "" when there are several. A document's name begins inside of it,
    as it does for `manyhands launch FOLDER`.

    >>> common_folder(["march/1.png", "march/b/2.png"]), common_folder(["1.png", "march/2.png"])
    ('march/', '')
    """
    first = {name.partition("/")[0] if "/" in name else "" for name in names}
    only = first.pop() if len(first) == 1 else ""
    return f"{only}/" if only else ""


def thumbnail(page_png: bytes) -> bytes:
    """A page small enough for a list, upright where that can be told, as WebP. For a thread."""
    import cv2
    import numpy as np

    from manyhands.documents.upright import quarters_to_upright, turned

    # our own importer wrote these bytes: they are pixels, and small enough
    image = cv2.imdecode(np.frombuffer(page_png, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("a page that was just stored cannot be decoded")
    image = turned(np.asarray(image, np.uint8), quarters_to_upright(np.asarray(image, np.uint8)))
    height, width = image.shape[:2]
    scale = min(1.0, THUMB_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    done, out = cv2.imencode(
        ".webp", cv2.resize(image, size, interpolation=cv2.INTER_AREA), [cv2.IMWRITE_WEBP_QUALITY, 72]
    )
    if not done:
        raise ValueError("the thumbnail cannot be written")
    return bytes(out.tobytes())


class DeskClock:
    """What time brings to the desk. For the process in which the roles work."""

    def __init__(self, drafts: Drafts, jobs: JobApp) -> None:
        self._drafts = drafts
        jobs.every("desk.deadlines", EVERY_MS)(self.end_what_is_due)
        jobs.every("desk.launches", EVERY_MS)(drafts.finish_launches)
        jobs.every("desk.tidy", TIDY_EVERY_MS)(self.tidy)

    async def end_what_is_due(self) -> None:
        """Cancels jobs whose requester said that they should stop by now. What was accepted is paid and delivered."""
        now_ms = self._drafts.clock()
        async with self._drafts.db.connection() as connection:
            due = [job_id for (job_id,) in await rows(connection, QUERIES.deadlines_due, {"now_ms": now_ms})]
        for job_id in due:
            # a job that is recorded, settling or closed has nothing left to stop
            with contextlib.suppress(IllegalMove, UnknownJob):
                await self._drafts.launcher.cancel(job_id, "the requester's deadline has passed")
            async with self._drafts.db.transaction() as tx:
                await tx.execute(QUERIES.deadline_done, {"job_id": job_id, "now_ms": now_ms})

    async def tidy(self) -> None:
        """Forgets drafts that nobody has touched for thirty days."""
        before_ms = self._drafts.clock() - KEEP_DRAFT_MS
        async with self._drafts.db.connection() as connection:
            old = [draft_id for (draft_id,) in await rows(connection, QUERIES.old_drafts, {"before_ms": before_ms})]
        for draft_id in old:
            async with self._drafts.db.transaction() as tx:
                await tx.execute("delete from desk.drafts where draft_id = %s and state <> 'launched'", (draft_id,))
            await self._drafts.blobs.erase(upload_namespace(draft_id))
            log.info("draft %s was left alone for thirty days and is gone", draft_id)
