"""Practice in matching a line of a ledger with a page of a statement: one page for each rule of the guide."""

from __future__ import annotations

import random

from ..base import Question
from ..drawn_practice import SHOPS, Cell, DrawnPractice, Row, Said, Sheet, amount, said
from . import AMOUNT_DIFFERS, MATCH, OPTIONS, OTHER

_WHY = {
    "there": said(
        "The amount is the same, and name and number point to the same invoice.",
        "El importe es el mismo, y el nombre y el número apuntan a la misma factura.",
    ),
    "swapped": said(
        "Clearly the same invoice, but two digits of the amount have changed places.",
        "Es claramente la misma factura, pero dos cifras del importe han cambiado de lugar.",
    ),
    "other": said(
        "The amount is the same, the invoice is another one: equal amounts alone are no match.",
        "El importe es el mismo, la factura es otra: importes iguales por sí solos no bastan.",
    ),
    "days": said(
        "A few days apart: banks take their time. That alone is no difference.",
        "Unos días de diferencia: los bancos se toman su tiempo. Eso solo no es una diferencia.",
    ),
    "minus": said(
        "What one book adds the other takes away: the minus is usual, and the figure is the same.",
        "Lo que un libro suma, el otro lo resta: el signo menos es normal y la cifra es la misma.",
    ),
    "absent": said(
        "Neither the name nor the number stands on this page.",
        "En esta página no están ni el nombre ni el número.",
    ),
    "ten_times": said(
        "The same invoice, but a nought is missing: the amounts differ.",
        "La misma factura, pero falta un cero: los importes no coinciden.",
    ),
}


def _line(day: int, shop: str, number: int, minor: int) -> Row:
    name = shop.upper()
    return Row(
        (
            Cell(0, said(f"{day:02d}/05")),
            Cell(130, said(f"{name} INV {number}", f"{name} FRA {number}")),
            Cell(-1000, amount(minor)),
        )
    )


def _make(rule: str, chance: random.Random) -> Sheet:
    own, *others = chance.sample(SHOPS, 5)
    number = chance.randint(410, 690)
    # all digits differ, so that two that change places are another amount and a missing nought is seen
    digits = chance.sample(range(1, 10), 4)
    minor = int("".join(map(str, digits[:3])) + "0") if rule == "ten_times" else int("".join(map(str, digits)))
    day = chance.randint(3, 18)
    rows = [  # their last two digits are equal, so that no amount is the ledger's by chance
        _line(
            chance.randint(1, 28),
            shop,
            chance.randint(700, 990),
            100 * chance.randint(11, 98) + 11 * chance.randint(1, 9),
        )
        for shop in others
    ]
    match rule:
        case "there":
            wanted = _line(day, own, number, minor)
        case "days":
            wanted = _line(day + chance.randint(2, 5), own, number, minor)
        case "minus":
            wanted = _line(day, own, number, -minor)
        case "swapped":
            first, second, third, last = digits
            wanted = _line(day, own, number, int(f"{first}{third}{second}{last}"))
        case "ten_times":
            wanted = _line(day, own, number, minor // 10)
        case "other":
            wanted = _line(day, others[0], number + chance.randint(11, 19), minor)
        case _:
            wanted = _line(day, others[1], chance.randint(100, 390), minor + chance.randint(100, 900))
    rows.insert(chance.randrange(len(rows) + 1), wanted)
    head = Row(
        (
            Cell(0, said("Day", "Fecha")),
            Cell(130, said("Statement of May", "Extracto de mayo")),
            Cell(-1000, said("EUR")),
        ),
        strong=True,
    )
    ledger = amount(minor)
    asked: Said = {
        "en": f"match INV-{number} {own} {day:02d}/05 {ledger['en']}",
        "es": f"match FRA-{number} {own} {day:02d}/05 {ledger['es']}",
    }
    right = {"swapped": AMOUNT_DIFFERS, "ten_times": AMOUNT_DIFFERS, "other": OTHER, "absent": OTHER}.get(rule, MATCH)
    return Sheet(Question(asked["en"].removeprefix("match "), "text", OPTIONS), asked, right, (head, *rows))


PRACTICE = DrawnPractice(
    version="1",
    lessons=("there", "swapped", "other", "days"),
    measured=("there", "minus", "absent", "ten_times", "swapped", "other", "days"),
    why=_WHY,
    make=_make,
)
