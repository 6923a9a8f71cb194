"""From documents and options to manifest, quote and id: everything that is decided before anything is stored. Pure.

Rules kept here
- A plan that exists can be funded: its manifest is checked, its pay is not below the fair floor.
- The id of a job follows from who asks for what; a derived request key holds for a day, so that the same folder can be
  sent again tomorrow on purpose.
- A route is believed only as far as it leads to parties this operator knows and keeps the requester's wishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from manyhands.pricing import (
    BudgetBelowQuote,
    DailyCap,
    Quote,
    Workload,
    daily_cap_of,
    effort_ms,
    learning_for,
    make_quote,
    reward_minor,
)
from manyhands.protocol import canonical
from manyhands.protocol.errors import BadManifest
from manyhands.protocol.ids import digest
from manyhands.protocol.manifest import Manifest, PayRule, Scope, cap_parts_of, check_manifest, parse_manifest
from manyhands.protocol.messages import MESSAGE_BYTES_MAX, Role, Routing
from manyhands.protocol.money import CURRENCIES, MHT, Currency, Money
from manyhands.protocol.parties import Directory, UnknownParty
from manyhands.quality import gold
from manyhands.task_types import TASK_TYPES, task_type
from manyhands.task_types.asked import BadQuestion, asked_of
from manyhands.task_types.practising import learning_times

from .values import ImportedDocumentRef, LaunchOptions
from .workload import (
    PageEstimate,
    fields_workload,
    limited_to,
    questions_workload,
    workers_needed,
    workers_needed_for_fields,
    workload_of,
)

DAY_MS = 86_400_000
FIELD_CHOICE = "field_choice"
ANSWER_CHARS_MOST = 2_000
"""Characters of the longest answer that an exchange takes."""
MESSAGE_FRAME_BYTES = 64 * 1024
"""Room for what a message holds beside its documents."""
PAGE_TASK_TYPES = ("verify_claim", "reconcile")
"""Task types whose questions come with the pages and are asked about a whole page."""

HOLDBACK_SHARE_BP = 5_000
"""Of the documents that the requester knows, so many judge the whole; the others measure workers and the confidence."""


@dataclass(frozen=True, kw_only=True)
class LaunchPolicy:
    """What this operator launches at all.

    task_types                names known here; empty = any
    currencies                what jobs may be paid in, by code: those of the tokens of this operator's chains
    divided                   codes of those whose token has more decimals than they have
    fair_floor_per_hour_minor lowest hourly pay a job may promise, by currency; a requester may promise more, not less.
                              The default, 8.00 an hour, is Prolific's published floor (facts: trust, part I)
    stake_min_minor           stake that must be locked on a chain before a job is launched on it, minor units
    stake_wait_ms             a stake that is still on its way is waited for so long after approval; then another chain
    pages_max                 pages of one job at most
    route_attempts_max        routes tried before a job is refused
    cancel_patience_ms        a cancelled job whose oracles stay silent for so long is cancelled on chain as well
    """

    task_types: tuple[str, ...] = ()
    currencies: Mapping[str, Currency] = field(default_factory=lambda: {MHT.code: MHT})
    divided: frozenset[str] = frozenset()
    fair_floor_per_hour_minor: Mapping[str, int] = field(
        default_factory=lambda: {"MHT": 8_000_000, "USD": 800, "EUR": 800}
    )
    stake_min_minor: int = 1
    stake_wait_ms: int = 120_000
    pages_max: int = 20_000
    route_attempts_max: int = 5
    cancel_patience_ms: int = 2 * DAY_MS


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A launch, fully worked out and not yet stored. `manifest.job_id` is the job's id."""

    manifest: Manifest
    workload: Workload
    quote: Quote
    workers_needed: int

    @property
    def daily_cap(self) -> DailyCap | None:
        """What the daily cap means for this job; None without one."""
        return daily_cap_of(self.quote, cap_parts_of(self.manifest))


