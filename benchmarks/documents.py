#!/usr/bin/env python3
"""Measures the document path offline: scan -> readings -> pieces -> simulated people -> record, scored against truth.

Rules kept here
- People are SIMULATED (error rate and share of repeated machine mistakes are printed with every figure).
- The same judge decides as in a running job (task type ``transcription``); only the workers are made up.
- Reading is timed in CPU seconds of one thread; ``--readings DIR`` keeps the readings for a second run.

usage: benchmarks/documents.py [--shared ../shared] [--policy agreement] [--error 0.03] [--rounds 20] [--json FILE]
       benchmarks/documents.py --perfect      nothing accepted unseen, perfect answers: what cutting itself loses
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import shlex
import statistics
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec

from manyhands.documents.acceptance import (
    POLICIES,
    AcceptUnseen,
    Ask,
    Policy,
    confirmed_text,
    decide_unseen,
    joint_confidence_bp,
    look_alikes,
)
from manyhands.documents.assemble import assemble
from manyhands.documents.audit import Audited, BelievedPiece, next_of_audit, threshold_from_audit
from manyhands.documents.cutter import cut
from manyhands.documents.importing import ImportedDocument, import_folder
from manyhands.documents.model import Decision, PageImage, PageReadings, PageRecord, Piece, PieceRecord, piece_on_page
from manyhands.documents.readers import make_readers, read_page
from manyhands.documents.text import core
from manyhands.documents.truth import simulate_answer, truth_for_pieces
from manyhands.documents.writers import record_json
from manyhands.quality import transcription
from manyhands.quality.fields import FIELD_TYPES
from manyhands.task_types import Accept, AskMore, Question, task_type

TRANSCRIPTION = task_type("transcription")
USUAL_SKILL_BP = 9_500
RUNNING_RULE = transcription.TranscriptionRule(target_bp=9_800)
"""What ``task_types.judging.transcription_rule`` makes of the manifest's default target of 99.5 %."""


def load_scorer(shared: Path) -> Any:
    """The shared scoring tool as a module."""
    spec = importlib.util.spec_from_file_location("documents_score", shared / "tools" / "documents_score.py")
    if spec is None or spec.loader is None:
        sys.exit(f"no scorer under {shared}/tools: give --shared the folder that holds documents/ and tools/")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def readings_of(shared: Path, cache: Path | None, names: tuple[str, ...]) -> dict[str, tuple[str, list[PageReadings]]]:
    """doc id -> (kind, readings of its pages); from the cache where it has them."""
    found: dict[str, tuple[str, list[PageReadings]]] = {}
    readers = None
    for document in import_folder(shared / "documents" / "images"):
        if not isinstance(document, ImportedDocument):
            sys.exit(str(document))
        pages = []
        for page in document.pages:
            kept = cache / f"{document.doc_id}-p{page.page_no}.json" if cache else None
            if kept and kept.exists():
                pages.append(msgspec.json.decode(kept.read_bytes(), type=PageReadings))
                continue
            readers = make_readers(names) if readers is None else readers
            read = read_page(
                page.png_bytes, readers, kind=document.kind, page_no=page.page_no, text_layer=page.text_layer
            )
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(msgspec.json.encode(read))
            pages.append(read)
            print(f"read {document.doc_id} page {page.page_no}: {read.cpu_ms} ms CPU", file=sys.stderr)
        found[document.doc_id] = (document.kind, pages)
    return found


def _on_page(piece: Piece, page: PageReadings) -> Piece:
    return piece_on_page(piece, page.straight, width_px=page.width_px, height_px=page.height_px)


def answered(
    piece: Piece, truth: str, *, error_rate: float, rng: random.Random, judge: str
) -> tuple[Decision, int, int]:
    """(decision, answers used, working ms) of simulated people for one piece.

    judge  ``running``: as a job's recording oracle judges (quality.transcription); ``simple``: as the task type does
    """
    if judge == "running":
        return _answered_as_running(piece, truth, error_rate=error_rate, rng=rng)
    question = Question("", piece.field_type, expected_chars=max(1, len(truth)))
    hints = [r.text for r in piece.readings if r.text]
    answers: list[str | None] = []
    while True:
        step = TRANSCRIPTION.judge(question, answers, hints)
        if not isinstance(step, AskMore):
            break
        answers.append(
            TRANSCRIPTION.clean(question, simulate_answer(truth, piece.readings, error_rate=error_rate, rng=rng))
        )
    effort_ms = len(answers) * TRANSCRIPTION.effort_ms(question)
    if isinstance(step, Accept):
        decision = Decision("people" if step.text else "blank", step.text, step.because, None, len(answers))
    else:
        decision = Decision("unreadable", "", step.because, None, len(answers))
    return decision, len(answers), effort_ms


