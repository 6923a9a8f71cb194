"""How much work pages are, before anyone has read them. Pure.

Rules kept here
- An expected figure is what was measured; a figure "at most" is what gets funded, and what was not needed comes back.
- With machine "none" people see every piece; with readers they see what the readers could not settle among themselves.
- What an estimate rests on is said in words beside it.

The shares come from measuring the readers on real documents (facts: documents, sections 4 and 9): people see 40-46 %
of a receipt's pieces, 24-30 % of an invoice's, 27-35 % of a table's. The upper of each is expected here. One answer
equal to a reading settles a piece, so a piece that people see takes 1.16 answers (31.9 for 27.6 pieces of a receipt).

>>> from manyhands.protocol.manifest import QualityRule
>>> receipt = PageEstimate(doc_id="r1", page_no=1, kind="receipt", pieces=60, pieces_max=80)
>>> work = workload_of([receipt], quality=QualityRule(), machine="agreeing_readers")
>>> work.pieces, work.asked_bp, work.answers_milli
(60, 4600, 1160)
>>> workload_of([receipt], quality=QualityRule(), machine="none").asked_bp
10000
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import msgspec

from manyhands.pricing import Workload
from manyhands.protocol.manifest import MachinePolicy, PayRule, Privacy, QualityRule
from manyhands.protocol.money import BASIS_POINTS
from manyhands.protocol.privacy import page_share, people_enough
from manyhands.quality.gold import KNOWN_CHOICES_OF_PAGE_MOST, VIEWS_MOST, known_of_page_most, known_questions_most
from manyhands.task_types.choose_reading import CHOSEN_TARGET_MOST_BP
from manyhands.task_types.several import PARTS_MAX


class PageEstimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a cheap look at a page's ink found. Zeros mean that nobody looked: the kind's usual figures stand in.

    pieces, pieces_max   pieces of the page, expected and at most
    chars_per_piece      mean characters
    """

    doc_id: str
    page_no: int
    kind: str
    pieces: int = 0
    pieces_max: int = 0
    chars_per_piece: int = 0


class KindFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a kind of document. asked = share of pieces that people see when readers work."""

    pieces: int
    pieces_max: int
    chars_per_piece: int
    asked_bp: int
    asked_max_bp: int


KINDS = MappingProxyType(
    {
        # 1,165 pieces of 20 receipts, 11.4 characters each; 46 % seen in sample, 58 % of unseen ones at the strictest
        "receipt": KindFacts(pieces=60, pieces_max=140, chars_per_piece=12, asked_bp=4_600, asked_max_bp=8_000),
        # 505 lines of 3 invoices on up to 3 pages each
        "invoice": KindFacts(pieces=90, pieces_max=250, chars_per_piece=16, asked_bp=3_000, asked_max_bp=6_500),
        # 615 lines and 481 cells of 2 documents; cells are short, the text around them is not
        "table": KindFacts(pieces=130, pieces_max=400, chars_per_piece=14, asked_bp=3_500, asked_max_bp=7_000),
    }
)
OTHER_KIND = KindFacts(pieces=100, pieces_max=400, chars_per_piece=16, asked_bp=6_000, asked_max_bp=10_000)
"""Nothing was measured of other kinds: more is expected to need people, and all of it may."""

ANSWERS_MILLI = 1_160
ANSWERS_MAX_MILLI = 2_000
ANSWERS_NO_READER_MILLI = 2_100
"""Without a reader two people must agree; 3 % wrong answers make that 2.06, and unlike spellings a little more."""
ANSWERS_NO_READER_MAX_MILLI = 3_000
TARGET_OF_ONE_MATCH_BP = 9_955
"""One person equal to one reader left 0.15-0.45 % of receipts' pieces wrong; a target above that asks for a second."""

UNMEASURED_MAX_FACTOR = 2
"""An estimate that came without an upper bound is trusted to within this factor."""


def filled(page: PageEstimate) -> PageEstimate:
    """The estimate with the kind's usual figures where nobody looked, and an upper bound that is one."""
    facts = KINDS.get(page.kind, OTHER_KIND)
    pieces = page.pieces or facts.pieces
    pieces_max = page.pieces_max or (UNMEASURED_MAX_FACTOR * pieces if page.pieces else facts.pieces_max)
    return msgspec.structs.replace(
        page,
        pieces=pieces,
        pieces_max=max(pieces, pieces_max),
        chars_per_piece=page.chars_per_piece or facts.chars_per_piece,
    )


def answers_milli_of(*, quality: QualityRule, machine: MachinePolicy) -> tuple[int, int]:
    """Answers per piece that people see, thousandths, expected and at most; never above the rule's own maximum."""
    needs_two = machine == "none" or quality.target_bp > TARGET_OF_ONE_MATCH_BP
    expected, most = (
        (ANSWERS_NO_READER_MILLI, ANSWERS_NO_READER_MAX_MILLI) if needs_two else (ANSWERS_MILLI, ANSWERS_MAX_MILLI)
    )
    limit = 1_000 * quality.max_answers
    return min(expected, limit), min(most, limit)


