#!/usr/bin/env python3
"""Writes the shared documents anew as a worse scanner would have given them, with the truth moved along.

Rules kept here
- Each page is worn by chance drawn from its own name, so that two runs write the same pixels.
- ``small``: four fifths of the size, blurred, unevenly lit, grainy, JPEG at quality 45. ``skew``: turned by up to three
  degrees either way, slightly blurred and grainy, JPEG at 70; the truth's boxes become upright boxes around them.

usage: benchmarks/worn.py [--shared ../shared] --wear small|skew --out DIR
       then: benchmarks/documents.py --shared DIR --rounds 1 --out OUT
       then: benchmarks/worn.py --wear skew --out DIR --read-back OUT   the lines that OUT has, boxes aside
"""

from __future__ import annotations

import argparse
import json
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from manyhands.documents.text import core

Place = Callable[[float, float], tuple[float, float]]
"""Where a point of the page stands on the worn page, pixels."""


def small(page: Image.Image, chance: np.random.Generator) -> tuple[Image.Image, Place]:
    """The page at four fifths of its size."""
    share = 0.8
    size = round(page.width * share), round(page.height * share)
    worn = _grainy(page.resize(size, Image.Resampling.LANCZOS), chance, blur_px=0.6, grain=5.0)
    return worn, lambda x, y: (x * share, y * share)


def skew(page: Image.Image, chance: np.random.Generator) -> tuple[Image.Image, Place]:
    """The page turned by up to three degrees."""
    degrees = float(chance.uniform(-3, 3))
    turned = page.rotate(degrees, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    old, new = (page.width / 2, page.height / 2), (turned.width / 2, turned.height / 2)

    def place(x: float, y: float) -> tuple[float, float]:
        right, down = x - old[0], y - old[1]
        return right * cos + down * sin + new[0], down * cos - right * sin + new[1]

    return _grainy(turned, chance, blur_px=0.4, grain=3.0), place


WEARS = {"small": (small, 45), "skew": (skew, 70)}
"""name -> how a page is worn, and the JPEG quality it is kept at."""


def _grainy(page: Image.Image, chance: np.random.Generator, *, blur_px: float, grain: float) -> Image.Image:
    grey = np.asarray(page.filter(ImageFilter.GaussianBlur(blur_px)), dtype=np.float64)
    height, width = grey.shape
    light = np.linspace(0.82, 1.0, width)[None, :] * np.linspace(1.0, 0.9, height)[:, None]
    noisy = grey * light + chance.normal(0, grain, grey.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _moved(box: list[int], place: Place) -> list[int]:
    corners = [place(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return [int(min(xs)), int(min(ys)), int(max(xs)), int(max(ys))]


def wear_out(documents: Path, out: Path, *, wear: str) -> int:
    """Writes worn pages and moved truth of every document below ``out``; returns the number of pages."""
    worn_by, quality = WEARS[wear]
    for folder in ("images", "truth"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    pages = 0
    for file in sorted((documents / "truth").glob("*.json")):
        truth: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        places: dict[int, Place] = {}
        for page in truth["pages"]:
            with Image.open(documents / page["image"]) as opened:
                image, place = worn_by(opened.convert("L"), np.random.default_rng(zlib.crc32(page["image"].encode())))
            image.save(out / page["image"], quality=quality)
            page["width"], page["height"] = image.size
            places[page["page"]] = place
            pages += 1
        for line in truth["lines"]:
            line["box"] = _moved(line["box"], places[line["page"]])
        for table in truth.get("tables") or []:
            for part in (table, *(c for c in table["cells"] if c.get("box"))):
                part["box"] = _moved(part["box"], places[table["page"]])
        (out / "truth" / file.name).write_text(json.dumps(truth, ensure_ascii=False), encoding="utf-8")
    return pages


def lines_by_text(documents: Path, out: Path) -> tuple[int, list[str]]:
    """(lines of receipts that carry letters or digits, those among them that stand nowhere in the record's text).

    Boxes are left aside: an upright box around a turned line holds parts of the lines beside it, so that a scorer which
    goes by boxes takes one line for another.
    """
    lines, missing = 0, []
    for file in sorted((documents / "truth").glob("*.json")):
        truth = json.loads(file.read_text(encoding="utf-8"))
        if truth["kind"] != "receipt":
            continue
        record = json.loads((out / file.name).read_text(encoding="utf-8"))
        text = core(" ".join(line["text"] for line in record["lines"])).replace(" ", "")
        for line in truth["lines"]:
            wanted = core(line["text"]).replace(" ", "")
            if line.get("optional") or not any(sign.isalnum() for sign in wanted):
                continue
            lines += 1
            if wanted not in text:
                missing.append(f"{truth['doc_id']} {line['text']!r}")
    return lines, missing


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--wear", choices=sorted(WEARS), required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--read-back", type=Path, help="folder of records made of the worn documents")
    args = parser.parse_args()
    if args.read_back:
        lines, missing = lines_by_text(args.out / "documents", args.read_back)
        print(
            f"{lines - len(missing)} of {lines} lines of receipts ({1 - len(missing) / lines:.2%})", *missing, sep="\n"
        )
        return
    pages = wear_out(args.shared / "documents", args.out / "documents", wear=args.wear)
    tools = args.out / "tools"
    if not tools.exists():
        tools.symlink_to((args.shared / "tools").resolve())
    print(f"{pages} pages, {args.wear}, in {args.out}: benchmarks/documents.py --shared {args.out}")


if __name__ == "__main__":
    main()
