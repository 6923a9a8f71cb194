"""One whole job on this machine, from scans to paid people and delivered records, and what was measured on the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import psutil  # type: ignore[import-untyped]  # the package carries no types

from manyhands.apps.compose import Platform, open_platform
from manyhands.apps.delivery import gather_proof, record_of, write_results
from manyhands.apps.folder import DataFolder, Settings
from manyhands.apps.intake import Intake, take_in
from manyhands.apps.processes import Supervisor
from manyhands.apps.running import running
from manyhands.apps.verify import Proof, Report, verify
from manyhands.documents.compare import RecordOf, compare_fields, compare_lines
from manyhands.documents.fields import kind_spec, kind_spec_of
from manyhands.documents.samples import write_samples
from manyhands.documents.truth import true_answer, truth_for_pieces
from manyhands.protocol import canonical
from manyhands.protocol.errors import ManyhandsError
from manyhands.protocol.evidence import BatchEvidence
from manyhands.protocol.manifest import PayRule, QualityRule, Scope, Wishes
from manyhands.quality.acceptance_test import clopper_pearson_bp
from manyhands.roles.exchange.decisions import (
    PageAsk,
    again_task_id_of,
    choose_task_id_of,
    json_list,
    known_choice_id_of,
    task_id_of,
)
from manyhands.roles.launcher.plan import check_has_fields
from manyhands.roles.launcher.values import JobView, LaunchOptions
from manyhands.task_types.asked import questions_in

from .crowd import Known, work

TASKS_OF_A_PIECE = (task_id_of, again_task_id_of, choose_task_id_of, known_choice_id_of)
"""Every task that a piece can be: keyed, keyed again, chosen between readings, and a choice made of it."""

ENDED = ("closed", "refused")

NEWCOMERS = 4
"""Simulated people who join when tasks are left that privacy shows to nobody of those who are there."""

PEOPLE_MAX = 200


class DemoJobRefused(ManyhandsError):
    """The demo's job did not get going."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """What the demo shall do. folder None = scans that the project renders itself."""

    folder: Path | None = None
    truth: Path | None = None
    crowd: Literal["simulated", "me"] = "simulated"
    people: int = 24
    error: float = 0.03
    machine: Literal["agreeing_readers", "none"] = "agreeing_readers"
    out: Path | None = None
    exit: bool = False
    seed: int = 1
    port: int = 8000
    per_hour_minor: int = 12_000_000
    holdback: int = 3
    data: Path | None = None
    ocr_processes: int = 2
    kind: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    fields: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one demo measured. Shares in basis points; None = nothing to measure it on.

    fields, fields_right, fields_right_low_bp, fields_right_high_bp
        fields of known records, how many came out right by value, and between which shares the true one lies with 95 %
        confidence as far as so many fields can tell (Clopper and Pearson 1934); fields of one document hang together,
        so the true bounds are a little wider
    """

    job_id: str
    state: str
    simulated: bool
    documents: int
    pages: int
    pieces: int
    pieces_seen_bp: int
    answers: int
    answers_per_document_milli: int
    answers_per_receipt_milli: int | None
    lines: int | None
    lines_right_bp: int | None
    lines_right_by_kind_bp: dict[str, int]
    fields: int | None
    fields_right: int | None
    fields_right_low_bp: int | None
    fields_right_high_bp: int | None
    wrong: tuple[str, ...]
    machine_cpu_ms: int
    funded_minor: int
    paid_minor: int
    fees_minor: int
    refunded_minor: int
    cost_per_document_minor: int
    currency: str
    verified: bool
    checks: tuple[str, ...]
    wall_ms: int
    wall_job_ms: int


@dataclass
class Demo:
    """A running demo. told: one sentence per step; moved: how far the job is, for a progress bar."""

    options: DemoOptions
    told: Callable[[str], None]
    moved: Callable[[Mapping[str, Any]], None] = lambda _: None
    cpu_ms: dict[int, int] = field(default_factory=dict)
    document_of: dict[str, str] = field(default_factory=dict)
    measured: Measured | None = None

    async def run(self, *, until: asyncio.Event) -> Measured:
        """Runs to the end of the job; without `exit`, serves the site until `until` is set."""
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            data = self.options.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="manyhands-demo-")))
            folder = DataFolder(data)
            folder.prepare(
                Settings(
                    web_port=self.options.port,
                    ocr_processes=self.options.ocr_processes,
                    simulated_crowd=self.options.crowd == "simulated",
                    rehearsal_seed=self.options.seed,
                )
            )
            source, truth = self._input(data)
            async with Supervisor(folder, self.told) as supervisor:
                found = running(folder)
                assert found is not None
                platform = await open_platform(folder, found, pool=6, name="manyhands demo")
                try:
                    measured = self.measured = await self._job(platform, supervisor, source, truth, began)
                    if not self.options.exit:
                        self.told(f"the site stays at http://127.0.0.1:{self.options.port} until you press Ctrl-C")
                        await until.wait()
                    return measured
                finally:
                    await platform.close()

    def _input(self, data: Path) -> tuple[Path, Path | None]:
        if self.options.folder is not None:
            return self.options.folder, self.options.truth
        self.told("rendering a few receipts, an invoice and a table: these scans are made by this program")
        return write_samples(data / "rendered", seed=self.options.seed)

    async def _job(
        self, platform: Platform, supervisor: Supervisor, source: Path, truth: Path | None, began: float
    ) -> Measured:
        job_began = time.monotonic()
        truths = read_truths(truth) if truth else {}
        secret = dict(
            list(truths.items())[:: max(1, len(truths) // max(1, self.options.holdback))][: self.options.holdback]
        )
        self.told(f"importing {source}")
        taken = await take_in(source, platform.blobs, kind=self.options.kind or None, truths=secret, fit=self._fit)
        for refused in taken.refused:
            self.told(f"left out {refused}")
        view = await platform.launcher.draft(taken.documents, self._launch_options(platform))
        self.told(f"quoted at most {view.quote_total_minor / 1e6:.2f} USD for {view.pages} pages; agreed")
        view = await platform.launcher.approve(view.job_id)
        stop = asyncio.Event()
        crowd = asyncio.create_task(self._crowd(platform, view, truths, stop), name="crowd")
        watch = asyncio.create_task(self._watch_cpu(supervisor, stop), name="cpu")
        try:
            view = await self._until_ended(platform, view, crowd)
        finally:
            stop.set()
            await asyncio.gather(crowd, watch, return_exceptions=True)
        if view.state == "refused":
            raise DemoJobRefused(f"the job was refused: {view.because}")
        with contextlib.ExitStack() as stack:
            out = self.options.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            await write_results(platform, view.job_id, out, with_proof=self.options.out is not None)
            proof = await gather_proof(platform, view.job_id)
            report = verify(view.job_id, proof)
            record = await record_of(platform, view.job_id)
            return self._measured(view, record, taken, truths, out, proof, report, began, job_began)

    def _launch_options(self, platform: Platform) -> LaunchOptions:
        mine = self.options.crowd == "me"
        return LaunchOptions(
            requester=platform.launcher.ctx.address,
            title="Receipts, invoices and tables" if self.options.folder else "Rendered receipts",
            description="A demo." if mine else "A demo. The people in it are simulated.",
            task_type="field_choice" if self.options.fields else "transcription",
            scope=self._scope(),
            pay=PayRule(per_hour_minor=self.options.per_hour_minor, floor_per_hour_minor=self.options.per_hour_minor),
            quality=QualityRule(benchmark_bp=9_000),
            machine=self.options.machine,
            privacy="off" if mine else "standard",
            crowd="people" if mine else "simulated",
            wishes=Wishes(),
            request_key=f"demo {self.options.seed}",
            kinds=self.options.kinds or msgspec.UNSET,
        )

    def _scope(self) -> Scope | msgspec.UnsetType:
        named = tuple(name.strip() for name in self.options.fields.split(",") if name.strip())
        return Scope(fields=named) if named and named != ("all",) else msgspec.UNSET

    async def _crowd(self, platform: Platform, view: JobView, truths: Mapping[str, bytes], stop: asyncio.Event) -> None:
        """Simulated people begin when there is work, with what truth says of each piece."""
        if self.options.crowd == "me":
            self.told(f"sign up and work at http://127.0.0.1:{self.options.port}: this job waits for you")
            return
        while not (known := await self._known_if_open(platform, view.job_id, truths)):
            if stop.is_set():
                return
            await asyncio.sleep(0.3)
        self.told(f"{self.options.people} simulated people begin to work")
        here, coming = 0, self.options.people
        async with asyncio.TaskGroup() as crowd:
            while not stop.is_set():
                if coming:
                    crowd.create_task(
                        work(
                            f"http://127.0.0.1:{self.options.port}",
                            lambda job_id: known if job_id == view.job_id else None,
                            stop,
                            people=coming,
                            error_rate=self.options.error,
                            seed=self.options.seed,
                            report=True,
                            first=here,
                        )
                    )
                    here += coming
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 2)
                if self.options.fields:
                    known.update(await self._known(platform, view.job_id, truths))
                progress = await platform.exchange.progress(view.job_id)
                # those who are here and have not asked for work yet may take it
                coming = min(NEWCOMERS, PEOPLE_MAX - here) if progress.out_of_reach and progress.came >= here else 0
                if coming:
                    self.told(f"{coming} more come: {progress.out_of_reach} tasks may be shown to none of the {here}")

    async def _known_if_open(
        self, platform: Platform, job_id: str, truths: Mapping[str, bytes]
    ) -> dict[str, Known] | None:
        """None while the exchange has not offered all tasks yet."""
        try:
            progress = await platform.exchange.progress(job_id)
        except ManyhandsError:
            return None  # the exchange has not heard of the job yet
        return await self._known(platform, job_id, truths) if progress.opened_at_ms is not None else None

    async def _known(self, platform: Platform, job_id: str, truths: Mapping[str, bytes]) -> dict[str, Known]:
        """What simulated people know of every task: the truth of its piece, or without one what a reader read."""
        places = await platform.exchange.simulation_view(job_id)
        by_document: dict[str, list[str]] = {}
        for key, place in places.items():
            by_document.setdefault(place.doc_id, []).append(key)
        known: dict[str, Known] = {}
        for doc_id, keys in by_document.items():
            asks = {key: places[key].ask for key in keys if places[key].ask is not None}
            keys = [key for key in keys if key not in asks]
            pieces = [places[key].piece for key in keys]
            raw = truths.get(doc_id)
            # a piece that is asked a second time has two tasks, but stands on the page once
            texts = truth_for_pieces(list({p.piece_id: p for p in pieces}.values()), json.loads(raw)) if raw else {}
            by_piece: dict[str, Known] = {}
            for key, piece in zip(keys, pieces, strict=True):
                read = next((reading.text for reading in piece.readings if reading.text), None)
                knows = by_piece[piece.piece_id] = Known(texts.get(piece.piece_id) if raw else read, piece.readings)
                for task_id in (key, *(id_of(job_id, piece.piece_id) for id_of in TASKS_OF_A_PIECE)):
                    known[task_id] = knows
                    self.document_of[task_id] = doc_id
            for key, ask in asks.items():
                if ask is not None and ask.choice is None and ask.parts:  # lines that are put together
                    known[key] = Known(None, parts=tuple(by_piece.get(part, Known(None)) for part in ask.parts))
                    self.document_of[key] = doc_id
                    continue
                known[key] = self._known_choice(ask, places[key].kind, texts, json.loads(raw) if raw else None)
                self.document_of[key] = doc_id
        return known

    def _known_choice(
        self, ask: PageAsk | None, kind: str, texts: Mapping[str, str], truth: Mapping[str, Any] | None
    ) -> Known:
        """What simulated people tap: where the truth's value stands; without a truth what the rules would take."""
        if ask is None or ask.choice is None:
            return Known(ask.suggested or None if ask else None)
        questions = questions_in(ask.question)
        if len(questions) > 1:
            choices = [msgspec.structs.replace(ask.choice, field=question.split(" ", 2)[2]) for question in questions]
            suggested = json_list(ask.suggested) or (None,) * len(questions)
            alone = [
                msgspec.structs.replace(ask, question=question, choice=choice, suggested=hint or "")
                for question, choice, hint in zip(questions, choices, suggested, strict=True)
            ]
            return Known(None, parts=tuple(self._known_choice(one, kind, texts, truth) for one in alone))
        if truth is None:
            return Known(ask.suggested or None)
        own = self.options.kinds
        spec = kind_spec_of(own[kind]) if kind in own else kind_spec(kind)
        one = next(field for field in spec.fields if field.name == ask.choice.field)
        value = str((truth.get("fields") or {}).get(one.name, ""))
        right = true_answer(ask.choice, one, texts, value)
        return Known(right, places=len(ask.choice.places), suggested=ask.suggested)

    def _fit(self, doc_id: str, kind: str) -> None:
        if self.options.fields:
            check_has_fields(doc_id, kind, self.options.kinds)

    async def _until_ended(self, platform: Platform, view: JobView, crowd: asyncio.Task[None]) -> JobView:
        while view.state not in ENDED:
            if crowd.done() and crowd.exception() is not None:
                await crowd
            await asyncio.sleep(0.5)
            view = await platform.launcher.view(view.job_id)
            self.moved(await record_of(platform, view.job_id))
        return view

    async def _watch_cpu(self, supervisor: Supervisor, stop: asyncio.Event) -> None:
        """CPU of the processes that read pages, ms, kept while they live."""
        while not stop.is_set():
            for child in supervisor.children:
                if child.kind == "ocr" and child.process is not None:
                    with contextlib.suppress(psutil.Error):
                        times = psutil.Process(child.process.pid).cpu_times()
                        self.cpu_ms[child.process.pid] = int(1000 * (times.user + times.system))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)

    def _measured(
        self,
        view: JobView,
        record: Mapping[str, Any],
        taken: Intake,
        truths: Mapping[str, bytes],
        out: Path,
        proof: Proof,
        report: Report,
        began: float,
        job_began: float,
    ) -> Measured:
        # of a page whose fields alone were wanted most lines were never asked for
        right, seen, wrong = ({}, {}, []) if self.options.fields else self._lines(taken, truths, out)
        fields, fields_right, wrong_fields = self._fields(taken, truths, out)
        low_bp, high_bp = clopper_pearson_bp(fields_right, fields, sureness_bp=9_750)  # each side half of 5 %
        tasks: Mapping[str, int] = record["tasks"]
        answers = int(record["answers"])
        pieces = sum(tasks.values())
        asked = pieces - int(tasks.get("accepted_unseen", 0))
        by_document: dict[str, int] = {}
        for raw in proof.evidence:
            for recorded in canonical.decode(raw, BatchEvidence).answers:
                doc_id = self.document_of.get(recorded.answer.task_id, "")
                by_document[doc_id] = by_document.get(doc_id, 0) + 1
        receipts = [document.doc_id for document in taken.documents if document.kind == "receipt"]
        in_receipts = sum(by_document.get(doc_id, 0) for doc_id in receipts)
        settled = view.settled
        assert settled is not None
        lines, lines_right = sum(seen.values()), sum(right.values())
        spent = settled.paid_minor + settled.fees_minor
        return Measured(
            job_id=view.job_id,
            state=view.state,
            simulated=view.simulated,
            documents=len(taken.documents),
            pages=taken.pages,
            pieces=pieces,
            pieces_seen_bp=10_000 * asked // max(1, pieces),
            answers=answers,
            answers_per_document_milli=1000 * answers // len(taken.documents),
            answers_per_receipt_milli=1000 * in_receipts // len(receipts) if receipts else None,
            lines=lines or None,
            lines_right_bp=10_000 * lines_right // lines if lines else None,
            lines_right_by_kind_bp={kind: 10_000 * right[kind] // seen[kind] for kind in sorted(seen) if seen[kind]},
            fields=fields or None,
            fields_right=fields_right if fields else None,
            fields_right_low_bp=low_bp if fields else None,
            fields_right_high_bp=high_bp if fields else None,
            wrong=(*wrong, *wrong_fields),
            machine_cpu_ms=sum(self.cpu_ms.values()),
            funded_minor=view.funded_minor,
            paid_minor=settled.paid_minor,
            fees_minor=settled.fees_minor,
            refunded_minor=settled.refunded_minor,
            cost_per_document_minor=spent // len(taken.documents),
            currency=view.currency,
            verified=report.passed,
            checks=tuple(f"{'yes' if check.passed else 'NO'} {check.name}: {check.found}" for check in report.checks),
            wall_ms=int(1000 * (time.monotonic() - began)),
            wall_job_ms=int(1000 * (time.monotonic() - job_began)),
        )

    @staticmethod
    def _lines(
        taken: Intake, truths: Mapping[str, bytes], out: Path
    ) -> tuple[dict[str, int], dict[str, int], list[str]]:
        """Lines right and asked for, by kind, and those that are wrong, in words."""
        right: dict[str, int] = {}
        seen: dict[str, int] = {}
        wrong: list[str] = []
        for document in taken.documents:
            raw = truths.get(document.doc_id)
            if raw is None:
                continue
            truth = msgspec.json.decode(raw, type=RecordOf)
            delivered = msgspec.json.decode((out / f"{document.doc_id}.json").read_bytes(), type=RecordOf)
            for value, known in compare_lines(delivered.lines, truth.lines):
                seen[document.kind] = seen.get(document.kind, 0) + 1
                right[document.kind] = right.get(document.kind, 0) + (value == known)
                if value != known:
                    wrong.append(f"{document.doc_id}: {known!r} was delivered as {value!r}")
        for kind in seen:
            right.setdefault(kind, 0)
        return right, seen, wrong

    def _fields(self, taken: Intake, truths: Mapping[str, bytes], out: Path) -> tuple[int, int, list[str]]:
        """(fields of known records that were wanted, how many are right by value, those that are wrong, in words)."""
        scope = self._scope()
        wanted = scope.fields if isinstance(scope, Scope) and isinstance(scope.fields, tuple) else ()
        seen = right = 0
        wrong: list[str] = []
        for document in taken.documents:
            raw = truths.get(document.doc_id)
            if raw is None:
                continue
            truth = msgspec.json.decode(raw, type=RecordOf)
            delivered = msgspec.json.decode((out / f"{document.doc_id}.json").read_bytes(), type=RecordOf)
            for value, known in compare_fields(delivered.fields, truth.fields, wanted=wanted):
                seen += 1
                right += value == known
                if value != known:
                    wrong.append(f"{document.doc_id}: a field that is {known!r} was delivered as {value!r}")
        return seen, right, wrong


def read_truths(folder: Path) -> dict[str, bytes]:
    """Known records by document id."""
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.json"))}
