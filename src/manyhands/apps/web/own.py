"""What a worker may ask about the own work: hours, answers, refusals, appeals, wishes, a statement, all to take along.

Rules kept here
- Every route asks by the session's own address: there is no route that takes a worker's address.
- A statement says how it was made up and what is still pending, and why.
"""

import csv
import io
import json
import zipfile
from asyncio import to_thread
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import msgspec
from fastapi import Depends, FastAPI, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from manyhands.roles.exchange import Exchange
from manyhands.roles.exchange.accounts import Account
from manyhands.roles.exchange.appealing import Appeal
from manyhands.roles.exchange.books import PAGE_MAX, HourWorked, OwnAnswer, PublicRecord, RoleShown, Wishes
from manyhands.roles.exchange.learning import GuideExample, LearnedView, PracticeLine, PracticeView
from manyhands.roles.exchange.linking import LinkView
from manyhands.roles.exchange.noticing import SignView
from manyhands.roles.exchange.role import RefusalView

from . import shapes
from .door import signed_in
from .replies import PROBLEMS, answer, told_as
from .said import spoken
from .statement import statement_csv, statement_lines, statement_pdf

JobId = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.:-]+$")]
Language = Annotated[str, Query(pattern="^[a-z]{2,3}$", description="of the reader; English where there is no other")]
TAGS: list[str | Enum] = ["own record"]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class AppealWish(shapes.Asked):
    words: Annotated[str, Field(min_length=1, max_length=2_000, description="why the answers are honest work")]


class AppealTold(shapes.Told):
    appeal_id: shapes.Id


class RatingWish(shapes.Asked):
    stars: Annotated[int, Field(ge=1, le=5)]


class WishesBody(shapes.Asked):
    """Minutes; 0 = no limit."""

    day_cap_minutes: Annotated[int, Field(ge=0, le=1_440)] = 0
    week_cap_minutes: Annotated[int, Field(ge=0, le=10_080)] = 0
    break_minutes: Annotated[int, Field(ge=0, le=240)] = 50
    sensitive: bool = False
    utc_offset_minutes: Annotated[int, Field(ge=-840, le=840)] = 0
    languages: Annotated[
        tuple[Annotated[str, Field(pattern="^[a-z]{2,3}$")], ...],
        Field(max_length=20, description="that the worker reads; empty = not told"),
    ] = ()


class WishesTold(WishesBody):
    today_ms: shapes.Ms
    week_ms: shapes.Ms


class GuideWish(shapes.Asked):
    version: Annotated[str, Field(min_length=1, max_length=64)]
    language: Annotated[
        str, Field(pattern="^[a-z]{2,3}$", description="in which it was shown: its words are paid for", examples=["es"])
    ] = "en"


class PracticeWish(shapes.Asked):
    place: Annotated[int, Field(ge=0, le=9, description="the piece's number, from 0")]
    text: Annotated[str | None, Field(max_length=2_000, description="null = cannot read", examples=["12.50"])]


