"""Writers: a finished record as files. Each takes a record and gives bytes; storing them is the caller's.

Rules kept here
- A writer changes nothing: the text in the file is the text in the record.
- No text can become a formula, a tag or a command in the program that opens the file.
"""

from __future__ import annotations

from .alto import alto_xml
from .hocr import hocr_html
from .pdf import searchable_pdf
from .record_json import record_json
from .tables import fields_csv, table_csv, workbook
from .viewer import overlay_of, viewer_html

__all__ = [
    "alto_xml",
    "fields_csv",
    "hocr_html",
    "overlay_of",
    "record_json",
    "searchable_pdf",
    "table_csv",
    "viewer_html",
    "workbook",
]