def _answered_as_running(
    piece: Piece, truth: str, *, error_rate: float, rng: random.Random
) -> tuple[Decision, int, int]:
    question = piece.field_type if piece.field_type in FIELD_TYPES else "text"
    heard = [transcription.Reading(r.text, r.reader, r.confidence_bp) for r in piece.readings if r.text]
    keyed: list[transcription.Keyed] = []
    while isinstance(step := transcription.next_step(heard, keyed, RUNNING_RULE, question), transcription.AskMore):
        for _ in range(step.count):
            text = simulate_answer(truth, piece.readings, error_rate=error_rate, rng=rng)
            keyed.append(transcription.Keyed(f"w{len(keyed)}", text, 0, USUAL_SKILL_BP, len(keyed)))
    effort_ms = len(keyed) * TRANSCRIPTION.effort_ms(Question("", question, expected_chars=max(1, len(truth))))
    if isinstance(step, transcription.Accept):
        return (
            Decision("people" if step.value else "blank", step.value, step.because, None, len(keyed)),
            len(keyed),
            effort_ms,
        )
    return Decision("unreadable", "", step.because, None, len(keyed)), len(keyed), effort_ms


def run(
    readings: dict[str, tuple[str, list[PageReadings]]],
    truths: dict[str, dict[str, Any]],
    policy: Policy,
    *,
    error_rate: float,
    seed: int,
    out: Path,
    tally: Counter[str],
    judge: str,
) -> None:
    """One round over all documents; writes results to ``out`` and counts into ``tally``."""
    rng = random.Random(seed)
    pieces = {d: [p for page in pages for p in cut(page, doc_id=d)] for d, (_, pages) in readings.items()}
    decisions = decide_unseen([p for own in pieces.values() for p in own], policy)
    asked_ids = {i for i, step in decisions.items() if isinstance(step, Ask)}
    stands_for = look_alikes(pieces.values(), asked_ids) if policy.agree else {}
    for doc_id, (kind, pages) in readings.items():
        words: dict[str, str] = {}
        by_number = {page.page_no: page for page in pages}
        truth = truth_for_pieces([_on_page(p, by_number[p.page_no]) for p in pieces[doc_id]], truths[doc_id])
        records = []
        for page in pages:
            decided = []
            for piece in (p for p in pieces[doc_id] if p.page_no == page.page_no):
                step = decisions[piece.piece_id]
                tally[f"{kind} pieces"] += 1
                alike = confirmed_text(piece, words.get(stands_for.get(piece.piece_id, "")))
                if alike is not None:
                    tally[f"{kind} look-alikes"] += 1
                    step = AcceptUnseen(alike, "its look-alike was confirmed")
                if isinstance(step, AcceptUnseen):
                    tally[f"{kind} accepted"] += 1
                    wrong = core(step.text) != core(truth[piece.piece_id])
                    tally[f"{kind} accepted wrong"] += wrong
                    if any(c.isdigit() for c in step.text):
                        tally[f"{kind} accepted with digits"] += 1
                        tally[f"{kind} accepted wrong with digits"] += wrong
                    if wrong and seed == 0:
                        said = f"{step.text!r} is {truth[piece.piece_id]!r} ({step.because})"
                        print(f"accepted wrong: {doc_id} {said}", file=sys.stderr)
                    decision = Decision("machine" if step.text else "blank", step.text, step.because)
                else:
                    asked = msgspec.structs.replace(piece, readings=()) if policy.agree == 0 else piece
                    decision, used, effort_ms = answered(
                        asked, truth[piece.piece_id], error_rate=error_rate, rng=rng, judge=judge
                    )
                    tally[f"{kind} asked"] += 1
                    tally[f"{kind} asked because {step.because}"] += 1
                    tally[f"{kind} answers"] += used
                    tally[f"{kind} human ms"] += effort_ms
                    words[piece.piece_id] = decision.text
                    tally[f"{kind} asked wrong"] += core(decision.text) != core(truth[piece.piece_id])
                decided.append(PieceRecord(piece, decision))
            image = PageImage(page.page_no, page.width_px, page.height_px)
            records.append(PageRecord(doc_id, image, tuple(decided), page.tables, page.readers, page.straight))
        tally[f"{kind} documents"] += 1
        tally[f"{kind} pages"] += len(pages)
        (out / f"{doc_id}.json").write_bytes(record_json(assemble(doc_id, kind, records)))


