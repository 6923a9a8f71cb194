"""The site as one ASGI application: pages, files, the API, pictures, and the door for role messages.

Rules kept here
- A route checks who asks, calls one service, and encodes what it got; it decides nothing about work or money.
- Everything of a worker is asked for by that worker's session: no route takes a worker's address from the request.
- A picture is shown only under an address that this site signed for a while; results only with the requester's key.

    app = build_app(Site(assets=load_assets(node_modules), picture_secret=key, desk=exchange, record=record))
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Route

from manyhands.protocol.errors import ManyhandsError
from manyhands.roles.exchange.accounts import Account, token_hash_of
from manyhands.store.blobs import media_type_of, verify_signed

from . import shapes
from .alone import alone_page
from .door import signed_in, token_of
from .examples import with_examples
from .operator import add_operator
from .own import add_own, add_public_record
from .pools import add_pools
from .problems import (
    BadRequest,
    NotFound,
    on_manyhands_error,
    on_unforeseen_error,
    problem_body,
)
from .purses import add_purses
from .replies import PROBLEMS, answer, refusal_schemas
from .requester import add_requester
from .said import said, spoken
from .security import Guard
from .shell import choose_language, shell
from .site import (
    HERE_COOKIE,
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    JobRecord,
    Pointer,
    Site,
    TakeMessage,
    WorkerDesk,
    may_read_results,
)
from .ways_in import add_ways_in, device_of, with_session
from .webhooks import add_webhooks

FOR_EVER: Final = "public, max-age=31536000, immutable"
VERSION: Final = version("manyhands")
PICTURE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/webp"})
PAGE_PATHS: Final = {
    "/": "home",
    "/sign-in": "sign-in",
    "/work/{job_id}": "work",
    "/earnings": "earnings",
    "/jury": "jury",
    "/standing": "standing",
    "/account": "account",
    "/jobs": "jobs",
    "/jobs/{job_id}": "job",
    "/proof": "proof",
    "/record": "record",
    "/limits": "limits",
    "/practice/{task_type}": "practice",
    "/pool": "pool",
    "/pools": "pools",
    "/desk": "desk",
    "/desk/money": "purse",
    "/desk/webhooks": "hooks",
    "/desk/drafts/{draft_id}": "draft",
    "/desk/jobs/{job_id}": "watch",
    "/operator": "operator",
}
"""Path -> page. A test compares it with the pages that exist."""

ALONE_PATH: Final = "/proof-alone.html"
"""The stand-alone page, to open or to keep."""

JobId = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.:-]+$")]
Name = Annotated[str, Path(min_length=1, max_length=200)]


def build_app(site: Site) -> FastAPI:
    """The application over a site's services. Routes of services that are absent are left out."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for close in site.close:
                stack.push_async_callback(close)
            for start in site.start:
                await start()
            yield

    app = FastAPI(
        title="Manyhands",
        version=VERSION,
        summary="Work, pay and proof over HTTP",
        description=(
            "Amounts are whole minor units of the currency named beside them, times are milliseconds. "
            "A session is the cookie `mh_session`. Requests that change something need the header "
            "`X-Requested-With: manyhands`. Every error is `{error: {code, message, cure}}`."
        ),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
    )
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(Guard, hosts=site.hosts)
    if site.operating is not None:
        from manyhands.apps.telemetry.metrics import Measured

        app.add_middleware(Measured)
    app.add_exception_handler(ManyhandsError, on_manyhands_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(HTTPException, _on_http_exception(site))
    app.add_exception_handler(Exception, on_unforeseen_error)

    app.state.accounts, app.state.clock = site.accounts, site.clock
    _add_files(app, site)
    _add_pages(app, site)
    _add_health(app)
    _add_currencies(app, site)
    if site.desk is not None:
        # the hot routes come first: they take the same paths' POSTs without the framework's own work
        app.router.routes.extend(site.hot_routes)
        _add_accounts(app, site, site.desk)
        if site.accounts is not None and site.ways is not None:
            add_ways_in(app, site, site.accounts, site.ways)
        _add_work(app, site, site.desk)
    if site.exchange is not None:
        add_own(app, site.exchange)
        add_public_record(app, site.exchange, site.parties)
        add_pools(app, site.exchange.pooling)
    if site.record is not None:
        _add_record(app, site, site.record)
    if site.operating is not None:
        add_operator(app, site.operating, site.requester_desk)
    if site.requester_desk is not None:
        add_requester(app, site.requester_desk, site.accounts, simulated_crowd=site.simulated_crowd)
    if site.webhooks is not None:
        add_webhooks(app, site.webhooks)
    if site.purses is not None and site.accounts is not None:
        add_purses(app, site.purses, site.accounts)
    if site.pictures is not None:
        _add_pictures(app, site)
    if site.take_message is not None:
        _add_messages(app, site.take_message)
    _document(app, hot=site.desk is not None)
    return app


# --- errors ------------------------------------------------------------------------------------------------------


async def _on_bad_request(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestValidationError)
    first = problem.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return await on_manyhands_error(request, BadRequest(f"{place}: {first['msg']}"))


def _on_http_exception(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        if problem.status_code == 404 and wants_page and not request.url.path.startswith("/api/"):
            return _page(site, request, "not-found", status=404)
        code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(problem.status_code, "refused")
        cure = "Compare the address and the method with /openapi.json."
        return Response(
            problem_body(code, str(problem.detail), cure),
            status_code=problem.status_code,
            media_type="application/json",
            headers=problem.headers,
        )

    return handler


# --- files and pages -----------------------------------------------------------------------------------------------


def _add_files(app: FastAPI, site: Site) -> None:
    def file_route(prefix: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            asset = site.assets.by_url.get(prefix + request.path_params["name"])
            if asset is None:
                raise NotFound("file of that name")
            headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
            if asset.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
                headers["Content-Encoding"] = "gzip"
                return Response(asset.gzipped, media_type=asset.media_type, headers=headers)
            return Response(asset.raw, media_type=asset.media_type, headers=headers)

        return endpoint

    async def service_worker(_: Request) -> Response:
        # it lives at the root because it answers for pages there; it may fetch from this site, and nothing else
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'; connect-src 'self'"}
        return Response(site.assets.service_worker, media_type="text/javascript", headers=headers)

    async def alone(_: Request) -> Response:
        page = alone_page()
        headers = {"Content-Security-Policy": page.policy, "Cache-Control": "no-cache"}
        return Response(page.document, media_type="text/html", headers=headers)

    app.router.routes.append(Route("/sw.js", service_worker, methods=["GET"]))
    app.router.routes.append(Route(ALONE_PATH, alone, methods=["GET"]))
    for prefix in ("/assets/", "/components/"):
        app.router.routes.append(Route(prefix + "{name:path}", file_route(prefix), methods=["GET"]))


def _page(site: Site, request: Request, page: str, *, status: int = 200) -> Response:
    language = choose_language(
        request.cookies.get(LANGUAGE_COOKIE, ""),
        request.headers.get("accept-language", ""),
        tuple(site.assets.languages),
    )
    told = shell(site.assets, page, language, site.currencies)
    headers = {
        "Content-Security-Policy": told.policy,
        "Cache-Control": "no-cache",
        "ETag": told.etag,
        "Vary": "Accept-Language, Cookie",
        "Content-Language": language,
    }
    if status == 200 and request.headers.get("if-none-match") == told.etag:
        return Response(status_code=304, headers=headers)
    return Response(told.document, status_code=status, media_type="text/html", headers=headers)


def _add_pages(app: FastAPI, site: Site) -> None:
    def page_route(page: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return _page(site, request, page)

        return endpoint

    for path, page in PAGE_PATHS.items():
        app.router.routes.append(Route(path, page_route(page), methods=["GET"]))


def _add_health(app: FastAPI) -> None:
    @app.get("/api/health", tags=["site"], response_model=shapes.Health, summary="Whether the site answers")
    async def health() -> Response:
        return answer({"ok": True, "version": VERSION})


def _add_currencies(app: FastAPI, site: Site) -> None:
    @app.get(
        "/api/currencies", tags=["site"], response_model=shapes.Currencies,
        summary="What jobs are paid in here: the tokens' codes, decimals, and the money they are spoken of as",
    )  # fmt: skip
    async def currencies() -> Response:
        told = [{"code": one.code, "exponent": one.exponent, "spoken": one.shown} for one in site.currencies]
        return answer({"currencies": told})


# --- accounts ------------------------------------------------------------------------------------------------------


def _add_accounts(app: FastAPI, site: Site, desk: WorkerDesk) -> None:
    anybody = Depends(signed_in())

    @app.post(
        "/api/sign-up", tags=["account"], status_code=201, response_model=shapes.Worker, responses=PROBLEMS,
        summary="Open a worker's account and sign in",
    )  # fmt: skip
    async def sign_up(wish: shapes.SignUp, request: Request) -> Response:
        simulated = wish.simulated and site.simulated_crowd
        token, account = await desk.sign_up(
            wish.name, wish.password, simulated=simulated, role=wish.role, device=device_of(request)
        )
        return with_session(site, token, account, status=201)

    @app.post("/api/sign-in", tags=["account"], response_model=shapes.Worker, responses=PROBLEMS, summary="Sign in")
    async def sign_in(wish: shapes.SignIn, request: Request) -> Response:
        token, account = await desk.sign_in(wish.name, wish.password, device=device_of(request))
        return with_session(site, token, account)

    @app.post("/api/sign-out", tags=["account"], response_model=shapes.Done, summary="End this session")
    async def sign_out(request: Request) -> Response:
        token = request.cookies.get(SESSION_COOKIE, "")
        if token:
            await desk.sign_out(token)
        response = answer({"done": True})
        for name in (SESSION_COOKIE, HERE_COOKIE):
            response.delete_cookie(name, path="/")
        return response

    @app.get(
        "/api/me", tags=["account"], response_model=shapes.Worker, responses=PROBLEMS, summary="Whose session this is"
    )
    async def me(worker: Annotated[Account, anybody]) -> Response:
        return answer(worker)

    @app.get(
        "/api/sessions", tags=["account"], response_model=shapes.Sessions, responses=PROBLEMS,
        summary="Where this worker is signed in",
    )  # fmt: skip
    async def sessions(request: Request, worker: Annotated[Account, anybody]) -> Response:
        here = token_hash_of(token_of(request))
        found = msgspec.to_builtins(await desk.sessions(worker.worker))
        return answer({"sessions": [{**one, "here": one["session_id"] == here} for one in found]})

    @app.post(
        "/api/sessions/{session_id}/end", tags=["account"], response_model=shapes.Done, responses=PROBLEMS,
        summary="End one of this worker's sessions",
    )  # fmt: skip
    async def end_session(session_id: JobId, worker: Annotated[Account, anybody]) -> Response:
        if not await desk.end_session(worker.worker, session_id):
            raise NotFound("session of yours with that id")
        return answer({"done": True})


# --- work ----------------------------------------------------------------------------------------------------------


def _add_work(app: FastAPI, site: Site, desk: WorkerDesk) -> None:
    who, earning = Depends(signed_in(scope="work")), Depends(signed_in(scope="earnings"))
    options: dict[str, Any] = {"tags": ["work"], "responses": PROBLEMS}

    @app.get("/api/offers", response_model=shapes.Offers, summary="Work that fits this worker", **options)
    async def offers(
        worker: Annotated[Account, who],
        screen_px: Annotated[int | None, Query(ge=1, le=20_000, description="width of the screen")] = None,
        pointer: Annotated[Pointer | None, Query(description="fine = a mouse, coarse = a finger")] = None,
        language: Annotated[str, Query(pattern="^[a-z]{2,3}$", description="of the guides, where there is one")] = "en",
    ) -> Response:
        found = await desk.offers(worker.worker, screen_px=screen_px, pointer=pointer, language=language)
        return answer({"offers": found})

    @app.post(
        "/api/jobs/{job_id}/return", response_model=shapes.Returned, summary="Give tasks back without loss", **options
    )
    async def give_back(job_id: JobId, wish: shapes.Return, worker: Annotated[Account, who]) -> Response:
        return answer({"returned": await desk.give_back(worker.worker, job_id, wish.assignment_ids)})

    @app.post(
        "/api/jobs/{job_id}/reports", response_model=shapes.Reported, summary="Say that a task is not in order",
        **options,
    )  # fmt: skip
    async def report(job_id: JobId, wish: shapes.Report, worker: Annotated[Account, who]) -> Response:
        report_id = await desk.report(worker.worker, job_id, wish.assignment_id, wish.code, wish.text)
        return answer({"report_id": report_id})

    @app.get("/api/report-codes", response_model=shapes.ReportCodes, summary="What may be reported", **options)
    async def report_codes() -> Response:
        codes = desk.report_codes()
        return answer(
            {"codes": [{"code": one.code, "title": one.title, "title_said": said(one.title)} for one in codes]}
        )

    @app.get("/api/earnings", response_model=shapes.Earnings, summary="What this worker earned, and why", **options)
    async def earnings(worker: Annotated[Account, earning]) -> Response:
        return answer(spoken(await desk.earnings(worker.worker)))

    @app.get(
        "/api/receipts/{job_id}", response_model=list[shapes.Receipt],
        summary="Proofs of this worker's own recorded answers", **options,
    )  # fmt: skip
    async def receipts(job_id: JobId, worker: Annotated[Account, earning]) -> Response:
        return answer(await desk.receipts(worker.worker, job_id))

    @app.get("/api/jury", response_model=shapes.Cases, summary="Reports this worker was drawn to judge", **options)
    async def jury(worker: Annotated[Account, who]) -> Response:
        return answer({"cases": await desk.jury_cases(worker.worker)})

    @app.post("/api/jury/{case_id}/vote", response_model=shapes.Done, summary="Judge a report", **options)
    async def vote(case_id: JobId, wish: shapes.Vote, worker: Annotated[Account, who]) -> Response:
        await desk.jury_vote(worker.worker, case_id, uphold=wish.uphold, because=wish.because)
        return answer({"done": True})

    @app.get("/api/standing", response_model=shapes.Standings, summary="This worker's standing, with causes", **options)
    async def standing(worker: Annotated[Account, earning]) -> Response:
        changes = await site.exchange.books.standing_changes(worker.worker) if site.exchange is not None else []
        return answer(spoken({"standings": await desk.standings(worker.worker), "changes": changes}))


def _hot_routes_told() -> FastAPI:
    """A twin that never serves, whose document tells of the two routes that bypass the framework."""
    twin = FastAPI(title="hot", version="0")

    @twin.post(
        "/api/jobs/{job_id}/claim", tags=["work"], response_model=shapes.Bundle, responses=PROBLEMS,
        summary="Take up to 20 tasks; asked again, the same unfinished ones",
    )  # fmt: skip
    async def claim(job_id: JobId, wish: shapes.Claim) -> None: ...

    @twin.post(
        "/api/jobs/{job_id}/answers", tags=["work"], response_model=shapes.Outcomes, responses=PROBLEMS,
        summary="Hand in answers; the same answer twice has one effect",
    )  # fmt: skip
    async def answers(job_id: JobId, wish: shapes.Answers) -> None: ...

    return twin


def _document(app: FastAPI, *, hot: bool) -> None:
    """Completes the OpenAPI document when it is first asked for: the hot routes, what refusals look like, examples."""
    plain = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            if hot:
                told = _hot_routes_told().openapi()
                document["paths"].update(told["paths"])
                schemas.update(told["components"]["schemas"])
            schemas.update(refusal_schemas())
            app.openapi_schema = with_examples(document)
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]  # the framework's documented way to extend its document


# --- the record ----------------------------------------------------------------------------------------------------


def _add_record(app: FastAPI, site: Site, record: JobRecord) -> None:
    options: dict[str, Any] = {"tags": ["record"], "responses": PROBLEMS}

    @app.get("/api/jobs", response_model=shapes.Jobs, summary="Every job of this site", **options)
    async def jobs() -> Response:
        return answer({"jobs": await record.jobs()})

    @app.get(
        "/api/jobs/{job_id}", response_model=shapes.Job, summary="One job: progress, money, routing, proof", **options
    )
    async def job(job_id: JobId) -> Response:
        found = await record.job(job_id)
        if found is None:
            raise NotFound("job of that id")
        return answer(found)

    @app.get(
        "/api/jobs/{job_id}/results", response_model=shapes.ResultFiles,
        summary="Files of a delivered job, for its requester", **options,
    )  # fmt: skip
    async def results(job_id: JobId, key: Annotated[str, Query(max_length=200)] = "") -> Response:
        if not may_read_results(site.results_secret, job_id, key):
            raise NotFound("result without the requester's key")
        files = await record.result_files(job_id)
        if files is None:
            raise NotFound("delivered result of that job")
        where, opened_with = f"/api/jobs/{quote(job_id)}/results/", f"?key={quote(key)}" if key else ""
        return answer({"files": [{**file, "url": where + quote(file["name"]) + opened_with} for file in files]})

    @app.get(
        "/api/jobs/{job_id}/results/{name:path}", summary="One file of a delivered job",
        responses={**PROBLEMS, 200: {"content": {"application/octet-stream": {}}, "description": "the file"}},
        tags=["record"], response_class=Response,
    )  # fmt: skip
    async def result(job_id: JobId, name: Name, key: Annotated[str, Query(max_length=200)] = "") -> Response:
        if not may_read_results(site.results_secret, job_id, key):
            raise NotFound("result without the requester's key")
        found = await record.result_file(job_id, name)
        if found is None:
            raise NotFound("result file of that name")
        raw, media_type = found
        shown = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in name)
        return Response(
            raw,
            media_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{shown}"', "Cache-Control": "private, no-store"},
        )


def _add_pictures(app: FastAPI, site: Site) -> None:
    async def picture(request: Request) -> Response:
        assert site.pictures is not None
        key, query = request.path_params["blob"], request.query_params
        ends = query.get("expires_at_ms", "")
        verify_signed(
            key,
            expires_at_ms=int(ends) if ends.isdecimal() and len(ends) < 17 else 0,
            signature=query.get("signature", ""),
            now_ms=site.clock(),
            secret=site.picture_secret,
        )
        media_type = media_type_of(key)
        if media_type not in PICTURE_TYPES:
            raise NotFound("picture of that name")
        return Response(await site.pictures(key), media_type=media_type, headers={"Cache-Control": "no-store"})

    app.router.routes.append(Route("/pictures/{blob:path}", picture, methods=["GET"]))


def _add_messages(app: FastAPI, take: TakeMessage) -> None:
    @app.post(
        "/messages", tags=["roles"], response_model=shapes.MessageTaken, responses=PROBLEMS,
        summary="A signed message of one role to another",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"type": "object"}, "example": {"body": {}, "signature": "0x"}}
                },
            }
        },
    )  # fmt: skip
    async def messages(request: Request) -> Response:
        status, told = await take(await request.body())
        return Response(told, status_code=status, media_type="application/json")
