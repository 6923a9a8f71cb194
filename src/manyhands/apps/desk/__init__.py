"""The requester's desk: from files dropped on a page to a launched job, its progress, its results and its bill.

Rules kept here
- The desk prepares and shows. Money moves through the launcher alone: `draft` and `approve`, as for the command line.
- Bytes of a stranger are kept as they came until a reading process imports them in the locked-in child; then they go.
- A draft, a job, a page, a result is shown to its owner and to nobody else: every function is asked with the owner.
- A figure that nobody measured is absent.

    desk = RequesterDesk.over(db, blobs, launcher, look=record.job, clock=clock, ids=ids, picture_secret=secret)
    draft_id = await desk.drafts.begin(owner, "Receipts of March")
"""

from __future__ import annotations

from dataclasses import dataclass

from manyhands.protocol.ids import Clock, IdSource
from manyhands.roles.exchange.watching import Series, pace_measured, series_of
from manyhands.roles.launcher import Launcher
from manyhands.store.blobs import BlobStore, signed_url
from manyhands.store.database import Database

from .drafts import INTAKE_QUEUE, Drafts
from .errors import DeskError
from .jobs import DeskJobs
from .quoting import Pace, Wish
from .watching import Look, Watching

__all__ = ["INTAKE_QUEUE", "DeskError", "RequesterDesk", "Wish"]

PICTURE_MS = 3_600_000


@dataclass(frozen=True)
class RequesterDesk:
    """Everything a requester's page asks for."""

    drafts: Drafts
    jobs: DeskJobs
    watching: Watching

    @classmethod
    def over(
        cls,
        db: Database,
        blobs: BlobStore,
        launcher: Launcher,
        *,
        look: Look,
        clock: Clock,
        ids: IdSource,
        picture_secret: bytes,
    ) -> RequesterDesk:
        """The desk of a platform. look  a job as the public record tells it"""

        def page_url(blob: str) -> str:
            # rounded up to the hour, so that a browser finds the same address again and keeps the picture
            expires_at_ms = (clock() // PICTURE_MS + 2) * PICTURE_MS
            return signed_url(blob, expires_at_ms=expires_at_ms, secret=picture_secret, base="/pictures")

        async def pace() -> Pace | None:
            found = await pace_measured(db, now_ms=clock())
            return None if found is None else Pace(found.answers, found.span_ms, found.active_ms_median)

        async def series(job_id: str) -> Series:
            return await series_of(db, job_id, now_ms=clock())

        return cls(
            drafts=Drafts(db, blobs, launcher, clock, ids, page_url, pace),
            jobs=DeskJobs(db, blobs, launcher, clock, page_url),
            watching=Watching(look, series, clock),
        )
