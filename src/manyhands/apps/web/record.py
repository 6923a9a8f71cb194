"""The public record of a job: what its launcher knows, what the exchange counted, and what the chain says.

Rules kept here
- Reads only, through the roles' own views and the ledger's list of final events; no role's tables are touched.
- Putting the three together is pure: `job_page` and `facts_of` take values and return what the page shows.
- Money that moved is told as the chain tells it; what is not known yet is absent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from manyhands.ledger.desk import closing_told
from manyhands.roles.launcher.errors import UnknownJob
from manyhands.roles.launcher.values import JobSummary, JobView, ResultsView
from manyhands.store.database import Database, rows
from manyhands.store.sql import load_queries

from .said import spoken

QUERIES = load_queries("manyhands.ledger")

PRIVATE_FIELDS = ("requester", "token", "workers_needed", "events", "judged", "settled")
"""Fields of the launcher's view that the page has in another form, or not at all."""

COUNTED_FIELDS = (
    "tasks", "lent", "answers", "workers", "out_of_reach", "pages_read", "pages_drawn", "opened_at_ms",
    "recorded_at_ms", "settled_at_ms",
)  # fmt: skip
"""What of the exchange's counts anyone may see: how far the work is, and nothing of who or what."""

Progress = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""The exchange's counts of a job, None while it has not heard of it."""


class Launched(Protocol):
    """What is asked of the launcher."""

    async def view(self, job_id: str) -> JobView: ...
    def unit_of(self, view: JobView) -> int: ...
    async def list_jobs(self, *, requester: str | None = None, limit: int = 200) -> list[JobSummary]: ...
    async def results(self, job_id: str) -> ResultsView: ...
    async def result_file(self, job_id: str, name: str) -> bytes | None: ...


class ChainEvent(NamedTuple):
    """A final event of the job's escrow. args as decoded; amounts in base units of its token."""

    name: str
    args: Mapping[str, Any]
    tx_hash: str
    block_number: int


class ChainFactsOfJob(msgspec.Struct, frozen=True, kw_only=True):
    """What the escrow's events add up to, minor units of the job's currency. reserved_minor = set aside, not yet paid.

    What was refunded is told in whole ones; the part of one that may have come back beside them counts as fees, as in
    the job's bill.
    """

    anchors: tuple[Mapping[str, Any], ...]
    payouts: tuple[Mapping[str, Any], ...]
    reserved_minor: int
    paid_minor: int
    fees_minor: int
    refunded_minor: int


def facts_of(events: Iterable[ChainEvent], *, unit: int = 1) -> ChainFactsOfJob:
    """Adds up an escrow's events, oldest first.

    unit    base units of the token in a minor unit
    source  events of contracts/Escrow.vy: Anchored, Reserved, Released, BulkTransferV3, OracleFeeTransfer, *Refund
    """
    anchors: list[Mapping[str, Any]] = []
    payouts: list[Mapping[str, Any]] = []
    set_aside = paid = fees = refunded = 0
    for event in events:
        match event.name:
            case "Anchored":
                anchors.append(
                    {"root": _hex(event.args["root"]), "count": int(event.args["count"]), "tx_hash": event.tx_hash}
                )
                set_aside += int(event.args["reserved"])
            case "Reserved":
                set_aside += int(event.args["amount"])
            case "Released":
                set_aside -= int(event.args["amount"])
            case "BulkTransferV3":
                for recipient, amount in zip(event.args["recipients"], event.args["amounts"], strict=True):
                    paid += int(amount)
                    minor = int(amount) // unit
                    payouts.append({"worker": str(recipient).lower(), "minor": minor, "tx_hash": event.tx_hash})
            case "OracleFeeTransfer":
                fees += sum(int(amount) for amount in event.args["amounts"])
            case "CompletionRefund" | "CancellationRefund":
                refunded += int(event.args["amount"])
    paid_minor, fees_minor, refunded_minor = closing_told(paid, fees, refunded, unit=unit)
    return ChainFactsOfJob(
        anchors=tuple(anchors),
        payouts=tuple(payouts),
        reserved_minor=max(0, set_aside - paid) // unit,
        paid_minor=paid_minor,
        fees_minor=fees_minor,
        refunded_minor=refunded_minor,
    )


