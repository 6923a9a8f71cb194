"""Which pieces of a field are chosen between readings before they are keyed, and what stands beside each other. Pure.

Rules kept here
- Only words: amounts, dates and codes are keyed blind, as a shown figure is agreed with.
- Only where keying costs more than two and a half choices: two people choose, and one piece in five is reckoned to be
  keyed on top. Of 424 long lines of the development documents that no rule believed, 23 were right in no reading; of
  the 67 on which readers differed, 10.
- Only where two readers at least have read the piece. One reader's word leaves nothing to choose between.
- Options stand in an order that says nothing of who read them. A single reading has a made one beside it, with one sign
  changed: who picks that did not look.
- What people choose by is never what was keyed, and nobody keys a piece whose readings they were shown.

A datum on its way (ADR 0165): two readers give `NO 12 JALAN SAGU 18` and `NO 12 JALAN SAGU 1B`, people tap the line as
part of the address, two people choose the first, and it is delivered as chosen by two. Had one of them seen neither, a
third person would key it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from manyhands.pricing import effort_ms, reward_minor
from manyhands.protocol.ids import digest
from manyhands.protocol.manifest import Manifest, PayRule
from manyhands.protocol.messages import MADE, ReadingFact, TaskFacts
from manyhands.quality.gold import known_questions_most
from manyhands.task_types.asked import BadQuestion, asked_of, read
from manyhands.task_types.choose_reading import CHOSEN_TARGET_MOST_BP, NEITHER
from manyhands.task_types.choose_reading import TASK_TYPE as CHOOSE_READING

from .decisions import (
    KNOWN_CONFIDENCE_BP,
    PiecePlan,
    TaskPlan,
    choose_task_id_of,
    expected_chars,
    known_choice_id_of,
    page_share,
)

if TYPE_CHECKING:
    from manyhands.documents.model import Piece

CHOICES_WORTH_KEYING_PERCENT = 250
"""Keying must cost more than so many choices: 2 / (1 - 1/5), two people's choice and every fifth piece keyed on top."""

OPTION_CHARS_MAX = 120
"""Longer lines are cut before people see them; what is longer all the same is keyed."""

APART = 10_000
"""Where one worker may see all of a page, choices and what is keyed after them are still kept apart: this many pieces
of the page are allowed, and no two that stand side by side or in the same place."""

_RESEMBLING = {
    "0": "8", "1": "7", "2": "7", "3": "8", "4": "9", "5": "6", "6": "8", "7": "1", "8": "3", "9": "4",
    "A": "R", "B": "R", "C": "G", "D": "O", "E": "F", "F": "P", "G": "C", "H": "N", "I": "L", "J": "I", "K": "X",
    "L": "I", "M": "N", "N": "M", "O": "D", "P": "F", "Q": "O", "R": "K", "S": "B", "T": "Y", "U": "V", "V": "U",
    "W": "V", "X": "K", "Y": "T", "Z": "S",
}  # fmt: skip
"""What a sign is changed into: one of the same kind that looks like it, and that no printer or reader puts for it."""


def readings_to_show(piece: Piece, *, salt: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what machines read, options shown with it), both empty where there is nothing to choose between.

    salt  what the order of the options and a made one follow from

    Readings that differ in case and blanks alone are one: shown is the spelling that parts its words best.
    """
    from manyhands.documents.acceptance import best_spaced
    from manyhands.documents.text import tight, unified

    heard = [one for one in piece.readings if one.reader != "ink" and unified(one.text)]
    if len({one.reader for one in heard}) < 2:
        return (), ()
    alike: dict[str, list[int]] = {}
    for number, one in enumerate(heard):
        alike.setdefault(tight(one.text), []).append(number)
    real = tuple(unified(best_spaced([heard[n] for n in numbers])) for numbers in alike.values())
    shown = real if len(real) > 1 else (*real, *filter(None, [one_sign_changed(real[0], draw=f"{salt} made")]))
    if len(shown) < 2 or max(map(len, shown)) > OPTION_CHARS_MAX:
        return (), ()
    return real, in_no_order(shown, salt=salt)


def in_no_order(texts: Iterable[str], *, salt: str) -> tuple[str, ...]:
    """The texts in an order that follows from the salt alone."""
    return tuple(sorted(texts, key=lambda text: digest("shown", salt, text)))


def one_sign_changed(text: str, *, draw: str) -> str | None:
    """The text with one letter or digit made another that resembles it; None where it has none.

    >>> one_sign_changed("JALAN SAGU", draw="a") != "JALAN SAGU", one_sign_changed("- . -", draw="a")
    (True, None)
    """
    places = [n for n, sign in enumerate(text) if sign.upper() in _RESEMBLING]
    if not places:
        return None
    at = places[int(digest("sign", draw, text)[:8], 16) % len(places)]
    other = _RESEMBLING[text[at].upper()]
    return f"{text[:at]}{other if text[at].isupper() or other.isdigit() else other.lower()}{text[at + 1 :]}"


def worth_choosing(piece: Piece, options: Sequence[str], pay: PayRule) -> bool:
    """Whether choosing spares time over keying, by the measured effort of both forms."""
    if piece.field_type != "text" or not options:
        return False
    choice_ms = CHOOSE_READING.effort_ms(CHOOSE_READING.question_of(options))
    return 100 * effort_ms(pay, chars=expected_chars(piece)) > CHOICES_WORTH_KEYING_PERCENT * choice_ms


def chooses_first(manifest: Manifest) -> bool:
    """Whether a job's people may be shown readings: not where no machine is trusted, nor for the highest targets."""
    return manifest.machine != "none" and manifest.quality.target_bp <= CHOSEN_TARGET_MOST_BP


