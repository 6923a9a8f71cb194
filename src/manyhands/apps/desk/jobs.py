"""A requester's own jobs: the list, one job, its pages and values, its files, its bill, objections, and how to end it.

Rules kept here
- Every function is given the owner and answers for the owner's jobs only; others' jobs are not even refused by name.
- An objection has a reason from a closed list, what the page shows instead, and a sentence; a person answers it.
  Accepted work stays paid whatever comes of it.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from manyhands.protocol.ids import Clock, digest
from manyhands.roles.launcher import Launcher
from manyhands.roles.launcher.errors import UnknownJob
from manyhands.roles.launcher.values import JobSummary, JobView, ResultFile
from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database, rows, rows_of, scalar
from manyhands.store.sql import load_queries

from .answered import AnswerOut, answers_of
from .errors import DeskError, NotWithoutReason
from .invoice import invoice_number, invoice_pdf
from .quoting import Wish
from .records import DocumentOut, Doubt, chosen_csv, document_of, doubts_of

QUERIES = load_queries("manyhands.apps.desk")

CHOSEN_FILE: Final = "chosen-fields.csv"
PACKAGE_FILE: Final = "everything.zip"
OBJECTIONS_MAX: Final = 200
KEPT_JOBS: Final = 3
OBJECTION_CODES: Final = {
    "wrong_value": "The page shows another value",
    "missing": "The page shows something that was left out",
    "unreadable_is_readable": "It was called unreadable and can be read",
    "wrong_place": "The value belongs to another field or row",
}


class NoSuchJobOfYours(DeskError):
    """There is no such job, or it is somebody else's."""

    status = 404
    cure = "Open the list of your jobs and choose from there."

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__("there is no such job of yours")


class NotDeliveredYet(DeskError):
    """The job's results are not there yet."""

    status = 409
    cure = "The job's page says how far it is."

    def __init__(self, state: str) -> None:
        super().__init__(f"the job is {state}: nothing is delivered yet")


class PageOut(msgspec.Struct, frozen=True):
    """A page's picture, under an address signed for a while."""

    doc_id: str
    page_no: int
    width_px: int
    height_px: int
    page_url: str
    thumb_url: str


class DocumentHead(msgspec.Struct, frozen=True):
    """One document in the list of results."""

    doc_id: str
    kind: str
    pages: int
    fields: int
    doubts: int


class Objection(msgspec.Struct, frozen=True):
    """What a requester does not believe, and what came of it."""

    job_id: str
    objection_id: str
    doc_id: str
    piece_id: str
    code: str
    stands: str
    should_be: str
    because: str
    filed_at_ms: int
    state: str
    answer: str
    answered_at_ms: int | None


