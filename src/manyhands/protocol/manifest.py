"""The signed description of a job: what is asked, by which rule it is judged, what it pays.

Rules kept here
- Every field has a unit in its name and a bound in its check; an unknown field is refused by name.
- A reward is never set by hand: it follows from effort and the pay per hour, which is never below the fair floor.
- The manifest holds nothing of a document's content: pages travel to the exchange alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from . import canonical
from .daily_cap import PARTS_BOUNDS
from .errors import BadManifest
from .money import BASIS_POINTS, CURRENCIES, EXPONENT_MAX, Currency

Privacy = Literal["strict", "standard", "off"]
Crowd = Literal["people", "simulated"]
MachinePolicy = Literal["agreeing_readers", "none"]

LEASE_MS_BOUNDS = (60_000, 24 * 3_600_000)
MAX_ANSWERS_BOUNDS = (1, 15)
KINDS_MAX = 10
KIND_CHARS_MAX = 20_000


class QualityRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By which rule answers become verdicts and the whole is accepted.

    target_bp        share of right items the requester wants, basis points
    benchmark_bp     below this measured share the whole job is not accepted
    max_answers      answers asked for one task at most
    gold_share_bp    share of tasks whose answer is known beforehand
    holdback_max     requester's known items used to judge the whole, at most
    error_cost_minor what a wrong item costs the requester; a further answer is bought only while it takes away more of
                     that than its price. 0 = always worth its price
    """

    target_bp: int = 9_950
    benchmark_bp: int = 9_000
    max_answers: int = 4
    gold_share_bp: int = 500
    holdback_max: int = 400
    error_cost_minor: int = 0


class PayRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an hour of work pays, and how a reward follows from it.

    currency               code of the money: the symbol of the token that the job is paid in
    exponent               decimals of that money in quotes; absent = as the built-in currency of that code. Whoever
                           takes part in the job holds it to the own facts of the token (`ledger.as_told`)
    per_hour_minor         pay for an hour of work at the median pace, in minor units
    floor_per_hour_minor   fair floor: what an hour of measured work pays at least, topped up per worker
    effort_base_ms, effort_char_ms   median effort of one answer = base + characters x char
    bonus_max_bp           most that a good standing adds to what was earned; pay is never adjusted downwards
    effort_cap_factor      time of one answer is credited up to this many times its median effort
    """

    currency: str = "MHT"
    per_hour_minor: int
    floor_per_hour_minor: int
    effort_base_ms: int = 2_000
    effort_char_ms: int = 333
    bonus_max_bp: int = 1_000
    effort_cap_factor: int = 3
    exponent: int | msgspec.UnsetType = msgspec.UNSET

    @property
    def money(self) -> Currency:
        """The currency of every amount of the manifest. What it is called on pages is each operator's own word."""
        known = CURRENCIES.get(self.currency)
        if known is not None:
            return known
        return Currency(self.currency, self.exponent if isinstance(self.exponent, int) else 0)


class FeeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The operators' fees, fixed when the quote is signed: shares of the fund, paid as far as the fund was paid out."""

    exchange_bp: int = 100
    recording_bp: int = 100
    reputation_bp: int = 100

    @property
    def total_bp(self) -> int:
        return self.exchange_bp + self.recording_bp + self.reputation_bp


FEES_MAX_BP = 2_500
"""Cap on the sum of fees, the same as the contract's."""


class Wishes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the requester asks of the route. Empty means any."""

    chain_ids: tuple[int, ...] = ()
    exchanges: tuple[str, ...] = ()
    finality_ms_max: int = 0


class Region(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place on every document's page that the requester drew, in thousandths of the page's width and height.

    name     the field's name, as it stands in the results
    page_no  page of the document, from 1
    """

    name: str
    page_no: int = 1
    x0_permille: int
    y0_permille: int
    x1_permille: int
    y1_permille: int


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of the pages is asked, where it is not everything.

    regions     only pieces whose middle lies in one of them go to people; empty = the whole page
    pieces_max  pieces that go to people at most, over all pages: a try-out; 0 = no limit
    fields      names of the fields wanted by a job of fields alone; absent = all of the kind
    """

    regions: tuple[Region, ...] = ()
    pieces_max: int = 0
    fields: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


REGIONS_MAX = 40


class UnseenAudit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What people's reading of a random sample has to show of the pieces that a machine's reading is believed of.

    wrong_share_bp  so large a share of them may be wrong and unseen, basis points; else more are shown to people
    confidence_bp   how sure that has to be
    sample_max_bp   share of them that may be sampled at most. Below 10,000 the promise may end as "not shown"
    """

    wrong_share_bp: int = 100
    confidence_bp: int = 9_500
    sample_max_bp: int = 10_000


