"""launch, quote, status, results, verify: what a requester and an auditor do."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from msgspec import UNSET, convert

from manyhands.apps.folder import DataFolder
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.manifest import FeeRule, PayRule, QualityRule, Scope, UnseenAudit, Wishes
from manyhands.protocol.money import MHT, BadAmount, Currency, parse_money
from manyhands.roles.launcher.values import LaunchOptions

from . import AsJson, Data, app, data_default, run
from .naming import named_as_options
from .needs import needs_of
from .show import Exit, as_json, errors, money, output, progress, table, told

if TYPE_CHECKING:
    from manyhands.apps.desk.answered import AnswerOut
    from manyhands.apps.intake import Intake
    from manyhands.apps.questions import Questions, Sheet
    from manyhands.pricing import DailyCap, Quote
    from manyhands.store.blobs import BlobStore

NOBODY = "0x" + "0" * 40
"""Who asks for a quote without saying so."""

PerHour = Annotated[str, Parameter(help="Pay for an hour of work at the median pace, such as 12USD.")]
Floor = Annotated[
    str, Parameter(help="Fair floor: what an hour of measured work pays at least. Default: as --per-hour.")
]
Quality = Annotated[float, Parameter(help="Share of right items you want, such as 0.995.")]
Benchmark = Annotated[float, Parameter(help="Measured share below which the whole job counts as failed.")]
Budget = Annotated[str, Parameter(help="The most that may be funded, such as 40USD. Default: what the quote says.")]
CurrencyCode = Annotated[
    str,
    Parameter(
        name="--currency", help="Code of the token that the job is paid in, such as MHT. Default: the platform's first."
    ),
]
Kind = Annotated[
    str,
    Parameter(
        help="Kind of the documents: receipt, invoice, table, statement, payslip, contract. Default: by their look."
    ),
]
KindFile = Annotated[
    Path | None,
    Parameter(help="Your own kind of document as YAML: fields, labels, checks. It is then the kind of all."),
]
Machine = Annotated[
    Literal["agreeing_readers", "none"],
    Parameter(help="What may be accepted unseen: what readers agree on by strict rules, or nothing."),
]
PrivacyLevel = Annotated[
    Literal["strict", "standard", "off"],
    Parameter(help="How little of a page one worker may see: one piece, a tenth, or anything (your own staff)."),
]


Fields = Annotated[
    str,
    Parameter(
        help="Only these fields, such as date,total, or all of the kind: people find their places, and only those are "
        "keyed. Default: the full text."
    ),
]

Means = Annotated[
    tuple[str, ...],
    Parameter(
        help="What counts as a field, shown to whoever looks for it, once for each: --means 'company=The brand, in big "
        "letters'. Default: the kind's own words."
    ),
]

UnseenWrong = Annotated[
    float | None,
    Parameter(
        help="Audit: at most this share of what the machine is believed may be wrong and unseen, such as 0.01. People "
        "read a random sample until that is shown at 95 percent; what it does not support, they read too."
    ),
]


DailyCapParts = Annotated[
    int | None,
    Parameter(
        help="Daily cap: at most 1/N of the funds is reserved, and paid, per day (UTC), N from 2 to 30. It bounds what "
        "a stolen oracle key can take in a day; work and pay spread over days. Default: none."
    ),
]


class BadKind(ManyhandsError):
    """The description of a kind of document cannot be used."""


def in_currency(text: str, currency: Currency) -> int:
    """An amount in the job's currency, minor units, written with its code or with the money that it is spoken of as.

    raises  BadAmount for any other money: nothing is exchanged here

    >>> in_currency("12USD", MHT), in_currency("12.5 mht", MHT)
    (12000000, 12500000)
    """
    try:
        return parse_money(text, currencies={currency.code: currency, currency.shown: currency}).minor
    except BadAmount as problem:
        cure = f"Write an amount such as 12{currency.shown}; --currency CODE pays the job in another token."
        raise BadAmount(f"{problem.message}: the job is paid in {currency.shown}", cure=cure) from problem


def currency_of(known: Mapping[str, Currency], code: str) -> Currency:
    """The currency of a code, in large or small letters; "" = the first. raises BadAmount"""
    found = next((one for one in known.values() if not code or one.code.upper() == code.upper()), None)
    if found is None:
        raise BadAmount(f"no jobs are paid in {code!r} here", cure=f"Known: {', '.join(known)}.")
    return found


def options_of(
    *,
    title: str,
    task_type: str,
    per_hour: str,
    floor: str,
    quality: float,
    benchmark: float,
    budget: str,
    machine: Literal["agreeing_readers", "none"],
    privacy: Literal["strict", "standard", "off"],
    requester: str,
    chain: int | None = None,
    crowd: Literal["people", "simulated"] = "people",
    request_key: str = "",
    kinds: dict[str, str] | None = None,
    fields: str = "",
    unseen_wrong: float | None = None,
    needs: Sequence[str] = (),
    pool: str = "",
    daily_cap: int | None = None,
    currency: Currency = MHT,
) -> LaunchOptions:
    """What the words of the command line ask for. raises BadNeeds, BadAmount"""
    named = tuple(name.strip() for name in fields.split(",") if name.strip())
    if fields:
        task_type = "field_choice"
    per_hour_minor = in_currency(per_hour, currency)
    floor_minor = in_currency(floor, currency) if floor else per_hour_minor
    wanted = needs_of(needs)
    return LaunchOptions(
        requester=requester,
        title=title,
        task_type=task_type,
        pay=PayRule(currency=currency.code, per_hour_minor=per_hour_minor, floor_per_hour_minor=floor_minor),
        quality=QualityRule(target_bp=round(quality * 10_000), benchmark_bp=round(benchmark * 10_000)),
        fees=FeeRule(),
        machine=machine,
        privacy=privacy,
        crowd=crowd,
        wishes=Wishes(chain_ids=(chain,) if chain else ()),
        budget_minor=in_currency(budget, currency) if budget else None,
        request_key=request_key,
        kinds=kinds or UNSET,
        scope=Scope(fields=named) if fields and named != ("all",) else UNSET,
        audit=UNSET if unseen_wrong is None else UnseenAudit(wrong_share_bp=round(unseen_wrong * 10_000)),
        needs=UNSET if wanted is None else wanted,
        pool=pool or UNSET,
        daily_cap_parts=UNSET if daily_cap is None else daily_cap,
    )


def questions_of(file: Path, sheet: Sheet) -> Questions:
    """Questions about pages from a table of claims or of a ledger's lines.

    raises  BadQuestions naming row and column
    """
    from manyhands.apps.questions import BadQuestions, Problem, read_questions

    try:
        raw = file.read_bytes()
    except OSError as problem:
        raise BadQuestions([Problem(1, "", f"{file}: {problem.strerror}")], sheet=sheet) from problem
    return read_questions(raw, sheet)


def show_quote(
    title: str,
    quote: Quote,
    taken: Intake,
    workers_needed: int,
    *,
    daily_cap: DailyCap | None = None,
    there: int | None = None,
) -> None:
    """The quote line by line. there: people who could work on it, None = not known"""
    lines = [
        [
            line.label,
            str(line.count or ""),
            money(line.unit_minor, quote.money) if line.unit_minor else "",
            money(line.expected_minor, quote.money),
            money(line.most_minor, quote.money),
        ]
        for line in quote.lines
    ]
    lines.append(
        [
            "total",
            "",
            "",
            money(quote.expected_minor, quote.money),
            money(quote.total_minor, quote.money),
        ]
    )
    table(f"Quote for {title}", ["", "count", "each", "expected", "at most"], lines, right=(1, 2, 3, 4))
    for line in quote.lines:
        output.print(f"  [dim]{line.label}:[/] {line.because}")
    output.print("The most is funded; what is not needed comes back.")
    if daily_cap is not None:
        per_day = money(daily_cap.per_day_minor, quote.money)
        output.print(f"Daily cap: {daily_cap.told}. {per_day} a day.")
        from manyhands.pricing import extra_when_cancelled

        most, held = extra_when_cancelled(quote, daily_cap)
        if held < most:
            output.print(
                f"If you cancel it at its end, three days are left to set aside what comes on top of answers: "
                f"{money(held, quote.money)} of {money(most, quote.money)} at most. A lower N holds more."
            )
    output.print(f"{len(taken.documents)} documents, {taken.pages} pages; rests on {quote.rests_on}")
    output.print(f"{workers_needed} different workers are enough at this privacy level, in whatever order they come")
    if there is not None and there < workers_needed:
        errors.print(f"[yellow]only {there} are signed up[/]: tasks may wait until more have come")


def kinds_of(kind_file: Path | None, kind: str) -> tuple[dict[str, str], str]:
    """(the requester's own kinds by name, the kind of the documents). raises BadKind naming what is wrong"""
    if kind_file is None:
        return {}, kind
    from manyhands.documents.fields import KindSpecInvalid, kind_spec_of

    try:
        text = kind_file.read_text(encoding="utf-8")
        name = kind_spec_of(text).kind
    except (OSError, UnicodeDecodeError, KindSpecInvalid) as problem:
        raise BadKind(f"{kind_file}: {problem}", cure="docs/howto/kinds.md says how a kind is written.") from problem
    return {name: text}, name


def meanings_of(means: Sequence[str], kinds: dict[str, str], fields: str) -> dict[str, str]:
    """The kinds of a job, with the requester's words for what counts as a field. raises BadKind"""
    from manyhands.documents.fields import KindSpecInvalid, kind_spec_of
    from manyhands.documents.meanings import kinds_that_mean

    told: dict[str, str] = {}
    for one in means:
        field, equals, sentence = (part.strip() for part in one.partition("="))
        if not (field and equals and sentence):
            raise BadKind(f"--means {one!r} names no field and what counts as it", cure="Say --means 'total=...'.")
        told[field] = sentence
    if told and not fields:
        raise BadKind("--means is for jobs that look for fields", cure="Add --fields all, or the fields you want.")
    changed = kinds_that_mean(told, kinds)
    for text in changed.values():
        try:
            spec = kind_spec_of(text)
        except KindSpecInvalid as problem:
            raise BadKind(f"--means: {problem}", cure="Say it in a sentence or two.") from problem
        told = {field: sentence for field, sentence in told.items() if field not in {one.name for one in spec.fields}}
    if told:
        raise BadKind(
            f"no kind of document has a field {sorted(told)[0]!r}", cure="`manyhands launch --help` names them."
        )
    return changed


async def import_folder_shown(
    folder: Path,
    blobs: BlobStore,
    *,
    kind: str,
    truths: dict[str, bytes],
    quiet: bool,
    questions: Questions | None = None,
    kinds: dict[str, str] | None = None,
) -> Intake:
    """Imports a folder with a bar, and says what was left out.

    kinds   the requester's own, where fields are to be found: a document without any ends the import; None = not asked
    raises  BadQuestions for a page that is not there, BadManifest for a document without fields
    """
    from manyhands.apps.intake import NothingToLaunch, take_in
    from manyhands.roles.launcher.plan import check_has_fields

    def fit(doc_id: str, kind: str) -> None:
        if kinds is not None:
            check_has_fields(doc_id, kind, kinds)

    with progress(quiet=quiet) as bars:
        files = sum(1 for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 1
        bar = bars.add_task("importing", total=files)
        try:
            taken = await take_in(
                folder,
                blobs,
                kind=kind or None,
                truths=truths,
                questions=questions.pages if questions else None,
                seen=lambda _: bars.advance(bar),
                fit=fit,
            )
        except NothingToLaunch as problem:
            if questions and not problem.refused:
                questions.check_pages(())
            raise
    if questions:
        pages = ((document.doc_id, page.page_no) for document in taken.documents for page in document.pages)
        questions.check_pages(pages)
    for refused in taken.refused:
        errors.print(f"[yellow]left out[/] {refused}")
    return taken


@app.command
def launch(
    folder: Path,
    *,
    title: str = "",
    task_type: str = "transcription",
    per_hour: PerHour = "12USD",
    floor: Floor = "",
    quality: Quality = 0.995,
    benchmark: Benchmark = 0.90,
    budget: Budget = "",
    kind: Kind = "",
    kind_file: KindFile = None,
    machine: Machine = "agreeing_readers",
    privacy: PrivacyLevel = "standard",
    fields: Fields = "",
    means: Means = (),
    claims: Annotated[
        Path | None,
        Parameter(
            help="CSV (document,page,claim; known, if you know some): people say of each claim whether the page says "
            "so, and where."
        ),
    ] = None,
    ledger: Annotated[
        Path | None,
        Parameter(
            help="CSV (document,page,line; known, if you know some): people say of each ledger line whether the page "
            "has its counterpart. Without a column line, all other columns are the line."
        ),
    ] = None,
    unseen_wrong: UnseenWrong = None,
    holdback: Annotated[
        Path | None, Parameter(help="Folder with known records, NAME.json, to judge the whole by.")
    ] = None,
    currency: CurrencyCode = "",
    chain: Annotated[int | None, Parameter(help="Id of the chain to run on. Default: the router decides.")] = None,
    explain: Annotated[bool, Parameter(negative="", help="Show quote and checks only; nothing is funded.")] = False,
    request_key: Annotated[str, Parameter(help="Your own name for this request: the same name is the same job.")] = "",
    crowd: Annotated[
        Literal["people", "simulated"],
        Parameter(help="Who works: people, or simulated ones where the platform has them."),
    ] = "people",
    needs: Annotated[
        tuple[str, ...],
        Parameter(
            help="What the work asks of a worker, once for each: language=es, device=laptop, skill=0.9. Who does not "
            "fit is told why; below the skill nobody is lent a task."
        ),
    ] = (),
    pool: Annotated[
        str, Parameter(help="Address of a work pool: its members alone work on it. `manyhands workpool list`.")
    ] = "",
    daily_cap: DailyCapParts = None,
    data: Data | None = None,
    json: AsJson = False,
) -> int:
    """Launch a job over a folder of scans: import, quote, and, once funded, work, payment and results.

    The same folder with the same options on the same day is the same job, so launching twice costs once.
    """

    async def work() -> Exit:
        from manyhands.apps.compose import client

        kinds, named = kinds_of(kind_file, kind)
        kinds = meanings_of(means, kinds, fields)
        questions = questions_of(claims, "claims") if claims else questions_of(ledger, "ledger") if ledger else None
        async with client(DataFolder(data or data_default())) as platform:
            truths = {path.stem: path.read_bytes() for path in sorted(holdback.glob("*.json"))} if holdback else {}
            taken = await import_folder_shown(
                folder,
                platform.blobs,
                kind=named,
                truths=truths,
                quiet=json,
                questions=questions,
                kinds=kinds if fields else None,
            )
            options = options_of(
                title=title or folder.resolve().name,
                task_type=questions.task_type if questions else task_type,
                fields=fields,
                per_hour=per_hour,
                floor=floor,
                quality=quality,
                benchmark=benchmark,
                budget=budget,
                machine=machine,
                privacy=privacy,
                requester=platform.launcher.ctx.address,
                chain=chain,
                crowd=crowd,
                request_key=request_key,
                kinds=kinds,
                unseen_wrong=unseen_wrong,
                needs=needs,
                pool=pool,
                daily_cap=daily_cap,
                currency=currency_of(platform.chains.currencies(), currency),
            )
            with named_as_options(floor_told=bool(floor)):
                view = await platform.launcher.draft(taken.documents, options)
            if not json:
                agreed = await platform.launcher.quote(view.job_id)
                there = await platform.launcher.workers_there(pool) if crowd == "people" else None
                show_quote(view.title, agreed, taken, view.workers_needed, daily_cap=view.daily_cap, there=there)
            if not explain:
                view = await platform.launcher.approve(view.job_id)
            if json:
                as_json({"job": view, "refused": taken.refused})
            elif explain:
                output.print("nothing was funded; without --explain the job is launched")
            else:
                output.print(f"job {view.job_id} is {view.state}: `manyhands status {view.job_id}` follows it")
        return Exit.OK

    return run(work, json=json)


@app.command
def quote(
    folder: Path,
    *,
    per_hour: PerHour = "12USD",
    floor: Floor = "",
    quality: Quality = 0.995,
    kind: Kind = "",
    machine: Machine = "agreeing_readers",
    privacy: PrivacyLevel = "standard",
    daily_cap: DailyCapParts = None,
    currency: CurrencyCode = "",
    data: Data | None = None,
    json: AsJson = False,
) -> int:
    """Say what a job over a folder would cost, line by line, and what the figures rest on.

    Needs no running platform: nothing is sent, nothing is kept, nothing is funded. Tokens and their lowest hourly pay
    are those of the data folder's chains, where there is one.
    """

    async def work() -> Exit:
        from manyhands.apps.compose import policy_of
        from manyhands.apps.running import local_facts
        from manyhands.chain.facts import shipped_facts
        from manyhands.roles.launcher.plan import plan
        from manyhands.store.blobs import BlobStore

        home = DataFolder(data or data_default())
        policy = policy_of((local_facts(home) if home.exists() else shipped_facts()).values())
        policy = replace(policy, task_types=("transcription",))
        paid_in = currency_of(policy.currencies, currency)

        with tempfile.TemporaryDirectory(prefix="manyhands-quote-") as scratch:
            taken = await import_folder_shown(folder, BlobStore(Path(scratch)), kind=kind, truths={}, quiet=json)
        options = options_of(
            title=folder.resolve().name,
            task_type="transcription",
            per_hour=per_hour,
            floor=floor,
            quality=quality,
            benchmark=0.9,
            budget="",
            machine=machine,
            privacy=privacy,
            requester=NOBODY,
            daily_cap=daily_cap,
            currency=paid_in,
        )
        with named_as_options(floor_told=bool(floor)):
            planned = plan(taken.documents, options, policy=policy, job_id="quote", now_ms=0)
        if json:
            told = {"quote": planned.quote, "total_minor": planned.quote.total_minor, "refused": taken.refused}
            as_json(told if planned.daily_cap is None else {**told, "daily_cap": planned.daily_cap})
        else:
            show_quote(options.title, planned.quote, taken, planned.workers_needed, daily_cap=planned.daily_cap)
        return Exit.OK

    return run(work, json=json)


@app.command
def status(job: str = "", *, data: Data | None = None, json: AsJson = False) -> int:
    """Say where a job stands: its state and why, tasks, answers, money. Without a job: all jobs, newest first."""

    async def work() -> Exit:
        from manyhands.apps.compose import client
        from manyhands.apps.delivery import answers_of_job, record_of

        async with client(DataFolder(data or data_default())) as platform:
            if not job:
                jobs, known = await platform.launcher.list_jobs(), platform.chains.currencies()
                if json:
                    as_json(jobs)
                elif not jobs:
                    output.print("no job yet: `manyhands launch FOLDER` makes one")
                else:
                    table(
                        "Jobs",
                        ["job", "title", "state", "pages", "funded", "paid"],
                        [
                            [
                                one.job_id,
                                one.title + (" (simulated people)" if one.simulated else ""),
                                one.state,
                                str(one.pages),
                                money(one.funded_minor, shown_as(known, one.currency, one.exponent)),
                                money(one.paid_minor, shown_as(known, one.currency, one.exponent)),
                            ]
                            for one in jobs
                        ],
                        right=(3, 4, 5),
                    )
                return Exit.OK
            found = await record_of(platform, job)
            answers = await answers_of_job(platform, job) if found else ()
            if json:
                as_json(found | {"answers": counted(answers)} if answers else found)
            else:
                _show_record(found, shown_as(platform.chains.currencies(), found["currency"], found["exponent"]))
                if answers:
                    output.print(f"answers: {'; '.join(f'{n} {verdict}' for verdict, n in counted(answers).items())}")
                    output.print(_rests_on(answers))
        return Exit.OK

    return run(work, json=json)


def shown_as(known: Mapping[str, Currency], code: str, exponent: int) -> Currency:
    """The currency of a job as this platform calls it, also of a token that is no longer paid in here."""
    found = known.get(code)
    return found if found is not None and found.exponent == exponent else Currency(code, exponent)


def _show_record(job: dict[str, Any], currency: Currency) -> None:
    """A job as a person reads it: what it is, how far the work is, its money, and what happened. --json has it all."""
    from manyhands.pricing import DailyCap

    def cash(name: str) -> str:
        return money(int(job.get(name) or 0), currency)

    simulated = " (simulated people)" if job["simulated"] else ""
    output.print(f"[bold]{job['title']}[/]{simulated}: [bold]{job['state']}[/], {job['because']}", markup=True)
    lines = [
        ["job", str(job["job_id"])],
        ["asked for", f"{job['documents']} documents, {job['pages']} pages; privacy {job['privacy']}"],
        ["pay", f"{cash('pay_per_hour_minor')} an hour at the median pace, never below {cash('floor_per_hour_minor')}"],
    ]
    if tasks := job.get("tasks"):
        done, asked = tasks["accepted"] + tasks["unreadable"], sum(tasks.values()) - tasks["accepted_unseen"]
        counted = [f"{done} of {asked} tasks settled", f"{job['answers']} answers by {job['workers']} people"]
        counted += [f"{tasks[name]} {name}" for name in ("unreadable", "frozen", "withdrawn") if tasks[name]]
        lines.append(["work", ", ".join(counted)])
        lines.append(
            [
                "read by machine",
                f"{job['pages_read']} of {job['pages']} pages, {tasks['accepted_unseen']} pieces unseen",
            ]
        )
    if job.get("waits_for"):
        lines.append(["waits for", str(job["waits_for"])])
    lines.append(["quote", f"{cash('quote_expected_minor')} expected, {cash('quote_total_minor')} at most"])
    if cap := job.get("daily_cap"):
        cap = convert(cap, DailyCap)
        lines.append(["daily cap", f"{money(cap.per_day_minor, currency)} a day; {cap.told}"])
    if job.get("escrow"):
        money_line = (
            f"{cash('funded_minor')} funded, {cash('reserved_minor')} earned and set aside, {cash('paid_minor')} paid"
        )
        lines.append(["money", f"{money_line}, {cash('fees_minor')} fees, {cash('refunded_minor')} refunded"])
        lines.append(["escrow", str(job["escrow"])])
    if job.get("routing") is not None:
        lines.append(["routed", job["routing"]["reason"]])
    if anchors := job.get("anchors"):
        lines.append(["on chain", f"{sum(one['count'] for one in anchors)} answers under {len(anchors)} anchors"])
    table("", ["", ""], lines)
    table(
        "What happened",
        ["when (UTC)", "what", "because"],
        [[_utc(one["at_ms"]), one["name"], one["because"]] for one in job["happened"]],
    )


ANSWERS_SHOWN = 40


def counted(answers: Sequence[AnswerOut]) -> dict[str, int]:
    """How often each verdict was reached, in order of first appearance."""
    found: dict[str, int] = {}
    for one in answers:
        found[one.verdict] = found.get(one.verdict, 0) + 1
    return found


def _rests_on(answers: Sequence[AnswerOut]) -> str:
    measured = sum(one.confidence_bp is not None for one in answers)
    if not measured:
        return "how far to believe them was not measured: there were too few known answers of the requester's"
    return f"{measured} of {len(answers)} with a confidence, measured against known pieces (quality.json)"


def _show_answers(answers: Sequence[AnswerOut]) -> None:
    """Verdicts, or fields with their values, each with its confidence and how it was decided."""
    fields = answers[0].form == "which"
    table(
        "Fields" if fields else "Answers",
        [
            "document",
            "page",
            "field" if fields else "question",
            "value" if fields else "verdict",
            "confidence",
            "because",
        ],
        [
            [
                one.doc_id,
                str(one.page),
                one.question,
                (one.value or one.verdict) if fields else one.verdict,
                "not measured" if one.confidence_bp is None else f"{one.confidence_bp / 100:.2f} %",
                one.because,
            ]
            for one in answers[:ANSWERS_SHOWN]
        ],
        right=(1, 4),
    )
    if len(answers) > ANSWERS_SHOWN:
        output.print(f"{len(answers) - ANSWERS_SHOWN} more in answers.csv")
    output.print(_rests_on(answers))


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


@app.command
def results(
    job: str,
    *,
    out: Annotated[Path, Parameter(help="Folder that the files are written into.")] = Path("results"),
    proof: Annotated[bool, Parameter(negative="", help="Also write what an auditor needs.")] = False,
    data: Data | None = None,
    json: AsJson = False,
) -> int:
    """Write a finished job's records into a folder: JSON per document, CSV, XLSX, searchable PDF."""

    async def work() -> Exit:
        from manyhands.apps.compose import client
        from manyhands.apps.delivery import answers_of_job, write_results

        async with client(DataFolder(data or data_default())) as platform:
            written = await write_results(platform, job, out, with_proof=proof)
            answers = await answers_of_job(platform, job)
            if json:
                as_json({"job_id": job, "folder": str(out), "files": written, "answers": answers})
            else:
                output.print(f"{len(written)} files in {out}")
                if answers:
                    _show_answers(answers)
        return Exit.OK

    return run(work, json=json)


@app.command
def verify(
    job: str | None = None,
    *,
    proof: Annotated[Path | None, Parameter(help="Folder that `results --proof` wrote; no platform is asked.")] = None,
    rpc: Annotated[str | None, Parameter(help="Node to ask for the events, with --proof.")] = None,
    data: Data | None = None,
    json: AsJson = False,
) -> int:
    """Judge a job again from evidence and chain alone: roots, verdicts, payouts. Exit code 6 when a check fails."""

    async def work() -> Exit:
        from manyhands.apps.auditing import ProofIncomplete, proof_in_folder
        from manyhands.apps.compose import client
        from manyhands.apps.delivery import gather_proof
        from manyhands.apps.verify import verify as verify_proof

        told("reading evidence and chain")
        if proof is not None:
            where, found, rests_on = await proof_in_folder(proof, rpc_url=rpc)
            if job is not None and job != where.job_id:
                raise ProofIncomplete(f"{proof} is the proof of job {where.job_id}, not of {job}")
            job_id = where.job_id
        elif job is None:
            raise ProofIncomplete("neither a job nor a proof was named", cure="verify JOB, or verify --proof DIR.")
        else:
            async with client(DataFolder(data or data_default())) as platform:
                found, job_id = await gather_proof(platform, job), job
            rests_on = "events from this platform's own node"
        report = verify_proof(job_id, found)
        if json:
            as_json({"job_id": job_id, "passed": report.passed, "checks": report.checks, "rests_on": rests_on})
        else:
            for check in report.checks:
                output.print(f"{'[green]yes[/]' if check.passed else '[bold red]NO [/]'}  {check.name}: {check.found}")
            output.print(rests_on)
            output.print("all checks passed" if report.passed else "[bold red]the record does not hold[/]")
        return Exit.OK if report.passed else Exit.CHECK_FAILED

    return run(work, json=json)
