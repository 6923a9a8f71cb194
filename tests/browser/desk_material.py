"""Documents for the requester's desk: pages drawn here, so that a test knows what stands on them."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LINES = (
    "TEO HENG STATIONERY & BOOKS", "No 53, Jalan Besar", "45600 Batang Berjuntai", "GST ID 001689255936", "",
    "INVOICE DATE 25/12/2018", "", "Exercise book A4     2   5.00", "Ball pen blue        3   4.50",
    "Ruler 30 cm          1   3.00", "", "TOTAL AMOUNT           12.50", "CASH                   20.00",
    "CHANGE                  7.50", "", "THANK YOU",
)  # fmt: skip


def receipt_png(number: int = 0) -> bytes:
    """A till receipt of 460 x 900 pixels."""
    image = Image.new("L", (460, 900), 252)
    pen = ImageDraw.Draw(image)
    large, plain = ImageFont.load_default(size=25), ImageFont.load_default(size=21)
    for place, line in enumerate(LINES):
        text = line.replace("12.50", f"{12 + number}.50")
        pen.text((28, 36 + place * 50), text, fill=30, font=large if place == 0 else plain)
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