def waits_for(view: JobView, progress: Mapping[str, Any]) -> str:
    """What a job that is worked on waits for, in one sentence; empty when it waits for nobody.

    >>> from types import SimpleNamespace as View
    >>> counts = {"pages_read": 4, "daily_share": {"full": True, "next_at_ms": 86_400_000}}
    >>> waits_for(View(state="open", pages=4, privacy="standard"), counts)
    "today's part of the pay is spoken for (daily cap): work goes on at 00:00 UTC on 1970-01-02"
    >>> counts = {"tasks": {"open": 7}, "lent": 0, "workers": 12, "out_of_reach": 7, "pages_read": 4, "pages_drawn": 4}
    >>> waits_for(View(state="open", pages=4, privacy="standard"), counts)
    '7 tasks wait for other people: the 12 who worked have had them, or seen what privacy standard allows of the page'
    """
    if view.state != "open":
        return ""
    if progress["pages_read"] < view.pages:
        return f"{view.pages - progress['pages_read']} of {view.pages} pages are still to be read by the machine"
    if (share := progress.get("daily_share")) and share["full"]:
        at = datetime.fromtimestamp(share["next_at_ms"] / 1_000, tz=UTC)
        return f"today's part of the pay is spoken for (daily cap): work goes on at {at:%H:%M} UTC on {at:%Y-%m-%d}"
    waiting, beyond = progress["tasks"].get("open", 0), progress.get("out_of_reach", 0)
    if beyond:
        return (
            f"{beyond} tasks wait for other people: the {progress['workers']} who worked have had them, "
            f"or seen what privacy {view.privacy} allows of the page"
        )
    if waiting and not progress["lent"]:
        return f"{waiting} tasks wait for people"
    return f"{progress['lent']} tasks are being worked on" if progress["lent"] else ""


def job_page(view: JobView, progress: Mapping[str, Any] | None, facts: ChainFactsOfJob) -> dict[str, Any]:
    """One job as the API tells it: the launcher's view, the exchange's counts, the chain's money."""
    told: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(view).items() if name not in PRIVATE_FIELDS
    }
    told["quote_lines"] = [
        {
            "title": line.label,
            "minor": line.most_minor,
            "expected_minor": line.expected_minor,
            "because": line.because,
            "figures": line.figures,
        }
        for line in view.quote_lines
    ]
    told["happened"] = [{"at_ms": event.at_ms, "name": event.name, "because": event.because} for event in view.events]
    if progress:
        told |= {name: progress[name] for name in COUNTED_FIELDS if name in progress}
        told["waits_for"] = waits_for(view, progress)
    if view.escrow:
        told |= msgspec.structs.asdict(facts)
    if view.judged is not None:
        told["judged"] = view.judged
    return told


class Record:
    """The record over a launcher, an exchange's progress and the ledger's events.

    open_to  the only requester whose results are told here, "" = all; others fetch theirs at their desk, signed in
    """

    def __init__(self, launcher: Launched, progress: Progress, db: Database, *, open_to: str = "") -> None:
        self._launcher, self._progress, self._db, self._open_to = launcher, progress, db, open_to

    async def jobs(self) -> Sequence[Mapping[str, Any]]:
        return [
            {name: value for name, value in msgspec.structs.asdict(job).items() if name != "requester"}
            for job in await self._launcher.list_jobs()
        ]

    async def job(self, job_id: str) -> Mapping[str, Any] | None:
        try:
            view = await self._launcher.view(job_id)
        except UnknownJob:
            return None
        events: list[ChainEvent] = []
        unit = self._launcher.unit_of(view)
        if view.escrow and view.routing is not None:
            parameters = {"chain_id": view.routing.chain_id, "contract": view.escrow}
            async with self._db.connection() as connection:
                found = await rows(connection, QUERIES.events_of_contract, parameters)
            events = [ChainEvent(*row) for row in found]
        return cast("dict[str, Any]", spoken(job_page(view, await self._progress(job_id), facts_of(events, unit=unit))))

    async def _results(self, job_id: str) -> ResultsView | None:
        try:
            if self._open_to and (await self._launcher.view(job_id)).requester != self._open_to:
                return None
            return await self._launcher.results(job_id)
        except UnknownJob:
            return None

    async def result_files(self, job_id: str) -> Sequence[Mapping[str, Any]] | None:
        results = await self._results(job_id)
        if results is None:
            return None
        return [msgspec.structs.asdict(file) for file in results.files] if results.ready else None

    async def result_file(self, job_id: str, name: str) -> tuple[bytes, str] | None:
        results = await self._results(job_id)
        if results is None:
            return None
        found = next((file for file in results.files if file.name == name), None)
        raw = await self._launcher.result_file(job_id, name) if found else None
        return None if raw is None or found is None else (raw, found.media_type)


def _hex(value: Any) -> str:
    """32 bytes as 0x text, whichever way the indexer kept them."""
    text = value.hex() if isinstance(value, bytes) else str(value).lower()
    return text if text.startswith("0x") else f"0x{text}"
