"""The finished records: pieces go back into their pages, pages into documents, documents into one package.

Rules kept here
- Heavy work runs in a thread of a worker process; the job's row decides, under its lock, which package counts.
- Everything that people decided says how many stand behind it. No raw posterior is called a confidence.
- A piece that nobody could read, or that was withdrawn, is delivered as such, never as an empty text that looks read.

In the package (a zip): NAME.json, NAME.pdf (searchable), NAME.view.html (the page with every value and its reason),
NAME.hocr.html and NAME.alto.xml per document, tables/*.csv, fields.csv, results.xlsx, answers.csv (verdicts on claims,
ledger lines and places of fields, where any were asked), exposure.json (what each worker saw of a page), quality.json
(confidence against known pieces, signs), audit.json (what a sample showed of the pieces that nobody saw, where the job
asked for that), and package.json with the size and sha-256 of each of them.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import msgspec

from manyhands.protocol import canonical
from manyhands.protocol.evidence import BatchEvidence
from manyhands.protocol.ids import digest
from manyhands.protocol.manifest import Manifest
from manyhands.protocol.messages import JobRecorded, ResultsAssembled
from manyhands.roles import RoleContext
from manyhands.store.database import Tx, rows, rows_of, scalar
from manyhands.store.jobs import enqueue
from manyhands.store.sql import load_queries
from manyhands.task_types.several import because_of_part

from .alikes import BECAUSE as ALIKE_BECAUSE
from .alikes import believed_text
from .auditing import AUDIT_NAME, audit_file, plans_of
from .collecting import Collecting
from .decisions import (
    PiecePlan,
    again_task_id_of,
    areas_of,
    choose_task_id_of,
    json_list,
    known_choice_id_of,
    task_id_of,
)
from .errors import NotYours, OutOfOrder
from .opening import FIELD_CHOICE, PageRow, lock_job

if TYPE_CHECKING:
    from manyhands.documents.model import Box, Chosen, Decision, DocumentRecord, PageRecord
    from manyhands.task_types.measured import Measured

QUERIES = load_queries("manyhands.roles.exchange")

ASSEMBLY_QUEUE = "assembly"
ASSEMBLE_JOB = "exchange.assemble_job"
INDEX_NAME = "package.json"
ANSWERS_NAME = "answers.csv"
ANSWER_HEADINGS = (
    "doc_id", "page", "form", "question", "verdict", "value", "x0_permille", "y0_permille", "x1_permille",
    "y1_permille", "confidence_bp", "people_asked", "because", "proof",
)  # fmt: skip
UNSETTLED = "people could not settle it"
FOUND = "found"
KNOWN_BEFORE = "you knew it: nobody was asked for its own sake"
EXPOSURE_NAME = "exposure.json"
QUALITY_NAME = "quality.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same package has the same bytes

MEDIA_TYPES = {
    "json": "application/json",
    "pdf": "application/pdf",
    "html": "text/html",
    "xml": "application/xml",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ResultFile(msgspec.Struct, frozen=True):
    """One file of a package."""

    name: str
    size_bytes: int
    sha256: str
    media_type: str


class DecidedTask(msgspec.Struct, frozen=True):
    """The final word on one piece that people were asked about."""

    piece_id: str
    task_id: str
    state: str
    value: str | None
    confidence_bp: int | None
    support: int | None
    because: str | None
    decided_batch: int | None
    gold: bool


class Results:
    """Assembling and delivering."""

    def __init__(self, ctx: RoleContext, collecting: Collecting) -> None:
        self._ctx, self._collecting = ctx, collecting
        ctx.jobs.task(ASSEMBLE_JOB)(self.assemble_job)

    async def job_recorded(self, tx: Tx, sender: str, body: JobRecorded) -> None:
        """Every task has its final word: the records are to be put together."""
        job = await lock_job(tx, body.job_id)
        if sender != job.recording:
            raise NotYours(body.job_id, sender, "recording oracle")
        if job.state in ("open", "cancelling") and body.short_of_funds:
            # the recording oracle can reserve no more: what is decided is delivered, the rest is given up
            if job.state == "open":
                await self._collecting.withdraw_all(tx, job, because="the job's funds are used up")
            await tx.execute(QUERIES.set_state, {"job_id": job.job_id, "state": job.after("finish")})
            job = await lock_job(tx, body.job_id)
        if job.state != "finishing":
            raise OutOfOrder(body.job_id, "JobRecorded", f"the job is {job.state}")
        await tx.execute(
            QUERIES.set_recorded, {"job_id": job.job_id, "state": job.after("record"), "now_ms": self._ctx.clock()}
        )
        await enqueue(tx, ASSEMBLE_JOB, queue=ASSEMBLY_QUEUE, args={"job_id": job.job_id})

    async def assemble_job(self, job_id: str) -> None:
        """Puts the package together and tells the reputation oracle. Twice has one effect."""
        async with self._ctx.db.connection() as connection:
            state = await scalar(connection, "select state from exchange.jobs where job_id = %s", (job_id,))
            if state != "recorded":
                return
            where = {"job_id": job_id}
            pages = await rows_of(connection, PageRow, QUERIES.pages_of, where)
            decided = await rows_of(connection, DecidedTask, QUERIES.decided_tasks, where)
            manifest = canonical.decode(
                await scalar(connection, "select manifest from exchange.jobs where job_id = %s", (job_id,)),
                Manifest,
                what="manifest",
            )
            given = await rows(connection, QUERIES.answers_of_pieces, where)
            shown: dict[str, set[str]] = {}
            for worker, piece_id in await rows(connection, QUERIES.pieces_shown, where):
                # whom a name in the package stands for is nobody's business but the exchange's
                shown.setdefault(digest("exposure", job_id, worker)[:12], set()).add(piece_id)
            evidence = [
                blob
                for (blob,) in await rows(
                    connection,
                    "select evidence_blob from exchange.batches where job_id = %s order by batch_no",
                    (job_id,),
                )
            ]
        batches = [canonical.decode(await self._ctx.blobs.get(one), BatchEvidence, what="evidence") for one in evidence]
        shown = {name: pieces_of_asks(pages, ids) for name, ids in shown.items()}
        answers = answers_of_parts(given, pages, job_id)
        measured = await asyncio.to_thread(measured_of, manifest, batches)
        decided = unfolded(with_confidences(decided, measured), pages, job_id)
        files = await asyncio.to_thread(record_files, pages, decided, answers, manifest)
        files.files[EXPOSURE_NAME] = await asyncio.to_thread(exposure_file, pages, decided, shown, manifest)
        audit = await asyncio.to_thread(lambda: audit_file(plans_of(pages), decided, manifest))
        if audit is not None:
            files.files[AUDIT_NAME] = audit
        files.files[QUALITY_NAME] = quality_file(measured, batches, decided)
        for doc_id, record in files.documents.items():
            images = {page.page_no: await self._ctx.blobs.get(page.blob) for page in pages if page.doc_id == doc_id}
            files.files |= await asyncio.to_thread(page_files, record, images)
        package = await asyncio.to_thread(zip_package, files.files)
        blob = await self._ctx.blobs.put(package, media_type="application/zip", namespace=job_id)
        package_hash = hashlib.sha256(package).hexdigest()

        async def store(tx: Tx) -> None:
            job = await lock_job(tx, job_id)
            if job.state != "recorded":
                return
            values = {"job_id": job_id, "state": job.after("assemble")}
            await tx.execute(QUERIES.set_assembled, {**values, "package_blob": blob, "package_hash": package_hash})
            body = ResultsAssembled(
                job_id=job_id, package_blob=blob, package_hash=package_hash, evidence_blobs=tuple(evidence)
            )
            await self._ctx.send(tx, body, to_role="reputation", to=job.reputation)

        await self._ctx.db.retrying(store)

    async def files(self, job_id: str) -> list[ResultFile] | None:
        """The files of a job's package, None when there is none (yet)."""
        package = await self._package(job_id)
        return None if package is None else list(await asyncio.to_thread(_index_of, package))

    async def file(self, job_id: str, name: str) -> tuple[bytes, str] | None:
        """One file of the package and its media type, None when there is none of that name."""
        package = await self._package(job_id)
        if package is None:
            return None
        raw = await asyncio.to_thread(_read_file, package, name)
        return None if raw is None else (raw, _media_type(name))

    async def _package(self, job_id: str) -> bytes | None:
        async with self._ctx.db.connection() as connection:
            blob = await scalar(connection, "select package_blob from exchange.jobs where job_id = %s", (job_id,))
        return None if blob is None else await self._ctx.blobs.get(blob)


