"""Records as machines alone would have them: no platform, no people, nothing paid; every doubt is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from manyhands.documents.acceptance import AcceptUnseen, decide_unseen
from manyhands.documents.assemble import assemble
from manyhands.documents.cutter import cut
from manyhands.documents.fields import kind_spec_of
from manyhands.documents.importing import ImportRefused, import_folder
from manyhands.documents.model import Decision, DocumentRecord, PageImage, PageRecord, PieceRecord
from manyhands.documents.readers import make_readers, read_page
from manyhands.documents.writers import (
    alto_xml,
    hocr_html,
    record_json,
    searchable_pdf,
    table_csv,
    viewer_html,
)


def machine_records(
    folder: Path, *, kind: str = "", kinds: dict[str, str] | None = None
) -> Iterator[tuple[DocumentRecord, dict[str, bytes]] | ImportRefused]:
    """Each document of a folder with its files by name, or the refusal of a file.

    kind    of all documents; "" = by their look
    kinds   the requester's own kinds, name -> YAML
    raises  KindSpecInvalid, ReaderNotInstalled
    """
    specs = {name: kind_spec_of(text) for name, text in (kinds or {}).items()}
    readers = make_readers()
    for document in import_folder(folder, kind=kind or None):
        if isinstance(document, ImportRefused):
            yield document
            continue
        read = [
            read_page(p.png_bytes, readers, kind=document.kind, page_no=p.page_no, text_layer=p.text_layer)
            for p in document.pages
        ]
        pieces = {page.page_no: cut(page, doc_id=document.doc_id) for page in read}
        decisions = decide_unseen([piece for own in pieces.values() for piece in own])
        records = []
        for page in read:
            decided = []
            for piece in pieces[page.page_no]:
                step = decisions[piece.piece_id]
                best = next((r.text for r in piece.readings if r.text), "")
                decision = (
                    Decision("machine" if step.text else "blank", step.text, step.because)
                    if isinstance(step, AcceptUnseen)
                    else Decision("open", best, step.because)
                )
                decided.append(PieceRecord(piece, decision))
            image = PageImage(page.page_no, page.width_px, page.height_px, f"{document.doc_id}-p{page.page_no}.png")
            records.append(PageRecord(document.doc_id, image, tuple(decided), page.tables, page.readers, page.straight))
        record = assemble(document.doc_id, document.kind, records, spec=specs.get(document.kind), allow_open=True)
        images = {p.page_no: p.png_bytes for p in document.pages}
        name = document.doc_id
        files = {
            f"{name}.json": record_json(record),
            f"{name}.pdf": searchable_pdf(record, images),
            f"{name}.view.html": viewer_html(record, images),
            f"{name}.hocr.html": hocr_html(record),
            f"{name}.alto.xml": alto_xml(record),
        }
        files |= {f"tables/{name}-{n}.csv": table_csv(table) for n, table in enumerate(record.tables, start=1)}
        yield record, files
