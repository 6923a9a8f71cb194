"""From what a requester wishes to what the launcher is asked, and what may be forecast of it. Pure.

Rules kept here
- The desk asks the launcher with the same options as the command line; what it adds is the scope.
- A forecast names what it rests on. What was not measured has no figure: it is None, and a page leaves it out.

>>> in_scope([InkLine(500, 100, 2, 20), InkLine(500, 900, 1, 8)], 1, (Region(
...     name="total", x0_permille=0, y0_permille=800, x1_permille=1000, y1_permille=1000),))
[InkLine(x_permille=500, y_permille=900, pieces=1, chars=8)]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from manyhands.apps.questions import TASK_TYPES, Questions
from manyhands.documents.ink import InkLine, estimate_of
from manyhands.documents.meanings import MEANING_CHARS_MAX, kinds_that_mean
from manyhands.pricing import Quote
from manyhands.protocol.manifest import Crowd, MachinePolicy, Needs, PayRule, Privacy, QualityRule, Region, Scope
from manyhands.protocol.money import MHT
from manyhands.roles.launcher.values import ImportedDocumentRef, LaunchOptions
from manyhands.roles.launcher.workload import TARGET_OF_ONE_MATCH_BP

from .errors import NoTable

TRYOUT_PIECES = 10
TRYOUT_DOCUMENTS = 3
PACE_LEAST = 20
"""Answers that must have been timed before a pace is told."""

RECEIPT_WRONG_BP = (15, 45)
"""Pieces left wrong on measured receipts when one person equals one reader: 0.15 to 0.45 % (ADR 0014)."""


Asks = Literal["pages", "fields", "claims", "ledger"]
TASK_TYPE_OF: Mapping[Asks, str] = {
    "pages": "transcription",
    "fields": "field_choice",
    "claims": TASK_TYPES["claims"],
    "ledger": TASK_TYPES["ledger"],
}


Meaning = Annotated[str, msgspec.Meta(min_length=1, max_length=MEANING_CHARS_MAX)]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a requester wants of a draft. Amounts in minor units of `currency`, a token that jobs are paid in here.

    kind       of all documents; "" = as each was recognised
    asks       what people do: key whole pages, find and key fields alone, check claims, match a ledger's lines
    fields     names to pick out of the results, or to be found; empty = all that the kind has
    means      of fields that are looked for: what counts as them, where the kind's own words do not do
    regions    boxes drawn on the page: only what lies in them goes to people
    pool       address of the work pool whose members alone work on it; "" = everybody
    needs      what the work asks of a worker; None = nothing
    budget_minor  most that may be funded; None = what the quote says
    daily_cap_parts  one part in so many of the funds is reserved, and paid, per day at most; None = no such cap
    deadline_ms   when it should be over; None = whenever it is done
    stop_at_deadline  then what is not answered is cancelled, what was answered is paid and delivered
    """

    title: str
    description: str = ""
    kind: str = ""
    asks: Asks = "pages"
    fields: tuple[str, ...] = ()
    means: dict[str, Meaning] = {}
    regions: tuple[Region, ...] = ()
    privacy: Privacy = "standard"
    machine: MachinePolicy = "agreeing_readers"
    content_class: Literal["plain", "sensitive"] = "plain"
    crowd: Crowd = "people"
    pool: str = ""
    needs: Needs | None = None
    target_bp: int = 9_950
    benchmark_bp: int = 9_000
    currency: str = MHT.code
    per_hour_minor: int = 12_000_000
    budget_minor: int | None = None
    daily_cap_parts: int | None = None
    deadline_ms: int | None = None
    stop_at_deadline: bool = False