class RecordFiles(msgspec.Struct):
    """Files by name, and the records they were written from."""

    files: dict[str, bytes]
    documents: dict[str, Any]


def page_record(
    page: PageRow, decided: Mapping[str, DecidedTask], answers: Mapping[str, Sequence[str]], *, pages_of_document: int
) -> PageRecord:
    """All that is known of a page."""
    from manyhands.documents.model import PageImage, PageReadings, PageRecord, PieceRecord

    plans = msgspec.json.decode(page.pieces or b"[]", type=list[PiecePlan])
    readings = msgspec.json.decode(page.readings, type=PageReadings) if page.readings is not None else None
    image = f"{page.doc_id}.png" if pages_of_document == 1 else f"{page.doc_id}-p{page.page_no}.png"
    return PageRecord(
        doc_id=page.doc_id,
        page=PageImage(page.page_no, page.width_px, page.height_px, image=image),
        pieces=tuple(
            PieceRecord(
                plan.piece,
                decision_of(plan, decided.get(plan.piece.piece_id), answers, alike=believed_text(plan, decided)),
            )
            for plan in plans
        ),
        tables=readings.tables if readings is not None else (),
        readers=readings.readers if readings is not None else (),
        straight=readings.straight if readings is not None else None,
    )


def decision_of(
    plan: PiecePlan, task: DecidedTask | None, answers: Mapping[str, Sequence[str]], *, alike: str | None = None
) -> Decision:
    """What is believed of a piece, and why.

    task   the last word on it, None when nobody was asked
    alike  what a person's word on its look-alike lets believe of it, None = nothing
    """
    from manyhands.documents.model import Decision

    if alike is not None and (task is None or task.state != "accepted"):
        return Decision("machine", alike, ALIKE_BECAUSE)
    if plan.unseen is not None and (task is None or task.state != "accepted"):
        return Decision("machine" if plan.unseen else "blank", plan.unseen, plan.because)
    if plan.reserve and (task is None or task.state not in ("accepted", "unreadable")):
        return Decision("machine", plan.known or "", plan.because)
    if plan.left_out and task is None:
        return Decision("open", "", "it lies outside of what was asked for")
    given = tuple(answers.get(plan.piece.piece_id, ()))
    proof = f"batch {task.decided_batch}" if task is not None and task.decided_batch is not None else ""
    because = (task.because if task is not None else None) or ""
    if task is not None and task.state == "accepted":
        return Decision(
            "people",
            task.value or "",
            because,
            confidence_bp=task.confidence_bp,
            people_asked=len(given),
            answers=given,
            proof=proof,
        )
    if task is not None and task.state == "unreadable":
        return Decision("unreadable", "", because, people_asked=len(given), answers=given, proof=proof)
    reason = "it was withdrawn before people agreed" if task is not None else "nobody was asked about it"
    return Decision("open", "", reason, people_asked=len(given), answers=given)


