"""Documents for the requester's desk: pages drawn here, so that a test knows what they say; and a delivered job."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from PIL import Image, ImageDraw, ImageFont

from manyhands.apps.compose import Platform
from manyhands.documents.assemble import assemble
from manyhands.documents.model import (
    Area,
    Box,
    Decision,
    PageImage,
    PageRecord,
    Piece,
    PieceRecord,
    Reading,
    piece_id_of,
)
from manyhands.documents.writers.pdf import searchable_pdf
from manyhands.documents.writers.record_json import record_json
from manyhands.documents.writers.tables import fields_csv, workbook
from manyhands.protocol import canonical
from manyhands.protocol.messages import JobSettled

LINES = (
    "TEO HENG STATIONERY & BOOKS", "No 53, Jalan Besar", "45600 Batang Berjuntai", "GST ID 001689255936", "",
    "INVOICE DATE 25/12/2018", "", "Exercise book A4     2   5.00", "Ball pen blue        3   4.50",
    "Ruler 30 cm          1   3.00", "", "TOTAL AMOUNT           12.50", "CASH                   20.00",
    "CHANGE                  7.50", "", "THANK YOU",
)  # fmt: skip
WIDTH_PX, HEIGHT_PX, STEP_PX = 460, 900, 50


def text_of(line: str, number: int) -> str:
    return line.replace("12.50", f"{12 + number}.50")


def receipt_png(number: int = 0) -> bytes:
    """A till receipt."""
    image = Image.new("L", (WIDTH_PX, HEIGHT_PX), 252)
    pen = ImageDraw.Draw(image)
    large, plain = ImageFont.load_default(size=25), ImageFont.load_default(size=21)
    for place, line in enumerate(LINES):
        pen.text((28, 36 + place * STEP_PX), text_of(line, number), fill=30, font=large if place == 0 else plain)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def folder_of_receipts(folder: Path, count: int = 3) -> Path:
    """A folder as somebody would drop it, with one file in it that is no document."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"receipt-{number + 1:02}.png").write_bytes(receipt_png(number))
    (folder / "notes.txt").write_text("buy more paper\n")
    return folder


def decided(place: int, text: str) -> Decision:
    """How a line came to be believed: some by readers, some by people, one by nobody."""
    if place == 3:
        return Decision("unreadable", "", "three people could not read it", people_asked=3, answers=("", "", ""))
    if place in (2, 8):
        return Decision("machine", text, "two readers agree by the strict rule")
    if place == 9:
        return Decision("people", text, "2 of 3 agree", confidence_bp=8_600, people_asked=3, proof="batch 1")
    return Decision("people", text, "one person equals one reader", people_asked=1, answers=(text,), proof="batch 1")


def package_of(documents: dict[str, bytes], drawn: Sequence[Area] = ()) -> bytes:
    """What an exchange delivers of these documents.

    documents  id -> page as PNG
    drawn      the boxes that alone were asked for
    """
    records, files = [], {}
    for number, (doc_id, png) in enumerate(documents.items()):
        pieces = []
        for place, line in enumerate(LINES):
            if not line:
                continue
            text = text_of(line, number)
            box = Box(24, 32 + place * STEP_PX, min(WIDTH_PX - 8, 44 + 12 * len(text)), 66 + place * STEP_PX)
            piece = Piece(
                piece_id_of(doc_id, 1, box), 1, box, place, line_group=place,
                readings=(Reading("first", text, 9_500, box), Reading("second", text.replace("0", "O"), 8_000, box)),
            )  # fmt: skip
            pieces.append(PieceRecord(piece, decided(place, text)))
        page = PageImage(1, WIDTH_PX, HEIGHT_PX, image=f"{doc_id}.png")
        record = assemble(doc_id, "receipt", [PageRecord(doc_id, page, tuple(pieces))], allow_open=True, drawn=drawn)
        records.append(record)
        files[f"{doc_id}.json"] = record_json(record)
        files[f"{doc_id}.pdf"] = searchable_pdf(record, {1: png})
    files["fields.csv"], files["results.xlsx"] = fields_csv(records), workbook(records)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
        archive.writestr("package.json", msgspec.json.encode([]))
    return out.getvalue()


def laid_on_its_side(package: bytes) -> bytes:
    """The package of pages that were handed in turned by a quarter, clockwise."""
    whole, out = zipfile.ZipFile(io.BytesIO(package)), io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in whole.namelist():
            raw = whole.read(name)
            if name.endswith(".json") and name != "package.json":
                record = json.loads(raw)
                for page in record["pages"]:
                    page |= {"turned": 1, "width": page["height"], "height": page["width"]}
                for one in (*record["provenance"]["pieces"].values(), *record["provenance"]["fields"].values()):
                    x0, y0, x1, y1 = one["box"]
                    one["box"] = [HEIGHT_PX - y1, x0, HEIGHT_PX - y0, x1]
                raw = json.dumps(record).encode()
            archive.writestr(name, raw)
    return out.getvalue()


async def deliver(platform: Platform, job_id: str, drawn: Sequence[Area] = (), *, lying: bool = False) -> None:
    """Puts the end of a job into the launcher's row, as the reputation oracle's word would: no chain runs here."""
    view = await platform.launcher.view(job_id)
    names = [document.doc_id for document in await platform.launcher.documents(job_id)]
    package = package_of({name: receipt_png(number) for number, name in enumerate(names)}, drawn)
    if lying:
        package = laid_on_its_side(package)
    blob = await platform.blobs.put(package, media_type="application/zip", namespace=job_id)
    funded, paid = view.quote_total_minor, view.quote_expected_minor * 9 // 10
    fees = paid * 3 // 97
    settled = JobSettled(
        job_id=job_id, accepted=True, paid_minor={"0x" + "1a" * 20: paid - 1_000, "0x" + "2b" * 20: 1_000},
        fees_minor=fees, refunded_minor=funded - paid - fees, package_blob=blob, package_hash="0" * 64,
        payouts_blob="", transactions=("0x" + "ac" * 32,),
    )  # fmt: skip
    async with platform.db.transaction() as tx:
        await tx.execute(
            "update launcher.jobs set state = 'closed', because = '2 workers are paid or credited, the rest is "
            "refunded, the results are delivered', escrow = %s, token = %s, funded_minor = %s, paid_minor = %s, "
            "settled = %s where job_id = %s",
            ("0x" + "5b" * 20, "0x" + "6d" * 20, funded, paid, canonical.encode(settled), job_id),
        )