def leave_one_out(
    readings: dict[str, tuple[str, list[PageReadings]]], truths: dict[str, dict[str, Any]], policy: Policy
) -> dict[str, dict[str, Any]]:
    """Per kind: what a threshold learnt on the other kinds alone accepts unseen of this one, and how much is wrong.

    The threshold is the lowest that the others support (exact binomial bound, 95 %, 1 % wrong); where they support
    none, the strictest is taken. Word counts come from the kind's own pieces, as in a job of that kind alone.
    """
    found: dict[str, dict[str, Any]] = {}
    kinds = sorted({kind for kind, _ in readings.values()})

    def judged(wanted: list[str], rule: Policy) -> list[tuple[int, bool, bool]]:
        """(joint confidence, wrong, holds digits) of what is accepted unseen, and how many pieces there were last."""
        out = []
        for kind in wanted:
            own = {d: pages for d, (k, pages) in readings.items() if k == kind}
            pieces = {d: [p for page in pages for p in cut(page, doc_id=d)] for d, pages in own.items()}
            decisions = decide_unseen([p for some in pieces.values() for p in some], rule)
            for doc_id, some in pieces.items():
                by_number = {page.page_no: page for page in own[doc_id]}
                truth = truth_for_pieces([_on_page(p, by_number[p.page_no]) for p in some], truths[doc_id])
                for piece in some:
                    step = decisions[piece.piece_id]
                    if isinstance(step, AcceptUnseen):
                        heard = [r for r in piece.readings if r.text]
                        joint = joint_confidence_bp(heard) if heard else 10_000
                        wrong = core(step.text) != core(truth[piece.piece_id])
                        out.append((joint, wrong, any(c.isdigit() for c in step.text)))
        return out

    for kind in kinds:
        others = [(joint, wrong) for joint, wrong, _ in judged([k for k in kinds if k != kind], policy)]
        learnt = threshold_from_audit(others, policy, wrong_share_bp=100)
        rule = learnt or msgspec.structs.replace(policy, joint_bp=9_000)
        mine = judged([kind], rule)
        total = sum(len(page.spots) for k, pages in readings.values() if k == kind for page in pages)
        found[kind] = {
            "threshold_bp": rule.joint_bp,
            "supported_by_the_others": learnt is not None,
            "seen_by_people": round(1 - len(mine) / total, 4),
            "wrong_among_accepted": _share(sum(wrong for _, wrong, _ in mine), len(mine)),
            "wrong_among_accepted_with_digits": _share(
                sum(wrong for _, wrong, digits in mine if digits), sum(digits for _, _, digits in mine)
            ),
        }
    return found


AUDIT_SHARES_BP = (50, 100, 200)
AUDIT_JOBS = 30


