"""Drafts: files come in piece by piece, pages are shown, a wish is quoted, and the launcher is asked.

Rules kept here
- A part of a file is stored before its number counts; the same part again has no effect; a gap is refused by name.
- A name is text. What leads out of its folder, or hides, is refused where it arrives.
- Launching is asking the launcher with a key made from the draft: twice is once, whatever died in between.
- The requester agrees to a figure. When the quote has become another, nothing is launched.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from manyhands.apps.questions import Questions, Sheet, read_questions
from manyhands.documents.ink import InkLine
from manyhands.pricing import DailyCap, Quote
from manyhands.protocol import canonical
from manyhands.protocol.errors import BadManifest, ManyhandsError
from manyhands.protocol.ids import Clock, IdSource, digest
from manyhands.roles.launcher import Launcher
from manyhands.roles.launcher.plan import LaunchPolicy, plan
from manyhands.roles.launcher.values import ImportedDocumentRef, JobView
from manyhands.store.blobs import BlobStore
from manyhands.store.database import Database, Tx, row_of, rows, scalar
from manyhands.store.jobs import enqueue
from manyhands.store.sql import load_queries

from .errors import (
    BadFileName,
    MoreThanAnnounced,
    NoSuchDraft,
    NoSuchFile,
    OutOfStep,
    QuoteChanged,
    TooManyDrafts,
    TooManyFiles,
    TooMuchData,
    TooMuchHeld,
    UploadUnfinished,
    WrongMoment,
)
from .quoting import Forecast, Pace, Wish, documents_for, forecast_of, options_of

QUERIES = load_queries("manyhands.apps.desk")

INTAKE_QUEUE: Final = "intake"
TAKE_IN: Final = "desk.take_in"

FILES_MAX: Final = 2_000
FILE_BYTES_MAX: Final = 100_000_000
DRAFT_BYTES_MAX: Final = 2_000_000_000
CHUNK_BYTES_MAX: Final = 4 * 1024 * 1024
OWNER_BYTES_MAX: Final = 4_000_000_000
"""Of all drafts of a person that are no jobs yet: what fills a disk before anybody pays."""
DRAFTS_MAX: Final = 50
NAME_CHARS_MAX: Final = 300
PAGES_SHOWN: Final = 400

CURES: Final = {
    "import": "Wait until it is read in, or open a new draft.",
    "launch": "Wait until its pages are read in.",
    "reopen": "A launched draft is a job now: begin a new one.",
    "add": "Reopen the draft to add files.",
}

PaceOf = Callable[[], Awaitable[Pace | None]]


class DraftRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of desk.drafts."""

    draft_id: str
    owner: str
    title: str
    state: str
    wish: bytes
    documents: bytes | None
    refused: bytes
    import_no: int
    imported_files: int
    tryout_job_id: str | None
    job_id: str | None
    created_at_ms: int
    changed_at_ms: int
    questions: bytes | None = None
    questions_name: str = ""

    def asked(self) -> Questions | None:
        """The table of questions, None without one."""
        return msgspec.json.decode(self.questions, type=Questions) if self.questions is not None else None

    def wished(self) -> Wish:
        return msgspec.json.decode(self.wish, type=Wish)

    def taken_in(self) -> tuple[ImportedDocumentRef, ...]:
        """raises WrongMoment before the pages are there"""
        if self.documents is None:
            raise WrongMoment(self.state, "quoted", CURES["launch"])
        found: tuple[ImportedDocumentRef, ...] = canonical.decode(
            self.documents, tuple[ImportedDocumentRef, ...], what="documents"
        )
        return found


class FileView(msgspec.Struct, frozen=True):
    """A file of a draft. received_bytes < size_bytes: the rest is missing."""

    file_no: int
    name: str
    size_bytes: int
    received_bytes: int


class RefusedFile(msgspec.Struct, frozen=True):
    """A file that could not be taken in."""

    name: str
    code: str
    reason: str
    cure: str