def plan_reading_choices(plans: Sequence[PiecePlan], wanted: Mapping[str, str], manifest: Manifest) -> list[TaskPlan]:
    """Tasks of one page for the wanted pieces whose readings people choose between; the others are to be keyed.

    plans   all pieces of the page
    wanted  piece id -> why its text is needed
    """
    if not chooses_first(manifest):
        return []
    share = page_share(manifest.privacy, pieces=len(plans)) or APART
    planned: list[TaskPlan] = []
    for plan in plans:
        if plan.piece.piece_id not in wanted:
            continue
        real, options = readings_to_show(plan.piece, salt=plan.piece.piece_id)
        if not worth_choosing(plan.piece, options, manifest.pay):
            continue
        facts = tuple(ReadingFact(reader="machine", text=text, confidence_bp=0) for text in real)
        task_id = choose_task_id_of(manifest.job_id, plan.piece.piece_id)
        task = _choice_of(task_id, plan.piece, options, facts, manifest, share)
        if task is not None:
            planned.append(task)
    return planned


def known_reading_choices(
    pages: Mapping[int, Sequence[PiecePlan]], choices: int, manifest: Manifest, *, seed: int
) -> dict[int, list[TaskPlan]]:
    """Choices whose answer is known, so that somebody who does not look is noticed; by page.

    Made of lines that readers agreed on and that are long enough to be asked: two of three show the reading beside a
    changed one, every third shows two changed ones, of which neither is right. Lent as gold alone, once each.

    pages    plans of all pages, by page key
    choices  that are asked for their own sake
    seed     nobody outside knows which lines these are
    """
    room = known_questions_most(choices, manifest.quality.gold_share_bp) if chooses_first(manifest) else 0
    fit = [
        (page_key, plan)
        for page_key, plans in pages.items()
        for plan in plans
        if plan.unseen and not plan.left_out and not plan.gold
    ]
    planned: dict[int, list[TaskPlan]] = {}
    count = 0
    for page_key, plan in sorted(fit, key=lambda one: digest("known choice", seed, one[1].piece.piece_id)):
        if count >= room:
            break
        assert plan.unseen is not None
        text, draw = " ".join(plan.unseen.split()), digest("made choice", seed, plan.piece.piece_id)
        first, second = (one_sign_changed(text, draw=f"{draw} {n}") for n in (1, 2))
        if first is None or second is None or first == second:
            continue
        neither = count % 3 == 2
        options = in_no_order((first, second) if neither else (text, first), salt=draw)
        if len(text) > OPTION_CHARS_MAX or not worth_choosing(plan.piece, options, manifest.pay):
            continue
        told = ReadingFact(reader=MADE, text=NEITHER if neither else text, confidence_bp=KNOWN_CONFIDENCE_BP[MADE])
        share = page_share(manifest.privacy, pieces=len(pages[page_key])) or APART
        task_id = known_choice_id_of(manifest.job_id, plan.piece.piece_id)
        task = _choice_of(task_id, plan.piece, options, (told,), manifest, share)
        if task is not None:
            task = msgspec.structs.replace(task, facts=msgspec.structs.replace(task.facts, gold=True))
            planned.setdefault(page_key, []).append(msgspec.structs.replace(task, reserve=True, views=1))
            count += 1
    return planned


def _choice_of(
    task_id: str,
    piece: Piece,
    options: Sequence[str],
    readings: tuple[ReadingFact, ...],
    manifest: Manifest,
    share: int,
) -> TaskPlan | None:
    try:
        question = read(options)
    except BadQuestion:  # a reading that cannot be shown on one line: it is keyed
        return None
    asked = asked_of(question)
    assert asked is not None
    effort = asked.task_type.effort_ms(asked.question)
    facts = TaskFacts(
        task_id=task_id,
        question=question,
        readings=readings,
        gold=False,
        effort_ms=effort,
        reward_minor=reward_minor(manifest.pay, effort_ms=effort),
    )
    # the second person is asked once the first has chosen: who sees neither sends it to keying alone
    return TaskPlan(facts, piece.piece_id, piece.order, share, asked.task_type.first_answers)