def last_words(decided: Sequence[DecidedTask], job_id: str) -> dict[str, DecidedTask]:
    """piece id -> the word that counts: a second round's, where it came to one."""
    last: dict[str, DecidedTask] = {}

    def turn(task: DecidedTask) -> int:
        if task.task_id == choose_task_id_of(job_id, task.piece_id):
            return 0
        return 2 if task.task_id == again_task_id_of(job_id, task.piece_id) else 1

    # choices of readings first, then what was keyed; then the second round's words that people agreed on
    for task in sorted(without_made(decided, job_id), key=turn):
        held = last.get(task.piece_id)
        if held is None or task.state == "accepted" or (turn(held) == 0 and held.state != "accepted"):
            last[task.piece_id] = task
    return last


def without_made(decided: Sequence[DecidedTask], job_id: str) -> list[DecidedTask]:
    """The tasks but for choices that were made of believed pieces to measure people: they say nothing of the piece."""
    return [task for task in decided if task.task_id != known_choice_id_of(job_id, task.piece_id)]


def unfolded(decided: Sequence[DecidedTask], pages: Sequence[PageRow], job_id: str) -> list[DecidedTask]:
    """The words on tasks, those on questions put together taken apart: one on each ask or piece that they are about.

    Of what was made to measure people there is none: it says nothing of any piece.
    """
    together = {ask.ask_id: ask for page in pages for ask in page.asked() if ask.parts}
    told: list[DecidedTask] = []
    for task in decided:
        ask = together.get(task.piece_id)
        if ask is None:
            told.append(task)
            continue
        if ask.made:
            continue
        values = json_list(task.value) if task.state == "accepted" else ()
        for n, part in enumerate(ask.parts):
            value = values[n] if n < len(values) else None
            state = "unreadable" if task.state == "accepted" and value is None else task.state
            told.append(
                msgspec.structs.replace(
                    task,
                    piece_id=part,
                    task_id=task_id_of(job_id, part) if ask.choice is not None else choose_task_id_of(job_id, part),
                    state=state,
                    value=value,
                    confidence_bp=task.confidence_bp if state == "accepted" else None,
                    because=because_of_part(task.because or "", n),
                )
            )
    return told