def in_job_audits(
    readings: dict[str, tuple[str, list[PageReadings]]], truths: dict[str, dict[str, Any]], *, copies: int
) -> list[dict[str, Any]]:
    """Audits of ``AUDIT_JOBS`` jobs, each of documents drawn at random with putting back, people reading the truth.

    copies   a job has this many times as many documents as there are
    returns  per share that is asked for: pieces believed, shown to people and unseen, and how often the promise held
    """
    policy = POLICIES["audited"]
    pieces = {d: [p for page in pages for p in cut(page, doc_id=d)] for d, (_, pages) in readings.items()}
    decisions = decide_unseen([p for own in pieces.values() for p in own], policy)
    believed: dict[str, list[tuple[str, int, bool]]] = {}
    for doc_id, (_, pages) in readings.items():
        by_number = {page.page_no: page for page in pages}
        truth = truth_for_pieces([_on_page(p, by_number[p.page_no]) for p in pieces[doc_id]], truths[doc_id])
        believed[doc_id] = [
            (p.piece_id, step.joint_bp, core(step.text) != core(truth[p.piece_id]))
            for p in pieces[doc_id]
            if isinstance(step := decisions[p.piece_id], AcceptUnseen) and step.text
        ]
    found = []
    for share_bp in AUDIT_SHARES_BP:
        shown, unseen, piles, held, thresholds = 0, 0, 0, 0, Counter[str]()
        for job in range(AUDIT_JOBS):
            rng = random.Random(f"{copies} {job}")
            drawn = rng.choices(sorted(believed), k=copies * len(believed))
            pile = [
                (f"{n}/{piece_id}", joint_bp, wrong)
                for n, d in enumerate(drawn)
                for piece_id, joint_bp, wrong in believed[d]
            ]
            wrong_of = {piece_id: wrong for piece_id, _, wrong in pile}
            known: dict[str, bool] = {}
            as_told = [BelievedPiece(piece_id, joint_bp) for piece_id, joint_bp, _ in pile]
            while True:
                ask = next_of_audit(
                    as_told, known, job_id=f"job {job}", loosest_bp=policy.joint_bp, wrong_share_bp=share_bp
                )
                if isinstance(ask, Audited):
                    break
                known |= {piece_id: wrong_of[piece_id] for piece_id in ask.piece_ids}
            left = sum(wrong for piece_id, _, wrong in pile if piece_id not in known)
            own = sum(joint_bp >= (ask.threshold_bp or 10_001) for _, joint_bp, _ in pile)
            held += left * 10_000 <= share_bp * own
            shown, unseen, piles = shown + len(known), unseen + ask.unseen, piles + len(pile)
            thresholds["none" if ask.threshold_bp is None else f"{ask.threshold_bp // 100} %"] += 1
        found.append(
            {
                "documents": copies * len(believed),
                "asked_for": share_bp / 10_000,
                "pieces_believed": round(piles / AUDIT_JOBS),
                "shown_to_people": round(shown / piles, 4),
                "promise_held": round(held / AUDIT_JOBS, 4),
                "thresholds": dict(thresholds.most_common()),
            }
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[1].parent / "shared")
    parser.add_argument("--readings", type=Path, help="folder that keeps machine readings between runs")
    parser.add_argument("--readers", default="ppocr6,ppocr4")
    parser.add_argument("--policy", choices=sorted(POLICIES), default="agreement")
    parser.add_argument("--error", type=float, default=0.03)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--judge", choices=("running", "simple"), default="running")
    parser.add_argument("--perfect", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path, help="write the page with figures and goals")
    parser.add_argument("--because", action="store_true", help="also count why pieces were asked")
    args = parser.parse_args()
    policy = POLICIES["none"] if args.perfect else POLICIES[args.policy]
    error_rate = 0.0 if args.perfect else args.error
    rounds = 1 if args.perfect else args.rounds
    scorer = load_scorer(args.shared)
    names = tuple(n for n in args.readers.split(",") if n)
    readings = readings_of(args.shared, args.readings, names)
    truth_dir = args.shared / "documents" / "truth"
    truths = {d: json.loads((truth_dir / f"{d}.json").read_text(encoding="utf-8")) for d in readings}
    tally: Counter[str] = Counter()
    scores: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        out = args.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        for seed in range(rounds):
            run(readings, truths, policy, error_rate=error_rate, seed=seed, out=out, tally=tally, judge=args.judge)
            for kind, score in scorer.score(str(truth_dir), str(out)).items():
                scores[kind].append(score)
    report = summary(readings, tally, scores, rounds)
    if not args.perfect:
        report["leave_one_out"] = leave_one_out(readings, truths, policy)
        report["audits"] = {str(copies): in_job_audits(readings, truths, copies=copies) for copies in (1, 4)}
    report["setting"] = {
        "people": "SIMULATED", "error_rate": error_rate, "repeats_machine_mistake": 0.15, "policy": policy.name,
        "judge": args.judge,
        "readers": names, "rounds": rounds,
    }  # fmt: skip
    if not args.because:
        for part in (report[kind] for kind in ("receipt", "invoice", "table") if kind in report):
            part.pop("asked_because", None)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")
    if args.markdown:
        args.markdown.write_text(
            markdown(report, f"uv run python benchmarks/documents.py {shlex.join(sys.argv[1:])}"), encoding="utf-8"
        )
    print(text)
    return 0