class Needs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the work asks of a worker, told with every offer. The defaults ask nothing.

    languages  that pieces are written in, codes of ISO 639 (`es`); one of them suffices
    screen     wide = pieces cannot be told apart on a telephone
    pointer    fine = something is to be pointed at closely
    score_bp   least standing in this kind of work, basis points; newcomers start at 6,577 or as newcomers turned out
    """

    languages: tuple[str, ...] = ()
    screen: Literal["any", "wide"] = "any"
    pointer: Literal["any", "fine"] = "any"
    score_bp: int = 0


WIDE_SCREEN_PX = 800
NEEDS_LANGUAGES_MAX = 10


class Learning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What getting ready for this kind of work pays, out of this job: once per worker and version (ADR 0130).

    guide_ms         time credited for reading the guide in English
    practice_ms      time credited for the whole practice; 0 = this kind of work has none
    places           workers whom this job pays for it, at most
    other_guides_ms  language -> time credited for reading the guide in it; one that is not here is paid as English,
                     which is what its readers are shown (ADR 0170)
    """

    guide_ms: int
    practice_ms: int
    places: int
    other_guides_ms: dict[str, int] | msgspec.UnsetType = msgspec.UNSET

    def guide_ms_in(self, language: str) -> int:
        """Time credited for reading the guide in a language; "" = English."""
        others = self.other_guides_ms if isinstance(self.other_guides_ms, dict) else {}
        return others.get(language, self.guide_ms)

    @property
    def guide_ms_most(self) -> int:
        """The longest that the guide takes, in whatever language."""
        others = self.other_guides_ms if isinstance(self.other_guides_ms, dict) else {}
        return max(self.guide_ms, *others.values()) if others else self.guide_ms