def workload_of(pages: Sequence[PageEstimate], *, quality: QualityRule, machine: MachinePolicy) -> Workload:
    """The work of a job's pages.

    pages   at least one
    raises  ValueError without a page
    """
    if not pages:
        raise ValueError("a job without pages has no workload")
    whole = [filled(page) for page in pages]
    pieces, pieces_max = sum(page.pieces for page in whole), sum(page.pieces_max for page in whole)
    chars = -(-sum(page.pieces * page.chars_per_piece for page in whole) // pieces)
    if machine == "none":
        asked_bp = asked_max_bp = BASIS_POINTS
    else:
        facts = [KINDS.get(page.kind, OTHER_KIND) for page in whole]
        asked_bp = _mean_up([(page.pieces, fact.asked_bp) for page, fact in zip(whole, facts, strict=True)])
        asked_max_bp = _mean_up([(page.pieces_max, fact.asked_max_bp) for page, fact in zip(whole, facts, strict=True)])
    answers_milli, answers_max_milli = answers_milli_of(quality=quality, machine=machine)
    return Workload(
        pieces=pieces,
        pieces_max=pieces_max,
        chars_per_piece=chars,
        asked_bp=asked_bp,
        asked_max_bp=asked_max_bp,
        answers_milli=answers_milli,
        answers_max_milli=answers_max_milli,
        rests_on=_rests_on(pages, machine),
    )


def limited_to(work: Workload, pieces_max: int) -> Workload:
    """The work of a try-out: so many pieces at most, and every one of them goes to people.

    >>> from manyhands.protocol.manifest import QualityRule
    >>> page = PageEstimate(doc_id="r1", page_no=1, kind="receipt", pieces=60, pieces_max=80)
    >>> work = limited_to(workload_of([page], quality=QualityRule(), machine="agreeing_readers"), 10)
    >>> work.pieces, work.pieces_max, work.asked_bp
    (10, 10, 10000)
    """
    return msgspec.structs.replace(
        work,
        pieces=min(work.pieces, pieces_max),
        pieces_max=min(work.pieces_max, pieces_max),
        asked_bp=BASIS_POINTS,
        asked_max_bp=BASIS_POINTS,
        rests_on=f"a try-out of {pieces_max} pieces",
    )


FIELD_CHARS = 14
"""Choices and keyed fields are priced alike, as keying so many characters: between a look at a few numbered places and
a line of an address by the rule of effort. Assumed: no person was measured at it yet."""
FIELD_PIECES_MAX = 4
"""An address takes several lines, a total one: with its choice four pieces a field on the mean, assumed as the most."""
FIELD_PIECES_CHOSEN_MAX = 6
"""The same where three lines are first chosen between readings by three people each and keyed all the same: nine times
2.5 s are two pieces more at two answers of 6.7 s. Put together they cost less."""


def fields_workload(fields: int, *, quality: QualityRule, machine: MachinePolicy) -> Workload:
    """The work of finding so many fields and keying what was chosen.

    Expected is one choice and one piece a field; assumed, until finished jobs tell. Lines that are chosen between
    readings instead of keyed take two answers of half the time: no more than that, where they are not keyed after all.

    >>> from manyhands.protocol.manifest import QualityRule
    >>> work = fields_workload(4, quality=QualityRule(), machine="agreeing_readers")
    >>> work.pieces, work.asked_bp
    (8, 10000)
    """
    answers_milli, answers_max_milli = answers_milli_of(quality=quality, machine=machine)
    chooses = machine != "none" and quality.target_bp <= CHOSEN_TARGET_MOST_BP
    return Workload(
        pieces=2 * fields,
        pieces_max=(FIELD_PIECES_CHOSEN_MAX if chooses else FIELD_PIECES_MAX) * fields,
        chars_per_piece=FIELD_CHARS,
        asked_bp=BASIS_POINTS,
        asked_max_bp=BASIS_POINTS,
        answers_milli=answers_milli,
        answers_max_milli=answers_max_milli,
        rests_on=f"{fields} fields to be found and the text of the places chosen; assumed, not measured yet",
        # known places and readings, and a few known pieces of what is keyed, each lent four times
        known_most=(1 + chooses) * known_questions_most(fields, quality.gold_share_bp)
        + 4 * -(-2 * fields * quality.gold_share_bp // (4 * BASIS_POINTS)),
    )


def questions_workload(
    questions: int, *, known: int = 0, effort_ms: int, quality: QualityRule, pay: PayRule
) -> Workload:
    """The work of so many questions about whole pages; no machine has a say, so two people agree on each.

    questions  whose answer is not known
    known      that the requester knows: each measures somebody once
    effort_ms  mean of one answer; told in characters of keying, as everything is priced by them
    """
    limit = 1_000 * quality.max_answers
    return Workload(
        pieces=questions,
        pieces_max=questions,
        chars_per_piece=max(0, -(-(effort_ms - pay.effort_base_ms) // max(1, pay.effort_char_ms))),
        asked_bp=BASIS_POINTS,
        asked_max_bp=BASIS_POINTS,
        answers_milli=min(limit, ANSWERS_NO_READER_MILLI),
        answers_max_milli=min(limit, ANSWERS_QUESTION_MAX_MILLI),
        rests_on=f"{questions} questions about pages, each answered by two people who agree",
        known_most=known_questions_most(questions, quality.gold_share_bp) + known * bool(quality.gold_share_bp),
    )


ANSWERS_QUESTION_MAX_MILLI = 4_000
"""A question that four people answer differently is given up."""

CAREFUL_ANSWERS = 2
"""Careful people settle a task with so many answers at most: two that agree."""


def workers_needed(
    pages: Sequence[PageEstimate],
    *,
    privacy: Privacy,
    quality: QualityRule,
    machine: MachinePolicy,
    audited: bool = False,
    pieces_max: int = 0,
) -> int:
    """Different workers with whom the fullest page gets its answers at this privacy level, in whatever order they come.

    audited     whether a sample decides how much people see: it may be everything
    pieces_max  of a try-out; 0 = no limit

    Pages are taken as they are expected to be, people as careful: people who err and pages that are harder to read need
    a few more, and a job that lacks them says so. At least the rule's most answers, as nobody answers a piece twice.
    """
    milli, _ = answers_milli_of(quality=quality, machine=machine)
    needed, careful = quality.max_answers, min(CAREFUL_ANSWERS, quality.max_answers)
    for kind, pieces in sorted({(page.kind, page.pieces) for page in map(filled, pages)}):
        everything = machine == "none" or audited or bool(pieces_max)
        asked_bp = BASIS_POINTS if everything else KINDS.get(kind, OTHER_KIND).asked_bp
        asked = -(-pieces * asked_bp // BASIS_POINTS)
        asked = min(asked, pieces_max) if pieces_max else asked
        known = known_of_page_most(pieces, quality.gold_share_bp)
        # on either side of a piece another that people see, or a known one that is lent oftener
        beside = 2 * careful + min(2, known) * (VIEWS_MOST - careful)
        enough = people_enough(
            lent=-(-asked * milli // 1_000) + VIEWS_MOST * known,
            own=careful,
            beside=0 if privacy == "off" else beside,
            share=page_share(privacy, pieces=pieces),
        )
        needed = max(needed, enough)
    return needed


LINES_A_FIELD = 2
"""Lines that are keyed or chosen for a field on the mean of a document: an address takes three or four, a date one."""


def workers_needed_for_fields(
    pages: Sequence[tuple[PageEstimate, int]], *, privacy: Privacy, quality: QualityRule, machine: MachinePolicy
) -> int:
    """The same where fields alone are asked.

    pages  each with the fields of its document, which may all stand on one page

    Who chose between the readings of any line of a picture keys none of its lines (ADR 0184), so a line that no reading
    has right needs others than those who chose, and others than those who keyed the line beside it.
    """
    chooses = machine != "none" and quality.target_bp <= CHOSEN_TARGET_MOST_BP
    careful, chosen_by = (min(most, quality.max_answers) for most in (CAREFUL_ANSWERS, CHOSEN_ANSWERS_MOST * chooses))
    whole = privacy == "off"
    # lines of one picture are keyed in one place, where all of a page may be seen on either side of it by turns
    together = (PARTS_MAX // 2 if whole else PARTS_MAX) if chooses else 1
    needed = quality.max_answers
    for pieces, fields in sorted({(filled(page).pieces, fields) for page, fields in pages}):
        lines = min(LINES_A_FIELD * fields, pieces)
        known = known_of_page_most(pieces, quality.gold_share_bp)
        made = (fields + KNOWN_CHOICES_OF_PAGE_MOST * chooses) * bool(quality.gold_share_bp)
        beside = chosen_by + (together - 1) * careful
        if not whole:  # a line beside the picture's, a known piece, a known choice
            beside += careful + min(1, known) * VIEWS_MOST + bool(made)
        enough = people_enough(
            lent=careful * (fields + lines) + VIEWS_MOST * known + made,
            own=careful,
            beside=beside,
            share=page_share(privacy, pieces=pieces),
        )
        needed = max(needed, enough)
    return needed


CHOSEN_ANSWERS_MOST = 3
"""Careful people choose so often at most: newcomers, between readings that differ (ADR 0184)."""


def _mean_up(weighted: Sequence[tuple[int, int]]) -> int:
    """Weighted mean, rounded up."""
    return -(-sum(weight * value for weight, value in weighted) // sum(weight for weight, _ in weighted))


def _rests_on(pages: Sequence[PageEstimate], machine: MachinePolicy) -> str:
    looked = sum(1 for page in pages if page.pieces)
    seen = (
        f"the ink of {looked} of {len(pages)} pages"
        if looked
        else f"the usual length of {len(pages)} pages of their kinds"
    )
    if machine == "none":
        return f"{seen}; every piece goes to people"
    return f"{seen}, and the share of pieces that readers could not settle on measured documents"
