"""The requester's part of the HTTP API in words a machine reads. The rules are those of `shapes`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .shapes import Asked, AtMs, Id, Minor, Ms, Told

Permille = Annotated[int, Field(ge=0, le=1_000, description="thousandths of the page's width or height")]


class NewDraft(Asked):
    title: Annotated[str, Field(min_length=1, max_length=200, examples=["Receipts of March"])]


class DraftMade(Told):
    draft_id: Id


class FileWish(Asked):
    name: Annotated[str, Field(min_length=1, max_length=300, examples=["march/scan-001.png"])]
    size_bytes: Annotated[int, Field(ge=1, le=10_000_000_000)]


class FilesWish(Asked):
    files: Annotated[list[FileWish], Field(min_length=1, max_length=500)]


class DraftFile(Told):
    file_no: int
    name: str
    size_bytes: int
    received_bytes: int = Field(description="less than size_bytes: send the rest from here on")


class DraftFiles(Told):
    files: list[DraftFile]


class RegionWish(Asked):
    name: Annotated[str, Field(min_length=1, max_length=80, examples=["total"])]
    page_no: Annotated[int, Field(ge=1, le=10_000)] = 1
    x0_permille: Permille
    y0_permille: Permille
    x1_permille: Permille
    y1_permille: Permille


class NeedsWish(Asked):
    """What the work asks of a worker; who does not fit is told why."""

    languages: Annotated[
        list[Annotated[str, Field(pattern="^[a-z]{2,3}$", examples=["es"])]],
        Field(max_length=10, default_factory=list, description="one of them suffices; empty = any"),
    ]
    screen: Literal["any", "wide"] = "any"
    pointer: Literal["any", "fine"] = "any"
    score_bp: Annotated[
        int,
        Field(
            ge=0,
            le=9_999,
            description="least standing in this kind of work; newcomers start at 6577, or what they turned out to be",
        ),
    ] = 0


class DraftWish(Asked):
    """What is wanted of a draft. Amounts in minor units of the platform's token."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=2_000)] = ""
    kind: Annotated[str, Field(max_length=40, description='"" = as each document was recognised')] = ""
    asks: Annotated[
        Literal["pages", "fields", "claims", "ledger"],
        Field(description="key whole pages, find and key fields alone, check claims, match a ledger's lines"),
    ] = "pages"
    fields: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=60, default_factory=list)]
    means: Annotated[
        dict[str, Annotated[str, Field(min_length=1, max_length=240)]],
        Field(
            max_length=40,
            default_factory=dict,
            description="of fields that are looked for: what counts as them, where the kind's own words do not do",
            examples=[{"company": "The brand, in large letters."}],
        ),
    ]
    regions: Annotated[list[RegionWish], Field(max_length=40, default_factory=list)]
    privacy: Literal["strict", "standard", "off"] = "standard"
    machine: Literal["agreeing_readers", "none"] = "agreeing_readers"
    content_class: Literal["plain", "sensitive"] = "plain"
    crowd: Literal["people", "simulated"] = "people"
    pool: Annotated[
        str,
        Field(
            pattern=r"^(0x[0-9a-f]{40})?$",
            description='work pool whose members alone work on it; "" = everybody',
            examples=["0x" + "ab" * 20],
        ),
    ] = ""
    needs: NeedsWish | None = None
    target_bp: Annotated[int, Field(ge=1, le=9_999)] = 9_950
    benchmark_bp: Annotated[int, Field(ge=0, le=9_999)] = 9_000
    currency: Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9]{0,15}$", examples=["MHT"])] = "MHT"
    per_hour_minor: Annotated[int, Field(ge=1, le=10**12)] = 12_000_000
    budget_minor: Annotated[int, Field(ge=1, le=10**15)] | None = None
    daily_cap_parts: (
        Annotated[
            int,
            Field(ge=2, le=30, description="one part in so many of the funds is reserved, and paid, per day at most"),
        ]
        | None
    ) = None
    deadline_ms: Annotated[int, Field(ge=0, le=10**14)] | None = None
    stop_at_deadline: bool = False


