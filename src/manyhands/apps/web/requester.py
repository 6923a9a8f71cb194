"""Routes of the requester's desk: drafts, uploads, quotes, launches, and a requester's own jobs.

Rules kept here
- Every route asks for the session and gives its owner to the desk; no owner comes from the request.
- A part of a file is read under a limit of its own; everything else under the site's.
- A running job is told as server-sent events; a window that comes back names the last thing it knows.
"""

from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, FastAPI, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from manyhands.apps.desk import RequesterDesk, Wish
from manyhands.apps.desk.drafts import DRAFT_BYTES_MAX, FILE_BYTES_MAX, FILES_MAX
from manyhands.apps.desk.jobs import OBJECTION_CODES
from manyhands.apps.desk.kinds import kinds_to_choose
from manyhands.apps.questions import SAMPLES, Sheet
from manyhands.protocol.manifest import Needs, Region
from manyhands.roles.exchange.accounts import REQUESTER, Account, Accounts

from . import desk_shapes
from . import requester_shapes as shapes
from .door import signed_in
from .problems import NotFound
from .replies import PROBLEMS, answer
from .said import spoken
from .shapes import Done

DraftId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[a-z0-9]+$")]
JobId = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.:-]+$")]
SheetName = Annotated[Sheet, Path()]
FileNo = Annotated[int, Path(ge=1, le=10_000_000)]
Name = Annotated[str, Path(min_length=1, max_length=300)]
JOBS: Final = Depends(signed_in(scope="jobs"))
RESULTS: Final = Depends(signed_in(scope="results"))
PART_BYTES: Final = 1024 * 1024
PRIVATE: Final = {"Cache-Control": "private, no-store"}


def add_requester(app: FastAPI, desk: RequesterDesk, accounts: Accounts | None, *, simulated_crowd: bool) -> None:
    """Adds the desk's routes."""
    options: dict[str, Any] = {"tags": ["requester"], "responses": PROBLEMS}
    _add_drafts(app, desk, options, simulated_crowd=simulated_crowd)
    _add_jobs(app, desk, options)
    _add_results(app, desk, options)
    if accounts is not None:
        _add_opening(app, accounts, options)


def _add_opening(app: FastAPI, accounts: Accounts, options: dict[str, Any]) -> None:
    @app.post(
        "/api/desk/open", response_model=Done, summary="Open a desk: the account may launch jobs from now on", **options
    )
    async def open_desk(account: Annotated[Account, Depends(signed_in())]) -> Response:
        await accounts.take_role(account.worker, REQUESTER)
        return answer({"done": True})


