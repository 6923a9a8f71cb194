"""A document as JSON: what it says, and for every value why it is believed.

Rules kept here
- The top level has the schema that truth files have (doc_id, kind, pages, lines, fields, tables), so a result can be
  scored as it is; everything else stands under ``provenance``.
- Boxes are [x0, y0, x1, y1] in pixels of the page image, origin top left.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..model import Box, DocumentRecord


def record_dict(record: DocumentRecord) -> dict[str, Any]:
    """The record as plain values, ready for JSON."""
    return {
        "doc_id": record.doc_id,
        "kind": record.kind,
        "pages": [
            {"page": p.page_no, "image": p.image, "width": p.width_px, "height": p.height_px}
            # quarter turns clockwise in which it was handed in, where it does not stand upright
            | ({"turned": p.turned} if p.turned else {})
            for p in record.pages
        ],
        "lines": [
            {
                "page": line.page_no,
                "box": _box(line.box),
                "text": line.text,
                "how": line.how,
                "confidence_bp": line.confidence_bp,
                "people_asked": line.people_asked,
                "pieces": list(line.pieces),
            }
            for line in record.lines
        ],
        "fields": {f.name: f.value for f in record.fields if f.value},
        "tables": [
            {
                "page": table.page_no,
                "box": _box(table.box),
                "rows": table.rows,
                "cols": table.cols,
                "cells": [
                    {
                        "row": c.row,
                        "col": c.col,
                        "row_end": c.row_end,
                        "col_end": c.col_end,
                        "text": c.text,
                        "box": _box(c.box),
                        "how": c.how,
                        "pieces": list(c.pieces),
                    }
                    for c in table.cells
                ],
            }
            for table in record.tables
        ],
        "provenance": {
            "readers": list(record.readers),
            "fields": {
                f.name: {
                    "raw": f.raw,
                    "page": f.page_no,
                    "box": _box(f.box),
                    "how": f.how,
                    "confidence_bp": f.confidence_bp,
                    "people_asked": f.people_asked,
                    "because": f.because,
                    "pieces": list(f.pieces),
                    "failed_checks": list(f.failed_checks),
                }
                for f in record.fields
            },
            "pieces": {
                r.piece.piece_id: {
                    "page": r.piece.page_no,
                    "box": _box(r.piece.box),
                    "text": r.decision.text,
                    "how": r.decision.how,
                    "because": r.decision.because,
                    "confidence_bp": r.decision.confidence_bp,
                    "people_asked": r.decision.people_asked,
                    "readings": {x.reader: x.text for x in r.piece.readings},
                    "proof": r.decision.proof,
                }
                for r in record.decisions
            },
        },
    }


def record_json(record: DocumentRecord) -> bytes:
    """The record as indented UTF-8 JSON, the same bytes for the same record."""
    return msgspec.json.format(msgspec.json.encode(record_dict(record)), indent=1) + b"\n"


def _box(box: Box) -> list[int]:
    return [box.x0, box.y0, box.x1, box.y1]
