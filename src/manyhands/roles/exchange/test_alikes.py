"""Of pieces that look alike one is asked: who stands behind whom, and what a word on one says of the others."""

from dataclasses import dataclass

import msgspec

from manyhands.documents.model import Box, Piece, Reading
from manyhands.roles.exchange.alikes import believed_text, to_be_asked, with_look_alikes
from manyhands.roles.exchange.decisions import PiecePlan


@dataclass(frozen=True)
class Word:
    state: str
    value: str | None


def plan_of(name: str, *, page: int = 1, top: int = 0, gold: bool = False, unseen: str | None = None) -> PiecePlan:
    box = Box(10, top, 90, top + 20)
    said = tuple(Reading(reader, "1250", 9_000, box, 9_000) for reader in ("ppocr6", "ppocr4"))
    piece = Piece(name, page, box, top, readings=said, glyphs=4)
    return PiecePlan(piece=piece, unseen=unseen, because="", gold=gold)


def test_the_first_of_a_document_is_asked_and_the_others_stand_behind_it_also_on_later_pages() -> None:
    pages = {0: [plan_of("a"), plan_of("b", top=50)], 1: [plan_of("c", page=2)], 2: [plan_of("other document")]}
    planned = with_look_alikes(pages, {0: "d", 1: "d", 2: "e"})
    assert [[plan.like for plan in plans] for plans in planned.values()] == [["", "a"], ["a"], [""]]


def test_what_measures_workers_or_is_believed_anyway_stands_behind_nobody() -> None:
    pages = {0: [plan_of("a"), plan_of("known", gold=True, top=30), plan_of("believed", unseen="1250", top=60)]}
    assert not any(plan.like for plan in with_look_alikes(pages, {0: "d"})[0])


def test_a_word_that_is_the_readers_is_believed_of_the_look_alike_and_another_has_it_asked() -> None:
    plan = msgspec.structs.replace(plan_of("b"), like="a")
    confirmed, corrected = {"a": Word("accepted", "1250")}, {"a": Word("accepted", "12.50")}
    assert believed_text(plan, confirmed) == "1250" and to_be_asked([plan], confirmed) == []
    assert believed_text(plan, corrected) is None and to_be_asked([plan], corrected) == ["b"]


def test_a_look_alike_of_what_nobody_could_read_or_that_was_withdrawn_is_asked_once() -> None:
    plan = msgspec.structs.replace(plan_of("b"), like="a")
    for state in ("unreadable", "withdrawn"):
        assert to_be_asked([plan], {"a": Word(state, None)}) == ["b"]
        assert to_be_asked([plan], {"a": Word(state, None), "b": Word("unreadable", None)}) == []