def summary(
    readings: dict[str, tuple[str, list[PageReadings]]],
    tally: Counter[str],
    scores: dict[str, list[dict[str, Any]]],
    rounds: int,
) -> dict[str, dict[str, Any]]:
    """Figures per kind, means over the rounds."""
    report: dict[str, dict[str, Any]] = {}
    for kind in ("receipt", "invoice", "table"):
        docs, pieces = tally[f"{kind} documents"], tally[f"{kind} pieces"]
        if not docs:
            continue
        pages = tally[f"{kind} pages"]
        per = docs if kind == "receipt" else pages
        cpu = [p.cpu_ms for k, own in readings.values() if k == kind for p in own]
        human_s = tally[f"{kind} human ms"] / 1000 / per

        def mean(name: str, kind: str = kind) -> float | None:
            known = [s[name] for s in scores[kind] if s.get(name) is not None]
            return round(statistics.fmean(known), 5) if known else None

        report[kind] = {
            "documents": docs // rounds,
            "lines_right_core": mean("line_exact_core"),
            "lines_right_exact": mean("line_exact"),
            "cer": mean("cer"),
            "boxes_found": mean("det_recall"),
            "cells_exact": mean("cell_exact"),
            "fields_by_value": mean("field_f1_value"),
            "fields_exact": mean("field_f1_strict"),
            "pieces_a_page": round(pieces / pages, 1),
            "seen_by_people": round(tally[f"{kind} asked"] / pieces, 4),
            "answers_per_receipt_or_page": round(tally[f"{kind} answers"] / per, 2),
            "wrong_among_accepted": _share(tally[f"{kind} accepted wrong"], tally[f"{kind} accepted"]),
            "wrong_among_accepted_with_digits": _share(
                tally[f"{kind} accepted wrong with digits"], tally[f"{kind} accepted with digits"]
            ),
            "believed_as_look_alikes": _share(tally[f"{kind} look-alikes"], pieces),
            "wrong_among_asked": _share(tally[f"{kind} asked wrong"], tally[f"{kind} asked"]),
            "human_seconds_per_receipt_or_page": round(human_s, 1),
            "usd_at_6_an_hour": round(human_s / 3600 * 6, 3),
            "usd_at_12_an_hour": round(human_s / 3600 * 12, 3),
            "machine_cpu_s_mean": round(statistics.fmean(cpu) / 1000, 2),
            "machine_cpu_s_worst": round(max(cpu) / 1000, 2),
            "asked_because": {
                key.split(" because ")[1]: round(count / rounds, 1)
                for key, count in tally.most_common()
                if key.startswith(f"{kind} asked because ")
            },
        }
    return report


GOALS = (
    ("receipt", "lines_right_core", "receipt lines right (core, corrected truth)", ">= 99.5 %"),
    ("receipt", "answers_per_receipt_or_page", "answers a receipt, full text", "<= 31"),
    ("receipt", "cer", "CER receipts", "<= 0.5 %"),
    ("receipt", "fields_by_value", "receipt fields by value, from the full text", ">= 96 %"),
    ("invoice", "lines_right_core", "invoice lines right (core)", ""),
    ("invoice", "fields_by_value", "invoice fields by value", ">= 95 %"),
    ("table", "cells_exact", "ruled table cells exact", ">= 98 %"),
    ("receipt", "wrong_among_accepted", "receipts: wrong among accepted unseen", "<= 0.5 %"),
    ("receipt", "wrong_among_accepted_with_digits", "receipts: the same, with digits", "<= 0.1 %"),
    ("invoice", "wrong_among_accepted", "invoices: wrong among accepted unseen", "<= 0.5 %"),
    ("invoice", "wrong_among_accepted_with_digits", "invoices: the same, with digits", "<= 0.1 %"),
    ("table", "wrong_among_accepted", "tables: wrong among accepted unseen", "<= 0.5 %"),
    ("table", "wrong_among_accepted_with_digits", "tables: the same, with digits", "<= 0.1 %"),
    ("receipt", "seen_by_people", "receipts: pieces a person must see", "<= 45 %"),
    ("invoice", "seen_by_people", "invoices: pieces a person must see", "<= 30 %"),
    ("table", "seen_by_people", "tables: pieces a person must see", "<= 35 %"),
    ("receipt", "boxes_found", "receipts: boxes found", ">= 99.5 %"),
    ("invoice", "boxes_found", "invoices: boxes found", ">= 99.5 %"),
    ("table", "boxes_found", "tables: boxes found", ">= 99.5 %"),
    ("receipt", "machine_cpu_s_mean", "machine CPU a receipt with two readers, mean, s", "<= 8"),
    ("receipt", "machine_cpu_s_worst", "the same, worst, s", "<= 8"),
    ("receipt", "believed_as_look_alikes", "receipts: believed because a look-alike was confirmed", ""),
    ("invoice", "believed_as_look_alikes", "invoices: the same", ""),
    ("table", "believed_as_look_alikes", "tables: the same", ""),
    ("receipt", "human_seconds_per_receipt_or_page", "human seconds a receipt (2 s + characters / 3 an answer)", ""),
    ("receipt", "usd_at_6_an_hour", "cost of people a receipt at 6 USD an hour", ""),
    ("receipt", "usd_at_12_an_hour", "cost of people a receipt at 12 USD an hour", ""),
)
PLAIN = ("answers", "cpu", "seconds", "usd")