class PageView(msgspec.Struct, frozen=True):
    """A page of a draft. The pictures' addresses are signed for a while."""

    doc_id: str
    page_no: int
    source_file: str
    width_px: int
    height_px: int
    page_url: str
    thumb_url: str


class DraftLine(msgspec.Struct, frozen=True):
    """A draft in the list."""

    draft_id: str
    title: str
    state: str
    created_at_ms: int
    changed_at_ms: int
    files: int
    pages: int


class DocumentLine(msgspec.Struct, frozen=True):
    """A document of a draft, with the kind it was taken for."""

    doc_id: str
    kind: str
    pages: int


class QuestionsLine(msgspec.Struct, frozen=True):
    """The table of questions that a draft holds. known of count only measure who answers; twice were left out."""

    sheet: str
    name: str
    count: int
    known: int
    twice: int


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A draft as its owner sees it."""

    draft_id: str
    title: str
    state: str
    wish: Wish
    files: tuple[FileView, ...]
    refused: tuple[RefusedFile, ...]
    imported_files: int
    documents: tuple[DocumentLine, ...]
    pages: tuple[PageView, ...]
    pages_total: int
    tryout_job_id: str | None
    job_id: str | None
    created_at_ms: int
    questions: QuestionsLine | None = None


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """The quote of a draft: what `manyhands quote` says of the same pages, with what may be forecast.

    free_minor   what its requester may spend, None = there is no limit
    short_minor  what of the total is not covered by that
    """

    currency: str
    exponent: int
    lines: tuple[Any, ...]
    expected_minor: int
    total_minor: int
    reward_minor_per_answer: int
    effort_ms_per_answer: int
    rests_on: str
    documents: int
    pages: int
    workers_needed: int
    budget_minor: int | None
    above_budget: bool
    forecast: Forecast
    free_minor: int | None
    short_minor: int
    daily_cap: DailyCap | None = None


@dataclass(frozen=True)
class Drafts:
    """Drafts over tables, blobs and the launcher. page_url  signs a picture's address for its owner"""

    db: Database
    blobs: BlobStore
    launcher: Launcher
    clock: Clock
    ids: IdSource
    page_url: Callable[[str], str]
    pace: PaceOf

    # --- drafts -----------------------------------------------------------------------------------------------------

    async def begin(self, owner: str, title: str) -> str:
        """A new draft. Returns its id. raises TooManyDrafts"""
        draft_id = self.ids.random_bytes(16).hex()
        wish = first_wish(_title(title), self.launcher.policy)
        async with self.db.transaction() as tx:
            if await scalar(tx, QUERIES.count_drafts, {"owner": owner}) >= DRAFTS_MAX:
                raise TooManyDrafts(DRAFTS_MAX)
            await tx.execute(
                QUERIES.add_draft,
                {
                    "draft_id": draft_id,
                    "owner": owner,
                    "title": wish.title,
                    "wish": msgspec.json.encode(wish),
                    "now_ms": self.clock(),
                },
            )
        return draft_id

    async def of(self, owner: str, *, limit: int = 50) -> list[DraftLine]:
        """The owner's drafts that are not yet jobs."""
        async with self.db.connection() as connection:
            return [
                DraftLine(*row) for row in await rows(connection, QUERIES.drafts_of, {"owner": owner, "limit": limit})
            ]

    async def view(self, owner: str, draft_id: str) -> Draft:
        """raises NoSuchDraft"""
        async with self.db.connection() as connection:
            row = await self._read(connection, owner, draft_id)
            files = [FileView(*one) for one in await rows(connection, QUERIES.files_of, {"draft_id": draft_id})]
            where = {"draft_id": draft_id, "import_no": row.import_no, "limit": PAGES_SHOWN}
            pages = await rows(connection, QUERIES.pages_of, where)
        documents = row.taken_in() if row.documents is not None else ()
        return Draft(
            draft_id=draft_id,
            title=row.title,
            state=row.state,
            wish=row.wished(),
            files=tuple(files),
            refused=msgspec.json.decode(row.refused, type=tuple[RefusedFile, ...]),
            imported_files=row.imported_files,
            documents=tuple(DocumentLine(one.doc_id, one.kind, len(one.pages)) for one in documents),
            pages=tuple(
                PageView(doc_id, page_no, source, width, height, self.page_url(blob), self.page_url(thumb))
                for doc_id, page_no, source, blob, thumb, width, height in pages
            ),
            pages_total=sum(len(one.pages) for one in documents) or len(pages),
            tryout_job_id=row.tryout_job_id,
            job_id=row.job_id,
            created_at_ms=row.created_at_ms,
            questions=None if (asked := row.asked()) is None else _line_of(asked, row.questions_name),
        )

    async def delete(self, owner: str, draft_id: str) -> None:
        """Forgets a draft and the files it was sent. A launched one is a job and stays. raises NoSuchDraft"""
        async with self.db.transaction() as tx:
            gone = await scalar(tx, QUERIES.delete_draft, {"draft_id": draft_id, "owner": owner})
        if gone is None:
            raise NoSuchDraft(draft_id)
        await self.blobs.erase(upload_namespace(draft_id))

    # --- files ------------------------------------------------------------------------------------------------------

    async def announce(self, owner: str, draft_id: str, wanted: Sequence[tuple[str, int]]) -> list[FileView]:
        """Says which files will come, as pairs of name and bytes. A name that is known keeps what has arrived.

        returns  the files with their numbers and what of each is here
        raises   NoSuchDraft, WrongMoment, BadFileName, TooManyFiles, TooMuchData, TooMuchHeld
        """
        names = [clean_name(name) for name, _ in wanted]
        replaced: list[str] = []
        async with self.db.transaction() as tx:
            await tx.execute(QUERIES.one_by_one, {"owner": owner})
            await self._collecting(tx, owner, draft_id)
            elsewhere_bytes = await scalar(tx, QUERIES.bytes_elsewhere, {"owner": owner, "draft_id": draft_id})
            known = {
                one.name: one
                for one in [
                    FileView(*row) for row in await rows(tx, QUERIES.file_named, {"draft_id": draft_id, "names": names})
                ]
            }
            file_no, count, held_bytes = (await rows(tx, QUERIES.next_file_no, {"draft_id": draft_id}))[0]
            for name, (_, size_bytes) in zip(names, wanted, strict=True):
                if size_bytes <= 0:
                    raise BadFileName(name, "belongs to a file without bytes")
                if size_bytes > FILE_BYTES_MAX:
                    raise TooMuchData(f"the file {name[:80]!r}", FILE_BYTES_MAX)
                if (here := known.get(name)) is not None:
                    if here.size_bytes == size_bytes:
                        continue
                    # another file under the same name: it takes the place of the first
                    where = {"draft_id": draft_id, "file_no": here.file_no}
                    replaced += [blob for (blob,) in await rows(tx, QUERIES.chunks_alone, where)]
                    await tx.execute(QUERIES.delete_file, where)
                    count, held_bytes = count - 1, held_bytes - here.size_bytes
                count, held_bytes = count + 1, held_bytes + size_bytes
                if count > FILES_MAX:
                    raise TooManyFiles(FILES_MAX)
                if held_bytes > DRAFT_BYTES_MAX:
                    raise TooMuchData("all files together", DRAFT_BYTES_MAX)
                if elsewhere_bytes + held_bytes > OWNER_BYTES_MAX:
                    raise TooMuchHeld(OWNER_BYTES_MAX)
                await tx.execute(
                    QUERIES.add_file,
                    {"draft_id": draft_id, "file_no": file_no, "name": name, "size_bytes": size_bytes},
                )
                file_no += 1
            found = await rows(tx, QUERIES.file_named, {"draft_id": draft_id, "names": names})
        await self.blobs.erase_keys(replaced)
        return [FileView(*row) for row in found]

    async def take_part(self, owner: str, draft_id: str, file_no: int, offset_bytes: int, part: bytes) -> FileView:
        """Stores the next part of a file. The same part again has no effect.

        raises  NoSuchDraft, NoSuchFile, WrongMoment, OutOfStep, TooMuchData, MoreThanAnnounced
        """
        if len(part) > CHUNK_BYTES_MAX:
            raise TooMuchData("the part", CHUNK_BYTES_MAX)
        where = {"draft_id": draft_id, "file_no": file_no}
        async with self.db.connection() as connection:
            await self._collecting(connection, owner, draft_id, lock=False)
            # looked at before a byte is kept: what was not announced fills no disk
            if not _goes_on(await rows(connection, QUERIES.file_at, where), file_no, offset_bytes, part):
                return FileView(*(await rows(connection, QUERIES.file_at, where))[0])
        # the bytes first: a row never names what is not there; a blob that no row names goes with its draft
        blob = await self.blobs.put(part, media_type="application/octet-stream", namespace=upload_namespace(draft_id))
        async with self.db.transaction() as tx:
            await self._collecting(tx, owner, draft_id)
            found = await rows(tx, QUERIES.lock_file, where)
            goes_on = _goes_on(found, file_no, offset_bytes, part)
            file, ends = FileView(*found[0]), offset_bytes + len(part)
            if not goes_on:
                return file
            size = {"size_bytes": len(part)}
            await tx.execute(QUERIES.add_chunk, {**where, **size, "offset_bytes": offset_bytes, "blob": blob})
            await tx.execute(QUERIES.count_received, {**where, **size})
        return FileView(file.file_no, file.name, file.size_bytes, ends)

    async def remove_file(self, owner: str, draft_id: str, file_no: int) -> None:
        """raises NoSuchDraft, NoSuchFile, WrongMoment"""
        where = {"draft_id": draft_id, "file_no": file_no}
        async with self.db.transaction() as tx:
            await self._collecting(tx, owner, draft_id)
            alone = [blob for (blob,) in await rows(tx, QUERIES.chunks_alone, where)]
            if await scalar(tx, QUERIES.delete_file, where) is None:
                raise NoSuchFile(file_no)
        await self.blobs.erase_keys(alone)

    # --- pages ------------------------------------------------------------------------------------------------------

    async def read_in(self, owner: str, draft_id: str) -> None:
        """Has the files imported by a reading process. raises NoSuchDraft, WrongMoment, UploadUnfinished"""
        async with self.db.transaction() as tx:
            row = await self._lock(tx, owner, draft_id)
            if row.state == "importing":
                return
            if missing := await scalar(tx, QUERIES.unfinished_files, {"draft_id": draft_id}):
                raise UploadUnfinished(missing)
            await self._move(tx, row, "import")
            import_no = await scalar(tx, QUERIES.begin_import, {"draft_id": draft_id})
            await enqueue(tx, TAKE_IN, queue=INTAKE_QUEUE, args={"draft_id": draft_id, "import_no": import_no})

    async def reopen(self, owner: str, draft_id: str) -> None:
        """Takes more files into a draft whose pages were read in. raises NoSuchDraft, WrongMoment"""
        async with self.db.transaction() as tx:
            row = await self._lock(tx, owner, draft_id)
            if row.state != "collecting":
                await self._move(tx, row, "reopen")

    # --- wish, quote, launch ----------------------------------------------------------------------------------------

    async def wish(self, owner: str, draft_id: str, wish: Wish) -> None:
        """Keeps what is wished. raises NoSuchDraft, WrongMoment"""
        wish = msgspec.structs.replace(wish, title=_title(wish.title))
        async with self.db.transaction() as tx:
            row = await self._lock(tx, owner, draft_id)
            if row.state == "launched":
                raise WrongMoment(row.state, "changed", CURES["reopen"])
            values = {"draft_id": draft_id, "title": wish.title, "wish": msgspec.json.encode(wish)}
            await tx.execute(QUERIES.set_wish, {**values, "now_ms": self.clock()})

    async def put_questions(self, owner: str, draft_id: str, sheet: Sheet, name: str, raw: bytes) -> QuestionsLine:
        """Keeps a table of claims, or of a ledger's lines, in place of an earlier one.

        raises  NoSuchDraft, WrongMoment, BadQuestions naming rows and columns
        """
        asked = await asyncio.to_thread(read_questions, raw, sheet)
        name = re.sub(r"[\x00-\x1f\x7f]+", " ", name).strip()[:NAME_CHARS_MAX]
        async with self.db.transaction() as tx:
            row = await self._lock(tx, owner, draft_id)
            if row.state == "launched":
                raise WrongMoment(row.state, "changed", CURES["reopen"])
            if row.documents is not None:
                asked.check_pages((one.doc_id, page.page_no) for one in row.taken_in() for page in one.pages)
            values = {"draft_id": draft_id, "name": name, "now_ms": self.clock()}
            await tx.execute(QUERIES.set_questions, {**values, "questions": msgspec.json.encode(asked)})
        return _line_of(asked, name)

    async def drop_questions(self, owner: str, draft_id: str) -> None:
        """Forgets the table of questions. raises NoSuchDraft, WrongMoment"""
        async with self.db.transaction() as tx:
            row = await self._lock(tx, owner, draft_id)
            if row.state == "launched":
                raise WrongMoment(row.state, "changed", CURES["reopen"])
            values = {"draft_id": draft_id, "name": "", "questions": None, "now_ms": self.clock()}
            await tx.execute(QUERIES.set_questions, values)

    async def quote(self, owner: str, draft_id: str, *, tryout: bool = False) -> Quoted:
        """What the launcher would ask for it, worked out by the launcher's own plan; nothing is stored.

        raises  NoSuchDraft, WrongMoment, BadManifest naming the field
        """
        async with self.db.connection() as connection:
            row = await self._read(connection, owner, draft_id)
            documents = await self._documents(connection, row, tryout=tryout)
        wish, now_ms = row.wished(), self.clock()
        options = options_of(wish, owner=owner, request_key=_key(draft_id, tryout), tryout=tryout)
        planned = plan(documents, options, policy=self.launcher.policy, job_id="quote", now_ms=now_ms)
        quote = planned.quote
        purse = None if self.launcher.purses is None else await self.launcher.purses.of(owner, wish.currency)
        free_minor = None if purse is None or purse.exempt else purse.free_minor
        return Quoted(
            currency=quote.currency,
            exponent=_exponent(quote),
            lines=quote.lines,
            expected_minor=quote.expected_minor,
            total_minor=quote.total_minor,
            reward_minor_per_answer=quote.reward_minor_per_answer,
            effort_ms_per_answer=quote.effort_ms_per_answer,
            rests_on=quote.rests_on,
            documents=len(documents),
            pages=sum(len(document.pages) for document in documents),
            workers_needed=planned.workers_needed,
            budget_minor=options.budget_minor,
            above_budget=options.budget_minor is not None and options.budget_minor < quote.total_minor,
            forecast=forecast_of(
                quote,
                wish,
                [document.kind for document in documents],
                pace=await self.pace(),
                now_ms=now_ms,
                tryout=tryout,
            ),
            free_minor=free_minor,
            short_minor=0 if free_minor is None else max(0, quote.total_minor - free_minor),
            daily_cap=planned.daily_cap,
        )

    async def launch(self, owner: str, draft_id: str, *, agreed_minor: int, tryout: bool = False) -> JobView:
        """Launches the draft, or ten pieces of it, for the figure agreed to. Twice is once.

        The draft names its job before the launcher is asked to go on: whatever dies in between, the next call finds it.
        raises  NoSuchDraft, WrongMoment, QuoteChanged, BadManifest, and what the launcher refuses
        """
        async with self.db.connection() as connection:
            row = await self._read(connection, owner, draft_id)
            known = row.tryout_job_id if tryout else row.job_id
            if known is not None:
                view = await self.launcher.view(known)
                if view.state != "refused":
                    return await self.launcher.approve(known)
            if row.state != "ready" and not (row.state == "launched" and known is not None):
                raise WrongMoment(row.state, "launched", CURES["launch"])
            documents = await self._documents(connection, row, tryout=tryout)
        wish = row.wished()
        key = _key(draft_id, tryout) + (
            ":" + digest("wish", row.import_no, row.wish, row.questions or b"") if tryout else ""
        )
        options = options_of(wish, owner=owner, request_key=key, tryout=tryout)
        planned = plan(documents, options, policy=self.launcher.policy, job_id="quote", now_ms=self.clock())
        if planned.quote.total_minor != agreed_minor:
            raise QuoteChanged(agreed_minor=agreed_minor, quoted_minor=planned.quote.total_minor)
        job_id = (await self.launcher.draft(documents, options)).job_id
        where = {"draft_id": draft_id, "job_id": job_id, "now_ms": self.clock()}
        async with self.db.transaction() as tx:
            await tx.execute(QUERIES.set_tryout if tryout else QUERIES.launch, where)
            if wish.deadline_ms is not None and not tryout:
                deadline = {"owner": owner, "deadline_ms": wish.deadline_ms, "stop": wish.stop_at_deadline}
                await tx.execute(QUERIES.put_deadline, {"job_id": job_id, **deadline})
        try:
            view = await self.launcher.approve(job_id)
        except ManyhandsError:
            await self.take_back(owner, draft_id)
            raise
        if not tryout:
            await self.blobs.erase(upload_namespace(draft_id))
        return view

    async def take_back(self, owner: str, draft_id: str) -> None:
        """Opens a draft again whose job was refused, so that it may be wished otherwise. raises NoSuchDraft"""
        async with self.db.connection() as connection:
            row = await self._read(connection, owner, draft_id)
        refused = {
            job_id
            for job_id in (row.job_id, row.tryout_job_id)
            if job_id is not None and (await self.launcher.view(job_id)).state == "refused"
        }
        async with self.db.transaction() as tx:
            row = await self._lock(tx, owner, draft_id)
            if row.job_id in refused:
                await tx.execute(QUERIES.unlaunch, {"draft_id": draft_id, "now_ms": self.clock()})
            if row.tryout_job_id in refused:
                await tx.execute(QUERIES.set_tryout, {"draft_id": draft_id, "job_id": None, "now_ms": self.clock()})

    async def finish_launches(self) -> None:
        """Asks the launcher again for drafts that were agreed to and whose process died before it went on."""
        now_ms = self.clock()
        window = {"after_ms": now_ms - 3_600_000, "before_ms": now_ms - 10_000}
        async with self.db.connection() as connection:
            found = await rows(connection, QUERIES.launched_lately, window)
        for owner, draft_id, job_id in found:
            if not (view := await self.launcher.view(job_id)).approved and view.state == "quoted":
                try:
                    await self.launcher.approve(job_id)
                except ManyhandsError:
                    await self.take_back(owner, draft_id)

    # --- small things -----------------------------------------------------------------------------------------------

    async def _documents(self, tx: Tx, row: DraftRow, *, tryout: bool) -> list[ImportedDocumentRef]:
        wish = row.wished()
        ink: dict[tuple[str, int], list[InkLine]] = {}
        if wish.regions:
            where = {"draft_id": row.draft_id, "import_no": row.import_no}
            for doc_id, page_no, raw in await rows(tx, QUERIES.ink_of, where):
                ink[doc_id, page_no] = msgspec.json.decode(raw, type=list[InkLine])
        return documents_for(row.taken_in(), wish, ink, tryout=tryout, questions=row.asked())

    async def _read(self, tx: Tx, owner: str, draft_id: str) -> DraftRow:
        row = await row_of(tx, DraftRow, QUERIES.draft_of, {"draft_id": draft_id, "owner": owner})
        if row is None:
            raise NoSuchDraft(draft_id)
        return row

    async def _lock(self, tx: Tx, owner: str, draft_id: str) -> DraftRow:
        row = await row_of(tx, DraftRow, QUERIES.lock_draft, {"draft_id": draft_id, "owner": owner})
        if row is None:
            raise NoSuchDraft(draft_id)
        return row

    async def _collecting(self, tx: Tx, owner: str, draft_id: str, *, lock: bool = True) -> None:
        row = await (self._lock if lock else self._read)(tx, owner, draft_id)
        if row.state != "collecting":
            raise WrongMoment(row.state, "given more files", CURES["add"])

    async def _move(self, tx: Tx, row: DraftRow, verb: str) -> None:
        values = {"draft_id": row.draft_id, "verb": verb, "now_ms": self.clock()}
        if await scalar(tx, QUERIES.move, values) is None:
            raise WrongMoment(row.state, f"{verb}ed", CURES.get(verb, ""))


