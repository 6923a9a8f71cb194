"""Which pieces of a field are chosen between readings before they are keyed, and what stands beside each other. Pure.

Rules kept here
- Only words: amounts, dates and codes are keyed blind, as a shown figure is agreed with.
- Only where keying costs more than two and a half choices: two people choose, and one piece in five is reckoned to be
  keyed on top. Of 424 long lines of the development documents that no rule believed, 23 were right in no reading; of
  the 67 on which readers differed, 10.
- Only where two readers at least have read the piece. One reader's word leaves nothing to choose between.
- Options stand in an order that says nothing of who read them. A single reading has a made one beside it, with one sign
  changed: who picks that did not look.
- Lines that one picture of places showed together are chosen in one answer, four at most; at strict each alone.
- What people choose by is never what was keyed, and nobody keys a piece whose readings they were shown.

A datum on its way (ADR 0165): two readers give `NO 12 JALAN SAGU 18` and `NO 12 JALAN SAGU 1B`, people tap the line as
part of the address, two people choose the first, and it is delivered as chosen by two. Had one of them seen neither, a
third person would key it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from manyhands.documents.model import Piece  # plain values: they stay light
from manyhands.pricing import effort_ms, reward_minor
from manyhands.protocol.ids import digest
from manyhands.protocol.manifest import Manifest, PayRule
from manyhands.protocol.messages import MADE, ReadingFact, TaskFacts
from manyhands.protocol.privacy import page_share
from manyhands.quality.gold import KNOWN_CHOICES_OF_PAGE_MOST, known_questions_most
from manyhands.task_types.asked import BadQuestion, asked_of, read, several
from manyhands.task_types.choose_reading import CHOSEN_TARGET_MOST_BP, NEITHER
from manyhands.task_types.choose_reading import TASK_TYPE as CHOOSE_READING
from manyhands.task_types.several import PARTS_MAX, Several

from .decisions import (
    KNOWN_CONFIDENCE_BP,
    PageAsk,
    PiecePlan,
    TaskPlan,
    choose_task_id_of,
    expected_chars,
    known_choice_id_of,
    task_id_of,
)

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


def place_of_choice(order: int, manifest: Manifest) -> int:
    """Where a choice between readings stands on its page. order: of its first line

    Where one worker may see all of a page only what belongs together is kept apart, so choices stand far apart.
    """
    return 10 * order if manifest.privacy == "off" else order


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


class LinesChoice(msgspec.Struct, frozen=True):
    """A choice between readings as a task, and the ask that says which pieces it puts together; None = it is of one."""

    task: TaskPlan
    ask: PageAsk | None = None

    @property
    def pieces(self) -> tuple[str, ...]:
        """What its picture shows."""
        return self.ask.parts if self.ask is not None else (self.task.piece_id,)


def plan_reading_choices(
    plans: Sequence[PiecePlan], wanted: Mapping[str, str], manifest: Manifest, asks: Sequence[PageAsk] = ()
) -> list[LinesChoice]:
    """Tasks of one page whose readings people are asked to choose between; the others are to be keyed.

    plans   all pieces of the page
    wanted  piece id -> why its text is needed
    asks    of the page: what one picture of places showed to one person may be put together once more
    """
    if not chooses_first(manifest):
        return []
    shown_by = {
        piece: ask.within or ask.ask_id
        for ask in asks
        if ask.choice is not None and not ask.made and not ask.parts
        for place in ask.choice.places
        for piece in place
    }
    groups: dict[str, list[_Line]] = {}
    for plan in sorted(plans, key=lambda one: one.piece.order):
        piece = plan.piece
        if piece.piece_id not in wanted:
            continue
        real, options = readings_to_show(piece, salt=piece.piece_id)
        if worth_choosing(piece, options, manifest.pay):
            line = _Line(piece, options, tuple(ReadingFact(reader="machine", text=t, confidence_bp=0) for t in real))
            groups.setdefault(shown_by.get(piece.piece_id, piece.piece_id), []).append(line)
    share = page_share(manifest.privacy, pieces=len(plans)) or APART
    return [
        choice
        for _, lines in sorted(groups.items(), key=lambda one: one[1][0].piece.order)
        for some in _parted(lines, manifest)
        for choice in _choices_of(some, manifest, share)
    ]


class _Line(msgspec.Struct, frozen=True):
    """A piece with what is shown beside it. readings: what a machine read, or what is known"""

    piece: Piece
    options: tuple[str, ...]
    readings: tuple[ReadingFact, ...]


def _parted(lines: Sequence[_Line], manifest: Manifest) -> list[Sequence[_Line]]:
    """Lines as they are put together: as many as one look holds, in parts of about one size; at strict each alone."""
    most = 1 if manifest.privacy == "strict" else PARTS_MAX
    parts = -(-len(lines) // most)
    return [lines[n * len(lines) // parts : (n + 1) * len(lines) // parts] for n in range(parts)]


def _choices_of(lines: Sequence[_Line], manifest: Manifest, share: int, *, known: bool = False) -> list[LinesChoice]:
    """One choice of all the lines; where a question cannot hold them, of each alone."""
    id_of = known_choice_id_of if known else choose_task_id_of
    if len(lines) > 1:
        try:
            question = several([read(line.options) for line in lines])
        except BadQuestion:
            question = ""
        if question:
            first = lines[0].piece
            parts = tuple(line.piece.piece_id for line in lines)
            ask_id = digest("lines", manifest.job_id, "known" if known else "", *parts)
            most = max(len(line.readings) for line in lines)
            facts = tuple(
                ReadingFact(
                    reader=lines[0].readings[0].reader,
                    text=Several.answer_of(line.readings[n].text if n < len(line.readings) else None for line in lines),
                    confidence_bp=lines[0].readings[0].confidence_bp,
                )
                for n in range(most)
            )
            task = _task_of(task_id_of(manifest.job_id, ask_id), ask_id, first.order, question, facts, manifest, share)
            ask = PageAsk(ask_id, question, parts=parts, known_by=MADE if known else "", views=int(known))
            return [LinesChoice(task, ask)]
    found = []
    for line in lines:
        try:
            question = read(line.options)
        except BadQuestion:  # a reading that cannot be shown on one line: it is keyed
            continue
        piece = line.piece
        task_id = id_of(manifest.job_id, piece.piece_id)
        task = _task_of(task_id, piece.piece_id, piece.order, question, line.readings, manifest, share)
        found.append(LinesChoice(task))
    return found


def known_reading_choices(
    pages: Mapping[int, Sequence[PiecePlan]], choices: Sequence[int], manifest: Manifest, *, seed: int
) -> dict[int, list[LinesChoice]]:
    """Choices whose answer is known, so that somebody who does not look is noticed; by page.

    Made of lines that readers agreed on and that are long enough to be asked: one of two shows the reading beside a
    changed one, the other two changed ones, of which neither is right. That is what overlooking is measured by. Lent as
    gold alone, once each.

    pages    plans of all pages, by page key
    choices  how many lines each of those puts together that are asked for their own sake: the known ones look alike
    seed     nobody outside knows which lines these are
    """
    room = known_questions_most(len(choices), manifest.quality.gold_share_bp) if chooses_first(manifest) else 0
    planned: dict[int, list[LinesChoice]] = {}
    if not room:
        return planned
    sizes = sorted(choices, key=lambda size: (size == 1, -size))
    left = {key: _known_lines(plans, manifest, seed=seed) for key, plans in pages.items()}
    count = 0
    # page after page in turn: who is shown a page's known lines may be shown less of its work
    for _ in range(KNOWN_CHOICES_OF_PAGE_MOST):
        for page_key in sorted(pages, key=lambda key: digest("known choices of page", seed, key)):
            size = sizes[count % len(sizes)]
            lines, left[page_key] = left[page_key][:size], left[page_key][size:]
            if not lines or count >= room:
                continue
            share = page_share(manifest.privacy, pieces=len(pages[page_key])) or APART
            made = _choices_of(lines, manifest, share, known=True)
            planned.setdefault(page_key, []).extend(
                msgspec.structs.replace(
                    one,
                    task=msgspec.structs.replace(
                        one.task,
                        facts=msgspec.structs.replace(one.task.facts, gold=True),
                        reserve=True,
                        views=1,
                    ),
                )
                for one in made
            )
            count += len(made)
    return planned


def _known_lines(plans: Sequence[PiecePlan], manifest: Manifest, *, seed: int) -> list[_Line]:
    """Lines of a page that readers agreed on, each with a right reading and a changed one, or with two changed ones."""
    lines: list[_Line] = []
    fit = [plan for plan in plans if plan.unseen and not plan.left_out and not plan.gold]
    for plan in sorted(fit, key=lambda one: digest("known choice", seed, one.piece.piece_id)):
        assert plan.unseen is not None
        text, draw = " ".join(plan.unseen.split()), digest("made choice", seed, plan.piece.piece_id)
        first, second = (one_sign_changed(text, draw=f"{draw} {n}") for n in (1, 2))
        if first is None or second is None or first == second:
            continue
        neither = int(digest("neither", draw)[:8], 16) % 2 == 1
        options = in_no_order((first, second) if neither else (text, first), salt=draw)
        if len(text) > OPTION_CHARS_MAX or not worth_choosing(plan.piece, options, manifest.pay):
            continue
        told = ReadingFact(reader=MADE, text=NEITHER if neither else text, confidence_bp=KNOWN_CONFIDENCE_BP[MADE])
        lines.append(_Line(plan.piece, options, (told,)))
    return lines


def _task_of(
    task_id: str,
    piece_id: str,
    order: int,
    question: str,
    readings: tuple[ReadingFact, ...],
    manifest: Manifest,
    share: int,
) -> TaskPlan:
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
    place = place_of_choice(order, manifest)
    return TaskPlan(facts, piece_id, place, share, asked.task_type.first_answers)