def _add_drafts(app: FastAPI, desk: RequesterDesk, options: dict[str, Any], *, simulated_crowd: bool) -> None:
    @app.get("/api/desk/choices", response_model=shapes.Choices, summary="What may be chosen at the desk", **options)
    async def choices(owner: Annotated[Account, JOBS]) -> Response:
        policy = desk.drafts.launcher.policy
        offered = [one for code, one in policy.currencies.items() if code in policy.fair_floor_per_hour_minor]
        floors = policy.fair_floor_per_hour_minor
        return answer(
            {
                "kinds": kinds_to_choose(),
                "currency": offered[0].code,
                "exponent": offered[0].exponent,
                "floor_per_hour_minor": floors[offered[0].code],
                "currencies": [
                    {
                        "code": one.code,
                        "exponent": one.exponent,
                        "spoken": one.shown,
                        "floor_per_hour_minor": floors[one.code],
                    }
                    for one in offered
                ],
                "part_bytes": PART_BYTES,
                "files_max": FILES_MAX,
                "file_bytes_max": FILE_BYTES_MAX,
                "draft_bytes_max": DRAFT_BYTES_MAX,
                "simulated_crowd": simulated_crowd,
                "objection_codes": OBJECTION_CODES,
            }
        )

    @app.post("/api/desk/drafts", status_code=201, response_model=shapes.DraftMade, summary="Begin a draft", **options)
    async def begin(wish: shapes.NewDraft, owner: Annotated[Account, JOBS]) -> Response:
        return answer({"draft_id": await desk.drafts.begin(owner.worker, wish.title)}, status=201)

    @app.get(
        "/api/desk/drafts/{draft_id}", response_model=shapes.DraftView, summary="A draft: files, pages, wish", **options
    )
    async def draft(draft_id: DraftId, owner: Annotated[Account, JOBS]) -> Response:
        return answer(spoken(await desk.drafts.view(owner.worker, draft_id)))

    @app.delete("/api/desk/drafts/{draft_id}", response_model=Done, summary="Forget a draft", **options)
    async def delete(draft_id: DraftId, owner: Annotated[Account, JOBS]) -> Response:
        await desk.drafts.delete(owner.worker, draft_id)
        return answer({"done": True})

    @app.post(
        "/api/desk/drafts/{draft_id}/files", response_model=shapes.DraftFiles,
        summary="Say which files will come; a known one keeps what has arrived", **options,
    )  # fmt: skip
    async def announce(draft_id: DraftId, wish: shapes.FilesWish, owner: Annotated[Account, JOBS]) -> Response:
        wanted = [(file.name, file.size_bytes) for file in wish.files]
        return answer({"files": await desk.drafts.announce(owner.worker, draft_id, wanted)})

    @app.put(
        "/api/desk/drafts/{draft_id}/files/{file_no}/part", response_model=shapes.DraftFile,
        summary="The next part of a file; the same part again has no effect",
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
        },
        **options,
    )  # fmt: skip
    async def part(
        draft_id: DraftId,
        file_no: FileNo,
        request: Request,
        owner: Annotated[Account, JOBS],
        offset_bytes: Annotated[int, Query(ge=0, le=10**12)],
    ) -> Response:
        return answer(await desk.drafts.take_part(owner.worker, draft_id, file_no, offset_bytes, await request.body()))

    @app.delete(
        "/api/desk/drafts/{draft_id}/files/{file_no}", response_model=Done, summary="Take a file out", **options
    )
    async def remove(draft_id: DraftId, file_no: FileNo, owner: Annotated[Account, JOBS]) -> Response:
        await desk.drafts.remove_file(owner.worker, draft_id, file_no)
        return answer({"done": True})

    @app.post(
        "/api/desk/drafts/{draft_id}/read-in", response_model=Done,
        summary="Have the files read in; the draft says when its pages are there", **options,
    )  # fmt: skip
    async def read_in(draft_id: DraftId, owner: Annotated[Account, JOBS]) -> Response:
        await desk.drafts.read_in(owner.worker, draft_id)
        return answer({"done": True})

    @app.post("/api/desk/drafts/{draft_id}/reopen", response_model=Done, summary="Take more files in", **options)
    async def reopen(draft_id: DraftId, owner: Annotated[Account, JOBS]) -> Response:
        await desk.drafts.take_back(owner.worker, draft_id)
        await desk.drafts.reopen(owner.worker, draft_id)
        return answer({"done": True})

    @app.post(
        "/api/desk/drafts/{draft_id}/take-back", response_model=Done,
        summary="Change a draft whose job was refused; nothing was charged", **options,
    )  # fmt: skip
    async def take_back(draft_id: DraftId, owner: Annotated[Account, JOBS]) -> Response:
        await desk.drafts.take_back(owner.worker, draft_id)
        return answer({"done": True})

    @app.put("/api/desk/drafts/{draft_id}/wish", response_model=Done, summary="Say what is wanted", **options)
    async def wish(draft_id: DraftId, wanted: shapes.DraftWish, owner: Annotated[Account, JOBS]) -> Response:
        values = wanted.model_dump()
        if values["crowd"] == "simulated" and not simulated_crowd:
            values["crowd"] = "people"
        values["fields"] = tuple(values["fields"])
        values["regions"] = tuple(Region(**region) for region in values["regions"])
        if values["needs"] is not None:
            values["needs"] = Needs(**values["needs"] | {"languages": tuple(values["needs"]["languages"])})
        await desk.drafts.wish(owner.worker, draft_id, Wish(**values))
        return answer({"done": True})

    @app.put(
        "/api/desk/drafts/{draft_id}/questions/{sheet}", response_model=shapes.DraftQuestions,
        summary="A table of claims, or of a ledger's lines, as CSV; what is wrong is named by row and column",
        openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}},
        **options,
    )  # fmt: skip
    async def questions(
        draft_id: DraftId,
        sheet: SheetName,
        request: Request,
        owner: Annotated[Account, JOBS],
        name: Annotated[str, Query(max_length=300)] = "",
    ) -> Response:
        return answer(await desk.drafts.put_questions(owner.worker, draft_id, sheet, name, await request.body()))

    @app.delete(
        "/api/desk/drafts/{draft_id}/questions",
        response_model=Done,
        summary="Take the table of questions out",
        **options,
    )
    async def no_questions(draft_id: DraftId, owner: Annotated[Account, JOBS]) -> Response:
        await desk.drafts.drop_questions(owner.worker, draft_id)
        return answer({"done": True})

    @app.get(
        "/api/desk/samples/{sheet}.csv", summary="A table of questions to begin with", response_class=Response,
        responses={**PROBLEMS, 200: {"content": {"text/csv": {}}, "description": "the columns and two made-up rows"}},
        tags=["requester"],
    )  # fmt: skip
    async def sample(sheet: SheetName, owner: Annotated[Account, JOBS]) -> Response:
        return _download(SAMPLES[sheet].encode("utf-8-sig"), "text/csv", f"{sheet}.csv")

    @app.get(
        "/api/desk/drafts/{draft_id}/quote", response_model=shapes.DraftQuote,
        summary="What it would cost, line by line, and what may be forecast", **options,
    )  # fmt: skip
    async def quote(draft_id: DraftId, owner: Annotated[Account, JOBS], tryout: bool = False) -> Response:
        return answer(spoken(await desk.drafts.quote(owner.worker, draft_id, tryout=tryout)))

    @app.post(
        "/api/desk/drafts/{draft_id}/launch", response_model=shapes.Launched,
        summary="Launch for the figure agreed to; twice is once", **options,
    )  # fmt: skip
    async def launch(draft_id: DraftId, agreed: shapes.Agreement, owner: Annotated[Account, JOBS]) -> Response:
        view = await desk.drafts.launch(owner.worker, draft_id, agreed_minor=agreed.agreed_minor, tryout=agreed.tryout)
        return answer({"job_id": view.job_id, "state": view.state})