def answers_of_parts(
    given: Sequence[tuple[str, str, str | None]], pages: Sequence[PageRow], job_id: str
) -> dict[str, list[str]]:
    """What people answered, by piece or ask; "" = they could not. given: (piece, task, answer) in order"""
    together = {ask.ask_id: ask for page in pages for ask in page.asked() if ask.parts}
    answers: dict[str, list[str]] = {}
    for piece_id, task_id, text in given:
        ask = together.get(piece_id)
        if task_id == known_choice_id_of(job_id, piece_id) or (ask is not None and ask.made):
            continue
        if ask is None:
            answers.setdefault(piece_id, []).append(text or "")
            continue
        said = json_list(text)
        for n, part in enumerate(ask.parts):
            answers.setdefault(part, []).append((said[n] if n < len(said) else None) or "")
    return answers


def draft_records(
    pages: Sequence[PageRow],
    decided: Sequence[DecidedTask],
    answers: Mapping[str, Sequence[str]],
    manifest: Manifest,
) -> dict[str, DocumentRecord]:
    """Every document of a job as far as it is decided, by id; for a thread."""
    from manyhands.documents.assemble import assemble
    from manyhands.documents.fields import kind_spec_of

    specs = {
        name: kind_spec_of(text) for name, text in (manifest.kinds.items() if isinstance(manifest.kinds, dict) else ())
    }
    last = last_words(decided, manifest.job_id)
    of_document: dict[str, list[PageRow]] = {}
    for page in pages:
        of_document.setdefault(page.doc_id, []).append(page)
    documents: dict[str, DocumentRecord] = {}
    for doc_id, own in of_document.items():
        records = [page_record(page, last, answers, pages_of_document=len(own)) for page in own]
        chosen = chosen_fields(own, last, answers) if manifest.task_type == FIELD_CHOICE else None
        documents[doc_id] = assemble(
            doc_id,
            own[0].kind,
            records,
            spec=specs.get(own[0].kind),
            allow_open=True,
            chosen=chosen,
            drawn=areas_of(manifest.scope),
        )
    return documents


def chosen_fields(
    pages: Sequence[PageRow], last: Mapping[str, DecidedTask], answers: Mapping[str, Sequence[str]]
) -> dict[str, Chosen]:
    """Where people say that a document's fields stand, by field name. pages: of one document"""
    from manyhands.documents.choices import pieces_chosen
    from manyhands.documents.model import Chosen

    chosen: dict[str, Chosen] = {}
    for page in pages:
        for ask in page.asked():
            task = last.get(ask.ask_id)
            if ask.choice is None or ask.made or task is None or task.state != "accepted":
                continue
            people = len(answers.get(ask.ask_id, ())) or task.support or 0
            places = pieces_chosen(ask.choice, task.value)
            if not places and ask.choice.field in chosen:
                continue  # it was found on another page
            chosen[ask.choice.field] = Chosen(places, people, f"place: {task.because}", task.confidence_bp)
    return chosen


