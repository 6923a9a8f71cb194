"""What the exchange decides, apart from where it is stored: pure functions of values.

Rules kept here
- Nothing here knows a database, a clock or chance; what looks random is a digest of what it stands for.
- An assignment's id is made from job, task and worker: no table is needed to read it, and nobody can use another's.
- Privacy is a number per piece: of how many pieces of its page one worker may be lent (`protocol.privacy`).

>>> task_of(assignment_id("j", "t1", "0xa"), job_id="j", worker="0xa")
't1'
>>> task_of(assignment_id("j", "t1", "0xa"), job_id="j", worker="0xb") is None
True
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

# the model is plain values: it stays light, and msgspec has to know it when it reads a plan back
from manyhands.documents.model import Area, Choice, Piece, piece_on_page
from manyhands.pricing import effort_ms, reward_minor
from manyhands.protocol.evidence import PayoutsFile
from manyhands.protocol.ids import digest, digest_bytes
from manyhands.protocol.lifecycles import Moves
from manyhands.protocol.manifest import Manifest, QualityRule, Scope
from manyhands.protocol.messages import MADE, REQUESTER, ReadingFact, TaskFacts
from manyhands.protocol.privacy import page_share
from manyhands.quality.gold import VIEWS_MOST, known_of_page_most

if TYPE_CHECKING:
    from manyhands.documents.acceptance import AcceptUnseen, Ask
    from manyhands.documents.model import Straight

BUNDLE_MAX = 20
"""Tasks lent at once at most: what one person does in the time of a short ride."""

TEXT_MAX_CHARS = 2_000
ACTIVE_MS_MAX = 2_147_483_647
SAMPLE_MAX = 200
SAMPLE_LEAST = 20
UNKNOWN_CHARS_LEAST = 4
RULES_CONFIDENCE_BP = 7_000
"""How far a kind's rules are believed when they say where a field stands: given flawless text, plain rules miss 21 of
80 fields of receipts (the project's document anchors, section 4)."""

EXCHANGE_JOB_MOVES: Moves = {
    ("announced", "read"): "reading",  # funds seen on chain and pages handed
    ("reading", "cut"): "cutting",
    ("cutting", "open"): "open",
    ("open", "finish"): "finishing",  # every task decided, nobody holds one, no answer waits to be sent
    ("announced", "cancel"): "cancelling",
    ("reading", "cancel"): "cancelling",
    ("cutting", "cancel"): "cancelling",
    ("open", "cancel"): "cancelling",  # no new tasks; what is lent may still be answered
    ("cancelling", "finish"): "finishing",
    ("finishing", "record"): "recorded",
    ("recorded", "assemble"): "assembled",
    ("assembled", "settle"): "settled",
}
"""As the exchange sees a job."""

REPORT_CODES: dict[str, str] = {
    "wrong_cutting": "The picture is cut wrongly: the text is cut off, or two texts are in it",
    "not_the_question": "The picture and the question do not fit together",
    "personal_data": "It shows personal data that should not be here",
    "offensive": "It is offensive, violent or frightening",
    "illegal": "It asks for something illegal, or helps with it",
    "harmful_request": "It asks me to contact, pay or sign up with somebody",
    "other": "Something else",
}
"""Reasons a worker may give for a report. Closed list, so that reports can be counted and compared."""

GOLD_VIEWS_MOST = VIEWS_MOST
"""How often one known piece is lent before it is retired: a leaked answer is worth little."""

GOLD_NOT_NEEDED = "it is known and nobody had to be measured by it"

REQUESTERS_CONFIDENCE_BP = 9_900
"""What the requester's own word on a piece counts for, beside readers: certain, but people may still overrule it."""

MADE_CONFIDENCE_BP = 9_950
"""What a made answer counts for: a question altered by chance into the truth is thought of as one in two hundred. By
this two newcomers who err alike do not overrule it (their weight is 4.86, its 5.29 nats), and three do."""

CHOICE_RECYCLE_FROM_BP = 9_800
"""From where on a choice that everybody agreed on is lent once more as gold: two newcomers who agree on one of three
reach 98.5 %. An answer to it counts half (ADR 0116), so that one wrong in fifty moves an honest person by a hundredth
of an answer, and it refuses nobody."""

KNOWN_CONFIDENCE_BP = {REQUESTER: REQUESTERS_CONFIDENCE_BP, MADE: MADE_CONFIDENCE_BP}

QUESTIONS_KNOWN = frozenset({"text", "amount", "date", "number", "code", "iban"})


def assignment_id(job_id: str, task_id: str, worker: str) -> str:
    """The id of a task in a worker's hands: the task's id and a mark that only this worker's ids carry."""
    return f"{task_id}.{digest('assignment', job_id, task_id, worker)[:8]}"


def task_of(assignment: str, *, job_id: str, worker: str) -> str | None:
    """The task an assignment id speaks of, None when it is not this worker's."""
    task_id, _, mark = assignment.rpartition(".")
    if task_id and mark == digest("assignment", job_id, task_id, worker)[:8]:
        return task_id
    return None


def start_bp(job_id: str, worker: str) -> int:
    """Where in a job's random order a worker begins, basis points of its length."""
    return int(digest("start", job_id, worker)[:8], 16) % 10_000


def job_salt(secret: bytes, job_id: str) -> bytes:
    """The job's own salt of piece ids: without the operator's secret nobody can test a guess at a piece's place."""
    return digest_bytes("piece salt", secret, job_id)


def task_id_of(job_id: str, piece_id: str) -> str:
    """A piece with its question."""
    return digest("task", job_id, piece_id)


def again_task_id_of(job_id: str, piece_id: str) -> str:
    """The same piece asked a second time, because a field that it belongs to failed a check."""
    return digest("task", job_id, piece_id, "again")


def choose_task_id_of(job_id: str, piece_id: str) -> str:
    """A piece whose readings people choose between; keyed it is a task of its own."""
    return digest("task", job_id, piece_id, "choose")


def known_choice_id_of(job_id: str, piece_id: str) -> str:
    """A choice whose answer is known, made of a piece that readers agreed on; nothing of it is delivered."""
    return digest("task", job_id, piece_id, "known choice")


def choose_gold(piece_ids: Iterable[str], *, count: int, job_id: str) -> frozenset[str]:
    """Pieces that would be believed unseen and may be asked all the same, to measure those who answer.

    count    of them, or all when there are fewer
    returns  the same choice for the same job, unguessable from outside as piece ids are salted
    """
    shuffled = sorted(set(piece_ids), key=lambda piece_id: digest("gold", job_id, piece_id))
    return frozenset(shuffled[:count])


def spread(piece_ids: Sequence[str], page_of: Mapping[str, int], *, share_bp: int, job_id: str) -> list[str]:
    """The pieces that may be gold so that no page has more than its part; all of them where `page_of` is empty."""
    room = {page: known_of_page_most(pieces, share_bp) for page, pieces in Counter(page_of.values()).items()}
    kept = []
    for piece_id in sorted(set(piece_ids), key=lambda piece_id: digest("gold", job_id, piece_id)):
        page = page_of.get(piece_id)
        if page is not None:
            if not room[page]:
                continue
            room[page] -= 1
        kept.append(piece_id)
    return kept


def gold_answers_most(pieces: int, share_bp: int) -> int:
    """Answers to known pieces that a job may buy: the quote's line for them, rounded up when any is wanted."""
    return -(-pieces * share_bp // 10_000)


def gold_seed(secret: bytes, job_id: str) -> int:
    """What a job's draws of gold follow from; without the operator's secret nobody foresees them. 0..2**62"""
    return int.from_bytes(digest_bytes("gold turns", secret, job_id)[:8], "big") >> 2


def median_of(values: Sequence[int], *, percent: int = 50) -> int | None:
    """A percentile of whole numbers by the nearest rank, None of nothing.

    >>> median_of([5, 1, 9]), median_of([5, 1, 9], percent=90), median_of([])
    (5, 9, None)
    """
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def grown_sample(old: Sequence[int], new: Sequence[int]) -> list[int]:
    """The last `SAMPLE_MAX` measured times."""
    return [*old, *new][-SAMPLE_MAX:]


class PiecePlan(msgspec.Struct, frozen=True):
    """One piece as stored with its page: what is to be done with it.

    unseen   the text believed without a person, None when people are asked
    because  why
    gold     its answer is known: it may measure people
    left_out nobody is asked, because it lies outside of what the requester asked for
    known    the known text of gold. believed by machine: it is asked only where somebody has to be measured, and is
             delivered as believed when nobody was
    by_requester  the requester knew it: people are asked about it like about any other piece
    like     id of the look-alike that is asked in its place, "" = none; asked itself when that is not confirmed
    believed, joint_bp  in a job with an audit: the text that the readers agree on, and how sure they are of it
    """

    piece: Piece
    unseen: str | None
    because: str
    gold: bool
    left_out: bool = False
    known: str | None = None
    by_requester: bool = False
    like: str = ""
    believed: str = ""
    joint_bp: int | None = None

    @property
    def reserve(self) -> bool:
        """Whether it is lent as gold alone."""
        return self.gold and self.known is not None and not self.by_requester


def plan_pieces(
    pieces: Sequence[Piece],
    decisions: dict[str, AcceptUnseen | Ask],
    *,
    gold_share_bp: int,
    job_id: str,
    requester_knows: Mapping[str, str] | None = None,
    page_of: Mapping[str, int] = MappingProxyType({}),
) -> list[PiecePlan]:
    """Which pieces of a job people see.

    pieces           of all pages
    page_of          piece -> its page, where one worker may see a part of a page only: known pieces are then spread, as
                     each of them takes from what its page's work can be shown to; empty = they may lie anywhere
    decisions        of `documents.acceptance.decide_unseen`
    requester_knows  piece -> text, of the requester's documents that drive skill; part of the holdback they are not
    """
    knows = {piece_id: text for piece_id, text in (requester_knows or {}).items() if text.strip()}
    believed = {piece_id: text for piece_id, decision in decisions.items() if (text := _text_of(decision)) is not None}
    # an empty cell measures nobody
    fit = [piece.piece_id for piece in pieces if believed.get(piece.piece_id)]
    needed = -(-gold_answers_most(len(pieces), gold_share_bp) // GOLD_VIEWS_MOST)
    gold = choose_gold(spread(fit, page_of, share_bp=gold_share_bp, job_id=job_id), count=needed, job_id=job_id)
    plans = []
    for piece in pieces:
        piece_id, because = piece.piece_id, decisions[piece.piece_id].because
        if piece_id in gold:
            plans.append(PiecePlan(piece, None, because, gold=True, known=believed[piece_id]))
        elif piece_id not in believed and piece_id in knows and gold_share_bp:
            plans.append(PiecePlan(piece, None, because, gold=True, known=knows[piece_id], by_requester=True))
        else:
            plans.append(PiecePlan(piece, believed.get(piece_id), because, gold=False))
    return plans


def keep_scope(
    pages: Mapping[int, Sequence[PiecePlan]],
    sizes_px: Mapping[int, tuple[int, int]],
    scope: Scope,
    *,
    job_id: str,
    straight: Mapping[int, Straight] = MappingProxyType({}),
) -> dict[int, list[PiecePlan]]:
    """The plans with everything left out that the scope does not ask for. What the readers settled stays settled.

    pages, sizes_px  plans, and (width, height) as handed in, by page key
    straight         how pages were laid straight before they were cut: a box is drawn on the page as it was handed in
    A limit takes pieces by a random order that the job's id fixes, known ones last: they measure, they are not work.
    """
    areas = areas_of(scope)
    kept = {
        page_key: [
            msgspec.structs.replace(plan, left_out=True)
            if plan.unseen is None
            and areas
            and not _inside(plan.piece, areas, sizes_px[page_key], straight.get(page_key))
            else plan
            for plan in plans
        ]
        for page_key, plans in pages.items()
    }
    if not scope.pieces_max:
        return kept
    asked = [plan for plans in kept.values() for plan in plans if plan.unseen is None and not plan.left_out]
    asked.sort(key=lambda plan: (plan.gold, digest("try-out", job_id, plan.piece.piece_id)))
    chosen = {plan.piece.piece_id for plan in asked[: scope.pieces_max]}
    return {
        page_key: [
            msgspec.structs.replace(plan, left_out=True)
            if plan.unseen is None and plan.piece.piece_id not in chosen
            else plan
            for plan in plans
        ]
        for page_key, plans in kept.items()
    }


def areas_of(scope: Scope | msgspec.UnsetType) -> tuple[Area, ...]:
    """The boxes that alone are asked for; none where the whole page is."""
    return () if not isinstance(scope, Scope) else tuple(Area(**msgspec.structs.asdict(one)) for one in scope.regions)


def _inside(piece: Piece, areas: Sequence[Area], size_px: tuple[int, int], straight: Straight | None) -> bool:
    width_px, height_px = size_px
    on_page = piece_on_page(piece, straight, width_px=width_px, height_px=height_px)
    return any(area.holds(on_page, width_px=width_px, height_px=height_px) for area in areas)


def _text_of(decision: AcceptUnseen | Ask) -> str | None:
    return getattr(decision, "text", None)


class PageAsk(msgspec.Struct, frozen=True):
    """A question about a page that is more than one of its pieces.

    ask_id     stands where a piece's id stands in tasks, evidence and answers
    question   as in task_types.asked
    suggested  what the rules would answer, never shown; "" = they say nothing
    choice     the places to choose from; None = the whole page is shown
    known      answers that are known to be right; empty = people are asked for their own sake
    known_by   who knows: the requester, or the exchange that made the question up
    views      how often it may be lent as gold alone; 0 = it is work like any other
    after      id of the ask about an earlier page that must find nothing before this one is opened; "" = at once
    parts      ids of the asks or pieces that it puts together, in the order of its questions; empty = it asks one thing
    within     id of the ask that puts this one together with others: it is no task of its own; "" = it is one
    """

    ask_id: str
    question: str
    suggested: str = ""
    choice: Choice | None = None
    known: tuple[str, ...] = ()
    known_by: str = ""
    views: int = 0
    after: str = ""
    parts: tuple[str, ...] = ()
    within: str = ""

    @property
    def made(self) -> bool:
        """Whether it was made up to measure people: nothing of it is delivered."""
        return self.known_by == MADE


def ask_id_of(job_id: str, doc_id: str, page_no: int, question: str) -> str:
    """The same question about the same page is one ask."""
    return digest("ask", job_id, doc_id, page_no, question)


class TaskPlan(msgspec.Struct, frozen=True):
    """A task to be opened. place: order of its piece on the page; wanted: answers asked for at first.

    reserve  it is lent as gold alone, `views` times at most
    """

    facts: TaskFacts
    piece_id: str
    place: int
    page_share: int | None
    wanted: int
    reserve: bool = False
    views: int = GOLD_VIEWS_MOST


def plan_tasks(plans: Sequence[PiecePlan], manifest: Manifest) -> list[TaskPlan]:
    """The tasks of one page.

    plans  all pieces of the page in reading order
    """
    share = page_share(manifest.privacy, pieces=len(plans))
    return [
        _plan_task(plan, manifest, share)
        for plan in plans
        if plan.unseen is None and not plan.left_out and not plan.like
    ]


PLACE_OF_ASKS = 100_000
"""Where the order of asks begins, after every piece of a page, ten apart: two of them are not neighbours on it."""


def plan_asks(
    asks: Sequence[PageAsk], manifest: Manifest, *, pieces: int, among: Sequence[PageAsk] = ()
) -> list[TaskPlan]:
    """The tasks of a page's open asks.

    pieces  of the page, for how many of its things one worker may be lent
    among   all asks of the page, where these are some that are opened later: no two of a page stand in one place
    """
    from manyhands.task_types.asked import asked_of

    share = page_share(manifest.privacy, pieces=pieces)
    number_of = {ask.ask_id: number for number, ask in enumerate(among or asks)}
    planned = []
    for ask in asks:
        if ask.after or ask.within:
            continue
        asked = asked_of(ask.question)
        assert asked is not None, "an ask is of a form of its own"
        effort = asked.task_type.effort_ms(asked.question)
        readings = tuple(
            ReadingFact(reader=ask.known_by, text=text, confidence_bp=KNOWN_CONFIDENCE_BP[ask.known_by])
            for text in ask.known
        )
        if ask.suggested and manifest.machine != "none":
            readings += (ReadingFact(reader="rules", text=ask.suggested, confidence_bp=RULES_CONFIDENCE_BP),)
        facts = TaskFacts(
            task_id=task_id_of(manifest.job_id, ask.ask_id),
            question=ask.question,
            readings=readings,
            gold=bool(ask.known),
            effort_ms=effort,
            reward_minor=reward_minor(manifest.pay, effort_ms=effort),
        )
        # where no rule has a say two people have to agree: both are asked at once
        hinted = bool(facts.readings) and not any(None in json_list(one.text) for one in facts.readings if asked.parts)
        wanted = asked.task_type.first_answers if hinted else min(2, manifest.quality.max_answers)
        plan = TaskPlan(facts, ask.ask_id, PLACE_OF_ASKS + 10 * number_of[ask.ask_id], share, wanted)
        planned.append(msgspec.structs.replace(plan, reserve=bool(ask.views), views=ask.views) if ask.views else plan)
    return planned


def json_list(text: str | None) -> tuple[str | None, ...]:
    """What is told of the parts of a question, in their order; nothing where it is no such list."""
    try:
        return msgspec.json.decode(text or "[]", type=tuple[str | None, ...])
    except msgspec.DecodeError:
        return ()


def _plan_task(plan: PiecePlan, manifest: Manifest, share: int | None) -> TaskPlan:
    piece = plan.piece
    question = piece.field_type if piece.field_type in QUESTIONS_KNOWN else "text"
    effort = effort_ms(manifest.pay, chars=expected_chars(piece))
    # a requester who trusts no machine gets no machine's vote either: two people agree, and their spelling stands
    readings = tuple(
        ReadingFact(reader=reading.reader, text=reading.text, confidence_bp=min(10_000, max(0, reading.confidence_bp)))
        for reading in piece.readings
        if reading.text.strip() and manifest.machine != "none"
    )
    if plan.by_requester and plan.known:
        own = ReadingFact(reader=REQUESTER, text=plan.known, confidence_bp=REQUESTERS_CONFIDENCE_BP)
        readings = (*readings, own)
    facts = TaskFacts(
        task_id=task_id_of(manifest.job_id, piece.piece_id),
        question=question,
        readings=readings,
        gold=plan.gold,
        effort_ms=effort,
        reward_minor=reward_minor(manifest.pay, effort_ms=effort),
    )
    return TaskPlan(
        facts=facts,
        piece_id=piece.piece_id,
        place=piece.order,
        page_share=share,
        wanted=first_wanted(facts, manifest.quality),
        reserve=plan.reserve,
    )


def expected_chars(piece: Piece) -> int:
    """Characters a person will key: those of the longest reading, else what fits into the box at a common width."""
    longest = max((len(reading.text) for reading in piece.readings), default=0)
    if longest:
        return longest
    return max(UNKNOWN_CHARS_LEAST, round(piece.box.width_px / max(1.0, 0.5 * piece.box.height_px)))


def first_wanted(facts: TaskFacts, rule: QualityRule) -> int:
    """Answers asked for at first: what the recording oracle would ask for, so that nobody is asked in vain."""
    from manyhands.task_types.judging import TaskBook, decide, transcription_rule

    decision = decide(TaskBook(facts), {}, transcription_rule(rule))
    return max(1, min(rule.max_answers, decision.wanted))


class PayLine(msgspec.Struct, frozen=True):
    """What one worker was paid for a job, minor units, and what of it was bonus, top-up and for getting ready."""

    worker: str
    paid_minor: int
    bonus_minor: int
    top_up_minor: int
    learning_minor: int = 0


def pay_lines(paid_minor: Mapping[str, int], payouts: PayoutsFile | None) -> list[PayLine]:
    """Payments by worker with their parts, where the payouts file tells them.

    Whom the file does not name is no worker of the job: somebody else had the key and paid him.
    """
    parts = {pay.worker: pay for pay in payouts.pay} if payouts is not None else {}
    return [
        PayLine(
            worker=worker,
            paid_minor=minor,
            bonus_minor=parts[worker].bonus_minor if worker in parts else 0,
            top_up_minor=parts[worker].top_up_minor if worker in parts else 0,
            learning_minor=parts[worker].learning_minor if worker in parts else 0,
        )
        for worker, minor in sorted(paid_minor.items())
        if payouts is None or worker in parts
    ]


def batches_of(items: Sequence[TaskFacts], size: int) -> list[tuple[TaskFacts, ...]]:
    """Parts of at most `size`, in order."""
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]