LEARNING_MS_MAX = 1_800_000
LEARNING_PLACES_MAX = 1_000


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One job. Amounts in minor units of `pay.currency`.

    scope  absent = all of the pages. Without one the bytes, and so the hash, are those from before there was a scope
    kinds  descriptions (YAML) of the requester's own kinds of document, by name: fields, labels, checks
    audit  absent = the acceptance rules are taken at their word; else the job's threshold follows from a sample
    needs  absent = the work fits anybody
    learning  absent = reading the guide and practising are not paid by this job
    pool   absent = everybody may work; else the address of the work pool whose members alone are lent tasks
    daily_cap_parts  absent = none; else at most one part in so many of the funds is reserved, and paid, per chain day
    """

    version: Literal[1] = 1
    job_id: str
    title: str
    description: str = ""
    requester: str
    task_type: str
    content_class: Literal["plain", "sensitive"] = "plain"
    privacy: Privacy = "standard"
    crowd: Crowd = "people"
    machine: MachinePolicy = "agreeing_readers"
    quality: QualityRule = QualityRule()
    pay: PayRule
    fees: FeeRule = FeeRule()
    wishes: Wishes = Wishes()
    lease_ms: int = 600_000
    scope: Scope | msgspec.UnsetType = msgspec.UNSET
    kinds: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    audit: UnseenAudit | msgspec.UnsetType = msgspec.UNSET
    learning: Learning | msgspec.UnsetType = msgspec.UNSET
    needs: Needs | msgspec.UnsetType = msgspec.UNSET
    pool: str | msgspec.UnsetType = msgspec.UNSET
    daily_cap_parts: int | msgspec.UnsetType = msgspec.UNSET
    page_count: int
    document_count: int
    budget_minor: int
    created_at_ms: int

    @property
    def hash(self) -> str:
        return canonical.content_hash(self)


def parse_manifest(raw: bytes | str | Mapping[str, Any]) -> Manifest:
    """raises BadManifest naming the field and the problem"""
    try:
        manifest = (
            msgspec.convert(dict(raw), Manifest, strict=True)
            if isinstance(raw, Mapping)
            else msgspec.json.decode(raw, type=Manifest)
        )
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as problem:
        text = str(problem)
        field = text.rsplit("`$", 1)[-1].strip(".` ") if "`$" in text else "manifest"
        raise BadManifest(field or "manifest", text) from problem
    check_manifest(manifest)
    return manifest


def check_manifest(manifest: Manifest, *, task_types: Sequence[str] | None = None) -> None:
    """Every bound of a manifest. raises BadManifest for the first that is broken.

    task_types  names that the exchange knows; None skips that check
    """

    def need(holds: bool, field: str, problem: str) -> None:
        if not holds:
            raise BadManifest(field, problem)

    pay, rule = manifest.pay, manifest.quality
    need(bool(manifest.title.strip()), "title", "is empty: workers see it before they accept")
    if task_types is not None:
        need(
            manifest.task_type in task_types,
            "task_type",
            f"{manifest.task_type!r} is unknown; known: {', '.join(sorted(task_types))}",
        )
    known = CURRENCIES.get(pay.currency)
    need(
        known is not None or (isinstance(pay.exponent, int) and is_currency_code(pay.currency)),
        "pay.currency",
        f"{pay.currency!r} is unknown; known: {', '.join(sorted(CURRENCIES))}, and any token with its exponent",
    )
    if isinstance(pay.exponent, int):
        need(0 <= pay.exponent <= EXPONENT_MAX, "pay.exponent", f"must be between 0 and {EXPONENT_MAX}")
        need(
            known is None or known.exponent == pay.exponent,
            "pay.exponent",
            f"is {pay.exponent}, but {pay.currency} has {known.exponent if known else 0}",
        )
    need(pay.floor_per_hour_minor > 0, "pay.floor_per_hour_minor", "must be more than 0")
    need(
        pay.per_hour_minor >= pay.floor_per_hour_minor,
        "pay.per_hour_minor",
        f"{pay.per_hour_minor} is below the fair floor of {pay.floor_per_hour_minor} an hour",
    )
    need(pay.effort_base_ms > 0 and pay.effort_char_ms >= 0, "pay.effort_base_ms", "effort must be more than 0")
    need(0 <= pay.bonus_max_bp <= BASIS_POINTS, "pay.bonus_max_bp", "must be between 0 and 10000")
    need(1 <= pay.effort_cap_factor <= 10, "pay.effort_cap_factor", "must be between 1 and 10")
    need(
        0 < rule.target_bp < BASIS_POINTS,
        "quality.target_bp",
        "must be more than 0 and less than 10000: no rule can promise every item",
    )
    need(0 <= rule.benchmark_bp <= rule.target_bp, "quality.benchmark_bp", "must be between 0 and the target")
    low, high = MAX_ANSWERS_BOUNDS
    need(low <= rule.max_answers <= high, "quality.max_answers", f"must be between {low} and {high}")
    need(0 <= rule.gold_share_bp <= 3_000, "quality.gold_share_bp", "must be between 0 and 3000")
    need(rule.error_cost_minor >= 0, "quality.error_cost_minor", "must be 0 or more")
    for name in ("exchange_bp", "recording_bp", "reputation_bp"):
        need(getattr(manifest.fees, name) >= 0, f"fees.{name}", "must not be negative")
    need(
        manifest.fees.total_bp <= FEES_MAX_BP,
        "fees",
        f"sum to {manifest.fees.total_bp} basis points; the cap is {FEES_MAX_BP}",
    )
    low, high = LEASE_MS_BOUNDS
    need(low <= manifest.lease_ms <= high, "lease_ms", f"must be between {low} and {high}")
    need(manifest.page_count > 0 and manifest.document_count > 0, "page_count", "there is no page to work on")
    need(manifest.budget_minor > 0, "budget_minor", "must be more than 0")
    kinds = manifest.kinds if isinstance(manifest.kinds, dict) else {}
    need(len(kinds) <= KINDS_MAX, "kinds", f"are {len(kinds)}; one job takes {KINDS_MAX} at most")
    need(
        all(len(spec) <= KIND_CHARS_MAX for spec in kinds.values()),
        "kinds",
        f"hold a description of more than {KIND_CHARS_MAX} characters",
    )
    if isinstance(manifest.needs, Needs):
        wanted = manifest.needs
        need(0 <= wanted.score_bp < BASIS_POINTS, "needs.score_bp", "must be at least 0 and less than 10000")
        need(
            len(wanted.languages) <= NEEDS_LANGUAGES_MAX and all(is_language(one) for one in wanted.languages),
            "needs.languages",
            f"are codes such as 'es', {NEEDS_LANGUAGES_MAX} at most",
        )
    need(
        manifest.pool is msgspec.UNSET or is_address(manifest.pool),
        "pool",
        "must be the address of a work pool, 0x and 40 lower-case digits",
    )
    fewest, most = PARTS_BOUNDS
    need(
        manifest.daily_cap_parts is msgspec.UNSET or fewest <= cap_parts_of(manifest) <= most,
        "daily_cap_parts",
        f"must be between {fewest} and {most}, or left out for no daily cap",
    )
    if isinstance(manifest.learning, Learning):
        learning = manifest.learning
        for name in ("guide_ms", "practice_ms"):
            need(
                0 <= getattr(learning, name) <= LEARNING_MS_MAX,
                f"learning.{name}",
                f"must be between 0 and {LEARNING_MS_MAX}",
            )
        if isinstance(others := learning.other_guides_ms, dict):
            need(
                len(others) <= NEEDS_LANGUAGES_MAX
                and all(is_language(one) and 0 <= ms <= LEARNING_MS_MAX for one, ms in others.items()),
                "learning.other_guides_ms",
                f"are times between 0 and {LEARNING_MS_MAX} by codes such as 'es', {NEEDS_LANGUAGES_MAX} at most",
            )
        need(
            0 <= learning.places <= LEARNING_PLACES_MAX,
            "learning.places",
            f"must be between 0 and {LEARNING_PLACES_MAX}",
        )
    if isinstance(manifest.audit, UnseenAudit):
        audit = manifest.audit
        need(1 <= audit.wrong_share_bp <= 2_000, "audit.wrong_share_bp", "must be between 1 and 2000")
        need(
            5_000 <= audit.confidence_bp <= 9_999,
            "audit.confidence_bp",
            "must be between 5000 and 9999: no sample shows anything for certain",
        )
        need(1 <= audit.sample_max_bp <= BASIS_POINTS, "audit.sample_max_bp", "must be between 1 and 10000")
        need(not isinstance(manifest.scope, Scope), "audit", "speaks of whole pages: leave the scope out")
        need(manifest.machine != "none", "audit", "has nothing to audit: people read everything in this job")
    if isinstance(manifest.scope, Scope):
        _check_scope(manifest.scope, need)


def pool_of(manifest: Manifest) -> str:
    """The work pool whose members alone may work on the job; "" = everybody may."""
    return manifest.pool if isinstance(manifest.pool, str) else ""


def cap_parts_of(manifest: Manifest) -> int:
    """One part in so many of the funds is reserved, and paid, per chain day at most; 0 = there is no daily cap."""
    return manifest.daily_cap_parts if isinstance(manifest.daily_cap_parts, int) else 0


def is_currency_code(text: object) -> bool:
    """Whether a text can be the code of a currency: a letter, then letters and digits, 16 signs at most.

    >>> is_currency_code("YEN0"), is_currency_code("12"), is_currency_code("a b")
    (True, False, False)
    """
    return isinstance(text, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,15}", text) is not None


def is_address(text: object) -> bool:
    """Whether a text is an address as it is written everywhere here.

    >>> is_address("0x" + "ab" * 20), is_address("0x" + "AB" * 20)
    (True, False)
    """
    return isinstance(text, str) and re.fullmatch("0x[0-9a-f]{40}", text) is not None


def is_language(code: str) -> bool:
    """Whether a text is a language's code.

    >>> is_language("es"), is_language("Spanish")
    (True, False)
    """
    return 2 <= len(code) <= 3 and code.isascii() and code.isalpha() and code.islower()


def _check_scope(scope: Scope, need: Callable[[bool, str, str], None]) -> None:
    need(scope.pieces_max >= 0, "scope.pieces_max", "must not be negative")
    need(len(scope.regions) <= REGIONS_MAX, "scope.regions", f"are more than {REGIONS_MAX}")
    if isinstance(scope.fields, tuple):
        need(0 < len(scope.fields) <= REGIONS_MAX, "scope.fields", f"are none, or more than {REGIONS_MAX}")
        need(
            all(0 < len(name.strip()) <= 80 for name in scope.fields) and len(set(scope.fields)) == len(scope.fields),
            "scope.fields",
            "hold a name that is empty, too long or there twice",
        )
    names = [region.name for region in scope.regions]
    need(len(set(names)) == len(names), "scope.regions", "name one field twice")
    for region in scope.regions:
        need(region.name.strip() != "" and len(region.name) <= 80, "scope.regions.name", "is empty or too long")
        need(region.page_no >= 1, "scope.regions.page_no", "counts from 1")
        need(
            0 <= region.x0_permille < region.x1_permille <= 1_000
            and 0 <= region.y0_permille < region.y1_permille <= 1_000,
            "scope.regions",
            f"{region.name!r} is not a box inside the page",
        )