def pieces_of_asks(pages: Sequence[PageRow], shown: Set[str]) -> set[str]:
    """What a worker saw, in pieces: of a choice all that its picture holds, of lines put together each of them."""
    asked = [ask for page in pages for ask in page.asked() if ask.ask_id in shown]
    places = {piece for ask in asked if ask.choice is not None for piece in ask.choice.shown}
    return set(shown) | places | {piece for ask in asked if ask.choice is None for piece in ask.parts}


def answers_csv(
    pages: Sequence[PageRow],
    last: Mapping[str, DecidedTask],
    answers: Mapping[str, Sequence[str]],
    documents: Mapping[str, DocumentRecord],
) -> bytes | None:
    """Every question of options with its verdict; None when there was none.

    Of a page: with the place marked. Of a field: with the value that was keyed there, and how both were decided.
    """
    from manyhands.documents.writers.tables import safe_csv_text
    from manyhands.task_types.asked import asked_of
    from manyhands.task_types.verify_claim import place_of

    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(ANSWER_HEADINGS)
    count = 0
    for page in pages:
        fields = {field.name: field for field in documents[page.doc_id].fields}
        for ask in page.asked():
            asked, task = asked_of(ask.question), last.get(ask.ask_id)
            if ask.made or ask.parts or asked is None or (ask.after and task is None):
                continue
            count += 1
            said = (task.value or "") if task is not None and task.state == "accepted" else ""
            proof = f"batch {task.decided_batch}" if task is not None and task.decided_batch is not None else ""
            because = (task.because or "") if task is not None else "nobody was asked"
            confidence_bp = task.confidence_bp if task is not None and said else None
            if ask.known and ask.views and not said:
                said, because = ask.known[0], KNOWN_BEFORE
            place: tuple[Any, ...] = place_of(said) or ("", "", "", "")
            verdict, value = asked.task_type.key(said) if said else UNSETTLED, ""
            question = asked.question.prompt
            if ask.choice is not None:
                question = ask.choice.field
                own = {piece for places in ask.choice.places for piece in places}
                if (field := fields.get(question)) is not None and own & set(field.pieces):
                    verdict, value, confidence_bp, because = FOUND, field.value, field.confidence_bp, field.because
                    place = _permille(field.box, page)
            told = "" if confidence_bp is None else confidence_bp
            row = (
                page.doc_id, page.page_no, ask.question.partition(" ")[0], question, verdict, value, *place, told,
                len(answers.get(ask.ask_id, ())), because, proof,
            )  # fmt: skip
            table.writerow([safe_csv_text(str(one)) for one in row])
    return out.getvalue().encode() if count else None


def _permille(box: Box, page: PageRow) -> tuple[int, int, int, int]:
    """A box in thousandths of its page's width and height."""
    return (
        1_000 * box.x0 // page.width_px,
        1_000 * box.y0 // page.height_px,
        1_000 * box.x1 // page.width_px,
        1_000 * box.y1 // page.height_px,
    )


def record_files(
    pages: Sequence[PageRow],
    decided: Sequence[DecidedTask],
    answers: Mapping[str, Sequence[str]],
    manifest: Manifest,
) -> RecordFiles:
    """Every file but the PDFs; for a thread."""
    from manyhands.documents.writers.alto import alto_xml
    from manyhands.documents.writers.hocr import hocr_html
    from manyhands.documents.writers.record_json import record_json
    from manyhands.documents.writers.tables import fields_csv, table_csv, workbook

    documents = draft_records(pages, decided, answers, manifest)
    files: dict[str, bytes] = {}
    for doc_id, record in documents.items():
        name = file_name(doc_id)
        files[f"{name}.json"] = record_json(record)
        files[f"{name}.hocr.html"] = hocr_html(record)
        files[f"{name}.alto.xml"] = alto_xml(record)
        for number, table in enumerate(record.tables, start=1):
            files[f"tables/{name}-{number}.csv"] = table_csv(table)
    everything = list(documents.values())
    files["fields.csv"] = fields_csv(everything)
    files["results.xlsx"] = workbook(everything)
    told = answers_csv(pages, last_words(decided, manifest.job_id), answers, documents)
    if told is not None:
        files[ANSWERS_NAME] = told
    return RecordFiles(files, dict(documents))