@dataclass
class DeskJobs:
    """Jobs over the launcher, the delivered packages and the desk's tables."""

    db: Database
    blobs: BlobStore
    launcher: Launcher
    clock: Clock
    page_url: Callable[[str], str]
    _records: OrderedDict[str, tuple[DocumentOut, ...]] = field(default_factory=OrderedDict)

    async def of(self, owner: str) -> list[JobSummary]:
        """The owner's jobs, newest first."""
        return await self.launcher.list_jobs(requester=owner)

    async def view(self, owner: str, job_id: str) -> JobView:
        """raises NoSuchJobOfYours"""
        try:
            view = await self.launcher.view(job_id)
        except UnknownJob:
            raise NoSuchJobOfYours(job_id) from None
        if view.requester != owner:
            raise NoSuchJobOfYours(job_id)
        return view

    async def cancel(self, owner: str, job_id: str, because: str) -> JobView:
        """Ends the job early, by the launcher. raises NoSuchJobOfYours, IllegalMove when nothing is left to stop"""
        await self.view(owner, job_id)
        return await self.launcher.cancel(job_id, because[:500] or "cancelled by its requester")

    async def extras(self, owner: str, job_id: str) -> dict[str, Any]:
        """What the desk knows of a job beside the record: draft, wish, deadline, whether it is a try-out."""
        await self.view(owner, job_id)
        async with self.db.connection() as connection:
            found = await rows(connection, QUERIES.wish_of_job, {"job_id": job_id})
            deadline = await rows(connection, QUERIES.deadline_of, {"job_id": job_id})
        told: dict[str, Any] = {}
        if found:
            draft_id, raw, is_tryout = found[0]
            told |= {"draft_id": draft_id, "wish": msgspec.json.decode(raw, type=Wish), "tryout": bool(is_tryout)}
        if deadline:
            told["deadline_ms"], told["stop_at_deadline"], _ = deadline[0]
        return told

    # --- results ----------------------------------------------------------------------------------------------------

    async def pages(self, owner: str, job_id: str) -> list[PageOut]:
        """The pictures of a job's pages; none for a job that was not launched at the desk."""
        await self.view(owner, job_id)
        async with self.db.connection() as connection:
            found = await rows(connection, QUERIES.pages_of_job, {"job_id": job_id})
        return [
            PageOut(doc_id, page_no, width, height, self.page_url(blob), self.page_url(thumb))
            for doc_id, page_no, blob, thumb, width, height in found
        ]

    async def documents(self, owner: str, job_id: str) -> list[DocumentHead]:
        """raises NoSuchJobOfYours, NotDeliveredYet"""
        return [
            DocumentHead(
                one.doc_id, one.kind, len({piece.page for piece in one.pieces}) or 1, len(one.fields), one.doubts
            )
            for one in await self._documents(owner, job_id)
        ]

    async def document(self, owner: str, job_id: str, doc_id: str) -> DocumentOut | None:
        """raises NoSuchJobOfYours, NotDeliveredYet"""
        return next((one for one in await self._documents(owner, job_id) if one.doc_id == doc_id), None)

    async def answers(self, owner: str, job_id: str) -> tuple[AnswerOut, ...]:
        """Verdicts on questions of options. raises NoSuchJobOfYours, NotDeliveredYet"""
        view = await self.view(owner, job_id)
        results = await self.launcher.results(job_id)
        if not results.ready or not results.package_blob:
            raise NotDeliveredYet(view.state)
        return await asyncio.to_thread(answers_of, await self.blobs.get(results.package_blob))

    async def doubts(self, owner: str, job_id: str) -> list[Doubt]:
        """raises NoSuchJobOfYours, NotDeliveredYet"""
        return await asyncio.to_thread(doubts_of, await self._documents(owner, job_id))

    async def files(self, owner: str, job_id: str) -> list[ResultFile]:
        """Everything that can be downloaded. raises NoSuchJobOfYours"""
        await self.view(owner, job_id)
        results = await self.launcher.results(job_id)
        if not results.ready or not results.package_blob:
            return []
        package = await self.blobs.get(results.package_blob)
        chosen = chosen_csv(await self._documents(owner, job_id))
        return [
            ResultFile(name=PACKAGE_FILE, size_bytes=len(package), media_type="application/zip"),
            ResultFile(name=CHOSEN_FILE, size_bytes=len(chosen), media_type="text/csv"),
            *results.files,
        ]

    async def file(self, owner: str, job_id: str, name: str) -> tuple[bytes, str] | None:
        """One file and its media type. raises NoSuchJobOfYours, NotDeliveredYet"""
        await self.view(owner, job_id)
        if name == CHOSEN_FILE:
            return chosen_csv(await self._documents(owner, job_id)), "text/csv"
        results = await self.launcher.results(job_id)
        if name == PACKAGE_FILE:
            return (await self.blobs.get(results.package_blob), "application/zip") if results.package_blob else None
        found = next((file for file in results.files if file.name == name), None)
        raw = await self.launcher.result_file(job_id, name) if found is not None else None
        return None if raw is None or found is None else (raw, found.media_type)

    async def invoice(self, owner: str, job_id: str, *, recipient: str) -> tuple[bytes, str]:
        """The bill as PDF and its number. raises NoSuchJobOfYours, NothingBilled"""
        view = await self.view(owner, job_id)
        issuer, currency = self.launcher.ctx.address, self.launcher.currency_of(view)
        raw = await asyncio.to_thread(invoice_pdf, view, issuer=issuer, recipient=recipient, currency=currency)
        return raw, invoice_number(view)

    async def _documents(self, owner: str, job_id: str) -> tuple[DocumentOut, ...]:
        view = await self.view(owner, job_id)
        if (kept := self._records.get(job_id)) is not None:
            self._records.move_to_end(job_id)
            return kept
        results = await self.launcher.results(job_id)
        if not results.ready or not results.package_blob:
            raise NotDeliveredYet(view.state)
        extras = await self.extras(owner, job_id)
        wish: Wish | None = extras.get("wish")
        package = await self.blobs.get(results.package_blob)
        target_bp = wish.target_bp if wish is not None else 9_950
        made = await asyncio.to_thread(_read_documents, package, wish, target_bp)
        self._records[job_id] = made
        while len(self._records) > KEPT_JOBS:
            self._records.popitem(last=False)
        return made

    # --- objections -------------------------------------------------------------------------------------------------

    async def object_to(
        self, owner: str, job_id: str, *, doc_id: str, piece_id: str, code: str, should_be: str, because: str
    ) -> str:
        """Files an objection to a delivered value. The same one twice is one.

        raises  NoSuchJobOfYours, NotDeliveredYet, NotWithoutReason
        """
        should_be, because = should_be.replace("\x00", ""), because.replace("\x00", "")
        document = await self.document(owner, job_id, doc_id)
        piece = next((one for one in document.pieces if one.piece_id == piece_id), None) if document else None
        if piece is None:
            raise NotWithoutReason("a piece of this job's results")
        if code not in OBJECTION_CODES:
            raise NotWithoutReason("a reason of the list")
        if not should_be.strip() or should_be.strip() == piece.text:
            raise NotWithoutReason("what the page shows instead")
        if len(because.strip()) < 10:
            raise NotWithoutReason("a sentence that says why")
        objection_id = digest("objection", job_id, piece_id, code, should_be.strip())
        async with self.db.transaction() as tx:
            if await scalar(tx, QUERIES.count_objections, {"job_id": job_id}) >= OBJECTIONS_MAX:
                raise NotWithoutReason("to be one of at most 200 of a job")
            await tx.execute(
                QUERIES.add_objection,
                {
                    "job_id": job_id,
                    "objection_id": objection_id,
                    "owner": owner,
                    "doc_id": doc_id,
                    "piece_id": piece_id,
                    "code": code,
                    "stands": piece.text,
                    "should_be": should_be.strip()[:2_000],
                    "because": because.strip()[:2_000],
                    "now_ms": self.clock(),
                },
            )
        return objection_id

    async def objections(self, owner: str, job_id: str) -> list[Objection]:
        """raises NoSuchJobOfYours"""
        await self.view(owner, job_id)
        async with self.db.connection() as connection:
            return await rows_of(connection, Objection, QUERIES.objections_of, {"job_id": job_id})

    async def open_objections(self) -> list[Objection]:
        """For the operator: what waits for an answer, oldest first."""
        async with self.db.connection() as connection:
            return await rows_of(connection, Objection, QUERIES.open_objections)

    async def answer_objection(self, job_id: str, objection_id: str, *, uphold: bool, answer: str, by: str) -> bool:
        """A person's word on an objection. False when there is none that waits. raises NotWithoutReason"""
        if len(answer.strip()) < 10:
            raise NotWithoutReason("a sentence that says why, for its requester to read")
        values = {
            "job_id": job_id.replace("\x00", ""),
            "objection_id": objection_id.replace("\x00", ""),
            "state": "upheld" if uphold else "dismissed",
            "answer": answer.replace("\x00", "").strip()[:2_000],
            "answered_by": by,
            "now_ms": self.clock(),
        }
        async with self.db.transaction() as tx:
            return await scalar(tx, QUERIES.answer_objection, values) is not None


def _read_documents(package: bytes, wish: Wish | None, target_bp: int) -> tuple[DocumentOut, ...]:
    found = []
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        names = set(archive.namelist())
        for name in sorted(names):
            # a document stands there as record and as page; what else is in JSON tells of the whole package
            if name.endswith(".json") and "/" not in name and f"{name.removesuffix('.json')}.pdf" in names:
                record: Mapping[str, Any] = msgspec.json.decode(archive.read(name))
                fields = wish.fields if wish is not None else ()
                drawn = {region.name for region in wish.regions} if wish is not None else set()
                found.append(document_of(record, target_bp=target_bp, fields=fields, drawn=drawn))
    return tuple(found)
