"""Documents that this project renders itself, with their truth: the demo's default input and the tests' material.

Rules kept here
- Nothing is copied from a real document; shops and goods are made up, and every screen that shows them says rendered.
- The same seed gives the same pixels and the same truth.
- A little blur, noise and uneven light is laid over, so that readers have something to disagree about.

>>> [d.doc_id for d in sample_documents(seed=1)]
['rendered-receipt-1', 'rendered-receipt-2', 'rendered-receipt-3', 'rendered-invoice-1', 'rendered-table-1']
"""

from __future__ import annotations

import io
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from .model import Kind

_SHOPS = ("RIVERSIDE HARDWARE", "NORTH GATE BAKERY", "GREEN LEAF PHARMACY", "OLD MILL STATIONERY SHOP", "HARBOUR CAFE")
_STREETS = ("MILL LANE", "STATION ROAD", "HARBOUR STREET", "ORCHARD AVENUE", "CHURCH STREET")
_TOWNS = ("40170 NORTHFIELD", "53000 EASTBRIDGE", "81200 SOUTHPORT", "61010 WESTERLEIGH")
_GOODS = (
    "WALL HOOK 4PC", "LED BULB 9W", "COTTON ROPE 10M", "PAINT BRUSH 2IN", "SUGAR 1KG", "RYE BREAD", "GREEN TEA 50S",
    "NOTEBOOK A5", "BALL PEN BLUE", "FLAT WHITE", "CHEESE ROLL", "HAND CREAM 75ML", "PLASTER 20S", "GLUE STICK",
)  # fmt: skip
_SUBSTANCES = ("Carbon dioxide", "Methane", "Nitrous oxide", "Ammonia", "Sulphur oxides", "Benzene", "Zinc", "Nickel")


@dataclass(frozen=True)
class SampleDocument:
    """A rendered document: PNG bytes of its pages and its truth in the schema of truth files."""

    doc_id: str
    kind: Kind
    pages: tuple[bytes, ...]
    truth: dict[str, Any]


