"""From a folder of strangers' files to pages in the blob store, with everything that was refused and why.

Rules kept here
- A refused file never stops the others, and never costs anything.
- Pages are stored under a namespace of their own content, so that importing a folder twice stores it once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from manyhands.apps.questions import PageQuestion, known_of
from manyhands.documents.estimate import ink_of
from manyhands.documents.importing import ImportedDocument, ImportedPage, ImportRefused, import_folder
from manyhands.documents.ink import InkLine, estimate_of
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.ids import digest
from manyhands.roles.launcher.values import ImportedDocumentRef, ImportedPageRef
from manyhands.store.blobs import BlobStore

Fit = Callable[[str, str], None]
"""Called with a document's id and its kind before anything of it is kept."""

Seen = Callable[[str], None]
"""Is given the name of each document or refused file as it is done."""

PageSeen = Callable[[ImportedDocument, ImportedPage, ImportedPageRef, list[InkLine]], Awaitable[None]]
"""Is given every page once it is stored, with its pixels and where its ink stands."""

PAGES = "pages"
TRUTH = "truth"
JSON = "application/json"


class NothingToLaunch(ManyhandsError):
    """No file of the folder can be worked on."""

    def __init__(self, folder: Path, refused: tuple[ImportRefused, ...]) -> None:
        self.folder, self.refused = folder, refused
        why = "; ".join(str(one) for one in refused[:3]) or "it is empty"
        super().__init__(
            f"nothing in {folder} can be worked on: {why}",
            cure="Put scans (PNG, JPEG, TIFF), PDFs or photos of the documents into the folder.",
        )


@dataclass(frozen=True)
class Intake:
    """What came in. refused files are named with reason and cure."""

    documents: tuple[ImportedDocumentRef, ...]
    refused: tuple[ImportRefused, ...]

    @property
    def pages(self) -> int:
        return sum(len(document.pages) for document in self.documents)


async def take_in(
    folder: Path,
    blobs: BlobStore,
    *,
    kind: str | None = None,
    truths: Mapping[str, bytes] | None = None,
    questions: Mapping[str, Mapping[int, tuple[PageQuestion, ...]]] | None = None,
    seen: Seen = lambda _: None,
    page_seen: PageSeen | None = None,
    fit: Fit = lambda doc_id, kind: None,
) -> Intake:
    """Imports every file of a folder in a locked-in child and stores its pages.

    kind    the requester's word for all documents, None = by their look
    truths  document id -> known record, for the holdback
    questions  document id -> page number -> questions about that page; only documents with one are taken then
    fit     raises what is wrong with a document of this kind: the first one ends the import, not the last
    raises  NothingToLaunch when no file is left, and whatever `fit` does
    """
    documents: list[ImportedDocumentRef] = []
    refused: list[ImportRefused] = []
    queue: asyncio.Queue[ImportedDocument | ImportRefused | None] = asyncio.Queue(maxsize=2)
    loop = asyncio.get_running_loop()

    ended = threading.Event()

    def read() -> None:
        for item in import_folder(folder):
            if ended.is_set():
                break
            asyncio.run_coroutine_threadsafe(queue.put(item), loop).result()

    async def feed() -> None:
        try:
            await asyncio.to_thread(read)
        finally:
            await queue.put(None)

    feeder = asyncio.create_task(feed(), name="import")
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, ImportRefused):
                refused.append(item)
                seen(item.file_name)
                continue
            if questions is not None and item.doc_id not in questions:
                continue
            fit(item.doc_id, kind or item.kind)
            own = (questions or {}).get(item.doc_id, {})
            documents.append(await _store(item, blobs, kind, (truths or {}).get(item.doc_id), page_seen, own))
            seen(item.doc_id)
    except BaseException:
        ended.set()  # the reading thread ends after the file at hand, whose pages nobody takes any more
        while await queue.get() is not None:
            pass
        raise
    await feeder
    if not documents:
        raise NothingToLaunch(folder, tuple(refused))
    return Intake(tuple(documents), tuple(refused))


async def _store(
    document: ImportedDocument,
    blobs: BlobStore,
    kind: str | None,
    truth: bytes | None,
    page_seen: PageSeen | None,
    questions: Mapping[int, tuple[PageQuestion, ...]],
) -> ImportedDocumentRef:
    pages: list[ImportedPageRef] = []
    for page in document.pages:
        ink = await asyncio.to_thread(ink_of, page.png_bytes)
        estimate = estimate_of(ink)
        stored = ImportedPageRef(
            page_no=page.page_no,
            blob=await blobs.put(page.png_bytes, namespace=PAGES, media_type="image/png"),
            width=page.width,
            height=page.height,
            pieces=estimate.pieces,
            pieces_max=estimate.pieces_max,
            chars_per_piece=-(-estimate.chars // estimate.pieces) if estimate.pieces else 0,
            text_blob=(
                await blobs.put(msgspec.json.encode(page.text_layer), namespace=PAGES, media_type=JSON)
                if page.text_layer
                else ""
            ),
            questions=tuple(one.text for one in questions.get(page.page_no, ())),
            known=known_of(questions.get(page.page_no, ())),
        )
        pages.append(stored)
        if page_seen is not None:
            await page_seen(document, page, stored, ink)
    return ImportedDocumentRef(
        doc_id=document.doc_id,
        kind=kind or document.kind,
        content_hash=digest(
            *(page.blob for page in pages),
            *(page.text_blob for page in pages if page.text_blob),
            *(question for page in pages for question in page.questions),
            *(told for page in pages for told in page.known if told),
        ),
        pages=tuple(pages),
        truth_blob=await blobs.put(truth, namespace=TRUTH, media_type=JSON) if truth else "",
    )
