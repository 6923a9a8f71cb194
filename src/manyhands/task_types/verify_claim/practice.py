"""Practice in checking a sentence against a page: one table of a made-up report for each rule of the guide."""

from __future__ import annotations

import random

from ..base import Question
from ..drawn_practice import SHOPS, Cell, DrawnPractice, Row, Said, Sheet, count, mark_of, said
from . import FALSE, NOT_TOLD, OPTIONS, TRUE

_WHY = {
    "so": said(
        "Figure, unit, year and name all agree. The mark is on the row that tells it.",
        "Coinciden la cifra, la unidad, el año y el nombre. La marca está en la fila que lo dice.",
    ),
    "digit": said(
        "The same thing, the same year, but another figure: two digits have changed places.",
        "La misma cosa, el mismo año, pero otra cifra: dos dígitos han cambiado de lugar.",
    ),
    "unit": said(
        "The figure is the same and the unit is not: that is another amount.",
        "La cifra es la misma y la unidad no: eso es otra cantidad.",
    ),
    "year": said(
        "The figure is that of the other year.",
        "La cifra es la del otro año.",
    ),
    "missing": said(
        "The page says nothing about it. What one knows or believes is not asked.",
        "La página no dice nada de eso. No se pregunta por lo que uno sabe o cree.",
    ),
    "covered": said(
        "The figure is covered: the page does not tell it any more.",
        "La cifra está tapada: la página ya no lo dice.",
    ),
    "about": said(
        "“About” with fewer digits agrees with the exact figure.",
        "«Cerca de» con menos cifras coincide con la cifra exacta.",
    ),
}

# label and unit as the table has them; another unit of the same thing; the sentence
_TOPICS = (
    (
        said("Scope 1 emissions", "Emisiones de alcance 1"), said("t CO2e"), said("kg CO2e"),
        said(
            "Scope 1 emissions in {year} were {figure} {unit}.",
            "Las emisiones de alcance 1 en {year} fueron {figure} {unit}.",
        ),
    ),
    (
        said("Water withdrawn", "Agua captada"), said("m3"), said("litres", "litros"),
        said(
            "The water withdrawn in {year} came to {figure} {unit}.", "El agua captada en {year} sumó {figure} {unit}."
        ),
    ),
    (
        said("Electricity used", "Electricidad usada"), said("MWh"), said("kWh"),
        said(
            "In {year} {figure} {unit} of electricity were used.",
            "En {year} se usaron {figure} {unit} de electricidad.",
        ),
    ),
    (
        said("Waste recycled", "Residuos reciclados"), said("t"), said("kg"),
        said(
            "In {year} {figure} {unit} of waste were recycled.", "En {year} se reciclaron {figure} {unit} de residuos."
        ),
    ),
    (
        said("Training given", "Cursos dados"), said("hours", "horas"), said("days", "días"),
        said(
            "In {year} {figure} {unit} of training were given.", "En {year} se dieron {figure} {unit} de cursos."
        ),
    ),
)  # fmt: skip
_YEARS = (2024, 2023)


def _about(figure: Said) -> Said:
    return said(f"about {figure['en']}", f"cerca de {figure['es']}")


def _make(rule: str, chance: random.Random) -> Sheet:
    topics = chance.sample(_TOPICS, 4)
    shown = topics[1:] if rule == "missing" else topics
    wanted = topics[0]
    order = chance.sample(shown, len(shown))
    # the tens are never the hundreds, nor a figure that of the other year: each page has one right answer
    figures = [
        [
            1_000 * (one + 1) + 100 * chance.randint(1, 4) + 10 * chance.randint(5, 9) + chance.randint(1, 4)
            for one in pair
        ]
        for pair in (chance.sample(range(8), 2) for _ in order)
    ]
    head = Row((Cell(0, said(chance.choice(SHOPS))), Cell(-770, said("2024")), Cell(-1000, said("2023"))), strong=True)
    at = 0 if rule == "missing" else order.index(wanted)
    column = chance.randrange(2)
    rows = [head]
    for place, (label, unit, _, _) in enumerate(order):
        named = {language: f"{label[language]}, {unit[language]}" for language in label}
        cells = [
            Cell(x, count(figures[place][n]), blot=rule == "covered" and place == at and n == column)
            for n, x in enumerate((-770, -1000))
        ]
        rows.append(Row((Cell(0, named), *cells)))
    rows.append(Row((Cell(0, said("Checked by nobody outside", "Nadie de fuera lo ha revisado")),)))
    own = figures[at][column]
    thousands, hundreds, tens, ones = own // 1_000, own // 100 % 10, own // 10 % 10, own % 10
    figure = count(own)
    match rule:
        case "digit":
            figure = count(thousands * 1_000 + tens * 100 + hundreds * 10 + ones)
        case "about":
            figure = _about(count(round(own, -2)))
        case "year":
            figure = count(figures[at][1 - column])
    unit = wanted[2] if rule == "unit" else wanted[1]
    asked = {
        language: "claim "
        + wanted[3][language].format(year=_YEARS[column], figure=figure[language], unit=unit[language])
        for language in figure
    }
    told = {"so": TRUE, "about": TRUE, "missing": NOT_TOLD, "covered": NOT_TOLD}.get(rule, FALSE)
    right = told if told == NOT_TOLD else f"{told} @ {mark_of(rows, at + 1)}"
    return Sheet(Question(asked["en"].removeprefix("claim "), "text", OPTIONS), asked, right, tuple(rows))


PRACTICE = DrawnPractice(
    version="1",
    lessons=("so", "digit", "missing", "unit"),
    measured=("so", "year", "digit", "covered", "about", "unit", "missing"),
    why=_WHY,
    make=_make,
)