def markdown(report: dict[str, dict[str, Any]], command: str) -> str:
    """The report as a page: figures beside their goals, then each kind judged by what was learnt on the others."""

    def shown(name: str, value: float | None) -> str:
        if value is None:
            return "-"
        return f"{value:g}" if any(word in name for word in PLAIN) else f"{100 * value:.2f} %"

    rows = [
        f"| {label} | {shown(name, report[kind].get(name))} | {goal} |"
        for kind, name, label, goal in GOALS
        if kind in report
    ]
    rest = [
        f"| {kind} | {one['threshold_bp'] / 100:.0f} %{'' if one['supported_by_the_others'] else ' (none supported)'} "
        f"| {shown('', one['seen_by_people'])} | {shown('', one['wrong_among_accepted'])} "
        f"| {shown('', one['wrong_among_accepted_with_digits'])} |"
        for kind, one in report.get("leave_one_out", {}).items()
    ]
    setting = report["setting"]
    return "\n".join(
        [
            "# Documents: machine and people, measured",
            "",
            f"`{command}`, scored by the shared `documents_score.py`. **The people are simulated**: "
            f"{100 * setting['error_rate']:g} % of answers wrong, "
            f"{100 * setting['repeats_machine_mistake']:g} % of these repeat the machine's own mistake; "
            f"{setting['rounds']} rounds, means. Judge: {setting['judge']}; policy: {setting['policy']}; readers: "
            f"{', '.join(setting['readers'])}. Human seconds and cost are computed, not timed.",
            "",
            "| measure | measured | goal |",
            "| --- | --- | --- |",
            *rows,
            "",
            "## Each kind by what the others teach",
            "",
            "The threshold of joint confidence is learnt on the other kinds alone: the lowest at which their accepted "
            "pieces support at most 1 % wrong (exact binomial bound, 95 %). Where they support none, 90 % is taken.",
            "",
            "| kind left out | threshold | seen by people | wrong among accepted | with digits |",
            "| --- | --- | --- | --- | --- |",
            *rest,
            "",
            "## In-job audit",
            "",
            f"{AUDIT_JOBS} jobs each, documents drawn at random with putting back; people read the truth. The audit "
            "begins with the loosest threshold (30 %) and shows people a random sample, then what the sample does not "
            "support (`documents/audit.py`, confidence 95 %). Shown: of the pieces that would be believed.",
            "",
            "| documents | wrong and unseen at most | pieces believed | shown to people | promise held | thresholds |",
            "| --- | --- | --- | --- | --- | --- |",
            *(
                f"| {one['documents']} | {shown('', one['asked_for'])} | {one['pieces_believed']} "
                f"| {shown('', one['shown_to_people'])} | {shown('', one['promise_held'])} "
                f"| {', '.join(f'{name}: {times}' for name, times in one['thresholds'].items())} |"
                for audits in report.get("audits", {}).values()
                for one in audits
            ),
            "",
        ]
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None


if __name__ == "__main__":
    sys.exit(main())