def _add_jobs(app: FastAPI, desk: RequesterDesk, options: dict[str, Any]) -> None:
    @app.get("/api/desk/jobs", response_model=shapes.DeskJobs, summary="This requester's drafts and jobs", **options)
    async def jobs(owner: Annotated[Account, JOBS]) -> Response:
        found = [msgspec.structs.asdict(job) for job in await desk.jobs.of(owner.worker)]
        return answer({"drafts": await desk.drafts.of(owner.worker), "jobs": found})

    @app.get(
        "/api/desk/jobs/{job_id}", response_model=shapes.DeskJob, summary="One of this requester's jobs", **options
    )
    async def job(job_id: JobId, owner: Annotated[Account, JOBS]) -> Response:
        view = await desk.jobs.view(owner.worker, job_id)
        told = await desk.watching.snapshot(job_id) or {}
        lines = [msgspec.structs.asdict(line) for line in view.quote_lines]
        return answer(spoken({**told, **await desk.jobs.extras(owner.worker, job_id), "quote_lines": lines}))

    @app.get(
        "/api/desk/jobs/{job_id}/events", summary="A running job as it goes on (server-sent events)",
        response_class=StreamingResponse,
        responses={
            **PROBLEMS,
            200: {
                "description": "events `state` (each replaces the last), `happened` (numbered, once each) and `over`",
                "content": {"text/event-stream": {}},
            },
        },
        tags=["requester"],
    )  # fmt: skip
    async def events(job_id: JobId, request: Request, owner: Annotated[Account, JOBS]) -> Response:
        await desk.jobs.view(owner.worker, job_id)
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isdecimal() and len(last) < 10 else 0
        told = await desk.watching.events(owner.worker, job_id, after=after)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(told, media_type="text/event-stream", headers=headers)

    @app.post(
        "/api/desk/jobs/{job_id}/cancel", response_model=shapes.Launched,
        summary="End a job early: what was accepted is paid, the rest comes back", **options,
    )  # fmt: skip
    async def cancel(job_id: JobId, wish: shapes.Because, owner: Annotated[Account, JOBS]) -> Response:
        view = await desk.jobs.cancel(owner.worker, job_id, wish.because)
        return answer({"job_id": view.job_id, "state": view.state})