@dataclass
class _Sheet:
    """A page being drawn, noting every line it draws."""

    width: int
    height: int
    page_no: int = 1
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image = Image.new("L", (self.width, self.height), 255)
        self.pen = ImageDraw.Draw(self.image)

    def say(self, x: int, y: int, text: str, size: int, *, right: bool = False, centre: bool = False) -> list[int]:
        """Draws a text with its top left (or top right, or top centre) at x, y and notes it; returns its box."""
        font = ImageFont.truetype(_font_path(), size)
        left, top, across, bottom = self.pen.textbbox((0, 0), text, font=font)
        if right:
            x -= round(across)
        if centre:
            x -= round(across / 2)
        self.pen.text((x, y), text, font=font, fill=25)
        box = [round(x + left), round(y + top), round(x + across), round(y + bottom)]
        self.lines.append({"page": self.page_no, "box": box, "text": text})
        return box

    def worn(self, rng: random.Random) -> bytes:
        """The page as a mediocre scan."""
        noise = np.random.default_rng(rng.randrange(2**32))
        pixels = np.asarray(self.image.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
        light = np.linspace(0, -14, self.width, dtype=np.float32)[None, :]
        worn = np.clip(pixels * 0.95 + light + noise.normal(0, 5, pixels.shape), 0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(worn, "L").save(out, "PNG", compress_level=4)
        return out.getvalue()


def sample_documents(*, seed: int, receipts: int = 3) -> list[SampleDocument]:
    """Receipts, one invoice and one page with a ruled table."""
    rng = random.Random(seed)  # noqa: S311  # pictures, not secrets
    made = [_receipt(number, rng) for number in range(1, receipts + 1)]
    return [*made, _invoice(1, rng), _table(1, rng)]


def write_samples(folder: Path, *, seed: int, receipts: int = 3) -> tuple[Path, Path]:
    """Writes the samples as FOLDER/images/NAME-pN.png and FOLDER/truth/NAME.json; returns both folders."""
    images, truths = folder / "images", folder / "truth"
    images.mkdir(parents=True, exist_ok=True)
    truths.mkdir(parents=True, exist_ok=True)
    for document in sample_documents(seed=seed, receipts=receipts):
        for page_no, png in enumerate(document.pages, start=1):
            (images / f"{document.doc_id}-p{page_no}.png").write_bytes(png)
        (truths / f"{document.doc_id}.json").write_text(json.dumps(document.truth, indent=1), encoding="utf-8")
    return images, truths


def _font_path() -> str:
    """A free typeface (Bitstream Vera) that lies in the reportlab wheel."""
    import reportlab  # type: ignore[import-untyped]  # it ships no types

    return str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _finished(doc_id: str, kind: Kind, sheet: _Sheet, rng: random.Random, **truth: Any) -> SampleDocument:
    page = {"page": 1, "image": f"images/{doc_id}-p1.png", "width": sheet.width, "height": sheet.height}
    return SampleDocument(
        doc_id,
        kind,
        (sheet.worn(rng),),
        {"doc_id": doc_id, "kind": kind, "pages": [page], "lines": sheet.lines, **truth},
    )


def _receipt(number: int, rng: random.Random) -> SampleDocument:
    goods = [(name, rng.randint(1, 3), rng.randrange(95, 2_400, 5)) for name in rng.sample(_GOODS, rng.randint(3, 6))]
    width, size = 560, 22
    sheet = _Sheet(width, 620 + 64 * len(goods))
    shop, y = rng.choice(_SHOPS), 40
    address = [f"NO. {rng.randint(1, 99)}, {rng.choice(_STREETS)},", rng.choice(_TOWNS)]
    for text in (shop, *address, f"TEL : 0{rng.randint(2, 9)}-{rng.randint(1_000_000, 9_999_999)}", "TAX INVOICE"):
        sheet.say(width // 2, y, text, size + 4 if text == shop else size, centre=True)
        y += 38
    date = f"{rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/20{rng.randint(19, 25)}"
    sheet.say(30, y + 10, f"NO: CS{rng.randint(10_000, 99_999)}", size)
    sheet.say(width - 30, y + 10, f"DATE: {date}", size, right=True)
    y += 64
    total = 0
    for name, count, cents in goods:
        sheet.say(30, y, name, size)
        sheet.say(60, y + 30, f"{count} X {_cents(cents)}", size)
        sheet.say(width - 30, y + 30, _cents(count * cents), size, right=True)
        total += count * cents
        y += 64
    y += 16
    paid = -(-total // 1_000) * 1_000
    for label, cents in (("TOTAL :", total), ("CASH :", paid), ("CHANGE :", paid - total)):
        sheet.say(150, y, label, size + (4 if label == "TOTAL :" else 0))
        sheet.say(width - 30, y, _cents(cents), size + (4 if label == "TOTAL :" else 0), right=True)
        y += 40
    sheet.say(width // 2, y + 20, "THANK YOU, PLEASE COME AGAIN", size - 2, centre=True)
    fields = {"company": shop, "date": date, "address": " ".join(address), "total": _cents(total)}
    return _finished(f"rendered-receipt-{number}", "receipt", sheet, rng, fields=fields)


def _invoice(number: int, rng: random.Random) -> SampleDocument:
    sheet, size = _Sheet(1240, 1754), 26
    shop = rng.choice(_SHOPS).title() + " Ltd"
    street, town = f"{rng.randint(1, 99)} {rng.choice(_STREETS).title()}", rng.choice(_TOWNS).title()
    code, day, month = rng.randint(10_000, 99_999), rng.randint(1, 28), rng.randint(1, 12)
    sheet.say(100, 90, shop, size + 8)
    sheet.say(100, 150, street, size)
    sheet.say(100, 190, town, size)
    sheet.say(100, 320, "Invoice", size + 14)
    sheet.say(100, 400, "Invoice number", size)
    sheet.say(420, 400, f"INV-{code}", size)
    sheet.say(100, 446, "Invoice date", size)
    sheet.say(420, 446, f"{day:02d}.{month:02d}.2024", size)
    y, net = 560, 0
    for x, heading in ((100, "Item"), (760, "Quantity"), (1000, "Amount EUR")):
        sheet.say(x, y, heading, size)
    for name in rng.sample(_GOODS, 6):
        y += 52
        count, cents = rng.randint(1, 9), rng.randrange(150, 9_000, 5)
        net += count * cents
        sheet.say(100, y, name.capitalize(), size)
        sheet.say(880, y, str(count), size, right=True)
        sheet.say(1140, y, _cents(count * cents), size, right=True)
    tax = net * 19 // 100
    y += 90
    for label, cents in (("Net amount", net), ("Tax amount 19 %", tax), ("Invoice total", net + tax)):
        sheet.say(700, y, label, size)
        sheet.say(1140, y, _cents(cents), size, right=True)
        y += 50
    sheet.say(100, 1620, "Please pay within fourteen days without deduction.", size - 4)
    fields = {
        "company": shop,
        "date": f"2024-{month:02d}-{day:02d}",
        "total": _cents(net + tax),
        "invoice_number": f"INV-{code}",
        "currency": "EUR",
        "tax_total": _cents(tax),
    }
    return _finished(f"rendered-invoice-{number}", "invoice", sheet, rng, fields=fields)


def _table(number: int, rng: random.Random) -> SampleDocument:
    sheet, size = _Sheet(1240, 1100), 26
    sheet.say(620, 90, "Releases above which a site reports", size + 8, centre=True)
    columns, top, row_px = (120, 560, 760, 960, 1120), 220, 62
    rows = [["Substance", "to air", "to water", "to land"]]
    for name in rng.sample(_SUBSTANCES, 7):
        cells = [f"{rng.randint(1, 900)} {rng.choice(('000', '500'))}" if rng.random() < 0.6 else "-" for _ in range(3)]
        rows.append([name, *cells])
    cells_truth = []
    bottom = top + row_px * len(rows)
    for i in range(len(rows) + 1):
        sheet.pen.line((columns[0], top + i * row_px, columns[-1], top + i * row_px), fill=30, width=2)
    for x in columns:
        sheet.pen.line((x, top, x, bottom), fill=30, width=2)
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            box = sheet.say(columns[c] + 16, top + r * row_px + 15, text, size)
            cells_truth.append({"row": r, "col": c, "row_end": r, "col_end": c, "text": text, "box": box})
    sheet.say(120, bottom + 60, "All figures in kilograms a year.", size)
    table = {
        "page": 1,
        "box": [columns[0], top, columns[-1], bottom],
        "rows": len(rows),
        "cols": 4,
        "cells": cells_truth,
    }
    return _finished(f"rendered-table-{number}", "table", sheet, rng, fields={}, tables=[table])