def estimates_of(documents: Sequence[ImportedDocumentRef]) -> list[PageEstimate]:
    """The page estimates of all documents."""
    return [
        PageEstimate(
            doc_id=document.doc_id,
            page_no=page.page_no,
            kind=document.kind,
            pieces=page.pieces,
            pieces_max=page.pieces_max,
            chars_per_piece=page.chars_per_piece,
        )
        for document in documents
        for page in document.pages
    ]


def request_hash(documents: Sequence[ImportedDocumentRef], options: LaunchOptions) -> str:
    """What makes a request the same request: content and options, not where the blobs happen to lie."""
    contents = sorted((one.doc_id, one.kind, one.content_hash, one.truth_blob) for one in documents)
    return canonical.content_hash([contents, msgspec.structs.replace(options, request_key="")])


def request_key_of(documents: Sequence[ImportedDocumentRef], options: LaunchOptions, *, now_ms: int) -> str:
    """The requester's own key, or one that the same request has all day (UTC)."""
    return options.request_key or digest("request", request_hash(documents, options), now_ms // DAY_MS)


def job_id_of(*, launcher: str, requester: str, request_key: str, attempt: int) -> str:
    """Id of a job. attempt counts the refused jobs of the same key before it, plus one: a refusal moved no money."""
    return digest("job", launcher, requester, request_key, attempt)


def plan(
    documents: Sequence[ImportedDocumentRef],
    options: LaunchOptions,
    *,
    policy: LaunchPolicy,
    job_id: str,
    now_ms: int,
) -> Plan:
    """Works a launch out: workload, quote, manifest. The command `quote` shows exactly this.

    raises  BadManifest naming the field: no page, a document twice, an unknown task type, pay below the fair floor, ...
    """
    pages = estimates_of(documents)
    if not pages or any(not document.pages for document in documents):
        raise BadManifest("page_count", "there is no page to work on")
    if len(pages) > policy.pages_max:
        raise BadManifest("page_count", f"{len(pages)} pages; one job takes {policy.pages_max} at most")
    ids = [document.doc_id for document in documents]
    twice = sorted({doc_id for doc_id in ids if ids.count(doc_id) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise BadManifest("documents", f"document {twice[0]!r} is there {ids.count(twice[0])} times")
    currency = _currency_of(options, policy)
    # through the same door as a foreign manifest, so that a value that no type checker saw is refused by name too
    manifest = parse_manifest(
        canonical.encode(
            {
                **{
                    name: getattr(options, name)
                    for name in options.__struct_fields__
                    if name not in ("budget_minor", "request_key", "pay")
                    and getattr(options, name) is not msgspec.UNSET
                },
                "pay": options.pay if currency.code in CURRENCIES else told_of(options.pay, currency),
                "job_id": job_id,
                "page_count": len(pages),
                "document_count": len(documents),
                "budget_minor": 1 if options.budget_minor is None else options.budget_minor,
                "created_at_ms": now_ms,
            }
        )
    )
    check_manifest(manifest, task_types=policy.task_types or None)
    floor = policy.fair_floor_per_hour_minor.get(currency.code)
    if floor is None:
        raise BadManifest("pay.currency", f"nobody has said here what an hour of work pays at least in {currency.code}")
    if manifest.pay.floor_per_hour_minor < floor:
        raise BadManifest(
            "pay.floor_per_hour_minor",
            f"{Money(manifest.pay.floor_per_hour_minor, currency)} an hour is below this operator's fair floor of "
            f"{Money(floor, currency)} an hour",
        )
    _check_form(documents, manifest)
    told_bytes = len(canonical.encode(documents))
    if told_bytes > MESSAGE_BYTES_MAX - MESSAGE_FRAME_BYTES:
        raise BadManifest(
            "documents",
            f"pages and questions take {told_bytes / 1_000_000:.1f} MB to hand over, "
            f"{MESSAGE_BYTES_MAX / 1_000_000:.1f} are the most: split them into several jobs",
        )
    work = _workload(documents, pages, manifest)
    if isinstance(manifest.scope, Scope) and manifest.scope.pieces_max:
        work = limited_to(work, manifest.scope.pieces_max)
    learning = None
    if manifest.crowd == "people" and manifest.task_type in TASK_TYPES:
        times = learning_times(task_type(manifest.task_type))
        learning = learning_for(
            work,
            pay=manifest.pay,
            guide_ms=times.guide_ms,
            practice_ms=times.practice_ms,
            other_guides_ms=times.other_guides_ms,
        )
    if learning is not None:
        manifest = msgspec.structs.replace(manifest, learning=learning)
    quote = make_quote(
        work, pay=manifest.pay, rule=manifest.quality, fees=manifest.fees, learning=learning, currency=currency
    )
    if options.budget_minor is None:
        manifest = msgspec.structs.replace(manifest, budget_minor=quote.total_minor)
    _check_daily_cap(documents, manifest, quote, divided=currency.code in policy.divided)
    return Plan(
        manifest=manifest,
        workload=work,
        quote=quote,
        workers_needed=_workers_needed(documents, pages, manifest),
    )


def _workers_needed(documents: Sequence[ImportedDocumentRef], pages: Sequence[PageEstimate], manifest: Manifest) -> int:
    """Different people with whom the job can end, by what it asks: fields, questions about whole pages, or lines."""
    quality, machine, privacy = manifest.quality, manifest.machine, manifest.privacy
    if manifest.task_type == FIELD_CHOICE:
        fields_of = _wanted_fields(documents, manifest)
        each = [(page, fields_of[page.kind]) for page in pages]
        return workers_needed_for_fields(each, privacy=privacy, quality=quality, machine=machine)
    if any(page.questions for document in documents for page in document.pages):
        return quality.max_answers  # whole pages are shown: nobody is kept from anything but the same question
    return workers_needed(
        pages,
        privacy=privacy,
        quality=quality,
        machine=machine,
        audited=manifest.audit is not msgspec.UNSET,
        pieces_max=(manifest.scope.pieces_max or 0) if isinstance(manifest.scope, Scope) else 0,
    )


def _wanted_fields(documents: Sequence[ImportedDocumentRef], manifest: Manifest) -> dict[str, int]:
    """Kind -> how many fields a job of fields asks of such a document: all of the kind, or those that scope names."""
    own = manifest.kinds if isinstance(manifest.kinds, dict) else {}
    named = manifest.scope.fields if isinstance(manifest.scope, Scope) else msgspec.UNSET
    wanted = named if isinstance(named, tuple) else ()
    kinds = sorted({one.kind for one in documents})
    return {kind: sum(not wanted or name in wanted for name in field_names(kind, own)) for kind in kinds}


def _check_daily_cap(
    documents: Sequence[ImportedDocumentRef], manifest: Manifest, quote: Quote, *, divided: bool
) -> None:
    """raises BadManifest where a day's share could not hold the pay of a single answer: it could never be reserved

    divided  whether the token is divided further than its currency: the escrow may then hold a part of a unit less
    """
    cap = daily_cap_of(quote, cap_parts_of(manifest))
    if cap is None:
        return
    questions = [question for document in documents for page in document.pages for question in page.questions]
    asked = [one for question in questions if (one := asked_of(question)) is not None]
    longest_ms = max(
        [effort_ms(manifest.pay, chars=ANSWER_CHARS_MOST), *(one.task_type.effort_ms(one.question) for one in asked)]
    )
    needed_minor = reward_minor(manifest.pay, effort_ms=longest_ms)
    per_day_minor = quote.total_minor // cap.parts if divided else cap.per_day_minor
    if per_day_minor < needed_minor:
        currency = quote.money
        parts = quote.total_minor // needed_minor if divided else (quote.total_minor - 1) // max(1, needed_minor - 1)
        cure = f"choose {parts} parts at most" if parts >= 2 else "a job of this size is paid without a daily cap"
        raise BadManifest(
            "daily_cap_parts",
            f"1/{cap.parts} of {quote.total} a day is less than the longest single answer can earn, "
            f"{Money(needed_minor, currency)}: {cure}",
        )


def _currency_of(options: LaunchOptions, policy: LaunchPolicy) -> Currency:
    """What the job is paid in. raises BadManifest where nobody pays with it here, or counts it otherwise"""
    code, told = options.pay.currency, options.pay.exponent
    currency = policy.currencies.get(code) if isinstance(code, str) else None
    if currency is None:
        known = ", ".join(policy.currencies)
        raise BadManifest("pay.currency", f"no jobs are paid in {str(code)[:16]!r} here; known: {known}")
    if told is not msgspec.UNSET and told != currency.exponent:
        raise BadManifest("pay.exponent", f"is {told!r}, but {code} has {currency.exponent} decimals here")
    return currency


def told_of(pay: PayRule, currency: Currency) -> PayRule:
    """The pay as a manifest tells it to whoever has no list of currencies: with its decimals."""
    return msgspec.structs.replace(pay, exponent=currency.exponent)


def _check_form(documents: Sequence[ImportedDocumentRef], manifest: Manifest) -> None:
    """raises BadManifest where the task type cannot ask this, or shows more than the privacy level allows"""
    questions = [question for document in documents for page in document.pages for question in page.questions]
    asks_pages = manifest.task_type in PAGE_TASK_TYPES
    if asks_pages and not questions:
        raise BadManifest("task_type", f"{manifest.task_type} asks about whole pages, and there is no question")
    if questions and not asks_pages:
        raise BadManifest(
            "task_type", f"{manifest.task_type} takes no questions: choose {' or '.join(PAGE_TASK_TYPES)}"
        )
    for question in questions:
        try:
            asked = asked_of(question)
        except BadQuestion as problem:
            raise BadManifest("questions", str(problem)) from problem
        if asked is None or asked.task_type.name != manifest.task_type:
            raise BadManifest("questions", f"{question[:60]!r} is no question of {manifest.task_type}")
    pages = [page for document in documents for page in document.pages]
    for page in pages:
        if len(page.known) > len(page.questions):
            raise BadManifest("questions", f"page {page.page_no} has more known answers than questions")
        for question, told in zip(page.questions, page.known, strict=False):
            asked = asked_of(question)
            if told and asked is not None and told not in asked.question.options:
                raise BadManifest("questions", f"{told[:60]!r} is no answer to {question[:60]!r}")
    if questions and sum(bool(told) for page in pages for told in page.known) == len(questions):
        raise BadManifest("questions", "you know every answer already: there is nothing to ask")
    if asks_pages and manifest.privacy != "off":
        raise BadManifest("privacy", "a whole page is shown to each worker: say so by choosing 'off'")
    if manifest.task_type == FIELD_CHOICE and manifest.audit is not msgspec.UNSET:
        raise BadManifest("audit", "an audit counts the pieces of the full text, and this job keys chosen places only")
    if manifest.task_type == FIELD_CHOICE and manifest.privacy == "strict":
        raise BadManifest("privacy", "choosing a field shows several places of a page: choose 'standard' or 'off'")


def _workload(documents: Sequence[ImportedDocumentRef], pages: Sequence[PageEstimate], manifest: Manifest) -> Workload:
    """The work by the task type: pieces to key, fields to find and key, or questions about pages."""
    if manifest.task_type == FIELD_CHOICE:
        own = manifest.kinds if isinstance(manifest.kinds, dict) else {}
        named = manifest.scope.fields if isinstance(manifest.scope, Scope) else msgspec.UNSET
        wanted = named if isinstance(named, tuple) else ()
        for one in documents:
            check_has_fields(one.doc_id, one.kind, own)
        of_kind = {kind: field_names(kind, own) for kind in sorted({one.kind for one in documents})}
        there = {name for names in of_kind.values() for name in names}
        if strange := [name for name in wanted if name not in there]:
            raise BadManifest(
                "scope.fields",
                f"no document here has a field {strange[0]!r}: {', '.join(sorted(there))} are what their kinds name",
            )
        fields_of_kind = _wanted_fields(documents, manifest)
        fields = sum(fields_of_kind[one.kind] for one in documents)
        return fields_workload(fields, quality=manifest.quality, machine=manifest.machine)
    questions = [question for document in documents for page in document.pages for question in page.questions]
    if questions:
        forms = [asked for question in questions if (asked := asked_of(question)) is not None]
        effort = -(-sum(one.task_type.effort_ms(one.question) for one in forms) // len(forms))
        known = sum(bool(one) for document in documents for page in document.pages for one in page.known)
        return questions_workload(
            len(questions) - known, known=known, effort_ms=effort, quality=manifest.quality, pay=manifest.pay
        )
    return workload_of(pages, quality=manifest.quality, machine=manifest.machine)


def field_names(kind: str, own: Mapping[str, str]) -> list[str]:
    """Names of a kind's fields, none for one that names none. own: the requester's own kinds, as text"""
    from manyhands.documents.fields import kind_spec, kind_spec_of  # brings numpy: serving people does without

    return [field.name for field in (kind_spec_of(own[kind]) if kind in own else kind_spec(kind)).fields]


def check_has_fields(doc_id: str, kind: str, own: Mapping[str, str]) -> None:
    """raises BadManifest for a document whose fields nobody could look for, before anything is kept of it"""
    if not field_names(kind, own):
        raise BadManifest(
            "kinds",
            f"{doc_id!r} was taken for a {kind}, and nothing says which fields a {kind} has: leave it out, say what it "
            "is (--kind receipt), or describe its fields (--kind-file)",
        )


def check_budget(manifest: Manifest, quote: Quote) -> None:
    """raises BudgetBelowQuote when the requester would have to pay more than was allowed"""
    if manifest.budget_minor < quote.total_minor:
        raise BudgetBelowQuote(budget=Money(manifest.budget_minor, quote.money), quote=quote.total)


def route_problem(manifest: Manifest, routing: Routing, directory: Directory, *, avoid: Sequence[int]) -> str:
    """Why this route can't be taken, in words; "" when it can."""
    parties: tuple[tuple[Role, str], ...] = (
        ("exchange", routing.exchange),
        ("recording", routing.recording),
        ("reputation", routing.reputation),
        ("jury", routing.jury),
    )
    for role, address in parties:
        try:
            directory.find(role, address)
        except UnknownParty as unknown:
            return unknown.message
    if routing.recording == routing.reputation:
        return "one key would reserve and pay: recording and reputation oracle must be two"
    if routing.chain_id in avoid:
        return f"chain {routing.chain_id} was to be avoided"
    wishes = manifest.wishes
    if wishes.chain_ids and routing.chain_id not in wishes.chain_ids:
        return f"chain {routing.chain_id} is not among the requester's chains"
    if wishes.exchanges and routing.exchange not in wishes.exchanges:
        return f"exchange {routing.exchange} is not among the requester's exchanges"
    return ""


_TO_SETTLING = {
    "open": ("record", "judge"),
    "recorded": ("judge",),
    "cancelling": ("judge",),
    "settling": (),
}


def verbs_to_settling(state: str) -> tuple[str, ...] | None:
    """The moves that a judged job still has to make; None where a verdict makes no sense."""
    return _TO_SETTLING.get(state)


def known_for_skill(doc_ids: Iterable[str], *, job_id: str) -> frozenset[str]:
    """Which of the documents that a requester knows measure workers. The others are the holdback: nobody's inference,
    no worker's skill and no confidence rests on them, so that they can judge the whole.

    One document alone is the holdback. The split follows from the job's id, so that nobody chooses it.
    """
    known = sorted(set(doc_ids))
    if len(known) < 2:
        return frozenset()
    part_a, _ = gold.split_holdback(known, seed=int(digest("holdback", job_id)[:12], 16), holdback_bp=HOLDBACK_SHARE_BP)
    return frozenset(part_a)