def download(raw: bytes, *, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(raw, media_type=media_type, headers=headers)


def add_own(app: FastAPI, exchange: Exchange) -> None:
    """Adds the routes of a worker's own record."""
    who, earning = Depends(signed_in(scope="work")), Depends(signed_in(scope="earnings"))
    options: dict[str, Any] = {"tags": ["own record"], "responses": PROBLEMS}
    files: dict[str, Any] = {
        "tags": ["own record"],
        "response_class": Response,
        "responses": {
            **PROBLEMS,
            200: {"content": {"application/octet-stream": {}}, "description": "the file"},
        },
    }

    @app.get(
        "/api/hours", summary="Work by the hour of the clock", tags=TAGS, **told_as("Hours", hours=list[HourWorked])
    )
    async def hours(worker: Annotated[Account, earning]) -> Response:
        return answer({"hours": await exchange.books.hours(worker.worker)})

    @app.get(
        "/api/own/answers/{job_id}", summary="Own tasks of a job, newest first", tags=TAGS,
        **told_as("OwnAnswers", answers=list[OwnAnswer], more=bool),
    )  # fmt: skip
    async def own_answers(
        job_id: JobId, worker: Annotated[Account, earning], skip: Annotated[int, Query(ge=0, le=10_000_000)] = 0
    ) -> Response:
        found = await exchange.books.answers(worker.worker, job_id, skip=skip)
        return answer(spoken({"answers": found, "more": len(found) == PAGE_MAX}))

    @app.get(
        "/api/refusals", summary="Own refused answers with reasons; own appeals", tags=TAGS,
        **told_as("Refusals", refusals=list[RefusalView], appeals=list[Appeal]),
    )  # fmt: skip
    async def refusals(worker: Annotated[Account, earning]) -> Response:
        told = {"refusals": await exchange.refusals(worker.worker), "appeals": await exchange.appeals(worker.worker)}
        return answer(spoken(told))

    @app.post(
        "/api/jobs/{job_id}/appeal", response_model=AppealTold, summary="Have people look at refused answers again",
        **options,
    )  # fmt: skip
    async def appeal(job_id: JobId, wish: AppealWish, worker: Annotated[Account, who]) -> Response:
        return answer({"appeal_id": await exchange.appeal(worker.worker, job_id, wish.words)})

    @app.get(
        "/api/own/link", summary="Whether one counts as one with other accounts", tags=TAGS,
        **told_as("OwnLink", link=LinkView | None),
    )  # fmt: skip
    async def own_link(worker: Annotated[Account, earning]) -> Response:
        return answer(spoken({"link": await exchange.linking.of(worker.worker)}))

    @app.post("/api/own/link", response_model=shapes.Done, summary="Say that it is wrong; a person decides", **options)
    async def object_to_link(wish: AppealWish, worker: Annotated[Account, who]) -> Response:
        await exchange.linking.say(worker.worker, wish.words)
        return answer({"done": True})

    @app.get(
        "/api/own/signs",
        summary="What was noticed of own answers, with its counts",
        tags=TAGS,
        **told_as("OwnSigns", signs=list[SignView]),
    )
    async def own_signs(worker: Annotated[Account, earning]) -> Response:
        return answer(spoken({"signs": await exchange.noticing.of(worker.worker)}))

    @app.post(
        "/api/own/signs/{job_id}/{kind}", response_model=shapes.Done, summary="Say what there is to say to a sign",
        **options,
    )  # fmt: skip
    async def object_to_sign(job_id: JobId, kind: JobId, wish: AppealWish, worker: Annotated[Account, who]) -> Response:
        await exchange.noticing.say(worker.worker, job_id, kind, wish.words)
        return answer({"done": True})

    @app.post("/api/jobs/{job_id}/rating", response_model=shapes.Done, summary="Rate a job's requester", **options)
    async def rating(job_id: JobId, wish: RatingWish, worker: Annotated[Account, who]) -> Response:
        await exchange.books.rate(worker.worker, job_id, wish.stars)
        return answer({"done": True})

    @app.get("/api/wishes", response_model=WishesTold, summary="Own limits, and how much of them is used", **options)
    async def wishes(worker: Annotated[Account, who]) -> Response:
        return answer(await _wishes_told(exchange, worker.worker))

    @app.post("/api/wishes", response_model=WishesTold, summary="Set own limits", **options)
    async def put_wishes(wish: WishesBody, worker: Annotated[Account, who]) -> Response:
        await exchange.books.put_wishes(worker.worker, Wishes(**wish.model_dump()))
        return answer(await _wishes_told(exchange, worker.worker))

    @app.post("/api/guides/{task_type}/read", response_model=shapes.Done, summary="A guide was read", **options)
    async def read_guide(task_type: JobId, wish: GuideWish, worker: Annotated[Account, who]) -> Response:
        await exchange.learning.read_guide(worker.worker, task_type, wish.version, language=wish.language)
        return answer({"done": True})

    @app.get(
        "/api/guides/{task_type}/examples", summary="Examples of a guide", tags=TAGS,
        **told_as("GuideExamples", examples=list[GuideExample]),
    )  # fmt: skip
    async def guide_examples(task_type: JobId, worker: Annotated[Account, who], language: Language = "en") -> Response:
        return answer({"examples": exchange.learning.examples(task_type, language)})

    @app.get("/api/guides/{task_type}/examples/{place}", summary="The picture of an example", **files)
    async def example_picture(
        task_type: JobId,
        place: Annotated[int, Path(ge=0, le=9)],
        worker: Annotated[Account, who],
        language: Language = "en",
    ) -> Response:
        raw = await to_thread(exchange.learning.example_picture, task_type, place, language)
        return Response(raw, media_type="image/png", headers={"Cache-Control": "private, max-age=86400"})

    @app.get(
        "/api/learned", summary="Guides read and practices done: paid or due", tags=TAGS,
        **told_as("LearnedParts", learned=list[LearnedView]),
    )  # fmt: skip
    async def learned(worker: Annotated[Account, earning]) -> Response:
        return answer({"learned": await exchange.learning.learned(worker.worker)})

    @app.get(
        "/api/practice", summary="What can be practised, and how far one is", tags=TAGS,
        **told_as("Practices", practices=list[PracticeLine]),
    )  # fmt: skip
    async def practices(worker: Annotated[Account, who]) -> Response:
        return answer({"practices": await exchange.learning.practices(worker.worker)})

    @app.get(
        "/api/practice/{task_type}", summary="Own practice of a kind of work", tags=TAGS,
        **told_as("PracticeView", whole=PracticeView),
    )  # fmt: skip
    async def practice(task_type: JobId, worker: Annotated[Account, who], language: Language = "en") -> Response:
        return answer(await exchange.learning.practice(worker.worker, task_type, language=language))

    @app.post(
        "/api/practice/{task_type}/answer", summary="Answer a piece; the reply tells the reason", tags=TAGS,
        **told_as("PracticeView", whole=PracticeView),
    )  # fmt: skip
    async def practise(
        task_type: JobId, wish: PracticeWish, worker: Annotated[Account, who], language: Language = "en"
    ) -> Response:
        told = await exchange.learning.answer(worker.worker, task_type, wish.place, wish.text, language=language)
        return answer(told)

    @app.get("/api/practice/{task_type}/pictures/{place}", summary="The picture of a piece", **files)
    async def practice_picture(
        task_type: JobId,
        place: Annotated[int, Path(ge=0, le=9)],
        worker: Annotated[Account, who],
        language: Language = "en",
    ) -> Response:
        raw = await to_thread(exchange.learning.picture, worker.worker, task_type, place, language)
        return Response(raw, media_type="image/png", headers={"Cache-Control": "private, no-store"})

    @app.get("/api/statement.csv", summary="A statement of earnings as CSV", **files)
    async def csv_statement(worker: Annotated[Account, earning]) -> Response:
        lines = statement_lines(await exchange.earnings(worker.worker))
        return download(statement_csv(lines), name="statement.csv", media_type="text/csv; charset=utf-8")

    @app.get("/api/statement.pdf", summary="A statement of earnings as PDF", **files)
    async def pdf_statement(worker: Annotated[Account, earning]) -> Response:
        earned = await exchange.earnings(worker.worker)
        raw = statement_pdf(
            earned, name=worker.name, worker=worker.worker, simulated=worker.simulated, now_ms=exchange.ctx.clock()
        )
        return download(raw, name="statement.pdf", media_type="application/pdf")

    @app.get("/api/export.json", summary="Everything the platform knows of this worker", **files)
    async def export_json(request: Request, worker: Annotated[Account, earning]) -> Response:
        told = await _everything(exchange, worker)
        return download(msgspec.json.encode(told), name="manyhands.json", media_type="application/json")

    @app.get("/api/export.zip", summary="The same as JSON and one CSV for each table", **files)
    async def export_zip(worker: Annotated[Account, earning]) -> Response:
        told = await _everything(exchange, worker)
        return download(packed(told), name="manyhands.zip", media_type="application/zip")


def add_public_record(app: FastAPI, exchange: Exchange, parties: Sequence[RoleShown]) -> None:
    """Adds what anyone may know. parties: the roles of this platform with their addresses, the same for everybody."""

    @app.get(
        "/api/record", tags=["record"], summary="Sums, wages without names, reports and appeals with outcomes, roles",
        **told_as("Record", whole=PublicRecord),
    )  # fmt: skip
    async def record() -> Response:
        return answer(spoken(msgspec.structs.replace(await exchange.books.public_record(), parties=tuple(parties))))


async def _wishes_told(exchange: Exchange, worker: str) -> dict[str, Any]:
    wishes = await exchange.books.wishes(worker)
    worked = await exchange.books.own_hours(worker, wishes)
    return {**msgspec.structs.asdict(wishes), **msgspec.structs.asdict(worked)}


async def _everything(exchange: Exchange, worker: Account) -> dict[str, Any]:
    return {
        "account": [{"worker": worker.worker, "name": worker.name, "simulated": worker.simulated}],
        "sessions": msgspec.to_builtins(await exchange.sessions(worker.worker)),
        "standings": msgspec.to_builtins(await exchange.standings(worker.worker)),
        "earnings": msgspec.to_builtins(
            [job for one in (await exchange.earnings(worker.worker)).by_currency for job in one.jobs]
        ),
        **await exchange.books.everything(worker.worker),
    }


def packed(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """A zip with everything as JSON, and each table as CSV."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manyhands.json", json.dumps(tables, ensure_ascii=False, indent=1))
        for name, table in tables.items():
            archive.writestr(f"{name}.csv", table_csv(table))
    return buffer.getvalue()


def table_csv(table: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV with a head; a text that a spreadsheet would run as a formula is quoted.

    >>> table_csv([{"a": "=1+1", "b": None}])
    "a,b\\r\\n'=1+1,\\r\\n"
    """
    buffer = io.StringIO()
    names = list(table[0]) if table else []
    writer = csv.writer(buffer)
    if names:
        writer.writerow(names)
    for row in table:
        writer.writerow([_cell(row.get(name)) for name in names])
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