def exposure_file(
    pages: Sequence[PageRow], decided: Sequence[DecidedTask], shown: Mapping[str, Set[str]], manifest: Manifest
) -> bytes:
    """What each worker saw of a page, measured; for a thread."""
    from manyhands.documents.exposure import exposure_of

    last = last_words(decided, manifest.job_id)
    seen = exposure_of([page_record(page, last, {}, pages_of_document=1) for page in pages], shown)
    told = {
        "privacy": manifest.privacy,
        "workers": len(seen),
        "share_max_bp": max((one.share_max_bp for one in seen), default=0),
        "pieces_of_page_max": max((one.pieces_of_page_max for one in seen), default=0),
        "linkable_pairs": sum(one.linkable_pairs for one in seen),
        "by_worker": seen,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def measured_of(manifest: Manifest, batches: Sequence[BatchEvidence]) -> Measured | str:
    """What the job shows of its own quality, or why that cannot be said; for a thread."""
    from manyhands.task_types.measured import measure

    try:
        return measure(manifest, batches)
    except KeyError as missing:
        # whether evidence is whole is for the reputation oracle to say; people get their records either way
        return f"the evidence lacks {missing}"


def with_confidences(decided: Sequence[DecidedTask], measured: Measured | str) -> list[DecidedTask]:
    """The words on tasks with calibrated confidences. The model's own posteriors, which verdicts rest on, go."""
    calibrated = {} if isinstance(measured, str) else measured.confidences_bp
    return [msgspec.structs.replace(task, confidence_bp=calibrated.get(task.task_id)) for task in decided]


def quality_file(measured: Measured | str, batches: Sequence[BatchEvidence], decided: Sequence[DecidedTask]) -> bytes:
    """How far the confidences in this package can be believed, and what somebody should look at."""
    if isinstance(measured, str):
        lacking = {"confidence": f"uncalibrated: {measured}", "calibrated": False}
        return msgspec.json.format(msgspec.json.encode(lacking), indent=1) + b"\n"
    told = {
        "confidence": measured.confidence,
        "calibrated": measured.calibrated,
        "confidence_rests_on": "known_by_requester" if measured.by_requester else "people_alone",
        "values_with_confidence": len(measured.confidences_bp),
        "known_pieces": measured.gold,
        "suspended_known_pieces": measured.contested,
        "expected_calibration_error": measured.reliability.ece if measured.reliability else None,
        "reliability": measured.reliability.bins if measured.reliability else (),
        "answers": sum(len(batch.answers) for batch in batches),
        "asked_pieces": len(decided),
        # who is behind a sign stays with the oracles: the requester learns what, how often and how many
        "signs": [
            {"kind": flag.kind, "workers": len(flag.workers), "says": flag.says, "evidence": flag.evidence}
            for flag in measured.signs
        ],
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def page_files(record: DocumentRecord, images: Mapping[int, bytes]) -> dict[str, bytes]:
    """A document's files that hold its pages, by name: searchable PDF and viewer; for a thread."""
    from manyhands.documents.writers.pdf import searchable_pdf
    from manyhands.documents.writers.viewer import viewer_html

    name = file_name(record.doc_id)
    return {f"{name}.pdf": searchable_pdf(record, images), f"{name}.view.html": viewer_html(record, images)}


def file_name(doc_id: str) -> str:
    """A document's id as part of a file name that leaves no folder.

    >>> file_name("../x"), file_name("sroie-000")
    ('.._x', 'sroie-000')
    """
    return "".join("_" if sign in '/\\:*?"<>|' or ord(sign) < 32 else sign for sign in doc_id) or "_"


def zip_package(files: Mapping[str, bytes]) -> bytes:
    """The package: files in order of name, then their index."""
    index = [
        ResultFile(name, len(raw), hashlib.sha256(raw).hexdigest(), _media_type(name))
        for name, raw in sorted(files.items())
    ]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in [*sorted(files.items()), (INDEX_NAME, msgspec.json.encode(index))]:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), raw, compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _index_of(package: bytes) -> list[ResultFile]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return msgspec.json.decode(archive.read(INDEX_NAME), type=list[ResultFile])


def _read_file(package: bytes, name: str) -> bytes | None:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return archive.read(name) if name in archive.namelist() else None


def _media_type(name: str) -> str:
    return MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