def first_wish(title: str, policy: LaunchPolicy) -> Wish:
    """What a draft begins with: paid in the first token here, at one and a half times its fair floor."""
    code = next(iter(policy.currencies))
    floor_minor = policy.fair_floor_per_hour_minor.get(code, 1)
    return Wish(title=title, currency=code, per_hour_minor=-(-floor_minor * 3 // 2))


def _line_of(asked: Questions, name: str) -> QuestionsLine:
    return QuestionsLine(asked.sheet, name, asked.count, asked.known, asked.twice)


def upload_namespace(draft_id: str) -> str:
    """Where the parts of a draft's files lie among the blobs."""
    return f"upload-{draft_id}"


def _goes_on(found: Sequence[tuple[Any, ...]], file_no: int, offset_bytes: int, part: bytes) -> bool:
    """Whether a part goes on where the file's parts end; False = it is here already.

    raises  NoSuchFile, OutOfStep, TooMuchData
    """
    if not found:
        raise NoSuchFile(file_no)
    file, ends = FileView(*found[0]), offset_bytes + len(part)
    if not part or ends <= file.received_bytes:
        return False
    if offset_bytes != file.received_bytes:
        raise OutOfStep(received_bytes=file.received_bytes, offset_bytes=offset_bytes)
    if ends > file.size_bytes:
        raise MoreThanAnnounced(file.name, file.size_bytes)
    return True


def clean_name(name: str) -> str:
    """A file's name as its owner calls it, folders with slashes. raises BadFileName

    >>> clean_name("march\\\\scan 1.png"), clean_name("./a/b.pdf")
    ('march/scan 1.png', 'a/b.pdf')
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    joined = "/".join(parts)
    if not joined or len(joined) > NAME_CHARS_MAX:
        raise BadFileName(name, f"is empty or longer than {NAME_CHARS_MAX} signs")
    if any(part == ".." for part in parts) or re.search(r"[\x00-\x1f\x7f]", joined):
        raise BadFileName(name, "leads out of its folder or holds signs that cannot be shown")
    if any(part.startswith(".") for part in parts):
        raise BadFileName(name, "is hidden (begins with a dot)")
    return joined


def _title(title: str) -> str:
    kept = re.sub(r"[\x00-\x1f\x7f]+", " ", title).strip()[:200]
    if not kept:
        raise BadManifest("title", "is empty: workers see it before they accept")
    return kept


def _key(draft_id: str, tryout: bool) -> str:
    return f"desk:{draft_id}:{'tryout' if tryout else 'job'}"


def _exponent(quote: Quote) -> int:
    return quote.total.currency.exponent