def _add_results(app: FastAPI, desk: RequesterDesk, options: dict[str, Any]) -> None:
    @app.get(
        "/api/desk/jobs/{job_id}/pages",
        response_model=desk_shapes.PagesOfJob,
        summary="Pictures of a job's pages",
        **options,
    )
    async def pages(job_id: JobId, owner: Annotated[Account, RESULTS]) -> Response:
        return answer({"pages": await desk.jobs.pages(owner.worker, job_id)})

    @app.get(
        "/api/desk/jobs/{job_id}/documents",
        response_model=desk_shapes.Documents,
        summary="Documents of a delivered job",
        **options,
    )
    async def documents(job_id: JobId, owner: Annotated[Account, RESULTS]) -> Response:
        return answer({"documents": await desk.jobs.documents(owner.worker, job_id)})

    @app.get(
        "/api/desk/jobs/{job_id}/documents/{doc_id}", response_model=desk_shapes.DocumentOfJob,
        summary="One document: fields, tables, pieces with boxes",
        **options,
    )  # fmt: skip
    async def document(job_id: JobId, doc_id: Name, owner: Annotated[Account, RESULTS]) -> Response:
        found = await desk.jobs.document(owner.worker, job_id, doc_id)
        if found is None:
            raise NotFound("document of that name in this job")
        return answer(spoken(found))

    @app.get(
        "/api/desk/jobs/{job_id}/answers",
        response_model=desk_shapes.AnswersOfJob,
        summary="Verdicts on claims, on a ledger's lines, and fields that were looked for",
        **options,
    )
    async def answers(job_id: JobId, owner: Annotated[Account, RESULTS]) -> Response:
        return answer(spoken({"answers": await desk.jobs.answers(owner.worker, job_id)}))

    @app.get(
        "/api/desk/jobs/{job_id}/doubts",
        response_model=desk_shapes.Doubts,
        summary="What should be looked at, the most doubtful first",
        **options,
    )
    async def doubts(job_id: JobId, owner: Annotated[Account, RESULTS]) -> Response:
        return answer(spoken({"doubts": await desk.jobs.doubts(owner.worker, job_id)}))

    @app.get(
        "/api/desk/jobs/{job_id}/files",
        response_model=desk_shapes.FilesOfJob,
        summary="Everything that can be downloaded",
        **options,
    )
    async def files(job_id: JobId, owner: Annotated[Account, RESULTS]) -> Response:
        return answer({"files": await desk.jobs.files(owner.worker, job_id)})

    @app.get(
        "/api/desk/jobs/{job_id}/files/{name:path}", summary="One file of a delivered job", response_class=Response,
        responses={**PROBLEMS, 200: {"content": {"application/octet-stream": {}}, "description": "the file"}},
        tags=["requester"],
    )  # fmt: skip
    async def file(job_id: JobId, name: Name, owner: Annotated[Account, RESULTS]) -> Response:
        found = await desk.jobs.file(owner.worker, job_id, name)
        if found is None:
            raise NotFound("file of that name in this job")
        raw, media_type = found
        return _download(raw, media_type, name)

    @app.get(
        "/api/desk/jobs/{job_id}/invoice.pdf", summary="The bill of a finished job", response_class=Response,
        responses={**PROBLEMS, 200: {"content": {"application/pdf": {}}, "description": "one page"}},
        tags=["requester"],
    )  # fmt: skip
    async def invoice(job_id: JobId, owner: Annotated[Account, RESULTS]) -> Response:
        raw, number = await desk.jobs.invoice(owner.worker, job_id, recipient=owner.name)
        return _download(raw, "application/pdf", f"{number}.pdf")

    @app.get(
        "/api/desk/jobs/{job_id}/objections", response_model=shapes.Objections,
        summary="What this requester did not believe, and what came of it", **options,
    )  # fmt: skip
    async def objections(job_id: JobId, owner: Annotated[Account, RESULTS]) -> Response:
        return answer({"objections": await desk.jobs.objections(owner.worker, job_id)})

    @app.post(
        "/api/desk/jobs/{job_id}/objections", status_code=201, response_model=shapes.ObjectionFiled,
        summary="Object to a value, with reason and evidence; accepted work stays paid", **options,
    )  # fmt: skip
    async def object_to(job_id: JobId, wish: shapes.ObjectionWish, owner: Annotated[Account, RESULTS]) -> Response:
        objection_id = await desk.jobs.object_to(owner.worker, job_id, **wish.model_dump())
        return answer({"objection_id": objection_id}, status=201)


def _download(raw: bytes, media_type: str, name: str) -> Response:
    shown = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in name)
    return Response(
        raw,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{shown}"', **PRIVATE},
    )
