"""Guesses what kind of document a page is, by plain rules that a requester can overrule.

Rules kept here
- A word of the name that is a kind's name wins; then a word on the page; then the shape of the page.
- Long narrow pages are receipts: tills print on a roll, offices on A4, letter or legal (1.41, 1.29 and 1.65 times as
  high as wide); legal only where a page has just that shape.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .model import Kind

KINDS: tuple[Kind, ...] = ("receipt", "invoice", "table", "statement", "payslip", "contract")
_ROLL_SHAPE_PERMILLE = 1_550
_LEGAL_SHAPE_PERMILLE = range(1_643, 1_652)
_INVOICE_WORDS = frozenset({"invoice", "rechnung", "facture", "factuur", "fattura", "factura", "faktura", "fatura"})


def guess_kind(name: str, sizes_px: Sequence[tuple[int, int]], words: Sequence[str] = ()) -> Kind:
    """The likely kind of a document.

    name      the file's name or the document's id
    sizes_px  (width, height) of its pages
    words     texts seen on it, if any

    >>> guess_kind("scan0007", [(460, 1200)])
    'receipt'
    >>> guess_kind("scan0007", [(1654, 2339)], ["Rechnung", "Nr."])
    'invoice'
    """
    tokens = set(re.findall(r"[a-z]+", name.lower()))
    for kind in KINDS:
        if kind in tokens or f"{kind}s" in tokens:
            return kind
    shapes = [1000 * h // w for w, h in sizes_px]
    if shapes and all(shape >= _ROLL_SHAPE_PERMILLE and shape not in _LEGAL_SHAPE_PERMILLE for shape in shapes):
        return "receipt"
    seen = {w for text in words for w in re.findall(r"[^\W\d_]+", text.lower())}
    return "invoice" if (tokens | seen) & _INVOICE_WORDS else "table"