class Pace(msgspec.Struct, frozen=True):
    """How fast people answered here lately. answers in span_ms; seconds of one answer at the median."""

    answers: int
    span_ms: int
    active_ms_median: int


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What may be expected, each with what it rests on; None = not known.

    right_bp_low, right_bp_high  share of pieces right, as measured on documents of this kind
    work_ms                      time that people work on it together, expected
    done_in_ms                   until it is done, at the pace people answered here lately
    fits_deadline                None without a deadline or without a pace
    """

    target_bp: int
    benchmark_bp: int
    right_bp_low: int | None
    right_bp_high: int | None
    work_ms: int
    answers_expected: int
    answers_most: int
    done_in_ms: int | None
    pace_answers: int | None
    fits_deadline: bool | None


def options_of(wish: Wish, *, owner: str, request_key: str, tryout: bool) -> LaunchOptions:
    """The wish as the launcher takes it."""
    means = {field: " ".join(said.split()) for field, said in wish.means.items() if said.strip()}
    kinds = kinds_that_mean(means, {}) if wish.asks == "fields" else {}
    match wish.asks:
        case "pages":
            scope = Scope(regions=wish.regions, pieces_max=TRYOUT_PIECES if tryout else 0)
        case "fields":
            scope = Scope(fields=wish.fields) if wish.fields else Scope()
        case _:
            scope = Scope()
    return LaunchOptions(
        requester=owner,
        title=f"{wish.title} (try-out)" if tryout else wish.title,
        description=wish.description,
        task_type=TASK_TYPE_OF[wish.asks],
        content_class=wish.content_class,
        pay=PayRule(
            currency=wish.currency, per_hour_minor=wish.per_hour_minor, floor_per_hour_minor=wish.per_hour_minor
        ),
        quality=QualityRule(target_bp=wish.target_bp, benchmark_bp=min(wish.benchmark_bp, wish.target_bp)),
        machine=wish.machine,
        privacy=wish.privacy,
        crowd=wish.crowd,
        pool=wish.pool or msgspec.UNSET,
        needs=wish.needs or msgspec.UNSET,
        scope=scope if scope != Scope() else msgspec.UNSET,
        budget_minor=None if tryout else wish.budget_minor,
        # ten pieces are paid in one go: a day's share of so little would not hold a single answer
        daily_cap_parts=wish.daily_cap_parts if wish.daily_cap_parts and not tryout else msgspec.UNSET,
        request_key=request_key,
        kinds=kinds or msgspec.UNSET,
    )


def in_scope(ink: Sequence[InkLine], page_no: int, regions: Sequence[Region]) -> list[InkLine]:
    """The lines whose middle lies in one of the regions; all of them without regions."""
    if not regions:
        return list(ink)
    return [
        line
        for line in ink
        if any(
            region.page_no == page_no
            and region.x0_permille <= line.x_permille < region.x1_permille
            and region.y0_permille <= line.y_permille < region.y1_permille
            for region in regions
        )
    ]


def documents_for(
    documents: Sequence[ImportedDocumentRef],
    wish: Wish,
    ink: Mapping[tuple[str, int], Sequence[InkLine]],
    *,
    tryout: bool,
    questions: Questions | None = None,
) -> list[ImportedDocumentRef]:
    """The documents as they are to be launched: the wished kind, and estimates of what is asked.

    ink        lines by document and page number
    tryout     a few documents, evenly spread over the draft, are enough to find ten pieces; or ten questions
    questions  what is asked about whole pages, where that is wished
    raises     NoTable where questions are wished and there are none of that form; BadQuestions
    """
    if wish.asks in TASK_TYPES:
        if questions is None or questions.sheet != wish.asks:
            raise NoTable(wish.asks)
        return questions.over(documents, most=TRYOUT_PIECES if tryout else 0)
    chosen = list(documents)
    if tryout and len(chosen) > TRYOUT_DOCUMENTS:
        step = len(chosen) / TRYOUT_DOCUMENTS
        chosen = [chosen[int(number * step)] for number in range(TRYOUT_DOCUMENTS)]
    made = []
    for document in chosen:
        pages = list(document.pages)
        if wish.regions and wish.asks == "pages":
            for place, page in enumerate(pages):
                lines = in_scope(ink.get((document.doc_id, page.page_no), ()), page.page_no, wish.regions)
                estimate = estimate_of(lines)
                # a page without anything in its boxes still has to be read; one piece keeps its line in the quote
                pages[place] = msgspec.structs.replace(
                    page,
                    pieces=max(1, estimate.pieces),
                    pieces_max=max(1, estimate.pieces * 5 // 4 + 1 if estimate.pieces else 1),
                    chars_per_piece=-(-estimate.chars // estimate.pieces) if estimate.pieces else 1,
                )
        made.append(msgspec.structs.replace(document, kind=wish.kind or document.kind, pages=tuple(pages)))
    return made


def forecast_of(
    quote: Quote, wish: Wish, kinds: Sequence[str], *, pace: Pace | None, now_ms: int, tryout: bool = False
) -> Forecast:
    """What may be said before anybody has worked. kinds  of the documents; pace  None = nobody answered here lately"""
    measured = (
        not tryout
        and wish.asks == "pages"
        and wish.machine == "agreeing_readers"
        and bool(kinds)
        and set(kinds) == {"receipt"}
        and wish.target_bp <= TARGET_OF_ONE_MATCH_BP
    )
    done_in_ms = None
    if pace is not None and pace.answers >= PACE_LEAST and pace.span_ms > 0:
        done_in_ms = -(-quote.answers_expected * pace.span_ms // pace.answers)
    return Forecast(
        target_bp=wish.target_bp,
        benchmark_bp=min(wish.benchmark_bp, wish.target_bp),
        right_bp_low=10_000 - RECEIPT_WRONG_BP[1] if measured else None,
        right_bp_high=10_000 - RECEIPT_WRONG_BP[0] if measured else None,
        work_ms=quote.answers_expected * quote.effort_ms_per_answer,
        answers_expected=quote.answers_expected,
        answers_most=quote.answers_most,
        done_in_ms=done_in_ms,
        pace_answers=pace.answers if pace is not None and done_in_ms is not None else None,
        fits_deadline=None
        if done_in_ms is None or wish.deadline_ms is None
        else now_ms + done_in_ms <= wish.deadline_ms,
    )