class DraftQuestions(Told):
    sheet: Literal["claims", "ledger"]
    name: str = Field(examples=["claims-of-march.csv"])
    count: int = Field(description="questions, each asked once")
    known: int = Field(description="of them, whose answer you know: they measure who answers", examples=[12])
    twice: int = Field(description="rows that repeat another one", examples=[0])


class DraftView(Told):
    draft_id: Id
    title: str
    state: Literal["collecting", "importing", "ready", "launched"]
    wish: dict[str, Any]
    files: list[DraftFile]
    refused: list[dict[str, str]] = Field(
        description="files that could not be taken in: reason and cure",
        examples=[[{"name": "notes.txt", "reason": "it is not an image, a PDF or a table", "cure": "leave it out"}]],
    )
    documents: list[dict[str, Any]]
    pages: list[dict[str, Any]] = Field(
        description="at most 400, with signed addresses of their pictures",
        examples=[[{"doc_id": "receipt-01", "page_no": 1, "page_url": "/pictures/3f/3f.png?signature=ab"}]],
    )
    pages_total: int


class DeskQuoteLine(Told):
    label: str
    count: int
    unit_minor: Minor
    expected_minor: Minor
    most_minor: Minor
    because: str
    figures: dict[str, int] = Field(default={}, description="what because says in figures", examples=[{"most": 128}])


class Forecast(Told):
    """A figure that is not known is null."""

    target_bp: int
    benchmark_bp: int
    right_bp_low: int | None
    right_bp_high: int | None
    work_ms: Ms
    answers_expected: int
    answers_most: int
    done_in_ms: int | None
    fits_deadline: bool | None


class DailyCap(Told):
    parts: int
    per_day_minor: Minor
    days_expected: int = Field(description="days over which the pay that is expected arrives, at least")
    days_most: int = Field(description="the same for all that can be earned")


class DraftQuote(Told):
    currency: str
    exponent: int
    lines: list[DeskQuoteLine]
    expected_minor: Minor
    total_minor: Minor
    workers_needed: int
    above_budget: bool
    forecast: Forecast
    free_minor: Minor | None = Field(description="what you may spend; null = there is no limit")
    short_minor: Minor = Field(description="what of the total your purse does not cover; above 0 it is refused")
    daily_cap: DailyCap | None = Field(default=None, description="what your daily cap means; null = you chose none")


class Agreement(Asked):
    agreed_minor: Annotated[int, Field(ge=0, le=10**15, description="the total of the quote that was agreed to")]
    tryout: Annotated[bool, Field(description="only ten pieces, to see how it goes")] = False


class Launched(Told):
    job_id: Id
    state: str


class DeskJobs(Told):
    drafts: list[dict[str, Any]]
    jobs: list[dict[str, Any]]


class DeskJob(Told):
    job_id: Id
    title: str
    state: str


class Because(Asked):
    because: Annotated[str, Field(max_length=500)] = ""


class ObjectionWish(Asked):
    doc_id: Annotated[str, Field(max_length=200)]
    piece_id: Annotated[str, Field(max_length=80)]
    code: Annotated[str, Field(max_length=40)]
    should_be: Annotated[str, Field(min_length=1, max_length=2_000, description="what the page shows instead")]
    because: Annotated[str, Field(min_length=10, max_length=2_000)]


class ObjectionFiled(Told):
    objection_id: Id


class Objections(Told):
    objections: list[dict[str, Any]]
    filed_at_ms: AtMs | None = None


class CurrencyChoice(Told):
    """A token that a job may be paid in."""

    code: str = Field(examples=["MHT"])
    exponent: int = Field(description="decimals between what people speak of and the minor unit", examples=[6])
    spoken: str = Field(description="the money that people are told it is", examples=["USD"])
    floor_per_hour_minor: Minor


class Choices(Told):
    """What may be chosen at the desk, and the limits of an upload."""

    kinds: list[dict[str, Any]]
    currency: str
    exponent: int
    floor_per_hour_minor: Minor
    currencies: list[CurrencyChoice] = Field(description="tokens that a job may be paid in; the first unless one says")
    part_bytes: int
    simulated_crowd: bool
