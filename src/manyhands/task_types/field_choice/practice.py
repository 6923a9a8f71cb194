"""Practice in finding a value among places, in choosing between readings and in keying: what jobs of fields ask.

Rules kept here
- One page for each rule of the guide; lines of words are then read beside two machines' readings.
- Jobs ask for a name and an address in one picture, and for several lines in one: so does a lesson, and a page.
- The last two pieces are cuttings to key, as what no reading settles is keyed in these jobs too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace

from ..base import Answer, Question
from ..choose_reading import TASK_TYPE as READING
from ..choose_reading import made as readings
from ..drawn_practice import SHOPS, STREETS, TOWNS, WIDTH_PX, Cell, DrawnPractice, Row, Said, Sheet, amount, line, said
from ..practising import PIECES, PracticePiece
from ..several import Part, Several
from ..transcription.practice import PRACTICE as KEYING
from . import NONE, TASK_TYPE, prompt_of

KEYED = 2

_WHY = {
    "total": said(
        "The total to be paid is the sum after tax. Subtotal, cash and change are other amounts.",
        "El total a pagar es la suma con impuestos. El subtotal, el efectivo y el cambio son otros importes.",
    ),
    "rounded": said(
        "After rounding: that is what was paid in the end. The sum before it is not.",
        "Después del redondeo: eso es lo que se pagó al final. La suma anterior no lo es.",
    ),
    "address": said(
        "An address takes every line that belongs to it. Telephone and tax number are left out.",
        "Una dirección ocupa todas las líneas que le pertenecen. El teléfono y el número fiscal no cuentan.",
    ),
    "head": said(
        "One picture asks for two things. The name is one place, the address the two lines under it: each part has its "
        "own answer.",
        "Una imagen pregunta dos cosas. El nombre ocupa un lugar y la dirección, las dos líneas de debajo: cada parte "
        "tiene su propia respuesta.",
    ),
    "lines": said(
        "Each line is answered by itself. Where neither reading is right, that is said of that line alone.",
        "Cada línea se responde por separado. Donde ninguna lectura es correcta, se dice solo de esa línea.",
    ),
    "none": said(
        "The total is not among these places. “None of these” says so; guessing would put a wrong sum into the books.",
        "El total no está entre estos lugares. Para eso está «Ninguno de estos»; adivinar llevaría una suma falsa "
        "a los libros.",
    ),
    "smeared": said(
        "Nobody can tell here. “Cannot tell” is the honest answer and is paid like any other.",
        "Aquí nadie puede saberlo. «No puedo saberlo» es la respuesta honesta y se paga como cualquier otra.",
    ),
    "date": said(
        "Asked is the day of the receipt or invoice, not the day it is due and not the day of delivery.",
        "Se pregunta por el día del recibo o factura, no por el vencimiento ni por el día de la entrega.",
    ),
    "company": said(
        "The company is who issued the page, not who received it.",
        "La empresa es quien emitió la página, no quien la recibió.",
    ),
    "two_lines": said(
        "The name stands on two lines: both numbers belong to the answer.",
        "El nombre ocupa dos líneas: los dos números son parte de la respuesta.",
    ),
    "brand": said(
        "The registered name, with its suffix, is the company; the brand above it is not. The question says so.",
        "La empresa es el nombre registrado, con su forma legal; no la marca de encima. Lo dice la pregunta.",
    ),
    "number": said(
        "The number of the invoice is asked. Customer and order have numbers of their own.",
        "Se pregunta por el número de la factura. El cliente y el pedido tienen números propios.",
    ),
    "tax": said(
        "The tax in all is the sum of the taxes, not one rate's share of it.",
        "El impuesto en total es la suma de los impuestos, no la parte de un solo tipo.",
    ),
}


_Place = tuple[Said, str | Said]
"""A label and its value."""


def _numbered(rows: Sequence[_Place], *, blot: bool = False) -> tuple[Row, ...]:
    return tuple(line(label, value, number=n, blot=blot) for n, (label, value) in enumerate(rows, start=1))


def _sheet(field: str, rows: tuple[Row, ...], right: Answer) -> Sheet:
    numbers = tuple(str(n) for n in range(1, len(rows) + 1))
    return Sheet(Question(prompt_of(field), "text", (*numbers, NONE)), said(f"which {len(rows)} {field}"), right, rows)


def _among(chance: random.Random, field: str, wanted: _Place, *others: _Place) -> Sheet:
    """Rows in a drawn order of which one is right."""
    rows = [wanted, *others]
    chance.shuffle(rows)
    return _sheet(field, _numbered(rows), str(rows.index(wanted) + 1))


def _together(
    parts: Sequence[Part], asked: Sequence[str], right: Sequence[Answer], rows: tuple[Row, ...], width_px: int
) -> Sheet:
    """Several questions about one page, answered together. asked: each as tasks carry it, see `asked`"""
    form = Several(parts)
    told = f"several {json.dumps(list(asked), separators=(',', ':'), ensure_ascii=False)}"
    return Sheet(form.question, said(told), form.answer_of(right), rows, width_px, together=form)


def _lines(chance: random.Random) -> Sheet:
    """Three lines one under another, each with two readings; of the second neither is right."""
    sheets: list[Sheet] = []
    for rule in ("letter", "neither", "alike"):
        made = readings.make(rule, chance)
        while made.rows in [one.rows for one in sheets]:
            made = readings.make(rule, chance)
        sheets.append(made)
    rows = tuple(row for sheet in sheets for row in sheet.rows)
    parts = [(READING, sheet.question) for sheet in sheets]
    asked, right = [one.asked["en"] for one in sheets], [one.right for one in sheets]
    return _together(parts, asked, right, rows, sheets[0].width_px)


def _head(chance: random.Random, shop: str) -> Sheet:
    """The head of a receipt: which line is the name, and which are the address."""
    street = f"{chance.randint(2, 96)} {chance.choice(STREETS)}"
    rows: list[_Place] = [
        (said("Receipt", "Recibo"), ""), (said(f"{shop} Ltd"), ""), (said(street), ""),
        (said(chance.choice(TOWNS)), ""), (said("Tel. 555 01 22"), ""),
    ]  # fmt: skip
    options = (*(str(n) for n in range(1, len(rows) + 1)), NONE)
    fields = ("company", "address")
    parts = [(TASK_TYPE, Question(prompt_of(field), "text", options)) for field in fields]
    asked = [f"which {len(rows)} {field}" for field in fields]
    return _together(parts, asked, ["2", "3 4"], _numbered(rows), WIDTH_PX)


def _sums(chance: random.Random) -> tuple[int, int, int, int]:
    """Net, tax, rounding, cash in cents: all sums on a page differ, so that one place alone is right."""
    net = chance.randint(400, 9_000)
    while (net + net * 6 // 100) % 5 == 0:
        net += 1
    tax = net * 6 // 100
    rounding = -((net + tax) % 5)
    return net, tax, rounding, -(-(net + tax) // 1_000) * 1_000


def _make(rule: str, chance: random.Random) -> Sheet:
    if rule in readings.WHY:
        return readings.make(rule, chance)
    net, tax, rounding, cash = _sums(chance)
    day, month = chance.randint(1, 27), chance.randint(1, 11)
    shop, other = chance.sample(SHOPS, 2)
    rows: list[_Place]
    label: dict[str, _Place] = {
        "net": (said("Subtotal"), amount(net)),
        "tax": (said("Tax 6 %", "IVA 6 %"), amount(tax)),
        "total": (said("Total"), amount(net + tax)),
        "cash": (said("Cash", "Efectivo"), amount(cash)),
        "change": (said("Change", "Cambio"), amount(cash - net - tax)),
    }
    match rule:
        case "head":
            return _head(chance, shop)
        case "lines":
            return _lines(chance)
        case "total":
            return _sheet("total", _numbered([label[name] for name in ("net", "tax", "total", "cash", "change")]), "3")
        case "rounded":
            cents = (said("Rounding", "Redondeo"), amount(rounding))
            due = (said("To pay", "A pagar"), amount(net + tax + rounding))
            rows = [label["net"], label["tax"], label["total"], cents, due]
            return _sheet("total", _numbered(rows), "5")
        case "none":
            rows = [label["net"], label["tax"], (said("Items", "Piezas"), said(str(chance.randint(2, 9))))]
            return _sheet("total", _numbered(rows), NONE)
        case "smeared":
            rows = [label[name] for name in ("net", "tax", "total")]
            hidden = tuple(
                Row(tuple(Cell(cell.x, cell.words, blot=True) for cell in row.cells), row.number)
                for row in _numbered(rows)
            )
            return _sheet("total", hidden, None)
        case "date":
            days = f"{day:02d}/{month:02d}/24", f"{day + 1:02d}/{month:02d}/24", f"{day:02d}/{month + 1:02d}/24"
            return _among(
                chance, "date", (said("Date", "Fecha"), days[0]), (said("Delivered", "Entregado"), days[1]),
                (said("Due", "Vencimiento"), days[2]),
            )  # fmt: skip
        case "company":
            rows = [(said(shop), ""), (said(f"For: {other}", f"Para: {other}"), ""), (said(chance.choice(STREETS)), "")]
            return _sheet("company", _numbered(rows), "1")
        case "brand":
            brand = shop.split()[0].upper()
            street = f"{chance.randint(2, 96)} {chance.choice(STREETS)}"
            rows = [(said(brand), ""), (said(f"{shop} Ltd"), ""), (said("Receipt", "Recibo"), ""), (said(street), "")]
            return _sheet("company", _numbered(rows), "2")
        case "two_lines":
            rows = [
                (said(f"{shop} and"), ""), (said("Daughters Ltd"), ""),
                (said(f"For: {other}", f"Para: {other}"), ""),
            ]  # fmt: skip
            return _sheet("company", _numbered(rows), "1 2")
        case "number":
            return _among(
                chance, "invoice_number",
                (said("Invoice no.", "Num. de factura"), f"{chance.randint(20_000, 49_999)}"),
                (said("Customer no.", "Num. de cliente"), f"{chance.randint(1_000, 9_999)}"),
                (said("Order", "Pedido"), f"{chance.randint(50_000, 99_999)}"),
            )  # fmt: skip
        case "tax":
            high = net * 4 // 100
            rows = [
                label["tax"], (said("Tax 10 %", "IVA 10 %"), amount(high)),
                (said("Tax in all", "IVA en total"), amount(tax + high)), (said("Total"), amount(net + tax + high)),
            ]  # fmt: skip
            return _sheet("tax_total", _numbered(rows), "3")
    street = f"{chance.randint(2, 96)} {chance.choice(STREETS)}"
    tail = [(said("Tel. 555 01 22"), ""), (said("Tax no. 009 112", "NIF 009 112"), "")]
    chance.shuffle(tail)
    rows = [(said(shop), ""), (said(street), ""), (said(chance.choice(TOWNS)), ""), *tail]
    return _sheet("address", _numbered(rows), "2 3")


_CHOSEN = DrawnPractice(
    version="4",
    lessons=("brand", "head", "none", "alike"),
    measured=(
        "total",
        "rounded",
        "date",
        "company",
        "two_lines",
        "number",
        "tax",
        "address",
        "none",
        "smeared",
        "head",
        "lines",
        *readings.WHY,
    ),
    why={**_WHY, **readings.WHY},
    make=_make,
)


class FieldsPractice:
    """See `practising.Practice`: questions of options, then `KEYED` cuttings as those who key practise them."""

    version = _CHOSEN.version

    def pieces(self, seed: str) -> Sequence[PracticePiece]:
        """Four lessons, four measured questions drawn by the seed, two cuttings to key."""
        keyed = [replace(piece, form="transcription") for piece in KEYING.pieces(seed)[PIECES - KEYED :]]
        return (*_CHOSEN.pieces(seed)[: PIECES - KEYED], *keyed)

    def draw(self, seed: str, place: int, language: str = "en") -> bytes:
        """The picture of one piece. raises IndexError for a place that does not exist"""
        return (_CHOSEN if place < PIECES - KEYED else KEYING).draw(seed, place, language)


PRACTICE = FieldsPractice()
